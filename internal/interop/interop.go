// Package interop runs the software of others that tests compare this project with. Such
// tests run with AFTRACE_INTEROP=1, which makes a missing tool a failure; without it they are
// skipped. AFTRACE_PYTHON is the Python to use; AFTRACE_NODE_MODULES is a folder node_modules.
package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Wanted reports that tools of others must be there.
func Wanted() bool { return os.Getenv("AFTRACE_INTEROP") == "1" }

// Need skips the test unless tools of others must be there. what says which it needs.
func Need(tb testing.TB, what string) {
	tb.Helper()
	if !Wanted() {
		tb.Skip("set AFTRACE_INTEROP=1 to run it: needs " + what)
	}
}

// imported are the modules that the Python is known to have, because trying takes seconds.
var imported sync.Map

// Python is the absolute name of a Python that can import modules ("duckdb, pyarrow"), which
// requirements, a file, lists. The test is skipped as Need does, and fails if they are missing.
func Python(tb testing.TB, requirements, modules string) string {
	tb.Helper()
	Need(tb, "AFTRACE_PYTHON, a Python with "+requirements)
	exe := os.Getenv("AFTRACE_PYTHON")
	if exe == "" {
		exe = "python3"
	}
	exe, err := exec.LookPath(exe)
	if err != nil {
		tb.Fatal(err)
	}
	if exe, err = filepath.Abs(exe); err != nil {
		tb.Fatal(err)
	}
	if _, ok := imported.Load(modules); !ok {
		if out, err := exec.Command(exe, "-c", "import "+modules).CombinedOutput(); err != nil {
			tb.Fatalf("%s does not have what is in %s: %v\n%s", exe, requirements, err, out)
		}
		imported.Store(modules, true)
	}
	return exe
}

// Node runs a script in Node.js beside the modules that it imports, and returns its output.
// modules is a folder node_modules, if AFTRACE_NODE_MODULES names no other.
func Node(tb testing.TB, modules, script string, args ...string) []byte {
	tb.Helper()
	if other := os.Getenv("AFTRACE_NODE_MODULES"); other != "" {
		modules = other
	}
	modules, err := filepath.Abs(modules)
	if err != nil {
		tb.Fatal(err)
	}
	source, err := os.ReadFile(script)
	if err != nil {
		tb.Fatal(err)
	}
	// An import is looked for in the folders above the script, so the script goes to the modules.
	f, err := os.CreateTemp(filepath.Dir(modules), "*-"+filepath.Base(script))
	if err != nil {
		tb.Fatal(err)
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(source); err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
	return Output(tb, exec.Command("node", append([]string{f.Name()}, args...)...))
}

// Output is what a command writes to standard output. Its errors go to those of the test.
func Output(tb testing.TB, c *exec.Cmd) []byte {
	tb.Helper()
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		tb.Fatalf("%v: %v", c.Args, err)
	}
	return out
}
