package export

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/aftrace/aftrace/analysis/check"
	"github.com/aftrace/aftrace/analysis/table"
)

// BenchmarkTables compares a replay of a file with one that writes the tables of spans,
// findings and objects too. Every second row is about an AF open that lives a few rows, and
// every row about several objects: the tables are as large as they get.
func BenchmarkTables(b *testing.B) {
	opens := 50_000
	if testing.Short() {
		opens = 500
	}
	dir := b.TempDir()
	path := filepath.Join(dir, "busy.arrow")
	writeTrace(b, path, "busy.af", busy(opens), "busy")
	run := func(name string, outs ...string) {
		b.Run(name, func(b *testing.B) {
			events := uint64(0)
			for b.Loop() {
				var list []Output
				for _, what := range outs {
					list = append(list, Output{what, filepath.Join(dir, what+".arrow")})
				}
				x, err := New(list, check.Options{})
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
				events += t.Result.Events
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
		})
	}
	run("replay")
	run("spans", table.Spans)
	run("objects", table.Objects)
	run("all", table.Spans, table.Findings, table.Objects)
}
