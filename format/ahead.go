package format

import (
	"errors"
	"maps"
)

// Ahead reads the batches of a Reader beside who uses them, one ahead. It takes the Reader over:
// until Stop, only Schema, ExtraColumns and the Metadata that were taken before may be used of it.
type Ahead struct {
	r       *Reader
	md      Metadata
	batches chan aheadBatch
	stop    chan struct{}
	ended   chan struct{}
	now     aheadBatch
	stopped bool
}

type aheadBatch struct {
	b      *Batch
	err    error
	custom Metadata
	offset int64
	rows   uint64
}

// Ahead begins to read the next batch.
func (r *Reader) Ahead() *Ahead {
	a := &Ahead{r: r, md: r.md, batches: make(chan aheadBatch), stop: make(chan struct{}), ended: make(chan struct{})}
	a.now.offset, a.now.rows = r.Offset(), r.Rows()
	frames := [2]*frame{r.frame, newFrame(len(r.fields))}
	go func() {
		defer close(a.ended)
		defer frames[1].unpack.close()
		defer func() { r.frame = frames[0] }()
		for i := 1; ; i++ {
			// Whoever took the last batch has done with the one before it.
			r.frame = frames[i%2]
			b, err := r.next()
			select {
			case a.batches <- aheadBatch{b, err, r.custom, r.batchAt, r.rows}:
			case <-a.stop:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return a
}

// Next is Next of the Reader. After Stop it returns an error.
func (a *Ahead) Next() (*Batch, error) {
	if a.now.err == nil {
		a.now = <-a.batches
		maps.Copy(a.md, a.now.custom)
	}
	return a.now.b, a.now.err
}

// Offset and Rows are those of the Reader.
func (a *Ahead) Offset() int64 { return a.now.offset }

// Rows is the number of rows in the batches so far.
func (a *Ahead) Rows() uint64 { return a.now.rows }

// Stop gives the Reader back, once it has read what it was reading. The last batch is not valid
// any more. Close of the Reader comes after it. To call it again does nothing.
func (a *Ahead) Stop() {
	if a.stopped {
		return
	}
	a.stopped = true
	close(a.stop)
	<-a.ended
	if a.now.b = nil; a.now.err == nil {
		a.now.err = &Error{Path: a.r.name, Offset: -1, Reason: "is not read ahead any more", Err: errors.New("stopped")}
	}
}
