// Command aftrace makes traces of CoNDIS address families, live and from recordings, and
// shows and merges them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/collect/host"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

func main() { os.Exit(run()) }

func run() int { return cli.Main(command()) }

func command() *cobra.Command {
	root := cli.Group(&cobra.Command{
		Use:   "aftrace",
		Short: "Record traces of CoNDIS address families, show and merge them",
		Long: `aftrace records CoNDIS address-family events live (capture), on Windows also while the host
boots (autologger) and as a service, or turns .etl recordings into Arrow traces (convert).
It says what is in a recording or a trace, shows its rows, merges traces, and scrubs
those that leave a site. afreplay says what broke in them.

Exit codes: 0 done, 2 usage, 3 input unreadable, 4 done but events were lost or could
not be decoded (with --strict), 5 not possible here, 6 internal error or output not
written, 130 interrupted.`,
		Example: `  aftrace capture -o trace.arrow --duration 1m
  aftrace convert recording.etl -o trace.arrow
  aftrace info trace.arrow
  aftrace cat trace.arrow --function '*AddressFamily*'`,
	})
	root.AddCommand(captureCommand(runtime.GOOS), sessionCommand(), autologgerCommand(), serviceCommand(), doctorCommand(), providersCommand(), convertCommand(), decodeCommand(), infoCommand(), catCommand(), mergeCommand(), scrubCommand(), dtraceCommand(), headerCommand(), cli.Version("aftrace"))
	var functions, statuses, sources []string
	for _, f := range ndis.Functions() {
		functions = append(functions, f.Name)
	}
	for _, s := range ndis.Statuses() {
		statuses = append(statuses, s.Name)
	}
	for _, s := range captureSources {
		sources = append(sources, s.name)
	}
	cli.Complete(root, map[string][]string{
		"cat --format":       {"text", "json", "csv"},
		"cat --function":     functions,
		"cat --status":       statuses,
		"decode --format":    {"text", "json"},
		"capture --source":   sources,
		"dtrace --functions": functions,
		"* --profile":        host.Profiles,
	})
	return root
}

// exit gives an error of reading or writing its exit code.
func exit(err error) error {
	var refused *format.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, collect.ErrUsage):
		return cli.Exit(cli.Usage, err)
	case errors.As(err, &refused), errors.Is(err, collect.ErrInput), errors.Is(err, format.ErrSchema):
		return cli.Exit(cli.Unreadable, err)
	}
	return cli.NotWritten(err)
}

// createTrace makes the trace that -o names.
func createTrace(path string, o format.WriterOptions) (*format.Writer, error) {
	if err := checkOutput(path); err != nil {
		return nil, err
	}
	w, err := format.Create(path, o)
	if err != nil {
		return nil, cli.NotWritten(err)
	}
	return w, nil
}

// checkOutput refuses what a trace cannot be written to.
func checkOutput(path string) error {
	switch {
	case path == "":
		return errors.New("the output is missing: -o FILE")
	case path == "-" && cli.Terminal(os.Stdout):
		return errors.New("a trace is not for a terminal: redirect standard output or use -o FILE")
	case path == "-":
		return nil
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".arrow", ".arrows":
		return nil
	}
	return fmt.Errorf("-o %s: name it .arrow (a file) or .arrows (a stream), or use - for standard output", path)
}
