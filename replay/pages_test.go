package replay_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
	"github.com/aftrace/aftrace/replay/scenario"
)

// The tests of this file are the sentences that state behaviour on the pages of
// NdisCmRegisterAddressFamilyEx and ProtocolCmOpenAf, one test each. Scenarios give what the
// drivers do; what they have NDIS answer does not count, since the executor answers.

// page is an executed scenario.
type page struct {
	t    *testing.T
	rows []format.Event
	x    *replay.Execution
}

func executePage(t *testing.T, text string, o replay.ExecuteOptions) *page {
	t.Helper()
	s, err := scenario.Compile(t.Name(), text)
	if err != nil {
		t.Fatal(err)
	}
	o.Metadata = s.Metadata
	p := &page{t: t}
	o.Emit = func(b *format.Batch) error {
		for i := range b.N {
			var e format.Event
			b.Event(i, &e)
			p.rows = append(p.rows, e)
		}
		return nil
	}
	p.x = replay.Execute(o)
	for _, b := range batches(s.Events, 64) {
		if err := p.x.Batch(b); err != nil {
			t.Fatal(err)
		}
	}
	r, _, err := p.x.Finish(replay.End{})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range blamed(r, rule.NDIS) {
		t.Error(line)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(dump(p.rows))
		}
	})
	return p
}

// all lists the rows of a function of a driver ("" is any) in a phase.
func (p *page) all(fn ndis.Func, driver string, phase format.Phase) (rows []format.Event) {
	for _, e := range p.rows {
		if e.Function == fn && e.Phase == phase && (driver == "" || e.Driver == driver) {
			rows = append(rows, e)
		}
	}
	return rows
}

// statuses lists what a function returned to a driver.
func (p *page) statuses(fn ndis.Func, driver string) (st []ndis.Status) {
	for _, e := range p.all(fn, driver, format.PhaseReturn) {
		st = append(st, ndis.Status(e.Status))
	}
	return st
}

func (p *page) returns(fn ndis.Func, driver string, want ...ndis.Status) {
	p.t.Helper()
	if got := p.statuses(fn, driver); !slices.Equal(got, want) {
		p.t.Errorf("%v returns %v to %s, want %v", fn, got, driver, want)
	}
}

func (p *page) count(fn ndis.Func, driver string, want int) {
	p.t.Helper()
	if n := len(p.all(fn, driver, format.PhaseEnter)); n != want {
		p.t.Errorf("%d calls of %v at %s, want %d", n, fn, driver, want)
	}
}

const host = `
adapter A
driver cm call-manager
driver cm2 call-manager
driver cl client
driver cl2 client
`

const (
	cmRegister  = ndis.NdisCmRegisterAddressFamilyEx
	mcmRegister = ndis.NdisMCmRegisterAddressFamilyEx
	toldOfAF    = ndis.ProtocolCoAfRegisterNotify
	clOpen      = ndis.NdisClOpenAddressFamilyEx
	cmOpen      = ndis.ProtocolCmOpenAf
)

func TestPageRegisterSuccessNotifiesAllClientsOfTheAdapter(t *testing.T) {
	p := executePage(t, host+"cl: bind A\ncl2: bind A\ncm: bind A\n  register A Q2931\n", replay.ExecuteOptions{})
	p.returns(cmRegister, "cm", ndis.StatusSuccess)
	p.count(toldOfAF, "cl", 1)
	p.count(toldOfAF, "cl2", 1)
}

func TestPageRegisterNotifiesClientsThatBindLater(t *testing.T) {
	p := executePage(t, host+"cm: bind A\n  register A Q2931\ncl: bind A\n", replay.ExecuteOptions{})
	p.count(toldOfAF, "cl", 1)
}

func TestPageRegisterPassesTheAddressFamilyToTheNotification(t *testing.T) {
	p := executePage(t, host+"cl: bind A\ncm: bind A\n  register A TAPI af_major=3 af_minor=7\n", replay.ExecuteOptions{})
	for _, e := range p.all(toldOfAF, "cl", format.PhaseEnter) {
		if ndis.AFType(e.AFType) != 0x800 || e.AFMajor != 3 || e.AFMinor != 7 {
			t.Errorf("notified of %x %d.%d", e.AFType, e.AFMajor, e.AFMinor)
		}
	}
	p.count(toldOfAF, "cl", 1)
}

