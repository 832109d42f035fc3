package format

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// vector is a column of one batch, or a part of a nested one, after its lengths, offsets
// and indices were checked. Its slices point into the body of the message.
type vector struct {
	field *arrowField
	n     int
	nulls int
	valid []byte   // validity bitmap, nil if there are no nulls
	fixed []byte   // fixed-width values, dictionary indices, views, type ids or sizes of list views
	offs  []byte   // offsets
	data  []byte   // bytes of strings
	more  [][]byte // data buffers of views
	kids  []vector
	dict  *dictionary
}

func (v *vector) isValid(i int) bool { return v.valid == nil || bitSet(v.valid, i) }

// bodyReader hands out the nodes and buffers of one record batch in order and checks
// each against the body.
type bodyReader struct {
	fb      *flatbuffer
	body    []byte
	rows    int
	dicts   map[int64]*dictionary
	nodes   int // position of the next node
	nNodes  int // nodes left
	bufs    int
	nBufs   int
	counts  int // variadic buffer counts
	nCounts int
	plain   [][]byte // buffers of a compressed body, decompressed
	iBuf    int
	budget  *int64
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// newBodyReader prepares to read the RecordBatch table t. A compressed body is
// decompressed into memory that the budget must allow.
func newBodyReader(f *flatbuffer, t table, body []byte, dicts map[int64]*dictionary, d *decompressor, budget *int64) (*bodyReader, error) {
	rows := f.int64(t, 0)
	r := &bodyReader{fb: f, body: body, dicts: dicts, budget: budget}
	r.nodes, r.nNodes = f.vector(t, 1, 16)
	r.bufs, r.nBufs = f.vector(t, 2, 16)
	r.counts, r.nCounts = f.vector(t, 4, 8)
	compression := f.sub(t, 3)
	codec, method := f.int8(compression, 0), f.int8(compression, 1)
	if f.err != nil {
		return nil, corrupt("%v", f.err)
	}
	if rows < 0 || rows > math.MaxInt32 {
		return nil, corrupt("batch of %d rows", rows)
	}
	r.rows = int(rows)
	if compression.ok {
		if method != 0 {
			return nil, fmt.Errorf("%w: compression method %d", ErrSchema, method)
		}
		var err error
		if r.plain, err = d.buffers(r, codec, budget); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *bodyReader) int64At(pos int) int64 { return int64(binary.LittleEndian.Uint64(r.fb.b[pos:])) }

// raw is buffer i as it lies in the body.
func (r *bodyReader) raw(i int) ([]byte, error) {
	off, n := r.int64At(r.bufs+16*i), r.int64At(r.bufs+16*i+8)
	if off < 0 || n < 0 || off > int64(len(r.body)) || n > int64(len(r.body))-off {
		return nil, corrupt("buffer %d at %d with %d bytes does not lie in a body of %d bytes", i, off, n, len(r.body))
	}
	return r.body[off : off+n : off+n], nil
}

func (r *bodyReader) buffer() ([]byte, error) {
	i := r.iBuf
	if i >= r.nBufs {
		return nil, corrupt("batch has only %d buffers", r.nBufs)
	}
	r.iBuf++
	var b []byte
	if r.plain != nil {
		b = r.plain[i]
	} else {
		var err error
		if b, err = r.raw(i); err != nil {
			return nil, err
		}
	}
	if len(b) > 0 && uintptr(unsafe.Pointer(&b[0]))%8 != 0 {
		// Arrow aligns buffers to 8 bytes; a writer that does not costs a copy.
		if err := spend(r.budget, int64(len(b))); err != nil {
			return nil, err
		}
		b = append(alignedBytes(int64(len(b)))[:0], b...)
	}
	return b, nil
}

// spend takes n bytes from the budget of a batch.
func spend(budget *int64, n int64) error {
	if *budget -= n; *budget < 0 {
		return fmt.Errorf("%w: it needs more memory than the limit of a batch", ErrTooLarge)
	}
	return nil
}

// bufferOf is the next buffer, which must have at least want bytes.
func (r *bodyReader) bufferOf(want int64, what string, f *arrowField) ([]byte, error) {
	b, err := r.buffer()
	if err != nil {
		return nil, err
	}
	if int64(len(b)) < want {
		return nil, corrupt("column %q: %s have %d bytes, want %d", f.name, what, len(b), want)
	}
	return b, nil
}

// end checks that nothing is left over.
func (r *bodyReader) end() error {
	if r.nNodes != 0 || r.iBuf != r.nBufs || r.nCounts != 0 {
		return corrupt("batch has %d columns and %d buffers too many", r.nNodes, r.nBufs-r.iBuf)
	}
	return nil
}

// load reads a column or a part of one into v. need is the number of values that its
// parent needs; a column must have exactly that many.
func (r *bodyReader) load(v *vector, f *arrowField, need int64, exact bool) error {
	if r.nNodes == 0 {
		return corrupt("column %q is missing from the batch", f.name)
	}
	n, nulls := r.int64At(r.nodes), r.int64At(r.nodes+8)
	r.nodes += 16
	r.nNodes--
	if n < need || exact && n != need || n > math.MaxInt32 {
		return corrupt("column %q has %d values, want %d", f.name, n, need)
	}
	if nulls < -1 || nulls > n {
		return corrupt("column %q has %d nulls in %d values", f.name, nulls, n)
	}
	*v = vector{field: f, n: int(n), nulls: int(nulls), kids: v.kids[:0], more: v.more[:0]}
	if f.dict == nil {
		switch f.typ {
		case typeNull:
			v.nulls = v.n
			return nil
		case typeUnion, typeRunEnds: // have no validity bitmap of their own
			v.nulls = 0
			return r.values(v)
		}
	}
	if err := r.validity(v); err != nil {
		return err
	}
	if f.dict != nil {
		return r.indices(v)
	}
	return r.values(v)
}

func (r *bodyReader) validity(v *vector) error {
	b, err := r.buffer()
	if err != nil {
		return err
	}
	if v.nulls == 0 || v.nulls == -1 && len(b) == 0 {
		v.nulls = 0
		return nil
	}
	if int64(len(b)) < (int64(v.n)+7)/8 {
		return corrupt("column %q: validity bitmap has %d bytes for %d values", v.field.name, len(b), v.n)
	}
	count := v.n - countBits(b, v.n)
	if v.nulls != -1 && count != v.nulls {
		return corrupt("column %q announces %d nulls and has %d", v.field.name, v.nulls, count)
	}
	if v.nulls = count; count > 0 {
		v.valid = b
	}
	return nil
}

func (r *bodyReader) indices(v *vector) (err error) {
	f := v.field
	if v.fixed, err = r.bufferOf(int64(v.n)*int64(f.dict.width), "indices", f); err != nil {
		return err
	}
	d := r.dicts[f.dict.id]
	if d == nil {
		if v.n == v.nulls {
			v.dict = emptyDictionary(f)
			return nil
		}
		return corrupt("column %q: its dictionary does not come before the batch", f.name)
	}
	v.dict = d
	if i := badIndex(v, uint64(d.values.n)); i >= 0 {
		return corrupt("column %q: row %d has an index outside of its dictionary of %d values", f.name, i, d.values.n)
	}
	return nil
}

// badIndex finds a row with an index that is not below limit, -1 if there is none. An
// index that is negative is not below any limit.
func badIndex(v *vector, limit uint64) int {
	switch v.field.dict.width {
	case 1:
		return badIndexOf(v, valuesOf[uint8](v.fixed, v.n), limitFor(limit, 8, v.field.dict.signed))
	case 2:
		return badIndexOf(v, valuesOf[uint16](v.fixed, v.n), limitFor(limit, 16, v.field.dict.signed))
	case 4:
		return badIndexOf(v, valuesOf[uint32](v.fixed, v.n), limitFor(limit, 32, v.field.dict.signed))
	}
	return badIndexOf(v, valuesOf[uint64](v.fixed, v.n), limitFor(limit, 64, v.field.dict.signed))
}

func limitFor(limit uint64, bits int, signed bool) uint64 {
	if signed {
		bits--
	}
	if bits < 64 {
		limit = min(limit, 1<<bits)
	}
	return limit
}

func badIndexOf[T fixed](v *vector, indices []T, limit uint64) int {
	if v.valid == nil {
		for i, x := range indices {
			if uint64(x) >= limit {
				return i
			}
		}
		return -1
	}
	for i, x := range indices {
		if uint64(x) >= limit && bitSet(v.valid, i) {
			return i
		}
	}
	return -1
}

func (r *bodyReader) values(v *vector) (err error) {
	f, n := v.field, int64(v.n)
	switch f.typ {
	case typeBool:
		v.fixed, err = r.bufferOf((n+7)/8, "values", f)
	case typeBinary, typeUTF8:
		return r.strings(v, 4)
	case typeLargeBinary, typeLargeUTF8:
		return r.strings(v, 8)
	case typeBinaryView, typeUTF8View:
		return r.views(v)
	case typeList, typeMap:
		return r.list(v, 4)
	case typeLargeList:
		return r.list(v, 8)
	case typeListView:
		return r.listView(v, 4)
	case typeLargeListView:
		return r.listView(v, 8)
	case typeFixedList:
		return r.children(v, n*int64(f.listSize))
	case typeStruct:
		return r.children(v, n)
	case typeUnion:
		return r.union(v)
	case typeRunEnds:
		return r.runEnds(v)
	default:
		v.fixed, err = r.bufferOf(n*int64(f.width), "values", f)
	}
	return err
}

// children loads the parts of a nested column, each of at least need values.
func (r *bodyReader) children(v *vector, need int64) error {
	if cap(v.kids) < len(v.field.kids) {
		v.kids = make([]vector, len(v.field.kids))
	}
	v.kids = v.kids[:len(v.field.kids)]
	for i := range v.kids {
		if err := r.load(&v.kids[i], &v.field.kids[i], need, false); err != nil {
			return err
		}
	}
	return nil
}

// offsets reads the offsets of a column with values of variable length and returns the
// last one.
func (r *bodyReader) offsets(v *vector, width int) (last int64, err error) {
	if v.offs, err = r.buffer(); err != nil {
		return 0, err
	}
	if v.n == 0 && len(v.offs) < width {
		v.offs = make([]byte, width) // an empty column may leave its only offset out
		return 0, nil
	}
	if want := (int64(v.n) + 1) * int64(width); int64(len(v.offs)) < want {
		return 0, corrupt("column %q: offsets have %d bytes, want %d", v.field.name, len(v.offs), want)
	}
	bad := 0
	if width == 4 {
		last, bad = monotonic(valuesOf[int32](v.offs, v.n+1))
	} else {
		last, bad = monotonic(valuesOf[int64](v.offs, v.n+1))
	}
	if bad >= 0 {
		return 0, corrupt("column %q: offset %d is below the one before", v.field.name, bad)
	}
	return last, nil
}

func monotonic[T int32 | int64](offsets []T) (last int64, bad int) {
	prev := T(0)
	for i, o := range offsets {
		if o < prev {
			return 0, i
		}
		prev = o
	}
	return int64(prev), -1
}

func (r *bodyReader) strings(v *vector, width int) error {
	last, err := r.offsets(v, width)
	if err != nil {
		return err
	}
	v.data, err = r.bufferOf(last, "string data", v.field)
	return err
}

func (r *bodyReader) list(v *vector, width int) error {
	last, err := r.offsets(v, width)
	if err != nil {
		return err
	}
	return r.children(v, last)
}

func (r *bodyReader) listView(v *vector, width int) (err error) {
	if v.offs, err = r.bufferOf(int64(v.n)*int64(width), "offsets", v.field); err != nil {
		return err
	}
	if v.fixed, err = r.bufferOf(int64(v.n)*int64(width), "sizes", v.field); err != nil {
		return err
	}
	need := int64(0)
	for i := range v.n {
		off, size := intAt(v.offs, i, width), intAt(v.fixed, i, width)
		if off < 0 || size < 0 || off > math.MaxInt32 || size > math.MaxInt32 {
			return corrupt("column %q: list %d at %d with %d values", v.field.name, i, off, size)
		}
		need = max(need, off+size)
	}
	return r.children(v, need)
}

// intAt is the i-th signed integer of 1, 2, 4 or 8 bytes.
func intAt(b []byte, i, width int) int64 {
	switch width {
	case 1:
		return int64(int8(b[i]))
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(b[2*i:])))
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(b[4*i:])))
	}
	return int64(binary.LittleEndian.Uint64(b[8*i:]))
}

