// Package scenario is the text language of CoNDIS histories: a driver engineer writes what
// the drivers and NDIS did, one step a line, and gets a trace.
//
//	# Two call managers claim one address family. NDIS must refuse the second one.
//	adapter A
//	driver cm1 call-manager
//	driver cm2 call-manager
//
//	cm1: bind A
//	  register A Q2931
//	cm2: bind A
//	  register A Q2931 -> FAILURE
//	expect conflict refused-registration Q2931 cm1 cm2
//
// A line is "driver[/thread]: step [arguments] [key=value…] [-> STATUS] [!RULE…]". The step
// is entered and returns; the lines indented below it run inside it, on its thread unless they
// name another one, and by its driver unless they name one. To let calls overlap, "driver/thread> step" enters one and
// "driver/thread< [-> STATUS]" returns the innermost one that is open there. Calls of one thread
// that do not return in their order stand on "thread.word", which is that thread with calls of
// its own. "driver= step" is one row of which the trace knows that it ran, but neither entry nor return. A step is a
// short word (see Verbs) or the name of any function of the vocabulary with its columns as
// key=value. Names stand for handles: an adapter for its handle, "driver@adapter" for a
// binding, any new word for an AF open, SAP or VC; "driver.protocol" is its
// NdisProtocolHandle, "A.ctx", "driver@A.ctx" and "af1.ctx" are the contexts of the miniport,
// the driver and the client, "af1.cm" is that of the call manager; "sap1.ctx" and "sap1.cm" are
// those of a SAP. "vc1.ctx", "vc1.cm" and "vc1.mp" are those of a VC, which has a new handle each
// time it is created, "p1.ctx" and "p1.cm" those of a party. A word names an OID request too. An AF open that is opened again under its
// old name has its old handle and contexts.
//
// A key=value sets a column or a key of detail in the row of the entry, "<key=value" in the
// row of the return; "-" as the value leaves it out. "sap" is the column, "detail.sap" the key.
// A status "none" leaves out the return. "detail.KEY:=JSON" gives a key any value, "detail:=JSON"
// replaces the whole detail. Text with blanks stands in "quotes" or `backquotes`.
//
// "driver: load" is where a driver registers with NDIS; without it, that is just before its
// first step. "driver: row PHASE FUNCTION key=value…" is one row of any shape (enter, return,
// event), such as a return whose entry the trace does not have.
//
// Where a step has no lines below it, the usual ones are put in: open asks the call manager
// that registered the AF, close and ask-close pass on in the same way, and so do the steps
// of VCs, calls and parties (see Verbs). A bind that succeeds opens the adapter before the
// lines below it, an unbind closes it behind them, unless they say so themselves. A "." after
// the step's word leaves all this out. "!RULE" says that the step breaks the rule in one of
// its rows, "!RULE?" that the finding is inconclusive. "expect" lines say what else the replay
// must find, and everything it finds beyond that is an error of the scenario.
//
// Directives: "adapter NAME [co|legacy|mcm] [up] [unseen] [MINIPORT]", "driver NAME ROLE…
// [label=TEXT]" (roles client, call-manager, co, no-co, miniport; unseen: it came before the trace; the label
// is what the rows say, "-" if they say nothing), "expect verdict V", "expect conflict KIND AF
// HOLDER CONTENDER", "expect defect NAME [N]" (contradictory rows), "expect finding RULE" (wherever it is),
// "option KEY=VALUE", "strict AMB…" (ambiguities held strictly), "meta KEY=VALUE", "wait DURATION",
// "tick DURATION" (between two rows; 1us), "default key=value…" (columns of all rows from here on; also
// source=etw…), "gap [N] [since=DURATION]" (events were lost), "cut" (the trace ends without its end mark).
package scenario

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// Limits of a scenario text.
const (
	MaxLines = 1_000_000
	MaxDepth = 64
)

