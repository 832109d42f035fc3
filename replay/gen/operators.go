package gen

import (
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
	"github.com/aftrace/aftrace/replay/scenario"
)

// A fault operator breaks one rule in a life of an adapter. There are two kinds: an edit takes
// a legal world that was executed, finds a site in it at random and changes rows there; an
// incident is a life of its own in which the rule is broken. Both are data.
type operator interface {
	// plant gives a copy of t with the fault and says where it is; nil without a site.
	plant(rng *rand.Rand, t *tape) (*tape, *plantedTape)
	kind() string
}

// operators has one for each rule that can be planted.
var operators = func() map[rule.ID]operator {
	m := map[rule.ID]operator{}
	for _, r := range rule.All() {
		if i, ok := incidents[r.ID]; ok && WhyNot(r.ID) == "" {
			m[r.ID] = &i
		}
	}
	for i := range edits {
		m[edits[i].rule] = &edits[i]
	}
	return m
}()

// Kind says how the fault of a rule is planted: "edit", "incident", or "" if it is not.
func Kind(id rule.ID) string {
	if op := operators[id]; op != nil {
		return op.kind()
	}
	return ""
}

// foundAs are the rules that the checker only ever lists beside another one, whose finding says the
// same of the event: a fault of the first is found as one of the second.
var foundAs = map[rule.ID]rule.ID{
	rule.ROLE06: rule.VC03,   // the callback itself
	rule.SAP06:  rule.CALL07, // an offer on a SAP that is gone
}

// FoundAs is the rule whose finding tells of a planted fault of id: id itself, or the one that the
// checker lists id beside.
func FoundAs(id rule.ID) rule.ID {
	if as, ok := foundAs[id]; ok {
		return as
	}
	return id
}

// WhyNot says why the fault of a rule cannot be planted; "" if it can.
func WhyNot(id rule.ID) string {
	if !replay.Judges(id) {
		return "no trace can show that it was broken"
	}
	return ""
}

// --- incidents ---

type incident struct {
	row  uint64 // seq of the row where the rule breaks
	how  string
	text string
}

func (i *incident) kind() string { return "incident" }

func (i *incident) plant(_ *rand.Rand, _ *tape) (*tape, *plantedTape) {
	s, err := scenario.Compile("incident", i.text)
	if err != nil {
		panic(err) // the texts are fixed; a test compiles them all
	}
	t := &tape{}
	tids := map[uint64]uint64{}
	for k := range s.Events {
		e := s.Events[k]
		e.TS -= s.Events[0].TS
		for _, h := range []*uint64{&e.Adapter, &e.Binding, &e.AF, &e.SAP, &e.VC, &e.Party, &e.Context, &e.Context2} {
			if *h>>40 == scenarioBase>>40 {
				*h += contextBase - scenarioBase
			}
		}
		e.Detail = strings.ReplaceAll(e.Detail, `"0xffffa000`, `"0xffffc0a0`)
		if e.Has&format.HasTID != 0 {
			if _, ok := tids[e.TID]; !ok {
				tids[e.TID] = uint64(len(tids) + 1)
			}
			e.TID = tids[e.TID]
		}
		t.rows = append(t.rows, tapeRow{Event: e})
	}
	t.finish()
	return t, &plantedTape{how: i.how, at: int(i.row - 1), from: 0}
}

// scenarioBase is the first handle of a compiled scenario.
const scenarioBase = 0xffffa000_00000000

// --- edits ---

// edit changes rows of a legal world at a row that fits.
type edit struct {
	rule  rule.ID
	how   string
	fns   []ndis.Func // of the row; any of them
	phase format.Phase
	fits  func(t *tape, i int) bool // further conditions on row i; may be nil
	// change changes t at row i and gives the row at which the rule breaks.
	change func(t *tape, i int) int
}

func (e *edit) kind() string { return "edit" }

func (e *edit) plant(rng *rand.Rand, t *tape) (*tape, *plantedTape) {
	var sites []int
	for i := range t.rows {
		if r := &t.rows[i]; r.Phase == e.phase && slices.Contains(e.fns, r.Function) && (e.fits == nil || e.fits(t, i)) {
			sites = append(sites, i)
		}
	}
	if len(sites) == 0 {
		return nil, nil
	}
	i := sites[rng.IntN(len(sites))]
	c := &tape{rows: slices.Clone(t.rows)}
	at := e.change(c, i)
	c.finish()
	return c, &plantedTape{how: e.how, at: at, from: min(i, at)}
}

