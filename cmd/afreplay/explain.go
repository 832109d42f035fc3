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
	"golang.org/x/term"

	"github.com/aftrace/aftrace/analysis/check"
	"github.com/aftrace/aftrace/analysis/explain"
	"github.com/aftrace/aftrace/analysis/report"
	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/testdata"
)

type explainFlags struct {
	runFlags
	all     bool
	demo    bool
	width   int
	context int
}

func explainCommand() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain TRACE ID...",
		Short: "Say why: the rows that led to a finding or conflict",
		Long: `Say why a finding or a conflict is one: the ladder of the calls that led there, one
column for each driver and NDIS and time downwards, what became of the objects
concerned, the rule in words and its page, and what to do next.

ID is as afreplay run prints it: RULE@ROW of a finding, KIND@ROW of a conflict. TRACE is
one .arrow or .arrows file, or - for standard input. Give the same --af-identity,
--open-limit and --strict as to run: they decide what is found.

It exits with 0 when it explained what was asked for, whatever the trace's verdict, with
2 if the trace has no such finding, and with 3 if the trace cannot be read to its end.`,
		Example: `  afreplay explain --demo OPEN-07@122
  afreplay explain --demo refused-registration@129
  afreplay explain --demo --all
  afreplay explain trace.arrow REG-02@29 --format json`,
		Args: func(_ *cobra.Command, args []string) error {
			switch n := len(args); {
			case f.demo && n > 0 && isTraceName(args[0]):
				return fmt.Errorf("--demo stands for the trace: leave %s out", args[0])
			case !f.demo && n > 0 && isID(args[0]) && !isTraceName(args[0]):
				return fmt.Errorf("the trace is missing before %s: name it, or use --demo", args[0])
			case f.demo && f.all && n > 0, f.all && n > 1:
				return errors.New("--all explains everything: leave the ids out")
			case !f.demo && n == 0:
				return errors.New("the trace is missing")
			case !f.all && (n == 0 || n == 1 && !f.demo):
				return errors.New("the id of a finding is missing; --all explains all of them")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), args) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.format, "format", "text", "text or json")
	fl.BoolVar(&f.all, "all", false, "explain every finding and conflict")
	fl.BoolVar(&f.demo, "demo", false, "explain the recording of afreplay demo, in place of TRACE")
	fl.IntVar(&f.width, "width", 0, "columns of the text; that of the terminal, or 120, if 0")
	fl.IntVar(&f.context, "context", 6, "rows shown after and before each that proves something")
	fl.StringVar(&f.afIdentity, "af-identity", "type", "what makes two address families the same: type or type+version")
	openLimitFlag(cmd, &f.openLimit)
	strictFlag(cmd, &f.strict)
	return cmd
}

func (f *explainFlags) run(ctx context.Context, args []string) error {
	if !slices.Contains(formats, f.format) {
		return fmt.Errorf("--format %s: want %s", f.format, strings.Join(formats, " or "))
	}
	if f.width < 0 || f.context < 0 {
		return errors.New("--width and --context: want no negative number")
	}
	f.findings, f.jobs = -1, 1
	o, _, err := f.options()
	if err != nil {
		return err
	}
	path, done, ids, err := f.input(ctx, args)
	if err != nil {
		return err
	}
	defer done()
	shown := "demo.arrow"
	if !f.demo {
		shown = args[0]
	}
	t, err := check.Trace(ctx, path, o)
	if err != nil {
		return cli.Exit(cli.Internal, err)
	}
	if t.Result == nil {
		return cli.Exit(cli.Unreadable, t.Err)
	}
	var subjects []explain.Subject
	if f.all {
		subjects = explain.All(t.Result)
	}
	for _, id := range ids {
		found, near := explain.Select(t.Result, id)
		if len(found) == 0 {
			return cli.Exit(cli.Usage, unknownID(shown, id, near, t))
		}
		subjects = append(subjects, found...)
	}
	open := func() (explain.Source, error) { return format.Open(path, o.Reader) }
	list, err := explain.Build(ctx, open, subjects, explain.Options{Replay: o.Replay, Context: contextOf(f.context)})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return cli.Exit(cli.Unreadable, err)
	}
	if err := f.print(list, shown); err != nil {
		return err
	}
	if t.Err != nil {
		return cli.Exit(cli.Unreadable, t.Err)
	}
	return nil
}

