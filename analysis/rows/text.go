// Package rows shows rows of a trace to people and to other tools: as text, JSON and CSV,
// and picks those that somebody asked for.
package rows

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// timeLayout is how all outputs of the toolkit write the time of a row: UTC, nine digits.
const timeLayout = "2006-01-02T15:04:05.000000000Z"

func appendTime(b []byte, ns int64) []byte {
	return time.Unix(0, ns).UTC().AppendFormat(b, timeLayout)
}

// Time is a time of a trace, nanoseconds since the Unix epoch, as text.
func Time(ns int64) string { return string(appendTime(nil, ns)) }

// Hex is a handle or context as text: 0x and lower-case digits.
func Hex(v uint64) string { return "0x" + strconv.FormatUint(v, 16) }

// Count is a number of things as text: "1 event", "2 events", "2 processes".
func Count[N int | int64 | uint64](n N, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if strings.HasSuffix(what, "s") {
		what += "e"
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Safe makes s harmless on a terminal: what is not printable (control characters, escape
// sequences, marks that reverse the direction of text, bytes that are no UTF-8) becomes an
// escape like \x1b or \u202e.
func Safe(s string) string {
	if isSafe(s) {
		return s
	}
	return string(appendSafe(nil, []byte(s)))
}

func isSafe(s string) bool {
	for _, r := range s {
		if !printable(r) {
			return false
		}
	}
	return true
}

func printable(r rune) bool { return r == ' ' || r != utf8.RuneError && unicode.IsPrint(r) }

func appendSafe(b, s []byte) []byte {
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		switch {
		case r == utf8.RuneError && n == 1:
			b = fmt.Appendf(b, `\x%02x`, s[0])
		case printable(r):
			b = append(b, s[:n]...)
		case r < 0x80:
			b = fmt.Appendf(b, `\x%02x`, r)
		case r < 0x10000:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = fmt.Appendf(b, `\U%08x`, r)
		}
		s = s[n:]
	}
	return b
}

// handles are the columns that hold handles and contexts, in the order of the schema.
var handles = [...]struct {
	name  string
	has   format.Fields
	value func(*format.Event) uint64
}{
	{"adapter", format.HasAdapter, func(e *format.Event) uint64 { return e.Adapter }},
	{"binding", format.HasBinding, func(e *format.Event) uint64 { return e.Binding }},
	{"af", format.HasAF, func(e *format.Event) uint64 { return e.AF }},
	{"sap", format.HasSAP, func(e *format.Event) uint64 { return e.SAP }},
	{"vc", format.HasVC, func(e *format.Event) uint64 { return e.VC }},
	{"party", format.HasParty, func(e *format.Event) uint64 { return e.Party }},
	{"context", format.HasContext, func(e *format.Event) uint64 { return e.Context }},
	{"context2", format.HasContext2, func(e *format.Event) uint64 { return e.Context2 }},
}

// AppendText appends e as one line without its end: seq, time, phase, function, then what
// the row carries as key=value. Statuses and address families are named without their
// prefixes; nothing in it is unsafe for a terminal.
func AppendText(b []byte, e *format.Event) []byte { return appendText(b, e, false) }

// AppendBrief is AppendText without what only matters to somebody who looks at one row:
// call, processor, process, and the IRQL if it is PASSIVE_LEVEL.
func AppendBrief(b []byte, e *format.Event) []byte { return appendText(b, e, true) }

func appendText(b []byte, e *format.Event, brief bool) []byte {
	b = fmt.Appendf(b, "%6d ", e.Seq)
	b = appendTime(b, e.TS)
	b = fmt.Appendf(b, " %-6s ", e.Phase)
	word := func(key string) {
		b = append(b, ' ')
		b = append(b, key...)
		b = append(b, '=')
	}
	if e.Phase == format.PhaseGap {
		b = append(b, "events lost"...)
		if e.Has&format.HasLost != 0 {
			word("lost")
			b = strconv.AppendUint(b, e.Lost, 10)
		}
	} else {
		b = append(b, e.Function.String()...)
	}
	if e.Has&format.HasStatus != 0 {
		word("status")
		b = append(b, strings.TrimPrefix(ndis.Status(e.Status).String(), "NDIS_STATUS_")...)
	}
	if e.Has&format.HasDriver != 0 {
		word("driver")
		b = appendLabel(b, e.Driver)
	}
	if e.Has&format.HasAFType != 0 {
		word("af_type")
		b = append(b, ndis.AFType(e.AFType).String()...)
		if e.Has&(format.HasAFMajor|format.HasAFMinor) != 0 {
			b = fmt.Appendf(b, " version=%d.%d", e.AFMajor, e.AFMinor)
		}
	}
	for _, h := range handles {
		if e.Has&h.has != 0 {
			word(h.name)
			b = append(b, Hex(h.value(e))...)
		}
	}
	for _, n := range []struct {
		name   string
		has    format.Fields
		value  uint64
		detail bool
	}{
		{"call", format.HasCallID, e.CallID, true},
		{"cpu", format.HasCPU, uint64(e.CPU), true},
		{"pid", format.HasPID, uint64(e.PID), true},
		{"tid", format.HasTID, e.TID, false},
	} {
		if e.Has&n.has != 0 && !(brief && n.detail) {
			word(n.name)
			b = strconv.AppendUint(b, n.value, 10)
		}
	}
	if e.Has&format.HasIRQL != 0 && !(brief && e.IRQL == uint8(ndis.PassiveLevel)) {
		word("irql")
		b = append(b, irqlText(e.IRQL)...)
	}
	if e.Has&format.HasDetail != 0 && e.Detail != "{}" {
		b = append(b, ' ')
		b = appendSafe(b, []byte(e.Detail))
	}
	return b
}

func irqlText(i uint8) string {
	switch ndis.IRQL(i) {
	case ndis.PassiveLevel:
		return "PASSIVE"
	case ndis.APCLevel:
		return "APC"
	case ndis.DispatchLevel:
		return "DISPATCH"
	}
	return strconv.Itoa(int(i))
}

// appendLabel appends a driver label, quoted if it could be mistaken for more than a word.
func appendLabel(b []byte, label string) []byte {
	if label != "" && !strings.ContainsAny(label, " \"=") {
		return appendSafe(b, []byte(label))
	}
	b = append(b, '"')
	b = appendSafe(b, bytes.ReplaceAll([]byte(label), []byte(`"`), []byte(`\"`)))
	return append(b, '"')
}
