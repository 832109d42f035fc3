package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/collect/etw"
	"github.com/aftrace/aftrace/collect/host"
)

// sessionFlags say what a session records; several commands have them.
type sessionFlags struct {
	profile    string
	providers  []string
	bufferKB   uint32
	minBuffers uint32
	maxBuffers uint32
}

func (s *sessionFlags) add(fl *pflag.FlagSet, prefix string) {
	fl.StringVar(&s.profile, "profile", "", prefix+"what to enable: "+strings.Join(host.Profiles, ", ")+" (default retail, if no --provider is given)")
	fl.StringArrayVar(&s.providers, "provider", nil, prefix+"a provider to enable: GUID[:keywords[:level]] (repeatable)")
	fl.Uint32Var(&s.maxBuffers, "max-buffers", 0, prefix+"most buffers of the session (default the system's choice)")
}

// addFile adds the flags of sessions that write a file themselves.
func (s *sessionFlags) addFile(fl *pflag.FlagSet, prefix string) {
	fl.Uint32Var(&s.bufferKB, "buffer-kb", 64, prefix+"size of a buffer of the session in KB")
	fl.Uint32Var(&s.minBuffers, "min-buffers", 0, prefix+"least buffers of the session (default the system's choice)")
}

func (s *sessionFlags) selected() ([]host.Provider, error) {
	profile := s.profile
	if profile == "" && len(s.providers) == 0 {
		profile = "retail"
	}
	list, err := host.Select(profile, s.providers)
	return list, hostExit(err)
}

// hostExit gives an error of the host its exit code.
func hostExit(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, host.ErrUsage):
		return cli.Exit(cli.Usage, err)
	case errors.Is(err, host.ErrSystem), errors.Is(err, host.ErrPrivilege), errors.Is(err, host.ErrExists),
		errors.Is(err, host.ErrNotFound), errors.Is(err, host.ErrSlots):
		return cli.Exit(cli.NotPossible, err)
	case errors.Is(err, host.ErrDisk), errors.Is(err, host.ErrPath):
		return cli.NotWritten(err)
	}
	return cli.Exit(cli.Internal, err)
}

// captureExit gives an error of a capture that was going on its exit code.
func captureExit(err error) error {
	if errors.Is(err, host.ErrSystem) || errors.Is(err, host.ErrPrivilege) {
		return hostExit(err)
	}
	return exit(err)
}

type etwFlags struct {
	sessionFlags
	session string
	etl     bool
	desc    *collect.Descriptions
}

func init() {
	var e etwFlags
	registerSource(&captureSource{
		name: "etw", goos: "windows",
		about: "drivers and NDIS on Windows, by ETW; --etl records an .etl instead of a trace",
		example: `  aftrace capture -o trace.arrow --profile lab --duration 1m
  aftrace capture -o trace.arrow --profile all --ring --max-size 256M
  aftrace capture -o wpp.etl --etl --provider DD7A21E6-A651-46D4-B7C2-66543067B869:0x40030:5
`,
		flags: func(fl *pflag.FlagSet) {
			e.add(fl, "etw: ")
			e.addFile(fl, "etw, with --etl: ")
			fl.StringVar(&e.session, "session", host.SessionName, "etw: name of the session")
			fl.BoolVar(&e.etl, "etl", false, "etw: let Windows write an .etl, for aftrace convert")
			e.desc = descriptions(fl)
		},
		record: e.record,
		open:   e.open,
	})
}

func (e *etwFlags) open(_ context.Context, f *captureFlags, args []string) (recording, error) {
	switch {
	case len(args) > 0:
		return nil, errors.New("a program to start is for --source uprobe: ETW records the whole host")
	case f.propagate:
		return nil, errors.New("--propagate-exit is for --source uprobe")
	case e.minBuffers != 0:
		return nil, errors.New("--min-buffers is for --etl: of a live session the system chooses it")
	}
	list, err := e.selected()
	if err != nil {
		return nil, err
	}
	lib, err := library(e.desc, f.quiet)
	if err != nil {
		return nil, err
	}
	c, err := etw.Open(etw.Options{Name: e.session, Providers: list, MaxBuffers: e.maxBuffers, FlushSec: 1, Library: lib})
	if err != nil {
		return nil, hostExit(err)
	}
	return &etwRecording{c}, nil
}

type etwRecording struct{ *etw.Capture }

func (r *etwRecording) Report() captureReport {
	s := r.Summary()
	rep := captureReport{Source: "etw", Rows: s.Rows, JSON: s, Lossy: s.Lossy()}
	line := func(format string, args ...any) { rep.Lines = append(rep.Lines, fmt.Sprintf(format, args...)) }
	if g := s.Granted; g != nil {
		line("session %s: %s, %d to %d buffers of %d KB", s.Session, host.ModeText(g.Mode), g.MinBuffers, g.MaxBuffers, g.BufferKB)
	}
	line("%s delivered, %s made of them", rows.Count(s.Records, "record"), rows.Count(s.Rows, "row"))
	for _, p := range s.Providers {
		text := fmt.Sprintf("%9d  %s %s", p.Records, p.GUID, p.Name)
		if p.Undecoded > 0 {
			text += fmt.Sprintf(", %d not decoded", p.Undecoded)
		}
		line("%s", strings.TrimRight(text, " "))
	}
	for _, c := range []struct {
		n    uint64
		what string
	}{
		{s.EventsLost, "events lost, as the session counts them"},
		{s.BuffersLost, "buffers lost, as the session counts them"},
		{s.Undecodable, "events of CoNDIS-AfTrace not readable"},
		{s.Superseded, "manifest events left out, because the crossings of their functions are recorded"},
	} {
		if c.n > 0 {
			line("%d %s", c.n, c.what)
		}
	}
	if s.Final == nil {
		line("the session was ended by another program: its last losses are not known")
	}
	for _, w := range s.Warnings {
		line("warning: %s", w)
	}
	if s.Records == 0 {
		line("no event came: 'aftrace providers' shows whether the providers are there, 'aftrace doctor' what is missing")
	}
	return rep
}

