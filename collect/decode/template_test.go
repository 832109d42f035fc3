package decode_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/decode/aftracetest"
	"github.com/aftrace/aftrace/collect/decode/decodetest"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/collect/etl/etltest"
	"github.com/aftrace/aftrace/format"
)

type prop = decodetest.Property

var contoso = etl.GUID{0xC0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// manifestForms is every type of a manifest's field, and every way to say lengths and
// counts: fields, payload with pointers of 8 bytes, what it is in JSON, and the fields as
// XML ("" if manifests in XML cannot say it).
var manifestForms = []struct {
	name    string
	props   []prop
	payload string
	want    string
	xml     string
}{
	{"none", nil, "", `{}`, ``},
	{"unicode", []prop{{Name: "A", In: 1}, {Name: "B", In: 1}}, wide("hé\x00") + wide("\x00"), `{"A":"hé","B":""}`,
		`<data name="A" inType="win:UnicodeString"/><data name="B" inType="win:UnicodeString" outType="xs:string"/>`},
	{"unicode without NUL at the end", []prop{{Name: "A", In: 1}}, wide("hi"), `{"A":"hi"}`, `<data name="A" inType="win:UnicodeString"/>`},
	{"unicode of fixed length", []prop{{Name: "A", In: 1, Length: 3}, {Name: "B", In: 4}}, wide("ab\x00") + "\x07", `{"A":"ab","B":7}`,
		`<data name="A" inType="win:UnicodeString" length="3"/><data name="B" inType="win:UInt8"/>`},
	{"unicode of a length in a field", []prop{{Name: "N", In: 6}, {Name: "A", In: 1, LengthOf: true}, {Name: "B", In: 4}}, u16(2) + wide("ab") + "\x07", `{"N":2,"A":"ab","B":7}`,
		`<data name="N" inType="win:UInt16"/><data name="A" inType="win:UnicodeString" length="N"/><data name="B" inType="win:UInt8"/>`},
	{"ansi", []prop{{Name: "A", In: 2}, {Name: "B", In: 2, Length: 2}, {Name: "C", In: 2}}, "x\x00yzlast", `{"A":"x","B":"yz","C":"last"}`,
		`<data name="A" inType="win:AnsiString"/><data name="B" inType="win:AnsiString" length="2"/><data name="C" inType="win:AnsiString"/>`},
	{"integers", []prop{{Name: "A", In: 3}, {Name: "B", In: 4}, {Name: "C", In: 5}, {Name: "D", In: 6}, {Name: "E", In: 7}, {Name: "F", In: 8}, {Name: "G", In: 9}, {Name: "H", In: 10}},
		"\xFF\xFF" + u16(0xFFFE) + u16(0xFFFE) + u32(0xFFFFFFFD) + u32(0xFFFFFFFD) + u64(1<<64-4) + u64(1<<64-4),
		`{"A":-1,"B":255,"C":-2,"D":65534,"E":-3,"F":4294967293,"G":-4,"H":18446744073709551612}`,
		`<data name="A" inType="win:Int8"/><data name="B" inType="win:UInt8"/><data name="C" inType="win:Int16"/><data name="D" inType="win:UInt16"/>` +
			`<data name="E" inType="win:Int32"/><data name="F" inType="win:UInt32"/><data name="G" inType="win:Int64"/><data name="H" inType="win:UInt64"/>`},
	{"float double boolean", []prop{{Name: "A", In: 11}, {Name: "B", In: 12}, {Name: "C", In: 13, Out: 13}}, u32(0x3FC00000) + u64(0x3FF8000000000000) + u32(1), `{"A":1.5,"B":1.5,"C":true}`,
		`<data name="A" inType="win:Float"/><data name="B" inType="win:Double"/><data name="C" inType="win:Boolean"/>`},
	{"binary", []prop{{Name: "N", In: 8}, {Name: "A", In: 14, LengthOf: true}, {Name: "B", In: 14, Length: 2}}, u32(3) + "\x01\x02\x03\x04\x05", `{"N":3,"A":"010203","B":"0405"}`,
		`<data name="N" inType="win:UInt32"/><data name="A" inType="win:Binary" length="N"/><data name="B" inType="win:Binary" length="2"/>`},
	{"addresses", []prop{{Name: "A", In: 14, Out: 24}, {Name: "B", In: 8, Out: 23}, {Name: "C", In: 6, Out: 22}, {Name: "D", In: 14, Out: 25, Length: 16}},
		strings.Repeat("\x00", 15) + "\x01" + "\x7F\x00\x00\x01" + "\x01\xBB" + "\x02\x00\x00\x50\x0A\x00\x00\x01" + strings.Repeat("\x00", 8),
		`{"A":"::1","B":"127.0.0.1","C":443,"D":"10.0.0.1:80"}`,
		`<data name="A" inType="win:Binary" outType="win:IPv6"/><data name="B" inType="win:UInt32" outType="win:IPv4"/>` +
			`<data name="C" inType="win:UInt16" outType="win:Port"/><data name="D" inType="win:Binary" outType="win:SocketAddress" length="16"/>`},
	{"guid pointer times sid", []prop{{Name: "A", In: 15}, {Name: "B", In: 16}, {Name: "C", In: 17}, {Name: "D", In: 18}, {Name: "E", In: 19}},
		string(contoso[:]) + u64(0xFFFFA80012345678) + u64(116444736000000000) + u16(2024) + u16(1) + u16(2) + u16(2) + u16(3) + u16(4) + u16(5) + u16(6) +
			"\x01\x01\x00\x00\x00\x00\x00\x05" + u32(18),
		`{"A":"030201c0-0504-0706-0809-0a0b0c0d0e0f","B":"0xffffa80012345678","C":"1970-01-01T00:00:00Z","D":"2024-01-02T03:04:05.006","E":"S-1-5-18"}`,
		`<data name="A" inType="win:GUID"/><data name="B" inType="win:Pointer"/><data name="C" inType="win:FILETIME"/><data name="D" inType="win:SYSTEMTIME"/><data name="E" inType="win:SID"/>`},
	{"hex and status", []prop{{Name: "A", In: 20}, {Name: "B", In: 21}, {Name: "C", In: 8, Out: 31}, {Name: "D", In: 4, Out: 16}}, u32(16) + u64(17) + u32(0xC0000001) + "\x0F",
		`{"A":"0x10","B":"0x11","C":"0xC0000001","D":"0xf"}`,
		`<data name="A" inType="win:HexInt32"/><data name="B" inType="win:HexInt64"/><data name="C" inType="win:UInt32" outType="win:NTSTATUS"/><data name="D" inType="win:UInt8" outType="win:HexInt8"/>`},
	{"counted", []prop{{Name: "A", In: 22}, {Name: "B", In: 23}, {Name: "C", In: 25}, {Name: "D", In: 300}, {Name: "E", In: 301}, {Name: "F", In: 302}, {Name: "G", In: 303}},
		u16(4) + wide("ab") + u16(1) + "c" + u16(2) + "\x01\x02" + u16(2) + wide("d") + u16(1) + "e" + "\x00\x02" + wide("f") + "\x00\x01g",
		`{"A":"ab","B":"c","C":"0102","D":"d","E":"e","F":"f","G":"g"}`, ``},
	{"characters", []prop{{Name: "A", In: 306}, {Name: "B", In: 307}, {Name: "C", In: 308}, {Name: "D", In: 309}}, wide("Z") + "Y" + u64(5) + u32(2) + "\xAB\xCD",
		`{"A":"Z","B":"Y","C":"0x5","D":"abcd"}`, ``},
	{"wbem sid", []prop{{Name: "A", In: 310}}, u64(1) + u64(2) + "\x01\x00\x00\x00\x00\x00\x00\x01", `{"A":"S-1-1"}`, ``},
	{"without NUL to the end", []prop{{Name: "N", In: 4}, {Name: "A", In: 304}}, "\x01" + wide("abc"), `{"N":1,"A":"abc"}`, ``},
	{"ansi without NUL to the end", []prop{{Name: "A", In: 305}}, "abc", `{"A":"abc"}`, ``},
	{"array of fixed count", []prop{{Name: "A", In: 6, Count: 2, Fixed: true}, {Name: "B", In: 1, Count: 2, Fixed: true}}, u16(1) + u16(2) + wide("x\x00y\x00"), `{"A":[1,2],"B":["x","y"]}`,
		`<data name="A" inType="win:UInt16" count="2"/><data name="B" inType="win:UnicodeString" count="2"/>`},
	{"array of a count in a field", []prop{{Name: "N", In: 8}, {Name: "A", In: 8, CountOf: true}, {Name: "B", In: 4}}, u32(2) + u32(7) + u32(8) + "\x09", `{"N":2,"A":[7,8],"B":9}`,
		`<data name="N" inType="win:UInt32"/><data name="A" inType="win:UInt32" count="N"/><data name="B" inType="win:UInt8"/>`},
	{"struct", []prop{{Name: "N", In: 6}, {Name: "S", Structure: true, CountOf: true, Members: []prop{{Name: "X", In: 4}, {Name: "T", Structure: true, Members: []prop{{Name: "Y", In: 1}}}}}, {Name: "Z", In: 4}},
		u16(2) + "\x01" + wide("a\x00") + "\x02" + wide("b\x00") + "\x03", `{"N":2,"S":[{"X":1,"T":{"Y":"a"}},{"X":2,"T":{"Y":"b"}}],"Z":3}`,
		`<data name="N" inType="win:UInt16"/><struct name="S" count="N"><data name="X" inType="win:UInt8"/><struct name="T"><data name="Y" inType="win:UnicodeString"/></struct></struct><data name="Z" inType="win:UInt8"/>`},
}

// manifestXML is an instrumentation manifest with one event.
func manifestXML(fields string) string {
	template := ""
	if fields != "" {
		template = ` template="T"`
	}
	return `<?xml version="1.0" encoding="utf-8"?>
<instrumentationManifest xmlns="http://schemas.microsoft.com/win/2004/08/events">
 <instrumentation><events>
  <provider name="Contoso" guid="{030201C0-0504-0706-0809-0A0B0C0D0E0F}" symbol="CONTOSO" resourceFileName="c.dll" messageFileName="c.dll">
   <tasks><task name="Work" value="1"/></tasks>
   <maps><valueMap name="Colour"><map value="1" message="$(string.red)"/><map value="0x2" message="$(string.green)"/></valueMap>
    <bitMap name="Bits"><map value="0x1" message="$(string.red)"/><map value="0x4" message="$(string.green)"/></bitMap></maps>
   <templates><template tid="T">` + fields + `</template></templates>
   <events><event value="7" version="1" level="win:Informational" task="Work" opcode="win:Start"` + template + ` message="$(string.text)"/></events>
  </provider></events></instrumentation>
 <localization><resources culture="en-US"><stringTable>
  <string id="red" value="Red"/><string id="green" value="Green"/><string id="text" value="First is %1!s!, second %2%n100%%"/>
 </stringTable></resources></localization>
</instrumentationManifest>`
}

func manifestRecord(payload string) *etl.Record {
	return &etl.Record{
		Kind: etl.KindEvent64, HasGUID: true, HasIDs: true, HasClock: true, PID: 4, TID: 8, Pointer: 8, Provider: contoso, ID: 7, Version: 1, Data: []byte(payload),
	}
}

func metadataRecord(typ uint16, data []byte) *etl.Record {
	return &etl.Record{Kind: etl.KindFull64, HasGUID: true, Provider: guid("bbccf6c1-6cd1-48c4-80ff-839482e37671"), ID: typ, Pointer: 8, Data: data}
}

func guid(s string) etl.GUID {
	g, err := etl.ParseGUID(s)
	if err != nil {
		panic(err)
	}
	return g
}

// describe decodes r both ways, which have to agree, and returns the event.
func describe(t *testing.T, d *decode.Decoder, r *etl.Record) *decode.Event {
	t.Helper()
	var row format.Event
	d.Decode(r, &row)
	var ev decode.Event
	d.Event(r, &ev)
	if d.Failure() != ev.Failure {
		t.Errorf("Decode says %v, Event %v", d.Failure(), ev.Failure)
	}
	return &ev
}

// TestManifestForms reads every form through every source that can describe it.
func TestManifestForms(t *testing.T) {
	for _, f := range manifestForms {
		info := decodetest.EventInfo{Provider: contoso, ID: 7, Version: 1, ProviderName: "Contoso", Task: "Work", OpcodeName: "Start", Properties: f.props}
		sources := map[string]*decode.Decoder{}
		sources["metadata"] = decode.New(decode.Options{})
		sources["metadata"].Learn(metadataRecord(32, info.Record()))
		small := true
		for _, p := range f.props {
			small = small && p.In < 256
		}
		if small {
			lib := &decode.Library{}
			if n, err := lib.AddResource("c.res", decodetest.Resource(contoso, []decodetest.EventInfo{info})); err != nil || n != 1 {
				t.Fatalf("%s: resource: %d, %v", f.name, n, err)
			}
			sources["resource"] = decode.New(decode.Options{Library: lib})
			lib = &decode.Library{}
			image := decodetest.Image("WEVT_TEMPLATE", decodetest.Resource(contoso, []decodetest.EventInfo{info}), len(f.props)%2 == 0)
			if n, err := lib.AddImage("c.dll", bytes.NewReader(image)); err != nil || n != 1 {
				t.Fatalf("%s: image: %d, %v", f.name, n, err)
			}
			sources["image"] = decode.New(decode.Options{Library: lib})
		}
		if f.xml != "" || len(f.props) == 0 {
			lib := &decode.Library{}
			text := []byte(manifestXML(f.xml))
			if n, err := lib.AddManifest("c.man", text); err != nil || n != 1 {
				t.Fatalf("%s: manifest: %d, %v", f.name, n, err)
			}
			sources["manifest"] = decode.New(decode.Options{Library: lib})
			utf16 := append([]byte{0xFF, 0xFE}, decodetest.UTF16(strings.Replace(string(text), "utf-8", "utf-16", 1))...)
			lib = &decode.Library{}
			if _, err := lib.AddManifest("c.man", utf16); err != nil {
				t.Fatalf("%s: manifest in UTF-16: %v", f.name, err)
			}
			sources["manifest in UTF-16"] = decode.New(decode.Options{Library: lib})
			sources["stream"] = decode.New(decode.Options{})
			for i, c := range decodetest.Chunks(string(text), 300) {
				r := manifestRecord(string(c))
				r.ID = 0xFFFE
				if i%2 == 0 {
					sources["stream"].Learn(r)
				} else { // Decode learns too
					describe(t, sources["stream"], r)
				}
			}
		}
		for source, d := range sources {
			ev := describe(t, d, manifestRecord(f.payload))
			got := string(decode.AppendFields(nil, ev.Values))
			if ev.Failure.Reason != decode.ReasonNone || got != f.want || ev.Origin != decode.OriginManifest || ev.Name != "Work/Start" {
				t.Errorf("%s, %s: %v %q %v\n%s\nwant\n%s", f.name, source, ev.Origin, ev.Name, ev.Failure, got, f.want)
			}
			if !json.Valid([]byte(got)) {
				t.Errorf("%s, %s: not JSON", f.name, source)
			}
			// A payload that the description does not match is not decoded.
			if f.payload != "" {
				if ev := describe(t, d, manifestRecord(f.payload[1:])); ev.Failure.Reason == decode.ReasonNone && !endless(f.props) {
					t.Errorf("%s, %s: decodes without its first byte: %s", f.name, source, decode.AppendFields(nil, ev.Values))
				}
			}
			if ev := describe(t, d, manifestRecord(f.payload+"\x00")); ev.Failure.Reason != decode.ReasonPayloadLeft && ev.Failure.Reason != decode.ReasonPayloadCut && !endless(f.props) {
				t.Errorf("%s, %s: with a byte too many: %v", f.name, source, ev.Failure)
			}
			other := manifestRecord(f.payload)
			other.Version = 9
			if ev := describe(t, d, other); ev.Failure.Reason != decode.ReasonNoDecoder {
				t.Errorf("%s, %s: another version: %v", f.name, source, ev.Failure)
			}
		}
	}
}

// endless says that the last field takes what is there, so that nothing can be too much.
func endless(props []prop) bool {
	if len(props) == 0 {
		return false
	}
	last := props[len(props)-1]
	return last.In == 304 || last.In == 305 || (last.In == 1 || last.In == 2) && last.Length == 0 && !last.LengthOf && last.Count == 0
}

// TestManifestNames: maps, messages, names of providers.
func TestManifestNames(t *testing.T) {
	fields := `<data name="C" inType="win:UInt32" map="Colour"/><data name="B" inType="win:UInt8" map="Bits"/>`
	lib := &decode.Library{}
	if _, err := lib.AddManifest("c.man", []byte(manifestXML(fields))); err != nil {
		t.Fatal(err)
	}
	d := decode.New(decode.Options{Library: lib})
	merged := decode.New(decode.Options{})
	info := decodetest.EventInfo{Provider: contoso, ID: 7, Version: 1, ProviderName: "Contoso", Message: "First is %1!s!, second %2%n100%%",
		Properties: []prop{{Name: "C", In: 8, Map: "Colour"}, {Name: "B", In: 4, Map: "Bits"}}}
	merged.Learn(metadataRecord(32, info.Record()))
	merged.Learn(metadataRecord(33, decodetest.MapInfo(contoso, "Bits", true, []uint32{4, 1}, []string{"Green", "Red"})))
	merged.Learn(metadataRecord(33, decodetest.MapInfo(contoso, "Colour", false, []uint32{2, 1}, []string{"Green", "Red"})))
	for name, d := range map[string]*decode.Decoder{"manifest": d, "metadata": merged} {
		for payload, want := range map[string]string{
			u32(2) + "\x05": `{"C":"Green","B":"Red|Green"} First is Green, second Red|Green` + "\n100%",
			u32(3) + "\x0D": `{"C":3,"B":"Red|Green|0x8"} First is 3, second Red|Green|0x8` + "\n100%",
			u32(1) + "\x00": `{"C":"Red","B":0} First is Red, second 0` + "\n100%",
		} {
			r := manifestRecord(payload)
			ev := describe(t, d, r)
			if got := string(decode.AppendFields(nil, ev.Values)) + " " + string(ev.AppendMessage(nil, r)); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
			if got := d.ProviderName(r, ev); got != "Contoso" {
				t.Errorf("%s: provider %q", name, got)
			}
		}
	}
	// Classic events are described by their class, type and version.
	classic := etl.GUID{9, 9}
	info = decodetest.EventInfo{Event: classic, Opcode: 12, Version: 3, Source: 1, Task: "Thing", OpcodeName: "Go", Properties: []prop{{Name: "P", In: 16}}}
	merged.Learn(metadataRecord(32, info.Record()))
	r := &etl.Record{Kind: etl.KindFull32, HasGUID: true, Provider: classic, ID: 12, Version: 3, Pointer: 4, Data: []byte(u32(5))}
	if ev := describe(t, merged, r); string(ev.Values[0].AppendJSON(nil)) != `"0x5"` || ev.Name != "Thing/Go" || ev.Origin != decode.OriginClassic {
		t.Errorf("%+v", ev)
	}
	live := *r
	live.Kind, live.Flags, live.ID, live.Opcode = etl.KindEvent32, etl.FlagClassicHeader, 0, 12
	if ev := describe(t, merged, &live); ev.Origin != decode.OriginClassic || ev.Failure.Reason != decode.ReasonNone {
		t.Errorf("%+v", ev)
	}
}

// TestEventJSON: whatever describes an event, and if nothing does.
func TestEventJSON(t *testing.T) {
	lib := library(t, tmf("Fn", "%10!d!", "x, ItemLong"))
	if _, err := lib.AddManifest("a.man", []byte(manifestXML(`<data name="A" inType="win:UInt8"/>`))); err != nil {
		t.Fatal(err)
	}
	d := decode.New(decode.Options{Library: lib})
	classic := etl.GUID{9, 9}
	info := decodetest.EventInfo{Event: classic, Opcode: 12, Version: 3, Source: 1, Task: "Thing", OpcodeName: "Go", Properties: []prop{{Name: "P", In: 16}}}
	d.Learn(metadataRecord(32, info.Record()))
	traced := everything()
	items, data, err := aftracetest.Encode(&traced, aftracetest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for want, r := range map[string]*etl.Record{
		`{"event":"Work/Start","fields":{"A":7}}`:                                               manifestRecord("\x07"),
		`{"event":"Work/Start","fields":{},"failure":"payload ends early at byte 0 (field A)"}`: manifestRecord(""),
		`{"event":"af_c12","fields":{"x":5}}`:                                                   messageRecord(10, u32(5)),
		`{"fields":{},"failure":"WPP message without TMF data"}`:                                messageRecord(77, u32(5)),
		`{"event":"Thing/Go","fields":{"P":"0x5"}}`:                                             {Kind: etl.KindFull32, HasGUID: true, Provider: classic, ID: 12, Version: 3, Pointer: 4, Data: []byte(u32(5))},
		`{"fields":{},"failure":"no description of its payload"}`:                               {Kind: etl.KindFull32, HasGUID: true, Provider: classic, ID: 13, Version: 3, Pointer: 4, Data: []byte(u32(5))},
		`{"fields":{},"failure":"kernel record without a provider"}`:                            {Kind: etl.KindSystem64, ID: 0x301, Pointer: 8, Data: []byte("x")},
		`{"provider":"CoNDIS-AfTrace","event":"AfEvent","fields":{"Function":`: {
			Kind: etl.KindEvent64, HasGUID: true, Provider: decode.AfTrace, Pointer: 8, Channel: 11, Extended: etltest.AppendExt(nil, items), Data: data,
		},
	} {
		if got := string(describe(t, d, r).AppendJSON(nil)); got != want && (!strings.HasSuffix(want, ":") || !strings.HasPrefix(got, want)) || !json.Valid([]byte(got)) {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	}
}

// TestDamagedMetadata: each is counted, none is an event.
func TestDamagedMetadata(t *testing.T) {
	info := decodetest.EventInfo{Provider: contoso, ID: 7, Version: 1, ProviderName: "Contoso", Properties: []prop{{Name: "A", In: 8}}}
	whole := info.Record()
	d := decode.New(decode.Options{})
	for n := range whole {
		if ev := describe(t, d, metadataRecord(32, whole[:n])); ev.Failure.Reason != decode.ReasonMetadata {
			t.Errorf("%d bytes: %v", n, ev.Failure)
		}
	}
	many := bytes.Clone(whole)
	copy(many[100:], "\xFF\xFF\xFF\x7F\xFF\xFF\xFF\x7F")
	if ev := describe(t, d, metadataRecord(32, many)); ev.Failure.Reason != decode.ReasonMetadata {
		t.Error(ev.Failure)
	}
	if ev := describe(t, d, metadataRecord(33, []byte{1, 2, 3})); ev.Failure.Reason != decode.ReasonMetadata {
		t.Error(ev.Failure)
	}
	if ev := describe(t, d, metadataRecord(99, nil)); ev.Failure.Reason != decode.ReasonNoDecoder {
		t.Error(ev.Failure)
	}
	if ev := describe(t, d, manifestRecord("\x01\x02\x03\x04")); ev.Failure.Reason != decode.ReasonNoDecoder {
		t.Error(ev.Failure)
	}
	// A circle of structs, and a count that no payload can hold.
	info.Properties = []prop{{Name: "N", In: 8}, {Name: "A", In: 4, CountOf: true}, {Name: "S", Structure: true, CountOf: true, Members: nil}}
	d.Learn(metadataRecord(32, info.Record()))
	if ev := describe(t, d, manifestRecord(u32(0xFFFFFFFF))); ev.Failure.Reason != decode.ReasonValues {
		t.Error(ev.Failure)
	}
	bad := decodetest.Chunks("<nothing", 100)[0]
	r := manifestRecord(string(bad))
	r.ID = 0xFFFE
	if ev := describe(t, d, r); ev.Failure.Reason != decode.ReasonMetadata {
		t.Error(ev.Failure)
	}
	r.Data = []byte{1, 0, 0, 0x5B, 0, 0, 0, 0}
	if ev := describe(t, d, r); ev.Failure.Reason != decode.ReasonMetadata {
		t.Error(ev.Failure)
	}
}

// TestBadManifests: what is wrong, where, and what was expected.
func TestBadManifests(t *testing.T) {
	field := func(s string) string { return manifestXML(s) }
	for text, want := range map[string]string{
		"":                           "c.man:1: expected an instrumentation manifest in XML: EOF",
		"<a>":                        "c.man:1: expected an instrumentation manifest in XML",
		"<a/>":                       "c.man: expected an instrumentation manifest, its first element is <a>",
		"<instrumentationManifest/>": "c.man: an instrumentation manifest without events",
		strings.Repeat("<a>", 100):   "c.man:1: expected an instrumentation manifest in XML: elements nest deeper than 64",
		strings.Replace(field(""), "{030201C0", "{nonsense", 1):                               `c.man: provider "Contoso": "{nonsense-0504-0706-0809-0A0B0C0D0E0F}" is not a GUID`,
		strings.Replace(field(""), `value="7"`, `value="seven"`, 1):                           `c.man: provider "Contoso": expected the number of an event, got "seven"`,
		strings.Replace(field(""), `version="1" level`, `version="256" level`, 1):             `c.man: event 7: expected a version up to 255, got "256"`,
		strings.Replace(field(""), `value="0x2"`, `value="two"`, 1):                           `c.man: map "Colour": expected a number, got "two"`,
		field(`<data name="A" inType="win:Color"/>`):                                          `c.man: event 7: template "T": field "A": inType "win:Color" is not known`,
		field(`<data name="A" inType="win:Binary" length="N"/>`):                              `c.man: event 7: template "T": field "A": length: "N" is neither a number nor a field before it`,
		strings.Replace(field(`<data name="A" inType="win:GUID"/>`), `tid="T"`, `tid="U"`, 1): `c.man: event 7: no template "T"`,
	} {
		_, err := (&decode.Library{}).AddManifest("c.man", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.60q: %v, want %s", text, err, want)
		}
	}
	resource := decodetest.Resource(contoso, []decodetest.EventInfo{{ID: 7, Version: 1, Task: "W", OpcodeName: "O", Properties: []prop{{Name: "A", In: 8}}}})
	for n := range resource {
		if _, err := (&decode.Library{}).AddResource("c.res", resource[:n]); err == nil && n < len(resource)-20 {
			t.Errorf("a resource of %d bytes is accepted", n)
		}
	}
	image := decodetest.Image("WEVT_TEMPLATE", resource, true)
	for name, b := range map[string][]byte{
		"expected a PE binary":      []byte("MZ but nothing else follows this line of text, which is long enough to hold a DOS header and more than that"),
		"no WEVT_TEMPLATE resource": decodetest.Image("VERSION", resource, true),
		"damaged":                   image[:len(image)-8],
		`begins with "CRIM"`:        decodetest.Image("WEVT_TEMPLATE", []byte("not a resource of events"), false),
		"without events":            decodetest.Image("WEVT_TEMPLATE", decodetest.Resource(contoso, nil), false),
	} {
		if _, err := (&decode.Library{}).AddImage("c.dll", bytes.NewReader(b)); err == nil || !strings.Contains(err.Error(), name) || !strings.HasPrefix(err.Error(), "c.dll: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A resource whose offsets point at the same events again and again ends in an error.
	bomb := append([]byte("CRIM"), make([]byte, 12)...)
	copy(bomb[8:], u16(3))
	const providers, elements = 3000, 3000
	copy(bomb[12:], u32(providers))
	at := 16 + 20*providers
	for range providers {
		bomb = append(append(bomb, contoso[:]...), u32(uint32(at))...)
	}
	evnt := at + 20 + 8*elements
	bomb = append(bomb, "WEVT"+u32(0)+u32(0)+u32(elements)+u32(0)...)
	bomb = append(bomb, strings.Repeat(u32(uint32(evnt))+u32(0), elements)...)
	bomb = append(bomb, "EVNT"+u32(0)+u32(100)+u32(0)+strings.Repeat("\x00", 4800)...)
	if _, err := (&decode.Library{}).AddResource("c.res", bomb); err == nil || !strings.Contains(err.Error(), "more than 4194304 elements") {
		t.Error(err)
	}
}

// TestFirstDescriptionCounts: merged metadata before the stream's before the user's before
// what is built in.
func TestFirstDescriptionCounts(t *testing.T) {
	lib := &decode.Library{}
	if _, err := lib.AddManifest("a.man", []byte(manifestXML(`<data name="User" inType="win:UInt32"/>`))); err != nil {
		t.Fatal(err)
	}
	if _, err := lib.AddManifest("b.man", []byte(manifestXML(`<data name="Second" inType="win:UInt32"/>`))); err != nil || lib.Duplicates != 1 {
		t.Fatal(err, lib.Duplicates)
	}
	d := decode.New(decode.Options{Library: lib})
	want := func(name string) {
		t.Helper()
		if ev := describe(t, d, manifestRecord(u32(1))); len(ev.Values) != 1 || ev.Values[0].Field.Name != name {
			t.Errorf("%+v, want %s", ev.Values, name)
		}
	}
	want("User")
	chunk := manifestRecord(string(decodetest.Chunks(manifestXML(`<data name="Stream" inType="win:UInt32"/>`), 1<<15)[0]))
	chunk.ID = 0xFFFE
	describe(t, d, chunk)
	want("Stream")
	info := decodetest.EventInfo{Provider: contoso, ID: 7, Version: 1, Properties: []prop{{Name: "Merged", In: 8}}}
	describe(t, d, metadataRecord(32, info.Record()))
	want("Merged")
	for _, p := range d.Providers() {
		if p.GUID == contoso && p.Name != "Contoso" {
			t.Errorf("%+v", p)
		}
	}
}

// TestNDISEvents reads the events of Microsoft-Windows-NDIS without any description, and
// those that speak of binding functions become rows.
func TestNDISEvents(t *testing.T) {
	ifc := string(contoso[:]) + u32(12) + u64(0x17000000000000)
	row := func(function, rest string) string {
		return `{"phase":"event","function":"` + function + `",` + rest + `}`
	}
	detail := func(extra string) string {
		return fmt.Sprintf(`%s"if_guid":"030201c0-0504-0706-0809-0a0b0c0d0e0f","if_index":12,"if_luid":"0x17000000000000"`, extra)
	}
	for _, c := range []struct {
		id      uint16
		payload string
		row     string
	}{
		{10006, ifc + wide("NDISWAN\x00") + u32(0), row("ProtocolBindAdapterEx", `"driver":"NDISWAN","status":0,"detail":{`+detail(`"event":10006,`)+`,"inferred":true}`)},
		{10017, ifc + wide("NDISWAN\x00"), row("ProtocolUnbindAdapterEx", `"driver":"NDISWAN","detail":{`+detail(`"event":10017,`)+`,"inferred":true}`)},
		{10311, ifc + wide("WAN\x00") + u32(0x33), row("MiniportInitializeEx", `"detail":{"adapter_name":"WAN",`+detail(`"event":10311,`)+`}`)},
		{10311, ifc + wide("WAN\x00") + u32(0x34), row("MiniportHaltEx", `"detail":{"adapter_name":"WAN",`+detail(`"event":10311,`)+`}`)},
		{10311, ifc + wide("WAN\x00") + u32(0x1F), ""},
		{10603, u16(14) + wide("ndiswan") + u16(2) + wide("i") + "\x06\x1e\x01\x02" + u32(3) + string(contoso[:]),
			row("NdisRegisterProtocolDriver", `"driver":"ndiswan","detail":{"event":10603,"inferred":true}`)},
		{10601, u16(2) + wide("m") + u16(2) + wide("i") + u16(0) + "\x06\x1e" + u32(1) + u32(2) + u32(3),
			row("NdisMRegisterMiniportDriver", `"driver":"m","detail":{"event":10601,"inferred":true}`)},
		{10069, u32(1) + wide("P\x00D\x00"), ""},
		{10094, ifc + wide("A\x00") + u32(1) + u32(2) + u32(8) + u32(9), ""},
		{10325, string(contoso[:]) + u32(3) + "abc", ""},
		{10313, "", ""},
	} {
		d := decode.New(decode.Options{Source: format.SourceETL, HeaderTicks: true})
		r := manifestRecord(c.payload)
		r.Provider, r.ID, r.Version, r.CPU, r.Clock, r.Time = decode.NDIS, c.id, 0, 3, 77, 100
		var e format.Event
		outcome := d.Decode(r, &e)
		if d.Failure().Reason != decode.ReasonNone || (outcome == decode.Row) != (c.row != "") {
			t.Errorf("%d: %d, %v", c.id, outcome, d.Failure())
			continue
		}
		if c.row == "" {
			continue
		}
		if e.Source != format.SourceManifest || e.TS != 100 || e.Ticks != 77 || e.CPU != 3 || e.PID != 4 || e.TID != 8 {
			t.Errorf("%d: %+v", c.id, e)
		}
		got := fmt.Sprintf(`{"phase":"%v","function":"%v"`, e.Phase, e.Function)
		if e.Has&format.HasDriver != 0 {
			got += fmt.Sprintf(`,"driver":"%s"`, e.Driver)
		}
		if e.Has&format.HasStatus != 0 {
			got += fmt.Sprintf(`,"status":%d`, e.Status)
		}
		if got += `,"detail":` + e.Detail + `}`; got != c.row {
			t.Errorf("%d: %s\nwant %s", c.id, got, c.row)
		}
		if e.Has&format.HandleFields != 0 {
			t.Errorf("%d: a handle that no event has", c.id)
		}
		// A payload of another layout is no row.
		r.Data = r.Data[:len(r.Data)-1]
		if d.Decode(r, &e) != decode.Other || d.Failure().Reason == decode.ReasonNone {
			t.Errorf("%d cut: %v", c.id, d.Failure())
		}
	}
	// The length of this field is not publicly known.
	d := decode.New(decode.Options{})
	r := manifestRecord(ifc + "\x01\x02\x03\x04\x05\x06")
	r.Provider, r.ID, r.Version = decode.NDIS, 10045, 0
	if ev := describe(t, d, r); ev.Failure.Reason != decode.ReasonNoLength || ev.Failure.Field != "MacAddress" || len(ev.Values) != 3 {
		t.Errorf("%+v", ev)
	}
}

// TestAppendExtended: what a live session makes of its extended items is what a file has.
func TestAppendExtended(t *testing.T) {
	list := []etl.ExtItem{{Type: etl.ExtSchemaTL, Data: []byte("schema")}, {Type: etl.ExtProviderTraits, Data: []byte("traits, longer")}}
	got := decode.AppendExtended(decode.AppendExtended(nil, list[0].Type, list[0].Data, true), list[1].Type, list[1].Data, false)
	if want := etltest.AppendExt(nil, list); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}
