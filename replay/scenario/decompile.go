package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// Trace is what Decompile turns into text.
type Trace struct {
	Events    []format.Event
	Metadata  map[string]string
	Truncated bool              // it was cut short
	Options   map[string]string // "option" lines
	Prose     string            // comment to open with
}

// MaxEvents is how many rows Decompile takes: their text has room in MaxLines.
const MaxEvents = MaxLines / 4

// errUnfaithful says that a text does not give the rows and findings that it was made of.
var errUnfaithful = errors.New("the text does not give the same rows")

// Decompile writes the trace as a scenario: names instead of pointers, one step a line, with
// the findings and conflicts of a replay as what the scenario expects. A step that no verb
// expresses is a function by its name, with its columns; a row that is no step is a "row".
//
// Handles, contexts, threads, call ids and the position of rows are numbered anew; Ticks and
// CPU are left out. Times are kept to a tenth of a millisecond. The text is compiled and
// replayed; if that does not find the same as in the trace, it is written once more with exact
// times and with every value told apart. A trace that no text can express is an error.
//
// Memory and time grow with the number of rows, which MaxEvents bounds.
func Decompile(name string, t *Trace) (string, error) {
	if len(t.Events) > MaxEvents {
		return "", fmt.Errorf("%s: %d rows are too many for a text: at most %d", name, len(t.Events), MaxEvents)
	}
	given := t
	t = &Trace{Events: make([]format.Event, len(given.Events)), Metadata: given.Metadata, Truncated: given.Truncated, Options: given.Options, Prose: given.Prose}
	last, ordered := uint64(0), true
	for i := range given.Events {
		t.Events[i] = clean(given.Events[i])
		ordered = ordered && (i == 0 || t.Events[i].Seq > last)
		last = t.Events[i].Seq
	}
	if !ordered { // rows are told apart by their position
		for i := range t.Events {
			t.Events[i].Seq = uint64(i + 1)
		}
	}
	want, err := (&Scenario{Name: name, Events: t.Events, Metadata: t.Metadata, Options: t.Options, Cut: t.Truncated}).Replay(1 << 16)
	if err != nil {
		return "", err
	}
	for _, m := range []manner{{}, {strict: true}, {exact: true}, {exact: true, strict: true}, {exact: true, strict: true, plain: true}} {
		if !m.exact && t.Metadata[format.MetaOrderUncertainty] != "" {
			continue // the rules depend on every nanosecond
		}
		var text string
		if text, err = t.write(name, m, want); err == nil {
			return text, nil
		}
	}
	return "", fmt.Errorf("%s: it cannot be written as a scenario: %w", name, err)
}

// manner says how near to the trace a text keeps.
type manner struct {
	exact  bool // every nanosecond
	strict bool // a value is the same object for ever, whatever it stands for
	plain  bool // no verbs
}

// write makes the text in one manner, and proves it.
func (t *Trace) write(name string, m manner, want *replay.Result) (string, error) {
	var d *decompiler
	var extra []unseenAdapter
	for range 8 { // until every adapter that must be declared is known
		d = newDecompiler(name, t, m, want, extra)
		if err := d.run(); err != nil {
			return "", err
		}
		if len(d.extra) == len(extra) {
			break
		}
		extra = d.extra
	}
	text := d.text("")
	s, err := Compile(name, text)
	if err != nil {
		return "", err
	}
	if len(s.Events) != len(t.Events) {
		return "", errUnfaithful
	}
	got, err := s.Replay(1 << 16)
	if err != nil {
		return "", err
	}
	if err := t.same(want, got); err != nil {
		return "", err
	}
	text = d.text(expectations(s, got))
	if s, err = Compile(name, text); err != nil {
		return "", err
	}
	if wrong := s.Verify(got); len(wrong) > 0 {
		return "", fmt.Errorf("%w: %s", errUnfaithful, wrong[0])
	}
	return text, nil
}

