package format

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
)

// seeds are small traces of every kind: both formats, compressed, foreign, with further
// columns of many types.
func seeds(t testing.TB) map[string][]byte {
	events, plain := sampleEvents(60, 1), foreignEvents(60)
	texts := []string{"phase", "function", "source", "driver", "detail"}
	s, p := arrow.BinaryTypes, arrow.PrimitiveTypes
	return map[string][]byte{
		"stream":       writeTrace(t, events, WriterOptions{BatchRows: 25, Metadata: Metadata{MetaHost: "h"}}),
		"file":         writeTrace(t, events, WriterOptions{BatchRows: 25, File: true}),
		"headless":     headless(writeTrace(t, events, WriterOptions{BatchRows: 25, File: true})),
		"zstd stream":  writeTrace(t, events, WriterOptions{BatchRows: 40, Compression: ZSTD}),
		"zstd file":    writeTrace(t, events, WriterOptions{BatchRows: 40, Compression: ZSTD, File: true}),
		"lz4":          foreign{options: []ipc.Option{ipc.WithLZ4()}}.write(t, plain),
		"plain":        foreign{types: everyType(texts, s.String), reverse: true}.write(t, plain),
		"large":        foreign{types: everyType(texts, s.LargeString), file: true}.write(t, plain),
		"dictionaries": foreign{types: everyType(texts, dictionaryOfType(p.Uint16, s.String))}.write(t, plain),
		"integers":     foreign{types: map[string]arrow.DataType{"vc": p.Int8, "tid": p.Int32, "seq": p.Int16, "ts": &arrow.TimestampType{Unit: arrow.Second}}}.write(t, plain),
		"extra":        foreign{extra: extraFields, fill: fillExtra}.write(t, plain),
		"extra file":   foreign{extra: extraFields, fill: fillExtra, file: true, batches: 1, options: []ipc.Option{ipc.WithZstd()}}.write(t, plain),
	}
}

// headless is a file whose schema is only in its footer, as polars and the JavaScript
// library write it.
func headless(file []byte) []byte {
	b := slices.Clone(file)
	binary.LittleEndian.PutUint32(b[8:], 4)
	return b
}

// extraFields are columns that the schema does not have, of most types of Arrow.
var extraFields = func() []arrow.Field {
	p, b, f := arrow.PrimitiveTypes, arrow.BinaryTypes, arrow.FixedWidthTypes
	types := []arrow.DataType{
		arrow.Null, f.Boolean, p.Float64, f.Float16, p.Int16, f.Date32, f.Time64ns, f.Duration_ms, f.DayTimeInterval, f.MonthDayNanoInterval,
		&arrow.Decimal128Type{Precision: 9, Scale: 2}, &arrow.Decimal256Type{Precision: 40, Scale: 2}, &arrow.FixedSizeBinaryType{ByteWidth: 5},
		b.String, b.LargeString, b.Binary, b.LargeBinary, b.StringView, b.BinaryView,
		dictionaryOfType(p.Int8, b.String), dictionaryOfType(p.Uint32, p.Int64),
		arrow.ListOf(p.Int32), arrow.LargeListOf(b.String), arrow.FixedSizeListOf(2, p.Int16), arrow.ListViewOf(p.Int32), arrow.LargeListViewOf(p.Int8),
		arrow.StructOf(arrow.Field{Name: "a", Type: p.Int8, Nullable: true}, arrow.Field{Name: "b", Type: arrow.ListOf(b.String), Nullable: true}),
		arrow.MapOf(b.String, p.Int32), arrow.RunEndEncodedOf(p.Int32, b.String),
		arrow.SparseUnionOf([]arrow.Field{{Name: "i", Type: p.Int32, Nullable: true}, {Name: "s", Type: b.String, Nullable: true}}, []arrow.UnionTypeCode{3, 7}),
		arrow.DenseUnionOf([]arrow.Field{{Name: "i", Type: p.Int32, Nullable: true}, {Name: "s", Type: b.String, Nullable: true}}, []arrow.UnionTypeCode{0, 5}),
	}
	fields := make([]arrow.Field, len(types))
	for i, dt := range types {
		fields[i] = arrow.Field{Name: fmt.Sprintf("x%d", i), Type: dt, Nullable: true}
	}
	return fields
}()

