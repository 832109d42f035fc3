package execute_test

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/aftrace/aftrace/analysis/execute"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay/gen"
)

// recording writes a legal history of many batches.
func recording(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	w, err := format.Create(path, format.WriterOptions{BatchRows: 512})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gen.Generate(gen.Options{Seed: 3, Events: 5000, Profile: "wan", Adapters: 2, Emit: w.WriteBatch}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// spoil gives a message in the middle of a trace an impossible length.
func spoil(t *testing.T, raw []byte) {
	t.Helper()
	for i := len(raw) / 2 / 8 * 8; i+8 < len(raw); i += 8 {
		if n := binary.LittleEndian.Uint32(raw[i+4:]); binary.LittleEndian.Uint32(raw[i:]) == 0xffffffff && n > 64 && n < 1<<16 && n%8 == 0 {
			binary.LittleEndian.PutUint32(raw[i+4:], 0x7ffffff8)
			return
		}
	}
	t.Fatal("no message found")
}

// outcome executes the trace in a file, and says what the trace that comes out says of itself.
func outcome(t *testing.T, in, out string) (s *execute.Summary, truncated bool, rows int, err error) {
	t.Helper()
	r, err := format.Open(in, format.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s, err = execute.Trace(t.Context(), r, out, execute.Options{})
	o, oerr := format.Open(out, format.ReaderOptions{})
	if oerr != nil {
		t.Fatal(oerr)
	}
	defer o.Close()
	for {
		b, err := o.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		rows += b.N
	}
	return s, o.Truncated(), rows, err
}

// TestCutRecording: what is executed of a recording that is cut short or damaged is written, and says
// that it is cut short.
func TestCutRecording(t *testing.T) {
	for _, name := range []string{"whole.arrow", "whole.arrows"} {
		for _, ext := range []string{".arrow", ".arrows"} {
			t.Run(name+ext, func(t *testing.T) {
				whole := recording(t, name)
				dir := t.TempDir()
				s, truncated, rows, err := outcome(t, whole, filepath.Join(dir, "out"+ext))
				if err != nil || truncated || !s.Complete() || rows != int(s.Stats.Rows) {
					t.Fatalf("whole: %v, truncated %v, %d rows, %+v", err, truncated, rows, s.Stats)
				}
				raw, err := os.ReadFile(whole)
				if err != nil {
					t.Fatal(err)
				}
				cut := filepath.Join(dir, "cut"+filepath.Ext(name))
				if err := os.WriteFile(cut, raw[:len(raw)/2], 0o644); err != nil {
					t.Fatal(err)
				}
				s, truncated, rows, err = outcome(t, cut, filepath.Join(dir, "cut-out"+ext))
				if err != nil || !truncated || !s.Truncated || rows == 0 {
					t.Errorf("cut: %v, truncated %v, %d rows", err, truncated, rows)
				}
				spoil(t, raw)
				bad := filepath.Join(dir, "bad"+filepath.Ext(name))
				if err := os.WriteFile(bad, raw, 0o644); err != nil {
					t.Fatal(err)
				}
				_, truncated, rows, err = outcome(t, bad, filepath.Join(dir, "bad-out"+ext))
				var input *execute.InputError
				if !errors.As(err, &input) || !truncated {
					t.Errorf("damaged: %v, truncated %v, %d rows", err, truncated, rows)
				}
			})
		}
	}
}
