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
	// Seed chooses among the orders that the documentation leaves open (docs/executor.md, Order);
	// 0 is the documented one.
	Seed uint64
	// Emit gets the rows, in batches that are valid during the call only.
	Emit func(*format.Batch) error
	// BatchRows is how many rows a batch has, 4096 if 0.
	BatchRows int
	// Clock, if set, is read around each transition. ClockCost is what one reading takes,
	// in units of Clock: it is taken off each transition.
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
	Function ndis.Func // by its 6.x name; FuncNone in the base of a thread
	Step     int       // for Drivers; 0 at first
	User     any       // for Drivers; nil at first
	frameState
	Row    format.Event // of the entry: what was passed
	Result format.Event // of the return of a call, in Drivers.Left
}

// frameState is what the executor knows of a frame.
type frameState struct {
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
	step   Step
	state  threadState
	top    *Frame
	due    uint64
	order  uint64    // among those that are due at the same moment
	next   *Thread   // due at the same moment, while neither is in the queue
	rec    *recorded // what step is about, if that was recorded; otherwise it is in act
	act    *Act      // nil until Drivers ask for something that was not recorded
	later  *upcall   // nil, or the callback that a worker is to make when t is due
	base   Frame
}

type threadState uint8

const (
	threadIdle   threadState = iota // waits, and may be woken
	threadQueued                    // in the queue
	threadRuns
	threadEnded
)

// upcall is a callback that a worker is to make.
type upcall struct {
	row format.Event
	inv *recorded
}

// turn of a thread: the one that is due first comes first, and among equal ones the one that
// has waited longest.
type turn struct {
	due, order uint64
	t          *Thread
}

func (a *turn) before(b *turn) bool { return a.due < b.due || a.due == b.due && a.order < b.order }

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

	out     format.Batch  // its columns are longer than N
	whole   format.Batch  // what Emit gets of it
	wrote   format.Fields // columns that its rows have
	rows    int
	seq     uint64
	callID  uint64
	now     int64
	handles uint64
	order   uint64
	rng     uint64
	irql    bool // rows have an IRQL
	err     error

	queue     []turn    // a heap
	rota      rota      // those of which the turn comes later
	workers   []*Thread // free ones, by index
	nWorkers  int
	freeFr    []*Frame
	freeTh    []*Thread
	freeUps   []*upcall
	e         format.Event // scratch
	labels    [256]labelled
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
	n := len(x.freeTh)
	if n == 0 {
		t := new(Thread)
		t.base.t, t.top = t, &t.base
		return t
	}
	t := x.freeTh[n-1]
	x.freeTh = x.freeTh[:n-1]
	t.TID, t.User = 0, nil
	t.pid, t.hasPID, t.uprobe = 0, false, false
	t.worker, t.index, t.state, t.rec = false, 0, threadIdle, nil
	t.base.Step, t.base.User, t.base.frameState = 0, nil, frameState{t: t}
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
	if t := f.t; t != nil && t.state != threadQueued && t.state != threadRuns {
		x.schedule(t)
	}
}

// Run lets happen what is due up to a moment.
func (x *Executor) Run(until uint64) error {
	t := x.alone(until)
	if t == nil {
		x.fromRota(until)
	}
	for ; t != nil || len(x.queue) > 0 && x.queue[0].due <= until && x.err == nil; t = nil {
		if t == nil {
			t = x.first()
		}
		for { // what t does next need not be queued if t is the first again
			if x.opt.Stop != nil && x.stats.Rows&0xfff == 0 && x.opt.Stop() {
				x.push(t)
				return ErrStopped
			}
			t.state = threadRuns
			x.due = t.due
			x.turn(t)
			if t.state != threadRuns || !x.ready(t) {
				break
			}
			if t.due > until || len(x.queue) > 0 && x.queue[0].due <= t.due || x.err != nil {
				x.push(t)
				break
			}
		}
	}
	return x.err
}

