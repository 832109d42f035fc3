// Package explain says why: for a finding or a conflict of a trace it collects the rows that
// led there and what became of the objects concerned, as one data structure that every
// report shows in its own way.
//
// Select picks what to explain out of the result of a replay, Build explains it:
//
//	subjects, near := explain.Select(result, "OPEN-07@122")
//	list, err := explain.Build(ctx, open, result, subjects, explain.Options{})
//	list[0].WriteText(w, explain.TextOptions{})
//
// Build replays the trace twice more. The first time it learns which objects the rows are
// about that prove a finding; the second time it keeps the rows about these objects, and
// theirs only. What it keeps is bounded: all rows that prove something, and between two of
// them the first and the last few others; a Step of kind Elided says how many are left out.
//
// For reports: Participants are the columns of a sequence diagram, NDIS among them. Steps
// are its arrows, in the order of the rows; From and To are indices of Participants. The
// steps with Proves set are the evidence: in SARIF they are the locations of a threadFlow,
// in SVG and HTML they are highlighted. Objects are named the same in every explanation of
// a trace. A driver's name may hold anything: each writer escapes for its own medium, as
// WriteText does with rows.Safe. All exported fields are data; nothing in an Explanation
// refers back to the trace, which may be closed.
package explain

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// Kinds of an Explanation.
const (
	KindFinding  = "finding"
	KindConflict = "conflict"
)

// Explanation is everything that is to be said about one finding or conflict. Its JSON form
// is described in docs/explain.md.
type Explanation struct {
	ID           string   `json:"id"`
	Kind         string   `json:"kind"`                    // KindFinding or KindConflict
	Rule         string   `json:"rule,omitempty"`          // of a finding
	Severity     string   `json:"severity,omitempty"`      // of a finding
	Verdict      string   `json:"verdict"`                 // "violation", "inconclusive" or, for a conflict, "conflict"
	Why          string   `json:"why,omitempty"`           // what could explain an inconclusive one
	Message      string   `json:"message"`                 // what happened
	AtFault      string   `json:"at_fault,omitempty"`      // client, call-manager, miniport or ndis
	Driver       string   `json:"driver,omitempty"`        // at fault, or the contender
	Adapter      string   `json:"adapter,omitempty"`       // handle, hexadecimal
	Statement    string   `json:"statement,omitempty"`     // what the rule asks for
	Sign         string   `json:"sign,omitempty"`          // what a trace shows when it is broken
	Page         string   `json:"page,omitempty"`          // of the documentation
	Inferred     bool     `json:"rule_inferred,omitempty"` // no page states the rule as such
	Also         []string `json:"also"`                    // rules that say the same of the event
	Evidence     []uint64 `json:"evidence"`                // seq of the rows that prove it
	Next         []string `json:"next"`                    // what to do
	Start        int64    `json:"start_ns"`                // time of the first step, ns since the Unix epoch
	Participants []Lane   `json:"participants"`
	Objects      []Object `json:"objects"`
	Steps        []Step   `json:"steps"`
	Elided       uint64   `json:"elided"` // rows about the objects that are not among the steps
}

// Lane is a participant: a column of the ladder.
type Lane struct {
	Name string `json:"name"` // label of the driver, as recorded but cut to 256 bytes; "NDIS"
	NDIS bool   `json:"ndis,omitempty"`
}

// Kinds of a Step.
const (
	StepRow    = "row"
	StepLost   = "lost"   // a gap: events are missing here
	StepElided = "elided" // rows about the same objects are left out
	StepEnd    = "end"    // the trace ends here
)

