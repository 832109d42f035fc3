package collect

import (
	"cmp"
	"container/heap"
	"fmt"
	"io"
	"math/bits"
	"os"
	"path/filepath"

	"github.com/aftrace/aftrace/format"
)

const (
	defaultRun = 1 << 19   // rows sorted in memory at once, about 200 bytes each
	runText    = 256 << 20 // bytes of their labels and details
	chunkRows  = 1 << 12
	mergeFan   = 64      // runs merged at once
	spillBatch = 1 << 11 // rows in a batch of a spilled run
	spillText  = 1 << 20 // bytes of their labels and details
)

// sorter brings rows into the order of time; rows of equal time stay in the order in which
// they came. Rows beyond the size of a run are spilled to temporary traces.
type sorter struct {
	run  int          // rows in a run
	temp string       // parent folder of the temporary one
	stop func() error // asked now and then while runs are written

	chunks [][]format.Event
	n      int
	text   int // bytes of labels and details in the run
	keys   []sortKey
	other  []sortKey // for the radix sort

	dir     string // "" until something is spilled
	runs    []string
	files   int
	rows    uint64
	drivers map[string]string
}

type sortKey struct {
	ts    uint64 // order-preserving image of the time
	index uint32
}

func newSorter(run int, temp string, stop func() error) *sorter {
	if run <= 0 {
		run = defaultRun
	}
	return &sorter{run: run, temp: temp, stop: stop, drivers: map[string]string{}}
}

// slot returns the row that the next add adds.
func (s *sorter) slot() *format.Event {
	if s.n/chunkRows == len(s.chunks) {
		s.chunks = append(s.chunks, make([]format.Event, chunkRows))
	}
	return s.at(uint32(s.n))
}

func (s *sorter) at(i uint32) *format.Event { return &s.chunks[i/chunkRows][i%chunkRows] }

// add keeps the row in slot.
func (s *sorter) add() error {
	e := s.at(uint32(s.n))
	s.keys = append(s.keys, sortKey{uint64(e.TS) ^ 1<<63, uint32(s.n)})
	s.text += textSize(e)
	s.n++
	s.rows++
	if s.n == s.run || s.text >= runText {
		return s.spill()
	}
	return nil
}

func textSize(e *format.Event) int { return len(e.Driver) + len(e.Detail) }

// sort orders the keys of the current run.
func (s *sorter) sort() {
	keys := s.keys
	lo, hi, sorted := ^uint64(0), uint64(0), true
	for i := range keys {
		t := keys[i].ts
		sorted = sorted && t >= hi
		lo, hi = min(lo, t), max(hi, t)
	}
	if sorted {
		return
	}
	if cap(s.other) < len(keys) {
		s.other = make([]sortKey, len(keys), cap(keys))
	}
	s.keys, s.other = radixSort(keys, s.other[:len(keys)], lo, bits.Len64(hi-lo))
}

// radixSort sorts by ts-lo, which has so many bits, and returns the sorted slice first.
// It is stable.
func radixSort(a, b []sortKey, lo uint64, width int) (sorted, scratch []sortKey) {
	const digit = 11
	var count [1 << digit]uint32
	for shift := 0; shift < width; shift += digit {
		clear(count[:])
		for i := range a {
			count[(a[i].ts-lo)>>shift&(1<<digit-1)]++
		}
		var sum uint32
		for i, n := range count {
			count[i] = sum
			sum += n
		}
		for i := range a {
			d := (a[i].ts - lo) >> shift & (1<<digit - 1)
			b[count[d]] = a[i]
			count[d]++
		}
		a, b = b, a
	}
	return a, b
}

// each calls emit for every row in order. It can be called once.
func (s *sorter) each(emit func(*format.Event) error) error {
	if len(s.runs) == 0 {
		s.sort()
		for _, k := range s.keys {
			if err := emit(s.at(k.index)); err != nil {
				return err
			}
		}
		return nil
	}
	if s.n > 0 {
		if err := s.spill(); err != nil {
			return err
		}
	}
	s.chunks, s.keys, s.other = nil, nil, nil
	for len(s.runs) > mergeFan {
		// Runs that are neighbours are merged, so that rows of equal time stay in order.
		var merged []string
		for len(s.runs) > 0 {
			n := min(mergeFan, len(s.runs))
			path, err := s.writeRun(func(emit func(*format.Event) error) error { return s.merge(s.runs[:n], emit) })
			if err != nil {
				return err
			}
			for _, old := range s.runs[:n] {
				os.Remove(old)
			}
			merged, s.runs = append(merged, path), s.runs[n:]
		}
		s.runs = merged
	}
	return s.merge(s.runs, emit)
}

