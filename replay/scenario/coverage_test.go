package scenario_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
	"github.com/aftrace/aftrace/replay/scenario"
)

// covered are the groups of rules that the corpus holds.
var covered = []string{"BIND", "ROLE", "REG", "NOTE", "OPEN", "CLOSE", "SAP", "OID", "LEAK", "UNLOAD", "VC", "CALL", "QOS", "PARTY", "USE"}

// TestCoverage: each rule that the replay judges is broken in one scenario at least, as a
// finding or beside one, and looked at without being broken in another.
func TestCoverage(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpus, "*", "*.af"))
	if err != nil {
		t.Fatal(err)
	}
	broken, kept := map[rule.ID]string{}, map[rule.ID]string{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := scenario.Compile(filepath.Base(file), string(raw))
		if err != nil {
			t.Error(err)
			continue
		}
		r, err := s.Replay(1 << 16)
		if err != nil {
			t.Error(err)
			continue
		}
		here := map[rule.ID]bool{}
		for i := range r.Findings {
			here[r.Findings[i].Rule] = true
			for _, id := range r.Findings[i].Also {
				here[id] = true
			}
		}
		for id := range here {
			broken[id] = file
		}
		for _, n := range r.Rules {
			if n.Checked > 0 && !here[n.Rule] {
				kept[n.Rule] = file
			}
		}
	}
	for _, ru := range rule.All() {
		if !replay.Judges(ru.ID) || !slices.Contains(covered, ru.Group) {
			continue
		}
		if broken[ru.ID] == "" {
			t.Errorf("no scenario breaks %s: %s", ru.Name, ru.Statement)
		}
		if kept[ru.ID] == "" {
			t.Errorf("no scenario holds to %s: %s", ru.Name, ru.Statement)
		}
	}
}

// TestScenariosNameTheirPage: the prose of a scenario names the page of the DDI that it is
// about.
func TestScenariosNameTheirPage(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpus, "*", "*.af"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := scenario.Compile(filepath.Base(file), string(raw))
		if err != nil {
			t.Error(err)
			continue
		}
		if !strings.Contains(s.Prose, "Page: ") {
			t.Errorf("%s: the prose names no page (\"# Page: NdisCmRegisterAddressFamilyEx\")", file)
		}
	}
}
