// Package life follows the objects of a replay through their lives: when each was asked
// for, was ready for use, began to go and was gone. Tables of objects and the intervals that
// users care about (register to notify, notify to open, bring-up) are made of it.
package life

import (
	"slices"

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
	replay.Note // its kind, ID, handle, state, rows and last row
	AFType      uint32
	place       uint32 // in Follower.lives
	HasAF       bool
	Failed      bool   // it was never ready and is gone: refused, failed
	Cut         bool   // a gap touches its life: what is missing may have happened unseen
	Parent      Key    // what it belongs to; the zero Key (of kind driver) if unknown
	Adapter     uint64 // its handle, 0 if unknown
	Driver      string // label of the driver of its first row, "" if unknown
	TID         uint64 // thread of its first row, 0 if unknown

	First   At // its first row: for most objects the call that asks for it
	Pended  At // since when its making pends
	Ready   At // since when it can be used: held, open, bound, connected
	Closing At // since when it goes
	End     At // since when it is gone, refused or failed
	Mark    At // for who is told of rows
}

// Last is its last row. Gaps is not known of it.
func (l *Life) Last() At { return At{Seq: l.LastSeq, TS: l.LastTS} }

// Key is the name of the object.
func (l *Life) Key() Key { return Key{l.Kind, l.ID} }

// MaxDead is how many ended objects are remembered for rows that come after their end.
const MaxDead = 1 << 12

// Follower is a replay.Tracker that follows objects. Its memory follows the live objects
// and MaxDead ended ones. It is not safe for concurrent use.
type Follower struct {
	// Ended is told of each lifetime once nothing more is expected of it, in the order in
	// which they ended, and at Finish of the others. The Life must not be kept.
	Ended func(*Life)
	// Changed is told of each row that changes the state of an object; it may be nil.
	Changed func(l *Life, at At)
	// Saw is told of each row of the functions in Watch, and of those with something new; it
	// may be nil.
	Saw func(r *replay.Row, at At)
	// Watch are functions, as the newest version of NDIS calls them.
	Watch []ndis.Func
	// Kinds are those of the objects that are followed, all if it is empty.
	Kinds []replay.ObjectKind
	// Spans is told of the calls of the replay; it may be nil.
	Spans replay.Hook

	batch *format.Batch
	ahead []int         // gap rows of the batch
	past  int           // how many of them are counted
	lives []*Life       // those that are not told, and holes
	holes []uint32      // in lives
	byKey map[Key]*Life // the same, once somebody looks for one without its note
	dead  []*Life       // ring of ended ones
	next  int
	free  [replay.NumObjectKinds][]*Life // a stale note is of the kind that it was of
	fresh []Life                         // not used yet
	gaps  uint64                         // up to the row that was seen last
	order []*Life                        // of Finish
	names map[string]string
	label string // the last one of names
}

var _ replay.Tracker = (*Follower)(nil)

// New returns a Follower.
func New() *Follower { return &Follower{} }

// Also tells more of what it follows, each nil or after what is told already; saw is for rows of
// the functions in watch.
func (f *Follower) Also(ended func(*Life), changed func(*Life, At), saw func(*replay.Row, At), watch ...ndis.Func) {
	if first := f.Ended; first != nil && ended != nil {
		f.Ended = func(l *Life) { first(l); ended(l) }
	} else if ended != nil {
		f.Ended = ended
	}
	f.Changed, f.Saw = after(f.Changed, changed), after(f.Saw, saw)
	f.Watch = append(f.Watch, watch...)
}

