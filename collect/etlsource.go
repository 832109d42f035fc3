package collect

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/format"
)

// lateWriter is how long after a crossing its event may be written: an event that cannot
// be read says that a crossing is missing between its record's time less this and then.
// Emitters that drain buffers (the DTrace script) write late, by a second by default.
const lateWriter = time.Second

// etlSource reads the rows of one .etl file in the order of the file. After the records
// come the gap rows for what the file says, or shows, to be lost:
//
//   - A buffer flagged EVENTS_LOST or BUFFER_LOST: between the last record of the buffer
//     before it of that processor and its own first record. The flags do not say how many
//     events; the header counts them all. If one buffer alone is flagged EVENTS_LOST, that
//     count is its own. If several are, lost is null in each, and the count is in the
//     metadata only: no loss is in two rows.
//   - Losses that the header counts and no buffer is flagged for: the whole file, events
//     and buffers in a row each. How many events lost buffers had is not known.
//   - Bytes of a buffer that cannot be read: after the last record before them, up to the
//     next buffer of that processor. Buffers that cannot be read at all may be of any
//     processor and time: the whole file.
//   - Notifications of a real-time session (RT_LostEvent): since the one before.
//   - A circular file that wrapped: a slow processor may still have old rows when what
//     the others had then is overwritten. From its first record to the time from which on
//     the file has the buffers of all; no row if none is as old.
//   - A file that was cut, or whose session did not end: from where the first of the
//     processors falls silent to the end.
//
// A gap row for an event of our own provider that cannot be read comes in place.
type etlSource struct {
	f      *etl.File
	d      *decode.Decoder
	clock  func(int64) int64 // if not nil, the time of a record by its clock
	record etl.Record

	start, end int64 // ns, what the file is known to span
	lastRT     int64
	firstRow   int64 // time of the oldest row
	oldest     int64 // lowest sequence number of a buffer behind the first
	oldestAt   int   // it in spans
	spans      []bufferSpan
	index      int    // Buffer.Index of the last of spans, -1 at first
	next       int64  // offset at which the last record ended
	ranges     uint64 // Stats.Ranges seen
	unplaced   uint64 // of ranges, those that no buffer that was read had
	why        string // the first of them could not be read

	lost  uint64 // AfEvents that could not be read
	gaps  []format.Event
	stats etl.Stats
	done  bool
}

// bufferSpan is what is remembered of a buffer: 32 bytes for, usually, 64 KiB of file.
type bufferSpan struct {
	first, last int64 // time of its records
	cpu, flags  uint16
	timed       bool
	damaged     bool // its rest cannot be read
	typ         uint16
}

func newETLSource(f *etl.File, d *decode.Decoder) *etlSource {
	s := &etlSource{f: f, d: d, index: -1}
	h := f.Header()
	s.start, s.end = math.MaxInt64, math.MinInt64
	s.firstRow, s.oldest = math.MaxInt64, math.MaxInt64
	if !h.Start.IsZero() {
		s.start = h.Start.UnixNano()
		s.end = s.start
	}
	if !h.End.IsZero() {
		s.end = max(s.end, h.End.UnixNano())
	}
	s.lastRT = s.start
	return s
}

func (s *etlSource) Close() error { return s.f.Close() }

func (s *etlSource) Next(ctx context.Context, e *format.Event) error {
	r := &s.record
	for n := 0; !s.done; n++ {
		if n&0xFFF == 0xFFF && ctx.Err() != nil {
			return ctx.Err()
		}
		ok, err := s.f.ReadInto(r)
		if err != nil {
			return fail(err, ErrInput)
		}
		if !ok {
			s.finish()
			break
		}
		s.track(r)
		switch s.d.Decode(r, e) {
		case decode.Row:
			s.start, s.end = min(s.start, e.TS), max(s.end, e.TS)
			s.firstRow = min(s.firstRow, e.TS)
			return nil
		case decode.Lost:
			s.lost++
			ts := min(e.TS, r.Time)
			if e.TS == 0 {
				ts = r.Time
			}
			*e = gapRow(ts-int64(lateWriter), max(e.TS, r.Time), "event of "+decode.AfTraceName+" not readable: "+s.d.Failure().Reason.String())
			e.Lost, e.Has = 1, e.Has|format.HasLost
			return nil
		}
		if r.HasGUID && r.Opcode >= 0x20 && r.Opcode <= 0x22 && isLostEvent(r) {
			*e = gapRow(s.lastRT, r.Time, "real-time losses")
			s.lastRT = r.Time
			return nil
		}
	}
	if len(s.gaps) > 0 {
		*e = s.gaps[0]
		s.gaps = s.gaps[1:]
		return nil
	}
	return io.EOF
}

