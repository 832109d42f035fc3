package etw

import (
	"fmt"
	"math"
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

// linear is a clock that counts freq ticks a second and stood at ticks when it was ns.
func linear(ticks, ns, freq int64) func(int64) int64 {
	if freq <= 0 {
		return nil
	}
	return func(t int64) int64 {
		d := t - ticks
		whole, part := d/freq, d%freq
		if whole > math.MaxInt64/2_000_000_000 || whole < math.MinInt64/2_000_000_000 {
			return ns
		}
		return ns + whole*1e9 + int64(float64(part)*1e9/float64(freq))
	}
}
