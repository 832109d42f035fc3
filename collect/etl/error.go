package etl

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrNotETL is wrapped by the error of Open and NewFile if the input does not start
	// with a buffer whose first record is a TRACE_LOGFILE_HEADER.
	ErrNotETL = errors.New("not an .etl file")

	// ErrCorrupt is wrapped if the input is an .etl file whose log file header cannot be
	// used. Damage after the header is not an error: see Stats.
	ErrCorrupt = errors.New("damaged .etl file")
)

// Error says what is wrong with which file, and where.
type Error struct {
	Path   string // as given to Open or NewFile
	Offset int64  // in the file, in bytes
	Reason string // what was found
	Hint   string // what the user can do about it; may be empty
	Err    error  // ErrNotETL, ErrCorrupt, or what the operating system said
}

// Error is one line: path, offset (if not 0), reason, cause and hint.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Path)
	b.WriteString(": ")
	if e.Offset != 0 {
		fmt.Fprintf(&b, "offset %d: ", e.Offset)
	}
	switch {
	case e.Err != nil && e.Reason != "":
		fmt.Fprintf(&b, "%v: %s", e.Err, e.Reason)
	case e.Err != nil:
		b.WriteString(e.Err.Error())
	default:
		b.WriteString(e.Reason)
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, " (%s)", e.Hint)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// signatures are the beginnings of files that are often mistaken for an .etl file.
var signatures = []struct{ magic, reason, hint string }{
	{"PK\x03\x04", "it looks like a zip archive", "unpack it first"},
	{"PK\x05\x06", "it looks like an empty zip archive", ""},
	{"\x1f\x8b", "it looks like a gzip file", "unpack it first"},
	{"MSCF", "it looks like a cabinet file", "unpack it first"},
	{"7z\xbc\xaf\x27\x1c", "it looks like a 7-Zip archive", "unpack it first"},
	{"\xfd7zXZ\x00", "it looks like an xz file", "unpack it first"},
	{"\x28\xb5\x2f\xfd", "it looks like a Zstandard file", "unpack it first"},
	{"ARROW1\x00\x00", "it looks like an Arrow file", "it may be a trace already, which aftrace info and aftrace cat read"},
	{"\xff\xff\xff\xff", "it looks like an Arrow stream", "it may be a trace already, which aftrace info and aftrace cat read"},
	{"PAR1", "it looks like a Parquet file", ""},
	{"ElfFile\x00", "it looks like an event log (.evtx)", "event logs hold no trace records"},
	{"\x7fELF", "it looks like a program", ""},
	{"MZ", "it looks like a Windows program", ""},
	{"Microsoft C/C++ MSF ", "it looks like a symbol file (.pdb)", ""},
	{"\x0a\x0d\x0d\x0a", "it looks like a packet capture (.pcapng)", ""},
	{"\xd4\xc3\xb2\xa1", "it looks like a packet capture (.pcap)", ""},
	{"%PDF", "it looks like a PDF document", ""},
	{"\xff\xfe", "it looks like UTF-16 text", ""},
	{"\xef\xbb\xbf", "it looks like UTF-8 text", ""},
}

// lookLike guesses from its first bytes what a file is that is not an .etl file.
func lookLike(b []byte) (reason, hint string) {
	for _, s := range signatures {
		if strings.HasPrefix(string(b), s.magic) {
			return s.reason, s.hint
		}
	}
	zero, text := true, true
	for _, c := range b {
		zero = zero && c == 0
		text = text && (c >= 0x20 && c < 0x7f || c == '\n' || c == '\r' || c == '\t' || c >= 0x80)
	}
	switch {
	case len(b) == 0:
		return "the file is empty", "the session may not have been stopped yet"
	case zero:
		return "it starts with zeroes", "the session may not have written its header"
	case text:
		return "it looks like text", ""
	}
	return "the first record is not a log file header", ""
}
