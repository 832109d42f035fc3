package replay_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
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

// history is a legal one with an object of every kind: an AF open af1, a SAP sap1, a VC vc1
// with a call and a party p1.
const history = `
adapter A
driver cm call-manager
driver cl client
cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: register-sap af1 sap1
cl: create-vc af1 vc1
cl: make-multipoint-call vc1 p1
cl: add-party vc1 p2
cl: send vc1
`

// rowsOf compiles a scenario.
func rowsOf(t *testing.T, text string) []format.Event {
	t.Helper()
	s, err := scenario.Compile("defect.af", text)
	if err != nil {
		t.Fatal(err)
	}
	return s.Events
}

// TestDefects: each kind of contradictory row is counted under its name and nothing else is, it
// is no finding against a driver by itself, and the rest of the trace is replayed.
func TestDefects(t *testing.T) {
	last := func(rows []format.Event, fn ndis.Func, phase format.Phase) *format.Event {
		for i := len(rows) - 1; i >= 0; i-- {
			if rows[i].Function == fn && rows[i].Phase == phase {
				return &rows[i]
			}
		}
		t.Fatalf("no %s", fn)
		return nil
	}
	handle := func(rows []format.Event, bit format.Fields) uint64 {
		for i := len(rows) - 1; i >= 0; i-- {
			if e := &rows[i]; e.Has&bit != 0 {
				return map[format.Fields]uint64{
					format.HasAF: e.AF, format.HasSAP: e.SAP, format.HasVC: e.VC, format.HasParty: e.Party, format.HasBinding: e.Binding,
				}[bit]
			}
		}
		t.Fatal("no such handle")
		return 0
	}
	type rows = []format.Event
	for _, c := range []struct {
		kind  string
		what  string
		spoil func(rows) rows
		n     uint64
		also  []string // findings that follow
	}{
		{replay.DefectSeqOrder, "", func(r rows) rows { r[9].Seq = r[8].Seq; return r }, 1, nil},
		{replay.DefectTimeBackwards, "", func(r rows) rows { r[9].TS = r[8].TS - 1; return r }, 1, nil},
		{replay.DefectTimeNegative, "", func(r rows) rows { r[0].TS = -5; return r }, 1, nil},
		{replay.DefectUnknownFunction, "", func(r rows) rows {
			r = append(r, r[len(r)-1])
			e := &r[len(r)-1]
			*e = format.Event{Seq: e.Seq + 1, TS: e.TS + 1, Function: ndis.FuncUnknown, Has: format.HasDetail | format.HasVC, VC: 7, Detail: `{"function":"NdisNew"}`}
			return r
		}, 1, nil},
		{replay.DefectUnpairedReturn, "call_id", func(r rows) rows {
			e := *last(r, ndis.NdisCoSendNetBufferLists, format.PhaseReturn)
			e.Seq, e.TS, e.CallID = e.Seq+1, e.TS+1, 1<<40
			return append(r, e)
		}, 1, nil},
		{replay.DefectUnpairedReturn, "thread", func(r rows) rows {
			e := *last(r, ndis.NdisCoSendNetBufferLists, format.PhaseReturn)
			e.Seq, e.TS, e.Has = e.Seq+1, e.TS+1, e.Has&^format.HasCallID
			return append(r, e)
		}, 1, nil},
		{replay.DefectDuplicateCallID, "", func(r rows) rows {
			// The call and the one inside it have one id; the inner one has none on its return.
			in, out := last(r, ndis.ProtocolCmAddParty, format.PhaseEnter), last(r, ndis.ProtocolCmAddParty, format.PhaseReturn)
			in.CallID = last(r, ndis.NdisClAddParty, format.PhaseEnter).CallID
			out.Has &^= format.HasCallID
			return r
		}, 1, nil},
		{replay.DefectAbandonedCall, "", func(r rows) rows {
			e := last(r, ndis.ProtocolCmAddParty, format.PhaseReturn)
			for i := range r {
				if &r[i] == e {
					return slices.Delete(r, i, i+1)
				}
			}
			return r
		}, 1, nil},
		{replay.DefectOtherFunction, "", func(r rows) rows {
			// The row names a function that is void as well, so that nothing else is wrong.
			last(r, ndis.NdisCoSendNetBufferLists, format.PhaseReturn).Function = ndis.NdisMCoIndicateReceiveNetBufferLists
			return r
		}, 1, nil},
		{replay.DefectOtherThread, "", func(r rows) rows {
			last(r, ndis.NdisCoSendNetBufferLists, format.PhaseReturn).TID = 77
			return r
		}, 1, nil},
		{replay.DefectOtherDriver, "", func(r rows) rows {
			last(r, ndis.NdisCoSendNetBufferLists, format.PhaseReturn).Driver = "cm"
			return r
		}, 1, nil},
		{replay.DefectStatusPhase, "entry without a status argument", func(r rows) rows {
			last(r, ndis.NdisClAddParty, format.PhaseEnter).Has |= format.HasStatus
			return r
		}, 1, nil},
		{replay.DefectStatusPhase, "return of a void function", func(r rows) rows {
			last(r, ndis.NdisCoSendNetBufferLists, format.PhaseReturn).Has |= format.HasStatus
			return r
		}, 1, nil},
		{replay.DefectColumnNotCarried, "party", func(r rows) rows {
			e := last(r, ndis.NdisCoSendNetBufferLists, format.PhaseEnter)
			e.Party, e.Has = 5, e.Has|format.HasParty
			return r
		}, 1, nil},
		{replay.DefectColumnNotCarried, "address family", func(r rows) rows {
			e := last(r, ndis.NdisClRegisterSap, format.PhaseReturn)
			e.AFType, e.Has = 1, e.Has|format.HasAFType
			return r
		}, 1, nil},
		{replay.DefectColumnNotCarried, "lost", func(r rows) rows {
			e := last(r, ndis.NdisClRegisterSap, format.PhaseEnter)
			e.Lost, e.Has = 3, e.Has|format.HasLost
			return r
		}, 1, nil},
		{replay.DefectColumnNotCarried, "function of a gap", func(r rows) rows {
			e := r[len(r)-1]
			return append(r, format.Event{Seq: e.Seq + 1, TS: e.TS + 1, Phase: format.PhaseGap, Function: ndis.NdisCoCreateVc, Lost: 1, Has: format.HasLost})
		}, 1, nil},
		{replay.DefectHandleKind, "binding in the column of an AF", func(r rows) rows {
			last(r, ndis.NdisClRegisterSap, format.PhaseEnter).AF = handle(r, format.HasBinding)
			return r
		}, 1, []string{"SAP-01"}},
		{replay.DefectHandleKind, "AF in the column of a VC", func(r rows) rows {
			last(r, ndis.NdisCoSendNetBufferLists, format.PhaseEnter).VC = handle(r, format.HasAF)
			return r
		}, 1, nil},
		{replay.DefectHandleKind, "VC in the column of a party", func(r rows) rows {
			e := *last(r, ndis.NdisCoSendNetBufferLists, format.PhaseReturn)
			e.Has = e.Has&^(format.HasVC|format.HasContext|format.HasDetail) | format.HasParty
			e.Function, e.Phase, e.Party = ndis.NdisClDropParty, format.PhaseEnter, handle(r, format.HasVC)
			e.Seq, e.TS, e.CallID = e.Seq+1, e.TS+1, 1<<40
			return append(r, e)
		}, 1, nil},
		{replay.DefectHandleKind, "AF in the column of a SAP", func(r rows) rows {
			e := *last(r, ndis.NdisCoSendNetBufferLists, format.PhaseReturn)
			e.Has = e.Has&^(format.HasVC|format.HasContext|format.HasDetail) | format.HasSAP
			e.Function, e.Phase, e.SAP = ndis.NdisClDeregisterSap, format.PhaseEnter, handle(r, format.HasAF)
			e.Seq, e.TS, e.CallID = e.Seq+1, e.TS+1, 1<<40
			return append(r, e)
		}, 1, nil},
		{replay.DefectHandleKind, "AF in the column of a binding", func(r rows) rows {
			e := *last(r, ndis.NdisCoSendNetBufferLists, format.PhaseReturn)
			e.Has = e.Has&^(format.HasVC|format.HasContext|format.HasDetail) | format.HasBinding | format.HasAF
			e.Function, e.Phase, e.Binding, e.AF = ndis.NdisCoCreateVc, format.PhaseEnter, handle(r, format.HasAF), handle(r, format.HasAF)
			e.Seq, e.TS, e.CallID = e.Seq+1, e.TS+1, 1<<40
			return append(r, e)
		}, 1, nil},
		{replay.DefectIRQLRange, "", func(r rows) rows {
			e := last(r, ndis.NdisClRegisterSap, format.PhaseEnter)
			e.IRQL, e.Has = 32, e.Has|format.HasIRQL
			return r
		}, 1, nil},
		{replay.DefectEvent, "of a tracer", func(r rows) rows {
			e := r[len(r)-1]
			return append(r, format.Event{Seq: e.Seq + 1, TS: e.TS + 1, Phase: format.PhaseEvent, Source: format.SourceDTrace, Function: ndis.NdisCoGetTapiCallId})
		}, 1, nil},
		{replay.DefectEvent, "with a call_id", func(r rows) rows {
			e := r[len(r)-1]
			return append(r, format.Event{Seq: e.Seq + 1, TS: e.TS + 1, Phase: format.PhaseEvent, Source: format.SourceWPP, Function: ndis.NdisCoGetTapiCallId, CallID: 1 << 40, Has: format.HasCallID})
		}, 1, nil},
		{replay.DefectEvent, "of a tracer with a call_id", func(r rows) rows {
			e := r[len(r)-1]
			return append(r, format.Event{Seq: e.Seq + 1, TS: e.TS + 1, Phase: format.PhaseEvent, Source: format.SourceUprobe, Function: ndis.NdisCoGetTapiCallId, CallID: 1 << 40, Has: format.HasCallID})
		}, 1, nil},
		{replay.DefectGapWithoutLoss, "", func(r rows) rows {
			e := r[len(r)-1]
			return append(r, format.Event{Seq: e.Seq + 1, TS: e.TS + 1, Phase: format.PhaseGap, Has: format.HasLost})
		}, 1, nil},
		{replay.DefectGapBackwards, "", func(r rows) rows {
			e := r[len(r)-1]
			return append(r, format.Event{Seq: e.Seq + 1, TS: e.TS + 1, Phase: format.PhaseGap, Lost: 1, Has: format.HasLost | format.HasDetail,
				Detail: fmt.Sprintf(`{"since_ts":%d}`, e.TS+2)})
		}, 1, nil},
		{replay.DefectDetailNotAnObject, "", func(r rows) rows {
			e := last(r, ndis.NdisClRegisterSap, format.PhaseReturn)
			e.Detail, e.Has = "[1]", e.Has|format.HasDetail
			return r
		}, 1, nil},
		{replay.DefectHandleClaimed, "binding", func(r rows) rows {
			last(r, ndis.NdisOpenAdapterEx, format.PhaseReturn).Binding = r[slices.IndexFunc(r, func(e format.Event) bool {
				return e.Function == ndis.NdisOpenAdapterEx && e.Phase == format.PhaseReturn
			})].Binding
			return r
		}, 1, []string{"*"}},
		{replay.DefectHandleClaimed, "AF", func(r rows) rows {
			more := rowsOf(t, history+"cl: notify A Q2931\n  open A Q2931 af2\n    cm: cm-open af2 af=af1\n")
			last(more, ndis.NdisClOpenAddressFamilyEx, format.PhaseReturn).AF = handle(r, format.HasAF)
			return more
		}, 1, []string{"*"}},
		{replay.DefectHandleClaimed, "SAP", func(r rows) rows {
			return rowsOf(t, history+"cl: register-sap af1 sap2 <sap=sap1\n  cm: cm-register-sap af1 sap2 sap=sap1\n")
		}, 1, nil},
		{replay.DefectHandleClaimed, "VC", func(r rows) rows {
			return rowsOf(t, history+"cl: create-vc af1 vc2 <vc=vc1\n  miniport: mp-create-vc vc2 vc=vc1\n  cm: co-create-vc vc2 vc=vc1\n")
		}, 1, []string{"*"}},
		{replay.DefectHandleClaimed, "party", func(r rows) rows {
			return rowsOf(t, history+"cl: add-party vc1 p3 <party=p1\n  cm: cm-add-party vc1 p3 party=p1\n")
		}, 1, nil},
		{replay.DefectHandleDiffers, "", func(r rows) rows {
			last(r, ndis.NdisClOpenAddressFamilyEx, format.PhaseReturn).AF += 8
			return r
		}, 1, []string{"*"}},
	} {
		t.Run(c.kind+" "+c.what, func(t *testing.T) {
			good := rowsOf(t, history)
			if r := check(t, good, replay.Options{}, replay.End{}); len(r.Defects) > 0 || len(r.Findings) > 0 {
				t.Fatalf("the history itself has defects %v, findings %v", r.Defects, r.Findings)
			}
			bad := c.spoil(good)
			r := check(t, bad, replay.Options{}, replay.End{})
			if want := map[string]uint64{c.kind: c.n}; !maps.Equal(r.Defects, want) {
				t.Errorf("defects %v, want %v", r.Defects, want)
			}
			if _, ok := r.DefectRows[c.kind]; !ok {
				t.Error("the row is not known")
			}
			for i := range r.Findings {
				if !slices.Contains(c.also, r.Findings[i].Rule.String()) && !slices.Contains(c.also, "*") {
					t.Errorf("not expected: %s", scenario.FindingLine(&r.Findings[i]))
				}
			}
			if r.Events != uint64(len(bad)) {
				t.Errorf("%d of %d rows were replayed", r.Events, len(bad))
			}
		})
	}
}

