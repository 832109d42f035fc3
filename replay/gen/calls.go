package gen

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// --- AF opens ---

func (w *world) notified(b *binding, af uint32) func(*task) {
	b.told++
	return func(t *task) {
		m := w.families[af]
		if b.m != nil || m == nil || !w.chance(w.o.opens) {
			return
		}
		t.wait(func() bool { return b.leaving || m.leaving || !b.opening && b.ops == 0 })
		if b.leaving || m.leaving {
			return
		}
		o := &open{b: b, m: m, family: af}
		o.ctx = w.context(o)
		b.opening = true
		b.opens++
		m.opening++
		e := t.call(with(with(family(ev(ndis.NdisClOpenAddressFamilyEx, b.d.label), af), format.HasBinding, b.handle), format.HasContext, o.ctx))
		if st(&e) != ndis.StatusPending {
			w.opened(o, st(&e), e.AF)
		}
	}
}

func (w *world) opened(o *open, s ndis.Status, handle uint64) {
	o.b.opening = false
	o.m.opening--
	if s != ndis.StatusSuccess {
		o.b.opens--
		return
	}
	o.handle, o.b.some = handle, true
	o.m.served = append(o.m.served, o)
	w.spawn(func(t *task) { w.use(t, o) })
}

func (w *world) cmOpen(f *replay.Frame, a *format.Event) func(*task) {
	o := object[*open](w, f.Below().Row.Context)
	o.mctx = w.context(o)
	af := f.Row.AF
	outcome, ctx := ndis.StatusSuccess, o.mctx
	// A client of which every open fails is advised to have itself unbound.
	if o.b.some && w.chance(w.o.refuse) {
		outcome, ctx = []ndis.Status{ndis.StatusResources, ndis.StatusFailure, ndis.StatusNotSupported}[w.rng.IntN(3)], 0
	}
	if !w.chance(w.o.pend) {
		*a = answer(outcome)
		if outcome == ndis.StatusSuccess {
			*a = with(*a, format.HasContext, ctx)
		}
		return nil
	}
	*a = answer(ndis.StatusPending)
	w.spawn(func(t *task) {
		t.wait(func() bool { return o.pended })
		t.pause(3000)
		t.manage(o.m, with(with(status(ev(o.m.by(ndis.NdisCmOpenAddressFamilyComplete, ndis.NdisMCmOpenAddressFamilyComplete), o.m.label),
			outcome), format.HasAF, af), format.HasContext, ctx))
	})
	return nil
}

func (w *world) cmClose(o *open, a *format.Event) func(*task) {
	gone := func() {
		o.gone = true
		o.m.served = slices.DeleteFunc(o.m.served, func(x *open) bool { return x == o })
	}
	if !w.chance(w.o.pend) {
		gone()
		*a = answer(ndis.StatusSuccess)
		return nil
	}
	*a = answer(ndis.StatusPending)
	w.spawn(func(t *task) {
		t.wait(func() bool { return o.closePend })
		t.pause(2000)
		t.manage(o.m, with(status(ev(o.m.by(ndis.NdisCmCloseAddressFamilyComplete, ndis.NdisMCmCloseAddressFamilyComplete), o.m.label),
			ndis.StatusSuccess), format.HasAF, o.handle))
		gone()
	})
	return nil
}

// leaves says that the client is to give up o.
func (o *open) leaves() bool { return o.b.leaving || o.asked || o.m.leaving }

