package decode_test

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
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

// newDecoder is that of a file whose clock ticks every 100 ns from the Unix epoch on.
func newDecoder() *decode.Decoder {
	return decode.New(decode.Options{Source: format.SourceETL, Clock: func(t int64) int64 { return t * 100 }, HeaderTicks: true})
}

// everything is a row with a value of its own in every column that an AfEvent carries.
func everything() format.Event {
	e := openReturn()
	e.Adapter, e.SAP, e.VC, e.Party, e.Context2 = 0x11, 0x22, 0x33, 0x44, 0x55
	e.Detail = `{"handlers":["client"],"protocol":"0xffffa80000002000"}`
	e.Has |= format.HasAdapter | format.HasSAP | format.HasVC | format.HasParty | format.HasDetail | format.HasContext2
	return e
}

// TestAfEventForms holds that a row comes out of every form that an emitter may give it.
func TestAfEventForms(t *testing.T) {
	var reverse []decode.AfField
	for f := range decode.NumAfFields {
		reverse = append([]decode.AfField{f}, reverse...)
	}
	for name, o := range map[string]aftracetest.Options{
		"contract": {}, "NUL-terminated": {NUL: true}, "wide": {Wide: true}, "wide, NUL-terminated": {Wide: true, NUL: true},
		"fields of others between": {Extra: true}, "reverse order": {Order: reverse, Extra: true, NUL: true},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDecoder()
			for i, want := range []format.Event{openReturn(), everything(), {Function: ndis.ProtocolCmOpenAf, Has: format.HasPID | format.HasTID, PID: 4, TID: 8}} {
				var got format.Event
				if d.Decode(record(t, &want, o), &got) != decode.Row {
					t.Fatalf("event %d: %v", i, d.Failure())
				}
				want.TS, want.Ticks, want.Source, want.Has = 5_000_000, 1000, format.SourceETL, want.Has|format.HasTicks
				if got != want {
					t.Errorf("event %d\n%+v, want\n%+v", i, got, want)
				}
			}
			if len(d.Defects()) > 0 {
				t.Error(d.Defects())
			}
		})
	}
}

// TestAfEventMissing holds that a field that an emitter leaves out is null.
func TestAfEventMissing(t *testing.T) {
	columns := map[decode.AfField]format.Fields{
		decode.AfCallID: format.HasCallID, decode.AfCPU: format.HasCPU, decode.AfProcessID: format.HasPID, decode.AfThreadID: format.HasTID,
		decode.AfIRQL: format.HasIRQL, decode.AfDriver: format.HasDriver, decode.AfAdapter: format.HasAdapter, decode.AfBinding: format.HasBinding,
		decode.AfAf: format.HasAF, decode.AfSap: format.HasSAP, decode.AfVc: format.HasVC, decode.AfParty: format.HasParty,
		decode.AfContext: format.HasContext, decode.AfType: format.HasAFType, decode.AfMajor: format.HasAFMajor, decode.AfMinor: format.HasAFMinor,
		decode.AfStatus: format.HasStatus, decode.AfDetail: format.HasDetail, decode.AfContext2: format.HasContext2,
	}
	full := everything()
	full.Has |= format.HasTicks
	for f := range decode.NumAfFields {
		d := newDecoder()
		e := everything()
		var got format.Event
		if d.Decode(record(t, &e, aftracetest.Options{Omit: []decode.AfField{f}}), &got) != decode.Row {
			t.Fatalf("without %s: %v", decode.AfFields[f].Name, d.Failure())
		}
		want := full.Has &^ columns[f]
		defects := 0
		switch f {
		case decode.AfPresent:
			want &^= format.HasAdapter | format.HasBinding | format.HasAF | format.HasSAP | format.HasVC | format.HasParty |
				format.HasContext | format.HasContext2 | format.HasAFType | format.HasAFMajor | format.HasAFMinor | format.HasStatus
		case decode.AfFunction:
			defects = 1
			if got.Function != ndis.FuncUnknown {
				t.Errorf("without Function: %v", got.Function)
			}
		case decode.AfPhase:
			defects = 1
			if got.Phase != format.PhaseEvent {
				t.Errorf("without Phase: %v", got.Phase)
			}
		}
		if got.Has != want {
			t.Errorf("without %s: columns %b, want %b", decode.AfFields[f].Name, got.Has, want)
		}
		if len(d.Defects()) != defects {
			t.Errorf("without %s: %v", decode.AfFields[f].Name, d.Defects())
		}
		// What is null is 0, so that rows can be compared.
		if again := keepOnly(got); again != got {
			t.Errorf("without %s: a null column has a value: %+v", decode.AfFields[f].Name, got)
		}
	}
}

