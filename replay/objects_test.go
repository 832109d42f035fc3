package replay_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/internal/naive"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
	"github.com/aftrace/aftrace/replay/scenario"
)

var partNumber = flag.Int("part", -1, "part of the legal history to print")

// part is what a capture shows of a history.
type part struct {
	name string // says of which kind it is, up to the first comma
	rows []format.Event
	end  replay.End
	all  bool // nothing is missing but the end
}

// optional are the columns that a source may leave out.
var optional = []struct {
	name string
	bits format.Fields
}{
	{"adapter", format.HasAdapter}, {"binding", format.HasBinding}, {"af", format.HasAF}, {"sap", format.HasSAP}, {"vc", format.HasVC},
	{"party", format.HasParty}, {"context", format.HasContext}, {"context2", format.HasContext2}, {"status", format.HasStatus},
	{"af_type", format.HasAFType | format.HasAFMajor | format.HasAFMinor}, {"af_major", format.HasAFMajor | format.HasAFMinor},
	{"tid", format.HasTID}, {"driver", format.HasDriver}, {"detail", format.HasDetail}, {"call_id", format.HasCallID}, {"irql", format.HasIRQL},
}

// partsOf gives a history whole, and what is left of it where the capture begins in mid-life,
// is cut short, loses rows, lacks the calls or the callbacks of a driver, or a column.
func partsOf(rows []format.Event, rng *rand.Rand) []part {
	k, n := rng.IntN(len(rows)-20), 1+rng.IntN(20)
	parts := []part{
		{name: "whole", rows: rows, all: true},
		{name: fmt.Sprintf("mid-life, from row %d", k+1), rows: rows[k:]},
		{name: fmt.Sprintf("cut, before row %d", k+1), rows: rows[:k], end: replay.End{Truncated: true}, all: true},
		{name: fmt.Sprintf("gap, of %d rows from %d", n, k+1), rows: without(rows, func(i int) bool { return i >= k && i < k+n })},
	}
	driver, up := rows[rng.IntN(len(rows))].Driver, rng.IntN(2) == 0
	dir := "calls"
	if up {
		dir = "callbacks"
	}
	parts = append(parts, part{name: fmt.Sprintf("no %s, of %s", dir, driver), rows: slices.DeleteFunc(slices.Clone(rows), func(e format.Event) bool {
		return e.Driver == driver && (e.Function.Info().Dir == ndis.Up) == up
	})})
	column := optional[rng.IntN(len(optional))]
	less := slices.Clone(rows)
	for i := range less {
		less[i].Has &^= column.bits
	}
	return append(parts, part{name: "no column " + column.name, rows: less})
}

// tally counts what a test found odd, by kind, with an example of each.
type tally struct {
	count   map[string]int
	example map[string]string
}

func (y *tally) add(kind, example string) {
	if y.count == nil {
		y.count, y.example = map[string]int{}, map[string]string{}
	}
	if y.count[kind]++; y.count[kind] == 1 {
		y.example[kind] = example
	}
}

// report fails t for each kind.
func (y *tally) report(t *testing.T) {
	t.Helper()
	for _, kind := range slices.Sorted(maps.Keys(y.count)) {
		t.Errorf("%d× %s: %s", y.count[kind], kind, y.example[kind])
	}
}

// TestLegalHistoriesBreakNoRule: a legal history breaks no rule, whole or in part, whether
// its drivers only open and close address families or also make calls on them.
func TestLegalHistoriesBreakNoRule(t *testing.T) {
	tries, odd := 0, tally{}
	for seed := range uint64(upTo(t, 2000, 10_000)) {
		rows := naive.Random(rand.New(rand.NewPCG(seed, 2)), naive.GenOptions{Loose: seed%3 == 2, Busy: seed%5 < 2})
		if len(rows) < 30 {
			continue
		}
		for _, p := range partsOf(rows, rand.New(rand.NewPCG(seed, 3))) {
			tries++
			r := check(t, p.rows, replay.Options{}, p.end)
			kind, _, _ := strings.Cut(p.name, ",")
			if p.all && len(r.Defects) > 0 {
				odd.add("defects, "+kind, fmt.Sprintf("seed %d, %s: %v", seed, p.name, r.Defects))
			}
			for i := range r.Findings {
				if f := &r.Findings[i]; f.Severity == rule.Error && !f.Inconclusive {
					odd.add(fmt.Sprintf("%s, %s", f.Rule, kind), fmt.Sprintf("seed %d, %s: %s %s", seed, p.name, f.ID(), f.Message))
				}
			}
		}
	}
	odd.report(t)
	t.Logf("%d parts of legal histories", tries)
}

// TestLegalPart prints what the part -part of the legal history -seed shows.
func TestLegalPart(t *testing.T) {
	if *partNumber < 0 {
		t.Skip("prints the part -part of the legal history -seed")
	}
	s := uint64(*seed)
	rows := naive.Random(rand.New(rand.NewPCG(s, 2)), naive.GenOptions{Loose: s%3 == 2, Busy: s%5 < 2})
	p := partsOf(rows, rand.New(rand.NewPCG(s, 3)))[*partNumber]
	fmt.Println(p.name)
	fmt.Println(naive.Format(p.rows))
	r := check(t, p.rows, replay.Options{}, p.end)
	for i := range r.Findings {
		fmt.Println(scenario.FindingLine(&r.Findings[i]))
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
