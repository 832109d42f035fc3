package format

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"
)

// What Ahead reads is what its Reader reads, whatever is wrong with the trace, and the batch that
// it has given out stays as it is while the next one is read.
func TestAheadReadsTheSame(t *testing.T) {
	type source interface {
		Next() (*Batch, error)
		Offset() int64
		Rows() uint64
	}
	all := func(raw []byte, ahead, slow bool) []string {
		r, err := NewReader(bytes.NewReader(raw), "test", ReaderOptions{})
		if err != nil {
			return []string{err.Error()}
		}
		defer r.Close()
		md := r.Metadata()
		var from source = r
		stop := func() {}
		if ahead {
			a := r.Ahead()
			from, stop = a, a.Stop
		}
		var out []string
		for {
			b, err := from.Next()
			out = append(out, fmt.Sprint(from.Offset(), from.Rows(), err, md))
			if err != nil {
				break
			}
			if slow {
				time.Sleep(100 * time.Microsecond) // the next one is being read
			}
			for i := range b.N {
				var e Event
				b.Event(i, &e)
				out = append(out, fmt.Sprintf("%+v", e))
			}
		}
		_, again := from.Next()
		stop()
		return append(out, fmt.Sprint(again, r.Truncated(), r.Defects()))
	}
	compare := func(what string, got, want []string) {
		t.Helper()
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				t.Errorf("%s: read ahead:\n%.2000q\nwant\n%.2000q", what, got[min(i, len(got)):], want[min(i, len(want)):])
				return
			}
		}
	}
	for name, raw := range seeds(t) {
		compare(name, all(raw, true, true), all(raw, false, false))
		for i := 1; i < 40; i++ {
			at := len(raw) * i / 40
			flipped := slices.Clone(raw)
			flipped[at] ^= 0xff
			for what, bad := range map[string][]byte{"cut": raw[:at], "flipped": flipped} {
				compare(fmt.Sprintf("%s, %s at %d", name, what, at), all(bad, true, false), all(bad, false, false))
			}
		}
	}
}

// Stop before the end gives the Reader back.
func TestAheadStops(t *testing.T) {
	raw := writeTrace(t, sampleEvents(1000, 1), WriterOptions{BatchRows: 10})
	for n := range 5 {
		r, err := NewReader(bytes.NewReader(raw), "test", ReaderOptions{})
		if err != nil {
			t.Fatal(err)
		}
		a := r.Ahead()
		for range n {
			if _, err := a.Next(); err != nil {
				t.Fatal(err)
			}
		}
		a.Stop()
		a.Stop()
		if b, err := a.Next(); b != nil || err == nil || err == io.EOF {
			t.Errorf("after Stop: %v, %v", b, err)
		}
		rows := r.Rows() // it may have read two more
		if _, err := r.Next(); err != nil || r.Rows() != rows+10 || rows < uint64(10*n) || rows > uint64(10*n+20) {
			t.Errorf("after %d batches: %d rows, then %d, %v", n, rows, r.Rows(), err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
