package timing

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/format/ndis"
)

// Late is a ProtocolCmOpenAf that answered late without pending (OPEN-22).
type Late struct {
	Trace   string `json:"trace"`
	ID      string `json:"id"` // of the finding
	Driver  string `json:"driver"`
	Message string `json:"message"`
}

// Overhead is what the collector of a trace says that it costs.
type Overhead struct {
	Trace string `json:"trace"`
	Key   string `json:"key"`   // of the metadata
	Value string `json:"value"` // as the collector wrote it
}

// Timings is all that the timings of traces say.
type Timings struct {
	Rows      []Row
	Intervals []IntervalRow
	Slowest   []Slow
	Late      []Late
	Overhead  []Overhead
	Changes   []Change // against a baseline; nil without one
	Truncated bool     // a trace, or one of the baseline, was cut short
	Limit     float64  // with a baseline: beyond which share a change is a regression; negative without a limit
}

// Regressions are the changes beyond the limit.
func (t *Timings) Regressions() (out []Change) {
	for _, c := range t.Changes {
		if t.Limit >= 0 && c.Regressed(t.Limit) {
			out = append(out, c)
		}
	}
	return out
}

// Duration is a length of time with few digits, so that columns stay narrow.
func Duration(ns float64) string {
	if math.IsNaN(ns) || math.IsInf(ns, 0) {
		return "-"
	}
	return rows.Duration(int64(ns))
}

// longest is how much of a name from a trace is shown.
const longest = 60

func label(s string) string {
	if r := []rune(s); len(r) > longest {
		s = string(r[:longest]) + "…"
	}
	return rows.Safe(s)
}

func afOf(has bool, af ndis.AFType) string {
	if has {
		return af.String()
	}
	return ""
}

// head are the titles of the columns that figures fills.
var head = []string{"AF", "driver", "count", "min", "p50", "p90", "p99", "p99.9", "max", "interrupted"}

func figures(r *Row) []string {
	if r.Count == 0 {
		return []string{"0", "-", "-", "-", "-", "-", "-", strconv.FormatUint(r.Interrupted, 10)}
	}
	d := func(ns int64) string { return Duration(float64(ns)) }
	return []string{strconv.FormatUint(r.Count, 10), d(r.Min), d(r.P50), d(r.P90), d(r.P99), d(r.P999), d(r.Max), strconv.FormatUint(r.Interrupted, 10)}
}

// WriteCalls writes a table of how long calls took, for people. Nothing in it is obeyed by a
// terminal. The title says whose time it was.
func WriteCalls(w io.Writer, title string, calls []Row) error {
	tw := &grid{w: w}
	tw.line(append([]string{title}, head...)...)
	for i := range calls {
		r := &calls[i]
		tw.line(append([]string{r.Function.String(), afOf(r.HasAFType, r.AFType), label(r.Driver)}, figures(r)...)...)
	}
	if len(calls) == 0 {
		tw.line("none", "")
	}
	return tw.flush()
}

// WriteText writes tables for people. Nothing in them is obeyed by a terminal.
func (t *Timings) WriteText(w io.Writer) error {
	if err := WriteCalls(w, "calls, as recorded", t.Rows); err != nil {
		return err
	}
	tw := &grid{w: w}
	line := tw.line
	if len(t.Intervals) > 0 {
		fmt.Fprintln(w)
		line(append([]string{"intervals"}, head...)...)
		for i := range t.Intervals {
			r := &t.Intervals[i]
			line(append([]string{r.Interval.String(), afOf(r.HasAFType, r.AFType), label(r.Driver)}, figures(&r.Row)...)...)
		}
		if err := tw.flush(); err != nil {
			return err
		}
	}
	if len(t.Slowest) > 0 {
		fmt.Fprintln(w)
		line("slowest", "took", "AF", "driver", "rows", "trace")
		for i := range t.Slowest {
			s := &t.Slowest[i]
			line(s.What, Duration(float64(s.Duration)), afOf(s.HasAFType, s.AFType), label(s.Driver), fmt.Sprintf("%d-%d", s.From, s.To), label(s.Trace))
		}
		if err := tw.flush(); err != nil {
			return err
		}
	}
	if t.Changes != nil {
		fmt.Fprintln(w)
		line("compared with the baseline", "AF", "driver", "old", "± CI", "new", "± CI", "change", "p", "")
		for i := range t.Changes {
			c := &t.Changes[i]
			line(c.What, afOf(c.HasAFType, c.AFType), label(c.Driver), Duration(c.Old), spread(c.Old, c.OldLo, c.OldHi), Duration(c.New), spread(c.New, c.NewLo, c.NewHi), c.delta(), c.test(), c.note(t.Limit))
		}
		if err := tw.flush(); err != nil {
			return err
		}
	}
	if len(t.Late) > 0 {
		fmt.Fprintf(w, "\nProtocolCmOpenAf that answered late without pending (OPEN-22):\n")
		for i := range t.Late {
			fmt.Fprintf(w, "  %s %s: %s\n", rows.Safe(t.Late[i].ID), label(t.Late[i].Driver), rows.Safe(t.Late[i].Message))
		}
	}
	if len(t.Overhead) > 0 {
		fmt.Fprintf(w, "\nwhat the collector adds to the calls it sees:\n")
		for i := range t.Overhead {
			o := &t.Overhead[i]
			fmt.Fprintf(w, "  %s: %s = %s\n", label(o.Trace), rows.Safe(o.Key), label(o.Value))
		}
	}
	return nil
}

