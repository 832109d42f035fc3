package decode

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/aftrace/aftrace/collect/etl"
)

// Message is a WPP trace message, as TMF data describes it.
type Message struct {
	GUID     etl.GUID // message GUID: one for a source file
	Number   uint16   // within it
	Module   string
	Source   string // source file
	Name     string // "<source file>_<extension><line>"
	Function string // "" if the TMF data does not say it
	Level    string // as written, like TRACE_LEVEL_ERROR
	Flags    string
	Format   string // text with %N!spec! for parameter N, which is 10 or more
	Params   []Parameter

	pieces  []piece
	unknown string // an item type that is not known; the payload cannot be read
}

// Parameter is an argument of a message.
type Parameter struct {
	Field Field  // its Name is the expression in the source; Map has the labels
	Item  string // item type, without labels
	Index int    // by which the format names it

	item itemType
}

// itemType is how an argument is encoded and shown.
type itemType uint8

const (
	itemUnknown  itemType = iota
	itemFixed             // Field.In says it
	itemPort              // 2 bytes, network order
	itemChar4             // 4 characters
	itemString            // NUL-terminated
	itemWString           //
	itemPString           // u16 length in bytes
	itemPWString          //
	itemSid               //
	itemHexDump           // u16 length
)

// itemTypes are the item types of defaultwpp.ini. ItemListX and ItemSetX have labels.
var itemTypes = map[string]struct {
	item itemType
	in   InType
	out  OutType
}{
	"ItemChar": {itemFixed, InInt8, OutDefault}, "ItemUChar": {itemFixed, InUint8, OutDefault},
	"ItemListByte": {itemFixed, InUint8, OutDefault}, "ItemSetByte": {itemFixed, InUint8, OutDefault},
	"ItemShort": {itemFixed, InInt16, OutDefault}, "ItemUShort": {itemFixed, InUint16, OutDefault},
	"ItemListShort": {itemFixed, InUint16, OutDefault}, "ItemSetShort": {itemFixed, InUint16, OutDefault},
	"ItemPort": {itemFixed, InUint16, OutPort},
	"ItemLong": {itemFixed, InInt32, OutDefault}, "ItemULong": {itemFixed, InUint32, OutDefault},
	"ItemListLong": {itemFixed, InUint32, OutDefault}, "ItemSetLong": {itemFixed, InUint32, OutDefault},
	"ItemEnum": {itemFixed, InInt32, OutDefault}, "ItemFlagsEnum": {itemFixed, InHexInt32, OutDefault},
	"ItemNTSTATUS": {itemFixed, InUint32, OutNTStatus}, "ItemNDIS_STATUS": {itemFixed, InUint32, OutNTStatus},
	"ItemNDIS_OID": {itemFixed, InHexInt32, OutDefault}, "ItemWINERROR": {itemFixed, InUint32, OutWin32Error},
	"ItemHRESULT": {itemFixed, InUint32, OutHResult}, "ItemIPAddr": {itemFixed, InUint32, OutIPv4},
	"ItemChar4":    {itemChar4, InANSI, OutDefault},
	"ItemLongLong": {itemFixed, InInt64, OutDefault}, "ItemULongLong": {itemFixed, InUint64, OutDefault},
	"ItemLongLongX": {itemFixed, InHexInt64, OutDefault}, "ItemLongLongXX": {itemFixed, InHexInt64, OutDefault},
	"ItemLongLongO": {itemFixed, InUint64, OutDefault},
	"ItemDouble":    {itemFixed, InDouble, OutDefault},
	"ItemTimestamp": {itemFixed, InFileTime, OutDefault},
	"ItemTimeDelta": {itemFixed, InInt64, OutDefault}, "ItemWaitTime": {itemFixed, InInt64, OutDefault},
	"ItemPtr":  {itemFixed, InPointer, OutDefault},
	"ItemGuid": {itemFixed, InGUID, OutDefault}, "ItemCLSID": {itemFixed, InGUID, OutDefault},
	"ItemLIBID": {itemFixed, InGUID, OutDefault}, "ItemIID": {itemFixed, InGUID, OutDefault},
	"ItemString": {itemString, InANSI, OutDefault}, "ItemRString": {itemString, InANSI, OutDefault},
	"ItemWString": {itemWString, InUTF16, OutDefault}, "ItemRWString": {itemWString, InUTF16, OutDefault},
	"ItemPString": {itemPString, InCountedANSI, OutDefault}, "ItemPWString": {itemPWString, InCountedUTF16, OutDefault},
	"ItemSid": {itemSid, InSID, OutDefault}, "ItemHexDump": {itemHexDump, InBinary, OutDefault},
}

// ItemTypes are the item types of WPP that are decoded.
func ItemTypes() []string {
	names := make([]string, 0, len(itemTypes))
	for n := range itemTypes {
		names = append(names, n)
	}
	return names
}

