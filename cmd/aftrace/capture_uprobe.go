package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/collect/uprobe"
)

type uprobeFlags struct {
	pid    int
	names  string
	ulong  int
	buffer string

	children bool
}

func init() {
	var u uprobeFlags
	registerSource(&captureSource{
		name: "uprobe", goos: "linux",
		about: "programs on Linux that call functions named as in ndis.h, by eBPF probes",
		example: `  sudo aftrace capture -o trace.arrow -- ./harness --all
  sudo aftrace capture -o trace.arrow --children --propagate-exit -- make test
  sudo aftrace capture -o trace.arrow --pid 1234 --duration 10s
  sudo aftrace capture -o - -- ./harness | afreplay run -
`,
		flags: func(fl *pflag.FlagSet) {
			fl.IntVar(&u.pid, "pid", 0, "uprobe: the process to attach to, instead of a program to start")
			fl.BoolVar(&u.children, "children", false, "uprobe: the program starts what is to be captured, as a shell or a test runner does, and needs no such function itself")
			fl.StringVar(&u.names, "map", "", "uprobe: a file with other names of functions: NdisXxx = [FILE:]SYMBOL[+OFFSET]")
			fl.IntVar(&u.ulong, "ulong", 0, "uprobe: bytes of a ULONG, 4 or 8 (default what the debugging information says, else 4)")
			fl.StringVar(&u.buffer, "buffer", "64M", "uprobe: size of the ring between kernel and aftrace, a power of two")
		},
		open: u.open,
	})
}

func (u *uprobeFlags) open(_ context.Context, f *captureFlags, args []string) (recording, error) {
	switch {
	case len(args) == 0 && u.pid == 0:
		return nil, errors.New("the program to start is missing: -- PROGRAM ARG..., or --pid N")
	case len(args) > 0 && u.pid != 0:
		return nil, errors.New("--pid and a program to start: want one of them")
	case u.children && u.pid != 0:
		return nil, errors.New("--children is for a program that is started; what a process starts is followed anyway")
	case u.pid < 0:
		return nil, fmt.Errorf("--pid %d is no process", u.pid)
	case u.ulong != 0 && u.ulong != 4 && u.ulong != 8:
		return nil, fmt.Errorf("--ulong %d: want 4 or 8", u.ulong)
	case f.propagate && u.pid != 0:
		return nil, errors.New("--propagate-exit: a process that was not started here has no status for us")
	}
	size, err := parseSize(u.buffer)
	if err != nil {
		return nil, fmt.Errorf("--buffer: %w", err)
	}
	if size&(size-1) != 0 || size < int64(os.Getpagesize()) || size > 1<<30 {
		return nil, fmt.Errorf("--buffer %s: want a power of two from %d to 1G", u.buffer, os.Getpagesize())
	}
	o := uprobe.Options{Program: args, PID: u.pid, Children: u.children, Map: u.names, ULong: u.ulong, Buffer: int(size)}
	if f.output == "-" {
		o.Stdout = os.Stderr
	}
	c, err := uprobe.Open(o)
	switch {
	case errors.Is(err, uprobe.ErrNotPossible):
		return nil, cli.Exit(cli.NotPossible, err)
	case err != nil:
		return nil, exit(cli.OfFlag("map", u.names, err))
	}
	return &uprobeRecording{c}, nil
}

type uprobeRecording struct{ *uprobe.Capture }

func (r *uprobeRecording) RunOptions() collect.RunOptions { return uprobe.RunOptions() }

func (r *uprobeRecording) Report() captureReport {
	s := r.Summary()
	rep := captureReport{Source: "uprobe", Rows: s.Records, JSON: s, Exit: s.Exit, Lossy: s.Lost > 0 || s.Unread > 0 || s.Untracked > 0}
	line := func(format string, args ...any) { rep.Lines = append(rep.Lines, fmt.Sprintf(format, args...)) }
	line("%s probed in %s", rows.Count(uint64(s.Functions), "function"), rows.Count(s.Processes, "process"))
	if s.NsPerCall > 0 {
		line("a probed call costs %.0f ns more than without probes", s.NsPerCall)
	}
	if len(s.Stepped) > 0 {
		shown := s.Stepped
		more := ""
		if len(shown) > 5 {
			shown, more = shown[:5], fmt.Sprintf(", and %d more", len(s.Stepped)-5)
		}
		line("their first instruction is one that the kernel must single-step, which costs more: %s%s", strings.Join(shown, ", "), more)
	}
	if s.Unread > 0 {
		line("%s could not be followed", rows.Count(s.Unread, "pointer"))
	}
	if s.Untracked > 0 {
		line("%s more in flight than are followed", rows.Count(s.Untracked, "call"))
	}
	for _, w := range s.Warnings {
		line("warning: %s", w)
	}
	if s.Records == 0 {
		line("no call was seen")
	}
	switch {
	case s.Exit == nil:
	case *s.Exit > 128:
		line("the program was ended by signal %d", *s.Exit-128)
	default:
		line("the program exited with %d", *s.Exit)
	}
	return rep
}
