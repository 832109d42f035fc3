package gen

import (
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// TestEveryRuleHasAnOperator: each rule that a trace can show can be planted, and no other.
func TestEveryRuleHasAnOperator(t *testing.T) {
	for _, r := range rule.All() {
		if planted := operators[r.ID] != nil; planted != replay.Judges(r.ID) || planted != (WhyNot(r.ID) == "") {
			t.Errorf("%s: planted %v, observable %v, %q", r.Name, planted, replay.Judges(r.ID), WhyNot(r.ID))
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

// TestDetectionTogether plants faults of all rules beside each other: each is found, or the one
// that hides it is named.
func TestDetectionTogether(t *testing.T) {
	for _, o := range []Options{
		{Seed: 1, Events: 40_000, Profile: "atm", Faults: Every(0.02)},
		{Seed: 5, Events: 60_000, Profile: "wan", Faults: Every(0.002)},
		{Seed: 7, Events: 20_000, Profile: "churn", Faults: Every(0.02), Loss: 0.01},
	} {
		d, err := Detect(o)
		if err != nil {
			t.Fatal(err)
		}
		var planted, found, masked uint64
		for _, r := range d.Rules {
			planted, found, masked = planted+r.Planted, found+r.Found, masked+r.Masked
			if r.Found+r.Masked != r.Planted {
				t.Errorf("%s: %d planted, %d found, %d masked", r.Rule, r.Planted, r.Found, r.Masked)
			}
		}
		for _, m := range d.Masked {
			if m.Loss != (o.Loss > 0 && m.By.Rule == rule.None) || !m.Loss && (m.By.Rule == rule.None || m.By.Life == m.Life) {
				t.Errorf("%s@%d is masked by %+v", m.Rule, m.Seq, m.By)
			}
		}
		if len(d.Missed) > 0 || len(d.False) > 0 || uint64(len(d.Masked)) != masked {
			t.Errorf("missed %v, false %v", d.Missed, d.False)
		}
		if planted < 20 || o.Loss == 0 && found*10 < planted*8 {
			t.Errorf("%d planted, %d found", planted, found)
		}
		t.Logf("%s: %d planted, %d found, %d masked", o.Profile, planted, found, masked)
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
