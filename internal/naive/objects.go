package naive

import "github.com/aftrace/aftrace/format/ndis"

// liveObjects says that the AF handle h had SAPs or VCs when c was entered: they were
// there before, and nothing that ends them can have come before c. A SAP counts from its
// registration, pended or not, until its deregistration is complete.
func (w *world) liveObjects(h uint64, c *call) bool {
	for _, s := range w.of(ndis.NdisClRegisterSap) {
		if s.in.AF == h && s.over(c) && !s.failed() && !w.sapMayBeGone(s, c) {
			return true
		}
	}
	for _, v := range w.of(ndis.NdisCoCreateVc, ndis.NdisMCmCreateVc) {
		if v.in.AF == h && v.over(c) && v.returned(ndis.StatusSuccess) && !w.vcMayBeGone(v, c) {
			return true
		}
	}
	return false
}

// sapHandle is the NdisSapHandle that the registration s made.
func (w *world) sapHandle(s *call) uint64 {
	if s.out != nil && s.out.SAP != 0 {
		return s.out.SAP
	}
	for _, u := range w.of(ndis.ProtocolCmRegisterSap) {
		if u.parent == s {
			return u.in.SAP
		}
	}
	for _, p := range w.of(ndis.ProtocolClRegisterSapComplete) {
		if p.in.Context == s.in.Context && p.in.Driver == s.in.Driver && p.in.Seq > s.in.Seq {
			return p.in.SAP
		}
	}
	return 0
}

func (w *world) sapMayBeGone(s, c *call) bool {
	h := w.sapHandle(s)
	refusals := w.of(ndis.NdisCmRegisterSapComplete, ndis.NdisMCmRegisterSapComplete)
	for _, m := range refusals {
		if m.in.SAP == h && h != 0 && !m.succeeds() && m.maybeBefore(c) {
			return true
		}
	}
	for _, p := range w.of(ndis.ProtocolClRegisterSapComplete) {
		if p.in.Context == s.in.Context && p.in.Driver == s.in.Driver && !p.succeeds() && p.in.Seq > s.in.Seq && p.maybeBefore(c) {
			return true
		}
	}
	for _, d := range w.of(ndis.NdisClDeregisterSap) {
		if d.in.SAP != h || d.in.Seq < s.in.Seq || h == 0 {
			continue
		}
		if d.returned(ndis.StatusSuccess) && d.maybeBefore(c) {
			return true
		}
		for _, u := range w.of(ndis.ProtocolCmDeregisterSap) {
			if u.parent == d && u.returned(ndis.StatusSuccess) && u.maybeBefore(c) {
				return true
			}
		}
		for _, m := range w.of(ndis.NdisCmDeregisterSapComplete, ndis.NdisMCmDeregisterSapComplete) {
			if m.in.SAP == h && m.in.Seq > d.in.Seq && m.maybeBefore(c) {
				return true
			}
		}
		for _, p := range w.of(ndis.ProtocolClDeregisterSapComplete) {
			if p.in.Context == s.in.Context && p.in.Driver == s.in.Driver && p.in.Seq > d.in.Seq && p.maybeBefore(c) {
				return true
			}
		}
	}
	return false
}

func (w *world) vcMayBeGone(v, c *call) bool {
	for _, d := range w.of(ndis.NdisCoDeleteVc, ndis.NdisMCmDeleteVc) {
		if d.in.VC == v.out.VC && d.in.Seq > v.in.Seq && !d.failed() && d.maybeBefore(c) {
			return true
		}
	}
	return false
}

// sapOwner is the AF handle of the SAP that c names, 0 if the trace does not say.
func (w *world) sapOwner(c *call) (h uint64) {
	for _, s := range w.of(ndis.NdisClRegisterSap) {
		if s.in.Seq < c.in.Seq && w.sapHandle(s) == c.in.SAP && c.in.SAP != 0 {
			h = s.in.AF
		}
	}
	return h
}

// vcOwner is the AF handle of the VC that c names, 0 if the trace does not say.
func (w *world) vcOwner(c *call) (h uint64) {
	for _, v := range w.of(ndis.NdisCoCreateVc) {
		if v.out != nil && v.out.Seq < c.in.Seq && v.out.VC == c.in.VC && c.in.VC != 0 {
			h = v.in.AF
		}
	}
	return h
}