// same compares what the replay found in the trace with what it found in its text, whose
// rows are numbered from 1.
func (t *Trace) same(want, got *replay.Result) error {
	at := make(map[uint64]uint64, len(t.Events))
	for i := range t.Events {
		at[t.Events[i].Seq] = uint64(i + 1)
	}
	rows := func(seqs []uint64) []uint64 {
		var out []uint64
		for _, s := range seqs {
			out = append(out, at[s])
		}
		return out
	}
	differ := func(what string, a, b any) error { return fmt.Errorf("%w: %s %v became %v", errUnfaithful, what, a, b) }
	if len(want.Findings) != len(got.Findings) {
		return differ("number of findings", len(want.Findings), len(got.Findings))
	}
	for i := range want.Findings {
		a, b := &want.Findings[i], &got.Findings[i]
		if a.Rule != b.Rule || at[a.Seq] != b.Seq || a.Severity != b.Severity || a.Inconclusive != b.Inconclusive ||
			a.AtFault != b.AtFault || !slices.Equal(a.Also, b.Also) || !slices.Equal(rows(a.Events), b.Events) {
			return differ("finding", FindingLine(a), FindingLine(b))
		}
	}
	if len(want.Conflicts) != len(got.Conflicts) {
		return differ("number of conflicts", len(want.Conflicts), len(got.Conflicts))
	}
	for i := range want.Conflicts {
		a, b := &want.Conflicts[i], &got.Conflicts[i]
		if a.Kind != b.Kind || a.AF != b.AF || a.Status != b.Status || !slices.Equal(rows(a.Events), b.Events) {
			return differ("conflict", ConflictLine(a), ConflictLine(b))
		}
	}
	if !maps.Equal(want.Defects, got.Defects) {
		return differ("defects", want.Defects, got.Defects)
	}
	if want.Verdict != got.Verdict {
		return differ("verdict", want.Verdict, got.Verdict)
	}
	return nil
}

// expectations are the lines that say what a replay of s must find beside its marks.
func expectations(s *Scenario, r *replay.Result) string {
	var b strings.Builder
	for _, i := range s.unmarked(r) {
		f := &r.Findings[i]
		fmt.Fprintf(&b, "expect finding %s\n", markOf(f))
	}
	for i := range r.Conflicts {
		x := &r.Conflicts[i]
		line := ConflictLine(x) // kind, AF, holder and contender, and what else there is to say
		if k := strings.LastIndex(line, " "+x.Status.String()); k > 0 {
			line = line[:k]
		}
		fmt.Fprintf(&b, "expect conflict %s\n", line)
	}
	for _, k := range slices.Sorted(maps.Keys(r.Defects)) {
		if n := r.Defects[k]; n > 0 {
			fmt.Fprintf(&b, "expect defect %s %d\n", k, n)
		}
	}
	fmt.Fprintf(&b, "expect verdict %s\n", r.Verdict)
	return b.String()
}

func markOf(f *replay.Finding) string {
	if f.Inconclusive {
		return f.Rule.String() + "?"
	}
	return f.Rule.String()
}

// call structure

// calls pairs the entry and return rows as the replay does, and says which calls have all
// that happens inside them between their own rows.
type calls struct {
	pair   []int       // entry to return and back; -1
	nested []bool      // entries whose lines are indented
	own    []bool      // entries that do not return in the order of their thread
	twin   map[int]int // entry, or return, that bears the call id of an open call -> that entry
}

type callKey struct {
	ns, id uint64
}

func callNS(e *format.Event) uint64 {
	if e.Source == format.SourceUprobe && e.Has&format.HasPID != 0 {
		return uint64(e.PID)
	}
	return 0
}

type threadID struct {
	pid   uint32
	tid   uint64
	known bool
}

