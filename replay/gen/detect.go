package gen

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// Detection says how well the checker finds what was planted.
type Detection struct {
	Rules  []Detected // every rule of the catalogue that was planted or found, in its order
	Missed []Planted  // what was planted, not found by its rule at its row, and hidden by nothing
	Masked []Masked   // what was planted and hidden by something else
	False  []string   // findings without a cause, at most 20 of them
	Events uint64
}

// Masked is a fault that the checker finds if its adapter life is alone, and not beside others.
type Masked struct {
	Planted
	By   Planted // a fault without which it is found, if the faults before that one are there
	Loss bool    // lost events hide it; By is not set
}

// Detected is what became of one rule.
type Detected struct {
	Rule     rule.ID
	Planted  uint64
	Found    uint64 // at its row, as the finding of FoundAs
	Masked   uint64 // hidden by another fault, or by lost events
	False    uint64 // findings in lives without a fault, or before it
	Followed uint64 // findings that follow from a fault: in the same life, not before it
}

// found says that f tells of the fault p.
func (p *Planted) found(f *replay.Finding) bool {
	as := FoundAs(p.Rule)
	return f.Seq == p.Seq && f.Rule == as && (as == p.Rule || slices.Contains(f.Also, p.Rule))
}

// Detect generates a history, checks it and compares. It keeps four bytes for each event. For
// what is not found it generates the history again, to find out what hides it.
func Detect(o Options) (*Detection, error) {
	c := replay.New(replay.Options{})
	var lives []uint32
	planted := map[uint64]Planted{}
	again := o
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
	found := map[uint64]bool{} // by life
	for i := range r.Findings {
		f := &r.Findings[i]
		p, ok := planted[uint64(lives[f.Seq-1])]
		switch {
		case ok && p.found(f):
			found[p.Life] = true
		case ok && f.Seq >= p.From || f.Inconclusive && o.Loss > 0:
			rows[f.Rule].Followed++
		default:
			rows[f.Rule].False++
			if len(d.False) < 20 {
				d.False = append(d.False, fmt.Sprintf("%s: %s", f.ID(), f.Message))
			}
		}
	}
	var missed []Planted
	all = slices.DeleteFunc(all, func(p Planted) bool { return p.Lost })
	for _, p := range all {
		rows[p.Rule].Planted++
		if found[p.Life] {
			rows[p.Rule].Found++
		} else {
			missed = append(missed, p)
		}
	}
	again.Emit, again.Planted, again.World = nil, nil, nil
	for part := range slices.Chunk(missed, maxProbes) {
		if err := d.unmask(again, part, all); err != nil {
			return nil, err
		}
	}
	for i := range d.Masked {
		rows[d.Masked[i].Rule].Masked++
	}
	for id := range rows {
		if w := &rows[id]; w.Planted+w.False+w.Followed > 0 {
			w.Rule = rule.ID(id)
			d.Rules = append(d.Rules, *w)
		}
	}
	return d, nil
}

// maxProbes is how many faults are looked into at a time: for each there is a checker.
const maxProbes = 64

// probe checks the life of a fault beside those of the first n faults.
type probe struct {
	p      Planted
	self   int // its place among all faults
	lo, hi int // it is found beside the first lo faults, and not beside the first hi
	n      int
	c      *replay.Checker
	b      format.Batch
	found  bool
	legal  bool // beside the lives without a fault too
}

// unmask finds out what hides the faults missed: first beside other faults alone, then with the
// lives without a fault, which takes longer.
func (d *Detection) unmask(o Options, missed, all []Planted) error {
	order := map[uint64]int{}
	for i, p := range all {
		order[p.Life] = i
	}
	probes := make([]*probe, len(missed))
	for i, p := range missed {
		probes[i] = &probe{p: p, self: order[p.Life]}
	}
	for _, legal := range []bool{false, true} {
		var err error
		if probes, err = d.halve(o, order, all, probes, legal); err != nil {
			return err
		}
	}
	for _, p := range probes {
		d.Missed = append(d.Missed, p.p)
	}
	slices.SortFunc(d.Masked, func(a, b Masked) int { return cmp.Compare(a.Seq, b.Seq) })
	return nil
}

