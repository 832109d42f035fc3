package format

import (
	"errors"
	"fmt"
	"strings"
)

// Why an input was refused. Every refusal is an *Error that wraps one of these, or the
// error of the operating system.
var (
	// ErrNotTrace: not an Arrow IPC file or stream, or one without the columns of a trace.
	ErrNotTrace = errors.New("not a trace")
	// ErrSchema: an Arrow file whose columns do not have the types that a trace may have,
	// or that uses a feature of Arrow that traces do not.
	ErrSchema = errors.New("schema not accepted")
	// ErrCorrupt: a length, offset or value contradicts the rest of the input.
	ErrCorrupt = errors.New("corrupt trace")
	// ErrTooLarge: reading on would need more memory than ReaderOptions allows.
	ErrTooLarge = errors.New("batch too large")
	// ErrVersion: a trace, but of a schema version that this package does not know.
	ErrVersion = errors.New("unknown schema version")
	// ErrDifferentBoot: traces of different hosts or boots cannot be merged, because a
	// handle value means nothing outside the boot it was seen in.
	ErrDifferentBoot = errors.New("traces of different boots")
	// ErrEvent: the Writer refused an event; nothing was written of it.
	ErrEvent = errors.New("event refused")
)

// Error says which input was refused, where, why, and what can be done about it.
type Error struct {
	Path   string // name of the input, "-" is standard input
	Offset int64  // byte in the input at which the refused part begins; -1 if it has no place
	Reason string // what is wrong, without the path
	Hint   string // what to do, may be empty
	Err    error  // one of the sentinels above or an error of the operating system
}

// Error is one line: path, offset, reason and hint.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Path)
	if e.Offset > 0 {
		fmt.Fprintf(&b, ": at byte %d", e.Offset)
	}
	b.WriteString(": ")
	b.WriteString(e.Reason)
	if e.Hint != "" {
		b.WriteString(" (")
		b.WriteString(e.Hint)
		b.WriteString(")")
	}
	return b.String()
}

// Unwrap returns the cause, for errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }
