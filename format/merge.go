package format

import (
	"bytes"
	"container/heap"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/aftrace/aftrace/format/ndis"
)

// MergeOptions configures Merge. The zero value stops at corrupt input.
type MergeOptions struct {
	// Salvage takes the whole batches before a corrupt place of an input and goes on as if
	// the input were cut short there.
	Salvage bool
	// Without names columns beside those of the schema that are left out.
	Without []string
	// Progress is called now and then with the number of rows written.
	Progress func(rows uint64)
}

// Merge writes the rows of several traces of one boot of one host in the order of their
// time stamps to out, which has no rows yet. Rows of equal time come in the order of the
// inputs; the rows of one input keep their order. seq is numbered anew from 1, and the
// call_ids of different inputs are made different.
//
// The metadata of out that the caller did not set is combined: earliest start, latest end,
// the sum of the losses, the greatest uncertainty. A tick frequency in which the inputs
// differ is left out together with the ticks. Columns that the schema does not have are
// passed on, with dictionaries resolved and nulls where an input lacks them; it is an error
// if their types differ or if they hold unions or nested dictionaries. A function
// name outside the vocabulary goes to detail.function, a detail that is not an object to
// detail.text.
//
// A trace that was cut short says so by a row at the end: a gap of unknown size since its
// last time stamp.
//
// Merge returns ErrDifferentBoot (in an *Error) if hosts or boots differ, ErrSchema if
// columns of one name have different types, and what reading and writing return. It does
// not close anything.
func Merge(out *Writer, ins []*Reader, o MergeOptions) error {
	if out.rows > 0 || out.ipc != nil {
		return errors.New("format: merge into a Writer that has written already")
	}
	if len(ins) == 0 {
		return errors.New("format: nothing to merge")
	}
	if err := sameBoot(ins); err != nil {
		return err
	}
	m := &merger{out: out, opts: o, renumber: true, own: out.md.clone()}
	return m.run(ins)
}

// sameBoot checks that handles of all inputs live in one namespace. An input that does not
// know its host or boot fits to all.
func sameBoot(ins []*Reader) error {
	for _, key := range []string{MetaHost, MetaBootID} {
		var first *Reader
		for _, r := range ins {
			switch v := r.md[key]; {
			case v == "":
			case first == nil:
				first = r
			case first.md[key] != v:
				return &Error{
					Path: r.name, Offset: -1, Err: ErrDifferentBoot,
					Reason: fmt.Sprintf("%s is %q, in %s it is %q", key, v, first.name, first.md[key]),
					Hint:   "handles of different boots mean different things; keep the traces apart",
				}
			}
		}
	}
	return nil
}

// merger is one run of Merge or Compact.
type merger struct {
	out      *Writer
	opts     MergeOptions
	renumber bool
	own      Metadata // set by the caller before: not touched
	ins      []*mergeInput
	queue    mergeQueue
	noTicks  bool
	extra    []arrow.Field
	acc      Batch
	pieces   [][]arrow.Array // of each extra column, for the rows of acc
	seq      uint64          // of the next row, where rows are numbered anew
	any      bool
	lastTS   int64 // the latest time stamp, if there is any row
	rows     uint64
}

// mergeInput is one input and its next row.
type mergeInput struct {
	r      *Reader
	k      int
	b      *Batch
	i      int
	ids    idMap
	extras []arrow.Array // of the current batch, one for each of merger.extra
	at     []int         // index of the input's column for each of merger.extra, -1 without
	any    bool
	lastTS int64
	source Source
	cut    bool
}

