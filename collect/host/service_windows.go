package host

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"
)

const stopWait = 30 * time.Second

// services calls f with the service manager, asked for no more access than f needs.
func services(access uint32, f func(*mgr.Mgr) error) error {
	h, err := windows.OpenSCManager(nil, nil, access)
	if err != nil {
		return errno("OpenSCManager", "", err)
	}
	m := &mgr.Mgr{Handle: h}
	defer m.Disconnect()
	return f(m)
}

// service opens our service; the error wraps ErrNotFound if it is not installed.
func service(m *mgr.Mgr, access uint32) (*mgr.Service, error) {
	name, err := windows.UTF16PtrFromString(ServiceName)
	if err != nil {
		return nil, err
	}
	h, err := windows.OpenService(m.Handle, name, access)
	switch {
	case errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST):
		return nil, fail(ErrNotFound, "the service %s is not installed: 'aftrace service install'", ServiceName)
	case err != nil:
		return nil, errno("OpenService", ServiceName, err)
	}
	return &mgr.Service{Name: ServiceName, Handle: h}, nil
}

// InstallService installs the service, or changes it if it is installed otherwise.
func InstallService(o ServiceOptions) (changed bool, err error) {
	start := uint32(mgr.StartManual)
	if o.Automatic {
		start = mgr.StartAutomatic
	}
	command := CommandLine(append([]string{o.Exe}, o.Args...))
	c := mgr.Config{
		ServiceType: windows.SERVICE_WIN32_OWN_PROCESS, StartType: start, ErrorControl: mgr.ErrorNormal, BinaryPathName: command,
		DisplayName: "aftrace", Description: "Keeps a ring of what happened to CoNDIS address families.",
	}
	err = services(windows.SC_MANAGER_CREATE_SERVICE|windows.SC_MANAGER_CONNECT, func(m *mgr.Mgr) error {
		s, err := service(m, windows.SERVICE_QUERY_CONFIG|windows.SERVICE_CHANGE_CONFIG)
		if errors.Is(err, ErrNotFound) {
			changed = true
			if s, err = m.CreateService(ServiceName, o.Exe, c, o.Args...); err != nil {
				return errno("CreateService", ServiceName, err)
			}
			return s.Close()
		} else if err != nil {
			return err
		}
		defer s.Close()
		haveStart, haveCommand, err := serviceConfig(s)
		if err != nil {
			return err
		}
		if haveCommand == command && haveStart == start {
			return nil
		}
		changed = true
		p, err := windows.UTF16PtrFromString(command)
		if err != nil {
			return fail(ErrUsage, "the command line of the service: %v", err)
		}
		const same = windows.SERVICE_NO_CHANGE
		return errno("ChangeServiceConfig", ServiceName, windows.ChangeServiceConfig(s.Handle, same, start, same, p, nil, nil, nil, nil, nil, nil))
	})
	return changed, err
}

// RemoveService stops and removes the service; removed is false if it is not installed.
func RemoveService() (removed bool, err error) {
	err = services(windows.SC_MANAGER_CONNECT, func(m *mgr.Mgr) error {
		s, err := service(m, windows.SERVICE_QUERY_STATUS|windows.SERVICE_STOP|windows.DELETE)
		if errors.Is(err, ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		defer s.Close()
		if err := stop(s); err != nil {
			return err
		}
		removed = true
		return errno("DeleteService", ServiceName, s.Delete())
	})
	return removed, err
}

// stop stops a service, if it runs, and waits.
func stop(s *mgr.Service) error {
	st, err := s.Control(svc.Stop)
	if errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) {
		return nil
	} else if err != nil {
		return errno("ControlService", ServiceName, err)
	}
	for end := time.Now().Add(stopWait); st.State != svc.Stopped; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("service %s does not stop", ServiceName)
		}
		if st, err = s.Query(); err != nil {
			return errno("QueryServiceStatus", ServiceName, err)
		}
	}
	return nil
}

