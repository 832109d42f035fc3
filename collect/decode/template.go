package decode

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// Types of fields in manifests (TDH_IN_TYPE). Those up to 21 have the numbers of InType.
const (
	tdhManifestCountedString   = 22
	tdhManifestCountedANSI     = 23
	tdhManifestCountedBinary   = 25
	tdhCountedString           = 300
	tdhCountedANSI             = 301
	tdhReversedCountedString   = 302
	tdhReversedCountedANSI     = 303
	tdhNonNullTerminatedString = 304
	tdhNonNullTerminatedANSI   = 305
	tdhUnicodeChar             = 306
	tdhANSIChar                = 307
	tdhSizeT                   = 308
	tdhHexDump                 = 309
	tdhWBEMSID                 = 310
)

// tdhTypes are the types of manifests by the InType whose values they have.
var tdhTypes = func() map[uint16]InType {
	m := map[uint16]InType{
		tdhManifestCountedString: InCountedUTF16, tdhManifestCountedANSI: InCountedANSI, tdhManifestCountedBinary: InCountedBinary,
		tdhCountedString: InCountedUTF16, tdhCountedANSI: InCountedANSI,
		tdhReversedCountedString: InCountedUTF16, tdhReversedCountedANSI: InCountedANSI,
		tdhNonNullTerminatedString: InUTF16, tdhNonNullTerminatedANSI: InANSI,
		tdhUnicodeChar: InUint16, tdhANSIChar: InUint8, tdhSizeT: InPointer, tdhHexDump: InBinary, tdhWBEMSID: InSID,
	}
	for t := InNull; t <= InHexInt64; t++ {
		m[uint16(t)] = t
	}
	return m
}()

// tdhOut gives a TDH_OUT_TYPE the OutType that shows it the same way.
var tdhOut = map[uint16]OutType{
	1: OutString, 13: OutBoolean, 16: OutHex, 17: OutHex, 18: OutHex, 19: OutHex, 20: OutPID, 21: OutTID, 22: OutPort,
	23: OutIPv4, 24: OutIPv6, 25: OutSockAddr, 27: OutFileTime, 28: OutXML, 29: OutWin32Error, 30: OutWin32Error,
	31: OutNTStatus, 32: OutHResult, 34: OutJSON, 35: OutUTF8, 36: OutPKCS7, 37: OutCodePointer, 38: OutDateTimeUTC,
}

// template is how to read the payload of an event with a given id and version.
type template struct {
	name   string // of the event, for people
	text   string // message of the event with %1, %2, … for its fields
	props  []property
	top    int    // of props, those that are not members of structs
	broken Reason // why no payload can be read with it
}

// property is a field of a template. Members of structs are after the top ones.
type property struct {
	field Field
	tdh   uint16
	// length is in characters of 1 or 2 bytes, or in bytes of binary data; 0 if the type
	// says where a value ends. lengthRef and countRef say that length and count are the
	// index of the property that holds them.
	length    uint16
	lengthRef bool
	count     uint16
	countRef  bool
	array     bool

	structure      bool
	start, members int
}

// setType fills in the type of a property.
func (p *property) setType(tdh, out uint16) bool {
	in, ok := tdhTypes[tdh]
	p.tdh, p.field.In = tdh, in
	p.field.Out = tdhOut[out]
	switch tdh {
	case tdhUnicodeChar, tdhANSIChar:
		p.field.Out = OutString
	case uint16(InUTF16), uint16(InANSI), tdhManifestCountedString, tdhManifestCountedANSI, tdhCountedString, tdhCountedANSI:
		if p.field.Out == OutString {
			p.field.Out = OutDefault
		}
	case uint16(InUint8), uint16(InInt8), uint16(InUint16), uint16(InInt16):
	default:
		if p.field.Out == OutString {
			p.field.Out = OutDefault
		}
	}
	return ok
}

// finish checks the structs of a template and says what cannot be read.
func (t *template) finish() {
	depth := make([]int, len(t.props))
	for i := range t.props {
		p := &t.props[i]
		if p.lengthRef && int(p.length) >= len(t.props) || p.countRef && int(p.count) >= len(t.props) {
			t.broken = ReasonTemplate
			return
		}
		if p.array {
			p.field.Array = VariableArray
		}
		p.field.Depth = depth[i]
		if !p.structure {
			continue
		}
		// Members come after their struct, which rules out circles.
		if p.start <= i || p.start < t.top || p.members < 0 || p.members > len(t.props)-p.start || depth[i]+1 > MaxDepth {
			t.broken = ReasonTemplate
			return
		}
		p.field.In, p.field.Members = InStruct, p.members
		for k := range p.members {
			depth[p.start+k] = max(depth[p.start+k], depth[i]+1)
		}
	}
}

