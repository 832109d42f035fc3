package replay_test

import (
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/internal/interop"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

func duckDB(tb testing.TB) string {
	tb.Helper()
	return interop.Python(tb, "testdata/duckdb/requirements.txt", "duckdb, pyarrow")
}

// claimedTwice is the steady world in which another call manager then registers what is
// registered, and NDIS lets it.
func claimedTwice(opens int) []format.Event {
	rows := steadyWorld(opens)
	last := rows[len(rows)-1]
	w := &world{rows: rows, ts: last.TS, id: last.CallID, tid: 99}
	w.nest(ndis.ProtocolBindAdapterEx, "cm2", func(e *format.Event) { w.adapter(e, 0xa0) }, func() {
		w.call(ndis.NdisOpenAdapterEx, "cm2", func(e *format.Event) {
			e.Context, e.Has = 0x5100, e.Has|format.HasContext
			w.detail(e, `{"protocol":"0x7100"}`)
		}, func(e *format.Event) { e.Binding, e.Has = 0x6100, e.Has|format.HasBinding })
		w.call(ndis.NdisCmRegisterAddressFamilyEx, "cm2", func(e *format.Event) {
			e.Binding, e.Has = 0x6100, e.Has|format.HasBinding
			w.af(e)
		}, nil)
	}, nil)
	for i := range w.rows {
		if e := &w.rows[i]; e.Function == ndis.NdisOpenAdapterEx && e.Phase == format.PhaseEnter {
			w.adapter(e, 0xa0)
		}
	}
	return w.rows
}

// duplicates counts the registrations that the replay found to be of an AF that is held.
func duplicates(r *replay.Result) (n int) {
	for i := range r.Findings {
		if r.Findings[i].Rule == rule.REG01 || r.Findings[i].Rule == rule.REG02 || slices.Contains(r.Findings[i].Also, rule.REG01) {
			n++
		}
	}
	return n
}

// BenchmarkAgainstDuckDB reports the time of a full replay of a file as a multiple of that of
// a DuckDB query which finds duplicate registrations in it, and nothing else.
func BenchmarkAgainstDuckDB(b *testing.B) {
	python := duckDB(b)
	opens := 200_000
	if testing.Short() {
		opens = 2_000
	}
	path := filepath.Join(b.TempDir(), "bench.arrow")
	rows := claimedTwice(opens)
	n := len(rows)
	writeTrace(b, path, rows)
	rows = nil
	out, err := exec.Command(python, "testdata/duckdb/duplicates.py", path).Output()
	if err != nil {
		var e *exec.ExitError
		if errors.As(err, &e) {
			b.Fatalf("%v: %s", err, e.Stderr)
		}
		b.Fatal(err)
	}
	var theirs struct {
		Duplicates int
		Seconds    []float64
	}
	if err := json.Unmarshal(out, &theirs); err != nil || len(theirs.Seconds) == 0 {
		b.Fatalf("output %q: %v", out, err)
	}
	ours := time.Duration(1<<63 - 1)
	for b.Loop() {
		begun := time.Now()
		r := replayFile(b, path)
		ours = min(ours, time.Since(begun))
		if got := duplicates(r); got != theirs.Duplicates || got != 1 {
			b.Fatalf("the replay finds %d duplicate registrations, DuckDB %d, there is 1: %+v", got, theirs.Duplicates, r.Findings)
		}
	}
	best := slices.Min(theirs.Seconds)
	b.ReportMetric(ours.Seconds()/best, "times-duckdb")
	b.ReportMetric(float64(n)/best, "duckdb-events/s")
	b.ReportMetric(float64(n)/ours.Seconds(), "events/s")
}
