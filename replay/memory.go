package replay

import "math/bits"

// fifo is a queue that reuses its memory.
type fifo[T any] struct {
	items []T
	head  int
	n     int
}

func (f *fifo[T]) push(v T) {
	if f.n == len(f.items) {
		grown := make([]T, max(16, 2*f.n)) // a power of two
		k := copy(grown, f.items[f.head:])
		copy(grown[k:], f.items[:f.head])
		f.items, f.head = grown, 0
	}
	f.items[(f.head+f.n)&(len(f.items)-1)] = v
	f.n++
}

// at returns element i, counted from the oldest.
func (f *fifo[T]) at(i int) *T { return &f.items[(f.head+i)&(len(f.items)-1)] }

func (f *fifo[T]) pop() (v T) {
	v = f.items[f.head]
	var zero T
	f.items[f.head] = zero
	f.head = (f.head + 1) & (len(f.items) - 1)
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

// crypt remembers the last so many objects of a kind that are gone, each by up to three
// keys. Graves are numbered in the order of burial. Keys with one hash form a chain, newest
// first; a chain ends at the first grave that is no longer remembered, so that nothing has
// to be done about a grave that goes. Graves are put into the chains when somebody asks for
// one: in a trace without defects hardly anybody does, and most graves are forgotten first.
type crypt[T any] struct {
	pages [][]tomb[T] // made as they are needed
	mask  uint64      // grave n is at place n&mask
	first uint64      // number of the oldest grave
	next  uint64      // and of the one to come
	done  uint64      // and of the first one that is not in the chains
	heads []link      // by hash, the newest
	shift uint
}

// tombsPerPage is a power of two.
const tombsPerPage = 1 << 5

type tomb[T any] struct {
	keys   [3]key
	behind [3]link
	obj    T
}

// link names key i of grave n: 4n+i, as far as it fits. A link that is stale, or was never
// set, leads to a grave with another key or to none, and always further into the past.
type link uint32

// whole is the last one before the given one that l can mean.
func (l link) whole(before uint64) uint64 { return before - 1 - (before-1-uint64(l))&(1<<32-1) }

// dig gives a grave, in place of the oldest one if there are limit already. It holds what was
// in it: the caller sets all of it, and then its keys with name.
func (c *crypt[T]) dig(limit int) (grave *T, evicted bool) {
	if c.mask == 0 {
		c.mask = 1<<bits.Len(uint(max(limit, tombsPerPage)-1)) - 1
	}
	if c.next-c.first >= uint64(limit) {
		c.first++
		evicted = true
	}
	if page := c.next & c.mask / tombsPerPage; page == uint64(len(c.pages)) {
		c.pages = append(c.pages, make([]tomb[T], tombsPerPage))
	}
	t := c.tomb(c.next)
	t.keys = [3]key{}
	c.next++
	return &t.obj, evicted
}

func (c *crypt[T]) tomb(number uint64) *tomb[T] {
	place := number & c.mask
	return &c.pages[place/tombsPerPage][place%tombsPerPage]
}

// name gives the newest grave its key i.
func (c *crypt[T]) name(i int, k key) { c.tomb(c.next - 1).keys[i] = k }

// index puts the graves that are new into the chains.
func (c *crypt[T]) index() {
	c.done = max(c.done, c.first)
	if n := c.next - c.first; 2*n >= uint64(len(c.heads)) {
		// More chains, so that they stay short.
		c.heads = make([]link, max(4*tombsPerPage, 2<<bits.Len64(n)))
		c.shift = uint(64 - bits.TrailingZeros(uint(len(c.heads))))
		c.done = c.first
	}
	for ; c.done < c.next; c.done++ {
		t := c.tomb(c.done)
		for i, k := range t.keys {
			if k.space != 0 {
				head := &c.heads[k.hash()>>c.shift]
				t.behind[i] = *head
				*head = link(4*c.done) + link(i)
			}
		}
	}
}

// find gives the newest grave that k names.
func (c *crypt[T]) find(k key) *T {
	if c.next == c.first {
		return nil
	}
	c.index()
	l, at := c.heads[k.hash()>>c.shift], 4*c.next
	for {
		// One that wraps around is of long ago, too.
		at = l.whole(at)
		n, i := at/4, at%4
		if n-c.first >= c.next-c.first || i == 3 {
			return nil
		}
		t := c.tomb(n)
		if t.keys[i] == k {
			return &t.obj
		}
		l = t.behind[i]
	}
}

// deadOpen is what stays of an AF open after everything about it has ended: enough to
// recognise a use of its handle or a further completion.
type deadOpen struct {
	adapter     uint64
	clientLabel uint32
	mgrLabel    uint32
	failed      bool
	failedAt    ev
	opened      ev
	reopened    bool
	guessed     bool
	closeMark   mark
	cmDone      mark
	clOpen      deadOp
	cmOpen      deadOp
	clClose     deadOp
	cmClose     deadOp
	clNotify    deadOp
	cmNotify    deadOp
}

// boxedOpen is a deadOpen as it is kept: there are many of them, and most are never looked
// at again. The place of its rows in the order of replay is not kept, as it comes before
// whatever asks for it.
type boxedOpen struct {
	rows        [numBoxed]boxedRow
	rest        [numBoxed]uint32 // ev.n of rows[i], but for its place
	clientLabel uint32
	mgrLabel    uint32
	adapter     uint64
	closeRet    int64 // time of the return
	doneRet     int64
	closeThread thread
	doneThread  thread
	closeState  markState
	doneState   markState
	ops         [boxedOps]opState
	failed      bool
	reopened    bool
	guessed     bool
}

type boxedRow struct {
	seq uint64
	ts  int64
}

// rows of a boxedOpen; the first ones are the last rows of its requests.
const (
	boxedClOpen = iota
	boxedCmOpen
	boxedClClose
	boxedCmClose
	boxedClNotify
	boxedCmNotify
	boxedOps // how many requests there are

	boxedFailed = iota - 1
	boxedOpened
	boxedClose
	boxedDone
	numBoxed
)

func (b *boxedOpen) put(i int, e *ev) {
	b.rows[i], b.rest[i] = boxedRow{e.seq, e.ts}, uint32(e.n&evRest)
}

func (b *boxedOpen) request(i int, o *op) {
	b.put(i, o.latest())
	b.ops[i] = o.state
}

func (b *boxedOpen) at(i int) ev { return ev{b.rows[i].seq, b.rows[i].ts, uint64(b.rest[i])} }

func (b *boxedOpen) op(i int) deadOp { return deadOp{b.ops[i], b.at(i)} }

// open takes what is in the box into d.
func (b *boxedOpen) open(d *deadOpen) {
	*d = deadOpen{
		adapter: b.adapter, clientLabel: b.clientLabel, mgrLabel: b.mgrLabel, failed: b.failed, reopened: b.reopened, guessed: b.guessed,
		failedAt: b.at(boxedFailed), opened: b.at(boxedOpened),
		closeMark: mark{enter: b.at(boxedClose), ret: ev{ts: b.closeRet}, thread: b.closeThread, state: b.closeState},
		cmDone:    mark{enter: b.at(boxedDone), ret: ev{ts: b.doneRet}, thread: b.doneThread, state: b.doneState},
		clOpen:    b.op(boxedClOpen), cmOpen: b.op(boxedCmOpen), clClose: b.op(boxedClClose), cmClose: b.op(boxedCmClose),
		clNotify: b.op(boxedClNotify), cmNotify: b.op(boxedCmNotify),
	}
}

// bury moves o, about which nothing more can legally come, to the dead.
func (c *Checker) bury(o *afOpen) {
	d, evicted := c.deadOpens.dig(c.maxDead)
	c.evicted = c.evicted || evicted
	d.clientLabel, d.mgrLabel = c.clientLabel(o), o.mgrLabel
	d.failed, d.reopened, d.guessed = o.state == afDead, o.reopened, o.guessed
	d.put(boxedFailed, &o.cmFinalAt)
	if !o.cmFinalAt.seen() {
		d.put(boxedFailed, &o.clFinalAt)
	}
	d.put(boxedOpened, &o.openEnter)
	d.put(boxedClose, &o.closeMark.enter)
	d.closeRet, d.closeThread, d.closeState = o.closeMark.ret.ts, o.closeMark.thread, o.closeMark.state
	d.put(boxedDone, &o.cmDone.enter)
	d.doneRet, d.doneThread, d.doneState = o.cmDone.ret.ts, o.cmDone.thread, o.cmDone.state
	d.request(boxedClOpen, &o.clOpen)
	d.request(boxedCmOpen, &o.cmOpen)
	d.request(boxedClClose, &o.clClose)
	d.request(boxedCmClose, &o.cmClose)
	d.request(boxedClNotify, &o.clNotify)
	d.request(boxedCmNotify, &o.cmNotify)
	d.adapter = 0
	if o.adapter != nil {
		d.adapter = o.adapter.id
	}
	if o.hasHdl {
		k := key{kindAF<<56 | o.ns, o.handle}
		c.deadOpens.name(0, k)
		c.opens.delIf(k, o)
	}
	if o.alias != 0 {
		c.opens.delIf(key{kindAF<<56 | o.ns, o.alias}, o)
	}
	if o.hasClCtx {
		c.deadOpens.name(1, key{kindClientAF<<56 | o.ns, o.clientCtx})
		c.dropClientContext(o)
	}
	if o.hasMgrCtx {
		c.deadOpens.name(2, key{kindManagerAF<<56 | o.ns, o.managerCt})
		c.dropManagerContext(o)
	}
	c.orphanVCs(o)
	c.orphan(o)
	c.unlinkOpen(o)
	o.id = 0
	c.freeOpens = append(c.freeOpens, o)
}

// exhume finds the latest dead AF open that k named. What it gives is good until the next
// one is exhumed.
func (c *Checker) exhume(k key) *deadOpen {
	b := c.deadOpens.find(k)
	if b == nil {
		return nil
	}
	b.open(&c.exhumed)
	return &c.exhumed
}