// AddTMF adds the messages of a TMF text: a file of one message GUID, or several one after
// the other. name is for errors. It returns how many messages the text describes. A text
// without any, or one that breaks off, is an error; item types that are not known are
// counted in UnknownItems.
func (l *Library) AddTMF(name string, text []byte) (int, error) {
	if len(text) > MaxDescription {
		return 0, wrong(name, "a TMF text of %d bytes: at most %d are read", len(text), MaxDescription)
	}
	s, err := plainText(name, text)
	if err != nil {
		return 0, err
	}
	p := tmfParser{lib: l, name: name, text: s}
	n, err := p.parse("")
	if err == nil && n == 0 {
		err = wrong(name, "no trace message: a TMF file has a line with a GUID and lines that begin with #typev (tracepdb -f x.pdb -p FOLDER writes them)")
	}
	return n, err
}

// plainText is text in UTF-8. Text files of Windows may be UTF-16 or in a code page.
func plainText(name string, b []byte) (string, error) {
	switch {
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}), bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		if len(b)%2 != 0 {
			return "", wrongAt(name, len(b)-1, "UTF-16 text of an odd number of bytes")
		}
		u := make([]uint16, len(b)/2-1)
		for i := range u {
			lo, hi := b[2*i+2], b[2*i+3]
			if b[0] == 0xFE {
				lo, hi = hi, lo
			}
			u[i] = uint16(lo) | uint16(hi)<<8
		}
		return string(utf16.Decode(u)), nil
	case bytes.HasPrefix(b, []byte("\xEF\xBB\xBF")):
		b = b[3:]
	}
	if utf8.Valid(b) {
		return string(b), nil
	}
	s := make([]byte, 0, len(b)+len(b)/8)
	for _, c := range b {
		s = utf8.AppendRune(s, rune(c))
	}
	return string(s), nil
}

type tmfParser struct {
	lib  *Library
	name string
	text string
	line int

	guid           etl.GUID
	module, source string
	known          bool // guid is set
}

func (p *tmfParser) next() (string, bool) {
	if p.text == "" {
		return "", false
	}
	s, rest, _ := strings.Cut(p.text, "\n")
	p.text = rest
	p.line++
	return strings.TrimRight(s, "\r"), true
}

// parse reads to the end. function is that of messages that do not say theirs.
func (p *tmfParser) parse(function string) (n int, err error) {
	for {
		s, ok := p.next()
		if !ok {
			return n, nil
		}
		s = strings.TrimSpace(s)
		switch {
		case s == "" || strings.HasPrefix(s, "//"):
		case strings.HasPrefix(s, "#typev"):
			m, err := p.message(s)
			if err != nil {
				return n, err
			}
			if m.Function == "" {
				m.Function = function
			}
			if err := p.lib.addMessage(m); err != nil {
				return n, wrongLine(p.name, p.line, "%v", err)
			}
			n++
		case strings.HasPrefix(s, "#type"): // of very old files, without parameters
		case strings.HasPrefix(s, "#enumv"), strings.HasPrefix(s, "{"):
			if err := p.skipBlock(strings.HasPrefix(s, "{")); err != nil {
				return n, err
			}
		default:
			if err := p.header(s); err != nil {
				return n, err
			}
		}
	}
}

// skipBlock reads over a block in braces that is of no message.
func (p *tmfParser) skipBlock(open bool) error {
	start := p.line
	for {
		s, ok := p.next()
		if !ok {
			return wrongLine(p.name, start, "a block without its closing brace")
		}
		switch s = strings.TrimSpace(s); {
		case s == "{" && !open:
			open = true
		case s == "}" && open:
			return nil
		case !open && s != "" && !strings.HasPrefix(s, "//"):
			return wrongLine(p.name, p.line, "expected { after line %d", start)
		}
	}
}

// header reads "GUID module // SRC=file MJ= MN=".
func (p *tmfParser) header(s string) error {
	word, rest, _ := strings.Cut(s, " ")
	g, err := etl.ParseGUID(word)
	if err != nil {
		return wrongLine(p.name, p.line, "expected a message GUID, a line that begins with #typev, or a comment, got %q", clip(s))
	}
	module, tail, _ := strings.Cut(rest, "//")
	p.guid, p.module, p.known = g, strings.TrimSpace(module), true
	p.source = tailValues(tail)["SRC"]
	return nil
}

func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// tailKeys are the keys in the comments of TMF lines.
var tailKeys = [...]string{"SRC", "MJ", "MN", "LEVEL", "FLAGS", "KEYWORDS", "FUNC"}

// tailValues reads "KEY=value KEY=value …". Values may have spaces, as C++ names do.
func tailValues(s string) map[string]string {
	m := map[string]string{}
	last := ""
	for _, word := range strings.Fields(s) {
		if key, value, ok := strings.Cut(word, "="); ok && isTailKey(key) && m[key] == "" {
			m[key], last = value, key
			continue
		}
		if last != "" {
			m[last] = strings.TrimPrefix(m[last]+" "+word, " ")
		}
	}
	return m
}

func isTailKey(s string) bool {
	for _, k := range tailKeys {
		if k == s {
			return true
		}
	}
	return false
}

