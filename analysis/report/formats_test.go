package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/internal/interop"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// nasty is a string of a trace that is up to no good.
const nasty = "\x1b]0;owned\a</script><script>alert(1)</script>\u202e\r\n::error::x %0A | `x` [a](javascript:b) ]]> <!-- &amp; \xff \x00"

// hostile is a trace whose strings do their worst.
func hostile() Trace {
	long := strings.Repeat("x\u202e", 1<<19)
	return Trace{Path: "dir with space/" + nasty + ".arrow", Result: &replay.Result{
		Verdict: replay.Inconclusive, Events: 3, Reasons: []string{nasty},
		Findings: []replay.Finding{
			{Seq: 1, Rule: rule.REG14, Severity: rule.Error, Inconclusive: true, Why: nasty, Message: nasty, Events: []uint64{1}, Driver: nasty},
			{Seq: 2, Rule: rule.REG07, Severity: rule.Warning, Message: long, Events: []uint64{2}, Driver: long},
		},
		Conflicts: []replay.Conflict{{Kind: replay.ConflictRefusedSAP, Holder: nasty, Contender: long, Events: []uint64{1}, HeldFor: -1}},
		Rules:     []replay.RuleCount{{Rule: rule.REG01, NotChecked: 1, Reasons: map[string]uint64{nasty: 1}}},
		Defects:   map[string]uint64{nasty: 1},
	}}
}

func write(t *testing.T, r *Report, format string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b, format, "1.2.3", TextOptions{Rows: rowsOf}, Material{}); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return b.Bytes()
}

// variants are reports with all that can be in one.
func variants() map[string]*Report {
	all := []Trace{host(), clean(), lossy(), broken()}
	return map[string]*Report{
		"all":     New(all, Options{Timings: someTimings()}),
		"clean":   New([]Trace{clean()}, Options{}),
		"none":    New(nil, Options{}),
		"hostile": New([]Trace{hostile()}, Options{}),
		"accepted": New(all, Options{Accept: &Accept{
			Baseline: &Baseline{has: map[string]bool{}, findings: []Finding{{Rule: "OPEN-01", Message: "gone", Fingerprint: "x"}}},
			Suppressions: &Suppressions{list: []Suppression{
				{Rule: "REG-14", Reason: "known in this lab", Expires: "2027-01-31", expires: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)},
			}},
			Today: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC),
		}}),
	}
}

func TestGoldenFormats(t *testing.T) {
	for name, ext := range map[string]string{"sarif": "sarif", "junit": "xml", "github": "github", "markdown": "md"} {
		out := write(t, variants()["accepted"], name)
		if name == "sarif" { // without the catalogue, which is in its own tests
			_, out, _ = bytes.Cut(out, []byte(`"invocations"`))
		}
		golden(t, "accepted."+ext, out)
	}
}

// No report has a character that a terminal obeys or that reverses text, whatever is in the
// trace, and none of its lines is taken for a command.
func TestHostileStringsInAllFormats(t *testing.T) {
	for _, format := range Formats {
		out := write(t, variants()["hostile"], format)
		for _, r := range string(out) {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("%s: contains %U", format, r)
				break
			}
		}
		for line := range strings.Lines(string(out)) {
			if format == "github" && strings.HasPrefix(line, "::error::x") {
				t.Errorf("github: a string became a command: %q", line)
			}
			if format == "markdown" && (strings.Contains(line, "<script") || strings.Contains(line, "](java")) {
				t.Errorf("markdown: a string became markup: %q", line)
			}
		}
	}
}

