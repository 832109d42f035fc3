package replay_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/internal/naive"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
	"github.com/aftrace/aftrace/replay/scenario"
)

// executed runs the executor over rows, in batches of size rows.
func executed(t testing.TB, rows []format.Event, size int, o replay.ExecuteOptions) ([]format.Event, *replay.Result, replay.ExecStats) {
	t.Helper()
	var out []format.Event
	o.Emit = func(b *format.Batch) error {
		for i := range b.N {
			var e format.Event
			b.Event(i, &e)
			out = append(out, e)
		}
		return nil
	}
	x := replay.Execute(o)
	for _, b := range batches(rows, size) {
		if err := x.Batch(b); err != nil {
			t.Fatal(err)
		}
	}
	r, stats, err := x.Finish(replay.End{})
	if err != nil {
		t.Fatal(err)
	}
	return out, r, stats
}

// blamed are the findings against somebody.
func blamed(r *replay.Result, who ...rule.Actor) (lines []string) {
	for i := range r.Findings {
		if slices.Contains(who, r.Findings[i].AtFault) {
			lines = append(lines, scenario.FindingLine(&r.Findings[i]))
		}
	}
	return lines
}

// rulesOf lists rule and fault of each finding against a driver, for comparison.
func rulesOf(r *replay.Result) (ids []string) {
	for i := range r.Findings {
		if f := &r.Findings[i]; f.AtFault != rule.NDIS {
			ids = append(ids, fmt.Sprintf("%s %s %s", f.Rule, f.AtFault, f.Severity))
		}
	}
	slices.Sort(ids)
	return ids
}

// registrations lists the answers to registrations.
func registrations(rows []format.Event) string {
	var b strings.Builder
	for i := range rows {
		if e := &rows[i]; e.Phase == format.PhaseReturn && strings.Contains(e.Function.String(), "CmRegisterAddressFamily") {
			fmt.Fprintf(&b, "%s %x,", e.Driver, e.Status)
		}
	}
	return b.String()
}

func dump(rows []format.Event) string {
	var b strings.Builder
	for i := range rows {
		e := &rows[i]
		fmt.Fprintf(&b, "%4d %-8s %s t%x %-34v", e.Seq, e.Driver, [...]string{">", "<", "=", "gap"}[e.Phase], e.TID, e.Function)
		for _, c := range []struct {
			name string
			bit  format.Fields
			v    uint64
		}{{"adapter", format.HasAdapter, e.Adapter}, {"b", format.HasBinding, e.Binding}, {"af", format.HasAF, e.AF}, {"sap", format.HasSAP, e.SAP},
			{"vc", format.HasVC, e.VC}, {"party", format.HasParty, e.Party}, {"ctx", format.HasContext, e.Context}, {"ctx2", format.HasContext2, e.Context2},
			{"type", format.HasAFType, uint64(e.AFType)}, {"st", format.HasStatus, uint64(e.Status)}} {
			if e.Has&c.bit != 0 {
				fmt.Fprintf(&b, " %s=%x", c.name, c.v)
			}
		}
		fmt.Fprintf(&b, " %s\n", e.Detail)
	}
	return b.String()
}

// worlds runs a test for the seeds 1 to n, or as many as AFTRACE_HISTORIES says, but at most the
// 10,000 that executions are tested with; ONLY in the environment picks one. The test says what is wrong.
func worlds(t *testing.T, n int, run func(seed int64) string) int {
	t.Helper()
	first, last := int64(1), int64(min(histories(t, n), 10_000))
	if s := os.Getenv("ONLY"); s != "" {
		v, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			t.Fatalf("ONLY: %v", err)
		}
		first, last = v, v
	}
	var (
		next atomic.Int64
		mu   sync.Mutex
		bad  = map[int64]string{}
		wg   sync.WaitGroup
	)
	next.Store(first)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				seed := next.Add(1) - 1
				if seed > last {
					return
				}
				if s := run(seed); s != "" {
					mu.Lock()
					bad[seed] = s
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	for i, seed := range slices.Sorted(maps.Keys(bad)) {
		if i == 5 {
			t.Errorf("%d histories are wrong", len(bad))
			break
		}
		t.Errorf("history %d: %s", seed, bad[seed])
	}
	return int(last - first + 1)
}

// told is what goes to the log of a test of one history.
func told(t *testing.T, in, out []format.Event) {
	if testing.Verbose() && os.Getenv("ONLY") != "" {
		t.Logf("input\n%s        output\n%s", dump(in), dump(out))
	}
}

