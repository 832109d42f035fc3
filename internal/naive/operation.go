package naive

import (
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// operation is a request that may pend: of SAPs, VCs, calls, QoS and parties.
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
	ofCall   bool // the rule speaks of the one who was asked only
}{
	registerSAP: {
		"RegisterSAP", []ndis.Func{ndis.NdisClRegisterSap}, ndis.ProtocolCmRegisterSap,
		[]ndis.Func{ndis.NdisCmRegisterSapComplete, ndis.NdisMCmRegisterSapComplete}, ndis.ProtocolClRegisterSapComplete, rule.SAP04, false,
	},
	deregisterSAP: {
		"DeregisterSAP", []ndis.Func{ndis.NdisClDeregisterSap}, ndis.ProtocolCmDeregisterSap,
		[]ndis.Func{ndis.NdisCmDeregisterSapComplete, ndis.NdisMCmDeregisterSapComplete}, ndis.ProtocolClDeregisterSapComplete, rule.SAP04, false,
	},
	activateVC: {
		"Activate", []ndis.Func{ndis.NdisCmActivateVc}, ndis.MiniportCoActivateVc,
		[]ndis.Func{ndis.NdisMCoActivateVcComplete}, ndis.ProtocolCmActivateVcComplete, rule.VC09, false,
	},
	deactivateVC: {
		"Deactivate", []ndis.Func{ndis.NdisCmDeactivateVc}, ndis.MiniportCoDeactivateVc,
		[]ndis.Func{ndis.NdisMCoDeactivateVcComplete}, ndis.ProtocolCmDeactivateVcComplete, rule.VC09, false,
	},
	makeCall: {
		"MakeCall", []ndis.Func{ndis.NdisClMakeCall}, ndis.ProtocolCmMakeCall,
		[]ndis.Func{ndis.NdisCmMakeCallComplete, ndis.NdisMCmMakeCallComplete}, ndis.ProtocolClMakeCallComplete, rule.CALL03, true,
	},
	offerCall: {
		"Offer", []ndis.Func{ndis.NdisCmDispatchIncomingCall, ndis.NdisMCmDispatchIncomingCall}, ndis.ProtocolClIncomingCall,
		[]ndis.Func{ndis.NdisClIncomingCallComplete}, ndis.ProtocolCmIncomingCallComplete, rule.CALL08, true,
	},
	closeCall: {
		"CloseCall", []ndis.Func{ndis.NdisClCloseCall}, ndis.ProtocolCmCloseCall,
		[]ndis.Func{ndis.NdisCmCloseCallComplete, ndis.NdisMCmCloseCallComplete}, ndis.ProtocolClCloseCallComplete, rule.CALL13, true,
	},
	modifyQoS: {
		"ModifyQoS", []ndis.Func{ndis.NdisClModifyCallQoS}, ndis.ProtocolCmModifyCallQoS,
		[]ndis.Func{ndis.NdisCmModifyCallQoSComplete, ndis.NdisMCmModifyCallQoSComplete}, ndis.ProtocolClModifyCallQoSComplete, rule.QOS01, true,
	},
	addParty: {
		"AddParty", []ndis.Func{ndis.NdisClAddParty}, ndis.ProtocolCmAddParty,
		[]ndis.Func{ndis.NdisCmAddPartyComplete, ndis.NdisMCmAddPartyComplete}, ndis.ProtocolClAddPartyComplete, rule.PARTY02, false,
	},
	dropParty: {
		"DropParty", []ndis.Func{ndis.NdisClDropParty}, ndis.ProtocolCmDropParty,
		[]ndis.Func{ndis.NdisCmDropPartyComplete, ndis.NdisMCmDropPartyComplete}, ndis.ProtocolClDropPartyComplete, rule.PARTY02, false,
	},
}
