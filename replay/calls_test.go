package replay_test

import (
	"runtime"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// steadyCalls builds rows of a world in which a client makes one multipoint call after the
// other over one address family, each on a VC of its own, and every other thing pends.
func steadyCalls(n int) []format.Event {
	w := &world{ts: 1_767_225_600_000_000_000, tid: 1}
	const (
		adapter, af     = 0xa0, 0xf0
		clBind, clBound = 0x100, 0x110
		cmBind, cmBound = 0x200, 0x210
		clAF, cmAF      = 0x300, 0x310
	)
	handles := func(binding, vc, party uint64) func(*format.Event) {
		return func(e *format.Event) {
			if binding != 0 {
				e.Binding, e.Has = binding, e.Has|format.HasBinding
			}
			if vc != 0 {
				e.VC, e.Has = vc, e.Has|format.HasVC
			}
			if party != 0 {
				e.Party, e.Has = party, e.Has|format.HasParty
			}
		}
	}
	ctx := func(v uint64, more ...func(*format.Event)) func(*format.Event) {
		return func(e *format.Event) {
			e.Context, e.Has = v, e.Has|format.HasContext
			for _, f := range more {
				f(e)
			}
		}
	}
	pending := func(e *format.Event) { e.Status = uint32(ndis.StatusPending) }
	success := func(e *format.Event) { e.Status, e.Has = 0, e.Has|format.HasStatus }
	told := func(e *format.Event) { success(e); w.detail(e, `{"caller":"ndis"}`) }
	nop := func() {}

	w.call(ndis.MiniportInitializeEx, "mini", func(e *format.Event) { w.adapter(e, adapter); w.detail(e, `{"co":true,"role":"miniport"}`) }, nil)
	bind := func(driver string, c, h uint64, in func()) {
		w.nest(ndis.ProtocolBindAdapterEx, driver, func(e *format.Event) { w.adapter(e, adapter) }, func() {
			w.call(ndis.NdisOpenAdapterEx, driver, ctx(c), handles(h, 0, 0))
			in()
		}, nil)
	}
	bind("client", clBind, clBound, nop)
	bind("cm", cmBind, cmBound, func() {
		w.call(ndis.NdisCmRegisterAddressFamilyEx, "cm", func(e *format.Event) { handles(cmBound, 0, 0)(e); w.af(e) }, nil)
	})
	w.nest(ndis.ProtocolCoAfRegisterNotify, "client", ctx(clBind, w.af), func() {
		w.nest(ndis.NdisClOpenAddressFamilyEx, "client", ctx(clAF, handles(clBound, 0, 0), w.af), func() {
			w.call(ndis.ProtocolCmOpenAf, "cm", ctx(cmBind, w.af, func(e *format.Event) { e.AF, e.Has = af, e.Has|format.HasAF }), ctx(cmAF))
		}, func(e *format.Event) { e.AF, e.Has = af, e.Has|format.HasAF })
	}, nil)
	for i := range n {
		k := uint64(i % 1024 * 16)
		vc, cl, cm, mini, party, clParty, cmParty := 0x10000+k, 0x20000+k, 0x30000+k, 0x40000+k, 0x50000+k, 0x60000+k, 0x70000+k
		w.nest(ndis.NdisCoCreateVc, "client", ctx(cl, handles(clBound, 0, 0), func(e *format.Event) { e.AF, e.Has = af, e.Has|format.HasAF|format.HasVC }), func() {
			w.call(ndis.MiniportCoCreateVc, "mini", ctx(adapter, handles(0, vc, 0)), ctx(mini))
			w.call(ndis.ProtocolCoCreateVc, "cm", ctx(cmAF, handles(0, vc, 0)), ctx(cm))
		}, handles(0, vc, 0))
		w.nest(ndis.NdisClMakeCall, "client", ctx(clParty, handles(0, vc, 0)), func() {
			w.call(ndis.ProtocolCmMakeCall, "cm", ctx(cm, handles(0, 0, party)), pending)
		}, pending)
		w.nest(ndis.NdisCmActivateVc, "cm", handles(0, vc, 0), func() {
			w.call(ndis.MiniportCoActivateVc, "mini", ctx(mini), pending)
		}, pending)
		w.nest(ndis.NdisMCoActivateVcComplete, "mini", func(e *format.Event) { handles(0, vc, 0)(e); success(e) }, func() {
			w.call(ndis.ProtocolCmActivateVcComplete, "cm", ctx(cm, told), nil)
		}, nil)
		w.nest(ndis.NdisCmMakeCallComplete, "cm", ctx(cmParty, handles(0, vc, party), success), func() {
			w.call(ndis.ProtocolClMakeCallComplete, "client", ctx(cl, handles(0, 0, party), told), nil)
		}, nil)
		send := func(e *format.Event) { handles(0, vc, 0)(e); w.detail(e, `{"nbl":"0x77"}`) }
		w.call(ndis.NdisCoSendNetBufferLists, "client", send, nil)
		w.call(ndis.ProtocolCoSendNetBufferListsComplete, "client", ctx(cl, func(e *format.Event) { w.detail(e, `{"nbl":"0x77"}`) }), nil)
		w.nest(ndis.NdisClCloseCall, "client", handles(0, vc, party), func() {
			w.nest(ndis.ProtocolCmCloseCall, "cm", ctx(cm), func() {
				w.nest(ndis.NdisCmDeactivateVc, "cm", handles(0, vc, 0), func() {
					w.call(ndis.MiniportCoDeactivateVc, "mini", ctx(mini), nil)
				}, nil)
			}, nil)
		}, nil)
		w.nest(ndis.NdisCoDeleteVc, "client", handles(0, vc, 0), func() {
			w.call(ndis.ProtocolCoDeleteVc, "cm", ctx(cm), nil)
			w.call(ndis.MiniportCoDeleteVc, "mini", ctx(mini), nil)
		}, nil)
	}
	return w.rows
}

// TestSteadyCalls: calls that come and go are legal, and neither memory nor allocations grow
// with their number.
func TestSteadyCalls(t *testing.T) {
	bs := batches(steadyCalls(20_000), 4096)
	c := replay.New(replay.Options{MaxDead: 1 << 10})
	half := len(bs) / 2
	var before, after runtime.MemStats
	for i, b := range bs {
		if i == half {
			runtime.ReadMemStats(&before)
		}
		if err := c.Batch(b); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if n := after.Mallocs - before.Mallocs; n > 1000 {
		t.Errorf("%d allocations in the second half of %d batches", n, len(bs))
	}
	r := c.Finish(replay.End{})
	if r.Verdict != replay.Conforms || len(r.Findings) > 0 || len(r.Defects) > 0 {
		t.Errorf("verdict %v because %v, defects %v, %d findings, first %+v", r.Verdict, r.Reasons, r.Defects, len(r.Findings), r.Findings[:min(3, len(r.Findings))])
	}
}

// BenchmarkReplayCalls replays calls that are in memory.
func BenchmarkReplayCalls(b *testing.B) {
	bs := batches(steadyCalls(10_000), 32768)
	rows := 0
	for _, x := range bs {
		rows += x.N
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		c := replay.New(replay.Options{})
		for _, x := range bs {
			if err := c.Batch(x); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