// Error is a mistake in the text.
type Error struct {
	Name         string
	Line, Column int // from 1; the column counts characters
	Text         string
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d:%d: %s", e.Name, e.Line, e.Column, e.Text) }

// Scenario is a compiled text.
type Scenario struct {
	Name     string
	Prose    string // the comment lines it opens with
	Events   []format.Event
	Metadata map[string]string
	Marks    []Mark
	Expect   []Expectation
	Options  map[string]string // "option" lines
	Strict   rule.AMBSet       // "strict" lines
	Cut      bool              // "cut": the trace ends without its end mark
	Lines    []int             // the line of each of Events
}

// Mark is a "!RULE" on a step: the finding must be about one of the rows.
type Mark struct {
	Line         int
	Rule         string
	Inconclusive bool
	Rows         []uint64 // seq of the step's rows
}

// Expectation is an "expect" line.
type Expectation struct {
	Line int
	Kind string // "conflict" or "verdict"
	Args []string
}

// endMark is the length of the mark that a trace ends with.
const endMark = 8

// Trace is the trace of s as the bytes of an Arrow file, or of a stream. It lacks the mark of
// the end if s.Cut.
func (s *Scenario) Trace(file bool) ([]byte, error) {
	var b bytes.Buffer
	w, err := format.NewWriter(&b, format.WriterOptions{Metadata: maps.Clone(s.Metadata), File: file})
	if err != nil {
		return nil, err
	}
	for i := range s.Events {
		if err := w.Write(&s.Events[i]); err != nil {
			if i < len(s.Lines) {
				err = fmt.Errorf("%s:%d: this row cannot be in a trace: %w", s.Name, s.Lines[i], err)
			}
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if s.Cut {
		return b.Bytes()[:b.Len()-endMark], nil
	}
	return b.Bytes(), nil
}

func newCompiler(name string) *compiler {
	c := &compiler{
		s:       &Scenario{Name: name, Metadata: map[string]string{}, Options: map[string]string{}},
		ts:      baseTime,
		drivers: map[string]*driver{}, adapters: map[string]*adapter{}, opens: map[string]*open{},
		threads: map[string]*thread{}, words: map[string]uint64{}, nextHandle: 0xffff_a000_0000_0000,
		names: map[uint64]string{}, source: format.SourceScenario, tick: stepTime,
	}
	return c
}

// Compile turns text into a scenario. name is used in errors.
func Compile(name, text string) (*Scenario, error) {
	c := newCompiler(name)
	steps, err := c.parse(text)
	if err != nil {
		return nil, err
	}
	if err := c.run(steps, nil); err != nil {
		return nil, err
	}
	sort.SliceStable(c.s.Marks, func(i, j int) bool { return c.s.Marks[i].Line < c.s.Marks[j].Line })
	return c.s, nil
}

// baseTime is the time of the first row: 2026-01-01T00:00:00Z. A step takes stepTime.
const (
	baseTime = 1_767_225_600_000_000_000
	stepTime = 1_000
)

// step is a parsed line with the lines below it.
type step struct {
	line   int
	form   byte // ':' whole, '>' enter, '<' return
	driver string
	thread string
	word   string
	bare   bool
	args   []string
	keys   []keyValue
	status string
	marks  []string
	below  []*step
}

type keyValue struct{ key, value string }

type driver struct {
	name     string
	roles    []string
	label    string
	protocol uint64
	seen     bool
	miniport bool
	contexts map[string]uint64 // adapter -> ProtocolBindingContext
	bindings map[string]uint64
}

type adapter struct {
	name    string
	handle  uint64
	context uint64
	role    string // "co", "legacy", "mcm"
	unseen  bool
	owner   string
	regs    map[uint32]string // AF type -> driver that registered it last
}

type open struct {
	name            string
	handle          uint64
	clientCtx       uint64
	managerCtx      uint64
	client, manager string
	adapter         string
	af              [3]uint32
	status          string // of the client's open
}

type thread struct {
	id    uint64
	calls []*openCall
}

type openCall struct {
	step *step
	e    format.Event
	out  func(*format.Event, string)
	ret  []keyValue          // "<key=value"
	take func(*format.Event) // what later lines mean, once the columns of a row are known
	rows []uint64
}

type compiler struct {
	s          *Scenario
	ts         int64
	seq        uint64
	line       int // of the step that is executed
	lines      []string
	callID     uint64
	lastTID    uint64
	nextHandle uint64
	drivers    map[string]*driver
	adapters   map[string]*adapter
	opens      map[string]*open
	threads    map[string]*thread
	words      map[string]uint64
	names      map[uint64]string // the other way round
	defaults   []keyValue
	source     format.Source
	tick       int64 // between two rows
	vcs        map[string]*vc
	partyVCs   map[string]string // party -> VC
}

func (c *compiler) fail(line int, format string, args ...any) error {
	return &Error{c.s.Name, line, c.column(line, args), fmt.Sprintf(format, args...)}
}

// column is where the first of args that stands in the line does, or where the line begins.
func (c *compiler) column(line int, args []any) int {
	if line < 1 || line > len(c.lines) {
		return 1
	}
	text := c.lines[line-1]
	at := len(text) - len(strings.TrimLeft(text, " \t"))
	for _, a := range args {
		word := ""
		switch a := a.(type) {
		case string:
			word = a
		case error:
			if parts := strings.Split(a.Error(), `"`); len(parts) > 2 {
				word = parts[1]
			} else {
				word, _, _ = strings.Cut(a.Error(), ": ")
			}
		}
		if i := strings.Index(text, word); word != "" && i >= 0 {
			at = i
			break
		}
	}
	return utf8.RuneCountInString(text[:at]) + 1
}

// parse reads the lines into a tree by their indentation.
func (c *compiler) parse(text string) ([]*step, error) {
	var root []*step
	type level struct {
		indent int
		list   *[]*step
		step   *step
	}
	stack := []level{{-1, &root, nil}}
	opening := true
	if strings.Count(text, "\n") >= MaxLines {
		return nil, c.fail(MaxLines, "more than %d lines", MaxLines)
	}
	lines := strings.Split(text, "\n")
	c.lines = lines
	for i, raw := range lines {
		line := i + 1
		if strings.HasPrefix(raw, "----") {
			break // the golden part
		}
		body := strings.TrimRight(raw, " \t\r")
		if j := comment(body); j >= 0 {
			if opening && strings.TrimSpace(body[:j]) == "" {
				c.s.Prose += strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(body[j:]), "#")) + "\n"
			}
			body = strings.TrimRight(body[:j], " \t")
		}
		trimmed := strings.TrimLeft(body, " \t")
		if trimmed == "" {
			continue
		}
		opening = false
		indent := len(body) - len(trimmed)
		for stack[len(stack)-1].indent >= indent {
			stack = stack[:len(stack)-1]
		}
		if len(stack) > MaxDepth {
			return nil, c.fail(line, "nested deeper than %d", MaxDepth)
		}
		top := stack[len(stack)-1]
		s, err := c.parseLine(line, trimmed, top.step)
		if err != nil {
			return nil, err
		}
		*top.list = append(*top.list, s)
		stack = append(stack, level{indent, &s.below, s})
	}
	return root, nil
}

func (c *compiler) parseLine(line int, text string, parent *step) (*step, error) {
	s := &step{line: line, form: ':'}
	fields, err := split(text)
	if err != nil {
		return nil, c.fail(line, "%v", err)
	}
	if len(fields) == 0 {
		return nil, c.fail(line, "a step is missing")
	}
	if n := len(fields[0]); strings.ContainsRune(":><=", rune(fields[0][n-1])) && n > 1 {
		s.form = fields[0][n-1]
		var named bool
		if s.driver, s.thread, named = strings.Cut(fields[0][:n-1], "/"); !named && parent != nil {
			s.thread = parent.thread // it runs inside that, whoever runs it
		}
		fields = fields[1:]
	} else if parent != nil {
		s.driver, s.thread = parent.driver, parent.thread
	}
	for i := 0; i < len(fields); i++ {
		f := fields[i]
		switch {
		case f == "->":
			if i+1 >= len(fields) {
				return nil, c.fail(line, `"->" needs a status behind it, such as SUCCESS`)
			}
			i++
			s.status = fields[i]
			if st, err := ndis.ParseStatus(s.status); err == nil {
				s.status = statusName(uint32(st))
			}
		case f[0] == '!':
			s.marks = append(s.marks, f[1:])
		case s.word == "" && s.form != '<':
			s.word = f
			if len(f) > 1 && f[len(f)-1] == '.' {
				s.word, s.bare = f[:len(f)-1], true
			}
		case strings.Contains(f, "="):
			k, v, _ := strings.Cut(f, "=")
			s.keys = append(s.keys, keyValue{k, v})
		default:
			s.args = append(s.args, f)
		}
	}
	switch {
	case s.form == '<' && len(s.args) > 0:
		return nil, c.fail(line, "%q: a return takes key=value and \"-> STATUS\" only", s.args[0])
	case s.form != '<' && s.word == "":
		return nil, c.fail(line, "a step is missing")
	}
	return s, nil
}

// comment is where the comment of a line begins, -1 if there is none. A "#" in quotes is none.
func comment(line string) int {
	quote := rune(0)
	for i, r := range line {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '#':
			return i
		case r == '"' || r == '`':
			quote = r
		}
	}
	if quote != 0 {
		return strings.IndexByte(line, '#') // the quote is not closed, which is told
	}
	return -1
}

