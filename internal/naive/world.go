package naive

import (
	"math"
	"slices"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// world is what a trace talks about. Every list is in order of entry.
type world struct {
	calls    []*call
	drivers  map[handle]*driver
	adapters []*adapter
	bindings []*binding
	regs     []*registration
	opens    []*afOpen
	saps     []*sap
	vcs      []*vc
	parties  []*party
	found    map[[12]ndis.Func][]*call // what of has found
	complete bool                      // the trace reaches the end of the activity
	findings []Finding
}

// driver is a protocol driver that declared its handlers.
type driver struct {
	co, client, callManager bool
}

// adapter is one life of a miniport adapter, from initialize to halt.
type adapter struct {
	handle, ctx uint64
	label       string
	init, halt  *call
	coKnown, co bool
	mcm         bool
}

// binding is one NdisOpenAdapterEx and what followed.
type binding struct {
	adapter       *adapter
	driver        *driver // nil: roles not declared
	protocol      handle
	label         string
	handle, ctx   uint64
	open, opened  *call // opened: ProtocolOpenAdapterCompleteEx
	bind, bound   *call // bound: NdisCompleteBindAdapterEx
	unbind        *call
	close, closed *call // closed: ProtocolCloseAdapterCompleteEx
}

// registration is one call of Ndis(M)CmRegisterAddressFamilyEx.
type registration struct {
	call     *call
	mcm      bool
	adapter  *adapter // nil: the trace does not say
	binding  *binding // nil for an MCM
	typ      uint32
	accepted bool
	repeats  bool // the same owner held the type already
	wrong    bool // it should have been refused, whatever the order
}

// afOpen is one NdisClOpenAddressFamilyEx and what followed.
type afOpen struct {
	call        *call
	binding     *binding // of the client
	label       string   // of the client
	ctx         uint64   // ClientAfContext
	upcalls     []*call  // ProtocolCmOpenAf
	completes   []*call  // Ndis(M)CmOpenAddressFamilyComplete
	told        []*call  // ProtocolClOpenAfCompleteEx by NDIS
	handle      uint64   // NdisAfHandle
	handleSince uint64   // seq of the row that shows it first
	owner       *registration
	reuses      bool // its handle is that of another open that still lives
	broken      bool // a finding about the open says enough about its later life

	closes   []*closing
	notifies []*notifying
}

// closing is one NdisClCloseAddressFamily.
type closing struct {
	call      *call
	redundant bool // a second close: nothing about it is judged further
	upcalls   []*call
	complete  *call // Ndis(M)CmCloseAddressFamilyComplete
	told      *call // ProtocolClCloseAfComplete by NDIS
}

// notifying is one Ndis(M)CmNotifyCloseAddressFamily.
type notifying struct {
	call      *call
	redundant bool
	upcalls   []*call // ProtocolClNotifyCloseAf
	answer    *call   // NdisClNotifyCloseAddressFamilyComplete
	told      *call   // ProtocolCmNotifyCloseAfComplete
}

const never = math.MaxUint64

func newWorld(events []format.Event, complete bool) *world {
	w := &world{calls: callsOf(events), complete: complete, found: map[[12]ndis.Func][]*call{}}
	w.findDrivers()
	w.findAdapters()
	w.findBindings()
	w.findRegistrations()
	w.findOpens()
	return w
}

// of returns the calls of the functions fns, in order of entry. The result is shared.
func (w *world) of(fns ...ndis.Func) []*call {
	var key [12]ndis.Func
	if copy(key[:], fns) < len(fns) {
		panic("too many functions")
	}
	cs, ok := w.found[key]
	if !ok {
		for _, c := range w.calls {
			if slices.Contains(fns, c.fn) {
				cs = append(cs, c)
			}
		}
		w.found[key] = cs
	}
	return cs
}

// first is the first call of fn that was entered after seq from and before seq to, and
// that ok accepts.
func (w *world) first(fn ndis.Func, from, to uint64, ok func(*call) bool) *call {
	for _, c := range w.calls {
		if c.fn == fn && c.in.Seq > from && c.in.Seq < to && ok(c) {
			return c
		}
	}
	return nil
}

func (w *world) findDrivers() {
	w.drivers = map[handle]*driver{}
	declare := func(p handle, d detail) {
		if p == 0 || d.Handlers == nil && d.Role == "" {
			return
		}
		r := w.drivers[p]
		if r == nil {
			r = &driver{}
			w.drivers[p] = r
		}
		for _, h := range d.Handlers {
			r.co = r.co || h == "protocol-co"
			r.client = r.client || h == "client"
			r.callManager = r.callManager || h == "call-manager"
		}
		switch d.Role {
		case "client":
			r.co, r.client = true, true
		case "call-manager":
			r.co, r.callManager = true, true
		}
	}
	for _, c := range w.of(ndis.NdisSetOptionalHandlers, ndis.NdisRegisterProtocolDriver) {
		declare(c.arg.Protocol, c.arg)
		declare(c.res.Protocol, c.res)
	}
}

func (w *world) findAdapters() {
	for _, c := range w.of(ndis.MiniportInitializeEx) {
		a := &adapter{
			handle: c.in.Adapter, label: c.in.Driver, init: c,
			ctx: uint64(c.arg.MiniportContext), mcm: c.arg.Role == "mcm",
		}
		if c.arg.CO != nil {
			a.coKnown, a.co = true, *c.arg.CO
		}
		if a.mcm {
			a.coKnown, a.co = true, true
		}
		w.adapters = append(w.adapters, a)
	}
	for _, a := range w.adapters {
		next := uint64(never)
		for _, b := range w.adapters {
			if b.handle == a.handle && b.init.in.Seq > a.init.in.Seq && b.init.in.Seq < next {
				next = b.init.in.Seq
			}
		}
		a.halt = w.first(ndis.MiniportHaltEx, a.init.in.Seq, next, func(c *call) bool {
			return c.in.Adapter == a.handle
		})
	}
}

// adapterAt is the adapter that handle names when c is entered.
func (w *world) adapterAt(handle uint64, c *call) *adapter {
	for _, a := range slices.Backward(w.adapters) {
		if a.handle == handle && (a.init == nil || a.init.in.Seq < c.in.Seq) {
			return a
		}
	}
	a := &adapter{handle: handle}
	w.adapters = append(w.adapters, a)
	return a
}

func (w *world) findBindings() {
	for _, c := range w.of(ndis.NdisOpenAdapterEx) {
		b := &binding{
			adapter: w.adapterAt(c.in.Adapter, c), protocol: c.arg.Protocol,
			driver: w.drivers[c.arg.Protocol], label: c.in.Driver, ctx: c.in.Context, open: c,
		}
		if c.out != nil {
			b.handle = c.out.Binding
		}
		for _, d := range w.of(ndis.ProtocolBindAdapterEx) {
			if d.in.Seq < c.in.Seq && d.arg.BindContext == c.arg.BindContext && d.in.Driver == b.label {
				b.bind = d
			}
		}
		w.bindings = append(w.bindings, b)
	}
	for i, b := range w.bindings {
		// A context or handle may be used again by a later binding.
		nextCtx, nextHandle := uint64(never), uint64(never)
		for _, n := range w.bindings[i+1:] {
			if n.label == b.label && n.ctx == b.ctx {
				nextCtx = min(nextCtx, n.open.in.Seq)
			}
			if n.handle == b.handle && n.open.out != nil {
				nextHandle = min(nextHandle, n.open.out.Seq)
			}
		}
		start := b.open.in.Seq
		ours := func(c *call) bool { return c.in.Context == b.ctx && c.in.Driver == b.label }
		if b.open.returned(ndis.StatusPending) {
			b.opened = w.first(ndis.ProtocolOpenAdapterCompleteEx, start, nextCtx, ours)
		}
		if b.bind != nil && (b.bind.out == nil || b.bind.returned(ndis.StatusPending)) {
			b.bound = w.first(ndis.NdisCompleteBindAdapterEx, b.bind.in.Seq, never, func(c *call) bool {
				return c.arg.BindContext == b.bind.arg.BindContext && c.in.Driver == b.label
			})
		}
		b.unbind = w.first(ndis.ProtocolUnbindAdapterEx, start, nextCtx, ours)
		b.close = w.first(ndis.NdisCloseAdapterEx, start, nextHandle, func(c *call) bool {
			return c.in.Binding == b.handle
		})
		if b.close.returned(ndis.StatusPending) {
			b.closed = w.first(ndis.ProtocolCloseAdapterCompleteEx, b.close.in.Seq, nextCtx, ours)
		}
	}
}

// isOpen says that NdisOpenAdapterEx gave the driver a binding.
func (b *binding) isOpen() bool {
	return b.open.returned(ndis.StatusSuccess) || b.opened.succeeds()
}

// bindEnd is the row at which the bind finished, the call that row belongs to, and
// whether the bind succeeded. The row is nil if it never finished.
func (b *binding) bindEnd() (row *format.Event, c *call, ok bool) {
	if b.bind == nil {
		return nil, nil, false
	}
	if s, returned := b.bind.result(); returned && s != ndis.StatusPending {
		return b.bind.out, b.bind, s == ndis.StatusSuccess
	}
	if b.bound != nil {
		return b.bound.in, b.bound, b.bound.succeeds()
	}
	return nil, nil, false
}

// gone says that NdisCloseAdapterEx of b had finished when c was entered.
func (b *binding) gone(c *call) bool {
	if b.close.returned(ndis.StatusPending) {
		return b.closed.before(c)
	}
	return b.close.over(c)
}

// bindingByHandle is the binding that a NdisBindingHandle names when c is entered.
func (w *world) bindingByHandle(h uint64, c *call) *binding {
	for _, b := range slices.Backward(w.bindings) {
		if b.handle == h && h != 0 && b.open.out.Seq < c.in.Seq {
			return b
		}
	}
	return nil
}

// bindingByContext is the binding whose ProtocolBindingContext callback c carries.
func (w *world) bindingByContext(c *call) *binding {
	for _, b := range slices.Backward(w.bindings) {
		if b.ctx == c.in.Context && b.label == c.in.Driver && b.open.in.Seq < c.in.Seq {
			return b
		}
	}
	return nil
}

func (w *world) findRegistrations() {
	for _, c := range w.of(ndis.NdisCmRegisterAddressFamilyEx, ndis.NdisMCmRegisterAddressFamilyEx) {
		r := &registration{call: c, typ: c.in.AFType, accepted: c.returned(ndis.StatusSuccess)}
		if c.fn == ndis.NdisMCmRegisterAddressFamilyEx {
			r.mcm, r.adapter = true, w.adapterAt(c.in.Adapter, c)
		} else if r.binding = w.bindingByHandle(c.in.Binding, c); r.binding != nil {
			r.adapter = r.binding.adapter
		}
		w.regs = append(w.regs, r)
	}
}

// owner names who holds r: an MCM by its adapter, a call manager by its binding.
func (r *registration) sameOwner(o *registration) bool {
	return r.mcm == o.mcm && r.adapter == o.adapter && r.binding == o.binding
}

// sameDriver says that both were made by one driver, on one binding or on several.
func (r *registration) sameDriver(o *registration) bool {
	if r.mcm || o.mcm {
		return r.mcm && o.mcm && r.adapter.label == o.adapter.label
	}
	return r.binding != nil && o.binding != nil && r.binding.label == o.binding.label
}

// label is the driver that holds r.
func (r *registration) label() string { return r.call.in.Driver }

// context is what ProtocolCmOpenAf of r's owner gets first.
func (r *registration) context() uint64 {
	if r.mcm {
		return r.adapter.ctx
	}
	return r.binding.ctx
}

func (r *registration) sameVersion(e *format.Event) bool {
	return r.call.in.AFMajor == e.AFMajor && r.call.in.AFMinor == e.AFMinor
}

// end is the call in which r ends, nil if it lives to the end of the trace: the close of
// the owner's binding, the failed end of its bind, the halt or the failed initialize of
// its adapter.
func (r *registration) end() *call {
	if r.mcm {
		if r.adapter.init.failed() {
			return r.adapter.init
		}
		return r.adapter.halt
	}
	if r.binding.close != nil {
		return r.binding.close
	}
	if _, c, ok := r.binding.bindEnd(); c != nil && !ok {
		return c
	}
	return nil
}

// mayEndBefore says that some order has r ended when c takes effect.
func (r *registration) mayEndBefore(c *call) bool {
	e := r.end()
	if e == nil {
		return false
	}
	if e.fn == ndis.MiniportInitializeEx || e.fn == ndis.ProtocolBindAdapterEx {
		return e.out != nil && (c.out == nil || e.out.TS < c.out.TS)
	}
	return e.maybeBefore(c)
}

// endedBefore says that r had ended when c was entered. That the failed bind of its owner
// alone ends a registration is an inference, so it does not count.
func (r *registration) endedBefore(c *call) bool {
	if r.mcm {
		return r.adapter.halt.over(c) || r.adapter.init.failed() && r.adapter.init.over(c)
	}
	return r.binding.gone(c)
}

// closingBefore says that the owner was closing its binding, or halting, when c was
// entered.
func (r *registration) closingBefore(c *call) bool {
	if r.mcm {
		return r.adapter.halt.before(c)
	}
	return r.binding.unbind.before(c)
}

// ready is the row from which on the owner of r is done with its bind or initialize, and
// the call that row belongs to; nil if that never came.
func (r *registration) ready() (*format.Event, *call) {
	if r.mcm {
		if r.adapter.init.returned(ndis.StatusSuccess) {
			return r.adapter.init.out, r.adapter.init
		}
		return nil, nil
	}
	if row, c, ok := r.binding.bindEnd(); ok {
		return row, c
	}
	return nil, nil
}

// registered lists the accepted registrations of a type on an adapter that may have been
// made when c takes effect.
func (w *world) registered(a *adapter, typ uint32, c *call) []*registration {
	var rs []*registration
	for _, r := range w.regs {
		if r.accepted && r.adapter == a && a != nil && r.typ == typ && !c.before(r.call) {
			rs = append(rs, r)
		}
	}
	return rs
}

// refused says that a registration of the type on the adapter was refused before c.
func (w *world) refused(a *adapter, typ uint32, c *call) bool {
	return slices.ContainsFunc(w.regs, func(r *registration) bool {
		return !r.accepted && r.adapter == a && r.typ == typ && r.call.over(c)
	})
}

func (w *world) findOpens() {
	for _, c := range w.of(ndis.NdisClOpenAddressFamilyEx) {
		w.opens = append(w.opens, &afOpen{
			call: c, binding: w.bindingByHandle(c.in.Binding, c), label: c.in.Driver, ctx: c.in.Context,
			handleSince: never,
		})
	}
	for _, p := range w.of(ndis.ProtocolClOpenAfCompleteEx) {
		if a := w.openToTell(p); a != nil && p.fromNDIS() {
			a.told = append(a.told, p)
		}
	}
	for _, a := range w.opens {
		show := func(h, seq uint64) {
			if h != 0 && a.handle == 0 {
				a.handle = h
			}
			if h != 0 && h == a.handle {
				a.handleSince = min(a.handleSince, seq)
			}
		}
		for _, u := range w.of(ndis.ProtocolCmOpenAf) {
			if w.opener(u) == a {
				a.upcalls = append(a.upcalls, u)
				show(u.in.AF, u.in.Seq)
			}
		}
		if a.call.out != nil {
			show(a.call.out.AF, a.call.out.Seq)
		}
		for _, p := range a.told {
			if p.succeeds() {
				show(p.in.AF, p.in.Seq)
			}
		}
	}
	for _, a := range w.opens {
		if u := a.upcall(); u != nil {
			a.reuses = slices.ContainsFunc(w.opens, func(o *afOpen) bool { return o != a && w.holds(o, u) })
		}
	}
}

// holds says that the open a was alive, with nobody closing it, when NDIS passed its
// handle on in u, the ProtocolCmOpenAf of another open.
func (w *world) holds(a *afOpen, u *call) bool {
	if a.handle == 0 || a.handle != u.in.AF || !a.upcall().before(u) || a.upcall().in.Seq > u.in.Seq {
		return false
	}
	if s, by := a.answer(); by != nil && s != ndis.StatusSuccess && by.maybeBefore(u) {
		return false
	}
	if s, _, by := a.outcome(); by != nil && s != ndis.StatusSuccess && by.maybeBefore(u) {
		return false
	}
	for _, k := range w.of(ndis.NdisClCloseAddressFamily) {
		if k.in.AF == a.handle && k.in.Seq > a.handleSince && k.maybeBefore(u) {
			return false
		}
	}
	return true
}

// opener is the client's open that made NDIS call u, a ProtocolCmOpenAf: the one that
// encloses it on its thread, else one that a later row ties to its handle, else the first
// unanswered open of that type on the call manager's adapter.
func (w *world) opener(u *call) *afOpen {
	if u.parent != nil && u.parent.fn == ndis.NdisClOpenAddressFamilyEx {
		for _, a := range w.opens {
			if a.call == u.parent {
				return a
			}
		}
	}
	for _, a := range w.opens {
		if !a.call.maybeBefore(u) {
			continue
		}
		if a.call.out != nil && a.call.out.AF != 0 && a.call.out.AF == u.in.AF {
			return a
		}
		for _, p := range a.told {
			if p.in.AF == u.in.AF && p.in.AF != 0 {
				return a
			}
		}
	}
	target := w.target(u)
	for _, a := range w.opens {
		if a.binding != nil && a.binding.adapter == target && a.call.in.AFType == u.in.AFType &&
			a.call.in.Seq < u.in.Seq && len(a.upcalls) == 0 && !a.call.failed() {
			return a
		}
	}
	return nil
}

// target is the adapter that the context of a ProtocolCmOpenAf belongs to.
func (w *world) target(u *call) *adapter {
	if b := w.bindingByContext(u); b != nil {
		return b.adapter
	}
	for _, a := range slices.Backward(w.adapters) {
		if a.mcm && a.ctx == u.in.Context && a.label == u.in.Driver && a.init.in.Seq < u.in.Seq {
			return a
		}
	}
	return nil
}

// openToTell is the open that a ProtocolClOpenAfCompleteEx is about: the last one with
// that ClientAfContext, or, if the context is of no open, with that handle.
func (w *world) openToTell(p *call) *afOpen {
	for _, a := range slices.Backward(w.opens) {
		if a.ctx == p.in.Context && a.label == p.in.Driver && a.call.in.Seq < p.in.Seq {
			return a
		}
	}
	for _, a := range slices.Backward(w.opens) {
		for _, u := range w.of(ndis.ProtocolCmOpenAf) {
			if u.parent == a.call && u.in.AF == p.in.AF && p.in.AF != 0 && a.label == p.in.Driver && u.in.Seq < p.in.Seq {
				return a
			}
		}
	}
	return nil
}

// openByHandle is the open that an NdisAfHandle names when c is entered.
func (w *world) openByHandle(h uint64, c *call) *afOpen {
	var found *afOpen
	for _, a := range w.opens {
		if h != 0 && a.handle == h && !a.reuses && a.handleSince < c.in.Seq && (found == nil || a.handleSince > found.handleSince) {
			found = a
		}
	}
	return found
}

// upcall is the ProtocolCmOpenAf of a, nil if NDIS made none.
func (a *afOpen) upcall() *call {
	if len(a.upcalls) == 0 {
		return nil
	}
	return a.upcalls[0]
}

// managerLabel is the call manager that was asked.
func (a *afOpen) managerLabel() string {
	if u := a.upcall(); u != nil {
		return u.in.Driver
	}
	return ""
}

// answer is the call manager's final status and the call that gave it; nil if it has
// given none.
func (a *afOpen) answer() (ndis.Status, *call) {
	u := a.upcall()
	if s, ok := u.result(); ok && s != ndis.StatusPending {
		return s, u
	}
	if len(a.completes) > 0 {
		return a.completes[0].status(), a.completes[0]
	}
	return 0, nil
}

// outcome is the client's final status, the row that tells it, and the call of that row;
// the row is nil if the client has not been told.
func (a *afOpen) outcome() (ndis.Status, *format.Event, *call) {
	s, ok := a.call.result()
	switch {
	case ok && s != ndis.StatusPending:
		return s, a.call.out, a.call
	case len(a.told) > 0:
		return a.told[0].status(), a.told[0].in, a.told[0]
	}
	return 0, nil, nil
}

// openForClient says that the client had been told of its successful open before c.
func (a *afOpen) openForClient(c *call) bool {
	s, row, by := a.outcome()
	if row == nil || s != ndis.StatusSuccess {
		return false
	}
	if by == a.call {
		return by.over(c)
	}
	return by.before(c)
}

// openForManager says that the call manager had accepted the open before c.
func (a *afOpen) openForManager(c *call) bool {
	s, by := a.answer()
	if by == nil || s != ndis.StatusSuccess {
		return false
	}
	if by == a.upcall() {
		return by.over(c)
	}
	return by.before(c)
}

// managerContext is the CallMgrAfContext of a, 0 if the trace does not show one.
func (a *afOpen) managerContext() uint64 {
	s, by := a.answer()
	if by == nil || s != ndis.StatusSuccess {
		return 0
	}
	if by == a.upcall() {
		return by.out.Context
	}
	return by.in.Context
}
