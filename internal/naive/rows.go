package naive

import (
	"encoding/json"
	"fmt"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// rows writes a trace: it gives the rows their seq, ts and call ids.
type rows struct {
	events []format.Event
	ts     int64
	ids    uint64
}

// column fills one column of a row.
type column func(*format.Event)

// frame is a call that has been entered.
type frame struct {
	fn      ndis.Func
	id, tid uint64
	driver  string
	in, out uint64    // seq of the rows; out is 0 until it returns
	marks   []Planted // findings that the return row will carry
}

func (r *rows) enter(tid uint64, step int64, fn ndis.Func, driver string, cols []column) *frame {
	r.ids++
	f := &frame{fn: fn, id: r.ids, tid: tid, driver: driver}
	f.in = r.add(f, format.PhaseEnter, step, cols)
	return f
}

func (r *rows) leave(f *frame, step int64, cols []column) {
	f.out = r.add(f, format.PhaseReturn, step, cols)
}

func (r *rows) add(f *frame, p format.Phase, step int64, cols []column) uint64 {
	r.ts += step
	e := format.Event{
		Seq: uint64(len(r.events) + 1), TS: r.ts, TID: f.tid, Phase: p, Function: f.fn,
		Source: format.SourceGenerator, CallID: f.id, Driver: f.driver,
		Has: format.HasTID | format.HasIRQL | format.HasCallID | format.HasDriver,
	}
	for _, c := range cols {
		c(&e)
	}
	r.events = append(r.events, e)
	return e.Seq
}

func adapterIs(h uint64) column {
	return func(e *format.Event) { e.Adapter, e.Has = h, e.Has|format.HasAdapter }
}

func bindingIs(h uint64) column {
	return func(e *format.Event) { e.Binding, e.Has = h, e.Has|format.HasBinding }
}

func afIs(h uint64) column {
	return func(e *format.Event) { e.AF, e.Has = h, e.Has|format.HasAF }
}

func sapIs(h uint64) column {
	return func(e *format.Event) { e.SAP, e.Has = h, e.Has|format.HasSAP }
}

func vcIs(h uint64) column {
	return func(e *format.Event) { e.VC, e.Has = h, e.Has|format.HasVC }
}

func contextIs(c uint64) column {
	return func(e *format.Event) { e.Context, e.Has = c, e.Has|format.HasContext }
}

func context2Is(c uint64) column {
	return func(e *format.Event) { e.Context2, e.Has = c, e.Has|format.HasContext2 }
}

func partyIs(h uint64) column {
	return func(e *format.Event) { e.Party, e.Has = h, e.Has|format.HasParty }
}

// hexBytes writes n as the bytes of a SAP.
func hexBytes(n int) string { return fmt.Sprintf("%04x", n) }

func statusIs(s ndis.Status) column {
	return func(e *format.Event) { e.Status, e.Has = uint32(s), e.Has|format.HasStatus }
}

// family is a CO_ADDRESS_FAMILY.
type family struct{ typ, major, minor uint32 }

func familyIs(f family) column {
	return func(e *format.Event) {
		e.AFType, e.AFMajor, e.AFMinor = f.typ, f.major, f.minor
		e.Has |= format.HasAFType | format.HasAFMajor | format.HasAFMinor
	}
}

// detailIs writes the detail column from alternating keys and values; a uint64 is a handle.
func detailIs(pairs ...any) column {
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		v := pairs[i+1]
		if h, ok := v.(uint64); ok {
			v = fmt.Sprintf("0x%x", h)
		}
		m[pairs[i].(string)] = v
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return func(e *format.Event) { e.Detail, e.Has = string(b), e.Has|format.HasDetail }
}