func isLostEvent(r *etl.Record) bool {
	name := decode.KnownProvider(r.Provider)
	return name == "RT_LostEvent" || name == "EventTrace"
}

// gapRow is a gap row without a count.
func gapRow(since, ts int64, reason string) format.Event {
	text, _ := json.Marshal(reason) // of a string it cannot fail
	return format.Event{
		TS: ts, Phase: format.PhaseGap, Source: format.SourceETL, Has: format.HasDetail,
		Detail: fmt.Sprintf(`{"reason":%s,"since_ts":%d}`, text, min(since, ts)),
	}
}

// track notes where in which buffer the walk is.
func (s *etlSource) track(r *etl.Record) {
	if s.clock != nil && r.HasClock {
		r.Time = s.clock(r.Clock)
	}
	if b := s.f.Buffer(); b.Index != s.index {
		s.damage()
		s.index = b.Index
		if b.Type != bufferOfHeader && b.Sequence < s.oldest {
			s.oldest, s.oldestAt = b.Sequence, len(s.spans)
		}
		s.spans = append(s.spans, bufferSpan{cpu: b.CPU, flags: b.Flags, typ: b.Type})
	}
	s.next = r.Offset + int64(len(r.Raw)+7)&^7
	if !r.HasClock {
		return
	}
	b := &s.spans[len(s.spans)-1]
	if !b.timed {
		b.first, b.last, b.timed = r.Time, r.Time, true
		s.start = min(s.start, r.Time)
	}
	if r.Time > b.last {
		b.last = r.Time
	} else if r.Time < b.first {
		b.first = r.Time
		s.start = min(s.start, r.Time)
	}
	s.end = max(s.end, r.Time)
}

// damage finds out whether something could not be read since the buffer before.
func (s *etlSource) damage() {
	st := s.f.Stats()
	for i := s.ranges; i < st.Ranges; i++ {
		listed := i < uint64(len(st.Undecodable))
		if listed && len(s.spans) > 0 && st.Undecodable[i].Offset == s.next {
			s.spans[len(s.spans)-1].damaged = true
			continue
		}
		if s.unplaced++; s.unplaced == 1 && listed {
			s.why = st.Undecodable[i].Reason
		}
	}
	s.ranges = st.Ranges
}

// finish makes the gap rows that can be placed only when the whole file is known.
func (s *etlSource) finish() {
	s.done = true
	s.damage()
	s.stats = s.f.Stats()
	h := s.f.Header()
	if s.start > s.end { // a file without any time
		s.start, s.end = 0, 0
	}

	// The buffers of each processor in the order of time.
	spans := slices.Clone(s.spans)
	slices.SortStableFunc(spans, func(a, b bufferSpan) int {
		return cmp.Or(cmp.Compare(a.cpu, b.cpu), cmp.Compare(a.first, b.first))
	})
	spans = slices.DeleteFunc(spans, func(b bufferSpan) bool {
		return !b.timed && b.flags&(etl.BufferEventsLost|etl.BufferBufferLost) == 0
	})
	var events, buffers, first int // buffers flagged; of the first EVENTS_LOST the row
	seen := map[uint16]int64{}     // by processor, the time of the last record
	for i := range spans {
		b := &spans[i]
		since, before := seen[b.cpu]
		if !before {
			since = s.start
		}
		if b.flags&(etl.BufferEventsLost|etl.BufferBufferLost) != 0 {
			ts := s.end
			if b.timed {
				ts = b.first
			} else {
				since = s.start
			}
			reason := ""
			switch b.flags & (etl.BufferEventsLost | etl.BufferBufferLost) {
			case etl.BufferEventsLost:
				reason = "events lost"
			case etl.BufferBufferLost:
				reason = "buffers lost"
			default:
				reason = "events and buffers lost"
			}
			if b.flags&etl.BufferEventsLost != 0 {
				if events == 0 {
					first = len(s.gaps)
				}
				events++
			}
			if b.flags&etl.BufferBufferLost != 0 {
				buffers++
			}
			s.gap(since, ts, reason, int(b.cpu))
		}
		if b.timed {
			seen[b.cpu] = max(b.last, since)
		}
		if b.damaged {
			until := s.end
			for _, next := range spans[i+1:] {
				if next.cpu != b.cpu {
					break
				}
				if next.timed {
					until = max(b.last, next.first)
					break
				}
			}
			s.gap(b.last, until, "bytes that cannot be read", int(b.cpu))
		}
	}

	s.overwritten(spans)

	// Losses without a place.
	if n := s.stats.EventsLost; n > 0 {
		if events == 0 && s.stats.EventsLostBuffers == 0 {
			g := s.gap(s.start, s.end, "events lost", -1)
			g.Lost, g.Has = uint64(n), g.Has|format.HasLost
		} else if events == 1 && s.stats.EventsLostBuffers == 1 && buffers == 0 && s.stats.BuffersLost == 0 {
			g := &s.gaps[first]
			g.Lost, g.Has = uint64(n), g.Has|format.HasLost
		}
	}
	if s.stats.BuffersLost > 0 && s.stats.BufferLostBuffers == 0 {
		s.gap(s.start, s.end, fmt.Sprintf("%d buffers lost", s.stats.BuffersLost), -1)
	}
	if s.stats.EventsLostBuffers > uint64(events) || s.stats.BufferLostBuffers > uint64(buffers) {
		s.gap(s.start, s.end, "losses in buffers without records", -1)
	}
	switch {
	case s.unplaced == 1:
		s.gap(s.start, s.end, cmp.Or(s.why, "bytes that cannot be read"), -1)
	case s.unplaced > 1:
		s.gap(s.start, s.end, fmt.Sprintf("%d ranges of bytes that cannot be read", s.unplaced), -1)
	}
	reason := ""
	switch {
	case s.truncated():
		reason = "the file was cut short"
	case s.unfinished():
		reason = "the session did not end properly"
	default:
		return
	}
	since := s.end
	for _, last := range seen {
		since = min(since, last)
	}
	if len(seen) < int(h.Processors) { // one may not have filled its first buffer
		since = s.start
	}
	s.gap(since, s.end, reason, -1)
}

