package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/collect/scrub"
	"github.com/aftrace/aftrace/format"
)

func scrubCommand() *cobra.Command {
	var output string
	var quiet, zstd bool
	var o scrub.Options
	cmd := &cobra.Command{
		Use:   "scrub IN -o OUT",
		Short: "Make a trace that may leave a site",
		Long: `Make a copy of a trace without what tells of the host: handles, contexts and other
addresses, host and boot, interface names, SAPs, call parameters and the folders of drivers
are replaced, equal ones by equal ones. Columns, metadata and keys of the detail that are
not known are dropped. afreplay finds in the copy what it finds in the original.

The key of the replacement is random and forgotten. With --seed TEXT traces that were
scrubbed apart fit together; who knows the text can compute the addresses, so it is as
secret as they are. --shift also moves all times, --threads replaces processes, threads
and processors, --drivers the labels of drivers.

A trace that was cut short is scrubbed as far as it goes, and so is the copy cut short;
--salvage treats a damaged one in the same way.`,
		Example: `  aftrace scrub trace.arrow -o scrubbed.arrow
  aftrace scrub trace.arrow -o scrubbed.arrow --drivers --threads --shift -8760h
  aftrace scrub trace.arrow -o - --seed 'a long secret' | afreplay run -`,
		Args: cli.Only("the trace to scrub", "scrub them one by one, or join them with aftrace merge"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("seed") && o.Seed == "" {
				return errors.New("--seed: an empty text is no secret")
			}
			return runScrub(cmd.Context(), args[0], output, o, quiet, zstd)
		},
	}
	fl := cmd.Flags()
	fl.StringVarP(&output, "output", "o", "", "the trace to write: .arrow, .arrows or - for a stream to standard output")
	fl.StringVar(&o.Seed, "seed", "", "replace by a key made of this text, the same way in every run")
	fl.StringSliceVar(&o.Keep, "keep", nil, "columns, metadata keys or keys of the detail to leave as they are; may be repeated")
	fl.BoolVar(&o.Drivers, "drivers", false, "replace all labels of drivers")
	fl.BoolVar(&o.Threads, "threads", false, "replace cpu, pid and tid")
	fl.DurationVar(&o.Shift, "shift", 0, "add this to all times, like -8760h")
	fl.BoolVar(&o.Salvage, "salvage", false, "take what is before a damaged place")
	fl.BoolVar(&zstd, "zstd", false, "compress the trace (smaller, but cannot be mapped)")
	fl.BoolVarP(&quiet, "quiet", "q", false, "no summary and no progress")
	return cmd
}

func runScrub(ctx context.Context, input, output string, o scrub.Options, quiet, zstd bool) error {
	if err := checkOutput(output); err != nil {
		return err
	}
	if err := cli.Apart([]string{input}, []string{output}); err != nil {
		return err
	}
	r, err := cli.OpenTrace(ctx, input)
	if err != nil {
		return exit(err)
	}
	defer r.Close()
	progress := cli.NewProgress("scrubbing", quiet)
	size := cli.TotalSize([]string{input})
	o.ToolVersion = cli.ToolVersion()
	o.Progress = func(uint64) { progress.At(r.Offset(), size) }
	s, err := scrub.New(r, o)
	if err != nil {
		return exit(err)
	}
	wo := s.WriterOptions()
	if zstd {
		wo.Compression = format.ZSTD
	}
	w, err := createTrace(output, wo)
	if err != nil {
		return err
	}
	sum, err := s.Run(ctx, w)
	progress.Done()
	if err != nil {
		w.Discard()
		switch {
		case errors.Is(err, scrub.ErrShift):
			return cli.Exit(cli.Usage, err)
		case errors.Is(err, format.ErrEvent):
			return cli.Exit(cli.Unreadable, fmt.Errorf("%s: %w; aftrace merge %s -o FILE numbers its rows anew", input, err, input))
		}
		return exit(err)
	}
	end := w.Close
	if sum.Cut {
		end = w.CloseCut
	}
	if err := end(); err != nil {
		return cli.NotWritten(err)
	}
	if !quiet {
		fmt.Fprint(os.Stderr, scrubText(output, sum))
	}
	return nil
}

// scrubText is what a run did, for people.
func scrubText(output string, sum *scrub.Summary) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s scrubbed%s\n", rows.Safe(output), rows.Count(sum.Rows, "row"), flags(sum.Cut, "cut short"))
	for _, part := range []struct {
		what  string
		names map[string]uint64
	}{
		{"columns", sum.Columns},
		{"metadata", sum.Metadata},
		{"keys of the detail", sum.DetailKeys},
	} {
		if len(part.names) > 0 {
			fmt.Fprintf(&b, "  dropped %s: %s\n", part.what, rows.Safe(strings.Join(scrub.Dropped(part.names), ", ")))
		}
	}
	if sum.BadDetails > 0 {
		fmt.Fprintf(&b, "  %d details dropped that are no JSON objects\n", sum.BadDetails)
	}
	return b.String()
}
