package replay

import "github.com/aftrace/aftrace/replay/rule"

// The state machines of the objects as data. Each kind of object has one table: from
// a state, by an event, to the next state. Wherever the replay changes the state of an object
// it asks the table (step), so that what the tables say is what happens. An event that a
// table does not list in a state leaves the state as it is, so that one defect gives one
// finding; an entry that lists rules is one that a driver or NDIS breaks them by, and says
// where the object is afterwards.
//
// A pended request of any kind is an op; an interval between two calls that end each other,
// like that from NdisRegisterProtocolDriver to its return, is a mark.

// machine is the table of one kind of object.
type machine struct {
	id      int
	name    string
	states  []string
	events  []string
	next    [256]uint8 // at state<<4 | event
	fault   [256]opFault
	entries []entry
	others  map[uint8][]rule.ID
}

// entry is one line of a table.
type entry struct {
	state, event, next uint8
	fault              opFault
	breaks             []rule.ID
}

// machines are all the tables.
var machines []*machine

// coverage counts, if it is there, how often each entry is reached.
var coverage *[numMachines][256]uint64

const numMachines = 10

func newMachine(name string, states, events []string, entries []entry) *machine {
	if len(states) > 16 || len(events) > 16 || len(machines) == numMachines {
		panic("replay: table " + name + " is too large")
	}
	m := &machine{id: len(machines), name: name, states: states, events: events, entries: entries}
	for i := range m.next {
		m.next[i] = uint8(i >> 4)
	}
	for _, e := range entries {
		i := e.state<<4 | e.event
		m.next[i], m.fault[i] = e.next, e.fault
	}
	machines = append(machines, m)
	return m
}

// otherwise names the rules that an event breaks in the states that do not list it.
func (m *machine) otherwise(event uint8, ids ...rule.ID) *machine {
	if m.others == nil {
		m.others = map[uint8][]rule.ID{}
	}
	m.others[event] = ids
	return m
}

// step is the state that event leads to from state.
func (m *machine) step(state, event uint8) uint8 {
	i := state<<4 | event
	if coverage != nil {
		coverage[m.id][i]++
	}
	return m.next[i]
}

// TransitionEntry is one line of a transition table of the replay.
type TransitionEntry struct {
	Kind   string    // of object
	State  string    // it is in
	Event  string    // that comes
	Next   string    // state it is in then; empty where it stays as it is
	Breaks []rule.ID // rules that the event breaks in this state; most break none
	Count  uint64    // how often it was reached
}

// Transitions lists the tables that the replay is driven by.
func Transitions() []TransitionEntry {
	var list []TransitionEntry
	for _, m := range machines {
		for _, e := range m.entries {
			x := TransitionEntry{Kind: m.name, State: m.states[e.state], Event: m.events[e.event], Next: m.states[e.next], Breaks: e.breaks}
			if coverage != nil {
				x.Count = coverage[m.id][e.state<<4|e.event]
			}
			list = append(list, x)
		}
		for e, name := range m.events {
			if ids := m.others[uint8(e)]; len(ids) > 0 {
				list = append(list, TransitionEntry{Kind: m.name, State: OtherState, Event: name, Breaks: ids})
			}
		}
	}
	return list
}

// OtherState stands for the states in which a table does not list an event.
const OtherState = "any other"

// CountTransitions makes all Checkers count which entries of the tables they reach, until
// stop is called, which gives the tables with the counts. It is for tests: nothing may be
// replayed while it or stop is called, and only one Checker at a time in between.
func CountTransitions() (stop func() []TransitionEntry) {
	coverage = new([numMachines][256]uint64)
	return func() []TransitionEntry {
		list := Transitions()
		coverage = nil
		return list
	}
}

// --- AF open ---

type afState uint8

const (
	afNone    afState = iota
	afCalled          // the client asked, nothing decided
	afOpening         // the call manager was asked
	afOpened
	afClosing
	afClosed
	afDead // the open failed
)

