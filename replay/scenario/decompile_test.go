package scenario_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/internal/naive"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/scenario"
	"github.com/aftrace/aftrace/testdata"
)

// said is what a replay says of a trace whose rows are numbered from 1, without the values of
// handles.
func said(r *replay.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "verdict %s\n", r.Verdict)
	for i := range r.Findings {
		f := &r.Findings[i]
		fmt.Fprintf(&b, "%s@%d %s %v %s also %v rows %v\n", f.Rule, f.Seq, f.Severity, f.Inconclusive, f.AtFault, f.Also, f.Events)
	}
	for i := range r.Conflicts {
		x := &r.Conflicts[i]
		fmt.Fprintf(&b, "%s %v %s rows %v\n", x.Kind, x.AF, x.Status, x.Events)
	}
	return b.String()
}

// roundTrip takes a trace to text, to a trace, to text and to a trace again.
func roundTrip(t *testing.T, name string, tr *scenario.Trace) string {
	t.Helper()
	rows := slices.Clone(tr.Events)
	for i := range rows {
		rows[i].Seq = uint64(i + 1)
	}
	first, err := (&scenario.Scenario{Events: rows, Metadata: tr.Metadata, Options: tr.Options, Cut: tr.Truncated}).Replay(100)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	next := tr
	for range 2 {
		text, err := scenario.Decompile(name, next)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return ""
		}
		texts = append(texts, text)
		s, err := scenario.Compile(name, text)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
			return ""
		}
		r, err := s.Replay(100)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := said(r), said(first); got != want {
			t.Errorf("%s: the text says\n%s\nthe trace\n%s\n%s", name, got, want, text)
		}
		for _, line := range s.Verify(r) {
			t.Errorf("%s: %s", name, line)
		}
		next = &scenario.Trace{Events: s.Events, Metadata: s.Metadata, Truncated: s.Cut, Options: s.Options, Prose: s.Prose}
	}
	return texts[0]
}

