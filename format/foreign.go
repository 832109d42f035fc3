package format

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
	"unsafe"
)

// This file turns columns as other tools write them into those of a Batch. Where the
// layout is ours already, nothing is copied.

func sizeOf[T any]() int { return int(unsafe.Sizeof(*new(T))) }

// grow makes *s hold n values, paid from the budget of the batch.
func grow[T any](r *Reader, s *[]T, n int) ([]T, error) {
	if err := spend(&r.budget, int64(n)*int64(sizeOf[T]())); err != nil {
		return nil, err
	}
	if cap(*s) < n {
		*s = make([]T, n)
	}
	*s = (*s)[:n]
	return *s, nil
}

// acceptable says why a column of the file cannot be column col of a trace; "" if it can.
func acceptable(col int, f *arrowField) string {
	c := &columns[col]
	if f.typ == typeNull && f.dict == nil && !c.required() {
		return ""
	}
	text := f.typ == typeUTF8 || f.typ == typeLargeUTF8 || f.typ == typeUTF8View
	switch col {
	case colPhase, colFunction, colSource, colDriver, colDetail:
		if !text {
			return "want strings, plain or in a dictionary"
		}
	case colTS:
		if f.typ != typeTimestamp || f.dict != nil {
			return "want a timestamp"
		}
	default:
		if f.typ == typeFloat {
			return "want integers; a table library that turns integers with nulls into floats loses handles, use a nullable integer type"
		}
		if f.typ != typeInt || f.dict != nil {
			return "want integers"
		}
	}
	return ""
}

// zeros are n values for a column that the file does not have.
func zeros[T fixed](r *Reader, n int) ([]T, error) {
	if len(r.zero) < n {
		if err := spend(&r.budget, 8*int64(n)); err != nil {
			return nil, err
		}
		r.zero = make([]uint64, n)
	}
	return valuesOf[T](bytesOf(r.zero), n), nil
}

// ints converts an integer column.
func ints[T fixed](r *Reader, col int, scratch *[]T) ([]T, error) {
	v := r.column(col)
	if v == nil || v.field.typ == typeNull {
		return zeros[T](r, r.batch.N)
	}
	signed := ^T(0) < 0
	if v.field.width == sizeOf[T]() && v.field.signed == signed {
		return valuesOf[T](v.fixed, v.n), nil
	}
	dst, err := grow(r, scratch, v.n)
	if err != nil {
		return nil, err
	}
	switch w := v.field.width; {
	case w == 1 && v.field.signed:
		err = convert(r, col, v, dst, valuesOf[int8](v.fixed, v.n))
	case w == 1:
		err = convert(r, col, v, dst, valuesOf[uint8](v.fixed, v.n))
	case w == 2 && v.field.signed:
		err = convert(r, col, v, dst, valuesOf[int16](v.fixed, v.n))
	case w == 2:
		err = convert(r, col, v, dst, valuesOf[uint16](v.fixed, v.n))
	case w == 4 && v.field.signed:
		err = convert(r, col, v, dst, valuesOf[int32](v.fixed, v.n))
	case w == 4:
		err = convert(r, col, v, dst, valuesOf[uint32](v.fixed, v.n))
	case v.field.signed:
		err = convert(r, col, v, dst, valuesOf[int64](v.fixed, v.n))
	default:
		err = convert(r, col, v, dst, valuesOf[uint64](v.fixed, v.n))
	}
	return dst, err
}

// convert copies values to another width or signedness. What does not fit becomes null
// and is counted, or is an error in a required column.
func convert[D, S fixed](r *Reader, col int, v *vector, dst []D, src []S) error {
	for i, x := range src {
		d := D(x)
		dst[i] = d
		if S(d) == x && (d < 0) == (x < 0) || !v.isValid(i) {
			continue
		}
		if columns[col].required() {
			return fmt.Errorf("%w: column %q: row %d has the value %d", ErrSchema, columns[col].name, i, x)
		}
		r.defects[DefectOutOfRange]++
		dst[i] = 0
		r.setNull(v, i)
	}
	return nil
}

// setNull makes row i of v null without touching the body.
func (r *Reader) setNull(v *vector, i int) {
	own := &r.ownValid[r.ownIndex(v)]
	if v.valid == nil {
		*own = slices.Grow((*own)[:0], (v.n+7)/8)[:(v.n+7)/8]
		for k := range *own {
			(*own)[k] = 0xFF
		}
		v.valid = *own
	} else if len(*own) == 0 || &v.valid[0] != &(*own)[0] {
		*own = append((*own)[:0], v.valid...)
		v.valid = *own
	}
	v.valid[i>>3] &^= 1 << (i & 7)
	v.nulls++
}

