package decode_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/decode/decodetest"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/collect/etl/etltest"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// judgeAny holds what is true of every record, whatever describes it.
func judgeAny(t *testing.T, d *decode.Decoder, r *etl.Record) {
	t.Helper()
	var row format.Event
	outcome := d.Decode(r, &row)
	var ev decode.Event
	d.Event(r, &ev)
	if counted := d.Failure(); counted != ev.Failure {
		t.Errorf("Decode says %+v, Event %+v", counted, ev.Failure)
	}
	if fields := decode.AppendFields(nil, ev.Values); !json.Valid(fields) || !utf8.Valid(fields) {
		t.Errorf("not JSON: %q", fields)
	}
	if text := ev.AppendJSON(nil); !json.Valid(text) || !utf8.Valid(text) {
		t.Errorf("not JSON: %q", text)
	}
	ev.AppendMessage(nil, r)
	if (ev.Left > 0) != (ev.Failure.Reason == decode.ReasonPayloadLeft) {
		t.Errorf("%d bytes left, %v", ev.Left, ev.Failure)
	}
	if outcome != decode.Row {
		return
	}
	if row.Function == ndis.FuncNone || row.Function >= ndis.NumFuncs || row.Phase > format.PhaseEvent {
		t.Errorf("%+v", row)
	}
	w, err := format.NewWriter(&bytes.Buffer{}, format.WriterOptions{BatchRows: 1})
	if err != nil {
		t.Fatal(err)
	}
	row.Seq = 1
	if err := w.Write(&row); err != nil {
		t.Errorf("the row is refused: %v", err)
	}
}

// judgeError holds that what is refused says which file it is.
func judgeError(t *testing.T, name string, err error) {
	t.Helper()
	var input *decode.InputError
	if err != nil && (!errors.As(err, &input) || input.Name != name || input.Text == "") {
		t.Errorf("%v", err)
	}
}

func FuzzTMF(f *testing.F) {
	for _, c := range items {
		f.Add([]byte(tmf("NdisClOpenAddressFamilyEx", "%0 --> %10!"+c.spec+"! 100%%", "NdisAfHandle, "+c.item)), []byte(c.payload), true)
	}
	f.Add([]byte(tmf("NdisCmActivateVc", "<-- %10!p! %11!x!", "NdisVc, ItemPtr", "Status, ItemNDIS_STATUS")), []byte(u64(1)+u32(2)), true)
	f.Add([]byte("\xFF\xFEx\x00"), []byte(""), false)
	f.Fuzz(func(t *testing.T, text, payload []byte, wide bool) {
		lib := &decode.Library{}
		_, err := lib.AddTMF("a.tmf", text)
		judgeError(t, "a.tmf", err)
		d := decode.New(decode.Options{Library: lib})
		n := 0
		for m := range lib.All() {
			r := messageRecord(m.Number, string(payload))
			r.Provider = m.GUID
			if !wide {
				r.Pointer = 4
			}
			judgeAny(t, d, r)
			if n++; n == 20 {
				break
			}
		}
	})
}

func FuzzWPPMap(f *testing.F) {
	f.Add([]byte(`{"version":1,"messages":[{"tmf_function":"Fn","function":"ProtocolCmOpenAf","phase":"event","columns":{"a":"AfType","b":"Driver"}}]}`), []byte(u32(1)+"x\x00"))
	f.Add([]byte(`{"version":1,"messages":[{"guid":"`+tmfGUID+`","number":10,"phase":"ignore"}]}`), []byte(""))
	f.Fuzz(func(t *testing.T, text, payload []byte) {
		lib := library(t, tmf("Fn", "-->", "a, ItemLong", "b, ItemString"))
		judgeError(t, "map", lib.AddMap("map", text))
		judgeAny(t, decode.New(decode.Options{Library: lib}), messageRecord(10, string(payload)))
	})
}

func FuzzManifest(f *testing.F) {
	for _, c := range manifestForms {
		f.Add([]byte(manifestXML(c.xml)), []byte(c.payload))
	}
	f.Fuzz(func(t *testing.T, text, payload []byte) {
		lib := &decode.Library{}
		_, err := lib.AddManifest("a.man", text)
		judgeError(t, "a.man", err)
		judgeAny(t, decode.New(decode.Options{Library: lib}), manifestRecord(string(payload)))
		// The same from the stream.
		d := decode.New(decode.Options{})
		for _, c := range decodetest.Chunks(string(text), 4096) {
			r := manifestRecord(string(c))
			r.ID = 0xFFFE
			judgeAny(t, d, r)
		}
		judgeAny(t, d, manifestRecord(string(payload)))
	})
}

