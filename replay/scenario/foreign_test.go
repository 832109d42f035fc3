package scenario_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
)

// foreign writes a trace as another tool may: its columns in another order, strings plain or by
// a dictionary with any type of index.
func foreign(t *testing.T, trace []byte, rng *rand.Rand) []byte {
	t.Helper()
	in, err := ipc.NewReader(bytes.NewReader(trace))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Release()
	old := in.Schema().Fields()
	order := rng.Perm(len(old))
	var fields []arrow.Field
	for _, i := range order {
		f := old[i]
		if dict, ok := f.Type.(*arrow.DictionaryType); ok || f.Type.ID() == arrow.STRING {
			text := []arrow.DataType{arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString}[rng.IntN(2)]
			switch index := rng.IntN(6); {
			case index == 0 && ok:
				f.Type = dict
			case index <= 1:
				f.Type = text
			default:
				of := []arrow.DataType{arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Uint16, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Uint32}[index-2]
				f.Type = &arrow.DictionaryType{IndexType: of, ValueType: arrow.BinaryTypes.String}
			}
		}
		fields = append(fields, f)
	}
	md := in.Schema().Metadata()
	schema := arrow.NewSchema(fields, &md)
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(schema))
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for in.Next() {
		rec := in.Record()
		for row := range int(rec.NumRows()) {
			for k, i := range order {
				col := rec.Column(i)
				if col.IsNull(row) {
					b.Field(k).AppendNull()
				} else if err := b.Field(k).AppendValueFromString(col.ValueStr(row)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	rec := b.NewRecord()
	defer rec.Release()
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestForeignTraces: a trace that another tool has written, with the columns in another order
// and strings in another form, is judged as the one it was made of. Both are read by the Reader.
func TestForeignTraces(t *testing.T) {
	for i, h := range everyHistory(t, 300) {
		if len(h.Events) == 0 {
			continue
		}
		rng := rand.New(rand.NewPCG(uint64(i), 36))
		trace := bytesOf(t, h.Events, false)
		want, got := readVerdict(t, h, trace), readVerdict(t, h, foreign(t, trace, rng))
		if got != want {
			t.Errorf("%s:\n%s\nwant\n%s", h.name, got, want)
		}
		if h.Metadata[format.MetaLostEvents]+h.Metadata[format.MetaLostBuffers] == "" {
			if direct := everything(judged(t, h.Scenario, 1<<16)); want != direct {
				t.Errorf("%s, read:\n%s\nwant\n%s", h.name, want, direct)
			}
		}
	}
}

// readVerdict replays the batches of a trace as the Reader gives them.
func readVerdict(t *testing.T, h history, trace []byte) string {
	t.Helper()
	r, err := format.NewReader(bytes.NewReader(trace), h.name, format.ReaderOptions{})
	if err != nil {
		t.Fatalf("%s: %v", h.name, err)
	}
	defer r.Close()
	o, err := h.ReplayOptions()
	if err != nil {
		t.Fatal(err)
	}
	c := replay.New(o)
	for {
		b, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", h.name, err)
		}
		if err := c.Batch(b); err != nil {
			t.Fatal(err)
		}
	}
	return everything(c.Finish(replay.End{Truncated: h.Cut}))
}

// everything is what said says, the counts of the rules and the defects too.
func everything(r *replay.Result) string {
	return fmt.Sprintf("%s%v\n%v", said(r), r.Rules, r.Defects)
}
