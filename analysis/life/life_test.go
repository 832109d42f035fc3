package life

import (
	"fmt"
	"slices"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/gen"
	"github.com/aftrace/aftrace/replay/scenario"
)

// A Follower tells the same lives in the same order, whatever the size of the batches, though
// the batch it is given is used again, and beside another one that has the notes.
func TestLivesAreTheSame(t *testing.T) {
	var events []format.Event
	_, err := gen.Generate(gen.Options{
		Seed: 3, Events: 6000, Adapters: gen.DefaultAdapters, Loss: 0.001, Profile: "churn",
		Emit: func(b *format.Batch) error {
			for i := range b.N {
				var e format.Event
				b.Event(i, &e)
				events = append(events, e)
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	lives := func(size int, beside bool) (list []string) {
		f, first := New(), New()
		f.Ended = func(l *Life) { list = append(list, fmt.Sprintf("%+v", *l)) }
		all := both{f}
		if f.Beside = beside; beside {
			all = both{first, f}
		}
		c := replay.New(replay.Options{Hook: all})
		var b format.Batch
		for part := range slices.Chunk(events, size) {
			b.Reset()
			for i := range part {
				b.Append(&part[i])
			}
			for _, f := range all {
				f.Batch(&b)
			}
			if err := c.Batch(&b); err != nil {
				t.Fatal(err)
			}
		}
		c.Finish(replay.End{})
		f.Finish()
		return list
	}
	want := lives(len(events), false)
	if len(want) < 100 {
		t.Fatalf("%d lives", len(want))
	}
	for _, size := range []int{1, 7, 1000, len(events)} {
		for _, beside := range []bool{false, true} {
			if got := lives(size, beside); !slices.Equal(got, want) {
				t.Errorf("batches of %d, beside %v: %d lives, want %d, or others", size, beside, len(got), len(want))
			}
		}
	}
}

type both []*Follower

func (b both) Span(*replay.Span) {}

func (b both) Row(r *replay.Row) {
	for _, f := range b {
		f.Row(r)
	}
}

// A driver that is loaded again, and an adapter that comes up again under the same handle, are
// new objects: no life of a legal history has rows after its end that do not belong to it.
func TestLoadedAgainIsAnotherLife(t *testing.T) {
	f := New()
	lives := map[string][]Life{}
	f.Ended = func(l *Life) {
		switch l.Kind {
		case replay.DriverObject:
			lives["driver "+l.Driver] = append(lives["driver "+l.Driver], *l)
		case replay.AdapterObject:
			name := fmt.Sprintf("adapter %x", l.Adapter)
			lives[name] = append(lives[name], *l)
		}
	}
	c := replay.New(replay.Options{Hook: f})
	_, err := gen.Generate(gen.Options{
		Seed: 5, Events: 60_000, Adapters: 2, Profile: "churn",
		Emit: func(b *format.Batch) error {
			f.Batch(b)
			return c.Batch(b)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Finish(replay.End{})
	f.Finish()
	again := map[replay.ObjectKind]int{}
	for name, list := range lives {
		for i, l := range list {
			if l.End.Seen() && l.End.Seq < l.Ready.Seq {
				t.Errorf("%s: life %d ended in row %d, before it was ready in row %d", name, i, l.End.Seq, l.Ready.Seq)
			}
			if i > 0 {
				again[l.Kind]++
				if before := list[i-1]; before.Key == l.Key || before.End.Seq > l.First.Seq {
					t.Errorf("%s: life %d began in row %d as %v, life %d ended in row %d as %v", name, i, l.First.Seq, l.Key, i-1, before.End.Seq, before.Key)
				}
			}
			if i < len(list)-1 && l.Last.Seq > l.End.Seq+2 { // the unloading of the miniport that owns it may follow
				t.Errorf("%s: life %d ended in row %d, and has rows until %d", name, i, l.End.Seq, l.Last.Seq)
			}
		}
	}
	if again[replay.DriverObject] < 3 {
		t.Errorf("drivers that were loaded again: %d; adapters that came up again: %d", again[replay.DriverObject], again[replay.AdapterObject])
	}
	t.Logf("again: %v", again)
}

// The handle of a halted adapter can come back: that is another adapter.
func TestAdapterUnderTheSameHandle(t *testing.T) {
	s, err := scenario.Compile(t.Name(), `adapter A mcm
miniport: init A
miniport: halt A
miniport: init A
miniport: halt A
`)
	if err != nil {
		t.Fatal(err)
	}
	var lives []Life
	f := New()
	f.Ended = func(l *Life) {
		if l.Kind == replay.AdapterObject {
			lives = append(lives, *l)
		}
	}
	var b format.Batch
	for i := range s.Events {
		b.Append(&s.Events[i])
	}
	c := replay.New(replay.Options{Hook: f})
	f.Batch(&b)
	if err := c.Batch(&b); err != nil {
		t.Fatal(err)
	}
	c.Finish(replay.End{})
	f.Finish()
	if len(lives) != 2 || lives[0].Adapter != lives[1].Adapter || lives[0].ID == lives[1].ID || lives[0].Last.Seq >= lives[1].First.Seq {
		t.Errorf("want two lives of one handle, one after the other: %+v", lives)
	}
}
