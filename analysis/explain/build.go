package explain

import (
	"context"
	"crypto/sha256"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// Source delivers the batches of a trace from its beginning; a *format.Reader is one.
type Source interface {
	Next() (*format.Batch, error) // io.EOF at the end
	Metadata() format.Metadata
	Close() error
}

// Options of Build. The zero value gives the defaults.
type Options struct {
	Replay  replay.Options // those of the replay whose result is explained
	Context int            // rows kept after and before each that proves something; 6 if 0, none if negative
}

// Limits of one Explanation.
const (
	defaultContext = 6
	maxLanes       = 12  // further drivers share a column
	maxName        = 256 // bytes of a driver's name
	maxDetail      = 512 // bytes of detail
	maxLife        = 16  // states at each end of a life
	maxOwners      = 16  // objects that others belong to
	maxPending     = 4096
	perPass        = 512 // explanations built at once
)

// Build explains subjects, which are of the result of the trace that open opens. It reads the
// trace twice for each 512 subjects. The explanations are in the order of the subjects. The
// error is that of ctx or of open; where the trace cannot be read to its end, what was read
// before counts, as in the replay itself.
func Build(ctx context.Context, open func() (Source, error), subjects []Subject, o Options) ([]*Explanation, error) {
	if o.Context == 0 {
		o.Context = defaultContext
	}
	var out []*Explanation
	for part := range slices.Chunk(subjects, perPass) {
		b := newBuilder(part, max(0, o.Context))
		for _, visit := range []visitor{(*builder).resolve, (*builder).collect} {
			if err := b.pass(ctx, open, o.Replay, visit); err != nil {
				return nil, err
			}
			b.settle()
		}
		for _, t := range b.targets {
			out = append(out, t.explanation())
		}
	}
	return out, nil
}

// objectKey is an object in all replays of one trace.
type objectKey struct {
	kind replay.ObjectKind
	id   uint64
}

// builder explains several subjects in two passes.
type builder struct {
	targets []*target
	proofs  map[uint64][]*target // by seq of a row that proves them
	calls   map[uint64]*evidence // calls with a row that proves something, by seq of their entry
	opens   map[uint64]objectKey // the AF open of calls under way, by seq of their entry
	same    map[objectKey]objectKey
	watched map[objectKey]*watched
	numbers [replay.NumObjectKinds]struct{ last, count uint64 }
	nics    map[uint64]uint64 // number of an adapter
	names   map[laneKey]string
	marked  marks           // what has an entry in proofs, same or watched
	pending map[uint64]Step // entries whose call is not known to be about anything yet
	b       *format.Batch
	done    int // rows of b that were visited
	row     uint64
	visit   visitor
	lastSeq uint64
	lastTS  int64
	any     bool
}

// evidence is what the rows of a call are about that prove something.
type evidence struct {
	targets []*target
	objects []replay.Object
}

// watched is an object that some target shows.
type watched struct {
	number uint64
	handle uint64
	label  string // of a driver
	state  replay.ObjectState
	life   []State
	tail   []State // ring
	cut    uint64
	about  []*target // it is what they are about
}

type visitor func(b *builder, i int, r *replay.Row)

func newBuilder(subjects []Subject, context int) *builder {
	b := &builder{
		proofs: map[uint64][]*target{}, calls: map[uint64]*evidence{}, opens: map[uint64]objectKey{},
		same: map[objectKey]objectKey{}, watched: map[objectKey]*watched{}, nics: map[uint64]uint64{},
		pending: map[uint64]Step{}, names: map[laneKey]string{},
	}
	for _, s := range subjects {
		t := &target{b: b, subject: s, context: context}
		b.targets = append(b.targets, t)
		for _, seq := range s.events() {
			b.proofs[seq] = append(b.proofs[seq], t)
			b.marked.add(seq)
		}
	}
	return b
}

// marks says of most keys that a map has not that it has not: most rows are about nothing
// that is explained, and looking that up would take longer than replaying them.
type marks [1 << 11]uint64

func (m *marks) add(n uint64) {
	n *= 0x9e3779b97f4a7c15
	m[n>>53] |= 1 << (n >> 47 & 63)
}

func (m *marks) may(n uint64) bool {
	n *= 0x9e3779b97f4a7c15
	return m[n>>53]>>(n>>47&63)&1 != 0
}

// mark is k as a number.
func (k objectKey) mark() uint64 { return k.id ^ uint64(k.kind+1)<<56 }

// proves are the targets that row seq proves something of.
func (b *builder) proves(seq uint64) []*target {
	if !b.marked.may(seq) {
		return nil
	}
	return b.proofs[seq]
}

// watch is what some target shows of an object, nil if none does.
func (b *builder) watch(o *replay.Object) *watched {
	k := objectKey{o.Kind, o.ID}
	if !b.marked.may(k.mark()) {
		return nil
	}
	return b.watched[b.canonical(k)]
}

// Span and Row make the builder an observer of the replay.
func (b *builder) Span(*replay.Span) {}

// Row visits the row, and before it those that the replay makes nothing of.
func (b *builder) Row(r *replay.Row) {
	b.skip(r.Index)
	b.visit(b, r.Index, r)
	b.done = r.Index + 1
}

func (b *builder) skip(to int) {
	for ; b.done < to; b.done++ {
		b.visit(b, b.done, nil)
	}
}

// pass replays the trace and visits each row.
func (b *builder) pass(ctx context.Context, open func() (Source, error), o replay.Options, visit visitor) error {
	src, err := open()
	if err != nil {
		return err
	}
	defer src.Close()
	o.Hook, o.Metadata = b, src.Metadata()
	c := replay.New(o)
	b.visit = visit
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch, err := src.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return ctx.Err() // the report of the trace says what is wrong with it
		}
		b.b, b.done = batch, 0
		if err := c.Batch(batch); err != nil {
			return err
		}
		b.skip(batch.N)
	}
}