// use is what a client does with an AF, up to the close.
func (w *world) use(t *task, o *open) {
	p := w.o
	for range p.work[0] + w.rng.IntN(p.work[1]-p.work[0]+1) {
		t.pause(3000)
		if o.leaves() {
			break
		}
		switch n := w.rng.IntN(p.sapShare + p.callShare + p.multiShare + p.oidShare); {
		case n < p.sapShare:
			if len(o.saps) < 3 && (len(o.saps) == 0 || w.chance(50)) {
				w.registerSAP(t, o)
			} else {
				w.deregisterSAP(t, o.saps[0])
			}
		case n < p.sapShare+p.callShare:
			w.dial(t, o, false)
		case n < p.sapShare+p.callShare+p.multiShare:
			w.dial(t, o, true)
		default:
			w.query(t, o)
		}
	}
	if !w.chance(p.closeEarly) {
		t.wait(o.leaves)
	}
	o.closing = true
	t.wait(func() bool { return o.incoming == 0 && o.busy == 0 && (!o.asking || o.asked) })
	for len(o.saps) > 0 {
		w.deregisterSAP(t, o.saps[0])
	}
	e := t.client(o.b, with(ev(ndis.NdisClCloseAddressFamily, o.b.d.label), format.HasAF, o.handle))
	if st(&e) == ndis.StatusPending {
		t.wait(func() bool { return o.closed })
	}
	if o.asked {
		t.client(o.b, with(status(ev(ndis.NdisClNotifyCloseAddressFamilyComplete, o.b.d.label), ndis.StatusSuccess), format.HasAF, o.handle))
	}
	o.b.opens--
}

// --- SAPs ---

func (w *world) registerSAP(t *task, o *open) {
	if o.asking {
		return
	}
	o.registering = true
	defer func() { o.registering = false }()
	w.sapText++
	s := &sap{o: o, text: strconv.FormatInt(int64(0x10000+w.sapText), 16)}
	s.text = s.text + s.text[len(s.text)%2:]
	s.text = s.text[:len(s.text)&^1]
	s.ctx = w.context(s)
	e := t.client(o.b, detail(with(with(ev(ndis.NdisClRegisterSap, o.b.d.label), format.HasAF, o.handle), format.HasContext, s.ctx),
		`{"sap":"`+s.text+`","sap_type":1}`))
	if st(&e) == ndis.StatusPending {
		t.wait(func() bool { return s.done })
	} else {
		s.status, s.handle = st(&e), e.SAP
	}
	if s.status != ndis.StatusSuccess {
		return
	}
	s.done = false
	o.saps = append(o.saps, s)
	if w.chance(w.o.incoming) {
		w.ring(s)
	}
}

func (w *world) cmRegisterSAP(f *replay.Frame, a *format.Event) func(*task) {
	s := object[*sap](w, f.Below().Row.Context)
	s.mctx = w.context(s)
	m, handle := s.o.m, f.Row.SAP
	if !w.chance(w.o.pend) {
		if w.chance(5) {
			*a = answer(ndis.StatusResources)
			return nil
		}
		*a = with(answer(ndis.StatusSuccess), format.HasContext, s.mctx)
		return nil
	}
	*a = answer(ndis.StatusPending)
	m.jobs++
	w.spawn(func(t *task) {
		t.wait(func() bool { return s.pended })
		s.pended = false
		t.pause(2000)
		t.manage(m, with(with(status(ev(m.by(ndis.NdisCmRegisterSapComplete, ndis.NdisMCmRegisterSapComplete), m.label), ndis.StatusSuccess),
			format.HasSAP, handle), format.HasContext, s.mctx))
		m.jobs--
	})
	return nil
}

func (w *world) deregisterSAP(t *task, s *sap) {
	o := s.o
	s.leaving = true
	o.saps = slices.DeleteFunc(o.saps, func(x *sap) bool { return x == s })
	t.wait(func() bool { return s.users == 0 })
	e := t.client(o.b, with(ev(ndis.NdisClDeregisterSap, o.b.d.label), format.HasSAP, s.handle))
	if st(&e) == ndis.StatusPending {
		t.wait(func() bool { return s.done })
	}
}

