package timing

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/aftrace/aftrace/format/ndis"
)

// recording is one of calls that take about center ns.
func recording(seed uint64, n int, center float64) *Recorder {
	r := New()
	r.KeepSamples()
	rnd := rand.New(rand.NewPCG(seed, 1))
	for range n {
		r.Span(span(ndis.ProtocolCmOpenAf, "cm", int64(center*(0.8+0.4*rnd.Float64()))))
	}
	return r
}

func compare(t *testing.T, a, b *Recorder) Change {
	t.Helper()
	list, err := Compare(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 {
		t.Fatalf("%d changes, want 1", len(list))
	}
	return list[0]
}

func TestCompareFindsWhatIsSlower(t *testing.T) {
	for _, n := range []int{50, 20000} {
		slower := compare(t, recording(1, n, 10000), recording(2, n, 12000))
		if !slower.Regressed(0.1) || slower.Regressed(0.3) || slower.Delta < 0.1 || slower.Delta > 0.3 {
			t.Errorf("%d calls: %+v", n, slower)
		}
		if slower.OldLo > slower.Old || slower.OldHi < slower.Old || slower.OldLo == slower.OldHi {
			t.Errorf("%d calls: interval %v to %v around %v", n, slower.OldLo, slower.OldHi, slower.Old)
		}
		faster := compare(t, recording(2, n, 12000), recording(1, n, 10000))
		if faster.Regressed(0) || !faster.Significant || faster.Delta > -0.1 {
			t.Errorf("%d calls: %+v", n, faster)
		}
	}
}

// A limit is what may be: the median that is slower by just that has not regressed.
func TestRegressedByTheLimit(t *testing.T) {
	for _, c := range []Change{{Old: 205, New: 225.5}, {Old: 1000, New: 1100}, {Old: 0, New: 0}, {Old: math.NaN(), New: 5}} {
		c.Significant, c.Delta = true, c.New/c.Old-1
		if c.Regressed(0.1) {
			t.Errorf("%v to %v is a regression by more than 10 %%", c.Old, c.New)
		}
		c.New = c.New*1.001 + 0.5
		if !math.IsNaN(c.Old) && !c.Regressed(0.1) {
			t.Errorf("%v to %v is no regression by more than 10 %%", c.Old, c.New)
		}
	}
}

// Of recordings that do not differ, about 5 % seem to at a level of 5 %; with a limit of 5 %
// for the difference of the medians none does.
func TestCompareOfTheSameRarelyFindsAnything(t *testing.T) {
	significant, regressed := 0, 0
	for seed := range uint64(200) {
		c := compare(t, recording(2*seed, 200, 10000), recording(2*seed+1, 200, 10000))
		if c.Significant {
			significant++
		}
		if c.Regressed(0.05) {
			regressed++
		}
	}
	if significant > 25 || regressed > 2 {
		t.Errorf("of 200 pairs %d seem to differ, %d by more than 5 %%", significant, regressed)
	}
}

func TestCompareOfWhatIsMissing(t *testing.T) {
	c := compare(t, sampling(), recording(1, 5, 100))
	if !c.OnlyInNew || c.OnlyInOld || c.Significant || !math.IsNaN(c.Delta) || c.Regressed(0) {
		t.Errorf("%+v", c)
	}
	c = compare(t, recording(1, 5, 100), sampling())
	if !c.OnlyInOld || c.OnlyInNew {
		t.Errorf("%+v", c)
	}
	if _, err := Compare(New(), recording(1, 5, 100)); err != ErrNoSamples {
		t.Errorf("without samples: %v", err)
	}
}

// sampling is an empty recorder that keeps samples.
func sampling() *Recorder {
	r := New()
	r.KeepSamples()
	return r
}

// What is kept of many durations is a fair choice, also after merging.
func TestReservoir(t *testing.T) {
	var a, b reservoir
	for i := range int64(100000) {
		a.add(i, Samples)
	}
	for i := range int64(50000) {
		b.add(-i, Samples)
	}
	a.merge(&b)
	if len(a.kept) > Samples || a.n != 150000 {
		t.Fatalf("%d kept of %d", len(a.kept), a.n)
	}
	low := 0
	for _, v := range a.kept {
		if v < 0 {
			low++
		}
	}
	if share := float64(low) / float64(len(a.kept)); share < 0.28 || share > 0.39 {
		t.Errorf("share of the second %.2f, want a third", share)
	}
}

// Of recordings that are merged the durations of their ends count as much as those of their
// beginnings: what became slower on the way is seen.
func TestReservoirOfSeveralIsFair(t *testing.T) {
	var a reservoir
	for range 8 {
		var b reservoir
		for i := range int64(Samples) {
			b.add(i, Samples)
		}
		a.merge(&b)
	}
	late := 0
	for _, v := range a.kept {
		if v >= Samples/2 {
			late++
		}
	}
	if share := float64(late) / float64(len(a.kept)); len(a.kept) != Samples || share < 0.45 || share > 0.55 {
		t.Errorf("%d kept, of the later halves %.2f, want a half", len(a.kept), share)
	}
}

func TestParseRatio(t *testing.T) {
	for s, want := range map[string]float64{"10%": 0.1, "0.25": 0.25, "0": 0, " 5 %": -1, "x": -1, "-1%": -1, "NaN": -1, "Inf": -1, "": -1} {
		got, err := ParseRatio(s)
		if (err != nil) != (want < 0) || err == nil && math.Abs(got-want) > 1e-12 {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
}
