package timing

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

func span(fn ndis.Func, driver string, ns int64) *replay.Span {
	return &replay.Span{Function: fn, Driver: driver, Enter: 1000, Return: 1000 + ns}
}

func TestPercentiles(t *testing.T) {
	r := New()
	for i := int64(1); i <= 1000; i++ {
		s := span(ndis.ProtocolCmOpenAf, "cm", i*1000)
		s.AFType, s.HasAFType = uint32(ndis.AFTypeTAPI), true
		r.Span(s)
	}
	rows := r.Rows()
	if len(rows) != 1 {
		t.Fatalf("%d rows, want 1", len(rows))
	}
	got := rows[0]
	if got.Count != 1000 || got.Min != 1000 || got.Max != 1000000 || got.Driver != "cm" || !got.HasAFType {
		t.Errorf("row %+v", got)
	}
	for _, p := range []struct {
		name      string
		got, want int64
	}{{"p50", got.P50, 500e3}, {"p90", got.P90, 900e3}, {"p99", got.P99, 990e3}, {"p99.9", got.P999, 999e3}} {
		if off := float64(p.got-p.want) / float64(p.want); off < -0.01 || off > 0.01 {
			t.Errorf("%s is %d, want %d within 1 %%", p.name, p.got, p.want)
		}
	}
}

func TestSingleCall(t *testing.T) {
	r := New()
	r.Span(span(ndis.ProtocolCmOpenAf, "cm", 123457))
	got := r.Rows()[0]
	if got.Min != 123457 || got.P50 != 123457 || got.P999 != 123457 || got.Max != 123457 {
		t.Errorf("row %+v: every figure of one call is its duration", got)
	}
}

func TestInterruptedIsCountedNotTimed(t *testing.T) {
	r := New()
	s := span(ndis.ProtocolCmOpenAf, "cm", 5)
	s.Interrupted = true
	r.Span(s)
	r.Span(span(ndis.ProtocolCmOpenAf, "cm", -1))
	// Times so far apart that their difference is no number, and backwards ones that wrap around.
	r.Span(&replay.Span{Function: ndis.ProtocolCmOpenAf, Driver: "cm", Enter: math.MinInt64 + 1, Return: math.MaxInt64})
	r.Span(&replay.Span{Function: ndis.ProtocolCmOpenAf, Driver: "cm", Enter: math.MaxInt64, Return: math.MinInt64 + 1})
	got := r.Rows()[0]
	if got.Count != 0 || got.Interrupted != 4 || got.Max != 0 {
		t.Errorf("row %+v", got)
	}
}

func TestVeryLongCall(t *testing.T) {
	r := New()
	const ns = 2 * MaxSeconds * 1e9
	r.Span(span(ndis.ProtocolCmOpenAf, "", ns))
	if got := r.Rows()[0]; got.Count != 1 || got.Max != ns {
		t.Errorf("row %+v", got)
	}
}

func TestOrder(t *testing.T) {
	r := New()
	r.Span(span(ndis.ProtocolCmOpenAf, "b", 1))
	r.Span(span(ndis.ProtocolCmOpenAf, "a", 1))
	r.Span(span(ndis.ProtocolBindAdapterEx, "z", 1))
	s := span(ndis.ProtocolCmOpenAf, "a", 1)
	s.HasAFType = true
	r.Span(s)
	var got string
	for _, row := range r.Rows() {
		got += fmt.Sprintf("%v %s %v\n", row.Function, row.Driver, row.HasAFType)
	}
	want := "ProtocolBindAdapterEx z false\nProtocolCmOpenAf a false\nProtocolCmOpenAf b false\nProtocolCmOpenAf a true\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestBounded(t *testing.T) {
	r := New()
	for i := range 3 * MaxSeries {
		s := span(ndis.ProtocolCmOpenAf, fmt.Sprint("driver ", i), 10)
		s.Interrupted = true
		r.Span(s)
		r.Span(span(ndis.NdisClOpenAddressFamilyEx, "first", 10))
	}
	rows := r.Rows()
	if len(rows) > MaxSeries+int(ndis.NumFuncs) {
		t.Errorf("%d series", len(rows))
	}
	var spans uint64
	for _, row := range rows {
		spans += row.Count + row.Interrupted
		if row.Driver == "first" && row.Count != 3*MaxSeries {
			t.Errorf("a series from before the bound has %d calls", row.Count)
		}
	}
	if spans != 6*MaxSeries {
		t.Errorf("%d calls in the series, want %d", spans, 6*MaxSeries)
	}
	if len(r.labels) > MaxSeries+2 {
		t.Errorf("%d labels kept", len(r.labels))
	}
}

