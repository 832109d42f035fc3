package format

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/aftrace/aftrace/format/ndis"
)

// DefaultMaxBatchBytes is the memory that a batch may take unless ReaderOptions says otherwise.
const DefaultMaxBatchBytes = 256 << 20

// ReaderOptions configures a Reader. The zero value is safe for input from anywhere.
type ReaderOptions struct {
	// MaxBatchBytes bounds the memory of one batch: its body, what a compressed body
	// unpacks to and all columns that had to be converted. The dictionaries of the file
	// have the same bound together. DefaultMaxBatchBytes if 0.
	MaxBatchBytes int64
}

// What a Reader counts and repairs instead of refusing the input, the keys of
// Reader.Defects.
const (
	DefectSeqOrder        = "seq_not_increasing" // a seq not above the one before
	DefectTimeBackwards   = "ts_backwards"       // a ts below the one before
	DefectUnknownFunction = "unknown_function"   // a name outside the vocabulary: FuncUnknown, see FunctionName
	DefectNullFunction    = "null_function"      // no name: FuncNone on gap rows (not counted), else FuncUnknown
	DefectUnknownPhase    = "unknown_phase"      // another phase: PhaseEvent
	DefectNullPhase       = "null_phase"         // likewise
	DefectUnknownSource   = "unknown_source"     // another source: SourceETL
	DefectNullSource      = "null_source"        // likewise
	DefectInvalidUTF8     = "invalid_utf8"       // driver or detail: replaced by U+FFFD
	DefectOutOfRange      = "out_of_range"       // a number that its column cannot hold: null
)

// Reader reads a trace from front to back, a file or a stream alike. It is not safe for
// concurrent use; different Readers are independent.
type Reader struct {
	name   string
	in     *input
	closer io.Closer
	file   bool
	max    int64

	fields []arrowField
	schema *arrow.Schema
	md     Metadata
	at     [numColumns]int // index in fields, -1 if the file does not have the column
	extra  []int           // indices in fields of columns that are not of the schema

	dicts      map[int64]*dictionary
	dictFields map[int64]*arrowField
	dictBytes  int64
	unpackDict decompressor

	*frame
	batchAt int64 // where the message of batch began
	meta    []byte
	budget  int64
	rows    uint64
	zero    []uint64
	extras  []arrow.Array

	plan      *plan      // nil if the messages come one by one
	blocks    [2][]block // dictionaries and record batches as they came
	any       bool       // a row was read
	lastSeq   uint64
	lastTS    int64
	defects   map[string]uint64
	truncated bool
	err       error
}

// frame is a batch, and the memory that it is in.
type frame struct {
	body     []byte
	unpack   decompressor
	columns  []vector
	batch    Batch
	scratch  scratch
	ownValid [][]byte
	custom   Metadata // what its message, and empty ones before it, add to the metadata
}

func newFrame(columns int) *frame {
	return &frame{columns: make([]vector, columns), ownValid: make([][]byte, columns)}
}

// scratch is memory for columns that had to be converted.
type scratch struct {
	has                                                            []Fields
	seq, tid, callID, adapter, binding, af, sap, vc, party, c1, c2 []uint64
	lost                                                           []uint64
	ts, ticks                                                      []int64
	cpu                                                            []uint16
	pid, afType, afMajor, afMinor, status                          []uint32
	irql                                                           []uint8
	phase                                                          []Phase
	function                                                       []ndis.Func
	source                                                         []Source
	driver, detail                                                 Strings
}

// NewReader reads the head of a trace from r and checks that it is one. name stands for
// the input in errors. Closing the Reader does not close r. Every error is an *Error that
// wraps ErrNotTrace, ErrSchema, ErrVersion, ErrCorrupt, ErrTooLarge or an error of r.
func NewReader(r io.Reader, name string, o ReaderOptions) (rd *Reader, err error) {
	if !littleEndian {
		return nil, &Error{Path: name, Offset: -1, Reason: "traces cannot be read on a big-endian machine", Err: errors.ErrUnsupported}
	}
	if o.MaxBatchBytes <= 0 {
		o.MaxBatchBytes = DefaultMaxBatchBytes
	}
	rd = &Reader{
		name: name, in: newInput(r), max: o.MaxBatchBytes, frame: newFrame(0),
		dicts: map[int64]*dictionary{}, dictFields: map[int64]*arrowField{}, defects: map[string]uint64{},
	}
	rd.unpackDict.own = true
	defer rd.recover(&err)
	if err := rd.open(); err != nil {
		return nil, err
	}
	return rd, nil
}

