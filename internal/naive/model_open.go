package naive

import (
	"slices"

	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

type simOpen struct {
	b               *simBinding
	r               *simReg
	f               family
	handle          uint64
	ctx, managerCtx uint64
	client, manager simState
	frame           *frame // NdisClOpenAddressFamilyEx
	held            int    // reasons why nobody completes it yet
	settled         bool   // the call or callback that told the client has returned

	claimed       bool // somebody closes it, or is about to
	closedAtOnce  bool // the close did not pend
	closeCalled   bool
	asked         bool // ProtocolCmCloseAf was called
	clientClosed  bool
	managerClosed bool
	notified      bool // notify-close was called
	answering     bool // its completion is to come
	owing         bool // the client owes its answer
	working       int  // SAP and VC operations under way
	saps          []*simSAP
	offers        []*simSAP // on which the call manager may dispatch calls
	vcs           []*simVC
	odd           bool // a fault touched it: its handle and context are not used again
}

// simState is what one side knows of an open.
type simState uint8

const (
	undecided simState = iota
	opened
	dead
)

// clientGone says that the client has nothing to do with a any more.
func (a *simOpen) clientGone() bool {
	return a.client == dead || a.client == opened && a.clientClosed && !a.owing
}

// managerGone says that the call manager has nothing to do with a any more.
func (a *simOpen) managerGone() bool {
	return a.manager == dead || a.manager == opened && a.managerClosed && !a.answering
}

// quiet says that a is open on both sides and nobody does anything with it.
func (a *simOpen) quiet() bool {
	return a.client == opened && a.settled && a.manager == opened && !a.claimed && !a.notified && a.working == 0 && !a.odd
}

// freeze leaves a as it is: a fault has made its state one that no page describes.
func (s *sim) freeze(a *simOpen) {
	a.odd, a.claimed = true, true
	a.b.stays = true
	a.b.a.stays = true
	if a.r != nil {
		a.r.stay()
	}
}

// mayHang says that an open of b may pend for ever without keeping the client from a duty.
func (s *sim) mayHang(b *simBinding) bool {
	return !b.leaving && !slices.ContainsFunc(s.opens, func(o *simOpen) bool { return o.b == b && o.notified && !o.clientClosed })
}

// hang freezes a, an open that will pend for ever, and all that its client has open on
// the same binding: it may not close them now.
func (s *sim) hang(a *simOpen) {
	for _, o := range s.opens {
		if o.b == a.b && o.r != nil {
			o.r.stay()
		}
	}
	s.freeze(a)
}

// openSomething is what a client does when it is notified of r.
func (s *sim) openSomething(t *task, b *simBinding, r *simReg) {
	switch {
	case s.fault(OpenUnregistered):
		a := s.newOpen(b, family{typ: unknownType})
		s.freeze(a)
		s.startOpen(t, a)
		s.blame(a.frame, OpenUnregistered, rule.OPEN02)
		s.endOpen(a, opened)
		t.leave(a.frame, statusIs(ndis.StatusSuccess), afIs(s.handle()))
		return
	case s.fault(OpenUnregisteredAsked):
		a := s.newOpen(b, family{typ: unknownType})
		s.startOpen(t, a)
		t.mark(OpenUnregisteredAsked, rule.OPEN02)
		s.askInVain(t, r.label(), r.context(), a.f, s.handle())
		s.endOpen(a, dead)
		t.leave(a.frame, statusIs(ndis.StatusFailure))
		return
	case s.faults[OpenClosingManager] > 0 && r.b != nil:
		for n := 0; n < 8 && !r.b.left; n++ { // for the occasion
			t.linger()
		}
		s.open(t, b, r.f)
	case s.o.Loose && s.chance(25):
		s.spawn(func(t *task) {
			t.pause()
			f := r.f
			if s.chance(15) {
				f = family{typ: unknownType}
			}
			s.open(t, b, f)
		})
		return
	case s.chance(80):
		s.open(t, b, r.f)
	}
}

func (s *sim) newOpen(b *simBinding, f family) *simOpen {
	a := &simOpen{b: b, f: f, ctx: s.handle()}
	if n := len(b.d.spare); n > 0 && s.chance(50) {
		a.ctx, b.d.spare = b.d.spare[n-1], b.d.spare[:n-1]
	}
	s.opens = append(s.opens, a)
	return a
}

// startOpen enters NdisClOpenAddressFamilyEx.
func (s *sim) startOpen(t *task, a *simOpen) {
	a.b.opening = append(a.b.opening, a)
	a.frame = t.enter(ndis.NdisClOpenAddressFamilyEx, a.b.d.label, bindingIs(a.b.handle), familyIs(a.f), contextIs(a.ctx))
}

// endOpen lets the client's next row be the one that tells it.
func (s *sim) endOpen(a *simOpen, st simState) {
	a.client = st
	a.b.opening = slices.DeleteFunc(a.b.opening, func(o *simOpen) bool { return o == a })
}

// spare lets the client use the context of a once more.
func (s *sim) spare(a *simOpen) {
	if !a.odd {
		a.b.d.spare = append(a.b.d.spare, a.ctx)
	}
}

// askInVain is a ProtocolCmOpenAf that the call manager refuses.
func (s *sim) askInVain(t *task, label string, ctx uint64, f family, af uint64) {
	u := t.enter(ndis.ProtocolCmOpenAf, label, contextIs(ctx), familyIs(f), afIs(af))
	t.leave(u, statusIs(ndis.StatusFailure))
}

func (s *sim) afHandle() uint64 {
	if n := len(s.afs); n > 0 && s.chance(40) {
		h := s.afs[n-1]
		s.afs = s.afs[:n-1]
		return h
	}
	return s.handle()
}

// open is one NdisClOpenAddressFamilyEx and all that follows.
func (s *sim) open(t *task, b *simBinding, f family) {
	if b.leaving || b.stays || len(b.opening) > 0 && s.chance(50) {
		return
	}
	if slices.ContainsFunc(b.opening, func(o *simOpen) bool { return o.f.typ == f.typ }) {
		return
	}
	a := s.newOpen(b, f)
	var leftBefore []*simReg // whose owners had begun to leave when the client called
	for _, r := range s.regs {
		if r.b != nil && r.b.left {
			leftBefore = append(leftBefore, r)
		}
	}
	s.startOpen(t, a)
	t.pause()
	var r *simReg
	for _, o := range s.regs {
		if o.live && o.a == b.a && o.f.typ == f.typ && (r == nil || o.f == f && r.f != f) {
			r = o
		}
	}
	switch {
	case r == nil || b.leaving:
		s.answer(t, a, ndis.StatusFailure)
		return
	case r.withdrawn && slices.Contains(leftBefore, r) && s.fault(OpenClosingManager):
		s.openAtLeaving(t, a, r)
		return
	case r.withdrawn:
		s.answer(t, a, ndis.StatusFailure)
		return
	case s.chance(3):
		s.answer(t, a, ndis.StatusResources)
		return
	}
	a.r = r
	s.ask(t, a)
}

// openAtLeaving is an open that succeeds though the call manager is on its way out.
func (s *sim) openAtLeaving(t *task, a *simOpen, r *simReg) {
	a.r = r
	s.freeze(a)
	a.handle = s.handle()
	u := t.enter(ndis.ProtocolCmOpenAf, r.label(), contextIs(r.context()), familyIs(a.f), afIs(a.handle))
	t.leave(u, statusIs(ndis.StatusSuccess), contextIs(s.handle()))
	s.blame(a.frame, OpenClosingManager, rule.OPEN04)
	s.endOpen(a, opened)
	t.leave(a.frame, statusIs(ndis.StatusSuccess), afIs(a.handle))
}

// ask is what NDIS does with an open that it accepts.
func (s *sim) ask(t *task, a *simOpen) {
	r := a.r
	if a.b.stays { // since the client called
		r.stay()
	}
	a.handle = s.afHandle()
	f, ctx, af := a.f, r.context(), a.handle
	refuse := func(label string) {
		s.askInVain(t, label, ctx, f, af)
		s.endOpen(a, dead)
		t.leave(a.frame, statusIs(ndis.StatusFailure))
	}
	if s.fault(OpenUnasked) {
		s.freeze(a)
		s.blame(a.frame, OpenUnasked, rule.OPEN05)
		s.endOpen(a, opened)
		t.leave(a.frame, statusIs(ndis.StatusSuccess), afIs(a.handle))
		return
	}
	if other := s.otherManager(r); other != nil && s.fault(OpenWrongManager) {
		ctx = other.context()
		t.mark(OpenWrongManager, rule.OPEN05)
		refuse(other.label())
		return
	}
	if i := slices.IndexFunc(s.opens, func(o *simOpen) bool { return o.quiet() && o.frame.out != 0 }); i >= 0 && s.fault(OpenReusedHandle) {
		s.freeze(s.opens[i])
		af = s.opens[i].handle
		a.odd = true
		t.mark(OpenReusedHandle, rule.OPEN05)
		refuse(r.label())
		return
	}
	if s.fault(OpenWrongType) {
		f.typ ^= 0x10
		t.mark(OpenWrongType, rule.OPEN21)
		refuse(r.label())
		return
	}
	if s.fault(OpenWrongContext) {
		ctx ^= 8
		t.mark(OpenWrongContext, rule.OPEN19)
	}
	r.asking++
	u := t.enter(ndis.ProtocolCmOpenAf, r.label(), contextIs(ctx), familyIs(f), afIs(af))
	t.pause()
	switch n := s.rng.IntN(100); {
	case n < 45:
		s.acceptOpen(t, a, u)
	case n < 60:
		st := pick(s.rng, ndis.StatusResources, ndis.StatusFailure, ndis.StatusNotSupported, ndis.StatusNotAccepted)
		a.manager = dead
		r.asking--
		t.leave(u, statusIs(st))
		if s.fault(OpenStatusChanged) {
			st = ndis.StatusInvalidParameter
			s.blame(a.frame, OpenStatusChanged, rule.OPEN14)
			s.endOpen(a, dead)
			t.leave(a.frame, statusIs(st))
			return
		}
		s.answer(t, a, st)
	default:
		s.pendOpen(t, a, u)
	}
}

// otherManager is a call manager other than r's.
func (s *sim) otherManager(r *simReg) *simReg {
	for _, o := range s.regs {
		serves := slices.ContainsFunc(s.regs, func(x *simReg) bool { return x.label() == o.label() && x.f.typ == r.f.typ })
		if o.label() != r.label() && o.made && !o.withdrawn && !serves {
			return o
		}
	}
	return nil
}

// acceptOpen is a call manager that opens at once.
func (s *sim) acceptOpen(t *task, a *simOpen, u *frame) {
	a.managerCtx, a.manager = s.handle(), opened
	if s.fault(OpenNullContext) {
		a.managerCtx = 0
		s.freeze(a)
		s.blame(u, OpenNullContext, rule.OPEN06)
	}
	a.r.asking--
	t.leave(u, statusIs(ndis.StatusSuccess), contextIs(a.managerCtx))
	complete := func(af uint64) {
		t.call(a.r.by(ndis.NdisCmOpenAddressFamilyComplete, ndis.NdisMCmOpenAddressFamilyComplete), a.r.label(),
			statusIs(ndis.StatusSuccess), afIs(af), contextIs(a.managerCtx))
	}
	switch {
	case s.fault(OpenAskedTwice):
		t.mark(OpenAskedTwice, rule.OPEN05)
		s.askInVain(t, a.r.label(), a.r.context(), a.f, s.handle())
	case s.fault(OpenCompletedUnpended):
		a.odd = true
		t.mark(OpenCompletedUnpended, rule.OPEN08)
		complete(a.handle)
	case s.fault(OpenStatusChanged):
		s.freeze(a)
		s.blame(a.frame, OpenStatusChanged, rule.OPEN14)
		s.endOpen(a, dead)
		t.leave(a.frame, statusIs(ndis.StatusInvalidParameter)) // FAILURE has causes of its own
		return
	case s.fault(OpenToldUnpended):
		a.odd = true
		s.endOpen(a, opened)
		t.leave(a.frame, statusIs(ndis.StatusSuccess), afIs(a.handle))
		t.mark(OpenToldUnpended, rule.OPEN13)
		t.call(ndis.ProtocolClOpenAfCompleteEx, a.b.d.label, contextIs(a.ctx), afIs(a.handle), statusIs(ndis.StatusSuccess), detailIs("caller", "ndis"))
		s.use(a)
		return
	}
	s.answer(t, a, ndis.StatusSuccess)
}

// pendOpen is a call manager that completes the open later, or before it has returned.
func (s *sim) pendOpen(t *task, a *simOpen, u *frame) {
	if s.chance(15) {
		s.completeOpen(t, a, u)
	} else {
		s.spawn(func(t *task) {
			t.pause()
			if s.chance(25) {
				t.linger()
			}
			s.completeOpen(t, a, u)
		})
	}
	t.leave(u, statusIs(ndis.StatusPending))
	t.pause()
	t.leave(a.frame, statusIs(ndis.StatusPending))
	i := slices.IndexFunc(s.opens, func(o *simOpen) bool { return o != a && o.b == a.b && o.quiet() })
	if i >= 0 && a.client == undecided && a.manager == undecided && s.fault(OpenMeanwhile) {
		o := s.opens[i]
		a.held++
		o.working++
		t.mark(OpenMeanwhile, rule.OPEN09)
		c := t.enter(ndis.NdisClRegisterSap, a.b.d.label, afIs(o.handle), contextIs(s.handle()))
		t.leave(c, statusIs(ndis.StatusFailure))
		o.working--
		a.held--
	}
}

// completeOpen is the call manager's completion of a pended open.
func (s *sim) completeOpen(t *task, a *simOpen, u *frame) {
	r := a.r
	if s.mayHang(a.b) && s.fault(OpenUncompleted) {
		s.hang(a)
		s.blame(u, OpenUncompleted, rule.OPEN07)
		return
	}
	fn := r.by(ndis.NdisCmOpenAddressFamilyComplete, ndis.NdisMCmOpenAddressFamilyComplete)
	if s.fault(OpenBadHandle) {
		t.mark(OpenBadHandle, rule.OPEN15)
		t.call(fn, r.label(), statusIs(ndis.StatusSuccess), afIs(s.handle()), contextIs(s.handle()))
	}
	if s.fault(OpenPendingStatus) {
		t.mark(OpenPendingStatus, rule.OPEN10)
		t.call(fn, r.label(), statusIs(ndis.StatusPending), afIs(a.handle), contextIs(s.handle()))
	}
	st := ndis.StatusSuccess
	if s.chance(20) {
		st = pick(s.rng, ndis.StatusFailure, ndis.StatusResources, ndis.StatusNotAccepted)
	}
	told := false
	if a.held == 0 && st != ndis.StatusResources && st != ndis.StatusFailure && s.fault(OpenToldEarly) {
		t.mark(OpenToldEarly, rule.OPEN13)
		a.odd = true
		s.tell(t, a, st)
		told = true
	}
	if r.b != nil && s.fault(OpenWrongVariant) {
		fn = ndis.NdisMCmOpenAddressFamilyComplete
		t.mark(OpenWrongVariant, rule.OPEN17)
	}
	t.await(func() bool { return a.held == 0 })
	a.manager = dead
	if st == ndis.StatusSuccess {
		a.manager, a.managerCtx = opened, s.handle()
	}
	r.asking--
	m := t.enter(fn, r.label(), statusIs(st), afIs(a.handle), contextIs(a.managerCtx))
	switch {
	case told:
	case s.mayHang(a.b) && s.fault(OpenUntold):
		s.hang(a)
		s.blame(a.frame, OpenUntold, rule.OPEN13)
	case st != ndis.StatusSuccess && s.fault(OpenStatusChanged):
		t.await(func() bool { return a.held == 0 })
		t.mark(OpenStatusChanged, rule.OPEN14)
		s.tell(t, a, ndis.StatusInvalidParameter)
	case s.chance(50):
		s.tell(t, a, st)
	default:
		s.spawn(func(t *task) {
			t.pause()
			s.tell(t, a, st)
		})
	}
	t.leave(m)
	if s.fault(OpenCompletedTwice) {
		a.odd = true
		t.mark(OpenCompletedTwice, rule.OPEN08)
		t.call(fn, r.label(), statusIs(st), afIs(a.handle), contextIs(a.managerCtx))
	}
}

// answer gives the client its status: as the return of its call, or PENDING and a
// completion.
func (s *sim) answer(t *task, a *simOpen, st ndis.Status) {
	af, state := uint64(0), dead
	if st == ndis.StatusSuccess {
		af, state = a.handle, opened
	}
	if s.chance(60) {
		s.endOpen(a, state)
		if af == 0 {
			t.leave(a.frame, statusIs(st))
		} else {
			t.leave(a.frame, statusIs(st), afIs(af))
		}
		if s.chance(50) {
			t.call(ndis.ProtocolClOpenAfCompleteEx, a.b.d.label, contextIs(a.ctx), afIs(af), statusIs(st), detailIs("caller", "self"))
		}
		if state == dead {
			s.spare(a)
		}
		s.use(a)
		return
	}
	if s.chance(30) {
		s.tell(t, a, st)
	} else {
		s.spawn(func(t *task) {
			t.pause()
			s.tell(t, a, st)
		})
	}
	t.pause()
	t.leave(a.frame, statusIs(ndis.StatusPending))
}

// tell is ProtocolClOpenAfCompleteEx, called by NDIS.
func (s *sim) tell(t *task, a *simOpen, st ndis.Status) {
	t.await(func() bool { return a.held == 0 })
	af, state := uint64(0), dead
	if st == ndis.StatusSuccess {
		af, state = a.handle, opened
	} else if s.fault(OpenHandleNotNull) {
		a.odd = true
		af = s.handle()
		t.mark(OpenHandleNotNull, rule.OPEN12)
	}
	s.endOpen(a, state)
	twice := s.fault(OpenToldTwice)
	a.odd = a.odd || twice
	if state == dead {
		s.spare(a)
	}
	told := []column{contextIs(a.ctx), afIs(af), statusIs(st), detailIs("caller", "ndis")}
	if twice {
		t.call(ndis.ProtocolClOpenAfCompleteEx, a.b.d.label, told...)
		t.mark(OpenToldTwice, rule.OPEN13)
	}
	t.call(ndis.ProtocolClOpenAfCompleteEx, a.b.d.label, told...)
	s.use(a)
}

// use starts what a client does with an open AF.
func (s *sim) use(a *simOpen) {
	a.settled = true
	if a.client != opened {
		return
	}
	s.spawn(func(t *task) {
		lives := s.rng.IntN(3)
		if s.o.Busy {
			lives = 1 + s.rng.IntN(5)
		}
		for range lives {
			if !s.o.Busy || s.chance(50) {
				t.linger()
			}
			t.await(func() bool { return a.claimed || len(a.b.opening) == 0 && a.manager == opened })
			if a.claimed || s.over() {
				return
			}
			a.working++
			switch {
			case s.o.Busy && s.chance(50):
				s.spawn(func(t *task) {
					s.operate(t, a)
					a.working--
				})
				continue
			case s.o.Busy:
				s.operate(t, a)
			case len(a.saps) > 0 && s.chance(50):
				s.deregisterSAP(t, a)
			case len(a.vcs) > 0 && s.chance(50):
				s.deleteVC(t, a, a.vcs[0])
			case s.chance(65) || !a.manages():
				s.registerSAP(t, a, "")
			default:
				s.createVC(t, a, false)
			}
			a.working--
		}
		t.linger()
		if !a.claimed && a.manager == opened && s.chance(35) {
			a.claimed = true
			s.closeOpen(t, a)
		}
	})
}
