package format

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
)

// TestExtraColumns compares the arrays over checked memory with those of the Arrow library.
func TestExtraColumns(t *testing.T) {
	b := foreign{extra: extraFields, fill: fillExtra, batches: 3}.write(t, foreignEvents(60))
	lib, err := ipc.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	r := openBytes(t, "x", b)
	if got := r.ExtraColumns(); len(got) != len(extraFields) {
		t.Fatalf("%d columns", len(got))
	}
	for lib.Next() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		for i, f := range extraFields {
			want := lib.Record().Column(numColumns + i)
			if got := r.Extra(i); !array.Equal(got, want) || !arrow.TypeEqual(got.DataType(), f.Type) || got.String() != want.String() {
				t.Errorf("%s:\n got %v\nwant %v", f.Type, got, want)
			}
		}
	}
}

func TestMergePassesAllTypesOn(t *testing.T) {
	var fields []arrow.Field
	for _, f := range extraFields {
		if _, err := plainField(f); err == nil {
			fields = append(fields, f)
		}
	}
	if len(fields) != len(extraFields)-2 {
		t.Errorf("%d of %d types can be passed on, want all but unions", len(fields), len(extraFields))
	}
	b := foreign{extra: fields, fill: fillExtra, batches: 3}.write(t, foreignEvents(60))
	var buf bytes.Buffer
	w, _ := NewWriter(&buf, WriterOptions{File: true, BatchRows: 7})
	if err := Merge(w, []*Reader{openBytes(t, "a", b), openBytes(t, "b", b)}, MergeOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if rows, err := readAll(bytes.NewReader(buf.Bytes()), 0); err != nil || rows != 120 {
		t.Fatal(rows, err)
	}
	in, out := openBytes(t, "in", b), openBytes(t, "out", buf.Bytes())
	// Each row of the input comes twice in a row, once from each.
	var texts [2][][]string
	for k, r := range []*Reader{in, out} {
		for {
			batch, err := r.Next()
			if err != nil {
				break
			}
			for i := range batch.N {
				var row []string
				for x := range r.ExtraColumns() {
					row = append(row, strings.Clone(r.Extra(x).ValueStr(i))) // Next uses its memory again
				}
				texts[k] = append(texts[k], row)
			}
		}
	}
	for i, row := range texts[1] {
		for x, got := range row {
			if want := texts[0][i/2][x]; got != want {
				t.Fatalf("row %d, %s: %s, want %s", i, fields[x].Type, got, want)
			}
		}
	}
}

func TestMergeSaysWhatItCannotPassOn(t *testing.T) {
	union := extraFields[len(extraFields)-1:]
	b := foreign{extra: union, fill: fillExtra, batches: 1}.write(t, foreignEvents(6))
	w, _ := NewWriter(&bytes.Buffer{}, WriterOptions{})
	if err := Merge(w, []*Reader{openBytes(t, "a", b)}, MergeOptions{}); !errors.Is(err, ErrSchema) {
		t.Error(err)
	}
	if err := Merge(w, []*Reader{openBytes(t, "a", b)}, MergeOptions{Without: []string{union[0].Name}}); err != nil {
		t.Error(err)
	}
}
