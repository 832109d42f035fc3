package decode

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/aftrace/aftrace/collect/etl"
)

// manFile is an instrumentation manifest as far as payloads are concerned. Namespaces are
// not looked at.
type manFile struct {
	XMLName   xml.Name
	Providers []manProvider `xml:"instrumentation>events>provider"`
	Strings   []manString   `xml:"localization>resources>stringTable>string"`
}

type manString struct {
	ID    string `xml:"id,attr"`
	Value string `xml:"value,attr"`
}

type manProvider struct {
	Name  string `xml:"name,attr"`
	GUID  string `xml:"guid,attr"`
	Tasks []struct {
		manValue
		Opcodes []manValue `xml:"opcodes>opcode"`
	} `xml:"tasks>task"`
	Opcodes   []manValue    `xml:"opcodes>opcode"`
	ValueMaps []manMap      `xml:"maps>valueMap"`
	BitMaps   []manMap      `xml:"maps>bitMap"`
	Templates []manTemplate `xml:"templates>template"`
	Events    []manEvent    `xml:"events>event"`
}

type manValue struct {
	Name    string `xml:"name,attr"`
	Value   string `xml:"value,attr"`
	Message string `xml:"message,attr"`
}

type manMap struct {
	Name    string     `xml:"name,attr"`
	Entries []manValue `xml:"map"`
}

type manTemplate struct {
	ID    string    `xml:"tid,attr"`
	Items []manItem `xml:",any"`
}

// manItem is a data, a struct, or UserData, which is not about the payload.
type manItem struct {
	XMLName xml.Name
	Name    string    `xml:"name,attr"`
	InType  string    `xml:"inType,attr"`
	OutType string    `xml:"outType,attr"`
	Map     string    `xml:"map,attr"`
	Length  string    `xml:"length,attr"`
	Count   string    `xml:"count,attr"`
	Items   []manItem `xml:",any"`
}

type manEvent struct {
	Value    string `xml:"value,attr"`
	Version  string `xml:"version,attr"`
	Symbol   string `xml:"symbol,attr"`
	Task     string `xml:"task,attr"`
	Opcode   string `xml:"opcode,attr"`
	Template string `xml:"template,attr"`
	Message  string `xml:"message,attr"`
}

// AddManifest adds the events of an instrumentation manifest (.man) in XML. It returns how
// many it describes.
func (l *Library) AddManifest(name string, text []byte) (int, error) {
	before := l.events.n
	n, err := l.events.addXML(name, text)
	if err != nil {
		return 0, err
	}
	l.Duplicates += n - (l.events.n - before)
	return n, nil
}

// maxXMLDepth is how deep the elements of a manifest may nest.
const maxXMLDepth = 64

func (t *eventTable) addXML(name string, raw []byte) (int, error) {
	if len(raw) > MaxDescription {
		return 0, wrong(name, "a manifest of %d bytes: at most %d are read", len(raw), MaxDescription)
	}
	text, err := plainText(name, raw)
	if err != nil {
		return 0, err
	}
	if line, err := checkDepth(text); err != nil {
		return 0, wrongLine(name, line, "expected an instrumentation manifest in XML: %v", err)
	}
	var file manFile
	dec := newXMLDecoder(text)
	if err := dec.Decode(&file); err != nil {
		line, _ := dec.InputPos()
		return 0, wrongLine(name, line, "expected an instrumentation manifest in XML: %v", err)
	}
	if file.XMLName.Local != "instrumentationManifest" && file.XMLName.Local != "assembly" {
		return 0, wrong(name, "expected an instrumentation manifest, its first element is <%s>", clip(file.XMLName.Local))
	}
	texts := map[string]string{}
	for _, s := range file.Strings {
		if _, ok := texts[s.ID]; !ok {
			texts[s.ID] = s.Value
		}
	}
	n := 0
	for i := range file.Providers {
		k, err := t.addProvider(name, &file.Providers[i], texts)
		if err != nil {
			return 0, err
		}
		n += k
	}
	if n == 0 {
		return 0, wrong(name, "an instrumentation manifest without events")
	}
	return n, nil
}

