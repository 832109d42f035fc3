package rotate

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// onDisk is how many bytes a folder has.
func onDisk(t *testing.T, dir string) (n int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if st, err := e.Info(); err == nil && st.Mode().IsRegular() {
			n += st.Size()
		}
	}
	return n
}

func row(r *rand.Rand, seq uint64) format.Event {
	e := format.Event{
		Seq: seq, TS: int64(seq) * 1000, Phase: format.PhaseEnter, Function: ndis.ProtocolCmOpenAf, Source: format.SourceETW,
		Has: format.Fields(r.Uint32()) & (1<<16 - 1),
	}
	from := r.IntN(len(noise) / 2)
	text := noise[from : from+r.IntN(1<<r.IntN(15))]
	e.Driver, e.Detail = "driver", `{"k":"`+string(text)+`"}`
	e.CallID, e.AF, e.Context = r.Uint64(), r.Uint64(), r.Uint64()
	e.Has |= format.HasDriver | format.HasDetail
	return e
}

// noise does not compress well.
var noise = func() []byte {
	r := rand.New(rand.NewPCG(7, 7))
	b := make([]byte, 4<<20)
	for i := range b {
		b[i] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-"[r.IntN(64)]
	}
	return b
}()

type seen struct {
	rows, gaps, lost uint64
	first, last      uint64
	md               format.Metadata
}

func read(t *testing.T, path string) (s seen) {
	t.Helper()
	r, err := format.Open(path, format.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		b, err := r.Next()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for i := range b.N {
			if s.rows+s.gaps == 0 {
				s.first = b.Seq[i]
			}
			s.last = b.Seq[i]
			if b.Phase[i] == format.PhaseGap {
				s.gaps++
				s.lost += b.Lost[i]
			} else {
				s.rows++
			}
		}
	}
	if r.Truncated() {
		t.Errorf("%s is truncated", path)
	}
	s.md = r.Metadata()
	return s
}

// TestLimitIsNeverPassed writes rows of random sizes with random flushes, and looks at the
// disk after every write, and while a part becomes a file.
func TestLimitIsNeverPassed(t *testing.T) {
	seeds := uint64(24)
	if testing.Short() {
		seeds = 6
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 1))
		dir := t.TempDir()
		full := false
		o := Options{
			Output: filepath.Join(dir, []string{"t.arrow", "t.arrows"}[seed%2]),
			Part:   int64(MinPart + r.IntN(MinPart)), Ring: seed%4 < 2, Full: func() { full = true },
			Trace: format.WriterOptions{Metadata: format.Metadata{format.MetaHost: "h"}, Compression: format.Compression(seed % 3 / 2)},
		}
		o.Total = o.Part*MinParts + int64(r.IntN(MinPart))
		t.Run(fmt.Sprintf("seed=%d,ring=%v,%s", seed, o.Ring, filepath.Ext(o.Output)), func(t *testing.T) {
			w, err := New(o)
			if err != nil {
				t.Fatal(err)
			}
			peak := int64(0)
			w.watch = func() {
				n := onDisk(t, dir)
				if peak = max(peak, n); n > o.Total {
					t.Fatalf("%d bytes on disk, the limit is %d", n, o.Total)
				}
			}
			const rows = 6000
			for seq := uint64(1); seq <= rows; seq++ {
				e := row(r, seq)
				if err := w.Write(&e); err != nil {
					t.Fatal(err)
				}
				if r.IntN(200) == 0 {
					if err := w.Flush(); err != nil {
						t.Fatal(err)
					}
				}
			}
			w.SetMetadata(format.MetaEnded, strings.Repeat("e", 1000))
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			w.watch()
			if w.Size() != onDisk(t, dir) {
				t.Errorf("Size() = %d, on disk %d", w.Size(), onDisk(t, dir))
			}
			parts := w.Parts()
			next, total := uint64(0), uint64(0)
			for i, p := range parts {
				s := read(t, p.Path)
				if next != 0 && s.first != next {
					t.Errorf("%s begins with seq %d, want %d", p.Path, s.first, next)
				}
				next = s.last + 1
				total += s.rows + s.lost
				if s.md[MetaPart] != strconv.Itoa(p.Number) || s.md[format.MetaHost] != "h" {
					t.Errorf("%s: metadata %v", p.Path, s.md)
				}
				if p.Size > o.Part {
					t.Errorf("%s has %d bytes, limit %d", p.Path, p.Size, o.Part)
				}
				if i == len(parts)-1 && s.md[format.MetaEnded] == "" {
					t.Error("the last part lacks what was set late")
				}
			}
			if o.Ring {
				if full || w.Dropped() > 0 || next != rows+1 {
					t.Errorf("full %v, %d dropped, ends before seq %d", full, w.Dropped(), next)
				}
				if w.Removed() == 0 {
					t.Error("the ring never dropped a part: the test is too small")
				}
				if peak < o.Total/3 {
					t.Errorf("at most %d of %d bytes were used", peak, o.Total)
				}
			} else {
				if !full || w.Dropped() == 0 {
					t.Error("the limit was not reached: the test is too small")
				}
				if total != rows {
					t.Errorf("%d rows written or counted as lost, want %d", total, rows)
				}
			}
		})
	}
}

