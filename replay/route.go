package replay

import (
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// Who may call what, and which driver a callback reaches: ROLE-02, 06, 07, 08 and OPEN-20 as
// far as no other file has them.

// strays says that a callback about o reached a driver with another label than the one it is
// for.
func (c *Checker) strays(cl *call, o *afOpen, label uint32) bool {
	return cl.label != 0 && label != 0 && cl.label != label && !o.assumed && !o.conflict
}

func (c *Checker) misrouted(cl *call, o *afOpen) {
	c.check(rule.ROLE07)
	c.report(rule.ROLE07, cl.ev, rule.NDIS, o.adapter, c.names[cl.label],
		cl.name()+" reached "+c.names[cl.label]+", the AF open is one of "+c.clientName(o), o.openEnter).guess(o.guessed)
}

// astray finds, for a callback whose context its driver never gave out, the open of another
// client that the context belongs to and that waits for such a callback (ROLE-07).
func (c *Checker) astray(cl *call, waiting func(*afOpen) bool) *afOpen {
	if cl.has&format.HasContext == 0 || cl.context == 0 || cl.label == 0 || cl.d.caller == callerSelf {
		return nil
	}
	var found *afOpen
	head, _ := c.opens.get(key{kindClientAF<<56 | cl.ns, cl.context})
	for o := head; o != nil; o = o.clNext {
		if !waiting(o) || !c.strays(cl, o, c.clientLabel(o)) {
			continue
		}
		if found != nil {
			return nil
		}
		found = o
	}
	if found == nil || !c.fresh(cl.label) {
		return nil
	}
	c.misrouted(cl, found)
	return found
}

// peerUpcall judges ProtocolCmRegisterSap and ProtocolCoCreateVc, which NDIS calls inside the
// call of one side at the other side of the AF open, with the context that the call manager
// handed back where it is the one called.
func (c *Checker) peerUpcall(cl *call) {
	p := cl.parent
	if p == nil || !cl.thread.known || p.fn != ndis.NdisClRegisterSap && p.fn != ndis.NdisCoCreateVc && p.fn != ndis.NdisMCmCreateVc {
		return
	}
	o := p.o
	if o == nil || o.id != uint64(p.n) || p.label == 0 || cl.label == 0 {
		return
	}
	client := c.clientLabel(o)
	if client == 0 || o.mgrLabel == 0 || client == o.mgrLabel || o.assumed || o.conflict {
		return
	}
	peer := o.mgrLabel
	switch p.label {
	case client:
	case o.mgrLabel:
		if p.fn != ndis.NdisClRegisterSap { // which asks the call manager, whoever calls it
			peer = client
		}
	default:
		return
	}
	c.check(rule.ROLE07)
	switch {
	case cl.label != peer:
		c.report(rule.ROLE07, cl.ev, rule.NDIS, o.adapter, c.names[peer],
			cl.name()+" reached "+c.names[cl.label]+", the other side of the AF open is "+c.names[peer], p.ev, o.openEnter)
	case peer == client, cl.has&format.HasContext == 0, !o.hasMgrCtx:
	default:
		c.check(rule.OPEN20)
		if cl.context != o.managerCt {
			c.report(rule.OPEN20, cl.ev, rule.NDIS, o.adapter, c.managerName(o),
				cl.name()+" got another CallMgrAfContext than the call manager handed back", o.cmFinalAt, p.ev)
		}
	}
}

// enterAssignName is the entry of NdisCoAssignInstanceName, which is not for miniport call
// managers (ROLE-08).
func enterAssignName(c *Checker, cl *call) {
	v := c.useVC(cl)
	if v == nil || v.open() == nil || v.o.mcm == unknown || v.o.reg == nil || cl.label == 0 {
		c.skip(rule.ROLE08, reasonRole)
		return
	}
	o := v.o
	c.check(rule.ROLE08)
	if o.mcm == yes && c.byManager(cl, o) {
		c.report(rule.ROLE08, cl.ev, rule.CallManager, o.adapter, c.managerName(o),
			"a miniport call manager calls NdisCoAssignInstanceName", o.cmOpen.call)
	}
}

// byManager says that the caller of a function that both sides may call is the call manager
// of o.
func (c *Checker) byManager(cl *call, o *afOpen) bool {
	client := c.clientLabel(o)
	return cl.label != 0 && cl.label == o.mgrLabel && client != 0 && client != cl.label
}

// coVariant judges that a miniport call manager does not use those functions of protocol
// drivers for which it has NdisMCm functions that are no macros (ROLE-02).
func (c *Checker) coVariant(cl *call, o *afOpen) {
	switch {
	case cl.fn != ndis.NdisCoCreateVc && cl.fn != ndis.NdisCoDeleteVc && cl.fn != ndis.NdisCoOidRequest:
	case o.mcm == unknown || o.reg == nil || o.mgrLabel == 0 || cl.label == 0:
		c.skip(rule.ROLE02, reasonRole)
	default:
		c.check(rule.ROLE02)
		if o.mcm == yes && c.byManager(cl, o) {
			c.report(rule.ROLE02, cl.ev, rule.CallManager, o.adapter, c.managerName(o),
				"a miniport call manager calls "+cl.name(), o.cmOpen.call)
		}
	}
}
