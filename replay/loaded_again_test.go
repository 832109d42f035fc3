package replay_test

import (
	"fmt"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// A driver that is a protocol and a miniport with a call manager, as an intermediate driver is,
// may be loaded again and again: whichever half registers first, and whether or not the handle
// values come back, its adapters are what they were.
func TestDriverOfTwoHalvesIsLoadedAgain(t *testing.T) {
	for _, protocolFirst := range []bool{false, true} {
		for _, fresh := range []uint64{0, 0x100} {
			w := &world{tid: 7}
			for life := range uint64(3) {
				handles := func(kind string, handle uint64, set string) func(*format.Event) {
					return func(e *format.Event) {
						d := fmt.Sprintf(`{"%s":"%#x"`, kind, handle+life*fresh)
						if set != "" {
							d += fmt.Sprintf(`,"handlers":[%s],"null_slots":[]`, set)
						}
						w.detail(e, d+"}")
					}
				}
				register := func(fn, options ndis.Func, kind string, handle uint64, set string) {
					w.nest(fn, "mux", func(*format.Event) {}, func() {
						w.nest(options, "mux", handles(kind, handle, ""), func() {
							w.call(ndis.NdisSetOptionalHandlers, "mux", handles(kind, handle, set), nil)
						}, nil)
					}, handles(kind, handle, ""))
				}
				halves := []func(){
					func() {
						register(ndis.NdisMRegisterMiniportDriver, ndis.MiniportSetOptions, "miniport_driver", 0xd000, `"miniport-co","call-manager"`)
					},
					func() {
						register(ndis.NdisRegisterProtocolDriver, ndis.ProtocolSetOptions, "protocol", 0xe000, `"protocol-co","client"`)
					},
				}
				if protocolFirst {
					halves[0], halves[1] = halves[1], halves[0]
				}
				halves[0]()
				halves[1]()
				adapter := func(e *format.Event) { e.Adapter, e.Has = 0xa000, e.Has|format.HasAdapter }
				w.nest(ndis.MiniportInitializeEx, "mux", adapter, func() {
					w.call(ndis.NdisMCmRegisterAddressFamilyEx, "mux", func(e *format.Event) {
						adapter(e)
						w.af(e)
					}, nil)
				}, nil)
				w.call(ndis.MiniportHaltEx, "mux", adapter, nil)
				w.call(ndis.NdisDeregisterProtocolDriver, "mux", handles("protocol", 0xe000, ""), nil)
				w.call(ndis.NdisMDeregisterMiniportDriver, "mux", handles("miniport_driver", 0xd000, ""), nil)
			}
			c := replay.New(replay.Options{})
			for _, b := range batches(w.rows, 4096) {
				if err := c.Batch(b); err != nil {
					t.Fatal(err)
				}
			}
			for _, f := range c.Finish(replay.End{}).Findings {
				t.Errorf("protocol first %v, handles %#x apart: %s %s", protocolFirst, fresh, f.ID(), f.Message)
			}
		}
	}
}
