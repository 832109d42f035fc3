//go:build linux && amd64

package uprobe

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// BenchmarkProbe measures, in one run, what the probes of a call without pointers cost next
// to probes with an empty program at the same instruction, a nop, which the kernel emulates.
// The processor time of a program that does nothing but call is compared.
func BenchmarkProbe(b *testing.B) {
	needed(b)
	m, err := newMaps(1<<26, 64)
	if err != nil {
		b.Fatal(err)
	}
	defer m.close()
	l := windowsLayout(4)
	program := func(ins func() *ebpf.Program) *ebpf.Program { p := ins(); b.Cleanup(func() { p.Close() }); return p }
	empty := program(func() *ebpf.Program { p, err := load("empty", emptyProgram()); must(b, err); return p })
	enter := program(func() *ebpf.Program {
		p, err := load("enter", enterProgram(m, enterPlan(ndis.NdisClCloseAddressFamily, l)))
		must(b, err)
		return p
	})
	ret := program(func() *ebpf.Program {
		p, err := load("return", returnProgram(m, returnPlan(ndis.NdisClCloseAddressFamily, l)))
		must(b, err)
		return p
	})
	ring, err := ringbuf.NewReader(m.events)
	must(b, err)
	defer ring.Close()
	const calls = 100_000
	t, err := newToy(calls)
	must(b, err)
	defer t.file.Close()
	cost := func(enter, ret *ebpf.Program) float64 {
		done, err := t.attach(enter, ret)
		must(b, err)
		defer done()
		best := int64(0)
		for range 3 {
			ns, err := t.run(m)
			must(b, err)
			if best == 0 || ns < best {
				best = ns
			}
			var rec ringbuf.Record
			ring.SetDeadline(unixEpoch)
			for ring.ReadInto(&rec) == nil {
			}
		}
		return float64(best) / calls
	}
	for range b.N {
		none := cost(nil, nil)
		e, er := cost(empty, nil)-none, cost(empty, empty)-none
		f, fr := cost(enter, nil)-none, cost(enter, ret)-none
		b.ReportMetric(e, "ns/empty-entry")
		b.ReportMetric(er, "ns/empty-call")
		b.ReportMetric(f, "ns/entry")
		b.ReportMetric(fr, "ns/call")
		b.ReportMetric(f/e, "entry/empty")
		b.ReportMetric(fr/er, "call/empty")
	}
}

// BenchmarkDrain measures reading records out of the ring and making rows of them.
func BenchmarkDrain(b *testing.B) {
	needed(b)
	const calls = 150_000
	t, err := newToy(calls)
	must(b, err)
	defer t.file.Close()
	c := &Capture{labels: map[labelKey]string{}, procs: map[int]*process{}, ended: make(chan struct{}), warned: map[string]bool{}}
	close(c.ended)
	c.maps, err = newMaps(1<<27, 1024)
	must(b, err)
	defer c.maps.close()
	c.ring, err = ringbuf.NewReader(c.maps.events)
	must(b, err)
	defer c.ring.Close()
	c.dec.init(c)
	l := windowsLayout(4)
	f := ndis.NdisClCloseAddressFamily
	s := &site{obj: &object{}, funcs: []ndis.Func{f}, enter: enterPlan(f, l), ret: returnPlan(f, l)}
	c.sites = []*site{s}
	enter, err := load("enter", enterProgram(c.maps, s.enter))
	must(b, err)
	defer enter.Close()
	ret, err := load("return", returnProgram(c.maps, s.ret))
	must(b, err)
	defer ret.Close()
	done, err := t.attach(enter, ret)
	must(b, err)
	defer done()
	records, took := uint64(0), time.Duration(0)
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		if _, err := t.run(c.maps); err != nil {
			b.Fatal(err)
		}
		c.drained, c.dec.records = false, 0
		c.ring.SetDeadline(unixEpoch)
		b.StartTimer()
		begun := time.Now()
		var e format.Event
		for {
			err := c.Next(context.Background(), &e)
			if err == io.EOF {
				break
			}
			must(b, err)
		}
		took += time.Since(begun)
		if c.dec.records != 2*calls {
			b.Fatalf("%d records, want %d", c.dec.records, 2*calls)
		}
		records += c.dec.records
	}
	b.ReportMetric(float64(records)/took.Seconds(), "records/s")
}
