package decode

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// Limits of a TraceLogging event. The schema is at most 64 KiB, and so is the payload.
const (
	MaxDepth  = 16      // structs within structs
	MaxFields = 1 << 12 // fields in a schema, members of structs included
	MaxValues = 1 << 17 // values in an event: elements, members and what holds them
)

const channelTraceLogging = 11

// InType is how a field is encoded.
type InType uint8

const (
	InNull          InType = 0
	InUTF16         InType = 1 // NUL-terminated
	InANSI          InType = 2 // NUL-terminated, UTF-8 or ANSI
	InInt8          InType = 3
	InUint8         InType = 4
	InInt16         InType = 5
	InUint16        InType = 6
	InInt32         InType = 7
	InUint32        InType = 8
	InInt64         InType = 9
	InUint64        InType = 10
	InFloat         InType = 11
	InDouble        InType = 12
	InBool32        InType = 13
	InBinary        InType = 14 // u16 length
	InGUID          InType = 15
	InPointer       InType = 16 // 4 or 8 bytes
	InFileTime      InType = 17
	InSystemTime    InType = 18
	InSID           InType = 19
	InHexInt32      InType = 20
	InHexInt64      InType = 21
	InCountedUTF16  InType = 22 // u16 length in bytes
	InCountedANSI   InType = 23 // u16 length, UTF-8 or ANSI
	InStruct        InType = 24 // no bytes of its own
	InCountedBinary InType = 25 // u16 length
	numInTypes      InType = 26
)

var inTypeNames = [numInTypes]string{
	"null", "utf16", "ansi", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float",
	"double", "bool32", "binary", "guid", "pointer", "filetime", "systemtime", "sid", "hexint32", "hexint64",
	"counted utf16", "counted ansi", "struct", "counted binary",
}

