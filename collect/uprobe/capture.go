//go:build linux && (amd64 || arm64)

package uprobe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// Capture is a capture in progress: a collect.Source. Next and Close are for one goroutine;
// Stop and Summary may be called from any.
type Capture struct {
	o      Options
	maps   *kernelMaps
	ring   *ringbuf.Reader
	rec    ringbuf.Record
	dec    decoder
	tracer *tracer

	mu       sync.RWMutex
	objects  map[fileID]*object
	ordered  []*object
	sites    []*site
	bySite   map[siteKey]*site
	programs map[string]*ebpf.Program
	links    []link.Link
	procs    map[int]*process
	labels   map[labelKey]string
	mapped   []*mapping
	layout   layout // of the first object with debugging information
	sum      Summary
	warned   map[string]bool
	state    int  // counts changes of what addresses mean
	blind    bool // functions were found that cannot be probed

	requested time.Time
	offset    int64 // of the Unix epoch from the clock of the records
	pending   []format.Event
	lost      []uint64 // by CPU, as told
	checked   int64    // when they were read, on the clock of the records
	drained   bool
	ended     chan struct{} // closed when no process is traced any more
}

// site is a function that is probed.
type site struct {
	index   int
	obj     *object
	addr    uint64
	funcs   []ndis.Func
	enter   *plan
	ret     *plan
	stepped bool
}

type siteKey struct {
	obj  *object
	addr uint64
}

// labelKey says whose code something is, in one process: that of a site, of a unit, or of
// an object.
type labelKey struct {
	tgid int
	site int // -1 for a unit
	obj  *object
	unit int64 // -1 for the object
}

// hookCookie marks the probe of the dynamic loader.
const hookCookie = 1 << 62

// process is a thread group that is traced.
type process struct {
	tgid    int
	modules []module
	ended   bool
}

// Open starts or finds the program, and probes it. Errors wrap ErrNotPossible, or
// collect.ErrInput if the program or the map file is not what it should be.
func Open(o Options) (c *Capture, err error) {
	if o.Buffer == 0 {
		o.Buffer = 64 << 20
	}
	if o.Calls == 0 {
		o.Calls = 1 << 16
	}
	switch {
	case (len(o.Program) == 0) == (o.PID == 0):
		return nil, &failure{errors.New("collect: want a program to start or the id of a process"), collect.ErrUsage}
	case o.Buffer < os.Getpagesize() || o.Buffer&(o.Buffer-1) != 0:
		return nil, &failure{fmt.Errorf("collect: a buffer of %d bytes: want a power of two, at least %d", o.Buffer, os.Getpagesize()), collect.ErrUsage}
	case o.ULong != 0 && o.ULong != 4 && o.ULong != 8:
		return nil, &failure{fmt.Errorf("collect: a ULONG of %d bytes: want 4 or 8", o.ULong), collect.ErrUsage}
	}
	if err := missing(Requirements()); err != nil {
		return nil, err
	}
	made := &Capture{
		o: o, objects: map[fileID]*object{}, bySite: map[siteKey]*site{}, programs: map[string]*ebpf.Program{}, procs: map[int]*process{},
		labels: map[labelKey]string{}, warned: map[string]bool{}, ended: make(chan struct{}), requested: time.Now(),
	}
	c = made
	defer func() {
		if err != nil {
			made.Close()
		}
	}()
	if o.Map != "" {
		if c.mapped, err = readMap(o.Map); err != nil {
			return nil, err
		}
	}
	if len(o.Program) > 0 {
		if err := c.examine(); err != nil {
			return nil, err
		}
	}
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, fmt.Errorf("%w: %v: run as root, or raise the limit of locked memory", ErrNotPossible, err)
	}
	if c.maps, err = newMaps(o.Buffer, o.Calls); err != nil {
		return nil, notPossible(err)
	}
	if c.ring, err = ringbuf.NewReader(c.maps.events); err != nil {
		return nil, notPossible(err)
	}
	if c.sum.NsPerEntry, c.sum.NsPerCall, err = calibrate(); err != nil {
		c.warn("what a probe costs could not be measured: %v", err)
	}
	c.ring.SetDeadline(time.Now().Add(pollEvery))
	c.offset = clockOffset()
	c.checked = monotonic()
	c.lost = nil
	c.dec.init(c)
	c.tracer = newTracer(c)
	if err := c.tracer.start(); err != nil {
		return nil, err
	}
	return c, nil
}

