package decode

import (
	"strconv"
	"strings"
	"sync"

	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// builtIn describes events without anybody's help: those of Microsoft-Windows-NDIS, and
// the record that names the PDB of an image in a merged recording.
var builtIn = sync.OnceValue(func() *eventTable {
	t := &eventTable{}
	for _, e := range ndisEvents {
		for id := range strings.FieldsSeq(e.ids) {
			number, version, _ := strings.Cut(id, "v")
			n, err := strconv.ParseUint(number, 10, 16)
			if err != nil {
				panic(err)
			}
			v := uint64(0)
			if version != "" {
				if v, err = strconv.ParseUint(version, 10, 8); err != nil {
					panic(err)
				}
			}
			t.add(NDIS, eventKey(uint16(n), uint8(v)), compactTemplate("", e.fields))
		}
	}
	for version := range uint8(4) { // the version of the class is not known to matter
		t.add(imageID, eventKey(36, version), compactTemplate("RSDS", "ImageBase:ptr ProcessId:u32 Guid:guid Age:u32 PdbName:str"))
	}
	return t
})

// imageID is the class of the records that name an image and its PDB.
var imageID = mustGUID("b3e675d7-2554-4f18-830b-2762732560de")

var compactTypes = map[string]struct{ tdh, out uint16 }{
	"u8": {4, 0}, "u32": {8, 0}, "u64": {10, 0}, "x32": {20, 0}, "bool32": {13, 0}, "ptr": {16, 0}, "guid": {15, 0},
	"wstr": {1, 0}, "str": {2, 0}, "cwstr": {tdhCountedString, 0}, "systime": {18, 0}, "filetime": {17, 0}, "bin": {14, 0}, "?": {14, 0},
}

// compactTemplate reads the form of the table of events.
func compactTemplate(name, fields string) *template {
	x := &template{name: name}
	for f := range strings.FieldsSeq(fields) {
		name, typ, _ := strings.Cut(f, ":")
		p := property{}
		if open := strings.IndexByte(name, '['); open >= 0 {
			ref, _, err := x.number(strings.TrimSuffix(name[open+1:], "]"))
			if err != nil {
				panic(err)
			}
			name = name[:open]
			if typ == "bin" {
				p.length, p.lengthRef = ref, true
			} else {
				p.count, p.countRef, p.array = ref, true, true
			}
		}
		p.field.Name = name
		t, ok := compactTypes[typ]
		if !ok {
			panic(f)
		}
		p.setType(t.tdh, t.out)
		x.props = append(x.props, p)
	}
	x.top = len(x.props)
	x.finish()
	return x
}

// Values of MiniportEventEnum.
const (
	miniportInitialized = 0x33
	miniportHalted      = 0x34
)

// ndisRow is what an event of Microsoft-Windows-NDIS says of a binding function.
//
// The manifest numbers its events and does not say in words what they mean. That 10006 is
// a bind and 10017 an unbind is concluded from their keyword and fields, and a rundown says
// that a driver is registered, not when that happened: such rows are marked as inferred.
var ndisRows = map[uint16]struct {
	function ndis.Func
	inferred bool
	driver   string // field with its name
}{
	10006: {ndis.ProtocolBindAdapterEx, true, "ProtocolName"},
	10017: {ndis.ProtocolUnbindAdapterEx, true, "ProtocolName"},
	10311: {ndis.FuncNone, false, ""}, // by MiniportEventEnum
	10601: {ndis.NdisMRegisterMiniportDriver, true, "ServiceName"},
	10603: {ndis.NdisRegisterProtocolDriver, true, "ServiceName"},
}

// ndisRow makes a row of an event of Microsoft-Windows-NDIS whose payload is in ev. It
// returns false if the event is about no function.
func (d *Decoder) ndisRow(r *etl.Record, ev *Event, row *format.Event) bool {
	x, ok := ndisRows[r.ID]
	if !ok {
		return false
	}
	if x.function == ndis.FuncNone {
		v := ev.field("MiniportEventEnum")
		if v == nil {
			return false
		}
		switch v.Num {
		case miniportInitialized:
			x.function = ndis.MiniportInitializeEx
		case miniportHalted:
			x.function = ndis.MiniportHaltEx
		default:
			return false
		}
	}
	d.plainRow(r, row)
	row.Source, row.Function = format.SourceManifest, x.function
	detail := d.scratch[:0]
	key := func(k string) {
		if len(detail) == 0 {
			detail = append(detail, '{')
		} else {
			detail = append(detail, ',')
		}
		detail = append(append(append(detail, '"'), k...), '"', ':')
	}
	if s := d.textOf(ev.field("AdapterName")); len(s) > 0 {
		key("adapter_name")
		detail = appendString(detail, string(s))
	}
	key("event")
	detail = strconv.AppendUint(detail, uint64(r.ID), 10)
	if v := ev.field("IfGuid"); v != nil && v.Kind == KindGUID {
		key("if_guid")
		detail = appendGUID(detail, v.Bytes)
	}
	if v := ev.field("IfIndex"); v != nil && v.isNumber() && v.Num != 0 {
		key("if_index")
		detail = strconv.AppendUint(detail, v.Num, 10)
	}
	luid := ev.field("NetLuid")
	if luid == nil {
		luid = ev.field("IfLuid")
	}
	if luid != nil && luid.isNumber() && luid.Num != 0 {
		key("if_luid")
		detail = appendHex(detail, luid.Num)
	}
	if x.inferred {
		key("inferred")
		detail = append(detail, "true"...)
	}
	detail = append(detail, '}')
	d.scratch = detail
	row.Detail, row.Has = d.detail.keep(detail), row.Has|format.HasDetail
	if x.driver != "" {
		if s := d.textOf(ev.field(x.driver)); len(s) > 0 {
			row.Driver, row.Has = d.intern(s), row.Has|format.HasDriver
		}
	}
	if v := ev.field("Status"); v != nil && v.isNumber() {
		row.Status, row.Has = uint32(v.Num), row.Has|format.HasStatus
	}
	return true
}

// field is the value of a field by name, nil if there is none.
func (ev *Event) field(name string) *Value {
	for i := range ev.Values {
		if f := ev.Values[i].Field; f != nil && f.Name == name {
			return &ev.Values[i]
		}
	}
	return nil
}

// textOf is the characters of a value in UTF-8, nil if it is no valid text. They are valid
// until the next call; ASCII takes no allocation.
func (d *Decoder) textOf(v *Value) []byte {
	if v == nil {
		return nil
	}
	if v.Kind == KindUTF16 && len(v.Bytes)%2 == 0 {
		b := d.label16[:0]
		for i := 0; i < len(v.Bytes) && v.Bytes[i] < 0x80 && v.Bytes[i+1] == 0; i += 2 {
			b = append(b, v.Bytes[i])
		}
		if d.label16 = b; 2*len(b) == len(v.Bytes) {
			return b
		}
	}
	s, ok := v.Text()
	if !ok {
		return nil
	}
	return []byte(s)
}

// appendGUID appends a GUID as a JSON string.
func appendGUID(b, g []byte) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for i, k := range [16]int{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15} {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b = append(b, '-')
		}
		b = append(b, digits[g[k]>>4], digits[g[k]&15])
	}
	return append(b, '"')
}
