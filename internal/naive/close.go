package naive

import (
	"bytes"
	"slices"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// checkCloses holds CLOSE-01 to CLOSE-12, CLOSE-14, CLOSE-15 and CLOSE-18 to CLOSE-21,
// and OPEN-11, OPEN-18, OPEN-20 and USE-01 as far as they concern the life of an open.
func (w *world) checkCloses() {
	w.checkIssued()
	w.findClosings()
	w.findNotifyings()
	for _, a := range w.opens {
		for _, k := range a.closes {
			w.checkClose(a, k)
		}
		for _, n := range a.notifies {
			w.checkNotify(a, n)
		}
		w.checkUse(a)
		w.checkContext(a)
	}
	w.checkLeaving()
}

// checkIssued holds OPEN-18: a handle that NDIS never issued.
func (w *world) checkIssued() {
	for _, c := range w.of(
		ndis.NdisClCloseAddressFamily, ndis.NdisClNotifyCloseAddressFamilyComplete,
		ndis.NdisCmCloseAddressFamilyComplete, ndis.NdisMCmCloseAddressFamilyComplete,
		ndis.NdisCmNotifyCloseAddressFamily, ndis.NdisMCmNotifyCloseAddressFamily,
	) {
		if c.in.Has&format.HasAF != 0 && w.openByHandle(c.in.AF, c) == nil {
			w.violation(rule.OPEN18, c.in)
		}
	}
}

// findClosings gives closes, their upcalls and their completions to the opens.
func (w *world) findClosings() {
	for _, c := range w.of(ndis.NdisClCloseAddressFamily) {
		a := w.openByHandle(c.in.AF, c)
		if a == nil {
			continue
		}
		k := &closing{call: c}
		for _, e := range a.closes {
			// After a failed close the AF is open again; but of two closes at one time
			// one is the second, whatever became of it.
			if !e.redundant && !(w.closeFailed(e) && e.call.over(c)) {
				k.redundant = true
			}
		}
		a.closes = append(a.closes, k)
	}
	for _, d := range w.of(ndis.ProtocolCmCloseAf) {
		a, k := w.closeThatAsks(d)
		switch {
		case a == nil && w.failedContext(d):
			w.violation(rule.OPEN11, d.in)
		case k == nil:
			w.violation(rule.CLOSE20, d.in)
		default:
			k.upcalls = append(k.upcalls, d)
		}
	}
	for _, m := range w.of(ndis.NdisCmCloseAddressFamilyComplete, ndis.NdisMCmCloseAddressFamilyComplete) {
		a := w.openByHandle(m.in.AF, m)
		if a == nil {
			continue
		}
		if !m.succeeds() {
			w.advice(rule.CLOSE06, m.in)
		}
		if k := a.pendedAtManager(m); k != nil {
			k.complete = m
		} else if !a.closedUnasked() {
			w.violation(rule.CLOSE05, m.in)
		}
	}
	for _, p := range w.of(ndis.ProtocolClCloseAfComplete) {
		if !p.fromNDIS() {
			continue
		}
		if k := w.closeToTell(p); k != nil {
			k.told = p
		} else {
			w.violation(rule.CLOSE18, p.in)
		}
	}
}

// closeFailed says that e came back to the client with a failure. Only its return and a
// completion by NDIS can tell.
func (w *world) closeFailed(e *closing) bool {
	if e.call.returned(ndis.StatusPending) {
		for _, p := range w.of(ndis.ProtocolClCloseAfComplete) {
			if p.fromNDIS() && w.isAbout(p, e.call) && p.in.Seq > e.call.in.Seq {
				return !p.succeeds()
			}
		}
		return false
	}
	return e.call.failed()
}

// isAbout says that p, a ProtocolClCloseAfComplete, has the context of the open that c
// closes.
func (w *world) isAbout(p, c *call) bool {
	a := w.openByHandle(c.in.AF, c)
	return a != nil && a.ctx == p.in.Context && a.label == p.in.Driver
}

// closeThatAsks is the close that made NDIS call d, a ProtocolCmCloseAf: the one that
// encloses it, else the last one of the open with that CallMgrAfContext. a is that open,
// nil if the context belongs to none.
func (w *world) closeThatAsks(d *call) (a *afOpen, k *closing) {
	for _, a := range w.opens {
		for _, k := range a.closes {
			if d.parent == k.call {
				return a, k
			}
		}
	}
	for _, a := range slices.Backward(w.opens) {
		if a.managerContext() != d.in.Context || a.managerLabel() != d.in.Driver || a.upcall().in.Seq > d.in.Seq {
			continue
		}
		for _, k := range slices.Backward(a.closes) {
			if k.call.in.Seq < d.in.Seq {
				return a, k
			}
		}
		return a, nil
	}
	return nil, nil
}

// failedContext says that the context of a call manager's callback is one that it made
// for an open it then failed.
func (w *world) failedContext(d *call) bool {
	return d.in.Context != 0 && slices.ContainsFunc(w.opens, func(a *afOpen) bool {
		u := a.upcall()
		if s, by := a.answer(); u == nil || by == nil || s == ndis.StatusSuccess || !by.before(d) || u.in.Driver != d.in.Driver {
			return false
		}
		return u.out != nil && u.out.Context == d.in.Context ||
			len(a.completes) > 0 && a.completes[0].in.Context == d.in.Context
	})
}

// pendedAtManager is the close that m, a close-complete of the call manager, answers.
func (a *afOpen) pendedAtManager(m *call) *closing {
	for _, k := range a.closes {
		if len(k.upcalls) == 0 || k.complete != nil || !k.upcalls[0].maybeBefore(m) {
			continue
		}
		if d := k.upcalls[0]; d.out == nil || d.returned(ndis.StatusPending) {
			return k
		}
	}
	return nil
}

// closedUnasked says that the client closed a and NDIS kept it from the call manager.
func (a *afOpen) closedUnasked() bool {
	return len(a.closes) > 0 && !slices.ContainsFunc(a.closes, func(k *closing) bool { return len(k.upcalls) > 0 })
}

// closeToTell is the pended close that p, a ProtocolClCloseAfComplete by NDIS, completes.
func (w *world) closeToTell(p *call) *closing {
	for _, a := range slices.Backward(w.opens) {
		if a.ctx != p.in.Context || a.label != p.in.Driver || a.call.in.Seq > p.in.Seq || len(a.closes) == 0 {
			continue
		}
		for _, k := range a.closes {
			if k.told == nil && k.call.in.Seq < p.in.Seq && (k.call.out == nil || k.call.returned(ndis.StatusPending)) {
				return k
			}
		}
		return nil
	}
	return nil
}

// checkClose judges one close from the client's call to its completion.
func (w *world) checkClose(a *afOpen, k *closing) {
	if k.redundant {
		w.violation(rule.CLOSE03, k.call.in)
		return
	}
	if w.liveObjects(a.handle, k.call) {
		w.violation(rule.CLOSE02, k.call.in)
	}
	s, returned := k.call.result()
	if len(k.upcalls) == 0 {
		refused := k.told != nil && !k.told.succeeds()
		asked := s == ndis.StatusSuccess || s == ndis.StatusPending && !refused && (w.complete || k.told != nil)
		if returned && asked && !a.broken && a.upcall() != nil && !w.ownerGone(a, k.call) {
			w.violation(rule.CLOSE20, k.call.out)
		}
		return
	}
	for _, d := range k.upcalls[1:] {
		w.violation(rule.CLOSE20, d.in)
	}
	d := k.upcalls[0]
	if a.upcall() != nil {
		switch known := a.managerContext(); {
		case d.in.Driver != a.managerLabel():
			w.violation(rule.CLOSE20, d.in)
			a.broken = true
			return
		case d.in.Context != known && w.failedContext(d):
			w.violation(rule.OPEN11, d.in)
		case known != 0 && d.in.Context != known:
			w.violation(rule.OPEN20, d.in)
		}
	}
	if w.liveObjects(a.handle, d) {
		switch {
		case d.returned(ndis.StatusSuccess):
			w.violation(rule.CLOSE04, d.out)
		case d.returned(ndis.StatusNotAccepted):
			w.remark(rule.CLOSE04, d.out)
		}
	}
	if d.returned(ndis.StatusPending) && k.complete == nil {
		if w.complete {
			w.violation(rule.CLOSE05, d.out)
		}
		return
	}
	if k.told != nil && k.complete != nil && k.told.before(k.complete) {
		w.violation(rule.CLOSE18, k.told.in)
	}
	if s == ndis.StatusPending && returned && k.told == nil && d.out != nil && w.complete {
		w.violation(rule.CLOSE18, k.call.out)
	}
}

// ownerGone says that the call manager of a may have left the adapter when c took effect.
func (w *world) ownerGone(a *afOpen, c *call) bool {
	switch r := a.owner; {
	case r == nil:
		return false
	case r.mcm:
		return r.adapter.halt.maybeBefore(c)
	default:
		return r.binding.close.maybeBefore(c)
	}
}

// findNotifyings gives notify-close calls, their upcalls and their answers to the opens.
func (w *world) findNotifyings() {
	for _, c := range w.of(ndis.NdisCmNotifyCloseAddressFamily, ndis.NdisMCmNotifyCloseAddressFamily) {
		a := w.openByHandle(c.in.AF, c)
		if a == nil {
			continue
		}
		n := &notifying{call: c}
		for _, e := range a.notifies {
			if !e.redundant && !(e.call.failed() && e.call.over(c)) {
				n.redundant = true
			}
		}
		n.redundant = n.redundant || a.closedForManager(c)
		a.notifies = append(a.notifies, n)
	}
	for _, f := range w.of(ndis.ProtocolClNotifyCloseAf) {
		if n := w.notifyThatAsks(f); n != nil {
			n.upcalls = append(n.upcalls, f)
		} else {
			w.violation(rule.CLOSE11, f.in)
		}
	}
	for _, q := range w.of(ndis.NdisClNotifyCloseAddressFamilyComplete) {
		a := w.openByHandle(q.in.AF, q)
		if a == nil {
			continue
		}
		if n := a.pendedAtClient(q); n != nil {
			n.answer = q
		} else {
			w.violation(rule.CLOSE12, q.in)
		}
	}
	for _, g := range w.of(ndis.ProtocolCmNotifyCloseAfComplete) {
		a, n := w.notifyToTell(g)
		switch {
		case n != nil:
			n.told = g
			if known := a.managerContext(); known != 0 && known != g.in.Context {
				w.violation(rule.OPEN20, g.in)
			}
		case a == nil && w.failedContext(g):
			w.violation(rule.OPEN11, g.in)
		default:
			w.violation(rule.CLOSE15, g.in)
		}
	}
}

// closedForManager says that the call manager had finished closing a before c.
func (a *afOpen) closedForManager(c *call) bool {
	return slices.ContainsFunc(a.closes, func(k *closing) bool {
		if k.redundant || len(k.upcalls) == 0 {
			return false
		}
		return k.upcalls[0].returned(ndis.StatusSuccess) && k.upcalls[0].over(c) || k.complete.before(c)
	})
}

// notifyThatAsks is the notify-close that made NDIS call f, a ProtocolClNotifyCloseAf.
func (w *world) notifyThatAsks(f *call) *notifying {
	for _, a := range w.opens {
		for _, n := range a.notifies {
			if f.parent == n.call {
				return n
			}
		}
	}
	for _, a := range slices.Backward(w.opens) {
		if a.ctx != f.in.Context || a.label != f.in.Driver {
			continue
		}
		for _, n := range slices.Backward(a.notifies) {
			if n.call.in.Seq < f.in.Seq {
				return n
			}
		}
	}
	return nil
}

// pendedAtClient is the notify-close that q, the client's completion, answers.
func (a *afOpen) pendedAtClient(q *call) *notifying {
	for _, n := range a.notifies {
		if len(n.upcalls) == 0 || n.answer != nil || !n.upcalls[0].maybeBefore(q) {
			continue
		}
		if f := n.upcalls[0]; f.out == nil || f.returned(ndis.StatusPending) {
			return n
		}
	}
	return nil
}

// notifyToTell is the pended notify-close that g, a ProtocolCmNotifyCloseAfComplete,
// completes: of the open whose answer encloses it, else of the one with its context.
func (w *world) notifyToTell(g *call) (*afOpen, *notifying) {
	waiting := func(a *afOpen) *notifying {
		for _, n := range a.notifies {
			if n.told == nil && n.call.in.Seq < g.in.Seq && (n.call.out == nil || n.call.returned(ndis.StatusPending)) {
				return n
			}
		}
		return nil
	}
	if p := g.parent; p != nil && p.fn == ndis.NdisClNotifyCloseAddressFamilyComplete {
		if a := w.openByHandle(p.in.AF, p); a != nil && a.managerLabel() == g.in.Driver && waiting(a) != nil {
			return a, waiting(a)
		}
	}
	for _, a := range slices.Backward(w.opens) {
		if a.managerContext() == g.in.Context && a.managerLabel() == g.in.Driver && a.upcall().in.Seq < g.in.Seq {
			return a, waiting(a)
		}
	}
	return nil, nil
}

// checkNotify judges one notify-close from the call manager's call to its completion.
func (w *world) checkNotify(a *afOpen, n *notifying) {
	if n.redundant {
		w.advice(rule.CLOSE21, n.call.in)
		return
	}
	w.checkNotifyPlace(a, n)
	s, returned := n.call.result()
	if len(n.upcalls) == 0 {
		// A client that was closing by itself need not be asked.
		itself := slices.ContainsFunc(a.closes, func(k *closing) bool { return k.call.maybeBefore(n.call) })
		if returned && !itself && !a.broken && (s == ndis.StatusSuccess || s == ndis.StatusPending && w.complete) {
			w.violation(rule.CLOSE11, n.call.out)
		}
		return
	}
	for _, f := range n.upcalls[1:] {
		w.violation(rule.CLOSE11, f.in)
	}
	f := n.upcalls[0]
	if f.in.Driver != a.label || f.in.Context != a.ctx {
		w.violation(rule.CLOSE11, f.in)
		return
	}
	switch {
	case f.returned(ndis.StatusSuccess) && !a.closedBy(f.out):
		w.violation(rule.CLOSE14, f.out)
	case n.answer != nil && n.answer.succeeds() && !slices.ContainsFunc(a.closes, func(k *closing) bool { return k.call.maybeBefore(n.answer) }):
		w.violation(rule.CLOSE14, n.answer.in)
	case f.returned(ndis.StatusPending) && n.answer == nil:
		// A client whose close never completes cannot answer.
		stuck := slices.ContainsFunc(a.closes, func(k *closing) bool {
			return !k.redundant && k.call.returned(ndis.StatusPending) && k.told == nil
		})
		if w.complete && !stuck {
			w.violation(rule.CLOSE12, f.out)
		}
		return
	}
	if n.told == nil {
		if s == ndis.StatusPending && returned && f.out != nil && w.complete {
			w.violation(rule.CLOSE15, n.call.out)
		}
		return
	}
	want, given := f.result()
	if n.answer != nil {
		want, given = n.answer.status(), true
	}
	if given && want != n.told.status() || n.answer != nil && n.told.before(n.answer) {
		w.violation(rule.CLOSE15, n.told.in)
	}
}

// closedBy says that the client had called NdisClCloseAddressFamily by the time of row e.
func (a *afOpen) closedBy(e *format.Event) bool {
	return slices.ContainsFunc(a.closes, func(k *closing) bool { return k.call.in.TS < e.TS })
}

// checkNotifyPlace holds CLOSE-10: a notify-close comes from the unbind or halt handler;
// a pended unbind counts until NdisCompleteUnbindAdapterEx.
func (w *world) checkNotifyPlace(a *afOpen, n *notifying) {
	if a.owner == nil {
		return
	}
	leave := a.owner.adapter.halt
	if !a.owner.mcm {
		leave = a.owner.binding.unbind
	}
	if leave == nil || n.call.over(leave) || n.call.before(leave) {
		w.advice(rule.CLOSE10, n.call.in)
	}
}

// checkUse holds CLOSE-07, CLOSE-08 and USE-01: who uses a handle that is over?
func (w *world) checkUse(a *afOpen) {
	for _, c := range w.of(ndis.NdisClRegisterSap, ndis.NdisCoCreateVc, ndis.NdisMCmCreateVc, ndis.NdisCoOidRequest, ndis.NdisMCmOidRequest) {
		if c.in.AF == 0 || w.openByHandle(c.in.AF, c) != a {
			continue
		}
		switch c.in.Driver {
		case a.label:
			for _, k := range a.closes {
				if k.redundant || !k.call.before(c) {
					continue
				}
				switch {
				case w.closeFailed(k):
					w.remark(rule.CLOSE07, c.in)
				case c.fn == ndis.NdisClRegisterSap:
					w.violation(rule.SAP01, c.in)
				case c.fn == ndis.NdisCoCreateVc && c.returned(ndis.StatusSuccess): // VC-04
				default:
					w.violation(rule.CLOSE07, c.in)
				}
			}
		case a.managerLabel():
			for _, k := range a.closes {
				if k.complete.before(c) {
					w.violation(rule.CLOSE08, c.in)
				} else if len(k.upcalls) > 0 && k.upcalls[0].returned(ndis.StatusSuccess) && k.upcalls[0].over(c) {
					w.violation(rule.USE01, c.in)
				}
			}
			if s, by := a.answer(); by != nil && s != ndis.StatusSuccess && by.over(c) {
				w.violation(rule.USE01, c.in)
			}
		}
	}
}

// checkContext holds OPEN-20 for the upcalls of SAPs and VCs, and CLOSE-19.
func (w *world) checkContext(a *afOpen) {
	for _, u := range w.of(ndis.ProtocolCmRegisterSap, ndis.ProtocolCoCreateVc) {
		if u.parent == nil || u.parent.in.AF == 0 || w.openByHandle(u.parent.in.AF, u.parent) != a {
			continue
		}
		if u.parent.fn != ndis.NdisClRegisterSap && u.parent.fn != ndis.NdisCoCreateVc {
			continue
		}
		if known := a.managerContext(); known != 0 && u.in.Driver == a.managerLabel() && u.parent.in.Driver == a.label && u.in.Context != known {
			w.violation(rule.OPEN20, u.in)
		}
	}
	for _, o := range w.opens {
		if o != a && o.ctx == a.ctx && o.ctx != 0 && o.label == a.label && a.call.over(o.call) && !w.contextFree(a, o.call) {
			w.violation(rule.CLOSE19, o.call.in)
		}
	}
}

// contextFree says that the client may have been done with a when c took effect: its open
// failed, or its close succeeded.
func (w *world) contextFree(a *afOpen, c *call) bool {
	s, row, by := a.outcome()
	if row != nil && s != ndis.StatusSuccess && by.maybeBefore(c) {
		return true
	}
	return slices.ContainsFunc(a.closes, func(k *closing) bool {
		return k.call.returned(ndis.StatusSuccess) && k.call.maybeBefore(c) ||
			k.told != nil && k.told.succeeds() && k.told.maybeBefore(c)
	})
}

// checkLeaving holds CLOSE-01 and CLOSE-09: nobody leaves the adapter with opens about
// which the other side was not told.
func (w *world) checkLeaving() {
	type leave struct {
		call *call
		row  *format.Event
		b    *binding
		a    *adapter
	}
	var leaves []leave
	for _, b := range w.bindings {
		if b.close != nil {
			leaves = append(leaves, leave{call: b.close, row: b.close.in, b: b})
		}
	}
	for _, a := range w.adapters {
		if a.halt != nil && a.halt.out != nil {
			leaves = append(leaves, leave{call: a.halt, row: a.halt.out, a: a})
		}
	}
	slices.SortFunc(leaves, func(x, y leave) int { return int(x.row.Seq) - int(y.row.Seq) })
	for _, l := range leaves {
		for _, a := range w.opens {
			if a.broken || a.binding == nil {
				continue
			}
			if l.b == a.binding && a.openForClient(l.call) &&
				!slices.ContainsFunc(a.closes, func(k *closing) bool { return k.call.maybeBefore(l.call) }) {
				w.violation(rule.CLOSE01, l.row)
				a.broken = true
				continue
			}
			owns := a.owner != nil && (l.b != nil && a.owner.binding == l.b || l.a != nil && a.owner.mcm && a.owner.adapter == l.a)
			if owns && w.openWhenLeft(a, l.call, l.row) {
				w.violation(rule.CLOSE09, l.row)
				a.broken = true
			}
		}
	}
}

// openWhenLeft says that the call manager left with c, of which row counts, after it had
// accepted a, and that nobody had begun to end a. That the client had been told by then
// is not asked for: the call manager cannot know.
func (w *world) openWhenLeft(a *afOpen, c *call, row *format.Event) bool {
	if s, told, _ := a.outcome(); !a.openForManager(c) || told == nil || s != ndis.StatusSuccess {
		return false
	}
	begun := func(d *call) bool { return d.maybeBefore(c) || d.in.TS < row.TS }
	for _, n := range a.notifies {
		if begun(n.call) {
			return false
		}
	}
	for _, k := range a.closes {
		if begun(k.call) {
			return false
		}
	}
	for _, o := range w.of(ndis.NdisCoOidRequest, ndis.NdisMCmOidRequest) {
		if o.in.AF == a.handle && a.handle != 0 && bytes.Contains(bytes.ToLower(o.arg.OID), []byte("fe00000a")) && begun(o) {
			return false
		}
	}
	return true
}