// keepOnly sets columns that are null to 0.
func keepOnly(e format.Event) format.Event {
	zero := func(k format.Fields, p any) {
		if e.Has&k != 0 {
			return
		}
		switch p := p.(type) {
		case *uint64:
			*p = 0
		case *uint32:
			*p = 0
		case *uint16:
			*p = 0
		case *uint8:
			*p = 0
		case *int64:
			*p = 0
		case *string:
			*p = ""
		}
	}
	zero(format.HasTicks, &e.Ticks)
	zero(format.HasContext2, &e.Context2)
	zero(format.HasCPU, &e.CPU)
	zero(format.HasPID, &e.PID)
	zero(format.HasTID, &e.TID)
	zero(format.HasIRQL, &e.IRQL)
	zero(format.HasCallID, &e.CallID)
	zero(format.HasDriver, &e.Driver)
	zero(format.HasAdapter, &e.Adapter)
	zero(format.HasBinding, &e.Binding)
	zero(format.HasAF, &e.AF)
	zero(format.HasSAP, &e.SAP)
	zero(format.HasVC, &e.VC)
	zero(format.HasParty, &e.Party)
	zero(format.HasContext, &e.Context)
	zero(format.HasAFType, &e.AFType)
	zero(format.HasAFMajor, &e.AFMajor)
	zero(format.HasAFMinor, &e.AFMinor)
	zero(format.HasStatus, &e.Status)
	zero(format.HasDetail, &e.Detail)
	return e
}

// TestAfEventPresent holds for every mask that a clear bit is null and a set one a value,
// also if that is 0.
func TestAfEventPresent(t *testing.T) {
	full := everything()
	for mask := uint32(0); mask < 1<<12; mask++ {
		e := full
		e.Has = full.Has &^ (format.HasAdapter | format.HasBinding | format.HasAF | format.HasSAP | format.HasVC | format.HasParty |
			format.HasContext | format.HasContext2 | format.HasAFType | format.HasAFMajor | format.HasAFMinor | format.HasStatus)
		for bit, k := range []format.Fields{format.HasAdapter, format.HasBinding, format.HasAF, format.HasSAP, format.HasVC, format.HasParty,
			format.HasContext, format.HasAFType, format.HasAFMajor, format.HasAFMinor, format.HasStatus, format.HasContext2} {
			if mask&(1<<bit) != 0 {
				e.Has |= k
			}
		}
		if aftracetest.Present(&e) != mask {
			t.Fatalf("mask %b: encoded as %b", mask, aftracetest.Present(&e))
		}
		r := record(t, &full, aftracetest.Options{})
		// Values are there under clear bits too.
		at := len(r.Data) - 4 - 2 - len(full.Detail) - 8
		binary.LittleEndian.PutUint32(r.Data[at:], mask)
		var got format.Event
		d := newDecoder()
		if d.Decode(r, &got) != decode.Row {
			t.Fatal(d.Failure())
		}
		e.TS, e.Ticks, e.Source, e.Has = r.Time, r.Clock, format.SourceETL, e.Has|format.HasTicks
		if got.Has != e.Has || got != keepOnly(e) {
			t.Fatalf("mask %b:\n%+v, want\n%+v", mask, got, keepOnly(e))
		}
	}
	zero := format.Event{Function: ndis.ProtocolCmOpenAf, Has: format.HasAF | format.HasStatus}
	var got format.Event
	if newDecoder().Decode(record(t, &zero, aftracetest.Options{}), &got) != decode.Row || got.Has&zero.Has != zero.Has {
		t.Errorf("a recorded 0 is null: %b", got.Has)
	}
}

