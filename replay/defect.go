package replay

import (
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// Trace defects: rows that contradict each other, themselves or the schema. They are counted
// apart from findings, because they say something of the recording and nothing of a driver.
// Those that the reader of a trace counts too have its name.
const (
	DefectTimeBackwards     = format.DefectTimeBackwards
	DefectSeqOrder          = format.DefectSeqOrder
	DefectUnknownFunction   = format.DefectUnknownFunction
	DefectTimeNegative      = "ts_negative"
	DefectUnpairedReturn    = "return_without_enter"
	DefectDuplicateCallID   = "call_id_twice"
	DefectAbandonedCall     = "call_without_return"
	DefectOtherFunction     = "return_of_other_function"
	DefectOtherThread       = "return_on_other_thread"
	DefectOtherDriver       = "return_of_other_driver"
	DefectStatusPhase       = "status_in_wrong_phase"
	DefectColumnNotCarried  = "column_not_carried"
	DefectHandleKind        = "handle_of_wrong_kind"
	DefectHandleClaimed     = "handle_claimed_twice"
	DefectHandleDiffers     = "handles_differ"
	DefectIRQLRange         = "irql_out_of_range"
	DefectEvent             = "event_unexpected"
	DefectGapWithoutLoss    = "gap_without_loss"
	DefectGapBackwards      = "gap_backwards"
	DefectDetailNotAnObject = "detail_not_object"
)

// Defect is a kind of trace defect.
type Defect struct {
	Name string // as in reports, stable
	Text string // what is wrong with such a row, and what becomes of it
}

// Defects returns the table of all kinds, those that only the reader of a trace counts
// included. It is shared and must not be written to.
func Defects() []Defect { return defectTable[:] }

// DefectText is the text of a kind, empty for one that is not in the table.
func DefectText(name string) string {
	for i := range defectTable {
		if defectTable[i].Name == name {
			return defectTable[i].Text
		}
	}
	return ""
}

var defectTable = [...]Defect{
	{DefectSeqOrder, "its seq is not above that of the row before it; the rows are replayed as they come"},
	{DefectTimeBackwards, "its time is before that of the row before it; the rows are replayed as they come"},
	{DefectTimeNegative, "its time is before 1970"},
	{DefectUnknownFunction, "its function is outside the vocabulary; it is not judged"},
	{DefectUnpairedReturn, "a return to which no entry is open; it is left out"},
	{DefectDuplicateCallID, "an entry with the call_id of a call that is open; it is paired by its thread"},
	{DefectAbandonedCall, "a call that is open when the call it was made in returns, with no gap to explain it; its outcome counts as unknown"},
	{DefectOtherFunction, "a return with the call_id of a call of another function; it is left out"},
	{DefectOtherThread, "a return on another thread than the entry with its call_id; the call_id counts"},
	{DefectOtherDriver, "a return with another driver than its entry; that of the entry counts"},
	{DefectStatusPhase, "a status at an entry of a function without a status argument, or at the return of one that returns none; nothing is concluded from it"},
	{DefectColumnNotCarried, "a value in a column that no parameter of the function goes to, a lost outside of a gap row, or a function in one"},
	{DefectHandleKind, "a handle in the column of one kind that is no such object, and a live object of another kind"},
	{DefectHandleClaimed, "a handle given to an object while another one of its kind has it and is live"},
	{DefectHandleDiffers, "client and call manager got different handles for one open; each keeps its own"},
	{DefectIRQLRange, "its IRQL is above 31, the highest there is; it counts as not recorded"},
	{DefectEvent, "a row of phase event from a source that sees entries and returns (dtrace, uprobe), or with a call_id; it counts as a call of unknown outcome"},
	{DefectGapWithoutLoss, "a gap row that says that nothing was lost; it is left out"},
	{DefectGapBackwards, "a gap row whose since_ts is after its own time; the loss counts as one at that time"},
	{DefectDetailNotAnObject, "its detail is not a JSON object; it counts as not recorded"},
	{format.DefectNullFunction, "it has no function and is no gap row; it is not judged"},
	{format.DefectUnknownPhase, "its phase is outside the vocabulary; it counts as event"},
	{format.DefectNullPhase, "it has no phase; it counts as event"},
	{format.DefectUnknownSource, "its source is outside the vocabulary; it counts as etl"},
	{format.DefectNullSource, "it has no source; it counts as etl"},
	{format.DefectInvalidUTF8, "its driver or detail is not UTF-8; what is not is replaced by U+FFFD"},
	{format.DefectOutOfRange, "a number that its column cannot hold; it counts as not recorded"},
}

// maxIRQL is the highest level of any Windows target (32-bit x86; elsewhere it is 15).
const maxIRQL = 31

// strange are, for each phase and function, the columns that a row should not have a value in.
var strange = func() (of [format.PhaseGap][ndis.NumFuncs]format.Fields) {
	columns := [...]struct {
		col ndis.Column
		bit format.Fields
	}{
		{ndis.ColBinding, format.HasBinding}, {ndis.ColAF, format.HasAF}, {ndis.ColSAP, format.HasSAP},
		{ndis.ColVC, format.HasVC}, {ndis.ColParty, format.HasParty}, {ndis.ColContext, format.HasContext},
		{ndis.ColContext2, format.HasContext2}, {ndis.ColAFType, format.HasAFType | format.HasAFMajor | format.HasAFMinor},
	}
	for fn := range ndis.NumFuncs {
		info := fn.Info()
		for phase := range of {
			of[phase][fn] = format.HasLost
		}
		if info.Dir == ndis.NoDir {
			continue // nothing is known of it
		}
		// Its NdisHandle is that of the driver, and for a protocol a binding too.
		eitherHandle := fn == ndis.NdisSetOptionalHandlers
		for _, x := range columns {
			// Which of the two rows has it is not looked at: a source may repeat on the return
			// what the entry said.
			if enter, ret := info.Carries(x.col); !enter && !ret && !(eitherHandle && x.col == ndis.ColBinding) {
				for phase := range of {
					of[phase][fn] |= x.bit
				}
			}
		}
		enter, ret := info.Carries(ndis.ColStatus)
		if !enter {
			of[format.PhaseEnter][fn] |= format.HasStatus
		}
		if !ret {
			of[format.PhaseReturn][fn] |= format.HasStatus
		}
		if !enter && !ret {
			of[format.PhaseEvent][fn] |= format.HasStatus
		}
		of[format.PhaseEvent][fn] |= format.HasCallID
	}
	return of
}()

// defect counts a defect of the current row.
func (c *Checker) defect(kind string) {
	c.defects[kind]++
	if c.b != nil {
		if _, ok := c.defectRows[kind]; !ok {
			c.defectRows[kind] = c.b.Seq[c.i]
		}
	}
}

// plausible looks at the current row by itself and beside the one before it.
func (c *Checker) plausible(at ev) {
	b, i := c.b, c.i
	if at.ts < c.lastTS {
		c.defect(DefectTimeBackwards)
	}
	if at.seq <= c.lastSeq && c.events > 1 {
		c.defect(DefectSeqOrder)
	}
	if at.ts < 0 {
		c.defect(DefectTimeNegative)
	}
	has, phase := b.Has[i], b.Phase[i]
	if has&format.HasIRQL != 0 && b.IRQL[i] > maxIRQL {
		c.defect(DefectIRQLRange)
	}
	fn := b.Function[i]
	if phase >= format.PhaseGap {
		if fn != ndis.FuncNone {
			c.defect(DefectColumnNotCarried)
		}
		return
	}
	if phase == format.PhaseEvent && (b.Source[i] == format.SourceDTrace || b.Source[i] == format.SourceUprobe) {
		c.defect(DefectEvent)
	}
	if fn >= ndis.NumFuncs {
		return
	}
	if odd := has & strange[phase][fn]; odd != 0 {
		c.odd(odd, phase)
	}
}

// odd counts what the columns are a defect of.
func (c *Checker) odd(columns format.Fields, phase format.Phase) {
	if columns&format.HasStatus != 0 {
		c.defect(DefectStatusPhase)
	}
	if columns&format.HasCallID != 0 && c.b.Source[c.i] != format.SourceDTrace && c.b.Source[c.i] != format.SourceUprobe {
		c.defect(DefectEvent)
	}
	if columns&^(format.HasStatus|format.HasCallID) != 0 {
		c.defect(DefectColumnNotCarried)
	}
}

// otherCaller counts a return whose thread or driver is not that of its entry.
func (c *Checker) otherCaller(cl *call) {
	if r := &c.now; r.thread.known && cl.thread.known && r.thread.tid != cl.thread.tid {
		c.defect(DefectOtherThread)
	}
	if cl.label != 0 && c.now.has&format.HasDriver != 0 && c.now.label != cl.label {
		c.defect(DefectOtherDriver)
	}
}

// wrongKind counts a handle of a row that names no object of its kind, and a live one of
// another kind. In another namespace the value is another object.
func (c *Checker) wrongKind(own, ns, value uint64) {
	if value == 0 {
		return
	}
	is := func(kind uint64) bool {
		if kind == own {
			return false
		}
		k := key{kind<<56 | ns, value}
		switch kind {
		case kindBinding:
			b, ok := c.bindings.get(k)
			return ok && b.valid() && !b.assumed && b.close.state == markNone && !c.gapSince(b.opened.ts)
		case kindAF:
			o, ok := c.opens.get(k)
			return ok && !o.assumed && !o.unlinked && o.state == afOpened && !c.gapSince(o.openEnter.ts)
		case kindSAP:
			s, ok := c.saps.get(k)
			return ok && c.liveSap(s)
		case kindVC:
			v, ok := c.vcs.get(k)
			return ok && !v.assumed && v.since.seen() && v.del.state == markNone && !c.gapSince(v.since.ts)
		case kindParty:
			p, ok := c.parties.get(k)
			return ok && c.liveParty(p)
		}
		return false
	}
	if is(kindBinding) || is(kindAF) || is(kindSAP) || is(kindVC) || is(kindParty) {
		c.defect(DefectHandleKind)
	}
}

// liveSap says that s is certainly registered.
func (c *Checker) liveSap(s *sap) bool {
	return s.live() && !s.failed && s.since.seen() && s.dereg.state == markNone && s.known() && !s.o.assumed && alive(s.o) &&
		s.o.client != nil && captured(s.o.client.driver, false) && !c.gapSince(s.since.ts)
}

// liveParty says that p is certainly part of its call.
func (c *Checker) liveParty(p *party) bool {
	return p.active() && p.drop.state == markNone && !p.gone() && !p.v.assumed && p.v.closeMark.state == markNone &&
		c.captured(p.v, sideClient, false) && !c.gapSince(p.added.ts)
}
