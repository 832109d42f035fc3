package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// States of a finding when there is a baseline or a file of suppressions.
const (
	StateNew        = "new"        // not in the baseline
	StateKnown      = "known"      // in the baseline
	StateSuppressed = "suppressed" // somebody said why it is accepted, and until when
)

// Accept is what somebody has accepted before. Accepted findings stay in the report and in
// the verdict, which says what the traces show; they do not count for the exit code.
type Accept struct {
	Baseline     *Baseline
	Suppressions *Suppressions
	Today        time.Time // decides which suppressions have expired
}

// Baseline is an earlier report to compare with.
type Baseline struct {
	path     string
	findings []Finding
	has      map[string]bool // fingerprints
}

// ReadBaseline reads a JSON report, or the array of its findings.
func ReadBaseline(path string) (*Baseline, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	b := &Baseline{path: path, has: map[string]bool{}}
	var whole struct {
		Schema   *int       `json:"schema"`
		Findings *[]Finding `json:"findings"`
	}
	if err := json.Unmarshal(data, &whole); err != nil {
		var wrong *json.UnmarshalTypeError
		if !errors.As(err, &wrong) {
			return nil, fmt.Errorf("%s: not JSON: %w (want a report written by afreplay run --format json)", path, err)
		}
		if err := json.Unmarshal(data, &b.findings); err != nil {
			return nil, fmt.Errorf("%s: %w (want a report written by afreplay run --format json)", path, err)
		}
	} else {
		if whole.Findings == nil {
			return nil, fmt.Errorf("%s: no key findings: want a report written by afreplay run --format json", path)
		}
		if whole.Schema != nil && *whole.Schema != Schema {
			return nil, fmt.Errorf("%s: report of schema %d, this version reads %d", path, *whole.Schema, Schema)
		}
		b.findings = *whole.Findings
	}
	for i := range b.findings {
		f := &b.findings[i]
		if f.Rule == "" {
			return nil, fmt.Errorf("%s: finding %d has no rule", path, i)
		}
		if f.Fingerprint == "" {
			f.Fingerprint = fingerprint(f)
		}
		b.has[f.Fingerprint] = true
	}
	return b, nil
}

