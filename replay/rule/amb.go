package rule

import (
	"fmt"
	"strings"
)

// AMB is the number of an ambiguity; its text form is like "AMB-01".
type AMB uint8

// Ambiguities of the documentation, by their numbers in the domain reference.
const (
	AMB01 AMB = iota + 1
	AMB02
	AMB03
	AMB04
	AMB05
	AMB06
	AMB07
	AMB08
	AMB09
	AMB10
	AMB11
	AMB12
	AMB13
	AMB14
	AMB15
	AMB16
	AMB17
	AMB18
	AMB19
	AMB20
	AMB21
	AMB22
	AMB23
	AMB24
	AMB25

	numAMBs = iota
)

func (a AMB) String() string { return fmt.Sprintf("AMB-%02d", uint8(a)) }

// Ambiguity is a point on which the documentation disagrees with itself or is silent. What
// holds by default accepts every reading that a page allows; a strict one accepts less.
type Ambiguity struct {
	Name      string // "AMB-01"
	Issue     string
	Treatment string // what replay does by default
	Strict    string // what it asks for when told to be strict: a deviation is an error. Empty if that makes no sense
	NotStrict string // if so, why
	Page      string // URL of the page that the issue starts from
}

// Ambiguities returns the table in its order. It is shared and must not be written to.
func Ambiguities() []Ambiguity { return ambiguities[:] }

// Ambiguity returns the entry of a; nil for a value outside the table.
func (a AMB) Ambiguity() *Ambiguity {
	if a < 1 || a > numAMBs {
		return nil
	}
	return &ambiguities[a-1]
}

// AMBSet is a set of ambiguities. The zero value is empty.
type AMBSet uint32

// Has says whether a is in the set.
func (s AMBSet) Has(a AMB) bool { return s&(1<<a) != 0 }

// With returns the set with a in it.
func (s AMBSet) With(a AMB) AMBSet { return s | 1<<a }

// Names lists the set in its order, like "AMB-05"; nil if it is empty.
func (s AMBSet) Names() (names []string) {
	for a := AMB01; a <= numAMBs; a++ {
		if s.Has(a) {
			names = append(names, a.String())
		}
	}
	return names
}

// ParseStrict reads names of ambiguities, such as "AMB-05" in any case, that are to be held
// strictly. It refuses those for which that makes no sense and says why.
func ParseStrict(names []string) (AMBSet, error) {
	var s AMBSet
	for _, name := range names {
		a := AMB01
		for a <= numAMBs && !strings.EqualFold(name, a.String()) {
			a++
		}
		switch x := a.Ambiguity(); {
		case x == nil:
			var valid []string
			for i := range ambiguities {
				if ambiguities[i].Strict != "" {
					valid = append(valid, ambiguities[i].Name)
				}
			}
			return 0, fmt.Errorf("%q is no ambiguity: want one of %s", name, strings.Join(valid, ", "))
		case x.Strict == "":
			return 0, fmt.Errorf("%s has no strict reading: %s", x.Name, x.NotStrict)
		}
		s = s.With(a)
	}
	return s, nil
}

