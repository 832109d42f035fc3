package format

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/aftrace/aftrace/format/ndis"
)

// Compression is how the bodies of batches are stored.
type Compression uint8

const (
	None Compression = iota // readers can map the file
	ZSTD
)

// Limits of what the Writer accepts. The Reader does not need them: it has its own.
const (
	DefaultBatchRows = 32768
	MaxBatchRows     = 1 << 20
	MaxString        = 16 << 20 // bytes of one driver label or detail

	// A batch is written early when its strings reach this size, so that it stays well
	// below the default limit of a Reader.
	maxBatchStrings = 64 << 20

	firstRows = 256 // room that a Writer begins with
)

// WriterOptions configures a Writer. The zero value writes an uncompressed stream.
type WriterOptions struct {
	// Metadata of the trace. The schema version is added, and the names of statuses and AF
	// types if they are missing. See also Writer.SetMetadata.
	Metadata Metadata
	// File selects the Arrow file format (.arrow) instead of the stream format (.arrows).
	File bool
	// BatchRows is the number of rows in a batch, DefaultBatchRows if 0.
	BatchRows int
	// Compression of the bodies. Uncompressed files can be mapped and are read by everyone.
	Compression Compression
	// Extra are further columns, written after those of the schema. A Writer that has them
	// takes batches by WriteBatchExtra only. Dictionary types are not accepted.
	Extra []arrow.Field
}

// Writer writes a trace. It is not safe for concurrent use.
//
// Nothing is written before the first batch is full, Flush or Close. A Writer that failed
// to write keeps its error and returns it from every later call; an event that is refused
// (ErrEvent) leaves it as it was.
type Writer struct {
	opts   WriterOptions
	md     Metadata // what the schema should say
	mdLate bool     // md changed after the schema was written

	out   messageWriter
	ipc   *ipc.Writer // nil until the schema is written
	sch   *arrow.Schema
	dicts [3]*array.Data

	n       int // rows in cols
	cols    writerColumns
	started bool // a row was accepted; lastSeq is its seq
	lastSeq uint64
	rows    uint64

	err    error
	closed bool
	finish func(error) error // what Create adds to Close
}

// writerColumns are the columns of the batch being filled, each with room for it.
type writerColumns struct {
	has                                  []Fields
	seq                                  []uint64
	ts, ticks                            []int64
	cpu                                  []uint16
	pid                                  []uint32
	tid                                  []uint64
	irql                                 []uint8
	phase                                []Phase
	function                             []ndis.Func
	callID                               []uint64
	adapter, binding, af, sap, vc, party []uint64
	context, context2                    []uint64
	afType, afMajor, afMinor, status     []uint32
	lost                                 []uint64
	source                               []Source
	driver, detail                       Strings
	bitmaps                              [numNullable][]byte

	made  Fields // the nullable ones that have room: of the others all values so far are null
	zeros []byte // what is written of the others
}

// allocate makes room for rows rows and keeps those that are there.
func (c *writerColumns) allocate(rows int) {
	k := 0
	c.has = room(c.has, rows, &k)
	c.seq = room(c.seq, rows, &k)
	c.ts = room(c.ts, rows, &k)
	c.ticks = nullable(c.ticks, rows, &k, c.made&HasTicks)
	c.cpu = nullable(c.cpu, rows, &k, c.made&HasCPU)
	c.pid = nullable(c.pid, rows, &k, c.made&HasPID)
	c.tid = nullable(c.tid, rows, &k, c.made&HasTID)
	c.irql = nullable(c.irql, rows, &k, c.made&HasIRQL)
	c.phase = room(c.phase, rows, &k)
	c.function = room(c.function, rows, &k)
	c.callID = nullable(c.callID, rows, &k, c.made&HasCallID)
	c.adapter = nullable(c.adapter, rows, &k, c.made&HasAdapter)
	c.binding = nullable(c.binding, rows, &k, c.made&HasBinding)
	c.af = nullable(c.af, rows, &k, c.made&HasAF)
	c.sap = nullable(c.sap, rows, &k, c.made&HasSAP)
	c.vc = nullable(c.vc, rows, &k, c.made&HasVC)
	c.party = nullable(c.party, rows, &k, c.made&HasParty)
	c.context = nullable(c.context, rows, &k, c.made&HasContext)
	c.context2 = nullable(c.context2, rows, &k, c.made&HasContext2)
	c.afType = nullable(c.afType, rows, &k, c.made&HasAFType)
	c.afMajor = nullable(c.afMajor, rows, &k, c.made&HasAFMajor)
	c.afMinor = nullable(c.afMinor, rows, &k, c.made&HasAFMinor)
	c.status = nullable(c.status, rows, &k, c.made&HasStatus)
	c.lost = nullable(c.lost, rows, &k, c.made&HasLost)
	c.source = room(c.source, rows, &k)
	c.driver.Offsets = room(c.driver.Offsets, rows+1, &k)
	c.detail.Offsets = room(c.detail.Offsets, rows+1, &k)
	if size := (rows + 31) / 32 * 4; size != len(c.bitmaps[0]) {
		for i := range c.bitmaps {
			c.bitmaps[i] = make([]byte, size)
		}
	}
}

