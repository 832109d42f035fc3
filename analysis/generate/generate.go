// Package generate writes generated histories to disk, with the table of what was planted in
// them beside.
package generate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/aftrace/aftrace/analysis/table"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay/gen"
)

// Options of Trace.
type Options struct {
	Gen      gen.Options // Emit, Planted and Stop are set here
	Writer   format.WriterOptions
	Progress func(rows uint64) // may be nil
}

// TruthPath is where the truth about the trace out is written: OUT without its extension, with
// .truth.arrow.
func TruthPath(out string) string { return strings.TrimSuffix(out, filepath.Ext(out)) + ".truth.arrow" }

// Trace generates a history into out, an .arrow or .arrows file or "-". If faults are planted and
// out is a file, the table of them is written beside it. What could not be finished
// is not left behind under its name (.arrow), or has no end mark (.arrows).
func Trace(ctx context.Context, out string, o Options) (gen.Stats, error) {
	profile := o.Gen.Profile
	if profile == "" {
		names, _ := gen.Profiles()
		profile = names[0]
	}
	o.Writer.Metadata = format.Metadata{
		"aftrace.collector": "afreplay gen", "aftrace.level": "api",
		"aftrace.gen.seed": strconv.FormatUint(o.Gen.Seed, 10), "aftrace.gen.profile": profile,
	}
	// Wrong options are told before anything is written.
	if err := o.Gen.Check(); err != nil {
		return gen.Stats{}, err
	}
	w, err := format.Create(out, o.Writer)
	if err != nil {
		return gen.Stats{}, err
	}
	var truth *Truth
	done := false
	defer func() {
		if !done {
			w.Discard()
			if truth != nil {
				truth.Discard()
			}
		}
	}()
	rows := uint64(0)
	o.Gen.Emit = func(b *format.Batch) error {
		rows += uint64(b.N)
		if o.Progress != nil {
			o.Progress(rows)
		}
		return w.WriteBatch(b)
	}
	if len(o.Gen.Faults) > 0 && out != "-" {
		if truth, err = NewTruth(TruthPath(out)); err != nil {
			return gen.Stats{}, err
		}
		o.Gen.Planted = truth.Add
	}
	o.Gen.Stop = func() bool { return ctx.Err() != nil }
	s, err := gen.Generate(o.Gen)
	if ctx.Err() != nil {
		return s, ctx.Err()
	}
	if err != nil {
		return s, err
	}
	if s.Lost > 0 {
		w.SetMetadata(format.MetaLostEvents, strconv.FormatUint(s.Lost, 10))
	}
	if truth != nil {
		if err := truth.Close(); err != nil {
			return s, err
		}
	}
	done = true
	if err := w.Close(); err != nil {
		if truth != nil {
			os.Remove(TruthPath(out))
		}
		return s, err
	}
	if truth == nil && out != "-" {
		// What stands there is the truth of the trace that this one takes the place of.
		if err := os.Remove(TruthPath(out)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return s, err
		}
	}
	return s, nil
}

var truthSchema = func() *arrow.Schema {
	md := arrow.NewMetadata([]string{table.MetaVersion, "aftrace.table"}, []string{table.Version, "truth"})
	return arrow.NewSchema([]arrow.Field{
		{Name: "seq", Type: arrow.PrimitiveTypes.Uint64, Nullable: true},
		{Name: "ts", Type: &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"}},
		{Name: "rule", Type: arrow.BinaryTypes.String},
		{Name: "operator", Type: arrow.BinaryTypes.String},
		{Name: "how", Type: arrow.BinaryTypes.String},
		{Name: "life", Type: arrow.PrimitiveTypes.Uint64},
		{Name: "adapter", Type: arrow.PrimitiveTypes.Uint64, Nullable: true},
		{Name: "first_seq", Type: arrow.PrimitiveTypes.Uint64, Nullable: true},
	}, &md)
}()

// Truth writes the table of planted faults. It has its name once Close has returned nil.
type Truth struct {
	path, temp string
	f          *os.File
	w          *ipc.FileWriter
	b          *array.RecordBuilder
	n          int
}

// NewTruth begins a table at path.
func NewTruth(path string) (*Truth, error) {
	t := &Truth{path: path, temp: path + ".partial"}
	var err error
	if t.f, err = os.Create(t.temp); err != nil {
		return nil, err
	}
	if t.w, err = ipc.NewFileWriter(t.f, ipc.WithSchema(truthSchema)); err != nil {
		t.Discard()
		return nil, err
	}
	t.b = array.NewRecordBuilder(memory.DefaultAllocator, truthSchema)
	return t, nil
}

// Add adds a fault.
func (t *Truth) Add(p *gen.Planted) error {
	number := func(i int, v uint64) {
		if b := t.b.Field(i).(*array.Uint64Builder); v == 0 {
			b.AppendNull()
		} else {
			b.Append(v)
		}
	}
	number(0, p.Seq)
	t.b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(p.TS))
	for i, s := range []string{p.Rule.String(), gen.Kind(p.Rule), p.How} {
		t.b.Field(2 + i).(*array.StringBuilder).Append(s)
	}
	t.b.Field(5).(*array.Uint64Builder).Append(p.Life)
	number(6, p.Adapter)
	number(7, p.From)
	if t.n++; t.n%4096 == 0 {
		return t.flush()
	}
	return nil
}

func (t *Truth) flush() error {
	r := t.b.NewRecord()
	defer r.Release()
	if r.NumRows() == 0 {
		return nil
	}
	return t.w.Write(r)
}

// Close ends the table and gives it its name.
func (t *Truth) Close() error {
	err := errors.Join(t.flush(), t.w.Close())
	err = errors.Join(err, t.f.Close())
	if err == nil {
		err = os.Rename(t.temp, t.path)
	}
	if err != nil {
		os.Remove(t.temp)
		return fmt.Errorf("%s was not written: %w", t.path, err)
	}
	return nil
}

// Discard leaves nothing behind.
func (t *Truth) Discard() {
	t.f.Close()
	os.Remove(t.temp)
}
