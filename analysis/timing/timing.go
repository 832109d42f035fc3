// Package timing turns the calls that a replay pairs into histograms of how long they took.
package timing

import (
	"cmp"
	"maps"
	"slices"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/aftrace/aftrace/analysis/life"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// Bounds of a Recorder. A trace of many drivers or address families costs at most
// MaxSeries histograms of about 40 KiB and one more a function.
const (
	MaxSeries  = 1024
	MaxSeconds = 24 * 60 * 60 // longer calls count as this long, apart from the maximum
	digits     = 2            // significant decimal digits of a percentile: 1 % or better
)

// Others is the driver label of the series that take the calls past MaxSeries.
const Others = "(others)"

// Row is the durations of one function, address family and driver, in nanoseconds.
type Row struct {
	Function    ndis.Func
	AFType      ndis.AFType
	HasAFType   bool
	Driver      string // "" if not recorded
	Count       uint64 // calls with a duration
	Interrupted uint64 // calls without one: events were lost during them, or time ran backwards

	// Durations in ns, 0 if Count is 0: least and greatest, and the percentiles 50, 90, 99 and 99.9.
	Min, P50, P90, P99, P999, Max int64
}

// Recorder is a replay.Hook that keeps a histogram for each function, address family and
// driver. It is not safe for concurrent use; one Recorder may serve several replays in turn.
type Recorder struct {
	series  map[key]*series
	drivers map[string]uint32
	labels  []string // of drivers, by number
	recent  [1 << recentBits]recent

	intervals map[intervalKey]*series
	slowest   []Slow // a heap: the fastest of them first
	keep      int
	sample    int                     // durations kept of each series, for Compare
	scratch   *hdrhistogram.Histogram // of a series that needs none of its own
}

var _ replay.Hook = (*Recorder)(nil)

type key struct {
	function ndis.Func
	hasAF    bool
	af       ndis.AFType
	driver   uint32
}

// recent is a series that calls were added to lately, and what these are: more than one kind may
// go to the series of the others.
type recent struct {
	key    // without the number of its driver
	driver string
	of     *series
}

const recentBits = 13

// maxRecentLabel is how long a label may be to be among the recent ones: past MaxSeries nothing
// else keeps it.
const maxRecentLabel = 256

// recently is where the series of a call is among the recent ones.
func recently(s *replay.Span) uint64 {
	h := uint64(s.Function)<<32 ^ uint64(s.AFType)<<48 ^ uint64(len(s.Driver))<<24
	for i := max(0, len(s.Driver)-4); i < len(s.Driver); i++ {
		h = h*31 + uint64(s.Driver[i])
	}
	return h * 0x9e3779b97f4a7c15 >> (64 - recentBits)
}

// series are the durations of one kind of call.
type series struct {
	durations *hdrhistogram.Histogram // nil until there are maxWaiting durations; it has all once settled
	// Durations to be counted together: each on its own would find the histogram out of the
	// processor's cache, because of those of the calls in between. Most series never have more.
	waiting     []int64
	interrupted uint64
	min, max    int64
	samples     reservoir
}

const maxWaiting = 256

// New returns an empty Recorder.
func New() *Recorder {
	return &Recorder{
		intervals: map[intervalKey]*series{}, keep: DefaultSlowest,
		series:  map[key]*series{},
		drivers: map[string]uint32{"": 0, Others: 1},
		labels:  []string{"", Others},
	}
}

// Span adds a call. It allocates only for the first calls of a series.
func (r *Recorder) Span(s *replay.Span) {
	h := r.find(s)
	d, ok := s.Duration()
	if !ok {
		h.interrupted++
		return
	}
	h.record(d, r.sample)
	if len(r.slowest) < r.keep || r.keep > 0 && d > r.slowest[0].Duration {
		r.slow(Slow{
			What: s.Function.String(), From: s.EnterSeq, To: s.ReturnSeq, At: s.Enter, Duration: d,
			Driver: s.Driver, AFType: ndis.AFType(s.AFType), HasAFType: s.HasAFType,
		})
	}
}

func (h *series) record(d int64, samples int) {
	h.bounds(d, d)
	h.wait(min(d, MaxSeconds*1e9))
	if samples > 0 {
		h.samples.add(d, samples)
	}
}

// empty says whether there is no duration yet.
func (h *series) empty() bool { return h.durations == nil && len(h.waiting) == 0 }

// bounds takes in the shortest and the longest of durations that come next.
func (h *series) bounds(low, high int64) {
	if h.empty() {
		h.min, h.max = low, high
	}
	h.min, h.max = min(h.min, low), max(h.max, high)
}

// wait adds a duration to those that are to be counted.
func (h *series) wait(d int64) {
	if h.waiting == nil {
		h.waiting = make([]int64, 0, 32)
	}
	if h.waiting = append(h.waiting, d); len(h.waiting) == maxWaiting {
		h.settle()
	}
}

// settle counts the durations that wait for it, and returns all.
func (h *series) settle() *hdrhistogram.Histogram {
	if h.durations == nil {
		h.durations = newHistogram()
	}
	h.count(h.durations)
	h.waiting = h.waiting[:0]
	return h.durations
}

func (h *series) count(into *hdrhistogram.Histogram) {
	for _, d := range h.waiting {
		// The only error is a value out of range, which the bounds exclude.
		_ = into.RecordValue(d)
	}
}

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, MaxSeconds*1e9, digits) }

