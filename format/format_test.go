package format

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/format/ndis"
)

// sampleEvents makes n events that use every column, with a detail in every fifth row.
func sampleEvents(n int, seed uint64) []Event {
	rng := rand.New(rand.NewPCG(seed, 1))
	events := make([]Event, n)
	ts := int64(1700000000000000000)
	drivers := []string{"cl.sys", "cm.sys", "mcm.sys", "treiber-ä.sys"}
	for i := range events {
		ts += rng.Int64N(5000)
		e := &events[i]
		*e = Event{
			Seq: uint64(i) * 2, TS: ts, Ticks: ts / 100, CPU: uint16(rng.UintN(64)), PID: 4, TID: rng.Uint64N(1 << 40),
			IRQL: uint8(rng.UintN(3)), Phase: Phase(i % 2), Function: ndis.Func(2 + rng.UintN(uint(ndis.NumFuncs)-2)),
			Source: Source(rng.UintN(uint(NumSources))), CallID: uint64(i / 2), Driver: drivers[i%len(drivers)],
			Adapter: 0xFFFF800000000000 | rng.Uint64N(1<<40), Binding: rng.Uint64(), AF: rng.Uint64(), SAP: rng.Uint64(),
			VC: rng.Uint64(), Party: rng.Uint64(), Context: rng.Uint64(), Context2: rng.Uint64(),
			AFType: 0x800, AFMajor: 1, AFMinor: uint32(rng.UintN(3)), Status: rng.Uint32(), Lost: 7,
			Has: Fields(rng.Uint32()) & (1<<numNullable - 1),
		}
		switch rng.UintN(8) {
		case 0:
			e.Has = 1<<numNullable - 1
		case 1:
			e.Has = 0
		}
		e.Has &^= HasDetail
		if i%5 == 0 {
			e.Has |= HasDetail
			e.Detail = fmt.Sprintf(`{"call_params":"0x%x","caller":"self","flags":"0x%08x","name":"ä%d"}`, rng.Uint64(), rng.Uint32(), i)
		}
		if i%97 == 0 {
			e.Phase, e.Function = PhaseGap, ndis.FuncNone
		}
	}
	return events
}

// masked are events without the values they do not have, as they come back from a trace.
func masked(events ...Event) []Event {
	var b Batch
	for i := range events {
		b.Append(&events[i])
	}
	w, err := NewWriter(io.Discard, WriterOptions{BatchRows: len(events) + 1})
	if err == nil {
		err = w.WriteBatch(&b)
	}
	if err != nil {
		panic(err)
	}
	b = w.columnsAsBatch()
	out := make([]Event, len(events))
	for i := range out {
		b.Event(i, &out[i])
	}
	return out
}

func (w *Writer) columnsAsBatch() Batch {
	c := &w.cols
	c.make(^Fields(0)) // those too that no row has
	return Batch{
		N: w.n, Has: c.has, Seq: c.seq, TS: c.ts, Ticks: c.ticks, CPU: c.cpu, PID: c.pid, TID: c.tid, IRQL: c.irql,
		Phase: c.phase, Function: c.function, Source: c.source, CallID: c.callID, Driver: c.driver,
		Adapter: c.adapter, Binding: c.binding, AF: c.af, SAP: c.sap, VC: c.vc, Party: c.party,
		Context: c.context, Context2: c.context2, AFType: c.afType, AFMajor: c.afMajor, AFMinor: c.afMinor,
		Status: c.status, Lost: c.lost, Detail: c.detail,
	}
}

