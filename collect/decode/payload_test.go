package decode_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/decode/aftracetest"
)

type field = aftracetest.Field

var (
	fixed    = decode.FixedArray
	variable = decode.VariableArray
)

func u16(n int) string { return string(binary.LittleEndian.AppendUint16(nil, uint16(n))) }
func u32(n uint32) string {
	return string(binary.LittleEndian.AppendUint32(nil, n))
}
func u64(n uint64) string { return string(binary.LittleEndian.AppendUint64(nil, n)) }

// wide is s in UTF-16.
func wide(s string) string {
	var b strings.Builder
	for _, c := range s {
		b.WriteString(u16(int(c)))
	}
	return b.String()
}

// forms is every type, every form of array and struct, and every way to show a value: the
// fields, their bytes with pointers of 8 bytes, and what they are in JSON.
var forms = []struct {
	name    string
	fields  []field
	payload string
	want    string
}{
	{"null", []field{{Name: "a"}}, "", `{"a":null}`},
	{"utf16", []field{{Name: "a", In: decode.InUTF16}, {Name: "b", In: decode.InUTF16}}, wide("hé\x00") + "\x00\x00", `{"a":"hé","b":""}`},
	{"utf16 supplementary", []field{{Name: "a", In: decode.InUTF16}}, "\x3D\xD8\x00\xDE\x00\x00", `{"a":"😀"}`},
	{"utf16 broken", []field{{Name: "a", In: decode.InUTF16}}, "\x3D\xD8a\x00\x00\x00", `{"a":{"hex":"3dd86100"}}`},
	{"utf16 with the replacement character", []field{{Name: "a", In: decode.InUTF16}}, wide("\uFFFDx\x00"), `{"a":"` + "\uFFFD" + `x"}`},
	{"ansi", []field{{Name: "a", In: decode.InANSI}, {Name: "b", In: decode.InANSI, Out: decode.OutUTF8}}, "x\"\n\x00é\x00", `{"a":"x\"\n","b":"é"}`},
	{"signed characters and booleans", []field{{Name: "a", In: decode.InInt8, Out: decode.OutString}, {Name: "b", In: decode.InInt16, Out: decode.OutString}, {Name: "c", In: decode.InInt8, Out: decode.OutString},
		{Name: "d", In: decode.InInt8, Out: decode.OutBoolean}, {Name: "e", In: decode.InInt32, Out: decode.OutBoolean}}, "Z" + u16('Y') + "\xFF\x01" + u32(7), `{"a":"Z","b":"Y","c":-1,"d":true,"e":7}`},
	{"socket addresses", []field{{Name: "a", In: decode.InBinary, Out: decode.OutSockAddr}, {Name: "b", In: decode.InCountedBinary, Out: decode.OutSockAddr}, {Name: "c", In: decode.InBinary, Out: decode.OutSockAddr}},
		u16(16) + "\x02\x00\x00\x50\x0A\x00\x00\x01" + strings.Repeat("\x00", 8) + u16(28) + "\x17\x00\x01\xBB" + u32(0) + strings.Repeat("\x00", 15) + "\x01" + u32(0) + u16(2) + "\x02\x00",
		`{"a":"10.0.0.1:80","b":"[::1]:443","c":"0200"}`},
	{"ansi of a code page", []field{{Name: "a", In: decode.InANSI}}, "\xE9\x00", `{"a":{"hex":"e9"}}`},
	{"int8", []field{{Name: "a", In: decode.InInt8}, {Name: "b", In: decode.InInt8, Out: decode.OutHex}}, "\xFF\xFE", `{"a":-1,"b":"0xfe"}`},
	{"uint8", []field{{Name: "a", In: decode.InUint8}, {Name: "b", In: decode.InUint8, Out: decode.OutString}, {Name: "c", In: decode.InUint8, Out: decode.OutBoolean}},
		"\xFFZ\x01", `{"a":255,"b":"Z","c":true}`},
	{"int16", []field{{Name: "a", In: decode.InInt16}}, "\x00\x80", `{"a":-32768}`},
	{"uint16", []field{{Name: "a", In: decode.InUint16}, {Name: "b", In: decode.InUint16, Out: decode.OutPort}, {Name: "c", In: decode.InUint16, Out: decode.OutString}},
		"\x00\x80\x01\xBB\xAC\x20", `{"a":32768,"b":443,"c":"€"}`},
	{"int32", []field{{Name: "a", In: decode.InInt32}, {Name: "b", In: decode.InInt32, Out: decode.OutHResult}, {Name: "c", In: decode.InInt32, Out: decode.OutUnsigned}},
		u32(0x80000000) + u32(0x80070005) + u32(0xFFFFFFFF), `{"a":-2147483648,"b":"0x80070005","c":4294967295}`},
	{"uint32", []field{{Name: "a", In: decode.InUint32}, {Name: "b", In: decode.InUint32, Out: decode.OutNTStatus}, {Name: "c", In: decode.InUint32, Out: decode.OutIPv4},
		{Name: "d", In: decode.InUint32, Out: decode.OutPID}, {Name: "e", In: decode.InUint32, Out: decode.OutWin32Error}, {Name: "f", In: decode.InUint32, Out: decode.OutSigned}},
		u32(1<<31) + u32(0xC0000001) + "\x0A\x00\x00\x01" + u32(4) + u32(5) + u32(0xFFFFFFFF),
		`{"a":2147483648,"b":"0xC0000001","c":"10.0.0.1","d":4,"e":5,"f":-1}`},
	{"int64", []field{{Name: "a", In: decode.InInt64}, {Name: "b", In: decode.InInt64, Out: decode.OutHex}}, u64(1<<63) + u64(math.MaxUint64),
		`{"a":-9223372036854775808,"b":"0xffffffffffffffff"}`},
	{"uint64", []field{{Name: "a", In: decode.InUint64}, {Name: "b", In: decode.InUint64, Out: decode.OutCodePointer}, {Name: "c", In: decode.InUint64, Out: decode.OutFileTime}},
		u64(math.MaxUint64) + u64(0xFFFFF80312345678) + u64(116444736000000001), `{"a":18446744073709551615,"b":"0xfffff80312345678","c":"1970-01-01T00:00:00.0000001Z"}`},
	{"float", []field{{Name: "a", In: decode.InFloat}, {Name: "b", In: decode.InFloat}, {Name: "c", In: decode.InFloat}},
		u32(math.Float32bits(0.1)) + u32(math.Float32bits(float32(math.Inf(-1)))) + u32(0x7FC00001), `{"a":0.1,"b":"-Inf","c":"NaN(0x7fc00001)"}`},
	{"double", []field{{Name: "a", In: decode.InDouble}}, u64(math.Float64bits(-1.5e300)), `{"a":-1.5e+300}`},
	{"bool32", []field{{Name: "a", In: decode.InBool32}, {Name: "b", In: decode.InBool32}, {Name: "c", In: decode.InBool32}}, u32(0) + u32(1) + u32(7), `{"a":false,"b":true,"c":7}`},
	{"binary", []field{{Name: "a", In: decode.InBinary}, {Name: "b", In: decode.InBinary}, {Name: "c", In: decode.InBinary, Out: decode.OutIPv6}},
		"\x02\x00\xDE\xAD\x00\x00\x10\x00\xfe\x80" + strings.Repeat("\x00", 13) + "\x01", `{"a":"dead","b":"","c":"fe80::1"}`},
	{"guid", []field{{Name: "a", In: decode.InGUID}}, string(decode.AfTrace[:]), `{"a":"c993b968-86b0-5ab3-9387-798caf2d1425"}`},
	{"pointer", []field{{Name: "a", In: decode.InPointer}}, u64(0xFFFFA80012345678), `{"a":"0xffffa80012345678"}`},
	{"filetime", []field{{Name: "a", In: decode.InFileTime}, {Name: "b", In: decode.InFileTime}, {Name: "c", In: decode.InFileTime}},
		u64(133000000000000000) + u64(0) + u64(math.MaxUint64), `{"a":"2022-06-18T04:26:40Z","b":"1601-01-01T00:00:00Z","c":18446744073709551615}`},
	{"systemtime", []field{{Name: "a", In: decode.InSystemTime}, {Name: "b", In: decode.InSystemTime}},
		u16(2024) + u16(2) + u16(4) + u16(29) + u16(23) + u16(59) + u16(58) + u16(999) + u16(2023) + u16(2) + u16(3) + u16(29) + u16(0) + u16(0) + u16(0) + u16(0),
		`{"a":"2024-02-29T23:59:58.999","b":[2023,2,3,29,0,0,0,0]}`},
	{"sid", []field{{Name: "a", In: decode.InSID}}, "\x01\x02\x00\x00\x00\x00\x00\x05" + u32(32) + u32(544), `{"a":"S-1-5-32-544"}`},
	{"hexint32", []field{{Name: "a", In: decode.InHexInt32}, {Name: "b", In: decode.InHexInt32, Out: decode.OutNTStatus}}, u32(0xBEEF) + u32(0x103), `{"a":"0xbeef","b":"0x00000103"}`},
	{"hexint64", []field{{Name: "a", In: decode.InHexInt64}}, u64(0xBEEF), `{"a":"0xbeef"}`},
	{"counted utf16", []field{{Name: "a", In: decode.InCountedUTF16}, {Name: "b", In: decode.InCountedUTF16}}, u16(6) + wide("a\x00b") + "\x00\x00", `{"a":"a\u0000b","b":""}`},
	{"counted utf16 of odd length", []field{{Name: "a", In: decode.InCountedUTF16}}, u16(3) + "a\x00b", `{"a":{"hex":"610062"}}`},
	{"counted ansi", []field{{Name: "a", In: decode.InCountedANSI, Out: decode.OutJSON}}, u16(2) + "{}", `{"a":"{}"}`},
	{"counted binary", []field{{Name: "a", In: decode.InCountedBinary}}, u16(1) + "\x7F", `{"a":"7f"}`},

	{"fixed array", []field{{Name: "a", In: decode.InUint16, Array: fixed, Count: 3}}, u16(1) + u16(2) + u16(3), `{"a":[1,2,3]}`},
	{"fixed array of none", []field{{Name: "a", In: decode.InUint16, Array: fixed}, {Name: "b", In: decode.InUint8}}, "\x05", `{"a":[],"b":5}`},
	{"variable array", []field{{Name: "a", In: decode.InInt32, Array: variable}}, u16(2) + u32(1) + u32(0xFFFFFFFF), `{"a":[1,-1]}`},
	{"variable array of none", []field{{Name: "a", In: decode.InInt32, Array: variable}}, u16(0), `{"a":[]}`},
	{"array of strings", []field{{Name: "a", In: decode.InANSI, Array: variable}}, u16(2) + "x\x00\x00", `{"a":["x",""]}`},
	{"array of characters", []field{{Name: "a", In: decode.InUint16, Out: decode.OutString, Array: variable}, {Name: "b", In: decode.InUint8, Out: decode.OutString, Array: fixed, Count: 2}},
		u16(2) + wide("hi") + "yo", `{"a":"hi","b":"yo"}`},
	{"custom array", []field{{Name: "a", In: decode.InUint8, Array: decode.CustomArray, Custom: []byte("proto")}, {Name: "b", In: decode.InUint8}}, u16(3) + "\x01\x02\x03\x09", `{"a":"010203","b":9}`},
	{"struct", []field{{Name: "s", In: decode.InStruct, Members: []field{{Name: "a", In: decode.InUint8}, {Name: "b", In: decode.InANSI}}}, {Name: "c", In: decode.InUint8}},
		"\x01x\x00\x02", `{"s":{"a":1,"b":"x"},"c":2}`},
	{"struct of none", []field{{Name: "s", In: decode.InStruct}, {Name: "c", In: decode.InUint8}}, "\x02", `{"s":{},"c":2}`},
	{"struct in struct", []field{{Name: "s", In: decode.InStruct, Members: []field{
		{Name: "t", In: decode.InStruct, Members: []field{{Name: "a", In: decode.InUint8}, {Name: "b", In: decode.InUint8}}}, {Name: "c", In: decode.InUint8}}}, {Name: "d", In: decode.InUint8}},
		"\x01\x02\x03\x04", `{"s":{"t":{"a":1,"b":2},"c":3},"d":4}`},
	{"array of structs", []field{{Name: "s", In: decode.InStruct, Array: variable, Members: []field{{Name: "a", In: decode.InUint8}, {Name: "b", In: decode.InANSI}}}, {Name: "c", In: decode.InUint8}},
		u16(2) + "\x01x\x00\x02\x00\x03", `{"s":[{"a":1,"b":"x"},{"a":2,"b":""}],"c":3}`},
	{"array of no structs", []field{{Name: "s", In: decode.InStruct, Array: variable, Members: []field{{Name: "a", In: decode.InUint8}}}, {Name: "c", In: decode.InUint8}},
		u16(0) + "\x03", `{"s":[],"c":3}`},
	{"fixed array of structs with arrays of structs", []field{{Name: "s", In: decode.InStruct, Array: fixed, Count: 2, Members: []field{
		{Name: "t", In: decode.InStruct, Array: variable, Members: []field{{Name: "a", In: decode.InUint8, Array: fixed, Count: 2}}}}}},
		u16(1) + "\x01\x02" + u16(2) + "\x03\x04\x05\x06", `{"s":[{"t":[{"a":[1,2]}]},{"t":[{"a":[3,4]},{"a":[5,6]}]}]}`},
	{"names that come again", []field{{Name: "a", In: decode.InUint8}, {Name: "a#2", In: decode.InUint8}, {Name: "a", In: decode.InUint8}, {Name: "a", In: decode.InUint8}, {Name: "x;k=v", In: decode.InUint8}},
		"\x01\x02\x03\x04\x05", `{"a":1,"a#2":2,"a#3":3,"a#4":4,"x;k=v":5}`},
	{"tags", []field{{Name: "a", In: decode.InUint8, Tags: 0x0FFFFFFF}, {Name: "s", In: decode.InStruct, Tags: 1 << 21, Members: []field{{Name: "b", In: decode.InUint8, Out: decode.OutHex, Tags: 1}}}},
		"\x01\x02", `{"a":1,"s":{"b":"0x2"}}`},
}

