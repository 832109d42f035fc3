package main

import (
	"testing"

	"github.com/aftrace/aftrace/cmd/internal/clitest"
)

// docs/aftrace.md is the reference of all commands and flags; -update writes it anew.
func TestReferenceIsCurrent(t *testing.T) { clitest.Reference(t, command(), "../../docs/aftrace.md") }

func TestExitCodesAreDocumented(t *testing.T) {
	clitest.ExitCodes(t, command(), "../../docs/exit-codes.md")
}
