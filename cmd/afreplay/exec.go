package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/analysis/execute"
	"github.com/aftrace/aftrace/analysis/timing"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

type execFlags struct {
	out         string
	seed        uint64
	callManager string
	maxOpens    int
	memory      int64
	pend        int
	timings     bool
	probe       bool
	quiet       bool
}

func execCommand() *cobra.Command {
	var f execFlags
	cmd := &cobra.Command{
		Use:   "exec TRACE",
		Short: "Execute a recording again",
		Long: `Execute a recording again: what the environment and the drivers did is taken from
TRACE (an .arrow or .arrows file, or - for standard input), what NDIS answers is
produced by the reference, and the outcome is a trace again. The summary says what
was assumed and what could not be executed.

Answers of call managers come from the recording, and from the reference call manager
where it has none; --call-manager reference has the reference call manager answer all.

The exit code is 0 if everything was executed, and 4 if not: calls on handles that never
existed or on objects that do not come about, events that were lost, a recording that
was cut short. The trace is written all the same.`,
		Example: `  afreplay exec trace.arrow -o executed.arrow
  afreplay exec trace.arrow -o other.arrow --seed 7
  afreplay exec trace.arrow -o small.arrow --call-manager reference --cm-max-opens 2
  afreplay exec trace.arrow -o - | afreplay run -
  sudo afreplay exec trace.arrow -o executed.arrow --probe`,
		Args: cli.Only("the trace to execute", "execute them one by one, or join those of one boot with aftrace merge"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.out, "output", "o", "", "the trace to write: .arrow, .arrows, or - for a stream on standard output")
	fl.Uint64Var(&f.seed, "seed", 0, "choose another of the allowed orders; 0 is the documented one")
	fl.StringVar(&f.callManager, "call-manager", "recorded", "whose answers a call manager gives: recorded or reference")
	fl.IntVar(&f.maxOpens, "cm-max-opens", 0, "AF opens that the reference call manager holds at a time (not set: any number)")
	fl.Int64Var(&f.memory, "cm-memory", 0, "bytes that it may allocate (not set: any number)")
	fl.IntVar(&f.pend, "cm-pend", 0, "let every Nth request to it pend (not set: none)")
	fl.BoolVar(&f.timings, "timings", false, "measure and show what NDIS's side of each call costs here")
	fl.BoolVar(&f.probe, "probe", false, "measure each transition with eBPF probes on this process too (Linux, root), and list them beside the figures of --timings on standard error")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "no summary and no progress")
	return cmd
}

// options checks what the flags ask for.
func (f *execFlags) options(cmd *cobra.Command) (o execute.Options, err error) {
	switch f.callManager {
	case "recorded":
	case "reference":
		o.Replay.CallManager = replay.CallManagerReference
	default:
		return o, fmt.Errorf("--call-manager %s: want recorded or reference", f.callManager)
	}
	for _, l := range []struct {
		flag string
		n    int64
	}{{"cm-max-opens", int64(f.maxOpens)}, {"cm-memory", f.memory}, {"cm-pend", int64(f.pend)}} {
		if cmd.Flags().Changed(l.flag) && l.n <= 0 {
			return o, fmt.Errorf("--%s %d: want more than 0", l.flag, l.n)
		}
	}
	if f.out == "" {
		return o, errors.New("-o is missing: name the trace to write, or - for standard output")
	}
	if ext := strings.ToLower(filepath.Ext(f.out)); f.out != "-" && ext != ".arrow" && ext != ".arrows" {
		return o, fmt.Errorf("-o %s: want a name that ends in .arrow or .arrows, or -", f.out)
	}
	o.Replay.Seed = f.seed
	o.Replay.Limits = replay.CallManagerLimits{MaxOpens: f.maxOpens, Memory: f.memory, Pend: f.pend}
	o.Timings = f.timings || f.probe
	return o, nil
}

func (f *execFlags) run(cmd *cobra.Command, path string) error {
	o, err := f.options(cmd)
	if err != nil {
		return err
	}
	if err := cli.Apart([]string{path}, []string{f.out}); err != nil {
		return err
	}
	ctx := cmd.Context()
	r, err := cli.OpenTrace(ctx, path)
	if err != nil {
		return cli.Exit(cli.Unreadable, err)
	}
	defer r.Close()
	progress, total := cli.NewProgress("executing", f.quiet), cli.TotalSize([]string{path})
	defer progress.Done()
	o.Progress = func(at int64) { progress.At(at, total) }
	var probes *probing
	if f.probe {
		if probes, err = startProbing(); err != nil {
			return err
		}
	}
	s, err := execute.Trace(ctx, r, f.out, o)
	progress.Done()
	probes.stop()
	var input *execute.InputError
	switch {
	case errors.As(err, &input):
		return cli.Exit(cli.Unreadable, fmt.Errorf("%w (what came before is executed; %s says that it is cut short)", err, f.out))
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return cli.NotWritten(err)
	}
	if !f.quiet {
		out := io.Writer(os.Stdout)
		if f.out == "-" {
			out = os.Stderr // standard output is the trace
		}
		if err := summarize(out, path, f.out, s, f.timings); err != nil {
			return cli.NotWritten(err)
		}
	}
	if err := probes.tell(s.Timings); err != nil {
		return err
	}
	if !s.Complete() {
		return cli.Exit(cli.Inconclusive, nil)
	}
	return nil
}

// summarize says what was executed, assumed and left out.
func summarize(w io.Writer, in, out string, s *execute.Summary, timings bool) error {
	var b strings.Builder
	st := &s.Stats
	fmt.Fprintf(&b, "%s: %d events executed, %d events written to %s\n", in, s.Events, st.Rows, out)
	fmt.Fprintf(&b, "  %d calls of drivers and the environment, %d callbacks of NDIS\n", st.Stimuli, st.Callbacks)
	line := func(n uint64, what string) {
		if n > 0 {
			fmt.Fprintf(&b, "  %d %s\n", n, what)
		}
	}
	line(st.Supplied, "answers of drivers are not in the recording: reference drivers gave them")
	line(st.Assumed, "answers of NDIS depend on what the recording does not show: assumed to be as recorded")
	line(st.Unknown, "calls on handles that never existed: refused")
	line(st.Dropped, "calls on objects that do not come about in this execution: not executed")
	line(st.Untriggered, "calls inside callbacks that NDIS does not make in this execution: not executed")
	line(s.Lost, "events lost in the recording: executed as far as it determines the world")
	if s.Truncated {
		b.WriteString("  the recording is cut short, and so is what is written\n")
	}
	found := map[rule.Actor]int{}
	for i := range s.Result.Findings {
		found[s.Result.Findings[i].AtFault]++
	}
	fmt.Fprintf(&b, "  findings in the outcome: %d, against NDIS %d\n", len(s.Result.Findings), found[rule.NDIS])
	if timings && len(s.Timings) > 0 {
		b.WriteString("\nNDIS's side of each call; the clock's own cost is taken off\n\n")
		if err := timing.WriteCalls(&b, "calls, as executed", s.Timings); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
