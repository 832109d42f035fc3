package scenario_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/internal/naive"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
	"github.com/aftrace/aftrace/replay/scenario"
)

// hexValue is a handle in the detail column.
var hexValue = regexp.MustCompile(`"0x[0-9a-f]+"`)

// history is a trace that the metamorphic tests change.
type history struct {
	name string
	*scenario.Scenario
}

// everyHistory gives the scenarios of the corpus and random histories, legal and broken.
func everyHistory(t *testing.T, random int) (list []history) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(corpus, "*", "*.af"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := scenario.Compile(filepath.Base(file), string(raw))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, history{filepath.Base(file), s})
	}
	if testing.Short() {
		random /= 10
	}
	for seed := range uint64(random) {
		rows := naive.Random(rand.New(rand.NewPCG(seed, 31)), naive.GenOptions{Loose: seed%3 == 0, Faults: int(seed % 3)})
		list = append(list, history{fmt.Sprintf("seed %d", seed), &scenario.Scenario{Events: rows}})
	}
	return list
}

func (h history) with(rows []format.Event) *scenario.Scenario {
	s := *h.Scenario
	s.Events = rows
	return &s
}

func judged(t *testing.T, s *scenario.Scenario, batch int) *replay.Result {
	t.Helper()
	r, err := s.Replay(batch)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestBatchesFilesAndStreams: the batch size, and whether the rows come from memory, a file, a
// stream or one with the columns in another order, change nothing.
func TestBatchesFilesAndStreams(t *testing.T) {
	for _, h := range everyHistory(t, 300) {
		want := said(judged(t, h.Scenario, 1<<16))
		for _, size := range []int{1, 3, 64} {
			if got := said(judged(t, h.Scenario, size)); got != want {
				t.Errorf("%s, batches of %d:\n%s\nwant\n%s", h.name, size, got, want)
			}
		}
		for _, file := range []bool{false, true} {
			tr := readTrace(t, bytes.NewReader(bytesOf(t, h.Events, file)))
			if got := said(judged(t, h.with(tr.Events), 50)); got != want {
				t.Errorf("%s, file %v:\n%s\nwant\n%s", h.name, file, got, want)
			}
		}
	}
}

// detailValue is a handle or a context in the detail column, with its key.
var detailValue = regexp.MustCompile(`"([a-z_]+)":"0x([0-9a-f]+)"`)

// renamed gives every handle, context, thread and call id another value, without making two of
// one kind one. What is a handle of one kind and of another, or a handle and a context, may have
// one value before and two after, and the reverse.
func renamed(rows []format.Event, rng *rand.Rand) []format.Event {
	type key struct {
		space string
		v     uint64
	}
	values := map[key]uint64{}
	next := map[string]uint64{}
	base := rng.Uint64N(1 << 20)
	name := func(space string, v uint64) uint64 {
		if v == 0 {
			return 0
		}
		k := key{space, v}
		if values[k] == 0 {
			next[space] += 0x10 // each space counts from the same value: their values meet
			values[k] = 0xffff_8000_0000_0000 + base<<8 + next[space]
		}
		return values[k]
	}
	binding := map[uint64]bool{}
	for i := range rows {
		binding[rows[i].Binding] = true
	}
	inDetail := func(detail string) string {
		return detailValue.ReplaceAllStringFunc(detail, func(s string) string {
			m := detailValue.FindStringSubmatch(s)
			v, err := strconv.ParseUint(m[2], 16, 64)
			if err != nil {
				return s
			}
			switch {
			case m[1] == "miniport_context":
				v = name("context", v)
			case m[1] == "protocol" && binding[v]: // it may be the one or the other
				v = name("binding", v)
			default:
				v = name(m[1], v)
			}
			return fmt.Sprintf(`"%s":"0x%x"`, m[1], v)
		})
	}
	out := slices.Clone(rows)
	for i := range out {
		e := &out[i]
		e.Adapter, e.Binding, e.AF = name("adapter", e.Adapter), name("binding", e.Binding), name("af", e.AF)
		e.SAP, e.VC, e.Party = name("sap", e.SAP), name("vc", e.VC), name("party", e.Party)
		e.TID, e.CallID = name("tid", e.TID), name("call", e.CallID)
		e.Context, e.Context2 = name("context", e.Context), name("context", e.Context2)
		e.Detail = inDetail(e.Detail)
	}
	return out
}

// TestRenamedHandles: the values of handles and contexts mean nothing, in columns or in detail.
// The same value in two namespaces is two objects.
func TestRenamedHandles(t *testing.T) {
	for i, h := range everyHistory(t, 600) {
		want := said(judged(t, h.Scenario, 100))
		rows := renamed(h.Events, rand.New(rand.NewPCG(uint64(i), 32)))
		if got := said(judged(t, h.with(rows), 100)); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", h.name, got, want)
		}
	}
}

