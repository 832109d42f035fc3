package replay

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
	"strconv"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// ErrStopped is returned by Batch after Options.Stop said so.
var ErrStopped = errors.New("replay: stopped")

// span of time, both ends inclusive, in which events are missing.
type gap struct {
	from, to int64
	seq      uint64
}

// minTime and maxTime stand for the ends of an unbounded trace.
const (
	minTime = -1 << 63
	maxTime = 1<<63 - 1
)

// Checker compares a trace with the reference NDIS. It is not safe for concurrent use.
type Checker struct {
	opt       Options
	openLimit int64
	maxDead   int
	export    tri // aftrace.level is "export"

	events  uint64
	lastTS  int64
	lastSeq uint64
	lost    uint64
	gaps    []gap
	blurs   []gap // rows that could not be laid to an object
	nGaps   uint64

	b    *format.Batch
	i    int
	now  row        // row i of b
	said [32][]byte // the last detail that had nothing for the replay, by its length

	unsure int64      // ns by which the clocks of two threads may differ
	held   fifo[held] // checks that wait until the order is certain

	labels   map[string]uint32
	rowLabel []uint32 // labels of the rows of a batch
	recent   [recentLabels]recentLabel
	names    []string
	byLabel  []*driver // by label id
	callsBy  callTable
	threads  threads
	free     *call // calls to use again
	bindings table[*binding]
	attempts table[*bindAttempt]
	adapters table[*adapter]
	drivers  table[*driver]
	opens    table[*afOpen]
	saps     table[*sap]
	vcs      table[*vc]

	freeOpens    []*afOpen
	freeBindings []*binding
	freeAttempts []*bindAttempt
	freeRegs     []*registration
	freeSaps     []*sap
	freeVCs      []*vc
	deadOpens    crypt[boxedOpen]
	exhumed      deadOpen
	deadBindings fifo[*binding]
	deadAttempts fifo[*bindAttempt]
	openList     *afOpen // live AF opens, oldest first
	openLast     *afOpen
	newest       *binding // live bindings, linked
	numAdapters  uint64
	adapterList  []*adapter
	vagueHalts   map[uint32]bool // labels of drivers, 0 if not known, of which an adapter was halted that did not come up in sight
	numDrivers   uint64
	inFlight     []*afOpen // client opens without an answer and without an upcall
	nextID       uint64
	evicted      bool
	contextless  bool           // an AF open has a CallMgrAfContext that was not recorded
	pendedBinds  []*bindAttempt // binds that returned PENDING and are not completed
	handlersSeen bool
	strayClose   ev // the last completion of a close that belongs to no known one

	sapGraves     fifo[deadSap]
	firstSapGrave uint64 // number of the oldest of sapGraves
	deadSaps      table[uint64]
	firstSap      *sap // live SAPs, oldest first
	lastSap       *sap
	requests      table[*request]
	deadRequests  fifo[*request]
	freeRequests  []*request
	firstRequest  *request // requests without an answer, oldest first
	lastRequest   *request
	sentAge       uint64 // counts completions of sends of which the adapter is not known

	vcFirst     *vc // live VCs, oldest first
	vcLast      *vc
	creating    []*vc // whose creation has not returned
	namelessVCs int   // created, and their handle not recorded
	deadVCs     graveyard[deadVC]
	parties     table[*party]
	freeParties []*party
	deadParties graveyard[deadParty]
	freeSends   *send
	blind       bool           // a row about a VC came without handle and context
	vague       [numSides]bool // a callback came with a context that belongs to no VC known
	blindParty  bool           // the same of a party
	lostSaps    int            // SAPs of nobody known whose registration was not followed

	findings     []*finding
	conflicts    []Conflict
	awaited      map[served][]int // opens that found nobody, as indices of conflicts
	observer     Observer         // nil if nobody asks for the objects of the rows
	checked      [maxRules]uint64
	unchecked    [][numReasons]uint64
	defects      map[string]uint64
	defectRows   map[string]uint64 // seq of the first row of each kind
	unjudged     [ndis.NumFuncs]uint64
	sources      uint32                       // that rows have, a bit each
	carried      [ndis.NumFuncs]format.Fields // columns that rows of the function had, and sawRow
	span         Span
	observed     Row
	objects      objectList           // of it
	all          objectList           // all of it, for a Tracker
	watched      *[ndis.NumFuncs]bool // rows of which function a Tracker wants all
	cur          *call                // whose row is replayed; nil between rows
	unnamedClose bool                 // an NdisCloseAdapterEx does not say which binding it closes
}

