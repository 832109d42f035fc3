package naive

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay/rule"
)

// Finding is one broken rule and the row where it breaks: the row where a wrong call,
// callback or completion is entered; the return row of a wrong status or missing out
// value; for what never came, the row that made it due.
type Finding struct {
	Rule     rule.ID
	Seq      uint64
	Severity rule.Severity
}

func (f Finding) String() string {
	return fmt.Sprintf("%v@%d (%v)", f.Rule, f.Seq, f.Severity)
}

// Check judges a whole trace that begins in an empty world. Its rows are in order of Seq
// and TS, without gaps, each with TID and CallID, and drivers have declared their roles.
// With complete, what has not come by the end of the trace never will, and is reported.
//
// Findings are in order of Seq, then of Rule, each (Rule, Seq) once.
func Check(events []format.Event, complete bool) []Finding {
	w := newWorld(events, complete)
	w.checkRegistrations()
	w.checkNotifications()
	w.findObjects()
	w.checkOpens()
	w.checkCloses()
	w.checkSAPs()
	w.checkVCs()
	w.checkCalls()
	w.checkParties()
	w.settle()
	slices.SortStableFunc(w.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Rule, b.Rule), cmp.Compare(b.Severity, a.Severity))
	})
	return slices.CompactFunc(w.findings, func(a, b Finding) bool { return a.Seq == b.Seq && a.Rule == b.Rule })
}

// settle leaves the most specific finding where several rules say the same of one row.
func (w *world) settle() {
	has := func(id rule.ID, seq uint64) bool {
		return slices.ContainsFunc(w.findings, func(f Finding) bool { return f.Rule == id && f.Seq == seq })
	}
	w.findings = slices.DeleteFunc(slices.Clone(w.findings), func(f Finding) bool {
		switch f.Rule {
		case rule.CLOSE02:
			return has(rule.CALL11, f.Seq)
		case rule.USE03:
			return has(rule.CALL15, f.Seq)
		}
		return false
	})
}

func (w *world) report(id rule.ID, sev rule.Severity, row *format.Event) {
	w.findings = append(w.findings, Finding{Rule: id, Seq: row.Seq, Severity: sev})
}

func (w *world) violation(id rule.ID, row *format.Event) { w.report(id, rule.Error, row) }
func (w *world) advice(id rule.ID, row *format.Event)    { w.report(id, rule.Warning, row) }
func (w *world) remark(id rule.ID, row *format.Event)    { w.report(id, rule.Info, row) }
