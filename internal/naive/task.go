package naive

import (
	"iter"
	"math/rand/v2"
	"slices"

	"github.com/aftrace/aftrace/format/ndis"
)

// task is one activity on a thread. Tasks run one at a time; a task goes on until its
// next row is written, then another may be chosen. What a task does between two rows is
// therefore one step that no other task sees half done.
type task struct {
	s     *sim
	tid   uint64
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	ready func() bool // nil: it can go on
	idle  bool        // it goes on when little else is left to do
	marks []Planted   // findings that the next row of the task will carry
}

type stopped struct{}

// spawn adds a task on a thread of its own: a new one, or one that has become free.
func (s *sim) spawn(body func(*task)) {
	t := &task{s: s}
	if len(s.free) > 0 && s.chance(40) {
		i := s.rng.IntN(len(s.free))
		t.tid = s.free[i]
		s.free = slices.Delete(s.free, i, i+1)
	} else {
		s.tids++
		t.tid = s.tids
	}
	t.next, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		defer func() {
			if r := recover(); r != nil && r != (stopped{}) {
				panic(r)
			}
		}()
		t.yield = yield
		body(t)
	})
	s.tasks = append(s.tasks, t)
}

// run lets tasks take turns until none can go on. Tasks that wait for something that
// never comes are dropped; their calls never return.
func (s *sim) run() {
	var last *task
	for {
		var can, idle []*task
		for _, t := range s.tasks {
			switch {
			case t.ready != nil && !t.ready():
			case t.idle:
				idle = append(idle, t)
			default:
				can = append(can, t)
			}
		}
		if len(can) == 0 || len(idle) > 0 && s.chance(4) {
			can = idle
		}
		if len(can) == 0 {
			break
		}
		t := can[s.rng.IntN(len(can))]
		if last != nil && s.chance(s.sticky) && slices.Contains(can, last) {
			t = last
		}
		last = t
		t.ready, t.idle = nil, false
		if _, more := t.next(); !more {
			s.tasks = slices.DeleteFunc(s.tasks, func(o *task) bool { return o == t })
			s.free = append(s.free, t.tid)
		}
	}
	for _, t := range s.tasks {
		t.stop()
	}
}

// step lets other tasks run.
func (t *task) step() {
	if !t.yield(struct{}{}) {
		panic(stopped{})
	}
}

// pause lets other tasks run for a while, or not at all.
func (t *task) pause() {
	for n := t.s.rng.IntN(3); n > 0; n-- {
		t.step()
	}
}

// await waits until ok; what follows it is the same step.
func (t *task) await(ok func() bool) {
	if ok() {
		return
	}
	t.ready = ok
	t.step()
}

// linger waits until most else is done.
func (t *task) linger() {
	t.idle = true
	t.step()
}

// enter writes the entry of a call and lets others run.
func (t *task) enter(fn ndis.Func, driver string, cols ...column) *frame {
	t.s.calls++
	f := t.s.enter(t.tid, t.s.delay(), fn, driver, cols)
	t.attach(f.in)
	t.step()
	return f
}

// leave writes the return of a call and lets others run.
func (t *task) leave(f *frame, cols ...column) {
	t.s.leave(f, t.s.delay(), cols)
	t.marks = append(t.marks, f.marks...)
	t.attach(f.out)
	t.step()
}

// call is enter and leave of a call that does nothing in between.
func (t *task) call(fn ndis.Func, driver string, cols ...column) *frame {
	f := t.enter(fn, driver, cols...)
	t.leave(f)
	return f
}

func (t *task) attach(seq uint64) {
	for _, p := range t.marks {
		p.Seq = seq
		t.s.planted = append(t.s.planted, p)
	}
	t.marks = nil
}

func (s *sim) chance(percent int) bool { return s.rng.IntN(100) < percent }

// delay is the time to the next row.
func (s *sim) delay() int64 { return 1 + s.rng.Int64N(400) }

func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }
