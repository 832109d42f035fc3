// Package diff compares two histories of CoNDIS objects: not row by row, but object by object,
// up to the names of handles and contexts and the orders that the documentation leaves
// free. docs/diff.md says what is compared and how a difference is classified.
package diff

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// Class says why two objects saw different events.
type Class string

const (
	Freedom   Class = "documented freedom" // the documentation allows both
	Broken    Class = "rule broken"        // one of the two breaks a rule
	Stimulus  Class = "different stimulus" // a driver or the environment did something else
	Decision  Class = "different decision" // a driver answered otherwise
	Missing   Class = "missing events"     // one of the two lost events, or is cut short
	Following Class = "follows"            // NDIS did otherwise because of an earlier difference
)

// Classes in the order of reports.
var Classes = []Class{Broken, Stimulus, Decision, Missing, Following, Freedom}

// Object names an object in both histories.
type Object struct {
	Kind    string `json:"kind"`
	A       string `json:"a,omitempty"` // handle, "" if it is not known or the object is not there
	B       string `json:"b,omitempty"`
	Driver  string `json:"driver,omitempty"`
	InA     bool   `json:"in_a"`
	InB     bool   `json:"in_b"`
	Ordinal int    `json:"ordinal"` // among the objects of its kind, from 1
}

// Event is a call that an object saw.
type Event struct {
	Seq    uint64 `json:"seq"` // row of the entry
	Call   string `json:"call"`
	Driver string `json:"driver,omitempty"`
	Status string `json:"status,omitempty"` // returned, or for a completion told
}

// Divergence is the first difference of an object.
type Divergence struct {
	Object Object   `json:"object"`
	Class  Class    `json:"class"`
	Refs   []string `json:"refs,omitempty"` // rules, or AMB-nn, or a freedom 7.2/n of the table in docs/diff.md
	Why    string   `json:"why"`
	A      *Event   `json:"a,omitempty"` // nil: the object saw nothing more
	B      *Event   `json:"b,omitempty"`

	at uint64
}

// Result of a comparison.
type Result struct {
	Same        bool          `json:"same"` // no divergence but documented freedoms
	Objects     int           `json:"objects"`
	Alike       int           `json:"alike"` // objects without any divergence
	Counts      map[Class]int `json:"counts"`
	Divergences []Divergence  `json:"divergences"`
	Events      [2]uint64     `json:"events"`
	Verdicts    [2]string     `json:"verdicts"`
}

// token is what counts of a call: not when, where, or under which names.
type token struct {
	fn     ndis.Func
	driver uint32
	up     bool
	has    bool // a status
	open   bool // it did not return
	status ndis.Status
	family uint32
}

type event struct {
	token
	seq    uint64
	byNDIS bool // a completion of which the trace says that NDIS called it
}

type key struct {
	kind replay.ObjectKind
	id   uint64
}

type object struct {
	key
	handle  uint64
	parent  *object
	driver  uint32
	family  uint32
	context uint64
	events  []event
	ordinal int
	other   *object // in the other history
	paired  bool
	merged  bool // it turned out to be another one
}

// Side is one of the histories. Its rows are given with Batch.
type Side struct {
	c       *replay.Checker
	b       *format.Batch
	objects map[key]*object
	order   []*object
	names   map[string]uint32
	labels  *[]string
	open    map[uint64][]ref // by the row of the entry: where its tokens are
	kinds   [replay.NumObjectKinds]int
	res     *replay.Result
	rules   map[uint64][]rule.ID // findings by row
	lossy   bool
	shows   [ndis.NumFuncs]bool // callbacks of which it has one
	ndisOK  bool                // no finding is against NDIS
}

type ref struct {
	o *object
	i int
}

// Pair makes the two sides of a comparison.
func Pair(a, b replay.Options) [2]*Side {
	names, labels := map[string]uint32{"": 0}, []string{""}
	var s [2]*Side
	for i, o := range [2]replay.Options{a, b} {
		s[i] = &Side{objects: map[key]*object{}, names: names, labels: &labels, open: map[uint64][]ref{}, rules: map[uint64][]rule.ID{}}
		o.Hook = s[i]
		s[i].c = replay.New(o)
	}
	return s
}

