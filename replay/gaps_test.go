package replay_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/internal/naive"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// without is the trace without the rows for which lost holds: a gap row stands where each run
// of them was. It says of how many rows from row i on the trace is without.
func without(rows []format.Event, lost func(i int) bool) (out []format.Event) {
	for i := 0; i < len(rows); {
		j := i
		for j < len(rows) && lost(j) && rows[j].Phase != format.PhaseGap {
			j++
		}
		if j == i {
			out = append(out, rows[i])
			i++
			continue
		}
		out = append(out, format.Event{
			Seq: rows[i].Seq, TS: rows[j-1].TS, Phase: format.PhaseGap, Source: rows[i].Source, Lost: uint64(j - i),
			Has: format.HasLost | format.HasDetail, Detail: fmt.Sprintf(`{"since_ts":%d}`, rows[i].TS),
		})
		i = j
	}
	return out
}

// violations are the findings of severity error that stand.
func violations(r *replay.Result) (list []*replay.Finding) {
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Severity == rule.Error && !f.Inconclusive {
			list = append(list, f)
		}
	}
	return list
}

// known says that the whole trace has the violation f: one of the same rule, or one that says
// that this rule is broken too, about the same row, or about a row that is lost, so that
// another row has to show it. rows[i] has seq i+1.
func known(whole []*replay.Finding, f *replay.Finding, lost func(i int) bool) bool {
	return slices.ContainsFunc(whole, func(w *replay.Finding) bool {
		return (w.Rule == f.Rule || slices.Contains(w.Also, f.Rule)) && (w.Seq == f.Seq || lost(int(w.Seq-1)))
	})
}

// tenth gives the ways in which a trace loses a tenth of its rows: every tenth from one of ten
// on, or that many anywhere.
func tenth(n int, seed uint64) map[string]func(int) bool {
	ways := map[string]func(int) bool{}
	for k := range 10 {
		ways[fmt.Sprintf("every tenth row from %d", k+1)] = func(i int) bool { return i%10 == k }
	}
	rng := rand.New(rand.NewPCG(seed, 21))
	any := map[int]bool{}
	for range n / 10 {
		any[rng.IntN(n)] = true
	}
	ways["any tenth"] = func(i int) bool { return any[i] }
	return ways
}

// anyHistory is a history of any kind: of AFs alone or of calls too, legal or broken.
func anyHistory(seed, stream uint64) []format.Event {
	o := naive.GenOptions{Loose: seed%3 == 2, Busy: seed%5 < 2}
	if seed%2 == 1 {
		o.Faults = 1 + int(seed/2%3)
	}
	return naive.Random(rand.New(rand.NewPCG(seed, stream)), o)
}

// TestGapsMakeNoViolation: a trace with a tenth of its rows lost, and gap rows in their place,
// has no violation that the whole trace does not have.
func TestGapsMakeNoViolation(t *testing.T) {
	tries, odd := 0, tally{}
	for seed := range uint64(upTo(t, 1500, 4000)) {
		rows := anyHistory(seed, 22)
		if len(rows) < 10 {
			continue
		}
		whole := violations(check(t, rows, replay.Options{}, replay.End{}))
		for name, lost := range tenth(len(rows), seed) {
			tries++
			for _, f := range violations(check(t, without(rows, lost), replay.Options{}, replay.End{})) {
				if !known(whole, f, lost) {
					odd.add(f.Rule.String(), fmt.Sprintf("seed %d without %s: %s %s", seed, name, f.ID(), f.Message))
				}
			}
		}
	}
	odd.report(t)
	t.Logf("%d traces with gaps", tries)
}

// TestUntouchedObjectsKeepTheirVerdicts: what gaps cannot have touched is judged as before.
//
// A violation of the whole trace counts as untouched by a gap if all the rows that prove it
// are left, the trace shows it by the last of them (it does not rest on what never came), and
// no row was lost between the coming up of its adapter, or the first row if that is not known,
// and that last row: the life of every object that lives on an adapter is within the
// adapter's.
func TestUntouchedObjectsKeepTheirVerdicts(t *testing.T) {
	untouched, kept, lost := 0, 0, tally{}
	for seed := range uint64(upTo(t, 1500, 4000)) {
		seed = seed*2 + 1 // with a fault
		rows := anyHistory(seed, 23)
		whole := violations(check(t, rows, replay.Options{}, replay.End{}))
		if len(whole) == 0 || len(rows) < 40 {
			continue
		}
		up := map[uint64]int{} // adapter -> index of the row where it came up
		for i := range rows {
			if e := &rows[i]; e.Function == ndis.MiniportInitializeEx && e.Phase == format.PhaseEnter {
				up[e.Adapter] = i
			}
		}
		named := func(list []*replay.Finding) map[string]bool {
			names := map[string]bool{}
			for _, f := range list {
				if !f.AtEnd {
					names[f.ID()] = true
				}
			}
			return names
		}
		shown := map[uint64]map[string]bool{} // what the rows up to there show
		rng := rand.New(rand.NewPCG(seed, 24))
		for range 5 {
			k, n := rng.IntN(len(rows)), 1+rng.IntN(10)
			part := named(violations(check(t, without(rows, func(i int) bool { return i >= k && i < k+n }), replay.Options{}, replay.End{})))
			for _, f := range whole {
				last := f.Events[len(f.Events)-1]
				if first := up[f.Adapter]; k+n > first && k < int(last) {
					continue // it touches the rows from first to that with seq last
				} else if k < int(last) && slices.ContainsFunc(rows[k:min(k+n, len(rows))], func(e format.Event) bool {
					return e.Function != ndis.MiniportInitializeEx
				}) {
					continue // what drivers said of themselves before is of all adapters
				}
				if shown[last] == nil {
					shown[last] = named(violations(check(t, rows[:last], replay.Options{}, replay.End{})))
				}
				if f.AtEnd || !shown[last][f.ID()] {
					continue
				}
				untouched++
				if part[f.ID()] {
					kept++
				} else {
					lost.add(f.Rule.String(), fmt.Sprintf("seed %d, without %d rows from %d: %s %s", seed, n, k+1, f.ID(), f.Message))
				}
			}
		}
	}
	for rule, n := range lost.count {
		t.Logf("%d× %s is not kept: %s", n, rule, lost.example[rule])
	}
	t.Logf("%d of %d verdicts are kept", kept, untouched)
	least := 100
	if testing.Short() {
		least = 10
	}
	if untouched < least || kept*10 < untouched*9 {
		t.Errorf("%d of %d verdicts that no gap can have touched are kept", kept, untouched)
	}
}
