package replay_test

import (
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// TestDetailAgain: a detail that came before is known as a whole, another one of the same length
// is not taken for it, and an empty one is no object wherever it comes.
func TestDetailAgain(t *testing.T) {
	for _, tc := range []struct {
		name    string
		details []string
		broken  uint64
	}{
		{"again", []string{`{"level":4}`, `{"level":4}`, `{"level":5}`, `{"level":4}`}, 0},
		{"empty", []string{"", `{"level":4}`, "", ""}, 3},
		{"of one length", []string{`{"level":4}`, `{"level":4 `, `["level":4}`, `{"level":4}`}, 2},
		{"broken again", []string{`{"level":4`, `{"level":4`}, 2},
	} {
		w := &world{ts: 1_767_225_600_000_000_000, tid: 1}
		for _, d := range tc.details {
			w.call(ndis.NdisCoGetTapiCallId, "client", func(e *format.Event) { w.detail(e, d) }, func(e *format.Event) { w.detail(e, d) })
		}
		c := replay.New(replay.Options{})
		for _, b := range batches(w.rows, 3) {
			if err := c.Batch(b); err != nil {
				t.Fatal(err)
			}
		}
		if got := c.Finish(replay.End{}).Defects[replay.DefectDetailNotAnObject]; got != 2*tc.broken {
			t.Errorf("%s: %d details are no object, want %d", tc.name, got, 2*tc.broken)
		}
	}
}
