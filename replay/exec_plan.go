package replay

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// plan is a recording as the source of what drivers do. It takes from the rows the calls of
// drivers and of the environment, and the answers of drivers to callbacks. A call inside a callback
// belongs to that callback; any other follows its predecessor on its thread. Both wait for the
// handles they pass.
//
// What NDIS did in the recording is not followed, with one exception: where the documentation
// leaves NDIS a choice, the recording may have made it: AMB-01, 03, 06, 07 and 09, a completion inside
// the call that it completes or after it, and RESOURCES in the place of any outcome.
type plan struct {
	x      *Executor
	cm     *CallManager
	mode   CallManagerMode
	ahead  uint64 // rows read ahead of what is executed, at least
	stride uint64 // after so many rows what is due is executed: reading and executing by turns, row by row, costs more

	n         uint64 // rows read
	ran       uint64 // rows executed
	ended     bool
	miniports bool // callbacks of miniport drivers for VCs were recorded

	threads table[*recThread]
	calls   table[*recorded] // open, by call_id
	wanted  table[*recorded] // callbacks of NDIS that were recorded and not made yet
	nodes   table[*node]
	free    []*recorded
	freeNd  []*node
	freeReq []*vcRequests
	newRec  []recorded // not used yet
	newNd   []node
	newTh   []recThread
	texts   texts
	ids     map[string]uint32 // of the names of drivers
	names   []string
	recent  [recentLabels]recentDriver

	answers fifo[*recorded] // recorded callbacks, in the order of their returns
	open    []*recorded     // recorded callbacks that have not returned
	late    []*recorded     // recorded callbacks that may still come
	gaps    fifo[gapRow]
	extra   table[uint64] // completions of what pends here and did not in the recording
	closed  fifo[key]     // handles of objects that are gone
	waiting []*Frame      // frames whose next call is due and waits for a handle
	unnamed uint64
}

type gapRow struct {
	n   uint64
	row format.Event
}

// Kinds of keys of a plan.
const (
	planCall uint64 = iota + 200
	planWanted
)

// maxClosed is how many handles of objects that are gone are remembered.
const maxClosed = 1 << 15

// node is an object of the recording that a handle names.
type node struct {
	k       key
	value   uint64 // in this execution
	bound   bool
	dead    bool
	closed  bool
	born    uint64 // row that introduced it
	sources int    // recorded rows that introduce it and are not settled
	refs    int
	waiters *Frame      // that wait for it
	gone    uint64      // row of the call that ended it; 0 if none did
	last    *vcRequests // of a VC; nil if there is none
}

// vcRequests is what was asked on a VC of late, by kind.
type vcRequests struct {
	asked [numVCRequests]*recorded // the request that was made last
	told  [numVCRequests]*recorded // and what completed it
	open  [numVCRequests]*recorded // what was made last and not completed yet, whether it returned or not
}

// requests of the VC n.
func (p *plan) requests(n *node) *vcRequests {
	if n.last == nil {
		if k := len(p.freeReq); k > 0 {
			n.last, p.freeReq = p.freeReq[k-1], p.freeReq[:k-1]
		} else {
			n.last = new(vcRequests)
		}
	}
	return n.last
}

// answering follows v, a call that is entered, through what is open on the VC n.
func (p *plan) answering(n *node, v *recorded) {
	i := vcRequest(v.fn)
	if i < 0 || n.closed {
		return
	}
	r := p.requests(n)
	if isCompletion[v.fn] {
		v.answers, r.open[i] = r.open[i], nil
		return
	}
	p.forget(&r.open[i])
	r.open[i] = v
	v.refs++
}

// unasked says that v answers a call that is not made in this execution, and that the reference
// call manager has made none in its place.
func (p *plan) unasked(v *recorded) bool {
	if v.answers == nil || v.answers.state != invDropped {
		return false
	}
	if v.fn == ndis.NdisClIncomingCallComplete {
		return true
	}
	c, ok := p.x.w.vcs.get(key{kindVC<<56 | v.ns(), v.nodes[3].value})
	switch v.answers.fn {
	case ndis.NdisCmActivateVc:
		return ok && !c.act.pends()
	case ndis.NdisCmDeactivateVc:
		return ok && !c.deact.pends()
	}
	return false // the call manager's own completions are no answers to calls of its own
}

// overBy says that v is a call of the recorded call manager on an AF open that the reference call
// manager has closed by now: the recorded one still had it.
func (p *plan) overBy(v *recorded) bool {
	switch v.fn {
	case ndis.NdisCoOidRequest, ndis.NdisMCmOidRequest, ndis.NdisCmNotifyCloseAddressFamily, ndis.NdisMCmNotifyCloseAddressFamily,
		ndis.NdisCoCreateVc, ndis.NdisMCmCreateVc:
	default:
		return false
	}
	n, c := v.nodes[1], p.x.w
	if n == nil || !n.bound {
		return false
	}
	k := key{kindAF<<56 | v.ns(), n.value}
	label := c.labels[p.names[v.row.driver]]
	if o, ok := c.opens.get(k); ok {
		over := o.state == afClosed || o.cmClose.state == opDone || o.cmClose.state == opSync
		return over && label == o.mgrLabel && label != c.clientLabel(o)
	}
	if b := c.deadOpens.find(k); b != nil {
		var d deadOpen
		b.open(&d)
		return label == d.mgrLabel && label != d.clientLabel
	}
	return false
}

// numVCRequests is how many kinds of requests on a VC may pend.
const numVCRequests = 6

// vcRequest says which kind of request on a VC fn makes or completes, -1 if none.
func vcRequest(fn ndis.Func) int {
	switch fn {
	case ndis.NdisCmActivateVc, ndis.NdisMCmActivateVc, ndis.NdisMCoActivateVcComplete:
		return 0
	case ndis.NdisCmDeactivateVc, ndis.NdisMCmDeactivateVc, ndis.NdisMCoDeactivateVcComplete:
		return 1
	case ndis.NdisClMakeCall, ndis.NdisCmMakeCallComplete, ndis.NdisMCmMakeCallComplete:
		return 2
	case ndis.NdisClCloseCall, ndis.NdisCmCloseCallComplete, ndis.NdisMCmCloseCallComplete:
		return 3
	case ndis.NdisClModifyCallQoS, ndis.NdisCmModifyCallQoSComplete, ndis.NdisMCmModifyCallQoSComplete:
		return 4
	case ndis.NdisCmDispatchIncomingCall, ndis.NdisMCmDispatchIncomingCall, ndis.NdisClIncomingCallComplete:
		return 5
	}
	return -1
}

// follow notes that v, a call on the VC n that was not refused, is what was asked or completed
// last. What tells of the outcome of an earlier request came before it.
func (p *plan) follow(n *node, v *recorded) {
	i := vcRequest(v.fn)
	if i < 0 || n.closed {
		return
	}
	r := p.requests(n)
	if isCompletion[v.fn] {
		p.forget(&r.told[i])
		r.told[i] = v
	} else {
		for _, o := range [...]**recorded{&r.asked[i], &r.told[i]} {
			if *o != nil {
				(*o).again = v.n
				p.forget(o)
			}
		}
		r.asked[i] = v
	}
	v.refs++
}

func (p *plan) forget(o **recorded) {
	v := *o
	*o = nil
	p.unref(v)
}

func (p *plan) forgetAll(n *node) {
	r := n.last
	if r == nil {
		return
	}
	for i := range r.asked {
		p.forget(&r.open[i])
		p.forget(&r.asked[i])
		p.forget(&r.told[i])
	}
	n.last = nil
	p.freeReq = append(p.freeReq, r)
}

// outlives says that what fn leads to may be told after the call that closes its AF has returned.
func outlives(fn ndis.Func) bool {
	switch fn {
	case ndis.NdisClCloseAddressFamily, ndis.NdisCmCloseAddressFamilyComplete, ndis.NdisMCmCloseAddressFamilyComplete,
		ndis.NdisCmNotifyCloseAddressFamily, ndis.NdisMCmNotifyCloseAddressFamily, ndis.NdisClNotifyCloseAddressFamilyComplete:
		return true
	}
	return false
}

