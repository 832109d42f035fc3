package decode_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"unicode/utf8"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/decode/aftracetest"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/collect/etl/etltest"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// judge holds what is true of every event, whatever its bytes.
func judge(t *testing.T, d *decode.Decoder, meta, traits, payload []byte, pointer uint8, provider etl.GUID) {
	t.Helper()
	r := &etl.Record{
		Kind: etl.KindEvent64, HasIDs: true, HasClock: true, Clock: 3, Time: 300, Pointer: pointer, Provider: provider, HasGUID: true, Channel: 11,
		Extended: etltest.AppendExt(nil, aftracetest.Items(traits, meta)), Data: payload,
	}
	var row format.Event
	outcome := d.Decode(r, &row)
	counted := d.Failure()
	var ev decode.Event
	if !d.TraceLogging(r, &ev) {
		t.Fatal("the schema is not found")
	}
	// An AfEvent is read by a plan of its own, which has to find the same as the general way.
	if counted != ev.Failure {
		t.Errorf("counted as %+v, decoded as %+v", counted, ev.Failure)
	}
	if (ev.Left > 0) != (ev.Failure.Reason == decode.ReasonPayloadLeft) {
		t.Errorf("%d bytes left, %v", ev.Left, ev.Failure)
	}
	if text := ev.AppendJSON(nil); !json.Valid(text) || !utf8.Valid(text) {
		t.Errorf("not JSON: %s", text)
	}
	values := 0
	var count func([]decode.Value)
	count = func(list []decode.Value) {
		values += len(list)
		for i := range list {
			count(list[i].Items)
		}
	}
	count(ev.Values)
	if values > decode.MaxValues {
		t.Errorf("%d values", values)
	}
	if outcome != decode.Row {
		return
	}
	if keepOnly(row) != row || row.Phase > format.PhaseEvent || row.Function == ndis.FuncNone || row.Function >= ndis.NumFuncs {
		t.Errorf("%+v", row)
	}
	// What the Writer refuses would end a conversion.
	w, err := format.NewWriter(&bytes.Buffer{}, format.WriterOptions{BatchRows: 1})
	if err != nil {
		t.Fatal(err)
	}
	row.Seq = 1
	if err := w.Write(&row); err != nil {
		t.Errorf("the row is refused: %v", err)
	}
}

func seeds() (list [][3][]byte) {
	traits := aftracetest.Traits("Provider", decode.Trait{Type: 1, Data: make([]byte, 16)})
	for _, f := range forms {
		list = append(list, [3][]byte{aftracetest.Schema("Event", 0, f.fields), traits, []byte(f.payload)})
	}
	for _, o := range []aftracetest.Options{{}, {NUL: true}, {Wide: true}, {Wide: true, NUL: true}, {Extra: true}, {Unit: decode.UnitQPC}} {
		e := everything()
		items, data, err := aftracetest.Encode(&e, o)
		if err != nil {
			panic(err)
		}
		list = append(list, [3][]byte{items[0].Data, items[1].Data, data})
	}
	return list
}

func FuzzTraceLogging(f *testing.F) {
	for i, s := range seeds() {
		f.Add(s[0], s[1], s[2], i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, meta, traits, payload []byte, wide bool) {
		if len(meta) > 0xFFF0 || len(traits) > 0xFFF0 || len(payload) > 0xFFFF {
			return
		}
		pointer := uint8(4)
		if wide {
			pointer = 8
		}
		d := newDecoder()
		judge(t, d, meta, traits, payload, pointer, decode.AfTrace)
		judge(t, d, meta, traits, payload, pointer, etl.GUID{1})
	})
}

// TestMutants changes bytes of good events.
func TestMutants(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	n := 40_000
	if testing.Short() {
		n /= 10
	}
	list := seeds()
	d := newDecoder()
	for i := range n {
		s := list[rng.IntN(len(list))]
		for k := range s {
			s[k] = mutate(rng, s[k])
		}
		provider := decode.AfTrace
		if i%4 == 0 {
			provider = etl.GUID{1}
		}
		judge(t, d, s[0], s[1], s[2], uint8(4+4*rng.IntN(2)), provider)
		if t.Failed() {
			t.Fatalf("mutant %d: schema %x, traits %x, payload %x", i, s[0], s[1], s[2])
		}
	}
}

// mutate flips bits, cuts, repeats or puts numbers at the edge into a copy of b.
func mutate(rng *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	for range rng.IntN(3) {
		if len(b) == 0 {
			return b
		}
		i := rng.IntN(len(b))
		switch rng.IntN(6) {
		case 0:
			b[i] ^= 1 << rng.IntN(8)
		case 1:
			b[i] = []byte{0, 1, 0x7F, 0x80, 0xFF, 0x38, 0x58, 0x98}[rng.IntN(8)]
		case 2:
			b = b[:i]
		case 3:
			b = append(b[:i:i], append([]byte{byte(rng.Uint32())}, b[i:]...)...)
		case 4:
			b = append(b[:i], b[i+1:]...)
		case 5:
			b = append(b, b[i:]...)
		}
	}
	return b
}

// FuzzDetail compares what becomes of a detail with what encoding/json makes of it.
func FuzzDetail(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1}`, `{"b":[{"y":1,"x":2}],"a":-1.5e+9}`, `{"a":1,"a":2}`, `{"a":"\u00e9\ud800"}`, ` {"a" : null}`, `[]`, `{"a":01}`,
		`{"é":"` + "\u2028" + `"}`, `{"a":"<&>"}`, `{"a":1}x`, "{\"a\":\"\x01\"}", `{"a":tru}`, `{"":""}`, `{"a":1e}`, `{"a":-}`, "\xEF\xBB\xBF{}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, detail []byte) {
		if len(detail) == 0 || len(detail) > 60_000 || bytes.IndexByte(detail, 0) >= 0 || !utf8.Valid(detail) {
			return
		}
		e := format.Event{Function: ndis.ProtocolCmOpenAf, Detail: string(detail), Has: format.HasDetail}
		var got format.Event
		d := newDecoder()
		if d.Decode(record(t, &e, aftracetest.Options{}), &got) != decode.Row {
			t.Fatal(d.Failure())
		}
		var m map[string]any
		dec := json.NewDecoder(bytes.NewReader(detail))
		dec.UseNumber()
		object := json.Valid(detail) && dec.Decode(&m) == nil && m != nil
		if got.Detail == "" {
			if object && depth(m) <= 60 {
				t.Errorf("%q was dropped", detail)
			}
			return
		}
		if !object {
			t.Fatalf("%q became %q", detail, got.Detail)
		}
		var again map[string]any
		dec = json.NewDecoder(bytes.NewReader([]byte(got.Detail)))
		dec.UseNumber()
		if err := dec.Decode(&again); err != nil {
			t.Fatal(err)
		}
		a, _ := json.Marshal(m)
		b, _ := json.Marshal(again)
		if !bytes.Equal(a, b) {
			t.Errorf("%q became %q", detail, got.Detail)
		}
		// Canonical text stays as it is.
		e.Detail = got.Detail
		if d.Decode(record(t, &e, aftracetest.Options{}), &got); got.Detail != e.Detail {
			t.Errorf("%q became %q", e.Detail, got.Detail)
		}
	})
}

func depth(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		for _, m := range v {
			n = max(n, depth(m))
		}
	case []any:
		for _, m := range v {
			n = max(n, depth(m))
		}
	default:
		return 0
	}
	return n + 1
}
