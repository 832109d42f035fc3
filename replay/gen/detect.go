package gen

import (
	"fmt"
	"io"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// Detection says how well the checker finds what was planted.
type Detection struct {
	Rules  []Detected // every rule of the catalogue that was planted or found, in its order
	Missed []Planted  // what was planted and not found by its rule at its row
	False  []string   // findings without a cause, at most 20 of them
	Events uint64
}

// Detected is what became of one rule.
type Detected struct {
	Rule     rule.ID
	Planted  uint64
	Found    uint64 // by this rule, as the finding and not beside one, at the row
	False    uint64 // findings in lives without a fault, or before it
	Followed uint64 // findings that follow from a fault: in the same life, not before it
}

// Detect generates a history, checks it and compares. It keeps four bytes for each event.
func Detect(o Options) (*Detection, error) {
	c := replay.New(replay.Options{})
	var lives []uint32
	planted := map[uint64]Planted{}
	o.World = func(l []uint64) {
		for _, n := range l {
			lives = append(lives, uint32(n))
		}
	}
	then := o.Emit
	o.Emit = func(b *format.Batch) error {
		if then != nil {
			if err := then(b); err != nil {
				return err
			}
		}
		return c.Batch(b)
	}
	var all []Planted
	told := o.Planted
	o.Planted = func(p *Planted) error {
		planted[p.Life] = *p
		all = append(all, *p)
		if told != nil {
			return told(p)
		}
		return nil
	}
	if _, err := Generate(o); err != nil {
		return nil, err
	}
	r := c.Finish(replay.End{})
	d := &Detection{Events: r.Events}
	rows := make([]Detected, len(rule.All())+1)
	type place struct {
		rule rule.ID
		seq  uint64
	}
	found := map[place]bool{}
	for i := range r.Findings {
		f := &r.Findings[i]
		p, ok := planted[uint64(lives[f.Seq-1])]
		switch {
		case ok && f.Rule == p.Rule && f.Seq == p.Seq:
			found[place{f.Rule, f.Seq}] = true
		case ok && f.Seq >= p.From || f.Inconclusive && o.Loss > 0:
			rows[f.Rule].Followed++
		default:
			rows[f.Rule].False++
			if len(d.False) < 20 {
				d.False = append(d.False, fmt.Sprintf("%s: %s", f.ID(), f.Message))
			}
		}
	}
	for _, p := range all {
		if p.Lost {
			continue
		}
		rows[p.Rule].Planted++
		if found[place{p.Rule, p.Seq}] {
			rows[p.Rule].Found++
		} else {
			d.Missed = append(d.Missed, p)
		}
	}
	for id := range rows {
		if w := &rows[id]; w.Planted+w.False+w.Followed > 0 {
			w.Rule = rule.ID(id)
			d.Rules = append(d.Rules, *w)
		}
	}
	return d, nil
}

// Write writes d as a table.
func (d *Detection) Write(w io.Writer) error {
	var planted, found, wrong uint64
	if _, err := fmt.Fprintf(w, "%-10s %-9s %9s %9s %9s %9s\n", "rule", "operator", "planted", "found", "false", "followed"); err != nil {
		return err
	}
	for _, r := range d.Rules {
		planted, found, wrong = planted+r.Planted, found+r.Found, wrong+r.False
		if _, err := fmt.Fprintf(w, "%-10s %-9s %9d %9d %9d %9d\n", r.Rule, Kind(r.Rule), r.Planted, r.Found, r.False, r.Followed); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%-10s %-9s %9d %9d %9d\n%d events\n", "all", "", planted, found, wrong, d.Events)
	return err
}

// Every is a fault of each rule that can be planted, together at a rate.
func Every(rate float64) (list []FaultRate) {
	for _, r := range rule.All() {
		if operators[r.ID] != nil {
			list = append(list, FaultRate{r.ID, rate})
		}
	}
	return list
}
