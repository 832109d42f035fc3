package decode_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/decode/aftracetest"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/format"
)

// BenchmarkToArrow decodes AfEvents and writes them as a trace.
func BenchmarkToArrow(b *testing.B) {
	e := openReturn()
	r := record(b, &e, aftracetest.Options{Unit: decode.UnitQPC})
	w, err := format.NewWriter(io.Discard, format.WriterOptions{})
	if err != nil {
		b.Fatal(err)
	}
	d := newDecoder()
	var row format.Event
	b.ReportAllocs()
	for i := uint64(1); b.Loop(); i++ {
		if d.Decode(r, &row) != decode.Row {
			b.Fatal(d.Failure())
		}
		row.Seq = i
		if err := w.Write(&row); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkDispatch gives the decoder records that nothing describes, of one provider and
// of many in turn.
func BenchmarkDispatch(b *testing.B) {
	for _, n := range []int{1, 16, 1024} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var list []*etl.Record
			for i := range n {
				r := manifestRecord("some payload")
				r.Provider[3], r.Provider[7] = byte(i), byte(i>>8)
				r.Kind = []etl.Kind{etl.KindEvent64, etl.KindEvent64, etl.KindFull64, etl.KindMessage}[i%4]
				list = append(list, r)
			}
			d := decode.New(decode.Options{Library: library(b, tmf("Fn", "x"))})
			var row format.Event
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if d.Decode(list[i%n], &row) != decode.Other {
					b.Fatal("a row")
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// BenchmarkWPP decodes messages, makes rows of them, and prints them.
func BenchmarkWPP(b *testing.B) {
	lib := library(b, tmf("NdisClOpenAddressFamilyEx", "%0 <-- [%!FUNC!] Af %10!p! Status %11!s! name %12!s! %13!d!",
		"NdisAfHandle, ItemPtr", "Status, ItemNDIS_STATUS", "Name, ItemWString", "Count, ItemLong"))
	r := messageRecord(10, u64(0xFFFFA80012345678)+u32(0)+wide("ndproxy\x00")+u32(7))
	d := decode.New(decode.Options{Library: lib})
	b.Run("row", func(b *testing.B) {
		var row format.Event
		b.ReportAllocs()
		for b.Loop() {
			if d.Decode(r, &row) != decode.Row {
				b.Fatal(d.Failure())
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	})
	b.Run("text", func(b *testing.B) {
		var ev decode.Event
		var text []byte
		b.ReportAllocs()
		for b.Loop() {
			d.Event(r, &ev)
			text = ev.AppendMessage(text[:0], r)
		}
		if len(text) == 0 {
			b.Fatal("no text")
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	})
}

// BenchmarkManifest decodes an event of Microsoft-Windows-NDIS and makes a row of it.
func BenchmarkManifest(b *testing.B) {
	r := manifestRecord(string(contoso[:]) + u32(12) + u64(0x17000000000000) + wide("NDISWAN\x00") + u32(0))
	r.Provider, r.ID, r.Version = decode.NDIS, 10006, 0
	d := decode.New(decode.Options{})
	var row format.Event
	b.ReportAllocs()
	for b.Loop() {
		if d.Decode(r, &row) != decode.Row {
			b.Fatal(d.Failure())
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
