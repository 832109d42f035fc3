package etl_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/collect/etl/etltest"
)

// small is a file with records of every kind.
func small(t testing.TB, o etltest.Options) []byte {
	w := etltest.New(o)
	fill(w, rand.New(rand.NewPCG(9, 10)), 60)
	return build(t, w)
}

func TestNotETL(t *testing.T) {
	good := small(t, etltest.Options{BufferSize: 4096})
	var zipped bytes.Buffer
	z := zip.NewWriter(&zipped)
	if zf, err := z.Create("trace.etl"); err != nil {
		t.Fatal(err)
	} else if _, err := zf.Write(good); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	patch := func(off int, b ...byte) []byte {
		c := bytes.Clone(good)
		copy(c[off:], b)
		return c
	}
	for _, test := range []struct {
		name string
		data []byte
		is   error
		says string
	}{
		{"empty", nil, etl.ErrNotETL, "empty"},
		{"zip", zipped.Bytes(), etl.ErrNotETL, "zip"},
		{"gzip", []byte("\x1f\x8b\x08 and so on"), etl.ErrNotETL, "gzip"},
		{"text", []byte(strings.Repeat("hello, world\n", 100)), etl.ErrNotETL, "text"},
		{"utf16", []byte("\xff\xfeh\x00i\x00"), etl.ErrNotETL, "UTF-16"},
		{"arrow", append([]byte("ARROW1\x00\x00"), make([]byte, 1000)...), etl.ErrNotETL, "Arrow file"},
		{"arrow stream", append([]byte("\xff\xff\xff\xff\x10\x00\x00\x00"), make([]byte, 1000)...), etl.ErrNotETL, "Arrow stream"},
		{"zeroes", make([]byte, 8192), etl.ErrNotETL, "zeroes"},
		{"noise", bytes.Repeat([]byte{1, 2, 0xF3, 4, 0}, 1000), etl.ErrNotETL, "not a log file header"},
		{"short", good[:79], etl.ErrNotETL, "not a log file header"},
		{"other record", patch(72+2, 4), etl.ErrNotETL, "not a log file header"},
		{"other hook", patch(72+6, 1), etl.ErrNotETL, "not a log file header"},
		{"cut header", good[:72+100], etl.ErrCorrupt, "ends inside"},
		{"short header", patch(72+4, 40, 0), etl.ErrCorrupt, "40 bytes"},
		{"short fixed part", patch(72+4, 48, 1), etl.ErrCorrupt, "304 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "in.etl")
			if err := os.WriteFile(path, test.data, 0o644); err != nil {
				t.Fatal(err)
			}
			f, err := etl.Open(path, etl.Options{})
			var e *etl.Error
			if f != nil || !errors.Is(err, test.is) || !errors.As(err, &e) || e.Path != path || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("%v, %v", f, err)
			}
			if strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), path) {
				t.Errorf("%q is not one line about the file", err)
			}
		})
	}
}

func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	if _, err := etl.Open(dir, etl.Options{}); !errors.Is(err, etl.ErrNotETL) || !strings.Contains(err.Error(), "directory") {
		t.Error(err)
	}
	missing := filepath.Join(dir, "missing.etl")
	if _, err := etl.Open(missing, etl.Options{}); !errors.Is(err, fs.ErrNotExist) || strings.Count(err.Error(), missing) != 1 {
		t.Error(err)
	}
	if runtime.GOOS != "windows" {
		if _, err := etl.Open(os.DevNull, etl.Options{}); !errors.Is(err, etl.ErrNotETL) {
			t.Error(err)
		}
	}
	if runtime.GOOS != "windows" && os.Getuid() != 0 {
		path := filepath.Join(dir, "secret.etl")
		if err := os.WriteFile(path, small(t, etltest.Options{}), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := etl.Open(path, etl.Options{}); !errors.Is(err, fs.ErrPermission) {
			t.Error(err)
		}
	}
}

// A closed file says so.
func TestClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.etl")
	if err := os.WriteFile(path, small(t, etltest.Options{}), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := etl.Open(path, etl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error("second:", err)
	}
	f.Reset()
	var r etl.Record
	if ok, err := f.ReadInto(&r); ok || !errors.Is(err, os.ErrClosed) {
		t.Error(ok, err)
	}
}

// flaky fails, or ends, from some offset on.
type flaky struct {
	data []byte
	from int64
	err  error
}

