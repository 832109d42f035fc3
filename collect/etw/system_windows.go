package etw

import (
	"fmt"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/aftrace/aftrace/format"
)

var (
	kernel32      = windows.NewLazySystemDLL("kernel32.dll")
	procFrequency = kernel32.NewProc("QueryPerformanceFrequency")
	procCounter   = kernel32.NewProc("QueryPerformanceCounter")
)

func performance(p *windows.LazyProc) (n int64) {
	if p.Find() == nil {
		_, _, _ = p.Call(uintptr(unsafe.Pointer(&n)))
	}
	return n
}

// counterClock converts ticks of the performance counter; nil if that is not possible.
func counterClock() func(int64) int64 {
	freq := performance(procFrequency)
	return linear(performance(procCounter), time.Now().UnixNano(), freq)
}

// system says what is known of the host.
func system(md format.Metadata) {
	md[format.MetaOS] = fmt.Sprintf("Windows build %d", windows.RtlGetVersion().BuildNumber)
	if freq := performance(procFrequency); freq > 0 {
		md[format.MetaTickFrequency] = strconv.FormatInt(freq, 10)
	}
	// SYSTEM_TIMEOFDAY_INFORMATION begins with the boot time, a FILETIME, which is what the
	// header of an .etl file has too.
	var info [6]int64
	var n uint32
	if err := windows.NtQuerySystemInformation(windows.SystemTimeOfDayInformation, unsafe.Pointer(&info), uint32(unsafe.Sizeof(info)), &n); err == nil && info[0] > fileTimeEpoch {
		ft := info[0] - fileTimeEpoch
		md[format.MetaBootID] = format.FormatTime(time.Unix(ft/1e7, ft%1e7*100))
	}
}
