package gen

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/format"
)

// sides are drivers that emit events while the others do not.
var sides = []struct {
	name  string
	emits func(driver string) bool
}{
	{"clients", isClient},
	{"one client", func(d string) bool { return d == "client1.1" }},
	{"call managers", isManager},
	{"miniports", func(d string) bool { return !isClient(d) && !isManager(d) }},
	{"clients and call managers", func(d string) bool { return isClient(d) || isManager(d) }},
	{"call managers and miniports", func(d string) bool { return !isClient(d) }},
}

func isClient(d string) bool  { return strings.HasPrefix(d, "client") }
func isManager(d string) bool { return strings.HasPrefix(d, "cm") }

// TestOneSideIsRecorded: where only some of the drivers of a legal history emit events, and nothing
// says that the others exist, nothing is found: what they do may explain all.
func TestOneSideIsRecorded(t *testing.T) {
	odd, rows := oddities{}, 0
	for _, seed := range lossSeeds(t, 6, 3, 4) {
		for _, p := range plots {
			history := generated(t, Options{Seed: seed, Events: 8_000, Profile: p.name, Adapters: 4})
			for _, s := range sides {
				var part []format.Event
				for i := range history {
					if s.emits(history[i].Driver) {
						part = append(part, history[i])
					}
				}
				rows += len(part)
				r := replayed(t, part)
				for i := range r.Findings {
					f := &r.Findings[i]
					odd.add(fmt.Sprintf("%s of %s", f.Rule, s.name), "seed %d, %s: %s %s (%s), rows %v", seed, p.name, f.ID(), f.Message, f.Driver, f.Events)
				}
			}
		}
	}
	odd.report(t)
	t.Logf("%d rows", rows)
}

// TestSomeDriversAreNotRecorded: nor does the rest break a rule where the rows of some are missing.
// What NDIS tells clients of may come from call managers that are: such findings are inconclusive.
func TestSomeDriversAreNotRecorded(t *testing.T) {
	odd := oddities{}
	for _, seed := range lossSeeds(t, 4, 2, 3) {
		for _, p := range plots {
			history := generated(t, Options{Seed: seed, Events: 8_000, Profile: p.name, Adapters: 4})
			lacks := func(name string, missing func(driver string) bool) {
				part := slices.DeleteFunc(slices.Clone(history), func(e format.Event) bool { return missing(e.Driver) })
				for i := range part {
					part[i].Source = format.SourceETL // in which each driver tells of itself
				}
				r := replayed(t, part)
				for i := range r.Findings {
					if f := &r.Findings[i]; !f.Inconclusive {
						odd.add(fmt.Sprintf("%s without %s", f.Rule, name), "seed %d, %s: %s %s (%s), rows %v", seed, p.name, f.ID(), f.Message, f.Driver, f.Events)
					}
				}
			}
			for _, s := range sides {
				lacks(s.name, s.emits)
			}
			var drivers []string
			for i := range history {
				if d := history[i].Driver; !slices.Contains(drivers, d) {
					drivers = append(drivers, d)
				}
			}
			rng := rand.New(rand.NewPCG(seed, 41))
			for range 3 {
				one := drivers[rng.IntN(len(drivers))]
				kind := "a miniport"
				if isClient(one) {
					kind = "a client"
				} else if isManager(one) {
					kind = "a call manager"
				}
				lacks(kind, func(d string) bool { return d == one })
			}
		}
	}
	odd.report(t)
}