// before is the row of the recording before which the outcome of v was told.
func (v *recorded) before() uint64 {
	b := Forever
	if v.again != 0 {
		b = v.again
	}
	for _, i := range [...]int{1, 3} {
		if n := v.nodes[i]; n != nil && n.gone > v.n && !outlives(v.fn) {
			b = min(b, n.gone)
		}
	}
	return b
}

// numHandles is how many columns hold handles that NDIS makes and the executor makes anew.
const numHandles = 5

var handleKinds = [numHandles]uint64{kindBinding, kindAF, kindSAP, kindVC, kindParty}
var handleBits = [numHandles]format.Fields{format.HasBinding, format.HasAF, format.HasSAP, format.HasVC, format.HasParty}

const allHandles = format.HasBinding | format.HasAF | format.HasSAP | format.HasVC | format.HasParty

func handleAt(e *format.Event, i int) *uint64 {
	switch i {
	case 0:
		return &e.Binding
	case 1:
		return &e.AF
	case 2:
		return &e.SAP
	case 3:
		return &e.VC
	}
	return &e.Party
}

// recThread is a thread of the recording.
type recThread struct {
	top         *recorded // innermost call that has not returned
	first, last *recorded // top-level stimuli that are to be executed
	t           *Thread   // nil while nothing is to be executed
	tid         uint64
	pid         uint32
	hasPID      bool
	uprobe      bool
}

type invState uint8

const (
	invWaiting invState = iota
	invClaimed          // NDIS made it, or it was entered
	invDropped
)

// recorded is a call or callback of the recording. There are as many as rows are read ahead, so
// the size matters.
type recorded struct {
	fn         ndis.Func // by its 6.x name
	state      invState
	hasReturn  bool
	up         bool
	produced   bool // NDIS makes it
	void       bool // an event row
	introduces bool // row introduces its nodes
	noded      bool // it has nodes, or had
	refs       int32
	n, retN    uint64     // rows, counted from 1
	below      *recorded  // the one it was entered in
	host       *recThread // where it is on the stack
	first      *recorded  // what was entered in it and is to be executed
	last       *recorded
	next       *recorded // in the list that it is on
	frame      *Frame
	row        recordedEntry
	ret        recordedReturn
	nodes      [numHandles]*node
	retNodes   [numHandles]*node
	sameKey    *recorded // in wanted
	keyTail    *recorded // of the first with its key: the last one
	answers    *recorded // the call on a VC that this one answers
	again      uint64    // row of the next request of its kind on the same VC; 0 if there is none
}

// recordedEntry is what is kept of the row of an entry.
type recordedEntry struct {
	TS                int64
	Has               format.Fields
	PID               uint32
	TID, CallID       uint64
	Handles           [numHandles]uint64
	Adapter           uint64
	Context, Context2 uint64
	AFType            uint32
	AFMajor, AFMinor  uint32
	Status            uint32
	driver            uint32 // in plan.names
	Function          ndis.Func
	Phase             format.Phase
	Source            format.Source
	IRQL              uint8
	text              text
}

// recordedReturn is what is kept of the row of a return.
type recordedReturn struct {
	TS                int64
	Has               format.Fields
	Status            uint32
	Handles           [numHandles]uint64
	Adapter           uint64
	Context, Context2 uint64
	text              text
	IRQL              uint8
}

// CallManagerMode says whose decisions a call manager's are.
type CallManagerMode uint8

const (
	CallManagerRecorded  CallManagerMode = iota // those of the recording; the reference call manager's where there are none
	CallManagerReference                        // those of the reference call manager
)

// DefaultAhead is how many rows of a recording are known before a row is executed. What a
// driver answered later than this after it was asked counts as not recorded.
const DefaultAhead = 1 << 14

// Execution re-executes a recording. It is not safe for concurrent use, and starts no goroutine.
// Nothing in a recording is an error: what could not be executed is counted in ExecStats.
type Execution struct {
	p *plan
	x *Executor
}

// ExecuteOptions of an Execution.
type ExecuteOptions struct {
	ExecOptions
	CallManager CallManagerMode
	Limits      CallManagerLimits // of the reference call manager
	Ahead       int               // DefaultAhead if 0
}

// Execute returns an Execution, to be fed with the batches of a recording.
func Execute(o ExecuteOptions) *Execution {
	p := &plan{mode: o.CallManager, ahead: uint64(o.Ahead), ids: map[string]uint32{}, names: []string{""}}
	if p.ahead == 0 {
		p.ahead = DefaultAhead
	}
	p.stride = max(1, p.ahead/64)
	if o.Start == 0 {
		o.Start = 1
	}
	p.nodes.near, p.calls.near = nearBlocks, nearNumbers
	x := NewExecutor(o.ExecOptions, p)
	x.rota.most = 1 << bits.Len64(p.ahead+p.stride)
	p.x = x
	p.cm = NewCallManager(x, o.Limits)
	return &Execution{p, x}
}

// CallManager is the reference call manager of the execution.
func (e *Execution) CallManager() *CallManager { return e.p.cm }

// Batch takes further rows of the recording. They may be changed after it has returned. The
// error is the first of ExecOptions.Emit, or ErrStopped after Options.Stop said so; the execution
// is then over.
func (e *Execution) Batch(b *format.Batch) error {
	for i := 0; i < b.N; i++ {
		e.p.add(b, i)
		if e.p.n > e.p.ahead && (e.p.n-e.p.ahead)%e.p.stride == 0 {
			if err := e.p.catchUp(e.p.n - e.p.ahead); err != nil {
				return err
			}
		}
	}
	return nil
}

// Finish executes what is left and says what the world thinks of the outcome. The errors are
// those of Batch: the Result is then nil, and the ExecStats count what was done until then.
func (e *Execution) Finish(end End) (*Result, ExecStats, error) {
	if err := e.p.finish(); err != nil {
		return nil, e.x.stats, err
	}
	r, err := e.x.Finish(end)
	return r, e.x.stats, err
}

// --- reading ---

// recentDriver is a driver that was asked for of late, where the start of its name hashes to.
type recentDriver struct {
	word uint64 // length of the name, and as many of its bytes as fit
	id   uint32
}

// labelWord is the length of a name and as many of its bytes as fit: all of one that is not
// longer than seven.
func labelWord(name []byte) uint64 {
	word := uint64(min(len(name), 255)) << 56
	if cap(name) >= 8 {
		return word | binary.LittleEndian.Uint64(name[:8])&(1<<(8*min(len(name), 7))-1)
	}
	for k := 0; k < len(name) && k < 7; k++ {
		word |= uint64(name[k]) << (8 * k)
	}
	return word
}

// driver is the number of the name of a driver.
func (p *plan) driver(name []byte) uint32 {
	if len(name) == 0 {
		return 0
	}
	word := labelWord(name)
	slot := &p.recent[word*0x9e3779b97f4a7c15>>(64-recentBits)]
	if slot.word == word && (len(name) <= 7 || p.names[slot.id] == string(name)) {
		return slot.id
	}
	id, ok := p.ids[string(name)]
	if !ok {
		id = uint32(len(p.names))
		p.names = append(p.names, string(name))
		p.ids[p.names[id]] = id
	}
	if len(name) < 256 {
		*slot = recentDriver{word, id}
	}
	return id
}

// perSlab is how many of what a plan keeps are allocated at a time.
const perSlab = 32

func (p *plan) newRecorded() *recorded {
	if n := len(p.free); n > 0 {
		v := p.free[n-1]
		p.free = p.free[:n-1]
		return v
	}
	if len(p.newRec) == 0 {
		p.newRec = make([]recorded, perSlab)
	}
	v := &p.newRec[0]
	p.newRec = p.newRec[1:]
	return v
}

func (p *plan) newThread() *recThread {
	if len(p.newTh) == 0 {
		p.newTh = make([]recThread, perSlab)
	}
	r := &p.newTh[0]
	p.newTh = p.newTh[1:]
	return r
}

// carried is what columns of row i of b are taken over. What the row cannot carry is a defect of the
// recording.
func carried(b *format.Batch, i int) format.Fields {
	has := b.Has[i] &^ (format.HasTicks | format.HasCPU)
	if phase, fn := b.Phase[i], b.Function[i]; phase < format.PhaseGap && fn < ndis.NumFuncs {
		has &^= strange[phase][fn] &^ format.HasCallID
	}
	if b.IRQL[i] > maxIRQL {
		has &^= format.HasIRQL
	}
	return has
}

