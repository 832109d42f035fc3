package main

import (
	"fmt"
	"os"
	"time"

	"github.com/aftrace/aftrace/cmd/internal/cli"
	"github.com/aftrace/aftrace/collect/rotate"
)

// counter is a recording that can say how it goes.
type counter interface {
	// Counts are the events so far, how many were lost, and buffers in use of those allocated
	// (0 of 0 if there are none).
	Counts() (events, lost uint64, inUse, buffers uint32)
}

// showProgress shows once a second how a capture goes, on standard error if that is a
// terminal. The function that it returns ends that.
func showProgress(rec any, w any, quiet bool) (end func()) {
	c, ok := rec.(counter)
	if !ok || quiet || !cli.Terminal(os.Stderr) {
		return func() {}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		last, at := uint64(0), time.Now()
		for {
			select {
			case <-quit:
				fmt.Fprint(os.Stderr, "\r\x1b[K")
				return
			case now := <-tick.C:
				size := int64(-1)
				if r, ok := w.(*rotate.Writer); ok {
					size = r.Size()
				}
				line := progressLine(c, last, now.Sub(at), size)
				last, _, _, _ = c.Counts()
				at = now
				fmt.Fprintf(os.Stderr, "\r\x1b[K%s", line)
			}
		}
	}()
	return func() {
		close(quit)
		<-done
	}
}

// progressLine is how a capture goes: events since last in a time, and the size of what is
// written (-1 if it has none).
func progressLine(c counter, last uint64, since time.Duration, size int64) string {
	events, lost, inUse, buffers := c.Counts()
	rate := 0.0
	if since > 0 {
		rate = float64(events-last) / since.Seconds()
	}
	s := fmt.Sprintf("%d events, %.0f/s, %d lost", events, rate, lost)
	if buffers > 0 {
		s += fmt.Sprintf(", %d of %d buffers in use", inUse, buffers)
	}
	if size >= 0 {
		s += fmt.Sprintf(", %.1f MB", float64(size)/(1<<20))
	}
	return s
}
