package table

import (
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// eventColumns are those of a trace, with its names, in plain types.
type eventColumns struct {
	source
	seq, tid, call                       *numbers[uint64]
	ts, ticks                            *numbers[int64]
	cpu, pid, irql, afType, major, minor *numbers[uint32]
	phase, function, driver, src, detail *texts
	handles                              [8]*numbers[uint64]
	status                               *numbers[uint32]
	statusName, afName                   *texts
	lost                                 *numbers[uint64]
}

var handleNames = [...]struct {
	name string
	has  format.Fields
	of   func(*format.Batch) []uint64
}{
	{"adapter", format.HasAdapter, func(b *format.Batch) []uint64 { return b.Adapter }},
	{"binding", format.HasBinding, func(b *format.Batch) []uint64 { return b.Binding }},
	{"af", format.HasAF, func(b *format.Batch) []uint64 { return b.AF }},
	{"sap", format.HasSAP, func(b *format.Batch) []uint64 { return b.SAP }},
	{"vc", format.HasVC, func(b *format.Batch) []uint64 { return b.VC }},
	{"party", format.HasParty, func(b *format.Batch) []uint64 { return b.Party }},
	{"context", format.HasContext, func(b *format.Batch) []uint64 { return b.Context }},
	{"context2", format.HasContext2, func(b *format.Batch) []uint64 { return b.Context2 }},
}

func newEventColumns() *eventColumns {
	c := &eventColumns{
		source: newSource(), seq: u64("seq", false), ts: when("ts", false), ticks: i64("ticks", true),
		cpu: u32("cpu"), pid: u32("pid"), tid: u64("tid", true), irql: u32("irql"), phase: text("phase", false), function: text("function", false),
		call: u64("call_id", true), driver: text("driver", true), afType: u32("af_type"), major: u32("af_major"), minor: u32("af_minor"),
		status: u32("status"), lost: u64("lost", true), src: text("source", false), detail: text("detail", true),
		statusName: text("status_name", true), afName: text("af_type_name", true),
	}
	for i, h := range handleNames {
		c.handles[i] = u64(h.name, true)
	}
	return c
}

func (c *eventColumns) list() []column {
	cols := []column{c.trace, c.host, c.boot, c.seq, c.ts, c.ticks, c.cpu, c.pid, c.tid, c.irql, c.phase, c.function, c.call, c.driver}
	for _, h := range c.handles {
		cols = append(cols, h)
	}
	return append(cols, c.afType, c.major, c.minor, c.afName, c.status, c.statusName, c.lost, c.src, c.detail)
}

// EventWriter writes the rows of traces.
type EventWriter struct {
	*Sink
	Source Source // of the rows to come
	c      *eventColumns
}

// NewEventWriter writes to s, a Sink of the table Events.
func NewEventWriter(s *Sink) *EventWriter {
	w := &EventWriter{Sink: s, c: newEventColumns()}
	s.use(w.c.list())
	return w
}

// Batch writes rows.
func (w *EventWriter) Batch(b *format.Batch) {
	c := w.c
	for i := range b.N {
		has := b.Has[i]
		c.source.add(&w.Source)
		c.seq.add(b.Seq[i])
		c.ts.add(b.TS[i])
		c.ticks.addIf(b.Ticks[i], has&format.HasTicks != 0)
		c.cpu.addIf(uint32(b.CPU[i]), has&format.HasCPU != 0)
		c.pid.addIf(b.PID[i], has&format.HasPID != 0)
		c.tid.addIf(b.TID[i], has&format.HasTID != 0)
		c.irql.addIf(uint32(b.IRQL[i]), has&format.HasIRQL != 0)
		c.phase.add(b.Phase[i].String())
		if b.Phase[i] == format.PhaseGap {
			c.function.add("")
		} else {
			c.function.add(b.Function[i].String())
		}
		c.call.addIf(b.CallID[i], has&format.HasCallID != 0)
		if has&format.HasDriver != 0 {
			c.driver.addBytes(b.Driver.At(i))
		} else {
			c.driver.addNull()
		}
		for k, h := range handleNames {
			c.handles[k].addIf(h.of(b)[i], has&h.has != 0)
		}
		c.afType.addIf(b.AFType[i], has&format.HasAFType != 0)
		c.major.addIf(b.AFMajor[i], has&format.HasAFMajor != 0)
		c.minor.addIf(b.AFMinor[i], has&format.HasAFMinor != 0)
		if has&format.HasAFType != 0 {
			c.afName.add(ndis.AFType(b.AFType[i]).String())
		} else {
			c.afName.addNull()
		}
		c.status.addIf(b.Status[i], has&format.HasStatus != 0)
		if has&format.HasStatus != 0 {
			c.statusName.add(ndis.Status(b.Status[i]).String())
		} else {
			c.statusName.addNull()
		}
		c.lost.addIf(b.Lost[i], has&format.HasLost != 0)
		c.src.add(b.Source[i].String())
		if has&format.HasDetail != 0 {
			c.detail.addBytes(b.Detail.At(i))
		} else {
			c.detail.addNull()
		}
		w.row(&w.Source)
	}
}
