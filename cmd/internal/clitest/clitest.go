// Package clitest runs the scripts that pin what the commands do: flags, exit codes and
// reports. The scripts are in testdata/script of each command.
package clitest

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/aftrace/aftrace/collect/decode/aftracetest"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/collect/etl/etltest"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/scenario"
)

var update = flag.Bool("update", false, "rewrite the expected output in scripts that differ")

// Run runs the scripts in testdata/script, which find programs in the folders bin first.
// Beside the usual commands they have:
//
//	exits CODE COMMAND ARG...   run a command that must end with this exit code
//	stable FILE                 save standard output without what counts how often each rule
//	                            was evaluated, which changes whenever a rule learns something,
//	                            and with one text for a file that does not exist
//	mktrace FILE TEXT           write a trace (.arrow or .arrows) of a scenario (.af) or of
//	                            rows (.jsonl), one JSON object a line as cat --format json
//	                            writes them; a line {"metadata":{…}} sets metadata
//	mketl FILE TEXT WORD...     write an .etl with a CoNDIS-AfTrace event for each row; words
//	                            are compress, lost=N (in the log's header), foreign=N (events
//	                            of another provider), bad=N (events that cannot be decoded)
//	mkevents FILE TEXT          write an .etl with records of any kind: see mkevents
//	mkpdb FILE [TMF]            write a PDB with the WPP messages of a TMF text, or without
//	mkdll FILE [GUID ID NAME:TYPE...]  write a PE binary that describes an event, or none
//	mkforeign FILE KIND         write an Arrow file that our Writer would not: see foreign
//	truncate FILE BYTES         cut a file; a negative number counts from its end
//	flip FILE OFFSET            invert the bits of a byte; likewise
//	write FILE HEX              write bytes
func Run(t *testing.T, bin ...string) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     exits,
			"stable":    stable,
			"mktrace":   mktrace,
			"mketl":     mketl,
			"mkevents":  mkevents,
			"mkpdb":     mkpdb,
			"mkdll":     mkdll,
			"mkforeign": mkforeign,
			"truncate":  truncate,
			"flip":      flip,
			"write":     write,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "")
			env.Setenv("TERM", "xterm")
			env.Setenv("PATH", strings.Join(append(bin, env.Getenv("PATH")), string(os.PathListSeparator)))
			return nil
		},
	})
}

// want checks the number of arguments and that there is no "!".
func want(ts *testscript.TestScript, neg bool, args []string, n int, usage string) {
	if neg || len(args) != n {
		ts.Fatalf("usage: %s", usage)
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	code, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	got := 0
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != code {
		ts.Fatalf("exit code %d, want %d", got, code)
	}
}

var (
	coverageText = regexp.MustCompile(`(?m)^(rules: |  not checked |  … and \d+ more reasons|  .* not judged by this version).*\n`)
	coverageJSON = regexp.MustCompile(`(?s)  "rules": \[\n.*?\n  \],\n`)
	missingText  = regexp.MustCompile(`The system cannot find the file specified\.|File not found\.`) // Windows, Wine
)

func stable(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 1, "stable FILE")
	out := coverageText.ReplaceAllString(ts.ReadFile("stdout"), "")
	out = coverageJSON.ReplaceAllString(out, "")
	out = missingText.ReplaceAllString(out, "no such file or directory")
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(out), 0o666))
}

// load compiles a scenario or reads rows.
func load(ts *testscript.TestScript, name string) *scenario.Scenario {
	text := ts.ReadFile(name)
	if filepath.Ext(name) == ".af" {
		s, err := scenario.Compile(name, text)
		ts.Check(err)
		return s
	}
	s := &scenario.Scenario{Name: name}
	var err error
	s.Events, s.Metadata, err = parseRows(text)
	ts.Check(err)
	return s
}

func mktrace(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "mktrace FILE TEXT")
	s := load(ts, args[1])
	raw, err := s.Trace(filepath.Ext(args[0]) == ".arrow")
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), raw, 0o666))
}

func mketl(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: mketl FILE TEXT [compress] [lost=N] [foreign=N] [bad=N]")
	}
	s := load(ts, args[1])
	var o etltest.Options
	var foreign, bad uint64
	for _, word := range args[2:] {
		key, value, _ := strings.Cut(word, "=")
		n, err := strconv.ParseUint(value, 10, 32)
		if value != "" {
			ts.Check(err)
		}
		switch key {
		case "compress":
			o.Compress = true
		case "lost":
			o.EventsLost = uint32(n)
		case "foreign":
			foreign = n
		case "bad":
			bad = n
		default:
			ts.Fatalf("mketl: %s?", word)
		}
	}
	if len(s.Events) > 0 {
		o.Start = time.Unix(0, s.Events[0].TS).Add(-time.Second).UTC()
	}
	w := etltest.New(o)
	last := w.Clock(w.Options().Start)
	for i := range s.Events {
		e := &s.Events[i]
		last = w.Clock(time.Unix(0, e.TS))
		ts.Check(aftracetest.Write(w, 0, last, e, aftracetest.Options{}))
	}
	for range foreign {
		w.Event(0, last, etltest.EventHeader{Provider: etl.GUID{1, 2, 3}, ID: 7}, nil, []byte("payload"))
	}
	for range bad { // a schema whose payload is missing
		e := format.Event{Function: ndis.ProtocolCmOpenAf}
		items, _, err := aftracetest.Encode(&e, aftracetest.Options{})
		ts.Check(err)
		w.Event(0, last, aftracetest.Header(&e, aftracetest.Options{}), items, []byte{1})
	}
	ts.Check(w.WriteFile(ts.MkAbs(args[0])))
}