// TestExecutedHistories re-executes random legal histories: registrations are answered as recorded,
// the checker finds nothing against NDIS in the outcome, and against the drivers what it finds in the input.
//
// In some histories NDIS accepts a version of a type that another call manager holds. The
// executor does so only if versions are part of the identity of an AF (AMB-01), so these are executed with that too.
func TestExecutedHistories(t *testing.T) {
	var untriggered, dropped, versions atomic.Int64
	n := worlds(t, 2000, func(seed int64) string {
		rows := naive.Random(rand.New(rand.NewPCG(uint64(seed), 7)), naive.GenOptions{Loose: seed%3 == 2})
		var bad []string
		run := func(o replay.Options) bool {
			before := check(t, rows, o, replay.End{})
			out, world, stats := executed(t, rows, 64, replay.ExecuteOptions{ExecOptions: replay.ExecOptions{Options: o}})
			after := check(t, out, o, replay.End{})
			untriggered.Add(int64(stats.Untriggered))
			dropped.Add(int64(stats.Dropped))
			bad = append(bad, blamed(after, rule.NDIS)...)
			as := registrations(rows) == registrations(out)
			if a, b := rulesOf(before), rulesOf(after); as && !slices.Equal(a, b) {
				bad = append(bad, fmt.Sprintf("against drivers: %v in the input, %v in the output", a, b))
			}
			if a, b := scenario.Golden(world), scenario.Golden(after); a != b {
				bad = append(bad, "the executor's world says\n"+a+"and the checker\n"+b)
			}
			if len(after.Defects) > 0 {
				bad = append(bad, fmt.Sprint(after.Defects))
			}
			if !as && !slices.ContainsFunc(before.Findings, func(f replay.Finding) bool { return f.Rule == rule.REG01 }) {
				bad = append(bad, "a registration is answered otherwise: "+registrations(rows)+" and "+registrations(out))
			}
			told(t, rows, out)
			return as
		}
		if !run(replay.Options{}) {
			versions.Add(1)
			if !run(replay.Options{AFIdentity: replay.IdentityTypeVersion}) && len(bad) == 0 {
				bad = append(bad, "registrations are answered otherwise although versions count")
			}
		}
		return strings.Join(bad, "\n")
	})
	t.Logf("%d histories: %d calls untriggered, %d dropped, %d with a version accepted beside another", n, untriggered.Load(), dropped.Load(), versions.Load())
}

func scenarioFiles(t testing.TB) []string {
	files, err := filepath.Glob("../testdata/scenarios/*/*.af")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	return files
}

