package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/format"
)

// captureSource is a kind of live capture. Each registers itself from a file of its own with
// register, with the flags that only it has.
type captureSource struct {
	name    string
	goos    string // where it is the default
	about   string // one line for the help
	example string
	flags   func(*pflag.FlagSet)
	// open begins to record. args are what follows the flags.
	open func(ctx context.Context, f *captureFlags, args []string) (recording, error)
}

// recording is a capture in progress.
type recording interface {
	collect.Source
	// Stop ends the capture. What was recorded before can still be read.
	Stop()
	// Metadata is that of the trace: what is known at its beginning, and when Next has
	// returned io.EOF all of it.
	Metadata() format.Metadata
	// RunOptions are those of collect.Run.
	RunOptions() collect.RunOptions
	// Report says after the end what there is to know.
	Report() captureReport
}

// captureReport is what a source says of a capture that has ended.
type captureReport struct {
	Lines  []string // for people, one fact each
	JSON   any      // for programs
	Lossy  bool     // something is missing: --strict
	Exit   *int     // status of the program that it started
	Source string
}

// captureFlags are those that all sources have.
type captureFlags struct {
	output    string
	source    string
	duration  time.Duration
	maxSize   string
	propagate bool
	strict    bool
	quiet     bool
	asJSON    bool
	zstd      bool
}

// captureSources are those that register themselves, on the system that they are built for.
var captureSources []*captureSource

func registerSource(s *captureSource) { captureSources = append(captureSources, s) }

func captureCommand(goos string) *cobra.Command {
	var f captureFlags
	slices.SortFunc(captureSources, func(a, b *captureSource) int { return strings.Compare(a.name, b.name) })
	long := `Record what happens now, as a trace. The sources of this build:
`
	example := ""
	for _, s := range captureSources {
		long += fmt.Sprintf("\n  %-8s %s", s.name, s.about)
		example += s.example
		if f.source == "" || s.goos == goos {
			f.source = s.name
		}
	}
	long += `

OUT.arrow is written as the stream OUT.arrows while the capture runs, and made a file when
it ends: after a crash the stream is there and can be replayed. OUT may be an .arrows
stream itself, or - for standard output. What was done goes to standard error.

A capture ends with the program that it started, with --duration or --max-size, and when
it is interrupted: the trace is whole then.`
	cmd := &cobra.Command{
		Use:     "capture -o OUT.arrow [flags] [-- PROGRAM ARG...]",
		Short:   "Record a trace live",
		Long:    long,
		Example: strings.TrimRight(example, "\n"),
		Args:    cobra.ArbitraryArgs,
		RunE:    func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), args) },
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.output, "output", "o", "", "the trace to write")
	fl.StringVar(&f.source, "source", f.source, "where events come from")
	fl.DurationVar(&f.duration, "duration", 0, "end after this time")
	fl.StringVar(&f.maxSize, "max-size", "", "end when the trace has this size, like 500M or 2G")
	fl.BoolVar(&f.propagate, "propagate-exit", false, "exit with the status of the program")
	fl.BoolVar(&f.strict, "strict", false, "exit with 4 if events were lost or could not be read whole")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "no summary")
	fl.BoolVar(&f.asJSON, "json", false, "the summary as JSON")
	fl.BoolVar(&f.zstd, "zstd", false, "compress the trace (smaller, but cannot be mapped)")
	for _, s := range captureSources {
		s.flags(fl)
	}
	return cmd
}