func FuzzImage(f *testing.F) {
	info := decodetest.EventInfo{ID: 7, Version: 1, Task: "T", OpcodeName: "O", Properties: []prop{{Name: "N", In: 6}, {Name: "A", In: 1, LengthOf: true}}}
	resource := decodetest.Resource(contoso, []decodetest.EventInfo{info})
	for _, is64 := range []bool{true, false} {
		f.Add(decodetest.Image("WEVT_TEMPLATE", resource, is64), []byte(u16(1)+"a\x00"))
	}
	f.Add(resource, []byte(u16(1)+"a\x00"))
	f.Fuzz(func(t *testing.T, image, payload []byte) {
		for _, raw := range []bool{false, true} {
			lib := &decode.Library{}
			var err error
			if raw {
				_, err = lib.AddResource("a.dll", image)
			} else {
				_, err = lib.AddImage("a.dll", bytes.NewReader(image))
			}
			judgeError(t, "a.dll", err)
			judgeAny(t, decode.New(decode.Options{Library: lib}), manifestRecord(string(payload)))
		}
	})
}

func FuzzPDB(f *testing.F) {
	f.Add(decodetest.PDB(decodetest.TMFAnnotations(tmf("Fn", "x", "a, ItemLong"), "Fn"), nil))
	f.Add(decodetest.PDB([]decodetest.Symbol{{Annotation: []string{"TMC:", tmfGUID, "Name", "BIT"}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := (&decode.Library{}).AddPDB("a.pdb", bytes.NewReader(b), int64(len(b)))
		judgeError(t, "a.pdb", err)
	})
}

func FuzzEventMetadata(f *testing.F) {
	for _, c := range manifestForms {
		info := decodetest.EventInfo{Provider: contoso, ID: 7, Version: 1, Properties: c.props}
		f.Add(info.Record(), []byte(c.payload), uint16(32))
	}
	f.Add(decodetest.MapInfo(contoso, "Colour", true, []uint32{1, 2}, []string{"Red", "Green"}), []byte(""), uint16(33))
	f.Fuzz(func(t *testing.T, info, payload []byte, typ uint16) {
		d := decode.New(decode.Options{})
		d.Learn(metadataRecord(typ, info))
		judgeAny(t, d, metadataRecord(typ, info))
		judgeAny(t, d, manifestRecord(string(payload)))
		if len(info) >= 48 {
			r := manifestRecord(string(payload))
			r.Provider, r.ID, r.Version = etl.GUID(info[:16]), uint16(info[32])|uint16(info[33])<<8, info[34]
			judgeAny(t, d, r)
		}
	})
}

// FuzzRecord gives the decoder any record of any kind.
func FuzzRecord(f *testing.F) {
	f.Add(uint8(etl.KindEvent64), decode.NDIS[:], uint16(10006), uint8(0), uint16(0), []byte(string(contoso[:])+u32(1)+u64(2)+wide("P\x00")+u32(0)), []byte(nil))
	f.Add(uint8(etl.KindMessage), []byte(nil), uint16(10), uint8(0), uint16(0x2B), []byte("x"), []byte(nil))
	f.Add(uint8(etl.KindSystem64), []byte(nil), uint16(0), uint8(0), uint16(0), bytes.Repeat([]byte{8}, 300), []byte(nil))
	f.Fuzz(func(t *testing.T, kind uint8, provider []byte, id uint16, version uint8, flags uint16, data, ext []byte) {
		r := &etl.Record{Kind: etl.Kind(kind % uint8(etl.NumKinds)), ID: id, Version: version, Flags: flags, Data: data, Pointer: 8, HasIDs: flags&1 != 0}
		if len(provider) == 16 {
			r.Provider, r.HasGUID = etl.GUID(provider), true
		}
		if len(ext) > 0 && len(ext) < 1<<15 {
			r.Extended = etltest.AppendExt(nil, []etl.ExtItem{{Type: etl.ExtSchemaTL, Data: ext}})
		}
		judgeAny(t, decode.New(decode.Options{Library: library(t, tmf("Fn", "x"))}), r)
	})
}
