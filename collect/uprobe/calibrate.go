//go:build linux && (amd64 || arm64)

package uprobe

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"github.com/aftrace/aftrace/format/ndis"
)

// toy is a program of a few instructions that calls a function, "nop; xor eax, eax; ret", a
// number of times and ends. It shows what a probe costs where nothing else does.
type toy struct {
	file   *os.File
	offset uint64 // of the function
}

// Places in the function of a toy.
const (
	toyStepped = 1 // an instruction that the kernel single-steps
	toyReturn  = 3
)

func (t *toy) path() string { return fmt.Sprintf("/proc/self/fd/%d", t.file.Fd()) }

func newToy(calls uint32) (*toy, error) {
	if runtime.GOARCH != "amd64" {
		return nil, errors.New("not on " + runtime.GOARCH)
	}
	const start, base = 64 + 56, 0x400000
	code := le.AppendUint32([]byte{0xB9}, calls) // mov ecx, calls
	code = append(code,
		0xE8, 13, 0, 0, 0, // loop: call function
		0xFF, 0xC9, // dec ecx
		0x75, 0xF7, // jnz loop
		0xB8, 231, 0, 0, 0, // mov eax, exit_group
		0x31, 0xFF, // xor edi, edi
		0x0F, 0x05, // syscall
		0x90, 0x31, 0xC0, 0xC3, // function: nop; xor eax, eax; ret
	)
	b := make([]byte, start, 4096)
	copy(b, "\x7fELF\x02\x01\x01")
	for _, f := range []struct {
		at   int
		v    uint64
		size int
	}{
		{16, 2, 2}, {18, 62, 2}, {20, 1, 4}, {24, base + start, 8}, {32, 64, 8}, {52, 64, 2}, {54, 56, 2}, {56, 1, 2}, // header
		{64, 1, 4}, {68, 5, 4}, {80, base, 8}, {88, base, 8}, {96, uint64(start + len(code)), 8}, {104, uint64(start + len(code)), 8}, {112, 4096, 8}, // segment
	} {
		for i := range f.size {
			b[f.at+i] = byte(f.v >> (8 * i))
		}
	}
	b = append(b, code...)
	fd, err := unix.MemfdCreate("aftrace-toy", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "aftrace-toy")
	if _, err := f.Write(b); err != nil {
		f.Close()
		return nil, err
	}
	return &toy{f, uint64(len(b) - 4)}, nil
}

// run runs the toy, recorded if m is not nil, and says how much processor time it took.
func (t *toy) run(m *kernelMaps) (ns int64, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pid, err := syscall.ForkExec(t.path(), []string{"toy"}, &syscall.ProcAttr{Sys: &syscall.SysProcAttr{Ptrace: true}})
	if err != nil {
		return 0, err
	}
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &ws, syscall.WALL, nil); err != nil || !ws.Stopped() {
		return 0, fmt.Errorf("the toy did not start: %v", err)
	}
	if m != nil {
		if err := m.procs.Put(uint32(pid), uint32(1)); err != nil {
			return 0, err
		}
		defer m.procs.Delete(uint32(pid))
	}
	if err := ptrace(syscall.PTRACE_DETACH, pid, 0, 0); err != nil {
		return 0, err
	}
	var use syscall.Rusage
	for {
		if _, err = syscall.Wait4(pid, &ws, 0, &use); err != syscall.EINTR {
			break
		}
	}
	return use.Utime.Nano() + use.Stime.Nano(), err
}

// attach probes the function of the toy with programs for its entry and its return; nil is
// none.
func (t *toy) attach(enter, ret *ebpf.Program) (done func(), err error) {
	var links []link.Link
	done = func() {
		for _, l := range links {
			l.Close()
		}
	}
	ex, err := link.OpenExecutable(t.path())
	if err != nil {
		return done, err
	}
	o := &link.UprobeMultiOptions{Addresses: []uint64{t.offset}, Cookies: []uint64{0}}
	for i, p := range []*ebpf.Program{ret, enter} {
		if p == nil {
			continue
		}
		attach := ex.UretprobeMulti
		if i == 1 {
			attach = ex.UprobeMulti
		}
		l, err := attach(nil, p, o)
		if err != nil {
			done()
			return func() {}, err
		}
		links = append(links, l)
	}
	return done, nil
}

// calibrate measures what the probes of a call without pointers cost, in nanoseconds: the
// one at the entry, and entry and return together.
func calibrate() (entry, call float64, err error) {
	const calls = 2000
	t, err := newToy(calls)
	if err != nil {
		return 0, 0, err
	}
	defer t.file.Close()
	m, err := newMaps(1<<20, 64)
	if err != nil {
		return 0, 0, err
	}
	defer m.close()
	l := windowsLayout(4)
	enter, err := load("aftrace_enter", enterProgram(m, enterPlan(ndis.NdisClCloseAddressFamily, l)))
	if err != nil {
		return 0, 0, err
	}
	defer enter.Close()
	ret, err := load("aftrace_return", returnProgram(m, returnPlan(ndis.NdisClCloseAddressFamily, l)))
	if err != nil {
		return 0, 0, err
	}
	defer ret.Close()
	ring, err := ringbuf.NewReader(m.events)
	if err != nil {
		return 0, 0, err
	}
	defer ring.Close()
	measure := func(ret *ebpf.Program) (float64, error) {
		done, err := t.attach(enter, ret)
		if err != nil {
			return 0, err
		}
		defer done()
		if _, err := t.run(m); err != nil {
			return 0, err
		}
		var rec ringbuf.Record
		var gaps []int64
		last := int64(0)
		ring.SetDeadline(unixEpoch)
		for ring.ReadInto(&rec) == nil {
			if at := int64(le.Uint64(rec.RawSample[recTime:])); le.Uint32(rec.RawSample[recFlags:])&flagReturn == 0 {
				if last != 0 {
					gaps = append(gaps, at-last)
				}
				last = at
			}
		}
		if len(gaps) < calls/2 {
			return 0, fmt.Errorf("%d of %d probe hits were seen", len(gaps), calls)
		}
		slices.Sort(gaps)
		return float64(gaps[len(gaps)/2]), nil
	}
	if entry, err = measure(nil); err != nil {
		return 0, 0, err
	}
	call, err = measure(ret)
	return entry, call, err
}
