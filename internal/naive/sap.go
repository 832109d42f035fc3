package naive

import (
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// sap is one NdisClRegisterSap and what followed.
type sap struct {
	af       *afOpen
	label    string // of the client
	ctx      uint64 // ProtocolSapContext
	handle   uint64
	since    uint64 // seq of the row that shows the handle first
	requests []*asked
	again    []*call // deregistrations after the first
}

func (p *sap) registered() *asked { return p.requests[0] }

// released is the deregistration of p, nil if there was none.
func (p *sap) released() *asked {
	for _, r := range p.requests[1:] {
		if r.op == deregisterSAP {
			return r
		}
	}
	return nil
}

func (w *world) findSAPs() {
	for _, c := range w.of(ndis.NdisClRegisterSap) {
		a := w.openByHandle(c.in.AF, c)
		u := w.inside(c, ndis.ProtocolCmRegisterSap)
		if a == nil || u == nil {
			continue
		}
		p := &sap{af: a, label: c.in.Driver, ctx: c.in.Context, handle: u.in.SAP, since: u.in.Seq}
		p.requests = []*asked{{op: registerSAP, call: c, upcall: u}}
		w.saps = append(w.saps, p)
	}
	for _, c := range w.of(ndis.NdisClDeregisterSap) {
		p := w.sapByHandle(c.in.SAP, c)
		switch {
		case p == nil:
		case p.released() == nil:
			p.requests = append(p.requests, &asked{op: deregisterSAP, call: c, upcall: w.inside(c, ndis.ProtocolCmDeregisterSap)})
		default:
			p.again = append(p.again, c)
		}
	}
	for _, op := range []operation{registerSAP, deregisterSAP} {
		for _, m := range w.of(operations[op].complete...) {
			p := w.sapByHandle(m.in.SAP, m)
			if p == nil {
				continue
			}
			if r := last(p.requests, op, m); r != nil {
				r.completes = append(r.completes, m)
			} else {
				w.violation(operations[op].rule, m.in)
			}
		}
		for _, g := range w.of(operations[op].told) {
			if p := w.sapByContext(g); p != nil && g.fromNDIS() {
				if r := last(p.requests, op, g); r != nil {
					r.told = append(r.told, g)
				}
			}
		}
	}
}

// sapByHandle is the SAP that a handle names when c is entered.
func (w *world) sapByHandle(h uint64, c *call) (found *sap) {
	for _, p := range w.saps {
		if h != 0 && p.handle == h && p.since < c.in.Seq {
			found = p
		}
	}
	return found
}

// sapByContext is the SAP whose ProtocolSapContext callback c carries.
func (w *world) sapByContext(c *call) (found *sap) {
	for _, p := range w.saps {
		if p.label == c.in.Driver && p.ctx == c.in.Context && p.registered().call.in.Seq < c.in.Seq {
			found = p
		}
	}
	return found
}

func (w *world) checkSAPs() {
	w.checkSAPOnOpenAF()
	for _, p := range w.saps {
		w.checkSAPTaken(p)
		w.checkSAPContext(p)
		w.checkSAPOnce(p)
		for _, r := range p.requests {
			w.checkRequest(r)
		}
	}
	for _, u := range w.of(ndis.ProtocolClIncomingCloseCall) {
		if u.parent != nil && u.parent.fn == ndis.NdisClDeregisterSap {
			w.violation(rule.SAP07, u.in)
		}
	}
}

// checkSAPOnOpenAF holds SAP-01 for handles that NDIS never gave out; for closed AFs see
// checkUse.
func (w *world) checkSAPOnOpenAF() {
	for _, c := range w.of(ndis.NdisClRegisterSap) {
		if c.in.Has&format.HasAF != 0 && w.openByHandle(c.in.AF, c) == nil {
			w.violation(rule.SAP01, c.in)
		}
	}
}

// goneForManager says that the call manager was done with p by that point, in some order.
func (p *sap) mayBeGone(at *point) bool {
	d := p.released()
	return d != nil && entry(d.call).maybe(at) && !d.call.failed()
}

// gone says that the call manager was done with p before that point.
func (p *sap) gone(at *point) bool {
	if p.registered().failedAt().sure(at) {
		return true
	}
	d := p.released()
	return d != nil && d.succeededAt().sure(at)
}

// checkSAPTaken holds SAP-02: a SAP that another client has is not accepted.
func (w *world) checkSAPTaken(p *sap) {
	s, row, at := p.registered().answer()
	if at == nil || s != ndis.StatusSuccess {
		return
	}
	mine := p.registered().call.arg
	for _, o := range w.saps {
		theirs := o.registered().call.arg
		if o == p || o.label == p.label || mine.SAP == "" || mine.SAP != theirs.SAP || mine.SAPType != theirs.SAPType {
			continue
		}
		if p.af.binding == nil || o.af.binding == nil || p.af.binding.adapter != o.af.binding.adapter || p.af.managerLabel() != o.af.managerLabel() {
			continue
		}
		os, orow, oat := o.registered().answer()
		if oat != nil && os == ndis.StatusSuccess && orow.Seq < row.Seq && !o.mayBeGone(at) {
			w.violation(rule.SAP02, row)
		}
	}
}

// checkSAPContext holds SAP-03.
func (w *world) checkSAPContext(p *sap) {
	r := p.registered()
	if r.upcall.returned(ndis.StatusSuccess) && r.upcall.out.Has&format.HasContext != 0 && r.upcall.out.Context == 0 {
		w.violation(rule.SAP03, r.upcall.out)
	}
	if m := r.completed(); m.succeeds() && m.in.Has&format.HasContext != 0 && m.in.Context == 0 {
		w.violation(rule.SAP03, m.in)
	}
}

// checkSAPOnce holds SAP-05. After a refused deregistration it is only a remark (AMB-18).
func (w *world) checkSAPOnce(p *sap) {
	for _, c := range p.again {
		if d := p.released(); d.call.failed() && d.call.over(c) {
			w.remark(rule.SAP05, c.in)
		} else {
			w.violation(rule.SAP05, c.in)
		}
	}
}
