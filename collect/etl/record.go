package etl

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"
	"strings"
)

// GUID is a GUID in memory order (first three fields little-endian), as ETW stores it.
type GUID [16]byte

// String prints the usual form, lower case, without braces.
func (g GUID) String() string {
	return fmt.Sprintf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		g[3], g[2], g[1], g[0], g[5], g[4], g[7], g[6], g[8], g[9],
		g[10], g[11], g[12], g[13], g[14], g[15])
}

// ParseGUID reads the form that String prints, in either case, with or without braces.
func ParseGUID(s string) (GUID, error) {
	var g GUID
	t := s
	if strings.HasPrefix(t, "{") && strings.HasSuffix(t, "}") {
		t = t[1 : len(t)-1]
	}
	if len(t) == 36 && t[8] == '-' && t[13] == '-' && t[18] == '-' && t[23] == '-' {
		if b, err := hex.DecodeString(t[:8] + t[9:13] + t[14:18] + t[19:23] + t[24:]); err == nil {
			copy(g[:], b)
			g[0], g[1], g[2], g[3] = g[3], g[2], g[1], g[0]
			g[4], g[5] = g[5], g[4]
			g[6], g[7] = g[7], g[6]
			return g, nil
		}
	}
	return GUID{}, fmt.Errorf("etl: %q is not a GUID", s)
}

// Kind is the kind of record header.
type Kind uint8

const (
	KindUnknown Kind = iota
	KindSystem32
	KindSystem64
	KindCompact32
	KindCompact64
	KindFull32
	KindFull64
	KindInstance32
	KindInstance64
	KindPerfInfo32
	KindPerfInfo64
	KindEvent32
	KindEvent64
	KindError
	KindMessage
	NumKinds
)

var kindNames = [NumKinds]string{"UNKNOWN", "SYSTEM32", "SYSTEM64", "COMPACT32", "COMPACT64",
	"FULL32", "FULL64", "INSTANCE32", "INSTANCE64", "PERFINFO32", "PERFINFO64", "EVENT32",
	"EVENT64", "ERROR", "MESSAGE"}

func (k Kind) String() string {
	if k < NumKinds {
		return kindNames[k]
	}
	return "UNKNOWN"
}

// Record is one record of a trace session, as it is in the file or as a live session
// delivers it. Byte slices alias the reader's buffer: they are valid until the next record.
type Record struct {
	Kind     Kind
	Offset   int64  // of the record in the file; of the buffer plus the position in it where compressed
	CPU      uint16 // from the buffer header
	TID, PID uint32
	HasIDs   bool  // TID and PID are in the header
	Clock    int64 // raw time of the session's clock
	HasClock bool  // Clock is in the header: not in an ERROR or in every MESSAGE record
	Time     int64 // nanoseconds since the Unix epoch; without HasClock, that of the processor's record before
	Pointer  uint8 // width of the emitter's pointers: 4 or 8

	// EVENT_HEADER, or what corresponds to it in a classic or WPP record.
	Provider GUID   // provider, event class, or WPP message GUID; zero where the header has none
	HasGUID  bool   // Provider is in the header
	ID       uint16 // event id, hook id, class type or WPP message number
	Version  uint8
	Channel  uint8
	Level    uint8
	Opcode   uint8
	Task     uint16
	Keyword  uint64
	Flags    uint16 // EVENT_HEADER.Flags, or WPP option flags
	Activity GUID

	Extended []byte // extended data items (section 4.1 layout), empty if there are none
	Data     []byte // user data
	Raw      []byte // the whole record with its header
	Counters []byte // PERFINFO: the PEBS item, if there is one, and the performance counters, u64 each

	// Defect says what is wrong inside a record whose frame is sound: its extended items do
	// not fit. Extended then holds those before the damage, and Data is empty.
	Defect string
}

// Bits of Record.Flags of an EVENT32/64 record (EVENT_HEADER.Flags). Files were seen to hold
// only the first: for the width of pointers see Record.Pointer.
const (
	FlagExtendedInfo   = 0x0001
	FlagPrivateSession = 0x0002
	FlagStringOnly     = 0x0004
	FlagTraceMessage   = 0x0008
	FlagNoCPUTime      = 0x0010
	Flag32BitHeader    = 0x0020
	Flag64BitHeader    = 0x0040
	FlagDecodeGUID     = 0x0080
	FlagClassicHeader  = 0x0100
	FlagProcessorIndex = 0x0200
)

// Bits of Record.Flags of a MESSAGE record (WmiTraceMessage, MessageFlags).
const (
	MessageSequence    = 0x0001
	MessageGUID        = 0x0002
	MessageComponentID = 0x0004 // instead of the GUID
	MessageTimestamp   = 0x0008
	MessageSystemInfo  = 0x0020
	MessagePointer32   = 0x0040
	MessagePointer64   = 0x0080
)

