package etl

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// Buffer describes a buffer: WMI_BUFFER_HEADER.
type Buffer struct {
	Index      int   // number in the file, from 0
	Offset     int64 // in the file
	Size       int64 // bytes in the file, header included
	End        int64 // end of the records, header included, after decompression
	CPU        uint16
	Sequence   int64
	Timestamp  int64 // raw clock, or FILETIME in relogged and merged files: informative only
	LoggerID   uint16
	Flags      uint16 // see the Buffer constants
	Type       uint16 // 0 generic, 1 rundown, 2 context switch, 3 reference time, 4 header
	Compressed bool
}

// Bits of Buffer.Flags.
const (
	BufferFlushMarker = 0x01
	BufferEventsLost  = 0x02
	BufferBufferLost  = 0x04
	BufferRTCorrupt   = 0x08
	BufferRT          = 0x10
	BufferProcIndex   = 0x20
	BufferCompressed  = 0x40
)

// Buffer returns the buffer of the last record. Its Index is -1 before the first.
func (f *File) Buffer() Buffer { return f.buffer }

const (
	cpus             = 0x800 // WMI_BUFFER_HEADER.ProcessorIndex has 11 bits
	bufferHeaderSize = 72
	bufferTypeHeader = 4
	maxBufferType    = 0xFF   // larger ones are taken for damage
	maxBufferFlags   = 0x0FFF // as are higher bits
	maxFoundType     = 7      // types there are; nothing else is taken for a buffer in a search
)

// bufferHead is WMI_BUFFER_HEADER as it is on disk.
type bufferHead struct {
	size, saved, current, end uint32
	references, state         uint32
	timestamp, sequence       int64
	cpu, logger               uint16
	flags, typ                uint16
}

func parseBufferHead(b []byte) bufferHead {
	le := binary.LittleEndian
	_ = b[bufferHeaderSize-1]
	return bufferHead{
		size: le.Uint32(b), saved: le.Uint32(b[4:]), current: le.Uint32(b[8:]), references: le.Uint32(b[12:]),
		timestamp: int64(le.Uint64(b[16:])), sequence: int64(le.Uint64(b[24:])),
		cpu: le.Uint16(b[40:]), logger: le.Uint16(b[42:]), state: le.Uint32(b[44:]), end: le.Uint32(b[48:]),
		flags: le.Uint16(b[52:]), typ: le.Uint16(b[54:]),
	}
}

// recordsEnd is where the records end, header included. known is false if the header does
// not say; then it is the end of the buffer.
func (h *bufferHead) recordsEnd() (end uint32, known bool) {
	fits := func(v uint32) bool {
		return v >= bufferHeaderSize && (v <= h.size || h.flags&BufferCompressed != 0)
	}
	switch {
	case fits(h.end):
		return h.end, true
	case fits(h.saved):
		return h.saved, true
	case h.end == 0 && h.saved == 0 && fits(h.current):
		return h.current, true // never finished: a crash or an image of memory
	}
	return h.size, false
}

// doubt says why the header, followed by the bytes of body, cannot be one; it is empty
// if it can.
func (h *bufferHead) doubt(body []byte, o *Options) string {
	switch {
	case h.size < bufferHeaderSize:
		return fmt.Sprintf("buffer size %d is shorter than its header", h.size)
	case int64(h.size) > o.MaxBuffer:
		return fmt.Sprintf("buffer size %d is over the limit of %d", h.size, o.MaxBuffer)
	case h.typ > maxBufferType || h.flags > maxBufferFlags:
		return fmt.Sprintf("no buffer header: type %#x, flags %#x", h.typ, h.flags)
	}
	if _, known := h.recordsEnd(); !known && !(len(body) >= 4 && isMarker(body)) {
		return "no buffer header: the end of its records lies outside"
	}
	return ""
}

// usual says whether the fields that say nothing of interest are as in any finished
// buffer: no references, a small sequence number, a small logger id and a known state.
func (h *bufferHead) usual() bool {
	return h.references == 0 && h.sequence >= 0 && h.sequence < 1<<40 && h.logger < 1<<10 && h.state < 8
}

// isMarker says whether b can be the start of a record, or the end marker.
func isMarker(b []byte) bool {
	switch b[3] {
	case flagsEvent:
		return b[2] < numTypes && layouts[b[2]].kind != KindUnknown
	case flagsMessage:
		return true
	}
	return binary.LittleEndian.Uint32(b) == endMarker
}