func TestAfEventTime(t *testing.T) {
	type want struct {
		ts, ticks int64 // ticks -1: null
		defects   int
		source    format.Source
	}
	for name, c := range map[string]struct {
		o     aftracetest.Options
		edit  func(*format.Event)
		d     *decode.Decoder
		clock bool
		want  want
	}{
		"header":           {aftracetest.Options{}, nil, newDecoder(), true, want{5_000_000, 1000, 0, format.SourceETL}},
		"header, no clock": {aftracetest.Options{}, nil, newDecoder(), false, want{5_000_000, -1, 0, format.SourceETL}},
		"header, no QPC":   {aftracetest.Options{}, nil, decode.New(decode.Options{Source: format.SourceETW}), true, want{5_000_000, -1, 0, format.SourceETW}},
		"Unix, own process": {aftracetest.Options{Unit: decode.UnitUnix}, func(e *format.Event) { e.TS = 777 }, newDecoder(), true,
			want{777, -1, 0, format.SourceETL}},
		"Unix, of a tracer": {aftracetest.Options{Unit: decode.UnitUnix, HeaderPID: 9000, HeaderTID: 9001}, func(e *format.Event) { e.TS = 777 }, newDecoder(), true,
			want{777, -1, 0, format.SourceDTrace}},
		"header, of another process": {aftracetest.Options{HeaderPID: 9000}, nil, newDecoder(), true, want{5_000_000, 1000, 0, format.SourceETL}},
		"Unix, no process": {aftracetest.Options{Unit: decode.UnitUnix, HeaderPID: 9000, Omit: []decode.AfField{decode.AfProcessID}}, func(e *format.Event) { e.TS = 777 },
			newDecoder(), true, want{777, -1, 0, format.SourceETL}},
		"QPC": {aftracetest.Options{Unit: decode.UnitQPC}, func(e *format.Event) { e.Ticks = 41 }, newDecoder(), true, want{4100, 41, 0, format.SourceETL}},
		"QPC, no conversion": {aftracetest.Options{Unit: decode.UnitQPC}, func(e *format.Event) { e.Ticks = 41 }, decode.New(decode.Options{Source: format.SourceETL}), true,
			want{5_000_000, 41, 1, format.SourceETL}},
		"Unix without a time": {aftracetest.Options{Unit: decode.UnitUnix}, nil, newDecoder(), true, want{5_000_000, -1, 1, format.SourceETL}},
		"time missing": {aftracetest.Options{Unit: decode.UnitUnix, Omit: []decode.AfField{decode.AfTimestamp}}, nil, newDecoder(), true,
			want{5_000_000, -1, 1, format.SourceETL}},
		"unit missing": {aftracetest.Options{Unit: decode.UnitUnix, Omit: []decode.AfField{decode.AfTimestampUnit}}, func(e *format.Event) { e.TS = 777 }, newDecoder(), true,
			want{5_000_000, 1000, 0, format.SourceETL}},
		"unknown unit": {aftracetest.Options{Unit: 3}, nil, newDecoder(), true, want{5_000_000, -1, 1, format.SourceETL}},
		"far future":   {aftracetest.Options{Unit: decode.UnitUnix}, func(e *format.Event) { e.TS = -1 }, newDecoder(), true, want{5_000_000, -1, 1, format.SourceETL}},
	} {
		e := openReturn()
		if c.edit != nil {
			c.edit(&e)
		}
		r := record(t, &e, c.o)
		r.HasClock = c.clock
		var got format.Event
		if c.d.Decode(r, &got) != decode.Row {
			t.Errorf("%s: %v", name, c.d.Failure())
			continue
		}
		ticks := int64(-1)
		if got.Has&format.HasTicks != 0 {
			ticks = got.Ticks
		}
		if have := (want{got.TS, ticks, len(c.d.Defects()), got.Source}); have != c.want {
			t.Errorf("%s: %+v, want %+v; %v", name, have, c.want, c.d.Defects())
		}
	}
}

