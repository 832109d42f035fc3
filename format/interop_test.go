package format

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/aftrace/aftrace/internal/interop"
)

// The tests in this file let other libraries of Arrow write and read traces (see package
// interop). The Python has interop/requirements.txt; interop/node_modules is made by npm ci.

func needInterop(t *testing.T) {
	t.Helper()
	interop.Need(t, "Python with pyarrow and polars, and Node.js with apache-arrow")
}

func python(t *testing.T, args ...string) []byte {
	t.Helper()
	return interop.Output(t, exec.Command(interop.Python(t, "format/interop/requirements.txt", "pyarrow, polars"), args...))
}

func node(t *testing.T, script string, args ...string) []byte {
	t.Helper()
	return interop.Node(t, filepath.Join("interop", "node_modules"), filepath.Join("interop", script), args...)
}

// row is an event as the scripts write and read it.
type row map[string]string

func rowsOf(events []Event) []row {
	rows := make([]row, len(events))
	for i := range events {
		rows[i] = row{}
		for col := range columns {
			if text, ok := cell(&events[i], col); ok {
				rows[i][columns[col].name] = text
			}
		}
		rows[i]["ts"] = strconv.FormatInt(events[i].TS, 10)
	}
	return rows
}

// seen is the output of the scripts that read.
type seen struct {
	Schema   map[string][]any
	Metadata Metadata
	Rows     []row
}

func (s *seen) check(t *testing.T, events []Event) {
	t.Helper()
	want := rowsOf(events)
	if len(s.Rows) != len(want) {
		t.Fatalf("%d rows, want %d", len(s.Rows), len(want))
	}
	for i := range want {
		if !reflect.DeepEqual(s.Rows[i], want[i]) {
			t.Fatalf("row %d:\n got %v\nwant %v", i, s.Rows[i], want[i])
		}
	}
}

