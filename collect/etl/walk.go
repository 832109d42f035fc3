package etl

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Byte 3 of a record's marker: TRACE_HEADER_FLAG (0x80) with EVENT_TRACE (0x40), TIMED_EVENT
// (0x20) or TRACE_MESSAGE (0x10).
const (
	flagsEvent   = 0xC0
	flagsMessage = 0x90
	flagsTimed   = 0xB0
)

// Byte 2 of the marker of an event-trace record: TRACE_HEADER_TYPE.
const (
	typeSystem32   = 1
	typeSystem64   = 2
	typeCompact32  = 3
	typeCompact64  = 4
	typeFull32     = 10
	typeInstance32 = 11
	typeError      = 13
	typePerfInfo32 = 16
	typePerfInfo64 = 17
	typeEvent32    = 18
	typeEvent64    = 19
	typeFull64     = 20
	typeInstance64 = 21
	numTypes       = 22
)

// form is which structure a record header is.
type form uint8

const (
	formNone     form = iota
	formSystem        // SYSTEM_TRACE_HEADER, also its compact form without times
	formPerfInfo      // PERFINFO_TRACE_HEADER
	formFull          // EVENT_TRACE_HEADER, also as the start of EVENT_INSTANCE_GUID_HEADER
	formEvent         // EVENT_HEADER
	formError         // only its size is known
)

// layout is what the walk must know of a TRACE_HEADER_TYPE.
type layout struct {
	kind    Kind
	form    form
	sizeAt  uint8 // offset of the u16 size of the whole record
	header  uint8 // bytes before the user data
	pointer uint8 // bytes of the emitter's pointers, 0: those of the host
}

var layouts = [numTypes]layout{
	typeSystem32:   {KindSystem32, formSystem, 4, 32, 4},
	typeSystem64:   {KindSystem64, formSystem, 4, 32, 8},
	typeCompact32:  {KindCompact32, formSystem, 4, 24, 4},
	typeCompact64:  {KindCompact64, formSystem, 4, 24, 8},
	typeFull32:     {KindFull32, formFull, 0, 48, 4},
	typeInstance32: {KindInstance32, formFull, 0, 72, 4},
	typeError:      {KindError, formError, 0, 4, 0},
	typePerfInfo32: {KindPerfInfo32, formPerfInfo, 4, 16, 4},
	typePerfInfo64: {KindPerfInfo64, formPerfInfo, 4, 16, 8},
	typeEvent32:    {KindEvent32, formEvent, 0, 80, 4},
	typeEvent64:    {KindEvent64, formEvent, 0, 80, 8},
	typeFull64:     {KindFull64, formFull, 0, 48, 8},
	typeInstance64: {KindInstance64, formFull, 0, 72, 8},
}

// endMarker ends the records of a buffer before the end that its header states.
const endMarker = 0xFFFFFFFF

// walk decodes the record at f.cur of f.body into r. If there is none, or none that can be
// understood, it accounts for the rest of the buffer and returns false.
func (f *File) walk(r *Record) bool {
	b := f.body[f.cur:]
	if len(b) < 8 {
		f.endOfRecords(b)
		return false
	}
	marker := binary.LittleEndian.Uint32(b)
	switch b[3] {
	case flagsEvent:
		if typ := b[2]; typ < numTypes && layouts[typ].kind != KindUnknown {
			return f.event(r, b, &layouts[typ])
		}
	case flagsMessage:
		return f.message(r, b)
	}
	switch {
	case marker == endMarker:
		f.slack(int64(len(b)))
		f.cur = len(f.body)
	case f.guessedEnd && marker == 0:
		f.endOfRecords(b)
	case marker == 0:
		f.unknown("zeroes where a record should start")
	case b[3] == flagsEvent:
		f.unknown(fmt.Sprintf("record header type %d is not known", b[2]))
	case b[3] == flagsTimed:
		f.unknown("obsolete timed record")
	case b[3]&0x80 == 0:
		f.unknown("obsolete WNODE record")
	default:
		f.unknown(fmt.Sprintf("record marker %#08x is not known", marker))
	}
	return false
}

// take cuts the record of the stated size off b and moves on. It returns nil if that
// cannot be.
func (f *File) take(b []byte, size, header int) []byte {
	if size < header {
		f.unknown(fmt.Sprintf("record of %d bytes is shorter than its header of %d", size, header))
		return nil
	}
	if size > len(b) {
		if f.cut {
			f.trailing(int64(len(b)))
			f.cur = len(f.body)
		} else {
			f.unknown(fmt.Sprintf("record of %d bytes passes the end of its buffer by %d", size, size-len(b)))
		}
		return nil
	}
	pad := -size & 7
	if pad > len(b)-size {
		pad = len(b) - size
	}
	f.acc.records += int64(size)
	f.acc.padding += int64(pad)
	f.cur += size + pad
	return b[:size:size]
}

// event decodes the records of the event-trace family.
func (f *File) event(r *Record, b []byte, l *layout) bool {
	offset := f.base + int64(f.cur)
	header := int(l.header)
	if l.form == formPerfInfo {
		header += 8 * perfItems(b)
	}
	b = f.take(b, int(binary.LittleEndian.Uint16(b[l.sizeAt:])), header)
	if b == nil {
		return false
	}
	*r = Record{Kind: l.kind, Offset: offset, CPU: f.buffer.CPU, Pointer: l.pointer, Raw: b, Data: b[header:]}
	switch l.form {
	case formSystem:
		r.Version = b[0]
		r.ID = binary.LittleEndian.Uint16(b[6:])
		r.Opcode = b[6]
		r.TID = binary.LittleEndian.Uint32(b[8:])
		r.PID = binary.LittleEndian.Uint32(b[12:])
		r.HasIDs = true
		r.Clock = int64(binary.LittleEndian.Uint64(b[16:]))
	case formPerfInfo:
		r.Version = b[0]
		r.ID = binary.LittleEndian.Uint16(b[6:])
		r.Opcode = b[6]
		r.Clock = int64(binary.LittleEndian.Uint64(b[8:]))
		r.Counters = b[l.header:header]
	case formFull:
		r.ID = uint16(b[4])
		r.Opcode = b[4]
		r.Level = b[5]
		r.Version = b[6]
		r.TID = binary.LittleEndian.Uint32(b[8:])
		r.PID = binary.LittleEndian.Uint32(b[12:])
		r.HasIDs = true
		r.Clock = int64(binary.LittleEndian.Uint64(b[16:]))
		r.Provider = GUID(b[24:40])
		r.HasGUID = true
		if isLostEvent(r) {
			f.st.RTLost++
		}
	case formEvent:
		_ = b[79]
		r.Flags = binary.LittleEndian.Uint16(b[4:])
		r.TID = binary.LittleEndian.Uint32(b[8:])
		r.PID = binary.LittleEndian.Uint32(b[12:])
		r.HasIDs = true
		r.Clock = int64(binary.LittleEndian.Uint64(b[16:]))
		r.Provider = GUID(b[24:40])
		r.HasGUID = true
		r.ID = binary.LittleEndian.Uint16(b[40:])
		r.Version = b[42]
		r.Channel = b[43]
		r.Level = b[44]
		r.Opcode = b[45]
		r.Task = binary.LittleEndian.Uint16(b[46:])
		r.Keyword = binary.LittleEndian.Uint64(b[48:])
		r.Activity = GUID(b[64:80])
		if isLostEvent(r) {
			f.st.RTLost++
		}
		if r.Flags&FlagExtendedInfo != 0 {
			n, defect := extendedEnd(r.Data)
			r.Extended, r.Data = r.Data[:n:n], r.Data[n:]
			if defect != "" {
				r.Defect, r.Data = defect, nil
			}
		}
	case formError:
		r.Pointer = f.header.PointerSize
		f.deliver(r, false)
		return true
	}
	f.deliver(r, true)
	return true
}

// message decodes a WPP record (MESSAGE_TRACE_HEADER).
func (f *File) message(r *Record, b []byte) bool {
	offset := f.base + int64(f.cur)
	flags := binary.LittleEndian.Uint16(b[6:])
	b = f.take(b, int(binary.LittleEndian.Uint16(b)), messageHeader(flags))
	if b == nil {
		return false
	}
	*r = Record{Kind: KindMessage, Offset: offset, CPU: f.buffer.CPU, Pointer: f.header.PointerSize, Raw: b,
		ID: binary.LittleEndian.Uint16(b[4:]), Flags: flags}
	pos := 8
	if flags&MessageSequence != 0 {
		pos += 4
	}
	switch {
	case flags&MessageComponentID != 0:
		pos += 4
	case flags&MessageGUID != 0:
		r.Provider, r.HasGUID = GUID(b[pos:pos+16]), true
		pos += 16
	}
	timed := flags&MessageTimestamp != 0
	if timed {
		r.Clock = int64(binary.LittleEndian.Uint64(b[pos:]))
		pos += 8
	}
	if flags&MessageSystemInfo != 0 {
		r.TID = binary.LittleEndian.Uint32(b[pos:])
		r.PID = binary.LittleEndian.Uint32(b[pos+4:])
		r.HasIDs = true
		pos += 8
	}
	switch {
	case flags&MessagePointer64 != 0:
		r.Pointer = 8
	case flags&MessagePointer32 != 0:
		r.Pointer = 4
	}
	r.Data = b[pos:]
	f.deliver(r, timed)
	return true
}