func (f *flaky) ReadAt(p []byte, off int64) (int, error) {
	n, err := bytes.NewReader(f.data).ReadAt(p, off)
	if off+int64(n) > f.from {
		n, err = int(max(0, f.from-off)), f.err
	}
	return n, err
}

func TestReadError(t *testing.T) {
	bad := errors.New("medium error")
	w := etltest.New(etltest.Options{})
	for range 40000 {
		w.Event(0, 0, etltest.EventHeader{}, nil, make([]byte, 100))
	}
	data := build(t, w)
	f, err := etl.NewFile(&flaky{data, 3 << 20, bad}, int64(len(data)), "x", etl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err = range f.Records() {
		n++
	}
	// All buffers before the failure are read: 48 of 65536 bytes, the first for the header.
	if want := 1 + 47*((65536-72)/184); !errors.Is(err, bad) || n != want+1 {
		t.Error(n, want, err)
	}
	var r etl.Record
	if ok, again := f.ReadInto(&r); ok || again != err {
		t.Error(ok, again)
	}
	if s := f.Stats(); s.Complete {
		t.Error("the walk is said to be complete")
	}
	if _, err := etl.NewFile(&flaky{data, 0, bad}, int64(len(data)), "x", etl.Options{}); !errors.Is(err, bad) {
		t.Error(err)
	}
}

// A file that shrinks while it is read is a truncated one.
func TestShrink(t *testing.T) {
	data := small(t, etltest.Options{BufferSize: 1024})
	for at := 400; at < len(data); at += 7 {
		in := &flaky{data, int64(len(data)), io.EOF}
		f, err := etl.NewFile(in, int64(len(data)), "x", etl.Options{})
		if err != nil {
			t.Fatal(err)
		}
		// The window holds all of so small a file: read it anew.
		in.from = int64(at)
		f2, err := etl.NewFile(in, int64(len(data)), "x", etl.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if s := walkAll(t, f2, nil); !s.Truncated || s.Unknown != 0 {
			t.Fatalf("cut at %d: %+v", at, s)
		}
		walkAll(t, f, nil)
	}
}

// Whatever the place of a cut, all whole records before it are delivered.
func TestTruncated(t *testing.T) {
	for _, o := range []etltest.Options{{BufferSize: 2048}, {BufferSize: 2048, Compress: true, CPUs: 2}, {BufferSize: 65536}} {
		data := small(t, o)
		type mark struct{ end, records int64 }
		var marks []mark // after records of uncompressed buffers, and after compressed buffers
		f := open(t, data)
		n := int64(0)
		walkAll(t, f, func(r *etl.Record) {
			n++
			if b := f.Buffer(); b.Compressed {
				if len(marks) > 0 && marks[len(marks)-1].end == b.Offset+b.Size {
					marks = marks[:len(marks)-1]
				}
				marks = append(marks, mark{b.Offset + b.Size, n})
			} else {
				marks = append(marks, mark{r.Offset + int64(len(r.Raw)), n})
			}
		})
		step := 1
		if len(data) > 20000 {
			step = 13
		}
		for cut := 72 + 400; cut < len(data); cut += step {
			f := open(t, data[:cut])
			s := walkAll(t, f, nil)
			atLeast := int64(0)
			for _, m := range marks {
				if m.end <= int64(cut) {
					atLeast = m.records
				}
			}
			if int64(s.Records) < atLeast || !o.Compress && int64(s.Records) != atLeast {
				t.Fatalf("cut at %d: %d records, not %d", cut, s.Records, atLeast)
			}
			if s.Unknown != 0 || s.BadBuffers != 0 {
				t.Fatalf("cut at %d: %+v", cut, s)
			}
			if whole := s.Bytes.Trailing == 0 && s.Decoded.Trailing == 0 && !s.Truncated; whole && int64(s.Records) != atLeast {
				t.Fatalf("cut at %d: not noticed: %+v", cut, s)
			}
		}
	}
}

func TestTruncatedFlag(t *testing.T) {
	data := small(t, etltest.Options{BufferSize: 2048})
	for _, cut := range []int{1, 71, 72, 100, 2000} {
		if s := walkAll(t, open(t, data[:len(data)-cut]), nil); !s.Truncated {
			t.Errorf("%d bytes less: %+v", cut, s)
		}
	}
	if s := walkAll(t, open(t, data[:len(data)-2048]), nil); !s.Truncated || s.Buffers >= uint64(len(data)/2048) {
		t.Errorf("a buffer less: %+v", s)
	}
	if s := walkAll(t, open(t, append(bytes.Clone(data), 1, 2, 3)), nil); !s.Truncated || s.Bytes.Trailing != 3 {
		t.Errorf("3 bytes more: %+v", s)
	}
}

// Records that are not understood cost the rest of their buffer, and no more.
func TestUnknown(t *testing.T) {
	var pad [200]byte
	for _, test := range []struct {
		name   string
		raw    []byte
		reason string
	}{
		{"type", []byte{0x20, 0, 12, 0xC0, 0x20, 0, 0, 0}, "record header type 12 is not known"},
		{"large type", []byte{0x20, 0, 200, 0xC0, 0x20, 0, 0, 0}, "record header type 200 is not known"},
		{"timed", []byte{0x20, 0, 12, 0xB0, 0, 0, 0, 0}, "obsolete timed record"},
		{"wnode", []byte{0x20, 0, 0, 0x10, 0, 0, 0, 0}, "obsolete WNODE record"},
		{"marker", []byte{0x20, 0, 0, 0x80, 0, 0, 0, 0}, "record marker 0x80000020 is not known"},
		{"zero", pad[:], "zeroes where a record should start"},
		{"zero size", append([]byte{0, 0, 19, 0xC0}, pad[:]...), "record of 0 bytes is shorter than its header of 80"},
		{"header", append([]byte{79, 0, 19, 0xC0}, pad[:]...), "record of 79 bytes is shorter than its header of 80"},
		{"overrun", append([]byte{0, 0x70, 19, 0xC0}, pad[:]...), "passes the end of its buffer"},
		{"counters", append([]byte{0, 0x87, 17, 0xC0, 16, 0, 0, 0}, pad[:]...), "record of 16 bytes is shorter than its header of 80"},
		{"message", append([]byte{16, 0, 0, 0x90, 1, 0, 2, 0}, pad[:]...), "record of 16 bytes is shorter than its header of 24"},
	} {
		for _, compress := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", test.name, compress), func(t *testing.T) {
				w := etltest.New(etltest.Options{BufferSize: 4096, Compress: compress})
				event := func(id uint16) { w.Event(0, 0, etltest.EventHeader{ID: id}, nil, nil) }
				event(1)
				w.Raw(0, test.raw)
				event(2)
				w.Flush(0)
				event(3)
				f := open(t, build(t, w))
				var ids []uint16
				var offset int64
				s := walkAll(t, f, func(r *etl.Record) {
					if r.Kind == etl.KindEvent64 {
						ids = append(ids, r.ID)
						if r.ID == 1 {
							offset = r.Offset + 80
						}
					}
				})
				if fmt.Sprint(ids) != "[1 3]" {
					t.Error("records", ids)
				}
				lost := int64(len(test.raw)+7)&^7 + 80
				if s.Unknown != 1 || len(s.UnknownRecords) != 1 || len(s.Undecodable) != 1 || s.Lossless() || s.Bytes.Undecodable+s.Decoded.Undecodable != lost {
					t.Fatalf("%+v", s)
				}
				if u := s.UnknownRecords[0]; u.Offset != offset || u.Length != lost || u.Decoded != compress || !strings.Contains(u.Reason, test.reason) {
					t.Errorf("%+v", u)
				}
			})
		}
	}
}

