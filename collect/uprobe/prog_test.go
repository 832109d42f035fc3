//go:build linux && (amd64 || arm64)

package uprobe

import (
	"errors"
	"testing"

	"github.com/aftrace/aftrace/format/ndis"
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
)

func TestProgramsLoad(t *testing.T) {
	rlimit.RemoveMemlock()
	m, err := newMaps(1<<20, 1024)
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	seen := map[string]bool{}
	for f := range ndis.Functions() {
		for _, ul := range []int{4, 8} {
			l := windowsLayout(ul)
			for i, p := range []*plan{enterPlan(f, l), returnPlan(f, l)} {
				k := p.key() + string(rune('0'+i))
				if seen[k] {
					continue
				}
				seen[k] = true
				ins := enterProgram(m, p)
				if i == 1 {
					ins = returnProgram(m, p)
				}
				prog, err := load("aftrace_t", ins)
				if err != nil {
					var ve *ebpf.VerifierError
					if errors.As(err, &ve) {
						t.Fatalf("%v %d: %+v", f, i, ve)
					}
					t.Fatalf("%v %d: %v", f, i, err)
				}
				prog.Close()
			}
		}
	}
	t.Log(len(seen), "programs")
}
