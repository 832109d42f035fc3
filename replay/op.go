package replay

import "github.com/aftrace/aftrace/format/ndis"

// op is one request that may pend: asked, answered at once or with PENDING, and in the
// second case completed exactly once. A completion may overtake the PENDING return of the
// request it completes: no page orders the two.
type op struct {
	state opState
	call  ev // entry of the request
	ret   ev // its return
	done  ev // the completion
}

type opState uint8

const (
	opIdle    opState = iota // not asked
	opCalled                 // entered, not answered
	opEarly                  // completed before it returned
	opPended                 // returned PENDING
	opSync                   // answered at once
	opDone                   // completed after PENDING
	opUnknown                // the trace does not show how it was answered
)

type opInput uint8

const (
	opAsk opInput = iota
	opRetPending
	opRetFinal
	opRetUnknown
	opComplete
)

// opFault says what is wrong about an input.
type opFault uint8

const (
	opFine     opFault = iota
	opUnpended         // completion of a request that did not pend
	opTwice            // second completion
	opMaybe            // cannot be judged: the past of the request is not known
)

// step feeds an event to the request. opMachine says what comes of it; a fault leaves the
// state as it was, so that one defect gives one finding.
func (o *op) step(in opInput, at ev) opFault {
	fault := opMachine.fault[uint8(o.state)<<4|uint8(in)]
	next := opMachine.step(uint8(o.state), uint8(in))
	switch in {
	case opRetPending, opRetFinal, opRetUnknown:
		o.ret = at
	case opComplete:
		if fault == opFine || fault == opMaybe {
			o.done = at
		}
	}
	o.state = opState(next)
	return fault
}

// ask makes the request, whatever came of the one before it.
func (o *op) ask(at ev) {
	o.state = opState(opMachine.step(uint8(o.state), uint8(opAsk)))
	o.call, o.ret, o.done = at, ev{}, ev{}
}

// returned feeds the return of the request.
func (o *op) returned(at ev, status ndis.Status, known bool) opFault {
	switch {
	case !known:
		return o.step(opRetUnknown, at)
	case status == ndis.StatusPending:
		return o.step(opRetPending, at)
	}
	return o.step(opRetFinal, at)
}

func (o *op) complete(at ev) opFault { return o.step(opComplete, at) }

// assume makes the past of the request unknown.
func (o *op) assume() { o.state = opUnknown }

// outstanding says that a completion is due.
func (o *op) outstanding() bool { return o.state == opPended }

// running says that the request was made and its outcome is still to come.
func (o *op) running() bool {
	return o.state == opCalled || o.state == opPended
}

// last is the latest row of the request.
func (o *op) last() ev { return *o.latest() }

func (o *op) latest() *ev {
	switch {
	case o.done.seen():
		return &o.done
	case o.ret.seen():
		return &o.ret
	}
	return &o.call
}

// deadOp is what stays of a request of a dead object.
type deadOp struct {
	state opState
	last  ev
}

func (o *op) dead() deadOp { return deadOp{o.state, o.last()} }
