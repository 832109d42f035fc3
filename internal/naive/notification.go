package naive

import (
	"maps"
	"slices"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// told is who was notified of what.
type told struct {
	binding *binding
	reg     *registration
}

// checkNotifications holds NOTE-01 to NOTE-08, NOTE-10, REG-12, and REG-15 for notifications.
func (w *world) checkNotifications() {
	type subject struct {
		binding *binding
		typ     uint32
	}
	var subjects []subject
	live := map[subject][]*call{}  // notifications that a registration explains
	stray := map[subject][]*call{} // and those that none does
	for _, n := range w.of(ndis.ProtocolCoAfRegisterNotify) {
		b := w.bindingByContext(n)
		if b == nil || b.driver != nil && !b.driver.co || b.close.before(n) || b.open.failed() {
			w.violation(rule.NOTE07, n.in)
			continue
		}
		s := subject{b, n.in.AFType}
		if live[s] == nil && stray[s] == nil {
			subjects = append(subjects, s)
		}
		if len(w.explain(b, n)) > 0 {
			live[s] = append(live[s], n)
			continue
		}
		stray[s] = append(stray[s], n)
		switch {
		case len(w.registered(b.adapter, n.in.AFType, n)) > 0:
			w.advice(rule.REG12, n.in)
		case w.refused(b.adapter, n.in.AFType, n):
			w.violation(rule.REG15, n.in)
		default:
			w.violation(rule.NOTE03, n.in)
		}
	}
	notified := map[told]*call{}
	for _, s := range subjects {
		for r, n := range w.assign(s.binding, s.typ, live[s]) {
			notified[told{s.binding, r}] = n
		}
		for _, n := range live[s] {
			w.checkMeant(s.binding, n, notified)
		}
	}
	for _, r := range w.regs {
		for _, b := range w.bindings {
			row := w.due(r, b)
			if row == nil || notified[told{b, r}] != nil {
				continue
			}
			s := subject{b, r.typ}
			if len(stray[s]) > 0 { // it came, at a wrong time
				stray[s] = stray[s][1:]
				continue
			}
			w.violation(w.missed(r, b, row, notified), row)
		}
	}
}

// explain lists the registrations that notification n of b can be of.
func (w *world) explain(b *binding, n *call) []*registration {
	return slices.DeleteFunc(w.registered(b.adapter, n.in.AFType, n), func(r *registration) bool { return r.endedBefore(n) })
}

// assign finds for as many registrations of a type as possible a notification of b that
// can be theirs, first for those that b has to be notified of.
func (w *world) assign(b *binding, typ uint32, ns []*call) map[*registration]*call {
	var wanted []*registration
	for _, needed := range []bool{true, false} {
		for _, r := range w.regs {
			if r.accepted && !r.repeats && r.adapter == b.adapter && r.typ == typ && (w.due(r, b) != nil) == needed {
				wanted = append(wanted, r)
			}
		}
	}
	holder := map[*call]*registration{}
	var place func(r *registration, exactly bool, tried map[*call]bool) bool
	place = func(r *registration, exactly bool, tried map[*call]bool) bool {
		for _, n := range ns {
			if tried[n] || exactly && !r.sameVersion(n.in) || !slices.Contains(w.explain(b, n), r) {
				continue
			}
			tried[n] = true
			if h := holder[n]; h == nil || place(h, exactly, tried) {
				holder[n] = r
				return true
			}
		}
		return false
	}
	for _, exactly := range []bool{true, false} { // versions count where they can
		for _, r := range wanted {
			if !slices.Contains(slices.Collect(maps.Values(holder)), r) {
				place(r, exactly, map[*call]bool{})
			}
		}
	}
	got := map[*registration]*call{}
	for n, r := range holder {
		got[r] = n
	}
	return got
}

// checkMeant judges the time and content of a notification that some registration
// explains. One that is left over is a repetition, unless its owner registered again.
func (w *world) checkMeant(b *binding, n *call, notified map[told]*call) {
	for _, r := range w.explain(b, n) {
		if notified[told{b, r}] == n {
			w.checkTime(r, b, n)
			if !r.sameVersion(n.in) {
				w.remark(rule.NOTE08, n.in)
			}
			return
		}
	}
	if !slices.ContainsFunc(w.explain(b, n), func(r *registration) bool { return r.repeats }) {
		w.advice(rule.NOTE06, n.in)
	}
}

// checkTime holds NOTE-04 and NOTE-05: the owner of the registration, and the client, are
// done with their bind (an MCM: its initialize) before the notification.
func (w *world) checkTime(r *registration, b *binding, n *call) {
	inside := func(c *call) bool { // entered on c's thread before c returned
		return c != nil && c.in.TID == n.in.TID && (c.out == nil || n.in.Seq < c.out.Seq)
	}
	unfinished := func(c *call) bool { // n came before c finished, in every order
		return c != nil && (inside(c) || n.before(c))
	}
	opening := b.open
	if b.open.returned(ndis.StatusPending) {
		opening = b.opened
	}
	if r.mcm {
		if unfinished(r.adapter.init) || opening == nil || unfinished(opening) {
			w.violation(rule.NOTE05, n.in)
			return
		}
	} else {
		if opening == nil || unfinished(opening) {
			w.violation(rule.NOTE07, n.in)
			return
		}
		_, end, _ := r.binding.bindEnd()
		if inside(r.call) || end == nil || bindUnfinished(r.binding, end, n) {
			w.advice(rule.NOTE04, n.in)
			return
		}
	}
	if _, end, _ := b.bindEnd(); end == nil || bindUnfinished(b, end, n) {
		w.advice(rule.NOTE04, n.in)
	}
}

// bindUnfinished says that n came before the bind of b finished with end: its return, or
// the entry of NdisCompleteBindAdapterEx.
func bindUnfinished(b *binding, end, n *call) bool {
	if end == b.bound {
		return n.before(end)
	}
	return n.before(end) || n.in.TID == end.in.TID && n.in.Seq < end.out.Seq
}

// due is the row from which on the client binding b waits for its notification of r, nil
// if none is due. Call managers, and the registrant itself, may be notified but need not
// be. Nobody says how soon a notification comes: one whose registration is withdrawn
// first may never come; one whose client unbinds first is missing.
func (w *world) due(r *registration, b *binding) *format.Event {
	if !r.accepted || r.repeats || r.adapter == nil || b.adapter != r.adapter || b == r.binding {
		return nil
	}
	if b.driver == nil || !b.driver.client || !b.driver.co || !b.isOpen() {
		return nil
	}
	ownerRow, owner := r.ready()
	clientRow, client, ok := b.bindEnd()
	if ownerRow == nil || !ok {
		return nil
	}
	withdrawn := r.adapter.halt
	if !r.mcm {
		withdrawn = r.binding.unbind
		if withdrawn == nil {
			withdrawn = r.binding.close
		}
	}
	switch {
	case b.unbind != nil:
		if !r.call.over(b.unbind) || !owner.over(b.unbind) || !client.over(b.unbind) || withdrawn.maybeBefore(b.unbind) {
			return nil
		}
	case b.close != nil || withdrawn != nil || !w.complete:
		return nil
	}
	row := r.call.out
	for _, e := range []*format.Event{ownerRow, clientRow} {
		if e.Seq > row.Seq {
			row = e
		}
	}
	return row
}

// missed is the rule that a missing notification breaks: NOTE-02 if the client bound
// last, NOTE-10 if it had been told of an earlier registration by the same driver, else
// NOTE-01.
func (w *world) missed(r *registration, b *binding, row *format.Event, notified map[told]*call) rule.ID {
	if clientRow, _, _ := b.bindEnd(); clientRow == row {
		return rule.NOTE02
	}
	for _, o := range w.regs {
		if o != r && o.typ == r.typ && o.sameDriver(r) && o.call.in.Seq < r.call.in.Seq && notified[told{b, o}] != nil {
			return rule.NOTE10
		}
	}
	return rule.NOTE01
}
