package table

import (
	"bufio"
	"encoding/csv"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"github.com/aftrace/aftrace/analysis/rows"
)

// newParquet writes Parquet 2.6 with Zstandard, one row group a batch. The Arrow schema is
// kept in the file, so that times keep their unit and zone.
func newParquet(w io.Writer, schema *arrow.Schema) (recordWriter, error) {
	props := parquet.NewWriterProperties(
		parquet.WithVersion(parquet.V2_LATEST), parquet.WithCompression(compress.Codecs.Zstd), parquet.WithMaxRowGroupLength(rowsPerBatch),
	)
	// The writer closes what it writes to if it can; the file is ours to close.
	buffered := bufio.NewWriterSize(w, 1<<20)
	f, err := pqarrow.NewFileWriter(schema, buffered, props, pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		return nil, err
	}
	return &parquetWriter{f, buffered}, nil
}

type parquetWriter struct {
	*pqarrow.FileWriter
	b *bufio.Writer
}

func (p *parquetWriter) Close() error { return errors.Join(p.FileWriter.Close(), p.b.Flush()) }

// csvWriter writes RFC 4180 with a header line: times in RFC 3339 with nine digits, handles
// and numbers as decimals, lists with spaces between their values, nothing for a null.
type csvWriter struct {
	w     *csv.Writer
	cells []string
}

func newCSV(w io.Writer, schema *arrow.Schema) (recordWriter, error) {
	c := &csvWriter{w: csv.NewWriter(w), cells: make([]string, schema.NumFields())}
	for i, f := range schema.Fields() {
		c.cells[i] = f.Name
	}
	return c, c.w.Write(c.cells)
}

func (c *csvWriter) Write(rec arrow.Record) error {
	cols := make([]func(int) string, rec.NumCols())
	for i := range cols {
		cols[i] = cell(rec.Column(i))
	}
	for r := range int(rec.NumRows()) {
		for i, at := range cols {
			c.cells[i] = at(r)
		}
		if err := c.w.Write(c.cells); err != nil {
			return err
		}
	}
	return nil
}

func (c *csvWriter) Close() error {
	c.w.Flush()
	return c.w.Error()
}

// cell gives the values of a column as text.
func cell(a arrow.Array) func(int) string {
	var value func(int) string
	switch a := a.(type) {
	case *array.String:
		value = a.Value
	case *array.Timestamp:
		value = func(i int) string { return rows.Time(int64(a.Value(i))) }
	case *array.Uint64:
		value = func(i int) string { return strconv.FormatUint(a.Value(i), 10) }
	case *array.List:
		of := cell(a.ListValues())
		value = func(i int) string {
			from, to := a.ValueOffsets(i)
			parts := make([]string, 0, to-from)
			for k := from; k < to; k++ {
				parts = append(parts, of(int(k)))
			}
			return strings.Join(parts, " ")
		}
	default:
		value = a.ValueStr
	}
	return func(i int) string {
		if a.IsNull(i) {
			return ""
		}
		return value(i)
	}
}
