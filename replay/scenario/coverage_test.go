package scenario_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
	"github.com/aftrace/aftrace/replay/scenario"
)

// compiled returns the scenarios that the pattern names, by their paths.
func compiled(t *testing.T, pattern string) (files []string, texts map[string]*scenario.Scenario) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(corpus, pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Errorf("no scenarios %s", pattern)
	}
	texts = map[string]*scenario.Scenario{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if texts[file], err = scenario.Compile(filepath.Base(file), string(raw)); err != nil {
			t.Fatal(err)
		}
	}
	return files, texts
}

func replayed(t *testing.T, s *scenario.Scenario) *replay.Result {
	t.Helper()
	r, err := s.Replay(1 << 16)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestCoverage: each rule that the replay judges is broken in one scenario at least, as a
// finding or beside one, and looked at without being broken in another.
func TestCoverage(t *testing.T) {
	files, texts := compiled(t, "*/*.af")
	broken, kept := map[rule.ID]string{}, map[rule.ID]string{}
	for _, file := range files {
		r := replayed(t, texts[file])
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
		if !replay.Judges(ru.ID) {
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

// TestGuards: each rule that says what must not be reported, or that binds the inside of a
// driver, has a scenario of its number at which the replay stays silent.
func TestGuards(t *testing.T) {
	for _, ru := range rule.All() {
		if ru.Kind == rule.Observable {
			continue
		}
		group, number, _ := strings.Cut(ru.Name, "-")
		files, texts := compiled(t, filepath.Join(strings.ToLower(group), number+"-*.af"))
		silent := false
		for _, file := range files {
			silent = silent || len(replayed(t, texts[file]).Findings) == 0
		}
		if !silent {
			t.Errorf("no scenario shows that nothing is found where %s applies: %s", ru.Name, ru.Statement)
		}
	}
}

// TestAmbiguities: each ambiguity has a scenario at its default. One that can be held strictly
// has another one in which that is an error, and is nothing of the kind by default; one that
// cannot has none with an error.
func TestAmbiguities(t *testing.T) {
	errors := func(r *replay.Result) (n int) {
		for i := range r.Findings {
			if r.Findings[i].Severity == rule.Error {
				n++
			}
		}
		return n
	}
	for i, a := range rule.Ambiguities() {
		number := strings.TrimPrefix(a.Name, "AMB-")
		files, texts := compiled(t, filepath.Join("amb", number+"-*.af"))
		byDefault, strict := 0, 0
		for _, file := range files {
			s := texts[file]
			if !strings.Contains(s.Prose, "("+a.Name+").") {
				t.Errorf("%s: the prose does not name %s", file, a.Name)
			}
			r := replayed(t, s)
			if s.Strict == 0 {
				byDefault++
				continue
			}
			s.Strict = 0
			lax := replayed(t, s)
			if errors(r) > errors(lax) {
				strict++
				if name := strings.TrimSuffix(file, "-strict.af") + ".af"; texts[name] == nil {
					t.Errorf("%s has no pendant %s at the default", file, name)
				} else if scenario.Golden(replayed(t, texts[name])) != scenario.Golden(lax) {
					t.Errorf("%s and %s are not one history", file, name)
				}
			}
		}
		if byDefault == 0 {
			t.Errorf("no scenario shows %s at its default", a.Name)
		}
		if want := a.Strict != ""; want != (strict > 0) {
			t.Errorf("%s (number %d): %d scenarios in which a strict reading makes an error, want some: %v", a.Name, i+1, strict, want)
		}
	}
}

// TestSequences: every typical sequence of the domain reference, section 6, is a scenario, and
// the replay has nothing to say of it but remarks.
func TestSequences(t *testing.T) {
	for n := 1; n <= 12; n++ {
		files, texts := compiled(t, fmt.Sprintf("sequences/6.%d-*.af", n))
		for _, file := range files {
			if r := replayed(t, texts[file]); r.Verdict != replay.Conforms {
				t.Errorf("%s: %v", file, r.Verdict)
			}
		}
	}
	text, err := os.ReadFile("../../../shared/reference/condis.md")
	if err != nil {
		t.Skip("the domain reference is not beside the checkout: ", err)
	}
	if n := len(regexp.MustCompile(`(?m)^### 6\.\d+ `).FindAll(text, -1)); n != 12 {
		t.Errorf("%d sequences in the reference", n)
	}
}

// TestScenariosNameTheirPage: the prose of a scenario names the page of the DDI that it is
// about.
func TestScenariosNameTheirPage(t *testing.T) {
	files, texts := compiled(t, "*/*.af")
	for _, file := range files {
		s := texts[file]
		if !strings.Contains(s.Prose, "Page: ") {
			t.Errorf("%s: the prose names no page (\"# Page: NdisCmRegisterAddressFamilyEx\")", file)
		}
	}
}

// TestDefects: each kind of trace defect that the replay counts has a scenario, or a row in the
// script that tests the report where the language has no words for it. What the reader of a
// trace counts before the replay sees it is tested there.
func TestDefects(t *testing.T) {
	script, err := os.ReadFile("../../cmd/afreplay/testdata/script/defects.txtar")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{
		replay.DefectSeqOrder:          true, // no writer of ours writes it: replay/defect_test.go
		replay.DefectDetailNotAnObject: true, // likewise
	}
	files, texts := compiled(t, "*/*.af")
	for _, file := range files {
		for name := range replayed(t, texts[file]).Defects {
			shown[name] = true
		}
	}
	readers := []string{
		format.DefectNullFunction, format.DefectUnknownPhase, format.DefectNullPhase, format.DefectUnknownSource,
		format.DefectNullSource, format.DefectInvalidUTF8, format.DefectOutOfRange,
	}
	for _, d := range replay.Defects() {
		if !shown[d.Name] && !slices.Contains(readers, d.Name) && !strings.Contains(string(script), "× "+d.Name+", first in row") {
			t.Errorf("neither a scenario nor the script shows %s", d.Name)
		}
	}
}
