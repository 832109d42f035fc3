package naive

import (
	"slices"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// asked is one request of an operation and what followed.
type asked struct {
	op        operation
	call      *call
	upcall    *call   // nil: NDIS refused it, or the one asked is NDIS's own part of an MCM
	completes []*call // in order of entry, those that complete nothing included
	told      []*call // by NDIS
}

// refused says that NDIS turned the request down without asking.
func (r *asked) refused() bool { return r.upcall == nil && r.call.failed() }

// completed is the first completion that completes r, nil if there is none.
func (r *asked) completed() *call {
	if r.upcall != nil && r.upcall.out != nil && !r.upcall.returned(ndis.StatusPending) {
		return nil
	}
	for _, m := range r.completes {
		if m.status() != ndis.StatusPending {
			return m
		}
	}
	return nil
}

// answer is what the one who was asked answered, with the row and the point of the
// answer. An MCM's activation is answered by NDIS.
func (r *asked) answer() (s ndis.Status, row *format.Event, at *point) {
	if r.upcall == nil {
		return r.outcome()
	}
	if s, ok := r.upcall.result(); ok && s != ndis.StatusPending {
		return s, r.upcall.out, exit(r.upcall)
	}
	if m := r.completed(); m != nil {
		return m.status(), m.in, entry(m)
	}
	return 0, nil, nil
}

// outcome is what the asker was told.
func (r *asked) outcome() (s ndis.Status, row *format.Event, at *point) {
	s, ok := r.call.result()
	switch {
	case ok && s != ndis.StatusPending:
		return s, r.call.out, exit(r.call)
	case len(r.told) > 0:
		return r.told[0].status(), r.told[0].in, entry(r.told[0])
	}
	return 0, nil, nil
}

// succeededAt is the point of a SUCCESS answer, nil if there was none.
func (r *asked) succeededAt() *point {
	if s, _, at := r.answer(); at != nil && s == ndis.StatusSuccess {
		return at
	}
	return nil
}

// failedAt is the point of another answer, nil if there was none.
func (r *asked) failedAt() *point {
	if s, _, at := r.answer(); at != nil && s != ndis.StatusSuccess {
		return at
	}
	return nil
}

// inside is the first callback fn that c led to on its thread.
func (w *world) inside(c *call, fns ...ndis.Func) *call {
	for _, u := range w.of(fns...) {
		if u.parent == c {
			return u
		}
	}
	return nil
}

// last is the last request of an operation that was asked before c.
func last(rs []*asked, op operation, c *call) *asked {
	for _, r := range slices.Backward(rs) {
		if r.op == op && r.call.in.Seq < c.in.Seq && !r.refused() {
			return r
		}
	}
	return nil
}

// checkRequest holds the rule of every operation that may pend: a callback that pends is
// completed once, any other never, and none with PENDING; so is the asker told.
func (w *world) checkRequest(r *asked) {
	if r.upcall == nil {
		return // AMB-09: for an MCM every way is fine
	}
	id, done, odd := operations[r.op].rule, false, false
	pended := r.upcall.out == nil || r.upcall.returned(ndis.StatusPending)
	for _, m := range r.completes {
		switch {
		case m.status() == ndis.StatusPending:
			w.violation(id, m.in)
			odd = true
		case done || !pended:
			w.violation(id, m.in)
		default:
			done = true
		}
	}
	if w.complete && r.upcall.returned(ndis.StatusPending) && !done && !odd {
		w.violation(id, r.upcall.out)
	}
	s, returned := r.call.result()
	for i, p := range r.told {
		if i > 0 || returned && s != ndis.StatusPending {
			w.violation(id, p.in)
		}
	}
	if _, _, at := r.answer(); w.complete && at != nil && r.call.returned(ndis.StatusPending) && len(r.told) == 0 {
		w.violation(id, r.call.out)
	}
}