// other is the row of the other end of the call of row i; -1 if there is none.
func (t *tape) other(i int) int {
	r := &t.rows[i]
	step := 1
	if r.Phase == format.PhaseReturn {
		step = -1
	}
	for k := i + step; k >= 0 && k < len(t.rows); k += step {
		if t.rows[k].CallID == r.CallID {
			return k
		}
	}
	return -1
}

// again puts a second call like that of row i behind its return, without what happened inside.
func (t *tape) again(i int, adjust func(enter, ret *format.Event)) int {
	ret := t.other(i)
	a, b := t.rows[i], t.rows[ret]
	id := uint64(0)
	for k := range t.rows {
		id = max(id, t.rows[k].CallID)
	}
	a.CallID, b.CallID = id+1, id+1
	a.TS, b.TS = t.rows[ret].TS, t.rows[ret].TS
	if adjust != nil {
		adjust(&a.Event, &b.Event)
	}
	t.rows = slices.Insert(t.rows, ret+1, a, b)
	return ret + 1
}

// leaf says that nothing happens on the thread of row i inside its call.
func (t *tape) leaf(i int) bool {
	k := t.other(i)
	for j := i + 1; j < k; j++ {
		if t.rows[j].TID == t.rows[i].TID {
			return false
		}
	}
	return k > i
}

func hasStatus(st ndis.Status) func(*tape, int) bool {
	return func(t *tape, i int) bool {
		return t.rows[i].Has&format.HasStatus != 0 && ndis.Status(t.rows[i].Status) == st
	}
}

// repeat is a call that is made twice.
func repeat(adjust func(enter, ret *format.Event)) func(*tape, int) int {
	return func(t *tape, i int) int { return t.again(i, adjust) }
}

// put sets the status of the row.
func put(st ndis.Status) func(*tape, int) int {
	return func(t *tape, i int) int { t.rows[i].Status = uint32(st); return i }
}

// raise has both rows of a call say that it ran at an IRQL.
func raise(irql ndis.IRQL) func(*tape, int) int {
	return func(t *tape, i int) int {
		for _, k := range []int{i, t.other(i)} {
			t.rows[k].IRQL = uint8(irql)
			t.rows[k].Has |= format.HasIRQL
		}
		return i
	}
}

func failing(_, ret *format.Event) { ret.Status = uint32(ndis.StatusFailure) }

// leaf is a call without a callback in it.
func leaf(t *tape, i int) bool { return t.leaf(i) }

var completions = struct{ open, close, sap, dereg, make, end, modify, party []ndis.Func }{
	open:   []ndis.Func{ndis.NdisCmOpenAddressFamilyComplete, ndis.NdisMCmOpenAddressFamilyComplete},
	close:  []ndis.Func{ndis.NdisCmCloseAddressFamilyComplete, ndis.NdisMCmCloseAddressFamilyComplete},
	sap:    []ndis.Func{ndis.NdisCmRegisterSapComplete, ndis.NdisMCmRegisterSapComplete},
	dereg:  []ndis.Func{ndis.NdisCmDeregisterSapComplete, ndis.NdisMCmDeregisterSapComplete},
	make:   []ndis.Func{ndis.NdisCmMakeCallComplete, ndis.NdisMCmMakeCallComplete},
	end:    []ndis.Func{ndis.NdisCmCloseCallComplete, ndis.NdisMCmCloseCallComplete},
	modify: []ndis.Func{ndis.NdisCmModifyCallQoSComplete, ndis.NdisMCmModifyCallQoSComplete},
	party:  []ndis.Func{ndis.NdisCmAddPartyComplete, ndis.NdisMCmAddPartyComplete, ndis.NdisCmDropPartyComplete, ndis.NdisMCmDropPartyComplete},
}

// one is a list of one function.
func one(fn ndis.Func) []ndis.Func { return []ndis.Func{fn} }