func TestForms(t *testing.T) {
	var ev decode.Event
	seen := map[decode.InType]bool{}
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			s := decode.ParseSchema(aftracetest.Schema("Event", 5<<21, f.fields))
			if s.Failure.Reason != decode.ReasonNone || s.Name != "Event" || s.Tags != 5<<21 {
				t.Fatalf("%+v", s)
			}
			for i := range s.Fields {
				seen[s.Fields[i].In] = true
			}
			s.Decode([]byte(f.payload), 8, &ev)
			if ev.Failure.Reason != decode.ReasonNone || ev.Left != 0 {
				t.Fatalf("%v, %d left", ev.Failure, ev.Left)
			}
			if got := fmt.Sprintf(`{"event":"Event","fields":%s}`, f.want); string(ev.AppendJSON(nil)) != got {
				t.Errorf("%s\nwant\n%s", ev.AppendJSON(nil), got)
			}

			// One byte more is left over; cut anywhere, it says where and keeps the fields before.
			s.Decode([]byte(f.payload+"\xAA"), 8, &ev)
			if ev.Failure.Reason != decode.ReasonPayloadLeft || ev.Left != 1 || ev.Failure.Offset != len(f.payload) {
				t.Errorf("with a byte more: %v, %d left", ev.Failure, ev.Left)
			}
			for n := range len(f.payload) {
				s.Decode([]byte(f.payload[:n]), 8, &ev)
				if ev.Failure.Reason != decode.ReasonPayloadCut || ev.Failure.Offset > n || ev.Failure.Field == "" {
					t.Errorf("cut at %d: %v", n, ev.Failure)
				}
				if text := ev.AppendJSON(nil); !json.Valid(text) {
					t.Errorf("cut at %d: %s", n, text)
				}
			}
		})
	}
	for in := decode.InNull; in <= decode.InCountedBinary; in++ {
		if !seen[in] {
			t.Errorf("type %v is in no form", in)
		}
	}
}

