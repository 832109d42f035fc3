package replay_test
import ("testing";"os";"fmt";"math/rand/v2";"github.com/aftrace/aftrace/internal/naive";"github.com/aftrace/aftrace/replay";"github.com/aftrace/aftrace/replay/scenario")
func TestZW(t *testing.T){ var seed uint64; if os.Getenv("ZS")=="" {t.Skip()}; fmt.Sscan(os.Getenv("ZS"),&seed)
		o := naive.GenOptions{Loose: seed%3 == 2}
		if seed%2 == 1 { o.Faults = 1 + int(seed%3) }
 rows := naive.Random(rand.New(rand.NewPCG(seed, 22)), o)
 r := check(t, rows, replay.Options{}, replay.End{})
 for i := range r.Findings { fmt.Println("engine", scenario.FindingLine(&r.Findings[i])) }
}
