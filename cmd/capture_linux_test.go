package cmd_test

import (
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aftrace/aftrace/collect/uprobe"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// The tests capture programs live, with eBPF, and replay what was captured: they need root.

// unable skips the test, or fails it where CI promises that it runs.
func unable(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func capturing(t *testing.T) {
	t.Helper()
	for _, r := range uprobe.Requirements() {
		if !r.OK {
			unable(t, fmt.Sprintf("%s is missing (%s): %s", r.Name, r.Have, r.Do))
		}
	}
	if _, err := exec.LookPath("cc"); err != nil {
		unable(t, "no C compiler: install gcc")
	}
}

var builds struct {
	sync.Once
	dir string
	err error
}

// harness builds testdata/harness and gives the folder of its programs.
func harness(t *testing.T) string {
	t.Helper()
	capturing(t)
	builds.Do(func() {
		builds.dir = filepath.Join(bin, "harness")
		builds.err = build(builds.dir)
	})
	if builds.err != nil {
		t.Fatal(builds.err)
	}
	return builds.dir
}

func build(dir string) error {
	source, err := filepath.Abs("../testdata/harness")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "parts"), 0o755); err != nil {
		return err
	}
	run := func(name string, args ...string) {
		if err != nil {
			return
		}
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		if out, e := cmd.CombinedOutput(); e != nil {
			err = fmt.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), e, out)
		}
	}
	src := func(names ...string) (paths []string) {
		for _, n := range names {
			paths = append(paths, filepath.Join(source, n))
		}
		return paths
	}
	cc := func(args ...string) {
		run("cc", slices.Concat([]string{"-g", "-O2", "-fno-omit-frame-pointer", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers"}, args)...)
	}
	origin := "-Wl,-rpath,$ORIGIN"
	cc(slices.Concat([]string{"-fPIC", "-shared", "-o", "libndis.so"}, src("ndis.c"), []string{"-lpthread"})...)
	for _, d := range []string{"atm", "cm", "mcm"} {
		cc(slices.Concat([]string{"-fPIC", "-shared", "-o", d + ".so"}, src(d+".c"), []string{"-L.", "-lndis", origin})...)
	}
	for _, n := range []string{"1", "2"} {
		cc(slices.Concat([]string{"-fPIC", "-shared", "-DCLIENT_NUMBER=" + n, "-o", "client" + n + ".so"}, src("client.c"), []string{"-L.", "-lndis", origin})...)
		cc(slices.Concat([]string{"-fPIC", "-c", "-DCLIENT_NUMBER=" + n, "-o", "client" + n + ".o"}, src("client.c"))...)
	}
	cc(slices.Concat([]string{"-o", "dynamic"}, src("main.c"), []string{"-L.", "-l:atm.so", "-l:cm.so", "-l:mcm.so", "-l:client1.so", "-l:client2.so", "-lndis", origin, "-lpthread"})...)
	all := slices.Concat(src("main.c", "ndis.c", "atm.c", "cm.c", "mcm.c"), []string{"client1.o", "client2.o", "-lpthread"})
	cc(slices.Concat([]string{"-static", "-no-pie", "-o", "static"}, all)...)
	cc(slices.Concat([]string{"-pie", "-fPIE", "-o", "pie"}, all)...)
	run("cp", "pie", "stripped")
	run("objcopy", "--only-keep-debug", "stripped", "stripped.debug")
	run("strip", "stripped")
	run("objcopy", "--add-gnu-debuglink=stripped.debug", "stripped")
	run("cp", "pie", "bare")
	run("strip", "--strip-debug", "bare")
	run("cp", "pie", "naked")
	run("strip", "naked")
	ulong8 := slices.Concat([]string{"-DHARNESS_ULONG8", "-DCLIENT_NUMBER=1", "-g0", "-o", "ulong8"}, src("main.c", "ndis.c", "atm.c", "cm.c", "mcm.c"))
	for _, n := range []string{"1", "2"} {
		o := "client" + n + "-8.o"
		cc(slices.Concat([]string{"-c", "-g0", "-DHARNESS_ULONG8", "-DCLIENT_NUMBER=" + n, "-o", o}, src("client.c"))...)
		ulong8 = append(ulong8, o)
	}
	cc(append(ulong8, "-lpthread")...)
	foreign := filepath.Join(source, "foreign", "foreign.c")
	run("cc", "-w", "-O2", "-rdynamic", "-DALL", "-o", "foreign", foreign, "-ldl")
	for part, out := range map[string]string{"NDIS": "libndis-foreign.so", "CM": "cm-foreign.so", "CL": "cl-foreign.so"} {
		run("cc", "-w", "-O2", "-fPIC", "-shared", "-DPART_"+part, "-o", "parts/"+out, foreign)
	}
	run("cc", "-w", "-O2", "-DPART_MAIN", "-o", "parts/main", foreign, "-ldl")
	return err
}

// TestHarnessLayouts compares the header of the harness with that of mingw-w64: structures and
// prototypes.
func TestHarnessLayouts(t *testing.T) {
	cc, err := exec.LookPath("x86_64-w64-mingw32-gcc")
	if err != nil {
		unable(t, "mingw-w64 is not installed: gcc-mingw-w64-x86-64-win32")
	}
	root, err := exec.Command(cc, "-print-sysroot").Output()
	if err != nil {
		t.Fatal(err)
	}
	ddk := ""
	for _, dir := range []string{"/usr/share/mingw-w64/include/ddk", "/usr/x86_64-w64-mingw32/include/ddk", filepath.Join(strings.TrimSpace(string(root)), "include/ddk")} {
		if _, err := os.Stat(filepath.Join(dir, "ndis.h")); err == nil {
			ddk = dir
			break
		}
	}
	if ddk == "" {
		unable(t, "mingw-w64 has no ddk/ndis.h here")
	}
	out, err := exec.Command(cc, "-fsyntax-only", "-Werror", "-I"+ddk, "../testdata/harness/mingw.c").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// captured is what a capture said and left.
type captured struct {
	path      string
	stdout    string
	stderr    string
	code      int
	crossings uint64 // that the programs counted, together
}

var crossingsLine = regexp.MustCompile(`(?m)^crossings (\d+)$`)

func capture(t *testing.T, args ...string) captured {
	t.Helper()
	c := captured{path: filepath.Join(t.TempDir(), "trace.arrow")}
	cmd := exec.Command(filepath.Join(bin, "aftrace"), append([]string{"capture", "-o", c.path}, args...)...)
	cmd.Dir = harness(t)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	timer := time.AfterFunc(3*time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	c.stdout, c.stderr, c.code = out.String(), errs.String(), cmd.ProcessState.ExitCode()
	for _, m := range crossingsLine.FindAllStringSubmatch(c.stdout, -1) {
		n, _ := strconv.ParseUint(m[1], 10, 64)
		c.crossings += n
	}
	return c
}

// rows counts the rows of a trace, and what its gap rows say was lost.
func rows(t *testing.T, path string) (n, lost uint64) {
	t.Helper()
	r, err := format.Open(path, format.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	last := int64(0)
	for {
		b, err := r.Next()
		if err == io.EOF {
			return n, lost
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range b.Phase[:b.N] {
			if b.TS[i] < last {
				t.Fatalf("row %d: the time goes back by %d ns", b.Seq[i], last-b.TS[i])
			}
			last = b.TS[i]
			if p == format.PhaseGap {
				lost += b.Lost[i]
			} else {
				n++
			}
		}
	}
}

type verdict struct {
	Verdict  string
	Findings []struct {
		Rule, Severity, Verdict, AtFault string
		Also                             []string
	}
	Rules []struct {
		ID         string
		NotChecked uint64 `json:"not_checked"`
	}
	Traces []struct{ Defects map[string]uint64 }
}

func replayed(t *testing.T, path string) (v verdict) {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, "afreplay"), "run", path, "--format", "json")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err := json.Unmarshal(out, &v); err != nil {
		t.Fatalf("afreplay: %v\n%s", err, errs.String())
	}
	_ = err // its exit code is the verdict
	return v
}

// rules are the rules of the findings that stand.
func (v *verdict) rules() (rules []string) {
	for _, f := range v.Findings {
		if f.Severity == "error" {
			rules = append(append(rules, f.Rule), f.Also...)
		}
	}
	return rules
}

func exact(t *testing.T, c captured) {
	t.Helper()
	if c.code != 0 || c.crossings == 0 {
		t.Fatalf("exit code %d\n%s%s", c.code, c.stdout, c.stderr)
	}
	if n, lost := rows(t, c.path); n != c.crossings || lost != 0 {
		t.Errorf("%d rows, %d lost; the program counts %d\n%s", n, lost, c.crossings, c.stderr)
	}
}

// TestCaptureLegal: what the harness does by the rules conforms, however it was built.
func TestCaptureLegal(t *testing.T) {
	dir := harness(t)
	for _, program := range []string{"dynamic", "static", "pie", "stripped", "bare", "ulong8"} {
		for _, mode := range [][]string{{}, {"--pend"}, {"--threads", "8"}, {"--pend", "--threads", "8"}} {
			t.Run(program+" "+strings.Join(mode, " "), func(t *testing.T) {
				args := []string{}
				if program == "ulong8" {
					args = append(args, "--ulong", "8")
				}
				c := capture(t, slices.Concat(args, []string{"--", filepath.Join(dir, program)}, mode)...)
				exact(t, c)
				v := replayed(t, c.path)
				if v.Verdict != "conforms" || len(v.Traces[0].Defects) > 0 {
					t.Errorf("%s %v %v", v.Verdict, v.rules(), v.Traces[0].Defects)
				}
			})
		}
	}
}

// TestCaptureFaults: each fault of the harness breaks the rule that it should.
func TestCaptureFaults(t *testing.T) {
	dir := harness(t)
	for fault, rule := range map[string]string{
		"double-registration": "REG-14",
		"lost-completion":     "OPEN-07",
		"double-completion":   "OPEN-08",
		"use-after-close":     "CLOSE-07",
		"null-context":        "OPEN-06",
	} {
		for _, program := range []string{"dynamic", "static", "pie"} {
			t.Run(fault+" "+program, func(t *testing.T) {
				c := capture(t, "--", filepath.Join(dir, program), "--fault", fault)
				exact(t, c)
				v := replayed(t, c.path)
				if v.Verdict != "violations" || !slices.Contains(v.rules(), rule) {
					t.Errorf("%s %v, want %s", v.Verdict, v.rules(), rule)
				}
			})
		}
	}
}

// TestCaptureMillion: a million calls on four threads, none of them lost.
func TestCaptureMillion(t *testing.T) {
	calls := "1000000"
	if testing.Short() {
		calls = "100000"
	}
	c := capture(t, "--", "./dynamic", "--load", calls, "--threads", "4")
	if c.code != 0 {
		t.Fatalf("exit code %d\n%s", c.code, c.stderr)
	}
	n, lost := rows(t, c.path)
	t.Logf("%d rows, %d lost: %s", n, lost, strings.TrimSpace(c.stderr))
	if n+lost != c.crossings {
		t.Errorf("%d rows and %d lost are not the %d of the program", n, lost, c.crossings)
	}
	if lost == 0 {
		if v := replayed(t, c.path); v.Verdict != "conforms" {
			t.Errorf("%s %v", v.Verdict, v.rules())
		}
	}
}

// tries is how often a test may try what a machine that has much else to do can spoil.
const tries = 3

// TestCaptureRate: 50,000 calls a second on four threads do not fill the default buffer. A
// machine on which aftrace does not get to run for seconds may lose some: then they are
// counted, and it is tried again.
func TestCaptureRate(t *testing.T) {
	for range tries {
		c := capture(t, "--", "./dynamic", "--load", "150000", "--rate", "50000", "--threads", "4")
		n, lost := rows(t, c.path)
		if c.code != 0 || c.crossings == 0 || n+lost != c.crossings {
			t.Fatalf("exit code %d, %d rows, %d lost; the program counts %d\n%s", c.code, n, lost, c.crossings, c.stderr)
		}
		if lost == 0 {
			return
		}
		t.Logf("%d of %d lost", lost, c.crossings)
	}
	t.Errorf("something was lost each of %d times", tries)
}

// TestCaptureOverload: what a ring that is far too small loses is counted to the last record.
func TestCaptureOverload(t *testing.T) {
	c := capture(t, "--buffer", "4096", "--", "./dynamic", "--load", "200000", "--threads", "8")
	n, lost := rows(t, c.path)
	t.Logf("%d rows, %d lost", n, lost)
	if lost == 0 || n+lost != c.crossings {
		t.Errorf("%d rows and %d lost are not the %d of the program", n, lost, c.crossings)
	}
	if v := replayed(t, c.path); v.Verdict != "inconclusive" {
		t.Errorf("%s %v", v.Verdict, v.rules())
	}
	if c := capture(t, "--strict", "--buffer", "4096", "--", "./dynamic", "--load", "200000", "--threads", "8"); c.code != 4 {
		t.Errorf("--strict: exit code %d", c.code)
	}
}

// TestCaptureKilled: what was recorded up to a second before aftrace is killed can be replayed.
func TestCaptureKilled(t *testing.T) {
	for range tries {
		age := killed(t)
		if age <= time.Second {
			return
		}
		t.Logf("the last row was %v old", age)
	}
	t.Errorf("the last row was too old each of %d times", tries)
}

// killed kills a capture and says how old the last row of what it left was then.
func killed(t *testing.T) time.Duration {
	dir := harness(t)
	path := filepath.Join(t.TempDir(), "trace.arrow")
	cmd := exec.Command(filepath.Join(bin, "aftrace"), "capture", "-o", path, "--", filepath.Join(dir, "dynamic"), "--load", "200000", "--rate", "20000", "--threads", "2")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Second)
	killed := time.Now()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(out) // the program is let go, and ends on its own
	_ = cmd.Wait()
	if !crossingsLine.Match(rest) {
		t.Errorf("the program did not go on: %q", rest)
	}
	r, err := format.Open(path+"s", format.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	last, n := int64(0), 0
	for {
		b, err := r.Next()
		if err != nil {
			break
		}
		n += b.N
		last = b.TS[b.N-1]
	}
	if !r.Truncated() {
		t.Error("the trace does not say that it was cut short")
	}
	r.Close()
	age := killed.Sub(time.Unix(0, last))
	if n == 0 { // it did not begin in time
		return age
	}
	v := replayed(t, path+"s")
	if v.Verdict != "inconclusive" {
		t.Errorf("%s %v", v.Verdict, v.rules())
	}
	// The next capture does not overwrite it.
	cmd = exec.Command(filepath.Join(bin, "aftrace"), "capture", "-o", path, "--", filepath.Join(dir, "dynamic"))
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 2 {
		t.Errorf("exit code %d\n%s", cmd.ProcessState.ExitCode(), out)
	}
	return age
}

// TestCaptureForeign: a harness by somebody else, in one file or in libraries that it loads
// itself, is captured without being described.
func TestCaptureForeign(t *testing.T) {
	dir := harness(t)
	for _, program := range []string{"foreign", "parts/main"} {
		t.Run(program, func(t *testing.T) {
			t.Chdir(filepath.Dir(filepath.Join(dir, program)))
			run := func(args ...string) verdict {
				path := filepath.Join(t.TempDir(), "trace.arrow")
				out, err := exec.Command(filepath.Join(bin, "aftrace"), slices.Concat([]string{"capture", "-o", path, "--", "./" + filepath.Base(program)}, args)...).CombinedOutput()
				if err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				return replayed(t, path)
			}
			v := run()
			if v.Verdict != "conforms" {
				t.Errorf("%s %v", v.Verdict, v.rules())
			}
			unchecked := 0
			for _, r := range v.Rules {
				if r.NotChecked > 0 {
					unchecked++
				}
			}
			if unchecked == 0 {
				t.Error("no rule says that its evidence is missing")
			}
			if v := run("twice"); v.Verdict != "violations" || !slices.Contains(v.rules(), "CLOSE-03") {
				t.Errorf("%s %v, want CLOSE-03", v.Verdict, v.rules())
			}
		})
	}
}

// TestCaptureProcesses: children are followed, and a program that becomes another.
func TestCaptureProcesses(t *testing.T) {
	exact(t, capture(t, "--", "./dynamic", "--fork"))
	exact(t, capture(t, "--", "./static", "--fork", "--pend"))
	exact(t, capture(t, "--", "./dynamic", "--reexec", "standalone"))
}

// TestCaptureChildren: what a shell starts is captured with --children, and the level of the
// trace is that of the programs, which are not known when the capture begins.
func TestCaptureChildren(t *testing.T) {
	c := capture(t, "--children", "--propagate-exit", "--", "/bin/sh", "-c", "./pie && ./pie --pend && exit 7")
	if c.code != 7 || !strings.Contains(c.stderr, " probed in 3 processes\n") {
		t.Errorf("exit code %d, want 7\n%s", c.code, c.stderr)
	}
	c.code = 0
	exact(t, c)
	if v := replayed(t, c.path); v.Verdict != "conforms" {
		t.Errorf("%s %v", v.Verdict, v.rules())
	}
	if c := capture(t, "--children", "--pid", "1"); c.code != 2 {
		t.Errorf("exit code %d, want 2\n%s", c.code, c.stderr)
	}
	// Nothing to capture is said, and is no failure of the program.
	if c := capture(t, "--children", "--", "/bin/true"); c.code != 0 || !strings.Contains(c.stderr, "no call was seen") {
		t.Errorf("exit code %d, want 0\n%s", c.code, c.stderr)
	}
}

// TestCaptureAttach: a process that runs is captured from then on, and runs on.
func TestCaptureAttach(t *testing.T) {
	dir := harness(t)
	program := exec.Command(filepath.Join(dir, "dynamic"), "--hold", "6", "--load", "60000", "--rate", "20000", "--threads", "4")
	var out bytes.Buffer
	program.Stdout = &out
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	c := capture(t, "--pid", strconv.Itoa(program.Process.Pid))
	if err := program.Wait(); err != nil {
		t.Fatal(err)
	}
	n, lost := rows(t, c.path)
	// Callbacks were registered before; NDIS itself has its names.
	if c.code != 0 || n < 40000 || lost != 0 {
		t.Errorf("exit code %d, %d rows, %d lost\n%s", c.code, n, lost, c.stderr)
	}
	if v := replayed(t, c.path); v.Verdict == "violations" {
		t.Errorf("%v", v.rules())
	}
	program = exec.Command(filepath.Join(dir, "dynamic"), "--hold", "60")
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	defer program.Process.Kill()
	time.Sleep(200 * time.Millisecond)
	if c := capture(t, "--pid", strconv.Itoa(program.Process.Pid), "--duration", "500ms"); c.code != 0 {
		t.Errorf("--duration: exit code %d\n%s", c.code, c.stderr)
	}
	if err := program.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the process did not run on: %v", err)
	}
}

// TestCaptureExit: the status of the program, and that of aftrace.
func TestCaptureExit(t *testing.T) {
	if c := capture(t, "--", "./dynamic", "--exit", "7", "late"); c.code != 0 || !strings.Contains(c.stderr, "the program exited with 7") {
		t.Errorf("exit code %d\n%s", c.code, c.stderr)
	}
	c := capture(t, "--propagate-exit", "--", "./dynamic", "--exit", "7", "late")
	if c.code != 7 {
		t.Errorf("exit code %d, want 7\n%s", c.code, c.stderr)
	}
	r, err := format.Open(c.path, format.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		if _, err := r.Next(); err != nil {
			break
		}
	}
	md := r.Metadata()
	if md["aftrace.program.exit"] != "7" || md[format.MetaLevel] != "export" || md["aftrace.uprobe.ns_per_call"] == "" || md["aftrace.uprobe.ns_per_call"] == "0" {
		t.Errorf("%v", md)
	}
}

// TestCaptureBadInput: what cannot be captured is told with the exit code of its kind.
func TestCaptureBadInput(t *testing.T) {
	dir := harness(t)
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, test := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no program", []string{"--"}, 2, "the program to start is missing"},
		{"both", []string{"--pid", "1", "--", "./dynamic"}, 2, "want one of them"},
		{"not there", []string{"--", "/nowhere/at/all"}, 3, "no such file"},
		{"a folder", []string{"--", dir}, 3, "is a folder"},
		{"a script", []string{"--", file("#!/bin/sh\n")}, 3, "a script"},
		{"text", []string{"--", file("hello world")}, 3, "not an ELF file"},
		{"cut short", []string{"--", file("\x7fELF\x02\x01\x01")}, 3, "damaged ELF"},
		{"no functions", []string{"--", "/bin/true"}, 3, "no CoNDIS function"},
		{"no symbols", []string{"--", "./naked"}, 3, "no CoNDIS function"},
		{"no process", []string{"--pid", "4194304"}, 3, "there is no process"},
		{"map: unknown function", []string{"--map", file("NdisFly = foo\n"), "--", "./pie"}, 3, ":1: \"NdisFly\" is no function"},
		{"map: unknown symbol", []string{"--map", file("# names\nNdisCmActivateVc = foo\n"), "--", "./pie"}, 3, ":2: "},
		{"map: nonsense", []string{"--map", file("NdisCmActivateVc\n"), "--", "./pie"}, 3, "want FUNCTION"},
		{"map: inside an instruction", []string{"--map", file("NdisCmActivateVc = NdisCmDeactivateVc+2\n"), "--", "./pie"}, 3, "inside the instruction"},
		{"map: an address inside an instruction", []string{"--map", file(fmt.Sprintf("NdisCmActivateVc = %#x\n", symbol(t, filepath.Join(dir, "static"), "NdisCmDeactivateVc")+5)), "--", "./static"}, 3, "inside the instruction"},
		{"map: an address outside of the code", []string{"--map", file("NdisCmActivateVc = static:0x10\n"), "--", "./static"}, 3, "no address of its code"},
		{"another processor", []string{"--", foreignProcessor(t, filepath.Join(dir, "pie"))}, 3, "a program for EM_S390"},
		{"map: not there", []string{"--map", "/nowhere", "--", "./pie"}, 3, "no such file"},
		{"ulong", []string{"--ulong", "5", "--", "./pie"}, 2, "want 4 or 8"},
		{"buffer", []string{"--buffer", "5000", "--", "./pie"}, 2, "power of two"},
		{"size", []string{"--max-size", "7X", "--", "./pie"}, 2, "no size"},
		{"source", []string{"--source", "magic", "--", "./pie"}, 2, "uprobe"},
		{"it dies at once", []string{"--", "./pie", "nonsense"}, 0, "the program exited with 3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := capture(t, test.args...)
			if c.code != test.code || !strings.Contains(c.stderr, test.want) {
				t.Errorf("exit code %d, want %d with %q\n%s", c.code, test.code, test.want, c.stderr)
			}
			if test.code == 0 {
				rows(t, c.path)
			}
		})
	}
}

// symbol is the address of a function of a program.
func symbol(t *testing.T, path, name string) uint64 {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(s elf.Symbol) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("%s has no %s", path, name)
	}
	return list[i].Value
}