// Extended items that do not fit spoil their record only.
func TestDefect(t *testing.T) {
	for _, ext := range [][]byte{
		{},
		{8, 0, 1},
		{16, 0, 1, 0, 0, 0, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8},
		{200, 0, 1, 0, 0, 0, 190, 0, 1, 2, 3, 4, 5, 6, 7, 8},
		{4, 0, 1, 0, 0, 0, 0, 0},
		{16, 0, 1, 0, 1, 0, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8},
	} {
		w := etltest.New(etltest.Options{})
		w.Event(0, 0, etltest.EventHeader{ID: 1, Flags: etl.FlagExtendedInfo}, nil, ext)
		w.Event(0, 0, etltest.EventHeader{ID: 2}, nil, []byte("x"))
		n := 0
		s := walkAll(t, open(t, build(t, w)), func(r *etl.Record) {
			if r.Kind != etl.KindEvent64 {
				return
			}
			n++
			if (r.Defect != "") != (r.ID == 1) || r.ID == 1 && len(r.Data) != 0 {
				t.Errorf("%v: %+v", ext, r)
			}
		})
		if n != 2 || s.Defects != 1 || s.Lossless() {
			t.Errorf("%d records, %+v", n, s)
		}
	}
	// The size of an item may be zero, and its padding missing at the end of the record.
	w := etltest.New(etltest.Options{})
	w.Event(0, 0, etltest.EventHeader{Flags: etl.FlagExtendedInfo}, nil, []byte{0, 0, 3, 0, 0, 0, 3, 0, 1, 2, 3})
	w.Event(0, 0, etltest.EventHeader{Flags: etl.FlagExtendedInfo}, nil, []byte{0, 0, 3, 0, 0, 0, 3, 0, 1, 2, 3, 0, 0, 0, 0, 0, 'd'})
	n := 0
	walkAll(t, open(t, build(t, w)), func(r *etl.Record) {
		if item, ok := r.Item(3); r.Kind == etl.KindEvent64 {
			if n++; !ok || !bytes.Equal(item, []byte{1, 2, 3}) || r.Defect != "" || n == 2 && string(r.Data) != "d" {
				t.Errorf("%+v", r)
			}
		}
	})
}

