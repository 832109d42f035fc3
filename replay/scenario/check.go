package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// Replay runs the checker over the rows of s in batches of size rows.
func (s *Scenario) Replay(size int) (*replay.Result, error) {
	o := replay.Options{Metadata: s.Metadata, Strict: s.Strict}
	for k, v := range s.Options {
		switch k {
		case "af-identity":
			if v == "type+version" {
				o.AFIdentity = replay.IdentityTypeVersion
			}
		case "allow-loss":
			o.AllowLoss = v == "true"
		case "open-limit":
			d, err := time.ParseDuration(v)
			if err != nil {
				return nil, err
			}
			o.OpenLimit = d
		case "max-dead":
			n, err := strconv.Atoi(v)
			if err != nil {
				return nil, err
			}
			o.MaxDead = n
		default:
			return nil, fmt.Errorf("%s: option %q is not known", s.Name, k)
		}
	}
	c := replay.New(o)
	var b format.Batch
	for i := range s.Events {
		b.Append(&s.Events[i])
		if b.N == size || i == len(s.Events)-1 {
			if err := c.Batch(&b); err != nil {
				return nil, err
			}
			b.Reset()
		}
	}
	return c.Finish(replay.End{Truncated: s.Cut}), nil
}

// Verify compares what the replay found with what the scenario says. It returns one line
// for each difference.
func (s *Scenario) Verify(r *replay.Result) []string {
	var wrong []string
	expected := map[int]bool{} // index of findings that a mark asks for
	for _, m := range s.Marks {
		hit := -1
		for i := range r.Findings {
			f := &r.Findings[i]
			if f.Rule.String() == m.Rule && slices.Contains(m.Rows, f.Seq) && !expected[i] {
				hit = i
				break
			}
		}
		switch {
		case hit < 0:
			wrong = append(wrong, fmt.Sprintf("%s:%d: %s is expected here and was not found", s.Name, m.Line, m.Rule))
		case r.Findings[hit].Inconclusive != m.Inconclusive:
			wrong = append(wrong, fmt.Sprintf("%s:%d: %s is inconclusive: %v, expected %v", s.Name, m.Line, m.Rule, r.Findings[hit].Inconclusive, m.Inconclusive))
			expected[hit] = true
		default:
			expected[hit] = true
		}
	}
	for i := range r.Findings {
		if !expected[i] {
			wrong = append(wrong, fmt.Sprintf("%s: not expected: %s", s.Name, FindingLine(&r.Findings[i])))
		}
	}
	conflicts, defects := 0, map[string]uint64{}
	verdict := ""
	for _, x := range s.Expect {
		switch x.Kind {
		case "verdict":
			if len(x.Args) == 1 {
				verdict = x.Args[0]
			}
			if verdict != r.Verdict.String() {
				wrong = append(wrong, fmt.Sprintf("%s:%d: the verdict is %s", s.Name, x.Line, r.Verdict))
			}
		case "defect":
			if n := uint64(1); len(x.Args) > 0 {
				if len(x.Args) > 1 {
					n, _ = strconv.ParseUint(x.Args[1], 10, 64)
				}
				if defects[x.Args[0]] = n; r.Defects[x.Args[0]] != n {
					wrong = append(wrong, fmt.Sprintf("%s:%d: %s was counted %d times", s.Name, x.Line, x.Args[0], r.Defects[x.Args[0]]))
				}
			}
		case "conflict":
			conflicts++
			found := false
			for i := range r.Conflicts {
				line := strings.Fields(ConflictLine(&r.Conflicts[i]))
				found = found || len(line) > len(x.Args) && slices.Equal(line[:len(x.Args)], x.Args)
			}
			if !found {
				wrong = append(wrong, fmt.Sprintf("%s:%d: no such conflict", s.Name, x.Line))
			}
		default:
			wrong = append(wrong, fmt.Sprintf("%s:%d: expect %q is not known", s.Name, x.Line, x.Kind))
		}
	}
	for _, d := range replay.Defects() {
		if _, ok := defects[d.Name]; !ok && r.Defects[d.Name] > 0 {
			wrong = append(wrong, fmt.Sprintf("%s: not expected: the trace defect %s", s.Name, d.Name))
		}
	}
	if conflicts != len(r.Conflicts) {
		wrong = append(wrong, fmt.Sprintf("%s: %d conflicts are expected, %d were found", s.Name, conflicts, len(r.Conflicts)))
	}
	return wrong
}

// FindingLine is a finding on one line.
func FindingLine(f *replay.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s@%d %s", f.Rule, f.Seq, f.Severity)
	if f.Inconclusive {
		b.WriteString(" inconclusive")
	}
	fmt.Fprintf(&b, " %s", f.AtFault)
	if f.Driver != "" {
		fmt.Fprintf(&b, " (%s)", f.Driver)
	}
	fmt.Fprintf(&b, ": %s", f.Message)
	if len(f.Also) > 0 {
		b.WriteString("; also")
		for _, id := range f.Also {
			fmt.Fprintf(&b, " %s", id)
		}
	}
	fmt.Fprintf(&b, "; rows %v", f.Events)
	return b.String()
}

// ConflictLine is a conflict on one line: kind, AF, holder, contender, status, rows.
func ConflictLine(x *replay.Conflict) string {
	holder := x.Holder
	if holder == "" {
		holder = "-"
	}
	return fmt.Sprintf("%s %s %s %s %s rows %v", x.Kind, strings.TrimPrefix(ndis.AFType(x.AF.Type).String(), "CO_ADDRESS_FAMILY_"), holder, x.Contender, x.Status, x.Events)
}

// Golden renders a result as the text behind the "----" line of a scenario.
func Golden(r *replay.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "verdict %s\n", r.Verdict)
	for _, why := range r.Reasons {
		fmt.Fprintf(&b, "because %s\n", why)
	}
	for i := range r.Findings {
		fmt.Fprintf(&b, "%s\n", FindingLine(&r.Findings[i]))
	}
	for i := range r.Conflicts {
		fmt.Fprintf(&b, "conflict %s\n", ConflictLine(&r.Conflicts[i]))
	}
	var kinds []string
	for k := range r.Defects {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	for _, k := range kinds {
		fmt.Fprintf(&b, "defect %d %s\n", r.Defects[k], k)
	}
	return b.String()
}
