package etl

import (
	"math"
	"math/bits"
	"time"
)

// ClockType is TRACE_LOGFILE_HEADER.ReservedFlags: what the time field of a record counts.
type ClockType uint32

const (
	ClockQPC    ClockType = 1 // performance counter, Header.PerfFreq ticks a second
	ClockSystem ClockType = 2 // FILETIME units: 100 ns
	ClockCPU    ClockType = 3 // processor cycles, Header.CPUMHz a microsecond
)

// String is "qpc", "system", "cpu", or "unknown".
func (c ClockType) String() string {
	switch c {
	case ClockQPC:
		return "qpc"
	case ClockSystem:
		return "system"
	case ClockCPU:
		return "cpu"
	}
	return "unknown"
}

// unixEpoch is 1970-01-01 as a FILETIME: 100 ns units since 1601-01-01 UTC.
const unixEpoch = 116444736000000000

// fileTime converts a FILETIME. Zero and negative ones are the zero time.
func fileTime(ft int64) time.Time {
	if ft <= 0 {
		return time.Time{}
	}
	ft -= unixEpoch
	return time.Unix(ft/1e7, ft%1e7*100).UTC()
}

// timebase converts raw clock values to nanoseconds since the Unix epoch:
// start + (t-t0) × mul/div. The sum is formed in 128 bits, so that neither a far start nor
// a far t is lost if the other brings the result back; what does not fit saturates.
type timebase struct {
	hi, lo   uint64 // start, in ns, as a 128-bit two's complement number
	t0       int64
	mul, div uint64
}

// newTimebase builds the conversion. ok is false if the header does not say how long a tick
// is; then it is taken as 100 ns.
func newTimebase(start, t0 int64, clock ClockType, freq int64, mhz uint32) (tb timebase, ok bool) {
	tb = timebase{t0: t0, mul: 100, div: 1}
	switch {
	case clock == ClockSystem:
		ok = true
	case clock == ClockCPU:
		if mhz > 0 {
			tb.mul, tb.div, ok = 1000, uint64(mhz), true
		}
	default:
		if freq > 0 {
			tb.mul, tb.div, ok = 1e9, uint64(freq), clock == ClockQPC
		}
	}
	if tb.mul%tb.div == 0 {
		tb.mul, tb.div = tb.mul/tb.div, 1
	}
	d, neg := distance(start, unixEpoch)
	tb.hi, tb.lo = bits.Mul64(d, 100)
	if neg {
		tb.hi, tb.lo = negate(tb.hi, tb.lo)
	}
	return tb, ok
}

// ns converts a raw clock value. Fractions are rounded down.
func (tb *timebase) ns(t int64) int64 {
	d, neg := distance(t, tb.t0)
	hi, lo := bits.Mul64(d, tb.mul)
	if tb.div != 1 {
		var rem uint64
		var h uint64
		h, hi = hi/tb.div, hi%tb.div
		lo, rem = bits.Div64(hi, lo, tb.div)
		hi = h
		if neg && rem != 0 {
			var c uint64
			lo, c = bits.Add64(lo, 1, 0)
			hi += c
		}
	}
	if neg {
		hi, lo = negate(hi, lo)
	}
	lo, c := bits.Add64(lo, tb.lo, 0)
	hi, _ = bits.Add64(hi, tb.hi, c)
	switch {
	case int64(hi) < 0 && (hi != math.MaxUint64 || int64(lo) >= 0):
		return math.MinInt64
	case int64(hi) >= 0 && (hi != 0 || int64(lo) < 0):
		return math.MaxInt64
	}
	return int64(lo)
}

// distance is |a-b| and whether a < b.
func distance(a, b int64) (uint64, bool) {
	if a < b {
		return uint64(b) - uint64(a), true
	}
	return uint64(a) - uint64(b), false
}

func negate(hi, lo uint64) (uint64, uint64) {
	lo, borrow := bits.Sub64(0, lo, 0)
	hi, _ = bits.Sub64(0, hi, borrow)
	return hi, lo
}