// spill writes the current run to a temporary trace.
func (s *sorter) spill() error {
	s.sort()
	path, err := s.writeRun(func(emit func(*format.Event) error) error {
		for _, k := range s.keys {
			if err := emit(s.at(k.index)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.runs = append(s.runs, path)
	s.keys, s.n, s.text = s.keys[:0], 0, 0
	return nil
}

func (s *sorter) writeRun(rows func(func(*format.Event) error) error) (path string, err error) {
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp(s.temp, "aftrace-sort-"); err != nil {
			return "", fail(fmt.Errorf("collect: temporary folder: %w", err), ErrOutput)
		}
	}
	path = filepath.Join(s.dir, fmt.Sprintf("%06d.arrows", s.files))
	s.files++
	w, err := format.Create(path, format.WriterOptions{BatchRows: spillBatch})
	if err != nil {
		return "", fail(err, ErrOutput)
	}
	defer w.Discard()
	seq, text := uint64(0), 0
	err = rows(func(e *format.Event) error {
		if seq++; seq&0x3FFF == 0 {
			if err := s.stop(); err != nil {
				return err
			}
		}
		e.Seq = seq
		if err := w.Write(e); err != nil {
			return fail(err, ErrOutput)
		}
		// A merge holds a batch of each run.
		if text += textSize(e); text >= spillText || seq%spillBatch == 0 {
			text = 0
			if err := w.Flush(); err != nil {
				return fail(err, ErrOutput)
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", fail(err, ErrOutput)
	}
	return path, nil
}

// close removes what was spilled.
func (s *sorter) close() {
	if s.dir != "" {
		os.RemoveAll(s.dir)
		s.dir = ""
	}
}

// runCursor is the place in a spilled run.
type runCursor struct {
	r     *format.Reader
	order int // of the run: the older one wins
	b     *format.Batch
	i     int
}

// next goes to the next row; io.EOF at the end.
func (c *runCursor) next() error {
	c.i++
	for c.b == nil || c.i >= c.b.N {
		b, err := c.r.Next()
		if err != nil {
			return err
		}
		c.b, c.i = b, 0
	}
	return nil
}

type runHeap []*runCursor

func (h runHeap) Len() int { return len(h) }
func (h runHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	return cmp.Or(cmp.Compare(a.b.TS[a.i], b.b.TS[b.i]), cmp.Compare(a.order, b.order)) < 0
}
func (h runHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *runHeap) Push(x any)   { *h = append(*h, x.(*runCursor)) }
func (h *runHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// merge calls emit for the rows of several runs in order.
func (s *sorter) merge(paths []string, emit func(*format.Event) error) error {
	var h runHeap
	defer func() {
		for _, c := range h {
			c.r.Close()
		}
	}()
	for i, path := range paths {
		r, err := format.Open(path, format.ReaderOptions{})
		if err != nil {
			return fmt.Errorf("collect: temporary trace: %w", err)
		}
		c := &runCursor{r: r, order: i}
		h = append(h, c)
		if err := c.next(); err != nil {
			return fmt.Errorf("collect: temporary trace: %w", err)
		}
	}
	heap.Init(&h)
	var e format.Event
	for len(h) > 0 {
		c := h[0]
		s.load(c.b, c.i, &e)
		if err := emit(&e); err != nil {
			return err
		}
		switch err := c.next(); err {
		case nil:
			heap.Fix(&h, 0)
		case io.EOF:
			heap.Pop(&h)
			c.r.Close()
		default:
			return fmt.Errorf("collect: temporary trace: %w", err)
		}
	}
	return nil
}

// load is Batch.Event with few allocations: labels of drivers are few.
func (s *sorter) load(b *format.Batch, i int, e *format.Event) {
	*e = format.Event{
		TS: b.TS[i], Ticks: b.Ticks[i], CPU: b.CPU[i], PID: b.PID[i], TID: b.TID[i],
		IRQL: b.IRQL[i], Phase: b.Phase[i], Function: b.Function[i], Source: b.Source[i],
		CallID: b.CallID[i], Adapter: b.Adapter[i], Binding: b.Binding[i], AF: b.AF[i], SAP: b.SAP[i], VC: b.VC[i],
		Party: b.Party[i], Context: b.Context[i], Context2: b.Context2[i],
		AFType: b.AFType[i], AFMajor: b.AFMajor[i], AFMinor: b.AFMinor[i], Status: b.Status[i],
		Lost: b.Lost[i], Has: b.Has[i],
	}
	if e.Has&format.HasDriver != 0 {
		label, ok := s.drivers[string(b.Driver.At(i))]
		if !ok {
			label = string(b.Driver.At(i))
			if len(s.drivers) == 1<<14 {
				clear(s.drivers)
			}
			s.drivers[label] = label
		}
		e.Driver = label
	}
	if e.Has&format.HasDetail != 0 {
		e.Detail = string(b.Detail.At(i))
	}
}
