package format

import (
	"fmt"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/aftrace/aftrace/format/ndis"
)

// WriteBatch adds the rows of b by whole columns. It refuses the same rows as Write; the
// rows before a refused one are written.
func (w *Writer) WriteBatch(b *Batch) error {
	if w.err != nil {
		return w.err
	}
	if w.closed || len(w.opts.Extra) > 0 {
		return w.misuse()
	}
	for from := 0; from < b.N; {
		to, reason := w.checkRows(b, from, min(b.N, from+w.opts.BatchRows-w.n))
		w.appendRows(b, from, to)
		if w.full() {
			if err := w.emit(nil); err != nil {
				return err
			}
		}
		if reason != "" {
			return refuse(b.Seq[to], reason)
		}
		from = to
	}
	return nil
}

// WriteBatchExtra adds the rows of b with the values of the columns WriterOptions.Extra,
// arrays of b.N values each, as one batch of the output. It refuses the same rows as
// Write, and the whole batch with them.
func (w *Writer) WriteBatchExtra(b *Batch, extra []arrow.Array) error {
	switch {
	case w.err != nil:
		return w.err
	case w.closed:
		return w.misuse()
	case len(extra) != len(w.opts.Extra):
		return fmt.Errorf("format: %d extra columns, want %d", len(extra), len(w.opts.Extra))
	}
	for i, a := range extra {
		if f := w.opts.Extra[i]; a.Len() != b.N || !arrow.TypeEqual(a.DataType(), f.Type) {
			return fmt.Errorf("format: extra column %q has %d values of %s, want %d of %s", f.Name, a.Len(), a.DataType(), b.N, f.Type)
		}
	}
	if n, reason := w.checkRows(b, 0, b.N); reason != "" {
		return refuse(b.Seq[n], reason)
	}
	if err := w.emit(nil); err != nil {
		return err
	}
	w.appendRows(b, 0, b.N)
	return w.emit(extra)
}

// checkRows finds the first row in from:to that Write would refuse: to and "" if none.
func (w *Writer) checkRows(b *Batch, from, to int) (int, string) {
	strings, size := len(w.cols.driver.Data)+len(w.cols.detail.Data), 0
	if w.plainRows(b, from, to, maxBatchStrings-strings) {
		return to, ""
	}
	started, last := w.started, w.lastSeq
	defer func() { w.started, w.lastSeq = started, last }()
	for i := from; i < to; i++ {
		driver, detail := b.Driver.At(i), b.Detail.At(i)
		if reason := w.check(b.Seq[i], b.Phase[i], b.Function[i], b.Source[i], b.Has[i], asString(driver), asString(detail)); reason != "" {
			return i, reason
		}
		w.started, w.lastSeq = true, b.Seq[i]
		if size += len(driver) + len(detail); strings+size >= maxBatchStrings && len(w.opts.Extra) == 0 {
			return i + 1, "" // the batch is full
		}
	}
	return to, ""
}

// plainRows says that Write would take the rows, which have less than room bytes of text: what can
// be seen of all of them at once, for most rows are plain. Drivers are in ASCII then.
func (w *Writer) plainRows(b *Batch, from, to, room int) bool {
	driver, detail := b.Driver.Offsets[from:to+1], b.Detail.Offsets[from:to+1]
	names, details := b.Driver.Data[driver[0]:driver[to-from]], b.Detail.Data[detail[0]:detail[to-from]]
	if len(names) > MaxString || len(names)+len(details) >= room || !isASCII(names) {
		return false
	}
	phase, function, source, has := b.Phase[from:to], b.Function[from:to], b.Source[from:to], b.Has[from:to]
	last, rising := w.lastSeq, true
	if !w.started && to > from {
		last = b.Seq[from] - 1
	}
	for _, seq := range b.Seq[from:to] {
		rising = rising && seq > last
		last = seq
	}
	var p Phase
	for _, v := range phase {
		p = max(p, v)
	}
	var f ndis.Func
	for _, v := range function {
		f = max(f, v)
	}
	var s Source
	for _, v := range source {
		s = max(s, v)
	}
	var some Fields
	for _, v := range has {
		some |= v
	}
	if !rising || p >= NumPhases || f >= ndis.NumFuncs || s >= NumSources || some>>numNullable != 0 {
		return false
	}
	if some&HasDetail == 0 {
		return true
	}
	for i, h := range has {
		if h&HasDetail != 0 && (int(detail[i+1]-detail[i]) > MaxString || !validObject(asString(b.Detail.At(from+i)))) {
			return false
		}
	}
	return true
}