// parseRows reads rows as cat --format json writes them. Statuses and address families may
// be names; seq and ts may be left out.
func parseRows(text string) (events []format.Event, md format.Metadata, err error) {
	md = format.Metadata{}
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, 1<<24)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		var row map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			return nil, nil, fmt.Errorf("line %d: %v", n, err)
		}
		if m, ok := row["metadata"]; ok {
			if err := json.Unmarshal(m, &md); err != nil {
				return nil, nil, fmt.Errorf("line %d: %v", n, err)
			}
			continue
		}
		e := format.Event{Seq: uint64(len(events)), TS: 1_772_356_500_000_000_000 + int64(len(events))*1000, Source: format.SourceScenario}
		for key, raw := range row {
			if err := setColumn(&e, key, raw); err != nil {
				return nil, nil, fmt.Errorf("line %d: %s: %v", n, key, err)
			}
		}
		events = append(events, e)
	}
	return events, md, lines.Err()
}

func setColumn(e *format.Event, key string, raw json.RawMessage) error {
	text := string(raw)
	if raw[0] == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			return err
		}
	}
	number := func(bits int, has format.Fields) uint64 {
		e.Has |= has
		v, err := strconv.ParseUint(text, 0, bits)
		if err != nil {
			panic(err)
		}
		return v
	}
	return catch(func() {
		switch key {
		case "seq":
			e.Seq = number(64, 0)
		case "ts":
			if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
				e.TS = t.UnixNano()
			} else {
				e.TS = int64(number(63, 0))
			}
		case "ticks":
			e.Ticks = int64(number(63, format.HasTicks))
		case "cpu":
			e.CPU = uint16(number(16, format.HasCPU))
		case "pid":
			e.PID = uint32(number(32, format.HasPID))
		case "tid":
			e.TID = number(64, format.HasTID)
		case "irql":
			e.IRQL = uint8(number(8, format.HasIRQL))
		case "phase":
			p, ok := format.ParsePhase(text)
			if !ok {
				panic(errors.New("no such phase"))
			}
			e.Phase = p
		case "function":
			e.Function = ndis.Lookup(text)
		case "call_id":
			e.CallID = number(64, format.HasCallID)
		case "driver":
			e.Driver, e.Has = text, e.Has|format.HasDriver
		case "adapter":
			e.Adapter = number(64, format.HasAdapter)
		case "binding":
			e.Binding = number(64, format.HasBinding)
		case "af":
			e.AF = number(64, format.HasAF)
		case "sap":
			e.SAP = number(64, format.HasSAP)
		case "vc":
			e.VC = number(64, format.HasVC)
		case "party":
			e.Party = number(64, format.HasParty)
		case "context":
			e.Context = number(64, format.HasContext)
		case "context2":
			e.Context2 = number(64, format.HasContext2)
		case "af_type":
			t, err := ndis.ParseAFType(text)
			if err != nil {
				panic(err)
			}
			e.AFType, e.Has = uint32(t), e.Has|format.HasAFType
		case "af_major":
			e.AFMajor = uint32(number(32, format.HasAFMajor))
		case "af_minor":
			e.AFMinor = uint32(number(32, format.HasAFMinor))
		case "status":
			s, err := ndis.ParseStatus(text)
			if err != nil {
				panic(err)
			}
			e.Status, e.Has = uint32(s), e.Has|format.HasStatus
		case "lost":
			e.Lost = number(64, format.HasLost)
		case "source":
			s, ok := format.ParseSource(text)
			if !ok {
				panic(errors.New("no such source"))
			}
			e.Source = s
		case "detail":
			e.Detail, e.Has = text, e.Has|format.HasDetail
		default:
			panic(errors.New("no such column"))
		}
	})
}

// catch returns the error that f panics with.
func catch(f func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = p.(error)
		}
	}()
	f()
	return nil
}

func truncate(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "truncate FILE BYTES")
	path := ts.MkAbs(args[0])
	ts.Check(os.Truncate(path, place(ts, path, args[1])))
}

func flip(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "flip FILE OFFSET")
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	b[place(ts, path, args[1])] ^= 0xff
	ts.Check(os.WriteFile(path, b, 0o666))
}

// place is an offset in a file; a negative one counts from its end.
func place(ts *testscript.TestScript, path, text string) int64 {
	n, err := strconv.ParseInt(text, 0, 64)
	ts.Check(err)
	if n < 0 {
		st, err := os.Stat(path)
		ts.Check(err)
		n += st.Size()
	}
	return n
}

func write(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "write FILE HEX")
	b := make([]byte, len(args[1])/2)
	for i := range b {
		v, err := strconv.ParseUint(args[1][2*i:2*i+2], 16, 8)
		ts.Check(err)
		b[i] = byte(v)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o666))
}