func TestPageRegisterResourcesLeavesNothing(t *testing.T) {
	p := executePage(t, host+"cl: bind A\ncm: bind A\n  register A Q2931 -> RESOURCES\ncl: open A Q2931 af1\n", replay.ExecuteOptions{})
	p.returns(cmRegister, "cm", ndis.StatusResources)
	p.count(toldOfAF, "", 0)
	p.returns(clOpen, "cl", ndis.StatusFailure)
	p.count(cmOpen, "", 0)
}

func TestPageRegisterFailsForACallerThatIsNotConnectionOriented(t *testing.T) {
	p := executePage(t, "adapter A\ndriver cm no-co\ndriver cl client\ncl: bind A\ncm: bind A\n  register A Q2931\n", replay.ExecuteOptions{})
	p.returns(cmRegister, "cm", ndis.StatusFailure)
	p.count(toldOfAF, "", 0)
}

func TestPageRegisterFailsOverAMiniportThatIsNotConnectionOriented(t *testing.T) {
	p := executePage(t, "adapter A legacy\ndriver cm call-manager\ncm: bind A\n  register A Q2931\n", replay.ExecuteOptions{})
	p.returns(cmRegister, "cm", ndis.StatusFailure)
}

func TestPageRegisterFailsForAnAddressFamilyOfAnotherCallManager(t *testing.T) {
	p := executePage(t, host+"cm: bind A\n  register A Q2931\ncm2: bind A\n  register A Q2931\n", replay.ExecuteOptions{})
	p.returns(cmRegister, "cm", ndis.StatusSuccess)
	p.returns(cmRegister, "cm2", ndis.StatusFailure)
}

func TestPageRegisterFailsOnABindingThatIsBeingClosed(t *testing.T) {
	p := executePage(t, host+"cm: bind A\ncm: unbind A\n  register A Q2931\n", replay.ExecuteOptions{})
	p.returns(cmRegister, "cm", ndis.StatusFailure)
}

func TestPageRegisterOnEachBinding(t *testing.T) {
	p := executePage(t, "adapter A\nadapter B\ndriver cm call-manager\ncm: bind A\n  register A Q2931\ncm: bind B\n  register B Q2931\n", replay.ExecuteOptions{})
	p.returns(cmRegister, "cm", ndis.StatusSuccess, ndis.StatusSuccess)
}

func TestPageRegisterSeveralAddressFamiliesOnOneBinding(t *testing.T) {
	p := executePage(t, host+"cl: bind A\ncm: bind A\n  register A Q2931\n  register A TAPI\n", replay.ExecuteOptions{})
	p.returns(cmRegister, "cm", ndis.StatusSuccess, ndis.StatusSuccess)
	p.count(toldOfAF, "cl", 2)
}

func TestPageOneCallManagerForAnAddressFamilyOfAnAdapter(t *testing.T) {
	p := executePage(t, "adapter A\nadapter B\ndriver cm call-manager\ndriver cm2 call-manager\n"+
		"cm: bind A\n  register A Q2931\ncm2: bind B\n  register B Q2931\ncm2: bind A\n  register A Q2931\n", replay.ExecuteOptions{})
	p.returns(cmRegister, "cm2", ndis.StatusSuccess, ndis.StatusFailure)
}

func TestPageNotificationsFollowTheReturnOfTheBind(t *testing.T) {
	p := executePage(t, host+"cl: bind A\ncm: bind A\n  register A Q2931\n", replay.ExecuteOptions{})
	bound := p.all(ndis.ProtocolBindAdapterEx, "cm", format.PhaseReturn)
	for _, e := range p.all(toldOfAF, "cl", format.PhaseEnter) {
		if len(bound) != 1 || e.Seq < bound[0].Seq {
			t.Errorf("notified in row %d, the bind returns in %d", e.Seq, bound[0].Seq)
		}
	}
	p.count(toldOfAF, "cl", 1)
}

func TestPageNoNotificationAfterAFailedBind(t *testing.T) {
	p := executePage(t, host+"cl: bind A\ncm: bind A -> FAILURE\n  register A Q2931\n  close-adapter A\n", replay.ExecuteOptions{})
	p.count(toldOfAF, "", 0)
}

func TestPageMiniportCallManagersRegisterWithTheirOwnFunction(t *testing.T) {
	p := executePage(t, "driver cl client\nadapter A mcm up\nminiport: register A Q2931\ncl: bind A\n", replay.ExecuteOptions{})
	p.returns(mcmRegister, "miniport", ndis.StatusSuccess)
	p.count(toldOfAF, "cl", 1)
}

