package clitest

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/aftrace/aftrace/collect/decode/decodetest"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/collect/etl/etltest"
)

// mkevents writes an .etl whose records a text lists, one a line:
//
//	wpp GUID NUMBER PAYLOAD...         a WPP message
//	component NUMBER PAYLOAD...        a WPP message without its GUID
//	event GUID ID VERSION PAYLOAD...   an event with EVENT_HEADER
//	manifest GUID FILE                 the manifest of an EventSource, in chunks
//	info GUID ID VERSION NAME:TYPE...  what a merge keeps of an event; types are TDH numbers
//	classic CLASS TYPE VERSION PAYLOAD...       a classic event
//	classicinfo CLASS TYPE VERSION NAME:TYPE... what a merge keeps of a classic event
//	kernel GROUP TYPE PAYLOAD...       a record of the kernel, without a GUID
//
// PAYLOAD is u8:N u16:N u32:N u64:N str:TEXT wstr:TEXT (both with NUL) guid:GUID hex:BYTES.
func mkevents(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "mkevents FILE TEXT")
	w := etltest.New(etltest.Options{Start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	at := w.Options().Start
	for n, line := range strings.Split(ts.ReadFile(args[1]), "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		at = at.Add(time.Millisecond)
		if err := addRecord(ts, w, w.Clock(at), words); err != nil {
			ts.Fatalf("%s:%d: %v", args[1], n+1, err)
		}
	}
	ts.Check(w.WriteFile(ts.MkAbs(args[0])))
}

func addRecord(ts *testscript.TestScript, w *etltest.Writer, clock int64, words []string) (err error) {
	return catch(func() {
		number := func(i, bits int) uint64 {
			v, err := strconv.ParseUint(words[i], 0, bits)
			if err != nil {
				panic(err)
			}
			return v
		}
		switch words[0] {
		case "wpp":
			h := etltest.MessageHeader{Number: uint16(number(2, 16)), Flags: etltest.MessageDefault | etl.MessagePointer64, Sequence: 1, GUID: parseGUID(words[1]), TID: 8, PID: 4}
			w.Message(0, clock, h, payload(words[3:]))
		case "component":
			h := etltest.MessageHeader{Number: uint16(number(1, 16)), Flags: etltest.MessageDefault&^etl.MessageGUID | etl.MessageComponentID, TID: 8, PID: 4}
			w.Message(0, clock, h, payload(words[2:]))
		case "event":
			h := etltest.EventHeader{Provider: parseGUID(words[1]), ID: uint16(number(2, 16)), Version: uint8(number(3, 8)), Level: 4, TID: 8, PID: 4}
			w.Event(0, clock, h, nil, payload(words[4:]))
		case "manifest":
			for _, c := range decodetest.Chunks(ts.ReadFile(words[2]), 256) {
				w.Event(0, clock, etltest.EventHeader{Provider: parseGUID(words[1]), ID: 0xFFFE, Opcode: 0xFE, Task: 0xFFFE, TID: 8, PID: 4}, nil, c)
			}
		case "info":
			info := decodetest.EventInfo{Provider: parseGUID(words[1]), ID: uint16(number(2, 16)), Version: uint8(number(3, 8)), ProviderName: "Merged", Name: "Kept", Properties: properties(words[4:])}
			w.Full(0, clock, etltest.FullHeader{Class: parseGUID("bbccf6c1-6cd1-48c4-80ff-839482e37671"), Type: 32}, info.Record())
		case "classic":
			w.Full(0, clock, etltest.FullHeader{Class: parseGUID(words[1]), Type: uint8(number(2, 8)), Version: uint16(number(3, 8)), TID: 8, PID: 4}, payload(words[4:]))
		case "classicinfo":
			info := decodetest.EventInfo{Event: parseGUID(words[1]), Opcode: uint8(number(2, 8)), Version: uint8(number(3, 8)), Source: 1, Task: "Class", OpcodeName: "Type", Properties: properties(words[4:])}
			w.Full(0, clock, etltest.FullHeader{Class: parseGUID("bbccf6c1-6cd1-48c4-80ff-839482e37671"), Type: 32}, info.Record())
		case "kernel":
			w.System(0, clock, etltest.SystemHeader{Group: uint8(number(1, 8)), Type: uint8(number(2, 8)), TID: 8, PID: 4}, payload(words[3:]))
		default:
			panic(fmt.Errorf("%s?", words[0]))
		}
	})
}

func parseGUID(s string) etl.GUID {
	g, err := etl.ParseGUID(s)
	if err != nil {
		panic(err)
	}
	return g
}

func payload(words []string) (b []byte) {
	for _, w := range words {
		typ, text, _ := strings.Cut(w, ":")
		number := func(bits int) uint64 {
			v, err := strconv.ParseUint(text, 0, bits)
			if err != nil {
				panic(err)
			}
			return v
		}
		switch typ {
		case "u8":
			b = append(b, byte(number(8)))
		case "u16":
			b = binary.LittleEndian.AppendUint16(b, uint16(number(16)))
		case "u32":
			b = binary.LittleEndian.AppendUint32(b, uint32(number(32)))
		case "u64":
			b = binary.LittleEndian.AppendUint64(b, number(64))
		case "str":
			b = append(append(b, text...), 0)
		case "wstr":
			b = append(append(b, decodetest.UTF16(text)...), 0, 0)
		case "guid":
			g := parseGUID(text)
			b = append(b, g[:]...)
		case "hex":
			raw, err := hex.DecodeString(text)
			if err != nil {
				panic(err)
			}
			b = append(b, raw...)
		default:
			panic(fmt.Errorf("%s?", w))
		}
	}
	return b
}

func properties(words []string) (list []decodetest.Property) {
	for _, w := range words {
		name, typ, _ := strings.Cut(w, ":")
		n, err := strconv.ParseUint(typ, 10, 16)
		if err != nil {
			panic(err)
		}
		list = append(list, decodetest.Property{Name: name, In: uint16(n)})
	}
	return list
}

// mkpdb writes a PDB with the messages of a TMF text; without one it has no messages.
func mkpdb(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: mkpdb FILE [TMF]")
	}
	symbols := []decodetest.Symbol{{Procedure: "DriverEntry"}}
	if len(args) == 2 {
		symbols = append(symbols, decodetest.Symbol{Annotation: []string{"TMC:", "dd7a21e6-a651-46d4-b7c2-66543067b869", "ContosoTrace", "INIT", "CO"}})
		symbols = append(symbols, decodetest.TMFAnnotations(ts.ReadFile(args[1]), "")...)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), decodetest.PDB(symbols), 0o666))
}

// mkdll writes a PE binary with the description of one event; without one, with another
// resource.
func mkdll(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) == 2 {
		ts.Fatalf("usage: mkdll FILE [GUID ID NAME:TYPE...]")
	}
	image := decodetest.Image("VERSION", []byte("nothing about events"), true)
	if len(args) > 1 {
		ts.Check(catch(func() {
			id, err := strconv.ParseUint(args[2], 0, 16)
			if err != nil {
				panic(err)
			}
			g := parseGUID(args[1])
			image = decodetest.Image("WEVT_TEMPLATE", decodetest.Resource(g, []decodetest.EventInfo{{ID: uint16(id), Task: "FromImage", Properties: properties(args[3:])}}), true)
		}))
	}
	ts.Check(os.WriteFile(ts.MkAbs(filepath.FromSlash(args[0])), image, 0o666))
}
