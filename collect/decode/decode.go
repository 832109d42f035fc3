// Package decode turns the records of trace sessions into events: TraceLogging events,
// manifest events, classic events and WPP messages of any provider into named, typed values;
// events of the provider CoNDIS-AfTrace, and what events of Microsoft-Windows-NDIS and WPP
// messages say of CoNDIS functions, into rows of a trace. It does no I/O.
//
// A Decoder is given every record of a session, from a file or live, and counts what it
// could and could not read per provider:
//
//	d := decode.New(decode.Options{Source: format.SourceETL, Clock: file.Header().Nanoseconds, Library: lib})
//	for r, err := range file.Records() {
//		...
//		switch d.Decode(r, &row) {
//		case decode.Row: // row is a crossing, or what an event says of one
//		case decode.Lost: // an event of our provider that cannot be read: d.Failure() says why
//		}
//		d.Event(r, &ev) // for people: any event, with its fields
//	}
//
// What describes events comes from four places, the first of which counts: what a merge kept
// of the recording host (records of the class EventMetadata), manifests that providers wrote
// into the stream (EventSource), the Library (manifests, images, TMF texts and PDBs that the
// user named), and built-in tables. The first two are in the records themselves: Decode learns
// them as they come by, so a reader of files gives all records to Learn first.
//
// A live session uses the same Decoder on the same Record, one for each session and
// goroutine. It fills of a Record, from the EVENT_RECORD of its callback:
//
//	Kind             KindEvent32 or KindEvent64, by Flag32BitHeader
//	Flags            EventHeader.Flags: FlagTraceMessage marks a WPP message, whose GUID is
//	                 ProviderId and whose number is Id; FlagClassicHeader a classic event, whose
//	                 type is Opcode
//	Provider …       the rest of EventHeader and EventDescriptor; HasGUID, HasIDs and HasClock
//	Clock, Time      the raw time of the session's clock and what it is in ns since 1970
//	Pointer          4 or 8, by the same flag
//	Extended         the extended items, appended with AppendExtended
//	Data             UserData
//
// Nothing is kept of the record after Decode returns, and in the steady state Decode does
// not allocate, but for chunks that hold the details of rows. A WPP message without TMF data,
// and an event without a description, is counted by its GUID; its bytes are the caller's to
// keep.
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
	// Library is what the user knows about events, nil if nothing.
	Library *Library
}

// Outcome is what Decode made of a record.
type Outcome uint8

const (
	Other Outcome = iota // an event that is no row
	Row                  // an AfEvent, or another event that says that a function ran: the row is filled
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
	scratch []byte // of a detail
	label16 []byte // a text out of UTF-16

	learned learned
	ev      Event // of manifest and WPP records

	plainRecords, plainDecoded uint64
	plainReasons               [NumReasons]uint64
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

	templates map[uint32]*template // by eventKey, as looked up; nil if nothing describes its events
	learned   int                  // learned.version of which templates is
	messages  map[uint16]wppEntry
}

// New returns a Decoder.
func New(o Options) *Decoder {
	return &Decoder{
		o: o, schemas: map[string]*Schema{}, providers: map[etl.GUID]*Provider{},
		labels: map[string]string{},
	}
}

