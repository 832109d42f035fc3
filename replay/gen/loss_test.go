package gen

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
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

// beginning is the way in which a trace begins in mid-life.
const beginning = "the beginning lost"

// generated is the history that o gives.
func generated(t *testing.T, o Options) (rows []format.Event) {
	t.Helper()
	o.Emit = func(b *format.Batch) error {
		for i := range b.N {
			var e format.Event
			b.Event(i, &e)
			rows = append(rows, e)
		}
		return nil
	}
	if _, err := Generate(o); err != nil {
		t.Fatal(err)
	}
	return rows
}

// lossy is a history of a seed, and what is left of it in each of the ways to lose rows.
func lossy(t *testing.T, o Options, each func(way string, part []format.Event, whole []format.Event)) {
	t.Helper()
	rows := generated(t, o)
	for w, way := range lossWays {
		rng := rand.New(rand.NewPCG(o.Seed, uint64(w)))
		rng.IntN(len(rows))
		each(way.name+" lost", losing(rows, way.pick(rows, rng)), rows)
	}
	rng := rand.New(rand.NewPCG(o.Seed, uint64(len(lossWays))))
	each(beginning, rows[rng.IntN(len(rows)):], rows)
}

// lossSeeds are the seeds that a test looks at, n or as many as AFTRACE_HISTORIES says.
func lossSeeds(t *testing.T, n int, seeds ...uint64) []uint64 {
	t.Helper()
	if s := os.Getenv("AFTRACE_HISTORIES"); s != "" {
		v, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("AFTRACE_HISTORIES: %v", err)
		}
		n = min(v, 100)
	} else if testing.Short() {
		n = 2
	}
	for seed := range uint64(n) {
		seeds = append(seeds, seed)
	}
	return seeds
}

// oddities counts what should not be, with one example of each.
type oddities struct {
	count   map[string]int
	example map[string]string
}

func (x *oddities) add(key, format string, args ...any) {
	if x.count == nil {
		x.count, x.example = map[string]int{}, map[string]string{}
	}
	x.count[key]++
	x.example[key] = fmt.Sprintf(format, args...)
}

func (x *oddities) report(t *testing.T) {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(x.count)) {
		t.Errorf("%d× %s: %s", x.count[key], key, x.example[key])
	}
}

// TestLossIsNoViolation: a legal history from which rows are lost, with gap rows in their place,
// or that begins in mid-life, has no finding that stands, of any severity: what the loss could
// explain is inconclusive.
func TestLossIsNoViolation(t *testing.T) {
	tries, odd := 0, oddities{}
	// Each of these seeds has shown something once: calls that never return, handles that come back.
	for _, seed := range lossSeeds(t, 12, 78, 157, 229, 249, 1140, 2054) {
		for _, p := range plots {
			o := Options{Seed: seed, Events: 2500, Profile: p.name, Adapters: 1 + int(seed%3)}
			lossy(t, o, func(way string, part, _ []format.Event) {
				tries++
				r := replayed(t, part)
				for i := range r.Findings {
					if f := &r.Findings[i]; !f.Inconclusive {
						odd.add(fmt.Sprintf("%s %s", f.Rule, f.Severity), "seed %d, %s, %s: %s %s (%s), rows %v", seed, p.name, way, f.ID(), f.Message, f.Driver, f.Events)
					}
				}
			})
		}
	}
	odd.report(t)
	t.Logf("%d traces with gaps", tries)
}

// TestLossAddsNoViolation: a history in which rules are broken has no violation for losing rows
// that the whole of it does not have: of the same rule, or of one that stands for it, about the
// same rows, or about a row that is lost, so that another one has to show it.
func TestLossAddsNoViolation(t *testing.T) {
	tries, odd := 0, oddities{}
	for _, seed := range lossSeeds(t, 8) {
		for _, p := range plots {
			o := Options{Seed: seed, Events: 2500, Profile: p.name, Adapters: 1 + int(seed%3), Faults: Every(0.01)}
			var whole *replay.Result
			lossy(t, o, func(way string, part, rows []format.Event) {
				if way == beginning {
					return // what doubts the whole of it may have gone with it
				}
				tries++
				if whole == nil {
					whole = replayed(t, rows)
				}
				left := map[uint64]bool{}
				for i := range part {
					left[part[i].Seq] = part[i].Phase != format.PhaseGap
				}
				r := replayed(t, part)
				for i := range r.Findings {
					f := &r.Findings[i]
					if f.Inconclusive || f.Severity != rule.Error {
						continue
					}
					if !slices.ContainsFunc(whole.Findings, func(w replay.Finding) bool {
						return (w.Rule == f.Rule || slices.Contains(w.Also, f.Rule)) && (slices.Contains(w.Events, f.Seq) || !left[w.Seq])
					}) {
						odd.add(f.Rule.String(), "seed %d, %s, %s: %s %s (%s), rows %v", seed, p.name, way, f.ID(), f.Message, f.Driver, f.Events)
					}
				}
			})
		}
	}
	odd.report(t)
	t.Logf("%d traces with gaps", tries)
}
