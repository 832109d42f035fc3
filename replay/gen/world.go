package gen

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// A world is one life of an adapter, its drivers included: they are loaded, the adapter comes up,
// drivers are bound, work, are unbound, and in the end nothing is left. What the environment and
// the drivers do is decided here, at random; what NDIS does is produced by the executor.
//
// Each thread, and each callback that makes calls, is a task: a function that runs until its next
// call and continues with the outcome. A decision and the change of the state that it rests
// on are one step, so flags that are set with a decision serve the others as locks.

// contextBase is the first context that drivers of a world hand out; handles are the executor's.
const (
	contextBase = 0xffffc0a0_00000000
	contextStep = 0x40
	localBits   = 22 // handles and contexts of a world differ in so many low bits
	maxLocal    = 1 << localBits / contextStep
	startTime   = 1_767_225_600_000_000_000 // 2026-01-01
)

var errStuck = errors.New("gen: a generated world came to a standstill")

type driver struct {
	label    string
	protocol string // NdisProtocolHandle as in details
	client   bool
	manager  bool
	number   int // among the call managers
}

// binding is a protocol driver on the adapter.
type binding struct {
	d        *driver
	ctx      uint64
	handle   uint64
	bindCtx  string
	unbind   string
	up       bool
	opening  bool // an AF open pends: nothing else is asked for meanwhile
	ops      int  // calls of the client that run
	told     int  // notifications that run
	leaving  bool
	opens    int
	some     bool // an AF was opened
	m        *manager
	families []uint32
}

// manager is a call manager, over a binding of its own or in the miniport driver.
type manager struct {
	label   string
	ctx     uint64
	b       *binding // nil for an MCM
	leaving bool
	opening int
	jobs    int
	served  []*open
	sigVC   bool // a signaling VC lives
}

func (m *manager) mcm() bool { return m.b == nil }

// by picks the variant of a call.
func (m *manager) by(standAlone, mcm ndis.Func) ndis.Func {
	if m.mcm() {
		return mcm
	}
	return standAlone
}

type open struct {
	b           *binding
	m           *manager
	family      uint32
	ctx         uint64 // the client's
	mctx        uint64
	handle      uint64
	pended      bool // ProtocolCmOpenAf has returned PENDING
	registering bool // the client registers a SAP
	closing     bool // the client has decided to close it
	asking      bool // the call manager has decided to ask for that
	asked       bool
	askDone     bool
	closed      bool
	closePend   bool
	gone        bool // for the call manager
	saps        []*sap
	incoming    int // calls that come in
	busy        int // other work of the call manager
}

type sap struct {
	o       *open
	ctx     uint64
	mctx    uint64
	handle  uint64
	text    string
	done    bool
	status  ndis.Status
	pended  bool
	users   int
	leaving bool
}

type vc struct {
	o         *open
	m         *manager
	byManager bool
	ctx       uint64
	mctx      uint64
	mp        uint64
	handle    uint64
	pended    bool // the request that runs was let pend
	actPend   bool
	acting    bool
	actStatus ndis.Status
	done      bool // the request of the client that runs is completed
	status    ndis.Status
	answered  bool
	hanging   bool // the call manager has decided to hang up
	hung      bool
	closing   bool
	ended     bool
	connected bool
	changes   int // of QoS, by the call manager, that run
	params    int
	data      int // sends and receives that are under way
	parties   []*party
	last      *party // that the call began with
}

type party struct {
	v      *vc
	ctx    uint64
	mctx   uint64
	handle uint64
	pended bool
	done   bool
	status ndis.Status
	left   bool
}

type request struct {
	id     uint64
	text   string // its oid_request as in details
	af     uint64
	pended bool
	done   bool
}

// tape is a finished world: its rows, with handles, threads, call ids and times of its own.
type tape struct {
	rows   []tapeRow
	labels []string // of drivers
	calls  uint64
	end    int64 // ns
}

type tapeRow struct {
	format.Event
	driver  int      // index of its label
	patches []int    // offsets in Detail of the digits of handles and contexts
	values  []uint64 // those handles and contexts
}

// finish completes a tape whose rows are set.
func (t *tape) finish() {
	t.labels, t.calls = t.labels[:0], 0
	known := map[string]int{}
	for i := range t.rows {
		r := &t.rows[i]
		n, ok := known[r.Driver]
		if !ok {
			n = len(t.labels)
			known[r.Driver] = n
			t.labels = append(t.labels, r.Driver)
		}
		r.driver = n
		t.calls = max(t.calls, r.CallID)
		t.end = r.TS
		r.patches, r.values = handlesIn(r.Detail)
	}
}

