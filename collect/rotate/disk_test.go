package rotate

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/internal/smalldisk"
)

// TestFullDisk fills the disk before the limit is reached: the error says so, what is on the disk
// can be read to the last row that Kept counts, and the limit is not passed either.
func TestFullDisk(t *testing.T) {
	disk, ok := smalldisk.Dir(t, "1536k")
	if !ok {
		return
	}
	const total = 3 << 20
	for i, o := range []Options{
		{Output: "t.arrow", Total: total},
		{Output: "t.arrows", Total: total},
		{Output: "t.arrow", Total: total, Part: MinPart},
		{Output: "t.arrows", Total: total, Part: MinPart},
		{Output: "t.arrow", Total: total, Part: MinPart, Ring: true},
		{Output: "t.arrows", Total: total, Part: MinPart, Ring: true},
	} {
		t.Run(fmt.Sprintf("%s,part=%d,ring=%v", o.Output, o.Part, o.Ring), func(t *testing.T) {
			dir := filepath.Join(disk, "d")
			if err := os.Mkdir(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			o.Output = filepath.Join(dir, o.Output)
			w, err := New(o)
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(uint64(i), 9))
			rows := uint64(0)
			for err == nil {
				if n := onDisk(t, dir); n > total {
					t.Fatalf("%d bytes on disk, the limit is %d", n, total)
				}
				if rows++; rows > 1e5 {
					t.Fatal("the disk is never full")
				}
				e := row(r, rows)
				if err = w.Write(&e); err == nil && rows%50 == 0 {
					err = w.Flush()
				}
			}
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			e := row(r, rows+1)
			if again := w.Write(&e); !errors.Is(again, syscall.ENOSPC) {
				t.Errorf("after it: %v", again)
			}
			if cerr := w.Close(); !errors.Is(cerr, syscall.ENOSPC) {
				t.Errorf("Close: %v", cerr)
			}
			if n := onDisk(t, dir); n > total {
				t.Errorf("%d bytes on disk, the limit is %d", n, total)
			}
			if w.Kept() == 0 || w.Kept() >= rows {
				t.Errorf("%d of %d rows kept", w.Kept(), rows)
			}
			found := uint64(0)
			for _, p := range w.Parts() {
				found += read(t, p.Path).rows
			}
			// What is there beside the parts is one stream: cut short, or with its end if it was
			// to become a file.
			left, err := filepath.Glob(filepath.Join(dir, "*"))
			if err != nil || len(left) > len(w.Parts())+1 {
				t.Errorf("left: %v, parts: %v", left, w.Parts())
			}
			if len(left) > len(w.Parts()) {
				f, err := format.Open(w.live, format.ReaderOptions{})
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				for {
					b, err := f.Next()
					if err == io.EOF {
						break
					} else if err != nil {
						t.Fatal(err)
					}
					found += uint64(b.N)
				}
				if f.Truncated() != (w.Unfinished() == w.live) {
					t.Errorf("%s: cut short %v, unfinished %q", w.live, f.Truncated(), w.Unfinished())
				}
			} else if w.Unfinished() != "" {
				t.Errorf("no %s", w.Unfinished())
			}
			if w.Removed() == 0 && found != w.Kept() {
				t.Errorf("%d rows on the disk, want %d", found, w.Kept())
			}
		})
	}
}

// TestNoRoomForTheFile: the disk has room for the stream, but not for the file beside it.
func TestNoRoomForTheFile(t *testing.T) {
	dir, ok := smalldisk.Dir(t, "1536k")
	if !ok {
		return
	}
	w, err := New(Options{Output: filepath.Join(dir, "t.arrow")})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(4, 9))
	rows := uint64(0)
	for w.Size() < 1<<20 {
		rows++
		e := row(r, rows)
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
		if rows%50 == 0 {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "has all of it") {
		t.Errorf("%v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 || left[0] != w.live {
		t.Errorf("left: %v", left)
	}
	if w.Unfinished() != "" || w.Kept() != rows {
		t.Errorf("unfinished %q, %d of %d rows kept", w.Unfinished(), w.Kept(), rows)
	}
	if s := read(t, w.live); s.rows != rows {
		t.Errorf("%d of %d rows are in the stream", s.rows, rows)
	}
}