// New returns a Checker for one trace.
func New(o Options) *Checker {
	c := &Checker{
		opt: o, openLimit: int64(o.OpenLimit), maxDead: o.MaxDead,
		labels: map[string]uint32{"": 0}, names: []string{""}, byLabel: []*driver{nil},
		unchecked: make([][numReasons]uint64, len(rule.All())+1),
		defects:   map[string]uint64{}, defectRows: map[string]uint64{}, lastTS: minTime,
	}
	c.opens.near, c.saps.near, c.vcs.near, c.parties.near = nearBlocks, nearBlocks, nearBlocks, nearBlocks
	c.observer, _ = o.Hook.(Observer)
	c.observed.c = c
	if t, ok := o.Hook.(Tracker); ok {
		c.watched, c.objects.known = new([ndis.NumFuncs]bool), true
		for fn := range ndis.NumFuncs {
			c.watched[fn] = t.Watches(fn)
		}
		for kind := range NumObjectKinds {
			c.objects.skip[kind] = !t.Tracks(kind)
		}
	}
	if c.openLimit == 0 {
		c.openLimit = 1e6
	}
	if c.maxDead == 0 {
		c.maxDead = defaultMaxDead
	}
	if ns, err := strconv.ParseInt(o.Metadata["aftrace.order.uncertainty_ns"], 10, 64); err == nil && ns > 0 {
		c.unsure = ns
	}
	switch o.Metadata["aftrace.level"] {
	case "export":
		c.export = yes
	case "api":
		c.export = no
	}
	return c
}

// row is what the replay asks of every row, taken out of the columns once.
type row struct {
	id     uint64 // call_id
	thread thread
	has    format.Fields
	label  uint32
	fn     ndis.Func
	phase  format.Phase
	source format.Source
	irql   uint8
}

// Batch replays the rows of b.
func (c *Checker) Batch(b *format.Batch) error {
	if c.opt.Stop != nil && c.opt.Stop() {
		return ErrStopped
	}
	c.b = b
	n, r := b.N, &c.now
	if n == 0 {
		return nil
	}
	// Columns of one length need no look at it in every row.
	has, phase, fn, source, irql := b.Has[:n], b.Phase[:n], b.Function[:n], b.Source[:n], b.IRQL[:n]
	seq, ts, id, tid, pid, label := b.Seq[:n], b.TS[:n], b.CallID[:n], b.TID[:n], b.PID[:n], c.labelRows(b)[:n]
	for i := range n {
		c.i = i
		c.events++
		at := evAt(seq[i], ts[i], c.events)
		h, p, f, l := has[i], phase[i], fn[i], irql[i]
		r.id, r.thread, r.has, r.label = id[i], threadOf(h, tid[i], pid[i]), h, label[i]
		r.fn, r.phase, r.source, r.irql = f, p, source[i], l
		if p >= format.PhaseEvent || f >= ndis.NumFuncs || at.ts < c.lastTS || at.ts < 0 ||
			at.seq <= c.lastSeq || l > maxIRQL || h&strange[p][f] != 0 {
			c.plausible(at)
		}
		c.row(at)
	}
	c.b, c.cur = nil, nil
	return nil
}

// threadOf is the thread of a row.
func threadOf(has format.Fields, tid uint64, pid uint32) thread {
	known := has&format.HasTID != 0
	if !known {
		tid = 0
	}
	if has&format.HasPID == 0 {
		pid = 0
	}
	return thread{tid, pid, known}
}

