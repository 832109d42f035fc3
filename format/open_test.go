package format

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	trace := writeTrace(t, sampleEvents(10, 1), WriterOptions{File: true})
	var zipped bytes.Buffer
	z := zip.NewWriter(&zipped)
	f, _ := z.Create("t.arrow")
	f.Write(trace)
	z.Close()
	etl := make([]byte, 4096)
	for i, v := range []uint32{0x10000, 0x400, 0x400} {
		binary.LittleEndian.PutUint32(etl[4*i:], v)
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: arrow.PrimitiveTypes.Int8}, {Name: "vc", Type: arrow.BinaryTypes.String}}, nil)
	var other bytes.Buffer
	w := ipc.NewWriter(&other, ipc.WithSchema(schema))
	rb := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	rb.Field(0).(*array.Int8Builder).Append(1)
	rb.Field(1).(*array.StringBuilder).Append("1")
	w.Write(rb.NewRecord())
	w.Close()
	for _, c := range []struct {
		name  string
		data  []byte
		err   error
		words string
	}{
		{"empty.arrow", nil, ErrNotTrace, "the input is empty"},
		{"t.zip", zipped.Bytes(), ErrNotTrace, "a zip archive (unpack it first)"},
		{"t.arrow.gz", []byte("\x1F\x8B\x08\x00"), ErrNotTrace, "gzip"},
		{"boot.etl", etl, ErrNotTrace, "aftrace convert " + filepath.Join(dir, "boot.etl") + " -o trace.arrow"},
		{"my boot.etl", etl, ErrNotTrace, `aftrace convert "` + filepath.Join(dir, "my boot.etl") + `" -o trace.arrow`},
		{"renamed.arrow", etl, ErrNotTrace, "an ETW log"},
		{"t.parquet", []byte("PAR1...."), ErrNotTrace, "Parquet"},
		{"t.json", []byte(`{"a":1}`), ErrNotTrace, "JSON"},
		{"t.txt", []byte("seq,ts\n1,2\n"), ErrNotTrace, "no Arrow IPC file or stream"},
		{"other.arrows", other.Bytes(), ErrNotTrace, `Arrow data with the columns "x", "vc" (a trace has seq,`},
		{"head.arrow", trace[:8], ErrCorrupt, "ends before its schema"},
		{"head2.arrow", trace[:300], ErrCorrupt, "ends before its schema"},
		{"zeros.arrow", make([]byte, 100), ErrNotTrace, "no Arrow IPC"},
	} {
		path := filepath.Join(dir, c.name)
		if err := os.WriteFile(path, c.data, 0o666); err != nil {
			t.Fatal(err)
		}
		r, err := Open(path, ReaderOptions{})
		var e *Error
		if r != nil || !errors.Is(err, c.err) || !errors.As(err, &e) || e.Path != path || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v, want %q", c.name, err, c.words)
		}
	}
	var e *Error
	if _, err := Open(dir, ReaderOptions{}); !errors.Is(err, ErrNotTrace) || !strings.Contains(err.Error(), "is a directory") || !errors.As(err, &e) {
		t.Errorf("directory: %v", err)
	}
	if _, err := Open(filepath.Join(dir, "none"), ReaderOptions{}); !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &e) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := NewReader(failingReader{}, "x", ReaderOptions{}); !errors.Is(err, errFailing) || !errors.As(err, &e) {
		t.Errorf("failing reader: %v", err)
	}
}

var errFailing = errors.New("disk on fire")

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errFailing }