// recover turns a panic into an error: the last resort against input that the checks let
// through and the Arrow library does not like.
func (r *Reader) recover(err *error) {
	if p := recover(); p != nil {
		r.err = r.errorAt(r.in.off, &panicked{p})
		*err = r.err
	}
}

// panicked is a panic as an error.
type panicked struct{ value any }

func (p *panicked) Error() string { return fmt.Sprintf("%v: %v", ErrCorrupt, p.value) }
func (p *panicked) Unwrap() error { return ErrCorrupt }

// hinted is an error with advice.
type hinted struct {
	error
	hint string
}

func (h *hinted) Unwrap() error { return h.error }

func withHint(err error, hint string) error { return &hinted{err, hint} }

// errorAt makes err, which wraps a sentinel, the error of the input at an offset.
func (r *Reader) errorAt(off int64, err error) *Error {
	e := &Error{Path: r.name, Offset: off, Err: err}
	var h *hinted
	if errors.As(err, &h) {
		e.Hint, e.Err = h.hint, h.error
		err = h.error
	}
	e.Reason = err.Error()
	if errors.Is(err, ErrTooLarge) && e.Hint == "" {
		e.Hint = fmt.Sprintf("the limit is %d bytes; if the input is to be trusted, raise MaxBatchBytes", r.max)
	}
	return e
}

// open reads magic and schema.
func (r *Reader) open() error {
	head, err := r.in.r.Peek(64)
	if err != nil && err != io.EOF {
		return &Error{Path: r.name, Reason: "cannot be read: " + err.Error(), Err: err}
	}
	switch kind, err := sniff(head, r.name); {
	case err != nil:
		return r.errorAt(0, err)
	case kind == kindFile:
		r.file = true
		var b [8]byte
		r.in.fill(b[:])
	}
	start := r.in.off
	if err = r.readHead(); err == errHeadless && r.file {
		err = r.planByFooter()
	} else if err == nil && r.file {
		r.peekFooter()
	}
	if err != nil {
		return r.errorAt(start, err)
	}
	return nil
}

// errHeadless says that the schema does not come first.
var errHeadless = corrupt("does not begin with a schema")

// readHead reads the schema at the start.
func (r *Reader) readHead() error {
	if first, err := r.in.r.Peek(4); err == nil && binary.LittleEndian.Uint32(first) != continuation {
		return errHeadless
	}
	m, _, err := r.message()
	switch {
	case err == errCut || err == io.EOF:
		return withHint(corrupt("ends before its schema"), "nothing can be salvaged")
	case err != nil:
		return err
	case m.kind != messageSchema:
		return errHeadless
	}
	return r.readSchema(m)
}

func (r *Reader) readSchema(m message) error {
	fields, md, err := readSchema(m.fb, m.header, m.version)
	if err != nil && !errors.Is(err, ErrSchema) {
		err = corrupt("%v", err)
	}
	if err != nil {
		return err
	}
	r.fields, r.md = fields, md.clone()
	for i := range r.at {
		r.at[i] = -1
	}
	known := 0
	for i := range fields {
		f := &fields[i]
		col, ok := columnByName[f.name]
		switch {
		case !ok:
			r.extra = append(r.extra, i)
		case r.at[col] >= 0:
			return fmt.Errorf("%w: two columns %q", ErrSchema, f.name)
		default:
			r.at[col] = i
			if columns[col].required() {
				known++
			}
		}
		r.addDictionaries(f)
	}
	if known == 0 {
		return withHint(fmt.Errorf("%w: Arrow data with the columns %s", ErrNotTrace, nameList(fields)), "a trace has seq, ts, phase, function and source")
	}
	if v, ok := md[MetaSchemaVersion]; ok && v != SchemaVersion {
		return withHint(fmt.Errorf("%w %q, this program reads version %s", ErrVersion, v, SchemaVersion),
			"read it with the version of aftrace that wrote it, or a newer one: "+orUnknown(md[MetaToolVersion]))
	}
	for col := range columns {
		switch c := &columns[col]; {
		case r.at[col] < 0 && c.required():
			return fmt.Errorf("%w: required column %q is missing", ErrSchema, c.name)
		case r.at[col] < 0:
		default:
			f := &fields[r.at[col]]
			if reason := acceptable(col, f); reason != "" {
				return fmt.Errorf("%w: column %q: %s", ErrSchema, c.name, reason)
			}
		}
	}
	meta := slices.Clone(r.meta)
	if r.schema, err = decodeSchema(meta); err != nil {
		return fmt.Errorf("%w: %v", ErrSchema, err)
	}
	if r.schema.NumFields() != len(fields) {
		return corrupt("schema has %d columns, %d were expected", r.schema.NumFields(), len(fields))
	}
	r.frame = newFrame(len(fields))
	return nil
}

