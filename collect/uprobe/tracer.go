//go:build linux && (amd64 || arm64)

package uprobe

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aftrace/aftrace/format/ndis"
)

// tracer holds the processes with ptrace, on a thread of its own that is never given back:
// when it ends, the kernel lets go of what is still traced.
type tracer struct {
	c       *Capture
	main    int            // the process that was started, 0 if we attached
	groups  map[int]int    // thread to thread group
	drivers map[int]string // thread to the driver that registers on it
	stopped chan struct{}
	once    sync.Once
	quit    chan struct{}
	leaving sync.Once
}

const (
	ptraceSeize   = 0x4206
	ptraceListen  = 0x4208
	ptraceOptions = 0x2 | 0x4 | 0x8 | 0x10 // fork, vfork, clone, exec
	eventExec     = 4
	eventStop     = 128
	waitNoThread  = 0x20000000
	patience      = time.Second // for the program to end when it is asked to
)

func newTracer(c *Capture) *tracer {
	return &tracer{c: c, groups: map[int]int{}, drivers: map[int]string{}, stopped: make(chan struct{}), quit: make(chan struct{})}
}

func (t *tracer) start() error {
	ready := make(chan error, 1)
	go t.run(ready)
	return <-ready
}

func (t *tracer) stop() { t.once.Do(func() { close(t.stopped) }) }
func (t *tracer) abandon() {
	t.leaving.Do(func() { close(t.quit) })
	<-t.c.ended
}

func (t *tracer) run(ready chan<- error) {
	runtime.LockOSThread() // and never unlocked
	defer close(t.c.ended)
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	defer signal.Stop(children)
	var err error
	if t.c.o.PID != 0 {
		err = t.attach()
	} else {
		err = t.launch()
	}
	ready <- err
	if err != nil {
		t.let()
		return
	}
	t.follow(children)
	t.let()
}

// let stops recording. The thread ends, and with it its hold on the processes.
func (t *tracer) let() {
	t.c.mu.RLock()
	defer t.c.mu.RUnlock()
	if t.c.maps == nil || t.c.maps.procs == nil {
		return
	}
	for tgid := range t.c.procs {
		_ = t.c.maps.procs.Delete(uint32(tgid))
	}
}

// launch starts the program, holds it before its first instruction, and probes it.
func (t *tracer) launch() error {
	path, err := lookPath(t.c.o.Program[0], t.c.env())
	if err != nil {
		return inputError(err)
	}
	stdout := os.Stdout
	if t.c.o.Stdout != nil {
		stdout = t.c.o.Stdout
	}
	pid, err := syscall.ForkExec(path, t.c.o.Program, &syscall.ProcAttr{
		Env: t.c.env(), Files: []uintptr{0, stdout.Fd(), 2}, Sys: &syscall.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		return inputError(fmt.Errorf("%s cannot be started: %w", path, err))
	}
	t.main = pid
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &ws, syscall.WALL, nil); err != nil || !ws.Stopped() {
		return inputError(fmt.Errorf("%s ended before it began", path))
	}
	// As traced by PTRACE_TRACEME its job control would not work: it is seized anew.
	if err := ptrace(syscall.PTRACE_DETACH, pid, 0, uintptr(syscall.SIGSTOP)); err != nil {
		return t.refused(pid, err)
	}
	if _, err := syscall.Wait4(pid, &ws, syscall.WUNTRACED, nil); err != nil || !ws.Stopped() {
		return inputError(fmt.Errorf("%s ended before it began", path))
	}
	if err := t.seize(pid); err != nil {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		return t.refused(pid, err)
	}
	if _, err := t.adopt(pid); err != nil {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		return err
	}
	return syscall.Kill(pid, syscall.SIGCONT)
}

func (t *tracer) refused(pid int, err error) error {
	if errors.Is(err, syscall.EPERM) {
		return fmt.Errorf("%w: process %d may not be traced: run as root (CAP_SYS_PTRACE), and see that no debugger holds it", ErrNotPossible, pid)
	}
	if errors.Is(err, syscall.ESRCH) {
		return inputError(fmt.Errorf("there is no process %d", pid))
	}
	return fmt.Errorf("process %d: ptrace: %w", pid, err)
}