// ns is the namespace of the handles and calls of a row.
func (r *row) ns() uint64 {
	if r.source == format.SourceUprobe {
		return uint64(r.thread.pid)
	}
	return 0
}

// row replays the current row.
func (c *Checker) row(at ev) {
	c.reached(at)
	switch c.now.phase {
	case format.PhaseGap:
		c.gap(at)
	case format.PhaseEnter:
		cl := c.enter(at)
		c.entered(cl)
		if c.observer != nil {
			c.observe(cl, at)
		}
	case format.PhaseEvent:
		if c.now.source == format.SourceManifest {
			break // context for people: it names no object, so it can neither prove nor excuse anything
		}
		cl := c.enter(at)
		c.entered(cl)
		c.returned(cl, at, false, 0)
		if c.observer != nil {
			c.observe(cl, at)
		}
		c.leave(cl)
	case format.PhaseReturn:
		c.ret(at)
	}
}

// reached is the time of the row at, which what was held may have waited for.
func (c *Checker) reached(at ev) {
	c.lastTS, c.lastSeq = at.ts, at.seq
	if c.held.n > 0 {
		c.release()
	}
}

// release runs the checks whose time has come.
func (c *Checker) release() {
	c.cur = nil
	for c.held.n > 0 && c.held.at(0).due < c.lastTS {
		c.held.pop().check()
	}
}

// gap notes that events are missing up to at.
func (c *Checker) gap(at ev) {
	b, i := c.b, c.i
	from := int64(minTime)
	if b.Has[i]&format.HasDetail != 0 {
		var d detail
		d.parse(b.Detail.At(i))
		if d.has&keySinceTS != 0 {
			from = d.sinceTS
			if from > at.ts {
				c.defect(DefectGapBackwards)
				from = at.ts
			}
		}
	}
	lost := uint64(1)
	if b.Has[i]&format.HasLost != 0 {
		lost = b.Lost[i]
	}
	if lost == 0 {
		c.defect(DefectGapWithoutLoss)
		return
	}
	c.lost += lost
	c.nGaps++
	c.addGap(gap{from, at.ts, at.seq})
}

func (c *Checker) addGap(g gap) {
	if n := len(c.gaps); n > 0 && g.from <= c.gaps[n-1].to && g.from >= c.gaps[n-1].from {
		c.gaps[n-1].to = max(c.gaps[n-1].to, g.to)
		return
	}
	c.gaps = append(c.gaps, g)
}

// gapSince says whether events may be missing between ts and the current row.
func (c *Checker) gapSince(ts int64) bool {
	n := len(c.gaps)
	return n > 0 && c.gaps[n-1].to >= ts
}

// recentLabel is a label that was asked for of late, where its word hashes to.
type recentLabel struct {
	word uint64 // its length in the top byte, and its first seven bytes, or hash
	id   uint32
}

const (
	recentBits   = 5
	recentLabels = 1 << recentBits
)

// recentOf is the place of a word among the recent labels.
func recentOf(word uint64) uint64 { return word * 0x9e3779b97f4a7c15 >> (64 - recentBits) }

// labelRows gives the ids of the labels of the rows of b, 0 for one that has none.
func (c *Checker) labelRows(b *format.Batch) []uint32 {
	if len(c.rowLabel) < b.N {
		c.rowLabel = make([]uint32, b.N)
	}
	ids, data, recent := c.rowLabel[:b.N], b.Driver.Data, &c.recent
	has, from := b.Has[:len(ids)], uint(b.Driver.Offsets[0])
	for i, next := range b.Driver.Offsets[1 : len(ids)+1] {
		to := uint(next)
		begin, n := from, to-from
		from = to
		id := uint32(0)
		if n-1 < 7 && begin+8 <= uint(len(data)) {
			// All of the name is in one word.
			word := binary.LittleEndian.Uint64(data[begin:begin+8])&(1<<(8*n&63)-1) | uint64(n)<<56
			slot := &recent[recentOf(word)]
			if id = slot.id; slot.word != word {
				id = c.label(data[begin:to])
				*slot = recentLabel{word, id}
			}
		} else if n > 0 {
			id = c.label(data[begin:to])
		}
		if has[i]&format.HasDriver == 0 {
			id = 0
		}
		ids[i] = id
	}
	return ids
}

