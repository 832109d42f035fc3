// Package scrub makes of a trace one that may leave a site: addresses, host, interface and
// driver names are replaced, consistently, so that a replay finds in it what it finds in the
// original. docs/scrub.md says what is replaced, dropped and kept.
//
//	s, err := scrub.New(reader, scrub.Options{})
//	w, err := format.Create("out.arrow", s.WriterOptions())
//	sum, err := s.Run(ctx, w) // then w.Close, or w.CloseCut if sum.Cut
package scrub

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// ErrShift is returned for a shift that moves a time out of what a trace can hold.
var ErrShift = errors.New("the shift moves times out of range")

// Options says how much is replaced. The zero value replaces what docs/scrub.md lists, with a
// key that is forgotten.
type Options struct {
	// Seed makes the replacement reproducible: traces scrubbed with one seed fit together.
	// Who knows it can compute the addresses. Empty is a random key, which nobody knows.
	Seed string
	// Keep names extra columns, keys of the metadata and keys of the detail to leave as
	// they are.
	Keep []string
	// Drivers replaces all labels of drivers, not only the folders of those that are paths.
	Drivers bool
	// Threads replaces cpu, pid and tid.
	Threads bool
	// Shift is added to all times.
	Shift time.Duration
	// Salvage takes what is before a damaged place, as in format.MergeOptions.
	Salvage bool
	// ToolVersion is the program's, for the metadata. Empty keeps that of the trace.
	ToolVersion string
	// Progress is called now and then with the number of rows written.
	Progress func(rows uint64)
}

// Summary is what a run did.
type Summary struct {
	Rows       uint64
	Cut        bool   // the trace was cut short: end the copy with format.Writer.CloseCut
	BadDetails uint64 // details that were no JSON objects; they were dropped

	// What was dropped, with how many rows had it (1 for columns and metadata).
	Columns, Metadata, DetailKeys map[string]uint64
}

// maxNames bounds how many names of dropped keys a Summary has; the rest count as "…".
const maxNames = 256

func (s *Summary) drop(from map[string]uint64, name string) {
	if _, ok := from[name]; !ok && len(from) >= maxNames {
		name = "…"
	}
	from[name]++
}

// Scrubber scrubs one trace. It is for one goroutine and one Run.
type Scrubber struct {
	in     *format.Reader
	o      Options
	names  *renamer
	keep   map[string]bool
	extras []arrow.Field
	at     []int // of extras, in the columns of in
	sum    Summary

	out     format.Batch
	members []member // of the detail at hand
	labels  map[string]string
	tokens  map[string]map[string]string // by kind and text
	failed  error
}

// The caches of texts are emptied when they reach this size.
const (
	maxCached     = 4096
	maxCachedText = 512 // bytes of a text in a cache
)

// New prepares scrubbing in. Its error is ErrSchema (in a *format.Error) for a column to keep
// that a trace cannot pass on, or that of the source of random numbers.
func New(in *format.Reader, o Options) (*Scrubber, error) {
	key := make([]byte, sha256.Size)
	if o.Seed == "" {
		if _, err := rand.Read(key); err != nil {
			return nil, err
		}
	} else {
		sum := sha256.Sum256([]byte(o.Seed))
		copy(key, sum[:])
	}
	s := &Scrubber{
		in: in, o: o, names: newRenamer(key), keep: map[string]bool{},
		labels: map[string]string{}, tokens: map[string]map[string]string{},
	}
	s.sum.Columns, s.sum.Metadata, s.sum.DetailKeys = map[string]uint64{}, map[string]uint64{}, map[string]uint64{}
	for _, name := range o.Keep {
		s.keep[name] = true
	}
	for i, f := range in.ExtraColumns() {
		if !s.keep[f.Name] {
			s.sum.drop(s.sum.Columns, f.Name)
			continue
		}
		plain, err := in.PlainColumn(i)
		if err != nil {
			return nil, err
		}
		// The metadata of a column is of who wrote it, like that of the trace.
		s.extras = append(s.extras, arrow.Field{Name: plain.Name, Type: plain.Type, Nullable: true})
		s.at = append(s.at, i)
	}
	return s, nil
}

// WriterOptions are those for the Writer that Run gets. What the trace says of itself at its
// end is added by Run.
func (s *Scrubber) WriterOptions() format.WriterOptions {
	md, _ := s.metadata()
	return format.WriterOptions{Metadata: md, Extra: s.extras}
}

// Run writes the scrubbed rows to out and closes neither side; see Summary.Cut. The errors are
// those of reading, writing and ctx, and ErrShift.
func (s *Scrubber) Run(ctx context.Context, out *format.Writer) (*Summary, error) {
	cut := false
	for !cut {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b, err := s.in.Next()
		if err == io.EOF {
			cut = s.in.Truncated()
			break
		}
		if err != nil && s.o.Salvage && errors.Is(err, format.ErrCorrupt) {
			cut = true
			break
		}
		if err != nil {
			return nil, err
		}
		if err := s.batch(out, b); err != nil {
			return nil, err
		}
		if s.o.Progress != nil {
			s.o.Progress(out.Rows())
		}
	}
	s.sum.Cut = cut
	md, dropped := s.metadata()
	if s.failed != nil {
		return nil, s.failed
	}
	for key, value := range md {
		out.SetMetadata(key, value)
	}
	for _, key := range dropped {
		s.sum.drop(s.sum.Metadata, key)
	}
	s.sum.Rows = out.Rows()
	return &s.sum, nil
}

// batch scrubs and writes the rows of b.
func (s *Scrubber) batch(w *format.Writer, b *format.Batch) error {
	if b.N == 0 {
		return nil
	}
	o := &s.out
	scratch := *o
	scratch.Reset()
	*o = *b // columns that stay as they are
	o.Has = append(scratch.Has, b.Has...)

	o.Adapter = s.handles(scratch.Adapter, b.Adapter)
	o.Binding = s.handles(scratch.Binding, b.Binding)
	o.AF = s.handles(scratch.AF, b.AF)
	o.SAP = s.handles(scratch.SAP, b.SAP)
	o.VC = s.handles(scratch.VC, b.VC)
	o.Party = s.handles(scratch.Party, b.Party)
	o.Context = s.handles(scratch.Context, b.Context)
	o.Context2 = s.handles(scratch.Context2, b.Context2)
	o.CallID, o.TID, o.TS = scratch.CallID, scratch.TID, scratch.TS
	o.PID, o.CPU = scratch.PID, scratch.CPU
	o.Driver = format.Strings{Offsets: append(scratch.Driver.Offsets, 0), Data: scratch.Driver.Data}
	o.Detail = format.Strings{Offsets: append(scratch.Detail.Offsets, 0), Data: scratch.Detail.Data}
	o.CallID, o.TID, o.TS = slices.Grow(o.CallID, b.N), slices.Grow(o.TID, b.N), slices.Grow(o.TS, b.N)
	o.PID, o.CPU = slices.Grow(o.PID, b.N), slices.Grow(o.CPU, b.N)
	o.Driver.Offsets, o.Detail.Offsets = slices.Grow(o.Driver.Offsets, b.N), slices.Grow(o.Detail.Offsets, b.N)
	for i := range b.N {
		o.CallID = append(o.CallID, s.names.wide(spaceCall, b.CallID[i]))
		tid, pid, cpu := b.TID[i], b.PID[i], b.CPU[i]
		if s.o.Threads && tid>>32 == 0 {
			tid = s.names.number(spaceThread, tid, 32)
		} else {
			tid = s.names.wide(spaceThread, tid) // an emitter may give the address of the thread
		}
		if s.o.Threads {
			pid = uint32(s.names.number(spaceProcess, uint64(pid), 32))
			cpu = uint16(s.names.number(spaceCPU, uint64(cpu), 16))
		}
		o.TID, o.PID, o.CPU = append(o.TID, tid), append(o.PID, pid), append(o.CPU, cpu)
		o.TS = append(o.TS, s.shifted(b.TS[i]))

		has := b.Has[i]
		if has&format.HasDriver != 0 {
			o.Driver.Data = append(o.Driver.Data, s.label(b.Driver.At(i))...)
		}
		o.Driver.Offsets = append(o.Driver.Offsets, int32(len(o.Driver.Data)))

		function := ""
		if b.Function[i] == ndis.FuncUnknown {
			if function = s.in.FunctionName(i); function == "?" {
				function = ""
			}
		}
		if has&format.HasDetail != 0 || function != "" {
			var detail []byte
			if has&format.HasDetail != 0 {
				detail = b.Detail.At(i)
			}
			before := len(o.Detail.Data)
			o.Detail.Data = s.appendDetail(o.Detail.Data, detail, function)
			if len(o.Detail.Data) == before {
				o.Has[i] &^= format.HasDetail
			} else {
				o.Has[i] |= format.HasDetail
			}
		}
		o.Detail.Offsets = append(o.Detail.Offsets, int32(len(o.Detail.Data)))
	}
	if s.failed != nil {
		return s.failed
	}
	err := s.write(w, o)

	// What belongs to the Reader must not be written to by the next batch.
	*o = format.Batch{
		Has: o.Has, TS: o.TS, CPU: o.CPU, PID: o.PID, TID: o.TID, CallID: o.CallID, Driver: o.Driver, Detail: o.Detail,
		Adapter: o.Adapter, Binding: o.Binding, AF: o.AF, SAP: o.SAP, VC: o.VC, Party: o.Party,
		Context: o.Context, Context2: o.Context2,
	}
	return err
}

