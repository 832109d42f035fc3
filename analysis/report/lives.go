package report

import (
	"slices"
	"strings"

	"github.com/aftrace/aftrace/analysis/life"
	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// Bounds of Lives, and so of what the timeline costs whatever the size of the trace.
const (
	maxAdapters    = 48  // further ones are counted only
	livesPerKind   = 256 // of an adapter, evenly over the trace
	activityBins   = 512
	lossesRecorded = 256
)

// Lives samples the lives of the objects of one trace for the timeline of the HTML report.
// It is a replay.Tracker; Batch must be told of each batch before it is replayed. Its
// memory is bounded. It is not safe for concurrent use.
type Lives struct {
	follow   *life.Follower
	adapters []*adapterLives
	byHandle map[uint64]*adapterLives
	others   uint64 // lives of adapters past maxAdapters
	activity activity
	any      bool
	from, to int64
	losses   []int64 // times of the first gaps
}

// adapterLives are the lives on one adapter, or of what belongs to none.
type adapterLives struct {
	handle uint64 // 0 if none
	kinds  [replay.NumObjectKinds]kindLives
}

type kindLives struct {
	total, failed, alive, cut uint64
	stride                    uint64 // every so many lives are kept
	kept                      []life.Life
}

// NewLives returns Lives that pass the calls of the replay on to spans, which may be nil.
func NewLives(spans replay.Hook) *Lives {
	l := &Lives{follow: life.New(), byHandle: map[uint64]*adapterLives{}}
	l.follow.Spans = spans
	l.follow.Ended = l.ended
	return l
}

// Batch says which rows the replay is given next.
func (l *Lives) Batch(b *format.Batch) {
	l.follow.Batch(b)
	for i, ts := range b.TS[:b.N] {
		if !l.any {
			l.any, l.from, l.to = true, ts, ts
			l.activity.zero = ts
		}
		l.from, l.to = min(l.from, ts), max(l.to, ts)
		l.activity.add(ts)
		if b.Phase[i] == format.PhaseGap && len(l.losses) < lossesRecorded {
			l.losses = append(l.losses, ts)
		}
	}
}

// Watches is that of the Follower.
func (l *Lives) Watches(fn ndis.Func) bool { return l.follow.Watches(fn) }

// Tracks is that of the Follower.
func (l *Lives) Tracks(kind replay.ObjectKind) bool { return l.follow.Tracks(kind) }

// Row takes in what the replay says of a row.
func (l *Lives) Row(r *replay.Row) { l.follow.Row(r) }

// Span passes a call on.
func (l *Lives) Span(s *replay.Span) { l.follow.Span(s) }

// Finish says that the replay is over.
func (l *Lives) Finish() {
	l.follow.Finish()
	slices.SortStableFunc(l.adapters, func(a, b *adapterLives) int {
		switch { // what belongs to no adapter comes last
		case (a.handle == 0) == (b.handle == 0):
			return 0
		case a.handle == 0:
			return 1
		}
		return -1
	})
}

func (l *Lives) ended(x *life.Life) {
	handle := x.Adapter
	if x.Kind == replay.AdapterObject {
		handle = x.Handle
	}
	a := l.byHandle[handle]
	if a == nil {
		if len(l.adapters) == maxAdapters {
			l.others++
			return
		}
		a = &adapterLives{handle: handle}
		l.byHandle[handle] = a
		l.adapters = append(l.adapters, a)
	}
	a.kinds[x.Kind].add(x)
}

// add counts a life, and keeps it if its turn has come. When there are too many, every other
// one goes: what is left is spread evenly.
func (k *kindLives) add(x *life.Life) {
	n := k.total
	k.total++
	switch {
	case x.Failed:
		k.failed++
	case !x.End.Seen():
		k.alive++
	}
	if x.Cut {
		k.cut++
	}
	k.stride = max(k.stride, 1)
	if n%k.stride != 0 {
		return
	}
	if len(k.kept) == livesPerKind {
		for i := range livesPerKind / 2 {
			k.kept[i] = k.kept[2*i]
		}
		k.kept = k.kept[:livesPerKind/2]
		if k.stride *= 2; n%k.stride != 0 {
			return
		}
	}
	x.Driver = strings.Clone(rows.Cut(x.Driver, nameSize))
	k.kept = append(k.kept, *x)
}

// activity counts rows over time. It does not know beforehand how long the trace is: when
// a time is outside, the bins become twice as wide.
type activity struct {
	zero  int64   // what times are relative to
	start float64 // of bin 0, ns since zero
	width float64 // ns
	bins  [activityBins]uint64
}

func (a *activity) add(ts int64) {
	at := float64(rows.Sub(ts, a.zero))
	if a.width == 0 {
		a.width = 1000
	}
	for at >= a.start+a.width*activityBins {
		a.fold(0)
		a.width *= 2
	}
	for at < a.start {
		a.fold(activityBins / 2)
		a.start -= a.width * activityBins
		a.width *= 2
	}
	a.bins[min(int((at-a.start)/a.width), activityBins-1)]++
}

// fold joins pairs of bins; the pairs begin at bin to.
func (a *activity) fold(to int) {
	var folded [activityBins]uint64
	for i, n := range a.bins {
		folded[to+i/2] += n
	}
	a.bins = folded
}
