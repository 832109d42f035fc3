package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// decompiler writes lines and executes each of them with a compiler at once, so that it
// knows what a verb would give and only says by name what differs from the trace.
type decompiler struct {
	c      *compiler
	t      *Trace
	m      manner
	k      *calls
	found  map[int][]string // row -> marks
	values map[value]uint64 // of the trace -> of the text
	real   map[uint64]value // the other way round
	kinds  map[string]byte  // name -> kind of object
	count  map[byte]int     // names given
	units  map[string]*unit // label and side -> driver
	list   []*unit
	homes  map[uint64]string // adapter handle -> name
	heads  []*step           // declarations, and what is true of all rows
	lines  []*step
	extra  []unseenAdapter
	known  map[string]string // unseenAdapter.key -> name
	tids   map[threadID]string
	open   map[int]*openStep
	last   int64 // time of the row before
	drift  int64 // by how much the text is late
	up     []openStep
	ids    uint64 // call ids of rows that belong to no call
	loads  map[int]*load
	onePID bool
}

// value is a number of the trace with what it stands for; "" if that is not told apart.
type value struct {
	class string
	v     uint64
}

// unit is a driver of the text. A label whose rows are those of a protocol and of a miniport
// is two.
type unit struct {
	name, label string
	miniport    bool
	roles       []string
}

// unseenAdapter is an adapter that only its bindings tell of.
type unseenAdapter struct{ key, name string }

// openStep is a call that is being written.
type openStep struct {
	s    *step
	oc   *openCall
	word string
	args []string
	tid  threadID
}

// load is the registration of a driver with NDIS.
type load struct {
	roles []string
	rows  int
}

func newDecompiler(name string, t *Trace, m manner, r *replay.Result, extra []unseenAdapter) *decompiler {
	d := &decompiler{
		c: newCompiler(name), t: t, m: m, k: pairCalls(t.Events), found: map[int][]string{},
		values: map[value]uint64{}, real: map[uint64]value{}, kinds: map[string]byte{}, count: map[byte]int{},
		units: map[string]*unit{}, homes: map[uint64]string{}, known: map[string]string{}, tids: map[threadID]string{},
		open: map[int]*openStep{}, ids: 1 << 40, loads: map[int]*load{}, onePID: onePID(t.Events), extra: slices.Clone(extra),
	}
	at := make(map[uint64]int, len(t.Events))
	for i := range t.Events {
		at[t.Events[i].Seq] = i
	}
	for i := range r.Findings {
		if row, ok := at[r.Findings[i].Seq]; ok {
			d.found[row] = append(d.found[row], markOf(&r.Findings[i]))
		}
	}
	return d
}

// text renders what was written, with the lines that say what a replay must find.
func (d *decompiler) text(expect string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimRight(d.t.Prose, "\n"), "\n") {
		if line != "" {
			fmt.Fprintf(&b, "# %s\n", printable(line))
		}
	}
	for _, s := range d.heads {
		s.render(&b, 0, nil)
	}
	b.WriteString("\n")
	for _, s := range d.lines {
		s.render(&b, 0, nil)
	}
	if d.t.Truncated {
		b.WriteString("cut\n")
	}
	if expect != "" {
		b.WriteString("\n" + expect)
	}
	return b.String()
}

// render writes a step with the lines below it.
func (s *step) render(b *strings.Builder, depth int, parent *step) {
	for range depth {
		b.WriteString("  ")
	}
	if s.driver != "" && (parent == nil || s.form != ':' || s.driver != parent.driver || threadName(s) != threadName(parent)) && !isTiming(s.word) {
		b.WriteString(s.driver)
		usual := "1"
		if parent != nil {
			usual = threadName(parent)
		}
		if name := threadName(s); name != usual {
			b.WriteString("/" + name)
		}
		b.WriteByte(s.form)
		if s.form != '<' {
			b.WriteByte(' ')
		}
	}
	b.WriteString(s.word)
	if s.bare {
		b.WriteByte('.')
	}
	for _, a := range s.args {
		b.WriteString(" " + quoted(a))
	}
	for _, kv := range s.keys {
		b.WriteString(" " + kv.key + "=" + quoted(kv.value))
	}
	if s.status != "" {
		b.WriteString(" -> " + s.status)
	}
	for _, m := range s.marks {
		b.WriteString(" !" + m)
	}
	b.WriteByte('\n')
	for _, x := range s.below {
		x.render(b, depth+1, s)
	}
}

