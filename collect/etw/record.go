package etw

import (
	"unsafe"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/etl"
)

// eventRecord is EVENT_RECORD (evntcons.h) on 64-bit Windows, 112 bytes.
type eventRecord struct {
	// EVENT_HEADER
	_         uint16 // size
	_         uint16 // headerType
	flags     uint16
	_         uint16 // eventProperty
	threadID  uint32
	processID uint32
	timeStamp int64 // FILETIME, as the session is not opened for raw timestamps
	provider  etl.GUID
	id        uint16
	version   uint8
	channel   uint8
	level     uint8
	opcode    uint8
	task      uint16
	keyword   uint64
	_         uint64 // processorTime
	activity  etl.GUID

	// ETW_BUFFER_CONTEXT: with the flag PROCESSOR_INDEX the first two bytes are one number.
	processorNumber uint8
	alignment       uint8
	_               uint16 // loggerID

	extendedCount  uint16
	userDataLength uint16
	extended       unsafe.Pointer // *extendedItem
	userData       unsafe.Pointer
	userContext    unsafe.Pointer
}

// extendedItem is EVENT_HEADER_EXTENDED_DATA_ITEM, 16 bytes.
type extendedItem struct {
	reserved uint16
	typ      uint16
	linkage  uint16
	size     uint16
	data     unsafe.Pointer
}

const fileTimeEpoch = 116444736000000000 // 1970-01-01 as a FILETIME

// fill makes a record of what the system delivered. The extended items, which lie apart, are
// copied behind each other into buf, which is returned for the next time; all else stays where
// it is. r is valid until ev is.
func fill(r *etl.Record, ev *eventRecord, buf []byte) []byte {
	*r = etl.Record{
		Kind: etl.KindEvent64, Pointer: 8,
		TID: ev.threadID, PID: ev.processID, HasIDs: ev.threadID != ^uint32(0) || ev.processID != ^uint32(0),
		Clock: ev.timeStamp, HasClock: true, Time: (ev.timeStamp - fileTimeEpoch) * 100,
		Provider: ev.provider, HasGUID: true, ID: ev.id, Version: ev.version, Channel: ev.channel, Level: ev.level,
		Opcode: ev.opcode, Task: ev.task, Keyword: ev.keyword, Flags: ev.flags, Activity: ev.activity,
		CPU: uint16(ev.processorNumber),
	}
	if ev.flags&etl.Flag32BitHeader != 0 {
		r.Kind, r.Pointer = etl.KindEvent32, 4
	}
	if ev.flags&etl.FlagProcessorIndex != 0 {
		r.CPU |= uint16(ev.alignment) << 8
	}
	if ev.userDataLength > 0 && ev.userData != nil {
		r.Data = unsafe.Slice((*byte)(ev.userData), ev.userDataLength)
	}
	buf = buf[:0]
	if ev.extendedCount > 0 && ev.extended != nil {
		items := unsafe.Slice((*extendedItem)(ev.extended), ev.extendedCount)
		for i := range items {
			var data []byte
			if items[i].size > 0 && items[i].data != nil {
				data = unsafe.Slice((*byte)(items[i].data), items[i].size)
			}
			buf = decode.AppendExtended(buf, items[i].typ, data, i+1 < len(items))
		}
		r.Extended = buf
	}
	return buf
}
