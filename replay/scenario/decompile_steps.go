package scenario

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// maxIndent is how deep the lines of a text are indented; calls further inside are entered and
// returned on lines of their own.
const maxIndent = MaxDepth / 2

// build writes rows from to end.
func (d *decompiler) build(from, end, depth int) ([]*step, error) {
	var lines []*step
	for i := from; i < end; {
		e := &d.t.Events[i]
		if x, err := d.time(e); err != nil {
			return nil, err
		} else {
			lines = append(lines, x...)
		}
		more, next, err := d.row(i, depth)
		if err != nil {
			return nil, err
		}
		lines, i = append(lines, more...), next
	}
	return lines, nil
}

// do executes a line that is no step.
func (d *decompiler) do(s *step) ([]*step, error) {
	s.form = ':'
	return []*step{s}, d.c.directive(s)
}

// slack is how late or early a row may come where times are not exact.
const slack = int64(100 * time.Microsecond)

// time lets pass what passed before e.
func (d *decompiler) time(e *format.Event) (lines []*step, err error) {
	if e.Source != d.c.source {
		if lines, err = d.do(&step{word: "default", keys: []keyValue{{"source", e.Source.String()}}}); err != nil {
			return nil, err
		}
	}
	passed := e.TS - d.last
	d.last = e.TS
	d.drift += passed - (d.c.ts - d.lastText())
	wait := d.drift
	if !d.m.exact && passed >= 0 {
		if wait < slack {
			return lines, nil
		}
		wait -= wait % (slack / 10)
	}
	d.drift -= wait
	for _, text := range durations(wait) {
		x, err := d.do(&step{word: "wait", args: []string{text}})
		if err != nil {
			return nil, err
		}
		lines = append(lines, x...)
	}
	return lines, nil
}

// lastText is the time of the last row of the text.
func (d *decompiler) lastText() int64 {
	if n := len(d.c.s.Events); n > 0 {
		return d.c.s.Events[n-1].TS
	}
	return d.c.ts
}

// durations writes a time as the words of one or several waits.
func durations(ns int64) (words []string) {
	if ns == 0 {
		return nil
	}
	sign := ""
	rest := uint64(ns)
	if ns < 0 {
		sign, rest = "-", -uint64(ns)
	}
	for _, u := range []struct {
		name string
		ns   uint64
	}{{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}} {
		for n := rest / u.ns; n > 0; n = rest / u.ns {
			n = min(n, 1e9)
			words = append(words, sign+strconv.FormatUint(n, 10)+u.name)
			rest -= n * u.ns
		}
	}
	if len(words) > 1 && rest == 0 && len(words) <= 3 && ns > 0 && ns < 1e12 {
		if text := strconv.FormatFloat(float64(ns)/1e6, 'f', -1, 64) + "ms"; len(text) < 16 {
			if v, err := parseDuration(text); err == nil && v == ns {
				return []string{text}
			}
		}
	}
	return words
}

// duration is a time as one word.
func duration(ns int64) (string, bool) {
	if ns == 0 {
		return "0ns", true
	}
	if w := durations(ns); len(w) == 1 && ns > 0 {
		return w[0], true
	}
	text := strconv.FormatFloat(float64(ns)/1e9, 'f', -1, 64) + "s"
	v, err := parseDuration(text)
	return text, err == nil && v == ns
}