func (w *world) cmDeregisterSAP(s *sap, a *format.Event) func(*task) {
	if !w.chance(w.o.pend) {
		*a = answer(ndis.StatusSuccess)
		return nil
	}
	*a = answer(ndis.StatusPending)
	m := s.o.m
	m.jobs++
	w.spawn(func(t *task) {
		t.wait(func() bool { return s.pended })
		t.pause(1000)
		t.manage(m, with(status(ev(m.by(ndis.NdisCmDeregisterSapComplete, ndis.NdisMCmDeregisterSapComplete), m.label), ndis.StatusSuccess),
			format.HasSAP, s.handle))
		m.jobs--
	})
	return nil
}

// --- VCs ---

func (w *world) activate(t *task, v *vc) ndis.Status {
	v.acting = true
	e := ev(v.m.by(ndis.NdisCmActivateVc, ndis.NdisMCmActivateVc), v.m.label)
	r := t.manage(v.m, detail(with(e, format.HasVC, v.handle), v.parameters()))
	return w.switched(t, v, &r)
}

func (w *world) deactivate(t *task, v *vc) ndis.Status {
	v.acting = true
	e := ev(v.m.by(ndis.NdisCmDeactivateVc, ndis.NdisMCmDeactivateVc), v.m.label)
	r := t.manage(v.m, with(e, format.HasVC, v.handle))
	return w.switched(t, v, &r)
}

func (w *world) switched(t *task, v *vc, r *format.Event) ndis.Status {
	if st(r) == ndis.StatusPending {
		t.wait(func() bool { return !v.acting })
		return v.actStatus
	}
	v.acting = false
	return st(r)
}

// parameters of the call, a digest that changes with QoS.
func (v *vc) parameters() string {
	return `{"call_params":"` + strconv.FormatUint(0xa0000000+v.ctx&0xffff<<4+uint64(v.params), 16) + `"}`
}

func (w *world) miniportSwitches(f *replay.Frame, a *format.Event) func(*task) {
	v := object[*vc](w, f.Row.Context)
	if !w.chance(w.o.pend) {
		*a = answer(ndis.StatusSuccess)
		return nil
	}
	*a = answer(ndis.StatusPending)
	fn := ndis.NdisMCoActivateVcComplete
	if f.Function == ndis.MiniportCoDeactivateVc {
		fn = ndis.NdisMCoDeactivateVcComplete
	}
	w.spawn(func(t *task) {
		t.wait(func() bool { return v.actPend })
		v.actPend = false
		t.pause(1500)
		t.call(w.raised(with(status(ev(fn, w.nicLabel), ndis.StatusSuccess), format.HasVC, v.handle)))
	})
	return nil
}

// --- calls that go out ---

// dial makes a call and ends it, and deletes the VC.
func (w *world) dial(t *task, o *open, multi bool) {
	v := &vc{o: o, m: o.m}
	v.ctx = w.context(v)
	label := o.b.d.label
	e := t.client(o.b, with(with(with(with(ev(ndis.NdisCoCreateVc, label), format.HasBinding, o.b.handle), format.HasAF, o.handle),
		format.HasVC, 0), format.HasContext, v.ctx))
	if st(&e) != ndis.StatusSuccess {
		return
	}
	v.handle = e.VC
	for w.talk(t, v, multi) && w.chance(25) && !o.leaves() {
		*v = vc{o: v.o, m: v.m, ctx: v.ctx, mctx: v.mctx, mp: v.mp, handle: v.handle}
	}
	t.client(o.b, with(ev(ndis.NdisCoDeleteVc, label), format.HasVC, v.handle))
}

