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

// ReplayOptions are those that the options and the metadata of s ask for.
func (s *Scenario) ReplayOptions() (replay.Options, error) {
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
				return o, err
			}
			o.OpenLimit = d
		case "max-dead":
			n, err := strconv.Atoi(v)
			if err != nil {
				return o, err
			}
			o.MaxDead = n
		default:
			return o, fmt.Errorf("%s: option %q is not known", s.Name, k)
		}
	}
	return o, nil
}

// Replay runs the checker over the rows of s in batches of size rows.
func (s *Scenario) Replay(size int) (*replay.Result, error) {
	o, err := s.ReplayOptions()
	if err != nil {
		return nil, err
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
	return c.Finish(replay.End{Truncated: s.Cut, LostEvents: s.unplaced()}), nil
}

// unplaced is the number of lost events that the metadata tell of and no gap row.
func (s *Scenario) unplaced() uint64 {
	events, _ := strconv.ParseUint(s.Metadata[format.MetaLostEvents], 10, 64)
	buffers, _ := strconv.ParseUint(s.Metadata[format.MetaLostBuffers], 10, 64)
	if events == 0 && buffers == 0 {
		return 0
	}
	var told uint64
	gaps := false
	for i := range s.Events {
		if e := &s.Events[i]; e.Phase == format.PhaseGap {
			if e.Has&format.HasLost == 0 {
				return 0 // it may stand for any number
			}
			told, gaps = told+e.Lost, true
		}
	}
	switch {
	case events > told:
		return events - told
	case events == 0 && !gaps:
		return 1
	}
	return 0
}

// Verify compares what the replay found with what the scenario says. It returns one line
// for each difference.
func (s *Scenario) Verify(r *replay.Result) []string {
	var wrong []string
	hits, expected := s.marked(r)
	for n, m := range s.Marks {
		switch hit := hits[n]; {
		case hit < 0:
			wrong = append(wrong, fmt.Sprintf("%s:%d: %s is expected here and was not found", s.Name, m.Line, m.Rule))
		case r.Findings[hit].Inconclusive != m.Inconclusive:
			wrong = append(wrong, fmt.Sprintf("%s:%d: %s is inconclusive: %v, expected %v", s.Name, m.Line, m.Rule, r.Findings[hit].Inconclusive, m.Inconclusive))
		}
	}
	for _, x := range s.Expect {
		if x.Kind != "finding" {
			continue
		}
		id, unsure := "", false
		if len(x.Args) == 1 {
			id, unsure = strings.CutSuffix(x.Args[0], "?")
		}
		hit := -1
		for i := range r.Findings {
			if f := &r.Findings[i]; hit < 0 && !expected[i] && f.Rule.String() == id && f.Inconclusive == unsure {
				hit = i
			}
		}
		if hit < 0 {
			wrong = append(wrong, fmt.Sprintf("%s:%d: no such finding: %s", s.Name, x.Line, strings.Join(x.Args, " ")))
			continue
		}
		expected[hit] = true
	}
	for i := range r.Findings {
		if f := &r.Findings[i]; !expected[i] {
			wrong = append(wrong, fmt.Sprintf("%s%s: not expected: %s", s.Name, s.line(f.Seq), FindingLine(f)))
		}
	}
	conflicts, defects := 0, map[string]uint64{}
	told := map[int]bool{} // the conflicts that a line is about
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
				if len(line) > len(x.Args) && slices.Equal(line[:len(x.Args)], x.Args) {
					found, told[i] = true, true
				}
			}
			if !found {
				wrong = append(wrong, fmt.Sprintf("%s:%d: no such conflict", s.Name, x.Line))
			}
		case "finding":
		default:
			wrong = append(wrong, fmt.Sprintf("%s:%d: expect %q is not known", s.Name, x.Line, x.Kind))
		}
	}
	for _, d := range replay.Defects() {
		if _, ok := defects[d.Name]; !ok && r.Defects[d.Name] > 0 {
			wrong = append(wrong, fmt.Sprintf("%s: not expected: the trace defect %s", s.Name, d.Name))
		}
	}
	for i := range r.Conflicts {
		if !told[i] {
			wrong = append(wrong, fmt.Sprintf("%s: not expected: conflict %s", s.Name, ConflictLine(&r.Conflicts[i])))
		}
	}
	if conflicts != len(r.Conflicts) {
		wrong = append(wrong, fmt.Sprintf("%s: %d conflicts are expected, %d were found", s.Name, conflicts, len(r.Conflicts)))
	}
	return wrong
}

// marked gives for each mark the finding that it is about, -1 if there is none, and says which
// findings have one.
func (s *Scenario) marked(r *replay.Result) (hits []int, expected map[int]bool) {
	expected = map[int]bool{}
	for _, m := range s.Marks {
		hit := -1
		for i := range r.Findings {
			f := &r.Findings[i]
			if expected[i] || f.Rule.String() != m.Rule || !slices.Contains(m.Rows, f.Seq) {
				continue
			}
			if hit < 0 || f.Inconclusive == m.Inconclusive && r.Findings[hit].Inconclusive != m.Inconclusive {
				hit = i
			}
		}
		if hit >= 0 {
			expected[hit] = true
		}
		hits = append(hits, hit)
	}
	return hits, expected
}

// unmarked are the findings that no mark is about.
func (s *Scenario) unmarked(r *replay.Result) (list []int) {
	_, expected := s.marked(r)
	for i := range r.Findings {
		if !expected[i] {
			list = append(list, i)
		}
	}
	return list
}

// line is where the row was written, as ":N"; empty if it is not known.
func (s *Scenario) line(seq uint64) string {
	if seq == 0 || seq > uint64(len(s.Lines)) {
		return ""
	}
	return fmt.Sprintf(":%d", s.Lines[seq-1])
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

// ConflictLine is a conflict on one line: kind, AF, holder, contender, status, the cause of
// an unserved open, times, rows.
func ConflictLine(x *replay.Conflict) string {
	holder := x.Holder
	if holder == "" {
		holder = "-"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s %s %s", x.Kind, strings.TrimPrefix(ndis.AFType(x.AF.Type).String(), "CO_ADDRESS_FAMILY_"), holder, x.Contender, x.Status)
	if x.Cause != "" {
		fmt.Fprintf(&b, " %s", x.Cause)
	}
	if x.HeldFor >= 0 {
		fmt.Fprintf(&b, " held=%s", time.Duration(x.HeldFor))
	}
	switch {
	case x.Until != replay.NoTime:
		fmt.Fprintf(&b, " gone=%s", time.Duration(x.At-x.Until))
	case x.Cause == replay.CauseNotYet:
		fmt.Fprintf(&b, " late=%s", time.Duration(x.Since-x.At))
	}
	fmt.Fprintf(&b, " rows %v", x.Events)
	if x.Inconclusive {
		fmt.Fprintf(&b, "; inconclusive: %s", x.Why)
	}
	return b.String()
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
