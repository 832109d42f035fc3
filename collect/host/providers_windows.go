package host

import (
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/aftrace/aftrace/collect/etl"
)

// ProviderInstances asks the system for the instances of a provider.
func ProviderInstances(g etl.GUID) (int, []Enabled, error) {
	const queryInfo = 1 // TraceGuidQueryInfo
	guid := windowsGUID(g)
	b := make([]byte, 4096)
	for {
		var n uint32
		code := call(procEnumerateGuidEx, queryInfo, uintptr(unsafe.Pointer(&guid)), unsafe.Sizeof(guid), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), uintptr(unsafe.Pointer(&n)))
		switch {
		case code == 0:
			count, list := parseInstances(b[:min(int(n), len(b))])
			name := loggerNames()
			for i := range list {
				list[i].Session = name[list[i].Logger]
			}
			return count, list, nil
		case code == uint32(windows.ERROR_INSUFFICIENT_BUFFER) && len(b) < 16<<20:
			b = make([]byte, max(int(n), 2*len(b)))
		case code == uint32(windows.ERROR_NOT_FOUND), code == codeFileNotFound, code == codeInstanceNotFound,
			code == uint32(windows.ERROR_WMI_GUID_NOT_FOUND):
			return 0, nil, nil
		default:
			return 0, nil, callError("EnumerateTraceGuidsEx", g.String(), code)
		}
	}
}

// loggerNames are the names of sessions by their number, as far as they can be listed. The
// number is the lower half of a session's handle.
func loggerNames() map[uint16]string {
	names := map[uint16]string{}
	list, err := Sessions().List()
	if err != nil {
		return names
	}
	for _, s := range list {
		names[uint16(s.Handle)] = s.Name
	}
	return names
}