// halve finds out by halves what hides the probes: the history is generated again and again,
// and each fault is checked beside some of the others. It gives the probes that nothing hides.
func (d *Detection) halve(o Options, order map[uint64]int, all []Planted, probes []*probe, legal bool) (rest []*probe, err error) {
	for _, p := range probes {
		p.lo, p.hi, p.legal = 0, len(all), legal
	}
	if err := look(o, order, probes, 0); err != nil {
		return nil, err
	}
	var hidden []*probe
	for _, p := range probes {
		switch {
		case p.found:
			hidden = append(hidden, p)
		case o.Loss > 0:
			d.Masked = append(d.Masked, Masked{Planted: p.p, Loss: true})
		default:
			d.Missed = append(d.Missed, p.p)
		}
	}
	if err := look(o, order, hidden, len(all)); err != nil {
		return nil, err
	}
	var open []*probe
	for _, p := range hidden {
		if p.found {
			rest = append(rest, p)
		} else {
			open = append(open, p)
		}
	}
	for len(open) > 0 {
		if err := look(o, order, open, -1); err != nil {
			return nil, err
		}
		open = slices.DeleteFunc(open, func(p *probe) bool {
			if p.found {
				p.lo = p.n
			} else {
				p.hi = p.n
			}
			if p.hi-p.lo > 1 {
				return false
			}
			d.Masked = append(d.Masked, Masked{Planted: p.p, By: all[p.hi-1]})
			return true
		})
	}
	return rest, nil
}

// look generates the history once more, for each probe with the first n faults, or half of those
// that are in question if n is -1.
func look(o Options, order map[uint64]int, probes []*probe, n int) error {
	if len(probes) == 0 {
		return nil
	}
	for _, p := range probes {
		if p.n = n; n < 0 {
			p.n = (p.lo + p.hi) / 2
		}
		p.c, p.found = replay.New(replay.Options{}), false
	}
	var lives []uint64
	o.World = func(l []uint64) { lives = l }
	o.Emit = func(b *format.Batch) error {
		for i := 0; i < b.N; {
			end := i + 1
			for end < b.N && lives[end] == lives[i] {
				end++
			}
			at, faulty := order[lives[i]]
			for _, p := range probes {
				if lives[i] == 0 || faulty && (at == p.self || at < p.n) || !faulty && p.legal { // 0: lost events
					p.b.AppendRows(b, i, end)
				}
			}
			i = end
		}
		for _, p := range probes {
			if p.b.N > 0 {
				if err := p.c.Batch(&p.b); err != nil {
					return err
				}
				p.b.Reset()
			}
		}
		return nil
	}
	if _, err := Generate(o); err != nil {
		return err
	}
	for _, p := range probes {
		r := p.c.Finish(replay.End{})
		for i := range r.Findings {
			p.found = p.found || p.p.found(&r.Findings[i])
		}
		p.c = nil
	}
	return nil
}

// Write writes d as a table.
func (d *Detection) Write(w io.Writer) error {
	var planted, found, masked, wrong uint64
	if _, err := fmt.Fprintf(w, "%-10s %-9s %9s %9s %9s %9s %9s\n", "rule", "operator", "planted", "found", "masked", "false", "followed"); err != nil {
		return err
	}
	for _, r := range d.Rules {
		planted, found, masked, wrong = planted+r.Planted, found+r.Found, masked+r.Masked, wrong+r.False
		if _, err := fmt.Fprintf(w, "%-10s %-9s %9d %9d %9d %9d %9d\n", r.Rule, Kind(r.Rule), r.Planted, r.Found, r.Masked, r.False, r.Followed); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%-10s %-9s %9d %9d %9d %9d\n%d events\n", "all", "", planted, found, masked, wrong, d.Events)
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
