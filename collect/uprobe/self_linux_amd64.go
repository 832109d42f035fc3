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
type Self struct {
	names []string
	links []link.Link
	progs []*ebpf.Program
	maps  []*ebpf.Map
	lost  *ebpf.Map
	ring  *ringbuf.Reader
	quit  chan struct{}
	done  sync.WaitGroup
	hist  []*hdrhistogram.Histogram
	sum   []int64
	hits  []uint64
}

// SelfTiming is how long one function took, the probe at its return apart.
type SelfTiming struct {
	Name          string
	Count         uint64
	Sum           time.Duration
	P50, P99, Max time.Duration
}

// selfRegG is where the current goroutine is in struct pt_regs: r14.
const selfRegG = 8

// Own probes the functions of this program whose names begin with one of the prefixes, as
// the linker writes them. An error wraps ErrNotPossible where eBPF is missing.
func Own(prefixes ...string) (s *Self, err error) {
	if err := missing(Requirements()); err != nil {
		return nil, err
	}
	made := &Self{quit: make(chan struct{})}
	defer func() {
		if err != nil {
			made.Close()
		}
	}()
	const path = "/proc/self/exe"
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if errors.Is(err, elf.ErrNoSymbols) {
		return nil, fmt.Errorf("%w: this program was linked without its symbols (-s)", ErrNotPossible)
	}
	if err != nil {
		return nil, err
	}
	var entries, returns, entryOf, returnOf []uint64
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
				return nil, err
			}
			rets, whole := returnsOf(code)
			if !whole || len(rets) == 0 {
				continue // it could leave in a way that is not seen
			}
			index := uint64(len(made.names))
			made.names = append(made.names, sym.Name[strings.LastIndexByte(sym.Name, '/')+1:])
			base := sym.Value - p.Vaddr + p.Off
			entries, entryOf = append(entries, base+uint64(prologueOf(code))), append(entryOf, index)
			for _, r := range rets {
				returns, returnOf = append(returns, base+uint64(r)), append(returnOf, index)
			}
		}
	}
	if len(made.names) == 0 {
		return nil, fmt.Errorf("no function of this program begins with %s", strings.Join(prefixes, " or "))
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
	ex, err := link.OpenExecutable(path)
	if err != nil {
		return nil, err
	}
	for _, a := range []struct {
		ins              asm.Instructions
		offsets, cookies []uint64
	}{{selfReturn(open, events, made.lost), returns, returnOf}, {selfEnter(open), entries, entryOf}} {
		prog, err := load("aftrace_own", a.ins)
		if err != nil {
			return nil, notPossible(err)
		}
		made.progs = append(made.progs, prog)
		l, err := ex.UprobeMulti(nil, prog, &link.UprobeMultiOptions{Addresses: a.offsets, Cookies: a.cookies, PID: uint32(os.Getpid())})
		if err != nil {
			return nil, notPossible(err)
		}
		made.links = append(made.links, l)
	}
	made.hist = make([]*hdrhistogram.Histogram, len(made.names))
	made.sum, made.hits = make([]int64, len(made.names)), make([]uint64, len(made.names))
	made.done.Go(made.read)
	return made, nil
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

// HitCost is what one probe hit costs here, in nanoseconds: about as much is in each figure
// of a SelfTiming. 0 if it cannot be measured.
func HitCost() float64 {
	ns, _, err := calibrate()
	if err != nil {
		return 0
	}
	return ns
}

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

func (s *Self) read() {
	var rec ringbuf.Record
	stopping := false
	for {
		s.ring.SetDeadline(time.Now().Add(pollEvery))
		for s.ring.ReadInto(&rec) == nil {
			if len(rec.RawSample) < 16 {
				continue
			}
			i, ns := le.Uint64(rec.RawSample), int64(le.Uint64(rec.RawSample[8:]))
			if i >= uint64(len(s.names)) {
				continue
			}
			if s.hist[i] == nil {
				s.hist[i] = hdrhistogram.New(1, int64(time.Minute), 3)
			}
			_ = s.hist[i].RecordValue(min(ns, int64(time.Minute)))
			s.hits[i]++
			s.sum[i] += ns
		}
		if stopping {
			return
		}
		select {
		case <-s.quit:
			stopping = true
		default:
		}
	}
}

// Stop takes the probes away and says what was measured, those that took most time first, and
// how many measurements there was no room for.
func (s *Self) Stop() (list []SelfTiming, lost uint64) {
	for _, l := range s.links {
		l.Close()
	}
	s.links = nil
	close(s.quit)
	s.done.Wait()
	for i, h := range s.hist {
		if h != nil {
			list = append(list, SelfTiming{s.names[i], s.hits[i], time.Duration(s.sum[i]), time.Duration(h.ValueAtQuantile(50)), time.Duration(h.ValueAtQuantile(99)), time.Duration(h.Max())})
		}
	}
	slices.SortFunc(list, func(a, b SelfTiming) int { return cmp.Or(cmp.Compare(b.Sum, a.Sum), strings.Compare(a.Name, b.Name)) })
	_ = s.lost.Lookup(uint32(0), &lost)
	return list, lost
}

// Close frees what the probes need. It comes after Stop.
func (s *Self) Close() {
	for _, l := range s.links {
		l.Close()
	}
	for _, p := range s.progs {
		p.Close()
	}
	if s.ring != nil {
		s.ring.Close()
	}
	for _, m := range s.maps {
		m.Close()
	}
}
