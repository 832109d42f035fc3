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
	Kind   ObjectKind
	ID     uint64 // within the kind: every replay of one trace with the same options gives the same
	Handle uint64 // NDIS handle, 0 if it is not known or has none
	State  string // after the row
	Owner  bool   // the row is about something that belongs to it

	// Since is the row with which the state began and SinceTS its time, where that is an
	// earlier row about something else; 0 otherwise.
	Since   uint64
	SinceTS int64
}

// Gone is the State of an object about which nothing more is to come.
const Gone = "gone"

// observe tells the observer of the row at, one of cl.
func (c *Checker) observe(cl *call, at ev) {
	r := &c.observed
	r.Index, r.Seq, r.CallSeq, r.Objects = c.i, at.seq, cl.seq, r.Objects[:0]
	own := false // something more specific is in the list already
	add := func(o Object) {
		for i := range r.Objects {
			if r.Objects[i].Kind == o.Kind && r.Objects[i].ID == o.ID {
				return
			}
		}
		if o.ID != 0 {
			o.Owner = own
			r.Objects = append(r.Objects, o)
		}
	}
	level := func() { own = len(r.Objects) > 0 }
	if q := cl.q; q != nil {
		add(Object{Kind: RequestObject, ID: cl.qid, State: q.life(cl.qid)})
	}
	if p := cl.p; p != nil {
		add(Object{Kind: PartyObject, ID: cl.pid, Handle: p.handle, State: p.life(cl.pid)})
	}
	if s := cl.s; s != nil {
		add(Object{Kind: SAPObject, ID: cl.sid, Handle: s.handle, State: s.life(cl.sid)})
	}
	level()
	o, oid := cl.o, uint64(cl.n)
	if v := cl.v; v != nil {
		add(Object{Kind: VCObject, ID: cl.vid, Handle: v.handle, State: v.life(cl.vid)})
		if x := v.open(); x != nil && o == nil && v.id == cl.vid {
			o, oid = x, x.id
		}
	}
	level()
	if s := cl.s; s != nil && o == nil && s.id == cl.sid && s.known() {
		o, oid = s.o, s.oid
	}
	if o != nil {
		add(Object{Kind: AFOpenObject, ID: oid, Handle: o.handle, State: o.life(oid)})
	}
	level()
	if x := cl.reg; x != nil {
		id := x.id
		if o == nil && isNotify(cl.fn) {
			id = uint64(cl.n)
		}
		add(x.object(id))
	}
	if o != nil && o.id == oid && o.reg != nil {
		add(o.reg.object(o.reg.id))
	}
	level()
	b := cl.b
	if b == nil && cl.bind != nil {
		b = cl.bind.b
	}
	if b == nil && o != nil && o.id == oid {
		b = o.client
	}
	if b == nil && cl.reg != nil {
		b = cl.reg.b
	}
	if b != nil {
		add(Object{Kind: BindingObject, ID: b.id, Handle: b.handle, State: b.life()})
	}
	level()
	a := cl.a
	switch {
	case a != nil:
	case b != nil && b.adapter != nil:
		a = b.adapter
	case cl.bind != nil:
		a = cl.bind.adapter
	case o != nil && o.id == oid:
		a = o.adapter
	}
	if a != nil {
		add(Object{Kind: AdapterObject, ID: a.id, Handle: a.id, State: a.life()})
	}
	level()
	if d := c.labelled(cl.label); d != nil {
		add(Object{Kind: DriverObject, ID: uint64(cl.label), Handle: d.protocol, State: d.life()})
	}
	c.observer.Row(r)
}

func isNotify(fn ndis.Func) bool { return fn == ndis.ProtocolCoAfRegisterNotify }

func (d *driver) life() string {
	switch {
	case d.deregister.state == markReturned:
		return "deregistered"
	case d.deregister.state == markEntered:
		return "deregistering"
	case d.registered.state == markReturned:
		return "registered"
	case d.registered.state == markEntered:
		return "registering"
	}
	return "known"
}

