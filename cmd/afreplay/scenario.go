package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay/scenario"
)

// maxText bounds a scenario that is read: a line of the longest kind for each row.
const maxText = 64 << 20

func scenarioCommand() *cobra.Command {
	cmd := cli.Group(&cobra.Command{
		Use:   "scenario",
		Short: "Write traces as text, and text as traces",
		Long: `Write traces as text, and text as traces.

A scenario is what drivers and NDIS did, one step a line, with what a replay must find
in it:

  # Two call managers claim one address family. NDIS must refuse the second one.
  adapter A
  driver cm1 call-manager
  driver cm2 call-manager

  cm1: bind A
    register A Q2931
  cm2: bind A
    register A Q2931 -> FAILURE
  expect conflict refused-registration Q2931 cm1 cm2

docs/scenarios.md explains the language, verbs lists its words.`,
		Example: `  afreplay scenario check claim.af
  afreplay scenario compile claim.af -o claim.arrow
  afreplay scenario decompile claim.arrow`,
	})
	cmd.AddCommand(compileCommand(), decompileCommand(), checkCommand(), verbsCommand())
	return cmd
}

func verbsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verbs [WORD]...",
		Short: "List the words of the language",
		Long: `List the verbs of scenarios with their arguments, the function that each stands for, and
what it says. What is after a stroke holds for a miniport call manager. Without a WORD, all
are listed; a WORD is a verb or a part of a function's name.

An argument is the name of an adapter (ADAPTER), an address family (AF), an AF open (OPEN), an
OID, or a SAP, VC, party or OID request (NAME).`,
		Example: `  afreplay scenario verbs
  afreplay scenario verbs open
  afreplay scenario verbs AddParty`,
		RunE: func(_ *cobra.Command, args []string) error {
			var list []*scenario.Verb
			for i := range scenario.Verbs {
				v := &scenario.Verbs[i]
				if len(args) == 0 || slices.ContainsFunc(args, func(a string) bool { return a == v.Word || strings.Contains(functionsOf(v), a) }) {
					list = append(list, v)
				}
			}
			if len(list) == 0 {
				return fmt.Errorf("no verb is called or stands for %s", strings.Join(args, " or "))
			}
			return cli.Output(func(w io.Writer) error {
				for _, v := range list {
					line := fmt.Sprintf("%-34s %s", v.Word+" "+v.Usage(), functionsOf(v))
					if v.Help != "" {
						line += "\n    " + v.Help
					}
					if _, err := fmt.Fprintln(w, line); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

// functionsOf names what a verb stands for.
func functionsOf(v *scenario.Verb) string {
	s := v.Function.String()
	if v.MCM != 0 {
		s += " / " + v.MCM.String()
	}
	return s
}

// readText reads a scenario; "-" is standard input.
func readText(ctx context.Context, path string) (string, error) {
	in := cli.Stdin(ctx)
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("%s: cannot be read: %w", path, errors.Unwrap(err))
		}
		defer f.Close()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxText+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: cannot be read: %w", path, err)
	case len(raw) > maxText:
		return "", fmt.Errorf("%s: longer than %d MiB: this is no scenario", path, maxText>>20)
	}
	return string(raw), nil
}

// compileText reads and compiles a scenario.
func compileText(ctx context.Context, path string) (*scenario.Scenario, error) {
	text, err := readText(ctx, path)
	if err != nil {
		return nil, cli.Exit(cli.Unreadable, err)
	}
	name := path
	if path == "-" {
		name = "standard input"
	}
	s, err := scenario.Compile(name, text)
	if err != nil {
		return nil, cli.Exit(cli.Unreadable, err)
	}
	return s, nil
}

func compileCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "compile FILE",
		Short: "Make a trace of a scenario",
		Long: `Make a trace of a scenario. FILE is the text, or - for standard input. The trace goes
to the file of -o, whose name ends in .arrow or .arrows; without -o to one beside FILE
whose name ends in .arrow, and to standard output if FILE is -.

A mistake in the text is exit 3, with the file, the line, the column and what was
expected.`,
		Example: `  afreplay scenario compile claim.af
  afreplay scenario compile claim.af -o claim.arrows
  afreplay scenario compile - < claim.af | afreplay run -`,
		Args: cli.Only("the scenario to compile", "compile them one by one"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				out = "-"
				if args[0] != "-" {
					out = strings.TrimSuffix(args[0], filepath.Ext(args[0])) + ".arrow"
				}
			}
			if ext := strings.ToLower(filepath.Ext(out)); out != "-" && ext != ".arrow" && ext != ".arrows" {
				return fmt.Errorf("-o %s: want a name that ends in .arrow or .arrows, or -", out)
			}
			if err := cli.Apart(args, []string{out}); err != nil {
				return err
			}
			s, err := compileText(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return writeTrace(s, out)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "the trace to write, - for standard output")
	return cmd
}

// writeTrace writes the trace of a scenario to a file, or to standard output.
func writeTrace(s *scenario.Scenario, out string) error {
	raw, err := s.Trace(strings.EqualFold(filepath.Ext(out), ".arrow"))
	if err != nil {
		return cli.Exit(cli.Unreadable, err)
	}
	if out == "-" {
		return cli.Output(func(w io.Writer) error {
			_, err := w.Write(raw)
			return err
		})
	}
	if err := os.WriteFile(out, raw, 0o666); err != nil {
		return cli.NotWritten(err)
	}
	return nil
}

type decompileFlags struct {
	out       string
	maxEvents int
	from, to  uint64
}

func decompileCommand() *cobra.Command {
	var f decompileFlags
	cmd := &cobra.Command{
		Use:   "decompile TRACE",
		Short: "Write a trace as a scenario",
		Long: `Write a trace as a scenario: names instead of pointers, one step a line, and what a
replay of it finds as what the scenario expects. TRACE is an .arrow or .arrows file, or
- for standard input.

The text compiles to a trace of which a replay says the same: this is tried before it is
written. What no verb expresses is written as the function with its columns.

A text is for people: a trace of more than --max-events rows is refused with exit 3.
--from and --to take a part of it, by the numbers that aftrace cat shows; such a part
begins in mid-life and ends cut short.`,
		Example: `  afreplay scenario decompile trace.arrow
  afreplay scenario decompile trace.arrow -o trace.af
  afreplay scenario decompile trace.arrow --from 100 --to 160`,
		Args: cli.Only("the trace to decompile", "decompile them one by one"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), args[0])
		},
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.out, "output", "o", "-", "the scenario to write, - for standard output")
	fl.IntVar(&f.maxEvents, "max-events", 20_000, fmt.Sprintf("how many rows to take at most, up to %d", scenario.MaxEvents))
	fl.Uint64Var(&f.from, "from", 0, "number of the first row")
	fl.Uint64Var(&f.to, "to", 0, "number of the last row; 0 is the end")
	return cmd
}