// Batch takes further rows.
func (s *Side) Batch(b *format.Batch) error {
	s.b = b
	for i := range b.N {
		s.lossy = s.lossy || b.Phase[i] == format.PhaseGap
	}
	return s.c.Batch(b)
}

// Finish ends the history.
func (s *Side) Finish(end replay.End) {
	s.lossy = s.lossy || end.Truncated || end.LostEvents > 0
	s.res = s.c.Finish(end)
	s.ndisOK = true
	for i := range s.res.Findings {
		f := &s.res.Findings[i]
		s.ndisOK = s.ndisOK && f.AtFault != rule.NDIS
		for _, seq := range f.Events {
			s.rules[seq] = append(s.rules[seq], f.Rule)
		}
	}
	s.b, s.open = nil, nil
	s.order = slices.DeleteFunc(s.order, func(o *object) bool { return o.merged })
}

// Span is part of replay.Hook.
func (s *Side) Span(*replay.Span) {}

var callerSelf, callerNDIS = []byte(`"caller":"self"`), []byte(`"caller":"ndis"`)

// merge makes one object of o and of what earlier rows knew by another name.
func (s *Side) merge(o *replay.Object) {
	x, was := s.objects[key{o.Kind, o.ID}], s.objects[key{o.Kind, o.Was}]
	if x == nil || was == nil || was.merged {
		return
	}
	was.merged = true
	x.parent, x.driver, x.family, x.context = was.parent, was.driver, was.family, was.context
	for at, refs := range s.open {
		for k := range refs {
			switch refs[k].o {
			case x:
				s.open[at][k].i += len(was.events)
			case was:
				s.open[at][k].o = x
			}
		}
	}
	x.events = append(was.events, x.events...)
	was.events = nil
	for _, y := range s.order {
		if y.parent == was {
			y.parent = x
		}
	}
}

// Row is part of replay.Observer.
func (s *Side) Row(r *replay.Row) {
	for k := range r.Objects {
		if o := &r.Objects[k]; o.Was != 0 {
			s.merge(o)
		}
	}
	b, i := s.b, r.Index
	if r.CallSeq != r.Seq {
		refs := s.open[r.CallSeq]
		for _, x := range refs {
			e := &x.o.events[x.i]
			e.open = false
			if b.Has[i]&format.HasStatus != 0 {
				e.status, e.has = ndis.Status(b.Status[i]), true
			}
		}
		delete(s.open, r.CallSeq)
		return
	}
	if b.Has[i]&format.HasDetail != 0 && bytes.Contains(b.Detail.At(i), callerSelf) {
		return // a client that runs its own handler: NDIS has no part in it
	}
	byNDIS := b.Has[i]&format.HasDetail != 0 && bytes.Contains(b.Detail.At(i), callerNDIS)
	var parent *object
	objects := make([]*object, len(r.Objects))
	for k := len(r.Objects) - 1; k >= 0; k-- {
		o := &r.Objects[k]
		x := s.objects[key{o.Kind, o.ID}]
		if x == nil {
			s.kinds[o.Kind]++
			x = &object{key: key{o.Kind, o.ID}, parent: parent, ordinal: s.kinds[o.Kind]}
			if b.Has[i]&format.HasDriver != 0 {
				x.driver = s.name(b.Driver.At(i))
			}
			if b.Has[i]&format.HasAFType != 0 {
				x.family = b.AFType[i]
			}
			if b.Has[i]&format.HasContext != 0 {
				x.context = b.Context[i]
			}
			s.objects[x.key] = x
			s.order = append(s.order, x)
		}
		if x.handle == 0 {
			x.handle = o.Handle
		}
		objects[k], parent = x, x
	}
	t := token{fn: b.Function[i], open: b.Phase[i] == format.PhaseEnter}
	if t.fn < ndis.NumFuncs {
		t.fn = t.fn.Modern()
		t.up = t.fn.Info().Dir == ndis.Up
		s.shows[t.fn] = true
	}
	if b.Has[i]&format.HasDriver != 0 {
		t.driver = s.name(b.Driver.At(i))
	}
	// Why the other end hung up is for the client to know: no rule is about it.
	if b.Has[i]&format.HasStatus != 0 && t.fn != ndis.ProtocolClIncomingDropParty && t.fn != ndis.ProtocolClIncomingCloseCall {
		t.status, t.has = ndis.Status(b.Status[i]), true
	}
	if b.Has[i]&format.HasAFType != 0 {
		t.family = b.AFType[i]
	}
	for k := range r.Objects {
		if r.Objects[k].Owner {
			continue
		}
		x := objects[k]
		x.events = append(x.events, event{t, r.Seq, byNDIS})
		s.open[r.Seq] = append(s.open[r.Seq], ref{x, len(x.events) - 1})
	}
}

