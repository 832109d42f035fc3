package decode

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/format/ndis"
)

// isMessage says whether r is a WPP message: a MESSAGE record of a file, or what a live
// session makes of one.
func isMessage(r *etl.Record) bool {
	return r.Kind == etl.KindMessage || isEvent(r) && r.Flags&etl.FlagTraceMessage != 0
}

func isEvent(r *etl.Record) bool { return r.Kind == etl.KindEvent32 || r.Kind == etl.KindEvent64 }

// read decodes the arguments of a message into ev.Values.
func (m *Message) read(b []byte, pointer uint8, ev *Event) Failure {
	ev.arena, ev.Values, ev.Left, ev.Failure = ev.arena[:0], nil, 0, Failure{}
	if m.unknown != "" {
		ev.Failure = Failure{Reason: ReasonItem, Field: m.unknown}
		return ev.Failure
	}
	values := ev.alloc(len(m.Params))
	pos := 0
	for i := range m.Params {
		a := &m.Params[i]
		v := &values[i]
		v.Field = &a.Field
		n := a.value(v, b[pos:], pointer)
		if n < 0 {
			v.Kind = KindNull
			ev.Values, ev.Failure = values[:i], Failure{Reason: ReasonPayloadCut, Offset: pos, Field: a.Field.Name}
			return ev.Failure
		}
		pos += n
	}
	ev.Values = values
	if pos < len(b) {
		ev.Left, ev.Failure = len(b)-pos, Failure{Reason: ReasonPayloadLeft, Offset: pos}
	}
	return ev.Failure
}

// value reads an argument at the start of b. It returns how long it is, -1 if b ends
// before it does.
func (a *Parameter) value(v *Value, b []byte, pointer uint8) int {
	switch a.item {
	case itemFixed:
		size := int(inTypeSize[a.Field.In])
		if a.Field.In == InPointer {
			size = int(pointer)
		}
		if size > len(b) {
			return -1
		}
		v.set(a.Field.In, b[:size:size])
		return size
	case itemChar4:
		if len(b) < 4 {
			return -1
		}
		v.Kind, v.Bytes = KindText, bytes.TrimRight(b[:4], "\x00")
		return 4
	case itemString:
		n := bytes.IndexByte(b, 0)
		if n < 0 {
			return -1
		}
		v.Kind, v.Bytes = KindText, b[:n:n]
		return n + 1
	case itemWString:
		n := nul16(b)
		if n < 0 {
			return -1
		}
		v.Kind, v.Bytes = KindUTF16, b[:n:n]
		return n + 2
	case itemPString, itemPWString, itemHexDump:
		if len(b) < 2 {
			return -1
		}
		n := 2 + int(binary.LittleEndian.Uint16(b))
		if n > len(b) {
			return -1
		}
		v.Bytes = b[2:n:n]
		switch a.item {
		case itemPString:
			v.Kind = KindText
		case itemPWString:
			v.Kind = KindUTF16
		default:
			v.Kind = KindBinary
		}
		return n
	case itemSid:
		if len(b) < 8 {
			return -1
		}
		n := 8 + 4*int(b[1])
		if n > len(b) {
			return -1
		}
		v.Kind, v.Bytes = KindSID, b[:n:n]
		return n
	}
	return -1
}

// piece is a part of a message's text.
type piece struct {
	text  string // literal, if what is 0
	what  byte   // 'p' parameter, or one of the reserved ones
	param int    // index of Message.Params
	spec  printfSpec
}

// Reserved parameters and names of the text.
const (
	pieceParam    = 'p'
	pieceModule   = 'm'
	pieceType     = 'n'
	pieceTID      = 't'
	pieceTime     = 'T'
	pieceSequence = 's'
	piecePID      = 'P'
	pieceCPU      = 'c'
)

var reserved = map[int]byte{1: pieceModule, 2: pieceType, 3: pieceTID, 4: pieceTime, 7: pieceSequence, 8: piecePID, 9: pieceCPU}

