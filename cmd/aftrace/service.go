package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/collect/etw"
	"github.com/aftrace/aftrace/collect/host"
	"github.com/aftrace/aftrace/collect/ring"
	"github.com/aftrace/aftrace/format"
)

// serviceFlags are those of install, which become those of run.
type serviceFlags struct {
	sessionFlags
	dir   string
	ring  string
	dumps int
	desc  *collect.Descriptions
}

func (f *serviceFlags) addTo(fl *pflag.FlagSet) {
	fl.StringVar(&f.dir, "dir", "", "folder for the ring and the dumps, with its full path")
	fl.StringVar(&f.ring, "ring", "256M", "size of the ring")
	fl.IntVar(&f.dumps, "dumps", 8, "dumps that may be in the folder; a further one is refused")
	f.add(fl, "")
	f.desc = descriptions(fl)
}

// options checks the flags.
func (f *serviceFlags) options() (o ring.Options, list []host.Provider, err error) {
	if list, err = f.selected(); err != nil {
		return o, nil, err
	}
	size, err := parseSize(f.ring)
	if err != nil {
		return o, nil, fmt.Errorf("--ring: %w", err)
	}
	if f.dir == "" {
		return o, nil, errors.New("the folder is missing: --dir FOLDER")
	}
	if !filepath.IsAbs(f.dir) {
		return o, nil, fmt.Errorf("--dir %s: want a full path: a service has no current folder", f.dir)
	}
	o = ring.Options{Dir: f.dir, Size: size, Dumps: f.dumps}
	return o, list, o.Check()
}

// args are the flags again, for the command line of the service.
func (f *serviceFlags) args() []string {
	args := []string{"service", "run", "--dir", f.dir, "--ring", f.ring, "--dumps", strconv.Itoa(f.dumps)}
	if f.profile != "" {
		args = append(args, "--profile", f.profile)
	}
	for _, p := range f.providers {
		args = append(args, "--provider", p)
	}
	if f.maxBuffers != 0 {
		args = append(args, "--max-buffers", strconv.FormatUint(uint64(f.maxBuffers), 10))
	}
	for _, list := range []struct {
		flag  string
		paths []string
	}{{"--tmf", f.desc.TMF}, {"--pdb", f.desc.PDBs}, {"--manifest", f.desc.Manifests}, {"--wpp-map", f.desc.WPPMaps}} {
		for _, p := range list.paths {
			if full, err := filepath.Abs(p); err == nil {
				p = full
			}
			args = append(args, list.flag, p)
		}
	}
	return args
}

func serviceCommand() *cobra.Command {
	group := cli.Group(&cobra.Command{
		Use:   "service",
		Short: "Keep a ring of what happened, as a Windows service",
		Long: `Keep the last megabytes of what happened in a folder, as a Windows service. dump puts them
aside, when something has gone wrong, and the service goes on. What the service has to say
is in service.log in its folder.`,
		Example: "  aftrace service status",
	})
	group.AddCommand(serviceInstall(), serviceRun(), serviceStatus(),
		serviceAction("remove", "Stop and remove the service", "Stop and remove the service. What it recorded stays.", func() (string, error) {
			removed, err := host.RemoveService()
			if removed {
				return "removed", err
			}
			return "was not installed", err
		}),
		serviceAction("start", "Start the service", "Start the service, if it does not run.", func() (string, error) { return "started", host.StartService() }),
		serviceAction("stop", "Stop the service", "Stop the service, which finishes its trace.", func() (string, error) { return "stopped", host.StopService() }),
		serviceAction("dump", "Put the ring aside", "Have the service move its ring into a new folder dump-TIME beside it, and go on.",
			func() (string, error) { return "told to put its ring aside", host.DumpService() }),
	)
	return group
}

func serviceAction(use, short, long string, do func() (string, error)) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: long, Example: "  aftrace service " + use, Args: cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := do()
			if err != nil {
				return hostExit(err)
			}
			return cli.Output(func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "service %s %s\n", host.ServiceName, text)
				return err
			})
		},
	}
}

