package decode

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// AppendJSON appends the event as a JSON object with the keys provider (if the event carries
// its name), event (if it has a name), fields and, if decoding stopped, failure. Nothing is lost: what JSON has
// no form for is written as {"hex":"…"} (text that is not valid), as a hex string
// (binary), or as text (numbers that are none). Fields whose name came before get a "#2".
func (ev *Event) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	if ev.Provider.Name != "" {
		b = append(appendString(append(b, `"provider":`...), ev.Provider.Name), ',')
	}
	name := ev.Name
	if ev.Schema != nil {
		name = ev.Schema.Name
	}
	if name != "" || ev.Schema != nil {
		b = append(AppendString(append(b, `"event":`...), name), ',')
	}
	b = append(b, `"fields":`...)
	b = appendMembers(b, ev.Values)
	if ev.Failure.Reason != ReasonNone {
		b = append(b, `,"failure":`...)
		b = appendString(b, ev.Failure.Error())
	}
	return append(b, '}')
}

// AppendFields appends fields as a JSON object, as AppendJSON of an event does.
func AppendFields(b []byte, values []Value) []byte { return appendMembers(b, values) }

// appendMembers appends an object.
func appendMembers(b []byte, values []Value) []byte {
	b = append(b, '{')
	var names map[string]int
	for i := range values {
		if i > 0 {
			b = append(b, ',')
		}
		name := values[i].name()
		if len(values) > 1 {
			if names == nil {
				names = make(map[string]int, len(values))
			}
			if names[name]++; names[name] > 1 {
				for n := names[name]; ; n++ {
					next := fmt.Sprintf("%s#%d", name, n)
					if names[next] == 0 {
						names[next], names[name] = 1, n
						name = next
						break
					}
				}
			}
		}
		b = appendString(b, name)
		b = append(b, ':')
		b = values[i].AppendJSON(b)
	}
	return append(b, '}')
}

func (v *Value) name() string {
	if v.Field == nil {
		return ""
	}
	return v.Field.Name
}

func (v *Value) out() OutType {
	if v.Field == nil {
		return OutDefault
	}
	return v.Field.Out
}

// AppendJSON appends the value as JSON, in the form that its field asks for.
func (v *Value) AppendJSON(b []byte) []byte {
	if v.Field != nil && v.Field.Map != nil && v.isNumber() {
		if name, ok := v.Field.Map.appendName(nil, v.Num); ok {
			return appendString(b, string(name))
		}
	}
	switch v.Kind {
	case KindInt:
		if v.out() == OutHex {
			return appendHex(b, v.Num&(1<<(8*inTypeSize[v.Field.In])-1))
		}
		if v.out() == OutUnsigned {
			return strconv.AppendUint(b, v.Num&(1<<(8*inTypeSize[v.Field.In])-1), 10)
		}
		if s, ok := v.status(); ok {
			return appendString(b, s)
		}
		if v.out() == OutBoolean && v.Num <= 1 {
			return strconv.AppendBool(b, v.Num == 1)
		}
		if r := v.Int(); v.out() == OutString && r >= ' ' && r < 0x7F {
			return appendString(b, string(rune(r)))
		}
		return strconv.AppendInt(b, v.Int(), 10)
	case KindUint:
		return v.appendUint(b)
	case KindBool:
		if v.Num <= 1 {
			return strconv.AppendBool(b, v.Num == 1)
		}
		return strconv.AppendUint(b, v.Num, 10)
	case KindFloat32, KindFloat64:
		f, bits := v.Float(), 64
		if v.Kind == KindFloat32 {
			bits = 32
		}
		if math.IsNaN(f) || math.IsInf(f, 0) {
			if math.IsNaN(f) { // there are many
				return appendString(b, fmt.Sprintf("NaN(0x%x)", v.Num))
			}
			return appendString(b, strconv.FormatFloat(f, 'g', -1, bits))
		}
		return strconv.AppendFloat(b, f, 'g', -1, bits)
	case KindPointer:
		return appendHex(b, v.Num)
	case KindFileTime:
		return v.appendFileTime(b)
	case KindUTF16, KindText:
		s, ok := v.Text()
		if !ok {
			return fmt.Appendf(b, `{"hex":"%x"}`, v.Bytes)
		}
		return appendString(b, s)
	case KindBinary:
		if v.out() == OutIPv6 && len(v.Bytes) == 16 {
			return appendString(b, netip.AddrFrom16([16]byte(v.Bytes)).String())
		}
		if s, ok := v.sockAddr(); ok {
			return appendString(b, s)
		}
		return fmt.Appendf(b, `"%x"`, v.Bytes)
	case KindCustom:
		return fmt.Appendf(b, `"%x"`, v.Bytes)
	case KindGUID:
		return appendString(b, v.GUID().String())
	case KindSystemTime:
		return appendSystemTime(b, v.Bytes)
	case KindSID:
		return appendString(b, sidText(v.Bytes))
	case KindArray:
		if s, ok := v.chars(); ok {
			return appendString(b, s)
		}
		b = append(b, '[')
		for i := range v.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = v.Items[i].AppendJSON(b)
		}
		return append(b, ']')
	case KindStruct:
		return appendMembers(b, v.Items)
	}
	return append(b, "null"...)
}