// TestReadErrorInTheMiddle: an input that fails is neither cut nor corrupt.
func TestReadErrorInTheMiddle(t *testing.T) {
	b := writeTrace(t, sampleEvents(100, 1), WriterOptions{BatchRows: 10})
	r, err := NewReader(io.MultiReader(bytes.NewReader(b[:len(b)/2]), failingReader{}), "x", ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	events, err := allEvents(r)
	if !errors.Is(err, errFailing) || errors.Is(err, ErrCorrupt) || r.Truncated() || len(events) == 0 {
		t.Errorf("%d events, %v", len(events), err)
	}
}

// TestCut cuts traces at every place: the whole batches are read and the trace is
// truncated, unless it is cut before the end of its schema.
func TestCut(t *testing.T) {
	events := sampleEvents(40, 1)
	for _, o := range []WriterOptions{{BatchRows: 10}, {BatchRows: 10, File: true}, {BatchRows: 10, File: true, Compression: ZSTD}} {
		whole := writeTrace(t, events, o)
		ends := batchEnds(t, whole)
		near := func(cut int) bool { // every place around the boundaries of messages, some of the others
			for _, end := range ends {
				if d := int64(cut) - end; d > -10 && d < 20 {
					return true
				}
			}
			return cut%53 == 0 || cut > len(whole)-20
		}
		for cut := range whole {
			if !near(cut) {
				continue
			}
			for _, sized := range []bool{true, false} {
				var in io.Reader = bytes.NewReader(whole[:cut])
				if !sized {
					in = struct{ io.Reader }{in}
				}
				r, err := NewReader(in, "x", ReaderOptions{})
				if err != nil {
					if int64(cut) >= ends[0] {
						t.Fatalf("cut at %d: %v", cut, err)
					}
					continue
				}
				got, err := allEvents(r)
				want := 0
				for _, end := range ends[1:] {
					if int64(cut) >= end {
						want += 10
					}
				}
				if err != nil || !r.Truncated() || len(got) != want {
					t.Fatalf("cut at %d of %d: %d events, want %d, truncated %v, %v", cut, len(whole), len(got), want, r.Truncated(), err)
				}
			}
		}
		// A crash can leave zeros where data should have been.
		for _, end := range ends {
			r := openBytes(t, "x", append(bytes.Clone(whole[:end]), make([]byte, 5000)...))
			if _, err := allEvents(r); err != nil || !r.Truncated() {
				t.Fatalf("zeros from %d: truncated %v, %v", end, r.Truncated(), err)
			}
		}
	}
}

// batchEnds are the offsets behind the schema and behind each batch.
func batchEnds(t *testing.T, b []byte) []int64 {
	r := openBytes(t, "x", b)
	ends := []int64{r.in.off}
	for {
		if _, err := r.Next(); err != nil {
			return ends
		}
		ends = append(ends, r.in.off)
	}
}

// TestCorruptInTheMiddle: the batches before the place are handed out, then comes an error
// that says where.
func TestCorruptInTheMiddle(t *testing.T) {
	events := sampleEvents(40, 1)
	for _, file := range []bool{false, true} {
		whole := writeTrace(t, events, WriterOptions{BatchRows: 10, File: file})
		ends := batchEnds(t, whole)
		at := ends[2] // the third batch
		for name, change := range map[string]func(b []byte){
			"no continuation":  func(b []byte) { b[at] = 7 },
			"metadata length":  func(b []byte) { b[at+7] = 0x7F },
			"metadata shorter": func(b []byte) { binary.LittleEndian.PutUint32(b[at+4:], 8) },
			"metadata longer":  func(b []byte) { b[at+6]++ },
			"root offset":      func(b []byte) { b[at+8] ^= 0xFF },
		} {
			b := bytes.Clone(whole)
			change(b)
			for _, sized := range []bool{true, false} {
				var in io.Reader = bytes.NewReader(b)
				if !sized {
					in = struct{ io.Reader }{in}
				}
				r, err := NewReader(in, "x", ReaderOptions{})
				if err != nil {
					t.Fatal(err)
				}
				got, err := allEvents(r)
				var e *Error
				if !errors.Is(err, ErrCorrupt) || !errors.As(err, &e) || e.Offset != at || len(got) != 20 || r.Truncated() {
					t.Errorf("file %v, %s: %d events, truncated %v, %v, want offset %d", file, name, len(got), r.Truncated(), err, at)
				}
				if _, again := r.Next(); again != err {
					t.Errorf("the next call returns %v", again)
				}
			}
		}
	}
}

func TestTrailingData(t *testing.T) {
	b := writeTrace(t, sampleEvents(4, 1), WriterOptions{})
	if _, err := allEvents(openBytes(t, "x", append(bytes.Clone(b), b...))); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "after the end of the stream") {
		t.Errorf("two streams: %v", err)
	}
	b = writeTrace(t, sampleEvents(4, 1), WriterOptions{File: true})
	if _, err := allEvents(openBytes(t, "x", append(bytes.Clone(b), b...))); !errors.Is(err, ErrCorrupt) {
		t.Errorf("two files: %v", err)
	}
}

func TestFooterMustMatch(t *testing.T) {
	whole := writeTrace(t, sampleEvents(40, 1), WriterOptions{File: true, BatchRows: 10})
	start := bytes.LastIndex(whole, []byte("\xFF\xFF\xFF\xFF\x00\x00\x00\x00")) + 8
	errs := 0
	for i := start; i < len(whole); i++ {
		b := bytes.Clone(whole)
		b[i] ^= 0x41
		r := openBytes(t, "x", b)
		got, err := allEvents(r)
		if len(got) != 40 {
			t.Fatalf("byte %d of the footer hides rows", i)
		}
		if err != nil || r.Truncated() {
			errs++
		}
	}
	if errs < (len(whole)-start)/4 {
		t.Errorf("%d of %d changes of the footer were noticed", errs, len(whole)-start)
	}
}