var ambiguities = [numAMBs]Ambiguity{
	{
		Name:      "AMB-01",
		Issue:     "Is an address family identified by its type alone, or by its type and versions?",
		Treatment: "By its type, PROXY flag included. Where only the versions differ both SUCCESS and FAILURE are accepted and reported as info. Identity by all twelve bytes is an option.",
		Strict:    "The type alone: a claim of a type that is held is refused whatever its version (REG-02, REG-11, REG-14), and what a client is notified of has the registered version (NOTE-08).",
		Page:      nf + "ndiscmregisteraddressfamilyex",
	},
	{
		Name:      "AMB-02",
		Issue:     "How does a registration end? No function deregisters an address family.",
		Treatment: "It ends with the owner's NdisCloseAdapterEx or halt. From the beginning of the unbind on, new opens are refused. A deregistration is never required.",
		Strict:    "It ends where the owner's unbind or halt begins: an open that succeeds afterwards (OPEN-04), a notification or an open of a claim that is over (REG-12, REG-17) is an error.",
		Page:      net + "connection-oriented-operations-performed-by-call-managers",
	},
	{
		Name:      "AMB-03",
		Issue:     "May one stand-alone call manager register the same address family twice on one binding?",
		Treatment: "SUCCESS and FAILURE are accepted and reported as info. From a miniport call manager FAILURE is required.",
		Strict:    "No: an accepted second registration is an error (REG-13).",
		Page:      nf + "ndiscmregisteraddressfamilyex",
	},
	{
		Name:      "AMB-04",
		Issue:     "Who is notified of a registration, and in which order?",
		Treatment: "The notifications of one registration are a set without order. Those to call managers, the registrant included, are optional.",
		Strict:    "Every connection-oriented protocol bound to the adapter is, call managers too: one that is not is an error (NOTE-01, NOTE-02, NOTE-10). Only the registrant itself may be left out. The order stays free.",
		Page:      nc + "protocol_co_af_register_notify",
	},
	{
		Name:      "AMB-05",
		Issue:     "Is a client notified after the bind of the call manager, or from within its registering call?",
		Treatment: "After the bind, or after its completion if it pended. Earlier is a warning, before the registering call an error.",
		Strict:    "After the bind: earlier is an error (NOTE-04).",
		Page:      net + "registering-and-opening-an-address-family",
	},
	{
		Name:      "AMB-06",
		Issue:     "When the call manager answers at once, does the client get the status or PENDING and a callback?",
		Treatment: "Both are accepted, with exactly one completion in all.",
		NotStrict: "The way of the completion is NDIS's own choice, which no page restricts; that there is exactly one is required anyway.",
		Page:      nf + "ndisclopenaddressfamilyex",
	},
	{
		Name:      "AMB-07",
		Issue:     "What happens when an address family is closed with live VCs or SAPs, and is its handle usable after a failed close?",
		Treatment: "CLOSE-02 is reported; then FAILURE by NDIS, NOT_ACCEPTED by the call manager and PENDING are all accepted. After a failed close the address family counts as open, and CLOSE-07 is info.",
		Strict:    "The handle is invalid from the call on even if the close fails: its use afterwards is an error (CLOSE-07), save in another close.",
		Page:      nc + "protocol_cl_close_af_complete",
	},
	{
		Name:      "AMB-08",
		Issue:     "Must a client unbind after a failed open?",
		Treatment: "No: info only.",
		Strict:    "It must: a binding whose only open failed and that its client keeps is an error (OPEN-16).",
		Page:      nc + "protocol_cl_open_af_complete_ex",
	},
	{
		Name:      "AMB-09",
		Issue:     "Does NDIS complete the activations and deactivations of a miniport call manager by a callback?",
		Treatment: "None or one completion is accepted, whatever the return.",
		Strict:    "After PENDING exactly once and else never, as for a stand-alone call manager (VC-09).",
		Page:      nf + "ndismcmactivatevc",
	},
	{
		Name:      "AMB-10",
		Issue:     "Must a VC be active when an incoming call is dispatched, or only later?",
		Treatment: "Not active at the dispatch is a warning, not active at call-connected an error.",
		Strict:    "At the dispatch: not active there is an error (CALL-06).",
		Page:      nf + "ndiscmdispatchincomingcall",
	},
	{
		Name:      "AMB-11",
		Issue:     "Is CallMgrAfContext valid after ProtocolCmCloseAf, when a notify-close still pends?",
		Treatment: "It counts as valid until ProtocolCmNotifyCloseAfComplete. Its use for another open in between is info.",
		Strict:    "It stays valid and taken: its use for another open in between is an error (CLOSE-17).",
		Page:      nc + "protocol_cm_notify_close_af_complete",
	},
	{
		Name:      "AMB-12",
		Issue:     "Is a VC deactivated before or after the completion of the close call, and what is the state after a close that failed?",
		Treatment: "Either order is accepted; both are required before the delete. After a failed close the call returns to its previous state.",
		Strict:    "Before: a close of a call that the call manager ends with SUCCESS while the VC is active is an error (CALL-14).",
		Page:      nc + "protocol_cl_close_call_complete",
	},
	{
		Name:      "AMB-13",
		Issue:     "Does NdisMCmNotifyCloseAddressFamily, documented as a void macro, return a status?",
		Treatment: "It does, as the stand-alone variant does.",
		NotStrict: "It says what a trace holds, not what a driver may do: the return is judged as that of the stand-alone variant, and there is nothing stricter.",
		Page:      nf + "ndismcmnotifycloseaddressfamily",
	},
	{
		Name:      "AMB-14",
		Issue:     "The sixteen NdisMCm macros: what does a tracer see?",
		Treatment: "At export level the NdisCm function of the same name, called by a miniport driver, is accepted.",
		NotStrict: "It says how a trace was recorded: at export level both calls look the same. Metadata aftrace.level=api already holds drivers to their own variant.",
		Page:      nf + "ndismcmopenaddressfamilycomplete",
	},
	{
		Name:      "AMB-15",
		Issue:     "Must the three name and TAPI utilities run at DISPATCH_LEVEL exactly?",
		Treatment: "A higher level is an error, a lower one a warning.",
		Strict:    "Exactly: a lower level is an error too (IRQL-05).",
		Page:      nf + "ndiscoassigninstancename",
	},
	{
		Name:      "AMB-16",
		Issue:     "May a call manager register an address family outside its bind handler?",
		Treatment: "It is a warning, which can be suppressed. The notification may then come right after the call.",
		Strict:    "No: it is an error (REG-07).",
		Page:      net + "condis-tapi-registration",
	},
	{
		Name:      "AMB-17",
		Issue:     "At which IRQL does NDIS call ProtocolCmOpenAf and the completion of an open?",
		Treatment: "ProtocolCmOpenAf up to DISPATCH_LEVEL, ProtocolClOpenAfCompleteEx at PASSIVE_LEVEL.",
		Strict:    "At PASSIVE_LEVEL, the level of the call that causes them, ProtocolClOpenAfComplete of NDIS 5.x included: a higher one is an error (IRQL-04).",
		Page:      nc + "protocol_cm_open_af",
	},
	{
		Name:      "AMB-18",
		Issue:     "Is a SAP still there after its deregistration failed?",
		Treatment: "For the client it is gone; reported as info.",
		Strict:    "It is gone: to deregister it again is the error that it is after a success (SAP-05).",
		Page:      nf + "ndisclderegistersap",
	},
	{
		Name:      "AMB-19",
		Issue:     "OID_CO_AF_CLOSE or notify-close: which does a call manager use in NDIS 6.x?",
		Treatment: "Either satisfies CLOSE-09. Both for one open address family is info.",
		Strict:    "Notify-close: from a call manager that uses NDIS 6.x names OID_CO_AF_CLOSE alone does not satisfy CLOSE-09.",
		Page:      net + "oid-co-af-close",
	},
	{
		Name:      "AMB-20",
		Issue:     "How long is the AddressFamily pointer of a notification valid?",
		Treatment: "The twelve bytes are taken at the notification; addresses are never compared.",
		NotStrict: "A trace holds the bytes and not the pointer, so that no use of it can be seen.",
		Page:      nc + "protocol_co_af_register_notify",
	},
	{
		Name:      "AMB-21",
		Issue:     "Does a binding close from ProtocolUnbindAdapterEx on, or from NdisCloseAdapterEx on?",
		Treatment: "For REG-05 and OPEN-03 SUCCESS between the two is a warning, after NdisCloseAdapterEx an error.",
		Strict:    "From ProtocolUnbindAdapterEx on: SUCCESS between the two is an error too (REG-05, OPEN-03).",
		Page:      net + "binding-states-of-a-protocol-driver",
	},
	{
		Name:      "AMB-22",
		Issue:     "Does a miniport call manager take an address family away from a stand-alone call manager?",
		Treatment: "No: the later stand-alone call manager is refused, which is REG-14. No registration is withdrawn by force.",
		NotStrict: "The default is the stricter reading: the other one would let a second claim succeed.",
		Page:      net + "registering-and-opening-an-address-family",
	},
	{
		Name:      "AMB-23",
		Issue:     "May a client open a second address family on a binding while a first open pends?",
		Treatment: "It is info. Any other CO operation in that time is OPEN-09.",
		Strict:    "No: it is an error as every other CO operation (OPEN-09).",
		Page:      nf + "ndiscmopenaddressfamilycomplete",
	},
	{
		Name:      "AMB-24",
		Issue:     "What does a CO protocol driver without call-manager handlers get when it registers an address family?",
		Treatment: "FAILURE is expected, SUCCESS accepted and reported as info under ROLE-04.",
		Strict:    "FAILURE: SUCCESS is an error (ROLE-04).",
		Page:      nf + "ndiscmregisteraddressfamilyex",
	},
	{
		Name:      "AMB-25",
		Issue:     "When and on which thread does the callback of a notify-close run, and how many may be outstanding?",
		Treatment: "Any interleaving across handles is accepted, one at a time for each handle.",
		NotStrict: "Thread and order are NDIS's own choice, which no page restricts; one at a time for each handle is required anyway (CLOSE-21).",
		Page:      nf + "ndiscmnotifycloseaddressfamily",
	},
}