// load reads the buffer at f.next and makes its records current. Damage is accounted for;
// only a failure to read is an error.
func (f *File) load() error {
	f.body, f.cur = nil, 0
	pos := f.next
	head, err := f.read(pos, bufferHeaderSize+8)
	if err != nil {
		return err
	}
	if len(head) < bufferHeaderSize {
		f.buffer.Compressed = false
		f.trailing(int64(len(head)))
		f.st.Truncated = true
		f.next = f.size
		return nil
	}
	h := parseBufferHead(head)
	if reason := h.doubt(head[bufferHeaderSize:], &f.o); reason != "" {
		return f.resync(pos, reason)
	}
	size := int64(h.size)
	cut := size > f.size-pos
	if b := int64(f.header.BufferSize); cut && b >= bufferHeaderSize && size > b {
		// Either the file was cut in a large buffer, or the size is damaged. In the
		// second case there is another buffer where this one should end.
		if found, err := f.plausible(pos+b, true); err != nil {
			return err
		} else if found {
			return f.resync(pos, fmt.Sprintf("buffer size %d passes the end of the file", size))
		}
	}
	if cut {
		size = f.size - pos
	}
	raw, err := f.read(pos, int(size))
	if err != nil {
		return err
	}
	if int64(len(raw)) < size { // the file shrank
		size, cut = int64(len(raw)), true
		if size < bufferHeaderSize {
			f.next = pos
			return nil
		}
	}
	f.next = pos + size
	end, known := h.recordsEnd()
	f.buffer = Buffer{
		Index: int(f.st.Buffers), Offset: pos, Size: size, End: int64(end), CPU: h.cpu & (cpus - 1),
		Sequence: h.sequence, Timestamp: h.timestamp, LoggerID: h.logger, Flags: h.flags, Type: h.typ,
		Compressed: h.flags&BufferCompressed != 0,
	}
	if h.flags&BufferProcIndex == 0 {
		f.buffer.CPU = h.cpu & 0xFF
	}
	f.base, f.cut, f.guessedEnd = pos+bufferHeaderSize, cut, !known
	f.st.Buffers++
	f.st.Bytes.Headers += bufferHeaderSize
	f.st.Truncated = f.st.Truncated || cut
	if h.flags&BufferEventsLost != 0 {
		f.st.EventsLostBuffers++
	}
	if h.flags&BufferBufferLost != 0 {
		f.st.BufferLostBuffers++
	}
	if f.buffer.Compressed {
		f.st.CompressedBuffers++
		f.decompress(raw[bufferHeaderSize:])
	} else {
		n := min(int64(end), size)
		f.body = raw[bufferHeaderSize:n]
		f.st.Bytes.BufferSlack += size - n
	}
	if pos > 0 && h.typ == bufferTypeHeader {
		f.restart()
	}
	return nil
}

// restart changes the time base where a session was appended to the file: the clock may
// have begun anew.
func (f *File) restart() {
	if !isLogfileRecord(f.body) {
		return
	}
	h, tb, err := parseHeader(f.body)
	if err != nil || h.Start.IsZero() || !h.ClockKnown {
		return
	}
	f.time = tb
	f.st.EventsLost += h.EventsLost
	f.st.BuffersLost += h.BuffersLost
}

// maxRatio limits what compressed buffers may grow to, all together and beyond
// Options.MaxDecoded. Buffers of real events shrink to a tenth, rarely to a fiftieth.
const maxRatio = 256

// decompress makes the decompressed records current. A stream that fails is given up as a
// whole, unless it fails because the file ends: then all that is there is good.
func (f *File) decompress(src []byte) {
	n := f.buffer.End - bufferHeaderSize
	pos := f.buffer.Offset + bufferHeaderSize
	giveUp := func(reason string) {
		f.st.BadBuffers++
		f.st.Bytes.Undecodable += int64(len(src))
		f.listRange(Range{Offset: pos, Length: int64(len(src)), Reason: reason})
	}
	if n > f.o.MaxDecoded {
		giveUp(fmt.Sprintf("compressed buffer holds %d bytes, over the limit of %d", n, f.o.MaxDecoded))
		return
	}
	if f.st.Decoded.Total+n > maxRatio*f.next+f.o.MaxDecoded {
		giveUp(fmt.Sprintf("the file so far grows to more than %d times its size", maxRatio))
		return
	}
	var used int
	var err error
	f.dec, used, err = decompress(f.dec[:0], src, int(n))
	if err != nil && !(f.cut && err == errXpressShort) {
		giveUp(fmt.Sprintf("%v, %d bytes before its end; only plain LZ77 (XPRESS) is known", err, len(src)-used))
		return
	}
	f.cut = err != nil
	f.body = f.dec
	f.st.Decoded.Total += int64(len(f.dec))
	f.st.Bytes.Compressed += int64(used)
	rest := int64(len(src) - used)
	switch {
	case f.cut:
		f.st.Bytes.Trailing += rest
	case rest <= 8 || allZero(src[used:]):
		f.st.Bytes.BufferSlack += rest
	case f.reread+rest > f.size:
		f.st.Bytes.Undecodable += rest
		f.listRange(Range{Offset: pos + int64(used), Length: rest, Reason: "bytes after the compressed data"})
	default: // the size of the buffer is wrong: look for the next one behind the data
		f.reread += rest
		f.buffer.Size -= rest
		f.next -= rest
	}
}

