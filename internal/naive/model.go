package naive

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// sim is a small world of drivers and an NDIS between them. It is written for histories,
// not for truth: it does what the documentation says, and a fault where one is due.
type sim struct {
	rows
	rng     *rand.Rand
	o       GenOptions
	tasks   []*task
	free    []uint64 // threads without a task
	tids    uint64
	sticky  int // chance, in percent, that the last task goes on
	calls   int
	handles uint64
	faults  map[Fault]int // how many occasions until it is planted
	planted []Planted

	adapters []*simAdapter
	drivers  []*simDriver
	bindings []*simBinding
	regs     []*simReg
	opens    []*simOpen
	dues     map[simPair]*simDue
	afs      []uint64            // AF handles that may be used again
	spares   map[string][]uint64 // other handles and contexts that may be used again, by kind
	sapBytes int
}

type simAdapter struct {
	handle, ctx uint64
	label       string
	co, mcm     bool
	up, gone    bool // gone: MiniportHaltEx was called
	stays       bool // it will not be halted
	families    []family
}

type simDriver struct {
	label               string
	protocol, ctx       uint64
	co, client, manager bool
	families            []family // what it registers on every binding
	spare               []uint64 // client AF contexts that may be used again
}

type simBinding struct {
	d             *simDriver
	a             *simAdapter
	handle, ctx   uint64
	isOpen, bound bool
	leaving, left bool // ProtocolUnbindAdapterEx was called; has returned
	closed        bool
	stays         bool // it will not be unbound
	notifying     int  // notifications running
	opening       []*simOpen
}

type simReg struct {
	a         *simAdapter
	b         *simBinding // nil: the adapter's MCM
	f         family
	live      bool
	made      bool // SUCCESS has been returned
	withdrawn bool
	asking    int // opens that the call manager has not decided
}

type simPair struct {
	b *simBinding
	r *simReg
}

// simDue is a notification that is to come.
type simDue struct{ needed, done, lost bool }

func (r *simReg) label() string {
	if r.b == nil {
		return r.a.label
	}
	return r.b.d.label
}

func (r *simReg) context() uint64 {
	if r.b == nil {
		return r.a.ctx
	}
	return r.b.ctx
}

// by picks the stand-alone or the MCM variant of a function.
func (r *simReg) by(standAlone, mcm ndis.Func) ndis.Func {
	if r.b == nil {
		return mcm
	}
	return standAlone
}

// stay keeps the owner of r where it is.
func (r *simReg) stay() {
	if r.b == nil {
		r.a.stays = true
	} else {
		r.b.stays = true
	}
}

func (s *sim) handle() uint64 {
	s.handles += 0x10 * (1 + s.rng.Uint64N(8))
	return s.handles
}

// over says that no new activity starts.
func (s *sim) over() bool { return s.calls >= s.o.Calls }

// unknownType is an AF that nobody registers.
const unknownType = 0x00000f00

func (s *sim) boot() {
	or := func(n, most int) int {
		if n == 0 {
			return 1 + s.rng.IntN(most)
		}
		return n
	}
	types := []uint32{1, 2, 0x800, 0x801, 0x80000003}
	s.rng.Shuffle(len(types), func(i, j int) { types[i], types[j] = types[j], types[i] })
	types = types[:2+s.rng.IntN(2)]
	families := func() (fs []family) {
		for _, t := range types {
			f := family{typ: t, major: 3, minor: 1}
			if s.chance(10) {
				f.minor = 2
			}
			if s.chance(55) {
				fs = append(fs, f)
			}
		}
		if len(fs) == 0 {
			fs = append(fs, family{typ: types[0], major: 3, minor: 1})
		}
		return fs
	}
	for i := range or(s.o.Adapters, 2) {
		s.adapters = append(s.adapters, &simAdapter{
			handle: s.handle(), ctx: s.handle(), label: fmt.Sprintf("nic%d", i+1),
			co: s.faults[RegisterPlainAdapter] == 0 && !s.chance(4),
		})
	}
	for i := range or(s.o.Managers, 3) {
		a := s.adapters[i%len(s.adapters)]
		if !a.mcm && a.co && s.chance(35) {
			a.mcm, a.label, a.families = true, fmt.Sprintf("mcm%d", i+1), families()
			continue
		}
		s.drivers = append(s.drivers, &simDriver{
			label: fmt.Sprintf("cm%d", i+1), manager: true, client: s.chance(12), families: families(),
			co: s.faults[RegisterNotCO] == 0 || i > 0,
		})
	}
	for i := range or(s.o.Clients, 3) {
		s.drivers = append(s.drivers, &simDriver{label: fmt.Sprintf("client%d", i+1), co: true, client: true})
	}
	s.spawn(func(t *task) {
		for _, d := range s.drivers {
			s.declare(t, d)
		}
		for _, a := range s.adapters {
			s.spawn(func(t *task) { s.runAdapter(t, a) })
		}
	})
}

