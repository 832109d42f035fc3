package host

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/aftrace/aftrace/collect/etl"
)

// SessionName is the name of our sessions, and the prefix of the names of further ones.
const SessionName = "aftrace"

// Ours says whether a session has a name that this program gives.
func Ours(name string) bool {
	rest, ok := strings.CutPrefix(strings.ToLower(name), SessionName)
	return ok && (rest == "" || rest[0] == '-')
}

// Modes of a session ("Logging Mode Constants").
const (
	ModeSequential = etl.ModeSequential
	ModeCircular   = etl.ModeCircular
	ModeRealTime   = 0x00000100
)

// Settings is what a session is asked to be. Zero leaves it to the system.
type Settings struct {
	Name       string `json:"name"`
	Mode       uint32 `json:"mode"`
	File       string `json:"file,omitempty"`
	BufferKB   uint32 `json:"buffer_kb"`
	MinBuffers uint32 `json:"min_buffers"`           // allocated when the session starts, for all processors together
	MaxBuffers uint32 `json:"max_buffers"`           // allocated at most, likewise
	MaxFileMB  uint32 `json:"max_file_mb,omitempty"` // of one file
	FlushSec   uint32 `json:"flush_s"`
}

// Limits of settings.
const (
	MaxBufferKB = 1 << 14 // of a buffer; ETW has 16 MB since Windows 8
	maxBuffers  = 1 << 16
	maxName     = 1024 // characters, ETW's limit
)

// check refuses what the system would refuse or misunderstand.
func (s *Settings) check() error {
	switch {
	case s.Name == "" || len(utf16.Encode([]rune(s.Name))) >= maxName || strings.ContainsAny(s.Name, "\\/:*?\"<>|\x00"):
		return fail(ErrUsage, "session name %q: want a name without \\ / : * ? \" < > |, shorter than %d characters", s.Name, maxName)
	case s.BufferKB > MaxBufferKB:
		return fail(ErrUsage, "buffers of %d KB: want at most %d", s.BufferKB, MaxBufferKB)
	case s.MinBuffers > maxBuffers || s.MaxBuffers > maxBuffers:
		return fail(ErrUsage, "%d buffers: want at most %d", max(s.MinBuffers, s.MaxBuffers), maxBuffers)
	case s.MaxBuffers != 0 && s.MaxBuffers < s.MinBuffers:
		return fail(ErrUsage, "at most %d buffers, at least %d: the first must not be smaller", s.MaxBuffers, s.MinBuffers)
	case s.Mode&(ModeSequential|ModeCircular) != 0 && s.File == "":
		return fail(ErrUsage, "a session in file mode needs a file")
	case s.Mode&ModeCircular != 0 && s.MaxFileMB == 0:
		return fail(ErrUsage, "a circular file needs a size")
	case len(utf16.Encode([]rune(s.File))) >= maxName || strings.ContainsRune(s.File, 0):
		return fail(ErrUsage, "file name: want one shorter than %d characters, without NUL", maxName)
	}
	return nil
}

// Session is a session as the system describes it: what it was granted, and its counts.
type Session struct {
	Name       string `json:"name"`
	File       string `json:"file,omitempty"`
	Mode       uint32 `json:"mode"`
	BufferKB   uint32 `json:"buffer_kb"`
	MinBuffers uint32 `json:"min_buffers"`
	MaxBuffers uint32 `json:"max_buffers"`
	MaxFileMB  uint32 `json:"max_file_mb,omitempty"`
	FlushSec   uint32 `json:"flush_s"`
	Clock      uint32 `json:"clock"` // ClientContext: 1 QPC, 2 system time, 3 CPU cycles

	Buffers             uint32 `json:"buffers"` // allocated
	FreeBuffers         uint32 `json:"free_buffers"`
	BuffersWritten      uint32 `json:"buffers_written"`
	EventsLost          uint32 `json:"events_lost"`
	LogBuffersLost      uint32 `json:"log_buffers_lost"`       // could not be written to the file
	RealTimeBuffersLost uint32 `json:"real_time_buffers_lost"` // could not be delivered

	Handle uint64 `json:"-"`
}

// BuffersLost is how many buffers were neither written nor delivered.
func (s *Session) BuffersLost() uint64 {
	return uint64(s.LogBuffersLost) + uint64(s.RealTimeBuffersLost)
}

// ModeText names the bits of a mode that are known here.
func ModeText(mode uint32) string {
	names := []struct {
		bit  uint32
		name string
	}{
		{ModeSequential, "sequential file"}, {ModeCircular, "circular file"}, {etl.ModeAppend, "append"}, {0x8, "new file"},
		{0x20, "preallocate"}, {0x80, "secure"}, {ModeRealTime, "real time"}, {0x400, "buffering"}, {0x800, "private"},
		{0x20000, "private in process"}, {0x8000000, "stop on hybrid shutdown"}, {0x10000000, "no per-processor buffering"},
		{etl.ModeCompressed, "compressed"}, {0x02000000, "system logger"}, {0x00800000, "independent"}, {0x01000000, "paged memory"},
	}
	var s []string
	for _, n := range names {
		if mode&n.bit != 0 {
			s = append(s, n.name)
			mode &^= n.bit
		}
	}
	if mode != 0 || s == nil {
		s = append(s, fmt.Sprintf("0x%x", mode))
	}
	return strings.Join(s, ", ")
}

