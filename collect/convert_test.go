package collect_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/collect/decode/aftracetest"
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