// declare registers a protocol driver and its handlers.
func (s *sim) declare(t *task, d *simDriver) {
	d.protocol, d.ctx = s.handle(), s.handle()
	f := t.enter(ndis.NdisRegisterProtocolDriver, d.label, contextIs(d.ctx))
	o := t.enter(ndis.ProtocolSetOptions, d.label)
	var handlers []string
	for _, h := range []struct {
		has  bool
		name string
	}{{d.manager, "call-manager"}, {d.client, "client"}, {d.co, "protocol-co"}} {
		if h.has {
			handlers = append(handlers, h.name)
		}
	}
	h := t.enter(ndis.NdisSetOptionalHandlers, d.label, detailIs("handlers", handlers, "protocol", d.protocol))
	t.leave(h, statusIs(ndis.StatusSuccess))
	t.leave(o, statusIs(ndis.StatusSuccess))
	t.leave(f, statusIs(ndis.StatusSuccess), detailIs("protocol", d.protocol))
	s.calls -= 3 // the limit is for what follows
}

// runAdapter is the life of an adapter.
func (s *sim) runAdapter(t *task, a *simAdapter) {
	role := "miniport"
	if a.mcm {
		role = "mcm"
	}
	f := t.enter(ndis.MiniportInitializeEx, a.label, adapterIs(a.handle),
		detailIs("co", a.co, "miniport_context", a.ctx, "role", role))
	late := s.o.Loose && s.chance(40)
	if a.mcm && !late {
		s.registerAll(t, a, nil)
	}
	a.up = true
	s.notifyDue(t, nil)
	t.leave(f, statusIs(ndis.StatusSuccess))
	if a.mcm && late {
		s.spawn(func(t *task) { s.registerAll(t, a, nil) })
	}
	order := slices.Clone(s.drivers)
	s.rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	binding := 0
	for _, d := range order {
		switch {
		case s.chance(12):
		case s.chance(60):
			binding++
			s.spawn(func(t *task) {
				s.bind(t, d, a)
				binding--
			})
		default:
			s.bind(t, d, a)
		}
	}
	if s.o.Loose {
		s.spawn(func(t *task) { s.askForCloses(t, a) })
	}
	for s.chance(70) {
		for range s.rng.IntN(4) {
			t.linger()
		}
		if s.over() {
			break
		}
		var on []*simBinding
		for _, b := range s.bindings {
			if b.a == a && b.bound && !b.leaving && !b.stays {
				on = append(on, b)
			}
		}
		if len(on) == 0 {
			break
		}
		b := pick(s.rng, on...)
		again := s.chance(35)
		leave := func(t *task) {
			s.unbind(t, b)
			if again && b.closed && !a.gone && !s.over() {
				s.bind(t, b.d, a)
			}
		}
		if s.chance(70) {
			s.spawn(leave)
		} else {
			leave(t)
		}
	}
	if s.chance(40) {
		s.halt(t, a, &binding)
	}
}

