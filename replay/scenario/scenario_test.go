package scenario_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/replay/scenario"
)

// TestErrors: a mistake in a text is told with the file, the line and what to do.
func TestErrors(t *testing.T) {
	head := "adapter A\ndriver cl client\n"
	for _, c := range []struct{ text, want string }{
		{"bind A", `t.af:1: "bind" is neither a directive nor a step: a step begins with "driver:"`},
		{"cl: bind A", `t.af:1: driver "cl" is not declared: write "driver cl ROLE…" first`},
		{head + "cl: bind B", `t.af:3: adapter "B" is not declared: write "adapter B" first`},
		{head + "cl: bind", `t.af:3: bind takes 1 argument, not 0: ADAPTER`},
		{head + "cl: open A Q2931", `t.af:3: open takes 3 arguments, not 2: ADAPTER AF OPEN`},
		{head + "cl: jump A", `t.af:3: "jump" is neither a verb nor a function of the vocabulary`},
		{head + "cl: bind A ->", `t.af:3: "->" needs a status behind it, such as SUCCESS`},
		{head + "cl: bind A -> MAYBE", `t.af:3: `},
		{head + "cl: notify A Q2931/x", `t.af:3: "x" is not a version such as 1.0`},
		{head + "cl: notify A nothing", `t.af:3: `},
		{head + "cl< ", `t.af:3: no call is open on this thread: enter one with "driver/thread> step"`},
		{head + "cl: bind A\n  cl<", `t.af:4: the innermost call on this thread, of line 3, returns by itself`},
		{head + "cl: bind A\n  cl> open-adapter A", `t.af:3: the call of line 4 is entered inside and has not returned: end it with "cl<"`},
		{head + "driver cm co\ncl> bind A\ncm<", `t.af:5: the innermost call on this thread, of line 4, is one of "cl"`},
		{head + "cl/2> bind A\n  open-adapter A", `t.af:3: lines below a step that is only entered: write them at its level`},
		{head + "cl: bind A colour=red", `t.af:3: "colour" is neither a column nor a key of detail`},
		{head + "cl: bind A <colour=red", `t.af:3: "colour" is neither a column nor a key of detail`},
		{head + "cl: bind A cpu=70000", `t.af:3: cpu=70000: not a number of 16 bits`},
		{head + "cl: MiniportHaltEx A", `t.af:3: a function by its name takes key=value only`},
		{head + `cl: bind A adapter_name="x`, `t.af:3: a quote is not closed`},
		{`""`, "t.af:1: a word is empty: leave the quotes out"},
		{head + "cl: cm-open af1", `t.af:3: AF open "af1" is not known: a client opens it first`},
		{head + "wait", "t.af:3: wait needs a duration, such as 2ms"},
		{head + "wait 2 years", "t.af:3: wait needs a duration, such as 2ms"},
		{head + "wait 2y", `t.af:3: "2y" is not a duration such as 5us, 2ms or 1s`},
		{head + "gap some", "t.af:3: gap needs a number of events, or nothing where it is unknown"},
		{head + "gap 1 until=2ms", "t.af:3: gap knows only since=DURATION"},
		{head + "expect", "t.af:3: expect what?"},
		{"adapter", "t.af:1: adapter needs a name"},
		{"driver cl clown", `t.af:1: role "clown" is none of client, call-manager, co, no-co, unseen`},
		{head + "  cl: bind A", `t.af:3: lines below "driver", which is no step`},
	} {
		_, err := scenario.Compile("t.af", c.text)
		var e *scenario.Error
		if !errors.As(err, &e) {
			t.Errorf("%q: %v is no scenario.Error", c.text, err)
		} else if got := fmt.Sprintf("%s:%d: %s", e.Name, e.Line, e.Text); !strings.HasPrefix(got, c.want) {
			t.Errorf("%q:\n got %s\nwant %s", c.text, err, c.want)
		}
	}
}

// TestErrorColumns: a mistake is told with the column of the word that it is about.
func TestErrorColumns(t *testing.T) {
	head := "adapter A\ndriver cl client\n"
	for _, c := range []struct{ text, want string }{
		{head + "cl: bind B", "t.af:3:10: "},
		{head + "cl: bind A\n  jump A", "t.af:4:3: "},
		{head + "cl: bind A colour=red", "t.af:3:12: "},
		{head + "cl: bind A -> MAYBE", "t.af:3:15: "},
		{head + "cl: notify A Q2931/x", "t.af:3:20: "},
		{"driver é clown", "t.af:1:10: "},
		{head + "cl: bind A -> SUCCESS é=1", "t.af:3:23: "},
		{head + "cl< extra", "t.af:3:5: "},
	} {
		if _, err := scenario.Compile("t.af", c.text); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q:\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}

// TestLimits: texts that are too long or too deep are refused.
func TestLimits(t *testing.T) {
	if _, err := scenario.Compile("t.af", strings.Repeat("\n", scenario.MaxLines+1)); err == nil {
		t.Error("a text of too many lines compiles")
	}
	var deep strings.Builder
	deep.WriteString("adapter A\ndriver cl client\n")
	for i := 0; i <= scenario.MaxDepth; i++ {
		deep.WriteString(strings.Repeat(" ", i) + "cl: bind. A\n")
	}
	if _, err := scenario.Compile("t.af", deep.String()); err == nil {
		t.Error("a text that is nested too deep compiles")
	}
}

// TestVerify: what a scenario says and the replay does not find is told, and the reverse.
func TestVerify(t *testing.T) {
	text := "# x\nadapter A\ndriver cm1 call-manager\ndriver cm2 call-manager\n\n" +
		"cm1: bind A\n  register A Q2931 !REG-09\ncm2: bind A\n  register A Q2931\n"
	s, err := scenario.Compile("t.af", text)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Replay(1)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(s.Verify(r), "\n")
	for _, want := range []string{
		"t.af:7: REG-09 is expected here and was not found",
		"t.af:9: not expected: REG-02@",
		"t.af: 0 conflicts are expected, 1 were found",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}

// FuzzCompile: no text makes the compiler or the replay panic, and the rows of a text are
// bounded by its length.
func FuzzCompile(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(corpus, "*", "*.af"))
	if err != nil {
		f.Fatal(err)
	}
	for i, file := range files {
		if i%8 != 0 {
			continue
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(raw))
	}
	f.Add("\f")
	f.Add("adapter A\ndriver cl client\ncl: bind A <binding=-\ncl< -> none\ngap 1 since=1e300s\ncut")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<14 {
			return
		}
		s, err := scenario.Compile("fuzz.af", text)
		if err != nil {
			var e *scenario.Error
			if !errors.As(err, &e) || e.Line < 1 {
				t.Fatalf("%v has no line", err)
			}
			return
		}
		// A line gives at most the rows of a driver's introduction and of the step with what
		// goes without saying in it.
		if lines := strings.Count(text, "\n") + 1; len(s.Events) > 32*lines {
			t.Fatalf("%d rows from %d lines", len(s.Events), lines)
		}
		if r, err := s.Replay(64); err == nil {
			s.Verify(r)
			scenario.Golden(r)
		}
	})
}
