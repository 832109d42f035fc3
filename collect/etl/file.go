// Package etl reads the container of Windows event traces, the .etl file: bytes become
// records. It runs on any operating system and knows nothing of what the records mean.
//
// A file is a sequence of buffers (WMI_BUFFER_HEADER), each filled by one processor and
// written when full, so that records are in time order within a buffer only. A walk
// delivers them in file order:
//
//	f, err := etl.Open("trace.etl", etl.Options{})
//	...
//	defer f.Close()
//	for r, err := range f.Records() {
//		...
//	}
//	stats := f.Stats()
//
// Damage after the log file header is data, not an error: what cannot be understood is
// skipped to the end of its buffer, listed and counted in Stats, which accounts for
// every byte of the file. No input makes this package panic or take more memory than
// Options allows.
package etl

import (
	"errors"
	"io"
	"iter"
	"os"
)

// Options limits what a reader may take. The zero value is the default.
type Options struct {
	// MaxBuffer is the largest buffer in the file, in bytes (default 64 MiB).
	MaxBuffer int64
	// MaxDecoded is the largest buffer after decompression, in bytes (default 64 MiB).
	MaxDecoded int64
	// MaxRanges is how many unknown records and undecodable ranges are listed (default 1,000).
	MaxRanges int
	// MaxProviders is how many providers are counted one by one (default 65,536).
	MaxProviders int
}

func (o *Options) setDefaults() {
	if o.MaxBuffer <= 0 {
		o.MaxBuffer = 64 << 20
	}
	if o.MaxDecoded <= 0 {
		o.MaxDecoded = 64 << 20
	}
	if o.MaxRanges <= 0 {
		o.MaxRanges = 1000
	}
	if o.MaxProviders <= 0 {
		o.MaxProviders = 1 << 16
	}
}

// File is an open .etl file and a walk through it. It is not safe for concurrent use.
type File struct {
	path   string
	close  io.Closer
	o      Options
	in     window
	size   int64 // bytes there are, as far as known: less than stated if the file shrank
	header Header
	first  timebase // of the log file header

	// The walk.
	err    error
	next   int64 // offset of the next buffer
	time   timebase
	buffer Buffer
	body   []byte      // records of the current buffer
	cur    int         // offset of the next record in body
	base   int64       // Record.Offset of body[0]
	last   [cpus]int64 // by processor, time of the last record that has one
	dec    []byte      // reused for decompression
	probes int         // see maxProbes
	reread int64       // bytes gone back because of wrong sizes: no more than there are in the file
	// cut: body is not all of the buffer, because the file ends.
	// guessedEnd: the buffer does not say where its records end.
	cut, guessedEnd bool
	acc             struct{ records, padding int64 } // of the current buffer
	st              Stats
	providers       providers
}

// Open opens the .etl file at path and reads its log file header. The error is an *Error;
// it wraps ErrNotETL or ErrCorrupt if the file was read but cannot be used.
func Open(path string, o Options) (*File, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, openError(path, err)
	}
	if fi.IsDir() {
		return nil, &Error{Path: path, Reason: "it is a directory", Hint: "name the .etl files in it", Err: ErrNotETL}
	}
	if !fi.Mode().IsRegular() {
		return nil, &Error{Path: path, Reason: "it is not a regular file", Hint: "copy its content to a file first", Err: ErrNotETL}
	}
	h, err := os.Open(path)
	if err != nil {
		return nil, openError(path, err)
	}
	if fi, err = h.Stat(); err != nil {
		h.Close()
		return nil, openError(path, err)
	}
	f, err := NewFile(h, fi.Size(), path, o)
	if err != nil {
		h.Close()
		return nil, err
	}
	f.close = h
	return f, nil
}

// openError keeps the cause without the path, which Error states already.
func openError(path string, err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return &Error{Path: path, Err: err}
}

// NewFile reads the first size bytes of r as an .etl file. name stands for it in errors,
// which are as those of Open.
func NewFile(r io.ReaderAt, size int64, name string, o Options) (*File, error) {
	o.setDefaults()
	f := &File{path: name, o: o, size: size, in: window{r: r, size: size}}
	// A SYSTEM_TRACE_HEADER states its size as an u16.
	start, err := f.in.at(0, bufferHeaderSize+1<<16)
	if err != nil {
		return nil, &Error{Path: name, Err: err}
	}
	if len(start) < bufferHeaderSize+8 || !isLogfileRecord(start[bufferHeaderSize:]) {
		reason, hint := lookLike(start[:min(len(start), 512)])
		return nil, &Error{Path: name, Reason: reason, Hint: hint, Err: ErrNotETL}
	}
	f.header, f.first, err = parseHeader(start[bufferHeaderSize:])
	if err != nil {
		return nil, &Error{Path: name, Offset: bufferHeaderSize, Hint: "it may have been cut short while it was copied", Err: err}
	}
	f.Reset()
	return f, nil
}

