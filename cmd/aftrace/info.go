package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/etl"
)

func infoCommand() *cobra.Command {
	var asJSON, quiet bool
	var desc *collect.Descriptions
	cmd := &cobra.Command{
		Use:   "info FILE",
		Short: "Say what is in a recording or a trace",
		Long: `Say what is in an .etl recording (records by kind and provider, what was lost) or in a
trace (events by function, drivers, gaps, metadata). What a file is, its first bytes
say. - is standard input.`,
		Example: `  aftrace info recording.etl
  aftrace info trace.arrow --json`,
		Args: cli.Only("the file", "look at them one by one"),
		RunE: func(cmd *cobra.Command, args []string) error {
			paths, spooled, done, err := seekable(cmd.Context(), args)
			if err != nil {
				return err
			}
			defer done()
			lib, err := library(desc, quiet)
			if err != nil {
				return err
			}
			info, text, err := look(cmd.Context(), paths[0], lib, quiet)
			if err != nil {
				return exit(spooled.rename(err))
			}
			return cli.Output(func(w io.Writer) error {
				if asJSON {
					return writeJSON(w, info)
				}
				_, err := io.WriteString(w, rows.Safe(args[0])+": "+text)
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "no progress")
	desc = descriptions(cmd.Flags())
	return cmd
}

// look reads a file and says what is in it, as data and as text.
func look(ctx context.Context, path string, lib *decode.Library, quiet bool) (info any, text string, err error) {
	if isTrace(path) {
		t, err := collect.TraceInfo(ctx, path)
		if err != nil {
			return nil, "", err
		}
		return t, traceText(t), nil
	}
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return nil, "", cli.Exit(cli.Unreadable, fmt.Errorf("%s: is a folder: name the recordings and traces in it, one by one", path))
	}
	progress := cli.NewProgress("reading", quiet)
	e, err := collect.Info(ctx, path, lib, progress.At)
	progress.Done()
	if errors.Is(err, etl.ErrNotETL) {
		err = fmt.Errorf("%w; nor is it a trace: those are Arrow files, .arrow and .arrows", err)
	}
	if err != nil {
		return nil, "", err
	}
	return e, etlText(e), nil
}

// isTrace says whether a file begins like an Arrow file or stream.
func isTrace(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 8)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false
	}
	head = head[:n]
	return strings.HasPrefix(string(head), "ARROW1\x00\x00") || strings.HasPrefix(string(head), "\xff\xff\xff\xff")
}

// table writes names and numbers, the largest number first.
func table(b *strings.Builder, title string, counts map[string]uint64) {
	fmt.Fprintf(b, "%s:\n", title)
	names := slices.SortedFunc(maps.Keys(counts), func(x, y string) int {
		if counts[x] != counts[y] {
			if counts[x] > counts[y] {
				return -1
			}
			return 1
		}
		return strings.Compare(x, y)
	})
	for _, n := range names {
		fmt.Fprintf(b, "  %9d  %s\n", counts[n], rows.Safe(n))
	}
}

func span(start, end collect.Time) string {
	if start.IsZero() {
		return "unknown"
	}
	s := rows.Time(start.UnixNano())
	if end.IsZero() {
		return s + " to unknown"
	}
	return fmt.Sprintf("%s to %s (%s)", s, rows.Time(end.UnixNano()), end.Sub(start.Time))
}

func etlText(e *collect.ETLInfo) string {
	var b strings.Builder
	fmt.Fprintf(&b, "ETW recording, %s%s\n", rows.Count(e.Records, "record"), flags(e.Truncated, "cut short"))
	fmt.Fprintf(&b, "time:    %s\n", span(e.Start, e.End))
	fmt.Fprintf(&b, "host:    Windows build %d, %d-bit, clock %s\n", e.OSBuild, 8*int(e.PointerSize), e.Clock)
	fmt.Fprintf(&b, "buffers: %d, %d compressed\n", e.Buffers, e.CompressedBuffers)
	fmt.Fprintf(&b, "lost:    %s, %s\n", rows.Count(uint64(e.EventsLost), "event"), rows.Count(uint64(e.BuffersLost), "buffer"))
	kinds := maps.Clone(e.RecordKinds)
	if e.UnknownRecords > 0 {
		kinds["unknown"] = e.UnknownRecords
	}
	table(&b, "records", kinds)
	if len(e.Providers) > 0 {
		b.WriteString("providers:\n")
	}
	for _, p := range e.Providers {
		fmt.Fprintf(&b, "  %9d  %s", p.Records, p.GUID)
		if p.Name != "" {
			b.WriteString(" " + rows.Safe(p.Name))
		}
		if p.Decoded > 0 && p.Undecoded > 0 {
			fmt.Fprintf(&b, ", %d not decoded", p.Undecoded)
		} else if p.Undecoded > 0 {
			b.WriteString(", not decoded")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func traceText(t *collect.Trace) string {
	var b strings.Builder
	fmt.Fprintf(&b, "trace, %s%s\n", rows.Count(t.Events, "event"), flags(t.Truncated, "cut short"))
	fmt.Fprintf(&b, "time:     %s\n", span(t.Start, t.End))
	fmt.Fprintf(&b, "lost:     %s in %s\n", rows.Count(t.Lost, "event"), rows.Count(t.Gaps, "gap"))
	fmt.Fprintf(&b, "adapters: %d\n", t.Adapters)
	drivers := make([]string, len(t.Drivers))
	for i, d := range t.Drivers {
		drivers[i] = rows.Safe(d)
	}
	fmt.Fprintf(&b, "drivers:  %s\n", strings.Join(drivers, ", "))
	table(&b, "functions", t.Functions)
	b.WriteString("metadata:\n")
	for _, k := range slices.Sorted(maps.Keys(t.Metadata)) {
		v := t.Metadata[k]
		if len(v) > 120 {
			v = v[:100] + fmt.Sprintf("… (%d bytes)", len(v))
		}
		fmt.Fprintf(&b, "  %s: %s\n", rows.Safe(k), rows.Safe(v))
	}
	return b.String()
}
