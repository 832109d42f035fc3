package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// target is one explanation in the making.
type target struct {
	b       *builder
	subject Subject
	context int
	row     uint64      // the last one it was given, counted by the builder
	objects []objectKey // subjects first, then owners
	nSubj   int
	owners  []objectKey

	kept   []kept // in the order of the rows
	late   []Step // entries found out about when their call returned
	tail   []kept // ring of the last rows since the last one that proves something
	since  int    // rows kept behind that one
	left   Step   // the first row that is left out, if gone > 0
	gone   uint64
	elided uint64
}

// kept is a step and what it is about.
type kept struct {
	Step
	about []objectKey
}

func (t *target) concern(o *replay.Object) {
	k := t.b.canonical(objectKey{o.Kind, o.ID})
	list := &t.objects
	if o.Owner {
		list = &t.owners
		if len(*list) == maxOwners {
			return
		}
	}
	if !slices.Contains(*list, k) {
		*list = append(*list, k)
	}
}

// narrow drops what is less specific: where a row is about an AF open, what happens to the
// adapter as a whole is another story.
func (t *target) narrow() {
	specific := slices.ContainsFunc(t.objects, func(k objectKey) bool { return k.kind >= replay.BindingObject })
	subjects := t.objects[:0:0]
	for _, k := range t.objects {
		if specific && k.kind < replay.BindingObject {
			t.owners = append(t.owners, k)
			continue
		}
		subjects = append(subjects, k)
	}
	t.nSubj = len(subjects)
	for _, k := range t.owners {
		// Of the drivers the lanes tell.
		if k.kind != replay.DriverObject && !slices.Contains(subjects, k) && len(subjects) < t.nSubj+maxOwners {
			subjects = append(subjects, k)
		}
	}
	t.objects, t.owners = subjects, nil
}

func (t *target) isSubject(k objectKey) bool { return slices.Contains(t.objects[:t.nSubj], k) }

// doubtful says that lost events bear on it.
func (t *target) doubtful() bool {
	if f := t.subject.Finding; f != nil {
		return f.Inconclusive
	}
	return t.subject.Conflict.Inconclusive
}

// add takes a row about the objects of t. Of those that prove nothing, and with which none
// of the objects begins, the first and the last few are kept on each side of one that does.
func (t *target) add(s Step, ts int64, proves, begins bool, about []objectKey) {
	s.Offset, s.Proves = ts, proves
	k := kept{s, about}
	if !proves {
		k.Detail = ""
		switch {
		case begins: // in its place once all rows are sorted
			t.kept = append(t.kept, k)
		case t.since < t.context:
			t.since++
			t.kept = append(t.kept, k)
		case t.context == 0:
			t.leave(k)
		case len(t.tail) < t.context:
			t.tail = append(t.tail, k)
		default:
			t.leave(t.tail[0])
			copy(t.tail, t.tail[1:])
			t.tail[len(t.tail)-1] = k
		}
		return
	}
	t.elide()
	t.kept = append(append(t.kept, t.tail...), k)
	t.tail, t.since = t.tail[:0], 0
}

func (t *target) leave(k kept) {
	if t.gone == 0 {
		t.left = k.Step
	}
	t.left.seq2 = k.Seq
	t.gone++
	t.elided++
}

// elide says how many rows are left out here.
func (t *target) elide() {
	if t.gone == 0 {
		return
	}
	t.kept = append(t.kept, kept{Step: Step{Kind: StepElided, Seq: t.left.Seq, seq2: t.left.seq2, Offset: t.left.Offset, From: -1, To: -1, Count: t.gone}})
	t.gone = 0
}

