package replay

import (
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// CO OID requests (rules OID). A request is named by the address of its
// structure, detail.oid_request, for each of the two sides apart: NDIS may pass on a copy.

// request is one side of an OID request: that of the driver which makes it, or that of the
// driver which has to answer.
type request struct {
	id     uint64 // of this object; 0 once it is forgotten
	k      key
	label  uint32
	oid    uint64
	answer bool // it is the side that answers
	op     op
	strict bool // an early completion said that it came from NDIS
	missed bool // that it was not completed was reported
	b      *binding
	bid    uint64
	o      *afOpen
	afid   uint64
	a      *adapter // whose miniport has to answer
	peer   *request
	peerID uint64
	reply  ev // the other side has answered
	listed bool
	next   *request // of the same address, by another driver
	prev   *request // list of those without an answer
	after  *request
	note   *Note // of the Tracker
}

func (r *request) adapter() *adapter {
	switch {
	case r.a != nil:
		return r.a
	case r.o != nil && r.o.id == r.afid:
		return r.o.adapter
	case r.b != nil && r.b.id == r.bid:
		return r.b.adapter
	}
	return nil
}

// newRequest notes that a driver makes, or gets, the request of a row.
func (c *Checker) newRequest(cl *call, kind uint64) *request {
	k := key{kind<<56 | cl.ns, cl.d.oidRequest}
	if old := c.requestOf(k, cl.label); old != nil {
		c.unnameRequest(old)
		c.doneRequest(old)
	}
	var r *request
	if n := len(c.freeRequests); n > 0 {
		r = c.freeRequests[n-1]
		c.freeRequests = c.freeRequests[:n-1]
		*r = request{}
	} else {
		r = new(request)
	}
	r.id, r.k, r.label, r.answer = c.id(), k, cl.label, kind == kindAnswer
	if cl.d.has&keyOID != 0 {
		r.oid = cl.d.oid
	}
	r.next, _ = c.requests.get(k)
	c.requests.put(k, r)
	if r.prev = c.lastRequest; r.prev != nil {
		r.prev.after = r
	} else {
		c.firstRequest = r
	}
	c.lastRequest, r.listed = r, true
	r.op.ask(cl.ev)
	cl.q, cl.qid = r, r.id
	return r
}

// named says that a row tells which request it is about: two drivers may use one address.
func named(cl *call) bool { return cl.d.has&keyOIDRequest != 0 && cl.label != 0 }

// requestOf finds the request that a driver knows by an address.
func (c *Checker) requestOf(k key, label uint32) *request {
	r, _ := c.requests.get(k)
	for ; r != nil; r = r.next {
		if r.label == label {
			return r
		}
	}
	return nil
}

func (c *Checker) unnameRequest(r *request) {
	head, _ := c.requests.get(r.k)
	if head == r {
		if r.next == nil {
			c.requests.del(r.k)
		} else {
			c.requests.put(r.k, r.next)
		}
		return
	}
	for p := head; p != nil; p = p.next {
		if p.next == r {
			p.next = r.next
			return
		}
	}
}

// bindRequest counts r with the binding that is to outlive it.
func (c *Checker) bindRequest(r *request, b *binding) {
	if b != nil {
		r.b, r.bid = b, b.id
		b.requests++
	}
}

// maxDeadRequests bounds how many requests are remembered after they were completed.
const maxDeadRequests = 1 << 12

// doneRequest takes r, for which nothing more is due, from the live ones.
func (c *Checker) doneRequest(r *request) {
	if !r.listed {
		return
	}
	r.listed = false
	if r.prev != nil {
		r.prev.after = r.after
	} else {
		c.firstRequest = r.after
	}
	if r.after != nil {
		r.after.prev = r.prev
	} else {
		c.lastRequest = r.prev
	}
	if r.b != nil && r.b.id == r.bid {
		r.b.requests--
	}
	if r.a != nil && r.answer && r.op.ret.seen() {
		r.a.requests--
	}
	c.deadRequests.push(r)
	if c.deadRequests.n > maxDeadRequests {
		old := c.deadRequests.pop()
		c.unnameRequest(old)
		old.id = 0
		c.freeRequests = append(c.freeRequests, old)
	}
}

// unnamedAnswer notes a completion that does not say of which request it is: what it may have
// completed cannot be missing. Without its driver that is any request of the address, without
// the address any request.
func (c *Checker) unnamedAnswer(cl *call, kind uint64) {
	c.skip(rule.OID01, reasonNoKey)
	c.skip(rule.LEAK02, reasonNoKey)
	if cl.d.has&keyOIDRequest != 0 {
		for r, _ := c.requests.get(key{kind<<56 | cl.ns, cl.d.oidRequest}); r != nil; r = r.next {
			c.doneRequest(r)
		}
		return
	}
	for c.firstRequest != nil {
		c.doneRequest(c.firstRequest)
	}
}

// settleRequest lets go of r once it is answered.
func (c *Checker) settleRequest(r *request) {
	if r.op.running() || r.op.state == opEarly {
		return
	}
	if p := r.peer; p != nil && p.id == r.peerID && r.answer {
		p.reply = r.op.last()
	}
	c.doneRequest(r)
}

// --- the side that asks ---

func enterOidRequest(c *Checker, cl *call) {
	c.passThrough(cl)
	if d := c.labelled(cl.label); d != nil && (cl.has&format.HasAF == 0 || cl.d.has&keyOID == 0) {
		d.vagueAsks = true
	}
	var o *afOpen
	if cl.o != nil && cl.o.id == uint64(cl.n) {
		o = cl.o
	}
	if cl.has&(format.HasAF|format.HasParty) == format.HasAF|format.HasParty && !isMCm[cl.fn] {
		c.check(rule.OID02)
		if cl.af == 0 && cl.party != 0 {
			fault, a := rule.Client, (*adapter)(nil)
			if cl.b != nil {
				fault, a = c.protocolActor(cl.b), cl.b.adapter
			}
			c.report(rule.OID02, cl.ev, fault, a, c.names[cl.label],
				cl.name()+" carries an NdisPartyHandle and no NdisAfHandle").evident()
		}
	} else if !isMCm[cl.fn] {
		c.lacks(rule.OID02, reasonNoHandle)
	}
	if o != nil && cl.d.has&keyOID != 0 && (isMCm[cl.fn] || c.byManager(cl, o) || o.owner != nil && cl.b == o.owner) {
		switch ndis.OID(cl.d.oid) {
		case ndis.OIDCoSignalingDisabled:
			o.mute.open(cl)
			cl.mute, cl.muteID, cl.muteOff = o, o.id, cl.ev
		case ndis.OIDCoSignalingEnabled:
			o.mute = mark{}
		}
	}
	if !named(cl) {
		c.skip(rule.OID01, reasonNoKey)
		return
	}
	r := c.newRequest(cl, kindRequest)
	c.bindRequest(r, cl.b)
	if o != nil {
		r.o, r.afid = o, o.id
		if r.b == nil && o.owner != nil && isMCm[cl.fn] {
			c.bindRequest(r, o.owner)
		}
	}
}

func returnOidRequest(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	c.passedThrough(cl, at)
	if o := cl.mute; o != nil && o.id == cl.muteID && o.mute.enter.seq == cl.muteOff.seq {
		if known && st != ndis.StatusSuccess && st != ndis.StatusPending {
			o.mute = mark{} // the client was not told
		} else {
			o.mute.shut(at)
		}
	}
	r := cl.q
	if r == nil || r.id != cl.qid {
		return
	}
	c.check(rule.OID01)
	early := r.op.done
	if r.op.returned(at, st, known) == opUnpended && r.strict {
		c.report(rule.OID01, early, rule.NDIS, r.adapter(), c.names[r.label],
			"NDIS called ProtocolCoOidRequestComplete for a request that did not pend", cl.ev, at)
	}
	c.settleRequest(r)
}

func enterOidComplete(c *Checker, cl *call) {
	if !named(cl) {
		c.unnamedAnswer(cl, kindRequest)
		return
	}
	r := c.requestOf(key{kindRequest<<56 | cl.ns, cl.d.oidRequest}, cl.label)
	switch {
	case r == nil:
		c.skip(rule.OID01, reasonAssumed)
		return
	case cl.d.caller == callerSelf:
		return
	}
	cl.q, cl.qid = r, r.id
	c.saw(cl, c.labelled(r.label), true)
	prev := r.op.done
	if fault := r.op.complete(cl.ev); fault == opTwice || fault == opUnpended {
		if cl.d.caller == callerUnknown {
			c.skip(rule.OID01, reasonCaller)
			return
		}
		c.check(rule.OID01)
		c.report(rule.OID01, cl.ev, rule.NDIS, r.adapter(), c.names[r.label],
			"NDIS called "+cl.name()+" for a request that was not pending", r.op.call, r.op.ret, prev)
		return
	}
	c.check(rule.OID01)
	r.strict = cl.d.caller == callerNDIS
	c.settleRequest(r)
}

// --- the side that answers ---

// enterOidUpcall is the entry of ProtocolCoOidRequest.
func enterOidUpcall(c *Checker, cl *call) {
	c.peerUpcall(cl)
	p := cl.parent
	if p != nil && (!cl.thread.known || !asksOid[p.fn]) {
		p = nil
	}
	if p != nil && p.has&format.HasAF != 0 && p.af == 0 && sameRequest(p, cl) {
		c.check(rule.OID02)
		var a *adapter
		if p.b != nil {
			a = p.b.adapter
		}
		c.report(rule.OID02, cl.ev, rule.NDIS, a, c.names[p.label],
			"a request without an NdisAfHandle went to "+cl.name()+" in place of the miniport", p.ev)
	}
	client, o := c.answering(cl, p)
	if o != nil && client && cl.d.has&keyOID != 0 && ndis.OID(cl.d.oid) == ndis.OIDCoAFClose {
		if o.client != nil {
			c.saw(cl, o.client.driver, true)
		}
		if !o.asked.seen() && o.closeMark.state == markNone && alive(o) {
			o.asked = cl.ev
		}
	}
	if !named(cl) {
		c.skip(rule.LEAK02, reasonNoKey)
		return
	}
	r := c.newRequest(cl, kindAnswer)
	c.joinRequest(r, p)
	if o == nil {
		return
	}
	r.o, r.afid = o, o.id
	if client {
		c.bindRequest(r, o.client)
	} else {
		c.bindRequest(r, o.owner)
	}
}

// asksOid are the calls that make a request.
var asksOid = [ndis.NumFuncs]bool{ndis.NdisCoOidRequest: true, ndis.NdisMCmOidRequest: true, ndis.NdisCoRequest: true, ndis.NdisMCmRequest: true}

// sameRequest says that nothing contradicts that the callback cl is about the request that
// the call p around it makes.
func sameRequest(p, cl *call) bool {
	return p.d.has&keyOIDRequest == 0 || cl.d.has&keyOIDRequest == 0 || p.d.oidRequest == cl.d.oidRequest
}

// joinRequest finds the side that asks: the call around the callback, or the only
// outstanding request of that address.
func (c *Checker) joinRequest(r *request, p *call) {
	if p != nil && p.q != nil && p.q.id == p.qid {
		p.q.peer, p.q.peerID = r, r.id
		r.peer, r.peerID = p.q, p.qid
		return
	}
	x, _ := c.requests.get(key{kindRequest<<56 | r.k.space<<8>>8, r.k.value})
	if x != nil && x.next == nil && x.peer == nil && x.op.running() {
		x.peer, x.peerID = r, r.id
		r.peer, r.peerID = x, x.id
	}
}

// answering finds the AF open that a request to a protocol is about, and whether it is the
// client that gets it.
func (c *Checker) answering(cl, p *call) (client bool, o *afOpen) {
	if p != nil && p.o != nil && p.o.id == uint64(p.n) {
		o = p.o
		return isMCm[p.fn] || c.byManager(p, o) || o.owner != nil && p.b == o.owner, o
	}
	x, y := c.clientOpen(cl, alive), c.managerOpen(cl, alive)
	if x != nil && x.client == nil {
		x = nil
	}
	switch {
	case x != nil && y != nil && x != y || x == nil && y == nil:
		return false, nil
	case x != nil:
		return true, x
	}
	return false, y
}

// enterMiniportOidUpcall is the entry of MiniportCoOidRequest.
func enterMiniportOidUpcall(c *Checker, cl *call) {
	a := c.adapterOf(cl)
	if a == nil {
		a = c.adapterForContext(cl)
	}
	cl.a = a
	p := cl.parent
	if p != nil && (!cl.thread.known || !asksOid[p.fn]) {
		p = nil
	}
	if p != nil && p.has&format.HasAF != 0 && p.af == 0 && p.b != nil && p.b.adapter != nil && a != nil && sameRequest(p, cl) {
		c.check(rule.OID02)
		if a != p.b.adapter {
			c.report(rule.OID02, cl.ev, rule.NDIS, p.b.adapter, c.names[p.label],
				"a request without an NdisAfHandle went to the miniport of another adapter", p.ev).
				since(p.b.opened) // whose handle it is rests on what was lost since
		}
	}
	if !named(cl) {
		c.skip(rule.UNLOAD03, reasonNoKey)
		return
	}
	r := c.newRequest(cl, kindAnswer)
	r.a = a
	c.joinRequest(r, p)
}

func returnOidUpcall(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	r := cl.q
	if r == nil || r.id != cl.qid {
		return
	}
	r.op.returned(at, st, known)
	if r.a != nil && r.listed {
		r.a.requests++
	}
	c.settleRequest(r)
}

// enterOidAnswer is the entry of the functions that complete a request.
func enterOidAnswer(c *Checker, cl *call) {
	c.passThrough(cl)
	if !named(cl) {
		c.unnamedAnswer(cl, kindAnswer)
		return
	}
	r := c.requestOf(key{kindAnswer<<56 | cl.ns, cl.d.oidRequest}, cl.label)
	if r == nil || !r.listed {
		return
	}
	c.saw(cl, c.labelled(r.label), false)
	if r.op.state == opPended {
		c.check(rule.LEAK02)
		c.answeredInHalt(cl, r)
	}
	r.op.complete(cl.ev)
	c.settleRequest(r)
}

func returnOidAnswer(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	c.passedThrough(cl, at)
}

// --- OID-03 ---

// enterMuted notes a call that a call manager lets through although it has told the client
// that signaling is disabled. It stands if signaling is still disabled at the return.
func (c *Checker) enterMuted(cl *call, o *afOpen) {
	if o == nil || o.assumed {
		return
	}
	c.check(rule.OID03)
	if c.before(&o.mute, cl) {
		cl.mute, cl.muteID, cl.muteOff = o, o.id, o.mute.enter
	}
}

func returnMuted(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	if cl.mute == nil {
		return
	}
	if c.unsure > 0 {
		x := *cl
		c.hold(at, func() { c.stillMute(&x, at) })
		return
	}
	c.stillMute(cl, at)
}

func (c *Checker) stillMute(cl *call, at ev) {
	o := cl.mute
	if o.id != cl.muteID || o.mute.enter.seq != cl.muteOff.seq {
		return
	}
	c.report(rule.OID03, cl.ev, rule.CallManager, o.adapter, c.managerName(o),
		cl.name()+" lets a call through after OID_CO_SIGNALING_DISABLED", o.mute.enter, at)
}

func enterMutedDispatch(c *Checker, cl *call) {
	if s, _ := c.sapOf(cl); s != nil && s.known() {
		c.enterMuted(cl, s.o)
	}
}

func enterMutedMakeCall(c *Checker, cl *call) {
	if cl.has&format.HasStatus != 0 && cl.status == ndis.StatusSuccess {
		c.enterMuted(cl, c.openOfVc(cl))
	}
}

// openOfVc finds the AF open of the VC that a row names.
func (c *Checker) openOfVc(cl *call) *afOpen {
	if cl.has&format.HasVC == 0 || cl.vc == 0 {
		return nil
	}
	if v, ok := c.vcs.get(key{kindVC<<56 | cl.ns, cl.vc}); ok && v.o != nil && v.o.id == v.oid {
		return v.o
	}
	return nil
}

// --- OID-04 ---

// closesAsked notes that a client does as OID_CO_AF_CLOSE asks it to.
func closesAsked(c *Checker, cl *call) {
	if o := cl.o; o != nil && o.id == uint64(cl.n) && o.asked.seen() {
		c.check(rule.OID04)
	}
}

// unclosed reports that the client of o received OID_CO_AF_CLOSE and never closed the AF.
// over is the row that ended the wait.
func (c *Checker) unclosed(o *afOpen, over ev) *finding {
	if !o.asked.seen() || o.assumed || o.over || o.reopened || o.closeMark.state != markNone || o.state != afOpened || o.client == nil {
		return nil
	}
	if !captured(o.client.driver, false) || !o.hasHdl {
		c.skip(rule.OID04, reasonNoCalls)
		return nil
	}
	c.check(rule.OID04)
	o.over = true
	return c.report(rule.OID04, o.asked, rule.Client, o.adapter, c.clientName(o),
		"the client received OID_CO_AF_CLOSE and never closed the AF", o.openEnter, over)
}

// --- what is missing ---

// unansweredRequest reports, at the end of the trace, the link that is missing.
func (c *Checker) unansweredRequest(r *request) {
	if r.missed || !r.op.outstanding() {
		return
	}
	d := c.labelled(r.label)
	if r.answer {
		if !captured(d, false) {
			c.skip(rule.LEAK02, reasonNoCalls)
			return
		}
		c.check(rule.LEAK02)
		fault := rule.Miniport
		if r.a == nil {
			fault = rule.CallManager
			if r.b != nil && r.o != nil && r.o.id == r.afid && r.b == r.o.client {
				fault = rule.Client
			}
		}
		c.report(rule.LEAK02, r.op.ret, fault, r.adapter(), c.names[r.label],
			"an OID request pended and was never completed", r.op.call).untilEnd()
		return
	}
	p := r.peer
	switch {
	case !captured(d, true):
		c.skip(rule.OID01, reasonNoUpcalls)
	case p != nil && !r.reply.seen():
		c.skip(rule.OID01, reasonAmbiguous) // it waits for the other side
	case p == nil:
		c.skip(rule.OID01, reasonNoUpcalls)
	default:
		c.check(rule.OID01)
		c.report(rule.OID01, r.op.ret, rule.NDIS, r.adapter(), c.names[r.label],
			"the request pended and NDIS never called ProtocolCoOidRequestComplete", r.op.call, r.reply).
			also(rule.LEAK02).untilEnd()
	}
}