func (f *decompileFlags) run(ctx context.Context, path string) error {
	switch {
	case f.maxEvents < 1 || f.maxEvents > scenario.MaxEvents:
		return fmt.Errorf("--max-events %d: want 1 to %d", f.maxEvents, scenario.MaxEvents)
	case f.to != 0 && f.to < f.from:
		return fmt.Errorf("--to %d: want a row behind that of --from, %d", f.to, f.from)
	}
	if err := cli.Apart([]string{path}, []string{f.out}); err != nil {
		return err
	}
	t, err := f.read(ctx, path)
	if err != nil {
		return err
	}
	what := filepath.Base(path)
	if path == "-" {
		what = "a trace from standard input"
	}
	what = rows.Safe(what)
	t.Prose = fmt.Sprintf("Decompiled from %s: %s.", what, rows.Count(uint64(len(t.Events)), "row"))
	if f.from != 0 || f.to != 0 {
		t.Prose += "\nIt is a part of the trace."
	}
	text, err := scenario.Decompile(path, t)
	if err != nil {
		return cli.Exit(cli.Unreadable, err)
	}
	if f.out == "-" {
		return cli.Output(func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		})
	}
	if err := os.WriteFile(f.out, []byte(text), 0o666); err != nil {
		return cli.NotWritten(err)
	}
	return nil
}

// read takes the rows that were asked for, as many as there may be.
func (f *decompileFlags) read(ctx context.Context, path string) (*scenario.Trace, error) {
	var r *format.Reader
	var err error
	if path == "-" {
		r, err = format.NewReader(cli.Stdin(ctx), "standard input", format.ReaderOptions{})
	} else {
		r, err = format.Open(path, format.ReaderOptions{})
	}
	if err != nil {
		return nil, cli.Exit(cli.Unreadable, err)
	}
	defer r.Close()
	t := &scenario.Trace{}
	part := false // rows behind the last one were left out
	for e, err := range r.Events() {
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			return nil, cli.Exit(cli.Unreadable, err)
		case e.Seq < f.from:
			continue
		case f.to != 0 && e.Seq > f.to:
			part = true
		case len(t.Events) == f.maxEvents:
			return nil, cli.Exit(cli.Unreadable, fmt.Errorf(
				"%s: more than %d rows: take a part of it with --from and --to, or more of it with --max-events", path, f.maxEvents))
		default:
			t.Events = append(t.Events, *e)
		}
		if part {
			break
		}
	}
	if len(t.Events) == 0 {
		return nil, cli.Exit(cli.Unreadable, fmt.Errorf("%s: no rows to write", path))
	}
	t.Metadata, t.Truncated = r.Metadata(), part || r.Truncated()
	if f.from != 0 || part {
		// What was lost is not all lost in this part.
		md := format.Metadata{}
		for k, v := range t.Metadata {
			if k != format.MetaLostEvents && k != format.MetaLostBuffers {
				md[k] = v
			}
		}
		t.Metadata = md
	}
	return t, nil
}

