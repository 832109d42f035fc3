package etl

// For tests of this folder, which cannot be in the package: etltest imports it.

var Decompress = decompress

// ConvertClock builds a time base and converts t.
func ConvertClock(start, t0 int64, clock ClockType, freq int64, mhz uint32, t int64) (ns int64, known bool) {
	tb, ok := newTimebase(start, t0, clock, freq, mhz)
	return tb.ns(t), ok
}
