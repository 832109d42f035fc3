//go:build !windows

package host

import (
	"fmt"
	"runtime"
)

// Sessions is the session control of this system, which has none.
func Sessions() Control { return noControl{} }

func noSystem() error {
	return fmt.Errorf("%w: it needs Windows, this is %s", ErrSystem, runtime.GOOS)
}

type noControl struct{}

func (noControl) Start(Settings) (Session, error)  { return Session{}, noSystem() }
func (noControl) Query(string) (Session, error)    { return Session{}, noSystem() }
func (noControl) Update(Settings) (Session, error) { return Session{}, noSystem() }
func (noControl) Flush(string) error               { return noSystem() }
func (noControl) Stop(string) (Session, error)     { return Session{}, noSystem() }
func (noControl) List() ([]Session, error)         { return nil, noSystem() }
func (noControl) Enable(Session, Provider) error   { return noSystem() }
func (noControl) Disable(Session, Provider) error  { return noSystem() }
