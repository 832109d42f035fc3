package collect

import (
	"encoding/json"
	"math"
	"time"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/format"
)

// Summary is what Convert did. Its JSON form is stable.
type Summary struct {
	Inputs []InputSummary `json:"inputs"`
	Output string         `json:"output"`

	Events     uint64 `json:"events"`     // rows, gap rows included
	Gaps       uint64 `json:"gaps"`       // rows that say that events were lost
	Duplicates uint64 `json:"duplicates"` // crossings that a second route reported, left out
	Superseded uint64 `json:"superseded"` // what manifest events and WPP messages say of functions whose crossings were recorded, left out

	Records        uint64            `json:"records"`
	RecordKinds    map[string]uint64 `json:"record_kinds"`
	UnknownRecords uint64            `json:"unknown_records"`
	Providers      []ProviderInfo    `json:"providers"`

	EventsLost       uint64            `json:"events_lost"`       // as the headers count them
	BuffersLost      uint64            `json:"buffers_lost"`      // likewise
	Undecodable      uint64            `json:"undecodable"`       // events of CoNDIS-AfTrace that could not be read
	UndecodableBytes int64             `json:"undecodable_bytes"` // of the files, decompressed where they are compressed
	Defects          map[string]uint64 `json:"defects"`           // of events that were kept, without what is wrong
	Truncated        bool              `json:"truncated"`         // a file lacks its end
	Unfinished       bool              `json:"unfinished"`        // a session had not ended

	Start Time `json:"start"` // of the earliest record
	End   Time `json:"end"`   // of the latest record

	start, end int64
}

// InputSummary is what was in one input.
type InputSummary struct {
	Path        string            `json:"path"`
	Bytes       int64             `json:"bytes"` // of the file
	Records     uint64            `json:"records"`
	EventsLost  uint32            `json:"events_lost"`
	BuffersLost uint32            `json:"buffers_lost"`
	Truncated   bool              `json:"truncated"`
	Unfinished  bool              `json:"unfinished"`
	Undecodable map[string]uint64 `json:"undecodable,omitempty"` // ranges of bytes, by reason
}

// ProviderInfo counts the records of a provider, event class or WPP message GUID.
type ProviderInfo struct {
	GUID      string            `json:"guid"`
	Name      string            `json:"name"`
	Records   uint64            `json:"records"`
	Decoded   uint64            `json:"decoded"`   // payload read to the last byte
	Undecoded uint64            `json:"undecoded"` // all others
	Reasons   map[string]uint64 `json:"reasons,omitempty"`
}

// Time is a point in time that is null in JSON if it is not known.
type Time struct{ time.Time }

// MarshalJSON writes RFC 3339 in UTC, or null.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(format.FormatTime(t.Time))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (t *Time) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &t.Time) }

// Lossy says that events are, or may be, missing or were not understood: with --strict it
// decides the exit code.
func (s *Summary) Lossy() bool {
	return s.Gaps > 0 || s.EventsLost > 0 || s.BuffersLost > 0 || s.Undecodable > 0 || s.UndecodableBytes > 0 ||
		s.UnknownRecords > 0 || len(s.Defects) > 0 || s.Truncated || s.Unfinished
}

// addFile adds a file that was read to its end.
func (s *Summary) addFile(f *etlSource) {
	st := &f.stats
	in := InputSummary{
		Path: f.f.Path(), Bytes: st.Bytes.File, Records: st.Records, EventsLost: st.EventsLost, BuffersLost: st.BuffersLost,
		Truncated: f.truncated(), Unfinished: f.unfinished(),
	}
	for _, r := range st.Undecodable {
		if in.Undecodable == nil {
			in.Undecodable = map[string]uint64{}
		}
		in.Undecodable[r.Reason]++
	}
	if len(s.Inputs) == 0 {
		s.start, s.end = math.MaxInt64, math.MinInt64
		s.RecordKinds, s.Defects = map[string]uint64{}, map[string]uint64{}
	}
	s.Inputs = append(s.Inputs, in)
	s.Records += st.Records
	for k, n := range recordKinds(st) {
		s.RecordKinds[k] += n
	}
	s.UnknownRecords += st.Unknown
	s.EventsLost += uint64(st.EventsLost)
	s.BuffersLost += uint64(st.BuffersLost)
	s.Undecodable += f.lost
	s.UndecodableBytes += st.Bytes.Undecodable + st.Decoded.Undecodable
	s.Truncated = s.Truncated || in.Truncated
	s.Unfinished = s.Unfinished || in.Unfinished
	for d, n := range f.d.Defects() {
		s.Defects[d] += n
	}
	s.Providers = mergeProviders(s.Providers, f.d.Providers())
	s.start, s.end = min(s.start, f.start), max(s.end, f.end)
	s.Start, s.End = Time{time.Unix(0, s.start).UTC()}, Time{time.Unix(0, s.end).UTC()}
}

// addRow counts a row that was written.
func (s *Summary) addRow(e *format.Event) {
	s.Events++
	if e.Phase == format.PhaseGap {
		s.Gaps++
	}
}

// recordKinds is the record kinds that occur.
func recordKinds(st *etl.Stats) map[string]uint64 {
	m := map[string]uint64{}
	for k, n := range st.Kinds {
		if n > 0 && etl.Kind(k) != etl.KindUnknown {
			m[etl.Kind(k).String()] = n
		}
	}
	return m
}

func providerInfo(p *decode.Provider) ProviderInfo {
	i := ProviderInfo{GUID: p.GUID.String(), Name: p.Name, Records: p.Records, Decoded: p.Decoded, Undecoded: p.Undecoded}
	for why, n := range p.Reasons {
		if i.Reasons == nil {
			i.Reasons = map[string]uint64{}
		}
		i.Reasons[why.String()] = n
	}
	return i
}
