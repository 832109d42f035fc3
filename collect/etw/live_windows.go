//go:build windows && cgo

package etw

import (
	"errors"
	"fmt"
	"reflect"
	"syscall"
	"unsafe"

	"github.com/bi-zone/etw"
	"golang.org/x/sys/windows"

	"github.com/aftrace/aftrace/collect/host"
)

// recordOffset is where etw.Event keeps its pointer to the EVENT_RECORD, which it does not
// export; there is no other way to the raw bytes.
var recordOffset, recordKnown = func() (uintptr, bool) {
	f, ok := reflect.TypeFor[etw.Event]().FieldByName("eventRecord")
	return f.Offset, ok && f.Type.Kind() == reflect.Pointer
}()

// liveSession is a session of the library, with control beside it.
type liveSession struct {
	name    string
	s       *etw.Session
	control host.Control
}

func start(name string, first host.Provider) (session, error) {
	if !recordKnown {
		return nil, fmt.Errorf("etw: %w: this build's ETW library does not give raw events", host.ErrSystem)
	}
	s, err := etw.NewSession(*(*windows.GUID)(unsafe.Pointer(&first.GUID)), options(name, first)...)
	var exists etw.ExistsError
	switch {
	case errors.As(err, &exists):
		return nil, &host.CallError{Call: "StartTraceW", Object: name, Code: uint32(windows.ERROR_ALREADY_EXISTS)}
	case err != nil:
		return nil, callError("StartTraceW", name, err)
	}
	l := &liveSession{name, s, host.Sessions()}
	// The library enables the first provider itself when events are read. Doing it now makes
	// an error show at once; its rundown is asked for here.
	if err := l.Enable(first); err != nil {
		_, stopErr := l.Stop()
		if errors.Is(stopErr, host.ErrSystem) {
			stopErr = nil // err says so too
		}
		return nil, errors.Join(err, stopErr)
	}
	return l, nil
}

func options(name string, p host.Provider) []etw.Option {
	return []etw.Option{etw.WithName(name), etw.WithLevel(etw.TraceLevel(p.Level)), etw.WithMatchKeywords(p.Keywords, 0)}
}

func callError(call, object string, err error) error {
	var n syscall.Errno
	if errors.As(err, &n) {
		return &host.CallError{Call: call, Object: object, Code: uint32(n)}
	}
	return fmt.Errorf("%s %s: %w", call, object, err)
}

func (l *liveSession) Process(deliver func(*eventRecord)) error {
	err := l.s.Process(func(e *etw.Event) {
		deliver(*(**eventRecord)(unsafe.Add(unsafe.Pointer(e), recordOffset)))
	})
	var n syscall.Errno
	switch {
	case err == nil:
		return nil
	case errors.As(err, &n) && n != 0:
		return callError("OpenTraceW or ProcessTrace", l.name, err)
	}
	// The library asks for the error too late to get it.
	return fmt.Errorf("%w: events of session %s cannot be read: OpenTraceW failed without an error number, as a rule because access is denied: run from an elevated prompt", host.ErrPrivilege, l.name)
}

func (l *liveSession) Enable(p host.Provider) error {
	s, err := l.control.Query(l.name)
	if err != nil {
		return err
	}
	return l.control.Enable(s, p)
}

func (l *liveSession) Query() (host.Session, error) { return l.control.Query(l.name) }

func (l *liveSession) Update(s host.Settings) error {
	_, err := l.control.Update(s)
	return err
}

// Stop stops the session by its name: only so are its last statistics told. The library,
// whose Close would only do that once more, returns from Process then.
func (l *liveSession) Stop() (host.Session, error) { return l.control.Stop(l.name) }
