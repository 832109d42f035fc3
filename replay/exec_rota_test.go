package replay

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRotaKeepsTheOrder compares an executor's queue, before which threads wait in a rota, with
// one that has none: the same threads have their turn, in the same order.
func TestRotaKeepsTheOrder(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var plain, with Executor
		with.rota.most = 1 << (1 + r.IntN(12))
		var now uint64
		for range 300 {
			for range r.IntN(4) {
				due := now + r.Uint64N(1<<r.IntN(14))
				for _, x := range []*Executor{&plain, &with} {
					x.push(&Thread{due: due, TID: x.order})
				}
			}
			now += r.Uint64N(40)
			if want, got := turnsUntil(&plain, now), turnsUntil(&with, now); !slices.Equal(want, got) {
				t.Fatalf("seed %d, up to %d: turns of %v, want %v", seed, now, got, want)
			}
		}
		if want, got := turnsUntil(&plain, Forever), turnsUntil(&with, Forever); !slices.Equal(want, got) {
			t.Fatalf("seed %d, in the end: turns of %v, want %v", seed, got, want)
		}
		if with.rota.n != 0 {
			t.Fatalf("seed %d: %d threads are left", seed, with.rota.n)
		}
	}
}

// turnsUntil takes out the threads that are due, and gives which they were.
func turnsUntil(x *Executor, until uint64) (tids []uint64) {
	x.fromRota(until)
	for len(x.queue) > 0 && x.queue[0].due <= until {
		tids = append(tids, x.first().TID)
	}
	return tids
}