func (a *adapter) life() string {
	switch {
	case a.halt.state == markReturned:
		return "halted"
	case a.halt.state == markEntered:
		return "halting"
	case a.surprise.seen():
		return "removed by surprise"
	case a.up.seen():
		return "up"
	case a.init.state == markEntered:
		return "initializing"
	case a.init.state == markReturned:
		return "not initialized"
	}
	return "known"
}

func (b *binding) life() string {
	switch {
	case b.id == 0:
		return Gone
	case b.closeOp.state == opPended:
		return "closing, pended"
	case b.closed():
		return "closed"
	case b.close.state != markNone:
		return "closing"
	case b.unbind.state != markNone:
		return "unbinding"
	case b.complete.seen():
		return "bound"
	case b.valid():
		return "open"
	case b.assumed:
		return "from before the trace"
	case b.open.state == opPended:
		return "opening, pended"
	}
	return "opening"
}

func (r *registration) object(id uint64) Object {
	o := Object{Kind: RegistrationObject, ID: id, State: r.life(id)}
	if r.id == id && r.state == regEnded {
		o.Since, o.SinceTS = r.end.ret.seq, r.end.ret.ts
	}
	return o
}

func (r *registration) life(id uint64) string {
	if r.id != id {
		return Gone
	}
	switch r.state {
	case regCalling:
		return "asked for"
	case regLive:
		switch {
		case r.assumed:
			return "from before the trace"
		case r.end.state == markEntered:
			return "going"
		}
		return "held"
	case regFailed:
		return "refused"
	case regEnded:
		return "ended"
	}
	return "not known"
}

func (o *afOpen) life(id uint64) string {
	if o.id != id {
		return Gone
	}
	switch o.state {
	case afCalled, afOpening:
		switch {
		case o.clOpen.state == opPended || o.cmOpen.state == opPended:
			return "opening, pended"
		case o.state == afCalled:
			return "asked for"
		}
		return "opening"
	case afOpened:
		if o.assumed {
			return "from before the trace"
		}
		return "open"
	case afClosing:
		if o.clClose.state == opPended {
			return "closing, pended"
		}
		return "closing"
	case afClosed:
		return "closed"
	}
	return "failed"
}

func (s *sap) life(id uint64) string {
	switch {
	case s.id != id:
		return Gone
	case s.failed:
		return "refused"
	case s.state == sapLeaving || s.state == sapLeft || s.clDereg.state != opIdle || s.cmDereg.state != opIdle:
		if s.live() {
			return "going"
		}
		return "deregistered"
	case s.held.seen():
		return "held"
	case s.clReg.state == opPended || s.cmReg.state == opPended:
		return "asked for, pended"
	}
	return "asked for"
}

func (v *vc) life(id uint64) string {
	if v.id != id {
		return Gone
	}
	s := "idle"
	switch v.state {
	case callOut:
		s = "calling"
	case callOffered:
		s = "call offered"
	case callAccepted:
		s = "call accepted"
	case callConnected:
		s = "connected"
	case callUnknown:
		s = "call not known"
	}
	switch {
	case v.leaving:
		return "being deleted"
	case v.create.state == markEntered:
		return "being created"
	case v.isActive():
		return s + ", active"
	case v.deact.running():
		return s + ", deactivating"
	case v.act.running():
		return s + ", activating"
	}
	return s
}

func (p *party) life(id uint64) string {
	switch {
	case p.id != id:
		return Gone
	case p.gone():
		return "dropped"
	case p.drop.state != markNone || p.drops.running() || p.cmDrop.running():
		return "being dropped"
	case p.active():
		return "connected"
	}
	return "being added"
}

func (r *request) life(id uint64) string {
	if r.id != id {
		return Gone
	}
	switch r.op.state {
	case opCalled:
		return "asked"
	case opEarly, opSync, opDone:
		return "answered"
	case opPended:
		return "pended"
	}
	return "not known"
}