// canonical is the key under which an object is shown that the replay has known as two.
func (b *builder) canonical(k objectKey) objectKey {
	for range 8 {
		x, ok := b.same[k]
		if !ok {
			break
		}
		k = x
	}
	return k
}

// resolve learns what the rows that prove something are about.
func (b *builder) resolve(i int, r *replay.Row) {
	if r == nil {
		return
	}
	b.join(r)
	for _, seq := range [2]uint64{r.Seq, r.CallSeq} {
		targets := b.proves(seq)
		if len(targets) == 0 {
			continue
		}
		e := b.calls[r.CallSeq]
		if e == nil {
			e = &evidence{}
			b.calls[r.CallSeq] = e
		}
		for _, t := range targets {
			if !slices.Contains(e.targets, t) {
				e.targets = append(e.targets, t)
			}
		}
		if len(e.objects) == 0 || len(r.Objects) > 0 && r.Objects[0].Kind >= e.objects[0].Kind {
			e.objects = append(e.objects[:0], r.Objects...)
		}
		if r.Seq == r.CallSeq {
			break
		}
	}
}

// join notes two names of one AF open: the replay may learn only when a call returns that
// the client's and the call manager's are the same.
func (b *builder) join(r *replay.Row) {
	for i := range r.Objects {
		o := &r.Objects[i]
		if o.Kind != replay.AFOpenObject {
			continue
		}
		k := objectKey{o.Kind, o.ID}
		if r.Seq == r.CallSeq {
			if len(b.opens) < maxPending*16 {
				b.opens[r.CallSeq] = k
			}
			return
		}
		if was, ok := b.opens[r.CallSeq]; ok && was != k && b.canonical(k) != was {
			b.same[was] = k
			b.marked.add(was.mark())
		}
	}
	if r.Seq != r.CallSeq {
		delete(b.opens, r.CallSeq)
	}
}

// settle decides, after the first pass, which objects the second one looks for.
func (b *builder) settle() {
	if b.watched == nil || len(b.calls) == 0 {
		return
	}
	// In the order of the rows: objects are listed in it.
	order := make([]uint64, 0, len(b.calls))
	for seq := range b.calls {
		order = append(order, seq)
	}
	slices.Sort(order)
	for _, seq := range order {
		e := b.calls[seq]
		for _, t := range e.targets {
			for i := range e.objects {
				t.concern(&e.objects[i])
			}
		}
	}
	for _, t := range b.targets {
		t.narrow()
		for _, k := range t.objects {
			w := b.watched[k]
			if w == nil {
				w = &watched{}
				b.watched[k] = w
				b.marked.add(k.mark())
			}
			if t.isSubject(k) {
				w.about = append(w.about, t)
			}
		}
	}
	b.calls = nil
}

// number gives an object its number among those of its kind: they are counted as they
// appear. IDs grow with time, so that what was counted need not be remembered.
func (b *builder) number(o *replay.Object) uint64 {
	if o.Kind == replay.AdapterObject {
		n, ok := b.nics[o.ID]
		if !ok {
			n = uint64(len(b.nics) + 1)
			b.nics[o.ID] = n
		}
		return n
	}
	n := &b.numbers[o.Kind]
	if o.ID > n.last {
		n.last = o.ID
		n.count++
		return n.count
	}
	return 0
}

