//go:build !windows

package host

import "github.com/aftrace/aftrace/collect/etl"

// ProviderInstances fails: this system has no ETW.
func ProviderInstances(etl.GUID) (int, []Enabled, error) { return 0, nil, noSystem() }