type afEvent uint8

const (
	afAsk         afEvent = iota // NdisClOpenAddressFamilyEx is entered
	afAssume                     // a handle from before the trace
	afUpcall                     // ProtocolCmOpenAf is entered
	afGiven                      // the client, or where its half is not seen the call manager, says SUCCESS
	afRefused                    // it says failure
	afOpenLost                   // how the open was answered is not in the trace
	afClose                      // NdisClCloseAddressFamily is entered
	afCloseDone                  // the client is told that the AF is closed, or may have been
	afCloseFailed                // the client is told that it is not (AMB-07)
)

var afMachine = newMachine("AF open",
	[]string{"none", "called", "opening", "open", "closing", "closed", "dead"},
	[]string{"open called", "assumed", "ProtocolCmOpenAf", "open succeeds", "open fails", "outcome of open unknown",
		"close called", "close ends", "close fails"},
	[]entry{
		{state: uint8(afNone), event: uint8(afAsk), next: uint8(afCalled)},
		{state: uint8(afNone), event: uint8(afAssume), next: uint8(afOpened)},
		{state: uint8(afNone), event: uint8(afUpcall), next: uint8(afOpening)},
		{state: uint8(afCalled), event: uint8(afUpcall), next: uint8(afOpening)},
		{state: uint8(afCalled), event: uint8(afGiven), next: uint8(afOpened)},
		{state: uint8(afCalled), event: uint8(afRefused), next: uint8(afDead)},
		{state: uint8(afCalled), event: uint8(afOpenLost), next: uint8(afOpened)},
		{state: uint8(afOpening), event: uint8(afGiven), next: uint8(afOpened)},
		{state: uint8(afOpening), event: uint8(afRefused), next: uint8(afDead)},
		{state: uint8(afOpening), event: uint8(afClose), next: uint8(afClosing)},
		{state: uint8(afOpened), event: uint8(afGiven), next: uint8(afOpened)},
		{state: uint8(afOpened), event: uint8(afRefused), next: uint8(afDead), breaks: []rule.ID{rule.OPEN13, rule.OPEN14}},
		{state: uint8(afOpened), event: uint8(afClose), next: uint8(afClosing)},
		{state: uint8(afClosing), event: uint8(afCloseDone), next: uint8(afClosed)},
		{state: uint8(afClosing), event: uint8(afCloseFailed), next: uint8(afOpened)},
	}).
	otherwise(uint8(afUpcall), rule.OPEN05).
	otherwise(uint8(afGiven), rule.OPEN13, rule.OPEN14).
	otherwise(uint8(afRefused), rule.OPEN13, rule.OPEN14).
	otherwise(uint8(afClose), rule.CLOSE03).
	otherwise(uint8(afCloseDone), rule.CLOSE18).
	otherwise(uint8(afCloseFailed), rule.CLOSE18)

func (o *afOpen) step(e afEvent) { o.state = afState(afMachine.step(uint8(o.state), uint8(e))) }

// --- AF registration ---

type regState uint8

const (
	regCalling regState = iota
	regLive
	regUnknown // its outcome is not in the trace
	regFailed
	regEnded
)

type regEvent uint8

const (
	regAccept regEvent = iota // Ndis(M)CmRegisterAddressFamilyEx returned SUCCESS
	regRefuse                 // it returned a failure
	regLost                   // what it returned is not in the trace
	regEnd                    // the owner closed its binding, or was halted
)

var regMachine = newMachine("AF registration",
	[]string{"calling", "registered", "unknown", "failed", "ended"},
	[]string{"SUCCESS", "failure", "outcome unknown", "owner gone"},
	[]entry{
		{state: uint8(regCalling), event: uint8(regAccept), next: uint8(regLive)},
		{state: uint8(regCalling), event: uint8(regRefuse), next: uint8(regFailed)},
		{state: uint8(regCalling), event: uint8(regLost), next: uint8(regUnknown)},
		{state: uint8(regLive), event: uint8(regEnd), next: uint8(regEnded)},
		{state: uint8(regUnknown), event: uint8(regEnd), next: uint8(regEnded)},
	})

