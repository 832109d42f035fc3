package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	ID         int             `xml:"id,attr"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name      string         `xml:"name,attr"`
	Class     string         `xml:"classname,attr"`
	Skipped   *string        `xml:"skipped,omitempty"`
	Errors    []junitProblem `xml:"error"`
	Failures  []junitProblem `xml:"failure"`
	SystemOut string         `xml:"system-out,omitempty"`
}

type junitProblem struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the report as JUnit XML: a test suite for each trace, in it a test case
// for each rule that was evaluated, and one for the verdict. What makes the trace fail is a
// failure. A rule that could not be evaluated is skipped; what lost events could explain,
// and a trace without a verdict, is an error, because neither is a pass.
func (r *Report) WriteJUnit(w io.Writer) error {
	all := junitSuites{Name: "afreplay"}
	for i := range r.Traces {
		s := r.junitSuite(i)
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Suites = append(all.Suites, s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (r *Report) junitSuite(i int) junitSuite {
	t := &r.Traces[i]
	s := junitSuite{Name: rows.Safe(t.Path), ID: i, Properties: []junitProperty{
		{"verdict", t.Verdict}, {"events", strconv.FormatUint(t.Events, 10)}, {"lost", strconv.FormatUint(t.Lost, 10)},
	}}
	found := map[string][]*Finding{}
	for k := range r.Findings {
		if f := &r.Findings[k]; f.trace == i {
			found[f.Rule] = append(found[f.Rule], f)
		}
	}
	s.Cases = append(s.Cases, r.junitVerdict(i))
	if res := r.traces[i].Result; res != nil {
		for _, n := range res.Rules {
			ru := n.Rule.Rule()
			if ru == nil || n.Checked == 0 && n.NotChecked == 0 && len(found[ru.Name]) == 0 {
				continue
			}
			s.Cases = append(s.Cases, r.junitRule(ru, &n, found[ru.Name]))
		}
	}
	for k := range s.Cases {
		c := &s.Cases[k]
		s.Tests++
		switch {
		case len(c.Errors) > 0:
			s.Errors++
		case len(c.Failures) > 0:
			s.Failures++
		case c.Skipped != nil:
			s.Skipped++
		}
	}
	return s
}

// junitVerdict is the test case of a trace as a whole.
func (r *Report) junitVerdict(i int) junitCase {
	t := &r.Traces[i]
	c := junitCase{Name: "verdict", Class: "aftrace"}
	switch {
	case t.Error != "":
		c.Errors = []junitProblem{{"unreadable", rows.Safe(t.Error), ""}}
	case t.Verdict == replay.Inconclusive.String():
		c.Errors = []junitProblem{{"inconclusive", rows.Safe(strings.Join(t.Reasons, "; ")), ""}}
	}
	for k := range r.Conflicts {
		if x := &r.Conflicts[k]; r.failOn.Conflict && x.trace == i {
			c.Failures = append(c.Failures, junitProblem{"conflict", rows.Safe(fmt.Sprintf("%s of %s: contender %s got %s", x.Kind, x.AF, rows.Cut(x.Contender, nameSize), x.Status)), "events: " + seqs(x.Events)})
		}
	}
	return c
}

func (r *Report) junitRule(ru *rule.Rule, n *replay.RuleCount, found []*Finding) junitCase {
	c := junitCase{Name: ru.Name + " " + ru.Statement, Class: "aftrace." + ru.Group}
	var out strings.Builder
	for _, f := range found {
		text := f.asText()
		p := junitProblem{f.Severity, f.ID + ": " + rows.Safe(rows.Cut(f.Message, messageSize)), text}
		switch {
		case f.State == StateKnown || f.State == StateSuppressed:
			fmt.Fprintf(&out, "%s: %s", f.State, text)
		case f.Verdict == "inconclusive" && f.Severity == "error":
			p.Type = "inconclusive"
			c.Errors = append(c.Errors, p)
		case r.fails(f):
			c.Failures = append(c.Failures, p)
		default:
			out.WriteString(text)
		}
	}
	c.SystemOut = out.String()
	if len(found) == 0 && n.Checked == 0 {
		why := "not checked: " + rows.Safe(rows.Cut(strings.Join(mostFrequent(n.Reasons), "; "), messageSize))
		c.Skipped = &why
	}
	return c
}

// fails says whether f alone makes its trace fail.
func (r *Report) fails(f *Finding) bool {
	x := &r.traces[f.trace].Result.Findings[f.nth]
	return !x.Inconclusive && x.Severity == rule.Error || r.failOn.fails(x)
}

// asText is a finding as lines of plain text.
func (f *Finding) asText() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s, at fault: %s\n%s\n", f.Severity, f.ID, f.blame(), rows.Safe(rows.Cut(f.Message, messageSize)))
	if f.Why != "" {
		fmt.Fprintf(&b, "inconclusive: %s\n", rows.Safe(f.Why))
	}
	if f.Reason != "" {
		fmt.Fprintf(&b, "accepted: %s\n", rows.Safe(f.Reason))
	}
	if len(f.Also) > 0 {
		fmt.Fprintf(&b, "also: %s\n", strings.Join(f.Also, ", "))
	}
	b.WriteString("events:")
	for _, s := range f.Events {
		fmt.Fprintf(&b, " %d", s)
	}
	if f.Page != "" {
		fmt.Fprintf(&b, "\n%s", f.Page)
	}
	b.WriteByte('\n')
	return b.String()
}
