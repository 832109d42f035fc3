package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// ConvertOptions says what Convert does. Inputs and Output must be set.
type ConvertOptions struct {
	// Inputs are .etl files. Several become one trace; they must be of one boot of one host.
	Inputs []string
	// Output is the trace, an .arrow or .arrows file, or "-" for a stream to standard output.
	Output string
	// Host names the host in the metadata: an .etl file does not say it.
	Host string
	// ToolVersion goes to the metadata.
	ToolVersion string
	Compression format.Compression
	// Metadata is added to that of the trace.
	Metadata format.Metadata

	// RunRows is how many rows are sorted in memory, about 200 bytes each (default 524,288);
	// their labels and details take at most 256 MiB.
	// More are spilled to a folder in TempDir (default that of the system).
	RunRows int
	TempDir string
	// ETL limits what reading takes.
	ETL etl.Options
	// Library describes events: with it WPP messages become rows too. It may be nil.
	Library *decode.Library

	// Progress, if not nil, is called now and then from the same goroutine. total is the
	// same in every call; done grows up to it.
	Progress func(done, total int64)
}

// Convert reads .etl files and writes the events of the provider CoNDIS-AfTrace as a trace,
// with what manifest events and WPP messages say of CoNDIS functions.
//
// The summary is complete if the error is nil; what was lost is no error (see
// Summary.Lossy). An error wraps ErrUsage, ErrInput, ErrOutput or the error of ctx; then
// there is no output, or one that cannot be taken for a whole trace.
func Convert(ctx context.Context, o ConvertOptions) (*Summary, error) {
	c := converter{o: o}
	defer c.close()
	if err := c.open(ctx); err != nil {
		return nil, err
	}
	for i := range c.sources {
		if err := c.read(ctx, i); err != nil {
			return nil, err
		}
	}
	if err := c.betweenFiles(); err != nil {
		return nil, err
	}
	if err := c.write(ctx); err != nil {
		return nil, err
	}
	return &c.sum, nil
}

type converter struct {
	o       ConvertOptions
	sources []*etlSource
	sorter  *sorter
	routes  uint16              // sources of rows met
	crossed [ndis.NumFuncs]bool // functions whose crossings were met
	done    int64               // bytes of files read before
	total   int64               // bytes of all files
	sum     Summary
}

func (c *converter) close() {
	for _, s := range c.sources {
		s.Close()
	}
	if c.sorter != nil {
		c.sorter.close()
	}
}

func (c *converter) open(ctx context.Context) error {
	if len(c.o.Inputs) == 0 {
		return fail(errors.New("collect: no input"), ErrUsage)
	}
	if err := checkOutput(c.o.Output, c.o.Inputs); err != nil {
		return err
	}
	limits := c.o.ETL
	limits.MaxProviders = 1 // the decoder counts them
	for _, path := range c.o.Inputs {
		f, err := etl.Open(path, limits)
		if err != nil {
			return fail(err, ErrInput)
		}
		h := f.Header()
		o := decode.Options{Source: format.SourceETL, Library: c.o.Library}
		if h.Clock == etl.ClockQPC && h.ClockKnown {
			o.HeaderTicks, o.Clock = true, h.Nanoseconds
		}
		s := newETLSource(f, decode.New(o))
		c.sources = append(c.sources, s)
		c.total += f.Size()
	}
	first := c.sources[0].f
	clock := first.Header()
	for _, s := range c.sources[1:] {
		if err := sameBoot(first, s.f); err != nil {
			return err
		}
		if h := s.f.Header(); h.Clock == etl.ClockQPC && h.ClockKnown {
			// One counter, so one conversion: each session has its own idea of the time at
			// which it started, and the order of the files' records must not depend on it.
			s.clock = clock.Nanoseconds
			s.d = decode.New(decode.Options{Source: format.SourceETL, HeaderTicks: true, Clock: s.clock, Library: c.o.Library})
		}
	}
	c.sorter = newSorter(c.o.RunRows, c.o.TempDir, ctx.Err)
	return nil
}

