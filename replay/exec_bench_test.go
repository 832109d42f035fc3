package replay_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/internal/naive"
	"github.com/aftrace/aftrace/replay"
)

// BenchmarkExecute re-executes recordings and writes the outcome: rows are those written. In the
// steady world clients open and close; the histories are many short lives of whole hosts.
func BenchmarkExecute(b *testing.B) {
	var short []format.Event
	for seed := uint64(1); len(short) < 1<<16; seed++ {
		short = append(short, shifted(naive.Random(rand.New(rand.NewPCG(seed, 7)), naive.GenOptions{}), seed, short)...)
	}
	for _, c := range []struct {
		name string
		rows []format.Event
	}{{"steady", steadyWorld(50_000)}, {"histories", short}} {
		in := batches(c.rows, 4096)
		b.Run(c.name, func(b *testing.B) { benchmarkExecute(b, in) })
	}
}

func benchmarkExecute(b *testing.B, in []*format.Batch) {
	var written uint64
	b.ReportAllocs()
	for b.Loop() {
		w, err := format.NewWriter(io.Discard, format.WriterOptions{})
		if err != nil {
			b.Fatal(err)
		}
		x := replay.Execute(replay.ExecuteOptions{ExecOptions: replay.ExecOptions{Emit: w.WriteBatch}})
		for _, batch := range in {
			if err := x.Batch(batch); err != nil {
				b.Fatal(err)
			}
		}
		_, stats, err := x.Finish(replay.End{})
		if err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		if stats.Untriggered+stats.Dropped > stats.Rows/1000 {
			b.Fatalf("%+v", stats)
		}
		written += stats.Rows
	}
	b.ReportMetric(float64(written)/b.Elapsed().Seconds()/1e6, "Mrows/s")
}

// shifted lets history n follow the rows before it: its handles, drivers and threads are its own.
func shifted(rows []format.Event, n uint64, before []format.Event) []format.Event {
	seq, ts := uint64(0), int64(0)
	if len(before) > 0 {
		seq, ts = before[len(before)-1].Seq, before[len(before)-1].TS
	}
	base := rows[0].TS
	out := make([]format.Event, len(rows))
	for i, e := range rows {
		if e.Has&format.HasDetail != 0 && e.Detail != "" {
			// Handles in details begin with 0xffff8000: they are moved like the others.
			e.Detail = moved(e.Detail, n)
		}
		e.Seq = seq + uint64(i) + 1
		e.TS = ts + e.TS - base + 1000
		e.TID += n << 16
		e.CallID += n << 32
		for _, h := range []*uint64{&e.Adapter, &e.Binding, &e.AF, &e.SAP, &e.VC, &e.Party, &e.Context, &e.Context2} {
			if *h != 0 {
				*h += n << 34
			}
		}
		if e.Has&format.HasDriver != 0 {
			e.Driver = fmt.Sprintf("%s.%d", e.Driver, n)
		}
		out[i] = e
	}
	return out
}

// moved adds n<<34 to the hexadecimal numbers of a detail.
func moved(detail string, n uint64) string {
	var out []byte
	for i := 0; i < len(detail); i++ {
		var v uint64
		if i+18 < len(detail) && detail[i:i+2] == "0x" {
			if k, _ := fmt.Sscanf(detail[i:i+18], "0x%16x", &v); k == 1 && v>>40 != 0 {
				out = append(out, fmt.Sprintf("0x%x", v+n<<34)...)
				i += 17
				continue
			}
		}
		out = append(out, detail[i])
	}
	return string(out)
}

// crowd is drivers that do what a benchmark tells them: a call manager and clients on one adapter.
type crowd struct {
	x       *replay.Executor
	todo    []format.Event // what the thread of the test does next
	clients int
	opens   bool // clients open what they are told of
	pend    bool // the call manager lets opens pend
	next    uint64
	told    int
	pending []format.Event // completions that the call manager owes
	cm      *replay.Thread
	main    *replay.Frame
	last    format.Event
}

func (c *crowd) ctx() uint64 { c.next += 16; return 0xffff9000_00000000 + c.next }

