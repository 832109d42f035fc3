package replay_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// interleavings lists the orders of the entries and returns of n calls: a call is named when it is
// entered and again when it returns.
func interleavings(n int) (all [][]int) {
	var next func(at []int, seen []int)
	next = func(at, seen []int) {
		if len(at) == 2*n {
			all = append(all, slices.Clone(at))
			return
		}
		for i := range n {
			if seen[i] < 2 {
				seen[i]++
				next(append(at, i), seen)
				seen[i]--
			}
		}
	}
	next(nil, make([]int, n))
	return all
}

// TestCrossingClaims executes registrations of one AF by several call managers in every
// interleaving, with every combination of recorded answers: one of them holds the AF, whoever it is
// (REG-02, REG-14).
func TestCrossingClaims(t *testing.T) {
	const managers = "driver cm0 call-manager\ndriver cm1 call-manager\ndriver cm2 call-manager\n"
	for _, c := range []struct {
		name, head string
		n          int
		mcm        bool
	}{
		{"two", "adapter A\n" + managers + "cm0: bind A\ncm1: bind A\n", 2, false},
		{"three", "adapter A\n" + managers + "cm0: bind A\ncm1: bind A\ncm2: bind A\n", 3, false},
		{"one of a miniport", "adapter A mcm up\n" + managers + "cm1: bind A\n", 2, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, order := range interleavings(c.n) {
				for answers := range 1 << c.n {
					var text strings.Builder
					text.WriteString(c.head)
					seen := map[int]bool{}
					for _, i := range order {
						who := fmt.Sprint("cm", i)
						if c.mcm && i == 0 {
							who = "miniport"
						}
						status := ""
						if answers>>i&1 == 1 {
							status = " -> FAILURE"
						}
						if seen[i] {
							fmt.Fprintf(&text, "%s/%d<%s\n", who, i+2, status)
						} else {
							fmt.Fprintf(&text, "%s/%d> register A Q2931\n", who, i+2)
						}
						seen[i] = true
					}
					for _, seed := range []uint64{0, 1, 2, 3} {
						p := executePage(t, text.String(), replay.ExecuteOptions{ExecOptions: replay.ExecOptions{Seed: seed}})
						st := append(p.statuses(cmRegister, ""), p.statuses(mcmRegister, "")...)
						held := 0
						for _, s := range st {
							if s == ndis.StatusSuccess {
								held++
							} else if s != ndis.StatusFailure {
								t.Errorf("a registration returns %v", s)
							}
						}
						if len(st) != c.n || held != 1 {
							t.Fatalf("seed %d: answered %v\n%s", seed, st, &text)
						}
						if len(blamed(check(t, p.rows, replay.Options{}, replay.End{}), rule.NDIS)) > 0 {
							t.Errorf("seed %d\n%s", seed, &text)
						}
					}
				}
			}
		})
	}
}

// claimants are call managers that nobody recorded: each claims the same AF on a thread of its
// own, and order says when the claims are made and when they may be answered.
type claimants struct {
	*crowd
	threads  []*replay.Thread
	bindings []uint64
	order    []int
	answers  []ndis.Status
}

// moment is when claim i is made (0), and when it may be answered (1).
func (c *claimants) moment(i, which int) uint64 {
	for at, j := range c.order {
		if j == i {
			if which == 0 {
				return 1000 + uint64(at)
			}
			which--
		}
	}
	return 0
}

func (c *claimants) Next(f *replay.Frame, a *replay.Act) (replay.Step, uint64) {
	i := slices.Index(c.threads, f.Thread())
	if i < 0 {
		return c.crowd.Next(f, a)
	}
	if f.Step++; f.Step > 1 {
		return replay.StepWait, 0
	}
	a.Row = register(c.bindings[i], 1)
	return replay.StepCall, c.moment(i, 0)
}

func (c *claimants) Due(f *replay.Frame) (uint64, bool) {
	if i := slices.Index(c.threads, f.Thread()); i >= 0 {
		return c.moment(i, 1), true
	}
	return c.crowd.Due(f)
}

func (c *claimants) Left(f *replay.Frame) {
	if slices.Contains(c.threads, f.Thread()) {
		c.answers = append(c.answers, ndis.Status(f.Result.Status))
	}
	c.crowd.Left(f)
}

// TestCrossingClaimsOfDrivers: the same without a recording, as the generator does it; claims
// that are answered at the same moment too.
func TestCrossingClaimsOfDrivers(t *testing.T) {
	for n := 2; n <= 3; n++ {
		for _, order := range append(interleavings(n), nil) {
			c := &claimants{crowd: &crowd{}, order: order}
			c.x = replay.NewExecutor(replay.ExecOptions{}, c)
			c.main, c.cm = c.x.Spawn(1).Base(), c.x.Spawn(2)
			c.do(t, format.Event{Function: ndis.MiniportInitializeEx, Driver: "nic", Adapter: 0xa000, Detail: `{"co":true,"miniport_context":"0xa001","role":"miniport"}`,
				Has: format.HasDriver | format.HasAdapter | format.HasDetail})
			for i := range n {
				c.bindings = append(c.bindings, c.bind(t, "cm", i))
			}
			for i := range n {
				c.threads = append(c.threads, nil)
				c.threads[i] = c.x.Spawn(uint64(100 + i))
			}
			for _, th := range c.threads {
				c.x.Wake(th.Base())
			}
			if err := c.x.Run(replay.Forever); err != nil {
				t.Fatal(err)
			}
			r, err := c.x.Finish(replay.End{})
			if err != nil {
				t.Fatal(err)
			}
			held := 0
			for _, s := range c.answers {
				if s == ndis.StatusSuccess {
					held++
				}
			}
			if len(c.answers) != n || held != 1 || len(blamed(r, rule.NDIS)) > 0 {
				t.Errorf("order %v: answered %v, %v", order, c.answers, blamed(r, rule.NDIS))
			}
		}
	}
}
