package report

import (
	"fmt"
	"strings"

	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// FailOn is what else than findings of severity error makes a trace fail, because the user
// asked for it. The zero value is nothing else.
type FailOn struct {
	Severity rule.Severity // with Lower: findings of this severity or above
	Lower    bool
	Conflict bool // any conflict that lost events cannot explain
	Defect   bool // any trace defect
	Rules    []rule.ID
}

// ParseFailOn reads a list of: error, warning, info (findings of that severity or above),
// conflict, defect, and names of rules.
func ParseFailOn(words []string) (FailOn, error) {
	var f FailOn
	lower := func(s rule.Severity) {
		if !f.Lower || s < f.Severity {
			f.Severity, f.Lower = s, true
		}
	}
	for _, w := range words {
		switch w = strings.TrimSpace(w); strings.ToLower(w) {
		case "error":
		case "warning":
			lower(rule.Warning)
		case "info":
			lower(rule.Info)
		case "conflict":
			f.Conflict = true
		case "defect":
			f.Defect = true
		default:
			id := ruleNamed(w)
			if id == rule.None {
				return f, fmt.Errorf("%q: want error, warning, info, conflict, defect or the name of a rule like REG-07", w)
			}
			f.Rules = append(f.Rules, id)
		}
	}
	return f, nil
}

func ruleNamed(s string) rule.ID {
	for _, ru := range rule.All() {
		if strings.EqualFold(ru.Name, s) {
			return ru.ID
		}
	}
	return rule.None
}

// fails says whether a finding makes its trace fail. What lost events could explain does not.
func (f *FailOn) fails(x *replay.Finding) bool {
	if x.Inconclusive {
		return false
	}
	for _, id := range f.Rules {
		if id == x.Rule {
			return true
		}
	}
	return f.Lower && x.Severity >= f.Severity
}

// verdict is the verdict of a trace: the one of the replay, unless the trace could not be
// read or the user asked for more.
func (f *FailOn) verdict(t *Trace) replay.Verdict {
	if t.Err != nil || t.Result == nil {
		return replay.Unreadable
	}
	v := t.Result.Verdict
	for i := range t.Result.Conflicts {
		if f.Conflict && !t.Result.Conflicts[i].Inconclusive {
			v = replay.Violations
		}
	}
	if f.Defect && len(t.Result.Defects) > 0 {
		v = replay.Violations
	}
	for i := range t.Result.Findings {
		if f.fails(&t.Result.Findings[i]) {
			v = replay.Violations
		}
	}
	return v
}

// worse is the verdict of two traces together: unreadable before violations before
// inconclusive before conforms.
func worse(a, b replay.Verdict) replay.Verdict { return max(a, b) }

// ExitCode is the exit status of afreplay for the report: 0 conforms, 1 violations, 3 an
// input could not be read, 4 inconclusive. Findings that were accepted before do not count.
func (r *Report) ExitCode() int {
	if r.Acceptance != nil {
		return r.Acceptance.ExitCode
	}
	return exitCode(r.verdict)
}

func exitCode(v replay.Verdict) int {
	return [...]int{
		replay.Conforms: 0, replay.Violations: 1, replay.Unreadable: 3, replay.Inconclusive: 4,
	}[v]
}