func notPossible(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, ebpf.ErrNotSupported) {
		return fmt.Errorf("%w: %v", ErrNotPossible, err)
	}
	return err
}

// examine reads the program and the libraries that it names before it is started.
func (c *Capture) examine() error {
	path, err := lookPath(c.o.Program[0], c.env())
	if err != nil {
		return inputError(err)
	}
	o, err := c.object(path, path)
	if err != nil {
		return inputError(err)
	}
	libraries := o.needed(path, c.env())
	for _, lib := range libraries {
		if _, err := c.object(lib, lib); err != nil {
			c.warn("%v", err)
		}
	}
	functions, dlopens := 0, false
	for _, o := range c.ordered {
		functions += len(o.functions)
		dlopens = dlopens || o.dlopens
	}
	for _, m := range c.mapped {
		if !m.used && m.module == "" {
			return inputError(fmt.Errorf("%s:%d: %s has no function %q, nor have the libraries that it names (for one that it loads later, write LIBRARY:%s)", c.o.Map, m.line, path, m.symbol, m.symbol))
		}
	}
	if functions == 0 && !dlopens && len(c.mapped) == 0 && !c.o.Children {
		hint := "link it with its symbols, keep its .gnu_debuglink file beside it, or name its functions with a map file"
		if len(o.symbols) > 0 {
			hint = "functions of other names are named with a map file"
		}
		return inputError(fmt.Errorf("%s: no CoNDIS function among %d symbols of it and of %d libraries: %s; if it only starts programs that have them, as a shell or a test runner does, add --children", path, c.symbolCount(), len(c.ordered)-1, hint))
	}
	return nil
}

func (c *Capture) symbolCount() (n int) {
	for _, o := range c.ordered {
		n += len(o.symbols)
	}
	return n
}

func (c *Capture) env() []string {
	if c.o.Env != nil {
		return c.o.Env
	}
	return os.Environ()
}

// lookPath finds a command as a shell does.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		st, err := os.Stat(name)
		switch {
		case err != nil:
			return "", err
		case st.IsDir():
			return "", fmt.Errorf("%s is a folder, not a program", name)
		case st.Mode()&0o111 == 0:
			return "", fmt.Errorf("%s may not be executed", name)
		}
		return name, nil
	}
	for _, v := range env {
		if list, ok := strings.CutPrefix(v, "PATH="); ok {
			for _, dir := range filepath.SplitList(list) {
				full := filepath.Join(dir, name)
				if st, err := os.Stat(full); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
					return full, nil
				}
			}
		}
	}
	return "", fmt.Errorf("%s: no such program in PATH", name)
}

// object gives what is known of the file at path, and reads it when it is met first.
func (c *Capture) object(path, name string) (*object, error) {
	id, err := idOf(path)
	if err != nil {
		return nil, err
	}
	if o := c.objects[id]; o != nil {
		return o, nil
	}
	o, err := openObject(path, name, c.o.ULong)
	if err != nil {
		return nil, err
	}
	for _, m := range c.mapped {
		if err := m.apply(c.o.Map, o); err != nil {
			o.close.Close()
			return nil, err
		}
	}
	for _, clone := range o.clones {
		c.warn("%s: %s was changed by the compiler and is not captured: build with -fno-ipa-sra -fno-ipa-cp, or less optimised", name, clone)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	o.index = len(c.ordered)
	c.objects[id] = o
	c.ordered = append(c.ordered, o)
	if o.hasDWARF && c.layout == nil && len(o.functions) > 0 {
		c.layout = o.layout
	}
	return o, nil
}

func (c *Capture) warn(text string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := fmt.Sprintf(text, args...); !c.warned[s] && len(c.warned) < 100 {
		c.warned[s] = true
		c.sum.Warnings = append(c.sum.Warnings, s)
	}
}

// traceLevel is "export" if no function stands for the macros of miniport call managers, and
// "" as long as no function is known: a program may load its drivers later, or start others.
func (c *Capture) traceLevel() string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	any := false
	for _, o := range c.ordered {
		for f := range o.functions {
			if f.Info().Macro {
				return "api"
			}
			any = any || f.Info().Dir == ndis.Down
		}
	}
	if any {
		return "export"
	}
	return ""
}

