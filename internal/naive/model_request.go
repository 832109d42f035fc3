package naive

import (
	"slices"

	"github.com/aftrace/aftrace/format/ndis"
)

// request is an operation that one driver asks of another through NDIS: a call of the
// asker, the callback it leads to, and, where one of them pends, a completion and the
// callback that tells the asker.
type request struct {
	op            operation
	a             *simOpen
	asker, asked  string
	ask, complete ndis.Func
	byClient      bool // the asker is the client, which waits for its pended opens
	pends         bool // NDIS always pends it
	inner         bool // another request waits for it: it has to end
	status        ndis.Status
	work          func(*task) // what the asked driver does before it answers
	answered      func()      // runs in one step with the row of the answer
	settled       func()      // runs in one step with the row that tells the asker

	// The columns of each row beside the status.
	asking, upcalling, upcalled, done, completing, telling []column

	call, upcall                 *frame
	atCall                       func() // runs in one step with the row of the callback
	nullInUpcall, nullInComplete Fault  // the fault of a missing context
	nulled                       bool   // one of them was planted
	atUpcall                     Fault  // the entry of the callback carries it
	bad                          Fault  // the answer carries it
}

// canFreeze says that nothing more has to happen with a, should a fault leave it as it is.
func (s *sim) canFreeze(a *simOpen) bool {
	return !a.claimed && !a.notified && !a.b.leaving && !a.b.stays && (a.r.b == nil || !a.r.b.leaving) && !a.b.a.gone
}

// stuck ends a task for good.
func (t *task) stuck() { t.await(func() bool { return false }) }

// request plays r until the asker has been told.
func (s *sim) request(t *task, r *request) {
	op := &operations[r.op]
	told, finished := false, true
	run := func(f func(*task), t *task) {
		if f != nil {
			f(t)
		}
	}
	do := func(f func()) {
		if f != nil {
			f()
		}
	}
	with := func(st ndis.Status, cols ...column) []column { return append([]column{statusIs(st)}, cols...) }
	if r.byClient {
		t.await(func() bool { return len(r.a.b.opening) == 0 })
	}
	c := t.enter(r.ask, r.asker, r.asking...)
	r.call = c
	t.pause()
	if r.atUpcall != 0 {
		t.mark(r.atUpcall, faultRules[r.atUpcall])
	}
	do(r.atCall)
	u := t.enter(op.upcall, r.asked, r.upcalling...)
	r.upcall = u
	t.pause()
	tell := func(t *task) {
		if !r.inner && s.canFreeze(r.a) && s.fault(untold(r.op)) {
			s.freeze(r.a)
			s.blame(c, untold(r.op), op.rule)
			t.stuck()
		}
		do(r.settled)
		cols := with(r.status, append(slices.Clone(r.telling), detailIs("caller", "ndis"))...)
		t.call(op.told, r.asker, cols...)
		if s.fault(toldTwice(r.op)) {
			t.mark(toldTwice(r.op), op.rule)
			t.call(op.told, r.asker, cols...)
		}
		told = true
	}
	tellSoon := func(t *task) {
		if s.chance(50) {
			tell(t)
			return
		}
		s.spawn(func(t *task) {
			t.pause()
			tell(t)
		})
	}
	if s.chance(50) {
		run(r.work, t)
		do(r.answered)
		up := with(r.status)
		if r.status == ndis.StatusSuccess {
			up = append(up, r.upcalled...)
			if r.nullInUpcall != 0 && s.canFreeze(r.a) && s.fault(r.nullInUpcall) {
				up = append(up, contextIs(0))
				s.blame(u, r.nullInUpcall, faultRules[r.nullInUpcall])
				s.freeze(r.a)
				r.nulled = true
			}
		}
		if r.bad != 0 {
			s.blame(u, r.bad, faultRules[r.bad])
		}
		t.leave(u, up...)
		if s.fault(completedUnpended(r.op)) {
			t.mark(completedUnpended(r.op), op.rule)
			t.call(r.complete, r.asked, with(r.status, r.completing...)...)
		}
		if r.pends || s.chance(40) {
			tellSoon(t)
			t.leave(c, statusIs(ndis.StatusPending))
		} else {
			do(r.settled)
			out := with(r.status)
			if r.status == ndis.StatusSuccess {
				out = append(out, r.done...)
			}
			t.leave(c, out...)
			told = true
			switch {
			case s.fault(toldUnpended(r.op)):
				t.mark(toldUnpended(r.op), op.rule)
				t.call(op.told, r.asker, with(r.status, append(slices.Clone(r.telling), detailIs("caller", "ndis"))...)...)
			case s.chance(40):
				t.call(op.told, r.asker, with(r.status, append(slices.Clone(r.telling), detailIs("caller", "self"))...)...)
			}
		}
	} else {
		finished = false
		complete := func(t *task) {
			t.pause()
			run(r.work, t)
			if !r.inner && s.canFreeze(r.a) && s.fault(uncompleted(r.op)) {
				s.freeze(r.a)
				s.blame(u, uncompleted(r.op), op.rule)
				return
			}
			cols := with(r.status, r.completing...)
			if s.fault(completedPending(r.op)) {
				t.mark(completedPending(r.op), op.rule)
				t.call(r.complete, r.asked, with(ndis.StatusPending, r.completing...)...)
			}
			if r.status == ndis.StatusSuccess && r.nullInComplete != 0 && s.canFreeze(r.a) && s.fault(r.nullInComplete) {
				s.freeze(r.a)
				t.mark(r.nullInComplete, faultRules[r.nullInComplete])
				cols = append(cols, contextIs(0))
				r.nulled = true
			}
			if r.bad != 0 {
				t.mark(r.bad, faultRules[r.bad])
			}
			do(r.answered)
			m := t.enter(r.complete, r.asked, cols...)
			tellSoon(t)
			t.leave(m)
			if s.fault(completedTwice(r.op)) {
				t.mark(completedTwice(r.op), op.rule)
				t.call(r.complete, r.asked, cols...)
			}
			finished = true
		}
		if s.chance(15) {
			complete(t)
		} else {
			s.spawn(complete)
		}
		t.leave(u, statusIs(ndis.StatusPending))
		t.pause()
		t.leave(c, statusIs(ndis.StatusPending))
	}
	t.await(func() bool { return told && finished })
}