// Damage to a buffer header, or buffers of zeroes, cost that buffer only.
func TestResync(t *testing.T) {
	for _, compress := range []bool{false, true} {
		w := etltest.New(etltest.Options{BufferSize: 2048, Compress: compress})
		for i := range 100 {
			w.Event(0, 0, etltest.EventHeader{ID: uint16(i)}, nil, make([]byte, 100))
		}
		data := build(t, w)
		f := open(t, data)
		var buffers []etl.Buffer
		walkAll(t, f, func(r *etl.Record) {
			if n := len(buffers); n == 0 || buffers[n-1].Index != f.Buffer().Index {
				buffers = append(buffers, f.Buffer())
			}
		})
		perBuffer := uint64((2048 - 72) / 184)
		for name, damage := range map[string]func(b []byte){
			"zeroed":       func(b []byte) { clear(b) },
			"size zero":    func(b []byte) { clear(b[:4]) },
			"size small":   func(b []byte) { binary.LittleEndian.PutUint32(b, 71) },
			"size huge":    func(b []byte) { binary.LittleEndian.PutUint32(b, 0xFFFFFFF0) },
			"size smaller": func(b []byte) { binary.LittleEndian.PutUint32(b, 90) },
			"size large":   func(b []byte) { binary.LittleEndian.PutUint32(b, 1<<20) },
			"flags":        func(b []byte) { b[53] = 0xFF },
			"type":         func(b []byte) { b[55] = 0xFF },
			"noise":        func(b []byte) { copy(b, bytes.Repeat([]byte{0xE7}, 72)) },
		} {
			c := bytes.Clone(data)
			b := buffers[3]
			damage(c[b.Offset : b.Offset+b.Size])
			s := walkAll(t, open(t, c), nil)
			if name == "size smaller" {
				if s.Records < 101-perBuffer || s.Bytes.Undecodable == 0 {
					t.Errorf("compress %v, %s: %+v", compress, name, s)
				}
				continue
			}
			if compress && name == "size large" {
				// The end of the compressed data tells where the next buffer is.
				if s.Records != 101 || s.Bytes.Undecodable+s.Bytes.Trailing != 0 {
					t.Errorf("%s: %+v", name, s)
				}
				continue
			}
			if s.Records != 101-perBuffer || s.Truncated {
				t.Errorf("compress %v, %s: %d records, %+v", compress, name, s.Records, s)
			}
			if gone := s.Bytes.Zeroed + s.Bytes.Undecodable; gone != b.Size || (name == "zeroed") != (s.Bytes.Zeroed > 0) {
				t.Errorf("compress %v, %s: %d bytes gone, not %d", compress, name, gone, b.Size)
			}
		}
		// Preallocated space at the end.
		s := walkAll(t, open(t, append(bytes.Clone(data), make([]byte, 10000)...)), nil)
		if s.Records != 101 || s.Bytes.Zeroed != 10000 || s.Truncated {
			t.Errorf("zeroes at the end: %+v", s)
		}
		// A damaged stream costs its buffer.
		if compress {
			c := bytes.Clone(data)
			copy(c[buffers[3].Offset+72:], "\xff\xff\xff\xff\xff\xff\xff\xff")
			s := walkAll(t, open(t, c), nil)
			if s.Records != 101-perBuffer || s.BadBuffers != 1 || len(s.Undecodable) != 1 || !strings.Contains(s.Undecodable[0].Reason, "XPRESS") {
				t.Errorf("damaged stream: %+v", s)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	w := etltest.New(etltest.Options{Compress: true})
	noise := make([]byte, 6000)
	for i := range noise {
		noise[i] = byte(rand.NewPCG(1, uint64(i)).Uint64())
	}
	for range 10 {
		w.Event(0, 0, etltest.EventHeader{}, nil, noise)
	}
	data := build(t, w)
	walk := func(o etl.Options) etl.Stats {
		f, err := etl.NewFile(bytes.NewReader(data), int64(len(data)), "x", o)
		if err != nil {
			t.Fatal(err)
		}
		return walkAll(t, f, nil)
	}
	if s := walk(etl.Options{}); s.Records != 11 {
		t.Error(s.Records)
	}
	if s := walk(etl.Options{MaxDecoded: 60000}); s.Records != 1 || !strings.Contains(s.Undecodable[0].Reason, "over the limit") {
		t.Errorf("%+v", s)
	}
	if s := walk(etl.Options{MaxBuffer: 600}); s.Records != 1 || s.Bytes.Undecodable == 0 {
		t.Errorf("%+v", s)
	}
	w = etltest.New(etltest.Options{BufferSize: 1024})
	for i := range 100 {
		w.Event(0, 0, etltest.EventHeader{Provider: etl.GUID{byte(i)}}, nil, nil)
		w.Raw(0, make([]byte, 8))
		w.Flush(0)
	}
	data = build(t, w)
	if s := walk(etl.Options{MaxRanges: 7, MaxProviders: 9}); len(s.Undecodable) != 7 || len(s.UnknownRecords) != 7 || s.Ranges != 100 ||
		len(s.Providers) != 9 || s.ProvidersOmitted != 91 || s.Unknown != 100 {
		t.Errorf("%+v", s)
	}
}

// mutate damages data in one of many ways.
func mutate(rng *rand.Rand, data []byte) []byte {
	b := bytes.Clone(data)
	for range 1 + rng.IntN(4) {
		if len(b) < 16 {
			break
		}
		at := rng.IntN(len(b) - 8)
		switch rng.IntN(4) {
		case 0: // in the header of the file
			at = rng.IntN(min(400, len(b)-8))
		case 1: // in a buffer header, if they are so aligned
			at = min(at&^1023+rng.IntN(72), len(b)-8)
		}
		n := min(1+rng.IntN(2048), len(b)-at)
		switch rng.IntN(9) {
		case 0, 1:
			b[at] ^= 1 << rng.IntN(8)
		case 2:
			b[at] = byte(rng.Uint32())
		case 3:
			binary.LittleEndian.PutUint32(b[at:], []uint32{0, 1, 71, 72, 73, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, uint32(len(b))}[rng.IntN(9)])
		case 4:
			binary.LittleEndian.PutUint16(b[at:], []uint16{0, 1, 7, 8, 79, 80, 0x7FFF, 0x8000, 0xFFFF}[rng.IntN(9)])
		case 5:
			b = b[:at]
		case 6:
			clear(b[at : at+n])
		case 7:
			b = append(b[:at], b[at+n:]...)
		case 8:
			b = append(b[:at+n:at+n], b[at:]...)
		}
	}
	return b
}

// abuse reads data to the end under tight limits. It must not matter what data is.
func abuse(t testing.TB, data []byte) {
	f, err := etl.NewFile(bytes.NewReader(data), int64(len(data)), "mutant", etl.Options{MaxBuffer: 1 << 20, MaxDecoded: 1 << 20})
	if err != nil {
		if !errors.Is(err, etl.ErrNotETL) && !errors.Is(err, etl.ErrCorrupt) {
			t.Fatalf("error of no known kind: %v", err)
		}
		return
	}
	walkAll(t, f, func(r *etl.Record) {
		if len(r.Raw) < 4 || len(r.Data)+len(r.Extended) > len(r.Raw) || r.Offset < 0 || r.Pointer != 4 && r.Pointer != 8 {
			t.Fatalf("%+v", r)
		}
		for range r.Items() {
		}
		r.Item(11)
		r.Message()
		r.Instance()
	})
}

func TestMutants(t *testing.T) {
	n := 5000
	if s := os.Getenv("AFTRACE_MUTANTS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	} else if testing.Short() {
		n = 500
	}
	var seeds [][]byte
	for _, o := range []etltest.Options{{BufferSize: 2048, CPUs: 2}, {BufferSize: 2048, Compress: true}, {BufferSize: 65536},
		{BufferSize: 1024, Shuffle: true, Relogged: true, PointerSize: 4}, {BufferSize: 8192, Compress: true, PointerSize: 4, OmitOffset: true}} {
		seeds = append(seeds, small(t, o))
	}
	for _, name := range []string{"smallEtlFile.etl", "SelfDescribingSingleEvent.etl", "SIH.20230422.034724.362.1.etl"} {
		if b, err := os.ReadFile(filepath.Join(samples, name)); err == nil {
			seeds = append(seeds, b)
		}
	}
	const maxTime = 5 * time.Second
	const maxMemory = 16 << 20 // per file: limits of 1 MiB, a window of 1 MiB, lists and maps
	rng := rand.New(rand.NewPCG(11, 12))
	var m runtime.MemStats
	for i := range n {
		data := mutate(rng, seeds[i%len(seeds)])
		runtime.ReadMemStats(&m)
		before, start := m.TotalAlloc, time.Now()
		abuse(t, data)
		if d := time.Since(start); d > maxTime {
			t.Errorf("mutant %d took %v", i, d)
		}
		runtime.ReadMemStats(&m)
		if used := m.TotalAlloc - before; used > maxMemory {
			t.Errorf("mutant %d allocated %d bytes", i, used)
		}
		if t.Failed() {
			path := filepath.Join(os.TempDir(), "mutant.etl")
			_ = os.WriteFile(path, data, 0o644)
			t.Fatalf("mutant %d is in %s", i, path)
		}
	}
}

// FuzzFile is best run with -fuzzminimizetime 20x: counting providers in maps makes coverage
// vary, which the default takes a minute to puzzle over each time.
func FuzzFile(f *testing.F) {
	for _, o := range []etltest.Options{{BufferSize: 2048}, {BufferSize: 2048, Compress: true, PointerSize: 4},
		{BufferSize: 1024, Shuffle: true, Relogged: true, CPUs: 3, Clock: etl.ClockCPU}} {
		f.Add(small(f, o))
	}
	f.Fuzz(func(t *testing.T, data []byte) { abuse(t, data) })
}

// Input made to be slow is read in reasonable time.
func TestHostile(t *testing.T) {
	head := small(t, etltest.Options{BufferSize: 1024, Compress: true})
	head = head[:binary.LittleEndian.Uint32(head)]
	le := binary.LittleEndian
	const size = 4 << 20
	for name, fill := range map[string]func(b []byte){
		"zeroes": func(b []byte) { clear(b) },
		"ones":   func(b []byte) { copy(b, bytes.Repeat([]byte{1}, len(b))) },
		// Every 4 bytes start a compressed buffer of 96 bytes.
		"small buffers": func(b []byte) {
			for i := 0; i < len(b); i += 4 {
				le.PutUint32(b[i:], 0x60)
			}
		},
		// Every 20 bytes start what looks like a buffer until the end of its records is asked for.
		"candidates": func(b []byte) {
			for i := 0; i+20 <= len(b); i += 20 {
				le.PutUint32(b[i:], 0x60)
				le.PutUint32(b[i+12:], 0x20)
			}
		},
		// Every 20 bytes start an empty buffer that is followed by none.
		"probes": func(b []byte) {
			for i := 0; i+20 <= len(b); i += 20 {
				le.PutUint32(b[i:], 0x5A)
				le.PutUint32(b[i+8:], 72)
			}
		},
		// Buffers that say they reach to the end of the file but hold one byte.
		"reread": func(b []byte) {
			for i := 0; i+80 <= len(b); i += 80 {
				le.PutUint32(b[i:], uint32(len(b)-i))
				le.PutUint32(b[i+48:], 73)
				le.PutUint16(b[i+52:], etl.BufferCompressed)
				b[i+76] = 1
			}
		},
		// Buffers that grow to 64 MiB each.
		"bombs": func(b []byte) {
			for i := 0; i+88 <= len(b); i += 88 {
				le.PutUint32(b[i:], 88)
				le.PutUint32(b[i+48:], 64<<20)
				le.PutUint16(b[i+52:], etl.BufferCompressed)
				copy(b[i+72:], "\xff\xff\xff\x7f\xff\x07\x00\xff\xff\x00\x00\xff\xff\xff\x7f")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			body := make([]byte, size)
			fill(body)
			start := time.Now()
			walkAll(t, open(t, append(bytes.Clone(head), body...)), nil)
			t.Log(time.Since(start))
			if d := time.Since(start); d > 20*time.Second {
				t.Error(d)
			}
		})
	}
}
