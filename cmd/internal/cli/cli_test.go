package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// piped makes a pipe standard input for the test and returns the end to write to.
func piped(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stdin
	os.Stdin = r
	t.Cleanup(func() { os.Stdin = old; w.Close(); r.Close() })
	return w
}

func TestStdin(t *testing.T) {
	w := piped(t)
	rng := rand.New(rand.NewPCG(1, 2))
	want := make([]byte, 3<<20)
	for i := range want {
		want[i] = byte(rng.Uint32())
	}
	go func() {
		for rest := want; len(rest) > 0; {
			n := min(len(rest), 1+rng.IntN(1<<17))
			w.Write(rest[:n])
			rest = rest[n:]
		}
		w.Close()
	}()
	in := Stdin(context.Background())
	got, err := io.ReadAll(in)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v, %d of %d bytes", err, len(got), len(want))
	}
	if _, err := in.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
}

func TestStdinInterrupted(t *testing.T) {
	w := piped(t)
	ctx, cancel := context.WithCancel(context.Background())
	in := Stdin(ctx)
	fmt.Fprint(w, "abc")
	b := make([]byte, 10)
	if n, err := in.Read(b); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	time.AfterFunc(10*time.Millisecond, cancel)
	for range 2 {
		if n, err := in.Read(b); n != 0 || !errors.Is(err, context.Canceled) {
			t.Fatal(n, err)
		}
	}
}

func TestSpool(t *testing.T) {
	w := piped(t)
	fmt.Fprint(w, "hello")
	w.Close()
	path, done, err := Spool(context.Background(), "-")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "hello" {
		t.Errorf("%q, %v", b, err)
	}
	done()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("the copy is still there")
	}
}

func TestExitCodes(t *testing.T) {
	for _, test := range []struct {
		name string
		run  func(*cobra.Command, []string) error
		want int
	}{
		{"done", func(*cobra.Command, []string) error { return nil }, OK},
		{"own code", func(*cobra.Command, []string) error { return Exit(Violations, nil) }, Violations},
		{"own code with a message", func(*cobra.Command, []string) error { return Exit(Unreadable, errors.New("x")) }, Unreadable},
		{"wrapped", func(*cobra.Command, []string) error { return fmt.Errorf("y: %w", Exit(Inconclusive, errors.New("x"))) }, Inconclusive},
		{"no code", func(*cobra.Command, []string) error { return errors.New("x") }, Usage},
		{"not written", func(*cobra.Command, []string) error { return NotWritten(io.ErrShortWrite) }, Internal},
		{"not written with a code", func(*cobra.Command, []string) error { return NotWritten(Exit(Unreadable, io.ErrUnexpectedEOF)) }, Unreadable},
		{"panic", func(*cobra.Command, []string) error { panic("x") }, Internal},
	} {
		cmd := &cobra.Command{Use: "test", RunE: test.run}
		cmd.SetArgs([]string{})
		if got := Main(cmd); got != test.want {
			t.Errorf("%s: exit code %d, want %d", test.name, got, test.want)
		}
	}
}

func TestMessage(t *testing.T) {
	err := NotWritten(errors.New("format: a\x1b[31mb\nc"))
	if got, want := message(err), "output not written: a\\x1b[31mb\nc"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := message(errors.New("a\n::error::b\n ##[error]c\nd")), "a\n\\x3a:error::b\n \\x23#[error]c\nd"; got != want {
		t.Errorf("commands of CI runners: %q, want %q", got, want)
	}
	if got := message(errors.New("collect: x: format: y")); got != "x: format: y" {
		t.Errorf("%q", got)
	}
}

func TestTotalSize(t *testing.T) {
	dir := t.TempDir()
	a := filepath.Join(dir, "a")
	if err := os.WriteFile(a, make([]byte, 7), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		paths []string
		want  int64
	}{{nil, 0}, {[]string{a}, 7}, {[]string{a, a}, 14}, {[]string{a, dir}, 0}, {[]string{a, "-"}, 0}} {
		if got := TotalSize(test.paths); got != test.want {
			t.Errorf("%v: %d, want %d", test.paths, got, test.want)
		}
	}
}