// bufferOfHeader is the type of the first buffer, which a circular file keeps.
const bufferOfHeader = 4

// overwritten adds the gap row of a circular file that wrapped. spans are the buffers by
// processor and time. A session numbers its buffers from 1 on as it writes them, and its header
// counts them, once it has ended.
func (s *etlSource) overwritten(spans []bufferSpan) {
	h := s.f.Header()
	if h.Mode&etl.ModeCircular == 0 || s.oldest == math.MaxInt64 || s.oldest <= 1 && uint64(h.BuffersWritten) <= s.stats.Buffers {
		return
	}
	// What is overwritten of a processor lies before the first that there still is of it.
	from, until := int64(math.MaxInt64), int64(math.MinInt64)
	cpus, last := 0, -1
	for i := range spans {
		if b := &spans[i]; b.timed && b.typ != bufferOfHeader && int(b.cpu) != last {
			cpus, last = cpus+1, int(b.cpu)
			from, until = min(from, b.first), max(until, b.first)
		}
	}
	// Of a processor that has no buffer left, it was written before the oldest there is, and
	// that one before the next of its own processor began.
	if cpus < int(h.Processors) {
		oldest, next := s.spans[s.oldestAt], s.end
		for i := range spans {
			if b := &spans[i]; b.timed && b.typ != bufferOfHeader && b.cpu == oldest.cpu && b.first > oldest.first {
				next = b.first
				break
			}
		}
		until = max(until, next)
	}
	if s.firstRow < until {
		s.gap(from-int64(lateWriter), until, "older buffers were overwritten: the file is circular", -1)
	}
}

// gap adds a gap row; cpu -1 is any.
func (s *etlSource) gap(since, ts int64, reason string, cpu int) *format.Event {
	s.gaps = append(s.gaps, gapRow(since, ts, reason))
	g := &s.gaps[len(s.gaps)-1]
	if cpu >= 0 {
		g.CPU, g.Has = uint16(cpu), g.Has|format.HasCPU
	}
	return g
}

// truncated says whether the file lacks its end.
func (s *etlSource) truncated() bool { return truncated(s.f.Header(), &s.stats) }

// truncated: the file ends inside a buffer, or, though its session ended properly, has
// fewer buffers than the session wrote.
func truncated(h etl.Header, st *etl.Stats) bool {
	return st.Truncated || !h.End.IsZero() && h.Mode&(etl.ModeCircular|etl.ModeAppend) == 0 &&
		st.BadBuffers == 0 && uint64(h.BuffersWritten) > st.Buffers
}

// unfinished says whether the session had not ended when the file was taken.
func (s *etlSource) unfinished() bool { return s.f.Header().End.IsZero() }