// label gives the id of a label.
func (c *Checker) label(name []byte) uint32 {
	n := len(name)
	if n == 0 {
		return 0
	}
	var slot *recentLabel
	var word uint64
	if n >= 8 {
		word = binary.LittleEndian.Uint64(name) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(name[n-8:]), 11) | 1<<63
		if slot = &c.recent[recentOf(word)]; slot.word == word && c.names[slot.id] == string(name) {
			return slot.id
		}
	}
	id, ok := c.labels[string(name)]
	if !ok {
		id = uint32(len(c.names))
		c.names = append(c.names, string(name))
		c.labels[c.names[id]] = id
		c.byLabel = append(c.byLabel, nil)
	}
	if slot != nil {
		*slot = recentLabel{word, id}
	}
	return id
}

// enter makes a call of the row and puts it on its thread.
func (c *Checker) enter(at ev) *call {
	b, i, r := c.b, c.i, &c.now
	cl := c.free
	if cl != nil {
		c.free = cl.behind
		cl.invocation = invocation{}
		if cl.detailed {
			cl.d, cl.detailed = detail{}, false
		}
	} else {
		cl = new(call)
	}
	has := r.has
	cl.ev, cl.has, cl.fn, cl.onTop, cl.label = at, has, r.fn, false, r.label
	if cl.fn >= ndis.NumFuncs {
		cl.fn = ndis.FuncUnknown // no Reader makes such a row
	}
	c.carried[cl.fn] |= has | sawRow
	c.sources |= 1 << r.source
	cl.thread, cl.ns, cl.id, cl.gapsAtEnter = r.thread, r.ns(), r.id, c.nGaps
	cl.stack, cl.parent = nil, nil
	// Most columns of most rows are null: to look at each would be most of the work.
	if has&format.HasAdapter != 0 {
		cl.adapter = b.Adapter[i]
	}
	if has&format.HasBinding != 0 {
		cl.binding = b.Binding[i]
	}
	if has&format.HasAF != 0 {
		cl.af = b.AF[i]
	}
	if has&format.HasContext != 0 {
		cl.context = b.Context[i]
	}
	if has&(format.HasSAP|format.HasVC|format.HasParty|format.HasContext2) != 0 {
		cl.sap, cl.vc, cl.party, cl.context2 = b.SAP[i], b.VC[i], b.Party[i], b.Context2[i]
	}
	if has&(format.HasAFType|format.HasAFMajor|format.HasAFMinor) != 0 {
		cl.afType, cl.afMajor, cl.afMinor = b.AFType[i], b.AFMajor[i], b.AFMinor[i]
	}
	if has&format.HasStatus != 0 {
		cl.status = ndis.Status(b.Status[i])
	}
	if has&format.HasDetail != 0 {
		if s := (scanner{b: b.Detail.At(i)}); !c.heard(s.b) && !c.plain(&s) {
			cl.detailed = true
			if !cl.d.read(&s) {
				c.defect(DefectDetailNotAnObject)
			}
			cl.infer(cl.d.inferred)
		}
	}
	if r.phase == format.PhaseEvent {
		return cl
	}
	if has&format.HasCallID != 0 && !c.callsBy.add(cl) {
		c.defect(DefectDuplicateCallID)
		cl.has &^= format.HasCallID
	}
	s := c.threads.stack(cl.thread)
	cl.stack, cl.parent, cl.onTop = s, s.top, true
	s.top = cl
	return cl
}

