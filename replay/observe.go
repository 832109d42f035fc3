package replay

import "github.com/aftrace/aftrace/format/ndis"

// Observer is a Hook that is also told which objects each row is about: all rows but gaps
// and returns that belong to no call, in their order.
type Observer interface {
	Hook
	Row(r *Row)
}

// Tracker is an Observer that keeps a Note of each thing, in which the replay counts the rows
// about it. It is told only of rows with something new: with a thing that has no note, or with
// one whose state or handle is not what the note says. Most of what most rows are about is as
// it was, so that this costs a fraction of what an Observer does.
type Tracker interface {
	Observer
	// Watches says whether the Tracker wants all rows of a function. It is asked once.
	Watches(fn ndis.Func) bool
	// Tracks says whether the Tracker wants to know of things of a kind. It is asked once.
	Tracks(kind ObjectKind) bool
}

// Row is what the replay makes of one row. It is valid during the call only.
type Row struct {
	Index   int    // in the Batch that was given to the Checker
	Seq     uint64 // of the row
	CallSeq uint64 // row of the entry of the call: Seq itself unless the row is a return

	// Objects are what the row is about, the most specific one first, and then what that
	// belongs to. A Tracker gets those with something new; All gives it the others too.
	Objects []Object

	c  *Checker
	cl *call
}

// All is everything that the row is about.
func (r *Row) All() []Object {
	if r.cl == nil || r.c.watched == nil {
		return r.Objects
	}
	l := &r.c.all
	l.n = 0
	r.c.objectsOf(r.cl, l)
	return l.list[:l.n]
}

// ObjectKind is what kind of thing an Object is.
type ObjectKind uint8

const (
	DriverObject ObjectKind = iota
	AdapterObject
	BindingObject
	RegistrationObject
	AFOpenObject
	VCObject
	SAPObject
	PartyObject
	RequestObject
	NumObjectKinds
)

// String is the name of the kind in reports.
func (k ObjectKind) String() string {
	return [...]string{"driver", "adapter", "binding", "registration", "AF open", "VC", "SAP", "party", "OID request"}[k]
}

// Object is a thing of the CoNDIS world.
type Object struct {
	ID     uint64 // within the kind: every replay of one trace with the same options gives the same
	Was    uint64 // ID under which earlier rows are about a part of it, until it was known that it is one; mostly 0
	Handle uint64 // NDIS handle, 0 if it is not known or has none

	// Since is the row with which the state began and SinceTS its time, where that is an
	// earlier row about something else; 0 otherwise.
	Since   uint64
	SinceTS int64

	// Note is where a Tracker puts its note of the thing; nil if it cannot have one, because
	// another thing has its place now. Then the replay counts nothing.
	Note **Note

	Kind  ObjectKind
	State ObjectState // after the row
	Owner bool        // the row is about something that belongs to it

	_ [8]byte // makes the size a power of two, by which it is found faster
}

// Note is what a Tracker keeps of a thing. The Tracker sets Kind, ID, Handle and State, of which
// it is told; the replay counts, once it has told of the row.
type Note struct {
	Kind    ObjectKind
	State   ObjectState
	news    uint32 // objectList.news when it was looked at
	ID      uint64
	Handle  uint64 // 0 until it is known
	Rows    uint64 // about the thing
	LastSeq uint64 // the last of them
	LastTS  int64
	Of      any // the Tracker's own
}

// count counts a row.
func (n *Note) count(l *objectList) {
	n.Rows++
	n.LastSeq, n.LastTS, n.news = l.seq, l.ts, l.news
}

// ObjectState is what the replay thinks an object does. The zero value is the state of
// nothing.
type ObjectState uint8

// Gone is the State of an object about which nothing more is to come.
const Gone ObjectState = 1

