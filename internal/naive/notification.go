package naive

import (
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// notified counts the notifications that one binding got of one registration.
type notified struct {
	binding *binding
	reg     *registration
}

// checkNotifications holds NOTE-01 to NOTE-08, NOTE-10, REG-12, and REG-15 for notifications.
func (w *world) checkNotifications() {
	got := map[notified]int{}
	stray := map[*binding]map[uint32]int{} // notifications that no registration explains
	for _, n := range w.of(ndis.ProtocolCoAfRegisterNotify) {
		b := w.bindingByContext(n)
		if b == nil || b.driver != nil && !b.driver.co || b.close.before(n) || b.open.failed() {
			w.violation(rule.NOTE07, n.in)
			continue
		}
		made := w.registered(b.adapter, n.in.AFType, n)
		var live []*registration
		for _, r := range made {
			if !r.endedBefore(n) {
				live = append(live, r)
			}
		}
		if len(live) == 0 {
			if stray[b] == nil {
				stray[b] = map[uint32]int{}
			}
			stray[b][n.in.AFType]++
			switch {
			case len(made) > 0:
				w.advice(rule.REG12, n.in)
			case w.refused(b.adapter, n.in.AFType, n):
				w.violation(rule.REG15, n.in)
			default:
				w.violation(rule.NOTE03, n.in)
			}
			continue
		}
		r, again := w.meant(live, n, b, got)
		got[notified{b, r}]++
		w.checkTime(r, b, n)
		if again {
			w.advice(rule.NOTE06, n.in)
		}
		if !r.sameVersion(n.in) {
			w.remark(rule.NOTE08, n.in)
		}
	}
	for _, r := range w.regs {
		for _, b := range w.bindings {
			row := w.due(r, b)
			if row == nil || got[notified{b, r}] > 0 {
				continue
			}
			if stray[b][r.typ] > 0 {
				stray[b][r.typ]--
				continue
			}
			w.violation(w.missed(r, b, row, got), row)
		}
	}
}

// meant is the registration a notification is of: one that the binding has not been told
// of, with the same version if there is one, else one that it has been told of. again
// says that the binding had been told of it as often as it was registered.
func (w *world) meant(live []*registration, n *call, b *binding, got map[notified]int) (r *registration, again bool) {
	for _, version := range []bool{true, false} {
		for _, r := range live {
			if got[notified{b, r}] == 0 && !r.repeats && (!version || r.sameVersion(n.in)) {
				return r, false
			}
		}
	}
	r = live[0]
	for _, l := range live {
		if l.sameVersion(n.in) {
			r = l
			break
		}
	}
	times := 0
	for _, l := range live {
		if l.sameOwner(r) {
			times++
		}
	}
	return r, got[notified{b, r}] >= times
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
func (w *world) missed(r *registration, b *binding, row *format.Event, got map[notified]int) rule.ID {
	if clientRow, _, _ := b.bindEnd(); clientRow == row {
		return rule.NOTE02
	}
	for _, o := range w.regs {
		if o != r && o.typ == r.typ && o.sameDriver(r) && o.call.in.Seq < r.call.in.Seq && got[notified{b, o}] > 0 {
			return rule.NOTE10
		}
	}
	return rule.NOTE01
}
