package diff_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/analysis/diff"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/internal/naive"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/gen"
	"github.com/aftrace/aftrace/replay/rule"
	"github.com/aftrace/aftrace/replay/scenario"
)

// histories is n, or what AFTRACE_HISTORIES says, at most 10,000.
func histories(t *testing.T, n uint64) uint64 {
	if s := os.Getenv("AFTRACE_HISTORIES"); s != "" {
		v, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("AFTRACE_HISTORIES: %v", err)
		}
		n = min(v, 10_000)
	}
	return n
}

func batchOf(rows []format.Event) *format.Batch {
	b := &format.Batch{}
	for i := range rows {
		b.Append(&rows[i])
	}
	return b
}

// executed gives the rows that an execution of b produces, and what became of the stimuli.
func executed(t *testing.T, b *format.Batch, o replay.Options, seed uint64) (*format.Batch, replay.ExecStats) {
	t.Helper()
	out := &format.Batch{}
	x := replay.Execute(replay.ExecuteOptions{ExecOptions: replay.ExecOptions{Seed: seed, Options: o,
		Emit: func(b *format.Batch) error { out.AppendRows(b, 0, b.N); return nil }}})
	if err := x.Batch(b); err != nil {
		t.Fatal(err)
	}
	_, st, err := x.Finish(replay.End{})
	if err != nil {
		t.Fatal(err)
	}
	return out, st
}

// whole says that nothing was left out or assumed.
func whole(st replay.ExecStats) bool { return st.Assumed+st.Unknown+st.Dropped+st.Untriggered == 0 }

// determined says whether rows tell who acted and how every call ended: an execution cannot be
// compared with what was not recorded.
func determined(events []format.Event) bool {
	for i := range events {
		e := &events[i]
		if e.Phase != format.PhaseGap && e.Has&format.HasDriver == 0 ||
			e.Phase == format.PhaseReturn && !e.Function.Info().Returns.Void && e.Has&format.HasStatus == 0 {
			return false
		}
	}
	return true
}

func compare(t *testing.T, a, b *format.Batch, o replay.Options) *diff.Result {
	t.Helper()
	s := diff.Pair(o, o)
	for i, x := range []*format.Batch{a, b} {
		if err := s[i].Batch(x); err != nil {
			t.Fatal(err)
		}
		s[i].Finish(replay.End{})
	}
	return diff.Compare(s)
}

func alike(t *testing.T, name string, r *diff.Result) bool {
	t.Helper()
	if r.Same {
		return true
	}
	var text bytes.Buffer
	if err := diff.Text(&text, r, "recorded", "executed", false); err != nil {
		t.Fatal(err)
	}
	t.Errorf("%s: %s", name, text.String())
	return false
}

// TestExecutedGenerated: what the generator made and what an execution of it gives, in the
// documented order and in others, differ in documented freedoms only.
func TestExecutedGenerated(t *testing.T) {
	names, _ := gen.Profiles()
	done := 0
	for _, profile := range names {
		for seed := uint64(1); seed <= 3; seed++ {
			b := &format.Batch{}
			if _, err := gen.Generate(gen.Options{Seed: seed, Events: 3000, Adapters: 2, Profile: profile,
				Emit: func(x *format.Batch) error { b.AppendRows(x, 0, x.N); return nil }}); err != nil {
				t.Fatal(err)
			}
			for _, order := range []uint64{0, 1, 7} {
				x, st := executed(t, b, replay.Options{}, order)
				if !whole(st) {
					t.Fatalf("%s, seed %d, order %d: not everything was executed: %+v", profile, seed, order, st)
				}
				done++
				if !alike(t, profile, compare(t, b, x, replay.Options{})) {
					t.Fatalf("seed %d, order %d", seed, order)
				}
			}
		}
	}
	t.Logf("%d executions", done)
}

