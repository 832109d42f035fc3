// Package gen generates CoNDIS histories of any size: legal ones, in which nobody breaks a
// rule, and ones with planted faults of which it says what they are and where.
//
// A history is made of worlds: a world is one life of an adapter with its drivers, executed by
// replay.Executor with drivers that decide at random. Worlds of many adapters run beside each
// other, each with handles, contexts, threads and times of its own; a world that was executed
// is told several times over. How the lives of independent adapters are interleaved changes no
// verdict.
//
// The same options give the same rows. Memory follows the number of adapters.
package gen

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// Limits of the options.
const (
	MaxAdapters     = 100_000
	DefaultAdapters = 4
)

// FaultRate is how often a fault is planted.
type FaultRate struct {
	Rule rule.ID
	Rate float64 // share of the adapter lives that carry it, 0 to 1
}

// Options of Generate.
type Options struct {
	Seed     uint64
	Events   uint64 // at least so many rows; adapter lives that have begun are finished
	Profile  string // one of Profiles, the first if empty
	Adapters int    // that are up at a time, DefaultAdapters if 0
	Faults   []FaultRate
	Loss     float64 // share of the rows that are lost, 0 to 1, in runs as buffers lose them
	// Emit gets the rows, in batches that are valid during the call only.
	Emit func(*format.Batch) error
	// Planted is told of each planted fault, in the order of the rows; it may be nil.
	Planted func(*Planted) error
	// World is told which adapter life the rows of a batch belong to, before Emit; it may be nil.
	World     func(lives []uint64)
	BatchRows int         // of a batch, 4096 if 0
	Stop      func() bool // asked once a batch; true ends the generation with replay.ErrStopped
}

// Planted is a fault in the history: the ground truth.
type Planted struct {
	Seq     uint64 // the row at which the rule breaks; for something that never comes, the row that makes it due
	TS      int64  // of that row, ns since the Unix epoch
	Rule    rule.ID
	How     string // what was done
	Life    uint64 // which adapter life it is in, counted from 1
	Adapter uint64 // handle of the adapter, 0 if the life has none
	From    uint64 // first row that differs from a legal history
	Lost    bool   // the row is among those that were lost
}

// Stats of a generation.
type Stats struct {
	Rows    uint64 // written, gap rows included
	Lives   uint64 // of adapters
	Worlds  uint64 // executed
	Planted uint64
	Missed  uint64 // faults for which no site was found
	Lost    uint64
	Gaps    uint64
}

// Check says what is wrong with the options.
func (o *Options) Check() error {
	if o.Events == 0 {
		return fmt.Errorf("gen: 0 events: want at least 1")
	}
	if o.Adapters < 0 || o.Adapters > MaxAdapters {
		return fmt.Errorf("gen: %d adapters: want 1 to %d", o.Adapters, MaxAdapters)
	}
	if !(o.Loss >= 0 && o.Loss <= 1) {
		return fmt.Errorf("gen: loss %v: want 0 to 1", o.Loss)
	}
	if _, err := plotOf(o.Profile); err != nil {
		return fmt.Errorf("gen: %w", err)
	}
	for _, f := range o.Faults {
		r := f.Rule.Rule()
		switch {
		case r == nil:
			return fmt.Errorf("gen: fault of an unknown rule")
		case !(f.Rate >= 0 && f.Rate <= 1):
			return fmt.Errorf("gen: fault %s at a rate of %v: want 0 to 1", r.Name, f.Rate)
		case operators[f.Rule] == nil:
			return fmt.Errorf("gen: %s cannot be planted: %s", r.Name, WhyNot(f.Rule))
		}
	}
	return nil
}

// How often a world is told before another one takes its place, and how many there are to
// choose from.
const (
	tellings  = 24
	poolSize  = 8
	maxTIDs   = 4096 // of a world
	pauseNS   = 200_000
	lossRun   = 64 // rows of a run of lost ones at most
	worldBits = 24
)

