package format

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
)

var rewrite = flag.Bool("rewrite", false, "write the golden traces anew; then they no longer prove that old traces can be read")

// TestGolden: traces that were written once can be read for ever, and the same rows give
// the same bytes. New functions may have been added at the end of the vocabulary since.
func TestGolden(t *testing.T) {
	events := sampleEvents(12, 42)
	for i := range events {
		events[i].Function %= 100 // names that were there at the time
	}
	for _, name := range []string{"v1.arrow", "v1.arrows"} {
		path := filepath.Join("testdata", name)
		o := WriterOptions{
			File: name == "v1.arrow", BatchRows: 8,
			Metadata: Metadata{MetaHost: "golden", MetaStatusNames: "{}", MetaAFTypeNames: "{}"},
		}
		now := writeTrace(t, events, o)
		if *rewrite {
			if err := os.MkdirAll("testdata", 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, now, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, r := readTrace(t, golden)
		sameEvents(t, got, events)
		if r.Truncated() || len(r.Defects()) != 0 || r.Metadata()[MetaHost] != "golden" {
			t.Errorf("%s: truncated %v, defects %v, metadata %v", name, r.Truncated(), r.Defects(), r.Metadata())
		}
		old := r.dicts[1].values
		for i := range old.n {
			if i >= len(functionNames) || string(old.text(i)) != functionNames[i] {
				t.Fatalf("%s: function %d was %q: the order is part of the format, new names go to the end", name, i, old.text(i))
			}
		}
		if old.n == len(functionNames) && !bytes.Equal(now, golden) {
			t.Errorf("%s: the same rows give other bytes than before", name)
		}
	}
}

// TestArrowLibraryReadsOurs: what the library sees is the schema that docs/trace-format.md shows.
func TestArrowLibraryReadsOurs(t *testing.T) {
	events := sampleEvents(100, 5)
	for _, o := range []WriterOptions{{}, {File: true}, {Compression: ZSTD, File: true}} {
		o.BatchRows = 30
		b := writeTrace(t, events, o)
		var records []arrow.Record
		var schema *arrow.Schema
		if o.File {
			r, err := ipc.NewFileReader(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			schema = r.Schema()
			for i := range r.NumRecords() {
				rec, err := r.RecordAt(i)
				if err != nil {
					t.Fatal(err)
				}
				records = append(records, rec)
			}
		} else {
			r, err := ipc.NewReader(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			schema = r.Schema()
			for {
				rec, err := r.Read()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				rec.Retain()
				records = append(records, rec)
			}
		}
		if !schema.Equal(Schema(nil)) {
			t.Errorf("schema %v", schema)
		}
		row := 0
		for _, rec := range records {
			for i := range int(rec.NumRows()) {
				if got := rec.Column(colFunction).(*array.Dictionary); got.Dictionary().(*array.String).Value(got.GetValueIndex(i)) != events[row].Function.String() {
					t.Fatalf("row %d has another function", row)
				}
				if got := rec.Column(colVC).(*array.Uint64); got.IsNull(i) != (events[row].Has&HasVC == 0) || got.IsValid(i) && got.Value(i) != events[row].VC {
					t.Fatalf("row %d has another vc", row)
				}
				row++
			}
		}
		if row != len(events) {
			t.Errorf("%d rows", row)
		}
	}
}

// TestSchemaIsTheContract pins the table of docs/trace-format.md.
func TestSchemaIsTheContract(t *testing.T) {
	want := []string{
		"seq: type=uint64", "ts: type=timestamp[ns, tz=UTC]", "ticks: type=int64, nullable", "cpu: type=uint16, nullable",
		"pid: type=uint32, nullable", "tid: type=uint64, nullable", "irql: type=uint8, nullable",
		"phase: type=dictionary<values=utf8, indices=int8, ordered=false>",
		"function: type=dictionary<values=utf8, indices=int16, ordered=false>", "call_id: type=uint64, nullable",
		"driver: type=utf8, nullable", "adapter: type=uint64, nullable", "binding: type=uint64, nullable",
		"af: type=uint64, nullable", "sap: type=uint64, nullable", "vc: type=uint64, nullable", "party: type=uint64, nullable",
		"context: type=uint64, nullable", "context2: type=uint64, nullable", "af_type: type=uint32, nullable",
		"af_major: type=uint32, nullable", "af_minor: type=uint32, nullable", "status: type=uint32, nullable",
		"lost: type=uint64, nullable", "source: type=dictionary<values=utf8, indices=int8, ordered=false>",
		"detail: type=utf8, nullable",
	}
	var got []string
	for _, f := range Schema(nil).Fields() {
		got = append(got, f.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	if len(phaseNames) != int(NumPhases) || len(sourceNames) != int(NumSources) || len(functionNames) > 1<<15 {
		t.Error("vocabularies do not fit")
	}
}

func TestWriteDoesNotAllocate(t *testing.T) {
	w, _ := NewWriter(io.Discard, WriterOptions{})
	events := sampleEvents(20000, 1)
	for i := range events[:10000] { // the buffers grow
		w.Write(&events[i])
	}
	i := 10000
	if n := testing.AllocsPerRun(5000, func() {
		if err := w.Write(&events[i]); err != nil {
			t.Fatal(err)
		}
		i++
	}); n >= 0.01 {
		t.Errorf("%v allocations a row", n)
	}
}