const (
	stateKnown ObjectState = Gone + 1 + iota
	stateUnknown
	stateAssumed
	stateAsked
	stateAskedPended
	stateOpening
	stateOpeningPended
	stateOpen
	stateClosing
	stateClosingPended
	stateClosed
	stateHeld
	stateGoing
	stateEnded
	stateRefused
	stateFailed
	stateDeregistered
	stateDeregistering
	stateRegistered
	stateRegistering
	stateHalted
	stateHalting
	stateSurprised
	stateUp
	stateInitializing
	stateNotInitialized
	stateUnbinding
	stateBound
	stateBeingAdded
	statePartyConnected
	stateBeingDropped
	stateDropped
	stateRequestAsked
	stateAnswered
	statePended
	stateBeingCreated
	stateBeingDeleted
	stateCall // of a VC: this and what follows, see callStates
)

// What a VC does has two sides: the call, and whether the VC is active.
const (
	notActive = iota
	isActive
	deactivating
	activating
	numActive
)

var callStates = [...]string{
	callIdle: "idle", callOut: "calling", callOffered: "call offered", callAccepted: "call accepted", callConnected: "connected",
	callUnknown: "call not known",
}

// NumObjectStates is how many values an ObjectState has.
const NumObjectStates = int(stateCall) + len(callStates)*numActive

var stateNames = func() (names [NumObjectStates]string) {
	copy(names[:], []string{
		Gone: "gone", stateKnown: "known", stateUnknown: "not known", stateAssumed: "from before the trace",
		stateAsked: "asked for", stateAskedPended: "asked for, pended", stateOpening: "opening", stateOpeningPended: "opening, pended",
		stateOpen: "open", stateClosing: "closing", stateClosingPended: "closing, pended", stateClosed: "closed", stateHeld: "held",
		stateGoing: "going", stateEnded: "ended", stateRefused: "refused", stateFailed: "failed", stateDeregistered: "deregistered",
		stateDeregistering: "deregistering", stateRegistered: "registered", stateRegistering: "registering", stateHalted: "halted",
		stateHalting: "halting", stateSurprised: "removed by surprise", stateUp: "up", stateInitializing: "initializing",
		stateNotInitialized: "not initialized", stateUnbinding: "unbinding", stateBound: "bound", stateBeingAdded: "being added",
		statePartyConnected: "connected", stateBeingDropped: "being dropped", stateDropped: "dropped", stateRequestAsked: "asked",
		stateAnswered: "answered", statePended: "pended", stateBeingCreated: "being created", stateBeingDeleted: "being deleted",
	})
	for i, call := range callStates {
		for k, active := range [numActive]string{"", ", active", ", deactivating", ", activating"} {
			names[int(stateCall)+i*numActive+k] = call + active
		}
	}
	return names
}()

// String is the state in reports.
func (s ObjectState) String() string { return stateNames[s] }

// MaxObjects is how many objects a row can be about: one of each kind, and the registration
// of its AF open beside its own.
const MaxObjects = int(NumObjectKinds) + 1

// objectList collects the objects of a row.
type objectList struct {
	seq   uint64 // of the row
	ts    int64
	known bool // what is noted as it is, is counted and left out
	leave leaves
	// news counts what changes things that the row is not about: calls that are given up, handles
	// that come up where they should not. Then things are looked at again.
	news uint32
	skip [NumObjectKinds]bool
	n    int
	list [MaxObjects]Object
}

// leaves are what the rows of a function leave as it is, so that it need not be looked at.
type leaves struct {
	bindings bool // and adapters and drivers
	opens    bool // of AFs, and registrations
}

// leave are the leaves of all functions: those about AFs, and those about what is made on an
// open AF.
var leave = func() (list [ndis.NumFuncs]leaves) {
	for fn := range ndis.NumFuncs {
		switch fn.Modern().Info().Section {
		case "3.2", "3.3", "3.4":
			list[fn] = leaves{bindings: true}
		case "3.5", "3.6", "3.7", "3.8", "3.9", "3.10":
			list[fn] = leaves{bindings: true, opens: true}
		}
	}
	return list
}()

