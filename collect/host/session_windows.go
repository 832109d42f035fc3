package host

import (
	"encoding/binary"
	"errors"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/aftrace/aftrace/collect/etl"
)

var (
	advapi32            = windows.NewLazySystemDLL("advapi32.dll")
	procStartTrace      = advapi32.NewProc("StartTraceW")
	procControlTrace    = advapi32.NewProc("ControlTraceW")
	procEnableTraceEx2  = advapi32.NewProc("EnableTraceEx2")
	procQueryAllTraces  = advapi32.NewProc("QueryAllTracesW")
	procEnumerateGuidEx = advapi32.NewProc("EnumerateTraceGuidsEx")
)

// control is the session control of Windows.
type control struct{}

// Sessions is the session control of this system.
func Sessions() Control { return control{} }

// call calls a function that returns an error number. What its arguments point to stays in
// place until it returns.
//
//go:uintptrescapes
func call(p *windows.LazyProc, args ...uintptr) uint32 {
	if err := p.Find(); err != nil {
		return codeNotSupported
	}
	r, _, _ := p.Call(args...)
	return uint32(r)
}

func callError(name, object string, code uint32) error {
	if code == 0 {
		return nil
	}
	return &CallError{Call: name, Object: object, Code: code}
}

func (control) Start(s Settings) (Session, error) {
	if err := s.check(); err != nil {
		return Session{}, err
	}
	name, err := windows.UTF16PtrFromString(s.Name)
	if err != nil {
		return Session{}, fail(ErrUsage, "session name %q: %v", s.Name, err)
	}
	b := s.properties()
	var handle uint64
	code := call(procStartTrace, uintptr(unsafe.Pointer(&handle)), uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(&b[0])))
	if code != 0 {
		object := s.Name
		if s.File != "" && code != codeAlreadyExists && code != codeNoResources {
			object = s.File
		}
		return Session{}, callError("StartTraceW", object, code)
	}
	started := parseSession(b)
	started.Name, started.Handle = s.Name, handle
	return started, nil
}

// control does what a code of ControlTraceW says, with the session of a name.
func (control) control(s Settings, b []byte, code uintptr) (Session, error) {
	name, err := windows.UTF16PtrFromString(s.Name)
	if err != nil {
		return Session{}, fail(ErrUsage, "session name %q: %v", s.Name, err)
	}
	switch r := call(procControlTrace, 0, uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(&b[0])), code); r {
	case 0, codeMoreData: // the names did not fit; all else was done
	default:
		return Session{}, callError("ControlTraceW", s.Name, r)
	}
	got := parseSession(b)
	if code == controlQuery || code == controlStop {
		// Every session has buffers. Wine says that all is well and tells nothing.
		if got.BufferKB == 0 {
			return Session{}, callError("ControlTraceW", s.Name, codeNotSupported)
		}
	}
	if got.Name == "" {
		got.Name = s.Name
	}
	return got, nil
}

func (c control) Query(name string) (Session, error) {
	return c.control(Settings{Name: name}, emptyProperties(), controlQuery)
}

func (c control) Stop(name string) (Session, error) {
	return c.control(Settings{Name: name}, emptyProperties(), controlStop)
}

func (c control) Flush(name string) error {
	_, err := c.control(Settings{Name: name}, emptyProperties(), controlFlush)
	return err
}

func (c control) Update(s Settings) (Session, error) {
	if err := s.check(); err != nil {
		return Session{}, err
	}
	s.File = "" // a name here would begin a new file
	return c.control(s, s.properties(), controlUpdate)
}

func (control) List() ([]Session, error) {
	// 64 is what QueryAllTracesW knew for long; the system may have more.
	for n := 64; ; n *= 2 {
		all := make([]byte, n*propBytes)
		pointers := make([]*byte, n)
		for i := range pointers {
			copy(all[i*propBytes:], emptyProperties())
			pointers[i] = &all[i*propBytes]
		}
		var count uint32
		code := call(procQueryAllTraces, uintptr(unsafe.Pointer(&pointers[0])), uintptr(n), uintptr(unsafe.Pointer(&count)))
		if code == codeMoreData && n < 4096 {
			continue
		}
		if code != 0 && code != codeMoreData {
			return nil, callError("QueryAllTracesW", "", code)
		}
		list := make([]Session, min(int(count), n))
		for i := range list {
			list[i] = parseSession(all[i*propBytes : (i+1)*propBytes])
		}
		return list, nil
	}
}

func (control) Enable(s Session, p Provider) error {
	if err := enable(s, p, enableOn); err != nil {
		return err
	}
	if p.Rundown {
		// Of use where the provider answers, and no reason to fail where it does not.
		_ = enable(s, p, enableCaptureState)
	}
	return nil
}

func (control) Disable(s Session, p Provider) error {
	err := enable(s, p, enableOff)
	var e *CallError
	if errors.As(err, &e) && e.Code == uint32(windows.ERROR_NOT_FOUND) {
		return nil
	}
	return err
}

func enable(s Session, p Provider, code uintptr) error {
	params := enableParameters{Version: 2}
	level, keywords := uintptr(p.Level), uintptr(p.Keywords)
	if code != enableOn {
		level, keywords = 0, 0
	}
	guid := windowsGUID(p.GUID)
	r := call(procEnableTraceEx2, uintptr(s.Handle), uintptr(unsafe.Pointer(&guid)), code, level, keywords, 0, 0, uintptr(unsafe.Pointer(&params)))
	return callError("EnableTraceEx2", p.GUID.String(), r)
}

// windowsGUID is the same GUID: both have it in memory order.
func windowsGUID(g etl.GUID) windows.GUID { return *(*windows.GUID)(unsafe.Pointer(&g)) }

// errno makes a CallError of an error of the system, and leaves others.
func errno(call, object string, err error) error {
	var n syscall.Errno
	if errors.As(err, &n) {
		return &CallError{Call: call, Object: object, Code: uint32(n)}
	}
	return err
}

// emptyProperties asks for nothing and has room for both names, for queries.
func emptyProperties() []byte {
	b := make([]byte, propBytes)
	binary.LittleEndian.PutUint32(b[propWnodeSize:], propBytes)
	binary.LittleEndian.PutUint32(b[propWnodeFlags:], tracedGUID)
	binary.LittleEndian.PutUint32(b[propNameOffset:], propSize)
	binary.LittleEndian.PutUint32(b[propFileOffset:], propSize+nameBytes)
	return b
}

// Codes of EnableTraceEx2 and ControlTraceW (evntrace.h, evntprov.h).
const (
	controlQuery  = 0
	controlStop   = 1
	controlUpdate = 2
	controlFlush  = 3

	enableOff          = 0 // EVENT_CONTROL_CODE_DISABLE_PROVIDER
	enableOn           = 1
	enableCaptureState = 2
)