// halt ends an adapter once every protocol has left it.
func (s *sim) halt(t *task, a *simAdapter, binding *int) {
	t.linger()
	t.await(func() bool { return *binding == 0 })
	for _, b := range s.bindings {
		if b.a == a && b.bound && !b.leaving {
			s.spawn(func(t *task) { s.unbind(t, b) })
		}
	}
	t.linger()
	for _, b := range s.bindings {
		if b.a == a && !b.closed {
			return
		}
	}
	if a.stays {
		return
	}
	a.gone = true
	for _, r := range s.regs {
		if r.a == a {
			r.withdrawn, r.live = true, false
		}
	}
	f := t.enter(ndis.MiniportHaltEx, a.label, adapterIs(a.handle), contextIs(a.ctx))
	t.leave(f)
}

// bind is ProtocolBindAdapterEx of d for a, to its end.
func (s *sim) bind(t *task, d *simDriver, a *simAdapter) {
	b := &simBinding{d: d, a: a, handle: s.handle(), ctx: s.handle()}
	s.bindings = append(s.bindings, b)
	bindCtx := s.handle()
	f := t.enter(ndis.ProtocolBindAdapterEx, d.label, adapterIs(a.handle), contextIs(d.ctx), detailIs("bind_context", bindCtx))
	o := t.enter(ndis.NdisOpenAdapterEx, d.label, adapterIs(a.handle), contextIs(b.ctx),
		detailIs("bind_context", bindCtx, "protocol", d.protocol))
	complete := func(t *task) {
		// A call manager that nobody lets serve may give up the binding.
		if d.manager && !s.registerAll(t, a, b) && s.chance(30) {
			s.closeAdapter(t, b, false)
			t.call(ndis.NdisCompleteBindAdapterEx, d.label, detailIs("bind_context", bindCtx), statusIs(ndis.StatusFailure))
			return
		}
		b.bound = true
		s.notifyDue(t, b)
		t.call(ndis.NdisCompleteBindAdapterEx, d.label, detailIs("bind_context", bindCtx), statusIs(ndis.StatusSuccess))
	}
	if s.chance(15) { // the open pends, and so the bind
		t.leave(o, statusIs(ndis.StatusPending), bindingIs(b.handle))
		s.spawn(func(t *task) {
			b.isOpen = true
			c := t.enter(ndis.ProtocolOpenAdapterCompleteEx, d.label, contextIs(b.ctx), statusIs(ndis.StatusSuccess))
			complete(t)
			t.leave(c)
		})
		t.leave(f, statusIs(ndis.StatusPending))
		t.await(func() bool { return b.bound || b.closed })
		return
	}
	b.isOpen = true
	t.leave(o, statusIs(ndis.StatusSuccess), bindingIs(b.handle))
	if s.chance(20) { // the bind pends
		s.spawn(func(t *task) {
			t.pause()
			complete(t)
		})
		t.leave(f, statusIs(ndis.StatusPending))
		t.await(func() bool { return b.bound || b.closed })
		return
	}
	late := s.o.Loose && s.chance(30)
	if d.manager && !late && !s.registerAll(t, a, b) && s.chance(30) {
		s.closeAdapter(t, b, false)
		t.leave(f, statusIs(ndis.StatusFailure))
		return
	}
	b.bound = true
	s.notifyDue(t, b)
	t.leave(f, statusIs(ndis.StatusSuccess))
	if d.manager && late && !b.leaving {
		s.registerAll(t, a, b)
	}
}

// registerAll registers what the owner serves. It reports whether anything was accepted.
func (s *sim) registerAll(t *task, a *simAdapter, b *simBinding) bool {
	families := a.families
	if b != nil {
		families = b.d.families
	}
	some := false
	for _, f := range families {
		if a.gone || b != nil && (b.leaving || b.closed) {
			break
		}
		some = s.register(t, a, b, f) || some
		if b == nil && s.chance(8) || s.faults[RegisterHeldTwice] > 0 && b == nil {
			s.registerAgain(t, a, f)
		}
	}
	return some
}

