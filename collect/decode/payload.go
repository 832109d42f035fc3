package decode

import (
	"bytes"
	"encoding/binary"
	"math"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/aftrace/aftrace/collect/etl"
)

// Kind is what a Value holds.
type Kind uint8

const (
	KindNull       Kind = iota // nothing
	KindInt                    // signed, see Value.Int
	KindUint                   // unsigned, see Value.Num
	KindBool                   // Num, any 32-bit number: 0 is false
	KindFloat32                // bits in Num, see Value.Float
	KindFloat64                // likewise
	KindPointer                // Num
	KindFileTime               // Num, 100 ns units since 1601-01-01 UTC
	KindUTF16                  // Bytes, little-endian, without NUL
	KindText                   // Bytes, UTF-8 or an ANSI code page, without NUL
	KindBinary                 // Bytes
	KindGUID                   // Bytes, 16
	KindSystemTime             // Bytes, 16
	KindSID                    // Bytes
	KindCustom                 // Bytes, in the encoding that Field.Custom describes
	KindArray                  // Items, the elements
	KindStruct                 // Items, the members
)

// Value is a value of an event. Bytes aliases the record.
type Value struct {
	Field *Field // elements of an array have the field of the array
	Kind  Kind
	Num   uint64
	Bytes []byte
	Items []Value
}

// Int is the value of a KindInt.
func (v *Value) Int() int64 { return int64(v.Num) }

// Float is the value of a KindFloat32 or KindFloat64.
func (v *Value) Float() float64 {
	if v.Kind == KindFloat32 {
		return float64(math.Float32frombits(uint32(v.Num)))
	}
	return math.Float64frombits(v.Num)
}

// Text returns the characters of a KindUTF16 or KindText. ok is false if they are not
// valid UTF-16 or UTF-8: then Bytes is all that can be relied on.
func (v *Value) Text() (s string, ok bool) {
	switch v.Kind {
	case KindText:
		return string(v.Bytes), utf8.Valid(v.Bytes)
	case KindUTF16:
		return utf16Text(v.Bytes)
	}
	return "", false
}

func utf16Text(b []byte) (s string, ok bool) {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	r := utf16.Decode(u)
	ok = len(b)%2 == 0
	for i, k := 0, 0; i < len(r); i, k = i+1, k+1 {
		switch {
		case r[i] > 0xFFFF:
			k++
		case r[i] == utf8.RuneError && u[k] != utf8.RuneError:
			ok = false
		}
	}
	return string(r), ok
}

// GUID is the value of a KindGUID.
func (v *Value) GUID() etl.GUID { return etl.GUID(v.Bytes) }

// Time is the value of a KindFileTime.
func (v *Value) Time() time.Time {
	ft := int64(v.Num)
	const unixEpoch = 116444736000000000
	return time.Unix(ft/1e7-unixEpoch/1e7, ft%1e7*100).UTC()
}

// Origin says what described an event.
type Origin uint8

const (
	OriginNone         Origin = iota // nothing: the payload is not decoded
	OriginTraceLogging               // the event itself
	OriginManifest                   // a manifest, in whatever form
	OriginClassic                    // what a merge kept of a class of classic events, or built-in knowledge
	OriginWPP                        // TMF data
	OriginMetadata                   // the record describes other events
	OriginLog                        // the header of the log
	numOrigins
)

var originNames = [numOrigins]string{"raw", "tracelogging", "manifest", "classic", "wpp", "metadata", "log"}

func (o Origin) String() string {
	if o < numOrigins {
		return originNames[o]
	}
	return "?"
}

// Event is a decoded event.
type Event struct {
	Origin   Origin
	Name     string   // "" if nobody says it
	Message  *Message // of a WPP event with TMF data
	Schema   *Schema  // of a TraceLogging event
	Provider Traits   // Name is empty if the event does not carry its traits
	Values   []Value

	// Failure is why decoding stopped, Values what was decoded before. With ReasonPayloadLeft
	// all fields were decoded, and Left bytes are after them.
	Failure Failure
	Left    int

	arena []Value
	nums  []uint64 // numbers by property, for lengths and counts
	text  string   // message of a manifest event
}

// alloc takes n values out of the arena.
func (ev *Event) alloc(n int) []Value {
	a := ev.arena
	if cap(a)-len(a) < n {
		a = make([]Value, 0, max(n, 2*cap(a), 64))
	}
	ev.arena = a[:len(a)+n]
	v := a[len(a) : len(a)+n : len(a)+n]
	clear(v)
	return v
}

