package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/aftrace/aftrace/analysis/timing"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

var update = flag.Bool("update", false, "rewrite the golden reports")

// host is a trace with a violation, a warning, a finding that is inconclusive, and conflicts.
func host() Trace {
	return Trace{Path: "host.arrow", Result: &replay.Result{
		Verdict: replay.Violations, Events: 1200, Lost: 3, Gaps: 1,
		Findings: []replay.Finding{
			{
				Seq: 40, Rule: rule.REG14, Severity: rule.Error, AtFault: rule.NDIS,
				Message: "TAPI_PROXY is given to \"other\" although the miniport call manager holds it",
				Events:  []uint64{12, 13, 39, 40}, Adapter: 0xffffa801c54921a0, Driver: "ndis", Also: []rule.ID{rule.REG02, rule.REG01},
			},
			{
				Seq: 39, Rule: rule.REG07, Severity: rule.Warning, AtFault: rule.CallManager,
				Message: "registers outside the bind handler", Events: []uint64{39}, Driver: "other",
			},
			{
				Seq: 90, Rule: rule.OPEN07, Severity: rule.Error, AtFault: rule.CallManager, Inconclusive: true,
				Why: "events were lost in between", Message: "the open is never completed", Events: []uint64{90},
			},
		},
		Conflicts: []replay.Conflict{
			{
				Kind: replay.ConflictRefusedRegistration, Adapter: 0xffffa801c54921a0,
				AF:     replay.AF{Type: uint32(ndis.AFTypeTAPIProxy), Major: 1, HasVersion: true},
				Holder: "wanmcm", Contender: "third", Status: ndis.StatusFailure, Events: []uint64{12, 60, 61}, HeldFor: 2_500_000,
				Seq: 61, Since: 1772356500_000000000, Until: replay.NoTime,
			},
			{
				Kind: replay.ConflictUnservedOpen, AF: replay.AF{Type: 0x4711}, Contender: "client",
				Status: ndis.Status(0xC0990001), Events: []uint64{70}, HeldFor: -1,
				Seq: 70, Cause: replay.CauseNever, Since: replay.NoTime, Until: replay.NoTime, Inconclusive: true, Why: "events were lost in between",
			},
		},
		Rules: []replay.RuleCount{
			{Rule: rule.REG01, Checked: 4},
			{Rule: rule.REG07, Checked: 3, NotChecked: 2, Reasons: map[string]uint64{"role of the driver not recorded": 2}},
			{Rule: rule.OPEN07, NotChecked: 1, Reasons: map[string]uint64{"status not recorded": 1}},
		},
		Defects:  map[string]uint64{"return_without_enter": 2},
		Unjudged: map[ndis.Func]uint64{ndis.NdisCoCreateVc: 5, ndis.NdisClMakeCall: 1},
		Reasons:  []string{"events were lost"},
	}}
}

func clean() Trace {
	return Trace{Path: "clean.arrow", Result: &replay.Result{
		Verdict: replay.Conforms, Events: 10, Rules: []replay.RuleCount{{Rule: rule.REG01, Checked: 1}},
	}}
}

func lossy() Trace {
	return Trace{Path: "lossy.arrow", Result: &replay.Result{
		Verdict: replay.Inconclusive, Events: 5, Lost: 1, Reasons: []string{"events were lost"},
		Rules: []replay.RuleCount{{Rule: rule.REG01, NotChecked: 1, Reasons: map[string]uint64{"x": 1}}},
	}}
}

func broken() Trace {
	return Trace{Path: "broken.arrow", Err: errors.New("broken.arrow: at byte 712: batch is cut short")}
}

func someTimings() []timing.Row {
	return []timing.Row{
		{Function: ndis.ProtocolCmOpenAf, AFType: ndis.AFTypeTAPI, HasAFType: true, Driver: "ndproxy", Count: 3, Interrupted: 1, Min: 1200, P50: 1500, P90: 1900, P99: 1900, P999: 1900, Max: 61_000_000_000},
		{Function: ndis.ProtocolBindAdapterEx, Interrupted: 2},
	}
}

