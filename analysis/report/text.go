package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
)

// Limits of the text report, which is to be read; the JSON report has everything.
const (
	DefaultFindings  = 20 // findings and conflicts shown
	sameRule         = 3  // findings shown of one rule and driver
	rowsPerFinding   = 8
	rowsPerConflict  = 6
	timingsPerReport = 12
	reasonsShown     = 5
	nameSize         = 200  // bytes of a name from the trace
	messageSize      = 4096 // bytes of a message
)

// TextOptions says how the text report looks.
type TextOptions struct {
	Color    bool
	Timings  bool
	Explain  string // how the trace is named to afreplay explain; its path if empty
	Flags    string // what else afreplay explain needs to find the same, with a space before it
	Findings int    // how many findings, and how many conflicts, are shown; DefaultFindings if 0, all if negative

	// Rows fetches the rows of the trace at an index that prove findings, see Evidence. It
	// is called once for each trace that needs it. If it is nil, or a row is missing, the
	// report shows the number of the row.
	Rows func(trace int, seqs []uint64) map[uint64]format.Event
}

// limit is how many of n findings or conflicts are shown.
func (o *TextOptions) limit(n int) int {
	switch {
	case o.Findings < 0:
		return n
	case o.Findings == 0:
		return min(n, DefaultFindings)
	}
	return min(n, o.Findings)
}

// WriteText writes the report for people: the verdict first, then what led to it. Whatever
// a trace says, the text holds no control character but line ends and its own colours.
func (r *Report) WriteText(w io.Writer, o TextOptions) error {
	t := &textReport{Report: r, o: o, more: map[string]int{}, rows: map[int]map[uint64]format.Event{}}
	t.choose()
	t.fetch()
	t.head()
	t.findings()
	t.conflicts()
	t.hint()
	t.coverage()
	if o.Timings {
		t.timings()
	}
	_, err := w.Write(t.b.Bytes())
	return err
}

type textReport struct {
	*Report
	o    TextOptions
	b    bytes.Buffer
	pick []*Finding     // those that are shown
	more map[string]int // further ones by rule
	rows map[int]map[uint64]format.Event
}

// choose picks the findings that are shown: the gravest first, and not too many of a kind,
// so that one that occurs a thousand times does not hide the others.
func (t *textReport) choose() {
	order := t.byWeight()
	most := t.o.limit(len(order))
	type kind struct {
		rule   string
		driver string
	}
	kinds := map[kind]int{}
	for _, f := range order {
		k := kind{rule: f.Rule}
		if f.Driver != nil {
			k.driver = *f.Driver
		}
		if len(t.pick) == most || t.o.Findings >= 0 && kinds[k] == sameRule {
			t.more[f.Rule]++
			continue
		}
		kinds[k]++
		t.pick = append(t.pick, f)
	}
}

// forTheEye orders findings as a person reads them: the gravest first, then by trace and by
// the row where the rule broke, so that a cause comes before what follows from it.
func forTheEye(a, b *Finding) int {
	return cmp.Or(cmp.Compare(a.weight(), b.weight()), cmp.Compare(a.trace, b.trace), cmp.Compare(a.seq, b.seq))
}

// weight says how grave a finding is: 0 is the gravest.
func (f *Finding) weight() int {
	w := map[string]int{"error": 0, "warning": 2, "info": 3}[f.Severity]
	if f.Verdict == "inconclusive" {
		w = max(w, 1)
	}
	if f.State == StateKnown || f.State == StateSuppressed {
		w += 4
	}
	return w
}

func (t *textReport) line(format string, args ...any) {
	fmt.Fprintf(&t.b, format+"\n", args...)
}

// Colours of the terminal, by what they mean.
const (
	bad   = "1;31"
	doubt = "1;33"
	good  = "1;32"
	faint = "2"
)

