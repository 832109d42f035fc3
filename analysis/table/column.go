package table

import (
	"math/bits"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

// block collects rows that are not written yet. The builders of the Arrow library cost more
// than a replay; here a value costs one store, and all that can be done for many rows at a
// time is left until they are written, which is not done by who replays.
type block struct {
	n       int    // rows
	rows    int    // for which there is room
	limit   int    // rows after which it is written
	flags   []bit  // of each row: which of its values are null, or true
	sources []from // where the rows are from, by the first row
	set, un bit    // flags that are set somewhere, and not set somewhere
	cols    []column
}

// bit is a flag of a row; columns may share one. 0 is one that is never set.
type bit uint32

// from says that row and those after it are from source.
type from struct {
	row    int
	source Source
}

// column is the values of one column of a block.
type column interface {
	field() arrow.Field
	grow(rows int)              // makes room for as many
	array(b *block) arrow.Array // valid until the next reset
	reset()
}

// end ends the row, whose flags are these. It says whether the block should be written.
func (b *block) end(flags bit) bool {
	b.flags[b.n] = flags
	b.n++
	return b.n >= b.limit
}

// maxData is how many bytes of text a column collects before they are written: the offsets of
// Arrow have 32 bits.
const maxData = 1 << 26

// next is the index of the row to come.
func (b *block) next() int {
	if b.n == b.rows {
		b.grow()
	}
	return b.n
}

// minRows is for how many rows there is room at first.
const minRows = 256

func (b *block) grow() {
	b.rows = max(minRows, min(2*b.rows, rowsPerBatch))
	b.flags = extend(b.flags, b.rows)
	for _, c := range b.cols {
		c.grow(b.rows)
	}
}

// extend makes the length of s n.
func extend[T any](s []T, n int) []T {
	if len(s) >= n {
		return s
	}
	longer := make([]T, n)
	copy(longer, s)
	return longer
}

// from makes s the source of the rows to come.
func (b *block) from(s Source) {
	b.sources = sourceFrom(b.sources, b.n, s)
	longest := max(len(s.Trace), len(s.Host), len(s.BootID), 1)
	for _, k := range s.Keys {
		longest = max(longest, len(k))
	}
	b.limit = min(rowsPerBatch, max(1, maxData/longest))
}

// sourceFrom makes s the source of the rows from row on.
func sourceFrom(list []from, row int, s Source) []from {
	if last := len(list) - 1; last >= 0 && list[last].row == row {
		list = list[:last]
	}
	return append(list, from{row, s})
}

// seal takes stock of the flags.
func (b *block) seal() {
	b.set, b.un = 0, 0
	for _, f := range b.flags[:b.n] {
		b.set |= f
		b.un |= ^f
	}
}

// reset forgets the rows.
func (b *block) reset() {
	for _, c := range b.cols {
		c.reset()
	}
	b.n, b.sources = 0, b.sources[:0]
}

// pack makes a bitmap of whether the flag is on in each row, and counts where it is.
func (b *block) pack(into []byte, flag bit, on bool) (bitmap []byte, count int) {
	size := (b.n + 7) / 8
	if cap(into) < size {
		into = make([]byte, (b.rows+7)/8)
	}
	into = into[:size]
	shift, flip := bits.TrailingZeros32(uint32(flag))&31, byte(0)
	if !on {
		flip = 0xff
	}
	flags := b.flags[:b.n]
	for k := range into {
		var m byte
		if len(flags) >= 8 {
			f := flags[:8]
			m = byte(f[0]>>shift&1 | f[1]>>shift&1<<1 | f[2]>>shift&1<<2 | f[3]>>shift&1<<3 |
				f[4]>>shift&1<<4 | f[5]>>shift&1<<5 | f[6]>>shift&1<<6 | f[7]>>shift&1<<7)
			m ^= flip
			flags = flags[8:]
		} else {
			for i, f := range flags {
				m |= byte(f>>shift&1) << i
			}
			m = (m ^ flip) & (1<<len(flags) - 1)
		}
		into[k] = m
		count += bits.OnesCount8(m)
	}
	return into, count
}

// validity is the bitmap of a column with nulls.
type validity struct {
	null bit // set in the rows where it is null
	bits []byte
}

// buffer is the bitmap, nil if nothing is null, and the number of nulls.
func (v *validity) buffer(b *block) (*memory.Buffer, int) {
	if v.null&b.set == 0 {
		return nil, 0
	}
	var valid int
	v.bits, valid = b.pack(v.bits, v.null, false)
	return memory.NewBufferBytes(v.bits), b.n - valid
}

// numbers is a column of numbers of fixed width.
type numbers[T number] struct {
	validity
	name   string
	typ    arrow.DataType
	values []T
}

type number interface {
	~int32 | ~int64 | ~uint32 | ~uint64 | ~uint16 | ~uint8
}

// put sets the value of row i.
func (c *numbers[T]) put(i int, v T) { c.values[i] = v }

// putIf sets it if it is known; the flag is that of a null otherwise.
func (c *numbers[T]) putIf(i int, v T, known bool) bit {
	if known {
		c.values[i] = v
		return 0
	}
	c.values[i] = 0
	return c.null
}

func (c *numbers[T]) field() arrow.Field {
	return arrow.Field{Name: c.name, Type: c.typ, Nullable: c.null != 0}
}

func (c *numbers[T]) grow(rows int) { c.values = extend(c.values, rows) }

func (c *numbers[T]) array(b *block) arrow.Array {
	valid, nulls := c.buffer(b)
	return make1(c.typ, b.n, nulls, nil, valid, raw(c.values[:b.n]))
}

func (c *numbers[T]) reset() {}

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
	true bit
	bits []byte
}

