package replay

import (
	"strconv"

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
	AtEnd        bool // something was due and had not come when the trace ended
}

// ID names the finding, like "REG-02@29". Findings of one rule about one row share it, as
// where two clients wait for one notification.
func (f *Finding) ID() string { return f.Rule.String() + "@" + strconv.FormatUint(f.Seq, 10) }

// ConflictKind says what two call managers or clients fought about.
type ConflictKind string

const (
	ConflictRefusedRegistration  ConflictKind = "refused-registration"  // NDIS refused the contender: handled well
	ConflictAcceptedRegistration ConflictKind = "accepted-registration" // NDIS accepted both: see the finding
	ConflictRefusedSAP           ConflictKind = "refused-sap"
	ConflictUnservedOpen         ConflictKind = "unserved-open" // nobody, or somebody else, serves the AF
)

// ConflictCause says why an open found nobody who serves it.
type ConflictCause string

const (
	CauseNever        ConflictCause = "never"         // nobody registers the AF in the trace
	CauseNotYet       ConflictCause = "not-yet"       // the holder registers it later
	CauseNoMore       ConflictCause = "no-more"       // the holder had it, and has gone or is going
	CauseOtherVersion ConflictCause = "other-version" // the holder serves another version of it
)

// NoTime stands for a time that is not known, or for what has not happened.
const NoTime = minTime

// AF identifies an address family in reports.
type AF struct {
	Type, Major, Minor uint32
	HasVersion         bool
}

// Conflict is a contention between drivers, reported beside findings whether or not NDIS
// handled it well.
type Conflict struct {
	Seq       uint64 // the row that decided it: what the contender got
	Kind      ConflictKind
	Cause     ConflictCause // of an unserved open; "" for the other kinds
	Adapter   uint64
	AF        AF
	Holder    string // label of the driver that has, had or will have it, or its handle; "" if nobody
	Contender string
	Status    ndis.Status // what the contender got
	Events    []uint64    // seq of every row that shows it, ascending, Seq among them
	At        int64       // ns since the Unix epoch: when the contender asked
	Since     int64       // when the holder got it, NoTime if that is not in the trace
	Until     int64       // when the holder lost it, for the cause no-more; NoTime otherwise
	HeldFor   int64       // ns the holder had it: until it lost it, or else until the contender came; -1 if unknown

	Inconclusive bool   // lost events could explain it
	Why          string // if inconclusive: what could

	from, to int64   // what is lost in between could explain it
	claims   *driver // who may have claimed it out of sight
}

// ID names the conflict within its trace, like "refused-registration@29".
func (x *Conflict) ID() string { return string(x.Kind) + "@" + strconv.FormatUint(x.Seq, 10) }

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