func TestSingleTraceKeepsItsLimit(t *testing.T) {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 2))
	calls := 0
	w, err := New(Options{Output: filepath.Join(dir, "t.arrow"), Total: 1 << 20, Full: func() { calls++ }})
	if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(1); seq <= 10000; seq++ {
		e := row(r, seq)
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
		if w.Size() > 1<<20 {
			t.Fatal("limit passed")
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s := read(t, filepath.Join(dir, "t.arrow"))
	if n := onDisk(t, dir); n > 1<<20 || n < 1<<19 {
		t.Errorf("%d bytes of %d", n, 1<<20)
	}
	if s.gaps != 1 || s.rows+s.lost != 10000 || calls != 1 {
		t.Errorf("%+v, Full was called %d times", s, calls)
	}
}

// TestDump puts a ring aside twice, and goes on.
func TestDump(t *testing.T) {
	dir := t.TempDir()
	o := Options{Output: filepath.Join(dir, "ring.arrow"), Part: MinPart, Total: MinParts * MinPart, Ring: true}
	w, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 3))
	seq := uint64(0)
	write := func(n int) {
		for range n {
			seq++
			e := row(r, seq)
			if err := w.Write(&e); err != nil {
				t.Fatal(err)
			}
		}
	}
	last := uint64(0)
	for i := range 2 {
		write(500)
		to := filepath.Join(dir, fmt.Sprint("dump", i))
		done, refused := make(chan DumpResult, 1), make(chan DumpResult, 1)
		w.RequestDump(to, done)
		w.RequestDump(to, refused)
		if (<-refused).Err == nil {
			t.Error("two dumps at once")
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		got := <-done
		if got.Err != nil || len(got.Parts) == 0 {
			t.Fatalf("%+v", got)
		}
		for _, p := range got.Parts {
			s := read(t, p.Path)
			if s.first <= last || filepath.Dir(p.Path) != to {
				t.Errorf("%s: rows from %d, after %d", p.Path, s.first, last)
			}
			last = s.last
		}
		if last != seq {
			t.Errorf("dump ends with %d, want %d", last, seq)
		}
	}
	// A folder that is there is not mixed with; the capture goes on.
	done := make(chan DumpResult, 1)
	w.RequestDump(filepath.Join(dir, "dump0"), done)
	write(1)
	if got := <-done; !errors.Is(got.Err, os.ErrExist) {
		t.Errorf("%v", got.Err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if s := read(t, w.Parts()[0].Path); s.last != seq {
		t.Errorf("ends with %d, want %d", s.last, seq)
	}
}

// TestAdopt: a ring goes on where one before ended, within the same limit; without Adopt it
// does not touch what is there.
func TestAdopt(t *testing.T) {
	dir := t.TempDir()
	o := Options{Output: filepath.Join(dir, "ring.arrow"), Part: MinPart, Total: MinParts * MinPart, Ring: true, Adopt: true}
	r := rand.New(rand.NewPCG(5, 5))
	seq, numbers := uint64(0), 0
	for run := range 3 {
		w, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		w.watch = func() {
			if n := onDisk(t, dir); n > o.Total {
				t.Fatalf("%d bytes on disk, the limit is %d", n, o.Total)
			}
		}
		for range 600 {
			seq++
			e := row(r, seq)
			if err := w.Write(&e); err != nil {
				t.Fatal(err)
			}
		}
		if run == 1 { // a crash: a stream stays
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			w.file.Close()
			continue
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		parts := w.Parts()
		if n := parts[len(parts)-1].Number; n <= numbers {
			t.Errorf("numbers do not go on: %d after %d", n, numbers)
		} else {
			numbers = n
		}
	}
	o.Adopt = false
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "a part of an earlier capture") {
		t.Errorf("%v", err)
	}
}

// TestLargeRow: one row does not end a capture.
func TestLargeRow(t *testing.T) {
	out := filepath.Join(t.TempDir(), "t.arrows")
	w, err := New(Options{Output: out, Total: MinPart})
	if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(1); seq <= 3; seq++ {
		e := format.Event{Seq: seq, Source: format.SourceETW, Detail: "{}", Has: format.HasDetail}
		if seq == 2 {
			e.Detail = `{"k":"` + strings.Repeat("x", MinPart/4) + `"}`
		}
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if s := read(t, out); s.rows != 2 || s.gaps != 1 || s.lost != 1 || s.last != 3 {
		t.Errorf("%+v", s)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "t.arrow")
	for _, o := range []Options{
		{Output: filepath.Join(dir, "t.txt")},
		{Output: out, Part: 1},
		{Output: out, Part: -1},
		{Output: out, Total: 1},
		{Output: out, Ring: true},
		{Output: out, Ring: true, Total: 1 << 30},
		{Output: out, Part: 1 << 20, Total: 3 << 20},
	} {
		if _, err := New(o); !errors.Is(err, ErrUsage) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := New(Options{Output: filepath.Join(dir, "no", "t.arrow")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(out+"s", []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Output: out}); err == nil || !strings.Contains(err.Error(), "earlier capture") {
		t.Errorf("%v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("files were left: %v %v", entries, err)
	}
}

func BenchmarkWrite(b *testing.B) {
	w, err := New(Options{Output: filepath.Join(b.TempDir(), "t.arrows"), Part: 16 << 20, Total: 64 << 20, Ring: true})
	if err != nil {
		b.Fatal(err)
	}
	e := row(rand.New(rand.NewPCG(1, 1)), 1)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e.Seq = uint64(i + 1)
		if err := w.Write(&e); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}
