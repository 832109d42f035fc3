package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/analysis/generate"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/gen"
	"github.com/aftrace/aftrace/replay/rule"
)

type genFlags struct {
	out       string
	seed      uint64
	events    uint64
	profile   string
	adapters  int
	faults    []string
	loss      float64
	detection bool
	quiet     bool
}

func genCommand() *cobra.Command {
	var f genFlags
	names, about := gen.Profiles()
	var list strings.Builder
	for i := range names {
		fmt.Fprintf(&list, "  %-11s %s\n", names[i], about[i])
	}
	cmd := &cobra.Command{
		Use:   "gen --seed N --events N -o OUT",
		Short: "Generate histories of any size, legal or with planted faults",
		Long: `Generate a history of CoNDIS drivers: what they do is chosen at random, what NDIS does
is produced by the executor. The same options give the same bytes. Memory does
not grow with the number of events.

Without --fault nobody breaks a rule. --fault RULE:RATE breaks RULE in that share of
the adapter lives; where, and in which event, is written to a table beside the trace
(OUT.truth.arrow). RULE may be "all". docs/gen.md describes the operators.

Profiles:
` + list.String() + `
--events is the least number of events: lives of adapters that have begun are finished.

--detection-table generates, checks, and prints for each rule how many faults were
planted and found, and how many findings have no cause. It exits with 1 if a fault was
not found or a finding has no cause.`,
		Example: `  afreplay gen --seed 1 --events 1000000 -o legal.arrow
  afreplay gen --seed 1 --events 100000 --profile atm --fault OPEN-07:0.1 --fault CALL-04:0.05 -o faults.arrow
  afreplay gen --seed 1 --events 1000000 --fault all:0.002 --detection-table`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd) },
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.out, "output", "o", "", "the trace to write: .arrow, .arrows, or - for a stream on standard output")
	fl.Uint64Var(&f.seed, "seed", 1, "what all choices follow from")
	fl.Uint64Var(&f.events, "events", 100_000, "how many events at least")
	fl.StringVar(&f.profile, "profile", names[0], "what the worlds are like: "+strings.Join(names, ", "))
	fl.IntVar(&f.adapters, "adapters", gen.DefaultAdapters, "adapters that are up at a time")
	fl.StringArrayVar(&f.faults, "fault", nil, "RULE:RATE, break a rule in this share (0 to 1) of the adapter lives; may be repeated")
	fl.Float64Var(&f.loss, "loss", 0, "share of the events that are lost, 0 to 1")
	fl.BoolVar(&f.detection, "detection-table", false, "check what was generated and print rule, planted, found, false")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "no summary and no progress")
	return cmd
}

// options checks what the flags ask for.
func (f *genFlags) options() (o gen.Options, err error) {
	o = gen.Options{Seed: f.seed, Events: f.events, Profile: f.profile, Adapters: f.adapters, Loss: f.loss}
	if f.events == 0 {
		return o, errors.New("--events 0: want at least 1")
	}
	if f.adapters < 1 || f.adapters > gen.MaxAdapters {
		return o, fmt.Errorf("--adapters %d: want 1 to %d", f.adapters, gen.MaxAdapters)
	}
	if !(f.loss >= 0 && f.loss <= 1) {
		return o, fmt.Errorf("--loss %v: want 0 to 1", f.loss)
	}
	for _, text := range f.faults {
		name, number, ok := strings.Cut(text, ":")
		if !ok {
			return o, fmt.Errorf("--fault %s: want RULE:RATE, like OPEN-07:0.1", text)
		}
		rate, err := strconv.ParseFloat(number, 64)
		if err != nil || math.IsNaN(rate) || rate < 0 || rate > 1 {
			return o, fmt.Errorf("--fault %s: the rate %s is no number from 0 to 1", text, number)
		}
		if strings.EqualFold(name, "all") {
			o.Faults = append(o.Faults, gen.Every(rate)...)
			continue
		}
		id, ok := rule.Parse(name)
		if !ok {
			return o, fmt.Errorf("--fault %s: there is no rule %s (afreplay rules lists them)", text, name)
		}
		if why := gen.WhyNot(id); why != "" {
			return o, fmt.Errorf("--fault %s: %s cannot be planted: %s", text, id, why)
		}
		o.Faults = append(o.Faults, gen.FaultRate{Rule: id, Rate: rate})
	}
	if err := o.Check(); err != nil {
		return o, errors.New(strings.TrimPrefix(err.Error(), "gen: "))
	}
	if f.out == "" && !f.detection {
		return o, errors.New("-o is missing: name the trace to write, or - for standard output")
	}
	if ext := strings.ToLower(filepath.Ext(f.out)); f.out != "" && f.out != "-" && ext != ".arrow" && ext != ".arrows" {
		return o, fmt.Errorf("-o %s: want a name that ends in .arrow or .arrows, or -", f.out)
	}
	if f.out != "" && f.detection {
		return o, errors.New("--detection-table prints a table and writes no trace: leave out -o")
	}
	return o, nil
}

func (f *genFlags) run(cmd *cobra.Command) error {
	o, err := f.options()
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	if f.detection {
		o.Stop = func() bool { return ctx.Err() != nil }
		d, err := gen.Detect(o)
		if errors.Is(err, replay.ErrStopped) {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		w := bufio.NewWriter(os.Stdout)
		if err := errors.Join(d.Write(w), w.Flush()); err != nil {
			return cli.NotWritten(err)
		}
		for _, text := range d.False {
			fmt.Fprintln(os.Stderr, "without a cause:", text)
		}
		for _, m := range d.Masked {
			by := fmt.Sprintf("%s@%d", m.By.Rule, m.By.Seq)
			if m.Loss {
				by = "lost events"
			}
			fmt.Fprintf(os.Stderr, "masked: %s@%d by %s\n", m.Rule, m.Seq, by)
		}
		for _, p := range d.Missed {
			fmt.Fprintf(os.Stderr, "not found: %s@%d\n", p.Rule, p.Seq)
		}
		if len(d.False)+len(d.Missed) > 0 {
			return cli.Exit(1, nil)
		}
		return nil
	}
	progress := cli.NewProgress("generating", f.quiet)
	defer progress.Done()
	s, err := generate.Trace(ctx, f.out, generate.Options{Gen: o, Progress: func(rows uint64) { progress.At(int64(rows), int64(f.events)) }})
	progress.Done()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return cli.NotWritten(err)
	case f.quiet:
		return nil
	}
	out := io.Writer(os.Stdout)
	if f.out == "-" {
		out = os.Stderr
	}
	text := fmt.Sprintf("%d events written to %s: %d lives of adapters, told of %d executed worlds\n", s.Rows, f.out, s.Lives, s.Worlds)
	if len(o.Faults) > 0 && f.out != "-" {
		text += fmt.Sprintf("  %d faults planted: %s says which and where\n", s.Planted, generate.TruthPath(f.out))
	}
	if s.Missed > 0 {
		text += fmt.Sprintf("  %d faults not planted: no world of this profile has a site for them\n", s.Missed)
	}
	if s.Lost > 0 {
		text += fmt.Sprintf("  %d events lost in %d gaps\n", s.Lost, s.Gaps)
	}
	if _, err := io.WriteString(out, text); err != nil {
		return cli.NotWritten(err)
	}
	return nil
}
