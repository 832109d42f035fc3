// Command afreplay replays traces of CoNDIS address families against a reference NDIS and
// says what broke and why.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/analysis/report"
	"github.com/aftrace/aftrace/cmd/internal/cli"
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
	return root
}
