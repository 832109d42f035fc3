//go:build linux && (amd64 || arm64)

package uprobe

import (
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// kernelMaps are what the programs in the kernel share with us.
type kernelMaps struct {
	procs  *ebpf.Map // thread groups that are traced
	calls  *ebpf.Map // calls in flight, by thread, stack pointer and function
	stats  *ebpf.Map // per CPU: see the stat constants
	stops  *ebpf.Map // why a thread was stopped
	events *ebpf.Map // ring of records
}

// Counters of each CPU.
const (
	statID      = iota // calls entered: makes ids
	statLost           // records for which there was no room
	statUnread         // pointers that could not be followed
	statUnknown        // calls that the table of calls had no room for
	numStats
)

const (
	maxProcs = 4096
	maxStops = 65536
)

// stopRequest is a value of kernelMaps.stops.
type stopRequest struct {
	Cookie uint64
	Args   [numArgs]uint64
}

func newMaps(ringBytes, callEntries int) (m *kernelMaps, err error) {
	m = &kernelMaps{}
	defer func() {
		if err != nil {
			m.close()
		}
	}()
	for _, s := range []struct {
		m    **ebpf.Map
		spec ebpf.MapSpec
	}{
		{&m.procs, ebpf.MapSpec{Name: "aftrace_procs", Type: ebpf.Hash, KeySize: 4, ValueSize: 4, MaxEntries: maxProcs}},
		{&m.calls, ebpf.MapSpec{Name: "aftrace_calls", Type: ebpf.Hash, KeySize: 24, ValueSize: 8 + 8*numArgs, MaxEntries: uint32(callEntries)}},
		{&m.stats, ebpf.MapSpec{Name: "aftrace_stats", Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 8 * numStats, MaxEntries: 1}},
		{&m.stops, ebpf.MapSpec{Name: "aftrace_stops", Type: ebpf.Hash, KeySize: 8, ValueSize: 8 + 8*numArgs, MaxEntries: maxStops, Flags: 1}}, // not preallocated
		{&m.events, ebpf.MapSpec{Name: "aftrace_events", Type: ebpf.RingBuf, MaxEntries: uint32(ringBytes)}},
	} {
		if *s.m, err = ebpf.NewMap(&s.spec); err != nil {
			return m, fmt.Errorf("map %s: %w", s.spec.Name, err)
		}
	}
	return m, nil
}

func (m *kernelMaps) close() {
	for _, x := range []*ebpf.Map{m.procs, m.calls, m.stats, m.stops, m.events} {
		if x != nil {
			x.Close()
		}
	}
}

// Places on the stack of the programs, from the frame pointer.
const (
	fpCookie = -8  // key of calls: function (one can jump to another),
	fpStack  = -16 // stack pointer,
	fpThread = -24 // and thread
	fpGroup  = -32
	fpZero   = -40
	fpTemp   = -48
	fpTime   = -56
	fpFlags  = -64
	fpValue  = fpFlags - 8 - 8*numArgs // value of calls: id, arguments
)

// Registers: r6 is the context, r7 the record, r8 a pointer that is followed, r9 the
// counters of the CPU.

// prologue leaves the program unless the thread is traced, and loads r6, r9 and the key.
func prologue(m *kernelMaps, pops int32) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.FnGetCurrentPidTgid.Call(),
		asm.StoreMem(asm.RFP, fpThread, asm.R0, asm.DWord),
		asm.RSh.Imm(asm.R0, 32),
		asm.StoreMem(asm.RFP, fpGroup, asm.R0, asm.DWord),
		asm.LoadMapPtr(asm.R1, m.procs.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, fpGroup),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "exit"),
		asm.LoadMem(asm.R1, asm.R6, regStack, asm.DWord),
		asm.Sub.Imm(asm.R1, pops),
		asm.StoreMem(asm.RFP, fpStack, asm.R1, asm.DWord),
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.FnGetAttachCookie.Call(),
		asm.StoreMem(asm.RFP, fpCookie, asm.R0, asm.DWord),
		asm.Mov.Imm(asm.R1, 0),
		asm.StoreMem(asm.RFP, fpZero, asm.R1, asm.DWord),
		asm.Mov.Imm(asm.R1, 0),
		asm.StoreMem(asm.RFP, fpFlags, asm.R1, asm.DWord),
		asm.LoadMapPtr(asm.R1, m.stats.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, fpZero),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "exit"),
		asm.Mov.Reg(asm.R9, asm.R0),
	}
}

