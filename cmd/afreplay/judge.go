package main

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aftrace/aftrace/analysis/check"
	"github.com/aftrace/aftrace/analysis/explain"
	"github.com/aftrace/aftrace/analysis/export"
	"github.com/aftrace/aftrace/analysis/report"
	"github.com/aftrace/aftrace/analysis/timing"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
)

// judge replays traces.
type judge struct {
	o        check.Options
	keep     bool // the rows will be read again
	timed    bool
	picture  bool // the lives of objects will be drawn
	traces   []report.Trace
	timings  *timing.Recorder
	progress func(bytes int64)

	mu     sync.Mutex
	files  map[int]string // of traces whose path is not that of a file
	copies []string       // of standard input, to be removed
	lives  map[int]*report.Lives
	why    map[explain.Subject]*explain.Explanation
}

// newJudge returns a judge. keep says that rows will be asked for, timed that timings will.
func newJudge(o check.Options, keep, timed bool) *judge {
	return &judge{o: o, keep: keep, timed: timed, files: map[int]string{}, lives: map[int]*report.Lives{}, timings: timing.New(), progress: func(int64) {}}
}

func (j *judge) close() {
	for _, path := range j.copies {
		os.Remove(path)
	}
}

// expand is check.Expand for the arguments of a command.
func expand(args []string) ([]string, error) {
	if err := cli.OneStdin(args); err != nil {
		return nil, err
	}
	paths, err := check.Expand(args)
	if err != nil {
		return nil, cli.Exit(cli.Unreadable, err)
	}
	return paths, nil
}

// apart is cli.Apart for traces that are read and what --out names.
func apart(paths []string, outs []export.Output) error {
	files := make([]string, len(outs))
	for i, out := range outs {
		files[i] = out.Path
	}
	return cli.Apart(paths, files)
}

// replay replays the traces at paths, several at a time, and keeps them in their order. What
// is wrong with a trace is part of the report; an error is one of ours.
func (j *judge) replay(ctx context.Context, jobs int, paths ...string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		wg    sync.WaitGroup
		next  atomic.Int64
		bytes atomic.Int64
	)
	traces := make([]report.Trace, len(paths))
	timings := &inOrder{into: j.timings, waiting: map[int]*timing.Recorder{}}
	for range min(jobs, len(paths)) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(paths) {
					return
				}
				o := j.o
				var recorder *timing.Recorder
				if j.timed {
					recorder = timing.New()
					o.Replay.Hook = recorder
				}
				done := j.watch(i, &o)
				told := int64(0)
				o.Progress = func(_ uint64, at int64) {
					sum := bytes.Add(at - told)
					told = at
					j.mu.Lock()
					j.progress(sum)
					j.mu.Unlock()
				}
				t, err := j.one(ctx, i, paths[i], o)
				done()
				if err != nil {
					cancel(err)
					return
				}
				traces[i] = t
				if st, err := os.Stat(paths[i]); err == nil {
					bytes.Add(st.Size() - told)
				}
				timings.add(i, recorder)
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return cli.Exit(cli.Internal, err)
	}
	j.traces = traces
	return nil
}

// inOrder merges the timings of traces in the order of the traces, so that the same traces
// give the same report however many run at a time.
type inOrder struct {
	mu      sync.Mutex
	into    *timing.Recorder
	next    int
	waiting map[int]*timing.Recorder
}

func (o *inOrder) add(i int, r *timing.Recorder) {
	if r == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting[i] = r
	for r := o.waiting[o.next]; r != nil; r = o.waiting[o.next] {
		o.into.Merge(r)
		delete(o.waiting, o.next)
		o.next++
	}
}

// one replays the trace at path, which is number i.
func (j *judge) one(ctx context.Context, i int, path string, o check.Options) (report.Trace, error) {
	if cli.Passing(path) {
		return j.passing(ctx, i, path, o)
	}
	return check.Trace(ctx, path, o)
}

