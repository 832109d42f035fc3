package format

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/aftrace/aftrace/format/ndis"
)

// cell is a value of a row as text, as any Arrow builder takes it; false if it is null.
func cell(e *Event, col int) (string, bool) {
	u := func(v uint64) string { return strconv.FormatUint(v, 10) }
	has := columns[col].required() || e.Has&columns[col].has != 0
	switch col {
	case colSeq:
		return u(e.Seq), true
	case colTS:
		return time.Unix(0, e.TS).UTC().Format("2006-01-02T15:04:05.999999999"), true
	case colTicks:
		return strconv.FormatInt(e.Ticks, 10), has
	case colCPU:
		return u(uint64(e.CPU)), has
	case colPID:
		return u(uint64(e.PID)), has
	case colTID:
		return u(e.TID), has
	case colIRQL:
		return u(uint64(e.IRQL)), has
	case colPhase:
		return e.Phase.String(), true
	case colFunction:
		return e.Function.String(), true
	case colCallID:
		return u(e.CallID), has
	case colDriver:
		return e.Driver, has
	case colAdapter:
		return u(e.Adapter), has
	case colBinding:
		return u(e.Binding), has
	case colAF:
		return u(e.AF), has
	case colSAP:
		return u(e.SAP), has
	case colVC:
		return u(e.VC), has
	case colParty:
		return u(e.Party), has
	case colContext:
		return u(e.Context), has
	case colContext2:
		return u(e.Context2), has
	case colAFType:
		return u(uint64(e.AFType)), has
	case colAFMajor:
		return u(uint64(e.AFMajor)), has
	case colAFMinor:
		return u(uint64(e.AFMinor)), has
	case colStatus:
		return u(uint64(e.Status)), has
	case colLost:
		return u(e.Lost), has
	case colSource:
		return e.Source.String(), true
	}
	return e.Detail, has
}

// foreign describes a file as another tool may write it.
type foreign struct {
	types   map[string]arrow.DataType // instead of those of the schema
	drop    []string
	reverse bool
	extra   []arrow.Field // filled with nulls, or by fill
	fill    func(f arrow.Field, b array.Builder, row int)
	cell    func(e *Event, name string, text string, ok bool) (string, bool)
	file    bool
	options []ipc.Option
	md      map[string]string
	batches int // default 2
	fields  func([]arrow.Field) []arrow.Field
}