func count(stat int16) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Imm(asm.R1, 1),
		asm.AddAtomic.Mem(asm.R9, asm.R1, asm.DWord, 8*stat),
	}
}

// fetchAdd adds src to a counter, and gives src what the counter was before.
func fetchAdd(dst, src asm.Register, off int16) asm.Instruction {
	ins := asm.FetchAdd.Mem(dst, src, asm.DWord, off)
	ins.Constant = int64(asm.FetchAdd >> 8) // v0.22.0 encodes it as a plain addition without
	return ins
}

// reserve makes room for a record, or counts it as lost and goes to a label.
func reserve(m *kernelMaps, size int, lost string) asm.Instructions {
	ins := asm.Instructions{
		asm.FnKtimeGetNs.Call(),
		asm.StoreMem(asm.RFP, fpTime, asm.R0, asm.DWord),
		asm.LoadMapPtr(asm.R1, m.events.FD()),
		asm.Mov.Imm(asm.R2, int32(size)),
		asm.Mov.Imm(asm.R3, 0),
		asm.FnRingbufReserve.Call(),
		asm.JNE.Imm(asm.R0, 0, "reserved"),
	}
	ins = append(ins, count(statLost)...)
	return append(ins,
		asm.Ja.Label(lost),
		asm.Mov.Reg(asm.R7, asm.R0).WithSymbol("reserved"),
	)
}

// head writes what entry and return have in common.
func head() asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(asm.R1, asm.RFP, fpTime, asm.DWord),
		asm.StoreMem(asm.R7, recTime, asm.R1, asm.DWord),
		asm.LoadMem(asm.R1, asm.RFP, fpThread, asm.DWord),
		asm.StoreMem(asm.R7, recThread, asm.R1, asm.DWord),
		asm.LoadMem(asm.R1, asm.RFP, fpValue, asm.DWord),
		asm.StoreMem(asm.R7, recID, asm.R1, asm.DWord),
		asm.LoadMem(asm.R1, asm.RFP, fpStack, asm.DWord),
		asm.StoreMem(asm.R7, recStack, asm.R1, asm.DWord),
		asm.Mov.Imm(asm.R1, 0),
		asm.StoreMem(asm.R7, recOK, asm.R1, asm.DWord), // and recFailed
		asm.LoadMem(asm.R1, asm.RFP, fpCookie, asm.DWord),
		asm.StoreMem(asm.R7, recCookie, asm.R1, asm.DWord),
		asm.FnGetSmpProcessorId.Call(),
		asm.StoreMem(asm.R7, recCPU, asm.R0, asm.Word),
		asm.LoadMem(asm.R1, asm.RFP, fpFlags, asm.DWord),
		asm.StoreMem(asm.R7, recFlags, asm.R1, asm.Word),
	}
}