// explanation is the finished product.
func (t *target) explanation() *Explanation {
	t.elide()
	t.kept = append(t.kept, t.tail...)
	for _, s := range t.late {
		if !slices.ContainsFunc(t.kept, func(k kept) bool { return k.Seq == s.Seq && k.Kind == StepRow }) &&
			slices.ContainsFunc(t.kept, func(k kept) bool { return k.Seq > s.Seq }) {
			s.Detail = ""
			t.kept = append(t.kept, kept{Step: s})
		}
	}
	slices.SortStableFunc(t.kept, func(a, b kept) int { return cmp.Compare(a.Seq, b.Seq) })
	e := &Explanation{ID: t.subject.ID(), Evidence: append([]uint64{}, t.subject.events()...), Also: []string{}, Elided: t.elided}
	if f := t.subject.Finding; f != nil {
		t.finding(e, f)
		if f.AtEnd {
			t.kept = append(t.kept, kept{Step: Step{Kind: StepEnd, Seq: t.b.lastSeq, Offset: t.b.lastTS, From: -1, To: -1}})
		}
	} else {
		t.conflict(e, t.subject.Conflict)
	}
	t.lanes(e)
	if len(t.kept) > 0 {
		e.Start = t.kept[0].Offset
	}
	index := map[objectKey]int{}
	e.Objects = []Object{}
	for _, k := range t.objects {
		w := t.b.watched[k]
		if w == nil || len(w.life) == 0 {
			continue
		}
		index[k] = len(e.Objects)
		e.Objects = append(e.Objects, w.object(k, e.Start, t.isSubject(k)))
	}
	e.Steps = []Step{}
	for _, k := range t.kept {
		s := k.Step
		s.Offset -= e.Start
		for _, o := range k.about {
			if i, ok := index[o]; ok && !slices.Contains(s.Objects, i) {
				s.Objects = append(s.Objects, i)
			}
		}
		e.Steps = append(e.Steps, s)
	}
	return e
}

// object is the form of w that reports show.
func (w *watched) object(k objectKey, start int64, subject bool) Object {
	o := Object{Name: fmt.Sprintf("%s #%d", k.kind, w.number), Kind: k.kind.String(), Label: w.label, Handle: hex(w.handle), Subject: subject, Cut: w.cut}
	for _, s := range append(slices.Clone(w.life), w.tail...) {
		s.Offset = s.ts - start
		o.Life = append(o.Life, s)
	}
	return o
}

// lanes orders the participants: NDIS second, so that of a client and its call manager each
// has a side; further drivers follow as they appear.
func (t *target) lanes(e *Explanation) {
	const ndisLane = 1
	var keys []laneKey
	for i := range t.kept {
		if s := &t.kept[i]; s.Kind == StepRow && !slices.Contains(keys, s.lane) && len(keys) < maxLanes {
			keys = append(keys, s.lane)
		}
	}
	e.Participants = []Lane{}
	for i, k := range keys {
		name := t.b.names[k]
		switch {
		case k == laneKey{}:
			name = "(driver not recorded)"
		case i == maxLanes-1:
			name = "(others)"
		}
		e.Participants = append(e.Participants, Lane{Name: name})
	}
	ndisAt := min(ndisLane, len(keys))
	e.Participants = slices.Insert(e.Participants, ndisAt, Lane{Name: "NDIS", NDIS: true})
	for i := range t.kept {
		s := &t.kept[i]
		if s.Kind != StepRow {
			continue
		}
		at := slices.Index(keys, s.lane)
		if at < 0 {
			at = maxLanes - 1
		}
		if at >= ndisAt {
			at++
		}
		s.From, s.To = at, ndisAt
		if (s.dir == ndis.Up) != s.ret {
			s.From, s.To = ndisAt, at
		}
		if s.self {
			s.From, s.To = at, at
		}
	}
}

func (t *target) finding(e *Explanation, f *replay.Finding) {
	e.Kind, e.Rule, e.Severity, e.Verdict = KindFinding, f.Rule.String(), f.Severity.String(), "violation"
	if f.Inconclusive {
		e.Verdict, e.Why = "inconclusive", f.Why
	}
	e.Message, e.AtFault, e.Driver, e.Adapter = shorten(f.Message), f.AtFault.String(), rows.Cut(f.Driver, maxName), hex(f.Adapter)
	for _, id := range f.Also {
		e.Also = append(e.Also, id.String())
	}
	if ru := f.Rule.Rule(); ru != nil {
		e.Statement, e.Sign, e.Page, e.Inferred = ru.Statement, ru.Sign, ru.Page, ru.Inferred
	}
	e.Next = next(f)
}

