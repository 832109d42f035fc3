package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aftrace/aftrace/analysis/timing"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/collect/uprobe"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// The transitions of the engine are functions of one package, which its table calls.
var transitions = []string{"github.com/aftrace/aftrace/replay.enter", "github.com/aftrace/aftrace/replay.return"}

// probedCalls is how often each transition is measured: enough for its percentiles, and over
// soon in a long trace.
const probedCalls = 10_000

// probing measures the transitions of the engine in this process with eBPF probes. A nil
// *probing measures nothing.
type probing struct {
	own    *uprobe.Self
	probes []uprobe.SelfTiming
	lost   uint64
	err    error
}

func startProbing() (*probing, error) {
	own, err := uprobe.Own(probedCalls, transitions...)
	if errors.Is(err, uprobe.ErrNotPossible) {
		return nil, cli.Exit(cli.NotPossible, err)
	}
	if err != nil {
		return nil, cli.Exit(cli.Internal, err)
	}
	return &probing{own: own}, nil
}

// stop takes the probes away, once.
func (p *probing) stop() {
	if p != nil {
		p.probes, p.lost, p.err = p.own.Stop()
		p.own.Close()
	}
}

// tell writes what was measured to standard error, beside what the hook of the engine
// measured if that is given.
func (p *probing) tell(hook []timing.Row) error {
	if p == nil {
		return nil
	}
	if err := writeProbed(os.Stderr, p, hook); err != nil {
		return cli.NotWritten(err)
	}
	return nil
}

func writeProbed(w io.Writer, p *probing, hook []timing.Row) error {
	emulated, stepped := p.own.Cost()
	fmt.Fprintf(w, "transitions, by probes on this process (taken off: %v, * %v where the probe is single-stepped):\n", emulated, stepped)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "count\tp50\tp99\tmax\t\t \n")
	of, users := map[string]*uprobe.SelfTiming{}, map[string]int{}
	for i := range p.probes {
		of[p.probes[i].Name] = &p.probes[i]
	}
	for f := range ndis.Functions() {
		enter, ret := transitionNames(f)
		users[enter]++
		users[ret]++
	}
	shown := map[string]bool{}
	probe := func(s *uprobe.SelfTiming, indent string) {
		marks := ""
		if s.Over {
			marks += "+"
		}
		if s.Stepped {
			marks += "*"
		}
		also := ""
		if users[s.Name] > 1 && indent != "" {
			also = fmt.Sprintf(" (of %d functions)", users[s.Name])
		}
		shown[s.Name] = true
		fmt.Fprintf(t, "%d%s\t%v\t%v\t%v\tprobe\t %s%s%s\n", s.Count, marks, s.P50, s.P99, s.Max, indent, s.Name[strings.LastIndexByte(s.Name, '.')+1:], also)
	}
	for i := range hook {
		r := &hook[i]
		fmt.Fprintf(t, "%d\t%v\t%v\t%v\thook\t %s\n", r.Count, time.Duration(r.P50), time.Duration(r.P99), time.Duration(r.Max), seriesName(r))
		if i+1 < len(hook) && hook[i+1].Function == r.Function {
			continue
		}
		enter, ret := transitionNames(r.Function)
		for _, name := range slices.Compact([]string{enter, ret}) {
			if s := of[name]; s != nil {
				probe(s, "  ")
			}
		}
	}
	for i := range p.probes {
		if s := &p.probes[i]; !shown[s.Name] {
			probe(s, "")
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if slices.ContainsFunc(p.probes, func(s uprobe.SelfTiming) bool { return s.Over }) {
		fmt.Fprintf(w, "+ not measured after its first %d or so, to slow the run no longer\n", probedCalls)
	}
	if len(hook) > 0 {
		fmt.Fprintf(w, "hook: NDIS's side of a call, its transitions and what all calls share; each transition that is probed makes it about %v longer\n", p.own.CallCost())
	}
	if p.lost > 0 {
		fmt.Fprintf(w, "%d measurements were lost\n", p.lost)
	}
	if p.err != nil {
		fmt.Fprintf(w, "measuring ended early: %v\n", p.err)
	}
	return nil
}

// transitionNames are the functions of the engine that a call of f goes through, as the linker
// names them; "" where it has none.
func transitionNames(f ndis.Func) (enter, ret string) {
	name := func(entry uintptr) string {
		if entry == 0 {
			return ""
		}
		return runtime.FuncForPC(entry).Name()
	}
	a, b := replay.TransitionEntries(f)
	return name(a), name(b)
}

// seriesName is what a row of timings is of.
func seriesName(t *timing.Row) string {
	if t.HasAFType {
		return t.Function.String() + " " + strings.TrimPrefix(t.AFType.String(), "CO_ADDRESS_FAMILY_")
	}
	return t.Function.String()
}
