//go:build linux && (amd64 || arm64)

package uprobe

import (
	"errors"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"github.com/aftrace/aftrace/format/ndis"
)

// TestProgramsLoad: the kernel accepts the programs of every function, with both sizes of ULONG.
func TestProgramsLoad(t *testing.T) {
	needed(t)
	m, err := newMaps(1<<20, 1024)
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	seen := map[string]bool{}
	try := func(f ndis.Func, p *plan, kind string, ins func(*kernelMaps, *plan) asm.Instructions) {
		if k := kind + p.key(); !seen[k] {
			seen[k] = true
			if err := loads(ins(m, p)); err != nil {
				var refused *ebpf.VerifierError
				if errors.As(err, &refused) {
					t.Errorf("%v, %s: %+v", f, kind, refused)
				} else {
					t.Errorf("%v, %s: %v", f, kind, err)
				}
			}
		}
	}
	for f := range ndis.Functions() {
		for _, size := range []int{4, 8} {
			l := windowsLayout(size)
			try(f, enterPlan(f, l), "enter", enterProgram)
			try(f, returnPlan(f, l), "return", returnProgram)
		}
	}
	if err := loads(stopProgram(m)); err != nil {
		t.Error(err)
	}
	if len(seen) < 20 {
		t.Errorf("only %d programs", len(seen))
	}
}

func loads(ins asm.Instructions) error {
	p, err := load("aftrace_test", ins)
	if err != nil {
		return err
	}
	return p.Close()
}