// Suppression accepts findings of one rule, for a reason and for a time. Driver, AtFault
// and Fingerprint narrow it.
type Suppression struct {
	Rule        string `json:"rule"`
	Driver      string `json:"driver,omitempty"`
	AtFault     string `json:"at_fault,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
	Reason      string `json:"reason"`
	Expires     string `json:"expires"` // the last day on which it holds, as 2027-01-31

	expires time.Time
	used    int
}

// Suppressions is the content of a file of suppressions.
type Suppressions struct {
	path string
	list []Suppression
}

// ReadSuppressions reads a file of suppressions. Every entry must name a rule of the
// catalogue, a reason and a day on which it expires: what is accepted for ever and for no
// reason is a hole in the tests.
func ReadSuppressions(path string) (*Suppressions, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var report struct {
		Findings *json.RawMessage `json:"findings"`
	}
	if json.Unmarshal(data, &report) == nil && report.Findings != nil {
		return nil, fmt.Errorf(`%s: this is a report, which --baseline takes: want {"suppressions":[{"rule":…,"reason":…,"expires":…}]}`, path)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var content struct {
		Suppressions *[]Suppression `json:"suppressions"`
	}
	if err := dec.Decode(&content); err != nil {
		return nil, fmt.Errorf(`%s%s: %w (want {"suppressions":[{"rule":…,"reason":…,"expires":…}]})`, path, place(err, len(data)), err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("%s: at byte %d: more than one JSON value", path, dec.InputOffset())
	}
	if content.Suppressions == nil {
		return nil, fmt.Errorf("%s: no key suppressions", path)
	}
	s := &Suppressions{path: path, list: *content.Suppressions}
	for i := range s.list {
		if err := s.list[i].check(); err != nil {
			return nil, fmt.Errorf("%s: suppression %d: %w", path, i+1, err)
		}
	}
	return s, nil
}

// place says where in a file of that size an error of JSON is, if it tells.
func place(err error, size int) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf(": at byte %d", syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Sprintf(": at byte %d", kind.Offset)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Sprintf(": at byte %d", size)
	}
	return ""
}

func (s *Suppression) check() (err error) {
	id := ruleNamed(s.Rule)
	switch {
	case s.Rule == "":
		return errors.New("no rule")
	case id == rule.None:
		return fmt.Errorf("%q is no rule; afreplay rules lists them", s.Rule)
	case strings.TrimSpace(s.Reason) == "":
		return errors.New("no reason")
	case s.Expires == "":
		return errors.New("no day on which it expires (expires, as 2027-01-31)")
	}
	s.Rule = id.String()
	s.expires, err = time.Parse(time.DateOnly, s.Expires)
	if err != nil {
		return fmt.Errorf("expires %q: want a day, as 2027-01-31", s.Expires)
	}
	return nil
}

func (s *Suppression) matches(f *Finding) bool {
	return s.Rule == f.Rule && (s.Driver == "" || f.Driver != nil && rows.Cut(s.Driver, messageSize) == *f.Driver) &&
		(s.AtFault == "" || s.AtFault == f.AtFault) && (s.Fingerprint == "" || s.Fingerprint == f.Fingerprint)
}

// expired says whether day today is past the last one on which s holds.
func (s *Suppression) expired(today time.Time) bool {
	return today.UTC().Truncate(24 * time.Hour).After(s.expires)
}

// Acceptance is what became of the baseline and the suppressions.
type Acceptance struct {
	New        int           `json:"new"`
	Known      int           `json:"known"`
	Suppressed int           `json:"suppressed"`
	Fixed      []Fixed       `json:"fixed"`   // in the baseline, and not found any more
	Expired    []Suppression `json:"expired"` // they match, but do not hold any more
	Unused     []Suppression `json:"unused"`  // they match nothing
	ExitCode   int           `json:"exit_code"`
}

// Fixed is a finding of the baseline that is not found any more.
type Fixed struct {
	Rule        string  `json:"rule"`
	Driver      *string `json:"driver"`
	Message     string  `json:"message"`
	Fingerprint string  `json:"fingerprint"`
}

// accept marks the findings that are accepted, and says what is left to fail on.
func (r *Report) accept(traces []Trace, o *Options) {
	a := o.Accept
	out := &Acceptance{Fixed: []Fixed{}, Expired: []Suppression{}, Unused: []Suppression{}}
	r.Acceptance = out
	seen := map[string]bool{}
	late := map[int]bool{}
	for i := range r.Findings {
		f := &r.Findings[i]
		seen[f.Fingerprint] = true
		f.State = StateNew
		if a.Baseline != nil && a.Baseline.has[f.Fingerprint] {
			f.State = StateKnown
		}
		if a.Suppressions != nil {
			for k := range a.Suppressions.list {
				s := &a.Suppressions.list[k]
				if !s.matches(f) {
					continue
				}
				s.used++
				if s.expired(a.Today) {
					late[k] = true
				} else {
					f.State, f.Reason = StateSuppressed, s.Reason
				}
			}
		}
		switch f.State {
		case StateNew:
			out.New++
		case StateKnown:
			out.Known++
		case StateSuppressed:
			out.Suppressed++
		}
	}
	if a.Baseline != nil {
		told := map[string]bool{}
		for i := range a.Baseline.findings {
			f := &a.Baseline.findings[i]
			if !seen[f.Fingerprint] && !told[f.Fingerprint] {
				told[f.Fingerprint] = true
				out.Fixed = append(out.Fixed, Fixed{f.Rule, f.Driver, f.Message, f.Fingerprint})
			}
		}
	}
	if a.Suppressions != nil {
		for k, s := range a.Suppressions.list {
			switch {
			case late[k]:
				out.Expired = append(out.Expired, s)
			case s.used == 0:
				out.Unused = append(out.Unused, s)
			}
		}
	}
	left := replay.Conforms
	for i := range traces {
		left = worse(left, o.FailOn.left(&traces[i], r.open(i)))
	}
	out.ExitCode = exitCode(left)
}

// open says which findings of trace i, by their place in its result, are not accepted.
func (r *Report) open(i int) map[int]bool {
	open := map[int]bool{}
	for k := range r.Findings {
		if f := &r.Findings[k]; f.trace == i && f.State == StateNew {
			open[f.nth] = true
		}
	}
	return open
}

// left is the verdict of a trace if only the findings count that are open.
func (f *FailOn) left(t *Trace, open map[int]bool) replay.Verdict {
	if t.Err != nil || t.Result == nil {
		return replay.Unreadable
	}
	doubts, reasons := false, len(t.Result.Reasons)
	accepted := false // an inconclusive error is
	for i := range t.Result.Findings {
		x := &t.Result.Findings[i]
		stands := open[i]
		switch {
		case x.Inconclusive && x.Severity == rule.Error:
			doubts, accepted = doubts || stands, true
		case stands && !x.Inconclusive && (x.Severity == rule.Error || f.fails(x)):
			return replay.Violations
		}
	}
	for i := range t.Result.Conflicts {
		if f.Conflict && !t.Result.Conflicts[i].Inconclusive {
			return replay.Violations
		}
	}
	if f.Defect && len(t.Result.Defects) > 0 {
		return replay.Violations
	}
	if accepted && !doubts {
		reasons-- // the one that says so
	}
	if reasons > 0 {
		return replay.Inconclusive
	}
	return replay.Conforms
}
