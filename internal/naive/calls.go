package naive

import (
	"slices"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// A VC carries one call after the other. A call begins with NdisClMakeCall or a dispatch
// that NDIS did not refuse, and ends when it failed, was rejected, or its close succeeded.

// callAt is the call of v that began last before c, nil if there was none.
func (v *vc) callAt(c *call) (k *asked) {
	for _, r := range v.of(makeCall, offerCall) {
		if r.call.in.Seq < c.in.Seq {
			k = r
		}
	}
	return k
}

// closesOf lists the closes of call k of v.
func (v *vc) closesOf(k *asked) (rs []*asked) {
	for _, r := range v.of(closeCall) {
		if v.callAt(r.call) == k {
			rs = append(rs, r)
		}
	}
	return rs
}

// mayBeOver says that call k of v is over at that point in some order.
func (v *vc) mayBeOver(k *asked, at *point) bool {
	return k.failedAt().maybe(at) || slices.ContainsFunc(v.closesOf(k), func(r *asked) bool { return r.succeededAt().maybe(at) })
}

func (w *world) checkCalls() {
	w.checkMakes()
	w.checkDispatches()
	w.checkConnected()
	w.checkHangUps()
	w.checkUseByClient()
	for _, v := range w.vcs {
		w.checkActivated(v)
		w.checkQoS(v)
	}
}

// checkMakes holds CALL-01 and CALL-02 for outgoing calls, and PARTY-08.
func (w *world) checkMakes() {
	for _, c := range w.of(ndis.NdisClMakeCall) {
		v := w.vcByHandle(c.in.VC, c)
		if v == nil || v.byManager || v.deleted(entry(c)) {
			if c.in.Has&format.HasVC != 0 {
				w.violation(rule.CALL01, c.in)
			}
			continue
		}
		if w.hasCall(v, c) {
			w.violation(rule.CALL02, c.in)
			continue
		}
		w.checkPlain(c)
	}
}

// hasCall says that v has a call, in every order, when c begins another.
func (w *world) hasCall(v *vc, c *call) bool {
	k := v.callAt(c)
	return k != nil && entry(k.call).sure(entry(c)) && !v.mayBeOver(k, entry(c))
}

// checkPlain holds PARTY-08: a point-to-point call has no party.
func (w *world) checkPlain(c *call) {
	plain := c.arg.Multipoint != nil && !*c.arg.Multipoint
	switch {
	case plain && c.in.Context != 0:
		w.violation(rule.PARTY08, c.in)
		return
	case c.in.Has&format.HasContext == 0 || c.in.Context != 0:
		return
	}
	u := w.inside(c, ndis.ProtocolCmMakeCall)
	switch {
	case u == nil:
	case u.in.Party != 0:
		w.violation(rule.PARTY08, u.in)
	case u.returned(ndis.StatusSuccess) && u.out.Context != 0:
		w.violation(rule.PARTY08, u.out)
	}
}

// checkDispatches holds CALL-02 for incoming calls, CALL-06 and CALL-07.
func (w *world) checkDispatches() {
	for _, c := range w.of(operations[offerCall].ask...) {
		v, p := w.vcByHandle(c.in.VC, c), w.sapByHandle(c.in.SAP, c)
		switch {
		case p == nil || p.gone(entry(c)):
			w.violation(rule.CALL07, c.in)
		case v == nil || v.deleted(entry(c)):
		case !v.byManager || v.af != p.af:
			w.violation(rule.CALL06, c.in)
		case w.hasCall(v, c):
			w.violation(rule.CALL02, c.in)
		}
	}
}

// checkConnected holds CALL-09.
func (w *world) checkConnected() {
	for _, c := range w.of(ndis.NdisCmDispatchCallConnected, ndis.NdisMCmDispatchCallConnected) {
		v := w.vcByHandle(c.in.VC, c)
		if v == nil || !v.byManager || v.deleted(entry(c)) {
			continue
		}
		accepted := slices.ContainsFunc(v.of(offerCall), func(k *asked) bool {
			return k.succeededAt().maybe(entry(c)) && !slices.ContainsFunc(v.closesOf(k), func(r *asked) bool { return r.succeededAt().sure(entry(c)) })
		})
		if !accepted || !v.mayBeActive(entry(c)) {
			w.violation(rule.CALL09, c.in)
		}
	}
}

// checkActivated holds CALL-04: a make-call does not succeed before its VC is active.
func (w *world) checkActivated(v *vc) {
	for _, k := range v.of(makeCall) {
		if s, row, at := k.answer(); at != nil && s == ndis.StatusSuccess && !v.mayBeActive(at) {
			w.violation(rule.CALL04, row)
		}
	}
}

// checkQoS holds QOS-02: a change succeeds only after an activation since it was asked for.
func (w *world) checkQoS(v *vc) {
	for _, r := range v.of(modifyQoS) {
		s, row, at := r.answer()
		if at == nil || s != ndis.StatusSuccess {
			continue
		}
		since := slices.ContainsFunc(v.of(activateVC), func(a *asked) bool {
			return a.succeededAt().maybe(at) && !a.succeededAt().sure(entry(r.call))
		})
		if !since {
			w.violation(rule.QOS02, row)
		}
	}
}

// unanswered says that a hang-up of a call on an AF open a had been told to the client, and
// that the client had not closed the call, when it closed the AF with c.
func (w *world) unanswered(a *afOpen, c *call) bool {
	for _, u := range w.of(ndis.ProtocolClIncomingCloseCall) {
		v := w.vcByContext(u.in.Context, u)
		if v == nil || v.af != a || u.in.Driver != a.label || !entry(u).sure(entry(c)) {
			continue
		}
		k := v.callAt(u)
		if k == nil || k.failedAt().maybe(entry(c)) || v.mayBeDeleted(entry(c)) {
			continue
		}
		answered := slices.ContainsFunc(v.closesOf(k), func(r *asked) bool { return entry(r.call).maybe(entry(c)) })
		if !answered {
			return true
		}
	}
	return false
}

func (v *vc) mayBeDeleted(at *point) bool {
	return slices.ContainsFunc(v.deletes, func(d *call) bool { return !d.failed() && entry(d).maybe(at) })
}

// checkHangUps holds CALL-11 and PARTY-06, which are due when the client closes the AF.
func (w *world) checkHangUps() {
	for _, a := range w.opens {
		for _, k := range a.closes {
			if k.redundant {
				continue
			}
			if w.unanswered(a, k.call) {
				w.violation(rule.CALL11, k.call.in)
			}
			if w.unansweredDrop(a, k.call) {
				w.violation(rule.PARTY06, k.call.in)
			}
		}
	}
}

// byClient are the functions with which a client uses a VC.
var byClient = []ndis.Func{
	ndis.NdisClCloseCall, ndis.NdisClModifyCallQoS, ndis.NdisClAddParty, ndis.NdisClIncomingCallComplete,
}

// checkUseByClient holds CALL-15: after the close of its call a VC of the call manager is
// none of the client's.
func (w *world) checkUseByClient() {
	for _, c := range w.of(byClient...) {
		v := w.vcByHandle(c.in.VC, c)
		if v == nil || !v.byManager || v.deleted(entry(c)) {
			continue
		}
		k := v.callAt(c)
		if k == nil || k.op != offerCall {
			continue
		}
		closed := slices.ContainsFunc(v.closesOf(k), func(r *asked) bool {
			s, _, at := r.outcome()
			return at.sure(entry(c)) && s == ndis.StatusSuccess
		})
		if closed {
			w.violation(rule.CALL15, c.in)
		}
	}
}
