package table

import (
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// Flags of events. Those of the handles follow in the order of handleNames.
const (
	eventNoTicks bit = 1 << iota
	eventNoCPU
	eventNoPID
	eventNoTID
	eventNoIRQL
	eventNoCall
	eventNoDriver
	eventNoAF
	eventNoMajor
	eventNoMinor
	eventNoStatus
	eventNoLost
	eventNoDetail
	eventNoHandle
)

// noFunction is that of gaps, which have none.
const noFunction = 0xffff

// eventColumns are those of a trace, with its names, in plain types.
type eventColumns struct {
	block
	seq, tid, call                       *numbers[uint64]
	ts, ticks                            *numbers[int64]
	cpu, pid, irql, afType, major, minor *numbers[uint32]
	phase, src                           *names[uint8]
	function                             *names[uint16]
	driver, detail                       *texts
	handles                              [len(handleNames)]*numbers[uint64]
	status                               *numbers[uint32]
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
		seq: u64("seq", 0), ts: when("ts", 0), ticks: i64("ticks", eventNoTicks), cpu: u32("cpu", eventNoCPU), pid: u32("pid", eventNoPID),
		tid: u64("tid", eventNoTID), irql: u32("irql", eventNoIRQL), call: u64("call_id", eventNoCall), driver: text("driver", eventNoDriver),
		afType: u32("af_type", eventNoAF), major: u32("af_major", eventNoMajor), minor: u32("af_minor", eventNoMinor),
		status: u32("status", eventNoStatus), lost: u64("lost", eventNoLost), detail: text("detail", eventNoDetail),
		phase: named("phase", 0, func(p uint8) string { return format.Phase(p).String() }),
		src:   named("source", 0, func(s uint8) string { return format.Source(s).String() }),
		function: named("function", 0, func(f uint16) string {
			if f == noFunction {
				return ""
			}
			return ndis.Func(f).String()
		}),
	}
	cols := []column{c.seq, c.ts, c.ticks, c.cpu, c.pid, c.tid, c.irql, c.phase, c.function, c.call, c.driver}
	for i, h := range handleNames {
		c.handles[i] = u64(h.name, eventNoHandle<<i)
		cols = append(cols, c.handles[i])
	}
	c.block = tableOf(append(cols, c.afType, c.major, c.minor, namesOf("af_type_name", c.afType, afName), c.status,
		namesOf("status_name", c.status, statusName), c.lost, c.src, c.detail)...)
	return c
}

// EventWriter writes the rows of traces.
type EventWriter struct{ writer[*eventColumns] }

// NewEventWriter writes to s, a Sink of the table Events.
func NewEventWriter(s *Sink) *EventWriter {
	w := &EventWriter{newWriter(s, newEventColumns)}
	s.rest = w.flush
	return w
}

// Batch writes rows.
func (w *EventWriter) Batch(b *format.Batch) {
	var handles [len(handleNames)][]uint64
	for k, h := range handleNames {
		handles[k] = h.of(b)
	}
	for k := range b.N {
		has := b.Has[k]
		c := w.c
		i := c.next()
		c.seq.put(i, b.Seq[k])
		c.ts.put(i, b.TS[k])
		flags := c.ticks.putIf(i, b.Ticks[k], has&format.HasTicks != 0)
		flags |= c.cpu.putIf(i, uint32(b.CPU[k]), has&format.HasCPU != 0)
		flags |= c.pid.putIf(i, b.PID[k], has&format.HasPID != 0)
		flags |= c.tid.putIf(i, b.TID[k], has&format.HasTID != 0)
		flags |= c.irql.putIf(i, uint32(b.IRQL[k]), has&format.HasIRQL != 0)
		c.phase.put(i, uint8(b.Phase[k]))
		if b.Phase[k] == format.PhaseGap {
			c.function.put(i, noFunction)
		} else {
			c.function.put(i, uint16(b.Function[k]))
		}
		flags |= c.call.putIf(i, b.CallID[k], has&format.HasCallID != 0)
		flags |= c.driver.putBytes(i, given(&b.Driver, k, has&format.HasDriver != 0), has&format.HasDriver != 0)
		for h := range handles {
			flags |= c.handles[h].putIf(i, handles[h][k], has&handleNames[h].has != 0)
		}
		flags |= c.afType.putIf(i, b.AFType[k], has&format.HasAFType != 0)
		flags |= c.major.putIf(i, b.AFMajor[k], has&format.HasAFMajor != 0)
		flags |= c.minor.putIf(i, b.AFMinor[k], has&format.HasAFMinor != 0)
		flags |= c.status.putIf(i, b.Status[k], has&format.HasStatus != 0)
		flags |= c.lost.putIf(i, b.Lost[k], has&format.HasLost != 0)
		c.src.put(i, uint8(b.Source[k]))
		flags |= c.detail.putBytes(i, given(&b.Detail, k, has&format.HasDetail != 0), has&format.HasDetail != 0)
		if c.end(flags) || c.driver.large() || c.detail.large() {
			w.flush()
		}
	}
}

// given is the text of row i, nil if it has none.
func given(s *format.Strings, i int, known bool) []byte {
	if !known {
		return nil
	}
	return s.At(i)
}