// Rows that prove a finding can have strings of a megabyte, too: no report is longer for them
// than for long ones.
func TestHugeRowsAreCut(t *testing.T) {
	huge := strings.Repeat("y", 1<<20)
	proof := func(_ int, seqs []uint64) map[uint64]format.Event {
		m := map[uint64]format.Event{}
		for _, seq := range seqs {
			m[seq] = format.Event{Seq: seq, Has: format.HasDriver | format.HasDetail, Driver: huge, Detail: `{"adapter_name":"` + huge + `"}`}
		}
		return m
	}
	r := variants()["hostile"]
	for _, name := range Formats {
		var b bytes.Buffer
		if err := r.Write(&b, name, "1.2.3", TextOptions{Rows: proof, Findings: -1}, Material{}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if longest := bytes.Count(b.Bytes(), []byte("y")); longest > 1<<16 {
			t.Errorf("%s: %d bytes of the huge strings", name, longest)
		}
	}
}

// sarifSchema is the schema of the standard.
func sarifSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	file, err := os.Open("testdata/schema/sarif-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	doc, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("sarif.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// SARIF logs satisfy the schema of the standard (testdata/schema/README.md).
func TestSARIFSatisfiesItsSchema(t *testing.T) {
	schema := sarifSchema(t)
	for name, r := range variants() {
		log, err := jsonschema.UnmarshalJSON(bytes.NewReader(write(t, r, "sarif")))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(log); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		runs := log.(map[string]any)["runs"].([]any)
		rules := runs[0].(map[string]any)["tool"].(map[string]any)["driver"].(map[string]any)["rules"].([]any)
		if want := len(rule.All()) + len(sarifConflicts); len(rules) != want {
			t.Errorf("%s: %d rules declared, want %d", name, len(rules), want)
		}
		for _, x := range runs[0].(map[string]any)["results"].([]any) {
			res := x.(map[string]any)
			n, err := res["ruleIndex"].(json.Number).Int64()
			if err != nil || rules[n].(map[string]any)["id"] != res["ruleId"] {
				t.Errorf("%s: result of %v refers to another rule", name, res["ruleId"])
			}
		}
	}
	bad, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"version":"2.1.0","runs":[{"results":[]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if schema.Validate(bad) == nil {
		t.Error("the schema accepts a run without a tool: the test shows nothing")
	}
}

// JUnit files satisfy the XSD of Jenkins, as an independent validator says.
func TestJUnitSatisfiesItsSchema(t *testing.T) {
	for name, r := range variants() {
		var suites junitSuites
		if err := xml.Unmarshal(write(t, r, "junit"), &suites); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(suites.Suites) != len(r.Traces) {
			t.Errorf("%s: %d suites, want %d", name, len(suites.Suites), len(r.Traces))
		}
	}
	interop.Need(t, "xmllint")
	dir := t.TempDir()
	validate := func(name string, data []byte) error {
		path := filepath.Join(dir, name+".xml")
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("xmllint", "--noout", "--huge", "--schema", "testdata/schema/junit.xsd", path).CombinedOutput()
		if err != nil {
			t.Logf("%s: %s", name, rows.Cut(string(out), 2000))
		}
		return err
	}
	for name, r := range variants() {
		if err := validate(name, write(t, r, "junit")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if validate("bad", []byte("<testsuites><testcase/></testsuites>")) == nil {
		t.Error("the schema accepts a case outside a suite: the test shows nothing")
	}
}

// GitHub shows ten annotations of a level; the last one says how many there are more.
func TestAnnotationsAreCapped(t *testing.T) {
	many := host()
	for i := range 50 {
		many.Result.Findings = append(many.Result.Findings, replay.Finding{
			Seq: uint64(100 + i), Rule: rule.OPEN07, Severity: rule.Error, Message: "never completed", Events: []uint64{uint64(100 + i)},
		})
	}
	out := string(write(t, New([]Trace{many}, Options{}), "github"))
	if n := strings.Count(out, "\n::error "); n > annotations {
		t.Errorf("%d errors", n)
	}
	if !strings.Contains(out, "42 more findings not shown here") {
		t.Errorf("the rest is not counted:\n%s", out)
	}
}

func TestFingerprints(t *testing.T) {
	drv := func(s string) *string { return &s }
	base := Finding{Rule: "OPEN-07", AtFault: "call-manager", Driver: drv("vpn"), Message: "the open of Q2931 1.0 on 0xffff12 pended for 3.5ms and is never completed (row 17)"}
	same := base
	same.Message, same.Events, same.Adapter = "the open of Q2931 1.1 on 0xaa pended for 12s and is never completed (row 9)", []uint64{4}, drv("0x1")
	if fingerprint(&base) != fingerprint(&same) {
		t.Errorf("numbers count: %q, %q", numberless(base.Message), numberless(same.Message))
	}
	for i, f := range []Finding{
		{Rule: "OPEN-08", AtFault: base.AtFault, Driver: base.Driver, Message: base.Message},
		{Rule: base.Rule, AtFault: "ndis", Driver: base.Driver, Message: base.Message},
		{Rule: base.Rule, AtFault: base.AtFault, Driver: drv("other"), Message: base.Message},
		{Rule: base.Rule, AtFault: base.AtFault, Driver: base.Driver, Message: strings.Replace(base.Message, "Q2931", "PSCHED", 1)},
	} {
		if fingerprint(&base) == fingerprint(&f) {
			t.Errorf("case %d has the same fingerprint", i)
		}
	}
}

// What was accepted stays in the report and in the verdict, and does not count for the exit code.
func TestAccept(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	trace := host()
	trace.Result.Lost, trace.Result.Reasons = 0, nil
	trace.Result.Findings = trace.Result.Findings[:2] // an error of ndis, a warning
	plain := New([]Trace{trace}, Options{})
	if plain.ExitCode() != 1 {
		t.Fatalf("exit code %d without anything accepted", plain.ExitCode())
	}
	baseline := func(path string) *Baseline {
		b, err := ReadBaseline(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	suppressions := func(text string) *Suppressions {
		s, err := ReadSuppressions(file("s.json", text))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := file("before.json", string(write(t, plain, "json")))
	day := time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC)
	yes := `{"suppressions":[{"rule":"reg-14","driver":"ndis","reason":"known","expires":"2026-11-30"}]}`
	for name, c := range map[string]struct {
		a                       Accept
		failOn                  []string
		code                    int
		fresh, known, supp      int
		fixed, expired, unused_ int
	}{
		"known":            {a: Accept{Baseline: baseline(before)}, code: 0, known: 2},
		"known, fail on":   {a: Accept{Baseline: baseline(before)}, failOn: []string{"warning", "conflict"}, code: 1, known: 2},
		"empty baseline":   {a: Accept{Baseline: baseline(file("e.json", `[]`))}, code: 1, fresh: 2},
		"fixed":            {a: Accept{Baseline: baseline(file("f.json", `[{"rule":"SAP-01","message":"m"},{"rule":"SAP-01","message":"m"}]`))}, code: 1, fresh: 2, fixed: 1},
		"suppressed":       {a: Accept{Suppressions: suppressions(yes), Today: day}, code: 0, fresh: 1, supp: 1},
		"suppressed, warn": {a: Accept{Suppressions: suppressions(yes), Today: day}, failOn: []string{"warning"}, code: 1, fresh: 1, supp: 1},
		"expired":          {a: Accept{Suppressions: suppressions(yes), Today: day.Add(2 * time.Hour)}, code: 1, fresh: 2, expired: 1},
		"unused":           {a: Accept{Suppressions: suppressions(strings.Replace(yes, `"ndis"`, `"x"`, 1)), Today: day}, code: 1, fresh: 2, unused_: 1},
	} {
		failOn, err := ParseFailOn(c.failOn)
		if err != nil {
			t.Fatal(err)
		}
		r := New([]Trace{trace}, Options{FailOn: failOn, Accept: &c.a})
		a := r.Acceptance
		got := []int{r.ExitCode(), a.New, a.Known, a.Suppressed, len(a.Fixed), len(a.Expired), len(a.Unused)}
		if want := []int{c.code, c.fresh, c.known, c.supp, c.fixed, c.expired, c.unused_}; !slices.Equal(got, want) {
			t.Errorf("%s: exit code, new, known, suppressed, fixed, expired, unused: %v, want %v", name, got, want)
		}
		if r.Verdict != "violations" || r.Digest != plain.Digest && len(c.failOn) == 0 {
			t.Errorf("%s: the verdict changed", name)
		}
	}
	// An accepted suspicion leaves nothing in doubt; lost events do.
	doubt := host()
	doubt.Result.Verdict, doubt.Result.Findings = replay.Inconclusive, doubt.Result.Findings[2:]
	doubt.Result.Reasons = []string{"a finding is inconclusive"}
	open := suppressions(`{"suppressions":[{"rule":"OPEN-07","reason":"known","expires":"2027-01-01"}]}`)
	if code := New([]Trace{doubt}, Options{Accept: &Accept{Suppressions: open, Today: day}}).ExitCode(); code != 0 {
		t.Errorf("exit code %d for an accepted suspicion", code)
	}
	doubt.Result.Reasons = append(doubt.Result.Reasons, "events were lost")
	if code := New([]Trace{doubt}, Options{Accept: &Accept{Suppressions: open, Today: day}}).ExitCode(); code != 4 {
		t.Errorf("exit code %d although events were lost", code)
	}
}

func TestBadAcceptFiles(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{
		`{`:                          "not JSON",
		`{"schema":1}`:               "no key findings",
		`{"schema":9,"findings":[]}`: "schema 9",
		`[{"message":"x"}]`:          "has no rule",
		`7`:                          "want a report",
		`{}`:                         "no key findings",
	} {
		path := filepath.Join(dir, "b.json")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadBaseline(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("baseline %s: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		``:                      "at byte 0",
		`{"suppressions":`:      "at byte 16",
		`{"suppressions":7}`:    "at byte 17",
		`{"findings":[]}`:       "this is a report, which --baseline takes",
		`{}`:                    "no key suppressions",
		`{"suppressions":[{}]}`: "no rule",
		`{"suppressions":[{"rule":"X-1","reason":"r","expires":"2027-01-01"}]}`:                    "is no rule",
		`{"suppressions":[{"rule":"REG-01","reason":" ","expires":"2027-01-01"}]}`:                 "no reason",
		`{"suppressions":[{"rule":"REG-01","reason":"r"}]}`:                                        "no day",
		`{"suppressions":[{"rule":"REG-01","reason":"r","expires":"soon"}]}`:                       "want a day",
		`{"suppressions":[{"rule":"REG-01","reason":"r","expires":"2027-01-01","adapter":"0x1"}]}`: "s.json: json: unknown field \"adapter\"",
		`{"suppressions":[]} x`: "more than one",
	} {
		path := filepath.Join(dir, "s.json")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSuppressions(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("suppressions %s: %v", text, err)
		}
	}
}

// Every rule that SARIF declares has help and a page.
func TestSarifRulesHaveHelp(t *testing.T) {
	s := sarif{index: map[string]int{}}
	for _, r := range s.rules() {
		if r.Help.Text == "" || r.Help.Markdown == "" || r.HelpURI == "" || r.ShortDescription.Text == "" {
			t.Errorf("%s: %+v", r.ID, r)
		}
	}
}