// quoted is text as a part of a line. What no quote can hold was kept out before.
func quoted(text string) string {
	switch {
	case text != "" && !strings.ContainsAny(text, " \t#\"`"):
		return text
	case !strings.Contains(text, `"`):
		return `"` + text + `"`
	}
	return "`" + text + "`"
}

// quotable says that quoted can write text.
func quotable(text string) bool {
	if strings.Contains(text, `"`) && strings.Contains(text, "`") {
		return false
	}
	return printable(text) == text
}

// printable is text without what an editor or a terminal does not show as it is.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !shows(r) {
			return '_'
		}
		return r
	}, text)
}

// shows says that a character is seen where it stands: it controls nothing, and turns no text
// around.
func shows(r rune) bool { return unicode.IsPrint(r) && r != utf8.RuneError }

// run writes all lines.
func (d *decompiler) run() error {
	if err := d.declare(); err != nil {
		return err
	}
	if len(d.t.Events) > 0 {
		d.last = d.t.Events[0].TS
	}
	var err error
	if d.lines, err = d.build(0, len(d.t.Events), 0); err != nil {
		return err
	}
	d.fold()
	return nil
}

// head adds a declaration and executes it.
func (d *decompiler) head(s *step) error {
	s.form = ':'
	d.heads = append(d.heads, s)
	return d.c.step(s)
}

// declare writes what stands before the steps: columns that all rows share, drivers and
// adapters.
func (d *decompiler) declare() error {
	for _, k := range slices.Sorted(maps.Keys(d.t.Options)) {
		if err := d.head(&step{word: "option", keys: []keyValue{{k, d.t.Options[k]}}}); err != nil {
			return err
		}
	}
	for _, k := range []string{format.MetaLevel, format.MetaOrderUncertainty, format.MetaLostEvents, format.MetaLostBuffers} {
		if v, ok := d.t.Metadata[k]; ok && quotable(v) {
			if err := d.head(&step{word: "meta", keys: []keyValue{{k, v}}}); err != nil {
				return err
			}
		}
	}
	if d.m.exact {
		deltas := map[int64]int{}
		for i := 1; i < len(d.t.Events); i++ {
			if x := d.t.Events[i].TS - d.t.Events[i-1].TS; x >= 0 && x < 1e9 {
				deltas[x]++
			}
		}
		if tick := mostCommon(deltas); tick != stepTime {
			text, _ := duration(tick)
			if err := d.head(&step{word: "tick", args: []string{text}}); err != nil {
				return err
			}
		}
	}
	if err := d.declareDefaults(); err != nil {
		return err
	}
	d.findUnits()
	d.findLoads()
	taken := map[string]bool{}
	for _, u := range d.list {
		u.name = d.driverName(u, taken)
		s := &step{word: "driver", args: []string{u.name}}
		switch {
		case u.miniport && u.label == u.name:
			continue // its adapter declares it
		case u.miniport:
			s.args = append(s.args, "miniport")
		case u.roles != nil:
			s.args = append(s.args, u.roles...)
		default:
			s.args = append(s.args, "unseen")
		}
		if u.label != u.name {
			s.keys = []keyValue{{"label", u.label}}
		}
		if err := d.head(s); err != nil {
			return err
		}
		if !u.miniport {
			d.learn(u.name+".protocol", 0)
		}
	}
	return d.declareAdapters(taken)
}

func (d *decompiler) declareDefaults() error {
	pid, irql, source := map[uint64]int{}, map[uint64]int{}, map[uint64]int{}
	rows, tids, ids := 0, 0, 0
	for i := range d.t.Events {
		e := &d.t.Events[i]
		source[uint64(e.Source)]++
		switch e.Function {
		case ndis.NdisRegisterProtocolDriver, ndis.ProtocolSetOptions, ndis.NdisSetOptionalHandlers:
			continue // see "load"
		}
		if e.Phase == format.PhaseGap {
			continue
		}
		rows++
		const none = 1 << 40
		if e.Has&format.HasPID == 0 {
			pid[none]++
		} else {
			pid[uint64(e.PID)]++
		}
		if e.Has&format.HasIRQL == 0 {
			irql[none]++
		} else {
			irql[uint64(e.IRQL)]++
		}
		if e.Has&format.HasTID != 0 {
			tids++
		}
		if e.Has&format.HasCallID != 0 {
			ids++
		}
	}
	s := &step{word: "default"}
	number := func(key string, count map[uint64]int, usual uint64) {
		if len(count) == 0 {
			return
		}
		switch v := mostCommon(count); {
		case v == 1<<40:
			s.keys = append(s.keys, keyValue{key, "-"})
		case v != usual:
			s.keys = append(s.keys, keyValue{key, strconv.FormatUint(v, 10)})
		}
	}
	number("pid", pid, 4)
	number("irql", irql, 0)
	if rows > 0 && tids == 0 {
		s.keys = append(s.keys, keyValue{"tid", "-"})
	}
	if rows > 0 && ids == 0 {
		s.keys = append(s.keys, keyValue{"call_id", "-"})
	}
	if x := format.Source(mostCommon(source)); len(source) > 0 && x != format.SourceScenario {
		s.keys = append(s.keys, keyValue{"source", x.String()})
	}
	if len(s.keys) == 0 {
		return nil
	}
	return d.head(s)
}

