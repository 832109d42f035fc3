package gen

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// size is how many events a test of all profiles generates: a million, or what AFTRACE_NIGHTLY
// says (1 stands for ten million).
func size(t *testing.T) uint64 {
	if testing.Short() {
		return 200_000
	}
	switch s := os.Getenv("AFTRACE_NIGHTLY"); s {
	case "":
		return 1_000_000
	case "1":
		return 10_000_000
	default:
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil || n == 0 {
			t.Fatalf("AFTRACE_NIGHTLY=%s: want a number of events", s)
		}
		return n
	}
}

// TestNoFalseAlarm: nothing is found in legal histories, and they conform.
func TestNoFalseAlarm(t *testing.T) {
	for _, p := range plots {
		t.Run(p.name, func(t *testing.T) {
			n, found, r := events(t, Options{Seed: 42, Events: size(t) / uint64(len(plots)), Profile: p.name, Adapters: 5})
			for i := range min(found, 10) {
				t.Errorf("%s: %s", r.Findings[i].ID(), r.Findings[i].Message)
			}
			if r.Verdict != replay.Conforms || len(r.Defects) > 0 {
				t.Errorf("%v, defects %v", r.Verdict, r.Defects)
			}
			t.Logf("%d events, %d findings", n, found)
		})
	}
}

// TestReferenceCallManagerServes: with the reference call manager in place of the generated ones,
// whatever its limits, nobody breaks a rule: what it refuses or answers late makes no client
// look guilty.
func TestReferenceCallManagerServes(t *testing.T) {
	for _, p := range plots {
		for _, limits := range []replay.CallManagerLimits{{}, {Pend: 1}, {MaxOpens: 5, Pend: 3}, {Memory: 2000, Pend: 4}, {Memory: 500, MaxOpens: 2}} {
			t.Run(fmt.Sprintf("%s %+v", p.name, limits), func(t *testing.T) {
				o := replay.ExecuteOptions{CallManager: replay.CallManagerReference, Limits: limits}
				o.Emit = func(*format.Batch) error { return nil }
				x := replay.Execute(o)
				_, err := Generate(Options{Seed: 11, Events: 40_000, Profile: p.name, Emit: x.Batch})
				if err != nil {
					t.Fatal(err)
				}
				r, _, err := x.Finish(replay.End{})
				if err != nil {
					t.Fatal(err)
				}
				for i := range r.Findings {
					t.Errorf("%s: %s", r.Findings[i].ID(), r.Findings[i].Message)
				}
			})
		}
	}
}

// TestRulesAreAtWork: a legal history gives most rules something to judge.
func TestRulesAreAtWork(t *testing.T) {
	checked := map[string]bool{}
	for _, p := range plots {
		_, _, r := events(t, Options{Seed: 3, Events: 40_000, Profile: p.name})
		for _, n := range r.Rules {
			if n.Checked > 0 {
				checked[n.Rule.String()] = true
			}
		}
	}
	if len(checked) < 120 {
		t.Errorf("only %d rules had something to judge", len(checked))
	}
}

var golden = Options{Seed: 7, Events: 30_000, Profile: "churn", Adapters: 3, Loss: 0.01, Faults: Every(0.002)}