// shorten cuts the long names in a message.
func shorten(s string) string {
	if len(s) <= 2*maxName {
		return s
	}
	words := strings.Split(s, " ")
	for i, w := range words {
		words[i] = rows.Cut(w, maxName)
	}
	return rows.Cut(strings.Join(words, " "), 8*maxName)
}

func (t *target) conflict(e *Explanation, x *replay.Conflict) {
	e.Kind, e.Verdict, e.Driver, e.Adapter = KindConflict, "conflict", rows.Cut(x.Contender, maxName), hex(x.Adapter)
	if x.Inconclusive {
		e.Verdict, e.Why = "inconclusive", x.Why
	}
	e.Message = ConflictMessage(x)
	if ru := ConflictRule(x.Kind).Rule(); ru != nil {
		e.Rule, e.Statement, e.Sign, e.Page, e.Inferred = ru.Name, ru.Statement, "", ru.Page, ru.Inferred
	}
	e.Next = nextOfConflict(x)
}

// ConflictRule is the rule that governs conflicts of a kind.
func ConflictRule(k replay.ConflictKind) rule.ID {
	return map[replay.ConflictKind]rule.ID{
		replay.ConflictRefusedRegistration: rule.REG02, replay.ConflictAcceptedRegistration: rule.REG02,
		replay.ConflictRefusedSAP: rule.SAP02, replay.ConflictUnservedOpen: rule.OPEN02,
	}[k]
}

// ConflictMessage says in one sentence who fought over what, since when, and how it ended.
// Names in it are those of the trace, cut to 256 bytes and otherwise as recorded.
func ConflictMessage(x *replay.Conflict) string {
	af := ndis.AFType(x.AF.Type).String()
	if x.AF.HasVersion {
		af += fmt.Sprintf(" %d.%d", x.AF.Major, x.AF.Minor)
	}
	named := func(s, nobody string) string {
		if s == "" {
			return nobody
		}
		return rows.Cut(s, maxName)
	}
	holder, contender := named(x.Holder, "another driver"), named(x.Contender, "a driver")
	status := strings.TrimPrefix(x.Status.String(), "NDIS_STATUS_")
	held := ""
	if x.HeldFor >= 0 {
		held = " for " + Duration(x.HeldFor)
	}
	switch x.Kind {
	case replay.ConflictRefusedRegistration:
		return fmt.Sprintf("%s asked for %s and got %s: %s had held it%s", contender, af, status, holder, held)
	case replay.ConflictAcceptedRegistration:
		return fmt.Sprintf("%s was given %s, which %s had held%s", contender, af, holder, held)
	case replay.ConflictRefusedSAP:
		return fmt.Sprintf("%s asked for a SAP of %s and got %s: %s had held it%s", contender, af, status, holder, held)
	}
	s := fmt.Sprintf("%s opened %s and got %s: ", contender, af, status)
	switch x.Cause {
	case replay.CauseNotYet:
		return s + fmt.Sprintf("nobody served it yet; %s registered it %s later", holder, Duration(rows.Sub(x.Since, x.At)))
	case replay.CauseNoMore:
		if held != "" {
			held = " after it had served it" + held
		}
		if x.Until > x.At {
			return s + fmt.Sprintf("nobody serves it any more; %s was going%s", holder, held)
		}
		return s + fmt.Sprintf("nobody served it any more; %s went %s before%s", holder, Duration(rows.Sub(x.At, x.Until)), strings.Replace(held, " after", ",", 1))
	case replay.CauseOtherVersion:
		return s + fmt.Sprintf("%s serves another version of it", holder)
	}
	return s + "nobody registers it in this trace"
}

// Duration is a length of time, of at most four digits.
func Duration(ns int64) string {
	d := time.Duration(ns)
	for _, unit := range []time.Duration{time.Hour, time.Minute, time.Second, time.Millisecond, time.Microsecond} {
		if d >= unit || d <= -unit {
			return d.Round(unit / 1000).String()
		}
	}
	return d.String()
}
