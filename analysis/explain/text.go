package explain

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/aftrace/aftrace/analysis/rows"
)

// TextOptions says how WriteText looks.
type TextOptions struct {
	Width int // columns of the terminal; 120 if 0, at least 40
	Color bool
}

const (
	defaultWidth = 120
	minWidth     = 40
	laneMin      = 7  // columns of a lane
	nameNarrow   = 14 // columns of a name where there are no lanes
)

// laneNames are the columns that a name in the head of the ladder may take: the first that
// fits.
var laneNames = [...]int{16, 10, 6}

// Colours of the terminal, by what they mean.
const (
	bold  = "1"
	faint = "2"
	bad   = "1;31"
	doubt = "1;33"
)

// WriteText writes the explanation for people: what happened, the ladder with time
// downwards, the life of the objects, the rule, and what to do. Whatever a trace says, the
// text holds no control character but line ends and its own colours. Where the lines of the
// ladder do not fit beside the functions, each row says in words who called whom.
func (e *Explanation) WriteText(w io.Writer, o TextOptions) error {
	if o.Width == 0 {
		o.Width = defaultWidth
	}
	t := &text{Explanation: e, o: o, width: max(o.Width, minWidth)}
	t.head()
	t.ladder()
	t.objects()
	t.rule()
	_, err := w.Write(t.b.Bytes())
	return err
}

// WriteJSON writes explanations as an indented JSON array. It contains no character that a
// terminal would obey.
func WriteJSON(w io.Writer, list []*Explanation) error {
	if list == nil {
		list = []*Explanation{}
	}
	return rows.WriteJSON(w, list)
}

type text struct {
	*Explanation
	o     TextOptions
	width int
	b     bytes.Buffer
}

