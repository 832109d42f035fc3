package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/internal/smalldisk"
)

// endless is a recording that goes on until it is stopped.
type endless struct{ rows, stopped atomic.Uint64 }

func (r *endless) Next(ctx context.Context, e *format.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.stopped.Load() > 0 {
		return io.EOF
	}
	n := r.rows.Add(1)
	*e = format.Event{TS: int64(n), Function: ndis.ProtocolCmOpenAf, Source: format.SourceETW, CallID: n, Has: format.HasCallID}
	return nil
}

func (r *endless) Stop()                     { r.stopped.Store(1) }
func (r *endless) Close() error              { r.Stop(); return nil }
func (r *endless) Metadata() format.Metadata { return format.Metadata{} }
func (r *endless) RunOptions() collect.RunOptions {
	return collect.RunOptions{Window: 1, MaxHeld: 1000}
}
func (r *endless) Report() captureReport { return captureReport{Source: "test", Rows: r.rows.Load()} }

// TestCaptureOnAFullDisk: exit code 6, and the message says what there is and what is lost.
func TestCaptureOnAFullDisk(t *testing.T) {
	dir, ok := smalldisk.Dir(t, "8m")
	if !ok {
		return
	}
	rec := &endless{}
	registerSource(&captureSource{name: "test", open: func(context.Context, *captureFlags, []string) (recording, error) { return rec, nil }})
	out := filepath.Join(dir, "t.arrow")
	f := captureFlags{output: out, source: "test", quiet: true, maxSize: "1G"}
	var err error
	cmd := &cobra.Command{Use: "aftrace", RunE: func(cmd *cobra.Command, _ []string) error {
		err = f.run(cmd.Context(), nil)
		return err
	}}
	cmd.SetArgs([]string{})
	if code := cli.Main(cmd); code != 6 || !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(code, err)
	}
	m := regexp.MustCompile(`^output not written: .*t\.arrows: no space left on device \(([0-9,]+) events written until then; ` +
		regexp.QuoteMeta(out) + `s is cut short, but can be replayed; ([0-9,]+) events after them lost\)$`).FindStringSubmatch(err.Error())
	if m == nil {
		t.Fatalf("%q", err)
	}
	kept, _ := strconv.ParseUint(m[1], 10, 64)
	lost, _ := strconv.ParseUint(m[2], 10, 64)
	if kept == 0 || kept+lost != rec.rows.Load() {
		t.Errorf("%d kept and %d lost of %d", kept, lost, rec.rows.Load())
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
	if n != kept || !r.Truncated() {
		t.Errorf("%d rows in the stream, cut short: %v", n, r.Truncated())
	}
}
