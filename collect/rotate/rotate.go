// Package rotate writes the rows of a live capture into one trace or a row of them, whose
// size together never passes a limit, not even for a moment.
//
// A part is written as a stream, so that a crash leaves what was written, and becomes a file
// when it is full, if files are wanted. A ring drops its oldest parts to make room. Dump puts
// a ring aside.
package rotate

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/aftrace/aftrace/format"
)

// Options says where and how much is written. Output must be set.
type Options struct {
	// Output is an .arrow file or an .arrows stream. With Part set, parts are named after
	// it: trace.arrow becomes trace-000001.arrow and so on.
	Output string
	// Part is the size in bytes at which a part ends and the next begins; 0 is one part.
	Part int64
	// Total is how many bytes all parts together may have, with the temporary copy of the one
	// that is being made a file; 0 is no limit. When it is reached, a ring drops its oldest
	// part; else Full is called, and further rows are counted and dropped.
	Total int64
	Ring  bool
	// Full is called once, when no further row is taken.
	Full func()
	// Adopt counts the parts that an earlier Writer left, and drops them first. Without it
	// they are an error.
	Adopt bool
	// Trace is how parts are written; File and BatchRows do not count.
	Trace format.WriterOptions
}

// Limits of Options.
const (
	MinPart  = 256 << 10 // of a part that has a size
	MinParts = 4         // parts of a ring, Total / Part
	maxPart  = 999999    // number of a part
)

// ErrUsage says that options contradict each other.
var ErrUsage = errors.New("not possible as asked")

type usage struct{ text string }

func (u *usage) Error() string { return u.text }
func (u *usage) Unwrap() error { return ErrUsage }

const (
	batchRows = 1 << 14
	maxHeader = 48 << 10 // a schema with its dictionaries and the names of statuses
	// Upper bounds of what an encoded batch takes: for each row the widths of its columns and
	// their bits of validity, for the batch its message and the padding of 80 buffers.
	rowBytes   = 176
	batchBytes = 16 << 10
	// What ends a stream, and what a file has beside what the stream had: marks and a footer.
	endBytes  = 64 + lateBytes
	lateBytes = 4 << 10 // metadata that is only known at the end
	fileBytes = 8 << 10
)

// Part is a trace that is written whole.
type Part struct {
	Path   string
	Size   int64 // bytes of the file
	Number int   // from 1
}

// Writer writes parts. It is for one goroutine at a time, but for Size, Parts and RequestDump.
type Writer struct {
	o     Options
	md    format.Metadata
	parts []Part // whole, oldest first

	file    *os.File
	w       *format.Writer
	live    string // path of what is written now
	path    string // what it becomes
	number  int
	cap     int64 // most that it may have
	header  int64 // bytes of its schema; before the first part, the most that it may have
	ending  int64 // most that it still needs to end, with what was set of metadata
	written int64 // bytes in the file
	rows    int   // pending in w
	gaps    int   // of these, gap rows
	text    int64 // bytes of labels and details of these
	kept    uint64
	ended   bool // what was written last has its end mark

	full     bool
	dropped  uint64
	lastSeq  uint64
	lastTS   int64
	lastFrom format.Source
	err      error
	closed   bool

	watch func() // of tests: called where much is on the disk

	size    atomic.Int64 // of parts and what is written now
	removed atomic.Int64 // parts that a ring dropped
	dump    chan dumpRequest
}

type dumpRequest struct {
	dir  string
	done chan<- DumpResult
}

// DumpResult is what a dump did.
type DumpResult struct {
	Parts []Part // where they are now
	Err   error
}

// New makes the first part.
func New(o Options) (*Writer, error) {
	switch {
	case o.Part < 0 || o.Total < 0:
		return nil, &usage{"sizes must not be negative"}
	case o.Part != 0 && o.Part < MinPart:
		return nil, &usage{fmt.Sprintf("parts of %d bytes: want at least %d", o.Part, MinPart)}
	case o.Total != 0 && o.Total < MinPart:
		return nil, &usage{fmt.Sprintf("a limit of %d bytes: want at least %d", o.Total, MinPart)}
	case o.Ring && (o.Total == 0 || o.Part == 0):
		return nil, &usage{"a ring needs a size of its parts and of all together"}
	case o.Part != 0 && o.Total != 0 && o.Total/MinParts < o.Part:
		return nil, &usage{fmt.Sprintf("parts of %d bytes in %d: want at least %d of them", o.Part, o.Total, MinParts)}
	}
	switch strings.ToLower(filepath.Ext(o.Output)) {
	case ".arrow", ".arrows":
	default:
		return nil, &usage{fmt.Sprintf("%q: name it .arrow or .arrows", o.Output)}
	}
	o.Trace.BatchRows = batchRows
	w := &Writer{o: o, md: format.Metadata{}, header: maxHeader, dump: make(chan dumpRequest, 1)}
	for k, v := range o.Trace.Metadata {
		w.SetMetadata(k, v)
		w.header += int64(len(k) + len(v))
	}
	if o.Part != 0 {
		if err := w.find(); err != nil {
			return nil, err
		}
	} else if _, err := os.Lstat(w.livePath(o.Output)); err == nil && w.compacts() {
		return nil, fmt.Errorf("%s is there: it is what an earlier capture left that did not end; replay it, then move or remove it", w.livePath(o.Output))
	}
	return w, w.begin()
}