func ptrace(request, pid int, addr, data uintptr) error {
	_, _, e := syscall.RawSyscall6(syscall.SYS_PTRACE, uintptr(request), uintptr(pid), addr, data, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}

func (t *tracer) seize(tid int) error { return ptrace(ptraceSeize, tid, 0, ptraceOptions) }

// attach takes hold of a process that runs, thread by thread.
func (t *tracer) attach() error {
	pid := t.c.o.PID
	if tgid, err := groupOf(pid); err != nil {
		return inputError(fmt.Errorf("there is no process %d", pid))
	} else if tgid != pid {
		return inputError(fmt.Errorf("%d is a thread of process %d", pid, tgid))
	}
	seized := map[int]bool{}
	for again := true; again; {
		again = false
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil {
			return inputError(fmt.Errorf("process %d: %w", pid, err))
		}
		for _, e := range entries {
			tid, _ := strconv.Atoi(e.Name())
			if seized[tid] {
				continue
			}
			switch err := t.seize(tid); {
			case err == nil:
				seized[tid], again = true, true
				t.groups[tid] = pid
			case tid == pid || !errors.Is(err, syscall.ESRCH):
				return t.refused(pid, err)
			}
		}
	}
	p, err := t.adopt(pid)
	if err != nil {
		return err
	}
	functions := 0
	for _, m := range p.modules {
		functions += len(m.obj.functions)
	}
	if functions == 0 {
		return inputError(fmt.Errorf("process %d: no CoNDIS function in its program and %d libraries: name functions with a map file if they have other names", pid, len(p.modules)))
	}
	t.c.warn("process %d ran before: callbacks of drivers that it has registered are seen only under their documented names", pid)
	return nil
}

func groupOf(tid int) (int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "Tgid:"); ok {
			return strconv.Atoi(strings.TrimSpace(v))
		}
	}
	return 0, errGone
}

// adopt makes a process one that is recorded. It is stopped, or was attached to.
func (t *tracer) adopt(tgid int) (*process, error) {
	c := t.c
	p := &process{tgid: tgid}
	// A child begins with what its parent knew: the same code, the same drivers.
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", tgid)); err == nil {
		for line := range strings.Lines(string(b)) {
			if v, ok := strings.CutPrefix(line, "PPid:"); ok {
				parent, _ := strconv.Atoi(strings.TrimSpace(v))
				c.mu.Lock()
				if c.procs[parent] != nil {
					for k, label := range c.labels {
						if k.tgid == parent {
							k.tgid = tgid
							c.labels[k] = label
						}
					}
				}
				c.mu.Unlock()
			}
		}
	}
	c.mu.Lock()
	c.procs[tgid] = p
	c.state++
	c.sum.Processes++
	c.mu.Unlock()
	t.groups[tgid] = tgid
	if err := t.scan(p); err != nil {
		return nil, err
	}
	if err := c.maps.procs.Put(uint32(tgid), uint32(1)); err != nil {
		return nil, fmt.Errorf("more than %d processes: %w", maxProcs, err)
	}
	return p, nil
}

// follow waits for what happens to the processes until there are none, or it shall stop.
func (t *tracer) follow(children <-chan os.Signal) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	stopped := t.stopped
	var deadline <-chan time.Time
	for {
		for {
			var ws syscall.WaitStatus
			tid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG|syscall.WALL|waitNoThread, nil)
			if err == syscall.EINTR {
				continue
			}
			if err != nil || tid <= 0 {
				if err == syscall.ECHILD {
					return
				}
				break
			}
			t.handle(tid, ws)
		}
		t.c.mu.RLock()
		left := 0
		for _, p := range t.c.procs {
			if !p.ended {
				left++
			}
		}
		t.c.mu.RUnlock()
		if left == 0 {
			return
		}
		select {
		case <-children:
		case <-tick.C:
		case <-stopped:
			stopped = nil
			if t.main == 0 {
				return
			}
			_ = syscall.Kill(t.main, syscall.SIGTERM)
			deadline = time.After(patience)
		case <-deadline:
			t.c.warn("process %d did not end within %v of SIGTERM, and runs on", t.main, patience)
			return
		case <-t.quit:
			return
		}
	}
}