// make makes room in columns that have none so far.
func (c *writerColumns) make(columns Fields) {
	if columns&^c.made != 0 {
		c.made |= columns
		c.allocate(len(c.has))
	}
}

// room copies s to n values. It begins each column at another distance from a page
// boundary: columns that lie a power of two apart fall into the same few cache lines.
func room[T fixed](s []T, n int, k *int) []T {
	*k++
	if len(s) == n {
		return s
	}
	skew := *k * 192 / sizeOf[T]()
	grown := make([]T, n+skew)[skew:]
	copy(grown, s)
	return grown
}

// nullable is room for a column of which only rows with a bit of their own have values.
func nullable[T fixed](s []T, n int, k *int, made Fields) []T {
	if made == 0 {
		*k++
		return nil
	}
	return room(s, n, k)
}

// nullableBytes are n values of s, zeros if it has no room.
func nullableBytes[T fixed](c *writerColumns, s []T, n int) []byte {
	if s != nil {
		return bytesOf(s[:n])
	}
	size := n * sizeOf[T]()
	if len(c.zeros) < size {
		c.zeros = make([]byte, size)
	}
	return c.zeros[:size]
}

// NewWriter returns a Writer that writes to w. Closing it does not close w.
func NewWriter(w io.Writer, o WriterOptions) (*Writer, error) {
	if !littleEndian {
		return nil, fmt.Errorf("format: traces cannot be written on a big-endian machine: %w", errors.ErrUnsupported)
	}
	if o.BatchRows == 0 {
		o.BatchRows = DefaultBatchRows
	}
	if o.BatchRows < 0 || o.BatchRows > MaxBatchRows {
		return nil, fmt.Errorf("format: BatchRows is %d, want 1 to %d", o.BatchRows, MaxBatchRows)
	}
	if o.Compression > ZSTD {
		return nil, fmt.Errorf("format: unknown compression %d", o.Compression)
	}
	for _, f := range o.Extra {
		if _, ok := columnByName[f.Name]; ok {
			return nil, fmt.Errorf("format: extra column %q has the name of a column of the schema", f.Name)
		}
		if f.Type.ID() == arrow.DICTIONARY {
			return nil, fmt.Errorf("format: extra column %q is a dictionary, want its plain type", f.Name)
		}
	}
	wr := &Writer{opts: o, md: o.Metadata.clone()}
	wr.out = messageWriter{w: bufio.NewWriterSize(w, 1<<16), file: o.File}
	wr.cols.allocate(min(o.BatchRows, firstRows))
	for i, names := range [][]string{phaseNames, functionNames, sourceNames} {
		wr.dicts[i] = stringData(names)
	}
	return wr, nil
}

// SetMetadata sets a key of the metadata. It may be called until Close, for what is known
// only at the end of a trace, such as MetaEnded and MetaLostEvents: what is set after the
// first batch was written goes to the footer of a file, whose schema other tools read, and
// into the metadata of a last, empty batch of a stream, where this package finds it.
func (w *Writer) SetMetadata(key, value string) {
	if old, ok := w.md[key]; ok && old == value {
		return
	}
	w.md[key] = value
	w.mdLate = w.mdLate || w.ipc != nil
}

// Rows is the number of rows accepted so far.
func (w *Writer) Rows() uint64 { return w.rows }

// refuse is the error for a row that was not written.
func refuse(seq uint64, reason string) error {
	return fmt.Errorf("format: event with seq %d: %s: %w", seq, reason, ErrEvent)
}

// check says why a row cannot be written; "" if it can.
func (w *Writer) check(seq uint64, p Phase, f ndis.Func, s Source, has Fields, driver, detail string) string {
	switch {
	case seq <= w.lastSeq && w.started:
		return "seq does not increase"
	case p >= NumPhases:
		return "phase out of range"
	case f >= ndis.NumFuncs:
		return "function out of range"
	case s >= NumSources:
		return "source out of range"
	case has>>numNullable != 0:
		return "unknown bit in Has"
	}
	if has&HasDriver != 0 {
		if len(driver) > MaxString {
			return "driver too long"
		}
		if !utf8.ValidString(driver) {
			return "driver is not valid UTF-8"
		}
	}
	if has&HasDetail != 0 {
		if len(detail) > MaxString {
			return "detail too long"
		}
		if !validObject(detail) {
			return "detail is not a JSON object"
		}
	}
	return ""
}

// keep is v if bit k of has is set, else 0: nothing that a row does not have is written.
func keep[T fixed](v T, has Fields, k Fields) T {
	if has&k == 0 {
		return 0
	}
	return v
}

// Write adds e as a row. It refuses, with ErrEvent, a seq that does not increase, a phase,
// function or source out of range, a driver that is not UTF-8 and a detail that is not a
// JSON object. It allocates nothing but the growth of its buffers.
func (w *Writer) Write(e *Event) error {
	if w.err != nil {
		return w.err
	}
	if w.closed || len(w.opts.Extra) > 0 {
		return w.misuse()
	}
	if reason := w.check(e.Seq, e.Phase, e.Function, e.Source, e.Has, e.Driver, e.Detail); reason != "" {
		return refuse(e.Seq, reason)
	}
	c, i, has := &w.cols, w.n, e.Has
	if i == len(c.has) {
		w.reserve(1)
	}
	c.make(^Fields(0))
	c.has[i] = has
	c.seq[i] = e.Seq
	c.ts[i] = e.TS
	c.ticks[i] = keep(e.Ticks, has, HasTicks)
	c.cpu[i] = keep(e.CPU, has, HasCPU)
	c.pid[i] = keep(e.PID, has, HasPID)
	c.tid[i] = keep(e.TID, has, HasTID)
	c.irql[i] = keep(e.IRQL, has, HasIRQL)
	c.phase[i] = e.Phase
	c.function[i] = e.Function
	c.callID[i] = keep(e.CallID, has, HasCallID)
	c.adapter[i] = keep(e.Adapter, has, HasAdapter)
	c.binding[i] = keep(e.Binding, has, HasBinding)
	c.af[i] = keep(e.AF, has, HasAF)
	c.sap[i] = keep(e.SAP, has, HasSAP)
	c.vc[i] = keep(e.VC, has, HasVC)
	c.party[i] = keep(e.Party, has, HasParty)
	c.context[i] = keep(e.Context, has, HasContext)
	c.context2[i] = keep(e.Context2, has, HasContext2)
	c.afType[i] = keep(e.AFType, has, HasAFType)
	c.afMajor[i] = keep(e.AFMajor, has, HasAFMajor)
	c.afMinor[i] = keep(e.AFMinor, has, HasAFMinor)
	c.status[i] = keep(e.Status, has, HasStatus)
	c.lost[i] = keep(e.Lost, has, HasLost)
	c.source[i] = e.Source
	if has&HasDriver != 0 {
		c.driver.Data = append(c.driver.Data, e.Driver...)
	}
	if has&HasDetail != 0 {
		c.detail.Data = append(c.detail.Data, e.Detail...)
	}
	return w.rowDone(e.Seq)
}

// reserve makes room for n more rows.
func (w *Writer) reserve(n int) {
	if need := w.n + n; need > len(w.cols.has) {
		w.cols.allocate(max(need, min(4*len(w.cols.has), w.opts.BatchRows)))
	}
}