func after[T any](first, then func(T, At)) func(T, At) {
	switch {
	case first == nil:
		return then
	case then == nil:
		return first
	}
	return func(x T, at At) { first(x, at); then(x, at) }
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

// find returns the object of a key, nil if it is not remembered.
func (f *Follower) find(k Key) *Life {
	if f.byKey == nil {
		f.byKey = map[Key]*Life{}
		for _, l := range f.lives {
			if l != nil {
				f.byKey[l.Key()] = l
			}
		}
	}
	return f.byKey[k]
}

// Of returns the life of an object of a row, nil if it is not remembered.
func (f *Follower) Of(o *replay.Object) *Life {
	if o.Note != nil {
		n := *o.Note
		if n == nil || n.ID != o.ID {
			return nil
		}
		return n.Of.(*Life)
	}
	// Another thing has its place, so that it has mostly ended just now.
	for n := range min(recent, len(f.dead)) {
		if l := f.dead[(f.next+len(f.dead)-1-n)%len(f.dead)]; l.Kind == o.Kind && l.ID == o.ID {
			return l
		}
	}
	return f.find(Key{o.Kind, o.ID})
}

// recent is how many of those that ended last are looked through for one without a note.
const recent = 32

// Watches says which functions are watched.
func (f *Follower) Watches(fn ndis.Func) bool {
	return f.Saw != nil && slices.Contains(f.Watch, fn.Modern())
}

// Tracks says which objects are followed.
func (f *Follower) Tracks(kind replay.ObjectKind) bool {
	return len(f.Kinds) == 0 || slices.Contains(f.Kinds, kind)
}

// Row takes in what is new with a row.
func (f *Follower) Row(r *replay.Row) {
	f.count(r.Index)
	at := At{r.Seq, f.batch.TS[r.Index], f.gaps}
	for k := range r.Objects {
		o := &r.Objects[k]
		l := f.life(r, o, at)
		if l.Handle == 0 {
			l.Handle = o.Handle
		}
		if o.State != l.State {
			l.State = o.State
			f.step(l, At{o.Since, o.SinceTS, at.Gaps}, at)
		}
	}
	if f.Saw != nil {
		f.Saw(r, at)
	}
}

// life is that of an object of a row, which may be new.
func (f *Follower) life(r *replay.Row, o *replay.Object, at At) *Life {
	l := f.Of(o)
	if l == nil {
		l = f.begin(r, o, at)
		if o.Note != nil {
			*o.Note = &l.Note
		}
	}
	if o.Note == nil { // the replay does not count
		l.Rows++
		l.LastSeq, l.LastTS = at.Seq, at.TS
	}
	return l
}

// begin adds an object of a row.
func (f *Follower) begin(r *replay.Row, o *replay.Object, at At) *Life {
	var l *Life
	if free := &f.free[o.Kind]; len(*free) > 0 {
		l, *free = (*free)[len(*free)-1], (*free)[:len(*free)-1]
		*l = Life{}
	} else {
		if len(f.fresh) == 0 {
			f.fresh = make([]Life, 32)
		}
		l, f.fresh = &f.fresh[0], f.fresh[1:]
	}
	l.Kind, l.ID, l.Of = o.Kind, o.ID, l
	l.First, l.LastSeq, l.LastTS = at, at.Seq, at.TS
	all := r.All()
	var parent *replay.Object
	for _, up := range parents[o.Kind] {
		for j := range all {
			if p := &all[j]; p.Kind == up && parent == nil {
				parent, l.Parent = p, Key{p.Kind, p.ID}
			}
		}
	}
	for j := range all {
		if p := &all[j]; p.Kind == replay.AdapterObject {
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
	if b.Has[i]&format.HasAFType != 0 {
		l.AFType, l.HasAF = b.AFType[i], true
	} else if parent != nil {
		if up := f.Of(parent); up != nil {
			l.AFType, l.HasAF = up.AFType, up.HasAF
		}
	}
	f.put(l)
	return l
}

// maxNames is how many labels of drivers are remembered, so that each is one string.
const maxNames = 1 << 10

func (f *Follower) name(label []byte) string {
	if f.label == string(label) {
		return f.label
	}
	if s, ok := f.names[string(label)]; ok {
		f.label = s
		return s
	}
	if f.names == nil || len(f.names) >= maxNames {
		f.names = map[string]string{}
	}
	s := string(label)
	f.names[s] = s
	return s
}

// put takes a life in.
func (f *Follower) put(l *Life) {
	if n := len(f.holes); n > 0 {
		l.place, f.holes = f.holes[n-1], f.holes[:n-1]
		f.lives[l.place] = l
	} else {
		l.place = uint32(len(f.lives))
		f.lives = append(f.lives, l)
	}
	if f.byKey != nil {
		f.byKey[l.Key()] = l
	}
}

// forget is its opposite.
func (f *Follower) forget(l *Life) {
	f.lives[l.place] = nil
	f.holes = append(f.holes, l.place)
	if f.byKey != nil {
		delete(f.byKey, l.Key())
	}
}

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
	f.forget(l)
	last := At{Gaps: f.gaps}
	if l.End.Seen() {
		last = l.End
	}
	l.Cut = !l.First.Whole(last)
	if f.Ended != nil {
		f.Ended(l)
	}
	l.ID = 0 // there may be places that still have its note
	f.free[l.Kind] = append(f.free[l.Kind], l)
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
	for _, l := range f.lives {
		if l != nil {
			f.order = append(f.order, l)
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