// fill copies row i of b, an entry. e is zero.
func (p *plan) fill(e *recordedEntry, b *format.Batch, i int) {
	has := carried(b, i)
	e.TS, e.Has, e.Phase, e.Function, e.Source, e.IRQL = b.TS[i], has, b.Phase[i], b.Function[i], b.Source[i], b.IRQL[i]
	e.PID, e.TID, e.CallID = b.PID[i], b.TID[i], b.CallID[i]
	if has&(format.HasBinding|format.HasAF) != 0 {
		e.Handles[0], e.Handles[1] = b.Binding[i], b.AF[i]
	}
	if has&(format.HasSAP|format.HasVC|format.HasParty) != 0 {
		e.Handles[2], e.Handles[3], e.Handles[4] = b.SAP[i], b.VC[i], b.Party[i]
	}
	if has&(format.HasAdapter|format.HasContext|format.HasContext2) != 0 {
		e.Adapter, e.Context, e.Context2 = b.Adapter[i], b.Context[i], b.Context2[i]
	}
	if has&(format.HasAFType|format.HasAFMajor|format.HasAFMinor) != 0 {
		e.AFType, e.AFMajor, e.AFMinor = b.AFType[i], b.AFMajor[i], b.AFMinor[i]
	}
	if has&format.HasStatus != 0 {
		e.Status = b.Status[i]
	}
	if has&format.HasDriver != 0 {
		e.driver = p.driver(b.Driver.At(i))
	}
	if has&format.HasDetail != 0 {
		e.text = p.texts.add(b.Detail.At(i))
	}
}

// fillReturn is fill for a return.
func (p *plan) fillReturn(e *recordedReturn, b *format.Batch, i int) {
	has := carried(b, i)
	e.TS, e.Has, e.IRQL = b.TS[i], has, b.IRQL[i]
	if has&format.HasStatus != 0 {
		e.Status = b.Status[i]
	}
	if has&(format.HasBinding|format.HasAF) != 0 {
		e.Handles[0], e.Handles[1] = b.Binding[i], b.AF[i]
	}
	if has&(format.HasSAP|format.HasVC|format.HasParty) != 0 {
		e.Handles[2], e.Handles[3], e.Handles[4] = b.SAP[i], b.VC[i], b.Party[i]
	}
	if has&(format.HasAdapter|format.HasContext|format.HasContext2) != 0 {
		e.Adapter, e.Context, e.Context2 = b.Adapter[i], b.Context[i], b.Context2[i]
	}
	if has&format.HasDetail != 0 {
		e.text = p.texts.add(b.Detail.At(i))
	}
}

// entry makes e the row of the entry of v.
func (p *plan) entry(e *format.Event, v *recorded) {
	r := &v.row
	*e = format.Event{
		TS: r.TS, PID: r.PID, TID: r.TID, IRQL: r.IRQL, Phase: r.Phase, Function: r.Function, Source: r.Source, CallID: r.CallID,
		Driver: p.names[r.driver], Adapter: r.Adapter, Binding: r.Handles[0], AF: r.Handles[1], SAP: r.Handles[2], VC: r.Handles[3],
		Party: r.Handles[4], Context: r.Context, Context2: r.Context2, AFType: r.AFType, AFMajor: r.AFMajor, AFMinor: r.AFMinor,
		Status: r.Status, Detail: r.text.String(), Has: r.Has,
	}
	if v.noded {
		for i, n := range &v.nodes {
			if n != nil && n.bound {
				*handleAt(e, i) = n.value
			}
		}
	}
}

// answer makes e the row with which a driver returns from the callback v.
func (p *plan) answer(e *format.Event, v *recorded) {
	r := &v.ret
	*e = format.Event{
		Has:    r.Has & (format.HasStatus | format.HasContext | format.HasContext2 | format.HasIRQL | format.HasDetail | format.HasAdapter),
		Status: r.Status, Context: r.Context, Context2: r.Context2, IRQL: r.IRQL, Detail: r.text.String(),
		TS: r.TS, Adapter: r.Adapter,
	}
}

// ns is the namespace of the handles of v.
func (v *recorded) ns() uint64 {
	if v.row.Source == format.SourceUprobe && v.row.Has&format.HasPID != 0 {
		return uint64(v.row.PID)
	}
	return 0
}

// thread finds the thread of a row.
func (p *plan) thread(has format.Fields, pid uint32, tid uint64) *recThread {
	k := key{kindThread<<56 | uint64(pid), tid}
	if has&format.HasPID == 0 {
		k.space = kindThread << 56
	}
	r, ok := p.threads.get(k)
	if !ok {
		r = p.newThread()
		r.tid = tid
		p.threads.put(k, r)
	}
	return r
}

// add reads row i of b.
func (p *plan) add(b *format.Batch, i int) {
	p.n++
	switch b.Phase[i] {
	case format.PhaseGap:
		g := gapRow{n: p.n}
		b.Event(i, &g.row)
		g.row.Has = carried(b, i)
		g.row.Seq, g.row.Ticks, g.row.CPU, g.row.Function = 0, 0, 0, ndis.FuncNone
		if g.row.Has&format.HasLost != 0 && g.row.Lost == 0 {
			return // nothing was lost
		}
		p.gaps.push(g)
	case format.PhaseReturn:
		p.addReturn(b, i)
	default:
		p.addEnter(b, i)
	}
}

func (p *plan) addEnter(b *format.Batch, i int) {
	v := p.newRecorded()
	p.fill(&v.row, b, i)
	e := &v.row
	v.n, v.fn = p.n, e.Function.Modern()
	v.refs = 2 // it has not returned, and it is to be executed
	if e.Function >= ndis.NumFuncs {
		v.fn = ndis.FuncUnknown
	}
	info := v.fn.Info()
	v.up = info.Dir == ndis.Up
	v.produced = v.up && produces[v.fn] && !e.bySelf()
	var r *recThread
	if e.Has&format.HasTID != 0 {
		r = p.thread(e.Has, e.PID, e.TID)
	}
	if b.Phase[i] == format.PhaseEvent {
		v.void = true
	}
	if r != nil {
		v.below = r.top
		if v.below != nil {
			v.below.refs++
		}
	}
	p.resolve(v)
	if n := v.nodes[3]; n != nil {
		p.answering(n, v)
	}
	if v.fn == ndis.MiniportCoCreateVc {
		p.miniports = true
	}
	if !v.void {
		if e.Has&format.HasCallID != 0 {
			p.calls.put(key{planCall<<56 | v.ns(), e.CallID}, v)
		}
		v.host = r
		if r != nil {
			r.top = v
		}
	}
	p.place(v, r)
	if v.void {
		v.hasReturn, v.retN = true, v.n
		v.ret.TS = e.TS
		if v.produced {
			p.answers.push(v)
		}
		p.unref(v)
	} else if v.produced {
		p.open = append(p.open, v)
	}
}

// bySelf says that a driver called its own handler.
func (e *recordedEntry) bySelf() bool {
	if e.Has&format.HasDetail == 0 {
		return false
	}
	b := e.text.bytes()
	if !bytes.Contains(b, []byte("self")) && bytes.IndexByte(b, '\\') < 0 {
		return false
	}
	d := e.detail()
	return d.caller == callerSelf
}

// detail is what the row says beside its columns.
func (e *recordedEntry) detail() (d detail) {
	if e.Has&format.HasDetail != 0 {
		d.parse(e.text.bytes())
	}
	return d
}