// rowDone ends the row whose values were just put into the columns.
func (w *Writer) rowDone(seq uint64) error {
	c := &w.cols
	w.n++
	c.driver.Offsets[w.n] = int32(len(c.driver.Data))
	c.detail.Offsets[w.n] = int32(len(c.detail.Data))
	w.started, w.lastSeq = true, seq
	w.rows++
	if w.full() {
		return w.emit(nil)
	}
	return nil
}

func (w *Writer) full() bool {
	return w.n == w.opts.BatchRows || len(w.cols.driver.Data)+len(w.cols.detail.Data) >= maxBatchStrings
}

func (w *Writer) misuse() error {
	if w.closed {
		return errors.New("format: write to a closed Writer")
	}
	return errors.New("format: a Writer with extra columns takes WriteBatchExtra only")
}

// Flush writes the rows so far as a batch, and the schema if there is no row yet. After a
// crash, what was flushed can be read.
func (w *Writer) Flush() error {
	if w.err != nil || w.closed {
		return w.err
	}
	if err := w.emit(nil); err != nil {
		return err
	}
	if err := w.start(); err != nil {
		return w.fail(err)
	}
	return w.fail(w.out.w.Flush())
}

// Close writes what is left and ends the trace: with the end-of-stream marker, and for a
// file with the footer. Close of a closed Writer does nothing.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	err := w.end()
	w.closed = true
	if w.finish != nil {
		err = w.finish(err)
	}
	if err != nil {
		w.err = err
	}
	return err
}

// Discard gives the trace up. What Create made is removed if it is a file that would
// become visible only with Close; a stream stays as it is, without an end.
func (w *Writer) Discard() {
	if w.closed {
		return
	}
	w.closed = true
	w.err = errors.New("format: trace was discarded")
	if w.finish != nil {
		w.finish(w.err)
	}
}

func (w *Writer) end() error {
	if w.err != nil {
		return w.err
	}
	if err := w.emit(nil); err != nil {
		return err
	}
	if err := w.start(); err != nil {
		return w.fail(err)
	}
	if w.mdLate && !w.opts.File {
		w.out.late = w.md
		if err := w.writeRecord(nil); err != nil {
			return w.fail(err)
		}
	}
	if w.opts.File {
		if err := w.out.footer(schemaWith(w.md.named(), w.opts.Extra)); err != nil {
			return w.fail(err)
		}
	} else if err := w.out.endOfStream(); err != nil {
		return w.fail(err)
	}
	return w.fail(w.out.w.Flush())
}

func (w *Writer) fail(err error) error {
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("format: writing trace: %w", err)
	}
	return w.err
}

// start writes the schema.
func (w *Writer) start() error {
	if w.ipc != nil {
		return nil
	}
	w.sch = schemaWith(w.md.named(), w.opts.Extra)
	options := []ipc.Option{ipc.WithSchema(w.sch)}
	if w.opts.Compression == ZSTD {
		options = append(options, ipc.WithZstd())
	}
	w.ipc = ipc.NewWriterWithPayloadWriter(&w.out, options...)
	return w.out.begin(w.sch)
}

// emit writes the rows in the columns as a batch.
func (w *Writer) emit(extra []arrow.Array) error {
	if w.err != nil || w.n == 0 {
		return w.err
	}
	if err := w.start(); err != nil {
		return w.fail(err)
	}
	if err := w.writeRecord(extra); err != nil {
		return w.fail(err)
	}
	w.n = 0
	w.cols.driver.Data = w.cols.driver.Data[:0]
	w.cols.detail.Data = w.cols.detail.Data[:0]
	return nil
}