// judged checks a history as recorded, and wants the rules it names to be broken, in this order,
// and no other.
func judged(t *testing.T, text string, want ...rule.ID) {
	t.Helper()
	s, err := scenario.Compile(t.Name(), text)
	if err != nil {
		t.Fatal(err)
	}
	r := check(t, s.Events, replay.Options{Metadata: s.Metadata}, replay.End{})
	var got []rule.ID
	for i := range r.Findings {
		got = append(got, r.Findings[i].Rule)
	}
	if !slices.Equal(got, want) {
		t.Errorf("broken are %v, want %v", got, want)
	}
}

func TestPageRegisterFromTheBindFunction(t *testing.T) {
	const bound = host + "cl: bind A\ncm: bind A\n"
	judged(t, bound+"  register A Q2931\ncl: notify A Q2931\n")
	judged(t, bound+"cm: register A Q2931\ncl: notify A Q2931\n", rule.REG07)
}

func TestPageRegisterAfterOpeningTheAdapter(t *testing.T) {
	const bound = "adapter A\ndriver cm call-manager\ncm: bind A\n  open-adapter A"
	judged(t, bound+"\n  register A Q2931\n")
	judged(t, "adapter A\ndriver cm call-manager\ncm: bind A -> PENDING\n  open-adapter A -> PENDING\ncm/2: register A Q2931 -> FAILURE\ncm: adapter-opened A\ncm: bound A\n", rule.BIND02)
}

func TestPageRegisterIsNotForMiniportCallManagers(t *testing.T) {
	const miniport = "meta aftrace.level=api\nadapter A mcm wan\nwan: init A\n"
	judged(t, miniport+"  register A Q2931\n")
	judged(t, miniport+"  NdisCmRegisterAddressFamilyEx binding=0x900 af_type=Q2931 -> FAILURE\n", rule.ROLE02)
	judged(t, host+"cm: bind A\n  NdisMCmRegisterAddressFamilyEx adapter=A af_type=Q2931 -> SUCCESS\n", rule.ROLE01)
}

func TestPageRegisterAssociatesTheAddressFamilyWithTheBinding(t *testing.T) {
	p := executePage(t, "adapter A\nadapter B\ndriver cm call-manager\ndriver cl client\ncl: bind A\ncl: bind B\ncm: bind A\n  register A Q2931\ncm: bind B\n  register B Q2931\n"+
		"cm: unbind A\ncl: open A Q2931 af1\ncl: open B Q2931 af2\n", replay.ExecuteOptions{})
	p.returns(clOpen, "cl", ndis.StatusFailure, ndis.StatusSuccess)
	p.count(cmOpen, "cm", 1)
}

func TestPageRegisterAsAProtocolDriver(t *testing.T) {
	const loaded = "adapter A\ndriver cm call-manager\ncm: load\ncm: bind A\n"
	judged(t, loaded+"  open-adapter A protocol=cm.protocol\n  register A Q2931\n")
	judged(t, loaded+"  open-adapter A protocol=0x4711\n  register A Q2931\n", rule.BIND11)
}

func TestPageRegisterForEachBindContext(t *testing.T) {
	const bound = "adapter A\nadapter B\ndriver cm call-manager\ncm: bind A bind_context=0x700\n  register A Q2931\n"
	judged(t, bound+"cm: bind B bind_context=0x740\n  register B Q2931\n")
	judged(t, bound+"cm: bind B bind_context=0x700\n  register B Q2931\n", rule.BIND12)
}

func TestPageRegisterAtPassiveLevel(t *testing.T) {
	const bound = "adapter A\ndriver cm call-manager\ncm: bind A irql=0\n"
	judged(t, bound+"  register A Q2931 irql=0\n")
	judged(t, bound+"  register A Q2931 irql=2\n", rule.IRQL01)
}

const opening = host + "cl: bind A\ncm: bind A\n  register A Q2931\ncl: notify A Q2931\n  open A Q2931 af1\n"

func TestPageOpenCallMgrBindingContextOfAStandAloneCallManager(t *testing.T) {
	p := executePage(t, opening, replay.ExecuteOptions{})
	opened := p.all(ndis.NdisOpenAdapterEx, "cm", format.PhaseEnter)
	for _, e := range p.all(cmOpen, "cm", format.PhaseEnter) {
		if e.Context != opened[0].Context {
			t.Errorf("CallMgrBindingContext %x, given to NdisOpenAdapterEx %x", e.Context, opened[0].Context)
		}
	}
	p.count(cmOpen, "cm", 1)
}