// isID says whether an argument looks like the id of a finding or conflict.
func isID(arg string) bool {
	what, row, ok := strings.Cut(arg, "@")
	_, err := strconv.ParseUint(row, 10, 64)
	return ok && what != "" && err == nil
}

// isTraceName says whether an argument names a trace, or any file that is there.
func isTraceName(arg string) bool {
	switch strings.ToLower(filepath.Ext(arg)) {
	case ".arrow", ".arrows":
		return true
	}
	_, err := os.Stat(arg)
	return arg == "-" || err == nil
}

// contextOf is the context that Build wants: there 0 is the default and -1 is none.
func contextOf(rows int) int {
	if rows == 0 {
		return -1
	}
	return rows
}

// input is the file to read, which done removes if it is a copy, and the ids.
func (f *explainFlags) input(ctx context.Context, args []string) (path string, done func(), ids []string, err error) {
	if !f.demo {
		if cli.Passing(args[0]) {
			path, done, err = cli.Spool(ctx, args[0])
			if err != nil && ctx.Err() == nil {
				err = cli.Exit(cli.Unreadable, err)
			}
			return path, done, args[1:], err
		}
		return args[0], func() {}, args[1:], nil
	}
	dir, err := os.MkdirTemp("", "afreplay-demo-*")
	if err != nil {
		return "", nil, nil, cli.NotWritten(err)
	}
	done = func() { os.RemoveAll(dir) }
	etl, path := filepath.Join(dir, "demo.etl"), filepath.Join(dir, "demo.arrow")
	if err := os.WriteFile(etl, testdata.DemoETL, 0o666); err != nil {
		done()
		return "", nil, nil, cli.NotWritten(err)
	}
	_, err = collect.Convert(ctx, collect.ConvertOptions{Inputs: []string{etl}, Output: path, Host: "demo", ToolVersion: cli.ToolVersion()})
	if err != nil {
		done()
		return "", nil, nil, cli.Exit(cli.Internal, err)
	}
	return path, done, args, nil
}

// unknownID says that a trace has no finding of that id, and which ones it has.
func unknownID(path, id string, near []string, t report.Trace) error {
	if len(near) == 0 {
		return fmt.Errorf("%s has no finding %s: it has no findings and no conflicts at all", path, id)
	}
	n := len(t.Result.Findings) + len(t.Result.Conflicts)
	return fmt.Errorf("%s has no finding or conflict %s\nnearest of %d: %s", path, id, n, strings.Join(near, ", "))
}

func (f *explainFlags) print(list []*explain.Explanation, path string) error {
	return cli.Output(func(w io.Writer) error {
		if f.format == "json" {
			return explain.WriteJSON(w, list)
		}
		if len(list) == 0 {
			fmt.Fprintf(w, "%s has no findings and no conflicts.\n", rows.Safe(path))
			return nil
		}
		o := explain.TextOptions{Width: f.width, Color: cli.Color()}
		if o.Width == 0 && cli.Terminal(os.Stdout) {
			if width, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
				o.Width = width
			}
		}
		for i, e := range list {
			if i > 0 {
				fmt.Fprintf(w, "\n%s\n\n", strings.Repeat("─", 40))
			}
			if err := e.WriteText(w, o); err != nil {
				return err
			}
		}
		return nil
	})
}

// flagsToExplain are those of a run that decide what is found, as afreplay explain wants them.
func (f *runFlags) flagsToExplain() (flags string) {
	if f.afIdentity != "type" {
		flags += " --af-identity " + f.afIdentity
	}
	if f.openLimit != time.Millisecond {
		flags += " --open-limit " + f.openLimit.String()
	}
	if len(f.strict) > 0 {
		flags += " --strict " + strings.Join(f.strict, ",")
	}
	return flags
}
