package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"

	"github.com/aftrace/aftrace/analysis/explain"
	"github.com/aftrace/aftrace/analysis/life"
	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/analysis/timing"
	"github.com/aftrace/aftrace/replay"
)

// htmlTimes are the timings as histograms on one scale of time.
type htmlTimes struct {
	Rows        []htmlTime
	Off         int
	Interrupted uint64
	Ticks       []htmlTick
	W, H        int
}

type htmlTick struct {
	X     float64
	Label string
}

type htmlTime struct {
	timing.Histogram
	Name, AF, Driver string
	Bars             []htmlBar
	MidX, TailX      float64 // p50 and p99
	Label            string
}

type htmlBar struct{ X, Y, W, H float64 }

const (
	histWidth  = 260
	histHeight = 26
)

// newTimes draws histograms, the slowest first: they are what somebody looks for.
func newTimes(list []timing.Histogram) htmlTimes {
	t := htmlTimes{W: histWidth, H: histHeight}
	low, high := math.MaxInt, math.MinInt
	var timed []timing.Histogram
	for _, h := range list {
		t.Interrupted += h.Interrupted
		if len(h.Bins) > 0 {
			timed = append(timed, h)
			low, high = min(low, h.First), max(high, h.First+len(h.Bins))
		}
	}
	if len(timed) == 0 {
		return t
	}
	slices.SortStableFunc(timed, func(a, b timing.Histogram) int { return cmp.Compare(b.Max, a.Max) })
	t.Off = max(0, len(timed)-htmlTimings)
	timed = timed[:len(timed)-t.Off]
	// Whole decades, so that the marks of the scale are round.
	const per = timing.BinsPerDecade
	low, high = low/per*per, (high+per-1)/per*per
	x := func(bin float64) float64 { return math.Round((bin-float64(low))/float64(high-low)*histWidth*10) / 10 }
	at := func(ns int64) float64 { return x(math.Log10(float64(max(ns, 1))) * per) }
	decades := (high - low) / per
	for d := low / per; d <= high/per; d += max(1, (decades+5)/6) {
		t.Ticks = append(t.Ticks, htmlTick{x(float64(d * per)), rows.Duration(int64(math.Round(timing.BinStart(d * per))))})
	}
	for _, h := range timed {
		row := htmlTime{Histogram: h, Name: h.Function.String(), Driver: rows.Safe(rows.Cut(h.Driver, nameSize)), MidX: at(h.P50), TailX: at(h.P99)}
		if h.HasAFType {
			row.AF = h.AFType.String()
		}
		most := slices.Max(h.Bins)
		for i, n := range h.Bins {
			if n == 0 {
				continue
			}
			left, right := x(float64(h.First+i)), x(float64(h.First+i+1))
			height := max(1.5, math.Round(float64(n)/float64(most)*(histHeight-2)*10)/10)
			row.Bars = append(row.Bars, htmlBar{left, histHeight - height, max(1, math.Round((right-left-0.6)*10)/10), height})
		}
		row.Label = fmt.Sprintf("%s of %s: median %s, p99 %s, longest %s", rows.Count(h.Count, "call"), row.Name, rows.Duration(h.P50), rows.Duration(h.P99), rows.Duration(h.Max))
		t.Rows = append(t.Rows, row)
	}
	return t
}

// htmlLives is the table of the objects on an adapter.
type htmlLives struct {
	Trace   string
	Adapter string
	Kinds   []htmlKind
	Off     uint64 // objects on adapters that are not shown, in the last row of a trace
}

type htmlKind struct {
	Kind                      string
	Total, Failed, Alive, Cut uint64
	Shown                     int
}

