package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/format"
)

func convertCommand() *cobra.Command {
	var f struct {
		output, host  string
		strict, quiet bool
		asJSON, zstd  bool
	}
	var desc *collect.Descriptions
	cmd := &cobra.Command{
		Use:   "convert IN.etl... -o OUT.arrow",
		Short: "Make a trace of .etl recordings",
		Long: `Make a trace of the CoNDIS-AfTrace events in .etl recordings, and of what events of
Microsoft-Windows-NDIS say of binding functions. With --tmf or --pdb, WPP messages of
CoNDIS functions become rows too. Several recordings of one boot become one trace. Events
of other providers are counted and left out.

OUT is an .arrow file, an .arrows stream or - for a stream to standard output; IN may
be - for standard input. What was done goes to standard error.`,
		Example: `  aftrace convert recording.etl -o trace.arrow
  aftrace convert boot.etl later.etl -o host.arrow --strict
  aftrace convert recording.etl -o - | afreplay run -`,
		Args: cli.Inputs(1, "the recording to convert"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(f.output); err != nil {
				return err
			}
			if err := cli.Once(args); err != nil { // its events would be there twice
				return err
			}
			inputs, spooled, done, err := seekable(cmd.Context(), args)
			if err != nil {
				return err
			}
			defer done()
			lib, err := library(desc, f.quiet)
			if err != nil {
				return err
			}
			o := collect.ConvertOptions{Inputs: inputs, Output: f.output, Host: f.host, ToolVersion: cli.ToolVersion(), Library: lib}
			if f.zstd {
				o.Compression = format.ZSTD
			}
			progress := cli.NewProgress("converting", f.quiet)
			o.Progress = progress.At
			sum, err := collect.Convert(cmd.Context(), o)
			progress.Done()
			if err != nil {
				return exit(spooled.rename(err))
			}
			for i := range sum.Inputs {
				sum.Inputs[i].Path = spooled.name(sum.Inputs[i].Path)
			}
			switch {
			case f.asJSON:
				err = writeJSON(os.Stderr, sum)
			case !f.quiet:
				_, err = io.WriteString(os.Stderr, summaryText(sum))
			}
			if err != nil {
				return cli.NotWritten(err)
			}
			if f.strict && sum.Lossy() {
				return cli.Exit(cli.Inconclusive, errors.New("events were lost or could not be decoded (--strict)"))
			}
			return nil
		},
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.output, "output", "o", "", "the trace to write")
	fl.BoolVar(&f.strict, "strict", false, "exit with 4 if events were lost or could not be decoded")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "no summary and no progress")
	fl.BoolVar(&f.asJSON, "json", false, "the summary as JSON")
	fl.BoolVar(&f.zstd, "zstd", false, "compress the trace (smaller, but cannot be mapped)")
	desc = descriptions(fl)
	fl.StringVar(&f.host, "host", "", "name of the recorded host, for the metadata")
	return cmd
}

func writeJSON(w io.Writer, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(b) + "\n") {
		if _, err := w.Write(append(rows.AppendPlainJSON(nil, []byte(line)), '\n')); err != nil {
			return err
		}
	}
	return nil
}

// summaryText is what a conversion did, for people.
func summaryText(s *collect.Summary) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for _, in := range s.Inputs {
		line("%s: %s, %d bytes%s", rows.Safe(in.Path), rows.Count(in.Records, "record"), in.Bytes, flags(in.Truncated, "cut short", in.Unfinished, "session not ended"))
		for _, why := range slices.Sorted(maps.Keys(in.Undecodable)) {
			line("  %d× not readable: %s", in.Undecodable[why], rows.Safe(why))
		}
	}
	line("%s: %s, %s%s", rows.Safe(s.Output), rows.Count(s.Events, "event"), rows.Count(s.Gaps, "gap"), flags(s.Lossy(), "events are missing"))
	counts := []struct {
		n    uint64
		what string
	}{
		{s.EventsLost, "events lost, as the recording counts them"},
		{s.BuffersLost, "buffers lost, as the recording counts them"},
		{s.Undecodable, "events of CoNDIS-AfTrace not readable"},
		{uint64(s.UndecodableBytes), "bytes not readable"},
		{s.UnknownRecords, "unknown records"},
		{s.Duplicates, "events reported twice, kept once"},
		{s.Superseded, "manifest events or WPP messages left out, because the crossings of their functions are recorded"},
	}
	for _, c := range counts {
		if c.n > 0 {
			line("  %d %s", c.n, c.what)
		}
	}
	for _, d := range slices.Sorted(maps.Keys(s.Defects)) {
		line("  %d events with a defect: %s", s.Defects[d], rows.Safe(d))
	}
	var others, records uint64
	for _, p := range s.Providers {
		if p.Name != "CoNDIS-AfTrace" {
			others++
			records += p.Records
		}
	}
	if others > 0 {
		line("  left out: %s of %s (aftrace info lists them)", rows.Count(records, "record"), rows.Count(others, "other provider"))
	}
	return b.String()
}

// flags are the texts whose condition holds, each after a comma. pairs is bool, string, …
func flags(pairs ...any) string {
	s := ""
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i].(bool) {
			s += ", " + pairs[i+1].(string)
		}
	}
	return s
}
