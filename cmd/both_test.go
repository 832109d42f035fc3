// Package cmd_test runs aftrace and afreplay together, as their users do.
package cmd_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/aftrace/aftrace/cmd/internal/clitest"
)

// bin is a folder with both commands: AFTRACE_BIN, where there is no Go to build them, or one
// that they are built in.
var bin = os.Getenv("AFTRACE_BIN")

func TestMain(m *testing.M) {
	if bin != "" {
		os.Exit(m.Run())
	}
	code := 1
	func() {
		var err error
		if bin, err = os.MkdirTemp("", "aftrace-bin-*"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		defer os.RemoveAll(bin)
		out, err := exec.Command("go", "build", "-o", bin+string(filepath.Separator), "./aftrace", "./afreplay").CombinedOutput()
		if err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return
		}
		code = m.Run()
	}()
	os.Exit(code)
}

func TestScripts(t *testing.T) {
	dir, err := filepath.Abs(bin)
	if err != nil {
		t.Fatal(err)
	}
	clitest.Run(t, dir)
}
