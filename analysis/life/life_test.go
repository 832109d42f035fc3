package life

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/internal/naive"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/gen"
	"github.com/aftrace/aftrace/replay/scenario"
)

// lives are those of rows, as text; every is whether the Follower is told of every row instead
// of those with something new.
func lives(t *testing.T, events []format.Event, size int, every bool) (list []string) {
	f := New()
	f.Ended = func(l *Life) {
		x := *l
		x.Note = replay.Note{Kind: l.Kind, ID: l.ID, Handle: l.Handle, State: l.State, Rows: l.Rows, LastSeq: l.LastSeq, LastTS: l.LastTS}
		x.place = 0
		list = append(list, fmt.Sprintf("%+v", x))
	}
	var hook replay.Hook = f
	if every {
		hook = &everyRow{f: f}
	}
	c := replay.New(replay.Options{Hook: hook})
	var b format.Batch
	for part := range slices.Chunk(events, size) {
		b.Reset()
		for i := range part {
			b.Append(&part[i])
		}
		f.Batch(&b)
		if err := c.Batch(&b); err != nil {
			t.Fatal(err)
		}
	}
	c.Finish(replay.End{})
	f.Finish()
	return list
}

// same compares lives.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("%s: life %d is\n%s\nwant\n%s", what, i, got[i], want[i])
			return
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d lives, want %d", what, len(got), len(want))
	}
}

func generated(t *testing.T, o gen.Options) (events []format.Event) {
	o.Adapters = gen.DefaultAdapters
	o.Emit = func(b *format.Batch) error {
		for i := range b.N {
			var e format.Event
			b.Event(i, &e)
			events = append(events, e)
		}
		return nil
	}
	if _, err := gen.Generate(o); err != nil {
		t.Fatal(err)
	}
	return events
}

// A Follower tells the same lives in the same order, whatever the size of the batches, though
// the batch it is given is used again.
func TestLivesAreTheSame(t *testing.T) {
	events := generated(t, gen.Options{Seed: 3, Events: 6000, Loss: 0.001, Profile: "churn"})
	want := lives(t, events, len(events), true)
	if len(want) < 100 {
		t.Fatalf("%d lives", len(want))
	}
	for _, size := range []int{1, 7, 1000, len(events)} {
		for _, every := range []bool{false, true} {
			same(t, fmt.Sprintf("batches of %d, every row %v", size, every), lives(t, events, size, every), want)
		}
	}
}

// What the replay tells of the rows with something new is all that there is to know: the lives
// are those of a Follower that is told of every row, counts them itself, and looks lives up.
func TestRowsWithNothingNewSayNothing(t *testing.T) {
	histories := map[string][]format.Event{}
	profiles, _ := gen.Profiles()
	for _, p := range profiles {
		for seed := range uint64(3) {
			histories[fmt.Sprintf("gen %s, seed %d", p, seed)] = generated(t, gen.Options{Seed: seed, Events: 10_000, Loss: 0.001 * float64(seed), Profile: p, Faults: gen.Every(float64(seed) * 0.002)})
		}
	}
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 1))
		all := naive.Random(rng, naive.GenOptions{Loose: seed%3 == 2, Busy: seed%5 < 3, Faults: int(seed % 4)})
		histories[fmt.Sprintf("random, seed %d", seed)] = all
		from := rng.IntN(len(all))
		histories[fmt.Sprintf("random, seed %d, from row %d", seed, from)] = all[from:]
		driver := all[from].Driver
		histories[fmt.Sprintf("random, seed %d, without %s", seed, driver)] = slices.DeleteFunc(slices.Clone(all), func(e format.Event) bool { return e.Driver == driver })
	}
	number := 0
	for name, events := range histories {
		if len(events) == 0 {
			continue
		}
		want := lives(t, events, len(events), true)
		number += len(want)
		same(t, name, lives(t, events, len(events), false), want)
	}
	t.Logf("%d lives in %d histories", number, len(histories))
}

// everyRow is no Tracker: it is told of all objects of all rows, and passes them on without
// places for notes, so that the Follower has to search and to count.
type everyRow struct{ f *Follower }

func (e *everyRow) Span(*replay.Span) {}

func (e *everyRow) Row(r *replay.Row) {
	for k := range r.Objects {
		r.Objects[k].Note = nil
	}
	e.f.Row(r)
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
				if before := list[i-1]; before.Key() == l.Key() || before.End.Seq > l.First.Seq {
					t.Errorf("%s: life %d began in row %d as %v, life %d ended in row %d as %v", name, i, l.First.Seq, l.Key(), i-1, before.End.Seq, before.Key())
				}
			}
			if i < len(list)-1 && l.LastSeq > l.End.Seq+2 { // the unloading of the miniport that owns it may follow
				t.Errorf("%s: life %d ended in row %d, and has rows until %d", name, i, l.End.Seq, l.LastSeq)
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
	if len(lives) != 2 || lives[0].Adapter != lives[1].Adapter || lives[0].ID == lives[1].ID || lives[0].LastSeq >= lives[1].First.Seq {
		t.Errorf("want two lives of one handle, one after the other: %+v", lives)
	}
}
