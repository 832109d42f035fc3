package ndis

// JSON is the form of a value in the detail column. Handles and contexts are written as
// hex strings because JSON numbers lose bits above 2^53; readers take numbers too.
type JSON uint8

const (
	JSONHandle  JSON = iota // hex string, "0xffffa80012345678"
	JSONInteger             // number or hex string
	JSONBool
	JSONString
	JSONStrings // string, or array of strings
)

func (j JSON) String() string {
	return [...]string{"hex string", "integer or hex string", "boolean", "string", "string or array of strings"}[j]
}

// DetailKey is a key of the detail column.
type DetailKey struct {
	Name      string
	JSON      JSON
	Values    []string // closed vocabulary of a string; nil if it is open
	Meaning   string
	Functions []Func   // rows that carry it; nil if any may
	Rules     []string // rules and ambiguities whose treatment depends on it
}

// DetailKeys is every key that the replay understands, by name. Other keys may be present
// in a trace and are kept. The table must not be written to.
var DetailKeys = []DetailKey{
	{
		Name: "adapter_name", JSON: JSONString,
		Meaning:   "name of the adapter in the bind or open parameters; joins rows that name one adapter in different ways",
		Functions: []Func{ProtocolBindAdapterEx, NdisOpenAdapterEx, MiniportInitializeEx, NdisOpenAdapter, ProtocolBindAdapter},
		Rules:     []string{"REG-01", "REG-11", "REG-14", "NOTE-01", "NOTE-02", "NOTE-03", "OPEN-02"},
	},
	{
		Name: "bind_context", JSON: JSONHandle,
		Meaning:   "BindContext (BindAdapterContext) of one bind upcall, passed on to the open and to the bind's completion",
		Functions: []Func{ProtocolBindAdapterEx, NdisOpenAdapterEx, NdisCompleteBindAdapterEx, ProtocolBindAdapter},
		Rules:     []string{"BIND-01", "BIND-03", "BIND-06", "BIND-12", "REG-07"},
	},
	{
		Name: "call_params", JSON: JSONString,
		Meaning: "what CO_CALL_PARAMETERS and the structures it points to contain, as hex bytes or as a digest: equal strings mean equal parameters; never the address",
		Functions: []Func{
			NdisCmActivateVc, NdisMCmActivateVc, MiniportCoActivateVc, NdisMCoActivateVcComplete, ProtocolCmActivateVcComplete,
			NdisClMakeCall, ProtocolCmMakeCall, NdisCmMakeCallComplete, NdisMCmMakeCallComplete, ProtocolClMakeCallComplete,
			NdisCmDispatchIncomingCall, NdisMCmDispatchIncomingCall, ProtocolClIncomingCall, NdisClIncomingCallComplete, ProtocolCmIncomingCallComplete,
			NdisClModifyCallQoS, ProtocolCmModifyCallQoS, NdisCmModifyCallQoSComplete, NdisMCmModifyCallQoSComplete, ProtocolClModifyCallQoSComplete,
			NdisCmDispatchIncomingCallQoSChange, NdisMCmDispatchIncomingCallQoSChange, ProtocolClIncomingCallQoSChange,
			NdisClAddParty, ProtocolCmAddParty, NdisCmAddPartyComplete, NdisMCmAddPartyComplete, ProtocolClAddPartyComplete,
		},
		Rules: []string{"CALL-18", "QOS-03"},
	},
	{
		Name: "caller", JSON: JSONString, Values: []string{"ndis", "self"},
		Meaning: "who ran a completion callback: NDIS, or the driver itself because nothing pended; without it such a run proves neither a double nor an unexpected completion",
		Functions: []Func{
			ProtocolClOpenAfCompleteEx, ProtocolClCloseAfComplete, ProtocolClRegisterSapComplete, ProtocolClDeregisterSapComplete,
			ProtocolCmActivateVcComplete, ProtocolCmDeactivateVcComplete, ProtocolClMakeCallComplete, ProtocolCmIncomingCallComplete,
			ProtocolClCloseCallComplete, ProtocolClModifyCallQoSComplete, ProtocolClAddPartyComplete, ProtocolClDropPartyComplete,
			ProtocolCmNotifyCloseAfComplete, ProtocolCoOidRequestComplete, ProtocolOpenAdapterCompleteEx, ProtocolCloseAdapterCompleteEx,
			ProtocolClOpenAfComplete, ProtocolCoRequestComplete,
		},
		Rules: []string{"BIND-06", "OPEN-13", "CLOSE-15", "CLOSE-18", "SAP-04", "VC-09", "CALL-03", "CALL-13", "QOS-01", "PARTY-02", "OID-01", "AMB-06"},
	},
	{
		Name: "co", JSON: JSONBool,
		Meaning:   "whether the driver has CO characteristics: short form of handlers protocol-co or miniport-co",
		Functions: []Func{NdisSetOptionalHandlers, MiniportInitializeEx, ProtocolBindAdapterEx, NdisOpenAdapterEx, NdisRegisterProtocolDriver, NdisMRegisterMiniportDriver},
		Rules:     []string{"ROLE-04", "REG-03", "REG-04", "REG-09", "NOTE-07", "AMB-24", "NOTE-01", "NOTE-02", "NOTE-10"},
	},
	{
		Name: "flags", JSON: JSONInteger,
		Meaning: "CO_CALL_PARAMETERS.Flags: CALL_PARAMETERS_CHANGED 0x02, MULTIPOINT_VC 0x10 and others",
		Functions: []Func{
			NdisCmActivateVc, NdisMCmActivateVc, MiniportCoActivateVc, NdisMCoActivateVcComplete, ProtocolCmActivateVcComplete,
			NdisClMakeCall, ProtocolCmMakeCall, NdisCmMakeCallComplete, NdisMCmMakeCallComplete, ProtocolClMakeCallComplete,
			NdisCmDispatchIncomingCall, NdisMCmDispatchIncomingCall, ProtocolClIncomingCall, NdisClIncomingCallComplete, ProtocolCmIncomingCallComplete,
			NdisClModifyCallQoS, ProtocolCmModifyCallQoS, NdisCmModifyCallQoSComplete, NdisMCmModifyCallQoSComplete, ProtocolClModifyCallQoSComplete,
			NdisCmDispatchIncomingCallQoSChange, NdisMCmDispatchIncomingCallQoSChange, ProtocolClIncomingCallQoSChange,
			NdisClAddParty, ProtocolCmAddParty, NdisCmAddPartyComplete, NdisMCmAddPartyComplete, ProtocolClAddPartyComplete,
		},
		Rules: []string{"CALL-18", "PARTY-08"},
	},
	{
		Name: "function", JSON: JSONString,
		Meaning:   "name of a function outside the vocabulary",
		Functions: []Func{FuncUnknown},
	},
	{
		Name: "halt_action", JSON: JSONString,
		Meaning:   "HaltAction: NdisHaltDeviceDisabled, NdisHaltDeviceSurpriseRemoved, …",
		Functions: []Func{MiniportHaltEx},
		Rules:     []string{"UNLOAD-02"},
	},
	{
		Name: "handler_set", JSON: JSONString,
		Meaning:   "identity of the set of handler addresses passed: equal strings mean the same entry points",
		Functions: []Func{NdisSetOptionalHandlers, NdisCmRegisterAddressFamily, NdisMCmRegisterAddressFamily, NdisClOpenAddressFamily},
		Rules:     []string{"REG-16"},
	},
	{
		Name: "handlers", JSON: JSONStrings, Values: []string{"protocol-co", "miniport-co", "client", "call-manager"},
		Meaning:   "the optional-handler structures passed, by the short names of HandlerSets",
		Functions: []Func{NdisSetOptionalHandlers, NdisCmRegisterAddressFamily, NdisMCmRegisterAddressFamily, NdisClOpenAddressFamily},
		Rules:     []string{"ROLE-01", "ROLE-02", "ROLE-03", "ROLE-04", "ROLE-05", "ROLE-06", "ROLE-08", "REG-03", "REG-04", "NOTE-07", "OPEN-17", "VC-03", "VC-05", "VC-14", "AMB-24", "NOTE-01", "NOTE-02", "NOTE-10"},
	},
	{
		Name: "if_index", JSON: JSONInteger,
		Meaning:   "interface index of the adapter; joins rows that name one adapter in different ways",
		Functions: []Func{ProtocolBindAdapterEx, NdisOpenAdapterEx, MiniportInitializeEx},
		Rules:     []string{"REG-01", "REG-11", "REG-14", "NOTE-01", "NOTE-02", "NOTE-03", "OPEN-02"},
	},
	{
		Name: "if_luid", JSON: JSONInteger,
		Meaning:   "interface LUID of the adapter, 64 bits; joins rows that name one adapter in different ways",
		Functions: []Func{ProtocolBindAdapterEx, NdisOpenAdapterEx, MiniportInitializeEx},
		Rules:     []string{"REG-01", "REG-11", "REG-14", "NOTE-01", "NOTE-02", "NOTE-03", "OPEN-02"},
	},
	{
		Name: "inferred", JSON: JSONBool,
		Meaning: "the row was concluded from others, not observed: no finding on it is stronger than inconclusive",
	},
	{
		Name: "level", JSON: JSONString, Values: []string{"api", "export"},
		Meaning: "for this row, what aftrace.level says for the trace: api if the name is the one the driver called, export if macros show as the NdisCm function they stand for",
		Rules:   []string{"ROLE-01", "ROLE-02", "OPEN-17", "AMB-14"},
	},
	{
		Name: "miniport_context", JSON: JSONHandle,
		Meaning:   "MiniportAdapterContext given to NDIS in the attributes",
		Functions: []Func{NdisMSetMiniportAttributes, NdisMSetAttributesEx},
		Rules:     []string{"OPEN-19", "OPEN-04", "OPEN-05"},
	},
	{
		Name: "miniport_driver", JSON: JSONHandle,
		Meaning:   "NdisMiniportDriverHandle; on NdisSetOptionalHandlers the NdisHandle of a miniport driver",
		Functions: []Func{MiniportSetOptions, NdisSetOptionalHandlers, NdisMRegisterMiniportDriver, NdisMDeregisterMiniportDriver},
		Rules:     []string{"ROLE-04", "ROLE-06", "REG-04"},
	},
	{
		Name: "multipoint", JSON: JSONBool,
		Meaning: "the flag MULTIPOINT_VC of the call parameters: short form of flags",
		Functions: []Func{
			NdisCmActivateVc, NdisMCmActivateVc, MiniportCoActivateVc, NdisMCoActivateVcComplete, ProtocolCmActivateVcComplete,
			NdisClMakeCall, ProtocolCmMakeCall, NdisCmMakeCallComplete, NdisMCmMakeCallComplete, ProtocolClMakeCallComplete,
			NdisCmDispatchIncomingCall, NdisMCmDispatchIncomingCall, ProtocolClIncomingCall, NdisClIncomingCallComplete, ProtocolCmIncomingCallComplete,
			NdisClModifyCallQoS, ProtocolCmModifyCallQoS, NdisCmModifyCallQoSComplete, NdisMCmModifyCallQoSComplete, ProtocolClModifyCallQoSComplete,
			NdisCmDispatchIncomingCallQoSChange, NdisMCmDispatchIncomingCallQoSChange, ProtocolClIncomingCallQoSChange,
			NdisClAddParty, ProtocolCmAddParty, NdisCmAddPartyComplete, NdisMCmAddPartyComplete, ProtocolClAddPartyComplete,
		},
		Rules: []string{"PARTY-08"},
	},
	{
		Name: "nbl", JSON: JSONHandle,
		Meaning: "address of the first NET_BUFFER_LIST (5.x: packet): names a send until it is completed",
		Functions: []Func{
			NdisCoSendNetBufferLists, ProtocolCoSendNetBufferListsComplete, ProtocolCoReceiveNetBufferLists, MiniportCoSendNetBufferLists,
			NdisMCoSendNetBufferListsComplete, NdisMCoIndicateReceiveNetBufferLists, NdisCoSendPackets, NdisMCoSendComplete, NdisMCoIndicateReceivePacket,
		},
		Rules: []string{"CALL-12", "UNLOAD-03"},
	},
	{
		Name: "null_slots", JSON: JSONStrings,
		Meaning:   "fields of the structures passed that are NULL, by the names in HandlerSets; an empty array says that all are set",
		Functions: []Func{NdisSetOptionalHandlers, NdisCmRegisterAddressFamily, NdisMCmRegisterAddressFamily, NdisClOpenAddressFamily},
		Rules:     []string{"ROLE-05", "ROLE-06"},
	},
	{
		Name: "oid", JSON: JSONInteger,
		Meaning: "the OID of the request",
		Functions: []Func{
			NdisCoOidRequest, NdisMCmOidRequest, ProtocolCoOidRequest, MiniportCoOidRequest, NdisCoOidRequestComplete,
			NdisMCmOidRequestComplete, NdisMCoOidRequestComplete, ProtocolCoOidRequestComplete,
			ProtocolCoRequest, ProtocolCoRequestComplete, MiniportCoRequest, NdisCoRequest, NdisCoRequestComplete,
			NdisMCmRequest, NdisMCmRequestComplete, NdisMCoRequestComplete,
		},
		Rules: []string{"OID-03", "OID-04", "CLOSE-09", "AMB-19"},
	},
	{
		Name: "oid_request", JSON: JSONHandle,
		Meaning: "address of the request structure: names a request until it is completed",
		Functions: []Func{
			NdisCoOidRequest, NdisMCmOidRequest, ProtocolCoOidRequest, MiniportCoOidRequest, NdisCoOidRequestComplete,
			NdisMCmOidRequestComplete, NdisMCoOidRequestComplete, ProtocolCoOidRequestComplete,
			ProtocolCoRequest, ProtocolCoRequestComplete, MiniportCoRequest, NdisCoRequest, NdisCoRequestComplete,
			NdisMCmRequest, NdisMCmRequestComplete, NdisMCoRequestComplete,
		},
		Rules: []string{"OID-01", "OID-02", "LEAK-02", "UNLOAD-03"},
	},
	{
		Name: "pnp_event", JSON: JSONString,
		Meaning:   "the PnP event: NetEventQueryRemoveDevice, NdisDevicePnPEventSurpriseRemoved, …",
		Functions: []Func{ProtocolNetPnPEvent, MiniportDevicePnPEventNotify},
		Rules:     []string{"UNLOAD-02"},
	},
	{
		Name: "protocol", JSON: JSONHandle,
		Meaning:   "NdisProtocolHandle: names the protocol driver; on NdisSetOptionalHandlers the NdisHandle of a protocol driver, which may be a binding handle",
		Functions: []Func{NdisRegisterProtocolDriver, ProtocolSetOptions, NdisSetOptionalHandlers, NdisDeregisterProtocolDriver, NdisOpenAdapterEx, NdisRegisterProtocol, NdisDeregisterProtocol, NdisOpenAdapter},
		Rules:     []string{"BIND-09", "BIND-11", "ROLE-04", "REG-03", "REG-09", "LEAK-01", "UNLOAD-01", "ROLE-07", "OPEN-15", "VC-04"},
	},
	{
		Name: "role", JSON: JSONStrings, Values: []string{"client", "call-manager", "miniport", "mcm"},
		Meaning: "roles the driver plays: short form of handlers",
		Rules:   []string{"ROLE-01", "ROLE-02", "ROLE-03", "ROLE-04", "ROLE-06", "ROLE-08", "REG-03", "OPEN-17", "VC-03", "VC-05", "VC-14", "AMB-24"},
	},
	{
		Name: "sap", JSON: JSONString,
		Meaning:   "the bytes of CO_SAP.Sap as hex, or a digest of them: equal strings mean equal SAPs; never the address",
		Functions: []Func{NdisClRegisterSap, ProtocolCmRegisterSap, ProtocolClRegisterSapComplete},
		Rules:     []string{"SAP-02"},
	},
	{
		Name: "sap_type", JSON: JSONInteger,
		Meaning:   "CO_SAP.SapType",
		Functions: []Func{NdisClRegisterSap, ProtocolCmRegisterSap, ProtocolClRegisterSapComplete},
		Rules:     []string{"SAP-02"},
	},
	{
		Name: "since_ts", JSON: JSONInteger,
		Meaning:   "on a gap row: nanoseconds since the Unix epoch, the earliest time at which an event can be missing",
		Functions: []Func{FuncNone},
	},
	{
		Name: "unbind_context", JSON: JSONHandle,
		Meaning:   "UnbindContext of one unbind upcall, passed on to its completion",
		Functions: []Func{ProtocolUnbindAdapterEx, NdisCompleteUnbindAdapterEx, ProtocolUnbindAdapter},
		Rules:     []string{"BIND-04", "BIND-06"},
	},
}

// Detail returns the entry of a key, nil if the replay does not understand it.
func Detail(name string) *DetailKey {
	for i := range DetailKeys {
		if DetailKeys[i].Name == name {
			return &DetailKeys[i]
		}
	}
	return nil
}