// rowsOf stands for a trace file.
func rowsOf(_ int, seqs []uint64) map[uint64]format.Event {
	m := map[uint64]format.Event{}
	for _, s := range seqs {
		if s == 61 {
			continue // as if the trace had changed meanwhile
		}
		m[s] = format.Event{
			Seq: s, TS: 1772356500_000000000 + int64(s)*1000, Phase: format.PhaseEnter, Function: ndis.NdisCmRegisterAddressFamilyEx,
			Driver: "other", Adapter: 0xffffa801c54921a0, Has: format.HasDriver | format.HasAdapter,
		}
	}
	return m
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

func text(t *testing.T, r *Report, o TextOptions) string {
	t.Helper()
	var b strings.Builder
	if err := r.WriteText(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestText(t *testing.T) {
	one := New([]Trace{host()}, Options{Timings: someTimings()})
	golden(t, "host.txt", []byte(text(t, one, TextOptions{Rows: rowsOf, Timings: true})))
	four := New([]Trace{clean(), lossy(), host(), broken()}, Options{})
	golden(t, "several.txt", []byte(text(t, four, TextOptions{})))
	golden(t, "clean.txt", []byte(text(t, New([]Trace{clean()}, Options{}), TextOptions{})))
}

func TestJSON(t *testing.T) {
	for name, traces := range map[string][]Trace{
		"host.json": {host()}, "several.json": {clean(), lossy(), host(), broken()}, "clean.json": {clean()},
	} {
		var b bytes.Buffer
		if err := New(traces, Options{Timings: someTimings()}).WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.Bytes())
	}
}

// TestJSONKeys holds the keys of the contract: all are there, empty lists are lists.
func TestJSONKeys(t *testing.T) {
	var b bytes.Buffer
	if err := New([]Trace{{Path: "empty.arrow", Result: &replay.Result{}}}, Options{}).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var top map[string]any
	if err := json.Unmarshal(b.Bytes(), &top); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"findings", "conflicts", "rules", "timings"} {
		if v, ok := top[k].([]any); !ok || len(v) != 0 {
			t.Errorf("%s is %v, want []", k, top[k])
		}
	}
	if d, ok := top["traces"].([]any)[0].(map[string]any)["defects"].(map[string]any); !ok || len(d) != 0 {
		t.Errorf("defects: %v", d)
	}

	b.Reset()
	if err := New([]Trace{host()}, Options{Timings: someTimings()}).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b.Bytes(), &top); err != nil {
		t.Fatal(err)
	}
	for list, keys := range map[string]string{
		"traces":    "path verdict events lost defects",
		"findings":  "id rule severity verdict at_fault message trace events adapter driver page also",
		"conflicts": "kind adapter af holder contender status events",
		"rules":     "id checked not_checked reasons",
		"timings":   "function af driver count interrupted min_ns p50_ns p90_ns p99_ns p999_ns max_ns",
	} {
		for _, k := range strings.Fields(keys) {
			if _, ok := top[list].([]any)[0].(map[string]any)[k]; !ok {
				t.Errorf("%s have no %q", list, k)
			}
		}
	}
}

