//go:build !windows

package host

// LocalMachine is the registry of this system, which has none.
func LocalMachine() Registry { return noRegistry{} }

type noRegistry struct{}

func (noRegistry) Values(string) (map[string]any, error) { return nil, noSystem() }
func (noRegistry) Keys(string) ([]string, error)         { return nil, noSystem() }
func (noRegistry) Set(string, string, any) error         { return noSystem() }
func (noRegistry) Unset(string, string) error            { return noSystem() }
func (noRegistry) Delete(string) error                   { return noSystem() }
