package report

import (
	"io"
	"slices"

	"github.com/aftrace/aftrace/format"
)

// Evidence reads the trace at path again and returns the rows with the given seqs. It stops
// when it has them all. Rows that are not there are missing in the result, and what was
// found before the trace became unreadable comes with the error. Where a seq occurs twice
// the first row counts.
func Evidence(path string, seqs []uint64) (map[uint64]format.Event, error) {
	found := map[uint64]format.Event{}
	if len(seqs) == 0 {
		return found, nil
	}
	want := slices.Clone(seqs)
	slices.Sort(want)
	want = slices.Compact(want)
	r, err := format.Open(path, format.ReaderOptions{})
	if err != nil {
		return found, err
	}
	defer r.Close()
	for {
		b, err := r.Next()
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return found, err
		}
		for i, seq := range b.Seq[:b.N] {
			if _, ok := slices.BinarySearch(want, seq); !ok {
				continue
			}
			if _, twice := found[seq]; !twice {
				var e format.Event
				b.Event(i, &e)
				found[seq] = e
			}
		}
		if len(found) == len(want) {
			return found, nil
		}
	}
}
