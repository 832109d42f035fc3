package etltest

import (
	"encoding/binary"

	"github.com/aftrace/aftrace/collect/etl"
)

// maxRecord is the largest record, header included: its size is an u16.
const maxRecord = 1<<16 - 1

// EventHeader is EVENT_HEADER without what the writer fills in. Pointer is that of the
// emitter, 4 or 8 bytes; 0 is the host's.
type EventHeader struct {
	Pointer    uint8
	Flags      uint16 // etl.FlagExtendedInfo is set where there are extended items
	Property   uint16
	TID, PID   uint32
	Provider   etl.GUID
	ID         uint16
	Version    uint8
	Channel    uint8
	Level      uint8
	Opcode     uint8
	Task       uint16
	Keyword    uint64
	KernelTime uint32
	UserTime   uint32
	Activity   etl.GUID
}

// Event adds an EVENT32 or EVENT64 record.
func (w *Writer) Event(cpu int, clock int64, h EventHeader, ext []etl.ExtItem, data []byte) {
	le := binary.LittleEndian
	b := append(w.scratch[:0], make([]byte, 80)...)
	b = AppendExt(b, ext)
	b = append(b, data...)
	w.scratch = b
	flags := h.Flags
	if len(ext) > 0 {
		flags |= etl.FlagExtendedInfo
	}
	b[2], b[3] = w.byPointer(h.Pointer, 18, 19), 0xC0
	le.PutUint16(b[4:], flags)
	le.PutUint16(b[6:], h.Property)
	le.PutUint32(b[8:], h.TID)
	le.PutUint32(b[12:], h.PID)
	le.PutUint64(b[16:], uint64(clock))
	copy(b[24:], h.Provider[:])
	le.PutUint16(b[40:], h.ID)
	b[42], b[43], b[44], b[45] = h.Version, h.Channel, h.Level, h.Opcode
	le.PutUint16(b[46:], h.Task)
	le.PutUint64(b[48:], h.Keyword)
	le.PutUint32(b[56:], h.KernelTime)
	le.PutUint32(b[60:], h.UserTime)
	copy(b[64:], h.Activity[:])
	w.putSized(cpu, clock, b, 0)
}

// AppendExt appends extended data items in their form on disk, linked to each other.
func AppendExt(b []byte, ext []etl.ExtItem) []byte {
	for i, e := range ext {
		total := (8 + len(e.Data) + 7) &^ 7
		var more uint16
		if i < len(ext)-1 {
			more = 1
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(total))
		b = binary.LittleEndian.AppendUint16(b, e.Type)
		b = binary.LittleEndian.AppendUint16(b, more)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(e.Data)))
		b = append(b, e.Data...)
		b = append(b, make([]byte, total-8-len(e.Data))...)
	}
	return b
}

// SystemHeader is SYSTEM_TRACE_HEADER. Group and Type form the hook id.
type SystemHeader struct {
	Pointer              uint8
	Version              uint16
	Group, Type          uint8
	TID, PID             uint32
	KernelTime, UserTime uint32 // not in a compact header
}

// System adds a SYSTEM32 or SYSTEM64 record.
func (w *Writer) System(cpu int, clock int64, h SystemHeader, data []byte) {
	h.Pointer = w.pointer(h.Pointer)
	w.putSized(cpu, clock, systemRecord(clock, h, 32, data), 4)
}

// Compact adds a COMPACT32 or COMPACT64 record.
func (w *Writer) Compact(cpu int, clock int64, h SystemHeader, data []byte) {
	h.Pointer = w.pointer(h.Pointer)
	w.putSized(cpu, clock, systemRecord(clock, h, 24, data), 4)
}

// systemRecord builds a record whose header has 32 bytes, or 24 in its compact form.
func systemRecord(clock int64, h SystemHeader, header int, data []byte) []byte {
	le := binary.LittleEndian
	b := make([]byte, header, header+len(data))
	le.PutUint16(b, h.Version)
	b[2] = 1
	if header == 24 {
		b[2] = 3
	}
	if h.Pointer == 8 {
		b[2]++
	}
	b[3] = 0xC0
	b[6], b[7] = h.Type, h.Group
	le.PutUint32(b[8:], h.TID)
	le.PutUint32(b[12:], h.PID)
	le.PutUint64(b[16:], uint64(clock))
	if header == 32 {
		le.PutUint32(b[24:], h.KernelTime)
		le.PutUint32(b[28:], h.UserTime)
	}
	b = append(b, data...)
	le.PutUint16(b[4:], uint16(len(b)))
	return b
}

// PerfInfoHeader is PERFINFO_TRACE_HEADER with its optional items.
type PerfInfoHeader struct {
	Pointer     uint8
	Version     uint8
	Group, Type uint8
	PEBS        *uint64
	Counters    []uint64 // at most 7
}