// TestPartial holds that what was decoded before the payload ends is kept.
func TestPartial(t *testing.T) {
	s := decode.ParseSchema(aftracetest.Schema("E", 0, []field{
		{Name: "a", In: decode.InUint8},
		{Name: "s", In: decode.InStruct, Array: variable, Members: []field{{Name: "b", In: decode.InUint8}, {Name: "c", In: decode.InUint16}}},
		{Name: "d", In: decode.InUint8},
	}))
	var ev decode.Event
	for payload, want := range map[string]string{
		"":                                 `{}`,
		"\x01":                             `{"a":1}`,
		"\x01\x02\x00":                     `{"a":1,"s":[{}]}`,
		"\x01\x02\x00\x03":                 `{"a":1,"s":[{"b":3}]}`,
		"\x01\x02\x00\x03\x04\x00":         `{"a":1,"s":[{"b":3,"c":4},{}]}`,
		"\x01\x02\x00\x03\x04\x00\x05\x06": `{"a":1,"s":[{"b":3,"c":4},{"b":5}]}`,
	} {
		s.Decode([]byte(payload), 8, &ev)
		text := string(ev.AppendJSON(nil))
		if want := `{"event":"E","fields":` + want + `,"failure":`; !strings.HasPrefix(text, want) {
			t.Errorf("%q: %s\nwant %s", payload, text, want)
		}
	}
}

