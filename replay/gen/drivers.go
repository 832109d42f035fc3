package gen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// Rows as drivers write them.

func ev(fn ndis.Func, label string) format.Event {
	return format.Event{Function: fn, Driver: label, Has: format.HasDriver}
}

func with(e format.Event, bit format.Fields, v uint64) format.Event {
	switch bit {
	case format.HasAdapter:
		e.Adapter = v
	case format.HasBinding:
		e.Binding = v
	case format.HasAF:
		e.AF = v
	case format.HasSAP:
		e.SAP = v
	case format.HasVC:
		e.VC = v
	case format.HasParty:
		e.Party = v
	case format.HasContext:
		e.Context = v
	case format.HasContext2:
		e.Context2 = v
	case format.HasStatus:
		e.Status = uint32(v)
	case format.HasIRQL:
		e.IRQL = uint8(v)
	}
	e.Has |= bit
	return e
}

func status(e format.Event, st ndis.Status) format.Event {
	return with(e, format.HasStatus, uint64(st))
}

func detail(e format.Event, d string) format.Event {
	e.Detail = d
	e.Has |= format.HasDetail
	return e
}

func family(e format.Event, af uint32) format.Event {
	e.AFType, e.AFMajor, e.AFMinor = af, 1, 0
	e.Has |= format.HasAFType | format.HasAFMajor | format.HasAFMinor
	return e
}

// answer is the return of a callback.
func answer(st ndis.Status) format.Event { return status(format.Event{}, st) }

// raised lets a call run at DISPATCH_LEVEL now and then, where it may.
func (w *world) raised(e format.Event) format.Event {
	if e.Function.Info().IRQL.Allows(2) && e.Function.Info().IRQL.Allows(0) && w.chance(15) {
		return with(e, format.HasIRQL, 2)
	}
	return e
}

// client makes a call of a client on its binding, never while an open of it pends.
func (t *task) client(b *binding, e format.Event) format.Event {
	t.wait(func() bool { return !b.opening })
	b.ops++
	r := t.call(t.w.raised(e))
	b.ops--
	return r
}

// manage makes a call of a call manager.
func (t *task) manage(m *manager, e format.Event) format.Event { return t.call(t.w.raised(e)) }

func st(e *format.Event) ndis.Status { return ndis.Status(e.Status) }

// --- the environment ---

func (w *world) environment(t *task) {
	o := w.o
	w.nicLabel = "nic"
	n := o.clients[0] + w.rng.IntN(o.clients[1]-o.clients[0]+1)
	isMCM := w.chance(o.mcm)
	if isMCM {
		w.nicLabel = "wan"
		w.mcm = &manager{label: w.nicLabel, ctx: w.nicCtx}
	} else {
		w.managers = 1 + w.rng.IntN(o.managers)
		for i := range w.managers {
			w.drivers = append(w.drivers, &driver{label: fmt.Sprint("cm", i+1), manager: true, number: i})
		}
	}
	for i := range n {
		w.drivers = append(w.drivers, &driver{label: fmt.Sprint("client", i+1), client: true})
	}
	for _, d := range w.drivers {
		t.call(ev(ndis.NdisRegisterProtocolDriver, d.label))
	}
	role := "miniport"
	if isMCM {
		role = "mcm"
	}
	t.call(detail(with(ev(ndis.MiniportInitializeEx, w.nicLabel), format.HasAdapter, w.adapter),
		`{"co":true,"miniport_context":"`+hex(w.nicCtx)+`","role":"`+role+`"}`))
	w.nicUp = true
	// Binds, in any order, some of them at once.
	order := slices.Clone(w.drivers)
	w.rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	together(w, t, order, w.bind)
	for range w.rng.IntN(o.churn + 1) {
		t.pause(o.life)
		d := order[w.rng.IntN(len(order))]
		if i := slices.IndexFunc(w.bindings, func(b *binding) bool { return b.d == d && !b.leaving }); i >= 0 {
			w.unbind(t, w.bindings[i])
		}
		t.pause(2000)
		w.bind(t, d)
	}
	t.pause(o.life)
	surprise := w.chance(o.surprise)
	if surprise {
		for _, b := range w.bindings {
			t.call(detail(with(ev(ndis.ProtocolNetPnPEvent, b.d.label), format.HasContext, b.ctx), `{"pnp_event":"NetEventQueryRemoveDevice"}`))
		}
		t.call(detail(with(ev(ndis.MiniportDevicePnPEventNotify, w.nicLabel), format.HasContext, w.nicCtx),
			`{"pnp_event":"NdisDevicePnPEventSurpriseRemoved"}`))
	}
	leaving := slices.Clone(w.bindings)
	w.rng.Shuffle(len(leaving), func(i, j int) { leaving[i], leaving[j] = leaving[j], leaving[i] })
	together(w, t, leaving, w.unbind)
	halt := with(ev(ndis.MiniportHaltEx, w.nicLabel), format.HasContext, w.nicCtx)
	if surprise {
		halt = detail(halt, `{"halt_action":"NdisHaltDeviceSurpriseRemoved"}`)
	}
	t.call(halt)
	for _, d := range w.drivers {
		t.call(detail(ev(ndis.NdisDeregisterProtocolDriver, d.label), `{"protocol":"`+d.protocol+`"}`))
	}
	w.over = true
}

