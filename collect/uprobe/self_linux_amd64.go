package uprobe

import (
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/arch/x86/x86asm"
)

// Self measures functions of this program while it runs, without a change to their code: with
// probes on their entry and on each of their return instructions. A return probe would crash
// it, because Go moves stacks.
//
// A function that was measured often enough is probed no longer, so that a long run is slowed
// for a moment only.
type Self struct {
	path     string
	limit    uint64
	funcs    []selfFunc
	ex       *link.Executable
	enter    *ebpf.Program
	leave    *ebpf.Program
	links    []link.Link // of the goroutine that reads, once that runs
	maps     []*ebpf.Map
	lost     *ebpf.Map
	ring     *ringbuf.Reader
	emulated time.Duration
	stepped  time.Duration
	whole    time.Duration
	quit     chan struct{}
	done     sync.WaitGroup
	err      error
}

// selfFunc is a function that is measured.
type selfFunc struct {
	name    string
	entry   uint64 // offsets in the file
	returns []uint64
	stepped bool // its entry is probed at an instruction that must be single-stepped
	over    bool // it is not probed any more
	hist    *hdrhistogram.Histogram
	sum     int64
	hits    uint64
}

// SelfTiming is how long one function took. What the probes of a call cost is taken off; what
// those of a function inside it cost, that is measured too, is not.
type SelfTiming struct {
	Name          string        // as the linker writes it
	Count         uint64        // measured calls
	Over          bool          // it was probed no longer when it had been measured often enough
	Stepped       bool          // its entry is single-stepped
	Sum           time.Duration // of the measured calls
	P50, P99, Max time.Duration // median, 99th percentile and longest of them; a call of over a minute counts as one
}

// selfRegG is where the current goroutine is in struct pt_regs: r14.
const selfRegG = 8

// Own probes the functions of this program whose names begin with one of the prefixes, as
// the linker writes them, each until it was measured limit times or a little more; 0 is no
// limit. An error wraps ErrNotPossible where eBPF is missing.
func Own(limit uint64, prefixes ...string) (s *Self, err error) {
	if err := missing(Requirements()); err != nil {
		return nil, err
	}
	made := &Self{path: "/proc/self/exe", limit: limit, quit: make(chan struct{})}
	defer func() {
		if err != nil {
			made.Close()
		}
	}()
	if err := made.find(prefixes); err != nil {
		return nil, err
	}
	open, err := ebpf.NewMap(&ebpf.MapSpec{Name: "aftrace_open", Type: ebpf.LRUHash, KeySize: 16, ValueSize: 8, MaxEntries: 4096})
	if err != nil {
		return nil, notPossible(err)
	}
	made.maps = append(made.maps, open)
	events, err := ebpf.NewMap(&ebpf.MapSpec{Name: "aftrace_own", Type: ebpf.RingBuf, MaxEntries: 16 << 20})
	if err != nil {
		return nil, notPossible(err)
	}
	made.maps = append(made.maps, events)
	if made.lost, err = ebpf.NewMap(&ebpf.MapSpec{Name: "aftrace_lost", Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1}); err != nil {
		return nil, notPossible(err)
	}
	made.maps = append(made.maps, made.lost)
	if made.ring, err = ringbuf.NewReader(events); err != nil {
		return nil, notPossible(err)
	}
	if made.leave, err = load("aftrace_own", selfReturn(open, events, made.lost)); err != nil {
		return nil, notPossible(err)
	}
	if made.enter, err = load("aftrace_own", selfEnter(open)); err != nil {
		return nil, notPossible(err)
	}
	if made.stepped, err = made.calibrate(toyStepped); err != nil {
		return nil, notPossible(err)
	}
	if made.emulated, err = made.calibrate(0); err != nil {
		return nil, notPossible(err)
	}
	if made.ex, err = link.OpenExecutable(made.path); err != nil {
		return nil, err
	}
	if made.links, err = made.attach(); err != nil {
		return nil, notPossible(err)
	}
	made.done.Go(made.read)
	return made, nil
}

