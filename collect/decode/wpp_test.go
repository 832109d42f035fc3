package decode_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/decode/decodetest"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/collect/etl/etltest"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

const tmfGUID = "01e9b841-7d67-315a-7b92-23b2033356de"

// tmf is a TMF text with one message, number 10, of function fn.
func tmf(fn, text string, params ...string) string {
	var b strings.Builder
	b.WriteString("// PDB:  contoso.pdb\n" + tmfGUID + " contoso // SRC=af.c MJ= MN=\n")
	fmt.Fprintf(&b, "#typev af_c12 10 \"%s\" //   LEVEL=TRACE_LEVEL_VERBOSE FLAGS=CO FUNC=%s\n{\n", text, fn)
	for i, p := range params {
		fmt.Fprintf(&b, "%s -- %d\n", p, 10+i)
	}
	b.WriteString("}\n")
	return b.String()
}

func library(t testing.TB, texts ...string) *decode.Library {
	t.Helper()
	lib := &decode.Library{}
	for _, s := range texts {
		if _, err := lib.AddTMF("a.tmf", []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	return lib
}

func messageRecord(number uint16, payload string) *etl.Record {
	return &etl.Record{
		Kind: etl.KindMessage, HasGUID: true, HasIDs: true, HasClock: true, Clock: 5, Time: 50, CPU: 2, PID: 4, TID: 8, Pointer: 8,
		Provider: guid(tmfGUID), ID: number, Flags: etltest.MessageDefault | etl.MessagePointer64, Data: []byte(payload),
	}
}

// items is every item type: how it is written, its bytes with pointers of 8 bytes, with what
// conversion it is printed, the text and the value in JSON.
var items = []struct{ item, payload, spec, text, value string }{
	{"ItemChar", "A", "c", "A", "65"},
	{"ItemUChar", "\xFF", "02X", "FF", "255"},
	{"ItemListByte(FALSE,TRUE)", "\x01", "s", "TRUE", `"TRUE"`},
	{"ItemListByte(FALSE,TRUE)", "\x07", "s", "7", "7"},
	{"ItemSetByte(R,W,X)", "\x05", "s", "R|X", `"R|X"`},
	{"ItemSetByte(R,W,X)", "\x00", "s", "0", "0"},
	{"ItemShort", "\xFE\xFF", "d", "-2", "-2"},
	{"ItemUShort", "\xFE\xFF", "u", "65534", "65534"},
	{"ItemListShort(Zero,One)", "\x00\x00", "s", "Zero", `"Zero"`},
	{"ItemSetShort(A,B)", "\x03\x00", "s", "A|B", `"A|B"`},
	{"ItemPort", "\x01\xBB", "s", "443", "443"},
	{"ItemLong", u32(0xFFFFFFFF), "d", "-1", "-1"},
	{"ItemLong", u32(0xFFFFFFFF), "x", "ffffffff", "-1"},
	{"ItemULong", u32(17), "#010x", "0x00000011", "17"},
	{"ItemListLong(a, b, c)", u32(2), "s", "c", `"c"`},
	{"ItemSetLong(a,b,c)", u32(12), "s", "c|0x8", `"c|0x8"`},
	{"ItemEnum(CO_AF)", u32(3), "s", "3", "3"},
	{"ItemFlagsEnum(CO_FLAGS)", u32(0x30), "s", "0x30", `"0x30"`},
	{"ItemNTSTATUS", u32(0xC0000001), "s", "0xC0000001(NDIS_STATUS_FAILURE)", `"0xC0000001"`},
	{"ItemNDIS_STATUS", u32(0x103), "s", "0x00000103(NDIS_STATUS_PENDING)", `"0x00000103"`},
	{"ItemNDIS_STATUS", u32(0xDEAD0001), "!X", "DEAD0001", `"0xDEAD0001"`},
	{"ItemNDIS_OID", u32(0xFE000001), "s", "0xfe000001", `"0xfe000001"`},
	{"ItemWINERROR", u32(5), "s", "5", "5"},
	{"ItemHRESULT", u32(0x80070005), "s", "0x80070005", `"0x80070005"`},
	{"ItemIPAddr", "\x7F\x00\x00\x01", "s", "127.0.0.1", `"127.0.0.1"`},
	{"ItemChar4", "Ndis", "s", "Ndis", `"Ndis"`},
	{"ItemLongLong", u64(1<<64 - 9), "I64d", "-9", "-9"},
	{"ItemULongLong", u64(1 << 63), "I64u", "9223372036854775808", "9223372036854775808"},
	{"ItemLongLongX", u64(0xABC), "I64x", "abc", `"0xabc"`},
	{"ItemLongLongXX", u64(0xABC), "012I64X", "000000000ABC", `"0xabc"`},
	{"ItemLongLongO", u64(8), "I64o", "10", "8"},
	{"ItemDouble", u64(math.Float64bits(1.25)), "8.2f", "    1.25", "1.25"},
	{"ItemTimestamp", u64(116444736000000000), "s", "1970-01-01T00:00:00Z", `"1970-01-01T00:00:00Z"`},
	{"ItemTimeDelta", u64(10), "s", "10", "10"},
	{"ItemWaitTime", u64(20), "s", "20", "20"},
	{"ItemPtr", u64(0xFFFFA80012345678), "p", "FFFFA80012345678", `"0xffffa80012345678"`},
	{"ItemGuid", string(contoso[:]), "s", contoso.String(), `"` + contoso.String() + `"`},
	{"ItemCLSID", string(contoso[:]), "s", contoso.String(), `"` + contoso.String() + `"`},
	{"ItemLIBID", string(contoso[:]), "s", contoso.String(), `"` + contoso.String() + `"`},
	{"ItemIID", string(contoso[:]), "s", contoso.String(), `"` + contoso.String() + `"`},
	{"ItemString", "abc\x00", "-5s|", "abc  ", `"abc"`},
	{"ItemRString", "\x00", "s", "", `""`},
	{"ItemWString", wide("äb\x00"), "5s", "   äb", `"äb"`},
	{"ItemRWString", wide("x\x00"), "s", "x", `"x"`},
	{"ItemPString", u16(3) + "abc", ".2s", "ab", `"abc"`},
	{"ItemPWString", u16(4) + wide("ab"), "s", "ab", `"ab"`},
	{"ItemSid", "\x01\x01\x00\x00\x00\x00\x00\x05" + u32(18), "s", "S-1-5-18", `"S-1-5-18"`},
	{"ItemHexDump", u16(2) + "\xAB\xCD", "s", "abcd", `"abcd"`},
}

// TestItems writes a message with each item type and reads it back: text, value, and the
// payload to the byte.
func TestItems(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range items {
		name, _, _ := strings.Cut(c.item, "(")
		seen[name] = true
		spec := strings.Trim(c.spec, "!|")
		lib := library(t, tmf("Fn", "%0 <%10!"+spec+"!>", "x->y(1, 2), "+c.item))
		d := decode.New(decode.Options{Library: lib})
		r := messageRecord(10, c.payload)
		ev := describe(t, d, r)
		if ev.Failure.Reason != decode.ReasonNone || ev.Origin != decode.OriginWPP {
			t.Errorf("%s: %v", c.item, ev.Failure)
			continue
		}
		if got := string(ev.AppendMessage(nil, r)); got != "<"+c.text+">" {
			t.Errorf("%s with %s: %s, want <%s>", c.item, spec, got, c.text)
		}
		if got := string(ev.Values[0].AppendJSON(nil)); got != c.value || ev.Values[0].Field.Name != "x->y(1, 2)" {
			t.Errorf("%s: %s %s, want %s", c.item, ev.Values[0].Field.Name, got, c.value)
		}
		for n := range c.payload {
			if ev := describe(t, d, messageRecord(10, c.payload[:n])); ev.Failure.Reason != decode.ReasonPayloadCut {
				t.Errorf("%s, %d bytes: %v", c.item, n, ev.Failure)
			}
		}
		if ev := describe(t, d, messageRecord(10, c.payload+"\x00")); ev.Failure.Reason != decode.ReasonPayloadLeft || ev.Left != 1 {
			t.Errorf("%s, a byte too many: %v", c.item, ev.Failure)
		}
		if name == "ItemPtr" {
			r := messageRecord(10, c.payload[:4])
			r.Pointer = 4
			if ev := describe(t, d, r); ev.Failure.Reason != decode.ReasonNone || string(ev.AppendMessage(nil, r)) != "<12345678>" {
				t.Errorf("32-bit pointer: %s", ev.AppendMessage(nil, r))
			}
		}
	}
	for _, name := range decode.ItemTypes() {
		if !seen[name] {
			t.Errorf("no test of %s", name)
		}
	}
}

// TestMessageFormat: everything that a text may hold.
func TestMessageFormat(t *testing.T) {
	for text, want := range map[string]string{
		`%0%10!d! of %11!d!`:                   "1 of -2",
		`%11!+d! %11!5d! %11!-5d!| %11!05d!`:   "-2    -2 -2   | -0002",
		`%10!+d! %10! d! %10!.3d! %10!#x!`:     "+1  1 001 0x1",
		`%10!#o! %10!#X! %10!c!`:               "01 0X1 \x01",
		`[%!FUNC!] %!LEVEL! %!FLAGS! %!FILE!`:  "[Fn] TRACE_LEVEL_VERBOSE CO af.c",
		`%1!s! %2!s! %3!x! %4!s! %8!x! %9!x!`:  "contoso af_c12 8 1970-01-01T00:00:00.00000005Z 4 2",
		`100%% \"q\" a\tb\nc\\d`:               "100% \"q\" a\tb\nc\\d",
		`%12!s! %99!d! %!NOTHING! %10 %`:       "text %99!d! %!NOTHING! 1 %",
		`%12!d! %12!.2s!`:                      "text te",
		`%10!i! %10!u! %10!hd! %10!ld! %10!w!`: "1 1 1 1 1",
		`%7!x!`:                                "0",
	} {
		d := decode.New(decode.Options{Library: library(t, tmf("Fn", text, "a, ItemLong", "b, ItemLong", "c, ItemString"))})
		r := messageRecord(10, u32(1)+u32(0xFFFFFFFE)+"text\x00")
		if got := string(describe(t, d, r).AppendMessage(nil, r)); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// TestMessageHeaders writes messages with every combination of flags and reads them from a
// file.
func TestMessageHeaders(t *testing.T) {
	lib := library(t, tmf("NdisClOpenAddressFamilyEx", "--> %10!p!", "NdisAfHandle, ItemPtr"))
	optional := []uint16{etl.MessageSequence, etl.MessageGUID, etl.MessageComponentID, etl.MessageTimestamp, 0x0010, etl.MessageSystemInfo, etl.MessagePointer32, etl.MessagePointer64}
	n := 0
	for mask := range 1 << len(optional) {
		var flags uint16
		for i, f := range optional {
			if mask>>i&1 != 0 {
				flags |= f
			}
		}
		w := etltest.New(etltest.Options{})
		at := w.Clock(w.Options().Start.Add(time.Second))
		pointer := u64(0x1122334455667788)
		if flags&etl.MessagePointer64 == 0 && flags&etl.MessagePointer32 != 0 {
			pointer = pointer[:4]
		}
		w.Message(0, at, etltest.MessageHeader{Number: 10, Flags: flags, Sequence: 9, Component: 3, GUID: guid(tmfGUID), TID: 8, PID: 4}, []byte(pointer))
		data, err := w.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "a.etl")
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		f, err := etl.Open(path, etl.Options{})
		if err != nil {
			t.Fatal(err)
		}
		d := decode.New(decode.Options{Source: format.SourceETL, Library: lib})
		for r, err := range f.Records() {
			if err != nil {
				t.Fatal(err)
			}
			if r.Kind != etl.KindMessage {
				continue
			}
			n++
			named := flags&etl.MessageGUID != 0 && flags&etl.MessageComponentID == 0
			var row format.Event
			outcome := d.Decode(r, &row)
			if !named {
				if outcome != decode.Other || d.Failure().Reason != decode.ReasonMessageID {
					t.Errorf("flags 0x%x: %d, %v", flags, outcome, d.Failure())
				}
				continue
			}
			want := uint64(0x1122334455667788)
			if len(pointer) == 4 {
				want &= math.MaxUint32
			}
			if outcome != decode.Row || row.AF != want || row.Source != format.SourceWPP || row.Phase != format.PhaseEnter ||
				row.Function != ndis.NdisClOpenAddressFamilyEx || (row.Has&format.HasTID != 0) != (flags&etl.MessageSystemInfo != 0) {
				t.Errorf("flags 0x%x: %d, %v, %+v", flags, outcome, d.Failure(), row)
			}
			if m := r.Message(); m.HasSequence != (flags&etl.MessageSequence != 0) || m.HasSequence && m.Sequence != 9 {
				t.Errorf("flags 0x%x: %+v", flags, m)
			}
		}
		f.Close()
	}
	if n != 1<<len(optional) {
		t.Errorf("%d messages", n)
	}
	// What a live session makes of a message.
	live := messageRecord(10, u64(5))
	live.Kind, live.Flags = etl.KindEvent64, etl.FlagTraceMessage
	d := decode.New(decode.Options{Source: format.SourceETW, Library: lib})
	var row format.Event
	if d.Decode(live, &row) != decode.Row || row.AF != 5 {
		t.Errorf("live: %v %+v", d.Failure(), row)
	}
}

// TestInferredRows holds what the built-in rule makes of messages.
func TestInferredRows(t *testing.T) {
	status := u32(0xC000009A)
	for _, c := range []struct {
		fn, text string
		params   []string
		payload  string
		want     string // "" for no row
	}{
		{"NdisCmRegisterAddressFamilyEx", "==>NdisCmRegisterAddressFamilyEx", []string{"NdisBindingHandle, ItemPtr"}, u64(7), "enter binding=7"},
		{"NdisCmRegisterAddressFamilyEx", "<== %11!x!", []string{"Open, ItemPtr", "Status, ItemNDIS_STATUS"}, u64(7) + status, "return binding=7 status=c000009a"},
		{"NdisCmRegisterAddressFamilyEx", "Leave", []string{"Status, ItemLong"}, status, "return status=c000009a"},
		{"NdisClCloseAddressFamily", "Enter, Af %10!p!", []string{"pAfBlock, ItemPtr"}, u64(9), "enter af=9"},
		{"NdisClCloseAddressFamily", "Enter", []string{"Open, ItemPtr"}, u64(9), "enter"},                                             // it has no such column
		{"NdisClCloseAddressFamily", "Enter", []string{"AfVc, ItemPtr"}, u64(9), "enter"},                                             // two columns
		{"NdisClCloseAddressFamily", "Enter", []string{"Af, ItemPtr", "NdisAfHandle, ItemPtr"}, u64(9) + u64(9), "enter"},             // one column twice
		{"NdisClCloseAddressFamily", "Enter", []string{"Draft, ItemPtr"}, u64(9), "enter"},                                            // no word of its own
		{"NdisClCloseAddressFamily", "Enter", []string{"Af, ItemLong"}, u32(9), "enter"},                                              // no pointer
		{"NdisClCloseAddressFamily", "<-- %10!x! %11!x!", []string{"s, ItemNTSTATUS", "Status, ItemLong"}, status + status, "return"}, // which one?
		{"NdisMCmCreateVc", "ENTRY", []string{"MiniportAdapterHandle, ItemPtr", "VC_BLOCK, ItemPtr"}, u64(1) + u64(2), "enter adapter=1 vc=2"},
		{"NdisClCloseAddressFamily", "--> <-- ", nil, "", ""},
		{"NdisClCloseAddressFamily", "enter and exit", nil, "", ""},
		{"NdisClCloseAddressFamily", "closing %10!p!", []string{"Af, ItemPtr"}, u64(9), ""},
		{"NdisClCloseAddressFamily", "entered, returned", nil, "", ""},
		{"ndisCloseAf", "-->", nil, "", ""},
	} {
		d := decode.New(decode.Options{Library: library(t, tmf(c.fn, c.text, c.params...))})
		var row format.Event
		outcome := d.Decode(messageRecord(10, c.payload), &row)
		got := ""
		if outcome == decode.Row {
			got = row.Phase.String()
			for _, f := range []struct {
				has  format.Fields
				name string
				v    uint64
			}{{format.HasAdapter, "adapter", row.Adapter}, {format.HasBinding, "binding", row.Binding}, {format.HasAF, "af", row.AF}, {format.HasVC, "vc", row.VC},
				{format.HasStatus, "status", uint64(row.Status)}} {
				if row.Has&f.has != 0 {
					got += fmt.Sprintf(" %s=%x", f.name, f.v)
				}
			}
			if row.Function.String() != c.fn || row.Detail != `{"inferred":true,"wpp":"`+tmfGUID+`/10"}` || row.TS != 50 || row.TID != 8 || row.CPU != 2 {
				t.Errorf("%+v", row)
			}
		}
		if got != c.want || d.Failure().Reason != decode.ReasonNone {
			t.Errorf("%s %q %v: %q, want %q (%v)", c.fn, c.text, c.params, got, c.want, d.Failure())
		}
	}
}

// TestMapping: what users say comes before what is inferred, and number before function.
func TestMapping(t *testing.T) {
	lib := library(t, tmf("ndisOpenAf", "--> %10!p! %11!d!", "Af, ItemPtr", "Type, ItemLong", "Name, ItemString"))
	two := strings.Replace(tmf("ndisOpenAf", "<--", "Status, ItemLongLong"), "af_c12 10", "af_c13 11", 1)
	if _, err := lib.AddTMF("b.tmf", []byte(two+strings.Replace(tmf("NdisClCloseAddressFamily", "-->"), "af_c12 10", "af_c14 12", 1))); err != nil {
		t.Fatal(err)
	}
	err := lib.AddMap("map.json", []byte(`{"version":1,"messages":[
		{"tmf_function":"ndisOpenAf","function":"NdisClOpenAddressFamilyEx","phase":"text","columns":{"Af":"Af","Type":"AfType","Name":"Driver","gone":"Vc"}},
		{"guid":"{`+strings.ToUpper(tmfGUID)+`}","number":11,"function":"ProtocolCmOpenAf","phase":"event","columns":{"Status":"Status"}},
		{"guid":"`+tmfGUID+`","number":12,"phase":"ignore"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	d := decode.New(decode.Options{Library: lib})
	var row format.Event
	if d.Decode(messageRecord(10, u64(7)+u32(0x801)+"ndproxy\x00"), &row) != decode.Row || row.Function != ndis.NdisClOpenAddressFamilyEx || row.Phase != format.PhaseEnter ||
		row.AF != 7 || row.AFType != 0x801 || row.Driver != "ndproxy" || row.Has&format.HasVC != 0 || row.Detail != `{"wpp":"`+tmfGUID+`/10"}` {
		t.Errorf("%v %+v", d.Failure(), row)
	}
	if d.Decode(messageRecord(11, u64(5)), &row) != decode.Row || row.Function != ndis.ProtocolCmOpenAf || row.Phase != format.PhaseEvent || row.Status != 5 {
		t.Errorf("%v %+v", d.Failure(), row)
	}
	if d.Decode(messageRecord(11, u64(1<<40)), &row) != decode.Row || row.Has&format.HasStatus != 0 || d.Defects()["number out of range"] != 1 {
		t.Errorf("%v %+v %v", d.Failure(), row, d.Defects())
	}
	if d.Decode(messageRecord(12, ""), &row) != decode.Other || d.Failure().Reason != decode.ReasonNone {
		t.Errorf("%v", d.Failure())
	}
	if d.Decode(messageRecord(13, ""), &row) != decode.Other || d.Failure().Reason != decode.ReasonMessage {
		t.Errorf("%v", d.Failure())
	}
	if p := d.Providers(); len(p) != 1 || p[0].Records != 5 || p[0].Decoded != 4 || p[0].Reasons[decode.ReasonMessage] != 1 || p[0].Name != "contoso" {
		t.Errorf("%+v", p)
	}
	for text, want := range map[string]string{
		``:                              "map.json:1: expected a mapping file",
		"{\n\"version\":1,\n\"x\":1}":   `map.json:3: expected a mapping file, a JSON object with version and messages: unknown field "x"`,
		`{"version":1} {}`:              "map.json:1: something follows the mapping",
		`{"version":2}`:                 "map.json: version 2 of the mapping file: this program knows version 1",
		`{"version":1,"messages":[{}]}`: `map.json: messages[0]: function "" is no CoNDIS function or callback`,
		`{"version":1,"messages":[{"tmf_function":"a","function":"Nope"}]}`:                                      `map.json: messages[0]: function "Nope" is no CoNDIS function`,
		`{"version":1,"messages":[{"tmf_function":"a","function":"ProtocolCmOpenAf","phase":"x"}]}`:              `map.json: messages[0]: phase "x"`,
		`{"version":1,"messages":[{"tmf_function":"a","function":"ProtocolCmOpenAf","columns":{"a":"Colour"}}]}`: `map.json: messages[0]: column "Colour"`,
		`{"version":1,"messages":[{"function":"ProtocolCmOpenAf"}]}`:                                             "map.json: messages[0]: expected either tmf_function, or guid and number",
		`{"version":1,"messages":[{"guid":"x","number":1,"phase":"ignore"}]}`:                                    "map.json: messages[0]: expected a message guid and a number",
		`{"version":1,"messages":[{"tmf_function":"a","phase":"ignore"},{"tmf_function":"a","phase":"ignore"}]}`: `map.json: messages[1]: tmf_function "a" is mapped before`,
		`{"version":1,"messages":[{"tmf_function":7}]}`:                                                          "map.json:1: expected a mapping file",
	} {
		if err := (&decode.Library{}).AddMap("map.json", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// TestUnknownItem: the message is kept and counted, its payload is not guessed.
func TestUnknownItem(t *testing.T) {
	lib := library(t, tmf("Fn", "%10!d! %11!s!", "a, ItemLong", "b, ItemMystery"))
	if lib.UnknownItems["ItemMystery"] != 1 || lib.Messages() != 1 {
		t.Errorf("%v", lib.UnknownItems)
	}
	d := decode.New(decode.Options{Library: lib})
	ev := describe(t, d, messageRecord(10, u32(1)+"x"))
	if ev.Failure.Reason != decode.ReasonItem || ev.Failure.Error() != "WPP message with an unknown item type (ItemMystery)" || len(ev.Values) != 0 {
		t.Errorf("%+v", ev.Failure)
	}
}

// TestTMFText: forms of files, and what is wrong with others.
func TestTMFText(t *testing.T) {
	good := tmf("Fn", "a, b", "x, ItemLong")
	for name, text := range map[string]string{
		"CR LF":               strings.ReplaceAll(good, "\n", "\r\n"),
		"UTF-16":              "\xFF\xFE" + string(decodetest.UTF16(good)),
		"byte order mark":     "\xEF\xBB\xBF" + good,
		"code page":           strings.Replace(good, "a, b", "\xE4", 1),
		"older parameters":    strings.Replace(good, "-- 10", "// 10", 1),
		"very old messages":   "#type x 1 \"old\"\n" + good,
		"no key at all":       strings.Replace(good, "LEVEL=TRACE_LEVEL_VERBOSE FLAGS=CO FUNC=Fn", "", 1),
		"block of no message": good + "#enumv x\n{\na\n}\n",
	} {
		lib := &decode.Library{}
		if n, err := lib.AddTMF("a.tmf", []byte(text)); err != nil || n != 1 {
			t.Errorf("%s: %d, %v", name, n, err)
			continue
		}
		if ev := describe(t, decode.New(decode.Options{Library: lib}), messageRecord(10, u32(1))); ev.Failure.Reason != decode.ReasonNone {
			t.Errorf("%s: %v", name, ev.Failure)
		}
	}
	lib := library(t, good, good)
	if lib.Duplicates != 1 || lib.Messages() != 1 {
		t.Errorf("%d duplicates, %d messages", lib.Duplicates, lib.Messages())
	}
	for text, want := range map[string]string{
		"":                                  "a.tmf: no trace message",
		"hello":                             `a.tmf:1: expected a message GUID`,
		"#typev a 1 \"x\"\n":                "a.tmf:1: a message before the line with its GUID",
		strings.Replace(good, "}\n", "", 1): "a.tmf:3: the message breaks off: no closing brace",
		strings.Replace(good, "{\n", "", 1): "a.tmf:4: expected { after the message of line 3",
		strings.Replace(good, " 10 \"", " 70000 \"", 1):               `a.tmf:3: expected a message number, got "70000"`,
		strings.Replace(good, "b\" //", "b //", 1):                    "a.tmf:3: expected the text of the message in quotes",
		strings.Replace(good, "x, ItemLong", "ItemLong", 1):           "a.tmf:5: expected EXPRESSION, ItemTYPE -- INDEX",
		strings.Replace(good, "-- 10", "", 1):                         "a.tmf:5: expected EXPRESSION, ItemTYPE -- INDEX",
		tmf("F", "x", slices.Repeat([]string{"a, ItemLong"}, 300)...): "a.tmf:261: a message of more than 256 parameters",
		"\xFF\xFEx": "a.tmf: byte 2: UTF-16 text of an odd number of bytes",
	} {
		if _, err := (&decode.Library{}).AddTMF("a.tmf", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", text, err, want)
		}
	}
}

// TestPDB: the messages of a TMF text come out of a PDB as they went in.
func TestPDB(t *testing.T) {
	text := tmf("Fn", "one", "a, ItemLong")
	text += strings.Replace(tmf("", "two"), "af_c12 10", "af_c13 11", 1)
	many := []decodetest.Symbol{
		{Annotation: []string{"TMC:", "dd7a21e6-a651-46d4-b7c2-66543067b869", "NdisTraceGuid", "INIT", "CONFIG", ""}},
		{Annotation: []string{"another annotation"}},
	}
	for i := range 200 { // over several blocks
		many = append(many, decodetest.Symbol{Procedure: fmt.Sprintf("Function%d", i)})
	}
	many = append(many, decodetest.TMFAnnotations(text, "NdisCmFn")...)
	pdb := decodetest.PDB(many, nil, decodetest.TMFAnnotations(strings.ReplaceAll(text, "01e9b841", "11e9b841"), ""))
	lib := &decode.Library{}
	if n, err := lib.AddPDB("a.pdb", bytes.NewReader(pdb), int64(len(pdb))); err != nil || n != 4 || lib.Messages() != 4 {
		t.Fatalf("%d, %v", n, err)
	}
	if c := lib.Controls(); len(c) != 1 || c[0].Name != "NdisTraceGuid" || c[0].GUID.String() != "dd7a21e6-a651-46d4-b7c2-66543067b869" || len(c[0].Flags) != 2 {
		t.Errorf("%+v", c)
	}
	d := decode.New(decode.Options{Library: lib})
	if ev := describe(t, d, messageRecord(10, u32(1))); ev.Failure.Reason != decode.ReasonNone || ev.Message.Function != "Fn" {
		t.Errorf("%+v", ev)
	}
	if ev := describe(t, d, messageRecord(11, "")); ev.Message == nil || ev.Message.Function != "NdisCmFn" || ev.Message.Format != "two" {
		t.Errorf("%+v", ev.Message)
	}
	for want, b := range map[string][]byte{
		"a.pdb: expected a PDB":                 []byte("MZ"),
		"a.pdb: no WPP trace messages":          decodetest.PDB([]decodetest.Symbol{{Procedure: "main"}}),
		"a.pdb: byte 32: expected a block size": append(bytes.Clone(pdb[:32]), make([]byte, 600)...),
		"a.pdb: byte ":                          pdb[:len(pdb)-512],
		"a.pdb: TMF annotation in : line 2":     decodetest.PDB([]decodetest.Symbol{{Annotation: []string{"TMF:", tmfGUID + " m", "#typev x"}}}),
	} {
		if _, err := (&decode.Library{}).AddPDB("a.pdb", bytes.NewReader(b), int64(len(b))); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for n := 0; n < len(pdb)-512; n += 97 {
		lib := &decode.Library{}
		if k, err := lib.AddPDB("a.pdb", bytes.NewReader(pdb[:n]), int64(n)); err == nil {
			t.Errorf("%d bytes: %d messages", n, k)
		}
	}
}

// TestRealTMF reads the TMF files of a real driver: every message is understood, and one
// written for each decodes to the byte.
func TestRealTMF(t *testing.T) {
	dir := filepath.Join(filepath.Dir(samples(t)), "tmf")
	files, err := filepath.Glob(filepath.Join(dir, "*.tmf"))
	if err != nil || len(files) == 0 {
		t.Fatal(err, dir)
	}
	lib, fromPDB := &decode.Library{}, &decode.Library{}
	var modules [][]decodetest.Symbol
	total, lines := 0, 0
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		n, err := lib.AddTMF(path, text)
		if want := bytes.Count(text, []byte("#typev")); err != nil || n != want {
			t.Errorf("%s: %d messages of %d: %v", path, n, want, err)
		}
		total += n
		lines += bytes.Count(text, []byte("#typev"))
		modules = append(modules, decodetest.TMFAnnotations(string(text), ""))
	}
	if len(lib.UnknownItems) != 0 || lib.Messages()+lib.Duplicates != total || total != lines {
		t.Errorf("%v, %d messages, %d duplicates, %d in all", lib.UnknownItems, lib.Messages(), lib.Duplicates, total)
	}
	pdb := decodetest.PDB(modules...)
	if n, err := fromPDB.AddPDB("a.pdb", bytes.NewReader(pdb), int64(len(pdb))); err != nil || n != total || fromPDB.Messages() != lib.Messages() {
		t.Errorf("from a PDB: %d messages of %d: %v", n, total, err)
	}
	payloads := map[string]string{}
	for _, c := range items {
		name, _, _ := strings.Cut(c.item, "(")
		payloads[name] = c.payload
	}
	decoded := 0
	for _, l := range []*decode.Library{lib, fromPDB} {
		d := decode.New(decode.Options{Library: l})
		for m := range l.All() {
			payload := ""
			for i := range m.Params {
				payload += payloads[m.Params[i].Item]
			}
			r := messageRecord(m.Number, payload)
			r.Provider = m.GUID
			ev := describe(t, d, r)
			text := string(ev.AppendMessage(nil, r))
			if ev.Failure.Reason != decode.ReasonNone || m.Function == "" || strings.Contains(text, "%!FUNC!") || strings.Contains(text, "%10!") {
				t.Errorf("%s %d: %v: %s", m.Name, m.Number, ev.Failure, text)
			}
			if fields := decode.AppendFields(nil, ev.Values); !json.Valid(fields) {
				t.Errorf("%s %d: not JSON: %s", m.Name, m.Number, fields)
			}
			decoded++
		}
	}
	t.Logf("%d files, %d messages, %d duplicates, %d decoded", len(files), total, lib.Duplicates, decoded)
}

// TestNothingIsAllocated: records cost no memory, whatever becomes of them. Details of rows
// share chunks.
func TestNothingIsAllocated(t *testing.T) {
	lib := library(t, tmf("NdisClOpenAddressFamilyEx", "<-- %10!p! %11!s!", "NdisAfHandle, ItemPtr", "Name, ItemWString"))
	if _, err := lib.AddManifest("c.man", []byte(manifestXML(`<data name="A" inType="win:UnicodeString"/><data name="B" inType="win:UInt32"/>`))); err != nil {
		t.Fatal(err)
	}
	bind := manifestRecord(string(contoso[:]) + u32(12) + u64(0x17000000000000) + wide("NDISWAN\x00") + u32(0))
	bind.Provider, bind.ID, bind.Version = decode.NDIS, 10006, 0
	unknown := manifestRecord("x")
	unknown.Provider[0]++
	for name, r := range map[string]*etl.Record{
		"WPP message": messageRecord(10, u64(5)+wide("wan\x00")), "without TMF data": messageRecord(11, "x"), "manifest event": manifestRecord(wide("a\x00") + u32(1)),
		"row of a manifest event": bind, "unknown": unknown, "another id": {Kind: etl.KindEvent64, HasGUID: true, Provider: contoso, ID: 99},
	} {
		d := decode.New(decode.Options{Library: lib})
		var row format.Event
		d.Decode(r, &row)
		if n := testing.AllocsPerRun(1000, func() { d.Decode(r, &row) }); n >= 1 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestLibraryIsShared: decoders of several goroutines only read it.
func TestLibraryIsShared(t *testing.T) {
	lib := library(t, tmf("NdisClCloseAddressFamily", "-->", "Af, ItemPtr"))
	if _, err := lib.AddManifest("c.man", []byte(manifestXML(`<data name="C" inType="win:UInt32" map="Colour"/>`))); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			d := decode.New(decode.Options{Library: lib})
			for range 200 {
				var row format.Event
				if d.Decode(messageRecord(10, u64(1)), &row) != decode.Row || d.Decode(manifestRecord(u32(1)), &row) != decode.Other || d.Failure().Reason != decode.ReasonNone {
					t.Error(d.Failure())
				}
				var ev decode.Event
				d.Event(manifestRecord(u32(1)), &ev)
			}
		})
	}
	wg.Wait()
}