func orUnknown(version string) string {
	if version == "" {
		return "its version is not recorded"
	}
	return "it was " + version
}

func nameList(fields []arrowField) string {
	const most = 12
	s := ""
	for i := range fields {
		if i == most {
			return s + fmt.Sprintf(" and %d more", len(fields)-most)
		}
		if i > 0 {
			s += ", "
		}
		s += fmt.Sprintf("%.40q", fields[i].name)
	}
	return s
}

func (r *Reader) addDictionaries(f *arrowField) {
	if f.dict != nil {
		values := *f
		values.dict = nil
		r.dictFields[f.dict.id] = &values
	}
	for i := range f.kids {
		r.addDictionaries(&f.kids[i])
	}
}

// Next reads the next batch. It is valid until the next call of Next or Close. At the end
// Next returns io.EOF, also if the trace was cut short: see Truncated. Any other error is
// an *Error; all whole batches before it were handed out, and it comes again with every
// later call.
func (r *Reader) Next() (*Batch, error) {
	md := r.md // the footer replaces it
	b, err := r.next()
	maps.Copy(md, r.custom)
	return b, err
}

// next is Next, which leaves the metadata as they are.
func (r *Reader) next() (b *Batch, err error) {
	if r.err != nil {
		return nil, r.err
	}
	defer r.recover(&err)
	r.extras, r.custom = nil, nil
	for {
		at := r.in.off
		m, body, err := r.message()
		switch {
		case err == io.EOF || err == errCut:
			r.truncated = err == errCut
			r.err = io.EOF
		case err != nil:
			r.err = r.errorAt(at, err)
		case m.kind == messageRecords:
			r.note(1, at, m)
			r.batchAt = at
			if err := r.records(m, body); err != nil {
				r.err = r.errorAt(at, err)
				break
			}
			if r.custom == nil {
				r.custom = m.custom
			} else {
				maps.Copy(r.custom, m.custom)
			}
			if r.batch.N == 0 {
				continue
			}
			return &r.batch, nil
		case m.kind == messageDictionary:
			r.note(0, at, m)
			if err := r.dictionary(m, body); err != nil {
				r.err = r.errorAt(at, err)
				break
			}
			continue
		default:
			r.err = r.errorAt(at, corrupt("a second schema"))
		}
		return nil, r.err
	}
}

// note remembers where a message of a file was, for the footer.
func (r *Reader) note(kind int, at int64, m message) {
	if r.file {
		r.blocks[kind] = append(r.blocks[kind], block{offset: at, meta: r.in.off - at - m.bodyLength, body: m.bodyLength})
	}
}

