package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/format"
)

func catCommand() *cobra.Command {
	var f struct {
		format                               string
		functions, adapters, drivers, status []string
		seq                                  []string
		since, until                         string
		limit                                uint64
	}
	cmd := &cobra.Command{
		Use:   "cat FILE",
		Short: "Show the rows of a trace",
		Long: `Show the rows of a trace as text, JSON (an object a line) or CSV. - is standard input.

A row is shown if it matches each kind of filter that is given, and it matches a kind
if it matches one of its values. Functions and drivers may be patterns with * and ?.
--seq takes the numbers of rows, which the text begins with and findings, timings and
tables name.

JSON and CSV have the columns of the schema; handles are hex strings, times RFC 3339,
and JSON leaves null columns out.`,
		Example: `  aftrace cat trace.arrow
  aftrace cat trace.arrow --function '*RegisterAddressFamily*' --status FAILURE
  aftrace cat trace.arrow --driver ndproxy --since 2026-03-01T09:15:00Z --limit 20
  aftrace cat trace.arrow --seq 54-81
  aftrace cat trace.arrow --format json | jq -r .function`,
		Args: cli.Only("the trace to show", "show them one by one, or join them with aftrace merge"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var filter rows.Filter
			for _, part := range []struct {
				flag   string
				values []string
				add    func(string) error
			}{
				{"function", f.functions, filter.Function},
				{"adapter", f.adapters, filter.Adapter},
				{"driver", f.drivers, func(p string) error { filter.Driver(p); return nil }},
				{"status", f.status, filter.Status},
				{"seq", f.seq, filter.Seq},
			} {
				for _, v := range part.values {
					if err := part.add(v); err != nil {
						return fmt.Errorf("--%s: %w", part.flag, err)
					}
				}
			}
			if err := filter.Between(f.since, f.until); err != nil {
				return err
			}
			if _, err := rows.NewWriter(io.Discard, rows.Format(f.format)); err != nil {
				return fmt.Errorf("--format: %w", err)
			}
			r, err := cli.OpenTrace(cmd.Context(), args[0])
			if err != nil {
				return exit(err)
			}
			defer r.Close()
			var shown uint64
			err = cli.Output(func(out io.Writer) error {
				w, err := rows.NewWriter(out, rows.Format(f.format))
				if err != nil {
					return err
				}
				shown, err = rows.Copy(cmd.Context(), w, r, &filter, f.limit)
				var refused *format.Error
				if errors.As(err, &refused) {
					return exit(err)
				}
				return err
			})
			if err == nil && r.Truncated() {
				fmt.Fprintf(os.Stderr, "aftrace: %s is cut short: these are the rows that can be read\n", rows.Safe(args[0]))
			}
			if err == nil && shown == 0 && r.Rows() > 0 {
				fmt.Fprintf(os.Stderr, "aftrace: none of %s of %s passes the filters\n", rows.Count(r.Rows(), "row"), rows.Safe(args[0]))
			}
			return err
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.format, "format", "text", "text, json or csv")
	fl.StringArrayVar(&f.functions, "function", nil, "only functions of this name or pattern; may be repeated, like all filters")
	fl.StringArrayVar(&f.adapters, "adapter", nil, "only rows of this adapter handle")
	fl.StringArrayVar(&f.drivers, "driver", nil, "only drivers of this label or pattern")
	fl.StringArrayVar(&f.status, "status", nil, "only rows with this status, a name or a number")
	fl.StringArrayVar(&f.seq, "seq", nil, "only rows of this number, or from one to another: N, FROM-TO, FROM- or -TO")
	fl.StringVar(&f.since, "since", "", "only rows from this time on (RFC 3339, or nanoseconds since 1970)")
	fl.StringVar(&f.until, "until", "", "only rows before this time")
	fl.Uint64Var(&f.limit, "limit", 0, "at most this many rows; 0 is all")
	return cmd
}
