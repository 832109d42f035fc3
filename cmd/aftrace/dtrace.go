package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/collect/emit"
)

func dtraceCommand() *cobra.Command {
	var functions []string
	cmd := &cobra.Command{
		Use:   "dtrace",
		Short: "Print a DTrace script that reports CoNDIS calls of a Windows host",
		Long: `Print a script for DTrace on Windows that reports entry and return of CoNDIS functions of
ndis.sys as CoNDIS-AfTrace events, for an ETW session to record. No driver has to be
changed. Without --functions these are all exported functions but those of the data path
and of NDIS 5.x. Callbacks and macros have no probe; the script names them.

The script was not run on a Windows host yet. docs/dtrace.md says what a host needs.`,
		Example: `  aftrace dtrace > aftrace.d
  aftrace dtrace --functions '*AddressFamily*,NdisCoCreateVc' > af.d`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := emit.Functions(functions)
			if err != nil {
				return err
			}
			return cli.Output(func(w io.Writer) error {
				_, err := io.WriteString(w, emit.Script(list))
				return err
			})
		},
	}
	cmd.Flags().StringSliceVar(&functions, "functions", nil, "names of functions, or patterns with * and ?; may be repeated")
	return cmd
}

func headerCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "header",
		Short: "Print the C header with which a driver reports its CoNDIS calls",
		Long: `Print aftrace.h, the C header with which a driver reports its own CoNDIS calls and
callbacks as CoNDIS-AfTrace events, for an ETW session to record. It needs the headers of
Windows and nothing else. docs/driver-events.md says how it is used.`,
		Example: `  aftrace header > aftrace.h`,
		Args:    cli.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return cli.Output(func(w io.Writer) error {
				_, err := io.WriteString(w, emit.Header)
				return err
			})
		},
	}
}
