package naive

import (
	"flag"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/aftrace/aftrace/replay/rule"
)

var (
	seedFlag = flag.Uint64("naive.seed", 0, "judge and print the one history of this seed")
	runsFlag = flag.Int("naive.runs", 20000, "how many legal histories to judge")
)

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func seeds(n int) []uint64 {
	if *seedFlag != 0 {
		return []uint64{*seedFlag}
	}
	s := make([]uint64, n)
	for i := range s {
		s[i] = uint64(i + 1)
	}
	return s
}

// atLeast keeps the findings of at least a severity.
func atLeast(min rule.Severity, fs []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(fs), func(f Finding) bool { return f.Severity < min })
}

func TestLegalHistoriesAreSilent(t *testing.T) {
	for _, seed := range seeds(*runsFlag) {
		events := Legal(seeded(seed))
		all := Check(events, true)
		if found := atLeast(rule.Warning, all); len(found) > 0 {
			t.Fatalf("legal history, rerun with -run %s -naive.seed %d: %v\n%s", t.Name(), seed, found, Format(events, all...))
		}
	}
}

func TestLooseHistoriesBreakNoRule(t *testing.T) {
	for _, seed := range seeds(*runsFlag) {
		events := Random(seeded(seed), GenOptions{Loose: true})
		all := Check(events, true)
		if found := atLeast(rule.Error, all); len(found) > 0 {
			t.Fatalf("loose history, rerun with -run %s -naive.seed %d: %v\n%s", t.Name(), seed, found, Format(events, all...))
		}
	}
}
