package cli

import (
	"context"
	"io"
	"os"

	"github.com/aftrace/aftrace/format"
)

// Passing says that what path names can be read once: standard input, "-", or a pipe.
func Passing(path string) bool {
	if path == "-" {
		return true
	}
	st, err := os.Stat(path)
	return err == nil && !st.Mode().IsRegular() && !st.IsDir()
}

// Stdin is standard input that stops with the error of ctx when ctx ends, also while no
// input comes. It reads ahead.
func Stdin(ctx context.Context) io.Reader {
	from := os.Stdin
	return newStream(ctx, func() (*os.File, error) { return from, nil })
}

// Stream is Stdin for "-", and the same for what else is Passing. What is wrong with opening
// it is told by the first Read.
func Stream(ctx context.Context, path string) io.Reader {
	if path == "-" {
		return Stdin(ctx)
	}
	return newStream(ctx, func() (*os.File, error) { return os.Open(path) }) // waits for somebody who writes
}

func newStream(ctx context.Context, open func() (*os.File, error)) io.Reader {
	in := &stream{ctx: ctx, chunks: make(chan chunk), free: make(chan []byte, 2)}
	in.free <- make([]byte, 1<<18)
	in.free <- make([]byte, 1<<18)
	go func() {
		from, err := open()
		if err != nil {
			select {
			case in.chunks <- chunk{err: err}:
			case <-ctx.Done():
			}
			return
		}
		if from != os.Stdin {
			defer from.Close()
		}
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

type stream struct {
	ctx    context.Context
	chunks chan chunk
	free   chan []byte
	now    chunk
	at     int
	err    error
}

func (s *stream) Read(p []byte) (int, error) {
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

// OpenTrace opens a trace. Reading one that is Passing stops with the error of ctx.
func OpenTrace(ctx context.Context, path string) (*format.Reader, error) {
	if Passing(path) {
		return format.NewReader(Stream(ctx, path), path, format.ReaderOptions{})
	}
	return format.Open(path, format.ReaderOptions{})
}

// Spool copies what is Passing to a file in the folder for temporary files, for readers that
// must seek or read it again. done removes it.
func Spool(ctx context.Context, from string) (path string, done func(), err error) {
	f, err := os.CreateTemp("", "aftrace-input-*")
	if err != nil {
		return "", nil, err
	}
	done = func() { os.Remove(f.Name()) }
	_, err = io.Copy(f, Stream(ctx, from))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		done()
		return "", nil, err
	}
	return f.Name(), done, nil
}