// put is the flag of the value v.
func (c *bools) put(v bool) bit {
	if v {
		return c.true
	}
	return 0
}

func (c *bools) field() arrow.Field {
	return arrow.Field{Name: c.name, Type: arrow.FixedWidthTypes.Boolean}
}

func (c *bools) grow(int) {}

func (c *bools) array(b *block) arrow.Array {
	c.bits, _ = b.pack(c.bits, c.true, true)
	return make1(arrow.FixedWidthTypes.Boolean, b.n, 0, nil, nil, memory.NewBufferBytes(c.bits))
}

func (c *bools) reset() {}

// names is a column of the names of numbers. They are looked up when the block is written.
type names[T number] struct {
	numbers[T] // whose name is that of the column
	of         *numbers[T]
	text       func(T) string
	known      [1 << knownBits]struct {
		v T
		s string // "" if nothing is here yet
	}
	offsets []int32
	data    []byte
}

const knownBits = 7

func (c *names[T]) field() arrow.Field {
	return arrow.Field{Name: c.name, Type: arrow.BinaryTypes.String, Nullable: c.null != 0}
}

// grow makes no room if the numbers are those of another column.
func (c *names[T]) grow(rows int) {
	if c.of == &c.numbers {
		c.numbers.grow(rows)
	}
}

func (c *names[T]) array(b *block) arrow.Array {
	c.offsets = extend(c.offsets, b.rows+1)
	data, offsets, null := c.data[:0], c.offsets[1:b.n+1], c.null&b.set
	for i, v := range c.of.values[:b.n] {
		if b.flags[i]&null == 0 {
			k := &c.known[uint32(v)*0x9e3779b1>>(32-knownBits)]
			if k.v != v || k.s == "" {
				k.v, k.s = v, c.text(v)
			}
			data = append(data, k.s...)
		}
		offsets[i] = int32(len(data))
	}
	c.data = data
	valid, nulls := c.buffer(b)
	return make1(arrow.BinaryTypes.String, b.n, nulls, nil, valid, raw(c.offsets[:b.n+1]), memory.NewBufferBytes(data))
}

// texts is a column of strings.
type texts struct {
	validity
	name    string
	offsets []int32 // one more than rows
	data    []byte
}

// put sets the value of row i, which is the first one without.
func (c *texts) put(i int, s string) {
	c.data = append(c.data, s...)
	c.offsets[i+1] = int32(len(c.data))
}

// putIf sets it if it is known; the flag is that of a null otherwise, which must be empty.
func (c *texts) putIf(i int, s string, known bool) bit {
	c.put(i, s)
	if known {
		return 0
	}
	return c.null
}

// putBytes is putIf for bytes.
func (c *texts) putBytes(i int, s []byte, known bool) bit {
	c.data = append(c.data, s...)
	c.offsets[i+1] = int32(len(c.data))
	if known {
		return 0
	}
	return c.null
}

// large says that what is collected should be written, however few rows it is.
func (c *texts) large() bool { return len(c.data) > maxData }

func (c *texts) field() arrow.Field {
	return arrow.Field{Name: c.name, Type: arrow.BinaryTypes.String, Nullable: c.null != 0}
}

func (c *texts) grow(rows int) { c.offsets = extend(c.offsets, rows+1) }

func (c *texts) array(b *block) arrow.Array {
	valid, nulls := c.buffer(b)
	return make1(arrow.BinaryTypes.String, b.n, nulls, nil, valid, raw(c.offsets[:b.n+1]), memory.NewBufferBytes(c.data))
}

