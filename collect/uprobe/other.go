//go:build !(linux && (amd64 || arm64))

package uprobe

import (
	"context"
	"fmt"
	"runtime"

	"github.com/aftrace/aftrace/format"
)

// Capture is a capture in progress. There is none on this system.
type Capture struct{}

// Open fails with ErrNotPossible.
func Open(Options) (*Capture, error) {
	return nil, fmt.Errorf("%w: it needs Linux on amd64 or arm64, this is %s on %s", ErrNotPossible, runtime.GOOS, runtime.GOARCH)
}

// Requirements says that the system is missing.
func Requirements() []Requirement {
	return []Requirement{{Name: "Linux on amd64 or arm64", Have: runtime.GOOS + " on " + runtime.GOARCH, Do: "capture on Linux"}}
}

// Next implements collect.Source.
func (*Capture) Next(context.Context, *format.Event) error { return ErrNotPossible }

// Close implements collect.Source.
func (*Capture) Close() error { return nil }

// Stop does nothing.
func (*Capture) Stop() {}

// Metadata is empty.
func (*Capture) Metadata() format.Metadata { return nil }

// Summary is empty.
func (*Capture) Summary() Summary { return Summary{} }
