package collect

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/aftrace/aftrace/format"
)

// Trace is what TraceInfo finds in a trace. Its JSON form is a contract.
type Trace struct {
	Kind      string            `json:"kind"` // "trace"
	Events    uint64            `json:"events"`
	Functions map[string]uint64 `json:"functions"` // rows by function, gap rows not counted
	Drivers   []string          `json:"drivers"`   // labels, sorted
	Adapters  uint64            `json:"adapters"`  // different values of the adapter column, NULL not counted
	Gaps      uint64            `json:"gaps"`
	Lost      uint64            `json:"lost"`  // sum of the gap rows that say how many
	Start     Time              `json:"start"` // of the earliest row; zero if there is none
	End       Time              `json:"end"`   // of the latest row
	Truncated bool              `json:"truncated"`
	Metadata  format.Metadata   `json:"metadata"`
}

// maxNames bounds how many labels and adapters TraceInfo tells apart.
const maxNames = 1 << 20

// TraceInfo reads a trace, file or stream, to its end; path "-" is standard input. Events is
// the number of rows, gap rows included. An error wraps ErrInput or is that of ctx.
func TraceInfo(ctx context.Context, path string) (*Trace, error) {
	r, err := format.Open(path, format.ReaderOptions{})
	if err != nil {
		return nil, fail(err, ErrInput)
	}
	defer r.Close()
	t := &Trace{Kind: "trace", Functions: map[string]uint64{}, Drivers: []string{}}
	drivers, adapters := map[string]bool{}, map[uint64]bool{}
	counts := map[string]*uint64{}
	var first, last int64
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fail(err, ErrInput)
		}
		for i := range b.N {
			if t.Events == 0 {
				first, last = b.TS[i], b.TS[i]
			}
			t.Events++
			first, last = min(first, b.TS[i]), max(last, b.TS[i])
			has := b.Has[i]
			if has&format.HasAdapter != 0 && b.Adapter[i] != 0 && len(adapters) < maxNames {
				adapters[b.Adapter[i]] = true
			}
			if has&format.HasDriver != 0 && len(drivers) < maxNames {
				if d := b.Driver.At(i); !drivers[string(d)] {
					drivers[string(d)] = true
				}
			}
			if b.Phase[i] == format.PhaseGap {
				t.Gaps++
				if has&format.HasLost != 0 {
					t.Lost += b.Lost[i]
				}
				continue
			}
			name := b.Function[i].String()
			n := counts[name]
			if n == nil {
				n = new(uint64)
				counts[name] = n
			}
			*n++
		}
	}
	for name, n := range counts {
		t.Functions[name] = *n
	}
	for d := range drivers {
		t.Drivers = append(t.Drivers, d)
	}
	slices.Sort(t.Drivers)
	t.Adapters = uint64(len(adapters))
	if t.Events > 0 {
		t.Start, t.End = Time{unixTime(first)}, Time{unixTime(last)}
	}
	t.Truncated = r.Truncated()
	t.Metadata = r.Metadata()
	return t, nil
}

func unixTime(ns int64) time.Time { return time.Unix(0, ns).UTC() }