// Step is one row of the ladder.
type Step struct {
	Kind     string `json:"kind"`
	Seq      uint64 `json:"seq"`                // of the row; of the first one left out; of the last row of the trace
	Offset   int64  `json:"offset_ns"`          // time since Start
	From     int    `json:"from"`               // index of Participants; -1 unless Kind is StepRow
	To       int    `json:"to"`                 // the same as From where a driver calls itself
	Function string `json:"function,omitempty"` //
	Phase    string `json:"phase,omitempty"`    // enter, return or event
	Status   string `json:"status,omitempty"`   // NDIS_STATUS_…
	AF       string `json:"af,omitempty"`       // address family and version
	IRQL     string `json:"irql,omitempty"`     // if it is above PASSIVE_LEVEL
	Thread   uint64 `json:"thread,omitempty"`   // id, if it is recorded
	Detail   string `json:"detail,omitempty"`   // of a row that proves it: JSON, cut to 512 bytes
	Objects  []int  `json:"objects,omitempty"`  // what the row is about, as indices of Explanation.Objects
	Proves   bool   `json:"proves,omitempty"`
	Count    uint64 `json:"count,omitempty"` // rows left out, or events lost if that is known

	lane laneKey // until the lanes are known
	dir  ndis.Dir
	ret  bool
	self bool
	seq2 uint64 // of the last row left out
}

// Object is a thing that the finding is about, or that such a thing belongs to.
type Object struct {
	Name    string  `json:"name"`              // like "AF open #3": the third of its kind in the trace
	Kind    string  `json:"kind"`              // like "AF open"
	Label   string  `json:"label,omitempty"`   // of a driver, cut to 256 bytes
	Handle  string  `json:"handle,omitempty"`  // hexadecimal, if it has one that is known
	Subject bool    `json:"subject,omitempty"` // the finding is about it
	Life    []State `json:"life"`              // its states in the order of time; see Cut
	Cut     uint64  `json:"cut,omitempty"`     // changes of state left out in the middle of Life
}

// State of an object from a row on.
type State struct {
	Seq    uint64 `json:"seq"`
	Offset int64  `json:"offset_ns"`
	State  string `json:"state"`
	ts     int64
}

// Subject is a finding or a conflict to be explained: one of the two is set.
type Subject struct {
	Finding  *replay.Finding
	Conflict *replay.Conflict
}

// ID of the finding or conflict.
func (s Subject) ID() string {
	if s.Finding != nil {
		return s.Finding.ID()
	}
	return s.Conflict.ID()
}

func (s Subject) events() []uint64 {
	if s.Finding != nil {
		return s.Finding.Events
	}
	return s.Conflict.Events
}

func (s Subject) seq() uint64 {
	if s.Finding != nil {
		return s.Finding.Seq
	}
	return s.Conflict.Seq
}

// All is everything there is to explain: the findings, then the conflicts, as the replay
// gives them.
func All(r *replay.Result) []Subject {
	var all []Subject
	for i := range r.Findings {
		all = append(all, Subject{Finding: &r.Findings[i]})
	}
	for i := range r.Conflicts {
		all = append(all, Subject{Conflict: &r.Conflicts[i]})
	}
	return all
}

// nearIDs is how many ids Select proposes.
const nearIDs = 8

// Select gives the findings and conflicts called id, in any case: usually one, several where
// one rule is broken more than once by one row, none if there is no such id. Then near are
// the ids most like it.
func Select(r *replay.Result, id string) (found []Subject, near []string) {
	all := All(r)
	for _, s := range all {
		if strings.EqualFold(s.ID(), id) {
			found = append(found, s)
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	name, at, _ := strings.Cut(id, "@")
	seq, err := strconv.ParseUint(at, 10, 64)
	distance := func(s Subject) uint64 {
		if err != nil {
			return 0
		}
		return max(seq, s.seq()) - min(seq, s.seq())
	}
	alike := func(s Subject) int {
		n, _, _ := strings.Cut(s.ID(), "@")
		switch group, _, _ := strings.Cut(n, "-"); {
		case strings.EqualFold(n, name):
			return 0
		case len(name) >= len(group) && strings.EqualFold(name[:len(group)], group):
			return 1
		}
		return 2
	}
	slices.SortStableFunc(all, func(a, b Subject) int {
		return cmp.Or(cmp.Compare(alike(a), alike(b)), cmp.Compare(distance(a), distance(b)))
	})
	for _, s := range all {
		if id := s.ID(); !slices.Contains(near, id) {
			near = append(near, id)
		}
		if len(near) == nearIDs {
			break
		}
	}
	return nil, near
}