// target is a function to probe.
type target struct {
	fn   ndis.Func
	addr uint64
}

// probe puts probes on functions of an object; path is where the kernel finds it. Functions
// that are probed already are left alone.
func (c *Capture) probe(o *object, path string, targets []target) error {
	type group struct {
		enter            bool
		plan             *plan
		offsets, cookies []uint64
	}
	groups := map[string]*group{}
	put := func(enter bool, p *plan, off uint64, s *site) {
		k := fmt.Sprint(enter, p.key())
		if groups[k] == nil {
			groups[k] = &group{enter: enter, plan: p}
		}
		groups[k].offsets = append(groups[k].offsets, off)
		groups[k].cookies = append(groups[k].cookies, uint64(s.index))
	}
	l := o.layout
	if !o.hasDWARF && c.layout != nil && c.o.ULong == 0 {
		l = c.layout
	}
	for _, t := range targets {
		c.mu.Lock()
		if s := c.bySite[siteKey{o, t.addr}]; s != nil {
			if !slices.Contains(s.funcs, t.fn) {
				s.funcs = append(s.funcs, t.fn)
			}
			c.mu.Unlock()
			continue
		}
		c.mu.Unlock()
		where := entryPlace(o.file.Machine, o.code(t.addr))
		off, ok := o.offset(t.addr + where.off)
		if !ok {
			c.warn("%s: %v at %#x is not in its code, and not captured", o.path, t.fn, t.addr)
			continue
		}
		s := &site{obj: o, addr: t.addr, funcs: []ndis.Func{t.fn}, enter: enterPlan(t.fn, l), ret: returnPlan(t.fn, l), stepped: where.stepped}
		c.mu.Lock()
		s.index = len(c.sites)
		c.sites = append(c.sites, s)
		c.bySite[siteKey{o, t.addr}] = s
		c.sum.Functions++
		if s.stepped {
			name := t.fn.String()
			if sym := o.symbolAt(t.addr); sym != nil && sym.name != name {
				name += " (" + sym.name + ")"
			}
			c.sum.Stepped = append(c.sum.Stepped, name+": "+strings.ToLower(where.mnemonic))
		}
		c.mu.Unlock()
		put(true, s.enter, off, s)
		put(false, s.ret, off, s)
	}
	if len(groups) == 0 {
		return nil
	}
	ex, err := link.OpenExecutable(path)
	if err != nil {
		return fmt.Errorf("%s: %w", o.path, err)
	}
	// The returns first: a call that is seen to be entered is then seen to return.
	for _, k := range slices.Sorted(maps.Keys(groups)) {
		g := groups[k]
		prog, err := c.program(g.enter, g.plan)
		if err != nil {
			return err
		}
		attach := ex.UretprobeMulti
		if g.enter {
			attach = ex.UprobeMulti
		}
		l, err := attach(nil, prog, &link.UprobeMultiOptions{Addresses: g.offsets, Cookies: g.cookies})
		if err == nil {
			c.links = append(c.links, l)
			continue
		}
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
			return notPossible(fmt.Errorf("%s: probing %d functions: %w", o.path, len(g.offsets), err))
		}
		// There are instructions that the kernel does not probe: without the functions that
		// begin with one, the others can be.
		for i := range g.offsets {
			l, err := attach(nil, prog, &link.UprobeMultiOptions{Addresses: g.offsets[i : i+1], Cookies: g.cookies[i : i+1]})
			if err != nil {
				s := c.sites[g.cookies[i]]
				c.warn("%s: %v at %#x is not captured, so that events are missing: the kernel cannot probe its first instruction: %v", o.path, s.funcs[0], s.addr, err)
				c.mu.Lock()
				c.blind = true
				c.mu.Unlock()
				continue
			}
			c.links = append(c.links, l)
		}
	}
	return nil
}

// program loads what a plan needs, once.
func (c *Capture) program(enter bool, p *plan) (*ebpf.Program, error) {
	k := fmt.Sprint(enter, p.key())
	if prog := c.programs[k]; prog != nil {
		return prog, nil
	}
	name, ins := "aftrace_return", returnProgram
	if enter {
		name, ins = "aftrace_enter", enterProgram
	}
	prog, err := load(name, ins(c.maps, p))
	if err != nil {
		return nil, notPossible(fmt.Errorf("program for the kernel: %w", err))
	}
	c.programs[k] = prog
	return prog, nil
}

