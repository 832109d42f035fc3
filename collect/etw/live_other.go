//go:build !(windows && cgo)

package etw

import (
	"fmt"
	"runtime"

	"github.com/aftrace/aftrace/collect/host"
)

func start(string, host.Provider) (session, error) {
	if runtime.GOOS == "windows" {
		return nil, fmt.Errorf("live capture is %w: this program was built without cgo; 'aftrace capture --etl' works without", host.ErrSystem)
	}
	return nil, fmt.Errorf("live capture from ETW is %w: it needs Windows, this is %s; .etl recordings are converted here with 'aftrace convert'", host.ErrSystem, runtime.GOOS)
}