func (f foreign) write(t testing.TB, events []Event) []byte {
	t.Helper()
	var fields []arrow.Field
	for i := range columns {
		c := &columns[i]
		if slices.Contains(f.drop, c.name) {
			continue
		}
		dt := c.typ
		if x, ok := f.types[c.name]; ok {
			dt = x
		}
		fields = append(fields, arrow.Field{Name: c.name, Type: dt, Nullable: true})
	}
	fields = append(fields, f.extra...)
	if f.reverse {
		slices.Reverse(fields)
	}
	if f.fields != nil {
		fields = f.fields(fields)
	}
	md := arrow.MetadataFrom(f.md)
	schema := arrow.NewSchema(fields, &md)
	var buf bytes.Buffer
	options := append([]ipc.Option{ipc.WithSchema(schema)}, f.options...)
	var w interface {
		Write(arrow.Record) error
		Close() error
	}
	ws := &seekBuffer{}
	if f.file {
		fw, err := ipc.NewFileWriter(ws, options...)
		if err != nil {
			t.Fatal(err)
		}
		w = fw
	} else {
		w = ipc.NewWriter(&buf, options...)
	}
	if f.batches == 0 {
		f.batches = 2
	}
	rb := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	per := (len(events) + f.batches - 1) / f.batches
	for from := 0; from < len(events); from += per {
		for i := from; i < min(len(events), from+per); i++ {
			for k, field := range fields {
				b := rb.Field(k)
				col, known := columnByName[field.Name]
				if !known {
					if f.fill != nil {
						f.fill(field, b, i)
					} else {
						b.AppendNull()
					}
					continue
				}
				text, ok := cell(&events[i], col)
				if f.cell != nil {
					text, ok = f.cell(&events[i], field.Name, text, ok)
				}
				if !ok {
					b.AppendNull()
				} else if err := appendText(b, text); err != nil {
					t.Fatalf("%s: %q: %v", field.Name, text, err)
				}
			}
		}
		rec := rb.NewRecord()
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if f.file {
		return ws.b
	}
	return buf.Bytes()
}

func appendText(b array.Builder, s string) error {
	switch b := b.(type) {
	case *array.StringViewBuilder:
		b.Append(s)
		return nil
	case *array.LargeStringBuilder:
		b.Append(s)
		return nil
	case *array.StringBuilder:
		b.Append(s)
		return nil
	}
	return b.AppendValueFromString(s)
}

// seekBuffer is memory to write a file to.
type seekBuffer struct {
	b  []byte
	at int64
}

func (s *seekBuffer) Write(p []byte) (int, error) {
	s.b = append(s.b[:s.at], p...)
	s.at += int64(len(p))
	return len(p), nil
}

func (s *seekBuffer) Seek(off int64, whence int) (int64, error) {
	if whence == 1 && off == 0 {
		return s.at, nil
	}
	return 0, errors.New("not needed")
}

func dictionaryOfType(index, value arrow.DataType) arrow.DataType {
	return &arrow.DictionaryType{IndexType: index, ValueType: value}
}

// foreignEvents are rows that every variation can hold: time stamps in whole seconds, no
// number over 31 bits.
func foreignEvents(n int) []Event {
	events := sampleEvents(n, 3)
	for i := range events {
		e := &events[i]
		e.TS = (1700000000 + int64(i)) * 1e9
		for _, p := range []*uint64{&e.TID, &e.CallID, &e.Adapter, &e.Binding, &e.AF, &e.SAP, &e.VC, &e.Party, &e.Context, &e.Context2, &e.Lost} {
			*p &= 0x7F
		}
		e.Ticks &= 0x7F
		e.Status &= 0x7F
		e.AFType &= 0x7F
		e.Seq = uint64(i)
	}
	return events
}

func everyType(names []string, dt arrow.DataType) map[string]arrow.DataType {
	m := map[string]arrow.DataType{}
	for _, n := range names {
		m[n] = dt
	}
	return m
}

func TestForeignVariations(t *testing.T) {
	texts := []string{"phase", "function", "source", "driver", "detail"}
	var ints []string
	for i := range columns {
		if !slices.Contains(texts, columns[i].name) && columns[i].name != "ts" {
			ints = append(ints, columns[i].name)
		}
	}
	p, s := arrow.PrimitiveTypes, arrow.BinaryTypes
	all := map[string]foreign{
		"as ours":                   {},
		"file":                      {file: true, batches: 1},
		"reversed":                  {reverse: true},
		"plain strings":             {types: everyType(texts, s.String)},
		"large strings":             {types: everyType(texts, s.LargeString)},
		"lz4":                       {options: []ipc.Option{ipc.WithLZ4()}},
		"zstd file":                 {options: []ipc.Option{ipc.WithZstd()}, file: true, batches: 1},
		"zstd, some not compressed": {options: []ipc.Option{ipc.WithZstd(), ipc.WithMinSpaceSavings(0.5)}},
		"ts in s":                   {types: map[string]arrow.DataType{"ts": &arrow.TimestampType{Unit: arrow.Second, TimeZone: "UTC"}}},
		"ts in ms":                  {types: map[string]arrow.DataType{"ts": &arrow.TimestampType{Unit: arrow.Millisecond}}},
		"ts in us":                  {types: map[string]arrow.DataType{"ts": &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "Europe/Berlin"}}},
		"naive ts":                  {types: map[string]arrow.DataType{"ts": &arrow.TimestampType{Unit: arrow.Nanosecond}}},
		"many batches":              {batches: 17},
	}
	for _, dt := range []arrow.DataType{p.Int8, p.Uint8, p.Int16, p.Uint16, p.Int32, p.Uint32, p.Int64, p.Uint64} {
		all["integers as "+dt.String()] = foreign{types: everyType(ints, dt), cell: func(e *Event, name, text string, ok bool) (string, bool) {
			return text, ok
		}}
		all["names by "+dt.String()] = foreign{types: everyType(texts[:3], dictionaryOfType(dt, s.String))}
		if dt.(arrow.FixedWidthDataType).BitWidth() > 8 {
			all["texts by "+dt.String()] = foreign{types: everyType(texts, dictionaryOfType(dt, s.String))}
		}
	}
	for name, f := range all {
		t.Run(name, func(t *testing.T) {
			n := 300
			if strings.Contains(name, "int8") {
				n = 100 // seq and dictionary indices have to fit
			}
			events := foreignEvents(n)
			got, r := readTrace(t, f.write(t, events))
			sameEvents(t, got, events)
			if len(r.Defects()) != 0 || r.Truncated() {
				t.Errorf("defects %v, truncated %v", r.Defects(), r.Truncated())
			}
		})
	}
}

