//go:build !(linux && amd64)

package uprobe

import (
	"fmt"
	"runtime"
	"time"
)

// Self measures functions of this program. It cannot on this system.
type Self struct{}

// SelfTiming is how long one function took. Nothing makes one here.
type SelfTiming struct {
	Name          string        // as the linker writes it
	Count         uint64        // measured calls
	Over          bool          // it was probed no longer when it had been measured often enough
	Stepped       bool          // its entry is single-stepped
	Sum           time.Duration // of the measured calls
	P50, P99, Max time.Duration // median, 99th percentile and longest of them
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