// TestDigest writes the digest of record down once more, from docs/report.md.
func TestDigest(t *testing.T) {
	record := strings.Join([]string{
		"d1",
		"violations",
		"REG-14 error violation ndis 12,13,39,40",
		"REG-07 warning violation call-manager 39",
		"OPEN-07 error inconclusive call-manager 90",
	}, "\n")
	sum := sha256.Sum256([]byte(record))
	if got, want := New([]Trace{host()}, Options{}).Digest, hex.EncodeToString(sum[:]); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

func TestDigestIgnores(t *testing.T) {
	want := New([]Trace{host()}, Options{}).Digest
	other := host()
	other.Path = "elsewhere.arrow"
	other.Result.Events++
	for i := range other.Result.Findings {
		f := &other.Result.Findings[i]
		f.Message, f.Driver, f.Adapter = "other words", "other driver", 1
	}
	other.Result.Findings[0], other.Result.Findings[2] = other.Result.Findings[2], other.Result.Findings[0]
	if got := New([]Trace{other}, Options{}).Digest; got != want {
		t.Error("path, words, handles or order change the digest")
	}
	other.Result.Findings[0].Events = []uint64{90, 91}
	if got := New([]Trace{other}, Options{}).Digest; got == want {
		t.Error("the events do not change the digest")
	}
}

func TestVerdictOfSeveral(t *testing.T) {
	for _, test := range []struct {
		traces []Trace
		want   string
		code   int
	}{
		{[]Trace{clean()}, "conforms", 0},
		{[]Trace{clean(), lossy()}, "inconclusive", 4},
		{[]Trace{lossy(), host(), clean()}, "violations", 1},
		{[]Trace{broken(), host(), lossy()}, "unreadable", 3},
	} {
		r := New(test.traces, Options{})
		if r.Verdict != test.want || r.ExitCode() != test.code {
			t.Errorf("%s, exit %d; want %s, exit %d", r.Verdict, r.ExitCode(), test.want, test.code)
		}
	}
}

func TestFailOn(t *testing.T) {
	warned := Trace{Path: "w.arrow", Result: &replay.Result{Verdict: replay.Conforms, Findings: []replay.Finding{
		{Seq: 1, Rule: rule.REG07, Severity: rule.Warning, Events: []uint64{1}},
		{Seq: 2, Rule: rule.REG13, Severity: rule.Info, Events: []uint64{2}, Inconclusive: true},
	}}}
	contended := Trace{Path: "c.arrow", Result: &replay.Result{Verdict: replay.Conforms, Conflicts: []replay.Conflict{{}}}}
	for _, test := range []struct {
		words string
		trace Trace
		want  string
	}{
		{"", warned, "conforms"},
		{"error", warned, "conforms"},
		{"warning", warned, "violations"},
		{"info", warned, "violations"},
		{"conflict", warned, "conforms"},
		{"REG-07", warned, "violations"},
		{"reg-07,error", warned, "violations"},
		{"REG-13", warned, "conforms"}, // lost events could explain it
		{"conflict", contended, "violations"},
		{"info", contended, "conforms"},
		{"conflict", lossy(), "inconclusive"},
		{"conflict", broken(), "unreadable"},
	} {
		f, err := ParseFailOn(strings.Split(test.words, ","))
		if test.words == "" {
			f, err = ParseFailOn(nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := New([]Trace{test.trace}, Options{FailOn: f}).Verdict; got != test.want {
			t.Errorf("--fail-on %q on %s: %s, want %s", test.words, test.trace.Path, got, test.want)
		}
	}
	if _, err := ParseFailOn([]string{"REG-99"}); err == nil {
		t.Error("a rule that does not exist is accepted")
	}
}

func TestTextIsSafe(t *testing.T) {
	evil := "\x1b]0;owned\x07\u202e\r\n\u009b31m"
	tr := host()
	tr.Path, tr.Err = evil, errors.New(evil)
	r := tr.Result
	r.Findings[0].Message, r.Findings[0].Driver, r.Findings[2].Why = evil, evil, evil
	r.Conflicts[0].Holder, r.Conflicts[0].Contender = evil, evil
	r.Defects = map[string]uint64{evil: 1}
	r.Reasons = []string{evil}
	r.Rules[1].Reasons = map[string]uint64{evil: 1}
	timings := someTimings()
	timings[0].Driver = evil
	rep := New([]Trace{tr, lossy()}, Options{Timings: timings})
	out := text(t, rep, TextOptions{Timings: true, Rows: rowsOf})
	var js bytes.Buffer
	if err := rep.WriteJSON(&js); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{out, js.String()} {
		for _, r := range s {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("%U in\n%q", r, s)
				break
			}
		}
	}
	var back Report
	if err := json.Unmarshal(js.Bytes(), &back); err != nil || back.Traces[0].Path != evil {
		t.Errorf("JSON does not give the path back: %q, %v", back.Traces[0].Path, err)
	}
}

func TestColorAndLimits(t *testing.T) {
	r := New([]Trace{host()}, Options{})
	if out := text(t, r, TextOptions{Color: true}); !strings.HasPrefix(out, "\x1b[1;31mviolations\x1b[0m: ") {
		t.Errorf("got %q", out[:40])
	}
	if out := text(t, r, TextOptions{Findings: 1}); !strings.Contains(out, "… and 1× OPEN-07, 1× REG-07 (") || strings.Contains(out, "OPEN-07@90") {
		t.Errorf("got\n%s", out)
	}
	flood := host()
	for i := range uint64(1000) {
		flood.Result.Findings = append(flood.Result.Findings, replay.Finding{Seq: i, Rule: rule.OPEN01, Severity: rule.Warning, Driver: "cl", Events: []uint64{i}})
	}
	out := text(t, New([]Trace{flood}, Options{}), TextOptions{})
	if strings.Count(out, "warning OPEN-01@") != 3 || !strings.Contains(out, "… and 997× OPEN-01 (") || !strings.Contains(out, "REG-14@40") {
		t.Errorf("a flood hides the rest:\n%s", out)
	}
	if out := text(t, New([]Trace{flood}, Options{}), TextOptions{Findings: -1}); strings.Count(out, "warning OPEN-01@") != 1000 {
		t.Error("not all are shown")
	}
	many := host()
	many.Result.Findings[0].Events = nil
	for i := range uint64(100) {
		many.Result.Findings[0].Events = append(many.Result.Findings[0].Events, i)
	}
	if out := text(t, New([]Trace{many}, Options{}), TextOptions{}); !strings.Contains(out, "      3\n    … 92 more …\n      96\n") {
		t.Errorf("got\n%s", out)
	}
}

func TestEvidence(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.arrow")
	w, err := format.Create(path, format.WriterOptions{BatchRows: 10})
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(100) {
		e := format.Event{Seq: i, TS: int64(i), Function: ndis.ProtocolCmOpenAf, AF: i, Has: format.HasAF}
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := Evidence(path, []uint64{55, 3, 3, 99, 1000})
	if err != nil {
		t.Fatal(err)
	}
	var afs []uint64
	for _, seq := range []uint64{3, 55, 99} {
		afs = append(afs, got[seq].AF)
	}
	if len(got) != 3 || !reflect.DeepEqual(afs, []uint64{3, 55, 99}) {
		t.Errorf("got %v", got)
	}
	if got, err := Evidence("/no/such/file", nil); err != nil || len(got) != 0 {
		t.Error("nothing wanted, but the file is read")
	}
	if _, err := Evidence("/no/such/file", []uint64{1}); err == nil {
		t.Error("no error for a missing file")
	}
}

// Findings are shown the gravest first, and those of one weight in the order of their rows,
// whatever rows prove them: what broke first is read first.
func TestOrderForTheEye(t *testing.T) {
	r := &Report{Findings: []Finding{
		{ID: "CLOSE-02@85", Severity: "error", Events: []uint64{54, 85}, seq: 85},
		{ID: "OPEN-08@66", Severity: "error", Events: []uint64{56, 66}, seq: 66},
		{ID: "REG-07@7", Severity: "warning", seq: 7},
		{ID: "OPEN-13@5", Severity: "error", seq: 5, trace: 1},
		{ID: "REG-02@3", Severity: "error", seq: 3, State: StateKnown},
	}}
	var got []string
	for _, f := range r.byWeight() {
		got = append(got, f.ID)
	}
	if want := []string{"OPEN-08@66", "CLOSE-02@85", "OPEN-13@5", "REG-07@7", "REG-02@3"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
