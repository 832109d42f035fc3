package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/analysis/check"
	"github.com/aftrace/aftrace/analysis/report"
	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/replay/rule"
	"github.com/aftrace/aftrace/testdata"
)

func demoCommand() *cobra.Command {
	var keep string
	var names []string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole way on an embedded recording",
		Long: `Show the whole way on a recording that is part of the program: the .etl of a host with
WAN call managers, in which some things go wrong, is converted to a trace, replayed and
reported on. --keep leaves the files to look at.

The demo exits with 0 when it shows what it should; afreplay run exits with 1 on the
same trace.`,
		Example: `  afreplay demo
  afreplay demo --keep demo-files`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			held, err := strict(names)
			if err != nil {
				return err
			}
			dir := keep
			if dir == "" {
				temp, err := os.MkdirTemp("", "afreplay-demo-*")
				if err != nil {
					return cli.NotWritten(err)
				}
				defer os.RemoveAll(temp)
				dir = temp
			} else if err := os.MkdirAll(dir, 0o777); err != nil {
				return cli.NotWritten(err)
			}
			return demo(cmd.Context(), dir, keep != "", held)
		},
	}
	cmd.Flags().StringVar(&keep, "keep", "", "folder to leave the recording and the trace in")
	strictFlag(cmd, &names)
	return cmd
}

// stage is a part of the demo and how long it took.
type stage struct {
	what string
	took time.Duration
}

func demo(ctx context.Context, dir string, kept bool, held rule.AMBSet) error {
	etl, trace := filepath.Join(dir, "demo.etl"), filepath.Join(dir, "demo.arrow")
	if err := os.WriteFile(etl, testdata.DemoETL, 0o666); err != nil {
		return cli.NotWritten(err)
	}
	var stages []stage
	begun := time.Now()
	done := func(format string, args ...any) {
		stages = append(stages, stage{fmt.Sprintf(format, args...), time.Since(begun)})
		begun = time.Now()
	}

	sum, err := collect.Convert(ctx, collect.ConvertOptions{Inputs: []string{etl}, Output: trace, Host: "demo", ToolVersion: cli.ToolVersion()})
	if err != nil {
		return cli.Exit(cli.Internal, err)
	}
	done("convert %s to %s", rows.Count(sum.Records, "record"), rows.Count(sum.Events, "event"))

	var o check.Options
	o.Replay.Strict = held
	j := newJudge(o, true, true)
	defer j.close()
	if err := j.replay(ctx, 1, trace); err != nil {
		return err
	}
	j.files[0], j.traces[0].Path = trace, filepath.Base(trace)
	done("replay %s", rows.Count(sum.Events, "event"))

	rep := report.New(j.traces, report.Options{Strict: held, Timings: j.timings.Rows()})
	return cli.Output(func(w io.Writer) error {
		fmt.Fprintf(w, "A recording of a host with WAN call managers: %s of %d bytes.\n\n", filepath.Base(etl), len(testdata.DemoETL))
		o := report.TextOptions{Color: cli.Color(), Timings: true, Rows: j.rows, Explain: "--demo"}
		if kept {
			o.Explain = rows.Safe(trace)
		}
		err := rep.WriteText(w, o)
		if err != nil {
			return err
		}
		done("report")
		fmt.Fprintf(w, "\nhow long it took here:\n")
		for _, s := range stages {
			fmt.Fprintf(w, "  %-36s %s\n", s.what, s.took.Round(time.Microsecond))
		}
		if rep.ExitCode() != cli.Violations {
			return cli.Exit(cli.Internal, errors.New("the demo did not find what its recording contains"))
		}
		fmt.Fprintf(w, "\nWhat is wrong is part of the recording. afreplay run exits with %d on this trace.\n", rep.ExitCode())
		if kept {
			fmt.Fprintf(w, "Look around:\n  aftrace info %s\n  aftrace cat %s\n  afreplay run %s\n  afreplay explain %s --all\n", rows.Safe(etl), rows.Safe(trace), rows.Safe(trace), rows.Safe(trace))
		} else {
			fmt.Fprintf(w, "afreplay demo --keep DIR leaves the recording and the trace in DIR.\n")
		}
		return nil
	})
}
