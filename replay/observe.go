package replay

import "github.com/aftrace/aftrace/format/ndis"

// Observer is a Hook that is also told which objects each row is about: all rows but gaps
// and returns that belong to no call, in their order.
type Observer interface {
	Hook
	Row(r *Row)
}

// Row is what the replay makes of one row. It is valid during the call only.
type Row struct {
	Index   int // in the Batch that was given to the Checker
	Seq     uint64
	CallSeq uint64   // row of the entry of the call: Seq itself unless the row is a return
	Objects []Object // the most specific one first: what the row is about, then what that belongs to
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

	Note *Note // the Observer's own; nil in Objects that are not of a replay

	Kind  ObjectKind
	State ObjectState // after the row
	Owner bool        // the row is about something that belongs to it

	_ [8]byte // makes the size a power of two, by which it is found faster
}

// Note is what an Observer wants to find with the next row about a thing, without a search.
// The replay does not look at it. A thing that is gone may leave its note to a later one of
// its kind: whoever reads it has to see what it is about.
type Note struct{ Of any }

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
	n    int
	list *[MaxObjects]Object
}

// add adds an object unless it has no ID. What is added before it belongs to it, if owner is
// set.
func (l *objectList) add(kind ObjectKind, id, handle uint64, state ObjectState, owner bool, note *Note) {
	if id == 0 {
		return
	}
	// Field by field: to make an Object and copy it takes twice as long.
	o := &l.list[l.n]
	o.ID, o.Was, o.Handle, o.Since, o.SinceTS = id, 0, handle, 0, 0
	o.Kind, o.State, o.Owner, o.Note = kind, state, owner, note
	l.n++
}

// registration adds one with the name id.
func (l *objectList) registration(r *registration, id uint64, owner bool) {
	n := l.n
	if l.add(RegistrationObject, id, 0, r.life(id), owner, &r.note); l.n > n && r.id == id && r.state == regEnded {
		l.list[n].Since, l.list[n].SinceTS = r.end.ret.seq, r.end.ret.ts
	}
}

// observe tells the observer of the row at, one of cl.
func (c *Checker) observe(cl *call, at ev) {
	l := objectList{list: &c.objects}
	if q := cl.q; q != nil {
		l.add(RequestObject, cl.qid, 0, q.life(cl.qid), false, &q.note)
	}
	if p := cl.p; p != nil {
		l.add(PartyObject, cl.pid, p.handle, p.life(cl.pid), false, &p.note)
	}
	if s := cl.s; s != nil {
		l.add(SAPObject, cl.sid, s.handle, s.life(cl.sid), false, &s.note)
	}
	o, oid := cl.o, uint64(cl.n)
	if v := cl.v; v != nil {
		l.add(VCObject, cl.vid, v.handle, v.life(cl.vid), l.n > 0, &v.note)
		if x := v.open(); x != nil && o == nil && v.id == cl.vid {
			o, oid = x, x.id
		}
	}
	if s := cl.s; s != nil && o == nil && s.id == cl.sid && s.known() {
		o, oid = s.o, s.oid
	}
	open := o != nil && o.id == oid // and not another one that has its place now
	if o != nil {
		if l.add(AFOpenObject, oid, o.handle, o.life(oid), l.n > 0, &o.note); open && oid != 0 {
			l.list[l.n-1].Was = o.was
		}
	}
	own, reg := l.n > 0, uint64(0)
	if x := cl.reg; x != nil {
		reg = x.id
		if o == nil && isNotify(cl.fn) {
			reg = uint64(cl.n)
		}
		l.registration(x, reg, own)
	}
	if open && o.reg != nil && o.reg.id != reg {
		l.registration(o.reg, o.reg.id, own)
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
		l.add(BindingObject, b.id, b.handle, b.life(), l.n > 0, &b.note)
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
		l.add(AdapterObject, a.no, a.id, a.life(), l.n > 0, &a.note)
	}
	if d := c.labelled(cl.label); d != nil {
		l.add(DriverObject, d.id, d.protocol, d.life(), l.n > 0, &d.note)
	}
	r := &c.observed
	r.Index, r.Seq, r.CallSeq, r.Objects = c.i, at.seq, cl.seq, l.list[:l.n]
	c.observer.Row(r)
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
