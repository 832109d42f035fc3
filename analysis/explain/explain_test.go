package explain_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/aftrace/aftrace/analysis/explain"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
	"github.com/aftrace/aftrace/replay/scenario"
)

var update = flag.Bool("update", false, "write the golden ladders anew")

const corpus = "../../testdata/scenarios"

// memory is a trace in memory, given out in batches of size rows.
type memory struct {
	s    *scenario.Scenario
	size int
	at   int
	b    format.Batch
}

func (m *memory) Next() (*format.Batch, error) {
	if m.at == len(m.s.Events) {
		return nil, io.EOF
	}
	m.b.Reset()
	for ; m.at < len(m.s.Events) && m.b.N < m.size; m.at++ {
		m.b.Append(&m.s.Events[m.at])
	}
	return &m.b, nil
}

func (m *memory) Metadata() format.Metadata { return m.s.Metadata }
func (m *memory) Close() error              { return nil }

// compile makes a scenario of text and replays it.
func compile(t *testing.T, name, text string) (*scenario.Scenario, *replay.Result) {
	t.Helper()
	s, err := scenario.Compile(name, text)
	if err != nil {
		t.Fatal(err)
	}
	return s, result(t, s)
}

func result(t *testing.T, s *scenario.Scenario) *replay.Result {
	t.Helper()
	r, err := s.Replay(1 << 16)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func build(t *testing.T, s *scenario.Scenario, subjects []explain.Subject, size, context_ int) []*explain.Explanation {
	t.Helper()
	o, err := s.ReplayOptions()
	if err != nil {
		t.Fatal(err)
	}
	open := func() (explain.Source, error) { return &memory{s: s, size: size}, nil }
	list, err := explain.Build(context.Background(), open, subjects, explain.Options{Replay: o, Context: context_})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// scenarios calls f with every scenario of the corpus.
func scenarios(t *testing.T, f func(t *testing.T, s *scenario.Scenario, r *replay.Result)) {
	files, err := filepath.Glob(filepath.Join(corpus, "*", "*.af"))
	if err != nil || len(files) < 100 {
		t.Fatalf("%d scenarios: %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(filepath.Dir(file)) + "/" + strings.TrimSuffix(filepath.Base(file), ".af")
		t.Run(name, func(t *testing.T) {
			s, r := compile(t, file, string(raw))
			f(t, s, r)
		})
	}
}

func text(t *testing.T, e *explain.Explanation, width int) string {
	t.Helper()
	var b strings.Builder
	if err := e.WriteText(&b, explain.TextOptions{Width: width}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// harmless fails if a text holds what a terminal obeys.
func harmless(t *testing.T, s string) {
	t.Helper()
	for _, r := range s {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Fatalf("unsafe %U in %q", r, s)
		}
	}
}

// TestCorpus explains every finding and conflict of the corpus: each row that proves it is in
// the ladder, in order, and the ladder says where each of its objects began.
func TestCorpus(t *testing.T) {
	explained := 0
	scenarios(t, func(t *testing.T, s *scenario.Scenario, r *replay.Result) {
		subjects := explain.All(r)
		list := build(t, s, subjects, 1<<16, 0)
		if len(list) != len(subjects) {
			t.Fatalf("%d explanations of %d", len(list), len(subjects))
		}
		for i, e := range list {
			explained++
			check(t, s, subjects[i], e)
			for _, width := range []int{1, 60, 80, 120, 250} {
				harmless(t, text(t, e, width))
			}
		}
		var whole, small bytes.Buffer
		if err := explain.WriteJSON(&whole, list); err != nil {
			t.Fatal(err)
		}
		if err := explain.WriteJSON(&small, build(t, s, subjects, 3, 0)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(whole.Bytes(), small.Bytes()) {
			t.Error("other batches give another explanation")
		}
		var back []explain.Explanation
		if err := json.Unmarshal(whole.Bytes(), &back); err != nil {
			t.Error(err)
		}
		// Without context only the proof is left.
		for _, e := range build(t, s, subjects, 1<<16, -1) {
			for _, st := range e.Steps {
				begins := slices.ContainsFunc(e.Objects, func(o explain.Object) bool { return o.Life[0].Seq == st.Seq })
				if st.Kind == explain.StepRow && !st.Proves && !begins {
					t.Errorf("%s: step %d was not asked for", e.ID, st.Seq)
				}
			}
		}
	})
	if explained < 300 {
		t.Errorf("only %d explanations", explained)
	}
}

func check(t *testing.T, s *scenario.Scenario, subject explain.Subject, e *explain.Explanation) {
	t.Helper()
	bySeq := map[uint64]*format.Event{}
	for i := range s.Events {
		bySeq[s.Events[i].Seq] = &s.Events[i]
	}
	if e.ID != subject.ID() || e.Message == "" || e.Statement == "" || e.Page == "" || len(e.Next) == 0 {
		t.Errorf("%s: incomplete: %+v", subject.ID(), e)
	}
	var proves []uint64
	var last, elided uint64
	for i, st := range e.Steps {
		if st.Kind == explain.StepElided {
			elided += st.Count
		}
		if i > 0 && st.Seq < last {
			t.Errorf("%s: row %d behind row %d", e.ID, st.Seq, last)
		}
		last = st.Seq
		if st.Proves {
			proves = append(proves, st.Seq)
		}
		if ev := bySeq[st.Seq]; ev == nil || ev.TS != e.Start+st.Offset {
			t.Errorf("%s: step %d is at another time than its row", e.ID, st.Seq)
		}
		if st.Kind != explain.StepRow {
			if st.From != -1 || st.To != -1 {
				t.Errorf("%s: step %d is no row and has an arrow", e.ID, st.Seq)
			}
			continue
		}
		ev := bySeq[st.Seq]
		if st.Function != ev.Function.String() || st.Phase != ev.Phase.String() {
			t.Errorf("%s: step %d is %s %s", e.ID, st.Seq, st.Phase, st.Function)
		}
		from, to := e.Participants[st.From], e.Participants[st.To]
		if from.NDIS && to.NDIS || !from.NDIS && !to.NDIS && st.From != st.To {
			t.Errorf("%s: step %d goes from %s to %s", e.ID, st.Seq, from.Name, to.Name)
		}
		if ev.Driver != "" && from.Name != ev.Driver && to.Name != ev.Driver {
			t.Errorf("%s: step %d of %s is between %s and %s", e.ID, st.Seq, ev.Driver, from.Name, to.Name)
		}
	}
	if elided != e.Elided {
		t.Errorf("%s: %d rows left out, %d said", e.ID, elided, e.Elided)
	}
	if !slices.Equal(proves, e.Evidence) {
		t.Errorf("%s: rows %v prove it, the ladder has %v", e.ID, e.Evidence, proves)
	}
	for _, o := range e.Objects {
		if len(o.Life) == 0 {
			t.Errorf("%s: %s has no life", e.ID, o.Name)
		}
		begun := slices.ContainsFunc(e.Steps, func(st explain.Step) bool { return st.Seq == o.Life[0].Seq })
		if o.Subject && !begun {
			t.Errorf("%s: the ladder does not show row %d, where %s began", e.ID, o.Life[0].Seq, o.Name)
		}
	}
}

// functionName finds the functions that a message names.
var functionName = regexp.MustCompile(`\b(Ndis|Protocol|Miniport)[A-Z]\w*`)

// absent are the words around a function that has not been called, or should have been.
var absent = regexp.MustCompile(`(?:outside|without|never called|with|not give|,|;.* has|handlers;|in place of) @|` +
	`@ (?:was not|was never|of \S+ was not|of the other side was not|did not give|is for that)`)

// TestMessagesNameTheirRows: a function that a message says was called is among the rows
// that prove the finding, so that a reader can follow it without the tool.
func TestMessagesNameTheirRows(t *testing.T) {
	functions := map[string]bool{}
	for _, info := range ndis.Functions() {
		functions[info.Name] = true
	}
	named := 0
	scenarios(t, func(t *testing.T, s *scenario.Scenario, r *replay.Result) {
		for i := range r.Findings {
			f := &r.Findings[i]
			if !slices.Contains(f.Events, f.Seq) || !slices.IsSorted(f.Events) {
				t.Errorf("%s: rows %v", f.ID(), f.Events)
			}
			has := map[string]bool{}
			for k := range s.Events {
				if e := &s.Events[k]; slices.Contains(f.Events, e.Seq) {
					has[e.Function.String()] = true
				}
			}
			for _, at := range functionName.FindAllStringIndex(f.Message, -1) {
				fn := f.Message[at[0]:at[1]]
				around := f.Message[:at[0]] + "@" + f.Message[at[1]:]
				if !functions[fn] || has[fn] || absent.MatchString(around) {
					continue
				}
				t.Errorf("%s: %q, and no row of %s is among %v", f.ID(), f.Message, fn, f.Events)
			}
			if functionName.MatchString(f.Message) {
				named++
			}
		}
		for i := range r.Conflicts {
			x := &r.Conflicts[i]
			if !slices.Contains(x.Events, x.Seq) || !slices.IsSorted(x.Events) || x.At == replay.NoTime {
				t.Errorf("%s: rows %v", x.ID(), x.Events)
			}
		}
	})
	if named < 100 {
		t.Errorf("only %d messages name a function", named)
	}
}

// TestIDs: an id of the corpus names one conflict; findings that share one are of one rule
// and one row.
func TestIDs(t *testing.T) {
	scenarios(t, func(t *testing.T, s *scenario.Scenario, r *replay.Result) {
		for _, sub := range explain.All(r) {
			found, near := explain.Select(r, strings.ToLower(sub.ID()))
			if len(found) == 0 || near != nil || sub.Conflict != nil && len(found) != 1 {
				t.Errorf("%s: %d found", sub.ID(), len(found))
			}
		}
	})
}

// golden are the scenarios whose ladders are pinned: one of each kind of object, and what a
// ladder can contain.
var golden = []string{
	"bind/06-close-never-completed",
	"call/14-vc-left-active",
	"close/15-never-told",
	"conflict/open-too-early",
	"conflict/open-unserved",
	"conflict/registration-lost-in-a-gap",
	"note/07-not-a-co-protocol",
	"oid/01-never-told",
	"open/07-never-completed",
	"party/07-dropped-party",
	"reg/14-mcm-holds-af",
	"sap/02-refused",
	"unload/01-not-unbound",
	"vc/07-active-vc",
}

// TestLadders pins the texts of some scenarios, for a wide and a narrow terminal.
func TestLadders(t *testing.T) {
	for _, name := range golden {
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join(corpus, filepath.FromSlash(name)+".af"))
			if err != nil {
				t.Fatal(err)
			}
			s, r := compile(t, name, string(raw))
			var b strings.Builder
			for _, e := range build(t, s, explain.All(r), 1<<16, 0) {
				for _, width := range []int{120, 60} {
					fmt.Fprintf(&b, "== %d columns\n%s\n", width, text(t, e, width))
				}
			}
			file := filepath.Join("testdata", strings.ReplaceAll(name, "/", "-")+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got := b.String(); got != string(want) {
				t.Errorf("the ladder differs (-update writes it anew), got\n%s", got)
			}
		})
	}
}

// TestAdvice: there is something to do about every rule that can be broken.
func TestAdvice(t *testing.T) {
	for _, ru := range rule.All() {
		for _, actor := range []rule.Actor{rule.Client, rule.CallManager, rule.Miniport, rule.NDIS} {
			r := &replay.Result{Findings: []replay.Finding{{Seq: 1, Rule: ru.ID, AtFault: actor, Events: []uint64{1}}}}
			s := &scenario.Scenario{Events: []format.Event{{Seq: 1}}}
			e := build(t, s, explain.All(r), 1, 0)[0]
			if len(e.Next) == 0 || slices.Contains(e.Next, "") {
				t.Errorf("%s, %s: %q", ru.Name, actor, e.Next)
			}
		}
	}
}

// TestElision: of the thousand rows between two that prove something a few are kept, and the
// rest is counted. What the builder holds does not grow with them.
func TestElision(t *testing.T) {
	var b strings.Builder
	b.WriteString("adapter A\ndriver cm call-manager\ndriver cl client\ncl: bind A\ncm: bind A\n  register A Q2931\ncl: notify A Q2931\n  open A Q2931 af1\ncl: close. af1 -> PENDING\n")
	const calls = 1000
	for range calls {
		b.WriteString("  cm: NdisCoGetTapiCallId af=af1\n")
	}
	s, err := scenario.Compile("elision", b.String())
	if err != nil {
		t.Fatal(err)
	}
	r := result(t, s)
	subjects := explain.All(r)
	if len(subjects) == 0 {
		t.Fatal("nothing to explain")
	}
	subjects = append(subjects[:1:1], subjects[len(subjects)-1])
	elided := uint64(0)
	for _, context_ := range []int{-1, 0, 1, 3, 5000} {
		for i, e := range build(t, s, subjects, 100, context_) {
			check(t, s, subjects[i], e)
			if context_ == 0 {
				elided += e.Elided
			}
			most := map[int]int{-1: 0, 0: 6}[context_]
			if context_ > 0 {
				most = context_
			}
			run := 0
			for _, st := range e.Steps {
				if st.Kind == explain.StepRow && !st.Proves {
					run++
				} else {
					run = 0
				}
				if run > 2*most+len(e.Objects) {
					t.Errorf("context %d: %d rows in a row that prove nothing", context_, run)
				}
			}
		}
	}
	if elided < calls {
		t.Errorf("%d rows left out, want %d", elided, calls)
	}
}

// host is a duplicate registration by drivers of any names.
func host(names ...string) *scenario.Scenario {
	s, err := scenario.Compile("host", "adapter A\ndriver cm1 call-manager\ndriver cm2 call-manager\ncm1: bind A\n  register A Q2931\ncm2: bind A\n  register A Q2931\n")
	if err != nil {
		panic(err)
	}
	for i := range s.Events {
		switch e := &s.Events[i]; e.Driver {
		case "cm1":
			e.Driver = names[0]
		case "cm2":
			e.Driver = names[1]
		}
	}
	return s
}

// TestHostileNames: a driver may be called anything, at any length: its column stays one,
// nothing reaches the terminal, and names that begin alike are told apart.
func TestHostileNames(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for _, names := range [][2]string{
		{"\x1b]0;owned\a\x1b[31m", "a\nb\r\tc"},
		{"\u202egnp.exe", "\u200f\u2066x\u2069"},
		{"\xff\xfe\x00", "\u009b31m\u0085"},
		{long + "a", long + "b"},
		{strings.Repeat("語", 400), strings.Repeat("e\u0301", 400)},
		{"", " "},
		{"NDIS", "│──>│"},
		{"a\u0300\u0301\u0302", "👩‍👩‍👧‍👦"},
	} {
		s := host(names[0], names[1])
		subjects := explain.All(result(t, s))
		if len(subjects) != 2 {
			t.Fatalf("%d subjects", len(subjects))
		}
		for _, e := range build(t, s, subjects, 16, 0) {
			if len(e.Participants) != 3 {
				t.Errorf("%q: %d participants", names, len(e.Participants))
			}
			for _, width := range []int{40, 100, 200} {
				out := text(t, e, width)
				harmless(t, out)
				if len(out) > 16<<10 {
					t.Errorf("%.40q: %d bytes of text", names, len(out))
				}
			}
			var b bytes.Buffer
			if err := explain.WriteJSON(&b, []*explain.Explanation{e}); err != nil {
				t.Fatal(err)
			}
			harmless(t, b.String())
			if b.Len() > 64<<10 || !json.Valid(b.Bytes()) {
				t.Errorf("%.40q: %d bytes of JSON", names, b.Len())
			}
		}
	}
}

// TestManyDrivers: past twelve, drivers share a column.
func TestManyDrivers(t *testing.T) {
	var b strings.Builder
	b.WriteString("adapter A\ndriver cm call-manager\n")
	for i := range 30 {
		fmt.Fprintf(&b, "driver cl%d client\n", i)
	}
	for i := range 30 {
		fmt.Fprintf(&b, "cl%d: bind A\n", i)
	}
	b.WriteString("cm: bind A\n  register A Q2931\n  register A Q2931\n")
	for i := range 30 {
		fmt.Fprintf(&b, "cl%d: notify A Q2931\n", i)
	}
	s, r := compile(t, "many", b.String())
	most := 0
	for _, e := range build(t, s, explain.All(r), 64, 100) {
		most = max(most, len(e.Participants))
		for _, st := range e.Steps {
			if st.Kind == explain.StepRow && (st.From >= len(e.Participants) || st.To >= len(e.Participants)) {
				t.Errorf("%s: step %d is between columns that are not there", e.ID, st.Seq)
			}
		}
		harmless(t, text(t, e, 120))
	}
	if most != 13 {
		t.Errorf("at most %d columns, want 13", most)
	}
}

// TestSelect: an id that is not there gets those that are most like it.
func TestSelect(t *testing.T) {
	r := &replay.Result{
		Findings: []replay.Finding{
			{Seq: 5, Rule: rule.OPEN07}, {Seq: 90, Rule: rule.OPEN07}, {Seq: 7, Rule: rule.OPEN08}, {Seq: 6, Rule: rule.REG02}, {Seq: 6, Rule: rule.REG02},
		},
		Conflicts: []replay.Conflict{{Seq: 6, Kind: replay.ConflictRefusedRegistration}},
	}
	for id, want := range map[string]int{"OPEN-07@5": 1, "open-07@90": 1, "REG-02@6": 2, "Refused-Registration@6": 1, "OPEN-07@6": 0, "": 0, "@": 0, "x@99999999999999999999": 0} {
		found, near := explain.Select(r, id)
		if len(found) != want {
			t.Errorf("%q: %d found, want %d", id, len(found), want)
		}
		if (want == 0) != (len(near) > 0) {
			t.Errorf("%q: near are %q", id, near)
		}
	}
	if _, near := explain.Select(r, "OPEN-07@80"); near[0] != "OPEN-07@90" || near[1] != "OPEN-07@5" || near[2] != "OPEN-08@7" {
		t.Errorf("near OPEN-07@80: %q", near)
	}
}

// TestSourceFails: a trace that cannot be opened is an error, one that breaks off explains
// what was before.
func TestSourceFails(t *testing.T) {
	s := host("a", "b")
	subjects := explain.All(result(t, s))
	_, err := explain.Build(context.Background(), func() (explain.Source, error) { return nil, io.ErrUnexpectedEOF }, subjects, explain.Options{})
	if err != io.ErrUnexpectedEOF {
		t.Errorf("got %v", err)
	}
	list, err := explain.Build(context.Background(), func() (explain.Source, error) { return &broken{memory{s: s, size: 20}}, nil }, subjects, explain.Options{})
	if err != nil || len(list) != 2 || len(list[0].Steps) == 0 {
		t.Errorf("%d explanations, %v", len(list), err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := explain.Build(ctx, func() (explain.Source, error) { return &memory{s: s, size: 20}, nil }, subjects, explain.Options{}); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

type broken struct{ memory }

func (b *broken) Next() (*format.Batch, error) {
	if b.at > 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return b.memory.Next()
}

// TestMutilated explains what is found in the corpus when rows are missing, or have neither
// driver nor thread: nothing that a trace can lack may lose the proof.
func TestMutilated(t *testing.T) {
	explained := 0
	scenarios(t, func(t *testing.T, s *scenario.Scenario, _ *replay.Result) {
		for _, nth := range []int{2, 3, 5, 7, 0} {
			part := *s
			part.Events = nil
			for i := range s.Events {
				e := s.Events[i]
				switch {
				case nth > 0 && i%nth == 1:
					if i%2 == 0 {
						continue
					}
					e = format.Event{Seq: e.Seq, TS: e.TS, Phase: format.PhaseGap, Has: format.HasLost, Lost: 1}
				case nth == 0:
					e.Has &^= format.HasDriver | format.HasTID | format.HasCallID | format.HasAdapter
					e.Driver = ""
				}
				part.Events = append(part.Events, e)
			}
			subjects := explain.All(result(t, &part))
			for i, e := range build(t, &part, subjects, 11, 2) {
				explained++
				check(t, &part, subjects[i], e)
				harmless(t, text(t, e, 80))
			}
		}
	})
	if explained < 500 {
		t.Errorf("only %d explanations", explained)
	}
}

// BenchmarkBuild explains one finding of a trace of many opens; BenchmarkReplay is the replay
// of it alone. Building one is two replays and a look at each row.
func BenchmarkBuild(b *testing.B) {
	s, r := busy(b)
	subjects := explain.All(r)[:1]
	o, err := s.ReplayOptions()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		open := func() (explain.Source, error) { return &memory{s: s, size: 4096}, nil }
		if _, err := explain.Build(context.Background(), open, subjects, explain.Options{Replay: o}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(s.Events))*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkReplay(b *testing.B) {
	s, _ := busy(b)
	for b.Loop() {
		if _, err := s.Replay(4096); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(s.Events))*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// busy is a trace of many opens, one of which is never completed.
func busy(b *testing.B) (*scenario.Scenario, *replay.Result) {
	var t strings.Builder
	t.WriteString("adapter A\ndriver cm call-manager\ndriver cl client\ncl: bind A\ncm: bind A\n  register A Q2931\ncl: notify A Q2931\n")
	for i := range 10_000 {
		fmt.Fprintf(&t, "  open A Q2931 af%d\n  close af%d\n", i, i)
	}
	t.WriteString("  open A Q2931 last -> PENDING\n    cm: cm-open last -> PENDING\n")
	s, err := scenario.Compile("busy", t.String())
	if err != nil {
		b.Fatal(err)
	}
	r, err := s.Replay(4096)
	if err != nil {
		b.Fatal(err)
	}
	if len(r.Findings) == 0 {
		b.Fatal("nothing to explain")
	}
	return s, r
}