// follow emits the reading of one fetch. Arguments are in the value of calls on the stack.
func (f *fetch) follow(i int) asm.Instructions {
	label := func(s string) string { return fmt.Sprintf("%s%d", s, i) }
	var ins asm.Instructions
	if f.arg < 0 {
		ins = append(ins, asm.LoadMem(asm.R8, asm.RFP, fpStack, asm.DWord))
	} else {
		ins = append(ins, asm.LoadMem(asm.R8, asm.RFP, int16(fpValue+8+8*f.arg), asm.DWord))
	}
	ins = append(ins, asm.JEq.Imm(asm.R8, 0, label("next")))
	for _, off := range f.chain[:len(f.chain)-1] {
		ins = append(ins,
			asm.Mov.Reg(asm.R1, asm.RFP),
			asm.Add.Imm(asm.R1, fpTemp),
			asm.Mov.Imm(asm.R2, 8),
			asm.Mov.Reg(asm.R3, asm.R8),
			asm.Add.Imm(asm.R3, int32(off)),
			asm.FnProbeReadUser.Call(),
			asm.JNE.Imm(asm.R0, 0, label("failed")),
			asm.LoadMem(asm.R8, asm.RFP, fpTemp, asm.DWord),
			asm.JEq.Imm(asm.R8, 0, label("next")),
		)
	}
	if f.lenAt > 0 {
		size := asm.Word
		switch f.lenOf {
		case 2:
			size = asm.Half
		case 8:
			size = asm.DWord
		}
		ins = append(ins,
			asm.LoadMem(asm.R2, asm.R7, int16(f.lenAt), size),
			asm.JEq.Imm(asm.R2, 0, label("read")),
			asm.JGT.Imm(asm.R2, int32(f.size), label("failed")), // longer than there is room for
		)
	} else {
		ins = append(ins, asm.Mov.Imm(asm.R2, int32(f.size)))
	}
	bit := int32(1) << i
	ins = append(ins,
		asm.Mov.Reg(asm.R1, asm.R7),
		asm.Add.Imm(asm.R1, int32(f.at)),
		asm.Mov.Reg(asm.R3, asm.R8),
		asm.Add.Imm(asm.R3, int32(f.chain[len(f.chain)-1])),
		asm.FnProbeReadUser.Call(),
		asm.JNE.Imm(asm.R0, 0, label("failed")),
		asm.LoadMem(asm.R1, asm.R7, recOK, asm.Word).WithSymbol(label("read")),
		asm.Or.Imm(asm.R1, bit),
		asm.StoreMem(asm.R7, recOK, asm.R1, asm.Word),
		asm.Ja.Label(label("next")),
		asm.LoadMem(asm.R1, asm.R7, recFailed, asm.Word).WithSymbol(label("failed")),
		asm.Or.Imm(asm.R1, bit),
		asm.StoreMem(asm.R7, recFailed, asm.R1, asm.Word),
	)
	if !f.may {
		ins = append(ins, count(statUnread)...)
	}
	return append(ins, asm.Mov.Imm(asm.R1, 0).WithSymbol(label("next")))
}

func submit() asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R1, asm.R7),
		asm.Mov.Imm(asm.R2, 1), // we look often enough: BPF_RB_NO_WAKEUP
		asm.FnRingbufSubmit.Call(),
	}
}

func exit() asm.Instructions {
	return asm.Instructions{asm.Mov.Imm(asm.R0, 0).WithSymbol("exit"), asm.Return()}
}

// request stops the thread before it executes the function.
func request(m *kernelMaps) asm.Instructions {
	// The value is the cookie and the arguments: the place of the id is borrowed.
	return asm.Instructions{
		asm.LoadMem(asm.R7, asm.RFP, fpValue, asm.DWord),
		asm.LoadMem(asm.R1, asm.RFP, fpCookie, asm.DWord),
		asm.StoreMem(asm.RFP, fpValue, asm.R1, asm.DWord),
		asm.LoadMapPtr(asm.R1, m.stops.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, fpThread),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, fpValue),
		asm.Mov.Imm(asm.R4, 0),
		asm.FnMapUpdateElem.Call(),
		asm.Mov.Imm(asm.R1, 19), // SIGSTOP: the tracer takes it away
		asm.FnSendSignalThread.Call(),
		asm.StoreMem(asm.RFP, fpValue, asm.R7, asm.DWord),
	}
}

func loadArgs() (ins asm.Instructions) {
	for i, reg := range regArgs {
		ins = append(ins,
			asm.LoadMem(asm.R1, asm.R6, reg, asm.DWord),
			asm.StoreMem(asm.RFP, int16(fpValue+8+8*i), asm.R1, asm.DWord),
		)
	}
	return ins
}

