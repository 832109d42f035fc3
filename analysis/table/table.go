// Package table writes what came out of replays as three Arrow tables for notebooks and
// fleets: spans (a row for each invocation), findings, and objects (a row for each lifetime).
// docs/tables.md describes their columns. They are plain on purpose: no dictionaries, signed
// or unsigned integers of 64 and 32 bits, UTF-8, timestamps in nanoseconds, so that every
// reader of Arrow reads them.
package table

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
)

// Names of the tables.
const (
	Spans    = "spans"
	Findings = "findings"
	Objects  = "objects"
	Verdicts = "verdicts"
	Events   = "events" // the rows of the trace, in plain types
)

// Names are the names of all tables.
var Names = []string{Spans, Findings, Objects, Verdicts}

// MetaVersion is the key of the schema version of a table.
const MetaVersion = "aftrace.table_version"

// Version of the tables. Columns keep their meaning within a version; new ones may come.
const Version = "1"

// rowsPerBatch is how many rows make a record batch.
const rowsPerBatch = 1 << 15

// Source is what the rows of a table come from: it fills their first columns.
type Source struct {
	Trace  string   // path of the trace
	Host   string   // "" if unknown
	BootID string   // "" if unknown
	Keys   []string // values of the further key columns of the Sink, "" if unknown
}

// Sink is where a table goes.
type Sink struct {
	w      recordWriter
	close  func() error
	schema *arrow.Schema
	cols   []column
	keys   []*texts // further key columns, after the others
	n      int
	err    error
}

type recordWriter interface {
	Write(arrow.Record) error
	Close() error
}

// Extensions are those of the files that Create writes.
var Extensions = []string{".arrow", ".arrows", ".parquet", ".csv"}

// Create makes a table as a file; what kind of file its name says: .arrow is the file format
// of Arrow, .arrows the stream format, .parquet and .csv are those. keys are further columns
// of text after those of the table.
func Create(path, name string, keys ...string) (*Sink, error) {
	ext := strings.ToLower(filepath.Ext(path))
	if !slices.Contains(Extensions, ext) {
		return nil, fmt.Errorf("%s: name it %s", path, strings.Join(Extensions, ", "))
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	s := newSink(name, keys)
	s.close = file.Close
	switch ext {
	case ".arrow":
		s.w, err = ipc.NewFileWriter(file, ipc.WithSchema(s.schema))
	case ".arrows":
		s.w = ipc.NewWriter(file, ipc.WithSchema(s.schema))
	case ".parquet":
		s.w, err = newParquet(file, s.schema)
	case ".csv":
		s.w, err = newCSV(file, s.schema)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return s, nil
}

// NewStream writes a table to w in the stream format.
func NewStream(w io.Writer, name string, keys ...string) *Sink {
	s := newSink(name, keys)
	s.close = func() error { return nil }
	s.w = ipc.NewWriter(w, ipc.WithSchema(s.schema))
	return s
}

func newSink(name string, keys []string) *Sink {
	s := &Sink{}
	for _, k := range keys {
		s.keys = append(s.keys, text(k, true))
	}
	s.use(columnsOf(name))
	fields := make([]arrow.Field, len(s.cols))
	for i, c := range s.cols {
		fields[i] = c.field()
	}
	md := arrow.NewMetadata([]string{MetaVersion, "aftrace.table"}, []string{Version, name})
	s.schema = arrow.NewSchema(fields, &md)
	return s
}

// use makes list the columns of the table, with the further keys after them.
func (s *Sink) use(list []column) {
	s.cols = list
	for _, k := range s.keys {
		s.cols = append(s.cols, k)
	}
}

// row ends a row, which is from from.
func (s *Sink) row(from *Source) {
	for i, k := range s.keys {
		if i < len(from.Keys) {
			k.addIf(from.Keys[i])
		} else {
			k.addNull()
		}
	}
	if s.n++; s.n >= rowsPerBatch {
		s.flush()
	}
}

func (s *Sink) flush() {
	if s.n == 0 {
		return
	}
	arrays := make([]arrow.Array, len(s.cols))
	for i, c := range s.cols {
		arrays[i] = c.array()
	}
	rec := array.NewRecord(s.schema, arrays, int64(s.n))
	if s.err == nil {
		s.err = s.w.Write(rec)
	}
	rec.Release()
	for i, c := range s.cols {
		arrays[i].Release()
		c.reset()
	}
	s.n = 0
}

// Err is the first error of writing.
func (s *Sink) Err() error { return s.err }

// Close writes what is left. The table is whole only if it returns nil.
func (s *Sink) Close() error {
	s.flush()
	return errors.Join(s.err, s.w.Close(), s.close())
}
