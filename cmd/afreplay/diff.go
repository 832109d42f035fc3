package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/analysis/diff"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
)

func diffCommand() *cobra.Command {
	var form string
	var all bool
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Compare two histories object by object",
		Long: `Compare two histories. They are the same when, under a one-to-one renaming of handles and
contexts and up to the freedoms of the documentation, each object sees the same events;
times, threads, IRQLs and positions do not count. For each other object the first
difference is shown and why it is one: a rule is broken, a driver or the environment
did something else, a driver answered otherwise, or events are missing.

The exit code is 0 if the histories are the same, 1 if they differ, and 3 if one cannot be
read. One of A and B may be - for standard input.`,
		Example: `  afreplay diff recorded.arrow executed.arrow
  afreplay diff before.arrow after.arrow --format json
  afreplay exec trace.arrow -o - --seed 7 | afreplay diff trace.arrow - --all`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 2 {
				return fmt.Errorf("afreplay diff takes two arguments, the histories to compare, not %d: compare them in pairs", len(args))
			}
			return cli.Inputs(2, "one of the two histories to compare")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if form != "text" && form != "json" {
				return fmt.Errorf("--format %s: want text or json", form)
			}
			if args[0] == "-" && args[1] == "-" {
				return errors.New("only one of the two can be standard input")
			}
			return runDiff(cmd.Context(), args[0], args[1], form, all)
		},
	}
	cmd.Flags().StringVar(&form, "format", "text", "text or json")
	cmd.Flags().BoolVar(&all, "all", false, "list documented freedoms too (json always does)")
	return cmd
}

func runDiff(ctx context.Context, a, b, form string, all bool) error {
	var readers [2]*format.Reader
	for i, path := range []string{a, b} {
		r, err := cli.OpenTrace(ctx, path)
		if err != nil {
			return cli.Exit(cli.Unreadable, err)
		}
		defer r.Close()
		readers[i] = r
	}
	sides := diff.Pair(replay.Options{Metadata: readers[0].Metadata()}, replay.Options{Metadata: readers[1].Metadata()})
	for i, r := range readers {
		for {
			if err := ctx.Err(); err != nil {
				return err
			}
			batch, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return cli.Exit(cli.Unreadable, err)
			}
			if err := sides[i].Batch(batch); err != nil {
				return err
			}
		}
		lost, _ := strconv.ParseUint(r.Metadata()[format.MetaLostEvents], 10, 64)
		sides[i].Finish(replay.End{Truncated: r.Truncated(), LostEvents: lost})
	}
	res := diff.Compare(sides)
	w := bufio.NewWriter(os.Stdout)
	var err error
	if form == "json" {
		err = diff.JSON(w, res)
	} else {
		err = diff.Text(w, res, a, b, all)
	}
	if err := errors.Join(err, w.Flush()); err != nil {
		return cli.NotWritten(err)
	}
	if !res.Same {
		return cli.Exit(1, nil)
	}
	return nil
}
