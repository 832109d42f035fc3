//go:build !(linux && amd64)

package uprobe

import (
	"fmt"
	"runtime"
	"time"
)

// Self measures functions of this program. It cannot on this system.
type Self struct{}

// SelfTiming is how long one function took.
type SelfTiming struct {
	Name          string
	Count         uint64
	Over          bool
	Stepped       bool
	Sum           time.Duration
	P50, P99, Max time.Duration
}

// Own fails with ErrNotPossible.
func Own(uint64, ...string) (*Self, error) {
	return nil, fmt.Errorf("%w: probes on this program need Linux on amd64, this is %s on %s", ErrNotPossible, runtime.GOOS, runtime.GOARCH)
}

// Cost is nothing.
func (*Self) Cost() (emulated, stepped time.Duration) { return 0, 0 }

// CallCost is nothing.
func (*Self) CallCost() time.Duration { return 0 }

// Stop returns nothing.
func (*Self) Stop() ([]SelfTiming, uint64, error) { return nil, 0, nil }

// Close does nothing.
func (*Self) Close() {}
