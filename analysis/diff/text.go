package diff

import (
	"fmt"
	"io"
	"strings"

	"github.com/aftrace/aftrace/analysis/rows"
)

// Text writes r for people. Freedoms are counted and, unless all is set, not listed.
func Text(w io.Writer, r *Result, a, b string, all bool) error {
	var s strings.Builder
	a, b = rows.Safe(a), rows.Safe(b)
	if r.Same {
		fmt.Fprintf(&s, "same: %d objects in %s and %s", r.Objects, a, b)
	} else {
		fmt.Fprintf(&s, "different: %d of %d objects in %s and %s", r.Objects-r.Alike-r.Counts[Freedom], r.Objects, a, b)
	}
	if n := r.Counts[Freedom]; n > 0 {
		fmt.Fprintf(&s, ", %d of them alike up to documented freedoms", n)
	}
	s.WriteString("\n")
	for _, c := range Classes {
		if n := r.Counts[c]; n > 0 {
			fmt.Fprintf(&s, "  %d × %s\n", n, c)
		}
	}
	for i := range r.Divergences {
		d := &r.Divergences[i]
		if d.Class == Freedom && !all {
			continue
		}
		fmt.Fprintf(&s, "\n%s %s: %s", d.Object.Kind, d.Object.name(), d.Class)
		if len(d.Refs) > 0 {
			fmt.Fprintf(&s, " (%s)", strings.Join(d.Refs, ", "))
		}
		fmt.Fprintf(&s, "\n  %s\n  A: %s\n  B: %s\n", d.Why, d.A.text(), d.B.text())
	}
	_, err := io.WriteString(w, s.String())
	return err
}

func (o *Object) name() string {
	n := fmt.Sprintf("%d", o.Ordinal)
	if o.Driver != "" {
		n += " of " + shown(o.Driver)
	}
	switch a, b := shown(o.A), shown(o.B); {
	case a != "" && b != "" && a != b:
		n += " (" + a + ", in B " + b + ")"
	case a != "":
		n += " (" + a + ")"
	case b != "":
		n += " (" + b + ")"
	}
	if !o.InA {
		n += ", only in B"
	}
	if !o.InB {
		n += ", only in A"
	}
	return n
}

func (e *Event) text() string {
	if e == nil {
		return "nothing more"
	}
	t := fmt.Sprintf("row %d %s", e.Seq, e.Call)
	if e.Driver != "" {
		t += " of " + shown(e.Driver)
	}
	if e.Status != "" {
		t += " " + e.Status
	}
	return t
}

// shown is a name of a trace as text: no terminal obeys it, and it leaves room for the rest.
func shown(name string) string { return rows.Safe(rows.Cut(name, maxShown)) }

const maxShown = 256 // bytes

// JSON writes r for programs.
func JSON(w io.Writer, r *Result) error {
	return rows.WriteJSON(w, struct {
		Schema int `json:"schema"`
		*Result
	}{1, r})
}