// Decode counts r and, if it is an event of the provider CoNDIS-AfTrace, or says something
// of a CoNDIS function in another way, makes row of it.
// Row.Seq is left 0. If the outcome is Lost, row holds what was decoded before the
// failure. The strings in row stay valid.
func (d *Decoder) Decode(r *etl.Record, row *format.Event) Outcome {
	if !r.HasGUID {
		d.plain(r)
		return Other
	}
	p := d.provider(&r.Provider)
	if p != nil {
		p.Records++
	}
	d.failure = Failure{}
	outcome := Other
	switch {
	case r.Kind == etl.KindEvent64 || r.Kind == etl.KindEvent32:
		switch {
		case r.Defect != "":
			d.failure.Reason = ReasonRecord
		case r.Flags&(etl.FlagTraceMessage|etl.FlagClassicHeader) != 0:
			if r.Flags&etl.FlagTraceMessage != 0 {
				outcome = d.message(p, r, row)
			} else {
				d.classic(p, r)
			}
		default:
			outcome = d.event(p, r, row)
		}
	case r.Kind == etl.KindMessage:
		outcome = d.message(p, r, row)
	default:
		d.classic(p, r)
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

// event decodes an event with EVENT_HEADER.
func (d *Decoder) event(p *Provider, r *etl.Record, row *format.Event) Outcome {
	if len(r.Extended) > 0 {
		if meta, ok := r.Item(etl.ExtSchemaTL); ok {
			s := d.schema(meta)
			if p != nil && !p.named {
				p.name(r)
			}
			if s.af != nil && r.Provider == AfTrace {
				return d.afEvent(r, s, row)
			}
			d.failure = s.check(r.Data, r.Pointer)
			return Other
		}
	}
	if r.Channel == channelTraceLogging || r.Provider == AfTrace {
		d.failure.Reason = ReasonNoSchema
		return Other
	}
	if r.ID == chunkEvent && isChunk(r) {
		d.failure = d.learnChunk(r)
		return Other
	}
	x := d.template(p, r, eventKey(r.ID, r.Version))
	if x == nil {
		d.failure.Reason = ReasonNoDecoder
		return Other
	}
	if d.failure = x.read(r.Data, r.Pointer, &d.ev); d.failure.Reason != ReasonNone {
		return Other
	}
	if r.Provider == NDIS && d.ndisRow(r, &d.ev, row) {
		return Row
	}
	return Other
}

// classic decodes a record of a class of events.
func (d *Decoder) classic(p *Provider, r *etl.Record) {
	if r.Provider == eventMetadata {
		d.failure = d.learnMetadata(r)
		return
	}
	x := d.template(p, r, eventKey(classType(r), r.Version))
	if x == nil {
		d.failure.Reason = ReasonNoDecoder
		return
	}
	d.failure = x.read(r.Data, r.Pointer, &d.ev)
}

// message decodes a WPP message.
func (d *Decoder) message(p *Provider, r *etl.Record, row *format.Event) Outcome {
	x := d.wpp(p, r)
	if x.message == nil {
		d.failure.Reason = ReasonMessage
		return Other
	}
	if d.failure = x.message.read(r.Data, r.Pointer, &d.ev); d.failure.Reason != ReasonNone || x.row == nil {
		return Other
	}
	d.wppRow(r, x.row, d.ev.Values, row)
	return Row
}

// wppEntry is a message and the row to make of it; both may be nil.
type wppEntry struct {
	message *Message
	row     *wppRow
}

// wpp finds the description of a message.
func (d *Decoder) wpp(p *Provider, r *etl.Record) wppEntry {
	if d.o.Library == nil {
		return wppEntry{}
	}
	if p != nil {
		if x, ok := p.messages[r.ID]; ok {
			return x
		}
	}
	m := d.o.Library.messages[r.Provider][r.ID]
	if m == nil {
		return wppEntry{}
	}
	x := wppEntry{m, d.o.Library.rules.rowOf(m)}
	if p != nil {
		if p.messages == nil {
			p.messages = map[uint16]wppEntry{}
			if p.Name == "" {
				p.Name = m.Module
			}
		}
		p.messages[r.ID] = x
	}
	return x
}

// template finds the description of an event: what a merge kept, what the provider wrote
// itself, what the user gave, what is built in.
func (d *Decoder) template(p *Provider, r *etl.Record, key uint32) *template {
	if p != nil && p.learned == d.learned.version {
		if p.templates == nil {
			return nil
		}
		if x, ok := p.templates[key]; ok {
			return x
		}
	}
	tables := [...]*eventTable{&d.learned.merged, &d.learned.written, nil, builtIn()}
	if d.o.Library != nil {
		tables[2] = &d.o.Library.events
	}
	if p != nil && p.learned != d.learned.version {
		p.templates, p.learned = nil, d.learned.version
		for _, t := range tables {
			if t == nil {
				continue
			}
			if known := t.providers[r.Provider]; known != nil {
				if p.Name == "" {
					p.Name = known.name
				}
				p.templates = map[uint32]*template{}
			}
		}
		if p.templates == nil {
			return nil
		}
	}
	var x *template
	for _, t := range tables {
		if t != nil && x == nil {
			x = t.find(&r.Provider, key)
		}
	}
	// What is not there is remembered too, but only so much of it.
	if p != nil && (x != nil || len(p.templates) < maxMissing) {
		p.templates[key] = x
	}
	return x
}

const maxMissing = 1 << 12

// Event decodes any record into ev, for people. It says whether something is known of the
// record; if not, and if its payload cannot be read to the end, ev.Failure says why, as
// Failure does after Decode. ev is valid until r's bytes change or ev is used again. Nothing
// is counted.
func (d *Decoder) Event(r *etl.Record, ev *Event) bool {
	ev.reset()
	switch {
	case !r.HasGUID:
		ev.Failure = plainFailure(r)
		if r.Kind == etl.KindSystem32 || r.Kind == etl.KindSystem64 {
			if ev.Failure.Reason == ReasonNone {
				ev.Origin, ev.Name = OriginLog, "Header"
			}
		}
		if ev.Failure.Reason == ReasonPayloadLeft {
			ev.Left = len(r.Data) - ev.Failure.Offset
		}
	case isEvent(r) && r.Defect != "":
		ev.Failure = Failure{Reason: ReasonRecord}
	case isMessage(r):
		x := d.wpp(d.providers[r.Provider], r)
		if x.message == nil {
			ev.Failure = Failure{Reason: ReasonMessage}
			break
		}
		ev.Origin, ev.Name, ev.Message = OriginWPP, x.message.Name, x.message
		x.message.read(r.Data, r.Pointer, ev)
	case isClassic(r) || !isEvent(r):
		if r.Provider == eventMetadata {
			var scratch eventTable
			if ev.Failure = scratch.learnMetadata(classType(r), r.Data); ev.Failure.Reason != ReasonNoDecoder {
				ev.Origin, ev.Name = OriginMetadata, map[uint16]string{metadataEvent: "EventInfo", metadataMap: "EventMapInfo"}[classType(r)]
			}
			break
		}
		d.described(r, eventKey(classType(r), r.Version), OriginClassic, ev)
	case d.TraceLogging(r, ev):
	case r.Channel == channelTraceLogging || r.Provider == AfTrace:
		ev.Failure = Failure{Reason: ReasonNoSchema}
	case isChunk(r):
		ev.Origin, ev.Name = OriginMetadata, "Manifest"
		if _, _, ev.Failure = checkChunk(r); ev.Failure.Reason == ReasonNone {
			ev.Failure = d.learned.known[r.Provider]
		}
	default:
		d.described(r, eventKey(r.ID, r.Version), OriginManifest, ev)
	}
	return ev.Origin != OriginNone
}

// described decodes an event that has a template.
func (d *Decoder) described(r *etl.Record, key uint32, o Origin, ev *Event) {
	x := d.template(nil, r, key)
	if x == nil {
		ev.Failure = Failure{Reason: ReasonNoDecoder}
		return
	}
	ev.Origin, ev.Name, ev.text = o, x.name, x.text
	x.read(r.Data, r.Pointer, ev)
}

func (ev *Event) reset() {
	ev.Origin, ev.Name, ev.Message, ev.Schema, ev.text = OriginNone, "", nil, nil, ""
	ev.Provider, ev.Values, ev.Failure, ev.Left = Traits{}, nil, Failure{}, 0
}

// ProviderName is the name of the provider of a record that Decode has counted, as far as
// it is known; ev is what Event made of it.
func (d *Decoder) ProviderName(r *etl.Record, ev *Event) string {
	if ev.Provider.Name != "" {
		return ev.Provider.Name
	}
	if p := d.providers[r.Provider]; p != nil && r.HasGUID {
		return p.Name
	}
	return ""
}

// AppendMessage appends the text that the event stands for: of a WPP message its format
// with its arguments, of a manifest event its message. It appends nothing if there is none.
func (ev *Event) AppendMessage(b []byte, r *etl.Record) []byte {
	if ev.Message != nil {
		return ev.Message.AppendMessage(b, r, ev.Values)
	}
	return appendMessage(b, ev.text, ev.Values)
}

// plain counts a record without a GUID.
func (d *Decoder) plain(r *etl.Record) {
	d.failure = plainFailure(r)
	d.plainRecords++
	if why := d.failure.Reason; why == ReasonNone {
		d.plainDecoded++
	} else {
		d.plainReasons[why]++
	}
}

// plainFailure says why a record without a GUID is not decoded. The header of the log is:
// package etl has read it.
func plainFailure(r *etl.Record) Failure {
	switch r.Kind {
	case etl.KindMessage:
		return Failure{Reason: ReasonMessageID}
	case etl.KindSystem32, etl.KindSystem64:
		if r.ID == 0 {
			return logHeader(r)
		}
	case etl.KindError, etl.KindUnknown:
		return Failure{Reason: ReasonNoDecoder}
	}
	return Failure{Reason: ReasonKernel}
}

// logHeader walks through a TRACE_LOGFILE_HEADER: what is fixed, and two names.
func logHeader(r *etl.Record) Failure {
	pos := 272
	if len(r.Data) >= 48 && binary.LittleEndian.Uint32(r.Data[44:]) == 8 {
		pos = 280
	}
	for range 2 {
		if pos > len(r.Data) {
			return Failure{Reason: ReasonPayloadCut, Offset: len(r.Data)}
		}
		n := nul16(r.Data[pos:])
		if n < 0 {
			return Failure{Reason: ReasonPayloadCut, Offset: pos}
		}
		pos += n + 2
	}
	if pos < len(r.Data) {
		return Failure{Reason: ReasonPayloadLeft, Offset: pos}
	}
	return Failure{}
}

// Plain counts the records without a provider: those of the kernel, and WPP messages that
// do not say their GUID. reasons is of those that were not decoded.
func (d *Decoder) Plain() (records, decoded uint64, reasons map[Reason]uint64) {
	reasons = map[Reason]uint64{}
	for why, n := range d.plainReasons {
		if n > 0 {
			reasons[Reason(why)] = n
		}
	}
	return d.plainRecords, d.plainDecoded, reasons
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

// AppendExtended appends an extended item in the form that Record.Extended has. more says
// that another one follows.
func AppendExtended(b []byte, typ uint16, data []byte, more bool) []byte {
	total := (8 + len(data) + 7) &^ 7
	var link uint16
	if more {
		link = 1
	}
	le := binary.LittleEndian
	b = le.AppendUint16(b, uint16(total))
	b = le.AppendUint16(b, typ)
	b = le.AppendUint16(b, link)
	b = le.AppendUint16(b, uint16(len(data)))
	b = append(b, data...)
	for range total - 8 - len(data) {
		b = append(b, 0)
	}
	return b
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
		p = &Provider{GUID: *g, Name: KnownProvider(*g), learned: -1}
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
