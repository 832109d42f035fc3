package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/collect/uprobe"
)

// The transitions of the replay are functions of one package, which its table calls.
var transitions = []string{"github.com/aftrace/aftrace/replay.enter", "github.com/aftrace/aftrace/replay.return"}

// probed measures the transitions of the replay in this process with eBPF probes, until the
// function that it returns is called, which writes what was measured to standard error.
func probed() (tell func() error, err error) {
	hit := uprobe.HitCost()
	own, err := uprobe.Own(transitions...)
	if errors.Is(err, uprobe.ErrNotPossible) {
		return nil, cli.Exit(cli.NotPossible, err)
	}
	if err != nil {
		return nil, cli.Exit(cli.Internal, err)
	}
	return func() error {
		list, lost := own.Stop()
		own.Close()
		if err := writeProbed(os.Stderr, list, lost, hit); err != nil {
			return cli.NotWritten(err)
		}
		return nil
	}, nil
}

func writeProbed(w io.Writer, list []uprobe.SelfTiming, lost uint64, hit float64) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "count\ttotal\tp50\tp99\tmax\t transition (each call has about %.0f ns of the probes in it)\n", hit)
	for _, s := range list {
		fmt.Fprintf(t, "%d\t%v\t%v\t%v\t%v\t %s\n", s.Count, s.Sum.Round(time.Microsecond), s.P50, s.P99, s.Max, strings.TrimPrefix(s.Name, "replay."))
	}
	if lost > 0 {
		fmt.Fprintf(t, "%d\t\t\t\t\t measurements were lost\n", lost)
	}
	return t.Flush()
}
