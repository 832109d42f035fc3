//go:build !windows

package host

// InstallService fails: services of this kind are on Windows.
func InstallService(ServiceOptions) (changed bool, err error) { return false, noSystem() }

// RemoveService fails.
func RemoveService() (removed bool, err error) { return false, noSystem() }

// Service fails.
func Service() (ServiceStatus, error) { return ServiceStatus{}, noSystem() }

// StartService fails.
func StartService() error { return noSystem() }

// StopService fails.
func StopService() error { return noSystem() }

// DumpService fails.
func DumpService() error { return noSystem() }

// RunService fails.
func RunService(ServiceWork) error { return noSystem() }