// TestExecutedRandom: the same of random histories in which nobody breaks a rule. NDIS accepts versions
// of one type beside each other in some, so versions count (AMB-01).
func TestExecutedRandom(t *testing.T) {
	n, done, part := histories(t, 400), 0, 0
	o := replay.Options{AFIdentity: replay.IdentityTypeVersion}
	for seed := range n {
		b := batchOf(naive.Random(rand.New(rand.NewPCG(seed, 11)), naive.GenOptions{Busy: seed%4 == 0}))
		for _, order := range []uint64{0, 5} {
			x, st := executed(t, b, o, order)
			if !whole(st) {
				part++
				t.Logf("history %d, order %d: %+v", seed, order, st)
				continue
			}
			done++
			if !alike(t, "random history", compare(t, b, x, o)) {
				t.Fatalf("seed %d, order %d", seed, order)
			}
		}
	}
	t.Logf("%d executions compared, %d of histories that are not executed whole", done, part)
	// What opens an AF from a second notification of a claim that was repeated (AMB-03) is not triggered.
	if part > done/200 {
		t.Errorf("%d executions are not compared", part)
	}
}

// TestExecutedScenarios: the same of the scenarios of a conforming NDIS.
func TestExecutedScenarios(t *testing.T) {
	files, err := filepath.Glob("../../testdata/scenarios/*/*.af")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	done := 0
	for _, file := range files {
		file = filepath.ToSlash(file)
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := scenario.Compile(file, string(raw))
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Replay(1 << 16)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Findings) > 0 || s.Cut || r.Gaps > 0 || strings.Contains(file, "/defect/") || strings.Contains(file, "/loss/") {
			continue
		}
		if r.Verdict != replay.Conforms || !determined(s.Events) {
			continue
		}
		b := batchOf(s.Events)
		x, st := executed(t, b, replay.Options{Metadata: s.Metadata}, 0)
		if !whole(st) || st.Supplied > 0 {
			continue
		}
		done++
		alike(t, file, compare(t, b, x, replay.Options{Metadata: s.Metadata}))
	}
	t.Logf("%d scenarios", done)
	if done < 50 {
		t.Errorf("only %d scenarios compared", done)
	}
}

// TestClasses: differences are told apart by who made them.
func TestClasses(t *testing.T) {
	const head = "adapter A\ndriver cm call-manager\ndriver cl client\n\ncl: bind A\ncm: bind A\n  register A Q2931\ncl: notify A Q2931\n  open A Q2931 af1\n"
	for _, c := range []struct {
		name, a, b string
		class      diff.Class
		ref        string
	}{
		{"nothing", "cl: register-sap af1 s1\ncl: close af1\n", "cl: register-sap af1 s1\ncl: close af1\n", "", ""},
		{"stimulus", "cl: register-sap af1 s1\n", "cl: create-vc af1 v1\n", diff.Stimulus, ""},
		{"more", "cl: close af1\n", "", diff.Stimulus, ""},
		{"decision", "cl: register-sap af1 s1\n  cm: cm-register-sap af1 s1\n", "cl: register-sap af1 s1 -> INVALID_DATA\n  cm: cm-register-sap af1 s1 -> INVALID_DATA\n", diff.Decision, ""},
		{"freedom", "cl: close af1\n", "cl: close af1 -> PENDING\n  cm: cm-close af1\n  cl: closed af1 caller=ndis\n", diff.Freedom, "AMB-06"},
		{"rule", "cl: close af1\n", "cl: close af1\ncl: close af1 -> FAILURE\n", diff.Broken, "CLOSE-03"},
		{"missing", "cl: close af1\n", "gap 4\n", diff.Missing, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s [2]*scenario.Scenario
			for i, text := range []string{c.a, c.b} {
				var err error
				if s[i], err = scenario.Compile(c.name, head+text); err != nil {
					t.Fatal(err)
				}
			}
			r := compare(t, batchOf(s[0].Events), batchOf(s[1].Events), replay.Options{})
			if c.class == "" {
				alike(t, c.name, r)
				return
			}
			if r.Counts[c.class] == 0 || r.Same != (c.class == diff.Freedom) {
				t.Errorf("want %s, got %+v", c.class, r.Divergences)
			}
			if c.ref != "" && len(r.Divergences) > 0 {
				found := false
				for _, d := range r.Divergences {
					for _, ref := range d.Refs {
						found = found || ref == c.ref
						if _, ok := rule.Parse(ref); !ok && !strings.HasPrefix(ref, "AMB-") && !strings.HasPrefix(ref, "7.2/") {
							t.Errorf("reference %q", ref)
						}
					}
				}
				if !found {
					t.Errorf("no divergence under %s: %+v", c.ref, r.Divergences)
				}
			}
		})
	}
}
