package table

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/ipc"

	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// read gives the columns of a stream as text, "null" for nulls, and how many batches it has.
func read(t *testing.T, b []byte) (cols map[string][]string, batches int) {
	t.Helper()
	r, err := ipc.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	cols = map[string][]string{}
	for r.Next() {
		rec := r.Record()
		batches++
		for i, f := range rec.Schema().Fields() {
			nulls := 0
			for k := range int(rec.NumRows()) {
				s := rec.Column(i).ValueStr(k)
				if rec.Column(i).IsNull(k) {
					s, nulls = "null", nulls+1
				}
				cols[f.Name] = append(cols[f.Name], s)
			}
			if nulls != rec.Column(i).NullN() || nulls > 0 && !f.Nullable {
				t.Errorf("%s: %d nulls, told %d, nullable %v", f.Name, nulls, rec.Column(i).NullN(), f.Nullable)
			}
		}
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	return cols, batches
}

// Spans of changing sources, over several batches whose ends are no multiples of eight.
func TestSpansComeBack(t *testing.T) {
	var out bytes.Buffer
	s := NewStream(&out, Spans, "rack")
	w := NewSpanWriter(s)
	rng := rand.New(rand.NewPCG(1, 2))
	sources := []Source{{Trace: "a"}, {Trace: "b", Host: "h", BootID: "1", Keys: []string{"r7"}}, {Trace: "b", Host: "h", BootID: "2", Keys: []string{""}}}
	type row struct{ trace, host, boot, rack, function, af, driver, duration, interrupted, status, adapter, tid string }
	var want []row
	const rows = 2*rowsPerBatch + 1237
	from := sources[0]
	for i := range rows {
		if i < rowsPerBatch && rng.IntN(1000) == 0 || i == rowsPerBatch+17 {
			from = sources[rng.IntN(len(sources))]
		}
		w.From(&from)
		x := replay.Span{
			Function: ndis.Func(1 + rng.IntN(int(ndis.NumFuncs)-1)), EnterSeq: uint64(i), Enter: int64(i), Return: int64(i) + rng.Int64N(9) - 2,
			Interrupted: rng.IntN(5) == 0, HasAFType: rng.IntN(2) == 0, HasStatus: rng.IntN(9) != 0,
			Status: []ndis.Status{0, 0x103, 0xC0010017, 0xC0000001, ndis.Status(rng.Uint32())}[rng.IntN(5)], Adapter: uint64(rng.IntN(3)),
		}
		if x.HasAFType {
			x.AFType = []uint32{1, 2, 0x80000001, rng.Uint32()}[rng.IntN(4)]
		}
		if i >= rowsPerBatch { // a whole batch in which all have one
			x.TID = 1 + uint64(rng.IntN(9))
		}
		x.Driver = []string{"", "cm", "größe"}[rng.IntN(3)]
		text := func(s string, known bool) string {
			if !known {
				return "null"
			}
			return s
		}
		number := func(v int64, known bool) string { return text(strconv.FormatInt(v, 10), known) }
		r := row{
			trace: from.Trace, host: text(from.Host, from.Host != ""), boot: text(from.BootID, from.BootID != ""), rack: "null",
			function: x.Function.String(), af: text(ndis.AFType(x.AFType).String(), x.HasAFType), driver: text(x.Driver, x.Driver != ""),
			duration: number(x.Return-x.Enter, !x.Interrupted && x.Return >= x.Enter), interrupted: "false",
			status: text(x.Status.String(), x.HasStatus), adapter: number(int64(x.Adapter), x.Adapter != 0), tid: number(int64(x.TID), x.TID != 0),
		}
		if len(from.Keys) > 0 && from.Keys[0] != "" {
			r.rack = from.Keys[0]
		}
		if x.Interrupted {
			r.interrupted = "true"
		}
		want = append(want, r)
		w.Span(&x)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, batches := read(t, out.Bytes())
	if batches != 3 || len(got["trace"]) != rows {
		t.Fatalf("%d batches, %d rows", batches, len(got["trace"]))
	}
	for i, r := range want {
		is := row{
			got["trace"][i], got["host"][i], got["boot_id"][i], got["rack"][i], got["function"][i], got["af_type"][i], got["driver"][i],
			got["duration_ns"][i], got["interrupted"][i], got["status_name"][i], got["adapter"][i], got["tid"][i],
		}
		if is != r || got["enter_seq"][i] != strconv.Itoa(i) || (got["status"][i] == "null") != (r.status == "null") {
			t.Fatalf("row %d:\n%+v\nwant\n%+v", i, is, r)
		}
	}
}

// Long strings are written before their offsets overflow.
func TestLongStringsMakeSmallBatches(t *testing.T) {
	var out countingWriter
	s := NewStream(&out, Spans)
	w := NewSpanWriter(s)
	long := strings.Repeat("x", 1<<20)
	w.From(&Source{Trace: "t", Host: long})
	const rows = 200
	for range rows {
		w.Span(&replay.Span{Function: 1, Driver: long})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if out.most > 2*maxData {
		t.Errorf("%d bytes written as one", out.most)
	}
	if want := int64(2 * rows << 20); out.n < want {
		t.Errorf("%d bytes written, want at least %d", out.n, want)
	}
}

// Spans that wait for being written keep their text, which may be that of nobody else: of a
// world that has ended.
func TestSpansThatWaitKeepLittleText(t *testing.T) {
	const rows, size = 300, 1 << 20
	for _, what := range []string{"driver", "host", "key"} {
		s := NewStream(io.Discard, Spans, "rack")
		w := NewSpanWriter(s)
		flushed := 0
		for i := range rows {
			x, from := replay.Span{Function: 1}, Source{Host: strconv.Itoa(i)}
			switch long := strings.Repeat("x", size); what {
			case "driver":
				x.Driver = long
			case "host":
				from.Host += long
			case "key":
				from.Keys = []string{long}
			}
			w.From(&from)
			w.Span(&x)
			if n := len(w.rows.list); n > maxData/size {
				t.Fatalf("%s: %d rows of 1 MiB are kept", what, n)
			} else if n == 0 {
				flushed++
			}
		}
		// The rows that were written before go on to be used, without their text.
		w.sink.wait()
		for _, old := range w.rows.list[len(w.rows.list):cap(w.rows.list)] {
			if old.Driver != "" {
				t.Fatalf("%s: text of a row that was written is kept", what)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if want := rows / (maxData/size + 1); flushed != want {
			t.Errorf("%s: written %d times, want %d", what, flushed, want)
		}
	}
}

type countingWriter struct {
	n    int64
	most int
}

func (w *countingWriter) Write(p []byte) (int, error) {
	w.n += int64(len(p))
	w.most = max(w.most, len(p))
	return len(p), nil
}

var errFull = errors.New("full")

type fullWriter struct{ room int }

func (w *fullWriter) Write(p []byte) (int, error) {
	if w.room -= len(p); w.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// A disk that is full while rows are still coming is told, at the latest by Close.
func TestErrorsOfWritingAreTold(t *testing.T) {
	s := NewStream(&fullWriter{1 << 16}, Spans)
	w := NewSpanWriter(s)
	for range 3 * rowsPerBatch {
		w.Span(&replay.Span{Function: 1})
	}
	if err := s.Err(); !errors.Is(err, errFull) {
		t.Errorf("Err: %v", err)
	}
	if err := s.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close: %v", err)
	}
}