func checkCommand() *cobra.Command {
	var quiet bool
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: "Replay scenarios and compare what is found with what they expect",
		Long: `Replay scenarios and compare what is found with what they expect.

FILE is an .af file, a folder (the .af files in it; with /... those in its subfolders
too) or - for standard input. What is expected and was not found begins with -, what was
found and is not expected with +.

Exit codes: 0 all find what they expect, 1 one does not, 3 one cannot be read, has no steps or a
mistake, which is told with its line, its column and what was expected.`,
		Example: `  afreplay scenario check claim.af
  afreplay scenario check scenarios/...
  afreplay scenario decompile trace.arrow | afreplay scenario check -`,
		Args: cli.Inputs(1, "the scenario to check"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return checkScenarios(cmd.Context(), args, quiet)
		},
	}
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "no line for each scenario that finds what it expects, and no sum")
	return cmd
}

// scenarios replaces folders by the scenarios in them.
func scenarios(args []string) (paths []string, err error) {
	for _, arg := range args {
		dir, deep := strings.CutSuffix(filepath.ToSlash(arg), "/...")
		if st, err := os.Stat(dir); arg == "-" || err != nil || !st.IsDir() {
			paths = append(paths, arg)
			continue
		}
		n := len(paths)
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && path != dir && !deep:
				return filepath.SkipDir
			case !d.IsDir() && filepath.Ext(path) == ".af":
				paths = append(paths, path)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("%s: cannot be read: %w", dir, err)
		}
		if len(paths) == n {
			hint := ""
			if !deep {
				hint = fmt.Sprintf("; %s/... looks into its subfolders too", dir)
			}
			return nil, fmt.Errorf("%s: no .af file in it%s", dir, hint)
		}
	}
	return paths, nil
}

func checkScenarios(ctx context.Context, args []string, quiet bool) error {
	paths, err := scenarios(args)
	if err != nil {
		return cli.Exit(cli.Unreadable, err)
	}
	var differ, bad int
	out := bufio.NewWriterSize(os.Stdout, 1<<16)
	for _, path := range paths {
		if ctx.Err() != nil {
			return errors.Join(out.Flush(), ctx.Err())
		}
		wrong, err := checkOne(ctx, path)
		switch {
		case err != nil:
			bad++
			if ferr := out.Flush(); ferr != nil {
				return cli.NotWritten(ferr)
			}
			fmt.Fprintf(os.Stderr, "afreplay: %s\n", rows.Safe(err.Error()))
		case len(wrong) > 0:
			differ++
			fmt.Fprintf(out, "%s: differs\n", rows.Safe(path))
			for _, line := range wrong {
				sign := "-"
				if strings.Contains(line, ": not expected: ") {
					sign = "+"
				}
				fmt.Fprintf(out, "%s %s\n", sign, rows.Safe(line))
			}
		case !quiet:
			fmt.Fprintf(out, "%s: ok\n", rows.Safe(path))
		}
	}
	if !quiet && len(paths) > 1 {
		fmt.Fprintf(out, "%s: %d differ, %d cannot be read\n", rows.Count(uint64(len(paths)), "scenario"), differ, bad)
	}
	if err := out.Flush(); err != nil {
		return cli.NotWritten(err)
	}
	switch {
	case bad > 0:
		return cli.Exit(cli.Unreadable, nil)
	case differ > 0:
		return cli.Exit(cli.Violations, nil)
	}
	return nil
}

// checkOne replays a scenario. Where it has a golden part, that must be what the replay says.
func checkOne(ctx context.Context, path string) (wrong []string, err error) {
	text, err := readText(ctx, path)
	if err != nil {
		return nil, err
	}
	name := path
	if path == "-" {
		name = "standard input"
	}
	s, err := scenario.Compile(name, text)
	if err != nil {
		return nil, err
	}
	_, golden, has := strings.Cut(strings.ReplaceAll(text, "\r\n", "\n"), "\n----\n")
	if len(s.Events) == 0 && len(s.Expect) == 0 && !has {
		return nil, fmt.Errorf("%s: no steps: a scenario says what drivers did, one step a line (docs/scenarios.md)", name)
	}
	r, err := s.Replay(1 << 16)
	if err != nil {
		return nil, err
	}
	wrong = s.Verify(r)
	if !has {
		return wrong, nil
	}
	want, got := lines(golden), lines(scenario.Golden(r))
	at := strings.Count(text[:len(text)-len(golden)], "\n") + 1
	for i, line := range want {
		if !slices.Contains(got, line) {
			wrong = append(wrong, fmt.Sprintf("%s:%d: golden: %s", name, at+i, line))
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			wrong = append(wrong, fmt.Sprintf("%s: not expected: golden: %s", name, line))
		}
	}
	return wrong, nil
}

func lines(text string) []string { return strings.Split(strings.TrimRight(text, "\n"), "\n") }
