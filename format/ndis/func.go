// Package ndis is the vocabulary of the CoNDIS interface as data: functions and callbacks
// with their parameters and the place of each in a trace, statuses, address families,
// OIDs, IRQLs, handler structures, and the keys of the detail column. Collectors, replay,
// scenarios and documentation are driven by these tables.
//
// Everything here is constant after initialization and safe for concurrent use.
package ndis

import "iter"

// Func is a function or callback of the CoNDIS interface. Its value is its index in the
// pre-seeded dictionary of the trace's function column, so the order below is part of
// the file format: new names go to the end.
type Func uint16

const (
	FuncNone    Func = iota // empty name: gap rows
	FuncUnknown             // "?": a name outside the vocabulary, see detail.function

	// 3.1 driver and binding frame
	NdisRegisterProtocolDriver
	ProtocolSetOptions
	MiniportSetOptions
	NdisSetOptionalHandlers
	NdisDeregisterProtocolDriver
	ProtocolBindAdapterEx
	NdisOpenAdapterEx
	ProtocolOpenAdapterCompleteEx
	NdisCompleteBindAdapterEx
	ProtocolUnbindAdapterEx
	NdisCompleteUnbindAdapterEx
	NdisCloseAdapterEx
	ProtocolCloseAdapterCompleteEx
	NdisUnbindAdapter
	MiniportInitializeEx
	MiniportHaltEx
	NdisMSetMiniportAttributes
	NdisMRegisterMiniportDriver
	NdisMDeregisterMiniportDriver
	ProtocolNetPnPEvent
	MiniportDevicePnPEventNotify
	ProtocolUninstall

	// 3.2 AF registration and notification
	NdisCmRegisterAddressFamilyEx
	NdisMCmRegisterAddressFamilyEx
	ProtocolCoAfRegisterNotify

	// 3.3 AF open
	NdisClOpenAddressFamilyEx
	ProtocolCmOpenAf
	NdisCmOpenAddressFamilyComplete
	NdisMCmOpenAddressFamilyComplete
	ProtocolClOpenAfCompleteEx

	// 3.4 AF close
	NdisClCloseAddressFamily
	ProtocolCmCloseAf
	NdisCmCloseAddressFamilyComplete
	NdisMCmCloseAddressFamilyComplete
	ProtocolClCloseAfComplete
	NdisCmNotifyCloseAddressFamily
	NdisMCmNotifyCloseAddressFamily
	ProtocolClNotifyCloseAf
	NdisClNotifyCloseAddressFamilyComplete
	ProtocolCmNotifyCloseAfComplete

	// 3.5 SAP
	NdisClRegisterSap
	ProtocolCmRegisterSap
	NdisCmRegisterSapComplete
	NdisMCmRegisterSapComplete
	ProtocolClRegisterSapComplete
	NdisClDeregisterSap
	ProtocolCmDeregisterSap
	NdisCmDeregisterSapComplete
	NdisMCmDeregisterSapComplete
	ProtocolClDeregisterSapComplete

	// 3.6 VC
	NdisCoCreateVc
	NdisMCmCreateVc
	ProtocolCoCreateVc
	MiniportCoCreateVc
	NdisCmActivateVc
	NdisMCmActivateVc
	MiniportCoActivateVc
	NdisMCoActivateVcComplete
	ProtocolCmActivateVcComplete
	NdisCmDeactivateVc
	NdisMCmDeactivateVc
	MiniportCoDeactivateVc
	NdisMCoDeactivateVcComplete
	ProtocolCmDeactivateVcComplete
	NdisCoDeleteVc
	NdisMCmDeleteVc
	ProtocolCoDeleteVc
	MiniportCoDeleteVc
	NdisCoAssignInstanceName
	NdisCoGetTapiCallId
	NdisClGetProtocolVcContextFromTapiCallId

	// 3.7 calls
	NdisClMakeCall
	ProtocolCmMakeCall
	NdisCmMakeCallComplete
	NdisMCmMakeCallComplete
	ProtocolClMakeCallComplete
	NdisCmDispatchIncomingCall
	NdisMCmDispatchIncomingCall
	ProtocolClIncomingCall
	NdisClIncomingCallComplete
	ProtocolCmIncomingCallComplete
	NdisCmDispatchCallConnected
	NdisMCmDispatchCallConnected
	ProtocolClCallConnected
	NdisClCloseCall
	ProtocolCmCloseCall
	NdisCmCloseCallComplete
	NdisMCmCloseCallComplete
	ProtocolClCloseCallComplete
	NdisCmDispatchIncomingCloseCall
	NdisMCmDispatchIncomingCloseCall
	ProtocolClIncomingCloseCall

	// 3.8 QoS
	NdisClModifyCallQoS
	ProtocolCmModifyCallQoS
	NdisCmModifyCallQoSComplete
	NdisMCmModifyCallQoSComplete
	ProtocolClModifyCallQoSComplete
	NdisCmDispatchIncomingCallQoSChange
	NdisMCmDispatchIncomingCallQoSChange
	ProtocolClIncomingCallQoSChange

	// 3.9 parties
	NdisClAddParty
	ProtocolCmAddParty
	NdisCmAddPartyComplete
	NdisMCmAddPartyComplete
	ProtocolClAddPartyComplete
	NdisClDropParty
	ProtocolCmDropParty
	NdisCmDropPartyComplete
	NdisMCmDropPartyComplete
	ProtocolClDropPartyComplete
	NdisCmDispatchIncomingDropParty
	NdisMCmDispatchIncomingDropParty
	ProtocolClIncomingDropParty

	// 3.10 CO OID requests
	NdisCoOidRequest
	NdisMCmOidRequest
	ProtocolCoOidRequest
	MiniportCoOidRequest
	NdisCoOidRequestComplete
	NdisMCmOidRequestComplete
	NdisMCoOidRequestComplete
	ProtocolCoOidRequestComplete

	// data path and status named by the handler tables and rules
	NdisCoSendNetBufferLists
	ProtocolCoSendNetBufferListsComplete
	ProtocolCoReceiveNetBufferLists
	ProtocolCoStatusEx
	MiniportCoSendNetBufferLists
	NdisMCoSendNetBufferListsComplete
	NdisMCoIndicateReceiveNetBufferLists
	NdisMCoIndicateStatusEx

	// 3.11 NDIS 5.x names
	NdisCmRegisterAddressFamily
	NdisMCmRegisterAddressFamily
	NdisClOpenAddressFamily
	ProtocolClOpenAfComplete
	ProtocolCoRequest
	ProtocolCoRequestComplete
	MiniportCoRequest
	NdisCoRequest
	NdisCoRequestComplete
	NdisMCmRequest
	NdisMCmRequestComplete
	NdisMCoRequestComplete
	NdisCoSendPackets
	NdisMCoSendComplete
	NdisMCoIndicateReceivePacket
	NdisMCoIndicateStatus
	NdisRegisterProtocol
	NdisDeregisterProtocol
	NdisOpenAdapter
	NdisCloseAdapter
	ProtocolBindAdapter
	ProtocolUnbindAdapter
	NdisMSetAttributesEx

	NumFuncs // number of dictionary values
)

// byName finds a Func by its documented name.
var byName = func() map[string]Func {
	m := make(map[string]Func, NumFuncs)
	for f := range functions {
		m[functions[f].Name] = Func(f)
	}
	return m
}()

// String is the documented name, the value of the trace's function column: "" for
// FuncNone, "?" for FuncUnknown and for a value outside the vocabulary.
func (f Func) String() string { return f.Info().Name }

// Info returns what the documentation says of f. It never returns nil: FuncNone,
// FuncUnknown and values outside the vocabulary give an entry without parameters. The
// table is shared and must not be written to.
func (f Func) Info() *Function {
	if f >= NumFuncs {
		f = FuncUnknown
	}
	return &functions[f]
}

// Lookup finds the function with a documented name: FuncNone for "", FuncUnknown for a
// name outside the vocabulary. Names are case-sensitive, as in the trace.
func Lookup(name string) Func {
	if f, ok := byName[name]; ok {
		return f
	}
	return FuncUnknown
}

// LookupBytes is Lookup for a name in a buffer. It does not allocate.
func LookupBytes(name []byte) Func {
	if f, ok := byName[string(name)]; ok {
		return f
	}
	return FuncUnknown
}

// Names returns the values of the function dictionary of a trace in order: Names()[f] is
// f.String(). The caller may keep and change the slice.
func Names() []string {
	names := make([]string, NumFuncs)
	for f := range names {
		names[f] = functions[f].Name
	}
	return names
}

// Functions yields the vocabulary in order, without FuncNone and FuncUnknown.
func Functions() iter.Seq2[Func, *Function] {
	return func(yield func(Func, *Function) bool) {
		for f := FuncUnknown + 1; f < NumFuncs; f++ {
			if !yield(f, &functions[f]) {
				return
			}
		}
	}
}
