package naive

import (
	"testing"

	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// histories are small histories for each rule: broken ones, and legal ones beside them.
// Names begin with the rule.
var histories = []struct {
	name string
	play func(h *stage)
}{
	// registration
	{"REG-01 another version of a held AF is a remark", func(h *stage) {
		a, cl, _ := h.usual()
		h.notify(cl, q2931)
		b := h.startBind(1, h.manager("cm2"), a)
		h.register(1, b, family{1, 4, 0}, success)
		h.remarks(rule.REG01)
		h.endBind(b)
		h.notify(cl, family{1, 4, 0})
	}},
	{"REG-01 another version of a held AF may be refused", func(h *stage) {
		a, cl, _ := h.usual()
		h.notify(cl, q2931)
		b := h.startBind(1, h.manager("cm2"), a)
		h.register(1, b, family{1, 4, 0}, failure)
		h.endBind(b)
	}},
	{"REG-02 a second call manager is accepted", func(h *stage) {
		a, cl, _ := h.usual()
		h.notify(cl, q2931)
		b := h.startBind(1, h.manager("cm2"), a)
		h.register(1, b, q2931, success)
		h.breaks(rule.REG02)
		h.endBind(b)
		h.notify(cl, q2931)
	}},
	{"REG-02 two overlapping registrations are both accepted", func(h *stage) {
		a := h.nic()
		d1, d2 := h.manager("cm1"), h.manager("cm2")
		b1, b2 := h.startBind(1, d1, a), h.startBind(2, d2, a)
		r1 := h.in(1, ndis.NdisCmRegisterAddressFamilyEx, "cm1", bindingIs(b1.handle), familyIs(q2931))
		r2 := h.in(2, ndis.NdisCmRegisterAddressFamilyEx, "cm2", bindingIs(b2.handle), familyIs(q2931))
		h.out(r1, statusIs(success))
		h.out(r2, statusIs(success))
		h.breaks(rule.REG02)
		h.endBind(b1)
		h.endBind(b2)
	}},
	{"REG-02 of two overlapping registrations the first to be entered is refused", func(h *stage) {
		a := h.nic()
		d1, d2 := h.manager("cm1"), h.manager("cm2")
		b1, b2 := h.startBind(1, d1, a), h.startBind(2, d2, a)
		r1 := h.in(1, ndis.NdisCmRegisterAddressFamilyEx, "cm1", bindingIs(b1.handle), familyIs(q2931))
		r2 := h.in(2, ndis.NdisCmRegisterAddressFamilyEx, "cm2", bindingIs(b2.handle), familyIs(q2931))
		h.out(r1, statusIs(failure))
		h.out(r2, statusIs(success))
		h.endBind(b1)
		h.endBind(b2)
	}},
	{"REG-02 the holder may be leaving meanwhile", func(h *stage) {
		a := h.nic()
		d1, d2 := h.manager("cm1"), h.manager("cm2")
		b1, b2 := h.bind(d1, a, q2931), h.startBind(2, d2, a)
		x := h.startUnbind(1, b1)
		k := h.in(1, ndis.NdisCloseAdapterEx, "cm1", bindingIs(b1.handle))
		h.register(2, b2, q2931, success)
		h.out(k, statusIs(success))
		h.out(x, statusIs(success))
		h.endBind(b2)
	}},
	{"REG-02 the holder has only been asked to leave", func(h *stage) {
		a := h.nic()
		d1, d2 := h.manager("cm1"), h.manager("cm2")
		b1, b2 := h.bind(d1, a, q2931), h.startBind(2, d2, a)
		x := h.startUnbind(1, b1)
		h.register(2, b2, q2931, success)
		h.breaks(rule.REG02)
		h.closeAdapter(1, b1)
		h.out(x, statusIs(success))
		h.endBind(b2)
	}},
	{"REG-02 the contender may have left inside its own registration", func(h *stage) {
		a := h.nic()
		d1, d2 := h.manager("cm1"), h.manager("cm2")
		b1, b2 := h.bind(d1, a), h.startBind(2, d2, a)
		r1 := h.in(3, ndis.NdisCmRegisterAddressFamilyEx, "cm1", bindingIs(b1.handle), familyIs(q2931))
		h.advises(rule.REG07)
		h.unbind(1, b1)
		h.register(2, b2, q2931, success)
		h.out(r1, statusIs(success))
		h.endBind(b2)
	}},
	{"REG-03 a driver without CO characteristics is accepted", func(h *stage) {
		a := h.nic()
		b := h.startBind(1, h.protocol("odd", "call-manager"), a)
		h.register(1, b, q2931, success)
		h.breaks(rule.REG03)
		h.endBind(b)
	}},
	{"REG-03 a driver without CO characteristics is refused", func(h *stage) {
		a := h.nic()
		b := h.startBind(1, h.protocol("odd", "call-manager"), a)
		h.register(1, b, q2931, failure)
		h.endBind(b)
	}},
	{"REG-03 two overlapping registrations, one of them by a driver without CO characteristics", func(h *stage) {
		a := h.nic()
		d1, d2 := h.protocol("odd", "call-manager"), h.manager("cm")
		b1, b2 := h.startBind(1, d1, a), h.startBind(2, d2, a)
		r1 := h.in(1, ndis.NdisCmRegisterAddressFamilyEx, "odd", bindingIs(b1.handle), familyIs(q2931))
		r2 := h.in(2, ndis.NdisCmRegisterAddressFamilyEx, "cm", bindingIs(b2.handle), familyIs(q2931))
		h.out(r1, statusIs(success))
		h.breaks(rule.REG03)
		h.out(r2, statusIs(success))
		h.endBind(b1)
		h.endBind(b2)
	}},
	{"REG-03 a CO protocol without call-manager handlers may be accepted", func(h *stage) { // AMB-24
		a := h.nic()
		b := h.startBind(1, h.protocol("odd", "protocol-co"), a)
		h.register(1, b, q2931, success)
		h.endBind(b)
	}},
	{"REG-04 an adapter that is not CO", func(h *stage) {
		a := h.adapter("eth", "miniport", false)
		b := h.startBind(1, h.manager("cm"), a)
		h.register(1, b, psched, failure)
		h.register(1, b, q2931, success)
		h.breaks(rule.REG04)
		h.endBind(b)
	}},
	{"REG-05 after NdisCloseAdapterEx", func(h *stage) {
		a := h.nic()
		b := h.bind(h.manager("cm"), a)
		h.unbind(1, b)
		h.register(1, b, q2931, success)
		h.breaks(rule.REG05)
	}},
	{"REG-05 after NdisCloseAdapterEx, refused", func(h *stage) {
		a := h.nic()
		b := h.bind(h.manager("cm"), a)
		h.unbind(1, b)
		h.register(1, b, q2931, failure)
	}},
	{"REG-05 between unbind and close", func(h *stage) { // AMB-21
		a := h.nic()
		b := h.bind(h.manager("cm"), a)
		x := h.startUnbind(1, b)
		h.register(1, b, q2931, success)
		h.advises(rule.REG05)
		h.closeAdapter(1, b)
		h.out(x, statusIs(success))
	}},
	{"REG-05 concurrent with the close", func(h *stage) {
		a := h.nic()
		b := h.bind(h.manager("cm"), a)
		r := h.in(2, ndis.NdisCmRegisterAddressFamilyEx, "cm", bindingIs(b.handle), familyIs(q2931))
		h.advisesAt(rule.REG07, r.in)
		h.unbind(1, b)
		h.out(r, statusIs(success))
	}},
	{"REG-06 a registration pends", func(h *stage) {
		a := h.nic()
		b := h.startBind(1, h.manager("cm"), a)
		h.register(1, b, q2931, pending)
		h.breaks(rule.REG06)
		h.register(1, b, psched, ndis.StatusNotSupported)
		h.breaks(rule.REG06)
		h.endBind(b)
	}},
	{"REG-06 RESOURCES at any time", func(h *stage) {
		a := h.nic()
		b := h.startBind(1, h.manager("cm"), a)
		h.register(1, b, q2931, resources)
		h.endBind(b)
	}},
	{"REG-07 outside the bind handler", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931)
		r := h.ask(1, ndis.NdisCmRegisterAddressFamilyEx, "cm", success, bindingIs(cm.handle), familyIs(psched))
		h.advisesAt(rule.REG07, r.in)
		h.notify(cl, psched)
	}},
	{"REG-07 a pended bind is the bind handler too", func(h *stage) {
		a := h.nic()
		b := h.startBind(1, h.manager("cm"), a)
		h.out(b.frame, statusIs(pending))
		h.register(2, b, q2931, success)
		h.do(2, ndis.NdisCompleteBindAdapterEx, "cm", detailIs("bind_context", b.bind), statusIs(success))
	}},
	{"REG-08 an MCM outside the initialize handler", func(h *stage) {
		a := h.adapter("mcm", "mcm", true)
		r := h.ask(1, ndis.NdisMCmRegisterAddressFamilyEx, "mcm", success, adapterIs(a.handle), familyIs(q2931))
		h.advisesAt(rule.REG08, r.in)
	}},
	{"REG-09 a call manager passes over a binding", func(h *stage) {
		a, a2 := h.nic(), h.nic()
		d := h.manager("cm")
		h.bind(d, a, q2931)
		h.bind(d, a2)
		h.remarks(rule.REG09)
	}},
	{"REG-10 several AFs and adapters", func(h *stage) {
		a, a2 := h.nic(), h.nic()
		d, e := h.manager("cm"), h.manager("cm2")
		h.bind(d, a, q2931, psched)
		h.bind(e, a2, q2931)
	}},
	{"REG-11 an MCM twice", func(h *stage) {
		h.adapter("mcm", "mcm", true, func(a *hAdapter) {
			h.registerMCM(1, a, q2931, success)
			h.registerMCM(1, a, psched, success)
			h.registerMCM(1, a, q2931, success)
			h.breaks(rule.REG11)
		})
	}},
	{"REG-11 an MCM twice, refused", func(h *stage) {
		h.adapter("mcm", "mcm", true, func(a *hAdapter) {
			h.registerMCM(1, a, q2931, success)
			h.registerMCM(1, a, q2931, failure)
		})
	}},
	{"REG-11 an MCM after a call manager", func(h *stage) {
		a := h.adapter("mcm", "mcm", true)
		h.bind(h.manager("cm"), a, q2931)
		r := h.ask(1, ndis.NdisMCmRegisterAddressFamilyEx, "mcm", success, adapterIs(a.handle), familyIs(q2931))
		h.breaks(rule.REG11)
		h.advisesAt(rule.REG08, r.in)
	}},
	{"REG-12 notified after the owner has left", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931)
		h.unbind(1, cm)
		h.notify(cl, q2931)
		h.advises(rule.REG12)
	}},
	{"REG-13 the same again", func(h *stage) {
		a := h.nic()
		b := h.startBind(1, h.manager("cm"), a)
		h.register(1, b, q2931, success)
		h.register(1, b, q2931, success)
		h.remarks(rule.REG13)
		h.endBind(b)
	}},
	{"REG-13 after a rebind", func(h *stage) {
		a, cl, cm := h.usual()
		h.notify(cl, q2931)
		h.unbind(1, cm)
		h.bind(cm.d, a, q2931)
		h.notify(cl, q2931)
	}},
	{"REG-14 a call manager over an MCM", func(h *stage) {
		a := h.adapter("mcm", "mcm", true, func(a *hAdapter) { h.registerMCM(1, a, q2931, success) })
		b := h.startBind(1, h.manager("cm"), a)
		h.register(1, b, q2931, success)
		h.breaks(rule.REG14)
		h.register(1, b, psched, success)
		h.endBind(b)
	}},
	{"REG-14 a call manager over an MCM, refused", func(h *stage) {
		a := h.adapter("mcm", "mcm", true, func(a *hAdapter) { h.registerMCM(1, a, q2931, success) })
		b := h.startBind(1, h.manager("cm"), a)
		h.register(1, b, q2931, failure)
		h.endBind(b)
	}},
	{"REG-15 notified after RESOURCES", func(h *stage) {
		a := h.nic()
		cl := h.bind(h.client("client"), a)
		b := h.startBind(1, h.manager("cm"), a)
		h.register(1, b, q2931, resources)
		h.endBind(b)
		h.notify(cl, q2931)
		h.breaks(rule.REG15)
	}},
	{"REG-15 opened after FAILURE", func(h *stage) {
		a := h.nic()
		cl := h.bind(h.client("client"), a)
		b := h.startBind(1, h.manager("cm"), a)
		h.register(1, b, q2931, failure)
		h.endBind(b)
		o := h.in(2, ndis.NdisClOpenAddressFamilyEx, "client", bindingIs(cl.handle), familyIs(q2931), contextIs(h.handle()))
		h.advises(rule.OPEN01)
		h.out(o, statusIs(success), afIs(h.handle()))
		h.breaks(rule.REG15)
	}},
	{"REG-15 a later SUCCESS makes it right", func(h *stage) {
		a := h.nic()
		cl := h.bind(h.client("client"), a)
		b := h.startBind(1, h.manager("cm"), a)
		h.register(1, b, q2931, resources)
		h.register(1, b, q2931, success)
		h.endBind(b)
		h.notify(cl, q2931)
	}},
	{"REG-17 opened after the owner's bind failed", func(h *stage) {
		a := h.nic()
		cl := h.bind(h.client("client"), a)
		b := h.startBind(1, h.manager("cm"), a)
		h.register(1, b, q2931, success)
		h.out(b.frame, statusIs(failure))
		o := h.startOpen(cl, b, q2931)
		h.advisesAt(rule.OPEN01, o.frame.in)
		h.returnOpen(o, success, success)
		h.advises(rule.REG17)
	}},

	// notification
	{"NOTE-01 a bound client is not notified", func(h *stage) {
		_, _, cm := h.usual()
		h.breaksAt(rule.NOTE01, cm.frame.out)
	}},
	{"NOTE-01 the row is that of the last condition", func(h *stage) {
		a := h.nic()
		h.bind(h.client("client"), a)
		b := h.startBind(1, h.manager("cm"), a)
		h.out(b.frame, statusIs(pending))
		h.register(2, b, q2931, success)
		h.do(2, ndis.NdisCompleteBindAdapterEx, "cm", detailIs("bind_context", b.bind), statusIs(success))
		h.breaks(rule.NOTE01)
	}},
	{"NOTE-01 the trace is cut", func(h *stage) {
		h.usual()
		h.cut = true
	}},
	{"NOTE-01 the client leaves before the trace is cut", func(h *stage) {
		_, cl, cm := h.usual()
		h.breaksAt(rule.NOTE01, cm.frame.out)
		h.unbind(1, cl)
		h.cut = true
	}},
	{"NOTE-01 the client begins to leave before the registration returns", func(h *stage) {
		a := h.nic()
		cl := h.bind(h.client("client"), a)
		b := h.startBind(1, h.manager("cm"), a)
		x := h.startUnbind(2, cl)
		h.register(1, b, q2931, success)
		h.endBind(b)
		h.closeAdapter(2, cl)
		h.out(x, statusIs(success))
	}},
	{"NOTE-01 the call manager leaves first", func(h *stage) {
		_, _, cm := h.usual()
		h.unbind(1, cm)
	}},
	{"NOTE-01 call managers need no notification", func(h *stage) {
		a := h.nic()
		h.bind(h.manager("cm"), a, q2931)
		h.bind(h.manager("cm2"), a, psched)
	}},
	{"NOTE-01 the owner's bind fails", func(h *stage) {
		a := h.nic()
		h.bind(h.client("client"), a)
		b := h.startBind(1, h.manager("cm"), a)
		h.register(1, b, q2931, success)
		h.closeAdapter(1, b)
		h.out(b.frame, statusIs(failure))
	}},
	{"NOTE-02 a client that binds later is not notified", func(h *stage) {
		a := h.nic()
		h.bind(h.manager("cm"), a, q2931)
		cl := h.bind(h.client("client"), a)
		h.breaksAt(rule.NOTE02, cl.frame.out)
	}},
	{"NOTE-02 MCM, two AFs, one notified", func(h *stage) {
		a := h.adapter("mcm", "mcm", true, func(a *hAdapter) {
			h.registerMCM(1, a, q2931, success)
			h.registerMCM(1, a, psched, success)
		})
		cl := h.bind(h.client("client"), a)
		h.breaksAt(rule.NOTE02, cl.frame.out)
		h.notify(cl, psched)
	}},
	{"NOTE-03 an AF that nobody registered", func(h *stage) {
		_, cl, _ := h.usual()
		h.notify(cl, q2931)
		h.notify(cl, psched)
		h.breaks(rule.NOTE03)
	}},
	{"NOTE-03 an AF of another adapter", func(h *stage) {
		a, a2 := h.nic(), h.nic()
		cl := h.bind(h.client("client"), a)
		h.bind(h.manager("cm"), a2, q2931)
		h.notify(cl, q2931)
		h.breaks(rule.NOTE03)
	}},
	{"NOTE-03 before the registration", func(h *stage) {
		a := h.nic()
		cl := h.bind(h.client("client"), a)
		b := h.startBind(1, h.manager("cm"), a)
		h.notify(cl, q2931)
		h.breaks(rule.NOTE03)
		h.register(1, b, q2931, success)
		h.endBind(b)
	}},
	{"NOTE-03 concurrent with the registration", func(h *stage) {
		a := h.nic()
		cl := h.bind(h.client("client"), a)
		b := h.startBind(1, h.manager("cm"), a)
		n := h.in(2, ndis.ProtocolCoAfRegisterNotify, "client", contextIs(cl.ctx), familyIs(q2931))
		h.register(1, b, q2931, success)
		h.out(n)
		h.endBind(b)
	}},
	{"NOTE-04 inside the registering call", func(h *stage) {
		a := h.nic()
		cl := h.bind(h.client("client"), a)
		b := h.startBind(1, h.manager("cm"), a)
		r := h.in(1, ndis.NdisCmRegisterAddressFamilyEx, "cm", bindingIs(b.handle), familyIs(q2931))
		h.do(1, ndis.ProtocolCoAfRegisterNotify, "client", contextIs(cl.ctx), familyIs(q2931))
		h.advises(rule.NOTE04)
		h.out(r, statusIs(success))
		h.endBind(b)
	}},
	{"NOTE-05 before initialize returned", func(h *stage) {
		h.adapter("mcm", "mcm", true, func(a *hAdapter) {
			d := h.client("client")
			h.registerMCM(1, a, q2931, success)
			b := h.startBind(2, d, a)
			h.endBind(b)
			h.do(1, ndis.ProtocolCoAfRegisterNotify, "client", contextIs(b.ctx), familyIs(q2931))
			h.breaks(rule.NOTE05)
		})
	}},
	{"NOTE-05 before the client's binding exists", func(h *stage) {
		a := h.adapter("mcm", "mcm", true, func(a *hAdapter) { h.registerMCM(1, a, q2931, success) })
		d := h.client("client")
		b := &hBinding{d: d, a: a, handle: h.handle(), ctx: h.handle(), bind: h.handle()}
		b.frame = h.in(1, ndis.ProtocolBindAdapterEx, d.label, adapterIs(a.handle), contextIs(d.ctx), detailIs("bind_context", b.bind))
		o := h.in(1, ndis.NdisOpenAdapterEx, d.label, adapterIs(a.handle), contextIs(b.ctx), detailIs("bind_context", b.bind, "protocol", d.protocol))
		h.do(1, ndis.ProtocolCoAfRegisterNotify, d.label, contextIs(b.ctx), familyIs(q2931))
		h.breaks(rule.NOTE05)
		h.out(o, statusIs(success), bindingIs(b.handle))
		h.endBind(b)
	}},
	{"NOTE-06 twice", func(h *stage) {
		_, cl, _ := h.usual()
		h.notify(cl, q2931)
		h.notify(cl, q2931)
		h.advises(rule.NOTE06)
	}},
	{"NOTE-06 twice after a second registration", func(h *stage) { // AMB-03
		a := h.nic()
		cl := h.bind(h.client("client"), a)
		h.bind(h.manager("cm"), a, q2931, q2931)
		h.notify(cl, q2931)
		h.notify(cl, q2931)
	}},
	{"NOTE-07 a driver that is no CO protocol", func(h *stage) {
		a := h.nic()
		b := h.bind(h.protocol("tcpip", "client"), a)
		h.bind(h.manager("cm"), a, q2931)
		h.notify(b, q2931)
		h.breaks(rule.NOTE07)
	}},
	{"NOTE-07 a binding that is closed", func(h *stage) {
		_, cl, _ := h.usual()
		h.notify(cl, q2931)
		h.unbind(1, cl)
		h.notify(cl, q2931)
		h.breaks(rule.NOTE07)
	}},
	{"NOTE-08 another version", func(h *stage) {
		_, cl, _ := h.usual()
		h.notify(cl, family{1, 3, 0})
		h.remarks(rule.NOTE08)
	}},
	{"NOTE-09 a call manager opens its own AF", func(h *stage) {
		a := h.nic()
		b := h.bind(h.protocol("both", "call-manager", "client", "protocol-co"), a, q2931)
		o := h.opened(b, b, q2931)
		h.last = o.frame.in
		h.remarks(rule.NOTE09)
	}},
	{"NOTE-10 not notified again after a rebind", func(h *stage) {
		a, cl, cm := h.usual()
		h.notify(cl, q2931)
		h.unbind(1, cm)
		again := h.bind(cm.d, a, q2931)
		h.breaksAt(rule.NOTE10, again.frame.out)
	}},
	{"NOTE-10 another call manager's registration is no re-registration", func(h *stage) {
		a, cl, cm := h.usual()
		h.notify(cl, q2931)
		h.unbind(1, cm)
		b := h.bind(h.manager("cm2"), a, q2931)
		h.breaksAt(rule.NOTE01, b.frame.out)
	}},

	// open
	{"OPEN-01 outside the notification", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931)
		o := h.startOpen(cl, cm, q2931)
		h.advisesAt(rule.OPEN01, o.frame.in)
		h.returnOpen(o, success, success)
	}},
	{"OPEN-02 SUCCESS for an unregistered AF", func(h *stage) {
		_, cl, _ := h.usual()
		h.notify(cl, q2931)
		o := h.startOpen(cl, nil, psched)
		h.advisesAt(rule.OPEN01, o.frame.in)
		h.out(o.frame, statusIs(success), afIs(o.handle))
		h.breaks(rule.OPEN02)
	}},
	{"OPEN-02 the upcall for an unregistered AF", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931)
		o := h.startOpen(cl, cm, psched)
		h.advisesAt(rule.OPEN01, o.frame.in)
		h.breaksAt(rule.OPEN02, o.upcall.in)
		h.returnOpen(o, failure, failure)
	}},
	{"OPEN-02 an unregistered AF is refused", func(h *stage) {
		_, cl, _ := h.usual()
		h.notify(cl, q2931)
		o := h.startOpen(cl, nil, psched)
		h.advisesAt(rule.OPEN01, o.frame.in)
		h.out(o.frame, statusIs(failure))
	}},
	{"OPEN-02 the AF is being registered", func(h *stage) {
		a := h.nic()
		cl := h.bind(h.client("client"), a)
		cm := h.startBind(1, h.manager("cm"), a)
		r := h.in(1, ndis.NdisCmRegisterAddressFamilyEx, "cm", bindingIs(cm.handle), familyIs(q2931))
		h.opened(cl, cm, q2931)
		h.out(r, statusIs(success))
		h.endBind(cm)
	}},
	{"OPEN-02 after the call manager has left", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931)
		h.unbind(1, cm)
		o := h.startOpen(cl, nil, q2931)
		h.advisesAt(rule.OPEN01, o.frame.in)
		h.out(o.frame, statusIs(success), afIs(o.handle))
		h.breaks(rule.OPEN02)
	}},
	{"OPEN-03 after NdisCloseAdapterEx", func(h *stage) {
		_, cl, _ := h.usual()
		h.notify(cl, q2931)
		h.unbind(1, cl)
		o := h.startOpen(cl, nil, q2931)
		h.advisesAt(rule.OPEN01, o.frame.in)
		h.out(o.frame, statusIs(success), afIs(o.handle))
		h.breaks(rule.OPEN03)
	}},
	{"OPEN-03 between unbind and close", func(h *stage) { // AMB-21
		_, cl, cm := h.usual()
		h.notify(cl, q2931)
		x := h.startUnbind(2, cl)
		o := h.startOpen(cl, cm, q2931)
		h.advisesAt(rule.OPEN01, o.frame.in)
		h.returnOpen(o, success, success)
		h.advises(rule.OPEN03)
		h.closed(o, success, success)
		h.closeAdapter(2, cl)
		h.out(x, statusIs(success))
	}},
	{"OPEN-04 while the call manager leaves", func(h *stage) {
		_, cl, cm := h.usual()
		var o *hOpen
		h.notify(cl, q2931, func() {
			x := h.startUnbind(1, cm)
			h.out(x, statusIs(pending))
			o = h.startOpen(cl, cm, q2931)
			h.returnOpen(o, success, success)
			h.breaks(rule.OPEN04)
		})
	}},
	{"OPEN-04 concurrent with the unbind handler", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931, func() {
			x := h.startUnbind(1, cm)
			o := h.startOpen(cl, cm, q2931)
			h.returnOpen(o, success, success)
			h.out(x, statusIs(pending))
		})
	}},
	{"OPEN-05 no upcall", func(h *stage) {
		_, cl, _ := h.usual()
		h.notify(cl, q2931, func() {
			o := h.startOpen(cl, nil, q2931)
			h.out(o.frame, statusIs(success), afIs(o.handle))
			h.breaks(rule.OPEN05)
		})
	}},
	{"OPEN-05 PENDING and no upcall", func(h *stage) {
		_, cl, _ := h.usual()
		h.notify(cl, q2931, func() {
			o := h.startOpen(cl, nil, q2931)
			h.out(o.frame, statusIs(pending))
			h.breaks(rule.OPEN05)
		})
	}},
	{"OPEN-05 NDIS may refuse by completion", func(h *stage) {
		_, cl, _ := h.usual()
		h.notify(cl, q2931, func() {
			o := h.startOpen(cl, nil, q2931)
			h.out(o.frame, statusIs(pending))
			h.tellOpen(o, resources, "ndis")
		})
	}},
	{"OPEN-05 two upcalls", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931, func() {
			o := h.startOpen(cl, cm, q2931)
			h.out(o.upcall, statusIs(success), contextIs(o.managerCtx))
			u := h.in(2, ndis.ProtocolCmOpenAf, "cm", contextIs(cm.ctx), familyIs(q2931), afIs(h.handle()))
			h.breaks(rule.OPEN05)
			h.out(u, statusIs(failure))
			h.out(o.frame, statusIs(success), afIs(o.handle))
		})
	}},
	{"OPEN-05 an upcall for nobody", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931)
		u := h.in(2, ndis.ProtocolCmOpenAf, "cm", contextIs(cm.ctx), familyIs(q2931), afIs(h.handle()))
		h.breaks(rule.OPEN05)
		h.out(u, statusIs(failure))
	}},
	{"OPEN-05 another call manager is asked", func(h *stage) {
		a, cl, _ := h.usual()
		other := h.bind(h.manager("cm2"), a, psched)
		h.notify(cl, psched)
		h.notify(cl, q2931, func() {
			o := h.startOpen(cl, other, q2931)
			h.breaksAt(rule.OPEN05, o.upcall.in)
			h.returnOpen(o, failure, failure)
		})
	}},
	{"OPEN-05 the handle of a live open", func(h *stage) {
		a, cl, cm := h.usual()
		cl2 := h.bind(h.client("client2"), a)
		o := h.opened(cl, cm, q2931)
		h.notify(cl2, q2931, func() {
			o2 := &hOpen{b: cl2, cm: cm, handle: o.handle, ctx: h.handle()}
			o2.frame = h.in(2, ndis.NdisClOpenAddressFamilyEx, "client2", bindingIs(cl2.handle), familyIs(q2931), contextIs(o2.ctx))
			o2.upcall = h.in(2, ndis.ProtocolCmOpenAf, "cm", contextIs(cm.ctx), familyIs(q2931), afIs(o.handle))
			h.breaks(rule.OPEN05)
			h.returnOpen(o2, failure, failure)
		})
		h.closed(o, success, success)
	}},
	{"OPEN-05 the handle of a closed open", func(h *stage) {
		a, cl, cm := h.usual()
		cl2 := h.bind(h.client("client2"), a)
		o := h.opened(cl, cm, q2931)
		h.closed(o, success, success)
		h.notify(cl2, q2931, func() {
			o2 := &hOpen{b: cl2, cm: cm, handle: o.handle, ctx: h.handle()}
			o2.frame = h.in(2, ndis.NdisClOpenAddressFamilyEx, "client2", bindingIs(cl2.handle), familyIs(q2931), contextIs(o2.ctx))
			o2.upcall = h.in(2, ndis.ProtocolCmOpenAf, "cm", contextIs(cm.ctx), familyIs(q2931), afIs(o.handle))
			h.returnOpen(o2, failure, failure)
		})
	}},
	{"OPEN-06 no context", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931, func() {
			o := h.startOpen(cl, cm, q2931)
			o.managerCtx = 0
			h.returnOpen(o, success, success)
			h.breaksAt(rule.OPEN06, o.upcall.out)
		})
	}},
	{"OPEN-06 context not recorded", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931, func() {
			o := h.startOpen(cl, cm, q2931)
			h.out(o.upcall, statusIs(success))
			h.out(o.frame, statusIs(success), afIs(o.handle))
		})
	}},
	{"OPEN-07 never completed", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.pended(cl, cm, q2931)
		h.breaksAt(rule.OPEN07, o.upcall.out)
	}},
	{"OPEN-07 the trace is cut", func(h *stage) {
		_, cl, cm := h.usual()
		h.pended(cl, cm, q2931)
		h.cut = true
	}},
	{"OPEN-08 completed twice", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.pended(cl, cm, q2931)
		h.completeOpen(o, success)
		h.tellOpen(o, success, "ndis")
		h.completeOpen(o, success)
		h.breaks(rule.OPEN08)
	}},
	{"OPEN-08 completed though it did not pend", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.completeOpen(o, success)
		h.breaks(rule.OPEN08)
	}},
	{"OPEN-08 completed before a return that is not PENDING", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931, func() {
			o := h.startOpen(cl, cm, q2931)
			h.completeOpen(o, success)
			h.breaks(rule.OPEN08)
			h.returnOpen(o, success, success)
		})
	}},
	{"OPEN-08 completion overtakes the PENDING return", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931, func() {
			o := h.startOpen(cl, cm, q2931)
			h.completeOpen(o, success)
			h.tellOpen(o, success, "ndis")
			h.returnOpen(o, pending, pending)
		})
	}},
	{"OPEN-09 a SAP while another open pends", func(h *stage) {
		a, cl, cm := h.usual()
		cm2 := h.bind(h.manager("cm2"), a, psched)
		o := h.opened(cl, cm, q2931)
		p := h.pended(cl, cm2, psched)
		s := h.ask(5, ndis.NdisClRegisterSap, "client", failure, afIs(o.handle), contextIs(h.handle()))
		h.breaksAt(rule.OPEN09, s.in)
		h.completeOpen(p, success)
		h.tellOpen(p, success, "ndis")
	}},
	{"OPEN-09 a close while another open pends", func(h *stage) {
		a, cl, cm := h.usual()
		cm2 := h.bind(h.manager("cm2"), a, psched)
		o := h.opened(cl, cm, q2931)
		p := h.pended(cl, cm2, psched)
		h.closed(o, success, success)
		h.breaksAt(rule.OPEN09, h.last-3)
		h.completeOpen(p, success)
		h.tellOpen(p, success, "ndis")
	}},
	{"OPEN-09 a second open of another AF is a remark", func(h *stage) { // AMB-23
		a, cl, cm := h.usual()
		cm2 := h.bind(h.manager("cm2"), a, psched)
		p := h.pended(cl, cm, q2931)
		o := h.opened(cl, cm2, psched)
		h.last = o.frame.in
		h.remarks(rule.OPEN09)
		h.completeOpen(p, success)
		h.tellOpen(p, success, "ndis")
	}},
	{"OPEN-09 on another binding, or from the completion", func(h *stage) {
		a, cl, cm := h.usual()
		cl2 := h.bind(h.client("client2"), a)
		p := h.pended(cl, cm, q2931)
		o := h.opened(cl2, cm, q2931)
		h.ask(5, ndis.NdisClRegisterSap, "client2", failure, afIs(o.handle), contextIs(h.handle()))
		h.completeOpen(p, success)
		c := h.in(4, ndis.ProtocolClOpenAfCompleteEx, "client", contextIs(p.ctx), afIs(p.handle), statusIs(success), detailIs("caller", "ndis"))
		h.ask(4, ndis.NdisClRegisterSap, "client", failure, afIs(p.handle), contextIs(h.handle()))
		h.out(c)
	}},
	{"OPEN-09 once the call manager has completed", func(h *stage) {
		a, cl, cm := h.usual()
		cm2 := h.bind(h.manager("cm2"), a, psched)
		o := h.opened(cl, cm, q2931)
		p := h.pended(cl, cm2, psched)
		h.completeOpen(p, success)
		h.ask(5, ndis.NdisClRegisterSap, "client", failure, afIs(o.handle), contextIs(h.handle()))
		h.tellOpen(p, success, "ndis")
	}},
	{"OPEN-09 a driver in both roles goes on as a call manager", func(h *stage) {
		a, cl, cm := h.usual()
		both := h.bind(h.protocol("both", "call-manager", "client", "protocol-co"), a, psched)
		o := h.opened(cl, both, psched)
		p := h.pended(both, cm, q2931)
		h.ask(5, ndis.NdisCoCreateVc, "both", failure, bindingIs(both.handle), afIs(o.handle), contextIs(h.handle()), vcIs(0))
		h.completeOpen(p, success)
		h.tellOpen(p, success, "ndis")
		h.notify(cl, q2931)
	}},
	{"OPEN-10 completed with PENDING", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.pended(cl, cm, q2931)
		h.completeOpen(o, pending)
		h.breaks(rule.OPEN10)
		h.completeOpen(o, success)
		h.tellOpen(o, success, "ndis")
	}},
	{"OPEN-10 completed with PENDING only", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.pended(cl, cm, q2931)
		h.completeOpen(o, pending)
		h.breaks(rule.OPEN10)
	}},
	{"OPEN-11 an upcall with the context of a failed open", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.pended(cl, cm, q2931)
		h.completeOpen(o, failure)
		h.tellOpen(o, failure, "ndis")
		h.do(3, ndis.ProtocolCmCloseAf, "cm", contextIs(o.managerCtx))
		h.breaks(rule.OPEN11)
	}},
	{"OPEN-12 a handle with a failure", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.pended(cl, cm, q2931)
		h.completeOpen(o, failure)
		h.do(4, ndis.ProtocolClOpenAfCompleteEx, "client", contextIs(o.ctx), afIs(o.handle), statusIs(failure), detailIs("caller", "ndis"))
		h.breaks(rule.OPEN12)
	}},
	{"OPEN-13 never told", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.pended(cl, cm, q2931)
		h.completeOpen(o, success)
		h.breaksAt(rule.OPEN13, o.frame.out)
	}},
	{"OPEN-13 never told of a synchronous answer", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931, func() {
			o := h.startOpen(cl, cm, q2931)
			h.returnOpen(o, success, pending)
			h.breaks(rule.OPEN13)
		})
	}},
	{"OPEN-13 a synchronous answer may be told by completion", func(h *stage) { // AMB-06
		_, cl, cm := h.usual()
		h.notify(cl, q2931, func() {
			o := h.startOpen(cl, cm, q2931)
			h.returnOpen(o, success, pending)
			h.tellOpen(o, success, "ndis")
		})
	}},
	{"OPEN-13 told twice", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.pended(cl, cm, q2931)
		h.completeOpen(o, success)
		h.tellOpen(o, success, "ndis")
		h.tellOpen(o, success, "ndis")
		h.breaks(rule.OPEN13)
	}},
	{"OPEN-13 told after SUCCESS", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.tellOpen(o, success, "self")
		h.tellOpen(o, success, "ndis")
		h.breaks(rule.OPEN13)
	}},
	{"OPEN-13 told before the call manager completes", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.pended(cl, cm, q2931)
		h.tellOpen(o, success, "ndis")
		h.breaks(rule.OPEN13)
		h.completeOpen(o, success)
	}},
	{"OPEN-14 another failure than the call manager's", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931, func() {
			o := h.startOpen(cl, cm, q2931)
			h.returnOpen(o, ndis.StatusNotSupported, failure)
			h.breaks(rule.OPEN14)
		})
	}},
	{"OPEN-14 another status by completion", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.pended(cl, cm, q2931)
		h.completeOpen(o, failure)
		h.tellOpen(o, success, "ndis")
		h.breaks(rule.OPEN14)
	}},
	{"OPEN-14 SUCCESS before the call manager has decided", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931, func() {
			o := h.startOpen(cl, cm, q2931)
			h.returnOpen(o, pending, success)
			h.breaks(rule.OPEN14)
			h.completeOpen(o, success)
		})
	}},
	{"OPEN-14 RESOURCES is NDIS's own", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931, func() {
			o := h.startOpen(cl, cm, q2931)
			h.returnOpen(o, failure, resources)
		})
	}},
	{"OPEN-14 FAILURE while the call manager begins to leave", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931, func() {
			o := h.startOpen(cl, cm, q2931)
			h.startUnbind(1, cm)
			h.returnOpen(o, success, failure)
		})
	}},
	{"OPEN-15 completed with an unknown handle", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.pended(cl, cm, q2931)
		h.do(3, ndis.NdisCmOpenAddressFamilyComplete, "cm", statusIs(success), afIs(h.handle()), contextIs(o.managerCtx))
		h.breaks(rule.OPEN15)
		h.completeOpen(o, success)
		h.tellOpen(o, success, "ndis")
	}},
	{"OPEN-16 a failed open keeps its binding", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931, func() {
			o := h.startOpen(cl, cm, q2931)
			h.returnOpen(o, resources, resources)
			h.remarks(rule.OPEN16)
		})
	}},
	{"OPEN-16 a failed open gives up its binding", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931, func() {
			o := h.startOpen(cl, cm, q2931)
			h.returnOpen(o, resources, resources)
			h.ask(2, ndis.NdisUnbindAdapter, "client", success, bindingIs(cl.handle))
		})
		h.least = rule.Info
	}},
	{"OPEN-17 the MCM's variant", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.pended(cl, cm, q2931)
		h.do(3, ndis.NdisMCmOpenAddressFamilyComplete, "cm", statusIs(success), afIs(o.handle), contextIs(o.managerCtx))
		h.breaks(rule.OPEN17)
		h.tellOpen(o, success, "ndis")
	}},
	{"OPEN-18 a handle that was never issued", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		k := h.ask(5, ndis.NdisClCloseAddressFamily, "client", failure, afIs(o.handle+8))
		h.breaksAt(rule.OPEN18, k.in)
		h.do(5, ndis.NdisClNotifyCloseAddressFamilyComplete, "client", afIs(o.handle+8), statusIs(success))
		h.breaks(rule.OPEN18)
		h.do(5, ndis.NdisCmCloseAddressFamilyComplete, "cm", afIs(o.handle+8), statusIs(success))
		h.breaks(rule.OPEN18)
	}},
	{"OPEN-19 another binding context", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931, func() {
			wrong := *cm
			wrong.ctx += 8
			o := h.startOpen(cl, &wrong, q2931)
			h.breaksAt(rule.OPEN19, o.upcall.in)
			h.returnOpen(o, success, success)
		})
	}},
	{"OPEN-19 an MCM gets its adapter context", func(h *stage) {
		a := h.adapter("mcm", "mcm", true, func(a *hAdapter) { h.registerMCM(1, a, q2931, success) })
		cl := h.bind(h.client("client"), a)
		open := func(ctx uint64) (o, u *frame) {
			o = h.in(2, ndis.NdisClOpenAddressFamilyEx, "client", bindingIs(cl.handle), familyIs(q2931), contextIs(h.handle()))
			u = h.ask(2, ndis.ProtocolCmOpenAf, "mcm", failure, contextIs(ctx), familyIs(q2931), afIs(h.handle()))
			h.out(o, statusIs(failure))
			return o, u
		}
		h.notify(cl, q2931, func() {
			open(a.ctx)
			_, u := open(a.ctx + 8)
			h.breaksAt(rule.OPEN19, u.in)
		})
	}},
	{"OPEN-20 another context in a later upcall", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		o.managerCtx += 8
		h.closed(o, success, success)
		h.breaksAt(rule.OPEN20, h.last-2)
	}},
	{"OPEN-20 another context than the completion's", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.pended(cl, cm, q2931)
		h.completeOpen(o, success)
		h.tellOpen(o, success, "ndis")
		s := h.in(5, ndis.NdisClRegisterSap, "client", afIs(o.handle), contextIs(h.handle()))
		u := h.in(5, ndis.ProtocolCmRegisterSap, "cm", contextIs(o.managerCtx+8), sapIs(h.handle()))
		h.breaks(rule.OPEN20)
		h.out(u, statusIs(failure))
		h.out(s, statusIs(failure))
	}},
	{"OPEN-21 another AF than the client's", func(h *stage) {
		a := h.nic()
		cl := h.bind(h.client("client"), a)
		cm := h.bind(h.manager("cm"), a, q2931, psched)
		h.notify(cl, psched)
		h.notify(cl, q2931, func() {
			o := &hOpen{b: cl, cm: cm, handle: h.handle(), ctx: h.handle()}
			o.frame = h.in(2, ndis.NdisClOpenAddressFamilyEx, "client", bindingIs(cl.handle), familyIs(q2931), contextIs(o.ctx))
			o.upcall = h.in(2, ndis.ProtocolCmOpenAf, "cm", contextIs(cm.ctx), familyIs(psched), afIs(o.handle))
			h.breaks(rule.OPEN21)
			h.returnOpen(o, failure, failure)
		})
	}},
	{"OPEN-22 too slow", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931, func() {
			o := h.startOpen(cl, cm, q2931)
			h.ts += 2_000_000
			h.returnOpen(o, success, success)
			h.last = o.upcall.out
			h.advises(rule.OPEN22)
		})
	}},

	// close
	{"CLOSE-01 the client leaves with an open AF", func(h *stage) {
		_, cl, cm := h.usual()
		h.opened(cl, cm, q2931)
		x := h.startUnbind(1, cl)
		h.closeAdapter(1, cl)
		h.breaks(rule.CLOSE01)
		h.out(x, statusIs(success))
	}},
	{"CLOSE-01 the client closes and leaves", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.closed(o, success, success)
		h.unbind(1, cl)
	}},
	{"CLOSE-02 with a SAP", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.sap(o)
		k := h.ask(5, ndis.NdisClCloseAddressFamily, "client", failure, afIs(o.handle))
		h.breaksAt(rule.CLOSE02, k.in)
	}},
	{"CLOSE-02 with a SAP whose deregistration pends", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		sap := h.sap(o)
		h.ask(5, ndis.NdisClDeregisterSap, "client", pending, sapIs(sap))
		k := h.ask(5, ndis.NdisClCloseAddressFamily, "client", failure, afIs(o.handle))
		h.breaksAt(rule.CLOSE02, k.in)
	}},
	{"CLOSE-02 with a VC", func(h *stage) {
		a, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		vc := h.handle()
		v := h.in(5, ndis.NdisCoCreateVc, "client", bindingIs(cl.handle), afIs(o.handle), contextIs(h.handle()), vcIs(0))
		u := h.in(5, ndis.ProtocolCoCreateVc, "cm", contextIs(o.managerCtx), vcIs(vc))
		vcCtx, nicCtx := h.handle(), h.handle()
		h.out(u, statusIs(success), contextIs(vcCtx))
		u = h.in(5, ndis.MiniportCoCreateVc, "nic", contextIs(a.ctx), vcIs(vc))
		h.out(u, statusIs(success), contextIs(nicCtx))
		h.out(v, statusIs(success), vcIs(vc))
		k := h.ask(5, ndis.NdisClCloseAddressFamily, "client", failure, afIs(o.handle))
		h.breaksAt(rule.CLOSE02, k.in)
		v = h.in(5, ndis.NdisCoDeleteVc, "client", vcIs(vc))
		h.ask(5, ndis.MiniportCoDeleteVc, "nic", success, contextIs(nicCtx))
		h.ask(5, ndis.ProtocolCoDeleteVc, "cm", success, contextIs(vcCtx))
		h.out(v, statusIs(success))
		h.closed(o, success, success) // a failed close leaves the AF open: AMB-07
	}},
	{"CLOSE-02 the deregistration may be complete", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		sap := h.sap(o)
		d := h.in(4, ndis.NdisClDeregisterSap, "client", sapIs(sap))
		u := h.in(4, ndis.ProtocolCmDeregisterSap, "cm", contextIs(sap))
		k, c := h.startClose(o)
		h.out(u, statusIs(success))
		h.out(d, statusIs(pending))
		h.do(4, ndis.ProtocolClDeregisterSapComplete, "client", statusIs(success), contextIs(h.sapCtx), detailIs("caller", "ndis"))
		h.out(c, statusIs(success))
		h.out(k, statusIs(success))
	}},
	{"CLOSE-03 twice", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.closed(o, success, success)
		k := h.ask(5, ndis.NdisClCloseAddressFamily, "client", failure, afIs(o.handle))
		h.breaksAt(rule.CLOSE03, k.in)
		k = h.ask(5, ndis.NdisClCloseAddressFamily, "client", success, afIs(o.handle))
		h.breaksAt(rule.CLOSE03, k.in)
	}},
	{"CLOSE-03 two at one time", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		k, d := h.startClose(o)
		k2 := h.ask(7, ndis.NdisClCloseAddressFamily, "client", failure, afIs(o.handle))
		h.breaksAt(rule.CLOSE03, k2.in)
		h.out(d, statusIs(success))
		h.out(k, statusIs(success))
	}},
	{"CLOSE-04 the call manager accepts with a SAP alive", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.sap(o)
		k, d := h.startClose(o)
		h.breaksAt(rule.CLOSE02, k.in)
		h.out(d, statusIs(success))
		h.breaks(rule.CLOSE04)
		h.out(k, statusIs(success))
	}},
	{"CLOSE-04 NOT_ACCEPTED is a remark", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.sap(o)
		k, d := h.startClose(o)
		h.breaksAt(rule.CLOSE02, k.in)
		h.out(d, statusIs(ndis.StatusNotAccepted))
		h.remarks(rule.CLOSE04)
		h.out(k, statusIs(ndis.StatusNotAccepted))
	}},
	{"CLOSE-05 never completed", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.closed(o, pending, pending)
		h.breaksAt(rule.CLOSE05, h.last-1)
	}},
	{"CLOSE-05 completed twice", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.closed(o, pending, pending)
		h.completeClose(o, success)
		h.tellClosed(o, success, "ndis")
		h.completeClose(o, success)
		h.breaks(rule.CLOSE05)
	}},
	{"CLOSE-05 completed though it did not pend", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.closed(o, success, success)
		h.completeClose(o, success)
		h.breaks(rule.CLOSE05)
	}},
	{"CLOSE-05 completed without a close", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.completeClose(o, success)
		h.breaks(rule.CLOSE05)
	}},
	{"CLOSE-05 completion overtakes the PENDING return", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		k, d := h.startClose(o)
		h.completeClose(o, success)
		h.tellClosed(o, success, "ndis")
		h.out(d, statusIs(pending))
		h.out(k, statusIs(pending))
	}},
	{"CLOSE-06 completed with a failure", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.closed(o, pending, pending)
		h.completeClose(o, failure)
		h.advises(rule.CLOSE06)
		h.tellClosed(o, failure, "ndis")
	}},
	{"CLOSE-07 the client uses the handle after its close", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.closed(o, pending, pending)
		s := h.ask(5, ndis.NdisClRegisterSap, "client", failure, afIs(o.handle), contextIs(h.handle()))
		h.breaksAt(rule.SAP01, s.in)
		h.completeClose(o, success)
		h.tellClosed(o, success, "ndis")
		v := h.ask(5, ndis.NdisCoCreateVc, "client", failure, bindingIs(cl.handle), afIs(o.handle), contextIs(h.handle()), vcIs(0))
		h.breaksAt(rule.CLOSE07, v.in)
	}},
	{"CLOSE-07 after a failed close it is a remark", func(h *stage) { // AMB-07
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.closed(o, ndis.StatusNotAccepted, ndis.StatusNotAccepted)
		s := h.ask(5, ndis.NdisClRegisterSap, "client", failure, afIs(o.handle), contextIs(h.handle()))
		h.last = s.in
		h.remarks(rule.CLOSE07)
	}},
	{"CLOSE-08 the call manager uses the handle after its completion", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.closed(o, pending, pending)
		h.ask(3, ndis.NdisCoCreateVc, "cm", failure, bindingIs(cm.handle), afIs(o.handle), contextIs(h.handle()), vcIs(0))
		h.completeClose(o, success)
		h.tellClosed(o, success, "ndis")
		v := h.ask(3, ndis.NdisCoCreateVc, "cm", failure, bindingIs(cm.handle), afIs(o.handle), contextIs(h.handle()), vcIs(0))
		h.breaksAt(rule.CLOSE08, v.in)
	}},
	{"CLOSE-09 the call manager leaves without a word", func(h *stage) {
		_, cl, cm := h.usual()
		h.opened(cl, cm, q2931)
		x := h.startUnbind(1, cm)
		h.closeAdapter(1, cm)
		h.breaks(rule.CLOSE09)
		h.out(x, statusIs(success))
	}},
	{"CLOSE-09 an MCM halts without a word", func(h *stage) {
		a := h.adapter("mcm", "mcm", true, func(a *hAdapter) { h.registerMCM(1, a, q2931, success) })
		cl := h.bind(h.client("client"), a)
		h.openedMCM(cl, a)
		x := h.halt(a)
		h.out(x)
		h.breaks(rule.CLOSE09)
	}},
	{"CLOSE-09 an MCM asks in its halt handler", func(h *stage) {
		a := h.adapter("mcm", "mcm", true, func(a *hAdapter) { h.registerMCM(1, a, q2931, success) })
		cl := h.bind(h.client("client"), a)
		af, ctx, mctx := h.openedMCM(cl, a)
		x := h.halt(a)
		n := h.in(1, ndis.NdisMCmNotifyCloseAddressFamily, "mcm", afIs(af))
		f := h.in(1, ndis.ProtocolClNotifyCloseAf, "client", contextIs(ctx))
		k := h.in(1, ndis.NdisClCloseAddressFamily, "client", afIs(af))
		h.ask(1, ndis.ProtocolCmCloseAf, "mcm", success, contextIs(mctx))
		h.out(k, statusIs(success))
		h.out(f, statusIs(success))
		h.out(n, statusIs(success))
		h.out(x)
	}},
	{"CLOSE-09 OID_CO_AF_CLOSE counts", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		x := h.startUnbind(1, cm)
		h.ask(1, ndis.NdisCoOidRequest, "cm", success, bindingIs(cm.handle), afIs(o.handle), detailIs("oid", "0xfe00000a"))
		h.closeAdapter(1, cm)
		h.out(x, statusIs(success))
	}},
	{"CLOSE-10 outside the unbind handler", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		n, f := h.startNotifyClose(o)
		h.last = n.in
		h.advises(rule.CLOSE10)
		h.closed(o, success, success)
		h.out(f, statusIs(success))
		h.out(n, statusIs(success))
	}},
	{"CLOSE-11 the client is not asked", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.startUnbind(1, cm)
		h.ask(6, ndis.NdisCmNotifyCloseAddressFamily, "cm", success, afIs(o.handle))
		h.breaks(rule.CLOSE11)
	}},
	{"CLOSE-11 the client is asked twice", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.startUnbind(1, cm)
		n, f := h.startNotifyClose(o)
		h.closed(o, success, success)
		h.out(f, statusIs(success))
		h.ask(6, ndis.ProtocolClNotifyCloseAf, "client", failure, contextIs(o.ctx))
		h.breaksAt(rule.CLOSE11, h.last-1)
		h.out(n, statusIs(success))
	}},
	{"CLOSE-11 another client is asked", func(h *stage) {
		a, cl, cm := h.usual()
		cl2 := h.bind(h.client("client2"), a)
		o, o2 := h.opened(cl, cm, q2931), h.opened(cl2, cm, q2931)
		h.startUnbind(1, cm)
		n := h.in(6, ndis.NdisCmNotifyCloseAddressFamily, "cm", afIs(o.handle))
		h.ask(6, ndis.ProtocolClNotifyCloseAf, "client2", failure, contextIs(o2.ctx))
		h.breaksAt(rule.CLOSE11, h.last-1)
		h.out(n, statusIs(failure))
	}},
	{"CLOSE-11 a client is asked by nobody", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.ask(6, ndis.ProtocolClNotifyCloseAf, "client", failure, contextIs(o.ctx))
		h.breaksAt(rule.CLOSE11, h.last-1)
	}},
	{"CLOSE-11 NDIS may refuse", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.startUnbind(1, cm)
		h.ask(6, ndis.NdisCmNotifyCloseAddressFamily, "cm", resources, afIs(o.handle))
	}},
	{"CLOSE-12 the client never answers", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.startUnbind(1, cm)
		n, f := h.startNotifyClose(o)
		h.out(f, statusIs(pending))
		h.breaks(rule.CLOSE12)
		h.out(n, statusIs(pending))
		h.closed(o, success, success)
	}},
	{"CLOSE-12 a client whose close hangs cannot answer", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.startUnbind(1, cm)
		n, f := h.startNotifyClose(o)
		h.out(f, statusIs(pending))
		h.out(n, statusIs(pending))
		k, d := h.startClose(o)
		h.out(d, statusIs(success))
		h.out(k, statusIs(pending))
		h.breaks(rule.CLOSE18)
	}},
	{"CLOSE-12 the client answers twice", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.startUnbind(1, cm)
		n, f := h.startNotifyClose(o)
		h.out(f, statusIs(pending))
		h.out(n, statusIs(pending))
		h.closed(o, success, success)
		h.out(h.answerNotify(o, success))
		h.tellNotify(6, o, success)
		q := h.answerNotify(o, success)
		h.breaks(rule.CLOSE12)
		h.out(q)
	}},
	{"CLOSE-12 the client answers twice, by return and by completion", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.startUnbind(1, cm)
		n, f := h.startNotifyClose(o)
		h.closed(o, success, success)
		h.out(f, statusIs(success))
		h.out(n, statusIs(success))
		q := h.answerNotify(o, success)
		h.breaks(rule.CLOSE12)
		h.out(q)
	}},
	{"CLOSE-14 SUCCESS without a close", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.startUnbind(1, cm)
		n, f := h.startNotifyClose(o)
		h.out(f, statusIs(success))
		h.breaks(rule.CLOSE14)
		h.out(n, statusIs(success))
	}},
	{"CLOSE-14 completed without a close", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.startUnbind(1, cm)
		n, f := h.startNotifyClose(o)
		h.out(f, statusIs(pending))
		h.out(n, statusIs(pending))
		q := h.answerNotify(o, success)
		h.breaks(rule.CLOSE14)
		h.out(q)
		h.tellNotify(6, o, success)
	}},
	{"CLOSE-14 the client was closing by itself", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		k, d := h.startClose(o)
		h.startUnbind(1, cm)
		n, f := h.startNotifyClose(o)
		h.out(f, statusIs(success))
		h.out(n, statusIs(success))
		h.out(d, statusIs(success))
		h.out(k, statusIs(success))
	}},
	{"CLOSE-15 the call manager is not told", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.startUnbind(1, cm)
		n, f := h.startNotifyClose(o)
		h.out(f, statusIs(pending))
		h.out(n, statusIs(pending))
		h.breaks(rule.CLOSE15)
		h.closed(o, success, success)
		h.out(h.answerNotify(o, success))
	}},
	{"CLOSE-15 the call manager is told twice", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.startUnbind(1, cm)
		n, f := h.startNotifyClose(o)
		h.out(f, statusIs(pending))
		h.out(n, statusIs(pending))
		h.closed(o, success, success)
		h.out(h.answerNotify(o, success))
		h.tellNotify(6, o, success)
		h.tellNotify(6, o, success)
		h.breaks(rule.CLOSE15)
	}},
	{"CLOSE-15 the call manager is told though nothing pended", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.startUnbind(1, cm)
		n, f := h.startNotifyClose(o)
		h.closed(o, success, success)
		h.out(f, statusIs(success))
		h.out(n, statusIs(success))
		h.tellNotify(6, o, success)
		h.breaks(rule.CLOSE15)
	}},
	{"CLOSE-15 the call manager is told another status", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.startUnbind(1, cm)
		n, f := h.startNotifyClose(o)
		h.out(f, statusIs(pending))
		h.out(n, statusIs(pending))
		h.closed(o, success, success)
		h.out(h.answerNotify(o, success))
		h.tellNotify(6, o, failure)
		h.breaks(rule.CLOSE15)
	}},
	{"CLOSE-18 the client is not told", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.closed(o, pending, pending)
		h.breaks(rule.CLOSE18)
		h.completeClose(o, success)
	}},
	{"CLOSE-18 the client is told twice", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.closed(o, success, pending)
		h.tellClosed(o, success, "ndis")
		h.tellClosed(o, success, "ndis")
		h.breaks(rule.CLOSE18)
	}},
	{"CLOSE-18 the client is told though nothing pended", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.closed(o, success, success)
		h.tellClosed(o, success, "self")
		h.tellClosed(o, success, "ndis")
		h.breaks(rule.CLOSE18)
	}},
	{"CLOSE-19 the context of an open that lives", func(h *stage) {
		a, cl, cm := h.usual()
		cm2 := h.bind(h.manager("cm2"), a, psched)
		o := h.opened(cl, cm, q2931)
		h.notify(cl, psched, func() {
			p := &hOpen{b: cl, cm: cm2, handle: h.handle(), ctx: o.ctx, managerCtx: h.handle()}
			p.frame = h.in(2, ndis.NdisClOpenAddressFamilyEx, "client", bindingIs(cl.handle), familyIs(psched), contextIs(p.ctx))
			h.breaks(rule.CLOSE19)
			p.upcall = h.in(2, ndis.ProtocolCmOpenAf, "cm2", contextIs(cm2.ctx), familyIs(psched), afIs(p.handle))
			h.returnOpen(p, success, success)
		})
	}},
	{"CLOSE-19 the context of an open that is closed", func(h *stage) {
		a, cl, cm := h.usual()
		cm2 := h.bind(h.manager("cm2"), a, psched)
		o := h.opened(cl, cm, q2931)
		h.closed(o, pending, pending)
		h.completeClose(o, success)
		h.tellClosed(o, success, "ndis")
		h.notify(cl, psched, func() {
			p := &hOpen{b: cl, cm: cm2, handle: h.handle(), ctx: o.ctx, managerCtx: h.handle()}
			p.frame = h.in(2, ndis.NdisClOpenAddressFamilyEx, "client", bindingIs(cl.handle), familyIs(psched), contextIs(p.ctx))
			p.upcall = h.in(2, ndis.ProtocolCmOpenAf, "cm2", contextIs(cm2.ctx), familyIs(psched), afIs(p.handle))
			h.returnOpen(p, success, success)
		})
	}},
	{"CLOSE-20 the call manager is not asked", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.ask(5, ndis.NdisClCloseAddressFamily, "client", success, afIs(o.handle))
		h.breaks(rule.CLOSE20)
	}},
	{"CLOSE-20 the call manager is asked twice", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		k, d := h.startClose(o)
		h.out(d, statusIs(success))
		h.ask(5, ndis.ProtocolCmCloseAf, "cm", failure, contextIs(o.managerCtx))
		h.breaksAt(rule.CLOSE20, h.last-1)
		h.out(k, statusIs(success))
	}},
	{"CLOSE-20 another call manager is asked", func(h *stage) {
		a, cl, cm := h.usual()
		cm2 := h.bind(h.manager("cm2"), a, psched)
		h.notify(cl, psched)
		o := h.opened(cl, cm, q2931)
		k := h.in(5, ndis.NdisClCloseAddressFamily, "client", afIs(o.handle))
		h.ask(5, ndis.ProtocolCmCloseAf, "cm2", failure, contextIs(cm2.ctx))
		h.breaksAt(rule.CLOSE20, h.last-1)
		h.out(k, statusIs(failure))
	}},
	{"CLOSE-20 a call manager is asked by nobody", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.ask(5, ndis.ProtocolCmCloseAf, "cm", failure, contextIs(o.managerCtx))
		h.breaksAt(rule.CLOSE20, h.last-1)
	}},
	{"CLOSE-21 twice", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		h.startUnbind(1, cm)
		n, f := h.startNotifyClose(o)
		h.closed(o, success, success)
		h.out(f, statusIs(success))
		h.out(n, statusIs(success))
		h.ask(6, ndis.NdisCmNotifyCloseAddressFamily, "cm", failure, afIs(o.handle))
		h.last--
		h.advises(rule.CLOSE21)
	}},
}