// compacts says whether streams become files.
func (w *Writer) compacts() bool { return strings.EqualFold(filepath.Ext(w.o.Output), ".arrow") }

func (w *Writer) livePath(path string) string {
	if w.compacts() {
		return path + "s"
	}
	return path
}

// split is the output without its extension, and that.
func (w *Writer) split() (stem, ext string) {
	ext = filepath.Ext(w.o.Output)
	return strings.TrimSuffix(w.o.Output, ext), ext
}

// find looks for parts that are there.
func (w *Writer) find() error {
	stem, ext := w.split()
	dir := filepath.Dir(w.o.Output)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	prefix := filepath.Base(stem) + "-"
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), prefix)
		if !ok {
			continue
		}
		number, ok := strings.CutSuffix(rest, ext)
		if !ok {
			number, ok = strings.CutSuffix(rest, w.livePath(ext))
		}
		n, err := strconv.Atoi(number)
		if !ok || err != nil || len(number) != 6 || n < 1 {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if !w.o.Adopt {
			return fmt.Errorf("%s is there, a part of an earlier capture: move it, or name the output otherwise", path)
		}
		st, err := os.Stat(path)
		if err != nil || !st.Mode().IsRegular() {
			return fmt.Errorf("%s is there and is no part of a capture", path)
		}
		w.parts = append(w.parts, Part{path, st.Size(), n})
		w.number = max(w.number, n)
	}
	slices.SortFunc(w.parts, func(a, b Part) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), strings.Compare(a.Path, b.Path))
	})
	w.count()
	return nil
}

func (w *Writer) count() {
	n := w.written
	for _, p := range w.parts {
		n += p.Size
	}
	w.size.Store(n)
}

// peak is what a part of so many bytes takes while it becomes a file.
func (w *Writer) peak(size int64) int64 {
	if !w.compacts() || w.o.Part == 0 {
		return size
	}
	return 2*size + w.header + fileBytes + size/1024
}

// left is the most that a part may have beside so many bytes of others.
func (w *Writer) left(others int64) int64 {
	return min(w.cap, (w.o.Total-others-w.header-fileBytes)*1000/2001)
}

// begin begins a part. It makes room for it first.
func (w *Writer) begin() error {
	w.cap = 1<<62 - 1
	if w.o.Part != 0 {
		w.cap = w.o.Part
	} else if w.o.Total != 0 {
		w.cap = w.o.Total
	}
	if w.o.Total != 0 {
		for sum := w.sum(); sum+w.peak(w.cap) > w.o.Total; sum = w.sum() {
			if w.o.Ring && len(w.parts) > 0 {
				if err := os.Remove(w.parts[0].Path); err != nil && !errors.Is(err, os.ErrNotExist) {
					return w.fail(err)
				}
				w.parts = w.parts[1:]
				w.removed.Add(1)
				w.count()
				continue
			}
			// The last part takes what is left; next has seen that there is enough.
			if w.cap = w.left(sum); w.cap < MinPart/2 {
				return w.fail(fmt.Errorf("%s: no room for a part", w.o.Output))
			}
		}
	}
	w.path = w.o.Output
	if w.o.Part != 0 {
		if w.number == maxPart {
			return w.fail(fmt.Errorf("%s: more than %d parts", w.o.Output, maxPart))
		}
		w.number++
		stem, ext := w.split()
		w.path = fmt.Sprintf("%s-%06d%s", stem, w.number, ext)
	}
	w.live = w.livePath(w.path)
	// Parts never replace a file; a single trace does, as everywhere.
	mode := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if w.o.Part != 0 {
		mode = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	}
	f, err := os.OpenFile(w.live, mode, 0o666)
	if err != nil {
		return w.fail(err)
	}
	o := w.o.Trace
	o.File = false
	o.Metadata = format.Metadata{}
	for k, v := range w.md {
		o.Metadata[k] = v
	}
	if w.o.Part != 0 {
		o.Metadata[MetaPart] = strconv.Itoa(w.number)
	}
	w.file, w.written, w.rows, w.gaps, w.text, w.ended = f, 0, 0, 0, 0, false
	t, err := format.NewWriter(counter{w}, o)
	if err == nil {
		err = t.Flush() // the schema: its size is then known
	}
	if err != nil {
		f.Close()
		os.Remove(w.live)
		return w.fail(err)
	}
	w.w, w.header = t, w.written
	return nil
}

