package replay

// The executor re-executes a history: it is given what the environment and the drivers do,
// and produces what NDIS does.
//
//	x := replay.NewExecutor(replay.ExecOptions{Emit: w.WriteBatch}, drivers)
//	x.Spawn(tid)             // a thread of a driver or of the environment: drivers are asked what it does
//	err := x.Run(replay.End) // or up to some moment
//	result, err := x.Finish(replay.End{})
//
// It has one world, that of the Checker: every row goes through the same transitions, and
// what is due is read from the same objects. So its result has the findings too, and none of
// them is against NDIS.
//
// A Thread is a stack of Frames, calls and callbacks that have not returned. Whose turn it is
// depends on the innermost frame: inside a call of a driver it is NDIS, inside a callback (and
// at the bottom of the stack, in the base frame) it is the driver. Drivers.Next is asked what
// a driver does next: make a call, return, or wait until Executor.Wake; and when. The moment
// is a number that only orders: the thread with the smallest one runs next, and among equal
// ones the one that has waited longest. What NDIS does of its own is due at once.
//
// Nothing is allocated in steady state, no clock is read and no goroutine started; the same
// drivers and options give the same rows.

import (
	"strconv"
	"strings"
	"unsafe"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// Forever as the moment of Run lets everything happen.
const Forever = ^uint64(0)

// ExecOptions of an Executor. The zero value gives the documented order and keeps no rows.
type ExecOptions struct {
	// Options of the world. Hook is told what a call cost if Clock is set: Span.Enter is 0 and
	// Span.Return the time spent on NDIS's side of it, in units of Clock. Without Clock it is
	// told of the rows, like that of a Checker.
	Options
	// Seed chooses among the orders that condis.md 7.2 allows; 0 is the documented one.
	Seed uint64
	// Emit gets the rows, in batches that are valid during the call only.
	Emit func(*format.Batch) error
	// BatchRows is how many rows a batch has, 4096 if 0.
	BatchRows int
	// Clock, if set, is read around each transition; ClockCost is taken off each reading.
	Clock     func() int64
	ClockCost int64
	// Start is the time of the first row for which drivers give none, ns since the Unix epoch.
	Start int64
}

// Step is what a driver does next.
type Step uint8

const (
	StepWait   Step = iota // nothing until Executor.Wake
	StepCall               // make the call of Act
	StepReturn             // return from the callback; in a base frame: the thread ends
)

// Act is what a driver does. For StepCall, Row is the row of the entry: Function, Driver, handles,
// contexts, Status, IRQL and Detail, with their bits in Has. The function is one that drivers
// call, or a callback that the environment decides (a bind, a halt). For StepReturn it is that
// of the return: Status, Context for what is handed back, Detail. TS is the time at the
// earliest, 0 if the executor's own will do. The rest is filled in.
type Act struct {
	Row format.Event
}

// Drivers decide what drivers and the environment do. The executor calls them one at a time.
type Drivers interface {
	// Next says what is done next in f, a callback or the base of a thread, and when.
	Next(f *Frame, a *Act) (s Step, due uint64)
	// Entered says that f was entered: a call that Next asked for, or a callback of NDIS.
	Entered(f *Frame)
	// Due is when NDIS may return from the call f at the earliest; false means to ask again
	// after Wake.
	Due(f *Frame) (due uint64, ok bool)
	// Left says that f has returned. For a call, f.Result has the status and the handles.
	Left(f *Frame)
}

// Frame is a call or a callback that was entered and has not returned. It is valid until
// Drivers.Left is back.
type Frame struct {
	Function ndis.Func    // by its 6.x name; FuncNone in the base of a thread
	Row      format.Event // of the entry: what was passed
	Result   format.Event // of the return of a call, in Drivers.Left
	Step     int          // for Drivers; 0 at first
	User     any          // for Drivers; nil at first

	t     *Thread
	below *Frame
	cl    *call
	inv   *recorded // what was recorded of it
	cause *recorded // of a completion by the reference call manager: the call that it answers
	up    bool

	// of a call
	pc       int
	done     bool   // NDIS has decided
	recorded bool   // the world does not determine it: as recorded
	nextWait *Frame // in the list of those that wait for the same handle
	waitsFor *node
	waitAt   int    // one more than its index among all that wait
	h        uint64 // the handle that it makes
	h2       uint64 // the party's
	upStatus ndis.Status
	upKnown  bool
	upCtx    uint64
	pre      preState
	told     bool     // its completion has been called
	kept     bool     // what the first side created was recorded; in the end: it stays, as recorded
	oid      *request // that it answers
	cost     int64
	status   ndis.Status
}

// Thread on which f runs.
func (f *Frame) Thread() *Thread { return f.t }

// Answer is what the last call made in f has returned.
func (f *Frame) Answer() ndis.Status { return f.upStatus }

// Below is the frame that f was called from, nil for the base of a thread.
func (f *Frame) Below() *Frame { return f.below }

// Thread is a thread of execution.
type Thread struct {
	TID  uint64
	User any // for Drivers

	pid    uint32
	hasPID bool
	uprobe bool
	worker bool // one of NDIS
	index  int  // of a worker
	top    *Frame
	base   Frame
	act    Act
	step   Step
	due    uint64
	order  uint64
	at     int // in the heap, -1 if not there; -2 while it runs

	later    format.Event // the callback that a worker is to make when t is due
	laterInv *recorded
	hasLater bool
}

// Base is the frame at the bottom of the stack of t.
func (t *Thread) Base() *Frame { return &t.base }

// workerTID is the number of NDIS's first worker thread, far from those of a system.
const workerTID = 1 << 40

// handleBase is the first handle that an executor gives out.
const (
	handleBase = 0xffffe0a0_00000000
	handleStep = 0x40
)

// ExecStats counts what became of the stimuli.
type ExecStats struct {
	Rows        uint64 // produced
	Stimuli     uint64 // calls of drivers and the environment that were executed
	Callbacks   uint64 // callbacks that NDIS made
	Unknown     uint64 // stimuli on a handle that never existed: executed, refused
	Dropped     uint64 // stimuli on an object that does not exist in this execution: not executed
	Untriggered uint64 // recorded calls inside callbacks that NDIS does not make here
	Assumed     uint64 // answers taken from the recording: the rows do not determine them
	Supplied    uint64 // answers of drivers that the recording does not have
}

// Executor executes. It is not safe for concurrent use.
type Executor struct {
	opt  ExecOptions
	w    *Checker
	d    Drivers
	plan *plan // d, if it is a recording

	out     format.Batch
	rows    int
	seq     uint64
	callID  uint64
	now     int64
	handles uint64
	order   uint64
	rng     uint64
	irql    bool // rows have an IRQL
	err     error

	heap      []*Thread
	workers   []*Thread // free ones, by index
	nWorkers  int
	freeFr    []*Frame
	freeTh    []*Thread
	e         format.Event // scratch
	buf       []byte
	due       uint64 // of the step that runs
	stats     ExecStats
	notify    []pendingNotice
	costStart int64
}

// NewExecutor returns an Executor that asks d.
func NewExecutor(o ExecOptions, d Drivers) *Executor {
	if o.BatchRows <= 0 {
		o.BatchRows = 4096
	}
	w := o.Options
	if o.Clock != nil {
		w.Hook = nil
	}
	md := map[string]string{}
	for k, v := range o.Metadata {
		if k != "aftrace.order.uncertainty_ns" { // the order of what was executed is certain
			md[k] = v
		}
	}
	w.Metadata = md
	x := &Executor{opt: o, w: New(w), d: d, now: o.Start - 1, handles: handleBase, rng: o.Seed, rows: o.BatchRows}
	x.plan, _ = d.(*plan)
	return x
}

// Stats so far.
func (x *Executor) Stats() ExecStats { return x.stats }

// Spawn starts a thread, whose base frame Drivers are asked about from now on.
func (x *Executor) Spawn(tid uint64) *Thread {
	t := x.newThread()
	t.TID = tid
	x.schedule(t)
	return t
}

func (x *Executor) newThread() *Thread {
	var t *Thread
	if n := len(x.freeTh); n > 0 {
		t = x.freeTh[n-1]
		x.freeTh = x.freeTh[:n-1]
		*t = Thread{}
	} else {
		t = new(Thread)
	}
	t.at = -1
	t.base.t = t
	t.top = &t.base
	return t
}

// worker is a thread of NDIS.
func (x *Executor) worker(like *Thread) *Thread {
	var t *Thread
	if len(x.workers) > 0 {
		t = x.lowest()
	} else {
		t = x.newThread()
		t.worker, t.index = true, x.nWorkers
		t.TID = workerTID + uint64(x.nWorkers)
		x.nWorkers++
	}
	if like != nil {
		t.pid, t.hasPID, t.uprobe = like.pid, like.hasPID, like.uprobe
	}
	return t
}

// release takes back a worker. The one with the lowest number is used next, so that the
// numbers do not depend on how the others ended.
func (x *Executor) release(t *Thread) {
	// A heap with the smallest index on top.
	x.workers = append(x.workers, t)
	w := x.workers
	for i := len(w) - 1; i > 0; {
		p := (i - 1) / 2
		if w[p].index < w[i].index {
			break
		}
		w[p], w[i] = w[i], w[p]
		i = p
	}
}

// lowest takes the free worker with the smallest index.
func (x *Executor) lowest() *Thread {
	w := x.workers
	t, last := w[0], len(w)-1
	w[0] = w[last]
	w = w[:last]
	for i := 0; ; {
		c := 2*i + 1
		if c >= last {
			break
		}
		if c+1 < last && w[c+1].index < w[c].index {
			c++
		}
		if w[i].index < w[c].index {
			break
		}
		w[i], w[c] = w[c], w[i]
		i = c
	}
	x.workers = w
	return t
}

// Wake has Drivers asked again about the thread of f.
func (x *Executor) Wake(f *Frame) {
	if t := f.t; t != nil && t.at < 0 && !x.running(t) {
		x.schedule(t)
	}
}

func (x *Executor) running(t *Thread) bool { return t.at == -2 }

// Run lets happen what is due up to a moment.
func (x *Executor) Run(until uint64) error {
	for x.err == nil && len(x.heap) > 0 && x.heap[0].due <= until {
		if x.opt.Stop != nil && x.stats.Rows&0xfff == 0 && x.opt.Stop() {
			return ErrStopped
		}
		t := x.heap[0]
		x.unheap(t)
		t.at = -2
		x.due = t.due
		x.turn(t)
		if t.at == -2 {
			t.at = -1
			x.schedule(t)
		}
	}
	return x.err
}

// turn takes one step on t.
func (x *Executor) turn(t *Thread) {
	f := t.top
	if t.hasLater && f == &t.base {
		w := x.worker(t) // only now, so that its number says which were free at this moment
		x.e = t.later
		inv := t.laterInv
		x.end(t)
		x.up(w, inv)
		x.schedule(w)
		return
	}
	if f.cl != nil && !f.up {
		if f.done {
			x.leaveCall(f)
			return
		}
		x.advance(f)
		return
	}
	switch t.step {
	case StepCall:
		if x.plan == nil || x.plan.stands(f, &t.act.Row) {
			x.call(t, &t.act.Row)
		}
	case StepReturn:
		if f == &t.base {
			x.end(t)
			return
		}
		x.leaveCallback(f, &t.act.Row)
	}
}

// end ends a thread.
func (x *Executor) end(t *Thread) {
	t.at = -3
	if t.worker {
		t.at = -1
		x.release(t)
		t.at = -3
		return
	}
	x.freeTh = append(x.freeTh, t)
}

// schedule finds out what t does next and when.
func (x *Executor) schedule(t *Thread) {
	f := t.top
	t.at = -1
	switch {
	case f == &t.base && t.worker:
		x.release(t)
		return
	case f.cl != nil && !f.up && f.done:
		due, ok := x.d.Due(f)
		if !ok {
			return
		}
		t.due = due
	case f.cl != nil && !f.up:
		due, ok := x.ndisDue(f)
		if !ok {
			return
		}
		t.due = due
	default:
		t.act.Row = format.Event{}
		t.step, t.due = x.d.Next(f, &t.act)
		if t.step == StepWait {
			return
		}
	}
	x.push(t)
}

// --- the heap: the thread with the smallest due, then the one that waits longest ---

func (x *Executor) less(a, b *Thread) bool {
	return a.due < b.due || a.due == b.due && a.order < b.order
}

func (x *Executor) push(t *Thread) {
	x.order++
	t.order = x.order
	x.heap = append(x.heap, t)
	t.at = len(x.heap) - 1
	x.siftUp(t.at)
}

func (x *Executor) siftUp(i int) {
	for i > 0 {
		p := (i - 1) / 2
		if !x.less(x.heap[i], x.heap[p]) {
			return
		}
		x.swap(i, p)
		i = p
	}
}

func (x *Executor) swap(i, j int) {
	h := x.heap
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

func (x *Executor) unheap(t *Thread) {
	i, last := t.at, len(x.heap)-1
	x.swap(i, last)
	x.heap[last] = nil
	x.heap = x.heap[:last]
	if i < last {
		x.siftUp(i)
		for {
			c := 2*i + 1
			if c >= last {
				break
			}
			if c+1 < last && x.less(x.heap[c+1], x.heap[c]) {
				c++
			}
			if !x.less(x.heap[c], x.heap[i]) {
				break
			}
			x.swap(i, c)
			i = c
		}
	}
	t.at = -1
}

// --- rows ---

// row adds e, whose columns but seq, time and thread are set, to the trace and to the world.
func (x *Executor) row(t *Thread, e *format.Event) *call {
	x.seq++
	e.Seq = x.seq
	x.now = max(x.now+1, e.TS)
	e.TS = x.now
	e.TID = t.TID
	e.Has |= format.HasTID | format.HasCallID
	e.Source = format.SourceGenerator
	e.Has &^= format.HasPID
	if t.hasPID {
		e.PID = t.pid
		e.Has |= format.HasPID
		if t.uprobe {
			e.Source = format.SourceUprobe
		}
	}
	x.stats.Rows++
	x.out.Append(e)
	c := x.w
	c.b, c.i = &x.out, x.out.N-1
	if x.opt.Clock != nil {
		x.costStart = x.opt.Clock()
	}
	cl := c.produced()
	return cl
}

// flushed hands the rows on if there are enough of them.
func (x *Executor) flushed() {
	if x.out.N >= x.rows {
		x.flush()
	}
}

func (x *Executor) flush() {
	if x.out.N > 0 && x.opt.Emit != nil && x.err == nil {
		x.err = x.opt.Emit(&x.out)
	}
	x.out.Reset()
	x.w.b = nil
}

// Finish ends the execution and says what the world thinks of it.
func (x *Executor) Finish(end End) (*Result, error) {
	x.flush()
	if x.err != nil {
		return nil, x.err
	}
	return x.w.Finish(end), nil
}

// Gap adds a row that says that events of the recording are missing here.
func (x *Executor) Gap(e *format.Event) {
	r := *e
	x.seq++
	r.Seq = x.seq
	x.now = max(x.now+1, r.TS)
	r.TS, r.Source = x.now, format.SourceGenerator
	x.out.Append(&r)
	x.stats.Rows++
	x.w.b, x.w.i = &x.out, x.out.N-1
	x.w.produced()
	x.flushed()
}

// produced is row for a row that an executor has made: it gives the call that was entered.
func (c *Checker) produced() *call {
	b, i := c.b, c.i
	if p := b.Phase[i]; p != format.PhaseEnter {
		c.row()
		return nil
	}
	c.events++
	at := evAt(b.Seq[i], b.TS[i], c.events)
	c.plausible(at)
	c.lastTS, c.lastSeq = at.ts, at.seq
	for c.held.n > 0 && c.held.at(0).due < at.ts {
		c.held.pop().check()
	}
	cl := c.enter(at)
	c.entered(cl)
	if c.observer != nil {
		c.observe(cl, at)
	}
	return cl
}

// --- frames ---

func (x *Executor) newFrame(t *Thread) *Frame {
	var f *Frame
	if n := len(x.freeFr); n > 0 {
		f = x.freeFr[n-1]
		x.freeFr = x.freeFr[:n-1]
		*f = Frame{}
	} else {
		f = new(Frame)
	}
	f.t, f.below = t, t.top
	t.top = f
	return f
}

// call enters a call of a driver, or a callback of the environment.
func (x *Executor) call(t *Thread, e *format.Event) {
	fn := e.Function
	f := x.newFrame(t)
	f.Function = fn.Modern()
	f.up = fn < ndis.NumFuncs && fn.Info().Dir == ndis.Up
	x.callID++
	e.CallID, e.Phase = x.callID, format.PhaseEnter
	if e.Has&format.HasIRQL != 0 {
		x.irql = true
	}
	f.Row = *e
	if x.plan != nil {
		x.plan.attach(f)
	}
	if !f.up {
		x.prepare(f)
	}
	x.stats.Stimuli++
	f.cl = x.row(t, &f.Row)
	x.took(f)
	x.d.Entered(f)
	if !f.up {
		x.begin(f)
	}
	x.flushed()
}

// up enters a callback, x.e, on t.
func (x *Executor) up(t *Thread, inv *recorded) *Frame {
	e := &x.e
	f := x.newFrame(t)
	f.Function, f.up, f.inv = e.Function.Modern(), true, inv
	x.callID++
	e.CallID, e.Phase = x.callID, format.PhaseEnter
	if x.irql && e.Has&format.HasIRQL == 0 {
		e.Has |= format.HasIRQL
		e.IRQL = 0
		if b := f.below; b.cl != nil && b.Row.Has&format.HasIRQL != 0 {
			e.IRQL = b.Row.IRQL
		} else if b.cl != nil {
			e.Has &^= format.HasIRQL
		}
	}
	if e.Has&format.HasIRQL != 0 && !f.Function.Info().IRQL.Allows(ndis.IRQL(e.IRQL)) {
		e.IRQL = 0
	}
	f.Row = *e
	x.stats.Callbacks++
	f.cl = x.row(t, &f.Row)
	x.took(f)
	if x.plan != nil {
		x.plan.claimed(f)
	}
	x.d.Entered(f)
	x.flushed()
	return f
}

// leaveCall is the return of NDIS from a call.
func (x *Executor) leaveCall(f *Frame) {
	r := &f.Result
	r.Function, r.Phase, r.CallID = f.Row.Function, format.PhaseReturn, f.Row.CallID
	r.Driver = f.Row.Driver
	r.Has |= format.HasDriver & f.Row.Has
	if f.Row.Has&format.HasIRQL != 0 {
		r.IRQL = f.Row.IRQL
		r.Has |= format.HasIRQL
	}
	if registers(f.Function) {
		f.status = x.registering(f) // of claims that overlap, the one that is answered first is held
	}
	if !f.Function.Info().Returns.Void && !f.recorded {
		r.Status = uint32(f.status)
		r.Has |= format.HasStatus
	}
	if x.plan != nil {
		x.plan.returning(f)
	}
	x.row(f.t, r)
	x.took(f)
	x.tell(f)
	x.pop(f)
	f.below.upStatus = f.status
	x.returned(f)
	x.d.Left(f)
	x.freeFr = append(x.freeFr, f)
	x.flushed()
}

// leaveCallback is the return of a driver from a callback.
func (x *Executor) leaveCallback(f *Frame, e *format.Event) {
	e.Function, e.Phase, e.CallID = f.Row.Function, format.PhaseReturn, f.Row.CallID
	e.Driver = f.Row.Driver
	e.Has |= format.HasDriver & f.Row.Has
	if e.Has&format.HasIRQL == 0 && f.Row.Has&format.HasIRQL != 0 {
		e.IRQL = f.Row.IRQL
		e.Has |= format.HasIRQL
	}
	f.Result = *e
	x.row(f.t, &f.Result)
	x.took(f)
	x.tell(f)
	below := f.below
	x.pop(f)
	if below.cl != nil && !below.up {
		below.upStatus, below.upKnown = ndis.Status(e.Status), e.Has&format.HasStatus != 0
		below.upCtx = 0
		if e.Has&format.HasContext != 0 {
			below.upCtx = e.Context
		}
		below.cost += f.cost
	}
	x.answered(f)
	x.d.Left(f)
	x.freeFr = append(x.freeFr, f)
	x.flushed()
}

func (x *Executor) pop(f *Frame) { f.t.top = f.below }

// took adds what the transition just made cost.
func (x *Executor) took(f *Frame) {
	if x.opt.Clock != nil {
		f.cost += max(0, x.opt.Clock()-x.costStart-x.opt.ClockCost)
	}
}

// tell reports the cost of f to the hook.
func (x *Executor) tell(f *Frame) {
	if x.opt.Clock == nil || x.opt.Hook == nil {
		return
	}
	s := &x.w.span
	*s = Span{Function: f.Row.Function, EnterSeq: 0, ReturnSeq: x.seq, Enter: 0, Return: f.cost, TID: f.t.TID,
		AFType: f.Row.AFType, HasAFType: f.Row.Has&format.HasAFType != 0,
		Status: ndis.Status(f.Result.Status), HasStatus: f.Result.Has&format.HasStatus != 0,
		Driver: append(s.Driver[:0], f.Row.Driver...)}
	x.opt.Hook.Span(s)
}

// handle is a new handle.
func (x *Executor) handle() uint64 {
	x.handles += handleStep
	return x.handles
}

// chance is a pseudo-random number below n for the choice among allowed orders; 0 with the
// documented order.
func (x *Executor) chance(n int) int {
	if x.opt.Seed == 0 || n < 2 {
		return 0
	}
	x.rng += 0x9e3779b97f4a7c15
	z := x.rng
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) % uint64(n))
}

// text is b as a string, valid as long as b is.
func text(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b))
}

// ExecMetadata is md for the trace that an execution with o produced: the names of what was
// assumed and counted go with it.
func ExecMetadata(md map[string]string, seed uint64, callManager string) map[string]string {
	out := map[string]string{}
	for k, v := range md {
		switch {
		case k == "aftrace.order.uncertainty_ns", k == "aftrace.tick_frequency", strings.HasPrefix(k, "aftrace.lost."),
			strings.HasPrefix(k, "aftrace.session."):
		default:
			out[k] = v
		}
	}
	out["aftrace.exec.seed"] = strconv.FormatUint(seed, 10)
	out["aftrace.exec.call_manager"] = callManager
	out["aftrace.collector"] = "afreplay exec"
	return out
}

// LastHandle is the handle that was given out last.
func (x *Executor) LastHandle() uint64 { return x.handles }
