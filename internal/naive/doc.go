// Package naive judges small, complete traces against the registration, notification,
// open and close rules of the reference (condis.md, sections 3 to 5 and 7), and makes
// random histories to judge.
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