// turn takes one step on t.
func (x *Executor) turn(t *Thread) {
	f := t.top
	if l := t.later; l != nil && f == &t.base {
		w := x.worker(t) // only now, so that its number says which were free at this moment
		x.e = l.row
		inv := l.inv
		l.inv, t.later = nil, nil
		x.freeUps = append(x.freeUps, l)
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
	switch v := t.rec; t.step {
	case StepCall:
		if v == nil {
			x.call(t, &t.act.Row)
		} else if x.plan.stands(f, v) {
			x.callRecorded(t, v)
		}
	case StepReturn:
		if f == &t.base {
			x.end(t)
			return
		}
		if v == nil {
			f.Result = t.act.Row
		} else {
			x.plan.answer(&f.Result, v)
		}
		x.leaveCallback(f)
	}
}

// end ends a thread.
func (x *Executor) end(t *Thread) {
	t.state = threadEnded
	if t.worker {
		x.release(t)
		return
	}
	x.freeTh = append(x.freeTh, t)
}

// schedule finds out what t does next and when.
func (x *Executor) schedule(t *Thread) {
	if x.ready(t) {
		x.push(t)
	}
}

// ready says that t has something to do, and when.
func (x *Executor) ready(t *Thread) (ok bool) {
	f := t.top
	t.state = threadIdle
	switch {
	case f == &t.base && t.worker:
		x.release(t)
		return false
	case f.cl != nil && !f.up && f.done:
		t.due, ok = x.d.Due(f)
		return ok
	case f.cl != nil && !f.up:
		t.due, ok = x.ndisDue(f)
		return ok
	case x.plan != nil:
		t.step, t.due = x.plan.next(f)
		if t.step == StepWait && f == &t.base {
			x.plan.rest(t)
		}
	default:
		a := t.action()
		a.Row = format.Event{}
		t.step, t.due = x.d.Next(f, a)
	}
	return t.step != StepWait
}

// action is where it is noted what t does next.
func (t *Thread) action() *Act {
	if t.act == nil {
		t.act = new(Act)
	}
	return t.act
}

// --- the queue ---

func (x *Executor) push(t *Thread) {
	t.state = threadQueued
	x.order++
	t.order = x.order
	if !x.rota.add(t) {
		x.enqueue(t)
	}
}

// enqueue puts t into the heap.
func (x *Executor) enqueue(t *Thread) {
	last := turn{t.due, t.order, t}
	q := append(x.queue, last)
	i := len(q) - 1
	for i > 0 {
		p := (i - 1) / 2
		if !last.before(&q[p]) {
			break
		}
		q[i] = q[p]
		i = p
	}
	q[i] = last
	x.queue = q
}

// first takes out the thread whose turn it is.
func (x *Executor) first() *Thread {
	q := x.queue
	t, end := q[0].t, len(q)-1
	last := q[end]
	q[end].t = nil
	q = q[:end]
	x.queue = q
	if end == 0 {
		return t
	}
	i := 0
	for c := 1; c < end; c = 2*i + 1 {
		if c+1 < end && q[c+1].before(&q[c]) {
			c++
		}
		if !q[c].before(&last) {
			break
		}
		q[i] = q[c]
		i = c
	}
	q[i] = last
	return t
}

// rota keeps the threads of which the turn comes at a later row of a recording, by that row.
// As many as there are among the rows read ahead would make the heap so deep that it costs more
// than what the threads do. The zero value takes none.
type rota struct {
	slots    []*Thread // by the last bits of when they are due
	released uint64    // those that are due by then are in the heap
	n        int
	most     uint64 // slots at most; a power of two, or 0
}

// firstSlots of a rota that is used.
const firstSlots = 256

// add takes t unless it is due soon or in the far future.
func (r *rota) add(t *Thread) bool {
	if t.due <= r.released || t.due-r.released >= r.most {
		return false
	}
	for t.due-r.released >= uint64(len(r.slots)) {
		r.grow()
	}
	slot := &r.slots[t.due&uint64(len(r.slots)-1)]
	t.next, *slot = *slot, t
	r.n++
	return true
}

func (r *rota) grow() {
	old := r.slots
	r.slots = make([]*Thread, max(firstSlots, 2*len(old)))
	mask := uint64(len(r.slots) - 1)
	for _, t := range old {
		if t != nil { // all of a slot are due at the same moment
			r.slots[t.due&mask] = t
		}
	}
}

// nothing says that no thread is due up to a moment, if that is the next one.
func (r *rota) nothing(until uint64) bool {
	if r.n == 0 {
		r.released = max(r.released, until)
		return true
	}
	if r.released+1 != until {
		return false
	}
	mask := uint64(len(r.slots) - 1)
	if r.slots[r.released&mask] != nil || r.slots[until&mask] != nil {
		return false
	}
	r.released = until
	return true
}

// next takes out one of those that are due up to a moment, nil if there is none left.
func (r *rota) next(until uint64) *Thread {
	for r.n > 0 {
		slot := &r.slots[r.released&uint64(len(r.slots)-1)]
		if t := *slot; t != nil {
			*slot, t.next = t.next, nil
			r.n--
			return t
		}
		if r.released >= until {
			return nil
		}
		r.released++
	}
	r.released = max(r.released, until)
	return nil
}

// fromRota puts those into the heap that are due up to a moment.
func (x *Executor) fromRota(until uint64) {
	for t := x.rota.next(until); t != nil; t = x.rota.next(until) {
		x.enqueue(t)
	}
}

// alone takes out the only thread that is due up to a moment, if that is the next one; otherwise
// it gives nil.
func (x *Executor) alone(until uint64) *Thread {
	r := &x.rota
	if r.n == 0 || r.released+1 != until || len(x.queue) > 0 && x.queue[0].due <= until || x.err != nil {
		return nil
	}
	mask := uint64(len(r.slots) - 1)
	slot := &r.slots[until&mask]
	t := *slot
	if t == nil || t.next != nil || r.slots[r.released&mask] != nil {
		return nil
	}
	*slot, r.released = nil, until
	r.n--
	return t
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
	x.append(e)
	c := x.w
	c.b, c.i = &x.out, x.out.N-1
	if x.opt.Clock != nil {
		x.costStart = x.opt.Clock()
	}
	return c.produced(e, x.label(e))
}

// flushed hands the rows on if there are enough of them.
func (x *Executor) flushed() {
	if x.out.N >= x.rows {
		x.flush()
	}
}

func (x *Executor) flush() {
	if x.out.N > 0 && x.opt.Emit != nil && x.err == nil {
		x.whole = firstOf(&x.out, x.out.N)
		x.err = x.opt.Emit(&x.whole)
	}
	x.emptied()
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
	x.append(&r)
	x.stats.Rows++
	x.w.b, x.w.i = &x.out, x.out.N-1
	x.w.produced(&r, 0)
	x.flushed()
}

// produced is row for the row e that an executor has made: it gives the call that was entered.
func (c *Checker) produced(e *format.Event, label uint32) *call {
	c.events++
	at := evAt(e.Seq, e.TS, c.events)
	r := &c.now
	r.id, r.thread, r.has, r.label = e.CallID, threadOf(e.Has, e.TID, e.PID), e.Has, label
	r.fn, r.phase, r.source, r.irql = e.Function, e.Phase, e.Source, e.IRQL
	c.plausible(at)
	if e.Phase != format.PhaseEnter {
		c.row(at)
		return nil
	}
	c.reached(at)
	cl := c.enter(at)
	c.entered(cl)
	if c.observer != nil {
		c.observe(cl, at)
	}
	return cl
}

// label is the world's number of the driver of e.
func (x *Executor) label(e *format.Event) uint32 {
	if e.Has&format.HasDriver == 0 || e.Driver == "" {
		return 0
	}
	// The names are mostly the same strings again: not even their bytes are compared then.
	slot := &x.labels[uintptr(unsafe.Pointer(unsafe.StringData(e.Driver)))>>4%uintptr(len(x.labels))]
	if slot.name != e.Driver {
		*slot = labelled{e.Driver, x.w.label(bytesOf(e.Driver))}
	}
	return slot.id
}

// labelled is the name of a driver and its number.
type labelled struct {
	name string
	id   uint32
}

// --- frames ---

// newFrame is a frame on t, of which Row is to be set, and Result too before it is told of.
func (x *Executor) newFrame(t *Thread) *Frame {
	var f *Frame
	if n := len(x.freeFr); n > 0 {
		f = x.freeFr[n-1]
		x.freeFr = x.freeFr[:n-1]
		f.Step, f.User, f.frameState = 0, nil, frameState{}
	} else {
		f = new(Frame)
	}
	f.t, f.below = t, t.top
	t.top = f
	return f
}

// call enters a call of a driver, or a callback of the environment.
func (x *Executor) call(t *Thread, e *format.Event) {
	f := x.newFrame(t)
	f.Row = *e
	if x.plan != nil {
		x.plan.attach(f)
	}
	x.enter(f)
}

// callRecorded is call for what was recorded.
func (x *Executor) callRecorded(t *Thread, v *recorded) {
	f := x.newFrame(t)
	x.plan.entry(&f.Row, v)
	x.plan.attach(f)
	x.enter(f)
}

func (x *Executor) enter(f *Frame) {
	e := &f.Row
	fn := e.Function
	f.Function = fn.Modern()
	f.up = fn < ndis.NumFuncs && fn.Info().Dir == ndis.Up
	x.callID++
	e.CallID, e.Phase = x.callID, format.PhaseEnter
	if e.Has&format.HasIRQL != 0 {
		x.irql = true
	}
	if !f.up {
		f.Result = format.Event{}
		x.prepare(f)
	}
	x.stats.Stimuli++
	f.cl = x.row(f.t, e)
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

// leaveCallback is the return of a driver from a callback, with f.Result.
func (x *Executor) leaveCallback(f *Frame) {
	e := &f.Result
	e.Function, e.Phase, e.CallID = f.Row.Function, format.PhaseReturn, f.Row.CallID
	e.Driver = f.Row.Driver
	e.Has |= format.HasDriver & f.Row.Has
	if e.Has&format.HasIRQL == 0 && f.Row.Has&format.HasIRQL != 0 {
		e.IRQL = f.Row.IRQL
		e.Has |= format.HasIRQL
	}
	x.row(f.t, e)
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
		Driver: x.w.names[x.label(&f.Row)]}
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

// stringOf is b as a string, valid as long as b is.
func stringOf(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b))
}

// bytesOf are the bytes of s, which are not to be changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

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