// follow replays a trace while it grows, until it is complete, nothing came for the time
// idle, or ctx is done. tell hears of findings as they come.
func (j *judge) follow(ctx context.Context, path string, idle time.Duration, tell func(*replay.Finding)) error {
	o := j.o
	o.Found = tell
	o.Progress = func(_ uint64, at int64) { j.progress(at) }
	if j.timed {
		o.Replay.Hook = j.timings
	}
	defer j.watch(0, &o)()
	passing := cli.Passing(path)
	open := func() (io.ReadCloser, error) { return os.Open(path) }
	if passing {
		open = func() (io.ReadCloser, error) { return io.NopCloser(cli.Stream(ctx, path)), nil }
	}
	file, err := open()
	if err != nil {
		j.traces = []report.Trace{{Path: path, Err: err}}
		return nil
	}
	defer file.Close()
	in := cli.Follow(ctx, file, !passing, idle)
	if passing && j.keep {
		copied, err := j.copyOf(0)
		if err != nil {
			return cli.Exit(cli.Internal, err)
		}
		defer copied.Close()
		in = io.TeeReader(in, copied)
	}
	t, err := check.Read(context.WithoutCancel(ctx), in, path, o)
	if err != nil {
		return cli.Exit(cli.Internal, err)
	}
	j.traces = []report.Trace{t}
	return nil
}

// passing replays standard input or a pipe, with a copy on the side if its rows will be read
// again.
func (j *judge) passing(ctx context.Context, i int, path string, o check.Options) (report.Trace, error) {
	in := cli.Stream(ctx, path)
	if !j.keep {
		return check.Read(ctx, in, path, o)
	}
	copied, err := j.copyOf(i)
	if err != nil {
		return report.Trace{}, err
	}
	t, err := check.Read(ctx, io.TeeReader(in, copied), path, o)
	return t, errors.Join(err, copied.Close())
}

// copyOf makes the file that trace i is read from again.
func (j *judge) copyOf(i int) (*os.File, error) {
	copied, err := os.CreateTemp("", "afreplay-input-*")
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.copies = append(j.copies, copied.Name())
	j.files[i] = copied.Name()
	return copied, nil
}

// file is where trace i is read from again.
func (j *judge) file(i int) string {
	if file, ok := j.files[i]; ok {
		return file
	}
	return j.traces[i].Path
}

// rows reads the rows that prove something a second time. Rows that are not there any more
// are shown as numbers.
func (j *judge) rows(trace int, seqs []uint64) map[uint64]format.Event {
	found, _ := report.Evidence(j.file(trace), seqs)
	return found
}

// watch makes the replay of trace i tell of the lives of objects, if they will be drawn; done
// is to be called after it.
func (j *judge) watch(i int, o *check.Options) (done func()) {
	if !j.picture {
		return func() {}
	}
	lives := report.NewLives(o.Replay.Hook)
	o.Replay.Hook, o.Batch = lives, lives.Batch
	j.mu.Lock()
	j.lives[i] = lives
	j.mu.Unlock()
	return lives.Finish
}

// material is what reports show beside the model.
func (j *judge) material(ctx context.Context) report.Material {
	m := report.Material{Ladders: func(trace int, subjects []explain.Subject) []*explain.Explanation {
		return j.ladders(ctx, trace, subjects)
	}}
	if j.picture {
		m.Lives = make([]*report.Lives, len(j.traces))
		for i, l := range j.lives {
			m.Lives[i] = l
		}
		m.Histograms = j.timings.Histograms()
	}
	return m
}

// ladders explains findings and conflicts of a trace, each once for all reports. What cannot
// be explained, because the trace is not there any more, is nil.
func (j *judge) ladders(ctx context.Context, trace int, subjects []explain.Subject) []*explain.Explanation {
	if j.why == nil {
		j.why = map[explain.Subject]*explain.Explanation{}
	}
	var missing []explain.Subject
	for _, s := range subjects {
		if _, ok := j.why[s]; !ok {
			missing = append(missing, s)
			j.why[s] = nil
		}
	}
	open := func() (explain.Source, error) { return format.Open(j.file(trace), j.o.Reader) }
	if list, err := explain.Build(ctx, open, missing, explain.Options{Replay: j.o.Replay}); err == nil {
		for i, s := range missing {
			j.why[s] = list[i]
		}
	}
	out := make([]*explain.Explanation, len(subjects))
	for i, s := range subjects {
		out[i] = j.why[s]
	}
	return out
}