func (t *tracer) handle(tid int, ws syscall.WaitStatus) {
	switch {
	case ws.Exited() || ws.Signaled():
		t.ended(tid, ws)
		return
	case !ws.Stopped():
		return
	}
	tgid, ok := t.groups[tid]
	if !ok {
		var err error
		if tgid, err = groupOf(tid); err != nil {
			_ = ptrace(syscall.PTRACE_CONT, tid, 0, 0)
			return
		}
		t.groups[tid] = tgid
	}
	t.c.mu.RLock()
	p := t.c.procs[tgid]
	t.c.mu.RUnlock()
	if p == nil || p.ended { // a child
		var err error
		if p, err = t.adopt(tgid); err != nil {
			t.c.warn("process %d, a child, is not captured: %v", tgid, err)
		}
	}
	sig := uintptr(ws.StopSignal())
	switch event := int(ws) >> 16; {
	case event == eventStop && (ws.StopSignal() == syscall.SIGSTOP || ws.StopSignal() == syscall.SIGTSTP || ws.StopSignal() == syscall.SIGTTIN || ws.StopSignal() == syscall.SIGTTOU):
		_ = ptrace(ptraceListen, tid, 0, 0) // job control: it stays stopped until SIGCONT
		return
	case event == eventExec:
		t.execed(p, tid)
		sig = 0
	case event != 0:
		sig = 0
	case ws.StopSignal() == syscall.SIGSTOP && p != nil && t.requested(p, tid):
		sig = 0
	}
	_ = ptrace(syscall.PTRACE_CONT, tid, 0, sig)
}

func (t *tracer) ended(tid int, ws syscall.WaitStatus) {
	delete(t.groups, tid)
	delete(t.drivers, tid)
	c := t.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if tid == t.main {
		status := ws.ExitStatus()
		if ws.Signaled() {
			status = 128 + int(ws.Signal())
		}
		c.sum.Exit = &status
	}
	if c.procs[tid] == nil {
		return
	}
	_ = c.maps.procs.Delete(uint32(tid))
	c.procs[tid].ended = true // records of it may still be read: what addresses meant is kept
}

// execed begins anew with a process that has replaced its program.
func (t *tracer) execed(p *process, tid int) {
	if p == nil {
		return
	}
	c := t.c
	c.mu.Lock()
	p.modules = nil
	for k := range c.labels {
		if k.tgid == p.tgid {
			delete(c.labels, k)
		}
	}
	c.state++
	c.mu.Unlock()
	if err := t.scan(p); err != nil {
		c.warn("process %d runs another program: %v", p.tgid, err)
	}
}

// requested handles a stop that a probe asked for, false if it did not.
func (t *tracer) requested(p *process, tid int) bool {
	key := uint64(p.tgid)<<32 | uint64(tid)
	var r stopRequest
	if err := t.c.maps.stops.Lookup(key, &r); err != nil {
		return false
	}
	_ = t.c.maps.stops.Delete(key)
	if r.Cookie == hookCookie {
		if err := t.scan(p); err != nil {
			t.c.warn("process %d: %v", p.tgid, err)
		}
		return true
	}
	t.c.mu.RLock()
	var s *site
	if r.Cookie < uint64(len(t.c.sites)) {
		s = t.c.sites[r.Cookie]
	}
	t.c.mu.RUnlock()
	if s != nil {
		if err := t.tables(p, tid, s, r.Args); err != nil {
			t.c.warn("process %d: %v: callbacks of a driver are not captured: %v", p.tgid, s.funcs[0], err)
		}
	}
	return true
}