func (s *Side) name(b []byte) uint32 {
	if n, ok := s.names[string(b)]; ok {
		return n
	}
	n := uint32(len(*s.labels))
	*s.labels = append(*s.labels, string(b))
	s.names[string(b)] = n
	return n
}

// kin is what two objects that match have in common.
type kin struct {
	kind   replay.ObjectKind
	parent *object // in the first history
	driver uint32
	family uint32
}

// match pairs the objects of two histories, one to one: parents first, then among the children of
// two that match those of one driver and AF: first by equal contexts, which a driver gives
// out itself, then in their order.
func match(a, b *Side) {
	byKin := func(s *Side, first bool) map[kin][]*object {
		m := map[kin][]*object{}
		for _, o := range s.order {
			if o.paired {
				continue
			}
			k := kin{o.kind, nil, o.driver, o.family}
			if o.parent != nil {
				if !o.parent.paired {
					continue
				}
				k.parent = o.parent
				if !first {
					k.parent = o.parent.other
				}
			}
			m[k] = append(m[k], o)
		}
		return m
	}
	for range replay.NumObjectKinds { // an object is paired after its parent
		more := byKin(b, false)
		any := false
		ours := byKin(a, true)
		for _, o := range a.order {
			if o.paired {
				continue
			}
			k := kin{o.kind, o.parent, o.driver, o.family}
			list, others := ours[k], more[k]
			if len(list) == 0 || len(others) == 0 {
				continue
			}
			delete(ours, k)
			pair := func(x, y *object) { x.paired, y.paired, x.other, y.other, any = true, true, y, x, true }
			known := map[uint64][]*object{}
			for _, y := range others {
				known[y.context] = append(known[y.context], y)
			}
			for _, x := range list {
				if c := known[x.context]; x.context != 0 && len(c) > 0 {
					pair(x, c[0])
					known[x.context] = c[1:]
				}
			}
			rest := slices.DeleteFunc(slices.Clone(others), func(y *object) bool { return y.paired })
			for _, x := range list {
				if !x.paired && len(rest) > 0 {
					pair(x, rest[0])
					rest = rest[1:]
				}
			}
		}
		if !any {
			return
		}
	}
}

// Compare compares two histories that are finished.
func Compare(sides [2]*Side) *Result {
	a, b := sides[0], sides[1]
	match(a, b)
	r := &Result{Counts: map[Class]int{}, Same: true, Divergences: []Divergence{},
		Events:   [2]uint64{a.res.Events, b.res.Events},
		Verdicts: [2]string{a.res.Verdict.String(), b.res.Verdict.String()}}
	add := func(d *Divergence) {
		if d == nil {
			r.Alike++
			return
		}
		r.Counts[d.Class]++
		r.Same = r.Same && d.Class == Freedom
		r.Divergences = append(r.Divergences, *d)
	}
	for _, x := range a.order {
		r.Objects++
		add(compare(sides, x, x.other))
	}
	for _, y := range b.order {
		if !y.paired {
			r.Objects++
			add(compare(sides, nil, y))
		}
	}
	slices.SortStableFunc(r.Divergences, func(x, y Divergence) int { return cmp.Compare(x.at, y.at) })
	return r
}