func serviceInstall() *cobra.Command {
	var f serviceFlags
	var auto bool
	cmd := &cobra.Command{
		Use:   "install --dir FOLDER",
		Short: "Install the service",
		Long: `Install the service, or change how it is installed. It runs this program where it is now;
start it with aftrace service start, or let it start with the host.`,
		Example: `  aftrace service install --dir C:\traces\ring --ring 256M --profile lab`,
		Args:    cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if _, _, err := f.options(); err != nil {
				return err
			}
			exe, err := os.Executable()
			if err != nil {
				return cli.Exit(cli.Internal, err)
			}
			changed, err := host.InstallService(host.ServiceOptions{Exe: exe, Args: f.args(), Automatic: auto})
			if err != nil {
				return hostExit(err)
			}
			text := "was installed already, nothing to change"
			if changed {
				text = "installed: 'aftrace service start'"
			}
			return cli.Output(func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "service %s %s\n", host.ServiceName, text)
				return err
			})
		},
	}
	f.addTo(cmd.Flags())
	cmd.Flags().BoolVar(&auto, "auto", false, "start it with the host")
	return cmd
}

func serviceStatus() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status", Short: "Say whether the service runs", Long: "Say whether the service is installed and runs.",
		Example: "  aftrace service status --json", Args: cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s, err := host.Service()
			if err != nil {
				return hostExit(err)
			}
			return cli.Output(func(w io.Writer) error {
				if asJSON {
					return writeJSON(w, s)
				}
				_, err := fmt.Fprintln(w, s)
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func serviceRun() *cobra.Command {
	var f serviceFlags
	cmd := &cobra.Command{
		Use: "run --dir FOLDER", Short: "Be the service", Long: "Be the service: the service manager of Windows runs this.",
		Example: `  aftrace service run --dir C:\traces\ring`, Args: cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			o, list, err := f.options()
			if err != nil {
				return err
			}
			err = host.RunService(func(stop <-chan struct{}, dump <-chan time.Time, ready func()) uint32 {
				return f.work(o, list, stop, dump, ready)
			})
			return hostExit(err)
		},
	}
	f.addTo(cmd.Flags())
	return cmd
}

// openSession opens the session of the service. One that is there already was left by a run of
// the service that crashed, as there is one service: it is stopped, or no run would ever begin
// again.
func openSession(c host.Control, o etw.Options, open func(etw.Options) (*etw.Capture, error), say func(error)) (*etw.Capture, error) {
	capture, err := open(o)
	if !errors.Is(err, host.ErrExists) {
		return capture, err
	}
	switch left, stopErr := c.Stop(o.Name); {
	case stopErr == nil:
		say(fmt.Errorf("session %s was left by a run that crashed, and is stopped: %d events and %d buffers lost", o.Name, left.EventsLost, left.BuffersLost()))
	case !errors.Is(stopErr, host.ErrNotFound): // it may have ended by itself
		return nil, errors.Join(err, stopErr)
	}
	return open(o)
}

const maxServiceLog = 1 << 20 // bytes; a longer one is begun anew

// work is the service. What goes wrong is in its log, and in its exit code as that of a
// command.
func (f *serviceFlags) work(o ring.Options, list []host.Provider, stop <-chan struct{}, dump <-chan time.Time, ready func()) uint32 {
	if err := os.MkdirAll(o.Dir, 0o777); err != nil {
		return cli.Internal
	}
	path := filepath.Join(o.Dir, "service.log")
	mode := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if st, err := os.Stat(path); err == nil && st.Size() > maxServiceLog {
		mode = os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	}
	log, err := os.OpenFile(path, mode, 0o666)
	if err != nil {
		return cli.Internal
	}
	defer log.Close()
	say := func(err error) { fmt.Fprintf(log, "%s %v\n", time.Now().UTC().Format(time.RFC3339), err) }
	lib, _, err := f.desc.Load()
	if err != nil {
		say(err)
		return cli.Unreadable
	}
	c, err := openSession(host.Sessions(), etw.Options{Name: host.SessionName + "-service", Providers: list, MaxBuffers: f.maxBuffers, FlushSec: 1, Library: lib}, etw.Open, say)
	if err != nil {
		say(err)
		return cli.NotPossible
	}
	defer c.Close()
	ready()
	o.Log = log
	o.Trace = format.WriterOptions{Metadata: format.Metadata{format.MetaToolVersion: cli.ToolVersion()}}
	if _, err := ring.Run(c, o, stop, dump); err != nil {
		say(err)
		return cli.Internal
	}
	return cli.OK
}
