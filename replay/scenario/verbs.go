package scenario

import (
	"strconv"
	"strings"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// Verb is a short word for a function.
type Verb struct {
	Word     string
	Function ndis.Func
	MCM      ndis.Func // what it is for a miniport call manager, if different
	Args     string    // what its arguments are: a adapter, f address family, o AF open, n OID, x SAP, VC or OID request
	Help     string
}

// Verbs are the short words of the language.
var Verbs = []Verb{
	{"init", ndis.MiniportInitializeEx, 0, "a", "the miniport comes up"},
	{"halt", ndis.MiniportHaltEx, 0, "a", "the miniport goes"},
	{"bind", ndis.ProtocolBindAdapterEx, 0, "a", "NDIS binds the driver, which opens the adapter"},
	{"bound", ndis.NdisCompleteBindAdapterEx, 0, "a", "the driver completes a pended bind"},
	{"open-adapter", ndis.NdisOpenAdapterEx, 0, "a", ""},
	{"adapter-opened", ndis.ProtocolOpenAdapterCompleteEx, 0, "a", "NDIS completes a pended open of the adapter"},
	{"unbind", ndis.ProtocolUnbindAdapterEx, 0, "a", "NDIS unbinds the driver, which closes the adapter"},
	{"unbound", ndis.NdisCompleteUnbindAdapterEx, 0, "a", "the driver completes a pended unbind"},
	{"close-adapter", ndis.NdisCloseAdapterEx, 0, "a", ""},
	{"adapter-closed", ndis.ProtocolCloseAdapterCompleteEx, 0, "a", "NDIS completes a pended close of the adapter"},
	{"unbind-me", ndis.NdisUnbindAdapter, 0, "a", "the driver asks to be unbound"},
	{"register", ndis.NdisCmRegisterAddressFamilyEx, ndis.NdisMCmRegisterAddressFamilyEx, "af", "the call manager claims an AF"},
	{"notify", ndis.ProtocolCoAfRegisterNotify, 0, "af", "NDIS tells the client of an AF"},
	{"open", ndis.NdisClOpenAddressFamilyEx, 0, "afo", "the client opens an AF; asks the call manager if no lines are below"},
	{"cm-open", ndis.ProtocolCmOpenAf, 0, "o", "NDIS asks the call manager to open"},
	{"cm-opened", ndis.NdisCmOpenAddressFamilyComplete, ndis.NdisMCmOpenAddressFamilyComplete, "o", "the call manager completes a pended open"},
	{"opened", ndis.ProtocolClOpenAfCompleteEx, 0, "o", "NDIS completes the client's pended open"},
	{"close", ndis.NdisClCloseAddressFamily, 0, "o", "the client closes the AF; asks the call manager if no lines are below"},
	{"cm-close", ndis.ProtocolCmCloseAf, 0, "o", "NDIS asks the call manager to close"},
	{"cm-closed", ndis.NdisCmCloseAddressFamilyComplete, ndis.NdisMCmCloseAddressFamilyComplete, "o", "the call manager completes a pended close"},
	{"closed", ndis.ProtocolClCloseAfComplete, 0, "o", "NDIS completes the client's pended close"},
	{"ask-close", ndis.NdisCmNotifyCloseAddressFamily, ndis.NdisMCmNotifyCloseAddressFamily, "o", "the call manager asks for the close; NDIS tells the client if no lines are below"},
	{"asked-close", ndis.ProtocolClNotifyCloseAf, 0, "o", "NDIS asks the client to close"},
	{"answer-close", ndis.NdisClNotifyCloseAddressFamilyComplete, 0, "o", "the client answers a pended request to close"},
	{"answered-close", ndis.ProtocolCmNotifyCloseAfComplete, 0, "o", "NDIS tells the call manager of the client's answer"},
	{"register-sap", ndis.NdisClRegisterSap, 0, "ox", "the client registers a SAP"},
	{"cm-register-sap", ndis.ProtocolCmRegisterSap, 0, "ox", "NDIS asks the call manager to register it"},
	{"cm-sap-registered", ndis.NdisCmRegisterSapComplete, ndis.NdisMCmRegisterSapComplete, "x", "the call manager completes a pended registration"},
	{"sap-registered", ndis.ProtocolClRegisterSapComplete, 0, "x", "NDIS completes the client's pended registration"},
	{"deregister-sap", ndis.NdisClDeregisterSap, 0, "x", "the client deregisters a SAP"},
	{"cm-deregister-sap", ndis.ProtocolCmDeregisterSap, 0, "x", "NDIS asks the call manager to deregister it"},
	{"cm-sap-deregistered", ndis.NdisCmDeregisterSapComplete, ndis.NdisMCmDeregisterSapComplete, "x", "the call manager completes a pended deregistration"},
	{"sap-deregistered", ndis.ProtocolClDeregisterSapComplete, 0, "x", "NDIS completes the client's pended deregistration"},
	{"oid", ndis.NdisCoOidRequest, ndis.NdisMCmOidRequest, "onx", "one side of an AF asks the other: AF, OID, name of the request"},
	{"oid-asked", ndis.ProtocolCoOidRequest, 0, "onx", "NDIS passes the request on"},
	{"oid-answered", ndis.NdisCoOidRequestComplete, ndis.NdisMCmOidRequestComplete, "ox", "the other side completes a pended request"},
	{"oid-done", ndis.ProtocolCoOidRequestComplete, 0, "ox", "NDIS tells who asked"},
	{"miniport-oid", ndis.NdisCoOidRequest, 0, "anx", "a protocol asks the miniport: adapter, OID, name of the request"},
	{"miniport-oid-asked", ndis.MiniportCoOidRequest, 0, "anx", "NDIS passes the request on"},
	{"miniport-oid-answered", ndis.NdisMCoOidRequestComplete, 0, "ax", "the miniport completes a pended request"},
	{"miniport-oid-done", ndis.ProtocolCoOidRequestComplete, 0, "x", "NDIS tells the protocol"},
	{"unload", ndis.NdisDeregisterProtocolDriver, 0, "", "the protocol driver deregisters"},
	{"create-vc", ndis.NdisCoCreateVc, ndis.NdisMCmCreateVc, "ox", "one side of an AF creates a VC; the miniport and the other side are asked if no lines are below"},
	{"create-signaling-vc", ndis.NdisCoCreateVc, 0, "ax", "a call manager creates a VC for itself"},
	{"co-create-vc", ndis.ProtocolCoCreateVc, 0, "x", "NDIS asks the other side to create its part"},
	{"mp-create-vc", ndis.MiniportCoCreateVc, 0, "x", "NDIS asks the miniport to"},
	{"delete-vc", ndis.NdisCoDeleteVc, ndis.NdisMCmDeleteVc, "x", "its creator deletes a VC; the others are asked if no lines are below"},
	{"co-delete-vc", ndis.ProtocolCoDeleteVc, 0, "x", "NDIS asks the other side to delete its part"},
	{"mp-delete-vc", ndis.MiniportCoDeleteVc, 0, "x", "NDIS asks the miniport to"},
	{"activate", ndis.NdisCmActivateVc, ndis.NdisMCmActivateVc, "x", "the call manager activates a VC; the miniport is asked if no lines are below"},
	{"mp-activate", ndis.MiniportCoActivateVc, 0, "x", "NDIS asks the miniport to activate"},
	{"mp-activated", ndis.NdisMCoActivateVcComplete, 0, "x", "the miniport completes a pended activation"},
	{"activated", ndis.ProtocolCmActivateVcComplete, 0, "x", "NDIS completes the call manager's pended activation"},
	{"deactivate", ndis.NdisCmDeactivateVc, ndis.NdisMCmDeactivateVc, "x", "the same for the deactivation"},
	{"mp-deactivate", ndis.MiniportCoDeactivateVc, 0, "x", ""},
	{"mp-deactivated", ndis.NdisMCoDeactivateVcComplete, 0, "x", ""},
	{"deactivated", ndis.ProtocolCmDeactivateVcComplete, 0, "x", ""},
	{"make-call", ndis.NdisClMakeCall, 0, "x", "the client makes a point-to-point call; the call manager is asked, and activates the VC if that is to succeed"},
	{"make-multipoint-call", ndis.NdisClMakeCall, 0, "xx", "the same with its first party"},
	{"cm-make-call", ndis.ProtocolCmMakeCall, 0, "xp", "NDIS asks the call manager; with the party of a multipoint call"},
	{"call-made", ndis.NdisCmMakeCallComplete, ndis.NdisMCmMakeCallComplete, "xp", "the call manager completes a pended make-call"},
	{"told-made", ndis.ProtocolClMakeCallComplete, 0, "xp", "NDIS completes the client's pended make-call"},
	{"dispatch", ndis.NdisCmDispatchIncomingCall, ndis.NdisMCmDispatchIncomingCall, "xx", "the call manager offers a call: SAP, VC; the client is told"},
	{"incoming", ndis.ProtocolClIncomingCall, 0, "xx", "NDIS offers the call to the client: SAP, VC"},
	{"accept", ndis.NdisClIncomingCallComplete, 0, "x", "the client answers a pended offer; with a failure it rejects the call"},
	{"accepted", ndis.ProtocolCmIncomingCallComplete, 0, "x", "NDIS tells the call manager of the answer"},
	{"connect", ndis.NdisCmDispatchCallConnected, ndis.NdisMCmDispatchCallConnected, "x", "the call manager reports that the call is connected; the client is told"},
	{"connected", ndis.ProtocolClCallConnected, 0, "x", ""},
	{"close-call", ndis.NdisClCloseCall, 0, "x", "the client closes its call; the call manager is asked, and deactivates the VC if that is to succeed"},
	{"close-party", ndis.NdisClCloseCall, 0, "xx", "the same with the last party"},
	{"cm-close-call", ndis.ProtocolCmCloseCall, 0, "x", "NDIS asks the call manager to close the call"},
	{"call-closed", ndis.NdisCmCloseCallComplete, ndis.NdisMCmCloseCallComplete, "x", "the call manager completes a pended close"},
	{"told-closed", ndis.ProtocolClCloseCallComplete, 0, "x", "NDIS completes the client's pended close"},
	{"hang-up", ndis.NdisCmDispatchIncomingCloseCall, ndis.NdisMCmDispatchIncomingCloseCall, "x", "the call manager reports that the other end hung up; the client is told. The status is the CloseStatus"},
	{"hung-up", ndis.ProtocolClIncomingCloseCall, 0, "x", ""},
	{"modify", ndis.NdisClModifyCallQoS, 0, "x", "the client asks for another QoS; the call manager is asked, and activates the VC anew"},
	{"cm-modify", ndis.ProtocolCmModifyCallQoS, 0, "x", ""},
	{"modified", ndis.NdisCmModifyCallQoSComplete, ndis.NdisMCmModifyCallQoSComplete, "x", "the call manager completes a pended change"},
	{"told-modified", ndis.ProtocolClModifyCallQoSComplete, 0, "x", "NDIS completes the client's pended change"},
	{"change-qos", ndis.NdisCmDispatchIncomingCallQoSChange, ndis.NdisMCmDispatchIncomingCallQoSChange, "x", "the call manager reports another QoS; the client is told"},
	{"qos-changed", ndis.ProtocolClIncomingCallQoSChange, 0, "x", ""},
	{"add-party", ndis.NdisClAddParty, 0, "xx", "the client adds a party: VC, party; the call manager is asked"},
	{"cm-add-party", ndis.ProtocolCmAddParty, 0, "xx", ""},
	{"party-added", ndis.NdisCmAddPartyComplete, ndis.NdisMCmAddPartyComplete, "x", "the call manager completes a pended add-party"},
	{"told-added", ndis.ProtocolClAddPartyComplete, 0, "x", "NDIS completes the client's pended add-party"},
	{"drop-party", ndis.NdisClDropParty, 0, "x", "the client drops a party; the call manager is asked"},
	{"cm-drop-party", ndis.ProtocolCmDropParty, 0, "x", ""},
	{"party-dropped", ndis.NdisCmDropPartyComplete, ndis.NdisMCmDropPartyComplete, "x", "the call manager completes a pended drop-party"},
	{"told-dropped", ndis.ProtocolClDropPartyComplete, 0, "x", "NDIS completes the client's pended drop-party"},
	{"dispatch-drop", ndis.NdisCmDispatchIncomingDropParty, ndis.NdisMCmDispatchIncomingDropParty, "x", "the call manager reports that a party left; the client is told"},
	{"incoming-drop", ndis.ProtocolClIncomingDropParty, 0, "x", ""},
	{"send", ndis.NdisCoSendNetBufferLists, 0, "x", "the client sends on a VC"},
	{"sent", ndis.ProtocolCoSendNetBufferListsComplete, 0, "x", "NDIS gives the client its buffers back"},
	{"mp-send", ndis.MiniportCoSendNetBufferLists, 0, "x", "NDIS passes the buffers to the miniport"},
	{"mp-sent", ndis.NdisMCoSendNetBufferListsComplete, 0, "x", "the miniport completes a send"},
	{"receive", ndis.NdisMCoIndicateReceiveNetBufferLists, 0, "x", "the miniport indicates data"},
}

// Usage names the arguments of v.
func (v *Verb) Usage() string {
	var words []string
	for _, kind := range v.Args {
		words = append(words, map[rune]string{'a': "ADAPTER", 'f': "AF", 'o': "OPEN", 'n': "OID", 'x': "NAME", 'p': "[PARTY]"}[kind])
	}
	return strings.Join(words, " ")
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}

func verb(word string) *Verb {
	for i := range Verbs {
		if Verbs[i].Word == word {
			return &Verbs[i]
		}
	}
	return nil
}

// says whether one of the lines has the word.
func says(lines []*step, word string) bool {
	for _, l := range lines {
		if l.word == word {
			return true
		}
	}
	return false
}

// usual gives the steps that run inside s: the lines below it, and what goes without saying.
func (c *compiler) usual(s *step) []*step {
	sub := func(driver, word string, status string, args ...string) []*step {
		return []*step{{line: s.line, form: ':', driver: driver, thread: s.thread, word: word, args: args, status: status}}
	}
	failed := s.status != "" && s.status != "SUCCESS" && s.status != "PENDING"
	switch {
	case s.word == "bind" && !failed && !says(s.below, "open-adapter"):
		return append(sub(s.driver, "open-adapter", "", s.args[0]), s.below...)
	case s.word == "unbind" && s.status != "PENDING" && !says(s.below, "close-adapter"):
		return append(append([]*step(nil), s.below...), sub(s.driver, "close-adapter", "", s.args[0])...)
	case len(s.below) > 0:
		return s.below
	}
	switch s.word {
	case "open":
		if o := c.opens[s.args[2]]; !failed && o != nil && o.manager != "" {
			return sub(o.manager, "cm-open", s.status, s.args[2])
		}
	case "close":
		if o := c.opens[s.args[0]]; !failed && o != nil && o.manager != "" {
			return sub(o.manager, "cm-close", s.status, s.args[0])
		}
	case "ask-close":
		if o := c.opens[s.args[0]]; !failed && o != nil && o.client != "" {
			return sub(o.client, "asked-close", s.status, s.args[0])
		}
	}
	return c.usualCall(s, sub)
}

// enter emits the entry of a step.
func (c *compiler) enter(s *step, t *thread) error {
	oc, err := c.prepare(s, t)
	if err != nil {
		return err
	}
	return c.commit(oc, t)
}

// prepare makes the entry of a step, without the columns that it sets by name.
func (c *compiler) prepare(s *step, t *thread) (*openCall, error) {
	d := c.drivers[s.driver]
	oc := &openCall{step: s}
	e := &oc.e
	e.Phase, e.TID, e.PID = format.PhaseEnter, t.id, 4
	e.Has = format.HasTID | format.HasCallID | format.HasIRQL | format.HasPID
	d.tag(e)
	if s.form == '=' || s.word == "row" {
		e.Phase, e.Has = format.PhaseEvent, e.Has&^format.HasCallID
	} else {
		c.callID++
		e.CallID = c.callID
	}
	if v := verb(s.word); v != nil {
		e.Function = v.Function
		if v.MCM != 0 && d.miniport {
			e.Function = v.MCM
		}
		if len(s.args) != len(v.Args) && !(len(s.args) == len(v.Args)-1 && v.Args[len(s.args)] == 'p') {
			return nil, c.fail(s.line, "%s takes %s, not %d: %s", v.Word, counted(len(v.Args), "argument"), len(s.args), v.Usage())
		}
		if err := c.fill(s, d, v, oc); err != nil {
			return nil, err
		}
	} else if s.word == "row" {
		if err := c.anyRow(s, e); err != nil {
			return nil, err
		}
	} else if e.Function = ndis.Lookup(s.word); e.Function == ndis.FuncUnknown && s.word != unknownFunction {
		return nil, c.fail(s.line, "%q is neither a verb nor a function of the vocabulary", s.word)
	} else if len(s.args) > 0 {
		return nil, c.fail(s.line, "a function by its name takes key=value only")
	}
	for _, kv := range c.defaults {
		_ = c.set(e, kv) // they were tried when they were given
	}
	return oc, nil
}

// commit emits the entry that prepare made.
func (c *compiler) commit(oc *openCall, t *thread) error {
	s, e := oc.step, &oc.e
	for _, kv := range s.keys {
		if k, ok := strings.CutPrefix(kv.key, "<"); ok {
			oc.ret = append(oc.ret, keyValue{k, kv.value})
		} else if err := c.set(e, kv); err != nil {
			return c.fail(s.line, "%v", err)
		}
	}
	oc.rows = append(oc.rows, c.emit(*e))
	if oc.take != nil {
		oc.take(e)
	}
	if e.Phase == format.PhaseEnter && s.word != "row" {
		t.calls = append(t.calls, oc)
	}
	return nil
}

// leave emits the return of the innermost call of the thread.
func (c *compiler) leave(s *step, t *thread) error {
	oc := t.calls[len(t.calls)-1]
	t.calls = t.calls[:len(t.calls)-1]
	e, ok, err := c.prepareReturn(oc, s)
	if err != nil {
		return err
	}
	if ok {
		keys := oc.ret
		if s != oc.step {
			keys = append(keys, s.keys...)
		}
		if err := c.commitReturn(oc, s, e, keys); err != nil {
			return err
		}
	}
	c.mark(oc, s)
	return nil
}

// prepareReturn makes the return row of a call, without the columns that are set by name. It
// says whether there is one.
func (c *compiler) prepareReturn(oc *openCall, s *step) (e format.Event, ok bool, err error) {
	e = oc.e
	e.Phase, e.Detail = format.PhaseReturn, ""
	e.Has &= rowFields
	status := s.status
	if status == "" {
		status = oc.step.status
	}
	if status == "" {
		status = "SUCCESS"
	}
	if status == "none" {
		return e, false, nil // it never returns
	}
	if st, err := ndis.ParseStatus(status); err != nil {
		return e, false, c.fail(s.line, "%v", err)
	} else if returnsStatus(e.Function) {
		e.Status, e.Has = uint32(st), e.Has|format.HasStatus
	}
	if oc.out != nil {
		oc.out(&e, status)
	}
	return e, true, nil
}

func (c *compiler) commitReturn(oc *openCall, s *step, e format.Event, keys []keyValue) error {
	for _, kv := range keys {
		if err := c.set(&e, kv); err != nil {
			return c.fail(s.line, "%v", err)
		}
	}
	oc.rows = append(oc.rows, c.emit(e))
	if oc.take != nil {
		oc.take(&e)
	}
	return nil
}

// unknownFunction is the word for a row whose function is not of the vocabulary.
const unknownFunction = "unknown-function"

// anyRow reads the arguments of "row".
func (c *compiler) anyRow(s *step, e *format.Event) error {
	if len(s.args) != 2 {
		return c.fail(s.line, "row takes a phase and a function: row return NdisClOpenAddressFamilyEx")
	}
	switch s.args[0] {
	case "enter":
		e.Phase = format.PhaseEnter
	case "return":
		e.Phase = format.PhaseReturn
	case "event":
	default:
		return c.fail(s.line, "phase %q is none of enter, return, event", s.args[0])
	}
	if e.Function = ndis.Lookup(s.args[1]); e.Function == ndis.FuncUnknown && s.args[1] != unknownFunction {
		return c.fail(s.line, "%q is not a function of the vocabulary", s.args[1])
	}
	return nil
}

// single emits a row that stands for itself.
func (c *compiler) single(s *step, t *thread) error {
	oc, err := c.prepare(s, t)
	if err != nil {
		return err
	}
	if s.status != "" {
		st, err := ndis.ParseStatus(s.status)
		if err != nil {
			return c.fail(s.line, "%v", err)
		}
		oc.e.Status, oc.e.Has = uint32(st), oc.e.Has|format.HasStatus
	}
	if err := c.commit(oc, t); err != nil {
		return err
	}
	c.mark(oc, s)
	return nil
}

func returnsStatus(fn ndis.Func) bool { return !fn.Info().Returns.Void }

func (c *compiler) mark(oc *openCall, s *step) {
	list := oc.step.marks
	if s != oc.step {
		list = append(append([]string(nil), list...), s.marks...)
	}
	for _, m := range list {
		rule, unsure := strings.CutSuffix(m, "?")
		c.s.Marks = append(c.s.Marks, Mark{Line: oc.step.line, Rule: rule, Inconclusive: unsure, Rows: oc.rows})
	}
}

// fill sets the columns of a verb from its arguments.
func (c *compiler) fill(s *step, d *driver, v *Verb, oc *openCall) error {
	e := &oc.e
	var a *adapter
	var o *open
	var extra string
	var oid uint64
	for i, kind := range v.Args[:len(s.args)] {
		arg := s.args[i]
		switch kind {
		case 'a':
			if a = c.adapters[arg]; a == nil {
				return c.fail(s.line, "adapter %q is not declared: write \"adapter %s\" first", arg, arg)
			}
		case 'f':
			af, err := parseAF(arg)
			if err != nil {
				return c.fail(s.line, "%v", err)
			}
			e.AFType, e.AFMajor, e.AFMinor = af[0], af[1], af[2]
			e.Has |= format.HasAFType | format.HasAFMajor | format.HasAFMinor
		case 'o':
			if o = c.opens[arg]; o == nil {
				o = &open{name: arg, handle: c.word(arg), clientCtx: c.word(arg + ".ctx"), managerCtx: c.word(arg + ".cm")}
				c.opens[arg] = o
			}
		case 'n':
			n, err := strconv.ParseUint(arg, 0, 32)
			if err != nil {
				return c.fail(s.line, "%q is not an OID", arg)
			}
			oid = n
		case 'x':
			extra = arg
		}
	}
	context := func(v uint64) { e.Context, e.Has = v, e.Has|format.HasContext }
	detail := func(text string) { e.Detail, e.Has = text, e.Has|format.HasDetail }
	status := func() {
		st := s.status
		if st == "" {
			st = "SUCCESS"
		}
		if code, err := ndis.ParseStatus(st); err == nil {
			e.Status, e.Has = uint32(code), e.Has|format.HasStatus
		}
	}
	request := func() {
		detail(`{"oid_request":"` + hex(c.word(extra)) + `"}`)
		if oid != 0 {
			detail(`{"oid":` + strconv.FormatUint(oid, 10) + `,"oid_request":"` + hex(c.word(extra)) + `"}`)
		}
	}
	bindingContext := func() uint64 {
		if d.contexts[a.name] == 0 {
			d.contexts[a.name] = c.word(d.name + "@" + a.name + ".ctx")
		}
		return d.contexts[a.name]
	}
	withAdapter := func() { e.Adapter, e.Has = a.handle, e.Has|format.HasAdapter }
	withBinding := func() {
		h := d.bindings[a.name]
		if h == 0 {
			h = c.word(d.name + "@" + a.name)
			d.bindings[a.name] = h
		}
		e.Binding, e.Has = h, e.Has|format.HasBinding
	}
	withAF := func() { e.AF, e.Has = o.handle, e.Has|format.HasAF }
	bindID := func() string { return hex(c.word(d.name + "@" + a.name + ".bind")) }
	unbindID := func() string { return hex(c.word(d.name + "@" + a.name + ".unbind")) }
	switch v.Word {
	case "init":
		withAdapter()
		co, role := "true", "miniport"
		switch a.role {
		case "legacy":
			co = "false"
		case "mcm":
			role = "mcm"
		}
		detail(`{"co":` + co + `,"miniport_context":"` + hex(a.context) + `","role":"` + role + `"}`)
	case "halt":
		context(a.context)
	case "bind":
		withAdapter()
		c.call(d.name+"@"+a.name+".bind", c.handle())
		detail(`{"bind_context":"` + bindID() + `"}`)
	case "bound":
		detail(`{"bind_context":"` + bindID() + `"}`)
		status()
	case "open-adapter":
		withAdapter()
		d.contexts[a.name] = c.call(d.name+"@"+a.name+".ctx", c.handle())
		context(bindingContext())
		detail(`{"bind_context":"` + bindID() + `","protocol":"` + hex(d.protocol) + `"}`)
		d.bindings[a.name] = c.call(d.name+"@"+a.name, c.handle())
		oc.out = func(r *format.Event, st string) {
			if st == "SUCCESS" || st == "PENDING" {
				r.Binding, r.Has = d.bindings[a.name], r.Has|format.HasBinding
			}
		}
		oc.take = func(r *format.Event) {
			switch {
			case r.Phase == format.PhaseEnter && r.Has&format.HasContext != 0:
				d.contexts[a.name] = r.Context
			case r.Phase == format.PhaseReturn && r.Has&format.HasBinding != 0:
				d.bindings[a.name] = r.Binding
				c.call(d.name+"@"+a.name, r.Binding)
			}
		}
	case "adapter-opened", "adapter-closed":
		context(bindingContext())
		if v.Word == "adapter-opened" {
			status()
		}
	case "unbind":
		context(bindingContext())
		c.call(d.name+"@"+a.name+".unbind", c.handle())
		detail(`{"unbind_context":"` + unbindID() + `"}`)
	case "unbound":
		detail(`{"unbind_context":"` + unbindID() + `"}`)
	case "close-adapter", "unbind-me":
		withBinding()
	case "register":
		if d.miniport {
			withAdapter()
		} else {
			withBinding()
		}
		if s.status == "" || s.status == "SUCCESS" {
			typ := e.AFType
			oc.out = func(*format.Event, string) { a.regs[typ] = d.name }
		}
	case "notify":
		context(bindingContext())
	case "open":
		withBinding()
		o.client, o.adapter, o.manager = d.name, a.name, a.regs[e.AFType]
		o.af = [3]uint32{e.AFType, e.AFMajor, e.AFMinor}
		context(o.clientCtx)
		oc.take = func(r *format.Event) {
			if r.Phase == format.PhaseEnter && r.Has&format.HasContext != 0 {
				o.clientCtx = r.Context
			}
		}
		oc.out = func(r *format.Event, st string) {
			o.status = st
			if st == "SUCCESS" {
				r.AF, r.Has = o.handle, r.Has|format.HasAF
			}
		}
	case "cm-open":
		if o.adapter == "" {
			return c.fail(s.line, "AF open %q is not known: a client opens it first", o.name)
		}
		a = c.adapters[o.adapter]
		o.manager = d.name
		e.AFType, e.AFMajor, e.AFMinor = o.af[0], o.af[1], o.af[2]
		e.Has |= format.HasAFType | format.HasAFMajor | format.HasAFMinor
		withAF()
		if d.miniport {
			context(a.context)
		} else {
			context(bindingContext())
		}
		oc.take = func(r *format.Event) {
			switch {
			case r.Phase == format.PhaseEnter && r.Has&format.HasAF != 0 && r.AF != 0:
				o.handle = r.AF
			case r.Phase == format.PhaseReturn && r.Has&format.HasContext != 0 && r.Context != 0:
				o.managerCtx = r.Context
			}
		}
		oc.out = func(r *format.Event, st string) {
			if st == "SUCCESS" {
				r.Context, r.Has = o.managerCtx, r.Has|format.HasContext
			}
		}
	case "cm-opened":
		withAF()
		status()
		context(o.managerCtx)
	case "opened":
		context(o.clientCtx)
		status()
		e.Has |= format.HasAF
		if e.Status == uint32(ndis.StatusSuccess) {
			e.AF = o.handle
		}
		detail(`{"caller":"ndis"}`)
	case "close", "ask-close":
		withAF()
	case "cm-close":
		context(o.managerCtx)
	case "cm-closed", "answer-close":
		withAF()
		status()
	case "closed":
		context(o.clientCtx)
		status()
		detail(`{"caller":"ndis"}`)
	case "asked-close":
		context(o.clientCtx)
	case "answered-close":
		context(o.managerCtx)
		status()
	case "register-sap":
		withAF()
		context(c.word(extra + ".ctx"))
		oc.out = func(r *format.Event, st string) {
			if st == "SUCCESS" || st == "PENDING" {
				r.SAP, r.Has = c.word(extra), r.Has|format.HasSAP
			}
		}
	case "deregister-sap":
		e.SAP, e.Has = c.word(extra), e.Has|format.HasSAP
	case "cm-register-sap":
		context(o.managerCtx)
		e.SAP, e.Has = c.word(extra), e.Has|format.HasSAP
		oc.out = func(r *format.Event, st string) {
			if st == "SUCCESS" {
				r.Context, r.Has = c.word(extra+".cm"), r.Has|format.HasContext
			}
		}
	case "cm-sap-registered", "cm-sap-deregistered":
		e.SAP, e.Has = c.word(extra), e.Has|format.HasSAP
		if v.Word == "cm-sap-registered" {
			context(c.word(extra + ".cm"))
		}
		status()
	case "cm-deregister-sap":
		context(c.word(extra + ".cm"))
	case "sap-registered", "sap-deregistered":
		context(c.word(extra + ".ctx"))
		status()
		if v.Word == "sap-registered" {
			e.Has |= format.HasSAP
			if e.Status == uint32(ndis.StatusSuccess) {
				e.SAP = c.word(extra)
			}
		}
		detail(`{"caller":"ndis"}`)
	case "oid":
		withAF()
		if a = c.adapters[o.adapter]; a != nil && !d.miniport {
			withBinding()
		}
		request()
	case "oid-asked", "oid-done":
		if d.name == o.client {
			context(o.clientCtx)
		} else {
			context(o.managerCtx)
		}
		request()
		if v.Word == "oid-done" {
			status()
			e.Detail = `{"caller":"ndis",` + e.Detail[1:]
		}
	case "oid-answered":
		withAF()
		request()
		status()
	case "miniport-oid":
		withBinding()
		e.Has |= format.HasAF | format.HasParty
		request()
	case "miniport-oid-asked":
		withAdapter()
		context(a.context)
		request()
	case "miniport-oid-answered":
		withAdapter()
		request()
		status()
	case "miniport-oid-done":
		request()
		status()
		e.Detail = `{"caller":"ndis",` + e.Detail[1:]
	case "unload":
		detail(`{"protocol":"` + hex(d.protocol) + `"}`)
	default:
		c.fillCall(s, d, v, oc, a, o)
	}
	return nil
}

func parseAF(text string) ([3]uint32, error) {
	name, version, has := strings.Cut(text, "/")
	af := [3]uint32{0, 1, 0}
	t, err := ndis.ParseAFType(name)
	if err != nil {
		return af, err
	}
	af[0] = uint32(t)
	if has {
		major, minor, _ := strings.Cut(version, ".")
		for i, p := range []string{major, minor} {
			if p == "" {
				continue
			}
			n, err := strconv.ParseUint(p, 0, 32)
			if err != nil {
				return af, errf("%q is not a version such as 1.0", version)
			}
			af[i+1] = uint32(n)
		}
	}
	return af, nil
}
