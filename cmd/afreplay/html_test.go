package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/internal/interop"
	"github.com/aftrace/aftrace/replay/scenario"
)

// busyHost is a host on which a client opens an address family thousands of times and uses
// handles that are gone.
func busyHost(opens, bad int) string {
	var b strings.Builder
	b.WriteString("adapter A\ndriver cm1 call-manager\ndriver cm2 call-manager\ndriver cl1 client\n")
	b.WriteString("cm1: bind A\n  register A Q2931\ncl1: bind A\ncm2: bind A\n  register A Q2931 -> FAILURE\ncm2: register A PPP\ncl1: notify A Q2931\n")
	for i := range opens {
		fmt.Fprintf(&b, "  open A Q2931 af%d\n  close af%d\n", i, i)
		if i%(opens/bad) == 0 {
			fmt.Fprintf(&b, "  close. af%d\n", i)
		}
	}
	return b.String()
}

// htmlOf writes a trace of a scenario, with the names of drivers as given, and its report.
func htmlOf(t *testing.T, text string, names map[string]string) (page string, events int) {
	t.Helper()
	s, err := scenario.Compile("busy.af", text)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	trace, page := filepath.Join(dir, "busy.arrow"), filepath.Join(dir, "report.html")
	for i := range s.Events {
		if name, ok := names[s.Events[i].Driver]; ok {
			s.Events[i].Driver = name
		}
	}
	writeScenario(t, s, trace)
	c := command()
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetArgs([]string{"run", trace, "--quiet", "--out", "html=" + page})
	_ = c.Execute() // the exit code tells of the verdict
	if _, err := os.Stat(page); err != nil {
		t.Fatal(err)
	}
	return page, len(s.Events)
}

// seen is what analysis/report/browser/drive.mjs tells.
type seen struct {
	Errors, Requests, Links, Tabs, Themes           []string
	LoadMS                                          int `json:"load_ms"`
	Title, Verdict, Owned, Slash, Said, Theme       string
	First, Second, Back, Outline, Rung              string
	Whole, Zoomed, Object                           string
	Scripts, Foreign, Handlers, Findings, Ladders   int
	Searched, Cleared, None, Warnings               int
	Lanes, Rungs, Proofs, Charts, Inked, Histograms int
	Open, Help, Closed, Printed                     bool
	Plain                                           int
	PlainLadder                                     bool `json:"plain_ladder"`
	PlainControls                                   int  `json:"plain_controls"`
}

// drive opens a report in Chromium. It needs Node.js, Chromium (at /usr/bin/chromium, or where
// AFTRACE_CHROMIUM says) and the modules of analysis/report/browser (npm ci there).
func drive(t *testing.T, page string) (s seen) {
	t.Helper()
	interop.Need(t, "Node.js, Chromium and the modules of analysis/report/browser")
	cmd := exec.Command("node", filepath.FromSlash("../../analysis/report/browser/drive.mjs"), page)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return s
}

