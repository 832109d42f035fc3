package timing

import (
	"slices"

	"golang.org/x/perf/benchmath"
)

// tiesExact is the largest sample of which the exact distribution with ties is computed; for
// larger ones the normal approximation is good.
const tiesExact = 25

// mannWhitney tests whether two samples come from one population. Where few samples have
// ties, the library takes the distribution of U for symmetric, which it is then not: it tells
// probabilities of 0 and above 1. Those are computed here.
func mannWhitney(a, b *benchmath.Sample) benchmath.Comparison {
	c := benchmath.AssumeNothing.Compare(a, b)
	if p, ok := exactWithTies(a.Values, b.Values); ok {
		c.P = p
	}
	return c
}

// exactWithTies is the probability of midranks at least as far to one side as those of the
// samples, doubled for both sides. ok is false where nothing ties, and where it would take
// too long.
func exactWithTies(x, y []float64) (p float64, ok bool) {
	if len(x) == 0 || len(y) == 0 || len(x) > tiesExact || len(y) > tiesExact {
		return 0, false
	}
	if len(x) > len(y) {
		x, y = y, x
	}
	all := slices.Sorted(slices.Values(append(slices.Clone(x), y...)))
	// ways[n][sum] counts the choices of n values so far with that sum of doubled midranks.
	ways := make([][]float64, len(x)+1)
	most := 2 * len(all) * len(x)
	for n := range ways {
		ways[n] = make([]float64, most+1)
	}
	ways[0][0] = 1
	sum, total := 0, 1.0 // of x; choices of len(x) values of all
	for from := 0; from < len(all); {
		to := from + 1
		for to < len(all) && all[to] == all[from] {
			to++
		}
		rank, tied := from+1+to, to-from
		for _, v := range x {
			if v == all[from] {
				sum += rank
			}
		}
		ok = ok || tied > 1
		for n := len(x); n > 0; n-- {
			choose := 1.0
			for k := 1; k <= min(tied, n); k++ {
				choose = choose * float64(tied-k+1) / float64(k)
				for s, w := range ways[n-k][:most-k*rank+1] {
					if w != 0 {
						ways[n][s+k*rank] += choose * w
					}
				}
			}
		}
		from = to
	}
	for k := range x {
		total = total * float64(len(all)-k) / float64(k+1)
	}
	low, high := 0.0, 0.0
	for s, w := range ways[len(x)] {
		if s <= sum {
			low += w
		}
		if s >= sum {
			high += w
		}
	}
	return min(1, 2*min(low, high)/total), ok
}
