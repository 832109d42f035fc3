package replay_test

import (
	"slices"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// inside lists what was entered between the entry and the return of the only call of fn.
func (p *page) inside(fn ndis.Func) (names []string) {
	p.t.Helper()
	enter, leave := p.all(fn, "", format.PhaseEnter), p.all(fn, "", format.PhaseReturn)
	if len(enter) != 1 || len(leave) != 1 {
		p.t.Fatalf("%d calls of %v, %d returns", len(enter), fn, len(leave))
	}
	for _, e := range p.rows {
		if e.Phase == format.PhaseEnter && e.Seq > enter[0].Seq && e.Seq < leave[0].Seq {
			names = append(names, e.Driver+" "+e.Function.String())
		}
	}
	return names
}

// TestFailedCreationIsUndone: if one side cannot create its part of a VC, what the other has
// created is deleted again inside the call, and the call fails with that status.
func TestFailedCreationIsUndone(t *testing.T) {
	const (
		mpCreate, cmCreate, clCreate = "miniport MiniportCoCreateVc", "cm ProtocolCoCreateVc", "cl ProtocolCoCreateVc"
		mpDelete, cmDelete           = "miniport MiniportCoDeleteVc", "cm ProtocolCoDeleteVc"
	)
	reference := replay.ExecuteOptions{CallManager: replay.CallManagerReference, Limits: replay.CallManagerLimits{Memory: 800}}
	for _, c := range []struct {
		name, text string
		o          replay.ExecuteOptions
		driver     string
		status     ndis.Status
		inside     []string
	}{
		{"the call manager refuses", "cl: create-vc af1 v -> RESOURCES\n  miniport: mp-create-vc v\n  cm: co-create-vc v -> RESOURCES\n  miniport: mp-delete-vc v\n",
			replay.ExecuteOptions{}, "cl", ndis.StatusResources, []string{mpCreate, cmCreate, mpDelete}},
		{"the miniport refuses", "cl: create-vc af1 v -> RESOURCES\n  cm: co-create-vc v\n  miniport: mp-create-vc v -> RESOURCES\n  cm: co-delete-vc v\n",
			replay.ExecuteOptions{}, "cl", ndis.StatusResources, []string{cmCreate, mpCreate, cmDelete}},
		{"the first one asked refuses", "cl: create-vc af1 v -> RESOURCES\n  miniport: mp-create-vc v -> RESOURCES\n",
			replay.ExecuteOptions{}, "cl", ndis.StatusResources, []string{mpCreate}},
		{"PENDING is a failure", "cl: create-vc af1 v -> FAILURE\n  miniport: mp-create-vc v\n  cm: co-create-vc v -> PENDING\n  miniport: mp-delete-vc v\n",
			replay.ExecuteOptions{}, "cl", ndis.StatusFailure, []string{mpCreate, cmCreate, mpDelete}},
		{"the client refuses a VC of the call manager", "cm: create-vc af1 v -> NOT_SUPPORTED\n  miniport: mp-create-vc v\n  cl: co-create-vc v -> NOT_SUPPORTED\n  miniport: mp-delete-vc v\n",
			replay.ExecuteOptions{}, "cm", ndis.StatusNotSupported, []string{mpCreate, clCreate, mpDelete}},
		{"another status than recorded", "cl: create-vc af1 v\n  miniport: mp-create-vc v\n  cm: co-create-vc v -> RESOURCES\n",
			replay.ExecuteOptions{}, "cl", ndis.StatusResources, []string{mpCreate, cmCreate, mpDelete}},
		{"nothing was undone in the recording", "cl: create-vc af1 v -> RESOURCES\n  miniport: mp-create-vc v\n  cm: co-create-vc v -> RESOURCES\n",
			replay.ExecuteOptions{}, "cl", ndis.StatusResources, []string{mpCreate, cmCreate}},
		{"the reference call manager has no memory", "cl: create-vc af1 v\n", reference, "cl", ndis.StatusResources, []string{mpCreate, cmCreate, mpDelete}},
		{"the reference call manager gives its part back", "cl: create-vc af1 v -> RESOURCES\n  cm: co-create-vc v\n  miniport: mp-create-vc v -> RESOURCES\n",
			replay.ExecuteOptions{CallManager: replay.CallManagerReference}, "cl", ndis.StatusResources, []string{cmCreate, mpCreate, cmDelete}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := executePage(t, opening+c.text, c.o)
			p.returns(ndis.NdisCoCreateVc, c.driver, c.status)
			if got := p.inside(ndis.NdisCoCreateVc); !slices.Equal(got, c.inside) {
				t.Errorf("inside the creation %v, want %v", got, c.inside)
			}
			for _, e := range p.all(ndis.NdisCoCreateVc, "", format.PhaseReturn) {
				if e.Has&format.HasVC != 0 && e.VC != 0 {
					t.Errorf("a failed creation gives the handle %x", e.VC)
				}
			}
			created := p.all(ndis.MiniportCoCreateVc, "", format.PhaseReturn)
			for _, e := range p.all(ndis.MiniportCoDeleteVc, "", format.PhaseEnter) {
				if len(created) != 1 || e.Context != created[0].Context {
					t.Errorf("MiniportCoDeleteVc for %x, the miniport created %v", e.Context, created)
				}
			}
			if st := p.x.CallManager().Stats(); c.o.CallManager == replay.CallManagerReference && (st.Opens != 1 || st.Memory != 768) {
				t.Errorf("the reference call manager keeps %+v", st)
			}
			if r := check(t, p.rows, replay.Options{}, replay.End{}); len(r.Defects) > 0 {
				t.Error(r.Defects)
			}
		})
	}
}

// TestFailedCreationIsUndoneInAnyOrder: the same for the order of the sides that a seed chooses.
func TestFailedCreationIsUndoneInAnyOrder(t *testing.T) {
	orders := map[string]int{}
	for seed := uint64(1); seed <= 16; seed++ {
		o := replay.ExecuteOptions{CallManager: replay.CallManagerReference, Limits: replay.CallManagerLimits{Memory: 800},
			ExecOptions: replay.ExecOptions{Seed: seed}}
		p := executePage(t, opening+"cl: create-vc af1 v\n", o)
		p.returns(ndis.NdisCoCreateVc, "cl", ndis.StatusResources)
		inside := p.inside(ndis.NdisCoCreateVc)
		orders[inside[0]]++
		if n := len(inside); n != 1 && n != 3 {
			t.Errorf("seed %d: %v", seed, inside)
		}
		p.count(ndis.MiniportCoDeleteVc, "miniport", len(p.all(ndis.MiniportCoCreateVc, "", format.PhaseEnter)))
	}
	if len(orders) != 2 {
		t.Errorf("only one order: %v", orders)
	}
}