// scan finds what is in the memory of a process and probes what is new.
func (t *tracer) scan(p *process) error {
	c := t.c
	f, err := os.Open(fmt.Sprintf("/proc/%d/maps", p.tgid))
	if err != nil {
		return err
	}
	defer f.Close()
	var modules []module
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	var first error
	for lines.Scan() {
		// low-high perms offset dev inode path
		fields := strings.Fields(lines.Text())
		if len(fields) < 6 || len(fields[1]) < 3 || fields[1][2] != 'x' || fields[4] == "0" {
			continue
		}
		path := strings.Join(fields[5:], " ")
		if !strings.HasPrefix(path, "/") {
			continue
		}
		lowText, highText, _ := strings.Cut(fields[0], "-")
		low, err1 := strconv.ParseUint(lowText, 16, 64)
		high, err2 := strconv.ParseUint(highText, 16, 64)
		off, err3 := strconv.ParseUint(fields[2], 16, 64)
		ino, err4 := strconv.ParseUint(fields[4], 10, 64)
		if errors.Join(err1, err2, err3, err4) != nil {
			continue
		}
		where, ok := reach(p.tgid, path, fields[0], ino)
		if !ok {
			c.warn("%s: mapped by process %d, but not there any more: not captured", path, p.tgid)
			continue
		}
		o, err := c.object(where, path)
		if err != nil {
			if first == nil && (!strings.Contains(err.Error(), "not an ELF") || p.modules == nil) {
				first = err
			}
			continue
		}
		addr, ok := o.address(off)
		if !ok {
			addr = off
		}
		modules = append(modules, module{low: low, high: high, bias: low - addr, obj: o})
		if o.debugHook != 0 && strings.HasPrefix(filepath.Base(path), "ld") {
			if err := c.probeLoader(o, where); err != nil {
				return err
			}
		}
		var targets []target
		for f, addrs := range o.functions {
			for _, a := range addrs {
				targets = append(targets, target{f, a})
			}
		}
		slices.SortFunc(targets, func(a, b target) int { return int(a.fn) - int(b.fn) })
		if err := c.probe(o, where, targets); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	p.modules = modules
	c.state++
	c.mu.Unlock()
	return first
}

// reach is a path by which we, and the kernel for us, get at a file that a process has mapped.
func reach(tgid int, path, mapped string, ino uint64) (string, bool) {
	path = strings.TrimSuffix(path, " (deleted)")
	for _, try := range []string{path, fmt.Sprintf("/proc/%d/root%s", tgid, path), fmt.Sprintf("/proc/%d/map_files/%s", tgid, mapped)} {
		if id, err := idOf(try); err == nil && id.ino == ino {
			return try, true
		}
	}
	return "", false
}

// Callbacks in the tables of drivers, by the field that they are in.
var (
	protocolHandlers = []struct {
		field string
		fn    ndis.Func
	}{
		{"SetOptionsHandler", ndis.ProtocolSetOptions}, {"BindAdapterHandlerEx", ndis.ProtocolBindAdapterEx},
		{"UnbindAdapterHandlerEx", ndis.ProtocolUnbindAdapterEx}, {"OpenAdapterCompleteHandlerEx", ndis.ProtocolOpenAdapterCompleteEx},
		{"CloseAdapterCompleteHandlerEx", ndis.ProtocolCloseAdapterCompleteEx}, {"NetPnPEventHandler", ndis.ProtocolNetPnPEvent},
		{"UninstallHandler", ndis.ProtocolUninstall},
	}
	miniportHandlers = []struct {
		field string
		fn    ndis.Func
	}{
		{"SetOptionsHandler", ndis.MiniportSetOptions}, {"InitializeHandlerEx", ndis.MiniportInitializeEx},
		{"HaltHandlerEx", ndis.MiniportHaltEx}, {"DevicePnPEventNotifyHandler", ndis.MiniportDevicePnPEventNotify},
	}
	// The characteristics of NDIS 5.x: two versions, a filler and a reserved word before them.
	managerHandlers5 = []ndis.Func{
		ndis.ProtocolCoCreateVc, ndis.ProtocolCoDeleteVc, ndis.ProtocolCmOpenAf, ndis.ProtocolCmCloseAf, ndis.ProtocolCmRegisterSap,
		ndis.ProtocolCmDeregisterSap, ndis.ProtocolCmMakeCall, ndis.ProtocolCmCloseCall, ndis.ProtocolCmIncomingCallComplete, ndis.ProtocolCmAddParty,
		ndis.ProtocolCmDropParty, ndis.ProtocolCmActivateVcComplete, ndis.ProtocolCmDeactivateVcComplete, ndis.ProtocolCmModifyCallQoS,
		ndis.ProtocolCoRequest, ndis.ProtocolCoRequestComplete,
	}
	clientHandlers5 = []ndis.Func{
		ndis.ProtocolCoCreateVc, ndis.ProtocolCoDeleteVc, ndis.ProtocolCoRequest, ndis.ProtocolCoRequestComplete, ndis.ProtocolClOpenAfComplete,
		ndis.ProtocolClCloseAfComplete, ndis.ProtocolClRegisterSapComplete, ndis.ProtocolClDeregisterSapComplete, ndis.ProtocolClMakeCallComplete,
		ndis.ProtocolClModifyCallQoSComplete, ndis.ProtocolClCloseCallComplete, ndis.ProtocolClAddPartyComplete, ndis.ProtocolClDropPartyComplete,
		ndis.ProtocolClIncomingCall, ndis.ProtocolClIncomingCallQoSChange, ndis.ProtocolClIncomingCloseCall, ndis.ProtocolClIncomingDropParty,
		ndis.ProtocolClCallConnected,
	}
)

// memory reads the memory of a process.
type memory struct{ f *os.File }

func (m memory) pointer(addr uint64) (uint64, error) {
	var b [8]byte
	_, err := m.f.ReadAt(b[:], int64(addr))
	return le.Uint64(b[:]), err
}

// text reads a UNICODE_STRING.
func (m memory) text(addr uint64) string {
	var b [16]byte
	if addr == 0 {
		return ""
	}
	if _, err := m.f.ReadAt(b[:], int64(addr)); err != nil {
		return ""
	}
	n, at := le.Uint16(b[:]), le.Uint64(b[8:])
	if n == 0 || n > maxName || at == 0 {
		return ""
	}
	s := make([]byte, n)
	if _, err := m.f.ReadAt(s, int64(at)); err != nil {
		return ""
	}
	return wide(s)
}

// tables reads the tables that a thread is about to pass to NDIS, and probes their callbacks.
func (t *tracer) tables(p *process, tid int, s *site, args [numArgs]uint64) error {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", p.tgid))
	if err != nil {
		return err
	}
	defer f.Close()
	m := memory{f}
	l := s.obj.layout
	if !s.obj.hasDWARF && t.c.layout != nil && t.c.o.ULong == 0 {
		l = t.c.layout
	}
	type callback struct {
		fn   ndis.Func
		addr uint64
	}
	var found []callback
	read := func(base uint64, off int, fn ndis.Func) error {
		v, err := m.pointer(base + uint64(off))
		if err != nil {
			return fmt.Errorf("the table at %#x cannot be read: %w", base, err)
		}
		if v != 0 {
			found = append(found, callback{fn, v})
		}
		return nil
	}
	label := ""
	switch fn := s.funcs[0]; fn {
	case ndis.NdisRegisterProtocolDriver:
		if args[1] == 0 {
			return nil
		}
		for _, h := range protocolHandlers {
			if err := read(args[1], l["NDIS_PROTOCOL_DRIVER_CHARACTERISTICS."+h.field].off, h.fn); err != nil {
				return err
			}
		}
		label = m.text(args[1] + uint64(l["NDIS_PROTOCOL_DRIVER_CHARACTERISTICS.Name"].off))
	case ndis.NdisMRegisterMiniportDriver:
		if args[3] == 0 {
			return nil
		}
		for _, h := range miniportHandlers {
			if err := read(args[3], l["NDIS_MINIPORT_DRIVER_CHARACTERISTICS."+h.field].off, h.fn); err != nil {
				return err
			}
		}
		if path := m.text(args[1]); path != "" {
			label = path[strings.LastIndexByte(path, '\\')+1:]
		}
	case ndis.NdisSetOptionalHandlers:
		var head [4]byte
		if args[1] == 0 {
			return nil
		}
		if _, err := f.ReadAt(head[:], int64(args[1])); err != nil {
			return err
		}
		from := handlersFrom(l)
		for i := range ndis.HandlerSets {
			set := &ndis.HandlerSets[i]
			if set.ObjectType != head[0] {
				continue
			}
			for k := range set.Slots {
				err := read(args[1], from+8*k, set.Slots[k].Func)
				if err != nil && k+1 < len(set.Slots) {
					return err
				}
			}
		}
		label = t.drivers[tid]
	case ndis.NdisCmRegisterAddressFamily, ndis.NdisMCmRegisterAddressFamily, ndis.NdisClOpenAddressFamily:
		base, slots := args[2], managerHandlers5
		if fn == ndis.NdisClOpenAddressFamily {
			base, slots = args[3], clientHandlers5
		}
		if base == 0 {
			return nil
		}
		for k, h := range slots {
			if err := read(base, 8+8*k, h); err != nil {
				return err
			}
		}
	}
	// Which file each is in.
	byObject := map[*object][]target{}
	paths := map[*object]string{}
	for _, cb := range found {
		known := false
		for i := range p.modules {
			mod := &p.modules[i]
			if cb.addr < mod.low || cb.addr >= mod.high {
				continue
			}
			known = true
			byObject[mod.obj] = append(byObject[mod.obj], target{cb.fn, cb.addr - mod.bias})
			if where, ok := t.pathOf(p, mod); ok {
				paths[mod.obj] = where
			}
			if label == "" && s.funcs[0] == ndis.NdisSetOptionalHandlers {
				label = t.c.labelOfUnit(p.tgid, mod.obj, cb.addr-mod.bias)
			}
			if label == "" {
				label = baseOf(mod.obj.path)
				if addr := cb.addr - mod.bias; mod.obj.isNDIS { // all in one file
					if name := mod.obj.named[mod.obj.unitOf(addr)]; name != "" {
						label = baseOf(name)
					} else if sym := mod.obj.symbolAt(addr); sym != nil {
						label = sym.name
					}
				}
			}
		}
		if !known {
			t.c.warn("%v at %#x is not in a file that process %d has mapped, and not captured", cb.fn, cb.addr, p.tgid)
		}
	}
	switch s.funcs[0] {
	case ndis.NdisRegisterProtocolDriver, ndis.NdisMRegisterMiniportDriver:
		t.drivers[tid] = label
	}
	for o, targets := range byObject {
		if err := t.c.probe(o, paths[o], targets); err != nil {
			return err
		}
		t.c.own(p.tgid, o, targets, label)
	}
	return nil
}

// baseOf is the name of a file without its folder and extension.
func baseOf(path string) string { return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)) }

