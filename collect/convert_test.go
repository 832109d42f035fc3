package collect_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/decode/aftracetest"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/collect/etl/etltest"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// crossing is a row of a made-up call.
func crossing(i int) format.Event {
	e := format.Event{
		Phase: format.Phase(i & 1), Function: ndis.ProtocolCmOpenAf, CallID: uint64(i/2 + 1), CPU: uint16(i % 4), PID: 4, TID: uint64(100 + i%7),
		Driver: "ndproxy", AF: 0xFFFFA80000000000 + uint64(i/2), AFType: 0x801, AFMajor: 1, Context: 0xFFFFA80011110000,
		Has: format.HasCallID | format.HasCPU | format.HasPID | format.HasTID | format.HasIRQL | format.HasDriver | format.HasAF |
			format.HasAFType | format.HasAFMajor | format.HasAFMinor | format.HasContext,
	}
	if e.Phase == format.PhaseReturn {
		e.Has |= format.HasStatus
	}
	return e
}

// file writes n crossings, one a microsecond, over the processors in turn.
func file(tb testing.TB, n int, o etltest.Options) []byte {
	tb.Helper()
	if o.CPUs == 0 {
		o.CPUs = 4
	}
	w := etltest.New(o)
	start := w.Options().Start
	for i := range n {
		e := crossing(i)
		if err := aftracetest.Write(w, i/50%o.CPUs, w.Clock(start.Add(time.Duration(i)*time.Microsecond)), &e, aftracetest.Options{}); err != nil {
			tb.Fatal(err)
		}
	}
	b, err := w.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// convert writes recordings to files, converts them and returns the rows. o.Inputs may add
// nothing; o.Output is set if it is empty.
func convert(t *testing.T, o collect.ConvertOptions, recordings ...[]byte) (*collect.Summary, []format.Event) {
	t.Helper()
	dir := t.TempDir()
	for i, b := range recordings {
		path := filepath.Join(dir, fmt.Sprintf("%d.etl", i))
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		o.Inputs = append(o.Inputs, path)
	}
	if o.Output == "" {
		o.Output = filepath.Join(dir, "out.arrows")
	}
	s, err := collect.Convert(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	rows := readRows(t, o.Output)
	gaps := uint64(0)
	for i, e := range rows {
		if e.Seq != uint64(i+1) || i > 0 && e.TS < rows[i-1].TS {
			t.Fatalf("row %d: seq %d, ts %d after %d", i, e.Seq, e.TS, rows[max(i-1, 0)].TS)
		}
		if e.Phase == format.PhaseGap {
			gaps++
		}
	}
	if s.Events != uint64(len(rows)) || s.Gaps != gaps {
		t.Errorf("%d rows with %d gaps, the summary says %d with %d", len(rows), gaps, s.Events, s.Gaps)
	}
	return s, rows
}

// same compares rows with the crossings 0 to n-1.
func same(t *testing.T, rows []format.Event, n int) {
	t.Helper()
	k := 0
	for _, e := range rows {
		if e.Phase == format.PhaseGap {
			continue
		}
		want := crossing(k)
		k++
		want.Seq, want.TS, want.Ticks, want.Source, want.Has = e.Seq, e.TS, e.Ticks, format.SourceETL, want.Has|e.Has&format.HasTicks
		if e != want {
			t.Fatalf("crossing %d is\n%+v, want\n%+v", k-1, e, want)
		}
	}
	if k != n {
		t.Fatalf("%d crossings, want %d", k, n)
	}
}

func TestConvertForms(t *testing.T) {
	const n = 2000
	for name, o := range map[string]etltest.Options{
		"plain": {}, "one processor": {CPUs: 1}, "shuffled": {Shuffle: true, Seed: 9, BufferSize: 8192}, "compressed": {Compress: true},
		"32-bit": {PointerSize: 4}, "32-bit, compressed, shuffled": {PointerSize: 4, Compress: true, Shuffle: true, BufferSize: 4096},
		"odd frequency": {Frequency: 3117777}, "system clock": {Clock: etl.ClockSystem}, "processor clock": {Clock: etl.ClockCPU, CPUMHz: 2900},
		"relogged": {Relogged: true}, "2,000 processors": {CPUs: 2000, BufferSize: 1024},
	} {
		t.Run(name, func(t *testing.T) {
			s, rows := convert(t, collect.ConvertOptions{}, file(t, n, o))
			same(t, rows, n)
			if s.Lossy() || s.Duplicates != 0 || len(s.Providers) != 1 || s.Providers[0].Decoded != n || s.Providers[0].Name != "CoNDIS-AfTrace" {
				t.Errorf("%+v", s)
			}
			if qpc := o.Clock == 0; (rows[0].Has&format.HasTicks != 0) != qpc {
				t.Errorf("ticks %v", rows[0].Has&format.HasTicks != 0)
			}
			if _, err := json.Marshal(s); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestConvertSpills holds that rows are the same whether they fit into memory or not, down
// to runs of which more are spilled than are merged at once.
func TestConvertSpills(t *testing.T) {
	const n = 2500
	in := file(t, n, etltest.Options{Shuffle: true, BufferSize: 2048, CPUs: 7})
	_, want := convert(t, collect.ConvertOptions{}, in)
	temp := t.TempDir()
	for _, run := range []int{1, 7, 50, 999, n, n + 1} {
		s, rows := convert(t, collect.ConvertOptions{RunRows: run, TempDir: temp}, in)
		if !slices.Equal(rows, want) || s.Lossy() {
			t.Errorf("runs of %d rows give another trace", run)
		}
		if left, _ := os.ReadDir(temp); len(left) > 0 {
			t.Fatalf("runs of %d rows leave %v", run, left)
		}
	}
}

// TestConvertStable holds that rows of one time stay in the order of the file.
func TestConvertStable(t *testing.T) {
	w := etltest.New(etltest.Options{CPUs: 2})
	for i := range 3000 {
		e := crossing(i)
		if err := aftracetest.Write(w, i/1000%2, w.Clock(w.Options().Start.Add(time.Duration(3-i/1000)*time.Second)), &e, aftracetest.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	b, err := w.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	// In the file: the buffers of processor 0 (0 to 999 and 2000 to 2999), or of 1, as they fill.
	for _, run := range []int{0, 100} {
		_, rows := convert(t, collect.ConvertOptions{RunRows: run}, b)
		for k, e := range rows {
			block := 2 - k/1000
			if want := crossing(block*1000 + k%1000); e.CallID != want.CallID || e.Phase != want.Phase {
				t.Fatalf("row %d is call %d, want %d", k, e.CallID, want.CallID)
			}
		}
	}
}

func TestConvertMetadata(t *testing.T) {
	in := file(t, 10, etltest.Options{OSBuild: 22631, Frequency: 2_500_000, PointerSize: 4, EventsLost: 3, BuffersLost: 2})
	out := filepath.Join(t.TempDir(), "x.arrows")
	s, _ := convert(t, collect.ConvertOptions{Output: out, Host: "ws", ToolVersion: "1.2", Metadata: format.Metadata{"own": "x"}}, in)
	r, err := format.Open(out, format.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for k, want := range map[string]string{
		format.MetaHost: "ws", format.MetaToolVersion: "1.2", "own": "x", format.MetaOS: "Windows build 22631", format.MetaTickFrequency: "2500000",
		format.MetaLevel: "api", format.MetaCollector: "aftrace convert", format.MetaLostEvents: "3", format.MetaLostBuffers: "2",
		format.MetaBootID: "2024-01-02T02:04:05.678901Z", format.MetaStarted: "2024-01-02T03:04:05.678901Z", "aftrace.pointer_size": "4",
	} {
		if got := r.Metadata()[k]; got != want {
			t.Errorf("%s is %q, want %q", k, got, want)
		}
	}
	if !s.Lossy() || s.EventsLost != 3 || s.BuffersLost != 2 {
		t.Errorf("%+v", s)
	}
}

// gaps are the gap rows as text: processor, from and to in microseconds since the start of
// the recording, how many, why.
func gaps(rows []format.Event, start time.Time) (list []string) {
	for _, e := range rows {
		if e.Phase != format.PhaseGap {
			continue
		}
		var d struct {
			Reason string `json:"reason"`
			Since  int64  `json:"since_ts"`
		}
		if err := json.Unmarshal([]byte(e.Detail), &d); err != nil || e.Function != ndis.FuncNone || e.Source != format.SourceETL {
			list = append(list, fmt.Sprintf("%v: %+v", err, e))
			continue
		}
		cpu, lost := "all", "?"
		if e.Has&format.HasCPU != 0 {
			cpu = fmt.Sprint(e.CPU)
		}
		if e.Has&format.HasLost != 0 {
			lost = fmt.Sprint(e.Lost)
		}
		list = append(list, fmt.Sprintf("%s %d-%d %s %s", cpu, (d.Since-start.UnixNano())/1000, (e.TS-start.UnixNano())/1000, lost, d.Reason))
	}
	return list
}

// lossy writes crossings 0 to 99 to two processors, ten to a buffer, and flags buffers.
func lossy(t *testing.T, o etltest.Options, flags map[int]uint16) []byte {
	t.Helper()
	o.CPUs = 2
	w := etltest.New(o)
	for i := range 100 {
		e := crossing(i)
		cpu := i / 10 % 2
		if i%10 == 0 && flags[i/10] != 0 {
			w.BufferFlags(cpu, flags[i/10])
		}
		if err := aftracetest.Write(w, cpu, w.Clock(w.Options().Start.Add(time.Duration(i+1)*time.Microsecond)), &e, aftracetest.Options{}); err != nil {
			t.Fatal(err)
		}
		if i%10 == 9 {
			w.Flush(cpu)
		}
	}
	b, err := w.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// damage overwrites the marker of a record in the n-th buffer (the header is number 0).
func damage(t *testing.T, b []byte, buffer, record int) []byte {
	t.Helper()
	b = bytes.Clone(b)
	pos := 0
	for range buffer {
		pos += int(binary.LittleEndian.Uint32(b[pos:]))
	}
	pos += 72
	for range record {
		pos += int(binary.LittleEndian.Uint16(b[pos:])+7) &^ 7
	}
	b[pos+2], b[pos+3] = 0x77, 0xC0
	return b
}

func TestConvertLosses(t *testing.T) {
	start := etltest.New(etltest.Options{}).Options().Start
	for name, c := range map[string]struct {
		in   []byte
		want []string
		rows int
	}{
		"nothing":                      {lossy(t, etltest.Options{}, nil), nil, 100},
		"events, in the header":        {lossy(t, etltest.Options{EventsLost: 5}, nil), []string{"all 0-100 5 events lost"}, 100},
		"buffers, in the header":       {lossy(t, etltest.Options{BuffersLost: 2}, nil), []string{"all 0-100 ? 2 buffers lost"}, 100},
		"one buffer":                   {lossy(t, etltest.Options{EventsLost: 5}, map[int]uint16{4: etl.BufferEventsLost}), []string{"0 30-41 5 events lost"}, 100},
		"one buffer, header silent":    {lossy(t, etltest.Options{}, map[int]uint16{4: etl.BufferEventsLost}), []string{"0 30-41 ? events lost"}, 100},
		"two buffers":                  {lossy(t, etltest.Options{EventsLost: 5}, map[int]uint16{4: etl.BufferEventsLost, 7: etl.BufferEventsLost}), []string{"0 30-41 ? events lost", "1 60-71 ? events lost"}, 100},
		"the first of a processor":     {lossy(t, etltest.Options{EventsLost: 5}, map[int]uint16{1: etl.BufferEventsLost}), []string{"1 0-11 5 events lost"}, 100},
		"a lost buffer":                {lossy(t, etltest.Options{BuffersLost: 1}, map[int]uint16{5: etl.BufferBufferLost}), []string{"1 40-51 ? buffers lost"}, 100},
		"both":                         {lossy(t, etltest.Options{BuffersLost: 1, EventsLost: 9}, map[int]uint16{5: etl.BufferBufferLost | etl.BufferEventsLost}), []string{"1 40-51 ? events and buffers lost"}, 100},
		"shuffled":                     {lossy(t, etltest.Options{EventsLost: 5, Shuffle: true, Seed: 4}, map[int]uint16{4: etl.BufferEventsLost}), []string{"0 30-41 5 events lost"}, 100},
		"compressed":                   {lossy(t, etltest.Options{EventsLost: 5, Compress: true}, map[int]uint16{4: etl.BufferEventsLost}), []string{"0 30-41 5 events lost"}, 100},
		"bytes":                        {damage(t, lossy(t, etltest.Options{}, nil), 5, 6), []string{"0 46-61 ? bytes that cannot be read"}, 96},
		"bytes of the last buffer":     {damage(t, lossy(t, etltest.Options{}, nil), 10, 9), []string{"1 99-100 ? bytes that cannot be read"}, 99},
		"a buffer from its first byte": {damage(t, lossy(t, etltest.Options{}, nil), 5, 0), []string{"all 0-100 ? record header type 119 is not known"}, 90},
		"session not ended":            {lossy(t, etltest.Options{Unfinished: true}, nil), []string{"all 90-100 ? the session did not end properly"}, 100},
	} {
		t.Run(name, func(t *testing.T) {
			wantGaps(t, c.in, start, c.want, c.rows)
		})
	}
}

// wantGaps converts a recording, and wants these gap rows beside so many others.
func wantGaps(t *testing.T, in []byte, start time.Time, want []string, others int) {
	t.Helper()
	s, rows := convert(t, collect.ConvertOptions{}, in)
	if got := gaps(rows, start); !slices.Equal(got, want) {
		t.Errorf("gaps %q, want %q", got, want)
	}
	if len(rows)-len(want) != others || s.Lossy() != (len(want) > 0) {
		t.Errorf("%d rows, lossy %v", len(rows), s.Lossy())
	}
}

// TestConvertWrapped: what a circular file has from before its oldest buffers of all
// processors is no whole history, and a gap row says so; what it has from then on is.
func TestConvertWrapped(t *testing.T) {
	start := etltest.New(etltest.Options{}).Options().Start
	slow := func(o etltest.Options) []byte { // of processor 0 the first crossing, in a buffer that is written late
		o.CPUs = 2
		w := etltest.New(o)
		for i := range 100 {
			e := crossing(i)
			cpu := min(i, 1)
			if err := aftracetest.Write(w, cpu, w.Clock(w.Options().Start.Add(time.Duration(i+1)*time.Second)), &e, aftracetest.Options{}); err != nil {
				t.Fatal(err)
			}
			if i%10 == 9 {
				w.Flush(1)
			}
			if i == 75 {
				w.Flush(0)
			}
		}
		b, err := w.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	// With one processor the history begins later, and has no hole.
	wrapped := file(t, 100, etltest.Options{CPUs: 1, Ring: 3, BufferSize: 2048})
	_, rows := convert(t, collect.ConvertOptions{}, wrapped)
	oldest := len(rows)
	if oldest == 0 || oldest == 100 || rows[oldest-1].CallID != 50 {
		t.Fatalf("%d rows", oldest)
	}
	for name, c := range map[string]struct {
		in   []byte
		want []string
		rows int
	}{
		// Buffers 7 (that of processor 0), 8, 9, 10 and 11 of 11 are left.
		"an old row":                   {slow(etltest.Options{Ring: 4}), []string{"all 0-71000000 ? older buffers were overwritten: the file is circular"}, 31},
		"it did not wrap":              {slow(etltest.Options{Ring: 20}), nil, 100},
		"side by side":                 {lossy(t, etltest.Options{Ring: 4}, nil), []string{"all -999939-71 ? older buffers were overwritten: the file is circular"}, 40},
		"a processor without a buffer": {slow(etltest.Options{Ring: 3}), []string{"all 70000000-81000000 ? older buffers were overwritten: the file is circular"}, 30},
		"one processor":                {wrapped, nil, oldest},
	} {
		t.Run(name, func(t *testing.T) {
			wantGaps(t, c.in, start, c.want, c.rows)
		})
	}
}

// TestConvertCut cuts a recording everywhere: what is before the cut comes out, and a gap row
// at the end says that more is missing.
func TestConvertCut(t *testing.T) {
	in := lossy(t, etltest.Options{BufferSize: 8192}, nil)
	for at := 8192; at < len(in); at += 997 {
		if at > 20000 && at%8192 > 2000 && testing.Short() {
			continue
		}
		s, rows := convert(t, collect.ConvertOptions{}, in[:at])
		if !s.Truncated || len(rows) == 0 {
			t.Fatalf("cut at %d: %d rows, %+v", at, len(rows), s)
		}
		last := rows[len(rows)-1]
		if last.Phase != format.PhaseGap || last.Has&format.HasLost != 0 || !strings.Contains(last.Detail, "cut short") {
			t.Fatalf("cut at %d: the last row is %+v", at, last)
		}
		for i, e := range rows[:len(rows)-1] {
			if e.CallID != crossing(i).CallID {
				t.Fatalf("cut at %d: row %d is of call %d", at, i, e.CallID)
			}
		}
	}
	for buffers := 1; buffers <= 10; buffers++ { // at the end of a buffer
		if s, _ := convert(t, collect.ConvertOptions{}, in[:8192*buffers]); !s.Truncated || s.Gaps == 0 {
			t.Errorf("with %d buffers: %+v", buffers, s)
		}
	}
}

// TestConvertUndecodable holds that an event of our provider that cannot be read leaves a gap
// of one event, and that other providers leave none.
func TestConvertUndecodable(t *testing.T) {
	w := etltest.New(etltest.Options{})
	start := w.Options().Start
	for i := range 10 {
		e := crossing(i)
		items, data, err := aftracetest.Encode(&e, aftracetest.Options{})
		if err != nil {
			t.Fatal(err)
		}
		h := aftracetest.Header(&e, aftracetest.Options{})
		switch i {
		case 3:
			data = data[:len(data)-3]
		case 5:
			items = nil
		case 7:
			data = append(data, 1, 2, 3)
		case 8:
			h.Provider[0]++
			data = data[:5]
		}
		w.Event(0, w.Clock(start.Add(time.Duration(i+2)*time.Second)), h, items, data)
	}
	w.Full(0, w.Clock(start.Add(time.Minute)), etltest.FullHeader{Class: decode.AfTrace}, []byte{1})
	b, err := w.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	s, rows := convert(t, collect.ConvertOptions{}, b)
	if got, want := gaps(rows, start), []string{
		"all 4000000-5000000 1 event of CoNDIS-AfTrace not readable: payload ends early",
		"all 6000000-7000000 1 event of CoNDIS-AfTrace not readable: TraceLogging event without a schema",
	}; !slices.Equal(got, want) {
		t.Errorf("gaps %q, want %q", got, want)
	}
	if len(rows) != 9 || s.Undecodable != 2 || s.Defects["payload is longer than its schema"] != 1 || !s.Lossy() {
		t.Errorf("%d rows, %+v", len(rows), s)
	}
	p := s.Providers[0]
	if p.Records != 10 || p.Decoded != 6 || p.Undecoded != 4 || p.Reasons["payload ends early"] != 1 || p.Reasons["no description of its payload"] != 1 {
		t.Errorf("%+v", p)
	}
}

// TestConvertRTLost holds that losses that a real-time session notes are gaps.
func TestConvertRTLost(t *testing.T) {
	w := etltest.New(etltest.Options{})
	start := w.Options().Start
	class, _ := etl.ParseGUID("6a399ae0-4bc6-4de9-870b-3657f8947e7e")
	for _, s := range []int{2, 5} {
		w.Full(0, w.Clock(start.Add(time.Duration(s)*time.Second)), etltest.FullHeader{Class: class, Type: 32}, nil)
	}
	b, err := w.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	_, rows := convert(t, collect.ConvertOptions{}, b)
	if got, want := gaps(rows, start), []string{"all 0-2000000 ? real-time losses", "all 2000000-5000000 ? real-time losses"}; !slices.Equal(got, want) {
		t.Errorf("gaps %q, want %q", got, want)
	}
}

func TestConvertSeveral(t *testing.T) {
	part := func(from, to int, o etltest.Options) []byte {
		o.CPUs = 2
		w := etltest.New(o)
		for i := from; i < to; i++ {
			e := crossing(i)
			clock := 36_000_000_000 + int64(i)*10_000_000 // one a second
			if err := aftracetest.Write(w, i%2, clock, &e, aftracetest.Options{}); err != nil {
				t.Fatal(err)
			}
		}
		b, err := w.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	base := etltest.New(etltest.Options{}).Options()
	// The second session begins eight seconds later; its idea of the time is 3 ms off.
	second := etltest.Options{Start: base.Start.Add(8*time.Second + 3*time.Millisecond), Boot: base.Boot, StartClock: base.StartClock + 80_000_000}
	s, rows := convert(t, collect.ConvertOptions{}, part(8, 20, second), part(0, 12, etltest.Options{}))
	// Both hold seconds 8 to 11: that is the same route twice, so nothing is left out.
	if len(rows) != 24 || s.Duplicates != 0 || len(s.Inputs) != 2 {
		t.Fatalf("%d rows, %+v", len(rows), s)
	}
	for i := 1; i < len(rows); i++ {
		if rows[i].Ticks < rows[i-1].Ticks {
			t.Errorf("row %d: ticks run backwards", i)
		}
	}
	if len(gaps(rows, base.Start)) > 0 {
		t.Errorf("gaps %q", gaps(rows, base.Start))
	}

	// Between two sessions that do not meet, nothing was recorded.
	second.Start, second.StartClock = base.Start.Add(15*time.Second), base.StartClock+150_000_000
	_, rows = convert(t, collect.ConvertOptions{}, part(0, 11, etltest.Options{}), part(15, 20, second))
	if got, want := gaps(rows, base.Start), []string{"all 10000000-15000000 ? nothing was recorded"}; !slices.Equal(got, want) {
		t.Errorf("gaps %q, want %q", got, want)
	}
	second.Mode = 0x8 // EVENT_TRACE_FILE_MODE_NEWFILE: one session, file after file
	_, rows = convert(t, collect.ConvertOptions{}, part(0, 11, etltest.Options{}), part(15, 20, second))
	if len(gaps(rows, base.Start)) > 0 {
		t.Errorf("gaps %q", gaps(rows, base.Start))
	}

	dir := t.TempDir()
	first := filepath.Join(dir, "first.etl")
	if err := os.WriteFile(first, part(0, 3, etltest.Options{}), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		o    etltest.Options
		want string
	}{
		"boot":       {etltest.Options{Boot: base.Boot.Add(500 * time.Millisecond)}, "not of one boot of one host: its host booted at 2024-01-02T02:04:06.178901Z, that of"},
		"build":      {etltest.Options{OSBuild: 22000}, "runs Windows build 22000"},
		"processors": {etltest.Options{}, "has 2 processors"},
		"pointers":   {etltest.Options{PointerSize: 4}, "is 32-bit"},
		"frequency":  {etltest.Options{Frequency: 10_000_001}, "counts 10000001 ticks a second"},
		"clock":      {etltest.Options{Clock: etl.ClockSystem}, "clock system, that of"},
		"no boot":    {etltest.Options{Boot: time.Unix(-11644473600, 0)}, "the boot time is not recorded"},
	} {
		other := filepath.Join(dir, "other.etl")
		b := part(0, 3, c.o)
		if name == "processors" {
			// The other way round: one that has four.
			if err := os.WriteFile(other, part(0, 3, c.o), 0o644); err != nil {
				t.Fatal(err)
			}
			b = file(t, 3, etltest.Options{CPUs: 4})
			other, first = first, filepath.Join(dir, "four.etl")
			if err := os.WriteFile(first, b, 0o644); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(other, b, 0o644); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(dir, "out.arrow")
		_, err := collect.Convert(context.Background(), collect.ConvertOptions{Inputs: []string{first, other}, Output: out})
		if !errors.Is(err, collect.ErrInput) || !strings.Contains(err.Error(), c.want) || errors.Is(err, collect.ErrBoot) != (name != "clock") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: there is an output", name)
		}
		first = filepath.Join(dir, "first.etl")
	}
}

// TestConvertRoutes holds that a crossing that a tracer and the driver itself report is kept
// once, and that calls made twice stay two calls.
func TestConvertRoutes(t *testing.T) {
	w := etltest.New(etltest.Options{})
	start := w.Options().Start
	write := func(at time.Duration, dtrace bool, edit func(*format.Event)) {
		e := crossing(1)
		e.TS, e.CallID, e.TID = start.Add(at).UnixNano(), 0, 7
		e.Has &^= format.HasCallID
		if edit != nil {
			edit(&e)
		}
		var o aftracetest.Options
		when := at
		if dtrace {
			o = aftracetest.Options{Unit: decode.UnitUnix, HeaderPID: 900, HeaderTID: 901}
			when += 80 * time.Millisecond // the tracer writes late
		}
		if err := aftracetest.Write(w, 0, w.Clock(start.Add(when)), &e, o); err != nil {
			t.Fatal(err)
		}
	}
	const ms, us = time.Millisecond, time.Microsecond
	id := func(n uint64) func(*format.Event) {
		return func(e *format.Event) { e.CallID, e.Has = n, e.Has|format.HasCallID }
	}
	// One crossing by both.
	write(10*ms, false, nil)
	write(10*ms+30*us, true, nil)
	// Two quick calls by both, the tracer a little ahead.
	write(20*ms+10*us, false, nil)
	write(20*ms+20*us, false, nil)
	write(20*ms, true, nil)
	write(20*ms+15*us, true, nil)
	// The tracer alone, twice.
	write(30*ms, true, nil)
	write(30*ms+5*us, true, nil)
	// Not the same: another thread, another handle, another status, too far apart.
	write(40*ms, false, nil)
	write(40*ms, true, func(e *format.Event) { e.TID = 8 })
	write(50*ms, false, nil)
	write(50*ms, true, func(e *format.Event) { e.AF++ })
	write(60*ms, false, nil)
	write(60*ms, true, func(e *format.Event) { e.Status = 0xC0000001 })
	write(70*ms, false, nil)
	write(70*ms+200*us, true, nil)
	// Further apart, but the call has one number.
	write(80*ms, false, id(5))
	write(83*ms, true, id(5))
	write(90*ms, false, id(6))
	write(93*ms, true, id(7))
	b, err := w.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	s, rows := convert(t, collect.ConvertOptions{}, b)
	if s.Duplicates != 4 || len(rows) != 16 {
		t.Errorf("%d duplicates, %d rows", s.Duplicates, len(rows))
	}
	r, err := format.Open(s.Output, format.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if level := r.Metadata()[format.MetaLevel]; level != "export" {
		t.Errorf("level %q with a tracer of exports", level)
	}
}

// TestDuplicatesForget sends more rows through the finder of duplicates than it remembers.
func TestDuplicatesForget(t *testing.T) {
	w := etltest.New(etltest.Options{})
	start := w.Options().Start
	const n = 10_000
	for i := range n {
		e := crossing(i)
		e.TS = start.Add(time.Duration(i) * time.Microsecond).UnixNano()
		for _, o := range []aftracetest.Options{{}, {Unit: decode.UnitUnix, HeaderPID: 900, HeaderTID: 901}} {
			if err := aftracetest.Write(w, 0, w.Clock(start.Add(time.Duration(i)*time.Microsecond)), &e, o); err != nil {
				t.Fatal(err)
			}
		}
	}
	b, err := w.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if s, _ := convert(t, collect.ConvertOptions{}, b); s.Duplicates != n || s.Events != n {
		t.Errorf("%d duplicates, %d rows", s.Duplicates, s.Events)
	}
}

func TestConvertErrors(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.etl")
	if err := os.WriteFile(in, file(t, 100, etltest.Options{}), 0o644); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(dir, "text.etl")
	if err := os.WriteFile(text, []byte("no recording"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out.arrow")
	for name, c := range map[string]struct {
		o    collect.ConvertOptions
		want error
	}{
		"no input":             {collect.ConvertOptions{Output: out}, collect.ErrUsage},
		"no output":            {collect.ConvertOptions{Inputs: []string{in}}, collect.ErrUsage},
		"unknown format":       {collect.ConvertOptions{Inputs: []string{in}, Output: filepath.Join(dir, "x.csv")}, collect.ErrUsage},
		"missing":              {collect.ConvertOptions{Inputs: []string{filepath.Join(dir, "none.etl")}, Output: out}, collect.ErrInput},
		"folder":               {collect.ConvertOptions{Inputs: []string{dir}, Output: out}, collect.ErrInput},
		"no recording":         {collect.ConvertOptions{Inputs: []string{text}, Output: out}, collect.ErrInput},
		"second is none":       {collect.ConvertOptions{Inputs: []string{in, text}, Output: out}, collect.ErrInput},
		"output's folder":      {collect.ConvertOptions{Inputs: []string{in}, Output: filepath.Join(dir, "none", "x.arrow")}, collect.ErrOutput},
		"output in a file":     {collect.ConvertOptions{Inputs: []string{in}, Output: filepath.Join(in, "x.arrow")}, collect.ErrOutput},
		"no room for the sort": {collect.ConvertOptions{Inputs: []string{in}, Output: out, RunRows: 10, TempDir: filepath.Join(dir, "none")}, collect.ErrOutput},
	} {
		s, err := collect.Convert(context.Background(), c.o)
		if !errors.Is(err, c.want) || s != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	same := filepath.Join(dir, "same.arrow")
	if err := os.WriteFile(same, file(t, 1, etltest.Options{}), 0o644); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(same)
	if _, err := collect.Convert(context.Background(), collect.ConvertOptions{Inputs: []string{same}, Output: same}); !errors.Is(err, collect.ErrUsage) {
		t.Errorf("input as output: %v", err)
	}
	if after, _ := os.ReadFile(same); !bytes.Equal(before, after) {
		t.Error("the input was overwritten")
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("there is an output")
	}
}

// TestConvertCancelled interrupts a conversion everywhere: then there is no output.
func TestConvertCancelled(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.etl")
	if err := os.WriteFile(in, file(t, 50_000, etltest.Options{}), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{"out.arrow", "out.arrows"} {
		out = filepath.Join(dir, out)
		for stop := 0; ; stop++ {
			ctx, cancel := context.WithCancel(context.Background())
			calls, last := 0, int64(0)
			_, err := collect.Convert(ctx, collect.ConvertOptions{Inputs: []string{in}, Output: out, RunRows: 15_000, TempDir: dir, Progress: func(done, total int64) {
				if done < last || done > total {
					t.Errorf("progress %d after %d of %d", done, last, total)
				}
				if last = done; calls == stop {
					cancel()
				}
				calls++
			}})
			cancel()
			if err == nil {
				if stop < 5 || stop < calls-1 {
					t.Errorf("not interrupted by call %d of %d", stop, calls)
				}
				os.Remove(out)
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("interrupted by call %d: %v", stop, err)
			}
			if left, _ := os.ReadDir(dir); len(left) != 1 {
				t.Fatalf("interrupted by call %d, there are %v", stop, left)
			}
		}
	}
}

func TestInfo(t *testing.T) {
	w := etltest.New(etltest.Options{CPUs: 2, PointerSize: 4, EventsLost: 1, BuffersLost: 2, Compress: true})
	start := w.Options().Start
	e := crossing(0)
	if err := aftracetest.Write(w, 0, w.Clock(start.Add(time.Second)), &e, aftracetest.Options{}); err != nil {
		t.Fatal(err)
	}
	w.Event(1, w.Clock(start.Add(2*time.Second)), etltest.EventHeader{Provider: decode.NDIS, ID: 10006}, nil, []byte{1})
	w.Event(1, w.Clock(start.Add(2*time.Second)), etltest.EventHeader{Provider: decode.NDIS, ID: 10007}, nil, []byte{1})
	w.Message(1, w.Clock(start.Add(3*time.Second)), etltest.MessageHeader{Number: 10, Flags: etltest.MessageDefault, GUID: etl.GUID{5}}, nil)
	b, err := w.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.etl")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	info, err := collect.Info(context.Background(), path, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"kind":"etl","records":5,"record_kinds":{"EVENT32":3,"MESSAGE":1,"SYSTEM32":1},"unknown_records":0,"providers":[` +
		`{"guid":"cdead503-17f5-4a3e-b7ae-df8cc2902eb9","name":"Microsoft-Windows-NDIS","records":2,"decoded":0,"undecoded":2},` +
		`{"guid":"00000005-0000-0000-0000-000000000000","name":"","records":1,"decoded":0,"undecoded":1},` +
		`{"guid":"c993b968-86b0-5ab3-9387-798caf2d1425","name":"CoNDIS-AfTrace","records":1,"decoded":1,"undecoded":0}],` +
		`"buffers":3,"compressed_buffers":2,"events_lost":1,"buffers_lost":2,"pointer_size":4,"clock":"qpc","os_build":26100,` +
		`"start":"2024-01-02T03:04:05.678901Z","end":"2024-01-02T03:04:08.678901Z","truncated":false}`
	if string(got) != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if err := os.WriteFile(path, b[:len(b)-9], 0o644); err != nil {
		t.Fatal(err)
	}
	if info, err = collect.Info(context.Background(), path, nil, nil); err != nil || !info.Truncated {
		t.Errorf("%+v, %v", info, err)
	}
	if _, err := collect.Info(context.Background(), path+"x", nil, nil); !errors.Is(err, collect.ErrInput) {
		t.Error(err)
	}
}

func TestTraceInfo(t *testing.T) {
	out := filepath.Join(t.TempDir(), "x.arrow")
	_, rows := convert(t, collect.ConvertOptions{Output: out, Host: "ws"}, lossy(t, etltest.Options{EventsLost: 5}, nil))
	info, err := collect.TraceInfo(context.Background(), out)
	if err != nil {
		t.Fatal(err)
	}
	if info.Kind != "trace" || info.Events != uint64(len(rows)) || info.Functions["ProtocolCmOpenAf"] != 100 || len(info.Functions) != 1 ||
		!slices.Equal(info.Drivers, []string{"ndproxy"}) || info.Adapters != 0 || info.Gaps != 1 || info.Lost != 5 || info.Truncated ||
		info.Start.UnixNano() != rows[0].TS || info.End.UnixNano() != rows[len(rows)-1].TS || info.Metadata[format.MetaHost] != "ws" {
		t.Errorf("%+v", info)
	}
	if _, err := collect.TraceInfo(context.Background(), out+"x"); !errors.Is(err, collect.ErrInput) {
		t.Error(err)
	}
	empty, err := json.Marshal(&collect.Trace{Functions: map[string]uint64{}, Drivers: []string{}})
	if err != nil || !strings.Contains(string(empty), `"start":null`) {
		t.Errorf("%s, %v", empty, err)
	}
}

// TestManifestRows: what Microsoft-Windows-NDIS says of binding functions is in the trace,
// unless the crossings of the function are.
func TestManifestRows(t *testing.T) {
	bind := func(w *etltest.Writer, at int64) {
		data := make([]byte, 28)
		binary.LittleEndian.PutUint64(data[20:], 0x17000000000000)
		for _, c := range "WAN\x00" {
			data = binary.LittleEndian.AppendUint16(data, uint16(c))
		}
		w.Event(0, at, etltest.EventHeader{Provider: decode.NDIS, ID: 10006, PID: 4, TID: 9}, nil, binary.LittleEndian.AppendUint32(data, 0))
	}
	for _, crossed := range []bool{false, true} {
		w := etltest.New(etltest.Options{})
		at := w.Clock(w.Options().Start.Add(time.Second))
		bind(w, at)
		e := crossing(0)
		if crossed {
			e.Function = ndis.ProtocolBindAdapterEx
		}
		if err := aftracetest.Write(w, 0, at+10, &e, aftracetest.Options{}); err != nil {
			t.Fatal(err)
		}
		b, err := w.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		s, rows := convert(t, collect.ConvertOptions{}, b)
		want := uint64(0)
		if crossed {
			want = 1
		}
		if s.Superseded != want || len(rows) != 2-int(want) || s.Lossy() {
			t.Errorf("crossed %v: %d superseded, rows %+v", crossed, s.Superseded, rows)
		}
		if !crossed && (rows[0].Source != format.SourceManifest || rows[0].Phase != format.PhaseEvent || rows[0].Driver != "WAN" || rows[0].Function != ndis.ProtocolBindAdapterEx) {
			t.Errorf("%+v", rows[0])
		}
	}
}

// TestMessageRows: a WPP message makes a row, unless the crossings of its function are
// recorded.
func TestMessageRows(t *testing.T) {
	const class = "01e9b841-7d67-315a-7b92-23b2033356de"
	lib := &decode.Library{}
	if _, err := lib.AddTMF("a.tmf", []byte(class+" m // SRC=a.c MJ= MN=\n#typev a_c1 10 \"--> %10!p!\" // FUNC=ProtocolCmOpenAf\n{\nVc, ItemPtr -- 10\n}\n")); err != nil {
		t.Fatal(err)
	}
	g, err := etl.ParseGUID(class)
	if err != nil {
		t.Fatal(err)
	}
	for _, crossed := range []bool{false, true} {
		w := etltest.New(etltest.Options{})
		at := w.Clock(w.Options().Start.Add(time.Second))
		w.Message(0, at, etltest.MessageHeader{Number: 10, Flags: etltest.MessageDefault | etl.MessagePointer64, GUID: g, PID: 4, TID: 100}, make([]byte, 8))
		if crossed {
			e := crossing(0)
			if err := aftracetest.Write(w, 0, at+10, &e, aftracetest.Options{}); err != nil {
				t.Fatal(err)
			}
		}
		b, err := w.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		s, rows := convert(t, collect.ConvertOptions{Library: lib}, b)
		source := format.SourceWPP
		if crossed {
			source = format.SourceETL
		}
		if len(rows) != 1 || rows[0].Source != source || rows[0].Function != ndis.ProtocolCmOpenAf || (s.Superseded == 1) != crossed || s.Duplicates != 0 {
			t.Errorf("crossed %v: %+v, rows %+v", crossed, s, rows)
		}
	}
}

func BenchmarkConvert(b *testing.B) {
	const n = 500_000
	dir := b.TempDir()
	in, out := filepath.Join(dir, "in.etl"), filepath.Join(dir, "out.arrow")
	if err := os.WriteFile(in, file(b, n, etltest.Options{}), 0o644); err != nil {
		b.Fatal(err)
	}
	for name, run := range map[string]int{"memory": 1 << 20, "spilled": 1 << 17} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, err := collect.Convert(context.Background(), collect.ConvertOptions{Inputs: []string{in}, Output: out, RunRows: run})
				if err != nil || s.Events != n || s.Gaps != 0 {
					b.Fatal(err, s)
				}
			}
			b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// TestConvertMutants converts damaged recordings. Whatever the damage, the result is a valid
// trace or an unreadable input.
func TestConvertMutants(t *testing.T) {
	demo, err := os.ReadFile(demoFile)
	if err != nil {
		t.Fatal(err)
	}
	n := 240
	if testing.Short() {
		n = 60
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.etl"), filepath.Join(dir, "out.arrows")
	sources := [][]byte{demo, lossy(t, etltest.Options{Compress: true}, nil), lossy(t, etltest.Options{}, map[int]uint16{3: etl.BufferEventsLost})}
	converted := 0
	for i := range n {
		rng := rand.New(rand.NewPCG(uint64(i), 1))
		b := bytes.Clone(sources[i%len(sources)])
		for range 1 + rng.IntN(12) {
			at := rng.IntN(len(b))
			switch rng.IntN(8) {
			case 0:
				b = b[:max(at, 500)]
			case 1: // in a buffer header
				if at = at&^0x1FFF + rng.IntN(72); at < len(b) {
					b[at] = byte(rng.Uint32())
				}
			case 2:
				clear(b[at:min(len(b), at+rng.IntN(5000))])
			case 3:
				b[at] = []byte{0, 0xFF, 0x80, 0x7F}[rng.IntN(4)]
			default:
				b[at] ^= 1 << rng.IntN(8)
			}
		}
		if err := os.WriteFile(in, b, 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := collect.Convert(context.Background(), collect.ConvertOptions{Inputs: []string{in}, Output: out, RunRows: 64 << (i % 3 * 4), TempDir: dir})
		info, ierr := collect.Info(context.Background(), in, nil, nil)
		if err != nil || ierr != nil {
			if !errors.Is(err, collect.ErrInput) || !errors.Is(ierr, collect.ErrInput) {
				t.Fatalf("mutant %d: %v; %v", i, err, ierr)
			}
			continue
		}
		converted++
		if s.Records != info.Records || s.Truncated != info.Truncated {
			t.Errorf("mutant %d: %d records and truncated %v, in the information %d and %v", i, s.Records, s.Truncated, info.Records, info.Truncated)
		}
		if rows := readRows(t, out); uint64(len(rows)) != s.Events {
			t.Errorf("mutant %d: %d rows, %d in the summary", i, len(rows), s.Events)
		}
	}
	if converted < n/2 {
		t.Errorf("%d of %d mutants converted", converted, n)
	}
}
