package naive

import (
	"slices"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

type simSAP struct {
	handle, ctx, managerCtx uint64
	bytes                   string
	offered                 bool // the call manager may dispatch calls on it
}

// simVC is a VC and the call on it.
type simVC struct {
	handle, ctx      uint64
	managerCtx, mini uint64 // contexts of the call manager and of the miniport
	byManager        bool
	active           bool
	busy             int // activations, notices and other things under way
	activating       bool
	activations      int
	multipoint       bool
	parties          []*simParty
	working          int // operations of the call
	closeSeen        bool
	spoiled          bool // an incoming close had another status than SUCCESS
	left             bool // a fault has left it active after a call
}

type simParty struct{ handle, ctx, managerCtx uint64 }

// reused gives a value that a dead object of the same kind had, or a new one.
func (s *sim) reused(kind string) uint64 {
	if n := len(s.spares[kind]); n > 0 && s.chance(50) && len(s.planted) == 0 {
		v := s.spares[kind][n-1]
		s.spares[kind] = s.spares[kind][:n-1]
		return v
	}
	return s.handle()
}

func (s *sim) spareValue(kind string, v uint64) {
	if v != 0 {
		s.spares[kind] = append(s.spares[kind], v)
	}
}

// manages says that VCs of a can be made: a VC of a stand-alone call manager over an
// MCM's adapter would go through create handlers that an MCM leaves out.
func (a *simOpen) manages() bool { return a.r.b == nil || !a.b.a.mcm }

// operate is one life of a SAP, a VC or calls on an open AF.
func (s *sim) operate(t *task, a *simOpen) {
	switch n := s.rng.IntN(100); {
	case len(a.saps) > 0 && n < 25:
		s.deregisterSAP(t, a)
	case n < 45 || !a.manages():
		s.registerSAP(t, a, "")
	case n < 50:
		s.misuse(t, a)
	case n < 75 || !slices.ContainsFunc(a.offers, func(p *simSAP) bool { return p.offered }):
		s.outgoing(t, a)
	default:
		s.incoming(t, a)
	}
}

func (s *sim) registerSAP(t *task, a *simOpen, bytes string) {
	client, manager := a.b.d.label, a.r.label()
	p := &simSAP{handle: s.reused("sap"), ctx: s.reused(client + " sap"), managerCtx: s.reused(manager + " sap"), bytes: bytes}
	if p.bytes == "" {
		s.sapBytes++
		p.bytes = hexBytes(s.sapBytes)
	}
	r := &request{
		op: registerSAP, a: a, asker: client, asked: manager, byClient: true,
		ask: ndis.NdisClRegisterSap, complete: a.r.by(ndis.NdisCmRegisterSapComplete, ndis.NdisMCmRegisterSapComplete),
		status: ndis.StatusSuccess, nullInUpcall: SAPNullContext, nullInComplete: SAPCompletedNullContext,
		upcalled: []column{contextIs(p.managerCtx)}, done: []column{sapIs(p.handle)},
		completing: []column{sapIs(p.handle), contextIs(p.managerCtx)},
		asking:     []column{afIs(a.handle), contextIs(p.ctx), detailIs("sap_type", 1, "sap", p.bytes)},
		upcalling:  []column{contextIs(a.managerCtx), sapIs(p.handle), detailIs("sap_type", 1, "sap", p.bytes)},
		telling:    []column{contextIs(p.ctx), sapIs(p.handle)},
	}
	switch {
	case bytes != "":
		r.status = ndis.StatusInvalidData
	case s.chance(15):
		r.status = pick(s.rng, ndis.StatusInvalidData, ndis.StatusResources)
	}
	if other := s.holderOfSAP(a); bytes == "" && other != nil && s.fault(SAPTaken) {
		s.freeze(other)
		p.bytes = other.saps[0].bytes
		r.asking[2], r.upcalling[2] = detailIs("sap_type", 1, "sap", p.bytes), detailIs("sap_type", 1, "sap", p.bytes)
		r.status, r.bad = ndis.StatusSuccess, SAPTaken
	}
	if r.status != ndis.StatusSuccess {
		r.telling[1] = sapIs(0)
		r.answered = func() {
			s.spareValue("sap", p.handle)
			s.spareValue(manager+" sap", p.managerCtx)
		}
		s.request(t, r)
		s.spareValue(client+" sap", p.ctx)
		return
	}
	r.answered = func() { a.offers, p.offered = append(a.offers, p), true }
	r.settled = func() { a.saps = append(a.saps, p) }
	s.request(t, r)
}

// holderOfSAP is an open of another client with a SAP at the call manager of a.
func (s *sim) holderOfSAP(a *simOpen) *simOpen {
	for _, o := range s.opens {
		if o.b != a.b && o.b.d != a.b.d && o.r == a.r && o.quiet() && len(o.saps) > 0 && s.canFreeze(o) {
			return o
		}
	}
	return nil
}

func (s *sim) deregisterSAP(t *task, a *simOpen) {
	p := a.saps[0]
	a.saps = a.saps[1:]
	s.releaseSAP(t, a, p)
}

func (s *sim) releaseSAP(t *task, a *simOpen, p *simSAP) {
	client, manager := a.b.d.label, a.r.label()
	s.request(t, &request{
		op: deregisterSAP, a: a, asker: client, asked: manager, byClient: true, pends: true,
		ask: ndis.NdisClDeregisterSap, complete: a.r.by(ndis.NdisCmDeregisterSapComplete, ndis.NdisMCmDeregisterSapComplete),
		status: ndis.StatusSuccess, asking: []column{sapIs(p.handle)}, upcalling: []column{contextIs(p.managerCtx)},
		completing: []column{sapIs(p.handle)}, telling: []column{contextIs(p.ctx)},
		answered: func() {
			p.offered = false
			a.offers = slices.DeleteFunc(a.offers, func(o *simSAP) bool { return o == p })
		},
	})
	if s.fault(SAPDeregisteredTwice) {
		t.await(func() bool { return len(a.b.opening) == 0 })
		t.mark(SAPDeregisteredTwice, rule.SAP05)
		c := t.enter(ndis.NdisClDeregisterSap, client, sapIs(p.handle))
		t.leave(c, statusIs(pick(s.rng, ndis.StatusFailure, ndis.StatusPending)))
	}
	s.spareValue("sap", p.handle)
	s.spareValue(client+" sap", p.ctx)
	s.spareValue(manager+" sap", p.managerCtx)
}

// vcStep is a row pair of a nested create or delete.
type vcStep struct {
	fn    ndis.Func
	label string
	in    []column
	undo  ndis.Func
	ctx   uint64
	pend  Fault
	null  Fault
}

// createVC is NdisCoCreateVc or NdisMCmCreateVc; nil if it fails.
func (s *sim) createVC(t *task, a *simOpen, byManager bool) *simVC {
	client, manager, nic := a.b.d.label, a.r.label(), a.b.a.label
	v := &simVC{
		handle: s.reused("vc"), ctx: s.reused(client + " vc"), managerCtx: s.reused(manager + " vc"),
		byManager: byManager,
	}
	peer := vcStep{
		fn: ndis.ProtocolCoCreateVc, undo: ndis.ProtocolCoDeleteVc, label: manager, ctx: v.managerCtx,
		in: []column{contextIs(a.managerCtx), vcIs(v.handle)}, pend: CreatePended, null: CreateNullContext,
	}
	var c *frame
	switch {
	case byManager && a.r.b == nil:
		peer.label, peer.ctx, peer.in[0] = client, v.ctx, contextIs(a.ctx)
		c = t.enter(ndis.NdisMCmCreateVc, manager, adapterIs(a.r.a.handle), afIs(a.handle), contextIs(v.managerCtx), vcIs(0))
	case byManager:
		peer.label, peer.ctx, peer.in[0] = client, v.ctx, contextIs(a.ctx)
		c = t.enter(ndis.NdisCoCreateVc, manager, bindingIs(a.r.b.handle), afIs(a.handle), contextIs(v.managerCtx), vcIs(0))
	default:
		t.await(func() bool { return len(a.b.opening) == 0 })
		c = t.enter(ndis.NdisCoCreateVc, client, bindingIs(a.b.handle), afIs(a.handle), contextIs(v.ctx), vcIs(0))
	}
	steps := []vcStep{peer}
	if a.r.b != nil {
		v.mini = s.reused(nic + " vc")
		steps = append(steps, vcStep{
			fn: ndis.MiniportCoCreateVc, undo: ndis.MiniportCoDeleteVc, label: nic, ctx: v.mini,
			in: []column{contextIs(a.b.a.ctx), vcIs(v.handle)}, pend: MiniportCreatePended, null: MiniportCreateNullContext,
		})
	}
	s.rng.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
	frozen, strange, fails := false, false, -1
	if s.chance(8) {
		fails = s.rng.IntN(len(steps))
	}
	for i, step := range steps {
		if step.undo == ndis.ProtocolCoDeleteVc && s.canFreeze(a) && s.fault(CreatePeerUnasked) {
			s.freeze(a)
			frozen = true
			s.blame(c, CreatePeerUnasked, rule.VC02)
			continue
		}
		if step.undo == ndis.MiniportCoDeleteVc && s.miniportSeen(a) && s.canFreeze(a) && s.fault(CreateMiniportUnasked) {
			s.freeze(a)
			frozen = true
			s.blame(c, CreateMiniportUnasked, rule.VC02)
			continue
		}
		on := t
		if a.working == 1 && s.fault(CreateOnOtherThread) {
			on = &task{s: s, tid: s.newThread(), yield: t.yield}
			on.mark(CreateOnOtherThread, rule.VC02)
			strange = true
		}
		u := on.enter(step.fn, step.label, step.in...)
		if s.fault(step.pend) {
			s.blame(u, step.pend, rule.VC01)
			t.leave(u, statusIs(ndis.StatusPending))
			s.undo(t, steps[:i])
			t.leave(c, statusIs(ndis.StatusFailure))
			return nil
		}
		if i == fails && !frozen && !strange {
			t.leave(u, statusIs(ndis.StatusResources))
			s.undo(t, steps[:i])
			t.leave(c, statusIs(ndis.StatusResources))
			return nil
		}
		ctx := step.ctx
		if s.canFreeze(a) && s.fault(step.null) {
			s.freeze(a)
			ctx, frozen = 0, true
			s.blame(u, step.null, rule.VC15)
		}
		t.leave(u, statusIs(ndis.StatusSuccess), contextIs(ctx))
	}
	a.vcs = append(a.vcs, v)
	t.leave(c, statusIs(ndis.StatusSuccess), vcIs(v.handle))
	if frozen {
		t.stuck()
	}
	return v
}

// miniportSeen says that the trace shows callbacks of the adapter's miniport: where it shows
// none, they may not have been captured.
func (s *sim) miniportSeen(a *simOpen) bool {
	return slices.ContainsFunc(s.events, func(e format.Event) bool {
		return e.Function == ndis.MiniportCoCreateVc && e.Driver == a.b.a.label
	})
}

func (s *sim) newThread() uint64 { s.tids++; return s.tids }

func (s *sim) undo(t *task, steps []vcStep) {
	for _, step := range steps {
		u := t.enter(step.undo, step.label, contextIs(step.ctx))
		t.leave(u, statusIs(ndis.StatusSuccess))
	}
}

func (s *sim) deleteVC(t *task, a *simOpen, v *simVC) {
	client, manager, nic := a.b.d.label, a.r.label(), a.b.a.label
	t.await(func() bool { return v.busy == 0 && (v.byManager || len(a.b.opening) == 0) })
	deleter, other := client, manager
	fn := ndis.NdisCoDeleteVc
	if v.byManager {
		deleter, other = manager, client
		if a.r.b == nil {
			fn = ndis.NdisMCmDeleteVc
		}
	}
	if s.fault(DeletedByOther) {
		t.await(func() bool { return len(a.b.opening) == 0 })
		t.mark(DeletedByOther, rule.VC06)
		c := t.enter(ndis.NdisCoDeleteVc, other, vcIs(v.handle))
		t.leave(c, statusIs(ndis.StatusFailure))
		t.await(func() bool { return v.byManager || len(a.b.opening) == 0 })
	}
	if v.left {
		t.mark(CallLeftActive, rule.CALL14)
	}
	c := t.enter(fn, deleter, vcIs(v.handle))
	peer := vcStep{fn: ndis.ProtocolCoDeleteVc, label: other, ctx: v.ctx, pend: DeletePended}
	if !v.byManager {
		peer.ctx = v.managerCtx
	}
	steps := []vcStep{peer}
	if a.r.b != nil {
		steps = append(steps, vcStep{fn: ndis.MiniportCoDeleteVc, label: nic, ctx: v.mini, pend: MiniportDeletePended})
	}
	s.rng.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
	for _, step := range steps {
		if step.fn == ndis.ProtocolCoDeleteVc && s.fault(DeletePeerUnasked) {
			s.blame(c, DeletePeerUnasked, rule.VC02)
			continue
		}
		on := t
		if s.fault(DeleteOnOtherThread) {
			on = &task{s: s, tid: s.newThread(), yield: t.yield}
			on.mark(DeleteOnOtherThread, rule.VC02)
		}
		u := on.enter(step.fn, step.label, contextIs(step.ctx))
		if s.canFreeze(a) && s.fault(step.pend) {
			s.freeze(a)
			s.blame(u, step.pend, rule.VC01)
			t.leave(u, statusIs(ndis.StatusPending))
			t.leave(c, statusIs(ndis.StatusFailure))
			t.stuck()
		}
		t.leave(u, statusIs(ndis.StatusSuccess))
	}
	a.vcs = slices.DeleteFunc(a.vcs, func(o *simVC) bool { return o == v })
	t.leave(c, statusIs(ndis.StatusSuccess))
	if s.fault(DeletedVCUsed) {
		fn := ndis.NdisMCmActivateVc
		if a.r.b != nil {
			fn = ndis.NdisCmActivateVc
		}
		t.mark(DeletedVCUsed, rule.USE03)
		c := t.enter(fn, manager, vcIs(v.handle))
		t.leave(c, statusIs(ndis.StatusFailure))
	}
	if s.fault(MakeCallDeleted) {
		t.await(func() bool { return len(a.b.opening) == 0 })
		t.mark(MakeCallDeleted, rule.CALL01)
		c := t.enter(ndis.NdisClMakeCall, client, vcIs(v.handle), contextIs(0), detailIs("multipoint", false))
		t.leave(c, statusIs(ndis.StatusFailure))
	}
	s.spareValue("vc", v.handle)
	s.spareValue(client+" vc", v.ctx)
	s.spareValue(manager+" vc", v.managerCtx)
	s.spareValue(nic+" vc", v.mini)
}

// activate activates v, or activates it anew; it reports whether that succeeded. Unless
// another request waits for it, plant lets faults leave it unfinished.
func (s *sim) activate(t *task, a *simOpen, v *simVC, plant bool) bool {
	t.await(func() bool { return !v.activating })
	v.activating = true
	v.busy++
	v.activations++
	defer func() { v.activating = false; v.busy-- }()
	st := ndis.StatusSuccess
	if s.chance(15) {
		st = pick(s.rng, ndis.StatusResources, ndis.StatusInvalidData)
	}
	was := v.active
	ok := func() { v.active = v.active || st == ndis.StatusSuccess }
	manager := a.r.label()
	if a.r.b == nil {
		c := t.enter(ndis.NdisMCmActivateVc, manager, vcIs(v.handle))
		told := []column{statusIs(st), contextIs(v.managerCtx), detailIs("caller", "ndis")}
		switch {
		case s.chance(70):
			ok()
			t.leave(c, statusIs(st))
			if s.chance(30) {
				t.call(ndis.ProtocolCmActivateVcComplete, manager, told...)
			}
		default:
			t.leave(c, statusIs(ndis.StatusPending))
			ok()
			t.call(ndis.ProtocolCmActivateVcComplete, manager, told...)
		}
		return st == ndis.StatusSuccess
	}
	s.request(t, &request{
		op: activateVC, a: a, inner: !plant, asker: manager, asked: a.b.a.label, ask: ndis.NdisCmActivateVc, complete: ndis.NdisMCoActivateVcComplete,
		status: st, settled: ok, asking: []column{vcIs(v.handle)}, upcalling: []column{contextIs(v.mini)},
		completing: []column{vcIs(v.handle)}, telling: []column{contextIs(v.managerCtx)},
	})
	if plant && was && st != ndis.StatusSuccess && s.canFreeze(a) && s.fault(DeactivatedByNDIS) {
		s.freeze(a)
		t.mark(DeactivatedByNDIS, rule.VC10)
		u := t.enter(ndis.MiniportCoDeactivateVc, a.b.a.label, contextIs(v.mini))
		t.leave(u, statusIs(ndis.StatusSuccess))
		t.stuck()
	}
	return st == ndis.StatusSuccess
}

func (s *sim) deactivate(t *task, a *simOpen, v *simVC, plant bool) {
	t.await(func() bool { return !v.activating })
	if !v.active {
		return
	}
	v.activating = true
	v.busy++
	defer func() { v.activating = false; v.busy-- }()
	manager := a.r.label()
	if a.r.b == nil {
		c := t.enter(ndis.NdisMCmDeactivateVc, manager, vcIs(v.handle))
		v.active = false
		t.leave(c, statusIs(ndis.StatusSuccess))
		if s.chance(30) {
			t.call(ndis.ProtocolCmDeactivateVcComplete, manager, statusIs(ndis.StatusSuccess), contextIs(v.managerCtx), detailIs("caller", "ndis"))
		}
		again := s.fault(DeactivatedAgain)
		if again || s.chance(10) {
			st := ndis.StatusNotAccepted
			c := t.enter(ndis.NdisMCmDeactivateVc, manager, vcIs(v.handle))
			if again {
				st = ndis.StatusSuccess
				s.blame(c, DeactivatedAgain, rule.VC11)
			}
			t.leave(c, statusIs(st))
		}
		return
	}
	s.request(t, &request{
		op: deactivateVC, a: a, inner: !plant, asker: manager, asked: a.b.a.label, ask: ndis.NdisCmDeactivateVc, complete: ndis.NdisMCoDeactivateVcComplete,
		status: ndis.StatusSuccess, settled: func() { v.active = false }, asking: []column{vcIs(v.handle)},
		upcalling: []column{contextIs(v.mini)}, completing: []column{vcIs(v.handle)}, telling: []column{contextIs(v.managerCtx)},
	})
}

// outgoing is the life of a VC that the client creates.
func (s *sim) outgoing(t *task, a *simOpen) {
	v := s.createVC(t, a, false)
	if v == nil {
		return
	}
	if !a.b.d.manager && s.fault(ClientActivates) {
		t.mark(ClientActivates, rule.VC14)
		c := t.enter(pick(s.rng, ndis.NdisCmActivateVc, ndis.NdisCmDeactivateVc), a.b.d.label, vcIs(v.handle))
		t.leave(c, statusIs(ndis.StatusFailure))
	}
	if p := a.someOffer(); p != nil && s.fault(OfferOnClientVC) {
		t.mark(OfferOnClientVC, rule.CALL06)
		s.offerInVain(t, a, p.handle, v.handle)
	}
	for n := s.rng.IntN(3); n > 0 && !v.spoiled && !v.left; n-- {
		if s.placeCall(t, a, v) {
			s.converse(t, a, v)
			s.hangUpOrClose(t, a, v)
		}
	}
	s.deleteVC(t, a, v)
}

func (a *simOpen) someOffer() *simSAP {
	for _, p := range a.offers {
		if p.offered {
			return p
		}
	}
	return nil
}

// offerInVain is a dispatch that NDIS refuses.
func (s *sim) offerInVain(t *task, a *simOpen, sap, vc uint64) {
	c := t.enter(a.r.by(ndis.NdisCmDispatchIncomingCall, ndis.NdisMCmDispatchIncomingCall), a.r.label(), sapIs(sap), vcIs(vc))
	t.leave(c, statusIs(ndis.StatusFailure))
}

func (s *sim) newParty(a *simOpen) *simParty {
	return &simParty{handle: s.reused("party"), ctx: s.reused(a.b.d.label + " party"), managerCtx: s.reused(a.r.label() + " party")}
}

func (s *sim) spareParty(a *simOpen, p *simParty) {
	s.spareValue("party", p.handle)
	s.spareValue(a.b.d.label+" party", p.ctx)
	s.spareValue(a.r.label()+" party", p.managerCtx)
}

// placeCall is NdisClMakeCall to its end; it reports whether the call is there.
func (s *sim) placeCall(t *task, a *simOpen, v *simVC) bool {
	client, manager := a.b.d.label, a.r.label()
	v.multipoint, v.closeSeen, v.parties = s.chance(40), false, nil
	p := &simParty{}
	if v.multipoint {
		p = s.newParty(a)
	}
	r := &request{
		op: makeCall, a: a, asker: client, asked: manager, byClient: true,
		ask: ndis.NdisClMakeCall, complete: a.r.by(ndis.NdisCmMakeCallComplete, ndis.NdisMCmMakeCallComplete),
		status: ndis.StatusSuccess,
		asking: []column{vcIs(v.handle), contextIs(p.ctx), detailIs("multipoint", v.multipoint)}, done: []column{partyIs(p.handle)},
		upcalling: []column{contextIs(v.managerCtx), partyIs(p.handle)}, upcalled: []column{contextIs(p.managerCtx)},
		completing: []column{vcIs(v.handle), partyIs(p.handle), contextIs(p.managerCtx)},
		telling:    []column{contextIs(v.ctx), partyIs(p.handle)},
	}
	if s.chance(20) {
		r.status = pick(s.rng, ndis.StatusResources, ndis.StatusNotSupported, ndis.StatusFailure)
	}
	oddParty := false
	if !v.multipoint {
		switch {
		case s.canFreeze(a) && s.fault(PartyContextInCall):
			s.freeze(a)
			oddParty = true
			r.asking[1] = contextIs(s.handle())
			t.mark(PartyContextInCall, rule.PARTY08)
		case s.canFreeze(a) && s.fault(PartyHandleInCall):
			s.freeze(a)
			r.upcalling[1] = partyIs(s.handle())
			r.atUpcall = PartyHandleInCall
		}
	}
	r.work = func(t *task) {
		if r.status == ndis.StatusSuccess && s.canFreeze(a) && s.fault(CallNotActivated) {
			s.freeze(a)
			r.bad = CallNotActivated
			return
		}
		if r.call.out != 0 && s.fault(CallMadeAgain) {
			on := &task{s: s, tid: s.newThread(), yield: t.yield}
			on.mark(CallMadeAgain, rule.CALL02)
			c := on.enter(ndis.NdisClMakeCall, client, vcIs(v.handle), contextIs(0), detailIs("multipoint", false))
			on.leave(c, statusIs(ndis.StatusFailure))
		}
		if r.status == ndis.StatusSuccess || s.chance(50) {
			if !s.activate(t, a, v, false) && r.status == ndis.StatusSuccess {
				r.status = ndis.StatusResources
			}
			if r.status != ndis.StatusSuccess {
				s.deactivate(t, a, v, false)
			}
		}
		if r.status != ndis.StatusSuccess {
			r.telling[1] = partyIs(0)
			r.completing[2] = contextIs(0)
		}
	}
	s.request(t, r)
	if r.status != ndis.StatusSuccess {
		if v.multipoint {
			s.spareParty(a, p)
		}
		return false
	}
	if v.multipoint {
		v.parties = append(v.parties, p)
	}
	if r.bad != 0 || r.atUpcall != 0 || oddParty {
		t.stuck()
	}
	if s.fault(CallMadeAgain) {
		t.mark(CallMadeAgain, rule.CALL02)
		t.await(func() bool { return len(a.b.opening) == 0 })
		c := t.enter(ndis.NdisClMakeCall, client, vcIs(v.handle), contextIs(0), detailIs("multipoint", false))
		t.leave(c, statusIs(ndis.StatusFailure))
	}
	return true
}

// incoming is the life of a VC that the call manager creates.
func (s *sim) incoming(t *task, a *simOpen) {
	v := s.createVC(t, a, true)
	if v == nil {
		return
	}
	if s.fault(MakeCallOnManagersVC) {
		t.await(func() bool { return len(a.b.opening) == 0 })
		t.mark(MakeCallOnManagersVC, rule.CALL01)
		c := t.enter(ndis.NdisClMakeCall, a.b.d.label, vcIs(v.handle), contextIs(0), detailIs("multipoint", false))
		t.leave(c, statusIs(ndis.StatusFailure))
	}
	for n := s.rng.IntN(3); n > 0 && !v.left; n-- {
		if s.offer(t, a, v) {
			s.converse(t, a, v)
			s.hangUpOrClose(t, a, v)
			if s.fault(ManagersVCUsed) {
				t.await(func() bool { return len(a.b.opening) == 0 })
				t.mark(ManagersVCUsed, rule.CALL15)
				c := t.enter(ndis.NdisClCloseCall, a.b.d.label, vcIs(v.handle), partyIs(0))
				t.leave(c, statusIs(ndis.StatusFailure))
				break
			}
		}
	}
	if s.canFreeze(a) && s.faults[DeletedActive] > 0 && s.activate(t, a, v, false) {
		if s.canFreeze(a) && s.fault(DeletedActive) {
			s.freeze(a)
			fn := a.r.by(ndis.NdisCoDeleteVc, ndis.NdisMCmDeleteVc)
			c := t.enter(fn, a.r.label(), vcIs(v.handle))
			s.blame(c, DeletedActive, rule.VC07)
			u := t.enter(ndis.ProtocolCoDeleteVc, a.b.d.label, contextIs(v.ctx))
			t.leave(u, statusIs(ndis.StatusSuccess))
			if a.r.b != nil {
				u := t.enter(ndis.MiniportCoDeleteVc, a.b.a.label, contextIs(v.mini))
				t.leave(u, statusIs(ndis.StatusSuccess))
			}
			t.leave(c, statusIs(ndis.StatusSuccess))
			t.stuck()
		}
		s.deactivate(t, a, v, true)
	}
	s.deleteVC(t, a, v)
}

// offer is a dispatched call to the client's answer; it reports whether the call is there.
func (s *sim) offer(t *task, a *simOpen, v *simVC) bool {
	client, manager := a.b.d.label, a.r.label()
	v.multipoint, v.closeSeen = false, false
	if !s.activate(t, a, v, true) {
		return false
	}
	p := a.someOffer()
	if p == nil {
		s.deactivate(t, a, v, true)
		return false
	}
	if s.fault(OfferUnknownSAP) {
		t.mark(OfferUnknownSAP, rule.CALL07)
		sap := s.handle()
		if n := len(s.spares["sap"]); n > 0 && s.chance(50) {
			sap = s.spares["sap"][n-1]
		}
		s.offerInVain(t, a, sap, v.handle)
	}
	if o := s.otherOpen(a); o != nil && s.fault(OfferForOtherAF) {
		s.freeze(o)
		t.mark(OfferForOtherAF, rule.CALL06)
		s.offerInVain(t, a, o.someOffer().handle, v.handle)
	}
	if p = a.someOffer(); p == nil {
		s.deactivate(t, a, v, true)
		return false
	}
	connect := func(t *task) {
		fn := a.r.by(ndis.NdisCmDispatchCallConnected, ndis.NdisMCmDispatchCallConnected)
		c := t.enter(fn, manager, vcIs(v.handle))
		t.call(ndis.ProtocolClCallConnected, client, contextIs(v.ctx))
		t.leave(c)
	}
	r := &request{
		op: offerCall, a: a, asker: manager, asked: client,
		ask:      a.r.by(ndis.NdisCmDispatchIncomingCall, ndis.NdisMCmDispatchIncomingCall),
		complete: ndis.NdisClIncomingCallComplete, status: ndis.StatusSuccess,
		asking: []column{sapIs(p.handle), vcIs(v.handle)}, upcalling: []column{contextIs(p.ctx), context2Is(v.ctx)},
		completing: []column{vcIs(v.handle)}, telling: []column{contextIs(v.managerCtx)},
	}
	r.work = func(t *task) {
		if r.upcall.out != 0 && s.fault(ConnectedEarly) {
			c := a.r.by(ndis.NdisCmDispatchCallConnected, ndis.NdisMCmDispatchCallConnected)
			on := &task{s: s, tid: s.newThread(), yield: t.yield}
			on.mark(ConnectedEarly, rule.CALL09)
			f := on.enter(c, manager, vcIs(v.handle))
			on.leave(f)
		}
		if r.call.out != 0 && s.fault(OfferedAgain) {
			on := &task{s: s, tid: s.newThread(), yield: t.yield}
			on.mark(OfferedAgain, rule.CALL02)
			f := on.enter(r.ask, manager, sapIs(p.handle), vcIs(v.handle))
			on.leave(f, statusIs(ndis.StatusFailure))
		}
	}
	if s.chance(25) {
		r.status = pick(s.rng, ndis.StatusFailure, ndis.StatusNotAccepted)
	}
	s.request(t, r)
	if r.status != ndis.StatusSuccess {
		if s.fault(ConnectedRejected) {
			t.mark(ConnectedRejected, rule.CALL09)
			c := t.enter(a.r.by(ndis.NdisCmDispatchCallConnected, ndis.NdisMCmDispatchCallConnected), manager, vcIs(v.handle))
			t.leave(c)
		}
		s.deactivate(t, a, v, true)
		return false
	}
	if s.canFreeze(a) && s.fault(ConnectedInactive) {
		s.freeze(a)
		s.deactivate(t, a, v, true)
		t.mark(ConnectedInactive, rule.CALL09)
		connect(t)
		t.stuck()
	}
	connect(t)
	if i := slices.Index(a.saps, p); i >= 0 && s.canFreeze(a) && s.fault(SAPEndsCall) {
		s.freeze(a)
		t.await(func() bool { return len(a.b.opening) == 0 })
		a.saps, p.offered = slices.Delete(a.saps, i, i+1), false
		c := t.enter(ndis.NdisClDeregisterSap, client, sapIs(p.handle))
		u := t.enter(ndis.ProtocolCmDeregisterSap, manager, contextIs(p.managerCtx))
		t.leave(u, statusIs(ndis.StatusSuccess))
		t.mark(SAPEndsCall, rule.SAP07)
		t.call(ndis.ProtocolClIncomingCloseCall, client, contextIs(v.ctx), statusIs(ndis.StatusFailure))
		t.leave(c, statusIs(ndis.StatusPending))
		t.call(ndis.ProtocolClDeregisterSapComplete, client, statusIs(ndis.StatusSuccess), contextIs(p.ctx), detailIs("caller", "ndis"))
		t.stuck()
	}
	return true
}

// otherOpen is another open with a SAP at the call manager of a.
func (s *sim) otherOpen(a *simOpen) *simOpen {
	for _, o := range s.opens {
		if o != a && o.r != nil && o.r == a.r && o.quiet() && o.someOffer() != nil && s.canFreeze(o) {
			return o
		}
	}
	return nil
}

// converse is what happens in a call.
func (s *sim) converse(t *task, a *simOpen, v *simVC) {
	does := func(f func(*task)) {
		v.working++
		if s.chance(50) {
			f(t)
			v.working--
			return
		}
		s.spawn(func(t *task) {
			f(t)
			v.working--
		})
	}
	if !v.multipoint && !v.byManager && s.fault(PartyInPlainCall) {
		t.await(func() bool { return len(a.b.opening) == 0 })
		t.mark(PartyInPlainCall, rule.PARTY01)
		c := t.enter(ndis.NdisClAddParty, a.b.d.label, vcIs(v.handle), contextIs(s.handle()))
		t.leave(c, statusIs(ndis.StatusFailure))
	}
	if v.multipoint && len(v.parties) == 1 {
		switch p := v.parties[0]; {
		case s.fault(LastPartyLeaves):
			t.mark(LastPartyLeaves, rule.PARTY05)
			c := t.enter(a.r.by(ndis.NdisCmDispatchIncomingDropParty, ndis.NdisMCmDispatchIncomingDropParty), a.r.label(),
				partyIs(p.handle), statusIs(ndis.StatusSuccess))
			t.leave(c)
		case s.canFreeze(a) && s.fault(LastPartyDropped):
			s.freeze(a)
			s.partOf(t, a, v, p, LastPartyDropped)
			t.stuck()
		}
	}
	if s.chance(40) {
		does(func(t *task) { s.modify(t, a, v) })
	}
	if s.chance(25) {
		does(func(t *task) { s.changeQoS(t, a, v) })
	}
	if v.multipoint {
		for n := s.rng.IntN(4); n > 0; n-- {
			does(func(t *task) { s.join(t, a, v) })
		}
	}
	t.await(func() bool { return v.working == 0 })
}

// modify is a change of QoS that the client asks for.
func (s *sim) modify(t *task, a *simOpen, v *simVC) {
	before, alone := v.activations, v.working == 1
	r := &request{
		op: modifyQoS, a: a, asker: a.b.d.label, asked: a.r.label(), byClient: true,
		ask: ndis.NdisClModifyCallQoS, complete: a.r.by(ndis.NdisCmModifyCallQoSComplete, ndis.NdisMCmModifyCallQoSComplete),
		status: ndis.StatusSuccess, asking: []column{vcIs(v.handle)}, upcalling: []column{contextIs(v.managerCtx)},
		completing: []column{vcIs(v.handle)}, telling: []column{contextIs(v.ctx)},
	}
	if s.chance(20) {
		r.status = pick(s.rng, ndis.StatusInvalidData, ndis.StatusFailure)
	}
	r.work = func(t *task) {
		switch {
		case r.status != ndis.StatusSuccess:
		case alone && before == v.activations && !v.activating && s.fault(QoSNotActivated):
			r.bad = QoSNotActivated
		case !s.activate(t, a, v, false):
			r.status = ndis.StatusFailure
		}
	}
	s.request(t, r)
}

// changeQoS is a change of QoS that the call manager tells.
func (s *sim) changeQoS(t *task, a *simOpen, v *simVC) {
	if !s.activate(t, a, v, v.working == 1) {
		return
	}
	c := t.enter(a.r.by(ndis.NdisCmDispatchIncomingCallQoSChange, ndis.NdisMCmDispatchIncomingCallQoSChange), a.r.label(), vcIs(v.handle))
	t.call(ndis.ProtocolClIncomingCallQoSChange, a.b.d.label, contextIs(v.ctx))
	t.leave(c)
}

// join adds a party, which may leave again.
func (s *sim) join(t *task, a *simOpen, v *simVC) {
	p := s.newParty(a)
	r := &request{
		op: addParty, a: a, asker: a.b.d.label, asked: a.r.label(), byClient: true,
		ask: ndis.NdisClAddParty, complete: a.r.by(ndis.NdisCmAddPartyComplete, ndis.NdisMCmAddPartyComplete),
		status: ndis.StatusSuccess, nullInUpcall: PartyNullContext, nullInComplete: PartyCompletedNullContext,
		asking: []column{vcIs(v.handle), contextIs(p.ctx)}, upcalling: []column{contextIs(v.managerCtx), partyIs(p.handle)},
		done: []column{partyIs(p.handle)}, upcalled: []column{contextIs(p.managerCtx)},
		completing: []column{partyIs(p.handle), contextIs(p.managerCtx)}, telling: []column{contextIs(p.ctx), partyIs(p.handle)},
	}
	if s.chance(20) {
		r.status = pick(s.rng, ndis.StatusResources, ndis.StatusNotSupported)
		r.telling[1], r.completing[1] = partyIs(0), contextIs(0)
	}
	s.request(t, r)
	if r.status != ndis.StatusSuccess {
		s.spareParty(a, p)
		return
	}
	if r.nulled {
		t.stuck()
	}
	v.parties = append(v.parties, p)
	if s.chance(30) {
		s.leaves(t, a, v, p)
	}
}

// leaves is a party that leaves a call in which others stay.
func (s *sim) leaves(t *task, a *simOpen, v *simVC, p *simParty) {
	if len(v.parties) < 2 {
		return
	}
	v.parties = slices.DeleteFunc(v.parties, func(o *simParty) bool { return o == p })
	if s.chance(50) {
		s.part(t, a, v, p)
		return
	}
	c := t.enter(a.r.by(ndis.NdisCmDispatchIncomingDropParty, ndis.NdisMCmDispatchIncomingDropParty), a.r.label(),
		partyIs(p.handle), statusIs(pick(s.rng, ndis.StatusSuccess, ndis.StatusFailure)))
	u := t.enter(ndis.ProtocolClIncomingDropParty, a.b.d.label, contextIs(p.ctx), statusIs(ndis.StatusSuccess))
	if a.working == 1 && v.working == 1 && s.canFreeze(a) && s.fault(LeavingIgnored) {
		s.freeze(a)
		t.leave(u)
		t.leave(c)
		t.await(func() bool { return len(a.b.opening) == 0 })
		t.mark(LeavingIgnored, rule.PARTY06)
		t.mark(LeavingIgnored, rule.CLOSE02)
		k := t.enter(ndis.NdisClCloseAddressFamily, a.b.d.label, afIs(a.handle))
		t.leave(k, statusIs(ndis.StatusFailure))
		t.stuck()
	}
	if s.chance(40) {
		s.part(t, a, v, p)
		t.leave(u)
		t.leave(c)
		return
	}
	t.leave(u)
	t.leave(c)
	s.part(t, a, v, p)
}

// part drops a party, which is not the last one.
func (s *sim) part(t *task, a *simOpen, v *simVC, p *simParty) {
	for !s.partOf(t, a, v, p, 0) {
	}
	if s.fault(PartyDroppedTwice) {
		t.await(func() bool { return len(a.b.opening) == 0 })
		t.mark(PartyDroppedTwice, rule.PARTY07)
		c := t.enter(ndis.NdisClDropParty, a.b.d.label, partyIs(p.handle))
		t.leave(c, statusIs(ndis.StatusFailure))
	}
	if s.fault(DroppedPartyUsed) {
		t.mark(DroppedPartyUsed, rule.USE04)
		c := t.enter(a.r.by(ndis.NdisCmDispatchIncomingDropParty, ndis.NdisMCmDispatchIncomingDropParty), a.r.label(),
			partyIs(p.handle), statusIs(ndis.StatusSuccess))
		t.leave(c)
	}
	s.spareParty(a, p)
}

func (s *sim) partOf(t *task, a *simOpen, v *simVC, p *simParty, f Fault) bool {
	r := &request{
		op: dropParty, a: a, asker: a.b.d.label, asked: a.r.label(), byClient: true, bad: f,
		ask: ndis.NdisClDropParty, complete: a.r.by(ndis.NdisCmDropPartyComplete, ndis.NdisMCmDropPartyComplete),
		status: ndis.StatusSuccess, asking: []column{partyIs(p.handle)}, upcalling: []column{contextIs(p.managerCtx)},
		completing: []column{partyIs(p.handle)}, telling: []column{contextIs(p.ctx)},
	}
	if f == 0 && s.chance(8) {
		r.status = ndis.StatusInvalidData
	}
	s.request(t, r)
	return r.status == ndis.StatusSuccess
}

// hangUpOrClose ends a call: the client closes it, by itself or because the call manager
// said that the other end has.
func (s *sim) hangUpOrClose(t *task, a *simOpen, v *simVC) {
	hangUp := func(t *task, answer func(*task)) {
		st := ndis.StatusSuccess
		if s.chance(30) {
			st, v.spoiled = ndis.StatusFailure, true
		}
		c := t.enter(a.r.by(ndis.NdisCmDispatchIncomingCloseCall, ndis.NdisMCmDispatchIncomingCloseCall), a.r.label(), vcIs(v.handle), statusIs(st))
		u := t.enter(ndis.ProtocolClIncomingCloseCall, a.b.d.label, contextIs(v.ctx), statusIs(st))
		if answer != nil {
			answer(t)
		}
		t.leave(u)
		t.leave(c)
	}
	if len(v.parties) > 1 && s.canFreeze(a) && s.fault(ClosedWithParties) {
		s.freeze(a)
		t.await(func() bool { return len(a.b.opening) == 0 })
		t.mark(ClosedWithParties, rule.CALL16)
		c := t.enter(ndis.NdisClCloseCall, a.b.d.label, vcIs(v.handle), partyIs(v.parties[0].handle))
		u := t.enter(ndis.ProtocolCmCloseCall, a.r.label(), contextIs(v.managerCtx), context2Is(v.parties[0].managerCtx))
		st := pick(s.rng, ndis.StatusSuccess, ndis.StatusFailure)
		if st == ndis.StatusSuccess {
			s.blame(u, ClosedWithParties, rule.CALL16)
		}
		t.leave(u, statusIs(st))
		t.leave(c, statusIs(st))
		t.stuck()
	}
	end := func(t *task) {
		for len(v.parties) > 1 {
			p := v.parties[len(v.parties)-1]
			v.parties = v.parties[:len(v.parties)-1]
			s.part(t, a, v, p)
		}
		for !s.endCall(t, a, v) {
		}
	}
	switch n := s.rng.IntN(100); {
	case n < 45:
		end(t)
	case n < 60:
		v.busy++
		s.spawn(func(t *task) {
			t.pause()
			if !v.closeSeen {
				hangUp(t, nil)
			}
			v.busy--
		})
		end(t)
	case n < 80:
		hangUp(t, end)
	default:
		hangUp(t, nil)
		if a.working == 1 && s.canFreeze(a) && s.fault(HangUpIgnored) {
			s.freeze(a)
			t.await(func() bool { return len(a.b.opening) == 0 })
			t.mark(HangUpIgnored, rule.CALL11)
			k := t.enter(ndis.NdisClCloseAddressFamily, a.b.d.label, afIs(a.handle))
			t.leave(k, statusIs(ndis.StatusFailure))
			t.stuck()
		}
		end(t)
	}
	t.await(func() bool { return v.busy == 0 })
}

// endCall is NdisClCloseCall to its end.
func (s *sim) endCall(t *task, a *simOpen, v *simVC) bool {
	p := &simParty{}
	if len(v.parties) > 0 {
		p = v.parties[0]
	}
	late := false
	r := &request{
		op: closeCall, a: a, asker: a.b.d.label, asked: a.r.label(), byClient: true,
		ask: ndis.NdisClCloseCall, complete: a.r.by(ndis.NdisCmCloseCallComplete, ndis.NdisMCmCloseCallComplete),
		status: ndis.StatusSuccess, asking: []column{vcIs(v.handle), partyIs(p.handle)},
		upcalling:  []column{contextIs(v.managerCtx), context2Is(p.managerCtx)},
		completing: []column{vcIs(v.handle), partyIs(p.handle)}, telling: []column{contextIs(v.ctx), context2Is(p.ctx)},
		atCall: func() { v.closeSeen = true },
	}
	if s.chance(6) {
		r.status = ndis.StatusInvalidData
	}
	r.work = func(t *task) {
		if r.status != ndis.StatusSuccess {
			return
		}
		if !v.byManager && s.fault(CallLeftActive) {
			v.left = true
			return
		}
		if late = s.chance(25); !late {
			s.deactivate(t, a, v, false)
		}
	}
	s.request(t, r)
	if r.status != ndis.StatusSuccess {
		return false
	}
	if late {
		s.deactivate(t, a, v, true)
	}
	if len(v.parties) > 0 {
		s.spareParty(a, p)
		v.parties = nil
	}
	return true
}

// misuse is a fault that needs no object.
func (s *sim) misuse(t *task, a *simOpen) {
	client := a.b.d.label
	t.await(func() bool { return len(a.b.opening) == 0 })
	refused := func(fn ndis.Func, cols ...column) {
		c := t.enter(fn, client, cols...)
		t.leave(c, statusIs(ndis.StatusFailure))
	}
	switch {
	case s.fault(SAPOnUnknownAF):
		t.mark(SAPOnUnknownAF, rule.SAP01)
		refused(ndis.NdisClRegisterSap, afIs(s.handle()), contextIs(s.handle()))
	case s.canFreeze(a) && s.fault(CreateOnUnknownAF):
		c := t.enter(ndis.NdisCoCreateVc, client, bindingIs(a.b.handle), afIs(s.handle()), contextIs(s.handle()), vcIs(0))
		s.blame(c, CreateOnUnknownAF, rule.VC04)
		t.leave(c, statusIs(ndis.StatusSuccess), vcIs(s.handle()))
	case !a.b.d.manager && s.fault(CreateWithoutAF):
		t.mark(CreateWithoutAF, rule.VC05)
		refused(ndis.NdisCoCreateVc, bindingIs(a.b.handle), afIs(0), contextIs(s.handle()), vcIs(0))
	case s.fault(MakeCallUnknown):
		t.mark(MakeCallUnknown, rule.CALL01)
		refused(ndis.NdisClMakeCall, vcIs(s.handle()), contextIs(0), detailIs("multipoint", false))
	default:
		s.signal(t, a)
	}
}

// signal is the life of a signaling VC, which a stand-alone call manager has for itself.
func (s *sim) signal(t *task, a *simOpen) {
	if a.r.b == nil || !a.manages() {
		return
	}
	v := &simVC{handle: s.reused("vc"), managerCtx: s.reused(a.r.label() + " vc"), mini: s.reused(a.b.a.label + " vc"), byManager: true}
	c := t.enter(ndis.NdisCoCreateVc, a.r.label(), bindingIs(a.r.b.handle), afIs(0), contextIs(v.managerCtx), vcIs(0))
	u := t.enter(ndis.MiniportCoCreateVc, a.b.a.label, contextIs(a.b.a.ctx), vcIs(v.handle))
	t.leave(u, statusIs(ndis.StatusSuccess), contextIs(v.mini))
	t.leave(c, statusIs(ndis.StatusSuccess), vcIs(v.handle))
	if s.activate(t, a, v, true) {
		s.deactivate(t, a, v, true)
	}
	c = t.enter(ndis.NdisCoDeleteVc, a.r.label(), vcIs(v.handle))
	u = t.enter(ndis.MiniportCoDeleteVc, a.b.a.label, contextIs(v.mini))
	t.leave(u, statusIs(ndis.StatusSuccess))
	t.leave(c, statusIs(ndis.StatusSuccess))
	s.spareValue("vc", v.handle)
	s.spareValue(a.r.label()+" vc", v.managerCtx)
	s.spareValue(a.b.a.label+" vc", v.mini)
}