func (r *bodyReader) views(v *vector) (err error) {
	if v.fixed, err = r.bufferOf(int64(v.n)*16, "views", v.field); err != nil {
		return err
	}
	if r.nCounts == 0 {
		return corrupt("column %q: number of its buffers is missing", v.field.name)
	}
	count := r.int64At(r.counts)
	r.counts += 8
	r.nCounts--
	if count < 0 || count > int64(r.nBufs-r.iBuf) {
		return corrupt("column %q has %d buffers, the batch %d", v.field.name, count, r.nBufs-r.iBuf)
	}
	for range count {
		b, err := r.buffer()
		if err != nil {
			return err
		}
		v.more = append(v.more, b)
	}
	for i := range v.n {
		if !v.isValid(i) {
			continue
		}
		size := intAt(v.fixed, 4*i, 4)
		if size >= 0 && size <= 12 {
			continue
		}
		index, off := intAt(v.fixed, 4*i+2, 4), intAt(v.fixed, 4*i+3, 4)
		if size < 0 || index < 0 || index >= count || off < 0 || off+size > int64(len(v.more[index])) {
			return corrupt("column %q: view %d points outside of its buffers", v.field.name, i)
		}
	}
	return nil
}

// view is value i of a column of views that was checked.
func (v *vector) view(i int) []byte {
	size := int(intAt(v.fixed, 4*i, 4))
	if size <= 12 {
		return v.fixed[16*i+4 : 16*i+4+size]
	}
	off := int(intAt(v.fixed, 4*i+3, 4))
	return v.more[intAt(v.fixed, 4*i+2, 4)][off : off+size]
}

