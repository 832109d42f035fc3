package replay_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/aftrace/aftrace/internal/naive"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
	"github.com/aftrace/aftrace/replay/scenario"
)

func TestTmpLegal(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("N"))
	one, _ := strconv.Atoi(os.Getenv("ONE"))
	kinds := map[string]int{}
	ex := map[string]int{}
	for i := 1; i <= n; i++ {
		if one != 0 && i != one {
			continue
		}
		rows := naive.Random(rand.New(rand.NewPCG(uint64(i), 7)), naive.GenOptions{Busy: true})
		r := check(t, rows, replay.Options{}, replay.End{})
		if one != 0 {
			fmt.Println(naive.Format(rows))
		}
		for j := range r.Findings {
			f := &r.Findings[j]
			if f.Severity >= rule.Warning {
				k := scenario.FindingLine(f)
				if one != 0 {
					fmt.Println(k)
				}
				kk := fmt.Sprint(f.Rule, f.Severity)
				kinds[kk]++
				if kinds[kk] == 1 {
					ex[kk] = i
				}
			}
		}
		if len(r.Defects) > 0 {
			kinds["defect"]++
			ex["defect"] = i
		}
		if i == n {
			t.Log(len(rows))
		}
	}
	for k, v := range kinds {
		t.Errorf("%s: %d, e.g. %d", k, v, ex[k])
	}
}