func (t *textReport) paint(color, s string) string {
	if !t.o.Color {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

var verdictColor = map[string]string{"conforms": good, "inconclusive": doubt, "violations": bad, "unreadable": bad}

// fetch reads the rows that will be shown, each trace once.
func (t *textReport) fetch() {
	if t.o.Rows == nil {
		return
	}
	want := map[int][]uint64{}
	for _, f := range t.pick {
		want[f.trace] = append(want[f.trace], shown(f.Events, rowsPerFinding)...)
	}
	for i := range t.o.limit(len(t.Conflicts)) {
		c := &t.Conflicts[i]
		want[c.trace] = append(want[c.trace], shown(c.Events, rowsPerConflict)...)
	}
	for _, trace := range slices.Sorted(maps.Keys(want)) {
		t.rows[trace] = t.o.Rows(trace, want[trace])
	}
}

// shown are the events of a list that are shown: all, or the first and last ones.
func shown(seqs []uint64, most int) []uint64 {
	if len(seqs) <= most {
		return seqs
	}
	return append(slices.Clone(seqs[:most/2]), seqs[len(seqs)-most/2:]...)
}

// headline counts what was found, in words.
func (r *Report) headline() string {
	counts := map[string]int{}
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Verdict == "inconclusive" {
			counts["inconclusive"]++
		} else {
			counts[f.Severity]++
		}
	}
	var parts []string
	for _, kind := range []string{"error", "warning", "info"} {
		if n := counts[kind]; n > 0 {
			parts = append(parts, rows.Count(n, kind))
		}
	}
	if n := counts["inconclusive"]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d inconclusive", n))
	}
	if n := len(r.Conflicts); n > 0 {
		parts = append(parts, rows.Count(n, "conflict"))
	}
	if len(parts) == 0 {
		parts = append(parts, "no findings")
	}
	return strings.Join(parts, ", ") + " in " + rows.Count(r.Events, "event")
}

func (t *textReport) head() {
	word := t.paint(verdictColor[t.Verdict], t.Verdict)
	if t.asked {
		word += " (by --fail-on)"
	}
	t.line("%s: %s", word, t.headline())
	if a := t.Acceptance; a != nil {
		t.line("  of the findings %d new, %d known, %d suppressed; %d fixed: exit code %d", a.New, a.Known, a.Suppressed, len(a.Fixed), a.ExitCode)
		for _, x := range a.Fixed {
			t.line("  fixed: %s %s", x.Rule, rows.Safe(x.Message))
		}
		for _, x := range a.Expired {
			t.line("  suppression of %s expired on %s: %s", x.Rule, x.Expires, rows.Safe(x.Reason))
		}
		for _, x := range a.Unused {
			t.line("  suppression of %s matches nothing: %s", x.Rule, rows.Safe(x.Reason))
		}
	}
	if len(t.Strict) > 0 {
		t.line("  held strictly: %s", strings.Join(t.Strict, ", "))
	}
	for i := range t.Traces {
		s := &t.Traces[i]
		text := rows.Count(s.Events, "event")
		if s.Lost > 0 {
			text += fmt.Sprintf(", %d lost", s.Lost)
		}
		if len(t.Traces) > 1 {
			text = s.Verdict + ", " + text
		}
		t.line("  %s: %s", rows.Safe(s.Path), text)
		if s.Error != "" {
			t.line("    %s", t.paint(bad, rows.Safe(s.Error)))
		}
		for _, k := range slices.Sorted(maps.Keys(s.Defects)) {
			text := fmt.Sprintf("%d× %s", s.Defects[k], rows.Safe(k))
			if seq, ok := s.DefectRows[k]; ok {
				text += fmt.Sprintf(", first in row %d", seq)
			}
			if what := replay.DefectText(k); what != "" {
				text += ": " + what
			}
			t.line("    defect %s", text)
		}
		for _, why := range s.Reasons {
			t.line("    inconclusive: %s", rows.Safe(why))
		}
	}
}

