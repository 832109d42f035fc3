// Package etltest writes .etl files for tests and demonstration data. The same calls with
// the same options give the same bytes everywhere.
//
//	w := etltest.New(etltest.Options{CPUs: 2})
//	w.Event(0, w.Clock(t), etltest.EventHeader{Provider: guid, ID: 7}, nil, payload)
//	data, err := w.Bytes()
package etltest

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"time"
	"unicode/utf16"

	"github.com/aftrace/aftrace/collect/etl"
)

// Options describes the session. The zero value is a 64-bit host with one processor, a 10 MHz
// performance counter and buffers of 64 KiB, not compressed.
type Options struct {
	PointerSize int           // of the host: 4 or 8 (default) bytes
	Clock       etl.ClockType // default etl.ClockQPC
	Frequency   int64         // performance counter ticks a second (default 10,000,000)
	CPUMHz      uint32        // default 2,400
	OSBuild     uint32        // default 26,100
	Version     [4]byte       // of the file; default 10.0.1.5, compressed 10.0.2.0
	BufferSize  int           // bytes with header (default 65,536)
	CPUs        int           // default 1
	Mode        uint32        // LogFileMode; etl.ModeCompressed is added with Compress
	Compress    bool          // compress all buffers but the first

	EventsLost  uint32
	BuffersLost uint32
	LoggerName  string // default "aftrace"
	LogFileName string // default `C:\trace.etl`

	Start        time.Time // default 2024-01-02 03:04:05.678901 UTC
	Boot         time.Time // default one hour before Start
	StartClock   int64     // raw clock at Start (default one hour of ticks; the FILETIME for etl.ClockSystem)
	TimeZoneBias int32     // minutes

	LoggerID uint16
	// Relogged leaves out what a relogger leaves out: SavedOffset, and the raw clock as
	// the time of a buffer.
	Relogged bool
	// Unfinished leaves out what the end of a session writes: end time and buffer count.
	Unfinished bool
	// OmitOffset leaves WMI_BUFFER_HEADER.Offset zero, so that only SavedOffset tells where the
	// records end.
	OmitOffset bool
	// ByteProcessor leaves out the buffer flag PROC_INDEX, so that the processor is one byte.
	ByteProcessor bool
	// Shuffle puts the buffers after the first in an order drawn from Seed.
	Shuffle bool
	Seed    uint64
	// Ring, if not 0, is how many buffers the file holds after the first: further
	// ones overwrite the oldest, as with etl.ModeCircular.
	Ring int
}

const (
	bufferHeader = 72
	maxCPUs      = 2048
	unixEpoch    = 116444736000000000 // 1970-01-01 as a FILETIME
)

func (o *Options) setDefaults() {
	if o.PointerSize == 0 {
		o.PointerSize = 8
	}
	if o.Clock == 0 {
		o.Clock = etl.ClockQPC
	}
	if o.Frequency == 0 {
		o.Frequency = 1e7
	}
	if o.CPUMHz == 0 {
		o.CPUMHz = 2400
	}
	if o.OSBuild == 0 {
		o.OSBuild = 26100
	}
	if o.Version == [4]byte{} {
		o.Version = [4]byte{10, 0, 1, 5}
		if o.Compress {
			o.Version = [4]byte{10, 0, 2, 0}
		}
	}
	if o.BufferSize == 0 {
		o.BufferSize = 65536
	}
	if o.CPUs == 0 {
		o.CPUs = 1
	}
	if o.Compress {
		o.Mode |= etl.ModeCompressed
	}
	if o.Ring > 0 {
		o.Mode |= etl.ModeCircular
	}
	if o.LoggerName == "" {
		o.LoggerName = "aftrace"
	}
	if o.LogFileName == "" {
		o.LogFileName = `C:\trace.etl`
	}
	if o.Start.IsZero() {
		o.Start = time.Date(2024, 1, 2, 3, 4, 5, 678901000, time.UTC)
	}
	if o.Boot.IsZero() {
		o.Boot = o.Start.Add(-time.Hour)
	}
	if o.StartClock == 0 {
		switch o.Clock {
		case etl.ClockSystem:
			o.StartClock = fileTime(o.Start)
		case etl.ClockCPU:
			o.StartClock = 3600 * 1e6 * int64(o.CPUMHz)
		default:
			o.StartClock = 3600 * o.Frequency
		}
	}
}

// Writer collects records and builds a file in memory. Errors are kept and returned by Bytes.
// It is not safe for concurrent use.
type Writer struct {
	o       Options
	open    []*buffer // by processor
	done    []*buffer
	last    int64 // highest clock seen
	err     error
	scratch []byte
}

