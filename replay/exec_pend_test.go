package replay_test

import (
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// TestEveryRequestPends has the reference call manager let every request pend that may: each is
// completed once, after the callback has returned, and the client is told of it.
func TestEveryRequestPends(t *testing.T) {
	const client = "cl: notify A Q2931\n  open A Q2931 af1\n" +
		"cl: register-sap af1 s1\ncl: create-vc af1 v1\ncl: make-call v1\ncl: modify v1\ncl: close-call v1\ncl: delete-vc v1\n" +
		"cl: create-vc af1 v2\ncl: make-multipoint-call v2 p1\ncl: add-party v2 p2\ncl: drop-party p2\ncl: close-party v2 p1\ncl: delete-vc v2\n" +
		"cl: oid af1 0xfe000006 q1\n" +
		"cl: deregister-sap s1\ncl: close af1\n"
	type request struct{ call, asked, standAlone, mcm, told ndis.Func }
	requests := []request{
		{ndis.NdisClOpenAddressFamilyEx, ndis.ProtocolCmOpenAf, ndis.NdisCmOpenAddressFamilyComplete, ndis.NdisMCmOpenAddressFamilyComplete, ndis.ProtocolClOpenAfCompleteEx},
		{ndis.NdisClRegisterSap, ndis.ProtocolCmRegisterSap, ndis.NdisCmRegisterSapComplete, ndis.NdisMCmRegisterSapComplete, ndis.ProtocolClRegisterSapComplete},
		{ndis.NdisClMakeCall, ndis.ProtocolCmMakeCall, ndis.NdisCmMakeCallComplete, ndis.NdisMCmMakeCallComplete, ndis.ProtocolClMakeCallComplete},
		{ndis.NdisClModifyCallQoS, ndis.ProtocolCmModifyCallQoS, ndis.NdisCmModifyCallQoSComplete, ndis.NdisMCmModifyCallQoSComplete, ndis.ProtocolClModifyCallQoSComplete},
		{ndis.NdisClCloseCall, ndis.ProtocolCmCloseCall, ndis.NdisCmCloseCallComplete, ndis.NdisMCmCloseCallComplete, ndis.ProtocolClCloseCallComplete},
		{ndis.NdisClAddParty, ndis.ProtocolCmAddParty, ndis.NdisCmAddPartyComplete, ndis.NdisMCmAddPartyComplete, ndis.ProtocolClAddPartyComplete},
		{ndis.NdisClDropParty, ndis.ProtocolCmDropParty, ndis.NdisCmDropPartyComplete, ndis.NdisMCmDropPartyComplete, ndis.ProtocolClDropPartyComplete},
		{ndis.NdisCoOidRequest, ndis.ProtocolCoOidRequest, ndis.NdisCoOidRequestComplete, ndis.NdisMCmOidRequestComplete, ndis.ProtocolCoOidRequestComplete},
		{ndis.NdisClDeregisterSap, ndis.ProtocolCmDeregisterSap, ndis.NdisCmDeregisterSapComplete, ndis.NdisMCmDeregisterSapComplete, ndis.ProtocolClDeregisterSapComplete},
		{ndis.NdisClCloseAddressFamily, ndis.ProtocolCmCloseAf, ndis.NdisCmCloseAddressFamilyComplete, ndis.NdisMCmCloseAddressFamilyComplete, ndis.ProtocolClCloseAfComplete},
	}
	for _, c := range []struct {
		name, text, manager string
	}{
		{"stand-alone", host + "cl: bind A\ncm: bind A\n  register A Q2931\n" + client, "cm"},
		{"miniport call manager", "driver cl client\nadapter A mcm\nminiport: init A\n  register A Q2931\ncl: bind A\n" + client, "miniport"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, pend := range []int{1, 2, 3, 5} {
				o := replay.ExecuteOptions{CallManager: replay.CallManagerReference, Limits: replay.CallManagerLimits{Pend: pend}}
				p := executePage(t, c.text, o)
				pended := 0
				for _, q := range requests {
					done := q.standAlone
					if c.manager != "cm" {
						done = q.mcm
					}
					n := 0
					for _, e := range p.all(q.asked, c.manager, format.PhaseReturn) {
						if ndis.Status(e.Status) == ndis.StatusPending {
							n++
						} else if pend == 1 {
							t.Errorf("%v returns %v", q.asked, ndis.Status(e.Status))
						}
					}
					if asked := len(p.all(q.asked, c.manager, format.PhaseEnter)); asked == 0 {
						t.Errorf("%v is never called", q.asked)
					}
					for _, e := range p.all(q.call, "cl", format.PhaseReturn) {
						if st := ndis.Status(e.Status); st != ndis.StatusSuccess && st != ndis.StatusPending && st != ndis.StatusNotSupported {
							t.Errorf("%v returns %v", q.call, st)
						}
					}
					p.count(done, c.manager, n)
					if q.call != ndis.NdisClDeregisterSap { // NDIS always tells of that one
						p.count(q.told, "cl", n)
					}
					pended += n
				}
				st := p.x.CallManager().Stats()
				if int(st.Pended) != pended || pended == 0 || st.Memory != 0 || st.Opens != 0 || st.Allocated != st.Freed {
					t.Errorf("every %d.: %d pended, %+v", pend, pended, st)
				}
				r := check(t, p.rows, replay.Options{}, replay.End{})
				if bad := blamed(r, rule.NDIS, rule.CallManager, rule.Miniport, rule.Client); len(bad) > 0 || len(r.Defects) > 0 {
					t.Errorf("every %d.: %v %v", pend, bad, r.Defects)
				}
			}
		})
	}
}