// deliver finishes a record: its time and the counts.
func (f *File) deliver(r *Record, timed bool) {
	if timed {
		r.HasClock = true
		r.Time = f.time.ns(r.Clock)
		f.last[f.buffer.CPU] = r.Time
	} else {
		r.Time = f.last[f.buffer.CPU]
	}
	f.st.Kinds[r.Kind]++
	f.st.Records++
	if r.HasGUID {
		f.providers.add(&r.Provider)
	}
	if r.Defect != "" {
		f.st.Defects++
	}
}

// perfItems is how many u64 items follow a PERFINFO_TRACE_HEADER: its version word says
// whether there is a PEBS item (0x8000) and how many performance counters (0x0700).
func perfItems(b []byte) int {
	return int(b[1]>>7) + int(b[1]&7)
}

// messageHeader is the length of a MESSAGE_TRACE_HEADER with its optional parts.
func messageHeader(flags uint16) int {
	n := 8
	if flags&MessageSequence != 0 {
		n += 4
	}
	switch {
	case flags&MessageComponentID != 0:
		n += 4
	case flags&MessageGUID != 0:
		n += 16
	}
	return n + 8*bits.OnesCount16(flags&(MessageTimestamp|MessageSystemInfo))
}

// lostEventGUID is the class RT_LostEvent; types 32 to 34 say that events, buffers or
// files were lost. Some sessions log them under the class EventTraceEvent instead.
var (
	lostEventGUID  = GUID{0xe0, 0x9a, 0x39, 0x6a, 0xc6, 0x4b, 0xe9, 0x4d, 0x87, 0x0b, 0x36, 0x57, 0xf8, 0x94, 0x7e, 0x7e}
	eventTraceGUID = GUID{0x00, 0xd9, 0xfd, 0x68, 0x3e, 0x4a, 0xd1, 0x11, 0x84, 0xf4, 0x00, 0x00, 0xf8, 0x04, 0x67, 0xe3}
)

func isLostEvent(r *Record) bool {
	return r.Opcode >= 0x20 && r.Opcode <= 0x22 && (r.Provider == lostEventGUID || r.Provider == eventTraceGUID)
}

// unknown gives up the rest of the buffer because of the record at f.cur.
func (f *File) unknown(reason string) {
	off, n := f.base+int64(f.cur), int64(len(f.body)-f.cur)
	f.st.Unknown++
	f.st.Kinds[KindUnknown]++
	if len(f.st.UnknownRecords) < f.o.MaxRanges {
		f.st.UnknownRecords = append(f.st.UnknownRecords, Range{Offset: off, Length: n, Decoded: f.buffer.Compressed, Reason: reason})
	}
	f.lostInBody(off, n, reason)
	f.cur = len(f.body)
}

// endOfRecords accounts for b, the end of a buffer where no further record fits or is expected.
func (f *File) endOfRecords(b []byte) {
	n := int64(len(b))
	switch {
	case n == 0:
	case allZero(b):
		f.slack(n)
	case f.cut:
		f.trailing(n)
	default:
		f.lostInBody(f.base+int64(f.cur), n, "bytes after the last record")
	}
	f.cur = len(f.body)
}

func (f *File) slack(n int64) {
	if f.buffer.Compressed {
		f.st.Decoded.BufferSlack += n
	} else {
		f.st.Bytes.BufferSlack += n
	}
}

func (f *File) trailing(n int64) {
	if f.buffer.Compressed {
		f.st.Decoded.Trailing += n
	} else {
		f.st.Bytes.Trailing += n
	}
}

// lostInBody accounts for undecodable bytes of the current buffer's records.
func (f *File) lostInBody(off, n int64, reason string) {
	if f.buffer.Compressed {
		f.st.Decoded.Undecodable += n
	} else {
		f.st.Bytes.Undecodable += n
	}
	f.listRange(Range{Offset: off, Length: n, Decoded: f.buffer.Compressed, Reason: reason})
}

func (f *File) listRange(r Range) {
	f.st.Ranges++
	if len(f.st.Undecodable) < f.o.MaxRanges {
		f.st.Undecodable = append(f.st.Undecodable, r)
	}
}

func allZero(b []byte) bool {
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b) != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
