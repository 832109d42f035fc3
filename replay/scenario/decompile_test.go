package scenario_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/internal/naive"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/scenario"
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
