// Package cli is what the commands have in common: exit codes, signals, standard input and
// output, progress.
package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/format"
)

// Exit codes of both commands, see docs/exit-codes.md.
const (
	OK           = 0
	Violations   = 1   // afreplay
	Usage        = 2   // the command line is wrong
	Unreadable   = 3   // an input cannot be read
	Inconclusive = 4   // afreplay: no verdict; aftrace --strict: done, but events are missing
	NotPossible  = 5   // not on this system or without a privilege
	Internal     = 6   // a mistake of ours, or the output could not be written
	Interrupted  = 130 // by a signal
)

// exit is an error with its exit code. Without an error nothing is printed.
type exit struct {
	code    int
	err     error
	stopped bool // a signal was the way to end, not an interruption
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// Exit ends a command with a code and, if err is not nil, a message. It returns nil for OK
// without a message.
func Exit(code int, err error) error {
	if code == OK && err == nil {
		return nil
	}
	return &exit{code: code, err: err}
}

// Stopped is Exit for a command that goes on until a signal tells it to stop: the signal
// does not count as an interruption.
func Stopped(code int, err error) error {
	if code == OK && err == nil {
		return nil
	}
	return &exit{code: code, err: err, stopped: true}
}

// Main runs a command and returns the exit code. Errors that say no code are mistakes on
// the command line: what a command itself reports goes through Exit.
func Main(root *cobra.Command) (code int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal ends the work in order, a second one at once.
	context.AfterFunc(ctx, stop)
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(os.Stderr, "%s: internal error: %v\n%s", root.Name(), p, debug.Stack())
			code = Internal
		}
	}()
	root.SilenceErrors, root.SilenceUsage = true, true
	out := &watched{w: os.Stdout}
	root.SetOut(out)
	root.SetErr(os.Stderr)
	root.SetFlagErrorFunc(wrongFlag)
	builtin(root)
	var unknown error // found by --help, which returns none
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		if rest := cmd.Flags().Args(); cmd.HasSubCommands() && len(rest) > 0 {
			sub, _, err := cmd.Find(rest) // "--help run" as "run --help"
			if err != nil || sub == cmd {
				unknown = fmt.Errorf("unknown command %q", rest[0])
				return
			}
			sub.InitDefaultHelpFlag()
			cmd = sub
		}
		help(cmd, args)
	})
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		err = unknown
	}
	if out.err != nil { // of help and completion, whose writing nobody else looks at
		err = NotWritten(out.err)
	}
	var e *exit
	switch {
	case err == nil:
		return OK
	case ctx.Err() != nil && !(errors.As(err, &e) && e.stopped):
		fmt.Fprintf(os.Stderr, "%s: interrupted\n", root.Name())
		return Interrupted
	case errors.As(err, &e):
		if e.err != nil {
			fmt.Fprintf(os.Stderr, "%s: %s\n", root.Name(), message(err))
		}
		return e.code
	}
	fmt.Fprintf(os.Stderr, "%s: %s\nSee '%s --help'.\n", root.Name(), message(err), cmd.CommandPath())
	return Usage
}

// watched remembers that something could not be written.
type watched struct {
	w   io.Writer
	err error
}

func (o *watched) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// builtin adds the commands help and completion, which refuse what does not exist.
func builtin(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "completion":
			Group(cmd)
			cmd.Short = "Write a completion script for a shell"
		case "help":
			cmd.Args = func(_ *cobra.Command, args []string) error {
				if _, rest, err := root.Find(args); err != nil || len(rest) > 0 {
					return fmt.Errorf("unknown command %q", strings.Join(args, " "))
				}
				return nil
			}
		}
	}
}

// message is what an error says, harmless on a terminal and to CI runners, which obey lines that
// begin like their commands: a file's name may bring one.
func message(err error) string {
	lines := strings.Split(plain(err), "\n")
	for i := range lines {
		lines[i] = rows.Safe(lines[i])
		if s := strings.TrimLeft(lines[i], " "); i > 0 && (strings.HasPrefix(s, "::") || strings.HasPrefix(s, "##[")) {
			lines[i] = fmt.Sprintf(`%*s\x%x%s`, len(lines[i])-len(s), "", s[0], s[1:])
		}
	}
	return strings.Join(lines, "\n")
}