// own builds an AfEvent from fields as they are.
func own(fields []field, payload string) *etl.Record {
	items := aftracetest.Items(aftracetest.Traits(decode.AfTraceName), aftracetest.Schema(decode.AfEventName, 0, fields))
	return &etl.Record{
		Kind: etl.KindEvent64, HasIDs: true, Time: 1, Pointer: 8, Provider: decode.AfTrace, HasGUID: true, Channel: 11,
		Extended: etltest.AppendExt(nil, items), Data: []byte(payload),
	}
}

// TestAfEventWidths holds how numbers of other widths than the contract's are read.
func TestAfEventWidths(t *testing.T) {
	present := field{Name: "Present", In: decode.InHexInt32}
	all := u32(0x7FF)
	for name, c := range map[string]struct {
		fields  []field
		payload string
		pointer uint8
		check   func(*format.Event) bool
		defects int
	}{
		"pointer of 8": {[]field{{Name: "Af", In: decode.InPointer}, present}, u64(1<<63) + all, 8, func(e *format.Event) bool { return e.AF == 1<<63 }, 0},
		"pointer of 4": {[]field{{Name: "Af", In: decode.InPointer}, present}, u32(1<<31) + all, 4, func(e *format.Event) bool { return e.AF == 1<<31 }, 0},
		"small handle": {[]field{{Name: "Af", In: decode.InInt8}, present}, "\xFF" + all, 8, func(e *format.Event) bool { return e.AF == 0xFF }, 0},
		"signed status": {[]field{{Name: "Status", In: decode.InInt64}, present}, u64(0xFFFFFFFFC0000001) + all, 8,
			func(e *format.Event) bool { return e.Status == 0xC0000001 && e.Has&format.HasStatus != 0 }, 0},
		"status out of range": {[]field{{Name: "Status", In: decode.InUint64}, present}, u64(1<<32) + all, 8,
			func(e *format.Event) bool { return e.Status == 0 && e.Has&format.HasStatus == 0 }, 1},
		"type out of range": {[]field{{Name: "AfType", In: decode.InUint64}, present}, u64(0xFFFFFFFF00000001) + all, 8,
			func(e *format.Event) bool { return e.Has&format.HasAFType == 0 }, 1},
		"processor unknown in 32 bits": {[]field{{Name: "Cpu", In: decode.InUint32}}, u32(0xFFFFFFFF), 8, func(e *format.Event) bool { return e.Has&format.HasCPU == 0 }, 0},
		"processor 255 in 8 bits":      {[]field{{Name: "Cpu", In: decode.InUint8}}, "\xFF", 8, func(e *format.Event) bool { return e.CPU == 255 && e.Has&format.HasCPU != 0 }, 0},
		"processor out of range":       {[]field{{Name: "Cpu", In: decode.InUint32}}, u32(0x10000), 8, func(e *format.Event) bool { return e.Has&format.HasCPU == 0 }, 1},
		"IRQL unknown in 32 bits":      {[]field{{Name: "Irql", In: decode.InInt32}}, u32(0xFFFFFFFF), 8, func(e *format.Event) bool { return e.Has&format.HasIRQL == 0 }, 0},
		"IRQL out of range":            {[]field{{Name: "Irql", In: decode.InInt32}}, u32(0x100), 8, func(e *format.Event) bool { return e.Has&format.HasIRQL == 0 }, 1},
		"number as text is not known":  {[]field{{Name: "Af", In: decode.InANSI}, present}, "5\x00" + all, 8, func(e *format.Event) bool { return e.Has&format.HasAF == 0 }, 0},
		"array is not known":           {[]field{{Name: "Af", In: decode.InUint64, Array: fixed, Count: 1}, present}, u64(5) + all, 8, func(e *format.Event) bool { return e.Has&format.HasAF == 0 }, 0},
		"the first of a name counts": {[]field{{Name: "Af", In: decode.InUint64}, {Name: "Af", In: decode.InUint64}, present}, u64(5) + u64(6) + all, 8,
			func(e *format.Event) bool { return e.AF == 5 }, 0},
		"a member has no name of ours": {[]field{{Name: "s", In: decode.InStruct, Members: []field{{Name: "Af", In: decode.InUint64}}}, present}, u64(5) + all, 8,
			func(e *format.Event) bool { return e.Has&format.HasAF == 0 }, 0},
		"bits past Status": {[]field{{Name: "Af", In: decode.InUint64}, present}, u64(5) + u32(0xFFFFFFFF), 8, func(e *format.Event) bool { return e.AF == 5 }, 0},
	} {
		r := own(append([]field{{Name: "Function", In: decode.InANSI}, {Name: "Phase", In: decode.InUint8}}, c.fields...), "ProtocolCmOpenAf\x00\x01"+c.payload)
		r.Pointer = c.pointer
		d := newDecoder()
		var e format.Event
		if d.Decode(r, &e) != decode.Row || d.Failure().Reason != decode.ReasonNone {
			t.Errorf("%s: %v", name, d.Failure())
		} else if !c.check(&e) || len(d.Defects()) != c.defects || keepOnly(e) != e {
			t.Errorf("%s: %+v, %v", name, e, d.Defects())
		}
	}
}

