package host

import (
	"errors"
	"io/fs"
)

// Registry is the part of a registry hive that is used here. Keys are paths with backslashes
// below the root of the hive; letter case does not count. Values are string, uint32 (DWORD)
// and uint64 (QWORD); others are not seen.
type Registry interface {
	// Values returns the values of a key; the error wraps fs.ErrNotExist if there is none.
	Values(key string) (map[string]any, error)
	// Keys returns the names of the keys right below a key.
	Keys(key string) ([]string, error)
	// Set makes a key, if it is not there, and sets a value of it.
	Set(key, name string, value any) error
	// Unset removes a value of a key; one that is not there is no error.
	Unset(key, name string) error
	// Delete removes a key with all below it; one that is not there is no error.
	Delete(key string) error
}

func missingKey(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func number(v any) (uint64, bool) {
	switch v := v.(type) {
	case uint32:
		return uint64(v), true
	case uint64:
		return v, true
	}
	return 0, false
}
