package naive

import "slices"

// liveObjects says that the AF handle h had SAPs or VCs when c was entered: they were
// there before, and nothing that ends them can have come before c. A SAP counts from its
// registration, pended or not, until its deregistration is complete.
func (w *world) liveObjects(h uint64, c *call) bool {
	a := w.openByHandle(h, c)
	if a == nil {
		return false
	}
	return slices.ContainsFunc(w.saps, func(p *sap) bool { return p.af == a && p.counts(c) }) ||
		slices.ContainsFunc(w.vcs, func(v *vc) bool { return v.af == a && v.counts(c) })
}

func (p *sap) counts(c *call) bool {
	at, r := entry(c), p.registered()
	if !r.call.over(c) || r.call.failed() || r.failedAt().maybe(at) {
		return false
	}
	d := p.released()
	if d == nil {
		return true
	}
	_, _, told := d.outcome()
	return !d.succeededAt().maybe(at) && (d.call.failed() || !told.maybe(at))
}

func (v *vc) counts(c *call) bool {
	return exit(v.create).sure(entry(c)) && !v.mayBeDeleted(entry(c))
}

// sapOwner is the AF handle of the SAP that c names, 0 if the trace does not say.
func (w *world) sapOwner(c *call) uint64 {
	if p := w.sapByHandle(c.in.SAP, c); p != nil {
		return p.registered().call.in.AF
	}
	return 0
}

// vcOwner is the AF handle of the VC that c names, 0 if the trace does not say.
func (w *world) vcOwner(c *call) uint64 {
	if v := w.vcByHandle(c.in.VC, c); v != nil {
		return v.create.in.AF
	}
	return 0
}
