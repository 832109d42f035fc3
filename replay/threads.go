package replay

import "math/bits"

// stack is the calls of one thread that have not returned.
type stack struct {
	top *call // the innermost
}

// threads finds the stack of a thread. Stacks without calls are kept, up to a bound: a
// thread that made one call mostly makes more.
type threads struct {
	by      table[*stack]
	last    *stack // the one that was asked for last
	lastKey key
	free    []*stack
	sweepAt int // so many stacks, and those without calls are let go
}

const minSweep = 1 << 10

func (t *threads) stack(k key) *stack {
	if t.last != nil && t.lastKey == k {
		return t.last
	}
	return t.find(k)
}

func (t *threads) find(k key) *stack {
	s, ok := t.by.get(k)
	if !ok {
		if t.by.n >= max(t.sweepAt, minSweep) {
			t.sweep()
		}
		if n := len(t.free); n > 0 {
			s, t.free = t.free[n-1], t.free[:n-1]
		} else {
			s = new(stack)
		}
		t.by.put(k, s)
	}
	t.last, t.lastKey = s, k
	return s
}

// sweep lets go of the stacks without calls.
func (t *threads) sweep() {
	slots := t.by.slots
	t.by.slots, t.by.n = make([]slot[*stack], len(slots)), 0
	for i := range slots {
		switch s := &slots[i]; {
		case s.key.space == 0:
		case s.val.top == nil:
			t.free = append(t.free, s.val)
		default:
			t.by.put(s.key, s.val)
		}
	}
	t.sweepAt = 2 * t.by.n
}

// callTable finds the calls that have not returned by their id: a hash table like table,
// for what every row asks.
type callTable struct {
	slots []callSlot
	n     int
	shift uint
}

type callSlot struct {
	id uint64
	cl *call // nil: empty
}

// home spreads ids that follow each other.
func (t *callTable) home(id uint64) int { return int(id * 0x9e3779b97f4a7c15 >> t.shift) }

func (t *callTable) get(ns, id uint64) *call {
	if t.n == 0 {
		return nil
	}
	mask := len(t.slots) - 1
	for i := t.home(id); ; i = (i + 1) & mask {
		if s := &t.slots[i]; s.cl == nil || s.id == id && s.cl.ns == ns {
			return s.cl
		}
	}
}

// add says whether there was none of that id and namespace.
func (t *callTable) add(cl *call) bool {
	if 4*t.n >= len(t.slots) {
		t.grow()
	}
	mask := len(t.slots) - 1
	for i := t.home(cl.id); ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.cl == nil {
			s.id, s.cl = cl.id, cl
			t.n++
			return true
		}
		if s.id == cl.id && s.cl.ns == cl.ns {
			return false
		}
	}
}

func (t *callTable) del(cl *call) {
	if t.n == 0 {
		return
	}
	mask := len(t.slots) - 1
	i := t.home(cl.id)
	for t.slots[i].cl != cl {
		if t.slots[i].cl == nil {
			return
		}
		i = (i + 1) & mask
	}
	t.n--
	for j := (i + 1) & mask; t.slots[j].cl != nil; j = (j + 1) & mask {
		if (j-t.home(t.slots[j].id))&mask >= (j-i)&mask {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = callSlot{}
}

func (t *callTable) grow() {
	old := t.slots
	t.slots = make([]callSlot, max(256, 2*len(old)))
	t.shift = uint(64 - bits.TrailingZeros(uint(len(t.slots))))
	t.n = 0
	for i := range old {
		if old[i].cl != nil {
			t.add(old[i].cl)
		}
	}
}
