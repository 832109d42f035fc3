package table

import (
	"math"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/aftrace/aftrace/analysis/life"
	"github.com/aftrace/aftrace/analysis/report"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

var timestamp = &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"}

func u64(name string, nullable bool) *numbers[uint64] {
	return &numbers[uint64]{name: name, typ: arrow.PrimitiveTypes.Uint64, nullable: nullable}
}

func i64(name string, nullable bool) *numbers[int64] {
	return &numbers[int64]{name: name, typ: arrow.PrimitiveTypes.Int64, nullable: nullable}
}

func u32(name string) *numbers[uint32] {
	return &numbers[uint32]{name: name, typ: arrow.PrimitiveTypes.Uint32, nullable: true}
}

func when(name string, nullable bool) *numbers[int64] {
	return &numbers[int64]{name: name, typ: timestamp, nullable: nullable}
}

func text(name string, nullable bool) *texts { return &texts{name: name, nullable: nullable} }

// source are the first columns of every table.
type source struct{ trace, host, boot *texts }

func newSource() source {
	return source{text("trace", false), text("host", true), text("boot_id", true)}
}

func (c *source) add(s *Source) {
	c.trace.add(s.Trace)
	c.host.addIf(s.Host)
	c.boot.addIf(s.BootID)
}

func columnsOf(name string) []column {
	switch name {
	case Spans:
		return newSpanColumns().list()
	case Findings:
		return newFindingColumns().list()
	case Objects:
		return newObjectColumns().list()
	case Verdicts:
		return newVerdictColumns().list()
	case Events:
		return newEventColumns().list()
	}
	panic("table: no table " + name)
}

type spanColumns struct {
	source
	function, af, driver, statusName *texts
	enterSeq, returnSeq              *numbers[uint64]
	enter, ret, duration             *numbers[int64]
	interrupted                      *bools
	adapter, binding, afHandle       *numbers[uint64]
	status, pid                      *numbers[uint32]
	tid                              *numbers[uint64]
}

func newSpanColumns() *spanColumns {
	return &spanColumns{
		source: newSource(), function: text("function", false), af: text("af_type", true), driver: text("driver", true),
		enterSeq: u64("enter_seq", false), returnSeq: u64("return_seq", false),
		enter: when("enter", false), ret: when("return", false), duration: i64("duration_ns", true), interrupted: &bools{name: "interrupted"},
		status: u32("status"), statusName: text("status_name", true),
		adapter: u64("adapter", true), binding: u64("binding", true), afHandle: u64("af", true), pid: u32("pid"), tid: u64("tid", true),
	}
}

func (c *spanColumns) list() []column {
	return []column{
		c.trace, c.host, c.boot, c.function, c.af, c.driver, c.enterSeq, c.returnSeq, c.enter, c.ret, c.duration, c.interrupted,
		c.status, c.statusName, c.adapter, c.binding, c.afHandle, c.pid, c.tid,
	}
}

// SpanWriter is a replay.Hook that writes the table of spans.
type SpanWriter struct {
	*Sink
	Source Source // of the rows to come
	c      *spanColumns
}

// NewSpanWriter writes to s, a Sink of the table Spans.
func NewSpanWriter(s *Sink) *SpanWriter {
	w := &SpanWriter{Sink: s, c: newSpanColumns()}
	s.use(w.c.list())
	return w
}

// Span writes a call.
func (w *SpanWriter) Span(s *replay.Span) {
	c := w.c
	c.source.add(&w.Source)
	c.function.add(s.Function.String())
	if s.HasAFType {
		c.af.add(ndis.AFType(s.AFType).String())
	} else {
		c.af.addNull()
	}
	if len(s.Driver) > 0 {
		c.driver.addBytes(s.Driver)
	} else {
		c.driver.addNull()
	}
	c.enterSeq.add(s.EnterSeq)
	c.returnSeq.add(s.ReturnSeq)
	c.enter.add(s.Enter)
	c.ret.add(s.Return)
	d := s.Return - s.Enter
	c.duration.addIf(d, !s.Interrupted && d >= 0)
	c.interrupted.add(s.Interrupted)
	c.status.addIf(uint32(s.Status), s.HasStatus)
	if s.HasStatus {
		c.statusName.add(s.Status.String())
	} else {
		c.statusName.addNull()
	}
	c.adapter.addIf(s.Adapter, s.Adapter != 0)
	c.binding.addIf(s.Binding, s.Binding != 0)
	c.afHandle.addIf(s.AF, s.AF != 0)
	c.pid.addIf(s.PID, s.PID != 0)
	c.tid.addIf(s.TID, s.TID != 0)
	w.row(&w.Source)
}

type findingColumns struct {
	source
	id, rule, severity, verdict, atFault, message, driver, page, why, fingerprint *texts
	seq                                                                           *numbers[uint64]
	adapter                                                                       *numbers[uint64]
	seqs                                                                          *numbers[uint64]
	names                                                                         *texts
	events, also                                                                  *lists
}

func newFindingColumns() *findingColumns {
	c := &findingColumns{
		source: newSource(), id: text("id", false), rule: text("rule", false), severity: text("severity", false),
		verdict: text("verdict", false), atFault: text("at_fault", false), message: text("message", false), driver: text("driver", true),
		page: text("page", true), why: text("why", true), fingerprint: text("fingerprint", false),
		seq: u64("seq", false), adapter: u64("adapter", true), seqs: u64("item", false), names: text("item", false),
	}
	c.events, c.also = &lists{name: "events", of: c.seqs}, &lists{name: "also", of: c.names}
	return c
}

func (c *findingColumns) list() []column {
	return []column{
		c.trace, c.host, c.boot, c.id, c.rule, c.severity, c.verdict, c.atFault, c.message, c.seq, c.events, c.adapter, c.driver, c.page, c.also, c.why, c.fingerprint,
	}
}

// FindingWriter writes the table of findings.
type FindingWriter struct {
	*Sink
	c *findingColumns
}

// NewFindingWriter writes to s, a Sink of the table Findings.
func NewFindingWriter(s *Sink) *FindingWriter {
	w := &FindingWriter{Sink: s, c: newFindingColumns()}
	s.use(w.c.list())
	return w
}

// Add writes the findings of the traces of a report; from says where each trace is from.
func (w *FindingWriter) Add(r *report.Report, from func(trace int) Source) {
	c := w.c
	for i := range r.Findings {
		f := &r.Findings[i]
		s := from(f.TraceIndex())
		c.source.add(&s)
		c.id.add(f.ID)
		c.rule.add(f.Rule)
		c.severity.add(f.Severity)
		c.verdict.add(f.Verdict)
		c.atFault.add(f.AtFault)
		c.message.add(f.Message)
		c.seq.add(f.Seq())
		c.seqs.values = append(c.seqs.values, f.Events...)
		c.seqs.n = len(c.seqs.values)
		c.events.end(c.seqs.n)
		c.adapter.addIf(f.AdapterHandle(), f.AdapterHandle() != 0)
		if f.Driver != nil {
			c.driver.add(*f.Driver)
		} else {
			c.driver.addNull()
		}
		c.page.addIf(f.Page)
		for _, id := range f.Also {
			c.names.add(id)
		}
		c.also.end(c.names.n)
		c.why.addIf(f.Why)
		c.fingerprint.add(f.Fingerprint)
		w.row(&s)
	}
}

type objectColumns struct {
	source
	kind, parentKind, driver, af, state                *texts
	id, handle, parent, adapter                        *numbers[uint64]
	firstSeq, endSeq, lastSeq, rows                    *numbers[uint64]
	first, pended, ready, closing, end, last, lifetime *numbers[int64]
	failed, cut                                        *bools
}

func newObjectColumns() *objectColumns {
	return &objectColumns{
		source: newSource(), kind: text("kind", false), id: u64("id", false), handle: u64("handle", true),
		parentKind: text("parent_kind", true), parent: u64("parent_id", true), driver: text("driver", true), adapter: u64("adapter", true),
		af: text("af_type", true), state: text("state", false), firstSeq: u64("first_seq", false), endSeq: u64("end_seq", true),
		lastSeq: u64("last_seq", false), rows: u64("rows", false), first: when("first", false), pended: when("pended", true),
		ready: when("ready", true), closing: when("closing", true), end: when("end", true), last: when("last", false),
		lifetime: i64("lifetime_ns", true), failed: &bools{name: "failed"}, cut: &bools{name: "interrupted"},
	}
}

func (c *objectColumns) list() []column {
	return []column{
		c.trace, c.host, c.boot, c.kind, c.id, c.handle, c.parentKind, c.parent, c.driver, c.adapter, c.af, c.state,
		c.first, c.pended, c.ready, c.closing, c.end, c.last, c.lifetime, c.failed, c.cut, c.firstSeq, c.endSeq, c.lastSeq, c.rows,
	}
}

// ObjectWriter writes the table of objects.
type ObjectWriter struct {
	*Sink
	Source Source // of the rows to come
	c      *objectColumns
}

// NewObjectWriter writes to s, a Sink of the table Objects.
func NewObjectWriter(s *Sink) *ObjectWriter {
	w := &ObjectWriter{Sink: s, c: newObjectColumns()}
	s.use(w.c.list())
	return w
}

// Add writes a lifetime.
func (w *ObjectWriter) Add(l *life.Life) {
	c := w.c
	c.source.add(&w.Source)
	c.kind.add(l.Kind.String())
	c.id.add(l.ID)
	c.handle.addIf(l.Handle, l.Handle != 0)
	known := l.Parent != life.Key{}
	if known {
		c.parentKind.add(l.Parent.Kind.String())
	} else {
		c.parentKind.addNull()
	}
	c.parent.addIf(l.Parent.ID, known)
	c.driver.addIf(l.Driver)
	c.adapter.addIf(l.Adapter, l.Adapter != 0)
	c.af.addIf(l.AF())
	c.state.add(l.State.String())
	c.first.add(l.First.TS)
	c.pended.addIf(l.Pended.TS, l.Pended.Seen())
	c.ready.addIf(l.Ready.TS, l.Ready.Seen())
	c.closing.addIf(l.Closing.TS, l.Closing.Seen())
	c.end.addIf(l.End.TS, l.End.Seen())
	c.last.add(l.Last.TS)
	c.lifetime.addIf(l.End.TS-l.First.TS, l.End.Seen() && l.End.TS >= l.First.TS && !overflows(l.End.TS, l.First.TS))
	c.failed.add(l.Failed)
	c.cut.add(l.Cut)
	c.firstSeq.add(l.First.Seq)
	c.endSeq.addIf(l.End.Seq, l.End.Seen())
	c.lastSeq.add(l.Last.Seq)
	c.rows.add(l.Rows)
	w.row(&w.Source)
}

// overflows says whether a-b is past what an int64 holds, for a ≥ b.
func overflows(a, b int64) bool { return b < 0 && a > math.MaxInt64+b }

type verdictColumns struct {
	source
	verdict, digest, failure                                   *texts
	events, lost, errors, warnings, infos, doubtful, conflicts *numbers[uint64]
	evaluated, notChecked                                      *numbers[uint64]
	names                                                      *texts
	reasons                                                    *lists
}

func newVerdictColumns() *verdictColumns {
	c := &verdictColumns{
		source: newSource(), verdict: text("verdict", false), digest: text("digest", false), failure: text("error", true),
		events: u64("events", false), lost: u64("lost", false), errors: u64("errors", false), warnings: u64("warnings", false),
		infos: u64("infos", false), doubtful: u64("inconclusive", false), conflicts: u64("conflicts", false),
		evaluated: u64("rules_evaluated", false), notChecked: u64("rules_not_checked", false), names: text("item", false),
	}
	c.reasons = &lists{name: "reasons", of: c.names}
	return c
}

func (c *verdictColumns) list() []column {
	return []column{
		c.trace, c.host, c.boot, c.verdict, c.digest, c.events, c.lost, c.errors, c.warnings, c.infos, c.doubtful, c.conflicts,
		c.evaluated, c.notChecked, c.reasons, c.failure,
	}
}

// VerdictWriter writes the table of verdicts.
type VerdictWriter struct {
	*Sink
	c *verdictColumns
}

// NewVerdictWriter writes to s, a Sink of the table Verdicts.
func NewVerdictWriter(s *Sink) *VerdictWriter {
	w := &VerdictWriter{Sink: s, c: newVerdictColumns()}
	s.use(w.c.list())
	return w
}

// Add writes the verdict of a report of one trace.
func (w *VerdictWriter) Add(r *report.Report, from Source) {
	c := w.c
	c.source.add(&from)
	c.verdict.add(r.Verdict)
	c.digest.add(r.Digest)
	var lost uint64
	failure := ""
	for i := range r.Traces {
		lost += r.Traces[i].Lost
		failure = r.Traces[i].Error
		for _, why := range r.Traces[i].Reasons {
			c.names.add(why)
		}
	}
	c.reasons.end(c.names.n)
	c.events.add(r.Events)
	c.lost.add(lost)
	var n [4]uint64
	for i := range r.Findings {
		switch f := &r.Findings[i]; {
		case f.Verdict == "inconclusive":
			n[3]++
		case f.Severity == "error":
			n[0]++
		case f.Severity == "warning":
			n[1]++
		default:
			n[2]++
		}
	}
	c.errors.add(n[0])
	c.warnings.add(n[1])
	c.infos.add(n[2])
	c.doubtful.add(n[3])
	c.conflicts.add(uint64(len(r.Conflicts)))
	var evaluated, not uint64
	for i := range r.Rules {
		if r.Rules[i].Checked > 0 {
			evaluated++
		} else if r.Rules[i].NotChecked > 0 {
			not++
		}
	}
	c.evaluated.add(evaluated)
	c.notChecked.add(not)
	c.failure.addIf(failure)
	w.row(&from)
}