// talk is one call; false says that it failed.
func (w *world) talk(t *task, v *vc, multi bool) bool {
	o := v.o
	label := o.b.d.label
	v.params = 1
	e := with(with(ev(ndis.NdisClMakeCall, label), format.HasVC, v.handle), format.HasContext, 0)
	d := v.parameters()
	if multi {
		v.last = w.party(v)
		e = with(e, format.HasContext, v.last.ctx)
		d = strings.TrimSuffix(d, "}") + `,"multipoint":true}`
	}
	r := t.client(o.b, detail(e, d))
	if st(&r) == ndis.StatusPending {
		t.wait(func() bool { return v.done })
		v.done = false
	} else {
		v.status = st(&r)
		if multi {
			v.last.handle = r.Party
		}
	}
	if v.status != ndis.StatusSuccess {
		return false
	}
	v.connected = true
	if multi {
		v.parties = append(v.parties, v.last)
	}
	w.transfer(t, v)
	for range w.rng.IntN(w.o.changes + 1) {
		t.pause(1500)
		if o.leaves() || v.hanging {
			break
		}
		if multi {
			w.convene(t, v)
		} else {
			w.change(t, v)
		}
	}
	if !multi && w.chance(30) {
		w.managerChanges(v)
	}
	if w.chance(25) {
		v.hanging = true
		o.busy++
		w.spawn(func(t *task) {
			t.wait(func() bool { return v.changes == 0 })
			t.pause(1500)
			t.manage(v.m, with(status(ev(v.m.by(ndis.NdisCmDispatchIncomingCloseCall, ndis.NdisMCmDispatchIncomingCloseCall), v.m.label),
				ndis.StatusSuccess), format.HasVC, v.handle))
			o.busy--
		})
		t.wait(func() bool { return v.hung && o.busy == 0 })
	}
	t.wait(func() bool { return v.changes == 0 })
	for len(v.parties) > 1 {
		w.dropParty(t, v.parties[len(v.parties)-1])
	}
	w.hangUp(t, v)
	return true
}

// hangUp is NdisClCloseCall up to its completion.
func (w *world) hangUp(t *task, v *vc) {
	last := uint64(0)
	if len(v.parties) > 0 {
		last = v.parties[0].handle
	}
	v.closing, v.done = true, false
	r := t.client(v.o.b, with(with(ev(ndis.NdisClCloseCall, v.o.b.d.label), format.HasVC, v.handle), format.HasParty, last))
	if st(&r) == ndis.StatusPending {
		t.wait(func() bool { return v.done })
	}
	v.ended = true
}

// transfer sends and receives on a VC until everything is back.
func (w *world) transfer(t *task, v *vc) {
	label := v.o.b.d.label
	for range w.rng.IntN(w.o.data + 1) {
		nbl := `{"nbl":"` + hex(w.context(nil)) + `"}`
		v.data++
		if w.chance(50) {
			t.client(v.o.b, detail(with(ev(ndis.NdisCoSendNetBufferLists, label), format.HasVC, v.handle), nbl))
			continue
		}
		w.spawn(func(t *task) {
			t.pause(500)
			t.call(w.raised(detail(with(ev(ndis.NdisMCoIndicateReceiveNetBufferLists, w.nicLabel), format.HasVC, v.handle), nbl)))
			v.data--
		})
	}
	t.wait(func() bool { return v.data == 0 })
}

// miniportSends is MiniportCoSendNetBufferLists: the buffers come back later.
func (w *world) miniportSends(v *vc, nbl string) {
	w.spawn(func(t *task) {
		t.pause(500)
		t.call(w.raised(detail(with(ev(ndis.NdisMCoSendNetBufferListsComplete, w.nicLabel), format.HasVC, v.handle), nbl)))
	})
}

// change asks for another quality of service.
func (w *world) change(t *task, v *vc) {
	v.params++
	v.done = false
	r := t.client(v.o.b, detail(with(ev(ndis.NdisClModifyCallQoS, v.o.b.d.label), format.HasVC, v.handle), v.parameters()))
	if st(&r) == ndis.StatusPending {
		t.wait(func() bool { return v.done })
	}
	v.done = false
}

