package collect

import (
	"context"
	"errors"
	"io"
	"math"
	"sync"
	"time"

	"github.com/aftrace/aftrace/format"
)

// RunOptions says how Run orders and writes. The zero value is the default.
type RunOptions struct {
	// Window is how long a row is held so that rows which come later, but happened before,
	// get in front of it (default 2 s).
	Window time.Duration
	// MaxHeld bounds the rows that are held, about 200 bytes each (default 1,048,576), as do
	// 256 MiB of labels and details; of more, the oldest are written early.
	MaxHeld int
	// Flush is how often what was written is made to survive a crash (default 1 s; less
	// than 0 is never).
	Flush time.Duration
}

// RunSummary is what Run wrote.
type RunSummary struct {
	Events     uint64 `json:"events"` // rows, gap rows included
	Gaps       uint64 `json:"gaps"`   // rows that say that events were lost
	Lost       uint64 `json:"lost"`   // sum of the gap rows that say how many
	Duplicates uint64 `json:"duplicates"`
	Late       uint64 `json:"late"`  // rows that came too late to be put in order
	Start      Time   `json:"start"` // of the earliest row; zero if there is none
	End        Time   `json:"end"`   // of the latest row
}

// RowWriter is where rows go: a *format.Writer, or what divides them among several.
type RowWriter interface {
	Write(*format.Event) error
	// Flush makes what was written survive a crash.
	Flush() error
}

// Run reads src until its end, or until ctx ends, and writes the rows to w in the order of
// time: numbered, each crossing once. It closes neither. What was read is written in
// every case but an error of w. The error is that of src or w, which then wraps
// ErrOutput; the end of ctx is none.
func Run(ctx context.Context, src Source, w RowWriter, o RunOptions) (RunSummary, error) {
	if o.Window <= 0 {
		o.Window = 2 * time.Second
	}
	if o.MaxHeld <= 0 {
		o.MaxHeld = 1 << 20
	}
	if o.Flush == 0 {
		o.Flush = time.Second
	}
	r := runner{o: o, w: w, newest: math.MinInt64, last: math.MinInt64}
	r.inbox.ready = make(chan struct{}, 1)
	r.inbox.room.L = &r.inbox.mu
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	read := make(chan error, 1)
	go func() { read <- r.inbox.fill(ctx, src, o.MaxHeld) }()

	tick := time.NewTicker(max(min(o.Window/4, 100*time.Millisecond), time.Millisecond))
	defer tick.Stop()
	flushed, arrived := time.Now(), time.Now()
	var rows []format.Event
	for {
		var ended bool
		var err error
		select {
		case err = <-read:
			ended = true
		case <-r.inbox.ready:
		case <-tick.C:
		}
		if rows = r.inbox.take(rows[:0]); len(rows) > 0 {
			arrived = time.Now()
		}
		until := int64(math.MinInt64)
		for i := range rows {
			r.hold(&rows[i])
		}
		switch {
		case ended || time.Since(arrived) >= o.Window:
			until = math.MaxInt64
		case r.newest > math.MinInt64+int64(o.Window):
			until = r.newest - int64(o.Window)
		}
		werr := r.release(until)
		if werr == nil && o.Flush > 0 && time.Since(flushed) >= o.Flush {
			flushed, werr = time.Now(), w.Flush()
		}
		if werr != nil {
			werr = fail(werr, ErrOutput)
			if !ended {
				stop()
				<-read
			}
			return r.result(), werr
		}
		if ended {
			if err == io.EOF || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
				err = nil
			}
			return r.result(), err
		}
	}
}

// inbox takes rows from the goroutine that reads the source to the one that writes.
type inbox struct {
	mu    sync.Mutex
	room  sync.Cond
	rows  []format.Event
	text  int // bytes of their labels and details
	ready chan struct{}
}