type buffer struct {
	cpu      int
	sequence int
	clock    int64 // of the last record
	flags    uint16
	data     []byte
}

// New starts a file.
func New(o Options) *Writer {
	o.setDefaults()
	w := &Writer{o: o, last: o.StartClock}
	switch {
	case o.PointerSize != 4 && o.PointerSize != 8:
		w.fail("pointer size %d", o.PointerSize)
	case o.CPUs < 1 || o.CPUs > maxCPUs:
		w.fail("%d processors", o.CPUs)
	case o.BufferSize < 1024 || o.BufferSize > 64<<20 || o.BufferSize%8 != 0:
		w.fail("buffer size %d", o.BufferSize)
	}
	if w.err == nil {
		w.open = make([]*buffer, o.CPUs)
	}
	return w
}

// Options returns the options with their defaults filled in.
func (w *Writer) Options() Options { return w.o }

// Clock converts a time to the raw clock of the session, rounded down.
func (w *Writer) Clock(t time.Time) int64 {
	d := t.Sub(w.o.Start)
	ticks := big.NewInt(int64(d))
	switch w.o.Clock {
	case etl.ClockSystem:
		ticks.Div(ticks, big.NewInt(100))
	case etl.ClockCPU:
		ticks.Mul(ticks, big.NewInt(int64(w.o.CPUMHz))).Div(ticks, big.NewInt(1000))
	default:
		ticks.Mul(ticks, big.NewInt(w.o.Frequency)).Div(ticks, big.NewInt(1e9))
	}
	return w.o.StartClock + ticks.Int64()
}

func (w *Writer) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("etltest: "+format, args...)
	}
}

// put adds a record, padded to a multiple of 8, to the buffer of a processor.
func (w *Writer) put(cpu int, clock int64, record []byte) {
	if w.err != nil {
		return
	}
	if cpu < 0 || cpu >= w.o.CPUs {
		w.fail("processor %d of %d", cpu, w.o.CPUs)
		return
	}
	n := (len(record) + 7) &^ 7
	if bufferHeader+n > w.o.BufferSize {
		w.fail("a record of %d bytes does not fit into a buffer of %d", len(record), w.o.BufferSize)
		return
	}
	if b := w.open[cpu]; b != nil && bufferHeader+len(b.data)+n > w.o.BufferSize {
		w.Flush(cpu)
	}
	b := w.openBuffer(cpu)
	b.data = append(b.data, record...)
	for len(b.data)%8 != 0 {
		b.data = append(b.data, 0)
	}
	b.clock = max(b.clock, clock)
	w.last = max(w.last, clock)
}

func (w *Writer) openBuffer(cpu int) *buffer {
	if w.open[cpu] == nil {
		w.open[cpu] = &buffer{cpu: cpu, clock: w.o.StartClock}
	}
	return w.open[cpu]
}

// BufferFlags sets flags (etl.BufferEventsLost, …) of the buffer that the next record of the
// processor would go to, if it fits.
func (w *Writer) BufferFlags(cpu int, flags uint16) {
	if w.err == nil && cpu >= 0 && cpu < w.o.CPUs {
		w.openBuffer(cpu).flags |= flags
	}
}

// Flush ends the current buffer of a processor, if it has one.
func (w *Writer) Flush(cpu int) {
	if w.err != nil || cpu < 0 || cpu >= w.o.CPUs || w.open[cpu] == nil {
		return
	}
	b := w.open[cpu]
	b.sequence = len(w.done) + 1
	w.done = append(w.done, b)
	w.open[cpu] = nil
}

