package replay_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/internal/naive"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// The registrations of an adapter are an object that drivers use at one time: a table from
// AF to its holder. A history of it is legal if there is an order of the calls, compatible
// with time, in which the table gives the answers that were given: it is linearizable. This
// file asks another program, made for that question, and compares the answers.
//
// There is no call that ends a registration: what ends it is the NdisCloseAdapterEx of its
// owner (AMB-02). A refusal is never a fault by itself, since it has causes that a trace does
// not show.

// claim is one operation on the table.
type claim struct {
	shuts  bool // NdisCloseAdapterEx, which ends the use of the binding
	leaves bool // its completion, which ends the registrations; neither: a registration
	owner  int  // binding, or the adapter's MCM
	mcm    bool
	where  uint64 // adapter
	af     [3]uint32
}

// tableState is the entry of one AF.
type tableState struct {
	holder int    // 0: nobody
	closed uint64 // bit of each owner that left
}

var table = porcupine.Model{
	// AFs of one type and of several versions are several (AMB-01), adapters do not share.
	Partition: func(ops []porcupine.Operation) (parts [][]porcupine.Operation) {
		type key struct {
			where uint64
			af    [3]uint32
		}
		var keys []key
		for _, o := range ops {
			k := key{o.Input.(claim).where, o.Input.(claim).af}
			if in := o.Input.(claim); !in.leaves && !in.shuts && !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
		for _, k := range keys {
			var part []porcupine.Operation
			for _, o := range ops {
				if in := o.Input.(claim); in.where == k.where && (in.leaves || in.shuts || in.af == k.af) {
					part = append(part, o)
				}
			}
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return tableState{} },
	Step: func(state, input, output any) (bool, any) {
		s, in := state.(tableState), input.(claim)
		switch {
		case in.shuts:
			s.closed |= 1 << in.owner
			return true, s
		case in.leaves:
			if s.closed>>in.owner&1 == 0 {
				return false, s
			}
			if s.holder == in.owner {
				s.holder = 0
			}
			return true, s
		case !output.(bool):
			return true, s
		case s.closed>>in.owner&1 != 0:
			return false, s
		case s.holder == 0:
			s.holder = in.owner
			return true, s
		}
		return s.holder == in.owner && !in.mcm, s // AMB-03
	},
}

// claims reads the operations of a trace.
func claims(rows []format.Event) (ops []porcupine.Operation) {
	type binding struct {
		owner int
		where uint64
		ctx   uint64
	}
	bindings := map[uint64]binding{}
	entered := map[uint64]*format.Event{}
	pended := map[uint64]int{} // by context: closes to complete
	for i := range rows {
		e := &rows[i]
		if e.Phase == format.PhaseEnter {
			entered[e.CallID] = e
			continue
		}
		in := entered[e.CallID]
		add := func(c claim) {
			ops = append(ops, porcupine.Operation{
				ClientId: int(in.TID), Input: c, Output: e.Status == uint32(ndis.StatusSuccess), Call: in.TS, Return: e.TS,
			})
		}
		af := [3]uint32{in.AFType, in.AFMajor, in.AFMinor}
		switch e.Function {
		case ndis.NdisOpenAdapterEx:
			bindings[e.Binding] = binding{len(bindings) + 3, in.Adapter, in.Context}
		case ndis.NdisCmRegisterAddressFamilyEx:
			b := bindings[in.Binding]
			add(claim{owner: b.owner, where: b.where, af: af})
		case ndis.NdisMCmRegisterAddressFamilyEx:
			add(claim{owner: 1, mcm: true, where: in.Adapter, af: af})
		case ndis.NdisCloseAdapterEx:
			b := bindings[in.Binding]
			add(claim{shuts: true, owner: b.owner, where: b.where})
			add(claim{leaves: true, owner: b.owner, where: b.where})
			if e.Status == uint32(ndis.StatusPending) {
				pended[b.ctx] = len(ops) - 1
			}
		case ndis.ProtocolCloseAdapterCompleteEx:
			ops[pended[in.Context]].Return = e.TS
		}
	}
	return ops
}

// contest makes a history of call managers that register AFs and leave, some at one time.
// One whose answers are those of a table is legal. In a crooked one, some refusals have
// become successes; that may be legal still, if a call overlaps another.
type contest struct {
	rng     *rand.Rand
	rows    []format.Event
	ids     uint64
	handles uint64
	ts      int64
	crooked int // percent
	holders map[string]int
	lanes   [][]func()
}

func newContest(rng *rand.Rand) []format.Event {
	c := &contest{rng: rng, handles: 0x1000, ts: 1_700_000_000_000_000_000, holders: map[string]int{}}
	if rng.IntN(2) == 0 {
		c.crooked = 5 + rng.IntN(30)
	}
	var adapters []uint64
	for n := range 1 + rng.IntN(2) {
		a := c.handle()
		adapters = append(adapters, a)
		mcm := rng.IntN(3) == 0
		label, role := fmt.Sprintf("nic%d", n), "miniport"
		if mcm {
			label, role = fmt.Sprintf("mcm%d", n), "mcm"
		}
		init := c.enter(1, ndis.MiniportInitializeEx, label, adapterCol(a), detailCol(map[string]any{"co": true, "miniport_context": hexOf(c.handle()), "role": role}))
		c.leave(init)
		if mcm {
			for range 1 + rng.IntN(2) {
				lane := c.handle()
				var steps []func()
				for range 1 + rng.IntN(2) {
					steps = append(steps, c.register(lane, label, 1, a, true, adapterCol(a), func() bool { return false })...)
				}
				c.lanes = append(c.lanes, steps)
			}
		}
	}
	for n := range 2 + rng.IntN(3) {
		c.manager(fmt.Sprintf("cm%d", n), adapters)
	}
	for len(c.lanes) > 0 {
		i := rng.IntN(len(c.lanes))
		c.lanes[i][0]()
		if c.lanes[i] = c.lanes[i][1:]; len(c.lanes[i]) == 0 {
			c.lanes = slices.Delete(c.lanes, i, i+1)
		}
	}
	return c.rows
}

func hexOf(h uint64) string { return fmt.Sprintf("0x%x", h) }

func (c *contest) handle() uint64 { c.handles += 0x10; return c.handles }

type col func(*format.Event)

func adapterCol(h uint64) col {
	return func(e *format.Event) { e.Adapter, e.Has = h, e.Has|format.HasAdapter }
}

func bindingCol(h uint64) col {
	return func(e *format.Event) { e.Binding, e.Has = h, e.Has|format.HasBinding }
}

func contextCol(h uint64) col {
	return func(e *format.Event) { e.Context, e.Has = h, e.Has|format.HasContext }
}

func statusCol(s ndis.Status) col {
	return func(e *format.Event) { e.Status, e.Has = uint32(s), e.Has|format.HasStatus }
}

func detailCol(m map[string]any) col {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return func(e *format.Event) { e.Detail, e.Has = string(b), e.Has|format.HasDetail }
}

func (c *contest) add(e format.Event, cols []col) format.Event {
	c.ts += 1 + c.rng.Int64N(100)
	e.Seq, e.TS, e.Source = uint64(len(c.rows)+1), c.ts, format.SourceGenerator
	e.Has = format.HasTID | format.HasIRQL | format.HasCallID | format.HasDriver
	for _, f := range cols {
		f(&e)
	}
	c.rows = append(c.rows, e)
	return e
}

func (c *contest) enter(tid uint64, fn ndis.Func, driver string, cols ...col) format.Event {
	c.ids++
	return c.add(format.Event{TID: tid, Phase: format.PhaseEnter, Function: fn, CallID: c.ids, Driver: driver}, cols)
}

func (c *contest) leave(in format.Event, cols ...col) {
	c.add(format.Event{TID: in.TID, Phase: format.PhaseReturn, Function: in.Function, CallID: in.CallID, Driver: in.Driver}, cols)
}

// register is one registration in three steps: entry, decision, return.
func (c *contest) register(tid uint64, label string, owner int, where uint64, mcm bool, at col, closed func() bool) []func() {
	af := [3]uint32{1 + uint32(c.rng.IntN(2)), 3, 1}
	if c.rng.IntN(6) == 0 {
		af[2] = 2
	}
	fn := ndis.NdisCmRegisterAddressFamilyEx
	if mcm {
		fn = ndis.NdisMCmRegisterAddressFamilyEx
	}
	var in format.Event
	st := ndis.StatusFailure
	return []func(){
		func() {
			in = c.enter(tid, fn, label, at, func(e *format.Event) {
				e.AFType, e.AFMajor, e.AFMinor = af[0], af[1], af[2]
				e.Has |= format.HasAFType | format.HasAFMajor | format.HasAFMinor
			})
		},
		func() {
			key := fmt.Sprint(where, af)
			switch {
			case closed() || c.holders[key] != 0:
			case c.rng.IntN(20) == 0:
				st = ndis.StatusResources
			default:
				st, c.holders[key] = ndis.StatusSuccess, owner
			}
		},
		func() {
			if st != ndis.StatusSuccess && c.rng.IntN(100) < c.crooked {
				st = ndis.StatusSuccess
			}
			c.leave(in, statusCol(st))
		},
	}
}

// manager is a call manager with bindings, one after the other on each adapter.
func (c *contest) manager(label string, adapters []uint64) {
	protocol := c.handle()
	r := c.enter(1, ndis.NdisRegisterProtocolDriver, label, contextCol(c.handle()))
	h := c.enter(1, ndis.NdisSetOptionalHandlers, label, detailCol(map[string]any{"handlers": []string{"call-manager", "protocol-co"}, "protocol": hexOf(protocol)}))
	c.leave(h, statusCol(ndis.StatusSuccess))
	c.leave(r, statusCol(ndis.StatusSuccess), detailCol(map[string]any{"protocol": hexOf(protocol)}))
	for _, a := range adapters {
		if c.rng.IntN(4) == 0 {
			continue
		}
		lane := c.handle()
		var steps []func()
		for range 1 + c.rng.IntN(2) {
			steps = append(steps, c.bound(lane, label, protocol, a)...)
		}
		c.lanes = append(c.lanes, steps)
	}
}

// bound is one binding from its beginning to, perhaps, its end.
func (c *contest) bound(tid uint64, label string, protocol, a uint64) (steps []func()) {
	handle, ctx, bindCtx := c.handle(), c.handle(), c.handle()
	owner, gone := int(handle), false
	var f, o, u, k format.Event
	register := func(tid uint64) []func() {
		return c.register(tid, label, owner, a, false, bindingCol(handle), func() bool { return gone })
	}
	steps = append(steps,
		func() {
			f = c.enter(tid, ndis.ProtocolBindAdapterEx, label, adapterCol(a), contextCol(bindCtx), detailCol(map[string]any{"bind_context": hexOf(bindCtx)}))
		},
		func() {
			o = c.enter(tid, ndis.NdisOpenAdapterEx, label, adapterCol(a), contextCol(ctx), detailCol(map[string]any{"bind_context": hexOf(bindCtx), "protocol": hexOf(protocol)}))
		},
		func() {
			c.leave(o, statusCol(ndis.StatusSuccess), bindingCol(handle))
			for c.rng.IntN(3) == 0 { // other threads of the driver
				c.lanes = append(c.lanes, register(c.handle()))
			}
		})
	for range c.rng.IntN(3) {
		steps = append(steps, register(tid)...)
	}
	steps = append(steps, func() { c.leave(f, statusCol(ndis.StatusSuccess)) })
	pends := c.rng.IntN(4) == 0
	steps = append(steps,
		func() {
			u = c.enter(tid, ndis.ProtocolUnbindAdapterEx, label, contextCol(ctx), detailCol(map[string]any{"unbind_context": hexOf(c.handle())}))
		},
		func() { k = c.enter(tid, ndis.NdisCloseAdapterEx, label, bindingCol(handle)) },
		func() {
			gone = true
			for key, by := range c.holders {
				if by == owner {
					delete(c.holders, key)
				}
			}
		},
		func() {
			if !pends {
				c.leave(k, statusCol(ndis.StatusSuccess))
				return
			}
			c.leave(k, statusCol(ndis.StatusPending))
			k = c.enter(tid, ndis.ProtocolCloseAdapterCompleteEx, label, contextCol(ctx))
		},
		func() {
			if pends {
				c.leave(k)
			}
		},
		func() { c.leave(u, statusCol(ndis.StatusSuccess)) })
	return steps
}

// contested are the rules that say who may hold an AF.
var contested = []rule.ID{rule.REG01, rule.REG02, rule.REG05, rule.REG11, rule.REG14}

// illegal asks both for their verdict. Whether versions tell AFs apart is no matter of right
// or wrong (AMB-01), only of what is said about it.
func illegal(t *testing.T, rows []format.Event, id replay.AFIdentity) (oracle, engine bool) {
	t.Helper()
	oracle = !porcupine.CheckOperations(table, claims(rows))
	r := check(t, rows, replay.Options{AFIdentity: id}, replay.End{})
	for i := range r.Findings {
		f := &r.Findings[i]
		engine = engine || f.Severity == rule.Error && slices.Contains(contested, f.Rule)
	}
	return oracle, engine
}

// shrink takes calls out of a history about which the two disagree, as long as they do.
func shrink(t *testing.T, rows []format.Event, id replay.AFIdentity) []format.Event {
	for again := true; again; {
		again = false
		for _, e := range rows {
			switch e.Function {
			case ndis.NdisCmRegisterAddressFamilyEx, ndis.NdisMCmRegisterAddressFamilyEx:
			default:
				continue
			}
			fewer := slices.DeleteFunc(slices.Clone(rows), func(x format.Event) bool { return x.CallID == e.CallID })
			if oracle, engine := illegal(t, fewer, id); oracle != engine {
				rows, again = fewer, true
				break
			}
		}
	}
	return rows
}

// TestRegistrationsAreLinearizable: overlapping registrations of one AF may succeed in either
// order but not both, and the engine says so exactly when there is no order.
func TestRegistrationsAreLinearizable(t *testing.T) {
	n := upTo(t, 10_000, 10_000)
	broken, calls := 0, 0
	for seed := uint64(1); seed <= uint64(n); seed++ {
		rows := newContest(rand.New(rand.NewPCG(seed, 3)))
		id := replay.AFIdentity(seed % 2)
		oracle, engine := illegal(t, rows, id)
		calls += len(claims(rows))
		if oracle {
			broken++
		}
		if oracle != engine {
			rows = shrink(t, rows, id)
			o, e := illegal(t, rows, id)
			t.Fatalf("seed %d: no order of the calls is legal: %v; the engine finds a fault: %v\n%s", seed, o, e, naive.Format(rows))
		}
	}
	t.Logf("%d histories, %d of them illegal, %d registrations and closes in each", n, broken, calls/n)
	if broken < n/10 || broken > n*9/10 {
		t.Errorf("%d of %d histories are illegal: the comparison shows little", broken, n)
	}
}
