package export

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aftrace/aftrace/analysis/check"
	"github.com/aftrace/aftrace/analysis/generate"
	"github.com/aftrace/aftrace/analysis/life"
	"github.com/aftrace/aftrace/analysis/table"
	"github.com/aftrace/aftrace/analysis/timing"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/gen"
)

// BenchmarkTables compares a replay of a file with replays of it that record timings or write
// tables too: each figure x-NAME is the median of how many times as long they took, one after
// the other. x-timings is of the calls (run --timings), x-intervals of the calls and intervals
// (timings), x-tables of spans, findings and objects together. -cpu 1 compares the work, -cpu 2
// the time on two cores, of which run takes one: it judges a trace a core.
//
// wan is a generated history. In busy every second row is about an AF open that lives a few
// rows, and every row about several objects: its tables are as large as they get.
func BenchmarkTables(b *testing.B) {
	dir := b.TempDir()
	opens, events := 50_000, uint64(1_000_000)
	if testing.Short() {
		opens, events = 500, 10_000
	}
	busyTrace, wan := filepath.Join(dir, "busy.arrow"), filepath.Join(dir, "wan.arrow")
	writeTrace(b, busyTrace, "busy.af", busy(opens), "busy")
	if _, err := generate.Trace(context.Background(), wan, generate.Options{Gen: gen.Options{Seed: 1, Events: events, Adapters: gen.DefaultAdapters}}); err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct{ name, path string }{{"wan", wan}, {"busy", busyTrace}} {
		b.Run(c.name, func(b *testing.B) { benchmarkTables(b, dir, c.path) })
	}
}

func benchmarkTables(b *testing.B, dir, path string) {
	sets := []struct {
		name string
		outs []string
	}{
		{"x-spans", []string{table.Spans}},
		{"x-objects", []string{table.Objects}},
		{"x-tables", []string{table.Spans, table.Findings, table.Objects}},
	}
	ratios := make([][]float64, len(sets))
	var plain, timed, intervals []float64
	replayed := func(o check.Options) time.Duration {
		from := time.Now()
		t, err := check.Trace(context.Background(), path, o)
		if err != nil || t.Err != nil {
			b.Fatal(err, t.Err)
		}
		d := time.Since(from)
		if o.Replay.Hook == nil {
			plain = append(plain, float64(d.Nanoseconds())/float64(t.Result.Events))
		}
		return d
	}
	for b.Loop() {
		for i, s := range sets {
			without := replayed(check.Options{})
			for _, w := range s.outs { // to empty a large file takes time too
				_ = os.Remove(filepath.Join(dir, w+".out.arrow"))
			}
			from := time.Now()
			exportOnce(b, dir, path, s.outs)
			ratios[i] = append(ratios[i], float64(time.Since(from))/float64(without))
		}
		without := replayed(check.Options{})
		with := replayed(check.Options{Replay: replay.Options{Hook: timing.New()}})
		timed = append(timed, float64(with)/float64(without))
		calls, follow := timing.NewAside(timing.New()), life.New()
		follow.Spans, follow.Kinds = calls, timing.Kinds
		x := timing.New().Attach(follow)
		without = replayed(check.Options{})
		from := time.Now()
		replayed(check.Options{Replay: replay.Options{Hook: follow}, Batch: x.Batch, Ahead: true})
		follow.Finish()
		calls.Finish()
		intervals = append(intervals, float64(time.Since(from))/float64(without))
	}
	b.ReportMetric(median(plain), "ns/event")
	b.ReportMetric(median(timed), "x-timings")
	b.ReportMetric(median(intervals), "x-intervals")
	for i, s := range sets {
		b.ReportMetric(median(ratios[i]), s.name)
	}
}

func exportOnce(b *testing.B, dir, path string, what []string) {
	var outs []Output
	for _, w := range what {
		outs = append(outs, Output{w, filepath.Join(dir, w+".out.arrow")})
	}
	x, err := New(outs, check.Options{Ahead: true})
	if err != nil {
		b.Fatal(err)
	}
	t, err := x.Add(context.Background(), path, nil, nil)
	if err != nil || t.Err != nil {
		b.Fatal(err, t.Err)
	}
	if err := x.Close(); err != nil {
		b.Fatal(err)
	}
}

func median(v []float64) float64 {
	slices.Sort(v)
	return (v[len(v)/2] + v[(len(v)-1)/2]) / 2
}
