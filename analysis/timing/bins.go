package timing

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// BinsPerDecade is how fine a Histogram is: its bins are equally wide on a logarithmic scale.
const BinsPerDecade = 8

// Histogram is how long the calls of a series took. Bin i counts those that took at least
// BinStart(First+i) and less than BinStart(First+i+1) nanoseconds, as exactly as the
// percentiles are.
type Histogram struct {
	Row
	First int
	Bins  []uint64 // empty if no call has a duration
}

// BinStart is the shortest duration of bin i in nanoseconds. What took no time at all is in
// bin 0.
func BinStart(i int) float64 { return math.Pow(10, float64(i)/BinsPerDecade) }

func binOf(ns int64) int {
	return int(math.Floor(math.Log10(float64(max(ns, 1))) * BinsPerDecade))
}

// Histograms returns the durations so far, in the order of Rows.
func (r *Recorder) Histograms() []Histogram {
	rows := r.Rows()
	keys := slices.SortedFunc(maps.Keys(r.series), func(a, b key) int { return compareSeries(r, a, b) })
	out := make([]Histogram, len(rows))
	for i, k := range keys {
		h := &out[i]
		h.Row = rows[i]
		d := r.histogram(r.series[k])
		if d == nil {
			continue
		}
		counts := map[int]uint64{}
		for _, bar := range d.Distribution() {
			if bar.Count > 0 {
				counts[binOf(clamp((bar.From+bar.To)/2, h.Min, h.Max))] += uint64(bar.Count)
			}
		}
		bins := slices.SortedFunc(maps.Keys(counts), cmp.Compare[int])
		h.First = bins[0]
		h.Bins = make([]uint64, bins[len(bins)-1]-h.First+1)
		for b, n := range counts {
			h.Bins[b-h.First] = n
		}
	}
	return out
}
