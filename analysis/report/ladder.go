package report

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aftrace/aftrace/analysis/explain"
	"github.com/aftrace/aftrace/analysis/rows"
)

// Measures of a ladder in CSS pixels. Text is in a font of fixed pitch whose advance is at
// most charWidth.
const (
	charWidth  = 7.3
	rowHeight  = 22
	detailLine = 15
	headHeight = 30
	laneWidth  = 104
	laneName   = 13 // characters of a driver above its lane
	manyLanes  = 5  // from which on they are closer
	laneClose  = 84
	nameClose  = 10
	ladderText = 110
	detailText = 140
)

// htmlLadder is an explanation as a drawing, time downwards.
type htmlLadder struct {
	Width, Height int
	Label         string // for those who do not see it
	SeqX, TimeX   int    // right ends
	TextX         int
	Bottom        int
	Start         string
	Lanes         []htmlLane
	Steps         []htmlStep
	Objects       []htmlObject
}

type htmlLane struct {
	X    int
	Name string
	Full string
	NDIS bool
}

// htmlStep is a row of the drawing; what has no place in it is empty.
type htmlStep struct {
	Kind           string
	Y, Top, Height int // baseline of the text, band of the row
	Mid            int
	Seq, Time      string
	X1, X2         int // arrow; equal where a driver calls itself
	Arrow          string
	Self           string
	Dashed, Proves bool
	Text           string
	About          string
	Detail         string
	DetailY        int
	Label          string // all of it in words
}

type htmlObject struct {
	Name, Label, Handle string
	Subject             bool
	Life                string
}

// draw lays the ladder of an explanation out. It is nil if there is nothing to see.
func draw(e *explain.Explanation) *htmlLadder {
	if len(e.Steps) == 0 {
		return nil
	}
	seqs, times := 3, 4
	for i := range e.Steps {
		s := &e.Steps[i]
		seqs = max(seqs, len(strconv.FormatUint(s.Seq, 10)))
		times = max(times, utf8.RuneCountInString(explain.Offset(s.Offset)))
	}
	l := &htmlLadder{Start: rows.Time(e.Start)}
	l.SeqX = 18 + int(float64(seqs)*charWidth)
	l.TimeX = l.SeqX + 12 + int(float64(times)*charWidth)
	wide, name := laneWidth, laneName
	if len(e.Participants) >= manyLanes {
		wide, name = laneClose, nameClose
	}
	for i, p := range e.Participants {
		full := rows.Safe(p.Name)
		l.Lanes = append(l.Lanes, htmlLane{X: l.TimeX + wide/2 + i*wide, Name: clip(full, name), Full: full, NDIS: p.NDIS})
	}
	l.TextX = l.TimeX + len(l.Lanes)*wide + 12
	l.Width = l.TextX + 200
	y := headHeight
	for i := range e.Steps {
		s := l.step(e, &e.Steps[i], y)
		y += s.Height
		l.Steps = append(l.Steps, s)
		text := utf8.RuneCountInString(s.Text) + utf8.RuneCountInString(s.About)
		l.Width = max(l.Width, l.TextX+int(float64(max(text+2, utf8.RuneCountInString(s.Detail)))*charWidth)+8)
	}
	l.Bottom = y
	l.Height = y + 8
	names := make([]string, len(l.Lanes))
	for i := range l.Lanes {
		names[i] = l.Lanes[i].Full
	}
	l.Label = fmt.Sprintf("Ladder of %s: %s between %s", e.ID, rows.Count(len(l.Steps), "row"), strings.Join(names, ", "))
	for i := range e.Objects {
		o := &e.Objects[i]
		var life []string
		for k, s := range o.Life {
			if o.Cut > 0 && k == len(o.Life)/2 {
				life = append(life, fmt.Sprintf("… %d more …", o.Cut))
			}
			life = append(life, fmt.Sprintf("%s (%d)", s.State, s.Seq))
		}
		l.Objects = append(l.Objects, htmlObject{o.Name, rows.Safe(o.Label), o.Handle, o.Subject, rows.Safe(strings.Join(life, " → "))})
	}
	return l
}

func (l *htmlLadder) step(e *explain.Explanation, s *explain.Step, top int) htmlStep {
	out := htmlStep{
		Kind: s.Kind, Top: top, Height: rowHeight, Y: top + 15, Mid: top + rowHeight/2,
		Seq: strconv.FormatUint(s.Seq, 10), Time: explain.Offset(s.Offset), Proves: s.Proves, Text: s.Text(),
	}
	switch s.Kind {
	case explain.StepElided:
		out.Seq, out.Time = "⋮", ""
	case explain.StepEnd:
		out.Seq = ""
	}
	out.Text = clip(rows.Safe(out.Text), ladderText)
	if len(s.Objects) > 0 {
		var about []string
		for _, i := range s.Objects {
			about = append(about, e.Objects[i].Name)
		}
		out.About = clip(strings.Join(about, ", "), ladderText)
	}
	out.Label = strings.TrimSpace("row " + out.Seq + " " + out.Time + ": " + out.Text)
	if s.Kind != explain.StepRow {
		return out
	}
	from, to := &l.Lanes[s.From], &l.Lanes[s.To]
	out.Dashed = s.Phase == "return"
	out.X1, out.X2 = from.X, to.X
	switch {
	case from == to:
		x := from.X
		out.Self = fmt.Sprintf("M%d %dh26v8h-20", x, out.Mid-4)
		out.Arrow = fmt.Sprintf("M%d %dl6 -3.5v7z", x+1, out.Mid+4)
	case out.X1 < out.X2:
		out.Arrow = fmt.Sprintf("M%d %dl-8 -4v8z", out.X2-1, out.Mid)
		out.X2 -= 6
	default:
		out.Arrow = fmt.Sprintf("M%d %dl8 -4v8z", out.X2+1, out.Mid)
		out.X2 += 6
	}
	out.Label += fmt.Sprintf(", %s to %s", from.Full, to.Full)
	if s.Proves {
		out.Label += ", proves it"
		if s.Detail != "" {
			out.Detail = clip(rows.Safe(s.Detail), detailText)
			out.DetailY = top + rowHeight + 9
			out.Height += detailLine
		}
	}
	return out
}

// clip shortens s to n characters.
func clip(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	i := 0
	for at := range s {
		if i == n-1 {
			return s[:at] + "…"
		}
		i++
	}
	return s
}
