package naive

import (
	"slices"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// slowOpen is how long a ProtocolCmOpenAf that does not pend may take, in nanoseconds.
const slowOpen = 1_000_000

// checkOpens holds OPEN-01 to OPEN-10, OPEN-12 to OPEN-19, OPEN-21 and OPEN-22, and REG-15
// and REG-17 for opens. OPEN-11 and OPEN-20 need the later life of an open: see closes.
func (w *world) checkOpens() {
	for _, u := range w.of(ndis.ProtocolCmOpenAf) {
		if w.opener(u) == nil {
			w.violation(rule.OPEN05, u.in)
		}
	}
	w.checkOpenCompletes()
	for _, a := range w.opens {
		w.checkAdvice(a)
		if a.binding == nil {
			continue
		}
		w.checkUpcalls(a)
		w.checkAllowed(a)
		w.checkAnswer(a)
		w.checkTold(a)
		w.checkMeanwhile(a)
	}
	for _, p := range w.of(ndis.ProtocolClOpenAfCompleteEx) {
		a := w.openToTell(p)
		if p.fromNDIS() && (a == nil || a.ctx != p.in.Context) {
			w.violation(rule.OPEN13, p.in)
		}
	}
}

// checkOpenCompletes gives every Ndis(M)CmOpenAddressFamilyComplete to its open. One with
// status PENDING completes nothing.
func (w *world) checkOpenCompletes() {
	for _, m := range w.of(ndis.NdisCmOpenAddressFamilyComplete, ndis.NdisMCmOpenAddressFamilyComplete) {
		var a *afOpen
		for _, o := range w.opens {
			if u := o.upcall(); u != nil && !o.reuses && u.in.AF == m.in.AF && m.in.AF != 0 && u.in.Seq < m.in.Seq &&
				(a == nil || u.in.Seq > a.upcall().in.Seq) {
				a = o
			}
		}
		switch {
		case a == nil && w.openWithoutUpcall(m.in.AF):
		case a == nil || a.managerLabel() != m.in.Driver:
			w.violation(rule.OPEN15, m.in)
		case m.status() == ndis.StatusPending:
			w.violation(rule.OPEN10, m.in)
		case len(a.completes) > 0 || a.upcall().out != nil && !a.upcall().returned(ndis.StatusPending):
			w.violation(rule.OPEN08, m.in)
		default:
			a.completes = append(a.completes, m)
			// An MCM that calls the stand-alone name may be a trace of exports, where
			// the macro shows as what it expands to.
			if m.fn == ndis.NdisMCmOpenAddressFamilyComplete && w.standAlone(m.in.Driver) {
				w.violation(rule.OPEN17, m.in)
			}
		}
	}
}

// openWithoutUpcall says that h is the handle of an open whose call manager was never
// asked, as far as the trace shows; that is a finding of its own.
func (w *world) openWithoutUpcall(h uint64) bool {
	return h != 0 && slices.ContainsFunc(w.opens, func(a *afOpen) bool { return a.handle == h && a.upcall() == nil })
}

// standAlone says that the label is that of a protocol driver, not of an MCM.
func (w *world) standAlone(label string) bool {
	return slices.ContainsFunc(w.bindings, func(b *binding) bool { return b.label == label }) &&
		!slices.ContainsFunc(w.adapters, func(a *adapter) bool { return a.mcm && a.label == label })
}

// held lists the registrations that may have lived when the client opened a.
func (w *world) held(a *afOpen) []*registration {
	return slices.DeleteFunc(w.registered(a.binding.adapter, a.call.in.AFType, a.call), func(r *registration) bool {
		return r.endedBefore(a.call)
	})
}

// checkUpcalls judges what NDIS asked of the call manager.
func (w *world) checkUpcalls(a *afOpen) {
	if len(a.upcalls) == 0 {
		return
	}
	for _, u := range a.upcalls[1:] {
		w.violation(rule.OPEN05, u.in)
	}
	u, held := a.upcalls[0], w.held(a)
	var asked, exactly *registration // by driver; by driver and context
	for _, r := range held {
		if r.label() == u.in.Driver && asked == nil {
			asked = r
		}
		if r.label() == u.in.Driver && r.context() == u.in.Context && exactly == nil {
			exactly = r
		}
	}
	switch {
	case len(held) == 0:
		w.violation(w.unregistered(a), u.in)
		a.broken = true
	case u.in.AFType != a.call.in.AFType:
		w.violation(rule.OPEN21, u.in)
		a.broken = true
	case asked == nil:
		w.violation(rule.OPEN05, u.in)
		a.broken = true
	case a.reuses:
		w.violation(rule.OPEN05, u.in)
		a.broken = true
	case exactly == nil:
		w.violation(rule.OPEN19, u.in)
	}
	if a.owner = exactly; a.owner == nil {
		a.owner = asked
	}
	if u.returned(ndis.StatusSuccess) {
		if u.out.Has&format.HasContext != 0 && u.out.Context == 0 {
			w.violation(rule.OPEN06, u.out)
		}
		if u.out.TS-u.in.TS > slowOpen {
			w.advice(rule.OPEN22, u.out)
		}
	}
	if u.returned(ndis.StatusPending) && len(a.completes) == 0 && w.complete && !w.misCompleted(a) {
		w.violation(rule.OPEN07, u.out)
	}
}

// misCompleted says that the call manager did complete a, with status PENDING.
func (w *world) misCompleted(a *afOpen) bool {
	return slices.ContainsFunc(w.of(ndis.NdisCmOpenAddressFamilyComplete, ndis.NdisMCmOpenAddressFamilyComplete), func(m *call) bool {
		return m.in.AF == a.handle && m.in.Driver == a.managerLabel() && m.status() == ndis.StatusPending
	})
}

// unregistered is the rule that opening an AF which nobody holds breaks.
func (w *world) unregistered(a *afOpen) rule.ID {
	t := a.call.in.AFType
	if len(w.registered(a.binding.adapter, t, a.call)) == 0 && w.refused(a.binding.adapter, t, a.call) {
		return rule.REG15
	}
	return rule.OPEN02
}

// checkAllowed judges a SUCCESS to the client: was there anything to open?
func (w *world) checkAllowed(a *afOpen) {
	s, row, _ := a.outcome()
	if row == nil || s != ndis.StatusSuccess {
		return
	}
	held := w.held(a)
	closing := func(r *registration) bool { return r.closingBefore(a.call) }
	failedBind := func(r *registration) bool {
		if r.mcm {
			return false
		}
		_, end, ok := r.binding.bindEnd()
		return !ok && end.over(a.call)
	}
	switch {
	case a.binding.close.before(a.call):
		w.violation(rule.OPEN03, row)
		a.broken = true
	case len(held) == 0:
		if a.upcall() == nil {
			w.violation(w.unregistered(a), row)
		}
		a.broken = true
	case a.owner != nil && closing(a.owner), !slices.ContainsFunc(held, func(r *registration) bool { return !closing(r) }):
		w.violation(rule.OPEN04, row)
		a.broken = true
	case a.upcall() == nil:
		w.violation(rule.OPEN05, a.call.out)
		a.broken = true
	case a.owner != nil && failedBind(a.owner):
		w.advice(rule.REG17, row)
	case a.binding.unbind.before(a.call):
		w.advice(rule.OPEN03, row)
	}
}

// checkAnswer holds OPEN-14: the client gets the call manager's status. RESOURCES is
// NDIS's own privilege at any point.
func (w *world) checkAnswer(a *afOpen) {
	u := a.upcall()
	s, row, by := a.outcome()
	if u == nil || a.broken || row == nil {
		return
	}
	want, giver := a.answer()
	// FAILURE also when the caller's binding or the call manager's is closing.
	if s == ndis.StatusFailure && w.closingBy(a, row) {
		a.broken = true
		return
	}
	if s == ndis.StatusResources {
		a.broken = giver == nil || want != s
		return
	}
	switch {
	case by == a.call && u.out == nil:
	case by == a.call && (giver == nil || giver != u && a.call.over(giver)):
		w.violation(rule.OPEN14, row) // the call manager had not decided
		a.broken = true
	case by != a.call && (giver == nil && u.returned(ndis.StatusPending) || giver != nil && by.before(giver)):
		w.violation(rule.OPEN13, row) // told before the call manager had decided
	case giver != nil && s != want:
		w.violation(rule.OPEN14, row)
		a.broken = true
	}
}

// closingBy says that the client's binding or the call manager's was going by that row.
func (w *world) closingBy(a *afOpen, row *format.Event) bool {
	gone := func(b *binding) bool {
		if b == nil {
			return false
		}
		for _, c := range []*call{b.unbind, b.close} {
			if c != nil && c.in.Seq < row.Seq {
				return true
			}
		}
		return false
	}
	if gone(a.binding) || a.owner != nil && gone(a.owner.binding) {
		return true
	}
	return a.owner != nil && a.owner.mcm && a.owner.adapter.halt != nil && a.owner.adapter.halt.in.Seq < row.Seq
}

// checkTold holds OPEN-12 and OPEN-13: NDIS tells a client that saw PENDING once, and no
// other client.
func (w *world) checkTold(a *afOpen) {
	s, returned := a.call.result()
	for i, p := range a.told {
		if p.in.Context != a.ctx {
			continue // a finding of its own
		}
		switch {
		case i > 0 || returned && s != ndis.StatusPending:
			w.violation(rule.OPEN13, p.in)
		case !p.succeeds() && p.in.Has&format.HasAF != 0 && p.in.AF != 0:
			w.violation(rule.OPEN12, p.in)
		}
	}
	if !w.complete || s != ndis.StatusPending || !returned || len(a.told) > 0 {
		return
	}
	_, giver := a.answer()
	switch u := a.upcall(); {
	case giver != nil && !a.broken:
		w.violation(rule.OPEN13, a.call.out)
	case u == nil && len(w.held(a)) > 0:
		w.violation(rule.OPEN05, a.call.out)
	case u == nil:
		w.violation(rule.OPEN13, a.call.out)
	}
}

// meanwhile are the functions with which a client starts a CO operation.
var meanwhile = []ndis.Func{
	ndis.NdisClOpenAddressFamilyEx, ndis.NdisClCloseAddressFamily, ndis.NdisClRegisterSap,
	ndis.NdisClDeregisterSap, ndis.NdisCoCreateVc, ndis.NdisCoDeleteVc,
	ndis.NdisClMakeCall, ndis.NdisClCloseCall, ndis.NdisClModifyCallQoS, ndis.NdisClAddParty, ndis.NdisClDropParty,
}

// checkMeanwhile holds OPEN-09: no CO operation on the client's binding between the
// PENDING return of its open and the completion.
func (w *world) checkMeanwhile(a *afOpen) {
	if !a.call.returned(ndis.StatusPending) {
		return
	}
	if _, giver := a.answer(); len(a.told) == 0 && giver != nil {
		return // never told, which is the finding
	}
	for _, c := range w.of(meanwhile...) {
		if c == a.call || c.in.Driver != a.label || w.bindingUsedBy(c) != a.binding || !a.call.over(c) {
			continue
		}
		if len(a.told) > 0 && !c.before(a.told[0]) {
			continue
		}
		// The open pends no longer once the call manager has answered.
		if _, giver := a.answer(); giver != nil && !c.before(giver) {
			continue
		}
		if c.fn == ndis.NdisClOpenAddressFamilyEx && c.in.AFType != a.call.in.AFType {
			w.remark(rule.OPEN09, c.in)
		} else {
			w.violation(rule.OPEN09, c.in)
		}
	}
}

// bindingUsedBy is the binding that c, one of meanwhile, works on as a client.
func (w *world) bindingUsedBy(c *call) *binding {
	h := c.in.AF
	switch c.fn {
	case ndis.NdisClOpenAddressFamilyEx:
		return w.bindingByHandle(c.in.Binding, c)
	case ndis.NdisClDeregisterSap:
		h = w.sapOwner(c)
	case ndis.NdisCoDeleteVc, ndis.NdisClMakeCall, ndis.NdisClCloseCall, ndis.NdisClModifyCallQoS, ndis.NdisClAddParty:
		h = w.vcOwner(c)
	case ndis.NdisClDropParty:
		h = 0
		if p := w.partyByHandle(c.in.Party, c); p != nil {
			h = p.vc.create.in.AF
		}
	}
	// A driver in both roles creates and deletes VCs as a call manager too.
	if a := w.openByHandle(h, c); a != nil && a.label == c.in.Driver && a.managerLabel() != c.in.Driver {
		return a.binding
	}
	return nil
}

// checkAdvice holds OPEN-01, OPEN-16 and NOTE-09.
func (w *world) checkAdvice(a *afOpen) {
	if a.binding == nil {
		return
	}
	inside := false
	for c := a.call.parent; c != nil; c = c.parent {
		if c.fn == ndis.ProtocolCoAfRegisterNotify && w.bindingByContext(c) == a.binding && c.in.AFType == a.call.in.AFType {
			inside = true
		}
	}
	if !inside {
		w.advice(rule.OPEN01, a.call.in)
	}
	for _, r := range w.regs {
		if r.accepted && r.binding == a.binding && r.typ == a.call.in.AFType && r.call.before(a.call) && inside {
			w.remark(rule.NOTE09, a.call.in)
		}
	}
	s, row, _ := a.outcome()
	if row == nil || s == ndis.StatusSuccess {
		return
	}
	for _, o := range w.opens {
		if o != a && o.binding == a.binding {
			return
		}
	}
	for _, c := range w.of(ndis.NdisUnbindAdapter) {
		if w.bindingByHandle(c.in.Binding, c) == a.binding {
			return
		}
	}
	w.remark(rule.OPEN16, row)
}
