package replay

import (
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// Service access points (rules SAP and USE-02).

// sap is what a client registered, or asks to. CLOSE-02 and CLOSE-04 count it while live.
type sap struct {
	id       uint64 // of this object; 0 once it is gone
	ns       uint64
	handle   uint64
	hasHdl   bool
	ctx      uint64 // ProtocolSapContext
	hasCtx   bool
	ctxNext  *sap
	mgrCtx   uint64 // CallMgrSapContext
	hasMgr   bool
	mgrNext  *sap
	o        *afOpen // nil if it is not known; o.id is oid while the AF open lives
	oid      uint64
	label    uint32 // of the client
	mgrLabel uint32
	value    key // what it filters, on which adapter; empty if not recorded
	valNext  *sap

	clReg       op // NdisClRegisterSap
	cmReg       op // ProtocolCmRegisterSap
	clDereg     op // NdisClDeregisterSap
	cmDereg     op // ProtocolCmDeregisterSap
	since       ev // its registration returned, or pended
	held        ev // the call manager took it
	state       sapState
	failed      bool // its registration did
	deregFailed bool // AMB-18
	unlinked    bool // known from the call manager's side only
	refusal     bool // is among the conflicts
	strictReg   bool // an early completion said that it came from NDIS
	strictDereg bool
	missed      bool  // what it waits for was reported
	dereg       mark  // the client's NdisClDeregisterSap
	cmDone      mark  // from here the call manager may not use the handle
	prev, next  *sap  // the live ones, oldest first
	left, right *sap  // those of one AF open
	note        *Note // of the Tracker
}

// known says that the AF open of s is there.
func (s *sap) known() bool { return s.o != nil && s.o.id == s.oid }

func (c *Checker) newSap(cl *call, o *afOpen) *sap {
	var s *sap
	if n := len(c.freeSaps); n > 0 {
		s = c.freeSaps[n-1]
		c.freeSaps = c.freeSaps[:n-1]
		*s = sap{}
	} else {
		s = new(sap)
	}
	s.id, s.ns = c.id(), cl.ns
	if s.prev = c.lastSap; s.prev != nil {
		s.prev.next = s
	} else {
		c.firstSap = s
	}
	c.lastSap = s
	if o != nil {
		s.o, s.oid, s.mgrLabel = o, o.id, o.mgrLabel
		s.label = c.clientLabel(o)
		if s.right = o.firstSap; s.right != nil {
			s.right.left = s
		}
		o.firstSap = s
	}
	c.filter(cl, s)
	return s
}

// filter takes over what a row says of the calls that s is for.
func (c *Checker) filter(cl *call, s *sap) {
	if s.value.space != 0 || cl.d.has&keySAP == 0 || cl.d.has&keySAPType == 0 || !s.known() || s.o.adapter == nil {
		return
	}
	h := (cl.d.sap*0x100000001b3 ^ cl.d.sapType) * 0x100000001b3
	s.value = key{kindSAPValue<<56 | s.ns, h ^ s.o.adapter.id}
}

func (c *Checker) nameSap(s *sap, h uint64) {
	k := key{kindSAP<<56 | s.ns, h}
	if x, ok := c.saps.get(k); ok && x != s && x.unlinked && !s.unlinked {
		// x is the call manager's half.
		s.cmReg, s.cmDereg, s.cmDone, s.failed = x.cmReg, x.cmDereg, x.cmDone, x.failed
		if x.hasMgr {
			c.addManagerSap(s, x.mgrCtx)
		}
		c.removeSap(x)
	} else if ok && x != s && c.liveSap(x) {
		c.defect(DefectHandleClaimed)
	}
	if s.hasHdl && s.handle != h {
		c.saps.delIf(key{kindSAP<<56 | s.ns, s.handle}, s)
	}
	s.handle, s.hasHdl = h, true
	c.saps.put(k, s)
}

func (c *Checker) addClientSap(s *sap, ctx uint64) {
	k := key{kindClientSAP<<56 | s.ns, ctx}
	s.ctx, s.hasCtx = ctx, true
	s.ctxNext, _ = c.saps.get(k)
	c.saps.put(k, s)
}

func (c *Checker) addManagerSap(s *sap, ctx uint64) {
	if s.hasMgr {
		return
	}
	k := key{kindManagerSAP<<56 | s.ns, ctx}
	s.mgrCtx, s.hasMgr = ctx, true
	s.mgrNext, _ = c.saps.get(k)
	c.saps.put(k, s)
}

// unchain takes s off the list that k names; next gives the link of that list.
func (c *Checker) unchain(k key, s *sap, next func(*sap) **sap) {
	head, _ := c.saps.get(k)
	if head == s {
		if n := *next(s); n == nil {
			c.saps.del(k)
		} else {
			c.saps.put(k, n)
		}
		return
	}
	for p := head; p != nil; p = *next(p) {
		if *next(p) == s {
			*next(p) = *next(s)
			return
		}
	}
}

func nextOfClient(s *sap) **sap  { return &s.ctxNext }
func nextOfManager(s *sap) **sap { return &s.mgrNext }
func nextOfValue(s *sap) **sap   { return &s.valNext }

// removeSap takes s out of every list.
func (c *Checker) removeSap(s *sap) {
	if s.hasHdl {
		c.saps.delIf(key{kindSAP<<56 | s.ns, s.handle}, s)
	}
	if s.hasCtx {
		c.unchain(key{kindClientSAP<<56 | s.ns, s.ctx}, s, nextOfClient)
	}
	if s.hasMgr {
		c.unchain(key{kindManagerSAP<<56 | s.ns, s.mgrCtx}, s, nextOfManager)
	}
	if s.held.seen() && s.value.space != 0 {
		c.unchain(s.value, s, nextOfValue)
	}
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		c.firstSap = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	} else {
		c.lastSap = s.prev
	}
	if s.left != nil {
		s.left.right = s.right
	} else if s.known() {
		s.o.firstSap = s.right
	}
	if s.right != nil {
		s.right.left = s.left
	}
	s.id = 0
	c.freeSaps = append(c.freeSaps, s)
}

// drop counts that an object of o, there since that row, has gone.
func (c *Checker) drop(o *afOpen, id uint64, since ev, count *int) {
	if o.id != id {
		return
	}
	*count--
	if o.inClose > 0 && since.n < o.closeMark.enter.n {
		o.inClose--
	}
}

// endSap takes a SAP from its client.
func (c *Checker) endSap(s *sap) {
	if s.live() {
		if s.known() {
			if s.since.seen() {
				c.drop(s.o, s.oid, s.since, &s.o.saps)
			}
			if s.state == sapLeaving {
				s.o.leaving--
			}
		}
		s.step(sapEnd)
	}
	c.settleSap(s)
}

// settleSap buries s once nothing more is due on either side.
func (c *Checker) settleSap(s *sap) {
	if s.live() || s.id == 0 {
		return
	}
	for _, p := range [...]*op{&s.clReg, &s.cmReg, &s.clDereg, &s.cmDereg} {
		if p.running() || p.state == opEarly {
			return
		}
	}
	if s.unlinked && !s.failed && s.cmDone.state == markNone {
		return
	}
	c.burySap(s)
}

// deadSap is what stays of a SAP after everything about it has ended.
type deadSap struct {
	keys     [3]key // handle, client's context, call manager's context
	adapter  uint64
	label    uint32
	mgrLabel uint32
	failed   bool
	maybe    bool // its end is not in the trace
	lenient  bool // AMB-18
	dereg    mark
	cmDone   mark
	clReg    deadOp
	cmReg    deadOp
	clDereg  deadOp
	cmDereg  deadOp
}

func (c *Checker) burySap(s *sap) {
	d := deadSap{
		label: s.label, mgrLabel: s.mgrLabel, failed: s.failed, lenient: s.deregFailed, dereg: s.dereg, cmDone: s.cmDone,
		clReg: s.clReg.dead(), cmReg: s.cmReg.dead(), clDereg: s.clDereg.dead(), cmDereg: s.cmDereg.dead(),
	}
	if s.known() && s.o.adapter != nil {
		d.adapter = s.o.adapter.id
	}
	if s.hasHdl {
		d.keys[0] = key{kindSAP<<56 | s.ns, s.handle}
	}
	if s.hasCtx {
		d.keys[1] = key{kindClientSAP<<56 | s.ns, s.ctx}
	}
	if s.hasMgr {
		d.keys[2] = key{kindManagerSAP<<56 | s.ns, s.mgrCtx}
	}
	c.removeSap(s)
	c.interSap(d)
}

func (c *Checker) interSap(d deadSap) {
	if c.sapGraves.n == c.maxDead {
		old := c.sapGraves.pop()
		c.evicted = true
		for _, k := range old.keys {
			if k.space != 0 {
				c.deadSaps.delIf(k, c.firstSapGrave)
			}
		}
		c.firstSapGrave++
	}
	number := c.firstSapGrave + uint64(c.sapGraves.n)
	for _, k := range d.keys {
		if k.space != 0 {
			c.deadSaps.put(k, number)
		}
	}
	c.sapGraves.push(d)
}

// exhumeSap finds the latest dead SAP that k named.
func (c *Checker) exhumeSap(k key) *deadSap {
	number, ok := c.deadSaps.get(k)
	if !ok {
		return nil
	}
	return c.sapGraves.at(int(number - c.firstSapGrave))
}

// buriedSap finds the dead SAP that the context of a row named.
func (c *Checker) buriedSap(cl *call, kind uint64) *deadSap {
	if cl.has&format.HasContext == 0 || cl.context == 0 {
		return nil
	}
	d := c.exhumeSap(key{kind<<56 | cl.ns, cl.context})
	if d == nil {
		return nil
	}
	label := d.mgrLabel
	if kind == kindClientSAP {
		label = d.label
	}
	if label != 0 && cl.label != 0 && label != cl.label {
		return nil
	}
	return d
}

// orphan ends what is left of the SAPs of o, which is gone: what they waited for may come
// or not.
func (c *Checker) orphan(o *afOpen) {
	for s := o.firstSap; s != nil; s = o.firstSap {
		s.step(sapEnd)
		for _, p := range [...]*op{&s.clReg, &s.cmReg, &s.clDereg, &s.cmDereg} {
			if p.running() || p.state == opEarly || p.state == opIdle {
				p.assume()
			}
		}
		c.burySap(s)
	}
}

// byContext finds the SAP of the client's, or of the call manager's, context that a row
// carries, the newest for which ok holds, or the newest of all.
func (c *Checker) byContext(cl *call, kind uint64, ok func(*sap) bool) *sap {
	if cl.has&format.HasContext == 0 {
		return nil
	}
	head, _ := c.saps.get(key{kind<<56 | cl.ns, cl.context})
	var first *sap
	for s := head; s != nil; {
		label, next := s.label, s.ctxNext
		if kind == kindManagerSAP {
			label, next = s.mgrLabel, s.mgrNext
		}
		if cl.label == 0 || label == 0 || cl.label == label {
			if ok(s) {
				return s
			}
			if first == nil {
				first = s
			}
		}
		s = next
	}
	return first
}

func (s *sap) names(c *Checker) string        { return c.names[s.label] }
func (s *sap) managerNames(c *Checker) string { return c.names[s.mgrLabel] }

func (s *sap) adapter() *adapter {
	if s.known() {
		return s.o.adapter
	}
	return nil
}

// sapOf finds the SAP whose handle a row carries, or what is left of it.
func (c *Checker) sapOf(cl *call) (*sap, *deadSap) {
	if cl.has&format.HasSAP == 0 || cl.sap == 0 {
		c.blur()
		return nil, nil
	}
	k := key{kindSAP<<56 | cl.ns, cl.sap}
	if s, ok := c.saps.get(k); ok {
		return s, nil
	}
	d := c.exhumeSap(k)
	if d == nil {
		c.wrongKind(kindSAP, cl.ns, cl.sap)
	}
	return nil, d
}

// sharpen turns the findings of this call from number n on that say less than id into
// findings of id.
func (c *Checker) sharpen(cl *call, n int, id rule.ID) bool {
	any := false
	for _, f := range c.findings[n:] {
		if f.Seq != cl.seq {
			continue
		}
		for _, less := range id.Rule().Subsumes {
			if f.Rule == less {
				f.Also = append([]rule.ID{f.Rule}, f.Also...)
				f.Rule, any = id, true
				break
			}
		}
	}
	return any
}

// --- the client registers ---

func enterClRegisterSap(c *Checker, cl *call) {
	n := len(c.findings)
	o := c.clientUse(cl)
	closed := c.sharpen(cl, n, rule.SAP01)
	if o == nil {
		if closed {
			c.check(rule.SAP01)
		} else {
			c.skip(rule.SAP01, reasonNoHandle)
		}
		return
	}
	if o.assumed {
		c.skip(rule.SAP01, reasonAssumed)
	} else {
		c.check(rule.SAP01)
		cl.flag = o.clOpen.state == opPended && !o.cmFinalOK
	}
	s := c.newSap(cl, o)
	cl.o, cl.n, cl.s, cl.sid = o, int(o.id), s, s.id
	if cl.has&format.HasContext != 0 {
		c.addClientSap(s, cl.context)
	}
	if cl.label != 0 {
		s.label = cl.label
	}
	s.step(sapAsk)
	s.clReg.ask(cl.ev)
	if closed {
		return
	}
	c.check(rule.SAP08)
	if in := &o.clNotify; in.call.seen() && (in.ret.seen() && in.ret.ts < cl.ts-c.unsure || c.insideNotify(cl, o)) {
		c.report(rule.SAP08, cl.ev, rule.Client, o.adapter, c.clientName(o),
			"the client registers a SAP although the call manager has asked it to close the AF", in.call)
	}
}

// insideNotify says that cl is nested in the ProtocolClNotifyCloseAf of o.
func (c *Checker) insideNotify(cl *call, o *afOpen) bool {
	p := cl.inside(ndis.ProtocolClNotifyCloseAf)
	return p != nil && p.o == o && uint64(p.n) == o.id
}

func returnClRegisterSap(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	if o := cl.o; o != nil && o.id == uint64(cl.n) {
		c.stillPending(cl, at)
		if cl.flag && o.clOpen.state == opPended && !o.cmFinalOK {
			c.report(rule.SAP01, cl.ev, rule.Client, o.adapter, c.clientName(o),
				"NdisClRegisterSap uses an NdisAfHandle whose open has not completed", o.clOpen.ret, at)
		}
	}
	s := cl.s
	if s == nil || s.id != cl.sid {
		return
	}
	early := s.clReg.done
	if s.clReg.returned(at, st, known) == opUnpended && s.strictReg {
		c.check(rule.SAP04)
		c.report(rule.SAP04, early, rule.NDIS, s.adapter(), s.names(c),
			"NDIS called ProtocolClRegisterSapComplete for a registration that did not pend", cl.ev, at)
	}
	failed := known && st != ndis.StatusSuccess && st != ndis.StatusPending
	if failed {
		s.failed = true
		c.sapRefused(s, at, st)
		c.endSap(s)
		return
	}
	if !s.live() {
		c.settleSap(s)
		return
	}
	s.since = at
	if s.known() {
		s.o.saps++
	}
	if c.b != nil && c.b.Phase[c.i] == format.PhaseReturn && c.b.Has[c.i]&format.HasSAP != 0 && c.b.SAP[c.i] != 0 {
		c.nameSap(s, c.b.SAP[c.i])
	}
	if known && st == ndis.StatusSuccess {
		c.sapHeld(s, at)
	}
}

// --- the call manager is asked ---

func enterCmRegisterSap(c *Checker, cl *call) {
	c.peerUpcall(cl)
	var s *sap
	if p := cl.inside(ndis.NdisClRegisterSap); p != nil && p.s != nil && p.s.id == p.sid {
		s = p.s
	}
	if s == nil {
		o := c.managerOpen(cl, alive)
		if o != nil && !alive(o) {
			o = nil
		}
		var several bool
		if s, several = awaiting(o); several {
			c.skip(rule.SAP03, reasonAmbiguous)
			return
		}
		if s == nil {
			s = c.newSap(cl, o)
			s.unlinked = true
		}
	}
	if s.cmReg.state != opIdle {
		return // asked once more: no rule says that it must not be
	}
	if s.mgrLabel == 0 {
		s.mgrLabel = cl.label
	}
	if s.known() {
		c.saw(cl, c.managerDriver(s.o), true)
	}
	cl.s, cl.sid = s, s.id
	c.filter(cl, s)
	s.cmReg.ask(cl.ev)
	if cl.has&format.HasSAP != 0 && cl.sap != 0 {
		c.nameSap(s, cl.sap)
	}
}

// awaiting finds the SAP of o for which the call manager has yet to be asked.
func awaiting(o *afOpen) (s *sap, several bool) {
	if o == nil {
		return nil, false
	}
	for x := o.firstSap; x != nil; x = x.right {
		if x.live() && x.cmReg.state == opIdle && (x.clReg.running() || x.clReg.state == opUnknown) {
			if s != nil {
				return nil, true
			}
			s = x
		}
	}
	return s, false
}

func returnCmRegisterSap(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	s := cl.s
	if s == nil || s.id != cl.sid {
		return
	}
	early := s.cmReg.done
	c.check(rule.SAP04)
	if s.cmReg.returned(at, st, known) == opUnpended {
		c.report(rule.SAP04, early, rule.CallManager, s.adapter(), s.managerNames(c),
			"the registration of a SAP was completed although ProtocolCmRegisterSap did not return PENDING", cl.ev, at)
	}
	switch {
	case !known:
		c.skip(rule.SAP03, reasonNoStatus)
	case st == ndis.StatusPending:
		return
	case st == ndis.StatusSuccess:
		if c.b == nil || c.b.Phase[c.i] != format.PhaseReturn || c.b.Has[c.i]&format.HasContext == 0 {
			c.skip(rule.SAP03, reasonNoContext)
		} else {
			c.setManagerSap(s, at, c.b.Context[c.i], "ProtocolCmRegisterSap returned SUCCESS without setting CallMgrSapContext", cl.ev)
		}
		c.sapHeld(s, at)
	default:
		s.failed = true
		c.sapRefused(s, at, st)
		c.settleSap(s)
	}
}

// setManagerSap takes the CallMgrSapContext of a registration that succeeded at at.
func (c *Checker) setManagerSap(s *sap, at ev, ctx uint64, msg string, proof ev) {
	c.check(rule.SAP03)
	if ctx != 0 {
		c.addManagerSap(s, ctx)
		return
	}
	c.report(rule.SAP03, at, rule.CallManager, s.adapter(), s.managerNames(c), msg, proof).evident()
}

func enterCmRegisterSapComplete(c *Checker, cl *call) {
	s := c.completedSap(cl, "the registration of a SAP was completed although it was not pending", func(d *deadSap) *deadOp { return &d.cmReg })
	if s == nil {
		return
	}
	prev := s.cmReg.done
	switch s.cmReg.complete(cl.ev) {
	case opTwice:
		c.report(rule.SAP04, cl.ev, rule.CallManager, s.adapter(), s.managerNames(c),
			"the registration of a SAP was completed a second time", s.cmReg.ret, prev)
		return
	case opUnpended:
		if s.cmReg.state == opIdle && (!s.known() || s.o.assumed || !captured(c.managerDriver(s.o), true)) {
			c.skip(rule.SAP04, reasonNoUpcalls)
			break
		}
		asked, msg := s.cmReg.call, "the registration of a SAP was completed although ProtocolCmRegisterSap did not return PENDING"
		if s.cmReg.state == opIdle {
			asked, msg = s.clReg.call, "the registration of a SAP was completed although ProtocolCmRegisterSap was not called"
		}
		c.report(rule.SAP04, cl.ev, rule.CallManager, s.adapter(), s.managerNames(c), msg, asked, s.cmReg.ret)
		return
	}
	cl.s, cl.sid = s, s.id
	if cl.has&format.HasStatus == 0 {
		c.skip(rule.SAP03, reasonNoStatus)
		return
	}
	switch cl.status {
	case ndis.StatusPending:
		c.completedPending(cl, s, rule.CallManager, s.managerNames(c), s.cmReg.ret)
		s.cmReg.assume()
	case ndis.StatusSuccess:
		if cl.has&format.HasContext == 0 {
			c.skip(rule.SAP03, reasonNoContext)
		} else {
			c.setManagerSap(s, cl.ev, cl.context, "the registration of a SAP was completed with SUCCESS and no CallMgrSapContext", s.cmReg.ret)
		}
		c.sapHeld(s, cl.ev)
	default:
		s.failed = true
		c.sapRefused(s, cl.ev, cl.status)
	}
}

func returnSapCompletion(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	if s := cl.s; s != nil && s.id == cl.sid {
		if s.cmDone.enter.seq == cl.seq {
			s.cmDone.shut(at)
		}
		c.settleSap(s)
	}
}

// completedSap finds the SAP that a call manager completes something of, and judges what
// has nothing to do with the kind of the request.
func (c *Checker) completedSap(cl *call, msg string, of func(*deadSap) *deadOp) *sap {
	s, d := c.sapOf(cl)
	switch {
	case s != nil:
		if s.mgrLabel == 0 {
			s.mgrLabel = cl.label
		}
		if s.known() {
			c.saw(cl, c.managerDriver(s.o), false)
			c.variant(cl, s.o, mcmRule(cl.fn))
		}
		c.check(rule.SAP04)
		c.check(rule.SAP06)
		return s
	case d == nil:
		c.skip(rule.SAP04, reasonAssumed)
	case of(d).state == opUnknown || of(d).state == opIdle && d.maybe:
		c.skip(rule.SAP04, reasonAssumed)
	case c.deaf(cl):
		c.lacks(rule.SAP04, reasonNoUpcalls)
	default:
		c.check(rule.SAP04)
		f := c.report(rule.SAP04, cl.ev, rule.CallManager, nil, c.names[d.mgrLabel], msg, of(d).last, d.cmDone.enter)
		if d.cmDone.state != markNone {
			f.also(rule.SAP06)
		}
		f.also(rule.USE02).Adapter = d.adapter
	}
	return nil
}

func (c *Checker) completedPending(cl *call, s *sap, fault rule.Actor, who string, proof ev) {
	s.missed = true // what follows from it is no defect of its own
	c.report(rule.SAP04, cl.ev, fault, s.adapter(), who, cl.name()+" carries NDIS_STATUS_PENDING", proof).evident()
}

// --- the client is told ---

func enterClRegisterSapComplete(c *Checker, cl *call) {
	s := c.byContext(cl, kindClientSAP, func(s *sap) bool { return s.clReg.running() })
	if cl.d.caller == callerSelf {
		return // the client runs it itself
	}
	if s == nil {
		c.deadCompletion(cl, c.buriedSap(cl, kindClientSAP), func(d *deadSap) *deadOp { return &d.clReg })
		return
	}
	cl.s, cl.sid = s, s.id
	if s.known() && s.o.client != nil {
		c.saw(cl, s.o.client.driver, true)
	}
	if !c.completes(cl, s, &s.clReg) {
		return
	}
	s.strictReg = cl.d.caller == callerNDIS
	if cl.has&format.HasStatus == 0 {
		return
	}
	switch cl.status {
	case ndis.StatusPending:
		if s.cmReg.state != opUnknown { // else the call manager's own slip
			c.completedPending(cl, s, rule.NDIS, s.names(c), s.clReg.ret)
		}
	case ndis.StatusSuccess:
		if cl.has&format.HasSAP != 0 && cl.sap != 0 {
			c.nameSap(s, cl.sap)
		}
		c.sapHeld(s, cl.ev)
	default:
		s.failed = true
		c.sapRefused(s, cl.ev, cl.status)
		c.endSap(s)
	}
}

// completes feeds a completion that NDIS calls to a request of the client.
func (c *Checker) completes(cl *call, s *sap, p *op) bool {
	prev := p.done
	fault := p.complete(cl.ev)
	switch {
	case fault != opTwice && fault != opUnpended:
		c.check(rule.SAP04)
		return true
	case cl.d.caller == callerUnknown:
		c.skip(rule.SAP04, reasonCaller)
	case s.unlinked || p.state == opIdle && (!s.known() || !s.hasHdl):
		c.skip(rule.SAP04, reasonAssumed)
	default:
		c.check(rule.SAP04)
		f := c.report(rule.SAP04, cl.ev, rule.NDIS, s.adapter(), s.names(c),
			"NDIS called "+cl.name()+" for a request that was not pending", p.call, p.ret, prev)
		if p.state == opIdle {
			f.since(s.clReg.call)
		}
	}
	return false
}

func (c *Checker) deadCompletion(cl *call, d *deadSap, of func(*deadSap) *deadOp) {
	switch {
	case d == nil || d.maybe || of(d).state == opUnknown:
		c.skip(rule.SAP04, reasonNoContext)
	case cl.d.caller != callerNDIS:
		c.skip(rule.SAP04, reasonCaller)
	default:
		c.check(rule.SAP04)
		c.report(rule.SAP04, cl.ev, rule.NDIS, nil, c.names[d.label],
			"NDIS called "+cl.name()+" for a request that was not pending", of(d).last).Adapter = d.adapter
	}
}

// --- who has it ---

// rival finds another client's SAP of the same value with the same call manager. One that
// is in force may not have begun to go.
func (c *Checker) rival(s *sap, inForce bool) *sap {
	if s.value.space == 0 || !s.known() {
		return nil
	}
	head, _ := c.saps.get(s.value)
	for x := head; x != nil; x = x.valNext {
		if x == s || x.failed || !x.known() || x.o.client == nil || s.o.client == nil || x.o.client.driver == s.o.client.driver {
			continue
		}
		if x.o.adapter != s.o.adapter || x.o.owner != s.o.owner || x.o.ownerA != s.o.ownerA || x.o.owner == nil && x.o.ownerA == nil {
			continue
		}
		if inForce && (x.state == sapLeaving || x.state == sapLeft || x.cmDereg.state != opIdle || x.o.closeMark.state != markNone) {
			continue
		}
		return x
	}
	return nil
}

// sapHeld notes that the call manager took s, and judges that it could (SAP-02).
func (c *Checker) sapHeld(s *sap, at ev) {
	if s.held.seen() {
		return
	}
	s.held = at
	switch {
	case s.value.space == 0:
		c.skip(rule.SAP02, reasonNoKey)
		return
	case !s.known() || s.o.client == nil || s.o.owner == nil && s.o.ownerA == nil:
		c.skip(rule.SAP02, reasonRole)
	case c.unsure > 0:
		id := s.id
		c.hold(at, func() {
			if s.id == id && s.known() {
				c.judgeSapHeld(s, at)
			}
		})
	default:
		c.judgeSapHeld(s, at)
	}
	s.valNext, _ = c.saps.get(s.value)
	c.saps.put(s.value, s)
}

func (c *Checker) judgeSapHeld(s *sap, at ev) {
	c.check(rule.SAP02)
	if x := c.rival(s, true); x != nil && x.held.n < at.n {
		c.report(rule.SAP02, at, rule.CallManager, s.o.adapter, c.managerName(s.o),
			"the call manager accepted a SAP that "+c.clientName(x.o)+" has registered", s.cmReg.call, x.held)
	}
}

// sapRefused looks at a registration that failed: where another client has the SAP it is a
// conflict.
func (c *Checker) sapRefused(s *sap, at ev, st ndis.Status) {
	if s.refusal || s.held.seen() || st != ndis.StatusInvalidData && st != ndis.StatusSAPInUse {
		return
	}
	x := c.rival(s, true)
	if x != nil {
		c.check(rule.SAP02)
		if st == ndis.StatusSAPInUse {
			c.report(rule.SAP02, at, rule.CallManager, s.o.adapter, c.managerName(s.o),
				"the call manager refused a SAP that "+c.clientName(x.o)+" has with SAP_IN_USE; INVALID_DATA is documented", s.cmReg.call, x.held).
				severity(rule.Info)
		}
	} else if x = c.rival(s, false); x == nil {
		return
	}
	s.refusal = true
	asked := s.clReg.call
	if !asked.seen() {
		asked = s.cmReg.call
	}
	o := s.o
	c.conflicts = append(c.conflicts, Conflict{
		Seq: at.seq, Kind: ConflictRefusedSAP, Adapter: o.adapter.id, AF: c.afOf(o), Holder: c.clientName(x.o),
		Contender: c.clientName(o), Status: st, Events: sorted(x.clReg.call.seq, x.held.seq, asked.seq, at.seq),
		At: asked.ts, Since: x.held.ts, Until: NoTime, HeldFor: max(0, asked.ts-x.held.ts), from: x.held.ts, to: at.ts,
	})
}

// afOf is the address family of o for a report.
func (c *Checker) afOf(o *afOpen) AF {
	if o.reg != nil && !o.reg.assumed && (!o.hasTyp || o.reg.typ == o.typ) {
		return o.reg.af()
	}
	return AF{Type: o.typ}
}

// --- the client deregisters ---

func enterClDeregisterSap(c *Checker, cl *call) {
	s, d := c.sapOf(cl)
	switch {
	case d != nil:
		c.deregisteredDead(cl, d)
		return
	case s == nil:
		c.skip(rule.SAP05, reasonAssumed)
		if cl.has&format.HasSAP != 0 && cl.sap != 0 {
			// It is from before the trace: from here on it is gone.
			d := deadSap{label: cl.label, maybe: true}
			d.keys[0] = key{kindSAP<<56 | cl.ns, cl.sap}
			d.dereg.open(cl)
			d.dereg.shut(cl.ev)
			for _, p := range [...]*deadOp{&d.clReg, &d.cmReg, &d.clDereg, &d.cmDereg} {
				p.state = opUnknown
			}
			c.interSap(d)
		}
		return
	}
	cl.s, cl.sid = s, s.id
	if s.known() && s.o.client != nil {
		b := s.o.client
		cl.b = b
		c.saw(cl, b.driver, false)
		if p := b.pending; p != nil && p != s.o && p.clOpen.state == opPended {
			cl.verdict |= suspectAFPending
		}
	}
	c.check(rule.SAP05)
	c.check(rule.SAP06)
	c.check(rule.USE02)
	if s.dereg.state != markNone {
		cl.flag = true
		return
	}
	s.dereg.open(cl)
	s.clDereg.ask(cl.ev)
	if s.live() && s.since.seen() && s.known() {
		s.step(sapLeave)
		s.o.leaving++
	}
}

// deregisteredDead judges a deregistration of a SAP that is gone.
func (c *Checker) deregisteredDead(cl *call, d *deadSap) {
	c.check(rule.USE02)
	if d.failed {
		f := c.report(rule.USE02, cl.ev, rule.Client, nil, c.names[d.label],
			"NdisClDeregisterSap uses the NdisSapHandle of a registration that failed", d.clReg.last).stranger()
		f.Adapter = d.adapter
		return
	}
	if d.dereg.state == markNone {
		return
	}
	c.check(rule.SAP05)
	c.check(rule.SAP06)
	f := c.report(rule.SAP05, cl.ev, rule.Client, nil, c.names[d.label],
		"the client deregisters a SAP a second time", d.dereg.enter).also(rule.SAP06, rule.USE02)
	f.Adapter = d.adapter
	if d.lenient {
		c.unclear(f, rule.AMB18, rule.Info)
	}
	cl.found = f
}

func returnClDeregisterSap(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	c.stillPending(cl, at)
	s := cl.s
	if s == nil && (!known || st != ndis.StatusSuccess) {
		// One from before the trace is gone, or will be, unless this fails (AMB-18).
		if d := c.exhumeSap(key{kindSAP<<56 | cl.ns, cl.sap}); d != nil && d.maybe && d.dereg.enter.n == cl.ev.n {
			d.lenient = true
		}
	}
	if s != nil && s.id == cl.sid && cl.flag {
		cl.found = c.report(rule.SAP05, cl.ev, rule.Client, s.adapter(), s.names(c),
			"the client deregisters a SAP a second time", s.dereg.enter).also(rule.SAP06, rule.USE02)
		if s.deregFailed {
			c.unclear(cl.found, rule.AMB18, rule.Info)
		}
	}
	if f := cl.found; f != nil && known && st != ndis.StatusFailure {
		f.Message += ", and NDIS answers " + st.String() + " in place of FAILURE"
		c.extend(f, at)
	}
	if s == nil || s.id != cl.sid || cl.flag {
		return
	}
	if cl.thread.known {
		c.check(rule.SAP07)
	} else {
		c.skip(rule.SAP07, reasonAmbiguous)
	}
	s.dereg.shut(at)
	early := s.clDereg.done
	if s.clDereg.returned(at, st, known) == opUnpended && s.strictDereg {
		c.check(rule.SAP04)
		c.report(rule.SAP04, early, rule.NDIS, s.adapter(), s.names(c),
			"NDIS called ProtocolClDeregisterSapComplete for a deregistration that did not pend", cl.ev, at)
	}
	switch {
	case !known || st == ndis.StatusPending:
		s.deregFailed = !known // it may have
		c.settleSap(s)
	default:
		s.deregFailed = st != ndis.StatusSuccess // AMB-18: it is gone for the client
		c.endSap(s)
	}
}

// --- the call manager is told ---

func enterCmDeregisterSap(c *Checker, cl *call) {
	var s *sap
	if p := cl.inside(ndis.NdisClDeregisterSap); p != nil && p.s != nil && p.s.id == p.sid {
		s = p.s
	}
	if s == nil {
		s = c.byContext(cl, kindManagerSAP, func(s *sap) bool { return s.cmDereg.state == opIdle && s.clDereg.call.seen() })
	}
	if s == nil || s.cmDereg.state != opIdle {
		return
	}
	if s.mgrLabel == 0 {
		s.mgrLabel = cl.label
	}
	if s.known() {
		c.saw(cl, c.managerDriver(s.o), true)
	}
	cl.s, cl.sid = s, s.id
	s.cmDereg.ask(cl.ev)
}

func returnCmDeregisterSap(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	s := cl.s
	if s == nil || s.id != cl.sid {
		return
	}
	early := s.cmDereg.done
	c.check(rule.SAP04)
	if s.cmDereg.returned(at, st, known) == opUnpended {
		c.report(rule.SAP04, early, rule.CallManager, s.adapter(), s.managerNames(c),
			"the deregistration of a SAP was completed although ProtocolCmDeregisterSap did not return PENDING", cl.ev, at)
	}
	if known && st == ndis.StatusSuccess {
		s.cmDone = mark{enter: cl.ev, ret: at, thread: cl.thread, state: markReturned}
	}
	c.settleSap(s)
}

func enterCmDeregisterSapComplete(c *Checker, cl *call) {
	s := c.completedSap(cl, "the deregistration of a SAP was completed although it was not pending", func(d *deadSap) *deadOp { return &d.cmDereg })
	if s == nil {
		return
	}
	prev := s.cmDereg.done
	switch s.cmDereg.complete(cl.ev) {
	case opTwice:
		c.report(rule.SAP04, cl.ev, rule.CallManager, s.adapter(), s.managerNames(c),
			"the deregistration of a SAP was completed a second time", s.cmDereg.ret, prev).also(rule.SAP06, rule.USE02)
		return
	case opUnpended:
		if s.cmDereg.state == opIdle && (!s.known() || s.o.assumed || !s.hasMgr || !captured(c.managerDriver(s.o), true)) {
			c.skip(rule.SAP04, reasonNoUpcalls)
			break
		}
		c.report(rule.SAP04, cl.ev, rule.CallManager, s.adapter(), s.managerNames(c),
			"the deregistration of a SAP was completed although it was not pending", s.held, s.cmDereg.call, s.cmDereg.ret)
		return
	}
	cl.s, cl.sid = s, s.id
	if cl.has&format.HasStatus != 0 && cl.status == ndis.StatusPending {
		c.check(rule.SAP09)
		c.completedPending(cl, s, rule.CallManager, s.managerNames(c), s.cmDereg.ret)
		s.cmDereg.assume() // it completes nothing
		return
	}
	s.cmDone.open(cl)
	if cl.has&format.HasStatus == 0 {
		c.skip(rule.SAP09, reasonNoStatus)
		return
	}
	switch c.check(rule.SAP09); cl.status {
	case ndis.StatusSuccess:
	default:
		c.report(rule.SAP09, cl.ev, rule.CallManager, s.adapter(), s.managerNames(c),
			"the deregistration of a SAP was completed with "+cl.status.String()+"; it carries SUCCESS", s.cmDereg.ret).evident()
	}
}

func enterClDeregisterSapComplete(c *Checker, cl *call) {
	s := c.byContext(cl, kindClientSAP, func(s *sap) bool { return s.clDereg.running() })
	if cl.d.caller == callerSelf {
		return
	}
	if s == nil {
		c.deadCompletion(cl, c.buriedSap(cl, kindClientSAP), func(d *deadSap) *deadOp { return &d.clDereg })
		return
	}
	cl.s, cl.sid = s, s.id
	if s.known() && s.o.client != nil {
		c.saw(cl, s.o.client.driver, true)
	}
	if !c.completes(cl, s, &s.clDereg) {
		return
	}
	s.strictDereg = cl.d.caller == callerNDIS
	if cl.has&format.HasStatus != 0 && cl.status == ndis.StatusPending {
		c.completedPending(cl, s, rule.NDIS, s.names(c), s.clDereg.ret)
	}
	c.endSap(s) // AMB-18: whatever the status, it is gone for the client
}

// captured says whether callbacks of d (or calls by it) are in the trace.
func captured(d *driver, up bool) bool {
	return d != nil && (up && d.upSeen || !up && d.downSeen)
}

// --- what a deregistration leaves alone ---

// disturbed judges that NDIS does not end calls and VCs because a SAP is deregistered
// (SAP-07): cl is a callback right inside NdisClDeregisterSap.
func disturbed(c *Checker, cl *call) {
	p := cl.parent
	if p == nil || !cl.thread.known || p.fn != ndis.NdisClDeregisterSap {
		return
	}
	var a *adapter
	who := c.names[p.label]
	if s := p.s; s != nil && s.id == p.sid {
		a, who = s.adapter(), s.names(c)
	}
	c.report(rule.SAP07, cl.ev, rule.NDIS, a, who,
		"NDIS called "+cl.name()+" because a SAP was deregistered", p.ev)
}

// --- what is missing ---

// unansweredSap reports the first link that is missing in what s waits for. over is the row
// that ended the wait; atEnd says that the trace did.
func (c *Checker) unansweredSap(s *sap, over ev, atEnd bool) {
	if s.missed || s.known() && (s.o.assumed || s.o.state == afClosed) {
		return
	}
	var client, manager *driver
	if s.known() {
		manager = c.managerDriver(s.o)
		if s.o.client != nil {
			client = s.o.client.driver
		}
	}
	if manager == nil {
		manager = c.labelled(s.mgrLabel)
	}
	add := func(at ev, fault rule.Actor, who, msg string, proof ...ev) {
		s.missed = true
		c.check(rule.SAP04)
		f := c.report(rule.SAP04, at, fault, s.adapter(), who, msg, append(proof, over)...).also(rule.LEAK02)
		if atEnd {
			f.untilEnd()
		}
	}
	for _, x := range [...]struct {
		cm, cl   *op
		cmf, clf string
	}{
		{&s.cmReg, &s.clReg, "ProtocolCmRegisterSap", "ProtocolClRegisterSapComplete"},
		{&s.cmDereg, &s.clDereg, "ProtocolCmDeregisterSap", "ProtocolClDeregisterSapComplete"},
	} {
		switch {
		case x.cm.outstanding():
			if !captured(manager, false) || !s.hasHdl {
				c.skip(rule.SAP04, reasonNoCalls)
				return
			}
			add(x.cm.ret, rule.CallManager, s.managerNames(c), x.cmf+" returned PENDING and the request was never completed", x.cm.call, x.cl.call)
			return
		case x.cl.outstanding() && x.cm.state != opCalled:
			if !captured(client, true) || !s.hasCtx || x.cm.state == opIdle && !captured(manager, true) || x.cm.state == opUnknown {
				c.skip(rule.SAP04, reasonNoUpcalls)
				return
			}
			add(x.cl.ret, rule.NDIS, s.names(c), "the request pended and NDIS never called "+x.clf, x.cl.call, x.cm.last())
			return
		}
	}
}
