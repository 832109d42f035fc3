// Command afreplay replays traces of CoNDIS address families against a reference NDIS and
// says what broke and why.
package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/analysis/export"
	"github.com/aftrace/aftrace/analysis/report"
	"github.com/aftrace/aftrace/analysis/table"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/replay/gen"
	"github.com/aftrace/aftrace/replay/rule"
)

func main() { os.Exit(run()) }

func run() int { return cli.Main(command()) }

func command() *cobra.Command {
	root := cli.Group(&cobra.Command{
		Use:   "afreplay",
		Short: "Replay traces of CoNDIS address families and say what broke",
		Long: `afreplay re-executes a trace of CoNDIS address families against a reference
implementation of NDIS. It says which documented rules the trace breaks, who is at
fault and which events prove it, who fought over an address family, and how long
calls took.

Exit codes: 0 conforms, 1 violations, 2 usage, 3 input unreadable, 4 inconclusive,
5 not possible here, 6 internal error or output not written, 130 interrupted.`,
		Example: `  afreplay demo
  afreplay run trace.arrow
  afreplay explain --demo OPEN-07@122`,
	})
	root.AddCommand(demoCommand(), runCommand(), execCommand(), diffCommand(), genCommand(), timingsCommand(), exportCommand(), filterCommand(), explainCommand(), rulesCommand(), scenarioCommand(), cli.Version("afreplay",
		fmt.Sprintf("report schema %d", report.Schema),
		fmt.Sprintf("%d rules", len(rule.All())),
	))
	complete(root)
	return root
}

// complete tells the completion scripts the values of arguments and flags.
func complete(root *cobra.Command) {
	var rules, groups, strict, ambiguities []string
	for _, r := range rule.All() {
		rules = append(rules, r.Name)
		if len(groups) == 0 || groups[len(groups)-1] != r.Group {
			groups = append(groups, r.Group)
		}
	}
	for _, a := range rule.Ambiguities() {
		ambiguities = append(ambiguities, a.Name)
		if a.Strict != "" {
			strict = append(strict, a.Name)
		}
	}
	profiles, _ := gen.Profiles()
	faults := []string{"all:"}
	for _, f := range gen.Every(1) {
		faults = append(faults, f.Rule.String()+":")
	}
	with := func(end string, list []string) (out []string) {
		for _, s := range list {
			out = append(out, s+end)
		}
		return out
	}
	cli.Complete(root, map[string][]string{
		"* --strict":          strict,
		"* --fail-on":         append([]string{"warning", "info", "conflict", "defect"}, rules...),
		"* --af-identity":     {"type", "type+version"},
		"run --format":        report.Formats,
		"run --out":           with("=", report.Formats),
		"export --out":        with("=", export.What),
		"explain --format":    {"text", "json"},
		"diff --format":       {"text", "json"},
		"timings --format":    {"text", "json", "csv"},
		"exec --call-manager": {"recorded", "reference"},
		"gen --profile":       profiles,
		"gen --fault":         faults,
		"filter --emit":       table.Names,
		"rules":               slices.Concat(groups, rules, []string{"AMB"}, ambiguities),
	})
}