func (m *merger) run(ins []*Reader) error {
	m.seq = 1
	for k, r := range ins {
		in := &mergeInput{r: r, k: k, source: SourceETL, ids: idMap{k: uint64(k), inputs: uint64(len(ins))}}
		m.ins = append(m.ins, in)
	}
	if err := m.planExtras(); err != nil {
		return err
	}
	m.noTicks = len(distinct(ins, MetaTickFrequency)) > 1
	m.setMetadata(ins)
	for _, in := range m.ins {
		more, err := m.next(in)
		if err != nil {
			return err
		}
		if more {
			m.queue = append(m.queue, in)
		}
	}
	heap.Init(&m.queue)
	for len(m.queue) > 0 {
		in := m.queue[0]
		n := m.runLength(in)
		m.take(in, n)
		if m.acc.N >= m.out.opts.BatchRows || len(m.acc.Driver.Data)+len(m.acc.Detail.Data) >= maxBatchStrings {
			if err := m.flush(); err != nil {
				return err
			}
		}
		if in.i < in.b.N {
			heap.Fix(&m.queue, 0)
			continue
		}
		more, err := m.next(in)
		if err != nil {
			return err
		}
		if more {
			heap.Fix(&m.queue, 0)
		} else {
			heap.Pop(&m.queue)
		}
	}
	for _, in := range m.ins {
		if in.cut {
			m.appendGap(in)
		}
	}
	if err := m.flush(); err != nil {
		return err
	}
	m.setMetadata(ins) // streams know all of it only now
	return nil
}

// next reads the next batch of an input; false at its end.
func (m *merger) next(in *mergeInput) (bool, error) {
	b, err := in.r.Next()
	switch {
	case err == io.EOF:
		in.cut = in.r.Truncated()
		return false, nil
	case err != nil && m.opts.Salvage && errors.Is(err, ErrCorrupt):
		in.cut = true
		return false, nil
	case err != nil:
		return false, err
	}
	in.b, in.i, in.any = b, 0, true
	for x, at := range in.at {
		if at < 0 {
			in.extras[x] = array.MakeArrayOfNull(memory.DefaultAllocator, m.extra[x].Type, b.N)
			continue
		}
		if in.extras[x], err = plainArray(in.r.Extra(at)); err != nil {
			return false, in.r.errorAt(in.r.Offset(), fmt.Errorf("%w: column %q: %v", ErrSchema, m.extra[x].Name, err))
		}
	}
	return true, nil
}

// runLength is how many rows of in come before the next row of any other input.
func (m *merger) runLength(in *mergeInput) int {
	most := min(in.b.N-in.i, max(1, m.out.opts.BatchRows-m.acc.N))
	var other *mergeInput
	for _, x := range m.queue[1:min(3, len(m.queue))] { // the children of the root of the heap
		if other == nil || before(x, other) {
			other = x
		}
	}
	if other == nil {
		return most
	}
	limit := other.b.TS[other.i]
	for n, ts := range in.b.TS[in.i : in.i+most] {
		if ts > limit || ts == limit && in.k > other.k {
			return max(n, 1)
		}
	}
	return most
}

func before(a, b *mergeInput) bool {
	x, y := a.b.TS[a.i], b.b.TS[b.i]
	return x < y || x == y && a.k < b.k
}

// mergeQueue is a heap of inputs by their next row.
type mergeQueue []*mergeInput

func (q mergeQueue) Len() int           { return len(q) }
func (q mergeQueue) Less(i, j int) bool { return before(q[i], q[j]) }
func (q mergeQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *mergeQueue) Push(x any)        { *q = append(*q, x.(*mergeInput)) }
func (q *mergeQueue) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}

// take moves n rows of in to acc.
func (m *merger) take(in *mergeInput, n int) {
	acc, at := &m.acc, m.acc.N
	from, to := in.i, in.i+n
	acc.appendRange(in.b, from, to)
	for i := at; i < acc.N; i++ {
		src := from + i - at
		if m.renumber {
			acc.Seq[i] = m.seq
			m.seq++
		}
		if acc.Has[i]&HasCallID != 0 {
			acc.CallID[i] = in.ids.id(acc.CallID[i], acc.Phase[i])
		}
		if m.noTicks {
			acc.Has[i] &^= HasTicks
		}
		if !m.any || acc.TS[i] > m.lastTS {
			m.any, m.lastTS = true, acc.TS[i]
		}
		m.appendDetail(in, src, i)
	}
	in.lastTS, in.source = acc.TS[acc.N-1], acc.Source[acc.N-1]
	for x := range m.extra {
		m.pieces[x] = append(m.pieces[x], array.NewSlice(in.extras[x], int64(from), int64(to)))
	}
	in.i = to
}

