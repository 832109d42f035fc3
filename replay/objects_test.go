package replay_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/internal/naive"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// aboutObjects are the groups of rules about what lives on an open address family.
func aboutObjects(group string) bool {
	return group == "SAP" || group == "OID" || group == "LEAK" || group == "UNLOAD"
}

// TestLegalHistoriesBreakNoRule: a legal history breaks no rule, whole or cut short. Of a
// capture that shows only a part of it (it begins in mid-life, rows are lost, calls or
// callbacks of a driver are not captured, a column is missing) what SAPs and requests do
// gives no finding either. For the other rules the handful of parts that still mislead the
// checker is counted: less than one in two thousand.
func TestLegalHistoriesBreakNoRule(t *testing.T) {
	odd, tries, example := 0, 0, ""
	columns := []format.Fields{format.HasSAP, format.HasContext, format.HasStatus, format.HasAF, format.HasTID, format.HasDriver, format.HasDetail, format.HasCallID}
	for seed := range int64(histories(t, 2000)) {
		rows := naive.Random(rand.New(rand.NewPCG(uint64(seed), 2)), naive.GenOptions{Loose: seed%3 == 2})
		if len(rows) < 30 {
			continue
		}
		try := func(what string, part bool, rows []format.Event, end replay.End) {
			tries++
			r := check(t, rows, replay.Options{}, end)
			if !part && (what == "all of it" || end.Truncated) && len(r.Defects) > 0 {
				t.Errorf("seed %d, %s: defects %v", seed, what, r.Defects)
			}
			for i := range r.Findings {
				f := &r.Findings[i]
				if f.Severity != rule.Error || f.Inconclusive {
					continue
				}
				if part && !aboutObjects(f.Rule.Rule().Group) {
					odd++
					example = fmt.Sprintf("seed %d, %s: %s@%d %s", seed, what, f.Rule, f.Seq, f.Message)
				} else {
					t.Errorf("seed %d, %s: %s@%d %s", seed, what, f.Rule, f.Seq, f.Message)
				}
			}
		}
		rng := rand.New(rand.NewPCG(uint64(seed), 3))
		k, n := rng.IntN(len(rows)-20), 1+rng.IntN(20)
		try("all of it", false, rows, replay.End{})
		try(fmt.Sprintf("from row %d", k), true, rows[k:], replay.End{})
		try(fmt.Sprintf("cut at row %d", k), false, rows[:k], replay.End{Truncated: true})
		gap := format.Event{Seq: rows[k].Seq, TS: rows[k+n-1].TS, Phase: format.PhaseGap, Lost: uint64(n),
			Has: format.HasLost | format.HasDetail, Detail: fmt.Sprintf(`{"since_ts":%d}`, rows[k].TS)}
		try(fmt.Sprintf("without %d rows from %d", n, k), true, append(append(append([]format.Event{}, rows[:k]...), gap), rows[k+n:]...), replay.End{})
		var some []format.Event
		driver, up := rows[rng.IntN(len(rows))].Driver, rng.IntN(2) == 0
		for i := range rows {
			if e := &rows[i]; e.Driver != driver || (e.Function.Info().Dir == ndis.Up) != up {
				some = append(some, *e)
			}
		}
		try(fmt.Sprintf("without %s, callbacks %v", driver, up), true, some, replay.End{})
		some = append([]format.Event{}, rows...)
		column := columns[rng.IntN(len(columns))]
		for i := range some {
			some[i].Has &^= column
		}
		try(fmt.Sprintf("without column %#x", uint64(column)), true, some, replay.End{})
	}
	t.Logf("%d of %d parts mislead the checker, the last: %s", odd, tries, example)
	if odd*2000 > tries {
		t.Errorf("%d of %d parts of legal histories give a finding, the last: %s", odd, tries, example)
	}
}