// parseSize reads a number of bytes with a unit of 1024.
func parseSize(text string) (int64, error) {
	number, unit := strings.TrimRight(text, "kKmMgGiB"), int64(1)
	switch strings.ToUpper(strings.TrimRight(text[len(number):], "iB")) {
	case "":
	case "K":
		unit = 1 << 10
	case "M":
		unit = 1 << 20
	case "G":
		unit = 1 << 30
	default:
		number = ""
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n <= 0 || n > (1<<62)/unit {
		return 0, fmt.Errorf("%q is no size: want bytes, or a number with K, M or G", text)
	}
	return n * unit, nil
}

func (f *captureFlags) run(ctx context.Context, args []string) error {
	if err := checkOutput(f.output); err != nil {
		return err
	}
	i := slices.IndexFunc(captureSources, func(s *captureSource) bool { return s.name == f.source })
	if i < 0 {
		names := make([]string, len(captureSources))
		for i, s := range captureSources {
			names[i] = s.name
		}
		return fmt.Errorf("--source %s: want %s", f.source, strings.Join(names, " or "))
	}
	limit := int64(0)
	if f.maxSize != "" {
		var err error
		if limit, err = parseSize(f.maxSize); err != nil {
			return fmt.Errorf("--max-size: %w", err)
		}
		if f.output == "-" {
			return errors.New("--max-size: standard output has no size")
		}
	}
	if f.duration < 0 {
		return fmt.Errorf("--duration %v: want more than 0", f.duration)
	}
	live, err := f.live()
	if err != nil {
		return err
	}
	rec, err := captureSources[i].open(ctx, f, args)
	if err != nil {
		return err
	}
	defer rec.Close()
	o := format.WriterOptions{Metadata: rec.Metadata()}
	o.Metadata[format.MetaToolVersion] = cli.ToolVersion()
	if f.zstd {
		o.Compression = format.ZSTD
	}
	w, err := format.Create(live, o)
	if err != nil {
		return cli.NotWritten(err)
	}
	// The capture is what is interrupted, not the writing of what it recorded.
	stop := context.AfterFunc(ctx, rec.Stop)
	defer stop()
	if f.duration > 0 {
		timer := time.AfterFunc(f.duration, rec.Stop)
		defer timer.Stop()
	}
	if limit > 0 {
		ended := make(chan struct{})
		defer close(ended)
		go watchSize(live, limit, rec.Stop, ended)
	}
	sum, runErr := collect.Run(context.WithoutCancel(ctx), rec, w, rec.RunOptions())
	for k, v := range rec.Metadata() {
		w.SetMetadata(k, v)
	}
	if err := w.Close(); err != nil {
		return cli.NotWritten(err)
	}
	if live != f.output {
		if err := format.Compact(live, f.output, format.CompactOptions{Compression: o.Compression}); err != nil {
			return cli.NotWritten(fmt.Errorf("%w (the stream %s has all of it)", err, live))
		}
		_ = os.Remove(live)
	}
	if runErr != nil {
		return exit(runErr)
	}
	report := rec.Report()
	if err := f.report(sum, report); err != nil {
		return cli.NotWritten(err)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case f.strict && (report.Lossy || sum.Gaps > 0 || sum.Late > 0):
		return cli.Exit(cli.Inconclusive, errors.New("events were lost or could not be read whole (--strict)"))
	case f.propagate && report.Exit != nil:
		return cli.Exit(*report.Exit, nil)
	}
	return nil
}

// live is the name under which the trace is written while the capture runs.
func (f *captureFlags) live() (string, error) {
	if f.output == "-" || strings.EqualFold(filepath.Ext(f.output), ".arrows") {
		return f.output, nil
	}
	live := f.output + "s"
	if _, err := os.Lstat(live); err == nil {
		return "", fmt.Errorf("%s is there: it is what an earlier capture left that did not end; replay it, then move or remove it", live)
	}
	return live, nil
}

func watchSize(path string, limit int64, stop func(), ended <-chan struct{}) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			if st, err := os.Stat(path); err == nil && st.Size() >= limit {
				stop()
				return
			}
		}
	}
}

func (f *captureFlags) report(sum collect.RunSummary, r captureReport) error {
	switch {
	case f.asJSON:
		return writeJSON(os.Stderr, map[string]any{"output": f.output, "written": sum, r.Source: r.JSON})
	case f.quiet:
		return nil
	}
	lines := []string{fmt.Sprintf("%s: %s, %s%s", rows.Safe(f.output), rows.Count(sum.Events-sum.Gaps, "event"), rows.Count(sum.Gaps, "gap"), flags(sum.Lost > 0, strconv.FormatUint(sum.Lost, 10)+" events lost"))}
	if sum.Late > 0 {
		lines = append(lines, fmt.Sprintf("  %d events came too late to be put in order", sum.Late))
	}
	for _, l := range r.Lines {
		lines = append(lines, "  "+rows.Safe(l))
	}
	_, err := io.WriteString(os.Stderr, strings.Join(lines, "\n")+"\n")
	return err
}

