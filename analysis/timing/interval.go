package timing

import (
	"cmp"
	"slices"

	"github.com/aftrace/aftrace/analysis/life"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// Interval is a stretch of time that no single call shows.
type Interval uint8

// Intervals, each from the first to the second row named.
const (
	RegisterToNotify Interval = iota // the registering call → the last notification of a client
	NotifyToOpen                     // the notification of a client → its NdisClOpenAddressFamilyEx
	OpenPended                       // PENDING of an open → its completion
	CloseToClosed                    // the close of an AF is requested → it is closed
	BringUp                          // the first registration on an adapter → the first successful open on it
	NumIntervals
)

// String is the name of the interval in tables and reports.
func (i Interval) String() string {
	return [...]string{"register to last notify", "notify to open", "open pended to completed", "close requested to closed", "bring-up"}[i]
}

// Intervals measures the intervals of what a life.Follower follows; see Attach.
type Intervals struct {
	rec    *Recorder
	follow *life.Follower

	// Told is called for each interval that is measured; it may be nil.
	Told func(i Interval, from, to life.At, l *life.Life)

	notified map[notice]life.At  // when a client was told of a registration, until it opens
	up       map[uint64]*bringUp // by adapter
	batch    *format.Batch
}

// notice is what a client was told of: an address family on its binding.
type notice struct {
	client uint64
	af     uint32
}

type bringUp struct {
	first life.At
	done  bool
}

// maxPending bounds how many notifications that nobody answered are remembered.
const maxPending = 1 << 16

// Kinds are the objects that have intervals.
var Kinds = []replay.ObjectKind{replay.AdapterObject, replay.RegistrationObject, replay.AFOpenObject}

// Attach measures the intervals of what follow follows, of Kinds at least, and records them in r.
// Rows go to Batch of the Intervals instead of that of follow.
func (r *Recorder) Attach(follow *life.Follower) *Intervals {
	x := &Intervals{rec: r, follow: follow, notified: map[notice]life.At{}, up: map[uint64]*bringUp{}}
	follow.Also(x.ended, x.changed, x.saw, ndis.ProtocolCoAfRegisterNotify, ndis.NdisClOpenAddressFamilyEx)
	return x
}

// Batch says which rows come next; it passes them on to the Follower.
func (x *Intervals) Batch(b *format.Batch) {
	x.batch = b
	x.follow.Batch(b)
}

// saw looks for notifications and opens.
func (x *Intervals) saw(r *replay.Row, at life.At) {
	b, i := x.batch, r.Index
	if b.Phase[i] == format.PhaseReturn {
		return
	}
	what := replay.RegistrationObject
	switch b.Function[i].Modern() {
	default:
		return
	case ndis.ProtocolCoAfRegisterNotify:
	case ndis.NdisClOpenAddressFamilyEx:
		what = replay.AFOpenObject
	}
	var l *life.Life
	var client uint64
	all := r.All()
	for k := len(all) - 1; k >= 0; k-- { // the most specific one of a kind is the first
		switch o := &all[k]; o.Kind {
		case what:
			l = x.follow.Of(o)
		case replay.BindingObject:
			client = o.ID
		}
	}
	if l == nil || client == 0 {
		return
	}
	n := notice{client, l.AFType}
	if what == replay.RegistrationObject {
		l.Mark = at
		if len(x.notified) < maxPending {
			x.notified[n] = at
		}
	} else if told, ok := x.notified[n]; ok && l.HasAF {
		delete(x.notified, n)
		x.add(NotifyToOpen, told, at, l)
	}
}

// changed looks for the first registration and the first open of an adapter.
func (x *Intervals) changed(l *life.Life, at life.At) {
	if l.Adapter == 0 || l.Kind != replay.AdapterObject && l.Ready.Seq != at.Seq {
		return
	}
	u := x.up[l.Adapter]
	if u == nil {
		u = new(bringUp)
		x.up[l.Adapter] = u
	}
	switch l.Kind {
	case replay.RegistrationObject:
		if !u.first.Seen() {
			u.first = l.First
		}
	case replay.AFOpenObject:
		if u.first.Seen() && !u.done {
			u.done = true
			x.add(BringUp, u.first, l.Ready, l)
		}
	case replay.AdapterObject:
		// It came up again under this handle. A miniport call manager registers before the
		// adapter is up.
		if l.First.Seq > u.first.Seq {
			*u = bringUp{}
		}
	}
}

// ended takes the intervals of a whole life.
func (x *Intervals) ended(l *life.Life) {
	switch l.Kind {
	case replay.RegistrationObject:
		if l.Mark.Seen() {
			x.add(RegisterToNotify, l.First, l.Mark, l)
		}
	case replay.AFOpenObject:
		done := l.Ready
		if !done.Seen() {
			done = l.End
		}
		if l.Pended.Seen() && done.Seen() {
			x.add(OpenPended, l.Pended, done, l)
		}
		if l.Closing.Seen() && l.End.Seen() {
			x.add(CloseToClosed, l.Closing, l.End, l)
		}
	}
}

// add records an interval.
func (x *Intervals) add(i Interval, from, to life.At, l *life.Life) {
	h := x.rec.interval(i, l)
	d, ok := from.Until(to)
	if !ok || !from.Whole(to) {
		h.interrupted++
		return
	}
	h.record(d, x.rec.sample)
	x.rec.slow(Slow{
		What: i.String(), Interval: true, From: from.Seq, To: to.Seq, At: from.TS, Duration: d,
		Driver: l.Driver, AFType: ndis.AFType(l.AFType), HasAFType: l.HasAF,
	})
	if x.Told != nil {
		x.Told(i, from, to, l)
	}
}

type intervalKey struct {
	interval Interval
	hasAF    bool
	af       ndis.AFType
	driver   string
}

func (r *Recorder) interval(i Interval, l *life.Life) *series {
	k := intervalKey{i, l.HasAF, ndis.AFType(l.AFType), l.Driver}
	h := r.intervals[k]
	if h == nil {
		if len(r.intervals) >= MaxSeries {
			k.driver, k.hasAF, k.af = Others, false, 0
			if h = r.intervals[k]; h != nil {
				return h
			}
		}
		h = new(series)
		r.intervals[k] = h
	}
	return h
}

// IntervalRow is the durations of one interval, address family and driver, in nanoseconds.
type IntervalRow struct {
	Interval Interval
	Row
}

// Intervals returns the intervals so far, ordered by interval, address family and driver.
func (r *Recorder) Intervals() []IntervalRow {
	var rows []IntervalRow
	for k, h := range r.intervals {
		row := IntervalRow{Interval: k.interval, Row: Row{AFType: k.af, HasAFType: k.hasAF, Driver: k.driver}}
		r.fill(&row.Row, h)
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b IntervalRow) int {
		return cmp.Or(cmp.Compare(a.Interval, b.Interval), compareBool(a.HasAFType, b.HasAFType), cmp.Compare(a.AFType, b.AFType), cmp.Compare(a.Driver, b.Driver))
	})
	return rows
}