func (v *Value) appendUint(b []byte) []byte {
	switch v.out() {
	case OutHex, OutCodePointer:
		return appendHex(b, v.Num)
	case OutBoolean:
		if v.Num <= 1 {
			return strconv.AppendBool(b, v.Num == 1)
		}
	case OutString:
		if r := rune(v.Num); v.Num <= 0xFFFF && utf8.ValidRune(r) && r != utf8.RuneError {
			return appendString(b, string(r))
		}
	case OutPort:
		if v.Field.In == InUint16 {
			return strconv.AppendUint(b, v.Num>>8|v.Num<<8&0xFF00, 10)
		}
	case OutIPv4:
		if v.Num <= math.MaxUint32 {
			return appendString(b, netip.AddrFrom4([4]byte{byte(v.Num), byte(v.Num >> 8), byte(v.Num >> 16), byte(v.Num >> 24)}).String())
		}
	case OutFileTime, OutDateTimeUTC:
		if v.Field.In == InUint64 || v.Field.In == InHexInt64 {
			return v.appendFileTime(b)
		}
	case OutSigned:
		shift := 64 - 8*int(inTypeSize[v.Field.In])
		return strconv.AppendInt(b, int64(v.Num<<shift)>>shift, 10)
	}
	if s, ok := v.status(); ok {
		return appendString(b, s)
	}
	if v.Field != nil && (v.Field.In == InHexInt32 || v.Field.In == InHexInt64) && v.out() == OutDefault {
		return appendHex(b, v.Num)
	}
	return strconv.AppendUint(b, v.Num, 10)
}

// status is the value of a status code in its usual form.
func (v *Value) status() (string, bool) {
	if o := v.out(); (o == OutNTStatus || o == OutHResult) && inTypeSize[v.Field.In] == 4 {
		return fmt.Sprintf("0x%08X", uint32(v.Num)), true
	}
	return "", false
}

// chars is the text of an array of characters.
func (v *Value) chars() (string, bool) {
	if v.out() != OutString || v.Field.In != InUint8 && v.Field.In != InUint16 {
		return "", false
	}
	b := make([]byte, 0, 2*len(v.Items))
	for i := range v.Items {
		if v.Field.In == InUint8 {
			b = append(b, byte(v.Items[i].Num))
		} else {
			b = binary.LittleEndian.AppendUint16(b, uint16(v.Items[i].Num))
		}
	}
	if v.Field.In == InUint8 {
		return string(b), utf8.Valid(b)
	}
	return utf16Text(b)
}

// appendFileTime appends a time, or the number if RFC 3339 has no form for it.
func (v *Value) appendFileTime(b []byte) []byte {
	if t := v.Time(); v.Num <= math.MaxInt64 && t.Year() >= 0 && t.Year() <= 9999 {
		return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
	}
	return strconv.AppendUint(b, v.Num, 10)
}

// appendSystemTime appends a SYSTEMTIME, whose zone is not known: a time if it is one on
// the calendar, else its eight numbers.
func appendSystemTime(b, st []byte) []byte {
	var n [8]int // year, month, day of week, day, hour, minute, second, millisecond
	for i := range n {
		n[i] = int(binary.LittleEndian.Uint16(st[2*i:]))
	}
	t := time.Date(n[0], time.Month(n[1]), n[3], n[4], n[5], n[6], n[7]*1e6, time.UTC)
	if n[0] <= 9999 && t.Year() == n[0] && int(t.Month()) == n[1] && int(t.Weekday()) == n[2] && t.Day() == n[3] &&
		t.Hour() == n[4] && t.Minute() == n[5] && t.Second() == n[6] && n[7] < 1000 {
		return append(t.AppendFormat(append(b, '"'), "2006-01-02T15:04:05.000"), '"')
	}
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n[i]), 10)
	}
	return append(b, ']')
}

// sockAddr is the text of a SOCKADDR_IN or SOCKADDR_IN6.
func (v *Value) sockAddr() (string, bool) {
	if v.out() != OutSockAddr || len(v.Bytes) < 8 {
		return "", false
	}
	port := binary.BigEndian.Uint16(v.Bytes[2:])
	switch family := binary.LittleEndian.Uint16(v.Bytes); {
	case family == 2: // AF_INET
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(v.Bytes[4:8])), port).String(), true
	case family == 23 && len(v.Bytes) >= 24: // AF_INET6
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(v.Bytes[8:24])), port).String(), true
	}
	return "", false
}

func sidText(sid []byte) string {
	var s strings.Builder
	authority := uint64(0)
	for _, c := range sid[2:8] {
		authority = authority<<8 | uint64(c)
	}
	fmt.Fprintf(&s, "S-%d-%d", sid[0], authority)
	for i := 8; i+4 <= len(sid); i += 4 {
		fmt.Fprintf(&s, "-%d", binary.LittleEndian.Uint32(sid[i:]))
	}
	return s.String()
}

func appendHex(b []byte, n uint64) []byte {
	return append(strconv.AppendUint(append(b, `"0x`...), n, 16), '"')
}

// AppendString appends a JSON string. Bytes that are not UTF-8 become U+FFFD.
func AppendString(b []byte, s string) []byte {
	return appendString(b, strings.ToValidUTF8(s, "\uFFFD"))
}

// appendString appends a JSON string. s is valid UTF-8.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c < ' ' || c == 0x7F:
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
