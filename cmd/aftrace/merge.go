package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/format"
)

func mergeCommand() *cobra.Command {
	var output string
	var salvage, quiet bool
	cmd := &cobra.Command{
		Use:   "merge IN... -o OUT",
		Short: "Merge traces of one boot into one",
		Long: `Merge traces of one boot of one host into one, in the order of time. Traces of different
hosts or boots are refused: their handles have nothing to do with each other.

A trace that was cut short is merged as far as it goes and leaves a gap row at its end;
--salvage treats a damaged one in the same way.`,
		Example: `  aftrace merge client.arrow manager.arrow -o host.arrow
  aftrace merge a.arrows b.arrows -o - | afreplay run -`,
		Args: cli.Inputs(1, "a trace to merge"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return merge(cmd.Context(), args, output, salvage, quiet)
		},
	}
	fl := cmd.Flags()
	fl.StringVarP(&output, "output", "o", "", "the trace to write: .arrow, .arrows or - for a stream to standard output")
	fl.BoolVar(&salvage, "salvage", false, "take what is before a damaged place and go on")
	fl.BoolVarP(&quiet, "quiet", "q", false, "no summary")
	return cmd
}

func merge(ctx context.Context, args []string, output string, salvage, quiet bool) error {
	if err := checkOutput(output); err != nil {
		return err
	}
	if err := errors.Join(cli.Once(args), cli.Apart(args, []string{output})); err != nil {
		return err
	}
	var ins []*format.Reader
	for _, path := range args {
		r, err := cli.OpenTrace(ctx, path)
		if err != nil {
			return exit(err)
		}
		defer r.Close()
		ins = append(ins, r)
	}
	w, err := createTrace(output, format.WriterOptions{Metadata: format.Metadata{format.MetaToolVersion: cli.ToolVersion()}})
	if err != nil {
		return err
	}
	o := format.MergeOptions{Salvage: salvage, Progress: func(uint64) {
		if ctx.Err() != nil {
			w.Discard() // which ends Merge with an error
		}
	}}
	if err := format.Merge(w, ins, o); err != nil {
		w.Discard()
		return exit(errors.Join(ctx.Err(), err))
	}
	if err := w.Close(); err != nil {
		return cli.NotWritten(err)
	}
	if !quiet {
		fmt.Fprintf(os.Stderr, "%s: %s of %s\n", rows.Safe(output), rows.Count(w.Rows(), "event"), rows.Count(len(ins), "trace"))
	}
	return nil
}
