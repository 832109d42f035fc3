package naive

import (
	"slices"
	"testing"

	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// stage writes hand-made histories: a CO adapter, and whatever a test puts on it. Rows
// are a microsecond apart. breaks names the finding that the last row has to give.
type stage struct {
	rows
	next   uint64 // handle or context
	last   uint64 // seq of the last row
	sapCtx uint64 // the client's context of the last SAP
	want   []Finding
	least  rule.Severity // of the findings that are compared
	cut    bool          // the trace ends before the activity does
}

func newStage() *stage { return &stage{next: 0x1000, least: rule.Warning} }

func (h *stage) handle() uint64 { h.next += 0x10; return h.next }

func (h *stage) in(tid uint64, fn ndis.Func, driver string, cols ...column) *frame {
	f := h.enter(tid, 1000, fn, driver, cols)
	h.last = f.in
	return f
}

func (h *stage) out(f *frame, cols ...column) {
	h.leave(f, 1000, cols)
	h.last = f.out
}

// do is a call without anything inside; the row that counts for breaks is its entry.
func (h *stage) do(tid uint64, fn ndis.Func, driver string, cols ...column) {
	f := h.in(tid, fn, driver, cols...)
	h.leave(f, 1000, nil)
	h.last = f.in
}

// ask is a call that returns a status.
func (h *stage) ask(tid uint64, fn ndis.Func, driver string, s ndis.Status, cols ...column) *frame {
	f := h.in(tid, fn, driver, cols...)
	h.out(f, statusIs(s))
	return f
}

func (h *stage) breaks(id rule.ID)  { h.breaksAt(id, h.last) }
func (h *stage) advises(id rule.ID) { h.want = append(h.want, Finding{id, h.last, rule.Warning}) }
func (h *stage) remarks(id rule.ID) {
	h.want = append(h.want, Finding{id, h.last, rule.Info})
	h.least = rule.Info
}
func (h *stage) breaksAt(id rule.ID, seq uint64) {
	h.want = append(h.want, Finding{id, seq, rule.Error})
}

// check compares what Check finds with what the history names.
func (h *stage) check(t *testing.T) {
	t.Helper()
	all := Check(h.events, !h.cut)
	found := atLeast(h.least, all)
	for _, f := range found {
		if !slices.Contains(h.want, f) {
			t.Errorf("found %v, which the history does not carry", f)
		}
	}
	for _, f := range h.want {
		if !slices.Contains(found, f) {
			t.Errorf("did not find %v", f)
		}
	}
	if t.Failed() {
		t.Logf("found %v, want %v\n%s", all, h.want, Format(h.events, all...))
	}
}

var q2931 = family{typ: 1, major: 3, minor: 1}
var psched = family{typ: 2, major: 3, minor: 1}

const (
	success   = ndis.StatusSuccess
	pending   = ndis.StatusPending
	failure   = ndis.StatusFailure
	resources = ndis.StatusResources
)

// hand-made drivers.
type (
	hProtocol struct {
		label         string
		protocol, ctx uint64
	}
	hAdapter struct {
		label       string
		handle, ctx uint64
		init        *frame
	}
	hBinding struct {
		d                       *hProtocol
		a                       *hAdapter
		handle, ctx, bind, free uint64
		frame                   *frame
	}
	hOpen struct {
		b, cm                   *hBinding
		handle, ctx, managerCtx uint64
		frame, upcall           *frame
	}
)

func (h *stage) protocol(label string, handlers ...string) *hProtocol {
	p := &hProtocol{label: label, protocol: h.handle(), ctx: h.handle()}
	r := h.in(1, ndis.NdisRegisterProtocolDriver, label, contextIs(p.ctx))
	h.ask(1, ndis.NdisSetOptionalHandlers, label, success, detailIs("handlers", handlers, "protocol", p.protocol))
	h.out(r, statusIs(success), detailIs("protocol", p.protocol))
	return p
}

func (h *stage) client(label string) *hProtocol { return h.protocol(label, "client", "protocol-co") }
func (h *stage) manager(label string) *hProtocol {
	return h.protocol(label, "call-manager", "protocol-co")
}

// adapter initializes an adapter on thread 1; inside runs in the initialize handler.
func (h *stage) adapter(label, role string, co bool, inside ...func(*hAdapter)) *hAdapter {
	a := &hAdapter{label: label, handle: h.handle(), ctx: h.handle()}
	a.init = h.in(1, ndis.MiniportInitializeEx, label, adapterIs(a.handle), detailIs("co", co, "miniport_context", a.ctx, "role", role))
	for _, f := range inside {
		f(a)
	}
	h.out(a.init, statusIs(success))
	return a
}

func (h *stage) nic() *hAdapter { return h.adapter("nic", "miniport", true) }

// startBind and endBind are the two halves of a bind on thread tid.
func (h *stage) startBind(tid uint64, d *hProtocol, a *hAdapter) *hBinding {
	b := &hBinding{d: d, a: a, handle: h.handle(), ctx: h.handle(), bind: h.handle()}
	b.frame = h.in(tid, ndis.ProtocolBindAdapterEx, d.label, adapterIs(a.handle), contextIs(d.ctx), detailIs("bind_context", b.bind))
	o := h.in(tid, ndis.NdisOpenAdapterEx, d.label, adapterIs(a.handle), contextIs(b.ctx), detailIs("bind_context", b.bind, "protocol", d.protocol))
	h.out(o, statusIs(success), bindingIs(b.handle))
	return b
}

func (h *stage) endBind(b *hBinding) { h.out(b.frame, statusIs(success)) }

// bind binds d to a on thread 1, registering AFs in the handler.
func (h *stage) bind(d *hProtocol, a *hAdapter, fs ...family) *hBinding {
	b := h.startBind(1, d, a)
	for _, f := range fs {
		h.register(1, b, f, success)
	}
	h.endBind(b)
	return b
}

func (h *stage) register(tid uint64, b *hBinding, f family, s ndis.Status) {
	h.ask(tid, ndis.NdisCmRegisterAddressFamilyEx, b.d.label, s, bindingIs(b.handle), familyIs(f))
}

func (h *stage) registerMCM(tid uint64, a *hAdapter, f family, s ndis.Status) {
	h.ask(tid, ndis.NdisMCmRegisterAddressFamilyEx, a.label, s, adapterIs(a.handle), familyIs(f))
}

// notify is a notification on thread 2; inside runs in the handler.
func (h *stage) notify(b *hBinding, f family, inside ...func()) {
	n := h.in(2, ndis.ProtocolCoAfRegisterNotify, b.d.label, contextIs(b.ctx), familyIs(f))
	for _, g := range inside {
		g()
	}
	h.out(n)
	if len(inside) == 0 {
		h.last = n.in
	}
}

// startOpen enters the client's open on thread 2 and, if there is a call manager, its
// upcall.
func (h *stage) startOpen(b, cm *hBinding, f family) *hOpen {
	o := &hOpen{b: b, cm: cm, handle: h.handle(), ctx: h.handle(), managerCtx: h.handle()}
	o.frame = h.in(2, ndis.NdisClOpenAddressFamilyEx, b.d.label, bindingIs(b.handle), familyIs(f), contextIs(o.ctx))
	if cm != nil {
		o.upcall = h.in(2, ndis.ProtocolCmOpenAf, cm.d.label, contextIs(cm.ctx), familyIs(f), afIs(o.handle))
	}
	return o
}

// returnOpen returns from the upcall and from the client's call.
func (h *stage) returnOpen(o *hOpen, asked, told ndis.Status) {
	if asked == success {
		h.out(o.upcall, statusIs(asked), contextIs(o.managerCtx))
	} else {
		h.out(o.upcall, statusIs(asked))
	}
	if told == success {
		h.out(o.frame, statusIs(told), afIs(o.handle))
	} else {
		h.out(o.frame, statusIs(told))
	}
}

// opened is an open that succeeds at once, in a notification of it.
func (h *stage) opened(b, cm *hBinding, f family) *hOpen {
	var o *hOpen
	h.notify(b, f, func() {
		o = h.startOpen(b, cm, f)
		h.returnOpen(o, success, success)
	})
	return o
}

// pended is an open that pends, in a notification of it.
func (h *stage) pended(b, cm *hBinding, f family) *hOpen {
	var o *hOpen
	h.notify(b, f, func() {
		o = h.startOpen(b, cm, f)
		h.returnOpen(o, pending, pending)
	})
	return o
}

func (h *stage) completeOpen(o *hOpen, s ndis.Status) {
	h.do(3, ndis.NdisCmOpenAddressFamilyComplete, o.cm.d.label, statusIs(s), afIs(o.handle), contextIs(o.managerCtx))
}

func (h *stage) tellOpen(o *hOpen, s ndis.Status, caller string) {
	af := o.handle
	if s != success {
		af = 0
	}
	h.do(4, ndis.ProtocolClOpenAfCompleteEx, o.b.d.label, contextIs(o.ctx), afIs(af), statusIs(s), detailIs("caller", caller))
}

// startClose enters the client's close on thread 5 and the call manager's upcall.
func (h *stage) startClose(o *hOpen) (k, d *frame) {
	k = h.in(5, ndis.NdisClCloseAddressFamily, o.b.d.label, afIs(o.handle))
	d = h.in(5, ndis.ProtocolCmCloseAf, o.cm.d.label, contextIs(o.managerCtx))
	return k, d
}

// closed is a close with the status of the upcall and of the client's call.
func (h *stage) closed(o *hOpen, asked, told ndis.Status) {
	k, d := h.startClose(o)
	h.out(d, statusIs(asked))
	h.out(k, statusIs(told))
}

func (h *stage) completeClose(o *hOpen, s ndis.Status) {
	h.do(3, ndis.NdisCmCloseAddressFamilyComplete, o.cm.d.label, statusIs(s), afIs(o.handle))
}

func (h *stage) tellClosed(o *hOpen, s ndis.Status, caller string) {
	h.do(4, ndis.ProtocolClCloseAfComplete, o.b.d.label, contextIs(o.ctx), statusIs(s), detailIs("caller", caller))
}

// startNotifyClose enters the call manager's notify-close on thread 6 and the client's
// callback.
func (h *stage) startNotifyClose(o *hOpen) (n, f *frame) {
	n = h.in(6, ndis.NdisCmNotifyCloseAddressFamily, o.cm.d.label, afIs(o.handle))
	f = h.in(6, ndis.ProtocolClNotifyCloseAf, o.b.d.label, contextIs(o.ctx))
	return n, f
}

func (h *stage) answerNotify(o *hOpen, s ndis.Status) *frame {
	return h.in(5, ndis.NdisClNotifyCloseAddressFamilyComplete, o.b.d.label, afIs(o.handle), statusIs(s))
}

func (h *stage) tellNotify(tid uint64, o *hOpen, s ndis.Status) {
	h.do(tid, ndis.ProtocolCmNotifyCloseAfComplete, o.cm.d.label, contextIs(o.managerCtx), statusIs(s))
}

// startUnbind enters the unbind handler on a thread; what is done on that thread is done
// in it.
func (h *stage) startUnbind(tid uint64, b *hBinding) *frame {
	b.free = h.handle()
	return h.in(tid, ndis.ProtocolUnbindAdapterEx, b.d.label, contextIs(b.ctx), detailIs("unbind_context", b.free))
}

func (h *stage) closeAdapter(tid uint64, b *hBinding) {
	f := h.ask(tid, ndis.NdisCloseAdapterEx, b.d.label, success, bindingIs(b.handle))
	h.last = f.in
}

// unbind is an unbind with nothing to wait for.
func (h *stage) unbind(tid uint64, b *hBinding) {
	x := h.startUnbind(tid, b)
	h.closeAdapter(tid, b)
	h.out(x, statusIs(success))
}

func (h *stage) halt(a *hAdapter) *frame {
	return h.in(1, ndis.MiniportHaltEx, a.label, adapterIs(a.handle), contextIs(a.ctx))
}

// usual is the ordinary scene: a CO adapter, a client and a call manager of Q.2931 on it,
// the client not yet notified.
func (h *stage) usual() (a *hAdapter, cl, cm *hBinding) {
	a = h.nic()
	c, m := h.client("client"), h.manager("cm")
	cl = h.bind(c, a)
	cm = h.bind(m, a, q2931)
	return a, cl, cm
}
