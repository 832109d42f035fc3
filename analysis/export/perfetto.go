// Package export writes traces and what a replay found out about them in the formats of
// other tools: timelines for Perfetto and Chrome, Parquet and CSV for everything else.
package export

import (
	"bufio"
	"encoding/json"
	"io"
	"strconv"

	"github.com/aftrace/aftrace/analysis/life"
	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// Timeline writes the Chrome trace event format, which Perfetto and chrome://tracing read: a
// process for each driver, a track for each thread with its calls as slices, an async slice
// for each AF open, VC and call of the model, and flows from a registration over its
// notifications to the opens that follow. It is fed by a replay as Hook, see Attach, and is
// not safe for concurrent use. Memory follows the drivers and threads and the live objects.
type Timeline struct {
	w     *bufio.Writer
	err   error
	begun bool
	buf   []byte

	drivers map[string]int
	threads map[track]bool
	flows   map[flow]uint64 // number of the arrow
	next    uint64          // of async slices
	arrows  uint64          // of flows
	start   int64
	follow  *life.Follower
	batch   *format.Batch
}

type track struct {
	pid int
	tid uint64
}

// flow leads from a registration over the notification of a client to its open.
type flow struct {
	client uint64
	af     uint32
}

// maxFlows bounds how many notifications that led to no open are remembered.
const maxFlows = 1 << 16

// NewTimeline writes to w.
func NewTimeline(w io.Writer) *Timeline {
	return &Timeline{
		w: bufio.NewWriterSize(w, 1<<16), drivers: map[string]int{}, threads: map[track]bool{}, flows: map[flow]uint64{},
	}
}

// Attach draws what follow follows. The spans are told to the Timeline by whoever tells them to
// others.
func (t *Timeline) Attach(follow *life.Follower) {
	t.follow = follow
	follow.Also(t.ended, nil, t.saw, ndis.ProtocolCoAfRegisterNotify, ndis.NdisClOpenAddressFamilyEx)
}

// Batch says which rows come next, before the Follower is told of them.
func (t *Timeline) Batch(b *format.Batch) {
	t.batch = b
	if t.start == 0 && b.N > 0 {
		t.start = b.TS[0]
	}
	for i, p := range b.Phase[:b.N] {
		if p == format.PhaseGap {
			t.gap(b, i)
		}
	}
}

// event begins an event of the trace; field calls follow, then end.
func (t *Timeline) event(phase, name, category string, pid int, tid uint64, ts int64) {
	if t.begun {
		t.buf = append(t.buf, ",\n"...)
	} else {
		t.buf = append(t.buf, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"...)
		t.begun = true
	}
	t.buf = append(t.buf, `{"ph":"`...)
	t.buf = append(t.buf, phase...)
	t.buf = append(t.buf, `","name":`...)
	t.text(name)
	if category != "" {
		t.buf = append(t.buf, `,"cat":"`...)
		t.buf = append(t.buf, category...)
		t.buf = append(t.buf, '"')
	}
	t.buf = append(t.buf, `,"pid":`...)
	t.buf = strconv.AppendInt(t.buf, int64(pid), 10)
	t.buf = append(t.buf, `,"tid":`...)
	t.buf = strconv.AppendUint(t.buf, tid, 10)
	t.buf = append(t.buf, `,"ts":`...)
	t.micros(ts - t.start)
}

// micros appends a time in microseconds, exact to the nanosecond.
func (t *Timeline) micros(ns int64) {
	if ns < 0 {
		t.buf = append(t.buf, '-')
		ns = -ns
	}
	t.buf = strconv.AppendInt(t.buf, ns/1000, 10)
	if r := ns % 1000; r != 0 {
		t.buf = append(t.buf, '.', byte('0'+r/100), byte('0'+r/10%10), byte('0'+r%10))
	}
}

// text appends a JSON string that no terminal obeys, cut to a length that a viewer can show.
func (t *Timeline) text(s string) {
	const longest = 300
	if len(s) > longest {
		s = s[:longest] + "…"
	}
	q, _ := json.Marshal(rows.Safe(s))
	t.buf = append(t.buf, q...)
}

func (t *Timeline) key(name string) {
	t.buf = append(t.buf, ',', '"')
	t.buf = append(t.buf, name...)
	t.buf = append(t.buf, '"', ':')
}

func (t *Timeline) end() {
	t.buf = append(t.buf, '}')
	if t.err == nil {
		_, t.err = t.w.Write(t.buf)
	}
	t.buf = t.buf[:0]
}

// process is the number of a driver.
func (t *Timeline) process(driver string) int {
	if driver == "" {
		driver = "unknown driver"
	}
	if n := t.drivers[driver]; n != 0 {
		return n
	}
	n := len(t.drivers) + 1
	t.drivers[driver] = n
	t.event("M", "process_name", "", n, 0, t.start)
	t.key("args")
	t.buf = append(t.buf, `{"name":`...)
	t.text(driver)
	t.buf = append(t.buf, '}')
	t.end()
	return n
}

func (t *Timeline) thread(pid int, tid uint64) {
	k := track{pid, tid}
	if t.threads[k] {
		return
	}
	t.threads[k] = true
	t.event("M", "thread_name", "", pid, tid, t.start)
	t.key("args")
	t.buf = append(t.buf, `{"name":"thread `...)
	t.buf = strconv.AppendUint(t.buf, tid, 10)
	t.buf = append(t.buf, `"}`...)
	t.end()
}

// Span draws a call.
func (t *Timeline) Span(s *replay.Span) {
	pid := t.process(s.Driver)
	t.thread(pid, s.TID)
	d, ok := life.At{TS: s.Enter}.Until(life.At{TS: s.Return})
	if !ok {
		d = 0
	}
	t.event("X", s.Function.String(), "call", pid, s.TID, s.Enter)
	t.key("dur")
	t.micros(d)
	t.key("args")
	t.buf = append(t.buf, `{"rows":"`...)
	t.buf = strconv.AppendUint(t.buf, s.EnterSeq, 10)
	t.buf = append(t.buf, '-')
	t.buf = strconv.AppendUint(t.buf, s.ReturnSeq, 10)
	t.buf = append(t.buf, '"')
	if s.HasStatus {
		t.key("status")
		t.text(s.Status.String())
	}
	if s.HasAFType {
		t.key("af_type")
		t.text(ndis.AFType(s.AFType).String())
	}
	if s.Interrupted {
		t.key("interrupted")
		t.buf = append(t.buf, "true"...)
	}
	for _, h := range [...]struct {
		name  string
		value uint64
	}{{"adapter", s.Adapter}, {"binding", s.Binding}, {"af", s.AF}} {
		if h.value != 0 {
			t.key(h.name)
			t.text(rows.Hex(h.value))
		}
	}
	t.buf = append(t.buf, '}')
	t.end()
}

// saw draws the flows. They are bound to the slices of the calls, by thread and time.
func (t *Timeline) saw(r *replay.Row, at life.At) {
	b, i := t.batch, r.Index
	if b.Phase[i] == format.PhaseReturn {
		return
	}
	fn := b.Function[i].Modern()
	if fn != ndis.ProtocolCoAfRegisterNotify && fn != ndis.NdisClOpenAddressFamilyEx {
		return
	}
	var reg, open, client *life.Life
	all := r.All()
	for k := range all {
		o := &all[k]
		switch l := t.follow.Of(o); {
		case l == nil:
		case o.Kind == replay.RegistrationObject && reg == nil:
			reg = l
		case o.Kind == replay.AFOpenObject && open == nil:
			open = l
		case o.Kind == replay.BindingObject && client == nil:
			client = l
		}
	}
	if client == nil {
		return
	}
	tid := uint64(0)
	if b.Has[i]&format.HasTID != 0 {
		tid = b.TID[i]
	}
	driver := ""
	if b.Has[i]&format.HasDriver != 0 {
		driver = string(b.Driver.At(i))
	}
	switch {
	case fn == ndis.ProtocolCoAfRegisterNotify && reg != nil && reg.HasAF:
		k := flow{client.ID, reg.AFType}
		if t.flows[k] != 0 || len(t.flows) >= maxFlows {
			return
		}
		t.arrows++
		t.flows[k] = t.arrows
		t.arrow("s", t.arrows, t.process(reg.Driver), reg.TID, reg.First.TS)
		t.arrow("t", t.arrows, t.process(driver), tid, at.TS)
	case fn == ndis.NdisClOpenAddressFamilyEx && open != nil && open.HasAF:
		k := flow{client.ID, open.AFType}
		if n := t.flows[k]; n != 0 {
			delete(t.flows, k)
			t.arrow("f", n, t.process(driver), tid, at.TS)
		}
	}
}

func (t *Timeline) arrow(phase string, n uint64, pid int, tid uint64, ts int64) {
	t.event(phase, "address family", "flow", pid, tid, ts)
	t.key("id")
	t.buf = append(t.buf, '"')
	t.buf = strconv.AppendUint(t.buf, n, 10)
	t.buf = append(t.buf, '"')
	if phase == "f" {
		t.key("bp")
		t.buf = append(t.buf, `"e"`...)
	}
	t.end()
}

// ended draws the life of an object.
func (t *Timeline) ended(l *life.Life) {
	switch l.Kind {
	case replay.AFOpenObject, replay.VCObject, replay.SAPObject, replay.RegistrationObject, replay.BindingObject:
	default:
		return
	}
	t.next++
	name := l.Kind.String()
	if af := l.AF(); af != "" {
		name += " " + af
	}
	if l.Failed {
		name += " (failed)"
	}
	last := l.Last()
	if l.End.Seen() {
		last = l.End
	}
	pid := t.process(l.Driver)
	async := func(phase, name string, ts int64) {
		t.event(phase, name, "object", pid, l.TID, ts)
		t.key("id")
		t.buf = append(t.buf, '"')
		t.buf = strconv.AppendUint(t.buf, t.next, 10)
		t.buf = append(t.buf, '"')
	}
	async("b", name, l.First.TS)
	t.key("args")
	t.buf = append(t.buf, `{"handle":`...)
	t.text(rows.Hex(l.Handle))
	t.key("state")
	t.text(l.State.String())
	t.buf = append(t.buf, '}')
	t.end()
	for _, step := range [...]struct {
		name string
		at   life.At
	}{{"pended", l.Pended}, {"ready", l.Ready}, {"closing", l.Closing}} {
		if step.at.Seen() {
			async("n", step.name, step.at.TS)
			t.end()
		}
	}
	async("e", name, max(last.TS, l.First.TS))
	t.end()
}

// gap marks where events were lost, across all tracks.
func (t *Timeline) gap(b *format.Batch, i int) {
	name := "events lost"
	if b.Has[i]&format.HasLost != 0 {
		name = rows.Count(b.Lost[i], "event") + " lost"
	}
	t.event("i", name, "loss", 0, 0, b.TS[i])
	t.key("s")
	t.buf = append(t.buf, `"g"`...)
	t.end()
}

// Close ends the file. It does not close the writer.
func (t *Timeline) Close() error {
	if !t.begun {
		t.buf = append(t.buf, `{"displayTimeUnit":"ns","traceEvents":[`...)
	}
	t.buf = append(t.buf, "\n]}\n"...)
	if t.err == nil {
		_, t.err = t.w.Write(t.buf)
	}
	if t.err == nil {
		t.err = t.w.Flush()
	}
	return t.err
}