func TestForeignMissingColumns(t *testing.T) {
	events := foreignEvents(50)
	var optional []string
	for i := range columns {
		if !columns[i].required() {
			optional = append(optional, columns[i].name)
			continue
		}
		b := foreign{drop: []string{columns[i].name}}.write(t, events)
		_, err := NewReader(bytes.NewReader(b), "x", ReaderOptions{})
		if !errors.Is(err, ErrSchema) || !strings.Contains(err.Error(), strconv.Quote(columns[i].name)) {
			t.Errorf("without %s: %v", columns[i].name, err)
		}
	}
	got, _ := readTrace(t, foreign{drop: optional}.write(t, events))
	for i := range events {
		events[i].Has = 0
	}
	sameEvents(t, got, events)
	got, _ = readTrace(t, foreign{types: everyType(optional, arrow.Null), cell: func(e *Event, name, text string, ok bool) (string, bool) {
		return text, ok && !slices.Contains(optional, name)
	}}.write(t, events))
	sameEvents(t, got, events)
}

func TestForeignDefects(t *testing.T) {
	i64, str := arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String
	base := func() []Event {
		events := foreignEvents(40)
		for i := range events {
			events[i].Has = HasVC | HasDriver | HasDetail
			events[i].Detail = "{}"
			events[i].Phase, events[i].Function = PhaseEnter, ndis.NdisCmActivateVc
		}
		return events
	}
	change := func(column string, row uint64, value string, null bool) func(*Event, string, string, bool) (string, bool) {
		return func(e *Event, name, text string, ok bool) (string, bool) {
			if name == column && e.Seq == row {
				return value, !null
			}
			return text, ok
		}
	}
	dict := dictionaryOfType(arrow.PrimitiveTypes.Int32, str)
	for _, c := range []struct {
		name   string
		f      foreign
		defect string
		check  func(got []Event, want []Event) // makes want as it must come
	}{
		{"negative", foreign{types: map[string]arrow.DataType{"vc": i64}, cell: change("vc", 7, "-1", false)}, DefectOutOfRange,
			func(_, want []Event) { want[7].Has &^= HasVC }},
		{"too large", foreign{types: map[string]arrow.DataType{"cpu": i64}, cell: change("cpu", 7, "65536", false)}, DefectOutOfRange,
			func(_, want []Event) {}},
		{"unknown phase", foreign{types: map[string]arrow.DataType{"phase": str}, cell: change("phase", 9, "begin", false)}, DefectUnknownPhase,
			func(_, want []Event) { want[9].Phase = PhaseEvent }},
		{"unknown phase in dictionary", foreign{types: map[string]arrow.DataType{"phase": dict}, cell: change("phase", 9, "begin", false)}, DefectUnknownPhase,
			func(_, want []Event) { want[9].Phase = PhaseEvent }},
		{"null phase", foreign{cell: change("phase", 9, "", true)}, DefectNullPhase,
			func(_, want []Event) { want[9].Phase = PhaseEvent }},
		{"unknown source", foreign{types: map[string]arrow.DataType{"source": str}, cell: change("source", 9, "pcap", false)}, DefectUnknownSource,
			func(_, want []Event) { want[9].Source = SourceETL }},
		{"null source", foreign{types: map[string]arrow.DataType{"source": str}, cell: change("source", 9, "", true)}, DefectNullSource,
			func(_, want []Event) { want[9].Source = SourceETL }},
		{"unknown function", foreign{types: map[string]arrow.DataType{"function": str}, cell: change("function", 9, "NdisNew", false)}, DefectUnknownFunction,
			func(_, want []Event) { want[9].Function = ndis.FuncUnknown }},
		{"unknown function in dictionary", foreign{types: map[string]arrow.DataType{"function": dict}, cell: change("function", 9, "NdisNew", false)}, DefectUnknownFunction,
			func(_, want []Event) { want[9].Function = ndis.FuncUnknown }},
		{"null function", foreign{types: map[string]arrow.DataType{"function": str}, cell: change("function", 9, "", true)}, DefectNullFunction,
			func(_, want []Event) { want[9].Function = ndis.FuncUnknown }},
		{"invalid UTF-8", foreign{cell: change("driver", 9, "a\xFFb", false)}, DefectInvalidUTF8,
			func(_, want []Event) { want[9].Driver = "a\uFFFDb" }},
		{"invalid UTF-8 in dictionary", foreign{types: map[string]arrow.DataType{"detail": dict}, cell: change("detail", 9, "{\"\xC3\":1}", false)}, DefectInvalidUTF8,
			func(_, want []Event) { want[9].Detail = "{\"\uFFFD\":1}" }},
		{"seq twice", foreign{cell: change("seq", 9, "8", false)}, DefectSeqOrder,
			func(_, want []Event) { want[9].Seq = 8 }},
		{"seq backwards over batches", foreign{batches: 4, cell: change("seq", 10, "3", false)}, DefectSeqOrder,
			func(_, want []Event) { want[10].Seq = 3 }},
		{"time backwards", foreign{batches: 4, cell: change("ts", 10, "2001-01-01T00:00:00", false)}, DefectTimeBackwards,
			func(_, want []Event) { want[10].TS = 978307200e9 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			events := base()
			if c.name == "too large" {
				for i := range events {
					events[i].Has |= HasCPU
				}
			}
			got, r := readTrace(t, c.f.write(t, events))
			if fmt.Sprint(r.Defects()) != fmt.Sprintf("map[%s:1]", c.defect) {
				t.Errorf("defects %v, want one %s", r.Defects(), c.defect)
			}
			c.check(got, events)
			if c.name == "too large" {
				events[7].Has &^= HasCPU
			}
			if len(got) != len(events) {
				t.Fatalf("%d rows", len(got))
			}
			for i := range events {
				want := events[i]
				for _, p := range []*Event{&got[i], &want} { // only what these rows have
					*p = Event{Seq: p.Seq, TS: p.TS, Phase: p.Phase, Function: p.Function, Source: p.Source, Has: p.Has, Driver: p.Driver, Detail: p.Detail}
				}
				if got[i] != want {
					t.Fatalf("row %d:\n got %+v\nwant %+v", i, got[i], want)
				}
			}
		})
	}
}

