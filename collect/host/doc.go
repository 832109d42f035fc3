// Package host is what surrounds a capture on a host: trace sessions and their control, the
// boot-time session in the registry, the service, what the host can do and why not.
//
// Session control is our own thin layer over StartTraceW, ControlTraceW, EnableTraceEx2 and
// QueryAllTracesW. What the system does is behind small interfaces (Control, Registry), so
// that the logic above them is one on every system; Sessions and LocalMachine return the real
// ones, which outside of Windows fail with ErrSystem.
package host

import (
	"errors"
	"fmt"
)

// Kinds of failure. Each decides about the exit code of a command; the text of an error that
// wraps one says what to do.
var (
	ErrSystem    = errors.New("not possible on this system")
	ErrPrivilege = errors.New("privilege is missing")
	ErrExists    = errors.New("session exists")
	ErrNotFound  = errors.New("no such session")
	ErrSlots     = errors.New("no session can be started")
	ErrDisk      = errors.New("disk full")
	ErrPath      = errors.New("file cannot be written")
	ErrUsage     = errors.New("not possible as asked")
)

// Numbers of errors that session control returns (winerror.h).
const (
	codeFileNotFound     = 2
	codePathNotFound     = 3
	codeAccessDenied     = 5
	codeNotSupported     = 50
	codeDiskFull         = 112
	codeInvalidParameter = 87
	codeInvalidName      = 123
	codeBadPathname      = 161
	codeAlreadyExists    = 183
	codeMoreData         = 234
	codeNoResources      = 1450
	codeInstanceNotFound = 4201 // ERROR_WMI_INSTANCE_NOT_FOUND
	codeSharing          = 32
	codePrivilege        = 1314 // ERROR_PRIVILEGE_NOT_HELD
	codeServiceExists    = 1073
	codeServiceMissing   = 1060
)

// A CallError is a call of the system that failed.
type CallError struct {
	Call   string // name of the function
	Object string // what it was about: a session, a file, a key
	Code   uint32 // of winerror.h
}

// Error says what failed and, where that is known, what to do.
func (e *CallError) Error() string {
	s := e.Call
	if e.Object != "" {
		s += " " + e.Object
	}
	s += fmt.Sprintf(": error %d", e.Code)
	if text := e.advice(); text != "" {
		s += ": " + text
	}
	return s
}

func (e *CallError) advice() string {
	switch e.Code {
	case codeAccessDenied, codePrivilege:
		return "access denied: run from an elevated prompt, or as a member of Performance Log Users"
	case codeAlreadyExists:
		return fmt.Sprintf("the session is there already, maybe left by a capture that crashed: 'aftrace session adopt %s' reads its statistics and stops it, --session takes another name", e.Object)
	case codeInstanceNotFound:
		return "no session of this name: 'aftrace session list --all' shows those that run"
	case codeNoResources:
		if e.Call == "EnableTraceEx2" {
			return "as many sessions as can be have the provider enabled, eight as a rule: 'aftrace providers' shows them, stop one"
		}
		return "all session slots or all memory for buffers are in use: 'aftrace session list --all' shows the sessions; stop one, or take fewer and smaller buffers"
	case codeDiskFull:
		return "the disk is full"
	case codeFileNotFound, codePathNotFound:
		return "no such folder"
	case codeInvalidName, codeBadPathname:
		return "not a file name that can be used"
	case codeSharing:
		return "another process has the file open"
	case codeInvalidParameter:
		return "a parameter is not accepted"
	case codeNotSupported:
		return "not supported by this system"
	case codeServiceExists:
		return "the service is installed already"
	case codeServiceMissing:
		return "the service is not installed"
	}
	return ""
}

// Unwrap gives the kind of the failure.
func (e *CallError) Unwrap() error {
	switch e.Code {
	case codeAccessDenied, codePrivilege:
		return ErrPrivilege
	case codeAlreadyExists:
		return ErrExists
	case codeInstanceNotFound:
		return ErrNotFound
	case codeNoResources:
		return ErrSlots
	case codeDiskFull:
		return ErrDisk
	case codeFileNotFound, codePathNotFound, codeInvalidName, codeBadPathname, codeSharing:
		return ErrPath
	case codeNotSupported:
		return ErrSystem
	}
	return nil
}

// failure is an error of a kind that has its own text.
type failure struct {
	kind error
	text string
}

func fail(kind error, format string, args ...any) error {
	return &failure{kind, fmt.Sprintf(format, args...)}
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.kind }
