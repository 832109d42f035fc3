package etl

import "io"

// windowSize is how much is read at once, if no buffer is larger.
const windowSize = 1 << 20

// window is a moving view of the input. It reads rather than maps: a mapped file that
// shrinks kills the process.
type window struct {
	r    io.ReaderAt
	size int64
	buf  []byte
	off  int64
	n    int // bytes of buf that are valid
}

// ready is how many bytes at off can be had without reading.
func (w *window) ready(off int64) int {
	if off < w.off || off >= w.off+int64(w.n) {
		return 0
	}
	return int(w.off + int64(w.n) - off)
}

// at returns up to n bytes at off, fewer only at the end of the input. They are valid
// until the next call.
func (w *window) at(off int64, n int) ([]byte, error) {
	if off >= w.off && off+int64(n) <= w.off+int64(w.n) {
		i := int(off - w.off)
		return w.buf[i : i+n : i+n], nil
	}
	want := int(min(int64(max(n, windowSize)), w.size-off))
	if want <= 0 {
		return nil, nil
	}
	if want > len(w.buf) {
		w.buf = make([]byte, want)
	}
	got, err := w.r.ReadAt(w.buf[:want], off)
	w.off, w.n = off, got
	if err != nil && err != io.EOF && got < n { // else the failure lies ahead
		w.n = 0
		return nil, err
	}
	n = min(n, got)
	return w.buf[:n:n], nil
}