func newXMLDecoder(text string) *xml.Decoder {
	dec := xml.NewDecoder(strings.NewReader(text))
	dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // plainText has done it
	return dec
}

// checkDepth reads XML without keeping it.
func checkDepth(text string) (line int, err error) {
	dec := newXMLDecoder(text)
	for depth := 0; ; {
		tok, err := dec.RawToken()
		line, _ = dec.InputPos()
		if err == io.EOF {
			return 0, nil
		} else if err != nil {
			return line, err
		}
		switch tok.(type) {
		case xml.StartElement:
			if depth++; depth > maxXMLDepth {
				return line, fmt.Errorf("elements nest deeper than %d", maxXMLDepth)
			}
		case xml.EndElement:
			depth--
		}
	}
}

// resolve replaces $(string.ID) by the text of that id.
func resolve(s string, texts map[string]string) string {
	if id, ok := strings.CutPrefix(s, "$(string."); ok && strings.HasSuffix(id, ")") {
		return texts[strings.TrimSuffix(id, ")")]
	}
	return s
}

func (t *eventTable) addProvider(file string, m *manProvider, texts map[string]string) (int, error) {
	g, err := etl.ParseGUID(strings.TrimSpace(m.GUID))
	if err != nil {
		return 0, wrong(file, "provider %q: %q is not a GUID", clip(m.Name), clip(m.GUID))
	}
	if t.providers[g] == nil && len(t.providers) >= MaxProviders {
		return 0, wrong(file, "more than %d providers", MaxProviders)
	}
	p := t.provider(g)
	if p.name == "" {
		p.name = m.Name
	}
	for bits, maps := range map[bool][]manMap{false: m.ValueMaps, true: m.BitMaps} {
		for _, x := range maps {
			var entries []MapEntry
			for _, e := range x.Entries {
				v, err := strconv.ParseUint(strings.TrimSpace(e.Value), 0, 32)
				if err != nil {
					return 0, wrong(file, "map %q: expected a number, got %q", clip(x.Name), clip(e.Value))
				}
				entries = append(entries, MapEntry{uint32(v), resolve(e.Message, texts)})
			}
			t.define(t.mapOf(g, x.Name), bits, entries)
		}
	}
	templates := map[string]*manTemplate{}
	for i := range m.Templates {
		templates[m.Templates[i].ID] = &m.Templates[i]
	}
	opcodes := map[string]string{}
	note := func(list []manValue) {
		for _, o := range list {
			opcodes[o.Name] = o.Name
		}
	}
	note(m.Opcodes)
	for _, task := range m.Tasks {
		note(task.Opcodes)
	}
	for _, e := range m.Events {
		id, err := strconv.ParseUint(strings.TrimSpace(e.Value), 0, 16)
		if err != nil {
			return 0, wrong(file, "provider %q: expected the number of an event, got %q", clip(m.Name), clip(e.Value))
		}
		version := uint64(0)
		if e.Version != "" {
			if version, err = strconv.ParseUint(strings.TrimSpace(e.Version), 0, 8); err != nil {
				return 0, wrong(file, "event %d: expected a version up to 255, got %q", id, clip(e.Version))
			}
		}
		x := &template{text: resolve(e.Message, texts)}
		x.name = eventName(e.Symbol, e.Task, strings.TrimPrefix(e.Opcode, "win:"))
		if e.Template != "" {
			items := templates[e.Template]
			if items == nil {
				return 0, wrong(file, "event %d: no template %q", id, clip(e.Template))
			}
			if err := x.addItems(t, g, items.Items); err != nil {
				return 0, wrong(file, "event %d: template %q: %v", id, clip(e.Template), err)
			}
		}
		x.finish()
		if !t.add(g, eventKey(uint16(id), uint8(version)), x) && t.n >= maxTemplates {
			return 0, wrong(file, "more than %d events", maxTemplates)
		}
	}
	return len(m.Events), nil
}

