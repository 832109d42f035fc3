package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aftrace/aftrace/analysis/check"
	"github.com/aftrace/aftrace/analysis/life"
	"github.com/aftrace/aftrace/analysis/report"
	"github.com/aftrace/aftrace/analysis/table"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
)

// Perfetto is the name of the timeline; the other things to export are the tables.
const Perfetto = "perfetto"

// What are the names of all that can be exported.
var What = append(append([]string{}, table.Names...), table.Events, Perfetto)

// Output is one file to write. The path "-" is standard output, which gets a table in the stream
// format of Arrow; one of all outputs can go there.
type Output struct{ What, Path string }

// stdout as the path of an Output.
const stdout = "-"

// ParseOutput reads WHAT=FILE and checks that the file can be one of it.
func ParseOutput(s string) (Output, error) {
	what, path, ok := strings.Cut(s, "=")
	if !ok || path == "" || !slices.Contains(What, what) {
		return Output{}, fmt.Errorf("%s: want WHAT=FILE, where WHAT is %s", s, strings.Join(What, ", "))
	}
	ext := strings.ToLower(filepath.Ext(path))
	switch {
	case path == stdout:
	case what == Perfetto && ext != ".json":
		return Output{}, fmt.Errorf("%s: name the timeline .json, or - for standard output", s)
	case what != Perfetto && !slices.Contains(table.Extensions, ext):
		return Output{}, fmt.Errorf("%s: name the file %s, or - for a stream on standard output", s, strings.Join(table.Extensions, ", "))
	}
	return Output{what, path}, nil
}

// Exporter replays traces and writes what came out of them. Traces must be added one after
// the other.
type Exporter struct {
	FailOn report.FailOn // what else is a violation, in the table of verdicts

	o         check.Options
	spans     []*table.SpanWriter
	findings  []*table.FindingWriter
	objects   []*table.ObjectWriter
	verdicts  []*table.VerdictWriter
	events    []*table.EventWriter
	timelines []*Timeline
	sinks     []*table.Sink
	files     []*os.File // of the timelines
	paths     []string
	traces    int
}

// New creates the files of outs.
func New(outs []Output, o check.Options) (*Exporter, error) {
	x := &Exporter{o: o}
	for _, out := range outs {
		if slices.Contains(x.paths, out.Path) {
			return nil, errors.Join(fmt.Errorf("%s: two outputs have this name", out.Path), x.abandon())
		}
		if err := x.open(out); err != nil {
			return nil, errors.Join(err, x.abandon())
		}
		x.paths = append(x.paths, out.Path)
	}
	return x, nil
}

func (x *Exporter) open(out Output) error {
	switch {
	case out.What == Perfetto && out.Path == stdout:
		x.timelines = append(x.timelines, NewTimeline(os.Stdout))
		return nil
	case out.What == Perfetto:
		f, err := os.Create(out.Path)
		if err != nil {
			return err
		}
		x.files = append(x.files, f)
		x.timelines = append(x.timelines, NewTimeline(f))
		return nil
	case out.Path == stdout:
		x.sinks = append(x.sinks, table.NewStream(os.Stdout, out.What))
	default:
		s, err := table.Create(out.Path, out.What)
		if err != nil {
			return err
		}
		x.sinks = append(x.sinks, s)
	}
	s := x.sinks[len(x.sinks)-1]
	switch out.What {
	case table.Spans:
		x.spans = append(x.spans, table.NewSpanWriter(s))
	case table.Findings:
		x.findings = append(x.findings, table.NewFindingWriter(s))
	case table.Objects:
		x.objects = append(x.objects, table.NewObjectWriter(s))
	case table.Verdicts:
		x.verdicts = append(x.verdicts, table.NewVerdictWriter(s))
	case table.Events:
		x.events = append(x.events, table.NewEventWriter(s))
	}
	return nil
}

// Add replays the trace at path, read from in unless that is nil, and writes what came out. What
// is wrong with the trace is in the returned Trace; the error is one of writing or of ctx.
func (x *Exporter) Add(ctx context.Context, path string, in io.Reader, progress func(rows uint64, bytes int64)) (report.Trace, error) {
	if len(x.timelines) > 0 && x.traces > 0 {
		return report.Trace{}, fmt.Errorf("%s: a timeline is of one trace", path)
	}
	x.traces++
	from := table.Source{Trace: path}
	o := x.o
	o.Progress = progress
	o.Opened = func(md format.Metadata) {
		from.Host, from.BootID = md[format.MetaHost], md[format.MetaBootID]
		for _, w := range x.spans {
			w.From(&from)
		}
		for _, w := range x.objects {
			w.From(&from)
		}
		for _, w := range x.events {
			w.From(&from)
		}
	}
	hooks := &hooks{}
	var batches []func(*format.Batch)
	for _, w := range x.spans {
		hooks.spans = append(hooks.spans, w)
	}
	if len(x.objects)+len(x.timelines) > 0 {
		f := life.New()
		f.Ended = func(l *life.Life) {
			for _, w := range x.objects {
				w.Add(l)
			}
		}
		for _, t := range x.timelines {
			t.Attach(f)
			hooks.spans, batches = append(hooks.spans, t), append(batches, t.Batch)
		}
		hooks.Follower, batches = f, append(batches, f.Batch)
	}
	for _, w := range x.events {
		batches = append(batches, w.Batch)
	}
	o.Batch = func(b *format.Batch) {
		for _, f := range batches {
			f(b)
		}
	}
	switch {
	case hooks.Follower != nil:
		o.Replay.Hook = hooks
	case len(hooks.spans) == 1:
		o.Replay.Hook = hooks.spans[0]
	case len(hooks.spans) > 1:
		o.Replay.Hook = hooks.spans
	}
	var t report.Trace
	var err error
	if in != nil {
		t, err = check.Read(ctx, in, path, o)
	} else {
		t, err = check.Trace(ctx, path, o)
	}
	if hooks.Follower != nil {
		hooks.Finish()
	}
	if err != nil {
		return t, err
	}
	if len(x.findings)+len(x.verdicts) > 0 {
		rep := report.New([]report.Trace{t}, report.Options{FailOn: x.FailOn, Strict: x.o.Replay.Strict})
		for _, w := range x.findings {
			w.Add(rep, func(int) table.Source { return from })
		}
		for _, w := range x.verdicts {
			w.Add(rep, from)
		}
	}
	for _, s := range x.sinks {
		if err := s.Err(); err != nil {
			return t, err
		}
	}
	return t, nil
}

// Close ends the files. They are whole only if it returns nil.
func (x *Exporter) Close() error {
	var errs []error
	for _, s := range x.sinks {
		errs = append(errs, s.Close())
	}
	for _, t := range x.timelines {
		errs = append(errs, t.Close())
	}
	for _, f := range x.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Abandon ends the files and removes them.
func (x *Exporter) Abandon() { _ = x.abandon() }

func (x *Exporter) abandon() error {
	_ = x.Close()
	var errs []error
	for _, p := range x.paths {
		if p != stdout {
			errs = append(errs, os.Remove(p))
		}
	}
	return errors.Join(errs...)
}

// hooks are a Follower and several that are told of the spans.
type hooks struct {
	*life.Follower
	spans spanHooks
}

func (h *hooks) Span(s *replay.Span) { h.spans.Span(s) }

// spanHooks is a Hook that does not ask for the objects of the rows.
type spanHooks []replay.Hook

func (h spanHooks) Span(s *replay.Span) {
	for _, x := range h {
		x.Span(s)
	}
}