// resync looks for the next buffer after pos, where none was understood, and accounts for
// what lies between. Buffers of one size lie at multiples of it; others may lie anywhere.
func (f *File) resync(pos int64, reason string) error {
	step := int64(f.header.BufferSize)
	anywhere := step < bufferHeaderSize || pos%step != 0 || f.header.Mode&ModeCompressed != 0
	next := pos
	for found := false; !found; {
		var err error
		if anywhere {
			next, err = f.candidate(next + 1)
		} else {
			next += step
		}
		if err != nil {
			return err
		}
		if next+bufferHeaderSize > f.size {
			next = f.size
			break
		}
		if found, err = f.plausible(next, anywhere); err != nil {
			return err
		}
	}
	zero, err := f.zeroes(pos, next)
	if err != nil {
		return err
	}
	f.buffer.Compressed = false
	f.next = max(pos, min(next, f.size))
	if n := f.next - pos; zero {
		f.st.Bytes.Zeroed += n
	} else {
		f.st.BadBuffers++
		f.st.Bytes.Undecodable += n
		f.listRange(Range{Offset: pos, Length: n, Reason: reason})
	}
	return nil
}

// candidate finds the first offset from pos on where size, type and flags are those of
// a buffer. It returns the end of the file if there is none.
func (f *File) candidate(pos int64) (int64, error) {
	for pos+bufferHeaderSize <= f.size {
		n := f.in.ready(pos)
		if n < 4096 {
			n = windowSize
		}
		b, err := f.read(pos, n)
		if err != nil {
			return pos, err
		}
		if len(b) < bufferHeaderSize {
			break
		}
		limit := uint32(min(f.o.MaxBuffer, math.MaxUint32))
		last := len(b) - bufferHeaderSize
		for i := 0; i <= last; i++ {
			size := binary.LittleEndian.Uint32(b[i:])
			if size < bufferHeaderSize || size > limit {
				continue
			}
			if v := binary.LittleEndian.Uint32(b[i+52:]); v&0xFFFF <= maxBufferFlags && v>>16 <= maxFoundType {
				return pos + int64(i), nil
			}
		}
		pos += int64(last) + 1
	}
	return f.size, nil
}

// maxProbes limits how often plausible looks for the buffer after a candidate. Only input made
// for it comes near: each probe is a read of its own.
const maxProbes = 1 << 18

// plausible says whether a buffer starts at pos. It is harder to convince than load, since
// nothing else says that there is one: the buffer must start with a record. With scan set,
// for an offset picked by no rule, header fields that never vary must be as they always are
// and the end of the file, zeroes or another buffer must follow.
func (f *File) plausible(pos int64, scan bool) (bool, error) {
	b, err := f.read(pos, bufferHeaderSize+16)
	if err != nil || len(b) < bufferHeaderSize {
		return false, err
	}
	h := parseBufferHead(b)
	b = b[bufferHeaderSize:]
	if h.doubt(b, &f.o) != "" || h.typ > maxFoundType || scan && !h.usual() {
		return false, nil
	}
	end, known := h.recordsEnd()
	empty := known && end == bufferHeaderSize
	if !empty && h.flags&BufferCompressed != 0 {
		var start [4]byte
		b, _, _ = decompress(start[:0], b, len(start))
	}
	if !empty && len(b) >= 4 && !isMarker(b) {
		return false, nil
	}
	next := pos + int64(h.size)
	if !scan || next+bufferHeaderSize > f.size {
		return !scan || !empty && len(b) >= 4, nil
	}
	if f.probes++; f.probes > maxProbes {
		return false, nil
	}
	var probe [bufferHeaderSize + 8]byte
	n, err := f.in.r.ReadAt(probe[:min(int64(len(probe)), f.size-next)], next)
	if n < bufferHeaderSize {
		if err == io.EOF {
			err = nil
		}
		return false, f.readError(next, err)
	}
	h = parseBufferHead(probe[:])
	return h.doubt(probe[bufferHeaderSize:n], &f.o) == "" && h.usual() || allZero(probe[:n]), nil
}

// zeroes says whether the file holds nothing but zeroes between two offsets.
func (f *File) zeroes(from, to int64) (bool, error) {
	for from < to {
		b, err := f.read(from, int(min(to-from, windowSize)))
		if err != nil {
			return false, err
		}
		if !allZero(b) {
			return false, nil
		}
		if len(b) == 0 {
			break
		}
		from += int64(len(b))
	}
	return true, nil
}
