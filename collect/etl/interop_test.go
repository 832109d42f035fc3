package etl_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/collect/etl/etltest"
	"github.com/aftrace/aftrace/internal/interop"
)

func etlParser(t testing.TB) string {
	t.Helper()
	return interop.Python(t, "etltest/requirements.txt", "etl.etl")
}

// stderr is what a command that failed had to say.
func stderr(err error) string {
	var e *exec.ExitError
	if errors.As(err, &e) {
		return string(e.Stderr)
	}
	return ""
}

// theirs is a record as compare_etl_parser.py prints it. What it does not know is absent.
type theirs struct {
	Kind               string
	Provider, Activity *string
	ID                 uint16
	Version            *uint16
	Channel, Level     *uint8
	Opcode             *uint8
	Task               *uint16
	Keyword            *uint64
	Clock              *int64
	PID, TID           *uint32
	Items              []struct {
		Type uint16
		Data string
	}
	Data string
}

// differs names the first field in which the two readings of a record differ.
func (p *theirs) differs(r *etl.Record) string {
	items := 0
	for item := range r.Items() {
		if items >= len(p.Items) || p.Items[items].Type != item.Type || p.Items[items].Data != hex.EncodeToString(item.Data) {
			return "items"
		}
		items++
	}
	data := r.Data
	if len(r.Counters) > 0 {
		data = append(bytes.Clone(r.Counters), data...) // they take the counters for data
	}
	version := uint16(r.Version)
	if r.Kind == etl.KindPerfInfo32 || r.Kind == etl.KindPerfInfo64 {
		version = uint16(r.Raw[0]) | uint16(r.Raw[1])<<8
	}
	switch {
	case p.Kind != r.Kind.String():
		return "kind"
	case (p.Provider != nil) != r.HasGUID || r.HasGUID && *p.Provider != r.Provider.String():
		return "provider"
	case p.Activity != nil && *p.Activity != r.Activity.String():
		return "activity"
	case p.ID != r.ID:
		return "id"
	case p.Version != nil && *p.Version != version:
		return "version"
	case p.Channel != nil && *p.Channel != r.Channel:
		return "channel"
	case p.Level != nil && *p.Level != r.Level:
		return "level"
	case p.Opcode != nil && *p.Opcode != r.Opcode:
		return "opcode"
	case p.Task != nil && *p.Task != r.Task:
		return "task"
	case p.Keyword != nil && *p.Keyword != r.Keyword:
		return "keyword"
	case (p.Clock != nil) != r.HasClock || r.HasClock && *p.Clock != r.Clock:
		return "clock"
	case (p.PID != nil) != r.HasIDs || r.HasIDs && (*p.PID != r.PID || *p.TID != r.TID):
		return "process and thread"
	case items != len(p.Items):
		return "items"
	case p.Data != hex.EncodeToString(data):
		return "data"
	}
	return ""
}

// compare reads a file with both programs.
func compare(t *testing.T, python, path string) (records int) {
	t.Helper()
	out, err := exec.Command(python, "etltest/compare_etl_parser.py", path).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr(err))
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	f, err := etl.Open(path, etl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	walkAll(t, f, func(r *etl.Record) {
		if f.Buffer().Index == 0 {
			return
		}
		records++
		if !lines.Scan() {
			t.Fatalf("record %d at %d: etl-parser has no more", records, r.Offset)
		}
		var p theirs
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if d := p.differs(r); d != "" {
			t.Fatalf("record %d at %d: %s differs\nours   %+v\ntheirs %s", records, r.Offset, d, r, lines.Bytes())
		}
	})
	if lines.Scan() {
		t.Errorf("etl-parser has more records: %s", lines.Bytes())
	}
	return records
}

// The files that etltest writes are read alike by the Python package etl-parser.
func TestInteropWritten(t *testing.T) {
	python := etlParser(t)
	for i, o := range []etltest.Options{
		{BufferSize: 8192, CPUs: 3},
		{BufferSize: 8192, CPUs: 3, PointerSize: 4, Clock: etl.ClockSystem},
		{BufferSize: 4096, CPUs: 2, Clock: etl.ClockCPU, Shuffle: true, Seed: 3},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			w := etltest.New(o)
			fillKnown(w, rand.New(rand.NewPCG(uint64(i), 1)), 1000)
			path := filepath.Join(t.TempDir(), "a.etl")
			if err := w.WriteFile(path); err != nil {
				t.Fatal(err)
			}
			if n := compare(t, python, path); n != 1000 {
				t.Errorf("%d records", n)
			}
		})
	}
}

// fillKnown writes records of the kinds that etl-parser knows.
func fillKnown(w *etltest.Writer, rng *rand.Rand, n int) {
	o := w.Options()
	clock := o.StartClock
	for range n {
		clock += rng.Int64N(1000)
		cpu, width := rng.IntN(o.CPUs), []uint8{4, 8}[rng.IntN(2)]
		data := make([]byte, rng.IntN(200))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		var g etl.GUID
		for i := range g {
			g[i] = byte(rng.Uint32())
		}
		typ, group, tid, pid := uint8(rng.Uint32()), uint8(rng.IntN(0x1F)), rng.Uint32(), rng.Uint32()
		switch rng.IntN(6) {
		case 0:
			w.System(cpu, clock, etltest.SystemHeader{Pointer: width, Version: 2, Group: group, Type: typ, TID: tid, PID: pid, KernelTime: 3}, data)
		case 1:
			w.Compact(cpu, clock, etltest.SystemHeader{Pointer: width, Version: 2, Group: group, Type: typ, TID: tid, PID: pid}, data)
		case 2:
			h := etltest.PerfInfoHeader{Pointer: width, Version: 2, Group: group, Type: typ}
			if rng.IntN(2) == 0 {
				h.PEBS, h.Counters = new(uint64), []uint64{1, 2}
			}
			w.PerfInfo(cpu, clock, h, data)
		case 3:
			w.Full(cpu, clock, etltest.FullHeader{Pointer: width, Type: typ, Level: 3, Version: 4, TID: tid, PID: pid, Class: g}, data)
		case 4:
			w.Message(cpu, clock, etltest.MessageHeader{Number: 17, Flags: etl.MessageGUID | etl.MessageSystemInfo, GUID: g, TID: tid, PID: pid}, data)
		default:
			var ext []etl.ExtItem
			for range rng.IntN(4) {
				ext = append(ext, etl.ExtItem{Type: uint16(1 + rng.IntN(18)), Data: data[:rng.IntN(len(data)+1)]})
			}
			w.Event(cpu, clock, etltest.EventHeader{Pointer: width, TID: tid, PID: pid, Provider: g, ID: uint16(typ) * 100, Version: 3, Channel: 16,
				Level: 5, Opcode: 6, Task: 700, Keyword: rng.Uint64(), Activity: g}, ext, data)
		}
	}
}

// Real files are read alike too, where etl-parser can read them.
func TestInteropSamples(t *testing.T) {
	python := etlParser(t)
	for name, want := range map[string]int{"powershell.etl": 112, "primitive-types.etl": 5, "AMSITrace.etl": 19,
		"SIH.20230422.034724.362.1.etl": 10, "diaghub.user_paged.1.etl": 22034} {
		t.Run(name, func(t *testing.T) {
			if n := compare(t, python, samplePath(t, name)); n != want {
				t.Errorf("%d records, not %d", n, want)
			}
		})
	}
}
