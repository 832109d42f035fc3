package rows

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// full is a row with a value in every column.
func full() *format.Event {
	return &format.Event{
		Seq: 7, TS: 1772356500_123456789, Ticks: -5, CPU: 3, PID: 4, TID: 1 << 63, IRQL: 2,
		Phase: format.PhaseReturn, Function: ndis.NdisCmRegisterAddressFamilyEx, Source: format.SourceDTrace,
		CallID: 18446744073709551615, Driver: "wan cm", Adapter: 0xffffa801c54921a0, Binding: 2, AF: 3, SAP: 4, VC: 5,
		Party: 6, Context: 7, Context2: 8, AFType: 0x801, AFMajor: 1, AFMinor: 2, Status: 0xC0000001, Lost: 9,
		Detail: `{"role":["mcm"]}`, Has: 1<<21 - 1,
	}
}

func TestText(t *testing.T) {
	got := string(AppendText(nil, full()))
	want := `     7 2026-03-01T09:15:00.123456789Z return NdisCmRegisterAddressFamilyEx status=FAILURE driver="wan cm"` +
		` af_type=TAPI_PROXY version=1.2 adapter=0xffffa801c54921a0 binding=0x2 af=0x3 sap=0x4 vc=0x5 party=0x6` +
		` context=0x7 context2=0x8 call=18446744073709551615 cpu=3 pid=4 tid=9223372036854775808 irql=DISPATCH {"role":["mcm"]}`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTextOfSparseRow(t *testing.T) {
	e := &format.Event{Seq: 1, Phase: format.PhaseEnter, Function: ndis.FuncUnknown, Detail: "{}", Has: format.HasDetail | format.HasAF}
	want := "     1 1970-01-01T00:00:00.000000000Z enter  ? af=0x0"
	if got := string(AppendText(nil, e)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	e = &format.Event{Seq: 2, Phase: format.PhaseGap, Lost: 12, Has: format.HasLost}
	want = "     2 1970-01-01T00:00:00.000000000Z gap    events lost lost=12"
	if got := string(AppendText(nil, e)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestHostileStrings: whatever a trace says, a line stays one line without controls.
func TestHostileStrings(t *testing.T) {
	e := &format.Event{
		Driver: "a\x1b[31m\nb\u202e\u009b\xffc\U000e0001", Detail: "{\"x\":\"\u0085\"}",
		Has: format.HasDriver | format.HasDetail,
	}
	line := string(AppendText(nil, e))
	for _, r := range line {
		if !printable(r) {
			t.Errorf("unsafe %U in %q", r, line)
		}
	}
	if !strings.Contains(line, `driver=a\x1b[31m\x0ab\u202e\u009b\xffc\U000e0001`) {
		t.Errorf("got %s", line)
	}
	js := AppendJSON(nil, e)
	for _, r := range string(js) {
		if !printable(r) {
			t.Errorf("unsafe %U in %q", r, js)
		}
	}
	var row struct {
		Driver string
		Detail map[string]string
	}
	if err := json.Unmarshal(js, &row); err != nil {
		t.Fatal(err)
	}
	if want := "a\x1b[31m\nb\u202e\u009b\ufffdc\U000e0001"; row.Driver != want || row.Detail["x"] != "\u0085" {
		t.Errorf("read back %q", row)
	}
}

func TestJSON(t *testing.T) {
	want := `{"seq":7,"ts":"2026-03-01T09:15:00.123456789Z","ticks":-5,"cpu":3,"pid":4,"tid":9223372036854775808,"irql":2,` +
		`"phase":"return","function":"NdisCmRegisterAddressFamilyEx","call_id":18446744073709551615,"driver":"wan cm",` +
		`"adapter":"0xffffa801c54921a0","binding":"0x2","af":"0x3","sap":"0x4","vc":"0x5","party":"0x6","context":"0x7","context2":"0x8",` +
		`"af_type":2049,"af_major":1,"af_minor":2,"status":3221225473,"lost":9,"source":"dtrace","detail":{"role":["mcm"]}}`
	if got := string(AppendJSON(nil, full())); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	want = `{"seq":0,"ts":"1970-01-01T00:00:00.000000000Z","phase":"enter","function":"","source":"etw"}`
	if got := string(AppendJSON(nil, new(format.Event))); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	e := &format.Event{Detail: "not\njson", Has: format.HasDetail}
	if got := string(AppendJSON(nil, e)); !strings.HasSuffix(got, `"detail":"not\njson"}`) {
		t.Errorf("got %s", got)
	}
}

// TestColumns holds the columns of JSON and CSV to those of the schema.
func TestColumns(t *testing.T) {
	var got, want []string
	for i := range columns {
		got = append(got, columns[i].name)
	}
	for _, f := range format.Schema(nil).Fields() {
		want = append(want, f.Name)
	}
	if g, w := strings.Join(got, " "), strings.Join(want, " "); g != w {
		t.Errorf("columns\n%s\nwant\n%s", g, w)
	}
}

func TestCSV(t *testing.T) {
	var b strings.Builder
	w, err := NewWriter(&b, CSV)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []*format.Event{full(), {}} {
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	row := map[string]string{}
	for i, name := range records[0] {
		row[name] = records[1][i]
	}
	for k, want := range map[string]string{
		"seq": "7", "driver": "wan cm", "adapter": "0xffffa801c54921a0", "status": "3221225473", "detail": `{"role":["mcm"]}`,
	} {
		if row[k] != want {
			t.Errorf("%s is %q, want %q", k, row[k], want)
		}
	}
	if got := strings.Join(records[2], ","); got != "0,1970-01-01T00:00:00.000000000Z,,,,,,enter,,,,,,,,,,,,,,,,,etw," {
		t.Errorf("empty row %q", got)
	}
}

func TestUnknownFormat(t *testing.T) {
	if _, err := NewWriter(nil, "yaml"); err == nil {
		t.Error("accepted")
	}
}

func TestFilter(t *testing.T) {
	match := func(f *Filter, e *format.Event) bool {
		var b format.Batch
		b.Append(e)
		return f.Match(&b, 0)
	}
	for _, test := range []struct {
		name string
		set  func(*Filter) error
		want bool
	}{
		{"nothing", func(f *Filter) error { return nil }, true},
		{"function", func(f *Filter) error { return f.Function("NdisCmRegisterAddressFamilyEx") }, true},
		{"function in another case", func(f *Filter) error { return f.Function("ndiscmregisteraddressfamilyex") }, true},
		{"other function", func(f *Filter) error { return f.Function("ProtocolCmOpenAf") }, false},
		{"pattern", func(f *Filter) error { return f.Function("*Register*Ex") }, true},
		{"other pattern", func(f *Filter) error { return f.Function("Protocol*") }, false},
		{"one of two", func(f *Filter) error {
			f.Function("Protocol*")
			return f.Function("Ndis*")
		}, true},
		{"unknown functions", func(f *Filter) error { return f.Function("?") }, false},
		{"adapter", func(f *Filter) error { return f.Adapter("0xFFFFA801C54921A0") }, true},
		{"other adapter", func(f *Filter) error { return f.Adapter("1") }, false},
		{"driver", func(f *Filter) error { f.Driver("WAN*"); return nil }, true},
		{"other driver", func(f *Filter) error { f.Driver("wan"); return nil }, false},
		{"status", func(f *Filter) error { return f.Status("failure") }, true},
		{"status by number", func(f *Filter) error { return f.Status("0xc0000001") }, true},
		{"other status", func(f *Filter) error { return f.Status("NDIS_STATUS_SUCCESS") }, false},
		{"since that time", func(f *Filter) error { return f.Between("2026-03-01T09:15:00.123456789Z", "") }, true},
		{"since later", func(f *Filter) error { return f.Between("1772356500123456790", "") }, false},
		{"until that time", func(f *Filter) error { return f.Between("", "2026-03-01T09:15:00.123456789Z") }, false},
		{"between, zone", func(f *Filter) error { return f.Between("2026-03-01", "2026-03-01T10:15:01+01:00") }, true},
		{"two parts, one fails", func(f *Filter) error {
			f.Driver("nobody")
			return f.Status("failure")
		}, false},
	} {
		var f Filter
		if err := test.set(&f); err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if got := match(&f, full()); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	// A row that does not say matches none.
	var f Filter
	f.Status("SUCCESS")
	if match(&f, &format.Event{}) {
		t.Error("a row without a status matches SUCCESS")
	}
}

func TestFilterRefuses(t *testing.T) {
	for name, set := range map[string]func(*Filter) error{
		"function": func(f *Filter) error { return f.Function("NdisFoo") },
		"pattern":  func(f *Filter) error { return f.Function("X*") },
		"adapter":  func(f *Filter) error { return f.Adapter("nic0") },
		"status":   func(f *Filter) error { return f.Status("NDIS_STATUS_FINE") },
		"since":    func(f *Filter) error { return f.Between("yesterday", "") },
		"until":    func(f *Filter) error { return f.Between("", "9999-01-01") },
	} {
		if set(new(Filter)) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func BenchmarkAppendText(b *testing.B) {
	e := full()
	var line []byte
	b.ReportAllocs()
	for b.Loop() {
		line = AppendText(line[:0], e)
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	e := full()
	var line []byte
	b.ReportAllocs()
	for b.Loop() {
		line = AppendJSON(line[:0], e)
	}
}

func TestCount(t *testing.T) {
	for want, got := range map[string]string{
		"1 process": Count(1, "process"), "2 processes": Count(uint64(2), "process"), "0 events": Count(int64(0), "event"), "1 event": Count(1, "event"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
