package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/collect/host"
)

func autologgerCommand() *cobra.Command {
	group := cli.Group(&cobra.Command{
		Use:   "autologger",
		Short: "Record while Windows boots",
		Long: `Have Windows start a session when it boots: call managers register their address families
when adapters bind, which is mostly then. The session writes an .etl, of which aftrace
convert makes a trace. Its settings are in the registry until remove takes them away.`,
		Example: "  aftrace autologger status",
	})
	group.AddCommand(autologgerInstall(), autologgerStatus(), autologgerRemove())
	return group
}

const autologgerName = host.SessionName + "-boot"

func autologgerInstall() *cobra.Command {
	var f sessionFlags
	var name, file, maxSize string
	var keepLast bool
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Set up a boot session",
		Long: `Set up a session that Windows starts at every boot. Its file has at most --max-size: it
keeps what happened first, or with --keep-last what happened last. Doing it again changes
what is different, and nothing else.`,
		Example: `  aftrace autologger install
  aftrace autologger install --file C:\traces\boot.etl --profile driver --max-size 1G`,
		Args: cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			list, err := f.selected()
			if err != nil {
				return err
			}
			size, err := parseSize(maxSize)
			if err != nil {
				return fmt.Errorf("--max-size: %w", err)
			}
			if file == "" {
				if file, err = bootFile(); err != nil {
					return err
				}
			}
			a := host.Autologger{
				Settings: host.Settings{
					Name: name, File: file, BufferKB: f.bufferKB, MinBuffers: f.minBuffers, MaxBuffers: f.maxBuffers,
					MaxFileMB: uint32(min(size>>20, 1<<31)), FlushSec: 1,
				},
				Providers: list, KeepLast: keepLast,
			}
			if err := a.Check(); err != nil {
				return hostExit(err)
			}
			// A boot session makes no folder: without it nothing is recorded, which shows only
			// after the restart.
			if dir := filepath.Dir(file); filepath.IsAbs(file) {
				if st, err := os.Stat(dir); err != nil {
					return cli.NotWritten(err)
				} else if !st.IsDir() {
					return cli.NotWritten(fmt.Errorf("%s is not a folder", dir))
				}
			}
			changed, err := host.InstallAutologger(host.LocalMachine(), a)
			if err != nil {
				return hostExit(err)
			}
			text := "was installed already, nothing to change"
			if changed {
				text = fmt.Sprintf("installed, writes to %s: restart, then 'aftrace autologger status'", rows.Safe(file))
			}
			return cli.Output(func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "boot session %s %s\n", rows.Safe(name), text)
				return err
			})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&name, "name", autologgerName, "name of the session")
	fl.StringVar(&file, "file", "", "the .etl to write, with its full path (default %ProgramData%\\aftrace\\boot.etl)")
	fl.StringVar(&maxSize, "max-size", "256M", "most that the file may have, in whole megabytes")
	fl.BoolVar(&keepLast, "keep-last", false, "when the file is full, drop what is oldest")
	f.add(fl, "")
	f.addFile(fl, "")
	return cmd
}

// bootFile is the file of a boot session that was not told one; its folder is made.
func bootFile() (string, error) {
	data := os.Getenv("ProgramData")
	switch {
	case data == "" && runtime.GOOS != "windows":
		return "", cli.Exit(cli.NotPossible, fmt.Errorf("%w: it needs Windows, this is %s", host.ErrSystem, runtime.GOOS))
	case data == "":
		return "", errors.New("the output is missing: --file FILE.etl")
	}
	dir := filepath.Join(data, "aftrace")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", cli.NotWritten(err)
	}
	return filepath.Join(dir, "boot.etl"), nil
}

func autologgerStatus() *cobra.Command {
	var name string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Say what boot sessions there are",
		Long:    "Say what boot sessions aftrace has set up, whether they run, and how their last start went.",
		Example: "  aftrace autologger status --json",
		Args:    cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			list, err := host.Autologgers(host.LocalMachine(), host.Sessions(), name)
			if err != nil {
				return hostExit(err)
			}
			return cli.Output(func(w io.Writer) error {
				if asJSON {
					return writeJSON(w, append([]host.AutologgerStatus{}, list...))
				}
				for i := range list {
					if _, err := fmt.Fprintln(w, rows.Safe(list[i].String())); err != nil {
						return err
					}
					for _, p := range list[i].Providers {
						if _, err := fmt.Fprintf(w, "  %s\n", p); err != nil {
							return err
						}
					}
				}
				if len(list) == 0 {
					_, err := fmt.Fprintln(w, "no boot session of aftrace")
					return err
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "only this one")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func autologgerRemove() *cobra.Command {
	name := ""
	var stop bool
	cmd := &cobra.Command{
		Use:   "remove",
		Short: "Take a boot session away",
		Long: `Take a boot session out of the registry. One that runs goes on until the next restart, or
is stopped with --stop. Sessions that aftrace did not set up are left alone.`,
		Example: "  aftrace autologger remove --stop",
		Args:    cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			removed, err := host.RemoveAutologger(host.LocalMachine(), name)
			if err != nil {
				return hostExit(err)
			}
			text := "is not installed"
			if removed {
				text = "removed"
			}
			if removed && stop {
				if s, err := host.Sessions().Stop(name); err == nil {
					text += fmt.Sprintf(" and stopped: %s written, %s lost", rows.Count(uint64(s.BuffersWritten), "buffer"), rows.Count(uint64(s.EventsLost), "event"))
				} else if kind := hostExit(err); !isNotFound(err) {
					return kind
				}
			}
			return cli.Output(func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "boot session %s %s\n", rows.Safe(name), text)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", autologgerName, "name of the session")
	cmd.Flags().BoolVar(&stop, "stop", false, "stop it too, if it runs")
	return cmd
}