// place puts v where it will be executed from.
func (p *plan) place(v *recorded, r *recThread) {
	if v.produced {
		p.want(v)
		if v.below != nil && !v.below.up {
			p.append(v.below, v)
		}
		return
	}
	host := v.below
	if host != nil && !host.up && !v.up { // a callback between the two was not recorded
		for host != nil && !host.up {
			host = host.below
		}
	}
	if host != nil && host.state != invDropped {
		p.append(host, v)
		return
	}
	if host != nil { // inside what does not happen
		p.drop(v, &p.x.stats.Untriggered)
		return
	}
	if r == nil {
		r = p.newThread()
		p.unnamed++
		r.tid = workerTID*2 + p.unnamed
	}
	if r.last == nil {
		r.first = v
	} else {
		r.last.next = v
	}
	r.last = v
	if v.row.Has&format.HasPID != 0 {
		r.pid, r.hasPID, r.uprobe = v.row.PID, true, v.row.Source == format.SourceUprobe
	}
	t := r.t
	if t == nil {
		t = p.x.newThread()
		t.TID, t.User, r.t = r.tid, r, t
	}
	t.pid, t.hasPID, t.uprobe = r.pid, r.hasPID, r.uprobe
	if t.state == threadIdle && t.top == &t.base {
		p.x.schedule(t)
	}
}

// rest takes t back, a thread on which nothing is to be executed for now.
func (p *plan) rest(t *Thread) {
	if r, _ := t.User.(*recThread); r != nil && r.first == nil && t.base.waitsFor == nil {
		r.t = nil
		p.x.end(t)
	}
}

func (p *plan) append(host, v *recorded) {
	if host.last == nil {
		host.first = v
	} else {
		host.last.next = v
	}
	host.last = v
	if v.produced {
		v.refs++ // it is on the list beside being to be executed
	}
	if host.frame != nil {
		p.x.Wake(host.frame)
	}
}

// wantedKey is the key under which callbacks of e wait for NDIS to make them.
func wantedKey(e *format.Event) key {
	return wantedBy(e.Function.Modern(), e.Has&format.HasContext != 0, e.Context)
}

func wantedBy(fn ndis.Func, hasContext bool, context uint64) key {
	k := key{space: planWanted<<56 | uint64(fn)<<32}
	if hasContext {
		k.value = context
	} else {
		k.space |= 1 << 55
	}
	return k
}

// key is the key under which v waits.
func (v *recorded) key() key {
	return wantedBy(v.fn, v.row.Has&format.HasContext != 0, v.row.Context)
}

func (p *plan) want(v *recorded) {
	v.refs++
	k := v.key()
	head, ok := p.wanted.get(k)
	if !ok {
		p.wanted.put(k, v)
		return
	}
	last := head
	if head.keyTail != nil {
		last = head.keyTail
	}
	last.sameKey, head.keyTail = v, v
}

// unwant takes v off the list of those that wait.
func (p *plan) unwant(v *recorded) {
	k := v.key()
	i := p.wanted.find(k)
	if i < 0 {
		return
	}
	head := p.wanted.slots[i].val
	if head == v {
		if v.sameKey == nil {
			p.wanted.remove(i)
		} else {
			if v.sameKey.keyTail = v.keyTail; v.keyTail == v.sameKey {
				v.sameKey.keyTail = nil
			}
			p.wanted.slots[i].val = v.sameKey
		}
	} else {
		before := head
		for before.sameKey != nil && before.sameKey != v {
			before = before.sameKey
		}
		if before.sameKey == nil {
			return
		}
		if before.sameKey = v.sameKey; head.keyTail == v {
			head.keyTail = before
		}
		if head.keyTail == head {
			head.keyTail = nil
		}
	}
	v.sameKey, v.keyTail = nil, nil
	p.unref(v)
}

func (p *plan) addReturn(b *format.Batch, i int) {
	var v *recorded
	has := b.Has[i]
	if has&format.HasCallID != 0 {
		var ns uint64
		if b.Source[i] == format.SourceUprobe && has&format.HasPID != 0 {
			ns = uint64(b.PID[i])
		}
		v, _ = p.calls.get(key{planCall<<56 | ns, b.CallID[i]})
	} else if has&format.HasTID != 0 {
		for v = p.thread(has, b.PID[i], b.TID[i]).top; v != nil && v.row.Function != b.Function[i]; v = v.below {
		}
	}
	if v == nil || v.row.Function != b.Function[i] || v.hasReturn {
		return
	}
	p.fillReturn(&v.ret, b, i)
	v.hasReturn, v.retN = true, p.n
	if v.row.Has&format.HasCallID != 0 {
		p.calls.delIf(key{planCall<<56 | v.ns(), v.row.CallID}, v)
	}
	if r := v.host; r != nil {
		for u := r.top; u != nil; u = u.below { // what is above it did not return
			if u == v {
				r.top = v.below
				break
			}
		}
	}
	p.resolveReturn(v)
	if st := ndis.Status(v.ret.Status); !v.up && (v.ret.Has&format.HasStatus == 0 || st == ndis.StatusSuccess || st == ndis.StatusPending) {
		if n := v.nodes[3]; n != nil {
			p.follow(n, v)
		}
		if i := closes(v.fn); i >= 0 && v.nodes[i] != nil && v.nodes[i].gone == 0 {
			v.nodes[i].gone = v.retN
		}
	}
	if v.produced {
		for j := len(p.open) - 1; j >= 0; j-- { // mostly one of the last
			if p.open[j] == v {
				p.open = slices.Delete(p.open, j, j+1)
				break
			}
		}
		p.answers.push(v)
		v.refs++
	}
	if v.frame != nil {
		p.x.Wake(v.frame)
	}
	p.unref(v)
}

func (p *plan) unref(v *recorded) {
	for v != nil {
		v.refs--
		if v.refs > 0 {
			return
		}
		below := v.below
		if v.noded {
			for i := range v.nodes {
				p.unrefNode(v.nodes[i])
				p.unrefNode(v.retNodes[i])
			}
		}
		p.unref(v.answers)
		p.texts.drop(v.row.text)
		p.texts.drop(v.ret.text)
		*v = recorded{}
		p.free = append(p.free, v)
		v = below
	}
}

func (p *plan) unrefNode(n *node) {
	if n == nil {
		return
	}
	if n.refs--; n.refs == 0 {
		p.freeNd = append(p.freeNd, n)
	}
}

// --- handles of the recording ---

// introduces says which of the handles of a callback are new ones.
func introduces(fn ndis.Func, i int) bool {
	switch fn {
	case ndis.ProtocolCmOpenAf:
		return i == 1
	case ndis.ProtocolCmRegisterSap:
		return i == 2
	case ndis.ProtocolCoCreateVc, ndis.MiniportCoCreateVc:
		return i == 3
	case ndis.ProtocolCmMakeCall, ndis.ProtocolCmAddParty:
		return i == 4
	}
	return false
}

// closes says which handle a call makes invalid.
func closes(fn ndis.Func) int {
	switch fn {
	case ndis.NdisCloseAdapterEx:
		return 0
	case ndis.NdisClCloseAddressFamily:
		return 1
	case ndis.NdisClDeregisterSap:
		return 2
	case ndis.NdisCoDeleteVc, ndis.NdisMCmDeleteVc:
		return 3
	case ndis.NdisClDropParty:
		return 4
	}
	return -1
}

func (p *plan) introduce(k key, since uint64, v *recorded) *node {
	n, ok := p.nodes.get(k)
	if !ok || n.born < since {
		if ok {
			p.forgetAll(n)
			p.unrefNode(n)
		}
		if j := len(p.freeNd); j > 0 {
			n = p.freeNd[j-1]
			p.freeNd = p.freeNd[:j-1]
			*n = node{}
		} else {
			if len(p.newNd) == 0 {
				p.newNd = make([]node, perSlab)
			}
			n = &p.newNd[0]
			p.newNd = p.newNd[1:]
		}
		n.k, n.born, n.refs = k, v.n, 1
		if n.born < since {
			n.born = since
		}
		p.nodes.put(k, n)
	}
	n.refs++
	n.sources++
	return n
}

// resolve finds the objects that the handles of the entry of v name.
func (p *plan) resolve(v *recorded) {
	e := &v.row
	if e.Has&allHandles == 0 {
		return
	}
	v.noded = true
	ns := v.ns()
	for i := range handleKinds {
		if e.Has&handleBits[i] == 0 || e.Handles[i] == 0 {
			continue
		}
		k := key{handleKinds[i]<<56 | ns, e.Handles[i]}
		if v.produced {
			since := uint64(0)
			if introduces(v.fn, i) {
				since = v.n
				create := v.fn == ndis.ProtocolCoCreateVc || v.fn == ndis.MiniportCoCreateVc
				if n, ok := p.nodes.get(k); ok && create && !n.closed {
					since = 0 // the other side of the VC was told before
					if v.below != nil && !v.below.up {
						since = v.below.n
					}
				}
			}
			v.introduces = true
			v.nodes[i] = p.introduce(k, since, v)
			continue
		}
		if n, ok := p.nodes.get(k); ok {
			n.refs++
			v.nodes[i] = n
			if closes(v.fn) == i {
				p.close(n)
			}
		}
	}
}

// close notes that the handle of n is not used any more; the oldest of them are forgotten.
func (p *plan) close(n *node) {
	if n.closed {
		return
	}
	n.closed = true
	p.forgetAll(n)
	p.closed.push(n.k)
	if p.closed.n > maxClosed {
		k := p.closed.pop()
		if o, ok := p.nodes.get(k); ok && o.closed {
			p.nodes.del(k)
			p.unrefNode(o)
		}
	}
}

func (p *plan) resolveReturn(v *recorded) {
	if v.up {
		return
	}
	e := &v.ret
	if e.Has&allHandles == 0 {
		return
	}
	v.noded = true
	ns := v.ns()
	for i := range handleKinds {
		if e.Has&handleBits[i] == 0 || e.Handles[i] == 0 {
			continue
		}
		if v.nodes[i] != nil && v.row.Has&handleBits[i] != 0 && v.row.Handles[i] == e.Handles[i] {
			continue
		}
		v.retNodes[i] = p.introduce(key{handleKinds[i]<<56 | ns, e.Handles[i]}, v.n, v)
	}
}

// bind says what n is in this execution.
func (p *plan) bind(n *node, value uint64) {
	if n == nil || n.bound || value == 0 {
		return
	}
	n.bound, n.value, n.dead = true, value, false
	p.wake(n)
}

// settle notes that one of the rows that introduce n has had its chance.
func (p *plan) settle(n *node) {
	if n == nil {
		return
	}
	if n.sources--; n.sources <= 0 && !n.bound {
		n.dead = true
		p.close(n)
		p.wake(n)
	}
}

// wake has those asked again that wait for n.
func (p *plan) wake(n *node) {
	for f := n.waiters; f != nil; f = n.waiters {
		p.unwait(f)
		p.x.Wake(f)
	}
}

// wait lets f wait for n.
func (p *plan) wait(f *Frame, n *node) {
	last := &n.waiters
	for *last != nil {
		last = &(*last).nextWait
	}
	*last, f.waitsFor = f, n
	n.refs++
	p.waiting = append(p.waiting, f)
	f.waitAt = len(p.waiting)
}

// unwait ends the wait of f.
func (p *plan) unwait(f *Frame) {
	n := f.waitsFor
	if n == nil {
		return
	}
	for l := &n.waiters; *l != nil; l = &(*l).nextWait {
		if *l == f {
			*l = f.nextWait
			break
		}
	}
	end := len(p.waiting) - 1
	p.waiting[f.waitAt-1] = p.waiting[end]
	p.waiting[f.waitAt-1].waitAt = f.waitAt
	p.waiting[end] = nil
	p.waiting = p.waiting[:end]
	f.nextWait, f.waitsFor, f.waitAt = nil, nil, 0
	p.unrefNode(n)
}

// --- what drivers do ---

// Next is part of Drivers. The executor asks next, which needs no copy of what was recorded.
func (p *plan) Next(f *Frame, _ *Act) (Step, uint64) { return p.next(f) }

// next says what is done next in f, by the recording. The thread of f gets the row.
func (p *plan) next(f *Frame) (Step, uint64) {
	t := f.t
	t.rec = nil
	if f.below == nil {
		r, _ := t.User.(*recThread)
		if r == nil {
			if t == p.cm.t {
				return p.cm.Next(f, t.action())
			}
			return StepWait, 0
		}
		return p.stimulus(f, &r.first, &r.last)
	}
	v := f.inv
	if v == nil {
		return p.cm.Next(f, t.action())
	}
	if p.mode == CallManagerReference && p.cm.takes(f) {
		return p.cm.Next(f, t.action())
	}
	if v.first != nil {
		if s, due := p.stimulus(f, &v.first, &v.last); s != StepReturn {
			return s, due
		}
	}
	if !v.hasReturn {
		return StepWait, 0
	}
	t.rec = v
	return StepReturn, v.retN
}

// stimulus takes the first call of a list that can be made. StepReturn says that there is none
// left.
func (p *plan) stimulus(f *Frame, first, last **recorded) (Step, uint64) {
	for {
		v := *first
		if v == nil {
			if f.below == nil {
				return StepWait, 0
			}
			return StepReturn, 0
		}
		if p.mode == CallManagerReference && p.cm.replaces(v) {
			p.pop(first, last)
			p.discard(v)
			continue
		}
		dead := v.state == invDropped
		if !dead && !v.produced && v.noded {
			for _, n := range &v.nodes {
				dead = dead || n != nil && n.dead && !n.bound
			}
		}
		if dead || v.produced {
			p.pop(first, last)
			if v.produced {
				p.unref(v)
			} else {
				p.drop(v, &p.x.stats.Dropped)
			}
			continue
		}
		f.t.rec = v
		return StepCall, v.n
	}
}

func (p *plan) pop(first, last **recorded) *recorded {
	v := *first
	*first = v.next
	if v.next == nil {
		*last = nil
	}
	v.next = nil
	return v
}

// discard takes v, which is not executed, out.
func (p *plan) discard(v *recorded) {
	v.state = invDropped
	for _, n := range v.retNodes {
		p.settle(n)
	}
	for v.first != nil {
		if c := p.pop(&v.first, &v.last); c.produced {
			p.unref(c)
		} else if c.state == invWaiting {
			p.discard(c)
		}
	}
	p.unref(v)
}

// drop is discard for what counts.
func (p *plan) drop(v *recorded, count *uint64) {
	*count++
	v.state = invDropped
	for _, n := range v.retNodes {
		p.settle(n)
	}
	for v.first != nil {
		if c := p.pop(&v.first, &v.last); c.produced {
			p.unref(c)
		} else if c.state == invWaiting {
			p.drop(c, count)
		}
	}
	p.unref(v)
}

// attach finds the recorded call that f, which is being entered, executes.
func (p *plan) attach(f *Frame) {
	b := f.below
	var v *recorded
	switch {
	case b.below == nil:
		if r, _ := b.t.User.(*recThread); r != nil {
			v = p.pop(&r.first, &r.last)
		}
	case b.inv != nil && !b.up && b.inv.first != nil && !b.inv.first.produced:
		v = p.pop(&b.inv.first, &b.inv.last)
	case b.inv != nil && b.up && b.inv.first != nil && !(p.mode == CallManagerReference && p.cm.takes(b)):
		v = p.pop(&b.inv.first, &b.inv.last)
	}
	if v == nil {
		return
	}
	f.inv, v.frame, v.state = v, f, invClaimed
}

// claimed follows the entry of a callback of NDIS that was recorded.
func (p *plan) claimed(f *Frame) {
	v := f.inv
	if v == nil {
		return
	}
	v.frame = f
	if !v.noded {
		return
	}
	for i, n := range &v.nodes {
		if n != nil {
			if f.Row.Has&handleBits[i] != 0 {
				p.bind(n, *handleAt(&f.Row, i))
			}
			p.settle(n)
		}
	}
}