func TestPageOpenCallMgrBindingContextOfAMiniportCallManager(t *testing.T) {
	p := executePage(t, "driver cl client\nadapter A mcm up\nminiport: register A Q2931\ncl: bind A\ncl: notify A Q2931\n  open A Q2931 af1\n", replay.ExecuteOptions{})
	up := p.all(ndis.MiniportInitializeEx, "miniport", format.PhaseEnter)
	for _, e := range p.all(cmOpen, "miniport", format.PhaseEnter) {
		if want := fmt.Sprintf(`"miniport_context":"%#x"`, e.Context); len(up) != 1 || !strings.Contains(up[0].Detail, want) {
			t.Errorf("CallMgrBindingContext %x, the adapter: %v", e.Context, up)
		}
	}
	p.count(cmOpen, "miniport", 1)
	p.returns(clOpen, "cl", ndis.StatusSuccess)
}

func TestPageOpenSpecifiesTheAddressFamilyThatTheClientOpens(t *testing.T) {
	p := executePage(t, opening, replay.ExecuteOptions{})
	for _, e := range p.all(cmOpen, "cm", format.PhaseEnter) {
		if e.AFType != 1 {
			t.Errorf("ProtocolCmOpenAf for %x", e.AFType)
		}
	}
	p.count(cmOpen, "cm", 1)
}

func TestPageOpenOfAnAddressFamilyThatNobodyRegistered(t *testing.T) {
	p := executePage(t, host+"cl: bind A\ncl: open A Q2931 af1\n", replay.ExecuteOptions{})
	p.returns(clOpen, "cl", ndis.StatusFailure)
	p.count(cmOpen, "", 0)
}

func TestPageOpenHandlesNameInstances(t *testing.T) {
	p := executePage(t, opening+"cl2: bind A\ncl2: notify A Q2931\n  open A Q2931 af2\n", replay.ExecuteOptions{})
	seen := map[uint64]bool{}
	for _, e := range p.all(cmOpen, "cm", format.PhaseEnter) {
		if e.AF == 0 || seen[e.AF] {
			t.Errorf("NdisAfHandle %x", e.AF)
		}
		seen[e.AF] = true
	}
	p.count(cmOpen, "cm", 2)
}

func TestPageOpenCallMgrAfContextIsWhatTheCallManagerHandsBack(t *testing.T) {
	p := executePage(t, opening+"cl: close af1\n", replay.ExecuteOptions{})
	given := p.all(cmOpen, "cm", format.PhaseReturn)
	closed := p.all(ndis.ProtocolCmCloseAf, "cm", format.PhaseEnter)
	if len(given) != 1 || len(closed) != 1 || given[0].Context == 0 || given[0].Context != closed[0].Context {
		t.Errorf("handed back %v, passed to ProtocolCmCloseAf %v", given, closed)
	}
}

func TestPageOpenSuccess(t *testing.T) {
	p := executePage(t, opening, replay.ExecuteOptions{})
	p.returns(cmOpen, "cm", ndis.StatusSuccess)
	p.returns(clOpen, "cl", ndis.StatusSuccess)
}

func TestPageOpenPendingIsCompletedLater(t *testing.T) {
	for _, c := range []struct {
		text string
		o    replay.ExecuteOptions
	}{
		{opening, replay.ExecuteOptions{CallManager: replay.CallManagerReference, Limits: replay.CallManagerLimits{Pend: 1}}},
		{opening + "    cm: cm-open af1 -> PENDING\ncm: cm-opened af1\n", replay.ExecuteOptions{}},
	} {
		p := executePage(t, c.text, c.o)
		p.returns(cmOpen, "cm", ndis.StatusPending)
		p.returns(clOpen, "cl", ndis.StatusPending)
		p.count(ndis.NdisCmOpenAddressFamilyComplete, "cm", 1)
		p.count(ndis.ProtocolClOpenAfCompleteEx, "cl", 1)
		for _, e := range p.all(ndis.ProtocolClOpenAfCompleteEx, "cl", format.PhaseEnter) {
			if e.Status != 0 || e.AF == 0 {
				t.Errorf("completed with %x, handle %x", e.Status, e.AF)
			}
		}
	}
}