func TestGapRowsNeedNoFunction(t *testing.T) {
	events := []Event{{Seq: 1, Phase: PhaseGap}, {Seq: 2, Phase: PhaseGap, TS: 5}}
	got, r := readTrace(t, foreign{types: everyType([]string{"function", "phase"}, arrow.BinaryTypes.String), cell: func(_ *Event, name, text string, ok bool) (string, bool) {
		return text, ok && name != "function"
	}}.write(t, events))
	if len(got) != 2 || got[0].Function != ndis.FuncNone || len(r.Defects()) != 0 {
		t.Errorf("%+v, defects %v", got, r.Defects())
	}
}

func TestFunctionName(t *testing.T) {
	events := []Event{
		{Seq: 1, Function: ndis.NdisCmActivateVc}, {Seq: 2, Function: ndis.FuncUnknown}, {Seq: 3, Function: ndis.FuncUnknown, Detail: `{"function":"NdisOld"}`, Has: HasDetail}, {Seq: 4},
	}
	for _, dt := range []arrow.DataType{arrow.BinaryTypes.String, dictionaryOfType(arrow.PrimitiveTypes.Uint16, arrow.BinaryTypes.String), arrow.BinaryTypes.LargeString} {
		b := foreign{batches: 1, types: map[string]arrow.DataType{"function": dt}, cell: func(e *Event, name, text string, ok bool) (string, bool) {
			if name == "function" && e.Seq == 4 {
				return "NdisNewer", true
			}
			return text, ok
		}}.write(t, events)
		r := openBytes(t, "x", b)
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"NdisCmActivateVc", "?", "NdisOld", "NdisNewer"} {
			if got := r.FunctionName(i); got != want {
				t.Errorf("%s: row %d is %q, want %q", dt, i, got, want)
			}
		}
		got, _ := mergeAll(t, WriterOptions{}, MergeOptions{}, openBytes(t, "x", b))
		if got[3].Detail != `{"function":"NdisNewer"}` || got[2].Detail != `{"function":"NdisOld"}` || got[1].Has != 0 {
			t.Errorf("merged: %+v", got)
		}
	}
}