func (t *textReport) findings() {
	for _, f := range t.pick {
		color := map[string]string{"error": bad, "warning": doubt}[f.Severity]
		kind := f.Severity
		if f.Verdict == "inconclusive" {
			color, kind = doubt, "inconclusive "+f.Severity
		}
		if f.State == StateKnown || f.State == StateSuppressed {
			color, kind = faint, f.State+" "+kind
		}
		head := kind
		if color != "" {
			head = t.paint(color, kind)
		}
		t.line("")
		where := ""
		if len(t.Traces) > 1 {
			where = " in " + rows.Safe(f.Trace)
		}
		t.line("%s %s%s, at fault: %s", head, f.ID, where, f.blame())
		t.line("  %s", rows.Safe(rows.Cut(f.Message, messageSize)))
		if f.Why != "" {
			t.line("  inconclusive: %s", rows.Safe(f.Why))
		}
		if f.Reason != "" {
			t.line("  accepted: %s", rows.Safe(f.Reason))
		}
		if len(f.Also) > 0 {
			t.line("  also: %s", strings.Join(f.Also, ", "))
		}
		t.evidence(f.trace, f.Events, rowsPerFinding)
		if f.Page != "" {
			t.line("  %s", t.paint(faint, f.Page))
		}
	}
	if len(t.more) > 0 {
		var parts []string
		for _, id := range slices.Sorted(maps.Keys(t.more)) {
			parts = append(parts, fmt.Sprintf("%d× %s", t.more[id], id))
		}
		t.line("")
		t.line("… and %s (--findings -1 shows all)", strings.Join(parts, ", "))
	}
}

// blame says who is at fault, and which driver and adapter it is about.
func (f *Finding) blame() string {
	s := f.AtFault
	if s == "" {
		s = "nobody"
	}
	var about []string
	if f.Driver != nil {
		about = append(about, rows.Safe(rows.Cut(*f.Driver, nameSize)))
	}
	if f.Adapter != nil {
		about = append(about, "adapter "+*f.Adapter)
	}
	if len(about) > 0 {
		s += " (" + strings.Join(about, ", ") + ")"
	}
	return s
}

func (t *textReport) evidence(trace int, seqs []uint64, most int) {
	show := shown(seqs, most)
	for i, seq := range show {
		if len(show) < len(seqs) && i == most/2 {
			t.line("    … %d more …", len(seqs)-len(show))
		}
		if e, ok := t.rows[trace][seq]; ok {
			t.line("  %s", briefly(&e))
		} else {
			t.line("  %6d", seq)
		}
	}
}

// briefly is a row as text, without the rest of what is very long in it.
func briefly(e *format.Event) string {
	cut := *e
	cut.Driver, cut.Detail = rows.Cut(e.Driver, nameSize), rows.Cut(e.Detail, messageSize)
	return string(rows.AppendBrief(nil, &cut))
}

func (t *textReport) conflicts() {
	n := t.o.limit(len(t.Conflicts))
	for i := range n {
		c := &t.Conflicts[i]
		t.line("")
		where := ""
		if c.Adapter != nil {
			where = " on adapter " + *c.Adapter
		}
		if len(t.Traces) > 1 {
			where += " in " + rows.Safe(c.Trace)
		}
		af := c.AF
		if c.version != "" {
			af += " " + c.version
		}
		kind := "conflict"
		if c.Verdict == "inconclusive" {
			kind = "inconclusive conflict"
		}
		t.line("%s %s of %s%s", t.paint(doubt, kind), c.ID, af, where)
		t.line("  %s", rows.Safe(c.Message))
		if c.Why != "" {
			t.line("  inconclusive: %s", rows.Safe(c.Why))
		}
		if id := t.shownWith(c); id != "" {
			t.line("  proved by the events of %s", id)
		} else {
			t.evidence(c.trace, c.Events, rowsPerConflict)
		}
	}
	if rest := len(t.Conflicts) - n; rest > 0 {
		t.line("")
		t.line("… and %s more (--findings -1 shows all)", rows.Count(rest, "conflict"))
	}
}

// hint says how to see more of the first thing that is shown.
func (t *textReport) hint() {
	id, trace := "", ""
	switch {
	case len(t.pick) > 0:
		id, trace = t.pick[0].ID, t.pick[0].Trace
	case len(t.Conflicts) > 0:
		id, trace = t.Conflicts[0].ID, t.Conflicts[0].Trace
	default:
		return
	}
	of := t.o.Explain
	if of == "" {
		if of = rows.Safe(trace); strings.ContainsAny(of, " \t'\"$&;|<>()*?\\`") {
			of = "'" + strings.ReplaceAll(of, "'", `'\''`) + "'"
		}
	}
	t.line("")
	if of == "-" { // it was read, and is gone
		t.line("why, step by step: keep the trace in a file, then afreplay explain FILE %s%s", id, t.o.Flags)
		return
	}
	t.line("why, step by step: afreplay explain %s %s%s", of, id, t.o.Flags)
}

