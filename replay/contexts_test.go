package replay_test

import (
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// TestContextGivenTwice: a call manager that completes an open from within ProtocolCmOpenAf and
// then returns SUCCESS hands back its CallMgrAfContext twice. The first row that carries the
// context afterwards is replayed like any other: the open is on the list of its context once.
func TestContextGivenTwice(t *testing.T) {
	const af, clientContext, managerContext = 0xf0000, 0x900000, 0xa00000
	for _, again := range []uint64{managerContext, managerContext + 16} {
		rows := steadyWorld(0)
		last := rows[len(rows)-1]
		w := &world{rows: rows, ts: last.TS, id: last.CallID, tid: 10}
		w.nest(ndis.NdisClOpenAddressFamilyEx, "client", func(e *format.Event) {
			e.Binding, e.Context, e.Has = 0x2000, clientContext, e.Has|format.HasBinding|format.HasContext
			w.af(e)
		}, func() {
			w.nest(ndis.ProtocolCmOpenAf, "cm", func(e *format.Event) {
				e.Context, e.AF, e.Has = 0x5000, af, e.Has|format.HasContext|format.HasAF
				w.af(e)
			}, func() {
				w.call(ndis.NdisCmOpenAddressFamilyComplete, "cm", func(e *format.Event) {
					e.AF, e.Context, e.Has = af, managerContext, e.Has|format.HasAF|format.HasContext|format.HasStatus
				}, nil)
			}, func(e *format.Event) { e.Context, e.Has = again, e.Has|format.HasContext })
		}, func(e *format.Event) { e.AF, e.Has = af, e.Has|format.HasAF })
		w.call(ndis.ProtocolCmCloseAf, "cm", func(e *format.Event) {
			e.Context, e.Has = again, e.Has|format.HasContext
		}, nil)
		c := replay.New(replay.Options{})
		for _, b := range batches(w.rows, 4096) {
			if err := c.Batch(b); err != nil {
				t.Fatal(err)
			}
		}
		var got []rule.ID
		for _, f := range c.Finish(replay.End{}).Findings {
			got = append(got, f.Rule)
		}
		if len(got) != 2 || got[0] != rule.OPEN08 || got[1] != rule.CLOSE20 {
			t.Errorf("context %#x at the return: findings %v, want OPEN-08 and CLOSE-20", again, got)
		}
	}
}
