// Package report says what came out of replays: one model, shown as text for people and as
// JSON with stable keys for programs. docs/report.md describes both.
package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aftrace/aftrace/analysis/explain"
	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/analysis/timing"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// Schema is the version of the JSON report.
const Schema = 1

// Trace is what became of one input.
type Trace struct {
	Path   string
	Result *replay.Result // of what could be read; nil if nothing could
	Err    error          // why the input could not be read to its end; nil if it could
	Cut    bool           // the input ends without its end mark
}

// Options of New. The zero value is the documented default.
type Options struct {
	FailOn  FailOn
	Strict  rule.AMBSet // ambiguities that the replay held strictly
	Timings []timing.Row
	Accept  *Accept // nil: nothing was accepted before
}

// Report is the model. Its JSON form is a contract: see docs/report.md.
type Report struct {
	Schema    int            `json:"schema"`
	Verdict   string         `json:"verdict"`
	Digest    string         `json:"digest"`
	Events    uint64         `json:"events"`
	Traces    []TraceSummary `json:"traces"`
	Findings  []Finding      `json:"findings"`
	Conflicts []Conflict     `json:"conflicts"`
	Rules     []Rule         `json:"rules"`
	Strict    []string       `json:"strict,omitempty"` // ambiguities that were held strictly
	Timings   []Timing       `json:"timings"`

	Acceptance *Acceptance `json:"acceptance,omitempty"` // with a baseline or suppressions

	traces   []Trace
	failOn   FailOn
	verdict  replay.Verdict
	asked    bool // the verdict is violations only because of FailOn
	unjudged map[ndis.Func]uint64
}

// TraceSummary is one input.
type TraceSummary struct {
	Path       string            `json:"path"`
	Verdict    string            `json:"verdict"`
	Events     uint64            `json:"events"`
	Lost       uint64            `json:"lost"`
	Defects    map[string]uint64 `json:"defects"`
	DefectRows map[string]uint64 `json:"defect_rows,omitempty"` // seq of the first row of a kind, where it is known
	Reasons    []string          `json:"reasons,omitempty"`     // why the verdict is inconclusive
	Error      string            `json:"error,omitempty"`       // why it is unreadable
}

// Finding is one finding of one trace.
type Finding struct {
	ID       string   `json:"id"` // RULE@seq; findings of one rule about one row share it
	Rule     string   `json:"rule"`
	Severity string   `json:"severity"`
	Verdict  string   `json:"verdict"` // "violation" or "inconclusive"
	AtFault  string   `json:"at_fault"`
	Message  string   `json:"message"`
	Trace    string   `json:"trace"`
	Events   []uint64 `json:"events"`
	Adapter  *string  `json:"adapter"` // null if unknown
	Driver   *string  `json:"driver"`  // null if unknown
	Page     string   `json:"page"`
	Also     []string `json:"also"`
	Why      string   `json:"why,omitempty"` // what could explain an inconclusive finding

	Fingerprint string `json:"fingerprint"`      // of the kind of defect, see docs/report.md
	State       string `json:"state,omitempty"`  // with a baseline or suppressions: new, known or suppressed
	Reason      string `json:"reason,omitempty"` // why it is suppressed

	trace int // index in Traces
	nth   int // index in the findings of its trace

	seq, adapter uint64
}

// Conflict is one contention between drivers.
type Conflict struct {
	ID        string   `json:"id"` // KIND@seq, unique in its trace
	Kind      string   `json:"kind"`
	Cause     string   `json:"cause,omitempty"` // of an unserved-open: never, not-yet, no-more or other-version
	Verdict   string   `json:"verdict"`         // "conflict" or "inconclusive"
	Why       string   `json:"why,omitempty"`   // what could explain an inconclusive conflict
	Message   string   `json:"message"`
	Adapter   *string  `json:"adapter"`
	AF        string   `json:"af"`
	Holder    *string  `json:"holder"` // null if nobody
	Contender string   `json:"contender"`
	Status    string   `json:"status"`
	Events    []uint64 `json:"events"`
	Trace     string   `json:"trace"`
	HeldNS    *int64   `json:"held_ns"`      // how long the holder had it; null if unknown
	Since     *string  `json:"served_since"` // when the holder got it; null if unknown
	Until     *string  `json:"served_until"` // when it lost it; null if it had not when the contender came

	trace   int
	nth     int    // index in the conflicts of its trace
	version string // of the AF, if it is known
}

