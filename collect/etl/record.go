package etl

import "fmt"

// GUID is a GUID in memory order (first three fields little-endian), as ETW stores it.
type GUID [16]byte

// String prints the usual form, lower case, without braces.
func (g GUID) String() string {
	return fmt.Sprintf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		g[3], g[2], g[1], g[0], g[5], g[4], g[7], g[6], g[8], g[9],
		g[10], g[11], g[12], g[13], g[14], g[15])
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
	HasClock bool
	Time     int64 // nanoseconds since the Unix epoch
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
}