// TestUnpacksPastTheCap: what compressed buffers announce counts before they are unpacked.
func TestUnpacksPastTheCap(t *testing.T) {
	events := sampleEvents(4096, 1)
	for i := range events {
		events[i] = Event{Seq: uint64(i)} // compresses well
	}
	for _, b := range [][]byte{
		writeTrace(t, events, WriterOptions{Compression: ZSTD}),
		foreign{options: []ipc.Option{ipc.WithLZ4()}, batches: 1}.write(t, events),
	} {
		const limit = 200 << 10
		if len(b) > limit {
			t.Fatalf("trace of %d bytes does not compress", len(b))
		}
		r, err := NewReader(bytes.NewReader(b), "bomb", ReaderOptions{MaxBatchBytes: limit})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = r.Next(); !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "raise MaxBatchBytes") {
			t.Error(err)
		}
	}
	b := writeTrace(t, events, WriterOptions{})
	r, err := NewReader(bytes.NewReader(b), "large", ReaderOptions{MaxBatchBytes: 100 << 10})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = r.Next(); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	// Conversions count too: a dictionary multiplies its values.
	for i := range events {
		events[i].Detail, events[i].Has = `{"k":"`+strings.Repeat("x", 1000)+`"}`, HasDetail
	}
	b = foreign{batches: 1, types: map[string]arrow.DataType{"detail": dictionaryOfType(arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.String)}}.write(t, events)
	r, err = NewReader(bytes.NewReader(b), "dictionary", ReaderOptions{MaxBatchBytes: 3 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = r.Next(); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

func TestCreate(t *testing.T) {
	dir := t.TempDir()
	events := sampleEvents(5, 1)
	if _, err := Create(filepath.Join(dir, "t.txt"), WriterOptions{}); err == nil || !strings.Contains(err.Error(), ".arrow") {
		t.Errorf("other extension: %v", err)
	}
	// Errors are about the name that was asked for.
	missing := filepath.Join(dir, "none", "t.arrow")
	if _, err := Create(missing, WriterOptions{}); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing) || strings.Contains(err.Error(), "partial") {
		t.Errorf("no folder: %v", err)
	}
	taken := filepath.Join(t.TempDir(), "taken.arrow")
	w, err := Create(taken, WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(taken, "x"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), taken) || strings.Contains(err.Error(), "partial") {
		t.Errorf("a folder in its place: %v", err)
	}
	for _, name := range []string{"t.arrow", "T.ARROWS"} {
		path := filepath.Join(dir, name)
		w, err := Create(path, WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		w.Write(&events[0])
		w.Flush()
		if _, err := os.Stat(path); (err == nil) != (name == "T.ARROWS") {
			t.Errorf("%s before Close: %v", name, err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		r, err := Open(path, ReaderOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if r.IsFile() != (name == "t.arrow") {
			t.Errorf("%s is file: %v", name, r.IsFile())
		}
		r.Close()
	}
	w, err = Create(filepath.Join(dir, "gone.arrow"), WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.Write(&events[0])
	w.Discard()
	if err := w.Write(&events[1]); err == nil {
		t.Error("write after Discard")
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) != 2 {
		t.Errorf("left behind: %v", names)
	}
}

type fullDisk struct{ left int }

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.left -= len(p); d.left < 0 {
		return 0, errFailing
	}
	return len(p), nil
}

func TestWriteErrorStays(t *testing.T) {
	w, _ := NewWriter(&fullDisk{left: 5000}, WriterOptions{BatchRows: 10})
	events := sampleEvents(1000, 1)
	var err error
	for i := range events {
		if err = w.Write(&events[i]); err != nil {
			break
		}
	}
	if !errors.Is(err, errFailing) {
		t.Errorf("Write: %v", err)
	}
	if err := w.Close(); !errors.Is(err, errFailing) {
		t.Errorf("Close: %v", err)
	}
}

func TestSchemaOnlyInFooter(t *testing.T) {
	events := sampleEvents(40, 1)
	file := headless(writeTrace(t, events, WriterOptions{File: true, BatchRows: 10, Metadata: Metadata{MetaHost: "h"}}))
	got, r := readTrace(t, file)
	sameEvents(t, got, events)
	if r.Truncated() || r.Metadata()[MetaHost] != "h" {
		t.Errorf("truncated %v, metadata %v", r.Truncated(), r.Metadata())
	}
	if _, err := NewReader(struct{ io.Reader }{bytes.NewReader(file)}, "-", ReaderOptions{}); !errors.Is(err, ErrNotTrace) || !strings.Contains(err.Error(), "not from a pipe") {
		t.Errorf("from a pipe: %v", err)
	}
	if _, err := NewReader(bytes.NewReader(file[:len(file)-1]), "x", ReaderOptions{}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("without a footer: %v", err)
	}
	// A footer that lists one batch many times would make a small file a long read.
	start := bytes.LastIndex(file, []byte("\xFF\xFF\xFF\xFF\x00\x00\x00\x00")) + 8
	ft, err := parseFooter(file[start : len(file)-10])
	if err != nil {
		t.Fatal(err)
	}
	ft.blocks[1][1] = ft.blocks[1][0]
	f := &flatbuffer{b: file[start : len(file)-10]}
	footer := buildFooter(f.b, message{header: f.sub(f.root(), 1)}, ft.blocks[0], ft.blocks[1])
	twice := append(bytes.Clone(file[:start]), footer...)
	twice = append(binary.LittleEndian.AppendUint32(twice, uint32(len(footer))), magic...)
	if _, err := NewReader(bytes.NewReader(twice), "x", ReaderOptions{}); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "footer lists a message") {
		t.Errorf("a batch twice: %v", err)
	}
}
