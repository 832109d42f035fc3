package naive

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// GenOptions shapes random histories. Zero values are chosen at random, or mean none.
type GenOptions struct {
	Adapters int // 1 or 2
	Managers int // call managers, MCMs included: 1 to 3
	Clients  int // 1 to 3
	Calls    int // soft limit: no new activity starts after so many calls; 5 to 40
	// Faults is how many faults to plant, each at the first occasion for it. A history
	// without that occasion comes out with fewer.
	Faults int
	Kinds  []Fault // the faults to choose from, all of them if empty
	// Loose lets drivers do what the pages advise against and warnings are for:
	// register late, open outside the notification, ask for a close outside unbind.
	Loose bool
	// Busy lets drivers use what they opened: SAPs, VCs, calls in both directions and
	// parties. Such a history is several times as long.
	Busy bool
}

// Planted is a fault that a history carries, and the finding it has to give. A Fault
// that edits the finished rows has no finding of its own: Rule is None.
type Planted struct {
	Fault Fault
	Finding
}

// Random makes a history: 5 to about 60 calls of registration, notification, open and
// close of address families, beside the declaration of roles. Rows carry seq from 1,
// growing ts, thread, call id, IRQL 0 and the driver's label.
func Random(rng *rand.Rand, o GenOptions) []format.Event {
	events, _ := Plant(rng, o)
	return events
}

// Legal makes a history in which nobody breaks a rule, or acts against advice.
func Legal(rng *rand.Rand) []format.Event { return Random(rng, GenOptions{}) }

// Plant is Random that also says which faults the history carries. They are in order of
// Seq.
func Plant(rng *rand.Rand, o GenOptions) ([]format.Event, []Planted) {
	if o.Calls == 0 {
		o.Calls = 5 + rng.IntN(36)
		if o.Busy {
			o.Calls = 40 + rng.IntN(100)
		}
	}
	s := &sim{
		rng: rng, o: o, sticky: pick(rng, 0, 30, 60, 90), faults: map[Fault]int{}, dues: map[simPair]*simDue{}, spares: map[string][]uint64{},
		handles: 0xffff8000_00000000 + rng.Uint64N(1<<20)<<12, rows: rows{ts: 1_700_000_000_000_000_000},
	}
	kinds := o.Kinds
	if len(kinds) == 0 {
		for f := Fault(0); f < NumFaults; f++ {
			if f.possible() && (o.Busy || !f.objects()) {
				kinds = append(kinds, f)
			}
		}
	}
	for range o.Faults {
		s.faults[pick(rng, kinds...)] = 1 + rng.IntN(2)
	}
	s.boot()
	s.run()
	s.edit()
	slices.SortFunc(s.planted, func(a, b Planted) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Fault, b.Fault))
	})
	return s.events, s.planted
}

// edit plants the faults that are made in finished rows: callbacks that vanish, or that
// come with each other's arguments.
func (s *sim) edit() {
	if s.faults[CallbackSwapped]+s.faults[CallbackDropped] == 0 {
		return
	}
	var callbacks []*call
	for _, c := range callsOf(s.events) {
		switch c.fn {
		case ndis.ProtocolCoAfRegisterNotify, ndis.ProtocolCmNotifyCloseAfComplete:
		case ndis.ProtocolClOpenAfCompleteEx, ndis.ProtocolClCloseAfComplete:
			if !c.fromNDIS() {
				continue
			}
		case ndis.ProtocolCmOpenAf, ndis.ProtocolCmCloseAf, ndis.ProtocolClNotifyCloseAf:
			if c.returned(ndis.StatusPending) {
				continue
			}
		default:
			continue
		}
		if c.out != nil {
			callbacks = append(callbacks, c)
		}
	}
	if len(callbacks) == 0 {
		return
	}
	if s.faults[CallbackSwapped] > 0 {
		c := pick(s.rng, callbacks...)
		for _, d := range callbacks {
			if d != c && d.fn == c.fn && d.in.Driver == c.in.Driver {
				x, y := *c.in, *d.in
				swapArguments(c.in, &y)
				swapArguments(d.in, &x)
				s.planted = append(s.planted, Planted{Fault: CallbackSwapped})
				break
			}
		}
	}
	if s.faults[CallbackDropped] > 0 {
		id := pick(s.rng, callbacks...).in.CallID
		s.events = slices.DeleteFunc(s.events, func(e format.Event) bool { return e.CallID == id })
		shift := map[uint64]uint64{}
		for i := range s.events {
			shift[s.events[i].Seq] = uint64(i + 1)
			s.events[i].Seq = uint64(i + 1)
		}
		for i := range s.planted {
			s.planted[i].Seq = shift[s.planted[i].Seq]
		}
		s.planted = append(s.planted, Planted{Fault: CallbackDropped})
	}
}

