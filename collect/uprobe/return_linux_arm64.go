package uprobe

import "github.com/cilium/ebpf/asm"

// loadReturnAddress stores the return address of the call into the record (r7).
func loadReturnAddress() asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(asm.R1, asm.R6, regLink, asm.DWord),
		asm.StoreMem(asm.R7, recValue, asm.R1, asm.DWord),
	}
}
