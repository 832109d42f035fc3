package timing

import "github.com/aftrace/aftrace/replay"

// Aside is a replay.Hook that lets a Recorder record on another core than the one that replays.
// It is not safe for concurrent use, and until Finish the Recorder belongs to it.
type Aside struct {
	rec        *Recorder
	now, spare []replay.Span
	busy       chan struct{} // closed when nothing is being recorded; nil before the first time
}

// asideSpans are recorded together.
const asideSpans = 1 << 12

// NewAside returns an Aside for rec.
func NewAside(rec *Recorder) *Aside { return &Aside{rec: rec} }

// Span keeps a call until it is recorded.
func (a *Aside) Span(s *replay.Span) {
	if a.now = append(a.now, *s); len(a.now) == asideSpans {
		a.flush()
	}
}

func (a *Aside) flush() {
	a.wait()
	list, busy := a.now, make(chan struct{})
	a.now, a.spare, a.busy = a.spare[:0], list, busy
	go func() {
		defer close(busy)
		for i := range list {
			a.rec.Span(&list[i])
		}
	}()
}

func (a *Aside) wait() {
	if a.busy != nil {
		<-a.busy
	}
}

// Finish records what is left.
func (a *Aside) Finish() {
	a.flush()
	a.wait()
	a.now, a.spare = nil, nil
}
