package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/collect/etw"
	"github.com/aftrace/aftrace/collect/host"
)

// TestExitCodesOfTheHost: what a host refuses has its exit code.
func TestExitCodesOfTheHost(t *testing.T) {
	refused := func(code uint32) error { return &host.CallError{Call: "StartTraceW", Object: "aftrace", Code: code} }
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{host.ErrUsage, 2},
		{refused(5), 5},    // ERROR_ACCESS_DENIED
		{refused(1314), 5}, // ERROR_PRIVILEGE_NOT_HELD
		{refused(183), 5},  // ERROR_ALREADY_EXISTS
		{refused(4201), 5}, // ERROR_WMI_INSTANCE_NOT_FOUND
		{refused(1450), 5}, // ERROR_NO_SYSTEM_RESOURCES
		{refused(50), 5},   // ERROR_NOT_SUPPORTED
		{refused(112), 6},  // ERROR_DISK_FULL
		{refused(3), 6},    // ERROR_PATH_NOT_FOUND
		{refused(31), 6},   // another
		{fmt.Errorf("x: %w", errors.Join(refused(5), refused(4201))), 5},
	} {
		root := &cobra.Command{Use: "aftrace", RunE: func(*cobra.Command, []string) error { return hostExit(c.err) }}
		root.SetArgs([]string{})
		if got := cli.Main(root); got != c.want {
			t.Errorf("%v: exit %d, want %d", c.err, got, c.want)
		}
	}
}

type counts struct {
	events, lost   uint64
	inUse, buffers uint32
}

func (c counts) Counts() (events, lost uint64, inUse, buffers uint32) {
	return c.events, c.lost, c.inUse, c.buffers
}

func TestProgressLine(t *testing.T) {
	for want, c := range map[string]struct {
		counts
		size int64
	}{
		"3000 events, 1000/s, 7 lost, 3 of 8 buffers in use, 1.5 MB": {counts{3000, 7, 3, 8}, 3 << 19},
		"3000 events, 1000/s, 0 lost":                                {counts{events: 3000}, -1},
	} {
		if got := progressLine(c.counts, 1000, 2*time.Second, c.size); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// fakeSessions is a host with sessions of which some cannot be stopped.
type fakeSessions struct {
	host.Control
	there   map[string]bool
	flushed []string
	stuck   bool
}

func (f *fakeSessions) find(name string) (host.Session, error) {
	if !f.there[name] {
		return host.Session{}, &host.CallError{Call: "ControlTraceW", Object: name, Code: 4201}
	}
	return host.Session{Name: name, EventsLost: 5}, nil
}

func (f *fakeSessions) Query(name string) (host.Session, error) { return f.find(name) }
func (f *fakeSessions) Flush(name string) error                 { f.flushed = append(f.flushed, name); return nil }
func (f *fakeSessions) Stop(name string) (host.Session, error) {
	if f.stuck {
		return host.Session{}, &host.CallError{Call: "ControlTraceW", Object: name, Code: 5}
	}
	s, err := f.find(name)
	delete(f.there, name)
	return s, err
}

// TestStopSessions: the statistics of what was stopped are not lost to an error.
func TestStopSessions(t *testing.T) {
	f := &fakeSessions{there: map[string]bool{"aftrace": true, "aftrace-boot": true}}
	got, err := stopSessions(f, []string{"aftrace", "aftrace-gone", "aftrace-boot"}, true)
	if len(got) != 2 || got[0].EventsLost != 5 || got[1].Name != "aftrace-boot" || !errors.Is(err, host.ErrNotFound) || len(f.there) != 0 || len(f.flushed) != 2 {
		t.Errorf("%+v %v, flushed %v", got, err, f.flushed)
	}
}

// TestServiceTakesOver: the session that a crash of the service left does not keep it from
// starting; what cannot be stopped, and any other failure, does.
func TestServiceTakesOver(t *testing.T) {
	exists := &host.CallError{Call: "StartTraceW", Object: "aftrace-service", Code: 183}
	denied := &host.CallError{Call: "StartTraceW", Object: "aftrace-service", Code: 5}
	for name, c := range map[string]struct {
		there  map[string]bool
		open   []error // one call after the other
		stuck  bool
		want   error
		logged int
	}{
		"nothing there":       {open: []error{nil}},
		"left by a crash":     {there: map[string]bool{"aftrace-service": true}, open: []error{exists, nil}, logged: 1},
		"ended by itself":     {open: []error{exists, nil}},
		"there again":         {there: map[string]bool{"aftrace-service": true}, open: []error{exists, exists}, want: host.ErrExists, logged: 1},
		"it cannot be ended":  {there: map[string]bool{"aftrace-service": true}, open: []error{exists}, stuck: true, want: host.ErrPrivilege},
		"no privilege at all": {there: map[string]bool{"aftrace-service": true}, open: []error{denied}, want: host.ErrPrivilege},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeSessions{there: c.there, stuck: c.stuck}
			var log []error
			calls := 0
			_, err := openSession(f, etw.Options{Name: "aftrace-service"}, func(etw.Options) (*etw.Capture, error) {
				calls++
				return nil, c.open[calls-1]
			}, func(err error) { log = append(log, err) })
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) || calls != len(c.open) || len(log) != c.logged {
				t.Errorf("%v after %d calls, log %v", err, calls, log)
			}
		})
	}
}

func TestWritable(t *testing.T) {
	dir := t.TempDir()
	free, taken := filepath.Join(dir, "free.etl"), filepath.Join(dir, "taken.etl")
	if err := os.WriteFile(taken, []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(writable(free), writable(taken)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(free); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left behind: %v", err)
	}
	if b, err := os.ReadFile(taken); err != nil || string(b) != "x" {
		t.Errorf("%q %v", b, err)
	}
	if writable(filepath.Join(dir, "no", "out.etl")) == nil || writable(filepath.Join(dir, strings.Repeat("x", 300)+".etl")) == nil {
		t.Error("no error")
	}
}
