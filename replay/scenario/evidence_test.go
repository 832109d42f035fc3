package scenario_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/scenario"
)

// TestLessEvidenceBreaksNoRule: a legal history stays legal when a column is not recorded, a
// driver not captured or the trace begins later. What lacks evidence is not checked.
func TestLessEvidenceBreaksNoRule(t *testing.T) {
	columns := []struct {
		name string
		bit  format.Fields
	}{
		{"context", format.HasContext}, {"context2", format.HasContext2}, {"vc", format.HasVC}, {"party", format.HasParty},
		{"sap", format.HasSAP}, {"af", format.HasAF}, {"binding", format.HasBinding}, {"adapter", format.HasAdapter},
		{"status", format.HasStatus}, {"driver", format.HasDriver}, {"tid", format.HasTID}, {"detail", format.HasDetail},
	}
	for _, folder := range []string{"vc", "call", "qos", "party", "sequences"} {
		files, err := filepath.Glob(filepath.Join(corpus, folder, "*.af"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s, err := scenario.Compile(filepath.Base(file), string(raw))
			if err != nil {
				t.Fatal(err)
			}
			if len(s.Marks) > 0 {
				continue
			}
			all := s.Events
			less := func(what string, keep func(e *format.Event) bool) {
				t.Helper()
				s.Events = nil
				for _, e := range all {
					if keep(&e) {
						s.Events = append(s.Events, e)
					}
				}
				r, err := s.Replay(1 << 16)
				if err != nil {
					t.Fatal(err)
				}
				for i := range r.Findings {
					switch f := &r.Findings[i]; f.Rule.Rule().Group {
					case "VC", "CALL", "QOS", "PARTY":
						t.Errorf("%s without %s: %s", s.Name, what, scenario.FindingLine(f))
					}
				}
			}
			for _, col := range columns {
				less(col.name, func(e *format.Event) bool { e.Has &^= col.bit; return true })
				less(col.name+" on entries", func(e *format.Event) bool {
					if e.Phase == format.PhaseEnter {
						e.Has &^= col.bit
					}
					return true
				})
				less(col.name+" on returns", func(e *format.Event) bool {
					if e.Phase == format.PhaseReturn {
						e.Has &^= col.bit
					}
					return true
				})
			}
			var drivers []string
			for i := range all {
				if d := all[i].Driver; !slices.Contains(drivers, d) {
					drivers = append(drivers, d)
				}
			}
			for _, d := range drivers {
				less(d, func(e *format.Event) bool { return e.Driver != d })
				less("callbacks of "+d, func(e *format.Event) bool { return e.Driver != d || e.Function.Info().Dir != ndis.Up })
				less("calls of "+d, func(e *format.Event) bool { return e.Driver != d || e.Function.Info().Dir != ndis.Down })
			}
			for n := range all {
				less("its beginning", func(e *format.Event) bool { return e.Seq > uint64(n) })
			}
		}
	}
}
