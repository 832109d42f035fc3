package etw

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"unsafe"

	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/collect/host"
)

// delivery is an EVENT_RECORD with what it points to.
type delivery struct {
	ev    eventRecord
	items []extendedItem
	data  [][]byte
}

// deliveries are the events of a recording as the system would deliver them live.
func deliveries(t testing.TB, path string) (list []*delivery, records []etl.Record) {
	t.Helper()
	f, err := etl.Open(path, etl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for r, err := range f.Records() {
		if err != nil {
			t.Fatal(err)
		}
		if r.Kind != etl.KindEvent32 && r.Kind != etl.KindEvent64 || r.Defect != "" {
			continue // kernel records of the log itself are not delivered as events with a provider
		}
		d := newDelivery(r)
		list = append(list, d)
		kept := *r
		kept.Data, kept.Extended, kept.Raw = append([]byte(nil), r.Data...), append([]byte(nil), r.Extended...), nil
		kept.Clock = kept.Time/100 + fileTimeEpoch
		kept.Time = (kept.Clock - fileTimeEpoch) * 100
		kept.Flags = d.ev.flags
		kept.Offset = 0
		records = append(records, kept)
	}
	return list, records
}

func newDelivery(r *etl.Record) *delivery {
	d := &delivery{}
	d.ev = eventRecord{
		flags: r.Flags, threadID: r.TID, processID: r.PID, timeStamp: r.Time/100 + fileTimeEpoch, provider: r.Provider, id: r.ID,
		version: r.Version, channel: r.Channel, level: r.Level, opcode: r.Opcode, task: r.Task, keyword: r.Keyword, activity: r.Activity,
		processorNumber: uint8(r.CPU), alignment: uint8(r.CPU >> 8), userDataLength: uint16(len(r.Data)),
	}
	d.ev.flags |= etl.FlagProcessorIndex
	if r.Kind == etl.KindEvent32 {
		d.ev.flags |= etl.Flag32BitHeader
	} else {
		d.ev.flags |= etl.Flag64BitHeader
	}
	keep := func(b []byte) unsafe.Pointer {
		if len(b) == 0 {
			return nil
		}
		b = append([]byte(nil), b...)
		d.data = append(d.data, b)
		return unsafe.Pointer(&b[0])
	}
	d.ev.userData = keep(r.Data)
	for item := range r.Items() {
		d.items = append(d.items, extendedItem{typ: item.Type, size: uint16(len(item.Data)), data: keep(item.Data)})
	}
	if n := len(d.items); n > 0 {
		d.ev.extended, d.ev.extendedCount = unsafe.Pointer(&d.items[0]), uint16(n)
	}
	return d
}

// fake is a session that delivers what it is given.
type fake struct {
	deliver []*delivery
	hold    bool  // ends only when stopped
	failure error // of Process

	mu      sync.Mutex
	counts  host.Session
	enabled []host.Provider
	refuse  error // of Enable
	gone    bool  // another program has ended it
	updated host.Settings
	stop    chan struct{}
	once    sync.Once
}

func newFake(d []*delivery) *fake {
	return &fake{deliver: d, stop: make(chan struct{}), counts: host.Session{
		Name: "aftrace", Mode: host.ModeRealTime, BufferKB: 64, MinBuffers: 4, MaxBuffers: 26, Buffers: 8, FreeBuffers: 5, FlushSec: 1, Clock: 1,
	}}
}

func (f *fake) Process(deliver func(*eventRecord)) error {
	if f.failure != nil {
		return f.failure
	}
	for _, d := range f.deliver {
		deliver(&d.ev)
	}
	if f.hold {
		<-f.stop
	}
	return nil
}

func (f *fake) Enable(p host.Provider) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.enabled = append(f.enabled, p)
	return f.refuse
}

func (f *fake) Query() (host.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone {
		return host.Session{}, &host.CallError{Call: "ControlTraceW", Object: "aftrace", Code: 4201}
	}
	return f.counts, nil
}

func (f *fake) Update(s host.Settings) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.updated, f.counts.MaxBuffers = s, s.MaxBuffers
	return nil
}

func (f *fake) Stop() (host.Session, error) {
	f.once.Do(func() { close(f.stop) })
	return f.Query()
}

func (f *fake) lose(events, buffers uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts.EventsLost += events
	f.counts.RealTimeBuffersLost += buffers
}

// demo is the recording of the repository.
func demo(t testing.TB) string {
	path := filepath.Join("..", "..", "testdata", "demo", "host.etl")
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// samples are real recordings, which are not part of the repository.
func samples(t testing.TB) []string {
	list, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "samples", "etl", "*.etl"))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Skip("../shared/samples/etl is not there")
	}
	return list
}

var errBroken = errors.New("broken")