func (w *Writer) writeRecord(extra []arrow.Array) error {
	n := w.n
	w.cols.fillBitmaps(n)
	arrays := make([]arrow.Array, 0, numColumns+len(extra))
	nullable := 0
	for i := range columns {
		col := &columns[i]
		buffers := make([]*memory.Buffer, 1, 3)
		nulls := 0
		if !col.required() {
			if nulls = n - countBits(w.cols.bitmaps[nullable], n); nulls > 0 {
				buffers[0] = memory.NewBufferBytes(w.cols.bitmaps[nullable][:(n+7)/8])
			}
			nullable++
		}
		for _, b := range w.cols.buffers(i, n) {
			buffers = append(buffers, memory.NewBufferBytes(b))
		}
		var data *array.Data
		if d := dictionaryOf(i); d >= 0 {
			data = array.NewDataWithDictionary(col.typ, n, buffers, nulls, 0, w.dicts[d])
		} else {
			data = array.NewData(col.typ, n, buffers, nil, nulls, 0)
		}
		arrays = append(arrays, array.MakeFromData(data))
	}
	arrays = append(arrays, extra...)
	for _, f := range w.opts.Extra[len(extra):] {
		arrays = append(arrays, array.MakeArrayOfNull(memory.DefaultAllocator, f.Type, n))
	}
	rec := array.NewRecord(w.sch, arrays, int64(n))
	return w.ipc.Write(rec)
}

// dictionaryOf is the index in Writer.dicts of a column's dictionary, -1 if it has none.
func dictionaryOf(col int) int {
	switch col {
	case colPhase:
		return 0
	case colFunction:
		return 1
	case colSource:
		return 2
	}
	return -1
}

// fillBitmaps makes the validity bitmaps of the first n rows.
func (c *writerColumns) fillBitmaps(n int) {
	var m [32]uint32
	for i := 0; i < n; i += 32 {
		rows := c.has[i:min(i+32, n)]
		for k := range m {
			m[k] = 0
		}
		for k, h := range rows {
			m[k] = uint32(h)
		}
		transpose(&m)
		for k := range c.bitmaps {
			w := m[k]
			b := c.bitmaps[k][i/8 : i/8+4]
			b[0], b[1], b[2], b[3] = byte(w), byte(w>>8), byte(w>>16), byte(w>>24)
		}
	}
}

// buffers are the data buffers of a column with n rows, without the validity bitmap.
func (c *writerColumns) buffers(col, n int) [][]byte {
	one := func(b []byte) [][]byte { return [][]byte{b} }
	switch col {
	case colSeq:
		return one(bytesOf(c.seq[:n]))
	case colTS:
		return one(bytesOf(c.ts[:n]))
	case colTicks:
		return one(nullableBytes(c, c.ticks, n))
	case colCPU:
		return one(nullableBytes(c, c.cpu, n))
	case colPID:
		return one(nullableBytes(c, c.pid, n))
	case colTID:
		return one(nullableBytes(c, c.tid, n))
	case colIRQL:
		return one(nullableBytes(c, c.irql, n))
	case colPhase:
		return one(bytesOf(c.phase[:n]))
	case colFunction:
		return one(bytesOf(c.function[:n]))
	case colCallID:
		return one(nullableBytes(c, c.callID, n))
	case colDriver:
		return [][]byte{bytesOf(c.driver.Offsets[:n+1]), c.driver.Data}
	case colAdapter:
		return one(nullableBytes(c, c.adapter, n))
	case colBinding:
		return one(nullableBytes(c, c.binding, n))
	case colAF:
		return one(nullableBytes(c, c.af, n))
	case colSAP:
		return one(nullableBytes(c, c.sap, n))
	case colVC:
		return one(nullableBytes(c, c.vc, n))
	case colParty:
		return one(nullableBytes(c, c.party, n))
	case colContext:
		return one(nullableBytes(c, c.context, n))
	case colContext2:
		return one(nullableBytes(c, c.context2, n))
	case colAFType:
		return one(nullableBytes(c, c.afType, n))
	case colAFMajor:
		return one(nullableBytes(c, c.afMajor, n))
	case colAFMinor:
		return one(nullableBytes(c, c.afMinor, n))
	case colStatus:
		return one(nullableBytes(c, c.status, n))
	case colLost:
		return one(nullableBytes(c, c.lost, n))
	case colSource:
		return one(bytesOf(c.source[:n]))
	case colDetail:
		return [][]byte{bytesOf(c.detail.Offsets[:n+1]), c.detail.Data}
	}
	panic("format: column without buffers")
}