// row writes the row i, and with it the call that it enters; next is the row behind.
func (d *decompiler) row(i, depth int) (lines []*step, next int, err error) {
	e := &d.t.Events[i]
	if e.Phase == format.PhaseGap {
		lines, err = d.gap(i)
		return lines, i + 1, err
	}
	if l := d.loads[i]; l != nil {
		return d.load(i, l)
	}
	u := d.unitOf(e)
	s := &step{form: ':', driver: u.name, thread: d.tid(e)}
	switch {
	case e.Phase == format.PhaseEvent:
		s.form = '='
		return d.single(i, s)
	case e.Phase == format.PhaseReturn && d.k.pair[i] < 0:
		s.word = "row"
		return d.single(i, s)
	case e.Phase == format.PhaseReturn:
		lines, err = d.back(i)
		return lines, i + 1, err
	}
	j := d.k.pair[i]
	switch {
	case j < 0 || j >= 0 && d.k.nested[i] && depth < maxIndent:
	case d.k.own[i] || depth >= maxIndent && d.k.nested[i]:
		s.form, s.thread = '>', s.thread+"."+strconv.Itoa(i)
	default:
		s.form = '>'
	}
	lines, err = d.call(i, s, depth)
	if s.form == ':' && j >= 0 {
		return lines, j + 1, err
	}
	return lines, i + 1, err
}

// load writes the registration of a driver with NDIS.
func (d *decompiler) load(i int, l *load) ([]*step, int, error) {
	e := &d.t.Events[i]
	u := d.unitOf(e)
	s := &step{form: ':', driver: u.name, thread: d.tid(e), word: "load"}
	begun := len(d.c.s.Events)
	if err := d.c.step(s); err != nil {
		return nil, 0, err
	}
	if len(d.c.s.Events)-begun != l.rows {
		return nil, 0, errUnfaithful
	}
	object, _ := parseDetail(d.t.Events[i+1].Detail)
	var v uint64
	if readHandle(object["protocol"], &v) {
		d.bind("protocol", v, d.c.words[u.name+".protocol"])
	}
	for k := range l.rows - 1 {
		d.pass(&d.t.Events[i+k+1], begun+k+1)
	}
	return []*step{s}, i + l.rows, nil
}

// pass notes the time of a row that a line of several gave.
func (d *decompiler) pass(e *format.Event, text int) {
	d.drift += e.TS - d.last - (d.c.s.Events[text].TS - d.c.s.Events[text-1].TS)
	d.last = e.TS
}

// gap writes a gap row. Its beginning keeps its place among the rows.
func (d *decompiler) gap(i int) ([]*step, error) {
	e := &d.t.Events[i]
	s := &step{word: "gap"}
	if e.Has&format.HasLost != 0 {
		s.args = []string{strconv.FormatUint(e.Lost, 10)}
	}
	object, _ := parseDetail(e.Detail)
	var since uint64
	if !readHandle(object["since_ts"], &since) {
		s.keys = []keyValue{{"since", "-"}}
		return d.do(s)
	}
	from := d.c.ts
	switch at := int64(since); {
	case at >= e.TS:
		if at > e.TS {
			return nil, errUnfaithful
		}
	default:
		j := i
		for j > 0 && d.t.Events[j-1].TS >= at {
			j--
		}
		switch {
		case d.m.exact && j == 0:
			from = d.c.ts - (e.TS - at)
		case j == 0 && d.t.Events[0].TS > at:
			from = baseTime - 1
		default: // j is the first row at or after the beginning
			from = d.textTime(j)
			if d.t.Events[j].TS > at {
				before := d.textTime(j - 1)
				from = before + max(1, min(at-d.t.Events[j-1].TS, from-before-1))
			}
		}
	}
	if from == d.c.ts-d.c.tick+min(1, d.c.tick) {
		return d.do(s) // all the time since the row before
	}
	text, ok := duration(d.c.ts - from)
	if !ok {
		return nil, errUnfaithful
	}
	s.keys = []keyValue{{"since", text}}
	return d.do(s)
}

// textTime is the time of row i in the text, or of the row that is about to be written.
func (d *decompiler) textTime(i int) int64 {
	if i < len(d.c.s.Events) {
		return d.c.s.Events[i].TS
	}
	return d.c.ts
}

