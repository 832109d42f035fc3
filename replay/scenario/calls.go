package scenario

import (
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// vc is who shares a virtual connection.
type vc struct {
	open      *open  // nil for a signaling VC
	creator   string // name of the driver
	manager   string
	miniport  string // empty over a miniport call manager
	adapter   *adapter
	active    bool
	signaling bool
}

func (c *compiler) vc(name string) *vc {
	if c.vcs == nil {
		c.vcs = map[string]*vc{}
	}
	v := c.vcs[name]
	if v == nil {
		v = &vc{}
		c.vcs[name] = v
	}
	return v
}

func (v *vc) client() string {
	if v.open == nil {
		return ""
	}
	return v.open.client
}

// peer is the driver that NDIS asks when the creator makes or deletes the VC.
func (v *vc) peer() string {
	switch {
	case v.signaling:
		return ""
	case v.creator == v.client():
		return v.manager
	}
	return v.client()
}

// created notes who shares the VC that d creates.
func (c *compiler) created(v *vc, d *driver, o *open, a *adapter) {
	v.open, v.creator, v.adapter, v.active = o, d.name, a, false
	v.miniport, v.signaling = "", o == nil
	if o != nil {
		v.manager = o.manager
		if a == nil {
			v.adapter = c.adapters[o.adapter]
		}
	} else {
		v.manager = d.name
	}
	if v.adapter != nil && v.adapter.role != "mcm" {
		v.miniport = v.adapter.owner
	}
}

// usualCall gives the steps that run inside a step of VCs, calls and parties that has no lines
// below it.
func (c *compiler) usualCall(s *step, sub func(driver, word, status string, args ...string) []*step) []*step {
	failed := s.status != "" && s.status != "SUCCESS" && s.status != "PENDING"
	switch s.word {
	case "accept", "hang-up", "dispatch-drop": // the status is what they report
		failed = s.status == "PENDING"
	}
	if failed || len(s.args) == 0 {
		return nil
	}
	x := s.args[0]
	switch s.word {
	case "create-vc", "create-signaling-vc":
		x = s.args[1]
	case "dispatch":
		x = s.args[1]
	case "drop-party", "dispatch-drop", "cm-drop-party":
		x = c.partyVCs[s.args[0]]
	}
	v := c.vcs[x]
	if v == nil {
		return nil
	}
	to := func(driver, word, status string, args ...string) []*step {
		if driver == "" {
			return nil
		}
		return sub(driver, word, status, args...)
	}
	done := s.status != "PENDING"
	switch s.word {
	case "create-vc", "create-signaling-vc":
		return append(to(v.miniport, "mp-create-vc", "", x), to(v.peer(), "co-create-vc", "", x)...)
	case "delete-vc":
		return append(to(v.peer(), "co-delete-vc", "", x), to(v.miniport, "mp-delete-vc", "", x)...)
	case "activate":
		return to(v.miniport, "mp-activate", s.status, x)
	case "deactivate":
		return to(v.miniport, "mp-deactivate", s.status, x)
	case "make-call":
		return to(v.manager, "cm-make-call", s.status, x)
	case "make-multipoint-call":
		return to(v.manager, "cm-make-call", s.status, x, s.args[1])
	case "cm-make-call", "cm-modify":
		if done && !v.active || done && s.word == "cm-modify" {
			return to(s.driver, "activate", "", x)
		}
	case "dispatch":
		return to(v.client(), "incoming", s.status, s.args[0], x)
	case "accept":
		return to(v.manager, "accepted", s.status, x)
	case "connect":
		return to(v.client(), "connected", "", x)
	case "close-call", "close-party":
		return to(v.manager, "cm-close-call", s.status, x)
	case "cm-close-call":
		if done && v.active {
			return to(s.driver, "deactivate", "", x)
		}
	case "hang-up":
		return to(v.client(), "hung-up", s.status, x)
	case "modify":
		return to(v.manager, "cm-modify", s.status, x)
	case "change-qos":
		return to(v.client(), "qos-changed", "", x)
	case "add-party":
		return to(v.manager, "cm-add-party", s.status, x, s.args[1])
	case "drop-party":
		return to(v.manager, "cm-drop-party", s.status, s.args[0])
	case "dispatch-drop":
		return to(v.client(), "incoming-drop", s.status, s.args[0])
	}
	return nil
}

// party sets the columns of a party handle and context.
func (c *compiler) fillParty(e *format.Event, name, vcName string) {
	if c.partyVCs == nil {
		c.partyVCs = map[string]string{}
	}
	if vcName != "" {
		c.partyVCs[name] = vcName
	}
	e.Party, e.Has = c.word(name), e.Has|format.HasParty
}

// fillCall sets the columns of the verbs of VCs, calls and parties.
func (c *compiler) fillCall(s *step, d *driver, v *Verb, oc *openCall, a *adapter, o *open) {
	e := &oc.e
	context := func(v uint64) { e.Context, e.Has = v, e.Has|format.HasContext }
	handle := func(name string) { e.VC, e.Has = c.word(name), e.Has|format.HasVC }
	status := func() {
		st := s.status
		if st == "" {
			st = "SUCCESS"
		}
		if code, err := ndis.ParseStatus(st); err == nil {
			e.Status, e.Has = uint32(code), e.Has|format.HasStatus
		}
	}
	told := func(ctx uint64) {
		context(ctx)
		status()
		e.Detail, e.Has = `{"caller":"ndis"}`, e.Has|format.HasDetail
	}
	back := func(name string) {
		oc.out = func(r *format.Event, st string) {
			if st == "SUCCESS" {
				r.Context, r.Has = c.word(name), r.Has|format.HasContext
			}
		}
	}
	nullParty := func() { e.Has |= format.HasParty }
	x := ""
	if len(s.args) > 0 {
		x = s.args[0]
	}
	switch v.Word {
	case "create-vc", "create-signaling-vc":
		x = s.args[1]
		y := c.vc(x)
		c.created(y, d, o, a)
		e.Has |= format.HasVC // the variable for the handle is NULL
		e.Has |= format.HasAF
		if o != nil {
			e.AF = o.handle
		}
		ctx := x + ".ctx"
		if d.name == y.manager {
			ctx = x + ".cm"
		}
		context(c.word(ctx))
		if y.adapter != nil {
			if d.miniport {
				e.Adapter, e.Has = y.adapter.handle, e.Has|format.HasAdapter
			} else {
				e.Binding, e.Has = c.word(d.name+"@"+y.adapter.name), e.Has|format.HasBinding
			}
		}
		delete(c.words, x)
		oc.out = func(r *format.Event, st string) {
			if st == "SUCCESS" {
				r.VC, r.Has = c.word(x), r.Has|format.HasVC
			}
		}
	case "co-create-vc":
		y := c.vc(x)
		if y.open != nil && d.name == y.open.client {
			context(y.open.clientCtx)
			back(x + ".ctx")
		} else if y.open != nil {
			context(y.open.managerCtx)
			back(x + ".cm")
		}
		handle(x)
	case "mp-create-vc":
		if y := c.vc(x); y.adapter != nil {
			context(y.adapter.context)
		}
		handle(x)
		back(x + ".mp")
	case "delete-vc":
		handle(x)
	case "co-delete-vc":
		if d.name == c.vc(x).client() {
			context(c.word(x + ".ctx"))
		} else {
			context(c.word(x + ".cm"))
		}
	case "mp-delete-vc", "mp-activate", "mp-deactivate":
		context(c.word(x + ".mp"))
	case "activate", "deactivate":
		handle(x)
		on := v.Word == "activate"
		oc.out = func(_ *format.Event, st string) {
			if st == "SUCCESS" || d.miniport && st == "PENDING" {
				c.vc(x).active = on
			}
		}
	case "mp-activated", "mp-deactivated":
		handle(x)
		status()
	case "activated", "deactivated":
		told(c.word(x + ".cm"))
		if e.Status == 0 {
			c.vc(x).active = v.Word == "activated"
		}
	case "make-call":
		handle(x)
		context(0)
	case "make-multipoint-call", "add-party":
		handle(x)
		p := s.args[1]
		c.fillParty(e, p, x)
		e.Party, e.Has = 0, e.Has&^format.HasParty
		context(c.word(p + ".ctx"))
		if v.Word == "make-multipoint-call" {
			e.Detail, e.Has = `{"multipoint":true}`, e.Has|format.HasDetail
		}
		oc.out = func(r *format.Event, st string) {
			if st == "SUCCESS" {
				r.Party, r.Has = c.word(p), r.Has|format.HasParty
			}
		}
	case "cm-make-call", "cm-add-party":
		context(c.word(x + ".cm"))
		nullParty()
		if len(s.args) > 1 {
			c.fillParty(e, s.args[1], x)
			back(s.args[1] + ".cm")
		} else {
			oc.out = func(r *format.Event, st string) { r.Context, r.Has = 0, r.Has|format.HasContext }
		}
	case "call-made":
		handle(x)
		status()
		nullParty()
		context(0)
		if len(s.args) > 1 {
			c.fillParty(e, s.args[1], x)
			context(c.word(s.args[1] + ".cm"))
		}
	case "told-made":
		told(c.word(x + ".ctx"))
		nullParty()
		if len(s.args) > 1 && e.Status == 0 {
			c.fillParty(e, s.args[1], x)
		}
	case "told-modified":
		told(c.word(x + ".ctx"))
	case "dispatch":
		e.SAP, e.Has = c.word(x), e.Has|format.HasSAP
		handle(s.args[1])
	case "incoming":
		context(c.word(x + ".ctx"))
		e.Context2, e.Has = c.word(s.args[1]+".ctx"), e.Has|format.HasContext2
	case "accept", "call-closed", "modified":
		handle(x)
		status()
		if v.Word == "call-closed" {
			nullParty()
		}
	case "accepted":
		told(c.word(x + ".cm"))
	case "connect", "modify", "change-qos", "send", "receive", "mp-sent":
		handle(x)
	case "connected", "qos-changed", "sent":
		context(c.word(x + ".ctx"))
	case "mp-send":
		context(c.word(x + ".mp"))
	case "close-call":
		handle(x)
		nullParty()
	case "close-party":
		handle(x)
		c.fillParty(e, s.args[1], x)
	case "cm-close-call":
		context(c.word(x + ".cm"))
		e.Has |= format.HasContext2
	case "told-closed":
		told(c.word(x + ".ctx"))
		e.Has |= format.HasContext2
	case "hang-up":
		handle(x)
		status()
	case "hung-up":
		context(c.word(x + ".ctx"))
		status()
	case "cm-modify":
		context(c.word(x + ".cm"))
	case "party-added":
		c.fillParty(e, x, "")
		status()
		context(c.word(x + ".cm"))
	case "told-added":
		told(c.word(x + ".ctx"))
		e.Has |= format.HasParty
		if e.Status == 0 {
			c.fillParty(e, x, "")
		}
	case "drop-party":
		c.fillParty(e, x, "")
	case "party-dropped", "dispatch-drop":
		c.fillParty(e, x, "")
		status()
	case "cm-drop-party":
		context(c.word(x + ".cm"))
	case "told-dropped":
		told(c.word(x + ".ctx"))
	case "incoming-drop":
		context(c.word(x + ".ctx"))
		status()
	}
}