// TestOneValueInTwoNamespaces: the same value is another object in another process, and a
// handle of another kind in another namespace contradicts nothing.
func TestOneValueInTwoNamespaces(t *testing.T) {
	var rows []format.Event
	for pid := uint32(1); pid <= 2; pid++ {
		for _, e := range rowsOf(t, history) {
			e.Seq, e.TS = uint64(len(rows)+1), e.TS+int64(pid)*1e9
			e.CallID += uint64(pid) << 32
			e.PID, e.Source, e.Has = pid, format.SourceUprobe, e.Has|format.HasPID
			rows = append(rows, e)
		}
	}
	r := check(t, rows, replay.Options{}, replay.End{})
	if len(r.Defects) > 0 || len(r.Findings) > 0 {
		t.Errorf("defects %v, findings %v", r.Defects, r.Findings)
	}
}

// TestDefectTable: names are unique and of one style, those of the reader are there, and the
// documentation has all of them.
func TestDefectTable(t *testing.T) {
	text, err := os.ReadFile("../docs/defects.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, d := range replay.Defects() {
		if seen[d.Name] || d.Text == "" || strings.Trim(d.Name, "abcdefghijklmnopqrstuvwxyz_0123456789") != "" {
			t.Errorf("%q: %q", d.Name, d.Text)
		}
		seen[d.Name] = true
		if replay.DefectText(d.Name) != d.Text {
			t.Errorf("DefectText(%q) = %q", d.Name, replay.DefectText(d.Name))
		}
		if line := fmt.Sprintf("| `%s` | %s |\n", d.Name, d.Text); !strings.Contains(string(text), line) {
			t.Errorf("docs/defects.md lacks the line\n%s", line)
		}
	}
	for _, name := range []string{
		format.DefectSeqOrder, format.DefectTimeBackwards, format.DefectUnknownFunction, format.DefectNullFunction, format.DefectUnknownPhase,
		format.DefectNullPhase, format.DefectUnknownSource, format.DefectNullSource, format.DefectInvalidUTF8, format.DefectOutOfRange,
	} {
		if !seen[name] {
			t.Errorf("%s of the reader is not in the table", name)
		}
	}
	if replay.DefectText("nothing_of_the_kind") != "" {
		t.Error("a defect that is not in the table has a text")
	}
}

