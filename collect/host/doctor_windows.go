package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Diagnose says what this host can do, and why not. It changes nothing, and takes a few
// seconds at most.
func Diagnose(ctx context.Context) *Diagnosis {
	v := windows.RtlGetVersion()
	f := facts{
		major: v.MajorVersion, minor: v.MinorVersion, build: v.BuildNumber, server: v.ProductType != 1,
		amd64: runtime.GOARCH == "amd64", cgo: liveBuild, wine: wineVersion(),
	}
	f.elevated = windows.GetCurrentProcessToken().IsElevated()
	f.logUsers, f.elevatedErr = performanceLogUser()
	if f.elevated {
		f.elevatedErr = nil
	}
	r := LocalMachine()
	if v, err := r.Values(`SYSTEM\CurrentControlSet\Control\WMI`); err == nil {
		n, _ := number(v["EtwMaxLoggers"])
		f.maxSessions = uint32(n)
	}
	f.sessions, f.sessionsErr = Sessions().List()
	for _, s := range f.sessions {
		if Ours(s.Name) {
			f.left = append(f.left, s.Name)
		}
	}
	f.dtraceExe = findDTrace()
	f.dtraceOn, f.dtraceErr = dtraceSwitch(ctx)
	f.vbs, f.vbsErr = vbsConfigured(r)
	f.dir, f.freeErr = os.Getwd()
	if f.freeErr == nil {
		f.free, f.freeErr = FreeBytes(f.dir)
	}
	return f.diagnose()
}

// FreeBytes is how much this user may still write to the disk of a folder.
func FreeBytes(dir string) (uint64, error) {
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(p, &free, nil, nil); err != nil {
		return 0, errno("GetDiskFreeSpaceEx", dir, err)
	}
	return free, nil
}

func performanceLogUser() (bool, error) {
	sid, err := windows.CreateWellKnownSid(windows.WinBuiltinPerfLoggingUsersSid)
	if err != nil {
		return false, errno("CreateWellKnownSid", "Performance Log Users", err)
	}
	member, err := windows.Token(0).IsMember(sid)
	return member, errno("CheckTokenMembership", "Performance Log Users", err)
}

func findDTrace() string {
	if path, err := exec.LookPath("dtrace.exe"); err == nil {
		return path
	}
	for _, root := range []string{os.Getenv("ProgramFiles"), os.Getenv("ProgramW6432")} {
		if root == "" {
			continue
		}
		path := filepath.Join(root, "DTrace", "dtrace.exe")
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

func dtraceSwitch(ctx context.Context) (State, error) {
	dir, err := windows.GetSystemDirectory()
	if err != nil {
		return Unknown, errno("GetSystemDirectory", "", err)
	}
	tool := filepath.Join(dir, "bcdedit.exe")
	if _, err := os.Stat(tool); err != nil {
		return Unknown, errors.New("bcdedit.exe not found")
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, tool, "/enum", "{current}").Output()
	if err != nil {
		return Unknown, fmt.Errorf("bcdedit: %w (it needs an elevated prompt)", err)
	}
	return bcdSwitch(string(out), "dtrace"), nil
}

// wineVersion is that of Wine, "" on Windows.
func wineVersion() string {
	p := windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version")
	if p.Find() != nil {
		return ""
	}
	r, _, _ := p.Call()
	if r == 0 {
		return "unknown"
	}
	return windows.BytePtrToString(*(**byte)(unsafe.Pointer(&r)))
}
