package format

import (
	"bytes"
	"io"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/aftrace/aftrace/format/ndis"
)

const benchRows = 8 * DefaultBatchRows

// benchEvents are rows as a capture has them: most columns of a row are null, one row in
// five has a detail.
func benchEvents() []Event {
	events := sampleEvents(benchRows, 1)
	for i := range events {
		e := &events[i]
		e.Seq = uint64(i)
		detail := e.Has & HasDetail
		e.Has = detail | HasTicks | HasCPU | HasPID | HasTID | HasIRQL | HasCallID | HasDriver | HasAF | HasContext
		if e.Phase == PhaseReturn {
			e.Has |= HasStatus
		}
		if i%3 == 0 {
			e.Has |= HasVC | HasContext2
		}
	}
	return events
}

func rowsPerSecond(b *testing.B, rows int) {
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkWriter is Writer.Write, row by row. Compare with BenchmarkRecordBuilder.
func BenchmarkWriter(b *testing.B) {
	events := benchEvents()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		w, err := NewWriter(io.Discard, WriterOptions{})
		if err != nil {
			b.Fatal(err)
		}
		for i := range events {
			if err := w.Write(&events[i]); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	rowsPerSecond(b, len(events))
}

// BenchmarkWriteBatch is Writer.WriteBatch, which passes traces on.
func BenchmarkWriteBatch(b *testing.B) {
	var batch Batch
	for _, e := range benchEvents() {
		batch.Append(&e)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		w, err := NewWriter(io.Discard, WriterOptions{})
		if err != nil {
			b.Fatal(err)
		}
		if err := w.WriteBatch(&batch); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	rowsPerSecond(b, batch.N)
}

// BenchmarkRecordBuilder writes the rows of BenchmarkWriter with the builders of the Arrow
// library: the dictionary columns by their names, or with dictionaries filled before and
// by their indices.
func BenchmarkRecordBuilder(b *testing.B) {
	for _, indices := range []bool{false, true} {
		name := "names"
		if indices {
			name = "indices"
		}
		b.Run(name, func(b *testing.B) {
			events := benchEvents()
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				recordBuilder(b, io.Discard, events, indices)
			}
			rowsPerSecond(b, len(events))
		})
	}
}

func recordBuilder(t testing.TB, out io.Writer, events []Event, indices bool) {
	schema := Schema(nil)
	w := ipc.NewWriter(out, ipc.WithSchema(schema))
	rb := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer rb.Release()
	dictionaries := [3]*array.BinaryDictionaryBuilder{}
	for k, col := range []int{colPhase, colFunction, colSource} {
		dictionaries[k] = rb.Field(col).(*array.BinaryDictionaryBuilder)
	}
	seed := func() {
		for k, names := range vocabularies {
			a := stringArrayOf(names)
			if err := dictionaries[k].InsertStringDictValues(a.(*array.String)); err != nil {
				t.Fatal(err)
			}
		}
	}
	u64 := func(col int, v uint64, has bool) {
		if f := rb.Field(col).(*array.Uint64Builder); has {
			f.Append(v)
		} else {
			f.AppendNull()
		}
	}
	u32 := func(col int, v uint32, has bool) {
		if f := rb.Field(col).(*array.Uint32Builder); has {
			f.Append(v)
		} else {
			f.AppendNull()
		}
	}
	text := func(col int, v string, has bool) {
		if f := rb.Field(col).(*array.StringBuilder); has {
			f.Append(v)
		} else {
			f.AppendNull()
		}
	}
	one := []int{0}
	name := func(k, index int, names []string) {
		if indices {
			one[0] = index
			dictionaries[k].AppendIndices(one, nil)
		} else if err := dictionaries[k].AppendString(names[index]); err != nil {
			t.Fatal(err)
		}
	}
	if indices {
		seed()
	}
	for i := range events {
		e := &events[i]
		h := e.Has
		u64(colSeq, e.Seq, true)
		rb.Field(colTS).(*array.TimestampBuilder).Append(arrow.Timestamp(e.TS))
		if f := rb.Field(colTicks).(*array.Int64Builder); h&HasTicks != 0 {
			f.Append(e.Ticks)
		} else {
			f.AppendNull()
		}
		if f := rb.Field(colCPU).(*array.Uint16Builder); h&HasCPU != 0 {
			f.Append(e.CPU)
		} else {
			f.AppendNull()
		}
		u32(colPID, e.PID, h&HasPID != 0)
		u64(colTID, e.TID, h&HasTID != 0)
		if f := rb.Field(colIRQL).(*array.Uint8Builder); h&HasIRQL != 0 {
			f.Append(e.IRQL)
		} else {
			f.AppendNull()
		}
		name(0, int(e.Phase), phaseNames)
		name(1, int(e.Function), functionNames)
		u64(colCallID, e.CallID, h&HasCallID != 0)
		text(colDriver, e.Driver, h&HasDriver != 0)
		u64(colAdapter, e.Adapter, h&HasAdapter != 0)
		u64(colBinding, e.Binding, h&HasBinding != 0)
		u64(colAF, e.AF, h&HasAF != 0)
		u64(colSAP, e.SAP, h&HasSAP != 0)
		u64(colVC, e.VC, h&HasVC != 0)
		u64(colParty, e.Party, h&HasParty != 0)
		u64(colContext, e.Context, h&HasContext != 0)
		u64(colContext2, e.Context2, h&HasContext2 != 0)
		u32(colAFType, e.AFType, h&HasAFType != 0)
		u32(colAFMajor, e.AFMajor, h&HasAFMajor != 0)
		u32(colAFMinor, e.AFMinor, h&HasAFMinor != 0)
		u32(colStatus, e.Status, h&HasStatus != 0)
		u64(colLost, e.Lost, h&HasLost != 0)
		name(2, int(e.Source), sourceNames)
		text(colDetail, e.Detail, h&HasDetail != 0)
		if (i+1)%DefaultBatchRows == 0 || i+1 == len(events) {
			rec := rb.NewRecord()
			if err := w.Write(rec); err != nil {
				t.Fatal(err)
			}
			rec.Release()
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func stringArrayOf(names []string) arrow.Array {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	b.AppendValues(names, nil)
	return b.NewArray()
}

func benchTraces(b *testing.B) map[string][]byte {
	events := benchEvents()
	return map[string][]byte{
		"stream": writeTrace(b, events, WriterOptions{}),
		"file":   writeTrace(b, events, WriterOptions{File: true}),
		"zstd":   writeTrace(b, events, WriterOptions{Compression: ZSTD}),
	}
}

var benchNames = []string{"stream", "file", "zstd"}

// BenchmarkReader reads batches with all checks. Compare with BenchmarkArrowReader.
func BenchmarkReader(b *testing.B) {
	traces := benchTraces(b)
	for _, name := range benchNames {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(traces[name])))
			b.ReportAllocs()
			for range b.N {
				r, err := NewReader(bytes.NewReader(traces[name]), name, ReaderOptions{})
				if err != nil {
					b.Fatal(err)
				}
				rows := 0
				for {
					batch, err := r.Next()
					if err == io.EOF {
						break
					}
					if err != nil {
						b.Fatal(err)
					}
					rows += batch.N
				}
				r.Close()
				if rows != benchRows {
					b.Fatal(rows)
				}
			}
			rowsPerSecond(b, benchRows)
		})
	}
}

// BenchmarkReaderEvents reads the same row by row.
func BenchmarkReaderEvents(b *testing.B) {
	trace := benchTraces(b)["stream"]
	for b.Loop() {
		r, err := NewReader(bytes.NewReader(trace), "bench", ReaderOptions{})
		if err != nil {
			b.Fatal(err)
		}
		for _, err := range r.Events() {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	rowsPerSecond(b, benchRows)
}

// BenchmarkArrowReader loads the records of the same traces with the readers of the Arrow
// library, without checks and without looking at a value.
func BenchmarkArrowReader(b *testing.B) {
	traces := benchTraces(b)
	for _, name := range benchNames {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(traces[name])))
			b.ReportAllocs()
			for range b.N {
				rows := int64(0)
				if name == "file" {
					r, err := ipc.NewFileReader(bytes.NewReader(traces[name]))
					if err != nil {
						b.Fatal(err)
					}
					for i := range r.NumRecords() {
						rec, err := r.Record(i)
						if err != nil {
							b.Fatal(err)
						}
						rows += rec.NumRows()
					}
					r.Close()
				} else {
					r, err := ipc.NewReader(bytes.NewReader(traces[name]))
					if err != nil {
						b.Fatal(err)
					}
					for r.Next() {
						rows += r.Record().NumRows()
					}
					if r.Err() != nil {
						b.Fatal(r.Err())
					}
					r.Release()
				}
				if rows != benchRows {
					b.Fatal(rows)
				}
			}
			rowsPerSecond(b, benchRows)
		})
	}
}

// BenchmarkMerge merges two traces whose rows alternate in short runs.
func BenchmarkMerge(b *testing.B) {
	events := benchEvents()
	one := writeTrace(b, events, WriterOptions{})
	for i := range events {
		events[i].TS += 2000
		events[i].Function = ndis.Func(2 + i%50)
	}
	two := writeTrace(b, events, WriterOptions{})
	for b.Loop() {
		w, err := NewWriter(io.Discard, WriterOptions{})
		if err != nil {
			b.Fatal(err)
		}
		if err := Merge(w, []*Reader{openBytes(b, "1", one), openBytes(b, "2", two)}, MergeOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	rowsPerSecond(b, 2*benchRows)
}