func (r *Reader) ownIndex(v *vector) int {
	for i := range r.columns {
		if &r.columns[i] == v {
			return i
		}
	}
	panic("format: vector is not a column")
}

// timestamps converts the ts column to nanoseconds.
func timestamps(r *Reader, scratch *[]int64) ([]int64, error) {
	v := r.column(colTS)
	src := valuesOf[int64](v.fixed, v.n)
	if v.field.unit == 3 {
		return src, nil
	}
	dst, err := grow(r, scratch, v.n)
	if err != nil {
		return nil, err
	}
	scale := [...]int64{1e9, 1e6, 1e3}[v.field.unit]
	for i, x := range src {
		if x > math.MaxInt64/scale || x < math.MinInt64/scale {
			return nil, fmt.Errorf("%w: column %q: row %d lies outside of the years 1678 to 2262", ErrSchema, "ts", i)
		}
		dst[i] = x * scale
	}
	return dst, nil
}

// texts converts a column of strings. What it returns is valid UTF-8.
func texts(r *Reader, col int, own *Strings) (Strings, error) {
	v := r.column(col)
	if v == nil || v.field.typ == typeNull && v.field.dict == nil {
		offsets, err := zeros[int32](r, r.batch.N+1)
		return Strings{Offsets: offsets}, err
	}
	var s Strings
	switch {
	case v.field.dict == nil && v.field.typ == typeUTF8:
		s = Strings{Offsets: valuesOf[int32](v.offs, v.n+1), Data: v.data}
	case v.field.dict == nil && v.field.typ == typeLargeUTF8:
		offsets, err := grow(r, &own.Offsets, v.n+1)
		if err != nil {
			return s, err
		}
		for i, o := range valuesOf[int64](v.offs, v.n+1) {
			if o > math.MaxInt32 {
				return s, fmt.Errorf("%w: column %q has more than %d bytes in a batch", ErrTooLarge, columns[col].name, math.MaxInt32)
			}
			offsets[i] = int32(o)
		}
		s = Strings{Offsets: offsets, Data: v.data}
	default:
		if v.field.dict != nil && v.dict.values.nulls > 0 {
			for i := range v.n {
				if v.isValid(i) && !v.hasText(i) {
					r.setNull(v, i)
				}
			}
		}
		total := int64(0)
		for i := range v.n {
			if v.isValid(i) {
				total += int64(len(v.text(i)))
			}
		}
		err := gather(r, v, own, total, func(data []byte, i int) []byte { return append(data, v.text(i)...) })
		if err != nil {
			return s, err
		}
		s = *own
	}
	used := s.Data[s.Offsets[0]:s.Offsets[v.n]]
	if isASCII(used) {
		return s, nil
	}
	if utf8.Valid(used) {
		split := false // a character over two rows
		for _, o := range s.Offsets {
			split = split || int(o) < len(s.Data) && !utf8.RuneStart(s.Data[o])
		}
		if !split {
			return s, nil
		}
	}
	bad := uint64(0)
	for i := range v.n {
		if v.isValid(i) && !utf8.Valid(s.At(i)) {
			bad++
		}
	}
	if bad == 0 {
		return s, nil
	}
	r.defects[DefectInvalidUTF8] += bad
	// A replacement character has three bytes and stands for at least one.
	var fixed Strings
	err := gather(r, v, &fixed, 3*int64(len(used)), func(data []byte, i int) []byte {
		return append(data, bytes.ToValidUTF8(s.At(i), []byte("\uFFFD"))...)
	})
	return fixed, err
}

// gather builds a column of strings row by row in own.
func gather(r *Reader, v *vector, own *Strings, size int64, add func([]byte, int) []byte) error {
	if size > math.MaxInt32 {
		return fmt.Errorf("%w: column %q has more than %d bytes in a batch", ErrTooLarge, v.field.name, math.MaxInt32)
	}
	if _, err := grow(r, &own.Data, int(size)); err != nil {
		return err
	}
	offsets, err := grow(r, &own.Offsets, v.n+1)
	if err != nil {
		return err
	}
	data := own.Data[:0]
	offsets[0] = 0
	for i := range v.n {
		if v.isValid(i) {
			data = add(data, i)
		}
		offsets[i+1] = int32(len(data))
	}
	own.Data = data
	return nil
}

func isASCII(b []byte) bool {
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b)&0x8080808080808080 != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
