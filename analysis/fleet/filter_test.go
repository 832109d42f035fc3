package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/aftrace/aftrace/analysis/check"
	"github.com/aftrace/aftrace/analysis/table"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay/scenario"
)

// host is a world of a test: the rows of a scenario.
type host struct {
	name, boot, region string
	events             []format.Event
	at                 int
}

// hosts are scenarios of the corpus that need no options, every nth of them.
func hosts(t testing.TB, nth int) (list []*host) {
	t.Helper()
	files, err := filepath.Glob("../../testdata/scenarios/*/*.af")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for i, path := range files {
		if i%nth != 0 {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := scenario.Compile(path, string(text))
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Options) > 0 || len(s.Metadata) > 0 || s.Cut || s.Strict != 0 || len(s.Events) == 0 {
			continue
		}
		list = append(list, &host{
			name: fmt.Sprintf("host-%03d", i/2), boot: fmt.Sprintf("boot-%d", i%2), region: []string{"north", "south"}[i%2], events: s.Events,
		})
	}
	return list
}

// stream writes the rows of hosts in a random mixture, or one host after the other.
func stream(t testing.TB, list []*host, mixed bool, rowsPerBatch int) []byte {
	t.Helper()
	var out bytes.Buffer
	text := func(name string) arrow.Field {
		return arrow.Field{Name: name, Type: arrow.BinaryTypes.String, Nullable: true}
	}
	w, err := format.NewWriter(&out, format.WriterOptions{Extra: []arrow.Field{text("host"), text("boot_id"), text("region")}})
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	var batch format.Batch
	cols := make([]*array.StringBuilder, 3)
	for i := range cols {
		cols[i] = array.NewStringBuilder(memory.DefaultAllocator)
	}
	seq := uint64(0)
	flush := func() {
		if batch.N == 0 {
			return
		}
		extra := make([]arrow.Array, len(cols))
		for i, c := range cols {
			extra[i] = c.NewArray()
		}
		if err := w.WriteBatchExtra(&batch, extra); err != nil {
			t.Fatal(err)
		}
		batch.Reset()
	}
	var left []*host
	for _, h := range list {
		h.at = 0
		left = append(left, h)
	}
	for len(left) > 0 {
		k := 0
		if mixed {
			k = rnd.IntN(len(left))
		}
		h := left[k]
		for range 1 + rnd.IntN(4) {
			if h.at == len(h.events) {
				break
			}
			e := h.events[h.at]
			h.at++
			seq++
			e.Seq = seq
			batch.Append(&e)
			cols[0].Append(h.name)
			cols[1].Append(h.boot)
			cols[2].Append(h.region)
			if batch.N == rowsPerBatch {
				flush()
			}
		}
		if h.at == len(h.events) {
			left = slices.Delete(left, k, k+1)
		}
	}
	flush()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// filtered runs Filter and reads the table, a line for each row.
func filtered(t testing.TB, in []byte, o Options) (Summary, []string) {
	t.Helper()
	var out bytes.Buffer
	sum, err := Filter(context.Background(), bytes.NewReader(in), "-", &out, o)
	if err != nil {
		t.Fatal(err)
	}
	return sum, lines(t, out.Bytes())
}

func lines(t testing.TB, data []byte) (list []string) {
	t.Helper()
	r, err := ipc.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	for r.Next() {
		rec := r.Record()
		for i := range int(rec.NumRows()) {
			var cells []string
			for c := range int(rec.NumCols()) {
				cells = append(cells, rec.ColumnName(c)+"="+rec.Column(c).ValueStr(i))
			}
			list = append(list, strings.Join(cells, " "))
		}
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	return list
}

// However the rows of hosts are mixed and cut into batches, each host is judged as if it were
// alone.
func TestWorldsAreJudgedApart(t *testing.T) {
	list := hosts(t, 4)
	alone := map[string]string{}
	findings := 0
	for _, h := range list {
		sum, rows := filtered(t, stream(t, []*host{h}, false, 1000), Options{Emit: table.Verdicts})
		if sum.Worlds != 1 || len(rows) != 1 {
			t.Fatalf("%s: %d worlds, %d rows", h.name, sum.Worlds, len(rows))
		}
		alone[h.name+"/"+h.boot] = verdictOf(rows[0])
		if strings.Contains(rows[0], "verdict=violations") {
			findings++
		}
	}
	if findings < 20 {
		t.Fatalf("only %d of %d hosts have violations: the test shows little", findings, len(list))
	}
	for _, size := range []int{1, 7, 1000} {
		for _, mixed := range []bool{false, true} {
			sum, rows := filtered(t, stream(t, list, mixed, size), Options{Emit: table.Verdicts, Keys: []string{"region", "rack"}, Grouped: !mixed})
			if sum.Worlds != len(list) || len(rows) != len(list) || sum.ExitCode != 1 || !slices.Equal(sum.Missing, []string{"rack"}) {
				t.Fatalf("batches of %d: %d worlds, %d rows, exit code %d; want %d hosts", size, sum.Worlds, len(rows), sum.ExitCode, len(list))
			}
			for _, row := range rows {
				key := cellOf(row, "host") + "/" + cellOf(row, "boot_id")
				if got := verdictOf(row); got != alone[key] {
					t.Errorf("%s: %s, alone %s", key, got, alone[key])
				}
				if r := cellOf(row, "region"); r != "north" && r != "south" || cellOf(row, "rack") != array.NullValueStr {
					t.Errorf("keys are not passed on: %s", row)
				}
			}
		}
	}
}

// verdictOf is what of a row of the table of verdicts does not depend on the numbers of rows.
func verdictOf(row string) string {
	var parts []string
	for _, k := range []string{"verdict", "events", "lost", "errors", "warnings", "infos", "inconclusive", "conflicts", "rules_evaluated", "rules_not_checked"} {
		parts = append(parts, k+"="+cellOf(row, k))
	}
	return strings.Join(parts, " ")
}

func cellOf(row, key string) string {
	_, rest, _ := strings.Cut(" "+row, " "+key+"=")
	v, _, _ := strings.Cut(rest, " ")
	return v
}

// The other tables have the rows of the worlds too.
func TestTablesOfWorlds(t *testing.T) {
	list := hosts(t, 16)
	for _, emit := range []string{table.Spans, table.Findings, table.Objects} {
		want := 0
		for _, h := range list {
			_, rows := filtered(t, stream(t, []*host{h}, false, 1000), Options{Emit: emit})
			want += len(rows)
		}
		_, rows := filtered(t, stream(t, list, true, 64), Options{Emit: emit})
		if len(rows) != want || want == 0 {
			t.Errorf("%s: %d rows, want %d", emit, len(rows), want)
		}
		for _, row := range rows {
			if !strings.HasPrefix(cellOf(row, "host"), "host-") || !strings.HasPrefix(cellOf(row, "trace"), cellOf(row, "host")) {
				t.Fatalf("%s: %s", emit, row)
			}
		}
	}
}

func TestWithoutKeysItIsOneWorld(t *testing.T) {
	h := hosts(t, 64)[0]
	var out bytes.Buffer
	w, err := format.NewWriter(&out, format.WriterOptions{Metadata: format.Metadata{format.MetaHost: "ws7", format.MetaBootID: "b1"}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range h.events {
		if err := w.Write(&h.events[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	sum, rows := filtered(t, out.Bytes(), Options{Emit: table.Verdicts})
	if sum.Worlds != 1 || cellOf(rows[0], "host") != "ws7" || cellOf(rows[0], "boot_id") != "b1" || cellOf(rows[0], "trace") != "-" {
		t.Errorf("%+v %v", sum, rows)
	}
}

func TestBadStreams(t *testing.T) {
	list := hosts(t, 8)
	good := stream(t, list, true, 50)
	var input *InputError
	// Cut off: what came before is judged, and is unreadable as a whole.
	var out bytes.Buffer
	sum, err := Filter(context.Background(), bytes.NewReader(good[:len(good)*2/3]), "-", &out, Options{Emit: table.Verdicts})
	if err != nil && !errors.As(err, &input) {
		t.Errorf("cut stream: %v", err)
	}
	if rows := lines(t, out.Bytes()); len(rows) != sum.Worlds || sum.Worlds == 0 {
		t.Errorf("cut stream: %d rows of %d worlds", len(rows), sum.Worlds)
	}
	for _, row := range lines(t, out.Bytes()) {
		if v := cellOf(row, "verdict"); v == "conforms" {
			t.Errorf("a world of a cut stream conforms: %s", row)
		}
	}
	// Cut off before a row.
	one := stream(t, list, true, 1<<20)
	if sum, err := Filter(context.Background(), bytes.NewReader(one[:len(one)-1000]), "-", &bytes.Buffer{}, Options{Emit: table.Verdicts}); err != nil || sum.Worlds != 0 || sum.ExitCode != 4 {
		t.Errorf("cut before a row: %+v %v", sum, err)
	}
	// Rows that do not come together although somebody said so.
	if _, err := Filter(context.Background(), bytes.NewReader(good), "-", &out, Options{Emit: table.Verdicts, Grouped: true}); !errors.Is(err, ErrReturned) {
		t.Errorf("mixed rows with Grouped: %v", err)
	}
	// No stream at all.
	if _, err := Filter(context.Background(), strings.NewReader("nonsense"), "-", &out, Options{Emit: table.Verdicts}); !errors.As(err, &input) {
		t.Errorf("nonsense: %v", err)
	}
	// Output that cannot be written.
	if _, err := Filter(context.Background(), bytes.NewReader(good), "-", brokenPipe{}, Options{Emit: table.Spans}); err == nil || errors.As(err, &input) {
		t.Errorf("broken pipe: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Filter(ctx, bytes.NewReader(good), "-", &out, Options{Emit: table.Spans, Check: check.Options{}}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }
