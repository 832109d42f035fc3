package replay

import (
	"strconv"
	"strings"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// What NDIS does inside the calls of drivers, as far as the transitions of the world do not do
// it. Each call is a small program, whose next step advance takes: first
// the callbacks that it causes, then its return.

// preState is what the world knew of the object of a call before the call changed it.
type preState struct {
	known   bool // the handle names something that is alive
	pending bool // the request that the call completes is pending, or may be
	closing bool // it is being ended already
	open    bool
	live    bool // it has SAPs or VCs
	active  bool
	leaving bool // it is being deactivated
	busy    bool // it carries a call
	last    bool // it is the last party
}

// pendingNotice is a notification that is due.
type pendingNotice struct {
	b   *binding
	bid uint64
	r   *registration
	rid uint64
}

// produces says which callbacks NDIS makes for reasons inside the model. Others are given by
// the drivers, like the calls of the environment.
var produces = func() (p [ndis.NumFuncs]bool) {
	for _, fn := range [...]ndis.Func{
		ndis.ProtocolCoAfRegisterNotify, ndis.ProtocolCmOpenAf, ndis.ProtocolClOpenAfCompleteEx,
		ndis.ProtocolCmCloseAf, ndis.ProtocolClCloseAfComplete, ndis.ProtocolClNotifyCloseAf, ndis.ProtocolCmNotifyCloseAfComplete,
		ndis.ProtocolCmRegisterSap, ndis.ProtocolClRegisterSapComplete, ndis.ProtocolCmDeregisterSap, ndis.ProtocolClDeregisterSapComplete,
		ndis.ProtocolCoCreateVc, ndis.MiniportCoCreateVc, ndis.ProtocolCoDeleteVc, ndis.MiniportCoDeleteVc,
		ndis.MiniportCoActivateVc, ndis.ProtocolCmActivateVcComplete, ndis.MiniportCoDeactivateVc, ndis.ProtocolCmDeactivateVcComplete,
		ndis.ProtocolCmMakeCall, ndis.ProtocolClMakeCallComplete, ndis.ProtocolClIncomingCall, ndis.ProtocolCmIncomingCallComplete,
		ndis.ProtocolClCallConnected, ndis.ProtocolCmCloseCall, ndis.ProtocolClCloseCallComplete, ndis.ProtocolClIncomingCloseCall,
		ndis.ProtocolCmModifyCallQoS, ndis.ProtocolClModifyCallQoSComplete, ndis.ProtocolClIncomingCallQoSChange,
		ndis.ProtocolCmAddParty, ndis.ProtocolClAddPartyComplete, ndis.ProtocolCmDropParty, ndis.ProtocolClDropPartyComplete,
		ndis.ProtocolClIncomingDropParty, ndis.ProtocolOpenAdapterCompleteEx, ndis.ProtocolCloseAdapterCompleteEx,
		ndis.ProtocolCoOidRequest, ndis.MiniportCoOidRequest, ndis.ProtocolCoOidRequestComplete,
	} {
		p[fn] = true
	}
	for fn := ndis.FuncUnknown + 1; fn < ndis.NumFuncs; fn++ {
		if p[fn.Modern()] {
			p[fn] = true
		}
	}
	return p
}()

// isCompletion says which functions complete a request that pended.
var isCompletion = func() (p [ndis.NumFuncs]bool) {
	for _, fn := range [...]ndis.Func{
		ndis.NdisCmOpenAddressFamilyComplete, ndis.NdisMCmOpenAddressFamilyComplete,
		ndis.NdisCmCloseAddressFamilyComplete, ndis.NdisMCmCloseAddressFamilyComplete, ndis.NdisClNotifyCloseAddressFamilyComplete,
		ndis.NdisCmRegisterSapComplete, ndis.NdisMCmRegisterSapComplete, ndis.NdisCmDeregisterSapComplete, ndis.NdisMCmDeregisterSapComplete,
		ndis.NdisMCoActivateVcComplete, ndis.NdisMCoDeactivateVcComplete, ndis.NdisCmMakeCallComplete, ndis.NdisMCmMakeCallComplete,
		ndis.NdisClIncomingCallComplete, ndis.NdisCmCloseCallComplete, ndis.NdisMCmCloseCallComplete,
		ndis.NdisCmModifyCallQoSComplete, ndis.NdisMCmModifyCallQoSComplete, ndis.NdisCmAddPartyComplete, ndis.NdisMCmAddPartyComplete,
		ndis.NdisCmDropPartyComplete, ndis.NdisMCmDropPartyComplete,
		ndis.NdisCoOidRequestComplete, ndis.NdisMCmOidRequestComplete, ndis.NdisMCoOidRequestComplete,
	} {
		p[fn] = true
	}
	return p
}()

func (x *Executor) ns(t *Thread) uint64 {
	if t.uprobe {
		return uint64(t.pid)
	}
	return 0
}

// pends says that a completion of o is in order.
func (o *op) pends() bool {
	return o.state == opCalled || o.state == opPended || o.state == opUnknown
}

// prepare notes what the world knows of the object before the call.
func (x *Executor) prepare(f *Frame) {
	c, r, ns, p := x.w, &f.Row, x.ns(f.t), &f.pre
	if answersOID(f.Function) && r.Has&format.HasDetail != 0 {
		var d detail
		d.parse(bytesOf(r.Detail))
		label := uint32(0)
		if r.Has&format.HasDriver != 0 {
			label = c.labels[r.Driver]
		}
		if q := c.requestOf(key{kindAnswer<<56 | ns, d.oidRequest}, label); q != nil && d.has&keyOIDRequest != 0 {
			f.oid, p.known, p.pending = q, true, q.op.pends()
		}
		return
	}
	if r.Has&format.HasAF != 0 {
		if o, ok := c.opens.get(key{kindAF<<56 | ns, r.AF}); ok {
			p.known = true
			p.closing = o.closeMark.state != markNone && !o.reopened
			p.open = o.state == afOpened || o.state == afClosing
			p.live = o.saps+o.vcs > 0
			switch f.Function {
			case ndis.NdisCmOpenAddressFamilyComplete, ndis.NdisMCmOpenAddressFamilyComplete:
				p.pending = o.cmOpen.pends()
			case ndis.NdisCmCloseAddressFamilyComplete, ndis.NdisMCmCloseAddressFamilyComplete:
				p.pending = o.cmClose.pends()
			case ndis.NdisClNotifyCloseAddressFamilyComplete:
				p.pending = o.clNotify.pends()
			case ndis.NdisCmNotifyCloseAddressFamily, ndis.NdisMCmNotifyCloseAddressFamily:
				p.busy = o.cmNotify.running()
			}
		}
	}
	if r.Has&format.HasSAP != 0 {
		if s, ok := c.saps.get(key{kindSAP<<56 | ns, r.SAP}); ok {
			p.known = true
			p.closing = s.state == sapLeaving
			p.open = s.live()
			switch f.Function {
			case ndis.NdisCmRegisterSapComplete, ndis.NdisMCmRegisterSapComplete:
				p.pending = s.cmReg.pends()
			case ndis.NdisCmDeregisterSapComplete, ndis.NdisMCmDeregisterSapComplete:
				p.pending = s.cmDereg.pends()
			}
		}
	}
	if r.Has&format.HasVC != 0 {
		if v, ok := c.vcs.get(key{kindVC<<56 | ns, r.VC}); ok {
			p.known = true
			p.active = v.active == yes
			p.leaving = v.deact.running()
			p.busy = v.busy()
			switch f.Function {
			case ndis.NdisMCoActivateVcComplete:
				p.pending = v.miniAct.pends()
			case ndis.NdisMCoDeactivateVcComplete:
				p.pending = v.miniDeact.pends()
			case ndis.NdisCmMakeCallComplete, ndis.NdisMCmMakeCallComplete:
				p.pending = v.cmMake.pends()
			case ndis.NdisClIncomingCallComplete:
				p.pending = v.incoming.pends()
			case ndis.NdisCmCloseCallComplete, ndis.NdisMCmCloseCallComplete:
				p.pending = v.cmClose.pends()
			case ndis.NdisCmModifyCallQoSComplete, ndis.NdisMCmModifyCallQoSComplete:
				p.pending = v.cmModify.pends()
			case ndis.NdisClCloseCall:
				p.closing = v.close.running()
			}
		}
	}
	if r.Has&format.HasParty != 0 && r.Party != 0 {
		if q, ok := c.parties.get(key{kindParty<<56 | ns, r.Party}); ok {
			p.last = q.last()
			switch f.Function {
			case ndis.NdisCmAddPartyComplete, ndis.NdisMCmAddPartyComplete:
				p.known, p.pending = true, q.cmAdd.pends()
			case ndis.NdisCmDropPartyComplete, ndis.NdisMCmDropPartyComplete:
				p.known, p.pending = true, q.cmDrop.pends()
			case ndis.NdisClDropParty:
				p.known, p.closing = true, q.drop.state != markNone
			}
		}
	}
}

// begin is the moment after the entry of a call.
func (x *Executor) begin(f *Frame) {
	switch f.Function {
	case ndis.NdisCmRegisterAddressFamilyEx, ndis.NdisMCmRegisterAddressFamilyEx, ndis.NdisClOpenAddressFamilyEx,
		ndis.NdisClCloseAddressFamily, ndis.NdisCmNotifyCloseAddressFamily, ndis.NdisMCmNotifyCloseAddressFamily,
		ndis.NdisClRegisterSap, ndis.NdisClDeregisterSap, ndis.NdisCoCreateVc, ndis.NdisMCmCreateVc, ndis.NdisCoDeleteVc,
		ndis.NdisMCmDeleteVc, ndis.NdisCmActivateVc, ndis.NdisMCmActivateVc, ndis.NdisCmDeactivateVc, ndis.NdisMCmDeactivateVc,
		ndis.NdisClMakeCall, ndis.NdisCmDispatchIncomingCall, ndis.NdisMCmDispatchIncomingCall,
		ndis.NdisCmDispatchCallConnected, ndis.NdisMCmDispatchCallConnected, ndis.NdisClCloseCall,
		ndis.NdisCmDispatchIncomingCloseCall, ndis.NdisMCmDispatchIncomingCloseCall, ndis.NdisClModifyCallQoS,
		ndis.NdisCmDispatchIncomingCallQoSChange, ndis.NdisMCmDispatchIncomingCallQoSChange,
		ndis.NdisClAddParty, ndis.NdisClDropParty, ndis.NdisCmDispatchIncomingDropParty, ndis.NdisMCmDispatchIncomingDropParty,
		ndis.NdisCoOidRequest, ndis.NdisMCmOidRequest:
	default:
		f.recorded = f.inv != nil && !isCompletion[f.Function]
		if a := f.cl.bind; a != nil && f.Function == ndis.NdisCompleteBindAdapterEx {
			x.announce(a.adapter, f.t, nil, a.b)
		}
	}
}

// ndisDue is when NDIS takes its next step inside the call f.
func (x *Executor) ndisDue(f *Frame) (uint64, bool) {
	if x.plan != nil && f.inv != nil {
		if f.recorded || f.pc == 0 {
			return x.plan.nextDue(f)
		}
		return 0, true
	}
	return 0, true
}

func (x *Executor) finish(f *Frame, st ndis.Status) {
	f.done, f.status = true, st
}

// event begins the row of a callback of the driver label in x.e.
func (x *Executor) event(fn ndis.Func, label uint32) *format.Event {
	x.e = format.Event{Function: fn}
	if label != 0 {
		x.e.Driver = x.w.names[label]
		x.e.Has = format.HasDriver
	}
	return &x.e
}

func context(e *format.Event, ctx uint64) {
	e.Context = ctx
	e.Has |= format.HasContext
}

func context2(e *format.Event, ctx uint64) {
	e.Context2 = ctx
	e.Has |= format.HasContext2
}

func statusOf(e *format.Event, st ndis.Status) {
	e.Status = uint32(st)
	e.Has |= format.HasStatus
}

func family(e *format.Event, from *format.Event) {
	e.AFType, e.AFMajor, e.AFMinor = from.AFType, from.AFMajor, from.AFMinor
	e.Has |= from.Has & (format.HasAFType | format.HasAFMajor | format.HasAFMinor)
}

// ask makes the callback x.e inside f: what its driver answers is the outcome of the call.
func (x *Executor) ask(f *Frame) {
	f.pc++
	inv := x.claim(&x.e, f)
	x.up(f.t, inv)
}

// complete makes the callback x.e that tells of an outcome: inside f, or on a thread of NDIS.
func (x *Executor) complete(f *Frame) {
	f.pc++
	f.told = true
	inv := x.claim(&x.e, f)
	e := &x.e
	nested := inv == nil || inv.below == f.inv && f.inv != nil
	if e.Function.Modern() == ndis.ProtocolClOpenAfCompleteEx && f.Row.Has&format.HasIRQL != 0 && f.Row.IRQL > 0 {
		nested = false
	}
	if nested && inv == nil && x.chance(2) == 1 {
		nested = false
	}
	if nested {
		x.up(f.t, inv)
		return
	}
	x.elsewhere(f, inv)
}

// elsewhere makes the callback x.e on a thread of NDIS: where it was in the recording, or else
// at once.
func (x *Executor) elsewhere(f *Frame, inv *recorded) {
	t := x.newThread()
	t.pid, t.hasPID, t.uprobe = f.t.pid, f.t.hasPID, f.t.uprobe
	l := x.newUpcall()
	l.row, l.inv = x.e, inv
	if x.e.Detail != callerNDISDetail {
		l.row.Detail = strings.Clone(x.e.Detail)
	}
	t.later = l
	t.due = 0
	if inv != nil {
		t.due = inv.n
	}
	x.push(t)
}

func (x *Executor) newUpcall() *upcall {
	if n := len(x.freeUps); n > 0 {
		l := x.freeUps[n-1]
		x.freeUps = x.freeUps[:n-1]
		return l
	}
	return new(upcall)
}

const callerNDISDetail = `{"caller":"ndis"}`

// asRecorded gives up on deciding: the world does not know enough. What was recorded is
// taken; without a recording the call fails.
func (x *Executor) asRecorded(f *Frame, otherwise ndis.Status) {
	if f.inv != nil && f.inv.hasReturn {
		f.recorded = true
		x.stats.Assumed++
		x.recordedStep(f)
		return
	}
	x.finish(f, otherwise)
}

// tellAsRecorded makes the completion of f, which pends as recorded, where it was recorded: the world
// does not know who is asked and completes it.
func (x *Executor) tellAsRecorded(f *Frame) {
	p := x.plan
	if p == nil || !f.recorded || f.told || f.inv == nil || f.status != ndis.StatusPending {
		return
	}
	var e format.Event
	if !p.completionOf(f, &e) {
		return
	}
	v := p.find(&e, f.inv)
	if v == nil {
		return
	}
	p.entry(&x.e, v)
	for i, n := range &v.nodes {
		if n != nil && !n.bound {
			*handleAt(&x.e, i) = x.handle()
		}
	}
	x.elsewhere(f, p.take(v, &x.e))
}

// recordedStatus is what the call returned in the recording.
func (f *Frame) recordedStatus() (ndis.Status, bool) {
	if f.inv == nil || !f.inv.hasReturn || f.inv.ret.Has&format.HasStatus == 0 {
		return 0, false
	}
	return ndis.Status(f.inv.ret.Status), true
}

// shortOfMemory says that NDIS ran out of memory in this call: an accident like those of the
// environment, so it is taken from the recording. NDIS had asked nobody then.
func (x *Executor) shortOfMemory(f *Frame) bool {
	st, ok := f.recordedStatus()
	return ok && st == ndis.StatusResources && !x.asksNext(f)
}

// asksNext says that in the recording NDIS asked a driver something inside f, which it has not
// asked here.
func (x *Executor) asksNext(f *Frame) bool {
	if x.plan == nil || f.inv == nil {
		return false
	}
	for v := f.inv.first; v != nil; v = v.next {
		if v.produced && v.state == invWaiting && !tells[v.fn] {
			return true
		}
	}
	return x.askedElsewhere(f) != nil
}

// askedElsewhere is the callback with which NDIS asked for what f, which has asked nobody yet, wants
// if that ran beside f in the recording: on another thread, or on one that is not known.
func (x *Executor) askedElsewhere(f *Frame) *recorded {
	if x.plan == nil || f.inv == nil || f.pc > 0 || f.recorded || f.inv.first != nil {
		return nil
	}
	var found *recorded
	look := func(fn ndis.Func, ctx uint64, has bool) {
		if !has {
			return
		}
		e := format.Event{Function: fn, AFType: f.Row.AFType, Has: f.Row.Has & format.HasAFType}
		context(&e, ctx)
		v := x.plan.find(&e, f.inv)
		if v == nil || v.below != nil && !v.below.up || f.inv.hasReturn && v.n > f.inv.retN || found != nil && found.n < v.n {
			return
		}
		found = v
	}
	cl := f.cl
	switch fn := f.Function; fn {
	case ndis.NdisClOpenAddressFamilyEx:
		if cl.b == nil || cl.b.adapter == nil {
			return nil
		}
		for _, r := range cl.b.adapter.regs {
			switch {
			case r.typ != cl.afType || !r.holds():
			case r.b != nil:
				look(ndis.ProtocolCmOpenAf, r.b.context, r.b.hasCtx)
			default:
				look(ndis.ProtocolCmOpenAf, cl.b.adapter.context, cl.b.adapter.hasCtx)
			}
		}
	case ndis.NdisClCloseAddressFamily:
		if o := x.liveOpen(f); o != nil {
			look(ndis.ProtocolCmCloseAf, o.managerCt, o.hasMgrCtx)
		}
	case ndis.NdisCmNotifyCloseAddressFamily, ndis.NdisMCmNotifyCloseAddressFamily:
		if o := x.liveOpen(f); o != nil {
			look(ndis.ProtocolClNotifyCloseAf, o.clientCtx, o.hasClCtx)
		}
	case ndis.NdisClRegisterSap:
		if o := x.liveOpen(f); o != nil {
			look(ndis.ProtocolCmRegisterSap, o.managerCt, o.hasMgrCtx)
		}
	case ndis.NdisClDeregisterSap:
		if s := x.liveSap(f); s != nil {
			look(ndis.ProtocolCmDeregisterSap, s.mgrCtx, s.hasMgr)
		}
	case ndis.NdisClAddParty:
		if v := cl.vcOf(); v != nil {
			look(ndis.ProtocolCmAddParty, v.ctx[sideManager].value, v.ctx[sideManager].has)
		}
	case ndis.NdisClDropParty:
		if p := cl.partyOf(); p != nil {
			look(ndis.ProtocolCmDropParty, p.ctx[sideManager].value, p.ctx[sideManager].has)
		}
	case ndis.NdisCmDispatchIncomingDropParty, ndis.NdisMCmDispatchIncomingDropParty:
		if p := cl.partyOf(); p != nil {
			look(ndis.ProtocolClIncomingDropParty, p.ctx[sideClient].value, p.ctx[sideClient].has)
		}
	case ndis.NdisCoCreateVc, ndis.NdisMCmCreateVc:
		v := cl.vcOf()
		if v == nil {
			return nil
		}
		if o := v.open(); o != nil && !v.signaling {
			switch v.creator {
			case sideClient:
				look(ndis.ProtocolCoCreateVc, o.managerCt, o.hasMgrCtx)
			case sideManager:
				look(ndis.ProtocolCoCreateVc, o.clientCtx, o.hasClCtx)
			}
		}
		if a := v.home(); a != nil {
			look(ndis.MiniportCoCreateVc, a.context, a.hasCtx)
		}
	case ndis.NdisCoDeleteVc, ndis.NdisMCmDeleteVc:
		v := cl.vcOf()
		if v == nil {
			return nil
		}
		if s := v.creator.peer(); s < numSides {
			look(ndis.ProtocolCoDeleteVc, v.ctx[s].value, v.ctx[s].has)
		}
		look(ndis.MiniportCoDeleteVc, v.ctx[sideMiniport].value, v.ctx[sideMiniport].has)
	default:
		r := &vcRoutes[fn]
		v := cl.vcOf()
		if r.ask == ndis.FuncNone || v == nil {
			return nil
		}
		if r.ask != ndis.ProtocolClIncomingCall {
			look(r.ask, v.ctx[r.to].value, v.ctx[r.to].has)
		} else if s, ok := x.w.saps.get(key{kindSAP<<56 | x.ns(f.t), f.Row.SAP}); ok {
			look(r.ask, s.ctx, s.hasCtx)
		}
	}
	return found
}

// tells says which callbacks tell of an outcome.
var tells = func() (p [ndis.NumFuncs]bool) {
	for fn := ndis.FuncUnknown + 1; fn < ndis.NumFuncs; fn++ {
		p[fn] = produces[fn] && strings.Contains(fn.String(), "Complete")
	}
	return p
}()

// toldThen is the status of the completion x.e in the recording.
func (x *Executor) toldThen(f *Frame, e *format.Event) (ndis.Status, bool) {
	if x.plan == nil || f.inv == nil {
		return 0, false
	}
	v := x.plan.find(e, f.inv)
	if v == nil || v.row.Has&format.HasStatus == 0 {
		return 0, false
	}
	return ndis.Status(v.row.Status), true
}

// pended says that the client saw PENDING in the recording although the answer was known
// (AMB-06).
func (x *Executor) pended(f *Frame, st ndis.Status) bool {
	if st == ndis.StatusPending {
		return false
	}
	rec, ok := f.recordedStatus()
	return ok && rec == ndis.StatusPending
}

func (x *Executor) liveOpen(f *Frame) *afOpen {
	if o := f.cl.o; o != nil && o.id == uint64(f.cl.n) {
		return o
	}
	return nil
}

func (x *Executor) liveSap(f *Frame) *sap {
	if s := f.cl.s; s != nil && s.id == f.cl.sid && s.id != 0 {
		return s
	}
	return nil
}

// advance takes NDIS's next step inside the call f.
func (x *Executor) advance(f *Frame) {
	if f.recorded {
		x.recordedStep(f)
		return
	}
	if p := x.plan; p != nil && f.inv != nil {
		if p.shift(f.inv); f.inv.first != nil && !f.inv.first.produced {
			x.nested(f)
			return
		}
	}
	switch f.Function {
	case ndis.NdisCoOidRequest, ndis.NdisMCmOidRequest:
		x.oidRequest(f)
	case ndis.NdisCoOidRequestComplete, ndis.NdisMCmOidRequestComplete, ndis.NdisMCoOidRequestComplete:
		x.oidAnswer(f)
	case ndis.NdisCmRegisterAddressFamilyEx, ndis.NdisMCmRegisterAddressFamilyEx:
		x.finish(f, ndis.StatusSuccess) // decided in leaveCall
	case ndis.NdisClOpenAddressFamilyEx:
		x.openAF(f)
	case ndis.NdisClCloseAddressFamily:
		x.closeAF(f)
	case ndis.NdisCmNotifyCloseAddressFamily, ndis.NdisMCmNotifyCloseAddressFamily:
		x.notifyClose(f)
	case ndis.NdisCmOpenAddressFamilyComplete, ndis.NdisMCmOpenAddressFamilyComplete,
		ndis.NdisCmCloseAddressFamilyComplete, ndis.NdisMCmCloseAddressFamilyComplete, ndis.NdisClNotifyCloseAddressFamilyComplete:
		x.completeAF(f)
	case ndis.NdisClRegisterSap, ndis.NdisClDeregisterSap:
		x.sapCall(f)
	case ndis.NdisCmRegisterSapComplete, ndis.NdisMCmRegisterSapComplete, ndis.NdisCmDeregisterSapComplete, ndis.NdisMCmDeregisterSapComplete:
		x.completeSap(f)
	case ndis.NdisCoCreateVc, ndis.NdisMCmCreateVc:
		x.createVC(f)
	case ndis.NdisCoDeleteVc, ndis.NdisMCmDeleteVc:
		x.deleteVC(f)
	case ndis.NdisClAddParty, ndis.NdisClDropParty, ndis.NdisCmDispatchIncomingDropParty, ndis.NdisMCmDispatchIncomingDropParty,
		ndis.NdisCmAddPartyComplete, ndis.NdisMCmAddPartyComplete, ndis.NdisCmDropPartyComplete, ndis.NdisMCmDropPartyComplete:
		x.partyCall(f)
	case ndis.NdisCmActivateVc, ndis.NdisMCmActivateVc, ndis.NdisCmDeactivateVc, ndis.NdisMCmDeactivateVc,
		ndis.NdisClMakeCall, ndis.NdisCmDispatchIncomingCall, ndis.NdisMCmDispatchIncomingCall,
		ndis.NdisCmDispatchCallConnected, ndis.NdisMCmDispatchCallConnected, ndis.NdisClCloseCall,
		ndis.NdisCmDispatchIncomingCloseCall, ndis.NdisMCmDispatchIncomingCloseCall, ndis.NdisClModifyCallQoS,
		ndis.NdisCmDispatchIncomingCallQoSChange, ndis.NdisMCmDispatchIncomingCallQoSChange,
		ndis.NdisMCoActivateVcComplete, ndis.NdisMCoDeactivateVcComplete, ndis.NdisCmMakeCallComplete, ndis.NdisMCmMakeCallComplete,
		ndis.NdisClIncomingCallComplete, ndis.NdisCmCloseCallComplete, ndis.NdisMCmCloseCallComplete,
		ndis.NdisCmModifyCallQoSComplete, ndis.NdisMCmModifyCallQoSComplete:
		x.vcCall(f)
	default:
		x.frame(f)
	}
}

// frame is a call of the frame around address families (drivers, adapters, bindings), or one of the data
// path, that no recording answers.
func (x *Executor) frame(f *Frame) {
	switch f.Function {
	case ndis.NdisRegisterProtocolDriver:
		if f.pc == 0 {
			f.h = x.handle()
			e := x.event(ndis.ProtocolSetOptions, f.cl.label)
			context(e, f.Row.Context)
			x.buf = append(strconv.AppendUint(append(x.buf[:0], `{"protocol":"0x`...), f.h, 16), `"}`...)
			e.Detail = string(x.buf)
			e.Has |= format.HasDetail
			x.ask(f)
			return
		}
		x.buf = append(strconv.AppendUint(append(x.buf[:0], `{"protocol":"0x`...), f.h, 16), `"}`...)
		f.Result.Detail = string(x.buf)
		f.Result.Has |= format.HasDetail
		x.finish(f, ndis.StatusSuccess)
	case ndis.NdisOpenAdapterEx:
		b := f.cl.b
		if b == nil || b.attempt == nil || b.attempt.finished() {
			x.finish(f, ndis.StatusFailure)
			return
		}
		f.Result.Binding = x.handle()
		f.Result.Has |= format.HasBinding
		x.finish(f, ndis.StatusSuccess)
	case ndis.NdisCoSendNetBufferLists, ndis.NdisMCoSendNetBufferListsComplete, ndis.NdisMCoIndicateReceiveNetBufferLists:
		if f.pc == 0 && x.passData(f) {
			return
		}
		x.finish(f, 0)
	default:
		x.finish(f, ndis.StatusSuccess)
	}
}

// passData makes the callback for data of a client on a VC: to the miniport driver, or back. It
// says whether there is one.
func (x *Executor) passData(f *Frame) bool {
	v, ok := x.w.vcs.get(key{kindVC<<56 | x.ns(f.t), f.Row.VC})
	if !ok || !v.ctx[sideClient].has {
		return false
	}
	var e *format.Event
	switch f.Function {
	case ndis.NdisCoSendNetBufferLists:
		at := sideMiniport
		if v.mcm == yes {
			at = sideManager // which is the miniport driver
		}
		if !v.ctx[at].has {
			return false
		}
		e = x.event(ndis.MiniportCoSendNetBufferLists, x.vcLabel(v, sideMiniport))
		context(e, v.ctx[at].value)
	case ndis.NdisMCoSendNetBufferListsComplete:
		e = x.event(ndis.ProtocolCoSendNetBufferListsComplete, x.vcLabel(v, sideClient))
		context(e, v.ctx[sideClient].value)
	default:
		o := v.open()
		if o == nil || o.client == nil || !o.client.hasCtx {
			return false
		}
		e = x.event(ndis.ProtocolCoReceiveNetBufferLists, x.vcLabel(v, sideClient))
		context(e, o.client.context)
		context2(e, v.ctx[sideClient].value)
	}
	x.pass(e, f)
	x.ask(f)
	return true
}

// --- registration and notification ---

func registers(fn ndis.Func) bool {
	return fn == ndis.NdisCmRegisterAddressFamilyEx || fn == ndis.NdisMCmRegisterAddressFamilyEx
}

// registering is what a registration comes to (rules REG, AMB-01 and AMB-03) at the
// moment of the answer.
func (x *Executor) registering(f *Frame) ndis.Status {
	c, cl, r := x.w, f.cl, f.cl.reg
	rec, has := f.recordedStatus()
	if has && rec == ndis.StatusResources {
		return rec
	}
	if r == nil || r.adapter == nil {
		x.stats.Assumed++
		if has {
			return rec
		}
		return ndis.StatusFailure
	}
	a := r.adapter
	if b := r.b; b != nil {
		if b.close.state != markNone && b.close.enter.n < cl.ev.n || b.unbind.state != markNone && b.unbind.enter.n < cl.ev.n || !b.valid() && !b.close.enter.seen() {
			return ndis.StatusFailure
		}
		if (b.close.state != markNone || b.unbind.state != markNone) && !(has && rec == ndis.StatusSuccess) {
			return ndis.StatusFailure // it began to go while the call ran
		}
		if c.isCO(r.driver) == no || a.co == no {
			return ndis.StatusFailure
		}
	} else if a.halt.state != markNone || a.co == no {
		return ndis.StatusFailure
	}
	free := false // whether it may fail, as recorded
	for _, o := range a.regs {
		if o == r {
			continue
		}
		same, _ := c.sameAF(o, cl)
		switch {
		case !same && o.typ == cl.afType && o.state != regFailed: // AMB-01
			free = true
		case !same || o.state == regFailed:
		case o.state == regCalling:
			free = true
		case o.ownedBy(r.b) && !r.mcm && has: // AMB-03
			return rec
		case o.end.state != markNone && has:
			return rec
		default:
			return ndis.StatusFailure
		}
	}
	for _, o := range a.past {
		if same, _ := c.sameAF(o, cl); same && o.state != regFailed && o.end.ret.ts >= cl.ts {
			free = true
		}
	}
	if has && rec == ndis.StatusFailure && (free || !c.knownAdapter(a)) {
		return rec
	}
	return ndis.StatusSuccess
}

// announce makes the notifications that are due on a: of each registration, to each client
// binding, in the order in which they came. Only those that concern one registration, or one
// binding, are looked at if it is given.
func (x *Executor) announce(a *adapter, like *Thread, reg *registration, bound *binding) {
	if a == nil {
		return
	}
	x.notify = x.notify[:0]
	for _, r := range a.regs {
		if reg != nil && r != reg {
			continue
		}
		if _, ready := r.ready(); !ready || r.repeats || r.end.state != markNone {
			continue
		}
		if r.mcm || r.b != nil {
			if r.withdrawn().state != markNone {
				continue
			}
		}
		if bound != nil && r.b != bound {
			if bound.adapter == a && x.notifiable(bound, r) {
				x.notify = append(x.notify, pendingNotice{bound, bound.id, r, r.id})
			}
			continue
		}
		for _, b := range a.bindings {
			if b.id != 0 && b != r.b && x.notifiable(b, r) {
				x.notify = append(x.notify, pendingNotice{b, b.id, r, r.id})
			}
		}
	}
	for i := range x.notify {
		j := i + x.chance(len(x.notify)-i)
		x.notify[i], x.notify[j] = x.notify[j], x.notify[i]
	}
	for i := range x.notify {
		n := &x.notify[i]
		if n.b.id != n.bid || n.r.id != n.rid || n.b.notice(n.r) != nil {
			continue
		}
		t := x.worker(like)
		inv := x.claim(x.noticeOf(n.b, n.r), nil)
		x.up(t, inv)
		x.schedule(t)
	}
}

func (x *Executor) noticeOf(b *binding, r *registration) *format.Event {
	e := x.event(ndis.ProtocolCoAfRegisterNotify, b.label)
	context(e, b.context)
	e.AFType = r.typ
	e.Has |= format.HasAFType
	if r.hasVer {
		e.AFMajor, e.AFMinor = r.major, r.minor
		e.Has |= format.HasAFMajor | format.HasAFMinor
	}
	return e
}

// notifiable says that b is to be told of r: a client, bound, and not told yet. A driver that
// registered the AF itself, and one of which the roles are not known, is told if it was in
// the recording (AMB-04).
func (x *Executor) notifiable(b *binding, r *registration) bool {
	c := x.w
	if !b.hasCtx || !b.valid() || b.unbind.state != markNone || b.close.state != markNone || b.notice(r) != nil {
		return false
	}
	if !b.complete.seen() && !(b.assumed || b.attempt == nil) {
		return false
	}
	if b.driver == nil || c.isCO(b.driver) == no {
		return false
	}
	if b.driver != r.driver && !b.assumed && c.hasRole(b.driver, roleClient) == yes {
		return true
	}
	return x.plan != nil && x.plan.expected(x.noticeOf(b, r))
}

// returned does what follows the return of a call.
func (x *Executor) returned(f *Frame) {
	x.tellAsRecorded(f)
	switch f.Function {
	case ndis.NdisCmRegisterAddressFamilyEx, ndis.NdisMCmRegisterAddressFamilyEx:
		if f.status == ndis.StatusSuccess && f.cl.reg != nil {
			x.announce(f.cl.reg.adapter, f.t, f.cl.reg, nil)
		}
	case ndis.NdisOpenAdapterEx, ndis.NdisCloseAdapterEx:
		if f.status == ndis.StatusPending && f.cl.b != nil && !f.told {
			x.completeAdapter(f)
		}
	case ndis.NdisCompleteBindAdapterEx:
		if a := f.cl.bind; a != nil {
			x.announce(a.adapter, f.t, nil, a.b)
		}
	}
}

// completeAdapter completes the open or the close of an adapter that NDIS let pend.
func (x *Executor) completeAdapter(f *Frame) {
	b := f.cl.b
	var e *format.Event
	if f.Function == ndis.NdisOpenAdapterEx {
		if f.Row.Has&format.HasContext == 0 || b.open.state == opDone {
			return
		}
		e = x.event(ndis.ProtocolOpenAdapterCompleteEx, b.label)
		context(e, f.Row.Context)
		st, _ := x.toldThen(f, e)
		statusOf(e, st)
	} else {
		if !b.hasCtx || b.closeOp.state == opDone {
			return
		}
		e = x.event(ndis.ProtocolCloseAdapterCompleteEx, b.label)
		context(e, b.context)
	}
	x.elsewhere(f, x.claim(e, f))
}

// unbindNext has the next binding unbound of the driver that f deregisters.
func (x *Executor) unbindNext(f *Frame) bool {
	d := f.cl.drv
	if d == nil {
		return false
	}
	for b := x.w.newest; b != nil; b = b.older {
		if b.driver != d || !b.valid() || !b.hasCtx || b.assumed || b.unbind.state != markNone || b.close.state != markNone {
			continue
		}
		e := x.event(ndis.ProtocolUnbindAdapterEx, b.label)
		context(e, b.context)
		x.buf = append(strconv.AppendUint(append(x.buf[:0], `{"unbind_context":"0x`...), x.handle(), 16), `"}`...)
		e.Detail = string(x.buf)
		e.Has |= format.HasDetail
		x.up(f.t, nil)
		return true
	}
	return false
}

// --- OID requests ---

// answersOID says that f completes an OID request.
func answersOID(fn ndis.Func) bool {
	return fn == ndis.NdisCoOidRequestComplete || fn == ndis.NdisMCmOidRequestComplete || fn == ndis.NdisMCoOidRequestComplete
}

// oidRequest is a request to the other side of an AF open, or to the miniport.
func (x *Executor) oidRequest(f *Frame) {
	c, cl := x.w, f.cl
	if f.pc > 0 {
		st := f.upStatus
		if q := cl.q; q != nil && q.id == cl.qid && q.op.state == opEarly {
			st = ndis.StatusPending
		}
		x.finish(f, st)
		return
	}
	if f.Row.Has&format.HasAF == 0 || cl.d.has&keyOIDRequest == 0 {
		x.asRecorded(f, ndis.StatusFailure)
		return
	}
	var e *format.Event
	switch o := x.liveOpen(f); {
	case f.Row.AF == 0:
		b := cl.b
		if b == nil || b.adapter == nil || b.adapter.driver == nil || b.adapter.driver.label == 0 || !b.adapter.hasCtx {
			x.asRecorded(f, ndis.StatusFailure)
			return
		}
		e = x.event(ndis.MiniportCoOidRequest, b.adapter.driver.label)
		context(e, b.adapter.context)
	case o == nil:
		x.refuse(f)
		return
	default:
		fromManager := f.Function == ndis.NdisMCmOidRequest || c.byManager(cl, o) || o.owner != nil && cl.b == o.owner
		if fromManager && o.hasClCtx {
			e = x.event(ndis.ProtocolCoOidRequest, c.clientLabel(o))
			context(e, o.clientCtx)
		} else if !fromManager && o.hasMgrCtx {
			e = x.event(ndis.ProtocolCoOidRequest, o.mgrLabel)
			context(e, o.managerCt)
		} else {
			x.asRecorded(f, ndis.StatusFailure)
			return
		}
	}
	if v := x.asksNextOf(f); v != nil && v.row.Has&format.HasContext2 != 0 {
		context2(e, v.row.Context2) // the VC's, which the handle alone does not give
	}
	x.pass(e, f)
	x.ask(f)
}

// asksNextOf is the callback that NDIS made next inside f in the recording.
func (x *Executor) asksNextOf(f *Frame) *recorded {
	if x.plan == nil || f.inv == nil {
		return nil
	}
	return f.inv.nextNested()
}

// oidAnswer completes an OID request: who made it is told.
func (x *Executor) oidAnswer(f *Frame) {
	q := f.oid
	p := (*request)(nil)
	if q != nil && q.peer != nil && q.peer.id == q.peerID {
		p = q.peer
	}
	st := ndis.Status(f.Row.Status)
	switch {
	case f.pc > 0 || q == nil || !f.pre.pending || st == ndis.StatusPending:
		x.finish(f, 0)
	case p == nil || p.label == 0:
		x.asRecorded(f, 0)
	default:
		e := x.event(ndis.ProtocolCoOidRequestComplete, p.label)
		if o := p.o; o != nil && o.id == p.afid {
			if p.label == x.w.clientLabel(o) {
				context(e, o.clientCtx)
			} else if o.hasMgrCtx {
				context(e, o.managerCt)
			}
		}
		statusOf(e, st)
		x.buf = strconv.AppendUint(append(x.buf[:0], `{"caller":"ndis","oid":`...), p.oid, 10)
		x.buf = append(strconv.AppendUint(append(x.buf, `,"oid_request":"0x`...), p.k.value, 16), `"}`...)
		e.Detail = string(x.buf)
		e.Has |= format.HasDetail
		x.complete(f)
	}
}

// answered does what follows the return of a callback.
func (x *Executor) answered(f *Frame) {
	switch f.Function {
	case ndis.ProtocolBindAdapterEx:
		if a := f.cl.bind; a != nil {
			x.announce(a.adapter, f.t, nil, a.b)
		}
	case ndis.MiniportInitializeEx:
		x.announce(f.cl.a, f.t, nil, nil)
	}
}

// --- opens ---

func (x *Executor) openAF(f *Frame) {
	o, b := x.liveOpen(f), f.cl.b
	switch f.pc {
	case 0:
		if o == nil || b == nil || b.adapter == nil || f.Row.Has&format.HasAFType == 0 {
			x.asRecorded(f, ndis.StatusFailure)
			return
		}
		if x.shortOfMemory(f) {
			x.finish(f, ndis.StatusResources)
			return
		}
		if !x.asksNext(f) && x.pended(f, ndis.StatusResources) {
			if st, ok := x.toldThen(f, x.openedEvent(o)); ok && st == ndis.StatusResources {
				x.tellOpened(f, o, st, 0)
				return
			}
		}
		r, known := x.server(f, o, b)
		if !known {
			x.asRecorded(f, ndis.StatusFailure)
			return
		}
		if r == nil {
			if x.pended(f, ndis.StatusFailure) {
				x.tellOpened(f, o, ndis.StatusFailure, 0)
				return
			}
			x.finish(f, ndis.StatusFailure)
			return
		}
		f.h = x.handle()
		e := x.event(ndis.ProtocolCmOpenAf, r.label)
		if r.b != nil {
			context(e, r.b.context)
		} else {
			context(e, r.adapter.context)
		}
		family(e, &f.Row)
		e.AF = f.h
		e.Has |= format.HasAF
		x.ask(f)
	default:
		if f.told {
			x.finish(f, ndis.StatusPending)
			return
		}
		if o == nil {
			x.finish(f, f.upStatus)
			return
		}
		if o.clOpen.state == opEarly { // the call manager completed before it returned
			x.finish(f, ndis.StatusPending)
			return
		}
		if x.pended(f, f.upStatus) {
			x.tellOpened(f, o, f.upStatus, f.h)
			return
		}
		if f.upStatus == ndis.StatusSuccess {
			f.Result.AF = f.h
			f.Result.Has |= format.HasAF
		}
		x.finish(f, f.upStatus)
	}
}

// server is the claim that an open finds, nil if there is none. It is not known if the AF may
// have been registered out of sight.
func (x *Executor) server(f *Frame, o *afOpen, b *binding) (r *registration, known bool) {
	c, cl := x.w, f.cl
	asks := x.asksNext(f)
	if o.late.seen() {
		return nil, true
	}
	if (b.unbind.state != markNone || b.close.state != markNone) && !asks {
		return nil, true
	}
	live, maybe := c.serving(b.adapter, cl)
	if r := x.askedOf(f, b.adapter); live != nil && r != nil {
		live = r
	} else if live != nil && !asks && x.otherVersion(live, cl) && x.refusedThen(f, o) {
		return nil, true
	}
	if live == nil {
		if maybe != nil && asks && (maybe.state == regLive || maybe.state == regCalling) {
			live = maybe // it served while the registration was ending, or beginning
		} else if c.knownAdapter(b.adapter) || maybe != nil {
			return nil, true
		} else {
			return nil, false
		}
	}
	if live.assumed || live.b == nil && !live.mcm {
		return nil, false
	}
	if w := live.withdrawn(); w.state != markNone && (w.enter.n < cl.ev.n || !asks) {
		return nil, true
	}
	if live.b != nil && !live.b.hasCtx || live.mcm && !live.adapter.hasCtx {
		return nil, false
	}
	return live, true
}

// otherVersion says that cl names another version of the type than r (AMB-01).
func (x *Executor) otherVersion(r *registration, cl *call) bool {
	same, versions := x.w.sameAF(r, cl)
	return r.typ == cl.afType && (!same || versions)
}

// refusedThen says that the open f failed in the recording.
func (x *Executor) refusedThen(f *Frame, o *afOpen) bool {
	if x.failedThen(f) {
		return true
	}
	st, ok := ndis.StatusSuccess, false
	if x.pended(f, ndis.StatusFailure) {
		st, ok = x.toldThen(f, x.openedEvent(o))
	}
	return ok && st != ndis.StatusSuccess
}

// askedOf is the claim of the call manager that was asked in the recording, of several that hold versions
// of the type which f opens (AMB-01).
func (x *Executor) askedOf(f *Frame, a *adapter) *registration {
	v := x.asksNextOf(f)
	if v == nil || v.fn != ndis.ProtocolCmOpenAf || v.row.Has&format.HasContext == 0 {
		return nil
	}
	for _, r := range a.regs {
		if r.typ != f.cl.afType || !r.holds() || r.end.state != markNone {
			continue
		}
		if r.b != nil && r.b.hasCtx && r.b.context == v.row.Context || r.b == nil && r.mcm && a.hasCtx && a.context == v.row.Context {
			return r
		}
	}
	return nil
}

// openedEvent is what a ProtocolClOpenAfCompleteEx for o is known by.
func (x *Executor) openedEvent(o *afOpen) *format.Event {
	e := x.event(ndis.ProtocolClOpenAfCompleteEx, x.w.clientLabel(o))
	context(e, o.clientCtx)
	return e
}

// tellOpened is ProtocolClOpenAfCompleteEx.
func (x *Executor) tellOpened(f *Frame, o *afOpen, st ndis.Status, h uint64) {
	e := x.event(ndis.ProtocolClOpenAfCompleteEx, x.w.clientLabel(o))
	context(e, o.clientCtx)
	statusOf(e, st)
	if st != ndis.StatusSuccess {
		h = 0
	}
	e.AF = h
	e.Has |= format.HasAF | format.HasDetail
	e.Detail = callerNDISDetail
	x.complete(f)
}

// --- closes ---

func (x *Executor) closeAF(f *Frame) {
	o := x.liveOpen(f)
	switch {
	case f.pc == 0 && (o == nil || !f.pre.known && !o.assumed):
		x.unknown(f)
		x.finish(f, ndis.StatusFailure)
	case f.pc == 0 && (f.pre.closing || o.state == afDead):
		x.finish(f, ndis.StatusFailure)
	case f.pc == 0 && (o.assumed || !o.hasMgrCtx):
		x.asRecorded(f, ndis.StatusFailure)
	case f.pc == 0 && f.pre.live && !x.asksNext(f) && x.failedThen(f): // AMB-07
		x.finish(f, ndis.StatusFailure)
	case f.pc == 0:
		e := x.event(ndis.ProtocolCmCloseAf, o.mgrLabel)
		context(e, o.managerCt)
		x.ask(f)
	case f.told, o != nil && o.clClose.state == opEarly:
		x.finish(f, ndis.StatusPending)
	case o != nil && x.pended(f, f.upStatus):
		x.tellClosed(f, o, f.upStatus)
	default:
		x.finish(f, f.upStatus)
	}
}

// failedThen says that the call failed in the recording.
func (x *Executor) failedThen(f *Frame) bool {
	st, ok := f.recordedStatus()
	return ok && st != ndis.StatusSuccess && st != ndis.StatusPending
}

// refusedUnasked refuses what f asks for if NDIS did so in the recording and asked nobody. It may
// where f runs beside the end of the AF open o; elsewhere the rows do not say why it did.
func (x *Executor) refusedUnasked(f *Frame, o *afOpen) bool {
	if !x.failedThen(f) && !x.failedLater(f) || x.asksNext(f) {
		return false
	}
	if o != nil && (o.closeMark.state != markNone || o.cmNotify.state != opIdle) {
		st, _ := f.recordedStatus()
		x.finish(f, st)
	} else {
		x.asRecorded(f, ndis.StatusFailure)
	}
	return true
}

// failedLater says that the call pended in the recording, failed then, and no driver completed it.
func (x *Executor) failedLater(f *Frame) bool {
	if x.plan == nil || !x.pended(f, ndis.StatusFailure) {
		return false
	}
	var e format.Event
	if !x.plan.completionOf(f, &e) {
		return false
	}
	st, ok := x.toldThen(f, &e)
	return ok && st != ndis.StatusSuccess && st != ndis.StatusPending
}

// unknown counts f, whose handle names nothing, unless it did so before.
func (x *Executor) unknown(f *Frame) {
	if f.inv != nil && f.inv.noded {
		for i, n := range &f.inv.nodes {
			if i > 0 && n != nil && n.bound {
				return
			}
		}
	}
	x.stats.Unknown++
}

func (x *Executor) tellClosed(f *Frame, o *afOpen, st ndis.Status) {
	e := x.event(ndis.ProtocolClCloseAfComplete, x.w.clientLabel(o))
	context(e, o.clientCtx)
	statusOf(e, st)
	e.Has |= format.HasDetail
	e.Detail = callerNDISDetail
	x.complete(f)
}

func (x *Executor) notifyClose(f *Frame) {
	o := x.liveOpen(f)
	switch {
	case f.pc == 0 && (o == nil || !f.pre.known && !o.assumed):
		x.unknown(f)
		x.finish(f, ndis.StatusFailure)
	case f.pc == 0 && (o.assumed || !o.hasClCtx || o.client == nil):
		x.asRecorded(f, ndis.StatusFailure)
	case f.pc == 0 && f.pre.busy, f.pc == 0 && (f.pre.closing || !f.pre.open) && !x.asksNext(f):
		x.finish(f, ndis.StatusFailure)
	case f.pc == 0 && o.closeMark.state != markNone && x.failedThen(f) && !x.asksNext(f): // the client closes it meanwhile
		x.finish(f, ndis.StatusFailure)
	case f.pc == 0:
		e := x.event(ndis.ProtocolClNotifyCloseAf, x.w.clientLabel(o))
		context(e, o.clientCtx)
		x.ask(f)
	case o != nil && o.cmNotify.state == opEarly:
		x.finish(f, ndis.StatusPending)
	default:
		x.finish(f, f.upStatus)
	}
}

// completeAF is the completion of an open, a close or the answer to a notified close.
func (x *Executor) completeAF(f *Frame) {
	o := x.liveOpen(f)
	st := ndis.Status(f.Row.Status)
	switch {
	case f.pc > 0:
		x.finish(f, 0)
	case o == nil:
		x.unknown(f)
		x.finish(f, 0)
	case !f.pre.pending || st == ndis.StatusPending:
		x.finish(f, 0) // nothing pends: nobody is told
	case f.Function == ndis.NdisClNotifyCloseAddressFamilyComplete:
		if !o.hasMgrCtx {
			x.asRecorded(f, 0)
			return
		}
		e := x.event(ndis.ProtocolCmNotifyCloseAfComplete, o.mgrLabel)
		context(e, o.managerCt)
		statusOf(e, st)
		e.Detail = callerNDISDetail
		e.Has |= format.HasDetail
		x.complete(f)
	case !o.hasClCtx || o.client == nil:
		x.asRecorded(f, 0)
	case f.Function == ndis.NdisCmOpenAddressFamilyComplete, f.Function == ndis.NdisMCmOpenAddressFamilyComplete:
		x.tellOpened(f, o, st, f.Row.AF)
	default:
		x.tellClosed(f, o, st)
	}
}

// --- SAPs ---

func (x *Executor) sapCall(f *Frame) {
	s := x.liveSap(f)
	register := f.Function == ndis.NdisClRegisterSap
	switch {
	case f.pc == 0 && register:
		o := x.liveOpen(f)
		switch {
		case s == nil || o == nil:
			x.unknown(f)
			x.finish(f, ndis.StatusFailure)
		case x.shortOfMemory(f):
			x.finish(f, ndis.StatusResources)
		case f.pre.closing || !f.pre.open && !o.assumed && !x.asksNext(f):
			x.finish(f, ndis.StatusFailure)
		case o.assumed || !o.hasMgrCtx:
			x.asRecorded(f, ndis.StatusFailure)
		case x.refusedUnasked(f, o):
		default:
			f.h = x.handle()
			e := x.event(ndis.ProtocolCmRegisterSap, o.mgrLabel)
			context(e, o.managerCt)
			e.SAP = f.h
			e.Has |= format.HasSAP
			x.pass(e, f)
			x.ask(f)
		}
	case f.pc == 0:
		switch {
		case s == nil || !f.pre.known && s.known():
			x.unknown(f)
			x.finish(f, ndis.StatusFailure)
		case f.pre.closing:
			x.finish(f, ndis.StatusFailure)
		case !s.hasMgr:
			x.asRecorded(f, ndis.StatusFailure)
		case x.refusedUnasked(f, nil):
		default:
			e := x.event(ndis.ProtocolCmDeregisterSap, s.mgrLabel)
			context(e, s.mgrCtx)
			x.ask(f)
		}
	case f.told, s != nil && register && s.clReg.state == opEarly, s != nil && !register && s.clDereg.state == opEarly:
		x.finish(f, ndis.StatusPending)
	case s == nil:
		x.finish(f, f.upStatus)
	case register && x.pended(f, f.upStatus):
		x.tellSap(f, s, ndis.ProtocolClRegisterSapComplete, f.upStatus, f.h)
	case register:
		if f.upStatus == ndis.StatusSuccess {
			f.Result.SAP = f.h
			f.Result.Has |= format.HasSAP
		}
		x.finish(f, f.upStatus)
	case f.upStatus == ndis.StatusPending:
		x.finish(f, f.upStatus)
	default: // the documented result is PENDING
		x.tellSap(f, s, ndis.ProtocolClDeregisterSapComplete, f.upStatus, 0)
	}
}

func (x *Executor) tellSap(f *Frame, s *sap, fn ndis.Func, st ndis.Status, h uint64) {
	e := x.event(fn, s.label)
	context(e, s.ctx)
	statusOf(e, st)
	if fn == ndis.ProtocolClRegisterSapComplete {
		if st != ndis.StatusSuccess {
			h = 0
		}
		e.SAP = h
		e.Has |= format.HasSAP
	}
	e.Detail = callerNDISDetail
	e.Has |= format.HasDetail
	x.complete(f)
}

func (x *Executor) completeSap(f *Frame) {
	s := x.liveSap(f)
	st := ndis.Status(f.Row.Status)
	switch {
	case f.pc > 0:
		x.finish(f, 0)
	case s == nil:
		x.unknown(f)
		x.finish(f, 0)
	case !f.pre.pending || st == ndis.StatusPending:
		x.finish(f, 0)
	case !s.hasCtx:
		x.asRecorded(f, 0)
	case f.Function == ndis.NdisCmRegisterSapComplete, f.Function == ndis.NdisMCmRegisterSapComplete:
		x.tellSap(f, s, ndis.ProtocolClRegisterSapComplete, st, f.Row.SAP)
	default:
		x.tellSap(f, s, ndis.ProtocolClDeregisterSapComplete, st, 0)
	}
}

// pass hands the structures on that f was given: their contents are in the detail.
func (x *Executor) pass(e *format.Event, f *Frame) {
	if f.Row.Has&format.HasDetail != 0 {
		e.Detail = f.Row.Detail
		e.Has |= format.HasDetail
	}
}
