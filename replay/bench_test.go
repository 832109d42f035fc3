package replay_test

import (
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// steadyWorld builds rows of a world in its steady state: clients open an address family,
// every fourth open pends, and close it again; a fifth of the rows carries detail.
func steadyWorld(opens int) []format.Event {
	w := &world{ts: 1_767_225_600_000_000_000}
	const adapter, clients = 0xa0, 8
	w.call(ndis.MiniportInitializeEx, "mini", func(e *format.Event) { w.adapter(e, adapter); w.detail(e, `{"co":true,"role":"miniport"}`) }, nil)
	bind := func(driver, role string, ctx, hdl, proto uint64, in func()) {
		w.call(ndis.NdisRegisterProtocolDriver, driver, func(e *format.Event) {}, func(e *format.Event) {
			w.detail(e, `{"protocol":"`+hex(proto)+`"}`)
		})
		w.call(ndis.NdisSetOptionalHandlers, driver, func(e *format.Event) {
			w.detail(e, `{"handlers":["protocol-co","`+role+`"],"null_slots":[],"protocol":"`+hex(proto)+`"}`)
		}, nil)
		w.nest(ndis.ProtocolBindAdapterEx, driver, func(e *format.Event) {
			w.adapter(e, adapter)
			w.detail(e, `{"bind_context":"`+hex(ctx+1)+`"}`)
		}, func() {
			w.call(ndis.NdisOpenAdapterEx, driver, func(e *format.Event) {
				e.Context, e.Has = ctx, e.Has|format.HasContext
				w.detail(e, `{"bind_context":"`+hex(ctx+1)+`","protocol":"`+hex(proto)+`"}`)
			}, func(e *format.Event) { e.Binding, e.Has = hdl, e.Has|format.HasBinding })
			in()
		}, nil)
	}
	for c := uint64(0); c < clients; c++ {
		bind("client", "client", 0x1000+c*16, 0x2000+c*16, 0x3000+c, func() {})
	}
	bind("cm", "call-manager", 0x5000, 0x6000, 0x7000, func() {
		w.call(ndis.NdisCmRegisterAddressFamilyEx, "cm", func(e *format.Event) {
			e.Binding, e.Has = 0x6000, e.Has|format.HasBinding
			w.af(e)
		}, nil)
	})
	// Each client does all it does from its notification handler, on a thread of its own.
	for c := uint64(0); c < clients; c++ {
		w.tid = 10 + c
		w.enter(ndis.ProtocolCoAfRegisterNotify, "client", func(e *format.Event) {
			e.Context, e.Has = 0x1000+c*16, e.Has|format.HasContext
			w.af(e)
		})
	}
	for i := 0; i < opens; i++ {
		c := uint64(i % clients)
		h, cl, cm := uint64(0xf0000+i%4096*16), uint64(0x900000+i%4096*16), uint64(0xa00000+i%4096*16)
		w.tid = 10 + c
		pend := i%4 == 0
		status := uint32(0)
		if pend {
			status = 0x103
		}
		w.nest(ndis.NdisClOpenAddressFamilyEx, "client", func(e *format.Event) {
			e.Binding, e.Context, e.Has = 0x2000+c*16, cl, e.Has|format.HasBinding|format.HasContext
			w.af(e)
		}, func() {
			w.call(ndis.ProtocolCmOpenAf, "cm", func(e *format.Event) {
				e.Context, e.AF, e.Has = 0x5000, h, e.Has|format.HasContext|format.HasAF
				w.af(e)
				w.detail(e, `{"level":4,"origin":"synthetic"}`)
			}, func(e *format.Event) {
				e.Context, e.Status, e.Has = cm, status, e.Has|format.HasContext
			})
		}, func(e *format.Event) {
			e.AF, e.Status, e.Has = h, status, e.Has|format.HasAF
			if pend {
				e.AF, e.Has = 0, e.Has&^format.HasAF
			}
		})
		if pend {
			w.nest(ndis.NdisCmOpenAddressFamilyComplete, "cm", func(e *format.Event) {
				e.AF, e.Context, e.Has = h, cm, e.Has|format.HasAF|format.HasContext|format.HasStatus
			}, func() {
				w.call(ndis.ProtocolClOpenAfCompleteEx, "client", func(e *format.Event) {
					e.AF, e.Context, e.Has = h, cl, e.Has|format.HasAF|format.HasContext|format.HasStatus
					w.detail(e, `{"caller":"ndis"}`)
				}, nil)
			}, nil)
		}
		w.nest(ndis.NdisClCloseAddressFamily, "client", func(e *format.Event) {
			e.AF, e.Has = h, e.Has|format.HasAF
			w.detail(e, `{"level":4,"origin":"synthetic"}`)
		}, func() {
			w.call(ndis.ProtocolCmCloseAf, "cm", func(e *format.Event) {
				e.Context, e.Has = cm, e.Has|format.HasContext
			}, nil)
		}, nil)
	}
	return w.rows
}

type world struct {
	tid  uint64
	rows []format.Event
	ts   int64
	id   uint64
}

func hex(v uint64) string {
	const digits = "0123456789abcdef"
	out := ""
	for ; v > 0; v >>= 4 {
		out = string(digits[v&15]) + out
	}
	return "0x" + out
}

func (w *world) emit(e format.Event) {
	w.ts += 700
	e.Seq, e.TS, e.Source = uint64(len(w.rows)+1), w.ts, format.SourceScenario
	w.rows = append(w.rows, e)
}

func (w *world) adapter(e *format.Event, h uint64) { e.Adapter, e.Has = h, e.Has|format.HasAdapter }
func (w *world) detail(e *format.Event, d string)  { e.Detail, e.Has = d, e.Has|format.HasDetail }
func (w *world) af(e *format.Event) {
	e.AFType, e.AFMajor, e.AFMinor = 1, 1, 0
	e.Has |= format.HasAFType | format.HasAFMajor | format.HasAFMinor
}

func (w *world) call(fn ndis.Func, driver string, in, out func(*format.Event)) {
	w.nest(fn, driver, in, func() {}, out)
}

func (w *world) enter(fn ndis.Func, driver string, in func(*format.Event)) format.Event {
	w.id++
	base := format.Event{Function: fn, Driver: driver, CallID: w.id, TID: w.tid, PID: 4,
		Has: format.HasDriver | format.HasCallID | format.HasTID | format.HasPID | format.HasIRQL}
	e := base
	e.Phase = format.PhaseEnter
	in(&e)
	w.emit(e)
	return base
}

func (w *world) nest(fn ndis.Func, driver string, in func(*format.Event), body func(), out func(*format.Event)) {
	base := w.enter(fn, driver, in)
	body()
	e := base
	e.Phase = format.PhaseReturn
	if !fn.Info().Returns.Void {
		e.Has |= format.HasStatus
	}
	if out != nil {
		out(&e)
	}
	w.emit(e)
}

func batches(rows []format.Event, size int) []*format.Batch {
	var out []*format.Batch
	for len(rows) > 0 {
		n := min(size, len(rows))
		b := &format.Batch{}
		for i := range rows[:n] {
			b.Append(&rows[i])
		}
		out = append(out, b)
		rows = rows[n:]
	}
	return out
}

func TestSteadyWorldConforms(t *testing.T) {
	c := replay.New(replay.Options{})
	for _, b := range batches(steadyWorld(5000), 4096) {
		if err := c.Batch(b); err != nil {
			t.Fatal(err)
		}
	}
	r := c.Finish(replay.End{})
	if r.Verdict != replay.Conforms || len(r.Findings) > 0 {
		t.Errorf("verdict %v, %d findings, first %+v", r.Verdict, len(r.Findings), r.Findings[:min(3, len(r.Findings))])
	}
}

// BenchmarkReplayColumns replays columns that are in memory.
func BenchmarkReplayColumns(b *testing.B) {
	bs := batches(steadyWorld(150_000), 32768)
	rows := 0
	for _, x := range bs {
		rows += x.N
	}
	detail := 0
	for _, x := range bs {
		for i := range x.Has {
			if x.Has[i]&format.HasDetail != 0 {
				detail++
			}
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		c := replay.New(replay.Options{})
		for _, x := range bs {
			if err := c.Batch(x); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(detail)/float64(rows)*100, "%detail")
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