func (r *registration) step(e regEvent) {
	r.state = regState(regMachine.step(uint8(r.state), uint8(e)))
}

// --- call ---

type callState uint8

const (
	callIdle callState = iota
	callOut            // being made
	callOffered
	callAccepted
	callConnected
	callUnknown
)

type callEvent uint8

const (
	callMake     callEvent = iota // NdisClMakeCall is entered
	callDispatch                  // Ndis(M)CmDispatchIncomingCall is entered
	callMade                      // the make-call succeeded
	callAccept                    // the client took the offer
	callConnect                   // Ndis(M)CmDispatchCallConnected
	callEnd                       // closed, refused or failed
	callLost                      // what happened to it is not in the trace
)

var callMachine = newMachine("call",
	[]string{"idle", "out", "offered", "accepted", "connected", "unknown"},
	[]string{"make-call", "dispatch", "made", "accepted", "connected", "ended", "not seen"},
	[]entry{
		{state: uint8(callIdle), event: uint8(callMake), next: uint8(callOut)},
		{state: uint8(callIdle), event: uint8(callDispatch), next: uint8(callOffered)},
		{state: uint8(callIdle), event: uint8(callLost), next: uint8(callUnknown)},
		{state: uint8(callOut), event: uint8(callMade), next: uint8(callConnected)},
		{state: uint8(callOut), event: uint8(callEnd), next: uint8(callIdle)},
		{state: uint8(callOut), event: uint8(callLost), next: uint8(callUnknown)},
		{state: uint8(callOffered), event: uint8(callAccept), next: uint8(callAccepted)},
		{state: uint8(callOffered), event: uint8(callConnect), next: uint8(callConnected), breaks: []rule.ID{rule.CALL09}},
		{state: uint8(callOffered), event: uint8(callEnd), next: uint8(callIdle)},
		{state: uint8(callOffered), event: uint8(callLost), next: uint8(callUnknown)},
		{state: uint8(callAccepted), event: uint8(callConnect), next: uint8(callConnected)},
		{state: uint8(callAccepted), event: uint8(callEnd), next: uint8(callIdle)},
		{state: uint8(callAccepted), event: uint8(callLost), next: uint8(callUnknown)},
		{state: uint8(callConnected), event: uint8(callEnd), next: uint8(callIdle)},
		{state: uint8(callConnected), event: uint8(callLost), next: uint8(callUnknown)},
		{state: uint8(callUnknown), event: uint8(callMake), next: uint8(callOut)},
		{state: uint8(callUnknown), event: uint8(callDispatch), next: uint8(callOffered)},
	}).
	otherwise(uint8(callMake), rule.CALL01, rule.CALL02).
	otherwise(uint8(callDispatch), rule.CALL02, rule.CALL06).
	otherwise(uint8(callMade), rule.CALL03).
	otherwise(uint8(callAccept), rule.CALL08).
	otherwise(uint8(callConnect), rule.CALL09)

func (v *vcCall) step(e callEvent) { v.state = callState(callMachine.step(uint8(v.state), uint8(e))) }

// --- VC ---

type vcState uint8

const (
	vcCreating vcState = iota
	vcCreated
	vcDeleting
	vcGone
)

type vcLifeEvent uint8

const (
	vcMake     vcLifeEvent = iota // its creation succeeded
	vcMakeLost                    // how its creation ended is not in the trace
	vcKnow                        // a VC from before the trace
	vcDelete                      // Ndis(M)CoDeleteVc is entered
	vcKeep                        // the deletion failed
	vcEnd                         // deleted, never made, or gone with what it belonged to
)