// is says whether a note is that of the thing with an ID.
func (n *Note) is(id uint64) bool { return n != nil && n.ID == id }

// still says whether a note is that of the thing with an ID, and what it says holds unless the row
// changed it.
func (n *Note) still(id uint64, l *objectList) bool {
	return n != nil && n.ID == id && n.news == l.news
}

// holds says whether the note of a thing says what it is now.
func (n *Note) holds(id, handle uint64, state ObjectState) bool {
	return n.is(id) && n.State == state && (n.Handle != 0 || handle == 0)
}

// add adds an object unless it has no ID, or gives nil. What is added before it belongs to it,
// if owner is set.
func (l *objectList) add(kind ObjectKind, id, handle uint64, state ObjectState, owner bool, note **Note) *Object {
	if id == 0 {
		return nil
	}
	// Field by field: to make an Object and copy it takes twice as long.
	o := &l.list[l.n]
	o.ID, o.Was, o.Handle, o.Since, o.SinceTS = id, 0, handle, 0, 0
	o.Kind, o.State, o.Owner, o.Note = kind, state, owner, note
	l.n++
	return o
}

// passed says whether there is nothing more to be said of a thing: it is not wanted, or the row
// leaves it as it is (left), and then it is counted.
func (l *objectList) passed(kind ObjectKind, n *Note, id uint64, left bool) bool {
	if left && n.still(id, l) {
		n.count(l)
		return true
	}
	return l.skip[kind]
}

// held counts a thing if its note holds.
func (l *objectList) held(n *Note, id, handle uint64, state ObjectState) bool {
	if l.known && n.holds(id, handle, state) {
		n.count(l)
		return true
	}
	return false
}

// registration sees one with the name id.
func (l *objectList) registration(r *registration, id uint64, owner bool) {
	if l.passed(RegistrationObject, r.note, id, l.leave.opens && r.id == id) {
		return
	}
	s := r.life(id)
	if l.held(r.note, id, 0, s) {
		return
	}
	if o := l.add(RegistrationObject, id, 0, s, owner, noteOf(&r.note, id, r.id)); o != nil && r.id == id && r.state == regEnded {
		o.Since, o.SinceTS = r.end.ret.seq, r.end.ret.ts
	}
}

// observe tells the observer of the row at, one of cl.
func (c *Checker) observe(cl *call, at ev) {
	l := &c.objects
	l.seq, l.ts, l.n, l.leave = at.seq, at.ts, 0, leaves{}
	if l.known && cl.fn < ndis.NumFuncs {
		l.leave = leave[cl.fn]
	}
	c.objectsOf(cl, l)
	if l.known && l.n == 0 && !(cl.fn < ndis.NumFuncs && c.watched[cl.fn]) {
		return
	}
	r := &c.observed
	r.Index, r.Seq, r.CallSeq, r.Objects, r.cl = c.i, at.seq, cl.seq, l.list[:l.n], cl
	c.observer.Row(r)
	if l.known {
		for i := range r.Objects {
			if o := &r.Objects[i]; o.Note != nil && *o.Note != nil && (*o.Note).ID == o.ID {
				(*o.Note).count(l)
			}
		}
	}
}