func (c *crowd) Next(f *replay.Frame, a *replay.Act) (replay.Step, uint64) {
	if f.Below() == nil {
		list := &c.todo
		if f.Thread() == c.cm {
			list = &c.pending
		}
		if len(*list) == 0 {
			return replay.StepWait, 0
		}
		a.Row = (*list)[0]
		*list = slices.Delete(*list, 0, 1)
		return replay.StepCall, 0
	}
	a.Row = format.Event{Has: format.HasStatus}
	f.Step++
	switch f.Function {
	case ndis.ProtocolBindAdapterEx:
		if f.Step == 1 {
			a.Row = format.Event{Function: ndis.NdisOpenAdapterEx, Driver: f.Row.Driver, Detail: f.Row.Detail, Context: c.ctx(),
				Has: format.HasDriver | format.HasDetail | format.HasContext}
			return replay.StepCall, 0
		}
	case ndis.ProtocolCoAfRegisterNotify:
		if c.opens { // all that the client does is done from here
			c.main = f
			if len(c.todo) == 0 {
				f.Step--
				return replay.StepWait, 0
			}
			a.Row = c.todo[0]
			c.todo = slices.Delete(c.todo, 0, 1)
			return replay.StepCall, 0
		}
		c.told++
	case ndis.ProtocolCmOpenAf:
		if c.pend {
			a.Row.Status = uint32(ndis.StatusPending)
			c.pending = append(c.pending, format.Event{Function: ndis.NdisCmOpenAddressFamilyComplete, Driver: f.Row.Driver, AF: f.Row.AF,
				Context: c.ctx(), Has: format.HasDriver | format.HasAF | format.HasContext | format.HasStatus})
			return replay.StepReturn, 0
		}
		a.Row.Context = c.ctx()
		a.Row.Has |= format.HasContext
	}
	if f.Function.Info().Returns.Void {
		a.Row.Has = 0
	}
	return replay.StepReturn, 0
}

func (c *crowd) Entered(*replay.Frame)            {}
func (c *crowd) Due(*replay.Frame) (uint64, bool) { return 0, true }
func (c *crowd) Left(f *replay.Frame) {
	switch f.Function {
	case ndis.NdisOpenAdapterEx, ndis.NdisClOpenAddressFamilyEx:
		c.last = f.Result
	}
	if len(c.pending) > 0 && f.Function == ndis.NdisClOpenAddressFamilyEx {
		c.x.Wake(c.cm.Base())
	}
}

func (c *crowd) do(b testing.TB, e format.Event) {
	c.todo = append(c.todo[:0], e)
	c.x.Wake(c.main)
	if err := c.x.Run(replay.Forever); err != nil {
		b.Fatal(err)
	}
}

func (c *crowd) bind(b testing.TB, driver string, n int) uint64 {
	c.do(b, format.Event{Function: ndis.ProtocolBindAdapterEx, Driver: driver, Adapter: 0xa000,
		Detail: fmt.Sprintf(`{"bind_context":"0x%x"}`, c.ctx()), Has: format.HasDriver | format.HasAdapter | format.HasDetail})
	return c.last.Binding
}

// newCrowd is an adapter with n clients on it.
func newCrowd(b testing.TB, n int, o replay.ExecOptions) (c *crowd, clients []uint64) {
	c = &crowd{clients: n}
	c.x = replay.NewExecutor(o, c)
	c.main, c.cm = c.x.Spawn(1).Base(), c.x.Spawn(2)
	c.do(b, format.Event{Function: ndis.MiniportInitializeEx, Driver: "nic", Adapter: 0xa000, Detail: `{"co":true,"miniport_context":"0xa001","role":"miniport"}`,
		Has: format.HasDriver | format.HasAdapter | format.HasDetail})
	for i, d := range []string{"client", "cm"} {
		c.do(b, format.Event{Function: ndis.NdisSetOptionalHandlers, Driver: d, Has: format.HasDriver | format.HasDetail,
			Detail: fmt.Sprintf(`{"handlers":["%s","protocol-co"],"protocol":"0x%x"}`, []string{"client", "call-manager"}[i], 0xb000+i)})
	}
	for i := range n {
		clients = append(clients, c.bind(b, "client", i))
	}
	return c, clients
}

func sizes(b *testing.B, what string, run func(b *testing.B, n int)) {
	for _, n := range []int{1, 10, 1000, 100_000} {
		b.Run(fmt.Sprintf("%s=%d", what, n), func(b *testing.B) { run(b, n) })
	}
}

func register(cm uint64, typ uint32) format.Event {
	return format.Event{Function: ndis.NdisCmRegisterAddressFamilyEx, Driver: "cm", Binding: cm, AFType: typ, AFMajor: 1,
		Has: format.HasDriver | format.HasBinding | format.HasAFType | format.HasAFMajor | format.HasAFMinor}
}

