package format

import (
	"encoding/binary"
	"fmt"
)

// flatbuffer reads a flatbuffer that nobody vouches for. The first access outside the
// buffer sets err; from then on every value is the default and every vector empty, so
// code reads on and looks at err once.
type flatbuffer struct {
	b   []byte
	err error
}

// table is a table of a flatbuffer; the zero value has no fields.
type table struct {
	pos, size       int // of the inline data
	vtable, entries int
	ok              bool
}

func (f *flatbuffer) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf("message metadata: "+format, args...)
	}
}

func (f *flatbuffer) u16(pos int) int { return int(binary.LittleEndian.Uint16(f.b[pos:])) }

// offset is the position that the offset at pos points to.
func (f *flatbuffer) offset(pos int) int {
	if pos < 0 || pos > len(f.b)-4 {
		f.fail("offset at %d outside of %d bytes", pos, len(f.b))
		return 0
	}
	to := int64(pos) + int64(binary.LittleEndian.Uint32(f.b[pos:]))
	if to > int64(len(f.b)-4) {
		f.fail("offset at %d points to %d of %d bytes", pos, to, len(f.b))
		return 0
	}
	return int(to)
}

func (f *flatbuffer) root() table { return f.tableAt(f.offset(0)) }

func (f *flatbuffer) tableAt(pos int) table {
	if f.err != nil {
		return table{}
	}
	if pos < 0 || pos > len(f.b)-4 {
		f.fail("table at %d outside of %d bytes", pos, len(f.b))
		return table{}
	}
	vtable := int64(pos) - int64(int32(binary.LittleEndian.Uint32(f.b[pos:])))
	if vtable < 0 || vtable > int64(len(f.b)-4) {
		f.fail("vtable at %d outside of %d bytes", vtable, len(f.b))
		return table{}
	}
	t := table{pos: pos, vtable: int(vtable), ok: true}
	vsize := f.u16(t.vtable)
	t.size = f.u16(t.vtable + 2)
	if vsize < 4 || vsize%2 != 0 || vsize > len(f.b)-t.vtable || t.size < 4 || t.size > len(f.b)-pos {
		f.fail("table at %d does not fit into %d bytes", pos, len(f.b))
		return table{}
	}
	t.entries = (vsize - 4) / 2
	return t
}

// field is the position of a field of size bytes, 0 if the table does not have it.
func (f *flatbuffer) field(t table, slot, size int) int {
	if f.err != nil || slot >= t.entries {
		return 0
	}
	o := f.u16(t.vtable + 4 + 2*slot)
	if o == 0 {
		return 0
	}
	if o < 4 || o > t.size-size {
		f.fail("field %d of the table at %d outside of it", slot, t.pos)
		return 0
	}
	return t.pos + o
}

func (f *flatbuffer) int8(t table, slot int) int8 {
	if p := f.field(t, slot, 1); p != 0 {
		return int8(f.b[p])
	}
	return 0
}

func (f *flatbuffer) int16(t table, slot int) int16 {
	if p := f.field(t, slot, 2); p != 0 {
		return int16(f.u16(p))
	}
	return 0
}

func (f *flatbuffer) int32(t table, slot int, def int32) int32 {
	if p := f.field(t, slot, 4); p != 0 {
		return int32(binary.LittleEndian.Uint32(f.b[p:]))
	}
	return def
}

func (f *flatbuffer) int64(t table, slot int) int64 {
	if p := f.field(t, slot, 8); p != 0 {
		return int64(binary.LittleEndian.Uint64(f.b[p:]))
	}
	return 0
}

// sub is the table that a field points to.
func (f *flatbuffer) sub(t table, slot int) table {
	if p := f.field(t, slot, 4); p != 0 {
		return f.tableAt(f.offset(p))
	}
	return table{}
}

// vector is the position and the number of the elements of size bytes that a field
// points to.
func (f *flatbuffer) vector(t table, slot, size int) (pos, n int) {
	p := f.field(t, slot, 4)
	if p == 0 {
		return 0, 0
	}
	p = f.offset(p)
	if f.err != nil {
		return 0, 0
	}
	count := int64(binary.LittleEndian.Uint32(f.b[p:]))
	if count*int64(size) > int64(len(f.b)-p-4) {
		f.fail("vector at %d with %d elements does not fit into %d bytes", p, count, len(f.b))
		return 0, 0
	}
	return p + 4, int(count)
}

// bytes is the string or vector of bytes that a field points to.
func (f *flatbuffer) bytes(t table, slot int) []byte {
	p, n := f.vector(t, slot, 1)
	return f.b[p : p+n : p+n]
}

// element is the table that element i of a vector of offsets points to.
func (f *flatbuffer) element(vector, i int) table {
	if f.err != nil {
		return table{}
	}
	return f.tableAt(f.offset(vector + 4*i))
}
