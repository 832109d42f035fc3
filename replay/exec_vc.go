package replay

import (
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// VCs, calls and parties: what NDIS does inside the calls about them.

// vcRoute says whom NDIS asks in a call about a VC, and whom it tells of the outcome.
type vcRoute struct {
	ask  ndis.Func // at the side to; FuncNone if nobody is asked
	to   side
	tell ndis.Func // at the side back, if the request pended
	back side
}

var vcRoutes = [ndis.NumFuncs]vcRoute{
	ndis.NdisCmActivateVc:    {ndis.MiniportCoActivateVc, sideMiniport, ndis.ProtocolCmActivateVcComplete, sideManager},
	ndis.NdisMCmActivateVc:   {ndis.FuncNone, sideUnknown, ndis.ProtocolCmActivateVcComplete, sideManager},
	ndis.NdisCmDeactivateVc:  {ndis.MiniportCoDeactivateVc, sideMiniport, ndis.ProtocolCmDeactivateVcComplete, sideManager},
	ndis.NdisMCmDeactivateVc: {ndis.FuncNone, sideUnknown, ndis.ProtocolCmDeactivateVcComplete, sideManager},

	ndis.NdisClMakeCall:                       {ndis.ProtocolCmMakeCall, sideManager, ndis.ProtocolClMakeCallComplete, sideClient},
	ndis.NdisCmDispatchIncomingCall:           {ndis.ProtocolClIncomingCall, sideClient, ndis.ProtocolCmIncomingCallComplete, sideManager},
	ndis.NdisMCmDispatchIncomingCall:          {ndis.ProtocolClIncomingCall, sideClient, ndis.ProtocolCmIncomingCallComplete, sideManager},
	ndis.NdisCmDispatchCallConnected:          {ndis.ProtocolClCallConnected, sideClient, ndis.FuncNone, sideUnknown},
	ndis.NdisMCmDispatchCallConnected:         {ndis.ProtocolClCallConnected, sideClient, ndis.FuncNone, sideUnknown},
	ndis.NdisClCloseCall:                      {ndis.ProtocolCmCloseCall, sideManager, ndis.ProtocolClCloseCallComplete, sideClient},
	ndis.NdisCmDispatchIncomingCloseCall:      {ndis.ProtocolClIncomingCloseCall, sideClient, ndis.FuncNone, sideUnknown},
	ndis.NdisMCmDispatchIncomingCloseCall:     {ndis.ProtocolClIncomingCloseCall, sideClient, ndis.FuncNone, sideUnknown},
	ndis.NdisClModifyCallQoS:                  {ndis.ProtocolCmModifyCallQoS, sideManager, ndis.ProtocolClModifyCallQoSComplete, sideClient},
	ndis.NdisCmDispatchIncomingCallQoSChange:  {ndis.ProtocolClIncomingCallQoSChange, sideClient, ndis.FuncNone, sideUnknown},
	ndis.NdisMCmDispatchIncomingCallQoSChange: {ndis.ProtocolClIncomingCallQoSChange, sideClient, ndis.FuncNone, sideUnknown},

	ndis.NdisMCoActivateVcComplete:    {tell: ndis.ProtocolCmActivateVcComplete, back: sideManager},
	ndis.NdisMCoDeactivateVcComplete:  {tell: ndis.ProtocolCmDeactivateVcComplete, back: sideManager},
	ndis.NdisCmMakeCallComplete:       {tell: ndis.ProtocolClMakeCallComplete, back: sideClient},
	ndis.NdisMCmMakeCallComplete:      {tell: ndis.ProtocolClMakeCallComplete, back: sideClient},
	ndis.NdisClIncomingCallComplete:   {tell: ndis.ProtocolCmIncomingCallComplete, back: sideManager},
	ndis.NdisCmCloseCallComplete:      {tell: ndis.ProtocolClCloseCallComplete, back: sideClient},
	ndis.NdisMCmCloseCallComplete:     {tell: ndis.ProtocolClCloseCallComplete, back: sideClient},
	ndis.NdisCmModifyCallQoSComplete:  {tell: ndis.ProtocolClModifyCallQoSComplete, back: sideClient},
	ndis.NdisMCmModifyCallQoSComplete: {tell: ndis.ProtocolClModifyCallQoSComplete, back: sideClient},
}

// vcCall takes the next step of a call about a VC.
func (x *Executor) vcCall(f *Frame) {
	v := f.cl.vcOf()
	r := &vcRoutes[f.Function]
	void := f.Function.Info().Returns.Void
	switch {
	case f.pc == 0 && (v == nil || !f.pre.known):
		if !f.pre.known {
			x.unknown(f)
		}
		if v == nil && f.pre.known {
			x.asRecorded(f, ndis.StatusFailure)
			return
		}
		x.finish(f, ndis.StatusFailure)
	case f.pc == 0 && isCompletion[f.Function]:
		if !f.pre.pending || ndis.Status(f.Row.Status) == ndis.StatusPending {
			x.finish(f, 0)
			return
		}
		if !x.tellVC(f, v, r, ndis.Status(f.Row.Status)) {
			x.asRecorded(f, 0)
		}
	case f.pc > 0 && isCompletion[f.Function]:
		x.finish(f, 0)
	case f.pc == 0 && f.cl.flag && !x.asksNext(f): // of the wrong side, or a call too many
		st := ndis.StatusFailure
		if rec, ok := f.recordedStatus(); ok {
			st = rec
		}
		x.finish(f, st)
	case f.pc == 0 && x.shortOfMemory(f):
		x.finish(f, ndis.StatusResources)
	case f.pc == 0 && r.ask == ndis.FuncNone:
		x.managerOnly(f, v, r)
	case f.pc == 0 && x.refusedUnasked(f, v.open()):
	case f.pc == 0:
		if !x.askVC(f, v, r) {
			x.asRecorded(f, ndis.StatusSuccess)
		}
	case r.ask == ndis.FuncNone: // told
		x.finish(f, f.status)
	case void:
		x.finish(f, 0)
	case v == nil: // deleted meanwhile
		x.finish(f, f.upStatus)
	case f.told || x.overtaken(f, v):
		x.finish(f, ndis.StatusPending)
	case x.pended(f, f.upStatus) && r.tell != ndis.FuncNone:
		if !x.tellVC(f, v, r, f.upStatus) {
			x.finish(f, f.upStatus)
		}
	default:
		if f.Function == ndis.NdisClMakeCall && f.upStatus == ndis.StatusSuccess && f.h2 != 0 {
			f.Result.Party = f.h2
			f.Result.Has |= format.HasParty
		}
		x.finish(f, f.upStatus)
	}
}

// overtaken says that the request was completed before the callback that asks for it had returned.
func (x *Executor) overtaken(f *Frame, v *vc) bool {
	if v == nil {
		return false
	}
	switch f.Function {
	case ndis.NdisCmActivateVc:
		return v.act.state == opEarly
	case ndis.NdisCmDeactivateVc:
		return v.deact.state == opEarly
	case ndis.NdisClMakeCall:
		return v.make.state == opEarly
	case ndis.NdisCmDispatchIncomingCall, ndis.NdisMCmDispatchIncomingCall:
		return v.dispatch.state == opEarly
	case ndis.NdisClCloseCall:
		return v.close.state == opEarly
	case ndis.NdisClModifyCallQoS:
		return v.modify.state == opEarly
	}
	return false
}

// managerOnly is an activation or deactivation by a miniport call manager: nobody is asked. Whether
// it pends, and whether the call manager is told of the outcome, is as recorded (AMB-09), and so is
// that NDIS does not activate the VC.
func (x *Executor) managerOnly(f *Frame, v *vc, r *vcRoute) {
	st := ndis.StatusSuccess
	if f.Function == ndis.NdisMCmDeactivateVc && !f.pre.active {
		st = ndis.StatusNotAccepted
	}
	if rec, has := f.recordedStatus(); has && st == ndis.StatusSuccess && (rec == ndis.StatusPending || f.Function == ndis.NdisMCmActivateVc) {
		st = rec
	}
	f.status = st
	if (st == ndis.StatusSuccess || st == ndis.StatusPending) && v.ctx[sideManager].has {
		e := x.event(r.tell, x.vcLabel(v, sideManager))
		context(e, v.ctx[sideManager].value)
		if told, ok := x.toldThen(f, e); ok && told != ndis.StatusPending {
			statusOf(e, told)
			x.tag(e, f)
			x.complete(f)
			return
		}
	}
	x.finish(f, st)
}

// vcLabel is the driver of one side of v.
func (x *Executor) vcLabel(v *vc, s side) uint32 {
	if l := v.labels[s]; l != 0 {
		return l
	}
	if d := x.w.vcDriver(v, s); d != nil {
		return d.label
	}
	return 0
}

// askVC asks a side of v; false if the world does not know how.
func (x *Executor) askVC(f *Frame, v *vc, r *vcRoute) bool {
	if !v.ctx[r.to].has {
		return false
	}
	e := x.event(r.ask, x.vcLabel(v, r.to))
	context(e, v.ctx[r.to].value)
	switch r.ask {
	case ndis.ProtocolCmMakeCall:
		if f.Row.Has&format.HasContext != 0 && f.Row.Context != 0 {
			f.h2 = x.handle()
		}
		e.Party = f.h2
		e.Has |= format.HasParty
		x.pass(e, f)
	case ndis.ProtocolClIncomingCall:
		s, ok := x.w.saps.get(key{kindSAP<<56 | x.ns(f.t), f.Row.SAP})
		if !ok || !s.hasCtx {
			return false
		}
		context(e, s.ctx)
		context2(e, v.ctx[r.to].value)
		x.pass(e, f)
	case ndis.ProtocolCmCloseCall:
		if p := f.cl.partyOf(); p != nil && p.ctx[sideManager].has {
			context2(e, p.ctx[sideManager].value)
		} else if f.Row.Has&format.HasParty != 0 && f.Row.Party == 0 {
			context2(e, 0)
		}
	case ndis.ProtocolClIncomingCloseCall:
		statusOf(e, ndis.Status(f.Row.Status))
	default:
		x.pass(e, f)
	}
	x.ask(f)
	return true
}

// tellVC tells a side of v of an outcome; false if the world does not know how.
func (x *Executor) tellVC(f *Frame, v *vc, r *vcRoute, st ndis.Status) bool {
	if v == nil || !v.ctx[r.back].has { // it may be gone by now
		return false
	}
	e := x.event(r.tell, x.vcLabel(v, r.back))
	context(e, v.ctx[r.back].value)
	statusOf(e, st)
	switch r.tell {
	case ndis.ProtocolClMakeCallComplete:
		h := f.h2
		if p := v.firstOf(); p != nil && isCompletion[f.Function] {
			h = p.handle
		}
		if st != ndis.StatusSuccess {
			h = 0
		}
		e.Party = h
		e.Has |= format.HasParty
	case ndis.ProtocolClCloseCallComplete:
		for p := v.parties; p != nil; p = p.next {
			if p.next == nil && p.ctx[sideClient].has {
				context2(e, p.ctx[sideClient].value)
			}
		}
	}
	x.tag(e, f)
	x.complete(f)
	return true
}

// tag says that NDIS made the callback e, with what f was given.
func (x *Executor) tag(e *format.Event, f *Frame) {
	e.Has |= format.HasDetail
	e.Detail = callerNDISDetail
	if f.Row.Has&format.HasDetail == 0 || len(f.Row.Detail) < 3 || !isCompletion[f.Function] {
		return
	}
	// Only contents of structures, which sort behind "caller" but for call_params.
	d := f.Row.Detail
	if len(d) > 14 && d[:14] == `{"call_params"` {
		// {"call_params":X,…} becomes {"call_params":X,"caller":"ndis",…}: find the end of X.
		i, quoted := 15, false
		for ; i < len(d); i++ {
			switch d[i] {
			case '\\':
				i++
				continue
			case '"':
				quoted = !quoted
			case ',', '}':
				if !quoted {
					x.buf = append(append(append(x.buf[:0], d[:i]...), `,"caller":"ndis"`...), d[i:]...)
					e.Detail = string(x.buf)
					return
				}
			}
		}
	}
}

// Steps of the creation of a VC that has failed on one side.
const (
	undoing = 8
	undone  = undoing + 2
)

func (x *Executor) createVC(f *Frame) {
	v := f.cl.vcOf()
	if v == nil {
		x.asRecorded(f, ndis.StatusFailure)
		return
	}
	o := v.open()
	for {
		if f.pc > 1 && f.pc < undoing && f.upKnown && f.upStatus != ndis.StatusSuccess {
			st := f.upStatus
			if st == ndis.StatusPending { // it may not pend: the VC is unusable
				st = ndis.StatusFailure
				if rec, ok := f.recordedStatus(); ok && rec != ndis.StatusPending {
					st = rec
				}
			}
			f.pc, f.status, f.kept = undoing, st, f.kept && x.leftThen(f)
			if st == ndis.StatusSuccess {
				f.Result.VC = f.h
				f.Result.Has |= format.HasVC
				f.pc = undone
			}
		}
		switch f.pc {
		case 0:
			switch {
			case o == nil && !v.signaling:
				if v.assumed && f.inv != nil && f.inv.hasReturn && f.inv.nodes[1] == nil && !x.w.fresh(f.cl.label) && x.asksNext(f) {
					x.asRecorded(f, ndis.StatusFailure)
					return
				}
				x.finish(f, ndis.StatusFailure)
				return
			case x.shortOfMemory(f):
				x.finish(f, ndis.StatusResources)
				return
			case o != nil && (o.state == afDead || o.state == afClosed || x.w.before(&o.closeMark, f.cl) || f.pre.closing && !x.asksNext(f)):
				x.finish(f, ndis.StatusFailure)
				return
			case x.refusedUnasked(f, o):
				return
			}
			f.h = x.handle()
			f.pc = 1
			// The miniport first, unless it was the peer in the recording: no page orders the two.
			f.pre.last = x.asksFirst(f, ndis.ProtocolCoCreateVc) || x.chance(2) == 1
		case 1, 2:
			peer := (f.pc == 2) != f.pre.last
			if peer && x.askPeer(f, v, o) || !peer && x.askMiniport(f, v, o, ndis.MiniportCoCreateVc) {
				if f.pc == 2 {
					f.kept = f.t.top.inv != nil
				}
				return
			}
			f.pc++
			f.upKnown = false
		case undoing, undoing + 1: // what was created goes again: the peer first, like in a deletion
			peer := f.pc == undoing
			if !f.kept && (peer && x.dropPeer(f, v, o) || !peer && x.askMiniport(f, v, o, ndis.MiniportCoDeleteVc)) {
				return
			}
			f.pc++
		case undone:
			x.finish(f, f.status)
			return
		default:
			f.Result.VC = f.h
			f.Result.Has |= format.HasVC
			x.finish(f, ndis.StatusSuccess)
			return
		}
	}
}

// leftThen says that the creation f failed in the recording too and what one side had created
// was left there: that it is undone is inferred, no page says so.
func (x *Executor) leftThen(f *Frame) bool {
	if x.plan == nil || x.plan.mode == CallManagerReference || !x.failedThen(f) {
		return false
	}
	for v := f.inv.first; v != nil; v = v.next {
		if v.state == invWaiting && (v.fn == ndis.ProtocolCoDeleteVc || v.fn == ndis.MiniportCoDeleteVc) {
			return false
		}
	}
	return true
}

// asksFirst says that fn is what NDIS called first inside f in the recording.
func (x *Executor) asksFirst(f *Frame, fn ndis.Func) bool {
	if x.plan == nil || f.inv == nil {
		return false
	}
	v := f.inv.nextNested()
	return v != nil && v.fn == fn
}

// askMiniport asks the miniport driver about a VC, unless it belongs to a miniport call manager.
func (x *Executor) askMiniport(f *Frame, v *vc, o *afOpen, fn ndis.Func) bool {
	a := v.home()
	if v.mcm == yes || o != nil && (o.mcm == yes || o.ownerA != nil) || f.Function == ndis.NdisMCmCreateVc || f.Function == ndis.NdisMCmDeleteVc {
		return false
	}
	if a == nil || a.driver == nil || a.driver.label == 0 || !a.hasCtx {
		return false
	}
	if x.plan != nil && !x.plan.miniports && !x.asksNext(f) {
		return false // the recording does not have the callbacks of miniport drivers
	}
	e := x.event(fn, a.driver.label)
	if fn == ndis.MiniportCoCreateVc {
		context(e, a.context)
		e.VC = f.h
		e.Has |= format.HasVC
	} else {
		if !v.ctx[sideMiniport].has {
			return false
		}
		context(e, v.ctx[sideMiniport].value)
	}
	f.upKnown = false
	x.ask(f)
	return true
}

func (x *Executor) askPeer(f *Frame, v *vc, o *afOpen) bool {
	if o == nil || v.signaling {
		return false
	}
	var e *format.Event
	switch v.creator {
	case sideClient:
		if !o.hasMgrCtx {
			return false
		}
		e = x.event(ndis.ProtocolCoCreateVc, o.mgrLabel)
		context(e, o.managerCt)
	case sideManager:
		if !o.hasClCtx {
			return false
		}
		e = x.event(ndis.ProtocolCoCreateVc, x.w.clientLabel(o))
		context(e, o.clientCtx)
	default:
		return false
	}
	e.VC = f.h
	e.Has |= format.HasVC
	f.upKnown = false
	x.ask(f)
	return true
}

func (x *Executor) deleteVC(f *Frame) {
	v := f.cl.vcOf()
	if f.pc == 0 && (v == nil || !f.pre.known) {
		if !f.pre.known {
			x.unknown(f)
		}
		x.finish(f, ndis.StatusFailure)
		return
	}
	if v == nil {
		x.finish(f, ndis.StatusSuccess)
		return
	}
	o := v.open()
	for {
		switch f.pc {
		case 0:
			s := callerSide(f.cl, v.labels[sideClient], v.labels[sideManager])
			switch {
			case v.isActive():
				x.finish(f, ndis.StatusNotAccepted)
				return
			case v.deact.owes() && v.mcm == no:
				x.finish(f, ndis.StatusClosing)
				return
			case v.busy() && (v.close.state != opCalled || x.failedThen(f)), // VC-07; a close may be over before it returns
				v.creator == sideClient && (v.make.outstanding() || v.close.outstanding() || v.modify.outstanding()):
				x.finish(f, ndis.StatusNotAccepted)
				return
			case s < numSides && v.creator < numSides && s != v.creator && !x.asksNext(f) && x.failedThen(f):
				st, _ := f.recordedStatus()
				x.finish(f, st)
				return
			}
			f.pc = 1
			f.pre.last = x.asksFirst(f, ndis.MiniportCoDeleteVc) || x.chance(2) == 1
		case 1, 2:
			peer := (f.pc == 1) != f.pre.last
			if peer && x.dropPeer(f, v, o) || !peer && x.askMiniport(f, v, o, ndis.MiniportCoDeleteVc) {
				return
			}
			f.pc++
		default:
			x.finish(f, ndis.StatusSuccess)
			return
		}
	}
}

func (x *Executor) dropPeer(f *Frame, v *vc, o *afOpen) bool {
	p := v.creator.peer()
	if v.signaling || p >= numSides || !v.ctx[p].has {
		return false
	}
	e := x.event(ndis.ProtocolCoDeleteVc, x.vcLabel(v, p))
	context(e, v.ctx[p].value)
	x.ask(f)
	return true
}

// --- parties ---

func (x *Executor) partyCall(f *Frame) {
	p, v := f.cl.partyOf(), f.cl.vcOf()
	done := isCompletion[f.Function]
	st := ndis.Status(f.Row.Status)
	switch f.Function {
	case ndis.NdisClAddParty:
		switch {
		case f.pc == 0 && (v == nil || p == nil || f.cl.flag):
			x.refuse(f)
		case f.pc == 0 && x.shortOfMemory(f):
			x.finish(f, ndis.StatusResources)
		case f.pc == 0 && !v.ctx[sideManager].has:
			x.asRecorded(f, ndis.StatusFailure)
		case f.pc == 0 && x.refusedUnasked(f, v.open()):
		case f.pc == 0:
			f.h = x.handle()
			e := x.event(ndis.ProtocolCmAddParty, x.vcLabel(v, sideManager))
			context(e, v.ctx[sideManager].value)
			e.Party = f.h
			e.Has |= format.HasParty
			x.pass(e, f)
			x.ask(f)
		case f.told, p != nil && p.add.state == opEarly:
			x.finish(f, ndis.StatusPending)
		case p != nil && x.pended(f, f.upStatus):
			x.tellParty(f, p, ndis.ProtocolClAddPartyComplete, f.upStatus, f.h)
		default:
			if f.upStatus == ndis.StatusSuccess {
				f.Result.Party = f.h
				f.Result.Has |= format.HasParty
			}
			x.finish(f, f.upStatus)
		}
	case ndis.NdisClDropParty:
		switch {
		case f.pc == 0 && (p == nil || f.cl.flag || f.pre.closing || f.pre.last && !x.asksNext(f)):
			x.refuse(f)
		case f.pc == 0 && !p.ctx[sideManager].has:
			x.asRecorded(f, ndis.StatusFailure)
		case f.pc == 0 && x.refusedUnasked(f, p.v.open()):
		case f.pc == 0:
			e := x.event(ndis.ProtocolCmDropParty, x.vcLabel(p.v, sideManager))
			context(e, p.ctx[sideManager].value)
			x.ask(f)
		case f.told, p != nil && p.drops.state == opEarly:
			x.finish(f, ndis.StatusPending)
		case p != nil && x.pended(f, f.upStatus):
			x.tellParty(f, p, ndis.ProtocolClDropPartyComplete, f.upStatus, 0)
		default:
			x.finish(f, f.upStatus)
		}
	case ndis.NdisCmDispatchIncomingDropParty, ndis.NdisMCmDispatchIncomingDropParty:
		switch {
		case f.pc > 0:
			x.finish(f, 0)
		case p == nil || !p.ctx[sideClient].has:
			x.asRecorded(f, 0)
		default:
			e := x.event(ndis.ProtocolClIncomingDropParty, x.vcLabel(p.v, sideClient))
			context(e, p.ctx[sideClient].value)
			statusOf(e, st)
			x.ask(f)
		}
	default:
		switch {
		case !done || f.pc > 0:
			x.finish(f, 0)
		case p == nil:
			x.unknown(f)
			x.finish(f, 0)
		case !f.pre.pending || st == ndis.StatusPending:
			x.finish(f, 0)
		case !p.ctx[sideClient].has:
			x.asRecorded(f, 0)
		case f.Function == ndis.NdisCmAddPartyComplete, f.Function == ndis.NdisMCmAddPartyComplete:
			x.tellParty(f, p, ndis.ProtocolClAddPartyComplete, st, f.Row.Party)
		default:
			x.tellParty(f, p, ndis.ProtocolClDropPartyComplete, st, 0)
		}
	}
}

// refuse fails a call on something that is not there, with the status of the recording if
// that is a failure too.
func (x *Executor) refuse(f *Frame) {
	st := ndis.StatusFailure
	if rec, ok := f.recordedStatus(); ok && rec != ndis.StatusSuccess && rec != ndis.StatusPending {
		st = rec
	}
	x.finish(f, st)
}

func (x *Executor) tellParty(f *Frame, p *party, fn ndis.Func, st ndis.Status, h uint64) {
	e := x.event(fn, x.vcLabel(p.v, sideClient))
	context(e, p.ctx[sideClient].value)
	statusOf(e, st)
	if fn == ndis.ProtocolClAddPartyComplete {
		if st != ndis.StatusSuccess {
			h = 0
		}
		e.Party = h
		e.Has |= format.HasParty
	}
	x.tag(e, f)
	x.complete(f)
}