// Bytes ends all buffers and returns the file. No records can be added after it.
func (w *Writer) Bytes() ([]byte, error) {
	for cpu := range w.open {
		w.Flush(cpu)
	}
	if w.err != nil {
		return nil, w.err
	}
	order := w.done
	if n := w.o.Ring; n > 0 && len(order) > n {
		ring := make([]*buffer, n)
		for i, b := range order {
			ring[i%n] = b
		}
		order = ring
	}
	if w.o.Shuffle {
		order = append([]*buffer(nil), order...)
		rng := rand.New(rand.NewPCG(w.o.Seed, 0))
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	var out []byte
	first := w.logfileRecord(len(order) + 1)
	size := w.o.BufferSize
	if w.o.Compress {
		size = (bufferHeader + len(first) + 511) &^ 511
	}
	if bufferHeader+len(first) > size {
		w.fail("the log file header does not fit into a buffer of %d bytes", size)
		return nil, w.err
	}
	out = w.appendBuffer(out, &buffer{data: first, flags: etl.BufferFlushMarker}, 4, size)
	for _, b := range order {
		out = w.appendBuffer(out, b, 0, w.o.BufferSize)
	}
	w.err = fmt.Errorf("etltest: the file is complete")
	return out, nil
}

// WriteFile writes the file to path.
func (w *Writer) WriteFile(path string) error {
	data, err := w.Bytes()
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

// appendBuffer appends a WMI_BUFFER_HEADER and the records.
func (w *Writer) appendBuffer(out []byte, b *buffer, typ uint16, size int) []byte {
	le := binary.LittleEndian
	start := len(out)
	end := uint32(bufferHeader + len(b.data))
	flags := b.flags
	if !w.o.ByteProcessor {
		flags |= etl.BufferProcIndex
	}
	out = append(out, make([]byte, bufferHeader)...)
	if w.o.Compress && typ != 4 {
		flags |= etl.BufferCompressed
		out = append(out, Compress(b.data)...)
		size = len(out) - start
	} else {
		out = append(out, b.data...)
		for len(out)-start < size {
			out = append(out, 0xFF)
		}
	}
	h := out[start:]
	le.PutUint32(h, uint32(size))
	if !w.o.Relogged {
		le.PutUint32(h[4:], end)
	}
	le.PutUint32(h[8:], end)
	if typ != 4 {
		stamp := b.clock
		if w.o.Relogged {
			stamp = fileTime(w.o.Start)
		}
		le.PutUint64(h[16:], uint64(stamp))
	}
	le.PutUint64(h[24:], uint64(b.sequence))
	le.PutUint16(h[40:], uint16(b.cpu))
	le.PutUint16(h[42:], w.o.LoggerID)
	le.PutUint32(h[44:], 3)
	if !w.o.OmitOffset {
		le.PutUint32(h[48:], end)
	}
	le.PutUint16(h[52:], flags)
	le.PutUint16(h[54:], typ)
	return out
}

// logfileRecord is the first record: SYSTEM32/64 with a TRACE_LOGFILE_HEADER.
func (w *Writer) logfileRecord(buffers int) []byte {
	le := binary.LittleEndian
	o := &w.o
	ptr := o.PointerSize
	p := make([]byte, 272)
	if ptr == 8 {
		p = make([]byte, 280)
	}
	le.PutUint32(p[0:], uint32(o.BufferSize))
	copy(p[4:], o.Version[:])
	le.PutUint32(p[8:], o.OSBuild)
	le.PutUint32(p[12:], uint32(o.CPUs))
	le.PutUint32(p[24:], 156250)
	le.PutUint32(p[32:], o.Mode)
	le.PutUint32(p[40:], 1)
	le.PutUint32(p[44:], uint32(ptr))
	le.PutUint32(p[48:], o.EventsLost)
	le.PutUint32(p[52:], o.CPUMHz)
	if !o.Unfinished {
		le.PutUint64(p[16:], uint64(w.endTime()))
		le.PutUint32(p[36:], uint32(buffers))
	}
	le.PutUint32(p[56+2*ptr:], uint32(o.TimeZoneBias))
	t := p[len(p)-32:]
	le.PutUint64(t[0:], uint64(fileTime(o.Boot)))
	le.PutUint64(t[8:], uint64(o.Frequency))
	le.PutUint64(t[16:], uint64(fileTime(o.Start)))
	le.PutUint32(t[24:], uint32(o.Clock))
	le.PutUint32(t[28:], o.BuffersLost)
	p = appendUTF16(p, o.LoggerName)
	p = appendUTF16(p, o.LogFileName)
	r := systemRecord(o.StartClock, SystemHeader{Pointer: uint8(ptr), TID: 8, PID: 4, Version: 2}, 32, p)
	for len(r)%8 != 0 {
		r = append(r, 0)
	}
	return r
}

// endTime is the FILETIME of the last record.
func (w *Writer) endTime() int64 {
	ticks := big.NewInt(w.last - w.o.StartClock)
	switch w.o.Clock {
	case etl.ClockSystem:
	case etl.ClockCPU:
		ticks.Mul(ticks, big.NewInt(10)).Div(ticks, big.NewInt(int64(w.o.CPUMHz)))
	default:
		ticks.Mul(ticks, big.NewInt(1e7)).Div(ticks, big.NewInt(w.o.Frequency))
	}
	return fileTime(w.o.Start) + ticks.Int64()
}

func fileTime(t time.Time) int64 {
	return t.Unix()*1e7 + int64(t.Nanosecond())/100 + unixEpoch
}

// appendUTF16 appends s in UTF-16LE with its NUL.
func appendUTF16(b []byte, s string) []byte {
	for _, c := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, c)
	}
	return append(b, 0, 0)
}
