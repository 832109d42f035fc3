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

func sessionCommand() *cobra.Command {
	group := cli.Group(&cobra.Command{
		Use:   "session",
		Short: "List and end trace sessions of Windows",
		Long: `List the trace sessions of this host and end them. A capture that crashed leaves its
session running: adopt reads its statistics and stops it.`,
		Example: "  aftrace session list",
	})
	group.AddCommand(sessionList(), sessionStop("stop", "Stop sessions", false), sessionStop("adopt", "Stop a session that a crash left, and say what it counted", true))
	return group
}

func sessionList() *cobra.Command {
	var all, asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List sessions",
		Long:  "List the sessions of aftrace, or with --all those of everybody.",
		Example: `  aftrace session list
  aftrace session list --all --json`,
		Args: cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			found, err := host.Sessions().List()
			if err != nil {
				return hostExit(err)
			}
			list := []host.Session{}
			for _, s := range found {
				if all || host.Ours(s.Name) {
					list = append(list, s)
				}
			}
			return cli.Output(func(w io.Writer) error {
				if asJSON {
					return writeJSON(w, list)
				}
				for i := range list {
					if _, err := io.WriteString(w, sessionText(&list[i])); err != nil {
						return err
					}
				}
				if len(list) == 0 {
					_, err := fmt.Fprintf(w, "no session of aftrace; %s of others\n", rows.Count(uint64(len(found)), "session"))
					return err
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "those of other programs too")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func sessionText(s *host.Session) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %d of %d to %d buffers of %d KB", rows.Safe(s.Name), host.ModeText(s.Mode), s.Buffers, s.MinBuffers, s.MaxBuffers, s.BufferKB)
	if s.File != "" {
		fmt.Fprintf(&b, ", to %s", rows.Safe(s.File))
	}
	fmt.Fprintf(&b, "\n  %s written, %s and %s lost\n", rows.Count(uint64(s.BuffersWritten), "buffer"), rows.Count(uint64(s.EventsLost), "event"), rows.Count(s.BuffersLost(), "buffer"))
	return b.String()
}

func sessionStop(name, short string, adopt bool) *cobra.Command {
	var asJSON, force bool
	cmd := &cobra.Command{
		Use:     name + " NAME...",
		Short:   short,
		Long:    short + ". A file that it writes is finished.",
		Example: "  aftrace session " + name + " aftrace",
		Args:    cli.Inputs(1, "the name of the session"),
		RunE: func(_ *cobra.Command, args []string) error {
			c := host.Sessions()
			for _, name := range args {
				if !host.Ours(name) && !force {
					return fmt.Errorf("session %q does not have a name that aftrace gives: --force stops it all the same", name)
				}
			}
			stopped, stopErr := stopSessions(c, args, adopt)
			if len(stopped) == 0 {
				return hostExit(stopErr)
			}
			err := cli.Output(func(w io.Writer) error {
				if asJSON {
					return writeJSON(w, stopped)
				}
				for i := range stopped {
					if _, err := io.WriteString(w, "stopped "+sessionText(&stopped[i])); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			return hostExit(stopErr)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	cmd.Flags().BoolVar(&force, "force", false, "a session of another program too")
	return cmd
}

// stopSessions stops what it can: their last statistics are read only once.
func stopSessions(c host.Control, names []string, flush bool) (stopped []host.Session, err error) {
	stopped = []host.Session{}
	for _, name := range names {
		if flush {
			if _, e := c.Query(name); e != nil {
				err = errors.Join(err, e)
				continue
			}
			if e := c.Flush(name); e != nil {
				err = errors.Join(err, e)
				continue
			}
		}
		s, e := c.Stop(name)
		if e != nil {
			err = errors.Join(err, e)
			continue
		}
		stopped = append(stopped, s)
	}
	return stopped, err
}