// returning completes the row with which NDIS returns from f.
func (p *plan) returning(f *Frame) {
	v := f.inv
	if v == nil {
		return
	}
	r := &f.Result
	r.TS = v.ret.TS
	failed := f.status != ndis.StatusSuccess && f.status != ndis.StatusPending
	if f.recorded {
		const keep = format.HasStatus | format.HasContext | format.HasContext2 | format.HasDetail | format.HasAdapter |
			format.HasBinding | format.HasAF | format.HasSAP | format.HasVC | format.HasParty
		was := &v.ret
		r.Has |= was.Has & keep
		r.Status, r.Context, r.Context2, r.Detail, r.Adapter = was.Status, was.Context, was.Context2, was.text.String(), was.Adapter
		r.Binding, r.AF, r.SAP, r.VC, r.Party = was.Handles[0], was.Handles[1], was.Handles[2], was.Handles[3], was.Handles[4]
		f.status = ndis.Status(v.ret.Status)
		failed = v.ret.Has&format.HasStatus != 0 && f.status != ndis.StatusSuccess && f.status != ndis.StatusPending
		for i := range handleKinds {
			if r.Has&handleBits[i] == 0 {
				continue
			}
			n := v.retNodes[i]
			if n == nil {
				n = v.nodes[i]
			}
			if n == nil {
				continue
			}
			if !n.bound && !failed {
				p.bind(n, p.x.handle())
			}
			if n.bound {
				*handleAt(r, i) = n.value
			}
		}
	}
	if !v.noded {
		return
	}
	for i, n := range &v.retNodes {
		if n == nil {
			continue
		}
		if !failed && r.Has&handleBits[i] != 0 {
			p.bind(n, *handleAt(r, i))
		}
		if h := f.made(i); f.status == ndis.StatusPending && h != 0 {
			p.bind(n, h) // told in the completion
		}
		p.settle(n)
	}
}

// made is the handle of kind i that f, which pends, has made.
func (f *Frame) made(i int) uint64 {
	switch {
	case i == 1 && f.Function == ndis.NdisClOpenAddressFamilyEx, i == 2 && f.Function == ndis.NdisClRegisterSap,
		i == 4 && f.Function == ndis.NdisClAddParty:
		return f.h
	case i == 4 && f.Function == ndis.NdisClMakeCall:
		return f.h2
	}
	return 0
}

// Entered is part of Drivers.
func (p *plan) Entered(f *Frame) { p.cm.Entered(f) }

// Left is part of Drivers.
func (p *plan) Left(f *Frame) {
	p.pendsHere(f)
	p.cm.Left(f)
	p.unwait(f)
	v := f.inv
	if v == nil {
		return
	}
	v.frame, f.inv = nil, nil
	if st := ndis.Status(f.Result.Status); f.up && v.introduces && f.Result.Has&format.HasStatus != 0 && st != ndis.StatusSuccess && st != ndis.StatusPending {
		for i, n := range v.nodes { // refused here, whatever the recording says
			if n != nil && introduces(v.fn, i) && n.bound && n.value == *handleAt(&f.Row, i) {
				n.bound, n.dead = false, true
				p.wake(n)
			}
		}
	}
	for v.first != nil {
		if c := p.pop(&v.first, &v.last); c.produced {
			p.unref(c)
		} else if c.state == invWaiting {
			p.drop(c, &p.x.stats.Dropped)
		}
	}
	p.unref(v)
}

// completionOf gives e what the completion of the request d is known by.
func (p *plan) completionOf(d *Frame, e *format.Event) bool {
	switch d.Function {
	case ndis.NdisClOpenAddressFamilyEx:
		e.Function = ndis.ProtocolClOpenAfCompleteEx
	case ndis.NdisClRegisterSap:
		e.Function = ndis.ProtocolClRegisterSapComplete
	case ndis.NdisClAddParty:
		e.Function = ndis.ProtocolClAddPartyComplete
	case ndis.NdisClCloseAddressFamily:
		o := p.x.liveOpen(d)
		if o == nil {
			return false
		}
		e.Function = ndis.ProtocolClCloseAfComplete
		context(e, o.clientCtx)
		return true
	case ndis.NdisClDropParty:
		q := d.cl.partyOf()
		if q == nil || !q.ctx[sideClient].has {
			return false
		}
		e.Function = ndis.ProtocolClDropPartyComplete
		context(e, q.ctx[sideClient].value)
		return true
	case ndis.NdisClMakeCall, ndis.NdisClCloseCall, ndis.NdisClModifyCallQoS:
		v := d.cl.vcOf()
		if v == nil || !v.ctx[sideClient].has {
			return false
		}
		e.Function = vcRoutes[d.Function].tell
		context(e, v.ctx[sideClient].value)
		return true
	default:
		return false
	}
	context(e, d.Row.Context)
	return true
}

// refused is the status with which the recorded call manager refused what f asks for. The
// reference call manager refuses it too: what is wrong with a request is in the request.
func (p *plan) refused(f *Frame) (ndis.Status, bool) {
	v, d := f.inv, f.below
	if v == nil || !v.hasReturn || v.ret.Has&format.HasStatus == 0 {
		return 0, false
	}
	st := ndis.Status(v.ret.Status)
	if st == ndis.StatusPending && d != nil && d.inv != nil && d.cl != nil {
		var e format.Event
		if !p.completionOf(d, &e) {
			return 0, false
		}
		k := p.find(&e, d.inv)
		if k == nil || k.row.Has&format.HasStatus == 0 {
			return 0, false
		}
		st = ndis.Status(k.row.Status)
	}
	return st, st != ndis.StatusSuccess && st != ndis.StatusPending
}

// pendsHere notes that the request behind f pends here and did not in the recording: what was
// recorded under the context of its completion is about a later request.
func (p *plan) pendsHere(f *Frame) {
	d := f.below
	if !f.up || d == nil || d.up || d.cl == nil || ndis.Status(f.Result.Status) != ndis.StatusPending {
		return
	}
	if rec, ok := d.recordedStatus(); !ok || rec == ndis.StatusPending {
		return
	}
	var e format.Event
	if !p.completionOf(d, &e) {
		return
	}
	k := wantedKey(&e)
	n, _ := p.extra.get(k)
	p.extra.put(k, n+1)
}

// Due is part of Drivers: NDIS returns from a call where it did in the recording.
func (p *plan) Due(f *Frame) (uint64, bool) {
	v := f.inv
	switch {
	case v == nil:
		return 0, true
	case v.hasReturn:
		return v.retN, true
	}
	return p.n, p.ended
}

// nextNested is the first of what was entered inside the call v and is still to come.
func (v *recorded) nextNested() *recorded {
	c := v.first
	for c != nil && c.state != invWaiting {
		c = c.next
	}
	return c
}

// shift takes what is over off the list of what was entered in v.
func (p *plan) shift(v *recorded) {
	for v.first != nil && v.first.state != invWaiting {
		if c := p.pop(&v.first, &v.last); c.produced {
			p.unref(c)
		}
	}
}

// nextDue is when NDIS takes its next step inside f.
func (p *plan) nextDue(f *Frame) (uint64, bool) {
	v := f.inv
	p.shift(v)
	if c := v.nextNested(); c != nil {
		return c.n, true
	}
	if isCompletion[f.Function] && !f.recorded {
		return 0, true
	}
	if c := p.x.askedElsewhere(f); c != nil {
		return c.n, true
	}
	if f.Function == ndis.NdisClOpenAddressFamilyEx && !f.recorded && p.x.pended(f, ndis.StatusFailure) {
		if o := p.x.liveOpen(f); o != nil {
			if k := p.find(p.x.openedEvent(o), v); k != nil {
				if due, ok := p.Due(f); ok && due < k.n {
					return due, true
				}
				return k.n, true
			}
		}
	}
	return p.Due(f)
}

// recordedStep takes NDIS's next step inside a call as it was recorded.
func (x *Executor) recordedStep(f *Frame) {
	p := x.plan
	v := f.inv
	p.shift(v)
	c := v.first
	if c == nil {
		if v.hasReturn || p.ended {
			if f.Function == ndis.NdisDeregisterProtocolDriver && x.unbindNext(f) {
				return
			}
			f.done = true
			switch st, _ := f.recordedStatus(); {
			case !v.hasReturn:
				f.recorded = false
				f.status = ndis.StatusSuccess
			case p.mode == CallManagerReference && st == ndis.StatusPending && asksManager(f.Function) && !f.told &&
				!(f.upKnown && f.upStatus == ndis.StatusPending):
				// The recorded call manager, which completed it, is not there.
				f.recorded = false
				f.status = ndis.StatusFailure
				if f.upKnown && f.upStatus != ndis.StatusSuccess || f.Function == ndis.NdisClCloseCall || f.Function == ndis.NdisClModifyCallQoS {
					f.status = f.upStatus
				}
			}
		}
		return
	}
	for i, n := range c.nodes {
		if n != nil && !n.bound && c.produced {
			p.bind(n, x.handle())
		} else if n != nil && !n.bound {
			c.nodes[i] = nil
			p.unrefNode(n)
		}
	}
	if c.produced {
		p.unwant(c)
		c.state = invClaimed
		f.told = f.told || tells[c.fn]
		p.entry(&x.e, c) // all of its nodes are bound
		x.up(f.t, c)
		return
	}
	x.nested(f)
}