// checkOutput refuses an output that Create would refuse only after all work is done, and
// one that is an input.
func checkOutput(output string, inputs []string) error {
	if output == "-" {
		return nil
	}
	switch strings.ToLower(filepath.Ext(output)) {
	case ".arrow", ".arrows":
	default:
		return fail(fmt.Errorf("collect: cannot tell the format of output %q: name it .arrow (file) or .arrows (stream), or use - for standard output", output), ErrUsage)
	}
	out, err := os.Stat(output)
	if err != nil {
		if st, err := os.Stat(filepath.Dir(output)); err != nil {
			return fail(fmt.Errorf("collect: %s: its folder cannot be used: %w", output, errors.Unwrap(err)), ErrOutput)
		} else if !st.IsDir() {
			return fail(fmt.Errorf("collect: %s: %s is not a folder", output, filepath.Dir(output)), ErrOutput)
		}
		return nil
	}
	if out.IsDir() {
		return fail(fmt.Errorf("collect: %s is a folder", output), ErrOutput)
	}
	for _, path := range inputs {
		if in, err := os.Stat(path); err == nil && os.SameFile(in, out) {
			return fail(fmt.Errorf("collect: %s is input and output", path), ErrUsage)
		}
	}
	return nil
}

// sameBoot compares what the headers of two files say of their host.
func sameBoot(a, b *etl.File) error {
	x, y := a.Header(), b.Header()
	if x.Boot.IsZero() || y.Boot.IsZero() {
		path := a.Path()
		if y.Boot.IsZero() {
			path = b.Path()
		}
		return fail(fmt.Errorf("%s: %w: the boot time is not recorded (convert the files one by one)", path, ErrBoot), ErrInput)
	}
	fact := ""
	switch {
	case !x.Boot.Equal(y.Boot):
		fact = fmt.Sprintf("booted at %s, that of %s at %s", format.FormatTime(y.Boot), a.Path(), format.FormatTime(x.Boot))
	case x.OSBuild != y.OSBuild:
		fact = fmt.Sprintf("runs Windows build %d, that of %s build %d", y.OSBuild, a.Path(), x.OSBuild)
	case x.Processors != y.Processors:
		fact = fmt.Sprintf("has %d processors, that of %s %d", y.Processors, a.Path(), x.Processors)
	case x.PointerSize != y.PointerSize:
		fact = fmt.Sprintf("is %d-bit, that of %s %d-bit", 8*y.PointerSize, a.Path(), 8*x.PointerSize)
	case x.PerfFreq != y.PerfFreq:
		fact = fmt.Sprintf("counts %d ticks a second, that of %s %d", y.PerfFreq, a.Path(), x.PerfFreq)
	case x.Clock != y.Clock:
		return fail(fmt.Errorf("%s: clock %v, that of %s is %v: their records cannot be ordered (convert the files one by one)", b.Path(), y.Clock, a.Path(), x.Clock), ErrInput)
	default:
		return nil
	}
	return fail(fmt.Errorf("%s: %w: its host %s (convert the files one by one)", b.Path(), ErrBoot, fact), ErrInput)
}

// read puts the rows of a file into the sorter.
func (c *converter) read(ctx context.Context, i int) error {
	s := c.sources[i]
	limits := c.o.ETL
	limits.MaxProviders = 1
	if err := learn(ctx, s.f.Path(), limits, s.d, nil); err != nil {
		return err
	}
	for n := 0; ; n++ {
		if n&0x3FFF == 0 {
			c.progress(c.done + s.f.Position())
		}
		e := c.sorter.slot()
		if err := s.Next(ctx, e); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		if e.Phase != format.PhaseGap {
			c.routes |= 1 << e.Source
			if e.Phase != format.PhaseEvent && !hearsay(e) {
				c.crossed[e.Function] = true
			}
		}
		if err := c.sorter.add(); err != nil {
			return err
		}
	}
	c.done += s.f.Size()
	c.sum.addFile(s)
	return s.Close()
}

// hearsay says that a row is what an event or message says of a call, not its crossing.
func hearsay(e *format.Event) bool {
	return e.Source == format.SourceManifest || e.Source == format.SourceWPP
}

// progress is called with bytes read; reading is the first half of the work.
func (c *converter) progress(read int64) {
	if c.o.Progress != nil {
		c.o.Progress(read, 2*c.total)
	}
}

