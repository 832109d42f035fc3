package etw

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/collect/host"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// TestLayout: the structures have the sizes and offsets of evntcons.h on 64-bit Windows.
func TestLayout(t *testing.T) {
	var ev eventRecord
	var item extendedItem
	for name, got := range map[string][2]uintptr{
		"EVENT_RECORD": {unsafe.Sizeof(ev), 112}, "EventHeader.Flags": {unsafe.Offsetof(ev.flags), 4},
		"EventHeader.ThreadId": {unsafe.Offsetof(ev.threadID), 8}, "EventHeader.TimeStamp": {unsafe.Offsetof(ev.timeStamp), 16},
		"EventHeader.ProviderId": {unsafe.Offsetof(ev.provider), 24}, "EventDescriptor": {unsafe.Offsetof(ev.id), 40},
		"EventDescriptor.Task": {unsafe.Offsetof(ev.task), 46}, "EventDescriptor.Keyword": {unsafe.Offsetof(ev.keyword), 48},
		"EventHeader.ActivityId": {unsafe.Offsetof(ev.activity), 64}, "BufferContext": {unsafe.Offsetof(ev.processorNumber), 80},
		"ExtendedDataCount": {unsafe.Offsetof(ev.extendedCount), 84}, "UserDataLength": {unsafe.Offsetof(ev.userDataLength), 86},
		"ExtendedData": {unsafe.Offsetof(ev.extended), 88}, "UserData": {unsafe.Offsetof(ev.userData), 96}, "UserContext": {unsafe.Offsetof(ev.userContext), 104},
		"EVENT_HEADER_EXTENDED_DATA_ITEM": {unsafe.Sizeof(item), 16}, "ExtType": {unsafe.Offsetof(item.typ), 2},
		"DataSize": {unsafe.Offsetof(item.size), 6}, "DataPtr": {unsafe.Offsetof(item.data), 8},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d, want %d", name, got[0], got[1])
		}
	}
}

func all(t *testing.T, c *Capture) (rows []format.Event) {
	t.Helper()
	for {
		var e format.Event
		err := c.Next(t.Context(), &e)
		if err == io.EOF {
			return rows
		} else if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, e)
	}
}

func profile(t testing.TB) []host.Provider {
	list, err := host.Profile("all")
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestRecordsAreThoseOfTheFile: what the callback makes of a delivered event is the record
// that the reader of files makes of the same bytes, and decodes alike.
func TestRecordsAreThoseOfTheFile(t *testing.T) {
	for _, path := range append(samples(t), demo(t)) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			list, records := deliveries(t, path)
			if len(list) == 0 {
				t.Fatal("no events")
			}
			live, file := decode.New(decode.Options{}), decode.New(decode.Options{})
			var buf []byte
			var r etl.Record
			var a, b decode.Event
			for i, d := range list {
				buf = fill(&r, &d.ev, buf)
				want := records[i]
				if !slices.Equal(items(&r), items(&want)) || !bytes.Equal(r.Data, want.Data) {
					t.Fatalf("record %d: its items or data differ", i)
				}
				x, y := r, want
				x.Data, x.Extended, y.Data, y.Extended = nil, nil, nil, nil
				x.Raw, y.Raw, x.Counters, y.Counters = nil, nil, nil, nil
				if jx, jy := text(t, x), text(t, y); jx != jy {
					t.Fatalf("record %d:\n%s\n%s", i, jx, jy)
				}
				if known := live.Event(&r, &a); known != file.Event(&want, &b) {
					t.Fatalf("record %d is known live: %v", i, known)
				}
				x1, x2 := decode.AppendFields([]byte(a.Name), a.Values), decode.AppendFields([]byte(b.Name), b.Values)
				if !bytes.Equal(x1, x2) || a.Failure != b.Failure {
					t.Fatalf("record %d:\n%s %v\n%s %v", i, x1, a.Failure, x2, b.Failure)
				}
			}
		})
	}
}

func items(r *etl.Record) (list []string) {
	for i := range r.Items() {
		list = append(list, string(rune(i.Type))+string(i.Data))
	}
	return list
}