// find looks for the functions whose names begin with one of the prefixes.
func (s *Self) find(prefixes []string) error {
	f, err := elf.Open(s.path)
	if err != nil {
		return err
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if errors.Is(err, elf.ErrNoSymbols) {
		return fmt.Errorf("%w: this program was linked without its symbols (-s)", ErrNotPossible)
	}
	if err != nil {
		return err
	}
	for _, sym := range symbols {
		if elf.ST_TYPE(sym.Info) != elf.STT_FUNC || sym.Size == 0 || strings.Contains(sym.Name, ".func") ||
			!slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(sym.Name, p) }) {
			continue
		}
		for _, p := range f.Progs {
			if p.Type != elf.PT_LOAD || p.Flags&elf.PF_X == 0 || sym.Value < p.Vaddr || sym.Value+sym.Size > p.Vaddr+p.Filesz {
				continue
			}
			code := make([]byte, sym.Size)
			if _, err := p.ReadAt(code, int64(sym.Value-p.Vaddr)); err != nil {
				return err
			}
			rets, whole := returnsOf(code)
			if !whole || len(rets) == 0 {
				continue // it could leave in a way that is not seen
			}
			base, at := sym.Value-p.Vaddr+p.Off, prologueOf(code)
			fn := selfFunc{name: sym.Name, entry: base + uint64(at), stepped: !emulated(code[at:])}
			for _, r := range rets {
				fn.returns = append(fn.returns, base+uint64(r))
			}
			s.funcs = append(s.funcs, fn)
		}
	}
	if len(s.funcs) == 0 {
		return fmt.Errorf("no function of this program begins with %s", strings.Join(prefixes, " or "))
	}
	return nil
}

// attach probes the functions that are to be measured still.
func (s *Self) attach() (links []link.Link, err error) {
	var entries, returns, entryOf, returnOf []uint64
	for i := range s.funcs {
		if f := &s.funcs[i]; !f.over {
			entries, entryOf = append(entries, f.entry), append(entryOf, uint64(i))
			for _, r := range f.returns {
				returns, returnOf = append(returns, r), append(returnOf, uint64(i))
			}
		}
	}
	if len(entries) == 0 {
		return nil, nil
	}
	for _, a := range []struct {
		prog             *ebpf.Program
		offsets, cookies []uint64
	}{{s.leave, returns, returnOf}, {s.enter, entries, entryOf}} {
		l, err := s.ex.UprobeMulti(nil, a.prog, &link.UprobeMultiOptions{Addresses: a.offsets, Cookies: a.cookies, PID: uint32(os.Getpid())})
		if err != nil {
			closeLinks(links)
			return nil, err
		}
		links = append(links, l)
	}
	return links, nil
}

// closeLinks takes probes away, those at entries first.
func closeLinks(links []link.Link) {
	for _, l := range slices.Backward(links) {
		l.Close()
	}
}

// calibrate measures what is in the figure of a call that does nothing, whose entry is probed
// at a place of the toy's function.
func (s *Self) calibrate(place uint64) (time.Duration, error) {
	const calls = 2000
	t, err := newToy(calls)
	if err != nil {
		return 0, err
	}
	defer t.file.Close()
	without, err := t.run(nil)
	if err != nil {
		return 0, err
	}
	ex, err := link.OpenExecutable(t.path())
	if err != nil {
		return 0, err
	}
	for _, a := range []struct {
		prog  *ebpf.Program
		place uint64
	}{{s.leave, toyReturn}, {s.enter, place}} {
		l, err := ex.UprobeMulti(nil, a.prog, &link.UprobeMultiOptions{Addresses: []uint64{t.offset + a.place}, Cookies: []uint64{0}})
		if err != nil {
			return 0, err
		}
		defer l.Close()
	}
	with, err := t.run(nil)
	if err != nil {
		return 0, err
	}
	s.whole = time.Duration(max(0, with-without) / calls)
	var took []int64
	var rec ringbuf.Record
	s.ring.SetDeadline(unixEpoch)
	for s.ring.ReadInto(&rec) == nil {
		if len(rec.RawSample) >= 16 {
			took = append(took, int64(le.Uint64(rec.RawSample[8:])))
		}
	}
	if len(took) < calls/2 {
		return 0, fmt.Errorf("%d of %d calls were measured", len(took), calls)
	}
	slices.Sort(took)
	return time.Duration(took[len(took)/2]), nil
}