// TraceLogging decodes r, if it is a TraceLogging event, into ev. It returns false if r has
// no schema. ev is valid until r's bytes change or ev is used again. Nothing is counted.
func (d *Decoder) TraceLogging(r *etl.Record, ev *Event) bool {
	meta, ok := r.Item(etl.ExtSchemaTL)
	if !ok {
		return false
	}
	ev.reset()
	ev.Origin = OriginTraceLogging
	if b, ok := r.Item(etl.ExtProviderTraits); ok {
		ev.Provider, _ = ParseTraits(b)
	}
	d.schema(meta).Decode(r.Data, r.Pointer, ev)
	ev.Name = ev.Schema.Name
	if r.Defect != "" && ev.Failure.Reason != ReasonNone {
		ev.Failure.Reason = ReasonRecord
	}
	return true
}

// Decode decodes a payload. pointer is the width of the emitter's pointers, 4 or 8. All of
// ev but Provider is overwritten.
func (s *Schema) Decode(payload []byte, pointer uint8, ev *Event) {
	ev.Schema, ev.Left = s, 0
	ev.arena = ev.arena[:0]
	p := payloadReader{s: s, b: payload, pointer: int(pointer), ev: ev, budget: MaxValues}
	ev.Values = p.alloc(s.top)
	n := 0
	for i := 0; i < len(s.Fields) && p.fail.Reason == ReasonNone; i += s.Fields[i].span {
		p.field(i, &ev.Values[n])
		n++
	}
	if p.fail.Reason != ReasonNone && ev.Values[n-1].Kind == KindNull {
		n-- // nothing of the last one
	}
	ev.Values = ev.Values[:n]
	ev.Failure = p.end()
	if ev.Failure.Reason == ReasonPayloadLeft {
		ev.Left = len(payload) - p.pos
	}
}

// check is Decode without values: it finds the same failure.
func (s *Schema) check(payload []byte, pointer uint8) Failure {
	p := payloadReader{s: s, b: payload, pointer: int(pointer), budget: MaxValues - s.top}
	for i := 0; i < len(s.Fields) && p.fail.Reason == ReasonNone; i += s.Fields[i].span {
		p.field(i, nil)
	}
	return p.end()
}

// payloadReader walks through a payload. Without ev it only finds the end of each field.
type payloadReader struct {
	s       *Schema
	b       []byte
	pos     int
	pointer int
	budget  int // values that may still come
	ev      *Event
	fail    Failure
}

func (p *payloadReader) end() Failure {
	switch {
	case p.fail.Reason != ReasonNone:
		return p.fail
	case p.s.Failure.Reason != ReasonNone:
		return p.s.Failure
	case p.pos < len(p.b):
		return Failure{Reason: ReasonPayloadLeft, Offset: p.pos}
	}
	return Failure{}
}

func (p *payloadReader) stop(why Reason, f *Field) bool {
	p.fail = Failure{Reason: why, Offset: p.pos, Field: f.Name}
	return false
}

// alloc takes n values out of the arena.
func (p *payloadReader) alloc(n int) []Value {
	p.budget -= n
	if p.ev == nil || n == 0 {
		return nil
	}
	return p.ev.alloc(n)
}

// field decodes field i with its members into v, which is nil if values are not wanted.
func (p *payloadReader) field(i int, v *Value) bool {
	f := &p.s.Fields[i]
	n := 1
	switch f.Array {
	case NoArray:
		return p.element(i, v)
	case FixedArray:
		n = int(f.Count)
	case VariableArray:
		b := p.take(2, f)
		if b == nil {
			return false
		}
		n = int(binary.LittleEndian.Uint16(b))
	case CustomArray:
		b := p.counted(f)
		if b == nil {
			return false
		}
		if v != nil {
			*v = Value{Field: f, Kind: KindCustom, Bytes: b}
		}
		return true
	}
	if n > p.budget {
		return p.stop(ReasonValues, f)
	}
	items := p.alloc(n)
	if v != nil {
		*v = Value{Field: f, Kind: KindArray, Items: items}
	}
	if v == nil {
		if size := p.size(f.In); size > 0 { // as the loop, at once
			whole := min(n, (len(p.b)-p.pos)/size)
			p.pos += whole * size
			if whole < n {
				return p.stop(ReasonPayloadCut, f)
			}
			return true
		}
	}
	for k := range n {
		var item *Value
		if v != nil {
			item = &items[k]
		}
		if !p.element(i, item) {
			if v != nil {
				if item.Kind != KindNull {
					k++
				}
				v.Items = items[:k]
			}
			return false
		}
	}
	return true
}

// size is the size of a type, 0 if it is not fixed.
func (p *payloadReader) size(t InType) int {
	if t == InPointer {
		return p.pointer
	}
	return int(inTypeSize[t])
}