// grid lays lines of cells out in columns: words to the left, figures to the right.
type grid struct {
	w     io.Writer
	lines [][]string
}

func (g *grid) line(cells ...string) { g.lines = append(g.lines, cells) }

func (g *grid) flush() error {
	var width []int
	for _, l := range g.lines {
		for i, c := range l {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	for _, l := range g.lines {
		var row strings.Builder
		for i, c := range l {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			if i > 0 {
				row.WriteString("  ")
			}
			if figure(c) {
				row.WriteString(pad + c)
			} else {
				row.WriteString(c + pad)
			}
		}
		b.WriteString(strings.TrimRight(row.String(), " ") + "\n")
	}
	g.lines = g.lines[:0]
	_, err := io.WriteString(g.w, b.String())
	return err
}

// figure says whether a cell is a number or the head of a column of them.
func figure(c string) bool {
	switch c {
	case "count", "min", "p50", "p90", "p99", "p99.9", "max", "interrupted", "took", "old", "new", "change", "± CI", "-", "~", "∞":
		return true
	}
	return c != "" && (c[0] >= '0' && c[0] <= '9' || c[0] == '+' || c[0] == '-') && !strings.Contains(c, " ")
}

// spread is the confidence interval around a median in percent.
func spread(center, lo, hi float64) string {
	switch {
	case math.IsNaN(center):
		return ""
	case math.IsInf(lo, 0) || math.IsInf(hi, 0) || math.IsNaN(lo):
		return "∞"
	case center == 0:
		return "0%"
	}
	return fmt.Sprintf("%.0f%%", 100*max(center-lo, hi-center)/center)
}

func (c *Change) delta() string {
	switch {
	case c.OnlyInOld:
		return "gone"
	case c.OnlyInNew:
		return "new"
	case math.IsNaN(c.Delta):
		return "-"
	case !c.Significant:
		return "~"
	}
	return fmt.Sprintf("%+.1f%%", 100*c.Delta)
}

func (c *Change) test() string {
	if math.IsNaN(c.P) {
		return ""
	}
	return fmt.Sprintf("%.3f n=%d+%d", c.P, c.OldCount, c.NewCount)
}

func (c *Change) note(limit float64) string {
	if limit >= 0 && c.Regressed(limit) {
		return "regression"
	}
	return ""
}

// WriteJSON writes all of it as a JSON object with stable keys; docs/timings.md names them.
func (t *Timings) WriteJSON(w io.Writer) error {
	type figures struct {
		AF          *string `json:"af"`
		Driver      *string `json:"driver"`
		Count       uint64  `json:"count"`
		Interrupted uint64  `json:"interrupted"`
		Min         int64   `json:"min_ns"`
		P50         int64   `json:"p50_ns"`
		P90         int64   `json:"p90_ns"`
		P99         int64   `json:"p99_ns"`
		P999        int64   `json:"p999_ns"`
		Max         int64   `json:"max_ns"`
	}
	type call struct {
		Function string `json:"function"`
		figures
	}
	type interval struct {
		Interval string `json:"interval"`
		figures
	}
	type slow struct {
		What     string    `json:"what"`
		Interval bool      `json:"interval"`
		Duration int64     `json:"duration_ns"`
		AF       *string   `json:"af"`
		Driver   *string   `json:"driver"`
		Events   [2]uint64 `json:"events"`
		At       string    `json:"at"`
		Trace    string    `json:"trace"`
	}
	type diff struct {
		What        string   `json:"what"`
		AF          *string  `json:"af"`
		Driver      *string  `json:"driver"`
		OldCount    uint64   `json:"old_count"`
		NewCount    uint64   `json:"new_count"`
		Old         *float64 `json:"old_median_ns"`
		OldLo       *float64 `json:"old_low_ns"`
		OldHi       *float64 `json:"old_high_ns"`
		New         *float64 `json:"new_median_ns"`
		NewLo       *float64 `json:"new_low_ns"`
		NewHi       *float64 `json:"new_high_ns"`
		Delta       *float64 `json:"delta"`
		P           *float64 `json:"p"`
		Significant bool     `json:"significant"`
		Regression  bool     `json:"regression"`
		Warnings    []string `json:"warnings"`
	}
	out := struct {
		Schema    int        `json:"schema"`
		Truncated bool       `json:"truncated,omitempty"`
		Calls     []call     `json:"calls"`
		Intervals []interval `json:"intervals"`
		Slowest   []slow     `json:"slowest"`
		Late      []Late     `json:"late_opens"`
		Overhead  []Overhead `json:"overhead"`
		Changes   []diff     `json:"changes,omitempty"`
	}{1, t.Truncated, []call{}, []interval{}, []slow{}, append([]Late{}, t.Late...), append([]Overhead{}, t.Overhead...), nil}
	fill := func(r *Row) figures {
		return figures{name(afOf(r.HasAFType, r.AFType)), name(r.Driver), r.Count, r.Interrupted, r.Min, r.P50, r.P90, r.P99, r.P999, r.Max}
	}
	for i := range t.Rows {
		out.Calls = append(out.Calls, call{t.Rows[i].Function.String(), fill(&t.Rows[i])})
	}
	for i := range t.Intervals {
		out.Intervals = append(out.Intervals, interval{t.Intervals[i].Interval.String(), fill(&t.Intervals[i].Row)})
	}
	for i := range t.Slowest {
		s := &t.Slowest[i]
		out.Slowest = append(out.Slowest, slow{s.What, s.Interval, s.Duration, name(afOf(s.HasAFType, s.AFType)), name(s.Driver), [2]uint64{s.From, s.To}, rows.Time(s.At), s.Trace})
	}
	for i := range t.Changes {
		c := &t.Changes[i]
		out.Changes = append(out.Changes, diff{
			c.What, name(afOf(c.HasAFType, c.AFType)), name(c.Driver), c.OldCount, c.NewCount, number(c.Old), number(c.OldLo), number(c.OldHi),
			number(c.New), number(c.NewLo), number(c.NewHi), number(c.Delta), number(c.P), c.Significant, t.Limit >= 0 && c.Regressed(t.Limit), append([]string{}, c.Warnings...),
		})
	}
	return rows.WriteJSON(w, out)
}

// name is s, or null if it is empty.
func name(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// number is v, or null if it is none.
func number(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// WriteCSV writes the calls and intervals as one table.
func (t *Timings) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	record := func(kind, what string, r *Row) error {
		cells := []string{kind, what, afOf(r.HasAFType, r.AFType), r.Driver}
		for _, v := range []uint64{r.Count, r.Interrupted, uint64(r.Min), uint64(r.P50), uint64(r.P90), uint64(r.P99), uint64(r.P999), uint64(r.Max)} {
			cells = append(cells, strconv.FormatUint(v, 10))
		}
		return c.Write(cells)
	}
	if err := c.Write([]string{"kind", "what", "af", "driver", "count", "interrupted", "min_ns", "p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns"}); err != nil {
		return err
	}
	for i := range t.Rows {
		if err := record("call", t.Rows[i].Function.String(), &t.Rows[i]); err != nil {
			return err
		}
	}
	for i := range t.Intervals {
		if err := record("interval", t.Intervals[i].Interval.String(), &t.Intervals[i].Row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}
