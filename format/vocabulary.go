package format

import (
	"encoding/json"

	"github.com/aftrace/aftrace/format/ndis"
)

// The closed vocabularies of the phase, function and source columns.
const (
	vocPhase = iota
	vocFunction
	vocSource
	numVocabularies
)

var vocabularies = [numVocabularies][]string{vocPhase: phaseNames, vocFunction: functionNames, vocSource: sourceNames}

var codeByName = func() (m [numVocabularies]map[string]uint16) {
	for k, names := range vocabularies {
		m[k] = make(map[string]uint16, len(names))
		for i, n := range names {
			m[k][n] = uint16(i)
		}
	}
	return m
}()

// Codes beside the indices of a vocabulary.
const (
	codeNull    = 0xFFFF
	codeUnknown = 0xFFFE
)

// substitute is what the Reader gives for a name outside the vocabulary and for null: the
// value that claims the least.
var substitute = [numVocabularies]uint16{
	vocPhase:    uint16(PhaseEvent),
	vocFunction: uint16(ndis.FuncUnknown),
	vocSource:   uint16(SourceETL),
}

func codeOf(voc int, name []byte) uint16 {
	if c, ok := codeByName[voc][string(name)]; ok {
		return c
	}
	return codeUnknown
}

// dictionary is the values that a dictionary batch brought.
type dictionary struct {
	values vector
	size   int64 // bytes held
	codes  [numVocabularies]*codes
}

// codes translates the indices of a dictionary to a vocabulary.
type codes struct {
	same bool // the dictionary begins as the vocabulary does and is not longer
	of   []uint16
}

func emptyDictionary(f *arrowField) *dictionary {
	values := *f
	values.dict = nil
	return &dictionary{values: vector{field: &values, offs: make([]byte, 8)}}
}

// translate returns the codes of d, which holds strings.
func (d *dictionary) translate(voc int) *codes {
	if d.codes[voc] == nil {
		c := &codes{same: true, of: make([]uint16, d.values.n)}
		for i := range c.of {
			if c.of[i] = codeNull; d.values.isValid(i) {
				c.of[i] = codeOf(voc, d.values.text(i))
			}
			c.same = c.same && int(c.of[i]) == i
		}
		d.codes[voc] = c
	}
	return d.codes[voc]
}

// text is row i of a column of strings: plain, large, views or a dictionary of these. For
// a row that is null it may be anything.
func (v *vector) text(i int) []byte {
	if v.field.dict != nil {
		if !v.isValid(i) {
			return nil
		}
		return v.dict.values.text(v.index(i))
	}
	switch v.field.typ {
	case typeUTF8:
		return v.data[intAt(v.offs, i, 4):intAt(v.offs, i+1, 4)]
	case typeLargeUTF8:
		return v.data[intAt(v.offs, i, 8):intAt(v.offs, i+1, 8)]
	}
	if !v.isValid(i) {
		return nil
	}
	return v.view(i)
}

// index is the dictionary index of row i, which is not null.
func (v *vector) index(i int) int {
	x := intAt(v.fixed, i, v.field.dict.width)
	if !v.field.dict.signed && v.field.dict.width < 8 {
		x &= 1<<(8*v.field.dict.width) - 1
	}
	return int(x)
}

// hasText reports whether row i of a column of strings is not null, neither itself nor
// in its dictionary.
func (v *vector) hasText(i int) bool {
	return v.isValid(i) && (v.field.dict == nil || v.dict.values.isValid(v.index(i)))
}

// vocabulary converts a column of names. It returns scratch, grown if need be, or memory
// of the batch.
func vocabulary[T ~uint8 | ~uint16](r *Reader, v *vector, voc int, scratch *[]T, unknown, null string) ([]T, error) {
	if v.field.dict != nil && v.nulls == 0 {
		c := v.dict.translate(voc)
		if c.same && v.field.dict.width == sizeOf[T]() {
			return valuesOf[T](v.fixed, v.n), nil
		}
	}
	dst, err := grow(r, scratch, v.n)
	if err != nil {
		return nil, err
	}
	var last []byte // strings often repeat
	lastCode := codeOf(voc, nil)
	for i := range dst {
		code := uint16(codeNull)
		switch {
		case !v.isValid(i):
		case v.field.dict != nil:
			code = v.dict.translate(voc).of[v.index(i)]
		default:
			if name := v.text(i); string(name) != string(last) {
				last, lastCode = name, codeOf(voc, name)
			}
			code = lastCode
		}
		switch code {
		case codeNull:
			r.defects[null]++
			code = substitute[voc]
		case codeUnknown:
			r.defects[unknown]++
			code = substitute[voc]
		}
		dst[i] = T(code)
	}
	return dst, nil
}

// FunctionName is the name in the function column of row i of the current batch. It
// differs from Function[i].String() if that is FuncUnknown: then it is the name that the
// file has, or that detail.function has, and "?" if there is neither.
func (r *Reader) FunctionName(i int) string {
	b := &r.batch
	if f := b.Function[i]; f != ndis.FuncUnknown {
		return f.String()
	}
	if v := &r.columns[r.at[colFunction]]; v.hasText(i) {
		if name := v.text(i); string(name) != "?" {
			return string(name)
		}
	}
	if b.Has[i]&HasDetail != 0 {
		var detail struct {
			Function string `json:"function"`
		}
		if json.Unmarshal(b.Detail.At(i), &detail) == nil && detail.Function != "" {
			return detail.Function
		}
	}
	return "?"
}