// templateReader walks through a payload.
type templateReader struct {
	t       *template
	b       []byte
	pos     int
	pointer int
	budget  int
	ev      *Event
	fail    Failure
}

// read decodes a payload into ev.Values. The failure is also that of ev.
func (t *template) read(b []byte, pointer uint8, ev *Event) Failure {
	ev.arena, ev.Values, ev.Left, ev.Failure = ev.arena[:0], nil, 0, Failure{}
	if t.broken != ReasonNone {
		ev.Failure = Failure{Reason: t.broken}
		return ev.Failure
	}
	if cap(ev.nums) < len(t.props) {
		ev.nums = make([]uint64, len(t.props))
	}
	ev.nums = ev.nums[:len(t.props)]
	clear(ev.nums)
	if b == nil {
		b = []byte{} // so that nothing read is not mistaken for nothing there
	}
	r := templateReader{t: t, b: b, pointer: int(pointer), budget: MaxValues, ev: ev}
	values := r.alloc(t.top)
	n := 0
	for ; n < t.top; n++ {
		if !r.property(n, &values[n]) {
			if values[n].Kind != KindNull {
				n++
			}
			break
		}
	}
	ev.Values, ev.Failure = values[:n], r.fail
	if r.fail.Reason == ReasonNone && r.pos < len(b) {
		ev.Left = len(b) - r.pos
		ev.Failure = Failure{Reason: ReasonPayloadLeft, Offset: r.pos}
	}
	return ev.Failure
}

func (r *templateReader) alloc(n int) []Value {
	r.budget -= n
	return r.ev.alloc(n)
}

func (r *templateReader) stop(why Reason, p *property) bool {
	r.fail = Failure{Reason: why, Offset: r.pos, Field: p.field.Name}
	return false
}

func (r *templateReader) take(n int, p *property) []byte {
	if n < 0 || n > len(r.b)-r.pos {
		r.stop(ReasonPayloadCut, p)
		return nil
	}
	r.pos += n
	return r.b[r.pos-n : r.pos : r.pos]
}

func (r *templateReader) property(i int, v *Value) bool {
	p := &r.t.props[i]
	if !p.array {
		return r.element(i, v)
	}
	n := int(p.count)
	if p.countRef {
		if r.ev.nums[p.count] > uint64(r.budget) {
			return r.stop(ReasonValues, p)
		}
		n = int(r.ev.nums[p.count])
	}
	if n > r.budget {
		return r.stop(ReasonValues, p)
	}
	// An element takes a byte at least, unless it is a struct without members or null.
	if n > len(r.b)-r.pos && !p.structure && p.field.In != InNull && p.length == 0 {
		return r.stop(ReasonPayloadCut, p)
	}
	items := r.alloc(n)
	*v = Value{Field: &p.field, Kind: KindArray, Items: items}
	for k := range n {
		if !r.element(i, &items[k]) {
			if items[k].Kind != KindNull {
				k++
			}
			v.Items = items[:k]
			return false
		}
	}
	return true
}

