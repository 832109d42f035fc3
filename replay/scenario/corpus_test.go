package scenario_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/replay/scenario"
)

var rewrite = flag.Bool("rewrite", false, "write the golden part of the scenarios anew")

const corpus = "../../testdata/scenarios"

// TestScenarios replays every scenario of the corpus, in batches of several sizes, and
// compares what was found with its marks, its expectations and its golden part.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpus, "*", "*.af"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".af"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s, err := scenario.Compile(filepath.Base(file), string(raw))
			if err != nil {
				t.Fatal(err)
			}
			if strings.TrimSpace(s.Prose) == "" {
				t.Error("a scenario opens with prose that says what it shows")
			}
			r, err := s.Replay(1 << 16)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range s.Verify(r) {
				t.Error(line)
			}
			golden := scenario.Golden(r)
			for _, size := range []int{1, 7} {
				again, err := s.Replay(size)
				if err != nil {
					t.Fatal(err)
				}
				if g := scenario.Golden(again); g != golden {
					t.Errorf("with batches of %d rows:\n%s\nwith one batch:\n%s", size, g, golden)
				}
			}
			head, want, _ := strings.Cut(string(raw), "\n----\n")
			if *rewrite {
				text := strings.TrimRight(head, "\n") + "\n----\n" + golden
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want != golden {
				t.Errorf("golden part differs (-rewrite writes it anew)\nwant:\n%s\ngot:\n%s", want, golden)
			}
			if t.Failed() {
				for i := range s.Events {
					e := &s.Events[i]
					t.Logf("%3d %-12s %s %v t%d af=%x ctx=%x status=%x %s", e.Seq, e.Driver, [...]string{">", "<", "=", "gap"}[e.Phase], e.Function, e.TID, e.AF, e.Context, e.Status, e.Detail)
				}
			}
		})
	}
}