// BenchmarkNotify registers an AF with so many clients on the adapter: each is told.
func BenchmarkNotify(b *testing.B) {
	sizes(b, "clients", func(b *testing.B, n int) {
		var c *crowd
		var cm uint64
		typ := uint32(0)
		for b.Loop() {
			if typ%16 == 0 {
				b.StopTimer()
				c, _ = newCrowd(b, n, replay.ExecOptions{})
				cm = c.bind(b, "cm", n)
				b.StartTimer()
			}
			typ++
			c.do(b, register(cm, typ%16+1))
		}
		if c.told == 0 {
			b.Fatal("nobody was told")
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/client")
	})
}

// BenchmarkRegister registers one AF beside so many others.
func BenchmarkRegister(b *testing.B) {
	for _, n := range []int{1, 10, 1000} {
		b.Run(fmt.Sprintf("afs=%d", n), func(b *testing.B) {
			var c *crowd
			var cm uint64
			i := 0
			for b.Loop() {
				if i%100 == 0 {
					b.StopTimer()
					c, _ = newCrowd(b, 1, replay.ExecOptions{})
					cm = c.bind(b, "cm", 1)
					for j := range n {
						c.do(b, register(cm, uint32(1000+j)))
					}
					b.StartTimer()
				}
				c.do(b, register(cm, uint32(i%100)+1))
				i++
			}
		})
	}
}

func open(client uint64, ctx uint64) format.Event {
	return format.Event{Function: ndis.NdisClOpenAddressFamilyEx, Driver: "client", Binding: client, AFType: 7, AFMajor: 1, Context: ctx,
		Has: format.HasDriver | format.HasBinding | format.HasAFType | format.HasAFMajor | format.HasAFMinor | format.HasContext}
}

// benchmarkOpen opens and closes AFs while so many are open: each round one that was chosen at
// random is closed and a new one opened. Rows are thrown away.
func benchmarkOpen(b *testing.B, pend bool) {
	sizes(b, "open", func(b *testing.B, n int) {
		c, clients := newCrowd(b, 1, replay.ExecOptions{})
		round := openRounds(b, c, clients[0], n, pend)
		b.ReportAllocs()
		rows := c.x.Stats().Rows
		for b.Loop() {
			round()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(c.x.Stats().Rows-rows), "ns/row")
	})
}

// openRounds makes n AFs be open, and gives what closes one of them and opens another.
func openRounds(b *testing.B, c *crowd, client uint64, n int, pend bool) (round func()) {
	cm := c.bind(b, "cm", 1)
	c.opens, c.pend = true, pend
	c.do(b, register(cm, 7))
	open := func() uint64 {
		c.do(b, open(client, c.ctx()))
		if pend {
			return c.x.LastHandle()
		}
		return c.last.AF
	}
	live := make([]uint64, n)
	for i := range live {
		live[i] = open()
	}
	r := rand.New(rand.NewPCG(1, 2))
	return func() {
		i := r.IntN(n)
		c.do(b, format.Event{Function: ndis.NdisClCloseAddressFamily, Driver: "client", AF: live[i], Has: format.HasDriver | format.HasAF})
		live[i] = open()
	}
}

func BenchmarkOpenClose(b *testing.B)       { benchmarkOpen(b, false) }
func BenchmarkOpenClosePended(b *testing.B) { benchmarkOpen(b, true) }

// measured is a clock that keeps what each transition cost: an Executor reads it before and after
// each. What a reading costs is taken off, as it is for a Hook.
type measured struct {
	start time.Time
	cost  int64
	from  int64 // of the transition that runs; 0 between two
	costs []int64
	spans []int64 // what NDIS's side of a whole call cost
	fn    ndis.Func
}

func newMeasured(fn ndis.Func) *measured {
	m := &measured{start: time.Now(), fn: fn}
	const rounds, reads = 31, 256
	costs := make([]int64, rounds)
	for i := range costs {
		from := m.now()
		for range reads {
			m.now()
		}
		costs[i] = (m.now() - from) / (reads + 1)
	}
	slices.Sort(costs)
	m.cost = costs[rounds/2]
	return m
}

func (m *measured) now() int64 { return int64(time.Since(m.start)) }

func (m *measured) clock() int64 {
	t := m.now()
	if m.from == 0 {
		m.from = t
	} else {
		m.costs = append(m.costs, max(0, t-m.from-m.cost))
		m.from = 0
	}
	return t
}

func (m *measured) Span(s *replay.Span) {
	if s.Function == m.fn {
		m.spans = append(m.spans, s.Return)
	}
}

func (m *measured) reset() { m.costs, m.spans = m.costs[:0], m.spans[:0] }

func (m *measured) options() replay.ExecOptions {
	return replay.ExecOptions{Options: replay.Options{Hook: m}, Clock: m.clock, ClockCost: m.cost}
}

// quantile of costs, which it sorts.
func quantile(costs []int64, q float64) float64 {
	if len(costs) == 0 {
		return 0
	}
	slices.Sort(costs)
	return float64(costs[int(q*float64(len(costs)-1))])
}

// BenchmarkTransitions measures transitions one by one, with the clock that afreplay exec --timings
// has: exact medians of all that were seen, of the open by the slowest of its steps.
func BenchmarkTransitions(b *testing.B) {
	for _, pend := range []bool{false, true} {
		name := "open"
		steps := []string{"NdisClOpen", "ProtocolCmOpenAf", "ProtocolCmOpenAf-return", "NdisClOpen-return"}
		if pend {
			name = "open-pended"
			steps = append(steps, "NdisCmOpenComplete", "ProtocolClOpenAfComplete", "ProtocolClOpenAfComplete-return", "NdisCmOpenComplete-return")
		}
		b.Run(name, func(b *testing.B) {
			sizes(b, "open", func(b *testing.B, n int) { measureOpens(b, n, pend, steps) })
		})
	}
	b.Run("register", func(b *testing.B) {
		for _, n := range []int{1, 10, 1000} { // each looks at all that there are on its adapter
			b.Run(fmt.Sprintf("afs=%d", n), func(b *testing.B) { measureRegistrations(b, n) })
		}
	})
	b.Run("notify", func(b *testing.B) { sizes(b, "clients", measureNotices) })
}

func measureOpens(b *testing.B, n int, pend bool, steps []string) {
	const keep = 1 << 17
	m := newMeasured(ndis.NdisClOpenAddressFamilyEx)
	c, clients := newCrowd(b, 1, m.options())
	round := openRounds(b, c, clients[0], n, pend)
	const closing = 4 // rows of the close, which is synchronous
	perStep := make([][]int64, len(steps))
	var all, spans []int64
	for b.Loop() {
		m.reset()
		round()
		if len(m.costs) != closing+len(steps) {
			b.Fatalf("%d transitions, want %d", len(m.costs), closing+len(steps))
		}
		if len(spans) == keep {
			continue
		}
		for i, cost := range m.costs[closing:] {
			perStep[i] = append(perStep[i], cost)
			all = append(all, cost)
		}
		spans = append(spans, m.spans...)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(quantile(all, 0.5), "p50-ns/transition")
	b.ReportMetric(quantile(all, 0.99), "p99-ns/transition")
	b.ReportMetric(quantile(spans, 0.5), "p50-ns/open")
	slowest := 0.0
	for i, name := range steps {
		p50 := quantile(perStep[i], 0.5)
		slowest = max(slowest, p50)
		if testing.Verbose() {
			b.Logf("%s: p50 %.0f ns", name, p50)
		}
	}
	b.ReportMetric(slowest, "p50-ns/slowest-step")
}

// measureRegistrations registers one AF beside so many others.
func measureRegistrations(b *testing.B, n int) {
	m := newMeasured(ndis.NdisCmRegisterAddressFamilyEx)
	var c *crowd
	var cm uint64
	var spans []int64
	const perWorld = 100
	for i := 0; b.Loop(); i++ {
		if i%perWorld == 0 {
			c, _ = newCrowd(b, 1, m.options())
			cm = c.bind(b, "cm", 1)
			for j := range n {
				c.do(b, register(cm, uint32(1<<20+j)))
			}
		}
		m.reset()
		c.do(b, register(cm, uint32(i)+1))
		spans = append(spans, m.spans...)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(quantile(spans, 0.5), "p50-ns/registration")
}

// measureNotices registers an AF with so many clients on the adapter, each of which is told.
func measureNotices(b *testing.B, n int) {
	m := newMeasured(ndis.ProtocolCoAfRegisterNotify)
	var c *crowd
	var cm uint64
	var spans []int64
	const keep = 1 << 20
	for i := 0; b.Loop(); i++ {
		if i%16 == 0 {
			c, _ = newCrowd(b, n, m.options())
			cm = c.bind(b, "cm", n)
		}
		m.reset()
		c.do(b, register(cm, uint32(i%16)+1))
		if len(m.spans) != n {
			b.Fatalf("%d were told, want %d", len(m.spans), n)
		}
		if len(spans) < keep {
			spans = append(spans, m.spans...)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(quantile(spans, 0.5), "p50-ns/notice")
}
