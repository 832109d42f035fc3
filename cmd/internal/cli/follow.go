package cli

import (
	"context"
	"encoding/binary"
	"io"
	"os"
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
		case err == io.EOF && f.grows && !complete(f.r):
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

// complete says whether r is a file in the file format of Arrow that has its end. A stream
// tells its end by itself; what reads a file looks for the footer behind it.
func complete(r io.Reader) bool {
	const magic = "ARROW1"
	file, ok := r.(*os.File)
	if !ok {
		return false
	}
	st, err := file.Stat()
	if err != nil || st.Size() < 64 {
		return false
	}
	at := func(off int64, n int) []byte {
		b := make([]byte, n)
		if _, err := file.ReadAt(b, off); err != nil {
			return make([]byte, n)
		}
		return b
	}
	end := at(st.Size()-10, 10)
	if string(end[4:]) != magic || string(at(0, len(magic))) != magic {
		return false
	}
	// Before the footer is the end of the stream: rows may have the magic too.
	footer := st.Size() - 10 - int64(binary.LittleEndian.Uint32(end))
	return footer >= 16 && binary.LittleEndian.Uint64(at(footer-8, 8)) == 0xffffffff
}
