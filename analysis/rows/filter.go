package rows

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// Filter picks rows. A row passes if it passes each part that was asked for, and it passes
// a part if it matches one of its values. The zero value passes every row.
type Filter struct {
	functions *[ndis.NumFuncs]bool // nil: all
	adapters  map[uint64]bool
	drivers   []string // patterns
	labels    map[string]bool
	statuses  map[uint32]bool
	seqs      [][2]uint64 // first and last row
	since     int64
	until     int64
	timed     bool
}

// Function adds functions by name, or by a pattern with * and ?, in any case. A name or
// pattern that no function of the vocabulary has is an error; "?" alone stands for
// functions outside it.
func (f *Filter) Function(pattern string) error {
	if f.functions == nil {
		f.functions = new([ndis.NumFuncs]bool)
	}
	if pattern == "?" {
		f.functions[ndis.FuncUnknown] = true
		return nil
	}
	found := false
	for fn, info := range ndis.Functions() {
		if glob(pattern, info.Name) {
			f.functions[fn], found = true, true
		}
	}
	if !found {
		return fmt.Errorf("no function is called %q", pattern)
	}
	return nil
}

// Adapter adds an adapter handle, hexadecimal with 0x or decimal.
func (f *Filter) Adapter(handle string) error {
	v, err := strconv.ParseUint(handle, 0, 64)
	if err != nil {
		return fmt.Errorf("%q is not an adapter handle: want a number like 0xffffa801c54921a0", handle)
	}
	if f.adapters == nil {
		f.adapters = map[uint64]bool{}
	}
	f.adapters[v] = true
	return nil
}

// Driver adds drivers by label, or by a pattern with * and ?, in any case.
func (f *Filter) Driver(pattern string) {
	f.drivers = append(f.drivers, pattern)
	f.labels = map[string]bool{}
}

// Status adds a status by name or number.
func (f *Filter) Status(name string) error {
	s, err := ndis.ParseStatus(name)
	if err != nil {
		return fmt.Errorf("%q is not a status: want a name like NDIS_STATUS_FAILURE or a number", name)
	}
	if f.statuses == nil {
		f.statuses = map[uint32]bool{}
	}
	f.statuses[uint32(s)] = true
	return nil
}

// Seq adds rows by number: one (54), from one to another (54-81, both included), from one on
// (54-) or up to one (-81).
func (f *Filter) Seq(text string) error {
	wrong := fmt.Errorf("%q is no row or range of rows: want N, FROM-TO, FROM- or -TO", text)
	from, to, isRange := strings.Cut(text, "-")
	if !isRange {
		to = from
	}
	r := [2]uint64{0, math.MaxUint64}
	for i, s := range []string{from, to} {
		if s == "" && isRange && text != "-" {
			continue
		}
		v, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return wrong
		}
		r[i] = v
	}
	if r[0] > r[1] {
		return wrong
	}
	f.seqs = append(f.seqs, r)
	return nil
}

func (f *Filter) seq(seq uint64) bool {
	return slices.ContainsFunc(f.seqs, func(r [2]uint64) bool { return r[0] <= seq && seq <= r[1] })
}

// Between keeps rows from since on and before until; an empty text is no bound. Times are
// RFC 3339, without a zone UTC, or nanoseconds since the Unix epoch.
func (f *Filter) Between(since, until string) (err error) {
	f.timed, f.since, f.until = true, math.MinInt64, math.MaxInt64
	if since != "" {
		if f.since, err = parseTime(since); err != nil {
			return err
		}
	}
	if until != "" {
		if f.until, err = parseTime(until); err != nil {
			return err
		}
	}
	return nil
}

func parseTime(s string) (int64, error) {
	if ns, err := strconv.ParseInt(s, 10, 64); err == nil {
		return ns, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			if t.Year() < 1678 || t.Year() > 2261 {
				return 0, fmt.Errorf("time %q is out of range", s)
			}
			return t.UnixNano(), nil
		}
	}
	return 0, fmt.Errorf("%q is not a time: want one like 2026-03-01T09:15:00Z, or nanoseconds since 1970", s)
}

// Match says whether row i of b passes.
func (f *Filter) Match(b *format.Batch, i int) bool {
	has := b.Has[i]
	switch {
	case f.functions != nil && !f.functions[b.Function[i]],
		f.seqs != nil && !f.seq(b.Seq[i]),
		f.timed && (b.TS[i] < f.since || b.TS[i] >= f.until),
		f.adapters != nil && (has&format.HasAdapter == 0 || !f.adapters[b.Adapter[i]]),
		f.statuses != nil && (has&format.HasStatus == 0 || !f.statuses[b.Status[i]]),
		f.drivers != nil && (has&format.HasDriver == 0 || !f.driver(b.Driver.At(i))):
		return false
	}
	return true
}

func (f *Filter) driver(label []byte) bool {
	match, known := f.labels[string(label)]
	if known {
		return match
	}
	for _, p := range f.drivers {
		match = match || glob(p, string(label))
	}
	if len(f.labels) < 4096 { // enough for any host; a bound for the rest
		f.labels[string(label)] = match
	}
	return match
}

// glob matches a name with a pattern in which * is any text and ? any character, without
// regard to case.
func glob(pattern, name string) bool {
	p, n := []rune(strings.ToLower(pattern)), []rune(strings.ToLower(name))
	star, from := -1, 0
	i, j := 0, 0
	for j < len(n) {
		switch {
		case i < len(p) && p[i] == '*':
			star, from = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == n[j]):
			i, j = i+1, j+1
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}