// steadyObjects are rows of a client that registers and deregisters SAPs and asks its call
// manager things, on one AF.
func steadyObjects(n int) []format.Event {
	w := &world{rows: steadyWorld(8), id: 1 << 30, tid: 99}
	w.ts = w.rows[len(w.rows)-1].TS
	with := func(f func(*format.Event), bits format.Fields) func(*format.Event) {
		return func(e *format.Event) { f(e); e.Has |= bits }
	}
	pending := func(e *format.Event) { e.Status = uint32(ndis.StatusPending) }
	const af, cl, cm, binding = 0x45, 0x44, 0x46, 0x2000
	w.nest(ndis.NdisClOpenAddressFamilyEx, "client", with(func(e *format.Event) { e.Binding, e.Context = binding, cl; w.af(e) }, format.HasBinding|format.HasContext), func() {
		w.call(ndis.ProtocolCmOpenAf, "cm", with(func(e *format.Event) { e.Context, e.AF = 0x5000, af; w.af(e) }, format.HasContext|format.HasAF),
			with(func(e *format.Event) { e.Context = cm }, format.HasContext))
	}, with(func(e *format.Event) { e.AF = af }, format.HasAF))
	for i := range n {
		h := uint64(0xc00000 + i%512*16)
		w.nest(ndis.NdisClRegisterSap, "client", with(func(e *format.Event) {
			e.AF, e.Context = af, h+1
			w.detail(e, `{"sap":"`+hex(h)+`","sap_type":1}`)
		}, format.HasAF|format.HasContext), func() {
			w.call(ndis.ProtocolCmRegisterSap, "cm", with(func(e *format.Event) { e.Context, e.SAP = cm, h }, format.HasContext|format.HasSAP),
				with(func(e *format.Event) { e.Context = h + 2 }, format.HasContext))
		}, with(func(e *format.Event) { e.SAP = h }, format.HasSAP))
		w.nest(ndis.NdisClDeregisterSap, "client", with(func(e *format.Event) { e.SAP = h }, format.HasSAP), func() {
			w.call(ndis.ProtocolCmDeregisterSap, "cm", with(func(e *format.Event) { e.Context = h + 2 }, format.HasContext), nil)
		}, pending)
		w.call(ndis.ProtocolClDeregisterSapComplete, "client", with(func(e *format.Event) {
			e.Context = h + 1
			w.detail(e, `{"caller":"ndis"}`)
		}, format.HasContext|format.HasStatus), nil)
		request := `"oid":4261412870,"oid_request":"` + hex(h) + `"}`
		w.nest(ndis.NdisCoOidRequest, "client", with(func(e *format.Event) {
			e.Binding, e.AF = binding, af
			w.detail(e, `{`+request)
		}, format.HasAF|format.HasBinding), func() {
			w.call(ndis.ProtocolCoOidRequest, "cm", with(func(e *format.Event) {
				e.Context = cm
				w.detail(e, `{`+request)
			}, format.HasContext), pending)
		}, pending)
		w.call(ndis.NdisCoOidRequestComplete, "cm", with(func(e *format.Event) {
			e.AF = af
			w.detail(e, `{`+request)
		}, format.HasAF|format.HasStatus), nil)
		w.call(ndis.ProtocolCoOidRequestComplete, "client", with(func(e *format.Event) {
			e.Context = cl
			w.detail(e, `{"caller":"ndis",`+request)
		}, format.HasContext|format.HasStatus), nil)
	}
	return w.rows
}

// TestSteadyObjectsAllocateNothing: past the bound on what is remembered of the dead, SAPs
// and requests that come and go cost no allocation.
func TestSteadyObjectsAllocateNothing(t *testing.T) {
	allocations := func(n int) float64 {
		bs := batches(steadyObjects(n), 4096)
		return testing.AllocsPerRun(1, func() {
			c := replay.New(replay.Options{MaxDead: 1 << 10})
			for _, b := range bs {
				if err := c.Batch(b); err != nil {
					t.Fatal(err)
				}
			}
			if r := c.Finish(replay.End{}); r.Verdict != replay.Conforms {
				t.Errorf("verdict %v, %d findings, first %+v", r.Verdict, len(r.Findings), r.Findings[:min(3, len(r.Findings))])
			}
		})
	}
	if a, b := allocations(5_000), allocations(20_000); b > a+8 {
		t.Errorf("%v allocations for 5000 rounds, %v for 20000", a, b)
	}
}