// enterProgram records that a function was entered.
func enterProgram(m *kernelMaps, p *plan) asm.Instructions {
	ins := prologue(m, 0)
	ins = append(ins,
		// id = CPU << 40 | calls of the CPU
		asm.Mov.Imm(asm.R7, 1),
		fetchAdd(asm.R9, asm.R7, 8*statID),
		asm.Add.Imm(asm.R7, 1),
		asm.FnGetSmpProcessorId.Call(),
		asm.LSh.Imm(asm.R0, 40),
		asm.Or.Reg(asm.R7, asm.R0),
		asm.StoreMem(asm.RFP, fpValue, asm.R7, asm.DWord),
	)
	ins = append(ins, loadArgs()...)
	ins = append(ins,
		asm.LoadMapPtr(asm.R1, m.calls.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, fpThread),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, fpValue),
		asm.Mov.Imm(asm.R4, 0),
		asm.FnMapUpdateElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "known"),
		asm.Mov.Imm(asm.R1, flagUnknown),
		asm.StoreMem(asm.RFP, fpFlags, asm.R1, asm.DWord),
	)
	ins = append(ins, count(statUnknown)...)
	ins = append(ins, asm.Mov.Imm(asm.R1, 0).WithSymbol("known"))
	if p.stop {
		ins = append(ins, request(m)...)
	}
	ins = append(ins, reserve(m, enterSize+p.size, "exit")...)
	ins = append(ins, head()...)
	for i := range numArgs {
		ins = append(ins,
			asm.LoadMem(asm.R1, asm.RFP, int16(fpValue+8+8*i), asm.DWord),
			asm.StoreMem(asm.R7, int16(recArgs+8*i), asm.R1, asm.DWord),
		)
	}
	ins = append(ins, loadReturnAddress()...)
	for i := range p.fetches {
		ins = append(ins, p.fetches[i].follow(i)...)
	}
	ins = append(ins, submit()...)
	return append(ins, exit()...)
}

// returnProgram records that a function returned.
func returnProgram(m *kernelMaps, p *plan) asm.Instructions {
	ins := prologue(m, returnPops)
	ins = append(ins,
		asm.Mov.Imm(asm.R1, flagReturn),
		asm.StoreMem(asm.RFP, fpFlags, asm.R1, asm.DWord),
		asm.LoadMapPtr(asm.R1, m.calls.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, fpThread),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "unknown"),
	)
	used := 1
	for _, f := range p.fetches {
		used = max(used, f.arg+2)
	}
	for i := range 1 + numArgs {
		if i >= used {
			ins = append(ins, asm.Mov.Imm(asm.R1, 0),
				asm.StoreMem(asm.RFP, int16(fpValue+8*i), asm.R1, asm.DWord))
			continue
		}
		ins = append(ins,
			asm.LoadMem(asm.R1, asm.R0, int16(8*i), asm.DWord),
			asm.StoreMem(asm.RFP, int16(fpValue+8*i), asm.R1, asm.DWord),
		)
	}
	ins = append(ins,
		asm.LoadMapPtr(asm.R1, m.calls.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, fpThread),
		asm.FnMapDeleteElem.Call(),
		asm.Ja.Label("known"),
		asm.Mov.Imm(asm.R1, flagReturn|flagUnknown).WithSymbol("unknown"),
		asm.StoreMem(asm.RFP, fpFlags, asm.R1, asm.DWord),
	)
	for i := range 1 + numArgs {
		ins = append(ins, asm.Mov.Imm(asm.R1, 0),
			asm.StoreMem(asm.RFP, int16(fpValue+8*i), asm.R1, asm.DWord))
	}
	ins = append(ins, asm.Mov.Imm(asm.R1, 0).WithSymbol("known"))
	ins = append(ins, reserve(m, returnSize+p.size, "exit")...)
	ins = append(ins, head()...)
	ins = append(ins,
		asm.LoadMem(asm.R1, asm.R6, regResult, asm.DWord),
		asm.StoreMem(asm.R7, recValue, asm.R1, asm.DWord),
	)
	for i := range p.fetches {
		ins = append(ins, p.fetches[i].follow(i)...)
	}
	ins = append(ins, submit()...)
	return append(ins, exit()...)
}

// stopProgram stops a thread and records nothing.
func stopProgram(m *kernelMaps) asm.Instructions {
	ins := prologue(m, 0)
	ins = append(ins, asm.Mov.Imm(asm.R1, 0),
		asm.StoreMem(asm.RFP, fpValue, asm.R1, asm.DWord))
	ins = append(ins, loadArgs()...)
	ins = append(ins, request(m)...)
	return append(ins, exit()...)
}

// emptyProgram does nothing: what others cost is compared with it.
func emptyProgram() asm.Instructions {
	return asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}
}

func load(name string, ins asm.Instructions) (*ebpf.Program, error) {
	return ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: name, Type: ebpf.Kprobe, AttachType: ebpf.AttachTraceUprobeMulti, License: "GPL", Instructions: ins,
	})
}