// PerfInfo adds a PERFINFO32 or PERFINFO64 record.
func (w *Writer) PerfInfo(cpu int, clock int64, h PerfInfoHeader, data []byte) {
	le := binary.LittleEndian
	if len(h.Counters) > 7 {
		w.fail("%d performance counters", len(h.Counters))
		return
	}
	b := make([]byte, 16)
	b[0] = h.Version
	b[1] = byte(len(h.Counters))
	if h.PEBS != nil {
		b[1] |= 0x80
	}
	b[2], b[3] = w.byPointer(h.Pointer, 16, 17), 0xC0
	b[6], b[7] = h.Type, h.Group
	le.PutUint64(b[8:], uint64(clock))
	if h.PEBS != nil {
		b = le.AppendUint64(b, *h.PEBS)
	}
	for _, c := range h.Counters {
		b = le.AppendUint64(b, c)
	}
	w.putSized(cpu, clock, append(b, data...), 4)
}

// FullHeader is EVENT_TRACE_HEADER. Type is the class type.
type FullHeader struct {
	Pointer              uint8
	Type, Level          uint8
	Version              uint16
	TID, PID             uint32
	Class                etl.GUID
	KernelTime, UserTime uint32
}

// Full adds a FULL32 or FULL64 record.
func (w *Writer) Full(cpu int, clock int64, h FullHeader, data []byte) {
	b := w.fullHeader(clock, h, w.byPointer(h.Pointer, 10, 20))
	w.putSized(cpu, clock, append(b, data...), 0)
}

func (w *Writer) fullHeader(clock int64, h FullHeader, typ byte) []byte {
	le := binary.LittleEndian
	b := make([]byte, 48)
	b[2], b[3] = typ, 0xC0
	b[4], b[5] = h.Type, h.Level
	le.PutUint16(b[6:], h.Version)
	le.PutUint32(b[8:], h.TID)
	le.PutUint32(b[12:], h.PID)
	le.PutUint64(b[16:], uint64(clock))
	copy(b[24:], h.Class[:])
	le.PutUint32(b[40:], h.KernelTime)
	le.PutUint32(b[44:], h.UserTime)
	return b
}

// InstanceHeader is EVENT_INSTANCE_GUID_HEADER.
type InstanceHeader struct {
	FullHeader
	Instance, Parent uint32
	ParentClass      etl.GUID
}

// Instance adds an INSTANCE32 or INSTANCE64 record.
func (w *Writer) Instance(cpu int, clock int64, h InstanceHeader, data []byte) {
	b := w.fullHeader(clock, h.FullHeader, w.byPointer(h.Pointer, 11, 21))
	b = binary.LittleEndian.AppendUint32(b, h.Instance)
	b = binary.LittleEndian.AppendUint32(b, h.Parent)
	b = append(b, h.ParentClass[:]...)
	w.putSized(cpu, clock, append(b, data...), 0)
}

// Error adds an ERROR record, of which nothing but its size is known.
func (w *Writer) Error(cpu int, data []byte) {
	w.putSized(cpu, 0, append([]byte{0, 0, 13, 0xC0}, data...), 0)
}

// MessageHeader is MESSAGE_TRACE_HEADER with its optional parts. Flags says which are written.
type MessageHeader struct {
	Number    uint16
	Flags     uint16 // etl.Message constants
	Sequence  uint32
	Component uint32
	GUID      etl.GUID
	TID, PID  uint32
}

// MessageDefault is the usual value of MessageHeader.Flags, without the width of pointers.
const MessageDefault = etl.MessageSequence | etl.MessageGUID | etl.MessageTimestamp | etl.MessageSystemInfo

// Message adds a MESSAGE record (WPP). clock is written if the flags ask for it.
func (w *Writer) Message(cpu int, clock int64, h MessageHeader, args []byte) {
	le := binary.LittleEndian
	b := make([]byte, 8)
	b[3] = 0x90
	le.PutUint16(b[4:], h.Number)
	le.PutUint16(b[6:], h.Flags)
	if h.Flags&etl.MessageSequence != 0 {
		b = le.AppendUint32(b, h.Sequence)
	}
	switch {
	case h.Flags&etl.MessageComponentID != 0:
		b = le.AppendUint32(b, h.Component)
	case h.Flags&etl.MessageGUID != 0:
		b = append(b, h.GUID[:]...)
	}
	if h.Flags&etl.MessageTimestamp != 0 {
		b = le.AppendUint64(b, uint64(clock))
	}
	if h.Flags&etl.MessageSystemInfo != 0 {
		b = le.AppendUint32(b, h.TID)
		b = le.AppendUint32(b, h.PID)
	}
	w.putSized(cpu, clock, append(b, args...), 0)
}

// Raw adds bytes as they are, padded to a multiple of 8.
func (w *Writer) Raw(cpu int, b []byte) { w.put(cpu, 0, b) }

// putSized fills in the size of a record and adds it.
func (w *Writer) putSized(cpu int, clock int64, b []byte, sizeAt int) {
	if len(b) > maxRecord {
		w.fail("a record of %d bytes is larger than %d", len(b), maxRecord)
		return
	}
	binary.LittleEndian.PutUint16(b[sizeAt:], uint16(len(b)))
	w.put(cpu, clock, b)
}

func (w *Writer) pointer(p uint8) uint8 {
	if p == 0 {
		return uint8(w.o.PointerSize)
	}
	return p
}

func (w *Writer) byPointer(p uint8, type32, type64 byte) byte {
	if w.pointer(p) == 4 {
		return type32
	}
	return type64
}