// ret finds the call that the row ends.
func (c *Checker) ret(at ev) {
	r := &c.now
	top := c.threads.stack(r.thread).top
	cl := top
	if r.has&format.HasCallID != 0 {
		if cl == nil || cl.id != r.id || cl.ns != r.ns() || cl.has&format.HasCallID == 0 {
			cl = c.callsBy.get(r.ns(), r.id)
		}
	} else {
		for cl != nil && cl.fn != r.fn {
			cl = cl.parent
		}
	}
	if cl == nil {
		c.defect(DefectUnpairedReturn)
		return
	}
	if cl.fn != r.fn {
		c.defect(DefectOtherFunction)
		return
	}
	c.carried[cl.fn] |= r.has
	at.back(cl.seq)
	if r.thread.tid != cl.thread.tid || r.label != cl.label {
		c.otherCaller(cl)
	}
	if r.has&format.HasDetail != 0 {
		if s := (scanner{b: c.b.Detail.At(c.i)}); !c.heard(s.b) && !c.plain(&s) {
			var d detail
			if !d.read(&s) {
				c.defect(DefectDetailNotAnObject)
			}
			cl.d.merge(&d)
			cl.detailed = true
			at.infer(d.inferred)
		}
	}
	known, st := r.has&format.HasStatus != 0, ndis.Status(c.b.Status[c.i])
	c.returned(cl, at, known, st)
	if c.opt.Hook != nil {
		c.tell(cl, at, known, st)
	}
	if c.observer != nil {
		c.observe(cl, at)
	}
	c.leave(cl)
}

// heard says that plain held for this text before. Sources write the same ones again and again:
// the last one of each length is known as a whole.
func (c *Checker) heard(detail []byte) bool {
	return len(detail) > 0 && bytes.Equal(detail, c.said[len(detail)%len(c.said)])
}

// plain says that the text of a detail is an object that has nothing for the replay.
func (c *Checker) plain(s *scanner) bool {
	if !s.plain() {
		return false
	}
	if len(s.b) <= maxSaid {
		said := &c.said[len(s.b)%len(c.said)]
		*said = append((*said)[:0], s.b...)
	}
	return true
}

// maxSaid is the length of the longest detail that is remembered.
const maxSaid = 256

// merge takes over what the return row adds.
func (d *detail) merge(r *detail) {
	if r.has&keyProtocol != 0 {
		d.protocol = r.protocol
	}
	if r.has&keyMiniportDriver != 0 {
		d.miniportDriver = r.miniportDriver
	}
	if r.has&keyMiniportContext != 0 {
		d.miniportContext = r.miniportContext
	}
	if r.has&keyRole != 0 {
		d.role |= r.role
	}
	if r.has&keyCO != 0 {
		d.co = r.co
	}
	if r.has&keyCallParams != 0 {
		d.outParams = r.callParams
		d.has |= keyOutParams
	}
	if r.has&keyFlags != 0 {
		d.outFlags = r.flags
		d.has |= keyOutFlags
	}
	d.has |= r.has & (keyProtocol | keyMiniportDriver | keyMiniportContext | keyRole | keyCO)
}

// leave takes the call off its thread and out of the world.
func (c *Checker) leave(cl *call) {
	if cl.onTop {
		if cl.has&format.HasCallID != 0 {
			c.callsBy.del(cl)
		}
		if cl.stack.top == cl {
			cl.stack.top = cl.parent
		} else {
			c.leaveFromBelow(cl)
		}
	}
	cl.behind, c.free = c.free, cl
}

// leaveFromBelow takes a call off its thread that is not the innermost.
func (c *Checker) leaveFromBelow(cl *call) {
	top := cl.stack.top
	if cl.thread.known {
		// Whatever is above it did not return: a call cannot outlive its caller.
		for top != cl && top != nil {
			below := top.parent
			c.abandon(top)
			top = below
		}
		cl.stack.top = cl.parent
		return
	}
	// The rows of unknown threads do not nest: take out just this one.
	for p := top; p != nil; p = p.parent {
		if p.parent == cl {
			p.parent = cl.parent
			break
		}
	}
}

