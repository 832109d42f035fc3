package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/analysis/fleet"
	"github.com/aftrace/aftrace/analysis/table"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/format"
)

type filterFlags struct {
	emit    string
	keys    []string
	grouped bool
	judging judging
}

func filterCommand() *cobra.Command {
	var f filterFlags
	cmd := &cobra.Command{
		Use:   "filter",
		Short: "Replay an Arrow stream of many hosts, and write a table of results",
		Long: `Read the rows of traces as an Arrow stream from standard input, replay them, and write
a table of results as an Arrow stream to standard output.

The rows may be of many hosts: each combination of the columns host, boot_id and those
named by --key is a world of its own, replayed by itself, and the table has these columns.
Rows of different worlds may come in any mixture, those of one world in their order.
Memory follows the live objects of all worlds; with --grouped, where the rows of a world
come together, that of one.

The tables are spans (a row for each call), findings, objects (a row for each lifetime)
and verdicts (a row for each world): see docs/tables.md. The exit code is that of the
worst world, as for run.`,
		Example: `  afreplay filter --emit findings < fleet.arrows > findings.arrows
  afreplay filter --emit verdicts --grouped --key region < fleet.arrows > verdicts.arrows`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("afreplay filter takes no arguments: rows come from standard input, as in afreplay filter --emit spans < %s", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context()) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.emit, "emit", "", "the table to write: "+strings.Join(table.Names, ", "))
	fl.StringSliceVar(&f.keys, "key", nil, "a further column that tells worlds apart and is passed on; may be repeated")
	fl.BoolVar(&f.grouped, "grouped", false, "the rows of a world come together: it ends where another begins")
	f.judging.flags(cmd)
	return cmd
}

func (f *filterFlags) run(ctx context.Context) error {
	if !slices.Contains(table.Names, f.emit) {
		return fmt.Errorf("--emit %q: want %s", f.emit, strings.Join(table.Names, ", "))
	}
	o, failOn, err := f.judging.options()
	if err != nil {
		return err
	}
	for i, k := range f.keys {
		switch {
		case k == "" || k == fleet.HostColumn || k == fleet.BootColumn:
			return fmt.Errorf("--key %q: want the name of another column than host and boot_id", k)
		case slices.Contains(f.keys[:i], k):
			return fmt.Errorf("--key %q: named twice", k)
		case format.Schema(nil).HasField(k):
			return fmt.Errorf("--key %q: a column of every trace, which cannot tell worlds apart", k)
		case table.Has(f.emit, k):
			return fmt.Errorf("--key %q: the table %s has a column of this name; rename that of the input", k, f.emit)
		}
	}
	if cli.Terminal(os.Stdout) {
		return errors.New("a table is not for a terminal: redirect standard output")
	}
	var sum fleet.Summary
	var input *fleet.InputError
	opts := fleet.Options{Emit: f.emit, Keys: f.keys, Grouped: f.grouped, Check: o}
	opts.Report.FailOn, opts.Report.Strict = failOn, o.Replay.Strict
	err = cli.Output(func(w io.Writer) error {
		buffered := bufio.NewWriterSize(w, 1<<16)
		s, err := fleet.Filter(ctx, cli.Stdin(ctx), "-", buffered, opts)
		sum = s
		if errors.As(err, &input) || ctx.Err() != nil {
			err = nil // not one of writing
		}
		return errors.Join(err, buffered.Flush())
	})
	for _, k := range sum.Missing {
		fmt.Fprintf(os.Stderr, "afreplay: --key: the input has no column %q: it tells no worlds apart, and is null in the table\n", k)
	}
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case input != nil:
		return cli.Exit(cli.Unreadable, input.Err)
	}
	return cli.Exit(sum.ExitCode, nil)
}