// parseFormat splits the text of a message. What it cannot make sense of stays as it is.
func parseFormat(m *Message) []piece {
	s := m.Format
	if strings.HasPrefix(s, "%0") && !strings.HasPrefix(s, "%0!") {
		s = strings.TrimPrefix(s[2:], " ")
	}
	var list []piece
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			list = append(list, piece{text: text.String()})
			text.Reset()
		}
	}
	for i := 0; i < len(s); {
		if s[i] != '%' {
			text.WriteByte(s[i])
			i++
			continue
		}
		rest := s[i+1:]
		switch {
		case strings.HasPrefix(rest, "%"):
			text.WriteByte('%')
			i += 2
			continue
		case strings.HasPrefix(rest, "!"):
			if end := strings.IndexByte(rest[1:], '!'); end >= 0 {
				if value, ok := m.named(rest[1 : 1+end]); ok {
					text.WriteString(value)
					i += 3 + end
					continue
				}
			}
		default:
			digits := 0
			for digits < len(rest) && digits < 4 && rest[digits] >= '0' && rest[digits] <= '9' {
				digits++
			}
			n, err := strconv.Atoi(rest[:digits])
			if err != nil {
				break
			}
			spec, length := printfSpec{conv: 's'}, digits
			if digits < len(rest) && rest[digits] == '!' {
				if end := strings.IndexByte(rest[digits+1:], '!'); end >= 0 {
					spec, length = parseSpec(rest[digits+1:digits+1+end]), digits+2+end
				}
			}
			pc := piece{what: reserved[n], spec: spec}
			for k := range m.Params {
				if n >= 10 && m.Params[k].Index == n {
					pc.what, pc.param = pieceParam, k
					break
				}
			}
			if pc.what == 0 {
				break
			}
			flush()
			list = append(list, pc)
			i += 1 + length
			continue
		}
		text.WriteByte('%')
		i++
	}
	flush()
	return list
}

// named is the value of %!NAME!.
func (m *Message) named(name string) (string, bool) {
	switch name {
	case "FUNC":
		return m.Function, true
	case "LEVEL":
		return m.Level, true
	case "FLAGS", "KEYWORDS":
		return m.Flags, true
	case "FILE":
		return m.Source, true
	case "MOD":
		return m.Module, true
	case "LINE", "TYP", "STDPREFIX":
		return m.Name, true
	}
	return "", false
}

// printfSpec is a conversion of printf.
type printfSpec struct {
	minus, plus, space, sharp, zero bool
	width, precision                int // precision -1 if there is none
	conv                            byte
}

const maxWidth = 256

// parseSpec reads what is between the exclamation marks: flags, width, precision, size and
// conversion. The size is known from the item type, so it is read over.
func parseSpec(s string) printfSpec {
	f := printfSpec{precision: -1, conv: 's'}
	i := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '-':
			f.minus = true
			continue
		case '+':
			f.plus = true
			continue
		case ' ':
			f.space = true
			continue
		case '#':
			f.sharp = true
			continue
		case '0':
			f.zero = true
			continue
		}
		break
	}
	number := func() (n int) {
		for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
			n = min(10*n+int(s[i]-'0'), maxWidth)
		}
		return n
	}
	f.width = number()
	if i < len(s) && s[i] == '.' {
		i++
		f.precision = number()
	}
	for _, size := range []string{"I64", "I32", "I", "hh", "h", "ll", "l", "w", "L", "z", "j", "t"} {
		if len(s)-i > len(size) && s[i:i+len(size)] == size {
			i += len(size)
			break
		}
	}
	if i < len(s) {
		f.conv = s[i]
	}
	return f
}

// AppendMessage appends the text of a WPP message with its arguments; those that are
// missing from values are shown as "?".
func (m *Message) AppendMessage(b []byte, r *etl.Record, values []Value) []byte {
	for i := range m.pieces {
		pc := &m.pieces[i]
		var v Value
		switch pc.what {
		case 0:
			b = append(b, pc.text...)
			continue
		case pieceParam:
			if pc.param >= len(values) {
				b = append(b, '?')
				continue
			}
			b = pc.spec.append(b, &values[pc.param], r.Pointer)
			continue
		case pieceModule:
			v = Value{Kind: KindText, Bytes: []byte(m.Module)}
		case pieceType:
			v = Value{Kind: KindText, Bytes: []byte(m.Name)}
		case pieceTime:
			v = Value{Kind: KindText, Bytes: time.Unix(0, r.Time).UTC().AppendFormat(nil, time.RFC3339Nano)}
		case pieceTID:
			v = Value{Kind: KindUint, Num: uint64(r.TID)}
		case piecePID:
			v = Value{Kind: KindUint, Num: uint64(r.PID)}
		case pieceCPU:
			v = Value{Kind: KindUint, Num: uint64(r.CPU)}
		case pieceSequence:
			v = Value{Kind: KindUint, Num: uint64(r.Message().Sequence)}
		}
		b = pc.spec.append(b, &v, r.Pointer)
	}
	return b
}

// append formats a value as printf would. What does not go together, as text with %d, is
// shown as the value is.
func (f *printfSpec) append(b []byte, v *Value, pointer uint8) []byte {
	start := len(b)
	switch {
	case v.Kind == KindFloat32 || v.Kind == KindFloat64:
		b = f.appendFloat(b, v.Float())
	case !v.isNumber():
		b = v.AppendText(b)
		if f.precision >= 0 && strings.IndexByte("sSZ", f.conv) >= 0 {
			for i, n := start, 0; i < len(b); n++ {
				if n == f.precision {
					b = b[:i]
					break
				}
				_, size := utf8.DecodeRune(b[i:])
				i += size
			}
		}
	default:
		b = f.appendNumber(b, v, pointer)
	}
	if pad := f.width - utf8.RuneCount(b[start:]); pad > 0 {
		if f.minus {
			return append(b, strings.Repeat(" ", pad)...)
		}
		b = append(b, strings.Repeat(" ", pad)...)
		copy(b[start+pad:], b[start:])
		for i := range pad {
			b[start+i] = ' '
		}
	}
	return b
}