// asString is b as a string that is valid as long as b does not change.
func asString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// appendRows adds rows that were checked and that fit.
func (w *Writer) appendRows(b *Batch, from, to int) {
	if from == to {
		return
	}
	w.reserve(to - from)
	c, i := &w.cols, w.n
	has := b.Has[from:to]
	all, some := ^Fields(0), Fields(0)
	for _, h := range has {
		all &= h
		some |= h
	}
	c.make(some)
	copy(c.has[i:], has)
	copy(c.seq[i:], b.Seq[from:to])
	copy(c.ts[i:], b.TS[from:to])
	copy(c.phase[i:], b.Phase[from:to])
	copy(c.function[i:], b.Function[from:to])
	copy(c.source[i:], b.Source[from:to])
	f := present{has, all, some}
	copyPresent(c.ticks, i, b.Ticks[from:to], f, HasTicks)
	copyPresent(c.cpu, i, b.CPU[from:to], f, HasCPU)
	copyPresent(c.pid, i, b.PID[from:to], f, HasPID)
	copyPresent(c.tid, i, b.TID[from:to], f, HasTID)
	copyPresent(c.irql, i, b.IRQL[from:to], f, HasIRQL)
	copyPresent(c.callID, i, b.CallID[from:to], f, HasCallID)
	copyPresent(c.adapter, i, b.Adapter[from:to], f, HasAdapter)
	copyPresent(c.binding, i, b.Binding[from:to], f, HasBinding)
	copyPresent(c.af, i, b.AF[from:to], f, HasAF)
	copyPresent(c.sap, i, b.SAP[from:to], f, HasSAP)
	copyPresent(c.vc, i, b.VC[from:to], f, HasVC)
	copyPresent(c.party, i, b.Party[from:to], f, HasParty)
	copyPresent(c.context, i, b.Context[from:to], f, HasContext)
	copyPresent(c.context2, i, b.Context2[from:to], f, HasContext2)
	copyPresent(c.afType, i, b.AFType[from:to], f, HasAFType)
	copyPresent(c.afMajor, i, b.AFMajor[from:to], f, HasAFMajor)
	copyPresent(c.afMinor, i, b.AFMinor[from:to], f, HasAFMinor)
	copyPresent(c.status, i, b.Status[from:to], f, HasStatus)
	copyPresent(c.lost, i, b.Lost[from:to], f, HasLost)
	copyStrings(&c.driver, i, &b.Driver, from, to, f, HasDriver)
	copyStrings(&c.detail, i, &b.Detail, from, to, f, HasDetail)
	w.n += to - from
	w.rows += uint64(to - from)
	w.started, w.lastSeq = true, b.Seq[to-1]
}

// present says which columns rows have: each row, all rows, some row.
type present struct {
	has       []Fields
	all, some Fields
}

// copyPresent puts src in row i and on of dst.
func copyPresent[T fixed](dst []T, i int, src []T, p present, k Fields) {
	if dst == nil {
		return // no row has had it so far
	}
	dst = dst[i:]
	switch {
	case p.all&k != 0:
		copy(dst, src)
	case p.some&k == 0:
		clear(dst[:len(src)])
	default:
		dst, src = dst[:len(p.has)], src[:len(p.has)]
		for i, h := range p.has {
			dst[i] = keep(src[i], h, k)
		}
	}
}

// copyStrings appends rows from:to of src as row i and on of dst.
func copyStrings(dst *Strings, i int, src *Strings, from, to int, p present, k Fields) {
	offsets := dst.Offsets[i+1 : i+1+to-from]
	if p.some&k == 0 {
		for r := range offsets {
			offsets[r] = int32(len(dst.Data))
		}
		return
	}
	if need := len(dst.Data) + int(src.Offsets[to]-src.Offsets[from]); need > cap(dst.Data) {
		dst.Data = append(make([]byte, 0, max(need, 2*cap(dst.Data))), dst.Data...)
	}
	if p.all&k != 0 {
		shift := int32(len(dst.Data)) - src.Offsets[from]
		for r := range offsets {
			offsets[r] = src.Offsets[from+r+1] + shift
		}
		dst.Data = append(dst.Data, src.Data[src.Offsets[from]:src.Offsets[to]]...)
		return
	}
	for r, h := range p.has {
		if h&k != 0 {
			dst.Data = append(dst.Data, src.At(from+r)...)
		}
		offsets[r] = int32(len(dst.Data))
	}
}