// single writes a row that is no call.
func (d *decompiler) single(i int, s *step) ([]*step, int, error) {
	e := &d.t.Events[i]
	x := &openStep{s: s, tid: threadOf(e)}
	if s.word == "row" {
		s.args = []string{e.Phase.String(), functionName(e.Function)}
	} else if !d.verb(i, x) {
		s.word, s.args = functionName(e.Function), nil
	}
	if e.Has&format.HasStatus != 0 {
		s.status = statusName(e.Status)
	}
	u := d.c.drivers[s.driver]
	if err := d.arrive(u); err != nil {
		return nil, 0, err
	}
	t := d.c.thread(s)
	oc, err := d.c.prepare(s, t)
	if err != nil {
		return nil, 0, err
	}
	synth := oc.e
	if s.status != "" {
		synth.Status, synth.Has = e.Status, synth.Has|format.HasStatus
		oc.e.Status, oc.e.Has = e.Status, oc.e.Has|format.HasStatus
	}
	s.keys = d.differ(&synth, e, i)
	s.marks = d.found[i]
	if err := d.c.commit(oc, t); err != nil {
		return nil, 0, err
	}
	return []*step{s}, i + 1, nil
}

// arrive says that a driver that the text declares as unseen has no registration to be put in.
func (d *decompiler) arrive(u *driver) error {
	if !u.seen && !contains(u.roles, "unseen") {
		return errUnfaithful // its rows come before its load
	}
	u.seen = true
	return nil
}

func functionName(fn ndis.Func) string {
	if fn == ndis.FuncUnknown {
		return unknownFunction
	}
	return fn.String()
}

// statusName is the short name of a status.
func statusName(v uint32) string {
	name := strings.TrimPrefix(ndis.Status(v).String(), "NDIS_STATUS_")
	if st, err := ndis.ParseStatus(name); err == nil && uint32(st) == v && !strings.ContainsAny(name, " \t#!\"`") {
		return name
	}
	return "0x" + strconv.FormatUint(uint64(v), 16)
}

// call writes a call from its entry on; one whose form is ':' with all that happens inside.
func (d *decompiler) call(i int, s *step, depth int) ([]*step, error) {
	e, j := &d.t.Events[i], d.k.pair[i]
	x := &openStep{s: s, tid: threadOf(e)}
	if !d.verb(i, x) {
		s.word, s.args = functionName(e.Function), nil
	}
	void := e.Function == ndis.FuncUnknown || !returnsStatus(e.Function)
	switch {
	case j < 0:
		s.status, s.bare = "none", true
	case void && e.Has&format.HasStatus != 0:
		s.status = statusName(e.Status)
	case !void && s.form == ':' && d.t.Events[j].Has&format.HasStatus != 0:
		s.status = statusName(d.t.Events[j].Status)
	}
	if s.status == "SUCCESS" {
		s.status = ""
	}
	if err := d.arrive(d.c.drivers[s.driver]); err != nil {
		return nil, err
	}
	t := d.c.thread(s)
	oc, err := d.c.prepare(s, t)
	if err != nil {
		return nil, err
	}
	keys := d.differ(&oc.e, e, i)
	s.keys = keys
	if err := d.c.commit(oc, t); err != nil {
		return nil, err
	}
	x.oc = oc
	s.marks = d.found[i]
	lines := []*step{s}
	switch {
	case j < 0:
		t.calls = t.calls[:len(t.calls)-1]
		s.bare = s.bare && verb(s.word) != nil && len(d.c.usual(s)) > 0
		return lines, nil
	case s.form == '>':
		d.open[i] = x
		d.up = append(d.up, *x)
		return lines, nil
	}
	usual := d.c.usual(s)
	d.up = append(d.up, *x)
	if s.below, err = d.build(i+1, j, depth+1); err != nil {
		return nil, err
	}
	d.done(oc)
	back := &d.t.Events[j]
	waits, err := d.time(back)
	if err != nil {
		return nil, err
	}
	s.below = append(s.below, waits...)
	t.calls = t.calls[:len(t.calls)-1]
	if err := d.giveBack(x, s, j, true); err != nil {
		return nil, err
	}
	d.shorten(s, usual)
	return lines, nil
}

// done says that a call is over.
func (d *decompiler) done(oc *openCall) {
	for n := len(d.up) - 1; n >= 0; n-- {
		if d.up[n].oc == oc {
			d.up = slices.Delete(d.up, n, n+1)
			return
		}
	}
}