// Types of extended data items (EVENT_HEADER_EXT_TYPE).
const (
	ExtRelatedActivity = 1  // GUID
	ExtSID             = 2  // SID
	ExtSession         = 3  // u32 terminal session
	ExtInstance        = 4  // u32, u32, GUID
	ExtStack32         = 5  // u64 match id, u32 addresses
	ExtStack64         = 6  // u64 match id, u64 addresses
	ExtPEBS            = 7  // u64
	ExtPMC             = 8  // u64 each
	ExtPSMKey          = 9  // package full name
	ExtEventKey        = 10 // u64
	ExtSchemaTL        = 11 // TraceLogging event metadata
	ExtProviderTraits  = 12 // TraceLogging provider name and traits
	ExtProcessStartKey = 13 // u64
	ExtControlGUID     = 14 // GUID
	ExtQPCDelta        = 15 // u64
	ExtContainerID     = 16 // GUID
	ExtStackKey32      = 17 // u64 match id, u64 key
	ExtStackKey64      = 18 // u64 match id, u64 key
)

// ExtItem is an extended data item (EVENT_HEADER_EXTENDED_DATA_ITEM). Data aliases the record.
type ExtItem struct {
	Type uint16
	Data []byte
}

// Items ranges over the extended data items.
func (r *Record) Items() iter.Seq[ExtItem] {
	return func(yield func(ExtItem) bool) {
		b := r.Extended
		for {
			item, total, more, defect := nextItem(b)
			if defect != "" || !yield(item) || !more {
				return
			}
			b = b[total:]
		}
	}
}

// Item returns the data of the first extended data item of a type, and whether there is one.
func (r *Record) Item(typ uint16) ([]byte, bool) {
	b := r.Extended
	for {
		item, total, more, defect := nextItem(b)
		switch {
		case defect != "":
			return nil, false
		case item.Type == typ:
			return item.Data, true
		case !more:
			return nil, false
		}
		b = b[total:]
	}
}

const itemHead = 8 // bytes before the data of an extended item

// nextItem reads the extended item at the start of b: u16 size with head and padding, u16
// type, u16 whose lowest bit says that another follows, u16 size of the data. total is how
// far to go on in b.
func nextItem(b []byte) (item ExtItem, total int, more bool, defect string) {
	if len(b) < itemHead {
		return item, 0, false, "extended items pass the end of the record"
	}
	total = int(binary.LittleEndian.Uint16(b))
	data := int(binary.LittleEndian.Uint16(b[6:]))
	if total == 0 {
		total = (itemHead + data + 7) &^ 7
	}
	switch {
	case itemHead+data > total:
		return item, 0, false, "the data of an extended item is larger than the item"
	case itemHead+data > len(b):
		return item, 0, false, "extended items pass the end of the record"
	}
	total = min(total, len(b)) // the padding of the last one may be missing
	item = ExtItem{Type: binary.LittleEndian.Uint16(b[2:]), Data: b[itemHead : itemHead+data : itemHead+data]}
	return item, total, b[4]&1 != 0, ""
}

// extendedEnd is where the extended items at the start of b end, and what is wrong with the
// first one that does not fit.
func extendedEnd(b []byte) (n int, defect string) {
	for {
		_, total, more, defect := nextItem(b[n:])
		if defect != "" {
			return n, defect
		}
		n += total
		if !more {
			return n, ""
		}
	}
}

// Message is what a MESSAGE record carries besides the fields of Record.
type Message struct {
	Sequence     uint32
	HasSequence  bool
	ComponentID  uint32
	HasComponent bool
}

// Message returns the optional parts of a MESSAGE record read from a file. It is empty for
// other kinds.
func (r *Record) Message() Message {
	var m Message
	if r.Kind != KindMessage || len(r.Raw) < messageHeader(r.Flags) {
		return m
	}
	pos := 8
	if r.Flags&MessageSequence != 0 {
		m.Sequence, m.HasSequence = binary.LittleEndian.Uint32(r.Raw[pos:]), true
		pos += 4
	}
	if r.Flags&MessageComponentID != 0 {
		m.ComponentID, m.HasComponent = binary.LittleEndian.Uint32(r.Raw[pos:]), true
	}
	return m
}

// Instance returns what an INSTANCE32/64 record read from a file says of its instance and its
// parent (EVENT_INSTANCE_GUID_HEADER). ok is false for other kinds.
func (r *Record) Instance() (id, parent uint32, parentClass GUID, ok bool) {
	if r.Kind != KindInstance32 && r.Kind != KindInstance64 || len(r.Raw) < 72 {
		return 0, 0, GUID{}, false
	}
	return binary.LittleEndian.Uint32(r.Raw[48:]), binary.LittleEndian.Uint32(r.Raw[52:]), GUID(r.Raw[56:72]), true
}