// slot is an adapter, or a life with a fault.
type slot struct {
	t      *tape
	pos    int
	next   int64 // ns of the next row
	base   int64
	world  uint64
	calls  uint64
	tid    uint64
	labels [][]byte
	place  uint64 // names the drivers
	life   uint64
	fault  *plantedTape
	from   uint64
	order  int
	plain  bool // it is followed by another life
}

type plantedTape struct {
	rule rule.ID
	how  string
	at   int // row of the tape
	from int
}

type pooled struct {
	t    *tape
	left int
}

type generator struct {
	o      Options
	plot   *plot
	rng    *rand.Rand
	pool   []pooled
	heap   []*slot
	out    format.Batch
	lives  []uint64
	seq    uint64
	stats  Stats
	ahead  uint64 // rows that are to come of lives that have begun
	calls  uint64
	faulty uint64
	lose   int
	lost   uint64 // rows lost since the last one that was written
	since  int64
	last   int64
}

// Generate makes a history.
func Generate(o Options) (Stats, error) {
	if err := o.Check(); err != nil {
		return Stats{}, err
	}
	if o.Adapters == 0 {
		o.Adapters = DefaultAdapters
	}
	if o.BatchRows <= 0 {
		o.BatchRows = 4096
	}
	p, err := plotOf(o.Profile)
	if err != nil {
		return Stats{}, fmt.Errorf("gen: %w", err)
	}
	g := &generator{o: o, plot: p, rng: rand.New(rand.NewPCG(o.Seed, 0x61667472616365))}
	err = g.run()
	return g.stats, err
}

func (g *generator) run() error {
	for i := range g.o.Adapters {
		s := &slot{place: uint64(i + 1), plain: true, order: i}
		if err := g.begin(s, startTime+g.rng.Int64N(pauseNS)); err != nil {
			return err
		}
		g.push(s)
		if g.seq+g.ahead >= g.o.Events {
			break
		}
	}
	for len(g.heap) > 0 {
		s := g.heap[0]
		limit := int64(math.MaxInt64)
		for _, c := range []int{1, 2} {
			if c < len(g.heap) {
				limit = min(limit, g.heap[c].next)
			}
		}
		for {
			if err := g.row(s); err != nil {
				return err
			}
			if s.pos == len(s.t.rows) || s.next > limit {
				break
			}
		}
		if s.pos < len(s.t.rows) {
			g.down()
			continue
		}
		if g.seq+g.lost+g.ahead < g.o.Events {
			if err := g.begin(s, s.base+s.t.end+1+g.rng.Int64N(pauseNS)); err != nil {
				return err
			}
			g.down()
			continue
		}
		g.heap[0] = g.heap[len(g.heap)-1]
		g.heap = g.heap[:len(g.heap)-1]
		g.down()
	}
	if g.lost > 0 {
		if err := g.gap(g.last + 1); err != nil {
			return err
		}
	}
	return g.flush()
}

func (g *generator) less(a, b *slot) bool {
	return a.next < b.next || a.next == b.next && a.order < b.order
}

func (g *generator) push(s *slot) {
	g.heap = append(g.heap, s)
	for i := len(g.heap) - 1; i > 0; {
		p := (i - 1) / 2
		if !g.less(g.heap[i], g.heap[p]) {
			return
		}
		g.heap[i], g.heap[p] = g.heap[p], g.heap[i]
		i = p
	}
}

func (g *generator) down() {
	h := g.heap
	for i := 0; ; {
		c := 2*i + 1
		if c >= len(h) {
			return
		}
		if c+1 < len(h) && g.less(h[c+1], h[c]) {
			c++
		}
		if !g.less(h[c], h[i]) {
			return
		}
		h[c], h[i] = h[i], h[c]
		i = c
	}
}

// world gives one of the worlds of the pool; each is told so often before another is executed.
func (g *generator) world() (*tape, error) {
	if len(g.pool) < poolSize {
		t, err := g.execute()
		if err != nil {
			return nil, err
		}
		g.pool = append(g.pool, pooled{t, tellings - 1})
		return t, nil
	}
	p := &g.pool[g.rng.IntN(len(g.pool))]
	if p.left == 0 {
		t, err := g.execute()
		if err != nil {
			return nil, err
		}
		*p = pooled{t, tellings}
	}
	p.left--
	return p.t, nil
}

