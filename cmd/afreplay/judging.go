package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/analysis/check"
	"github.com/aftrace/aftrace/analysis/report"
	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// judging are the flags of commands that come to a verdict.
type judging struct {
	failOn     []string
	allowLoss  bool
	afIdentity string
	strict     []string
	openLimit  time.Duration
}

func (f *judging) flags(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringSliceVar(&f.failOn, "fail-on", nil, "what else is a violation: warning, info, conflict, defect, or the name of a rule")
	fl.BoolVar(&f.allowLoss, "allow-loss", false, "let a trace conform although events were lost or it was cut short")
	fl.StringVar(&f.afIdentity, "af-identity", "type", "what makes two address families the same: type or type+version")
	strictFlag(cmd, &f.strict)
	openLimitFlag(cmd, &f.openLimit)
}

func (f *judging) options() (o check.Options, failOn report.FailOn, err error) {
	if failOn, err = report.ParseFailOn(f.failOn); err != nil {
		return o, failOn, fmt.Errorf("--fail-on %w", err)
	}
	switch f.afIdentity {
	case "type":
	case "type+version":
		o.Replay.AFIdentity = replay.IdentityTypeVersion
	default:
		return o, failOn, fmt.Errorf("--af-identity %s: want type or type+version", f.afIdentity)
	}
	if o.Replay.Strict, err = strict(f.strict); err != nil {
		return o, failOn, err
	}
	if o.Replay.Strict.Has(rule.AMB01) && o.Replay.AFIdentity != replay.IdentityType {
		return o, failOn, errors.New("--strict AMB-01: the type alone identifies, which --af-identity type+version denies: choose one")
	}
	if err := checkOpenLimit(f.openLimit); err != nil {
		return o, failOn, err
	}
	o.Replay.OpenLimit, o.Replay.AllowLoss = f.openLimit, f.allowLoss
	return o, failOn, nil
}

// openLimitFlag adds the flag that says when an open that does not pend is late.
func openLimitFlag(cmd *cobra.Command, limit *time.Duration) {
	cmd.Flags().DurationVar(limit, "open-limit", time.Millisecond, "how long ProtocolCmOpenAf may take if it does not pend (OPEN-22)")
}

// checkOpenLimit refuses values of that flag that make no sense.
func checkOpenLimit(limit time.Duration) error {
	if limit <= 0 {
		return fmt.Errorf("--open-limit %s: want more than 0", limit)
	}
	return nil
}

// tellCut says that what is shown or written is not that of a whole trace.
func tellCut(path string) {
	fmt.Fprintf(os.Stderr, "afreplay: %s is cut short: this is of the rows that can be read\n", rows.Safe(path))
}

// strictFlag adds the flag that names ambiguities.
func strictFlag(cmd *cobra.Command, names *[]string) {
	cmd.Flags().StringSliceVar(names, "strict", nil, "hold an ambiguity of the documentation strictly, such as AMB-05: see afreplay rules AMB; may be repeated")
}

// strict reads the values of that flag.
func strict(names []string) (rule.AMBSet, error) {
	set, err := rule.ParseStrict(names)
	if err != nil {
		err = fmt.Errorf("--strict: %w", err)
	}
	return set, err
}