// collect keeps the rows about the objects concerned.
func (b *builder) collect(i int, r *replay.Row) {
	seq, ts := b.b.Seq[i], b.b.TS[i]
	if !b.any || ts > b.lastTS {
		b.lastTS = ts
	}
	b.lastSeq, b.any = seq, true
	b.row++
	proves := b.proves(seq)
	var step Step
	var about []objectKey
	made := false
	give := func(t *target, proof, begins bool) {
		if !made {
			step, about, made = b.step(i), b.known(r), true
		}
		t.row = b.row
		t.add(step, ts, proof, begins, about)
	}
	if r == nil {
		for _, t := range proves {
			give(t, true, false)
		}
		if b.b.Phase[i] == format.PhaseGap {
			for _, t := range b.targets {
				if t.row != b.row && t.doubtful() {
					give(t, false, false)
				}
			}
		}
		return
	}
	entry, unseen := b.pending[r.CallSeq]
	unseen = unseen && seq != r.CallSeq
	late := func(t *target) {
		if unseen && t.context > 0 {
			t.late = append(t.late, entry)
		}
	}
	for _, t := range proves {
		late(t)
		give(t, true, false)
	}
	begins := false
	for k := range r.Objects {
		o := &r.Objects[k]
		w := b.watch(o)
		begins = begins || w != nil && len(w.about) > 0 && len(w.life) == 0
	}
	for k := range r.Objects {
		o := &r.Objects[k]
		number := b.number(o)
		w := b.watch(o)
		if w == nil {
			continue
		}
		if w.number == 0 {
			w.number = number
		}
		first := len(w.life) == 0
		w.note(o, seq, ts)
		if o.Kind == replay.DriverObject && w.label == "" && b.b.Has[i]&format.HasDriver != 0 {
			w.label = rows.Cut(string(b.b.Driver.At(i)), maxName)
		}
		if o.Owner && !first {
			continue
		}
		for _, t := range w.about {
			if t.row != b.row {
				late(t)
				give(t, false, begins)
			}
		}
	}
	switch {
	case seq != r.CallSeq:
		delete(b.pending, r.CallSeq)
	case !made && len(b.pending) < maxPending && b.b.Phase[i] == format.PhaseEnter &&
		(len(r.Objects) == 0 || r.Objects[0].Kind <= replay.AdapterObject):
		b.pending[seq] = b.step(i)
	}
}

// known are the objects of a row that it is about.
func (b *builder) known(r *replay.Row) []objectKey {
	if r == nil {
		return nil
	}
	var keys []objectKey
	for i := range r.Objects {
		if o := &r.Objects[i]; !o.Owner {
			keys = append(keys, b.canonical(objectKey{o.Kind, o.ID}))
		}
	}
	return keys
}

// note takes over the state of the object after a row.
func (w *watched) note(o *replay.Object, seq uint64, ts int64) {
	if o.Handle != 0 {
		w.handle = o.Handle
	}
	if o.State == w.state {
		return
	}
	w.state = o.State
	s := State{Seq: seq, State: o.State.String(), ts: ts}
	if o.Since != 0 {
		s.Seq, s.ts = o.Since, o.SinceTS
	}
	switch {
	case len(w.life) < maxLife:
		w.life = append(w.life, s)
	case len(w.tail) < maxLife:
		w.tail = append(w.tail, s)
	default:
		copy(w.tail, w.tail[1:])
		w.tail[maxLife-1] = s
		w.cut++
	}
}

// laneKey stands for a driver whose name may be long.
type laneKey [sha256.Size]byte

// step makes a Step of row i of the batch.
func (b *builder) step(i int) Step {
	x := b.b
	has := x.Has[i]
	s := Step{Kind: StepRow, Seq: x.Seq[i], Offset: x.TS[i], From: -1, To: -1, Phase: x.Phase[i].String()}
	if x.Phase[i] == format.PhaseGap {
		s.Kind, s.Phase = StepLost, ""
		if has&format.HasLost != 0 {
			s.Count = x.Lost[i]
		}
		return s
	}
	fn := x.Function[i]
	s.Function, s.dir, s.ret = fn.String(), ndis.Down, x.Phase[i] == format.PhaseReturn
	if fn < ndis.NumFuncs && fn.Info().Dir == ndis.Up {
		s.dir = ndis.Up
	}
	if has&format.HasStatus != 0 {
		s.Status = ndis.Status(x.Status[i]).String()
	}
	if has&format.HasAFType != 0 {
		s.AF = ndis.AFType(x.AFType[i]).String()
		if has&format.HasAFMajor != 0 && has&format.HasAFMinor != 0 {
			s.AF += " " + strconv.FormatUint(uint64(x.AFMajor[i]), 10) + "." + strconv.FormatUint(uint64(x.AFMinor[i]), 10)
		}
	}
	if has&format.HasIRQL != 0 && x.IRQL[i] != uint8(ndis.PassiveLevel) {
		s.IRQL = irql(x.IRQL[i])
	}
	if has&format.HasTID != 0 {
		s.Thread = x.TID[i]
	}
	if has&format.HasDetail != 0 {
		d := x.Detail.At(i)
		s.self = strings.Contains(string(d), `"caller":"self"`)
		if string(d) != "{}" {
			s.Detail = rows.Cut(string(d), maxDetail)
		}
	}
	if has&format.HasDriver != 0 {
		s.lane = b.lane(x.Driver.At(i))
	}
	return s
}

func irql(i uint8) string {
	switch ndis.IRQL(i) {
	case ndis.APCLevel:
		return "APC"
	case ndis.DispatchLevel:
		return "DISPATCH"
	}
	return strconv.Itoa(int(i))
}

func (b *builder) lane(name []byte) laneKey {
	k := laneKey(sha256.Sum256(name))
	if _, ok := b.names[k]; !ok {
		b.names[k] = rows.Cut(string(name), maxName)
	}
	return k
}

// hex is a handle as text, empty for none.
func hex(v uint64) string {
	if v == 0 {
		return ""
	}
	return rows.Hex(v)
}