func (g *generator) execute() (*tape, error) {
	g.stats.Worlds++
	return run(rand.New(rand.NewPCG(g.rng.Uint64(), g.rng.Uint64())), g.plot)
}

// begin begins a life of an adapter at a time.
func (g *generator) begin(s *slot, at int64) error {
	t, err := g.world()
	if err != nil {
		return err
	}
	s.fault = nil
	place := s.place
	var candidates []rule.ID
	for _, f := range g.o.Faults {
		if f.Rate > 0 && g.rng.Float64() < f.Rate {
			candidates = append(candidates, f.Rule)
		}
	}
	if len(candidates) > 0 {
		id := candidates[g.rng.IntN(len(candidates))]
		planted, f, err := g.plant(id, t)
		if err != nil {
			return err
		}
		if f == nil {
			g.stats.Missed++
		} else {
			t, s.fault = planted, f
			// What is left of it must not be mistaken for something of the next life.
			g.faulty++
			place = uint64(g.o.Adapters) + g.faulty
		}
	}
	g.stats.Lives++
	s.t, s.pos, s.base = t, 0, at
	s.life = g.stats.Lives
	s.world = (g.stats.Lives & (1<<worldBits - 1)) << (localBits + 1)
	s.calls = g.calls
	g.calls += t.calls
	s.tid = place * maxTIDs
	s.labels = s.labels[:0]
	for _, l := range t.labels {
		s.labels = append(s.labels, strconv.AppendUint(append([]byte(l), '.'), place, 10))
	}
	s.next = at + t.rows[0].TS
	g.ahead += uint64(len(t.rows))
	return nil
}

// plant puts a fault into a copy of t, or of another world if t has no site for it.
func (g *generator) plant(id rule.ID, t *tape) (*tape, *plantedTape, error) {
	op := operators[id]
	for try := 0; ; try++ {
		if c, f := op.plant(g.rng, t); f != nil {
			f.rule = id
			return c, f, nil
		}
		if try < len(g.pool) {
			t = g.pool[try].t
			continue
		}
		if try >= len(g.pool)+20 {
			return nil, nil, nil
		}
		var err error
		if t, err = g.execute(); err != nil {
			return nil, nil, err
		}
	}
}

func (s *slot) move(v uint64) uint64 {
	if v>>46 != contextBase>>46 {
		return v
	}
	return 0xffff8000_00000000 | s.world | v>>45&1<<localBits | v&(1<<localBits-1)
}

const digits = "0123456789abcdef"