// Close closes what Open opened. Records read before are no longer valid.
func (f *File) Close() error {
	if f.close == nil {
		return nil
	}
	c := f.close
	f.close = nil
	f.err = &Error{Path: f.path, Err: os.ErrClosed}
	return c.Close()
}

// Header returns the log file header.
func (f *File) Header() Header { return f.header }

// Path returns the name given to Open or NewFile.
func (f *File) Path() string { return f.path }

// Size returns the size of the file in bytes.
func (f *File) Size() int64 { return f.in.size }

// Position returns how far the walk has come, in bytes of the file; for progress.
func (f *File) Position() int64 { return f.next }

// Reset starts the walk again.
func (f *File) Reset() {
	if f.close == nil && errors.Is(f.err, os.ErrClosed) {
		return
	}
	f.err, f.next, f.time, f.body, f.cur = nil, 0, f.first, nil, 0
	f.size = f.in.size
	f.acc.records, f.acc.padding = 0, 0
	f.buffer = Buffer{Index: -1}
	f.probes, f.reread = 0, 0
	start := f.first.ns(f.header.StartClock)
	for i := range f.last {
		f.last[i] = start
	}
	f.st = Stats{EventsLost: f.header.EventsLost, BuffersLost: f.header.BuffersLost, Bytes: Bytes{File: f.in.size}}
	f.providers.reset(f.o.MaxProviders)
}

// ReadInto reads the next record in file order. It returns false at the end and with an
// error; the error is an *Error that wraps what the input returned. Slices in r are valid
// until the next call.
func (f *File) ReadInto(r *Record) (bool, error) {
	for f.err == nil {
		if f.cur < len(f.body) {
			if f.walk(r) {
				return true, nil
			}
			continue
		}
		f.flush()
		if f.next >= f.size {
			f.finish()
			return false, nil
		}
		f.err = f.load()
	}
	return false, f.err
}

// Records ranges over the records that ReadInto has not read yet. The record is
// overwritten by the next one. An error ends the sequence.
func (f *File) Records() iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		var r Record
		for {
			ok, err := f.ReadInto(&r)
			if err != nil {
				yield(nil, err)
				return
			}
			if !ok || !yield(&r, nil) {
				return
			}
		}
	}
}

// Stats returns what the walk has met so far.
func (f *File) Stats() Stats {
	f.flush()
	s := f.st
	s.Providers = f.providers.result()
	s.ProvidersOmitted = f.providers.omitted
	return s
}

// flush adds the sums of the current buffer to the statistics.
func (f *File) flush() {
	if f.buffer.Compressed {
		f.st.Decoded.Records += f.acc.records
		f.st.Decoded.RecordPadding += f.acc.padding
	} else {
		f.st.Bytes.Records += f.acc.records
		f.st.Bytes.RecordPadding += f.acc.padding
	}
	f.acc.records, f.acc.padding = 0, 0
}

// finish accounts for bytes that went missing while the file was read.
func (f *File) finish() {
	if f.st.Complete {
		return
	}
	f.st.Complete = true
	if gone := f.in.size - f.size; gone > 0 {
		f.st.Bytes.Trailing += gone
		f.st.Truncated = true
	}
	// A session counts the buffers it wrote when it stops. The count of one that did not
	// stop properly is too low, never too high, except in a file that wraps.
	whole := f.st.BadBuffers == 0 && f.st.Bytes.Zeroed == 0
	if whole && f.header.Mode&ModeCircular == 0 && f.st.Buffers < uint64(f.header.BuffersWritten) {
		f.st.Truncated = true
	}
}

// read returns n bytes at pos, fewer at the end of the file. If the file is shorter than it
// was, f.size follows.
func (f *File) read(pos int64, n int) ([]byte, error) {
	n = int(max(0, min(int64(n), f.size-pos)))
	b, err := f.in.at(pos, n)
	if err != nil {
		return nil, f.readError(pos, err)
	}
	if len(b) < n {
		f.size = pos + int64(len(b))
	}
	return b, nil
}

func (f *File) readError(pos int64, err error) error {
	if err == nil {
		return nil
	}
	var pe *os.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return &Error{Path: f.path, Offset: pos, Reason: "cannot be read", Err: err}
}