var vcLifeMachine = newMachine("VC",
	[]string{"being created", "created", "being deleted", "gone"},
	[]string{"created", "outcome of creation unknown", "assumed", "delete called", "delete fails", "ended"},
	[]entry{
		{state: uint8(vcCreating), event: uint8(vcMake), next: uint8(vcCreated)},
		{state: uint8(vcCreating), event: uint8(vcMakeLost), next: uint8(vcCreated)},
		{state: uint8(vcCreating), event: uint8(vcKnow), next: uint8(vcCreated)},
		{state: uint8(vcCreating), event: uint8(vcDelete), next: uint8(vcDeleting)}, // the return of the creation is lost
		{state: uint8(vcCreating), event: uint8(vcEnd), next: uint8(vcGone)},
		{state: uint8(vcCreated), event: uint8(vcDelete), next: uint8(vcDeleting)},
		{state: uint8(vcCreated), event: uint8(vcEnd), next: uint8(vcGone)},
		{state: uint8(vcDeleting), event: uint8(vcDelete), next: uint8(vcDeleting)}, // two at once: the first one has it
		{state: uint8(vcDeleting), event: uint8(vcKeep), next: uint8(vcCreated)},
		{state: uint8(vcDeleting), event: uint8(vcEnd), next: uint8(vcGone)},
	}).
	otherwise(uint8(vcDelete), rule.USE03)

func (v *vc) lives(e vcLifeEvent) { v.stage = vcState(vcLifeMachine.step(uint8(v.stage), uint8(e))) }

// leaving says that the deletion of v is under way.
func (v *vc) leaving() bool { return v.stage == vcDeleting }

// --- activation of a VC ---

type vcEvent uint8

const (
	vcActivated      vcEvent = iota // an activation succeeded
	vcActivationLost                // how an activation ended is not in the trace
	vcNotActivated                  // an MCM's activation that pended failed: it was inactive (AMB-09)
	vcNeverKnown                    // the same, and it was not known what it was
	vcDeactivated
	vcDeactivationLost
	vcAssume // a VC from before the trace
)

// the states are those of tri, so that what is not known is not active.
var vcMachine = newMachine("activation of a VC",
	[]string{"unknown", "active", "inactive"},
	[]string{"activated", "outcome of activation unknown", "activation failed after all", "activation of an unknown failed after all", "deactivated", "outcome of deactivation unknown", "assumed"},
	[]entry{
		{state: uint8(unknown), event: uint8(vcActivated), next: uint8(yes)},
		{state: uint8(unknown), event: uint8(vcDeactivated), next: uint8(no)},
		{state: uint8(yes), event: uint8(vcActivated), next: uint8(yes)},
		{state: uint8(yes), event: uint8(vcNotActivated), next: uint8(no)},
		{state: uint8(yes), event: uint8(vcNeverKnown), next: uint8(unknown)},
		{state: uint8(yes), event: uint8(vcDeactivated), next: uint8(no)},
		{state: uint8(yes), event: uint8(vcDeactivationLost), next: uint8(unknown)},
		{state: uint8(no), event: uint8(vcActivated), next: uint8(yes)},
		{state: uint8(no), event: uint8(vcActivationLost), next: uint8(unknown)},
		{state: uint8(no), event: uint8(vcDeactivated), next: uint8(no)},
		{state: uint8(no), event: uint8(vcDeactivationLost), next: uint8(unknown)},
		{state: uint8(no), event: uint8(vcAssume), next: uint8(unknown)},
	})

func (v *vc) activity(e vcEvent) { v.active = tri(vcMachine.step(uint8(v.active), uint8(e))) }

// --- SAP ---

type sapState uint8

const (
	sapForeign sapState = iota // the client's half is not seen
	sapLive                    // registered, or being registered
	sapLeaving                 // being deregistered
	sapLeft                    // gone, and was deregistered
	sapGone                    // gone otherwise
)

type sapEvent uint8

