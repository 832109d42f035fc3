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
	"github.com/aftrace/aftrace/collect/rotate"
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
	own     *pflag.FlagSet // what flags registered
	// record, if there is one, is asked first: it says whether it did the capture itself, as
	// something else than a trace.
	record func(ctx context.Context, f *captureFlags, args []string) (done bool, err error)
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
	Rows   uint64   // that it made of what it recorded, gap rows apart
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
	rotate    string
	ring      bool
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

With --rotate the trace is a row of parts, OUT-000001.arrow and so on, each a trace of its
own; aftrace merge joins them. Together they never have more than --max-size, not even for a
moment: the capture ends when there is no more room, or with --ring drops its oldest part.

A capture ends with the program that it started, with --duration or --max-size, and when
it is interrupted: the trace is whole then.`
	cmd := &cobra.Command{
		Use:     "capture -o OUT.arrow [flags] [-- PROGRAM ARG...]",
		Short:   "Record a trace live",
		Long:    long,
		Example: strings.TrimRight(example, "\n"),
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := foreignFlag(cmd.Flags(), f.source); err != nil {
				return err
			}
			return f.run(cmd.Context(), args)
		},
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.output, "output", "o", "", "the trace to write")
	fl.StringVar(&f.source, "source", f.source, "where events come from (default etw on Windows, else uprobe)")
	fl.Lookup("source").DefValue = "" // the help is the same on all systems
	fl.DurationVar(&f.duration, "duration", 0, "end after this time")
	fl.StringVar(&f.maxSize, "max-size", "", "end when the trace has about this size, like 500M or 2G: what was recorded until then is still written; with --rotate or --ring the most that all parts have together")
	fl.StringVar(&f.rotate, "rotate", "", "begin a new part of the trace at this size")
	fl.BoolVar(&f.ring, "ring", false, "keep the last --max-size of the capture, and go on")
	fl.BoolVar(&f.propagate, "propagate-exit", false, "exit with the status of the program")
	fl.BoolVar(&f.strict, "strict", false, "exit with 4 if events were lost or could not be read whole")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "no summary")
	fl.BoolVar(&f.asJSON, "json", false, "the summary as JSON")
	fl.BoolVar(&f.zstd, "zstd", false, "compress the trace (smaller, but cannot be mapped)")
	for _, s := range captureSources {
		s.own = pflag.NewFlagSet(s.name, pflag.ContinueOnError)
		s.flags(s.own)
		fl.AddFlagSet(s.own)
	}
	return cmd
}

// foreignFlag is an error if a flag is given that only another source than the chosen one has:
// it would change nothing.
func foreignFlag(fl *pflag.FlagSet, source string) (err error) {
	fl.Visit(func(g *pflag.Flag) {
		for _, s := range captureSources {
			if s.name != source && s.own.Lookup(g.Name) == g && err == nil {
				err = fmt.Errorf("--%s is for --source %s, and the source here is %s", g.Name, s.name, source)
			}
		}
	})
	return err
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
	i := slices.IndexFunc(captureSources, func(s *captureSource) bool { return s.name == f.source })
	if i < 0 {
		names := make([]string, len(captureSources))
		for i, s := range captureSources {
			names[i] = s.name
		}
		return fmt.Errorf("--source %s: want %s", f.source, strings.Join(names, " or "))
	}
	if f.duration < 0 {
		return fmt.Errorf("--duration %v: want more than 0", f.duration)
	}
	if record := captureSources[i].record; record != nil {
		if done, err := record(ctx, f, args); done || err != nil {
			return err
		}
	}
	if err := checkOutput(f.output); err != nil {
		return err
	}
	limit, part, err := f.sizes()
	if err != nil {
		return err
	}
	if part == 0 {
		if err := f.free(); err != nil {
			return err
		}
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
	w, err := f.writer(o, limit, part, rec.Stop)
	if errors.Is(err, rotate.ErrUsage) {
		return err
	} else if err != nil {
		return cli.NotWritten(err)
	}
	// The capture is what is interrupted, not the writing of what it recorded.
	stop := context.AfterFunc(ctx, rec.Stop)
	defer stop()
	if f.duration > 0 {
		timer := time.AfterFunc(f.duration, rec.Stop)
		defer timer.Stop()
	}
	if limit > 0 && part == 0 {
		ended := make(chan struct{})
		defer close(ended)
		go watchSize(w, limit, rec.Stop, ended)
	}
	shown := showProgress(rec, w, f.quiet)
	sum, runErr := collect.Run(context.WithoutCancel(ctx), rec, w, rec.RunOptions())
	shown()
	for k, v := range rec.Metadata() {
		w.SetMetadata(k, v)
	}
	if err := w.Close(); err != nil {
		rec.Close() // all is counted then
		return cli.NotWritten(unwritten(err, w, rec.Report().Rows, sum))
	}
	if runErr != nil {
		return captureExit(runErr)
	}
	report := rec.Report()
	report.Lines = append(partLines(w), report.Lines...)
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

// sizes reads --max-size, --rotate and --ring; 0 is none.
func (f *captureFlags) sizes() (limit, part int64, err error) {
	if f.maxSize != "" {
		if limit, err = parseSize(f.maxSize); err != nil {
			return 0, 0, fmt.Errorf("--max-size: %w", err)
		}
	}
	if f.rotate != "" {
		if part, err = parseSize(f.rotate); err != nil {
			return 0, 0, fmt.Errorf("--rotate: %w", err)
		}
	}
	switch {
	case f.ring && limit == 0:
		return 0, 0, errors.New("--ring: how much to keep is missing: --max-size")
	case f.ring && part == 0:
		part = max(limit/16, rotate.MinPart)
	}
	if f.output == "-" && (limit > 0 || part > 0) {
		return 0, 0, errors.New("--max-size, --rotate, --ring: standard output has no size")
	}
	return limit, part, nil
}

// traceWriter is what a capture writes to.
type traceWriter interface {
	collect.RowWriter
	SetMetadata(key, value string)
	Close() error
}

// writer makes the trace, or its first part. full is called when there is no more room.
func (f *captureFlags) writer(o format.WriterOptions, limit, part int64, full func()) (traceWriter, error) {
	if f.output == "-" {
		return format.Create(f.output, o)
	}
	if part == 0 {
		limit = 0 // it ends the capture, but not what was recorded: see watchSize
	}
	return rotate.New(rotate.Options{Output: f.output, Part: part, Total: limit, Ring: f.ring, Full: full, Trace: o})
}

// watchSize ends a capture whose one trace has reached its size.
func watchSize(w traceWriter, limit int64, stop func(), ended <-chan struct{}) {
	r, ok := w.(*rotate.Writer)
	if !ok {
		return
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			if r.Size() >= limit {
				stop()
				return
			}
		}
	}
}

// unwritten adds to the error of a capture what there is of it, and how many of the rows that
// were recorded are lost.
func unwritten(err error, w traceWriter, recorded uint64, sum collect.RunSummary) error {
	r, ok := w.(*rotate.Writer)
	if !ok {
		return err
	}
	text := rows.Count(r.Kept(), "event") + " written until then"
	if path := r.Unfinished(); path != "" {
		text += fmt.Sprintf("; %s is cut short, but can be replayed", path)
	}
	if kept := r.Kept() + r.Dropped() + sum.Duplicates; recorded > kept {
		text += fmt.Sprintf("; %s after them lost", rows.Count(recorded-kept, "event"))
	}
	return fmt.Errorf("%w (%s)", err, text)
}

// partLines say how the trace is divided, and what did not fit.
func partLines(w traceWriter) (lines []string) {
	r, ok := w.(*rotate.Writer)
	if !ok {
		return nil
	}
	parts := r.Parts()
	if n := len(parts); n > 0 && parts[n-1].Number > 0 {
		lines = append(lines, fmt.Sprintf("%s, %d bytes, %s to %s", rows.Count(uint64(n), "part"), r.Size(), filepath.Base(parts[0].Path), filepath.Base(parts[n-1].Path)))
	}
	if n := r.Removed(); n > 0 {
		lines = append(lines, fmt.Sprintf("%s dropped to make room", rows.Count(uint64(n), "older part")))
	}
	if n := r.Dropped(); n > 0 {
		lines = append(lines, fmt.Sprintf("the size limit was reached: %s after it not written", rows.Count(n, "event")))
	}
	return lines
}

// free refuses to write over what an earlier capture left.
func (f *captureFlags) free() error {
	if f.output == "-" || strings.EqualFold(filepath.Ext(f.output), ".arrows") {
		return nil
	}
	live := f.output + "s"
	if _, err := os.Lstat(live); err == nil {
		return fmt.Errorf("%s is there: it is what an earlier capture left that did not end; replay it, then move or remove it", live)
	}
	return nil
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