func fillExtra(f arrow.Field, b array.Builder, row int) {
	if row%4 == 3 {
		switch b.(type) {
		case *array.SparseUnionBuilder, *array.DenseUnionBuilder:
		default:
			b.AppendNull()
			return
		}
	}
	n := strconv.Itoa(row % 50)
	text := func(b array.Builder, s string) {
		if err := b.AppendValueFromString(s); err != nil {
			panic(fmt.Sprintf("%s: %v", f.Type, err))
		}
	}
	switch b := b.(type) {
	case *array.NullBuilder:
		b.AppendNull()
	case *array.BooleanBuilder:
		b.Append(row%2 == 0)
	case *array.Date32Builder:
		b.Append(arrow.Date32(row))
	case *array.Time64Builder:
		b.Append(arrow.Time64(row))
	case *array.DurationBuilder:
		b.Append(arrow.Duration(row))
	case *array.DayTimeIntervalBuilder:
		b.Append(arrow.DayTimeInterval{Days: int32(row)})
	case *array.MonthDayNanoIntervalBuilder:
		b.Append(arrow.MonthDayNanoInterval{Months: int32(row)})
	case *array.FixedSizeBinaryBuilder:
		b.Append([]byte("12345"))
	case *array.BinaryBuilder:
		b.Append([]byte("binary" + n))
	case *array.StringBuilder:
		b.Append("text " + n)
	case *array.LargeStringBuilder:
		b.Append("text " + n)
	case *array.StringViewBuilder:
		b.Append([]string{"short", "longer than twelve bytes " + n}[row%2])
	case *array.BinaryViewBuilder:
		b.Append([]byte([]string{"short", "longer than twelve bytes " + n}[row%2]))
	case *array.ListBuilder:
		b.Append(true)
		for i := range row % 3 {
			text(b.ValueBuilder(), strconv.Itoa(i))
		}
	case *array.LargeListBuilder:
		b.Append(true)
		for i := range row % 3 {
			text(b.ValueBuilder(), strconv.Itoa(i))
		}
	case *array.FixedSizeListBuilder:
		b.Append(true)
		text(b.ValueBuilder(), n)
		text(b.ValueBuilder(), "7")
	case *array.ListViewBuilder:
		b.AppendWithSize(true, 1)
		text(b.ValueBuilder(), n)
	case *array.LargeListViewBuilder:
		b.AppendWithSize(true, 1)
		text(b.ValueBuilder(), n)
	case *array.StructBuilder:
		b.Append(true)
		text(b.FieldBuilder(0), n)
		list := b.FieldBuilder(1).(*array.ListBuilder)
		list.Append(true)
		text(list.ValueBuilder(), "in a list")
	case *array.MapBuilder:
		b.Append(true)
		text(b.KeyBuilder(), "k"+n)
		text(b.ItemBuilder(), n)
	case *array.RunEndEncodedBuilder:
		b.Append(1 + uint64(row%2)*0)
		text(b.ValueBuilder(), "run "+strconv.Itoa(row/3))
	case *array.SparseUnionBuilder:
		b.Append(arrow.UnionTypeCode(3 + row%2*4))
		text(b.Child(row%2), n)
		b.Child(1 - row%2).AppendEmptyValue()
	case *array.DenseUnionBuilder:
		b.Append(arrow.UnionTypeCode(row % 2 * 5))
		text(b.Child(row%2), n)
	default:
		text(b, n)
	}
}

// readAll reads everything that there is, further columns and their values included.
func readAll(in io.Reader, limit int64) (rows int, err error) {
	r, err := NewReader(in, "mutant", ReaderOptions{MaxBatchBytes: limit})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	var e Event
	for {
		b, err := r.Next()
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return rows, err
		}
		for i := range b.N {
			b.Event(i, &e)
			r.FunctionName(i)
			if e.Phase >= NumPhases || e.Source >= NumSources || int(e.Function) >= len(functionNames) {
				panic("value outside of its vocabulary")
			}
		}
		rows += b.N
		for i := range r.ExtraColumns() {
			a := r.Extra(i)
			for k := range min(a.Len(), 3) {
				a.ValueStr(k)
				a.ValueStr(a.Len() - 1 - k)
			}
		}
	}
}

func TestSeedsAreRead(t *testing.T) {
	for name, b := range seeds(t) {
		if rows, err := readAll(bytes.NewReader(b), 0); err != nil || rows != 60 {
			t.Errorf("%s: %d rows, %v", name, rows, err)
		}
	}
}