// message reads a message whose first line is s.
func (p *tmfParser) message(s string) (*Message, error) {
	if !p.known {
		return nil, wrongLine(p.name, p.line, "a message before the line with its GUID")
	}
	m := &Message{GUID: p.guid, Module: p.module, Source: p.source}
	rest := strings.TrimLeft(strings.TrimPrefix(s, "#typev"), " \t")
	var ok bool
	if m.Name, rest, ok = strings.Cut(rest, " "); !ok {
		return nil, wrongLine(p.name, p.line, "expected #typev NAME NUMBER \"TEXT\"")
	}
	number, rest, _ := strings.Cut(strings.TrimLeft(rest, " \t"), " ")
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return nil, wrongLine(p.name, p.line, "expected a message number, got %q", clip(number))
	}
	m.Number = uint16(n)
	text, tail, ok := quoted(strings.TrimLeft(rest, " \t"))
	if !ok {
		return nil, wrongLine(p.name, p.line, "expected the text of the message in quotes")
	}
	m.Format = text
	_, tail, _ = strings.Cut(tail, "//")
	values := tailValues(tail)
	m.Level, m.Function = values["LEVEL"], values["FUNC"]
	if m.Flags = values["FLAGS"]; m.Flags == "" {
		m.Flags = values["KEYWORDS"]
	}
	start := p.line
	for open := false; ; {
		s, ok := p.next()
		if !ok {
			return nil, wrongLine(p.name, start, "the message breaks off: no closing brace")
		}
		switch s = strings.TrimSpace(s); {
		case s == "":
		case s == "{" && !open:
			open = true
		case s == "}" && open:
			m.pieces = parseFormat(m)
			return m, nil
		case !open:
			return nil, wrongLine(p.name, p.line, "expected { after the message of line %d, got %q", start, clip(s))
		default:
			if len(m.Params) == maxParameters {
				return nil, wrongLine(p.name, p.line, "a message of more than %d parameters", maxParameters)
			}
			if err := p.parameter(m, s); err != nil {
				return nil, err
			}
		}
	}
}

// quoted reads a string in quotes; \" in it is a quote.
func quoted(s string) (text, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		return "", "", false
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], true
		case c == '\\' && i+1 < len(s):
			i++
			switch s[i] {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			case 'r':
			case '"', '\\':
				b.WriteByte(s[i])
			default:
				b.WriteByte('\\')
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// parameter reads "expr, ItemType(labels) -- index". The expression may hold anything, so
// the last ", Item" counts.
func (p *tmfParser) parameter(m *Message, s string) error {
	bad := func() error {
		return wrongLine(p.name, p.line, "expected EXPRESSION, ItemTYPE -- INDEX, got %q", clip(s))
	}
	at := strings.LastIndex(s, ", Item")
	if at < 0 {
		return bad()
	}
	expr, typ := s[:at], s[at+2:]
	sep := strings.LastIndex(typ, "--")
	if sep < 0 {
		sep = strings.LastIndex(typ, "//")
	}
	if sep < 0 {
		return bad()
	}
	index, err := strconv.Atoi(strings.TrimSpace(typ[sep+2:]))
	if err != nil || index < 0 {
		return bad()
	}
	typ = strings.TrimSpace(typ[:sep])
	labels := ""
	if open := strings.IndexByte(typ, '('); open >= 0 {
		end := strings.LastIndexByte(typ, ')')
		if end < open {
			return bad()
		}
		labels = typ[open+1 : end]
		typ = strings.TrimSpace(typ[:open])
	}
	a := Parameter{Item: typ, Index: index, Field: Field{Name: expr, span: 1}}
	if known, ok := itemTypes[typ]; ok {
		a.item, a.Field.In, a.Field.Out = known.item, known.in, known.out
	} else if m.unknown == "" {
		m.unknown = typ
	}
	if set := strings.HasPrefix(typ, "ItemSet"); labels != "" && (set || strings.HasPrefix(typ, "ItemList")) {
		a.Field.Map = &Map{Bits: set}
		for i, label := range strings.Split(labels, ",") {
			if label = strings.TrimSpace(label); label == "" {
				continue
			}
			v := uint32(i)
			if set {
				if i > 31 {
					break
				}
				v = 1 << i
			}
			a.Field.Map.Entries = append(a.Field.Map.Entries, MapEntry{v, label})
		}
	}
	m.Params = append(m.Params, a)
	return nil
}

type tooMany struct{}

func (tooMany) Error() string { return "more than 1,048,576 messages" }

// addMessage keeps m unless its number is described already.
func (l *Library) addMessage(m *Message) error {
	byNumber := l.messages[m.GUID]
	if byNumber[m.Number] != nil {
		l.Duplicates++
		return nil
	}
	if l.nMessage >= maxMessages {
		return tooMany{}
	}
	if byNumber == nil {
		byNumber = map[uint16]*Message{}
		if l.messages == nil {
			l.messages = map[etl.GUID]map[uint16]*Message{}
		}
		l.messages[m.GUID] = byNumber
	}
	byNumber[m.Number] = m
	l.nMessage++
	if m.unknown != "" {
		if l.UnknownItems == nil {
			l.UnknownItems = map[string]int{}
		}
		l.UnknownItems[m.unknown]++
	}
	return nil
}