func (s *Scrubber) write(w *format.Writer, b *format.Batch) error {
	if len(s.extras) == 0 {
		return w.WriteBatch(b)
	}
	columns := make([]arrow.Array, len(s.extras))
	for x, at := range s.at {
		var err error
		if columns[x], err = s.in.PlainExtra(at); err != nil {
			return err
		}
	}
	return w.WriteBatchExtra(b, columns)
}

func (s *Scrubber) handles(to, from []uint64) []uint64 {
	to = slices.Grow(to, len(from))
	for _, v := range from {
		to = append(to, s.names.number(spaceHandle, v, 64))
	}
	return to
}

// shifted moves a time; s.failed says if it cannot be moved so far.
func (s *Scrubber) shifted(t int64) int64 {
	d := int64(s.o.Shift)
	if d > 0 && t > math.MaxInt64-d || d < 0 && t < math.MinInt64-d || d != 0 && t+d < 0 {
		if s.failed == nil {
			s.failed = fmt.Errorf("%w: %s and %v", ErrShift, time.Unix(0, t).UTC().Format(time.RFC3339Nano), s.o.Shift)
		}
		return t
	}
	return t + d
}

// label scrubs the label of a driver. Of a path the last part stays, with a token so that
// two drivers do not become one.
func (s *Scrubber) label(b []byte) string {
	if to, ok := s.labels[string(b)]; ok {
		return to
	}
	from := string(b)
	to := from
	at := strings.LastIndexAny(from, `\/`)
	switch {
	case from == "":
	case s.o.Drivers, s.namesHost(from):
		to = s.names.token("driver", b)
	case at >= 0 || strings.Contains(from, ":"):
		if base := from[at+1:]; driverFile(base) {
			to = base + "~" + strings.TrimPrefix(s.names.token("", b), "-")
		} else {
			to = s.names.token("driver", b)
		}
	}
	cache(s.labels, from, to)
	return to
}

// namesHost says whether a label has the name of the host in it.
func (s *Scrubber) namesHost(label string) bool {
	host := s.in.Metadata()[format.MetaHost]
	return len(host) > 2 && strings.Contains(strings.ToLower(label), strings.ToLower(host))
}

// driverFile says whether the last part of a path is the plain name of a program, and not that
// of a folder.
func driverFile(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".sys", ".dll", ".exe", ".ko", ".so":
	default:
		return false
	}
	return len(name) <= 64 && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '.' && r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// token is that of the renamer.
func (s *Scrubber) token(kind string, text []byte) string {
	of := s.tokens[kind]
	if to, ok := of[string(text)]; ok {
		return to
	}
	if of == nil {
		of = map[string]string{}
		s.tokens[kind] = of
	}
	to := s.names.token(kind, text)
	cache(of, string(text), to)
	return to
}

func cache(m map[string]string, from, to string) {
	if len(from) > maxCachedText {
		return
	}
	if len(m) >= maxCached {
		clear(m)
	}
	m[from] = to
}

// Dropped are the names of what was left out, sorted.
func Dropped(m map[string]uint64) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
