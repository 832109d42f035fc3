package check

import (
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/format"
)

// Columns that tell the hosts and boots of a dataset apart.
const (
	HostColumn = "host"
	BootColumn = "boot_id"
)

// KeyValues gives the values of a column that tells hosts or boots apart as text; null is "".
func KeyValues(a arrow.Array) func(int) string {
	switch a := a.(type) {
	case *array.String:
		return func(i int) string {
			if a.IsNull(i) {
				return ""
			}
			return a.Value(i)
		}
	case *array.Dictionary:
		of := KeyValues(a.Dictionary())
		return func(i int) string {
			if a.IsNull(i) {
				return ""
			}
			return of(a.GetValueIndex(i))
		}
	}
	return func(i int) string {
		if a.IsNull(i) {
			return ""
		}
		return a.ValueStr(i)
	}
}

// oneHost sees to it that the rows of a trace are of one host and boot: handles of different
// ones have nothing to do with each other.
type oneHost struct {
	columns []int // indices of ExtraColumns
	first   []string
}

func newOneHost(r *format.Reader) *oneHost {
	h := &oneHost{}
	for i, f := range r.ExtraColumns() {
		if f.Name == HostColumn || f.Name == BootColumn {
			h.columns = append(h.columns, i)
		}
	}
	return h
}

// check looks at the current batch of r, which has n rows.
func (h *oneHost) check(r *format.Reader, path string, n int) error {
	for k, at := range h.columns {
		value := KeyValues(r.Extra(at))
		for i := range n {
			v := value(i)
			if len(h.first) == k {
				h.first = append(h.first, string([]byte(v)))
			}
			if v != h.first[k] {
				return fmt.Errorf("%s: rows of more than one %s (%q and %q): a trace is of one host and boot; afreplay filter judges each by itself",
					path, r.ExtraColumns()[at].Name, rows.Cut(h.first[k], shownKey), rows.Cut(v, shownKey))
			}
		}
	}
	return nil
}

// shownKey is how many bytes of a host or boot a message shows.
const shownKey = 100