// shownWith is the finding in the report that has the events of a conflict, if there is one.
func (t *textReport) shownWith(c *Conflict) string {
	for _, f := range t.pick {
		if f.trace == c.trace && slices.Equal(f.Events, c.Events) {
			return f.ID
		}
	}
	return ""
}

// covered says how many rules were evaluated always, in part and never, how many had
// nothing to judge, and why what was not evaluated was not.
func (r *Report) covered() (checked, partly, not, idle int, reasons map[string]uint64) {
	reasons = map[string]uint64{}
	for i := range r.Rules {
		ru := &r.Rules[i]
		switch {
		case ru.Checked > 0 && ru.NotChecked == 0:
			checked++
		case ru.Checked > 0:
			partly++
		case ru.NotChecked > 0:
			not++
		default:
			idle++
		}
		for why, n := range ru.Reasons {
			if n > 0 {
				reasons[why] += n
			}
		}
	}
	return checked, partly, not, idle, reasons
}

// mostFrequent are the reasons, the most frequent first.
func mostFrequent(reasons map[string]uint64) []string {
	return slices.SortedFunc(maps.Keys(reasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(reasons[b], reasons[a]), strings.Compare(a, b))
	})
}

// coverage says what the verdict rests on.
func (t *textReport) coverage() {
	if len(t.Rules) == 0 {
		return
	}
	checked, partly, not, idle, reasons := t.covered()
	t.line("")
	t.line("rules: %d evaluated, %d in part, %d could not be, %d had nothing to judge", checked, partly, not, idle)
	most := mostFrequent(reasons)
	for i, why := range most {
		if i == reasonsShown {
			t.line("  … and %s", rows.Count(len(most)-i, "more reason"))
			break
		}
		t.line("  not checked %d×: %s", reasons[why], rows.Safe(why))
	}
	var passed uint64
	var names []string
	for _, fn := range slices.Sorted(maps.Keys(t.unjudged)) {
		passed += t.unjudged[fn]
		if names = append(names, fn.String()); len(names) == reasonsShown && len(t.unjudged) > reasonsShown {
			names[reasonsShown-1] = "…"
		}
		names = names[:min(len(names), reasonsShown)]
	}
	if passed > 0 {
		t.line("  %s not judged by this version: %s", rows.Count(passed, "event"), strings.Join(names, ", "))
	}
	t.line("digest: %s", t.Digest)
}

func (t *textReport) timings() {
	if len(t.Timings) == 0 {
		return
	}
	rs := slices.Clone(t.Timings)
	// The slowest first: they are what somebody reads a table of timings for.
	slices.SortStableFunc(rs, func(a, b Timing) int { return cmp.Compare(b.Max, a.Max) })
	n := min(len(rs), timingsPerReport)
	const title = "timings, as recorded:"
	labels, width := make([]string, n), len(title)-2
	for i := range n {
		r := &rs[i]
		labels[i] = r.Function
		if r.AF != nil {
			labels[i] += " " + *r.AF
		}
		if r.Driver != nil {
			labels[i] += " " + rows.Safe(rows.Cut(*r.Driver, nameSize))
		}
		width = max(width, len(labels[i]))
	}
	t.line("")
	t.line("%-*s %8s %9s %9s %9s %9s %9s", width+2, title, "count", "min", "p50", "p90", "p99", "max")
	for i, label := range labels {
		r := &rs[i]
		if r.Count == 0 {
			t.line("  %-*s %8s interrupted: %d", width, label, "-", r.Interrupted)
			continue
		}
		t.line("  %-*s %8d %9s %9s %9s %9s %9s", width, label, r.Count, rows.Duration(r.Min), rows.Duration(r.P50), rows.Duration(r.P90), rows.Duration(r.P99), rows.Duration(r.Max))
	}
	if n < len(rs) {
		t.line("  … and %d more", len(rs)-n)
	}
}