// shifted moves the clock; gap rows say since when in detail.
func shifted(rows []format.Event, to func(int64) int64) []format.Event {
	out := slices.Clone(rows)
	for i := range out {
		e := &out[i]
		e.TS = to(e.TS)
		var since int64
		if e.Phase == format.PhaseGap && strings.HasPrefix(e.Detail, `{"since_ts":`) {
			if n, err := fmt.Sscanf(e.Detail, `{"since_ts":%d}`, &since); n == 1 && err == nil {
				e.Detail = fmt.Sprintf(`{"since_ts":%d}`, to(since))
			}
		}
	}
	return out
}

// TestShiftedClocks: when the trace was taken does not matter; nor does how fast the clock
// runs, but for the rules that measure time.
func TestShiftedClocks(t *testing.T) {
	for _, h := range everyHistory(t, 600) {
		want := said(judged(t, h.Scenario, 100))
		if got := said(judged(t, h.with(shifted(h.Events, func(ts int64) int64 { return ts - 123_456_789_000 })), 100)); got != want {
			t.Errorf("%s, shifted:\n%s\nwant\n%s", h.name, got, want)
		}
		if h.Metadata[format.MetaOrderUncertainty] != "" || len(h.Events) == 0 {
			continue // how exact the clock is stays as it is
		}
		base := h.Events[0].TS
		slow := judged(t, h.with(shifted(h.Events, func(ts int64) int64 { return base + (ts-base)*2 })), 100)
		if got := said(timeless(slow)); got != said(timeless(judged(t, h.Scenario, 100))) {
			t.Errorf("%s, scaled:\n%s\nwant\n%s", h.name, got, want)
		}
	}
}

// timeless leaves out the rule that measures time.
func timeless(r *replay.Result) *replay.Result {
	out := *r
	out.Findings = slices.DeleteFunc(slices.Clone(r.Findings), func(f replay.Finding) bool { return f.Rule == rule.OPEN22 })
	return &out
}

// TestInterleavedAdapters: histories that share nothing are judged as if each were alone, in
// whatever order their rows come.
func TestInterleavedAdapters(t *testing.T) {
	n := 400
	if testing.Short() {
		n = 40
	}
	for seed := range uint64(n) {
		rng := rand.New(rand.NewPCG(seed, 33))
		var parts [][]format.Event
		var want []string
		for p := range 2 + rng.IntN(3) {
			rows := naive.Random(rng, naive.GenOptions{Loose: seed%3 == 0, Faults: int(seed % 2)})
			rows = apart(rows, p)
			want = append(want, rulesOf(judged(t, &scenario.Scenario{Events: rows}, 100).Findings, "")...)
			parts = append(parts, rows)
		}
		merged := interleave(parts, rng)
		got := rulesOf(judged(t, &scenario.Scenario{Events: merged}, 100).Findings, "")
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			t.Errorf("seed %d:\n%v\nwant\n%v", seed, got, want)
		}
	}
}