// probeLoader stops threads of a dynamic loader when it has loaded something.
func (c *Capture) probeLoader(o *object, path string) error {
	if c.bySite[siteKey{o, o.debugHook}] != nil {
		return nil
	}
	off, ok := o.offset(o.debugHook)
	if !ok {
		return nil
	}
	prog := c.programs["loader"]
	if prog == nil {
		var err error
		if prog, err = load("aftrace_loader", stopProgram(c.maps)); err != nil {
			return notPossible(fmt.Errorf("program for the kernel: %w", err))
		}
		c.programs["loader"] = prog
	}
	ex, err := link.OpenExecutable(path)
	if err != nil {
		return fmt.Errorf("%s: %w", o.path, err)
	}
	l, err := ex.UprobeMulti(nil, prog, &link.UprobeMultiOptions{Addresses: []uint64{off}, Cookies: []uint64{hookCookie}})
	if err != nil {
		return notPossible(fmt.Errorf("%s: probing: %w", o.path, err))
	}
	c.links = append(c.links, l)
	c.mu.Lock()
	c.bySite[siteKey{o, o.debugHook}] = &site{index: -1}
	c.mu.Unlock()
	return nil
}

// Next implements collect.Source. It ends with io.EOF when no process is traced any more
// and all that was recorded is read.
func (c *Capture) Next(ctx context.Context, e *format.Event) error {
	for {
		if len(c.pending) > 0 {
			*e = c.pending[0]
			c.pending = c.pending[1:]
			return nil
		}
		err := c.ring.ReadInto(&c.rec)
		if err == nil {
			if c.dec.decode(c.rec.RawSample, e) {
				return nil
			}
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		// The ring is empty.
		last := c.drained
		select {
		case <-c.ended:
			c.drained = true
		default:
		}
		c.checkLost(last)
		if last && len(c.pending) == 0 {
			return io.EOF
		}
		c.ring.SetDeadline(time.Now().Add(pollEvery))
	}
}

const (
	// The programs wake nobody. The reader counts in whole milliseconds, rounded down.
	pollEvery = 2500 * time.Microsecond
	lossEvery = int64(100 * time.Millisecond)
	// A record that is lost got its time a little before it was counted.
	lossSlack = int64(50 * time.Millisecond)
)

// checkLost adds a gap row for each CPU that has lost records since it was last asked.
func (c *Capture) checkLost(now bool) {
	at := monotonic()
	if at-c.checked < lossEvery && !now {
		return
	}
	var values [][numStats]uint64
	if err := c.maps.stats.Lookup(uint32(0), &values); err != nil {
		return
	}
	since := c.checked - lossSlack
	c.checked = at
	if c.lost == nil {
		c.lost = make([]uint64, len(values))
	}
	var lost, unread, unknown uint64
	for cpu, v := range values {
		lost += v[statLost]
		unread += v[statUnread]
		unknown += v[statUnknown]
		n := v[statLost] - c.lost[cpu]
		if n == 0 {
			continue
		}
		c.lost[cpu] = v[statLost]
		c.dec.lossy = true
		e := format.Event{TS: monotonic() + c.offset, Phase: format.PhaseGap, Source: format.SourceUprobe, CPU: uint16(cpu), Lost: n, Has: format.HasCPU | format.HasLost | format.HasDetail}
		e.Detail = `{"since_ts":` + strconv.FormatInt(since+c.offset, 10) + `}`
		c.pending = append(c.pending, e)
	}
	c.mu.Lock()
	if now && c.blind { // how many calls of them there were is not known
		c.blind = false
		e := format.Event{TS: at + c.offset, Phase: format.PhaseGap, Source: format.SourceUprobe, Has: format.HasDetail}
		e.Detail = `{"since_ts":` + strconv.FormatInt(c.requested.UnixNano(), 10) + `}`
		c.pending = append(c.pending, e)
	}
	c.sum.Lost, c.sum.Unread, c.sum.Untracked, c.sum.Records = lost, unread, unknown, c.dec.records
	c.mu.Unlock()
}

// Stop ends the capture: a program that was started by it gets SIGTERM and a second to end,
// a process that was attached to runs on. What was recorded can still be read.
func (c *Capture) Stop() { c.tracer.stop() }

// Close ends the capture at once.
func (c *Capture) Close() error {
	if c.tracer != nil {
		c.tracer.abandon()
		c.tracer = nil
	}
	// The kernel waits long for each probe to be out of use, for many at once not longer.
	var closing sync.WaitGroup
	for _, l := range c.links {
		closing.Go(func() { l.Close() })
	}
	closing.Wait()
	for _, p := range c.programs {
		p.Close()
	}
	if c.ring != nil {
		c.ring.Close()
	}
	if c.maps != nil {
		c.maps.close()
	}
	for _, o := range c.ordered {
		o.close.Close()
	}
	c.links, c.programs, c.ordered = nil, nil, nil
	return nil
}

// Summary says what was done so far.
func (c *Capture) Summary() Summary {
	c.mu.RLock()
	defer c.mu.RUnlock()
	s := c.sum
	s.Stepped, s.Warnings = append([]string{}, s.Stepped...), append([]string{}, s.Warnings...) // never null in JSON
	slices.Sort(s.Stepped)
	return s
}

// Metadata is that of the trace, as far as it is known when the capture begins; after its
// end, all of it.
func (c *Capture) Metadata() format.Metadata {
	s := c.Summary()
	md := format.Metadata{
		format.MetaCollector:     "uprobe",
		format.MetaStarted:       format.FormatTime(c.requested),
		format.MetaTickFrequency: "1000000000",
		metaNsPerEntry:           strconv.FormatFloat(s.NsPerEntry, 'f', 0, 64),
		metaNsPerCall:            strconv.FormatFloat(s.NsPerCall, 'f', 0, 64),
	}
	if level := c.traceLevel(); level != "" {
		md[format.MetaLevel] = level
	}
	if host, err := os.Hostname(); err == nil {
		md[format.MetaHost] = host
	}
	if b, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		md[format.MetaBootID] = strings.TrimSpace(string(b))
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		md[format.MetaOS] = unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:]) + " " + unix.ByteSliceToString(u.Machine[:])
	}
	if len(c.o.Program) > 0 {
		md[metaProgram] = strings.Join(c.o.Program, " ")
	}
	select {
	case <-c.ended:
		md[format.MetaEnded] = format.FormatTime(time.Now())
		md[format.MetaLostEvents] = strconv.FormatUint(s.Lost, 10)
		md[metaUnread] = strconv.FormatUint(s.Unread, 10)
		md[metaUntracked] = strconv.FormatUint(s.Untracked, 10)
		if s.Exit != nil {
			md[metaExit] = strconv.Itoa(*s.Exit)
		}
	default:
	}
	return md
}

