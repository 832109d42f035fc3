package gen

import (
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// edits are the operators that change a world.
var edits = []edit{
	// Binding.
	{rule: rule.BIND06, how: "a completed bind is completed again", fns: one(ndis.NdisCompleteBindAdapterEx), change: repeat(nil)},
	{rule: rule.BIND07, how: "an unbind fails", fns: one(ndis.ProtocolUnbindAdapterEx), phase: format.PhaseReturn,
		fits: hasStatus(ndis.StatusSuccess), change: put(ndis.StatusFailure)},

	// Notification.
	{rule: rule.NOTE06, how: "a client is notified twice", fns: one(ndis.ProtocolCoAfRegisterNotify), fits: leaf, change: repeat(nil)},
	{rule: rule.NOTE08, how: "a client is notified of another version", fns: one(ndis.ProtocolCoAfRegisterNotify), fits: leaf,
		change: func(t *tape, i int) int { t.rows[i].AFMinor += 7; return i }},

	// Open.
	{rule: rule.OPEN08, how: "a pended open is completed twice", fns: completions.open, change: repeat(nil)},
	{rule: rule.OPEN19, how: "the call manager is asked with another binding context", fns: one(ndis.ProtocolCmOpenAf),
		change: func(t *tape, i int) int { t.rows[i].Context += 8; return i }},
	{rule: rule.OPEN22, how: "ProtocolCmOpenAf takes two milliseconds", fns: one(ndis.ProtocolCmOpenAf), phase: format.PhaseReturn,
		fits: hasStatus(ndis.StatusSuccess), change: func(t *tape, i int) int {
			for k := i; k < len(t.rows); k++ {
				t.rows[k].TS += 2_000_000
			}
			return i
		}},

	// Close.
	{rule: rule.CLOSE03, how: "a client closes an AF twice", fns: one(ndis.NdisClCloseAddressFamily), change: repeat(failing)},
	{rule: rule.CLOSE05, how: "a pended close is completed twice", fns: completions.close, change: repeat(nil)},
	{rule: rule.CLOSE06, how: "a close is completed with a failure", fns: completions.close, change: put(ndis.StatusFailure)},
	{rule: rule.CLOSE11, how: "a client is asked to close an AF twice for one call", fns: one(ndis.ProtocolClNotifyCloseAf), change: repeat(nil)},
	{rule: rule.CLOSE12, how: "a client answers twice that it has closed the AF", fns: one(ndis.NdisClNotifyCloseAddressFamilyComplete), change: repeat(nil)},
	{rule: rule.CLOSE15, how: "the call manager is told twice that the client has closed the AF", fns: one(ndis.ProtocolCmNotifyCloseAfComplete), change: repeat(nil)},
	{rule: rule.CLOSE18, how: "a client is told twice that its close is complete", fns: one(ndis.ProtocolClCloseAfComplete), change: repeat(nil)},
	{rule: rule.CLOSE20, how: "the call manager is asked twice for one close", fns: one(ndis.ProtocolCmCloseAf), change: repeat(nil)},

	// SAPs.
	{rule: rule.SAP03, how: "a registration of a SAP succeeds without CallMgrSapContext", fns: one(ndis.ProtocolCmRegisterSap), phase: format.PhaseReturn,
		fits: hasStatus(ndis.StatusSuccess), change: func(t *tape, i int) int { t.rows[i].Context = 0; return i }},
	{rule: rule.SAP04, how: "a pended request about a SAP is completed twice", fns: append(append([]ndis.Func{}, completions.sap...), completions.dereg...), change: repeat(nil)},
	{rule: rule.SAP05, how: "a SAP is deregistered twice", fns: one(ndis.NdisClDeregisterSap), change: repeat(failing)},
	{rule: rule.SAP09, how: "a deregistration is completed with a failure", fns: completions.dereg, change: put(ndis.StatusFailure)},

	// VCs, calls and parties.
	{rule: rule.VC09, how: "an activation is completed twice", fns: []ndis.Func{ndis.NdisMCoActivateVcComplete, ndis.NdisMCoDeactivateVcComplete}, change: repeat(nil)},
	{rule: rule.VC13, how: "the out variable of a new VC is not NULL", fns: []ndis.Func{ndis.NdisCoCreateVc, ndis.NdisMCmCreateVc},
		change: func(t *tape, i int) int { t.rows[i].VC = 0x1234; return i }},
	{rule: rule.CALL03, how: "a call is completed twice", fns: completions.make, change: repeat(nil)},
	{rule: rule.CALL08, how: "an offered call is answered twice", fns: one(ndis.NdisClIncomingCallComplete), change: repeat(nil)},
	{rule: rule.CALL13, how: "the close of a call is completed twice", fns: completions.end, change: repeat(nil)},
	{rule: rule.QOS01, how: "a change of QoS is completed twice", fns: completions.modify, change: repeat(nil)},
	{rule: rule.PARTY02, how: "a request about a party is completed twice", fns: completions.party, change: repeat(nil)},
	{rule: rule.OID01, how: "a requester is told twice of an answer", fns: one(ndis.ProtocolCoOidRequestComplete), change: repeat(nil)},

	// IRQL.
	{rule: rule.IRQL01, how: "an AF is opened at DISPATCH_LEVEL", fns: []ndis.Func{ndis.NdisClOpenAddressFamilyEx, ndis.NdisCmRegisterAddressFamilyEx,
		ndis.NdisCmNotifyCloseAddressFamily, ndis.NdisCloseAdapterEx}, change: raise(2)},
	{rule: rule.IRQL02, how: "a call runs above DISPATCH_LEVEL", fns: []ndis.Func{ndis.NdisClCloseAddressFamily, ndis.NdisClRegisterSap, ndis.NdisClMakeCall, ndis.NdisCoCreateVc}, change: raise(5)},
	{rule: rule.IRQL03, how: "NDIS calls back at DISPATCH_LEVEL what must run at PASSIVE_LEVEL", fns: []ndis.Func{ndis.ProtocolCoAfRegisterNotify, ndis.ProtocolClOpenAfCompleteEx}, fits: leaf, change: raise(2)},
	{rule: rule.IRQL04, how: "NDIS calls back above DISPATCH_LEVEL", fns: []ndis.Func{ndis.ProtocolCmCloseAf, ndis.ProtocolCmRegisterSap, ndis.ProtocolCmMakeCall, ndis.ProtocolCoCreateVc}, change: raise(5)},
}