// returnsOf finds the return instructions of a Go function. whole is false if it cannot be
// disassembled, or leaves by a jump that is not known.
func returnsOf(code []byte) (at []int, whole bool) {
	for i := 0; i < len(code); {
		in, err := decode(code[i:])
		if err != nil {
			return nil, false
		}
		switch in.Op {
		case x86asm.RET:
			at = append(at, i)
		case x86asm.JMP:
			rel, ok := in.Args[0].(x86asm.Rel)
			if !ok { // a table, inside the function
				break
			}
			if to := i + in.Len + int(rel); to < 0 || to >= len(code) {
				return nil, false
			}
		}
		i += in.Len
	}
	return at, true
}

// prologueOf is where the entry of a Go function is probed: at the push that makes its frame,
// which the kernel emulates and which is past the check of the stack, else at its start.
func prologueOf(code []byte) int {
	at := 0
	for range 6 {
		in, err := decode(code[at:])
		if err != nil {
			return 0
		}
		switch in.Op {
		case x86asm.PUSH:
			if emulated(code[at:]) {
				return at
			}
			return 0
		case x86asm.CMP, x86asm.JBE, x86asm.LEA, x86asm.NOP, x86asm.MOV:
		default:
			return 0
		}
		if at += in.Len; at >= len(code) {
			return 0
		}
	}
	return 0
}

// Cost is what was taken off each figure: where the instruction that is probed at the entry is
// emulated, and where it is single-stepped.
func (s *Self) Cost() (emulated, stepped time.Duration) { return s.emulated, s.stepped }

// CallCost is how much longer a call takes for who measures it from outside, with its entry
// probed at an instruction that is emulated: return instructions are always single-stepped.
func (s *Self) CallCost() time.Duration { return s.whole }

// selfKey puts the key of a call, its goroutine and its function, on the stack: a function
// that has to grow its stack is entered twice, and may go on on another thread.
func selfKey() asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.FnGetAttachCookie.Call(),
		asm.StoreMem(asm.RFP, -8, asm.R0, asm.DWord),
		asm.LoadMem(asm.R1, asm.R6, selfRegG, asm.DWord),
		asm.StoreMem(asm.RFP, -16, asm.R1, asm.DWord),
		asm.FnKtimeGetNs.Call(),
		asm.StoreMem(asm.RFP, -24, asm.R0, asm.DWord),
	}
}

func selfEnter(open *ebpf.Map) asm.Instructions {
	return append(selfKey(),
		asm.LoadMapPtr(asm.R1, open.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -16),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, -24),
		asm.Mov.Imm(asm.R4, 0),
		asm.FnMapUpdateElem.Call(),
		asm.Mov.Imm(asm.R0, 0),
		asm.Return(),
	)
}

func selfReturn(open, events, lost *ebpf.Map) asm.Instructions {
	return append(selfKey(),
		asm.LoadMapPtr(asm.R1, open.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -16),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "exit"),
		asm.LoadMem(asm.R1, asm.R0, 0, asm.DWord),
		asm.LoadMem(asm.R7, asm.RFP, -24, asm.DWord),
		asm.Sub.Reg(asm.R7, asm.R1),
		asm.LoadMapPtr(asm.R1, open.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -16),
		asm.FnMapDeleteElem.Call(),
		asm.LoadMapPtr(asm.R1, events.FD()),
		asm.Mov.Imm(asm.R2, 16),
		asm.Mov.Imm(asm.R3, 0),
		asm.FnRingbufReserve.Call(),
		asm.JEq.Imm(asm.R0, 0, "lost"),
		asm.LoadMem(asm.R1, asm.RFP, -8, asm.DWord),
		asm.StoreMem(asm.R0, 0, asm.R1, asm.DWord),
		asm.StoreMem(asm.R0, 8, asm.R7, asm.DWord),
		asm.Mov.Reg(asm.R1, asm.R0),
		asm.Mov.Imm(asm.R2, 1),
		asm.FnRingbufSubmit.Call(),
		asm.Ja.Label("exit"),
		asm.Mov.Imm(asm.R1, 0).WithSymbol("lost"),
		asm.StoreMem(asm.RFP, -32, asm.R1, asm.DWord),
		asm.LoadMapPtr(asm.R1, lost.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -32),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "exit"),
		asm.Mov.Imm(asm.R1, 1),
		asm.AddAtomic.Mem(asm.R0, asm.R1, asm.DWord, 0),
		asm.Mov.Imm(asm.R0, 0).WithSymbol("exit"),
		asm.Return(),
	)
}

