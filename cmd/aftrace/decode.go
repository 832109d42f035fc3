package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/etl"
)

// descriptions are the flags that name what describes events.
func descriptions(fl *pflag.FlagSet) *collect.Descriptions {
	x := &collect.Descriptions{}
	fl.StringArrayVar(&x.TMF, "tmf", nil, "TMF file, or folder of them, that describes WPP messages (repeatable)")
	fl.StringArrayVar(&x.PDBs, "pdb", nil, "PDB of a driver that has its WPP messages (repeatable)")
	fl.StringArrayVar(&x.Manifests, "manifest", nil, "manifest (.man), or binary with one (.dll, .exe, .sys), that describes events (repeatable)")
	fl.StringArrayVar(&x.WPPMaps, "wpp-map", nil, "mapping file: which WPP messages are calls of which CoNDIS functions (repeatable)")
	return x
}

// library loads descriptions and says on standard error what is odd about them.
func library(x *collect.Descriptions, quiet bool) (*decode.Library, error) {
	lib, loaded, err := x.Load()
	for flag, paths := range map[string][]string{"tmf": x.TMF, "pdb": x.PDBs, "manifest": x.Manifests, "wpp-map": x.WPPMaps} {
		for _, path := range paths {
			err = cli.OfFlag(flag, path, err)
		}
	}
	if err != nil {
		return nil, exit(err)
	}
	if quiet || len(loaded) == 0 {
		return lib, nil
	}
	var b strings.Builder
	for _, item := range slices.Sorted(maps.Keys(lib.UnknownItems)) {
		fmt.Fprintf(&b, "item type %s is not known: %s with it cannot be decoded\n", rows.Safe(item), rows.Count(lib.UnknownItems[item], "message"))
	}
	if lib.Duplicates > 0 {
		fmt.Fprintf(&b, "%d events or messages described twice: the first description counts\n", lib.Duplicates)
	}
	for _, c := range lib.Controls() {
		fmt.Fprintf(&b, "WPP control GUID %v %s", c.GUID, rows.Safe(c.Name))
		for i, flag := range c.Flags {
			if i < 64 {
				fmt.Fprintf(&b, " %s=0x%x", rows.Safe(flag), uint64(1)<<i)
			}
		}
		b.WriteByte('\n')
	}
	if _, err := io.WriteString(os.Stderr, b.String()); err != nil {
		return nil, cli.NotWritten(err)
	}
	return lib, nil
}

func decodeCommand() *cobra.Command {
	var f struct {
		format    string
		providers []string
		undecoded bool
		summary   bool
		strict    bool
		quiet     bool
	}
	cmd := &cobra.Command{
		Use:   "decode FILE.etl",
		Short: "Print the events of a recording, of any provider",
		Long: `Print the events of any provider in an .etl recording, one a line: TraceLogging events,
manifest events, classic events and WPP messages. What describes them is in the recording
itself, or in files that --manifest, --tmf and --pdb name. - is standard input.

How many records were decoded, and why others were not, goes to standard error; with
--summary to standard output, instead of the events.`,
		Example: `  aftrace decode recording.etl
  aftrace decode recording.etl --provider Microsoft-Windows-NDIS --format json
  aftrace decode wpp.etl --pdb ndis.pdb --undecoded
  aftrace decode recording.etl --summary`,
		Args: cli.Only("the recording to decode", "decode them one by one"),
	}
	fl := cmd.Flags()
	fl.StringVar(&f.format, "format", "text", "text, or json: one object a line")
	fl.StringArrayVar(&f.providers, "provider", nil, "only events of this provider: GUID, or name with * and ? (repeatable)")
	fl.BoolVar(&f.undecoded, "undecoded", false, "print what could not be decoded too, with its bytes")
	fl.BoolVar(&f.summary, "summary", false, "print only how many records were decoded, and why others were not")
	fl.BoolVar(&f.strict, "strict", false, "exit with 4 if a record was not decoded")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "no counts and no progress")
	desc := descriptions(fl)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.format != "text" && f.format != "json" {
			return fmt.Errorf("--format %q: expected text or json", f.format)
		}
		match, err := providerFilter(f.providers)
		if err != nil {
			return err
		}
		lib, err := library(desc, f.quiet)
		if err != nil {
			return err
		}
		paths, spooled, done, err := seekable(cmd.Context(), args)
		if err != nil {
			return err
		}
		defer done()
		var sum *collect.Decoded
		p := printer{json: f.format == "json", undecoded: f.undecoded, match: match}
		write := func(w io.Writer) (err error) {
			p.w = w
			each := p.print
			if f.summary {
				each = nil
			}
			sum, err = decodeFile(cmd.Context(), paths[0], lib, f.quiet, each)
			if err != nil {
				return exit(spooled.rename(err))
			}
			sum.Path = spooled.name(sum.Path)
			switch {
			case f.summary && f.format == "json":
				return writeJSON(w, sum)
			case f.summary:
				_, err = io.WriteString(w, decodedText(sum))
				return err
			}
			return nil
		}
		if err := cli.Output(write); err != nil {
			return err
		}
		if match != nil && !f.summary && !p.matched {
			fmt.Fprintf(os.Stderr, "aftrace: no record of %s in it; aftrace info lists the providers of a recording\n", rows.Safe(strings.Join(f.providers, ", ")))
		}
		if !f.summary && !f.quiet {
			if _, err := io.WriteString(os.Stderr, decodedText(sum)); err != nil {
				return cli.NotWritten(err)
			}
		}
		if f.strict && sum.Undecoded+sum.Unknown > 0 {
			return cli.Exit(cli.Inconclusive, fmt.Errorf("%s not decoded (--strict)", rows.Count(sum.Undecoded+sum.Unknown, "record")))
		}
		return nil
	}
	return cmd
}

