//go:build linux && (amd64 || arm64)

package uprobe

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// Requirements tries what capturing needs on this system, for doctor and for messages. It
// changes nothing.
func Requirements() []Requirement {
	caps := capabilities()
	var list []Requirement
	add := func(name string, ok bool, have, do string) {
		list = append(list, Requirement{Name: name, OK: ok, Have: have, Do: do})
	}
	bpf := caps&(1<<unix.CAP_SYS_ADMIN) != 0 || caps&(1<<unix.CAP_BPF) != 0 && caps&(1<<unix.CAP_PERFMON) != 0
	have := fmt.Sprintf("effective capabilities %#x, user %d", caps, os.Geteuid())
	add("CAP_BPF and CAP_PERFMON", bpf, have, "run as root, or give aftrace CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE")
	add("CAP_SYS_PTRACE", caps&(1<<unix.CAP_SYS_PTRACE) != 0, have, "run as root, or give aftrace CAP_SYS_PTRACE; a container needs --cap-add SYS_PTRACE and a seccomp profile that lets ptrace through")
	if !bpf {
		return list
	}
	if err := rlimit.RemoveMemlock(); err != nil {
		add("locked memory", false, err.Error(), "raise RLIMIT_MEMLOCK or give aftrace CAP_SYS_RESOURCE")
	}
	release := "Linux"
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		release += " " + unix.ByteSliceToString(u.Release[:])
	}
	if b, err := os.ReadFile("/sys/kernel/security/lockdown"); err == nil {
		release += ", lockdown " + strings.TrimSpace(string(b))
	}
	check := func(name string, err error, do string) {
		text := release
		if err != nil {
			text += ": " + err.Error()
		}
		add(name, err == nil, text, do)
	}
	check("eBPF ring buffers", features.HaveMapType(ebpf.RingBuf), "use Linux 6.6 or later with CONFIG_BPF_SYSCALL; under lockdown, integrity or none")
	check("uprobe_multi links", features.HaveBPFLinkUprobeMulti(), "use Linux 6.6 or later with CONFIG_UPROBE_EVENTS")
	return list
}

func capabilities() uint64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "CapEff:"); ok {
			caps, _ := strconv.ParseUint(strings.TrimSpace(v), 16, 64)
			return caps
		}
	}
	return 0
}

// missing is the error of requirements that are not met, nil if all are.
func missing(list []Requirement) error {
	var errs []error
	for _, r := range list {
		if !r.OK {
			errs = append(errs, fmt.Errorf("%s is missing (%s): %s", r.Name, r.Have, r.Do))
		}
	}
	if errs == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrNotPossible, errors.Join(errs...))
}