// giveBack writes the return of a call: with the step itself, or on a line s of its own.
func (d *decompiler) giveBack(x *openStep, s *step, j int, inside bool) error {
	e, ok, err := d.c.prepareReturn(x.oc, s)
	if err != nil {
		return err
	}
	if !ok {
		return errUnfaithful
	}
	back := &d.t.Events[j]
	keys := d.differ(&e, back, j)
	if err := d.c.commitReturn(x.oc, s, e, keys); err != nil {
		return err
	}
	for _, kv := range keys {
		if inside {
			kv.key = "<" + kv.key
		}
		s.keys = append(s.keys, kv)
	}
	s.marks = append(slices.Clone(s.marks), d.found[j]...)
	return nil
}

// back writes the return of a call that was entered on a line of its own.
func (d *decompiler) back(j int) ([]*step, error) {
	x := d.open[d.k.pair[j]]
	if x == nil {
		return nil, errUnfaithful
	}
	delete(d.open, d.k.pair[j])
	d.done(x.oc)
	e := &d.t.Events[j]
	s := &step{form: '<', driver: x.s.driver, thread: x.s.thread}
	if returnsStatus(e.Function) && e.Has&format.HasStatus != 0 && (e.Status != 0 || x.s.status != "") {
		s.status = statusName(e.Status)
	}
	t := d.c.thread(s)
	if n := len(t.calls); n == 0 || t.calls[n-1] != x.oc {
		return nil, errUnfaithful
	}
	t.calls = t.calls[:len(t.calls)-1]
	if err := d.giveBack(x, s, j, false); err != nil {
		return nil, err
	}
	return []*step{s}, nil
}

// shorten leaves the lines below s out if they are what goes without saying.
func (d *decompiler) shorten(s *step, usual []*step) {
	plain := func(a, b *step) bool { return d.sameStep(a, b) }
	switch {
	case s.word == "bind" && len(usual) == 1 && usual[0].word == "open-adapter":
		if len(s.below) > 0 && plain(s.below[0], usual[0]) && !says(s.below[1:], "open-adapter") {
			s.below = s.below[1:]
		} else if !says(s.below, "open-adapter") {
			s.bare = true
		}
	case s.word == "unbind" && len(usual) == 1 && usual[0].word == "close-adapter":
		if n := len(s.below); n > 0 && plain(s.below[n-1], usual[0]) && !says(s.below[:n-1], "close-adapter") {
			s.below = s.below[:n-1]
		} else if !says(s.below, "close-adapter") {
			s.bare = true
		}
	case len(usual) == 0:
	case len(s.below) == 0:
		s.bare = true
	case slices.EqualFunc(s.below, usual, plain):
		s.below = nil
	}
}

// sameStep says that a is the step b, which goes without saying: nothing is said of it but
// what it is, and what is below it went without saying too.
func (d *decompiler) sameStep(a, b *step) bool {
	status := func(s string) string {
		if s == "SUCCESS" {
			return ""
		}
		return s
	}
	return a.form == b.form && a.driver == b.driver && threadName(a) == threadName(b) && a.word == b.word && !a.bare &&
		slices.Equal(a.args, b.args) && status(a.status) == status(b.status) && len(a.keys)+len(a.marks)+len(a.below) == 0
}

func threadName(s *step) string {
	if s.thread == "" {
		return "1"
	}
	return s.thread
}

// columns by name