func threadOf(e *format.Event) threadID {
	t := threadID{known: e.Has&format.HasTID != 0}
	if t.known {
		t.tid = e.TID
	}
	if e.Has&format.HasPID != 0 {
		t.pid = e.PID
	}
	return t
}

func pairCalls(events []format.Event) *calls {
	k := &calls{pair: make([]int, len(events)), nested: make([]bool, len(events)), own: make([]bool, len(events)), twin: map[int]int{}}
	byID := map[callKey]int{}
	stacks := map[threadID][]int{}
	for i := range events {
		e := &events[i]
		k.pair[i] = -1
		id := callKey{callNS(e), e.CallID}
		switch e.Phase {
		case format.PhaseEnter:
			if e.Has&format.HasCallID != 0 {
				if first, dup := byID[id]; dup {
					k.twin[i] = first
				} else {
					byID[id] = i
				}
			}
			stacks[threadOf(e)] = append(stacks[threadOf(e)], i)
		case format.PhaseReturn:
			from := -1
			if e.Has&format.HasCallID != 0 {
				if first, ok := byID[id]; ok {
					if k.twin[i] = first; events[first].Function == e.Function {
						from = first
						delete(byID, id)
						delete(k.twin, i)
					}
				}
			} else {
				s := stacks[threadOf(e)]
				for n := len(s) - 1; n >= 0 && n >= len(s)-MaxDepth && from < 0; n-- {
					if x := s[n]; k.pair[x] < 0 && events[x].Function == e.Function {
						from = x
						e := &events[x]
						if id := (callKey{callNS(e), e.CallID}); e.Has&format.HasCallID != 0 && byID[id] == x {
							delete(byID, id)
						}
					}
				}
			}
			if from < 0 {
				continue
			}
			k.pair[from], k.pair[i] = i, from
			t := threadOf(&events[from])
			s := stacks[t]
			for len(s) > 0 && (s[len(s)-1] == from || k.pair[s[len(s)-1]] >= 0) {
				s = s[:len(s)-1]
			}
			stacks[t] = s
		}
	}
	// What is open when a call returns, entered after it, outlives it.
	var open []int
	crossed := make([]bool, len(events))
	threads := map[threadID][]int{}
	closed := func(s []int, now int) []int {
		for len(s) > 0 && k.pair[s[len(s)-1]] <= now {
			s = s[:len(s)-1]
		}
		return s
	}
	for i := range events {
		j := k.pair[i]
		if j < 0 {
			continue
		}
		if j > i {
			open = append(open, i)
			t := threadOf(&events[i])
			threads[t] = append(threads[t], i)
			continue
		}
		open = closed(open, i)
		k.nested[j] = !crossed[j] && (len(open) == 0 || open[len(open)-1] < j)
		for n := len(open) - 1; n >= max(0, len(open)-MaxDepth) && open[n] > j; n-- {
			crossed[open[n]] = true // it is easier to read if neither is indented
		}
		t := threadOf(&events[j])
		threads[t] = closed(threads[t], i)
		if s := threads[t]; len(s) > 0 && s[len(s)-1] > j {
			k.own[j] = true
		}
	}
	return k
}

// onePID says that all rows that name a process name the same one.
func onePID(events []format.Event) bool {
	var pid uint32
	seen := false
	for i := range events {
		if e := &events[i]; e.Has&format.HasPID != 0 {
			if seen && e.PID != pid {
				return false
			}
			pid, seen = e.PID, true
		}
	}
	return true
}

// mostCommon is the value that most rows have.
func mostCommon[T cmp.Ordered](count map[T]int) (most T) {
	n := 0
	for v, k := range count {
		if k > n || k == n && v < most {
			most, n = v, k
		}
	}
	return most
}

// isMiniport says that a function is called by a miniport driver, or is one of its callbacks.
func isMiniport(fn ndis.Func) bool {
	name := fn.String()
	return strings.HasPrefix(name, "Miniport") || strings.HasPrefix(name, "NdisM")
}