// split cuts a line at blanks; a part in double quotes or backquotes stays whole.
func split(text string) ([]string, error) {
	var out []string
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimLeft(text, " \t") {
		end, quote := len(text), byte(0)
		var word []byte
		for i := 0; i < len(text); i++ {
			switch b := text[i]; {
			case quote != 0 && b == quote:
				quote = 0
				continue
			case quote != 0:
			case b == '"' || b == '`':
				quote = b
				continue
			case b == ' ' || b == '\t':
				end = i
			}
			if end < len(text) {
				break
			}
			word = append(word, text[i])
		}
		if quote != 0 {
			return nil, fmt.Errorf("a quote is not closed")
		}
		if len(word) == 0 {
			return nil, fmt.Errorf("a word is empty: leave the quotes out")
		}
		out = append(out, string(word))
		text = text[end:]
	}
	return out, nil
}

// handle makes a new value for a handle or context.
func (c *compiler) handle() uint64 {
	c.nextHandle += 0x40
	return c.nextHandle
}

func (c *compiler) word(name string) uint64 {
	if v, err := strconv.ParseUint(name, 0, 64); err == nil {
		return v
	}
	if v, ok := c.words[name]; ok {
		return v
	}
	return c.call(name, c.handle())
}

// call lets name stand for v.
func (c *compiler) call(name string, v uint64) uint64 {
	c.words[name], c.names[v] = v, name
	return v
}