func decodeFile(ctx context.Context, path string, lib *decode.Library, quiet bool, each func(*decode.Decoder, *etl.Record, *decode.Event) error) (*collect.Decoded, error) {
	progress := cli.NewProgress("decoding", quiet || each != nil && cli.Terminal(os.Stdout))
	defer progress.Done()
	return collect.Decode(ctx, path, collect.DecodeOptions{Library: lib, Progress: progress.At}, each)
}

// providerFilter is nil if all providers are wanted.
func providerFilter(patterns []string) (func(g etl.GUID, name string) bool, error) {
	if len(patterns) == 0 {
		return nil, nil
	}
	guids := map[etl.GUID]bool{}
	var names []string
	for _, p := range patterns {
		if g, err := etl.ParseGUID(p); err == nil {
			guids[g] = true
			continue
		}
		p = strings.ToLower(p)
		if _, err := path.Match(p, ""); err != nil || strings.HasPrefix(p, "{") || p == "" {
			return nil, fmt.Errorf("--provider %q: expected a GUID like cdead503-17f5-4a3e-b7ae-df8cc2902eb9, or a name with * and ?", p)
		}
		names = append(names, p)
	}
	return func(g etl.GUID, name string) bool {
		if guids[g] {
			return true
		}
		name = strings.ToLower(name)
		for _, p := range names {
			if ok, _ := path.Match(p, name); ok && name != "" {
				return true
			}
		}
		return false
	}, nil
}

// printer writes events.
type printer struct {
	w         io.Writer
	json      bool
	undecoded bool
	match     func(g etl.GUID, name string) bool
	matched   bool // a record did
	line      []byte
}

func (p *printer) print(d *decode.Decoder, r *etl.Record, ev *decode.Event) error {
	name := d.ProviderName(r, ev)
	if p.match != nil && !p.match(r.Provider, name) {
		return nil
	}
	p.matched = true
	whole := ev.Failure.Reason == decode.ReasonNone
	if !whole && !p.undecoded {
		return nil
	}
	if p.json {
		p.line = appendEventJSON(p.line[:0], r, ev, name)
		if slices.ContainsFunc(p.line, func(c byte) bool { return c >= 0x7F }) {
			p.line = rows.AppendPlainJSON(nil, p.line)
		}
	} else {
		p.line = appendEventText(p.line[:0], r, ev, name)
	}
	_, err := p.w.Write(append(p.line, '\n'))
	return err
}