// TestContradictoryHistories: no rows make the replay panic or hang, whatever contradicts what,
// and it says what it read: of spoilt random histories every row is replayed.
func TestContradictoryHistories(t *testing.T) {
	all := everyStrict(t)
	kinds := map[string]bool{}
	for seed := range int64(upTo(t, 2000, 20_000)) {
		rng := rand.New(rand.NewPCG(uint64(seed), 5))
		rows := naive.Random(rng, naive.GenOptions{Loose: seed%2 == 1})
		if len(rows) == 0 {
			continue
		}
		for range 1 + rng.IntN(1+len(rows)/4) {
			e, o := &rows[rng.IntN(len(rows))], &rows[rng.IntN(len(rows))]
			switch rng.IntN(14) {
			case 0:
				e.Phase = format.Phase(rng.IntN(int(format.PhaseGap) + 1))
			case 1:
				e.Function = ndis.Func(rng.IntN(int(ndis.NumFuncs) + 2))
			case 2:
				e.CallID = o.CallID
			case 3:
				e.TS = o.TS
			case 4:
				e.TS = rng.Int64() - rng.Int64()
			case 5:
				e.TID, e.PID = o.TID, uint32(rng.IntN(2))
			case 6:
				e.Driver = o.Driver
			case 7:
				e.Has ^= 1 << rng.IntN(21)
			case 8:
				e.AF, e.SAP, e.VC, e.Party, e.Binding = e.VC, e.AF, e.SAP, e.Binding, e.Party
			case 9:
				e.AF, e.VC, e.SAP, e.Party, e.Context = o.AF, o.VC, o.SAP, o.Party, o.Context
			case 10:
				e.Status = o.Status
			case 11:
				e.Seq = o.Seq
			case 12:
				e.Detail, e.Has = `{"caller":5,"since_ts":"x"`, e.Has|format.HasDetail
			case 13:
				e.Source, e.IRQL = format.Source(rng.IntN(int(format.NumSources))), uint8(rng.Uint32())
			}
		}
		for _, o := range []replay.Options{{}, {Strict: all, AFIdentity: replay.IdentityTypeVersion, MaxDead: 4}} {
			r := check(t, rows, o, replay.End{Truncated: seed%3 == 0})
			if r.Events != uint64(len(rows)) {
				t.Fatalf("seed %d: %d of %d rows", seed, r.Events, len(rows))
			}
			for k := range r.Defects {
				kinds[k] = true
				if replay.DefectText(k) == "" {
					t.Errorf("seed %d: defect %q is not in the table", seed, k)
				}
			}
		}
	}
	if len(kinds) < 12 {
		t.Errorf("only %v", slices.Sorted(maps.Keys(kinds)))
	}
}