func (c *texts) reset() { c.data = c.data[:0] }

// constants is a column that says where rows are from: the same for many of them.
type constants struct {
	name     string
	nullable bool
	of       func(*Source) string // "" is null, if there are nulls
	last     string               // what all rows had the last time, if plain
	plain    bool
	offsets  []int32
	data     []byte
	bits     []byte
}

func (c *constants) field() arrow.Field {
	return arrow.Field{Name: c.name, Type: arrow.BinaryTypes.String, Nullable: c.nullable}
}

func (c *constants) grow(int) {}

func (c *constants) array(b *block) arrow.Array {
	plain := true
	first := c.of(&b.sources[0].source)
	for i := range b.sources {
		plain = plain && c.of(&b.sources[i].source) == first
	}
	if !plain || !c.plain || c.last != first || len(c.offsets) <= b.n {
		c.fill(b)
	}
	c.plain, c.last = plain, first
	nulls := 0
	var valid *memory.Buffer
	if c.nullable {
		nulls, valid = c.nulls(b)
	}
	return make1(arrow.BinaryTypes.String, b.n, nulls, nil, valid, raw(c.offsets[:b.n+1]), memory.NewBufferBytes(c.data[:c.offsets[b.n]]))
}

// fill makes the values, which stay for the next block if they are all the same.
func (c *constants) fill(b *block) {
	c.offsets, c.data = extend(c.offsets, b.n+1)[:b.n+1], c.data[:0]
	for i := range b.sources {
		s := c.of(&b.sources[i].source)
		for row := b.sources[i].row; row < b.until(i); row++ {
			c.data = append(c.data, s...)
			c.offsets[row+1] = int32(len(c.data))
		}
	}
}

// until is the first row after those of source i.
func (b *block) until(i int) int {
	if i+1 < len(b.sources) {
		return b.sources[i+1].row
	}
	return b.n
}

func (c *constants) nulls(b *block) (nulls int, valid *memory.Buffer) {
	c.bits = extend(c.bits, (b.n+7)/8)
	valids := c.bits[:(b.n+7)/8]
	clear(valids)
	for i := range b.sources {
		if c.of(&b.sources[i].source) == "" {
			nulls += b.until(i) - b.sources[i].row
			continue
		}
		for row := b.sources[i].row; row < b.until(i); row++ {
			valids[row>>3] |= 1 << (row & 7)
		}
	}
	if nulls == 0 {
		return 0, nil
	}
	return nulls, memory.NewBufferBytes(valids)
}

func (c *constants) reset() {}

// lists is a column of lists of numbers or texts.
type lists struct {
	name    string
	of      arrow.DataType
	offsets []int32 // one more than rows
	numbers []uint64
	ends    []int32 // of texts, one more than there are
	data    []byte
}

// putNumbers sets the value of row i, which is the first one without.
func (c *lists) putNumbers(i int, v []uint64) {
	c.numbers = append(c.numbers, v...)
	c.offsets[i+1] = int32(len(c.numbers))
}

// putTexts sets the value of row i, which is the first one without.
func (c *lists) putTexts(i int, v []string) {
	for _, s := range v {
		c.data = append(c.data, s...)
		c.ends = append(c.ends, int32(len(c.data)))
	}
	c.offsets[i+1] = int32(len(c.ends) - 1)
}

// large says that what is collected should be written, however few rows it is.
func (c *lists) large() bool { return len(c.data)+8*len(c.numbers) > maxData }

func (c *lists) typ() arrow.DataType { return arrow.ListOfNonNullable(c.of) }

func (c *lists) field() arrow.Field { return arrow.Field{Name: c.name, Type: c.typ()} }

func (c *lists) grow(rows int) {
	c.offsets = extend(c.offsets, rows+1)
	if len(c.ends) == 0 {
		c.ends = append(c.ends, 0)
	}
}

func (c *lists) array(b *block) arrow.Array {
	var values arrow.Array
	if c.of == arrow.BinaryTypes.String {
		values = make1(c.of, len(c.ends)-1, 0, nil, nil, raw(c.ends), memory.NewBufferBytes(c.data))
	} else {
		values = make1(c.of, len(c.numbers), 0, nil, nil, raw(c.numbers))
	}
	defer values.Release()
	return make1(c.typ(), b.n, 0, []arrow.ArrayData{values.Data()}, nil, raw(c.offsets[:b.n+1]))
}

func (c *lists) reset() { c.numbers, c.ends, c.data = c.numbers[:0], c.ends[:1], c.data[:0] }
