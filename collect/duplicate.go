package collect

import (
	"time"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

const (
	// duplicateWindow is how far apart two routes may place one crossing: their clocks are
	// the host's system time and its performance counter.
	duplicateWindow = int64(100 * time.Microsecond)
	// duplicateIDWindow is the same for rows with one call_id: an emitter's number for the
	// call, which both routes then have from it.
	duplicateIDWindow = int64(time.Second)
	duplicateRecent   = 1 << 12 // rows compared with
)

// duplicates finds crossings that two routes report. Two rows are one crossing if they
// come from different sources, have the same function, phase and thread, contradict each
// other in no column, and either carry the same call_id or are less than duplicateWindow
// apart. The first in time stays; each takes at most one row of every other source, so
// that a call made twice in a moment stays two calls.
type duplicates struct {
	recent [duplicateRecent]seenRow
	n      int // rows kept so far
	by     map[crossing][]int
	count  uint64
}

// crossing is what two rows of one crossing have in common for sure.
type crossing struct {
	function ndis.Func
	phase    format.Phase
	tid      uint64
}

type seenRow struct {
	key     crossing
	e       format.Event
	sources uint16 // that have reported it
}

// is says whether e repeats a row before it; if not, it is remembered. Rows must come in
// the order of time.
func (d *duplicates) is(e *format.Event) bool {
	if e.Phase == format.PhaseGap || e.Has&format.HasTID == 0 || e.Function == ndis.FuncUnknown {
		return false
	}
	if d.by == nil {
		d.by = map[crossing][]int{}
	}
	k := crossing{e.Function, e.Phase, e.TID}
	bit := uint16(1) << e.Source
	for _, i := range d.by[k] {
		s := &d.recent[i%duplicateRecent]
		if s.sources&bit == 0 && sameCrossing(&s.e, e) {
			s.sources |= bit
			d.count++
			return true
		}
	}
	s := &d.recent[d.n%duplicateRecent]
	if d.n >= duplicateRecent {
		// Rows leave in the order in which they came.
		if list := d.by[s.key][1:]; len(list) > 0 {
			d.by[s.key] = list
		} else {
			delete(d.by, s.key)
		}
	}
	*s = seenRow{key: k, e: *e, sources: bit}
	s.e.Detail, s.e.Driver = "", "" // not compared: each route has its own
	d.by[k] = append(d.by[k], d.n)
	d.n++
	return false
}

func sameCrossing(a, b *format.Event) bool {
	both := a.Has & b.Has
	apart := b.TS - a.TS
	if !(apart <= duplicateWindow || both&format.HasCallID != 0 && a.CallID == b.CallID && apart <= duplicateIDWindow) {
		return false
	}
	differ := func(k format.Fields, x, y uint64) bool { return both&k != 0 && x != y }
	return !(differ(format.HasPID, uint64(a.PID), uint64(b.PID)) ||
		differ(format.HasCPU, uint64(a.CPU), uint64(b.CPU)) ||
		differ(format.HasIRQL, uint64(a.IRQL), uint64(b.IRQL)) ||
		differ(format.HasAdapter, a.Adapter, b.Adapter) || differ(format.HasBinding, a.Binding, b.Binding) ||
		differ(format.HasAF, a.AF, b.AF) || differ(format.HasSAP, a.SAP, b.SAP) || differ(format.HasVC, a.VC, b.VC) ||
		differ(format.HasParty, a.Party, b.Party) || differ(format.HasContext, a.Context, b.Context) ||
		differ(format.HasContext2, a.Context2, b.Context2) || differ(format.HasAFType, uint64(a.AFType), uint64(b.AFType)) ||
		differ(format.HasAFMajor, uint64(a.AFMajor), uint64(b.AFMajor)) ||
		differ(format.HasAFMinor, uint64(a.AFMinor), uint64(b.AFMinor)) ||
		differ(format.HasStatus, uint64(a.Status), uint64(b.Status)))
}
