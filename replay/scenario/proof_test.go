package scenario_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay/rule"
)

// oneRow are the rules that a single row can break by what it carries. "NDIS never gave out" is
// one of them whatever the rule: there is no row to show for it.
var oneRow = map[rule.ID]bool{
	rule.IRQL01: true, rule.IRQL02: true, rule.IRQL03: true, rule.IRQL04: true, rule.IRQL05: true,
	rule.ROLE05: true, rule.OID02: true, rule.PARTY08: true, rule.VC13: true,
	rule.OPEN05: true, rule.NOTE07: true, // a callback about nothing that there is
}

// TestFindingsCarryTheirProof: the rows of a finding are rows of the trace, in order, and the one
// that it names is among them. The return of a call comes with its entry, which says what it is
// about. A finding of one row is one that this row shows by itself.
func TestFindingsCarryTheirProof(t *testing.T) {
	findings, odd, example := 0, map[string]int{}, map[string]string{}
	for _, h := range everyHistory(t, 1500) {
		rows := map[uint64]*format.Event{}
		entry := map[uint64]uint64{} // of a return
		open := map[uint64]uint64{}  // by call_id
		for i := range h.Events {
			e := &h.Events[i]
			rows[e.Seq] = e
			switch {
			case e.Has&format.HasCallID == 0:
			case e.Phase == format.PhaseEnter:
				open[e.CallID] = e.Seq
			case e.Phase == format.PhaseReturn && open[e.CallID] != 0:
				entry[e.Seq] = open[e.CallID]
				delete(open, e.CallID)
			}
		}
		r := judged(t, h.Scenario, 100)
		for i := range r.Findings {
			f := &r.Findings[i]
			findings++
			add := func(what string, args ...any) {
				key := fmt.Sprintf("%s: %s", f.Rule, what)
				odd[key]++
				example[key] = fmt.Sprintf("%s: %s@%d %s, rows %v %s", h.name, f.Rule, f.Seq, f.Message, f.Events, fmt.Sprint(args...))
			}
			if !slices.Contains(f.Events, f.Seq) {
				add("its own row is missing")
			}
			if !slices.IsSorted(f.Events) || len(slices.Compact(slices.Clone(f.Events))) != len(f.Events) {
				add("the rows are not in order")
			}
			for _, seq := range f.Events {
				e := rows[seq]
				switch {
				case e == nil:
					add("a row that is not in the trace", seq)
				case e.Phase == format.PhaseGap:
					add("a gap row", seq)
				case e.Phase == format.PhaseReturn && entry[seq] != 0 && !slices.Contains(f.Events, entry[seq]):
					add("the return of a call without its entry", seq)
				}
			}
			if len(f.Events) < 2 && !oneRow[f.Rule] && !strings.Contains(f.Message, "never gave out") {
				add("one row alone")
			}
		}
		for i := range r.Conflicts {
			x := &r.Conflicts[i]
			if !slices.Contains(x.Events, x.Seq) || !slices.IsSorted(x.Events) || slices.ContainsFunc(x.Events, func(seq uint64) bool { return rows[seq] == nil }) {
				t.Errorf("%s: %s %v", h.name, x.ID(), x.Events)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(odd)) {
		t.Errorf("%d× %s: %s", odd[key], key, example[key])
	}
	t.Logf("%d findings", findings)
}