// registerAgain is an MCM that registers what it holds once more, or what it did not get.
func (s *sim) registerAgain(t *task, a *simAdapter, f family) {
	held := slices.ContainsFunc(s.regs, func(r *simReg) bool { return r.a == a && r.b == nil && r.f == f && r.made })
	if !held {
		s.register(t, a, nil, f)
		return
	}
	c := t.enter(ndis.NdisMCmRegisterAddressFamilyEx, a.label, adapterIs(a.handle), familyIs(f))
	st := ndis.StatusFailure
	if s.fault(RegisterHeldTwice) {
		st = ndis.StatusSuccess
		a.stays = true
		s.blame(c, RegisterHeldTwice, rule.REG11)
	}
	t.leave(c, statusIs(st))
}

// register is one Ndis(M)CmRegisterAddressFamilyEx. It reports whether it succeeded.
func (s *sim) register(t *task, a *simAdapter, b *simBinding, f family) bool {
	r := &simReg{a: a, b: b, f: f}
	known := slices.ContainsFunc(s.regs, func(o *simReg) bool { return o.a == a && o.f.typ == f.typ })
	if to := s.someClient(a); to != nil && !known && s.fault(NotifyEarly) {
		t.mark(NotifyEarly, rule.NOTE03)
		s.notifyOnly(t, to, f)
	}
	s.regs = append(s.regs, r)
	where := adapterIs(a.handle)
	if b != nil {
		where = bindingIs(b.handle)
	}
	c := t.enter(r.by(ndis.NdisCmRegisterAddressFamilyEx, ndis.NdisMCmRegisterAddressFamilyEx), r.label(), where, familyIs(f))
	t.pause()
	st := s.decide(c, r)
	r.live = st == ndis.StatusSuccess
	t.pause()
	r.made = r.live
	s.notifyDue(t, nil)
	t.leave(c, statusIs(st))
	alone := !slices.ContainsFunc(s.regs, func(o *simReg) bool { return o != r && o.a == a && o.f.typ == f.typ })
	if to := s.someClient(a); !r.made && (st == ndis.StatusFailure || st == ndis.StatusResources) && alone && to != nil && s.fault(RegisterGhost) {
		t.mark(RegisterGhost, rule.REG15)
		s.notifyOnly(t, to, f)
	}
	return r.made
}

// decide is what NDIS says to a registration.
func (s *sim) decide(c *frame, r *simReg) ndis.Status {
	if s.fault(RegisterStatus) {
		s.blame(c, RegisterStatus, rule.REG06)
		return pick(s.rng, ndis.StatusPending, ndis.StatusNotAccepted, ndis.StatusNotSupported)
	}
	if r.b != nil && !r.b.d.co {
		if s.fault(RegisterNotCO) {
			s.blame(c, RegisterNotCO, rule.REG03)
			return ndis.StatusSuccess
		}
		return ndis.StatusFailure
	}
	if !r.a.co {
		if s.fault(RegisterPlainAdapter) {
			s.blame(c, RegisterPlainAdapter, rule.REG04)
			return ndis.StatusSuccess
		}
		return ndis.StatusFailure
	}
	if r.b != nil && r.b.leaving {
		return ndis.StatusFailure
	}
	var holder *simReg
	for _, o := range s.regs {
		if o != r && o.live && o.a == r.a && o.f.typ == r.f.typ && (holder == nil || o.f == r.f) {
			holder = o
		}
	}
	switch {
	case holder != nil && holder.f == r.f:
		id := rule.REG02
		switch {
		case r.b == nil:
			id = rule.REG11
		case holder.b == nil:
			id = rule.REG14
		}
		if holder.made && !holder.withdrawn && s.fault(RegisterHeld) {
			holder.stay()
			s.blame(c, RegisterHeld, id)
			return ndis.StatusSuccess
		}
		return ndis.StatusFailure
	case holder != nil && s.chance(50):
		return ndis.StatusFailure
	case s.chance(4):
		return ndis.StatusResources
	}
	return ndis.StatusSuccess
}

// someClient is a client that is bound to a and will be for a while.
func (s *sim) someClient(a *simAdapter) *simBinding {
	for _, b := range s.bindings {
		if b.a == a && b.d.client && b.bound && !b.leaving {
			return b
		}
	}
	return nil
}