// take reads n bytes. It returns nil, also for n = 0, if they are not there.
func (p *payloadReader) take(n int, f *Field) []byte {
	if n > len(p.b)-p.pos {
		p.stop(ReasonPayloadCut, f)
		return nil
	}
	p.pos += n
	return p.b[p.pos-n : p.pos : p.pos]
}

// counted reads a u16 length and as many bytes.
func (p *payloadReader) counted(f *Field) []byte {
	start := p.pos
	b := p.take(2, f)
	if b == nil {
		return nil
	}
	if b = p.take(int(binary.LittleEndian.Uint16(b)), f); b == nil {
		p.pos = start
		p.fail.Offset = start
		return nil
	}
	return b
}

// element decodes field i as if it were no array.
func (p *payloadReader) element(i int, v *Value) bool {
	f := &p.s.Fields[i]
	if v != nil {
		v.Field = f
	}
	if size := p.size(f.In); size > 0 {
		b := p.take(size, f)
		if b == nil {
			return false
		}
		if v != nil {
			v.set(f.In, b)
		}
		return true
	}
	var b []byte
	kind := KindBinary
	switch f.In {
	case InNull:
		return true
	case InStruct:
		return p.structure(i, v)
	case InUTF16:
		n := nul16(p.b[p.pos:])
		if n < 0 {
			return p.stop(ReasonPayloadCut, f)
		}
		b, kind = p.b[p.pos:p.pos+n:p.pos+n], KindUTF16
		p.pos += n + 2
	case InANSI:
		n := bytes.IndexByte(p.b[p.pos:], 0)
		if n < 0 {
			return p.stop(ReasonPayloadCut, f)
		}
		b, kind = p.b[p.pos:p.pos+n:p.pos+n], KindText
		p.pos += n + 1
	case InSID:
		if len(p.b)-p.pos < 8 {
			return p.stop(ReasonPayloadCut, f)
		}
		b, kind = p.take(8+4*int(p.b[p.pos+1]), f), KindSID
	case InCountedUTF16:
		b, kind = p.counted(f), KindUTF16
	case InCountedANSI:
		b, kind = p.counted(f), KindText
	case InBinary, InCountedBinary:
		b = p.counted(f)
	default: // a schema with other types has failed before
		return p.stop(ReasonSchemaType, f)
	}
	if b == nil {
		return false
	}
	if v != nil {
		v.Kind, v.Bytes = kind, b
	}
	return true
}

// structure decodes the members of struct i.
func (p *payloadReader) structure(i int, v *Value) bool {
	f := &p.s.Fields[i]
	if f.Members > p.budget {
		return p.stop(ReasonValues, f)
	}
	items := p.alloc(f.Members)
	if v != nil {
		v.Kind, v.Items = KindStruct, items
	}
	m := i + 1
	for k := range f.Members {
		var item *Value
		if v != nil {
			item = &items[k]
		}
		if !p.field(m, item) {
			if v != nil {
				if item.Kind != KindNull {
					k++
				}
				v.Items = items[:k]
			}
			return false
		}
		m += p.s.Fields[m].span
	}
	return true
}

// nul16 is where the first UTF-16 NUL of b begins, -1 if there is none.
func nul16(b []byte) int {
	for i := 0; i+1 < len(b); i += 2 {
		if b[i] == 0 && b[i+1] == 0 {
			return i
		}
	}
	return -1
}

// set fills a value of fixed size.
func (v *Value) set(t InType, b []byte) {
	switch len(b) {
	case 1:
		v.Num = uint64(b[0])
	case 2:
		v.Num = uint64(binary.LittleEndian.Uint16(b))
	case 4:
		v.Num = uint64(binary.LittleEndian.Uint32(b))
	case 8:
		v.Num = binary.LittleEndian.Uint64(b)
	default:
		v.Bytes = b
	}
	v.Kind = KindUint
	switch t {
	case InInt8:
		v.Kind, v.Num = KindInt, uint64(int64(int8(v.Num)))
	case InInt16:
		v.Kind, v.Num = KindInt, uint64(int64(int16(v.Num)))
	case InInt32:
		v.Kind, v.Num = KindInt, uint64(int64(int32(v.Num)))
	case InInt64:
		v.Kind = KindInt
	case InFloat:
		v.Kind = KindFloat32
	case InDouble:
		v.Kind = KindFloat64
	case InBool32:
		v.Kind = KindBool
	case InGUID:
		v.Kind = KindGUID
	case InPointer:
		v.Kind = KindPointer
	case InFileTime:
		v.Kind = KindFileTime
	case InSystemTime:
		v.Kind = KindSystemTime
	}
}
