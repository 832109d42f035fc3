// Package decode turns the records of trace sessions into events: TraceLogging events of
// any provider into named, typed values, those of the provider CoNDIS-AfTrace into rows of
// a trace. It does no I/O.
//
// A Decoder is given every record of a session, from a file or live, and counts what it
// could and could not read per provider:
//
//	d := decode.New(decode.Options{Source: format.SourceETL, Clock: file.Header().Nanoseconds})
//	for r, err := range file.Records() {
//		...
//		switch d.Decode(r, &row) {
//		case decode.Row: // row is a crossing
//		case decode.Lost: // an event of our provider that cannot be read: d.Failure() says why
//		}
//	}
//
// No input makes this package panic, and no record takes more than the stated limits.
package decode

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/format"
)

// Options configures a Decoder.
type Options struct {
	// Source is how the records came: format.SourceETL or format.SourceETW.
	Source format.Source
	// Clock converts performance counter ticks of the host to nanoseconds since the Unix
	// epoch. It is nil if they cannot be converted: then events that carry ticks get the
	// time of their record.
	Clock func(ticks int64) int64
	// HeaderTicks says that Record.Clock is the performance counter, so that the time of a
	// record can be kept in the ticks column too.
	HeaderTicks bool
}

// Outcome is what Decode made of a record.
type Outcome uint8

const (
	Other Outcome = iota // no event of the provider CoNDIS-AfTrace
	Row                  // an AfEvent: the row is filled
	Lost                 // an event of that provider that cannot be read; an AfEvent may be in it
)

// Limits of what a Decoder keeps.
const (
	MaxProviders    = 1 << 16  // providers counted one by one
	maxSchemas      = 4096     // schemas remembered
	maxSchemaBytes  = 16 << 20 // metadata of schemas remembered
	maxLabels       = 1 << 14  // driver labels remembered
	maxLabelLength  = 1 << 10  // a longer one is not remembered
	detailChunkSize = 64 << 10
)

// Decoder decodes the records of one session. It is not safe for concurrent use.
type Decoder struct {
	o       Options
	schemas map[string]*Schema
	bytes   int // of metadata in schemas
	last    *Schema

	providers map[etl.GUID]*Provider
	lastProv  *Provider
	omitted   uint64
	defects   [numDefects]uint64

	failure Failure
	labels  map[string]string
	label   string // the last one used
	detail  detailBuffer
}

// Provider is what a Decoder met of one provider, event class or WPP message GUID.
type Provider struct {
	GUID      etl.GUID
	Name      string // from the traits of its events, or known; may be empty
	Records   uint64
	Decoded   uint64 // payload read by a decoder of this package, to the last byte
	Undecoded uint64
	Reasons   map[Reason]uint64 // of Undecoded

	named bool // Name is from traits, or there is no point in looking
}

// New returns a Decoder.
func New(o Options) *Decoder {
	return &Decoder{
		o: o, schemas: map[string]*Schema{}, providers: map[etl.GUID]*Provider{},
		labels: map[string]string{},
	}
}

// Decode counts r and, if it is an event of the provider CoNDIS-AfTrace, makes row of it.
// Row.Seq is left 0. If the outcome is Lost, row holds what was decoded before the
// failure. The strings in row stay valid.
func (d *Decoder) Decode(r *etl.Record, row *format.Event) Outcome {
	if !r.HasGUID {
		return Other
	}
	p := d.provider(&r.Provider)
	if p != nil {
		p.Records++
	}
	d.failure = Failure{}
	outcome := Other
	switch {
	case r.Kind != etl.KindEvent32 && r.Kind != etl.KindEvent64:
		d.failure.Reason = ReasonNoDecoder
	case r.Defect != "":
		d.failure.Reason = ReasonRecord
	default:
		if meta, ok := r.Item(etl.ExtSchemaTL); ok {
			s := d.schema(meta)
			if p != nil && !p.named {
				p.name(r)
			}
			if s.af != nil && r.Provider == AfTrace {
				outcome = d.afEvent(r, s, row)
			} else {
				d.failure = s.check(r.Data, r.Pointer)
			}
		} else if r.Channel == channelTraceLogging || r.Provider == AfTrace {
			d.failure.Reason = ReasonNoSchema
		} else {
			d.failure.Reason = ReasonNoDecoder
		}
	}
	if d.failure.Reason == ReasonNone {
		if p != nil {
			p.Decoded++
		}
		return outcome
	}
	if p != nil {
		p.fail(d.failure.Reason)
	}
	if outcome == Other && r.Provider == AfTrace && d.mayHoldAfEvent(r) {
		*row = format.Event{}
		outcome = Lost
	}
	return outcome
}

