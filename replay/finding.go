package replay

import (
	"cmp"
	"slices"
	"sort"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// reason says why a rule could not be evaluated.
type reason uint8

const (
	reasonAssumed reason = iota
	reasonRole
	reasonAdapter
	reasonCaller
	reasonNoContext
	reasonNoUpcalls
	reasonNoCalls
	reasonNoStatus
	reasonNoHandle
	reasonLevel
	reasonNoKey
	reasonAmbiguous
	reasonNoIRQL
	reasonBlurred
	numReasons
)

var reasonText = [numReasons]string{
	"object from before the trace",
	"role of the driver not recorded",
	"adapter not known or not joined",
	"caller of the completion callback not recorded",
	"context not recorded",
	"callbacks of the driver not captured",
	"calls of the driver not captured",
	"status not recorded",
	"handle not recorded",
	"level of the capture (api or export) not recorded",
	"detail key not recorded",
	"the row does not say which of several objects",
	"IRQL not recorded",
	"rows in between do not say what they are about",
}

// finding is a Finding with the span of time in which lost events could explain it.
type finding struct {
	Finding
	from, to int64
	inferred bool
	atEnd    bool // something that had not come when the trace ended
	dropped  bool
	unsure   string  // what the trace does not say, and could explain it
	claims   *driver // its calls must be captured for the finding to stand
	shown    bool    // the row alone proves it
	hidden   bool    // a driver that is not in the trace could explain it
}

// maxRules is a power of two beyond the number of the last rule.
const maxRules = 256

var _ [maxRules - rule.NumIDs]struct{}

// check counts an evaluation of a rule.
func (c *Checker) check(id rule.ID) { c.checked[id%maxRules]++ }

// lacks counts that a rule could not be evaluated.
func (c *Checker) lacks(id rule.ID, why reason) { c.unchecked[id][why]++ }

// skip is lacks; where the row did not say which object it is about, other findings suffer.
func (c *Checker) skip(id rule.ID, why reason) {
	c.lacks(id, why)
	switch why {
	case reasonNoHandle:
		c.blur()
	case reasonNoContext, reasonAmbiguous:
		if !c.namesObject() {
			c.blur()
		}
	case reasonNoStatus:
		c.blur()
	}
}

// namesObject says that the current row names an object, and that whatever its driver has
// was given to it within the trace: then it names one that does not exist.
func (c *Checker) namesObject() bool {
	if c.b == nil || c.b.Has[c.i]&(format.HasContext|format.HasTID) != format.HasContext|format.HasTID {
		return false // without a thread, it may belong to a call that it is nested in
	}
	d := c.labelled(c.now.label)
	return d != nil && c.nGaps == 0 && d.upSeen && d.downSeen && d.assumed == 0 && !d.unopened && d.contextless == 0 &&
		(d.registered.state == markReturned || d.isMiniport && d.first == ndis.MiniportInitializeEx)
}

// blur notes that the current row could not be laid to the object it is about. It may be
// the very row whose absence, or whose place, a finding rests on: such findings are not
// made at all, because the trace does not carry what they need.
func (c *Checker) blur() {
	if c.b == nil {
		return
	}
	ts := c.b.TS[c.i]
	if n := len(c.blurs); n > 0 && c.blurs[n-1].to == ts {
		return
	}
	if len(c.blurs) >= maxBlurs {
		last := &c.blurs[len(c.blurs)-1]
		last.to, last.seq = ts, 0
		return
	}
	c.blurs = append(c.blurs, gap{ts, ts, c.b.Seq[c.i]})
}

// maxBlurs bounds how many such rows are told apart.
const maxBlurs = 1 << 16

// blurred says that a row which is no part of the finding may explain it.
func (c *Checker) blurred(f *finding) bool {
	i := sort.Search(len(c.blurs), func(i int) bool { return c.blurs[i].to >= f.from })
	for ; i < len(c.blurs) && c.blurs[i].from <= f.to; i++ {
		if !slices.Contains(f.Events, c.blurs[i].seq) {
			return true
		}
	}
	return false
}

// whole are the rules that rest on who holds what on an adapter: anything lost since it came
// up could explain them.
var whole = map[rule.ID]bool{
	rule.OPEN03: true, rule.OPEN05: true, rule.OPEN13: true, rule.OPEN19: true, rule.OPEN20: true, rule.ROLE07: true,
	rule.CLOSE11: true, rule.CLOSE20: true, rule.NOTE07: true, rule.BIND04: true, rule.BIND05: true, rule.BIND06: true, rule.BIND08: true,
	rule.SAP01: true, rule.SAP04: true, rule.OPEN09: true, rule.OPEN11: true,
}

// unclaimed are the rules that rest on nobody having registered an AF: a miniport that may be
// a call manager, and whose calls are not captured, may have.
var unclaimed = map[rule.ID]bool{
	rule.NOTE03: true, rule.REG12: true, rule.REG15: true, rule.REG17: true,
	rule.OPEN02: true, rule.OPEN04: true, rule.OPEN05: true, rule.OPEN19: true,
}

// report adds a finding about the row at. proof are the other rows that show it; the
// earliest and the latest bound the time in which lost events could explain it away.
func (c *Checker) report(id rule.ID, at ev, fault rule.Actor, a *adapter, driver string, message string, proof ...ev) *finding {
	f := &finding{from: at.ts, to: at.ts, inferred: at.inferred()}
	f.Seq, f.Rule, f.Severity, f.AtFault = at.seq, id, id.Rule().Severity, fault
	f.Message, f.Driver = message, driver
	if a != nil {
		f.Adapter = a.id
	}
	if whole[id] {
		f.from = min(f.from, a.birth().ts)
	}
	if unclaimed[id] && a != nil && a.mcm != no {
		f.claims = a.driver
	}
	f.show(at)
	for _, p := range proof {
		if !p.seen() {
			continue
		}
		f.from, f.to = min(f.from, p.ts), max(f.to, p.ts)
		f.inferred = f.inferred || p.inferred()
	}
	f.show(proof...)
	if c.cur != nil {
		if c.nGaps > 0 {
			f.from = min(f.from, c.doubt(id, c.cur))
		}
		f.guess(c.cur.o != nil && c.cur.o.guessed)
	}
	c.findings = append(c.findings, f)
	return f
}

// restsOnClose are the rules that rest on whether a binding was closed.
var restsOnClose = map[rule.ID]bool{rule.BIND03: true, rule.BIND04: true, rule.BIND06: true, rule.BIND12: true}

// sinceOpen are the rules that say that something came once too often, or without what it
// answers: what was lost since the AF was opened could have been the call that it belongs to.
var sinceOpen = map[rule.ID]bool{
	rule.OPEN08: true, rule.OPEN14: true, rule.CLOSE03: true, rule.CLOSE05: true, rule.CLOSE12: true, rule.CLOSE15: true, rule.CLOSE18: true,
}

// doubt gives the time from which on something lost may have led the replay to take the
// object of cl for another one: the two sides of an open, and a binding and its handle, are
// joined by the calls that make them.
func (c *Checker) doubt(id rule.ID, cl *call) int64 {
	from := int64(maxTime)
	if o := cl.o; o != nil {
		made := max(o.openEnter.ts, o.clOpen.ret.ts, o.clFinalAt.ts, o.cmFinalAt.ts)
		if o.openEnter.seen() && (sinceOpen[id] || c.lostWithin(o.openEnter.ts, made)) {
			from = o.openEnter.ts
		}
	}
	if b := cl.b; b != nil && b.open.call.seen() && c.lostWithin(b.open.call.ts, b.opened.ts) {
		from = min(from, b.open.call.ts)
	}
	return from
}

// lostWithin says that a gap touches the closed interval. Gaps come in the order of their ends.
func (c *Checker) lostWithin(from, to int64) bool { return overlap(c.gaps, from, to) }

// extend adds rows to the proof of a finding.
func (c *Checker) extend(f *finding, proof ...ev) {
	for _, p := range proof {
		f.from, f.to = min(f.from, p.ts), max(f.to, p.ts)
		f.inferred = f.inferred || p.inferred()
	}
	f.show(proof...)
}

// show adds rows that a reader needs to follow the finding. The return of a call is nothing
// without its entry, which says what the call is about.
func (f *finding) show(rows ...ev) {
	for _, e := range rows {
		if e.seen() {
			f.Events = append(f.Events, e.entry(), e.seq)
		}
	}
	f.Events = sorted(f.Events...)
}

func (f *finding) also(ids ...rule.ID) *finding {
	f.Also = append(f.Also, ids...)
	return f
}

// drop takes a finding back: the return of the call shows the same defect better.
func (f *finding) drop() {
	if f != nil {
		f.dropped = true
	}
}

func (f *finding) severity(s rule.Severity) *finding {
	f.Severity = s
	return f
}

// unclear gives f the severity of a deviation from what the documentation leaves unclear: an
// error where a is held strictly, else what it is by default.
func (c *Checker) unclear(f *finding, a rule.AMB, lax rule.Severity) *finding {
	f.Severity = lax
	if c.opt.Strict.Has(a) {
		f.Severity = rule.Error
		f.Message += " (" + a.String() + " is held strictly)"
	}
	return f
}

// since widens the span in which lost events could explain the finding.
func (f *finding) since(e ev) *finding {
	if e.seen() {
		f.from = min(f.from, e.ts)
	}
	return f
}

// guess says whether the finding rests on calls of which it is not certain that they belong
// to each other.
func (f *finding) guess(yes bool) *finding {
	if yes {
		f.unsure = "which calls belong to each other is a guess"
	}
	return f
}

// evident says that the row shows the finding by itself: nothing lost could explain it.
func (f *finding) evident() *finding {
	f.shown = true
	return f
}

// unlessHidden says that what a driver does of which the trace has nothing could explain the
// finding: it is certain only where the source sees all drivers.
func (f *finding) unlessHidden() *finding {
	f.hidden = true
	return f
}

// ofDrivers are the sources in which each driver tells of itself, if it does. The others see
// every call into NDIS and out of it.
const ofDrivers = 1<<format.SourceETW | 1<<format.SourceETL | 1<<format.SourceWPP | 1<<format.SourceManifest

// sinceStart says that anything lost earlier could explain the finding.
func (f *finding) sinceStart() *finding {
	f.from = minTime
	return f
}

// stranger says that the finding rests on there being no other object that a row could mean:
// anything lost earlier could have made one.
func (f *finding) stranger() *finding {
	f.from = minTime + 1 // unlike sinceStart, what was forgotten does not explain it
	return f
}

// untilEnd marks what had not come when the trace ended.
func (f *finding) untilEnd() *finding {
	if f != nil {
		f.to, f.atEnd = maxTime, true
	}
	return f
}

// Finish ends the trace and gives the result. The Checker cannot be used afterwards.
func (c *Checker) Finish(end End) *Result {
	if end.LostEvents > 0 {
		c.lost += end.LostEvents
		c.addGap(gap{minTime, maxTime, 0})
	}
	c.cur = nil
	for c.held.n > 0 {
		c.held.pop().check()
	}
	c.finishWorld(end.Truncated)
	c.finishObjects()
	if end.Truncated {
		c.addGap(gap{c.lastTS, maxTime, c.lastSeq})
	}
	r := &Result{
		Events: c.events, Lost: c.lost, Gaps: c.nGaps, Conflicts: c.conflicts,
		Defects: c.defects, DefectRows: c.defectRows, Unjudged: map[ndis.Func]uint64{},
	}
	for fn, n := range c.unjudged {
		if n > 0 {
			r.Unjudged[ndis.Func(fn)] = n
		}
	}
	gaps := mergeGaps(c.gaps)
	for _, f := range c.findings {
		if f.dropped {
			continue
		}
		if f.claims != nil && !f.claims.downSeen {
			c.unchecked[f.Rule][reasonNoCalls]++
			continue
		}
		if c.unnamedClose && restsOnClose[f.Rule] {
			c.unchecked[f.Rule][reasonNoHandle]++
			continue
		}
		if !f.shown && c.blurred(f) {
			c.unchecked[f.Rule][reasonBlurred]++
			continue
		}
		switch {
		case f.inferred:
			f.Inconclusive, f.Why = true, "it rests on rows that were inferred"
		case f.unsure != "":
			f.Inconclusive, f.Why = true, f.unsure
		case f.hidden && c.sources&ofDrivers != 0:
			f.Inconclusive, f.Why = true, "a driver that does not emit events could explain it"
		case f.shown:
		case f.atEnd && end.Truncated:
			f.Inconclusive, f.Why = true, "the trace is cut short"
			f.Severity = rule.Info
		case overlap(gaps, f.from, f.to):
			f.Inconclusive, f.Why = true, "events were lost in between"
		case c.evicted && f.from == minTime:
			f.Inconclusive, f.Why = true, "the handle may be one that is no longer remembered"
		}
		f.AtEnd = f.atEnd
		r.Findings = append(r.Findings, f.Finding)
	}
	c.doubtConflicts(gaps)
	sort.SliceStable(r.Findings, func(i, j int) bool {
		a, b := &r.Findings[i], &r.Findings[j]
		if a.Seq != b.Seq {
			return a.Seq < b.Seq
		}
		return a.Rule < b.Rule
	})
	sort.SliceStable(r.Conflicts, func(i, j int) bool {
		return slices.Compare(r.Conflicts[i].Events, r.Conflicts[j].Events) < 0
	})
	c.count(r)
	c.judge(r, end.Truncated)
	return r
}

// doubtConflicts marks the conflicts that rest on what nobody saw.
func (c *Checker) doubtConflicts(gaps []gap) {
	for i := range c.conflicts {
		x := &c.conflicts[i]
		probe := finding{Finding: Finding{Events: x.Events}, from: x.from, to: x.to}
		switch {
		case overlap(gaps, x.from, x.to):
			x.Why = "events were lost in between"
		case x.claims != nil && !x.claims.downSeen:
			x.Why = reasonText[reasonNoCalls]
		case c.blurred(&probe):
			x.Why = reasonText[reasonBlurred]
		}
		x.Inconclusive = x.Why != ""
	}
}

// mergeGaps sorts gaps and joins those that touch.
func mergeGaps(gaps []gap) []gap {
	slices.SortFunc(gaps, func(a, b gap) int { return cmp.Compare(a.from, b.from) })
	merged := gaps[:0]
	for _, g := range gaps {
		if n := len(merged); n > 0 && g.from <= merged[n-1].to {
			merged[n-1].to = max(merged[n-1].to, g.to)
			continue
		}
		merged = append(merged, g)
	}
	return merged
}

// overlap says whether a gap touches the closed interval.
func overlap(merged []gap, from, to int64) bool {
	i := sort.Search(len(merged), func(i int) bool { return merged[i].to >= from })
	return i < len(merged) && merged[i].from <= to
}

// count fills in the evaluations per rule.
func (c *Checker) count(r *Result) {
	for _, ru := range rule.All() {
		n := RuleCount{Rule: ru.ID, Checked: c.checked[ru.ID]}
		for why, k := range c.unchecked[ru.ID] {
			if k > 0 {
				n.NotChecked += k
				if n.Reasons == nil {
					n.Reasons = map[string]uint64{}
				}
				n.Reasons[reasonText[why]] += k
			}
		}
		r.Rules = append(r.Rules, n)
	}
	c.absentColumns(func(id rule.ID, col *columnName) {
		n := &r.Rules[id-1]
		n.NotChecked++
		if n.Reasons == nil {
			n.Reasons = map[string]uint64{}
		}
		n.Reasons[col.reason]++
	})
}

// judge forms the verdict.
func (c *Checker) judge(r *Result, truncated bool) {
	inconclusive := false
	for i := range r.Findings {
		f := &r.Findings[i]
		switch {
		case f.Inconclusive:
			inconclusive = inconclusive || f.Severity == rule.Error
		case f.Severity == rule.Error:
			r.Verdict = Violations
		}
	}
	if inconclusive {
		r.Reasons = append(r.Reasons, "a finding is inconclusive")
	}
	if !c.opt.AllowLoss {
		if c.lost > 0 {
			r.Reasons = append(r.Reasons, "events were lost")
		}
		if truncated {
			r.Reasons = append(r.Reasons, "the trace is cut short")
		}
	}
	af := false
	for i := range r.Rules {
		if ru := r.Rules[i].Rule.Rule(); isAFGroup(ru.Group) && r.Rules[i].Checked > 0 {
			af = true
			break
		}
	}
	if !af {
		r.Reasons = append(r.Reasons, "no address-family rule could be evaluated")
	}
	if r.Verdict != Violations && len(r.Reasons) > 0 {
		r.Verdict = Inconclusive
	}
}

func isAFGroup(g string) bool {
	return g == "REG" || g == "NOTE" || g == "OPEN" || g == "CLOSE"
}

// Judges says whether the checker evaluates a rule: every one that a trace can show, and of
// those about a driver's inside CLOSE-17, which can have a visible effect.
func Judges(id rule.ID) bool {
	r := id.Rule()
	return r != nil && (r.Kind == rule.Observable || id == rule.CLOSE17)
}