func (t InType) String() string {
	if t < numInTypes {
		return inTypeNames[t]
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// inTypeSize is the size of types whose size is fixed; 0 for the others.
var inTypeSize = [32]uint8{
	InInt8: 1, InUint8: 1, InInt16: 2, InUint16: 2, InInt32: 4, InUint32: 4, InInt64: 8, InUint64: 8,
	InFloat: 4, InDouble: 8, InBool32: 4, InGUID: 16, InFileTime: 8, InSystemTime: 16, InHexInt32: 4,
	InHexInt64: 8,
}

// OutType is how a field is to be shown. 0 leaves it to the InType.
type OutType uint8

const (
	OutDefault     OutType = 0
	OutNoPrint     OutType = 1
	OutString      OutType = 2 // characters
	OutBoolean     OutType = 3
	OutHex         OutType = 4
	OutPID         OutType = 5
	OutTID         OutType = 6
	OutPort        OutType = 7 // big-endian
	OutIPv4        OutType = 8
	OutIPv6        OutType = 9
	OutSockAddr    OutType = 10
	OutXML         OutType = 11
	OutJSON        OutType = 12
	OutWin32Error  OutType = 13
	OutNTStatus    OutType = 14
	OutHResult     OutType = 15
	OutFileTime    OutType = 16
	OutSigned      OutType = 17
	OutUnsigned    OutType = 18
	OutUTF8        OutType = 35
	OutPKCS7       OutType = 36
	OutCodePointer OutType = 37
	OutDateTimeUTC OutType = 38
)

// Array says whether a field is an array.
type Array uint8

const (
	NoArray       Array = 0
	FixedArray    Array = 0x20 // CCOUNT: the count is in the schema
	VariableArray Array = 0x40 // VCOUNT: u16 count in the payload
	CustomArray   Array = 0x60 // u16 length and bytes of an own encoding
)

// Field is a field of a schema.
type Field struct {
	Name    string // as in the metadata, with a ";key=value" suffix if it has one
	In      InType
	Out     OutType // not of structs
	Tags    uint32  // 28 bits
	Array   Array
	Count   uint16 // of a FixedArray
	Custom  []byte // of a CustomArray: its schema
	Members int    // of a struct: fields that are its members, a nested struct counting as one
	Depth   int    // structs around it
	Map     *Map   // names of its values, if it has any: not of TraceLogging events

	span int // entries of Schema.Fields that it takes with its members
}

// Schema is the description that a TraceLogging event carries (EVENT_SCHEMA_TL).
type Schema struct {
	Name   string
	Tags   uint32  // 28 bits
	Fields []Field // in order; the members of a struct follow it

	// Failure says where the metadata could not be read further; Fields are the complete
	// ones before.
	Failure Failure

	top  int // fields that are not members
	meta []byte
	af   *afPlan // not nil for an AfEvent
}

// ParseSchema reads the data of an extended item etl.ExtSchemaTL. It returns what could be
// read; see Schema.Failure.
func ParseSchema(meta []byte) *Schema {
	s := &Schema{meta: bytes.Clone(meta)}
	p := schemaParser{b: s.meta}
	s.Failure = p.parse(s)
	for i := 0; i < len(s.Fields); i += s.Fields[i].span {
		s.top++
	}
	return s
}

type schemaParser struct {
	b   []byte
	pos int
}

func (p *schemaParser) parse(s *Schema) Failure {
	cut := Failure{Reason: ReasonSchemaCut}
	if len(p.b) < 2 {
		return cut
	}
	size := int(binary.LittleEndian.Uint16(p.b))
	short := size > len(p.b) // what there is of it is read
	if size < 2 {
		return cut
	}
	if !short {
		p.b = p.b[:size]
	}
	p.pos = 2
	var ok bool
	if s.Tags, ok = p.tags(); !ok {
		cut.Offset = p.pos
		return cut
	}
	if s.Name, ok = p.name(); !ok {
		cut.Offset = p.pos
		return cut
	}
	// open are the structs whose members are not complete.
	var open []struct{ field, left int }
	// settle ends structs that are complete.
	settle := func() {
		for n := len(open); n > 0 && open[n-1].left == 0; n-- {
			s.Fields[open[n-1].field].span = len(s.Fields) - open[n-1].field
			open = open[:n-1]
		}
	}
	// fail drops a struct of which not all members are known: its size is not either.
	fail := func(f Failure) Failure {
		if len(open) > 0 {
			s.Fields = s.Fields[:open[0].field]
		}
		return f
	}
	for p.pos < len(p.b) {
		at := p.pos
		f := Field{span: 1, Depth: len(open)}
		if len(s.Fields) == MaxFields {
			return fail(Failure{Reason: ReasonSchemaFields, Offset: at})
		}
		if !p.field(&f) {
			return fail(Failure{Reason: ReasonSchemaCut, Offset: p.pos, Field: f.Name})
		}
		if f.In >= numInTypes {
			return fail(Failure{Reason: ReasonSchemaType, Offset: at, Field: f.Name})
		}
		s.Fields = append(s.Fields, f)
		if n := len(open); n > 0 {
			open[n-1].left--
		}
		if f.In == InStruct && f.Array != CustomArray && f.Members > 0 {
			if len(open) == MaxDepth {
				return fail(Failure{Reason: ReasonSchemaDepth, Offset: at, Field: f.Name})
			}
			open = append(open, struct{ field, left int }{len(s.Fields) - 1, f.Members})
			continue
		}
		settle()
	}
	if short || len(open) > 0 {
		return fail(Failure{Reason: ReasonSchemaCut, Offset: p.pos})
	}
	return Failure{}
}

// field reads a field. On false, f holds what there was of it.
func (p *schemaParser) field(f *Field) bool {
	var ok bool
	if f.Name, ok = p.name(); !ok {
		return false
	}
	in, ok := p.byte()
	if !ok {
		return false
	}
	f.In, f.Array = InType(in&0x1F), Array(in&0x60)
	if in&0x80 != 0 {
		out, ok := p.byte()
		if !ok {
			return false
		}
		if f.In == InStruct {
			f.Members = int(out & 0x7F)
		} else {
			f.Out = OutType(out & 0x7F)
		}
		if out&0x80 != 0 {
			if f.Tags, ok = p.tags(); !ok {
				return false
			}
		}
	}
	switch f.Array {
	case FixedArray:
		f.Count, ok = p.u16()
		return ok
	case CustomArray:
		n, ok := p.u16()
		if !ok || int(n) > len(p.b)-p.pos {
			return false
		}
		f.Custom = p.b[p.pos : p.pos+int(n)]
		p.pos += int(n)
	}
	return true
}

// tags reads 7 bits a byte, the highest first, of 28: a byte without its top bit is the
// last. More than four are read over.
func (p *schemaParser) tags() (uint32, bool) {
	var tags uint32
	shift := 21
	for {
		b, ok := p.byte()
		if !ok {
			return 0, false
		}
		if shift >= 0 {
			tags |= uint32(b&0x7F) << shift
			shift -= 7
		}
		if b&0x80 == 0 {
			return tags, true
		}
	}
}

func (p *schemaParser) name() (string, bool) {
	n := bytes.IndexByte(p.b[p.pos:], 0)
	if n < 0 {
		return "", false
	}
	s := string(p.b[p.pos : p.pos+n])
	p.pos += n + 1
	return strings.ToValidUTF8(s, "\uFFFD"), true
}

func (p *schemaParser) byte() (byte, bool) {
	if p.pos >= len(p.b) {
		return 0, false
	}
	p.pos++
	return p.b[p.pos-1], true
}

func (p *schemaParser) u16() (uint16, bool) {
	if len(p.b)-p.pos < 2 {
		return 0, false
	}
	p.pos += 2
	return binary.LittleEndian.Uint16(p.b[p.pos-2:]), true
}