// together does something for all of a list: one after the other, or on threads of their own.
func (w *world) each(t *task, n int, do func(t *task, i int)) {
	if !w.chance(w.o.parallel) {
		for i := range n {
			do(t, i)
		}
		return
	}
	left := n
	for i := range n {
		w.spawn(func(t *task) {
			t.pause(500)
			do(t, i)
			left--
		})
	}
	t.wait(func() bool { return left == 0 })
}

func together[T any](w *world, t *task, list []T, do func(*task, T)) {
	w.each(t, len(list), func(t *task, i int) { do(t, list[i]) })
}

func (w *world) bind(t *task, d *driver) {
	b := &binding{d: d}
	b.ctx = w.context(b)
	b.bindCtx = hex(w.context(b))
	if d.manager {
		b.m = &manager{label: d.label, ctx: b.ctx, b: b}
	}
	w.bindings = append(w.bindings, b)
	t.call(detail(with(ev(ndis.ProtocolBindAdapterEx, d.label), format.HasAdapter, w.adapter), `{"bind_context":"`+b.bindCtx+`"}`))
	t.wait(func() bool { return b.up })
}

func (w *world) unbind(t *task, b *binding) {
	t.wait(func() bool {
		return !b.opening && b.told == 0 && b.ops == 0 && (b.m == nil || b.m.opening == 0)
	})
	b.leaving = true
	if b.m != nil {
		b.m.leaving = true
		for _, f := range b.families {
			if w.families[f] == b.m {
				delete(w.families, f)
			}
		}
	}
	b.unbind = hex(w.context(b))
	t.call(detail(with(ev(ndis.ProtocolUnbindAdapterEx, b.d.label), format.HasContext, b.ctx), `{"unbind_context":"`+b.unbind+`"}`))
	t.wait(func() bool { return !b.up })
	w.bindings = slices.DeleteFunc(w.bindings, func(x *binding) bool { return x == b })
}

// --- callbacks ---