// What the timeline of a trace consists of, as the script of the page reads it. Times are ns
// since the first row; a negative one stands for what did not happen.
type (
	tlTrace struct {
		Path     string      `json:"path"`
		Start    string      `json:"start"`
		Span     float64     `json:"span"`
		Losses   []float64   `json:"losses"`
		Activity tlActivity  `json:"activity"`
		Adapters []tlAdapter `json:"adapters"`
	}
	tlActivity struct {
		From  float64  `json:"from"`
		Width float64  `json:"width"`
		Bins  []uint64 `json:"bins"`
	}
	tlAdapter struct {
		Handle string   `json:"handle"`
		Kinds  []tlKind `json:"kinds"`
		Marks  []tlMark `json:"marks"`
	}
	tlKind struct {
		Kind  string   `json:"kind"`
		Total uint64   `json:"total"`
		Lives []tlLife `json:"lives"`
	}
	tlLife struct {
		Name   string     `json:"name"`
		Handle string     `json:"handle,omitempty"`
		Driver string     `json:"driver,omitempty"`
		AF     string     `json:"af,omitempty"`
		At     [6]float64 `json:"at"` // first, pended, ready, closing, end, last
		Seq    [6]string  `json:"seq"`
		State  string     `json:"state"`
		Failed bool       `json:"failed,omitempty"`
		Cut    bool       `json:"cut,omitempty"`
		Of     []string   `json:"of,omitempty"` // anchors of findings
	}
	tlMark struct {
		At     float64 `json:"at"`
		Anchor string  `json:"anchor"`
		ID     string  `json:"id"`
		Class  string  `json:"class"`
	}
)

// timeline collects what the script draws: the sampled lives, those of the explained
// findings, and where these are.
func (p *page) timeline(all []*Lives) {
	out := []tlTrace{}
	for i, l := range all {
		if l == nil || !l.any || i >= len(p.Traces) {
			continue
		}
		t := &timelineOf{Lives: l, own: map[uint64]*tlAdapter{}, known: map[ownKey]*tlLife{}}
		t.sampled()
		for _, x := range p.Found {
			if x.trace == i && x.Ex != nil {
				t.explained(x.Ex, x.Anchor, x.Class, x.adapter)
			}
		}
		for _, x := range p.Fights {
			if x.trace == i && x.Ex != nil {
				t.explained(x.Ex, x.Anchor, x.Class, p.traces[i].Result.Conflicts[x.nth].Adapter)
			}
		}
		for _, a := range t.Lives.adapters {
			p.Lives = append(p.Lives, a.table(rows.Safe(rows.Cut(p.Traces[i].Path, nameSize))))
		}
		if l.others > 0 {
			p.Lives = append(p.Lives, htmlLives{Trace: rows.Safe(rows.Cut(p.Traces[i].Path, nameSize)), Off: l.others})
		}
		out = append(out, t.result(rows.Safe(rows.Cut(p.Traces[i].Path, nameSize))))
	}
	p.HasTimeline = len(out) > 0
	data, err := json.Marshal(out) // escapes <, > and &, so that it cannot end its element
	if err != nil {
		panic(err) // numbers and strings
	}
	p.Timeline = template.JS(data)
}

type ownKey struct {
	kind string
	seq  uint64
	hand string
}

type timelineOf struct {
	*Lives
	order []*tlAdapter
	own   map[uint64]*tlAdapter
	known map[ownKey]*tlLife
	byRow map[*tlAdapter]map[string][]*tlLife
}

// at is a time as the script reads it.
func (t *timelineOf) at(ts int64) float64 { return float64(max(0, rows.Sub(ts, t.from))) }

func (t *timelineOf) adapter(handle uint64) *tlAdapter {
	a := t.own[handle]
	if a == nil {
		a = &tlAdapter{Marks: []tlMark{}, Kinds: []tlKind{}}
		if handle != 0 {
			a.Handle = rows.Hex(handle)
		}
		t.own[handle] = a
		t.order = append(t.order, a)
		if t.byRow == nil {
			t.byRow = map[*tlAdapter]map[string][]*tlLife{}
		}
		t.byRow[a] = map[string][]*tlLife{}
	}
	return a
}

func (t *timelineOf) sampled() {
	for _, a := range t.adapters {
		to := t.adapter(a.handle)
		for kind := range a.kinds {
			for i := range a.kinds[kind].kept {
				l := &a.kinds[kind].kept[i]
				x := &tlLife{
					Name: l.Kind.String(), Driver: rows.Safe(l.Driver), AF: l.AF(), State: l.State.String(), Failed: l.Failed, Cut: l.Cut,
				}
				if l.Handle != 0 {
					x.Handle = rows.Hex(l.Handle)
				}
				for n, at := range [6]life.At{l.First, l.Pended, l.Ready, l.Closing, l.End, l.Last()} {
					t.set(x, n, at.Seen(), at.TS, at.Seq)
				}
				t.put(to, l.Kind.String(), l.First.Seq, x)
			}
		}
	}
}