// everyStrict is the set of all ambiguities that can be held strictly.
func everyStrict(t *testing.T) (s rule.AMBSet) {
	t.Helper()
	for _, a := range rule.Ambiguities() {
		if a.Strict != "" {
			one, err := rule.ParseStrict([]string{a.Name})
			if err != nil {
				t.Fatal(err)
			}
			s |= one
		}
	}
	return s
}

// TestStrictFindsMore: whatever is an error by default is one when everything is held
// strictly, and no finding becomes milder.
func TestStrictFindsMore(t *testing.T) {
	all, more := everyStrict(t), 0
	for seed := range int64(upTo(t, 2000, 20_000)) {
		rows := naive.Random(rand.New(rand.NewPCG(uint64(seed), 6)), naive.GenOptions{Loose: seed%2 == 1})
		lax, strict := check(t, rows, replay.Options{}, replay.End{}), check(t, rows, replay.Options{Strict: all}, replay.End{})
		type place struct {
			rule rule.ID
			seq  uint64
		}
		have := map[place]rule.Severity{}
		for i := range strict.Findings {
			f := &strict.Findings[i]
			for _, id := range append([]rule.ID{f.Rule}, f.Also...) {
				p := place{id, f.Seq}
				have[p] = max(have[p], f.Severity)
			}
			if f.Severity == rule.Error {
				more++
			}
		}
		for i := range lax.Findings {
			f := &lax.Findings[i]
			if f.Severity == rule.Error {
				more--
			}
			if s, ok := have[place{f.Rule, f.Seq}]; !ok || s < f.Severity {
				t.Errorf("seed %d: by default %s, not so if held strictly", seed, scenario.FindingLine(f))
			}
		}
	}
	if more <= 0 {
		t.Errorf("%d errors more", more)
	}
}