// foreignProcessor is a copy of a program that says that it is for another processor.
func foreignProcessor(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[18], b[19] = byte(elf.EM_S390), 0
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return other
}

// TestCaptureMap: functions of other names are found through a map file.
func TestCaptureMap(t *testing.T) {
	dir := harness(t)
	renamed := filepath.Join(t.TempDir(), "renamed")
	var args []string
	var file strings.Builder
	for f := range ndis.Functions() {
		args = append(args, "--redefine-sym", f.String()+"=x_"+f.String())
		if f.Info().Dir == ndis.Down {
			fmt.Fprintf(&file, "%s = x_%[1]s\n", f)
		}
	}
	if out, err := exec.Command("objcopy", append(args, filepath.Join(dir, "pie"), renamed)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if c := capture(t, "--", renamed); c.code != 3 {
		t.Errorf("without a map: exit code %d\n%s", c.code, c.stderr)
	}
	// Only what the harness defines can be named.
	var known strings.Builder
	symbols, err := exec.Command("nm", renamed).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(file.String()) {
		if _, sym, _ := strings.Cut(strings.TrimSpace(line), " = "); bytes.Contains(symbols, []byte(" "+sym+"\n")) {
			known.WriteString(line)
		}
	}
	path := filepath.Join(t.TempDir(), "map")
	if err := os.WriteFile(path, []byte(known.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	exact(t, capture(t, "--map", path, "--", renamed))
}

// TestReplayProbe: the transitions of the replay are measured in its own process, and its
// verdict stays what it is.
func TestReplayProbe(t *testing.T) {
	c := capture(t, "--", "./dynamic", "--load", "6000")
	cmd := exec.Command(filepath.Join(bin, "afreplay"), "run", c.path, "--probe", "-q")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	// A VC is created and deleted a thousand times.
	for _, transition := range []string{"enterCreateVc", "returnCreateVc", "enterDeleteVc", "returnDeleteVc"} {
		if !regexp.MustCompile(`(?m)^\s*1000\s.* ` + transition + `$`).Match(errs.Bytes()) {
			t.Errorf("%s was not seen a thousand times:\n%s", transition, errs.String())
		}
	}
}

// TestExecProbe: the transitions of the execution are measured beside what its hook measures,
// the hot ones for a while only, and the outcome stays what it is.
func TestExecProbe(t *testing.T) {
	c := capture(t, "--", "./dynamic", "--load", "66000")
	exact(t, c)
	run := func(out string, flags ...string) string {
		cmd := exec.Command(filepath.Join(bin, "afreplay"), slices.Concat([]string{"exec", c.path, "-o", out, "-q"}, flags)...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v\n%s", err, errs.String())
		}
		return errs.String()
	}
	plain, probed := filepath.Join(t.TempDir(), "plain.arrow"), filepath.Join(t.TempDir(), "probed.arrow")
	run(plain)
	out := run(probed, "--probe")
	for _, want := range []string{
		`\s11000\s.* hook NdisCoCreateVc\n\s*1\d{4}\+\s.* probe   enterCreateVc .*\n\s*1\d{4}\+\s.* probe   returnCreateVc `,
		`\s1\s.* hook ProtocolCmOpenAf .*\n\s*1\s.* probe   enterCmOpen\n`,
		`not measured after its first 10000`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%q is missing:\n%s", want, out)
		}
	}
	a, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(probed)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("probes change what is executed")
	}
}

// TestCaptureNotPossible: without privileges the command says which are missing.
func TestCaptureNotPossible(t *testing.T) {
	dir := harness(t)
	if _, err := exec.LookPath("setpriv"); err != nil {
		unable(t, "setpriv is not installed: util-linux")
	}
	path := filepath.Join(t.TempDir(), "trace.arrow")
	cmd := exec.Command("setpriv", "--bounding-set=-all", filepath.Join(bin, "aftrace"), "capture", "-o", path, "--", filepath.Join(dir, "pie"))
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 5 || !bytes.Contains(out, []byte("CAP_BPF")) || !bytes.Contains(out, []byte("run as root")) {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if left, _ := filepath.Glob(path + "*"); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// TestCaptureEnds: a capture that is told to end leaves a whole trace.
func TestCaptureEnds(t *testing.T) {
	dir := harness(t)
	c := capture(t, "--duration", "500ms", "--", filepath.Join(dir, "pie"), "--hold", "60")
	if c.code != 0 || !strings.Contains(c.stderr, "ended by signal 15") {
		t.Errorf("--duration: exit code %d\n%s", c.code, c.stderr)
	}
	path := filepath.Join(t.TempDir(), "trace.arrow")
	cmd := exec.Command(filepath.Join(bin, "aftrace"), "capture", "-o", path, "--", filepath.Join(dir, "pie"), "--hold", "60")
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	for lines.Scan() && lines.Text() != "holding" { // its drivers are loaded
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("interrupted: exit code %d", code)
	}
	if n, _ := rows(t, path); n == 0 {
		t.Error("interrupted: no rows")
	}
}

// TestCaptureSizes: a trace, its parts or a ring of them are not larger than they may be, at
// full speed, and what does not fit is told.
func TestCaptureSizes(t *testing.T) {
	load := []string{"--", "./pie", "--load", "100000000", "--threads", "2"}
	parts := func(c captured) (paths []string, size int64) {
		paths, err := filepath.Glob(filepath.Join(filepath.Dir(c.path), "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			st, err := os.Stat(p)
			if err != nil {
				t.Fatal(err)
			}
			size += st.Size()
		}
		return paths, size
	}
	// One trace ends the capture there, and has what was recorded until then.
	c := capture(t, slices.Concat([]string{"--max-size", "1M"}, load)...)
	n, lost := rows(t, c.path)
	if _, size := parts(c); c.code != 0 || n < 1000 || n > 5_000_000 || size < 1<<20 || !strings.Contains(c.stderr, "ended by signal 15") {
		t.Errorf("--max-size: exit code %d, %d rows, %d lost, %d bytes\n%s", c.code, n, lost, size, c.stderr)
	}
	const most = 3 << 20
	c = capture(t, slices.Concat([]string{"--max-size", "3M", "--rotate", "512K"}, load)...)
	bounded, size := parts(c)
	if c.code != 0 || len(bounded) < 3 || size > most || !strings.Contains(c.stderr, "the size limit was reached") {
		t.Errorf("--max-size, --rotate: exit code %d, %d files of %d bytes\n%s", c.code, len(bounded), size, c.stderr)
	} else if _, lost := rows(t, bounded[len(bounded)-1]); lost == 0 {
		t.Error("--max-size, --rotate: the last part does not say how much did not fit")
	}
	c = capture(t, "--rotate", "1M", "--", "./pie", "--load", "20000")
	n, lost = 0, 0
	var paths []string
	paths, size = parts(c)
	for _, p := range paths {
		k, l := rows(t, p)
		n, lost = n+k, lost+l
	}
	if c.code != 0 || len(paths) < 3 || n+lost != c.crossings {
		t.Errorf("--rotate: exit code %d, %d files of %d bytes, %d rows, %d lost; the program counts %d\n%s", c.code, len(paths), size, n, lost, c.crossings, c.stderr)
	}
	c = capture(t, slices.Concat([]string{"--ring", "--rotate", "300K", "--max-size", "3M", "--duration", "3s"}, load)...)
	if paths, size = parts(c); c.code != 0 || len(paths) < 3 || size > most || !strings.Contains(c.stderr, "dropped to make room") {
		t.Errorf("--ring: exit code %d, %d files of %d bytes\n%s", c.code, len(paths), size, c.stderr)
	}
	if v := replayed(t, paths[len(paths)-1]); v.Verdict == "violations" {
		t.Errorf("--ring: %s %v", v.Verdict, v.rules())
	}
}

// TestCapturePipe: a trace on standard output goes to the replay while the program prints
// elsewhere.
func TestCapturePipe(t *testing.T) {
	dir := harness(t)
	cmd := exec.Command("sh", "-c", `"$0/aftrace" capture -o - -- "$1/dynamic" | "$0/afreplay" run -`, bin, dir)
	out, err := cmd.Output()
	if err != nil || !bytes.HasPrefix(out, []byte("conforms")) {
		t.Errorf("%v\n%s", err, out)
	}
}
