package replay

import (
	"strings"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// Calls and their quality of service (rules CALL and QOS).

// vcCall is what a VC knows of the call that it carries.
type vcCall struct {
	state      callState
	calls      uint64 // how many there were
	began      ev
	multipoint tri
	make       vcOp   // NdisClMakeCall
	cmMake     vcOp   // ProtocolCmMakeCall
	dispatch   vcOp   // Ndis(M)CmDispatchIncomingCall
	incoming   vcOp   // ProtocolClIncomingCall
	close      vcOp   // NdisClCloseCall
	cmClose    vcOp   // ProtocolCmCloseCall
	modify     vcOp   // NdisClModifyCallQoS
	cmModify   vcOp   // ProtocolCmModifyCallQoS
	closing    uint64 // the call that is being closed
	several    bool   // it had more than one party when its close succeeded
	closeMark  mark   // NdisClCloseCall
	released   mark   // the close has completed for the client
	closedCall ev     // the close has completed for the call manager
	rejected   ev
	makeFailed ev
	hungUp     ev // ProtocolClIncomingCloseCall
	hungUpBad  ev // with another status than SUCCESS, on a VC of the client
	idleWarned *finding
	notDeact   *finding // CALL-14, reported because AMB-12 is held strictly
	offer      uint64   // parameters of the offer
	hasOffer   bool

	modifyFrom   uint64 // number of activations when the change was asked for
	changedFrom  uint64 // number of activations at the last change
	oldParams    uint64
	hasOldParams bool
	newParams    uint64
	hasNewParams bool

	parties *party
	sends   *send
	nSends  int

	strictAct, strictDeact bool // the completion told that it came from NDIS
}

// busy says that v certainly has a call.
func (v *vc) busy() bool { return v.state != callIdle && v.state != callUnknown }

// callers is the side that a function belongs to.
var callers = func() (of [ndis.NumFuncs]side) {
	for fn := range of {
		of[fn] = sideUnknown
		if ndis.Func(fn) <= ndis.FuncUnknown {
			continue
		}
		name := ndis.Func(fn).String()
		for _, x := range [...]struct {
			prefix string
			side   side
		}{{"NdisCl", sideClient}, {"NdisCm", sideManager}, {"NdisMCm", sideManager}, {"NdisMCo", sideMiniport}} {
			if strings.HasPrefix(name, x.prefix) {
				of[fn] = x.side
			}
		}
	}
	return of
}()

// clientVC finds the VC of a function of clients.
func (c *Checker) clientVC(cl *call) *vc {
	v := c.useVC(cl)
	if v == nil {
		return nil
	}
	d := c.labelled(cl.label)
	if d == nil {
		d = c.vcDriver(v, sideClient)
	}
	c.clientCaller(cl, d, v.home())
	return v
}

// managerVC finds the VC of a function of call managers.
func (c *Checker) managerVC(cl *call) *vc { return c.useVC(cl) }

// begin starts a call on v.
func (c *Checker) begin(cl *call, v *vc, e callEvent) {
	v.step(e)
	v.calls, v.began = v.calls+1, cl.ev
	v.closeMark, v.released = mark{}, mark{}
	v.closedCall, v.rejected, v.makeFailed, v.hungUp, v.hungUpBad = ev{}, ev{}, ev{}, ev{}, ev{}
	v.idleWarned, v.notDeact, v.hasOffer, v.multipoint = nil, nil, false, unknown
	cl.gen = v.calls
}

// occupied says, at the entry of what starts a call, that the VC has one already. Whether it
// still has when the call returns decides (CALL-02).
func (c *Checker) occupied(cl *call, v *vc) bool {
	if !v.busy() {
		return false
	}
	cl.flag, cl.gen = true, v.calls
	return true
}

// stillOccupied judges CALL-02 at the return of the call.
func (c *Checker) stillOccupied(cl *call, v *vc, s side, at ev) {
	if !c.vcReady(rule.CALL02, v) {
		return
	}
	if !c.captured(v, sideClient, false) || !c.captured(v, sideManager, false) {
		return // how the other call ended would not show
	}
	if v.calls == cl.gen && v.busy() && v.close.state != opCalled && v.cmClose.state != opCalled {
		c.vcReport(rule.CALL02, cl.ev, s, v, cl.name()+" was called for a VC that has a call already", v.began, at)
		return
	}
	if v.state == callIdle {
		v.step(callLost) // the earlier one ended meanwhile: what this one does was not followed
	}
}

// ended takes the call off v.
func (c *Checker) ended(v *vc, at ev, t thread) {
	if v.state == callUnknown {
		return
	}
	v.step(callEnd)
	c.endParties(v, at, t)
}

// --- outgoing calls ---

func enterMakeCall(c *Checker, cl *call) {
	v := c.clientVC(cl)
	if v == nil {
		return
	}
	if v.creator == sideUnknown {
		c.skip(rule.CALL01, reasonAssumed)
	} else {
		c.check(rule.CALL01)
	}
	if v.creator == sideManager {
		f := c.vcReport(rule.CALL01, cl.ev, sideClient, v, "the client makes a call on a VC that the call manager created", v.since)
		if c.before(&v.released, cl) {
			f.also(rule.CALL15)
		}
		cl.flag, cl.v = true, nil
		return
	}
	if c.occupied(cl, v) {
		return
	}
	c.check(rule.CALL02)
	c.check(rule.CALL17)
	if passed(v.hungUpBad, cl) {
		c.vcReport(rule.CALL17, cl.ev, sideClient, v,
			"the client uses a VC again whose call was closed with another CloseStatus than SUCCESS", v.hungUpBad)
	}
	c.begin(cl, v, callMake)
	v.make.ask(cl.ev)
	if cl.has&format.HasContext == 0 {
		c.skip(rule.PARTY08, reasonNoContext)
		return
	}
	v.multipoint = no
	if cl.context == 0 {
		c.check(rule.PARTY08)
		return
	}
	v.multipoint = yes
	switch cl.d.multipointVC() {
	case no:
		c.check(rule.PARTY08)
		c.vcReport(rule.PARTY08, cl.ev, sideClient, v, "the make-call of a point-to-point call has a ProtocolPartyContext").evident()
		v.multipoint = unknown
	case unknown:
		c.skip(rule.PARTY08, reasonNoKey)
	default:
		c.check(rule.PARTY08)
	}
	p := c.newParty(cl, v)
	c.addPartyContext(p, sideClient, cl.context)
	p.first = true
}

// multipointVC says whether the call parameters are those of a multipoint call.
func (d *detail) multipointVC() tri {
	switch {
	case d.has&keyMultipoint != 0 && d.multipoint, d.has&keyFlags != 0 && ndis.CallFlags(d.flags)&ndis.MultipointVC != 0:
		return yes
	case d.has&(keyMultipoint|keyFlags) != 0:
		return no
	}
	return unknown
}

func returnMakeCall(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	v := cl.vcOf()
	if v == nil {
		return
	}
	if cl.flag {
		c.stillOccupied(cl, v, sideClient, at)
		return
	}
	v.make.returned(cl, at, known, st)
	if v.calls != cl.gen {
		return
	}
	if h, ok := c.outParty(); ok {
		c.nameParty(cl.partyOf(), h)
	}
	c.madeForClient(v, at, known, st, cl.thread)
}

// madeForClient takes what the client is told of its call, where the call manager's answer
// is not in the trace.
func (c *Checker) madeForClient(v *vc, at ev, known bool, st ndis.Status, t thread) {
	switch {
	case v.state != callOut && v.state != callIdle:
	case !known:
		v.step(callLost)
	case st == ndis.StatusPending:
	case st == ndis.StatusSuccess:
		if v.state == callOut && v.cmMake.call.n < v.make.call.n {
			v.step(callMade)
			v.changedFrom = v.activated
			c.firstParty(v, at, true, t)
		}
	default:
		v.makeFailed = at
		c.ended(v, at, t)
	}
}

func enterCmMakeCall(c *Checker, cl *call) {
	v := c.calledVC(cl, sideManager, cl.context, cl.has&format.HasContext != 0, ndis.NdisClMakeCall)
	if v == nil {
		c.skip(rule.CALL03, reasonNoContext)
		return
	}
	v.cmMake.ask(cl.ev)
	cl.gen = v.calls
	p := v.firstOf()
	cl.p, cl.pid = p, p.ident()
	if cl.has&format.HasParty == 0 {
		return
	}
	if p != nil {
		c.nameParty(p, cl.party)
	} else if cl.party != 0 && v.multipoint == no {
		c.check(rule.PARTY08)
		c.vcNDIS(rule.PARTY08, cl.ev, sideManager, v, "ProtocolCmMakeCall of a point-to-point call has an NdisPartyHandle", v.make.call)
	}
}

func returnCmMakeCall(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	v := cl.vcOf()
	if v == nil {
		return
	}
	c.answered(cl, &v.cmMake, at, known, st, rule.CALL03, sideManager, v)
	if !known && v.calls == cl.gen && v.state == callOut {
		v.step(callLost)
	}
	if !known || st == ndis.StatusPending || v.calls != cl.gen {
		return
	}
	if st == ndis.StatusSuccess && c.b != nil && c.b.Phase[c.i] == format.PhaseReturn && c.b.Has[c.i]&format.HasContext != 0 {
		c.managerParty(cl, v, cl.partyOf(), c.b.Context[c.i], at)
	}
	c.made(cl, v, at, st, at)
}

// made takes the call manager's answer to a make-call; row is where it stands.
func (c *Checker) made(cl *call, v *vc, row ev, st ndis.Status, at ev) {
	if st != ndis.StatusSuccess {
		if v.state == callOut || v.state == callIdle {
			v.makeFailed = row
			c.ended(v, row, cl.thread)
		}
		return
	}
	if v.state == callOut {
		v.step(callMade)
		v.changedFrom = v.activated
	}
	c.firstParty(v, row, true, cl.thread)
	switch {
	case !c.captured(v, sideManager, false):
		c.skip(rule.CALL04, reasonNoCalls)
	case v.active == unknown:
		c.skip(rule.CALL04, reasonAssumed)
	case c.vcReady(rule.CALL04, v) && v.inactive():
		c.vcReport(rule.CALL04, row, sideManager, v, "the make-call succeeded although its VC is not active", v.cmMake.call, v.act.last(), at)
	}
}

func enterCmMakeCallComplete(c *Checker, cl *call) {
	v := c.managerVC(cl)
	if v == nil {
		return
	}
	c.vcVariant(cl, v)
	cl.gen = v.calls
	if !c.completed(cl, &v.cmMake, rule.CALL03, sideManager, v, "a make-call") {
		cl.flag = true
		return
	}
	p := v.firstOf()
	cl.p, cl.pid = p, p.ident()
	if p == nil && v.multipoint == no && (cl.has&format.HasParty != 0 && cl.party != 0 || cl.has&format.HasContext != 0 && cl.context != 0) {
		c.check(rule.PARTY08)
		c.vcReport(rule.PARTY08, cl.ev, sideManager, v, cl.name()+" of a point-to-point call has a party", v.make.call)
	}
	if cl.has&format.HasContext != 0 && p != nil {
		c.addPartyContext(p, sideManager, cl.context)
	}
	if cl.has&format.HasStatus == 0 {
		v.step(callLost)
	} else if cl.status != ndis.StatusSuccess {
		c.made(cl, v, cl.ev, cl.status, cl.ev)
	} else if v.state == callOut {
		// The client may use the call from within; whether the VC was active shows at the return.
		v.step(callMade)
		v.changedFrom = v.activated
		c.firstParty(v, cl.ev, true, cl.thread)
	}
}

func returnCmMakeCallComplete(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	v := cl.vcOf()
	if v == nil || cl.flag || cl.has&format.HasStatus == 0 || cl.status != ndis.StatusSuccess || v.calls != cl.gen {
		return
	}
	if v.deactMark.state != markNone && v.deactMark.enter.n > cl.ev.n {
		return // activated and deactivated again meanwhile
	}
	c.made(cl, v, cl.ev, cl.status, at)
}

func enterClMakeCallComplete(c *Checker, cl *call) {
	v := c.calledVC(cl, sideClient, cl.context, cl.has&format.HasContext != 0, ndis.NdisCmMakeCallComplete, ndis.NdisMCmMakeCallComplete)
	if v == nil || cl.d.caller == callerSelf {
		return
	}
	c.delivered(cl, &v.make, rule.None, sideClient, v, "a make-call")
	if cl.has&format.HasParty != 0 {
		c.nameParty(v.firstOf(), cl.party)
	}
	c.madeForClient(v, cl.ev, cl.has&format.HasStatus != 0, cl.status, cl.thread)
}

// --- incoming calls ---

func enterDispatch(c *Checker, cl *call) {
	v := c.managerVC(cl)
	c.dispatchedSap(cl, v)
	if v == nil {
		return
	}
	c.vcVariant(cl, v)
	switch v.creator {
	case sideUnknown:
		c.skip(rule.CALL06, reasonAssumed)
	case sideClient:
		c.check(rule.CALL06)
		c.vcReport(rule.CALL06, cl.ev, sideManager, v, "an incoming call is dispatched on a VC that the client created", v.since)
		cl.flag, cl.v = true, nil
		return
	default:
		c.check(rule.CALL06)
	}
	if c.occupied(cl, v) {
		return
	}
	c.check(rule.CALL02)
	c.begin(cl, v, callDispatch)
	v.dispatch.ask(cl.ev)
	cl.busy = v.inactive()
}

// dispatchedSap judges the SAP of a dispatch: it is registered, or being registered, and
// belongs to the AF open of the VC (CALL-07, CALL-06).
func (c *Checker) dispatchedSap(cl *call, v *vc) {
	if cl.has&format.HasSAP == 0 || cl.sap == 0 {
		c.skip(rule.CALL07, reasonNoHandle)
		return
	}
	gone := func(a *adapter, proof ev) *finding {
		return c.report(rule.CALL07, cl.ev, rule.CallManager, a, c.names[cl.label],
			cl.name()+" uses an NdisSapHandle after the SAP was released", proof).also(rule.SAP06, rule.USE02)
	}
	s, d := c.sapOf(cl)
	switch {
	case d != nil && d.maybe:
		c.skip(rule.CALL07, reasonAssumed)
	case d != nil:
		c.check(rule.CALL07)
		if c.before(&d.cmDone, cl) || d.failed && passed(d.cmReg.last, cl) {
			proof := d.cmDone.enter
			if d.failed {
				proof = d.cmReg.last
			}
			gone(nil, proof).Adapter = d.adapter
		}
	case s != nil:
		c.check(rule.CALL07)
		if c.before(&s.cmDone, cl) {
			gone(s.adapter(), s.cmDone.enter)
			return
		}
		if v == nil || !s.known() || v.open() == nil || v.o.assumed || s.o.assumed {
			return
		}
		if s.o != v.o {
			c.vcReport(rule.CALL06, cl.ev, sideManager, v, "an incoming call is dispatched on a VC of another AF open than the SAP", v.since, s.since)
		}
	case !c.fresh(cl.label) || c.namelessSap(cl, v) || v == nil || !c.captured(v, sideClient, false):
		c.skip(rule.CALL07, reasonAssumed)
	default:
		c.check(rule.CALL07)
		c.report(rule.CALL07, cl.ev, rule.CallManager, nil, c.names[cl.label],
			cl.name()+" uses an NdisSapHandle that NDIS never gave out").sinceStart()
	}
}

// namelessSap says that the handle of a SAP is not known, which may be one of the client or
// the adapter of v.
func (c *Checker) namelessSap(cl *call, v *vc) bool {
	if c.lostSaps > 0 {
		return true
	}
	if v != nil && v.open() != nil {
		if d := c.labelled(c.clientLabel(v.open())); d == nil || d.lostSaps > 0 {
			return true
		}
	}
	for s := c.firstSap; s != nil; s = s.next {
		if s.ns != cl.ns || s.hasHdl {
			continue
		}
		if a := s.adapter(); a == nil || v == nil || v.home() == nil || a == v.home() {
			return true
		}
	}
	return false
}

func returnDispatch(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	v := cl.vcOf()
	if v == nil {
		return
	}
	if cl.flag {
		c.stillOccupied(cl, v, sideManager, at)
		return
	}
	v.dispatch.returned(cl, at, known, st)
	if v.calls != cl.gen {
		return
	}
	switch {
	case !c.captured(v, sideManager, false) || v.active == unknown:
		c.skip(rule.CALL06, reasonAssumed)
	case cl.busy && c.vcReady(rule.CALL06, v) && v.activated == 0 && v.inactive():
		v.idleWarned = c.unclear(c.vcReport(rule.CALL06, cl.ev, sideManager, v,
			"an incoming call is dispatched on a VC that is not active yet", v.since, at), rule.AMB10, rule.Warning)
	}
	if v.state == callOffered && v.incoming.call.n < v.dispatch.call.n && !known {
		v.step(callLost)
	}
	if known && v.state == callOffered && v.incoming.call.n < v.dispatch.call.n {
		// The client's answer is not in the trace.
		switch st {
		case ndis.StatusPending:
		case ndis.StatusSuccess:
			v.step(callAccept)
		default:
			v.rejected = at
			c.ended(v, at, cl.thread)
		}
	}
}

func enterIncoming(c *Checker, cl *call) {
	v := c.calledVC(cl, sideClient, cl.context2, cl.has&format.HasContext2 != 0, ndis.NdisCmDispatchIncomingCall, ndis.NdisMCmDispatchIncomingCall)
	if v == nil {
		c.skip(rule.CALL08, reasonNoContext)
		return
	}
	v.incoming.ask(cl.ev)
	v.released = mark{}
	v.offer, v.hasOffer = cl.d.callParams, cl.d.has&keyCallParams != 0
	cl.gen = v.calls
}

func returnIncoming(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	v := cl.vcOf()
	if v == nil {
		return
	}
	c.answered(cl, &v.incoming, at, known, st, rule.CALL08, sideClient, v)
	if !known && v.calls == cl.gen && v.state == callOffered {
		v.step(callLost)
	}
	if !known || st == ndis.StatusPending || v.calls != cl.gen {
		return
	}
	c.offerAnswered(v, at, st, cl.thread)
	if st == ndis.StatusSuccess {
		c.changedOpenly(v, at, cl.ev, cl.d.outParams, cl.d.outFlags, cl.d.has&keyOutParams != 0, cl.d.has&keyOutFlags != 0)
	}
}

// offerAnswered takes the client's answer to an offered call.
func (c *Checker) offerAnswered(v *vc, at ev, st ndis.Status, t thread) {
	if v.state != callOffered {
		return
	}
	if st == ndis.StatusSuccess {
		v.step(callAccept)
		return
	}
	v.rejected = at
	c.ended(v, at, t)
}

// changedOpenly judges that a client which accepts a call with other parameters says so
// (CALL-18).
func (c *Checker) changedOpenly(v *vc, at, proof ev, params, flags uint64, hasParams, hasFlags bool) {
	if !v.hasOffer || !hasParams || !hasFlags {
		c.skip(rule.CALL18, reasonNoKey)
		return
	}
	c.check(rule.CALL18)
	if params != v.offer && ndis.CallFlags(flags)&ndis.CallParametersChanged == 0 {
		c.vcReport(rule.CALL18, at, sideClient, v, "the client changed the call parameters and did not set CALL_PARAMETERS_CHANGED", v.incoming.call, proof)
	}
}

func enterIncomingComplete(c *Checker, cl *call) {
	v := c.clientVC(cl)
	if v == nil {
		return
	}
	if !c.completed(cl, &v.incoming, rule.CALL08, sideClient, v, "the offer of a call") {
		return
	}
	if cl.has&format.HasStatus == 0 {
		v.step(callLost)
		return
	}
	c.offerAnswered(v, cl.ev, cl.status, cl.thread)
	if cl.status == ndis.StatusSuccess {
		c.changedOpenly(v, cl.ev, cl.ev, cl.d.callParams, cl.d.flags, cl.d.has&keyCallParams != 0, cl.d.has&keyFlags != 0)
	}
}

func enterCmIncomingComplete(c *Checker, cl *call) {
	v := c.calledVC(cl, sideManager, cl.context, cl.has&format.HasContext != 0, ndis.NdisClIncomingCallComplete)
	if v == nil {
		return
	}
	c.delivered(cl, &v.dispatch, rule.None, sideManager, v, "a dispatch")
	if v.incoming.call.n < v.dispatch.call.n && cl.has&format.HasStatus != 0 && cl.status != ndis.StatusPending {
		c.offerAnswered(v, cl.ev, cl.status, cl.thread)
	}
}

func enterDispatchConnected(c *Checker, cl *call) {
	v := c.managerVC(cl)
	if v == nil {
		return
	}
	c.vcVariant(cl, v)
	cl.gen = v.calls
	switch v.state {
	case callOffered:
		cl.busy = true
	case callAccepted:
		v.step(callConnect)
		v.changedFrom = v.activated
	case callIdle:
		cl.flag = v.rejected.seen()
	}
}

func returnDispatchConnected(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	v := cl.vcOf()
	if v == nil || v.calls != cl.gen {
		return
	}
	if v.state == callUnknown || v.creator != sideManager {
		c.skip(rule.CALL09, reasonAssumed)
		return
	}
	if !c.captured(v, sideClient, true) && v.dispatch.state != opSync || !c.captured(v, sideClient, false) {
		c.skip(rule.CALL09, reasonNoUpcalls)
		return
	}
	if !c.vcReady(rule.CALL09, v) {
		return
	}
	switch {
	case cl.flag:
		c.vcReport(rule.CALL09, cl.ev, sideManager, v, cl.name()+" was called although the client had rejected the call", v.rejected)
		return
	case cl.busy && v.state == callOffered:
		c.vcReport(rule.CALL09, cl.ev, sideManager, v, cl.name()+" was called although the client has not accepted the call", v.incoming.call, v.incoming.ret, at)
		v.step(callConnect) // what follows from it is no defect of its own
		return
	case cl.busy && v.state == callAccepted:
		v.step(callConnect)
	}
	if v.active == unknown || !c.captured(v, sideManager, false) {
		c.skip(rule.CALL09, reasonAssumed)
		return
	}
	if v.state == callConnected && v.inactive() && (v.activated == 0 || c.before(&v.deactMark, cl)) { // AMB-10
		v.idleWarned.drop()
		c.vcReport(rule.CALL09, cl.ev, sideManager, v, cl.name()+" was called although the VC is not active", v.dispatch.call, at)
	}
	v.changedFrom = v.activated
}

func enterConnected(c *Checker, cl *call) {
	v := c.calledVC(cl, sideClient, cl.context, cl.has&format.HasContext != 0, ndis.NdisCmDispatchCallConnected, ndis.NdisMCmDispatchCallConnected)
	if v != nil && v.state == callAccepted {
		v.step(callConnect)
		v.changedFrom = v.activated
	}
}

// --- beside the rules of calls ---

// whileOpenPends notes that a client begins something new on a call while the open of another
// AF pends on the same binding (OPEN-09). What it has to answer, or ends, is not held against it.
func whileOpenPends(c *Checker, cl *call) {
	v := cl.vcOf()
	if v == nil {
		return
	}
	o := v.open()
	if o == nil || o.assumed || o.client == nil {
		return
	}
	if p := o.client.pending; p != nil && p != o && p.clOpen.state == opPended {
		cl.verdict |= suspectAFPending
		cl.b = o.client
	}
}

func stillWhilePending(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	c.stillPending(cl, at)
}

// sapBeforeCalls notes that a client which was asked to close an AF deregisters a SAP while a
// call is connected that it has not begun to close: calls come first (CLOSE-13).
func sapBeforeCalls(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	s := cl.s
	if s == nil || s.id != cl.sid || !s.known() {
		return
	}
	o := s.o
	if o.assumed || o.sapsFirst || c.unsure > 0 || o.client == nil || !o.clNotify.call.seen() || o.clNotify.call.n > cl.ev.n {
		return
	}
	c.check(rule.CLOSE13)
	for v := o.vcFirst; v != nil; v = v.oNext {
		if v.assumed || v.state != callConnected || v.began.n > cl.ev.n || v.closeMark.state != markNone || !c.captured(v, sideClient, false) || !c.captured(v, sideManager, false) {
			continue
		}
		o.sapsFirst = true
		c.report(rule.CLOSE13, cl.ev, rule.Client, o.adapter, c.clientName(o),
			"the client, which was asked to close the AF, deregisters a SAP before it has closed its calls", o.clNotify.call, v.began, at).
			severity(rule.Info)
		return
	}
}

// --- closing ---

func enterCloseCall(c *Checker, cl *call) {
	v := c.clientVC(cl)
	if v == nil {
		return
	}
	if cl.has&format.HasParty != 0 && cl.party != 0 {
		c.useParty(cl, v)
	}
	if v.close.running() && v.closing == v.calls && (v.close.state == opCalled || c.captured(v, sideClient, true)) {
		cl.flag = true // a second close: the first one has the call
		return
	}
	v.closing = v.calls
	cl.gen = v.calls
	v.close.ask(cl.ev)
	v.closeMark.open(cl)
	cl.busy, v.several = v.liveParties() > 1, false
}

func returnCloseCall(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	v := cl.vcOf()
	if v == nil || cl.flag {
		return
	}
	if cl.busy && v.multipoint == yes && c.vcReady(rule.CALL16, v) && (v.several || v.liveParties() > 1) {
		c.vcReport(rule.CALL16, cl.ev, sideClient, v, "the client closes a call that has more than one party", at, v.began)
	} else {
		c.check(rule.CALL16)
	}
	if v.closeMark.enter.n == cl.ev.n {
		v.closeMark.shut(at)
	}
	v.close.returned(cl, at, known, st)
	if !known {
		c.closedSomehow(v)
		return
	}
	if st == ndis.StatusPending {
		return
	}
	m := mark{enter: cl.ev, ret: at, thread: cl.thread, state: markReturned}
	c.closedForClient(v, m, st)
}

// closedSomehow takes an end of the close whose outcome is not known.
func (c *Checker) closedSomehow(v *vc) {
	v.closeMark = mark{}
	if v.closing == v.calls {
		v.step(callLost)
	}
}

// closedForClient takes the end of NdisClCloseCall.
func (c *Checker) closedForClient(v *vc, m mark, st ndis.Status) {
	if st != ndis.StatusSuccess {
		// The call is as it was: that it is being closed is no state of its own (AMB-12).
		if v.closing == v.calls {
			v.closeMark = mark{}
		}
		return
	}
	v.released = m
	if v.closing == v.calls {
		at := m.ret
		if !at.seen() {
			at = m.enter
		}
		v.several = v.several || v.liveParties() > 1
		c.ended(v, at, m.thread)
	}
}

func enterCmCloseCall(c *Checker, cl *call) {
	v := c.calledVC(cl, sideManager, cl.context, cl.has&format.HasContext != 0, ndis.NdisClCloseCall)
	if v == nil {
		c.skip(rule.CALL13, reasonNoContext)
		return
	}
	v.cmClose.ask(cl.ev)
	cl.gen = v.calls
	if v.closing != v.calls { // the client's part is not in the trace
		v.closing = v.calls
	}
}

func returnCmCloseCall(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	v := cl.vcOf()
	if v == nil {
		return
	}
	c.answered(cl, &v.cmClose, at, known, st, rule.CALL13, sideManager, v)
	switch {
	case v.calls != cl.gen:
	case !known:
		c.closedSomehow(v)
	case st == ndis.StatusSuccess:
		c.closedByManager(cl, v, at)
	}
}

// closedByManager takes the success of the call manager in closing a call.
func (c *Checker) closedByManager(cl *call, v *vc, at ev) {
	if v.closing == v.calls && v.close.call.seen() {
		v.several = v.liveParties() > 1
		if v.multipoint == yes && !v.assumed {
			c.check(rule.CALL16)
			if v.several {
				c.vcReport(rule.CALL16, at, sideManager, v, "the call manager closes a call that has more than one party", v.close.call)
			}
		}
	}
	v.closedCall = at
	if c.opt.Strict.Has(rule.AMB12) && v.isActive() && !v.deact.running() && c.captured(v, sideManager, false) && c.vcReady(rule.CALL14, v) {
		v.notDeact = c.unclear(c.vcReport(rule.CALL14, at, sideManager, v,
			"the close of the call is complete, and the call manager has not deactivated the VC", v.close.call), rule.AMB12, rule.Error)
	}
	if v.closing == v.calls {
		c.ended(v, at, cl.thread)
	}
}

func enterCmCloseCallComplete(c *Checker, cl *call) {
	v := c.managerVC(cl)
	if v == nil {
		return
	}
	c.vcVariant(cl, v)
	if !c.completed(cl, &v.cmClose, rule.CALL13, sideManager, v, "the close of a call") {
		cl.flag = true
		return
	}
	switch {
	case cl.has&format.HasStatus == 0:
		c.closedSomehow(v)
	case cl.status == ndis.StatusSuccess:
		if v.closing != v.calls {
			v.closing = v.calls
		}
		c.closedByManager(cl, v, cl.ev)
	}
}

func enterClCloseCallComplete(c *Checker, cl *call) {
	v := c.calledVC(cl, sideClient, cl.context, cl.has&format.HasContext != 0, ndis.NdisCmCloseCallComplete, ndis.NdisMCmCloseCallComplete)
	if v == nil || cl.d.caller == callerSelf {
		return
	}
	c.delivered(cl, &v.close, rule.None, sideClient, v, "a close")
	if cl.has&format.HasStatus == 0 {
		c.closedSomehow(v)
	} else {
		var m mark
		m.open(cl)
		c.closedForClient(v, m, cl.status)
	}
}

func returnClCloseCallComplete(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	if v := cl.vcOf(); v != nil && v.released.enter.n == cl.ev.n && v.released.state == markEntered {
		v.released.shut(at)
	}
}

func enterDispatchClose(c *Checker, cl *call) {
	if v := c.managerVC(cl); v != nil {
		c.vcVariant(cl, v)
	}
}

func enterIncomingClose(c *Checker, cl *call) {
	v := c.calledVC(cl, sideClient, cl.context, cl.has&format.HasContext != 0, ndis.NdisCmDispatchIncomingCloseCall, ndis.NdisMCmDispatchIncomingCloseCall)
	if v == nil {
		c.skip(rule.CALL11, reasonNoContext)
		return
	}
	v.hungUp = cl.ev
	if v.creator == sideClient && cl.has&format.HasStatus != 0 && cl.status != ndis.StatusSuccess {
		v.hungUpBad = cl.ev
	}
}

// leftCalls judges, when the close m of an AF has returned at, what the client should have
// done before with its calls (CALL-05, CALL-11, PARTY-06). It says whether that explains why
// something was live (CLOSE-02).
func (c *Checker) leftCalls(o *afOpen, cl *call, at ev) (explains bool) {
	if o.assumed {
		return false
	}
	for v := o.vcFirst; v != nil; v = v.oNext {
		if !v.since.seen() || v.since.n > cl.ev.n || v.leaving() || v.assumed || !c.sees(v) {
			continue
		}
		c.check(rule.CALL11)
		if v.hungUp.seen() && v.hungUp.n < cl.ev.n && v.closeMark.state == markNone && v.busy() {
			if explains {
				c.extend(o.overfull, v.hungUp)
			} else {
				explains = true
				o.overfull = c.vcReport(rule.CALL11, cl.ev, sideClient, v,
					"the client closes an AF without having answered ProtocolClIncomingCloseCall with NdisClCloseCall", v.hungUp, at).
					also(rule.CLOSE02, rule.CLOSE13)
			}
		}
		c.check(rule.CALL05)
		if v.makeFailed.seen() && v.makeFailed.n < cl.ev.n && v.state == callIdle {
			c.vcReport(rule.CALL05, cl.ev, sideClient, v,
				"the client closes an AF and has not deleted the VC of a make-call that failed", v.makeFailed, at)
		}
		for p := v.parties; p != nil; p = p.next {
			c.check(rule.PARTY06)
			if p.asked.seen() && p.asked.n < cl.ev.n && p.drop.state == markNone && v.closeMark.state == markNone && v.busy() {
				c.vcReport(rule.PARTY06, cl.ev, sideClient, v,
					"the client closes an AF without having answered ProtocolClIncomingDropParty", p.asked, at)
			}
		}
	}
	return explains
}

// leftActive judges, when the call manager has closed o at at, that it deactivated the VCs of
// calls that were rejected or closed (CALL-10, CALL-14).
func (c *Checker) leftActive(o *afOpen, at ev) {
	if o.assumed {
		return
	}
	for v := o.vcFirst; v != nil; v = v.oNext {
		if !v.since.seen() || v.assumed || v.leaving() || !v.rejected.seen() && !v.closedCall.seen() {
			continue
		}
		if !c.captured(v, sideManager, false) || v.active == unknown {
			c.skip(rule.CALL14, reasonNoCalls)
			continue
		}
		id, msg, why := rule.CALL14, "the AF is closed, and the call manager has not deactivated a VC after the close of its call", v.closedCall
		if v.rejected.seen() {
			id, msg, why = rule.CALL10, "the AF is closed, and the call manager has not deactivated the VC of a call that was rejected", v.rejected
		}
		if c.vcReady(id, v) && v.isActive() {
			v.notDeact.drop()
			c.vcReport(id, at, sideManager, v, msg, why)
		}
	}
}

// --- sends ---

// send is a send of a client that has not been completed.
type send struct {
	nbl  uint64
	at   ev
	next *send
}

// maxSends bounds how many outstanding sends of a VC are followed.
const maxSends = 256

func (c *Checker) sent(cl *call, v *vc) {
	if cl.d.has&keyNbl == 0 || cl.d.nbl == 0 {
		c.skip(rule.CALL12, reasonNoKey)
		return
	}
	for s := v.sends; s != nil; s = s.next {
		if s.nbl == cl.d.nbl {
			s.at = cl.ev // its completion went unseen
			return
		}
	}
	if v.nSends == maxSends {
		c.skip(rule.CALL12, reasonAmbiguous)
		return
	}
	var s *send
	if s = c.freeSends; s != nil {
		c.freeSends = s.next
	} else {
		s = new(send)
	}
	*s = send{cl.d.nbl, cl.ev, v.sends}
	v.sends = s
	v.nSends++
}

// enterSendComplete judges that a send had come back before the client closed the call
// (CALL-12).
func enterSendComplete(c *Checker, cl *call) {
	v := c.calledVC(cl, sideClient, cl.context, cl.has&format.HasContext != 0, ndis.NdisMCoSendNetBufferListsComplete)
	if v == nil || cl.d.has&keyNbl == 0 {
		return
	}
	for at := &v.sends; *at != nil; at = &(*at).next {
		s := *at
		if s.nbl != cl.d.nbl {
			continue
		}
		*at = s.next
		v.nSends--
		c.check(rule.CALL12)
		if v.closeMark.state == markReturned && s.at.n < v.closeMark.enter.n && c.before(&v.closeMark, cl) {
			c.vcReport(rule.CALL12, v.closeMark.enter, sideClient, v, "the client closes a call while a send is outstanding", s.at, cl.ev)
		}
		s.next, c.freeSends = c.freeSends, s
		return
	}
}

// --- quality of service ---

func enterModify(c *Checker, cl *call) {
	if v := c.clientVC(cl); v != nil {
		v.modify.ask(cl.ev)
	}
}

func returnModify(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	if v := cl.vcOf(); v != nil {
		v.modify.returned(cl, at, known, st)
	}
}

func enterCmModify(c *Checker, cl *call) {
	v := c.calledVC(cl, sideManager, cl.context, cl.has&format.HasContext != 0, ndis.NdisClModifyCallQoS)
	if v == nil {
		c.skip(rule.QOS01, reasonNoContext)
		return
	}
	v.cmModify.ask(cl.ev)
	v.modifyFrom = v.activated
	v.oldParams, v.hasOldParams = v.params, v.hasParams
	v.newParams, v.hasNewParams = cl.d.callParams, cl.d.has&keyCallParams != 0
}

func returnCmModify(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	v := cl.vcOf()
	if v == nil {
		return
	}
	c.answered(cl, &v.cmModify, at, known, st, rule.QOS01, sideManager, v)
	if known && st != ndis.StatusPending && v.cmModify.call.n == cl.ev.n {
		c.modified(v, at, st, v.modifyFrom, v.activated)
	}
}

func enterCmModifyComplete(c *Checker, cl *call) {
	v := c.managerVC(cl)
	if v == nil {
		return
	}
	c.vcVariant(cl, v)
	// Before this call is back, the next change may have begun.
	cl.gen, cl.activated = v.modifyFrom, v.activated
	cl.flag = !c.completed(cl, &v.cmModify, rule.QOS01, sideManager, v, "a change of QoS")
}

func returnCmModifyComplete(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	if v := cl.vcOf(); v != nil && !cl.flag && cl.has&format.HasStatus != 0 {
		c.modified(v, cl.ev, cl.status, cl.gen, cl.activated)
	}
}

// modified judges the call manager's answer to a change of QoS (QOS-02, QOS-03), which was asked
// for after from activations and answered after so many as activated.
func (c *Checker) modified(v *vc, row ev, st ndis.Status, from, activated uint64) {
	id := rule.QOS02
	if st != ndis.StatusSuccess {
		id = rule.QOS03
	}
	if v.cmModify.blurred || !c.captured(v, sideManager, false) {
		c.skip(id, reasonNoCalls)
		return
	}
	if id == rule.QOS03 && (!v.hasOldParams || !v.hasNewParams || !v.hasParams) {
		c.skip(id, reasonNoKey)
		return
	}
	if !c.vcReady(id, v) {
		return
	}
	if id == rule.QOS02 {
		if v.activated == from && v.act.state != opCalled && v.miniAct.state != opCalled {
			c.vcReport(id, row, sideManager, v, "the change of QoS succeeded although the VC was not activated with the new parameters", v.cmModify.call, v.act.last())
		}
		v.changedFrom = activated
		return
	}
	if v.activated != from && v.params == v.newParams && v.newParams != v.oldParams && !v.act.running() {
		c.vcReport(id, row, sideManager, v, "the change of QoS failed, and the VC was left with the new parameters", v.cmModify.call, v.act.last())
	}
	v.changedFrom = activated
}

func enterClModifyComplete(c *Checker, cl *call) {
	v := c.calledVC(cl, sideClient, cl.context, cl.has&format.HasContext != 0, ndis.NdisCmModifyCallQoSComplete, ndis.NdisMCmModifyCallQoSComplete)
	if v != nil {
		c.delivered(cl, &v.modify, rule.None, sideClient, v, "a change of QoS")
	}
}

func enterDispatchQoS(c *Checker, cl *call) {
	if v := c.managerVC(cl); v != nil {
		c.vcVariant(cl, v)
		cl.gen = v.calls
		cl.busy = v.activated == v.changedFrom
	}
}

func returnDispatchQoS(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	v := cl.vcOf()
	if v == nil || v.calls != cl.gen {
		return
	}
	switch {
	case !c.captured(v, sideManager, false):
		c.skip(rule.QOS04, reasonNoCalls)
	case v.state != callConnected:
		c.skip(rule.QOS04, reasonAssumed)
	case c.vcReady(rule.QOS04, v):
		if cl.busy && v.activated == v.changedFrom && v.act.state != opCalled && v.miniAct.state != opCalled {
			c.vcReport(rule.QOS04, cl.ev, sideManager, v, cl.name()+" was called although the VC was not activated with new parameters", v.act.last(), at)
		}
		v.changedFrom = v.activated
	}
}

// enterCalledVC notes the VC of callbacks that no rule judges.
func enterCalledVC(c *Checker, cl *call) {
	c.calledVC(cl, sideClient, cl.context, cl.has&format.HasContext != 0, ndis.NdisCmDispatchIncomingCallQoSChange, ndis.NdisMCmDispatchIncomingCallQoSChange)
}

// enterUsedVC judges the use of a VC by a function that does nothing to it.
func enterUsedVC(c *Checker, cl *call) { c.useVC(cl) }

// followSap notes a registration of a SAP of which the trace does not tell enough.
func followSap(c *Checker, cl *call) {
	if cl.s != nil {
		return
	}
	if d := c.labelled(cl.label); d != nil {
		d.lostSaps++
	} else {
		c.lostSaps++
	}
}

// usedInRequest judges the handles of a VC and a party that an OID request names.
func usedInRequest(c *Checker, cl *call) {
	var v *vc
	if cl.has&format.HasVC != 0 && cl.vc != 0 {
		v = c.useVC(cl)
	}
	if cl.has&format.HasParty != 0 && cl.party != 0 {
		c.useParty(cl, v)
	}
}