// row writes the next row of s, or loses it.
func (g *generator) row(s *slot) error {
	r := &s.t.rows[s.pos]
	ts := s.base + r.TS
	g.ahead--
	g.last = ts
	at := s.pos
	s.pos++
	if s.pos < len(s.t.rows) {
		s.next = s.base + s.t.rows[s.pos].TS
	}
	if g.o.Loss > 0 && g.loses() {
		if g.lost == 0 {
			g.since = ts
		}
		g.lost++
		g.stats.Lost++
		if s.fault != nil {
			return g.truth(s, at, 0, ts)
		}
		return nil
	}
	if g.lost > 0 {
		if err := g.gap(ts); err != nil {
			return err
		}
	}
	g.seq++
	b := &g.out
	if b.N == 0 {
		b.Driver.Offsets = append(b.Driver.Offsets[:0], 0)
		b.Detail.Offsets = append(b.Detail.Offsets[:0], 0)
	}
	b.N++
	b.Has = append(b.Has, r.Has)
	b.Seq = append(b.Seq, g.seq)
	b.TS = append(b.TS, ts)
	b.Ticks = append(b.Ticks, 0)
	b.CPU = append(b.CPU, 0)
	b.PID = append(b.PID, r.PID)
	b.TID = append(b.TID, s.tid+r.TID)
	b.IRQL = append(b.IRQL, r.IRQL)
	b.Phase = append(b.Phase, r.Phase)
	b.Function = append(b.Function, r.Function)
	b.Source = append(b.Source, format.SourceGenerator)
	b.CallID = append(b.CallID, s.calls+r.CallID)
	b.Adapter = append(b.Adapter, s.move(r.Adapter))
	b.Binding = append(b.Binding, s.move(r.Binding))
	b.AF = append(b.AF, s.move(r.AF))
	b.SAP = append(b.SAP, s.move(r.SAP))
	b.VC = append(b.VC, s.move(r.VC))
	b.Party = append(b.Party, s.move(r.Party))
	b.Context = append(b.Context, s.move(r.Context))
	b.Context2 = append(b.Context2, s.move(r.Context2))
	b.AFType = append(b.AFType, r.AFType)
	b.AFMajor = append(b.AFMajor, r.AFMajor)
	b.AFMinor = append(b.AFMinor, r.AFMinor)
	b.Status = append(b.Status, r.Status)
	b.Lost = append(b.Lost, 0)
	if r.Has&format.HasDriver != 0 {
		b.Driver.Data = append(b.Driver.Data, s.labels[r.driver]...)
	}
	b.Driver.Offsets = append(b.Driver.Offsets, int32(len(b.Driver.Data)))
	if r.Detail != "" {
		from := len(b.Detail.Data)
		b.Detail.Data = append(b.Detail.Data, r.Detail...)
		for i, p := range r.patches {
			d := b.Detail.Data[from+p : from+p+16]
			v := s.move(r.values[i])
			for k := 15; k >= 0; k-- {
				d[k] = digits[v&15]
				v >>= 4
			}
		}
	}
	b.Detail.Offsets = append(b.Detail.Offsets, int32(len(b.Detail.Data)))
	if g.o.World != nil {
		g.lives = append(g.lives, s.life)
	}
	if s.fault != nil {
		if err := g.truth(s, at, g.seq, ts); err != nil {
			return err
		}
	}
	if b.N >= g.o.BatchRows {
		return g.flush()
	}
	return nil
}

// truth notes where the fault of s is; seq is 0 if the row was lost.
func (g *generator) truth(s *slot, at int, seq uint64, ts int64) error {
	f := s.fault
	if at == f.from {
		s.from = seq
	}
	if at != f.at {
		return nil
	}
	g.stats.Planted++
	if g.o.Planted == nil {
		return nil
	}
	p := Planted{Seq: seq, TS: ts, Rule: f.rule, How: f.how, Life: s.life, From: s.from, Lost: seq == 0}
	for i := range s.t.rows {
		if r := &s.t.rows[i]; r.Has&format.HasAdapter != 0 && r.Adapter != 0 {
			p.Adapter = s.move(r.Adapter)
			break
		}
	}
	return g.o.Planted(&p)
}

func (g *generator) loses() bool {
	if g.lose > 0 {
		g.lose--
		return true
	}
	// A run is lossRun/2 rows long on average.
	if g.rng.Float64() < g.o.Loss/(lossRun/2*(1-g.o.Loss)+g.o.Loss) {
		g.lose = g.rng.IntN(lossRun)
		return true
	}
	return false
}

// gap says that rows were lost up to ts.
func (g *generator) gap(ts int64) error {
	g.seq++
	e := format.Event{Seq: g.seq, TS: ts, Phase: format.PhaseGap, Source: format.SourceGenerator, Lost: g.lost,
		Detail: `{"since_ts":` + strconv.FormatInt(g.since, 10) + `}`, Has: format.HasLost | format.HasDetail}
	g.out.Append(&e)
	if g.o.World != nil {
		g.lives = append(g.lives, 0)
	}
	g.stats.Gaps++
	g.lost = 0
	if g.out.N >= g.o.BatchRows {
		return g.flush()
	}
	return nil
}

func (g *generator) flush() error {
	g.stats.Rows = g.seq
	if g.o.Stop != nil && g.o.Stop() {
		return replay.ErrStopped
	}
	if g.out.N == 0 {
		return nil
	}
	if g.o.World != nil {
		g.o.World(g.lives)
		g.lives = g.lives[:0]
	}
	var err error
	if g.o.Emit != nil {
		err = g.o.Emit(&g.out)
	}
	g.out.Reset()
	return err
}
