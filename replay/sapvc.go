package replay

import (
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// SAPs and VCs, as far as the life of an AF open depends on them: they are counted, so that
// CLOSE-02 and CLOSE-04 know what is live. Their own rules are not judged.

// clientOrManagerUse finds the AF open of a function that both sides may call.
func (c *Checker) clientOrManagerUse(cl *call) *afOpen {
	if o, ok := c.opens.get(key{kindAF<<56 | cl.ns, cl.af}); ok && o.client != nil {
		if o.owner != nil && o.owner.hasHdl && cl.has&format.HasBinding != 0 && o.owner.handle == cl.binding || c.byManager(cl, o) {
			return c.managerUse(cl, false)
		}
	}
	return c.clientUse(cl)
}

func enterClRegisterSap(c *Checker, cl *call) {
	o := c.clientUse(cl)
	if o == nil {
		return
	}
	var s *sap
	if n := len(c.freeSaps); n > 0 {
		s = c.freeSaps[n-1]
		c.freeSaps = c.freeSaps[:n-1]
		*s = sap{}
	} else {
		s = new(sap)
	}
	s.ns, s.o, s.oid = cl.ns, o, o.id
	cl.o, cl.n, cl.s = o, int(o.id), s
	if cl.has&format.HasContext != 0 {
		s.ctx, s.hasCtx = cl.context, true
		c.saps.put(key{kindClientSAP<<56 | s.ns, s.ctx}, s)
	}
	s.live = true
}

func returnClRegisterSap(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	if cl.o != nil && cl.o.id == uint64(cl.n) {
		c.stillPending(cl, at)
	}
	s := cl.s
	if s == nil {
		return
	}
	if !s.live || s.o.id != s.oid {
		return
	}
	if known && st != ndis.StatusSuccess && st != ndis.StatusPending {
		c.endSap(s)
		return
	}
	s.since = at
	s.o.saps++
	if c.b != nil && c.b.Phase[c.i] == format.PhaseReturn && c.b.Has[c.i]&format.HasSAP != 0 && c.b.SAP[c.i] != 0 && s.live {
		c.nameSap(s, c.b.SAP[c.i])
	}
}

func (c *Checker) nameSap(s *sap, h uint64) {
	s.handle, s.hasHdl = h, true
	c.saps.put(key{kindSAP<<56 | s.ns, h}, s)
}

// drop counts that an object of o, there since that row, has gone.
func (c *Checker) drop(o *afOpen, id uint64, since ev, count *int) {
	if o.id != id {
		return
	}
	*count--
	if o.inClose > 0 && since.n < o.closeMark.enter.n {
		o.inClose--
	}
}

// endSap takes a SAP out of the world.
func (c *Checker) endSap(s *sap) {
	if !s.live {
		return
	}
	s.live = false
	if s.since.seen() {
		c.drop(s.o, s.oid, s.since, &s.o.saps)
	}
	if s.leaving && s.o.id == s.oid {
		s.o.leaving--
	}
	if s.hasHdl {
		c.saps.delIf(key{kindSAP<<56 | s.ns, s.handle}, s)
	}
	if s.hasCtx {
		c.saps.delIf(key{kindClientSAP<<56 | s.ns, s.ctx}, s)
	}
	c.freeSaps = append(c.freeSaps, s)
}

func enterClRegisterSapComplete(c *Checker, cl *call) {
	s, ok := c.saps.get(key{kindClientSAP<<56 | cl.ns, cl.context})
	if !ok || cl.has&format.HasContext == 0 || cl.d.caller == callerSelf {
		return
	}
	if cl.has&format.HasStatus != 0 && cl.status != ndis.StatusSuccess {
		c.endSap(s)
		return
	}
	if cl.has&format.HasSAP != 0 && cl.sap != 0 {
		c.nameSap(s, cl.sap)
	}
}

func enterClDeregisterSap(c *Checker, cl *call) {
	if cl.has&format.HasSAP != 0 {
		cl.s, _ = c.saps.get(key{kindSAP<<56 | cl.ns, cl.sap})
	}
	if s := cl.s; s != nil && !s.leaving && s.since.seen() && s.o.id == s.oid {
		s.leaving = true
		s.o.leaving++
	}
}

func returnClDeregisterSap(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	if s := cl.s; s != nil && s.live && s.handle == cl.sap && known && st == ndis.StatusSuccess {
		c.endSap(s)
	}
}

func enterClDeregisterSapComplete(c *Checker, cl *call) {
	if s, ok := c.saps.get(key{kindClientSAP<<56 | cl.ns, cl.context}); ok && cl.has&format.HasContext != 0 {
		c.endSap(s) // AMB-18: whatever the status, it is gone for the client
	}
}

func enterCreateVc(c *Checker, cl *call) {
	if cl.fn == ndis.NdisCoCreateVc && cl.has&format.HasBinding != 0 {
		c.useBinding(cl)
	}
	if cl.has&format.HasAF == 0 || cl.af == 0 {
		return
	}
	b := cl.b
	o := c.clientOrManagerUse(cl)
	if b != nil {
		cl.b = b
	}
	if o != nil {
		cl.o, cl.n = o, int(o.id)
	}
	if o == nil {
		return
	}
	if cl.fn == ndis.NdisMCmCreateVc {
		c.variant(cl, o, rule.ROLE01)
	}
	c.coVariant(cl, o)
}

func returnCreateVc(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	if cl.b != nil && cl.b.id != 0 {
		c.usedBinding(cl, at)
	}
	o := cl.o
	if o == nil || o.id != uint64(cl.n) {
		return
	}
	c.stillPending(cl, at)
	if known && st != ndis.StatusSuccess || c.b == nil || c.b.Has[c.i]&format.HasVC == 0 || c.b.VC[c.i] == 0 {
		return
	}
	var v *vc
	if n := len(c.freeVCs); n > 0 {
		v = c.freeVCs[n-1]
		c.freeVCs = c.freeVCs[:n-1]
	} else {
		v = new(vc)
	}
	*v = vc{handle: c.b.VC[c.i], o: o, oid: o.id, since: at, ns: cl.ns}
	c.vcs.put(key{kindVC<<56 | v.ns, v.handle}, v)
	o.vcs++
}

func enterDeleteVc(c *Checker, cl *call) {
	if cl.has&format.HasVC != 0 {
		cl.v, _ = c.vcs.get(key{kindVC<<56 | cl.ns, cl.vc})
	}
	if v := cl.v; v != nil && v.o.id == v.oid {
		c.coVariant(cl, v.o)
		v.o.leaving++
		cl.o, cl.n = v.o, int(v.oid)
	}
}

func returnDeleteVc(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	v := cl.v
	if o := cl.o; o != nil && o.id == uint64(cl.n) {
		o.leaving--
	}
	if v == nil || v.handle != cl.vc || known && st != ndis.StatusSuccess {
		return
	}
	k := key{kindVC<<56 | v.ns, v.handle}
	if have, ok := c.vcs.get(k); !ok || have != v {
		return
	}
	c.vcs.del(k)
	c.drop(v.o, v.oid, v.since, &v.o.vcs)
	c.freeVCs = append(c.freeVCs, v)
}
