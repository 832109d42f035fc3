package replay

import (
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// Parties of multipoint calls (rules PARTY and USE-04).

// party is a leaf of a multipoint call.
type party struct {
	id     uint64
	ns     uint64
	handle uint64
	v      *vc
	next   *party // those of the VC, newest first
	first  bool   // it came with the make-call
	state  partyState
	added  ev
	add    vcOp // NdisClAddParty
	cmAdd  vcOp // ProtocolCmAddParty
	drops  vcOp // NdisClDropParty
	cmDrop vcOp // ProtocolCmDropParty
	drop   mark // NdisClDropParty
	told   bool // the client was told, or told at once
	asked  ev   // ProtocolClIncomingDropParty
	warned *finding
	ctx    [2]partyContext
	note   *Note // of the Tracker
}

type partyContext struct {
	value uint64
	has   bool
	next  *party
}

var partyKinds = [2]uint64{kindClientParty, kindManagerParty}

func (p *party) ident() uint64 {
	if p == nil {
		return 0
	}
	return p.id
}

// partyOf is the party that the entry of cl found.
func (cl *call) partyOf() *party {
	if cl.p != nil && cl.p.id == cl.pid {
		return cl.p
	}
	return nil
}

func (c *Checker) newParty(cl *call, v *vc) *party {
	var p *party
	if n := len(c.freeParties); n > 0 {
		p = c.freeParties[n-1]
		c.freeParties = c.freeParties[:n-1]
		*p = party{}
	} else {
		p = new(party)
	}
	p.id, p.ns, p.v, p.next = c.id(), cl.ns, v, v.parties
	v.parties = p
	cl.p, cl.pid = p, p.id
	return p
}

// firstOf is the party that came with the make-call of v.
func (v *vc) firstOf() *party {
	for p := v.parties; p != nil; p = p.next {
		if p.first {
			return p
		}
	}
	return nil
}

// firstParty takes the outcome of the make-call for the party that came with it.
func (c *Checker) firstParty(v *vc, at ev, ok bool, t thread) {
	p := v.firstOf()
	switch {
	case p == nil:
	case !ok:
		c.buryParty(p, at, t)
	case !p.active():
		p.step(partyAdd)
		p.added = at
	}
}

func (c *Checker) nameParty(p *party, h uint64) {
	if p == nil || h == 0 || p.handle == h {
		return
	}
	k := key{kindParty<<56 | p.ns, h}
	if x, ok := c.parties.get(k); ok && c.liveParty(x) {
		c.defect(DefectHandleClaimed)
	}
	if p.handle != 0 {
		c.parties.delIf(key{kindParty<<56 | p.ns, p.handle}, p)
	}
	p.handle = h
	c.parties.put(k, p)
	c.deadParties.forget(k)
}

func (c *Checker) addPartyContext(p *party, s side, value uint64) {
	x := &p.ctx[s]
	if value == 0 || x.has {
		return
	}
	k := key{partyKinds[s]<<56 | p.ns, value}
	x.value, x.has = value, true
	x.next, _ = c.parties.get(k)
	c.parties.put(k, p)
	c.deadParties.forget(k)
}

func (c *Checker) dropPartyContext(p *party, s side) {
	x := &p.ctx[s]
	if !x.has {
		return
	}
	x.has = false
	k := key{partyKinds[s]<<56 | p.ns, x.value}
	head, _ := c.parties.get(k)
	if head == p {
		if x.next == nil {
			c.parties.del(k)
		} else {
			c.parties.put(k, x.next)
		}
		return
	}
	for q := head; q != nil; q = q.ctx[s].next {
		if q.ctx[s].next == p {
			q.ctx[s].next = x.next
			return
		}
	}
}

// forgetParty notes that the handle of cl is one of a new party, of which the rest is not known.
func (c *Checker) forgetParty(cl *call) {
	if cl.has&format.HasParty == 0 || cl.party == 0 {
		return
	}
	k := key{kindParty<<56 | cl.ns, cl.party}
	c.deadParties.forget(k)
	if p, ok := c.parties.get(k); ok {
		c.parties.del(k)
		p.handle = 0
	}
}

// outParty reads the party column of the current row.
func (c *Checker) outParty() (uint64, bool) {
	if c.b == nil || c.b.Phase[c.i] == format.PhaseGap || c.b.Has[c.i]&format.HasParty == 0 {
		return 0, false
	}
	return c.b.Party[c.i], c.b.Party[c.i] != 0
}

// liveParties counts the parties of v that are certainly there.
func (v *vc) liveParties() int {
	n := 0
	for p := v.parties; p != nil; p = p.next {
		if p.active() && p.drop.state == markNone {
			n++
		}
	}
	return n
}

// last says that p is certainly the last party of its call: no other one is there, is being
// added, or is being dropped.
func (p *party) last() bool {
	if p.v.multipoint != yes {
		return false // its other parties may not be known
	}
	for q := p.v.parties; q != nil; q = q.next {
		if q != p && !q.gone() {
			return false
		}
	}
	return true
}

// deadParty is what stays of a party that is gone.
type deadParty struct {
	labels  [numSides]uint32
	adapter uint64
	drop    mark
	end     mark
	cmAdd   deadOp
	cmDrop  deadOp
	add     deadOp // of the client, under its context
	drops   deadOp
}

// buryParty moves p to the dead.
func (c *Checker) buryParty(p *party, at ev, t thread) {
	v := p.v
	for q := &v.parties; *q != nil; q = &(*q).next {
		if *q == p {
			*q = p.next
			break
		}
	}
	if p.handle != 0 {
		k := key{kindParty<<56 | p.ns, p.handle}
		c.parties.delIf(k, p)
		d := deadParty{labels: v.labels, drop: p.drop, cmAdd: p.cmAdd.dead(), cmDrop: p.cmDrop.dead(),
			end: mark{enter: at, ret: at, thread: t, state: markReturned}}
		if a := v.home(); a != nil {
			d.adapter = a.id
		}
		if c.deadParties.push(k, d, c.maxDead) {
			c.evicted = true
		}
	}
	if x := p.ctx[sideClient]; x.has && (p.add.call.seen() || p.drops.call.seen()) {
		d := deadParty{labels: v.labels, add: p.add.dead(), drops: p.drops.dead()}
		if a := v.home(); a != nil {
			d.adapter = a.id
		}
		if c.deadParties.push(key{partyKinds[sideClient]<<56 | p.ns, x.value}, d, c.maxDead) {
			c.evicted = true
		}
	}
	c.dropPartyContext(p, sideClient)
	c.dropPartyContext(p, sideManager)
	p.id = 0
	c.freeParties = append(c.freeParties, p)
}

// endParties ends the parties of a call that is over.
func (c *Checker) endParties(v *vc, at ev, t thread) {
	for v.parties != nil {
		c.buryParty(v.parties, at, t)
	}
}

// settleParty buries p once it is dropped on both sides.
func (c *Checker) settleParty(p *party, at ev, t thread) {
	if p.gone() && !p.drops.running() && !p.cmDrop.running() {
		c.buryParty(p, at, t)
	}
}

// useParty finds the party whose handle a driver passes; v is its VC where the row has it.
func (c *Checker) useParty(cl *call, v *vc) *party {
	if cl.has&format.HasParty == 0 || cl.party == 0 {
		c.skip(rule.USE04, reasonNoHandle)
		c.blindParty = c.blindParty || cl.has&format.HasParty == 0
		return nil
	}
	k := key{kindParty<<56 | cl.ns, cl.party}
	p, ok := c.parties.get(k)
	if !ok {
		c.useDeadParty(cl, k)
		return nil
	}
	c.check(rule.USE04)
	cl.p, cl.pid = p, p.id
	if cl.v == nil {
		cl.v, cl.vid = p.v, p.v.id
		if o := p.v.open(); o != nil {
			cl.o, cl.n = o, int(o.id)
		}
	}
	s := callerSide(cl, p.v.labels[sideClient], p.v.labels[sideManager])
	switch s {
	case sideClient:
		if p.drops.state == opPended && !c.captured(p.v, sideClient, true) {
			c.lacks(rule.PARTY07, reasonNoUpcalls) // the drop may have failed
			p.drop = mark{}
			break
		}
		c.check(rule.PARTY07)
		if c.before(&p.drop, cl) {
			c.vcReport(rule.PARTY07, cl.ev, sideClient, p.v, cl.name()+" uses an NdisPartyHandle after NdisClDropParty", p.drop.enter).also(rule.USE04)
			return nil
		}
	}
	return p
}

func (c *Checker) useDeadParty(cl *call, k key) {
	d := c.deadParties.find(k)
	if d == nil {
		c.wrongKind(kindParty, cl.ns, cl.party)
		c.skip(rule.USE04, reasonAssumed)
		return
	}
	if c.deaf(cl) {
		c.lacks(rule.USE04, reasonNoUpcalls)
		return
	}
	c.check(rule.USE04)
	s := callerSide(cl, d.labels[sideClient], d.labels[sideManager])
	fault, who := rule.Client, cl.label
	if s < numSides {
		fault = s.actor()
		if who == 0 {
			who = d.labels[s]
		}
	}
	var f *finding
	twice := func(o deadOp) bool { return o.state == opDone || o.state == opSync || o.state == opEarly }
	switch {
	case isPartyComplete[cl.fn] && (isDropComplete[cl.fn] && twice(d.cmDrop) || !isDropComplete[cl.fn] && twice(d.cmAdd)):
		last := d.cmAdd.last
		if isDropComplete[cl.fn] {
			last = d.cmDrop.last
		}
		f = c.report(rule.PARTY02, cl.ev, rule.CallManager, nil, c.names[who], cl.name()+" completes what is not pending", last).also(rule.USE04)
	case s == sideClient && c.before(&d.drop, cl):
		f = c.report(rule.PARTY07, cl.ev, fault, nil, c.names[who], cl.name()+" uses an NdisPartyHandle after NdisClDropParty", d.drop.enter).also(rule.USE04)
	case c.before(&d.end, cl):
		f = c.report(rule.USE04, cl.ev, fault, nil, c.names[who], cl.name()+" uses an NdisPartyHandle after the party was gone", d.end.enter).stranger()
	default:
		return
	}
	f.Adapter = d.adapter
}

// calledParty finds the party that a callback is about.
func (c *Checker) calledParty(cl *call, s side, cause, cause2 ndis.Func) *party {
	var p *party
	if q := cl.parent; q != nil && cl.thread.known && (q.fn == cause || q.fn == cause2) {
		if q.flag {
			return nil
		}
		p = q.partyOf()
	}
	if p == nil && cl.has&format.HasContext != 0 && cl.context != 0 {
		head, _ := c.parties.get(key{partyKinds[s]<<56 | cl.ns, cl.context})
		for q := head; q != nil; q = q.ctx[s].next {
			if l := q.v.labels[s]; l != 0 && cl.label != 0 && l != cl.label {
				continue
			}
			if p != nil {
				return nil
			}
			p = q
		}
	}
	if p == nil && s == sideClient && c.toldDeadParty(cl) {
		return nil
	}
	if p == nil {
		c.blindParty = true
		return nil
	}
	cl.p, cl.pid = p, p.id
	cl.v, cl.vid = p.v, p.v.id
	if o := p.v.open(); o != nil {
		cl.o, cl.n = o, int(o.id)
	}
	if cl.d.caller != callerSelf {
		c.saw(cl, c.vcDriver(p.v, s), true)
	}
	return p
}

// toldDeadParty judges a completion callback for a party that is gone: NDIS tells the client
// once. It says whether the callback is about such a party.
func (c *Checker) toldDeadParty(cl *call) bool {
	if cl.has&format.HasContext == 0 || cl.context == 0 {
		return false
	}
	d := c.deadParties.find(key{partyKinds[sideClient]<<56 | cl.ns, cl.context})
	if d == nil || d.labels[sideClient] != cl.label {
		return false
	}
	o := d.drops
	switch cl.fn {
	case ndis.ProtocolClAddPartyComplete:
		o = d.add
	case ndis.ProtocolClDropPartyComplete:
	default:
		return false
	}
	if cl.d.caller == callerSelf {
		return true
	}
	if cl.d.caller == callerUnknown || o.state != opDone && o.state != opSync && o.state != opEarly {
		c.skip(rule.PARTY02, reasonAssumed)
		return true
	}
	c.check(rule.PARTY02)
	f := c.report(rule.PARTY02, cl.ev, rule.NDIS, nil, c.names[cl.label], "NDIS called "+cl.name()+" for a request that was not pending: the party is gone", o.last)
	f.Adapter = d.adapter
	return true
}

// managerParty takes the context that the call manager hands back for a party (PARTY-08).
func (c *Checker) managerParty(cl *call, v *vc, p *party, ctx uint64, at ev) {
	if p != nil {
		c.addPartyContext(p, sideManager, ctx)
		return
	}
	if v.multipoint == no {
		c.check(rule.PARTY08)
		if ctx != 0 && ctx != cl.context {
			c.vcReport(rule.PARTY08, at, sideManager, v, cl.name()+" of a point-to-point call hands back a CallMgrPartyContext", cl.ev, v.make.call)
		}
	}
}

// --- adding ---

func enterAddParty(c *Checker, cl *call) {
	v := c.clientVC(cl)
	if v == nil {
		return
	}
	switch {
	case v.multipoint == unknown || v.state == callUnknown:
		c.skip(rule.PARTY01, reasonNoContext)
	case v.multipoint == no:
		c.check(rule.PARTY01)
		c.vcReport(rule.PARTY01, cl.ev, sideClient, v, "the client adds a party to a point-to-point call", v.make.call)
		cl.flag = true
		return
	default:
		c.check(rule.PARTY01)
	}
	p := c.newParty(cl, v)
	if cl.has&format.HasContext != 0 {
		c.addPartyContext(p, sideClient, cl.context)
	}
	p.add.ask(cl.ev)
}

func returnAddParty(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	p := cl.partyOf()
	if p == nil {
		return
	}
	if h, ok := c.outParty(); ok {
		c.nameParty(p, h)
	}
	early := p.add.done
	if p.add.returned(cl, at, known, st) == opUnpended && p.told {
		c.check(rule.PARTY02)
		c.vcNDIS(rule.PARTY02, early, sideClient, p.v, "NDIS called ProtocolClAddPartyComplete for an add-party that did not pend", cl.ev, at)
	}
	if known && st != ndis.StatusPending {
		c.addedParty(p, at, st, cl.thread)
	}
}

// addedParty takes the outcome of an add-party.
func (c *Checker) addedParty(p *party, at ev, st ndis.Status, t thread) {
	if st == ndis.StatusSuccess {
		if !p.active() {
			p.step(partyAdd)
			p.added = at
		}
		return
	}
	if !p.add.running() && !p.cmAdd.running() {
		c.buryParty(p, at, t)
	}
}

func enterCmAddParty(c *Checker, cl *call) {
	v := c.calledVC(cl, sideManager, cl.context, cl.has&format.HasContext != 0, ndis.NdisClAddParty)
	if v == nil {
		c.skip(rule.PARTY02, reasonNoContext)
		c.forgetParty(cl)
		return
	}
	var p *party
	if q := cl.parent; q != nil && q.fn == ndis.NdisClAddParty && cl.thread.known {
		p = q.partyOf()
	} else {
		for x := v.parties; x != nil; x = x.next {
			if x.add.running() && !x.cmAdd.call.seen() {
				if p != nil {
					c.forgetParty(cl)
					return
				}
				p = x
			}
		}
	}
	if p == nil {
		c.skip(rule.PARTY02, reasonAmbiguous)
		c.forgetParty(cl)
		return
	}
	cl.p, cl.pid = p, p.id
	p.cmAdd.ask(cl.ev)
	if cl.has&format.HasParty != 0 {
		c.nameParty(p, cl.party)
	}
}

func returnCmAddParty(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	p := cl.partyOf()
	if p == nil {
		return
	}
	c.answered(cl, &p.cmAdd, at, known, st, rule.PARTY02, sideManager, p.v)
	if !known || st == ndis.StatusPending {
		return
	}
	if st == ndis.StatusSuccess {
		if c.b == nil || c.b.Phase[c.i] != format.PhaseReturn || c.b.Has[c.i]&format.HasContext == 0 {
			c.skip(rule.PARTY03, reasonNoContext)
		} else {
			c.givesParty(cl, p, c.b.Context[c.i], at)
		}
	}
	c.addedParty(p, at, st, cl.thread)
}

// givesParty judges the context of an add-party that succeeded (PARTY-03).
func (c *Checker) givesParty(cl *call, p *party, ctx uint64, at ev) {
	c.check(rule.PARTY03)
	if ctx == 0 {
		c.vcReport(rule.PARTY03, at, sideManager, p.v, cl.name()+" succeeded without a CallMgrPartyContext", cl.ev, p.cmAdd.call).evident()
		return
	}
	c.addPartyContext(p, sideManager, ctx)
}

func enterCmAddPartyComplete(c *Checker, cl *call) {
	p := c.useParty(cl, nil)
	if p == nil {
		return
	}
	c.vcVariant(cl, p.v)
	if !c.completed(cl, &p.cmAdd, rule.PARTY02, sideManager, p.v, "an add-party") {
		cl.flag = true
		return
	}
	if cl.has&format.HasStatus == 0 {
		return
	}
	if cl.status == ndis.StatusSuccess {
		if cl.has&format.HasContext == 0 {
			c.skip(rule.PARTY03, reasonNoContext)
		} else {
			c.givesParty(cl, p, cl.context, cl.ev)
		}
	}
	c.addedParty(p, cl.ev, cl.status, cl.thread)
}

func enterClAddPartyComplete(c *Checker, cl *call) {
	p := c.calledParty(cl, sideClient, ndis.NdisCmAddPartyComplete, ndis.NdisMCmAddPartyComplete)
	if p == nil || cl.d.caller == callerSelf {
		return
	}
	p.told = cl.d.caller == callerNDIS
	p.add.blurred = p.add.blurred || c.blindParty
	c.delivered(cl, &p.add, rule.PARTY02, sideClient, p.v, "an add-party")
	if cl.has&format.HasParty != 0 {
		c.nameParty(p, cl.party)
	}
	if cl.has&format.HasStatus != 0 && cl.status != ndis.StatusPending {
		c.addedParty(p, cl.ev, cl.status, cl.thread)
	}
}

// --- dropping ---

func enterDropParty(c *Checker, cl *call) {
	p := c.useParty(cl, nil)
	if p == nil {
		return
	}
	d := c.labelled(cl.label)
	if d == nil {
		d = c.vcDriver(p.v, sideClient)
	}
	c.clientCaller(cl, d, p.v.home())
	if p.drop.state != markNone {
		cl.flag = true // two at once: the first one has it
		return
	}
	if p.asked.seen() {
		c.check(rule.PARTY06)
	}
	p.drop.open(cl)
	p.drops.ask(cl.ev)
	cl.busy = p.active() && p.last()
}

func returnDropParty(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	p := cl.partyOf()
	if p == nil || cl.flag {
		return
	}
	if p.drop.enter.n == cl.ev.n {
		p.drop.shut(at)
	}
	if cl.busy && c.vcReady(rule.PARTY04, p.v) && p.last() && p.warned == nil {
		p.warned = c.vcReport(rule.PARTY04, cl.ev, sideClient, p.v, "the client drops the last party of a call; NdisClCloseCall is for that", at, p.added).
			severity(rule.Warning)
	} else {
		c.check(rule.PARTY04)
	}
	early := p.drops.done
	if p.drops.returned(cl, at, known, st) == opUnpended && p.told {
		c.check(rule.PARTY02)
		c.vcNDIS(rule.PARTY02, early, sideClient, p.v, "NDIS called ProtocolClDropPartyComplete for a drop-party that did not pend", cl.ev, at)
	}
	if !known {
		p.drop = mark{}
		p.step(partyDropLost)
	} else if st != ndis.StatusPending {
		c.droppedForClient(p, at, st, cl.thread)
	} else {
		c.settleParty(p, at, cl.thread)
	}
}

// droppedForClient takes the end of NdisClDropParty.
func (c *Checker) droppedForClient(p *party, at ev, st ndis.Status, t thread) {
	if st != ndis.StatusSuccess {
		p.drop = mark{}
		return
	}
	if !p.gone() {
		c.droppedLast(p, at, rule.NDIS)
	}
	p.step(partyDrop)
	c.settleParty(p, at, t)
}

// droppedLast judges that the drop of the last party does not succeed (PARTY-04).
func (c *Checker) droppedLast(p *party, at ev, fault rule.Actor) {
	if !p.active() || p.v.assumed || c.unsure > 0 || !p.last() {
		return
	}
	c.check(rule.PARTY04)
	p.warned.drop()
	who := c.vcName(p.v, sideManager)
	if fault == rule.NDIS {
		who = c.vcName(p.v, sideClient)
	}
	p.warned = c.report(rule.PARTY04, at, fault, p.v.home(), who, "the drop of the last party of a call succeeded", p.drop.enter, p.added).since(p.v.create.enter)
}

func enterCmDropParty(c *Checker, cl *call) {
	p := c.calledParty(cl, sideManager, ndis.NdisClDropParty, ndis.NdisClDropParty)
	if p == nil {
		c.skip(rule.PARTY02, reasonNoContext)
		return
	}
	p.cmDrop.ask(cl.ev)
}

func returnCmDropParty(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	p := cl.partyOf()
	if p == nil {
		return
	}
	c.answered(cl, &p.cmDrop, at, known, st, rule.PARTY02, sideManager, p.v)
	if known && st == ndis.StatusSuccess {
		c.droppedLast(p, at, rule.CallManager)
		p.step(partyDrop)
	}
	c.settleParty(p, at, cl.thread)
}

func enterCmDropPartyComplete(c *Checker, cl *call) {
	p := c.useParty(cl, nil)
	if p == nil {
		return
	}
	c.vcVariant(cl, p.v)
	if !c.completed(cl, &p.cmDrop, rule.PARTY02, sideManager, p.v, "a drop-party", rule.USE04) {
		cl.flag = true
		return
	}
	if cl.has&format.HasStatus != 0 && cl.status == ndis.StatusSuccess {
		c.droppedLast(p, cl.ev, rule.CallManager)
		p.step(partyDrop)
	}
}

func returnCmDropPartyComplete(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	if p := cl.partyOf(); p != nil && !cl.flag {
		c.settleParty(p, at, cl.thread)
	}
}

func enterClDropPartyComplete(c *Checker, cl *call) {
	p := c.calledParty(cl, sideClient, ndis.NdisCmDropPartyComplete, ndis.NdisMCmDropPartyComplete)
	if p == nil || cl.d.caller == callerSelf {
		return
	}
	p.told = cl.d.caller == callerNDIS
	p.drops.blurred = p.drops.blurred || c.blindParty
	c.delivered(cl, &p.drops, rule.PARTY02, sideClient, p.v, "a drop-party")
	if cl.has&format.HasStatus != 0 && cl.status != ndis.StatusPending {
		c.droppedForClient(p, cl.ev, cl.status, cl.thread)
	}
}

// --- the other end leaves ---

func enterDispatchDrop(c *Checker, cl *call) {
	p := c.useParty(cl, nil)
	if p == nil {
		return
	}
	c.vcVariant(cl, p.v)
	cl.busy = p.active() && p.last()
}

func returnDispatchDrop(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	p := cl.partyOf()
	if p == nil {
		return
	}
	if cl.busy && c.vcReady(rule.PARTY05, p.v) && p.last() {
		c.vcReport(rule.PARTY05, cl.ev, sideManager, p.v, cl.name()+" was called for the last party of a call; an incoming close is for that", p.added, at)
		return
	}
	c.check(rule.PARTY05)
}

func enterIncomingDrop(c *Checker, cl *call) {
	p := c.calledParty(cl, sideClient, ndis.NdisCmDispatchIncomingDropParty, ndis.NdisMCmDispatchIncomingDropParty)
	if p == nil {
		c.skip(rule.PARTY06, reasonNoContext)
		return
	}
	p.asked = cl.ev
}

// owedByParty reports the first link that is missing in what p waits for.
func (c *Checker) owedByParty(p *party, v *vc, over ev, atEnd bool) {
	if v.assumed || c.blindParty || !c.sees(v) {
		return
	}
	for _, x := range [...]struct {
		cm, client *vcOp
		what       string
	}{{&p.cmAdd, &p.add, "add-party"}, {&p.cmDrop, &p.drops, "drop-party"}} {
		var f *finding
		switch {
		case x.cm.owes() && !c.captured(v, sideManager, false), x.client.owes() && !c.captured(v, sideClient, true):
			c.skip(rule.PARTY02, reasonNoCalls)
			continue
		case x.cm.owes():
			f = c.vcReport(rule.PARTY02, x.cm.ret, sideManager, v, "an "+x.what+" pended at the call manager and was never completed", x.cm.call, over)
		case x.client.owes() && (x.cm.state == opDone || x.cm.state == opSync):
			f = c.vcNDIS(rule.PARTY02, x.client.ret, sideClient, v, "an "+x.what+" pended and NDIS never completed it", x.client.call, x.cm.last(), over)
		default:
			continue
		}
		c.check(rule.PARTY02)
		f.also(rule.LEAK02)
		if atEnd {
			f.untilEnd()
		}
	}
}

// The completions of parties by call managers.
var isPartyComplete, isDropComplete [ndis.NumFuncs]bool

func init() {
	for _, fn := range [...]ndis.Func{ndis.NdisCmAddPartyComplete, ndis.NdisMCmAddPartyComplete} {
		isPartyComplete[fn] = true
	}
	for _, fn := range [...]ndis.Func{ndis.NdisCmDropPartyComplete, ndis.NdisMCmDropPartyComplete} {
		isPartyComplete[fn], isDropComplete[fn] = true, true
	}
}