// Control is the session control of a system. It is safe for concurrent use.
type Control interface {
	// Start starts a session. Its error wraps ErrExists, ErrPrivilege, ErrSlots, ErrPath or
	// ErrDisk.
	Start(Settings) (Session, error)
	// Query says what a session was granted and counts.
	Query(name string) (Session, error)
	// Update changes what can be changed of a session that runs: most buffers and the time
	// between flushes.
	Update(Settings) (Session, error)
	// Flush makes a session deliver or write its buffers.
	Flush(name string) error
	// Stop ends a session and returns its final counts.
	Stop(name string) (Session, error)
	// List returns the sessions that run, ours or not.
	List() ([]Session, error)
	// Enable enables a provider for a session, or changes its keywords and level.
	Enable(s Session, p Provider) error
	// Disable ends it.
	Disable(s Session, p Provider) error
}

// Layout of EVENT_TRACE_PROPERTIES on 64-bit Windows: WNODE_HEADER (48 bytes), then numbers,
// a handle and the offsets of the names that follow. The offsets of fields are in
// session_test.go, beside those that C gives.
const (
	propWnodeSize    = 0  // u32, all bytes
	propHandle       = 8  // u64, Wnode.HistoricalContext: out
	propClock        = 40 // u32, Wnode.ClientContext
	propWnodeFlags   = 44 // u32
	propBufferKB     = 48
	propMinBuffers   = 52
	propMaxBuffers   = 56
	propMaxFileMB    = 60
	propMode         = 64
	propFlushTimer   = 68
	propEnableFlags  = 72
	propAgeLimit     = 76
	propBuffers      = 80
	propFreeBuffers  = 84
	propEventsLost   = 88
	propWritten      = 92
	propLogLost      = 96
	propRTLost       = 100
	propLoggerThread = 104 // HANDLE
	propFileOffset   = 112
	propNameOffset   = 116
	propSize         = 120

	nameBytes  = 2 * maxName
	propBytes  = propSize + 2*nameBytes
	tracedGUID = 0x00020000 // WNODE_FLAG_TRACED_GUID
	clockQPC   = 1
)

// properties makes the EVENT_TRACE_PROPERTIES that asks for s, with room for both names.
func (s *Settings) properties() []byte {
	b := make([]byte, propBytes)
	put := func(off int, v uint32) { binary.LittleEndian.PutUint32(b[off:], v) }
	put(propWnodeSize, propBytes)
	put(propClock, clockQPC)
	put(propWnodeFlags, tracedGUID)
	put(propBufferKB, s.BufferKB)
	put(propMinBuffers, s.MinBuffers)
	put(propMaxBuffers, s.MaxBuffers)
	put(propMaxFileMB, s.MaxFileMB)
	put(propMode, s.Mode)
	put(propFlushTimer, s.FlushSec)
	put(propNameOffset, propSize)
	if s.File != "" {
		put(propFileOffset, propSize+nameBytes)
		for i, c := range utf16.Encode([]rune(s.File)) {
			binary.LittleEndian.PutUint16(b[propSize+nameBytes+2*i:], c)
		}
	}
	return b
}

// parseSession reads EVENT_TRACE_PROPERTIES as the system filled it.
func parseSession(b []byte) Session {
	if len(b) < propSize {
		return Session{}
	}
	get := func(off int) uint32 { return binary.LittleEndian.Uint32(b[off:]) }
	return Session{
		Name: text16(b, get(propNameOffset)), File: text16(b, get(propFileOffset)),
		Mode: get(propMode), BufferKB: get(propBufferKB), MinBuffers: get(propMinBuffers), MaxBuffers: get(propMaxBuffers),
		MaxFileMB: get(propMaxFileMB), FlushSec: get(propFlushTimer), Clock: get(propClock),
		Buffers: get(propBuffers), FreeBuffers: get(propFreeBuffers), BuffersWritten: get(propWritten),
		EventsLost: get(propEventsLost), LogBuffersLost: get(propLogLost), RealTimeBuffersLost: get(propRTLost),
		Handle: binary.LittleEndian.Uint64(b[propHandle:]),
	}
}

// text16 is the NUL-terminated UTF-16 text at an offset; "" if there is none.
func text16(b []byte, off uint32) string {
	if off < propSize || int(off) >= len(b) {
		return ""
	}
	var u []uint16
	for b = b[off:]; len(b) >= 2; b = b[2:] {
		c := binary.LittleEndian.Uint16(b)
		if c == 0 {
			break
		}
		u = append(u, c)
	}
	return string(utf16.Decode(u))
}

// enableParameters is ENABLE_TRACE_PARAMETERS on 64-bit Windows, version 2, that filters
// nothing.
type enableParameters struct {
	Version        uint32
	EnableProperty uint32
	ControlFlags   uint32
	SourceID       [16]byte
	FilterDesc     uintptr
	FilterCount    uint32
}