func (c *compiler) thread(s *step) *thread {
	name := s.thread
	if name == "" {
		name = "1"
	}
	t := c.threads[name]
	if t == nil {
		if base, _, ok := strings.Cut(name, "."); ok && base != "" {
			t = &thread{id: c.thread(&step{thread: base}).id}
		} else {
			c.lastTID++
			t = &thread{id: c.lastTID}
		}
		c.threads[name] = t
	}
	return t
}

// run executes steps in order.
func (c *compiler) run(steps []*step, parent *step) error {
	for _, s := range steps {
		if err := c.step(s); err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) step(s *step) error {
	c.line = s.line
	if s.driver == "" || s.form == ':' && isTiming(s.word) {
		return c.directive(s)
	}
	if s.form == '<' {
		t := c.thread(s)
		if len(t.calls) == 0 {
			return c.fail(s.line, "no call is open on this thread: enter one with \"driver/thread> step\"")
		}
		switch top := t.calls[len(t.calls)-1].step; {
		case top.form != '>':
			return c.fail(s.line, "the innermost call on this thread, of line %d, returns by itself", top.line)
		case top.driver != s.driver:
			return c.fail(s.line, "the innermost call on this thread, of line %d, is one of %q", top.line, top.driver)
		}
		return c.leave(s, t)
	}
	if d := c.drivers[s.driver]; d == nil {
		return c.fail(s.line, "driver %q is not declared: write \"driver %s ROLE…\" first", s.driver, s.driver)
	} else if !d.seen {
		d.seen = true
		if s.word == "load" {
			return c.load(s, d)
		}
		c.introduce(d, 1)
	} else if s.word == "load" {
		return c.fail(s.line, "driver %q has registered with NDIS already: its \"load\" comes before its first step", s.driver)
	}
	t := c.thread(s)
	if s.form == '=' || s.word == "row" {
		if len(s.below) > 0 {
			return c.fail(s.below[0].line, "lines below a single row: write them at its level")
		}
		return c.single(s, t)
	}
	if err := c.enter(s, t); err != nil {
		return err
	}
	if s.form == '>' {
		if len(s.below) > 0 {
			return c.fail(s.line, `lines below a step that is only entered: write them at its level`)
		}
		return nil
	}
	below := s.below
	if !s.bare {
		below = c.usual(s)
	}
	if err := c.run(below, s); err != nil {
		return err
	}
	if top := t.calls[len(t.calls)-1].step; top != s {
		return c.fail(s.line, "the call of line %d is entered inside and has not returned: end it with \"%s<\"", top.line, top.driver)
	}
	c.line = s.line
	return c.leave(s, t)
}

// isTiming names the directives that may stand among the steps inside another step.
func isTiming(word string) bool {
	return word == "wait" || word == "gap" || word == "default" || word == "tick"
}

// load is the step in which a driver registers with NDIS.
func (c *compiler) load(s *step, d *driver) error {
	if s.form != ':' || len(s.below) > 0 || len(s.args)+len(s.keys)+len(s.marks) > 0 || s.status != "" {
		return c.fail(s.line, "load stands alone: it is the whole registration of a driver with NDIS")
	}
	c.introduce(d, c.thread(s).id)
	return nil
}

// emit adds a row.
func (c *compiler) emit(e format.Event) uint64 {
	c.seq++
	e.Seq, e.TS, e.Source = c.seq, c.ts, c.source
	e = clean(e)
	c.ts += c.tick
	c.s.Events = append(c.s.Events, e)
	c.s.Lines = append(c.s.Lines, c.line)
	return c.seq
}

// clean takes out of a row what its columns do not have.
func clean(e format.Event) format.Event {
	zero := func(v *uint64, bit format.Fields) {
		if e.Has&bit == 0 {
			*v = 0
		}
	}
	narrow := func(v *uint32, bit format.Fields) {
		if e.Has&bit == 0 {
			*v = 0
		}
	}
	zero(&e.TID, format.HasTID)
	zero(&e.CallID, format.HasCallID)
	zero(&e.Adapter, format.HasAdapter)
	zero(&e.Binding, format.HasBinding)
	zero(&e.AF, format.HasAF)
	zero(&e.SAP, format.HasSAP)
	zero(&e.VC, format.HasVC)
	zero(&e.Party, format.HasParty)
	zero(&e.Context, format.HasContext)
	zero(&e.Context2, format.HasContext2)
	zero(&e.Lost, format.HasLost)
	narrow(&e.PID, format.HasPID)
	narrow(&e.AFType, format.HasAFType)
	narrow(&e.AFMajor, format.HasAFMajor)
	narrow(&e.AFMinor, format.HasAFMinor)
	narrow(&e.Status, format.HasStatus)
	if e.Has&format.HasIRQL == 0 {
		e.IRQL = 0
	}
	if e.Has&format.HasDriver == 0 {
		e.Driver = ""
	}
	if e.Has&format.HasDetail == 0 {
		e.Detail = ""
	}
	return e
}

// introduce lets a driver register with NDIS and declare its handlers.
func (c *compiler) introduce(d *driver, tid uint64) {
	if d.miniport || contains(d.roles, "unseen") {
		return
	}
	call := func(fn ndis.Func, e format.Event, detail string, ret func(*format.Event)) func() {
		c.callID++
		e.Function, e.Phase, e.CallID, e.TID = fn, format.PhaseEnter, c.callID, tid
		e.Has |= format.HasCallID | format.HasTID | format.HasIRQL
		d.tag(&e)
		for _, kv := range c.defaults {
			_ = c.set(&e, kv) // they were tried when they were given
		}
		if detail != "" {
			e.Detail = detail
			e.Has |= format.HasDetail
		}
		c.emit(e)
		return func() {
			e.Phase, e.Detail = format.PhaseReturn, ""
			e.Has &= rowFields
			ret(&e)
			c.emit(e)
		}
	}
	success := func(e *format.Event) { e.Status, e.Has = 0, e.Has|format.HasStatus }
	done := call(ndis.NdisRegisterProtocolDriver, format.Event{}, "", func(e *format.Event) {
		success(e)
		e.Detail = `{"protocol":"` + hex(d.protocol) + `"}`
		e.Has |= format.HasDetail
	})
	options := call(ndis.ProtocolSetOptions, format.Event{}, `{"protocol":"`+hex(d.protocol)+`"}`, success)
	for _, h := range d.handlers() {
		call(ndis.NdisSetOptionalHandlers, format.Event{},
			`{"handlers":["`+h+`"],"null_slots":[],"protocol":"`+hex(d.protocol)+`"}`, success)()
	}
	options()
	done()
}

// handlers are the structures that a driver of these roles registers.
func (d *driver) handlers() []string {
	var out []string
	for _, r := range d.roles {
		switch r {
		case "client":
			out = append(out, "client")
		case "call-manager":
			out = append(out, "call-manager")
		case "co":
			out = append(out, "protocol-co")
		}
	}
	if len(out) > 0 && !contains(out, "protocol-co") && !contains(d.roles, "no-co") {
		out = append([]string{"protocol-co"}, out...)
	}
	return out
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func hex(v uint64) string { return "0x" + strconv.FormatUint(v, 16) }

// directive handles the lines that are no step.
func (c *compiler) directive(s *step) error {
	if len(s.below) > 0 {
		return c.fail(s.below[0].line, "lines below %q, which is no step: write them at its level", s.word)
	}
	switch s.word {
	case "adapter":
		return c.declareAdapter(s)
	case "driver":
		return c.declareDriver(s)
	case "expect":
		if len(s.args) == 0 {
			return c.fail(s.line, "expect what?")
		}
		c.s.Expect = append(c.s.Expect, Expectation{s.line, s.args[0], s.args[1:]})
	case "option":
		for _, kv := range s.keys {
			c.s.Options[kv.key] = kv.value
		}
	case "strict":
		set, err := rule.ParseStrict(s.args)
		if err == nil && len(s.args) == 0 {
			err = errf("strict needs an ambiguity, such as AMB-05")
		}
		if err != nil {
			return c.fail(s.line, "%v", err)
		}
		c.s.Strict |= set
	case "meta":
		for _, kv := range s.keys {
			c.s.Metadata[kv.key] = kv.value
		}
	case "default":
		return c.setDefault(s)
	case "tick":
		if len(s.args) != 1 {
			return c.fail(s.line, "tick needs the time between two rows, such as 1us")
		}
		d, err := parseDuration(s.args[0])
		if err != nil {
			return c.fail(s.line, "%v", err)
		}
		c.tick = d
	case "wait":
		if len(s.args) != 1 {
			return c.fail(s.line, "wait needs a duration, such as 2ms")
		}
		text, back := strings.CutPrefix(s.args[0], "-") // the clock of the trace jumps back
		d, err := parseDuration(text)
		if err != nil {
			return c.fail(s.line, "%v", err)
		}
		if back {
			d = -d
		}
		c.ts += d
	case "gap":
		e := format.Event{Phase: format.PhaseGap}
		if len(s.args) > 0 {
			n, err := strconv.ParseUint(s.args[0], 10, 64)
			if err != nil {
				return c.fail(s.line, "gap needs a number of events, or nothing where it is unknown")
			}
			e.Lost, e.Has = n, format.HasLost
		}
		since := c.ts - c.tick + min(1, c.tick)
		bare := false
		for _, kv := range s.keys {
			if kv.key != "since" {
				return c.fail(s.line, "gap knows only since=DURATION")
			}
			if kv.value == "-" { // how far back it reaches is not known
				bare = true
				continue
			}
			d, err := parseDuration(kv.value)
			if err != nil {
				return c.fail(s.line, "%v", err)
			}
			since = c.ts - d
		}
		if !bare {
			e.Detail = `{"since_ts":` + strconv.FormatInt(since, 10) + `}`
			e.Has |= format.HasDetail
		}
		c.emit(e)
	case "cut":
		c.s.Cut = true
	default:
		return c.fail(s.line, "%q is neither a directive nor a step: a step begins with \"driver:\"", s.word)
	}
	return nil
}

func (c *compiler) declareAdapter(s *step) error {
	if len(s.args) == 0 {
		return c.fail(s.line, "adapter needs a name")
	}
	a := &adapter{name: s.args[0], handle: c.handle(), context: c.handle(), role: "co", regs: map[uint32]string{}}
	miniport := "miniport"
	for _, w := range s.args[1:] {
		switch w {
		case "co", "legacy", "mcm":
			a.role = w
		case "unseen":
			a.unseen = true
		case "up":
		default:
			miniport = w
		}
	}
	a.owner = miniport
	c.adapters[a.name] = a
	c.call(a.name, a.handle)
	c.call(a.name+".ctx", a.context)
	if c.drivers[miniport] == nil {
		c.drivers[miniport] = &driver{name: miniport, label: miniport, miniport: true, seen: true,
			contexts: map[string]uint64{}, bindings: map[string]uint64{}}
	}
	if a.unseen || a.role == "mcm" && !contains(s.args, "up") {
		return nil // its own "init" step brings a miniport call manager up
	}
	return c.step(&step{line: s.line, form: ':', driver: miniport, word: "init", bare: true, args: []string{a.name}})
}

func (c *compiler) declareDriver(s *step) error {
	if len(s.args) < 1 {
		return c.fail(s.line, "driver needs a name and its roles")
	}
	d := &driver{name: s.args[0], roles: s.args[1:], label: s.args[0], protocol: c.handle(),
		contexts: map[string]uint64{}, bindings: map[string]uint64{}}
	for _, r := range d.roles {
		switch r {
		case "client", "call-manager", "co", "no-co", "unseen":
		case "miniport":
			d.miniport, d.seen = true, true
		default:
			return c.fail(s.line, "role %q is none of client, call-manager, co, no-co, unseen, miniport", r)
		}
	}
	for _, kv := range s.keys {
		if kv.key == "label" {
			d.label = kv.value
		}
	}
	c.drivers[d.name] = d
	c.call(d.name+".protocol", d.protocol)
	return nil
}

// tag puts the label of d into a row.
func (d *driver) tag(e *format.Event) {
	e.Driver, e.Has = d.label, e.Has|format.HasDriver
	if d.label == "-" {
		e.Driver, e.Has = "", e.Has&^format.HasDriver
	}
}

// rowFields are the columns that the return row of a call takes from its entry.
const rowFields = format.HasTID | format.HasCallID | format.HasIRQL | format.HasDriver | format.HasPID

func parseDuration(s string) (int64, error) {
	for _, u := range []struct {
		suffix string
		ns     float64
	}{{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}} {
		if n, ok := strings.CutSuffix(s, u.suffix); ok {
			v, err := strconv.ParseFloat(n, 64)
			if err != nil || v < 0 || v > 1e9 {
				break
			}
			return int64(math.Round(v * u.ns)), nil
		}
	}
	return 0, fmt.Errorf("%q is not a duration such as 5us, 2ms or 1s", s)
}