func text(t *testing.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestCapture: the rows of a live session are those of the recording of it, but for their
// source; requested and granted settings, and the final counts, are in the metadata.
func TestCapture(t *testing.T) {
	list, records := deliveries(t, demo(t))
	d := decode.New(decode.Options{Source: format.SourceETW})
	var want []format.Event
	crossed, superseded := map[ndis.Func]bool{}, uint64(0)
	for i := range records {
		var e format.Event
		if d.Decode(&records[i], &e) != decode.Row {
			continue
		}
		crossed[e.Function] = crossed[e.Function] || e.Phase != format.PhaseEvent
		if e.Source == format.SourceManifest && crossed[e.Function] {
			superseded++
			continue
		}
		want = append(want, e)
	}
	if len(want) < 100 {
		t.Fatalf("only %d rows", len(want))
	}
	f := newFake(list)
	c, err := open(Options{Name: "aftrace", Providers: profile(t), MaxBuffers: 200, FlushSec: 1}, f)
	if err != nil {
		t.Fatal(err)
	}
	got := all(t, c)
	if !slices.Equal(got, want) {
		t.Fatalf("%d rows, want %d, or they differ", len(got), len(want))
	}
	if len(f.enabled) != 2 || f.enabled[0].GUID != decode.NDIS || f.updated.MaxBuffers != 200 {
		t.Errorf("enabled %v, updated %+v", f.enabled, f.updated)
	}
	s := c.Summary()
	if s.Records != uint64(len(list)) || s.Rows != uint64(len(want)) || s.Superseded != superseded || s.Lossy() || s.Final == nil || len(s.Providers) == 0 || len(s.Warnings) > 0 {
		t.Errorf("%+v", s)
	}
	md := c.Metadata()
	var asked Request
	var granted host.Session
	if err := json.Unmarshal([]byte(md[format.MetaSessionRequested]), &asked); err != nil || asked.MaxBuffers != 200 || len(asked.Providers) != 3 {
		t.Errorf("%v %+v", err, asked)
	}
	if err := json.Unmarshal([]byte(md[format.MetaSessionGranted]), &granted); err != nil || granted.BufferKB != 64 || granted.Mode != host.ModeRealTime || granted.Buffers != 8 {
		t.Errorf("%v %+v", err, granted)
	}
	for _, k := range []string{format.MetaStarted, format.MetaEnded, format.MetaLostEvents, format.MetaLostBuffers, MetaSessionFinal, format.MetaHost} {
		if md[k] == "" {
			t.Errorf("no %s", k)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestSamplesThroughRun runs real recordings through all of a capture.
func TestSamplesThroughRun(t *testing.T) {
	for _, path := range samples(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			list, _ := deliveries(t, path)
			c, err := open(Options{Providers: profile(t)}, newFake(list))
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			w, err := format.NewWriter(&b, format.WriterOptions{Metadata: c.Metadata()})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := collect.Run(t.Context(), c, w, c.RunOptions()); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			s := c.Summary()
			n := uint64(0)
			for _, p := range s.Providers {
				n += p.Records
			}
			if s.Records != uint64(len(list)) || n != s.Records {
				t.Errorf("%d records, %d by provider, want %d", s.Records, n, len(list))
			}
		})
	}
}

// TestLosses: lost events and buffers become gap rows, once each, and are in the metadata; so
// are those that only the last statistics tell of.
func TestLosses(t *testing.T) {
	f := newFake(nil)
	f.hold = true
	f.counts.EventsLost = math.MaxUint32 - 1 // lost before us; the count wraps
	c, err := open(Options{Providers: profile(t), Poll: time.Millisecond}, f)
	if err != nil {
		t.Fatal(err)
	}
	f.lose(5, 0)
	var e format.Event
	if err := c.Next(t.Context(), &e); err != nil || e.Phase != format.PhaseGap || e.Lost != 5 || e.Source != format.SourceETW {
		t.Fatalf("%v %+v", err, e)
	}
	f.lose(0, 2)
	if err := c.Next(t.Context(), &e); err != nil || e.Has&format.HasLost != 0 || !strings.Contains(e.Detail, "2 buffers lost") || !strings.Contains(e.Detail, "since_ts") {
		t.Fatalf("%v %+v", err, e)
	}
	c.o.Poll = time.Hour
	f.lose(7, 0)
	c.Stop()
	rows := all(t, c)
	lost := uint64(0)
	for _, r := range rows {
		lost += r.Lost
	}
	s := c.Summary()
	if lost != 7 || s.EventsLost != 12 || s.BuffersLost != 2 || !s.Lossy() || s.Final == nil {
		t.Errorf("lost %d, %+v", lost, s)
	}
	if md := c.Metadata(); md[format.MetaLostEvents] != "12" || md[format.MetaLostBuffers] != "2" {
		t.Errorf("%v", md)
	}
	if s.Buffers != 8 || s.BuffersInUse != 3 {
		t.Errorf("%d of %d buffers", s.BuffersInUse, s.Buffers)
	}
}

// TestNotice: a notice of losses that no count shows is a gap of unknown size.
func TestNotice(t *testing.T) {
	f := newFake([]*delivery{newDelivery(&etl.Record{Kind: etl.KindEvent64, Provider: lostEvents, HasGUID: true, Time: 1e18, Opcode: 0x20})})
	c, err := open(Options{Providers: profile(t)}, f)
	if err != nil {
		t.Fatal(err)
	}
	rows := all(t, c)
	if len(rows) != 1 || rows[0].Phase != format.PhaseGap || rows[0].Has&format.HasLost != 0 {
		t.Errorf("%+v", rows)
	}
}

// TestUndecodable: an event of our provider that cannot be read is a gap of one.
func TestUndecodable(t *testing.T) {
	c, err := open(Options{Providers: profile(t)}, newFake([]*delivery{
		newDelivery(&etl.Record{Kind: etl.KindEvent64, Provider: decode.AfTrace, HasGUID: true, Time: 1e18, Data: []byte{1}}),
	}))
	if err != nil {
		t.Fatal(err)
	}
	rows := all(t, c)
	if len(rows) != 1 || rows[0].Phase != format.PhaseGap || rows[0].Lost != 1 || c.Summary().Undecodable != 1 {
		t.Errorf("%+v", rows)
	}
}

// TestEndedByAnother: a session that another program stops ends the capture in order, and says
// that its last losses are unknown.
func TestEndedByAnother(t *testing.T) {
	f := newFake(nil)
	f.hold = true
	c, err := open(Options{Providers: profile(t)}, f)
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.gone = true
	f.mu.Unlock()
	f.once.Do(func() { close(f.stop) })
	rows := all(t, c)
	if s := c.Summary(); len(rows) != 1 || rows[0].Phase != format.PhaseGap || s.Final != nil || !s.Lossy() {
		t.Errorf("%+v %+v", rows, s)
	}
}

func TestFailures(t *testing.T) {
	f := newFake(nil)
	f.refuse = &host.CallError{Call: "EnableTraceEx2", Code: 5}
	if _, err := open(Options{Providers: profile(t)}, f); !errors.Is(err, host.ErrPrivilege) {
		t.Errorf("%v", err)
	}
	select {
	case <-f.stop:
	default:
		t.Error("the session was left behind")
	}
	f = newFake(nil)
	f.failure = errBroken
	if _, err := open(Options{Providers: profile(t)}, f); !errors.Is(err, errBroken) {
		t.Errorf("%v", err)
	}
	select {
	case <-f.stop:
	default:
		t.Error("the session was left behind")
	}
	if _, err := Open(Options{}); !errors.Is(err, host.ErrUsage) {
		t.Errorf("%v", err)
	}
}

// TestStopAndCancel: Next returns when its context ends, and Stop and Close can be called at
// any time and more than once.
func TestStopAndCancel(t *testing.T) {
	f := newFake(nil)
	f.hold = true
	c, err := open(Options{Providers: profile(t)}, f)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var e format.Event
	if err := c.Next(ctx, &e); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	c.Stop()
	c.Stop()
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Error(err)
	}
	if err := c.Next(t.Context(), &e); err != io.EOF {
		t.Errorf("%v", err)
	}
}

// TestSlowReader: rows wait, none is dropped.
func TestSlowReader(t *testing.T) {
	list, _ := deliveries(t, demo(t))
	var many []*delivery
	for len(many) < maxQueued+1000 {
		many = append(many, list...)
	}
	c, err := open(Options{Providers: profile(t)}, newFake(many))
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Millisecond)
	if rows := all(t, c); uint64(len(rows)) != c.Summary().Rows {
		t.Errorf("%d rows of %d", len(rows), c.Summary().Rows)
	}
}

