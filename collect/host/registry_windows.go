package host

import (
	"errors"
	"fmt"

	"golang.org/x/sys/windows/registry"
)

// LocalMachine is HKEY_LOCAL_MACHINE.
func LocalMachine() Registry { return hive{registry.LOCAL_MACHINE} }

type hive struct{ root registry.Key }

func (h hive) Values(path string) (map[string]any, error) {
	k, err := registry.OpenKey(h.root, path, registry.QUERY_VALUE)
	if err != nil {
		return nil, keyError(path, err)
	}
	defer k.Close()
	names, err := k.ReadValueNames(0)
	if err != nil {
		return nil, keyError(path, err)
	}
	values := map[string]any{}
	for _, name := range names {
		_, typ, err := k.GetValue(name, nil)
		if err != nil {
			continue
		}
		switch typ {
		case registry.SZ, registry.EXPAND_SZ:
			if s, _, err := k.GetStringValue(name); err == nil {
				values[name] = s
			}
		case registry.DWORD, registry.QWORD:
			if n, _, err := k.GetIntegerValue(name); err == nil {
				if typ == registry.DWORD {
					values[name] = uint32(n)
				} else {
					values[name] = n
				}
			}
		}
	}
	return values, nil
}

func (h hive) Keys(path string) ([]string, error) {
	k, err := registry.OpenKey(h.root, path, registry.ENUMERATE_SUB_KEYS)
	if err != nil {
		return nil, keyError(path, err)
	}
	defer k.Close()
	names, err := k.ReadSubKeyNames(0)
	return names, keyError(path, err)
}

func (h hive) Set(path, name string, value any) error {
	k, _, err := registry.CreateKey(h.root, path, registry.SET_VALUE)
	if err != nil {
		return keyError(path, err)
	}
	defer k.Close()
	switch v := value.(type) {
	case string:
		err = k.SetStringValue(name, v)
	case uint32:
		err = k.SetDWordValue(name, v)
	case uint64:
		err = k.SetQWordValue(name, v)
	default:
		err = fmt.Errorf("%T has no form in the registry", value)
	}
	return keyError(path, err)
}

func (h hive) Unset(path, name string) error {
	k, err := registry.OpenKey(h.root, path, registry.SET_VALUE)
	if err != nil {
		return keyError(path, err)
	}
	defer k.Close()
	if err := k.DeleteValue(name); err != nil && !errors.Is(err, registry.ErrNotExist) {
		return keyError(path, err)
	}
	return nil
}

func (h hive) Delete(path string) error {
	names, err := h.Keys(path)
	if missingKey(err) {
		return nil
	} else if err != nil {
		return err
	}
	for _, name := range names {
		if err := h.Delete(path + `\` + name); err != nil {
			return err
		}
	}
	return keyError(path, registry.DeleteKey(h.root, path))
}

// keyError names the key. What does not exist stays fs.ErrNotExist.
func keyError(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, registry.ErrNotExist):
		return fmt.Errorf("registry key %s: %w", path, err)
	}
	return errno("registry key", path, err)
}
