package timing

import (
	"testing"

	"github.com/aftrace/aftrace/analysis/life"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/scenario"
)

// bringUps are the rows of the bring-ups in a scenario.
func bringUps(t *testing.T, text string) (list [][2]uint64) {
	t.Helper()
	s, err := scenario.Compile(t.Name(), text)
	if err != nil {
		t.Fatal(err)
	}
	follow := life.New()
	x := New().Attach(follow)
	x.Told = func(i Interval, from, to life.At, _ *life.Life) {
		if i == BringUp {
			list = append(list, [2]uint64{from.Seq, to.Seq})
		}
	}
	var b format.Batch
	for i := range s.Events {
		b.Append(&s.Events[i])
	}
	c := replay.New(replay.Options{Hook: follow})
	x.Batch(&b)
	if err := c.Batch(&b); err != nil {
		t.Fatal(err)
	}
	c.Finish(replay.End{})
	follow.Finish()
	return list
}

// A miniport call manager registers before its adapter is up, and each time that the adapter
// comes up is another bring-up.
func TestBringUpOfAMiniportCallManager(t *testing.T) {
	life := `wan: init M
  register M TAPI_PROXY
cl: bind M
cl: notify M TAPI_PROXY
  open M TAPI_PROXY af1
cl: close af1
cl: unbind M
wan: halt M
`
	list := bringUps(t, "adapter M mcm wan\ndriver cl client\n\n"+life+life)
	if len(list) != 2 || list[0][0] >= list[0][1] || list[0][1] >= list[1][0] || list[1][0] >= list[1][1] {
		t.Errorf("rows of the bring-ups %v, want two of them, one after the other", list)
	}
}

// A call manager that binds registers once the adapter is up; only the first open counts.
func TestBringUpOfACallManager(t *testing.T) {
	list := bringUps(t, `adapter A
driver cm call-manager
driver cl client

cm: bind A
  register A Q2931
cl: bind A
cl: notify A Q2931
  open A Q2931 af1
cl: close af1
cl: open A Q2931 af2
`)
	if len(list) != 1 {
		t.Errorf("rows of the bring-ups %v, want one", list)
	}
}
