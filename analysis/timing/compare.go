package timing

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/perf/benchmath"

	"github.com/aftrace/aftrace/format/ndis"
)

// Samples is how many durations of a series Compare looks at: a random choice of them where
// there are more, always the same for the same trace.
const Samples = 4096

// KeepSamples makes the Recorder keep what Compare needs. It is for the beginning.
func (r *Recorder) KeepSamples() { r.sample = Samples }

// reservoir is a random choice of the durations of a series.
type reservoir struct {
	kept  []int64
	n     uint64 // durations seen
	state uint64 // of the random numbers
}

// random is a step of a xorshift generator: what is chosen must only be independent of the
// durations, and the same on every machine.
func (s *reservoir) random() uint64 {
	if s.state == 0 {
		s.state = 0x9e3779b97f4a7c15
	}
	s.state ^= s.state << 13
	s.state ^= s.state >> 7
	s.state ^= s.state << 17
	return s.state
}

func (s *reservoir) add(d int64, most int) {
	s.n++
	if len(s.kept) < most {
		s.kept = append(s.kept, d)
	} else if k := s.random() % s.n; k < uint64(most) {
		s.kept[k] = d
	}
}

// choose makes a random choice of n of list: their order is about that of the trace, and the
// first ones would be those of its beginning.
func (s *reservoir) choose(list []int64, n int) []int64 {
	list = slices.Clone(list)
	for i := range n {
		k := i + int(s.random()%uint64(len(list)-i))
		list[i], list[k] = list[k], list[i]
	}
	return list[:n]
}

// merge chooses from both, each by the number of durations it stands for.
func (s *reservoir) merge(from *reservoir) {
	all := s.n + from.n
	if len(s.kept)+len(from.kept) > Samples && all > 0 {
		mine := min(int(math.Round(float64(Samples)*float64(s.n)/float64(all))), len(s.kept))
		theirs := min(Samples-mine, len(from.kept))
		s.kept = append(s.choose(s.kept, mine), s.choose(from.kept, theirs)...)
	} else {
		s.kept = append(s.kept, from.kept...)
	}
	s.n = all
}

// Change is how the durations of one function or interval differ between two recordings.
type Change struct {
	What                 string // function or interval
	AFType               ndis.AFType
	HasAFType            bool
	Driver               string
	OldCount, NewCount   uint64
	Old, New             float64 // median, ns; NaN where there is none
	OldLo, OldHi         float64 // ends of the confidence interval of Old, ns; infinite if there are too few durations
	NewLo, NewHi         float64 // likewise of New
	Confidence           float64 // of the intervals, at least this
	Delta                float64 // New/Old - 1; NaN where one is missing
	P                    float64 // of the Mann-Whitney U test that both are alike; NaN without a test
	Significant          bool
	Warnings             []string
	OnlyInOld, OnlyInNew bool
}

// Regressed says whether it became slower by more than limit (0.1 is 10 %), and not by chance.
func (c *Change) Regressed(limit float64) bool {
	return c.Significant && c.New-c.Old > limit*c.Old // Delta may be rounded up
}

// ParseRatio reads a limit like "10%" or "0.1".
func ParseRatio(s string) (float64, error) {
	text, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	v, err := strconv.ParseFloat(text, 64)
	if percent {
		v /= 100
	}
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return 0, fmt.Errorf("%q: want a share of 0 or more, like 10%% or 0.1", s)
	}
	return v, nil
}

// ErrNoSamples says that a Recorder was not made for Compare.
var ErrNoSamples = errors.New("timing: the recorder kept no samples")

// Compare tells how the durations of two recordings differ, as benchstat does: medians with
// their confidence interval of 95 %, and a Mann-Whitney U test at 5 %. The tested durations
// are those of single calls, so what is found out holds for the recorded runs.
func Compare(old, new *Recorder) ([]Change, error) {
	if old.sample == 0 || new.sample == 0 {
		return nil, ErrNoSamples
	}
	a, b := old.named(), new.named()
	var out []Change
	for k, before := range a {
		out = append(out, change(k, before, b[k]))
	}
	for k, after := range b {
		if a[k] == nil {
			out = append(out, change(k, nil, after))
		}
	}
	slices.SortFunc(out, func(x, y Change) int {
		return cmp.Or(cmp.Compare(x.What, y.What), compareBool(x.HasAFType, y.HasAFType), cmp.Compare(x.AFType, y.AFType), cmp.Compare(x.Driver, y.Driver))
	})
	return out, nil
}

type seriesName struct {
	what   string
	hasAF  bool
	af     ndis.AFType
	driver string
}

func (r *Recorder) named() map[seriesName]*series {
	m := make(map[seriesName]*series, len(r.series)+len(r.intervals))
	for k, h := range r.series {
		m[seriesName{k.function.String(), k.hasAF, k.af, r.labels[k.driver]}] = h
	}
	for k, h := range r.intervals {
		m[seriesName{k.interval.String(), k.hasAF, k.af, k.driver}] = h
	}
	return m
}

func change(k seriesName, old, new *series) Change {
	c := Change{What: k.what, AFType: k.af, HasAFType: k.hasAF, Driver: k.driver, Delta: math.NaN(), P: math.NaN(), Old: math.NaN(), New: math.NaN()}
	const confidence = 0.95
	sample := func(h *series) (*benchmath.Sample, benchmath.Summary, uint64) {
		if h == nil || len(h.samples.kept) == 0 {
			return nil, benchmath.Summary{Center: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}, 0
		}
		values := make([]float64, len(h.samples.kept))
		for i, v := range h.samples.kept {
			values[i] = float64(v)
		}
		s := benchmath.NewSample(values, &benchmath.DefaultThresholds)
		return s, benchmath.AssumeNothing.Summary(s, confidence), h.samples.n
	}
	a, sa, na := sample(old)
	b, sb, nb := sample(new)
	c.OldCount, c.NewCount = na, nb
	c.Old, c.OldLo, c.OldHi = sa.Center, sa.Lo, sa.Hi
	c.New, c.NewLo, c.NewHi = sb.Center, sb.Lo, sb.Hi
	c.OnlyInOld, c.OnlyInNew = b == nil && a != nil, a == nil && b != nil
	if a == nil || b == nil {
		return c
	}
	c.Confidence = min(sa.Confidence, sb.Confidence)
	test := mannWhitney(a, b)
	c.P, c.Delta = test.P, c.New/c.Old-1
	if c.Old == 0 && c.New == 0 {
		c.Delta = 0
	}
	c.Significant = test.P < test.Alpha
	for _, list := range [][]error{sa.Warnings, sb.Warnings, test.Warnings} {
		for _, w := range list {
			if !slices.Contains(c.Warnings, w.Error()) {
				c.Warnings = append(c.Warnings, w.Error())
			}
		}
	}
	return c
}
