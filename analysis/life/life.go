// Package life follows the objects of a replay through their lives: when each was asked
// for, was ready for use, began to go and was gone. Tables of objects and the intervals that
// users care about (register to notify, notify to open, bring-up) are made of it.
package life

import (
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// At is a row of the trace.
type At struct {
	Seq  uint64
	TS   int64  // ns since the Unix epoch
	Gaps uint64 // gap rows before it
}

// Seen says whether there is such a row: no row has seq 0 and time 0.
func (a At) Seen() bool { return a.Seq != 0 || a.TS != 0 }

// Whole says whether no gap lies between two rows.
func (a At) Whole(to At) bool { return a.Gaps == to.Gaps }

// Until is the time from a row to a later one, in ns. ok is false where time ran backwards, and
// where the two are further apart than a number holds.
func (a At) Until(to At) (ns int64, ok bool) {
	ns = to.TS - a.TS
	return ns, to.TS >= a.TS && ns >= 0
}

// Key names an object.
type Key struct {
	Kind replay.ObjectKind
	ID   uint64
}

// Life is one lifetime of an object. What did not happen, or is not in the trace, is the
// zero At.
type Life struct {
	// What each row touches comes first: it is one line of the processor's cache.
	Key
	Handle  uint64 // 0 if unknown
	Last    At     // its last row
	Rows    uint64
	AFType  uint32
	State   replay.ObjectState // after its last row
	HasAF   bool
	Failed  bool   // it was never ready and is gone: refused, failed
	Cut     bool   // a gap touches its life: what is missing may have happened unseen
	Parent  Key    // what it belongs to; the zero Key (of kind driver) if unknown
	Adapter uint64 // its handle, 0 if unknown
	Driver  string // label of the driver of its first row, "" if unknown
	TID     uint64 // thread of its first row, 0 if unknown

	First   At // its first row: for most objects the call that asks for it
	Pended  At // since when its making pends
	Ready   At // since when it can be used: held, open, bound, connected
	Closing At // since when it goes
	End     At // since when it is gone, refused or failed

	_ [3]uint64 // makes the size one that the allocator aligns to those lines
}

// MaxDead is how many ended objects are remembered for rows that come after their end.
const MaxDead = 1 << 14

// Follower is a replay.Observer that follows objects. Its memory follows the live objects
// and MaxDead ended ones. It is not safe for concurrent use.
type Follower struct {
	// Ended is told of each lifetime once nothing more is expected of it, in the order in
	// which they ended, and at Finish of the others. The Life must not be kept.
	Ended func(*Life)
	// Changed is told of each row that changes the state of an object; it may be nil.
	Changed func(l *Life, at At)
	// Saw is told of each row with the objects that it is about; it may be nil.
	Saw func(r *replay.Row, at At)
	// Spans is told of the calls of the replay; it may be nil.
	Spans replay.Hook
	// Beside says that another Follower follows the same replay: that one has the notes of
	// the objects, and this one looks lives up.
	Beside bool

	batch *format.Batch
	ahead []int // gap rows of the batch
	past  int   // how many of them are counted
	lives [replay.NumObjectKinds]index
	dead  []*Life // ring of ended ones
	next  int
	free  []*Life
	gaps  uint64  // up to the row that was seen last
	order []*Life // of Finish
	names map[string]string
}

var _ replay.Observer = (*Follower)(nil)

// New returns a Follower.
func New() *Follower {
	f := &Follower{}
	for k := range f.lives {
		f.lives[k].pages = map[uint64]*page{}
	}
	return f
}

// index finds the lives of a kind. IDs are numbers that count up, and objects of about the
// same time are in use together: they share pages.
type index struct {
	pages  map[uint64]*page
	last   *page // the one that was used last, and its number
	number uint64
}

type page struct {
	n     int // in use
	lives [pageSize]*Life
}

const pageSize = 1 << 8

func (x *index) find(id uint64) *Life {
	p := x.page(id)
	if p == nil {
		return nil
	}
	return p.lives[id%pageSize]
}

// page is the one for id, nil if there is none.
func (x *index) page(id uint64) *page {
	no := id / pageSize
	if x.last != nil && x.number == no {
		return x.last
	}
	p := x.pages[no]
	if p != nil {
		x.last, x.number = p, no
	}
	return p
}

// put adds an object that is not there.
func (x *index) put(id uint64, l *Life) {
	p := x.page(id)
	if p == nil {
		p = &page{}
		x.last, x.number = p, id/pageSize
		x.pages[x.number] = p
	}
	p.lives[id%pageSize] = l
	p.n++
}

// forget takes out one that is there.
func (x *index) forget(id uint64) {
	p := x.page(id)
	p.lives[id%pageSize] = nil
	if p.n--; p.n == 0 {
		delete(x.pages, id/pageSize)
		x.last = nil
	}
}

// Batch says which rows the replay is given next. The Follower reads them as long as the
// replay does.
func (f *Follower) Batch(b *format.Batch) {
	f.gaps += uint64(len(f.ahead) - f.past)
	f.batch, f.ahead, f.past = b, f.ahead[:0], 0
	for i, p := range b.Phase[:b.N] {
		if p == format.PhaseGap {
			f.ahead = append(f.ahead, i)
		}
	}
}

// count counts the gaps before row i of the batch.
func (f *Follower) count(i int) {
	for f.past < len(f.ahead) && f.ahead[f.past] < i {
		f.past++
		f.gaps++
	}
}

// Span passes a call on.
func (f *Follower) Span(s *replay.Span) {
	if f.Spans != nil {
		f.Spans.Span(s)
	}
}

// Find returns the object of a key, nil if it is not remembered.
func (f *Follower) Find(k Key) *Life { return f.lives[k.Kind].find(k.ID) }

// Row takes in what the replay says of a row.
func (f *Follower) Row(r *replay.Row) {
	f.count(r.Index)
	// Local: what is reached by pointers is loaded again for each object.
	objects, seq, ts, gaps, beside := r.Objects, r.Seq, f.batch.TS[r.Index], f.gaps, f.Beside
	for k := range objects {
		o := &objects[k]
		var l *Life
		if o.Note != nil && !beside {
			l, _ = o.Note.Of.(*Life)
		}
		if l == nil || l.ID != o.ID || l.Kind != o.Kind {
			l = f.find(r, k, At{seq, ts, gaps})
		}
		l.Rows++
		l.Last.Seq, l.Last.TS, l.Last.Gaps = seq, ts, gaps // faster than the whole
		if l.Handle == 0 {
			l.Handle = o.Handle
		}
		if o.State != l.State {
			l.State = o.State
			f.step(l, At{o.Since, o.SinceTS, gaps}, At{seq, ts, gaps})
		}
	}
	if f.Saw != nil {
		f.Saw(r, At{seq, ts, gaps})
	}
}

// find looks up object k of a row, and adds it if it is new.
func (f *Follower) find(r *replay.Row, k int, at At) *Life {
	o := &r.Objects[k]
	l := f.lives[o.Kind].find(o.ID)
	if l == nil {
		l = f.begin(r, k, at)
	}
	if o.Note != nil && !f.Beside {
		o.Note.Of = l
	}
	return l
}

// begin adds object k of a row.
func (f *Follower) begin(r *replay.Row, k int, at At) *Life {
	var l *Life
	if n := len(f.free); n > 0 {
		l, f.free = f.free[n-1], f.free[:n-1]
		*l = Life{}
	} else {
		l = new(Life)
	}
	o := &r.Objects[k]
	l.Key, l.First, l.Handle = Key{o.Kind, o.ID}, at, o.Handle
	for _, up := range parents[o.Kind] {
		for j := range r.Objects {
			if p := &r.Objects[j]; p.Kind == up && !l.Parent.set() {
				l.Parent = Key{p.Kind, p.ID}
			}
		}
	}
	for j := range r.Objects {
		if p := &r.Objects[j]; p.Kind == replay.AdapterObject {
			l.Adapter = p.Handle
		}
	}
	b, i := f.batch, r.Index
	if b.Has[i]&format.HasDriver != 0 {
		l.Driver = f.name(b.Driver.At(i))
	}
	if b.Has[i]&format.HasTID != 0 {
		l.TID = b.TID[i]
	}
	switch up := f.Find(l.Parent); {
	case b.Has[i]&format.HasAFType != 0:
		l.AFType, l.HasAF = b.AFType[i], true
	case up != nil && up.Kind != replay.DriverObject:
		l.AFType, l.HasAF = up.AFType, up.HasAF
	}
	f.lives[l.Kind].put(l.ID, l)
	return l
}

// maxNames is how many labels of drivers are remembered, so that each is one string.
const maxNames = 1 << 10

func (f *Follower) name(label []byte) string {
	if s, ok := f.names[string(label)]; ok {
		return s
	}
	if f.names == nil || len(f.names) >= maxNames {
		f.names = map[string]string{}
	}
	s := string(label)
	f.names[s] = s
	return s
}

func (k Key) set() bool { return k != Key{} }

// parents are the kinds that an object of a kind belongs to, the closest first.
var parents = [replay.NumObjectKinds][]replay.ObjectKind{
	replay.PartyObject:        {replay.VCObject},
	replay.VCObject:           {replay.AFOpenObject, replay.BindingObject},
	replay.SAPObject:          {replay.AFOpenObject},
	replay.RequestObject:      {replay.VCObject, replay.AFOpenObject, replay.BindingObject},
	replay.AFOpenObject:       {replay.BindingObject},
	replay.RegistrationObject: {replay.BindingObject},
	replay.BindingObject:      {replay.AdapterObject},
}

// step notes what the new state of l means. since is an earlier row with which it began.
func (f *Follower) step(l *Life, since, at At) {
	if since.Seq != 0 {
		at = since
	}
	switch phases[l.State] {
	case pended:
		if !l.Pended.Seen() {
			l.Pended = at
		}
	case ready:
		if !l.Ready.Seen() {
			l.Ready = at
		}
		l.Closing = At{} // a close that failed
	case closing:
		if !l.Closing.Seen() {
			l.Closing = at
		}
	case ended, failed:
		if l.End.Seen() {
			break
		}
		l.End = at
		l.Failed = !l.Ready.Seen() && phases[l.State] == failed
		f.bury(l)
	}
	if f.Changed != nil {
		f.Changed(l, at)
	}
}

type phase uint8

const (
	asked phase = iota
	pended
	ready
	closing
	ended
	failed
)

// phases are what the states of the replay mean for a life.
var phases = func() (list [replay.NumObjectStates]phase) {
	for s := range list {
		list[s] = phaseOf(replay.ObjectState(s).String())
	}
	return list
}()

// phaseOf is what a state of the replay means for a life. States that are not listed are on
// the way to being ready.
func phaseOf(state string) phase {
	switch state {
	case "gone", "closed", "ended", "deregistered", "halted", "dropped", "answered":
		return ended
	case "refused", "failed", "not initialized":
		return failed
	case "opening, pended", "asked for, pended", "pended":
		return pended
	case "open", "held", "bound", "up", "registered", "connected", "connected, active", "idle":
		return ready
	case "closing", "closing, pended", "unbinding", "going", "being deleted", "being dropped", "halting", "deregistering", "removed by surprise":
		return closing
	}
	return asked
}

// bury remembers that an object has ended, and tells of the one that is forgotten for it.
func (f *Follower) bury(l *Life) {
	if len(f.dead) < MaxDead {
		f.dead = append(f.dead, l)
		return
	}
	f.tell(f.dead[f.next])
	f.dead[f.next] = l
	f.next = (f.next + 1) % MaxDead
}

func (f *Follower) tell(l *Life) {
	f.lives[l.Kind].forget(l.ID)
	last := At{Gaps: f.gaps}
	if l.End.Seen() {
		last = l.End
	}
	l.Cut = !l.First.Whole(last)
	if f.Ended != nil {
		f.Ended(l)
	}
	l.Key = Key{} // there may be notes of it
	f.free = append(f.free, l)
}

// Finish tells of all that is left: what has ended in the order in which it did, then what
// lives, in the order of the first rows.
func (f *Follower) Finish() {
	f.gaps += uint64(len(f.ahead) - f.past)
	f.past = len(f.ahead)
	for n := range f.dead {
		f.tell(f.dead[(f.next+n)%len(f.dead)])
	}
	f.dead, f.next = nil, 0
	for k := range f.lives {
		for _, p := range f.lives[k].pages {
			for _, l := range p.lives {
				if l != nil {
					f.order = append(f.order, l)
				}
			}
		}
	}
	sortLives(f.order)
	for _, l := range f.order {
		f.tell(l)
	}
	f.order = nil
}

// AF is the address family of a life as text, "" if it has none.
func (l *Life) AF() string {
	if !l.HasAF {
		return ""
	}
	return ndis.AFType(l.AFType).String()
}
