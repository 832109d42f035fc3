package replay_test
import ("testing";"os";"fmt";"math/rand/v2";"github.com/aftrace/aftrace/internal/naive";"github.com/aftrace/aftrace/replay";"github.com/aftrace/aftrace/replay/scenario")
func TestZG(t *testing.T){ var seed uint64; var way string; if os.Getenv("ZS")=="" {t.Skip()}; fmt.Sscan(os.Getenv("ZS"),&seed); way=os.Getenv("ZW")
		o := naive.GenOptions{Loose: seed%3 == 2}
		if seed%2 == 1 { o.Faults = 1 + int(seed%3) }
 rows := naive.Random(rand.New(rand.NewPCG(seed, 22)), o)
 lost := tenth(len(rows), seed)[way]
 part := without(rows, lost)
 r := check(t, part, replay.Options{}, replay.End{})
 for i := range rows { if lost(i) { rows[i].Driver = "LOST "+rows[i].Driver } }
 fmt.Println(naive.Format(rows))
 for i := range r.Findings { fmt.Println("engine", scenario.FindingLine(&r.Findings[i])) }
}