// addItems makes the properties of a template: the top ones, then the members of structs.
func (t *template) addItems(table *eventTable, g etl.GUID, items []manItem) error {
	type level struct {
		parent int
		items  []manItem
	}
	todo := []level{{-1, items}}
	for len(todo) > 0 {
		l := todo[0]
		todo = todo[1:]
		start := len(t.props)
		for _, it := range l.items {
			if it.XMLName.Local != "data" && it.XMLName.Local != "struct" {
				continue
			}
			if len(t.props) == maxProperties {
				return fmt.Errorf("more than %d fields", maxProperties)
			}
			p := property{field: Field{Name: it.Name}}
			if it.XMLName.Local == "struct" {
				p.structure = true
				todo = append(todo, level{len(t.props), it.Items})
			} else {
				in, ok := manInTypes[strings.TrimPrefix(it.InType, "win:")]
				if !ok {
					return fmt.Errorf("field %q: inType %q is not known", clip(it.Name), clip(it.InType))
				}
				p.setType(in, manOutTypes[it.OutType[strings.IndexByte(it.OutType, ':')+1:]])
				if it.Map != "" {
					p.field.Map = table.mapOf(g, it.Map)
				}
			}
			var err error
			if p.length, p.lengthRef, err = t.number(it.Length); err != nil {
				return fmt.Errorf("field %q: length: %v", clip(it.Name), err)
			}
			if p.count, p.countRef, err = t.number(it.Count); err != nil {
				return fmt.Errorf("field %q: count: %v", clip(it.Name), err)
			}
			p.array = it.Count != ""
			t.props = append(t.props, p)
		}
		if l.parent < 0 {
			t.top = len(t.props)
		} else {
			t.props[l.parent].start, t.props[l.parent].members = start, len(t.props)-start
		}
	}
	return nil
}

// number is a number, or the index of the field that holds it.
func (t *template) number(s string) (n uint16, ref bool, err error) {
	if s == "" {
		return 0, false, nil
	}
	if v, err := strconv.ParseUint(s, 0, 16); err == nil {
		return uint16(v), false, nil
	}
	for i := len(t.props) - 1; i >= 0; i-- {
		if t.props[i].field.Name == s {
			return uint16(i), true, nil
		}
	}
	return 0, false, fmt.Errorf("%q is neither a number nor a field before it", clip(s))
}

// manInTypes are the names of types in manifests, without "win:".
var manInTypes = map[string]uint16{
	"UnicodeString": 1, "AnsiString": 2, "Int8": 3, "UInt8": 4, "Int16": 5, "UInt16": 6, "Int32": 7, "UInt32": 8,
	"Int64": 9, "UInt64": 10, "Float": 11, "Double": 12, "Boolean": 13, "Binary": 14, "GUID": 15, "Pointer": 16,
	"FILETIME": 17, "SYSTEMTIME": 18, "SID": 19, "HexInt32": 20, "HexInt64": 21,
	"CountedUnicodeString": tdhManifestCountedString, "CountedAnsiString": tdhManifestCountedANSI, "CountedBinary": tdhManifestCountedBinary,
}

// manOutTypes are the names of TDH_OUT_TYPE without "xs:" or "win:".
var manOutTypes = map[string]uint16{
	"string": 1, "dateTime": 2, "byte": 3, "unsignedByte": 4, "short": 5, "unsignedShort": 6, "int": 7, "unsignedInt": 8,
	"long": 9, "unsignedLong": 10, "float": 11, "double": 12, "boolean": 13, "GUID": 14, "hexBinary": 15,
	"HexInt8": 16, "HexInt16": 17, "HexInt32": 18, "HexInt64": 19, "PID": 20, "TID": 21, "Port": 22, "IPv4": 23, "IPv6": 24,
	"SocketAddress": 25, "CIMDateTime": 26, "ETWTIME": 27, "Xml": 28, "ErrorCode": 29, "Win32Error": 30, "NTSTATUS": 31,
	"HResult": 32, "DateTimeCultureInsensitive": 33, "Json": 34, "Utf8": 35, "Pkcs7WithTypeInfo": 36, "CodePointer": 37, "DateTimeUtc": 38,
}
