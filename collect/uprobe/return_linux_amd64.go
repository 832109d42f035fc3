package uprobe

import "github.com/cilium/ebpf/asm"

// loadReturnAddress stores the return address of the call into the record (r7).
func loadReturnAddress() asm.Instructions {
	return asm.Instructions{
		asm.Mov.Imm(asm.R1, 0),
		asm.StoreMem(asm.R7, recValue, asm.R1, asm.DWord),
		asm.Mov.Reg(asm.R1, asm.R7),
		asm.Add.Imm(asm.R1, recValue),
		asm.Mov.Imm(asm.R2, 8),
		asm.LoadMem(asm.R3, asm.RFP, fpStack, asm.DWord),
		asm.FnProbeReadUser.Call(),
	}
}