// histogram is that of a series, nil if it has no duration. It is valid until the next call.
func (r *Recorder) histogram(h *series) *hdrhistogram.Histogram {
	switch {
	case h.empty():
		return nil
	case h.durations != nil:
		return h.settle()
	case r.scratch == nil:
		r.scratch = newHistogram()
	}
	r.scratch.Reset()
	h.count(r.scratch)
	return r.scratch
}

func (r *Recorder) find(s *replay.Span) *series {
	k := key{function: s.Function}
	if s.HasAFType {
		k.hasAF, k.af = true, ndis.AFType(s.AFType)
	}
	x := &r.recent[recently(s)]
	if x.of == nil || x.key != k || x.driver != s.Driver {
		h := r.search(s, k)
		if len(s.Driver) > maxRecentLabel {
			return h
		}
		*x = recent{k, s.Driver, h}
	}
	return x.of
}

// search finds or makes the series of a call, k but for its driver.
func (r *Recorder) search(s *replay.Span, k key) *series {
	full := len(r.series) >= MaxSeries
	driver, known := r.drivers[s.Driver]
	if !known && !full {
		driver, known = uint32(len(r.labels)), true
		r.labels = append(r.labels, s.Driver)
		r.drivers[r.labels[driver]] = driver
	}
	if known {
		k.driver = driver
		if h := r.series[k]; h != nil {
			return h
		}
	}
	if full {
		k = key{function: s.Function, driver: 1}
		if h := r.series[k]; h != nil {
			return h
		}
	}
	h := new(series)
	r.series[k] = h
	return h
}

// Merge adds what other recorded, which is not to be used any more. Recorders that are merged in
// the same order give the same rows, whatever ran at the same time.
func (r *Recorder) Merge(other *Recorder) {
	if len(r.series)+len(r.intervals) == 0 && r.keep == other.keep && r.sample == other.sample {
		*r = *other
		return
	}
	for _, k := range slices.SortedFunc(maps.Keys(other.series), func(a, b key) int { return compareSeries(other, a, b) }) {
		from := other.series[k]
		span := replay.Span{Function: k.function, HasAFType: k.hasAF, AFType: uint32(k.af), Driver: other.labels[k.driver]}
		r.find(&span).merge(from)
	}
	if len(r.intervals) == 0 {
		r.intervals, other.intervals = other.intervals, nil
	}
	for _, row := range other.Intervals() {
		k := intervalKey{row.Interval, row.HasAFType, row.AFType, row.Driver}
		r.interval(row.Interval, &life.Life{HasAF: k.hasAF, AFType: uint32(k.af), Driver: k.driver}).merge(other.intervals[k])
	}
	for _, s := range other.slowest {
		r.slow(s)
	}
}

func (h *series) merge(from *series) {
	h.interrupted += from.interrupted
	switch {
	case from.empty():
		return
	case h.empty():
		from.interrupted = h.interrupted
		*h = *from
		return
	}
	h.bounds(from.min, from.max)
	if from.durations != nil {
		h.settle().Merge(from.durations)
	}
	for _, d := range from.waiting {
		h.wait(d)
	}
	h.samples.merge(&from.samples)
}

// compareSeries orders the series of a recorder by function, address family and driver.
func compareSeries(r *Recorder, a, b key) int {
	return cmp.Or(
		cmp.Compare(a.function, b.function),
		compareBool(a.hasAF, b.hasAF),
		cmp.Compare(a.af, b.af),
		cmp.Compare(r.labels[a.driver], r.labels[b.driver]),
	)
}

// Rows returns the durations so far, ordered by function, address family and driver.
func (r *Recorder) Rows() []Row {
	rows := make([]Row, 0, len(r.series))
	for k, h := range r.series {
		row := Row{
			Function: k.function, AFType: k.af, HasAFType: k.hasAF,
			Driver: r.labels[k.driver],
		}
		r.fill(&row, h)
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(
			cmp.Compare(a.Function, b.Function),
			compareBool(a.HasAFType, b.HasAFType),
			cmp.Compare(a.AFType, b.AFType),
			cmp.Compare(a.Driver, b.Driver),
		)
	})
	return rows
}

// fill sets the figures of a row to those of h.
func (r *Recorder) fill(row *Row, h *series) {
	row.Interrupted = h.interrupted
	if d := r.histogram(h); d != nil {
		row.Count = uint64(d.TotalCount())
		row.Min, row.Max = h.min, h.max
		at := d.ValueAtPercentilesSlice([]float64{50, 90, 99, 99.9})
		for i, p := range [...]*int64{&row.P50, &row.P90, &row.P99, &row.P999} {
			*p = clamp(at[i], h.min, h.max)
		}
	}
}

// clamp keeps a percentile, which is the upper end of its bucket, within what was seen.
func clamp(v, low, high int64) int64 { return min(max(v, low), high) }

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
