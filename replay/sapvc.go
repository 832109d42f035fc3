package replay

import (
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// VCs, as far as the life of an AF open depends on them: they are counted, so that CLOSE-02
// and CLOSE-04 know what is live. Their own rules are not judged.

// clientOrManagerUse finds the AF open of a function that both sides may call.
func (c *Checker) clientOrManagerUse(cl *call) *afOpen {
	if o, ok := c.opens.get(key{kindAF<<56 | cl.ns, cl.af}); ok && o.client != nil {
		if o.owner != nil && o.owner.hasHdl && cl.has&format.HasBinding != 0 && o.owner.handle == cl.binding || c.byManager(cl, o) {
			return c.managerUse(cl, false)
		}
	}
	return c.clientUse(cl)
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