// Metadata keys of this source.
const (
	metaNsPerEntry = "aftrace.uprobe.ns_per_entry" // what the probe at an entry costs
	metaNsPerCall  = "aftrace.uprobe.ns_per_call"  // entry and return together
	metaUnread     = "aftrace.uprobe.unread"       // pointers that could not be followed
	metaUntracked  = "aftrace.uprobe.untracked"    // calls whose entry and return no id joins
	metaProgram    = "aftrace.program"
	metaExit       = "aftrace.program.exit" // exit status, 128 + signal
)

func monotonic() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano()
}

// clockOffset is the Unix epoch on the clock of the records, as exact as a few tries allow.
func clockOffset() int64 {
	best, offset := int64(1<<62), int64(0)
	for range 16 {
		var real unix.Timespec
		before := monotonic()
		_ = unix.ClockGettime(unix.CLOCK_REALTIME, &real)
		after := monotonic()
		if after-before < best {
			best, offset = after-before, real.Nano()-before-(after-before)/2
		}
	}
	return offset
}

var (
	le        = binary.LittleEndian
	unixEpoch = time.Unix(1, 0) // a deadline that is over
)

// label is whose something is, "" if that is not known or more than one driver's; the lock
// is held.
func (c *Capture) label(k labelKey) string {
	if l := c.labels[k]; l != conflicting {
		return l
	}
	return ""
}
