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
	list := stop()
	if len(list) == 0 {
		t.Fatal("no tables")
	}
	for _, e := range list {
		t.Logf("%-20s %-31s %-31s %-16s %6d %v", e.Kind, e.State, e.Event, e.Next, e.Count, e.Breaks)
		if e.Count == 0 && e.State != replay.OtherState {
			t.Errorf("no scenario reaches %s: %s, in state %s", e.Kind, e.Event, e.State)
		}
	}
}
