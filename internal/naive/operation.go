package naive

import (
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// operation is a request that may pend (reference, sections 3.5 to 3.9 and 4.8).
type operation uint8

const (
	registerSAP operation = iota
	deregisterSAP
	activateVC
	deactivateVC
	makeCall
	offerCall
	closeCall
	modifyQoS
	addParty
	dropParty
	numOperations
)

// operations are the functions of each: the request, the callback it leads to, what
// completes that callback, what tells the one who asked, and the rule for all of it.
var operations = [numOperations]struct {
	name     string
	ask      []ndis.Func
	upcall   ndis.Func
	complete []ndis.Func
	told     ndis.Func
	rule     rule.ID
}{
	registerSAP: {
		"RegisterSAP", []ndis.Func{ndis.NdisClRegisterSap}, ndis.ProtocolCmRegisterSap,
		[]ndis.Func{ndis.NdisCmRegisterSapComplete, ndis.NdisMCmRegisterSapComplete}, ndis.ProtocolClRegisterSapComplete, rule.SAP04,
	},
	deregisterSAP: {
		"DeregisterSAP", []ndis.Func{ndis.NdisClDeregisterSap}, ndis.ProtocolCmDeregisterSap,
		[]ndis.Func{ndis.NdisCmDeregisterSapComplete, ndis.NdisMCmDeregisterSapComplete}, ndis.ProtocolClDeregisterSapComplete, rule.SAP04,
	},
	activateVC: {
		"Activate", []ndis.Func{ndis.NdisCmActivateVc}, ndis.MiniportCoActivateVc,
		[]ndis.Func{ndis.NdisMCoActivateVcComplete}, ndis.ProtocolCmActivateVcComplete, rule.VC09,
	},
	deactivateVC: {
		"Deactivate", []ndis.Func{ndis.NdisCmDeactivateVc}, ndis.MiniportCoDeactivateVc,
		[]ndis.Func{ndis.NdisMCoDeactivateVcComplete}, ndis.ProtocolCmDeactivateVcComplete, rule.VC09,
	},
	makeCall: {
		"MakeCall", []ndis.Func{ndis.NdisClMakeCall}, ndis.ProtocolCmMakeCall,
		[]ndis.Func{ndis.NdisCmMakeCallComplete, ndis.NdisMCmMakeCallComplete}, ndis.ProtocolClMakeCallComplete, rule.CALL03,
	},
	offerCall: {
		"Offer", []ndis.Func{ndis.NdisCmDispatchIncomingCall, ndis.NdisMCmDispatchIncomingCall}, ndis.ProtocolClIncomingCall,
		[]ndis.Func{ndis.NdisClIncomingCallComplete}, ndis.ProtocolCmIncomingCallComplete, rule.CALL08,
	},
	closeCall: {
		"CloseCall", []ndis.Func{ndis.NdisClCloseCall}, ndis.ProtocolCmCloseCall,
		[]ndis.Func{ndis.NdisCmCloseCallComplete, ndis.NdisMCmCloseCallComplete}, ndis.ProtocolClCloseCallComplete, rule.CALL13,
	},
	modifyQoS: {
		"ModifyQoS", []ndis.Func{ndis.NdisClModifyCallQoS}, ndis.ProtocolCmModifyCallQoS,
		[]ndis.Func{ndis.NdisCmModifyCallQoSComplete, ndis.NdisMCmModifyCallQoSComplete}, ndis.ProtocolClModifyCallQoSComplete, rule.QOS01,
	},
	addParty: {
		"AddParty", []ndis.Func{ndis.NdisClAddParty}, ndis.ProtocolCmAddParty,
		[]ndis.Func{ndis.NdisCmAddPartyComplete, ndis.NdisMCmAddPartyComplete}, ndis.ProtocolClAddPartyComplete, rule.PARTY02,
	},
	dropParty: {
		"DropParty", []ndis.Func{ndis.NdisClDropParty}, ndis.ProtocolCmDropParty,
		[]ndis.Func{ndis.NdisCmDropPartyComplete, ndis.NdisMCmDropPartyComplete}, ndis.ProtocolClDropPartyComplete, rule.PARTY02,
	},
}
