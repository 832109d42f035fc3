package replay_test
import ("testing";"os";"fmt";"math/rand/v2";"github.com/aftrace/aftrace/internal/naive";"github.com/aftrace/aftrace/format";"github.com/aftrace/aftrace/format/ndis";"github.com/aftrace/aftrace/replay";"github.com/aftrace/aftrace/replay/scenario")
func TestZL(t *testing.T){ var seed uint64; if os.Getenv("ZS")=="" {t.Skip()}; fmt.Sscan(os.Getenv("ZS"),&seed)
		rows := naive.Random(rand.New(rand.NewPCG(uint64(seed), 2)), naive.GenOptions{Loose: seed%3 == 2})
		rng := rand.New(rand.NewPCG(uint64(seed), 3))
		k, n := rng.IntN(len(rows)-20), 1+rng.IntN(20)
		pr := func(rows []format.Event) { fmt.Println(naive.Format(rows)); r := check(t, rows, replay.Options{}, replay.End{}); for i := range r.Findings { fmt.Println("engine", scenario.FindingLine(&r.Findings[i])) } }
		gap := format.Event{Seq: rows[k].Seq, TS: rows[k+n-1].TS, Phase: format.PhaseGap, Lost: uint64(n), Has: format.HasLost | format.HasDetail, Detail: fmt.Sprintf(`{"since_ts":%d}`, rows[k].TS)}
		var some []format.Event
		driver, up := rows[rng.IntN(len(rows))].Driver, rng.IntN(2) == 0
		for i := range rows { if e := &rows[i]; e.Driver != driver || (e.Function.Info().Dir == ndis.Up) != up { some = append(some, *e) } }
		switch os.Getenv("ZW") { case "from": pr(rows[k:]); case "gap": pr(append(append(append([]format.Event{}, rows[:k]...), gap), rows[k+n:]...)); default: pr(some) }
}
