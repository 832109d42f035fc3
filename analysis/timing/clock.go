package timing

import (
	"slices"
	"time"
)

// Clock is the clock for short transitions: it knows what reading it costs.
type Clock struct {
	start time.Time
	cost  int64
}

// NewClock returns a calibrated Clock.
func NewClock() *Clock {
	c := &Clock{start: time.Now()}
	const rounds, reads = 31, 256
	costs := make([]int64, rounds)
	for i := range costs {
		from := c.Now()
		for range reads {
			c.Now()
		}
		costs[i] = (c.Now() - from) / (reads + 1)
	}
	slices.Sort(costs)
	c.cost = costs[rounds/2] // a round that was interrupted does not count
	return c
}

// Now is the monotonic time in nanoseconds since the Clock was made.
func (c *Clock) Now() int64 { return int64(time.Since(c.start)) }

// Cost is how long it takes to read the clock, in nanoseconds.
func (c *Clock) Cost() int64 { return c.cost }
