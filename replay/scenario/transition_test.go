package scenario_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/scenario"
)

// TestTransitions: each entry of the transition tables is reached by a scenario. With -v it
// prints how often.
func TestTransitions(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpus, "*", "*.af"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	stop := replay.CountTransitions()
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
			continue
		}
		s, err := scenario.Compile(filepath.Base(file), string(raw))
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := s.Replay(1 << 16); err != nil {
			t.Error(err)
		}
	}
	for _, e := range stop() {
		t.Logf("%-20s %-24s %-32s %-16s %6d", e.Kind, e.State, e.Event, e.Next, e.Count)
		if e.Count == 0 {
			t.Errorf("no scenario reaches %s: %s, in state %s", e.Kind, e.Event, e.State)
		}
	}
}