// mutate changes a copy of b: bits, bytes, words, a cut or a piece moved.
func mutate(rng *rand.Rand, b []byte) []byte {
	b = slices.Clone(b)
	switch rng.UintN(8) {
	case 0:
		return b[:rng.IntN(len(b)+1)]
	case 1:
		from, n := rng.IntN(len(b)), rng.IntN(64)
		copy(b[rng.IntN(len(b)):], b[from:min(len(b), from+n)])
		return b
	}
	for range 1 + rng.UintN(3) {
		i := rng.IntN(len(b))
		if rng.UintN(2) == 0 { // most bytes are values; the metadata is more interesting
			if at := bytes.Index(b[i:], []byte{0xFF, 0xFF, 0xFF, 0xFF}); at >= 0 {
				i = min(i+at+rng.IntN(800), len(b)-1)
			}
		}
		switch rng.UintN(4) {
		case 0, 1:
			b[i] ^= 1 << rng.UintN(8)
		case 2:
			b[i] = byte(rng.Uint32())
		case 3:
			if i+4 <= len(b) {
				v := []uint32{0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE, uint32(len(b)), rng.Uint32()}
				binary.LittleEndian.PutUint32(b[i:], v[rng.IntN(len(v))])
			}
		}
	}
	return b
}

// TestMutants reads damaged traces: none may panic, hang or take more memory than the
// limit allows. AFTRACE_MUTANTS sets their number, AFTRACE_MUTANT_SEED the first one.
func TestMutants(t *testing.T) {
	number := func(key string, def uint64) uint64 {
		if v := os.Getenv(key); v != "" {
			n, err := strconv.ParseUint(v, 10, 64)
			if err != nil {
				t.Fatalf("%s: %v", key, err)
			}
			return n
		}
		return def
	}
	count, first := number("AFTRACE_MUTANTS", 5000), number("AFTRACE_MUTANT_SEED", 0)
	const (
		limit    = 1 << 20
		patience = 20 * time.Second
		// What a Reader may allocate for one input: a few batches and dictionaries of the
		// limit, its buffers, and what the decoders of compressed bodies keep.
		allowance = 16*limit + 16<<20
	)
	all := seeds(t)
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	outcomes := map[string]int{}
	var largest uint64
	var before, after runtime.MemStats
	for n := first; n < first+count; n++ {
		rng := rand.New(rand.NewPCG(n, 2))
		name := names[n%uint64(len(names))]
		b := mutate(rng, all[name])
		var in io.Reader = bytes.NewReader(b)
		if rng.UintN(2) == 0 {
			in = struct{ io.Reader }{in} // of unknown length
		}
		dog := time.AfterFunc(patience, func() {
			panic(fmt.Sprintf("mutant %d of %q hangs: AFTRACE_MUTANT_SEED=%d AFTRACE_MUTANTS=1 go test -run TestMutants ./format", n, name, n))
		})
		runtime.ReadMemStats(&before)
		rows, err := func() (rows int, err error) {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("mutant %d of %q: panic %v: AFTRACE_MUTANT_SEED=%d AFTRACE_MUTANTS=1 go test -run TestMutants ./format", n, name, p, n)
				}
			}()
			return readAll(in, limit)
		}()
		runtime.ReadMemStats(&after)
		dog.Stop()
		if used := after.TotalAlloc - before.TotalAlloc; used > allowance {
			t.Errorf("mutant %d of %q allocates %d bytes", n, name, used)
		} else {
			largest = max(largest, used)
		}
		var e *Error
		switch {
		case err == nil && rows == 60:
			outcomes["read"]++
		case err == nil:
			outcomes["cut"]++
		case !errors.As(err, &e):
			t.Errorf("mutant %d of %q: %T %v is no *Error", n, name, err, err)
		default:
			for _, s := range []error{ErrNotTrace, ErrSchema, ErrCorrupt, ErrTooLarge, ErrVersion} {
				if errors.Is(err, s) {
					outcomes[s.Error()]++
				}
			}
			if e.lastResort() {
				outcomes["stopped by recover"]++
				t.Logf("mutant %d of %q: %v", n, name, err)
			}
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d mutants: %v; the largest took %d bytes", count, outcomes, largest)
}

// lastResort reports whether the error was a panic: a check is missing then.
func (e *Error) lastResort() bool {
	var p *panicked
	return errors.As(e, &p)
}

func FuzzReader(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := readAll(bytes.NewReader(b), 1<<20); err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("%T is no *Error: %v", err, err)
			}
			if e.lastResort() {
				t.Error(err)
			}
		}
	})
}