// TestInterleavedScenarios: scenarios of the corpus that share no adapter, no driver, no
// thread and no handle are judged in one trace as if each were alone, in whatever order their
// rows come. Scenarios that say something of the whole trace (options, metadata, gaps, an
// early end) or in which rows do not say what they are about, so that the checker doubts the
// rows around them, are left out.
func TestInterleavedScenarios(t *testing.T) {
	doubts := map[string]bool{
		"handle not recorded": true, "context not recorded": true, "status not recorded": true, "object from before the trace": true,
		"the row does not say which of several objects": true, "rows in between do not say what they are about": true,
	}
	var alone []history
	for _, h := range everyHistory(t, 0) {
		vague := false
		r := judged(t, h.Scenario, 100)
		for i := range r.Rules {
			for why := range r.Rules[i].Reasons {
				vague = vague || doubts[why]
			}
		}
		whole := !vague && len(h.Events) > 0 && h.Strict == 0 && len(h.Options) == 0 && len(h.Metadata) == 0 && !h.Cut && r.Gaps == 0 && len(r.Defects) == 0
		for i := range h.Events {
			e := &h.Events[i]
			// Order by time alone would change where rows share one time.
			whole = whole && (i == 0 || e.TS > h.Events[i-1].TS) && e.Has&format.HasTID != 0 && e.Has&format.HasDriver != 0
		}
		if whole {
			alone = append(alone, h)
		}
	}
	n := 1500
	if testing.Short() {
		n = 150
	}
	odd := map[string]int{}
	example := map[string]string{}
	for seed := range uint64(n) {
		rng := rand.New(rand.NewPCG(seed, 35))
		var parts [][]format.Event
		var names, want []string
		for p := range 2 + rng.IntN(3) {
			h := alone[rng.IntN(len(alone))]
			rows := apart(h.Events, p)
			names = append(names, h.name)
			want = append(want, rulesOf(judged(t, &scenario.Scenario{Events: rows}, 100).Findings, "")...)
			parts = append(parts, rows)
		}
		got := rulesOf(judged(t, &scenario.Scenario{Events: interleave(parts, rng)}, 100).Findings, "")
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			for _, name := range names {
				odd[name]++
			}
			key := strings.Join(names, " ")
			example[key] = fmt.Sprintf("seed %d:\n%v\nwant\n%v", seed, got, want)
		}
	}
	t.Logf("%d of the scenarios, %d traces", len(alone), n)
	for names, what := range example {
		t.Errorf("%s: %s", names, what)
	}
}

// apart moves a history into a world of its own: other handles, contexts, threads, call ids
// and drivers.
func apart(rows []format.Event, p int) []format.Event {
	out := slices.Clone(rows)
	move := uint64(p+1) << 36
	for i := range out {
		e := &out[i]
		for _, v := range []*uint64{&e.Adapter, &e.Binding, &e.AF, &e.SAP, &e.VC, &e.Party, &e.Context, &e.Context2} {
			if *v != 0 {
				*v ^= move
			}
		}
		e.TID += uint64(p * 1000)
		e.CallID += uint64(p * 100_000)
		e.Driver = fmt.Sprintf("w%d.%s", p, e.Driver)
		e.Detail = hexValue.ReplaceAllStringFunc(e.Detail, func(s string) string {
			var v uint64
			if _, err := fmt.Sscanf(s, `"0x%x"`, &v); err != nil || v == 0 {
				return s
			}
			return fmt.Sprintf(`"0x%x"`, v^move)
		})
	}
	return out
}

// interleave mixes the rows of several histories, each in its order, on one clock.
func interleave(parts [][]format.Event, rng *rand.Rand) (out []format.Event) {
	at := make([]int, len(parts))
	for {
		var open []int
		for p := range parts {
			if at[p] < len(parts[p]) {
				open = append(open, p)
			}
		}
		if len(open) == 0 {
			return out
		}
		p := open[rng.IntN(len(open))]
		for range 1 + rng.IntN(6) {
			if at[p] == len(parts[p]) {
				break
			}
			e := parts[p][at[p]]
			at[p]++
			e.Seq = uint64(len(out) + 1)
			e.TS = 1_700_000_000_000_000_000 + int64(len(out))*100
			out = append(out, e)
		}
	}
}