func (v *Value) isNumber() bool {
	switch v.Kind {
	case KindInt, KindUint, KindBool, KindPointer, KindFileTime:
		return true
	}
	return false
}

// bits is how wide a number is.
func (v *Value) bits(pointer uint8) int {
	switch {
	case v.Kind == KindPointer:
		return 8 * int(pointer)
	case v.Field == nil:
		return 32
	}
	if n := 8 * int(inTypeSize[v.Field.In]); n > 0 {
		return n
	}
	return 64
}

func (f *printfSpec) appendNumber(b []byte, v *Value, pointer uint8) []byte {
	width := v.bits(pointer)
	u := v.Num
	if width < 64 {
		u &= 1<<width - 1
	}
	sign, prefix := "", ""
	var buf [24]byte // 22 octal digits
	digits := buf[:0]
	precision, zero := f.precision, f.zero && !f.minus && f.precision < 0
	switch f.conv {
	case 'd', 'i':
		n := int64(u << (64 - width))
		if n >>= 64 - width; n < 0 {
			sign, digits = "-", strconv.AppendUint(digits, -uint64(n), 10)
		} else {
			if f.plus {
				sign = "+"
			} else if f.space {
				sign = " "
			}
			digits = strconv.AppendInt(digits, n, 10)
		}
	case 'u':
		digits = strconv.AppendUint(digits, u, 10)
	case 'x', 'X':
		if digits = strconv.AppendUint(digits, u, 16); f.sharp && u != 0 {
			prefix = "0x"
		}
	case 'o':
		if digits = strconv.AppendUint(digits, u, 8); f.sharp && u != 0 {
			prefix = "0"
		}
	case 'p':
		digits, precision, zero = strconv.AppendUint(digits, u, 16), width/4, false
		upper(digits)
	case 'c', 'C':
		if u <= math.MaxInt32 && utf8.ValidRune(rune(u)) && u != 0 {
			return utf8.AppendRune(b, rune(u))
		}
		return append(b, '.')
	default:
		return v.AppendText(b)
	}
	if f.conv == 'X' {
		upper(digits)
		prefix = strings.ToUpper(prefix)
	}
	zeros := max(0, precision-len(digits))
	if n := f.width - len(sign) - len(prefix) - len(digits) - zeros; zero && n > 0 {
		zeros += n
	}
	b = append(append(b, sign...), prefix...)
	for range zeros {
		b = append(b, '0')
	}
	return append(b, digits...)
}

// upper makes hex digits upper case.
func upper(digits []byte) {
	for i, c := range digits {
		if c >= 'a' {
			digits[i] = c - 'a' + 'A'
		}
	}
}

func (f *printfSpec) appendFloat(b []byte, x float64) []byte {
	verb := f.conv
	switch verb {
	case 'e', 'E', 'f', 'g', 'G':
	case 'F':
		verb = 'f'
	default:
		verb = 'g'
	}
	precision := f.precision
	if precision < 0 && verb != 'g' && verb != 'G' {
		precision = 6
	}
	start := len(b)
	if f.plus && !(x < 0) {
		b = append(b, '+')
	}
	b = strconv.AppendFloat(b, x, verb, precision, 64)
	if pad := f.width - (len(b) - start); pad > 0 && f.zero && !f.minus {
		at := start
		if b[at] == '-' || b[at] == '+' {
			at++
		}
		b = append(b[:at], append(bytes.Repeat([]byte{'0'}, pad), b[at:]...)...)
	}
	return b
}

// AppendText appends a value for people: as AppendJSON, but texts without quotes, and
// statuses of NDIS with their names.
func (v *Value) AppendText(b []byte) []byte {
	if v.out() == OutNTStatus && v.isNumber() {
		b = append(b, "0x"...)
		var buf [8]byte
		digits := strconv.AppendUint(buf[:0], v.Num&math.MaxUint32, 16)
		upper(digits)
		b = append(append(b, "00000000"[len(digits):]...), digits...)
		if name := ndis.Status(v.Num).String(); !strings.HasPrefix(name, "0x") {
			b = append(append(append(b, '('), name...), ')')
		}
		return b
	}
	if s, ok := v.Text(); ok {
		return append(b, s...)
	}
	start := len(b)
	b = v.AppendJSON(b)
	if n := len(b); n-start >= 2 && b[start] == '"' && bytes.IndexByte(b[start:], '\\') < 0 {
		copy(b[start:], b[start+1:n-1])
		b = b[:n-2]
	}
	return b
}
