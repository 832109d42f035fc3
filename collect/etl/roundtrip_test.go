package etl_test

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/collect/etl/etltest"
)

// open reads a file in memory.
func open(t testing.TB, data []byte) *etl.File {
	t.Helper()
	f, err := etl.NewFile(bytes.NewReader(data), int64(len(data)), "memory.etl", etl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func build(t testing.TB, w *etltest.Writer) []byte {
	t.Helper()
	data, err := w.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// clone is a copy of r that stays valid.
func clone(r *etl.Record) etl.Record {
	c := *r
	for _, b := range []*[]byte{&c.Extended, &c.Data, &c.Raw, &c.Counters} {
		*b = slices.Clone(*b)
	}
	return c
}

// fill writes n records of every kind with random content and returns what should be read,
// by processor. Time is what the formula of the log file header gives, by way of big
// numbers.
func fill(w *etltest.Writer, rng *rand.Rand, n int) [][]etl.Record {
	o := w.Options()
	want := make([][]etl.Record, o.CPUs)
	random := func(max int) []byte {
		b := make([]byte, rng.IntN(max+1))
		for i := range b {
			b[i] = byte(rng.Uint32() >> (rng.Uint32() & 24)) // compresses a little
		}
		return b
	}
	guid := func() (g etl.GUID) {
		copy(g[:], "aftrace provider")
		g[0] = byte(rng.IntN(100))
		return g
	}
	clock := o.StartClock
	last := make([]int64, o.CPUs)
	for i := range last {
		last[i] = expectTime(o, o.StartClock)
	}
	for range n {
		clock += rng.Int64N(100000)
		cpu := rng.IntN(o.CPUs)
		width := []uint8{4, 8}[rng.IntN(2)]
		by := func(k32 etl.Kind) etl.Kind {
			if width == 8 {
				return k32 + 1
			}
			return k32
		}
		data := random(300)
		r := etl.Record{CPU: uint16(cpu), Clock: clock, HasClock: true, Pointer: width, Data: data,
			TID: rng.Uint32(), PID: rng.Uint32(), HasIDs: true}
		typ, group := uint8(rng.Uint32()), uint8(rng.Uint32())
		switch rng.IntN(8) {
		case 0:
			r.Kind, r.Opcode, r.ID, r.Version = by(etl.KindSystem32), typ, uint16(group)<<8|uint16(typ), 3
			w.System(cpu, clock, etltest.SystemHeader{Pointer: width, Version: 3, Group: group, Type: typ, TID: r.TID, PID: r.PID,
				KernelTime: 1, UserTime: 2}, data)
		case 1:
			r.Kind, r.Opcode, r.ID, r.Version = by(etl.KindCompact32), typ, uint16(group)<<8|uint16(typ), 2
			w.Compact(cpu, clock, etltest.SystemHeader{Pointer: width, Version: 2, Group: group, Type: typ, TID: r.TID, PID: r.PID}, data)
		case 2:
			r.Kind, r.Opcode, r.ID, r.Version = by(etl.KindPerfInfo32), typ, uint16(group)<<8|uint16(typ), 7
			r.TID, r.PID, r.HasIDs = 0, 0, false
			h := etltest.PerfInfoHeader{Pointer: width, Version: 7, Group: group, Type: typ}
			if rng.IntN(2) == 0 {
				v := rng.Uint64()
				h.PEBS = &v
				r.Counters = le64(r.Counters, v)
			}
			for range rng.IntN(8) {
				v := rng.Uint64()
				h.Counters = append(h.Counters, v)
				r.Counters = le64(r.Counters, v)
			}
			w.PerfInfo(cpu, clock, h, data)
		case 3:
			r.Kind, r.Opcode, r.ID, r.Level, r.Version = by(etl.KindFull32), typ, uint16(typ), 4, 9
			if width == 8 {
				r.Kind = etl.KindFull64
			}
			r.Provider, r.HasGUID = guid(), true
			w.Full(cpu, clock, etltest.FullHeader{Pointer: width, Type: typ, Level: 4, Version: 9, TID: r.TID, PID: r.PID, Class: r.Provider}, data)
		case 4:
			r.Kind, r.Opcode, r.ID, r.Level, r.Version = by(etl.KindInstance32), typ, uint16(typ), 5, 1
			r.Provider, r.HasGUID = guid(), true
			w.Instance(cpu, clock, etltest.InstanceHeader{FullHeader: etltest.FullHeader{Pointer: width, Type: typ, Level: 5, Version: 1,
				TID: r.TID, PID: r.PID, Class: r.Provider}, Instance: 11, Parent: 12, ParentClass: etl.GUID{13}}, data)
		case 5:
			h := etltest.EventHeader{Pointer: width, TID: r.TID, PID: r.PID, Provider: guid(), ID: uint16(rng.Uint32()), Version: 1, Channel: 11,
				Level: 4, Opcode: typ, Task: 99, Keyword: rng.Uint64(), Activity: guid()}
			r.Kind, r.Provider, r.HasGUID, r.ID, r.Version, r.Channel = by(etl.KindEvent32), h.Provider, true, h.ID, 1, 11
			r.Level, r.Opcode, r.Task, r.Keyword, r.Activity = 4, typ, 99, h.Keyword, h.Activity
			var ext []etl.ExtItem
			for range rng.IntN(3) {
				ext = append(ext, etl.ExtItem{Type: uint16(1 + rng.IntN(18)), Data: random(50)})
			}
			if len(ext) > 0 {
				r.Flags = etl.FlagExtendedInfo
				r.Extended = etltest.AppendExt(nil, ext)
			}
			w.Event(cpu, clock, h, ext, data)
		case 6:
			r.Kind, r.Clock, r.HasClock, r.TID, r.PID, r.HasIDs = etl.KindError, 0, false, 0, 0, false
			r.Pointer = uint8(o.PointerSize)
			w.Error(cpu, data)
		case 7:
			h := etltest.MessageHeader{Number: uint16(10 + rng.IntN(100)), Flags: uint16(rng.Uint32()) & 0xEF, GUID: guid(), TID: r.TID, PID: r.PID,
				Sequence: 5, Component: 6}
			r.Kind, r.ID, r.Flags = etl.KindMessage, h.Number, h.Flags
			switch {
			case h.Flags&etl.MessagePointer64 != 0:
				r.Pointer = 8
			case h.Flags&etl.MessagePointer32 != 0:
				r.Pointer = 4
			default:
				r.Pointer = uint8(o.PointerSize)
			}
			if h.Flags&etl.MessageGUID != 0 && h.Flags&etl.MessageComponentID == 0 {
				r.Provider, r.HasGUID = h.GUID, true
			}
			if h.Flags&etl.MessageTimestamp == 0 {
				r.Clock, r.HasClock = 0, false
			}
			if h.Flags&etl.MessageSystemInfo == 0 {
				r.TID, r.PID, r.HasIDs = 0, 0, false
			}
			w.Message(cpu, clock, h, data)
		}
		if r.HasClock {
			last[cpu] = expectTime(o, clock)
		}
		r.Time = last[cpu]
		want[cpu] = append(want[cpu], r)
	}
	return want
}

func le64(b []byte, v uint64) []byte {
	for i := range 8 {
		b = append(b, byte(v>>(8*i)))
	}
	return b
}

// expectTime is the time of a raw clock value, by the definition.
func expectTime(o etltest.Options, clock int64) int64 {
	ns := big.NewInt(clock - o.StartClock)
	switch o.Clock {
	case etl.ClockSystem:
		ns.Mul(ns, big.NewInt(100))
	case etl.ClockCPU:
		ns.Mul(ns, big.NewInt(1000))
		ns.Div(ns, big.NewInt(int64(o.CPUMHz)))
	default:
		ns.Mul(ns, big.NewInt(1e9))
		ns.Div(ns, big.NewInt(o.Frequency))
	}
	return o.Start.UnixNano()/100*100 + ns.Int64()
}

// matchRecord compares all but Offset and Raw.
func matchRecord(t testing.TB, got, want *etl.Record) {
	t.Helper()
	g, w := *got, *want
	for _, b := range [][2][]byte{{g.Data, w.Data}, {g.Extended, w.Extended}, {g.Counters, w.Counters}} {
		if !bytes.Equal(b[0], b[1]) {
			t.Fatalf("%v: bytes differ\n got %x\nwant %x", g.Kind, b[0], b[1])
		}
	}
	for _, r := range []*etl.Record{&g, &w} {
		r.Offset, r.Raw, r.Data, r.Extended, r.Counters = 0, nil, nil, nil, nil
	}
	if a, b := fmt.Sprintf("%+v", g), fmt.Sprintf("%+v", w); a != b {
		t.Fatalf("records differ\n got %s\nwant %s", a, b)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, pointer := range []int{4, 8} {
		for _, clock := range []etl.ClockType{etl.ClockQPC, etl.ClockSystem, etl.ClockCPU} {
			for _, compress := range []bool{false, true} {
				for _, shuffle := range []bool{false, true} {
					t.Run(fmt.Sprintf("%d/%v/compress=%v/shuffle=%v", pointer, clock, compress, shuffle), func(t *testing.T) {
						roundTrip(t, etltest.Options{PointerSize: pointer, Clock: clock, Compress: compress, Shuffle: shuffle, Seed: 7,
							Frequency: 3117777, BufferSize: 8192, CPUs: 3, Relogged: shuffle, ByteProcessor: compress})
					})
				}
			}
		}
	}
}

func roundTrip(t *testing.T, o etltest.Options) {
	w := etltest.New(o)
	want := fill(w, rand.New(rand.NewPCG(1, 2)), 2000)
	data := build(t, w)
	f := open(t, data)

	o = w.Options()
	h := f.Header()
	if h.PointerSize != uint8(o.PointerSize) || h.Clock != o.Clock || h.PerfFreq != o.Frequency || h.CPUMHz != o.CPUMHz ||
		h.Processors != 3 || h.BufferSize != uint32(o.BufferSize) || h.LoggerName != "aftrace" || h.LogFileName != `C:\trace.etl` ||
		!h.Start.Equal(o.Start) || !h.Boot.Equal(o.Boot) || h.StartClock != o.StartClock || !h.ClockKnown || h.End.Before(h.Start) {
		t.Errorf("header %+v", h)
	}

	// Out of order, the records of one processor are sorted by buffer.
	type buffer struct {
		sequence int64
		records  []etl.Record
	}
	got := make([]map[int64]*buffer, o.CPUs)
	for i := range got {
		got[i] = map[int64]*buffer{}
	}
	var n int
	disorder := false
	var lastSequence int64
	s := walkAll(t, f, func(r *etl.Record) {
		b := f.Buffer()
		if b.Type == 4 {
			return
		}
		n++
		disorder = disorder || b.Sequence < lastSequence
		lastSequence = b.Sequence
		if b.CPU != r.CPU || b.Compressed != o.Compress {
			t.Fatalf("buffer %+v of a record of processor %d", b, r.CPU)
		}
		m := got[r.CPU][b.Sequence]
		if m == nil {
			m = &buffer{sequence: b.Sequence}
			got[r.CPU][b.Sequence] = m
		}
		m.records = append(m.records, clone(r))
	})
	if s.Unknown != 0 || s.Truncated || s.Defects != 0 || !s.Lossless() || s.Bytes.Undecodable+s.Bytes.Trailing+s.Bytes.Zeroed != 0 {
		t.Errorf("damage: %+v", s)
	}
	if o.Compress != (s.CompressedBuffers == s.Buffers-1) || int64(s.Buffers) != int64(h.BuffersWritten) {
		t.Errorf("%d of %d buffers are compressed", s.CompressedBuffers, s.Buffers)
	}
	if n != 2000 || disorder != o.Shuffle {
		t.Errorf("%d records, out of order: %v", n, disorder)
	}
	for cpu := range want {
		var all []etl.Record
		var sequences []int64
		for q := range got[cpu] {
			sequences = append(sequences, q)
		}
		slices.Sort(sequences)
		for _, q := range sequences {
			all = append(all, got[cpu][q].records...)
		}
		if len(all) != len(want[cpu]) {
			t.Fatalf("processor %d: %d records, not %d", cpu, len(all), len(want[cpu]))
		}
		for i := range all {
			if o.Shuffle && !all[i].HasClock {
				want[cpu][i].Time = all[i].Time // that of a record before it in the file
			}
			matchRecord(t, &all[i], &want[cpu][i])
		}
	}

	// A second walk is the same.
	f.Reset()
	if s2 := walkAll(t, f, nil); fmt.Sprint(s2) != fmt.Sprint(s) {
		t.Errorf("the second walk differs:\n%+v\n%+v", s2, s)
	}
	w2 := etltest.New(o)
	fill(w2, rand.New(rand.NewPCG(1, 2)), 2000)
	if !bytes.Equal(build(t, w2), data) {
		t.Error("the writer is not deterministic")
	}
}

func TestParts(t *testing.T) {
	w := etltest.New(etltest.Options{})
	base := w.Clock(w.Options().Start)
	w.Instance(0, base, etltest.InstanceHeader{Instance: 11, Parent: 12, ParentClass: etl.GUID{13}}, nil)
	w.Message(0, base, etltest.MessageHeader{Flags: etltest.MessageDefault, Sequence: 77, GUID: etl.GUID{1}}, nil)
	w.Message(0, base, etltest.MessageHeader{Flags: etl.MessageComponentID | etl.MessageGUID, Component: 78, GUID: etl.GUID{1}}, []byte("args"))
	w.Event(0, base, etltest.EventHeader{}, []etl.ExtItem{{Type: 3, Data: []byte{1, 2, 3, 4}}, {Type: 11, Data: []byte("schema")},
		{Type: 12, Data: nil}}, []byte("data"))
	f := open(t, build(t, w))
	var seen int
	walkAll(t, f, func(r *etl.Record) {
		seen++
		switch seen {
		case 2:
			if id, parent, class, ok := r.Instance(); !ok || id != 11 || parent != 12 || class != (etl.GUID{13}) {
				t.Error("instance", id, parent, class, ok)
			}
		case 3:
			if m := r.Message(); m != (etl.Message{Sequence: 77, HasSequence: true}) {
				t.Error("message", m)
			}
			if len(r.Raw) != 44 {
				t.Errorf("the usual message header has %d bytes, not 44", len(r.Raw))
			}
		case 4:
			if m := r.Message(); m != (etl.Message{ComponentID: 78, HasComponent: true}) || r.HasGUID || string(r.Data) != "args" {
				t.Error("message", m, r.HasGUID, r.Data)
			}
		case 5:
			var types []uint16
			for item := range r.Items() {
				types = append(types, item.Type)
			}
			if fmt.Sprint(types) != "[3 11 12]" {
				t.Error("items", types)
			}
			for range r.Items() {
				break
			}
			if d, ok := r.Item(11); !ok || string(d) != "schema" {
				t.Error("item 11", d, ok)
			}
			if d, ok := r.Item(12); !ok || len(d) != 0 {
				t.Error("item 12", d, ok)
			}
			if _, ok := r.Item(5); ok {
				t.Error("item 5")
			}
			if string(r.Data) != "data" {
				t.Errorf("data %q", r.Data)
			}
		}
	})
	if seen != 5 {
		t.Error("records:", seen)
	}
}

func TestLoss(t *testing.T) {
	lost := mustGUID(t, "{6A399AE0-4BC6-4DE9-870B-3657F8947E7E}")
	w := etltest.New(etltest.Options{EventsLost: 5, BuffersLost: 6, CPUs: 2})
	w.BufferFlags(0, etl.BufferEventsLost)
	w.Event(0, 1, etltest.EventHeader{}, nil, nil)
	w.Flush(0)
	w.BufferFlags(1, etl.BufferBufferLost|etl.BufferEventsLost)
	for typ := uint8(0x1F); typ <= 0x23; typ++ {
		w.Full(1, 1, etltest.FullHeader{Type: typ, Class: lost}, nil)
	}
	f := open(t, build(t, w))
	s := walkAll(t, f, nil)
	if s.EventsLost != 5 || s.BuffersLost != 6 || s.EventsLostBuffers != 2 || s.BufferLostBuffers != 1 || s.RTLost != 3 || s.Lossless() {
		t.Errorf("%+v", s)
	}
}

func TestRing(t *testing.T) {
	w := etltest.New(etltest.Options{Ring: 3, BufferSize: 1024})
	for i := range 100 {
		w.Event(0, w.Options().StartClock+int64(i), etltest.EventHeader{ID: uint16(i)}, nil, make([]byte, 100))
	}
	f := open(t, build(t, w))
	if f.Header().Mode&etl.ModeCircular == 0 {
		t.Error("mode", f.Header().Mode)
	}
	var sequences []int64
	n := 0
	s := walkAll(t, f, func(r *etl.Record) {
		if q := f.Buffer().Sequence; len(sequences) == 0 || sequences[len(sequences)-1] != q {
			sequences = append(sequences, q)
		}
		n++
	})
	// 100 records, 5 a buffer, are 20 buffers; 18, 19 and 20 are left.
	if fmt.Sprint(sequences) != "[0 19 20 18]" || n != 16 || !s.Lossless() {
		t.Error(sequences, n)
	}
}

// A second session appended to the first brings its own clock.
func TestAppended(t *testing.T) {
	session := func(start time.Time, base int64, freq int64) []byte {
		w := etltest.New(etltest.Options{Start: start, StartClock: base, Frequency: freq, EventsLost: 1})
		w.Event(0, w.Clock(start.Add(time.Second)), etltest.EventHeader{ID: 1}, nil, nil)
		return build(t, w)
	}
	a, b := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC), time.Date(2024, 5, 2, 0, 0, 0, 0, time.UTC)
	f := open(t, append(session(a, 1e12, 1e7), session(b, 5e6, 3e6)...))
	for range 2 {
		var at []time.Time
		s := walkAll(t, f, func(r *etl.Record) {
			if r.Kind == etl.KindEvent64 {
				at = append(at, time.Unix(0, r.Time))
			}
		})
		if len(at) != 2 || !at[0].Equal(a.Add(time.Second)) || !at[1].Equal(b.Add(time.Second)) || s.EventsLost != 2 {
			t.Error(at, s.EventsLost)
		}
		f.Reset()
	}
}

// Buffers of different sizes follow each other without gaps or alignment.
func TestUnevenBuffers(t *testing.T) {
	file := func(size int, compress bool) []byte {
		w := etltest.New(etltest.Options{BufferSize: size, Compress: compress})
		for i := range 50 {
			w.Event(0, w.Options().StartClock, etltest.EventHeader{ID: uint16(i)}, nil, bytes.Repeat([]byte{byte(i)}, 200))
		}
		return build(t, w)
	}
	data := file(8192, false)
	for _, more := range [][]byte{file(4096, false), file(2048, true), file(1024, false)} {
		data = append(data, more...)
	}
	f := open(t, data)
	if s := walkAll(t, f, nil); s.Kinds[etl.KindEvent64] != 200 || !s.Lossless() {
		t.Errorf("%+v", s)
	}
}

// Where the records end is in Offset, else in SavedOffset, else nowhere.
func TestOffsets(t *testing.T) {
	for _, test := range []struct{ omit, relogged bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		w := etltest.New(etltest.Options{OmitOffset: test.omit, Relogged: test.relogged, BufferSize: 2048, Unfinished: true})
		for i := range 50 {
			w.Event(0, w.Options().StartClock, etltest.EventHeader{ID: uint16(i)}, nil, make([]byte, 33))
		}
		data := build(t, w)
		if test.omit && test.relogged { // CurrentOffset of an unfinished buffer may be too large
			for pos := 0; pos < len(data); pos += 2048 {
				data[pos+10] = 1
			}
		}
		f := open(t, data)
		if !f.Header().End.IsZero() {
			t.Error("end", f.Header().End)
		}
		if s := walkAll(t, f, nil); s.Kinds[etl.KindEvent64] != 50 || !s.Lossless() {
			t.Errorf("%+v: %+v", test, s)
		}
	}
}

func TestWriterErrors(t *testing.T) {
	for name, use := range map[string]func(*etltest.Writer){
		"processor":  func(w *etltest.Writer) { w.Event(1, 0, etltest.EventHeader{}, nil, nil) },
		"too large":  func(w *etltest.Writer) { w.Event(0, 0, etltest.EventHeader{}, nil, make([]byte, 65536)) },
		"for buffer": func(w *etltest.Writer) { w.Event(0, 0, etltest.EventHeader{}, nil, make([]byte, 65450)) },
		"counters":   func(w *etltest.Writer) { w.PerfInfo(0, 0, etltest.PerfInfoHeader{Counters: make([]uint64, 8)}, nil) },
		"complete":   func(w *etltest.Writer) { w.Bytes(); w.Event(0, 0, etltest.EventHeader{}, nil, nil) },
	} {
		w := etltest.New(etltest.Options{})
		use(w)
		if _, err := w.Bytes(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, o := range []etltest.Options{{PointerSize: 5}, {CPUs: 4096}, {BufferSize: 100}, {BufferSize: 1024, LoggerName: string(make([]byte, 500))}} {
		w := etltest.New(o)
		w.Event(0, 0, etltest.EventHeader{}, nil, nil)
		if _, err := w.Bytes(); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}

func TestGUID(t *testing.T) {
	g := mustGUID(t, "c993b968-86b0-5ab3-9387-798caf2d1425")
	if g.String() != "c993b968-86b0-5ab3-9387-798caf2d1425" || g[0] != 0x68 || g[15] != 0x25 || g[4] != 0xb0 || g[6] != 0xb3 {
		t.Error(g, [16]byte(g))
	}
	if b := mustGUID(t, "{C993B968-86B0-5AB3-9387-798CAF2D1425}"); b != g {
		t.Error(b)
	}
	for _, s := range []string{"", "c993b968", "c993b968-86b0-5ab3-9387-798caf2d142", "c993b96886b0-5ab3-9387-798caf2d1425-",
		"g993b968-86b0-5ab3-9387-798caf2d1425", "{c993b968-86b0-5ab3-9387-798caf2d1425"} {
		if _, err := etl.ParseGUID(s); err == nil {
			t.Errorf("%q is taken for a GUID", s)
		}
	}
}

// The conversion of clocks against big numbers.
func TestClock(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	pick := func() int64 {
		switch rng.IntN(5) {
		case 0:
			return []int64{0, 1, -1, math.MaxInt64, math.MinInt64, 116444736000000000, 133000000000000000}[rng.IntN(7)]
		case 1:
			return 133000000000000000 + rng.Int64N(1e15)
		}
		return int64(rng.Uint64() >> rng.IntN(64))
	}
	epoch := big.NewInt(116444736000000000)
	lo, hi := big.NewInt(math.MinInt64), big.NewInt(math.MaxInt64)
	for range 200000 {
		start, t0, at := pick(), pick(), pick()
		clock := etl.ClockType(rng.IntN(5))
		freq := int64(rng.Uint64() >> (1 + rng.IntN(63)))
		mhz := rng.Uint32() >> rng.IntN(32)
		mul, div, known := int64(100), int64(1), false
		switch {
		case clock == etl.ClockSystem:
			known = true
		case clock == etl.ClockCPU:
			if mhz > 0 {
				mul, div, known = 1000, int64(mhz), true
			}
		case freq > 0:
			mul, div, known = 1e9, freq, clock == etl.ClockQPC
		}
		want := big.NewInt(at)
		want.Sub(want, big.NewInt(t0)).Mul(want, big.NewInt(mul))
		want.Div(want, big.NewInt(div)) // Euclidean: rounds down for a positive divisor
		base := big.NewInt(start)
		want.Add(want, base.Sub(base, epoch).Mul(base, big.NewInt(100)))
		if want.Cmp(lo) < 0 {
			want = lo
		} else if want.Cmp(hi) > 0 {
			want = hi
		}
		got, k := etl.ConvertClock(start, t0, clock, freq, mhz, at)
		if got != want.Int64() || k != known {
			t.Fatalf("start %d t0 %d clock %d freq %d mhz %d at %d: %d (%v), not %v (%v)", start, t0, clock, freq, mhz, at, got, k, want, known)
		}
	}
}

func TestHeaderNanoseconds(t *testing.T) {
	for _, clock := range []etl.ClockType{etl.ClockQPC, etl.ClockSystem, etl.ClockCPU} {
		w := etltest.New(etltest.Options{Clock: clock})
		at := w.Options().Start.Add(1234567 * time.Microsecond)
		f := open(t, build(t, w))
		h := f.Header()
		if got := h.Nanoseconds(w.Clock(at)); got != at.UnixNano() {
			t.Errorf("%v: %d, not %d", clock, got, at.UnixNano())
		}
	}
}
