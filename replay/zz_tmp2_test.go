package replay_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/aftrace/aftrace/internal/naive"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

func TestTmpFaults(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("N"))
	bad, all, ex := map[string]int{}, map[string]int{}, map[string]string{}
	for seed := int64(1); seed <= int64(n); seed++ {
		o := genOptions(seed)
		rows, planted := naive.Plant(rand.New(rand.NewPCG(uint64(seed), 0)), o)
		name := "none"
		if len(planted) > 0 {
			name = planted[0].Fault.String()
		}
		all[name]++
		var want, got []string
		for _, f := range naive.Check(rows, true) {
			if f.Severity == rule.Error && (compared(f.Rule) || f.Rule == rule.LEAK02) {
				want = append(want, fmt.Sprintf("%s@%d", f.Rule, f.Seq))
			}
		}
		r := check(t, rows, replay.Options{}, replay.End{})
		for i := range r.Findings {
			if f := &r.Findings[i]; f.Severity == rule.Error && common(rows, f) != rule.None {
				got = append(got, fmt.Sprintf("%s@%d", common(rows, f), f.Seq))
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			bad[name]++
			if bad[name] <= 3 {
				ex[name] += fmt.Sprintf(" [%d %s]", seed, difference(want, got))
			}
		}
	}
	var ks []string
	for k := range bad {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	for _, k := range ks {
		t.Logf("%-28s %d of %d %s\n", k, bad[k], all[k], ex[k])
	}
	if os.Getenv("ALL") != "" {
		t.Log(len(all), all)
	}
}
