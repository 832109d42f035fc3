package explain

import (
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// advice is where to look in the driver at fault, by group of rules; by group and actor
// where a client and a call manager have different things to look at.
var advice = map[string]string{
	"BIND":              "Look at the bind and unbind handlers of the driver: what ProtocolBindAdapterEx opens, every way out of it and ProtocolUnbindAdapterEx close, and nothing uses the NdisBindingHandle afterwards.",
	"REG":               "Look at where the call manager registers its address families: once for each binding, from ProtocolBindAdapterEx (a miniport: MiniportInitializeEx), and with the status checked.",
	"NOTE":              "Look at when the driver registers and binds: clients are notified once for each registration, when the bind of the call manager and their own have completed.",
	"OPEN client":       "Look at ProtocolCoAfRegisterNotify of the client: it opens from there what it was notified of, uses the NdisAfHandle only after the open has succeeded, and releases the binding if none does.",
	"OPEN call-manager": "Look at ProtocolCmOpenAf of the call manager: one answer for each open, at once or, after PENDING, through the completion function, on every path out of the work that it waits for.",
	"OPEN":              "Look at who opens the address family and who answers: one answer for each open, and the handle is used only after it.",
	"CLOSE client":      "Look at the close path of the client: SAPs, VCs and parties go first, then NdisClCloseAddressFamily once, and nothing uses the NdisAfHandle or its contexts afterwards.",
	"CLOSE":             "Look at ProtocolCmCloseAf of the call manager: one answer for each close, at once or, after PENDING, through the completion function, and nothing uses the NdisAfHandle or its contexts afterwards.",
	"SAP":               "Look at how SAPs are registered and deregistered: one answer each, and the NdisSapHandle is not used after its end.",
	"VC":                "Look at who creates, activates and deletes the VC: its creator deletes it, once, and only when it is not active and carries no call.",
	"CALL":              "Look at the call state of the VC: one call at a time, each offer and each request answered once, and the close before the VC goes.",
	"QOS":               "Look at where the parameters of the call change: they hold only after the request to change them has succeeded.",
	"PARTY":             "Look at the multipoint call: each party is added and dropped once, and the last one goes with the call.",
	"USE":               "Look at what keeps the handle or context after the end of its object: clear it where the object goes.",
	"LEAK":              "Look at what the driver makes and does not give back, and at each error path of the function that makes it.",
	"ROLE":              "Look at which handlers the driver registers and which variant of the functions it calls: NdisCl for clients, NdisCm for call managers, NdisMCm for miniport call managers.",
	"OID":               "Look at ProtocolCoOidRequest: one answer for each request, at once or, after PENDING, through the completion function.",
	"IRQL":              "Look at what lock or DPC the call is made from: the page says at which IRQL it may be.",
	"UNLOAD":            "Look at the unload and halt handlers: everything is closed and has completed before they return.",
}

// next says what to do about a finding.
func next(f *replay.Finding) (list []string) {
	if f.Inconclusive {
		list = append(list, "This may be no defect: "+f.Why+". Record again, with more or larger buffers or fewer events, so that nothing is lost, and see whether it comes back.")
	}
	if f.AtEnd {
		list = append(list, "It was still due when the trace ended: a longer recording shows whether it comes.")
	}
	if f.AtFault == rule.NDIS {
		return append(list,
			"NDIS is at fault by the documentation. Rule out the recording first: every driver on the adapter has to be captured, in the order in which things happened.",
			"Then look at the drivers on both sides: a filter or a hook between them and NDIS that changes a status or a handle looks like this.")
	}
	ru := f.Rule.Rule()
	if ru == nil {
		return list
	}
	if s := advice[ru.Group+" "+f.AtFault.String()]; s != "" {
		return append(list, s)
	}
	return append(list, advice[ru.Group])
}

func nextOfConflict(x *replay.Conflict) (list []string) {
	if x.Inconclusive {
		list = append(list, "This may be none: "+x.Why+". Record again so that nothing is lost.")
	}
	switch x.Kind {
	case replay.ConflictRefusedRegistration:
		return append(list, "Decide which of the two drivers is to serve the address family on this adapter, and unbind or disable the other one there. Which comes first depends on the order of binding, which may change at each start.")
	case replay.ConflictAcceptedRegistration:
		return append(list, "Two drivers serve one address family: clients are notified of both. Unbind or disable one of them, and see the finding of the same row.")
	case replay.ConflictRefusedSAP:
		return append(list, "Give the two clients different SAPs, or let only one of them run on this adapter.")
	}
	switch x.Cause {
	case replay.CauseNotYet:
		return append(list, "The client came too early: it is to open the address family from ProtocolCoAfRegisterNotify, which NDIS calls when it is there.")
	case replay.CauseNoMore:
		return append(list, "The call manager went while the client still counted on it: look at why it was unbound, and let the client open only when it is notified.")
	case replay.CauseOtherVersion:
		return append(list, "Client and call manager are of different versions of the address family: update one of them.")
	}
	return append(list, "No call manager for this address family is on the adapter: see that its driver is installed, started and bound, and that the recording began before it.")
}
