package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/collect/host"
)

func isNotFound(err error) bool { return errors.Is(err, host.ErrNotFound) }

func doctorCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this host can capture, and why not",
		Long: `Say which routes of capture this host can go, what is missing, and the next step. Nothing
is changed. The exit code is 5 if no route is open.`,
		Example: `  aftrace doctor
  aftrace doctor --json`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := host.Diagnose(cmd.Context())
			err := cli.Output(func(w io.Writer) error {
				if asJSON {
					return writeJSON(w, d)
				}
				_, err := io.WriteString(w, doctorText(d))
				return err
			})
			if err != nil {
				return err
			}
			if !d.Possible() {
				return cli.Exit(cli.NotPossible, nil)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func doctorText(d *host.Diagnosis) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nroutes:\n", rows.Safe(d.System))
	for _, r := range d.Routes {
		fmt.Fprintf(&b, "  %-8s %-9s %s\n", r.State, r.Name, r.About)
	}
	b.WriteString("\nchecks:\n")
	for _, c := range d.Checks {
		fmt.Fprintf(&b, "  %-8s %s: %s\n", c.State, c.Name, rows.Safe(c.Have))
		if c.Do != "" {
			fmt.Fprintf(&b, "           → %s\n", rows.Safe(c.Do))
		}
	}
	return b.String()
}

func providersCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "providers [GUID...]",
		Short: "List the providers that are known, present and enabled",
		Long: `List the providers that aftrace has a use for, and those that are named, with what this
host has of them: whether a manifest is registered, how many drivers and processes have
registered the provider, and which sessions have enabled it.`,
		Example: `  aftrace providers
  aftrace providers 2ED6006E-4729-4609-B423-3EE7BCD678EF --json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			var more []host.Provider
			for _, a := range args {
				p, err := host.ParseProvider(a)
				if err != nil {
					return hostExit(err)
				}
				more = append(more, p)
			}
			list, err := host.Providers(host.LocalMachine(), host.ProviderInstances, more)
			if err != nil {
				return hostExit(err)
			}
			return cli.Output(func(w io.Writer) error {
				if asJSON {
					return writeJSON(w, list)
				}
				_, err := io.WriteString(w, providersText(list))
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func providersText(list []host.ProviderStatus) string {
	var b strings.Builder
	for _, p := range list {
		name := p.Name
		if name == "" {
			name = "(no name)"
		}
		fmt.Fprintf(&b, "%s %s", rows.Safe(name), p.GUID)
		if len(p.Profiles) > 0 {
			fmt.Fprintf(&b, ", keywords %s, level %d, in %s", p.Keywords, p.Level, strings.Join(p.Profiles, ", "))
		}
		if p.About != "" {
			fmt.Fprintf(&b, "\n  %s", p.About)
		}
		switch {
		case !p.Asked:
			b.WriteString("\n  this host does not say whether it is there")
		default:
			fmt.Fprintf(&b, "\n  %s registered", rows.Count(uint64(p.Instances), "instance"))
			if p.Manifest {
				b.WriteString(", manifest installed")
			}
		}
		for _, e := range p.Enabled {
			session := e.Session
			if session == "" {
				session = fmt.Sprintf("number %d", e.Logger)
			}
			fmt.Fprintf(&b, "\n  enabled by session %s, keywords %s, level %d", rows.Safe(session), e.Keywords, e.Level)
		}
		b.WriteString("\n")
	}
	return b.String()
}