// callback says how the driver of f behaves in it: at once with a, or as a task.
func (w *world) callback(f *replay.Frame, a *format.Event) func(*task) {
	r := &f.Row
	ok := func() func(*task) {
		*a = format.Event{}
		if !f.Function.Info().Returns.Void {
			*a = answer(ndis.StatusSuccess)
		}
		return nil
	}
	switch f.Function {
	case ndis.ProtocolSetOptions:
		return w.setOptions(f)
	case ndis.ProtocolBindAdapterEx:
		return w.bound(f)
	case ndis.ProtocolUnbindAdapterEx:
		return w.unbound(object[*binding](w, r.Context))
	case ndis.MiniportInitializeEx:
		if w.mcm == nil {
			return ok()
		}
		return func(t *task) {
			for _, af := range w.o.pickFamilies(w, 0, 1) {
				e := t.call(with(family(ev(ndis.NdisMCmRegisterAddressFamilyEx, w.nicLabel), af), format.HasAdapter, w.adapter))
				if st(&e) == ndis.StatusSuccess {
					w.families[af] = w.mcm
				}
			}
			t.ret = answer(ndis.StatusSuccess)
		}
	case ndis.ProtocolCoAfRegisterNotify:
		return w.notified(object[*binding](w, r.Context), r.AFType)
	case ndis.ProtocolCmOpenAf:
		return w.cmOpen(f, a)
	case ndis.ProtocolCmCloseAf:
		return w.cmClose(object[*open](w, r.Context), a)
	case ndis.ProtocolClNotifyCloseAf:
		if o := object[*open](w, r.Context); o != nil {
			o.asked = true
		}
		*a = answer(ndis.StatusPending)
		return nil
	case ndis.ProtocolCmRegisterSap:
		return w.cmRegisterSAP(f, a)
	case ndis.ProtocolCmDeregisterSap:
		return w.cmDeregisterSAP(object[*sap](w, r.Context), a)
	case ndis.ProtocolCoCreateVc:
		v := object[*vc](w, f.Below().Row.Context)
		ctx := w.context(v)
		if v.byManager {
			v.ctx = ctx
		} else {
			v.mctx = ctx
		}
		*a = with(answer(ndis.StatusSuccess), format.HasContext, ctx)
		return nil
	case ndis.MiniportCoCreateVc:
		v := object[*vc](w, f.Below().Row.Context)
		v.mp = w.context(v)
		*a = with(answer(ndis.StatusSuccess), format.HasContext, v.mp)
		return nil
	case ndis.MiniportCoActivateVc, ndis.MiniportCoDeactivateVc:
		return w.miniportSwitches(f, a)
	case ndis.ProtocolCmMakeCall, ndis.ProtocolCmModifyCallQoS, ndis.ProtocolCmCloseCall:
		return w.cmCall(f)
	case ndis.ProtocolClIncomingCall:
		return w.offered(object[*vc](w, r.Context2), a)
	case ndis.ProtocolCmAddParty, ndis.ProtocolCmDropParty:
		return w.cmParty(f, a)
	case ndis.MiniportCoSendNetBufferLists:
		w.miniportSends(object[*vc](w, r.Context), strings.Clone(r.Detail))
		return ok()
	case ndis.ProtocolClIncomingCloseCall:
		if v := object[*vc](w, r.Context); v != nil {
			v.hung = true
		}
		return ok()
	case ndis.ProtocolClIncomingDropParty:
		if p := object[*party](w, r.Context); p != nil {
			p.left = true
		}
		return ok()
	case ndis.ProtocolCoOidRequest, ndis.MiniportCoOidRequest:
		return w.asked(f, a)
	}
	return ok()
}

