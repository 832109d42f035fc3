package replay

import (
	"strconv"
	"time"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// Use and end of an AF open (rules CLOSE and USE-01).

// clientUse finds the AF open whose handle a client passes, and judges the use.
func (c *Checker) clientUse(cl *call) *afOpen {
	o := c.handleUse(cl)
	if o == nil {
		return nil
	}
	if o.client != nil {
		c.saw(cl, o.client.driver, false)
		cl.b = o.client
		d := o.client.driver
		if cl.label != 0 && cl.label != o.client.label && callers[cl.fn] == sideClient {
			d = c.labelled(cl.label) // a driver that passes the handle of another one's open
		}
		c.clientCaller(cl, d, o.adapter)
		if p := o.client.pending; p != nil && p != o && p.clOpen.state == opPended {
			cl.verdict |= suspectAFPending
		}
	}
	if cl.fn == ndis.NdisClNotifyCloseAddressFamilyComplete {
		return o
	}
	if c.mayHaveFailed(o) {
		c.lacks(rule.CLOSE07, reasonNoStatus)
		return o
	}
	if c.nGaps > 0 && cl.label != 0 && cl.label != c.clientLabel(o) {
		c.lacks(rule.CLOSE07, reasonAmbiguous) // whose call it is rests on what was lost
		return o
	}
	c.check(rule.CLOSE07)
	if c.before(&o.closeMark, cl) && cl.fn != ndis.NdisClCloseAddressFamily {
		c.usedAfterClose(cl, o.adapter, c.clientName(o), &o.closeMark, o.reopened)
	} else if c.opt.Strict.Has(rule.AMB07) && c.before(&o.failedClose, cl) && cl.fn != ndis.NdisClCloseAddressFamily {
		c.usedAfterClose(cl, o.adapter, c.clientName(o), &o.failedClose, true)
	}
	return o
}

// mayHaveFailed says that the client's close of o may have failed unseen: then the AF is
// still open (AMB-07).
func (c *Checker) mayHaveFailed(o *afOpen) bool {
	switch o.clClose.state {
	case opUnknown:
		return true
	case opPended:
		return o.client == nil || !o.client.driver.upSeen || c.strayClose.n > o.closeMark.enter.n
	}
	return false
}

func (c *Checker) usedAfterClose(cl *call, a *adapter, who string, m *mark, reopened bool) *finding {
	f := c.report(rule.CLOSE07, cl.ev, rule.Client, a, who,
		cl.name()+" uses an NdisAfHandle after NdisClCloseAddressFamily", m.enter).also(rule.USE01)
	if reopened {
		c.unclear(f, rule.AMB07, rule.Info)
	}
	return f
}

// handleUse finds the AF open of the row's af column. A handle that was never given out is
// a finding only if everything that could have given it out is in the trace.
func (c *Checker) handleUse(cl *call) *afOpen {
	if cl.has&format.HasAF == 0 {
		c.skip(rule.OPEN18, reasonNoHandle)
		return nil
	}
	if cl.af == 0 {
		return nil
	}
	k := key{kindAF<<56 | cl.ns, cl.af}
	if o, ok := c.opens.get(k); ok {
		c.check(rule.OPEN18)
		if isOpenComplete[cl.fn] {
			c.check(rule.OPEN15)
		}
		return o
	}
	d := c.exhume(k)
	if d != nil && cl.label == 0 && callers[cl.fn] == sideUnknown && !d.failed {
		c.eitherSide()
		return nil
	}
	manager := isManagerCall[cl.fn] || d != nil && cl.label != 0 && cl.label == d.mgrLabel && cl.label != d.clientLabel
	if d != nil {
		if by := c.labelled(cl.label); manager && by != nil && !by.upSeen {
			c.skip(rule.USE01, reasonNoUpcalls) // the handle may be a new one, told in a callback
			return nil
		}
		c.check(rule.USE01)
		c.deadUse(cl, d, manager || cl.label != 0 && cl.label == d.mgrLabel && cl.label != d.clientLabel)
		return nil
	}
	c.wrongKind(kindAF, cl.ns, cl.af)
	if c.fresh(cl.label) {
		c.check(rule.OPEN18)
		id, also, fault := rule.OPEN18, []rule.ID(nil), rule.Client
		if manager {
			fault = rule.CallManager
		}
		switch {
		case isOpenComplete[cl.fn]:
			id, also = rule.OPEN15, []rule.ID{rule.OPEN18}
		case cl.fn == ndis.NdisCmNotifyCloseAddressFamily, cl.fn == ndis.NdisMCmNotifyCloseAddressFamily:
			also = []rule.ID{rule.CLOSE21}
		}
		f := c.report(id, cl.ev, fault, nil, c.who(cl.label, nil),
			cl.name()+" uses an NdisAfHandle that NDIS never gave out").sinceStart()
		f.Also = also
		if id == rule.OPEN15 {
			c.labelled(cl.label).misdirect()
		}
		return nil
	}
	c.skip(rule.OPEN18, reasonAssumed)
	o := c.newOpen(cl)
	o.assumed = true
	o.step(afAssume)
	o.clOpen.assume()
	o.cmOpen.assume()
	o.clClose.assume()
	o.cmClose.assume()
	o.clNotify.assume()
	o.cmNotify.assume()
	o.openEnter = cl.ev
	o.unlinked = true // the client's half may turn up
	if manager {
		o.mgrLabel = cl.label
	}
	c.nameOpen(o, cl.af)
	return o
}

// eitherSide counts the use of an NdisAfHandle of which the row does not say whether the client
// or the call manager made it.
func (c *Checker) eitherSide() {
	c.lacks(rule.CLOSE07, reasonRole)
	c.lacks(rule.CLOSE08, reasonRole)
	c.lacks(rule.USE01, reasonRole)
}

// fresh says that whatever the driver of a row holds was given to it within the trace.
func (c *Checker) fresh(label uint32) bool {
	d := c.labelled(label)
	switch {
	case d == nil || d.known == 0 || d.assumed > 0 || !d.upSeen || d.unopened:
		return false // a driver without a name may be any
	case d.registered.state == markReturned:
		return true // it was loaded within the trace
	}
	return d.isMiniport && (d.first == ndis.NdisMRegisterMiniportDriver || d.first == ndis.MiniportSetOptions || d.first == ndis.MiniportInitializeEx)
}

// deadUse judges the use of a handle whose AF open has ended.
func (c *Checker) deadUse(cl *call, d *deadOpen, manager bool) {
	who := c.names[d.clientLabel]
	if manager {
		who = c.names[d.mgrLabel]
	}
	if who == "" {
		who = c.names[cl.label]
	}
	var f *finding
	switch {
	case isOpenComplete[cl.fn] && (d.cmOpen.state == opIdle || d.cmOpen.state == opUnknown):
		return // how the call manager had answered is not in the trace
	case isOpenComplete[cl.fn]:
		f = c.report(rule.OPEN08, cl.ev, rule.CallManager, nil, who,
			"the open was completed although it was not pending", d.cmOpen.last)
		if d.cmOpen.state == opDone {
			f.also(rule.OPEN07)
		}
	case isCloseComplete[cl.fn]:
		if d.cmClose.state == opUnknown {
			return
		}
		f = c.report(rule.CLOSE05, cl.ev, rule.CallManager, nil, who,
			"the close was completed although it was not pending", d.cmClose.last).
			also(rule.CLOSE08, rule.USE01)
	case cl.fn == ndis.NdisClNotifyCloseAddressFamilyComplete:
		if d.clNotify.state == opUnknown {
			return
		}
		f = c.report(rule.CLOSE12, cl.ev, rule.Client, nil, who,
			"the close request was completed although it was not pending", d.clNotify.last).
			also(rule.USE01)
	case cl.fn == ndis.NdisCmNotifyCloseAddressFamily, cl.fn == ndis.NdisMCmNotifyCloseAddressFamily:
		if d.cmDone.state == markReturned && !c.before(&d.cmDone, cl) {
			return
		}
		f = c.report(rule.CLOSE21, cl.ev, rule.CallManager, nil, who,
			"the call manager asks for the close of an AF open that has ended", d.closeMark.enter, d.failedAt, d.cmDone.enter)
	case d.failed && manager:
		f = c.report(rule.OPEN11, cl.ev, rule.CallManager, nil, who,
			cl.name()+" uses the NdisAfHandle of an open that failed", d.failedAt).also(rule.USE01)
	case d.failed:
		f = c.report(rule.USE01, cl.ev, rule.Client, nil, who,
			cl.name()+" uses the NdisAfHandle of an open that failed", d.failedAt)
	case manager:
		if !c.before(&d.cmDone, cl) {
			return
		}
		f = c.report(rule.CLOSE08, cl.ev, rule.CallManager, nil, who,
			cl.name()+" uses an NdisAfHandle after the close was completed", d.cmDone.enter, d.closeMark.enter).also(rule.USE01)
	case d.clClose.state == opUnknown:
		return // its close may have failed
	case cl.fn == ndis.NdisClCloseAddressFamily:
		f = c.report(rule.CLOSE03, cl.ev, rule.Client, nil, who,
			"the client closes an AF a second time", d.closeMark.enter).also(rule.CLOSE07, rule.USE01)
	default:
		if !c.before(&d.closeMark, cl) {
			return
		}
		f = c.usedAfterClose(cl, nil, who, &d.closeMark, d.reopened)
	}
	f.since(d.opened).guess(d.guessed).Adapter = d.adapter
}

// managerUse finds the AF open whose handle a call manager passes.
func (c *Checker) managerUse(cl *call, completion bool) *afOpen {
	o := c.handleUse(cl)
	if o == nil {
		return nil
	}
	if cl.label != 0 && o.mgrLabel != 0 && cl.label != o.mgrLabel && c.deaf(cl) {
		c.lacks(rule.USE01, reasonNoUpcalls) // the handle may be one of a new open, told in a callback
		return nil
	}
	c.saw(cl, c.managerDriver(o), false)
	if o.mgrLabel == 0 {
		o.mgrLabel = cl.label
	}
	if !completion {
		c.check(rule.CLOSE08)
		if c.before(&o.cmDone, cl) {
			c.report(rule.CLOSE08, cl.ev, rule.CallManager, o.adapter, c.managerName(o),
				cl.name()+" uses an NdisAfHandle after the close was completed", o.cmDone.enter).also(rule.USE01)
		}
	}
	return o
}

// --- the client closes ---

func enterClClose(c *Checker, cl *call) {
	o := c.clientUse(cl)
	if o == nil {
		return
	}
	cl.o, cl.n = o, int(o.id)
	c.check(rule.CLOSE03)
	if o.closeMark.state != markNone {
		cl.flag, cl.first, cl.a = true, o.closeMark.enter, o.adapter
		if o.client != nil {
			cl.drv = o.client.driver
		}
		return
	}
	o.closeMark.open(cl)
	o.clClose.ask(cl.ev)
	o.inClose = o.saps + o.vcs
	o.step(afClose)
}

func returnClClose(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	o := cl.o
	if o == nil {
		return
	}
	ended := o.id != uint64(cl.n)
	if ended && !cl.flag {
		return
	}
	if !ended {
		c.stillPending(cl, at)
	}
	if cl.flag {
		// The second close. It stands unless the first one turned out to have failed.
		if !ended && (o.closeMark.state == markNone || o.reopened) {
			o.closeMark = mark{enter: cl.ev, ret: at, thread: cl.thread, state: markReturned}
			o.clClose.ask(cl.ev)
			o.reopened = false
			c.clientClosed(o, cl, at, known, st)
			return
		}
		if !ended && c.mayHaveFailed(o) {
			c.lacks(rule.CLOSE03, reasonNoStatus)
			return
		}
		msg := "the client closes an AF a second time"
		if known && st != ndis.StatusFailure {
			msg += ", and NDIS answers " + st.String() + " in place of FAILURE"
		}
		c.report(rule.CLOSE03, cl.ev, rule.Client, cl.a, c.who(cl.label, cl.drv), msg, cl.first, at).also(rule.CLOSE07, rule.USE01)
		return
	}
	o.closeMark.shut(at)
	c.clientClosed(o, cl, at, known, st)
}

// clientClosed takes the answer to the client's close.
func (c *Checker) clientClosed(o *afOpen, cl *call, at ev, known bool, st ndis.Status) {
	c.check(rule.CLOSE02)
	if o.clNotify.state != opIdle {
		c.check(rule.CLOSE13)
	}
	if o.inClose > 0 && (o.client == nil && !c.deaf(cl) || o.client != nil && o.client.driver.upSeen) && !c.leftCalls(o, cl, at) {
		o.overfull = c.report(rule.CLOSE02, cl.ev, rule.Client, o.adapter, c.clientName(o),
			"the client closes an AF with "+strconv.Itoa(o.inClose)+" live SAPs or VCs", o.openEnter, at).also(rule.CLOSE13)
	}
	early := o.clClose.done
	if o.clClose.returned(at, st, known) == opUnpended && cl.d.caller != callerSelf {
		c.check(rule.CLOSE18)
		if o.strictClose {
			c.report(rule.CLOSE18, early, rule.NDIS, o.adapter, c.clientName(o),
				"NDIS called ProtocolClCloseAfComplete for a close that did not pend", cl.ev, at)
		}
	}
	if !known {
		o.step(afCloseDone)
		c.settle(o)
		return
	}
	switch st {
	case ndis.StatusPending:
		if o.clClose.state == opDone {
			c.survived(o, at)
			c.settle(o)
		}
	case ndis.StatusSuccess:
		o.step(afCloseDone)
		c.survived(o, at)
		d := c.managerDriver(o)
		switch {
		case o.closeUps > 0:
			c.check(rule.CLOSE20)
		case o.assumed || d == nil || !d.upSeen:
			c.skip(rule.CLOSE20, reasonNoUpcalls)
		default:
			c.check(rule.CLOSE20)
			c.report(rule.CLOSE20, at, rule.NDIS, o.adapter, c.clientName(o),
				"the close succeeded although ProtocolCmCloseAf was not called", cl.ev)
		}
		c.settle(o)
	default:
		// AMB-07: the AF counts as still open.
		o.step(afCloseFailed)
		o.reopened, o.failedClose = true, mark{enter: cl.ev, ret: at, thread: cl.thread, state: markReturned}
		o.closeMark = mark{}
		o.clClose = op{}
		o.cmClose = op{}
		o.closeUps = 0
	}
}

// --- the call manager closes ---

func enterCmClose(c *Checker, cl *call) {
	var o *afOpen
	if p := cl.inside(ndis.NdisClCloseAddressFamily); p != nil && p.o != nil && p.o.id == uint64(p.n) {
		o = p.o
	}
	open := func(o *afOpen) bool { return o.state == afClosing || o.closeMark.state != markNone }
	byCtx := c.managerOpen(cl, open)
	switch {
	case o == nil:
		o = byCtx
	case c.strays(cl, o, o.mgrLabel):
		c.check(rule.CLOSE20)
		f := c.report(rule.CLOSE20, cl.ev, rule.NDIS, o.adapter, c.managerName(o),
			"ProtocolCmCloseAf was called at "+c.names[cl.label]+", which does not serve the AF open", o.cmOpen.call, o.closeMark.enter).
			also(rule.ROLE07)
		if o.hasMgrCtx && cl.has&format.HasContext != 0 && cl.context != o.managerCt {
			f.also(rule.OPEN20)
		}
		cl.o, cl.n = o, int(o.id)
		o.closeUps++
		o.cmClose.ask(cl.ev)
		return
	case byCtx != o && cl.has&format.HasContext != 0:
		switch {
		case o.assumed || !o.hasMgrCtx:
			c.skip(rule.OPEN20, reasonNoContext)
		case byCtx == nil || byCtx.closeMark.state == markNone:
			if cl.label != 0 && o.mgrLabel != 0 && cl.label != o.mgrLabel {
				c.check(rule.CLOSE20)
				c.report(rule.CLOSE20, cl.ev, rule.NDIS, o.adapter, c.who(cl.label, nil),
					"ProtocolCmCloseAf was called at another call manager than the one that serves the AF open", o.cmFinalAt, o.closeMark.enter).
					also(rule.ROLE07)
				break
			}
			c.check(rule.OPEN20)
			c.report(rule.OPEN20, cl.ev, rule.NDIS, o.adapter, c.managerName(o),
				"ProtocolCmCloseAf got another CallMgrAfContext than the call manager handed back", o.cmFinalAt, o.closeMark.enter)
		default:
			o = byCtx
		}
	default:
		c.check(rule.OPEN20)
	}
	if o == nil {
		if d := c.buried(cl, kindManagerAF, cl.context, format.HasContext); d != nil && !c.contextless {
			id, msg := rule.CLOSE20, "ProtocolCmCloseAf was called for an AF open that has ended"
			if d.failed {
				id, msg = rule.OPEN11, "ProtocolCmCloseAf was called with the context of an open that failed"
			}
			c.check(id)
			c.report(id, cl.ev, rule.NDIS, nil, c.names[d.mgrLabel], msg, d.closeMark.enter, d.failedAt).guess(d.guessed).Adapter = d.adapter
			return
		}
		c.skip(rule.CLOSE20, reasonNoContext)
		return
	}
	if o.closeMark.state == markNone && c.mayBeOf(cl, o, func(x *afOpen) bool { return x.state == afClosing && x.closeUps == 0 }) {
		c.skip(rule.CLOSE20, reasonAmbiguous)
		c.lacks(rule.OPEN20, reasonAmbiguous)
		return
	}
	cl.o, cl.n = o, int(o.id)
	c.saw(cl, c.managerDriver(o), true)
	o.closeUps++
	c.check(rule.CLOSE20)
	c.check(rule.OPEN11)
	switch {
	case o.closeUps > 1:
		c.report(rule.CLOSE20, cl.ev, rule.NDIS, o.adapter, c.managerName(o),
			"ProtocolCmCloseAf was called more than once for one close", o.closeMark.enter, o.cmClose.call)
		cl.o = nil
		return
	case o.closeMark.state == markNone && !o.assumed && o.client != nil && o.client.driver != nil && o.client.driver.downSeen:
		c.report(rule.CLOSE20, cl.ev, rule.NDIS, o.adapter, c.managerName(o),
			"ProtocolCmCloseAf was called without a close of the client", o.openEnter)
	}
	o.cmClose.ask(cl.ev)
}

// mayBeOf says that a callback with the context of o, for which nothing is due, may be one with
// the wrong context for another open of the same call manager, for which due holds: where the
// thread is not recorded, the call that it is nested in does not tell.
func (c *Checker) mayBeOf(cl *call, o *afOpen, due func(*afOpen) bool) bool {
	if cl.thread.known || o.assumed {
		return false
	}
	if list := o.served(); list != nil {
		for _, x := range *list {
			if x != o && due(x) {
				return true
			}
		}
	}
	return false
}

func returnCmClose(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	o := cl.o
	if o == nil || o.id != uint64(cl.n) {
		return
	}
	early := o.cmClose.done
	if o.cmClose.returned(at, st, known) == opUnpended {
		c.check(rule.CLOSE05)
		c.report(rule.CLOSE05, early, rule.CallManager, o.adapter, c.managerName(o),
			"the close was completed although ProtocolCmCloseAf did not return PENDING", cl.ev, at)
	}
	if !known {
		c.settle(o)
		return
	}
	c.check(rule.CLOSE04)
	switch st {
	case ndis.StatusPending:
	case ndis.StatusSuccess:
		c.leftActive(o, at)
		if o.inClose > o.leaving && (o.client == nil || o.client.driver.upSeen) {
			c.report(rule.CLOSE04, at, rule.CallManager, o.adapter, c.managerName(o),
				"ProtocolCmCloseAf succeeded although SAPs or VCs are live", cl.ev, o.openEnter)
		}
		o.cmDone = mark{enter: cl.ev, ret: at, thread: cl.thread, state: markReturned}
		c.settle(o)
	case ndis.StatusNotAccepted:
		if o.inClose > 0 {
			c.report(rule.CLOSE04, at, rule.CallManager, o.adapter, c.managerName(o),
				"ProtocolCmCloseAf refused to close with live SAPs or VCs; PENDING until they are gone is preferred", cl.ev, o.openEnter).
				severity(rule.Info)
		}
	}
}

func enterCmCloseComplete(c *Checker, cl *call) {
	o := c.managerUse(cl, true)
	if o == nil {
		return
	}
	cl.o, cl.n = o, int(o.id)
	c.variant(cl, o, mcmRule(cl.fn))
	c.check(rule.CLOSE05)
	prev := o.cmClose.done
	switch fault := o.cmClose.complete(cl.ev); {
	case fault == opTwice:
		c.report(rule.CLOSE05, cl.ev, rule.CallManager, o.adapter, c.managerName(o),
			"the close was completed a second time", o.cmClose.ret, prev).also(rule.CLOSE08)
		cl.o = nil
		return
	case fault == opUnpended:
		if d := c.managerDriver(o); o.closeUps == 0 && (d == nil || !d.upSeen) {
			c.skip(rule.CLOSE05, reasonNoUpcalls)
			break
		}
		c.report(rule.CLOSE05, cl.ev, rule.CallManager, o.adapter, c.managerName(o),
			"the close was completed although ProtocolCmCloseAf did not return PENDING", o.cmClose.call, o.cmClose.ret, o.openEnter)
		cl.o = nil
		return
	}
	o.cmDone.open(cl)
	c.completedEmpty(o, cl)
	if cl.has&format.HasStatus == 0 {
		c.skip(rule.CLOSE06, reasonNoStatus)
		return
	}
	c.check(rule.CLOSE06)
	if cl.status != ndis.StatusSuccess {
		c.report(rule.CLOSE06, cl.ev, rule.CallManager, o.adapter, c.managerName(o),
			"the close was completed with "+cl.status.String()+"; it carries SUCCESS", o.cmClose.ret).evident()
	}
}

func returnCmCloseComplete(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	o := cl.o
	if o == nil || o.id != uint64(cl.n) {
		return
	}
	if o.cmDone.enter.seq == cl.seq {
		o.cmDone.shut(at)
	}
	c.settle(o)
}

// completedEmpty judges that a close that pended is completed when nothing is live any more
// (CLOSE-04). What has begun to go may be gone for the call manager.
func (c *Checker) completedEmpty(o *afOpen, cl *call) {
	if cl.has&format.HasStatus != 0 && cl.status != ndis.StatusSuccess {
		return
	}
	c.check(rule.CLOSE04)
	c.leftActive(o, cl.ev)
	if o.inClose > o.leaving && (o.client == nil || o.client.driver.upSeen) {
		c.report(rule.CLOSE04, cl.ev, rule.CallManager, o.adapter, c.managerName(o),
			"the close was completed although SAPs or VCs are live", o.openEnter)
	}
}

// mcmRule is the rule that a call in the wrong variant breaks.
func mcmRule(fn ndis.Func) rule.ID {
	if isMCm[fn] {
		return rule.ROLE01
	}
	return rule.ROLE02
}

func enterClCloseComplete(c *Checker, cl *call) {
	if c.unopened(cl) {
		return
	}
	var o *afOpen
	if cl.has&format.HasAF != 0 && cl.af != 0 {
		o, _ = c.opens.get(key{kindAF<<56 | cl.ns, cl.af})
	}
	waiting := func(o *afOpen) bool { return o.clClose.state == opPended || o.clClose.state == opCalled }
	if o == nil {
		o = c.clientOpen(cl, waiting)
	}
	if o == nil {
		o = c.astray(cl, waiting)
	}
	if o == nil {
		if d := c.buried(cl, kindClientAF, cl.context, format.HasContext); d != nil && cl.d.caller == callerNDIS && d.clClose.state != opUnknown {
			c.check(rule.CLOSE18)
			c.report(rule.CLOSE18, cl.ev, rule.NDIS, nil, c.names[d.clientLabel],
				"NDIS called ProtocolClCloseAfComplete for a close that was not pending", d.opened, d.clClose.last).stranger().guess(d.guessed).Adapter = d.adapter
			return
		}
		if !c.namesObject() {
			c.strayClose = cl.ev
		}
		c.skip(rule.CLOSE18, reasonNoContext)
		return
	}
	cl.o, cl.n = o, int(o.id)
	if o.client != nil {
		c.saw(cl, o.client.driver, true)
	}
	if cl.d.caller == callerSelf {
		return
	}
	prev := o.clClose.done
	switch fault := o.clClose.complete(cl.ev); {
	case fault == opTwice || fault == opUnpended:
		switch {
		case cl.d.caller == callerUnknown:
			c.skip(rule.CLOSE18, reasonCaller)
		case o.assumed || o.reopened || o.client == nil && o.clClose.state == opIdle:
			c.skip(rule.CLOSE18, reasonAssumed)
		default:
			c.check(rule.CLOSE18)
			f := c.report(rule.CLOSE18, cl.ev, rule.NDIS, o.adapter, c.clientName(o),
				"NDIS called ProtocolClCloseAfComplete for a close that was not pending", o.clClose.call, o.clClose.ret, prev, o.openEnter)
			if o.clClose.state == opIdle {
				f.stranger() // an earlier open may have had the context
			}
		}
		cl.o = nil
		return
	}
	c.check(rule.CLOSE18)
	o.strictClose = cl.d.caller == callerNDIS
	if cl.has&format.HasStatus != 0 && cl.status != ndis.StatusSuccess {
		// The client may go on with the AF (AMB-07).
		o.step(afCloseFailed)
		o.reopened, o.failedClose = true, o.closeMark
		o.closeMark, o.clClose, o.cmClose, o.closeUps = mark{}, op{}, op{}, 0
		return
	}
	if d := c.managerDriver(o); cl.d.caller == callerNDIS && (o.cmClose.state == opPended || o.cmClose.state == opCalled) && d != nil && d.downSeen {
		c.report(rule.CLOSE18, cl.ev, rule.NDIS, o.adapter, c.clientName(o),
			"the client was told that its AF is closed before the call manager had closed it", o.cmClose.call, o.closeMark.enter)
	}
	if d := c.managerDriver(o); o.closeUps == 0 && !o.assumed && o.clClose.ret.seen() && d != nil && d.upSeen {
		c.check(rule.CLOSE20)
		c.report(rule.CLOSE20, o.clClose.ret, rule.NDIS, o.adapter, c.clientName(o),
			"the close succeeded although ProtocolCmCloseAf was not called", o.closeMark.enter, cl.ev)
	}
	o.step(afCloseDone)
	if o.clClose.state == opDone {
		c.survived(o, cl.ev)
	}
	if in := c.runningNotify(o); in != nil && in.thread.known && cl.thread.known && in.thread != cl.thread &&
		o.closeMark.thread == in.thread {
		in.flag = true // CLOSE-16 if the handler answers SUCCESS
	}
}

func returnClCloseComplete(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	if o := cl.o; o != nil && o.id == uint64(cl.n) {
		c.settle(o)
	}
}

// --- the call manager asks for the close ---

func enterCmNotify(c *Checker, cl *call) {
	o := c.managerUse(cl, true)
	if o == nil {
		return
	}
	cl.o, cl.n = o, int(o.id)
	c.variant(cl, o, mcmRule(cl.fn))
	c.check(rule.CLOSE21)
	name := c.managerName(o)
	switch {
	case o.cmNotify.state != opIdle && o.cmNotify.state != opUnknown:
		c.report(rule.CLOSE21, cl.ev, rule.CallManager, o.adapter, name,
			"the call manager asks a second time for the close of one AF open", o.cmNotify.call)
		cl.o = nil
		return
	case o.state == afClosed && c.before(&o.cmDone, cl), o.state == afDead:
		c.report(rule.CLOSE21, cl.ev, rule.CallManager, o.adapter, name,
			"the call manager asks for the close of an AF open that has ended", o.closeMark.enter, o.clFinalAt)
		cl.o = nil
		return
	}
	o.cmNotify.ask(cl.ev)
	o.notifyMark.open(cl)
	c.askedBothWays(o, cl.ev, o.oidAsked)
}

// askedBothWays notes that a call manager asks a client to close one AF open by notify-close
// and by OID_CO_AF_CLOSE (AMB-19).
func (c *Checker) askedBothWays(o *afOpen, at, before ev) {
	if !before.seen() || o.assumed {
		return
	}
	c.check(rule.CLOSE09)
	c.report(rule.CLOSE09, at, rule.CallManager, o.adapter, c.managerName(o),
		"the call manager asks for the close of one AF open by notify-close and by OID_CO_AF_CLOSE", before).severity(rule.Info)
}

func returnCmNotify(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	o := cl.o
	if o == nil || o.id != uint64(cl.n) {
		return
	}
	o.notifyMark.shut(at)
	name := c.managerName(o)
	// CLOSE-10: from the unbind handler, or the halt handler.
	switch {
	case o.owner != nil && !o.owner.assumed && o.owner.driver.upSeen:
		c.check(rule.CLOSE10)
		if o.owner.unbind.state == markNone {
			c.report(rule.CLOSE10, cl.ev, rule.CallManager, o.adapter, name,
				cl.name()+" was called outside ProtocolUnbindAdapterEx", o.openEnter, at).since(o.owner.opened)
		}
	case o.ownerA != nil && o.ownerA.init.state != markNone:
		c.check(rule.CLOSE10)
		if o.ownerA.halt.state == markNone {
			c.report(rule.CLOSE10, cl.ev, rule.CallManager, o.adapter, name,
				cl.name()+" was called outside MiniportHaltEx", o.openEnter, at).since(o.ownerA.init.enter)
		}
	default:
		c.skip(rule.CLOSE10, reasonAssumed)
	}
	early := o.cmNotify.done
	if o.cmNotify.returned(at, st, known) == opUnpended {
		c.check(rule.CLOSE15)
		c.report(rule.CLOSE15, early, rule.NDIS, o.adapter, name,
			"ProtocolCmNotifyCloseAfComplete was called although "+cl.name()+" did not pend", cl.ev, at)
	}
	if !known || st == ndis.StatusPending {
		return
	}
	switch {
	case o.notifyUps > 0:
		c.check(rule.CLOSE11)
	case st != ndis.StatusSuccess, o.assumed, o.client == nil, !o.client.driver.upSeen, passed(o.closeMark.enter, cl):
		c.skip(rule.CLOSE11, reasonNoUpcalls)
	default:
		c.check(rule.CLOSE11)
		c.report(rule.CLOSE11, at, rule.NDIS, o.adapter, c.clientName(o),
			cl.name()+" succeeded although ProtocolClNotifyCloseAf was not called", cl.ev)
	}
	c.settle(o)
}

func enterClNotify(c *Checker, cl *call) {
	if c.unopened(cl) {
		return
	}
	var o *afOpen
	for p := cl.parent; p != nil && cl.thread.known; p = p.parent {
		if (p.fn == ndis.NdisCmNotifyCloseAddressFamily || p.fn == ndis.NdisMCmNotifyCloseAddressFamily) && p.o != nil && p.o.id == uint64(p.n) {
			o = p.o
			break
		}
	}
	asked := func(o *afOpen) bool { return o.cmNotify.running() || o.cmNotify.state == opEarly }
	byCtx := c.clientOpen(cl, asked)
	who := c.who(cl.label, nil)
	switch {
	case o == nil:
		o = byCtx
	case byCtx == o:
	case byCtx == nil && !c.strays(cl, o, c.clientLabel(o)):
	case byCtx == nil, o.hasClCtx && !asked(byCtx):
		c.check(rule.CLOSE11)
		f := c.report(rule.CLOSE11, cl.ev, rule.NDIS, o.adapter, who,
			"ProtocolClNotifyCloseAf was called at a client that does not own the AF open", o.cmNotify.call, o.openEnter)
		if byCtx != nil {
			f.since(byCtx.openEnter)
		}
		if c.strays(cl, o, c.clientLabel(o)) {
			f.also(rule.ROLE07)
		}
		o.notifyUps++
		return
	default:
		o = byCtx
	}
	if o == nil {
		c.skip(rule.CLOSE11, reasonNoContext)
		return
	}
	if o.cmNotify.state == opIdle && c.mayBeOf(cl, o, func(x *afOpen) bool { return x.cmNotify.running() && x.notifyUps == 0 }) {
		c.skip(rule.CLOSE11, reasonAmbiguous)
		return
	}
	cl.o, cl.n = o, int(o.id)
	if o.client != nil {
		c.saw(cl, o.client.driver, true)
	}
	o.notifyUps++
	o.inNotify = cl
	c.check(rule.CLOSE11)
	switch {
	case o.notifyUps > 1:
		c.report(rule.CLOSE11, cl.ev, rule.NDIS, o.adapter, who,
			"ProtocolClNotifyCloseAf was called more than once for one request", o.cmNotify.call, o.clNotify.call)
		cl.o = nil
		return
	case o.cmNotify.state == opIdle && !o.assumed:
		if d := c.managerDriver(o); d != nil && d.downSeen {
			c.report(rule.CLOSE11, cl.ev, rule.NDIS, o.adapter, who,
				"ProtocolClNotifyCloseAf was called although the call manager did not ask for it", o.openEnter)
		}
	}
	o.clNotify.ask(cl.ev)
}

// runningNotify is the ProtocolClNotifyCloseAf of o that has not returned.
func (c *Checker) runningNotify(o *afOpen) *call {
	if in := o.inNotify; in != nil && in.o == o && o.clNotify.state == opCalled && in.seq == o.clNotify.call.seq {
		return in
	}
	return nil
}

func returnClNotify(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	o := cl.o
	if o == nil || o.id != uint64(cl.n) {
		return
	}
	o.inNotify = nil
	early := o.clNotify.done
	if o.clNotify.returned(at, st, known) == opUnpended {
		c.check(rule.CLOSE12)
		c.report(rule.CLOSE12, early, rule.Client, o.adapter, c.clientName(o),
			"the close request was completed although ProtocolClNotifyCloseAf did not return PENDING", cl.ev, at)
	}
	if !known || st == ndis.StatusPending {
		return
	}
	o.notifyRes, o.notifyOK, o.notifyAt = st, true, at
	c.closedByThen(o, at, cl.ev, st)
	c.check(rule.CLOSE16)
	if cl.flag && st == ndis.StatusSuccess {
		c.report(rule.CLOSE16, at, rule.Client, o.adapter, c.clientName(o),
			"ProtocolClNotifyCloseAf waited for the completion of the client's own close", cl.ev, o.closeMark.enter, o.clClose.done)
	}
	c.settle(o)
}

// closedByThen judges that a close request is answered with SUCCESS only when the client
// has closed the AF (CLOSE-14).
func (c *Checker) closedByThen(o *afOpen, at, proof ev, st ndis.Status) {
	if o.client == nil || !o.client.driver.downSeen || o.assumed {
		c.skip(rule.CLOSE14, reasonNoCalls)
		return
	}
	if c.unsure > 0 {
		id := o.id
		c.hold(later(at, proof), func() {
			if o.id == id {
				c.judgeClosedByThen(o, at, proof, st)
			}
		})
		return
	}
	c.judgeClosedByThen(o, at, proof, st)
}

func (c *Checker) judgeClosedByThen(o *afOpen, at, proof ev, st ndis.Status) {
	c.check(rule.CLOSE14)
	if st == ndis.StatusSuccess && o.closeMark.state == markNone && o.state != afClosed {
		c.report(rule.CLOSE14, at, rule.Client, o.adapter, c.clientName(o),
			"the client answered a close request with SUCCESS without having closed the AF", proof, o.clNotify.call).since(o.openEnter)
	}
}

func enterClNotifyComplete(c *Checker, cl *call) {
	o := c.clientUse(cl)
	if o == nil {
		return
	}
	cl.o, cl.n = o, int(o.id)
	c.check(rule.CLOSE12)
	prev := o.clNotify.done
	switch o.clNotify.complete(cl.ev) {
	case opTwice, opUnpended:
		if o.clNotify.state == opIdle && (o.assumed || o.client == nil || !o.client.driver.upSeen) {
			c.skip(rule.CLOSE12, reasonAssumed)
		} else {
			c.report(rule.CLOSE12, cl.ev, rule.Client, o.adapter, c.clientName(o),
				"the close request was completed although it was not pending", o.clNotify.call, o.clNotify.ret, prev, o.openEnter)
		}
		cl.o = nil
		return
	}
	if cl.has&format.HasStatus != 0 {
		o.notifyRes, o.notifyOK, o.notifyAt = cl.status, true, cl.ev
	}
}

func returnClNotifyComplete(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	o := cl.o
	if o == nil || o.id != uint64(cl.n) {
		return
	}
	if cl.has&format.HasStatus != 0 {
		c.closedByThen(o, cl.ev, at, cl.status)
	}
	c.settle(o)
}

func enterCmNotifyComplete(c *Checker, cl *call) {
	o := c.managerOpen(cl, func(o *afOpen) bool { return o.cmNotify.running() })
	if p := cl.inside(ndis.NdisClNotifyCloseAddressFamilyComplete); p != nil && p.o != nil && p.o.id == uint64(p.n) &&
		p.o != o && p.o.cmNotify.running() && p.o.hasMgrCtx && cl.has&format.HasContext != 0 && (o == nil || !o.cmNotify.running()) {
		o = p.o
		c.check(rule.OPEN20)
		c.report(rule.OPEN20, cl.ev, rule.NDIS, o.adapter, c.managerName(o),
			"ProtocolCmNotifyCloseAfComplete got another CallMgrAfContext than the call manager handed back", o.cmFinalAt, o.cmNotify.call)
	}
	if o == nil {
		d := c.buried(cl, kindManagerAF, cl.context, format.HasContext)
		if c.contextless {
			d = nil
		}
		if d != nil && d.failed {
			c.check(rule.OPEN11)
			c.report(rule.OPEN11, cl.ev, rule.NDIS, nil, c.names[d.mgrLabel],
				"ProtocolCmNotifyCloseAfComplete was called with the context of an open that failed", d.failedAt).guess(d.guessed).Adapter = d.adapter
			return
		}
		if d != nil && d.cmNotify.state != opUnknown && d.cmNotify.state != opIdle {
			c.check(rule.CLOSE15)
			c.report(rule.CLOSE15, cl.ev, rule.NDIS, nil, c.names[d.mgrLabel],
				"ProtocolCmNotifyCloseAfComplete was called for a request that was not pending", d.cmNotify.last).stranger().guess(d.guessed).Adapter = d.adapter
			return
		}
		c.skip(rule.CLOSE15, reasonNoContext)
		return
	}
	cl.o, cl.n = o, int(o.id)
	if o.state == afClosed && o.cmNotify.outstanding() {
		c.check(rule.CLOSE17)
	}
	c.saw(cl, c.managerDriver(o), true)
	c.check(rule.CLOSE15)
	prev, name := o.cmNotify.done, c.managerName(o)
	switch o.cmNotify.complete(cl.ev) {
	case opTwice, opUnpended:
		if d := c.managerDriver(o); !o.assumed && (o.cmNotify.state != opIdle || d != nil && d.downSeen) {
			f := c.report(rule.CLOSE15, cl.ev, rule.NDIS, o.adapter, name,
				"ProtocolCmNotifyCloseAfComplete was called for a request that was not pending", o.cmNotify.call, o.cmNotify.ret, prev, o.openEnter)
			if o.cmNotify.state == opIdle {
				f.stranger() // an earlier open may have had the context
			}
		}
		cl.o = nil
		return
	}
	if cl.has&format.HasStatus == 0 {
		return
	}
	switch {
	case o.notifyOK && o.notifyRes != cl.status:
		c.report(rule.CLOSE15, cl.ev, rule.NDIS, o.adapter, name,
			"the call manager was told "+cl.status.String()+", the client answered "+o.notifyRes.String(), o.notifyAt, o.cmNotify.call)
	case !o.notifyOK && o.clNotify.state == opPended && o.client != nil && o.client.driver.downSeen:
		c.report(rule.CLOSE15, cl.ev, rule.NDIS, o.adapter, name,
			"the call manager was told of an answer that the client has not given", o.clNotify.ret, o.cmNotify.call)
		o.conflict = true
	}
}

func returnCmNotifyComplete(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	if o := cl.o; o != nil && o.id == uint64(cl.n) {
		c.settle(o)
	}
}

// settle buries o once nothing more is due on either side.
func (c *Checker) settle(o *afOpen) {
	if o.state != afClosed && o.state != afDead || o.retired {
		return
	}
	for _, p := range [...]*op{&o.clOpen, &o.cmOpen, &o.clClose, &o.cmClose, &o.clNotify, &o.cmNotify} {
		if p.running() || p.state == opEarly {
			return
		}
	}
	if o.state == afDead && o.cmUpcalls > 0 && !o.cmFinalOK && o.cmOpen.state != opUnknown {
		return
	}
	o.retired = true
	c.bury(o)
}

// checkLiveOpens judges, when NdisCloseAdapterEx of b returns, what is left open: enter is
// the call.
func (c *Checker) checkLiveOpens(b *binding, enter, at ev) {
	if b.anyOpen {
		c.check(rule.CLOSE01)
	}
	var left *finding
	for _, o := range b.opens {
		if o.assumed || o.openEnter.n > enter.n {
			continue // asked for while the adapter was being closed
		}
		switch o.state {
		case afOpened:
			if o.closeMark.state == markNone && !o.over {
				o.over = true
				if left != nil {
					c.extend(left, o.openEnter)
					break
				}
				left = c.report(rule.CLOSE01, enter, rule.Client, b.adapter, c.who(b.label, b.driver),
					"the adapter was closed with an AF still open", o.openEnter, at).also(rule.LEAK01).guess(o.guessed)
				if c.lostWithin(b.open.call.ts, max(b.opened.ts, o.openEnter.ts)) {
					left.since(b.open.call) // whose binding it is rests on what was lost
				}
			}
		case afCalled, afOpening:
			c.unanswered(o, at, false)
		}
	}
	c.checkServed(b.served, b.driver, enter, at)
}

// checkServed judges the same for the call manager's side.
func (c *Checker) checkServed(served []*afOpen, d *driver, enter, at ev) {
	var left *finding
	for _, o := range served {
		if o.assumed || o.openEnter.n > enter.n {
			continue
		}
		switch {
		case o.cmOpen.outstanding():
			c.unanswered(o, at, false)
		case o.state == afOpened || o.unlinked && o.state == afOpening:
			switch {
			case d == nil || !d.downSeen:
				c.skip(rule.CLOSE09, reasonNoCalls)
				continue
			case d.vagueAsks:
				c.lacks(rule.CLOSE09, reasonNoKey)
				continue
			case o.unlinked:
				c.skip(rule.CLOSE09, reasonAmbiguous)
				continue
			}
			c.check(rule.CLOSE09)
			byOID := o.oidAsked.seen()
			onlyOID := byOID && c.opt.Strict.Has(rule.AMB19) && !d.names5x
			if o.cmNotify.state == opIdle && o.closeMark.state == markNone && !o.over && (!byOID || onlyOID) {
				if onlyOID {
					c.unclosed(o, at)
				}
				o.over = true
				if left != nil {
					c.extend(left, o.openEnter)
					continue
				}
				left = c.report(rule.CLOSE09, enter, rule.CallManager, o.adapter, c.managerName(o),
					"the call manager goes without having asked the client to close an open AF", o.openEnter, at).also(rule.LEAK01)
				if onlyOID {
					c.unclear(left, rule.AMB19, rule.Error)
				}
			}
		}
	}
}

// unanswered reports the first link that is missing in what o waits for. over is the row
// that ended the wait; atEnd says that the trace did.
func (c *Checker) unanswered(o *afOpen, over ev, atEnd bool) {
	if o.assumed || o.missed {
		return
	}
	d := c.managerDriver(o)
	var f *finding
	add := func(id rule.ID, at ev, fault rule.Actor, who, msg string, proof ...ev) {
		o.missed = true
		c.check(id)
		f = c.report(id, at, fault, o.adapter, who, msg, append(proof, over)...).also(rule.LEAK02).guess(o.guessed)
		if atEnd {
			f.untilEnd()
		}
	}
	clientUp := o.client != nil && o.client.driver != nil && o.client.driver.upSeen
	clientDown := o.client != nil && o.client.driver != nil && o.client.driver.downSeen
	switch {
	case o.cmOpen.outstanding():
		if d == nil || !d.downSeen {
			c.skip(rule.OPEN07, reasonNoCalls)
			return
		}
		if d.misdirected > 0 {
			d.misdirected-- // its completion went to a wrong handle: OPEN-15 has it
			o.missed = true
			return
		}
		add(rule.OPEN07, o.cmOpen.ret, rule.CallManager, c.managerName(o),
			"ProtocolCmOpenAf returned PENDING and the open was never completed", o.cmOpen.call, o.openEnter)
	case o.clOpen.outstanding() && o.cmUpcalls == 0:
		if c.knownAdapter(o.adapter) && o.hasTyp && !o.hadServer && !c.claimed(o.adapter, o.typ) && clientUp {
			add(rule.OPEN13, o.clOpen.ret, rule.NDIS, c.clientName(o),
				"the open pended and NDIS never called ProtocolClOpenAfCompleteEx", o.openEnter)
			return
		}
		if !clientUp {
			c.skip(rule.OPEN05, reasonNoUpcalls) // it may have been refused out of sight
			return
		}
		if o.adapter == nil || !c.managersUp(o.adapter, o.typ) || !o.hadServer && o.reg == nil && !c.anyManagerUp(o) || o.flight >= 0 && len(c.inFlight) > 1 && c.ambiguous(o) {
			c.skip(rule.OPEN05, reasonNoUpcalls)
			return
		}
		add(rule.OPEN05, o.clOpen.ret, rule.NDIS, c.clientName(o),
			"the open pended and ProtocolCmOpenAf was never called", o.openEnter)
	case o.clOpen.outstanding() && o.cmOpen.state != opCalled:
		if !clientUp {
			c.skip(rule.OPEN13, reasonNoUpcalls)
			return
		}
		add(rule.OPEN13, o.clOpen.ret, rule.NDIS, c.clientName(o),
			"the open pended and NDIS never called ProtocolClOpenAfCompleteEx", o.openEnter, o.cmFinalAt)
	case o.cmClose.outstanding():
		if d == nil || !d.downSeen {
			c.skip(rule.CLOSE05, reasonNoCalls)
			return
		}
		add(rule.CLOSE05, o.cmClose.ret, rule.CallManager, c.managerName(o),
			"ProtocolCmCloseAf returned PENDING and the close was never completed", o.cmClose.call, o.closeMark.enter)
	case o.clClose.outstanding() && o.closeUps == 0:
		if d == nil || !d.upSeen {
			c.skip(rule.CLOSE20, reasonNoUpcalls)
			return
		}
		add(rule.CLOSE20, o.clClose.ret, rule.NDIS, c.clientName(o),
			"the close pended and ProtocolCmCloseAf was never called", o.closeMark.enter)
	case o.clClose.outstanding() && o.cmClose.state != opCalled:
		if !clientUp {
			c.skip(rule.CLOSE18, reasonNoUpcalls)
			return
		}
		if in := c.runningNotify(o); in != nil && !in.thread.known {
			c.skip(rule.CLOSE18, reasonAmbiguous) // it may wait for itself
			return
		}
		add(rule.CLOSE18, o.clClose.ret, rule.NDIS, c.clientName(o),
			"the close pended and NDIS never called ProtocolClCloseAfComplete", o.closeMark.enter)
		f.since(o.openEnter) // the client may be in a handler that waits for itself
	case o.clNotify.outstanding():
		if !clientDown {
			c.skip(rule.CLOSE12, reasonNoCalls)
			return
		}
		add(rule.CLOSE12, o.clNotify.ret, rule.Client, c.clientName(o),
			"ProtocolClNotifyCloseAf returned PENDING and the request was never completed", o.clNotify.call)
	case o.cmNotify.outstanding() && o.notifyUps == 0:
		if !clientUp || o.closeMark.state != markNone {
			c.skip(rule.CLOSE11, reasonNoUpcalls)
			return
		}
		add(rule.CLOSE11, o.cmNotify.ret, rule.NDIS, c.clientName(o),
			"the call manager asked for the close of an AF and the client was never told", o.cmNotify.call)
	case o.cmNotify.outstanding() && o.clNotify.state != opCalled:
		if d == nil || !d.upSeen {
			c.skip(rule.CLOSE15, reasonNoUpcalls)
			return
		}
		add(rule.CLOSE15, o.cmNotify.ret, rule.NDIS, c.managerName(o),
			"the request to close pended and NDIS never called ProtocolCmNotifyCloseAfComplete", o.cmNotify.call, o.notifyAt)
	}
}

// anyManagerUp says that the callbacks of who serves the AF of o are captured.
func (c *Checker) anyManagerUp(o *afOpen) bool {
	for _, r := range o.adapter.regs {
		if r.typ == o.typ && r.holds() && r.driver != nil && r.driver.upSeen {
			return true
		}
	}
	return false
}

// ambiguous says that an upcall of which we do not know the open could be that of o.
func (c *Checker) ambiguous(o *afOpen) bool {
	for x := c.openList; x != nil; x = x.next {
		if x.unlinked && x.adapter == o.adapter && (!x.hasTyp || x.typ == o.typ) {
			return true
		}
	}
	return false
}

// finishWorld draws what can be said at the end of the trace.
func (c *Checker) finishWorld(truncated bool) {
	c.finishVCs()
	end := ev{}
	for o := c.openList; o != nil; o = o.next {
		if !c.waitsInHandler(o) {
			c.unanswered(o, end, true)
		}
	}
	for _, a := range c.adapterList {
		for _, r := range a.regs {
			for _, x := range a.bindings {
				c.missed(x, r, end, true)
			}
		}
	}
	for b := c.newest; b != nil; b = b.older {
		if !b.closed() {
			c.checkOPEN16(b).untilEnd()
			c.checkREG09(b).untilEnd()
		}
		c.pendedBinding(b)
	}
	for _, a := range c.pendedBinds {
		c.pendedBind(a)
	}
}

// waitsInHandler judges, at the end of the trace, a ProtocolClNotifyCloseAf that closed the
// AF and never returned: it waits for the completion of its close (CLOSE-16).
func (c *Checker) waitsInHandler(o *afOpen) bool {
	in := c.runningNotify(o)
	if in == nil || o.assumed || !in.thread.known || o.closeMark.thread != in.thread ||
		o.closeMark.enter.n < in.ev.n || !o.clClose.outstanding() || o.cmClose.outstanding() {
		return false
	}
	if in.stack.top != in {
		return false // it is busy with something else
	}
	c.check(rule.CLOSE16)
	c.report(rule.CLOSE16, in.ev, rule.Client, o.adapter, c.clientName(o),
		"the trace ends in a ProtocolClNotifyCloseAf that has closed the AF and has not returned: it waits for the completion of its own close",
		o.closeMark.enter, o.clClose.ret).untilEnd()
	return true
}

// pendedBinding reports what a binding still waits for at the end of the trace.
func (c *Checker) pendedBinding(b *binding) {
	if b.assumed {
		return
	}
	who, fault := c.who(b.label, b.driver), c.protocolActor(b)
	miss := func(o *op, captured bool, fault rule.Actor, msg string) {
		if !o.outstanding() {
			return
		}
		if !captured {
			c.skip(rule.BIND06, reasonNoCalls)
			return
		}
		c.check(rule.BIND06)
		c.report(rule.BIND06, o.ret, fault, b.adapter, who, msg, o.call).also(rule.LEAK02).untilEnd()
	}
	// Who waits for another completion is late in consequence.
	miss(&b.open, b.driver.upSeen, rule.NDIS, "NdisOpenAdapterEx returned PENDING and was never completed")
	if !b.closeOp.outstanding() && !b.waits() {
		miss(&b.unbindOp, b.driver.downSeen, fault, "ProtocolUnbindAdapterEx returned PENDING and was never completed")
	}
	miss(&b.closeOp, b.driver.upSeen, rule.NDIS, "NdisCloseAdapterEx returned PENDING and was never completed")
}

// waits says that an unbind of b has something else to wait for, which is reported itself.
func (b *binding) waits() bool {
	for _, o := range b.served {
		if o.cmNotify.outstanding() {
			return true
		}
	}
	for _, o := range b.opens {
		if o.clClose.outstanding() {
			return true
		}
	}
	return false
}

// pendedBind reports a bind that returned PENDING and was never completed.
func (c *Checker) pendedBind(a *bindAttempt) {
	if !a.op.outstanding() || a.b != nil && a.b.open.outstanding() {
		return
	}
	d, fault := c.labelled(a.label), rule.Client
	if a.b != nil {
		d, fault = a.b.driver, c.protocolActor(a.b)
	}
	if d == nil || !d.downSeen {
		c.skip(rule.BIND06, reasonNoCalls)
		return
	}
	c.check(rule.BIND06)
	c.report(rule.BIND06, a.op.ret, fault, a.adapter, c.who(a.label, d),
		"ProtocolBindAdapterEx returned PENDING and was never completed", a.op.call).also(rule.LEAK02).untilEnd()
}

func duration(ns int64) string { return time.Duration(ns).String() }
