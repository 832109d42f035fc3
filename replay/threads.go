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
	lastOf  thread
	free    []*stack
	sweepAt int // so many stacks, and those without calls are let go
}

const minSweep = 1 << 10

func (t *threads) stack(of thread) *stack {
	if t.last != nil && t.lastOf == of {
		return t.last
	}
	return t.find(of)
}

func (t *threads) find(of thread) *stack {
	k := key{kindThread<<56 | uint64(of.pid), of.tid}
	if !of.known {
		k.space |= 1 << 48
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
	t.last, t.lastOf = s, of
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

// callTable finds the calls that have not returned by their id: a hash table whose chains go
// through the calls themselves, for what every row asks. It has more chains than calls.
type callTable struct {
	heads []*call
	n     int
	shift uint
}

// chain is the place of the first call of those whose id hashes like this one. Ids that
// follow each other are spread.
func (t *callTable) chain(id uint64) **call { return &t.heads[id*0x9e3779b97f4a7c15>>t.shift] }

func (t *callTable) get(ns, id uint64) *call {
	if t.n == 0 {
		return nil
	}
	cl := *t.chain(id)
	for cl != nil && (cl.id != id || cl.ns != ns) {
		cl = cl.behind
	}
	return cl
}

// add says whether there was none of that id and namespace.
func (t *callTable) add(cl *call) bool {
	if 2*t.n >= len(t.heads) {
		t.grow()
	}
	head := t.chain(cl.id)
	if *head != nil && t.get(cl.ns, cl.id) != nil {
		return false
	}
	cl.behind, *head = *head, cl
	t.n++
	return true
}

func (t *callTable) del(cl *call) {
	if t.n == 0 {
		return
	}
	p := t.chain(cl.id)
	for *p != cl {
		if *p == nil {
			return
		}
		p = &(*p).behind
	}
	*p = cl.behind
	t.n--
}

func (t *callTable) grow() {
	old := t.heads
	t.heads = make([]*call, max(256, 2*len(old)))
	t.shift = uint(64 - bits.TrailingZeros(uint(len(t.heads))))
	for _, cl := range old {
		for cl != nil {
			next, head := cl.behind, t.chain(cl.id)
			cl.behind, *head = *head, cl
			cl = next
		}
	}
}