func compiled(t testing.TB, file string) *scenario.Scenario {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := scenario.Compile(filepath.Base(file), string(raw))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestExecutedScenarios re-executes every scenario.
func TestExecutedScenarios(t *testing.T) {
	for _, file := range scenarioFiles(t) {
		name := strings.TrimPrefix(strings.TrimSuffix(file, ".af"), "../testdata/scenarios/")
		t.Run(name, func(t *testing.T) {
			s := compiled(t, file)
			o := replay.ExecuteOptions{}
			o.Metadata = s.Metadata
			out, _, stats := executed(t, s.Events, 16, o)
			r := check(t, out, replay.Options{Metadata: s.Metadata}, replay.End{})
			for _, line := range blamed(r, rule.NDIS) {
				t.Error(line)
			}
			if len(r.Defects) > 0 {
				t.Error(r.Defects)
			}
			if t.Failed() && testing.Verbose() {
				t.Logf("%+v\ninput\n%s\noutput\n%s", stats, dump(s.Events), dump(out))
			}
		})
	}
}

// TestExecutionIsAFixedPoint executes the output of an execution again: it comes out as it is.
func TestExecutionIsAFixedPoint(t *testing.T) {
	worlds(t, 500, func(seed int64) string {
		rows := naive.Random(rand.New(rand.NewPCG(uint64(seed), 7)), naive.GenOptions{Loose: seed%3 == 2})
		once, _, _ := executed(t, rows, 64, replay.ExecuteOptions{})
		twice, _, _ := executed(t, once, 64, replay.ExecuteOptions{})
		if slices.Equal(once, twice) {
			return ""
		}
		i := 0
		for i < min(len(once), len(twice)) && once[i] == twice[i] {
			i++
		}
		told(t, once, twice)
		return fmt.Sprintf("differs from row %d of %d\nonce\n%stwice\n%s", i, len(once),
			dump(once[i:min(i+3, len(once))]), dump(twice[i:min(i+3, len(twice))]))
	})
}

// TestExecutionOfFaults executes histories in which somebody breaks a rule. What NDIS broke is
// not in the outcome.
func TestExecutionOfFaults(t *testing.T) {
	worlds(t, 1000, func(seed int64) string {
		rows := naive.Random(rand.New(rand.NewPCG(uint64(seed), 9)), naive.GenOptions{Loose: seed%3 == 2, Faults: 1})
		for _, o := range []replay.ExecuteOptions{{}, {ExecOptions: replay.ExecOptions{Seed: uint64(seed)}}, {CallManager: replay.CallManagerReference},
			{CallManager: replay.CallManagerReference, Limits: replay.CallManagerLimits{MaxOpens: 1, Pend: 2}}} {
			out, _, _ := executed(t, rows, 64, o)
			r := check(t, out, replay.Options{}, replay.End{})
			bad := blamed(r, rule.NDIS)
			if len(r.Defects) > 0 {
				bad = append(bad, fmt.Sprint(r.Defects))
			}
			if len(bad) > 0 {
				told(t, rows, out)
				return fmt.Sprintf("seed %d, %v: %s", o.Seed, o.CallManager, strings.Join(bad, "\n"))
			}
		}
		return ""
	})
}

// TestExecutedBatches executes in batches of several sizes: the rows are the same.
func TestExecutedBatches(t *testing.T) {
	for seed := int64(1); seed <= 200; seed++ {
		rows := naive.Random(rand.New(rand.NewPCG(uint64(seed), 7)), naive.GenOptions{Loose: seed%3 == 2, Faults: int(seed % 2)})
		for _, ahead := range []int{0, 20} {
			o := replay.ExecuteOptions{Ahead: ahead, ExecOptions: replay.ExecOptions{Seed: uint64(seed % 3)}}
			want, _, _ := executed(t, rows, 1<<12, o)
			for _, size := range []int{1, 7} {
				o.BatchRows = size
				if got, _, _ := executed(t, rows, size, o); !slices.Equal(got, want) {
					t.Fatalf("history %d, batches of %d rows: another outcome", seed, size)
				}
			}
		}
	}
}

// TestExecutedOnManyProcessors executes at the same time on one processor and on many: the
// outcome is the same.
func TestExecutedOnManyProcessors(t *testing.T) {
	rows := naive.Random(rand.New(rand.NewPCG(5, 7)), naive.GenOptions{Calls: 60})
	o := replay.ExecuteOptions{ExecOptions: replay.ExecOptions{Seed: 3}}
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	want, _, _ := executed(t, rows, 64, o)
	for _, n := range []int{1, 8} {
		runtime.GOMAXPROCS(n)
		if got, _, _ := executed(t, rows, 64, o); !slices.Equal(got, want) {
			t.Errorf("another outcome with GOMAXPROCS %d", n)
		}
	}
}

// TestSeedsChooseOrders says that some seeds lead to other rows than the documented order.
func TestSeedsChooseOrders(t *testing.T) {
	s, err := scenario.Compile("seeds", host+"cl: bind A\ncl2: bind A\ncm: bind A\n  register A Q2931\n  register A TAPI\n")
	if err != nil {
		t.Fatal(err)
	}
	documented, _, _ := executed(t, s.Events, 64, replay.ExecuteOptions{})
	others := 0
	for seed := uint64(1); seed <= 20; seed++ {
		rows, _, _ := executed(t, s.Events, 64, replay.ExecuteOptions{ExecOptions: replay.ExecOptions{Seed: seed}})
		if !slices.Equal(rows, documented) {
			others++
		}
	}
	if others == 0 {
		t.Error("every seed gives the documented order")
	}
}

// incoming says that fn offers a client a call, or connects it.
func incoming(fn ndis.Func) bool {
	switch fn {
	case ndis.NdisCmDispatchIncomingCall, ndis.NdisMCmDispatchIncomingCall, ndis.NdisCmDispatchCallConnected, ndis.NdisMCmDispatchCallConnected:
		return true
	}
	return false
}

// overfull says that a client closed an AF with live SAPs or VCs.
func overfull(r *replay.Result) bool {
	return slices.ContainsFunc(r.Findings, func(f replay.Finding) bool { return f.Rule == rule.CLOSE02 })
}

// TestReferenceCallManagerKeepsTheRules executes legal histories with the reference call manager
// in place of the recorded ones: nothing is found against it. What stays of the recorded call
// managers, their registrations, calls to clients and what they do when they leave, is not its business.
func TestReferenceCallManagerKeepsTheRules(t *testing.T) {
	worlds(t, 1000, func(seed int64) string {
		rows := naive.Random(rand.New(rand.NewPCG(uint64(seed), 7)), naive.GenOptions{Busy: seed%2 == 0})
		for _, limits := range []replay.CallManagerLimits{{}, {Pend: 2}, {MaxOpens: 2, Pend: 3}, {Memory: 1000}} {
			out, _, _ := executed(t, rows, 64, replay.ExecuteOptions{CallManager: replay.CallManagerReference, Limits: limits})
			r := check(t, out, replay.Options{}, replay.End{})
			bad := blamed(r, rule.NDIS)
			for i := range r.Findings {
				f := &r.Findings[i]
				switch g := f.Rule.Rule().Group; {
				case f.AtFault != rule.CallManager || f.Severity != rule.Error:
				case incoming(out[f.Seq-1].Function):
					// Calls in this direction are made by the recorded call manager.
				case f.Rule == rule.CLOSE05 && overfull(r):
					// The client closed the AF with live objects, and never ended them.
				case g == "OPEN", g == "SAP", g == "PARTY", g == "QOS", g == "CALL", g == "VC",
					f.Rule == rule.CLOSE04, f.Rule == rule.CLOSE05, f.Rule == rule.CLOSE20:
					bad = append(bad, scenario.FindingLine(f))
				}
			}
			if len(bad) > 0 {
				told(t, rows, out)
				return fmt.Sprintf("%+v: %s", limits, strings.Join(bad, "\n"))
			}
		}
		return ""
	})
}
