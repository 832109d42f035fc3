//go:build !windows

package etw

import "github.com/aftrace/aftrace/format"

func counterClock() func(int64) int64 { return nil }

func system(format.Metadata) {}
