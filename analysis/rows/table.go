package rows

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/aftrace/aftrace/format"
)

// Format is an output of rows.
type Format string

const (
	Text Format = "text" // one line a row, for people
	JSON Format = "json" // one object a row and line
	CSV  Format = "csv"  // RFC 4180 with a header line
)

// Writer writes rows. It does not buffer, but for CSV: call Flush at the end.
type Writer interface {
	Write(e *format.Event) error
	Flush() error
}

// NewWriter returns a Writer of a format. The header of CSV is written at once, so that a
// table without rows has one too.
func NewWriter(w io.Writer, f Format) (Writer, error) {
	switch f {
	case Text:
		return &lineWriter{w: w, appendRow: AppendText}, nil
	case JSON:
		return &lineWriter{w: w, appendRow: AppendJSON}, nil
	case CSV:
		c := &csvWriter{w: csv.NewWriter(w), cells: make([]string, len(columns))}
		for i := range columns {
			c.cells[i] = columns[i].name
		}
		return c, c.w.Write(c.cells)
	}
	return nil, fmt.Errorf("unknown format %q: want text, json or csv", f)
}

type lineWriter struct {
	w         io.Writer
	appendRow func([]byte, *format.Event) []byte
	line      []byte
}

func (l *lineWriter) Write(e *format.Event) error {
	l.line = append(l.appendRow(l.line[:0], e), '\n')
	_, err := l.w.Write(l.line)
	return err
}

func (l *lineWriter) Flush() error { return nil }

type csvWriter struct {
	w     *csv.Writer
	cells []string
	cell  []byte
}

func (c *csvWriter) Write(e *format.Event) error {
	for i := range columns {
		col := &columns[i]
		if c.cells[i] = ""; col.has != 0 && e.Has&col.has == 0 {
			continue
		}
		c.cell = col.value(c.cell[:0], e)
		c.cells[i] = string(c.cell)
	}
	return c.w.Write(c.cells)
}

func (c *csvWriter) Flush() error {
	c.w.Flush()
	return c.w.Error()
}

// kind is how JSON writes the text of a cell.
type kind uint8

const (
	number kind = iota // as it is
	plain              // a string that needs no escaping
	text               // any string
	object             // a JSON object
)

// columns are those of the schema, in its order. has is 0 if the column is never null.
var columns = func() []column {
	uintColumn := func(name string, has format.Fields, v func(*format.Event) uint64) column {
		return column{name, has, number, func(b []byte, e *format.Event) []byte { return strconv.AppendUint(b, v(e), 10) }}
	}
	cols := []column{
		uintColumn("seq", 0, func(e *format.Event) uint64 { return e.Seq }),
		{"ts", 0, plain, func(b []byte, e *format.Event) []byte { return appendTime(b, e.TS) }},
		{"ticks", format.HasTicks, number, func(b []byte, e *format.Event) []byte { return strconv.AppendInt(b, e.Ticks, 10) }},
		uintColumn("cpu", format.HasCPU, func(e *format.Event) uint64 { return uint64(e.CPU) }),
		uintColumn("pid", format.HasPID, func(e *format.Event) uint64 { return uint64(e.PID) }),
		uintColumn("tid", format.HasTID, func(e *format.Event) uint64 { return e.TID }),
		uintColumn("irql", format.HasIRQL, func(e *format.Event) uint64 { return uint64(e.IRQL) }),
		{"phase", 0, plain, func(b []byte, e *format.Event) []byte { return append(b, e.Phase.String()...) }},
		{"function", 0, plain, func(b []byte, e *format.Event) []byte { return append(b, e.Function.String()...) }},
		uintColumn("call_id", format.HasCallID, func(e *format.Event) uint64 { return e.CallID }),
		{"driver", format.HasDriver, text, func(b []byte, e *format.Event) []byte { return append(b, e.Driver...) }},
	}
	for _, h := range handles {
		cols = append(cols, column{h.name, h.has, plain, func(b []byte, e *format.Event) []byte { return append(b, Hex(h.value(e))...) }})
	}
	return append(cols,
		uintColumn("af_type", format.HasAFType, func(e *format.Event) uint64 { return uint64(e.AFType) }),
		uintColumn("af_major", format.HasAFMajor, func(e *format.Event) uint64 { return uint64(e.AFMajor) }),
		uintColumn("af_minor", format.HasAFMinor, func(e *format.Event) uint64 { return uint64(e.AFMinor) }),
		uintColumn("status", format.HasStatus, func(e *format.Event) uint64 { return uint64(e.Status) }),
		uintColumn("lost", format.HasLost, func(e *format.Event) uint64 { return e.Lost }),
		column{"source", 0, plain, func(b []byte, e *format.Event) []byte { return append(b, e.Source.String()...) }},
		column{"detail", format.HasDetail, object, func(b []byte, e *format.Event) []byte { return append(b, e.Detail...) }},
	)
}()

type column struct {
	name  string
	has   format.Fields
	kind  kind
	value func([]byte, *format.Event) []byte
}

// AppendJSON appends e as one JSON object. Its keys are the columns of the schema in their
// order; a null column is left out. Handles and contexts are hex strings, the time is a
// string (RFC 3339, UTC, nanoseconds), detail is an object.
func AppendJSON(b []byte, e *format.Event) []byte {
	b = append(b, '{')
	for i := range columns {
		col := &columns[i]
		if col.has != 0 && e.Has&col.has == 0 {
			continue
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, col.name...)
		b = append(b, `":`...)
		switch col.kind {
		case number:
			b = col.value(b, e)
		case plain:
			b = append(b, '"')
			b = col.value(b, e)
			b = append(b, '"')
		case text:
			b = appendJSONString(b, string(col.value(nil, e)))
		case object:
			b = appendObject(b, e.Detail)
		}
	}
	return append(b, '}')
}

// appendObject appends the detail of a row: as an object, or as a string if it is not
// valid JSON, so that the line is.
func appendObject(b []byte, detail string) []byte {
	if !json.Valid([]byte(detail)) {
		return appendJSONString(b, detail)
	}
	return AppendPlainJSON(b, []byte(detail))
}

func appendJSONString(b []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings always marshal
	}
	return AppendPlainJSON(b, quoted)
}

// AppendPlainJSON appends valid JSON on one line and without the characters that terminals
// obey and JSON allows: line ends between tokens are dropped, DEL, the C1 controls and the
// marks that change the direction of text, which can only be inside strings, become escapes.
func AppendPlainJSON(b, js []byte) []byte {
	for _, r := range string(js) {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
		case r >= 0x20 && printable(r):
			b = append(b, string(r)...)
		case r < 0x10000:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = fmt.Appendf(b, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		}
	}
	return b
}
