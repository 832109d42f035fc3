package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/aftrace/aftrace/analysis/rows"
)

// Limits of reports that are read in a browser beside other things.
const (
	markdownFindings = 50
	annotations      = 10 // GitHub shows no more of each level for a step
)

// WriteMarkdown writes the report as GitHub-flavoured Markdown: a table of the traces, the
// gravest findings with what proves them, the conflicts, and what the verdict rests on.
// Strings of a trace are shown as they are: no Markdown, HTML or link in them takes effect.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	r.markdown(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "# afreplay: %s\n\n%s\n", r.Verdict, r.headline())
	if a := r.Acceptance; a != nil {
		fmt.Fprintf(b, "\nCompared with what was accepted before: %d new, %d known, %d suppressed, %d fixed. Exit code %d.\n",
			a.New, a.Known, a.Suppressed, len(a.Fixed), a.ExitCode)
	}
	b.WriteString("\n| trace | verdict | events | lost | why |\n|---|---|--:|--:|---|\n")
	for i := range r.Traces {
		t := &r.Traces[i]
		why := strings.Join(t.Reasons, "; ")
		if t.Error != "" {
			why = t.Error
		}
		fmt.Fprintf(b, "| %s | %s | %d | %d | %s |\n", md(t.Path), t.Verdict, t.Events, t.Lost, md(why))
	}
	if len(r.Findings) > 0 {
		b.WriteString("\n## Findings\n")
	}
	order := r.byWeight()
	for i, f := range order {
		if i == markdownFindings {
			fmt.Fprintf(b, "\n… and %s, see the JSON report.\n", rows.Count(len(order)-i, "more finding"))
			break
		}
		r.markdownFinding(b, f)
	}
	if len(r.Conflicts) > 0 {
		b.WriteString("\n## Conflicts\n\n| kind | AF | holder | contender | got | events |\n|---|---|---|---|---|---|\n")
	}
	for i := range r.Conflicts {
		if i == markdownFindings {
			fmt.Fprintf(b, "\n… and %s, see the JSON report.\n", rows.Count(len(r.Conflicts)-i, "more conflict"))
			break
		}
		c := &r.Conflicts[i]
		holder := "nobody"
		if c.Holder != nil {
			holder = *c.Holder
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", c.Kind, md(c.AF), md(holder), md(c.Contender), md(c.Status), seqs(c.Events))
	}
	if a := r.Acceptance; a != nil && len(a.Fixed)+len(a.Expired)+len(a.Unused) > 0 {
		b.WriteString("\n## Accepted before\n\n")
		for _, f := range a.Fixed {
			fmt.Fprintf(b, "- fixed: %s %s\n", f.Rule, md(f.Message))
		}
		for _, s := range a.Expired {
			fmt.Fprintf(b, "- suppression of %s expired on %s (%s)\n", s.Rule, s.Expires, md(s.Reason))
		}
		for _, s := range a.Unused {
			fmt.Fprintf(b, "- suppression of %s matches nothing (%s)\n", s.Rule, md(s.Reason))
		}
	}
	checked, partly, not, idle, _ := r.covered()
	fmt.Fprintf(b, "\nRules: %d evaluated, %d in part, %d could not be, %d had nothing to judge. Digest `%s`.\n", checked, partly, not, idle, r.Digest)
}

func (r *Report) markdownFinding(b *strings.Builder, f *Finding) {
	kind := f.Severity
	if f.Verdict == "inconclusive" {
		kind = "inconclusive " + kind
	}
	if f.State != "" && f.State != StateNew {
		kind += ", " + f.State
	}
	fmt.Fprintf(b, "\n### %s %s\n\n%s\n\n- at fault: %s\n", kind, f.ID, md(f.Message), md(f.blame()))
	if len(r.Traces) > 1 {
		fmt.Fprintf(b, "- trace: %s\n", md(f.Trace))
	}
	if f.Why != "" {
		fmt.Fprintf(b, "- inconclusive: %s\n", md(f.Why))
	}
	if f.Reason != "" {
		fmt.Fprintf(b, "- accepted: %s\n", md(f.Reason))
	}
	if len(f.Also) > 0 {
		fmt.Fprintf(b, "- also: %s\n", strings.Join(f.Also, ", "))
	}
	fmt.Fprintf(b, "- events: %s\n", seqs(f.Events))
	if f.Page != "" {
		fmt.Fprintf(b, "- [documentation](%s)\n", f.Page)
	}
}

