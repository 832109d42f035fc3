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

// violations are the findings of severity error that stand, by rule and row.
func violations(r *replay.Result) map[string]*replay.Finding {
	found := map[string]*replay.Finding{}
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Severity == rule.Error && !f.Inconclusive {
			found[fmt.Sprintf("%s@%d", f.Rule, f.Seq)] = f
		}
	}
	return found
}

// known says that the whole trace has the violation f: at the same row, whatever name it gets
// there, or of the same rule and shown by one of the same rows or by the same driver. The row
// that shows a defect best may be lost, and another shows it then.
func known(whole map[string]*replay.Finding, f *replay.Finding) bool {
	for _, w := range whole {
		if w.Seq == f.Seq && w.AtFault == f.AtFault {
			return true
		}
		if w.Rule != f.Rule || w.AtFault != f.AtFault {
			continue
		}
		if w.Driver == f.Driver {
			return true
		}
		for _, row := range f.Events {
			if slices.Contains(w.Events, row) {
				return true
			}
		}
	}
	return false
}

// tenth gives the ways in which a trace loses a tenth of its rows: every tenth from one of ten
// on, or that many anywhere.
func tenth(n int, seed uint64) map[string]func(int) bool {
	ways := map[string]func(int) bool{}
	for k := range 10 {
		ways[fmt.Sprintf("every tenth row from %d", k)] = func(i int) bool { return i%10 == k }
	}
	rng := rand.New(rand.NewPCG(seed, 21))
	any := map[int]bool{}
	for range n / 10 {
		any[rng.IntN(n)] = true
	}
	ways["any tenth"] = func(i int) bool { return any[i] }
	return ways
}

// TestGapsMakeNoViolation: a trace with a tenth of its rows lost, and gap rows in their place,
// has no violation that the whole trace does not have.
func TestGapsMakeNoViolation(t *testing.T) {
	tries, odd := 0, map[string]int{}
	example := map[string]string{}
	try := func(what string, rows []format.Event, o replay.Options, end replay.End, seed uint64) {
		whole := violations(check(t, rows, o, end))
		if len(rows) < 10 {
			return
		}
		ways := tenth(len(rows), seed)
		for name, lost := range ways {
			tries++
			for key, f := range violations(check(t, without(rows, lost), o, end)) {
				if !known(whole, f) {
					odd[f.Rule.String()]++
					example[f.Rule.String()] = fmt.Sprintf("%s, without %s: %s %s", what, name, key, f.Message)
				}
			}
		}
	}
	for seed := range uint64(histories(t, 2000)) {
		o := naive.GenOptions{Loose: seed%3 == 2}
		if seed%2 == 1 {
			o.Faults = 1 + int(seed%3)
		}
		try(fmt.Sprintf("seed %d", seed), naive.Random(rand.New(rand.NewPCG(seed, 22)), o), replay.Options{}, replay.End{}, seed)
	}
	var rules []string
	n := 0
	for r := range odd {
		rules = append(rules, r)
		n += odd[r]
	}
	slices.Sort(rules)
	for _, r := range rules {
		t.Errorf("%d× %s: %s", odd[r], r, example[r])
	}
	t.Logf("%d traces with gaps, %d new violations", tries, n)
}

// TestUntouchedObjectsKeepTheirVerdicts: what gaps cannot have touched is judged as before. A
// finding of the whole trace counts as untouched if all rows that prove it are left, and no row
// was lost between the coming up of its adapter (the life of every object that lives on one is
// within its adapter's) and the last row of its proof, nor, before that, a row in which a
// driver registered. A finding that something never came is touched by whatever is lost later.
// Of these, nine in ten are found again with the same verdict.
func TestUntouchedObjectsKeepTheirVerdicts(t *testing.T) {
	untouched, kept := 0, 0
	example := ""
	for seed := range uint64(histories(t, 3000)) {
		rows := naive.Random(rand.New(rand.NewPCG(seed, 23)), naive.GenOptions{Faults: 1 + int(seed%2), Loose: seed%3 == 2})
		whole := check(t, rows, replay.Options{}, replay.End{})
		if len(whole.Findings) == 0 || len(rows) < 40 {
			continue
		}
		up := map[uint64]uint64{} // adapter -> row where it came up
		for i := range rows {
			if e := &rows[i]; e.Function == ndis.MiniportInitializeEx && e.Phase == format.PhaseEnter {
				up[e.Adapter] = e.Seq
			}
		}
		rng := rand.New(rand.NewPCG(seed, 24))
		shown := map[uint64]map[string]*replay.Finding{} // by the rows up to there
		for range 5 {
			k, n := rng.IntN(len(rows)), 1+rng.IntN(10)
			lost := func(i int) bool { return i >= k && i < k+n }
			part := check(t, without(rows, lost), replay.Options{}, replay.End{})
			found := map[string]bool{}
			for i := range part.Findings {
				f := &part.Findings[i]
				found[fmt.Sprintf("%s@%d %v", f.Rule, f.Seq, f.Inconclusive)] = true
			}
			for i := range whole.Findings {
				f := &whole.Findings[i]
				first, ok := up[f.Adapter]
				last := f.Events[len(f.Events)-1]
				if !ok || f.Severity != rule.Error || f.Inconclusive {
					continue
				}
				// Rows k to k+n-1 are gone.
				if a, b := uint64(k+1), uint64(min(k+n, len(rows))); b >= first && a <= last {
					continue
				}
				if uint64(k) < first && slices.ContainsFunc(rows[k:min(k+n, len(rows))], func(e format.Event) bool {
					return e.Function != ndis.MiniportInitializeEx
				}) {
					continue
				}
				early, ok := shown[last]
				if !ok {
					early = violations(check(t, rows[:last], replay.Options{}, replay.End{Truncated: true}))
					shown[last] = early
				}
				if early[fmt.Sprintf("%s@%d", f.Rule, f.Seq)] == nil {
					continue // it rests on what never came: its object lives on
				}
				untouched++
				if key := fmt.Sprintf("%s@%d %v", f.Rule, f.Seq, f.Inconclusive); found[key] {
					kept++
				} else {
					example = fmt.Sprintf("seed %d, without %d rows from %d: %s", seed, n, k+1, key)
				}
			}
		}
	}
	t.Logf("%d of %d verdicts are kept; one that is not: %s", kept, untouched, example)
	if untouched < 5 || kept*10 < untouched*9 {
		t.Errorf("%d of %d verdicts that no gap can have touched are kept, the last that is not: %s", kept, untouched, example)
	}
}
