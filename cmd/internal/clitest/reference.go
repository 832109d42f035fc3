package clitest

import (
	"bytes"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/aftrace/aftrace/cmd/internal/cli"
)

// Reference compares the reference of a command with the file at path, or writes it there
// with -update.
func Reference(t *testing.T, root *cobra.Command, path string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the reference is that of Linux")
	}
	got := cli.Markdown(root)
	if *update {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not current: go test ./cmd/... -run Reference -update writes it", path)
	}
}

// ExitCodes holds that docs/exit-codes.md says of every command how it exits.
func ExitCodes(t *testing.T, root *cobra.Command, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	doc := strings.Join(strings.Fields(string(text)), " ")
	for _, c := range root.Commands() {
		if name := root.Name() + " " + c.Name(); c.IsAvailableCommand() && c.Name() != "completion" && !strings.Contains(doc, "`"+name+"`") && !strings.Contains(doc, "`"+name+" ") {
			t.Errorf("%s does not say how %s exits", path, name)
		}
	}
}
