package scenario_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
	"github.com/aftrace/aftrace/replay/scenario"
)

// everyTenth is the trace without every tenth row from row k on: a gap row stands where each
// was. The rows that are gone are those of lost, by seq.
func everyTenth(rows []format.Event, k int) (out []format.Event, lost map[uint64]bool) {
	lost = map[uint64]bool{}
	for i := range rows {
		e := rows[i]
		if i%10 == k && e.Phase != format.PhaseGap {
			lost[e.Seq] = true
			e = format.Event{
				Seq: e.Seq, TS: e.TS, Phase: format.PhaseGap, Source: e.Source, Lost: 1,
				Has: format.HasLost | format.HasDetail, Detail: fmt.Sprintf(`{"since_ts":%d}`, e.TS),
			}
		}
		out = append(out, e)
	}
	return out, lost
}

// broken are the violations of r: the findings of severity error that stand.
func broken(r *replay.Result) (list []*replay.Finding) {
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Severity == rule.Error && !f.Inconclusive {
			list = append(list, f)
		}
	}
	return list
}

// hasViolation says that whole has the violation f: one of the same rule, or one that says
// that this rule is broken too, about the same row, or about a row that is lost, so that
// another row has to show it.
func hasViolation(whole []*replay.Finding, f *replay.Finding, lost map[uint64]bool) bool {
	return slices.ContainsFunc(whole, func(w *replay.Finding) bool {
		return (w.Rule == f.Rule || slices.Contains(w.Also, f.Rule)) && (w.Seq == f.Seq || lost[w.Seq])
	})
}

// TestGapsInScenarios: no scenario of the corpus gets a violation by losing every tenth row,
// whichever of the first ten is the first one lost.
func TestGapsInScenarios(t *testing.T) {
	tries, odd, example := 0, map[string]int{}, map[string]string{}
	for _, h := range everyHistory(t, 0) {
		whole := broken(judged(t, h.Scenario, 100))
		for k := range 10 {
			rows, lost := everyTenth(h.Events, k)
			tries++
			for _, f := range broken(judged(t, h.with(rows), 100)) {
				if !hasViolation(whole, f, lost) {
					name := f.Rule.String()
					odd[name]++
					example[name] = fmt.Sprintf("%s, every tenth row from %d lost: %s", h.name, k+1, scenario.FindingLine(f))
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(odd)) {
		t.Errorf("%d× %s: %s", odd[name], name, example[name])
	}
	t.Logf("%d traces with gaps", tries)
}