func (r *bodyReader) union(v *vector) (err error) {
	f := v.field
	if v.fixed, err = r.bufferOf(int64(v.n), "type ids", f); err != nil {
		return err
	}
	need := int64(v.n)
	if f.dense {
		need = 0
		if v.offs, err = r.bufferOf(4*int64(v.n), "offsets", f); err != nil {
			return err
		}
	}
	if err := r.children(v, need); err != nil {
		return err
	}
	var kid [128]int
	for i := range kid {
		kid[i] = -1
	}
	for i, id := range f.typeIDs {
		kid[id] = i
	}
	for i, id := range v.fixed[:v.n] {
		if id > 127 || kid[id] < 0 {
			return corrupt("column %q: row %d has the unknown type id %d", f.name, i, id)
		}
		if f.dense {
			if o := intAt(v.offs, i, 4); o < 0 || o >= int64(v.kids[kid[id]].n) {
				return corrupt("column %q: row %d has the offset %d", f.name, i, o)
			}
		}
	}
	return nil
}

func (r *bodyReader) runEnds(v *vector) error {
	if err := r.children(v, 0); err != nil {
		return err
	}
	ends, values := &v.kids[0], &v.kids[1]
	prev := int64(0)
	for i := range ends.n {
		e := intAt(ends.fixed, i, ends.field.width)
		if e <= prev {
			return corrupt("column %q: run %d ends at %d, the one before at %d", v.field.name, i, e, prev)
		}
		prev = e
	}
	if ends.nulls != 0 || prev < int64(v.n) || values.n < ends.n {
		return corrupt("column %q: runs do not cover its %d values", v.field.name, v.n)
	}
	return nil
}
