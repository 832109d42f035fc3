package collect_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// feed is a source whose rows come when the test sends them.
type feed chan any // format.Event or error

func (f feed) Next(ctx context.Context, e *format.Event) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case v, ok := <-f:
		if !ok {
			return io.EOF
		}
		if err, ok := v.(error); ok {
			return err
		}
		*e = v.(format.Event)
		return nil
	}
}

func (f feed) Close() error { return nil }

func at(ts time.Duration, tid uint64) format.Event {
	return format.Event{TS: int64(ts), TID: tid, Function: ndis.ProtocolCmOpenAf, Source: format.SourceETW, Has: format.HasTID}
}

func rowsOf(t *testing.T, b []byte) []format.Event {
	t.Helper()
	r, err := format.NewReader(bytes.NewReader(b), "test", format.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var rows []format.Event
	for e, err := range r.Events() {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, *e)
	}
	return rows
}

func TestRunOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		w, err := format.NewWriter(&out, format.WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		src := make(feed)
		type result struct {
			s   collect.RunSummary
			err error
		}
		done := make(chan result)
		go func() {
			s, err := collect.Run(context.Background(), src, w, collect.RunOptions{Window: time.Second})
			done <- result{s, err}
		}()
		src <- at(3000*time.Millisecond, 3)
		src <- at(2500*time.Millisecond, 1)
		src <- at(2500*time.Millisecond, 2) // as it came
		synctest.Wait()
		if w.Rows() != 0 {
			t.Errorf("%d rows written before the window passed", w.Rows())
		}
		src <- at(4100*time.Millisecond, 5)
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if w.Rows() != 3 {
			t.Errorf("%d rows written, want those before 3.1 s", w.Rows())
		}
		src <- at(2900*time.Millisecond, 4) // too late
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		if w.Rows() != 5 {
			t.Errorf("%d rows written of a source that fell silent, want all", w.Rows())
		}
		gap := format.Event{TS: int64(6 * time.Second), Phase: format.PhaseGap, Source: format.SourceETW, Lost: 7, Has: format.HasLost}
		src <- gap
		close(src)
		r := <-done
		if r.err != nil {
			t.Fatal(r.err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		var tids []uint64
		for i, e := range rowsOf(t, out.Bytes()) {
			if e.Seq != uint64(i+1) {
				t.Errorf("row %d has seq %d", i, e.Seq)
			}
			tids = append(tids, e.TID)
		}
		if !slices.Equal(tids, []uint64{1, 2, 3, 4, 5, 0}) && !slices.Equal(tids, []uint64{1, 2, 3, 5, 4, 0}) {
			t.Errorf("order %v", tids)
		}
		if r.s.Late != 1 || r.s.Events != 6 || r.s.Gaps != 1 || r.s.Lost != 7 || r.s.Start.UnixNano() != int64(2500*time.Millisecond) {
			t.Errorf("%+v", r.s)
		}
	})
}

// TestRunInterrupted holds that the rows read before an interrupt, and before an error of the
// source, are written.
func TestRunInterrupted(t *testing.T) {
	broken := errors.New("broken")
	for _, interrupt := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			w, _ := format.NewWriter(&out, format.WriterOptions{})
			ctx, cancel := context.WithCancel(context.Background())
			src := make(feed)
			done := make(chan error)
			go func() {
				_, err := collect.Run(ctx, src, w, collect.RunOptions{})
				done <- err
			}()
			for i := range 10 {
				src <- at(time.Duration(10-i)*time.Millisecond, 1)
			}
			if interrupt {
				cancel()
			} else {
				src <- broken
			}
			if err := <-done; interrupt && err != nil || !interrupt && err != broken {
				t.Errorf("interrupt %v: %v", interrupt, err)
			}
			cancel()
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			rows := rowsOf(t, out.Bytes())
			if len(rows) != 10 || !slices.IsSortedFunc(rows, func(a, b format.Event) int { return int(a.TS - b.TS) }) {
				t.Errorf("%d rows", len(rows))
			}
		})
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestRunOutputFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := format.NewWriter(failingWriter{}, format.WriterOptions{BatchRows: 1000})
		src := make(feed)
		done := make(chan error)
		go func() {
			_, err := collect.Run(context.Background(), src, w, collect.RunOptions{Window: time.Second})
			done <- err
		}()
		go func() {
			for i := range 5 {
				src <- at(time.Duration(i)*time.Second, 1)
			}
		}()
		if err := <-done; !errors.Is(err, collect.ErrOutput) {
			t.Error(err)
		}
	})
}

// TestRunBounded holds that a source without end and with time that stands still does not
// fill the memory.
func TestRunBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		w, _ := format.NewWriter(&out, format.WriterOptions{})
		src := make(feed)
		done := make(chan collect.RunSummary)
		go func() {
			s, err := collect.Run(context.Background(), src, w, collect.RunOptions{MaxHeld: 100, Flush: -1})
			if err != nil {
				t.Error(err)
			}
			done <- s
		}()
		rng := rand.New(rand.NewPCG(1, 2))
		for range 1000 {
			src <- at(time.Duration(rng.IntN(1000)), 1)
		}
		synctest.Wait()
		if w.Rows() < 1000-200 {
			t.Errorf("%d rows written, at most 200 may be held", w.Rows())
		}
		close(src)
		if s := <-done; s.Events != 1000 || s.Late == 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestRunDuplicates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := format.NewWriter(io.Discard, format.WriterOptions{})
		src := make(feed, 100)
		for i := range 3 {
			e := at(time.Duration(i)*time.Millisecond, 9)
			src <- e
			e.Source, e.TS = format.SourceDTrace, e.TS+int64(20*time.Microsecond)
			src <- e
		}
		close(src)
		s, err := collect.Run(context.Background(), src, w, collect.RunOptions{})
		if err != nil || s.Duplicates != 3 || s.Events != 3 {
			t.Error(fmt.Sprint(err), s)
		}
	})
}
