package cli

import (
	"context"
	"io"
	"os"
)

// Stdin is standard input that stops with the error of ctx when ctx ends, also while no
// input comes. It reads ahead.
func Stdin(ctx context.Context) io.Reader {
	in := &stdin{ctx: ctx, chunks: make(chan chunk), free: make(chan []byte, 2)}
	in.free <- make([]byte, 1<<18)
	in.free <- make([]byte, 1<<18)
	from := os.Stdin
	go func() {
		for {
			b := <-in.free
			n, err := from.Read(b)
			select {
			case in.chunks <- chunk{b, n, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return in
}

type chunk struct {
	b   []byte
	n   int
	err error
}

type stdin struct {
	ctx    context.Context
	chunks chan chunk
	free   chan []byte
	now    chunk
	at     int
	err    error
}

func (s *stdin) Read(p []byte) (int, error) {
	for s.at == s.now.n {
		if s.err != nil {
			return 0, s.err
		}
		if s.now.b != nil {
			s.free <- s.now.b
		}
		select {
		case s.now = <-s.chunks:
			s.at, s.err = 0, s.now.err
		case <-s.ctx.Done():
			s.now, s.at, s.err = chunk{}, 0, s.ctx.Err()
		}
	}
	n := copy(p, s.now.b[s.at:s.now.n])
	s.at += n
	return n, nil
}

// Spool copies standard input to a file in the folder for temporary files, for readers that
// must seek. done removes it.
func Spool(ctx context.Context) (path string, done func(), err error) {
	f, err := os.CreateTemp("", "aftrace-stdin-*")
	if err != nil {
		return "", nil, err
	}
	done = func() { os.Remove(f.Name()) }
	_, err = io.Copy(f, Stdin(ctx))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		done()
		return "", nil, err
	}
	return f.Name(), done, nil
}
