package uprobe

import "debug/elf"

const machine = elf.EM_AARCH64

// numArgs is how many arguments come in registers, by the procedure call standard.
const numArgs = 8

// Places in struct user_pt_regs. This has been compiled, never run.
const (
	regResult  = 0   // x0
	regStack   = 248 // sp
	regLink    = 240 // x30
	returnPops = 0
)

var regArgs = [numArgs]int16{0, 8, 16, 24, 32, 40, 48, 56}

// stackArg is where an argument that has no register is, from the stack pointer on entry.
func stackArg(slot int) int { return 8 * (slot - numArgs) }