// notifyOnly is a notification that the client ignores. It is over before anything else
// happens.
func (s *sim) notifyOnly(t *task, b *simBinding, f family) {
	c := s.enter(t.tid, s.delay(), ndis.ProtocolCoAfRegisterNotify, b.d.label, []column{contextIs(b.ctx), familyIs(f)})
	s.leave(c, s.delay(), nil)
	t.attach(c.in)
	b.notifying++ // the client stays until the others have had a turn
	t.step()
	b.notifying--
}

// notifyDue starts the notifications that have become due. The caller's next row is the
// one that makes them due; bound is the binding whose bind it ends, if it does.
func (s *sim) notifyDue(t *task, bound *simBinding) {
	for _, r := range s.regs {
		if !r.made || r.withdrawn || r.b == nil && !r.a.up || r.b != nil && !r.b.bound {
			continue
		}
		for _, b := range s.bindings {
			p := simPair{b, r}
			if b.a != r.a || !b.d.co || !b.bound || b.leaving || s.dues[p] != nil {
				continue
			}
			due := &simDue{needed: b.d.client && r.b != b}
			s.dues[p] = due
			if !due.needed && !s.chance(30) {
				due.done = true
				continue
			}
			alone := !slices.ContainsFunc(s.regs, func(o *simReg) bool { return o != r && o.a == r.a && o.f.typ == r.f.typ && o.live })
			if due.needed && alone && s.fault(NotifyMissing) {
				due.lost = true
				r.stay()
				b.stays = true
				t.mark(NotifyMissing, s.missing(b, r, bound))
				continue
			}
			s.spawn(func(t *task) { s.notify(t, b, r, due) })
		}
	}
}

// missing is the rule for a missing notification.
func (s *sim) missing(b *simBinding, r *simReg, bound *simBinding) rule.ID {
	if b == bound {
		return rule.NOTE02
	}
	for _, o := range s.regs {
		if d := s.dues[simPair{b, o}]; o != r && o.label() == r.label() && o.f.typ == r.f.typ && d != nil && d.needed && d.done && !d.lost && o.withdrawn {
			return rule.NOTE10
		}
	}
	return rule.NOTE01
}

// owed says that a client has notifications to come.
func (s *sim) owed(b *simBinding) bool {
	for p, d := range s.dues {
		if p.b == b && d.needed && !d.done && !d.lost && !p.r.withdrawn {
			return true
		}
	}
	return false
}

// notify is ProtocolCoAfRegisterNotify of b for r, in which a client may open the AF.
func (s *sim) notify(t *task, b *simBinding, r *simReg, due *simDue) {
	t.pause()
	if s.chance(15) {
		t.linger()
	}
	if r.withdrawn || b.leaving {
		due.lost = true
		return
	}
	due.done = true
	b.notifying++
	f := t.enter(ndis.ProtocolCoAfRegisterNotify, b.d.label, contextIs(b.ctx), familyIs(r.f))
	if due.needed && s.fault(NotifyUnknown) {
		t.mark(NotifyUnknown, rule.NOTE03)
		s.notifyOnly(t, b, family{typ: unknownType})
	}
	if e := s.elsewhere(b.a); due.needed && e != nil && s.fault(NotifyElsewhere) {
		t.mark(NotifyElsewhere, rule.NOTE03)
		s.notifyOnly(t, b, e.f)
	}
	if due.needed && !b.stays {
		s.openSomething(t, b, r)
	}
	t.leave(f)
	alone := !slices.ContainsFunc(s.regs, func(o *simReg) bool { return o != r && o.a == r.a && o.f.typ == r.f.typ })
	if due.needed && alone && !r.withdrawn && !b.leaving && s.fault(NotifyTwice) {
		t.marks = append(t.marks, Planted{Fault: NotifyTwice, Finding: Finding{Rule: rule.NOTE06, Severity: rule.Warning}})
		s.notifyOnly(t, b, r.f)
	}
	b.notifying--
}

// elsewhere is a registration on another adapter of an AF that nobody wanted on a.
func (s *sim) elsewhere(a *simAdapter) *simReg {
	for _, r := range s.regs {
		if r.a != a && r.live && !slices.ContainsFunc(s.regs, func(o *simReg) bool { return o.a == a && o.f.typ == r.f.typ }) {
			return r
		}
	}
	return nil
}

// unbind is ProtocolUnbindAdapterEx of b, to its end.
func (s *sim) unbind(t *task, b *simBinding) {
	t.await(func() bool { return b.notifying == 0 && !s.owed(b) })
	if b.leaving || b.stays {
		return
	}
	b.leaving = true
	for _, r := range s.regs {
		r.withdrawn = r.withdrawn || r.b == b
	}
	unbindCtx := s.handle()
	f := t.enter(ndis.ProtocolUnbindAdapterEx, b.d.label, contextIs(b.ctx), detailIs("unbind_context", unbindCtx))
	if !s.entangled(b) && s.chance(75) {
		s.closeAdapter(t, b, false)
		t.leave(f, statusIs(ndis.StatusSuccess))
		s.afterUnbind(t, b)
		return
	}
	if b.d.manager && !b.d.client && s.o.Faults == 0 && s.chance(30) { // it waits in the handler
		s.disentangle(t, b)
		s.closeAdapter(t, b, true)
		t.leave(f, statusIs(ndis.StatusSuccess))
		return
	}
	s.spawn(func(t *task) {
		t.pause()
		s.disentangle(t, b)
		s.closeAdapter(t, b, true)
		t.call(ndis.NdisCompleteUnbindAdapterEx, b.d.label, detailIs("unbind_context", unbindCtx))
		s.afterUnbind(t, b)
	})
	b.left = true
	t.leave(f, statusIs(ndis.StatusPending))
	t.await(func() bool { return b.closed })
}

// entangled says that there is something to wait for before b is closed.
func (s *sim) entangled(b *simBinding) bool {
	for _, r := range s.regs {
		if r.b == b && r.asking > 0 {
			return true
		}
	}
	for _, a := range s.opens {
		if a.b == b && !a.clientGone() || a.r != nil && a.r.b == b && !a.managerGone() {
			return true
		}
	}
	return false
}

// closeAdapter is NdisCloseAdapterEx of b, to its end.
func (s *sim) closeAdapter(t *task, b *simBinding, pend bool) {
	c := t.enter(ndis.NdisCloseAdapterEx, b.d.label, bindingIs(b.handle))
	t.pause()
	for _, r := range s.regs {
		if r.b == b {
			r.live, r.withdrawn = false, true
		}
	}
	if pend && s.chance(40) {
		s.spawn(func(t *task) {
			t.pause()
			b.closed = true
			t.call(ndis.ProtocolCloseAdapterCompleteEx, b.d.label, contextIs(b.ctx))
		})
		t.leave(c, statusIs(ndis.StatusPending))
		t.await(func() bool { return b.closed })
		return
	}
	b.closed = true
	t.leave(c, statusIs(ndis.StatusSuccess))
}

// afterUnbind are the faults of those who go on with a binding that is gone.
func (s *sim) afterUnbind(t *task, b *simBinding) {
	if b.d.manager && b.d.co && s.fault(RegisterClosed) {
		c := t.enter(ndis.NdisCmRegisterAddressFamilyEx, b.d.label, bindingIs(b.handle), familyIs(b.d.families[0]))
		s.blame(c, RegisterClosed, rule.REG05)
		t.leave(c, statusIs(ndis.StatusSuccess))
	}
	if !b.d.client {
		return
	}
	if s.fault(NotifyUnbound) {
		t.mark(NotifyUnbound, rule.NOTE07)
		t.call(ndis.ProtocolCoAfRegisterNotify, b.d.label, contextIs(b.ctx), familyIs(family{typ: 1, major: 3, minor: 1}))
	}
	for _, r := range s.regs {
		if r.a == b.a && r.made && r.live && s.fault(OpenClosed) {
			c := t.enter(ndis.NdisClOpenAddressFamilyEx, b.d.label, bindingIs(b.handle), familyIs(r.f), contextIs(s.handle()))
			s.blame(c, OpenClosed, rule.OPEN03)
			t.leave(c, statusIs(ndis.StatusSuccess), afIs(s.handle()))
			break
		}
	}
}
