package replay

import (
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// Verdict of a finding, a trace or a set of traces.
type Verdict uint8

const (
	Conforms Verdict = iota
	Inconclusive
	Violations // of a finding: it is a violation
	Unreadable // of a trace: it could not be read at all; the replay never says so itself
)

// String is the word of the reports: for a finding use FindingVerdict.
func (v Verdict) String() string {
	return [...]string{"conforms", "inconclusive", "violations", "unreadable"}[v]
}

// Finding is one broken contract, or a suspicion that lost events could explain.
type Finding struct {
	Seq          uint64 // the row where the rule broke; for something that never came, the row that made it due
	Rule         rule.ID
	Severity     rule.Severity
	Inconclusive bool   // lost or inferred events could explain it
	Why          string // if inconclusive: what could explain it
	AtFault      rule.Actor
	Message      string
	Events       []uint64 // seq of every row that proves it, ascending, Seq among them
	Adapter      uint64   // 0 if unknown
	Driver       string   // label of the driver at fault, "" if unknown
	Also         []rule.ID
}

// ConflictKind says what two call managers or clients fought about.
type ConflictKind string

const (
	ConflictRefusedRegistration  ConflictKind = "refused-registration"  // NDIS refused the contender: handled well
	ConflictAcceptedRegistration ConflictKind = "accepted-registration" // NDIS accepted both: see the finding
	ConflictRefusedSAP           ConflictKind = "refused-sap"
	ConflictUnservedOpen         ConflictKind = "unserved-open" // nobody, or somebody else, serves the AF
)

// AF identifies an address family in reports.
type AF struct {
	Type, Major, Minor uint32
	HasVersion         bool
}

// Conflict is a contention between drivers, reported beside findings whether or not NDIS
// handled it well.
type Conflict struct {
	Kind      ConflictKind
	Adapter   uint64
	AF        AF
	Holder    string // label of the driver that has it, or its handle; "" if nobody
	Contender string
	Status    ndis.Status // what the contender got
	Events    []uint64
	HeldFor   int64 // ns the holder had it when the contender came; -1 if unknown
}

// RuleCount says how often a rule was evaluated.
type RuleCount struct {
	Rule       rule.ID
	Checked    uint64
	NotChecked uint64
	Reasons    map[string]uint64 // why not
}

// Result is what the checker says of one trace (one namespace set).
type Result struct {
	Verdict    Verdict
	Events     uint64
	Lost       uint64 // lost events told by gap rows; an unknown number counts 1
	Gaps       uint64
	Findings   []Finding
	Conflicts  []Conflict
	Rules      []RuleCount          // every rule of the catalogue, in its order
	Defects    map[string]uint64    // trace defects by name: contradictory rows, apart from findings
	DefectRows map[string]uint64    // seq of the first row of each kind that the checker counts itself
	Unjudged   map[ndis.Func]uint64 // rows of functions that pass through unjudged
	Reasons    []string             // why the verdict is inconclusive
}