// element decodes a property as if it were no array.
func (r *templateReader) element(i int, v *Value) bool {
	p := &r.t.props[i]
	v.Field = &p.field
	if p.structure {
		if p.members > r.budget {
			return r.stop(ReasonValues, p)
		}
		items := r.alloc(p.members)
		v.Kind, v.Items = KindStruct, items
		for k := range p.members {
			if !r.property(p.start+k, &items[k]) {
				if items[k].Kind != KindNull {
					k++
				}
				v.Items = items[:k]
				return false
			}
		}
		return true
	}
	size := int(inTypeSize[p.field.In])
	if p.field.In == InPointer {
		size = r.pointer
	}
	if size > 0 {
		b := r.take(size, p)
		if b == nil {
			return false
		}
		v.set(p.field.In, b)
		r.ev.nums[i] = v.Num
		return true
	}
	length, limited := int(p.length), p.length > 0 || p.lengthRef
	if p.lengthRef {
		n := r.ev.nums[p.length]
		if n > uint64(len(r.b)) {
			return r.stop(ReasonPayloadCut, p)
		}
		length = int(n)
	}
	var b []byte
	switch p.tdh {
	case uint16(InNull):
		return true
	case uint16(InUTF16):
		v.Kind = KindUTF16
		if limited {
			if b = r.take(2*length, p); b == nil {
				return r.nothing(v)
			}
			if n := nul16(b); n >= 0 {
				b = b[:n]
			}
			break
		}
		if n := nul16(r.b[r.pos:]); n >= 0 {
			b = r.take(n, p)
			r.pos += 2
		} else if !r.last(i) || (len(r.b)-r.pos)%2 != 0 {
			r.nothing(v)
			return r.stop(ReasonPayloadCut, p)
		} else { // the NUL of a last string may be missing
			b = r.take(len(r.b)-r.pos, p)
		}
	case uint16(InANSI):
		v.Kind = KindText
		if limited {
			if b = r.take(length, p); b == nil {
				return r.nothing(v)
			}
			if n := bytes.IndexByte(b, 0); n >= 0 {
				b = b[:n]
			}
			break
		}
		if n := bytes.IndexByte(r.b[r.pos:], 0); n >= 0 {
			b = r.take(n, p)
			r.pos++
		} else if !r.last(i) {
			r.nothing(v)
			return r.stop(ReasonPayloadCut, p)
		} else {
			b = r.take(len(r.b)-r.pos, p)
		}
	case tdhNonNullTerminatedString:
		v.Kind = KindUTF16
		b = r.take((len(r.b)-r.pos)&^1, p)
	case tdhNonNullTerminatedANSI:
		v.Kind = KindText
		b = r.take(len(r.b)-r.pos, p)
	case tdhManifestCountedString, tdhCountedString, tdhReversedCountedString:
		v.Kind = KindUTF16
		b = r.counted(p, p.tdh == tdhReversedCountedString)
	case tdhManifestCountedANSI, tdhCountedANSI, tdhReversedCountedANSI:
		v.Kind = KindText
		b = r.counted(p, p.tdh == tdhReversedCountedANSI)
	case tdhManifestCountedBinary:
		v.Kind = KindBinary
		b = r.counted(p, false)
	case tdhHexDump:
		v.Kind = KindBinary
		head := r.take(4, p)
		if head == nil {
			return r.nothing(v)
		}
		if n := binary.LittleEndian.Uint32(head); n > uint32(len(r.b)) {
			r.nothing(v)
			return r.stop(ReasonPayloadCut, p)
		} else {
			b = r.take(int(n), p)
		}
	case uint16(InBinary):
		v.Kind = KindBinary
		switch {
		case limited:
		case p.field.Out == OutIPv6:
			length = 16
		default:
			r.nothing(v)
			return r.stop(ReasonNoLength, p)
		}
		b = r.take(length, p)
	case uint16(InSID), tdhWBEMSID:
		v.Kind = KindSID
		if p.tdh == tdhWBEMSID && r.take(2*r.pointer, p) == nil {
			return r.nothing(v)
		}
		if len(r.b)-r.pos < 8 {
			r.nothing(v)
			return r.stop(ReasonPayloadCut, p)
		}
		b = r.take(8+4*int(r.b[r.pos+1]), p)
	default:
		return r.stop(ReasonTemplate, p)
	}
	if b == nil {
		return r.nothing(v)
	}
	v.Bytes = b
	return true
}

// nothing says that v has no value, because of r.fail.
func (r *templateReader) nothing(v *Value) bool {
	v.Kind = KindNull
	return false
}

// last says whether nothing follows property i.
func (r *templateReader) last(i int) bool { return i == r.t.top-1 && !r.t.props[i].array }

// counted reads a u16 length in bytes and as many bytes.
func (r *templateReader) counted(p *property, bigEndian bool) []byte {
	start := r.pos
	head := r.take(2, p)
	if head == nil {
		return nil
	}
	n := int(binary.LittleEndian.Uint16(head))
	if bigEndian {
		n = int(binary.BigEndian.Uint16(head))
	}
	b := r.take(n, p)
	if b == nil {
		r.pos, r.fail.Offset = start, start
	}
	return b
}

// appendMessage writes the message of an event with its fields in it: %1 is the first
// one, %1!s! too, %n a line break, %t a tab, %% and %! the characters.
func appendMessage(b []byte, text string, values []Value) []byte {
	for i := 0; i < len(text); i++ {
		if text[i] != '%' || i+1 == len(text) {
			b = append(b, text[i])
			continue
		}
		i++
		switch c := text[i]; {
		case c == 'n' || c == 'r':
			b = append(b, '\n')
		case c == 't':
			b = append(b, '\t')
		case c == 'b':
			b = append(b, ' ')
		case c == '0':
			return b
		case c >= '1' && c <= '9':
			n := int(c - '0')
			if i+1 < len(text) && text[i+1] >= '0' && text[i+1] <= '9' {
				i++
				n = 10*n + int(text[i]-'0')
			}
			if i+1 < len(text) && text[i+1] == '!' {
				if end := strings.IndexByte(text[i+2:], '!'); end >= 0 {
					i += 2 + end
				}
			}
			if n <= len(values) {
				b = values[n-1].AppendText(b)
			} else {
				b = fmt.Appendf(b, "%%%d", n)
			}
		default:
			b = append(b, c)
		}
	}
	return b
}