// fill reads src until it ends. It waits while more than max rows are not taken.
func (b *inbox) fill(ctx context.Context, src Source, max int) error {
	wake := context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.room.Broadcast()
	})
	defer wake()
	var e format.Event
	for {
		if err := src.Next(ctx, &e); err != nil {
			return err
		}
		b.mu.Lock()
		for (len(b.rows) >= max || b.text >= runText) && ctx.Err() == nil {
			b.room.Wait()
		}
		b.rows = append(b.rows, e)
		b.text += textSize(&e)
		b.mu.Unlock()
		select {
		case b.ready <- struct{}{}:
		default:
		}
	}
}

// take returns the rows so far and leaves the memory of spare for further ones.
func (b *inbox) take(spare []format.Event) []format.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	rows := b.rows
	b.rows, b.text = spare, 0
	b.room.Signal()
	return rows
}

// runner holds rows in a heap by time, then by arrival.
type runner struct {
	o      RunOptions
	w      RowWriter
	inbox  inbox
	rows   []format.Event // slots
	free   []uint32
	heap   []heldRow
	n      uint64 // rows held so far
	text   int    // bytes of labels and details of the rows held
	newest int64  // time
	last   int64  // time of the last row written
	seq    uint64
	first  int64
	routes uint16
	dup    duplicates
	sum    RunSummary
}

type heldRow struct {
	ts   int64
	n    uint64
	slot uint32
}

func (a *heldRow) before(b *heldRow) bool { return a.ts < b.ts || a.ts == b.ts && a.n < b.n }

func (r *runner) hold(e *format.Event) {
	var slot uint32
	if k := len(r.free); k > 0 {
		slot, r.free = r.free[k-1], r.free[:k-1]
		r.rows[slot] = *e
	} else {
		slot = uint32(len(r.rows))
		r.rows = append(r.rows, *e)
	}
	r.newest = max(r.newest, e.TS)
	r.text += textSize(e)
	if e.Phase != format.PhaseGap {
		r.routes |= 1 << e.Source
	}
	r.heap = append(r.heap, heldRow{e.TS, r.n, slot})
	r.n++
	h := r.heap
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !h[i].before(&h[up]) {
			break
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
}

func (r *runner) pop() uint32 {
	h := r.heap
	slot := h[0].slot
	k := len(h) - 1
	h[0], h = h[k], h[:k]
	r.heap = h
	for i := 0; ; {
		down := 2*i + 1
		if down >= k {
			break
		}
		if down+1 < k && h[down+1].before(&h[down]) {
			down++
		}
		if !h[down].before(&h[i]) {
			break
		}
		h[i], h[down] = h[down], h[i]
		i = down
	}
	return slot
}

// release writes the rows up to a time, and more if too many are held.
func (r *runner) release(until int64) error {
	for len(r.heap) > 0 && (r.heap[0].ts <= until || len(r.heap) > r.o.MaxHeld || r.text > runText) {
		slot := r.pop()
		e := &r.rows[slot]
		r.text -= textSize(e)
		err := r.write(e)
		*e = format.Event{} // frees its strings
		r.free = append(r.free, slot)
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) write(e *format.Event) error {
	if e.TS < r.last {
		r.sum.Late++
	}
	if r.routes&(r.routes-1) != 0 && r.dup.is(e) {
		return nil
	}
	r.seq++
	e.Seq = r.seq
	if err := r.w.Write(e); err != nil {
		return err
	}
	if r.seq == 1 {
		r.first = e.TS
	}
	r.first, r.last = min(r.first, e.TS), max(r.last, e.TS)
	r.sum.Events++
	if e.Phase != format.PhaseGap {
		return nil
	}
	r.sum.Gaps++
	if e.Has&format.HasLost != 0 {
		r.sum.Lost += e.Lost
	}
	return nil
}

func (r *runner) result() RunSummary {
	r.sum.Duplicates = r.dup.count
	if r.seq > 0 {
		r.sum.Start, r.sum.End = Time{unixTime(r.first)}, Time{unixTime(r.last)}
	}
	return r.sum
}