type world struct {
	rng      *rand.Rand
	o        *plot
	x        *replay.Executor
	rows     []tapeRow
	now      uint64
	objects  []any // by context
	spawning func(*task)
	tids     []uint64
	nextTID  uint64
	waiters  []*task
	tasks    int
	over     bool

	adapter     uint64 // handle, in the namespace of contexts
	nicCtx      uint64
	nicLabel    string
	nicUp       bool
	mcm         *manager
	drivers     []*driver
	bindings    []*binding // bound now
	families    map[uint32]*manager
	requests    map[string]*request
	sapText     int
	managers    int // stand-alone ones
	registering bool
	irql        bool
	names       map[string]string
	err         error
}

type stepKind uint8

const (
	stepCall stepKind = iota
	stepWait
	stepDelay
)

type step struct {
	kind  stepKind
	row   format.Event
	cond  func() bool
	delay uint64
}

type task struct {
	w      *world
	next   func() (step, bool)
	stop   func()
	yield  func(step) bool
	f      *replay.Frame
	result format.Event
	ret    format.Event // what a callback returns
	now    uint64
	extra  uint64
	cond   func() bool
	tid    uint64
}

type stopped struct{}

// run makes a world at random.
func run(rng *rand.Rand, o *plot) (t *tape, err error) {
	w := &world{rng: rng, o: o, families: map[uint32]*manager{}, requests: map[string]*request{}, names: map[string]string{}, nextTID: 1, irql: true}
	w.x = replay.NewExecutor(replay.ExecOptions{Seed: rng.Uint64() | 1, Emit: w.emit, BatchRows: 512, Start: 1}, w)
	if w.chance(30) {
		w.x = replay.NewExecutor(replay.ExecOptions{Emit: w.emit, BatchRows: 512, Start: 1}, w) // the documented order
	}
	w.adapter = w.context(w)
	w.nicCtx = w.context(w)
	w.spawn(w.environment)
	if err := w.x.Run(replay.Forever); err != nil {
		return nil, err
	}
	if w.err == nil && (!w.over || w.tasks > 0) {
		w.err = errStuck
	}
	if w.err != nil {
		return nil, w.err
	}
	res, err := w.x.Finish(replay.End{})
	if err != nil {
		return nil, err
	}
	for i := range res.Findings {
		return nil, fmt.Errorf("gen: a generated world breaks %s: %s", res.Findings[i].ID(), res.Findings[i].Message)
	}
	t = &tape{rows: w.rows}
	for i := range t.rows {
		if r := &t.rows[i]; r.TID >= 1<<40 { // of NDIS
			r.TID = w.nextTID + r.TID - 1<<40
		}
	}
	t.finish()
	return t, nil
}

func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

func (w *world) intern(b []byte) string {
	s, ok := w.names[string(b)]
	if !ok {
		s = string(b)
		w.names[s] = s
	}
	return s
}

// emit takes the rows of the executor.
func (w *world) emit(b *format.Batch) error {
	for i := 0; i < b.N; i++ {
		w.rows = append(w.rows, tapeRow{})
		r := &w.rows[len(w.rows)-1]
		r.Event = format.Event{
			Seq: b.Seq[i], TS: b.TS[i], TID: b.TID[i], IRQL: b.IRQL[i], Phase: b.Phase[i], Function: b.Function[i], Source: b.Source[i],
			CallID: b.CallID[i], Adapter: b.Adapter[i], Binding: b.Binding[i], AF: b.AF[i], SAP: b.SAP[i], VC: b.VC[i], Party: b.Party[i],
			Context: b.Context[i], Context2: b.Context2[i], AFType: b.AFType[i], AFMajor: b.AFMajor[i], AFMinor: b.AFMinor[i],
			Status: b.Status[i], Has: b.Has[i],
		}
		if r.Has&format.HasDriver != 0 {
			r.Driver = w.intern(b.Driver.At(i))
		}
		if r.Has&format.HasDetail != 0 {
			r.Detail = w.intern(b.Detail.At(i))
		}
	}
	return nil
}

// handlesIn gives the handles and contexts in a detail, and the offsets of their 16 digits.
func handlesIn(detail string) (at []int, values []uint64) {
	for i := 0; i+19 <= len(detail); i++ {
		if detail[i] == '"' && detail[i+1] == '0' && detail[i+2] == 'x' {
			if v, err := strconv.ParseUint(detail[i+3:i+19], 16, 64); err == nil && v>>46 == contextBase>>46 {
				at, values = append(at, i+3), append(values, v)
			}
		}
	}
	return at, values
}

func (w *world) context(v any) uint64 {
	w.objects = append(w.objects, v)
	if len(w.objects) > maxLocal {
		w.err = errors.New("gen: a world is too large")
	}
	return contextBase + uint64(len(w.objects))*contextStep
}

func object[T any](w *world, ctx uint64) T {
	var none T
	i := (ctx - contextBase) / contextStep
	if ctx < contextBase || i == 0 || i > uint64(len(w.objects)) {
		return none
	}
	v, _ := w.objects[i-1].(T)
	return v
}

func hex(v uint64) string { return "0x" + strconv.FormatUint(v, 16) }

// --- tasks ---

func (w *world) task(f *replay.Frame, fn func(*task)) *task {
	t := &task{w: w, f: f, now: w.now}
	w.tasks++
	t.next, t.stop = iter.Pull(func(yield func(step) bool) {
		t.yield = yield
		defer func() {
			if e := recover(); e != nil {
				if _, ok := e.(stopped); !ok {
					panic(e)
				}
			}
		}()
		fn(t)
	})
	return t
}

// spawn starts a thread.
func (w *world) spawn(fn func(*task)) {
	tid := w.nextTID
	if n := len(w.tids); n > 0 {
		tid, w.tids = w.tids[n-1], w.tids[:n-1]
	} else {
		w.nextTID++
	}
	before := w.spawning
	w.spawning = fn
	w.x.Spawn(tid)
	w.spawning = before
}

func (t *task) do(s step) format.Event {
	if !t.yield(s) {
		panic(stopped{})
	}
	return t.result
}

// call makes a call and gives its outcome.
func (t *task) call(e format.Event) format.Event { return t.do(step{kind: stepCall, row: e}) }

// wait until cond holds.
func (t *task) wait(cond func() bool) {
	if !cond() {
		t.do(step{kind: stepWait, cond: cond})
	}
}

// pause for about so many ns.
func (t *task) pause(ns int) { t.do(step{kind: stepDelay, delay: uint64(1 + t.w.rng.IntN(2*ns))}) }

// Next is part of replay.Drivers.
func (w *world) Next(f *replay.Frame, a *replay.Act) (replay.Step, uint64) {
	t, _ := f.User.(*task)
	if t == nil {
		if f.Below() == nil {
			t = w.task(f, w.spawning)
			t.tid = f.Thread().TID
		} else if fn := w.callback(f, &a.Row); fn != nil {
			t = w.task(f, fn)
		} else {
			return replay.StepReturn, w.due(nil, a, f, 200)
		}
		f.User = t
	}
	for {
		if t.cond != nil {
			if !t.cond() {
				w.waiters = append(w.waiters, t)
				return replay.StepWait, 0
			}
			t.cond = nil
		}
		s, ok := t.next()
		w.poke()
		if !ok {
			w.tasks--
			if f.Below() == nil {
				w.tids = append(w.tids, t.tid)
			}
			a.Row = t.ret
			return replay.StepReturn, w.due(t, a, f, 200)
		}
		switch s.kind {
		case stepCall:
			a.Row = s.row
			return replay.StepCall, w.due(t, a, f, 600)
		case stepWait:
			t.cond = s.cond
		case stepDelay:
			t.extra += s.delay
		}
	}
}

// due is when a step is taken.
func (w *world) due(t *task, a *replay.Act, f *replay.Frame, about int) uint64 {
	at := w.now + 20 + uint64(w.rng.IntN(2*about))
	if t != nil {
		at = max(at, t.now) + t.extra
		t.now, t.extra = at, 0
	}
	a.Row.TS = int64(at)
	if w.irql && a.Row.Has&format.HasIRQL == 0 {
		a.Row.Has |= format.HasIRQL
		a.Row.IRQL = 0
		if f.Below() != nil && f.Row.Has&format.HasIRQL != 0 {
			a.Row.IRQL = f.Row.IRQL
		}
	}
	return at
}

// Entered is part of replay.Drivers.
func (w *world) Entered(f *replay.Frame) {
	w.now = max(w.now, uint64(max(f.Row.TS, 0)))
	w.poke()
}

// Due is part of replay.Drivers.
func (w *world) Due(f *replay.Frame) (uint64, bool) { return w.now + uint64(10+w.rng.IntN(300)), true }

// Left is part of replay.Drivers.
func (w *world) Left(f *replay.Frame) {
	w.now = max(w.now, uint64(max(f.Result.TS, 0)))
	if b := f.Below(); b != nil {
		if t, _ := b.User.(*task); t != nil {
			t.result = f.Result
			t.now = max(t.now, w.now)
		}
	}
	w.left(f)
	w.poke()
}

// poke wakes the tasks that need wait no longer.
func (w *world) poke() {
	for i := 0; i < len(w.waiters); {
		t := w.waiters[i]
		if !t.cond() {
			i++
			continue
		}
		w.waiters = append(w.waiters[:i], w.waiters[i+1:]...)
		w.x.Wake(t.f)
		i = 0
	}
}
