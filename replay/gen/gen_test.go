package gen

import (
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// TestEveryRuleHasAnOperator: each rule that a trace can show can be planted, or the table says
// why not.
func TestEveryRuleHasAnOperator(t *testing.T) {
	for _, r := range rule.All() {
		_, listed := without[r.ID]
		switch planted := operators[r.ID] != nil; {
		case planted && WhyNot(r.ID) != "":
			t.Errorf("%s is planted, and is said not to be: %s", r.Name, WhyNot(r.ID))
		case !planted && replay.Judges(r.ID) && !listed:
			t.Errorf("%s can be observed, has no operator and no reason", r.Name)
		case listed && !replay.Judges(r.ID):
			t.Errorf("%s cannot be observed: it needs no reason", r.Name)
		}
	}
}

// TestDetection: every planted fault is found by its rule at its row, and nothing is found that
// was not planted and does not follow from it.
func TestDetection(t *testing.T) {
	for _, r := range rule.All() {
		if operators[r.ID] == nil {
			continue
		}
		t.Run(r.Name, func(t *testing.T) {
			planted := uint64(0)
			for _, profile := range []string{"wan", "atm", "churn"} {
				d, err := Detect(Options{Seed: uint64(r.ID), Events: 12_000, Profile: profile, Faults: []FaultRate{{r.ID, 0.5}}})
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range d.Missed {
					t.Errorf("%s: planted at row %d of life %d and not found there: %s", profile, p.Seq, p.Life, p.How)
				}
				for _, f := range d.False {
					t.Errorf("%s: without a cause: %s", profile, f)
				}
				for _, x := range d.Rules {
					planted += x.Planted
				}
			}
			if planted < 5 {
				t.Errorf("planted only %d times", planted)
			}
		})
	}
}

func events(t *testing.T, o Options) (n uint64, findings int, r *replay.Result) {
	t.Helper()
	c := replay.New(replay.Options{})
	o.Emit = func(b *format.Batch) error { n += uint64(b.N); return c.Batch(b) }
	if _, err := Generate(o); err != nil {
		t.Fatal(err)
	}
	r = c.Finish(replay.End{})
	return n, len(r.Findings), r
}