func writeTrace(t testing.TB, events []Event, o WriterOptions) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := NewWriter(&buf, o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range events {
		if err := w.Write(&events[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func readTrace(t testing.TB, b []byte) ([]Event, *Reader) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(b), "test", ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	events, err := allEvents(r)
	if err != nil {
		t.Fatal(err)
	}
	return events, r
}

func allEvents(r *Reader) ([]Event, error) {
	var events []Event
	for e, err := range r.Events() {
		if err != nil {
			return events, err
		}
		events = append(events, *e)
	}
	return events, nil
}

func sameEvents(t testing.TB, got, want []Event) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d events, want %d", len(got), len(want))
	}
	for i, w := range masked(want...) {
		if got[i] != w {
			t.Fatalf("event %d:\n got %+v\nwant %+v", i, got[i], w)
		}
	}
}

// TestColumnsThatComeLate writes batches of which each has one column more than those before it, and
// then none again: what Write makes of the same rows, row by row.
func TestColumnsThatComeLate(t *testing.T) {
	const perColumn = 150 // the columns grow while some of them have no room yet
	events := sampleEvents(perColumn*(numNullable+5), 4)
	for i := range events {
		if k := i / perColumn; k <= numNullable {
			events[i].Has = 1<<k - 1
		} else {
			events[i].Has = 0
		}
		events[i].Detail = fmt.Sprintf(`{"oid":"0x%x"}`, i)
	}
	for _, rows := range []int{0, 64, 1000} {
		o := WriterOptions{BatchRows: rows}
		var buf bytes.Buffer
		w, err := NewWriter(&buf, o)
		if err != nil {
			t.Fatal(err)
		}
		for from := 0; from < len(events); from += 50 {
			var b Batch
			for i := range 50 {
				b.Append(&events[from+i])
			}
			if err := w.WriteBatch(&b); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(buf.Bytes(), writeTrace(t, events, o)) {
			t.Errorf("batches of %d rows: WriteBatch gives other bytes than Write", rows)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, 2, 31, 32, 33, 64, 1000} {
		for _, o := range []WriterOptions{
			{}, {File: true}, {BatchRows: 7}, {File: true, BatchRows: 64}, {Compression: ZSTD}, {File: true, Compression: ZSTD, BatchRows: 100},
		} {
			o.Metadata = Metadata{MetaHost: "ws-17", "vendor.key": "kept"}
			t.Run(fmt.Sprintf("%d rows/file %v/batch %d/compression %d", n, o.File, o.BatchRows, o.Compression), func(t *testing.T) {
				events := sampleEvents(n, 1)
				b := writeTrace(t, events, o)
				got, r := readTrace(t, b)
				sameEvents(t, got, events)
				if r.Truncated() || len(r.Defects()) != 0 {
					t.Errorf("truncated %v, defects %v", r.Truncated(), r.Defects())
				}
				if r.Metadata()["vendor.key"] != "kept" || r.Metadata()[MetaSchemaVersion] != SchemaVersion {
					t.Errorf("metadata %v", r.Metadata())
				}
				var buf bytes.Buffer
				w, _ := NewWriter(&buf, o)
				r, err := NewReader(bytes.NewReader(b), "test", ReaderOptions{})
				if err != nil {
					t.Fatal(err)
				}
				for {
					batch, err := r.Next()
					if err == io.EOF {
						break
					}
					if err != nil {
						t.Fatal(err)
					}
					if err := w.WriteBatch(batch); err != nil {
						t.Fatal(err)
					}
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(buf.Bytes(), b) {
					t.Error("WriteBatch gives other bytes than Write")
				}
			})
		}
	}
}

func TestMetadataSetLate(t *testing.T) {
	for _, name := range []string{"t.arrow", "t.arrows"} {
		path := filepath.Join(t.TempDir(), name)
		w, err := Create(path, WriterOptions{Metadata: Metadata{MetaHost: "h"}, BatchRows: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range sampleEvents(25, 1) {
			if err := w.Write(&e); err != nil {
				t.Fatal(err)
			}
		}
		w.SetMetadata(MetaLostEvents, "12")
		w.SetMetadata("odd", "ü")
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := Open(path, ReaderOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if name == "t.arrow" && r.Metadata()[MetaLostEvents] != "12" {
			t.Errorf("%s: metadata at the start %v", name, r.Metadata())
		}
		events, err := allEvents(r)
		if err != nil {
			t.Fatal(err)
		}
		sameEvents(t, events, sampleEvents(25, 1))
		if md := r.Metadata(); md[MetaLostEvents] != "12" || md["odd"] != "ü" || md[MetaHost] != "h" {
			t.Errorf("%s: metadata at the end %v", name, md)
		}
		if r.Truncated() {
			t.Error("truncated")
		}
		r.Close()
	}
}

func TestWriterRefuses(t *testing.T) {
	good := Event{Seq: 5, Has: HasDetail | HasDriver, Driver: "d", Detail: "{}"}
	for name, change := range map[string]func(*Event){
		"seq does not increase":     func(e *Event) { e.Seq = 4 },
		"phase out of range":        func(e *Event) { e.Phase = NumPhases },
		"function out of range":     func(e *Event) { e.Function = ndis.NumFuncs },
		"source out of range":       func(e *Event) { e.Source = NumSources },
		"unknown bit in Has":        func(e *Event) { e.Has |= 1 << numNullable },
		"driver is not valid UTF-8": func(e *Event) { e.Driver = "\xFF" },
		"detail is not a JSON object": func(e *Event) {
			e.Detail = "[]"
		},
		"driver too long": func(e *Event) { e.Driver = strings.Repeat("d", MaxString+1) },
		"detail too long": func(e *Event) { e.Detail = `{"a":"` + strings.Repeat("d", MaxString) + `"}` },
	} {
		var buf bytes.Buffer
		w, _ := NewWriter(&buf, WriterOptions{BatchRows: 2})
		first := good
		first.Seq = 4
		if err := w.Write(&first); err != nil {
			t.Fatal(err)
		}
		bad := good
		change(&bad)
		err := w.Write(&bad)
		if !errors.Is(err, ErrEvent) || !bytes.Contains([]byte(err.Error()), []byte(name)) {
			t.Errorf("%s: %v", name, err)
		}
		var b Batch
		b.Append(&bad)
		if err := w.WriteBatch(&b); !errors.Is(err, ErrEvent) {
			t.Errorf("%s: batch: %v", name, err)
		}
		b.Reset()
		b.Append(&good)
		bad.Seq = max(bad.Seq, 4)
		b.Append(&bad)
		if name != "seq does not increase" {
			if err := w.WriteBatch(&b); !errors.Is(err, ErrEvent) {
				t.Errorf("%s: batch: %v", name, err)
			}
			if w.Rows() != 2 {
				t.Errorf("%s: %d rows, want the two good ones", name, w.Rows())
			}
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		readTrace(t, buf.Bytes())
	}
}

func itoa(n int64) string { return fmt.Sprint(n) }

// A batch with more text than a record batch takes is written as several.
func TestWriteBatchSplitsText(t *testing.T) {
	detail := `{"a":"` + strings.Repeat("d", maxBatchStrings/5) + `"}`
	var b Batch
	for seq := range uint64(9) {
		b.Append(&Event{Seq: seq + 1, Has: HasDetail, Detail: detail})
	}
	var buf bytes.Buffer
	w, err := NewWriter(&buf, WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.WriteBatch(&b), w.Close()); err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(&buf, "large", ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var rows []int
	for {
		got, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, got.N)
	}
	if !slices.Equal(rows, []int{5, 4}) {
		t.Errorf("batches of %d rows, want 5 and 4", rows)
	}
}
