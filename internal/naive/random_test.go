package naive

import (
	"flag"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

var (
	seedFlag = flag.Uint64("naive.seed", 0, "judge and print the one history of this seed")
	runsFlag = flag.Int("naive.runs", 20000, "how many legal histories to judge; a tenth with -short")
)

// runs is n, or a tenth of it with -short.
func runs(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func seeds(n int) []uint64 {
	if *seedFlag != 0 {
		return []uint64{*seedFlag}
	}
	s := make([]uint64, n)
	for i := range s {
		s[i] = uint64(i + 1)
	}
	return s
}

// atLeast keeps the findings of at least a severity.
func atLeast(min rule.Severity, fs []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(fs), func(f Finding) bool { return f.Severity < min })
}

func TestLegalHistoriesAreSilent(t *testing.T) {
	for _, seed := range seeds(runs(*runsFlag)) {
		events := Legal(seeded(seed))
		all := Check(events, true)
		if found := atLeast(rule.Warning, all); len(found) > 0 {
			t.Fatalf("legal history, rerun with -run %s -naive.seed %d: %v\n%s", t.Name(), seed, found, Format(events, all...))
		}
	}
}

func TestBusyHistoriesAreSilent(t *testing.T) {
	for _, seed := range seeds(runs(*runsFlag / 10)) {
		events := Random(seeded(seed), GenOptions{Busy: true})
		all := Check(events, true)
		if found := atLeast(rule.Warning, all); len(found) > 0 {
			t.Fatalf("busy history, rerun with -run %s -naive.seed %d: %v\n%s", t.Name(), seed, found, Format(events, all...))
		}
	}
}

func TestLooseHistoriesBreakNoRule(t *testing.T) {
	for _, seed := range seeds(runs(*runsFlag / 4)) {
		events := Random(seeded(seed), GenOptions{Loose: true})
		all := Check(events, true)
		if found := atLeast(rule.Error, all); len(found) > 0 {
			t.Fatalf("loose history, rerun with -run %s -naive.seed %d: %v\n%s", t.Name(), seed, found, Format(events, all...))
		}
	}
}

// Any mixture of faults is judged without trouble, always alike, and what an incomplete
// trace shows is part of what the complete one does.
func TestMixedFaults(t *testing.T) {
	some, n := 0, runs(4000)
	for _, seed := range seeds(n) {
		o := GenOptions{Faults: 1 + int(seed%6), Loose: seed%2 == 0}
		events, planted := Plant(seeded(seed), o)
		again, _ := Plant(seeded(seed), o)
		if !slices.Equal(events, again) {
			t.Fatalf("seed %d gives two histories", seed)
		}
		for i, e := range events {
			if e.Seq != uint64(i+1) || i > 0 && e.TS <= events[i-1].TS {
				t.Fatalf("seed %d: row %d has seq %d and ts %d after %d", seed, i, e.Seq, e.TS, events[i-1].TS)
			}
		}
		whole, cut := Check(events, true), Check(events, false)
		for _, f := range cut {
			if !slices.Contains(whole, f) {
				t.Fatalf("seed %d: %v only if the trace is cut\n%s", seed, f, Format(events, whole...))
			}
		}
		if len(planted) > 0 && len(atLeast(rule.Warning, whole)) > 0 {
			some++
		}
	}
	if some < n/2 && *seedFlag == 0 {
		t.Errorf("only %d histories with a fault and a finding", some)
	}
}

func TestHistoriesAreSmallAndVaried(t *testing.T) {
	const n = 2000
	calls, most := 0, 0
	seen := map[string]int{}
	for _, seed := range seeds(n) {
		cs := callsOf(Legal(seeded(seed)))
		calls, most = calls+len(cs), max(most, len(cs))
		fns := map[string]bool{}
		for i, c := range cs {
			fns[c.fn.String()] = true
			if i > 0 && c.in.TID != cs[i-1].in.TID && !cs[i-1].over(c) {
				fns["overlap"] = true
			}
			if s, ok := c.result(); ok {
				fns[c.fn.String()+" "+s.String()] = true
			}
		}
		for f := range fns {
			seen[f]++
		}
	}
	t.Logf("%d calls on average, %d at most", calls/n, most)
	for _, f := range []string{
		"overlap", "NdisCmRegisterAddressFamilyEx NDIS_STATUS_FAILURE", "NdisMCmRegisterAddressFamilyEx NDIS_STATUS_SUCCESS",
		"ProtocolCmOpenAf NDIS_STATUS_PENDING", "NdisMCmOpenAddressFamilyComplete", "NdisClOpenAddressFamilyEx NDIS_STATUS_SUCCESS",
		"ProtocolCmCloseAf NDIS_STATUS_PENDING", "NdisClNotifyCloseAddressFamilyComplete", "ProtocolCmNotifyCloseAfComplete",
		"ProtocolClNotifyCloseAf NDIS_STATUS_SUCCESS", "NdisClRegisterSap", "NdisCoCreateVc", "MiniportHaltEx",
		"NdisCompleteBindAdapterEx", "NdisCompleteUnbindAdapterEx", "NdisCloseAdapterEx NDIS_STATUS_PENDING",
		"ProtocolUnbindAdapterEx NDIS_STATUS_SUCCESS", "ProtocolBindAdapterEx NDIS_STATUS_FAILURE",
	} {
		if *seedFlag == 0 && seen[f] < n/100 {
			t.Errorf("%s in %d of %d histories", f, seen[f], n)
		}
	}
}

func TestFormat(t *testing.T) {
	h := newStage()
	_, cl, cm := h.usual()
	o := h.opened(cl, cm, q2931)
	h.completeOpen(o, success)
	got := Format(h.events, Check(h.events, true)...)
	for _, want := range []string{
		"t2    -> NdisClOpenAddressFamilyEx#", "t2      => ProtocolCmOpenAf#", "NDIS_STATUS_SUCCESS", "^^^^ OPEN-08 error",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if Format(nil) != "" {
		t.Error("the empty history is not empty text")
	}
	for f := Fault(0); f < NumFaults; f++ {
		if f.String() == "" {
			t.Errorf("fault %d has no name", f)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	rng := seeded(1)
	for b.Loop() {
		Check(Random(rng, GenOptions{Faults: 1}), true)
	}
}

func TestBusyHistoriesAreVaried(t *testing.T) {
	const n = 1000
	seen := map[string]int{}
	for _, seed := range seeds(n) {
		fns := map[string]bool{}
		for _, c := range callsOf(Random(seeded(seed), GenOptions{Busy: true})) {
			fns[c.fn.String()] = true
			if s, ok := c.result(); ok {
				fns[c.fn.String()+" "+s.String()] = true
			}
		}
		for f := range fns {
			seen[f]++
		}
	}
	var want []string
	for _, o := range operations {
		for _, fn := range slices.Concat(o.ask, o.complete, []ndis.Func{o.upcall, o.told}) {
			want = append(want, fn.String())
		}
		want = append(want, o.upcall.String()+" NDIS_STATUS_SUCCESS", o.upcall.String()+" NDIS_STATUS_PENDING")
	}
	want = append(want,
		"NdisMCmCreateVc", "NdisMCmDeleteVc", "NdisMCmActivateVc NDIS_STATUS_PENDING", "NdisMCmDeactivateVc NDIS_STATUS_NOT_ACCEPTED",
		"NdisCoCreateVc NDIS_STATUS_RESOURCES", "ProtocolClCallConnected",
		"ProtocolClIncomingCloseCall", "ProtocolClIncomingDropParty", "ProtocolClIncomingCallQoSChange",
	)
	for _, f := range want {
		if *seedFlag == 0 && seen[f] < n/100 {
			t.Errorf("%s in %d of %d histories", f, seen[f], n)
		}
	}
}

// In a legal history everything comes to its end: each call returns, and what pends is
// completed once.
func TestLegalHistoriesComplete(t *testing.T) {
	pairs := map[string][]string{
		"ProtocolBindAdapterEx":          {"NdisCompleteBindAdapterEx"},
		"ProtocolUnbindAdapterEx":        {"NdisCompleteUnbindAdapterEx"},
		"NdisOpenAdapterEx":              {"ProtocolOpenAdapterCompleteEx"},
		"NdisCloseAdapterEx":             {"ProtocolCloseAdapterCompleteEx"},
		"ProtocolCmOpenAf":               {"NdisCmOpenAddressFamilyComplete", "NdisMCmOpenAddressFamilyComplete"},
		"NdisClOpenAddressFamilyEx":      {"ProtocolClOpenAfCompleteEx"},
		"ProtocolCmCloseAf":              {"NdisCmCloseAddressFamilyComplete", "NdisMCmCloseAddressFamilyComplete"},
		"NdisClCloseAddressFamily":       {"ProtocolClCloseAfComplete"},
		"ProtocolClNotifyCloseAf":        {"NdisClNotifyCloseAddressFamilyComplete"},
		"NdisCmNotifyCloseAddressFamily": {"ProtocolCmNotifyCloseAfComplete"},
		"ProtocolCmRegisterSap":          {"NdisCmRegisterSapComplete", "NdisMCmRegisterSapComplete"},
		"NdisClRegisterSap":              {"ProtocolClRegisterSapComplete"},
		"ProtocolCmDeregisterSap":        {"NdisCmDeregisterSapComplete", "NdisMCmDeregisterSapComplete"},
		"NdisClDeregisterSap":            {"ProtocolClDeregisterSapComplete"},
	}
	for _, o := range operations {
		var by []string
		for _, fn := range o.complete {
			by = append(by, fn.String())
		}
		pairs[o.upcall.String()] = by
		if len(o.ask) == 1 && o.upcall != ndis.MiniportCoActivateVc && o.upcall != ndis.MiniportCoDeactivateVc { // of an MCM any number will do
			pairs[o.ask[0].String()] = []string{o.told.String()}
		}
	}
	for _, seed := range seeds(3000) {
		events := Random(seeded(seed), GenOptions{Loose: seed%2 == 0, Busy: seed%3 == 0})
		pended, completed := map[string]int{}, map[string]int{}
		for _, c := range callsOf(events) {
			if c.out == nil {
				t.Fatalf("seed %d: %v@%d never returns\n%s", seed, c.fn, c.in.Seq, Format(events))
			}
			name := c.fn.String()
			if name == "NdisMCmNotifyCloseAddressFamily" {
				name = "NdisCmNotifyCloseAddressFamily"
			}
			if c.returned(pending) {
				pended[name]++
			}
			if c.arg.Caller != "self" {
				completed[name]++
			}
		}
		for f, by := range pairs {
			n := 0
			for _, c := range by {
				n += completed[c]
			}
			if n != pended[f] {
				t.Fatalf("seed %d: %s pends %d times and is completed %d times\n%s", seed, f, pended[f], n, Format(events))
			}
		}
	}
}