// appendDetail adds the detail of row src of the input as row i of acc, in a form that a
// Writer accepts.
func (m *merger) appendDetail(in *mergeInput, src, i int) {
	acc := &m.acc
	detail := in.b.Detail.At(src)
	if acc.Has[i]&HasDetail == 0 {
		detail = nil
	} else if !validObject(asString(detail)) || len(detail) > MaxString {
		const most = 1 << 20
		text := string(detail[:min(len(detail), most)])
		detail = setKey(nil, "text", strings.ToValidUTF8(text, string(utf8.RuneError)))
	}
	if acc.Function[i] == ndis.FuncUnknown {
		if name := in.r.FunctionName(src); name != "?" {
			detail = setKey(detail, "function", name)
		}
	}
	if len(detail) > 0 {
		acc.Has[i] |= HasDetail
	}
	acc.Detail.Data = append(acc.Detail.Data, detail...)
	acc.Detail.Offsets = append(acc.Detail.Offsets, int32(len(acc.Detail.Data)))
}

// setKey sets a key of a JSON object to a string. object may be nil.
func setKey(object []byte, key, value string) []byte {
	members := map[string]json.RawMessage{}
	if len(object) > 0 && json.Unmarshal(object, &members) != nil {
		return object
	}
	text := func(v any) []byte {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if e.Encode(v) != nil {
			return nil
		}
		return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	}
	members[key] = text(value)
	return text(members)
}

// appendGap says that an input was cut short.
func (m *merger) appendGap(in *mergeInput) {
	e := Event{Seq: m.seq, TS: m.lastTS, Phase: PhaseGap, Source: in.source}
	if !m.any {
		if t, err := time.Parse(time.RFC3339Nano, in.r.md[MetaStarted]); err == nil {
			e.TS = t.UnixNano()
		}
	}
	switch {
	case m.renumber:
		m.seq++
	case m.acc.N > 0:
		e.Seq = m.acc.Seq[m.acc.N-1] + 1
	case m.out.started:
		e.Seq = m.out.lastSeq + 1
	}
	if in.any {
		e.Detail, e.Has = `{"since_ts":`+strconv.FormatInt(in.lastTS, 10)+`}`, HasDetail
	}
	m.acc.Append(&e)
	for x, f := range m.extra {
		m.pieces[x] = append(m.pieces[x], array.MakeArrayOfNull(memory.DefaultAllocator, f.Type, 1))
	}
}

func (m *merger) flush() error {
	if m.acc.N == 0 {
		return nil
	}
	var err error
	if len(m.extra) == 0 {
		err = m.out.WriteBatch(&m.acc)
	} else {
		extra := make([]arrow.Array, len(m.extra))
		for x := range extra {
			if extra[x], err = array.Concatenate(m.pieces[x], memory.DefaultAllocator); err != nil {
				return fmt.Errorf("format: column %q: %w", m.extra[x].Name, err)
			}
			m.pieces[x] = m.pieces[x][:0]
		}
		err = m.out.WriteBatchExtra(&m.acc, extra)
	}
	m.rows += uint64(m.acc.N)
	m.acc.Reset()
	if m.opts.Progress != nil {
		m.opts.Progress(m.rows)
	}
	return err
}

// planExtras decides which further columns the output has.
func (m *merger) planExtras() error {
	index := map[string]int{}
	for _, in := range m.ins {
		for _, f := range in.r.ExtraColumns() {
			if slices.Contains(m.opts.Without, f.Name) {
				continue
			}
			f, err := plainField(f)
			if err != nil {
				return in.r.errorAt(-1, withHint(err, "leave it out"))
			}
			x, ok := index[f.Name]
			if !ok {
				index[f.Name] = len(m.extra)
				m.extra = append(m.extra, f)
			} else if !arrow.TypeEqual(m.extra[x].Type, f.Type) {
				return in.r.errorAt(-1, fmt.Errorf("%w: column %q is %s, in another input %s", ErrSchema, f.Name, f.Type, m.extra[x].Type))
			}
		}
	}
	for _, in := range m.ins {
		in.at = make([]int, len(m.extra))
		in.extras = make([]arrow.Array, len(m.extra))
		for x := range in.at {
			in.at[x] = slices.IndexFunc(in.r.ExtraColumns(), func(f arrow.Field) bool { return f.Name == m.extra[x].Name })
		}
	}
	m.pieces = make([][]arrow.Array, len(m.extra))
	m.out.opts.Extra = m.extra
	return nil
}

