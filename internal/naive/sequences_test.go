package naive

import (
	"fmt"
	"testing"

	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// unbindByManager is sequence 6.7: the call manager leaves, and asks the clients of its opens to
// close them first.
func (h *stage) unbindByManager(cm *hBinding, opens ...*hOpen) {
	x := h.startUnbind(6, cm)
	for _, o := range opens {
		n, f := h.startNotifyClose(o)
		h.out(f, statusIs(pending))
		h.out(n, statusIs(pending))
	}
	for _, o := range opens {
		h.closed(o, pending, pending)
		h.completeClose(o, success)
		h.tellClosed(o, success, "ndis")
		q := h.answerNotify(o, success)
		h.tellNotify(5, o, success)
		h.out(q)
	}
	h.closeAdapter(6, cm)
	h.out(x, statusIs(success))
}

// The typical sequences that concern AFs, numbered as in testdata/scenarios/sequences.
var sequences = []struct {
	name string
	play func(h *stage)
}{
	{"6.1 a call manager boots, the client is bound", func(h *stage) {
		a := h.nic()
		c, m := h.client("client"), h.manager("cm")
		cl := h.bind(c, a)
		cm := h.bind(m, a, q2931)
		h.notify(cl, q2931, func() {
			o := h.startOpen(cl, cm, q2931)
			h.returnOpen(o, success, success)
			h.do(2, ndis.ProtocolClOpenAfCompleteEx, "client", contextIs(o.ctx), afIs(o.handle), statusIs(success), detailIs("caller", "self"))
			h.sap(o)
		})
	}},
	{"6.1 with PENDING and a callback", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931, func() {
			o := h.startOpen(cl, cm, q2931)
			h.returnOpen(o, success, pending)
			h.tellOpen(o, success, "ndis")
			h.sap(o)
		})
	}},
	{"6.2 an MCM boots", func(h *stage) {
		a := h.adapter("mcm", "mcm", true, func(a *hAdapter) {
			h.registerMCM(1, a, q2931, success)
			h.registerMCM(1, a, psched, success)
		})
		cl := h.bind(h.client("client"), a)
		h.notify(cl, psched)
		h.openedMCM(cl, a)
	}},
	{"6.3 the client binds after the call manager", func(h *stage) {
		a := h.nic()
		cm := h.bind(h.manager("cm"), a, q2931, psched)
		cl := h.bind(h.client("client"), a)
		h.opened(cl, cm, psched)
		h.opened(cl, cm, q2931)
	}},
	{"6.4 several clients, any order, call managers too", func(h *stage) {
		a := h.nic()
		var cls []*hBinding
		for i := range 3 {
			cls = append(cls, h.bind(h.client(fmt.Sprintf("client%d", i)), a))
		}
		other := h.bind(h.manager("cm2"), a, psched)
		cm := h.bind(h.manager("cm"), a, q2931)
		h.notify(cls[2], q2931)
		h.notify(cls[0], psched)
		h.notify(cm, q2931)
		h.notify(cls[1], q2931)
		h.notify(other, q2931)
		h.notify(cls[2], psched)
		h.notify(cls[0], q2931)
		h.notify(cls[1], psched)
	}},
	{"6.5 two call managers conflict", func(h *stage) {
		a, b := h.nic(), h.nic()
		m := h.adapter("mcm", "mcm", true, func(a *hAdapter) { h.registerMCM(1, a, q2931, success) })
		cm1, cm2 := h.manager("cm1"), h.manager("cm2")
		on1 := h.bind(cm1, a, q2931)
		on2 := h.startBind(1, cm2, a)
		h.register(1, on2, q2931, failure)
		h.register(1, on2, psched, success)
		h.endBind(on2)
		h.bind(cm2, b, q2931)
		h.unbind(1, on1)
		h.unbind(1, on2)
		h.bind(cm2, a, q2931)
		on3 := h.startBind(1, cm1, m)
		h.register(1, on3, q2931, failure)
		h.endBind(on3)
	}},
	{"6.6 an open pends", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.pended(cl, cm, q2931)
		m := h.in(3, ndis.NdisCmOpenAddressFamilyComplete, "cm", statusIs(success), afIs(o.handle), contextIs(o.managerCtx))
		h.out(m)
		h.tellOpen(o, success, "ndis")
	}},
	{"6.6 the callback comes before the call has returned PENDING", func(h *stage) {
		_, cl, cm := h.usual()
		h.notify(cl, q2931, func() {
			o := h.startOpen(cl, cm, q2931)
			m := h.in(3, ndis.NdisCmOpenAddressFamilyComplete, "cm", statusIs(success), afIs(o.handle), contextIs(o.managerCtx))
			h.do(3, ndis.ProtocolClOpenAfCompleteEx, "client", contextIs(o.ctx), afIs(o.handle), statusIs(success), detailIs("caller", "ndis"))
			h.out(m)
			h.returnOpen(o, pending, pending)
		})
	}},
	{"6.6 a failure", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.pended(cl, cm, q2931)
		h.completeOpen(o, resources)
		h.tellOpen(o, resources, "ndis")
	}},
	{"6.7 the call manager leaves", func(h *stage) {
		a, cl, cm := h.usual()
		cl2 := h.bind(h.client("client2"), a)
		o, o2 := h.opened(cl, cm, q2931), h.opened(cl2, cm, q2931)
		h.unbindByManager(cm, o, o2)
		h.unbind(1, cl)
		h.unbind(1, cl2)
		h.out(h.halt(a))
	}},
	{"6.7 the call manager leaves, its unbind pends", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		x := h.startUnbind(1, cm)
		h.out(x, statusIs(pending))
		n, f := h.startNotifyClose(o)
		k, d := h.startClose(o)
		h.out(d, statusIs(success))
		h.out(k, statusIs(success))
		h.do(5, ndis.ProtocolClCloseAfComplete, "client", contextIs(o.ctx), statusIs(success), detailIs("caller", "self"))
		h.out(f, statusIs(success))
		h.out(n, statusIs(success))
		h.ask(6, ndis.NdisCloseAdapterEx, "cm", pending, bindingIs(cm.handle))
		h.do(7, ndis.ProtocolCloseAdapterCompleteEx, "cm", contextIs(cm.ctx))
		h.do(6, ndis.NdisCompleteUnbindAdapterEx, "cm", detailIs("unbind_context", cm.free))
	}},
	{"6.7 the last callback overtakes the notification's PENDING return", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		x := h.startUnbind(1, cm)
		n, f := h.startNotifyClose(o)
		h.closed(o, success, success)
		q := h.answerNotify(o, success)
		h.tellNotify(7, o, success)
		h.out(q)
		h.out(f, statusIs(pending))
		h.out(n, statusIs(pending))
		h.closeAdapter(1, cm)
		h.out(x, statusIs(success))
	}},
	{"6.8 the client leaves", func(h *stage) {
		a, cl, cm := h.usual()
		cl2 := h.bind(h.client("client2"), a)
		o, o2 := h.opened(cl, cm, q2931), h.opened(cl2, cm, q2931)
		sap := h.sap(o)
		x := h.startUnbind(1, cl)
		h.out(x, statusIs(pending))
		d := h.in(5, ndis.NdisClDeregisterSap, "client", sapIs(sap))
		h.ask(5, ndis.ProtocolCmDeregisterSap, "cm", success, contextIs(sap))
		h.do(7, ndis.ProtocolClDeregisterSapComplete, "client", statusIs(success), contextIs(h.sapCtx), detailIs("caller", "ndis"))
		h.out(d, statusIs(pending))
		h.closed(o, pending, pending)
		h.completeClose(o, success)
		h.tellClosed(o, success, "ndis")
		h.closeAdapter(5, cl)
		h.do(5, ndis.NdisCompleteUnbindAdapterEx, "client", detailIs("unbind_context", cl.free))
		h.sap(o2)
	}},
	{"6.8 the client closes, declines and stays", func(h *stage) {
		a, cl, cm := h.usual()
		h.bind(h.client("client2"), a)
		h.notify(cl, q2931)
		o := h.opened(h.bind(h.client("client3"), a), cm, q2931)
		h.closed(o, success, success)
		h.cut = true // client2 is not told
	}},
	{"6.9 the client's close and the call manager's request cross", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		x, y := h.startUnbind(1, cl), h.startUnbind(2, cm)
		h.out(x, statusIs(pending))
		h.out(y, statusIs(pending))
		k, d := h.startClose(o)
		n, f := h.startNotifyClose(o)
		h.out(d, statusIs(pending))
		h.out(k, statusIs(pending))
		h.out(f, statusIs(pending))
		h.out(n, statusIs(pending))
		h.completeClose(o, success)
		h.tellClosed(o, success, "ndis")
		q := h.answerNotify(o, success)
		h.tellNotify(5, o, success)
		h.out(q)
		h.closeAdapter(6, cm)
		h.closeAdapter(5, cl)
		h.do(6, ndis.NdisCompleteUnbindAdapterEx, "cm", detailIs("unbind_context", cm.free))
		h.do(5, ndis.NdisCompleteUnbindAdapterEx, "client", detailIs("unbind_context", cl.free))
	}},
	{"6.9 the request comes when the client has closed", func(h *stage) {
		_, cl, cm := h.usual()
		o := h.opened(cl, cm, q2931)
		x := h.startUnbind(1, cm)
		k, d := h.startClose(o)
		n := h.in(6, ndis.NdisCmNotifyCloseAddressFamily, "cm", afIs(o.handle))
		h.out(d, statusIs(success))
		h.out(k, statusIs(success))
		h.out(n, statusIs(failure))
		h.closeAdapter(1, cm)
		h.out(x, statusIs(success))
	}},
	{"6.12 two AFs, one driver in both roles", func(h *stage) {
		tapi, proxy := family{0x800, 1, 0}, family{0x801, 1, 0}
		a := h.adapter("wan", "mcm", true, func(a *hAdapter) { h.registerMCM(1, a, proxy, success) })
		p := h.protocol("ndproxy", "call-manager", "client", "protocol-co")
		w := h.client("ndiswan")
		ndproxy, ndiswan := h.bind(p, a), h.bind(w, a)
		h.notify(ndiswan, proxy)
		h.notify(ndproxy, proxy, func() {
			af, ctx := h.handle(), h.handle()
			o := h.in(2, ndis.NdisClOpenAddressFamilyEx, "ndproxy", bindingIs(ndproxy.handle), familyIs(proxy), contextIs(ctx))
			u := h.in(2, ndis.ProtocolCmOpenAf, "wan", contextIs(a.ctx), familyIs(proxy), afIs(af))
			h.out(u, statusIs(success), contextIs(h.handle()))
			h.out(o, statusIs(success), afIs(af))
			r := h.in(2, ndis.NdisCmRegisterAddressFamilyEx, "ndproxy", bindingIs(ndproxy.handle), familyIs(tapi))
			h.advises(rule.REG07)
			h.out(r, statusIs(success))
		})
		h.opened(ndiswan, ndproxy, tapi)
	}},
}

func TestSequencesOfTheReference(t *testing.T) {
	for _, c := range sequences {
		t.Run(c.name, func(t *testing.T) {
			h := newStage()
			c.play(h)
			h.check(t)
		})
	}
}
