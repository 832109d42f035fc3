package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/aftrace/aftrace/cmd/internal/clitest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"aftrace": main})
}

func TestScripts(t *testing.T) { clitest.Run(t) }
