package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/analysis/check"
	"github.com/aftrace/aftrace/analysis/export"
	"github.com/aftrace/aftrace/analysis/report"
	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/replay"
)

// formats are those of commands that write no report.
var formats = []string{"text", "json"}

type runFlags struct {
	judging
	format   string
	out      []string
	baseline string
	accepted string
	timings  bool
	findings int
	probe    bool
	quiet    bool
	follow   bool
	idle     time.Duration
	jobs     int
}

func runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run TRACE...",
		Short: "Replay traces and report what broke",
		Long: `Replay traces against the reference NDIS and report what broke.

TRACE is an .arrow or .arrows file, a folder (the traces in it; with /... those in its
subfolders too) or - for standard input. All traces are replayed, then the exit code
is that of the worst: 3 if one could not be read, else 1 if one has violations, else
4 if one is inconclusive, else 0.

A trace has violations if a finding of severity error stands; --fail-on asks for more.
It is inconclusive if lost events could change the verdict, if it was cut short
(--allow-loss lets it conform), or if no rule about address families could be judged.

With --baseline or --suppressions the verdict stays as it is, and the exit code is that
of the findings which are neither known nor suppressed.`,
		Example: `  afreplay run trace.arrow
  afreplay run traces/... --fail-on conflict
  afreplay run trace.arrow --strict AMB-05,AMB-21
  afreplay run trace.arrow --format json
  afreplay run trace.arrow --out json=report.json --out sarif=report.sarif --quiet
  afreplay run trace.arrow --out html=report.html
  afreplay run trace.arrow --baseline report.json
  aftrace convert recording.etl -o - | afreplay run -
  afreplay run --follow capture.arrows`,
		Args: cli.Inputs(1, "the trace to replay"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), args) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.format, "format", "text", "report on standard output: "+report.FormatList())
	fl.StringArrayVar(&f.out, "out", nil, "write a report to a file, as FORMAT=FILE; may be repeated")
	f.judging.flags(cmd)
	fl.StringVar(&f.baseline, "baseline", "", "an earlier JSON report: findings that are in it do not count for the exit code")
	fl.StringVar(&f.accepted, "suppressions", "", "a file of findings that are accepted, with reason and expiry (docs/ci.md)")
	fl.BoolVar(&f.timings, "timings", false, "add a table of how long calls took to the text report")
	fl.IntVar(&f.findings, "findings", report.DefaultFindings, "findings and conflicts that the text report shows; -1 for all")
	fl.IntVarP(&f.jobs, "jobs", "j", runtime.GOMAXPROCS(0), "traces replayed at the same time")
	fl.BoolVar(&f.follow, "follow", false, "go on while the trace grows, telling findings as they come, until it is complete or you interrupt")
	fl.DurationVar(&f.idle, "follow-idle", 0, "with --follow: stop when nothing came for this long; 0 waits on")
	fl.BoolVar(&f.probe, "probe", false, "measure each transition of the replay with eBPF probes on this process (Linux, root), and list them on standard error")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "no report on standard output and no progress")
	return cmd
}

// outputs checks what the flags ask for.
func (f *runFlags) outputs() (outs []export.Output, err error) {
	if !slices.Contains(report.Formats, f.format) {
		return nil, fmt.Errorf("--format %s: want %s", f.format, report.FormatList())
	}
	if !f.quiet {
		outs = append(outs, export.Output{What: f.format, Path: "-"})
	}
	for _, o := range f.out {
		format, path, ok := strings.Cut(o, "=")
		if !ok || path == "" || !slices.Contains(report.Formats, format) {
			return nil, fmt.Errorf("--out %s: want FORMAT=FILE, where FORMAT is %s", o, report.FormatList())
		}
		outs = append(outs, export.Output{What: format, Path: path})
	}
	return outs, nil
}

func (f *runFlags) options() (o check.Options, failOn report.FailOn, err error) {
	if o, failOn, err = f.judging.options(); err != nil {
		return o, failOn, err
	}
	if f.findings == 0 || f.findings < -1 {
		return o, failOn, fmt.Errorf("--findings %d: want a number above 0, or -1 for all", f.findings)
	}
	if f.jobs < 1 {
		return o, failOn, fmt.Errorf("--jobs %d: want at least 1", f.jobs)
	}
	if f.idle < 0 {
		return o, failOn, fmt.Errorf("--follow-idle %s: want 0 or more", f.idle)
	}
	if f.idle > 0 && !f.follow {
		return o, failOn, errors.New("--follow-idle: only with --follow")
	}
	return o, failOn, nil
}

