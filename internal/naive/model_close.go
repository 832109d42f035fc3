package naive

import (
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// closeOpen is a client that ends its use of a, which it has claimed: SAPs and VCs, then
// the AF. It returns when the close has been called, not when it is complete.
func (s *sim) closeOpen(t *task, a *simOpen) {
	free := func() bool { return a.working == 0 && len(a.b.opening) == 0 }
	t.await(free)
	if len(a.saps)+len(a.vcs) > 0 && !a.odd {
		switch {
		case s.fault(CloseWithObjects):
			t.mark(CloseWithObjects, rule.CLOSE02)
			k := t.enter(ndis.NdisClCloseAddressFamily, a.b.d.label, afIs(a.handle))
			t.leave(k, statusIs(ndis.StatusFailure))
		case !a.notified && s.fault(CloseAcceptsObjects):
			s.freeze(a)
			a.closeCalled, a.asked = true, true
			t.mark(CloseAcceptsObjects, rule.CLOSE02)
			k := t.enter(ndis.NdisClCloseAddressFamily, a.b.d.label, afIs(a.handle))
			d := t.enter(ndis.ProtocolCmCloseAf, a.r.label(), contextIs(a.managerCtx))
			s.blame(d, CloseAcceptsObjects, rule.CLOSE04)
			t.leave(d, statusIs(ndis.StatusSuccess))
			t.leave(k, statusIs(ndis.StatusSuccess))
			return
		}
	}
	for len(a.saps)+len(a.vcs) > 0 {
		t.await(free)
		if len(a.saps) > 0 {
			s.deregisterSAP(t, a)
		} else {
			s.deleteVC(t, a, a.vcs[0])
		}
	}
	t.await(free)
	s.callClose(t, a)
}

// callClose is NdisClCloseAddressFamily.
func (s *sim) callClose(t *task, a *simOpen) {
	if a.odd && a.closeCalled {
		return
	}
	twice, use := s.fault(CloseTwice), s.fault(UseAfterClose)
	a.odd = a.odd || twice || use
	if s.fault(CloseUnknownHandle) {
		t.mark(CloseUnknownHandle, rule.OPEN18)
		k := t.enter(ndis.NdisClCloseAddressFamily, a.b.d.label, afIs(s.handle()))
		t.leave(k, statusIs(ndis.StatusFailure))
		t.await(func() bool { return len(a.b.opening) == 0 })
	}
	a.closeCalled = true
	k := t.enter(ndis.NdisClCloseAddressFamily, a.b.d.label, afIs(a.handle))
	t.pause()
	s.askToClose(t, a, k)
	if twice {
		t.await(func() bool { return len(a.b.opening) == 0 })
		t.mark(CloseTwice, rule.CLOSE03)
		k := t.enter(ndis.NdisClCloseAddressFamily, a.b.d.label, afIs(a.handle))
		t.leave(k, statusIs(pick(s.rng, ndis.StatusFailure, ndis.StatusFailure, ndis.StatusSuccess)))
	}
	if use {
		t.await(func() bool { return len(a.b.opening) == 0 })
		if s.chance(50) {
			t.mark(UseAfterClose, rule.SAP01)
			c := t.enter(ndis.NdisClRegisterSap, a.b.d.label, afIs(a.handle), contextIs(s.handle()))
			t.leave(c, statusIs(ndis.StatusFailure))
			return
		}
		t.mark(UseAfterClose, rule.CLOSE07)
		c := t.enter(ndis.NdisCoCreateVc, a.b.d.label, bindingIs(a.b.handle), afIs(a.handle), contextIs(s.handle()), vcIs(0))
		t.leave(c, statusIs(ndis.StatusFailure))
	}
}

// askToClose is what NDIS does with a close.
func (s *sim) askToClose(t *task, a *simOpen, k *frame) {
	label, ctx := a.r.label(), a.managerCtx
	a.asked = true
	if s.fault(CloseUnasked) {
		s.freeze(a)
		a.clientClosed = true
		s.blame(k, CloseUnasked, rule.CLOSE20)
		t.leave(k, statusIs(ndis.StatusSuccess))
		return
	}
	if other := s.otherManager(a.r); other != nil && !a.notified && s.fault(CloseWrongManager) {
		s.freeze(a)
		t.mark(CloseWrongManager, rule.CLOSE20)
		d := t.enter(ndis.ProtocolCmCloseAf, other.label(), contextIs(s.handle()))
		t.leave(d, statusIs(ndis.StatusFailure))
		t.leave(k, statusIs(ndis.StatusFailure))
		return
	}
	if s.fault(CloseWrongContext) {
		a.odd = true
		ctx ^= 8
		t.mark(CloseWrongContext, rule.OPEN20)
	}
	d := t.enter(ndis.ProtocolCmCloseAf, label, contextIs(ctx))
	t.pause()
	if s.chance(50) {
		a.managerClosed = true
		t.leave(d, statusIs(ndis.StatusSuccess))
		switch {
		case s.fault(CloseAskedTwice):
			a.odd = true
			t.mark(CloseAskedTwice, rule.CLOSE20)
			d := t.enter(ndis.ProtocolCmCloseAf, label, contextIs(ctx))
			t.leave(d, statusIs(ndis.StatusFailure))
		case s.fault(CloseCompletedUnpended):
			a.odd = true
			t.mark(CloseCompletedUnpended, rule.CLOSE05)
			s.callCloseComplete(t, a)
		}
		s.answerClose(t, a, k)
		return
	}
	if s.chance(15) {
		s.completeClose(t, a, k, d)
	} else {
		s.spawn(func(t *task) {
			t.pause()
			if s.chance(25) {
				t.linger()
			}
			s.completeClose(t, a, k, d)
		})
	}
	t.leave(d, statusIs(ndis.StatusPending))
	t.leave(k, statusIs(ndis.StatusPending))
}

// callCloseComplete is a close-complete that NDIS ignores.
func (s *sim) callCloseComplete(t *task, a *simOpen) {
	t.call(a.r.by(ndis.NdisCmCloseAddressFamilyComplete, ndis.NdisMCmCloseAddressFamilyComplete), a.r.label(),
		statusIs(ndis.StatusSuccess), afIs(a.handle))
}

// completeClose is the call manager's completion of a pended close.
func (s *sim) completeClose(t *task, a *simOpen, k, d *frame) {
	if s.fault(CloseUncompleted) {
		s.freeze(a)
		s.blame(d, CloseUncompleted, rule.CLOSE05)
		return
	}
	twice, use := s.fault(CloseCompletedTwice), a.r.b != nil && s.fault(ManagerUseAfterClose)
	a.odd = a.odd || twice || use
	a.managerClosed = true
	m := t.enter(a.r.by(ndis.NdisCmCloseAddressFamilyComplete, ndis.NdisMCmCloseAddressFamilyComplete), a.r.label(),
		statusIs(ndis.StatusSuccess), afIs(a.handle))
	if s.chance(50) {
		s.tellClosed(t, a, k)
	} else {
		s.spawn(func(t *task) {
			t.pause()
			s.tellClosed(t, a, k)
		})
	}
	t.leave(m)
	if twice {
		t.mark(CloseCompletedTwice, rule.CLOSE05)
		s.callCloseComplete(t, a)
	}
	if use {
		t.mark(ManagerUseAfterClose, rule.CLOSE08)
		c := t.enter(ndis.NdisCoCreateVc, a.r.label(), bindingIs(a.r.b.handle), afIs(a.handle), contextIs(s.handle()), vcIs(0))
		t.leave(c, statusIs(ndis.StatusFailure))
	}
}

// answerClose gives the client the end of its close: as the return of its call, or
// PENDING and a completion.
func (s *sim) answerClose(t *task, a *simOpen, k *frame) {
	told := []column{statusIs(ndis.StatusSuccess), contextIs(a.ctx)}
	if s.chance(60) {
		unpended := s.fault(CloseToldUnpended)
		a.odd = a.odd || unpended
		a.clientClosed, a.closedAtOnce = true, true
		t.leave(k, statusIs(ndis.StatusSuccess))
		defer s.release(a)
		switch {
		case unpended:
			t.mark(CloseToldUnpended, rule.CLOSE18)
			t.call(ndis.ProtocolClCloseAfComplete, a.b.d.label, append(told, detailIs("caller", "ndis"))...)
		case s.chance(50):
			t.call(ndis.ProtocolClCloseAfComplete, a.b.d.label, append(told, detailIs("caller", "self"))...)
		}
		return
	}
	if s.chance(30) {
		s.tellClosed(t, a, k)
	} else {
		s.spawn(func(t *task) {
			t.pause()
			s.tellClosed(t, a, k)
		})
	}
	t.leave(k, statusIs(ndis.StatusPending))
}

// tellClosed is ProtocolClCloseAfComplete, called by NDIS.
func (s *sim) tellClosed(t *task, a *simOpen, k *frame) {
	if s.fault(CloseUntold) {
		s.freeze(a)
		s.blame(k, CloseUntold, rule.CLOSE18)
		return
	}
	twice := s.fault(CloseToldTwice)
	a.odd = a.odd || twice
	a.clientClosed = true
	s.release(a)
	told := []column{statusIs(ndis.StatusSuccess), contextIs(a.ctx), detailIs("caller", "ndis")}
	t.call(ndis.ProtocolClCloseAfComplete, a.b.d.label, told...)
	if twice {
		t.mark(CloseToldTwice, rule.CLOSE18)
		t.call(ndis.ProtocolClCloseAfComplete, a.b.d.label, told...)
	}
}

// release lets the handle and the client's context of a be used once more.
func (s *sim) release(a *simOpen) {
	if !a.odd && !a.notified {
		a.b.d.spare = append(a.b.d.spare, a.ctx)
		s.afs = append(s.afs, a.handle)
	}
}

// disentangle ends what is left on a binding that is to be closed.
func (s *sim) disentangle(t *task, b *simBinding) {
	wait := func(ok func() bool) { t.await(func() bool { return ok() && !b.stays }) }
	for _, r := range s.regs {
		if r.b == b {
			wait(func() bool { return r.asking == 0 })
		}
	}
	if s.leaveUnnotified(t, b) {
		return
	}
	// The list may grow while this runs, but not by opens at b's registrations.
	for i := 0; i < len(s.opens); i++ {
		a := s.opens[i]
		if a.r == nil || a.r.b != b || a.manager == dead {
			continue
		}
		wait(func() bool { return a.client != undecided })
		if a.client == opened && !a.asked && !a.notified {
			if s.chance(50) {
				a.notified = true
				s.spawn(func(t *task) { s.notifyClose(t, a) })
			} else {
				s.notifyClose(t, a)
			}
		}
	}
	wait(func() bool { return len(b.opening) == 0 })
	if s.leaveOpen(t, b) {
		return
	}
	for i := 0; i < len(s.opens); i++ {
		a := s.opens[i]
		if a.b != b || a.client != opened || a.claimed {
			continue
		}
		wait(func() bool { return a.manager != undecided })
		if a.claimed {
			continue
		}
		a.claimed = true
		s.closeOpen(t, a)
	}
	wait(func() bool { return !s.entangled(b) })
}

// leaveUnnotified is a call manager that goes without a word.
func (s *sim) leaveUnnotified(t *task, b *simBinding) bool {
	var left []*simOpen
	for _, a := range s.opens {
		switch {
		case a.b == b && !a.clientGone():
			return false
		case a.r == nil || a.r.b != b || a.managerGone():
		case a.quiet() && !b.stays && a.b != b:
			left = append(left, a)
		default:
			return false
		}
	}
	if len(left) == 0 || len(b.opening) > 0 || !s.fault(UnbindUnnotified) {
		return false
	}
	for _, a := range left {
		s.freeze(a)
	}
	t.mark(UnbindUnnotified, rule.CLOSE09)
	return true
}

// leaveOpen is a client that goes with open AFs.
func (s *sim) leaveOpen(t *task, b *simBinding) bool {
	var left []*simOpen
	for _, a := range s.opens {
		switch {
		case a.r != nil && a.r.b == b && !a.managerGone():
			return false
		case a.b != b || a.clientGone():
		case a.quiet() && !b.stays && a.r.b != b:
			left = append(left, a)
		default:
			return false
		}
	}
	if len(left) == 0 || !s.fault(UnbindOpen) {
		return false
	}
	for _, a := range left {
		s.freeze(a)
	}
	t.mark(UnbindOpen, rule.CLOSE01)
	return true
}

// askForCloses is a call manager that asks for the close of an AF before it leaves.
func (s *sim) askForCloses(t *task, a *simAdapter) {
	t.linger()
	for _, o := range s.opens {
		if o.b.a == a && o.quiet() && !o.b.stays && !o.r.withdrawn && s.chance(30) {
			s.notifyClose(t, o)
			return
		}
	}
}

// notifyClose is Ndis(M)CmNotifyCloseAddressFamily.
func (s *sim) notifyClose(t *task, a *simOpen) {
	if a.asked || a.closeCalled {
		return // it has gone meanwhile
	}
	a.notified, a.answering = true, true
	n := t.enter(a.r.by(ndis.NdisCmNotifyCloseAddressFamily, ndis.NdisMCmNotifyCloseAddressFamily), a.r.label(), afIs(a.handle))
	t.pause()
	if a.clientClosed || a.closeCalled && s.chance(40) {
		a.answering = false
		t.leave(n, statusIs(ndis.StatusFailure))
		return
	}
	if !a.claimed && s.fault(NotifyCloseUnasked) {
		s.freeze(a)
		s.blame(n, NotifyCloseUnasked, rule.CLOSE11)
		t.leave(n, statusIs(ndis.StatusSuccess))
		return
	}
	if other := s.otherClient(a.b); other != nil && !a.claimed && s.fault(NotifyCloseOther) {
		s.freeze(a)
		t.mark(NotifyCloseOther, rule.CLOSE11)
		f := t.enter(ndis.ProtocolClNotifyCloseAf, other.d.label, contextIs(s.handle()))
		t.leave(f, statusIs(ndis.StatusFailure))
		t.leave(n, statusIs(ndis.StatusFailure))
		return
	}
	s.askClient(t, a, n)
}

// otherClient is a client other than b's.
func (s *sim) otherClient(b *simBinding) *simBinding {
	for _, o := range s.bindings {
		if o.a == b.a && o.d != b.d && o.d.client && o.bound && !o.leaving {
			return o
		}
	}
	return nil
}

// askClient is ProtocolClNotifyCloseAf and what the client does about it.
func (s *sim) askClient(t *task, a *simOpen, n *frame) {
	label := a.b.d.label
	mine := !a.claimed // else the client closes it by itself already
	a.claimed, a.owing = true, true
	f := t.enter(ndis.ProtocolClNotifyCloseAf, label, contextIs(a.ctx))
	finish := func(st ndis.Status) {
		a.owing = false
		t.leave(f, statusIs(st))
		if s.fault(NotifyCloseAskedTwice) {
			a.odd = true
			t.mark(NotifyCloseAskedTwice, rule.CLOSE11)
			f := t.enter(ndis.ProtocolClNotifyCloseAf, label, contextIs(a.ctx))
			t.leave(f, statusIs(ndis.StatusFailure))
		}
		if s.fault(NotifyCloseUnpended) {
			t.mark(NotifyCloseUnpended, rule.CLOSE12)
			t.call(ndis.NdisClNotifyCloseAddressFamilyComplete, label, afIs(a.handle), statusIs(ndis.StatusSuccess))
		}
		a.answering = false
		t.leave(n, statusIs(st))
		if s.fault(NotifyCloseToldUnpended) {
			t.mark(NotifyCloseToldUnpended, rule.CLOSE15)
			t.call(ndis.ProtocolCmNotifyCloseAfComplete, a.r.label(), contextIs(a.managerCtx), statusIs(st))
		}
	}
	later := func(work func(*task)) {
		s.spawn(func(t *task) {
			t.pause()
			work(t)
			t.await(func() bool { return a.clientClosed })
			s.answerNotify(t, a, n, f)
		})
		t.leave(f, statusIs(ndis.StatusPending))
		t.leave(n, statusIs(ndis.StatusPending))
	}
	idle := a.working == 0 && len(a.saps)+len(a.vcs) == 0 && len(a.b.opening) == 0
	switch {
	case !mine && a.closeCalled && s.chance(50):
		finish(ndis.StatusSuccess)
	case !mine:
		later(func(*task) {})
	case s.fault(NotifyCloseUndone):
		s.freeze(a)
		s.blame(f, NotifyCloseUndone, rule.CLOSE14)
		t.leave(f, statusIs(ndis.StatusSuccess))
		t.leave(n, statusIs(ndis.StatusSuccess))
	case s.fault(NotifyCloseUndoneLate):
		s.freeze(a)
		s.spawn(func(t *task) {
			t.mark(NotifyCloseUndoneLate, rule.CLOSE14)
			q := t.enter(ndis.NdisClNotifyCloseAddressFamilyComplete, label, afIs(a.handle), statusIs(ndis.StatusSuccess))
			t.call(ndis.ProtocolCmNotifyCloseAfComplete, a.r.label(), contextIs(a.managerCtx), statusIs(ndis.StatusSuccess))
			t.leave(q)
		})
		t.leave(f, statusIs(ndis.StatusPending))
		t.leave(n, statusIs(ndis.StatusPending))
	case idle && s.chance(50):
		s.callClose(t, a)
		if a.closedAtOnce {
			finish(ndis.StatusSuccess)
		} else {
			later(func(*task) {})
		}
	default:
		later(func(t *task) { s.closeOpen(t, a) })
	}
}

// answerNotify is the client's completion of a pended notify-close.
func (s *sim) answerNotify(t *task, a *simOpen, n, f *frame) {
	if s.fault(NotifyCloseUncompleted) {
		s.freeze(a)
		s.blame(f, NotifyCloseUncompleted, rule.CLOSE12)
		return
	}
	a.owing = false
	q := t.enter(ndis.NdisClNotifyCloseAddressFamilyComplete, a.b.d.label, afIs(a.handle), statusIs(ndis.StatusSuccess))
	if s.chance(60) {
		s.tellNotify(t, a, n, true)
	} else {
		s.spawn(func(t *task) {
			t.pause()
			s.tellNotify(t, a, n, false)
		})
	}
	t.leave(q)
	if s.fault(NotifyCloseTwice) {
		t.mark(NotifyCloseTwice, rule.CLOSE12)
		t.call(ndis.NdisClNotifyCloseAddressFamilyComplete, a.b.d.label, afIs(a.handle), statusIs(ndis.StatusSuccess))
	}
}

// tellNotify is ProtocolCmNotifyCloseAfComplete.
func (s *sim) tellNotify(t *task, a *simOpen, n *frame, nested bool) {
	if s.fault(NotifyCloseUntold) {
		s.freeze(a)
		s.blame(n, NotifyCloseUntold, rule.CLOSE15)
		return
	}
	st, ctx := ndis.StatusSuccess, a.managerCtx
	switch {
	case s.fault(NotifyCloseStatus):
		st = ndis.StatusFailure
		t.mark(NotifyCloseStatus, rule.CLOSE15)
	case nested && s.fault(CloseWrongContext):
		ctx ^= 8
		t.mark(CloseWrongContext, rule.OPEN20)
	}
	a.answering = false
	t.call(ndis.ProtocolCmNotifyCloseAfComplete, a.r.label(), contextIs(ctx), statusIs(st))
	if s.fault(NotifyCloseToldTwice) {
		t.mark(NotifyCloseToldTwice, rule.CLOSE15)
		t.call(ndis.ProtocolCmNotifyCloseAfComplete, a.r.label(), contextIs(a.managerCtx), statusIs(st))
	}
}