// mayHoldAfEvent says whether a record of our provider that could not be read can be an
// AfEvent: not if its schema, as far as it can be read, has another name.
func (d *Decoder) mayHoldAfEvent(r *etl.Record) bool {
	if r.Kind != etl.KindEvent32 && r.Kind != etl.KindEvent64 {
		return false
	}
	meta, ok := r.Item(etl.ExtSchemaTL)
	if !ok || r.Defect != "" {
		return true
	}
	s := d.schema(meta)
	return s.Name == AfEventName || s.Failure.Reason != ReasonNone && s.Name == ""
}

// Failure says why the last record was not decoded. Its Reason is ReasonNone if it was.
func (d *Decoder) Failure() Failure { return d.failure }

// Providers returns the counts so far, most records first, then by GUID.
func (d *Decoder) Providers() []Provider {
	list := make([]Provider, 0, len(d.providers))
	for _, p := range d.providers {
		list = append(list, *p)
	}
	SortProviders(list)
	return list
}

// SortProviders sorts by records, most first, then by GUID as printed.
func SortProviders(list []Provider) {
	slices.SortFunc(list, func(a, b Provider) int {
		return cmp.Or(cmp.Compare(b.Records, a.Records), compareGUID(&a.GUID, &b.GUID))
	})
}

// compareGUID orders GUIDs as they are printed: the first three fields are numbers.
func compareGUID(a, b *etl.GUID) int {
	le := binary.LittleEndian
	return cmp.Or(
		cmp.Compare(le.Uint32(a[:]), le.Uint32(b[:])), cmp.Compare(le.Uint16(a[4:]), le.Uint16(b[4:])),
		cmp.Compare(le.Uint16(a[6:]), le.Uint16(b[6:])), bytes.Compare(a[8:], b[8:]))
}

// Omitted is how many records of further providers were met, past MaxProviders.
func (d *Decoder) Omitted() uint64 { return d.omitted }

func (d *Decoder) provider(g *etl.GUID) *Provider {
	if p := d.lastProv; p != nil && p.GUID == *g {
		return p
	}
	p := d.providers[*g]
	if p == nil {
		if len(d.providers) >= MaxProviders {
			d.omitted++
			return nil
		}
		p = &Provider{GUID: *g, Name: KnownProvider(*g)}
		p.named = *g == AfTrace
		d.providers[*g] = p
	}
	d.lastProv = p
	return p
}

// name takes the name of the provider from the traits of one of its events.
func (p *Provider) name(r *etl.Record) {
	if b, ok := r.Item(etl.ExtProviderTraits); ok {
		if t, f := ParseTraits(b); f.Reason == ReasonNone {
			p.Name, p.named = t.Name, true
		}
	}
}

func (p *Provider) fail(why Reason) {
	p.Undecoded++
	if p.Reasons == nil {
		p.Reasons = map[Reason]uint64{}
	}
	p.Reasons[why]++
}

// schema returns the parsed form of an EVENT_SCHEMA_TL item.
func (d *Decoder) schema(meta []byte) *Schema {
	if s := d.last; s != nil && bytes.Equal(s.meta, meta) {
		return s
	}
	s := d.schemas[string(meta)]
	if s == nil {
		s = ParseSchema(meta)
		s.af = planAfEvent(s)
		if len(d.schemas) >= maxSchemas || d.bytes+len(meta) > maxSchemaBytes {
			clear(d.schemas)
			d.bytes = 0
		}
		d.schemas[string(s.meta)] = s
		d.bytes += len(meta)
	}
	d.last = s
	return s
}