func TestPageOpenPendingMustBeCompleted(t *testing.T) {
	const pending = host + "cl: bind A\ncm: bind A\n  register A Q2931\ncl: notify A Q2931\n  open A Q2931 af1 -> PENDING\n    cm: cm-open af1 -> PENDING\n"
	judged(t, pending+"cm: cm-opened af1\n  cl: opened af1\n")
	judged(t, pending, rule.OPEN07)
	judged(t, pending+"cm: cm-opened af1\n", rule.OPEN13)
}

func TestPageOpenHandleIsOpaqueToTheCallManager(t *testing.T) {
	const pending = host + "cl: bind A\ncm: bind A\n  register A Q2931\ncl: notify A Q2931\n  open A Q2931 af1 -> PENDING\n    cm: cm-open af1 -> PENDING\n"
	judged(t, pending+"cm: cm-opened af1\n  cl: opened af1\ncm: NdisCmOpenAddressFamilyComplete af=0x4711 context=0x99 status=SUCCESS\n", rule.OPEN15)
}

func TestPageOpenSuccessAcceptsRequestsOfTheClient(t *testing.T) {
	p := executePage(t, opening+"cl: register-sap af1 sap1\ncl: create-vc af1 vc1\n", replay.ExecuteOptions{CallManager: replay.CallManagerReference})
	p.returns(ndis.NdisClRegisterSap, "cl", ndis.StatusSuccess)
	p.returns(ndis.NdisCoCreateVc, "cl", ndis.StatusSuccess)
}

func TestPageOpenAddressFamilyIsOneThatTheCallManagerRegistered(t *testing.T) {
	p := executePage(t, host+"cl: bind A\ncm: bind A\n  register A Q2931\ncm2: bind A\n  register A TAPI\ncl: notify A TAPI\n  open A TAPI af1\n", replay.ExecuteOptions{})
	p.count(cmOpen, "cm", 0)
	p.count(cmOpen, "cm2", 1)
	for _, e := range p.all(cmOpen, "", format.PhaseEnter) {
		if ndis.AFType(e.AFType) != 0x800 {
			t.Errorf("ProtocolCmOpenAf for %x", e.AFType)
		}
	}
}

func TestPageOpenResourcesFreesEverything(t *testing.T) {
	for memory := int64(1); memory < 1000; memory += 100 {
		o := replay.ExecuteOptions{CallManager: replay.CallManagerReference, Limits: replay.CallManagerLimits{Memory: memory}}
		p := executePage(t, opening, o)
		st := p.x.CallManager().Stats()
		if got := p.statuses(cmOpen, "cm"); len(got) != 1 {
			t.Fatalf("ProtocolCmOpenAf returns %v", got)
		} else if got[0] == ndis.StatusResources {
			if st.Memory != 0 || st.Allocated != st.Freed || st.Opens != 0 {
				t.Errorf("%d bytes: refused, and kept %+v", memory, st)
			}
			p.returns(clOpen, "cl", ndis.StatusResources)
		} else if st.Memory == 0 || st.Memory > memory {
			t.Errorf("%d bytes: %v, and %+v", memory, got, st)
		}
	}
}

func TestPageOpenOtherFailuresReachTheClient(t *testing.T) {
	p := executePage(t, host+"cl: bind A\ncm: bind A\n  register A Q2931\ncl: notify A Q2931\n  open A Q2931 af1 -> NOT_SUPPORTED\n    cm: cm-open af1 -> NOT_SUPPORTED\n", replay.ExecuteOptions{})
	p.returns(clOpen, "cl", p.statuses(cmOpen, "cm")...)
	if st := p.statuses(cmOpen, "cm"); len(st) != 1 || st[0] != ndis.StatusNotSupported {
		t.Errorf("ProtocolCmOpenAf returns %v", st)
	}
}

func TestPageOpenHandlerIsRequired(t *testing.T) {
	const handlers = "adapter A\ndriver cm co\ncm: bind A\n  open-adapter A\n  NdisSetOptionalHandlers binding=cm@A handlers=call-manager null_slots="
	judged(t, handlers+"\n")
	judged(t, handlers+"CmOpenAfHandler\n", rule.ROLE05)
}

func TestPageOpenContextIsSetBeforeReturning(t *testing.T) {
	judged(t, opening+"    cm: cm-open af1\n")
	judged(t, opening+"    cm: cm-open af1 <context=0\n", rule.OPEN06)
}

func TestPageOpenReturnsAsQuicklyAsPossible(t *testing.T) {
	judged(t, opening+"    cm: cm-open af1\n      wait 900us\n")
	judged(t, opening+"    cm: cm-open af1\n      wait 2ms\n", rule.OPEN22)
}
