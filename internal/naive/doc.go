// Package naive judges small, complete traces against the rules for registration,
// notification, open, close, SAPs, VCs, calls, QoS and parties (docs/rules.md, with the
// defaults of docs/ambiguities.md), and makes random histories to judge. Data on VCs and
// the rules about it (VC-12, CALL-12) are left out; of SAPs, VCs, calls and parties it
// knows the errors, not the advice.
//
// It is a second opinion for tests. It shares no code and no idea with package replay:
// it lists the calls of the trace, and answers every question by searching that list
// again. It is quadratic, keeps everything, and is meant for histories of some hundred
// rows that begin in an empty world: no gaps, every row with thread and call id, roles
// declared.
//
// Time. A call is the interval between its two rows. Of two calls one comes first only
// if it returned before the other was entered, or if both are on one thread; everything
// else is concurrent, and what is concurrent may have happened in either order. A
// finding stands only if no such order makes the trace legal.
package naive
