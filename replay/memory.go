package replay

// fifo is a queue that reuses its memory.
type fifo[T any] struct {
	items []T
	head  int
	n     int
}

func (f *fifo[T]) push(v T) {
	if f.n == len(f.items) {
		grown := make([]T, max(16, 2*f.n))
		for i := 0; i < f.n; i++ {
			grown[i] = f.items[(f.head+i)%len(f.items)]
		}
		f.items, f.head = grown, 0
	}
	f.items[(f.head+f.n)%len(f.items)] = v
	f.n++
}

// at returns element i, counted from the oldest.
func (f *fifo[T]) at(i int) *T { return &f.items[(f.head+i)%len(f.items)] }

func (f *fifo[T]) pop() (v T) {
	v = f.items[f.head]
	var zero T
	f.items[f.head] = zero
	f.head = (f.head + 1) % len(f.items)
	f.n--
	return v
}

// Limits on what is remembered of objects that are gone. Past them a handle that comes up
// again is unknown, and what would follow from that is inconclusive.
const (
	defaultMaxDead  = 1 << 15 // AF opens
	maxDeadBindings = 1 << 12
	maxDeadAttempts = 1 << 12
	maxDeadAdapters = 1 << 12
)

// deadOpen is what stays of an AF open after everything about it has ended: enough to
// recognise a use of its handle or a further completion.
type deadOpen struct {
	keys        [3]key // handle, client's context, call manager's context
	id          uint64
	adapter     uint64
	clientLabel uint32
	mgrLabel    uint32
	failed      bool
	failedAt    ev
	opened      ev
	reopened    bool
	closeMark   mark
	cmDone      mark
	clOpen      deadOp
	cmOpen      deadOp
	clClose     deadOp
	cmClose     deadOp
	clNotify    deadOp
	cmNotify    deadOp
}

// bury moves o, about which nothing more can legally come, to the dead.
func (c *Checker) bury(o *afOpen) {
	d := deadOpen{
		id: o.id, clientLabel: c.clientLabel(o), mgrLabel: o.mgrLabel,
		failed: o.state == afDead, failedAt: o.cmFinalAt, opened: o.openEnter, reopened: o.reopened,
		closeMark: o.closeMark, cmDone: o.cmDone,
		clOpen: o.clOpen.dead(), cmOpen: o.cmOpen.dead(), clClose: o.clClose.dead(), cmClose: o.cmClose.dead(),
		clNotify: o.clNotify.dead(), cmNotify: o.cmNotify.dead(),
	}
	if !d.failedAt.seen() {
		d.failedAt = o.clFinalAt
	}
	if o.adapter != nil {
		d.adapter = o.adapter.id
	}
	if o.hasHdl {
		d.keys[0] = key{kindAF<<56 | o.ns, o.handle}
		c.opens.delIf(d.keys[0], o)
	}
	if o.alias != 0 {
		c.opens.delIf(key{kindAF<<56 | o.ns, o.alias}, o)
	}
	if o.hasClCtx {
		d.keys[1] = key{kindClientAF<<56 | o.ns, o.clientCtx}
		c.dropClientContext(o)
	}
	if o.hasMgrCtx {
		d.keys[2] = key{kindManagerAF<<56 | o.ns, o.managerCt}
		c.dropManagerContext(o)
	}
	c.orphanVCs(o)
	c.orphan(o)
	c.unlinkOpen(o)
	if c.graves.n == c.maxDead {
		old := c.graves.pop()
		c.evicted = true
		for _, k := range old.keys {
			if k.space != 0 {
				c.dead.delIf(k, c.firstGrave)
			}
		}
		c.firstGrave++
	}
	number := c.firstGrave + uint64(c.graves.n)
	for _, k := range d.keys {
		if k.space != 0 {
			c.dead.put(k, number)
		}
	}
	c.graves.push(d)
	o.id = 0
	c.freeOpens = append(c.freeOpens, o)
}

// exhume finds the latest dead AF open that k named.
func (c *Checker) exhume(k key) *deadOpen {
	number, ok := c.dead.get(k)
	if !ok {
		return nil
	}
	return c.graves.at(int(number - c.firstGrave))
}