// plain is the text of an error without the names of our packages in front.
func plain(err error) string {
	text := err.Error()
	for _, ours := range []string{"format: ", "collect: "} {
		text = strings.TrimPrefix(text, ours)
	}
	return text
}

// Group makes cmd one that only has subcommands: run alone it says which, and fails.
func Group(cmd *cobra.Command) *cobra.Command {
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("unknown command %q", args[0])
		}
		cmd.SetOut(cmd.ErrOrStderr())
		_ = cmd.Help()
		return Exit(Usage, nil)
	}
	return cmd
}

// Inputs is a rule for arguments: at least n of them, with a message that says what.
func Inputs(n int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < n {
			return fmt.Errorf("%s is missing", what)
		}
		return nil
	}
}

// Only is a rule for one argument, with a message that says what it is, and instead what to do
// with several.
func Only(what, instead string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return fmt.Errorf("%s is missing", what)
		case 1:
			return nil
		}
		return fmt.Errorf("%s takes one argument, %s, not %d: %s", cmd.CommandPath(), what, len(args), instead)
	}
}

// NoArgs is the rule for a command without arguments.
func NoArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("%s takes no arguments: leave %q out", cmd.CommandPath(), strings.Join(args, " "))
}

// wrongFlag says what values a flag takes that was given another one.
func wrongFlag(_ *cobra.Command, err error) error {
	var wrong *pflag.InvalidValueError
	if !errors.As(err, &wrong) {
		return err
	}
	want := ""
	switch flag := wrong.GetFlag(); flag.Value.Type() {
	case "int", "int64":
		want = "a whole number"
	case "uint64":
		want = "a whole number, 0 or more"
	case "float64":
		want = "a number"
	case "duration":
		want = "a time like 500ms, 10s or 2h"
	case "bool":
		want = "true or false"
	default:
		return err
	}
	if errors.Is(err, strconv.ErrRange) {
		want += " that fits into 64 bits"
	}
	return fmt.Errorf("invalid argument %q for --%s: want %s", wrong.GetValue(), wrong.GetFlag().Name, want)
}

// Version makes the version command of the command called name; about are further lines of
// what it prints.
func Version(name string, about ...string) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Long:    "Print the version of the command and of what it reads and writes.",
		Example: "  " + name + " version",
		Args:    NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return Output(func(w io.Writer) error {
				fmt.Fprintf(w, "%s %s %s %s/%s\n", name, ToolVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
				fmt.Fprintf(w, "trace schema %s\n", format.SchemaVersion)
				for _, line := range about {
					fmt.Fprintln(w, line)
				}
				return nil
			})
		},
	}
}

// ToolVersion is the version of the module that the program was built from.
func ToolVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// Output calls write with buffered standard output and reports what could not be written.
func Output(write func(io.Writer) error) error {
	b := bufio.NewWriterSize(os.Stdout, 1<<16)
	err := write(b)
	if ferr := b.Flush(); !errors.Is(err, ferr) { // which is told once
		err = errors.Join(err, ferr)
	}
	if err != nil {
		return NotWritten(err)
	}
	return nil
}

// OfFlag makes err, if it is that path cannot be opened, one that names the flag that path came
// from, with the exit code of an input. Other errors stay as they are.
func OfFlag(flag, path string, err error) error {
	var pe *os.PathError
	if !errors.As(err, &pe) || pe.Path != path {
		return err
	}
	return Exit(Unreadable, fmt.Errorf("--%s %s: cannot be read: %w", flag, path, pe.Err))
}

// NotWritten makes err one of output that could not be written. An error that has its exit
// code keeps it.
func NotWritten(err error) error {
	var e *exit
	if errors.As(err, &e) {
		return err
	}
	return Exit(Internal, &notWritten{err})
}

type notWritten struct{ error }

func (n *notWritten) Error() string { return "output not written: " + plain(n.error) }
func (n *notWritten) Unwrap() error { return n.error }

// Terminal says whether f is a terminal that a person looks at.
func Terminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" }

// Color says whether text on standard output should be coloured: on a terminal, unless
// NO_COLOR is set.
func Color() bool { return os.Getenv("NO_COLOR") == "" && Terminal(os.Stdout) }
