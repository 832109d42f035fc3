// Package fleet replays the traces of many hosts: a stream in which the rows of several
// hosts and boots come together, each of which is a world of its own.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/aftrace/aftrace/analysis/check"
	"github.com/aftrace/aftrace/analysis/life"
	"github.com/aftrace/aftrace/analysis/report"
	"github.com/aftrace/aftrace/analysis/table"
	"github.com/aftrace/aftrace/format"
)

// Columns that tell the worlds of a stream apart.
const (
	HostColumn = check.HostColumn
	BootColumn = check.BootColumn
)

// Options of Filter.
type Options struct {
	Emit    string   // the table that is written: one of table.Names
	Keys    []string // further columns that tell worlds apart and are passed on
	Grouped bool     // the rows of a world come together: it ends where another begins
	Check   check.Options
	Report  report.Options // its Timings and Accept are not used
}

// Summary is what became of a stream.
type Summary struct {
	Worlds   int
	Events   uint64
	ExitCode int      // of the worst world, as that of afreplay run
	Missing  []string // of Options.Keys: columns that the input does not have
}

// ErrReturned says that the rows of a world did not come together although Options said so.
var ErrReturned = errors.New("its rows do not come together: sort by host and boot_id, or leave out --grouped")

// world is one host and boot.
type world struct {
	from   table.Source
	replay *check.World
	follow *life.Follower
	rows   format.Batch // of the current batch, if it has rows of others too
}

// filter is the work on one stream.
type filter struct {
	o        Options
	md       format.Metadata
	worlds   map[string]*world
	order    []*world // by their first rows
	done     map[string]bool
	now      *world
	key      []byte
	keys     []keyColumn
	spans    *table.SpanWriter
	findings *table.FindingWriter
	objects  *table.ObjectWriter
	verdicts *table.VerdictWriter
	sum      Summary
	name     string
}

type keyColumn struct {
	name string
	at   int // index in ExtraColumns, -1 if the input does not have it
}

// Filter replays the stream in, called name in messages, and writes a table to out as a
// stream. Worlds are told apart by host, boot_id and the further keys, as far as the input
// has such columns; without them it is one world, with the host and boot of the metadata.
// Memory follows the live objects of the worlds. What is wrong with the input comes back as
// an error after what could be read was judged and written.
func Filter(ctx context.Context, in io.Reader, name string, out io.Writer, o Options) (Summary, error) {
	r, err := format.NewReader(in, name, o.Check.Reader)
	if err != nil {
		return Summary{}, &InputError{err}
	}
	defer r.Close()
	f := &filter{o: o, md: r.Metadata(), worlds: map[string]*world{}, done: map[string]bool{}, name: name}
	sink := table.NewStream(out, o.Emit, o.Keys...)
	switch o.Emit {
	case table.Spans:
		f.spans = table.NewSpanWriter(sink)
	case table.Findings:
		f.findings = table.NewFindingWriter(sink)
	case table.Objects:
		f.objects = table.NewObjectWriter(sink)
	case table.Verdicts:
		f.verdicts = table.NewVerdictWriter(sink)
	}
	extra := r.ExtraColumns()
	for _, k := range append([]string{HostColumn, BootColumn}, o.Keys...) {
		f.keys = append(f.keys, keyColumn{k, slices.IndexFunc(extra, func(x arrow.Field) bool { return x.Name == k })})
	}
	for _, k := range f.keys[2:] {
		if k.at < 0 {
			f.sum.Missing = append(f.sum.Missing, k.name)
		}
	}
	var broken error
	for broken == nil && sink.Err() == nil {
		if err := ctx.Err(); err != nil {
			return f.sum, err
		}
		b, err := r.Next()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = f.batch(r, b)
		}
		if err != nil {
			broken = err
		}
	}
	for _, w := range f.order {
		if w != nil {
			f.finish(w, r.Truncated(), r.Defects(), broken)
		}
	}
	if r.Truncated() && f.sum.Worlds == 0 { // which ones are missing is not known
		f.sum.ExitCode = worse(f.sum.ExitCode, 4)
	}
	if err := sink.Close(); err != nil {
		return f.sum, err
	}
	if broken != nil {
		return f.sum, &InputError{broken}
	}
	return f.sum, nil
}

// InputError is what is wrong with the input.
type InputError struct{ Err error }

func (e *InputError) Error() string { return e.Err.Error() }
func (e *InputError) Unwrap() error { return e.Err }