func TestPointers(t *testing.T) {
	s := decode.ParseSchema(aftracetest.Schema("E", 0, []field{{Name: "p", In: decode.InPointer, Array: fixed, Count: 2}}))
	var ev decode.Event
	s.Decode([]byte(u32(1)+u32(0xFFFFFFFF)), 4, &ev)
	if ev.Failure.Reason != decode.ReasonNone || ev.Values[0].Items[1].Num != 0xFFFFFFFF {
		t.Errorf("%s", ev.AppendJSON(nil))
	}
}

func TestSchemaFailures(t *testing.T) {
	raw := func(body string) []byte {
		return append([]byte(u16(2+len(body))), body...)
	}
	deep := field{Name: "x", In: decode.InUint8}
	for range decode.MaxDepth {
		deep = field{Name: "s", In: decode.InStruct, Members: []field{deep}}
	}
	var many []field
	for range decode.MaxFields {
		many = append(many, field{In: decode.InUint8})
	}
	whole := aftracetest.Schema("E", 0, []field{{Name: "a", In: decode.InUint8}, {Name: "b", In: decode.InUint8, Tags: 3}})
	for name, c := range map[string]struct {
		meta   []byte
		want   decode.Reason
		fields int
	}{
		"empty":                 {nil, decode.ReasonSchemaCut, 0},
		"size 1":                {[]byte("\x01\x00\x00E\x00"), decode.ReasonSchemaCut, 0},
		"no name":               {raw("\x00E"), decode.ReasonSchemaCut, 0},
		"no tags":               {raw("\x80\x80"), decode.ReasonSchemaCut, 0},
		"only a name":           {raw("\x00E\x00"), decode.ReasonNone, 0},
		"bytes after its end":   {append(raw("\x00E\x00"), "junk"...), decode.ReasonNone, 0},
		"unknown type":          {raw("\x00E\x00a\x00\x04b\x00\x1A"), decode.ReasonSchemaType, 1},
		"type 31":               {raw("\x00E\x00a\x00\x1F"), decode.ReasonSchemaType, 0},
		"out type missing":      {raw("\x00E\x00a\x00\x84"), decode.ReasonSchemaCut, 0},
		"tags missing":          {raw("\x00E\x00a\x00\x84\x82\x80"), decode.ReasonSchemaCut, 0},
		"count missing":         {raw("\x00E\x00a\x00\x24\x01"), decode.ReasonSchemaCut, 0},
		"custom schema missing": {raw("\x00E\x00a\x00\x64\x05\x00abc"), decode.ReasonSchemaCut, 0},
		"struct lacks members":  {raw("\x00E\x00a\x00\x04s\x00\x98\x02b\x00\x04"), decode.ReasonSchemaCut, 1},
		"size past the end":     {whole[:len(whole)-1], decode.ReasonSchemaCut, 1},
		"as deep as may be":     {aftracetest.Schema("E", 0, []field{deep}), decode.ReasonNone, decode.MaxDepth + 1},
		"too deep":              {aftracetest.Schema("E", 0, []field{{Name: "a", In: decode.InUint8}, {Name: "s", In: decode.InStruct, Members: []field{deep}}}), decode.ReasonSchemaDepth, 1},
		"as many as may be":     {aftracetest.Schema("E", 0, many), decode.ReasonNone, decode.MaxFields},
		"too many":              {aftracetest.Schema("E", 0, append(many, field{In: decode.InUint8})), decode.ReasonSchemaFields, decode.MaxFields},
	} {
		s := decode.ParseSchema(c.meta)
		if s.Failure.Reason != c.want || len(s.Fields) != c.fields {
			t.Errorf("%s: %v, %d fields; want %v, %d", name, s.Failure, len(s.Fields), c.want, c.fields)
		}
		var ev decode.Event
		s.Decode(bytes.Repeat([]byte{1}, c.fields), 8, &ev)
		if c.want != decode.ReasonNone && (ev.Failure != s.Failure || len(ev.Values) != c.fields) {
			t.Errorf("%s: an event gives %v and %d values", name, ev.Failure, len(ev.Values))
		}
	}
}

