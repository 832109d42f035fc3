package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/analysis/report"
	"github.com/aftrace/aftrace/cmd/internal/cli"
)

func rulesCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rules [RULE|GROUP|AMBIGUITY]...",
		Short: "List the rules that traces are held to",
		Long: `List the rule catalogue: what each rule asks for, its kind and severity, who can be
at fault, whether this version judges it, and the page of the documentation.

Behind them are the ambiguities of the documentation: what the replay does by default,
and what --strict makes of each.

RULE is a name like REG-01, GROUP its first part, AMBIGUITY a name like AMB-05. Without
one, everything is listed.`,
		Example: `  afreplay rules
  afreplay rules OPEN REG-01
  afreplay rules AMB
  afreplay rules --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			rules, err := report.Catalogue(args)
			if err != nil {
				return err
			}
			return cli.Output(func(w io.Writer) error {
				if asJSON {
					return report.WriteCatalogueJSON(w, rules)
				}
				return report.WriteCatalogueText(w, rules)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as a JSON array")
	return cmd
}
