package replay

import (
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// Unloading of drivers and removal of adapters (rules UNLOAD).

// --- UNLOAD-01 ---

// unloaded judges, when NdisDeregisterProtocolDriver returns, that every binding of the
// driver has been unbound.
func unloaded(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	d := cl.drv
	switch {
	case d == nil || cl.d.has&keyProtocol == 0:
		c.skip(rule.UNLOAD01, reasonNoKey)
	case at.seq == cl.seq:
		c.skip(rule.UNLOAD01, reasonNoStatus) // it never returned
	case !d.upSeen:
		c.skip(rule.UNLOAD01, reasonNoUpcalls)
	case c.unsure > 0:
		x := *cl
		c.hold(at, func() { c.judgeUnloaded(&x, d, at) })
	default:
		c.judgeUnloaded(cl, d, at)
	}
}

func (c *Checker) judgeUnloaded(cl *call, d *driver, at ev) {
	c.check(rule.UNLOAD01)
	var f *finding
	for b := d.newest; b != nil; b = b.olderOf {
		if b.assumed || !b.valid() || !b.complete.seen() || b.complete.n > cl.ev.n ||
			b.unbind.state != markNone || b.close.state != markNone {
			continue
		}
		if !b.hasCtx {
			c.skip(rule.UNLOAD01, reasonNoContext)
			continue
		}
		if f != nil {
			c.extend(f, b.opened)
			continue
		}
		f = c.report(rule.UNLOAD01, at, rule.NDIS, b.adapter, c.who(b.label, d),
			cl.name()+" returned and a binding of the driver was never unbound", cl.ev, b.opened)
	}
}

// --- LEAK-01 of a miniport driver ---

func enterDeregisterMiniport(c *Checker, cl *call) {
	d := c.labelled(cl.label)
	if cl.d.has&keyMiniportDriver != 0 {
		d = c.miniportDriver(cl, cl.d.miniportDriver)
	}
	cl.drv = d
}

// returnDeregisterMiniport judges that no adapter of a miniport driver is left, with whatever is
// on it, when the driver is unloaded: each has been halted.
func returnDeregisterMiniport(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	d := cl.drv
	switch {
	case d == nil:
		c.lacks(rule.LEAK01, reasonNoKey)
	case at.seq == cl.seq:
		c.lacks(rule.LEAK01, reasonNoStatus) // it never returned
	case c.vagueHalts[0] || c.vagueHalts[cl.label] || cl.label == 0 && len(c.vagueHalts) > 0:
		c.lacks(rule.LEAK01, reasonAdapter)
	case c.unsure > 0:
		x := *cl
		c.hold(at, func() { c.judgeMiniportGone(&x, d, at) })
	default:
		c.judgeMiniportGone(cl, d, at)
	}
}

func (c *Checker) judgeMiniportGone(cl *call, d *driver, at ev) {
	c.check(rule.LEAK01)
	var f *finding
	for _, a := range c.adapterList {
		// What comes up or goes while the call runs is none that was left.
		if a.driver != d || !a.up.seen() || a.up.n > cl.ev.n || a.halt.state != markNone {
			continue
		}
		if f != nil {
			c.extend(f, a.init.enter, a.up)
			continue
		}
		f = c.report(rule.LEAK01, cl.ev, rule.Miniport, a, c.who(cl.label, d),
			cl.name()+" returned and an adapter of the driver was never halted", a.init.enter, a.up, at)
	}
}

// unboundAgain judges that NDIS unbinds a binding once when a driver is unloaded.
func (c *Checker) unboundAgain(cl *call, b *binding) {
	if b.assumed || b.unbind.state == markNone || b.driver == nil || b.driver.deregister.state != markEntered {
		return
	}
	c.check(rule.UNLOAD01)
	if b.unbind.enter.n > b.driver.deregister.enter.n {
		c.report(rule.UNLOAD01, cl.ev, rule.NDIS, b.adapter, c.who(b.label, b.driver),
			"ProtocolUnbindAdapterEx was called a second time for one binding", b.unbind.enter, b.driver.deregister.enter)
	}
}

// --- UNLOAD-02, UNLOAD-03 ---

// enterDevicePnPEvent is the entry of MiniportDevicePnPEventNotify.
func enterDevicePnPEvent(c *Checker, cl *call) {
	a := c.adapterOf(cl)
	if a == nil {
		a = c.adapterForContext(cl)
	}
	cl.a = a
	if a != nil && cl.d.has&keyPnPEvent != 0 && cl.d.surprise {
		a.surprise = cl.ev
	}
}

func enterNetPnPEvent(c *Checker, cl *call) {
	if b := c.bindingByContext(cl); b != nil {
		c.saw(cl, b.driver, true)
	}
}

func haltBegins(c *Checker, cl *call) {
	if a := cl.a; a != nil {
		a.haltedEarly = false
	}
}

func haltEnds(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	a := cl.a
	if a == nil || at.seq == cl.seq {
		return
	}
	for _, o := range a.served {
		c.leftSaps(o, at)
	}
	if c.unsure > 0 {
		x := *cl
		c.hold(at, func() { c.judgeHalt(&x, a, at) })
		return
	}
	c.judgeHalt(cl, a, at)
}

// judgeHalt judges a halt that has returned: what had not come by then had not come before.
func (c *Checker) judgeHalt(cl *call, a *adapter, at ev) {
	surprise := cl.d.has&keyHaltAction != 0 && cl.d.surprise || a.surprise.seen()
	switch {
	case surprise:
		c.unboundBefore(cl, a, at)
	case cl.d.has&keyHaltAction == 0:
		c.skip(rule.UNLOAD02, reasonNoKey)
	}
	c.check(rule.UNLOAD03)
	if a.sent.seen() && a.sentAge == c.sentAge && a.sent.n < cl.ev.n {
		if captured(c.labelled(cl.label), false) {
			c.report(rule.UNLOAD03, cl.ev, rule.NDIS, a, c.names[cl.label],
				"MiniportHaltEx was called with a send outstanding at the miniport", a.sent, at).also(rule.LEAK01, rule.LEAK02)
		} else {
			c.skip(rule.UNLOAD03, reasonNoCalls)
		}
	}
	if a.requests == 0 || a.haltedEarly {
		return
	}
	var f *finding
	for r := c.firstRequest; r != nil; r = r.after {
		if r.a != a || !r.answer || !r.op.outstanding() || r.missed || r.op.ret.n > cl.ev.n {
			continue
		}
		if d := c.labelled(r.label); !captured(d, false) {
			c.skip(rule.UNLOAD03, reasonNoCalls)
			continue
		}
		f = c.haltedWith(cl, r, f, at)
	}
}

// miniportSends notes that the miniport has a send. A completion gives back a list of which
// the trace names the first buffer only: what was sent before it may have come back with it,
// so that a send is certainly outstanding only while nothing has been completed since.
func miniportSends(c *Checker, cl *call) {
	if cl.has&format.HasContext == 0 {
		return
	}
	v := c.vcByContext(cl, sideMiniport, cl.context)
	if v == nil {
		return
	}
	if a := v.home(); a != nil && (!a.sent.seen() || a.sentAge != c.sentAge) {
		a.sent, a.sentAge = cl.ev, c.sentAge
	}
}

// miniportSent notes that sends were completed.
func miniportSent(c *Checker, cl *call) {
	if cl.has&format.HasVC != 0 && cl.vc != 0 {
		if v, ok := c.vcs.get(key{kindVC<<56 | cl.ns, cl.vc}); ok && v.home() != nil {
			v.home().sent = ev{}
			return
		}
	}
	c.sentAge++ // of any adapter
}

func (c *Checker) haltedWith(cl *call, r *request, f *finding, proof ev) *finding {
	r.missed = true
	if p := r.peer; p != nil && p.id == r.peerID {
		p.missed = true
	}
	if f != nil {
		c.extend(f, r.op.ret)
		return f
	}
	return c.report(rule.UNLOAD03, cl.ev, rule.NDIS, r.a, c.names[r.label],
		"MiniportHaltEx was called with an OID request outstanding at the miniport", r.op.call, r.op.ret, proof).
		also(rule.LEAK01, rule.LEAK02)
}

// answeredInHalt judges a request that the miniport completes from its MiniportHaltEx: it
// was outstanding when that was called.
func (c *Checker) answeredInHalt(cl *call, r *request) {
	p := cl.inside(ndis.MiniportHaltEx)
	if p == nil || r.a == nil || p.a != r.a || r.a.haltedEarly || r.op.ret.n > p.ev.n {
		return
	}
	c.check(rule.UNLOAD03)
	r.a.haltedEarly = true
	f := c.haltedWith(p, r, nil, cl.ev)
	f.Also = nil // it was completed after all
}

// unboundBefore judges that the last unbind has completed when an adapter that was removed
// by surprise is halted.
func (c *Checker) unboundBefore(cl *call, a *adapter, at ev) {
	c.check(rule.UNLOAD02)
	var f *finding
	for b := c.newest; b != nil; b = b.older {
		if b.adapter != a || b.assumed || !b.valid() || !b.complete.seen() || b.complete.n > cl.ev.n || b.unbound.seen() {
			continue
		}
		if b.unbindOp.state == opUnknown || b.unbindOp.outstanding() && !b.hasUnbID || !b.hasCtx {
			c.skip(rule.UNLOAD02, reasonNoStatus)
			continue
		}
		if !captured(b.driver, true) || b.unbind.state != markNone && !captured(b.driver, false) {
			c.skip(rule.UNLOAD02, reasonNoUpcalls)
			continue
		}
		if f != nil {
			c.extend(f, b.opened)
			continue
		}
		f = c.report(rule.UNLOAD02, cl.ev, rule.NDIS, a, c.names[cl.label],
			"the miniport was halted before "+c.who(b.label, b.driver)+" had been unbound", b.opened, b.unbind.enter, a.surprise, at)
	}
}