func TestMergeRepairsDetails(t *testing.T) {
	events := []Event{{Seq: 1, Detail: "{}", Has: HasDetail}, {Seq: 2, Detail: `{"<":"&"}`, Has: HasDetail}}
	b := foreign{cell: func(e *Event, name, text string, ok bool) (string, bool) {
		if name == "detail" && e.Seq == 1 {
			return "no <object>", true
		}
		return text, ok
	}}.write(t, events)
	got, _ := mergeAll(t, WriterOptions{}, MergeOptions{}, openBytes(t, "x", b))
	if got[0].Detail != `{"text":"no <object>"}` || got[1].Detail != `{"<":"&"}` {
		t.Errorf("%q %q", got[0].Detail, got[1].Detail)
	}
}

func TestForeignRefused(t *testing.T) {
	events := foreignEvents(10)
	p := arrow.PrimitiveTypes
	for name, c := range map[string]struct {
		f     foreign
		err   error
		words string
	}{
		"floats":           {foreign{types: map[string]arrow.DataType{"vc": p.Float64}}, ErrSchema, `"vc": want integers; a table library`},
		"strings":          {foreign{types: map[string]arrow.DataType{"vc": arrow.BinaryTypes.String}}, ErrSchema, `"vc": want integers`},
		"ts as integers":   {foreign{types: map[string]arrow.DataType{"ts": p.Int64}, cell: func(_ *Event, name, text string, ok bool) (string, bool) { return text, ok && name != "ts" }}, ErrSchema, `"ts": want a timestamp`},
		"names as numbers": {foreign{types: map[string]arrow.DataType{"phase": p.Int8}, cell: func(_ *Event, name, text string, ok bool) (string, bool) { return text, ok && name != "phase" }}, ErrSchema, `"phase": want strings`},
		"two of a name": {foreign{extra: []arrow.Field{{Name: "x", Type: p.Int8, Nullable: true}}, fields: func(f []arrow.Field) []arrow.Field {
			f[len(f)-1].Name = "vc"
			f[len(f)-1].Type = p.Uint64
			return f
		}}, ErrSchema, `two columns "vc"`},
		"null seq": {foreign{cell: func(e *Event, name, text string, ok bool) (string, bool) {
			return text, ok && !(name == "seq" && e.Seq == 3)
		}}, ErrSchema, `"seq" has nulls`},
		"null ts": {foreign{cell: func(e *Event, name, text string, ok bool) (string, bool) {
			return text, ok && !(name == "ts" && e.Seq == 3)
		}}, ErrSchema, `"ts" has nulls`},
		"negative seq": {foreign{types: map[string]arrow.DataType{"seq": p.Int64}, cell: func(e *Event, name, text string, ok bool) (string, bool) {
			if name == "seq" && e.Seq == 3 {
				return "-3", true
			}
			return text, ok
		}}, ErrSchema, "row 3 has the value -3"},
		"ts out of range": {foreign{types: map[string]arrow.DataType{"ts": &arrow.TimestampType{Unit: arrow.Second}}, cell: func(e *Event, name, text string, ok bool) (string, bool) {
			if name == "ts" && e.Seq == 3 {
				return "9999-01-01T00:00:00", true
			}
			return text, ok
		}}, ErrSchema, "1678 to 2262"},
		"version": {foreign{md: map[string]string{MetaSchemaVersion: "2", MetaToolVersion: "9.1"}}, ErrVersion, `"2", this program reads version 1 (read it with the version of aftrace that wrote it, or a newer one: it was 9.1)`},
	} {
		c.f.batches = 1
		b := c.f.write(t, events)
		r, err := NewReader(bytes.NewReader(b), "x.arrow", ReaderOptions{})
		if err == nil {
			_, err = r.Next()
		}
		var e *Error
		if !errors.Is(err, c.err) || !errors.As(err, &e) || !strings.Contains(err.Error(), c.words) || e.Path != "x.arrow" {
			t.Errorf("%s: %v, want %v: %s", name, err, c.err, c.words)
		}
	}
}