// accept reads what was accepted before.
func (f *runFlags) accept() (*report.Accept, error) {
	if f.baseline == "" && f.accepted == "" {
		return nil, nil
	}
	a := &report.Accept{Today: time.Now()}
	var err error
	if f.baseline != "" {
		if a.Baseline, err = report.ReadBaseline(f.baseline); err != nil {
			return nil, cli.OfFlag("baseline", f.baseline, err)
		}
	}
	if f.accepted != "" {
		if a.Suppressions, err = report.ReadSuppressions(f.accepted); err != nil {
			return nil, cli.OfFlag("suppressions", f.accepted, err)
		}
	}
	return a, nil
}

func (f *runFlags) run(ctx context.Context, args []string) error {
	outs, err := f.outputs()
	if err != nil {
		return err
	}
	o, failOn, err := f.options()
	if err != nil {
		return err
	}
	accept, err := f.accept()
	if err != nil {
		return cli.Exit(cli.Unreadable, err)
	}
	paths, err := expand(args)
	if err != nil {
		return err
	}
	if err := apart(paths, outs); err != nil {
		return err
	}
	wants := func(format string) bool {
		return slices.ContainsFunc(outs, func(o export.Output) bool { return o.What == format })
	}
	j := newJudge(o, slices.ContainsFunc(outs, func(o export.Output) bool { return report.NeedsRows(o.What) }), f.timings || wants("json") || wants("html"))
	defer j.close()
	j.picture = wants("html")
	var probes *probing
	if f.probe {
		if probes, err = startProbing(); err != nil {
			return err
		}
	}
	progress, total := cli.NewProgress("replaying", f.quiet), cli.TotalSize(paths)
	defer progress.Done()
	j.progress = func(done int64) { progress.At(done, total) }
	if f.follow {
		if len(paths) != 1 {
			return fmt.Errorf("--follow: want one trace, got %d", len(paths))
		}
		// Being told to stop is how this ends: what there is by then is the trace.
		err = j.follow(ctx, paths[0], f.idle, f.tellNews())
		ctx = context.WithoutCancel(ctx)
	} else {
		err = j.replay(ctx, f.jobs, paths...)
	}
	progress.Done()
	probes.stop()
	if err := errors.Join(err, probes.tell(nil)); err != nil {
		return err
	}
	rep := report.New(j.traces, report.Options{FailOn: failOn, Strict: o.Replay.Strict, Timings: j.timings.Rows(), Accept: accept})
	for _, out := range outs {
		if err := f.write(ctx, rep, out, j); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if f.follow {
		return cli.Stopped(rep.ExitCode(), nil)
	}
	return cli.Exit(rep.ExitCode(), nil)
}

// tellNews shows findings as they come: beside the text report on standard output, else on
// standard error, so that what programs read stays whole.
func (f *runFlags) tellNews() func(*replay.Finding) {
	w := os.Stdout
	if f.quiet || f.format != "text" {
		w = os.Stderr
	}
	return func(x *replay.Finding) {
		if f.quiet {
			return
		}
		fmt.Fprintf(w, "%s %s (so far): %s\n", x.Severity, x.ID(), rows.Safe(x.Message))
	}
}

// write writes one report where it should go.
func (f *runFlags) write(ctx context.Context, rep *report.Report, out export.Output, j *judge) error {
	write := func(w io.Writer) error {
		return rep.Write(w, out.What, cli.ToolVersion(), report.TextOptions{
			Color: out.Path == "-" && cli.Color(), Timings: f.timings, Findings: f.findings, Flags: f.flagsToExplain(), Rows: j.rows,
		}, j.material(ctx))
	}
	if out.Path == "-" {
		return cli.Output(write)
	}
	file, err := os.Create(out.Path)
	if err != nil {
		return cli.NotWritten(err)
	}
	if err := errors.Join(write(file), file.Close()); err != nil {
		return cli.NotWritten(err)
	}
	return nil
}
