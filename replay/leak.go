package replay

import (
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// What is left when a binding or an adapter goes and when the trace ends, as far as the
// rules about the objects themselves do not have it (rules LEAK).

// leftBehind judges what a binding leaves behind when its adapter is closed: enter is the
// NdisCloseAdapterEx, at its return.
func (c *Checker) leftBehind(b *binding, enter, at ev) {
	for _, o := range b.opens {
		if f := c.unclosed(o, enter); f != nil {
			f.also(rule.CLOSE01, rule.LEAK01)
		}
	}
	for _, o := range b.served {
		c.leftSaps(o, at)
	}
	if b.assumed || b.driver == nil || !b.driver.signals || b.adapter == nil {
		return
	}
	var f *finding
	c.check(rule.LEAK01)
	for v := c.vcFirst; v != nil; v = v.next {
		if !v.signaling || v.driver != b.driver || v.adapter != b.adapter || v.assumed || v.leaving() || !v.since.seen() || v.since.n > enter.n {
			continue
		}
		if f != nil {
			c.extend(f, v.since)
			continue
		}
		f = c.report(rule.LEAK01, enter, rule.CallManager, b.adapter, c.who(b.label, b.driver),
			"the adapter was closed with a signaling VC left", v.since, at)
	}
}

// signals notes that a call manager has made a VC for its own signaling.
func signals(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	if cl.has&format.HasAF != 0 && cl.af == 0 && cl.b != nil && cl.b.driver != nil {
		cl.b.driver.signals = true
	}
}

// leftSaps reports what the call manager of o, which goes, has not completed.
func (c *Checker) leftSaps(o *afOpen, at ev) {
	for s := o.firstSap; s != nil; s = s.right {
		if s.cmReg.outstanding() || s.cmDereg.outstanding() {
			c.unansweredSap(s, at, false)
		}
	}
}

// outlived judges that a binding which is gone had no OID request left (LEAK-01).
func (c *Checker) outlived(b *binding) {
	if b.requests == 0 || b.assumed || b.close.state == markNone {
		return
	}
	c.check(rule.LEAK01)
	var f *finding
	for r := c.firstRequest; r != nil; r = r.after {
		if r.b != b || r.bid != b.id || r.missed || !r.op.outstanding() || r.op.ret.n > b.close.enter.n {
			continue
		}
		if d := c.labelled(r.label); !captured(d, !r.answer) {
			c.skip(rule.LEAK01, reasonNoUpcalls)
			continue
		}
		r.missed = true
		if p := r.peer; p != nil && p.id == r.peerID {
			p.missed = true // the other half of one defect
		}
		if f != nil {
			c.extend(f, r.op.ret)
			continue
		}
		f = c.report(rule.LEAK01, b.close.enter, c.protocolActor(b), b.adapter, c.who(b.label, b.driver),
			"the adapter was closed with an OID request outstanding", r.op.call, r.op.ret, b.closeOp.last()).also(rule.LEAK02)
	}
}

// survived judges that no VC is left when the close of o has completed (LEAK-03).
func (c *Checker) survived(o *afOpen, at ev) {
	if o.assumed {
		c.skip(rule.LEAK03, reasonAssumed)
		return
	}
	c.check(rule.LEAK03)
	if o.vcs == 0 || o.vcs <= o.leaving {
		return
	}
	if f := o.overfull; f != nil {
		f.also(rule.LEAK03)
		c.extend(f, at)
		return
	}
	fault, who := rule.CallManager, c.managerName(o)
	for v := o.vcFirst; v != nil; v = v.oNext {
		if v.counted && !v.leaving() && v.creator != sideManager {
			fault, who = rule.Client, c.clientName(o)
		}
	}
	c.report(rule.LEAK03, at, fault, o.adapter, who,
		"the close of an AF completed with a VC left", o.openEnter, o.closeMark.enter)
}

// finishObjects draws what can be said of SAPs and requests at the end of the trace.
func (c *Checker) finishObjects() {
	for o := c.openList; o != nil; o = o.next {
		c.unclosed(o, ev{}).untilEnd()
	}
	for s := c.firstSap; s != nil; s = s.next {
		c.unansweredSap(s, ev{}, true)
	}
	for r := c.firstRequest; r != nil; r = r.after {
		c.unansweredRequest(r)
	}
}

// watch is what rules of this file and its neighbours look at in functions that belong to
// another object: it runs behind the entry of a call and ahead of its return.
var watch = [ndis.NumFuncs]transition{
	ndis.ProtocolClIncomingCloseCall:  {disturbed, nil},
	ndis.ProtocolCoDeleteVc:           {disturbed, nil},
	ndis.NdisCoCreateVc:               {nil, signals},
	ndis.NdisClCloseAddressFamily:     {closesAsked, nil},
	ndis.NdisClRegisterSap:            {followSap, nil},
	ndis.NdisCoOidRequest:             {usedInRequest, nil},
	ndis.NdisMCmOidRequest:            {usedInRequest, nil},
	ndis.NdisCmDispatchIncomingCall:   {enterMutedDispatch, returnMuted},
	ndis.NdisMCmDispatchIncomingCall:  {enterMutedDispatch, returnMuted},
	ndis.NdisCmMakeCallComplete:       {enterMutedMakeCall, returnMuted},
	ndis.NdisMCmMakeCallComplete:      {enterMutedMakeCall, returnMuted},
	ndis.MiniportHaltEx:               {haltBegins, haltEnds},
	ndis.MiniportCoSendNetBufferLists: {miniportSends, nil},

	ndis.NdisMCoSendNetBufferListsComplete: {miniportSent, nil},
	ndis.NdisMCoSendComplete:               {miniportSent, nil},

	ndis.NdisDeregisterProtocolDriver: {nil, unloaded},
	ndis.NdisDeregisterProtocol:       {nil, unloaded},

	ndis.NdisClMakeCall:      {whileOpenPends, stillWhilePending},
	ndis.NdisClModifyCallQoS: {whileOpenPends, stillWhilePending},
	ndis.NdisClAddParty:      {whileOpenPends, stillWhilePending},
	ndis.NdisClDeregisterSap: {nil, sapBeforeCalls},
}
