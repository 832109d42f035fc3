package naive

import (
	"slices"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// findParties finds the parties of multipoint calls and what happened to them.
func (w *world) findParties() {
	for _, v := range w.vcs {
		for _, k := range v.of(makeCall) {
			if k.upcall != nil && k.upcall.in.Party != 0 && k.call.in.Context != 0 {
				w.addParty(v, k)
			}
		}
	}
	for _, c := range w.of(ndis.NdisClAddParty) {
		v, u := w.vcByHandle(c.in.VC, c), w.inside(c, ndis.ProtocolCmAddParty)
		if v != nil && u != nil {
			w.addParty(v, &asked{op: addParty, call: c, upcall: u})
		}
	}
	slices.SortStableFunc(w.parties, func(x, y *party) int { return int(x.since) - int(y.since) })
	for _, c := range w.of(ndis.NdisClDropParty) {
		if p := w.partyByHandle(c.in.Party, c); p != nil {
			p.requests = append(p.requests, &asked{op: dropParty, call: c, upcall: w.inside(c, ndis.ProtocolCmDropParty)})
		}
	}
	for _, op := range []operation{addParty, dropParty} {
		of := func(p *party, c *call) *asked {
			if op == dropParty {
				return last(p.requests, op, c)
			}
			if p.added.op == addParty {
				return p.added
			}
			return nil
		}
		for _, m := range w.of(operations[op].complete...) {
			if p := w.partyByHandle(m.in.Party, m); p != nil {
				if r := of(p, m); r != nil {
					r.completes = append(r.completes, m)
				} else {
					w.violation(rule.PARTY02, m.in)
				}
			}
		}
		for _, g := range w.of(operations[op].told) {
			if p := w.partyByContext(g); p != nil && g.fromNDIS() {
				if r := of(p, g); r != nil {
					r.told = append(r.told, g)
				}
			}
		}
	}
}

func (w *world) addParty(v *vc, added *asked) {
	p := &party{vc: v, added: added, handle: added.upcall.in.Party, ctx: added.call.in.Context, since: added.upcall.in.Seq}
	v.parties = append(v.parties, p)
	w.parties = append(w.parties, p)
}

func (w *world) partyByHandle(h uint64, c *call) (found *party) {
	for _, p := range w.parties {
		if h != 0 && p.handle == h && p.since < c.in.Seq {
			found = p
		}
	}
	return found
}

func (w *world) partyByContext(c *call) (found *party) {
	for _, p := range w.parties {
		if p.ctx == c.in.Context && p.vc.client == c.in.Driver && p.added.call.in.Seq < c.in.Seq {
			found = p
		}
	}
	return found
}

// drops lists the drops of p that NDIS did not refuse.
func (p *party) drops() []*asked {
	return slices.DeleteFunc(slices.Clone(p.requests), (*asked).refused)
}

// call is the call that p is a leaf of.
func (p *party) call() *asked {
	if p.added.op == makeCall {
		return p.added
	}
	return p.vc.callAt(p.added.call)
}

// mayLive says that p is in its call at that point in some order.
func (p *party) mayLive(at *point) bool {
	if !entry(p.added.call).maybe(at) || p.added.failedAt().sure(at) {
		return false
	}
	return !p.gone(at)
}

// gone says that p was dropped, or its call closed, before that point.
func (p *party) gone(at *point) bool {
	ended := func(r *asked) bool { return r.succeededAt().sure(at) }
	return slices.ContainsFunc(p.drops(), ended) || slices.ContainsFunc(p.vc.closesOf(p.call()), ended)
}

// lives says that p is in its call at that point in every order, and nobody ends that.
func (p *party) lives(at *point) bool {
	if !p.added.succeededAt().sure(at) {
		return false
	}
	begun := func(r *asked) bool { return entry(r.call).maybe(at) && !r.call.failed() }
	return !slices.ContainsFunc(p.drops(), begun) && !slices.ContainsFunc(p.vc.closesOf(p.call()), func(r *asked) bool {
		return r.succeededAt().maybe(at)
	})
}

// siblings are the other parties of the call of p.
func (p *party) siblings() (ps []*party) {
	for _, o := range p.vc.parties {
		if o != p && o.call() == p.call() {
			ps = append(ps, o)
		}
	}
	return ps
}

// alone says that p is the last party of its call at that point, in every order.
func (p *party) alone(at *point) bool {
	return !slices.ContainsFunc(p.siblings(), func(o *party) bool { return o.mayLive(at) })
}

func (w *world) checkParties() {
	w.checkAdds()
	w.checkDeadParties()
	w.checkCloseWithParties()
	for _, p := range w.parties {
		if p.added.op == addParty {
			w.checkRequest(p.added)
			w.checkPartyContext(p)
		}
		for _, r := range p.requests {
			w.checkRequest(r)
		}
		w.checkLastDropped(p)
	}
	w.checkLastLeaves()
}

// checkAdds holds PARTY-01.
func (w *world) checkAdds() {
	for _, c := range w.of(ndis.NdisClAddParty) {
		v := w.vcByHandle(c.in.VC, c)
		if v == nil || v.deleted(entry(c)) {
			continue
		}
		if k := v.callAt(c); k != nil && (k.op == offerCall || k.call.in.Has&format.HasContext != 0 && k.call.in.Context == 0) {
			w.violation(rule.PARTY01, c.in)
		}
	}
}

// checkPartyContext holds PARTY-03.
func (w *world) checkPartyContext(p *party) {
	u := p.added.upcall
	if u.returned(ndis.StatusSuccess) && u.out.Has&format.HasContext != 0 && u.out.Context == 0 {
		w.violation(rule.PARTY03, u.out)
	}
	if m := p.added.completed(); m.succeeds() && m.in.Has&format.HasContext != 0 && m.in.Context == 0 {
		w.violation(rule.PARTY03, m.in)
	}
}

// checkLastDropped holds PARTY-04: the drop of the last party does not succeed.
func (w *world) checkLastDropped(p *party) {
	for _, r := range p.drops() {
		if s, row, at := r.answer(); at != nil && s == ndis.StatusSuccess && p.alone(entry(r.call)) && !p.gone(entry(r.call)) {
			w.violation(rule.PARTY04, row)
		}
	}
}

// checkLastLeaves holds PARTY-05, and USE-04 for parties that are gone.
func (w *world) checkLastLeaves() {
	for _, c := range w.of(ndis.NdisCmDispatchIncomingDropParty, ndis.NdisMCmDispatchIncomingDropParty) {
		p := w.partyByHandle(c.in.Party, c)
		switch {
		case p == nil:
		case p.gone(entry(c)):
			w.violation(rule.USE04, c.in)
		case p.alone(entry(c)):
			w.violation(rule.PARTY05, c.in)
		}
	}
}

// unansweredDrop says that the client had been told that a party on a had left, and had
// neither dropped it nor closed its call, when it closed the AF with c.
func (w *world) unansweredDrop(a *afOpen, c *call) bool {
	for _, u := range w.of(ndis.ProtocolClIncomingDropParty) {
		p := w.partyByContext(u)
		if p == nil || p.vc.af != a || u.in.Driver != a.label || !entry(u).sure(entry(c)) {
			continue
		}
		begun := func(r *asked) bool { return entry(r.call).maybe(entry(c)) }
		if !slices.ContainsFunc(p.requests, begun) && !slices.ContainsFunc(p.vc.closesOf(p.call()), begun) {
			return true
		}
	}
	return false
}

// checkDeadParties holds PARTY-07: the client does not use the handle of a party that it
// dropped. A refused drop leaves the party as it was.
func (w *world) checkDeadParties() {
	for _, c := range w.of(ndis.NdisClDropParty, ndis.NdisClCloseCall) {
		p := w.partyByHandle(c.in.Party, c)
		if p == nil {
			continue
		}
		dropped := slices.ContainsFunc(p.requests, func(r *asked) bool {
			return r.call != c && entry(r.call).sure(entry(c)) && !r.refused() && !r.failedAt().maybe(entry(c))
		})
		if dropped {
			w.violation(rule.PARTY07, c.in)
		}
	}
}

// checkCloseWithParties holds CALL-16.
func (w *world) checkCloseWithParties() {
	for _, v := range w.vcs {
		for _, r := range v.of(closeCall) {
			n := 0
			for _, p := range v.parties {
				if p.call() == v.callAt(r.call) && p.lives(entry(r.call)) {
					n++
				}
			}
			if n < 2 {
				continue
			}
			w.violation(rule.CALL16, r.call.in)
			if s, row, at := r.answer(); at != nil && s == ndis.StatusSuccess && r.upcall != nil {
				w.violation(rule.CALL16, row)
			}
		}
	}
}
