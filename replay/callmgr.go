package replay

import (
	"strings"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// CallManagerLimits of the reference call manager. Zero values set no limit.
type CallManagerLimits struct {
	MaxOpens int   // AF opens at a time; more are refused with NDIS_STATUS_RESOURCES
	Memory   int64 // bytes; what does not fit is refused with NDIS_STATUS_RESOURCES
	Pend     int   // every Nth request that may pend does, and is completed later
}

// Sizes of what the reference call manager allocates.
const (
	sizeOpen      = 256
	sizeOpenTable = 512 // SAPs and VCs of an open
	sizeSap       = 128
	sizeVC        = 192
	sizeParty     = 64
)

// CallManager is the reference call manager: what ProtocolCmXxx callbacks do if nobody else decides
// it. It also has answers for clients and miniport drivers, those of a driver that does as
// little as it may. It stands alone or in a miniport driver, as the callbacks demand.
//
// It is a part of Drivers: Next, Entered and Left are to be called for the frames that it
// decides. It is not safe for concurrent use.
type CallManager struct {
	x      *Executor
	limits CallManagerLimits

	blocks   table[*cmBlock]
	free     []*cmBlock
	contexts uint64
	used     int64
	opens    int
	asked    int

	t       *Thread
	jobs    fifo[cmJob]
	closing []*cmBlock    // opens whose close waits until nothing is left
	leave   table[uint64] // AF handle: the answer to a notified close waits for the close
	changes table[*cmChange]
	stats   CallManagerStats
}

// CallManagerStats is what a CallManager holds and has refused.
type CallManagerStats struct {
	Opens     int    // AF opens
	Memory    int64  // bytes allocated now
	Peak      int64  // bytes at most
	Allocated uint64 // allocations made
	Freed     uint64 // of them given back
	Refused   uint64 // requests refused for lack of resources
	Pended    uint64
}

// cmBlock is what the call manager keeps of an open, SAP, VC or party.
type cmBlock struct {
	ctx   uint64
	size  int64
	kind  uint64
	open  *cmBlock // that it belongs to
	af    uint64   // handle of the open, of a party its own
	ns    uint64
	mcm   bool
	label string
	cause *recorded // of a close that waits
}

// cmChange is an activation or deactivation of a VC that pends, and the request that waits for it.
type cmChange struct {
	done   bool
	status ndis.Status
	waits  bool
	row    format.Event // completes the request
	party  bool         // the request makes a party
	label  string       // of the call manager that does
	mcm    bool
	cause  *recorded
}

// cmJob is a completion to make, and the recorded call whose request it completes.
type cmJob struct {
	row   format.Event
	cause *recorded
}

// Kinds of keys of changes.
const (
	cmActivating uint64 = iota + 210
	cmDeactivating
)

// contextBase is the first context that the reference drivers hand back.
const (
	contextBase = 0xffffc0a0_00000000
	contextStep = 0x100
	managerTID  = 3 * workerTID
)

// NewCallManager returns a call manager whose calls x executes.
func NewCallManager(x *Executor, l CallManagerLimits) *CallManager {
	return &CallManager{x: x, limits: l, contexts: contextBase}
}

// Stats of m.
func (m *CallManager) Stats() CallManagerStats {
	s := m.stats
	s.Opens, s.Memory = m.opens, m.used
	return s
}

// alloc takes memory, or says that there is none.
func (m *CallManager) alloc(n int64) bool {
	if m.limits.Memory > 0 && m.used+n > m.limits.Memory {
		return false
	}
	m.used += n
	m.stats.Peak = max(m.stats.Peak, m.used)
	m.stats.Allocated++
	return true
}

func (m *CallManager) release(n int64) {
	m.used -= n
	m.stats.Freed++
}

func (m *CallManager) block(kind uint64, size int64) *cmBlock {
	var b *cmBlock
	if n := len(m.free); n > 0 {
		b = m.free[n-1]
		m.free = m.free[:n-1]
		*b = cmBlock{}
	} else {
		b = new(cmBlock)
	}
	m.contexts += contextStep
	b.ctx, b.kind, b.size = m.contexts, kind, size
	m.blocks.put(key{kind, b.ctx}, b)
	return b
}

func (m *CallManager) find(kind, ctx uint64) *cmBlock {
	b, _ := m.blocks.get(key{kind, ctx})
	return b
}

func (m *CallManager) drop(b *cmBlock) {
	if b == nil {
		return
	}
	m.blocks.del(key{b.kind, b.ctx})
	m.release(b.size)
	if b.kind == kindManagerAF {
		m.release(sizeOpenTable)
		m.opens--
	}
	m.free = append(m.free, b)
}

// live says that the open b has SAPs or VCs.
func (m *CallManager) live(b *cmBlock) bool {
	o, ok := m.x.w.opens.get(key{kindAF<<56 | b.ns, b.af})
	return ok && o.saps+o.vcs > 0
}

// emptied completes the closes that waited for the last object of their opens.
func (m *CallManager) emptied() {
	kept := m.closing[:0]
	for _, o := range m.closing {
		if m.live(o) {
			kept = append(kept, o)
			continue
		}
		m.job(m.completion(o, ndis.NdisCmCloseAddressFamilyComplete, ndis.NdisMCmCloseAddressFamilyComplete, o.af), o.cause)
		m.drop(o)
	}
	m.closing = kept
}

func (m *CallManager) completion(o *cmBlock, standAlone, mcm ndis.Func, af uint64) format.Event {
	e := format.Event{Function: standAlone, Driver: o.label, AF: af, Has: format.HasAF | format.HasStatus | format.HasDriver}
	if o.mcm {
		e.Function = mcm
	}
	return e
}

// job has e called on the call manager's own thread.
func (m *CallManager) job(e format.Event, cause *recorded) {
	m.jobs.push(cmJob{e, cause})
	if m.t == nil {
		m.t = m.x.newThread()
		m.t.TID, m.t.User = managerTID, m
	}
	if m.t.state == threadIdle && m.t.top == &m.t.base {
		m.x.schedule(m.t)
	}
}

// pends says that the request which is being answered pends.
func (m *CallManager) pends() bool {
	if m.limits.Pend <= 0 {
		return false
	}
	m.asked++
	if m.asked%m.limits.Pend != 0 {
		return false
	}
	m.stats.Pended++
	return true
}

// isMCM says that the callback f went to a miniport call manager.
func (f *Frame) isMCM() bool {
	if o := f.cl.o; o != nil && o.id == uint64(f.cl.n) {
		return o.ownerA != nil || o.mcm == yes
	}
	if v := f.cl.vcOf(); v != nil {
		return v.mcm == yes
	}
	return false
}

// Next is what the driver does next in the callback f, or on the thread of m.
func (m *CallManager) Next(f *Frame, a *Act) (Step, uint64) {
	if f.below == nil {
		if m.jobs.n == 0 {
			return StepWait, 0
		}
		a.Row = m.jobs.at(0).row
		return StepCall, 0
	}
	a.Row = format.Event{}
	r := &a.Row
	answer := func(st ndis.Status) (Step, uint64) {
		r.Status = uint32(st)
		r.Has |= format.HasStatus
		return StepReturn, 0
	}
	give := func(ctx uint64) {
		r.Context = ctx
		r.Has |= format.HasContext
	}
	if f.Step == 0 {
		m.x.stats.Supplied++
	}
	f.Step++
	if f.Function.Info().Returns.Void {
		return StepReturn, 0
	}
	if p := m.x.plan; p != nil && f.Step == 1 && f.inv != nil && f.Function != ndis.ProtocolCmCloseAf && f.Function != ndis.ProtocolCmCloseCall {
		if st, ok := p.refused(f); ok {
			m.stats.Refused++
			return answer(st)
		}
	}
	switch f.Function {
	case ndis.ProtocolCmOpenAf:
		return m.openAf(f, r)
	case ndis.ProtocolCmCloseAf:
		b := m.find(kindManagerAF, f.Row.Context)
		if b == nil { // of the recorded call manager
			return answer(ndis.StatusSuccess)
		}
		if m.live(b) {
			m.stats.Pended++
			f.User = b
			return answer(ndis.StatusPending)
		}
		if m.pends() {
			f.User = b
			return answer(ndis.StatusPending)
		}
		m.drop(b)
		return answer(ndis.StatusSuccess)
	case ndis.ProtocolCmRegisterSap:
		return m.take(f, r, kindManagerSAP, sizeSap, ndis.NdisCmRegisterSapComplete, ndis.NdisMCmRegisterSapComplete)
	case ndis.ProtocolCmDeregisterSap:
		return m.giveUp(f, r, m.find(kindManagerSAP, f.Row.Context))
	case ndis.ProtocolCoCreateVc:
		st, _ := m.take(f, r, kindManagerVC, sizeVC, ndis.FuncNone, ndis.FuncNone)
		return st, 0
	case ndis.ProtocolCoDeleteVc:
		m.drop(m.find(kindManagerVC, f.Row.Context))
		if v := f.cl.vcOf(); v != nil && m.changes.n > 0 {
			m.changes.del(key{cmActivating<<56 | m.x.ns(f.t), v.handle})
			m.changes.del(key{cmDeactivating<<56 | m.x.ns(f.t), v.handle})
		}
		return answer(ndis.StatusSuccess)
	case ndis.MiniportCoCreateVc:
		m.contexts += contextStep
		give(m.contexts)
		return answer(ndis.StatusSuccess)
	case ndis.ProtocolCmMakeCall, ndis.ProtocolCmModifyCallQoS:
		return m.makeCall(f, r)
	case ndis.ProtocolCmCloseCall:
		return m.closeCall(f, r)
	case ndis.ProtocolCmAddParty:
		return m.take(f, r, kindManagerParty, sizeParty, ndis.NdisCmAddPartyComplete, ndis.NdisMCmAddPartyComplete)
	case ndis.ProtocolCmDropParty:
		return m.giveUp(f, r, m.find(kindManagerParty, f.Row.Context))
	case ndis.ProtocolClNotifyCloseAf:
		return m.notifiedClose(f, r)
	case ndis.ProtocolUnbindAdapterEx:
		if b := f.cl.b; f.Step == 1 && b != nil && b.hasHdl {
			*r = format.Event{Function: ndis.NdisCloseAdapterEx, Driver: f.Row.Driver, Binding: b.handle,
				Has: format.HasBinding | f.Row.Has&format.HasDriver}
			return StepCall, 0
		}
		return answer(ndis.StatusSuccess)
	case ndis.ProtocolCoOidRequest:
		if st, ok := m.outcomeThen(f); ok {
			return answer(st)
		}
		if b := m.find(kindManagerAF, f.Row.Context); b != nil && f.cl.d.has&keyOIDRequest != 0 && m.pends() {
			b.label = f.Row.Driver
			f.User = b
			return answer(ndis.StatusPending)
		}
		return answer(ndis.StatusNotSupported)
	case ndis.MiniportCoOidRequest, ndis.ProtocolClIncomingCall:
		if st, ok := m.outcomeThen(f); ok {
			return answer(st)
		}
		if f.Function == ndis.MiniportCoOidRequest {
			return answer(ndis.StatusNotSupported)
		}
		return answer(ndis.StatusFailure)
	}
	return answer(ndis.StatusSuccess)
}

// outcomeThen is what came of the request f in the recording, which does not have f itself, if it did
// not pend: the driver answered so.
func (m *CallManager) outcomeThen(f *Frame) (ndis.Status, bool) {
	p := m.x.plan
	if p == nil || f.inv != nil || f.below == nil || f.below.up || p.mode == CallManagerReference && m.takes(f) {
		return 0, false
	}
	st, ok := f.below.recordedStatus()
	return st, ok && st != ndis.StatusPending
}

// openAf is ProtocolCmOpenAf: the per-open resources are allocated one after the other and
// handed back in CallMgrAfContext; if one is not to be had, those before it are given back.
func (m *CallManager) openAf(f *Frame, r *format.Event) (Step, uint64) {
	r.Has |= format.HasStatus
	refuse := func() (Step, uint64) {
		m.stats.Refused++
		r.Status = uint32(ndis.StatusResources)
		return StepReturn, 0
	}
	if m.limits.MaxOpens > 0 && m.opens >= m.limits.MaxOpens {
		return refuse()
	}
	if !m.alloc(sizeOpen) {
		return refuse()
	}
	if !m.alloc(sizeOpenTable) {
		m.release(sizeOpen)
		return refuse()
	}
	b := m.block(kindManagerAF, sizeOpen)
	b.af, b.mcm, b.label, b.ns = f.Row.AF, f.isMCM(), f.Row.Driver, m.x.ns(f.t)
	if o := f.cl.o; o != nil && o.reg != nil {
		b.mcm = o.reg.mcm
	}
	m.opens++
	if m.pends() {
		f.User = b
		r.Status = uint32(ndis.StatusPending)
		return StepReturn, 0
	}
	r.Context = b.ctx
	r.Has |= format.HasContext
	return StepReturn, 0
}

// take answers a request that makes an object: a SAP, VC or party.
func (m *CallManager) take(f *Frame, r *format.Event, kind uint64, size int64, standAlone, mcm ndis.Func) (Step, uint64) {
	r.Has |= format.HasStatus
	o := m.find(kindManagerAF, f.Row.Context)
	if kind == kindManagerParty {
		o = nil
		if v := m.find(kindManagerVC, f.Row.Context); v != nil {
			o = v.open
		}
	}
	if kind == kindManagerSAP && f.cl.s != nil && m.x.w.rival(f.cl.s, true) != nil {
		r.Status = uint32(ndis.StatusInvalidData)
		return StepReturn, 0
	}
	if !m.alloc(size) {
		m.stats.Refused++
		r.Status = uint32(ndis.StatusResources)
		return StepReturn, 0
	}
	b := m.block(kind, size)
	b.open, b.label, b.mcm = o, f.Row.Driver, o != nil && o.mcm || f.isMCM()
	switch kind {
	case kindManagerSAP:
		b.af = f.Row.SAP
	case kindManagerParty:
		b.af = f.Row.Party
	}
	if standAlone != ndis.FuncNone && m.pends() {
		f.User = b
		r.Status = uint32(ndis.StatusPending)
		return StepReturn, 0
	}
	r.Context = b.ctx
	r.Has |= format.HasContext
	return StepReturn, 0
}

// giveUp answers a request that ends a SAP or a party.
func (m *CallManager) giveUp(f *Frame, r *format.Event, b *cmBlock) (Step, uint64) {
	r.Has |= format.HasStatus
	if b != nil && m.pends() {
		f.User = b
		r.Status = uint32(ndis.StatusPending)
		return StepReturn, 0
	}
	m.drop(b)
	return StepReturn, 0
}

// delays lets a request about v pend that has succeeded already: it is completed later.
func (m *CallManager) delays(f *Frame, v *vc) *cmChange {
	if v == nil || v.handle == 0 || !m.pends() {
		return nil
	}
	c := &cmChange{done: true, cause: f.requestOf()}
	f.User = c
	return c
}

// makeCall is ProtocolCmMakeCall and ProtocolCmModifyCallQoS: the VC is activated with the
// parameters of the call, then the call succeeds.
func (m *CallManager) makeCall(f *Frame, r *format.Event) (Step, uint64) {
	v := f.cl.vcOf()
	if f.Step == 1 && v != nil && v.handle != 0 {
		m.vcCall(f, r, v, ndis.NdisCmActivateVc, ndis.NdisMCmActivateVc)
		if f.Row.Has&format.HasDetail != 0 {
			r.Detail = f.Row.Detail
			r.Has |= format.HasDetail
		}
		f.User = m.begin(f, v, cmActivating)
		return StepCall, 0
	}
	r.Has |= format.HasStatus
	st, c := m.outcome(f)
	if st == ndis.StatusSuccess {
		if c = m.delays(f, v); c != nil {
			st = ndis.StatusPending
		}
	}
	switch {
	case st == ndis.StatusPending: // completed once the VC is active
		c.row = m.vcDone(f, v, ndis.NdisCmModifyCallQoSComplete, ndis.NdisMCmModifyCallQoSComplete)
		if f.Function == ndis.ProtocolCmMakeCall {
			c.row = m.vcDone(f, v, ndis.NdisCmMakeCallComplete, ndis.NdisMCmMakeCallComplete)
			c.row.Party = f.Row.Party
			c.row.Has |= format.HasParty | format.HasContext
			c.party, c.label, c.mcm = f.Row.Party != 0, f.Row.Driver, f.isMCM()
		}
		r.Status = uint32(st)
	case st != ndis.StatusSuccess:
		r.Status = uint32(st)
	case f.Function == ndis.ProtocolCmMakeCall && f.Row.Party != 0:
		if ctx, ok := m.party(f.Row.Party, f.Row.Driver, f.isMCM()); ok {
			r.Context = ctx
			r.Has |= format.HasContext
		}
	}
	return StepReturn, 0
}

// party takes memory for the first party of a call.
func (m *CallManager) party(handle uint64, label string, mcm bool) (ctx uint64, ok bool) {
	if !m.alloc(sizeParty) {
		return 0, false
	}
	b := m.block(kindManagerParty, sizeParty)
	b.af, b.label, b.mcm = handle, label, mcm
	return b.ctx, true
}

// begin notes that v is about to be activated or deactivated inside f.
func (m *CallManager) begin(f *Frame, v *vc, kind uint64) *cmChange {
	for _, old := range [...]uint64{cmActivating, kind} { // a change that is overtaken failed
		k := key{old<<56 | m.x.ns(f.t), v.handle}
		if c, ok := m.changes.get(k); ok {
			m.changes.del(k)
			c.done, c.status = true, ndis.StatusFailure
			m.changed(c)
		}
	}
	c := &cmChange{cause: f.requestOf()}
	m.changes.put(key{kind<<56 | m.x.ns(f.t), v.handle}, c)
	return c
}

// outcome is what became of the change that f began: PENDING if f is to wait for it.
func (m *CallManager) outcome(f *Frame) (ndis.Status, *cmChange) {
	c, _ := f.User.(*cmChange)
	v := f.cl.vcOf()
	if c == nil || v == nil {
		return ndis.StatusSuccess, nil
	}
	if f.upStatus == ndis.StatusPending && !c.done {
		return ndis.StatusPending, c
	}
	f.User = nil
	if c.cause != nil {
		m.x.plan.unref(c.cause)
	}
	for _, kind := range [...]uint64{cmActivating, cmDeactivating} {
		m.changes.delIf(key{kind<<56 | m.x.ns(f.t), v.handle}, c)
	}
	if f.upStatus == ndis.StatusPending {
		return c.status, nil
	}
	return f.upStatus, nil
}

// vcDone begins the completion of a request on v.
func (m *CallManager) vcDone(f *Frame, v *vc, standAlone, mcm ndis.Func) format.Event {
	e := format.Event{Function: standAlone, Driver: f.Row.Driver, VC: v.handle, Has: format.HasVC | format.HasStatus | f.Row.Has&format.HasDriver}
	if f.isMCM() {
		e.Function = mcm
	}
	return e
}

// changed follows the end of an activation or deactivation: the request that waits for it is
// completed once the driver has returned from the request.
func (m *CallManager) changed(c *cmChange) {
	if !c.done || !c.waits {
		return
	}
	e := &c.row
	e.Status = uint32(c.status)
	if c.party && c.status == ndis.StatusSuccess {
		e.Context, _ = m.party(e.Party, c.label, c.mcm)
	}
	m.job(*e, c.cause)
}

func (m *CallManager) vcCall(f *Frame, r *format.Event, v *vc, standAlone, mcm ndis.Func) {
	r.Function, r.Driver = standAlone, f.Row.Driver
	if f.isMCM() {
		r.Function = mcm
	}
	r.VC = v.handle
	r.Has = format.HasVC | f.Row.Has&format.HasDriver
	if f.Row.Has&format.HasIRQL != 0 {
		r.IRQL = f.Row.IRQL
		r.Has |= format.HasIRQL
	}
}

// closeCall is ProtocolCmCloseCall: the VC is deactivated, then the close succeeds.
func (m *CallManager) closeCall(f *Frame, r *format.Event) (Step, uint64) {
	v := f.cl.vcOf()
	if f.Step == 1 && v != nil && v.handle != 0 && v.isActive() {
		m.vcCall(f, r, v, ndis.NdisCmDeactivateVc, ndis.NdisMCmDeactivateVc)
		f.User = m.begin(f, v, cmDeactivating)
		return StepCall, 0
	}
	r.Has |= format.HasStatus
	st, c := m.outcome(f)
	if st != ndis.StatusPending {
		if c = m.delays(f, v); c != nil {
			st = ndis.StatusPending
		}
	}
	var b *cmBlock
	if f.Row.Has&format.HasContext2 != 0 {
		b = m.find(kindManagerParty, f.Row.Context2)
	}
	if st == ndis.StatusPending { // completed once the VC is not active any more
		c.row = m.vcDone(f, v, ndis.NdisCmCloseCallComplete, ndis.NdisMCmCloseCallComplete)
		c.row.Has |= format.HasParty
		if b != nil {
			c.row.Party = b.af
		}
		r.Status = uint32(st)
	}
	m.drop(b)
	return StepReturn, 0
}

// notifiedClose is ProtocolClNotifyCloseAf: a client that has nothing else open closes the AF.
func (m *CallManager) notifiedClose(f *Frame, r *format.Event) (Step, uint64) {
	o := f.cl.o
	r.Has |= format.HasStatus
	r.Status = uint32(ndis.StatusFailure)
	if o == nil || o.id != uint64(f.cl.n) {
		if f.Step > 1 {
			r.Status = uint32(f.upStatus)
		}
		return StepReturn, 0
	}
	if f.Step == 1 {
		if o.saps+o.vcs > 0 || o.state != afOpened || !o.hasHdl {
			return StepReturn, 0
		}
		*r = format.Event{Function: ndis.NdisClCloseAddressFamily, Driver: f.Row.Driver, AF: o.handle,
			Has: format.HasAF | f.Row.Has&(format.HasDriver|format.HasIRQL), IRQL: f.Row.IRQL}
		return StepCall, 0
	}
	r.Status = uint32(f.upStatus)
	if f.upStatus == ndis.StatusPending {
		m.leave.put(key{kindAF, o.handle}, o.clientCtx)
	}
	return StepReturn, 0
}

// Entered is to be told of every frame.
func (m *CallManager) Entered(f *Frame) {
	if f.below == &f.t.base && m.t == f.t {
		f.cause = m.jobs.pop().cause
	}
	if m.changes.n == 0 || f.Function != ndis.ProtocolCmActivateVcComplete && f.Function != ndis.ProtocolCmDeactivateVcComplete {
		return
	}
	v := f.cl.vcOf()
	if v == nil {
		return
	}
	k := key{cmActivating<<56 | m.x.ns(f.t), v.handle}
	if f.Function == ndis.ProtocolCmDeactivateVcComplete {
		k.space = cmDeactivating<<56 | m.x.ns(f.t)
	}
	if c, ok := m.changes.get(k); ok {
		m.changes.del(k)
		f.User = c
	}
}

// Left is to be told of every frame that has returned. What pended in it is completed then.
func (m *CallManager) Left(f *Frame) {
	if f.cause != nil {
		m.x.plan.unref(f.cause)
		f.cause = nil
	}
	if len(m.closing) > 0 {
		switch f.Function {
		case ndis.NdisCoDeleteVc, ndis.NdisMCmDeleteVc, ndis.NdisClDeregisterSap, ndis.ProtocolClDeregisterSapComplete,
			ndis.NdisClRegisterSap, ndis.ProtocolClRegisterSapComplete, ndis.NdisCoCreateVc, ndis.NdisMCmCreateVc:
			m.emptied()
		}
	}
	if !f.up {
		return
	}
	if f.Function == ndis.ProtocolClCloseAfComplete && m.leave.n > 0 {
		if o := f.cl.o; o != nil {
			if _, ok := m.leave.get(key{kindAF, o.handle}); ok {
				m.leave.del(key{kindAF, o.handle})
				m.job(format.Event{Function: ndis.NdisClNotifyCloseAddressFamilyComplete, Driver: f.Row.Driver, AF: o.handle,
					Has: format.HasAF | format.HasStatus | f.Row.Has&format.HasDriver}, nil)
			}
		}
	}
	if c, ok := f.User.(*cmChange); ok {
		f.User = nil
		switch f.Function {
		case ndis.ProtocolCmActivateVcComplete, ndis.ProtocolCmDeactivateVcComplete:
			c.done, c.status = true, ndis.Status(f.Row.Status)
		default:
			c.waits = true
		}
		m.changed(c)
		return
	}
	b, ok := f.User.(*cmBlock)
	if !ok || ndis.Status(f.Result.Status) != ndis.StatusPending {
		return
	}
	f.User = nil
	pick := func(standAlone, mcm ndis.Func) ndis.Func {
		if b.mcm {
			return mcm
		}
		return standAlone
	}
	e := format.Event{Driver: b.label, Has: format.HasStatus | format.HasContext | f.Row.Has&format.HasDriver, Context: b.ctx}
	switch f.Function {
	case ndis.ProtocolCmOpenAf:
		e.Function = pick(ndis.NdisCmOpenAddressFamilyComplete, ndis.NdisMCmOpenAddressFamilyComplete)
		e.AF = b.af
		e.Has |= format.HasAF
	case ndis.ProtocolCmCloseAf:
		b.cause = f.requestOf()
		m.closing = append(m.closing, b)
		m.emptied()
		return
	case ndis.ProtocolCmRegisterSap:
		e.Function = pick(ndis.NdisCmRegisterSapComplete, ndis.NdisMCmRegisterSapComplete)
		e.SAP = f.Row.SAP
		e.Has |= format.HasSAP
	case ndis.ProtocolCmAddParty:
		e.Function = pick(ndis.NdisCmAddPartyComplete, ndis.NdisMCmAddPartyComplete)
		e.Party = f.Row.Party
		e.Has |= format.HasParty
	case ndis.ProtocolCmDeregisterSap:
		e.Function = pick(ndis.NdisCmDeregisterSapComplete, ndis.NdisMCmDeregisterSapComplete)
		e.SAP = b.af
		e.Has = e.Has&^format.HasContext | format.HasSAP
		m.drop(b)
	case ndis.ProtocolCmDropParty:
		e.Function = pick(ndis.NdisCmDropPartyComplete, ndis.NdisMCmDropPartyComplete)
		e.Party = b.af
		e.Has = e.Has&^format.HasContext | format.HasParty
		m.drop(b)
	case ndis.ProtocolCoOidRequest:
		e.Function = pick(ndis.NdisCoOidRequestComplete, ndis.NdisMCmOidRequestComplete)
		statusOf(&e, ndis.StatusNotSupported)
		e.AF, e.Detail = b.af, strings.Clone(f.Row.Detail)
		e.Has = e.Has&^format.HasContext | format.HasAF | format.HasDetail
	default:
		return
	}
	m.job(e, f.requestOf())
}

// requestOf is the recorded call inside which the callback f asks, held until a completion was made.
func (f *Frame) requestOf() *recorded {
	if f.below == nil || f.below.inv == nil {
		return nil
	}
	f.below.inv.refs++
	return f.below.inv
}

// takes says that the reference call manager answers f although an answer was recorded.
func (m *CallManager) takes(f *Frame) bool {
	switch f.Function {
	case ndis.ProtocolCmOpenAf, ndis.ProtocolCmCloseAf, ndis.ProtocolCmRegisterSap, ndis.ProtocolCmDeregisterSap,
		ndis.ProtocolCmMakeCall, ndis.ProtocolCmCloseCall, ndis.ProtocolCmModifyCallQoS, ndis.ProtocolCmAddParty, ndis.ProtocolCmDropParty:
		return true
	case ndis.ProtocolCoOidRequest: // its client is asked by the same function
		return m.find(kindManagerAF, f.Row.Context) != nil
	case ndis.ProtocolCoCreateVc, ndis.ProtocolCoDeleteVc:
		v := f.cl.vcOf()
		return v != nil && v.creator == sideClient
	}
	return false
}

// replaces says that the recorded call v is one that the reference call manager makes itself, or
// leaves: to change the QoS of a client's VC unasked is an idea of the recorded one.
func (m *CallManager) replaces(v *recorded) bool {
	switch v.fn {
	case ndis.NdisCmActivateVc, ndis.NdisMCmActivateVc, ndis.NdisCmDeactivateVc, ndis.NdisMCmDeactivateVc,
		ndis.NdisCmDispatchIncomingCallQoSChange, ndis.NdisMCmDispatchIncomingCallQoSChange:
		n := v.nodes[3]
		if n == nil || !n.bound {
			return false
		}
		c, ok := m.x.w.vcs.get(key{kindVC<<56 | v.ns(), n.value})
		if !ok || c.creator == sideClient {
			return ok
		}
		if v.fn != ndis.NdisCmDeactivateVc && v.fn != ndis.NdisMCmDeactivateVc || c.close.state == opIdle {
			return false
		}
		// The VC of an incoming call is the recorded call manager's, until its client closes the
		// call: closeCall has deactivated it then, or is about to.
		return c.close.running() || c.close.state == opEarly || !c.isActive()
	case ndis.NdisClIncomingCallComplete, ndis.NdisClNotifyCloseAddressFamilyComplete,
		ndis.NdisMCoActivateVcComplete, ndis.NdisMCoDeactivateVcComplete, ndis.NdisMCoOidRequestComplete:
		return false
	case ndis.NdisCoOidRequestComplete: // of the client too
		n := v.nodes[1]
		if n == nil || !n.bound {
			return false
		}
		o, ok := m.x.w.opens.get(key{kindAF<<56 | v.ns(), n.value})
		return ok && m.x.w.names[o.mgrLabel] == m.x.plan.names[v.row.driver]
	}
	return isCompletion[v.fn]
}