// findUnits lists the drivers. A label with rows of a protocol and of a miniport is two of
// them; rows without a label belong to one for each side.
func (d *decompiler) findUnits() {
	protocol := map[string]bool{}
	miniport := map[string]bool{}
	for i := range d.t.Events {
		e := &d.t.Events[i]
		if e.Phase == format.PhaseGap {
			continue
		}
		switch l := label(e); {
		case isMiniport(e.Function):
			miniport[l] = true
		default:
			switch e.Function {
			case ndis.NdisRegisterProtocolDriver, ndis.ProtocolSetOptions, ndis.ProtocolBindAdapterEx, ndis.NdisOpenAdapterEx,
				ndis.NdisClOpenAddressFamilyEx, ndis.NdisCmRegisterAddressFamilyEx, ndis.ProtocolUnbindAdapterEx:
				protocol[l] = true
			}
		}
	}
	for i := range d.t.Events {
		e := &d.t.Events[i]
		if e.Phase == format.PhaseGap {
			continue
		}
		l := label(e)
		down := isMiniport(e.Function) || miniport[l] && !protocol[l] && l != "-"
		side := l
		if l == "-" {
			side = l + sideOf(e.Function)
		}
		if down {
			side += "\x00"
		}
		u := d.units[side]
		if u == nil {
			u = &unit{label: l, miniport: down}
			if l == "-" {
				u.name = strings.TrimPrefix(sideOf(e.Function), "/")
			}
			d.units[side] = u
			d.list = append(d.list, u)
		}
	}
	// A driver is looked up by the row again.
	for side, u := range d.units {
		if u.miniport {
			if label := strings.TrimSuffix(side, "\x00"); d.units[label] == nil && u.label != "-" {
				d.units[label] = u
			}
		}
	}
}

// label is the label of the row, "-" if it has none.
func label(e *format.Event) string {
	if e.Has&format.HasDriver == 0 {
		return "-"
	}
	return e.Driver
}

// sideOf names who runs a function of which the trace does not say so.
func sideOf(fn ndis.Func) string {
	name := fn.String()
	switch {
	case isMiniport(fn):
		return "/miniport"
	case strings.HasPrefix(name, "NdisCm") || strings.HasPrefix(name, "ProtocolCm"):
		return "/manager"
	case strings.HasPrefix(name, "NdisCl") || strings.HasPrefix(name, "ProtocolCl"):
		return "/client"
	}
	return "/protocol"
}

// unitOf is the driver that a row belongs to.
func (d *decompiler) unitOf(e *format.Event) *unit {
	l := label(e)
	if l == "-" {
		l += sideOf(e.Function)
	}
	if isMiniport(e.Function) {
		l += "\x00"
	}
	return d.units[l]
}

// driverName is a word for a driver that no other has.
func (d *decompiler) driverName(u *unit, taken map[string]bool) string {
	base := u.name
	if base == "" {
		base = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.' {
				return r
			}
			return '_'
		}, u.label)
		base = strings.Trim(base, "._-")
	}
	if base == "" {
		base = "driver"
	}
	if c := base[0]; c >= '0' && c <= '9' {
		base = "d" + base
	}
	base = base[:min(len(base), 40)]
	name := base
	for n := 2; taken[name]; n++ {
		name = base + "_" + strconv.Itoa(n)
	}
	taken[name] = true
	if !quotable(u.label) || u.label == "" || u.label == "-" && u.name == "" {
		u.label = name
	}
	return name
}

// learn notes what kind of object a name stands for.
func (d *decompiler) learn(name string, kind byte) {
	if kind != 0 {
		d.kinds[name] = kind
	}
}

