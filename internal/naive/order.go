package naive

import "math"

// point is where something takes effect: at the entry of a call or at its return. Both lie
// somewhere in the interval of the call; on one thread they are in the order of the rows.
type point struct {
	tid      uint64
	seq      uint64
	from, to int64
}

func entry(c *call) *point {
	if c == nil {
		return nil
	}
	p := &point{tid: c.in.TID, seq: c.in.Seq, from: c.in.TS, to: math.MaxInt64}
	if c.out != nil {
		p.to = c.out.TS
	}
	return p
}

// exit is the return of c, nil if it never returned.
func exit(c *call) *point {
	if c == nil || c.out == nil {
		return nil
	}
	return &point{tid: c.in.TID, seq: c.out.Seq, from: c.in.TS, to: c.out.TS}
}

// sure says that p comes before q in every order that the trace allows.
func (p *point) sure(q *point) bool {
	if p == nil || q == nil {
		return false
	}
	return p.to < q.from || p.tid == q.tid && p.seq < q.seq
}

// maybe says that p comes before q in some order.
func (p *point) maybe(q *point) bool { return p != nil && !q.sure(p) }
