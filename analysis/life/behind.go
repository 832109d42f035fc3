package life

import (
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
)

// Behind lets a Follower follow in a goroutine of its own, so that the replay does not wait
// for it: Batch, Row and Finish of Behind are those of the Follower, whose callbacks run
// beside the replay, one at a time. Finish must be called, after a replay that failed too;
// what the Follower made is complete once it returns.
type Behind struct {
	f     *Follower
	part  *part
	batch *format.Batch
	todo  chan *part
	parts chan *part // that may be filled again
	done  chan struct{}
	// Copies of batches: the reader makes the next one in the same place.
	batches chan *format.Batch
}

// part is some rows of a batch.
type part struct {
	batch   *format.Batch
	n       int
	rows    [partRows]partRow
	used    int
	objects [partRows * replay.MaxObjects]replay.Object
}

type partRow struct {
	seq, call      uint64
	index, objects int // how many
}

const (
	partRows   = 1 << 10
	partsAhead = 4
)

// NewBehind makes f follow in a goroutine.
func NewBehind(f *Follower) *Behind {
	b := &Behind{
		f: f, todo: make(chan *part, partsAhead), parts: make(chan *part, partsAhead), done: make(chan struct{}),
		batches: make(chan *format.Batch, partsAhead),
	}
	for range partsAhead {
		b.parts <- &part{}
		b.batches <- &format.Batch{}
	}
	go b.follow()
	return b
}

func (b *Behind) follow() {
	defer close(b.done)
	var batch *format.Batch
	var row replay.Row
	for p := range b.todo {
		if p.batch != batch {
			if batch != nil {
				b.batches <- batch
			}
			batch = p.batch
			b.f.Batch(batch)
		}
		rest := p.objects[:]
		for i := range p.rows[:p.n] {
			r := &p.rows[i]
			row.Seq, row.CallSeq, row.Index, row.Objects = r.seq, r.call, r.index, rest[:r.objects]
			b.f.Row(&row)
			rest = rest[r.objects:]
		}
		p.n, p.used = 0, 0
		b.parts <- p
	}
}

// Batch says which rows the replay is given next.
func (b *Behind) Batch(from *format.Batch) {
	b.send()
	b.batch = <-b.batches
	b.batch.Reset()
	copyForLives(b.batch, from)
	b.part = <-b.parts
	b.part.batch = b.batch
}

// copyForLives copies what a Follower looks at.
func copyForLives(to, from *format.Batch) {
	n := from.N
	to.N = n
	to.Has = append(to.Has, from.Has[:n]...)
	to.TS = append(to.TS, from.TS[:n]...)
	to.TID = append(to.TID, from.TID[:n]...)
	to.Phase = append(to.Phase, from.Phase[:n]...)
	to.AFType = append(to.AFType, from.AFType[:n]...)
	to.Driver.Offsets = append(to.Driver.Offsets, from.Driver.Offsets[:n+1]...)
	to.Driver.Data = append(to.Driver.Data, from.Driver.Data[:from.Driver.Offsets[n]]...)
}

// send gives what was collected to the Follower.
func (b *Behind) send() {
	if b.part != nil {
		b.todo <- b.part
		b.part = nil
	}
}

// Row takes in what the replay says of a row. Its objects are not copied: the replay is
// given the place for those of the next row.
func (b *Behind) Row(r *replay.Row) {
	p := b.part
	x := &p.rows[p.n]
	x.seq, x.call, x.index, x.objects = r.Seq, r.CallSeq, r.Index, len(r.Objects)
	if len(r.Objects) > 0 && &r.Objects[0] != &p.objects[p.used] {
		copy(p.objects[p.used:], r.Objects) // the first row of a part
	}
	p.used += len(r.Objects)
	if p.n++; p.n == partRows {
		b.send()
		p = <-b.parts
		p.batch, b.part = b.batch, p
	}
	r.Objects = p.objects[p.used:p.used:len(p.objects)]
}

// Finish waits for the Follower and finishes it.
func (b *Behind) Finish() {
	b.send()
	close(b.todo)
	<-b.done
	b.f.Finish()
}
