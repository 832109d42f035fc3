package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/analysis/export"
	"github.com/aftrace/aftrace/cmd/internal/cli"
)

type exportFlags struct {
	judging
	out   []string
	quiet bool
}

func exportCommand() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export TRACE... --out WHAT=FILE",
		Short: "Write tables and timelines for other tools",
		Long: `Replay traces and write what came out for other tools, several files at once.

WHAT is spans (a row for each call), findings, objects (a row for each lifetime), verdicts
(a row for each trace), events (the rows of the traces in plain types), or perfetto: a
timeline of one trace for Perfetto and chrome://tracing, with the calls of each driver,
the lives of address families, SAPs and VCs, and arrows from a registration over its
notifications to the opens.

Tables go to .arrow (the file format), .arrows (the stream format), .parquet or .csv, the
timeline to .json; one of them to standard output, -, a table as a stream. docs/tables.md
describes the columns. TRACE is as for run; the verdict does not matter here.

--strict, --af-identity and --open-limit decide what is in findings and verdicts, --fail-on
and --allow-loss the verdict in verdicts. The other tables and the timeline do not change.`,
		Example: `  afreplay export trace.arrow --out spans=spans.arrow --out objects=objects.arrow
  afreplay export traces/... --out findings=findings.parquet --out verdicts=verdicts.csv
  afreplay export trace.arrow --out perfetto=timeline.json`,
		Args: cli.Inputs(1, "the trace to export"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), args) },
	}
	cmd.Flags().StringArrayVar(&f.out, "out", nil, "what to write where, as WHAT=FILE; may be repeated")
	cmd.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "no progress")
	f.judging.flags(cmd)
	return cmd
}

func (f *exportFlags) run(ctx context.Context, args []string) error {
	if len(f.out) == 0 {
		return fmt.Errorf("--out is missing: WHAT=FILE, where WHAT is %s", strings.Join(export.What, ", "))
	}
	var outs []export.Output
	for _, s := range f.out {
		out, err := export.ParseOutput(s)
		if err != nil {
			return fmt.Errorf("--out %w", err)
		}
		outs = append(outs, out)
	}
	o, failOn, err := f.options()
	if err != nil {
		return err
	}
	o.Ahead = true
	paths, err := expand(args)
	if err != nil {
		return err
	}
	if err := apart(paths, outs); err != nil {
		return err
	}
	stdout := 0
	for _, out := range outs {
		if out.Path == "-" {
			stdout++
		}
		switch {
		case out.Path != "-":
		case stdout > 1:
			return errors.New("--out: only one output can go to standard output")
		case out.What != export.Perfetto && cli.Terminal(os.Stdout):
			return fmt.Errorf("--out %s=-: a table is not for a terminal: redirect standard output or name a file", out.What)
		}
	}
	for _, out := range outs {
		if out.What == export.Perfetto && len(paths) > 1 {
			return fmt.Errorf("--out %s=…: a timeline is of one trace, got %d", out.What, len(paths))
		}
	}
	x, err := export.New(outs, o)
	if err != nil {
		return cli.NotWritten(err)
	}
	x.FailOn = failOn
	progress, total := cli.NewProgress("exporting", f.quiet), cli.TotalSize(paths)
	defer progress.Done()
	var failed []error
	for _, path := range paths {
		var in io.Reader
		if cli.Passing(path) {
			in = cli.Stream(ctx, path)
		}
		t, err := x.Add(ctx, path, in, func(_ uint64, at int64) { progress.At(at, total) })
		if err != nil {
			x.Abandon()
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return cli.NotWritten(err)
		}
		if t.Err != nil {
			failed = append(failed, t.Err)
		}
		if t.Cut {
			tellCut(path)
		}
	}
	if err := x.Close(); err != nil {
		x.Abandon() // a table of text does not show that it is not whole
		return cli.NotWritten(err)
	}
	if len(failed) > 0 {
		return cli.Exit(cli.Unreadable, errors.Join(failed...))
	}
	return nil
}