func (t *text) paint(color, s string) string {
	if !t.o.Color || s == "" {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

// wrap writes a paragraph: first goes before its first line, rest before the others.
func (t *text) wrap(first, rest, s string) {
	line, n := first, columns(first)
	empty := true
	for _, word := range strings.Fields(s) {
		if w := columns(word); !empty && n+1+w > t.width {
			t.b.WriteString(line + "\n")
			line, n, empty = rest, columns(rest), true
		}
		if !empty {
			line += " "
			n++
		}
		line += word
		n += columns(word)
		empty = false
	}
	t.b.WriteString(strings.TrimRight(line, " ") + "\n")
}

func (t *text) head() {
	kind := t.Severity
	color := map[string]string{"error": bad, "warning": doubt}[t.Severity]
	if t.Kind == KindConflict {
		kind, color = "conflict", doubt
	}
	if t.Verdict == "inconclusive" {
		kind, color = "inconclusive "+kind, doubt
	}
	head := kind
	if color != "" {
		head = t.paint(color, kind)
	}
	head += " " + t.ID
	if t.AtFault != "" {
		head += ", at fault: " + t.AtFault
	}
	var about []string
	if t.Driver != "" {
		about = append(about, rows.Safe(t.Driver))
	}
	if t.Adapter != "" {
		about = append(about, "adapter "+t.Adapter)
	}
	if len(about) > 0 {
		head += " (" + strings.Join(about, ", ") + ")"
	}
	t.b.WriteString(head + "\n")
	t.wrap("  ", "  ", rows.Safe(t.Message))
	if t.Why != "" {
		t.wrap("  inconclusive: ", "    ", rows.Safe(t.Why))
	}
}

// ladder draws the steps.
func (t *text) ladder() {
	if len(t.Steps) == 0 {
		return
	}
	l := &lines{text: t, seqs: 3, times: 4}
	labels := 0
	for i := range t.Steps {
		s := &t.Steps[i]
		l.seqs = max(l.seqs, len(fmt.Sprint(s.Seq)))
		l.times = max(l.times, columns(Offset(s.Offset)))
		labels = max(labels, columns(s.Text()))
	}
	l.narrow = true
	for _, most := range laneNames {
		l.lay(most)
		if l.narrow = 2+l.seqs+1+l.times+1+l.total+labels > t.width; !l.narrow {
			break
		}
	}
	t.b.WriteString("\n")
	fmt.Fprintf(&t.b, "  from %s; * marks the rows that prove it\n", rows.Time(t.Start))
	if !l.narrow {
		l.header()
	}
	for i := range t.Steps {
		l.step(&t.Steps[i])
	}
	if l.narrow {
		return
	}
	for i, p := range t.Participants {
		if name := rows.Safe(p.Name); name != l.names[i] {
			t.wrap("  "+l.names[i]+" is ", "    ", name)
		}
	}
}

// lay places the lanes, with names of at most so many columns.
func (l *lines) lay(most int) {
	l.names, l.at, l.total = nil, nil, 0
	seen := map[string]int{}
	for _, p := range l.Participants {
		name := clip(rows.Safe(p.Name), most)
		if seen[name]++; seen[name] > 1 { // two that begin alike
			suffix := fmt.Sprintf("…%d", seen[name])
			name = clip(name, most-columns(suffix)+1)
			name = strings.TrimSuffix(name, "…") + suffix
		}
		w := max(columns(name)+2, laneMin)
		l.names = append(l.names, name)
		l.at = append(l.at, l.total+w/2)
		l.total += w
	}
}

// lines is the drawing of the ladder.
type lines struct {
	*text
	at     []int
	total  int
	names  []string
	seqs   int
	times  int
	narrow bool
}

func (l *lines) header() {
	head := strings.Repeat(" ", 2+l.seqs-3) + "row " + fmt.Sprintf("%*s ", l.times, "time")
	col := 0
	for i, name := range l.names {
		start := max(col, l.at[i]-columns(name)/2)
		head += strings.Repeat(" ", start-col) + name
		col = start + columns(name)
	}
	l.b.WriteString(l.paint(bold, strings.TrimRight(head, " ")) + "\n")
}

// lifelines are the lines of the participants, with an arrow if from is not negative.
func (l *lines) lifelines(from, to int, dashed bool) string {
	cells := []rune(strings.Repeat(" ", l.total))
	for _, x := range l.at {
		cells[x] = '│'
	}
	if from < 0 {
		return string(cells)
	}
	a, b := l.at[from], l.at[to]
	if from == to {
		cells[a+1], cells[a+2] = '─', '┐'
		return string(cells)
	}
	shaft := '─'
	if dashed {
		shaft = '╌'
	}
	for x := min(a, b) + 1; x < max(a, b); x++ {
		if cells[x] == '│' {
			cells[x] = '┼'
		} else {
			cells[x] = shaft
		}
	}
	if a < b {
		cells[a], cells[b-1] = '├', '>'
	} else {
		cells[a], cells[b+1] = '┤', '<'
	}
	return string(cells)
}

func (l *lines) step(s *Step) {
	mark := " "
	if s.Proves {
		mark = "*"
	}
	seq := fmt.Sprint(s.Seq)
	when := Offset(s.Offset)
	label := s.Text()
	if s.Kind == StepElided {
		mark, seq, when = " ", "⋮", ""
	} else if s.Kind == StepEnd {
		mark, seq = " ", ""
	}
	var about []string
	for _, i := range s.Objects {
		about = append(about, l.Objects[i].Name)
	}
	objects := ""
	if len(about) > 0 {
		objects = "[" + strings.Join(about, ", ") + "]"
	}
	margin := mark + " " + strings.Repeat(" ", l.seqs-columns(seq)) + seq + " " + strings.Repeat(" ", l.times-columns(when)) + when + " "
	blank := strings.Repeat(" ", columns(margin))
	shown := label
	if s.Proves {
		shown = l.paint(bold, label)
	} else if s.Kind != StepRow {
		shown = l.paint(faint, label)
	}
	if l.narrow {
		l.b.WriteString(margin)
		if s.Kind == StepRow {
			l.b.WriteString(clip(rows.Safe(l.Participants[s.From].Name), nameNarrow) + " → " + clip(rows.Safe(l.Participants[s.To].Name), nameNarrow) + "\n" + blank)
		}
		l.b.WriteString(shown)
		switch {
		case objects == "":
		case columns(blank)+columns(label)+1+columns(objects) <= l.width:
			l.b.WriteString(" " + l.paint(faint, objects))
		default:
			l.b.WriteString("\n" + blank + l.paint(faint, objects))
		}
		l.b.WriteString("\n")
		return
	}
	l.b.WriteString(margin + l.lifelines(s.From, s.To, s.Phase == "return") + shown)
	switch {
	case objects == "":
	case columns(margin)+l.total+columns(label)+2+columns(objects) <= l.width:
		l.b.WriteString("  " + l.paint(faint, objects))
	default:
		l.b.WriteString("\n" + blank + l.lifelines(-1, -1, false) + "  " + l.paint(faint, objects))
	}
	l.b.WriteString("\n")
	if s.Proves && s.Detail != "" {
		l.b.WriteString(blank + l.lifelines(-1, -1, false) + "  " + l.paint(faint, clip(rows.Safe(s.Detail), max(20, l.width-columns(blank)-l.total-2))) + "\n")
	}
}

// objects writes the life of each object.
func (t *text) objects() {
	if len(t.Objects) == 0 {
		return
	}
	t.b.WriteString("\n  what became of\n")
	name := 0
	for i := range t.Objects {
		name = max(name, columns(t.Objects[i].Name))
	}
	for i := range t.Objects {
		o := &t.Objects[i]
		var parts []string
		for k, s := range o.Life {
			if o.Cut > 0 && k == len(o.Life)/2 {
				parts = append(parts, fmt.Sprintf("… %d more …", o.Cut))
			}
			parts = append(parts, fmt.Sprintf("%s (%d)", s.State, s.Seq))
		}
		life := strings.Join(parts, " → ")
		if o.Label != "" {
			life = rows.Safe(o.Label) + ": " + life
		}
		if o.Handle != "" {
			life += "; handle " + o.Handle
		}
		first := "    " + o.Name + strings.Repeat(" ", name-columns(o.Name)) + "  "
		t.wrap(first, strings.Repeat(" ", columns(first)), life)
	}
}

// Text says in words what happened.
func (s *Step) Text() string {
	switch s.Kind {
	case StepElided:
		return rows.Count(s.Count, "row") + " about the same left out"
	case StepLost:
		if s.Count > 0 {
			return rows.Count(s.Count, "event") + " lost here"
		}
		return "events were lost here"
	case StepEnd:
		return "the trace ends"
	}
	label := s.Function
	if s.AF != "" {
		label += " " + s.AF
	}
	status := strings.TrimPrefix(s.Status, "NDIS_STATUS_")
	switch {
	case s.Phase == "return":
		label += " returns"
		if status != "" {
			label += " " + status
		}
	case status != "":
		label += " with " + status
	}
	if s.Phase == "event" {
		label += " (seen)"
	}
	if s.IRQL != "" {
		label += " at " + s.IRQL
	}
	return label
}

func (t *text) rule() {
	t.b.WriteString("\n")
	if t.Statement != "" {
		inferred := ""
		if t.Inferred {
			inferred = " (our reading: no page says it in these words)"
		}
		t.wrap("  rule "+t.Rule+": ", "    ", t.Statement+inferred)
	}
	if t.Sign != "" {
		t.wrap("  broken when: ", "    ", t.Sign)
	}
	if len(t.Also) > 0 {
		t.wrap("  also broken by it: ", "    ", strings.Join(t.Also, ", "))
	}
	if t.Page != "" {
		t.b.WriteString("  page: " + t.Page + "\n")
	}
	for i, s := range t.Next {
		first := "        "
		if i == 0 {
			first = "  next: "
		}
		t.wrap(first, "        ", rows.Safe(s))
	}
}

// Offset is a time since another one, in ns, with its sign; see Duration.
func Offset(ns int64) string {
	if ns < 0 {
		return Duration(ns)
	}
	return "+" + Duration(ns)
}

// clip shortens s to n columns.
func clip(s string, n int) string {
	if columns(s) <= n {
		return s
	}
	w := 0
	for i, r := range s {
		if w+columnsOf(r) > n-1 {
			return s[:i] + "…"
		}
		w += columnsOf(r)
	}
	return s
}

// columns is how many columns of a terminal s takes.
func columns(s string) (n int) {
	for _, r := range s {
		n += columnsOf(r)
	}
	return n
}

// columnsOf is 0 for marks that combine, 2 for wide characters of East Asia and pictures.
func columnsOf(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf && r != 0x303f, r >= 0xac00 && r <= 0xd7a3,
		r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6,
		r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}
