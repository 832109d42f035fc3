package rule

// Ambiguity is a point on which the documentation disagrees with itself or is silent.
type Ambiguity struct {
	Name      string // "AMB-01"
	Issue     string
	Treatment string // what replay does by default
}

// Ambiguities returns the table in its order. It is shared and must not be written to.
func Ambiguities() []Ambiguity { return ambiguities[:] }

var ambiguities = [...]Ambiguity{
	{
		"AMB-01", "Is an address family identified by its type alone, or by its type and versions?",
		"By its type, PROXY flag included. Where only the versions differ both SUCCESS and FAILURE are accepted and reported as info. Identity by all twelve bytes is an option.",
	},
	{
		"AMB-02", "How does a registration end? No function deregisters an address family.",
		"It ends with the owner's NdisCloseAdapterEx or halt. From the beginning of the unbind on, new opens are refused. A deregistration is never required.",
	},
	{
		"AMB-03", "May one stand-alone call manager register the same address family twice on one binding?",
		"SUCCESS and FAILURE are accepted and reported as info. From a miniport call manager FAILURE is required.",
	},
	{
		"AMB-04", "Who is notified of a registration, and in which order?",
		"The notifications of one registration are a set without order. Those to call managers, the registrant included, are optional.",
	},
	{
		"AMB-05", "Is a client notified after the bind of the call manager, or from within its registering call?",
		"After the bind, or after its completion if it pended. Earlier is a warning, before the registering call an error.",
	},
	{
		"AMB-06", "When the call manager answers at once, does the client get the status or PENDING and a callback?",
		"Both are accepted, with exactly one completion in all.",
	},
	{
		"AMB-07", "What happens when an address family is closed with live VCs or SAPs, and is its handle usable after a failed close?",
		"CLOSE-02 is reported; then FAILURE by NDIS, NOT_ACCEPTED by the call manager and PENDING are all accepted. After a failed close the address family counts as open, and CLOSE-07 is info.",
	},
	{
		"AMB-08", "Must a client unbind after a failed open?",
		"No: info only.",
	},
	{
		"AMB-09", "Does NDIS complete the activations and deactivations of a miniport call manager by a callback?",
		"None or one completion is accepted, whatever the return.",
	},
	{
		"AMB-10", "Must a VC be active when an incoming call is dispatched, or only later?",
		"Not active at the dispatch is a warning, not active at call-connected an error.",
	},
	{
		"AMB-11", "Is CallMgrAfContext valid after ProtocolCmCloseAf, when a notify-close still pends?",
		"It counts as valid until ProtocolCmNotifyCloseAfComplete. Its use for another open in between is info.",
	},
	{
		"AMB-12", "Is a VC deactivated before or after the completion of the close call, and what is the state after a close that failed?",
		"Either order is accepted; both are required before the delete. After a failed close the call returns to its previous state.",
	},
	{
		"AMB-13", "Does NdisMCmNotifyCloseAddressFamily, documented as a void macro, return a status?",
		"It does, as the stand-alone variant does.",
	},
	{
		"AMB-14", "The sixteen NdisMCm macros: what does a tracer see?",
		"At export level the NdisCm function of the same name, called by a miniport driver, is accepted.",
	},
	{
		"AMB-15", "Must the three name and TAPI utilities run at DISPATCH_LEVEL exactly?",
		"A higher level is an error, a lower one a warning.",
	},
	{
		"AMB-16", "May a call manager register an address family outside its bind handler?",
		"It is a warning, which can be suppressed. The notification may then come right after the call.",
	},
	{
		"AMB-17", "At which IRQL does NDIS call ProtocolCmOpenAf and the completion of an open?",
		"ProtocolCmOpenAf up to DISPATCH_LEVEL, ProtocolClOpenAfCompleteEx at PASSIVE_LEVEL.",
	},
	{
		"AMB-18", "Is a SAP still there after its deregistration failed?",
		"For the client it is gone; reported as info.",
	},
	{
		"AMB-19", "OID_CO_AF_CLOSE or notify-close: which does a call manager use in NDIS 6.x?",
		"Either satisfies CLOSE-09. Both for one open address family is info.",
	},
	{
		"AMB-20", "How long is the AddressFamily pointer of a notification valid?",
		"The twelve bytes are taken at the notification; addresses are never compared.",
	},
	{
		"AMB-21", "Does a binding close from ProtocolUnbindAdapterEx on, or from NdisCloseAdapterEx on?",
		"For REG-05 and OPEN-03 SUCCESS between the two is a warning, after NdisCloseAdapterEx an error.",
	},
	{
		"AMB-22", "Does a miniport call manager take an address family away from a stand-alone call manager?",
		"No: the later stand-alone call manager is refused, which is REG-14. No registration is withdrawn by force.",
	},
	{
		"AMB-23", "May a client open a second address family on a binding while a first open pends?",
		"It is info. Any other CO operation in that time is OPEN-09.",
	},
	{
		"AMB-24", "What does a CO protocol driver without call-manager handlers get when it registers an address family?",
		"FAILURE is expected, SUCCESS accepted and reported as info under ROLE-04.",
	},
	{
		"AMB-25", "When and on which thread does the callback of a notify-close run, and how many may be outstanding?",
		"Any interleaving across handles is accepted, one at a time for each handle.",
	},
}