// message reads the next message. At the end it returns io.EOF if the end is marked as
// the format wants it, errCut if it is not.
func (r *Reader) message() (m message, body []byte, err error) {
	if r.plan != nil {
		return r.planned()
	}
	var word [4]byte
	if err := r.in.fill(word[:]); err != nil {
		return m, nil, r.cut(err)
	}
	switch first := binary.LittleEndian.Uint32(word[:]); {
	case first == continuation:
	case first == 0:
		// What a crash leaves behind: the file has its length, the data never arrived.
		if zeros, err := r.in.drain(); err != nil || !zeros {
			return m, nil, corrupt("no message begins here")
		}
		return m, nil, errCut
	case r.file:
		return m, nil, r.footer(word[:]) // some writers leave the end-of-stream marker out of files
	default:
		return m, nil, corrupt("no message begins here")
	}
	if err := r.in.fill(word[:]); err != nil {
		return m, nil, r.cut(eofIsCut(err))
	}
	size := int32(binary.LittleEndian.Uint32(word[:]))
	if size == 0 {
		if r.file {
			return m, nil, r.footer(nil)
		}
		if r.in.size > r.in.off {
			return m, nil, withHint(corrupt("%d bytes after the end of the stream", r.in.size-r.in.off),
				"streams are joined by aftrace merge, not by appending")
		}
		return m, nil, io.EOF
	}
	if size < 0 || size > maxMetadata {
		return m, nil, corrupt("message with %d bytes of metadata", uint32(size))
	}
	if r.meta, err = r.in.read(r.meta, int64(size)); err != nil {
		return m, nil, r.cut(err)
	}
	if m, err = parseMessage(r.meta); err != nil {
		return m, nil, corrupt("%v", err)
	}
	if rest := r.in.size - r.in.off; r.in.size >= 0 && m.bodyLength > rest {
		if _, err := r.in.drain(); err != nil {
			return m, nil, r.cut(err)
		}
		return m, nil, r.cut(errCut)
	}
	if m.bodyLength > r.max {
		return m, nil, fmt.Errorf("%w: it has %d bytes", ErrTooLarge, m.bodyLength)
	}
	if m.kind == messageDictionary {
		body, err = r.in.read(nil, m.bodyLength)
	} else {
		r.body, err = r.in.read(r.body, m.bodyLength)
		body = r.body
	}
	if err != nil {
		return m, nil, r.cut(err)
	}
	return m, body, nil
}

// cut decides what an early end means. If the input does end as a whole trace ends, it
// was not cut: a length in it is wrong.
func (r *Reader) cut(err error) error {
	switch {
	case err == io.EOF:
		return errCut // at the boundary of a message
	case err != errCut:
		return err
	case r.file && string(r.in.tail[4:]) == magic,
		!r.file && string(r.in.tail[2:]) == "\xFF\xFF\xFF\xFF\x00\x00\x00\x00":
		return corrupt("a message is longer than the rest of the input, which ends as a whole trace does")
	}
	return errCut
}

func (r *Reader) dictionary(m message, body []byte) error {
	f, t := m.fb, m.header
	id, data, delta := f.int64(t, 0), f.sub(t, 1), f.int8(t, 2)
	if f.err != nil {
		return corrupt("%v", f.err)
	}
	field := r.dictFields[id]
	switch {
	case field == nil:
		return corrupt("dictionary %d belongs to no column", id)
	case delta != 0:
		return withHint(fmt.Errorf("%w: dictionary of column %q is extended by a delta", ErrSchema, field.name), "write it without dictionary deltas")
	case !data.ok:
		return corrupt("dictionary %d without values", id)
	case r.file && r.dicts[id] != nil:
		return corrupt("a file has two dictionaries for column %q", field.name)
	}
	old := r.dicts[id]
	if old != nil {
		r.dictBytes -= old.size
	}
	budget := r.max - r.dictBytes - int64(len(body))
	if budget < 0 {
		return fmt.Errorf("%w: all dictionaries together need more than the limit", ErrTooLarge)
	}
	before := budget
	b, err := newBodyReader(f, data, body, nil, &r.unpackDict, &budget)
	if err != nil {
		return err
	}
	d := &dictionary{}
	if err := b.load(&d.values, field, int64(b.rows), true); err != nil {
		return err
	}
	if err := b.end(); err != nil {
		return err
	}
	d.size = int64(len(body)) + before - budget
	r.dictBytes += d.size
	r.dicts[id] = d
	return nil
}

// column is the current vector of a column of the schema, nil if the file does not have it.
func (r *Reader) column(col int) *vector {
	if i := r.at[col]; i >= 0 {
		return &r.columns[i]
	}
	return nil
}

