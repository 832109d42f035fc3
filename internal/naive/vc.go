package naive

import (
	"slices"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// vc is one NdisCoCreateVc or NdisMCmCreateVc that was not refused, and what followed.
type vc struct {
	create                *call
	af                    *afOpen // nil: a signaling VC, or a handle that no open has
	byManager             bool
	client, manager, nic  string // labels
	clientCtx, managerCtx uint64
	nicCtx                uint64
	peer, mini            *call // the nested callbacks
	handle                uint64
	since                 uint64 // seq of the row that shows the handle first
	deletes               []*call
	requests              []*asked
	parties               []*party
}

// party is one leaf of a multipoint call.
type party struct {
	vc       *vc
	added    *asked // by NdisClMakeCall or NdisClAddParty
	handle   uint64
	ctx      uint64
	since    uint64
	requests []*asked // NdisClDropParty
}

// findObjects finds the SAPs, VCs, calls and parties of the opens.
func (w *world) findObjects() {
	w.findSAPs()
	w.findVCs()
	w.findVCRequests()
	w.findParties()
}

func (w *world) findVCs() {
	for _, c := range w.of(ndis.NdisCoCreateVc, ndis.NdisMCmCreateVc) {
		v := &vc{create: c, af: w.openByHandle(c.in.AF, c), byManager: c.fn == ndis.NdisMCmCreateVc, since: never}
		v.peer, v.mini = w.inside(c, ndis.ProtocolCoCreateVc), w.inside(c, ndis.MiniportCoCreateVc)
		if v.af != nil {
			v.client, v.manager = v.af.label, v.af.managerLabel()
			v.byManager = v.byManager || c.in.Driver == v.manager
		} else if d := w.roles(c); c.in.AF == 0 && d != nil && d.callManager {
			v.byManager, v.manager = true, c.in.Driver
		}
		if v.peer == nil {
			v.peer = w.elsewhere(c, ndis.ProtocolCoCreateVc)
		}
		if v.mini == nil {
			v.mini = w.elsewhere(c, ndis.MiniportCoCreateVc)
		}
		given := func(u *call) uint64 {
			if u == nil || u.out == nil {
				return 0
			}
			return u.out.Context
		}
		v.clientCtx, v.managerCtx, v.nicCtx = c.in.Context, given(v.peer), given(v.mini)
		if v.byManager {
			v.clientCtx, v.managerCtx = v.managerCtx, v.clientCtx
		}
		for _, u := range []*call{v.peer, v.mini} {
			if u != nil && u.in.VC != 0 {
				v.handle, v.since = u.in.VC, min(v.since, u.in.Seq)
			}
		}
		if v.mini != nil {
			v.nic = v.mini.in.Driver
		}
		if v.handle == 0 && c.out != nil {
			v.handle, v.since = c.out.VC, c.out.Seq
		}
		if v.handle != 0 && !c.failed() {
			w.vcs = append(w.vcs, v)
		}
	}
	for _, c := range w.of(ndis.NdisCoDeleteVc, ndis.NdisMCmDeleteVc) {
		if v := w.vcByHandle(c.in.VC, c); v != nil {
			v.deletes = append(v.deletes, c)
		}
	}
}

// roles are the declared roles of the driver that calls c, nil if they are unknown.
func (w *world) roles(c *call) *driver {
	for _, b := range slices.Backward(w.bindings) {
		if b.label == c.in.Driver && b.open.in.Seq < c.in.Seq {
			return b.driver
		}
	}
	return nil
}

// elsewhere is a callback fn that belongs to c, but runs on another thread.
func (w *world) elsewhere(c *call, fn ndis.Func) *call {
	for _, u := range w.of(fn) {
		if c.out != nil && u.in.VC == c.out.VC && u.in.VC != 0 && u.in.TID != c.in.TID && u.in.Seq > c.in.Seq && u.in.Seq < c.out.Seq {
			return u
		}
	}
	return nil
}

func (w *world) vcByHandle(h uint64, c *call) (found *vc) {
	for _, v := range w.vcs {
		if h != 0 && v.handle == h && v.since < c.in.Seq {
			found = v
		}
	}
	return found
}

// vcByContext is the VC whose context of that driver callback c carries.
func (w *world) vcByContext(ctx uint64, c *call) (found *vc) {
	for _, v := range w.vcs {
		if v.since > c.in.Seq || ctx == 0 {
			continue
		}
		if v.client == c.in.Driver && v.clientCtx == ctx || v.manager == c.in.Driver && v.managerCtx == ctx || v.nic == c.in.Driver && v.nicCtx == ctx {
			found = v
		}
	}
	return found
}

func (w *world) findVCRequests() {
	for _, op := range []operation{activateVC, deactivateVC, makeCall, offerCall, closeCall, modifyQoS} {
		ask := operations[op].ask
		switch op {
		case activateVC:
			ask = append(slices.Clone(ask), ndis.NdisMCmActivateVc)
		case deactivateVC:
			ask = append(slices.Clone(ask), ndis.NdisMCmDeactivateVc)
		}
		for _, c := range w.of(ask...) {
			if v := w.vcByHandle(c.in.VC, c); v != nil {
				v.requests = append(v.requests, &asked{op: op, call: c, upcall: w.inside(c, operations[op].upcall)})
			}
		}
		for _, m := range w.of(operations[op].complete...) {
			v := w.vcByHandle(m.in.VC, m)
			if v == nil {
				continue
			}
			if r := last(v.requests, op, m); r != nil {
				r.completes = append(r.completes, m)
			} else {
				w.violation(operations[op].rule, m.in)
			}
		}
		for _, g := range w.of(operations[op].told) {
			if v := w.vcByContext(g.in.Context, g); v != nil && g.fromNDIS() {
				if r := last(v.requests, op, g); r != nil {
					r.told = append(r.told, g)
				}
			}
		}
	}
	for _, v := range w.vcs {
		slices.SortStableFunc(v.requests, func(x, y *asked) int { return int(x.call.in.Seq) - int(y.call.in.Seq) })
	}
}

// of lists the requests of operations on v that NDIS did not refuse.
func (v *vc) of(ops ...operation) (rs []*asked) {
	for _, r := range v.requests {
		if slices.Contains(ops, r.op) && !r.refused() {
			rs = append(rs, r)
		}
	}
	return rs
}

// deleted says that v was deleted before that point.
func (v *vc) deleted(at *point) bool {
	return slices.ContainsFunc(v.deletes, func(d *call) bool { return d.returned(ndis.StatusSuccess) && exit(d).sure(at) })
}

// activeSince is the point from which an activation counts for certain.
func activeSince(r *asked) *point {
	if s, _, at := r.outcome(); at != nil && s == ndis.StatusSuccess {
		return at
	}
	return nil
}

// mayBeActive says that v is active at that point in some order.
func (v *vc) mayBeActive(at *point) bool {
	for _, a := range v.of(activateVC) {
		from := a.succeededAt()
		if a.upcall == nil && a.call.returned(ndis.StatusPending) && len(a.told) == 0 {
			from = entry(a.call) // AMB-09: an MCM may hear nothing
		}
		if !from.maybe(at) {
			continue
		}
		ended := slices.ContainsFunc(v.of(deactivateVC), func(d *asked) bool {
			return activeSince(a).sure(entry(d.call)) && activeSince(d).sure(at)
		})
		if !ended {
			return true
		}
	}
	return false
}

// active says that v is active at that point in every order, and which activation made
// it so.
func (v *vc) active(at *point) *asked {
	for _, a := range slices.Backward(v.of(activateVC)) {
		from := activeSince(a)
		if !from.sure(at) {
			continue
		}
		ended := slices.ContainsFunc(v.of(deactivateVC), func(d *asked) bool {
			return !d.call.failed() && entry(d.call).maybe(at) && !activeSince(d).sure(entry(a.call))
		})
		if !ended {
			return a
		}
	}
	return nil
}

func (w *world) checkVCs() {
	w.checkHandlersPend()
	w.checkCreates()
	w.checkDeleteCallbacks()
	w.checkActivators()
	w.checkDeadVCs()
	for _, v := range w.vcs {
		w.checkDeletes(v)
		w.checkRedundantDeactivation(v)
		for _, r := range v.requests {
			w.checkRequest(r)
		}
	}
	w.checkStaysActive()
}

// checkHandlersPend holds VC-01.
func (w *world) checkHandlersPend() {
	for _, u := range w.of(ndis.ProtocolCoCreateVc, ndis.ProtocolCoDeleteVc, ndis.MiniportCoCreateVc, ndis.MiniportCoDeleteVc) {
		if u.returned(ndis.StatusPending) {
			w.violation(rule.VC01, u.out)
		}
	}
}

// checkCreates holds VC-02 for creations, VC-04, VC-05 and VC-15.
func (w *world) checkCreates() {
	for _, c := range w.of(ndis.NdisCoCreateVc, ndis.NdisMCmCreateVc) {
		a := w.openByHandle(c.in.AF, c)
		if c.in.AF == 0 {
			if d := w.roles(c); d != nil && !d.callManager {
				w.violation(rule.VC05, c.in)
			}
			continue
		}
		if c.returned(ndis.StatusSuccess) && (a == nil || w.closedForCreator(a, c)) {
			w.violation(rule.VC04, c.out)
		}
	}
	for _, u := range w.of(ndis.ProtocolCoCreateVc, ndis.MiniportCoCreateVc) {
		if u.returned(ndis.StatusSuccess) && u.out.Has&format.HasContext != 0 && u.out.Context == 0 {
			w.violation(rule.VC15, u.out)
		}
	}
	for _, v := range w.vcs {
		for _, u := range []*call{v.peer, v.mini} {
			if u != nil && u.parent != v.create {
				w.violation(rule.VC02, u.in)
			}
		}
		if !v.create.returned(ndis.StatusSuccess) || v.create.in.AF != 0 && v.af == nil {
			continue
		}
		if v.af != nil && v.peer == nil || w.wantsMiniport(v) && v.mini == nil {
			w.violation(rule.VC02, v.create.out)
		}
	}
}

// closedForCreator says that the AF was closed when its client created a VC on it.
func (w *world) closedForCreator(a *afOpen, c *call) bool {
	return c.in.Driver == a.label && slices.ContainsFunc(a.closes, func(k *closing) bool {
		return !k.redundant && k.call.before(c) && !w.closeFailed(k)
	})
}

// wantsMiniport says that NDIS has to ask the miniport about v: an MCM is asked as a call
// manager only.
func (w *world) wantsMiniport(v *vc) bool {
	if v.create.fn == ndis.NdisMCmCreateVc {
		return false
	}
	b := w.bindingByHandle(v.create.in.Binding, v.create)
	return b != nil && b.adapter != nil && !b.adapter.mcm
}

// checkDeleteCallbacks holds VC-02 for deletions.
func (w *world) checkDeleteCallbacks() {
	for _, v := range w.vcs {
		for _, d := range v.deletes {
			if !d.returned(ndis.StatusSuccess) {
				continue
			}
			peer, mini := w.inside(d, ndis.ProtocolCoDeleteVc), w.inside(d, ndis.MiniportCoDeleteVc)
			for _, u := range w.of(ndis.ProtocolCoDeleteVc, ndis.MiniportCoDeleteVc) {
				if w.vcByContext(u.in.Context, u) != v || u.parent == d || u.in.Seq < d.in.Seq || u.in.Seq > d.out.Seq {
					continue
				}
				w.violation(rule.VC02, u.in)
				if u.fn == ndis.ProtocolCoDeleteVc {
					peer = u
				} else {
					mini = u
				}
			}
			if v.af != nil && peer == nil || w.wantsMiniport(v) && mini == nil {
				w.violation(rule.VC02, d.out)
			}
		}
	}
}

// checkDeletes holds VC-06, VC-07 and CALL-14.
func (w *world) checkDeletes(v *vc) {
	for _, d := range v.deletes {
		if v.deleted(entry(d)) {
			continue // a use of a dead handle
		}
		if d.in.Driver != v.create.in.Driver {
			w.violation(rule.VC06, d.in)
			continue
		}
		a := v.active(entry(d))
		if a == nil || !d.returned(ndis.StatusSuccess) {
			continue
		}
		closed := slices.ContainsFunc(v.of(closeCall), func(r *asked) bool {
			return r.succeededAt().sure(entry(d)) && !exit(r.call).sure(entry(a.call))
		})
		if closed {
			w.violation(rule.CALL14, d.in)
		} else {
			w.violation(rule.VC07, d.out)
		}
	}
}

// checkRedundantDeactivation holds VC-11.
func (w *world) checkRedundantDeactivation(v *vc) {
	for _, r := range v.of(deactivateVC) {
		if r.call.fn != ndis.NdisMCmDeactivateVc || !r.call.returned(ndis.StatusSuccess) {
			continue
		}
		if !v.mayBeActive(entry(r.call)) {
			w.violation(rule.VC11, r.call.out)
		}
	}
}

// checkStaysActive holds VC-10: nobody deactivates a VC because its re-activation failed.
func (w *world) checkStaysActive() {
	for _, u := range w.of(ndis.MiniportCoDeactivateVc) {
		v := w.vcByContext(u.in.Context, u)
		if v == nil || u.parent != nil && u.parent.fn == ndis.NdisCmDeactivateVc {
			continue
		}
		for _, a := range v.of(activateVC) {
			if a.failedAt().sure(entry(u)) && v.mayBeActive(entry(u)) {
				w.violation(rule.VC10, u.in)
				break
			}
		}
	}
}

// checkActivators holds VC-14.
func (w *world) checkActivators() {
	for _, c := range w.of(ndis.NdisCmActivateVc, ndis.NdisCmDeactivateVc) {
		if d := w.roles(c); d != nil && !d.callManager {
			w.violation(rule.VC14, c.in)
		}
	}
}

// checkDeadVCs holds USE-03; a make-call is CALL-01.
func (w *world) checkDeadVCs() {
	for _, c := range w.calls {
		if c.in.Has&format.HasVC == 0 || c.in.VC == 0 || c.fn == ndis.NdisClMakeCall || !downCall(c.fn) {
			continue
		}
		if v := w.vcByHandle(c.in.VC, c); v != nil && v.deleted(entry(c)) {
			w.violation(rule.USE03, c.in)
		}
	}
}

// downCall says that a driver calls fn with a VC that exists.
func downCall(fn ndis.Func) bool {
	switch fn {
	case ndis.NdisCoCreateVc, ndis.NdisMCmCreateVc, ndis.ProtocolCoCreateVc, ndis.MiniportCoCreateVc:
		return false
	}
	return true
}