func TestOthersReadOurs(t *testing.T) {
	needInterop(t)
	dir := t.TempDir()
	// The schema as the other libraries name it: the table of docs/trace-format.md, word by word.
	pyTypes, jsTypes := map[string]string{}, map[string]string{}
	for i := range columns {
		name := columns[i].typ.String()
		py, js := name, map[string]string{"uint64": "Uint64", "int64": "Int64", "uint32": "Uint32", "uint16": "Uint16", "uint8": "Uint8", "utf8": "Utf8"}[name]
		switch i {
		case colTS:
			py, js = "timestamp[ns, tz=UTC]", "Timestamp<NANOSECOND, UTC>"
		case colPhase, colSource:
			py, js = "dictionary<values=string, indices=int8, ordered=0>", "Dictionary<Int8, Utf8>"
		case colFunction:
			py, js = "dictionary<values=string, indices=int16, ordered=0>", "Dictionary<Int16, Utf8>"
		case colDriver, colDetail:
			py = "string"
		}
		pyTypes[columns[i].name], jsTypes[columns[i].name] = py, js
	}
	for _, c := range []struct {
		name string
		rows int
		o    WriterOptions
		late bool
	}{
		{"a.arrow", 500, WriterOptions{BatchRows: 64}, true},
		{"b.arrows", 500, WriterOptions{BatchRows: 64}, true},
		{"c.arrow", 500, WriterOptions{BatchRows: 200, Compression: ZSTD}, false},
		{"d.arrows", 500, WriterOptions{Compression: ZSTD}, true},
		{"e.arrow", 0, WriterOptions{}, false},
		{"f.arrows", 0, WriterOptions{}, false},
		{"g.arrows", 0, WriterOptions{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(dir, c.name)
			events := sampleEvents(c.rows, 7)
			c.o.Metadata = Metadata{MetaHost: "ws-17"}
			w, err := Create(path, c.o)
			if err != nil {
				t.Fatal(err)
			}
			for i := range events {
				if err := w.Write(&events[i]); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			if c.late {
				w.SetMetadata(MetaLostEvents, "5")
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			var s seen
			decode(t, python(t, "interop/read_trace.py", path), &s)
			s.check(t, events)
			for name, want := range pyTypes {
				if got := s.Schema[name]; len(got) != 2 || got[0] != want || got[1] == columns[columnByName[name]].required() {
					t.Errorf("pyarrow: column %s is %v, want %s", name, got, want)
				}
			}
			if s.Metadata[MetaHost] != "ws-17" || c.late && s.Metadata[MetaLostEvents] != "5" {
				t.Errorf("pyarrow: metadata %v", s.Metadata)
			}
			decode(t, python(t, "interop/read_trace.py", path, "polars"), &s)
			s.check(t, events)
			if c.o.Compression != None {
				return // the JavaScript library has no codec of its own
			}
			decode(t, node(t, "read_trace.mjs", path), &s)
			s.check(t, events)
			for name, want := range jsTypes {
				if got := s.Schema[name]; len(got) != 2 || got[0] != want || got[1] == columns[columnByName[name]].required() {
					t.Errorf("apache-arrow: column %s is %v, want %s", name, got, want)
				}
			}
			if s.Metadata[MetaHost] != "ws-17" {
				t.Errorf("apache-arrow: metadata %v", s.Metadata)
			}
		})
	}
}

func decode(t *testing.T, b []byte, s *seen) {
	t.Helper()
	*s = seen{}
	if err := json.Unmarshal(b, s); err != nil {
		t.Fatalf("%v in %.200s", err, b)
	}
}

func TestOursReadsOthers(t *testing.T) {
	needInterop(t)
	dir := t.TempDir()
	events := sampleEvents(95, 8)
	rowsPath := filepath.Join(dir, "rows.json")
	b, err := json.Marshal(rowsOf(events))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(rowsPath, b, 0o666); err != nil {
		t.Fatal(err)
	}
	read := func(t *testing.T, path string, want []Event) *Reader {
		r, err := Open(path, ReaderOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		got, err := allEvents(r)
		if err != nil {
			t.Fatal(err)
		}
		sameEvents(t, got, want)
		if len(r.Defects()) != 0 || r.Truncated() {
			t.Errorf("defects %v, truncated %v", r.Defects(), r.Truncated())
		}
		return r
	}
	for _, variant := range []string{
		"file", "stream", "zstd", "lz4", "plain", "large", "views", "unsigned", "wide", "v4", "sliced", "replaced", "further",
		"polars file", "polars zstd", "polars lz4", "polars stream", "polars old", "empty", "empty stream",
	} {
		t.Run("python "+variant, func(t *testing.T) {
			path := filepath.Join(dir, "python")
			python(t, "interop/write_trace.py", rowsPath, path, variant)
			want := events
			if variant == "empty" || variant == "empty stream" {
				want = nil
			}
			r := read(t, path, want)
			if variant == "file" && r.Metadata()[MetaHost] != "py" {
				t.Errorf("metadata %v", r.Metadata())
			}
			// What was read can be written again.
			if r, err = Open(path, ReaderOptions{}); err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			mergeAll(t, WriterOptions{File: true, BatchRows: 30}, MergeOptions{}, r)
		})
	}
	for _, variant := range []string{"file", "stream"} {
		t.Run("node "+variant, func(t *testing.T) {
			path := filepath.Join(dir, "node")
			node(t, "write_trace.mjs", rowsPath, path, variant)
			if r := read(t, path, events); r.Metadata()[MetaHost] != "js" {
				t.Errorf("metadata %v", r.Metadata())
			}
		})
	}
	t.Run("further columns", func(t *testing.T) {
		path := filepath.Join(dir, "further")
		python(t, "interop/write_trace.py", rowsPath, path, "further")
		r, err := Open(path, ReaderOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		out := filepath.Join(dir, "merged.arrow")
		w, err := Create(out, WriterOptions{BatchRows: 10})
		if err != nil {
			t.Fatal(err)
		}
		if err := Merge(w, []*Reader{r}, MergeOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if r, err = Open(out, ReaderOptions{}); err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for n := 0; ; {
			batch, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			for x, f := range r.ExtraColumns() {
				for i := range batch.N {
					got, row := r.Extra(x).ValueStr(i), n+i
					want := "h" + strconv.Itoa(row%3)
					if f.Name == "nested" {
						want = `{"a":[` + strconv.Itoa(row) + `,null],"b":"` + strconv.Itoa(row) + `"}`
						got = r.Extra(x).(*array.Struct).ValueStr(i)
					}
					if got != want {
						t.Fatalf("row %d: %s is %s, want %s", row, f.Name, got, want)
					}
				}
			}
			n += batch.N
		}
		var s seen
		decode(t, python(t, "interop/read_trace.py", out), &s)
		if s.Schema["host"][0] != "string" {
			t.Errorf("host is %v", s.Schema["host"])
		}
	})
}
