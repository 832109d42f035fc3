//go:build linux && (amd64 || arm64)

package uprobe

import (
	"debug/elf"
	"fmt"

	"golang.org/x/arch/x86/x86asm"
)

// place is where in a function a probe goes.
type place struct {
	off      uint64 // from the start of the function
	stepped  bool   // the kernel must single-step the instruction
	mnemonic string
}

// emulated says whether the kernel emulates an instruction of x86-64 instead of
// single-stepping a copy of it, which costs several times as much (arch/x86/kernel/uprobes.c).
func emulated(code []byte) bool {
	if len(code) == 0 {
		return false
	}
	switch c := code[0]; {
	case c == 0x90, c == 0xE8, c == 0xE9, c == 0xEB: // nop, call, jmp
		return true
	case c >= 0x50 && c <= 0x57, c >= 0x70 && c <= 0x7F: // push, jcc
		return true
	case c == 0x41 && len(code) > 1: // push r8 to r15
		return code[1] >= 0x50 && code[1] <= 0x57
	case c == 0x0F && len(code) > 1: // jcc
		return code[1] >= 0x80 && code[1] <= 0x8F
	}
	return false
}

// harmless says whether a probe may come after an instruction as well as before it: it goes
// on to the next one, and leaves the stack pointer and the registers of arguments alone.
func harmless(in *x86asm.Inst) bool {
	if locked(in) { // of its operands, one is memory
		return in.Op != x86asm.XCHG && in.Op != x86asm.XADD && in.Op != x86asm.CMPXCHG
	}
	switch in.Op {
	case x86asm.NOP:
		return true
	case x86asm.MOV, x86asm.MOVZX, x86asm.MOVSXD, x86asm.LEA, x86asm.XOR:
	default:
		return false
	}
	dst, ok := in.Args[0].(x86asm.Reg)
	if !ok {
		return false
	}
	switch dst {
	case x86asm.RAX, x86asm.EAX, x86asm.RBX, x86asm.EBX, x86asm.R10, x86asm.R11, x86asm.R12, x86asm.R13, x86asm.R14, x86asm.R15,
		x86asm.R10L, x86asm.R11L, x86asm.R12L, x86asm.R13L, x86asm.R14L, x86asm.R15L:
		return true
	}
	return false
}

// locked says whether an instruction has the prefix with which the kernel refuses to probe it.
func locked(in *x86asm.Inst) bool {
	for _, p := range in.Prefix {
		if p&0xFF == x86asm.PrefixLOCK&0xFF && p != 0 {
			return true
		}
	}
	return false
}

// endbr64 begins functions of programs built for indirect branch tracking.
var endbr64 = [4]byte{0xF3, 0x0F, 0x1E, 0xFA}

func decode(code []byte) (in x86asm.Inst, err error) {
	if len(code) >= 4 && [4]byte(code[:4]) == endbr64 {
		return x86asm.Inst{Op: x86asm.NOP, Len: 4}, nil
	}
	return x86asm.Decode(code, 64)
}

// entryPlace chooses where to probe the entry of a function: at its first instruction, or
// at one of the next few that the kernel emulates, if what comes before it does not matter
// and nothing jumps there.
func entryPlace(machine elf.Machine, code []byte) place {
	if machine != elf.EM_X86_64 {
		return place{}
	}
	first := place{stepped: true, mnemonic: "(bad)"}
	if in, err := decode(code); err == nil {
		first.mnemonic = in.Op.String()
		if locked(&in) && harmless(&in) && in.Len < len(code) && !jumpedTo(code, in.Len, false) {
			if next, err := decode(code[in.Len:]); err == nil && !locked(&next) {
				first = place{off: uint64(in.Len), stepped: true, mnemonic: next.Op.String()}
			}
		}
	}
	at := 0
	for range 4 {
		if emulated(code[at:]) {
			in, err := decode(code[at:])
			// A probe on a call would have the return address of the function elsewhere.
			if err == nil && in.Op != x86asm.CALL && (at == 0 || !jumpedTo(code, at, in.Op != x86asm.PUSH)) {
				return place{off: uint64(at), mnemonic: in.Op.String()}
			}
			break
		}
		in, err := decode(code[at:])
		if err != nil || !harmless(&in) || at+in.Len >= len(code) {
			break
		}
		at += in.Len
	}
	return first
}

// jumpedTo says whether an instruction of the function jumps to the one at target; with
// tables, whether one may, because where it jumps is not in the code.
func jumpedTo(code []byte, target int, tables bool) bool {
	for at := 0; at < len(code); {
		in, err := decode(code[at:])
		if err != nil {
			return true
		}
		switch a := in.Args[0].(type) {
		case x86asm.Rel:
			if at+in.Len+int(a) == target {
				return true
			}
		default:
			if in.Op == x86asm.JMP && tables {
				return true
			}
		}
		at += in.Len
	}
	return false
}

// checkBoundary says whether off is the start of an instruction of the function that begins
// at 0 of code.
func checkBoundary(machine elf.Machine, code []byte, off uint64) error {
	switch machine {
	case elf.EM_X86_64:
	case elf.EM_AARCH64:
		if off%4 != 0 {
			return fmt.Errorf("offset %#x is inside an instruction: want a multiple of 4", off)
		}
		return nil
	default:
		return nil
	}
	for at := uint64(0); at < uint64(len(code)); {
		if at == off {
			return nil
		}
		in, err := decode(code[at:])
		if err != nil {
			return fmt.Errorf("offset %#x: what is before it cannot be disassembled, at %#x", off, at)
		}
		if next := at + uint64(in.Len); off < next {
			return fmt.Errorf("offset %#x is inside the instruction %s at %#x, which ends at %#x", off, in.Op, at, next)
		} else {
			at = next
		}
	}
	return fmt.Errorf("offset %#x is past the end of the function", off)
}
