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
	"sync/atomic"

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
const rowsPerBatch = 1 << 13

// Source is what the rows of a table come from: it fills their first columns.
type Source struct {
	Trace  string   // path of the trace
	Host   string   // "" if unknown
	BootID string   // "" if unknown
	Keys   []string // values of the further key columns of the Sink, "" if unknown
}

// Sink is where a table goes. What is full is written beside the replay that makes the next
// rows, so that it does not wait for the disk.
type Sink struct {
	w      recordWriter
	close  func() error
	schema *arrow.Schema
	keys   []string      // further key columns, after the others
	rest   func()        // writes what is left
	busy   chan struct{} // closed when nothing is being written; nil before the first time
	failed atomic.Bool
	err    error // once nothing is being written
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

// Has says whether the table name has a column.
func Has(name, column string) bool {
	for _, c := range columnsOf(name).cols {
		if c.field().Name == column {
			return true
		}
	}
	return false
}

// NewStream writes a table to w in the stream format.
func NewStream(w io.Writer, name string, keys ...string) *Sink {
	s := newSink(name, keys)
	s.close = func() error { return nil }
	s.w = ipc.NewWriter(w, ipc.WithSchema(s.schema))
	return s
}

func newSink(name string, keys []string) *Sink {
	s := &Sink{keys: keys, rest: func() {}}
	b := columnsOf(name)
	b.extend(keys)
	fields := make([]arrow.Field, len(b.cols))
	for i, c := range b.cols {
		fields[i] = c.field()
	}
	md := arrow.NewMetadata([]string{MetaVersion, "aftrace.table"}, []string{Version, name})
	s.schema = arrow.NewSchema(fields, &md)
	return s
}

// write writes a block and empties it, while others are filled.
func (s *Sink) write(b *block) {
	if b.n == 0 {
		return
	}
	s.beside(func() error {
		defer b.reset()
		if s.err != nil {
			return s.err
		}
		return s.record(b)
	})
}

// beside writes beside the caller, after what was written before.
func (s *Sink) beside(f func() error) {
	s.wait()
	busy := make(chan struct{})
	s.busy = busy
	go func() {
		defer close(busy)
		s.err = f()
		s.failed.Store(s.err != nil)
	}()
}

func (s *Sink) record(b *block) error {
	b.seal()
	arrays := make([]arrow.Array, len(b.cols))
	for i, c := range b.cols {
		arrays[i] = c.array(b)
		defer arrays[i].Release()
	}
	rec := array.NewRecord(s.schema, arrays, int64(b.n))
	defer rec.Release()
	return s.w.Write(rec)
}

// wait waits until nothing is being written.
func (s *Sink) wait() {
	if s.busy != nil {
		<-s.busy
	}
}

// Err is the first error of writing so far.
func (s *Sink) Err() error {
	if !s.failed.Load() {
		return nil
	}
	s.wait()
	return s.err
}

// Close writes what is left. The table is whole only if it returns nil.
func (s *Sink) Close() error {
	s.rest()
	s.wait()
	return errors.Join(s.err, s.w.Close(), s.close())
}

// columns are those of a table, with the rows that are not written yet.
type columns interface{ rowsOf() *block }

func (b *block) rowsOf() *block { return b }

// writer fills one set of columns while another is written. It is the base of those that
// write tables; they are not safe for concurrent use.
type writer[C columns] struct {
	*Sink
	c, spare C
	source   Source
}

func newWriter[C columns](s *Sink, c func() C) writer[C] {
	w := writer[C]{Sink: s, c: c(), spare: c()}
	w.c.rowsOf().extend(s.keys)
	w.spare.rowsOf().extend(s.keys)
	w.c.rowsOf().from(w.source)
	return w
}

// From says where the rows to come are from.
func (w *writer[C]) From(s *Source) {
	if s.same(&w.source) {
		return
	}
	w.source = *s
	b := w.c.rowsOf()
	if b.from(*s); b.n >= b.limit {
		w.flush()
	}
}

// flush lets the rows be written.
func (w *writer[C]) flush() {
	w.write(w.c.rowsOf())
	w.c, w.spare = w.spare, w.c
	w.c.rowsOf().from(w.source)
}

// text is how many bytes of text s keeps.
func (s *Source) text() int {
	n := len(s.Trace) + len(s.Host) + len(s.BootID)
	for _, k := range s.Keys {
		n += len(k)
	}
	return n
}

func (s *Source) same(o *Source) bool {
	return s.Trace == o.Trace && s.Host == o.Host && s.BootID == o.BootID && slices.Equal(s.Keys, o.Keys)
}