const (
	sapAsk   sapEvent = iota // NdisClRegisterSap is entered
	sapLeave                 // NdisClDeregisterSap is entered
	sapEnd                   // the client has no SAP any more
)

var sapMachine = newMachine("SAP",
	[]string{"known to the call manager only", "registered", "deregistering", "deregistered", "gone"},
	[]string{"register called", "deregister called", "ended"},
	[]entry{
		{state: uint8(sapForeign), event: uint8(sapAsk), next: uint8(sapLive)},
		{state: uint8(sapLive), event: uint8(sapLeave), next: uint8(sapLeaving)},
		{state: uint8(sapLive), event: uint8(sapEnd), next: uint8(sapGone)},
		{state: uint8(sapLeaving), event: uint8(sapEnd), next: uint8(sapLeft)},
	}).
	otherwise(uint8(sapLeave), rule.SAP05)

func (s *sap) step(e sapEvent) { s.state = sapState(sapMachine.step(uint8(s.state), uint8(e))) }

func (s *sap) live() bool { return s.state == sapLive || s.state == sapLeaving }

// --- party ---

type partyState uint8

const (
	partyAdding  partyState = iota
	partyActive             // the call manager took it
	partyUnsure             // it may have been dropped
	partyDropped            // dropped for one side; that of the other is to come
	partyLost               // the same of one that was not active
)

type partyEvent uint8

const (
	partyAdd      partyEvent = iota // added
	partyDropLost                   // what came of a drop is not in the trace
	partyDrop                       // dropped
)

var partyMachine = newMachine("party",
	[]string{"adding", "active", "unsure", "dropped", "dropped unadded"},
	[]string{"added", "outcome of drop unknown", "dropped"},
	[]entry{
		{state: uint8(partyAdding), event: uint8(partyAdd), next: uint8(partyActive)},
		{state: uint8(partyAdding), event: uint8(partyDropLost), next: uint8(partyUnsure)},
		{state: uint8(partyAdding), event: uint8(partyDrop), next: uint8(partyLost)},
		{state: uint8(partyActive), event: uint8(partyDropLost), next: uint8(partyUnsure)},
		{state: uint8(partyActive), event: uint8(partyDrop), next: uint8(partyDropped)},
		{state: uint8(partyUnsure), event: uint8(partyDrop), next: uint8(partyLost)},
	}).
	otherwise(uint8(partyDrop), rule.PARTY02)

func (p *party) step(e partyEvent) { p.state = partyState(partyMachine.step(uint8(p.state), uint8(e))) }

func (p *party) active() bool { return p.state == partyActive || p.state == partyDropped }

func (p *party) gone() bool { return p.state == partyDropped || p.state == partyLost }

// --- binding ---

type bindingState uint8

const (
	bindingOpening bindingState = iota
	bindingOpen                 // its handle is valid
	bindingClosed
	bindingAborted // closed without ever having been open
)

type bindingEvent uint8

const (
	bindingOpens  bindingEvent = iota // NdisOpenAdapterEx succeeded
	bindingAssume                     // a handle from before the trace
	bindingCloses                     // NdisCloseAdapterEx is over
)

var bindingMachine = newMachine("binding",
	[]string{"opening", "open", "closed", "aborted"},
	[]string{"opened", "assumed", "closed"},
	[]entry{
		{state: uint8(bindingOpening), event: uint8(bindingOpens), next: uint8(bindingOpen)},
		{state: uint8(bindingOpening), event: uint8(bindingAssume), next: uint8(bindingOpen)},
		{state: uint8(bindingOpening), event: uint8(bindingCloses), next: uint8(bindingAborted)},
		{state: uint8(bindingOpen), event: uint8(bindingCloses), next: uint8(bindingClosed)},
		{state: uint8(bindingAborted), event: uint8(bindingOpens), next: uint8(bindingClosed)},
	}).
	otherwise(uint8(bindingOpens), rule.BIND06).
	otherwise(uint8(bindingCloses), rule.BIND05)