// inFile are the rows as a file gives them: what their columns do not have is zero.
func inFile(t *testing.T, rows []format.Event) (out []format.Event) {
	t.Helper()
	var b bytes.Buffer
	w, err := format.NewWriter(&b, format.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if err := w.Write(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := format.NewReader(&b, "row", format.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for row, err := range r.Events() {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, *row)
	}
	return out
}

// TestRoundTripOfCorpus: every scenario, as a trace, becomes a text that finds the same.
func TestRoundTripOfCorpus(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpus, "*", "*.af"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	var was, is int
	var pointers []string
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := scenario.Compile(filepath.Base(file), string(raw))
		if err != nil {
			t.Fatal(err)
		}
		text := roundTrip(t, filepath.Base(file), &scenario.Trace{Events: s.Events, Metadata: s.Metadata, Truncated: s.Cut, Options: s.Options, Prose: s.Prose})
		head, _, _ := strings.Cut(string(raw), "\n----\n")
		was, is = was+len(head), is+len(text)
		if strings.Contains(text, "0xffff") {
			pointers = append(pointers, filepath.Base(file))
		}
	}
	t.Logf("%d scenarios of %d bytes come back as %d bytes", len(files), was, is)
	if len(pointers) > 0 {
		t.Logf("with values that have no name: %v", pointers)
	}
	if is > 2*was {
		t.Errorf("the texts have %d bytes, those of the corpus %d: verbs are not found again", is, was)
	}
}

// TestRoundTripOfHistories: random histories, legal and broken, become texts that find the
// same.
func TestRoundTripOfHistories(t *testing.T) {
	n := 400
	if testing.Short() {
		n = 100
	}
	for seed := range uint64(n) {
		o := naive.GenOptions{Loose: seed%3 == 0, Faults: int(seed % 3)}
		rows := naive.Random(rand.New(rand.NewPCG(seed, 11)), o)
		roundTrip(t, fmt.Sprintf("seed%d", seed), &scenario.Trace{Events: rows})
	}
}

// TestRoundTripOfParts: a part of a history becomes a text that finds the same: one that
// begins in mid-life, with gaps, without a column, with rows out of place.
func TestRoundTripOfParts(t *testing.T) {
	n := 400
	if testing.Short() {
		n = 60
	}
	columns := []format.Fields{format.HasSAP, format.HasContext, format.HasStatus, format.HasAF, format.HasTID, format.HasDriver,
		format.HasDetail, format.HasCallID, format.HasAFType, format.HasAFMinor, format.HasBinding, format.HasIRQL, format.HasAdapter}
	for seed := range uint64(n) {
		rng := rand.New(rand.NewPCG(seed, 12))
		rows := naive.Random(rng, naive.GenOptions{Loose: seed%3 == 0, Faults: int(seed % 2)})
		if len(rows) < 10 {
			continue
		}
		tr := &scenario.Trace{Events: rows}
		switch seed % 6 {
		case 0:
			tr.Events = rows[rng.IntN(len(rows)):]
		case 1:
			tr.Events, tr.Truncated = rows[:rng.IntN(len(rows))], true
		case 2:
			k := rng.IntN(len(rows) - 5)
			gap := format.Event{Seq: rows[k].Seq, TS: rows[k+4].TS, Phase: format.PhaseGap, Lost: 5, Has: format.HasLost | format.HasDetail,
				Detail: fmt.Sprintf(`{"since_ts":%d}`, rows[k].TS)}
			tr.Events = slices.Concat(rows[:k], []format.Event{gap}, rows[k+5:])
		case 3:
			c := columns[rng.IntN(len(columns))]
			for i := range rows {
				if rows[i].Has &^= c; rng.IntN(4) == 0 {
					rows[i].Has &^= columns[rng.IntN(len(columns))]
				}
			}
			tr.Events = inFile(t, rows)
		case 4: // contradictory rows
			for range 4 {
				i, j := rng.IntN(len(rows)), rng.IntN(len(rows))
				rows[i].CallID, rows[i].TID = rows[j].CallID, rows[j].TID
				if rng.IntN(3) == 0 {
					rows[i].Phase = format.Phase(rng.IntN(3))
				}
				if rng.IntN(3) == 0 {
					rows[i].TS = rows[j].TS
				}
			}
		case 5:
			for i := range rows {
				if rows[i].Source = format.SourceETL; rng.IntN(9) == 0 {
					rows[i].Phase, rows[i].Source = format.PhaseEvent, format.SourceWPP
				}
			}
		}
		roundTrip(t, fmt.Sprintf("seed%d", seed), tr)
	}
}

// TestRoundTripOfDemo: the recording of the demo, converted, becomes a text that finds the
// same.
func TestRoundTripOfDemo(t *testing.T) {
	tr := readTrace(t, bytes.NewReader(demo(t)))
	text := roundTrip(t, "demo", tr)
	for _, want := range []string{"rogueproxy", "!OPEN-07", "expect conflict accepted-registration TAPI_PROXY wanmcm rogueproxy", "register A TAPI_PROXY"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.Contains(text, "0xffff") {
		t.Errorf("pointers in\n%s", text)
	}
}

// demo is the recording of the demo as a trace.
func demo(t testing.TB) []byte {
	t.Helper()
	dir := t.TempDir()
	etl, trace := filepath.Join(dir, "demo.etl"), filepath.Join(dir, "demo.arrow")
	if err := os.WriteFile(etl, testdata.DemoETL, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := collect.Convert(context.Background(), collect.ConvertOptions{Inputs: []string{etl}, Output: trace, Host: "demo"}); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func readTrace(t testing.TB, in io.Reader) *scenario.Trace {
	t.Helper()
	r, err := format.NewReader(in, "trace", format.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	tr := &scenario.Trace{}
	for e, err := range r.Events() {
		if err != nil {
			t.Fatal(err)
		}
		tr.Events = append(tr.Events, *e)
	}
	tr.Metadata, tr.Truncated = r.Metadata(), r.Truncated()
	return tr
}

// TestDecompileText shows what a trace of a source looks like as text.
func TestDecompileText(t *testing.T) {
	s, err := scenario.Compile("t.af", `adapter A
driver "wan#cm" call-manager label="WAN CM #1"
driver cl client
cl: bind A
"wan#cm": bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1 -> PENDING
    "wan#cm": cm-open af1 -> PENDING
gap 3
wait 2ms
"wan#cm"/2> cm-opened af1
cl/2> opened af1
cl/2<
"wan#cm"/2<
cl: row return NdisClMakeCall vc=77 -> FAILURE
cl= notify A Q2931
cl/3> create-vc af1 vc1
cl/3.x> create-vc af1 vc2
cl/3<
cl/3.x<
`)
	if err != nil {
		t.Fatal(err)
	}
	text, err := scenario.Decompile("t.af", &scenario.Trace{Events: s.Events, Metadata: s.Metadata})
	if err != nil {
		t.Fatal(err)
	}
	if want := readFile(t, "testdata/decompiled.af"); text != want && !*rewrite {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	if *rewrite {
		if err := os.WriteFile("testdata/decompiled.af", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil && !*rewrite {
		t.Fatal(err)
	}
	return string(raw)
}

// TestDecompileRefuses: what no text can hold is an error, not a panic.
func TestDecompileRefuses(t *testing.T) {
	if _, err := scenario.Decompile("big", &scenario.Trace{Events: make([]format.Event, scenario.MaxEvents+1)}); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("error %v", err)
	}
	if text, err := scenario.Decompile("empty", &scenario.Trace{}); err != nil || !strings.Contains(text, "expect verdict") {
		t.Errorf("%q, %v", text, err)
	}
}

// FuzzDecompile: whatever a reader takes for a trace becomes a text that compiles, or an error.
func FuzzDecompile(f *testing.F) {
	for _, name := range []string{"01-refused", "02-both-at-once-accepted"} {
		if raw, err := os.ReadFile(filepath.Join(corpus, "reg", name+".af")); err == nil {
			s, err := scenario.Compile(name, string(raw))
			if err != nil {
				f.Fatal(err)
			}
			for _, file := range []bool{false, true} {
				f.Add(bytesOf(f, s.Events, file))
			}
		}
	}
	f.Add(demo(f))
	for seed := range uint64(4) {
		f.Add(bytesOf(f, naive.Random(rand.New(rand.NewPCG(seed, 13)), naive.GenOptions{Calls: 4, Faults: 1}), false))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := format.NewReader(bytes.NewReader(data), "fuzz", format.ReaderOptions{})
		if err != nil {
			return
		}
		defer r.Close()
		tr := &scenario.Trace{}
		for e, err := range r.Events() {
			if err != nil {
				break
			}
			if tr.Events = append(tr.Events, *e); len(tr.Events) > 2000 {
				return
			}
		}
		tr.Metadata, tr.Truncated = r.Metadata(), r.Truncated()
		text, err := scenario.Decompile("fuzz", tr)
		if err != nil {
			return // a row that no text can hold
		}
		s, err := scenario.Compile("fuzz", text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if len(s.Events) != len(tr.Events) {
			t.Fatalf("%d rows became %d", len(tr.Events), len(s.Events))
		}
	})
}

func bytesOf(t testing.TB, rows []format.Event, file bool) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := format.NewWriter(&b, format.WriterOptions{File: file})
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if err := w.Write(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