// Rule says how often a rule could be evaluated, all traces together.
type Rule struct {
	ID         string            `json:"id"`
	Checked    uint64            `json:"checked"`
	NotChecked uint64            `json:"not_checked"`
	Reasons    map[string]uint64 `json:"reasons"`
}

// Timing is how long the calls of one function, address family and driver took.
type Timing struct {
	Function    string  `json:"function"`
	AF          *string `json:"af"`     // null if it has none
	Driver      *string `json:"driver"` // null if not recorded
	Count       uint64  `json:"count"`
	Interrupted uint64  `json:"interrupted"`
	Min         int64   `json:"min_ns"`
	P50         int64   `json:"p50_ns"`
	P90         int64   `json:"p90_ns"`
	P99         int64   `json:"p99_ns"`
	P999        int64   `json:"p999_ns"`
	Max         int64   `json:"max_ns"`
}

// New makes the report of traces, which keep their order.
func New(traces []Trace, o Options) *Report {
	r := &Report{
		Schema: Schema, Traces: []TraceSummary{}, Findings: []Finding{}, Conflicts: []Conflict{},
		Rules: []Rule{}, Strict: o.Strict.Names(), Timings: []Timing{}, unjudged: map[ndis.Func]uint64{}, traces: traces, failOn: o.FailOn,
	}
	rules := map[rule.ID]*replay.RuleCount{}
	own := replay.Conforms // what the verdict is without FailOn
	for i := range traces {
		t := &traces[i]
		v := o.FailOn.verdict(t)
		r.verdict = worse(r.verdict, v)
		own = worse(own, new(FailOn).verdict(t))
		sum := TraceSummary{Path: t.Path, Verdict: v.String(), Defects: map[string]uint64{}}
		if t.Err != nil {
			sum.Error = t.Err.Error()
		}
		if res := t.Result; res != nil {
			sum.Events, sum.Lost = res.Events, res.Lost
			maps.Copy(sum.Defects, res.Defects)
			for k, seq := range res.DefectRows {
				if res.Defects[k] > 0 {
					if sum.DefectRows == nil {
						sum.DefectRows = map[string]uint64{}
					}
					sum.DefectRows[k] = seq
				}
			}
			if v == replay.Inconclusive {
				sum.Reasons = res.Reasons
			}
			r.add(i, t, rules)
		}
		r.Events += sum.Events
		r.Traces = append(r.Traces, sum)
	}
	slices.SortStableFunc(r.Findings, compareFindings)
	r.Verdict, r.asked = r.verdict.String(), r.verdict != own
	for _, ru := range rule.All() {
		if n := rules[ru.ID]; n != nil {
			r.Rules = append(r.Rules, Rule{ID: ru.Name, Checked: n.Checked, NotChecked: n.NotChecked, Reasons: n.Reasons})
		}
	}
	for _, t := range o.Timings {
		r.Timings = append(r.Timings, timingRow(&t))
	}
	r.Digest = r.digest()
	if o.Accept != nil {
		r.accept(traces, &o)
	}
	return r
}

// add takes over what the replay of trace i says.
func (r *Report) add(i int, t *Trace, rules map[rule.ID]*replay.RuleCount) {
	for k := range t.Result.Findings {
		r.Findings = append(r.Findings, asFinding(i, k, t))
	}
	for k := range t.Result.Conflicts {
		c := &t.Result.Conflicts[k]
		out := Conflict{
			ID: c.ID(), Kind: string(c.Kind), Cause: string(c.Cause), Verdict: "conflict", Message: explain.ConflictMessage(c),
			Since: moment(c.Since), Until: moment(c.Until), Adapter: handle(c.Adapter), AF: ndis.AFType(c.AF.Type).String(), Holder: known(rows.Cut(c.Holder, messageSize)),
			Contender: rows.Cut(c.Contender, messageSize), Status: c.Status.String(), Events: list(c.Events), Trace: t.Path,
			trace: i, nth: k, version: version(c.AF),
		}
		if c.Inconclusive {
			out.Verdict, out.Why = "inconclusive", c.Why
		}
		if c.HeldFor >= 0 {
			out.HeldNS = &c.HeldFor
		}
		r.Conflicts = append(r.Conflicts, out)
	}
	for _, n := range t.Result.Rules {
		sum := rules[n.Rule]
		if sum == nil {
			sum = &replay.RuleCount{Rule: n.Rule, Reasons: map[string]uint64{}}
			rules[n.Rule] = sum
		}
		sum.Checked += n.Checked
		sum.NotChecked += n.NotChecked
		for why, k := range n.Reasons {
			sum.Reasons[why] += k
		}
	}
	for fn, n := range t.Result.Unjudged {
		r.unjudged[fn] += n
	}
}