func (h *stage) advisesAt(id rule.ID, seq uint64) {
	h.want = append(h.want, Finding{id, seq, rule.Warning})
}

// sap registers a SAP at o on thread 5 and returns its handle, which is the call manager's
// context too; sapCtx is the client's.
func (h *stage) sap(o *hOpen) uint64 {
	sap := h.handle()
	h.sapCtx = h.handle()
	s := h.in(5, ndis.NdisClRegisterSap, o.b.d.label, afIs(o.handle), contextIs(h.sapCtx))
	u := h.in(5, ndis.ProtocolCmRegisterSap, o.cm.d.label, contextIs(o.managerCtx), sapIs(sap))
	h.out(u, statusIs(success), contextIs(sap))
	h.out(s, statusIs(success), sapIs(sap))
	return sap
}

// openedMCM is an open at an MCM that succeeds at once, in a notification of it.
func (h *stage) openedMCM(cl *hBinding, a *hAdapter) (af, ctx, managerCtx uint64) {
	af, ctx, managerCtx = h.handle(), h.handle(), h.handle()
	h.notify(cl, q2931, func() {
		o := h.in(2, ndis.NdisClOpenAddressFamilyEx, cl.d.label, bindingIs(cl.handle), familyIs(q2931), contextIs(ctx))
		u := h.in(2, ndis.ProtocolCmOpenAf, a.label, contextIs(a.ctx), familyIs(q2931), afIs(af))
		h.out(u, statusIs(success), contextIs(managerCtx))
		h.out(o, statusIs(success), afIs(af))
	})
	return af, ctx, managerCtx
}

func TestRules(t *testing.T) {
	for _, c := range histories {
		t.Run(c.name, func(t *testing.T) {
			h := newStage()
			c.play(h)
			h.check(t)
		})
	}
}