// batch gives the rows of b to their worlds.
func (f *filter) batch(r *format.Reader, b *format.Batch) error {
	cols := make([]func(int) string, len(f.keys))
	for i, k := range f.keys {
		if k.at >= 0 {
			cols[i] = check.KeyValues(r.Extra(k.at))
		}
	}
	var parts []*world
	for from := 0; from < b.N; {
		to := from + 1
		for to < b.N && same(cols, from, to) {
			to++
		}
		w, err := f.at(cols, from)
		if err != nil {
			return err
		}
		if from == 0 && to == b.N {
			return w.replay.Batch(b)
		}
		if w.rows.N == 0 {
			parts = append(parts, w)
		}
		w.rows.AppendRows(b, from, to)
		from = to
	}
	for _, w := range parts {
		if err := w.flush(); err != nil {
			return err
		}
	}
	return nil
}

// flush replays the rows that were collected of a batch.
func (w *world) flush() error {
	if w.rows.N == 0 {
		return nil
	}
	err := w.replay.Batch(&w.rows)
	w.rows.Reset()
	return err
}

// same says whether two rows have the same keys.
func same(cols []func(int) string, i, k int) bool {
	for _, at := range cols {
		if at != nil && at(i) != at(k) {
			return false
		}
	}
	return true
}

// at is the world of row i.
func (f *filter) at(cols []func(int) string, i int) (*world, error) {
	f.key = f.key[:0]
	for _, at := range cols {
		s := ""
		if at != nil {
			s = at(i)
		}
		f.key = fmt.Appendf(f.key, "%d:%s", len(s), s)
	}
	if w := f.worlds[string(f.key)]; w != nil {
		return w, nil
	}
	key := string(f.key)
	if f.o.Grouped {
		if f.now != nil {
			if err := f.now.flush(); err != nil {
				return nil, err
			}
			f.finish(f.now, false, nil, nil)
			f.order = f.order[:0]
			clear(f.worlds)
		}
		if f.done[key] {
			return nil, fmt.Errorf("%s: row of %s: %w", f.name, f.source(cols, i).Trace, ErrReturned)
		}
		f.done[key] = true
	}
	w := &world{from: f.source(cols, i)}
	o := f.o.Check
	if f.spans != nil {
		o.Replay.Hook = &spansOf{f.spans, w}
	}
	if f.objects != nil {
		w.follow = life.New()
		w.follow.Ended = func(l *life.Life) {
			f.objects.From(&w.from)
			f.objects.Add(l)
		}
		o.Replay.Hook = w.follow
		o.Batch = w.follow.Batch
	}
	w.replay = check.NewWorld(w.from.Trace, f.md, o)
	f.worlds[key], f.now = w, w
	f.order = append(f.order, w)
	return w, nil
}

// source says where row i is from. The name of a world without a host is that of the stream.
func (f *filter) source(cols []func(int) string, i int) table.Source {
	s := table.Source{Host: f.md[format.MetaHost], BootID: f.md[format.MetaBootID]}
	if cols[0] != nil {
		s.Host = strings.Clone(cols[0](i))
	}
	if cols[1] != nil {
		s.BootID = strings.Clone(cols[1](i))
	}
	for _, at := range cols[2:] {
		v := ""
		if at != nil {
			v = strings.Clone(at(i))
		}
		s.Keys = append(s.Keys, v)
	}
	s.Trace = f.name
	if cols[0] != nil || cols[1] != nil {
		s.Trace = s.Host + "/" + s.BootID
	}
	return s
}

// finish judges a world and writes what its end gives.
func (f *filter) finish(w *world, truncated bool, defects map[string]uint64, broken error) {
	t := w.replay.Finish(truncated, defects, broken)
	if w.follow != nil {
		w.follow.Finish()
	}
	rep := report.New([]report.Trace{t}, report.Options{FailOn: f.o.Report.FailOn, Strict: f.o.Report.Strict})
	switch {
	case f.findings != nil:
		f.findings.Add(rep, func(int) table.Source { return w.from })
	case f.verdicts != nil:
		f.verdicts.Add(rep, w.from)
	}
	f.sum.Worlds++
	f.sum.Events += rep.Events
	f.sum.ExitCode = worse(f.sum.ExitCode, rep.ExitCode())
}

// worse is the exit code of two worlds together: 3 before 1 before 4 before 0.
func worse(a, b int) int {
	for _, code := range []int{3, 1, 4} {
		if a == code || b == code {
			return code
		}
	}
	return 0
}
