package ring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/internal/smalldisk"
)

// source delivers rows that are asked for.
type source struct {
	rows chan format.Event
	once sync.Once
}

func (s *source) Next(ctx context.Context, e *format.Event) error {
	select {
	case r, ok := <-s.rows:
		if !ok {
			return io.EOF
		}
		*e = r
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
func (s *source) Close() error              { return nil }
func (s *source) Stop()                     { s.once.Do(func() { close(s.rows) }) }
func (s *source) Metadata() format.Metadata { return format.Metadata{format.MetaHost: "h"} }
func (s *source) RunOptions() collect.RunOptions {
	return collect.RunOptions{Window: time.Millisecond, Flush: time.Millisecond}
}

func (s *source) put(from, n int) {
	for i := from; i < from+n; i++ {
		s.rows <- format.Event{
			TS: int64(i), Phase: format.PhaseEnter, Function: ndis.ProtocolCmOpenAf, Source: format.SourceETW,
			CallID: uint64(i), Detail: `{"k":"` + strings.Repeat("x", 500) + `"}`, Has: format.HasCallID | format.HasDetail,
		}
	}
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}
func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestRing: the ring keeps its size, dumps are whole traces, too many are refused, and the
// stop finishes the last trace.
func TestRing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ring")
	s := &source{rows: make(chan format.Event)}
	stop, dump := make(chan struct{}), make(chan time.Time)
	var log buffer
	type result struct {
		sum collect.RunSummary
		err error
	}
	done := make(chan result, 1)
	o := Options{Dir: dir, Size: MinSize, Dumps: 1, Log: &log}
	go func() {
		sum, err := Run(s, o, stop, dump)
		done <- result{sum, err}
	}()
	wait := func(text string) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !strings.Contains(log.String(), text); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("no %q in\n%s", text, log.String())
			}
		}
	}
	s.put(1, 4000)
	// Rows are held for a moment to be put in order: a part is whole when some are written.
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if files, _ := filepath.Glob(filepath.Join(dir, "ring-*.arrow")); len(files) > 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no part was written")
		}
	}
	dump <- time.Unix(0, 0)
	wait("dump into")
	s.put(4001, 100)
	dump <- time.Unix(1, 0)
	wait("dump refused: 1 dumps are in")
	close(stop)
	r := <-done
	if r.err != nil || r.sum.Events != 4100 {
		t.Fatalf("%+v", r)
	}
	var ring int64
	for _, pattern := range []string{"ring-*.arrow", "dump-*/ring-*.arrow"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, f := range files {
			tr, err := format.Open(f, format.ReaderOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for err == nil {
				_, err = tr.Next()
			}
			if err != io.EOF || tr.Truncated() || tr.Metadata()[format.MetaHost] != "h" {
				t.Errorf("%s: %v", f, err)
			}
			tr.Close()
			if st, err := os.Stat(f); err == nil && pattern[0] == 'r' {
				ring += st.Size()
			}
		}
	}
	if ring > o.Size {
		t.Errorf("the ring has %d bytes", ring)
	}
	wait("ended, 4100 events")
}

func TestFailures(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for i, o := range []Options{{}, {Dir: file}, {Dir: t.TempDir(), Size: 1}, {Dir: t.TempDir(), Dumps: -1}} {
		if _, err := Run(&source{rows: make(chan format.Event)}, o, nil, nil); err == nil {
			t.Error(i, "no error")
		}
	}
	s := &broken{source{rows: make(chan format.Event)}}
	if _, err := Run(s, Options{Dir: t.TempDir()}, nil, nil); !errors.Is(err, errBroken) {
		t.Errorf("%v", err)
	}
}

// TestFullDisk: others fill the disk. The ring ends with the error and says what it has, nothing of
// it is larger than it may be, and a later Run goes on with it when there is room.
func TestFullDisk(t *testing.T) {
	disk, ok := smalldisk.Dir(t, "2m")
	if !ok {
		return
	}
	dir, others := filepath.Join(disk, "ring"), filepath.Join(disk, "others")
	if err := os.WriteFile(others, make([]byte, 3<<19), 0o666); err != nil {
		t.Fatal(err)
	}
	run := func(rows int, log *buffer) error {
		s := &source{rows: make(chan format.Event, rows)}
		s.put(1, rows)
		s.Stop()
		_, err := Run(s, Options{Dir: dir, Size: MinSize, Log: log}, nil, nil)
		return err
	}
	var log buffer
	if err := run(4000, &log); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	for _, want := range []string{"ended after ", "no space left on device", "has all of it"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %q in\n%s", want, log.String())
		}
	}
	if n := strings.Count(log.String(), "no space left on device"); n != 1 {
		t.Errorf("told %d times:\n%s", n, log.String())
	}
	size := func() (n int64) {
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, f := range files {
			if st, err := os.Stat(f); err == nil {
				n += st.Size()
			}
		}
		return n
	}
	if n := size(); n > MinSize {
		t.Errorf("the ring has %d bytes", n)
	}
	if err := os.Remove(others); err != nil {
		t.Fatal(err)
	}
	if err := run(4000, &log); err != nil || size() > MinSize {
		t.Errorf("%v, the ring has %d bytes", err, size())
	}
}

var errBroken = fmt.Errorf("broken")

type broken struct{ source }

func (*broken) Next(context.Context, *format.Event) error { return errBroken }
