package replay_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/aftrace/aftrace/internal/naive"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/scenario"
)

var (
	seed    = flag.Int64("seed", 0, "history to print")
	tangled = flag.Bool("tangled", false, "it is one of TestNaiveCheckerAgreesOnTangles")
)

// TestNaiveHistory prints the history of -seed and what both checkers say of it.
func TestNaiveHistory(t *testing.T) {
	if *seed == 0 {
		t.Skip("prints the history of -seed")
	}
	o, stream := genOptions(*seed), uint64(0)
	if *tangled {
		o, stream = tangle(*seed), 1
	}
	rows := naive.Random(rand.New(rand.NewPCG(uint64(*seed), stream)), o)
	found := naive.Check(rows, true)
	fmt.Println(naive.Format(rows, found...))
	for _, f := range found {
		fmt.Printf("naive  %s@%d %s\n", f.Rule, f.Seq, f.Severity)
	}
	r := check(t, rows, replay.Options{}, replay.End{})
	for i := range r.Findings {
		fmt.Println("engine", scenario.FindingLine(&r.Findings[i]))
	}
	fmt.Println("defects", r.Defects)
}
