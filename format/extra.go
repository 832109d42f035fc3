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

// plainField is the field that passes an extra column on: dictionaries are resolved,
// because those of different batches and files differ and a file holds only one.
func plainField(f arrow.Field) (arrow.Field, error) {
	if d, ok := f.Type.(*arrow.DictionaryType); ok {
		f.Type = d.ValueType
	}
	if holdsDictionary(f.Type) {
		return f, fmt.Errorf("%w: column %q has a dictionary inside a nested type, which cannot be passed on", ErrSchema, f.Name)
	}
	f.Nullable = true
	return f, nil
}

func holdsDictionary(dt arrow.DataType) bool {
	if dt.ID() == arrow.DICTIONARY {
		return true
	}
	if nested, ok := dt.(arrow.NestedType); ok {
		for _, f := range nested.Fields() {
			if holdsDictionary(f.Type) {
				return true
			}
		}
	}
	return false
}

// plainArray is a with its dictionary resolved, in memory of its own.
func plainArray(a arrow.Array) (arrow.Array, error) {
	d, ok := a.(*array.Dictionary)
	if !ok || a.Len() == 0 {
		if ok {
			return array.MakeArrayOfNull(memory.DefaultAllocator, a.DataType().(*arrow.DictionaryType).ValueType, 0), nil
		}
		return array.Concatenate([]arrow.Array{a}, memory.DefaultAllocator)
	}
	null := array.MakeArrayOfNull(memory.DefaultAllocator, d.Dictionary().DataType(), 1)
	if values, ok := d.Dictionary().(*array.String); ok {
		b := array.NewStringBuilder(memory.DefaultAllocator)
		b.Reserve(d.Len())
		for i := range d.Len() {
			if d.IsNull(i) || values.IsNull(d.GetValueIndex(i)) {
				b.AppendNull()
			} else {
				b.Append(values.Value(d.GetValueIndex(i)))
			}
		}
		return b.NewArray(), nil
	}
	parts := make([]arrow.Array, d.Len())
	for i := range parts {
		if parts[i] = null; !d.IsNull(i) {
			k := int64(d.GetValueIndex(i))
			parts[i] = array.NewSlice(d.Dictionary(), k, k+1)
		}
	}
	return array.Concatenate(parts, memory.DefaultAllocator)
}