// check is what holds for every report.
func (s *seen) check(t *testing.T) {
	t.Helper()
	if len(s.Errors) > 0 {
		t.Errorf("the browser complains: %q", s.Errors)
	}
	for _, scheme := range s.Requests {
		if scheme != "file" {
			t.Errorf("the page asks for something by %s", scheme)
		}
	}
	if s.Scripts != 2 || s.Foreign != 0 || s.Handlers != 0 || s.Owned != "undefined" {
		t.Errorf("%d scripts, %d foreign elements, %d handlers, window.owned is %s: want 2, 0, 0, undefined", s.Scripts, s.Foreign, s.Handlers, s.Owned)
	}
	if !slices.Equal(s.Links, []string{"#", "https:"}) {
		t.Errorf("links lead to %q", s.Links)
	}
	if s.Slash != "search" || s.Searched == 0 || s.Searched >= s.Findings || s.Cleared != s.Findings || s.None != 0 {
		t.Errorf("/ focuses %q; of %d findings the search shows %d, cleared %d, and of no match %d", s.Slash, s.Findings, s.Searched, s.Cleared, s.None)
	}
	if want := fmt.Sprintf("%d of %d shown", s.Warnings, s.Findings); s.Said != want {
		t.Errorf("the filter says %q, want %q", s.Said, want)
	}
	if s.First != "f1" || s.Second != "f2" || s.Back != "f1" || s.Outline == "none" || !s.Open || !s.Help {
		t.Errorf("keys: %q, j %q, k %q, outline %s, Enter opens: %v, ? helps: %v", s.First, s.Second, s.Back, s.Outline, s.Open, s.Help)
	}
	if s.Lanes < 2 || s.Rungs < 2 || s.Proofs < 1 || !strings.Contains(s.Rung, "proves it") {
		t.Errorf("ladder of %d lanes, %d rows, %d proofs, the first %q", s.Lanes, s.Rungs, s.Proofs, s.Rung)
	}
	for _, control := range []string{"#findings", "keys-button", "theme"} {
		if !slices.Contains(s.Tabs, control) {
			t.Errorf("Tab does not reach %s: %q", control, s.Tabs)
		}
	}
	if g := s.Themes; len(g) != 4 || g[0] != g[1] || g[1] == g[2] || g[2] != g[3] || s.Theme != "Theme: dark" {
		t.Errorf("grounds by theme: %q, the button says %q", g, s.Theme)
	}
	if s.Charts < 1 || s.Inked < 1000 || s.Whole == s.Zoomed || !strings.Contains(s.Object, "last state") || s.Histograms < 5 {
		t.Errorf("%d charts, %d pixels; %q zooms to %q; %q; %d histograms", s.Charts, s.Inked, s.Whole, s.Zoomed, s.Object, s.Histograms)
	}
	if s.Closed || !s.Printed {
		t.Errorf("a closed finding is visible on the screen: %v, on paper: %v", s.Closed, s.Printed)
	}
	if s.Plain != s.Findings || !s.PlainLadder || s.PlainControls != 0 {
		t.Errorf("without scripts: %d findings, ladder %v, %d dead controls", s.Plain, s.PlainLadder, s.PlainControls)
	}
}

func TestHTMLReportInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("a hundred thousand rows")
	}
	page, events := htmlOf(t, busyHost(12_500, 1_000), nil)
	if events < 100_000 {
		t.Fatalf("%d rows", events)
	}
	st, err := os.Stat(page)
	if err != nil {
		t.Fatal(err)
	}
	s := drive(t, page)
	s.check(t)
	if s.Findings < 1000 || s.Ladders != 200 || s.Warnings == 0 || s.Warnings == s.Findings {
		t.Errorf("%d findings, %d ladders, %d warnings: want 1000 or more, 200, some", s.Findings, s.Ladders, s.Warnings)
	}
	if s.LoadMS > 20_000 { // ten times what is promised: this is no benchmark, see docs/benchmarks.md
		t.Errorf("loaded after %d ms", s.LoadMS)
	}
	t.Logf("%d rows, %d findings, %d bytes: loaded after %d ms", events, s.Findings, st.Size(), s.LoadMS)
}

// Names may be anything, and stay names.
func TestHTMLReportOfHostileNamesInABrowser(t *testing.T) {
	page, _ := htmlOf(t, busyHost(20, 5), map[string]string{
		"cm1": `</script><script>window.owned=1</script><!--`,
		"cl1": "\"'><img src=x onerror=window.owned=1><svg onload=window.owned=1>\u202e\x1b[31m\n]]>{{.}}" + strings.Repeat("\u00e4", 1<<19),
		"cm2": strings.Repeat("javascript:window.owned=1 ", 1<<15),
	})
	st, err := os.Stat(page)
	if err != nil {
		t.Fatal(err)
	}
	if st.Size() > 1<<20 {
		t.Errorf("%d bytes: long names are not cut", st.Size())
	}
	s := drive(t, page)
	s.check(t)
	if !strings.HasPrefix(s.Title, "violations: ") {
		t.Errorf("title %q", s.Title)
	}
}

// writeScenario writes the trace of a scenario, and the folders that it is in.
func writeScenario(t *testing.T, s *scenario.Scenario, path string) {
	t.Helper()
	raw, err := s.Trace(true)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o666); err != nil {
		t.Fatal(err)
	}
}

// traceOf compiles a scenario and writes its trace.
func traceOf(t *testing.T, name, text, path string) {
	t.Helper()
	s, err := scenario.Compile(name, text)
	if err != nil {
		t.Fatal(err)
	}
	writeScenario(t, s, path)
}