// byWeight are the findings, the gravest and not accepted ones first.
func (r *Report) byWeight() []*Finding {
	order := make([]*Finding, len(r.Findings))
	for i := range r.Findings {
		order[i] = &r.Findings[i]
	}
	slices.SortStableFunc(order, forTheEye)
	return order
}

func seqs(list []uint64) string {
	show := shown(list, rowsPerFinding)
	parts := make([]string, 0, len(show)+1)
	for i, s := range show {
		if len(show) < len(list) && i == len(show)/2 {
			parts = append(parts, "…")
		}
		parts = append(parts, fmt.Sprint(s))
	}
	return strings.Join(parts, ", ")
}

// md is s as Markdown that shows s.
func md(s string) string {
	s = rows.Safe(rows.Cut(s, nameSize))
	var b strings.Builder
	for _, c := range s {
		switch {
		case strings.ContainsRune("\\`*_{}[]<>()#+-.!|~&@:$^=\"'", c) && !harmless(c):
			fmt.Fprintf(&b, "&#%d;", c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// harmless are characters that are common in messages and mean nothing within a line.
func harmless(c rune) bool { return strings.ContainsRune("+-.()#=\"'", c) }

// WriteGitHub writes annotations for GitHub Actions: workflow commands, the gravest
// findings first. GitHub shows few of them for a step, so the rest is counted in one notice;
// the whole belongs in the step summary, for which there is the Markdown report.
func (r *Report) WriteGitHub(w io.Writer) error {
	var b strings.Builder
	given := map[string]int{}
	rest := map[string]int{}
	for _, f := range r.byWeight() {
		level := map[string]string{"error": "error", "warning": "warning"}[f.Severity]
		if level == "" || f.State == StateKnown || f.State == StateSuppressed {
			level = "notice"
		}
		title := f.ID
		if f.Verdict == "inconclusive" {
			level, title = "warning", "inconclusive "+title
		}
		if level == "notice" && f.State != "" && f.State != StateNew {
			title += " (" + f.State + ")"
		}
		if given[level] == annotations-1 { // one is kept for the count of the rest
			rest[level]++
			continue
		}
		given[level]++
		text := rows.Safe(rows.Cut(f.Message, 1000)) + "\nat fault: " + f.blame()
		if f.Why != "" {
			text += "\ninconclusive: " + rows.Safe(f.Why)
		}
		text += "\n" + f.Page
		annotate(&b, level, rows.Safe(f.Trace), title, text)
	}
	for i := range r.Traces {
		switch t := &r.Traces[i]; {
		case t.Error != "":
			annotate(&b, "error", rows.Safe(t.Path), "unreadable trace", rows.Safe(t.Error))
		case len(t.Reasons) > 0:
			annotate(&b, "warning", rows.Safe(t.Path), "inconclusive trace", rows.Safe(strings.Join(t.Reasons, "; ")))
		}
	}
	for _, level := range []string{"error", "warning", "notice"} {
		if n := rest[level]; n > 0 {
			annotate(&b, level, "", "afreplay", fmt.Sprintf("%s not shown here; see the step summary", rows.Count(n, "more finding")))
		}
	}
	fmt.Fprintf(&b, "afreplay: %s\n", r.headline())
	_, err := io.WriteString(w, b.String())
	return err
}

func annotate(b *strings.Builder, level, file, title, text string) {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	fmt.Fprintf(b, "::%s ", level)
	if file != "" {
		fmt.Fprintf(b, "file=%s,", property.Replace(file))
	}
	fmt.Fprintf(b, "title=%s::%s\n", property.Replace(title), data.Replace(text))
}