// appendEventJSON writes an event as a JSON object. Its keys are stable.
func appendEventJSON(b []byte, r *etl.Record, ev *decode.Event, provider string) []byte {
	b = append(b, `{"ts":"`...)
	b = append(b, rows.Time(r.Time)...)
	b = append(b, `","kind":"`...)
	b = append(b, ev.Origin.String()...)
	b = append(b, `","record":"`...)
	b = append(b, r.Kind.String()...)
	b = append(b, `","cpu":`...)
	b = strconv.AppendUint(b, uint64(r.CPU), 10)
	if r.HasIDs {
		b = fmt.Appendf(b, `,"pid":%d,"tid":%d`, r.PID, r.TID)
	}
	if r.HasGUID {
		b = fmt.Appendf(b, `,"provider":"%v"`, r.Provider)
	}
	if provider != "" {
		b = decode.AppendString(append(b, `,"provider_name":`...), provider)
	}
	if ev.Provider.HasGroup {
		b = fmt.Appendf(b, `,"provider_group":"%v"`, ev.Provider.Group)
	}
	b = fmt.Appendf(b, `,"id":%d,"version":%d,"level":%d,"opcode":%d,"keyword":"0x%x"`, r.ID, r.Version, r.Level, r.Opcode, r.Keyword)
	if ev.Name != "" {
		b = decode.AppendString(append(b, `,"event":`...), ev.Name)
	}
	if m := ev.Message; m != nil {
		b = decode.AppendString(append(b, `,"function":`...), m.Function)
		b = decode.AppendString(append(b, `,"message_level":`...), m.Level)
		b = decode.AppendString(append(b, `,"message_flags":`...), m.Flags)
		if w := r.Message(); w.HasSequence {
			b = fmt.Appendf(b, `,"sequence":%d`, w.Sequence)
		}
	}
	if ev.Origin != decode.OriginNone {
		b = decode.AppendFields(append(b, `,"fields":`...), ev.Values)
	}
	if text := ev.AppendMessage(nil, r); len(text) > 0 {
		b = decode.AppendString(append(b, `,"message":`...), string(text))
	}
	if ev.Failure.Reason != decode.ReasonNone {
		b = decode.AppendString(append(b, `,"failure":`...), ev.Failure.Error())
		b = fmt.Appendf(b, `,"data":"%x"`, r.Data)
	}
	return append(b, '}')
}

// appendEventText writes an event as a line for people.
func appendEventText(b []byte, r *etl.Record, ev *decode.Event, provider string) []byte {
	b = append(b, rows.Time(r.Time)...)
	b = fmt.Appendf(b, " cpu %d", r.CPU)
	if r.HasIDs {
		b = fmt.Appendf(b, " pid %d tid %d", r.PID, r.TID)
	}
	switch {
	case provider != "":
		b = append(append(b, ' '), rows.Safe(provider)...)
	case r.HasGUID:
		b = fmt.Appendf(b, " %v", r.Provider)
	default:
		b = append(append(b, ' '), r.Kind.String()...)
	}
	name := ev.Name
	if name == "" || ev.Origin == decode.OriginManifest {
		name = strings.TrimSpace(fmt.Sprintf("%d %s", r.ID, name))
	}
	b = append(append(b, ' '), rows.Safe(name)...)
	if text := ev.AppendMessage(nil, r); len(text) > 0 {
		b = append(append(b, ": "...), rows.Safe(string(text))...)
	}
	if ev.Message == nil {
		for i := range ev.Values {
			v := &ev.Values[i]
			field := ""
			if v.Field != nil {
				field = v.Field.Name
			}
			b = append(append(append(b, ' '), rows.Safe(field)...), '=')
			b = append(b, rows.Safe(string(v.AppendJSON(nil)))...)
		}
	}
	if ev.Failure.Reason != decode.ReasonNone {
		b = fmt.Appendf(b, " (not decoded: %s) %x", rows.Safe(ev.Failure.Error()), r.Data)
	}
	return b
}

// decodedText is the counts of a file, for people.
func decodedText(s *collect.Decoded) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %d decoded, %d not\n", rows.Safe(s.Path), rows.Count(s.Records, "record"), s.Decoded, s.Undecoded)
	reasons := func(indent string, counts map[string]uint64) {
		for _, why := range slices.Sorted(maps.Keys(counts)) {
			fmt.Fprintf(&b, "%s%d not decoded: %s\n", indent, counts[why], rows.Safe(why))
		}
	}
	if s.Unknown > 0 {
		fmt.Fprintf(&b, "  %d unknown records\n", s.Unknown)
	}
	if s.Rows > 0 {
		fmt.Fprintf(&b, "  rows for a trace: %d\n", s.Rows)
	}
	list := func(name string, p *collect.ProviderInfo) {
		fmt.Fprintf(&b, "  %9d  %s\n", p.Records, name)
		reasons("             ", p.Reasons)
	}
	for i := range s.Providers {
		p := &s.Providers[i]
		list(strings.TrimSpace(p.GUID+" "+rows.Safe(p.Name)), p)
	}
	if s.Plain.Records > 0 {
		list("without a provider", &s.Plain)
	}
	return b.String()
}