func TestNoAllocation(t *testing.T) {
	r := New()
	s := span(ndis.ProtocolCmOpenAf, "cm", 10)
	r.Span(s)
	if n := testing.AllocsPerRun(100, func() { r.Span(s) }); n != 0 {
		t.Errorf("%v allocations a span", n)
	}
}

func BenchmarkSpan(b *testing.B) {
	r := New()
	s := span(ndis.ProtocolCmOpenAf, "a call manager", 12345)
	b.ReportAllocs()
	for b.Loop() {
		r.Span(s)
	}
}

// What a series counts does not depend on what comes in between.
func TestManySeries(t *testing.T) {
	r, want := New(), map[string]uint64{}
	for i := range 20_000 {
		k := i * i % 999
		s := span(ndis.Func(k%7), fmt.Sprint("driver ", k), int64(1+i))
		s.AFType, s.HasAFType = uint32(k%3), k%2 == 0
		r.Span(s)
		want[string(s.Driver)]++
	}
	for _, row := range r.Rows() {
		if row.Count != want[row.Driver] {
			t.Errorf("%s has %d calls, want %d", row.Driver, row.Count, want[row.Driver])
		}
		delete(want, row.Driver)
	}
	if len(want) > 0 {
		t.Errorf("no rows for %v", want)
	}
}

// Past MaxSeries a Recorder keeps no long labels, and counts their calls with the others.
func TestLongLabelsAreNotKept(t *testing.T) {
	r, long := New(), strings.Repeat("x", maxRecentLabel)
	const calls = 5 * MaxSeries
	for range 2 {
		for i := range calls {
			r.Span(span(ndis.ProtocolCmOpenAf, long+strconv.Itoa(i), 100))
		}
	}
	kept, total := 0, uint64(0)
	for i := range r.recent {
		kept += len(r.recent[i].driver)
	}
	for _, row := range r.Rows() {
		total += row.Count
	}
	if kept != 0 || len(r.labels) > MaxSeries+2 {
		t.Errorf("%d bytes of labels among the recent ones, %d labels", kept, len(r.labels))
	}
	if total != 2*calls {
		t.Errorf("%d calls counted, want %d", total, 2*calls)
	}
}

// What is recorded aside is what is recorded at once.
func TestAsideRecordsTheSame(t *testing.T) {
	for _, n := range []int{0, 1, asideSpans - 1, asideSpans, 3*asideSpans + 17} {
		at, once := New(), New()
		aside := NewAside(at)
		rng := rand.New(rand.NewPCG(uint64(n), 1))
		for i := range n {
			s := span(ndis.Func(1+rng.IntN(40)), fmt.Sprintf("driver %d", rng.IntN(60)), rng.Int64N(1<<uint(rng.IntN(40))))
			s.EnterSeq = uint64(i)
			once.Span(s)
			aside.Span(s)
			*s = replay.Span{} // whoever tells of calls uses it again
		}
		aside.Finish()
		if !slices.Equal(at.Rows(), once.Rows()) || !slices.Equal(at.Slowest(), once.Slowest()) {
			t.Errorf("%d calls: other rows or slowest calls", n)
		}
	}
}