func TestAfEventText(t *testing.T) {
	for name, c := range map[string]struct {
		function, driver, detail string
		want                     ndis.Func
		label, json              string
		defects                  int
	}{
		"known":                       {"NdisClCloseAddressFamily", "a", "", ndis.NdisClCloseAddressFamily, "a", "", 0},
		"outside the vocabulary":      {"MyFunction", "", "", ndis.FuncUnknown, "", `{"function":"MyFunction"}`, 0},
		"case counts":                 {"ndisclcloseaddressfamily", "", "", ndis.FuncUnknown, "", `{"function":"ndisclcloseaddressfamily"}`, 0},
		"with a detail":               {"F\"x", "", `{"z":1,"a":[1, 2]}`, ndis.FuncUnknown, "", `{"a":[1,2],"function":"F\"x","z":1}`, 0},
		"with a detail that is none":  {"F", "", `[1]`, ndis.FuncUnknown, "", `{"function":"F"}`, 1},
		"no name":                     {"", "", "", ndis.FuncUnknown, "", "", 1},
		"ANSI label":                  {"NdisClCloseAddressFamily", "caf\xE9", "", ndis.NdisClCloseAddressFamily, "café", "", 1},
		"UTF-8 label":                 {"NdisClCloseAddressFamily", "café", "", ndis.NdisClCloseAddressFamily, "café", "", 0},
		"detail canonical":            {"NdisClCloseAddressFamily", "", `{"a":"0x1","b":{"c":true}}`, ndis.NdisClCloseAddressFamily, "", `{"a":"0x1","b":{"c":true}}`, 0},
		"detail not sorted":           {"NdisClCloseAddressFamily", "", ` { "b" : 12345678901234567890 , "a" : 1.50 } `, ndis.NdisClCloseAddressFamily, "", `{"a":1.50,"b":12345678901234567890}`, 0},
		"detail with escapes":         {"NdisClCloseAddressFamily", "", `{"a":"\u0041<"}`, ndis.NdisClCloseAddressFamily, "", `{"a":"A<"}`, 0},
		"detail with a key twice":     {"NdisClCloseAddressFamily", "", `{"a":1,"a":2}`, ndis.NdisClCloseAddressFamily, "", `{"a":2}`, 0},
		"detail that is no object":    {"NdisClCloseAddressFamily", "", `7`, ndis.NdisClCloseAddressFamily, "", "", 1},
		"detail null":                 {"NdisClCloseAddressFamily", "", `null`, ndis.NdisClCloseAddressFamily, "", "", 1},
		"detail cut":                  {"NdisClCloseAddressFamily", "", `{"a":`, ndis.NdisClCloseAddressFamily, "", "", 1},
		"detail and more":             {"NdisClCloseAddressFamily", "", `{"a":1}{}`, ndis.NdisClCloseAddressFamily, "", "", 1},
		"detail and a bracket":        {"NdisClCloseAddressFamily", "", `{"a":1}}`, ndis.NdisClCloseAddressFamily, "", "", 1},
		"detail nests as deep as may": {"NdisClCloseAddressFamily", "", `{"a":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`, ndis.NdisClCloseAddressFamily, "", `{"a":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`, 0},
		"detail nests too deep":       {"NdisClCloseAddressFamily", "", `{"a":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, ndis.NdisClCloseAddressFamily, "", "", 1},
	} {
		e := format.Event{Driver: c.driver, Detail: c.detail, Has: format.HasDetail}
		d := newDecoder()
		var got format.Event
		r := record(t, &e, aftracetest.Options{Function: c.function, NUL: name[0]&1 == 0})
		if c.function == "" {
			r = record(t, &e, aftracetest.Options{Omit: []decode.AfField{decode.AfFunction}})
		}
		if d.Decode(r, &got) != decode.Row {
			t.Errorf("%s: %v", name, d.Failure())
			continue
		}
		if got.Function != c.want || got.Driver != c.label || got.Detail != c.json || len(d.Defects()) != c.defects ||
			(got.Has&format.HasDriver != 0) != (c.label != "") || (got.Has&format.HasDetail != 0) != (c.json != "") {
			t.Errorf("%s: %v %q %s; %v", name, got.Function, got.Driver, got.Detail, d.Defects())
		}
	}
}

// TestAfEventFailures holds what becomes of events of our provider that are not as the
// contract says.
func TestAfEventFailures(t *testing.T) {
	good := openReturn()
	fresh := func(edit func(r *etl.Record)) *etl.Record {
		r := record(t, &good, aftracetest.Options{})
		edit(r)
		return r
	}
	for name, c := range map[string]struct {
		r    *etl.Record
		want decode.Outcome
		why  decode.Reason
	}{
		"whole":          {fresh(func(*etl.Record) {}), decode.Row, decode.ReasonNone},
		"bytes too many": {fresh(func(r *etl.Record) { r.Data = append(r.Data, 0) }), decode.Row, decode.ReasonPayloadLeft},
		"bytes missing":  {fresh(func(r *etl.Record) { r.Data = r.Data[:len(r.Data)-1] }), decode.Lost, decode.ReasonPayloadCut},
		"no payload":     {fresh(func(r *etl.Record) { r.Data = nil }), decode.Lost, decode.ReasonPayloadCut},
		"no schema":      {fresh(func(r *etl.Record) { r.Extended = nil }), decode.Lost, decode.ReasonNoSchema},
		"damaged items":  {fresh(func(r *etl.Record) { r.Extended, r.Data, r.Defect = nil, nil, "damaged" }), decode.Lost, decode.ReasonRecord},
		"schema cut": {fresh(func(r *etl.Record) {
			meta, _ := r.Item(etl.ExtSchemaTL)
			r.Extended = etltest.AppendExt(nil, []etl.ExtItem{{Type: etl.ExtSchemaTL, Data: meta[:len(meta)-9]}})
		}), decode.Lost, decode.ReasonSchemaCut},
		"schema without a name": {fresh(func(r *etl.Record) {
			r.Extended = etltest.AppendExt(nil, []etl.ExtItem{{Type: etl.ExtSchemaTL, Data: []byte{9}}})
		}), decode.Lost, decode.ReasonSchemaCut},
		"another event of ours":                {fresh(func(r *etl.Record) { rename(r, "Other") }), decode.Other, decode.ReasonNone},
		"another event of ours, bytes missing": {fresh(func(r *etl.Record) { rename(r, "Other"); r.Data = r.Data[:9] }), decode.Other, decode.ReasonPayloadCut},
		"AfEvent of another provider":          {fresh(func(r *etl.Record) { r.Provider[0]++ }), decode.Other, decode.ReasonNone},
		"classic record of ours":               {fresh(func(r *etl.Record) { r.Kind = etl.KindFull64 }), decode.Other, decode.ReasonNoDecoder},
		"record without a provider":            {fresh(func(r *etl.Record) { r.HasGUID = false }), decode.Other, decode.ReasonKernel},
	} {
		d := newDecoder()
		var e format.Event
		if got := d.Decode(c.r, &e); got != c.want || d.Failure().Reason != c.why {
			t.Errorf("%s: outcome %d, %v; want %d, %v", name, got, d.Failure(), c.want, c.why)
		}
		for _, p := range d.Providers() {
			if p.Records != 1 || p.Decoded+p.Undecoded != 1 || (p.Decoded == 1) != (c.why == decode.ReasonNone) || p.Undecoded != p.Reasons[c.why] {
				t.Errorf("%s: counted as %+v", name, p)
			}
		}
	}

	// What was decoded before the payload ends is there.
	var e format.Event
	d := newDecoder()
	d.Decode(fresh(func(r *etl.Record) { r.Data = r.Data[:60] }), &e)
	if e.Function != ndis.NdisClOpenAddressFamilyEx || e.Phase != format.PhaseReturn || e.CallID != 77 || len(d.Defects()) > 0 {
		t.Errorf("%+v, %v", e, d.Defects())
	}
}

// rename gives the schema of r another event name.
func rename(r *etl.Record, name string) {
	meta, _ := r.Item(etl.ExtSchemaTL)
	rest := meta[3+len(decode.AfEventName):]
	b := append(append([]byte{0, 0, 0}, name...), rest...)
	binary.LittleEndian.PutUint16(b, uint16(len(b)))
	r.Extended = etltest.AppendExt(nil, []etl.ExtItem{{Type: etl.ExtSchemaTL, Data: b}})
}

// TestBounded holds that an endless supply of schemas, labels and providers does not fill
// the memory, and that what was forgotten is understood again.
func TestBounded(t *testing.T) {
	d := newDecoder()
	var e format.Event
	before := heap()
	for i := range 30_000 {
		good := openReturn()
		good.Driver = fmt.Sprintf("driver %d %s", i, strings.Repeat("x", 500))
		r := record(t, &good, aftracetest.Options{Traits: []decode.Trait{{Type: 9, Data: []byte{byte(i)}}}})
		meta, _ := r.Item(etl.ExtSchemaTL)
		more := aftracetest.Schema(decode.AfEventName, 0, []field{{Name: fmt.Sprint(strings.Repeat("y", 300), i), In: decode.InNull}})
		more = append(more, meta[3+len(decode.AfEventName)+1:]...)
		binary.LittleEndian.PutUint16(more, uint16(len(more)))
		r.Extended = etltest.AppendExt(nil, []etl.ExtItem{{Type: etl.ExtSchemaTL, Data: more}})
		if d.Decode(r, &e) != decode.Row || e.Driver != good.Driver {
			t.Fatal(d.Failure(), e.Driver)
		}
	}
	if used := heap() - before; used > 100<<20 {
		t.Errorf("%d MiB in use", used>>20)
	}
	runtime.KeepAlive(d)

	d = newDecoder()
	for i := range decode.MaxProviders + 5 {
		r := &etl.Record{Kind: etl.KindFull64, HasGUID: true}
		binary.LittleEndian.PutUint32(r.Provider[:], uint32(i))
		d.Decode(r, &e)
	}
	if len(d.Providers()) != decode.MaxProviders || d.Omitted() != 5 {
		t.Errorf("%d providers, %d omitted", len(d.Providers()), d.Omitted())
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestAfEventAllocations holds that decoding an event takes no memory of its own.
func TestAfEventAllocations(t *testing.T) {
	d := newDecoder()
	a, b := openReturn(), everything()
	records := []*etl.Record{record(t, &a, aftracetest.Options{}), record(t, &b, aftracetest.Options{NUL: true})}
	var e format.Event
	i := 0
	if n := testing.AllocsPerRun(10_000, func() { d.Decode(records[i%2], &e); i++ }); n > 0 {
		t.Errorf("%v allocations an event", n)
	}
}

func BenchmarkAfEvent(b *testing.B) {
	e := openReturn()
	plain := record(b, &e, aftracetest.Options{Unit: decode.UnitQPC})
	e.Detail, e.Has = `{"bind_context":"0xffffa80000001000","protocol":"0xffffa80000002000"}`, e.Has|format.HasDetail
	detail := record(b, &e, aftracetest.Options{Unit: decode.UnitQPC})
	for name, records := range map[string][]*etl.Record{"plain": {plain}, "detail": {detail}, "two schemas": {plain, detail}} {
		b.Run(name, func(b *testing.B) {
			d := newDecoder()
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
