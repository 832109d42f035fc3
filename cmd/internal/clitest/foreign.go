package clitest

import (
	"bytes"
	"encoding/binary"
	"os"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// foreign are the Arrow files that other software could write and ours does not.
var foreign = map[string]func() ([]byte, error){
	// A table of something else.
	"other": func() ([]byte, error) {
		return arrowFile(arrow.NewSchema([]arrow.Field{{Name: "city", Type: arrow.BinaryTypes.String}}, nil), 2)
	},
	// A trace of a schema version of the future.
	"version2": func() ([]byte, error) { return arrowFile(traceSchema("2"), 2) },
	// A trace whose seq goes back.
	"disorder": func() ([]byte, error) { return arrowFile(traceSchema(format.SchemaVersion), 9, 7, 8) },
	// A trace with a function that the vocabulary does not have.
	"function": func() ([]byte, error) { return arrowFile(traceSchema(format.SchemaVersion), 1) },
	// A compressed batch that says to unpack to a terabyte.
	"bomb": bomb,
}

func mkforeign(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "mkforeign FILE KIND")
	b, err := foreign[args[1]]()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o666))
}

func traceSchema(version string) *arrow.Schema {
	s := format.Schema(nil)
	md := arrow.MetadataFrom(map[string]string{format.MetaSchemaVersion: version})
	return arrow.NewSchema(s.Fields(), &md)
}

// arrowFile writes a row for each seq: strings are NdisFuture, numbers 0, and what may be
// null is.
func arrowFile(schema *arrow.Schema, seqs ...uint64) ([]byte, error) {
	build := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer build.Release()
	for _, seq := range seqs {
		for i, f := range schema.Fields() {
			if f.Nullable {
				build.Field(i).AppendNull()
				continue
			}
			switch b := build.Field(i).(type) {
			case *array.Uint64Builder:
				b.Append(seq)
			case *array.TimestampBuilder:
				b.Append(0)
			case *array.StringBuilder:
				b.Append("NdisFuture")
			case *array.BinaryDictionaryBuilder:
				if err := b.AppendString(map[string]string{"phase": "enter", "function": "NdisFuture", "source": "etw"}[f.Name]); err != nil {
					return nil, err
				}
			}
		}
	}
	rec := build.NewRecord()
	defer rec.Release()
	var out seekBuffer
	w, err := ipc.NewFileWriter(&out, ipc.WithSchema(schema))
	if err != nil {
		return nil, err
	}
	if err := w.Write(rec); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

// seekBuffer is a buffer that can say where it is, all that the Arrow library asks for.
type seekBuffer struct{ bytes.Buffer }

func (s *seekBuffer) Seek(int64, int) (int64, error) { return int64(s.Len()), nil }

func bomb() ([]byte, error) {
	const size = 1<<20 + 12345
	detail := `{"x":"` + strings.Repeat("x", size-8) + `"}`
	var out bytes.Buffer
	w, err := format.NewWriter(&out, format.WriterOptions{File: true, Compression: format.ZSTD})
	if err != nil {
		return nil, err
	}
	e := format.Event{Function: ndis.ProtocolCmOpenAf, Detail: detail, Has: format.HasDetail}
	if err := w.Write(&e); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	// The length that a buffer unpacks to stands before its compressed bytes.
	says := func(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }
	return bytes.Replace(out.Bytes(), says(size), says(1<<40), 1), nil
}