// MetaPart is the number of a part, from 1, in its metadata.
const MetaPart = "aftrace.part"

// counter is the file that is written.
type counter struct{ w *Writer }

func (c counter) Write(b []byte) (int, error) {
	n, err := c.w.file.Write(b)
	c.w.written += int64(n)
	c.w.size.Add(int64(n))
	return n, err
}

func (w *Writer) sum() (n int64) {
	for _, p := range w.parts {
		n += p.Size
	}
	return n
}

func (w *Writer) fail(err error) error {
	if err != nil && w.err == nil {
		w.err = err
	}
	return w.err
}

// bound is the most that a batch takes.
func (w *Writer) bound(rows int, text int64) int64 {
	n := batchBytes + int64(rows)*rowBytes + text
	return n + n/128 // bodies that compression does not make smaller
}

// tail is the most that a part needs to end: a gap row, an empty batch with metadata that
// was set late, a mark.
func tail(md format.Metadata) int64 {
	n := int64(endBytes + 2*batchBytes + rowBytes + 256)
	for k, v := range md {
		n += int64(len(k)+len(v)) + 64
	}
	return n
}

// fits says whether pending rows with one more fit.
func (w *Writer) fits(rows int, text int64) bool {
	return w.written+w.bound(rows, text)+w.ending <= w.cap
}

// Write writes a row. One whose texts would take a quarter of a part becomes a gap.
func (w *Writer) Write(e *format.Event) error {
	if w.err != nil {
		return w.err
	}
	if w.closed {
		return errors.New("rotate: write to a closed Writer")
	}
	w.pollDump()
	if w.full {
		w.drop()
		return w.err
	}
	text := int64(len(e.Driver) + len(e.Detail))
	if text > w.cap/4 {
		e = &format.Event{
			Seq: e.Seq, TS: e.TS, Phase: format.PhaseGap, Source: e.Source, Lost: 1, Has: format.HasLost | format.HasDetail,
			Detail: fmt.Sprintf(`{"reason":"a row too large for the limit","since_ts":%d}`, e.TS),
		}
		text = int64(len(e.Detail))
	}
	if !w.fits(w.rows+1, w.text+text) {
		if err := w.flush(); err != nil {
			return err
		}
		if !w.fits(1, text) {
			if w.o.Part == 0 || w.written == w.header {
				w.fill()
			} else if err := w.next(); err != nil {
				return err
			}
			if !w.full && !w.fits(1, text) {
				w.fill()
			}
			if w.full {
				w.drop()
				return w.err
			}
		}
	}
	if err := w.w.Write(e); err != nil {
		if errors.Is(err, format.ErrEvent) {
			return err
		}
		return w.fail(err)
	}
	w.rows++
	if e.Phase == format.PhaseGap {
		w.gaps++
	}
	w.text += text
	w.lastSeq, w.lastTS, w.lastFrom = e.Seq, e.TS, e.Source
	if w.rows == batchRows {
		return w.flush()
	}
	return nil
}

// drop counts a row that is not written. The one who numbers rows goes on.
func (w *Writer) drop() { w.dropped++ }

func (w *Writer) fill() {
	if w.full {
		return
	}
	w.full = true
	if w.o.Full != nil {
		w.o.Full()
	}
}

func (w *Writer) flush() error {
	if w.rows == 0 || w.w == nil {
		return w.err
	}
	n := uint64(w.rows - w.gaps)
	w.rows, w.gaps, w.text = 0, 0, 0
	if err := w.w.Flush(); err != nil {
		return w.fail(err)
	}
	w.kept += n
	return w.err
}

// Flush writes pending rows, so that they survive a crash, and does a dump that was asked for.
func (w *Writer) Flush() error {
	if w.err != nil || w.closed {
		return w.err
	}
	w.pollDump()
	return w.flush()
}

// next ends a part and begins the next, if there is room for one.
func (w *Writer) next() error {
	if !w.o.Ring && w.o.Total != 0 && w.left(w.sum()+w.written+w.ending+w.header+fileBytes) < MinPart/2 {
		w.fill()
		return nil
	}
	if err := w.finish(); err != nil {
		return err
	}
	return w.begin()
}