// asFinding is finding k of trace i as it is reported.
func asFinding(i, k int, t *Trace) Finding {
	f := &t.Result.Findings[k]
	out := Finding{
		ID: fmt.Sprintf("%s@%d", name(f.Rule), f.Seq), Rule: name(f.Rule), Severity: f.Severity.String(),
		Verdict: "violation", AtFault: f.AtFault.String(), Message: f.Message, Trace: t.Path,
		Events: list(f.Events), Adapter: handle(f.Adapter), Driver: known(f.Driver), Also: []string{}, trace: i, nth: k,
		seq: f.Seq, adapter: f.Adapter,
	}
	if f.Inconclusive {
		out.Verdict, out.Why = "inconclusive", f.Why
	}
	if ru := f.Rule.Rule(); ru != nil {
		out.Page = ru.Page
	}
	for _, id := range f.Also {
		out.Also = append(out.Also, name(id))
	}
	out.Fingerprint = fingerprint(&out)
	// A name may be very long, and there may be many findings about it.
	out.Message = rows.Cut(out.Message, messageSize)
	if out.Driver != nil {
		*out.Driver = rows.Cut(*out.Driver, messageSize)
	}
	return out
}

// compareFindings is the order of findings in the report and in the digest: by trace, first
// event and rule; the rest only makes the order total.
func compareFindings(a, b Finding) int {
	return cmp.Or(
		cmp.Compare(a.trace, b.trace),
		slices.Compare(a.Events[:min(1, len(a.Events))], b.Events[:min(1, len(b.Events))]),
		strings.Compare(a.Rule, b.Rule),
		slices.Compare(a.Events, b.Events),
		strings.Compare(digestLine(&a), digestLine(&b)),
	)
}

// name is the name of a rule; IDs outside the catalogue are shown as numbers.
func name(id rule.ID) string {
	if ru := id.Rule(); ru != nil {
		return ru.Name
	}
	return fmt.Sprintf("RULE-%d", id)
}

func list(seqs []uint64) []uint64 { return append([]uint64{}, seqs...) }

func handle(v uint64) *string {
	if v == 0 {
		return nil
	}
	s := rows.Hex(v)
	return &s
}

func moment(ns int64) *string {
	if ns == replay.NoTime {
		return nil
	}
	s := rows.Time(ns)
	return &s
}

func known(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func version(af replay.AF) string {
	if !af.HasVersion {
		return ""
	}
	return fmt.Sprintf("%d.%d", af.Major, af.Minor)
}

func timingRow(t *timing.Row) Timing {
	row := Timing{
		Function: t.Function.String(), Driver: known(rows.Cut(t.Driver, messageSize)), Count: t.Count, Interrupted: t.Interrupted,
		Min: t.Min, P50: t.P50, P90: t.P90, P99: t.P99, P999: t.P999, Max: t.Max,
	}
	if t.HasAFType {
		af := t.AFType.String()
		row.AF = &af
	}
	return row
}

// TraceIndex is the place of the finding's trace among the traces of the report.
func (f *Finding) TraceIndex() int { return f.trace }

// Seq is the row where the rule broke.
func (f *Finding) Seq() uint64 { return f.seq }

// AdapterHandle is the adapter as a number, 0 if it is unknown.
func (f *Finding) AdapterHandle() uint64 { return f.adapter }