// TestNoAllocations: above the library's callback nothing is allocated for an event; the
// decoder, which is below, makes chunks for the details of rows.
func TestNoAllocations(t *testing.T) {
	list, records := deliveries(t, demo(t))
	d := decode.New(decode.Options{Source: format.SourceETW})
	var e format.Event
	decoding := func() {
		for i := range records {
			d.Decode(&records[i], &e)
		}
	}
	c := callback(t)
	var batch []format.Event
	delivering := func() {
		for _, d := range list {
			c.deliver(&d.ev)
		}
		batch, _ = c.q.take(t.Context(), batch)
	}
	for range 4 { // both sides of the queue have grown their memory
		decoding()
		delivering()
	}
	without, with := testing.AllocsPerRun(20, decoding), testing.AllocsPerRun(20, delivering)
	if with > without+float64(len(list))/20 { // a chunk more or less
		t.Errorf("%d events: %.1f allocations, the decoder alone makes %.1f", len(list), with, without)
	}
	// Events that are no rows.
	x := newDelivery(&etl.Record{Kind: etl.KindEvent64, Provider: etl.GUID{1}, HasGUID: true, ID: 7, Time: 1e18, Data: make([]byte, 64)})
	if n := testing.AllocsPerRun(1000, func() { c.deliver(&x.ev) }); n != 0 {
		t.Errorf("%v allocations for an event that is counted", n)
	}
}

// callback is a capture without a session.
func callback(t testing.TB) *Capture {
	c := &Capture{d: decode.New(decode.Options{Source: format.SourceETW})}
	c.q.init()
	return c
}

// BenchmarkDeliver is the callback: EVENT_RECORD to queued row.
func BenchmarkDeliver(b *testing.B) {
	list, _ := deliveries(b, demo(b))
	c := callback(b)
	var batch []format.Event
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.deliver(&list[i%len(list)].ev)
		if i&0xFFF == 0xFFF {
			batch, _ = c.q.take(b.Context(), batch)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mevents/s")
}

// BenchmarkDispatch is the callback for events that are only counted.
func BenchmarkDispatch(b *testing.B) {
	d := newDelivery(&etl.Record{Kind: etl.KindEvent64, Provider: etl.GUID{1}, HasGUID: true, ID: 7, Time: 1e18, Data: make([]byte, 64)})
	c := callback(b)
	b.ReportAllocs()
	for b.Loop() {
		c.deliver(&d.ev)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mevents/s")
}