// compare finds the first difference of x and y, of which one may be nil.
func compare(s [2]*Side, x, y *object) *Divergence {
	var ex, ey []event
	d := &Divergence{Object: Object{InA: x != nil, InB: y != nil}}
	for i, o := range [2]*object{x, y} {
		if o == nil {
			continue
		}
		d.Object.Kind, d.Object.Driver = o.kind.String(), (*s[0].labels)[o.driver]
		if d.Object.Ordinal == 0 {
			d.Object.Ordinal = o.ordinal
		}
		h := ""
		if o.handle != 0 {
			h = fmt.Sprintf("0x%x", o.handle)
		}
		if i == 0 {
			ex, d.Object.A = o.events, h
		} else {
			ey, d.Object.B = o.events, h
		}
	}
	ex, ey = s[1].shown(ex, s[0]), s[0].shown(ey, s[1])
	n := 0
	for n < len(ex) && n < len(ey) && ex[n].token == ey[n].token {
		n++
	}
	if n == len(ex) && n == len(ey) {
		if x != nil && y != nil || len(ex)+len(ey) == 0 {
			return nil
		}
	}
	var p, q *event
	// What one has and the other has not comes before the order in which they have it.
	left := map[token]int{}
	for i := n; i < len(ex); i++ {
		left[ex[i].token]++
	}
	for i := n; i < len(ey); i++ {
		left[ey[i].token]--
	}
	for i := n; i < len(ex) && p == nil; i++ {
		if left[ex[i].token] > 0 {
			p = &ex[i]
		}
	}
	for i := n; i < len(ey) && q == nil; i++ {
		if left[ey[i].token] < 0 {
			q = &ey[i]
		}
	}
	ordered := p == nil && q == nil
	if ordered {
		p, q = &ex[n], &ey[n]
	} else if p != nil {
		// The same call with another outcome, if there is one.
		for i := n; i < len(ey); i++ {
			if left[ey[i].token] < 0 && ey[i].fn == p.fn && ey[i].driver == p.driver {
				q = &ey[i]
				break
			}
		}
	}
	// Of what a driver answered and what NDIS made of it, the driver's answer is the cause.
	if f, _ := freedom(ex[n:], ey[n:], p, q, ordered); f == "" && !ordered {
		decided := func(e *event) bool { return e.fn < ndis.NumFuncs && e.fn.Info().Return == ndis.DriverDecision }
	search:
		for i := n; i < len(ex); i++ {
			for j := n; j < len(ey); j++ {
				if x, y := &ex[i], &ey[j]; decided(x) && x.fn == y.fn && x.driver == y.driver && left[x.token] > 0 && left[y.token] < 0 {
					p, q = x, y
					break search
				}
			}
		}
	}
	if p != nil {
		d.A = s[0].event(p)
		d.at = p.seq
	}
	if q != nil {
		d.B = s[1].event(q)
		if p == nil {
			d.at = q.seq
		}
	}
	s[0].classify(d, s[1], ex[n:], ey[n:], p, q, ordered)
	return d
}

// hides says that e is a callback of a kind that s does not show. Whether an outcome is told by a
// callback is a choice, so those that tell of one count.
func (s *Side) hides(e *event) bool {
	return e.up && e.fn < ndis.NumFuncs && !s.shows[e.fn] && !tells(e.fn)
}

// shown leaves out the callbacks of which s has none at all: they were not captured there. If
// NDIS is found to be at fault, that may be why.
func (s *Side) shown(list []event, of *Side) []event {
	if !s.ndisOK || !of.ndisOK {
		return list
	}
	for i := range list {
		if s.hides(&list[i]) {
			return slices.DeleteFunc(slices.Clone(list), func(e event) bool { return s.hides(&e) })
		}
	}
	return list
}

