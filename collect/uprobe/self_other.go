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
	Sum           time.Duration
	P50, P99, Max time.Duration
}

// Own fails with ErrNotPossible.
func Own(...string) (*Self, error) {
	return nil, fmt.Errorf("%w: probes on this program need Linux on amd64, this is %s on %s", ErrNotPossible, runtime.GOOS, runtime.GOARCH)
}

// Stop returns nothing.
func (*Self) Stop() ([]SelfTiming, uint64) { return nil, 0 }

// Close does nothing.
func (*Self) Close() {}

// HitCost is 0.
func HitCost() float64 { return 0 }