// digest is that of the file that o gives, and of what was planted.
func digest(t testing.TB, o Options) string {
	t.Helper()
	h, truth := sha256.New(), sha256.New()
	w, err := format.NewWriter(h, format.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	o.Emit = w.WriteBatch
	o.Planted = func(p *Planted) error { _, err := fmt.Fprintf(truth, "%+v\n", *p); return err }
	if _, err := Generate(o); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x %x", h.Sum(nil), truth.Sum(nil))
}

// TestSameBytes: the same options give the same bytes, whatever the batches and the processors.
func TestSameBytes(t *testing.T) {
	want := digest(t, golden)
	for _, n := range []int{1, 7, 1000, 100_000} {
		o := golden
		o.BatchRows = n
		if got := digest(t, o); got != want {
			t.Errorf("batches of %d rows: %s, want %s", n, got, want)
		}
	}
	for _, n := range []int{1, 8} {
		old := runtime.GOMAXPROCS(n)
		got := digest(t, golden)
		runtime.GOMAXPROCS(old)
		if got != want {
			t.Errorf("GOMAXPROCS=%d: %s, want %s", n, got, want)
		}
	}
	o := golden
	o.Seed++
	if digest(t, o) == want {
		t.Error("another seed gives the same bytes")
	}
}

// TestSameBytesEverywhere: another architecture gives the same bytes.
func TestSameBytesEverywhere(t *testing.T) {
	if os.Getenv("AFTRACE_DIGEST") != "" {
		fmt.Println("digest", digest(t, golden))
		return
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the other architecture is emulated on linux/amd64")
	}
	qemu, err := exec.LookPath("qemu-aarch64")
	if err != nil {
		if qemu, err = exec.LookPath("qemu-aarch64-static"); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal("qemu-aarch64 is missing (Debian package qemu-user)")
			}
			t.Skip("qemu-aarch64 is not installed (Debian package qemu-user)")
		}
	}
	bin := filepath.Join(t.TempDir(), "gen.test")
	build := exec.Command("go", "test", "-c", "-o", bin, ".")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := exec.Command(qemu, bin, "-test.run", "^TestSameBytesEverywhere$", "-test.v")
	run.Env = append(os.Environ(), "AFTRACE_DIGEST=1")
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if want := "digest " + digest(t, golden); !strings.Contains(string(out), want) {
		t.Errorf("want %s, got\n%s", want, out)
	}
}

// TestLoss: lost events are told of, and what was planted among them is said to be lost.
func TestLoss(t *testing.T) {
	lost, gaps := uint64(0), uint64(0)
	o := Options{Seed: 1, Events: 100_000, Loss: 0.05, Faults: Every(0.01)}
	told := 0
	o.Planted = func(p *Planted) error {
		if p.Lost != (p.Seq == 0) {
			t.Errorf("%+v", p)
		}
		if p.Lost {
			told++
		}
		return nil
	}
	o.Emit = func(b *format.Batch) error {
		for i, p := range b.Phase[:b.N] {
			if p == format.PhaseGap {
				gaps++
				lost += b.Lost[i]
			}
		}
		return nil
	}
	s, err := Generate(o)
	if err != nil {
		t.Fatal(err)
	}
	if lost != s.Lost || gaps != s.Gaps || told == 0 {
		t.Errorf("%d lost in %d gaps, told %d in %d; %d faults lost", lost, gaps, s.Lost, s.Gaps, told)
	}
	if share := float64(lost) / float64(lost+s.Rows); share < 0.025 || share > 0.1 {
		t.Errorf("%.3f of the events are lost, want about 0.05", share)
	}
}

func TestBadOptions(t *testing.T) {
	for want, o := range map[string]Options{
		"0 events":          {},
		"adapters":          {Events: 1, Adapters: -1},
		"loss":              {Events: 1, Loss: 1.5},
		"rate":              {Events: 1, Faults: []FaultRate{{1, -0.1}}},
		"unknown":           {Events: 1, Faults: []FaultRate{{60000, 0.1}}},
		"no profile":        {Events: 1, Profile: "lan"},
		"cannot be planted": {Events: 1, Faults: []FaultRate{{rule.REG10, 0}}},
	} {
		if _, err := Generate(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q in it", o, err, want)
		}
	}
}

// TestErrorsOfTheOutput end the generation.
func TestErrorsOfTheOutput(t *testing.T) {
	_, err := Generate(Options{Events: 10_000, Emit: func(*format.Batch) error { return io.ErrShortWrite }})
	if err != io.ErrShortWrite {
		t.Errorf("%v", err)
	}
	if _, err := Generate(Options{Events: 10_000, Stop: func() bool { return true }}); err != replay.ErrStopped {
		t.Errorf("%v", err)
	}
}

// BenchmarkGenerate generates and writes legal histories.
func BenchmarkGenerate(b *testing.B) {
	for _, p := range plots {
		b.Run(p.name, func(b *testing.B) {
			var rows uint64
			for b.Loop() {
				w, err := format.NewWriter(io.Discard, format.WriterOptions{})
				if err != nil {
					b.Fatal(err)
				}
				s, err := Generate(Options{Seed: uint64(b.N), Events: 1_000_000, Profile: p.name, Emit: w.WriteBatch})
				if err != nil {
					b.Fatal(err)
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
				rows += s.Rows
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}