// etlOutput is the full path of -o for a session that writes it.
func etlOutput(output string) (string, error) {
	switch {
	case output == "":
		return "", errors.New("the output is missing: -o FILE.etl")
	case output == "-":
		return "", errors.New("--etl -o -: Windows writes the file itself, name one")
	case !strings.EqualFold(filepath.Ext(output), ".etl"):
		return "", fmt.Errorf("-o %s: with --etl name it .etl", output)
	}
	full, err := filepath.Abs(output)
	if err != nil {
		return "", err
	}
	if st, err := os.Stat(filepath.Dir(full)); err != nil {
		return "", cli.NotWritten(err)
	} else if !st.IsDir() {
		return "", cli.NotWritten(fmt.Errorf("%s is not a folder", filepath.Dir(full)))
	}
	if st, err := os.Stat(full); err == nil && st.IsDir() {
		return "", cli.NotWritten(fmt.Errorf("%s is a folder", full))
	}
	return full, nil
}

// writable says what hinders writing a file. Windows answers a session whose file it may not
// write as it answers one that lacks privilege, which leads astray.
func writable(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err == nil {
		return errors.Join(f.Close(), os.Remove(path))
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if f, err = os.OpenFile(path, os.O_WRONLY, 0); err != nil {
		return err
	}
	return f.Close()
}

// record records an .etl with --etl.
func (e *etwFlags) record(ctx context.Context, f *captureFlags, args []string) (bool, error) {
	if !e.etl {
		return false, nil
	}
	switch {
	case len(args) > 0:
		return true, errors.New("a program to start is for --source uprobe: ETW records the whole host")
	case f.rotate != "":
		return true, errors.New("--rotate: an .etl is one file; bound it with --max-size, keep its end with --ring")
	case f.propagate || f.zstd:
		return true, errors.New("--propagate-exit and --zstd are not for --etl")
	case e.minBuffers != 0 && e.maxBuffers != 0 && e.maxBuffers < e.minBuffers:
		return true, errors.New("--max-buffers is smaller than --min-buffers")
	}
	full, err := etlOutput(f.output)
	if err != nil {
		return true, err
	}
	list, err := e.selected()
	if err != nil {
		return true, err
	}
	limit, _, err := f.sizes()
	if err != nil {
		return true, err
	}
	s := host.Settings{
		Name: e.session, Mode: host.ModeSequential, File: full,
		BufferKB: e.bufferKB, MinBuffers: e.minBuffers, MaxBuffers: e.maxBuffers, FlushSec: 1,
	}
	if f.ring {
		s.Mode = host.ModeCircular
	}
	if limit > 0 {
		if s.MaxFileMB = uint32(min(limit>>20, 1<<20)); s.MaxFileMB == 0 {
			return true, errors.New("--max-size: an .etl has at least 1M")
		}
	}
	if err := writable(full); err != nil {
		return true, cli.NotWritten(err)
	}
	o := host.FileCapture{Settings: s, Providers: list, Duration: f.duration}
	var shown func()
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { close(done) })
	defer stop()
	o.Started = func(c *host.Recording) { shown = showProgress(c, nil, f.quiet) }
	sum, err := host.CaptureFile(host.Sessions(), o, done)
	if shown != nil {
		shown()
	}
	if err != nil {
		return true, hostExit(err)
	}
	if _, err := os.Stat(full); err != nil {
		return true, cli.NotWritten(fmt.Errorf("the system accepted the session and wrote no file: %w", err))
	}
	lines := []string{fmt.Sprintf("session %s: %s, %d to %d buffers of %d KB", s.Name, host.ModeText(sum.Granted.Mode), sum.Granted.MinBuffers, sum.Granted.MaxBuffers, sum.Granted.BufferKB)}
	if sum.Full {
		lines = append(lines, "the session ended by itself: the file has its full size")
	}
	if !sum.Known {
		lines = append(lines, "its last statistics are not known")
	}
	lines = append(lines, fmt.Sprintf("%s written, %s and %s lost", rows.Count(uint64(sum.Final.BuffersWritten), "buffer"), rows.Count(uint64(sum.Final.EventsLost), "event"), rows.Count(sum.Final.BuffersLost(), "buffer")))
	for _, w := range sum.Warnings {
		lines = append(lines, "warning: "+w)
	}
	switch {
	case f.asJSON:
		err = writeJSON(os.Stderr, map[string]any{"output": full, "etl": sum})
	case !f.quiet:
		text := rows.Safe(f.output) + ": make a trace of it with 'aftrace convert'\n"
		for _, l := range lines {
			text += "  " + rows.Safe(l) + "\n"
		}
		_, err = io.WriteString(os.Stderr, text)
	}
	switch {
	case err != nil:
		return true, cli.NotWritten(err)
	case ctx.Err() != nil:
		return true, ctx.Err()
	case f.strict && (!sum.Known || sum.Final.EventsLost > 0 || sum.Final.BuffersLost() > 0):
		return true, cli.Exit(cli.Inconclusive, errors.New("events were lost (--strict)"))
	}
	return true, nil
}
