package format

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
)

// errCut says that the input ended where more was due.
var errCut = errors.New("input ends early")

// input reads forward and knows where it is.
type input struct {
	r    *bufio.Reader
	off  int64
	size int64       // of the whole input, -1 if unknown
	at   io.ReaderAt // the same input for access out of order, nil if it has none
	tail [10]byte    // the last bytes read
}

func newInput(r io.Reader) *input {
	in := &input{r: bufio.NewReaderSize(r, 1<<16), size: -1}
	switch r := r.(type) {
	case *os.File:
		if st, err := r.Stat(); err == nil && st.Mode().IsRegular() {
			if begin, err := r.Seek(0, io.SeekCurrent); err == nil {
				in.size = st.Size() - begin
				in.at = io.NewSectionReader(r, begin, in.size)
			}
		}
	case *bytes.Reader:
		begin, _ := r.Seek(0, io.SeekCurrent)
		in.size = int64(r.Len())
		in.at = io.NewSectionReader(r, begin, in.size)
	}
	return in
}

// fill reads len(b) bytes. It returns io.EOF if there is none and errCut if there are some.
func (in *input) fill(b []byte) error {
	n, err := io.ReadFull(in.r, b)
	in.off += int64(n)
	if n >= len(in.tail) {
		copy(in.tail[:], b[n-len(in.tail):n])
	} else {
		copy(in.tail[:], in.tail[n:])
		copy(in.tail[len(in.tail)-n:], b[:n])
	}
	if err == io.ErrUnexpectedEOF {
		return errCut
	}
	return err
}

// read reads n bytes into buf or, if it is too small, into new memory. It asks for no
// more memory than the input turns out to have bytes, give or take a factor of two.
func (in *input) read(buf []byte, n int64) ([]byte, error) {
	if n == 0 {
		return buf[:0], nil
	}
	known := in.size >= 0 && in.off+n <= in.size
	if int64(cap(buf)) >= n || known || n <= 1<<20 {
		if int64(cap(buf)) < n {
			buf = alignedBytes(n + n/8) // the next batch is often a little larger
		}
		buf = buf[:n]
		return buf, eofIsCut(in.fill(buf))
	}
	if cap(buf) == 0 {
		buf = alignedBytes(1 << 20)
	}
	buf = buf[:min(int64(cap(buf)), n)]
	for have := 0; ; {
		if err := in.fill(buf[have:]); err != nil {
			return buf, eofIsCut(err)
		}
		if have = len(buf); int64(have) == n {
			return buf, nil
		}
		more := alignedBytes(min(n, 2*int64(have)))
		copy(more, buf)
		buf = more
	}
}

func eofIsCut(err error) error {
	if err == io.EOF {
		return errCut
	}
	return err
}

// drain reads to the end and reports whether all of it was zeros.
func (in *input) drain() (zeros bool, err error) {
	zeros = true
	buf := make([]byte, 1<<16)
	for {
		n, err := in.r.Read(buf)
		for i := 0; i < n && zeros; i++ {
			zeros = buf[i] == 0
		}
		in.off += int64(n)
		if n >= len(in.tail) {
			copy(in.tail[:], buf[n-len(in.tail):n])
		} else {
			copy(in.tail[:], in.tail[n:])
			copy(in.tail[len(in.tail)-n:], buf[:n])
		}
		if err == io.EOF {
			return zeros, nil
		}
		if err != nil {
			return zeros, err
		}
	}
}

// readAt reads n bytes at off into buf or, if it is too small, into new memory. The caller
// knows that the input has them.
func (in *input) readAt(buf []byte, off, n int64) ([]byte, error) {
	if int64(cap(buf)) < n {
		buf = alignedBytes(n + n/8)
	}
	buf = buf[:n]
	_, err := io.ReadFull(io.NewSectionReader(in.at, off, n), buf)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = errCut
	}
	return buf, err
}
