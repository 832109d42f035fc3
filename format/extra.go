package format

import (
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

// ExtraColumns are the columns of the input that the schema of a trace does not have, in
// the order of the input.
func (r *Reader) ExtraColumns() []arrow.Field {
	fields := make([]arrow.Field, len(r.extra))
	for i, at := range r.extra {
		fields[i] = r.schema.Field(at)
	}
	return fields
}

// Extra is column i of ExtraColumns for the rows of the current batch. Like the batch it
// lies in memory that Next uses again, whether it was retained or not.
func (r *Reader) Extra(i int) arrow.Array {
	if r.extras == nil {
		r.extras = make([]arrow.Array, len(r.extra))
	}
	if r.extras[i] == nil {
		at := r.extra[i]
		r.extras[i] = array.MakeFromData(arrayData(&r.columns[at], r.schema.Field(at).Type))
	}
	return r.extras[i]
}

// arrayData makes Arrow array data over the memory of v.
func arrayData(v *vector, dt arrow.DataType) *array.Data {
	if ext, ok := dt.(arrow.ExtensionType); ok {
		d := arrayData(v, ext.StorageType())
		return array.NewData(dt, d.Len(), d.Buffers(), d.Children(), d.NullN(), 0)
	}
	buffer := func(b []byte) *memory.Buffer { return memory.NewBufferBytes(b) }
	buffers := []*memory.Buffer{nil}
	if v.valid != nil {
		buffers[0] = buffer(v.valid)
	}
	if dict, ok := dt.(*arrow.DictionaryType); ok {
		return array.NewDataWithDictionary(dt, v.n, append(buffers, buffer(v.fixed)), v.nulls, 0, arrayData(&v.dict.values, dict.ValueType))
	}
	var kids []arrow.ArrayData
	if nested, ok := dt.(arrow.NestedType); ok {
		types := nested.Fields()
		if m, ok := dt.(*arrow.MapType); ok {
			types = []arrow.Field{{Type: m.Elem()}}
		}
		for i := range v.kids {
			kids = append(kids, arrayData(&v.kids[i], types[i].Type))
		}
	}
	nulls := v.nulls
	switch v.field.typ {
	case typeNull:
		buffers = []*memory.Buffer{nil}
	case typeBinary, typeUTF8, typeLargeBinary, typeLargeUTF8:
		buffers = append(buffers, buffer(v.offs), buffer(v.data))
	case typeBinaryView, typeUTF8View:
		buffers = append(buffers, buffer(v.fixed))
		for _, b := range v.more {
			buffers = append(buffers, buffer(b))
		}
	case typeList, typeLargeList, typeMap:
		buffers = append(buffers, buffer(v.offs))
	case typeListView, typeLargeListView:
		buffers = append(buffers, buffer(v.offs), buffer(v.fixed))
	case typeFixedList, typeStruct:
	case typeRunEnds:
		buffers = []*memory.Buffer{nil}
	case typeUnion:
		if buffers = append(buffers, buffer(v.fixed)); v.field.dense {
			buffers = append(buffers, buffer(v.offs))
		}
	default:
		buffers = append(buffers, buffer(v.fixed))
	}
	return array.NewData(dt, v.n, buffers, kids, nulls, 0)
}

// plainField is the field that passes an extra column on. Dictionaries are resolved,
// because those of different batches and files differ and a file holds only one; runs and
// views become what they stand for, because the Arrow library cannot join them.
func plainField(f arrow.Field) (arrow.Field, error) {
	f.Nullable = true
	switch dt := f.Type.(type) {
	case *arrow.DictionaryType:
		f.Type = dt.ValueType
	case *arrow.RunEndEncodedType:
		f.Type = dt.Encoded()
	}
	switch f.Type.ID() {
	case arrow.STRING_VIEW:
		f.Type = arrow.BinaryTypes.String
	case arrow.BINARY_VIEW:
		f.Type = arrow.BinaryTypes.Binary
	}
	if dt := cannotJoin(f.Type); dt != nil {
		return f, fmt.Errorf("%w: column %q has the type %s, which cannot be passed on", ErrSchema, f.Name, dt)
	}
	return f, nil
}

// cannotJoin is the type in dt of which arrays cannot be joined, nil if there is none.
func cannotJoin(dt arrow.DataType) arrow.DataType {
	switch dt.ID() {
	case arrow.DICTIONARY, arrow.RUN_END_ENCODED, arrow.STRING_VIEW, arrow.BINARY_VIEW, arrow.SPARSE_UNION, arrow.DENSE_UNION, arrow.EXTENSION:
		return dt
	}
	if nested, ok := dt.(arrow.NestedType); ok {
		for _, f := range nested.Fields() {
			if inner := cannotJoin(f.Type); inner != nil {
				return inner
			}
		}
	}
	return nil
}

// plainArray is a as an array of the type that plainField gives, in memory of its own.
func plainArray(a arrow.Array) (arrow.Array, error) {
	mem := memory.DefaultAllocator
	values, at := a, func(i int) int { return i }
	switch a := a.(type) {
	case *array.Dictionary:
		values, at = a.Dictionary(), a.GetValueIndex
	case *array.RunEndEncoded:
		values, at = a.Values(), a.GetPhysicalIndex
	}
	if values == a {
		switch a.(type) {
		case *array.StringView, *array.BinaryView:
		default:
			return array.Concatenate([]arrow.Array{a}, mem)
		}
	}
	type stringLike interface{ Value(int) string }
	switch v := values.(type) {
	case *array.String, *array.StringView:
		b := array.NewStringBuilder(mem)
		b.Reserve(a.Len())
		for i := range a.Len() {
			if a.IsNull(i) || values.IsNull(at(i)) {
				b.AppendNull()
			} else {
				b.Append(v.(stringLike).Value(at(i)))
			}
		}
		return b.NewArray(), nil
	case *array.BinaryView:
		b := array.NewBinaryBuilder(mem, arrow.BinaryTypes.Binary)
		for i := range a.Len() {
			if a.IsNull(i) || values.IsNull(at(i)) {
				b.AppendNull()
			} else {
				b.Append(v.Value(at(i)))
			}
		}
		return b.NewArray(), nil
	}
	if a.Len() == 0 {
		return array.MakeArrayOfNull(mem, values.DataType(), 0), nil
	}
	null := array.MakeArrayOfNull(mem, values.DataType(), 1)
	parts := make([]arrow.Array, a.Len())
	for i := range parts {
		if parts[i] = null; !a.IsNull(i) {
			parts[i] = array.NewSlice(values, int64(at(i)), int64(at(i)+1))
		}
	}
	return array.Concatenate(parts, mem)
}