// swapArguments gives e the handles, contexts and family of from.
func swapArguments(e, from *format.Event) {
	e.AF, e.Context, e.Status = from.AF, from.Context, from.Status
	e.AFType, e.AFMajor, e.AFMinor = from.AFType, from.AFMajor, from.AFMinor
	e.Has, e.Detail = from.Has, from.Detail
}

// Fault is a way to break a contract.
type Fault uint8

// The faults, each with the rule that names it.
const (
	RegisterHeld              Fault = iota // REG-02, REG-11, REG-14: SUCCESS for an AF that another holds
	RegisterHeldTwice                      // REG-11: SUCCESS for an AF that the MCM holds itself
	RegisterStatus                         // REG-06: another status than the three
	RegisterNotCO                          // REG-03: SUCCESS to a driver that is no CO protocol
	RegisterPlainAdapter                   // REG-04: SUCCESS on an adapter that is not CO
	RegisterClosed                         // REG-05: SUCCESS after NdisCloseAdapterEx
	RegisterGhost                          // REG-15: a refused registration is notified
	NotifyEarly                            // NOTE-03: before the registration is asked for
	NotifyMissing                          // NOTE-01, NOTE-02, NOTE-10
	NotifyTwice                            // NOTE-06, a warning
	NotifyUnknown                          // NOTE-03: an AF that nobody registers
	NotifyElsewhere                        // NOTE-03: an AF of the other adapter
	NotifyUnbound                          // NOTE-07: to a binding that is closed
	OpenUnregistered                       // OPEN-02: SUCCESS for an AF that nobody registers
	OpenUnregisteredAsked                  // OPEN-02: a call manager is asked for it
	OpenClosed                             // OPEN-03: SUCCESS after NdisCloseAdapterEx
	OpenClosingManager                     // OPEN-04: SUCCESS while the call manager leaves
	OpenUnasked                            // OPEN-05: no ProtocolCmOpenAf
	OpenAskedTwice                         // OPEN-05: two
	OpenWrongManager                       // OPEN-05: at another call manager
	OpenReusedHandle                       // OPEN-05: with the handle of another open
	OpenNullContext                        // OPEN-06
	OpenUncompleted                        // OPEN-07
	OpenCompletedTwice                     // OPEN-08
	OpenCompletedUnpended                  // OPEN-08
	OpenMeanwhile                          // OPEN-09
	OpenPendingStatus                      // OPEN-10
	OpenHandleNotNull                      // OPEN-12
	OpenUntold                             // OPEN-13: PENDING and no callback
	OpenToldTwice                          // OPEN-13
	OpenToldUnpended                       // OPEN-13
	OpenToldEarly                          // OPEN-13: before the call manager completes
	OpenStatusChanged                      // OPEN-14
	OpenBadHandle                          // OPEN-15
	OpenWrongVariant                       // OPEN-17
	OpenWrongContext                       // OPEN-19
	OpenWrongType                          // OPEN-21
	UnbindOpen                             // CLOSE-01
	CloseWithObjects                       // CLOSE-02
	CloseAcceptsObjects                    // CLOSE-02 and CLOSE-04
	CloseTwice                             // CLOSE-03
	CloseUncompleted                       // CLOSE-05
	CloseCompletedTwice                    // CLOSE-05
	CloseCompletedUnpended                 // CLOSE-05
	UseAfterClose                          // CLOSE-07
	ManagerUseAfterClose                   // CLOSE-08
	UnbindUnnotified                       // CLOSE-09
	NotifyCloseUnasked                     // CLOSE-11: no ProtocolClNotifyCloseAf
	NotifyCloseAskedTwice                  // CLOSE-11
	NotifyCloseOther                       // CLOSE-11: at another client
	NotifyCloseUncompleted                 // CLOSE-12
	NotifyCloseTwice                       // CLOSE-12
	NotifyCloseUnpended                    // CLOSE-12
	NotifyCloseUndone                      // CLOSE-14: answered SUCCESS without a close
	NotifyCloseUndoneLate                  // CLOSE-14: completed SUCCESS without a close
	NotifyCloseUntold                      // CLOSE-15: no ProtocolCmNotifyCloseAfComplete
	NotifyCloseToldTwice                   // CLOSE-15
	NotifyCloseToldUnpended                // CLOSE-15
	NotifyCloseStatus                      // CLOSE-15: another status than the client's
	CloseUntold                            // CLOSE-18: PENDING and no callback
	CloseToldTwice                         // CLOSE-18
	CloseToldUnpended                      // CLOSE-18
	CloseUnasked                           // CLOSE-20: no ProtocolCmCloseAf
	CloseAskedTwice                        // CLOSE-20
	CloseWrongManager                      // CLOSE-20: at another call manager
	CloseWrongContext                      // OPEN-20
	CloseUnknownHandle                     // OPEN-18
	SAPOnUnknownAF                         // SAP-01: an AF handle that NDIS never gave out
	SAPTaken                               // SAP-02: SUCCESS for a SAP of another client
	SAPNullContext                         // SAP-03
	SAPCompletedNullContext                // SAP-03
	SAPDeregisteredTwice                   // SAP-05
	SAPEndsCall                            // SAP-07: a deregistration closes a call
	CreatePended                           // VC-01: ProtocolCoCreateVc
	MiniportCreatePended                   // VC-01: MiniportCoCreateVc
	DeletePended                           // VC-01: ProtocolCoDeleteVc
	MiniportDeletePended                   // VC-01: MiniportCoDeleteVc
	CreatePeerUnasked                      // VC-02
	CreateMiniportUnasked                  // VC-02
	CreateOnOtherThread                    // VC-02
	DeletePeerUnasked                      // VC-02
	DeleteOnOtherThread                    // VC-02
	CreateOnUnknownAF                      // VC-04
	CreateWithoutAF                        // VC-05: by a client
	DeletedByOther                         // VC-06
	DeletedActive                          // VC-07: SUCCESS
	DeactivatedByNDIS                      // VC-10
	DeactivatedAgain                       // VC-11: SUCCESS
	ClientActivates                        // VC-14
	CreateNullContext                      // VC-15
	MiniportCreateNullContext              // VC-15
	DeletedVCUsed                          // USE-03
	MakeCallUnknown                        // CALL-01
	MakeCallDeleted                        // CALL-01
	MakeCallOnManagersVC                   // CALL-01
	CallMadeAgain                          // CALL-02
	OfferedAgain                           // CALL-02
	CallNotActivated                       // CALL-04
	OfferOnClientVC                        // CALL-06
	OfferForOtherAF                        // CALL-06
	OfferUnknownSAP                        // CALL-07: unknown or gone
	ConnectedEarly                         // CALL-09: before the client has accepted
	ConnectedRejected                      // CALL-09
	ConnectedInactive                      // CALL-09
	HangUpIgnored                          // CALL-11
	CallLeftActive                         // CALL-14
	ManagersVCUsed                         // CALL-15
	ClosedWithParties                      // CALL-16
	QoSNotActivated                        // QOS-02
	PartyInPlainCall                       // PARTY-01
	PartyNullContext                       // PARTY-03
	PartyCompletedNullContext              // PARTY-03
	LastPartyDropped                       // PARTY-04: SUCCESS
	LastPartyLeaves                        // PARTY-05
	LeavingIgnored                         // PARTY-06 and CLOSE-02
	PartyDroppedTwice                      // PARTY-07
	DroppedPartyUsed                       // USE-04
	PartyContextInCall                     // PARTY-08
	PartyHandleInCall                      // PARTY-08
	CallbackDropped                        // rows of a callback deleted
	CallbackSwapped                        // two callbacks with each other's arguments
	firstRequestFault                      // the faults of each operation that may pend
	NumFaults                 = firstRequestFault + numRequestFaults*Fault(numOperations)
)