// differ gives the columns by which the row of the trace differs from that of the text. A
// value that both have for the first time is the same from here on.
func (d *decompiler) differ(text, e *format.Event, i int) (keys []keyValue) {
	put := func(k, v string) { keys = append(keys, keyValue{k, v}) }
	handle := func(key, class string, bit format.Fields, a, b uint64) {
		switch {
		case e.Has&bit == 0 && text.Has&bit == 0:
		case e.Has&bit == 0:
			put(key, "-")
		case text.Has&bit != 0 && d.unify(class, a, b):
		default:
			put(key, d.nameFor(class, b))
		}
	}
	context := "context of " + label(e)
	handle("adapter", "adapter", format.HasAdapter, text.Adapter, e.Adapter)
	handle("binding", "binding", format.HasBinding, text.Binding, e.Binding)
	handle("af", "af", format.HasAF, text.AF, e.AF)
	handle("sap", "sap", format.HasSAP, text.SAP, e.SAP)
	handle("vc", "vc", format.HasVC, text.VC, e.VC)
	handle("party", "party", format.HasParty, text.Party, e.Party)
	handle("context", context, format.HasContext, text.Context, e.Context)
	handle("context2", context, format.HasContext2, text.Context2, e.Context2)
	number := func(key string, bit format.Fields, a, b uint64) {
		switch {
		case e.Has&bit == 0 && text.Has&bit == 0 || e.Has&text.Has&bit != 0 && a == b:
		case e.Has&bit == 0:
			put(key, "-")
		default:
			put(key, strconv.FormatUint(b, 10))
		}
	}
	const version = format.HasAFMajor | format.HasAFMinor
	if a, b := text.Has&format.HasAFType, e.Has&format.HasAFType; a != b || b != 0 && text.AFType != e.AFType {
		if b == 0 {
			put("af_type", "-")
			text.Has &^= format.HasAFType | version
		} else {
			major, minor := uint32(1), uint32(0)
			if e.Has&version == version {
				major, minor = e.AFMajor, e.AFMinor
			}
			put("af_type", afName(e.AFType, major, minor))
			text.Has |= format.HasAFType | version
			text.AFType, text.AFMajor, text.AFMinor = e.AFType, major, minor
		}
	}
	number("af_major", format.HasAFMajor, uint64(text.AFMajor), uint64(e.AFMajor))
	number("af_minor", format.HasAFMinor, uint64(text.AFMinor), uint64(e.AFMinor))
	number("pid", format.HasPID, uint64(text.PID), uint64(e.PID))
	number("irql", format.HasIRQL, uint64(text.IRQL), uint64(e.IRQL))
	number("tid", format.HasTID, text.TID, d.c.thread(&step{thread: d.tid(e)}).id)
	switch id, other := text.CallID, -1; {
	case e.Has&format.HasCallID == 0:
		if text.Has&format.HasCallID != 0 {
			put("call_id", "-")
		}
	default:
		if first, ok := d.k.twin[i]; ok {
			other = first
		}
		if j := d.k.pair[i]; e.Phase == format.PhaseReturn && j < 0 && other < 0 || text.Has&format.HasCallID == 0 && other < 0 {
			d.ids++
			id = d.ids
		} else if other >= 0 {
			id = d.c.s.Events[other].CallID
		}
		number("call_id", format.HasCallID, text.CallID, id)
	}
	if a, b := text.Has&format.HasDriver, e.Has&format.HasDriver; a != b || b != 0 && text.Driver != e.Driver && d.tag(e) != text.Driver {
		if b == 0 {
			put("driver", "-")
		} else {
			put("driver", d.tag(e))
		}
	}
	if a, b := text.Has&format.HasStatus, e.Has&format.HasStatus; a != b || b != 0 && text.Status != e.Status {
		if b == 0 {
			put("status", "-")
		} else {
			put("status", statusName(e.Status))
		}
	}
	return append(keys, d.differDetail(text, e)...)
}

// tag is the label that the text has for that of the row.
func (d *decompiler) tag(e *format.Event) string {
	if u := d.unitOf(e); u != nil {
		return d.c.drivers[u.name].label
	}
	return printable(e.Driver)
}

func afName(typ, major, minor uint32) string {
	name := ndis.AFType(typ).String()
	if t, err := ndis.ParseAFType(name); err != nil || uint32(t) != typ || strings.ContainsAny(name, "/ ") {
		name = "0x" + strconv.FormatUint(uint64(typ), 16)
	}
	if major != 1 || minor != 0 {
		name += "/" + strconv.FormatUint(uint64(major), 10) + "." + strconv.FormatUint(uint64(minor), 10)
	}
	return name
}

