package replay_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// liveOpens builds rows of n AF opens, none of which is closed. They come from eight clients.
func liveOpens(n int) []format.Event {
	rows := steadyWorld(0)
	w := &world{rows: rows, ts: rows[len(rows)-1].TS, id: rows[len(rows)-1].CallID}
	for i := range n {
		c := uint64(i % 8)
		h, cl, cm := uint64(0x100000+i*16), uint64(0x900000+i*16), uint64(0x4000000+i*16)
		w.tid = 10 + c
		w.nest(ndis.NdisClOpenAddressFamilyEx, "client", func(e *format.Event) {
			e.Binding, e.Context, e.Has = 0x2000+c*16, cl, e.Has|format.HasBinding|format.HasContext
			w.af(e)
		}, func() {
			w.call(ndis.ProtocolCmOpenAf, "cm", func(e *format.Event) {
				e.Context, e.AF, e.Has = 0x5000, h, e.Has|format.HasContext|format.HasAF
				w.af(e)
			}, func(e *format.Event) { e.Context, e.Has = cm, e.Has|format.HasContext })
		}, func(e *format.Event) { e.AF, e.Has = h, e.Has|format.HasAF })
	}
	return w.rows
}

// heldBytes replays n live opens and gives the heap that the Checker holds then.
func heldBytes(tb testing.TB, n int) uint64 {
	tb.Helper()
	bs := batches(liveOpens(n), 4096)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	c := replay.New(replay.Options{})
	for _, b := range bs {
		if err := c.Batch(b); err != nil {
			tb.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(bs)
	r := c.Finish(replay.End{})
	if r.Verdict != replay.Conforms || len(r.Defects) > 0 {
		tb.Fatalf("verdict %v, defects %v, findings %+v", r.Verdict, r.Defects, r.Findings[:min(3, len(r.Findings))])
	}
	if after.HeapAlloc < before.HeapAlloc {
		tb.Fatalf("the heap shrank from %d to %d bytes", before.HeapAlloc, after.HeapAlloc)
	}
	return after.HeapAlloc - before.HeapAlloc
}

// TestLiveOpensFit: 10,000 live AF opens take less than 50 MB.
func TestLiveOpensFit(t *testing.T) {
	const opens, bound = 10_000, 50_000_000
	held := heldBytes(t, opens)
	t.Logf("%d live opens: %d bytes, %d each", opens, held, held/opens)
	if held >= bound {
		t.Errorf("%d live opens take %d bytes, the bound is %d", opens, held, bound)
	}
	if held < opens*100 {
		t.Errorf("%d live opens take %d bytes: they are not all held", opens, held)
	}
}

// BenchmarkLiveOpens reports the memory of a live AF open.
func BenchmarkLiveOpens(b *testing.B) {
	const opens = 10_000
	var held uint64
	for range b.N {
		held = heldBytes(b, opens)
	}
	b.ReportMetric(float64(held)/opens, "bytes/open")
	b.ReportMetric(0, "ns/op")
}

// endless is a world in its steady state that goes on: each round has later times and new
// call ids, and the same handles.
type endless struct {
	head, body   []*format.Batch
	rows         int // of the body
	ts           int64
	seq, callIDs uint64
}

func newEndless() *endless {
	const opens = 1 << 14 // a multiple of the handles there are
	head, all := steadyWorld(0), steadyWorld(opens)
	body := all[len(head):]
	last := all[len(all)-1]
	return &endless{
		head: batches(head, 32768), body: batches(body, 32768), rows: len(body),
		ts: last.TS - head[len(head)-1].TS, seq: uint64(len(body)),
		callIDs: slices.MaxFunc(all, byCall).CallID - slices.MaxFunc(head, byCall).CallID,
	}
}

func byCall(a, b format.Event) int { return int(int64(a.CallID) - int64(b.CallID)) }

func (e *endless) next() {
	for _, b := range e.body {
		for i := range b.N {
			b.TS[i] += e.ts
			b.Seq[i] += e.seq
			b.CallID[i] += e.callIDs
		}
	}
}

// TestEndless: the world that the benchmark goes through is legal however long it goes on,
// and does not allocate.
func TestEndless(t *testing.T) {
	e := newEndless()
	c := replay.New(replay.Options{MaxDead: 1 << 10})
	play := func(list []*format.Batch) {
		for _, b := range list {
			if err := c.Batch(b); err != nil {
				t.Fatal(err)
			}
		}
	}
	play(e.head)
	play(e.body)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 4 {
		e.next()
		play(e.body)
	}
	runtime.ReadMemStats(&after)
	if n := after.Mallocs - before.Mallocs; n > 100 {
		t.Errorf("%d allocations in %d rows", n, 4*e.rows)
	}
	if r := c.Finish(replay.End{}); r.Verdict != replay.Conforms || len(r.Findings) > 0 || len(r.Defects) > 0 {
		t.Errorf("verdict %v, defects %v, %d findings", r.Verdict, r.Defects, len(r.Findings))
	}
}

// BenchmarkReplayLinear replays so many events with one Checker: the time of each does not
// depend on how many there were. AFTRACE_LONG=1 adds 100 million of them.
func BenchmarkReplayLinear(b *testing.B) {
	sizes := []int{1e5, 1e6, 1e7}
	if os.Getenv("AFTRACE_LONG") != "" {
		sizes = append(sizes, 1e8)
	}
	for _, size := range sizes {
		b.Run(fmt.Sprintf("events=%.0e", float64(size)), func(b *testing.B) {
			if testing.Short() && size > 1e6 {
				b.Skip("long")
			}
			var events int
			var mem runtime.MemStats
			for range b.N {
				b.StopTimer()
				e := newEndless()
				c := replay.New(replay.Options{})
				n := 0
				play := func(list []*format.Batch) {
					for _, x := range list {
						if n >= size {
							return
						}
						b.StartTimer()
						err := c.Batch(x)
						b.StopTimer()
						if err != nil {
							b.Fatal(err)
						}
						n += x.N
					}
				}
				play(e.head)
				for play(e.body); n < size; play(e.body) {
					e.next()
				}
				events += n
				runtime.GC()
				runtime.ReadMemStats(&mem)
				runtime.KeepAlive(c)
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
			b.ReportMetric(float64(mem.HeapAlloc)/1e6, "heap-MB")
		})
	}
}
