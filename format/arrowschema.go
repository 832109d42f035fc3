package format

import (
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

// Members of the Type union of Schema.fbs.
const (
	typeNull = iota + 1
	typeInt
	typeFloat
	typeBinary
	typeUTF8
	typeBool
	typeDecimal
	typeDate
	typeTime
	typeTimestamp
	typeInterval
	typeList
	typeStruct
	typeUnion
	typeFixedBinary
	typeFixedList
	typeMap
	typeDuration
	typeLargeBinary
	typeLargeUTF8
	typeLargeList
	typeRunEnds
	typeBinaryView
	typeUTF8View
	typeListView
	typeLargeListView
)

// arrowField is a column or a part of one as the schema message describes it: what is
// needed to know where its buffers lie and how long they must be.
type arrowField struct {
	name     string
	nullable bool
	typ      int
	width    int // bytes of a value of a fixed-width type
	signed   bool
	unit     int // of a timestamp: 0 s, 1 ms, 2 µs, 3 ns
	listSize int
	dense    bool   // union
	typeIDs  []int8 // union
	dict     *dictionaryField
	kids     []arrowField
}

type dictionaryField struct {
	id     int64
	width  int
	signed bool
}

// schemaReader reads a Schema table.
type schemaReader struct {
	*flatbuffer
	version int16
	fields  int
	text    int // bytes of names and field metadata
	dicts   int
}

// readSchema checks a Schema table: afterwards it is safe to hand to the Arrow library.
func readSchema(f *flatbuffer, t table, version int16) ([]arrowField, Metadata, error) {
	r := &schemaReader{flatbuffer: f, version: version}
	if endian := r.int16(t, 0); endian != 0 {
		return nil, nil, fmt.Errorf("%w: big-endian values", ErrSchema)
	}
	v, n := r.vector(t, 1, 4)
	if n > maxFields {
		return nil, nil, fmt.Errorf("%w: %d columns", ErrSchema, n)
	}
	fields := make([]arrowField, n)
	for i := range fields {
		if err := r.field(&fields[i], r.element(v, i), 0); err != nil {
			return nil, nil, err
		}
	}
	md := pairs(f, t, 2)
	if f.err != nil {
		return nil, nil, f.err
	}
	return fields, md, nil
}

func (r *schemaReader) field(d *arrowField, t table, depth int) error {
	if r.fields++; r.fields > maxFields || depth > maxDepth {
		return fmt.Errorf("%w: more than %d columns or %d levels", ErrSchema, maxFields, maxDepth)
	}
	name := r.bytes(t, 0)
	d.name = string(name)
	d.nullable = r.int8(t, 1) != 0
	d.typ = int(uint8(r.int8(t, 2)))
	typ := r.sub(t, 3)
	for k, v := range pairs(r.flatbuffer, t, 6) {
		r.text += len(k) + len(v)
	}
	if r.text += len(name); r.text > maxMetadata {
		r.fail("names of more than %d bytes", maxMetadata)
	}
	v, n := r.vector(t, 5, 4)
	if r.err == nil && !typ.ok {
		r.fail("column %q has no type", d.name)
	}
	if r.err != nil {
		return r.err
	}
	if !utf8.Valid(name) {
		return fmt.Errorf("%w: the name of a column is not valid UTF-8", ErrSchema)
	}
	if n > maxFields {
		return fmt.Errorf("%w: column %q has %d parts", ErrSchema, d.name, n)
	}
	if enc := r.sub(t, 4); enc.ok {
		if r.dicts++; r.dicts > maxDictionary {
			return fmt.Errorf("%w: more than %d dictionaries", ErrSchema, maxDictionary)
		}
		d.dict = &dictionaryField{id: r.int64(enc, 0), width: 4, signed: true}
		if index := r.sub(enc, 1); index.ok {
			d.dict.width, d.dict.signed = int(r.int32(index, 0, 0))/8, r.int8(index, 1) != 0
			if bits := r.int32(index, 0, 0); bits != 8 && bits != 16 && bits != 32 && bits != 64 {
				return fmt.Errorf("%w: dictionary index of column %q has %d bits", ErrSchema, d.name, bits)
			}
		} else {
			return fmt.Errorf("%w: dictionary of column %q has no index type", ErrSchema, d.name)
		}
	}
	d.kids = make([]arrowField, n)
	for i := range d.kids {
		if err := r.field(&d.kids[i], r.element(v, i), depth+1); err != nil {
			return err
		}
	}
	if d.dict != nil && hasDictionary(d.kids) {
		return fmt.Errorf("%w: column %q has a dictionary within a dictionary", ErrSchema, d.name)
	}
	if problem := r.details(d, typ); problem != "" {
		return fmt.Errorf("%w: column %q: %s", ErrSchema, d.name, problem)
	}
	return r.err
}

func hasDictionary(fields []arrowField) bool {
	for i := range fields {
		if fields[i].dict != nil || hasDictionary(fields[i].kids) {
			return true
		}
	}
	return false
}

// details reads the table of a type and says what is wrong with it.
func (r *schemaReader) details(d *arrowField, t table) string {
	kids := 0
	switch d.typ {
	case typeNull, typeBinary, typeUTF8, typeLargeBinary, typeLargeUTF8, typeBinaryView, typeUTF8View, typeBool:
	case typeInt:
		bits := r.int32(t, 0, 0)
		if bits != 8 && bits != 16 && bits != 32 && bits != 64 {
			return fmt.Sprintf("integers of %d bits", bits)
		}
		d.width, d.signed = int(bits/8), r.int8(t, 1) != 0
	case typeFloat:
		precision := r.int16(t, 0)
		if precision < 0 || precision > 2 {
			return fmt.Sprintf("floating point precision %d", precision)
		}
		d.width = 2 << precision
	case typeDecimal:
		bits := r.int32(t, 2, 128)
		if bits != 128 && bits != 256 {
			return fmt.Sprintf("decimals of %d bits", bits)
		}
		d.width = int(bits / 8)
	case typeDate:
		unit := r.unit(t, 0, 1)
		if unit < 0 || unit > 1 {
			return fmt.Sprintf("date unit %d", unit)
		}
		d.width = 4 << unit
	case typeTime:
		unit, bits := r.unit(t, 0, 1), r.int32(t, 1, 32)
		if unit < 0 || unit > 3 || (bits != 32 && bits != 64) || (bits == 64) != (unit >= 2) {
			return fmt.Sprintf("time of %d bits with unit %d", bits, unit)
		}
		d.width = int(bits / 8)
	case typeTimestamp:
		d.unit = r.unit(t, 0, 0)
		if d.unit < 0 || d.unit > 3 {
			return fmt.Sprintf("timestamp unit %d", d.unit)
		}
		if r.bytes(t, 1); r.err != nil {
			return "time zone"
		}
		d.width = 8
	case typeDuration:
		if unit := r.unit(t, 0, 1); unit < 0 || unit > 3 {
			return fmt.Sprintf("duration unit %d", unit)
		}
		d.width = 8
	case typeInterval:
		unit := r.unit(t, 0, 0)
		if unit < 0 || unit > 2 {
			return fmt.Sprintf("interval unit %d", unit)
		}
		d.width = 4 << unit
	case typeFixedBinary:
		width := r.int32(t, 0, 0)
		if width < 0 || width > maxMetadata {
			return fmt.Sprintf("values of %d bytes", width)
		}
		d.width = int(width)
	case typeFixedList:
		size := r.int32(t, 0, 0)
		if size < 0 {
			return fmt.Sprintf("lists of %d values", size)
		}
		d.listSize, kids = int(size), 1
	case typeList, typeLargeList, typeListView, typeLargeListView:
		kids = 1
	case typeMap:
		kids = 1
		if len(d.kids) == 1 && (d.kids[0].typ != typeStruct || d.kids[0].dict != nil || len(d.kids[0].kids) != 2) {
			return "map without pairs"
		}
	case typeStruct:
		kids = len(d.kids)
	case typeRunEnds:
		kids = 2
		if len(d.kids) == 2 && (d.kids[0].typ != typeInt || d.kids[0].width == 1 || !d.kids[0].signed || d.kids[0].dict != nil) {
			return "type of the run ends"
		}
	case typeUnion:
		kids = len(d.kids)
		d.dense = r.int16(t, 0) != 0
		if mode := r.int16(t, 0); mode < 0 || mode > 1 {
			return fmt.Sprintf("union mode %d", mode)
		}
		if r.version < metadataV5 {
			return "union of metadata version V4"
		}
		v, n := r.vector(t, 1, 4)
		if n == 0 {
			for i := range min(len(d.kids), 128) {
				d.typeIDs = append(d.typeIDs, int8(i))
			}
		}
		seen := [128]bool{}
		for i := range n {
			id := int32(r.u16(v+4*i)) | int32(r.u16(v+4*i+2))<<16
			if id < 0 || id > 127 || seen[id] {
				return fmt.Sprintf("union type id %d", id)
			}
			seen[id] = true
			d.typeIDs = append(d.typeIDs, int8(id))
		}
		if len(d.typeIDs) != len(d.kids) {
			return fmt.Sprintf("%d union type ids for %d types", len(d.typeIDs), len(d.kids))
		}
	default:
		return fmt.Sprintf("unknown type %d", d.typ)
	}
	if len(d.kids) != kids {
		return fmt.Sprintf("%d parts, want %d", len(d.kids), kids)
	}
	return ""
}

// unit is an enumeration of 16 bits with a default.
func (r *schemaReader) unit(t table, slot, def int) int {
	if r.flatbuffer.field(t, slot, 2) == 0 {
		return def
	}
	return int(r.int16(t, slot))
}

// decodeSchema lets the Arrow library decode a schema message that readSchema accepted.
func decodeSchema(meta []byte) (*arrow.Schema, error) {
	one := &oneMessage{ipc.NewMessage(memory.NewBufferBytes(meta), memory.NewBufferBytes(nil))}
	r, err := ipc.NewReaderFromMessageReader(one)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	return r.Schema(), nil
}

// oneMessage is an ipc.MessageReader with a single message.
type oneMessage struct{ m *ipc.Message }

func (o *oneMessage) Retain()  {}
func (o *oneMessage) Release() {}
func (o *oneMessage) Message() (*ipc.Message, error) {
	if o.m == nil {
		return nil, io.EOF
	}
	m := o.m
	o.m = nil
	return m, nil
}
