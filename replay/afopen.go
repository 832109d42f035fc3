package replay

import (
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// Opening an address family (rules OPEN).

func (c *Checker) newOpen(cl *call) *afOpen {
	var o *afOpen
	if n := len(c.freeOpens); n > 0 {
		o = c.freeOpens[n-1]
		c.freeOpens = c.freeOpens[:n-1]
		*o = afOpen{}
	} else {
		o = new(afOpen)
	}
	o.id, o.ns, o.flight = c.id(), cl.ns, -1
	if cl.has&format.HasAFType != 0 {
		o.typ, o.hasTyp = cl.afType, true
	}
	if o.prev = c.openLast; o.prev != nil {
		o.prev.next = o
	} else {
		c.openList = o
	}
	c.openLast = o
	return o
}

// unlinkOpen takes o out of every list.
func (c *Checker) unlinkOpen(o *afOpen) {
	if o.prev != nil {
		o.prev.next = o.next
	} else {
		c.openList = o.next
	}
	if o.next != nil {
		o.next.prev = o.prev
	} else {
		c.openLast = o.prev
	}
	c.setClient(o, nil)
	c.setOwner(o, nil, nil)
	c.landed(o)
}

func (c *Checker) setClient(o *afOpen, b *binding) {
	if old := o.client; old != nil {
		last := old.opens[len(old.opens)-1]
		old.opens[o.byClient] = last
		last.byClient = o.byClient
		old.opens = old.opens[:len(old.opens)-1]
		if old.pending == o {
			old.pending = nil
		}
	}
	o.client = b
	if b != nil {
		o.byClient = len(b.opens)
		b.opens = append(b.opens, o)
	}
}

func (c *Checker) setOwner(o *afOpen, b *binding, a *adapter) {
	if list := o.served(); list != nil {
		last := (*list)[len(*list)-1]
		(*list)[o.byOwner] = last
		last.byOwner = o.byOwner
		*list = (*list)[:len(*list)-1]
	}
	o.owner, o.ownerA = b, a
	if list := o.served(); list != nil {
		o.byOwner = len(*list)
		*list = append(*list, o)
	}
}

// served is the list of its call manager that o is on.
func (o *afOpen) served() *[]*afOpen {
	switch {
	case o.owner != nil:
		return &o.owner.served
	case o.ownerA != nil:
		return &o.ownerA.served
	}
	return nil
}

// fly puts o among the opens whose upcall is to come, landed takes it away.
func (c *Checker) fly(o *afOpen) {
	o.flight = len(c.inFlight)
	c.inFlight = append(c.inFlight, o)
}

func (c *Checker) landed(o *afOpen) {
	if o.flight < 0 {
		return
	}
	last := c.inFlight[len(c.inFlight)-1]
	c.inFlight[o.flight] = last
	last.flight = o.flight
	c.inFlight = c.inFlight[:len(c.inFlight)-1]
	o.flight = -1
}

func (c *Checker) clientLabel(o *afOpen) uint32 {
	if o.client != nil {
		return o.client.label
	}
	return 0
}

func (c *Checker) clientName(o *afOpen) string {
	if o.client == nil {
		return ""
	}
	return c.who(o.client.label, o.client.driver)
}

func (c *Checker) managerName(o *afOpen) string {
	d := c.managerDriver(o)
	return c.who(o.mgrLabel, d)
}

func (c *Checker) managerDriver(o *afOpen) *driver {
	switch {
	case o.owner != nil:
		return o.owner.driver
	case o.ownerA != nil:
		return o.ownerA.driver
	}
	return nil
}

// nameOpen gives o its NdisAfHandle.
func (c *Checker) nameOpen(o *afOpen, h uint64) {
	if h == 0 || o.hasHdl && o.handle == h {
		return
	}
	k := key{kindAF<<56 | o.ns, h}
	if o.hasHdl {
		c.opens.delIf(key{kindAF<<56 | o.ns, o.handle}, o)
	}
	o.handle, o.hasHdl = h, true
	c.opens.put(k, o)
}

// --- the client asks ---

func enterClOpen(c *Checker, cl *call) {
	b := c.useBinding(cl)
	if b == nil {
		c.skip(rule.OPEN02, reasonNoHandle)
		return
	}
	if b.adapter != nil {
		b.adapter.asked = true
	}
	c.clientCaller(cl, b.driver, b.adapter)
	o := c.newOpen(cl)
	o.step(afAsk)
	cl.o, cl.n = o, int(o.id)
	o.adapter, o.openEnter = b.adapter, cl.ev
	c.setClient(o, b)
	if cl.has&format.HasContext != 0 {
		c.addClientContext(o, cl.context)
		if cl.context != 0 {
			c.check(rule.CLOSE19)
			if x := o.clNext.clientOf(cl, alive); x != nil && alive(x) && x.client != nil && x.client.driver == b.driver && b.driver.upSeen {
				cl.verdict |= suspectContextInUse
				cl.inUse, cl.inUseID = x, x.id
			}
		}
	}
	o.misuse = cl.found
	switch {
	case c.before(&b.close, cl):
		o.late, o.lateClosed = b.close.enter, true
	case b.unbind.state != markNone && (c.before(&b.unbind, cl) || b.unbind.state == markEntered):
		o.late = b.unbind.enter
	}
	o.clOpen.ask(cl.ev)
	c.fly(o)
	// OPEN-09: another open of this client on this binding is pending.
	if b.pending != nil && b.pending.clOpen.state == opPended {
		cl.verdict |= suspectAFPending
	}
	// OPEN-01: it was told of the AF, and asks from there.
	switch {
	case cl.has&format.HasAFType == 0 || b.assumed:
		c.skip(rule.OPEN01, reasonAssumed)
	case b.driver == nil || !b.driver.upSeen:
		c.skip(rule.OPEN01, reasonNoUpcalls)
	default:
		c.check(rule.OPEN01)
		told := false
		for i := range b.notified {
			if b.notified[i].reg.typ == cl.afType {
				told = true
			}
		}
		in := cl.inside(ndis.ProtocolCoAfRegisterNotify)
		switch {
		case in != nil && in.b == nil && in.afType == cl.afType: // of a binding that is not known
		case in != nil && in.b == b && in.afType == cl.afType:
			c.check(rule.NOTE09)
			if in.reg != nil && in.reg.driver != nil && in.reg.driver == b.driver {
				c.report(rule.NOTE09, cl.ev, rule.CallManager, b.adapter, c.who(b.label, b.driver),
					"a call manager opens the AF that it registered itself", in.ev)
			}
		case told:
			c.report(rule.OPEN01, cl.ev, rule.Client, b.adapter, c.who(b.label, b.driver),
				"the client opens the AF outside ProtocolCoAfRegisterNotify", b.opened).severity(rule.Warning)
		default:
			o.untold = c.report(rule.OPEN01, cl.ev, rule.Client, b.adapter, c.who(b.label, b.driver),
				"the client opens an AF that it was not notified of", b.opened).severity(rule.Warning)
		}
	}
}

// inSight says that the callbacks of both sides are captured, so that the end of o shows.
func (o *afOpen) inSight() bool {
	if o.client != nil && !o.client.driver.upSeen {
		return false
	}
	switch {
	case o.owner != nil:
		return o.owner.driver.upSeen
	case o.ownerA != nil:
		return o.ownerA.driver != nil && o.ownerA.driver.upSeen
	}
	return true
}

// alive says that an AF open still needs its contexts.
func alive(o *afOpen) bool {
	switch o.state {
	case afClosed, afDead:
		return false
	}
	return !(o.state == afClosing && (o.clClose.state == opEarly || o.clClose.state == opDone))
}

// clientCaller judges the role of who calls an NdisClXxx function.
func (c *Checker) clientCaller(cl *call, d *driver, a *adapter) {
	switch c.hasRole(d, roleClient) {
	case unknown:
		c.skip(rule.ROLE03, reasonRole)
	case no:
		c.check(rule.ROLE03)
		c.report(rule.ROLE03, cl.ev, rule.Client, a, c.who(cl.label, d),
			cl.name()+" was called by a driver that registered no client handlers").sinceLoaded(d)
	default:
		c.check(rule.ROLE03)
	}
}

// serving lists what an open of typ on a finds: a live claim, one that may be live at some
// moment of the call, or none.
func (c *Checker) serving(a *adapter, cl *call) (live, maybe *registration) {
	for _, r := range a.regs {
		if r.typ != cl.afType {
			continue
		}
		switch {
		case r.holds() && r.end.state == markNone:
			if live == nil || live.assumed {
				live = r
			}
		default:
			maybe = r // being registered, or going, while the call runs
		}
	}
	for _, r := range a.past {
		if r.typ == cl.afType && r.state == regEnded && r.end.ret.ts >= cl.ts {
			maybe = r
		}
	}
	return live, maybe
}

func returnClOpen(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	c.usedBinding(cl, at)
	o, b := cl.o, cl.b
	if o == nil || o.id != uint64(cl.n) || b == nil || b.id == 0 {
		return
	}
	c.stillPending(cl, at)
	if cl.verdict&suspectContextInUse != 0 {
		if x := cl.inUse; x.id == cl.inUseID && alive(x) {
			c.report(rule.CLOSE19, cl.ev, rule.Client, b.adapter, c.who(b.label, b.driver),
				"the client uses the context of an AF open that has not been closed for another one", x.clOpen.call, at)
		}
	}
	if h, ok := c.outAF(); ok && (!known || st == ndis.StatusSuccess || st == ndis.StatusPending) {
		o = c.joinOpen(o, h)
		cl.o, cl.n = o, int(o.id)
	}
	early := o.clOpen.done
	if o.clOpen.returned(at, st, known) == opUnpended && o.strictOpen {
		c.report(rule.OPEN13, early, rule.NDIS, b.adapter, c.who(b.label, b.driver),
			"NDIS called ProtocolClOpenAfCompleteEx for an open that did not pend", cl.ev, at)
	}
	if !known {
		c.skip(rule.OPEN02, reasonNoStatus)
		c.landed(o)
		o.step(afOpenLost)
		return
	}
	if st == ndis.StatusPending {
		if o.clOpen.state == opPended {
			b.pending = o
		}
		if o.unproven.seen() {
			c.lateAccept(o, o.unproven)
		}
		c.accepted(cl, o, at, false)
		return
	}
	o.clFinal, o.clFinalAt = st, at
	if st == ndis.StatusSuccess {
		c.accepted(cl, o, at, true)
		c.agree(o, at, st, cl.ev)
		c.landed(o)
		o.step(afGiven)
		b.anyOpen = true
		return
	}
	c.refused(cl, o, at, st)
	c.agree(o, at, st, cl.ev)
	c.landed(o)
	o.step(afRefused)
	b.failed = at
	c.settle(o)
}

// outAF reads the af column of the current row.
func (c *Checker) outAF() (uint64, bool) {
	if c.b == nil || c.b.Phase[c.i] == format.PhaseGap || c.b.Has[c.i]&format.HasAF == 0 {
		return 0, false
	}
	return c.b.AF[c.i], c.b.AF[c.i] != 0
}

// joinOpen gives o the handle h; what is known of h from the call manager's side only is
// the other half of o.
func (c *Checker) joinOpen(o *afOpen, h uint64) *afOpen {
	x, ok := c.opens.get(key{kindAF<<56 | o.ns, h})
	if o.hasHdl && o.handle != h && o.cmUpcalls > 0 {
		// The two sides were given different handles: each keeps its own.
		c.defect(DefectHandleDiffers)
		o.guessed = o.guessed || c.nGaps > 0
		if !ok {
			c.opens.put(key{kindAF<<56 | o.ns, h}, o)
			o.alias = h
		}
		return o
	}
	if !ok || x == o {
		c.nameOpen(o, h)
		return o
	}
	if !x.unlinked {
		if alive(x) && !x.assumed && !c.gapSince(x.openEnter.ts) && x.inSight() {
			c.check(rule.OPEN05)
			c.defect(DefectHandleClaimed)
			if !o.reused {
				c.report(rule.OPEN05, o.openEnter, rule.NDIS, o.adapter, c.clientName(o),
					"NDIS gave out the NdisAfHandle of an open that is still live", x.openEnter)
			}
		}
		c.nameOpen(o, h)
		return o
	}
	// x is the call manager's half: it takes over what the client's half has.
	x.unlinked = false
	x.clOpen, x.openEnter = o.clOpen, o.openEnter
	x.clFinal, x.clFinalAt, x.strictOpen, x.untold = o.clFinal, o.clFinalAt, o.strictOpen, o.untold
	x.misuse, x.late, x.lateClosed = o.misuse, o.late, o.lateClosed
	if x.adapter == nil {
		x.adapter = o.adapter
	}
	if !x.hasTyp {
		x.typ, x.hasTyp = o.typ, o.hasTyp
	}
	client, pending := o.client, o.client != nil && o.client.pending == o
	if o.hasClCtx {
		ctx := o.clientCtx
		c.dropClientContext(o)
		c.addClientContext(x, ctx)
	}
	c.unlinkOpen(o)
	x.was, o.id = o.id, 0
	c.freeOpens = append(c.freeOpens, o)
	c.setClient(x, client)
	if pending {
		client.pending = x
	}
	return x
}

// accepted judges that NDIS took the open: it gave SUCCESS, or PENDING.
func (c *Checker) accepted(cl *call, o *afOpen, at ev, final bool) {
	b, a := o.client, o.adapter
	if b == nil {
		return
	}
	if final && c.openedLate(o, at) {
		return
	}
	if a == nil || cl.has&format.HasAFType == 0 {
		c.skip(rule.OPEN02, reasonAdapter)
		return
	}
	c.checkPast(a, cl.afType)
	live, maybe := c.serving(a, cl)
	if live == nil && maybe == nil && final && !o.conflict {
		if !c.knownAdapter(a) {
			c.skip(rule.OPEN02, reasonAssumed)
		} else {
			c.unserved(o, at, cl.ev, a, cl.afType)
		}
		return
	}
	if live != nil && live.assumed {
		c.skip(rule.OPEN05, reasonAssumed)
		return
	}
	c.check(rule.OPEN02)
	o.hadServer = live != nil && live.driver != nil && live.driver.upSeen && c.managersUp(a, cl.afType)
	if !final {
		return
	}
	if o.reg != nil {
		c.openedWithdrawn(o, o.reg, at)
	} else if maybe == nil {
		c.openedWithdrawn(o, live, at)
	}
	if o.cmUpcalls > 0 || o.reused || live == nil {
		return
	}
	// OPEN-05: the call manager was asked.
	if !c.managersUp(a, cl.afType) {
		c.skip(rule.OPEN05, reasonNoUpcalls)
		return
	}
	if _, told := c.outAF(); !told && c.ambiguous(o) {
		c.lacks(rule.OPEN05, reasonNoHandle)
		return
	}
	c.check(rule.OPEN05)
	c.report(rule.OPEN05, at, rule.NDIS, a, c.who(b.label, b.driver),
		"the open succeeded although ProtocolCmOpenAf of "+c.named(live)+" was not called", cl.ev)
}

// openedLate judges an open that succeeded although the binding of the client was going when
// it asked (OPEN-03). It says whether the binding was closed.
func (c *Checker) openedLate(o *afOpen, at ev) bool {
	c.check(rule.OPEN03)
	switch {
	case !o.late.seen():
	case o.lateClosed:
		o.misuse.drop()
		c.report(rule.OPEN03, at, rule.NDIS, o.adapter, c.clientName(o),
			"an AF was opened on a binding after NdisCloseAdapterEx", o.openEnter, o.late).also(rule.BIND05)
		return true
	default:
		c.unclear(c.report(rule.OPEN03, at, rule.NDIS, o.adapter, c.clientName(o),
			"an AF was opened on a binding that is being unbound", o.openEnter, o.late), rule.AMB21, rule.Warning)
	}
	return false
}

// openedWithdrawn judges an open that succeeded although r, which serves it, had begun to go
// when the client asked (OPEN-04). While the handler of the unbind runs it is a warning: from
// which moment on the binding "is closing", and the claim over, is not said (AMB-02).
func (c *Checker) openedWithdrawn(o *afOpen, r *registration, at ev) {
	if r == nil || r.assumed || r.b == nil && !r.mcm || o.conflict {
		return
	}
	c.check(rule.OPEN04)
	m := r.withdrawn()
	switch asked := o.openEnter; {
	case m.state == markNone || m.enter.n >= asked.n || m.enter.ts >= asked.ts-c.unsure:
	case m.state == markReturned && m.ret.ts < asked.ts-c.unsure:
		o.conflict = true
		c.report(rule.OPEN04, at, rule.NDIS, o.adapter, c.clientName(o),
			ndis.AFType(r.typ).String()+" was opened although "+c.named(r)+" is closing its binding", asked, m.enter)
	default:
		c.unclear(c.report(rule.OPEN04, at, rule.NDIS, o.adapter, c.clientName(o),
			ndis.AFType(r.typ).String()+" was opened although "+c.named(r)+", which serves it, is going", asked, m.enter),
			rule.AMB02, rule.Warning)
	}
}

// unserved reports an open that went through although nobody serves the AF.
func (c *Checker) unserved(o *afOpen, at, call ev, a *adapter, typ uint32) {
	c.check(rule.OPEN02)
	c.check(rule.OPEN04)
	who := c.clientName(o)
	o.untold.drop()
	for i := len(a.past) - 1; i >= 0; i-- {
		r := a.past[i]
		if r.typ != typ || r.state != regEnded {
			continue
		}
		id, also := rule.OPEN04, []rule.ID{rule.OPEN02, rule.REG12}
		if r.b != nil && r.b.attempt != nil && r.b.attempt.hasStatus && r.b.attempt.status != ndis.StatusSuccess {
			id, also = rule.OPEN02, []rule.ID{rule.REG17, rule.REG12}
		}
		f := c.report(id, at, rule.NDIS, a, who,
			ndis.AFType(typ).String()+" was opened after "+c.named(r)+", which had registered it, had gone", call, r.ret, r.end.enter).
			since(a.born())
		f.Also = also
		o.conflict = true
		return
	}
	f := c.report(rule.OPEN02, at, rule.NDIS, a, who,
		ndis.AFType(typ).String()+" was opened although nobody has registered it on the adapter", call).
		also(rule.OPEN01).since(a.born())
	if d := c.labelled(o.mgrLabel); o.cmUpcalls == 0 || d == nil || !d.downSeen {
		f.unlessHidden() // else the call manager that was asked is captured, and has not registered it
	}
	for _, r := range a.past {
		if r.typ == typ && r.state == regFailed {
			f.also(rule.REG15)
			break
		}
	}
	o.conflict = true
}

// refused looks at an open that failed at at: where nobody serves the AF it is a conflict.
func (c *Checker) refused(cl *call, o *afOpen, at ev, st ndis.Status) {
	a := o.adapter
	if st != ndis.StatusFailure || o.cmUpcalls > 0 || a == nil || cl.has&format.HasAFType == 0 {
		return
	}
	if b := o.client; b != nil && (b.unbind.state != markNone || b.close.state != markNone) {
		return // refused because it is going
	}
	hasVer := cl.has&format.HasAFMajor != 0 && cl.has&format.HasAFMinor != 0
	live, _ := c.serving(a, cl)
	if live == nil && !c.knownAdapter(a) {
		return
	}
	x := Conflict{
		Seq: at.seq, Kind: ConflictUnservedOpen, Cause: CauseNever, Adapter: a.id, AF: AF{cl.afType, cl.afMajor, cl.afMinor, hasVer},
		Contender: c.clientName(o), Status: st, Events: sorted(cl.seq, o.clOpen.ret.seq, at.seq), At: cl.ts,
		Since: NoTime, Until: NoTime, HeldFor: -1, from: a.birth().ts, to: at.ts,
	}
	if a.mcm != no {
		x.claims = a.driver
	}
	had := func(r *registration) {
		x.Holder = r.owner(c)
		if r.ret.seen() && !r.assumed {
			x.Since = r.ret.ts
		}
		x.Events = sorted(append(x.Events, r.enter.seq, r.ret.seq)...)
	}
	switch gone, until := c.lastServer(a, cl); {
	case live != nil:
		if live.assumed || !live.hasVer || !hasVer || live.major == cl.afMajor && live.minor == cl.afMinor {
			return // no page says why it failed
		}
		x.Cause, x.from = CauseOtherVersion, live.enter.ts
		if had(live); x.Since != NoTime {
			x.HeldFor = max(0, cl.ts-x.Since)
		}
	case gone != nil:
		x.Cause, x.Until = CauseNoMore, until.ts
		if had(gone); x.Since != NoTime {
			x.HeldFor = max(0, x.Until-x.Since)
		}
		x.Events = sorted(append(x.Events, gone.end.enter.seq, until.seq)...)
	default:
		k := served{a, cl.afType}
		if c.awaited == nil {
			c.awaited = map[served][]int{}
		}
		c.awaited[k] = append(c.awaited[k], len(c.conflicts))
	}
	c.conflicts = append(c.conflicts, x)
}

// refusedLate is refused for an open that pended and then failed without an upcall.
func (c *Checker) refusedLate(o *afOpen, at ev, st ndis.Status) {
	if !o.hasTyp || o.assumed || o.conflict || o.clOpen.call != o.openEnter {
		return
	}
	c.refused(&call{entryRow: entryRow{ev: o.openEnter, has: format.HasAFType}, invocation: invocation{afType: o.typ}}, o, at, st)
}

// lastServer is the last claim for the AF that had ended, or begun to, when it was opened,
// and the row with which it did.
func (c *Checker) lastServer(a *adapter, cl *call) (last *registration, until ev) {
	for _, r := range a.past {
		if r.typ == cl.afType && r.state == regEnded {
			last, until = r, r.end.ret
		}
	}
	for _, r := range a.regs {
		if r.typ == cl.afType && r.holds() && r.end.state != markNone {
			last, until = r, r.end.enter
		}
	}
	return last, until
}

// served is an address family on an adapter.
type served struct {
	a   *adapter
	typ uint32
}

// servedLate tells the opens that found nobody who came too late for them: r, at at.
func (c *Checker) servedLate(r *registration, at ev) {
	if len(c.awaited) == 0 {
		return
	}
	k := served{r.adapter, r.typ}
	for _, i := range c.awaited[k] {
		x := &c.conflicts[i]
		x.Cause, x.Holder, x.Since = CauseNotYet, r.owner(c), at.ts
		x.Events = sorted(append(x.Events, r.enter.seq, at.seq)...)
	}
	delete(c.awaited, k)
}

// agree judges that the client is told what the call manager answered (OPEN-14).
func (c *Checker) agree(o *afOpen, at ev, st ndis.Status, proof ev) {
	if o.cmUpcalls == 0 || o.assumed {
		return
	}
	if st == ndis.StatusResources && o.cmFinalOK && o.cmFinal != st {
		return // NDIS itself may run out of resources at any time
	}
	if st == ndis.StatusFailure && (going(o.client) || going(o.owner) || o.ownerA != nil && o.ownerA.halt.state != markNone) {
		return // NDIS fails opens of bindings that are closing
	}
	switch {
	case o.cmOpen.state == opUnknown:
		c.skip(rule.OPEN14, reasonNoStatus)
	case !o.cmFinalOK:
		d := c.managerDriver(o)
		if d != nil && !d.downSeen {
			c.skip(rule.OPEN14, reasonNoCalls)
			return
		}
		c.check(rule.OPEN14)
		o.early, o.earlyStatus = at, st
	default:
		c.check(rule.OPEN14)
		if o.cmFinal != st && !o.conflict {
			c.report(rule.OPEN14, at, rule.NDIS, o.adapter, c.clientName(o),
				"the client was told "+st.String()+", the call manager answered "+o.cmFinal.String(), proof, o.cmFinalAt, o.cmOpen.call)
		}
	}
}

func going(b *binding) bool {
	return b != nil && (b.unbind.state != markNone || b.close.state != markNone)
}

// stillPending judges at the return of a CO operation of a client whether an open of the
// same binding was pending all the while (OPEN-09).
func (c *Checker) stillPending(cl *call, at ev) {
	if cl.verdict&suspectAFPending == 0 || cl.b == nil {
		return
	}
	if c.unsure > 0 {
		x, id := *cl, cl.b.id
		c.hold(at, func() {
			if x.b.id == id {
				c.judgeStillPending(&x, at)
			}
		})
		return
	}
	c.judgeStillPending(cl, at)
}

func (c *Checker) judgeStillPending(cl *call, at ev) {
	p := cl.b.pending
	if p != nil && p.cmUpcalls == 0 {
		c.skip(rule.OPEN09, reasonNoUpcalls) // when the call manager answered is not in sight
		return
	}
	c.check(rule.OPEN09)
	if p == nil || p == cl.o || p.cmFinalOK || p.clOpen.state != opPended || p.clOpen.ret.n > cl.ev.n {
		return
	}
	f := c.report(rule.OPEN09, cl.ev, rule.Client, cl.b.adapter, c.who(cl.b.label, cl.b.driver),
		cl.name()+" while an open of an AF on the same binding is pending", p.clOpen.ret, at).since(p.openEnter)
	if cl.o != nil && cl.fn == ndis.NdisClOpenAddressFamilyEx && (!p.hasTyp || p.typ != cl.afType) {
		c.unclear(f, rule.AMB23, rule.Info)
	}
}

// --- the call manager is asked ---

// elsewhere says that cl does not run inside the client's open o, and that the call which it
// runs inside may not be in the trace: that it belongs to o is a guess then.
func (c *Checker) elsewhere(cl *call, o *afOpen) bool {
	if c.nGaps == 0 && o.adapter != nil && o.adapter.init.state != markNone {
		return false
	}
	in := cl.inside(ndis.NdisClOpenAddressFamilyEx)
	return in == nil || in.o != o
}

func enterCmOpen(c *Checker, cl *call) {
	// Who was asked?
	owner, ownerA := c.manager(cl)
	d := c.labelled(cl.label)
	switch {
	case owner != nil:
		c.saw(cl, owner.driver, true)
		d = owner.driver
	case ownerA != nil:
		c.saw(cl, ownerA.driver, true)
		d = ownerA.driver
	}
	// A handle that is in use cannot be given to another open.
	var doubt *afOpen
	if cl.has&format.HasAF != 0 && cl.af != 0 {
		x, ok := c.opens.get(key{kindAF<<56 | cl.ns, cl.af})
		if ok && alive(x) && c.nGaps > 0 {
			doubt = x // its end, or which one this is, may be lost
		}
		if ok && x.handle == cl.af && !x.assumed && alive(x) && x.cmUpcalls > 0 && x.cmDone.state == markNone && !c.gapSince(x.openEnter.ts) && x.inSight() {
			c.check(rule.OPEN05)
			c.report(rule.OPEN05, cl.ev, rule.NDIS, x.adapter, c.who(cl.label, d),
				"ProtocolCmOpenAf got the NdisAfHandle of an open that is still live", x.cmOpen.call)
			if o, _ := c.asked(cl, owner, ownerA); o != nil && o != x {
				o.reused = true
			}
			return
		}
	}
	o, several := c.asked(cl, owner, ownerA)
	in := cl.inside(ndis.NdisClOpenAddressFamilyEx)
	nested := in != nil && o != nil && in.o == o
	if nested && o.apart && o.clOpen.state == opCalled {
		// This one is certainly the client's. The earlier one was taken for it.
		c.check(rule.OPEN05)
		c.report(rule.OPEN05, o.cmOpen.call, rule.NDIS, o.adapter, c.managerName(o),
			"ProtocolCmOpenAf was called without an open of a client behind it", cl.ev).since(o.adapter.birth()).guess(true)
		o = c.split(o, in)
	}
	switch {
	case o != nil && o.cmUpcalls > 0:
		c.check(rule.OPEN05)
		c.report(rule.OPEN05, cl.ev, rule.NDIS, o.adapter, c.who(cl.label, d),
			"ProtocolCmOpenAf was called more than once for one open", o.cmOpen.call, o.openEnter).since(o.adapter.birth()).
			guess(o.guessed || c.elsewhere(cl, o))
		return
	case o == nil:
		x := c.newOpen(cl)
		x.unlinked, x.assumed = true, false
		x.adapter = ownerA
		if owner != nil {
			x.adapter = owner.adapter
		}
		x.openEnter = cl.ev
		switch {
		case several:
			c.skip(rule.OPEN05, reasonAmbiguous)
		case owner == nil && ownerA == nil || !c.knownAdapter(x.adapter) || !x.adapter.asked:
			c.skip(rule.OPEN05, reasonNoCalls)
			x.assumed = true
		default:
			c.check(rule.OPEN05)
			c.report(rule.OPEN05, cl.ev, rule.NDIS, x.adapter, c.who(cl.label, d),
				"ProtocolCmOpenAf was called without an open of a client behind it").since(x.adapter.born()).unlessHidden()
		}
		o = x
	default:
		o.guessed = o.guessed || doubt != nil && doubt != o || c.elsewhere(cl, o)
		o.apart = !nested
		c.landed(o)
	}
	cl.o, cl.n = o, int(o.id)
	o.cmUpcalls++
	o.step(afUpcall)
	o.mgrLabel = cl.label
	o.cmOpen.ask(cl.ev)
	if cl.has&format.HasAF != 0 {
		c.nameOpen(o, cl.af)
	}
	c.rightManager(cl, o, owner, ownerA)
}

// split takes the client's half of o, whose call in is running, from the call manager's, which
// is another open's. It gives the client's.
func (c *Checker) split(o *afOpen, in *call) *afOpen {
	x := c.newOpen(in)
	x.step(afAsk)
	x.clOpen, x.openEnter, x.untold, x.misuse = o.clOpen, o.openEnter, o.untold, o.misuse
	x.late, x.lateClosed, x.adapter, x.typ, x.hasTyp = o.late, o.lateClosed, o.adapter, o.typ, o.hasTyp
	if o.hasClCtx {
		ctx := o.clientCtx
		c.dropClientContext(o)
		c.addClientContext(x, ctx)
	}
	client := o.client
	c.setClient(o, nil)
	c.setClient(x, client)
	o.clOpen, o.openEnter, o.untold, o.misuse, o.late, o.lateClosed = op{}, o.cmOpen.call, nil, nil, ev{}, false
	o.clOpen.assume()
	o.unlinked, o.apart, o.guessed = true, false, true
	in.o, in.n = x, int(x.id)
	return x
}

// manager finds the call manager that a CallMgrBindingContext belongs to.
func (c *Checker) manager(cl *call) (*binding, *adapter) {
	a := c.adapterForContext(cl)
	b := c.bindingByContext(cl)
	switch {
	case a != nil && b != nil:
		// One value for both: the claims say which of the two serves the AF.
		if cl.has&format.HasAFType != 0 {
			for _, r := range a.regs {
				if r.mcm && r.typ == cl.afType {
					return nil, a
				}
			}
		}
		return b, nil
	case b != nil:
		return b, nil
	}
	return nil, a
}

// asked finds the open that the upcall is about: the call it is nested in, or the only one
// under way for that AF.
func (c *Checker) asked(cl *call, owner *binding, ownerA *adapter) (o *afOpen, several bool) {
	if p := cl.inside(ndis.NdisClOpenAddressFamilyEx); p != nil {
		if p.o != nil && p.o.id == uint64(p.n) {
			return p.o, false
		}
	}
	a := ownerA
	if owner != nil {
		a = owner.adapter
	}
	if a != nil && a.unseen || cl.thread.known && cl.parent != nil && isUp[cl.parent.fn] {
		return nil, true // the open behind it is not in the trace: callbacks do not call each other
	}
	for _, x := range c.inFlight {
		if x.ns != cl.ns || a != nil && x.adapter != nil && x.adapter != a {
			continue
		}
		if x.hasTyp && cl.has&format.HasAFType != 0 && x.typ != cl.afType {
			several = several || !cl.thread.known // it may be nested in that one, and have the wrong type
			continue
		}
		if o != nil {
			return nil, true
		}
		o = x
	}
	return o, several && o == nil
}

// contextIs says that the context of cl is the one of who registered r. A driver may have one
// value for several bindings.
func (r *registration) contextIs(cl *call) bool {
	switch {
	case cl.has&format.HasContext == 0 || cl.label != 0 && r.label != 0 && cl.label != r.label:
	case r.mcm:
		return r.adapter != nil && r.adapter.hasCtx && r.adapter.context == cl.context
	case r.b != nil:
		return r.b.hasCtx && r.b.context == cl.context
	}
	return false
}

// rightManager judges whether the upcall went to who registered the AF, with the context
// and the AF it is to have (OPEN-05, OPEN-19, OPEN-21, OPEN-02).
func (c *Checker) rightManager(cl *call, o *afOpen, owner *binding, ownerA *adapter) {
	a := o.adapter
	if a == nil || cl.has&format.HasAFType == 0 {
		c.setOwner(o, owner, ownerA)
		c.skip(rule.OPEN21, reasonAdapter)
		return
	}
	if o.hasTyp && o.typ != cl.afType {
		c.check(rule.OPEN21)
		c.report(rule.OPEN21, cl.ev, rule.NDIS, a, c.who(cl.label, nil),
			"ProtocolCmOpenAf got "+ndis.AFType(cl.afType).String()+", the client opens "+ndis.AFType(o.typ).String(), o.openEnter)
		c.setOwner(o, owner, ownerA)
		return
	}
	if !o.hasTyp {
		o.typ, o.hasTyp = cl.afType, true
	}
	var mine, other, assumed, shared *registration
	for _, list := range [2][]*registration{a.regs, a.past} {
		for _, r := range list {
			if r.typ != cl.afType || r.state == regFailed || r.state == regEnded && r.end.ret.ts < o.openEnter.ts {
				continue
			}
			switch {
			case r.assumed:
				assumed = r
			case owner != nil && r.ownedBy(owner), owner == nil && ownerA != nil && r.mcm && ownerA == r.adapter:
				if mine == nil || mine.state == regEnded {
					mine = r
				}
			case mine == nil && a == r.adapter && r.contextIs(cl):
				shared = r // it is the context of another binding, or adapter, too
			case other == nil || other.label != cl.label || r.label == cl.label:
				other = r // of several, the one of the driver that was called
			}
		}
	}
	if mine == nil && shared != nil {
		mine, owner, ownerA = shared, shared.b, nil
		if shared.mcm {
			ownerA = a
		}
	}
	if mine != nil {
		o.reg = mine
		c.check(rule.OPEN05)
		c.check(rule.OPEN19)
		c.check(rule.OPEN21)
		c.setOwner(o, owner, ownerA)
		o.mcm = no
		if mine.mcm {
			o.mcm = yes
		}
		if o.mgrLabel == 0 {
			o.mgrLabel = mine.label
		}
		return
	}
	switch {
	case assumed != nil:
		c.skip(rule.OPEN21, reasonAssumed)
		if owner != nil || ownerA != nil {
			assumed.b, assumed.mcm = owner, owner == nil
		}
		o.reg = assumed
	case other != nil && c.sameManager(other, owner, ownerA):
		o.reg = other
		c.check(rule.OPEN19)
		c.report(rule.OPEN19, cl.ev, rule.NDIS, a, c.who(cl.label, nil),
			"ProtocolCmOpenAf got the CallMgrBindingContext of another adapter", o.openEnter, other.enter)
		owner, ownerA = other.b, nil
		if other.mcm {
			ownerA = a
		}
	case other != nil && !c.knownAdapter(a):
		c.skip(rule.OPEN19, reasonAssumed) // who was asked may have registered it out of sight
	case other != nil && owner == nil && ownerA == nil && cl.label != other.label && !captured(c.labelled(cl.label), false):
		c.skip(rule.OPEN19, reasonNoCalls) // the same
	case other != nil && owner == nil && ownerA == nil:
		// The context is nobody's. If that of the owner is known, it is the wrong one.
		o.reg = other
		hasCtx := other.mcm && other.adapter.hasCtx || other.b != nil && other.b.hasCtx
		if !hasCtx || other.assumed || cl.has&format.HasContext == 0 {
			c.skip(rule.OPEN19, reasonNoContext)
		} else {
			c.check(rule.OPEN19)
			c.report(rule.OPEN19, cl.ev, rule.NDIS, a, c.who(cl.label, nil),
				"the CallMgrBindingContext given to ProtocolCmOpenAf is not the one of "+c.named(other), o.openEnter, other.enter)
		}
		if cl.label == 0 || other.label == 0 || cl.label == other.label {
			owner = other.b
			if other.mcm {
				ownerA = a
			}
		}
	case other != nil:
		c.check(rule.OPEN05)
		c.report(rule.OPEN05, cl.ev, rule.NDIS, a, c.who(cl.label, nil),
			"ProtocolCmOpenAf was called at a call manager that did not register the AF; "+c.named(other)+" did", o.openEnter, other.ret).
			also(rule.ROLE07, rule.OPEN21)
		o.conflict = true
	case !c.knownAdapter(a):
		c.skip(rule.OPEN02, reasonAssumed)
	case !o.unlinked:
		c.unserved(o, cl.ev, o.openEnter, a, cl.afType)
	}
	if owner != nil {
		o.mcm = no
	} else if ownerA != nil {
		o.mcm = yes
	}
	c.setOwner(o, owner, ownerA)
}

// sameManager says that the call manager which got the upcall is the one that holds r, with
// another of its bindings or adapters.
func (c *Checker) sameManager(r *registration, b *binding, a *adapter) bool {
	switch {
	case r.driver == nil || r.b == nil && !r.mcm:
		return false
	case b != nil:
		return !r.mcm && b != r.b && b.driver == r.driver
	}
	return a != nil && r.mcm && a != r.adapter && a.driver == r.driver
}

func returnCmOpen(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	o := cl.o
	if o == nil || o.id != uint64(cl.n) {
		return
	}
	early := o.cmOpen.done
	fault := o.cmOpen.returned(at, st, known)
	if fault == opUnpended {
		c.check(rule.OPEN08)
		c.report(rule.OPEN08, early, rule.CallManager, o.adapter, c.managerName(o),
			"the open was completed although ProtocolCmOpenAf did not return PENDING", cl.ev, at)
	}
	if !known {
		c.skip(rule.OPEN06, reasonNoStatus)
		o.cmOpen.assume()
		return
	}
	ctx, hasCtx := uint64(0), false
	if c.b != nil && c.b.Has[c.i]&format.HasContext != 0 && c.b.Phase[c.i] == format.PhaseReturn {
		ctx, hasCtx = c.b.Context[c.i], true
	}
	switch st {
	case ndis.StatusPending:
		return
	case ndis.StatusSuccess:
		o.cmFinal, o.cmFinalOK, o.cmFinalAt = st, true, at
		if !hasCtx {
			c.contextless = true
			c.skip(rule.OPEN06, reasonNoContext)
		} else {
			c.check(rule.OPEN06)
			if ctx == 0 {
				c.report(rule.OPEN06, at, rule.CallManager, o.adapter, c.managerName(o),
					"ProtocolCmOpenAf returned SUCCESS without setting CallMgrAfContext", cl.ev).evident()
			} else {
				c.addManagerContext(o, ctx)
				c.contextTaken(o, cl, at)
			}
		}
		c.check(rule.OPEN22)
		if d := at.ts - cl.ts; d > c.openLimit && at.ts > cl.ts && cl.gapsAtEnter == c.nGaps {
			c.report(rule.OPEN22, at, rule.CallManager, o.adapter, c.managerName(o),
				"ProtocolCmOpenAf took "+duration(d)+" to succeed; a call manager that needs so long returns PENDING", cl.ev)
		}
		if o.unlinked {
			o.step(afGiven)
		}
	default:
		o.cmFinal, o.cmFinalOK, o.cmFinalAt = st, true, at
		if hasCtx && ctx != 0 {
			c.addManagerContext(o, ctx)
		}
		if o.unlinked {
			o.step(afRefused)
			c.settle(o)
		}
	}
}

// contextTaken judges that a call manager does not give the context of an AF open that is
// closed to another one, o, while its request for the close has not been answered (AMB-11).
func (c *Checker) contextTaken(o *afOpen, cl *call, at ev) {
	if c.unsure > 0 {
		return // the answer may have come before
	}
	for x := o.mgrNext; x != nil; x = x.mgrNext {
		if x.assumed || x.mgrLabel != o.mgrLabel || x.state != afClosed || !x.cmNotify.outstanding() {
			continue
		}
		if d := c.managerDriver(x); d == nil || !d.upSeen {
			return // that it was answered would not show
		}
		c.check(rule.CLOSE17)
		c.unclear(c.report(rule.CLOSE17, at, rule.CallManager, o.adapter, c.managerName(o),
			"the call manager uses the context of an AF open whose request for the close is not answered for another one",
			x.cmNotify.call, x.cmNotify.ret, cl.ev), rule.AMB11, rule.Info)
		return
	}
}

// --- the call manager completes ---

func enterCmOpenComplete(c *Checker, cl *call) {
	o := c.managerUse(cl, true)
	if o == nil {
		return
	}
	cl.o, cl.n = o, int(o.id)
	c.variant(cl, o, rule.OPEN17)
	c.check(rule.OPEN08)
	prev := o.cmOpen.done
	fault := o.cmOpen.complete(cl.ev)
	if (fault == opTwice || fault == opUnpended) && c.deaf(cl) {
		c.skip(rule.OPEN08, reasonNoUpcalls) // it may be a new open with the same handle
		return
	}
	switch fault {
	case opTwice:
		c.report(rule.OPEN08, cl.ev, rule.CallManager, o.adapter, c.managerName(o),
			"the open was completed a second time", o.cmOpen.ret, prev).also(rule.OPEN07)
		return
	case opUnpended:
		if o.assumed || o.cmUpcalls == 0 {
			c.skip(rule.OPEN08, reasonAssumed)
			break
		}
		c.report(rule.OPEN08, cl.ev, rule.CallManager, o.adapter, c.managerName(o),
			"the open was completed although ProtocolCmOpenAf did not return PENDING", o.cmOpen.call, o.cmOpen.ret)
		return
	}
	if o.cmOpen.state == opDone {
		c.check(rule.OPEN07)
	}
	if cl.has&format.HasStatus == 0 {
		c.skip(rule.OPEN10, reasonNoStatus)
		o.cmOpen.assume()
		return
	}
	c.check(rule.OPEN10)
	switch cl.status {
	case ndis.StatusPending:
		c.report(rule.OPEN10, cl.ev, rule.CallManager, o.adapter, c.managerName(o),
			"the open was completed with NDIS_STATUS_PENDING", o.cmOpen.call, o.cmOpen.ret).evident()
		o.cmOpen.assume()
		o.missed = true // what follows from it is no defect of its own
		return
	case ndis.StatusSuccess:
		if cl.has&format.HasContext == 0 {
			c.contextless = c.contextless || !o.hasMgrCtx
			break
		}
		c.check(rule.OPEN06)
		if cl.context == 0 {
			c.report(rule.OPEN06, cl.ev, rule.CallManager, o.adapter, c.managerName(o),
				"the open was completed with SUCCESS and no CallMgrAfContext", o.cmOpen.ret).evident()
		} else if !o.hasMgrCtx {
			c.addManagerContext(o, cl.context)
			c.contextTaken(o, cl, cl.ev)
		}
	default:
		// NDIS ignores the context; a callback with it would be one for a failed open (OPEN-11).
		if cl.has&format.HasContext != 0 && cl.context != 0 && !o.hasMgrCtx {
			c.addManagerContext(o, cl.context)
		}
	}
	o.cmFinal, o.cmFinalOK, o.cmFinalAt = cl.status, true, cl.ev
	c.toldEarly(o, cl.ev)
	if o.unlinked {
		if cl.status == ndis.StatusSuccess {
			o.step(afGiven)
		} else {
			o.step(afRefused)
		}
	}
}

// toldEarly judges, once the call manager has answered at at, a client that had been told
// before. Of the two rows the later one is what shows it.
func (c *Checker) toldEarly(o *afOpen, at ev) {
	if !o.early.seen() {
		return
	}
	c.check(rule.OPEN13)
	f := c.report(rule.OPEN13, o.early, rule.NDIS, o.adapter, c.clientName(o),
		"the client was told the outcome of its open before the call manager had answered", o.cmOpen.call, at)
	if o.earlyStatus != o.cmFinal {
		f.Rule, f.Also = rule.OPEN14, []rule.ID{rule.OPEN13}
	}
	o.early = ev{}
}

// others is the list of also without the rule of the finding itself.
func others(id, also rule.ID) []rule.ID {
	if id == also {
		return nil
	}
	return []rule.ID{also}
}

// variant judges that a stand-alone call manager uses the NdisCm functions and an MCM the
// NdisMCm ones. In a trace of exports the macros of the latter show as the former.
func (c *Checker) variant(cl *call, o *afOpen, id rule.ID) {
	mcmCall := isMCm[cl.fn]
	switch {
	case o.mcm == unknown || o.reg == nil:
		c.skip(id, reasonRole)
	case mcmCall && o.mcm == no:
		c.check(id)
		c.report(id, cl.ev, rule.CallManager, o.adapter, c.managerName(o),
			"a stand-alone call manager calls "+cl.name(), o.cmOpen.call).also(others(id, rule.ROLE01)...)
	case !mcmCall && o.mcm == yes && c.export != no:
		c.skip(id, reasonLevel)
	case !mcmCall && o.mcm == yes:
		c.check(id)
		c.report(id, cl.ev, rule.CallManager, o.adapter, c.managerName(o),
			"a miniport call manager calls "+cl.name(), o.cmOpen.call).also(others(id, rule.ROLE02)...)
	default:
		c.check(id)
	}
}

// --- the client is told ---

// unopened says that the calls of the client which the callback went to are not captured: its
// context may be of an open that the trace does not have.
func (c *Checker) unopened(cl *call) bool {
	if d := c.labelled(cl.label); d == nil || !d.unopened {
		return false
	}
	c.blur()
	return true
}

func enterClOpenComplete(c *Checker, cl *call) {
	if c.unopened(cl) {
		return
	}
	var o *afOpen
	waiting := func(o *afOpen) bool { return o.clOpen.state == opPended || o.clOpen.state == opCalled }
	if cl.has&format.HasAF != 0 && cl.af != 0 {
		if o, _ = c.opens.get(key{kindAF<<56 | cl.ns, cl.af}); o != nil && o.closeMark.state != markNone && o.client != nil && !o.client.driver.upSeen {
			o = nil // it may have ended unseen, and the handle be one of a new open
		}
	}
	if byCtx := c.clientOpen(cl, waiting); byCtx != nil && (o == nil || o.unlinked || o.closeMark.state != markNone && waiting(byCtx)) {
		if o != nil && o.unlinked {
			byCtx = c.joinOpen(byCtx, cl.af)
		}
		o = byCtx
	}
	if o == nil {
		o = c.astray(cl, waiting)
	} else if c.strays(cl, o, c.clientLabel(o)) && cl.d.caller != callerSelf {
		c.misrouted(cl, o)
	}
	if o == nil {
		if d := c.buried(cl, kindClientAF, cl.context, format.HasContext); d != nil && cl.d.caller == callerNDIS {
			c.lateOpenComplete(cl, d)
			return
		}
		c.skip(rule.OPEN13, reasonNoContext)
		return
	}
	cl.o, cl.n = o, int(o.id)
	if o.client != nil {
		c.saw(cl, o.client.driver, true)
	} else if !o.hasClCtx && cl.has&format.HasContext != 0 {
		c.addClientContext(o, cl.context) // what follows carries it
	}
	if cl.d.caller == callerSelf {
		return // the client runs it itself after an open that did not pend
	}
	prev := o.clOpen.done
	switch fault := o.clOpen.complete(cl.ev); {
	case fault == opTwice || fault == opUnpended:
		if cl.d.caller == callerUnknown {
			c.skip(rule.OPEN13, reasonCaller)
			return
		}
		if o.assumed || o.client == nil {
			c.skip(rule.OPEN13, reasonAssumed)
			return
		}
		c.check(rule.OPEN13)
		msg := "NDIS called ProtocolClOpenAfCompleteEx for an open that did not pend"
		if fault == opTwice {
			msg = "NDIS called ProtocolClOpenAfCompleteEx a second time for one open"
		}
		c.report(rule.OPEN13, cl.ev, rule.NDIS, o.adapter, c.clientName(o), msg, o.clOpen.call, o.clOpen.ret, prev)
		return
	}
	c.check(rule.OPEN13)
	o.strictOpen = cl.d.caller == callerNDIS
	if cl.has&format.HasStatus == 0 {
		c.skip(rule.OPEN12, reasonNoStatus)
		return
	}
	if b := o.client; b != nil && b.pending == o {
		b.pending = nil
	}
	o.clFinal, o.clFinalAt = cl.status, cl.ev
	switch cl.status {
	case ndis.StatusPending:
		if !o.cmFinalOK && o.cmOpen.state == opUnknown {
			return // the call manager's own slip, see OPEN-10
		}
		c.check(rule.OPEN10)
		c.report(rule.OPEN10, cl.ev, rule.NDIS, o.adapter, c.clientName(o),
			"ProtocolClOpenAfCompleteEx was called with NDIS_STATUS_PENDING", o.clOpen.ret).evident()
		return
	case ndis.StatusSuccess:
		if cl.has&format.HasAF != 0 && cl.af != 0 {
			c.nameOpen(o, cl.af)
		}
		c.agree(o, cl.ev, cl.status, o.clOpen.call)
		c.landed(o)
		o.step(afGiven)
		if o.client != nil {
			o.client.anyOpen = true
			if o.clOpen.ret.seen() {
				c.lateAccept(o, cl.ev)
			} else {
				o.unproven = cl.ev // until the open itself has returned
			}
		}
	default:
		if cl.has&format.HasAF == 0 {
			c.skip(rule.OPEN12, reasonNoHandle)
		} else {
			c.check(rule.OPEN12)
			if cl.af != 0 {
				c.report(rule.OPEN12, cl.ev, rule.NDIS, o.adapter, c.clientName(o),
					"ProtocolClOpenAfCompleteEx tells of a failure and carries an NdisAfHandle", o.clOpen.call).evident()
			}
		}
		c.refusedLate(o, cl.ev, cl.status)
		c.agree(o, cl.ev, cl.status, o.clOpen.call)
		c.landed(o)
		o.step(afRefused)
		if o.client != nil {
			o.client.failed = cl.ev
		}
		c.settle(o)
	}
}

// managersUp says that the callbacks of everybody who may serve the AF are captured.
func (c *Checker) managersUp(a *adapter, typ uint32) bool {
	for _, list := range [2][]*registration{a.regs, a.past} {
		for _, r := range list {
			if r.typ == typ && r.state != regFailed && (r.driver == nil || !r.driver.upSeen) {
				return false
			}
		}
	}
	return true
}

// lateAccept judges a pended open that succeeded as one that succeeded at once.
func (c *Checker) lateAccept(o *afOpen, told ev) {
	a := o.adapter
	if c.openedLate(o, told) || a == nil || !o.hasTyp || o.conflict || o.reused {
		return
	}
	if o.cmUpcalls > 0 {
		c.openedWithdrawn(o, o.reg, told)
		return
	}
	probe := call{entryRow: entryRow{ev: o.openEnter, has: format.HasAFType}, invocation: invocation{afType: o.typ}}
	live, maybe := c.serving(a, &probe)
	switch {
	case live == nil && maybe == nil:
		if c.knownAdapter(a) {
			c.unserved(o, told, o.openEnter, a, o.typ)
		} else {
			c.skip(rule.OPEN02, reasonAssumed)
		}
	case live == nil || live.assumed:
		c.skip(rule.OPEN05, reasonAssumed)
	case !c.managersUp(a, o.typ):
		c.skip(rule.OPEN05, reasonNoUpcalls)
	case !o.hasHdl && c.ambiguous(o):
		c.lacks(rule.OPEN05, reasonNoHandle)
	default:
		c.check(rule.OPEN05)
		c.report(rule.OPEN05, o.clOpen.ret, rule.NDIS, a, c.clientName(o),
			"the open succeeded although ProtocolCmOpenAf of "+c.named(live)+" was not called", o.openEnter, told)
	}
}

func (c *Checker) lateOpenComplete(cl *call, d *deadOpen) {
	c.check(rule.OPEN13)
	c.report(rule.OPEN13, cl.ev, rule.NDIS, nil, c.names[d.clientLabel],
		"NDIS called ProtocolClOpenAfCompleteEx for an open that has ended", d.clOpen.last).since(d.opened).Adapter = d.adapter
}

// buried finds the dead AF open that a value of the row named.
func (c *Checker) buried(cl *call, kind, value uint64, col format.Fields) *deadOpen {
	if cl.has&col == 0 || value == 0 {
		return nil
	}
	d := c.exhume(key{kind<<56 | cl.ns, value})
	if d == nil {
		return nil
	}
	// A context is its owner's: another driver may use the same value.
	label := d.mgrLabel
	if kind == kindClientAF {
		label = d.clientLabel
	}
	if label != 0 && cl.label != 0 && label != cl.label {
		return nil
	}
	return d
}

// checkOPEN16 looks, when a client binding goes or the trace ends, whether a failed open
// left it without a use.
func (c *Checker) checkOPEN16(b *binding) *finding {
	if !b.failed.seen() || b.anyOpen || b.assumed {
		return nil
	}
	c.check(rule.OPEN16)
	if b.asked.state == markNone && b.unbind.state == markNone {
		return c.unclear(c.report(rule.OPEN16, b.failed, rule.Client, b.adapter, c.who(b.label, b.driver),
			"the only open of an AF on the binding failed, and NdisUnbindAdapter was not called", b.opened), rule.AMB08, rule.Info)
	}
	return nil
}