// abandon drops a call whose return is not in the trace.
func (c *Checker) abandon(cl *call) {
	if !c.gapSince(cl.ts) {
		c.defect(DefectAbandonedCall)
	}
	if cl.has&format.HasCallID != 0 {
		c.callsBy.del(cl)
	}
	at := evAt(cl.seq, c.lastTS, 0)
	at.infer(true)
	c.returned(cl, at, false, 0)
	c.objects.news++
	cl.behind, c.free = c.free, cl
}

// tell reports the finished call to the hook.
func (c *Checker) tell(cl *call, at ev, hasStatus bool, st ndis.Status) {
	// Field by field: to make a Span and copy it takes longer.
	s := &c.span
	s.Function, s.EnterSeq, s.ReturnSeq, s.Enter, s.Return = cl.fn, cl.seq, at.seq, cl.ts, at.ts
	s.TID, s.PID, s.AFType, s.HasAFType = cl.thread.tid, cl.thread.pid, cl.afType, cl.has&format.HasAFType != 0
	s.Status, s.HasStatus, s.Interrupted = st, hasStatus, cl.gapsAtEnter != c.nGaps
	s.Adapter, s.Binding, s.AF = 0, 0, 0
	s.Driver = c.names[cl.label]
	switch {
	case cl.o != nil:
		if cl.o.hasTyp {
			s.AFType, s.HasAFType = cl.o.typ, true
		}
		if cl.o.adapter != nil {
			s.Adapter = cl.o.adapter.id
		}
		s.AF = cl.o.handle
	case cl.b != nil && cl.b.adapter != nil:
		s.Adapter = cl.b.adapter.id
	case cl.a != nil:
		s.Adapter = cl.a.id
	}
	if cl.b != nil {
		s.Binding = cl.b.handle
	}
	c.opt.Hook.Span(s)
}

// before says whether the call that m describes is ordered before cl: it returned before
// cl was entered, or it is on the same thread. Otherwise the two are concurrent.
func (c *Checker) before(m *mark, cl *call) bool {
	switch m.state {
	case markNone:
		return false
	case markReturned:
		if m.ret.ts < cl.ts-c.unsure {
			return true
		}
	}
	return m.thread.known && m.thread == cl.thread && m.enter.n < cl.ev.n
}

// held is a check that something had not happened when a call returned. Where the clocks are
// not exact, what is recorded up to that much later counts as having happened before.
type held struct {
	due   int64
	check func()
}

// hold lets check run once the order of at and what follows it is certain.
func (c *Checker) hold(at ev, check func()) { c.held.push(held{at.ts + c.unsure, check}) }

// passed says that an event at e is ordered before cl.
func passed(e ev, cl *call) bool { return e.seen() && e.n < cl.ev.n }

func (m *mark) open(cl *call) {
	*m = mark{enter: cl.ev, thread: cl.thread, state: m.step(markOpen)}
}

func (m *mark) shut(at ev) { m.ret, m.state = at, m.step(markShut) }

func (m *mark) step(e markEvent) markState {
	return markState(markMachine.step(uint8(m.state), uint8(e)))
}

// inside finds the innermost call of fn that runs on the thread of cl, cl excepted.
func (cl *call) inside(fn ndis.Func) *call {
	if !cl.thread.known {
		return nil
	}
	for p := cl.parent; p != nil; p = p.parent {
		if p.fn == fn {
			return p
		}
	}
	return nil
}

// crossing says that the current row was seen where it happened. What manifest and WPP
// events tell of a callback does not mean that the other callbacks would show as well.
func (c *Checker) crossing(cl *call) bool {
	s := c.now.source
	return c.now.phase == format.PhaseEnter && !cl.inferred() && s != format.SourceManifest && s != format.SourceWPP
}

func (c *Checker) id() uint64 {
	c.nextID++
	return c.nextID
}

// who names a driver for a report.
func (c *Checker) who(label uint32, d *driver) string {
	if label == 0 && d != nil {
		label = d.label
	}
	if label != 0 {
		return c.names[label]
	}
	if d != nil && d.hasHandle {
		return hex(d.protocol)
	}
	return ""
}

func hex(v uint64) string { return "0x" + strconv.FormatUint(v, 16) }
