package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/analysis/check"
	"github.com/aftrace/aftrace/analysis/life"
	"github.com/aftrace/aftrace/analysis/report"
	"github.com/aftrace/aftrace/analysis/timing"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay/rule"
)

type timingsFlags struct {
	format    string
	quiet     bool
	openLimit time.Duration
	baselines []string
	limit     string
	slowest   int
}

func timingsCommand() *cobra.Command {
	var f timingsFlags
	cmd := &cobra.Command{
		Use:   "timings TRACE...",
		Short: "How long calls and the steps of bringing an address family up took",
		Long: `Show how long calls took, as recorded: a histogram for each function, address family and
driver, and the intervals that no single call shows: register to last notify, notify to
open, open pended to completed, close requested to closed, and bring-up (the first
registration on an adapter to the first successful open on it).

What a gap interrupted has no duration; it is counted. TRACE is as for run.

--baseline compares with other traces: medians with their confidence interval (95 %) and
a Mann-Whitney U test (5 %). With --max-regression the exit code is 1 if a median became
slower by more than that, and not by chance.`,
		Example: `  afreplay timings trace.arrow
  afreplay timings traces/... --slowest 20 --format json
  afreplay timings new.arrow --baseline old.arrow --max-regression 10%`,
		Args: cli.Inputs(1, "the trace to measure"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), args) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.format, "format", "text", "text, json or csv")
	fl.StringArrayVar(&f.baselines, "baseline", nil, "a trace, or a folder of them, to compare with; may be repeated")
	fl.StringVar(&f.limit, "max-regression", "", "with --baseline: exit 1 if something is slower by more than this share, like 10%")
	fl.IntVar(&f.slowest, "slowest", timing.DefaultSlowest, "how many of the slowest calls and intervals to show")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "no progress")
	openLimitFlag(cmd, &f.openLimit)
	return cmd
}

func (f *timingsFlags) run(ctx context.Context, args []string) error {
	if !slices.Contains([]string{"text", "json", "csv"}, f.format) {
		return fmt.Errorf("--format %s: want text, json or csv", f.format)
	}
	if f.slowest < 0 {
		return fmt.Errorf("--slowest %d: want 0 or more", f.slowest)
	}
	if err := checkOpenLimit(f.openLimit); err != nil {
		return err
	}
	o := check.Options{Ahead: true}
	o.Replay.OpenLimit = f.openLimit
	var err error
	out := &timing.Timings{Limit: -1}
	if f.limit != "" {
		if len(f.baselines) == 0 {
			return errors.New("--max-regression: only with --baseline")
		}
		if out.Limit, err = timing.ParseRatio(f.limit); err != nil {
			return fmt.Errorf("--max-regression %w", err)
		}
	}
	read := false // of some trace there is something to show
	measured, failed, err := f.measure(ctx, o, args, out, func(t report.Trace, md format.Metadata) {
		read = read || t.Result != nil
		tell(out, t, md)
	})
	if err != nil {
		return err
	}
	if len(f.baselines) > 0 {
		before, bad, err := f.measure(ctx, o, f.baselines, out, func(report.Trace, format.Metadata) {})
		if err != nil {
			return err
		}
		failed = append(failed, bad...)
		if out.Changes, err = timing.Compare(before, measured); err != nil {
			return cli.Exit(cli.Internal, err)
		}
	}
	if len(failed) > 0 && !read {
		return cli.Exit(cli.Unreadable, errors.Join(failed...))
	}
	out.Rows, out.Intervals, out.Slowest = measured.Rows(), measured.Intervals(), measured.Slowest()
	err = cli.Output(func(w io.Writer) error {
		switch f.format {
		case "json":
			return out.WriteJSON(w)
		case "csv":
			return out.WriteCSV(w)
		}
		return out.WriteText(w)
	})
	switch {
	case err != nil:
		return err
	case len(failed) > 0:
		return cli.Exit(cli.Unreadable, errors.Join(failed...))
	case len(out.Regressions()) > 0:
		return cli.Exit(cli.Violations, nil)
	}
	return nil
}

// measure replays traces and records how long things took. What cannot be read is told apart;
// of it counts what came before. each is told of every trace.
func (f *timingsFlags) measure(ctx context.Context, o check.Options, args []string, out *timing.Timings, each func(report.Trace, format.Metadata)) (*timing.Recorder, []error, error) {
	paths, err := expand(args)
	if err != nil {
		return nil, nil, err
	}
	all := f.recorder()
	var failed []error
	progress, total := cli.NewProgress("measuring", f.quiet), cli.TotalSize(paths)
	defer progress.Done()
	for _, path := range paths {
		t, rec, md, err := f.one(ctx, o, path, func(at int64) { progress.At(at, total) })
		if err != nil {
			return nil, nil, cli.Exit(cli.Internal, err)
		}
		if t.Err != nil {
			failed = append(failed, t.Err)
		}
		if t.Cut {
			out.Truncated = true
			tellCut(path)
		}
		rec.NameTrace(path)
		all.Merge(rec)
		each(t, md)
	}
	return all, failed, nil
}

// one replays one trace.
func (f *timingsFlags) one(ctx context.Context, o check.Options, path string, at func(int64)) (report.Trace, *timing.Recorder, format.Metadata, error) {
	rec, intervals := f.recorder(), f.recorder()
	calls := timing.NewAside(rec)
	follow := life.New()
	follow.Spans, follow.Kinds = calls, timing.Kinds
	x := intervals.Attach(follow)
	var md format.Metadata
	o.Replay.Hook, o.Batch = follow, x.Batch
	o.Progress = func(_ uint64, bytes int64) { at(bytes) }
	o.Opened = func(m format.Metadata) { md = m }
	var t report.Trace
	var err error
	if cli.Passing(path) {
		t, err = check.Read(ctx, cli.Stream(ctx, path), path, o)
	} else {
		t, err = check.Trace(ctx, path, o)
	}
	follow.Finish()
	calls.Finish()
	rec.Merge(intervals)
	return t, rec, md, err
}

// recorder is one that keeps what is asked for.
func (f *timingsFlags) recorder() *timing.Recorder {
	rec := timing.New()
	rec.KeepSlowest(f.slowest)
	if len(f.baselines) > 0 {
		rec.KeepSamples()
	}
	return rec
}

// tell adds what else a trace says of times.
func tell(out *timing.Timings, t report.Trace, md format.Metadata) {
	for _, key := range slices.Sorted(maps.Keys(md)) {
		if strings.HasPrefix(key, "aftrace.uprobe.ns_") {
			out.Overhead = append(out.Overhead, timing.Overhead{Trace: t.Path, Key: key, Value: md[key]})
		}
	}
	if t.Result == nil {
		return
	}
	for i := range t.Result.Findings {
		x := &t.Result.Findings[i]
		if x.Rule == rule.OPEN22 && len(out.Late) < math.MaxInt16 {
			out.Late = append(out.Late, timing.Late{Trace: t.Path, ID: x.ID(), Driver: x.Driver, Message: x.Message})
		}
	}
}