// pathOf is where the kernel finds the file of a module.
func (t *tracer) pathOf(p *process, m *module) (string, bool) {
	for _, try := range []string{m.obj.path, fmt.Sprintf("/proc/%d/root%s", p.tgid, m.obj.path), fmt.Sprintf("/proc/%d/map_files/%x-%x", p.tgid, m.low, m.high)} {
		if id, err := idOf(try); err == nil && t.c.objects[id] == m.obj {
			return try, true
		}
	}
	return "", false
}

// own notes whose callbacks are.
func (c *Capture) own(tgid int, o *object, targets []target, label string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state++
	set := func(k labelKey) {
		if old, ok := c.labels[k]; ok && old != label {
			c.labels[k] = conflicting
			return
		}
		c.labels[k] = label
	}
	for _, t := range targets {
		if s := c.bySite[siteKey{o, t.addr}]; s != nil {
			set(labelKey{tgid: tgid, site: s.index})
		}
		if u := o.unitOf(t.addr); u != 0 {
			set(labelKey{tgid: tgid, site: -1, obj: o, unit: u})
		}
	}
	set(labelKey{tgid: tgid, site: -1, obj: o, unit: -1})
}

// labelOfUnit is the driver whose callbacks were compiled with the code at an address.
func (c *Capture) labelOfUnit(tgid int, o *object, addr uint64) string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	label := c.label(labelKey{tgid: tgid, site: -1, obj: o, unit: o.unitOf(addr)})
	if label == "" && !o.isNDIS {
		label = c.label(labelKey{tgid: tgid, site: -1, obj: o, unit: -1})
	}
	return label
}