// left follows the end of a call or callback.
func (w *world) left(f *replay.Frame) {
	r, res := &f.Row, &f.Result
	switch f.Function {
	case ndis.ProtocolCoAfRegisterNotify:
		if b := object[*binding](w, r.Context); b != nil {
			b.told--
		}
	case ndis.ProtocolClOpenAfCompleteEx:
		if o := object[*open](w, r.Context); o != nil {
			w.opened(o, ndis.Status(r.Status), r.AF)
		}
	case ndis.ProtocolCmOpenAf:
		if o := object[*open](w, f.Below().Row.Context); o != nil && st(res) == ndis.StatusPending {
			o.pended = true
		}
	case ndis.ProtocolCmCloseAf:
		if o := object[*open](w, r.Context); o != nil && st(res) == ndis.StatusPending {
			o.closePend = true
		}
	case ndis.ProtocolClCloseAfComplete:
		if o := object[*open](w, r.Context); o != nil {
			o.closed = true
		}
	case ndis.ProtocolCoSendNetBufferListsComplete:
		if v := object[*vc](w, r.Context); v != nil {
			v.data--
		}
	case ndis.ProtocolCmNotifyCloseAfComplete:
		if o := object[*open](w, r.Context); o != nil {
			o.askDone = true
		}
	case ndis.ProtocolCmRegisterSap:
		if s := object[*sap](w, f.Below().Row.Context); s != nil && st(res) == ndis.StatusPending {
			s.pended = true
		}
	case ndis.ProtocolClRegisterSapComplete:
		if s := object[*sap](w, r.Context); s != nil {
			s.done, s.status, s.handle = true, ndis.Status(r.Status), r.SAP
		}
	case ndis.ProtocolCmDeregisterSap:
		if s := object[*sap](w, r.Context); s != nil && st(res) == ndis.StatusPending {
			s.pended = true
		}
	case ndis.ProtocolClDeregisterSapComplete:
		if s := object[*sap](w, r.Context); s != nil {
			s.done = true
		}
	case ndis.MiniportCoActivateVc, ndis.MiniportCoDeactivateVc:
		if v := object[*vc](w, r.Context); v != nil && st(res) == ndis.StatusPending {
			v.actPend = true
		}
	case ndis.ProtocolCmActivateVcComplete, ndis.ProtocolCmDeactivateVcComplete:
		if v := object[*vc](w, r.Context); v != nil {
			v.acting, v.actStatus = false, ndis.Status(r.Status)
		}
	case ndis.ProtocolCmMakeCall, ndis.ProtocolCmModifyCallQoS, ndis.ProtocolCmCloseCall:
		if v := object[*vc](w, r.Context); v != nil && st(res) == ndis.StatusPending {
			v.pended = true
		}
	case ndis.ProtocolClMakeCallComplete:
		if v := object[*vc](w, r.Context); v != nil {
			v.done, v.status = true, ndis.Status(r.Status)
			if v.last != nil {
				v.last.handle = r.Party
			}
		}
	case ndis.ProtocolClModifyCallQoSComplete, ndis.ProtocolClCloseCallComplete:
		if v := object[*vc](w, r.Context); v != nil {
			v.done, v.status = true, ndis.Status(r.Status)
		}
	case ndis.ProtocolClIncomingCall:
		if v := object[*vc](w, r.Context2); v != nil && st(res) == ndis.StatusPending {
			v.pended = true
		}
	case ndis.ProtocolCmIncomingCallComplete:
		if v := object[*vc](w, r.Context); v != nil {
			v.answered, v.status = true, ndis.Status(r.Status)
		}
	case ndis.ProtocolClCallConnected:
		if v := object[*vc](w, r.Context); v != nil {
			v.connected = true
			w.spawn(func(t *task) { w.answeredCall(t, v) })
		}
	case ndis.ProtocolCmAddParty:
		if p := object[*party](w, f.Below().Row.Context); p != nil && st(res) == ndis.StatusPending {
			p.pended = true
		}
	case ndis.ProtocolCmDropParty:
		if p := object[*party](w, r.Context); p != nil && st(res) == ndis.StatusPending {
			p.pended = true
		}
	case ndis.ProtocolClAddPartyComplete:
		if p := object[*party](w, r.Context); p != nil {
			p.done, p.status, p.handle = true, ndis.Status(r.Status), r.Party
		}
	case ndis.ProtocolClDropPartyComplete:
		if p := object[*party](w, r.Context); p != nil {
			p.done = true
		}
	case ndis.ProtocolCoOidRequest, ndis.MiniportCoOidRequest:
		if q := w.requests[oidRequestOf(r.Detail)]; q != nil && st(res) == ndis.StatusPending {
			q.pended = true
		}
	case ndis.ProtocolCoOidRequestComplete:
		if q := w.requests[oidRequestOf(r.Detail)]; q != nil {
			q.done = true
		}
	}
}

func oidRequestOf(d string) string {
	const k = `"oid_request":"`
	i := strings.Index(d, k)
	if i < 0 || i+len(k)+18 > len(d) {
		return ""
	}
	return d[i+len(k) : i+len(k)+18]
}

// --- drivers come and go ---

func (w *world) setOptions(f *replay.Frame) func(*task) {
	label, protocol := f.Row.Driver, strings.Clone(f.Row.Detail)
	return func(t *task) {
		i := slices.IndexFunc(w.drivers, func(d *driver) bool { return d.label == label })
		d := w.drivers[i]
		if at := strings.Index(protocol, "0x"); at >= 0 {
			d.protocol = protocol[at : at+18]
		}
		role := "client"
		if d.manager {
			role = "call-manager"
		}
		for _, h := range []string{"protocol-co", role} {
			t.call(detail(ev(ndis.NdisSetOptionalHandlers, label), `{"handlers":["`+h+`"],"null_slots":[],"protocol":"`+d.protocol+`"}`))
		}
		t.ret = answer(ndis.StatusSuccess)
	}
}