func (s *Side) event(e *event) *Event {
	v := &Event{Seq: e.seq, Call: e.fn.String(), Driver: (*s.labels)[e.driver]}
	if e.has {
		v.Status = strings.TrimPrefix(e.status.String(), "NDIS_STATUS_")
	}
	return v
}

// blamed gives the rules that one of the events breaks.
func blamed(s *Side, e *event) []rule.ID {
	if e == nil {
		return nil
	}
	return s.rules[e.seq]
}

// classify says what kind of difference d is. ex and ey are the events from there on.
func (s *Side) classify(d *Divergence, t *Side, ex, ey []event, p, q *event, ordered bool) {
	set := func(c Class, why string, refs ...string) { d.Class, d.Why, d.Refs = c, why, refs }
	if f, why := freedom(ex, ey, p, q, ordered); f != "" {
		set(Freedom, why, f)
		return
	}
	// What was done from outside comes before what NDIS made of it.
	var by ndis.Decider
	what := p
	if what == nil {
		what = q
	}
	if p != nil && q != nil && p.fn == q.fn && p.driver == q.driver && p.family == q.family {
		by = p.fn.Info().Return
		if p.fn.Info().Returns.Void || p.fn.Info().Entry != ndis.NDISDecides && p.fn.Info().Dir == ndis.Down && p.fn.Info().Returns.Void {
			by = p.fn.Info().Entry // the status is an argument
		}
	} else {
		for _, e := range []*event{p, q} {
			if e != nil && e.fn < ndis.NumFuncs && (e.fn.Info().Entry == ndis.DriverStimulus || e.fn.Info().Entry == ndis.Environment) {
				by = e.fn.Info().Entry
			}
		}
		if by == 0 && what.fn < ndis.NumFuncs {
			by = what.fn.Info().Entry
		}
	}
	var broken []string
	for _, id := range append(blamed(s, p), blamed(t, q)...) {
		if !slices.Contains(broken, id.String()) {
			broken = append(broken, id.String())
		}
	}
	switch {
	case len(broken) > 0:
		set(Broken, "one of the two breaks "+strings.Join(broken, ", "), broken...)
	case (p == nil && s.lossy) || (q == nil && t.lossy) || (s.lossy != t.lossy):
		set(Missing, "events are missing in one of the two")
	case by == ndis.DriverDecision:
		set(Decision, "the driver answered otherwise")
	case by == ndis.DriverStimulus:
		set(Stimulus, "a driver did something else")
	case by == ndis.Environment:
		set(Stimulus, "the environment did something else")
	default:
		set(Following, "NDIS did something else: it follows from an earlier difference")
	}
}