// managerChanges has the call manager change the quality of service.
func (w *world) managerChanges(v *vc) {
	v.changes++
	v.o.busy++
	w.spawn(func(t *task) {
		t.pause(1000)
		v.params++
		if w.activate(t, v) == ndis.StatusSuccess {
			t.manage(v.m, detail(with(ev(v.m.by(ndis.NdisCmDispatchIncomingCallQoSChange, ndis.NdisMCmDispatchIncomingCallQoSChange), v.m.label),
				format.HasVC, v.handle), v.parameters()))
		}
		v.changes--
		v.o.busy--
	})
}

// cmCall is ProtocolCmMakeCall, ProtocolCmModifyCallQoS and ProtocolCmCloseCall.
func (w *world) cmCall(f *replay.Frame) func(*task) {
	v, fn, partyHandle := object[*vc](w, f.Row.Context), f.Function, f.Row.Party
	m := v.m
	refuse := fn == ndis.ProtocolCmMakeCall && w.chance(6)
	work := func(t *task) {
		switch {
		case fn == ndis.ProtocolCmCloseCall:
			w.deactivate(t, v)
		case !refuse:
			w.activate(t, v)
		}
	}
	outcome := ndis.StatusSuccess
	if refuse {
		outcome = ndis.StatusResources
	}
	var ctx uint64
	if fn == ndis.ProtocolCmMakeCall && partyHandle != 0 && !refuse {
		v.last.mctx = w.context(v.last)
		ctx = v.last.mctx
	}
	if !w.chance(w.o.pend) {
		return func(t *task) {
			work(t)
			t.ret = answer(outcome)
			if fn == ndis.ProtocolCmMakeCall && !refuse {
				t.ret = with(t.ret, format.HasContext, ctx)
			}
		}
	}
	below := f.Below().Row.Party
	v.pended = false
	m.jobs++
	return func(t *task) {
		w.spawn(func(t *task) {
			t.wait(func() bool { return v.pended })
			v.pended = false
			t.pause(1500)
			work(t)
			e := status(format.Event{Driver: m.label, VC: v.handle, Has: format.HasDriver | format.HasVC}, outcome)
			switch fn {
			case ndis.ProtocolCmMakeCall:
				e.Function = m.by(ndis.NdisCmMakeCallComplete, ndis.NdisMCmMakeCallComplete)
				e = detail(with(with(e, format.HasParty, partyHandle), format.HasContext, ctx), v.parameters())
			case ndis.ProtocolCmModifyCallQoS:
				e.Function = m.by(ndis.NdisCmModifyCallQoSComplete, ndis.NdisMCmModifyCallQoSComplete)
				e = detail(e, v.parameters())
			default:
				e.Function = m.by(ndis.NdisCmCloseCallComplete, ndis.NdisMCmCloseCallComplete)
				e = with(e, format.HasParty, below)
			}
			t.manage(m, e)
			m.jobs--
		})
		t.ret = answer(ndis.StatusPending)
	}
}

// --- calls that come in ---

// ring offers calls on a SAP.
func (w *world) ring(s *sap) {
	o := s.o
	if o.closing || s.leaving || o.leaves() {
		return
	}
	o.incoming++
	w.spawn(func(t *task) {
		t.pause(4000)
		for n := 1 + w.rng.IntN(2); n > 0 && !s.leaving && !o.leaves(); n-- {
			w.offer(t, s)
		}
		o.incoming--
	})
}