// unify says that the text may use the value a where the trace has b. Values that were not
// seen so far are made one.
func (d *decompiler) unify(class string, a, b uint64) bool {
	if a == 0 || b == 0 {
		return a == b
	}
	if d.m.strict {
		class = ""
	}
	if r, ok := d.real[a]; ok {
		return r == value{class, b}
	}
	if _, ok := d.values[value{class, b}]; ok && d.m.strict {
		return false
	}
	d.bind(class, b, a)
	return true
}

// nameFor is a name for a value that the trace has and the verb does not give.
func (d *decompiler) nameFor(class string, v uint64) string {
	if v == 0 {
		return "0"
	}
	key := value{class, v}
	if d.m.strict {
		key.class = ""
	}
	if text, ok := d.values[key]; ok {
		return d.nameOf(text)
	}
	kind := map[string]byte{"adapter": 'A', "binding": 'b', "af": 'o', "sap": 's', "vc": 'v', "party": 'p', "oid_request": 'r'}[class]
	if kind == 0 {
		kind = 'c'
	}
	name := d.fresh(kind)
	d.bind(class, v, d.c.word(name))
	return name
}

// nameOf is the word for a value of the text.
func (d *decompiler) nameOf(text uint64) string {
	if name, ok := d.c.names[text]; ok && d.c.words[name] == text {
		return name
	}
	return hex(text)
}

// prefixes of the names that objects get.
var prefixes = map[byte]string{'A': "adapter", 'b': "binding", 'o': "af", 's': "sap", 'v': "vc", 'p': "p", 'r': "r", 'c': "x"}

// fresh is a name that nothing has yet.
func (d *decompiler) fresh(kind byte) string {
	for {
		d.count[kind]++
		name := prefixes[kind] + strconv.Itoa(d.count[kind])
		if _, ok := d.c.words[name]; !ok && d.c.drivers[name] == nil && d.c.adapters[name] == nil {
			d.kinds[name] = kind
			return name
		}
	}
}

// detail

func parseDetail(text string) (map[string]json.RawMessage, bool) {
	object := map[string]json.RawMessage{}
	if text == "" {
		return object, true
	}
	err := json.Unmarshal([]byte(text), &object)
	return object, err == nil && object != nil
}

func unmarshal(raw json.RawMessage, to any) error { return json.Unmarshal(raw, to) }

// readHandle reads a handle or number as the replay does.
func readHandle(raw json.RawMessage, to *uint64) bool {
	text := strings.TrimSpace(string(raw))
	if s, err := strconv.Unquote(text); err == nil && strings.HasPrefix(text, `"`) {
		text = s
	}
	base := 10
	if rest, ok := strings.CutPrefix(strings.ToLower(text), "0x"); ok {
		text, base = rest, 16
	}
	if strings.ContainsAny(text, "_+-") {
		return false
	}
	v, err := strconv.ParseUint(text, base, 64)
	*to = v
	return err == nil
}

