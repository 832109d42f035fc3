package replay_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
)

func writeTrace(tb testing.TB, path string, rows []format.Event) {
	tb.Helper()
	w, err := format.Create(path, format.WriterOptions{Metadata: format.Metadata{format.MetaHost: "bench"}})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range rows {
		if err := w.Write(&rows[i]); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
}

func replayFile(tb testing.TB, path string) *replay.Result {
	tb.Helper()
	r, err := format.Open(path, format.ReaderOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	defer r.Close()
	c := replay.New(replay.Options{Metadata: r.Metadata()})
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			tb.Fatal(err)
		}
		if err := c.Batch(b); err != nil {
			tb.Fatal(err)
		}
	}
	return c.Finish(replay.End{Truncated: r.Truncated()})
}

// TestFileOrStream: the container a trace is in makes no difference to what is found in it.
func TestFileOrStream(t *testing.T) {
	rows := steadyWorld(301)
	rows = rows[:len(rows)-8] // the last open is never completed
	dir := t.TempDir()
	var results []*replay.Result
	for _, name := range []string{"t.arrow", "t.arrows"} {
		path := filepath.Join(dir, name)
		writeTrace(t, path, rows)
		results = append(results, replayFile(t, path))
	}
	if a, b := results[0], results[1]; len(a.Findings) == 0 || len(a.Findings) != len(b.Findings) || a.Verdict != b.Verdict || a.Events != b.Events {
		t.Errorf("file: %v %d findings, stream: %v %d findings", a.Verdict, len(a.Findings), b.Verdict, len(b.Findings))
	}
}

// BenchmarkReplayFile replays a trace from a file, reading included. More than a fifth of
// its rows carry detail.
func BenchmarkReplayFile(b *testing.B) {
	path := filepath.Join(b.TempDir(), "bench.arrow")
	rows := steadyWorld(200_000)
	detail := 0
	for i := range rows {
		if rows[i].Has&format.HasDetail != 0 {
			detail++
		}
	}
	n := len(rows)
	writeTrace(b, path, rows)
	rows = nil
	st, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(st.Size())
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		replayFile(b, path)
	}
	b.ReportMetric(float64(detail)/float64(n)*100, "%detail")
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
