package scenario_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// renamed gives every handle, context, thread, process and call id another value, without
// making two of them one. What is a context of one driver and a handle, or a context of
// another driver, may have one value before and two after, and the reverse.
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
	out := slices.Clone(rows)
	for i := range out {
		e := &out[i]
		e.Adapter, e.Binding, e.AF = name("adapter", e.Adapter), name("binding", e.Binding), name("af", e.AF)
		e.SAP, e.VC, e.Party = name("sap", e.SAP), name("vc", e.VC), name("party", e.Party)
		e.TID, e.CallID = name("tid", e.TID), name("call", e.CallID)
	}
	return out
}

// TestRenamedHandles: the values of handles mean nothing. The same value in two namespaces is
// two objects.
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

// TestDroppedColumns: in a legal trace that lacks one of its optional columns nothing is found;
// what cannot be judged any more is counted as not checked. The few that still mislead the
// checker are counted: less than two in a thousand.
func TestDroppedColumns(t *testing.T) {
	columns := []format.Fields{format.HasPID, format.HasIRQL, format.HasCPU, format.HasTID, format.HasCallID, format.HasDriver,
		format.HasAdapter, format.HasBinding, format.HasAF, format.HasSAP, format.HasVC, format.HasParty, format.HasContext,
		format.HasContext2, format.HasAFMajor | format.HasAFMinor, format.HasAFType | format.HasAFMajor | format.HasAFMinor,
		format.HasStatus, format.HasDetail}
	tries, more := 0, map[string]int{}
	example := map[string]string{}
	for _, h := range everyHistory(t, 500) {
		whole := judged(t, h.Scenario, 100)
		if whole.Verdict == replay.Violations {
			continue
		}
		for _, c := range columns {
			rows := slices.Clone(h.Events)
			for i := range rows {
				if rows[i].Phase != format.PhaseGap {
					rows[i].Has &^= c
				}
			}
			tries++
			r := judged(t, h.with(inFile(t, rows)), 100)
			for i := range r.Findings {
				f := &r.Findings[i]
				if f.Severity == rule.Error && !f.Inconclusive {
					key := fmt.Sprintf("%s without column %#x", f.Rule, uint64(c))
					more[key]++
					example[key] = fmt.Sprintf("%s: %s", h.name, scenario.FindingLine(f))
				}
			}
		}
	}
	for key, n := range more {
		t.Logf("%d× %s: %s", n, key, example[key])
	}
	n := 0
	for _, k := range more {
		n += k
	}
	t.Logf("%d findings in %d traces without a column", n, tries)
	if n*500 > tries {
		t.Errorf("%d findings in %d legal traces that lack a column", n, tries)
	}
}
