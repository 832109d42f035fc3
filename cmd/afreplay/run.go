package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/analysis/check"
	"github.com/aftrace/aftrace/analysis/report"
	"github.com/aftrace/aftrace/analysis/timing"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// formats are those of reports.
var formats = []string{"text", "json"}

// output is one report that was asked for.
type output struct {
	format string
	path   string // "-" is standard output
}

type runFlags struct {
	format     string
	out        []string
	failOn     []string
	allowLoss  bool
	afIdentity string
	strict     []string
	openLimit  time.Duration
	timings    bool
	findings   int
	quiet      bool
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
(--allow-loss lets it conform), or if no rule about address families could be judged.`,
		Example: `  afreplay run trace.arrow
  afreplay run traces/... --fail-on conflict
  afreplay run trace.arrow --strict AMB-05,AMB-21
  afreplay run trace.arrow --format json
  afreplay run trace.arrow --out json=report.json --quiet
  aftrace convert recording.etl -o - | afreplay run -`,
		Args: cli.Inputs(1, "the trace to replay"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), args) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.format, "format", "text", "report on standard output: text or json")
	fl.StringArrayVar(&f.out, "out", nil, "write a report to a file, as FORMAT=FILE; may be repeated")
	fl.StringSliceVar(&f.failOn, "fail-on", nil, "what else is a violation: warning, info, conflict, defect, or the name of a rule")
	fl.BoolVar(&f.allowLoss, "allow-loss", false, "let a trace conform although events were lost or it was cut short")
	fl.StringVar(&f.afIdentity, "af-identity", "type", "what makes two address families the same: type or type+version")
	strictFlag(cmd, &f.strict)
	fl.DurationVar(&f.openLimit, "open-limit", time.Millisecond, "how long ProtocolCmOpenAf may take if it does not pend (OPEN-22)")
	fl.BoolVar(&f.timings, "timings", false, "add a table of how long calls took to the text report")
	fl.IntVar(&f.findings, "findings", report.DefaultFindings, "findings and conflicts that the text report shows; -1 for all")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "no report on standard output and no progress")
	return cmd
}

// strictFlag adds the flag that names ambiguities.
func strictFlag(cmd *cobra.Command, names *[]string) {
	cmd.Flags().StringSliceVar(names, "strict", nil, "hold an ambiguity of the documentation strictly, such as AMB-05: see afreplay rules AMB; may be repeated")
}

// strict reads the values of that flag.
func strict(names []string) (rule.AMBSet, error) {
	set, err := rule.ParseStrict(names)
	if err != nil {
		err = fmt.Errorf("--strict: %w", err)
	}
	return set, err
}

// outputs checks what the flags ask for.
func (f *runFlags) outputs() (outs []output, err error) {
	if !slices.Contains(formats, f.format) {
		return nil, fmt.Errorf("--format %s: want %s", f.format, strings.Join(formats, " or "))
	}
	if !f.quiet {
		outs = append(outs, output{f.format, "-"})
	}
	for _, o := range f.out {
		format, path, ok := strings.Cut(o, "=")
		if !ok || path == "" || !slices.Contains(formats, format) {
			return nil, fmt.Errorf("--out %s: want FORMAT=FILE, where FORMAT is %s", o, strings.Join(formats, " or "))
		}
		outs = append(outs, output{format, path})
	}
	return outs, nil
}

func (f *runFlags) options() (o check.Options, failOn report.FailOn, err error) {
	if failOn, err = report.ParseFailOn(f.failOn); err != nil {
		return o, failOn, fmt.Errorf("--fail-on %w", err)
	}
	switch f.afIdentity {
	case "type":
	case "type+version":
		o.Replay.AFIdentity = replay.IdentityTypeVersion
	default:
		return o, failOn, fmt.Errorf("--af-identity %s: want type or type+version", f.afIdentity)
	}
	if o.Replay.Strict, err = strict(f.strict); err != nil {
		return o, failOn, err
	}
	if o.Replay.Strict.Has(rule.AMB01) && o.Replay.AFIdentity != replay.IdentityType {
		return o, failOn, errors.New("--strict AMB-01: the type alone identifies, which --af-identity type+version denies: choose one")
	}
	if f.openLimit <= 0 {
		return o, failOn, fmt.Errorf("--open-limit %s: want more than 0", f.openLimit)
	}
	if f.findings == 0 {
		return o, failOn, errors.New("--findings 0: want a number above 0, or -1 for all")
	}
	o.Replay.OpenLimit, o.Replay.AllowLoss = f.openLimit, f.allowLoss
	return o, failOn, nil
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
	paths, err := check.Expand(args)
	if err != nil {
		return cli.Exit(cli.Unreadable, err)
	}
	wants := func(format string) bool {
		return slices.ContainsFunc(outs, func(o output) bool { return o.format == format })
	}
	j := newJudge(o, wants("text"), f.timings || wants("json"))
	defer j.close()
	progress, total := cli.NewProgress("replaying", f.quiet), cli.TotalSize(paths)
	defer progress.Done()
	j.progress = func(done int64) { progress.At(done, total) }
	for _, path := range paths {
		if err := j.replay(ctx, path); err != nil {
			return err
		}
	}
	progress.Done()
	rep := report.New(j.traces, report.Options{FailOn: failOn, Strict: o.Replay.Strict, Timings: j.timings.Rows()})
	for _, out := range outs {
		if err := f.write(rep, out, j); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return cli.Exit(rep.ExitCode(), nil)
}

// write writes one report where it should go.
func (f *runFlags) write(rep *report.Report, out output, j *judge) error {
	write := func(w io.Writer) error {
		if out.format == "json" {
			return rep.WriteJSON(w)
		}
		return rep.WriteText(w, report.TextOptions{
			Color: out.path == "-" && cli.Color(), Timings: f.timings, Findings: f.findings, Rows: j.rows,
		})
	}
	if out.path == "-" {
		return cli.Output(write)
	}
	file, err := os.Create(out.path)
	if err != nil {
		return cli.NotWritten(err)
	}
	if err := errors.Join(write(file), file.Close()); err != nil {
		return cli.NotWritten(err)
	}
	return nil
}

// judge replays traces one after the other.
type judge struct {
	o        check.Options
	keep     bool // the rows will be read again
	traces   []report.Trace
	files    map[int]string // of traces whose path is not that of a file
	copies   []string       // of standard input, to be removed
	timings  *timing.Recorder
	progress func(bytes int64)
	before   int64 // bytes of the traces that are done
}

// newJudge returns a judge. keep says that rows will be asked for, timed that timings will.
func newJudge(o check.Options, keep, timed bool) *judge {
	j := &judge{o: o, keep: keep, files: map[int]string{}, timings: timing.New(), progress: func(int64) {}}
	if timed {
		j.o.Replay.Hook = j.timings
	}
	return j
}

func (j *judge) close() {
	for _, path := range j.copies {
		os.Remove(path)
	}
}

// replay adds the trace at path. What is wrong with the trace is part of the report; an
// error is one of ours.
func (j *judge) replay(ctx context.Context, path string) error {
	o := j.o
	o.Progress = func(_ uint64, bytes int64) { j.progress(j.before + bytes) }
	var t report.Trace
	var err error
	if path == "-" {
		t, err = j.stdin(ctx, o)
	} else {
		t, err = check.Trace(ctx, path, o)
		if st, err := os.Stat(path); err == nil {
			j.before += st.Size()
		}
	}
	if err != nil {
		return cli.Exit(cli.Internal, err)
	}
	j.traces = append(j.traces, t)
	return nil
}

// stdin replays standard input, with a copy on the side if its rows will be read again.
func (j *judge) stdin(ctx context.Context, o check.Options) (report.Trace, error) {
	in := cli.Stdin(ctx)
	if !j.keep {
		return check.Read(ctx, in, "-", o)
	}
	copied, err := os.CreateTemp("", "afreplay-stdin-*")
	if err != nil {
		return report.Trace{}, err
	}
	j.copies = append(j.copies, copied.Name())
	j.files[len(j.traces)] = copied.Name()
	t, err := check.Read(ctx, io.TeeReader(in, copied), "-", o)
	return t, errors.Join(err, copied.Close())
}

// rows reads the rows that prove something a second time. Rows that are not there any more
// are shown as numbers.
func (j *judge) rows(trace int, seqs []uint64) map[uint64]format.Event {
	path := j.traces[trace].Path
	if file, ok := j.files[trace]; ok {
		path = file
	}
	found, _ := report.Evidence(path, seqs)
	return found
}
