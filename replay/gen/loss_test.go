package gen

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// lossWays are the ways in which rows are lost: each gives the choice for one trace.
var lossWays = []struct {
	name string
	pick func(rows []format.Event, rng *rand.Rand) func(*format.Event) bool
}{
	{"single rows", func(_ []format.Event, rng *rand.Rand) func(*format.Event) bool {
		share := []float64{0.002, 0.02, 0.1, 0.3}[rng.IntN(4)]
		return func(*format.Event) bool { return rng.Float64() < share }
	}},
	{"buffers", func(rows []format.Event, rng *rand.Rand) func(*format.Event) bool {
		size := 1 << rng.IntN(10)
		share := []float64{0.01, 0.1, 0.5}[rng.IntN(3)]
		left, lose := 0, false
		return func(*format.Event) bool {
			if left == 0 {
				left, lose = 1+rng.IntN(size), rng.Float64() < share
			}
			left--
			return lose
		}
	}},
	{"entries", func(_ []format.Event, rng *rand.Rand) func(*format.Event) bool {
		return func(e *format.Event) bool { return e.Phase == format.PhaseEnter && rng.IntN(8) == 0 }
	}},
	{"returns", func(_ []format.Event, rng *rand.Rand) func(*format.Event) bool {
		return func(e *format.Event) bool { return e.Phase == format.PhaseReturn && rng.IntN(8) == 0 }
	}},
	{"half of a function", func(rows []format.Event, rng *rand.Rand) func(*format.Event) bool {
		fn := rows[rng.IntN(len(rows))].Function
		return func(e *format.Event) bool { return e.Function == fn && rng.IntN(2) == 0 }
	}},
	{"a function", func(rows []format.Event, rng *rand.Rand) func(*format.Event) bool {
		fn := rows[rng.IntN(len(rows))].Function
		return func(e *format.Event) bool { return e.Function == fn }
	}},
	{"what drivers say of themselves", func(_ []format.Event, rng *rand.Rand) func(*format.Event) bool {
		return func(e *format.Event) bool {
			switch e.Function {
			case ndis.NdisSetOptionalHandlers, ndis.ProtocolSetOptions, ndis.MiniportSetOptions, ndis.NdisRegisterProtocolDriver:
				return rng.IntN(2) == 0
			}
			return false
		}
	}},
	{"a driver", func(rows []format.Event, rng *rand.Rand) func(*format.Event) bool {
		driver := rows[rng.IntN(len(rows))].Driver
		return func(e *format.Event) bool { return e.Driver == driver && rng.IntN(4) == 0 }
	}},
}

// losing is the trace without the rows for which lost holds: a gap row stands where each run of
// them was.
func losing(rows []format.Event, lost func(*format.Event) bool) (out []format.Event) {
	for i := range rows {
		e := rows[i]
		if !lost(&rows[i]) {
			out = append(out, e)
			continue
		}
		if n := len(out); n > 0 && out[n-1].Phase == format.PhaseGap && i > 0 && out[n-1].Seq == rows[i-1].Seq {
			g := &out[n-1]
			g.Seq, g.TS, g.Lost = e.Seq, e.TS, g.Lost+1
			continue
		}
		out = append(out, format.Event{
			Seq: e.Seq, TS: e.TS, Phase: format.PhaseGap, Source: e.Source, Lost: 1,
			Has: format.HasLost | format.HasDetail, Detail: fmt.Sprintf(`{"since_ts":%d}`, e.TS),
		})
	}
	return out
}

func replayed(t *testing.T, rows []format.Event) *replay.Result {
	t.Helper()
	c := replay.New(replay.Options{})
	var b format.Batch
	for i := range rows {
		b.Append(&rows[i])
	}
	if err := c.Batch(&b); err != nil {
		t.Fatal(err)
	}
	return c.Finish(replay.End{})
}

// TestLossIsNoViolation: a legal history from which rows are lost, with gap rows in their place,
// or that begins in mid-life, has no finding that stands, of any severity: what the loss could
// explain is inconclusive.
func TestLossIsNoViolation(t *testing.T) {
	n := 12
	if s := os.Getenv("AFTRACE_HISTORIES"); s != "" {
		v, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("AFTRACE_HISTORIES: %v", err)
		}
		n = min(v, 300)
	} else if testing.Short() {
		n = 2
	}
	seeds := []uint64{78, 157, 229, 249, 1140, 2054} // each has shown something once: calls that never return, handles that come back
	for seed := range uint64(n) {
		seeds = append(seeds, seed)
	}
	tries, odd, example := 0, map[string]int{}, map[string]string{}
	for _, seed := range seeds {
		for _, p := range plots {
			var rows []format.Event
			_, err := Generate(Options{Seed: seed, Events: 2500, Profile: p.name, Adapters: 1 + int(seed%3), Emit: func(b *format.Batch) error {
				for i := range b.N {
					var e format.Event
					b.Event(i, &e)
					e.Detail = strings.Clone(e.Detail)
					rows = append(rows, e)
				}
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			for w := range len(lossWays) + 1 {
				rng := rand.New(rand.NewPCG(seed, uint64(w)))
				name, part := "the beginning", rows[rng.IntN(len(rows)):]
				if w < len(lossWays) {
					name, part = lossWays[w].name, losing(rows, lossWays[w].pick(rows, rng))
				}
				tries++
				r := replayed(t, part)
				for i := range r.Findings {
					if f := &r.Findings[i]; !f.Inconclusive {
						key := fmt.Sprintf("%s %s", f.Rule, f.Severity)
						odd[key]++
						example[key] = fmt.Sprintf("seed %d, %s, %s lost: %s %s (%s), rows %v", seed, p.name, name, f.ID(), f.Message, f.Driver, f.Events)
					}
				}
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(odd)) {
		t.Errorf("%d× %s: %s", odd[key], key, example[key])
	}
	t.Logf("%d traces with gaps", tries)
}
