package replay_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/internal/naive"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// histories is how many random histories a test looks at: AFTRACE_HISTORIES, or n.
func histories(t *testing.T, n int) int {
	if s := os.Getenv("AFTRACE_HISTORIES"); s != "" {
		v, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("AFTRACE_HISTORIES: %v", err)
		}
		return v
	}
	if testing.Short() {
		return n / 20
	}
	return n
}

// upTo is histories for tests of which so many cost too much: at most that many.
func upTo(t *testing.T, n, most int) int { return min(histories(t, n), max(n, most)) }

func check(t testing.TB, rows []format.Event, o replay.Options, end replay.End) *replay.Result {
	t.Helper()
	c := replay.New(o)
	for _, b := range batches(rows, 1<<12) {
		if err := c.Batch(b); err != nil {
			t.Fatal(err)
		}
	}
	return c.Finish(end)
}

// compared are the groups of rules that both checkers know.
func compared(id rule.ID) bool {
	switch id.Rule().Group {
	case "REG", "NOTE", "OPEN", "CLOSE", "SAP", "VC", "CALL", "QOS", "PARTY", "USE":
		return true
	}
	return false
}

// common is the rule by which both checkers know a finding: where the engine has a more
// specific one that the naive checker does not judge, it is among those that say the same.
// Of what is left pending both know the operations of calls, which have no rule of their own
// for a driver that NDIS never calls back.
func common(rows []format.Event, f *replay.Finding) rule.ID {
	if compared(f.Rule) {
		return f.Rule
	}
	if f.Rule == rule.LEAK02 {
		switch rows[f.Seq-1].Function {
		case ndis.NdisClMakeCall, ndis.NdisCmDispatchIncomingCall, ndis.NdisMCmDispatchIncomingCall,
			ndis.NdisClCloseCall, ndis.NdisClModifyCallQoS:
			return f.Rule
		}
	}
	for _, id := range f.Also {
		if compared(id) {
			return id
		}
	}
	return rule.None
}

// named are the faults that break one contract. Histories from which the rows of a callback
// were dropped or exchanged are left out: what such a trace breaks is a matter of reading.
var named = func() (kinds []naive.Fault) {
	for f := naive.Fault(0); f < naive.NumFaults; f++ {
		if f != naive.CallbackDropped && f != naive.CallbackSwapped && f.Possible() {
			kinds = append(kinds, f)
		}
	}
	return kinds
}()

// onAFs are those of them that concern address families alone.
var onAFs = slices.DeleteFunc(slices.Clone(named), naive.Fault.Objects)

// genOptions varies the shape of the histories with the seed.
func genOptions(seed int64) naive.GenOptions {
	o := naive.GenOptions{Loose: seed%3 == 2, Busy: seed%5 < 2}
	if seed%2 == 1 {
		o.Faults = 1
		o.Kinds = onAFs
		if o.Busy {
			o.Kinds = named
		}
	}
	return o
}

// TestNaiveCheckerAgrees: an independent checker, written from the reference alone, finds
// the same errors at the same rows in random histories, legal and broken.
func TestNaiveCheckerAgrees(t *testing.T) {
	n := histories(t, 20_000)
	broken := 0
	differ := map[string]int{}
	example := map[string]int64{}
	for seed := int64(1); seed <= int64(n); seed++ {
		rows := naive.Random(rand.New(rand.NewPCG(uint64(seed), 0)), genOptions(seed))
		var want, got []string
		for _, f := range naive.Check(rows, true) {
			if f.Severity == rule.Error && (compared(f.Rule) || f.Rule == rule.LEAK02) {
				want = append(want, fmt.Sprintf("%s@%d", f.Rule, f.Seq))
			}
		}
		r := check(t, rows, replay.Options{}, replay.End{})
		for i := range r.Findings {
			if f := &r.Findings[i]; f.Severity == rule.Error && common(rows, f) != rule.None {
				got = append(got, fmt.Sprintf("%s@%d", common(rows, f), f.Seq))
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if len(want) > 0 {
			broken++
		}
		if slices.Equal(want, got) {
			continue
		}
		kind := difference(want, got)
		differ[kind]++
		if differ[kind] == 1 {
			example[kind] = seed
		}
	}
	t.Logf("%d histories, %d of them broken", n, broken)
	if broken == 0 {
		t.Error("no history was broken: the comparison shows nothing")
	}
	var kinds []string
	for k := range differ {
		kinds = append(kinds, k)
	}
	slices.SortFunc(kinds, func(a, b string) int { return differ[b] - differ[a] })
	for _, k := range kinds {
		t.Errorf("%d histories: %s (go test ./replay -run TestNaiveHistory -seed %d -v)", differ[k], k, example[k])
	}
}

// tangle gives two or three faults.
func tangle(seed int64) naive.GenOptions {
	o := genOptions(seed)
	o.Faults, o.Kinds = 2+int(seed%2), onAFs
	if o.Busy {
		o.Kinds = named
	}
	return o
}

// TestNaiveCheckerAgreesOnTangles: where several faults meet in one small history, which of
// them is named first is a matter of attribution; whether there is one is not.
func TestNaiveCheckerAgreesOnTangles(t *testing.T) {
	n := histories(t, 20_000) / 5
	differ := 0
	for seed := int64(1); seed <= int64(n); seed++ {
		o := tangle(seed)
		rows := naive.Random(rand.New(rand.NewPCG(uint64(seed), 1)), o)
		want := false
		for _, f := range naive.Check(rows, true) {
			want = want || f.Severity == rule.Error && (compared(f.Rule) || f.Rule == rule.LEAK02)
		}
		got := false
		r := check(t, rows, replay.Options{}, replay.End{})
		for i := range r.Findings {
			got = got || r.Findings[i].Severity == rule.Error && common(rows, &r.Findings[i]) != rule.None
		}
		if want != got {
			if differ++; differ <= 5 {
				t.Errorf("seed %d, %d faults: naive finds an error: %v, engine: %v", seed, o.Faults, want, got)
			}
		}
	}
	if differ > 5 {
		t.Errorf("%d of %d histories differ", differ, n)
	}
}

// difference names what only one of the two found, without the rows.
func difference(want, got []string) string {
	only := func(a, b []string) (out []string) {
		for _, x := range a {
			if !slices.Contains(b, x) {
				name, _, _ := strings.Cut(x, "@")
				out = append(out, name)
			}
		}
		return out
	}
	return fmt.Sprintf("naive only %v, engine only %v", only(want, got), only(got, want))
}