// records checks a record batch and makes it the current batch.
func (r *Reader) records(m message, body []byte) error {
	r.budget = r.max - m.bodyLength
	b, err := newBodyReader(m.fb, m.header, body, r.dicts, &r.unpack, &r.budget)
	if err != nil {
		return err
	}
	for i := range r.fields {
		if err := b.load(&r.columns[i], &r.fields[i], int64(b.rows), true); err != nil {
			return err
		}
	}
	if err := b.end(); err != nil {
		return err
	}
	r.batch.N = b.rows
	if b.rows == 0 {
		return nil
	}
	for _, col := range []int{colSeq, colTS} {
		if v := r.column(col); v.nulls > 0 {
			return fmt.Errorf("%w: required column %q has nulls", ErrSchema, columns[col].name)
		}
	}
	if err := r.assemble(); err != nil {
		return err
	}
	r.checkOrder()
	r.rows += uint64(b.rows)
	return nil
}

// assemble fills the batch from the columns of the file.
func (r *Reader) assemble() error {
	b, s := &r.batch, &r.scratch
	var first error
	note := func(err error) {
		if err != nil && first == nil {
			first = err
		}
	}
	var err error
	set := func(col int, dst *[]uint64, scratch *[]uint64) {
		*dst, err = ints(r, col, scratch)
		note(err)
	}
	set32 := func(col int, dst *[]uint32, scratch *[]uint32) {
		*dst, err = ints(r, col, scratch)
		note(err)
	}
	set(colSeq, &b.Seq, &s.seq)
	b.TS, err = timestamps(r, &s.ts)
	note(err)
	b.Ticks, err = ints(r, colTicks, &s.ticks)
	note(err)
	b.CPU, err = ints(r, colCPU, &s.cpu)
	note(err)
	set32(colPID, &b.PID, &s.pid)
	set(colTID, &b.TID, &s.tid)
	b.IRQL, err = ints(r, colIRQL, &s.irql)
	note(err)
	set(colCallID, &b.CallID, &s.callID)
	set(colAdapter, &b.Adapter, &s.adapter)
	set(colBinding, &b.Binding, &s.binding)
	set(colAF, &b.AF, &s.af)
	set(colSAP, &b.SAP, &s.sap)
	set(colVC, &b.VC, &s.vc)
	set(colParty, &b.Party, &s.party)
	set(colContext, &b.Context, &s.c1)
	set(colContext2, &b.Context2, &s.c2)
	set32(colAFType, &b.AFType, &s.afType)
	set32(colAFMajor, &b.AFMajor, &s.afMajor)
	set32(colAFMinor, &b.AFMinor, &s.afMinor)
	set32(colStatus, &b.Status, &s.status)
	set(colLost, &b.Lost, &s.lost)
	b.Driver, err = texts(r, colDriver, &s.driver)
	note(err)
	b.Detail, err = texts(r, colDetail, &s.detail)
	note(err)
	b.Phase, err = vocabulary(r, r.column(colPhase), vocPhase, &s.phase, DefectUnknownPhase, DefectNullPhase)
	note(err)
	b.Source, err = vocabulary(r, r.column(colSource), vocSource, &s.source, DefectUnknownSource, DefectNullSource)
	note(err)
	nullsBefore := r.defects[DefectNullFunction]
	b.Function, err = vocabulary(r, r.column(colFunction), vocFunction, &s.function, DefectUnknownFunction, DefectNullFunction)
	note(err)
	if first != nil {
		return first
	}
	if r.defects[DefectNullFunction] > nullsBefore {
		r.nullFunctions()
	}
	return r.fillHas()
}

// nullFunctions takes back the defects of gap rows, which have no function.
func (r *Reader) nullFunctions() {
	v := r.column(colFunction)
	for i, p := range r.batch.Phase {
		if p == PhaseGap && !v.hasText(i) {
			r.batch.Function[i] = ndis.FuncNone // in scratch, because there are nulls
			r.defects[DefectNullFunction]--
		}
	}
	if r.defects[DefectNullFunction] == 0 {
		delete(r.defects, DefectNullFunction)
	}
}

