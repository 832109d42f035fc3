package collect

import (
	"cmp"
	"context"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

func TestRadixSort(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, width := range []int{1, 3, 11, 12, 40, 63, 64} {
		for range 20 {
			keys := make([]sortKey, rng.IntN(3000))
			lo, hi := uint64(math.MaxUint64), uint64(0)
			for i := range keys {
				ts := rng.Uint64() >> (64 - width)
				if width < 64 {
					ts += 1 << 63
				}
				keys[i] = sortKey{ts, uint32(i)}
				lo, hi = min(lo, ts), max(hi, ts)
			}
			want := slices.Clone(keys)
			slices.SortStableFunc(want, func(a, b sortKey) int { return cmp.Compare(a.ts, b.ts) })
			got, _ := radixSort(keys, make([]sortKey, len(keys)), lo, bits.Len64(hi-min(lo, hi)))
			if !slices.Equal(got, want) {
				t.Fatalf("%d keys of %d bits are not in order", len(keys), width)
			}
		}
	}
}

// TestSorterText holds that rows with long texts are spilled before there are many of them,
// and that the times at the edge of what there is come in order.
func TestSorterText(t *testing.T) {
	s := newSorter(0, t.TempDir(), context.Background().Err)
	defer s.close()
	times := []int64{5, math.MaxInt64, -3, math.MinInt64, 0, 5}
	for i, ts := range times {
		*s.slot() = format.Event{TS: ts, CallID: uint64(i), Function: ndis.ProtocolCmOpenAf, Detail: `{"a":1}`, Has: format.HasCallID | format.HasDetail}
		if i%2 == 1 {
			s.text = runText
		}
		if err := s.add(); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.runs) != 3 {
		t.Errorf("%d runs", len(s.runs))
	}
	var order []uint64
	if err := s.each(func(e *format.Event) error {
		if e.TS != times[e.CallID] || e.Detail != `{"a":1}` {
			t.Errorf("%+v", e)
		}
		order = append(order, e.CallID)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if want := []uint64{3, 2, 4, 0, 5, 1}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
}
