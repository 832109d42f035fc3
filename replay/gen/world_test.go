package gen

import (
	"math/rand/v2"
	"testing"
)

func TestWorlds(t *testing.T) {
	for _, p := range plots {
		rows, n := 0, 0
		for seed := range uint64(200) {
			w, err := run(rand.New(rand.NewPCG(seed, 1)), p)
			if err != nil {
				t.Errorf("%s, seed %d: %v", p.name, seed, err)
				n++
				if n > 5 {
					break
				}
				continue
			}
			rows += len(w.rows)
		}
		t.Log(p.name, rows)
	}
}
