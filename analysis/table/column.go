package table

import (
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

// column collects the values of one column of the rows that are not written yet. The
// builders of the Arrow library cost more than a replay; these cost an append.
type column interface {
	field() arrow.Field
	array() arrow.Array // valid until the next reset
	reset()
}

// validity is the bitmap of a column; it is only made if there is a null.
type validity struct {
	n, nulls int
	bits     []byte
}

func (v *validity) valid() {
	if v.nulls > 0 {
		v.grow()
		v.bits[v.n>>3] |= 1 << (v.n & 7)
	}
	v.n++
}

func (v *validity) null() {
	if v.nulls == 0 { // all before it are valid
		v.bits = v.bits[:0]
		for i := range v.n {
			if i&7 == 0 {
				v.bits = append(v.bits, 0)
			}
			v.bits[i>>3] |= 1 << (i & 7)
		}
	}
	v.grow()
	v.nulls++
	v.n++
}

func (v *validity) grow() {
	if v.n>>3 == len(v.bits) {
		v.bits = append(v.bits, 0)
	}
}

func (v *validity) buffer() *memory.Buffer {
	if v.nulls == 0 {
		return nil
	}
	return memory.NewBufferBytes(v.bits)
}

func (v *validity) reset() { v.n, v.nulls, v.bits = 0, 0, v.bits[:0] }

// numbers is a column of numbers of fixed width.
type numbers[T int32 | int64 | uint32 | uint64 | uint8] struct {
	validity
	name     string
	typ      arrow.DataType
	nullable bool
	values   []T
}

func (c *numbers[T]) add(v T) {
	c.values = append(c.values, v)
	c.valid()
}

func (c *numbers[T]) addNull() {
	c.values = append(c.values, 0)
	c.null()
}

// addOr adds v if it is known, else a null.
func (c *numbers[T]) addIf(v T, known bool) {
	if known {
		c.add(v)
	} else {
		c.addNull()
	}
}

func (c *numbers[T]) field() arrow.Field {
	return arrow.Field{Name: c.name, Type: c.typ, Nullable: c.nullable}
}

func (c *numbers[T]) array() arrow.Array {
	return make1(c.typ, c.n, c.nulls, nil, c.buffer(), raw(c.values))
}

func (c *numbers[T]) reset() {
	c.validity.reset()
	c.values = c.values[:0]
}

// raw are the bytes of values, in the order of the machine: the Arrow library writes those
// of little-endian machines, which are all that Go programs of ours run on.
func raw[T any](values []T) *memory.Buffer {
	if len(values) == 0 {
		return memory.NewBufferBytes(nil)
	}
	return memory.NewBufferBytes(unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), len(values)*int(unsafe.Sizeof(values[0]))))
}

// make1 makes an array of buffers; children are those of lists.
func make1(t arrow.DataType, n, nulls int, children []arrow.ArrayData, buffers ...*memory.Buffer) arrow.Array {
	d := array.NewData(t, n, buffers, children, nulls, 0)
	defer d.Release()
	return array.MakeFromData(d)
}

// bools is a column of booleans.
type bools struct {
	name string
	n    int
	bits []byte
}

func (c *bools) add(v bool) {
	if c.n&7 == 0 {
		c.bits = append(c.bits, 0)
	}
	if v {
		c.bits[c.n>>3] |= 1 << (c.n & 7)
	}
	c.n++
}

func (c *bools) field() arrow.Field {
	return arrow.Field{Name: c.name, Type: arrow.FixedWidthTypes.Boolean}
}

func (c *bools) array() arrow.Array {
	return make1(arrow.FixedWidthTypes.Boolean, c.n, 0, nil, nil, memory.NewBufferBytes(c.bits))
}

func (c *bools) reset() { c.n, c.bits = 0, c.bits[:0] }

// texts is a column of strings.
type texts struct {
	validity
	name     string
	nullable bool
	offsets  []int32
	data     []byte
}

func (c *texts) begin() {
	if len(c.offsets) == 0 {
		c.offsets = append(c.offsets, 0)
	}
}

func (c *texts) add(s string) {
	c.begin()
	c.data = append(c.data, s...)
	c.offsets = append(c.offsets, int32(len(c.data)))
	c.valid()
}

func (c *texts) addBytes(s []byte) {
	c.begin()
	c.data = append(c.data, s...)
	c.offsets = append(c.offsets, int32(len(c.data)))
	c.valid()
}

func (c *texts) addNull() {
	c.begin()
	c.offsets = append(c.offsets, int32(len(c.data)))
	c.null()
}

// addIf adds s, or a null if it is empty.
func (c *texts) addIf(s string) {
	if s == "" {
		c.addNull()
	} else {
		c.add(s)
	}
}

func (c *texts) field() arrow.Field {
	return arrow.Field{Name: c.name, Type: arrow.BinaryTypes.String, Nullable: c.nullable}
}

func (c *texts) array() arrow.Array {
	c.begin()
	return make1(arrow.BinaryTypes.String, c.n, c.nulls, nil, c.buffer(), raw(c.offsets), memory.NewBufferBytes(c.data))
}

func (c *texts) reset() {
	c.validity.reset()
	c.offsets, c.data = c.offsets[:0], c.data[:0]
}

// lists is a column of lists of what another column has.
type lists struct {
	name    string
	n       int
	offsets []int32
	of      column
}

// end ends the list of a row, whose values are in the other column up to its length.
func (c *lists) end(length int) {
	if len(c.offsets) == 0 {
		c.offsets = append(c.offsets, 0)
	}
	c.offsets = append(c.offsets, int32(length))
	c.n++
}

func (c *lists) typ() arrow.DataType { return arrow.ListOfNonNullable(c.of.field().Type) }

func (c *lists) field() arrow.Field { return arrow.Field{Name: c.name, Type: c.typ()} }

func (c *lists) array() arrow.Array {
	if len(c.offsets) == 0 {
		c.offsets = append(c.offsets, 0)
	}
	values := c.of.array()
	defer values.Release()
	return make1(c.typ(), c.n, 0, []arrow.ArrayData{values.Data()}, nil, raw(c.offsets))
}

func (c *lists) reset() {
	c.n, c.offsets = 0, c.offsets[:0]
	c.of.reset()
}
