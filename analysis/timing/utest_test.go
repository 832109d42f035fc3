package timing

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"golang.org/x/perf/benchmath"
)

func samples(values []float64) *benchmath.Sample {
	return benchmath.NewSample(values, &benchmath.DefaultThresholds)
}

// enumerated is the two-sided p of the Mann-Whitney U test by looking at all choices of
// len(x) of the values.
func enumerated(x, y []float64) float64 {
	all := append(append([]float64{}, x...), y...)
	u := func(mine uint) (twice int) {
		for i, a := range all {
			for k, b := range all {
				if mine>>i&1 == 1 && mine>>k&1 == 0 {
					switch {
					case a > b:
						twice += 2
					case a == b:
						twice++
					}
				}
			}
		}
		return twice
	}
	got := u(1<<len(x) - 1)
	low, high, n := 0, 0, 0
	for mine := range uint(1) << len(all) {
		if bits.OnesCount(mine) != len(x) {
			continue
		}
		n++
		v := u(mine)
		if v <= got {
			low++
		}
		if v >= got {
			high++
		}
	}
	return min(1, 2*float64(min(low, high))/float64(n))
}

// The test is that of all choices, with ties and without.
func TestMannWhitneyOfFewSamples(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	for range 300 {
		values := 2 + rnd.IntN(20)
		draw := func() (list []float64) {
			for range 1 + rnd.IntN(6) {
				list = append(list, float64(rnd.IntN(values)))
			}
			return list
		}
		x, y := draw(), draw()
		if got, want := mannWhitney(samples(x), samples(y)).P, enumerated(x, y); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v, %v: p is %v, want %v", x, y, got, want)
		}
	}
}

// One duration against a few is no regression, whatever ties among them.
func TestOneDurationIsNoRegression(t *testing.T) {
	one, few := sampling(), sampling()
	one.Span(span(0, "cm", 1549))
	for _, d := range []int64{397, 397, 397, 925, 1252} {
		few.Span(span(0, "cm", d))
	}
	if c := compare(t, few, one); c.Significant || c.Regressed(0.1) || math.Abs(c.P-1.0/3) > 1e-9 {
		t.Errorf("%+v, want p of 1/3", c)
	}
}

// Where samples are large, the exact distribution goes over into the normal one.
func TestExactGoesOverIntoTheApproximation(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 8))
	for range 50 {
		var all [2][]float64
		for i := range all {
			for range tiesExact {
				all[i] = append(all[i], float64(rnd.IntN(40)+i))
			}
		}
		exact, ok := exactWithTies(all[0], all[1])
		if about := approximate(all[0], all[1]); !ok || math.Abs(exact-about) > 0.01 {
			t.Errorf("exact %v %v, approximately %v", exact, ok, about)
		}
	}
}

// approximate is the normal approximation, with the corrections for ties and continuity.
func approximate(x, y []float64) float64 {
	n, m, u, ties := float64(len(x)), float64(len(y)), 0.0, 0.0
	count := map[float64]float64{}
	for _, a := range x {
		count[a]++
		for _, b := range y {
			switch {
			case a > b:
				u++
			case a == b:
				u += 0.5
			}
		}
	}
	for _, b := range y {
		count[b]++
	}
	for _, t := range count {
		ties += t*t*t - t
	}
	variance := n * m / 12 * (n + m + 1 - ties/((n+m)*(n+m-1)))
	z := (math.Abs(u-n*m/2) - 0.5) / math.Sqrt(variance)
	return min(1, math.Erfc(z/math.Sqrt2))
}
