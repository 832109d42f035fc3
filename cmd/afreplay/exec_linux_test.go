package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/internal/interop"
)

// built is afreplay for an architecture.
func built(t *testing.T, arch string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "afreplay-"+arch)
	cmd := exec.Command("go", "build", "-o", out, ".")
	cmd.Env = append(os.Environ(), "GOARCH="+arch, "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build for %s: %v\n%s", arch, err, text)
	}
	return out
}

// exitCode runs a command and returns how it exited and what it said.
func exitCode(t *testing.T, args ...string) (int, string) {
	t.Helper()
	text, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v", args, err)
	}
	if exit != nil {
		return exit.ExitCode(), string(text)
	}
	return 0, string(text)
}

func sumOf(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(b))
}

// TestExecOnARM64 executes the demo and the scenarios on this processor and on an emulated arm64:
// the files are the same.
func TestExecOnARM64(t *testing.T) {
	qemu, err := exec.LookPath("qemu-aarch64")
	switch {
	case runtime.GOARCH == "arm64":
		t.Skip("this is arm64: there is nothing to compare with")
	case !interop.Wanted():
		t.Skip("execution on an emulated processor: set AFTRACE_INTEROP=1; needs qemu-aarch64")
	case err != nil:
		t.Fatal(err)
	}
	here, there := built(t, runtime.GOARCH), built(t, "arm64")
	dir := t.TempDir()
	if code, text := exitCode(t, here, "demo", "--keep", filepath.Join(dir, "demo")); code != 0 {
		t.Fatalf("demo: exit %d\n%s", code, text)
	}
	traces := []string{filepath.Join(dir, "demo", "demo.arrow")}
	files, err := filepath.Glob("../../testdata/scenarios/*/*.af")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for i, file := range files {
		if i%40 != 0 { // the emulator takes its time
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, fmt.Sprintf("s%d.arrow", i))
		traceOf(t, file, string(text), path)
		traces = append(traces, path)
	}
	for _, path := range traces {
		for _, mode := range [][]string{nil, {"--seed", "7"}, {"--call-manager", "reference", "--cm-pend", "2"}} {
			if mode != nil && path != traces[0] {
				continue
			}
			a, b := filepath.Join(dir, "here.arrow"), filepath.Join(dir, "there.arrow")
			args := append([]string{"exec", path, "-q", "-o"}, a)
			codeA, textA := exitCode(t, append(append([]string{here}, args...), mode...)...)
			args[len(args)-1] = b
			codeB, textB := exitCode(t, append(append([]string{qemu, there}, args...), mode...)...)
			if codeA != codeB || codeA != 0 && codeA != 4 {
				t.Fatalf("%s %v: exit %d here and %d on arm64\n%s%s", path, mode, codeA, codeB, textA, textB)
			}
			if x, y := sumOf(t, a), sumOf(t, b); x != y {
				t.Errorf("%s %v: %s here and %s on arm64", path, mode, x, y)
			}
		}
	}
	t.Logf("%d traces", len(traces))
}

// smallDisk runs a shell script with $1, a folder on a disk of 64 KiB, and further arguments. It
// needs root or a user name space of its own.
func smallDisk(t *testing.T, script string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	text := `mount -t tmpfs -o size=64k none "$1" || exit 99
` + script
	shell := append([]string{"unshare", "-m", "sh", "-c", text, "sh", dir}, args...)
	if os.Getuid() != 0 {
		shell[1] = "-Urm"
	}
	var out bytes.Buffer
	cmd := exec.Command(shell[0], shell[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		if interop.Wanted() {
			t.Fatalf("%v: %s", err, &out)
		}
		t.Skipf("no disk of its own to fill: %v: %s", err, &out)
	}
	return out.String()
}

// TestFullDisk fills the disk in the middle of an execution and of an export: exit code 6, and nothing
// that looks whole is left.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	opens := func(n int) string {
		var b strings.Builder
		b.WriteString("adapter A\ndriver cm call-manager\ndriver cl client\n\ncl: bind A\ncm: bind A\n  register A Q2931\ncl: notify A Q2931\n")
		for i := range n {
			fmt.Fprintf(&b, "  open A Q2931 af%d\n  close af%d\n", i, i)
		}
		path := filepath.Join(dir, fmt.Sprintf("%d.arrow", n))
		traceOf(t, "many", b.String(), path)
		return path
	}
	afreplay := built(t, runtime.GOARCH)
	in := opens(3000)
	for _, table := range []string{"spans=$1/out.arrow", "spans=$1/out.arrows", "spans=$1/out.csv", "spans=$1/out.parquet", "perfetto=$1/out.json"} {
		out := smallDisk(t, `
"$2" export "$3" -q --out "`+table+`"; echo "export $?"
echo "left: $(ls -A "$1")"
`, afreplay, in)
		for _, want := range []string{"no space left", "export 6\n", "left: \n"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: %q is missing in\n%s", table, want, out)
			}
		}
	}
	out := smallDisk(t, `
"$2" exec "$3" -q -o "$1/out.arrow"; echo "file $?"
echo "left: $(ls -A "$1")"
"$2" exec "$3" -q -o "$1/out.arrows"; echo "stream $?"
"$2" run "$1/out.arrows"; echo "run $?"
"$2" exec "$3" -q -o "$4"; echo "elsewhere $?"
`, afreplay, opens(20_000), filepath.Join(dir, "out.arrow"))
	for _, want := range []string{"no space left", "file 6\n", "left: \n", "stream 6\n", "cut short", "elsewhere 0\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

// TestGenOnAFullDisk fills the disk while a history is generated: exit code 6, and neither a trace
// that looks whole nor a truth is left.
func TestGenOnAFullDisk(t *testing.T) {
	out := smallDisk(t, `
"$2" gen --events 100000 --fault all:0.01 -q -o "$1/out.arrow"; echo "file $?"
echo "left: $(ls -A "$1")"
"$2" gen --events 100000 --fault all:0.01 -q -o "$1/out.arrows"; echo "stream $?"
echo "left: $(ls -A "$1")"
"$2" run "$1/out.arrows"; echo "run $?"
`, built(t, runtime.GOARCH))
	for _, want := range []string{"no space left", "file 6\nleft: \n", "stream 6\nleft: out.arrows\n", "cut short"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}
