package check

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// ofHosts is a trace with a row for each host named, in batches of two.
func ofHosts(t *testing.T, hosts ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := format.NewWriter(&out, format.WriterOptions{Extra: []arrow.Field{{Name: HostColumn, Type: arrow.BinaryTypes.String, Nullable: true}}})
	if err != nil {
		t.Fatal(err)
	}
	for from := 0; from < len(hosts); from += 2 {
		var b format.Batch
		col := array.NewStringBuilder(memory.DefaultAllocator)
		for i, h := range hosts[from:min(from+2, len(hosts))] {
			b.Append(&format.Event{Seq: uint64(from + i + 1), TS: int64(from + i), Phase: format.PhaseEvent, Function: ndis.NdisCmRegisterAddressFamilyEx})
			col.Append(h)
		}
		if err := w.WriteBatchExtra(&b, []arrow.Array{col.NewArray()}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRowsOfSeveralHostsAreRefused(t *testing.T) {
	for _, hosts := range [][]string{{"a", "a", "a"}, {"a"}, {"", ""}} {
		r, err := Read(context.Background(), bytes.NewReader(ofHosts(t, hosts...)), "x", Options{})
		if err != nil || r.Err != nil {
			t.Errorf("%q: %v, %v", hosts, err, r.Err)
		}
	}
	for _, hosts := range [][]string{{"a", "b"}, {"a", "a", "b"}, {"a", ""}, {"a", strings.Repeat("long", 1000)}} {
		r, err := Read(context.Background(), bytes.NewReader(ofHosts(t, hosts...)), "x", Options{})
		if err != nil || r.Err == nil || !strings.Contains(r.Err.Error(), `x: rows of more than one host ("a" and "`) || len(r.Err.Error()) > 500 {
			t.Errorf("%.20q: %v, %v", hosts, err, r.Err)
		}
	}
}
