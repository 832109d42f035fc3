// Package ring keeps the last of a live capture in a folder, and puts it aside on demand: what
// the service does.
package ring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/collect/rotate"
	"github.com/aftrace/aftrace/format"
)

// Source is a live capture.
type Source interface {
	collect.Source
	Stop()
	Metadata() format.Metadata
	RunOptions() collect.RunOptions
}

// Options says what to keep. Dir must be set.
type Options struct {
	Dir   string // is made, if it is not there
	Size  int64  // bytes of the ring (default 256 MiB)
	Dumps int    // that may be there; further ones are refused (default 8)
	Trace format.WriterOptions
	// Log gets a line for what happens. It may be nil.
	Log io.Writer
}

const (
	parts        = 16 // of a ring
	defaultSize  = 256 << 20
	defaultDumps = 8
	dumpPrefix   = "dump-"
)

// MinSize is the smallest ring.
const MinSize = rotate.MinPart * rotate.MinParts

// Check refuses what Run would refuse.
func (o *Options) Check() error {
	if o.Size == 0 {
		o.Size = defaultSize
	}
	if o.Dumps == 0 {
		o.Dumps = defaultDumps
	}
	switch {
	case o.Dir == "":
		return errors.New("the folder of the ring is missing")
	case o.Size < MinSize:
		return fmt.Errorf("a ring of %d bytes: want at least %d", o.Size, MinSize)
	case o.Dumps < 1:
		return fmt.Errorf("%d dumps: want at least 1", o.Dumps)
	}
	return nil
}

// Run writes what src delivers into the ring until stop is closed or src ends. For each time
// that comes from dump it moves the ring into a new folder of Dir. The trace that is written
// last is whole when Run returns without an error. A ring that an earlier Run left is gone on with.
//
// The error is that of Options.Check or of the folder, before anything was read; else that of src,
// or that of writing, which wraps collect.ErrOutput where a row could not be written. That src
// ended or was stopped is none, nor is a dump that failed: Options.Log says so.
func Run(src Source, o Options, stop <-chan struct{}, dump <-chan time.Time) (collect.RunSummary, error) {
	if err := o.Check(); err != nil {
		return collect.RunSummary{}, err
	}
	if err := os.MkdirAll(o.Dir, 0o777); err != nil {
		return collect.RunSummary{}, err
	}
	log := func(format string, args ...any) {
		if o.Log != nil {
			fmt.Fprintf(o.Log, "%s "+format+"\n", append([]any{time.Now().UTC().Format(time.RFC3339)}, args...)...)
		}
	}
	t := o.Trace
	t.Metadata = src.Metadata()
	for k, v := range o.Trace.Metadata {
		t.Metadata[k] = v
	}
	w, err := rotate.New(rotate.Options{
		Output: filepath.Join(o.Dir, "ring.arrow"), Part: max(o.Size/parts, rotate.MinPart), Total: o.Size, Ring: true, Adopt: true, Trace: t,
	})
	if err != nil {
		return collect.RunSummary{}, err
	}
	log("began, a ring of %d bytes in %s", o.Size, o.Dir)
	ended, quit := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-quit:
				return
			case <-stop:
				src.Stop()
				stop = nil // a nil channel is never ready
			case at := <-dump:
				to, err := dumpFolder(o.Dir, at, o.Dumps)
				if err != nil {
					log("dump refused: %v", err)
					continue
				}
				done := make(chan rotate.DumpResult, 1)
				w.RequestDump(to, done)
				var got rotate.DumpResult
				select {
				case got = <-done:
				case <-quit:
					got = <-done // Close answers what is left
				}
				if got.Err != nil {
					log("dump into %s: %d parts moved, then: %v", to, len(got.Parts), got.Err)
				} else {
					log("dump into %s: %d parts", to, len(got.Parts))
				}
			}
		}
	}()
	ro := src.RunOptions()
	ro.Flush = time.Second
	sum, runErr := collect.Run(context.Background(), src, w, ro)
	for k, v := range src.Metadata() {
		w.SetMetadata(k, v)
	}
	closeErr := w.Close()
	close(quit)
	<-ended
	err = runErr
	if !errors.Is(runErr, closeErr) {
		err = errors.Join(runErr, closeErr)
	}
	if err != nil {
		log("ended after %d events written: %v", w.Kept(), err)
		if path := w.Unfinished(); path != "" {
			log("%s is cut short, but can be replayed", path)
		}
	} else {
		log("ended, %d events, %d gaps", sum.Events-sum.Gaps, sum.Gaps)
	}
	return sum, err
}

// dumpFolder is where a dump goes. What people keep is never removed: too many dumps are
// refused.
func dumpFolder(dir string, at time.Time, most int) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	n := 0
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), dumpPrefix) {
			n++
		}
	}
	if n >= most {
		return "", fmt.Errorf("%d dumps are in %s: move or remove one", n, dir)
	}
	return filepath.Join(dir, dumpPrefix+at.UTC().Format("20060102T150405.000Z")), nil
}
