package decode_test

import (
	"testing"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/decode/aftracetest"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/collect/etl/etltest"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// open is a row as an emitter sends it.
func openReturn() format.Event {
	return format.Event{
		Phase: format.PhaseReturn, Function: ndis.NdisClOpenAddressFamilyEx, CallID: 77, CPU: 1, PID: 4, TID: 4242, IRQL: 0,
		Driver: "ndproxy", Binding: 0xFFFFA80012345678, AF: 0xFFFFA80022220000, Context: 0xFFFFA80033330000,
		AFType: 0x801, AFMajor: 1, AFMinor: 2, Status: 0x103,
		Has: format.HasCallID | format.HasCPU | format.HasPID | format.HasTID | format.HasIRQL | format.HasDriver |
			format.HasBinding | format.HasAF | format.HasContext | format.HasAFType | format.HasAFMajor | format.HasAFMinor | format.HasStatus,
	}
}

func record(tb testing.TB, e *format.Event, o aftracetest.Options) *etl.Record {
	tb.Helper()
	items, data, err := aftracetest.Encode(e, o)
	if err != nil {
		tb.Fatal(err)
	}
	h := aftracetest.Header(e, o)
	return &etl.Record{
		Kind: etl.KindEvent64, CPU: 3, PID: h.PID, TID: h.TID, HasIDs: true, Clock: 1000, HasClock: true, Time: 5_000_000,
		Pointer: 8, Provider: h.Provider, HasGUID: true, Channel: 11, Level: 4, Keyword: 1,
		Extended: etltest.AppendExt(nil, items), Data: data,
	}
}

func BenchmarkAfEvent(b *testing.B) {
	e := openReturn()
	plain := record(b, &e, aftracetest.Options{Unit: decode.UnitQPC})
	e.Detail, e.Has = `{"bind_context":"0xffffa80000001000","protocol":"0xffffa80000002000"}`, e.Has|format.HasDetail
	detail := record(b, &e, aftracetest.Options{Unit: decode.UnitQPC})
	for name, records := range map[string][]*etl.Record{"plain": {plain}, "detail": {detail}, "two schemas": {plain, detail}} {
		b.Run(name, func(b *testing.B) {
			d := decode.New(decode.Options{Source: format.SourceETL, Clock: func(t int64) int64 { return t * 100 }, HeaderTicks: true})
			var row format.Event
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if d.Decode(records[i%len(records)], &row) != decode.Row {
					b.Fatal(d.Failure())
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
