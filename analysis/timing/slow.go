package timing

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/aftrace/aftrace/format/ndis"
)

// DefaultSlowest is how many of the slowest calls and intervals a Recorder keeps.
const DefaultSlowest = 10

// Slow is one of the slowest calls or intervals, with the rows behind it.
type Slow struct {
	Trace     string // path of the trace, where the Recorder was told
	What      string // name of the function or of the interval
	Interval  bool   // it is an interval
	From, To  uint64 // seq of its first and its last row
	At        int64  // ns since the Unix epoch: when it began
	Duration  int64  // ns
	Driver    string // "" if not recorded
	AFType    ndis.AFType
	HasAFType bool
}

// KeepSlowest says how many of the slowest are kept; 0 keeps none. It is for the beginning.
func (r *Recorder) KeepSlowest(n int) { r.keep = n }

// Slowest are the slowest calls and intervals so far, the slowest first.
func (r *Recorder) Slowest() []Slow {
	out := slices.Clone(r.slowest)
	slices.SortFunc(out, func(a, b Slow) int { return -compareSlow(&a, &b) })
	return out
}

// NameTrace says that all that was kept so far is of the trace at path.
func (r *Recorder) NameTrace(path string) {
	for i := range r.slowest {
		r.slowest[i].Trace = path
	}
}

// compareSlow orders by duration; of equal ones the earlier counts as slower, so that what
// is kept does not depend on the order in which it came.
func compareSlow(a, b *Slow) int {
	return cmp.Or(
		cmp.Compare(a.Duration, b.Duration),
		-cmp.Compare(a.Trace, b.Trace),
		-cmp.Compare(a.From, b.From),
		-cmp.Compare(a.To, b.To),
		-cmp.Compare(a.What, b.What),
	)
}

// slow keeps s if it is one of the slowest.
func (r *Recorder) slow(s Slow) {
	h := (*slowHeap)(&r.slowest)
	switch {
	case r.keep == 0:
	case len(*h) < r.keep:
		heap.Push(h, s)
	case compareSlow(&s, &(*h)[0]) > 0:
		(*h)[0] = s
		heap.Fix(h, 0)
	}
}

type slowHeap []Slow

func (h slowHeap) Len() int           { return len(h) }
func (h slowHeap) Less(i, j int) bool { return compareSlow(&h[i], &h[j]) < 0 }
func (h slowHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *slowHeap) Push(x any)        { *h = append(*h, x.(Slow)) }
func (h *slowHeap) Pop() any {
	x := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return x
}
