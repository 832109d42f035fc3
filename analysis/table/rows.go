package table

import (
	"github.com/apache/arrow/go/v15/arrow"

	"github.com/aftrace/aftrace/analysis/life"
	"github.com/aftrace/aftrace/analysis/report"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

var timestamp = &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"}

// columnsOf are the columns of a table.
func columnsOf(name string) *block {
	switch name {
	case Spans:
		return newSpanColumns().rowsOf()
	case Findings:
		return newFindingColumns().rowsOf()
	case Objects:
		return newObjectColumns().rowsOf()
	case Verdicts:
		return newVerdictColumns().rowsOf()
	case Events:
		return newEventColumns().rowsOf()
	}
	panic("table: no table " + name)
}

// tableOf is a block with the first columns of every table, and cols.
func tableOf(cols ...column) block {
	return block{cols: append([]column{
		&constants{name: "trace", of: func(s *Source) string { return s.Trace }},
		&constants{name: "host", nullable: true, of: func(s *Source) string { return s.Host }},
		&constants{name: "boot_id", nullable: true, of: func(s *Source) string { return s.BootID }},
	}, cols...)}
}

// extend adds the further key columns.
func (b *block) extend(keys []string) {
	for i, k := range keys {
		b.cols = append(b.cols, &constants{name: k, nullable: true, of: func(s *Source) string {
			if i < len(s.Keys) {
				return s.Keys[i]
			}
			return ""
		}})
	}
}

func u64(name string, null bit) *numbers[uint64] {
	return &numbers[uint64]{name: name, typ: arrow.PrimitiveTypes.Uint64, validity: validity{null: null}}
}

func i64(name string, null bit) *numbers[int64] {
	return &numbers[int64]{name: name, typ: arrow.PrimitiveTypes.Int64, validity: validity{null: null}}
}

func u32(name string, null bit) *numbers[uint32] {
	return &numbers[uint32]{name: name, typ: arrow.PrimitiveTypes.Uint32, validity: validity{null: null}}
}

func when(name string, null bit) *numbers[int64] {
	return &numbers[int64]{name: name, typ: timestamp, validity: validity{null: null}}
}

func text(name string, null bit) *texts { return &texts{name: name, validity: validity{null: null}} }

// named is a column of the names of its numbers.
func named[T number](name string, null bit, text func(T) string) *names[T] {
	c := &names[T]{numbers: numbers[T]{name: name, validity: validity{null: null}}, text: text}
	c.of = &c.numbers
	return c
}

// namesOf is a column of the names of the numbers of another one, null where they are.
func namesOf[T number](name string, of *numbers[T], text func(T) string) *names[T] {
	return &names[T]{numbers: numbers[T]{name: name, validity: validity{null: of.null}}, of: of, text: text}
}

func afName(v uint32) string     { return ndis.AFType(v).String() }
func statusName(v uint32) string { return ndis.Status(v).String() }

// Flags of spans.
const (
	spanNoAF bit = 1 << iota
	spanNoDriver
	spanNoDuration
	spanInterrupted
	spanNoStatus
	spanNoAdapter
	spanNoBinding
	spanNoHandle
	spanNoPID
	spanNoTID
)

type spanColumns struct {
	block
	function                      *names[uint16]
	af                            *names[uint32]
	driver                        *texts
	enterSeq, returnSeq           *numbers[uint64]
	enter, ret, duration          *numbers[int64]
	interrupted                   *bools
	status, pid                   *numbers[uint32]
	adapter, binding, handle, tid *numbers[uint64]
}

func newSpanColumns() *spanColumns {
	c := &spanColumns{
		function: named("function", 0, func(f uint16) string { return ndis.Func(f).String() }), af: named("af_type", spanNoAF, afName),
		driver: text("driver", spanNoDriver), enterSeq: u64("enter_seq", 0), returnSeq: u64("return_seq", 0), enter: when("enter", 0),
		ret: when("return", 0), duration: i64("duration_ns", spanNoDuration), interrupted: &bools{name: "interrupted", true: spanInterrupted},
		status: u32("status", spanNoStatus), adapter: u64("adapter", spanNoAdapter), binding: u64("binding", spanNoBinding),
		handle: u64("af", spanNoHandle), pid: u32("pid", spanNoPID), tid: u64("tid", spanNoTID),
	}
	c.block = tableOf(c.function, c.af, c.driver, c.enterSeq, c.returnSeq, c.enter, c.ret, c.duration, c.interrupted,
		c.status, namesOf("status_name", c.status, statusName), c.adapter, c.binding, c.handle, c.pid, c.tid)
	return c
}

// SpanWriter is a replay.Hook that writes the table of spans. There is one for every other row
// of a trace: they are only kept, and made columns of when they are written. It is not safe for
// concurrent use.
type SpanWriter struct {
	sink        *Sink
	c           *spanColumns // for who writes
	rows, spare *spanRows
	source      Source
}

// spanRows are spans that are not written yet.
type spanRows struct {
	list    []replay.Span
	sources []from
	text    int // bytes of text that they keep at most: the same text counts again
}

// NewSpanWriter writes to s, a Sink of the table Spans.
func NewSpanWriter(s *Sink) *SpanWriter {
	w := &SpanWriter{sink: s, c: newSpanColumns(), rows: &spanRows{}, spare: &spanRows{}}
	w.c.extend(s.keys)
	w.rows.sources = sourceFrom(nil, 0, w.source)
	s.rest = w.flush
	return w
}

// From says where the rows to come are from.
func (w *SpanWriter) From(s *Source) {
	if !s.same(&w.source) {
		w.source = *s
		w.rows.sources = sourceFrom(w.rows.sources, len(w.rows.list), *s)
		w.rows.text += s.text()
	}
}

// Span writes a call.
func (w *SpanWriter) Span(s *replay.Span) {
	r := w.rows
	r.text += len(s.Driver)
	if r.list = append(r.list, *s); len(r.list) >= rowsPerBatch || r.text > maxData {
		w.flush()
	}
}

// flush lets the rows be written.
func (w *SpanWriter) flush() {
	w.sink.wait() // for the spare ones
	r := w.rows
	w.rows, w.spare = w.spare, r
	clear(w.rows.list) // of their text
	clear(w.rows.sources)
	w.rows.list, w.rows.sources, w.rows.text = w.rows.list[:0], sourceFrom(w.rows.sources[:0], 0, w.source), 0
	w.sink.beside(func() error {
		if w.sink.err != nil {
			return w.sink.err
		}
		c := w.c
		for i, sources := 0, r.sources; i < len(r.list); i++ {
			if len(sources) > 0 && sources[0].row == i {
				c.from(sources[0].source)
				sources = sources[1:]
			}
			if full := c.put(&r.list[i]); full || i == len(r.list)-1 {
				if err := w.sink.record(&c.block); err != nil {
					return err
				}
				last := c.sources[len(c.sources)-1].source
				c.reset()
				c.from(last)
			}
		}
		return nil
	})
}

// put adds a row. It says whether the rows should be written.
func (c *spanColumns) put(s *replay.Span) (full bool) {
	i := c.next()
	c.function.put(i, uint16(s.Function))
	flags := c.af.putIf(i, s.AFType, s.HasAFType)
	flags |= c.driver.putIf(i, s.Driver, s.Driver != "")
	c.enterSeq.put(i, s.EnterSeq)
	c.returnSeq.put(i, s.ReturnSeq)
	c.enter.put(i, s.Enter)
	c.ret.put(i, s.Return)
	d, ok := s.Duration()
	flags |= c.duration.putIf(i, d, ok)
	flags |= c.interrupted.put(s.Interrupted)
	flags |= c.status.putIf(i, uint32(s.Status), s.HasStatus)
	flags |= c.adapter.putIf(i, s.Adapter, s.Adapter != 0)
	flags |= c.binding.putIf(i, s.Binding, s.Binding != 0)
	flags |= c.handle.putIf(i, s.AF, s.AF != 0)
	flags |= c.pid.putIf(i, s.PID, s.PID != 0)
	flags |= c.tid.putIf(i, s.TID, s.TID != 0)
	return c.end(flags) || c.driver.large()
}

// Flags of findings.
const (
	findingNoAdapter bit = 1 << iota
	findingNoDriver
	findingNoPage
	findingNoWhy
)

type findingColumns struct {
	block
	id, rule, severity, verdict, atFault, message, driver, page, why, fingerprint *texts
	seq, adapter                                                                  *numbers[uint64]
	events, also                                                                  *lists
}

func newFindingColumns() *findingColumns {
	c := &findingColumns{
		id: text("id", 0), rule: text("rule", 0), severity: text("severity", 0), verdict: text("verdict", 0), atFault: text("at_fault", 0),
		message: text("message", 0), driver: text("driver", findingNoDriver), page: text("page", findingNoPage), why: text("why", findingNoWhy),
		fingerprint: text("fingerprint", 0), seq: u64("seq", 0), adapter: u64("adapter", findingNoAdapter),
		events: &lists{name: "events", of: arrow.PrimitiveTypes.Uint64}, also: &lists{name: "also", of: arrow.BinaryTypes.String},
	}
	c.block = tableOf(c.id, c.rule, c.severity, c.verdict, c.atFault, c.message, c.seq, c.events, c.adapter, c.driver, c.page, c.also, c.why, c.fingerprint)
	return c
}

// FindingWriter writes the table of findings.
type FindingWriter struct{ writer[*findingColumns] }

// NewFindingWriter writes to s, a Sink of the table Findings.
func NewFindingWriter(s *Sink) *FindingWriter {
	w := &FindingWriter{newWriter(s, newFindingColumns)}
	s.rest = w.flush
	return w
}

// Add writes the findings of the traces of a report; from says where each trace is from.
func (w *FindingWriter) Add(r *report.Report, from func(trace int) Source) {
	for k := range r.Findings {
		f := &r.Findings[k]
		s := from(f.TraceIndex())
		w.From(&s)
		c := w.c
		i := c.next()
		c.id.put(i, f.ID)
		c.rule.put(i, f.Rule)
		c.severity.put(i, f.Severity)
		c.verdict.put(i, f.Verdict)
		c.atFault.put(i, f.AtFault)
		c.message.put(i, f.Message)
		c.seq.put(i, f.Seq())
		c.events.putNumbers(i, f.Events)
		flags := c.adapter.putIf(i, f.AdapterHandle(), f.AdapterHandle() != 0)
		driver := ""
		if f.Driver != nil {
			driver = *f.Driver
		}
		flags |= c.driver.putIf(i, driver, f.Driver != nil)
		flags |= c.page.putIf(i, f.Page, f.Page != "")
		c.also.putTexts(i, f.Also)
		flags |= c.why.putIf(i, f.Why, f.Why != "")
		c.fingerprint.put(i, f.Fingerprint)
		if c.end(flags) || c.message.large() || c.driver.large() || c.why.large() || c.events.large() {
			w.flush()
		}
	}
}

// Flags of objects.
const (
	objectNoHandle bit = 1 << iota
	objectNoParent
	objectNoDriver
	objectNoAdapter
	objectNoAF
	objectNotPended
	objectNotReady
	objectNotClosing
	objectNotEnded
	objectNoLifetime
	objectFailed
	objectCut
)

type objectColumns struct {
	block
	kind, parentKind                                     *names[uint8]
	state                                                *names[uint8]
	af                                                   *names[uint32]
	driver                                               *texts
	id, handle, parent, adapter                          *numbers[uint64]
	firstSeq, endSeq, lastSeq, rows                      *numbers[uint64]
	first, pended, ready, closing, ended, last, lifetime *numbers[int64]
	failed, cut                                          *bools
}

func newObjectColumns() *objectColumns {
	kind := func(k uint8) string { return replay.ObjectKind(k).String() }
	c := &objectColumns{
		kind: named("kind", 0, kind), id: u64("id", 0), handle: u64("handle", objectNoHandle),
		parentKind: named("parent_kind", objectNoParent, kind), parent: u64("parent_id", objectNoParent), driver: text("driver", objectNoDriver),
		adapter: u64("adapter", objectNoAdapter), af: named("af_type", objectNoAF, afName),
		state:    named("state", 0, func(s uint8) string { return replay.ObjectState(s).String() }),
		firstSeq: u64("first_seq", 0), endSeq: u64("end_seq", objectNotEnded), lastSeq: u64("last_seq", 0), rows: u64("rows", 0),
		first: when("first", 0), pended: when("pended", objectNotPended), ready: when("ready", objectNotReady), closing: when("closing", objectNotClosing),
		ended: when("end", objectNotEnded), last: when("last", 0), lifetime: i64("lifetime_ns", objectNoLifetime),
		failed: &bools{name: "failed", true: objectFailed}, cut: &bools{name: "interrupted", true: objectCut},
	}
	c.block = tableOf(c.kind, c.id, c.handle, c.parentKind, c.parent, c.driver, c.adapter, c.af, c.state,
		c.first, c.pended, c.ready, c.closing, c.ended, c.last, c.lifetime, c.failed, c.cut, c.firstSeq, c.endSeq, c.lastSeq, c.rows)
	return c
}

// ObjectWriter writes the table of objects.
type ObjectWriter struct{ writer[*objectColumns] }

// NewObjectWriter writes to s, a Sink of the table Objects.
func NewObjectWriter(s *Sink) *ObjectWriter {
	w := &ObjectWriter{newWriter(s, newObjectColumns)}
	s.rest = w.flush
	return w
}

// Add writes a lifetime.
func (w *ObjectWriter) Add(l *life.Life) {
	c := w.c
	i := c.next()
	c.kind.put(i, uint8(l.Kind))
	c.id.put(i, l.ID)
	flags := c.handle.putIf(i, l.Handle, l.Handle != 0)
	known := l.Parent != life.Key{}
	flags |= c.parentKind.putIf(i, uint8(l.Parent.Kind), known)
	flags |= c.parent.putIf(i, l.Parent.ID, known)
	flags |= c.driver.putIf(i, l.Driver, l.Driver != "")
	flags |= c.adapter.putIf(i, l.Adapter, l.Adapter != 0)
	flags |= c.af.putIf(i, l.AFType, l.HasAF)
	c.state.put(i, uint8(l.State))
	c.first.put(i, l.First.TS)
	flags |= c.pended.putIf(i, l.Pended.TS, l.Pended.Seen())
	flags |= c.ready.putIf(i, l.Ready.TS, l.Ready.Seen())
	flags |= c.closing.putIf(i, l.Closing.TS, l.Closing.Seen())
	flags |= c.ended.putIf(i, l.End.TS, l.End.Seen())
	c.last.put(i, l.LastTS)
	lifetime, ok := l.First.Until(l.End)
	flags |= c.lifetime.putIf(i, lifetime, ok && l.End.Seen())
	flags |= c.failed.put(l.Failed)
	flags |= c.cut.put(l.Cut)
	c.firstSeq.put(i, l.First.Seq)
	flags |= c.endSeq.putIf(i, l.End.Seq, l.End.Seen())
	c.lastSeq.put(i, l.LastSeq)
	c.rows.put(i, l.Rows)
	if c.end(flags) || c.driver.large() {
		w.flush()
	}
}

const verdictNoError bit = 1

type verdictColumns struct {
	block
	verdict, digest, failure                                   *texts
	events, lost, errors, warnings, infos, doubtful, conflicts *numbers[uint64]
	evaluated, notChecked                                      *numbers[uint64]
	reasons                                                    *lists
}

func newVerdictColumns() *verdictColumns {
	c := &verdictColumns{
		verdict: text("verdict", 0), digest: text("digest", 0), failure: text("error", verdictNoError),
		events: u64("events", 0), lost: u64("lost", 0), errors: u64("errors", 0), warnings: u64("warnings", 0),
		infos: u64("infos", 0), doubtful: u64("inconclusive", 0), conflicts: u64("conflicts", 0),
		evaluated: u64("rules_evaluated", 0), notChecked: u64("rules_not_checked", 0),
		reasons: &lists{name: "reasons", of: arrow.BinaryTypes.String},
	}
	c.block = tableOf(c.verdict, c.digest, c.events, c.lost, c.errors, c.warnings, c.infos, c.doubtful, c.conflicts,
		c.evaluated, c.notChecked, c.reasons, c.failure)
	return c
}

// VerdictWriter writes the table of verdicts.
type VerdictWriter struct{ writer[*verdictColumns] }

// NewVerdictWriter writes to s, a Sink of the table Verdicts.
func NewVerdictWriter(s *Sink) *VerdictWriter {
	w := &VerdictWriter{newWriter(s, newVerdictColumns)}
	s.rest = w.flush
	return w
}

// Add writes the verdict of a report of one trace.
func (w *VerdictWriter) Add(r *report.Report, from Source) {
	w.From(&from)
	c := w.c
	i := c.next()
	c.verdict.put(i, r.Verdict)
	c.digest.put(i, r.Digest)
	var lost uint64
	var reasons []string
	failure := ""
	for k := range r.Traces {
		lost += r.Traces[k].Lost
		failure = r.Traces[k].Error
		reasons = append(reasons, r.Traces[k].Reasons...)
	}
	c.reasons.putTexts(i, reasons)
	c.events.put(i, r.Events)
	c.lost.put(i, lost)
	var n [4]uint64
	for k := range r.Findings {
		switch f := &r.Findings[k]; {
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
	c.errors.put(i, n[0])
	c.warnings.put(i, n[1])
	c.infos.put(i, n[2])
	c.doubtful.put(i, n[3])
	c.conflicts.put(i, uint64(len(r.Conflicts)))
	var evaluated, not uint64
	for k := range r.Rules {
		if r.Rules[k].Checked > 0 {
			evaluated++
		} else if r.Rules[k].NotChecked > 0 {
			not++
		}
	}
	c.evaluated.put(i, evaluated)
	c.notChecked.put(i, not)
	flags := c.failure.putIf(i, failure, failure != "")
	if c.end(flags) || c.reasons.large() || c.failure.large() {
		w.flush()
	}
}