func (w *world) bound(f *replay.Frame) func(*task) {
	label := f.Row.Driver
	i := slices.IndexFunc(w.bindings, func(b *binding) bool { return b.d.label == label && !b.up && !b.leaving })
	b := w.bindings[i]
	return func(t *task) {
		e := t.call(detail(with(with(ev(ndis.NdisOpenAdapterEx, label), format.HasContext, b.ctx), format.HasAdapter, w.adapter),
			`{"bind_context":"`+b.bindCtx+`","protocol":"`+b.d.protocol+`"}`))
		b.handle = e.Binding
		finish := func(t *task) {
			if b.m == nil {
				return
			}
			for _, af := range w.o.pickFamilies(w, b.d.number, w.managers) {
				t.wait(func() bool { return !w.registering })
				w.registering = true // which of two claims that cross is first, no page says
				e := t.call(with(family(ev(ndis.NdisCmRegisterAddressFamilyEx, label), af), format.HasBinding, b.handle))
				w.registering = false
				if st(&e) == ndis.StatusSuccess {
					w.families[af] = b.m
					b.families = append(b.families, af)
				}
			}
			if w.chance(w.o.signaling) {
				b.m.sigVC = true
				w.spawn(func(t *task) { w.signal(t, b.m) })
			}
		}
		if w.chance(15) {
			w.spawn(func(t *task) {
				t.wait(func() bool { return f.Function == ndis.FuncNone || b.handle != 0 })
				t.pause(3000)
				finish(t)
				t.call(detail(status(ev(ndis.NdisCompleteBindAdapterEx, label), ndis.StatusSuccess), `{"bind_context":"`+b.bindCtx+`"}`))
				b.up = true
			})
			t.ret = answer(ndis.StatusPending)
			return
		}
		finish(t)
		t.ret = answer(ndis.StatusSuccess)
		b.up = true
	}
}

func (w *world) unbound(b *binding) func(*task) {
	return func(t *task) {
		if m := b.m; m != nil {
			t.wait(func() bool { return m.opening == 0 })
			for _, o := range slices.Clone(m.served) {
				t.wait(func() bool { return !o.registering })
				if o.closing || o.gone {
					continue
				}
				o.asking = true
				e := t.call(with(ev(ndis.NdisCmNotifyCloseAddressFamily, m.label), format.HasAF, o.handle))
				if st(&e) != ndis.StatusPending {
					o.askDone = true
				}
			}
			t.wait(func() bool {
				return len(m.served) == 0 && m.jobs == 0 && !m.sigVC
			})
		}
		t.wait(func() bool { return b.opens == 0 && b.told == 0 && b.ops == 0 })
		leave := func(t *task) {
			t.call(with(ev(ndis.NdisCloseAdapterEx, b.d.label), format.HasBinding, b.handle))
		}
		if w.chance(25) {
			w.spawn(func(t *task) {
				t.pause(2000)
				leave(t)
				t.call(detail(ev(ndis.NdisCompleteUnbindAdapterEx, b.d.label), `{"unbind_context":"`+b.unbind+`"}`))
				b.up = false
			})
			t.ret = answer(ndis.StatusPending)
			return
		}
		leave(t)
		b.up = false
		t.ret = answer(ndis.StatusSuccess)
	}
}

// signal is the life of a call manager's own VC to the switch.
func (w *world) signal(t *task, m *manager) {
	v := &vc{m: m, byManager: true}
	v.mctx = w.context(v)
	t.wait(func() bool { return m.b.up })
	e := t.manage(m, with(with(with(with(ev(ndis.NdisCoCreateVc, m.label), format.HasBinding, m.b.handle), format.HasAF, 0),
		format.HasVC, 0), format.HasContext, v.mctx))
	v.handle = e.VC
	if st(&e) == ndis.StatusSuccess {
		w.activate(t, v)
		t.wait(func() bool { return m.leaving })
		w.deactivate(t, v)
		t.manage(m, with(ev(ndis.NdisCoDeleteVc, m.label), format.HasVC, v.handle))
	}
	m.sigVC = false
}
