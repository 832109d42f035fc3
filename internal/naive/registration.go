package naive

import (
	"cmp"
	"slices"

	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// checkRegistrations holds REG-01 to REG-09, REG-11, REG-13 and REG-14. What becomes of a
// refused, withdrawn or dead registration (REG-12, REG-15, REG-17) shows in
// notifications and opens.
func (w *world) checkRegistrations() {
	for _, r := range w.regs {
		if s, ok := r.call.result(); ok && !slices.Contains([]ndis.Status{ndis.StatusSuccess, ndis.StatusResources, ndis.StatusFailure}, s) {
			w.violation(rule.REG06, r.call.out)
		}
		if r.mcm {
			if i := r.adapter.init; i != nil && i.out != nil && i.out.TS < r.call.in.TS {
				w.advice(rule.REG08, r.call.in)
			}
		}
	}
	accepted := slices.DeleteFunc(slices.Clone(w.regs), func(r *registration) bool { return !r.accepted || r.adapter == nil })
	slices.SortFunc(accepted, func(r, o *registration) int { return cmp.Compare(r.call.out.Seq, o.call.out.Seq) })
	for _, r := range accepted {
		r.wrong = w.checkAccepted(r)
	}
	w.checkEveryBinding()
}

// checkAccepted judges a registration that got SUCCESS. All causes of refusal give the
// same FAILURE, so one wrong SUCCESS is one finding. It reports whether there is one.
func (w *world) checkAccepted(r *registration) bool {
	b := r.binding
	if b != nil {
		switch {
		case b.close.before(r.call):
			w.violation(rule.REG05, r.call.out)
			return true
		case b.driver != nil && !b.driver.co:
			w.violation(rule.REG03, r.call.out)
			return true
		}
	}
	if r.adapter.coKnown && !r.adapter.co {
		// For an MCM the page names the caller, which is the miniport driver itself.
		w.violation(rule.REG04, r.call.out)
		return true
	}
	if w.checkHolders(r) {
		return true
	}
	if b == nil {
		return false
	}
	if b.unbind.before(r.call) {
		w.advice(rule.REG05, r.call.out)
		return false
	}
	if _, end, _ := b.bindEnd(); end.over(r.call) {
		w.advice(rule.REG07, r.call.in)
	}
	return false
}

// checkHolders looks for registrations of the same type on the adapter that were accepted
// before r and live beside it in every order. (A registration can end inside its own
// call, if its binding is closed by then.) It reports whether one makes r a violation.
func (w *world) checkHolders(r *registration) bool {
	var same, others, mcms, versions bool
	for _, h := range w.regs {
		if h == r || !h.accepted || h.adapter != r.adapter || h.typ != r.typ ||
			h.call.out.Seq > r.call.out.Seq || h.mayEndBefore(r.call) || r.mayEndBefore(h.call) {
			continue
		}
		if h.wrong && !h.call.over(r.call) {
			continue // with r first, h alone was wrong
		}
		switch {
		case h.sameOwner(r) && !r.mcm:
			same = true
		case !h.sameVersion(r.call.in):
			versions = true
		case h.sameOwner(r):
			same = true
		default:
			others = true
			mcms = mcms || h.mcm
		}
	}
	r.repeats = same
	switch {
	case r.mcm && (same || others):
		w.violation(rule.REG11, r.call.out)
	case mcms:
		w.violation(rule.REG14, r.call.out)
	case others:
		w.violation(rule.REG02, r.call.out)
	case same:
		w.remark(rule.REG13, r.call.out)
		return false
	case versions:
		w.remark(rule.REG01, r.call.out)
		return false
	default:
		return false
	}
	return true
}

// checkEveryBinding holds REG-09: a call manager that registers on one binding registers
// on each. One that tried and was refused has done its part.
func (w *world) checkEveryBinding() {
	for _, b := range w.bindings {
		row, _, ok := b.bindEnd()
		if b.driver == nil || !b.driver.callManager || !ok || !b.isOpen() || b.adapter.coKnown && !b.adapter.co {
			continue
		}
		tried, elsewhere := false, false
		for _, r := range w.regs {
			tried = tried || r.binding == b
			elsewhere = elsewhere || r.accepted && r.binding != nil && r.binding != b && r.binding.label == b.label
		}
		if !tried && elsewhere && w.complete {
			w.remark(rule.REG09, row)
		}
	}
}
