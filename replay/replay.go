// Package replay is the reference NDIS as one deterministic state machine. The Checker
// takes a trace: what the environment and the drivers do is input, what NDIS does is
// compared with the set of outcomes the documentation allows.
//
// The package does no I/O, reads no clock, starts no goroutine and never depends on map
// order: the same rows give the same result, whatever the batch size.
package replay

import (
	"time"

	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// AFIdentity says which fields make two address families the same one (AMB-01).
type AFIdentity uint8

const (
	IdentityType        AFIdentity = iota // AddressFamily alone, the documented type
	IdentityTypeVersion                   // all twelve bytes
)

// Options of a Checker. The zero value gives the defaults of docs/ambiguities.md.
type Options struct {
	Metadata   map[string]string // schema metadata of the trace
	AFIdentity AFIdentity
	Strict     rule.AMBSet   // ambiguities to be held strictly; AMB-01 is without effect beside IdentityTypeVersion
	OpenLimit  time.Duration // OPEN-22 threshold; 0 means 1 ms
	AllowLoss  bool          // loss and truncation alone do not make the verdict inconclusive
	MaxDead    int           // dead AF opens remembered; 0 means 32768
	Hook       Hook          // told of every paired call; may be nil
	Stop       func() bool   // asked once a batch; true ends the check with ErrStopped
}

// Hook is told what the replay derives from a trace, in the order of the rows. Its
// arguments are valid during the call only.
type Hook interface {
	Span(s *Span)
}

// Span is one invocation of a function or callback, entry and return paired.
type Span struct {
	EnterSeq, ReturnSeq  uint64
	Enter, Return        int64 // ns since the Unix epoch
	TID                  uint64
	Adapter, Binding, AF uint64 // what the replay knows of the objects; 0 if unknown
	Driver               string // label of the driver, empty if unknown
	PID                  uint32
	AFType               uint32
	Status               ndis.Status // of the return row
	Function             ndis.Func
	HasAFType            bool
	HasStatus            bool
	Interrupted          bool // a gap touches the call: its duration is not to be counted
}

// Duration is how long the call took, in ns. ok is false where that is not known: a gap touches
// the call, time ran backwards, or the times are further apart than a number holds.
func (s *Span) Duration() (ns int64, ok bool) {
	ns = s.Return - s.Enter
	return ns, !s.Interrupted && s.Return >= s.Enter && ns >= 0
}

// End says how the trace ended.
type End struct {
	Truncated  bool   // no footer or end-of-stream marker
	LostEvents uint64 // loss that has no gap row (metadata)
}
