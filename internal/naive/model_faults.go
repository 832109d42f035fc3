package naive

import "github.com/aftrace/aftrace/replay/rule"

// The faults of an operation that may pend, each with the rule of the operation.
const (
	faultUncompleted       = iota // the callback pends and is never completed
	faultCompletedTwice           //
	faultCompletedUnpended        // the callback had an answer already
	faultCompletedPending         // completed with status PENDING
	faultUntold                   // the request pends and NDIS never calls back
	faultToldTwice                //
	faultToldUnpended             // NDIS calls back though the request had an answer already
	numRequestFaults
)

var requestFaultNames = [numRequestFaults]string{
	"Uncompleted", "CompletedTwice", "CompletedUnpended", "CompletedPending", "Untold", "ToldTwice", "ToldUnpended",
}

func requestFault(o operation, f Fault) Fault {
	return firstRequestFault + numRequestFaults*Fault(o) + f
}

func uncompleted(o operation) Fault       { return requestFault(o, faultUncompleted) }
func completedTwice(o operation) Fault    { return requestFault(o, faultCompletedTwice) }
func completedUnpended(o operation) Fault { return requestFault(o, faultCompletedUnpended) }
func completedPending(o operation) Fault  { return requestFault(o, faultCompletedPending) }
func untold(o operation) Fault            { return requestFault(o, faultUntold) }
func toldTwice(o operation) Fault         { return requestFault(o, faultToldTwice) }
func toldUnpended(o operation) Fault      { return requestFault(o, faultToldUnpended) }

// possible says that f can be planted: a deregistration of a SAP always pends.
func (f Fault) possible() bool { return f < NumFaults && f != toldUnpended(deregisterSAP) }

// objects says that f is about SAPs, VCs, calls or parties: it needs a busy history.
func (f Fault) objects() bool {
	return f >= SAPOnUnknownAF && f < CallbackDropped || f >= firstRequestFault
}

// faultRules are the rules of faults that are planted by value.
var faultRules = map[Fault]rule.ID{
	SAPNullContext:            rule.SAP03,
	SAPCompletedNullContext:   rule.SAP03,
	SAPTaken:                  rule.SAP02,
	CallNotActivated:          rule.CALL04,
	PartyHandleInCall:         rule.PARTY08,
	QoSNotActivated:           rule.QOS02,
	PartyNullContext:          rule.PARTY03,
	PartyCompletedNullContext: rule.PARTY03,
	LastPartyDropped:          rule.PARTY04,
}