// nested executes the first of what was recorded inside the call f, a callback of the
// environment.
func (x *Executor) nested(f *Frame) {
	c := f.inv.first
	if p := x.plan; c.up && p.impossible(f.t, c) {
		p.pop(&f.inv.first, &f.inv.last)
		p.drop(c, &x.stats.Dropped)
		return
	}
	x.callRecorded(f.t, c)
}

// claim finds the recorded callback that e is, which NDIS makes inside f or, if f is nil, on
// a thread of its own.
func (x *Executor) claim(e *format.Event, f *Frame) *recorded {
	p := x.plan
	if p == nil {
		return nil
	}
	if f != nil && f.inv != nil {
		for v := f.inv.first; v != nil; v = v.next {
			if v.produced && v.state == invWaiting && v.fn == e.Function.Modern() {
				return p.take(v, e)
			}
		}
	}
	if p.extra.n > 0 {
		k := wantedKey(e)
		if n, ok := p.extra.get(k); ok {
			if n > 1 {
				p.extra.put(k, n-1)
			} else {
				p.extra.del(k)
			}
			return nil
		}
	}
	var cause *recorded
	if f != nil {
		if cause = f.inv; cause == nil {
			cause = f.cause
		}
	}
	if v := p.find(e, cause); v != nil {
		return p.take(v, e)
	}
	return nil
}

func (p *plan) take(v *recorded, e *format.Event) *recorded {
	p.unwant(v)
	v.state = invClaimed
	e.Function = v.row.Function
	if v.row.Has&format.HasIRQL != 0 {
		e.IRQL = v.row.IRQL
		e.Has |= format.HasIRQL
	}
	return v
}

// find looks for a recorded callback that may be e. What the call cause causes comes behind it,
// and before the next one like it.
func (p *plan) find(e *format.Event, cause *recorded) *recorded {
	after, before := uint64(0), Forever
	if cause != nil {
		after = cause.n
		if tells[e.Function.Modern()] {
			before = cause.before()
		}
	}
	var d detail
	if e.Function.Modern() == ndis.ProtocolCoOidRequestComplete {
		d.parse(bytesOf(e.Detail))
	}
	fits := func(v *recorded) bool {
		if v.row.driver != 0 && e.Driver != "" && p.names[v.row.driver] != e.Driver {
			return false
		}
		if v.fn == ndis.ProtocolCmOpenAf || v.fn == ndis.ProtocolCoAfRegisterNotify {
			if v.row.Has&e.Has&format.HasAFType != 0 && v.row.AFType != e.AFType {
				return false
			}
		}
		if u := v.below; u != nil && cause != nil && u != cause && (isCompletion[u.fn] || !u.up && !tells[v.fn]) &&
			!(p.mode == CallManagerReference && p.cm.replaces(u)) {
			return false // it tells of what u completes, or is asked in u
		}
		if cause != nil && !tells[v.fn] && v.forOther(cause) {
			return false
		}
		if v.fn == ndis.ProtocolClOpenAfCompleteEx && v.another(1, e) {
			return false // of an open with the same context
		}
		if v.fn == ndis.ProtocolCoOidRequestComplete && v.otherOIDRequest(&d) {
			return false
		}
		return v.state == invWaiting && v.n > after && v.n < before
	}
	v, _ := p.wanted.get(wantedKey(e))
	for ; v != nil; v = v.sameKey {
		if fits(v) {
			return v
		}
	}
	bare := *e
	bare.Has &^= format.HasContext
	v, _ = p.wanted.get(wantedKey(&bare))
	for ; v != nil; v = v.sameKey {
		if fits(v) {
			return v
		}
	}
	return nil
}

// another says that handle i of v is known not to be that of e: it is that of another object, or
// of one that is still to come.
func (v *recorded) another(i int, e *format.Event) bool {
	n := v.nodes[i]
	if n == nil || e.Has&handleBits[i] == 0 {
		return false
	}
	h := *handleAt(e, i)
	if h == 0 || n.bound {
		return h != 0 && n.value != h
	}
	return !n.dead && n.born < v.n
}

// forOther says that v, which asks for something new, has the handle of another one than the call
// cause has made.
func (v *recorded) forOther(cause *recorded) bool {
	for i, n := range &cause.retNodes {
		if n != nil && v.nodes[i] != nil && v.nodes[i] != n && introduces(v.fn, i) {
			return true
		}
	}
	return false
}

// otherOIDRequest says that v names another OID request than d does: their contexts, if there are
// any, are those of the AF.
func (v *recorded) otherOIDRequest(d *detail) bool {
	var other detail
	other.parse(v.row.text.bytes())
	return d.has&other.has&keyOIDRequest != 0 && d.oidRequest != other.oidRequest
}

// expected says that e was recorded and has not been made yet.
func (p *plan) expected(e *format.Event) bool { return p.find(e, nil) != nil }

// --- running ---

// catchUp executes what is due up to row n of the recording, row by row.
func (p *plan) catchUp(n uint64) error {
	for p.ran < n {
		p.ran++
		if p.nothing(p.ran) {
			continue
		}
		if err := p.run(p.ran); err != nil {
			return err
		}
	}
	return nil
}

// nothing says that nothing is due up to row n of the recording; up to the row before, all is done.
func (p *plan) nothing(n uint64) bool {
	x := p.x
	if p.answers.n > 0 {
		if v := *p.answers.at(0); v.state != invWaiting || v.retN <= n {
			return false
		}
	}
	return (p.gaps.n == 0 || p.gaps.at(0).n > n) && (len(x.queue) == 0 || x.queue[0].due > n) && x.rota.nothing(n) &&
		len(p.late) == 0 && x.err == nil
}

// run executes what is due up to row n of the recording.
func (p *plan) run(n uint64) error {
	for {
		until, what := n, 0
		if p.answers.n > 0 {
			if v := *p.answers.at(0); v.state != invWaiting {
				p.unref(p.answers.pop())
				continue
			} else if v.retN <= until {
				until, what = v.retN, 1
			}
		}
		if p.gaps.n > 0 && p.gaps.at(0).n <= until {
			until, what = p.gaps.at(0).n, 2
		}
		if err := p.x.Run(until); err != nil {
			return err
		}
		switch what {
		case 0:
			return nil
		case 1:
			v := p.answers.pop()
			if v.state == invWaiting {
				if len(p.waiting) > 0 || v.mayCome() {
					p.late = append(p.late, v)
					continue
				}
				p.expire(v)
			}
			p.unref(v)
		case 2:
			g := p.gaps.pop()
			p.x.Gap(&g.row)
		}
		if len(p.waiting) == 0 {
			p.expireLate()
		}
	}
}

// mayCome says that NDIS may make v later than it did: the call in which v was recorded runs, or the
// callback in which a completion was made that the reference call manager makes once it has returned.
func (v *recorded) mayCome() bool {
	u := v.below
	for u != nil && u.state == invDropped {
		u = u.below
	}
	return u != nil && u.frame != nil && (!u.up || u != v.below)
}

func (p *plan) expireLate() {
	kept := p.late[:0]
	for _, v := range p.late {
		if v.state == invWaiting && v.mayCome() {
			kept = append(kept, v)
			continue
		}
		if v.state == invWaiting {
			p.expire(v)
		}
		p.unref(v)
	}
	p.late = kept
}

// expire gives up a recorded callback that NDIS does not make in this execution.
func (p *plan) expire(v *recorded) {
	v.state = invDropped
	p.unwant(v)
	for _, n := range v.nodes {
		p.settle(n)
	}
	for v.first != nil {
		if c := p.pop(&v.first, &v.last); c.produced {
			p.unref(c)
		} else if c.state == invWaiting {
			p.drop(c, &p.x.stats.Untriggered)
		}
	}
	p.unref(v)
}