func (w *world) offer(t *task, s *sap) {
	o, m := s.o, s.o.m
	v := &vc{o: o, m: m, byManager: true, params: 1}
	v.mctx = w.context(v)
	e := ev(ndis.NdisMCmCreateVc, m.label)
	if m.mcm() {
		e = with(e, format.HasAdapter, w.adapter)
	} else {
		e.Function = ndis.NdisCoCreateVc
		e = with(e, format.HasBinding, m.b.handle)
	}
	r := t.manage(m, with(with(with(e, format.HasAF, o.handle), format.HasVC, 0), format.HasContext, v.mctx))
	if st(&r) != ndis.StatusSuccess {
		return
	}
	v.handle = r.VC
	w.activate(t, v)
	if s.leaving {
		w.deactivate(t, v)
	} else {
		s.users++
		r = t.manage(m, detail(with(with(ev(m.by(ndis.NdisCmDispatchIncomingCall, ndis.NdisMCmDispatchIncomingCall), m.label),
			format.HasSAP, s.handle), format.HasVC, v.handle), v.parameters()))
		if st(&r) == ndis.StatusPending {
			t.wait(func() bool { return v.answered })
		} else {
			v.status = st(&r)
		}
		s.users--
		if v.status != ndis.StatusSuccess {
			w.deactivate(t, v)
		} else {
			t.manage(m, with(ev(m.by(ndis.NdisCmDispatchCallConnected, ndis.NdisMCmDispatchCallConnected), m.label), format.HasVC, v.handle))
			if w.chance(50) {
				t.pause(2000)
				if !v.closing {
					v.hanging = true
					t.manage(m, with(status(ev(m.by(ndis.NdisCmDispatchIncomingCloseCall, ndis.NdisMCmDispatchIncomingCloseCall), m.label),
						ndis.StatusSuccess), format.HasVC, v.handle))
				}
			}
			t.wait(func() bool { return v.ended })
		}
	}
	t.manage(m, with(ev(m.by(ndis.NdisCoDeleteVc, ndis.NdisMCmDeleteVc), m.label), format.HasVC, v.handle))
}

// offered is ProtocolClIncomingCall.
func (w *world) offered(v *vc, a *format.Event) func(*task) {
	outcome := ndis.StatusSuccess
	if w.chance(10) {
		outcome = ndis.StatusFailure
	}
	if !w.chance(w.o.pend) {
		*a = answer(outcome)
		return nil
	}
	*a = answer(ndis.StatusPending)
	v.pended = false
	w.spawn(func(t *task) {
		t.wait(func() bool { return v.pended })
		v.pended = false
		t.pause(1500)
		t.client(v.o.b, detail(with(status(ev(ndis.NdisClIncomingCallComplete, v.o.b.d.label), outcome), format.HasVC, v.handle), v.parameters()))
	})
	return nil
}

// answeredCall is what the client does with a call that came in.
func (w *world) answeredCall(t *task, v *vc) {
	t.pause(3000)
	if !v.hanging {
		w.transfer(t, v)
	}
	t.wait(func() bool { return !v.hanging || v.hung })
	v.closing = true
	w.hangUp(t, v)
}

// --- parties ---

func (w *world) party(v *vc) *party {
	p := &party{v: v}
	p.ctx = w.context(p)
	return p
}

// convene adds or drops a party of a multipoint call.
func (w *world) convene(t *task, v *vc) {
	if len(v.parties) > 1 && w.chance(40) {
		p := v.parties[len(v.parties)-1]
		if w.chance(40) { // it leaves of its own
			v.o.busy++
			w.spawn(func(t *task) {
				t.manage(v.m, with(status(ev(v.m.by(ndis.NdisCmDispatchIncomingDropParty, ndis.NdisMCmDispatchIncomingDropParty), v.m.label),
					ndis.StatusSuccess), format.HasParty, p.handle))
				v.o.busy--
			})
			t.wait(func() bool { return p.left && v.o.busy == 0 })
		}
		w.dropParty(t, p)
		return
	}
	p := w.party(v)
	r := t.client(v.o.b, detail(with(with(ev(ndis.NdisClAddParty, v.o.b.d.label), format.HasVC, v.handle), format.HasContext, p.ctx), v.parameters()))
	if st(&r) == ndis.StatusPending {
		t.wait(func() bool { return p.done })
		p.done = false
	} else {
		p.status, p.handle = st(&r), r.Party
	}
	if p.status == ndis.StatusSuccess {
		v.parties = append(v.parties, p)
	}
}