func (t *timelineOf) set(x *tlLife, n int, seen bool, ts int64, seq uint64) {
	if x.At[n] = -1; seen {
		x.At[n], x.Seq[n] = t.at(ts), strconv.FormatUint(seq, 10)
	}
}

func (t *timelineOf) put(a *tlAdapter, kind string, first uint64, x *tlLife) {
	t.byRow[a][kind] = append(t.byRow[a][kind], x)
	t.known[ownKey{kind, first, x.Handle}] = x
}

// explained adds what an explanation is about.
func (t *timelineOf) explained(e *explain.Explanation, anchor, class string, adapter uint64) {
	to := t.adapter(adapter)
	for i := range e.Steps {
		if s := &e.Steps[i]; s.Proves {
			to.Marks = append(to.Marks, tlMark{t.at(e.Start + s.Offset), anchor, e.ID, class})
			break
		}
	}
	for i := range e.Objects {
		o := &e.Objects[i]
		if !o.Subject || len(o.Life) == 0 {
			continue
		}
		k := ownKey{o.Kind, o.Life[0].Seq, o.Handle}
		x := t.known[k]
		if x == nil {
			x = t.ofStates(e.Start, o)
			t.put(to, o.Kind, o.Life[0].Seq, x)
		}
		x.Name = o.Name
		x.Of = append(x.Of, anchor)
	}
}

// ofStates is the life of an object whose states are known.
func (t *timelineOf) ofStates(start int64, o *explain.Object) *tlLife {
	x := &tlLife{Name: o.Name, Handle: o.Handle, Driver: rows.Safe(o.Label)}
	for n := range x.At {
		x.At[n] = -1
	}
	for i, s := range o.Life {
		place := map[life.Stage]int{life.StagePended: 1, life.StageReady: 2, life.StageClosing: 3, life.StageEnded: 4, life.StageFailed: 4}
		stage := life.StageOf(s.State)
		set := func(n int) { t.set(x, n, true, start+s.Offset, s.Seq) }
		if i == 0 {
			set(0)
		}
		if n := place[stage]; n > 0 && x.At[n] < 0 {
			set(n)
		}
		if stage == life.StageFailed {
			x.Failed = x.At[2] < 0
		}
		set(5)
		x.State = rows.Safe(s.State)
	}
	return x
}

func (t *timelineOf) result(path string) tlTrace {
	out := tlTrace{Path: path, Start: rows.Time(t.from), Span: float64(max(1, rows.Sub(t.to, t.from))), Losses: []float64{}, Adapters: []tlAdapter{}}
	for _, ts := range t.losses {
		out.Losses = append(out.Losses, t.at(ts))
	}
	shift := float64(rows.Sub(t.activity.zero, t.from))
	bins := t.activity.bins[:]
	for len(bins) > 1 && bins[len(bins)-1] == 0 {
		bins = bins[:len(bins)-1]
	}
	out.Activity = tlActivity{From: t.activity.start + shift, Width: t.activity.width, Bins: bins}
	for _, a := range t.order {
		for k := range replay.NumObjectKinds {
			list := t.byRow[a][k.String()]
			if len(list) == 0 {
				continue
			}
			slices.SortStableFunc(list, func(a, b *tlLife) int { return cmp.Compare(a.At[0], b.At[0]) })
			kind := tlKind{Kind: k.String(), Total: uint64(len(list)), Lives: make([]tlLife, len(list))}
			for i, x := range list {
				kind.Lives[i] = *x
			}
			for _, l := range t.adapters {
				if t.own[l.handle] == a {
					kind.Total = max(kind.Total, l.kinds[k].total)
				}
			}
			a.Kinds = append(a.Kinds, kind)
		}
		out.Adapters = append(out.Adapters, *a)
	}
	return out
}

func (a *adapterLives) table(trace string) htmlLives {
	out := htmlLives{Trace: trace, Adapter: "none"}
	if a.handle != 0 {
		out.Adapter = rows.Hex(a.handle)
	}
	for k := range replay.NumObjectKinds {
		if x := &a.kinds[k]; x.total > 0 {
			out.Kinds = append(out.Kinds, htmlKind{k.String(), x.total, x.failed, x.alive, x.cut, len(x.kept)})
		}
	}
	return out
}