// declareAdapters writes the adapters that rows name, and those that had to be made up.
func (d *decompiler) declareAdapters(taken map[string]bool) error {
	type about struct {
		handle    uint64
		owner, co string
		mcm       bool
	}
	var list []*about
	by := map[uint64]*about{}
	for i := range d.t.Events {
		e := &d.t.Events[i]
		if e.Has&format.HasAdapter == 0 || e.Adapter == 0 {
			continue
		}
		a := by[e.Adapter]
		if a == nil {
			a = &about{handle: e.Adapter}
			by[e.Adapter] = a
			list = append(list, a)
		}
		u := d.unitOf(e)
		if u != nil && u.miniport && a.owner == "" {
			a.owner = u.name
		}
		switch e.Function {
		case ndis.NdisMCmRegisterAddressFamilyEx:
			a.mcm = true
		case ndis.MiniportInitializeEx:
			if e.Phase == format.PhaseEnter {
				if strings.Contains(e.Detail, `"role":"mcm"`) {
					a.mcm = true
				}
				if strings.Contains(e.Detail, `"co":false`) {
					a.co = "legacy"
				}
			}
		}
	}
	adapter := func(name, owner, role string, mcm bool) *step {
		s := &step{word: "adapter", args: []string{name}}
		switch {
		case mcm:
			s.args = append(s.args, "mcm")
		case role != "":
			s.args = append(s.args, role)
		}
		s.args = append(s.args, "unseen")
		if owner == "" {
			owner = "miniport"
			for n := 2; taken[owner]; n++ {
				owner = "miniport_" + strconv.Itoa(n)
			}
		}
		if owner != "miniport" {
			s.args = append(s.args, owner)
		}
		return s
	}
	names := 0
	next := func() string {
		for {
			name := string(rune('A' + names%26))
			if names >= 26 {
				name += strconv.Itoa(names / 26)
			}
			if names++; !taken[name] {
				return name
			}
		}
	}
	for _, a := range list {
		name := next()
		s := adapter(name, a.owner, a.co, a.mcm)
		d.learn(name, 'a')
		d.homes[a.handle] = name
		if err := d.head(s); err != nil {
			return err
		}
		d.bind("adapter", a.handle, d.c.words[name])
	}
	for i, x := range d.extra {
		name := next()
		d.extra[i].name = name
		d.known[x.key] = name
		d.learn(name, 'a')
		if err := d.head(adapter(name, "", "", false)); err != nil {
			return err
		}
	}
	d.count['a'] = names
	for _, u := range d.list {
		if u.miniport && d.c.drivers[u.name] == nil {
			if err := d.head(&step{word: "driver", args: []string{u.name, "miniport"}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// fold leaves out the registration of a driver just before its first step, and lets the
// adapters that come up at the very start do so where they are declared.
func (d *decompiler) fold() {
	d.lines = withoutLoads(d.lines)
	for _, h := range d.heads {
		if h.word != "adapter" || len(d.lines) == 0 {
			continue
		}
		s, a := d.lines[0], d.c.adapters[h.args[0]]
		if s.word != "init" || s.form != ':' || s.driver != a.owner || s.thread != "1" || s.args[0] != a.name ||
			len(s.keys)+len(s.marks)+len(s.below) > 0 || s.status != "" {
			return
		}
		i := slices.Index(h.args, "unseen")
		h.args = slices.Delete(h.args, i, i+1)
		if a.role == "mcm" {
			h.args = slices.Insert(h.args, i, "up")
		}
		d.lines = d.lines[1:]
	}
}

func withoutLoads(lines []*step) []*step {
	out := lines[:0]
	for i, s := range lines {
		s.below = withoutLoads(s.below)
		if s.word == "load" && i+1 < len(lines) {
			if n := lines[i+1]; n.driver == s.driver && n.thread == "1" && s.thread == "1" {
				continue
			}
		}
		out = append(out, s)
	}
	return out
}

// findLoads finds the rows in which a driver registers with NDIS just as "load" does.
func (d *decompiler) findLoads() {
	for i := range d.t.Events {
		e := &d.t.Events[i]
		if e.Phase != format.PhaseEnter || e.Function != ndis.NdisRegisterProtocolDriver || d.m.plain {
			continue
		}
		u := d.unitOf(e)
		if u == nil || u.miniport || u.roles != nil || u.label == "-" {
			continue
		}
		if l := d.loadAt(i); l != nil && !d.actedBefore(u, i) {
			d.loads[i], u.roles = l, l.roles
		}
	}
}

func (d *decompiler) actedBefore(u *unit, i int) bool {
	for j := range i {
		if e := &d.t.Events[j]; e.Phase != format.PhaseGap && d.unitOf(e) == u {
			return true
		}
	}
	return false
}

func (d *decompiler) loadAt(i int) *load {
	j := d.k.pair[i]
	if j < 0 || j-i < 3 || j-i > 40 {
		return nil
	}
	rows := d.t.Events[i : j+1]
	t, has := threadOf(&rows[0]), rows[0].Has&rowFields
	var handlers []string
	protocol := ""
	for n := range rows {
		e := &rows[n]
		if len(d.found[i+n]) > 0 || threadOf(e) != t || e.Has&rowFields != has || e.Driver != rows[0].Driver || e.IRQL != rows[0].IRQL || e.Source != rows[0].Source {
			return nil
		}
		object, ok := parseDetail(e.Detail)
		if e.Has&format.HasDetail != 0 && !ok {
			return nil
		}
		var want ndis.Func
		phase := format.PhaseReturn
		keys := []string{}
		switch {
		case n == 0:
			want, phase = ndis.NdisRegisterProtocolDriver, format.PhaseEnter
		case n == len(rows)-1:
			want, keys = ndis.NdisRegisterProtocolDriver, []string{"protocol"}
		case n == 1:
			want, phase, keys = ndis.ProtocolSetOptions, format.PhaseEnter, []string{"protocol"}
		case n == len(rows)-2:
			want = ndis.ProtocolSetOptions
		case n%2 == 0:
			want, phase, keys = ndis.NdisSetOptionalHandlers, format.PhaseEnter, []string{"handlers", "null_slots", "protocol"}
			var list, null []string
			if len(object) != 3 || unmarshal(object["handlers"], &list) != nil || len(list) != 1 || unmarshal(object["null_slots"], &null) != nil || len(null) > 0 {
				return nil
			}
			handlers = append(handlers, list[0])
		default:
			want = ndis.NdisSetOptionalHandlers
		}
		if e.Function != want || e.Phase != phase || len(object) != len(keys) {
			return nil
		}
		for _, k := range keys {
			if object[k] == nil {
				return nil
			}
		}
		if p := string(object["protocol"]); p != "" {
			if protocol != "" && p != protocol {
				return nil
			}
			protocol = p
		}
		status := format.Fields(0)
		if phase == format.PhaseReturn {
			status = format.HasStatus
		}
		if e.Has&^(rowFields|format.HasDetail|format.HasTicks|format.HasCPU) != status || e.Status != 0 && status != 0 {
			return nil
		}
	}
	// Without a default of its own the rows of a load have no pid.
	l := &load{rows: len(rows)}
	co := len(handlers) > 0 && handlers[0] == "protocol-co"
	for _, h := range handlers {
		switch h {
		case "client", "call-manager":
			l.roles = append(l.roles, h)
		case "protocol-co":
		default:
			return nil
		}
	}
	switch {
	case co && len(l.roles) == 0:
		l.roles = []string{"co"}
	case !co && len(l.roles) > 0:
		l.roles = append(l.roles, "no-co")
	}
	x := driver{roles: l.roles}
	if !slices.Equal(x.handlers(), handlers) {
		return nil
	}
	// The columns that the rows share must be those that load gives.
	want := format.HasTID | format.HasCallID | format.HasDriver | format.HasIRQL
	e := format.Event{Has: want}
	for _, kv := range d.c.defaults {
		_ = d.c.set(&e, kv)
	}
	if e.Has&rowFields != has || e.Has&format.HasPID != 0 && e.PID != rows[0].PID || e.IRQL != rows[0].IRQL || d.c.source != rows[0].Source {
		return nil
	}
	return l
}

// bind notes that the value of the trace is that of the text.
func (d *decompiler) bind(class string, v, text uint64) {
	if d.m.strict {
		class = ""
	}
	d.values[value{class, v}], d.real[text] = text, value{class, v}
}

// tid is the name of the row's thread.
func (d *decompiler) tid(e *format.Event) string {
	t := threadOf(e)
	if d.onePID {
		t.pid = 0
	}
	name, ok := d.tids[t]
	if !ok {
		name = strconv.Itoa(len(d.tids) + 1)
		d.tids[t] = name
		d.c.thread(&step{thread: name})
	}
	return name
}
