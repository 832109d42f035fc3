package replay

import (
	"slices"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// Virtual connections (rules VC and USE-03).

// side is one of the drivers that share a VC.
type side uint8

const (
	sideClient side = iota
	sideManager
	sideMiniport
	numSides
	sideUnknown = numSides
)

func (s side) actor() rule.Actor {
	switch s {
	case sideManager:
		return rule.CallManager
	case sideMiniport:
		return rule.Miniport
	}
	return rule.Client
}

// peer is who NDIS asks to create and delete a VC of s.
func (s side) peer() side {
	switch s {
	case sideClient:
		return sideManager
	case sideManager:
		return sideClient
	}
	return sideUnknown
}

// vcOp is an op that can be asked again before it has ended. Then the completions cannot
// be told apart, and nothing is said of them.
type vcOp struct {
	op
	blurred bool
}

func (r *vcOp) ask(at ev) {
	r.blurred = r.blurred || r.running()
	r.op.ask(at)
}

func (r *vcOp) returned(cl *call, at ev, known bool, st ndis.Status) opFault {
	if r.call.n != cl.ev.n {
		return opMaybe
	}
	f := r.op.returned(at, st, known)
	if r.blurred {
		return opMaybe
	}
	return f
}

func (r *vcOp) complete(at ev) opFault {
	f := r.op.complete(at)
	if r.blurred {
		return opMaybe
	}
	return f
}

// owes says that a completion is due.
func (r *vcOp) owes() bool { return r.outstanding() && !r.blurred }

// vcContext is the context by which one side knows a VC.
type vcContext struct {
	value uint64
	has   bool
	next  *vc // another one with the same value
}

// vc is a virtual connection with the call that it carries.
type vc struct {
	id        uint64
	ns        uint64
	handle    uint64
	o         *afOpen
	oid       uint64
	since     ev // its creation returned
	counted   bool
	assumed   bool
	signaling bool
	failing   bool // a handler of its creation returned PENDING: NDIS deletes it
	stage     vcState
	mcm       tri
	creator   side
	adapter   *adapter
	driver    *driver // of a signaling VC
	labels    [numSides]uint32
	ctx       [numSides]vcContext
	create    mark
	del       mark
	told      [numSides]bool // of the creation
	untold    [numSides]bool // of the deletion
	vague     bool           // a row may be about it or about another one
	strayed   bool           // a callback for it went to the miniport part of an MCM
	elsewhere strayUpcall

	// activation
	active     tri
	activated  uint64 // how often
	counting   bool   // the activation under way has been counted
	reactivity ev     // a re-activation that failed
	tentative  bool   // an activation of an MCM pended, and was taken for a success (AMB-09)
	wasActive  tri    // before it
	act        vcOp
	miniAct    vcOp
	deact      vcOp
	miniDeact  vcOp
	deactMark  mark
	askParams  uint64 // of the activation under way
	hasAsk     bool
	params     uint64 // of the last activation that succeeded
	hasParams  bool

	vcCall

	prev, next   *vc   // the live ones, oldest first
	oPrev, oNext *vc   // those of the AF open
	note         *Note // of the Tracker
}

// open is the AF open of v, as long as there is one.
func (v *vc) open() *afOpen {
	if v.o != nil && v.o.id == v.oid {
		return v.o
	}
	return nil
}

func (v *vc) home() *adapter {
	if o := v.open(); o != nil && o.adapter != nil {
		return o.adapter
	}
	return v.adapter
}

// inactive says that v is certainly not active: no activation is under way that may have
// taken effect.
func (v *vc) inactive() bool {
	return v.active == no && v.act.state != opCalled && v.miniAct.state != opCalled
}

// isActive says that v is certainly active.
func (v *vc) isActive() bool {
	return v.active == yes && !v.deact.running() && v.deact.state != opEarly
}

func (c *Checker) newVC(cl *call) *vc {
	var v *vc
	if n := len(c.freeVCs); n > 0 {
		v = c.freeVCs[n-1]
		c.freeVCs = c.freeVCs[:n-1]
		*v = vc{}
	} else {
		v = new(vc)
	}
	v.id, v.ns, v.creator, v.active = c.id(), cl.ns, sideUnknown, no
	if v.prev = c.vcLast; v.prev != nil {
		v.prev.next = v
	} else {
		c.vcFirst = v
	}
	c.vcLast = v
	cl.v, cl.vid = v, v.id
	return v
}

// vcOf is the VC that the entry of cl found.
func (cl *call) vcOf() *vc {
	if cl.v != nil && cl.v.id == cl.vid {
		return cl.v
	}
	return nil
}

func (c *Checker) attachVC(v *vc, o *afOpen) {
	v.o, v.oid, v.mcm = o, o.id, o.mcm
	v.labels[sideClient], v.labels[sideManager] = c.clientLabel(o), o.mgrLabel
	if o.adapter != nil && o.adapter.driver != nil {
		v.labels[sideMiniport] = o.adapter.driver.label
	}
	if v.oNext = o.vcFirst; v.oNext != nil {
		v.oNext.oPrev = v
	}
	o.vcFirst = v
}

// dropVC takes v out of the world.
func (c *Checker) dropVC(v *vc) {
	v.lives(vcEnd)
	if v.prev != nil {
		v.prev.next = v.next
	} else {
		c.vcFirst = v.next
	}
	if v.next != nil {
		v.next.prev = v.prev
	} else {
		c.vcLast = v.prev
	}
	if o := v.open(); o != nil {
		if v.oPrev != nil {
			v.oPrev.oNext = v.oNext
		} else {
			o.vcFirst = v.oNext
		}
		if v.oNext != nil {
			v.oNext.oPrev = v.oPrev
		}
	}
	if v.create.state == markEntered {
		c.created(v) // its creation never returned
	}
	if v.handle != 0 {
		c.vcs.delIf(key{kindVC<<56 | v.ns, v.handle}, v)
	}
	for s := range v.ctx {
		c.dropVCContext(v, side(s))
	}
	c.endParties(v, evAt(c.lastSeq, c.lastTS, c.events), thread{})
	v.id = 0
	c.freeVCs = append(c.freeVCs, v)
}

// created takes v off the list of those that are being created.
func (c *Checker) created(v *vc) {
	for i, x := range c.creating {
		if x == v {
			c.creating = append(c.creating[:i], c.creating[i+1:]...)
			return
		}
	}
}

var vcKinds = [numSides]uint64{kindClientVC, kindManagerVC, kindMiniportVC}

func (c *Checker) addVCContext(v *vc, s side, value uint64) {
	if s >= numSides || value == 0 || v.ctx[s].has {
		return
	}
	k := key{vcKinds[s]<<56 | v.ns, value}
	x := &v.ctx[s]
	x.value, x.has = value, true
	x.next, _ = c.vcs.get(k)
	c.vcs.put(k, v)
}

func (c *Checker) dropVCContext(v *vc, s side) {
	if x := &v.ctx[s]; x.has {
		x.has = false
		k := key{vcKinds[s]<<56 | v.ns, x.value}
		if !c.vcs.succeed(k, v, x.next) {
			unchain(&c.vcs, k, v, func(v *vc) **vc { return &v.ctx[s].next })
		}
	}
}

// vcByContext finds the only VC of which value is the context of side s.
func (c *Checker) vcByContext(cl *call, s side, value uint64) *vc {
	if value == 0 {
		return nil
	}
	var found *vc
	head, _ := c.vcs.get(key{vcKinds[s]<<56 | cl.ns, value})
	for v := head; v != nil; v = v.ctx[s].next {
		if l := v.labels[s]; l != 0 && cl.label != 0 && l != cl.label {
			continue
		}
		if found != nil {
			found.vague, v.vague = true, true // the row does not say which
			return nil
		}
		found = v
	}
	return found
}

// strayUpcall is a callback of a creation that runs on another thread. Whether it is one of
// this VC shows when the creation returns the handle.
type strayUpcall struct {
	at     ev
	fn     ndis.Func
	side   side
	handle uint64
}

// nameVC gives v its handle.
func (c *Checker) nameVC(v *vc, h uint64) {
	if h == 0 || v.handle == h {
		return
	}
	k := key{kindVC<<56 | v.ns, h}
	if x, ok := c.vcs.get(k); ok && x != v {
		if !x.assumed && !c.gapSince(x.create.enter.ts) {
			c.defect(DefectHandleClaimed)
		}
		c.buryVC(x, true)
	}
	if v.handle != 0 {
		c.vcs.delIf(key{kindVC<<56 | v.ns, v.handle}, v)
	}
	v.handle = h
	c.vcs.put(k, v)
	c.deadVCs.forget(k)
}

// --- who is who ---

func (c *Checker) vcDriver(v *vc, s side) *driver {
	o := v.open()
	switch s {
	case sideClient:
		if o != nil && o.client != nil {
			return o.client.driver
		}
	case sideManager:
		if o != nil {
			if d := c.managerDriver(o); d != nil {
				return d
			}
		} else if v.driver != nil {
			return v.driver
		}
	case sideMiniport:
		if a := v.home(); a != nil && a.driver != nil {
			return a.driver
		}
	default:
		return nil
	}
	return c.labelled(v.labels[s])
}

// captured says that callbacks (up) or calls of a side show in the trace.
func (c *Checker) captured(v *vc, s side, up bool) bool {
	d := c.vcDriver(v, s)
	return d != nil && (up && d.upSeen || !up && d.downSeen)
}

func (c *Checker) vcName(v *vc, s side) string {
	if s >= numSides {
		return ""
	}
	return c.who(v.labels[s], c.vcDriver(v, s))
}

// vcReport is report for the side s of v. What the VC went through before counts as proof:
// events lost since its creation could explain the finding.
func (c *Checker) vcReport(id rule.ID, at ev, s side, v *vc, message string, proof ...ev) *finding {
	return c.report(id, at, s.actor(), v.home(), c.vcName(v, s), message, proof...).since(v.create.enter)
}

// vcNDIS is vcReport for a fault of NDIS, told of the side s.
func (c *Checker) vcNDIS(id rule.ID, at ev, s side, v *vc, message string, proof ...ev) *finding {
	return c.report(id, at, rule.NDIS, v.home(), c.vcName(v, s), message, proof...).since(v.create.enter)
}

// callerSide is the side that makes a call. Functions of clients and call managers alike
// leave it to the label.
func callerSide(cl *call, client, manager uint32) side {
	switch callers[cl.fn] {
	case sideClient, sideManager, sideMiniport:
		return callers[cl.fn]
	}
	switch {
	case cl.label == 0 || client == manager:
	case cl.label == client:
		return sideClient
	case cl.label == manager:
		return sideManager
	}
	return sideUnknown
}

// sees says that whatever is recorded of v was recognised as being about v: no row came
// without the handle or context that would have told.
func (c *Checker) sees(v *vc) bool {
	if c.blind || v.vague {
		return false
	}
	for s, vague := range c.vague {
		if vague && !v.ctx[s].has {
			return false
		}
	}
	return true
}

// unplaced notes a callback at side s whose VC is not known.
func (c *Checker) unplaced(cl *call, s side) {
	if cl.has&format.HasContext == 0 && cl.has&format.HasContext2 == 0 {
		c.blind = true
	} else {
		c.vague[s] = true
	}
}

// vcReady says whether a rule about what has not happened yet can be judged: the order of
// rows is the order of events, and none is missing.
func (c *Checker) vcReady(id rule.ID, v *vc) bool {
	switch {
	case c.unsure > 0:
		c.skip(id, reasonAmbiguous)
	case !c.sees(v):
		c.skip(id, reasonNoHandle)
	case v.assumed:
		c.skip(id, reasonAssumed)
	default:
		c.check(id)
		return true
	}
	return false
}

// --- use of a handle ---

// clientOrManagerUse finds the AF open of a function that both sides may call.
func (c *Checker) clientOrManagerUse(cl *call) *afOpen {
	if o, ok := c.opens.get(key{kindAF<<56 | cl.ns, cl.af}); ok && o.client != nil {
		if o.owner != nil && o.owner.hasHdl && cl.has&format.HasBinding != 0 && o.owner.handle == cl.binding || c.byManager(cl, o) {
			return c.managerUse(cl, false)
		}
		if cl.label == 0 && (o.closeMark.state != markNone || o.cmDone.state != markNone) &&
			!(cl.has&format.HasBinding != 0 && o.client.hasHdl && o.client.handle == cl.binding) {
			c.eitherSide() // each may use the handle for another time
			return c.handleUse(cl)
		}
	}
	return c.clientUse(cl)
}

// useVC finds the VC whose handle a driver passes.
func (c *Checker) useVC(cl *call) *vc {
	if cl.has&format.HasVC == 0 || cl.vc == 0 {
		c.skip(rule.USE03, reasonNoHandle)
		c.blind = c.blind || cl.has&format.HasVC == 0
		return nil
	}
	k := key{kindVC<<56 | cl.ns, cl.vc}
	if v, ok := c.vcs.get(k); ok {
		c.check(rule.USE03)
		cl.v, cl.vid = v, v.id
		if o := v.open(); o != nil && cl.o == nil {
			cl.o, cl.n = o, int(o.id)
		}
		s := callerSide(cl, v.labels[sideClient], v.labels[sideManager])
		if s < numSides {
			if v.labels[s] == 0 {
				v.labels[s] = cl.label
			}
			c.saw(cl, c.vcDriver(v, s), false)
		}
		if s == sideClient {
			c.usedByClient(cl, v)
		}
		return v
	}
	if d := c.deadVCs.find(k); d != nil {
		c.useDeadVC(cl, d)
		return nil
	}
	c.wrongKind(kindVC, cl.ns, cl.vc)
	if c.fresh(cl.label) && c.namelessVCs == 0 {
		if cl.fn == ndis.NdisClMakeCall {
			c.check(rule.CALL01)
			c.report(rule.CALL01, cl.ev, rule.Client, nil, c.names[cl.label],
				"NdisClMakeCall uses an NdisVcHandle that NDIS never gave out").sinceStart()
		}
		if c.nGaps == 0 {
			c.skip(rule.USE03, reasonNoHandle)
			return nil
		}
	}
	c.skip(rule.USE03, reasonAssumed)
	v := c.assumeVC(cl)
	if s := callers[cl.fn]; s < numSides {
		v.labels[s] = cl.label
	}
	return v
}

// deaf says that the callbacks of the driver of cl are not captured: a handle that it uses
// may be one that was told to it out of sight.
func (c *Checker) deaf(cl *call) bool {
	d := c.labelled(cl.label)
	return d != nil && !d.upSeen
}

// assumeVC makes a VC of which the past is not known, of the handle that cl carries.
func (c *Checker) assumeVC(cl *call) *vc {
	v := c.newVC(cl)
	v.assumed = true
	v.lives(vcKnow)
	v.activity(vcAssume)
	v.step(callLost)
	v.create.open(cl)
	for _, r := range [...]*vcOp{&v.act, &v.miniAct, &v.deact, &v.miniDeact, &v.make, &v.cmMake, &v.dispatch,
		&v.incoming, &v.close, &v.cmClose, &v.modify, &v.cmModify} {
		r.assume()
	}
	c.nameVC(v, cl.vc)
	return v
}

// usedByClient judges a call of the client on a VC that the call manager created
// (CALL-15).
func (c *Checker) usedByClient(cl *call, v *vc) {
	switch cl.fn {
	case ndis.NdisClMakeCall, ndis.NdisCoDeleteVc, ndis.NdisCoSendNetBufferLists:
		return // judged there, by narrower rules
	}
	if v.creator != sideManager {
		return
	}
	c.check(rule.CALL15)
	if c.before(&v.released, cl) {
		c.vcReport(rule.CALL15, cl.ev, sideClient, v,
			cl.name()+" uses a VC of the call manager after the close of its call has completed", v.released.enter)
	}
}

// useDeadVC judges the use of the handle of a VC that was deleted.
func (c *Checker) useDeadVC(cl *call, d *deadVC) {
	s := callerSide(cl, d.labels[sideClient], d.labels[sideManager])
	if d.orphan {
		c.skip(rule.USE03, reasonAssumed)
		return
	}
	if c.deaf(cl) {
		c.lacks(rule.USE03, reasonNoUpcalls)
		return
	}
	c.check(rule.USE03)
	if !c.before(&d.del, cl) {
		return
	}
	fault, who := rule.Client, cl.label
	if s < numSides {
		fault = s.actor()
		if who == 0 {
			who = d.labels[s]
		}
	}
	late := s == sideClient && d.creator == sideManager && c.before(&d.released, cl)
	id, also := rule.USE03, [2]rule.ID{}
	switch {
	case cl.fn == ndis.NdisClMakeCall:
		id, also[0] = rule.CALL01, rule.USE03
		if late {
			also[1] = rule.CALL15
		}
	case late:
		id, also[0] = rule.CALL15, rule.USE03
	}
	f := c.report(id, cl.ev, fault, nil, c.names[who], cl.name()+" uses an NdisVcHandle after the VC was deleted", d.del.enter)
	f.Adapter = d.adapter
	for _, x := range also {
		if x != rule.None {
			f.also(x)
		}
	}
}

// calledVC finds the VC that a callback at side s is about: that of the call it is nested in,
// if that is one of causes, or the one with the context.
func (c *Checker) calledVC(cl *call, s side, value uint64, has bool, causes ...ndis.Func) *vc {
	var v *vc
	if p := cl.parent; p != nil && cl.thread.known && slices.Contains(causes, p.fn) {
		lost := p.gapsAtEnter != c.nGaps // it may have returned out of sight
		if p.flag && !lost {
			return nil // a call that should not be: what follows from it is no defect of its own
		}
		if lost && has {
			v = c.vcByContext(cl, s, value)
		}
		if v == nil && !p.flag {
			v = p.vcOf()
		}
	}
	if v == nil && has {
		v = c.vcByContext(cl, s, value)
	}
	if v == nil {
		c.unplaced(cl, s)
		return nil
	}
	cl.v, cl.vid = v, v.id
	if o := v.open(); o != nil {
		cl.o, cl.n = o, int(o.id)
	}
	if v.labels[s] == 0 {
		v.labels[s] = cl.label
	}
	if cl.d.caller != callerSelf {
		c.saw(cl, c.vcDriver(v, s), true)
	}
	return v
}

// answered takes the return of a request.
func (c *Checker) answered(cl *call, r *vcOp, at ev, known bool, st ndis.Status, id rule.ID, s side, v *vc) {
	early := r.done
	if r.returned(cl, at, known, st) == opUnpended && c.sees(v) {
		c.check(id)
		c.vcReport(id, early, s, v, cl.name()+" was completed although it did not return PENDING", cl.ev, at)
		r.blurred = true
	}
}

// completed takes the completion of a request by the side s. It says whether the completion
// stands.
func (c *Checker) completed(cl *call, r *vcOp, id rule.ID, s side, v *vc, what string, also ...rule.ID) bool {
	asked, ret, prev := r.call, r.ret, r.done
	fault := r.complete(cl.ev)
	if !c.sees(v) {
		fault = opMaybe
	}
	switch fault {
	case opMaybe:
		c.skip(id, reasonAssumed)
	case opUnpended:
		if r.state == opIdle && (v.assumed || !c.captured(v, s, true)) {
			c.skip(id, reasonNoUpcalls)
			break
		}
		c.check(id)
		c.vcReport(id, cl.ev, s, v, cl.name()+" completes "+what+", which is not pending", asked, ret).also(also...)
		return false
	case opTwice:
		c.check(id)
		c.vcReport(id, cl.ev, s, v, cl.name()+" completes "+what+" a second time", asked, ret, prev).also(also...)
		return false
	default:
		c.check(id)
	}
	if cl.has&format.HasStatus != 0 && cl.status == ndis.StatusPending {
		c.vcReport(id, cl.ev, s, v, cl.name()+" carries NDIS_STATUS_PENDING", asked, ret).evident()
		r.assume()
		r.blurred = true
		return false
	}
	return true
}

// delivered takes the completion callback of a request that NDIS makes at side s; the rule is
// None where no rule speaks of it.
func (c *Checker) delivered(cl *call, r *vcOp, id rule.ID, s side, v *vc, what string) {
	if cl.d.caller == callerSelf {
		return
	}
	asked, ret, prev := r.call, r.ret, r.done
	fault := r.complete(cl.ev)
	switch {
	case id == rule.None:
		if fault == opFine {
			c.check(rule.LEAK02)
		}
		return
	case fault == opFine:
		c.check(id)
		return
	case fault == opMaybe, v.assumed, !c.sees(v), r.state == opIdle && !c.captured(v, s, false):
		c.skip(id, reasonAssumed)
		return
	case cl.d.caller == callerUnknown:
		c.skip(id, reasonCaller)
		return
	}
	c.check(id)
	msg := "NDIS called " + cl.name() + " for " + what + " that did not pend"
	if fault == opTwice {
		msg = "NDIS called " + cl.name() + " a second time for one " + what
	}
	f := c.vcNDIS(id, cl.ev, s, v, msg, asked, ret, prev)
	if id == rule.VC09 && fault == opUnpended && v.mcm == yes {
		c.unclear(f, rule.AMB09, rule.Error)
	}
}

// vcVariant judges that a call manager uses the functions of its kind on a VC.
func (c *Checker) vcVariant(cl *call, v *vc) {
	o := v.open()
	if o == nil {
		return
	}
	if cl.fn.Info().Macro || cl.fn.Info().Twin != ndis.FuncNone && cl.fn.Info().Twin.Info().Macro {
		c.variant(cl, o, mcmRule(cl.fn))
		return
	}
	switch {
	case o.mcm == unknown || o.reg == nil:
		c.skip(mcmRule(cl.fn), reasonRole)
	case isMCm[cl.fn] != (o.mcm == yes):
		kind := "stand-alone"
		if o.mcm == yes {
			kind = "miniport"
		}
		c.check(mcmRule(cl.fn))
		c.vcReport(mcmRule(cl.fn), cl.ev, sideManager, v, "a "+kind+" call manager calls "+cl.name(), o.cmOpen.call)
	default:
		c.check(mcmRule(cl.fn))
	}
}

// --- creation ---

func enterCreateVc(c *Checker, cl *call) {
	if cl.fn == ndis.NdisCoCreateVc && cl.has&format.HasBinding != 0 {
		c.useBinding(cl)
	}
	b := cl.b
	v := c.newVC(cl)
	v.create.open(cl)
	c.creating = append(c.creating, v)
	if cl.has&format.HasVC == 0 {
		c.skip(rule.VC13, reasonNoHandle)
	} else {
		c.check(rule.VC13)
	}
	switch {
	case cl.has&format.HasAF == 0:
		c.skip(rule.VC04, reasonNoHandle)
	case cl.af == 0:
		c.signalingVC(cl, v)
	default:
		n := len(c.findings)
		o := c.clientOrManagerUse(cl)
		if b != nil {
			cl.b = b
		}
		cl.found = nil
		for _, f := range c.findings[n:] {
			if f.Rule == rule.CLOSE07 || f.Rule == rule.OPEN18 || f.Rule == rule.USE01 {
				cl.found = f
			}
		}
		if o == nil {
			v.assumed = true // of an AF open that is not known any more
			break
		}
		cl.o, cl.n = o, int(o.id)
		if cl.fn == ndis.NdisMCmCreateVc {
			c.variant(cl, o, rule.ROLE01)
		}
		c.coVariant(cl, o)
		c.attachVC(v, o)
		v.creator = c.creatorOf(cl, o, b)
		if v.creator < numSides && v.labels[v.creator] == 0 {
			v.labels[v.creator] = cl.label
		}
	}
	if cl.has&format.HasContext != 0 {
		c.addVCContext(v, v.creator, cl.context)
	}
	if cl.has&format.HasVC != 0 && cl.vc != 0 {
		s := v.creator
		if s == sideUnknown {
			s = sideClient
		}
		c.vcReport(rule.VC13, cl.ev, s, v, "the variable for the handle of the new VC is not NULL").evident()
	}
}

// signalingVC is a VC without an AF, which a stand-alone call manager makes for itself
// (VC-05).
func (c *Checker) signalingVC(cl *call, v *vc) {
	v.signaling, v.creator, v.mcm = true, sideManager, no
	v.labels[sideManager] = cl.label
	v.driver = c.labelled(cl.label)
	if cl.b != nil {
		v.adapter, v.driver = cl.b.adapter, cl.b.driver
	}
	if v.adapter != nil && v.adapter.driver != nil {
		v.labels[sideMiniport] = v.adapter.driver.label
	}
	if cl.fn != ndis.NdisCoCreateVc {
		return
	}
	switch c.hasRole(v.driver, roleCallManager) {
	case unknown:
		c.skip(rule.VC05, reasonRole)
	case no:
		c.check(rule.VC05)
		c.report(rule.VC05, cl.ev, rule.Client, v.adapter, c.who(cl.label, v.driver),
			"a driver that is no call manager creates a VC without an AF").sinceLoaded(v.driver)
	default:
		c.check(rule.VC05)
	}
}

// creatorOf says which side of o creates a VC.
func (c *Checker) creatorOf(cl *call, o *afOpen, b *binding) side {
	client := c.clientLabel(o)
	switch {
	case cl.fn == ndis.NdisMCmCreateVc:
		return sideManager
	case b != nil && b == o.client && b != o.owner:
		return sideClient
	case b != nil && b == o.owner && b != o.client:
		return sideManager
	}
	return callerSide(cl, client, o.mgrLabel)
}

func returnCreateVc(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	if cl.b != nil && cl.b.id != 0 {
		c.usedBinding(cl, at)
	}
	if o := cl.o; o != nil && o.id == uint64(cl.n) {
		c.stillPending(cl, at)
	}
	v := cl.vcOf()
	if v == nil {
		return
	}
	c.created(v)
	v.create.shut(at)
	if !known {
		v.lives(vcMakeLost)
	}
	if known && st != ndis.StatusSuccess {
		c.buryVC(v, true)
		return
	}
	if known {
		c.check(rule.VC04)
		if f := cl.found; f != nil {
			f.drop()
			g := c.vcNDIS(rule.VC04, at, sideClient, v, cl.name()+" succeeded although its NdisAfHandle is not one of an open AF", cl.ev).also(f.Rule)
			if o := cl.o; o != nil && o.id == uint64(cl.n) && c.before(&o.failedClose, cl) {
				c.unclear(g, rule.AMB07, rule.Error)
			}
			for _, id := range f.Also {
				if id == rule.USE01 || id == rule.OPEN18 {
					g.also(id)
				}
			}
			g.Events = sorted(append(g.Events, f.Events...)...)
			g.from = min(g.from, f.from)
			if g.Driver == "" {
				g.Driver = f.Driver
			}
			if g.Adapter == 0 {
				g.Adapter = f.Adapter
			}
		}
	}
	if known {
		v.lives(vcMake)
	}
	v.since = at
	if c.b != nil && c.b.Phase[c.i] != format.PhaseGap && c.b.Has[c.i]&format.HasVC != 0 {
		c.nameVC(v, c.b.VC[c.i])
	}
	if x := v.elsewhere; known && x.at.seen() {
		c.check(rule.VC02)
		if x.handle == v.handle {
			v.told[x.side] = true
			c.vcNDIS(rule.VC02, x.at, x.side, v, x.fn.String()+" was called on another thread than the creation of the VC", v.create.enter)
		}
	}
	if v.handle == 0 {
		c.namelessVCs++
		c.dropVC(v)
		return
	}
	if o := v.open(); o != nil {
		o.vcs++
		v.counted = true
	}
	if known {
		c.toldOf(cl, v, &v.told, at, "creation")
	}
}

// toldOf judges, when the creation or deletion of v has succeeded, that its other sides were
// asked inside the call (VC-02).
func (c *Checker) toldOf(cl *call, v *vc, told *[numSides]bool, at ev, what string) {
	if v.assumed || v.strayed || v.creator >= numSides || v.mcm == unknown && !v.signaling {
		c.skip(rule.VC02, reasonAssumed)
		return
	}
	if !cl.thread.known {
		c.skip(rule.VC02, reasonAmbiguous)
		return
	}
	callback := [...]string{"ProtocolCoCreateVc", "MiniportCoCreateVc"}
	if what == "deletion" {
		callback = [...]string{"ProtocolCoDeleteVc", "MiniportCoDeleteVc"}
	}
	if peer := v.creator.peer(); !v.signaling {
		switch {
		case !c.captured(v, peer, true):
			c.skip(rule.VC02, reasonNoUpcalls)
		case told[peer]:
			c.check(rule.VC02)
		default:
			c.check(rule.VC02)
			told[peer] = true
			f := c.vcNDIS(rule.VC02, at, peer, v, "the "+what+" of a VC succeeded although "+callback[0]+" of the other side was not called in it", cl.ev)
			if o := v.open(); o != nil {
				f.since(o.openEnter) // who the other side is rests on the AF open
			}
		}
	}
	// Not everybody who records a miniport records its handlers for VCs.
	if d := c.vcDriver(v, sideMiniport); v.mcm == no && d != nil && d.vcUps {
		c.check(rule.VC02)
		if !told[sideMiniport] {
			told[sideMiniport] = true
			c.vcNDIS(rule.VC02, at, sideMiniport, v, "the "+what+" of a VC succeeded although "+callback[1]+" was not called in it", cl.ev)
		}
	}
}

// enclosing finds the innermost call that runs on the thread of cl and creates or deletes a
// VC.
func (cl *call) enclosing() *call {
	if !cl.thread.known {
		return nil
	}
	for p := cl.parent; p != nil; p = p.parent {
		switch p.fn {
		case ndis.NdisCoCreateVc, ndis.NdisMCmCreateVc, ndis.NdisCoDeleteVc, ndis.NdisMCmDeleteVc:
			return p
		}
	}
	return nil
}

func isCreate(fn ndis.Func) bool { return fn == ndis.NdisCoCreateVc || fn == ndis.NdisMCmCreateVc }

func enterCoCreate(c *Checker, cl *call) {
	if cl.fn == ndis.ProtocolCoCreateVc {
		c.peerUpcall(cl)
	}
	var v *vc
	s := sideMiniport
	if cl.fn == ndis.ProtocolCoCreateVc {
		s = sideUnknown
	}
	if p := cl.enclosing(); p != nil && isCreate(p.fn) {
		if v = p.vcOf(); v != nil && v.elsewhere.fn == cl.fn {
			v.elsewhere = strayUpcall{} // that was of another one
		}
	}
	if v == nil {
		v = c.createdElsewhere(cl, &s)
	}
	if v == nil {
		c.skip(rule.VC02, reasonAmbiguous)
		cl.side = s
		if cl.has&format.HasVC != 0 && cl.vc != 0 && !c.knowsVC(cl) {
			c.assumeVC(cl) // whoever creates it is not captured
			cl.v = nil
		}
		return
	}
	if s == sideUnknown {
		if s = v.creator.peer(); s == sideUnknown {
			s = callerSideOf(cl.label, v.labels[sideClient], v.labels[sideManager])
		}
	}
	cl.v, cl.vid, cl.side = v, v.id, s
	if s >= numSides {
		return
	}
	v.told[s] = true
	if v.labels[s] == 0 {
		v.labels[s] = cl.label
	}
	d := c.vcDriver(v, s)
	c.saw(cl, d, true)
	if s == sideMiniport {
		c.miniportUpcall(cl, v, d)
	}
	if cl.has&format.HasVC != 0 && cl.vc != 0 && v.elsewhere.at.n != cl.ev.n {
		c.nameVC(v, cl.vc)
	}
}

// knowsVC says that the handle of cl is one of a VC that is there.
func (c *Checker) knowsVC(cl *call) bool {
	_, ok := c.vcs.get(key{kindVC<<56 | cl.ns, cl.vc})
	return ok
}

// callerSideOf is the side of v that a label names.
func callerSideOf(label, client, manager uint32) side {
	switch {
	case label == 0 || client == manager:
	case label == client:
		return sideClient
	case label == manager:
		return sideManager
	}
	return sideUnknown
}

// createdElsewhere finds the VC whose creation calls back on another thread than its own, or
// when it has returned (VC-02).
func (c *Checker) createdElsewhere(cl *call, s *side) *vc {
	if cl.has&format.HasVC != 0 && cl.vc != 0 {
		v, ok := c.vcs.get(key{kindVC<<56 | cl.ns, cl.vc})
		if ok && v.assumed && *s == sideMiniport {
			return v // the other side was told of it, and who creates it is not captured
		}
		if ok && v.since.seen() {
			p := *s
			if p == sideUnknown {
				p = v.creator.peer()
			}
			if p < numSides && !v.told[p] && !v.assumed && (v.mcm != unknown || v.signaling) && cl.thread.known && c.before(&v.create, cl) {
				c.check(rule.VC02)
				c.vcNDIS(rule.VC02, cl.ev, p, v, cl.name()+" was called after the creation of the VC had returned", v.since)
			}
			return v
		}
	}
	var found *vc
	is := c.sideByContext(cl)
	for _, v := range c.creating {
		if v.ns != cl.ns {
			continue
		}
		p := *s
		if p == sideUnknown {
			if p = v.creator.peer(); is < numSides && p != is || v.signaling {
				continue
			}
		}
		if p >= numSides || v.told[p] || v.labels[p] != 0 && cl.label != 0 && v.labels[p] != cl.label {
			continue
		}
		if o := v.open(); p != sideMiniport && cl.has&format.HasContext != 0 && o != nil {
			if p == sideClient && o.hasClCtx && o.clientCtx != cl.context || p == sideManager && o.hasMgrCtx && o.managerCt != cl.context {
				continue
			}
		}
		if found != nil {
			return nil
		}
		found = v
	}
	if found == nil {
		return nil
	}
	if *s == sideUnknown {
		*s = found.creator.peer()
	}
	if cl.thread.known && found.create.thread.known && !found.assumed && cl.has&format.HasVC != 0 {
		found.elsewhere = strayUpcall{cl.ev, cl.fn, *s, cl.vc}
		cl.flag = true
	}
	return found
}

// sideByContext is the side that the context of an AF open, which cl passes, makes its driver,
// unless it is on both.
func (c *Checker) sideByContext(cl *call) side {
	if cl.has&format.HasContext == 0 || cl.label == 0 {
		return sideUnknown
	}
	client, manager := false, false
	o, _ := c.opens.get(key{kindClientAF<<56 | cl.ns, cl.context})
	for ; o != nil; o = o.clNext {
		client = client || c.clientLabel(o) == cl.label
	}
	o, _ = c.opens.get(key{kindManagerAF<<56 | cl.ns, cl.context})
	for ; o != nil; o = o.mgrNext {
		manager = manager || o.mgrLabel == cl.label
	}
	switch {
	case client && !manager:
		return sideClient
	case manager && !client:
		return sideManager
	}
	return sideUnknown
}

// miniportUpcall judges MiniportCoCreateVc and MiniportCoDeleteVc for a VC of a miniport call
// manager (VC-03).
func (c *Checker) miniportUpcall(cl *call, v *vc, d *driver) {
	if d != nil {
		d.vcUps = true
	}
	o := v.open()
	switch {
	case v.signaling:
	case o == nil || o.mcm == unknown || o.reg == nil:
		c.skip(rule.VC03, reasonRole)
	default:
		c.check(rule.VC03)
		c.check(rule.ROLE06)
		if o.mcm == yes {
			v.strayed = true
			c.vcNDIS(rule.VC03, cl.ev, sideManager, v,
				cl.name()+" was called for a VC of a miniport call manager in place of its ProtocolCo handler", o.cmOpen.call).also(rule.ROLE06)
		}
	}
}

func returnCoCreate(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	v, s := cl.vcOf(), cl.side
	if !known {
		c.skip(rule.VC01, reasonNoStatus)
		return
	}
	if v == nil || cl.flag && v.elsewhere.at.n != cl.ev.n { // its own callback came: this one was of another VC
		return
	}
	c.neverPends(cl, v, s, at, st)
	if st == ndis.StatusPending {
		v.failing = true
	}
	if st != ndis.StatusSuccess || s >= numSides {
		return
	}
	if c.b == nil || c.b.Phase[c.i] != format.PhaseReturn || c.b.Has[c.i]&format.HasContext == 0 {
		c.skip(rule.VC15, reasonNoContext)
		return
	}
	c.check(rule.VC15)
	if c.b.Context[c.i] == 0 {
		c.vcReport(rule.VC15, at, s, v, cl.name()+" returned SUCCESS without setting the context of the VC", cl.ev).evident()
		return
	}
	c.addVCContext(v, s, c.b.Context[c.i])
}

// neverPends judges the status of the handlers for creation and deletion (VC-01).
func (c *Checker) neverPends(cl *call, v *vc, s side, at ev, st ndis.Status) {
	c.check(rule.VC01)
	if st != ndis.StatusPending {
		return
	}
	if s >= numSides {
		s = sideClient
	}
	c.vcReport(rule.VC01, at, s, v, cl.name()+" returned PENDING", cl.ev).evident()
}

// --- deletion ---

func enterDeleteVc(c *Checker, cl *call) {
	v := c.useVC(cl)
	if v == nil {
		return
	}
	o := v.open()
	if o != nil {
		c.coVariant(cl, o)
		if !v.leaving() {
			o.leaving++
		}
	}
	twice := v.leaving()
	v.lives(vcDelete)
	if twice {
		cl.v = nil
		return
	}
	cl.flag = c.before(&v.released, cl)
	c.deletedByCreator(cl, v)
	v.del.open(cl)
	v.untold = [numSides]bool{}
	// What stands in the way, if it still does when the call returns (VC-07).
	cl.busy = v.isActive() || v.deact.outstanding() || v.busy()
	cl.gen = v.calls
}

// deletedByCreator judges VC-06.
func (c *Checker) deletedByCreator(cl *call, v *vc) {
	if v.creator >= numSides {
		c.skip(rule.VC06, reasonRole)
		return
	}
	mine := v.labels[v.creator]
	if cl.label == 0 || mine == 0 {
		c.skip(rule.VC06, reasonRole)
		return
	}
	c.check(rule.VC06)
	if cl.label == mine {
		return
	}
	s := v.creator.peer()
	f := c.vcReport(rule.VC06, cl.ev, s, v, cl.name()+" was called by another driver than the one that created the VC", v.since)
	if cl.flag && s == sideClient {
		f.also(rule.CALL15)
	}
	cl.found = f
}

func returnDeleteVc(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	v := cl.vcOf()
	if v == nil {
		return
	}
	if o := v.open(); o != nil {
		o.leaving--
	}
	gone := !known || st == ndis.StatusSuccess
	if gone {
		v.lives(vcEnd)
	} else {
		v.lives(vcKeep)
	}
	v.del.shut(at)
	s := callerSide(cl, v.labels[sideClient], v.labels[sideManager])
	if s >= numSides {
		s = v.creator
	}
	clean := c.deletable(cl, v, s, at, known && gone)
	if !gone {
		v.del = mark{}
		return
	}
	if known {
		c.toldOf(cl, v, &v.untold, at, "deletion")
	}
	if clean {
		c.owedByVC(v, at, false)
	}
	c.buryVC(v, !known) // where it may have failed, what follows is not held against it
}

// deletable judges that a VC is deleted when it is deactivated and without call (VC-07), and
// that its call manager deactivated it when the call was closed (CALL-14). It says whether
// nothing stands in the way.
func (c *Checker) deletable(cl *call, v *vc, s side, at ev, gone bool) bool {
	if v.closedCall.seen() {
		c.check(rule.CALL14)
	}
	if v.rejected.seen() {
		c.check(rule.CALL10)
	}
	if !c.vcReady(rule.VC07, v) || !cl.busy || s >= numSides {
		return true
	}
	active, leaving := v.isActive(), v.deact.owes() && c.captured(v, sideManager, true)
	switch {
	case active && v.tentative && (v.act.state == opDone || !c.captured(v, sideManager, true)):
		c.lacks(rule.VC07, reasonNoStatus) // it pended, and may have failed since
	case active && gone && v.closedCall.seen() && v.act.call.n < v.closedCall.n && c.captured(v, sideManager, false):
		c.check(rule.CALL14)
		v.notDeact.drop()
		c.vcReport(rule.CALL14, cl.ev, sideManager, v,
			"the VC is deleted, and the call manager has not deactivated it after the close of the call", v.closedCall, at).also(rule.VC07)
	case (active || leaving && v.mcm == no) && gone && c.captured(v, sideManager, false):
		what := "active"
		if leaving {
			what = "being deactivated"
		}
		c.vcNDIS(rule.VC07, at, s, v, cl.name()+" succeeded for a VC that is "+what, cl.ev, v.act.last())
	case (active || leaving) && c.captured(v, sideManager, false):
		c.vcReport(rule.VC07, cl.ev, s, v, cl.name()+" was called for a VC that is not deactivated", at, v.act.last()).severity(rule.Warning)
	case v.busy() && v.calls == cl.gen && v.close.state != opCalled && c.captured(v, sideClient, false) && c.captured(v, sideManager, false):
		c.vcReport(rule.VC07, cl.ev, s, v, cl.name()+" was called for a VC that has a call", at, v.began).severity(rule.Warning)
	default:
		return true
	}
	return false
}

func enterCoDelete(c *Checker, cl *call) {
	var v *vc
	s := sideUnknown
	if cl.fn == ndis.MiniportCoDeleteVc {
		s = sideMiniport
	}
	p := cl.enclosing()
	if p != nil {
		v = p.vcOf()
	}
	if v == nil {
		c.deletedElsewhere(cl, s)
		return
	}
	if s == sideUnknown {
		s = v.creator.peer()
		if isCreate(p.fn) || s == sideUnknown {
			if x := callerSideOf(cl.label, v.labels[sideClient], v.labels[sideManager]); x != sideUnknown {
				s = x
			}
		}
	}
	cl.v, cl.vid, cl.side = v, v.id, s
	if s >= numSides {
		return
	}
	v.untold[s] = true
	d := c.vcDriver(v, s)
	c.saw(cl, d, true)
	if s == sideMiniport {
		c.miniportUpcall(cl, v, d)
	}
}

// deletedElsewhere judges a callback that is not inside the deletion it belongs to (VC-02).
func (c *Checker) deletedElsewhere(cl *call, s side) {
	cl.side = s
	if cl.has&format.HasContext == 0 {
		c.skip(rule.VC02, reasonNoContext)
		return
	}
	var v *vc
	if s == sideMiniport {
		v = c.vcByContext(cl, s, cl.context)
	} else {
		a, b := c.vcByContext(cl, sideClient, cl.context), c.vcByContext(cl, sideManager, cl.context)
		switch {
		case a != nil && b == nil:
			v, s = a, sideClient
		case b != nil && a == nil:
			v, s = b, sideManager
		}
	}
	if v == nil || v.assumed || !c.sees(v) {
		c.skip(rule.VC02, reasonAmbiguous)
		return
	}
	cl.v, cl.vid, cl.side = v, v.id, s
	switch {
	case !cl.thread.known || v.failing || c.unsure > 0 || !v.since.seen() || v.untold[s]:
		c.skip(rule.VC02, reasonAmbiguous)
	case v.del.state == markEntered:
		c.check(rule.VC02)
		c.vcNDIS(rule.VC02, cl.ev, s, v, cl.name()+" was called on another thread than the deletion of the VC", v.del.enter)
	case v.creator < numSides && c.captured(v, v.creator, false):
		c.check(rule.VC02)
		c.vcNDIS(rule.VC02, cl.ev, s, v, cl.name()+" was called although nobody is deleting the VC", v.since)
	}
	v.untold[s] = true
}

func returnCoDelete(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	if !known {
		c.skip(rule.VC01, reasonNoStatus)
		return
	}
	if v := cl.vcOf(); v != nil {
		c.neverPends(cl, v, cl.side, at, st)
	}
}

// --- activation ---

// activatedVC counts a successful activation.
func (v *vc) activatedVC() {
	v.activity(vcActivated)
	if !v.counting {
		return
	}
	v.counting = false
	v.activated++
	v.params, v.hasParams = v.askParams, v.hasAsk
	v.reactivity = ev{}
}

// byManagerOnly judges that a driver which is only a client keeps away (VC-14).
func (c *Checker) byManagerOnly(cl *call, v *vc) {
	if cl.label == 0 {
		c.skip(rule.VC14, reasonRole)
		return
	}
	if cl.label == v.labels[sideManager] && v.labels[sideManager] != v.labels[sideClient] {
		c.check(rule.VC14)
		return
	}
	d := c.labelled(cl.label)
	switch c.hasRole(d, roleCallManager) {
	case unknown:
		c.skip(rule.VC14, reasonRole)
	case no:
		c.check(rule.VC14)
		cl.flag = true
		c.report(rule.VC14, cl.ev, rule.Client, v.home(), c.names[cl.label],
			cl.name()+" was called by a driver that is no call manager").sinceLoaded(d)
	default:
		c.check(rule.VC14)
	}
}

func enterActivate(c *Checker, cl *call) {
	v := c.managerVC(cl)
	if v == nil {
		return
	}
	c.byManagerOnly(cl, v)
	if cl.flag {
		cl.v = nil
		return
	}
	c.vcVariant(cl, v)
	c.kindOf(cl, v)
	if v.tentative && !c.captured(v, sideManager, true) {
		v.activity(vcNeverKnown) // it may have failed out of sight
	}
	v.act.ask(cl.ev)
	v.counting, v.tentative = true, false
	v.askParams, v.hasAsk = cl.d.callParams, cl.d.has&keyCallParams != 0
}

// kindOf learns from the functions that are no macros what kind of call manager has v.
func (c *Checker) kindOf(cl *call, v *vc) {
	if v.mcm == unknown && v.open() == nil {
		v.mcm = no
		if isMCm[cl.fn] {
			v.mcm = yes
		}
	} else if v.mcm == unknown && isMCm[cl.fn] {
		v.mcm = yes
	}
}

func returnActivate(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	v := cl.vcOf()
	if v == nil {
		return
	}
	mcm := cl.fn == ndis.NdisMCmActivateVc
	early := v.act.done
	if v.act.returned(cl, at, known, st) == opUnpended && (!mcm || c.opt.Strict.Has(rule.AMB09)) && v.strictAct {
		c.check(rule.VC09)
		c.vcNDIS(rule.VC09, early, sideManager, v, "NDIS called ProtocolCmActivateVcComplete for an activation that did not pend", cl.ev, at)
	}
	switch {
	case !known:
		v.activity(vcActivationLost)
		v.activated++
	case st == ndis.StatusSuccess:
		v.activatedVC()
	case st == ndis.StatusPending && mcm && v.act.state != opDone:
		v.tentative, v.wasActive = true, v.active
		v.activatedVC()
	case st == ndis.StatusPending:
	default:
		c.activationFailed(v, at)
	}
}

// activationFailed keeps v as it was: active with its old parameters, or inactive.
func (c *Checker) activationFailed(v *vc, at ev) {
	if v.active == yes {
		v.reactivity = at
	}
	v.counting = false
}

func enterMiniActivate(c *Checker, cl *call) {
	v := c.calledVC(cl, sideMiniport, cl.context, cl.has&format.HasContext != 0, ndis.NdisCmActivateVc)
	if v == nil {
		c.skip(rule.VC09, reasonNoContext)
		return
	}
	c.sawMiniport(v)
	v.miniAct.ask(cl.ev)
}

func (c *Checker) sawMiniport(v *vc) {
	if d := c.vcDriver(v, sideMiniport); d != nil {
		d.vcUps = true
	}
}

func returnMiniActivate(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	v := cl.vcOf()
	if v == nil {
		return
	}
	c.answered(cl, &v.miniAct, at, known, st, rule.VC09, sideMiniport, v)
	if known && st == ndis.StatusSuccess {
		v.activatedVC()
	}
}

func enterMiniActivated(c *Checker, cl *call) {
	v := c.useVC(cl)
	if v == nil {
		return
	}
	if !c.completed(cl, &v.miniAct, rule.VC09, sideMiniport, v, "an activation") {
		cl.flag = true
		return
	}
	if cl.has&format.HasStatus != 0 && cl.status == ndis.StatusSuccess {
		v.activatedVC()
	}
}

func enterActivated(c *Checker, cl *call) {
	v := c.calledVC(cl, sideManager, cl.context, cl.has&format.HasContext != 0, ndis.NdisMCoActivateVcComplete)
	if v == nil {
		c.skip(rule.VC09, reasonNoContext)
		return
	}
	id := rule.VC09
	if v.mcm != no && v.act.state != opDone && !(v.mcm == yes && c.opt.Strict.Has(rule.AMB09)) {
		id = rule.None // AMB-09
	}
	v.strictAct = cl.d.caller == callerNDIS
	c.delivered(cl, &v.act, id, sideManager, v, "an activation")
	if cl.has&format.HasStatus == 0 {
		v.activity(vcActivationLost)
		return
	}
	switch {
	case cl.status == ndis.StatusSuccess:
		v.activatedVC()
	case v.tentative:
		switch v.wasActive { // PENDING was taken for success
		case no:
			v.activity(vcNotActivated)
		case unknown:
			v.activity(vcNeverKnown)
		}
		c.activationFailed(v, cl.ev)
	default:
		c.activationFailed(v, cl.ev)
	}
	v.tentative = false
}

func enterDeactivate(c *Checker, cl *call) {
	v := c.managerVC(cl)
	if v == nil {
		return
	}
	c.byManagerOnly(cl, v)
	if cl.flag {
		cl.v = nil
		return
	}
	c.vcVariant(cl, v)
	c.kindOf(cl, v)
	cl.busy = v.inactive()
	v.tentative = false
	v.deact.ask(cl.ev)
}

func returnDeactivate(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	v := cl.vcOf()
	if v == nil {
		return
	}
	mcm := cl.fn == ndis.NdisMCmDeactivateVc
	early := v.deact.done
	if v.deact.returned(cl, at, known, st) == opUnpended && (!mcm || c.opt.Strict.Has(rule.AMB09)) && v.strictDeact {
		c.check(rule.VC09)
		c.vcNDIS(rule.VC09, early, sideManager, v, "NDIS called ProtocolCmDeactivateVcComplete for a deactivation that did not pend", cl.ev, at)
	}
	if mcm && known {
		if v.assumed || v.active == unknown {
			c.skip(rule.VC11, reasonAssumed)
		} else {
			c.check(rule.VC11)
			if cl.busy && v.inactive() && st == ndis.StatusSuccess {
				c.vcNDIS(rule.VC11, at, sideManager, v, "NdisMCmDeactivateVc succeeded for a VC that is not active", cl.ev, v.deactMark.enter)
			}
		}
	}
	switch {
	case !known:
		v.activity(vcDeactivationLost)
	case st == ndis.StatusSuccess, mcm && (st == ndis.StatusPending || st == ndis.StatusNotAccepted):
		v.activity(vcDeactivated)
		if v.deactMark.state == markNone || !(v.deactMark.enter.n > cl.ev.n) {
			v.deactMark = mark{enter: cl.ev, ret: at, thread: cl.thread, state: markReturned}
		}
	}
}

func enterMiniDeactivate(c *Checker, cl *call) {
	v := c.calledVC(cl, sideMiniport, cl.context, cl.has&format.HasContext != 0, ndis.NdisCmDeactivateVc)
	if v == nil {
		c.skip(rule.VC09, reasonNoContext)
		return
	}
	c.sawMiniport(v)
	v.miniDeact.ask(cl.ev)
	// VC-10: nobody asked for it, and the last thing that happened is a re-activation that
	// failed.
	if !v.reactivity.seen() {
		return
	}
	if c.vcReady(rule.VC10, v) && !v.deact.running() && c.captured(v, sideManager, false) {
		c.vcNDIS(rule.VC10, cl.ev, sideMiniport, v,
			"MiniportCoDeactivateVc was called after a re-activation had failed: the VC stays active with its old parameters", v.reactivity)
		v.reactivity = ev{}
	}
}

func returnMiniDeactivate(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	if v := cl.vcOf(); v != nil {
		c.answered(cl, &v.miniDeact, at, known, st, rule.VC09, sideMiniport, v)
	}
}

func enterMiniDeactivated(c *Checker, cl *call) {
	v := c.useVC(cl)
	if v == nil {
		return
	}
	if !c.completed(cl, &v.miniDeact, rule.VC09, sideMiniport, v, "a deactivation") {
		cl.flag = true
		return
	}
	v.activity(vcDeactivated)
	v.deactMark.open(cl)
}

func returnMiniDeactivated(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	if v := cl.vcOf(); v != nil && v.deactMark.enter.n == cl.ev.n {
		v.deactMark.shut(at)
	}
}

func enterDeactivated(c *Checker, cl *call) {
	v := c.calledVC(cl, sideManager, cl.context, cl.has&format.HasContext != 0, ndis.NdisMCoDeactivateVcComplete)
	if v == nil {
		c.skip(rule.VC09, reasonNoContext)
		return
	}
	id := rule.VC09
	if v.mcm != no && v.deact.state != opDone && !(v.mcm == yes && c.opt.Strict.Has(rule.AMB09)) {
		id = rule.None // AMB-09
	}
	v.strictDeact = cl.d.caller == callerNDIS
	c.delivered(cl, &v.deact, id, sideManager, v, "a deactivation")
	v.activity(vcDeactivated)
	if v.deactMark.state == markNone {
		v.deactMark.open(cl)
		v.deactMark.shut(cl.ev)
	}
}

// --- data ---

// enterData judges a send or a receive (VC-12, CALL-12).
func enterData(c *Checker, cl *call) {
	v := c.useVC(cl)
	if v == nil {
		return
	}
	s := callerSide(cl, v.labels[sideClient], v.labels[sideManager])
	if s == sideClient {
		c.check(rule.CALL12)
		if c.before(&v.closeMark, cl) {
			c.vcReport(rule.CALL12, cl.ev, sideClient, v, "the client sends on a VC after NdisClCloseCall", v.closeMark.enter)
			return
		}
		c.sent(cl, v)
	}
	if s != sideClient && s != sideMiniport {
		c.skip(rule.VC12, reasonRole)
		return
	}
	if v.deactMark.state != markNone && !c.before(&v.deactMark, cl) {
		c.check(rule.VC12)
		return
	}
	cl.busy, cl.side = v.inactive(), s
	if !cl.busy {
		c.check(rule.VC12)
	}
}

func returnData(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	v := cl.vcOf()
	if v == nil || cl.side >= numSides || !cl.busy {
		return
	}
	if !c.captured(v, sideManager, false) {
		c.skip(rule.VC12, reasonNoCalls)
		return
	}
	if !c.vcReady(rule.VC12, v) {
		return
	}
	if v.inactive() {
		c.vcReport(rule.VC12, cl.ev, cl.side, v, cl.name()+" was called for a VC that is not active", v.since, v.deactMark.enter)
	}
}

// --- the end of a VC ---

// deadVC is what stays of a VC that was deleted.
type deadVC struct {
	key      key
	labels   [numSides]uint32
	creator  side
	adapter  uint64
	del      mark
	released mark
	orphan   bool // it ended in another way: uses of its handle are not judged
}

// buryVC moves v to the dead. An orphan was not deleted: its AF open ended with it, or its
// creation failed.
func (c *Checker) buryVC(v *vc, orphan bool) {
	if v.counted {
		c.drop(v.o, v.oid, v.since, &v.o.vcs)
	}
	if orphan && v.leaving() {
		if o := v.open(); o != nil {
			o.leaving--
		}
	}
	if v.handle != 0 {
		d := deadVC{key: key{kindVC<<56 | v.ns, v.handle}, labels: v.labels, creator: v.creator, del: v.del, released: v.released, orphan: orphan}
		if a := v.home(); a != nil {
			d.adapter = a.id
		}
		if c.deadVCs.push(d.key, d, c.maxDead) {
			c.evicted = true
		}
	}
	c.dropVC(v)
}

// orphanVCs ends the VCs that outlive their AF open.
func (c *Checker) orphanVCs(o *afOpen) {
	for v := o.vcFirst; v != nil; v = o.vcFirst {
		if v.since.seen() {
			c.owedByVC(v, ev{seq: c.lastSeq, ts: c.lastTS}, false)
		}
		c.buryVC(v, true)
	}
}

// finishVCs judges what VCs wait for at the end of the trace.
func (c *Checker) finishVCs() {
	for v := c.vcFirst; v != nil; v = v.next {
		c.owedByVC(v, ev{}, true)
	}
}

// owedByVC reports the first link that is missing in what v waits for. over is the row that
// ended the wait; atEnd says that the trace did.
func (c *Checker) owedByVC(v *vc, over ev, atEnd bool) {
	for p := v.parties; p != nil; p = p.next {
		c.owedByParty(p, v, over, atEnd)
	}
	if v.assumed || !c.sees(v) {
		return
	}
	miss := func(f *finding) {
		f.also(rule.LEAK02)
		if atEnd {
			f.untilEnd()
		}
	}
	// The miniport, then NDIS, then the call manager: who waits for another is late in
	// consequence.
	act := func(mini, cm *vcOp, what string) bool {
		switch {
		case mini.owes():
			if !c.captured(v, sideMiniport, false) {
				c.skip(rule.VC09, reasonNoCalls)
				return true
			}
			c.check(rule.VC09)
			miss(c.vcReport(rule.VC09, mini.ret, sideMiniport, v, "the "+what+" of a VC pended at the miniport and was never completed", mini.call, over))
			return true
		case cm.owes() && v.mcm == yes && c.opt.Strict.Has(rule.AMB09):
			if !c.captured(v, sideManager, true) {
				c.skip(rule.VC09, reasonNoUpcalls)
				return true
			}
			c.check(rule.VC09)
			miss(c.unclear(c.vcNDIS(rule.VC09, cm.ret, sideManager, v, "the "+what+" of a VC pended and NDIS never completed it", cm.call, over), rule.AMB09, rule.Error))
			return true
		case cm.owes() && v.mcm == no:
			unasked := mini.state == opIdle && v.ctx[sideMiniport].has && c.captured(v, sideMiniport, true)
			if mini.state != opDone && mini.state != opSync && !unasked || !c.captured(v, sideManager, true) {
				c.skip(rule.VC09, reasonNoUpcalls)
				return true
			}
			c.check(rule.VC09)
			miss(c.vcNDIS(rule.VC09, cm.ret, sideManager, v, "the "+what+" of a VC pended and NDIS never completed it", cm.call, mini.last(), over))
			return true
		}
		return false
	}
	if act(&v.miniAct, &v.act, "activation") || act(&v.miniDeact, &v.deact, "deactivation") {
		return
	}
	driver := func(r *vcOp, id rule.ID, s side, what string) bool {
		if !r.owes() {
			return false
		}
		if !c.captured(v, s, false) {
			c.skip(id, reasonNoCalls)
			return true
		}
		c.check(id)
		miss(c.vcReport(id, r.ret, s, v, what+" returned PENDING and was never completed", r.call, over))
		return true
	}
	late := driver(&v.cmMake, rule.CALL03, sideManager, "ProtocolCmMakeCall") ||
		driver(&v.incoming, rule.CALL08, sideClient, "ProtocolClIncomingCall") ||
		driver(&v.cmClose, rule.CALL13, sideManager, "ProtocolCmCloseCall") ||
		driver(&v.cmModify, rule.QOS01, sideManager, "ProtocolCmModifyCallQoS")
	if late {
		return
	}
	// Nobody else is late: NDIS is.
	for _, x := range [...]struct {
		r, cause *vcOp
		s        side
		what     string
	}{
		{&v.make, &v.cmMake, sideClient, "NdisClMakeCall"},
		{&v.close, &v.cmClose, sideClient, "NdisClCloseCall"},
		{&v.modify, &v.cmModify, sideClient, "NdisClModifyCallQoS"},
		{&v.dispatch, &v.incoming, sideManager, "the dispatch of an incoming call"},
	} {
		if !x.r.owes() || x.cause.state != opDone && x.cause.state != opSync || x.cause.call.n < x.r.call.n {
			continue
		}
		if !c.captured(v, x.s, true) {
			c.skip(rule.LEAK02, reasonNoUpcalls)
			continue
		}
		c.check(rule.LEAK02)
		f := c.vcNDIS(rule.LEAK02, x.r.ret, x.s, v, x.what+" returned PENDING and NDIS never completed it", x.r.call, x.cause.last(), over)
		if atEnd {
			f.untilEnd()
		}
	}
}

// graveyard remembers the last so many objects of a kind that are gone.
type graveyard[T any] struct {
	graves fifo[grave[T]]
	first  uint64 // number of the oldest
	dead   table[uint64]
}

type grave[T any] struct {
	key key
	obj T
}

// push buries obj. It says whether an older one had to go.
func (g *graveyard[T]) push(k key, obj T, limit int) (evicted bool) {
	if g.graves.n >= limit {
		old := g.graves.pop()
		g.dead.delIf(old.key, g.first)
		g.first++
		evicted = true
	}
	g.dead.put(k, g.first+uint64(g.graves.n))
	g.graves.push(grave[T]{k, obj})
	return evicted
}

// find gives the latest dead object that had the key.
func (g *graveyard[T]) find(k key) *T {
	number, ok := g.dead.get(k)
	if !ok {
		return nil
	}
	return &g.graves.at(int(number - g.first)).obj
}

// forget lets a new object have the key.
func (g *graveyard[T]) forget(k key) { g.dead.del(k) }
