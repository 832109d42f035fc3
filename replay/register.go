package replay

import (
	"slices"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// Registration of address families and its notifications (rules REG and NOTE).

// sameAF says whether two claims are for one address family, and whether they differ in
// version where the type alone decides (AMB-01).
func (c *Checker) sameAF(r *registration, cl *call) (same, versions bool) {
	if r.typ != cl.afType {
		return false, false
	}
	if r.hasVer && cl.has&format.HasAFMajor != 0 && cl.has&format.HasAFMinor != 0 {
		versions = r.major != cl.afMajor || r.minor != cl.afMinor
	}
	if c.opt.AFIdentity == IdentityTypeVersion {
		return !versions, false
	}
	return true, versions
}

func (r *registration) af() AF { return AF{r.typ, r.major, r.minor, r.hasVer} }

func (r *registration) owner(c *Checker) string { return c.who(r.label, r.driver) }

// ownedBy says whether the claim belongs to the binding b, or to the MCM if b is nil.
func (r *registration) ownedBy(b *binding) bool {
	if b == nil {
		return r.mcm
	}
	return r.b == b && !r.mcm
}

// holds says that the claim counts as held: it succeeded, or may have.
func (r *registration) holds() bool { return r.state == regLive || r.state == regUnknown }

// ready is the row from which clients are due a notification: the claim succeeded and the
// owner's bind (MCM: initialize) has completed.
func (r *registration) ready() (ev, bool) {
	if r.state != regLive {
		return ev{}, false
	}
	return r.readyWas()
}

// readyWas is ready for a claim that may have ended since.
func (r *registration) readyWas() (ev, bool) {
	if r.assumed || !r.ret.seen() || r.state == regUnknown {
		return ev{}, false
	}
	switch {
	case r.mcm && r.adapter.init.state == markNone: // came up before the trace
		return r.ret, true
	case r.mcm:
		return later(r.ret, r.adapter.up), r.adapter.up.seen()
	case r.b == nil:
		return ev{}, false
	case r.b.complete.seen():
		return later(r.ret, r.b.complete), true
	}
	return r.ret, r.b.assumed || r.b.attempt == nil
}

func later(a, b ev) ev {
	if b.n > a.n {
		return b
	}
	return a
}

func (c *Checker) newRegistration(cl *call) *registration {
	var r *registration
	if n := len(c.freeRegs); n > 0 {
		r = c.freeRegs[n-1]
		c.freeRegs = c.freeRegs[:n-1]
		*r = registration{early: r.early[:0], refused: r.refused[:0]}
	} else {
		r = new(registration)
	}
	r.id, r.enter, r.label = c.id(), cl.ev, cl.label
	r.typ, r.major, r.minor = cl.afType, cl.afMajor, cl.afMinor
	r.hasVer = cl.has&format.HasAFMajor != 0 && cl.has&format.HasAFMinor != 0
	return r
}

func enterCmRegister(c *Checker, cl *call) {
	b := c.useBinding(cl)
	if b == nil || cl.has&format.HasAFType == 0 {
		c.skip(rule.REG01, reasonNoHandle)
		return
	}
	// A driver can be both; it is no protocol driver for certain if it was loaded in sight, or says
	// what it is.
	d := c.labelled(cl.label)
	if d != nil && d.isMiniport && !d.isProtocol && (d.options || d.stated) {
		c.report(rule.ROLE02, cl.ev, rule.CallManager, b.adapter, c.who(cl.label, d),
			"a miniport call manager calls "+cl.name()+"; it has NdisMCmRegisterAddressFamilyEx").show(d.said[:]...)
	} else {
		c.check(rule.ROLE02)
	}
	r := c.newRegistration(cl)
	r.b, r.driver, r.adapter = b, b.driver, b.adapter
	if r.label == 0 {
		r.label = b.label
	}
	cl.reg = r
	c.startRegistration(cl, r)
	if cl.d.has&keyHandlerSet != 0 {
		c.check(rule.REG16)
		if b.hasHdlrs && b.handlers != cl.d.handlerSet {
			c.report(rule.REG16, cl.ev, rule.CallManager, b.adapter, r.owner(c),
				"the address families of one binding were registered with different handlers", b.firstReg)
		}
		b.handlers, b.hasHdlrs = cl.d.handlerSet, true
	} else {
		c.skip(rule.REG16, reasonNoKey)
	}
}

func enterMCmRegister(c *Checker, cl *call) {
	a := c.adapterOf(cl)
	cl.a = a
	if a == nil || cl.has&format.HasAFType == 0 {
		c.skip(rule.REG01, reasonAdapter)
		return
	}
	d := c.labelled(cl.label)
	stray := d != nil && d.isProtocol && !d.isMiniport && d.registered.ret.seen()
	if stray {
		c.check(rule.ROLE01)
		c.report(rule.ROLE01, cl.ev, rule.CallManager, a, c.who(cl.label, d),
			"a protocol driver calls "+cl.name()+"; a stand-alone call manager has NdisCmRegisterAddressFamilyEx").show(d.registered.ret)
	} else {
		c.check(rule.ROLE01)
		if a.driver == nil {
			a.driver = d
		}
		if d != nil {
			d.isMiniport = true
		}
		if a.mcm == unknown {
			a.mcm = yes
		}
	}
	r := c.newRegistration(cl)
	r.mcm, r.stray, r.driver, r.adapter = true, stray, a.driver, a
	if r.driver == nil {
		r.driver = d
	}
	cl.reg = r
	c.startRegistration(cl, r)
}

func (c *Checker) startRegistration(cl *call, r *registration) {
	a := r.adapter
	if a == nil {
		return
	}
	for _, p := range a.past {
		if same, _ := c.sameAF(p, cl); same && p.driver == r.driver && p.state == regEnded {
			r.again = true
		}
	}
	a.regs = append(a.regs, r)
}

func returnCmRegister(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	c.usedBinding(cl, at)
	c.registered(cl, at, known, st)
}

func returnMCmRegister(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	c.registered(cl, at, known, st)
}

// registered judges the outcome of a registration.
func (c *Checker) registered(cl *call, at ev, known bool, st ndis.Status) {
	r := cl.reg
	if r == nil {
		c.unknownRegistered(cl, at, known, st)
		return
	}
	if !known {
		r.step(regLost)
		r.ret = at
		c.skip(rule.REG01, reasonNoStatus)
		c.skip(rule.REG06, reasonNoStatus)
		return
	}
	c.check(rule.REG06)
	switch st {
	case ndis.StatusSuccess:
		c.registrationAccepted(cl, r, at)
	case ndis.StatusFailure, ndis.StatusResources:
		c.registrationRefused(cl, r, at, st)
	default:
		f := c.report(rule.REG06, at, rule.NDIS, r.adapter, r.owner(c),
			cl.name()+" returned "+st.String()+"; it gives SUCCESS, RESOURCES or FAILURE", cl.ev)
		if c.holder(r, cl) != nil {
			f.also(rule.REG02)
		}
		c.registrationRefused(cl, r, at, st)
	}
}

// unknownRegistered judges what a registration returned of which the row does not say what of
// (REG-06).
func (c *Checker) unknownRegistered(cl *call, at ev, known bool, st ndis.Status) {
	if !known {
		c.skip(rule.REG06, reasonNoStatus)
		return
	}
	c.check(rule.REG06)
	switch st {
	case ndis.StatusSuccess, ndis.StatusFailure, ndis.StatusResources:
	default:
		c.report(rule.REG06, at, rule.NDIS, cl.a, c.names[cl.label],
			cl.name()+" returned "+st.String()+"; it gives SUCCESS, RESOURCES or FAILURE", cl.ev)
	}
}

// holder finds another claim for the AF of r that holds in every order of the calls that
// the trace allows: it was accepted, and its end has not even begun.
func (c *Checker) holder(r *registration, cl *call) *registration {
	if r.adapter == nil {
		return nil
	}
	var versioned *registration
	own := r.ends()
	for _, o := range r.adapter.regs {
		if o == r || !o.holds() || o.assumed || o.end.state != markNone && !c.goneBefore(own, &o.end) {
			continue
		}
		if o.wrong && o.ret.n > cl.ev.n {
			continue // it overlaps, and is at fault itself
		}
		if own.state != markNone && own.enter.n < o.ret.n && o.ret.ts >= cl.ts-c.unsure {
			continue // r, whose call was long under way, may have gone before o came
		}
		if same, versions := c.sameAF(o, cl); same {
			if !versions {
				return o
			}
			versioned = o
		}
	}
	if versioned != nil || own.state != markReturned {
		return versioned
	}
	// The owner of r is gone, and one that held before that left only after it.
	for _, o := range r.adapter.past {
		if o.state != regEnded || o.assumed || o.wrong || !o.ret.seen() || !c.goneBefore(own, &o.end) {
			continue
		}
		if own.enter.n < o.ret.n && o.ret.ts >= cl.ts-c.unsure {
			continue
		}
		if same, versions := c.sameAF(o, cl); same && !versions {
			return o
		}
	}
	return nil
}

// goneBefore says that the call with which one owner goes had returned when another's began.
func (c *Checker) goneBefore(own, end *mark) bool {
	return own.state == markReturned && own.ret.ts < end.enter.ts-c.unsure
}

func (c *Checker) registrationAccepted(cl *call, r *registration, at ev) {
	r.ret = at
	b := r.b
	if !r.mcm {
		c.check(rule.REG13)
	}
	if r.adapter == nil {
		c.skip(rule.REG01, reasonAdapter)
		c.skip(rule.REG02, reasonAdapter)
	} else {
		c.check(rule.REG01)
		c.check(rule.REG02)
		if r.mcm {
			c.check(rule.REG11)
		} else {
			c.check(rule.REG14)
		}
	}
	o := c.holder(r, cl)
	// One finding for one accepted claim: that it should not have been made at all comes
	// before whom it displaces.
	var dup *finding
	excess := false
	refusable := func(f *finding) *finding {
		excess, r.wrong = true, true
		if dup != nil {
			dup.drop()
			f.also(dup.Rule)
			f.also(dup.Also...)
		}
		return f
	}
	if o != nil && o.state == regUnknown {
		c.skip(rule.REG01, reasonNoStatus)
		o = nil
	}
	if o != nil {
		dup = c.duplicate(cl, r, o, at)
	}
	closing := false
	if b != nil {
		c.check(rule.REG05)
		switch {
		case c.before(&b.close, cl):
			closing = true // BIND-05 has the call; NDIS should have refused it
			if !excess {
				cl.found.drop()
				refusable(c.report(rule.REG05, at, rule.NDIS, r.adapter, r.owner(c),
					"an AF was registered on a binding after NdisCloseAdapterEx", cl.ev, b.close.enter).also(rule.BIND05))
			}
		case c.before(&b.unbind, cl) || passed(b.unbind.enter, cl) && b.unbind.state == markEntered:
			if dup == nil {
				c.unclear(c.report(rule.REG05, at, rule.NDIS, r.adapter, r.owner(c),
					"an AF was registered on a binding that is being unbound", cl.ev, b.unbind.enter), rule.AMB21, rule.Warning)
			}
			closing = true
		}
	}
	if !r.mcm {
		switch c.isCO(r.driver) {
		case no:
			c.check(rule.REG03)
			if !excess {
				refusable(c.report(rule.REG03, at, rule.NDIS, r.adapter, r.owner(c),
					"NDIS accepted an AF from a driver that is not a connection-oriented protocol driver", cl.ev).
					also(rule.ROLE04).sinceLoaded(r.driver))
			}
		case yes:
			c.check(rule.REG03)
			c.check(rule.ROLE04)
			if c.hasRole(r.driver, roleCallManager) == no && !excess {
				c.unclear(c.report(rule.ROLE04, at, rule.CallManager, r.adapter, r.owner(c),
					"an AF was registered by a driver that registered no call-manager handlers", cl.ev), rule.AMB24, rule.Info).
					sinceLoaded(r.driver)
			}
		default:
			c.skip(rule.REG03, reasonRole)
			c.skip(rule.ROLE04, reasonRole)
		}
	} else if r.driver != nil && r.driver.declared {
		c.check(rule.ROLE04)
		if r.driver.roles&roleMiniportCO == 0 && r.adapter != nil && r.adapter.co == no && !excess {
			c.check(rule.REG04)
			refusable(c.report(rule.REG04, at, rule.NDIS, r.adapter, r.owner(c),
				"NDIS accepted an AF from a miniport driver that is not connection-oriented", cl.ev).
				also(rule.ROLE04).since(r.adapter.init.enter).sinceLoaded(r.driver))
		}
	}
	if b != nil {
		switch {
		case r.adapter == nil:
			c.skip(rule.REG04, reasonAdapter)
		case r.adapter.co == unknown:
			c.skip(rule.REG04, reasonRole)
		default:
			c.check(rule.REG04)
			if r.adapter.co == no && !excess {
				refusable(c.report(rule.REG04, at, rule.NDIS, r.adapter, r.owner(c),
					"NDIS accepted an AF over a miniport that is not connection-oriented", cl.ev).since(r.adapter.init.enter).sinceLoaded(r.adapter.driver))
			}
		}
		switch {
		case b.assumed || b.attempt == nil:
			c.skip(rule.REG07, reasonAssumed)
		default:
			c.check(rule.REG07)
			if b.attempt.finished() && c.before(&b.attempt.doneMark, cl) && !closing {
				c.unclear(c.report(rule.REG07, cl.ev, rule.CallManager, r.adapter, r.owner(c),
					"the AF was registered outside ProtocolBindAdapterEx", b.attempt.done, at), rule.AMB16, rule.Warning)
			}
		}
		if !b.firstReg.seen() {
			b.firstReg = cl.ev
		}
		b.regs = append(b.regs, r)
		if b.close.state != markNone {
			r.end = b.close
		}
	} else {
		switch {
		case r.stray: // it is no miniport driver that could register in its initialization
		case r.adapter.init.state == markNone:
			c.skip(rule.REG08, reasonAssumed)
		default:
			c.check(rule.REG08)
			if r.adapter.init.state == markReturned && c.before(&r.adapter.init, cl) {
				c.report(rule.REG08, cl.ev, rule.CallManager, r.adapter, r.owner(c),
					"the AF was registered outside MiniportInitializeEx", r.adapter.init.ret, at)
			}
		}
		if r.adapter.halt.state != markNone {
			r.end = r.adapter.halt
		}
	}
	r.step(regAccept)
	if b != nil && b.closed() {
		c.endRegistrations(r.adapter, b, &b.close, b.close.ret)
	}
	if r.driver != nil {
		r.driver.regs++
	}
	for _, e := range r.early {
		c.check(rule.NOTE04)
		c.unclear(c.report(rule.NOTE04, e, rule.NDIS, r.adapter, r.owner(c),
			"clients were notified of an AF before the call that registers it had returned", cl.ev, at), rule.AMB05, rule.Warning)
	}
	r.early = r.early[:0]
	for _, x := range r.refused {
		c.conflicts = append(c.conflicts, Conflict{
			Seq: x.at.seq, Kind: ConflictRefusedRegistration, Adapter: r.adapter.id, AF: x.af, Holder: r.owner(c),
			Contender: x.contender, Status: x.status, Events: sorted(cl.seq, x.enter.seq, x.at.seq, at.seq),
			At: x.enter.ts, Since: at.ts, Until: NoTime, HeldFor: 0, from: min(cl.ts, x.enter.ts), to: at.ts,
		})
	}
	r.refused = r.refused[:0]
	c.servedLate(r, at)
}

// duplicate judges an accepted claim for an AF that o holds. It gives the finding if it is
// an error.
func (c *Checker) duplicate(cl *call, r, o *registration, at ev) *finding {
	_, versions := c.sameAF(o, cl)
	strict := versions && c.opt.Strict.Has(rule.AMB01)
	same := !r.mcm && !o.mcm && r.b == o.b
	var f *finding
	switch {
	case versions && !same && !strict:
		f = c.report(rule.REG01, at, rule.NDIS, r.adapter, r.owner(c),
			"two call managers hold versions of one address family type", cl.ev, o.enter, o.ret).severity(rule.Info)
	case same:
		r.repeats = true
		c.unclear(c.report(rule.REG13, at, rule.CallManager, r.adapter, r.owner(c),
			"the call manager registered the same AF again on a live binding", cl.ev, o.enter, o.ret), rule.AMB03, rule.Info)
		return nil
	case r.mcm:
		r.repeats = o.mcm
		f = c.report(rule.REG11, at, rule.NDIS, r.adapter, r.owner(c),
			"NDIS accepted "+ndis.AFType(r.typ).String()+" from a miniport call manager although "+c.named(o)+" holds it on this adapter",
			cl.ev, o.enter, o.ret).also(rule.REG02, rule.REG01)
	case o.mcm:
		f = c.report(rule.REG14, at, rule.NDIS, r.adapter, r.owner(c),
			"NDIS accepted "+ndis.AFType(r.typ).String()+" from "+c.named(r)+" although the miniport call manager "+c.named(o)+" holds it on this adapter",
			cl.ev, o.enter, o.ret).also(rule.REG11, rule.REG02, rule.REG01)
	default:
		f = c.report(rule.REG02, at, rule.NDIS, r.adapter, r.owner(c),
			"NDIS accepted "+ndis.AFType(r.typ).String()+" from "+c.named(r)+" although "+c.named(o)+" holds it on this adapter",
			cl.ev, o.enter, o.ret).also(rule.REG01)
	}
	if !same && (!r.hasVer || !o.hasVer) {
		f.unsure = "the versions are not recorded: they may be two versions of one type"
	}
	f.since(o.enter)
	if strict {
		c.unclear(f, rule.AMB01, rule.Error)
	}
	r.contested, o.contested, r.wrong = true, true, f.Severity == rule.Error
	c.conflicts = append(c.conflicts, Conflict{
		Seq: at.seq, Kind: ConflictAcceptedRegistration, Adapter: r.adapter.id, AF: r.af(), Holder: o.owner(c),
		Contender: r.owner(c), Status: ndis.StatusSuccess, Events: sorted(o.enter.seq, o.ret.seq, cl.seq, at.seq),
		At: cl.ts, Since: o.ret.ts, Until: NoTime, HeldFor: max(0, cl.ts-o.ret.ts), from: o.enter.ts, to: at.ts,
	})
	if f.Severity != rule.Error {
		return nil
	}
	return f
}

func (c *Checker) named(r *registration) string {
	if s := r.owner(c); s != "" {
		return s
	}
	return "another call manager"
}

func (c *Checker) registrationRefused(cl *call, r *registration, at ev, st ndis.Status) {
	r.step(regRefuse)
	a := r.adapter
	if a == nil {
		return
	}
	c.check(rule.REG02)
	for i, x := range a.regs {
		if x == r {
			a.regs = append(a.regs[:i], a.regs[i+1:]...)
			break
		}
	}
	// A claim that was held at some moment while this one ran is what it ran into.
	var o *registration
	var running *registration
	for _, x := range a.regs {
		if same, _ := c.sameAF(x, cl); !same {
			continue
		}
		switch {
		case x.state == regCalling:
			running = x
		case x.holds() && !x.ownedBy(r.b):
			o = x
		}
	}
	if o == nil {
		for _, x := range a.past {
			if same, _ := c.sameAF(x, cl); same && x.state == regEnded && x.end.ret.ts >= cl.ts && !x.ownedBy(r.b) {
				o = x
			}
		}
	}
	if st == ndis.StatusFailure {
		switch {
		case going(r.b) || r.mcm && a.halt.state != markNone: // refused because it is going itself
		case o != nil:
			held, since := int64(-1), int64(NoTime)
			if o.ret.seen() && !o.assumed {
				held, since = max(0, cl.ts-o.ret.ts), o.ret.ts
			}
			c.conflicts = append(c.conflicts, Conflict{
				Seq: at.seq, Kind: ConflictRefusedRegistration, Adapter: a.id, AF: r.af(), Holder: o.owner(c),
				Contender: r.owner(c), Status: st, Events: sorted(o.enter.seq, o.ret.seq, cl.seq, at.seq),
				At: cl.ts, Since: since, Until: NoTime, HeldFor: held, from: o.enter.ts, to: at.ts,
			})
		case running != nil:
			running.refused = append(running.refused, refusal{at: at, enter: cl.ev, contender: r.owner(c), status: st, af: r.af()})
		}
	}
	for _, e := range r.early {
		if c.claimed(a, r.typ) || !c.knownAdapter(a) {
			break
		}
		c.report(rule.NOTE03, e, rule.NDIS, a, r.owner(c),
			"clients were notified of an AF whose registration then failed", cl.ev, at).also(rule.REG15).since(a.born()).unlessHidden()
	}
	if len(a.past) >= maxPast {
		c.dropPast(a)
	}
	a.past = append(a.past, r)
	r.end = mark{enter: at, ret: at, state: markReturned}
}

func (c *Checker) dropPast(a *adapter) {
	old := a.past[0]
	copy(a.past, a.past[1:])
	a.past = a.past[:len(a.past)-1]
	old.id = 0
	c.freeRegs = append(c.freeRegs, old)
}

// claimed says whether any claim for the type holds or is being made.
func (c *Checker) claimed(a *adapter, typ uint32) bool {
	for _, x := range a.regs {
		if x.typ == typ {
			return true
		}
	}
	return false
}

// endRegistrations ends what b registered (the MCM, if b is nil): m is the call that does.
func (c *Checker) endRegistrations(a *adapter, b *binding, m *mark, at ev) {
	if a == nil {
		return
	}
	kept := a.regs[:0]
	for _, r := range a.regs {
		if !r.ownedBy(b) || r.state == regCalling {
			kept = append(kept, r)
			continue
		}
		r.step(regEnd)
		r.end = *m
		r.end.ret, r.end.state = at, markReturned
		if len(a.past) >= maxPast {
			c.dropPast(a)
		}
		a.past = append(a.past, r)
	}
	a.regs = kept
	if b != nil {
		b.regs = b.regs[:0]
	}
}

// knownAdapter says that no registration on a can come from before the trace.
func (c *Checker) knownAdapter(a *adapter) bool {
	if a == nil || a.unseen || a.unopened > 0 || a.init.state == markNone && a.mcm != no {
		return false
	}
	for _, b := range a.bindings {
		if b.assumed {
			return false
		}
	}
	return true
}

// birth is born for an adapter that may not be known.
func (a *adapter) birth() ev {
	if a == nil {
		return ev{ts: minTime, seq: 1}
	}
	return a.born()
}

// born is the row from which everything about a is in the trace.
func (a *adapter) born() ev {
	if a.init.state != markNone {
		return a.init.enter
	}
	return ev{ts: minTime, seq: 1}
}

// --- notifications ---

func enterNotify(c *Checker, cl *call) {
	b := c.bindingByContext(cl)
	cl.b = b
	if b == nil {
		if head, _ := c.bindings.get(key{kindBindingContext<<56 | cl.ns, cl.context}); head == nil && cl.has&format.HasContext != 0 &&
			cl.label != 0 && c.boundInSight(cl.label) {
			c.check(rule.NOTE07)
			c.report(rule.NOTE07, cl.ev, rule.NDIS, nil, c.who(cl.label, nil),
				"an AF notification carries a ProtocolBindingContext that the driver has no binding for").sinceStart()
			return
		}
		c.skip(rule.NOTE03, reasonNoContext)
		return
	}
	c.saw(cl, b.driver, true)
	who := c.who(b.label, b.driver)
	c.check(rule.NOTE07)
	if c.before(&b.close, cl) && (cl.label == 0 || c.boundInSight(cl.label)) {
		c.report(rule.NOTE07, cl.ev, rule.NDIS, b.adapter, who,
			"an AF notification went to a binding that is closed", b.close.enter, b.close.ret)
		cl.b = nil
		return
	}
	if c.before(&b.close, cl) {
		c.skip(rule.NOTE07, reasonAssumed) // or to another one with the same context
		cl.b = nil
		return
	}
	if c.isCO(b.driver) == no {
		c.report(rule.NOTE07, cl.ev, rule.NDIS, b.adapter, who,
			"an AF notification went to a driver that is not a connection-oriented protocol driver", b.opened).
			sinceLoaded(b.driver)
	}
	if b.adapter == nil || cl.has&format.HasAFType == 0 {
		c.skip(rule.NOTE03, reasonAdapter)
		return
	}
	r := c.notified(cl, b)
	if r == nil {
		return
	}
	cl.reg, cl.n = r, int(r.id)
	c.tellOnce(cl, b, r)
}

// boundInSight says that the trace has every binding of a driver, with its context.
func (c *Checker) boundInSight(label uint32) bool {
	d := c.labelled(label)
	return d.contextless == 0 && d.assumed == 0 && !d.unopened && d.registered.ret.seen()
}

// tellOnce notes that b is told of r, and judges that it is told once (NOTE-06).
func (c *Checker) tellOnce(cl *call, b *binding, r *registration) {
	switch n := b.notice(r); {
	case n == nil:
		c.check(rule.NOTE06)
		c.remember(b, r, cl.ev)
	case r.assumed: // it may have been made anew, out of sight like the first time
		cl.flag = true
		c.skip(rule.NOTE06, reasonAssumed)
	default:
		cl.flag = true
		c.check(rule.NOTE06)
		c.report(rule.NOTE06, cl.ev, rule.NDIS, b.adapter, c.who(b.label, b.driver),
			"the client was notified of the same registration again", n.at, r.ret)
	}
}

// notified finds the claim that a notification is about: one that the binding has not been
// told of before one that it has, an accepted one before one still being made.
func (c *Checker) notified(cl *call, b *binding) *registration {
	var best *registration
	rank := 0
	for _, r := range b.adapter.regs {
		if r.typ != cl.afType {
			continue
		}
		n := 1
		if r.hasVer && cl.has&format.HasAFMajor != 0 && r.major == cl.afMajor && r.minor == cl.afMinor {
			n += 2
		}
		if r.holds() {
			n += 4
		}
		if b.notice(r) == nil {
			n += 8
		}
		n *= 2
		if !r.ownedBy(b) {
			n++ // the registrant itself need not be told
		}
		// Of two the older one may be gone, where its end can have been lost.
		if n > rank || n == rank && c.gapSince(best.ret.ts) {
			best, rank = r, n
		}
	}
	return best
}

func (b *binding) notice(r *registration) *notice {
	for i := range b.notified {
		if n := &b.notified[i]; n.reg == r && n.id == r.id {
			return n
		}
	}
	return nil
}

func returnNotify(c *Checker, cl *call, at ev, known bool, st ndis.Status) {
	b := cl.b
	if b == nil || b.id == 0 || b.adapter == nil || cl.has&format.HasAFType == 0 {
		return
	}
	if c.unsure > 0 {
		x, id := *cl, b.id
		c.hold(at, func() {
			if x.b.id == id {
				c.judgeNotify(&x, at)
			}
		})
		return
	}
	c.judgeNotify(cl, at)
}

func (c *Checker) judgeNotify(cl *call, at ev) {
	b := cl.b
	a, r := b.adapter, cl.reg
	if r != nil && int(r.id) != cl.n {
		r = nil
	}
	who := c.who(b.label, b.driver)
	if r == nil || r.state == regFailed {
		if r == nil {
			if r = c.notified(cl, b); r != nil { // a claim that began while the callback ran
				c.tellOnce(cl, b, r)
			}
		} else {
			r = nil
		}
	}
	c.check(rule.NOTE03)
	c.checkPast(a, cl.afType)
	if r == nil {
		c.strayNotify(cl, b, at, who)
		return
	}
	if cl.flag {
		return
	}
	// NOTE-08: the content is what was registered.
	if r.hasVer && cl.has&format.HasAFMajor != 0 {
		c.check(rule.NOTE08)
		if r.major != cl.afMajor || r.minor != cl.afMinor {
			c.unclear(c.report(rule.NOTE08, cl.ev, rule.NDIS, a, who,
				"the AF in the notification has another version than the registered one", r.enter), rule.AMB01, rule.Info)
		}
	}
	if r.assumed {
		c.skip(rule.NOTE04, reasonAssumed)
		return
	}
	if r.state == regCalling {
		r.early = append(r.early, cl.ev)
		return
	}
	switch {
	case r.mcm && a.init.state == markNone:
		c.skip(rule.NOTE05, reasonAssumed)
	case r.mcm:
		c.check(rule.NOTE05)
		if !a.up.seen() {
			c.report(rule.NOTE05, cl.ev, rule.NDIS, a, who,
				"a client was notified of a miniport call manager's AF before MiniportInitializeEx had returned", r.ret, a.init.enter, at)
			return
		}
	case r.b == nil || r.b.assumed || r.b.attempt == nil:
		c.skip(rule.NOTE04, reasonAssumed)
	default:
		c.check(rule.NOTE04)
		if !r.b.attempt.finished() {
			c.unclear(c.report(rule.NOTE04, cl.ev, rule.NDIS, a, who,
				"clients were notified before the call manager's bind had completed", r.ret, r.b.attempt.enter, at), rule.AMB05, rule.Warning)
			return
		}
	}
	if b.attempt != nil && !b.attempt.finished() && c.hasRole(b.driver, roleClient) != no {
		id, severity := rule.NOTE07, rule.Warning // no page says it of a stand-alone call manager's AF
		if r.mcm {
			id, severity = rule.NOTE05, rule.Error
		}
		c.report(id, cl.ev, rule.NDIS, a, who,
			"a client was notified before its own bind had completed", b.attempt.enter, at).severity(severity)
	}
}

// checkPast counts, at a notification or an open, the rules on claims that are over.
func (c *Checker) checkPast(a *adapter, typ uint32) {
	for _, r := range a.past {
		switch {
		case r.typ != typ:
		case r.state == regFailed:
			c.check(rule.REG15)
		case r.b != nil && r.b.attempt != nil && r.b.attempt.hasStatus && r.b.attempt.status != ndis.StatusSuccess:
			c.check(rule.REG17)
		default:
			c.check(rule.REG12)
		}
	}
}

// strayNotify judges a notification of an AF that nobody holds.
func (c *Checker) strayNotify(cl *call, b *binding, at ev, who string) {
	a := b.adapter
	for _, r := range a.past {
		if r.typ == cl.afType && r.state == regEnded && !(r.end.state == markReturned && r.end.ret.ts < cl.ts) {
			return // it ended while the notification was on its way
		}
	}
	if !c.knownAdapter(a) {
		c.skip(rule.NOTE03, reasonAssumed)
		r := c.newRegistration(cl)
		r.adapter, r.assumed, r.ret, r.label = a, true, cl.ev, 0
		r.step(regAccept)
		a.regs = append(a.regs, r)
		c.remember(b, r, cl.ev)
		return
	}
	// A due notification with the wrong type in it.
	for _, r := range a.regs {
		if ready, ok := r.ready(); ok && !r.ownedBy(b) && ready.n < cl.ev.n && b.complete.seen() && b.notice(r) == nil {
			c.check(rule.NOTE08)
			b.strays++
			c.report(rule.NOTE03, cl.ev, rule.NDIS, a, who,
				"a client was notified of "+ndis.AFType(cl.afType).String()+", which nobody has registered on the adapter, in place of "+ndis.AFType(r.typ).String(), r.enter).
				also(rule.NOTE08).since(a.born()).unlessHidden()
			return
		}
	}
	b.strays++
	f := c.report(rule.NOTE03, cl.ev, rule.NDIS, a, who,
		"a client was notified of "+ndis.AFType(cl.afType).String()+", which nobody has registered on the adapter", at).
		since(a.born()).unlessHidden()
	for _, r := range a.past {
		if r.typ != cl.afType {
			continue
		}
		f.Events = append(f.Events, r.enter.seq)
		switch {
		case r.state != regEnded:
			if f.Rule == rule.NOTE03 {
				f.Rule, f.Also = rule.REG15, []rule.ID{rule.NOTE03}
			}
		case r.b != nil && r.b.attempt != nil && r.b.attempt.hasStatus && r.b.attempt.status != ndis.StatusSuccess:
			f.Rule, f.Also = rule.REG17, []rule.ID{rule.REG12, rule.NOTE03}
			c.unclear(f, rule.AMB02, rule.Warning) // when a claim ends is our reading
		default:
			f.Rule, f.Also = rule.REG12, []rule.ID{rule.NOTE03}
			c.unclear(f, rule.AMB02, rule.Warning)
		}
	}
	f.Events = sorted(f.Events...)
}

func (c *Checker) remember(b *binding, r *registration, at ev) {
	if len(b.notified) >= 64 {
		kept := b.notified[:0]
		for _, n := range b.notified {
			if n.reg.id == n.id && n.reg.state != regEnded {
				kept = append(kept, n)
			}
		}
		b.notified = kept
	}
	b.notified = append(b.notified, notice{reg: r, id: r.id, at: at, n: 1})
}

// due says from which row on the client binding x was to be told of r, and whether it was
// bound first (edge E1) or the AF was there first (E2).
func (c *Checker) due(x *binding, r *registration) (at ev, bound bool, ok bool) {
	ready, isReady := r.readyWas()
	if !isReady || r.repeats || x == r.b || !x.valid() || !x.complete.seen() || x.driver == nil || x.driver == r.driver {
		return ev{}, false, false
	}
	isClient := c.hasRole(x.driver, roleClient) == yes ||
		c.opt.Strict.Has(rule.AMB04) && c.hasRole(x.driver, roleCallManager) == yes
	if !isClient || c.isCO(x.driver) == no {
		c.skip(rule.NOTE01, reasonRole)
		return ev{}, false, false
	}
	if !x.driver.upSeen || r.driver == nil || !r.driver.upSeen {
		c.skip(rule.NOTE01, reasonNoUpcalls)
		return ev{}, false, false
	}
	at, bound = ready, true
	if x.complete.n > ready.n {
		at, bound = x.complete, false
	}
	// Nobody says how soon a notification comes: one whose registration is withdrawn first
	// may never come, one whose client unbinds first is missing.
	gone := r.withdrawn()
	switch {
	case x.unbind.state != markNone:
		if x.unbind.enter.n < at.n || gone.state != markNone && (x.unbind.state != markReturned || gone.enter.n < x.unbind.ret.n) {
			return ev{}, false, false
		}
	case x.close.state != markNone || gone.state != markNone:
		return ev{}, false, false
	}
	return at, bound, true
}

// ends is the call that ends the claim.
func (r *registration) ends() *mark {
	if r.mcm {
		return &r.adapter.halt
	}
	return &r.b.close
}

// withdrawn is the call with which the owner of r begins to go.
func (r *registration) withdrawn() *mark {
	switch {
	case r.mcm:
		return &r.adapter.halt
	case r.b.unbind.state != markNone:
		return &r.b.unbind
	}
	return &r.b.close
}

// reassign gives r a notification that went to another claim of the same type beside it, or
// to one from before the trace, and is not owed there: its content does not say which of the two it was for.
func (c *Checker) reassign(x *binding, r *registration) bool {
	for i := range x.notified {
		n := &x.notified[i]
		if o := n.reg; o == r || o.id != n.id || o.af() != r.af() || !r.contested && !o.assumed {
			continue
		} else if _, _, owed := c.due(x, o); owed {
			continue
		}
		n.reg, n.id = r, r.id
		return true
	}
	return false
}

// told says that the binding was notified of an earlier claim of the same call manager.
func (b *binding) told(r *registration) bool {
	for i := range b.notified {
		if o := b.notified[i].reg; o.id == b.notified[i].id && o != r && o.typ == r.typ && o.driver == r.driver {
			return true
		}
	}
	return false
}

// missed reports that x was never told of r. over is the row that ended the wait, atEnd
// that the trace did.
func (c *Checker) missed(x *binding, r *registration, over ev, atEnd bool) {
	at, bound, ok := c.due(x, r)
	if !ok {
		return
	}
	id := rule.NOTE02
	if bound {
		id = rule.NOTE01
		if r.again && x.told(r) {
			id = rule.NOTE10
		}
	}
	c.check(id)
	if x.notice(r) != nil {
		return
	}
	if c.reassign(x, r) {
		return
	}
	if x.strays > 0 {
		x.strays-- // it came, but named another address family: NOTE-03 has it
		return
	}
	what, isClient := "the client", c.hasRole(x.driver, roleClient) == yes
	if !isClient {
		what = "a call manager"
	}
	f := c.report(id, at, rule.NDIS, r.adapter, c.who(x.label, x.driver),
		what+" was never notified of "+ndis.AFType(r.typ).String()+" of "+c.named(r), r.enter, r.ret, x.complete, over)
	if b := r.b; b != nil && b.attempt == nil || x.attempt == nil || !x.hasCtx {
		f.since(r.adapter.birth()) // whether the binds were complete, or whom a row names, is not known
	}
	if !isClient {
		c.unclear(f, rule.AMB04, rule.Error)
	}
	if id == rule.NOTE10 {
		f.also(rule.NOTE01)
	}
	if atEnd {
		f.untilEnd()
	}
}

// checkUnnotified looks, when the client binding x goes, for what it was never told of.
func (c *Checker) checkUnnotified(x *binding, over ev) {
	if x.adapter == nil {
		return
	}
	for _, r := range x.adapter.regs {
		c.missed(x, r, over, false)
	}
	for _, r := range x.adapter.past {
		if r.state == regEnded && r.end.enter.n > over.n {
			c.missed(x, r, over, false)
		}
	}
}

// checkREG09 looks, at its end, at a binding of a call manager that registers elsewhere.
func (c *Checker) checkREG09(b *binding) *finding {
	d := b.driver
	if d == nil || d.roles&roleCallManager == 0 || b.adapter == nil || b.adapter.co != yes || !b.complete.seen() {
		return nil
	}
	c.check(rule.REG09)
	if d.regs > 0 && !b.firstReg.seen() && d.roles&roleClient == 0 {
		return c.report(rule.REG09, b.complete, rule.CallManager, b.adapter, c.who(b.label, d),
			"the call manager registers address families on other bindings but not on this one", b.opened, b.close.enter)
	}
	return nil
}

func sorted(seqs ...uint64) []uint64 {
	out := make([]uint64, 0, len(seqs))
	for _, s := range seqs {
		if s != 0 {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