// reattachEvery bounds how often the probes are put anew.
const reattachEvery = 100 * time.Millisecond

func (s *Self) read() {
	var rec ringbuf.Record
	enough, next := false, time.Now()
	drain := func(until time.Time) {
		s.ring.SetDeadline(until)
		for s.ring.ReadInto(&rec) == nil {
			if len(rec.RawSample) < 16 {
				continue
			}
			i, ns := le.Uint64(rec.RawSample), int64(le.Uint64(rec.RawSample[8:]))
			if i >= uint64(len(s.funcs)) {
				continue
			}
			f := &s.funcs[i]
			if f.hist == nil {
				f.hist = hdrhistogram.New(1, int64(time.Minute), 3)
			}
			cost := s.emulated
			if f.stepped {
				cost = s.stepped
			}
			ns = max(0, ns-int64(cost))
			_ = f.hist.RecordValue(min(ns, int64(time.Minute)))
			f.hits++
			f.sum += ns
			enough = enough || !f.over && s.limit > 0 && f.hits >= s.limit
		}
	}
	for {
		drain(time.Now().Add(pollEvery))
		select {
		case <-s.quit:
			closeLinks(s.links)
			s.links = nil
			drain(unixEpoch)
			return
		default:
		}
		if !enough || time.Now().Before(next) {
			continue
		}
		enough = false
		for i := range s.funcs {
			if f := &s.funcs[i]; s.limit > 0 && f.hits >= s.limit {
				f.over = true
			}
		}
		// The new ones first, so that nothing is missed: a call is counted at the first of two
		// probes on its return, and then not known any more.
		links, err := s.attach()
		closeLinks(s.links)
		if s.links = links; err != nil {
			s.err = err
			<-s.quit
			drain(unixEpoch)
			return
		}
		next = time.Now().Add(reattachEvery)
	}
}

// Stop takes the probes away and says what was measured, those that took most time first, and
// how many measurements there was no room for. An error says that measuring ended early; what
// was measured until then is valid.
func (s *Self) Stop() (list []SelfTiming, lost uint64, err error) {
	close(s.quit)
	s.done.Wait()
	for i := range s.funcs {
		if f := &s.funcs[i]; f.hist != nil {
			q := func(p float64) time.Duration { return time.Duration(f.hist.ValueAtQuantile(p)) }
			list = append(list, SelfTiming{f.name, f.hits, f.over, f.stepped, time.Duration(f.sum), q(50), q(99), time.Duration(f.hist.Max())})
		}
	}
	slices.SortFunc(list, func(a, b SelfTiming) int { return cmp.Or(cmp.Compare(b.Sum, a.Sum), strings.Compare(a.Name, b.Name)) })
	err = errors.Join(s.err, s.lost.Lookup(uint32(0), &lost))
	return list, lost, err
}

// Close frees what the probes need. It comes after Stop.
func (s *Self) Close() {
	closeLinks(s.links)
	for _, p := range []*ebpf.Program{s.enter, s.leave} {
		if p != nil {
			p.Close()
		}
	}
	if s.ring != nil {
		s.ring.Close()
	}
	for _, m := range s.maps {
		m.Close()
	}
}