// idMap gives the call_ids of input k of several values of their own: id*inputs+k as long
// as that stays in the lower half of the numbers, else the next number of the upper half,
// remembered until the call returns.
type idMap struct {
	k, inputs uint64
	large     map[uint64]uint64
	next      uint64
}

func (m *idMap) id(id uint64, p Phase) uint64 {
	if m.inputs == 1 {
		return id
	}
	hi, lo := bits.Mul64(id, m.inputs)
	if hi == 0 && lo < 1<<63-m.inputs {
		return lo + m.k
	}
	mapped, ok := m.large[id]
	if !ok {
		if m.large == nil {
			m.large = map[uint64]uint64{}
		}
		mapped = 1<<63 + m.next*m.inputs + m.k
		m.next++
		m.large[id] = mapped
	}
	if p == PhaseReturn {
		delete(m.large, id)
	}
	return mapped
}

// distinct are the values that the inputs have for a key, in order, each once.
func distinct(ins []*Reader, key string) []string {
	var values []string
	for _, r := range ins {
		if v, ok := r.md[key]; ok && !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return values
}

// setMetadata combines the metadata of the inputs.
func (m *merger) setMetadata(ins []*Reader) {
	combined := Metadata{}
	for _, r := range ins {
		for key := range r.md {
			if _, done := combined[key]; done {
				continue
			}
			if v, ok := combine(key, distinct(ins, key), ins); ok {
				combined[key] = v
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(combined)) {
		if _, ok := m.own[key]; !ok {
			m.out.SetMetadata(key, combined[key])
		}
	}
}

// combine is the value of a key of a merged trace; false if it has none.
func combine(key string, values []string, ins []*Reader) (string, bool) {
	switch key {
	case MetaSchemaVersion:
		return SchemaVersion, true
	case MetaLostEvents, MetaLostBuffers:
		sum := uint64(0)
		for _, r := range ins {
			n, err := strconv.ParseUint(r.md[key], 10, 64)
			if s, carry := bits.Add64(sum, n, 0); err == nil && carry == 0 {
				sum = s
			}
		}
		return strconv.FormatUint(sum, 10), true
	}
	if len(values) == 1 {
		return values[0], true
	}
	switch key {
	case MetaStarted:
		return slices.MinFunc(values, compareTime), true
	case MetaEnded:
		return slices.MaxFunc(values, compareTime), true
	case MetaOrderUncertainty:
		return slices.MaxFunc(values, func(a, b string) int {
			x, _ := strconv.ParseUint(a, 10, 64)
			y, _ := strconv.ParseUint(b, 10, 64)
			return int(min(max(int64(x)-int64(y), -1), 1))
		}), true
	case MetaTickFrequency:
		return "", false
	case MetaLevel:
		if slices.Contains(values, "export") {
			return "export", true
		}
		return values[0], true
	case MetaStatusNames, MetaAFTypeNames:
		names := map[string]string{}
		for _, v := range slices.Backward(values) {
			json.Unmarshal([]byte(v), &names)
		}
		b, err := json.Marshal(names)
		return string(b), err == nil
	}
	return strings.Join(values, "; "), true
}

func compareTime(a, b string) int {
	x, errX := time.Parse(time.RFC3339Nano, a)
	y, errY := time.Parse(time.RFC3339Nano, b)
	if errX != nil || errY != nil {
		return strings.Compare(a, b)
	}
	return x.Compare(y)
}