// Service says what there is of the service.
func Service() (ServiceStatus, error) {
	var st ServiceStatus
	err := services(windows.SC_MANAGER_CONNECT, func(m *mgr.Mgr) error {
		s, err := service(m, windows.SERVICE_QUERY_STATUS|windows.SERVICE_QUERY_CONFIG)
		if errors.Is(err, ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		defer s.Close()
		start, command, err := serviceConfig(s)
		if err != nil {
			return err
		}
		q, err := s.Query()
		if err != nil {
			return errno("QueryServiceStatus", ServiceName, err)
		}
		st = ServiceStatus{
			Installed: true, State: serviceState(uint32(q.State)), Automatic: start == mgr.StartAutomatic,
			Command: command, PID: q.ProcessId, ExitCode: q.Win32ExitCode,
		}
		if q.ServiceSpecificExitCode != 0 {
			st.ExitCode = q.ServiceSpecificExitCode
		}
		if q.Win32ExitCode == uint32(windows.ERROR_SERVICE_NEVER_STARTED) {
			st.ExitCode = 0
		}
		return nil
	})
	return st, err
}

// serviceConfig is how and with what command line a service starts. Service.Config asks for
// more, which not every system answers.
func serviceConfig(s *mgr.Service) (start uint32, command string, err error) {
	n := uint32(1024)
	for {
		b := make([]byte, n)
		c := (*windows.QUERY_SERVICE_CONFIG)(unsafe.Pointer(&b[0]))
		err := windows.QueryServiceConfig(s.Handle, c, n, &n)
		if errors.Is(err, windows.ERROR_INSUFFICIENT_BUFFER) && int(n) > len(b) && n <= 1<<20 {
			continue
		} else if err != nil {
			return 0, "", errno("QueryServiceConfig", ServiceName, err)
		}
		return c.StartType, windows.UTF16PtrToString(c.BinaryPathName), nil
	}
}

// StartService starts the service.
func StartService() error {
	return services(windows.SC_MANAGER_CONNECT, func(m *mgr.Mgr) error {
		s, err := service(m, windows.SERVICE_START)
		if err != nil {
			return err
		}
		defer s.Close()
		if err := s.Start(); err != nil && !errors.Is(err, windows.ERROR_SERVICE_ALREADY_RUNNING) {
			return errno("StartService", ServiceName, err)
		}
		return nil
	})
}

// StopService stops the service, which finishes its trace.
func StopService() error {
	return services(windows.SC_MANAGER_CONNECT, func(m *mgr.Mgr) error {
		s, err := service(m, windows.SERVICE_QUERY_STATUS|windows.SERVICE_STOP)
		if err != nil {
			return err
		}
		defer s.Close()
		return stop(s)
	})
}

// DumpService makes the service put its ring aside.
func DumpService() error {
	return services(windows.SC_MANAGER_CONNECT, func(m *mgr.Mgr) error {
		s, err := service(m, windows.SERVICE_USER_DEFINED_CONTROL)
		if err != nil {
			return err
		}
		defer s.Close()
		if _, err := s.Control(ServiceDump); errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) {
			return fail(ErrNotFound, "the service %s does not run: 'aftrace service start'", ServiceName)
		} else if err != nil {
			return errno("ControlService", ServiceName, err)
		}
		return nil
	})
}

// RunService is the service: it returns when the service has ended. The error wraps
// ErrSystem if the process was not started as a service.
func RunService(work ServiceWork) error {
	is, err := svc.IsWindowsService()
	if err != nil {
		return errno("IsWindowsService", "", err)
	}
	if !is {
		return fail(ErrSystem, "this was not started by the service manager: 'aftrace service install', then 'aftrace service start'; or run 'aftrace capture --ring'")
	}
	return svc.Run(ServiceName, &handler{work})
}

type handler struct{ work ServiceWork }

// Execute implements svc.Handler.
func (h *handler) Execute(_ []string, requests <-chan svc.ChangeRequest, status chan<- svc.Status) (bool, uint32) {
	stop, dump, ready, done := make(chan struct{}), make(chan time.Time, 1), make(chan struct{}, 1), make(chan uint32, 1)
	status <- svc.Status{State: svc.StartPending, WaitHint: 10000}
	go func() {
		done <- h.work(stop, dump, func() {
			select {
			case ready <- struct{}{}:
			default:
			}
		})
	}()
	const accepts = svc.AcceptStop | svc.AcceptShutdown
	now := svc.Status{State: svc.StartPending, WaitHint: 10000}
	stopping := false
	for {
		select {
		case code := <-done:
			status <- svc.Status{State: svc.StopPending}
			return code != 0, code
		case <-ready:
			if !stopping {
				now = svc.Status{State: svc.Running, Accepts: accepts}
				status <- now
			}
		case r := <-requests:
			switch r.Cmd {
			case svc.Interrogate:
				status <- now
			case svc.Stop, svc.Shutdown:
				if !stopping {
					stopping = true
					now = svc.Status{State: svc.StopPending, WaitHint: uint32(stopWait / time.Millisecond)}
					status <- now
					close(stop)
				}
			case ServiceDump:
				select {
				case dump <- time.Now():
				default: // one is asked for already
				}
				status <- now
			}
		}
	}
}

// serviceStates are the names of SERVICE_STATUS.dwCurrentState.
var serviceStates = []string{"unknown", "stopped", "starting", "stopping", "running", "continuing", "pausing", "paused"}

func serviceState(n uint32) string {
	if int(n) < len(serviceStates) {
		return serviceStates[n]
	}
	return serviceStates[0]
}
