package replay

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