// objectsOf collects what a row of cl is about. A note with the ID of a thing is of that thing:
// what takes its place has no note at first.
func (c *Checker) objectsOf(cl *call, l *objectList) {
	own := false // there was a more specific object
	if q := cl.q; q != nil {
		if !l.passed(RequestObject, q.note, cl.qid, false) {
			if s := q.life(cl.qid); !l.held(q.note, cl.qid, 0, s) {
				l.add(RequestObject, cl.qid, 0, s, false, noteOf(&q.note, cl.qid, q.id))
			}
		}
		own = true
	}
	if p := cl.p; p != nil {
		if !l.passed(PartyObject, p.note, cl.pid, false) {
			if s := p.life(cl.pid); !l.held(p.note, cl.pid, p.handle, s) {
				l.add(PartyObject, cl.pid, p.handle, s, false, noteOf(&p.note, cl.pid, p.id))
			}
		}
		own = true
	}
	if x := cl.s; x != nil {
		if !l.passed(SAPObject, x.note, cl.sid, false) {
			if s := x.life(cl.sid); !l.held(x.note, cl.sid, x.handle, s) {
				l.add(SAPObject, cl.sid, x.handle, s, false, noteOf(&x.note, cl.sid, x.id))
			}
		}
		own = true
	}
	o, oid := cl.o, uint64(cl.n)
	if v := cl.v; v != nil {
		if !l.passed(VCObject, v.note, cl.vid, false) {
			if s := v.life(cl.vid); !l.held(v.note, cl.vid, v.handle, s) {
				l.add(VCObject, cl.vid, v.handle, s, own, noteOf(&v.note, cl.vid, v.id))
			}
		}
		own = true
		if x := v.open(); x != nil && o == nil && v.id == cl.vid {
			o, oid = x, x.id
		}
	}
	if s := cl.s; s != nil && o == nil && s.id == cl.sid && s.known() {
		o, oid = s.o, s.oid
	}
	open := o != nil && o.id == oid // and not another one that has its place now
	if o != nil {
		if !l.passed(AFOpenObject, o.note, oid, l.leave.opens && open) {
			if s := o.life(oid); !l.held(o.note, oid, o.handle, s) {
				if x := l.add(AFOpenObject, oid, o.handle, s, own, noteOf(&o.note, oid, o.id)); open && x != nil {
					x.Was = o.was
				}
			}
		}
		own = own || oid != 0
	}
	of, reg := own, uint64(0)
	if x := cl.reg; x != nil {
		reg = x.id
		if o == nil && isNotify(cl.fn) {
			reg = uint64(cl.n)
		}
		l.registration(x, reg, of)
		own = own || reg != 0
	}
	if open && o.reg != nil && o.reg.id != reg {
		l.registration(o.reg, o.reg.id, of)
		own = true
	}
	b := cl.b
	if b == nil && cl.bind != nil {
		b = cl.bind.b
	}
	if b == nil && open {
		b = o.client
	}
	if b == nil && cl.reg != nil {
		b = cl.reg.b
	}
	if b != nil {
		if !l.passed(BindingObject, b.note, b.id, l.leave.bindings) {
			if s := b.life(); !l.held(b.note, b.id, b.handle, s) {
				l.add(BindingObject, b.id, b.handle, s, own, noteOf(&b.note, b.id, b.id))
			}
		}
		own = own || b.id != 0
	}
	a := cl.a
	switch {
	case a != nil:
	case b != nil && b.adapter != nil:
		a = b.adapter
	case cl.bind != nil:
		a = cl.bind.adapter
	case open:
		a = o.adapter
	}
	if a != nil && a.id != 0 {
		if !l.passed(AdapterObject, a.note, a.no, l.leave.bindings) {
			if s := a.life(); !l.held(a.note, a.no, a.id, s) {
				l.add(AdapterObject, a.no, a.id, s, own, noteOf(&a.note, a.no, a.no))
			}
		}
		own = true
	}
	if d := c.labelled(cl.label); d != nil {
		if !l.passed(DriverObject, d.note, d.id, l.leave.bindings) {
			if s := d.life(); !l.held(d.note, d.id, d.protocol, s) {
				l.add(DriverObject, d.id, d.protocol, s, own, noteOf(&d.note, d.id, d.id))
			}
		}
	}
}

// noteOf is the place of the note of a thing where the thing with the ID now is, nil if the thing
// left it to that one. What has ended is there until then.
func noteOf(note **Note, id, now uint64) **Note {
	if id == now || (*note).is(id) {
		return note
	}
	return nil
}

func isNotify(fn ndis.Func) bool { return fn == ndis.ProtocolCoAfRegisterNotify }

func (d *driver) life() ObjectState {
	switch {
	case d.deregister.state == markReturned:
		return stateDeregistered
	case d.deregister.state == markEntered:
		return stateDeregistering
	case d.registered.state == markReturned:
		return stateRegistered
	case d.registered.state == markEntered:
		return stateRegistering
	}
	return stateKnown
}

func (a *adapter) life() ObjectState {
	switch {
	case a.halt.state == markReturned:
		return stateHalted
	case a.halt.state == markEntered:
		return stateHalting
	case a.surprise.seen():
		return stateSurprised
	case a.up.seen():
		return stateUp
	case a.init.state == markEntered:
		return stateInitializing
	case a.init.state == markReturned:
		return stateNotInitialized
	}
	return stateKnown
}

func (b *binding) life() ObjectState {
	switch {
	case b.id == 0:
		return Gone
	case b.closeOp.state == opPended:
		return stateClosingPended
	case b.closed():
		return stateClosed
	case b.close.state != markNone:
		return stateClosing
	case b.unbind.state != markNone:
		return stateUnbinding
	case b.complete.seen():
		return stateBound
	case b.valid():
		return stateOpen
	case b.assumed:
		return stateAssumed
	case b.open.state == opPended:
		return stateOpeningPended
	}
	return stateOpening
}

func (r *registration) life(id uint64) ObjectState {
	if r.id != id {
		return Gone
	}
	switch r.state {
	case regCalling:
		return stateAsked
	case regLive:
		switch {
		case r.assumed:
			return stateAssumed
		case r.end.state == markEntered:
			return stateGoing
		}
		return stateHeld
	case regFailed:
		return stateRefused
	case regEnded:
		return stateEnded
	}
	return stateUnknown
}

func (o *afOpen) life(id uint64) ObjectState {
	if o.id != id {
		return Gone
	}
	switch o.state {
	case afCalled, afOpening:
		switch {
		case o.clOpen.state == opPended || o.cmOpen.state == opPended:
			return stateOpeningPended
		case o.state == afCalled:
			return stateAsked
		}
		return stateOpening
	case afOpened:
		if o.assumed {
			return stateAssumed
		}
		return stateOpen
	case afClosing:
		if o.clClose.state == opPended {
			return stateClosingPended
		}
		return stateClosing
	case afClosed:
		return stateClosed
	}
	return stateFailed
}

func (s *sap) life(id uint64) ObjectState {
	switch {
	case s.id != id:
		return Gone
	case s.failed:
		return stateRefused
	case s.state == sapLeaving || s.state == sapLeft || s.clDereg.state != opIdle || s.cmDereg.state != opIdle:
		if s.live() {
			return stateGoing
		}
		return stateDeregistered
	case s.held.seen():
		return stateHeld
	case s.clReg.state == opPended || s.cmReg.state == opPended:
		return stateAskedPended
	}
	return stateAsked
}

func (v *vc) life(id uint64) ObjectState {
	active := notActive
	switch {
	case v.id != id:
		return Gone
	case v.leaving():
		return stateBeingDeleted
	case v.create.state == markEntered:
		return stateBeingCreated
	case v.isActive():
		active = isActive
	case v.deact.running():
		active = deactivating
	case v.act.running():
		active = activating
	}
	return stateCall + ObjectState(int(v.state)*numActive+active)
}

func (p *party) life(id uint64) ObjectState {
	switch {
	case p.id != id:
		return Gone
	case p.gone():
		return stateDropped
	case p.drop.state != markNone || p.drops.running() || p.cmDrop.running():
		return stateBeingDropped
	case p.active():
		return statePartyConnected
	}
	return stateBeingAdded
}

func (r *request) life(id uint64) ObjectState {
	if r.id != id {
		return Gone
	}
	switch r.op.state {
	case opCalled:
		return stateRequestAsked
	case opEarly, opSync, opDone:
		return stateAnswered
	case opPended:
		return statePended
	}
	return stateUnknown
}
