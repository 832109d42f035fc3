package etl_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aftrace/aftrace/collect/etl"
)

// samples is where recordings of real sessions lie, beside the repository.
const samples = "../../../shared/samples/etl"

func samplePath(t testing.TB, name string) string {
	t.Helper()
	p := filepath.Join(samples, name)
	if _, err := os.Stat(p); err != nil {
		t.Skipf("no recordings of real sessions here: %v", err)
	}
	return p
}

// walkAll reads f to its end and checks that everything adds up.
func walkAll(t testing.TB, f *etl.File, each func(*etl.Record)) etl.Stats {
	t.Helper()
	var kinds [etl.NumKinds]uint64
	var records uint64
	for r, err := range f.Records() {
		if err != nil {
			t.Fatal(err)
		}
		kinds[r.Kind]++
		records++
		if each != nil {
			each(r)
		}
	}
	s := f.Stats()
	if !s.Complete {
		t.Error("the walk is not complete")
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	if s.Bytes.File != f.Size() {
		t.Errorf("accounted for a file of %d bytes, it has %d", s.Bytes.File, f.Size())
	}
	kinds[etl.KindUnknown] = s.Unknown
	if kinds != s.Kinds || records != s.Records {
		t.Errorf("delivered %v, counted %v", kinds, s.Kinds)
	}
	return s
}

func TestSamples(t *testing.T) {
	tests := []struct {
		name       string
		kinds      map[etl.Kind]uint64
		providers  int
		buffers    uint64
		compressed uint64
		build      uint32
		pointer    uint8
		freq       int64
		version    string
		lost       uint32
		logger     string
		start      string
	}{
		{"powershell.etl", map[etl.Kind]uint64{etl.KindEvent64: 112, etl.KindSystem64: 2}, 1, 26, 0, 22623, 8, 1e7,
			"10.0.1.5", 0, "usermode_trace", "2023-03-29T15:12:38.0175449Z"},
		{"primitive-types.etl", map[etl.Kind]uint64{etl.KindEvent64: 5, etl.KindSystem64: 2}, 1, 2, 0, 19043, 8, 1e7,
			"10.0.1.5", 0, "solar_system", "2021-09-09T14:59:32.857851Z"},
		{"SelfDescribingSingleEvent.etl", map[etl.Kind]uint64{etl.KindEvent64: 1, etl.KindSystem64: 4, etl.KindFull64: 18}, 3, 3, 2,
			22000, 8, 1e7, "10.0.2.0", 0, "Relogger", "2022-04-20T21:27:15.2722435Z"},
		{"smallEtlFile.etl", map[etl.Kind]uint64{etl.KindEvent32: 1, etl.KindSystem32: 1}, 1, 2, 1, 10586, 4, 3117777,
			"10.0.2.0", 0, "PerfWatsonGCHeapETLSession688", "2016-08-17T23:30:22.0379266Z"},
		{"diaghub.user_paged.1.etl", map[etl.Kind]uint64{etl.KindEvent64: 22034, etl.KindSystem64: 1}, 4, 139, 0, 19041, 8, 1e7,
			"10.0.1.5", 0, "", "2020-09-14T22:49:57.4145474Z"},
		{"AMSITrace.etl", map[etl.Kind]uint64{etl.KindEvent64: 19, etl.KindSystem64: 2}, 1, 6, 0, 18362, 8, 1e7,
			"10.0.1.5", 3, "AMSITraceSession", "2020-02-17T12:48:30.4203138Z"},
		{"SIH.20230422.034724.362.1.etl", map[etl.Kind]uint64{etl.KindEvent64: 10, etl.KindSystem64: 2}, 1, 2, 0, 22621, 8, 1e7,
			"10.0.1.5", 0, "SIH_trace_log", "2023-04-22T10:47:24.3632943Z"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f, err := etl.Open(samplePath(t, test.name), etl.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			h := f.Header()
			start, err := time.Parse(time.RFC3339Nano, test.start)
			if err != nil {
				t.Fatal(err)
			}
			if h.OSBuild != test.build || h.PointerSize != test.pointer || h.PerfFreq != test.freq ||
				h.VersionString() != test.version || h.EventsLost != test.lost || h.LoggerName != test.logger ||
				!h.Start.Equal(start) || h.Clock != etl.ClockQPC || !h.ClockKnown {
				t.Errorf("header %+v", h)
			}
			s := walkAll(t, f, func(r *etl.Record) {
				at := time.Unix(0, r.Time)
				if at.Before(h.Start.Add(-time.Hour)) || at.After(h.Start.Add(time.Hour)) {
					t.Errorf("record at %d has the time %v, the session started %v", r.Offset, at, h.Start)
				}
				if r.Defect != "" {
					t.Errorf("record at %d: %s", r.Offset, r.Defect)
				}
				if !r.HasClock || r.Pointer != test.pointer {
					t.Errorf("record at %d: clock %v, pointer %d", r.Offset, r.HasClock, r.Pointer)
				}
			})
			for k := etl.Kind(0); k < etl.NumKinds; k++ {
				if s.Kinds[k] != test.kinds[k] {
					t.Errorf("%v: %d records, not %d", k, s.Kinds[k], test.kinds[k])
				}
			}
			if s.Unknown != 0 || s.Truncated || s.Bytes.Undecodable != 0 || s.Decoded.Undecodable != 0 || s.Bytes.Trailing != 0 {
				t.Errorf("not understood: %+v", s)
			}
			if s.Buffers != test.buffers || s.CompressedBuffers != test.compressed || len(s.Providers) != test.providers {
				t.Errorf("%d buffers, %d compressed, %d providers", s.Buffers, s.CompressedBuffers, len(s.Providers))
			}
			if s.Lossless() != (test.lost == 0) {
				t.Error("lossless:", s.Lossless())
			}
		})
	}
}

// The events of a real file, picked from all over it, in detail.
func TestSampleDetails(t *testing.T) {
	f, err := etl.Open(samplePath(t, "diaghub.user_paged.1.etl"), etl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	runtime := mustGUID(t, "e13c0d23-ccbc-4e12-931b-d9cc2eee27e4")
	items := map[uint16]int{}
	schema := 0
	s := walkAll(t, f, func(r *etl.Record) {
		if len(r.Raw) == 0 || r.Kind == etl.KindEvent64 && 80+len(r.Extended)+len(r.Data) != len(r.Raw) {
			t.Fatalf("record at %d: %d bytes are not %d+%d+header", r.Offset, len(r.Raw), len(r.Extended), len(r.Data))
		}
		for item := range r.Items() {
			items[item.Type]++
		}
		if _, ok := r.Item(etl.ExtSchemaTL); ok {
			schema++
		}
	})
	if n := s.Providers[runtime]; n != 21757 {
		t.Errorf("%d events of the .NET runtime, not 21757", n)
	}
	if schema != 256 || items[etl.ExtSchemaTL] != 256 {
		t.Errorf("%d self-describing events, not 256: %v", schema, items)
	}
	if items[etl.ExtStack64] == 0 || items[etl.ExtRelatedActivity] == 0 {
		t.Errorf("no stacks or related activities: %v", items)
	}
}

func mustGUID(t testing.TB, s string) etl.GUID {
	t.Helper()
	g, err := etl.ParseGUID(s)
	if err != nil {
		t.Fatal(err)
	}
	return g
}