// TestValueLimit holds that a few bytes cannot become a million values.
func TestValueLimit(t *testing.T) {
	f := field{Name: "n", In: decode.InNull, Array: fixed, Count: 0xFFFF}
	for range 3 {
		f = field{Name: "s", In: decode.InStruct, Array: fixed, Count: 0xFFFF, Members: []field{f}}
	}
	s := decode.ParseSchema(aftracetest.Schema("E", 0, []field{f}))
	var ev decode.Event
	allocated := testing.AllocsPerRun(1, func() { s.Decode(nil, 8, &ev) })
	if ev.Failure.Reason != decode.ReasonValues || allocated > 50 {
		t.Errorf("%v after %v allocations", ev.Failure, allocated)
	}
	n := 0
	var count func([]decode.Value)
	count = func(v []decode.Value) {
		n += len(v)
		for i := range v {
			count(v[i].Items)
		}
	}
	count(ev.Values)
	if n > decode.MaxValues {
		t.Errorf("%d values", n)
	}
}

func BenchmarkTraceLogging(b *testing.B) {
	var fields []field
	var payload string
	for _, f := range forms {
		fields = append(fields, f.fields...)
		payload += f.payload
	}
	s := decode.ParseSchema(aftracetest.Schema("E", 0, fields))
	var ev decode.Event
	data := []byte(payload)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		s.Decode(data, 8, &ev)
	}
	if ev.Failure.Reason != decode.ReasonNone {
		b.Fatal(ev.Failure)
	}
}