// rulesOf names findings by their rule, who is at fault and the driver.
func rulesOf(findings []replay.Finding, prefix string) (out []string) {
	for i := range findings {
		if f := &findings[i]; f.Rule != rule.OPEN22 {
			out = append(out, fmt.Sprintf("%s%s %s %s %v", prefix, f.Rule, f.AtFault, f.Driver, f.Inconclusive))
		}
	}
	return out
}

// optional are the columns that a source may leave out.
var optional = []struct {
	name string
	bits format.Fields
}{
	{"pid", format.HasPID}, {"irql", format.HasIRQL}, {"cpu", format.HasCPU}, {"tid", format.HasTID}, {"call_id", format.HasCallID},
	{"driver", format.HasDriver}, {"adapter", format.HasAdapter}, {"binding", format.HasBinding}, {"af", format.HasAF},
	{"sap", format.HasSAP}, {"vc", format.HasVC}, {"party", format.HasParty}, {"context", format.HasContext},
	{"context2", format.HasContext2}, {"af_major", format.HasAFMajor | format.HasAFMinor},
	{"af_type", format.HasAFType | format.HasAFMajor | format.HasAFMinor}, {"status", format.HasStatus}, {"detail", format.HasDetail},
}

// TestDroppedColumns: a trace that lacks one of its optional columns has no violation that the
// whole one does not have, of the same row or of another one that proves it. Of each violation that does not show any more its
// rule is counted, with the column as the reason, as not checked.
func TestDroppedColumns(t *testing.T) {
	tries, gone := 0, 0
	odd, example := map[string]int{}, map[string]string{}
	add := func(what string, format string, args ...any) {
		odd[what]++
		example[what] = fmt.Sprintf(format, args...)
	}
	for _, h := range everyHistory(t, 500) {
		whole := judged(t, h.Scenario, 100)
		had := broken(whole)
		for _, c := range optional {
			rows := slices.Clone(h.Events)
			for i := range rows {
				if rows[i].Phase != format.PhaseGap {
					rows[i].Has &^= c.bits
				}
			}
			tries++
			r := judged(t, h.with(inFile(t, rows)), 100)
			for _, f := range broken(r) {
				if !slices.ContainsFunc(had, func(w *replay.Finding) bool {
					return slices.Contains(w.Events, f.Seq) && (w.Rule == f.Rule || slices.Contains(w.Also, f.Rule))
				}) {
					add(fmt.Sprintf("%s comes without column %s", f.Rule, c.name), "%s: %s", h.name, scenario.FindingLine(f))
				}
			}
			for _, w := range had {
				if slices.ContainsFunc(r.Findings, func(f replay.Finding) bool {
					return f.Seq == w.Seq && (f.Rule == w.Rule || slices.Contains(f.Also, w.Rule))
				}) {
					continue
				}
				gone++
				if a, b := count(whole, w.Rule), count(r, w.Rule); b.Reasons[replay.NoColumn(c.name)] == 0 && b.NotChecked <= a.NotChecked {
					add(fmt.Sprintf("%s goes without column %s", w.Rule, c.name), "%s: %s, not checked: %v", h.name, scenario.FindingLine(w), b.Reasons)
				}
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(odd)) {
		t.Errorf("%d× %s: %s", odd[key], key, example[key])
	}
	t.Logf("%d traces without a column, %d violations that do not show", tries, gone)
}

func count(r *replay.Result, id rule.ID) replay.RuleCount {
	i := slices.IndexFunc(r.Rules, func(n replay.RuleCount) bool { return n.Rule == id })
	return r.Rules[i]
}