// fillHas makes the masks of the rows from the validity bitmaps, 32 rows at a time.
func (r *Reader) fillHas() error {
	has, err := grow(r, &r.scratch.has, r.batch.N)
	if err != nil {
		return err
	}
	var always Fields
	var bitmaps [numNullable][]byte
	k := 0
	for col := range columns {
		if columns[col].required() {
			continue
		}
		if v := r.column(col); v != nil && v.nulls == 0 {
			always |= columns[col].has
		} else if v != nil && v.valid != nil && v.nulls < v.n {
			bitmaps[k] = v.valid
		}
		k++
	}
	var m [32]uint32
	for i := 0; i < len(has); i += 32 {
		clear(m[:])
		for k, b := range bitmaps {
			if b != nil {
				m[k] = word32(b, i/32)
			}
		}
		transpose(&m)
		for k := range has[i:min(i+32, len(has))] {
			has[i+k] = Fields(m[k]) | always
		}
	}
	r.batch.Has = has
	return nil
}

// checkOrder counts rows out of order.
func (r *Reader) checkOrder() {
	seqs, times := r.batch.Seq, r.batch.TS
	if !r.any { // the first row has none before it
		r.any = true
		r.lastSeq, seqs = seqs[0], seqs[1:]
		r.lastTS, times = times[0], times[1:]
	}
	badSeq, badTS := uint64(0), uint64(0)
	seq, ts := r.lastSeq, r.lastTS
	for _, s := range seqs {
		if s <= seq {
			badSeq++
		}
		seq = s
	}
	for _, t := range times {
		if t < ts {
			badTS++
		}
		ts = t
	}
	r.lastSeq, r.lastTS = seq, ts
	r.defect(DefectSeqOrder, badSeq)
	r.defect(DefectTimeBackwards, badTS)
}

func (r *Reader) defect(name string, n uint64) {
	if n > 0 {
		r.defects[name] += n
	}
}

// Events yields every row. The Event is used again for the next one. An error ends the
// iteration; the end of the trace does not yield one.
func (r *Reader) Events() iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		var e Event
		drivers := map[string]string{} // a trace has few of them
		for {
			b, err := r.Next()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range b.N {
				b.fixed(i, &e)
				e.Driver, e.Detail = intern(drivers, b.Driver.At(i)), string(b.Detail.At(i))
				if !yield(&e, nil) {
					return
				}
			}
		}
	}
}

// intern is string(b) without allocating for what m has seen.
func intern(m map[string]string, b []byte) string {
	s, ok := m[string(b)]
	if !ok {
		s = string(b)
		if len(m) < 1024 && len(s) < 1024 {
			m[s] = s
		}
	}
	return s
}

// Name is the name of the input as errors show it.
func (r *Reader) Name() string { return r.name }

// Metadata is what the trace says of itself. What was known only at the end of a trace is
// in the footer of a file, which Open reads first if it can seek, and in the last batch of
// a stream: from a pipe or a stream the metadata is complete when Next has returned io.EOF.
// The caller must not change it.
func (r *Reader) Metadata() Metadata { return r.md }

// Truncated reports, once Next has returned io.EOF, that the footer of a file or the
// end-of-stream marker of a stream is missing: the trace was cut short and every whole
// batch of it was handed out.
func (r *Reader) Truncated() bool { return r.truncated }

// Offset is where in the input the current batch begins, in bytes.
func (r *Reader) Offset() int64 { return r.batchAt }

// Rows is the number of rows read so far.
func (r *Reader) Rows() uint64 { return r.rows }

// IsFile reports whether the input has the file format rather than the stream format.
func (r *Reader) IsFile() bool { return r.file }

// Defects counts what is wrong with the rows read so far, by the names that begin with
// Defect. The map is the Reader's: copy it to keep it.
func (r *Reader) Defects() map[string]uint64 { return r.defects }

// Schema is the Arrow schema of the input.
func (r *Reader) Schema() *arrow.Schema { return r.schema }

// Close ends the use of the Reader and of its batches. It closes the file that Open
// opened.
func (r *Reader) Close() error {
	if r.err == nil {
		r.err = &Error{Path: r.name, Offset: -1, Reason: "is closed", Err: errors.New("reader is closed")}
	}
	r.unpack.close()
	r.unpackDict.close()
	if c := r.closer; c != nil {
		r.closer = nil
		return c.Close()
	}
	return nil
}
