package decode

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// wppRules is what mapping files say.
type wppRules struct {
	byFunction map[string]*wppRule
	byNumber   map[messageKey]*wppRule
}

type messageKey struct {
	guid   etl.GUID
	number uint16
}

type wppRule struct {
	ignore   bool
	function ndis.Func
	phase    format.Phase
	byText   bool // the text of the message says the phase
	columns  map[string]AfField
}

// wppMapFile is the form of a mapping file.
type wppMapFile struct {
	Version  int `json:"version"`
	Messages []struct {
		TMFFunction string            `json:"tmf_function"`
		GUID        string            `json:"guid"`
		Number      *uint16           `json:"number"`
		Function    string            `json:"function"`
		Phase       string            `json:"phase"`
		Columns     map[string]string `json:"columns"`
	} `json:"messages"`
}

// wppColumns are the fields of the AfEvent that an argument may fill.
var wppColumns = func() map[string]AfField {
	m := map[string]AfField{}
	for f := AfAdapter; f <= AfStatus; f++ {
		m[AfFields[f].Name] = f
	}
	for _, f := range []AfField{AfContext2, AfCallID, AfIRQL, AfDriver} {
		m[AfFields[f].Name] = f
	}
	return m
}()

// AddMap adds a mapping file: which WPP messages are calls of which CoNDIS functions, and
// which of their arguments go to which column. docs/decoders.md has its form.
func (l *Library) AddMap(name string, text []byte) error {
	if len(text) > MaxDescription {
		return wrong(name, "a mapping file of %d bytes: at most %d are read", len(text), MaxDescription)
	}
	text = bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF"))
	line := func(offset int64) int {
		return 1 + bytes.Count(text[:min(max(offset, 0), int64(len(text)))], []byte("\n"))
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	var file wppMapFile
	if err := dec.Decode(&file); err != nil {
		offset := dec.InputOffset()
		var syntax *json.SyntaxError
		var typ *json.UnmarshalTypeError
		switch {
		case errors.As(err, &syntax):
			offset = syntax.Offset
		case errors.As(err, &typ):
			offset = typ.Offset
		}
		return wrongLine(name, line(offset), "expected a mapping file, a JSON object with version and messages: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if dec.More() {
		return wrongLine(name, line(dec.InputOffset()), "something follows the mapping")
	}
	if file.Version != 1 {
		return wrong(name, "version %d of the mapping file: this program knows version 1", file.Version)
	}
	for i, e := range file.Messages {
		at := fmt.Sprintf("messages[%d]", i)
		rule := &wppRule{columns: map[string]AfField{}}
		switch e.Phase {
		case "enter":
			rule.phase = format.PhaseEnter
		case "return":
			rule.phase = format.PhaseReturn
		case "event":
			rule.phase = format.PhaseEvent
		case "", "text":
			rule.byText = true
		case "ignore":
			rule.ignore = true
		default:
			return wrong(name, "%s: phase %q: expected enter, return, event, text or ignore", at, e.Phase)
		}
		if rule.function = ndis.Lookup(e.Function); !rule.ignore && rule.function <= ndis.FuncUnknown {
			return wrong(name, "%s: function %q is no CoNDIS function or callback", at, e.Function)
		}
		for param, column := range e.Columns {
			f, ok := wppColumns[column]
			if !ok {
				return wrong(name, "%s: column %q: expected Adapter, Binding, Af, Sap, Vc, Party, Context, AfType, AfMajor, AfMinor, Status, CallId, Irql or Driver", at, column)
			}
			rule.columns[param] = f
		}
		if (e.TMFFunction == "") == (e.GUID == "" && e.Number == nil) {
			return wrong(name, "%s: expected either tmf_function, or guid and number", at)
		}
		if e.TMFFunction != "" {
			if l.rules.byFunction[e.TMFFunction] != nil {
				return wrong(name, "%s: tmf_function %q is mapped before", at, e.TMFFunction)
			}
			if l.rules.byFunction == nil {
				l.rules.byFunction = map[string]*wppRule{}
			}
			l.rules.byFunction[e.TMFFunction] = rule
			continue
		}
		g, err := etl.ParseGUID(e.GUID)
		if err != nil || e.Number == nil {
			return wrong(name, "%s: expected a message guid and a number", at)
		}
		k := messageKey{g, *e.Number}
		if l.rules.byNumber[k] != nil {
			return wrong(name, "%s: message %d of %v is mapped before", at, *e.Number, g)
		}
		if l.rules.byNumber == nil {
			l.rules.byNumber = map[messageKey]*wppRule{}
		}
		l.rules.byNumber[k] = rule
	}
	return nil
}

// wppRow is how to make a row of a message.
type wppRow struct {
	function ndis.Func
	phase    format.Phase
	detail   string
	fill     []wppFill
}

type wppFill struct {
	param int
	field AfField
}

// rowOf finds out what a message says of a CoNDIS function, nil if nothing.
func (r *wppRules) rowOf(m *Message) *wppRow {
	rule := r.byNumber[messageKey{m.GUID, m.Number}]
	if rule == nil && m.Function != "" {
		rule = r.byFunction[m.Function]
	}
	if rule == nil {
		return inferRow(m)
	}
	if rule.ignore {
		return nil
	}
	row := &wppRow{function: rule.function, phase: rule.phase, detail: wppDetail(m, false)}
	if rule.byText {
		var ok bool
		if row.phase, ok = phaseOf(m); !ok {
			return nil
		}
	}
	for i := range m.Params {
		if f, ok := rule.columns[m.Params[i].Field.Name]; ok {
			row.fill = append(row.fill, wppFill{i, f})
		}
	}
	return row
}

func wppDetail(m *Message, inferred bool) string {
	if inferred {
		return fmt.Sprintf(`{"inferred":true,"wpp":"%v/%d"}`, m.GUID, m.Number)
	}
	return fmt.Sprintf(`{"wpp":"%v/%d"}`, m.GUID, m.Number)
}

// inferRow is the built-in rule: a message of a function that has the name of a CoNDIS
// function is a call of it, if its text says which crossing it is.
func inferRow(m *Message) *wppRow {
	fn := ndis.Lookup(m.Function)
	if fn <= ndis.FuncUnknown {
		return nil
	}
	phase, ok := phaseOf(m)
	if !ok {
		return nil
	}
	row := &wppRow{function: fn, phase: phase, detail: wppDetail(m, true)}
	for i := range m.Params {
		f, ok := columnOf(&m.Params[i], fn, phase)
		if !ok {
			continue
		}
		if at := fillsOf(row.fill, f); at >= 0 {
			row.fill[at].param = -1 // several: none
			continue
		}
		row.fill = append(row.fill, wppFill{i, f})
	}
	kept := row.fill[:0]
	for _, f := range row.fill {
		if f.param >= 0 {
			kept = append(kept, f)
		}
	}
	row.fill = kept
	return row
}

func fillsOf(list []wppFill, f AfField) int {
	for i := range list {
		if list[i].field == f {
			return i
		}
	}
	return -1
}

// Signs of an entry and of an exit in the text of a message.
var (
	enterSigns = []string{"-->", "==>", ">>"}
	exitSigns  = []string{"<--", "<==", "<<"}
	enterWords = map[string]bool{"enter": true, "entry": true}
	exitWords  = map[string]bool{"exit": true, "leave": true, "return": true}
)

// phaseOf says whether the text of a message is one of an entry or of an exit. Both, or
// none, is neither.
func phaseOf(m *Message) (format.Phase, bool) {
	enter, exit := false, false
	for i := range m.pieces {
		if m.pieces[i].what != 0 {
			continue
		}
		text := m.pieces[i].text
		for _, s := range enterSigns {
			enter = enter || strings.Contains(text, s)
		}
		for _, s := range exitSigns {
			exit = exit || strings.Contains(text, s)
		}
		for _, w := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' }) {
			w = strings.ToLower(w)
			enter, exit = enter || enterWords[w], exit || exitWords[w]
		}
	}
	if enter == exit {
		return 0, false
	}
	if enter {
		return format.PhaseEnter, true
	}
	return format.PhaseReturn, true
}

// columnWords are the words in the name of a parameter by the column that they speak of.
var columnWords = map[string]struct {
	field  AfField
	column ndis.Column
}{
	"miniport": {AfAdapter, ndis.ColAdapter}, "adapter": {AfAdapter, ndis.ColAdapter},
	"binding": {AfBinding, ndis.ColBinding}, "open": {AfBinding, ndis.ColBinding},
	"af": {AfAf, ndis.ColAF}, "sap": {AfSap, ndis.ColSAP}, "vc": {AfVc, ndis.ColVC}, "party": {AfParty, ndis.ColParty},
}

// columnOf is the column that an argument fills, if it is one and the function has it.
func columnOf(a *Parameter, fn ndis.Func, phase format.Phase) (AfField, bool) {
	if strings.EqualFold(a.Field.Name, "Status") || a.Item == "ItemNTSTATUS" || a.Item == "ItemNDIS_STATUS" {
		if a.item != itemFixed || inTypeSize[a.Field.In] != 4 {
			return 0, false
		}
		enter, ret := fn.Info().Carries(ndis.ColStatus)
		return AfStatus, phase == format.PhaseReturn && (ret || enter || !fn.Info().Returns.Void) || phase == format.PhaseEnter && enter
	}
	if a.Item != "ItemPtr" {
		return 0, false
	}
	var field AfField
	found := false
	for _, w := range words(a.Field.Name) {
		c, ok := columnWords[w]
		if !ok {
			continue
		}
		if enter, ret := fn.Info().Carries(c.column); !enter && !ret {
			return 0, false
		}
		if found && c.field != field {
			return 0, false
		}
		field, found = c.field, true
	}
	return field, found
}

// words splits a C expression into its words, in lower case: NdisAfHandle is ndis, af and
// handle; VC_BLOCK is vc and block.
func words(s string) (list []string) {
	start := 0
	r := []rune(s)
	flush := func(end int) {
		if end > start {
			list = append(list, strings.ToLower(string(r[start:end])))
		}
	}
	for i, c := range r {
		switch {
		case !unicode.IsLetter(c):
			flush(i)
			start = i + 1
		case i > start && unicode.IsUpper(c) && (!unicode.IsUpper(r[i-1]) || i+1 < len(r) && unicode.IsLower(r[i+1])):
			flush(i)
			start = i
		}
	}
	flush(len(r))
	return list
}

// wppRow makes a row of a message whose arguments are values.
func (d *Decoder) wppRow(r *etl.Record, x *wppRow, values []Value, row *format.Event) {
	d.plainRow(r, row)
	row.Source, row.Function, row.Phase = format.SourceWPP, x.function, x.phase
	row.Detail, row.Has = x.detail, row.Has|format.HasDetail
	for _, f := range x.fill {
		if f.param >= len(values) {
			continue
		}
		v := &values[f.param]
		if f.field == AfDriver {
			if s := d.textOf(v); len(s) > 0 {
				row.Driver, row.Has = d.intern(s), row.Has|format.HasDriver
			}
			continue
		}
		if !v.isNumber() {
			d.defects[DefectRange]++
			continue
		}
		d.fill(row, f.field, v.Num, v.bits(r.Pointer))
	}
}

// fill sets a column to a number of so many bits.
func (d *Decoder) fill(row *format.Event, f AfField, n uint64, bits int) {
	if bits < 64 {
		n &= 1<<bits - 1
	}
	narrow := func() uint32 {
		if n>>32 != 0 {
			d.defects[DefectRange]++
			return 0
		}
		return uint32(n)
	}
	before := d.defects[DefectRange]
	var has format.Fields
	switch f {
	case AfAdapter:
		row.Adapter, has = n, format.HasAdapter
	case AfBinding:
		row.Binding, has = n, format.HasBinding
	case AfAf:
		row.AF, has = n, format.HasAF
	case AfSap:
		row.SAP, has = n, format.HasSAP
	case AfVc:
		row.VC, has = n, format.HasVC
	case AfParty:
		row.Party, has = n, format.HasParty
	case AfContext:
		row.Context, has = n, format.HasContext
	case AfContext2:
		row.Context2, has = n, format.HasContext2
	case AfCallID:
		row.CallID, has = n, format.HasCallID
	case AfType:
		row.AFType, has = narrow(), format.HasAFType
	case AfMajor:
		row.AFMajor, has = narrow(), format.HasAFMajor
	case AfMinor:
		row.AFMinor, has = narrow(), format.HasAFMinor
	case AfStatus:
		row.Status, has = narrow(), format.HasStatus
	case AfIRQL:
		if n > 0xFE {
			d.defects[DefectRange]++
		}
		row.IRQL, has = uint8(n), format.HasIRQL
	}
	if d.defects[DefectRange] == before {
		row.Has |= has
	}
}

// plainRow makes a row of what is in the head of a record.
func (d *Decoder) plainRow(r *etl.Record, row *format.Event) {
	*row = format.Event{TS: r.Time, Phase: format.PhaseEvent, CPU: r.CPU, Has: format.HasCPU}
	if r.HasIDs {
		row.PID, row.TID = r.PID, uint64(r.TID)
		row.Has |= format.HasPID | format.HasTID
	}
	if d.o.HeaderTicks && r.HasClock {
		row.Ticks, row.Has = r.Clock, row.Has|format.HasTicks
	}
}
