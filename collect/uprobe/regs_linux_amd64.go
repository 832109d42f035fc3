package uprobe

import "debug/elf"

const machine = elf.EM_X86_64

// numArgs is how many arguments come in registers, by the System V convention.
const numArgs = 6

// Places in struct pt_regs.
const (
	regResult  = 80  // rax
	regStack   = 152 // rsp
	returnPops = 8   // a return takes its address off the stack
)

var regArgs = [numArgs]int16{112, 104, 96, 88, 72, 64} // rdi rsi rdx rcx r8 r9

// stackArg is where an argument that has no register is, from the stack pointer on entry.
func stackArg(slot int) int { return 8 + 8*(slot-numArgs) }
