package naive

import (
	"encoding/json"
	"strconv"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// call is one invocation of a function or callback.
type call struct {
	fn     ndis.Func
	in     *format.Event
	out    *format.Event // nil: it never returned
	parent *call         // innermost call that was open on the thread at entry
	arg    detail        // of in
	res    detail        // of out
}

// detail is the part of the detail column that matters here.
type detail struct {
	Handlers        []string        `json:"handlers"`
	Role            string          `json:"role"`
	CO              *bool           `json:"co"`
	Protocol        handle          `json:"protocol"`
	BindContext     handle          `json:"bind_context"`
	UnbindContext   handle          `json:"unbind_context"`
	MiniportContext handle          `json:"miniport_context"`
	Caller          string          `json:"caller"`
	OID             json.RawMessage `json:"oid"`
	SAPType         uint32          `json:"sap_type"`
	SAP             string          `json:"sap"`
	Multipoint      *bool           `json:"multipoint"`
}

// handle is an NDIS handle or a driver context, a hexadecimal string in JSON.
type handle uint64

func (h *handle) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	v, err := strconv.ParseUint(s, 0, 64)
	*h = handle(v)
	return err
}

// parseDetail reads what it can: a detail that is no JSON object says nothing.
func parseDetail(e *format.Event) (d detail) {
	if e != nil && e.Has&format.HasDetail != 0 && e.Detail != "" {
		if json.Unmarshal([]byte(e.Detail), &d) != nil {
			return detail{}
		}
	}
	return d
}

// callsOf pairs the rows of a trace by call id; the result is in order of entry.
func callsOf(events []format.Event) []*call {
	var calls []*call
	byID := map[uint64]*call{}
	open := map[uint64][]*call{} // by thread, outermost first
	for i := range events {
		e := &events[i]
		switch e.Phase {
		case format.PhaseEnter:
			c := &call{fn: e.Function, in: e, arg: parseDetail(e)}
			if s := open[e.TID]; len(s) > 0 {
				c.parent = s[len(s)-1]
			}
			byID[e.CallID] = c
			open[e.TID] = append(open[e.TID], c)
			calls = append(calls, c)
		case format.PhaseReturn:
			c := byID[e.CallID]
			if c == nil || c.out != nil {
				continue
			}
			c.out, c.res = e, parseDetail(e)
			for s, j := open[c.in.TID], len(open[c.in.TID])-1; j >= 0; j-- {
				if s[j] == c {
					open[c.in.TID] = s[:j]
					break
				}
			}
		}
	}
	return calls
}

// over says that c had returned when d was entered.
func (c *call) over(d *call) bool {
	return c != nil && d != nil && c.out != nil && c.out.TS < d.in.TS
}

// before says that c was entered before d in every order the trace allows.
func (c *call) before(d *call) bool {
	if c == nil || d == nil {
		return false
	}
	return c.over(d) || c.in.TID == d.in.TID && c.in.Seq < d.in.Seq
}

// maybeBefore says that some order the trace allows has c before d.
func (c *call) maybeBefore(d *call) bool {
	return c != nil && c != d && !d.before(c)
}

// result is the status c returned; ok is false if it did not return or none is recorded.
func (c *call) result() (s ndis.Status, ok bool) {
	if c == nil || c.out == nil || c.out.Has&format.HasStatus == 0 {
		return 0, false
	}
	return ndis.Status(c.out.Status), true
}

// returned says that c returned exactly s.
func (c *call) returned(s ndis.Status) bool {
	got, ok := c.result()
	return ok && got == s
}

// failed says that c returned, and neither SUCCESS nor PENDING.
func (c *call) failed() bool {
	s, ok := c.result()
	return ok && s != ndis.StatusSuccess && s != ndis.StatusPending
}

// status is the Status argument of a completion.
func (c *call) status() ndis.Status { return ndis.Status(c.in.Status) }

// succeeds says that a completion was called, with status SUCCESS.
func (c *call) succeeds() bool { return c != nil && c.status() == ndis.StatusSuccess }

// fromNDIS says that a completion callback was called by NDIS: a client runs its own
// handler when nothing pended.
func (c *call) fromNDIS() bool { return c.arg.Caller == "ndis" }