func (w *world) dropParty(t *task, p *party) {
	v := p.v
	v.parties = slices.DeleteFunc(v.parties, func(x *party) bool { return x == p })
	p.pended = false
	r := t.client(v.o.b, with(ev(ndis.NdisClDropParty, v.o.b.d.label), format.HasParty, p.handle))
	if st(&r) == ndis.StatusPending {
		t.wait(func() bool { return p.done })
	}
}

func (w *world) cmParty(f *replay.Frame, a *format.Event) func(*task) {
	adds := f.Function == ndis.ProtocolCmAddParty
	var p *party
	if adds {
		p = object[*party](w, f.Below().Row.Context)
		p.mctx = w.context(p)
	} else {
		p = object[*party](w, f.Row.Context)
	}
	m := p.v.m
	outcome := ndis.StatusSuccess
	if adds && w.chance(5) {
		outcome = ndis.StatusResources
	}
	if !w.chance(w.o.pend) {
		*a = answer(outcome)
		if adds && outcome == ndis.StatusSuccess {
			*a = with(*a, format.HasContext, p.mctx)
		}
		return nil
	}
	*a = answer(ndis.StatusPending)
	handle := p.handle
	if adds {
		handle = f.Row.Party
	}
	m.jobs++
	w.spawn(func(t *task) {
		t.wait(func() bool { return p.pended })
		p.pended = false
		t.pause(1000)
		e := with(status(ev(m.by(ndis.NdisCmDropPartyComplete, ndis.NdisMCmDropPartyComplete), m.label), outcome), format.HasParty, handle)
		if adds {
			e.Function = m.by(ndis.NdisCmAddPartyComplete, ndis.NdisMCmAddPartyComplete)
			e = detail(with(e, format.HasContext, p.mctx), p.v.parameters())
		}
		t.manage(m, e)
		m.jobs--
	})
	return nil
}

// --- OID requests ---

// query asks the call manager or the miniport.
func (w *world) query(t *task, o *open) {
	q := &request{af: o.handle}
	q.id = w.context(q)
	q.text = hex(q.id)
	w.requests[q.text] = q
	e := with(ev(ndis.NdisCoOidRequest, o.b.d.label), format.HasBinding, o.b.handle)
	oid := "4261412870" // OID_CO_GET_ADDRESSES
	if w.chance(30) {
		q.af = 0
		oid = "65793"
		e = with(e, format.HasParty, 0)
	}
	r := t.client(o.b, detail(with(e, format.HasAF, q.af), `{"oid":`+oid+`,"oid_request":"`+q.text+`"}`))
	if st(&r) == ndis.StatusPending {
		t.wait(func() bool { return q.done })
	}
	delete(w.requests, q.text)
}

// asked is ProtocolCoOidRequest and MiniportCoOidRequest.
func (w *world) asked(f *replay.Frame, a *format.Event) func(*task) {
	q := w.requests[oidRequestOf(f.Row.Detail)]
	if q == nil || !w.chance(w.o.pend) {
		*a = answer(ndis.StatusSuccess)
		return nil
	}
	*a = answer(ndis.StatusPending)
	e := status(ev(ndis.NdisMCoOidRequestComplete, f.Row.Driver), ndis.StatusSuccess)
	if f.Function == ndis.ProtocolCoOidRequest {
		o := object[*open](w, f.Row.Context)
		e = with(e, format.HasAF, o.handle)
		e.Function = o.m.by(ndis.NdisCoOidRequestComplete, ndis.NdisMCmOidRequestComplete)
	} else {
		e = with(e, format.HasAdapter, w.adapter)
	}
	w.spawn(func(t *task) {
		t.wait(func() bool { return q.pended })
		t.pause(1500)
		t.call(w.raised(detail(e, `{"oid_request":"`+q.text+`"}`)))
	})
	return nil
}