// finish ends the part that is written.
func (w *Writer) finish() error {
	if w.w == nil {
		return w.err
	}
	for k, v := range w.md {
		w.w.SetMetadata(k, v)
	}
	err := w.flush() // apart from the end, for which there may be no room: Kept counts them
	if cerr := w.w.Close(); err == nil {
		err = cerr
	}
	if cerr := w.file.Close(); err == nil {
		err = cerr
	}
	w.w, w.file = nil, nil
	if err != nil {
		return w.fail(err)
	}
	w.ended = true
	size := w.written
	if w.compacts() {
		if err := format.Compact(w.live, w.path, format.CompactOptions{Compression: w.o.Trace.Compression}); err != nil {
			return w.fail(fmt.Errorf("%w (the stream %s has all of it)", err, w.live))
		}
		if w.watch != nil {
			w.watch()
		}
		if err := os.Remove(w.live); err != nil {
			return w.fail(err)
		}
		st, err := os.Stat(w.path)
		if err != nil {
			return w.fail(err)
		}
		size = st.Size()
	}
	w.written = 0
	w.parts = append(w.parts, Part{w.path, size, w.number})
	w.count()
	return nil
}

// SetMetadata sets a key of the metadata of this part and later ones. What a capture says at
// its end fits into a part that is full too, up to 4 KiB.
func (w *Writer) SetMetadata(key, value string) {
	w.md[key] = value
	w.ending = max(w.ending, tail(w.md))
}

// Close ends the last part. If rows were dropped because the limit was reached, its last row
// is a gap that says how many.
func (w *Writer) Close() error {
	if w.closed {
		return w.err
	}
	w.pollDump()
	w.closed = true
	if w.w != nil && w.dropped > 0 && w.err == nil {
		g := format.Event{
			Seq: w.lastSeq + 1, TS: w.lastTS, Phase: format.PhaseGap, Source: w.lastFrom, Lost: w.dropped,
			Has:    format.HasLost | format.HasDetail,
			Detail: fmt.Sprintf(`{"reason":"the size limit was reached","since_ts":%d}`, w.lastTS),
		}
		w.fail(w.w.Write(&g))
	}
	if w.err != nil && w.w != nil { // nothing more can be written; what is there stays
		w.w.Discard()
		w.file.Close()
		w.w = nil
	}
	w.fail(w.finish())
	select {
	case r := <-w.dump:
		r.done <- DumpResult{Err: errors.New("the capture has ended")}
	default:
	}
	return w.err
}

// Size is how many bytes all parts have now. It may be called from any goroutine.
func (w *Writer) Size() int64 { return w.size.Load() }

// Removed is how many parts a ring has dropped. It may be called from any goroutine.
func (w *Writer) Removed() int64 { return w.removed.Load() }

// Dropped is how many rows were not written because the limit was reached.
func (w *Writer) Dropped() uint64 { return w.dropped }

// Kept is how many rows are on the disk, without gap rows, and with those of parts that a ring
// dropped since.
func (w *Writer) Kept() uint64 { return w.kept }

// Unfinished is the stream that an error cut short: what is in it can be replayed. It is empty
// if there is none.
func (w *Writer) Unfinished() string {
	if w.err == nil || w.live == "" || w.ended {
		return ""
	}
	if _, err := os.Lstat(w.live); err != nil {
		return ""
	}
	return w.live
}

// Parts are those that are whole, oldest first.
func (w *Writer) Parts() []Part { return slices.Clone(w.parts) }

// RequestDump asks that all parts so far, with the one that is written now, are moved to a
// new folder dir, which must be on the same disk. It is done with the next Write or Flush;
// then done, which needs room for one, gets the result. Another request before that is
// refused. It may be called from any goroutine.
func (w *Writer) RequestDump(dir string, done chan<- DumpResult) {
	select {
	case w.dump <- dumpRequest{dir, done}:
	default:
		done <- DumpResult{Err: errors.New("another dump is going on")}
	}
}

func (w *Writer) pollDump() {
	select {
	case r := <-w.dump:
		parts, err := w.putAside(r.dir)
		r.done <- DumpResult{parts, err}
	default:
	}
}

// putAside moves the parts. An error leaves those that were not moved where they are, and the
// Writer goes on.
func (w *Writer) putAside(dir string) (moved []Part, err error) {
	if w.o.Part == 0 {
		return nil, errors.New("only a capture in parts can be put aside")
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		return nil, err
	}
	if err := w.flush(); err != nil {
		return nil, err
	}
	if w.w != nil && w.written > w.header {
		if err := w.finish(); err != nil {
			return nil, err
		}
	}
	for len(w.parts) > 0 {
		p := w.parts[0]
		to := filepath.Join(dir, filepath.Base(p.Path))
		if err = os.Rename(p.Path, to); err != nil {
			break
		}
		p.Path = to
		moved = append(moved, p)
		w.parts = w.parts[1:]
	}
	w.count()
	if w.w == nil && !w.full {
		if berr := w.begin(); err == nil {
			err = berr
		}
	}
	return moved, err
}