func (b *binding) step(e bindingEvent) {
	b.state = bindingState(bindingMachine.step(uint8(b.state), uint8(e)))
}

func (b *binding) valid() bool { return b.state == bindingOpen || b.state == bindingClosed }

func (b *binding) closed() bool { return b.state == bindingClosed || b.state == bindingAborted }

// --- interval ---

type markState uint8

const (
	markNone markState = iota
	markEntered
	markReturned
)

type markEvent uint8

const (
	markOpen markEvent = iota
	markShut
)

var markMachine = newMachine("interval",
	[]string{"not begun", "running", "over"},
	[]string{"begins", "ends"},
	[]entry{
		{state: uint8(markNone), event: uint8(markOpen), next: uint8(markEntered)},
		{state: uint8(markEntered), event: uint8(markShut), next: uint8(markReturned)},
		{state: uint8(markReturned), event: uint8(markOpen), next: uint8(markEntered)},
	})

// --- pended request ---

// unasked are the rules that a completion breaks, each for its kind of request, for which
// nobody waits, or nobody waits any more.
var unasked = []rule.ID{
	rule.BIND06, rule.OPEN08, rule.OPEN13, rule.CLOSE05, rule.CLOSE12, rule.CLOSE15, rule.CLOSE18, rule.SAP04, rule.VC09,
	rule.CALL03, rule.CALL08, rule.CALL13, rule.QOS01, rule.PARTY02, rule.OID01,
}

var opMachine = newMachine("request",
	[]string{"idle", "called", "completed early", "pended", "synchronous", "done", "unknown"},
	[]string{"asked", "returns PENDING", "returns otherwise", "return not seen", "completed"},
	[]entry{
		{state: uint8(opIdle), event: uint8(opAsk), next: uint8(opCalled)},
		{state: uint8(opIdle), event: uint8(opComplete), next: uint8(opIdle), fault: opUnpended, breaks: unasked},
		{state: uint8(opCalled), event: uint8(opRetPending), next: uint8(opPended)},
		{state: uint8(opCalled), event: uint8(opRetFinal), next: uint8(opSync)},
		{state: uint8(opCalled), event: uint8(opRetUnknown), next: uint8(opUnknown)},
		{state: uint8(opCalled), event: uint8(opComplete), next: uint8(opEarly)},
		{state: uint8(opEarly), event: uint8(opAsk), next: uint8(opCalled)},
		{state: uint8(opEarly), event: uint8(opRetPending), next: uint8(opDone)},
		{state: uint8(opEarly), event: uint8(opRetFinal), next: uint8(opSync), fault: opUnpended, breaks: unasked},
		{state: uint8(opEarly), event: uint8(opRetUnknown), next: uint8(opUnknown)},
		{state: uint8(opEarly), event: uint8(opComplete), next: uint8(opEarly), fault: opTwice, breaks: unasked},
		{state: uint8(opPended), event: uint8(opAsk), next: uint8(opCalled)},
		{state: uint8(opPended), event: uint8(opComplete), next: uint8(opDone)},
		{state: uint8(opSync), event: uint8(opAsk), next: uint8(opCalled)},
		{state: uint8(opSync), event: uint8(opComplete), next: uint8(opSync), fault: opUnpended, breaks: unasked},
		{state: uint8(opDone), event: uint8(opAsk), next: uint8(opCalled)},
		{state: uint8(opDone), event: uint8(opComplete), next: uint8(opDone), fault: opTwice, breaks: unasked},
		{state: uint8(opUnknown), event: uint8(opAsk), next: uint8(opCalled)},
		{state: uint8(opUnknown), event: uint8(opRetPending), next: uint8(opPended)},
		{state: uint8(opUnknown), event: uint8(opRetFinal), next: uint8(opSync)},
		{state: uint8(opUnknown), event: uint8(opComplete), next: uint8(opDone), fault: opMaybe},
	})