// faultNames are the names of the constants.
var faultNames = [firstRequestFault]string{
	RegisterHeld:              "RegisterHeld",
	RegisterHeldTwice:         "RegisterHeldTwice",
	RegisterStatus:            "RegisterStatus",
	RegisterNotCO:             "RegisterNotCO",
	RegisterPlainAdapter:      "RegisterPlainAdapter",
	RegisterClosed:            "RegisterClosed",
	RegisterGhost:             "RegisterGhost",
	NotifyEarly:               "NotifyEarly",
	NotifyMissing:             "NotifyMissing",
	NotifyTwice:               "NotifyTwice",
	NotifyUnknown:             "NotifyUnknown",
	NotifyElsewhere:           "NotifyElsewhere",
	NotifyUnbound:             "NotifyUnbound",
	OpenUnregistered:          "OpenUnregistered",
	OpenUnregisteredAsked:     "OpenUnregisteredAsked",
	OpenClosed:                "OpenClosed",
	OpenClosingManager:        "OpenClosingManager",
	OpenUnasked:               "OpenUnasked",
	OpenAskedTwice:            "OpenAskedTwice",
	OpenWrongManager:          "OpenWrongManager",
	OpenReusedHandle:          "OpenReusedHandle",
	OpenNullContext:           "OpenNullContext",
	OpenUncompleted:           "OpenUncompleted",
	OpenCompletedTwice:        "OpenCompletedTwice",
	OpenCompletedUnpended:     "OpenCompletedUnpended",
	OpenMeanwhile:             "OpenMeanwhile",
	OpenPendingStatus:         "OpenPendingStatus",
	OpenHandleNotNull:         "OpenHandleNotNull",
	OpenUntold:                "OpenUntold",
	OpenToldTwice:             "OpenToldTwice",
	OpenToldUnpended:          "OpenToldUnpended",
	OpenToldEarly:             "OpenToldEarly",
	OpenStatusChanged:         "OpenStatusChanged",
	OpenBadHandle:             "OpenBadHandle",
	OpenWrongVariant:          "OpenWrongVariant",
	OpenWrongContext:          "OpenWrongContext",
	OpenWrongType:             "OpenWrongType",
	UnbindOpen:                "UnbindOpen",
	CloseWithObjects:          "CloseWithObjects",
	CloseAcceptsObjects:       "CloseAcceptsObjects",
	CloseTwice:                "CloseTwice",
	CloseUncompleted:          "CloseUncompleted",
	CloseCompletedTwice:       "CloseCompletedTwice",
	CloseCompletedUnpended:    "CloseCompletedUnpended",
	UseAfterClose:             "UseAfterClose",
	ManagerUseAfterClose:      "ManagerUseAfterClose",
	UnbindUnnotified:          "UnbindUnnotified",
	NotifyCloseUnasked:        "NotifyCloseUnasked",
	NotifyCloseAskedTwice:     "NotifyCloseAskedTwice",
	NotifyCloseOther:          "NotifyCloseOther",
	NotifyCloseUncompleted:    "NotifyCloseUncompleted",
	NotifyCloseTwice:          "NotifyCloseTwice",
	NotifyCloseUnpended:       "NotifyCloseUnpended",
	NotifyCloseUndone:         "NotifyCloseUndone",
	NotifyCloseUndoneLate:     "NotifyCloseUndoneLate",
	NotifyCloseUntold:         "NotifyCloseUntold",
	NotifyCloseToldTwice:      "NotifyCloseToldTwice",
	NotifyCloseToldUnpended:   "NotifyCloseToldUnpended",
	NotifyCloseStatus:         "NotifyCloseStatus",
	CloseUntold:               "CloseUntold",
	CloseToldTwice:            "CloseToldTwice",
	CloseToldUnpended:         "CloseToldUnpended",
	CloseUnasked:              "CloseUnasked",
	CloseAskedTwice:           "CloseAskedTwice",
	CloseWrongManager:         "CloseWrongManager",
	CloseWrongContext:         "CloseWrongContext",
	CloseUnknownHandle:        "CloseUnknownHandle",
	SAPOnUnknownAF:            "SAPOnUnknownAF",
	SAPTaken:                  "SAPTaken",
	SAPNullContext:            "SAPNullContext",
	SAPCompletedNullContext:   "SAPCompletedNullContext",
	SAPDeregisteredTwice:      "SAPDeregisteredTwice",
	SAPEndsCall:               "SAPEndsCall",
	CreatePended:              "CreatePended",
	MiniportCreatePended:      "MiniportCreatePended",
	DeletePended:              "DeletePended",
	MiniportDeletePended:      "MiniportDeletePended",
	CreatePeerUnasked:         "CreatePeerUnasked",
	CreateMiniportUnasked:     "CreateMiniportUnasked",
	CreateOnOtherThread:       "CreateOnOtherThread",
	DeletePeerUnasked:         "DeletePeerUnasked",
	DeleteOnOtherThread:       "DeleteOnOtherThread",
	CreateOnUnknownAF:         "CreateOnUnknownAF",
	CreateWithoutAF:           "CreateWithoutAF",
	DeletedByOther:            "DeletedByOther",
	DeletedActive:             "DeletedActive",
	DeactivatedByNDIS:         "DeactivatedByNDIS",
	DeactivatedAgain:          "DeactivatedAgain",
	ClientActivates:           "ClientActivates",
	CreateNullContext:         "CreateNullContext",
	MiniportCreateNullContext: "MiniportCreateNullContext",
	DeletedVCUsed:             "DeletedVCUsed",
	MakeCallUnknown:           "MakeCallUnknown",
	MakeCallDeleted:           "MakeCallDeleted",
	MakeCallOnManagersVC:      "MakeCallOnManagersVC",
	CallMadeAgain:             "CallMadeAgain",
	OfferedAgain:              "OfferedAgain",
	CallNotActivated:          "CallNotActivated",
	OfferOnClientVC:           "OfferOnClientVC",
	OfferForOtherAF:           "OfferForOtherAF",
	OfferUnknownSAP:           "OfferUnknownSAP",
	ConnectedEarly:            "ConnectedEarly",
	ConnectedRejected:         "ConnectedRejected",
	ConnectedInactive:         "ConnectedInactive",
	HangUpIgnored:             "HangUpIgnored",
	CallLeftActive:            "CallLeftActive",
	ManagersVCUsed:            "ManagersVCUsed",
	ClosedWithParties:         "ClosedWithParties",
	QoSNotActivated:           "QoSNotActivated",
	PartyInPlainCall:          "PartyInPlainCall",
	PartyNullContext:          "PartyNullContext",
	PartyCompletedNullContext: "PartyCompletedNullContext",
	LastPartyDropped:          "LastPartyDropped",
	LastPartyLeaves:           "LastPartyLeaves",
	LeavingIgnored:            "LeavingIgnored",
	PartyDroppedTwice:         "PartyDroppedTwice",
	DroppedPartyUsed:          "DroppedPartyUsed",
	PartyContextInCall:        "PartyContextInCall",
	PartyHandleInCall:         "PartyHandleInCall",
	CallbackDropped:           "CallbackDropped",
	CallbackSwapped:           "CallbackSwapped",
}

func (f Fault) String() string {
	if f >= NumFaults {
		return "?"
	}
	if f >= firstRequestFault {
		o, n := (f-firstRequestFault)/numRequestFaults, (f-firstRequestFault)%numRequestFaults
		return operations[o].name + requestFaultNames[n]
	}
	return faultNames[f]
}

// fault says whether f is to be planted now.
func (s *sim) fault(f Fault) bool {
	n := s.faults[f]
	if n == 0 {
		return false
	}
	s.faults[f] = n - 1
	return n == 1
}

// mark gives the next row of t a finding.
func (t *task) mark(f Fault, id rule.ID) {
	t.marks = append(t.marks, Planted{Fault: f, Finding: Finding{Rule: id, Severity: rule.Error}})
}

// blame gives the return row of a call, past or to come, a finding.
func (s *sim) blame(c *frame, f Fault, id rule.ID) {
	p := Planted{Fault: f, Finding: Finding{Rule: id, Severity: rule.Error, Seq: c.out}}
	if c.out == 0 {
		c.marks = append(c.marks, p)
		return
	}
	s.planted = append(s.planted, p)
}
