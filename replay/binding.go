package replay

import (
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// Drivers, adapters and bindings (rules BIND and ROLE).

// --- drivers ---

func (c *Checker) newDriver(label uint32) *driver {
	c.numDrivers++
	return &driver{id: c.numDrivers, label: label}
}

// labelled gives the driver that the label of a row names, nil without a label.
func (c *Checker) labelled(label uint32) *driver {
	if label == 0 {
		return nil
	}
	d := c.byLabel[label]
	if d == nil {
		d = c.newDriver(label)
		c.byLabel[label] = d
	}
	return d
}

// protocolDriver gives the driver of an NdisProtocolHandle. One label can stand for
// several handles; then each handle is a driver of its own.
func (c *Checker) protocolDriver(cl *call, handle uint64) *driver {
	k := key{kindProtocol<<56 | cl.ns, handle}
	d := c.labelled(cl.label)
	if known, ok := c.drivers.get(k); ok {
		again := known.deregister.state == markReturned && d != nil && !d.hasHandle && d.registered.state == markEntered
		if !again {
			return known
		}
		c.drivers.del(k) // the handle value came back
	}
	if d == nil || d.hasHandle {
		d = c.newDriver(cl.label)
	}
	d.protocol, d.hasHandle, d.isProtocol = handle, true, true
	c.drivers.put(k, d)
	return d
}

func (c *Checker) miniportDriver(cl *call, handle uint64) *driver {
	k := key{kindMiniportDriver<<56 | cl.ns, handle}
	if d, ok := c.drivers.get(k); ok {
		return d
	}
	d := c.labelled(cl.label)
	if d == nil {
		d = c.newDriver(cl.label)
	}
	d.isMiniport = true
	c.drivers.put(k, d)
	return d
}

// touch notes that rows of d in this direction are captured.
func (d *driver) touch(up bool) {
	if d == nil {
		return
	}
	if up {
		d.upSeen = true
	} else {
		d.downSeen = true
	}
}

// saw notes that a row cl of d was seen, unless the row says that it is another driver's.
func (c *Checker) saw(cl *call, d *driver, up bool) {
	if d != nil && (cl.label == 0 || d.label == 0 || d.label == cl.label) {
		d.touch(up)
	}
}

// isCO says whether d registered as a connection-oriented protocol driver.
func (c *Checker) isCO(d *driver) tri {
	switch {
	case d == nil:
		return unknown
	case d.roles&roleProtocolCO != 0:
		return yes
	case d.notCO:
		return no
	case d.declared && d.loaded():
		return no
	case d.registered.state == markReturned && d.options && c.handlersSeen:
		return no // it set its options in sight and declared nothing
	}
	return unknown
}

// says notes a row in which d says what it is.
func (d *driver) says(cl *call) {
	for i := range d.said {
		if !d.said[i].seen() {
			d.said[i] = cl.ev
			return
		}
	}
}

// loaded says that the trace has the loading of d, in which it registers its handlers, or a row
// that says what it is: then it is nothing else.
func (d *driver) loaded() bool { return d.stated || d.options || d.registered.enter.seen() }

// sinceLoaded is since for a finding that rests on what d did not say of itself: all that was
// lost since it was loaded, or before if that is not in the trace, could have.
func (f *finding) sinceLoaded(d *driver) *finding {
	if d == nil {
		return f
	}
	f.show(d.registered.enter, d.registered.ret)
	f.show(d.said[:]...)
	switch {
	case d.stated || d.notCO:
		return f
	case d.registered.enter.seen():
		return f.since(d.registered.enter)
	}
	return f.stranger()
}

// hasRole says whether d declared the handlers of r.
func (c *Checker) hasRole(d *driver, r roleSet) tri {
	switch {
	case d == nil:
		return unknown
	case d.roles&r != 0:
		return yes
	case d.declared && d.loaded():
		return no
	case d.registered.state == markReturned && d.options && c.handlersSeen:
		return no
	}
	return unknown
}

// declare takes the role that a row carries in the short form.
func (c *Checker) declare(cl *call, d *driver) {
	if d == nil || cl.d.has&(keyRole|keyCO) == 0 {
		return
	}
	d.says(cl)
	co := cl.d.has&keyCO == 0 || cl.d.co
	if cl.d.has&keyRole != 0 {
		d.declared, d.stated = true, true
		d.roles |= cl.d.role
		if cl.d.role&roleMiniport != 0 {
			d.isMiniport = true
			if co && cl.d.has&keyCO != 0 || cl.d.role&roleCallManager != 0 {
				d.roles |= roleMiniportCO
			}
		} else if co {
			d.roles |= roleProtocolCO
		}
	} else if cl.d.co {
		if d.isMiniport {
			d.roles |= roleMiniportCO
		} else {
			d.roles |= roleProtocolCO
		}
	}
	if cl.d.has&keyCO != 0 && !cl.d.co {
		d.notCO = true
	}
}

func enterRegisterProtocol(c *Checker, cl *call) {
	cl.drv = c.labelled(cl.label)
	// It is loaded anew. A driver that is a miniport driver too stays the one that it was: it can
	// have registered as that before, and its adapters know it.
	if cl.drv != nil && cl.drv.deregister.state == markReturned && !cl.drv.isMiniport {
		c.byLabel[cl.label] = nil
		cl.drv = c.labelled(cl.label)
	}
	if cl.drv != nil && !cl.drv.hasHandle {
		cl.drv.registered.open(cl)
		cl.drv.isProtocol = true
	}
}

func returnRegisterProtocol(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	if known && st != ndis.StatusSuccess || cl.d.has&keyProtocol == 0 {
		return
	}
	k := key{kindProtocol<<56 | cl.ns, cl.d.protocol}
	if d, ok := c.drivers.get(k); ok && d.deregister.state == markReturned {
		c.drivers.del(k) // the handle value came back
	}
	d := c.protocolDriver(cl, cl.d.protocol)
	d.registered = mark{enter: cl.ev, ret: at, thread: cl.thread, state: markReturned}
}

func enterSetOptions(c *Checker, cl *call) {
	d := c.labelled(cl.label)
	if cl.d.has&keyProtocol != 0 {
		d = c.protocolDriver(cl, cl.d.protocol)
	} else if cl.d.has&keyMiniportDriver != 0 {
		d = c.miniportDriver(cl, cl.d.miniportDriver)
	}
	if d != nil {
		d.options = true
		c.declare(cl, d)
	}
}

func enterSetHandlers(c *Checker, cl *call) {
	d := c.labelled(cl.label)
	switch {
	case cl.d.has&keyProtocol != 0:
		d = c.protocolDriver(cl, cl.d.protocol)
	case cl.d.has&keyMiniportDriver != 0:
		d = c.miniportDriver(cl, cl.d.miniportDriver)
	case cl.has&format.HasBinding != 0:
		if b := c.binding(cl); b != nil && b.driver != nil {
			d = b.driver
		}
	}
	cl.drv = d
	if cl.d.has&keyHandlers == 0 {
		return
	}
	c.handlersSeen = true
	if d != nil {
		d.says(cl)
		d.declared = true
		d.roles |= cl.d.handlers
		if cl.d.handlers&roleMiniportCO != 0 {
			d.isMiniport = true
		}
	}
	if cl.d.has&keyNullSlots == 0 {
		c.skip(rule.ROLE05, reasonNoKey)
		return
	}
	if cl.d.handlers&(roleClient|roleCallManager) != 0 {
		c.check(rule.ROLE05)
		if cl.d.nullSlots > 0 {
			fault := rule.Client
			if cl.d.handlers&roleCallManager != 0 {
				fault = rule.CallManager
			}
			c.report(rule.ROLE05, cl.ev, fault, nil, c.who(cl.label, d),
				"a handler structure with empty slots was registered")
		}
	}
}

func returnSetHandlers(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	if d := cl.drv; d != nil && known && st != ndis.StatusSuccess {
		d.roles &^= cl.d.handlers
	}
}

func enterDeregisterProtocol(c *Checker, cl *call) {
	d := c.labelled(cl.label)
	if cl.d.has&keyProtocol != 0 {
		d = c.protocolDriver(cl, cl.d.protocol)
	}
	cl.drv = d
	if !cl.thread.known {
		c.skip(rule.BIND09, reasonAmbiguous)
	} else {
		c.check(rule.BIND09)
		for p := cl.parent; p != nil; p = p.parent {
			if isUp[p.fn] && p.fn != ndis.ProtocolUninstall && (p.label == 0 || cl.label == 0 || p.label == cl.label) {
				c.report(rule.BIND09, cl.ev, rule.Client, nil, c.who(cl.label, d),
					"NdisDeregisterProtocolDriver was called from "+p.name()+", which can deadlock", p.ev)
				break
			}
		}
	}
	if d != nil {
		d.deregister.open(cl)
	}
}

func returnDeregisterProtocol(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	if cl.drv != nil {
		cl.drv.deregister.shut(at)
	}
}

// --- adapters ---

// adapterOf finds or makes the adapter that a row names, by its handle or by one of the
// other identities, and joins the names it gives.
func (c *Checker) adapterOf(cl *call) *adapter {
	var keys [4]key
	n := 0
	if cl.has&format.HasAdapter != 0 && cl.adapter != 0 {
		keys[n] = key{kindAdapter<<56 | cl.ns, cl.adapter}
		n++
	}
	if cl.d.has&keyIfLuid != 0 {
		keys[n] = key{kindLuid<<56 | cl.ns, cl.d.ifLuid}
		n++
	}
	if cl.d.has&keyIfIndex != 0 {
		keys[n] = key{kindIfIndex<<56 | cl.ns, cl.d.ifIndex}
		n++
	}
	if cl.d.has&keyAdapterName != 0 {
		keys[n] = key{kindAdapterName<<56 | cl.ns, cl.d.adapterName}
		n++
	}
	if n == 0 {
		return nil
	}
	var a *adapter
	for _, k := range keys[:n] {
		if found, ok := c.adapters.get(k); ok {
			a = found
			break
		}
	}
	if a == nil {
		c.numAdapters++
		a = &adapter{no: c.numAdapters, listed: len(c.adapterList)}
		c.adapterList = append(c.adapterList, a)
	}
	for _, k := range keys[:n] {
		if _, ok := c.adapters.get(k); !ok {
			c.adapters.put(k, a)
			a.keys = append(a.keys, k)
		}
	}
	if a.id == 0 {
		a.id = cl.adapter
	}
	return a
}

// adapterForContext finds the adapter that a MiniportAdapterContext belongs to.
func (c *Checker) adapterForContext(cl *call) *adapter {
	if cl.has&format.HasContext == 0 {
		return nil
	}
	a, _ := c.adapters.get(key{kindAdapterContext<<56 | cl.ns, cl.context})
	if a != nil && a.driver != nil && cl.label != 0 && a.driver.label != 0 && a.driver.label != cl.label {
		return nil
	}
	return a
}

func (c *Checker) setAdapterContext(cl *call, a *adapter) {
	if a == nil || cl.d.has&keyMiniportContext == 0 {
		return
	}
	k := key{kindAdapterContext<<56 | cl.ns, cl.d.miniportContext}
	c.adapters.put(k, a)
	if !a.hasCtx || a.context != cl.d.miniportContext {
		a.keys = append(a.keys, k)
	}
	a.context, a.hasCtx = cl.d.miniportContext, true
}

// adapterRoles takes over what a row of the miniport says of its role.
func (c *Checker) adapterRoles(cl *call, a *adapter) {
	if a == nil {
		return
	}
	d := a.driver
	if cl.d.has&keyMiniportDriver != 0 {
		d = c.miniportDriver(cl, cl.d.miniportDriver)
	} else if d == nil {
		d = c.labelled(cl.label)
	}
	if d != nil {
		d.isMiniport = true
		a.driver = d
	}
	c.declare(cl, d)
	switch {
	case cl.d.has&keyCO != 0 && !cl.d.co:
		a.co = no
	case cl.d.has&keyCO != 0, d != nil && d.roles&roleMiniportCO != 0:
		a.co = yes
	case d != nil && d.declared && d.loaded():
		a.co = no
	}
	if d != nil && d.declared && (d.loaded() || d.roles&roleCallManager != 0) {
		a.mcm = no
		if d.roles&roleCallManager != 0 {
			a.mcm, a.co = yes, yes
		}
	}
}

func enterInitialize(c *Checker, cl *call) {
	a := c.adapterOf(cl)
	if a != nil && (a.halt.state != markNone || a.init.state != markNone) {
		// The handle value came back: what went before is another adapter.
		c.forget(a)
		a = c.adapterOf(cl)
	}
	cl.a = a
	if a == nil {
		return
	}
	a.init.open(cl)
	c.adapterRoles(cl, a)
	if a.driver != nil {
		a.driver.known++
	}
	c.setAdapterContext(cl, a)
}

func returnInitialize(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	a := cl.a
	if a == nil {
		return
	}
	c.adapterRoles(cl, a)
	c.setAdapterContext(cl, a)
	a.init.shut(at)
	if !known || st == ndis.StatusSuccess {
		a.up = at
		return
	}
	m := a.init
	c.endRegistrations(a, nil, &m, at)
}

// forget takes the names of a from the tables, so that a new adapter can have them.
func (c *Checker) forget(a *adapter) {
	for _, k := range a.keys {
		c.adapters.delIf(k, a)
	}
	a.keys = nil
	if len(a.bindings) == 0 && len(a.regs) == 0 && a.listed >= 0 {
		last := c.adapterList[len(c.adapterList)-1]
		c.adapterList[a.listed] = last
		last.listed = a.listed
		c.adapterList = c.adapterList[:len(c.adapterList)-1]
		a.listed = -1 // it may be halted again, by its context
	}
}

func enterSetMiniportAttributes(c *Checker, cl *call) {
	a := c.adapterOf(cl)
	cl.a = a
	c.adapterRoles(cl, a)
	c.setAdapterContext(cl, a)
}

func enterHalt(c *Checker, cl *call) {
	a := c.adapterOf(cl)
	if a == nil {
		a = c.adapterForContext(cl)
	}
	cl.a = a
	if a == nil || a.init.state == markNone {
		if c.vagueHalts == nil { // of one that came up in sight, under another name
			c.vagueHalts = map[uint32]bool{}
		}
		c.vagueHalts[cl.label] = true
	}
	if a == nil {
		return
	}
	a.halt.open(cl)
	for _, r := range a.regs {
		if r.mcm && r.end.state == markNone {
			r.end.open(cl)
		}
	}
}

func returnHalt(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	a := cl.a
	if a == nil {
		return
	}
	a.halt.shut(at)
	c.checkServed(a.served, a.driver, cl.ev, at)
	c.endRegistrations(a, nil, &a.halt, at)
	c.forget(a)
}

// --- bind ---

func enterBind(c *Checker, cl *call) {
	var a *bindAttempt
	if n := len(c.freeAttempts); n > 0 {
		a = c.freeAttempts[n-1]
		c.freeAttempts = c.freeAttempts[:n-1]
		*a = bindAttempt{}
	} else {
		a = new(bindAttempt)
	}
	a.ns, a.label, a.enter, a.thread = cl.ns, cl.label, cl.ev, cl.thread
	a.op.ask(cl.ev)
	a.adapter = c.adapterOf(cl)
	cl.bind = a
	d := c.labelled(cl.label)
	c.declare(cl, d)
	if cl.d.has&keyBindContext == 0 {
		c.skip(rule.BIND12, reasonNoKey)
		return
	}
	a.bindCtx, a.hasCtx = cl.d.bindContext, true
	k := key{kindBindContext<<56 | cl.ns, a.bindCtx}
	c.check(rule.BIND12)
	if old, ok := c.attempts.get(k); ok && (old.label == 0 || cl.label == 0 || old.label == cl.label) {
		alive := !old.finished()
		if b := old.b; b != nil && b.attempt == old {
			alive = b.valid() && b.close.state == markNone
		}
		if alive {
			c.report(rule.BIND12, cl.ev, rule.NDIS, a.adapter, c.who(cl.label, d),
				"ProtocolBindAdapterEx got a BindContext that is still in use by another binding", old.enter)
		}
	}
	c.attempts.put(k, a)
}

func returnBind(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	a := cl.bind
	if a == nil {
		return
	}
	// A completion that overtook the return of a bind that did not pend is un-pended.
	if a.op.returned(at, st, known) == opUnpended {
		c.unpendedBind(a, a.op.done, cl.label, "NdisCompleteBindAdapterEx", at)
	}
	if a.b == nil && a.adapter != nil && !a.openFailed.seen() && (!known || st == ndis.StatusPending || st == ndis.StatusSuccess) {
		a.counted = true
		a.adapter.unopened++
	}
	if known && st == ndis.StatusPending {
		if a.finished() { // completed early
			c.bindDone(a, a.done)
		} else {
			c.pendedBinds = append(c.pendedBinds, a)
			a.pended = len(c.pendedBinds)
		}
		return
	}
	a.status, a.hasStatus, a.done = st, known, at
	a.doneMark = mark{enter: cl.ev, ret: at, thread: cl.thread, state: markReturned}
	c.bindDone(a, at)
}

func (c *Checker) unpendedBind(a *bindAttempt, at ev, label uint32, what string, proof ...ev) {
	proof = append(proof, a.enter)
	c.report(rule.BIND06, at, rule.Client, a.adapter, c.who(label, nil),
		what+" completes a request that did not pend, or completes it again", proof...)
}

func enterCompleteBind(c *Checker, cl *call) {
	if cl.d.has&keyBindContext == 0 {
		c.blur()
		c.skip(rule.BIND06, reasonNoKey)
		return
	}
	a, ok := c.attempts.get(key{kindBindContext<<56 | cl.ns, cl.d.bindContext})
	if !ok {
		c.skip(rule.BIND06, reasonAssumed)
		return
	}
	cl.bind = a
	c.check(rule.BIND06)
	prev, ret := a.op.done, a.op.ret
	switch a.op.complete(cl.ev) {
	case opTwice, opUnpended:
		c.unpendedBind(a, cl.ev, cl.label, "NdisCompleteBindAdapterEx", prev, ret)
		return
	}
	a.status, a.hasStatus, a.done = cl.status, cl.has&format.HasStatus != 0, cl.ev
	a.doneMark.open(cl)
	if a.op.state == opDone {
		c.bindDone(a, cl.ev)
	}
}

func returnCompleteBind(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	if a := cl.bind; a != nil && a.done.seq == cl.seq {
		a.doneMark.shut(at)
	}
}

// open notes that what the bind does with its adapter is in the trace after all.
func (a *bindAttempt) open() {
	if a.counted {
		a.counted = false
		a.adapter.unopened--
	}
}

// bindDone draws the consequences of the end of a bind.
func (c *Checker) bindDone(a *bindAttempt, at ev) {
	c.unpend(a)
	if a.hasStatus && a.status != ndis.StatusSuccess {
		a.open()
	}
	b := a.b
	fault := rule.Client
	if b != nil {
		fault = c.protocolActor(b)
	}
	switch {
	case !a.hasStatus:
		c.skip(rule.BIND03, reasonNoStatus)
		if b != nil && b.valid() {
			b.complete = at
		}
	case a.status == ndis.StatusSuccess:
		if b == nil && !a.openFailed.seen() {
			// It has opened the adapter out of sight: so it may have done other things.
			if a.adapter != nil {
				a.adapter.unseen = true
			}
			if d := c.labelled(a.label); d != nil {
				d.unopened = true
			}
		}
		c.check(rule.BIND03)
		if a.openFailed.seen() && (b == nil || !b.valid()) {
			c.report(rule.BIND03, at, fault, a.adapter, c.who(a.label, nil),
				"the bind succeeded although NdisOpenAdapterEx failed", a.openFailed)
		}
		if b != nil && b.valid() {
			b.complete = at
		}
	default:
		c.check(rule.BIND03)
		if b != nil && b.valid() && b.close.state == markNone {
			c.report(rule.BIND03, at, fault, a.adapter, c.who(a.label, nil),
				"the bind failed and left the adapter open", b.opened).since(a.enter)
		}
		c.buryAttempt(a)
	}
}

// unpend takes a from the binds that wait for their completion.
func (c *Checker) unpend(a *bindAttempt) {
	if a.pended == 0 {
		return
	}
	last := c.pendedBinds[len(c.pendedBinds)-1]
	c.pendedBinds[a.pended-1], last.pended = last, a.pended
	c.pendedBinds = c.pendedBinds[:len(c.pendedBinds)-1]
	a.pended = 0
}

func (c *Checker) buryAttempt(a *bindAttempt) {
	if a.buried {
		return
	}
	a.buried = true
	c.unpend(a)
	c.deadAttempts.push(a)
	if c.deadAttempts.n > maxDeadAttempts {
		old := c.deadAttempts.pop()
		if old.hasCtx {
			c.attempts.delIf(key{kindBindContext<<56 | old.ns, old.bindCtx}, old)
		}
		c.freeAttempts = append(c.freeAttempts, old)
	}
}

// protocolActor says whose fault a slip of the driver of b is.
func (c *Checker) protocolActor(b *binding) rule.Actor {
	if b != nil && b.driver != nil && b.driver.roles&roleCallManager != 0 && b.driver.roles&roleClient == 0 {
		return rule.CallManager
	}
	if b != nil && (len(b.regs) > 0 || b.firstReg.seen()) && !b.anyOpen {
		return rule.CallManager
	}
	return rule.Client
}

// --- open adapter ---

func (c *Checker) newBinding(cl *call) *binding {
	var b *binding
	if n := len(c.freeBindings); n > 0 {
		b = c.freeBindings[n-1]
		c.freeBindings = c.freeBindings[:n-1]
		*b = binding{opens: b.opens[:0], regs: b.regs[:0], notified: b.notified[:0]}
	} else {
		b = new(binding)
	}
	b.id, b.ns, b.label = c.id(), cl.ns, cl.label
	if b.older = c.newest; b.older != nil {
		b.older.newer = b
	}
	c.newest = b
	return b
}

// of says whose binding a new one is.
func (b *binding) of(d *driver) {
	b.driver = d
	if b.olderOf = d.newest; b.olderOf != nil {
		b.olderOf.newerOf = b
	}
	d.newest = b
}

// leaveDriver takes b out of the list of its driver.
func (b *binding) leaveDriver() {
	if b.newerOf != nil {
		b.newerOf.olderOf = b.olderOf
	} else {
		b.driver.newest = b.olderOf
	}
	if b.olderOf != nil {
		b.olderOf.newerOf = b.newerOf
	}
	b.newerOf, b.olderOf = nil, nil
}

func enterOpenAdapter(c *Checker, cl *call) {
	b := c.newBinding(cl)
	cl.b = b
	switch {
	case cl.d.has&keyProtocol != 0:
		k := key{kindProtocol<<56 | cl.ns, cl.d.protocol}
		d, issued := c.drivers.get(k)
		switch {
		case issued && c.before(&d.deregister, cl):
			c.check(rule.BIND11)
			c.report(rule.BIND11, cl.ev, rule.Client, nil, c.who(cl.label, d),
				"NdisOpenAdapterEx uses an NdisProtocolHandle that was deregistered", d.deregister.enter)
		case issued:
			c.check(rule.BIND11)
		default:
			if l := c.labelled(cl.label); l != nil && l.registered.state == markReturned && l.hasHandle {
				c.check(rule.BIND11)
				c.report(rule.BIND11, cl.ev, rule.Client, nil, c.who(cl.label, l),
					"NdisOpenAdapterEx uses an NdisProtocolHandle that NdisRegisterProtocolDriver did not give", l.registered.ret)
			} else {
				c.skip(rule.BIND11, reasonAssumed)
			}
		}
		b.of(c.protocolDriver(cl, cl.d.protocol))
	case cl.label != 0:
		c.skip(rule.BIND11, reasonNoKey)
		b.of(c.labelled(cl.label))
	default:
		c.skip(rule.BIND11, reasonNoKey)
		b.of(c.newDriver(0))
	}
	b.driver.isProtocol = true
	b.driver.downSeen = true
	c.declare(cl, b.driver)
	if b.label == 0 {
		b.label = b.driver.label
	}
	// The bind that this open belongs to.
	var a *bindAttempt
	if cl.d.has&keyBindContext != 0 {
		a, _ = c.attempts.get(key{kindBindContext<<56 | cl.ns, cl.d.bindContext})
	}
	if a == nil {
		if p := cl.inside(ndis.ProtocolBindAdapterEx); p != nil {
			a = p.bind
		} else if p := cl.inside(ndis.ProtocolBindAdapter); p != nil {
			a = p.bind
		}
	}
	if a != nil && a.finished() && c.before(&a.doneMark, cl) {
		a = nil
	}
	b.attempt = a
	b.adapter = c.adapterOf(cl)
	if a != nil {
		a.open()
		a.b = b
		if b.adapter == nil {
			b.adapter = a.adapter
		}
	}
	if cl.has&format.HasContext != 0 {
		c.addBindingContext(b, cl.context)
	} else {
		b.driver.contextless++
	}
	b.open.ask(cl.ev)
}

func returnOpenAdapter(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	b := cl.b
	if b == nil {
		return
	}
	if h, ok := c.outBinding(at); ok && (!known || st == ndis.StatusSuccess || st == ndis.StatusPending) {
		c.nameBinding(cl, b, h)
	}
	early := b.open.done
	if b.open.returned(at, st, known) == opUnpended {
		c.report(rule.BIND06, early, rule.NDIS, b.adapter, c.who(b.label, b.driver),
			"ProtocolOpenAdapterCompleteEx was called although NdisOpenAdapterEx did not pend", at)
	}
	if known && st == ndis.StatusPending {
		return
	}
	c.openResult(b, at, known, st)
	c.openedInBind(b, at)
}

// openedInBind judges that an open that succeeded was called from a bind (BIND-01). A bind
// that began before the trace is possible as long as the driver may be older than the trace.
func (c *Checker) openedInBind(b *binding, at ev) {
	switch d := b.driver; {
	case !b.valid():
	case b.attempt != nil:
		c.check(rule.BIND01)
	case d == nil || !d.upSeen:
		c.skip(rule.BIND01, reasonNoUpcalls)
	case !d.registered.ret.seen():
		c.skip(rule.BIND01, reasonAssumed)
	default:
		c.check(rule.BIND01)
		c.report(rule.BIND01, b.open.call, c.protocolActor(b), b.adapter, c.who(b.label, d),
			"NdisOpenAdapterEx was called outside ProtocolBindAdapterEx and succeeded", at).since(d.registered.ret)
	}
}

// outBinding reads the binding column of the current row.
func (c *Checker) outBinding(ev) (uint64, bool) {
	if c.b == nil || c.b.Phase[c.i] == format.PhaseGap || c.b.Has[c.i]&format.HasBinding == 0 {
		return 0, false
	}
	return c.b.Binding[c.i], c.b.Binding[c.i] != 0
}

func (c *Checker) nameBinding(cl *call, b *binding, h uint64) {
	k := key{kindBinding<<56 | cl.ns, h}
	if old, ok := c.bindings.get(k); ok && old != b && old.close.state == markNone && !old.assumed && old.valid() && !c.gapSince(old.opened.ts) {
		c.defect(DefectHandleClaimed)
	}
	b.handle, b.hasHdl = h, true
	c.objects.news++
	c.bindings.put(k, b)
}

// openResult notes how the open of the adapter ended.
func (c *Checker) openResult(b *binding, at ev, known bool, st ndis.Status) {
	if known && st != ndis.StatusSuccess {
		if b.attempt != nil {
			b.attempt.openFailed = at
			if b.attempt.b == b {
				b.attempt.b = nil
			}
		}
		c.buryBinding(b)
		return
	}
	b.step(bindingOpens)
	b.opened = at
	if b.adapter != nil {
		b.adapter.bindings = append(b.adapter.bindings, b)
	}
	if b.driver != nil {
		b.driver.known++
	}
}

func enterOpenAdapterComplete(c *Checker, cl *call) {
	b := c.bindingByContext(cl)
	if b == nil {
		c.skip(rule.BIND06, reasonAmbiguous)
		return
	}
	cl.b = b
	c.check(rule.BIND06)
	prev, ret := b.open.done, b.open.ret
	switch b.open.complete(cl.ev) {
	case opTwice, opUnpended:
		if b.assumed {
			return
		}
		c.report(rule.BIND06, cl.ev, rule.NDIS, b.adapter, c.who(b.label, b.driver),
			"ProtocolOpenAdapterCompleteEx was called for an open that did not pend, or a second time", b.open.call, ret, prev)
		return
	}
	c.openResult(b, cl.ev, cl.has&format.HasStatus != 0, cl.status)
	c.openedInBind(b, cl.ev)
}

// --- use of a binding handle ---

// binding finds the binding whose handle the row carries, and makes one that is assumed to
// come from before the trace where the handle is new.
func (c *Checker) binding(cl *call) *binding {
	if cl.has&format.HasBinding == 0 || cl.binding == 0 {
		return nil
	}
	k := key{kindBinding<<56 | cl.ns, cl.binding}
	if b, ok := c.bindings.get(k); ok {
		return b
	}
	// An open that pended without its handle being recorded: the only nameless binding.
	var nameless *binding
	for b := c.newest; b != nil; b = b.older {
		if !b.hasHdl && b.ns == cl.ns && (b.valid() || b.open.state == opPended) &&
			(b.label == cl.label || b.label == 0 || cl.label == 0) {
			if nameless != nil {
				nameless = nil
				break
			}
			nameless = b
		}
	}
	if nameless != nil {
		c.nameBinding(cl, nameless, cl.binding)
		return nameless
	}
	c.wrongKind(kindBinding, cl.ns, cl.binding)
	b := c.newBinding(cl)
	b.assumed = true
	b.step(bindingAssume)
	d := c.labelled(cl.label)
	if d == nil {
		d = c.newDriver(0)
	}
	b.of(d)
	d.assumed++
	b.adapter = c.adapterOf(cl)
	if b.adapter != nil {
		b.adapter.bindings = append(b.adapter.bindings, b)
	}
	b.open.assume()
	c.nameBinding(cl, b, cl.binding)
	return b
}

// useBinding is called at the entry of every NdisXxx that takes a binding handle.
func (c *Checker) useBinding(cl *call) *binding {
	b := c.binding(cl)
	if b == nil {
		return nil
	}
	cl.b = b
	c.saw(cl, b.driver, false)
	if b.adapter == nil {
		if a := c.adapterOf(cl); a != nil {
			b.adapter = a
			a.bindings = append(a.bindings, b)
		}
	}
	c.check(rule.BIND05)
	if !b.assumed {
		c.check(rule.BIND02)
	}
	if b.asked.state != markNone {
		c.check(rule.BIND10)
	}
	if c.before(&b.close, cl) {
		f := c.report(rule.BIND05, cl.ev, c.protocolActor(b), b.adapter, c.who(b.label, b.driver),
			cl.name()+" uses a binding handle after NdisCloseAdapterEx", b.close.enter)
		cl.found = f.since(b.close.enter)
	}
	if b.open.state == opPended && b.driver.upSeen {
		cl.verdict |= suspectOpenPending
	}
	if c.before(&b.asked, cl) && b.unbind.state == markNone && cl.fn != ndis.NdisUnbindAdapter {
		cl.verdict |= suspectUnbindAsked
	}
	return b
}

// usedBinding is called at the return of the same.
func (c *Checker) usedBinding(cl *call, at ev) {
	if cl.b == nil || cl.verdict&(suspectOpenPending|suspectUnbindAsked) == 0 {
		return
	}
	if c.unsure > 0 {
		x, id := *cl, cl.b.id
		c.hold(at, func() {
			if x.b.id == id {
				c.judgeUsedBinding(&x, at)
			}
		})
		return
	}
	c.judgeUsedBinding(cl, at)
}

func (c *Checker) judgeUsedBinding(cl *call, at ev) {
	b := cl.b
	if cl.verdict&suspectOpenPending != 0 {
		if b.open.state == opPended {
			c.report(rule.BIND02, cl.ev, c.protocolActor(b), b.adapter, c.who(b.label, b.driver),
				cl.name()+" uses a binding handle whose open has not completed", b.open.ret, at).since(b.open.call)
		}
	}
	if cl.verdict&suspectUnbindAsked != 0 {
		if b.unbind.state == markNone {
			c.report(rule.BIND10, cl.ev, c.protocolActor(b), b.adapter, c.who(b.label, b.driver),
				cl.name()+" uses a binding handle after NdisUnbindAdapter", b.asked.enter, at)
		}
	}
}

// --- unbind and close adapter ---

func enterUnbind(c *Checker, cl *call) {
	b := c.bindingByContext(cl)
	cl.b = b
	if b == nil {
		c.blur()
		return
	}
	c.saw(cl, b.driver, true)
	c.unboundAgain(cl, b)
	b.unbind.open(cl)
	b.unbindOp.ask(cl.ev)
	b.unbound = ev{}
	if cl.d.has&keyUnbindContext != 0 {
		b.unbindID, b.hasUnbID = cl.d.unbindContext, true
		c.bindings.put(key{kindUnbindContext<<56 | cl.ns, b.unbindID}, b)
	}
}

func returnUnbind(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	b := cl.b
	if b == nil || b.id == 0 {
		return
	}
	b.unbind.shut(at)
	early := b.unbindOp.done
	if b.unbindOp.returned(at, st, known) == opUnpended {
		c.report(rule.BIND06, early, c.protocolActor(b), b.adapter, c.who(b.label, b.driver),
			"NdisCompleteUnbindAdapterEx was called although ProtocolUnbindAdapterEx did not pend", at)
	}
	if !known {
		c.skip(rule.BIND07, reasonNoStatus)
		return
	}
	c.check(rule.BIND07)
	switch st {
	case ndis.StatusPending:
		if b.unbindOp.state == opDone {
			c.unbindDone(b, at)
		}
	case ndis.StatusSuccess:
		c.unbindDone(b, at)
	default:
		c.report(rule.BIND07, at, c.protocolActor(b), b.adapter, c.who(b.label, b.driver),
			"ProtocolUnbindAdapterEx returned "+st.String()+"; it cannot fail", cl.ev).evident()
		c.unbindDone(b, at)
	}
}

func enterCompleteUnbind(c *Checker, cl *call) {
	if cl.d.has&keyUnbindContext == 0 {
		c.blur()
		c.skip(rule.BIND06, reasonNoKey)
		return
	}
	b, ok := c.bindings.get(key{kindUnbindContext<<56 | cl.ns, cl.d.unbindContext})
	if !ok {
		c.skip(rule.BIND06, reasonAssumed)
		return
	}
	cl.b = b
	c.check(rule.BIND06)
	prev, ret := b.unbindOp.done, b.unbindOp.ret
	switch b.unbindOp.complete(cl.ev) {
	case opTwice, opUnpended:
		c.report(rule.BIND06, cl.ev, c.protocolActor(b), b.adapter, c.who(b.label, b.driver),
			"NdisCompleteUnbindAdapterEx completes an unbind that did not pend, or a second time", b.unbind.enter, ret, prev)
		return
	}
	if b.unbindOp.state == opDone {
		c.unbindDone(b, cl.ev)
	}
}

// unbindDone is the end of an unbind.
func (c *Checker) unbindDone(b *binding, at ev) {
	if b.driver == nil || !b.driver.downSeen {
		c.skip(rule.BIND04, reasonNoCalls)
	} else {
		c.check(rule.BIND04)
		if b.close.state == markNone && !b.unbound.seen() {
			c.report(rule.BIND04, at, c.protocolActor(b), b.adapter, c.who(b.label, b.driver),
				"the unbind ended without NdisCloseAdapterEx", b.unbind.enter)
			m := mark{enter: b.unbind.enter, ret: at, thread: b.unbind.thread, state: markReturned}
			c.bindingEnds(b, &m, at)
		}
	}
	if !b.unbound.seen() {
		c.checkUnnotified(b, b.unbind.enter)
	}
	b.unbound = at
	if b.closeOp.state == opSync || b.closeOp.state == opDone {
		c.buryBinding(b)
	}
}

func enterCloseAdapter(c *Checker, cl *call) {
	b := c.useBinding(cl)
	if b == nil {
		c.unnamedClose = c.unnamedClose || cl.has&format.HasBinding == 0
		return
	}
	if b.close.state != markNone {
		cl.flag = true // a second close: BIND-05 has it, if the two are ordered
		return
	}
	b.close.open(cl)
	b.closeOp.ask(cl.ev)
	for _, r := range b.regs {
		if r.end.state == markNone {
			r.end.open(cl)
		}
	}
}

func returnCloseAdapter(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	b := cl.b
	if b == nil || b.id == 0 || cl.flag {
		return
	}
	c.usedBinding(cl, at)
	b.close.shut(at)
	early := b.closeOp.done
	if b.closeOp.returned(at, st, known) == opUnpended {
		c.report(rule.BIND06, early, rule.NDIS, b.adapter, c.who(b.label, b.driver),
			"ProtocolCloseAdapterCompleteEx was called although NdisCloseAdapterEx did not pend", at)
	}
	if !b.driver.upSeen || b.assumed {
		c.skip(rule.BIND08, reasonNoUpcalls)
	} else if b.attempt == nil && !b.driver.registered.ret.seen() {
		c.skip(rule.BIND08, reasonAssumed)
	} else {
		c.check(rule.BIND08)
		bound := b.attempt == nil || b.attempt.finished() && c.before(&b.attempt.doneMark, cl)
		if bound && b.unbind.state == markNone {
			c.report(rule.BIND08, cl.ev, c.protocolActor(b), b.adapter, c.who(b.label, b.driver),
				"NdisCloseAdapterEx was called outside the bind and unbind handlers; NdisUnbindAdapter is for that", at).since(b.open.call)
		}
	}
	m := b.close
	c.bindingEnds(b, &m, at)
	c.maybeGone(b)
}

func enterCloseAdapterComplete(c *Checker, cl *call) {
	b := c.bindingByContext(cl)
	if b == nil {
		c.skip(rule.BIND06, reasonAmbiguous)
		return
	}
	cl.b = b
	c.check(rule.BIND06)
	prev, ret := b.closeOp.done, b.closeOp.ret
	switch b.closeOp.complete(cl.ev) {
	case opTwice, opUnpended:
		if !b.assumed || b.close.state != markNone {
			c.report(rule.BIND06, cl.ev, rule.NDIS, b.adapter, c.who(b.label, b.driver),
				"ProtocolCloseAdapterCompleteEx was called for a close that did not pend, or a second time", b.close.enter, ret, prev).since(b.opened)
		}
		return
	}
	c.maybeGone(b)
}

// maybeGone buries a binding once nothing more can come of it.
func (c *Checker) maybeGone(b *binding) {
	closed := b.closeOp.state == opSync || b.closeOp.state == opDone
	bindFailed := b.attempt != nil && b.attempt.finished() && b.attempt.hasStatus && b.attempt.status != ndis.StatusSuccess
	if closed && (b.unbound.seen() || bindFailed && b.unbind.state == markNone) {
		c.buryBinding(b)
	}
}

// bindingEnds draws the consequences of NdisCloseAdapterEx: m is the call, at its return.
func (c *Checker) bindingEnds(b *binding, m *mark, at ev) {
	if b.closed() {
		return
	}
	b.step(bindingCloses)
	c.leftBehind(b, m.enter, at)
	c.checkLiveOpens(b, m.enter, at)
	c.checkOPEN16(b)
	c.checkREG09(b)
	c.endRegistrations(b.adapter, b, m, at)
	if b.adapter != nil {
		for i, x := range b.adapter.bindings {
			if x == b {
				b.adapter.bindings = append(b.adapter.bindings[:i], b.adapter.bindings[i+1:]...)
				break
			}
		}
	}
}

// buryBinding keeps a binding that is gone for a while, so that uses of it are recognised.
func (c *Checker) buryBinding(b *binding) {
	if b.buried {
		return
	}
	b.buried = true
	c.outlived(b)
	if b.newer != nil {
		b.newer.older = b.older
	} else {
		c.newest = b.older
	}
	if b.older != nil {
		b.older.newer = b.newer
	}
	b.leaveDriver()
	c.deadBindings.push(b)
	if b.attempt != nil {
		c.buryAttempt(b.attempt)
	}
	if c.deadBindings.n <= maxDeadBindings {
		return
	}
	old := c.deadBindings.pop()
	c.dropBindingContext(old)
	c.bindings.delIf(key{kindBinding<<56 | old.ns, old.handle}, old)
	if old.hasUnbID {
		c.bindings.delIf(key{kindUnbindContext<<56 | old.ns, old.unbindID}, old)
	}
	old.id = 0
	c.freeBindings = append(c.freeBindings, old)
}

func enterUnbindAdapter(c *Checker, cl *call) {
	if b := c.useBinding(cl); b != nil {
		b.asked.open(cl)
	}
}

func returnUnbindAdapter(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	b := cl.b
	if b == nil || b.id == 0 {
		return
	}
	c.usedBinding(cl, at)
	b.asked.shut(at)
	if known && st != ndis.StatusSuccess {
		b.asked = mark{}
	}
}

// generation watches for drivers that mix the names of NDIS 5 and NDIS 6 (ROLE-09).
func (c *Checker) generation(cl *call, d *driver) {
	if !d.names5x && !d.names6x {
		d.named = cl.ev
	}
	d.names5x = d.names5x || is5x[cl.fn]
	d.names6x = d.names6x || is6x[cl.fn]
	c.check(rule.ROLE09)
	if d.names5x && d.names6x && !d.mixed {
		d.mixed = true
		c.report(rule.ROLE09, cl.ev, rule.Client, nil, c.names[cl.label],
			"the driver uses NDIS 5 and NDIS 6 names of the same functions", d.named)
	}
}