// freedom says which freedom of the documentation explains the difference, "" if none does.
func freedom(ex, ey []event, p, q *event, ordered bool) (id, why string) {
	status := func(e *event) (ndis.Status, bool) {
		if e == nil || !e.has {
			return 0, false
		}
		return e.status, true
	}
	sp, okp := status(p)
	sq, okq := status(q)
	same := p != nil && q != nil && p.fn == q.fn && p.driver == q.driver && p.family == q.family
	info := func(e *event) *ndis.Function {
		if e == nil || e.fn >= ndis.NumFuncs {
			return ndis.FuncNone.Info()
		}
		return e.fn.Info()
	}
	if same && okp && okq && info(p).Return == ndis.NDISDecides {
		switch {
		case sp == ndis.StatusPending && sq != sp && completed(ex, p.fn), sq == ndis.StatusPending && sq != sp && completed(ey, q.fn):
			return "AMB-06", "a synchronous answer was given as PENDING and a completion"
		case sp == ndis.StatusResources || sq == ndis.StatusResources:
			return "7.2/8", "RESOURCES may take the place of any outcome"
		case p.fn == ndis.NdisMCmDeactivateVc || p.fn == ndis.NdisMCmActivateVc:
			return "AMB-09", "what an activation by a miniport call manager returns is not agreed on"
		case p.fn == ndis.NdisCmNotifyCloseAddressFamily || p.fn == ndis.NdisMCmNotifyCloseAddressFamily:
			return "7.2/7", "the teardown of a call manager and of its client may cross"
		case p.fn == ndis.NdisClCloseAddressFamily:
			return "AMB-07", "a close with live objects may fail, or be left to the call manager"
		case p.fn == ndis.NdisCmRegisterAddressFamilyEx || p.fn == ndis.NdisMCmRegisterAddressFamilyEx:
			return "AMB-01", "whether this is a duplicate is not agreed on"
		}
	}
	one := p
	if p == nil {
		one = q
	}
	if !ordered {
		if (p == nil || q == nil) && nested(one.fn) && failedCreate(ex, ey) {
			return "7.2/5", "who is asked before the side that fails a creation, and is told that it is undone, depends on their order"
		}
		if p == nil || q == nil {
			switch {
			case one.fn == ndis.ProtocolCmActivateVcComplete || one.fn == ndis.ProtocolCmDeactivateVcComplete:
				return "AMB-09", "whether a miniport call manager is told of an activation is not agreed on"
			case tells(one.fn) && !one.byNDIS:
				return "AMB-06", "the trace does not say whether the driver ran its completion handler itself"
			}
		}
		for _, e := range []*event{p, q} {
			if e != nil && e.fn != ndis.ProtocolCoAfRegisterNotify {
				return "", ""
			}
		}
		return "AMB-04", "who beside clients is notified is not agreed on"
	}
	// The same events in another order.
	if ordered {
		switch a, b := p.fn, q.fn; {
		case a == ndis.ProtocolCoAfRegisterNotify && b == ndis.ProtocolCoAfRegisterNotify:
			return "7.2/1", "notifications come in any order"
		case a == ndis.ProtocolCoAfRegisterNotify || b == ndis.ProtocolCoAfRegisterNotify:
			return "7.2/2", "notifications and what other drivers do are not ordered"
		case nested(a) && nested(b):
			return "7.2/5", "the miniport and the peer are asked in either order"
		case a == ndis.ProtocolClOpenAfCompleteEx || b == ndis.ProtocolClOpenAfCompleteEx:
			return "7.2/4", "the completion of an open may be delayed"
		case tells(a) || tells(b):
			return "7.2/3", "a completion may be nested, follow, or overtake"
		case a == ndis.ProtocolClIncomingCall || b == ndis.ProtocolClIncomingCall:
			return "7.2/6", "calls may come in before the registration of the SAP is complete"
		case a == ndis.ProtocolUnbindAdapterEx || b == ndis.ProtocolUnbindAdapterEx:
			return "7.2/7", "unbinds of different drivers are not ordered"
		case p.driver != q.driver:
			return "7.2/2", "what different drivers do is not ordered"
		}
	}
	return "", ""
}

// failedCreate says that the VC of the events never came to be.
func failedCreate(lists ...[]event) bool {
	for _, list := range lists {
		for i := range list {
			if e := &list[i]; (e.fn == ndis.NdisClMakeCall || e.fn == ndis.NdisCmActivateVc || e.fn == ndis.NdisMCmActivateVc || e.fn == ndis.NdisCoDeleteVc) && e.status == ndis.StatusSuccess {
				return false
			}
		}
	}
	return true
}

func nested(fn ndis.Func) bool {
	return fn == ndis.MiniportCoCreateVc || fn == ndis.ProtocolCoCreateVc || fn == ndis.MiniportCoDeleteVc || fn == ndis.ProtocolCoDeleteVc
}

// tells says that fn is a callback that tells of an outcome.
func tells(fn ndis.Func) bool {
	return fn < ndis.NumFuncs && fn.Info().Dir == ndis.Up && strings.Contains(fn.String(), "Complete")
}

// completed says that a completion of fn is among the events.
func completed(list []event, fn ndis.Func) bool {
	for i := range list {
		if slices.Contains(fn.Info().Completion, list[i].fn) {
			return true
		}
	}
	return false
}
