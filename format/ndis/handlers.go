package ndis

// HandlerSet is a characteristics structure that a driver passes to
// NdisSetOptionalHandlers: what makes it connection-oriented, a client or a call manager.
//
// Every structure is an NDIS_OBJECT_HEADER (type and revision, one byte each; size, two
// bytes), one reserved ULONG, then the handlers from offset 8 on, 4 bytes each on x86
// and 8 on x64. The revision is 1.
type HandlerSet struct {
	Short      string // in detail.handlers
	Structure  string // documented name
	ObjectType uint8  // NDIS_OBJECT_HEADER.Type
	Roles      Roles  // who passes it
	From       []Func // where it is passed

	// Header.Size values to accept. The last one runs through the last field; a shorter one
	// before it is what the WDK macro for revision 1 gives, and says nothing about the slots.
	SizesX86, SizesX64 []uint16

	Slots []Slot
	Page  string
}

// Slot is one handler field of a structure.
type Slot struct {
	Name string // documented field name
	Func Func   // the callback in it
}

// NullForMCM says whether a miniport call manager should leave the slot NULL: NDIS calls
// its ProtocolCoCreateVc and ProtocolCoDeleteVc instead.
func (s *Slot) NullForMCM() bool { return s.Func == MiniportCoCreateVc || s.Func == MiniportCoDeleteVc }

const ns = "https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/ns-ndis-"

// HandlerSets is the four structures in order of their object types. The table must not
// be written to.
var HandlerSets = []HandlerSet{
	{
		Short: "protocol-co", Structure: "NDIS_PROTOCOL_CO_CHARACTERISTICS", ObjectType: 0x90,
		Roles: RoleClient | RoleCallManager, From: []Func{ProtocolSetOptions},
		SizesX86: []uint16{24}, SizesX64: []uint16{40},
		Slots: []Slot{
			{"CoStatusHandlerEx", ProtocolCoStatusEx},
			{"CoAfRegisterNotifyHandler", ProtocolCoAfRegisterNotify},
			{"CoReceiveNetBufferListsHandler", ProtocolCoReceiveNetBufferLists},
			{"CoSendNetBufferListsCompleteHandler", ProtocolCoSendNetBufferListsComplete},
		},
		Page: ns + "_ndis_protocol_co_characteristics",
	},
	{
		Short: "miniport-co", Structure: "NDIS_MINIPORT_CO_CHARACTERISTICS", ObjectType: 0x91,
		Roles: RoleMiniport | RoleMCM, From: []Func{MiniportSetOptions},
		SizesX86: []uint16{32}, SizesX64: []uint16{56},
		Slots: []Slot{
			{"CoCreateVcHandler", MiniportCoCreateVc},
			{"CoDeleteVcHandler", MiniportCoDeleteVc},
			{"CoActivateVcHandler", MiniportCoActivateVc},
			{"CoDeactivateVcHandler", MiniportCoDeactivateVc},
			{"CoSendNetBufferListsHandler", MiniportCoSendNetBufferLists},
			{"CoOidRequestHandler", MiniportCoOidRequest},
		},
		Page: ns + "_ndis_miniport_co_characteristics",
	},
	{
		Short: "call-manager", Structure: "NDIS_CO_CALL_MANAGER_OPTIONAL_HANDLERS", ObjectType: 0xA5,
		Roles: RoleCallManager | RoleMCM, From: []Func{ProtocolSetOptions, MiniportSetOptions},
		SizesX86: []uint16{72, 76}, SizesX64: []uint16{136, 144},
		Slots: []Slot{
			{"CmCreateVcHandler", ProtocolCoCreateVc},
			{"CmDeleteVcHandler", ProtocolCoDeleteVc},
			{"CmOpenAfHandler", ProtocolCmOpenAf},
			{"CmCloseAfHandler", ProtocolCmCloseAf},
			{"CmRegisterSapHandler", ProtocolCmRegisterSap},
			{"CmDeregisterSapHandler", ProtocolCmDeregisterSap},
			{"CmMakeCallHandler", ProtocolCmMakeCall},
			{"CmCloseCallHandler", ProtocolCmCloseCall},
			{"CmIncomingCallCompleteHandler", ProtocolCmIncomingCallComplete},
			{"CmAddPartyHandler", ProtocolCmAddParty},
			{"CmDropPartyHandler", ProtocolCmDropParty},
			{"CmActivateVcCompleteHandler", ProtocolCmActivateVcComplete},
			{"CmDeactivateVcCompleteHandler", ProtocolCmDeactivateVcComplete},
			{"CmModifyCallQoSHandler", ProtocolCmModifyCallQoS},
			{"CmOidRequestHandler", ProtocolCoOidRequest},
			{"CmOidRequestCompleteHandler", ProtocolCoOidRequestComplete},
			{"CmNotifyCloseAfCompleteHandler", ProtocolCmNotifyCloseAfComplete},
		},
		Page: ns + "_ndis_co_call_manager_optional_handlers",
	},
	{
		Short: "client", Structure: "NDIS_CO_CLIENT_OPTIONAL_HANDLERS", ObjectType: 0xA6,
		Roles: RoleClient, From: []Func{ProtocolSetOptions},
		SizesX86: []uint16{84}, SizesX64: []uint16{160},
		Slots: []Slot{
			{"ClCreateVcHandler", ProtocolCoCreateVc},
			{"ClDeleteVcHandler", ProtocolCoDeleteVc},
			{"ClOidRequestHandler", ProtocolCoOidRequest},
			{"ClOidRequestCompleteHandler", ProtocolCoOidRequestComplete},
			{"ClOpenAfCompleteHandlerEx", ProtocolClOpenAfCompleteEx},
			{"ClCloseAfCompleteHandler", ProtocolClCloseAfComplete},
			{"ClRegisterSapCompleteHandler", ProtocolClRegisterSapComplete},
			{"ClDeregisterSapCompleteHandler", ProtocolClDeregisterSapComplete},
			{"ClMakeCallCompleteHandler", ProtocolClMakeCallComplete},
			{"ClModifyCallQoSCompleteHandler", ProtocolClModifyCallQoSComplete},
			{"ClCloseCallCompleteHandler", ProtocolClCloseCallComplete},
			{"ClAddPartyCompleteHandler", ProtocolClAddPartyComplete},
			{"ClDropPartyCompleteHandler", ProtocolClDropPartyComplete},
			{"ClIncomingCallHandler", ProtocolClIncomingCall},
			{"ClIncomingCallQoSChangeHandler", ProtocolClIncomingCallQoSChange},
			{"ClIncomingCloseCallHandler", ProtocolClIncomingCloseCall},
			{"ClIncomingDropPartyHandler", ProtocolClIncomingDropParty},
			{"ClCallConnectedHandler", ProtocolClCallConnected},
			{"ClNotifyCloseAfHandler", ProtocolClNotifyCloseAf},
		},
		Page: ns + "_ndis_co_client_optional_handlers",
	},
}

// HandlerSetByType returns the structure with an NDIS_OBJECT_HEADER.Type, nil if the type
// is none of the four.
func HandlerSetByType(t uint8) *HandlerSet {
	for i := range HandlerSets {
		if HandlerSets[i].ObjectType == t {
			return &HandlerSets[i]
		}
	}
	return nil
}
