package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay/scenario"
)

// nasty does what a string of a trace can do to terminals, pages, tables and lines.
const nasty = "\x1b]0;owned\a\x1b[2J\u009b31m</script><script>alert(1)</script>\u202e\u2066\u2028\r\n::error::x %0A | `x` [a](javascript:b) ]]> <!-- &amp; =cmd|' /c'!A1 \"q\",\t\x7f"

// TestHostileTrace: whatever a trace contains and is called, and however long it is, nothing
// that any command writes for people or programs has a character that somebody obeys.
func TestHostileTrace(t *testing.T) {
	s, err := scenario.Compile("hostile.af", `adapter A
driver cm1 call-manager
driver cm2 call-manager
driver cl1 client
cm1: bind A
  register A Q2931
cl1: bind A
cm2: bind A
  register A Q2931
cl1: notify A Q2931
  open A Q2931 af1
  close af1
  close. af1
`)
	if err != nil {
		t.Fatal(err)
	}
	long := nasty + strings.Repeat("x\u202e\x1b", 1<<18)
	names := map[string]string{"cm1": nasty + "1", "cm2": long, "cl1": nasty + "3"}
	for i := range s.Events {
		e := &s.Events[i]
		if e.Driver = names[e.Driver]; i%5 == 0 && e.Has&format.HasDetail == 0 {
			e.Has |= format.HasDetail
			e.Detail = `{"note":"\u001b[31m\u202e</script>` + strings.Repeat("\u202e", i) + `"}`
		}
	}
	for _, key := range []string{format.MetaHost, format.MetaBootID, format.MetaOS, format.MetaCollector, "aftrace.uprobe.ns_per_call", nasty} {
		s.Metadata[key] = nasty
	}
	dir := t.TempDir()
	trace := filepath.Join(dir, "host.arrow")
	if runtime.GOOS != "windows" {
		trace = filepath.Join(dir, strings.NewReplacer("/", "_", "\r\n", " ").Replace(nasty)+".arrow")
	}
	writeScenario(t, s, trace)
	other := filepath.Join(dir, "other.arrow")
	s.Events = s.Events[:len(s.Events)-9]
	writeScenario(t, s, other)
	out := func(name string) string { return filepath.Join(dir, name) }
	for _, args := range [][]string{
		{"run", trace, "--timings", "--findings", "-1"},
		{"run", trace, "--format", "json"},
		{"run", trace, "--format", "junit"},
		{"run", trace, "--format", "sarif"},
		{"run", trace, "--format", "github"},
		{"run", trace, "--format", "markdown"},
		{"run", trace, "--format", "html"},
		{"run", trace, "--follow"},
		{"run", trace, trace, "--out", "json=" + out("baseline.json")},
		{"run", trace, "--baseline", out("baseline.json")},
		{"run", trace + "x"},
		{"run", trace, "--fail-on", nasty[:9]},
		{"run", trace, "--suppressions", trace},
		{"explain", trace, "--all"},
		{"explain", trace, "--all", "--format", "json"},
		{"explain", trace, nasty[:9]},
		{"timings", trace},
		{"timings", trace, "--format", "json"},
		{"timings", trace, "--baseline", trace},
		{"diff", trace, other},
		{"diff", trace, other, "--format", "json"},
		{"exec", trace},
		{"scenario", "decompile", trace},
		{"scenario", "check", trace},
		{"export", trace, "--out", "perfetto=" + out("t.json"), "--out", "spans=" + out("s.csv"), "--out", "objects=" + out("o.csv"), "--out", "findings=" + out("f.csv"), "--out", "verdicts=" + out("v.csv")},
		{"filter", "--emit", "\x1b[31m"},
	} {

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, "afreplay", args...)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		cancel()
		var exit *exec.ExitError
		if err != nil && (!errors.As(err, &exit) || exit.ExitCode() == 6 || exit.ExitCode() < 0) {
			t.Errorf("%.60q: %v\n%.400s", args, err, stderr.String())
		}
		what := strings.ReplaceAll(strings.Join(args, " "), trace, "TRACE")
		if stdout.Len()+stderr.Len() == 0 && args[0] != "export" {
			t.Errorf("%.60q says nothing", what)
		}
		harmless(t, what, stdout.String())
		harmless(t, what+" (standard error)", stderr.String())
	}
	for _, name := range []string{"t.json", "baseline.json"} {
		raw, err := os.ReadFile(out(name))
		if err != nil {
			t.Fatal(err)
		}
		harmless(t, name, string(raw))
	}
}

// harmless fails if text has a character that a terminal, a page or a reader of lines obeys.
func harmless(t *testing.T, what, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%.100q: not UTF-8", what)
	}
	for i, c := range text {
		if c < ' ' && c != '\n' && c != '\t' || c >= 0x7f && c < 0xa0 || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 || c == 0x2028 || c == 0x2029 {
			t.Errorf("%.100q writes %U: %.100q", what, c, text[max(0, i-50):])
			break
		}
	}
	page := strings.Contains(what, "html") || strings.Contains(what, "markdown")
	if i := strings.Index(text, "<script>alert"); page && i >= 0 {
		t.Errorf("%.100q writes %.100q", what, text[i:])
	}
	if i := strings.Index(text, "\n::error::x"); i >= 0 {
		t.Errorf("%.100q writes %.100q", what, text[i:])
	}
}
