package etl

import (
	"encoding/binary"
	"fmt"
	"time"
	"unicode/utf16"
)

// Header is TRACE_LOGFILE_HEADER: the payload of the first record of a file.
type Header struct {
	BufferSize      uint32  // bytes of a buffer of the session
	Version         [4]byte // of the file: major, minor, sub, sub-minor
	OSBuild         uint32  // ProviderVersion
	Processors      uint32
	TimerResolution uint32 // 100 ns units
	MaximumFileSize uint32 // MB, 0 if unlimited
	Mode            uint32 // LogFileMode, see the Mode constants
	BuffersWritten  uint32 // stale if the session did not end properly
	StartBuffers    uint32
	PointerSize     uint8 // of the host: 4 or 8 bytes
	EventsLost      uint32
	BuffersLost     uint32
	CPUMHz          uint32

	Start time.Time // UTC
	End   time.Time // UTC; zero if the session did not end properly. Records may lie after it
	Boot  time.Time // UTC

	Clock      ClockType // ReservedFlags
	PerfFreq   int64     // performance counter ticks a second
	StartClock int64     // raw clock at Start: the time field of the header record

	// ClockKnown says that Clock and its frequency give the length of a tick. Otherwise
	// Record.Time is a guess (PerfFreq if there is one, else 100 ns) and only Record.Clock
	// can be relied on.
	ClockKnown bool

	TimeZoneBias int32 // minutes; UTC = local time + bias
	LoggerName   string
	LogFileName  string
}

// Bits of Header.Mode ("Logging Mode Constants").
const (
	ModeSequential = 0x00000001 // EVENT_TRACE_FILE_MODE_SEQUENTIAL
	ModeCircular   = 0x00000002 // EVENT_TRACE_FILE_MODE_CIRCULAR: file order is not time order
	ModeAppend     = 0x00000004 // EVENT_TRACE_FILE_MODE_APPEND
	ModeCompressed = 0x04000000 // EVENT_TRACE_COMPRESSED_MODE
)

// VersionString is the file version as in "10.0.1.5".
func (h *Header) VersionString() string {
	return fmt.Sprintf("%d.%d.%d.%d", h.Version[0], h.Version[1], h.Version[2], h.Version[3])
}

// Nanoseconds converts a raw clock value of the session to nanoseconds since the Unix epoch.
func (h *Header) Nanoseconds(clock int64) int64 {
	tb, _ := newTimebase(timeFile(h.Start), h.StartClock, h.Clock, h.PerfFreq, h.CPUMHz)
	return tb.ns(clock)
}

// timeFile is the reverse of fileTime.
func timeFile(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()*1e7 + int64(t.Nanosecond())/100 + unixEpoch
}

const (
	logfileRecord = 32  // bytes of the SYSTEM32/64 header before TRACE_LOGFILE_HEADER
	logfileFixed4 = 272 // bytes of TRACE_LOGFILE_HEADER with pointers of 4 bytes
	logfileFixed8 = 280 // with pointers of 8 bytes
)

// isLogfileRecord says whether b starts with a record header of a TRACE_LOGFILE_HEADER.
func isLogfileRecord(b []byte) bool {
	return len(b) >= 8 && b[3] == flagsEvent && (b[2] == typeSystem32 || b[2] == typeSystem64) &&
		b[6] == 0 && b[7] == 0
}

// parseHeader reads the log file header from the record at the start of b, which is as much of
// the first buffer as there is.
func parseHeader(b []byte) (h Header, tb timebase, err error) {
	if !isLogfileRecord(b) {
		return h, tb, ErrNotETL
	}
	size := int(binary.LittleEndian.Uint16(b[4:]))
	if size < logfileRecord+logfileFixed4 {
		return h, tb, fmt.Errorf("%w: its log file header has %d bytes", ErrCorrupt, size)
	}
	if size > len(b) {
		// The names at the end may be missing, the rest must be there.
		if len(b) < logfileRecord+logfileFixed8 {
			return h, tb, fmt.Errorf("%w: it ends inside the log file header", ErrCorrupt)
		}
		size = len(b)
	}
	p := b[logfileRecord:size]
	u32 := func(off int) uint32 { return binary.LittleEndian.Uint32(p[off:]) }
	i64 := func(off int) int64 { return int64(binary.LittleEndian.Uint64(p[off:])) }
	h = Header{
		BufferSize: u32(0), Version: [4]byte(p[4:8]), OSBuild: u32(8), Processors: u32(12),
		End: fileTime(i64(16)), TimerResolution: u32(24), MaximumFileSize: u32(28), Mode: u32(32),
		BuffersWritten: u32(36), StartBuffers: u32(40), EventsLost: u32(48), CPUMHz: u32(52),
	}
	fixed := logfileFixed8
	h.PointerSize = 8
	if n := u32(44); n == 4 || n != 8 && b[2] == typeSystem32 {
		h.PointerSize, fixed = 4, logfileFixed4
	}
	if len(p) < fixed {
		return h, tb, fmt.Errorf("%w: its log file header has %d bytes", ErrCorrupt, size)
	}
	h.TimeZoneBias = int32(u32(56 + 2*int(h.PointerSize)))
	h.Boot = fileTime(i64(fixed - 32))
	h.PerfFreq = i64(fixed - 24)
	start := i64(fixed - 16)
	h.Start = fileTime(start)
	h.Clock = ClockType(u32(fixed - 8))
	h.BuffersLost = u32(fixed - 4)
	h.StartClock = int64(binary.LittleEndian.Uint64(b[16:]))
	rest := p[fixed:]
	h.LoggerName, rest = cutUTF16(rest)
	h.LogFileName, _ = cutUTF16(rest)
	tb, h.ClockKnown = newTimebase(start, h.StartClock, h.Clock, h.PerfFreq, h.CPUMHz)
	return h, tb, nil
}

// cutUTF16 reads a string up to its NUL or the end of b.
func cutUTF16(b []byte) (string, []byte) {
	var u []uint16
	for len(b) >= 2 {
		c := binary.LittleEndian.Uint16(b)
		b = b[2:]
		if c == 0 {
			break
		}
		u = append(u, c)
	}
	return string(utf16.Decode(u)), b
}