// finish executes the rest.
func (p *plan) finish() error {
	p.ended = true
	for _, v := range p.open {
		v.retN = p.n + 1
		v.refs++
		p.answers.push(v)
	}
	p.open = p.open[:0]
	p.wakeAll()
	if err := p.catchUp(p.n + 1); err != nil {
		return err
	}
	for {
		if err := p.x.Run(Forever); err != nil {
			return err
		}
		if !p.giveUp() {
			for _, v := range p.late { // in calls that do not return
				if v.state == invWaiting {
					p.expire(v)
				}
				p.unref(v)
			}
			p.late = nil
			return nil
		}
	}
}

// wakeAll has every call asked again that waits for the row of its return.
func (p *plan) wakeAll() {
	// Calls whose return was not recorded: their threads are reached through the read side.
	for i := range p.threads.slots {
		r := p.threads.slots[i].val
		if r == nil {
			continue
		}
		for v := r.top; v != nil; v = v.below {
			if v.frame != nil {
				p.x.Wake(v.frame)
			}
		}
	}
}

// giveUp drops the oldest stimulus that waits for a handle that will never be there.
func (p *plan) giveUp() bool {
	p.expireLate()
	if len(p.x.queue) > 0 {
		return true
	}
	var oldest *recorded
	for _, f := range p.waiting {
		v := p.head(f)
		if v != nil && (oldest == nil || v.n < oldest.n) {
			oldest = v
		}
	}
	if oldest == nil {
		return false
	}
	for _, n := range oldest.nodes {
		if n != nil && !n.bound && !n.dead {
			n.dead = true
			p.wake(n)
		}
	}
	return true
}

func (p *plan) head(f *Frame) *recorded {
	if f.below == nil {
		if r, _ := f.t.User.(*recThread); r != nil {
			return r.first
		}
		return nil
	}
	if f.inv != nil {
		return f.inv.first
	}
	return nil
}

// stands says that v, the call which f was found to make next, can be made. It makes f wait for a
// handle that is not known yet.
func (p *plan) stands(f *Frame, v *recorded) bool {
	p.unwait(f)
	if v.noded {
		for _, n := range &v.nodes {
			switch {
			case n == nil || n.bound:
			case n.dead:
				return false
			default:
				f.t.state = threadIdle
				p.wait(f, n)
				return false
			}
		}
	}
	if v.up && p.impossible(f.t, v) || p.unasked(v) || p.mode == CallManagerReference && p.overBy(v) {
		v.state = invDropped
		return false
	}
	if p.mode == CallManagerReference && p.cm.replaces(v) { // which its handle shows only now
		if r, _ := f.t.User.(*recThread); f.below == nil && r != nil {
			p.discard(p.pop(&r.first, &r.last))
		} else {
			p.discard(p.pop(&f.inv.first, &f.inv.last))
		}
		return false
	}
	return true
}

// impossible says that the environment would not do what v is in this world: NDIS asks a
// binding to go once, names every attempt to bind anew, and halts a miniport that nothing
// uses any more.
func (p *plan) impossible(t *Thread, v *recorded) bool {
	c, ns, e := p.x.w, p.x.ns(t), &v.row
	switch v.fn {
	case ndis.ProtocolBindAdapterEx:
		d := e.detail()
		if d.has&keyBindContext == 0 {
			return false
		}
		old, ok := c.attempts.get(key{kindBindContext<<56 | ns, d.bindContext})
		if !ok || e.driver != 0 && old.label != 0 && c.names[old.label] != p.names[e.driver] {
			return false
		}
		b := old.b
		return !old.finished() || b != nil && b.attempt == old && b.valid() && b.close.state == markNone
	case ndis.ProtocolUnbindAdapterEx:
		if e.Has&format.HasContext == 0 {
			return false
		}
		head, _ := c.bindings.get(key{kindBindingContext<<56 | ns, e.Context})
		all := head != nil
		for b := head; b != nil; b = b.ctxNext {
			if e.driver != 0 && b.label != 0 && c.names[b.label] != p.names[e.driver] {
				continue
			}
			all = all && b.unbind.state != markNone
		}
		return all
	case ndis.MiniportHaltEx:
		a, ok := c.adapters.get(key{kindAdapterContext<<56 | ns, e.Context})
		if !ok && e.Has&format.HasAdapter != 0 {
			a, ok = c.adapters.get(key{kindAdapter<<56 | ns, e.Adapter})
		}
		if !ok {
			return false
		}
		if a.sent.seen() && a.sentAge == c.sentAge {
			return true
		}
		d := e.detail()
		surprise := d.surprise || a.surprise.seen()
		for b := c.newest; b != nil && surprise; b = b.older {
			if b.adapter == a && !b.assumed && b.valid() && b.complete.seen() && !b.unbound.seen() {
				return true
			}
		}
		for _, b := range a.bindings {
			if !surprise && b.id != 0 && b.valid() && !b.assumed && !b.closed() && b.close.state == markNone && b.opened.seen() && !p.boundAt(b, v) {
				return true
			}
		}
		for r := c.firstRequest; r != nil; r = r.after {
			if r.answer && r.a == a && r.op.outstanding() {
				return true
			}
		}
		for x := c.vcFirst; x != nil; x = x.next {
			if x.home() == a && x.nSends > 0 {
				return true
			}
		}
		return false
	}
	return false
}

// boundAt says that b was bound in the recording too when v was entered, as with a miniport call
// manager that has its AFs closed from MiniportHaltEx.
func (p *plan) boundAt(b *binding, v *recorded) bool {
	for i := range p.nodes.slots {
		s := &p.nodes.slots[i]
		if n := s.val; n != nil && n.k.space>>56 == kindBinding && n.bound && n.value == b.handle && (n.gone == 0 || n.gone > v.n) {
			return true
		}
	}
	return false
}

// asksManager says which calls of a client have a call manager asked, who may let them pend.
func asksManager(fn ndis.Func) bool {
	switch fn {
	case ndis.NdisClOpenAddressFamilyEx, ndis.NdisClCloseAddressFamily, ndis.NdisClRegisterSap, ndis.NdisClDeregisterSap,
		ndis.NdisClMakeCall, ndis.NdisClCloseCall, ndis.NdisClModifyCallQoS, ndis.NdisClAddParty, ndis.NdisClDropParty:
		return true
	}
	return false
}

func (m CallManagerMode) String() string {
	return [...]string{"recorded", "reference"}[m]
}

// text is the detail of a row that is kept.
type text struct {
	page     *page
	from, to uint32
}

// page has the details of consecutive rows. It is used again when none of them is needed any more.
type page struct {
	b    []byte
	refs int
}

const pageSize = 4096

// texts is where details are kept. What is longer than a page has one of its own.
type texts struct {
	now  *page // the one that is filled; it counts as needed
	free []*page
}

func (t *texts) add(detail []byte) text {
	if len(detail) == 0 {
		return text{}
	}
	if len(detail) > pageSize/2 {
		return text{&page{append([]byte(nil), detail...), 1}, 0, uint32(len(detail))}
	}
	if t.now == nil || len(t.now.b)+len(detail) > pageSize {
		if t.now != nil {
			t.unref(t.now)
		}
		if n := len(t.free); n > 0 {
			t.now, t.free = t.free[n-1], t.free[:n-1]
		} else {
			t.now = &page{b: make([]byte, 0, pageSize)}
		}
		t.now.refs = 1
	}
	p := t.now
	from := len(p.b)
	p.b = append(p.b, detail...)
	p.refs++
	return text{p, uint32(from), uint32(len(p.b))}
}

func (t *texts) drop(x text) {
	if x.page != nil {
		t.unref(x.page)
	}
}

func (t *texts) unref(p *page) {
	if p.refs--; p.refs == 0 && cap(p.b) == pageSize {
		p.b = p.b[:0]
		t.free = append(t.free, p)
	}
}

func (x text) bytes() []byte {
	if x.page == nil {
		return nil
	}
	return x.page.b[x.from:x.to]
}

// String is x, valid as long as x is kept.
func (x text) String() string { return stringOf(x.bytes()) }