// betweenFiles adds gap rows for the times between two sessions, in which nothing was
// recorded. A session that goes on in a new file has none.
func (c *converter) betweenFiles() error {
	const newFile = 0x8 // EVENT_TRACE_FILE_MODE_NEWFILE
	files := slices.Clone(c.sources)
	slices.SortStableFunc(files, func(a, b *etlSource) int { return int(min(max(a.start-b.start, -1), 1)) })
	for i, end := 1, files[0].end; i < len(files); i++ {
		if s := files[i]; s.start > end && s.f.Header().Mode&newFile == 0 {
			*c.sorter.slot() = gapRow(end, s.start, "nothing was recorded")
			if err := c.sorter.add(); err != nil {
				return err
			}
		}
		end = max(end, files[i].end)
	}
	return nil
}

// write numbers the rows and writes them.
func (c *converter) write(ctx context.Context) (err error) {
	c.sum.Output = c.o.Output
	w, err := format.Create(c.o.Output, format.WriterOptions{Metadata: c.metadata(), Compression: c.o.Compression})
	if err != nil {
		return fail(err, ErrOutput)
	}
	defer func() {
		if err != nil {
			w.Discard()
			removePartial(c.o.Output)
		}
	}()
	var dup duplicates
	var seq uint64
	n := uint64(0)
	err = c.sorter.each(func(e *format.Event) error {
		if n++; n&0x3FFF == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if c.o.Progress != nil {
				c.o.Progress(c.total+int64(float64(c.total)*float64(n)/float64(c.sorter.rows)), 2*c.total)
			}
		}
		// What manifest events and messages say of a function in passing adds nothing where
		// its crossings themselves are recorded, and would count calls twice.
		if hearsay(e) && c.crossed[e.Function] {
			c.sum.Superseded++
			return nil
		}
		if c.routes&(c.routes-1) != 0 && dup.is(e) {
			return nil
		}
		seq++
		e.Seq = seq
		if err := w.Write(e); err != nil {
			return fail(err, ErrOutput)
		}
		c.sum.addRow(e)
		return nil
	})
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	c.sum.Duplicates = dup.count
	if err := w.Close(); err != nil {
		return fail(err, ErrOutput)
	}
	if c.o.Progress != nil {
		c.o.Progress(2*c.total, 2*c.total)
	}
	return nil
}

// removePartial removes a stream of which only a part was written. A file does not have
// its name yet; something that is no regular file is left alone.
func removePartial(path string) {
	if !strings.EqualFold(filepath.Ext(path), ".arrows") {
		return
	}
	if st, err := os.Lstat(path); err == nil && st.Mode().IsRegular() {
		os.Remove(path)
	}
}

func (c *converter) metadata() format.Metadata {
	h := c.sources[0].f.Header()
	start, end := c.sum.start, c.sum.end
	m := format.Metadata{
		format.MetaCollector:   "aftrace convert",
		format.MetaLevel:       "api",
		format.MetaOS:          fmt.Sprintf("Windows build %d", h.OSBuild),
		format.MetaStarted:     format.FormatTime(time.Unix(0, start)),
		format.MetaEnded:       format.FormatTime(time.Unix(0, end)),
		format.MetaLostEvents:  strconv.FormatUint(c.sum.EventsLost, 10),
		format.MetaLostBuffers: strconv.FormatUint(c.sum.BuffersLost, 10),
		"aftrace.pointer_size": strconv.Itoa(int(h.PointerSize)),
	}
	// The DTrace script probes exports, behind which the macros of a miniport call manager
	// are gone.
	if c.routes&(1<<format.SourceDTrace) != 0 {
		m[format.MetaLevel] = "export"
	}
	if c.o.Host != "" {
		m[format.MetaHost] = c.o.Host
	}
	if !h.Boot.IsZero() {
		m[format.MetaBootID] = format.FormatTime(h.Boot)
	}
	if h.Clock == etl.ClockQPC && h.PerfFreq > 0 {
		m[format.MetaTickFrequency] = strconv.FormatInt(h.PerfFreq, 10)
	}
	if c.o.ToolVersion != "" {
		m[format.MetaToolVersion] = c.o.ToolVersion
	}
	for k, v := range c.o.Metadata {
		m[k] = v
	}
	return m
}
