package check

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// trace writes a trace of n empty calls and gap rows of the given sizes; a size of -1 is
// not known.
func trace(t *testing.T, md format.Metadata, n int, gaps ...int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := format.NewWriter(&b, format.WriterOptions{Metadata: md, BatchRows: 10})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		e := format.Event{Seq: uint64(i), Phase: format.PhaseEvent, Function: ndis.NdisCoCreateVc}
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
	}
	for i, size := range gaps {
		e := format.Event{Seq: uint64(n + i), Phase: format.PhaseGap}
		if size >= 0 {
			e.Lost, e.Has = uint64(size), format.HasLost
		}
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestLossesAreCountedOnce(t *testing.T) {
	for _, test := range []struct {
		name            string
		events, buffers string // metadata
		gaps            []int
		want            uint64
	}{
		{"none", "0", "0", nil, 0},
		{"not recorded", "", "", nil, 0},
		{"in the metadata only", "12", "0", nil, 12},
		{"placed by gap rows", "12", "0", []int{5, 7}, 12},
		{"placed in part", "12", "0", []int{5}, 12},
		{"more in gap rows", "1", "0", []int{5}, 5},
		{"a gap row of unknown size may be all of it", "12", "0", []int{-1}, 1},
		{"buffers without a place", "0", "2", nil, 1},
		{"buffers with a place", "0", "2", []int{-1}, 1},
		{"not a number", "many", "0", nil, 0},
	} {
		md := format.Metadata{}
		if test.events != "" {
			md[format.MetaLostEvents], md[format.MetaLostBuffers] = test.events, test.buffers
		}
		got, err := Read(context.Background(), bytes.NewReader(trace(t, md, 3, test.gaps...)), "t", Options{})
		if err != nil || got.Err != nil {
			t.Fatalf("%s: %v, %v", test.name, err, got.Err)
		}
		if got.Result.Lost != test.want {
			t.Errorf("%s: %d lost, want %d", test.name, got.Result.Lost, test.want)
		}
	}
}

// TestDamage: what comes before the damage is replayed, the trace is unreadable.
func TestDamage(t *testing.T) {
	b := trace(t, nil, 100)
	b = bytes.Clone(b)
	end := len(b) - len("\xff\xff\xff\xff\x00\x00\x00\x00")
	copy(b[end-40:end], bytes.Repeat([]byte{0xee}, 40))
	copy(b[end:], "\x10\x20\x30\x40\x50\x60\x70\x71")
	got, err := Read(context.Background(), bytes.NewReader(b), "damaged", Options{})
	if err != nil {
		t.Fatal(err)
	}
	var refused *format.Error
	if !errors.As(got.Err, &refused) || got.Result == nil || got.Result.Events < 50 {
		t.Errorf("error %v, result %+v", got.Err, got.Result)
	}
}

func TestCut(t *testing.T) {
	b := trace(t, nil, 100)
	got, err := Read(context.Background(), bytes.NewReader(b[:len(b)-8]), "cut", Options{})
	if err != nil || got.Err != nil {
		t.Fatal(err, got.Err)
	}
	if got.Result.Verdict != replay.Inconclusive || !strings.Contains(strings.Join(got.Result.Reasons, "; "), "cut short") {
		t.Errorf("%v: %v", got.Result.Verdict, got.Result.Reasons)
	}
}

func TestNoTrace(t *testing.T) {
	got, err := Trace(context.Background(), filepath.Join(t.TempDir(), "missing.arrow"), Options{})
	if err != nil || got.Err == nil || got.Result != nil || !errors.Is(got.Err, os.ErrNotExist) {
		t.Errorf("%v, %+v", err, got)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	batches := 0
	_, err := Read(ctx, bytes.NewReader(trace(t, nil, 1000)), "t", Options{Progress: func(rows uint64, at int64) {
		if batches++; batches == 3 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || batches != 3 {
		t.Errorf("%v after %d batches", err, batches)
	}
}

// TestDefects: what the reader and the checker count is one count.
func TestDefects(t *testing.T) {
	var b bytes.Buffer
	w, err := format.NewWriter(&b, format.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, ts := range []int64{1000, 2000, 1500} {
		e := format.Event{Seq: uint64(i), TS: ts, Phase: format.PhaseEvent, Function: ndis.NdisCoCreateVc}
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := Read(context.Background(), &b, "t", Options{})
	if err != nil || got.Err != nil {
		t.Fatal(err, got.Err)
	}
	if n := got.Result.Defects[format.DefectTimeBackwards]; n != 1 || len(got.Result.Defects) != 1 {
		t.Errorf("defects %v", got.Result.Defects)
	}
}

func TestExpand(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"b.arrow", "a.arrows", "c.txt", ".d.arrow.123.partial", "sub/e.ARROW", "sub/deep/f.arrow", "empty/x"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	slash := filepath.FromSlash
	for _, test := range []struct{ args, want string }{
		{"b.arrow", "b.arrow"},
		{"missing.arrow", "missing.arrow"},
		{"-", "-"},
		{"c.txt", "c.txt"},
		{".", "a.arrows b.arrow"},
		{"...", "a.arrows b.arrow sub/deep/f.arrow sub/e.ARROW"},
		{"./...", "a.arrows b.arrow sub/deep/f.arrow sub/e.ARROW"},
		{"sub", "sub/e.ARROW"},
		{"sub/...", "sub/deep/f.arrow sub/e.ARROW"},
		{"sub b.arrow", "sub/e.ARROW b.arrow"},
		{"missing/...", "missing/..."},
	} {
		got, err := Expand(strings.Fields(slash(test.args)))
		if err != nil || strings.Join(got, " ") != slash(test.want) {
			t.Errorf("%s: %v, %v; want %s", test.args, got, err, test.want)
		}
	}
	if _, err := Expand([]string{"empty"}); err == nil {
		t.Error("a folder without traces is accepted")
	}
}
