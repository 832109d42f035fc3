package life

import (
	"fmt"
	"slices"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/gen"
)

// A Follower that follows behind tells the same lives in the same order, whatever the size of
// the batches, and though the batch it is given is used again.
func TestBehindIsTheSame(t *testing.T) {
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
	lives := func(size int, behind bool) (list []string) {
		f := New()
		f.Ended = func(l *Life) { list = append(list, fmt.Sprintf("%+v", *l)) }
		var o interface {
			Row(*replay.Row)
			Batch(*format.Batch)
			Finish()
		} = f
		if behind {
			o = NewBehind(f)
		}
		c := replay.New(replay.Options{Hook: hook{o}})
		var b format.Batch
		for part := range slices.Chunk(events, size) {
			b.Reset()
			for i := range part {
				b.Append(&part[i])
			}
			o.Batch(&b)
			if err := c.Batch(&b); err != nil {
				t.Fatal(err)
			}
		}
		c.Finish(replay.End{})
		o.Finish()
		return list
	}
	want := lives(len(events), false)
	if len(want) < 100 {
		t.Fatalf("%d lives", len(want))
	}
	for _, size := range []int{1, 7, partRows - 1, partRows, partRows + 1, len(events)} {
		for _, behind := range []bool{false, true} {
			if got := lives(size, behind); !slices.Equal(got, want) {
				t.Errorf("batches of %d, behind %v: %d lives, want %d, or others", size, behind, len(got), len(want))
			}
		}
	}
}

type hook struct{ o interface{ Row(*replay.Row) } }

func (h hook) Span(*replay.Span) {}
func (h hook) Row(r *replay.Row) { h.o.Row(r) }