// differDetail is differ for the keys of detail.
func (d *decompiler) differDetail(text, e *format.Event) (keys []keyValue) {
	have, _ := parseDetail("")
	if text.Has&format.HasDetail != 0 {
		have, _ = parseDetail(text.Detail)
	}
	want := map[string]json.RawMessage{}
	if e.Has&format.HasDetail != 0 {
		var ok bool
		if want, ok = parseDetail(e.Detail); !ok {
			// The replay takes what it can read of it; a reader of traces refuses it.
			return []keyValue{{"detail:", strings.ReplaceAll(printable(e.Detail), "`", "_")}}
		}
	}
	odd := false
	for k := range want {
		odd = odd || !plainKey(k)
	}
	if odd { // keys that cannot stand before a "="
		rest := map[string]json.RawMessage{}
		for k, v := range want {
			if !plainKey(k) {
				rest[k] = v
			}
		}
		if raw, err := json.Marshal(rest); err == nil {
			keys = append(keys, keyValue{"detail:", backquotable(string(raw))})
		}
		have = nil
	}
	for _, k := range slices.Sorted(maps.Keys(have)) {
		if _, ok := want[k]; !ok {
			keys = append(keys, keyValue{columnOrKey(k), "-"})
		}
	}
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if !plainKey(k) {
			continue
		}
		if key := ndis.Detail(k); key != nil {
			if v, same, ok := d.detailValue(key, e, have[k], want[k]); same {
				continue
			} else if ok && quotable(v) && v != "-" {
				keys = append(keys, keyValue{columnOrKey(k), v})
				continue
			}
		} else if string(have[k]) == string(want[k]) {
			continue
		}
		keys = append(keys, keyValue{"detail." + k + ":", backquotable(string(want[k]))})
	}
	return keys
}

// backquotable writes JSON so that it can stand in backquotes.
func backquotable(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			b.WriteByte(' ')
		case r != '`' && shows(r):
			b.WriteRune(r)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, hi, lo)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// plainKey says that a key can be written before a "=".
func plainKey(k string) bool {
	for _, r := range k {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '.' {
			return false
		}
	}
	return k != ""
}

// columnOrKey is what stands before the "=" for a key of detail.
func columnOrKey(k string) string {
	switch k {
	case "sap", "adapter", "binding", "af", "vc", "party", "context", "context2", "tid", "call_id", "pid", "cpu", "irql", "driver", "status", "af_type", "af_major", "af_minor":
		return "detail." + k
	}
	return k
}

// detailValue writes the value of a key that the replay knows, unless the text has it already.
func (d *decompiler) detailValue(key *ndis.DetailKey, e *format.Event, have, want json.RawMessage) (v string, same, ok bool) {
	switch key.JSON {
	case ndis.JSONHandle:
		var a, b uint64
		if !readHandle(want, &b) {
			return "", false, false
		}
		class := key.Name
		switch key.Name {
		case "miniport_context":
			class = "context of " + label(e)
		case "unbind_context":
			class = "unbind_context"
		}
		if have != nil && readHandle(have, &a) && d.unify(class, a, b) {
			return "", true, true
		}
		if u := d.unitOf(e); key.Name == "protocol" && u != nil && b != 0 {
			// The driver's own NdisProtocolHandle, if that has no value yet.
			own := d.c.words[u.name+".protocol"]
			_, seen := d.values[value{class, b}]
			if _, taken := d.real[own]; own != 0 && !taken && !seen && !d.m.strict {
				d.bind(class, b, own)
			}
		}
		return d.nameFor(class, b), false, true
	case ndis.JSONInteger:
		var a, b uint64
		if !readHandle(want, &b) {
			return "", false, false
		}
		if have != nil && readHandle(have, &a) && a == b {
			return "", true, true
		}
		if key.Name == "oid" || key.Name == "flags" {
			return hex(b), false, true
		}
		return strconv.FormatUint(b, 10), false, true
	case ndis.JSONBool:
		var b bool
		if json.Unmarshal(want, &b) != nil || string(want) == "null" {
			return "", false, false
		}
		return strconv.FormatBool(b), string(have) == string(want), true
	case ndis.JSONStrings:
		var a, b []string
		if json.Unmarshal(want, &b) != nil || b == nil {
			return "", string(have) == string(want), false
		}
		if have != nil && json.Unmarshal(have, &a) == nil && slices.Equal(a, b) {
			return "", true, true
		}
		for _, x := range b {
			if x == "" || strings.Contains(x, ",") {
				return "", false, false
			}
		}
		return strings.Join(b, ","), false, true
	}
	var a, b string
	if json.Unmarshal(want, &b) != nil || string(want) == "null" {
		return "", false, false
	}
	if have != nil && json.Unmarshal(have, &a) == nil && a == b {
		return "", true, true
	}
	return b, false, true
}
