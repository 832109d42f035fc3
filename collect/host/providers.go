package host

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/aftrace/aftrace/collect/etl"
)

// ProviderStatus is what a host has of a provider.
type ProviderStatus struct {
	Name     string   `json:"name"`
	GUID     string   `json:"guid"`
	About    string   `json:"about,omitempty"` // what we know it for
	Keywords string   `json:"keywords"`        // of our profiles, hexadecimal
	Level    uint8    `json:"level"`
	Profiles []string `json:"profiles"`

	// Asked says that the host was asked for what follows.
	Asked     bool      `json:"asked"`
	Manifest  bool      `json:"manifest"`  // its manifest is registered
	Instances int       `json:"instances"` // how many of it are there now: drivers and processes
	Enabled   []Enabled `json:"enabled"`   // by which sessions
}

// Enabled is a session that has enabled a provider.
type Enabled struct {
	Session  string `json:"session"` // "" if its name is not known
	Logger   uint16 `json:"logger"`
	Level    uint8  `json:"level"`
	Keywords string `json:"keywords"`
}

// publishers is where the manifests that are registered are listed.
const publishers = `SOFTWARE\Microsoft\Windows\CurrentVersion\WINEVT\Publishers`

// Instances is what the system tells of a provider (EnumerateTraceGuidsEx): how many there
// are and who enabled it.
type Instances func(etl.GUID) (count int, enabled []Enabled, err error)

// Providers says of the known providers, and of further ones, what this host has of them. On
// systems without ETW only what is known is said. The error of what a host does not tell is
// ErrPrivilege or a CallError.
func Providers(r Registry, instances Instances, more []Provider) ([]ProviderStatus, error) {
	var list []ProviderStatus
	all := slices.Clone(Known)
	for _, p := range more {
		if !slices.ContainsFunc(all, func(k KnownProvider) bool { return k.GUID == p.GUID }) {
			all = append(all, KnownProvider{Provider: p})
		}
	}
	for _, k := range all {
		s := ProviderStatus{Name: k.Name, GUID: k.GUID.String(), About: k.About, Keywords: hex(k.Keywords), Level: k.Level, Profiles: []string{}, Enabled: []Enabled{}}
		for _, name := range Profiles {
			members, err := Profile(name)
			if err == nil && slices.ContainsFunc(members, func(p Provider) bool { return p.GUID == k.GUID }) {
				s.Profiles = append(s.Profiles, name)
			}
		}
		v, err := r.Values(publishers + `\{` + k.GUID.String() + `}`)
		switch {
		case errors.Is(err, ErrSystem):
			list = append(list, s)
			continue
		case err == nil:
			s.Manifest = true
			if name, ok := v[""].(string); ok && s.Name == "" {
				s.Name = name
			}
		case !missingKey(err):
			return nil, err
		}
		if s.Instances, s.Enabled, err = instances(k.GUID); errors.Is(err, ErrSystem) {
			list = append(list, s)
			continue
		} else if err != nil {
			return nil, err
		}
		s.Asked = true
		if s.Enabled == nil {
			s.Enabled = []Enabled{}
		}
		list = append(list, s)
	}
	return list, nil
}

func hex(v uint64) string {
	const digits = "0123456789abcdef"
	b := []byte{}
	for {
		b = append(b, digits[v&15])
		if v >>= 4; v == 0 {
			break
		}
	}
	slices.Reverse(b)
	return "0x" + string(b)
}

// parseInstances reads TRACE_GUID_INFO: u32 count and u32 reserved, then for each instance
// TRACE_PROVIDER_INSTANCE_INFO (u32 offset of the next, 0 at the last; u32 count of enables,
// u32 process, u32 flags) with its TRACE_ENABLE_INFO (32 bytes each). What does not fit ends
// it: what was read before is returned.
func parseInstances(b []byte) (count int, list []Enabled) {
	if len(b) < 8 {
		return 0, nil
	}
	u32 := func(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
	total := int(u32(b))
	b = b[8:]
	for count < total && len(b) >= 16 {
		next, enables := u32(b), int(u32(b[4:]))
		count++
		// An instance ends where the next one begins, so that no byte is read twice.
		last := next < 16 || uint64(next) > uint64(len(b))
		end := len(b)
		if !last {
			end = int(next)
		}
		e := b[16:end]
		for range min(enables, len(e)/32) {
			if u32(e) != 0 {
				list = append(list, Enabled{Level: e[4], Logger: binary.LittleEndian.Uint16(e[6:]), Keywords: hex(binary.LittleEndian.Uint64(e[16:]))})
			}
			e = e[32:]
		}
		if last {
			break
		}
		b = b[next:]
	}
	// Every instance of a provider is enabled by the same sessions.
	slices.SortFunc(list, func(x, y Enabled) int {
		return cmp.Or(cmp.Compare(x.Logger, y.Logger), cmp.Compare(x.Level, y.Level), strings.Compare(x.Keywords, y.Keywords))
	})
	return count, slices.Compact(list)
}
