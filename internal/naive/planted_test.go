package naive

import (
	"flag"
	"slices"
	"testing"

	"github.com/aftrace/aftrace/replay/rule"
)

var plantFlag = flag.Int("naive.planted", 40, "how many histories to judge of each fault; a tenth with -short")

// wanted are the findings of the planted faults, as Check gives them.
func wanted(planted []Planted) []Finding {
	var fs []Finding
	for _, p := range planted {
		if !slices.Contains(fs, p.Finding) {
			fs = append(fs, p.Finding)
		}
	}
	return fs
}

func TestPlantedFaultsAreTheFindings(t *testing.T) {
	for f := Fault(0); f < NumFaults; f++ {
		if f == CallbackDropped || f == CallbackSwapped || !f.Possible() {
			continue
		}
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			enough, patience := runs(*plantFlag), 200**plantFlag
			if f.Objects() { // such a history is long
				enough = (enough + 3) / 4
			}
			got, tried := 0, 0
			for _, seed := range seeds(patience) {
				o := GenOptions{Faults: 1, Kinds: []Fault{f}, Loose: seed%3 == 0, Busy: f.Objects()}
				tried++
				events, planted := Plant(seeded(seed), o)
				all := Check(events, true)
				least := rule.Error
				if f == NotifyTwice && !o.Loose {
					least = rule.Warning
				} else if f == NotifyTwice {
					continue
				}
				want, found := wanted(planted), atLeast(least, all)
				if !slices.Equal(want, found) {
					t.Fatalf("fault %v, rerun with -run '%s$' -naive.seed %d:\nplanted %v\nfound   %v\n%s",
						f, t.Name(), seed, want, found, Format(events, all...))
				}
				if len(planted) > 0 {
					if got++; got >= enough {
						break
					}
				}
			}
			t.Logf("%d of %d", got, tried)
			if got < max(1, enough/4) && *seedFlag == 0 {
				t.Errorf("fault %v planted only %d times in %d histories", f, got, patience)
			}
		})
	}
}
