package cli

import (
	"context"
	"io"
	"time"
)

// followEvery is how often a file that did not grow is looked at again.
const followEvery = 100 * time.Millisecond

// Follow reads from r, and goes on after its end when more comes: grows says that r is a
// file, whose end is only that of what was written so far. The end is reported when ctx is
// done, or when nothing came for the time idle if that is not 0. What is read to then is all
// that was written; r must not be used meanwhile.
func Follow(ctx context.Context, r io.Reader, grows bool, idle time.Duration) io.Reader {
	return &follower{ctx: ctx, r: r, grows: grows, idle: idle}
}

type follower struct {
	ctx   context.Context
	r     io.Reader
	grows bool
	idle  time.Duration
}

func (f *follower) Read(p []byte) (int, error) {
	since := time.Now()
	for {
		n, err := f.r.Read(p)
		switch {
		case n > 0:
			return n, nil
		case err != nil && f.ctx.Err() != nil:
			return 0, io.EOF
		case err == io.EOF && f.grows:
		case err != nil:
			return 0, err
		}
		wait := followEvery
		if f.idle > 0 {
			left := f.idle - time.Since(since)
			if left <= 0 {
				return 0, io.EOF
			}
			wait = min(wait, left)
		}
		select {
		case <-f.ctx.Done():
			// What was written until now is read, nothing that comes later.
			f.grows = false
		case <-time.After(wait):
		}
	}
}
