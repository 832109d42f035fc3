package etw

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/collect/rotate"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/internal/smalldisk"
)

// TestFullDisk: a live session whose trace fills the disk ends with the error, is stopped, and
// says how much it delivered; what was written can be read, as cut short.
func TestFullDisk(t *testing.T) {
	dir, ok := smalldisk.Dir(t, "4m")
	if !ok {
		return
	}
	list, _ := deliveries(t, demo(t))
	var many []*delivery
	for len(many) < 100_000 {
		many = append(many, list...)
	}
	f := newFake(many)
	f.hold = true
	c, err := open(Options{Providers: profile(t)}, f)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "t.arrow")
	w, err := rotate.New(rotate.Options{Output: out, Trace: format.WriterOptions{Metadata: c.Metadata()}})
	if err != nil {
		t.Fatal(err)
	}
	o := c.RunOptions()
	o.Window = 10 * time.Millisecond
	if _, err := collect.Run(t.Context(), c, w, o); !errors.Is(err, collect.ErrOutput) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := w.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-f.stop:
	default:
		t.Error("the session was left behind")
	}
	s := c.Summary()
	if s.Final == nil || s.Records != uint64(len(many)) || w.Kept() == 0 || w.Kept() >= s.Rows {
		t.Errorf("%d rows kept of %+v", w.Kept(), s)
	}
	if w.Unfinished() != out+"s" {
		t.Errorf("unfinished: %q", w.Unfinished())
	}
	r, err := format.Open(out+"s", format.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n := uint64(0)
	for {
		b, err := r.Next()
		if err != nil {
			break
		}
		n += uint64(b.N)
	}
	if n != w.Kept() || !r.Truncated() || r.Metadata()[format.MetaSessionGranted] == "" {
		t.Errorf("%d of %d rows, cut short %v, %v", n, w.Kept(), r.Truncated(), r.Metadata())
	}
}
