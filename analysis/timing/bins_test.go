package timing

import (
	"testing"

	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// Every duration is in the bin that its length belongs to, as exactly as percentiles are.
func TestHistograms(t *testing.T) {
	r := New()
	durations := []int64{0, 1, 99, 100, 101, 1000, 1000, 5_000_000, 3_600_000_000_000, 200 * MaxSeconds * 1e9 / 100}
	for _, d := range durations {
		r.Span(&replay.Span{Function: ndis.NdisClOpenAddressFamilyEx, Enter: 0, Return: d})
	}
	r.Span(&replay.Span{Function: ndis.ProtocolCmOpenAf, Interrupted: true})
	hs := r.Histograms()
	if len(hs) != 2 {
		t.Fatalf("%d histograms", len(hs))
	}
	for _, h := range hs {
		if h.Function == ndis.ProtocolCmOpenAf {
			if len(h.Bins) != 0 || h.Interrupted != 1 {
				t.Errorf("interrupted: %d bins, %d", len(h.Bins), h.Interrupted)
			}
			continue
		}
		var sum uint64
		for i, n := range h.Bins {
			sum += n
			if n == 0 {
				continue
			}
			low, high := BinStart(h.First+i)*.98, BinStart(h.First+i+1)*1.02
			var want uint64
			for _, d := range durations {
				if d := float64(max(d, 1)); d >= low && d < high || d > MaxSeconds*1e9 && high > MaxSeconds*1e9 {
					want++
				}
			}
			if n > want {
				t.Errorf("%d calls in the bin from %.0f ns to %.0f ns, at most %d are that long", n, low, high, want)
			}
		}
		if sum != uint64(len(durations)) || sum != h.Count || h.Bins[0] == 0 || h.Bins[len(h.Bins)-1] == 0 {
			t.Errorf("%d of %d calls in %v", sum, len(durations), h.Bins)
		}
	}
}
