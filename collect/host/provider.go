package host

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/etl"
)

// Levels of events: a session gets those of its level and below.
const (
	LevelError       = 2
	LevelWarning     = 3
	LevelInformation = 4
	LevelVerbose     = 5
)

// Provider is a provider as a session enables it.
type Provider struct {
	GUID     etl.GUID
	Name     string // "" if it is not known
	Keywords uint64 // events with any of them; 0 is all events
	Level    uint8
	// Rundown asks the provider to log its state when it is enabled
	// (EVENT_CONTROL_CODE_CAPTURE_STATE). A provider that does not know it ignores it.
	Rundown bool
}

// String is the form that ParseProvider reads.
func (p Provider) String() string {
	return fmt.Sprintf("%v:0x%x:%d", p.GUID, p.Keywords, p.Level)
}

// NDISWPP is the control GUID under which sessions enable the WPP messages of ndis.sys.
var NDISWPP = mustGUID("dd7a21e6-a651-46d4-b7c2-66543067b869")

func mustGUID(s string) etl.GUID {
	g, err := etl.ParseGUID(s)
	if err != nil {
		panic(err) // a constant
	}
	return g
}

// Keywords of Microsoft-Windows-NDIS that give context to address families: PnP, Init, Bind,
// Protocol, LwtDiagnostic and ut:Global.
const ndisKeywords = 0x2 | 0x4 | 0x8 | 0x800 | 0x4000 | 0x80_0000_0000

// Flags of the WPP messages of ndis.sys: the documented component masks CO, PROTOCOL and BIND.
// That the bits of WPP equal these masks is not confirmed.
const wppFlags = 0x40000 | 0x10 | 0x20

// Known are the providers that this program has a use for.
var Known = []KnownProvider{
	{
		Provider: Provider{GUID: decode.AfTrace, Name: decode.AfTraceName, Level: LevelInformation},
		About:    "address families in full, from the DTrace script or an instrumented driver",
	},
	{
		Provider: Provider{GUID: decode.NDIS, Name: "Microsoft-Windows-NDIS", Keywords: ndisKeywords, Level: LevelInformation, Rundown: true},
		About:    "binds, unbinds, adapters and drivers: context only, no address families",
	},
	{
		Provider: Provider{GUID: NDISWPP, Name: "NDIS-WPP", Keywords: wppFlags, Level: LevelVerbose},
		About:    "WPP messages of ndis.sys, read with --pdb or --tmf of that build",
	},
}

// KnownProvider is a provider with what it is good for. Its keywords and level are those of
// the profiles.
type KnownProvider struct {
	Provider
	About string
}

func known(name string) (Provider, bool) {
	i := slices.IndexFunc(Known, func(k KnownProvider) bool { return strings.EqualFold(k.Name, name) })
	if i < 0 {
		return Provider{}, false
	}
	return Known[i].Provider, true
}

// Profiles are the names that Profile knows.
var Profiles = []string{"retail", "lab", "driver", "all"}

// Profile is what to enable for a purpose: "retail" for unmodified hosts, "lab" for hosts on
// which the DTrace script runs, "driver" for those with a driver that emits our events, "all".
func Profile(name string) ([]Provider, error) {
	var names []string
	switch name {
	case "retail":
		names = []string{"Microsoft-Windows-NDIS", "NDIS-WPP"}
	case "lab":
		names = []string{decode.AfTraceName, "Microsoft-Windows-NDIS"}
	case "driver":
		names = []string{decode.AfTraceName}
	case "all":
		names = []string{decode.AfTraceName, "Microsoft-Windows-NDIS", "NDIS-WPP"}
	default:
		return nil, fail(ErrUsage, "profile %q: want %s", name, strings.Join(Profiles, ", "))
	}
	list := make([]Provider, len(names))
	for i, n := range names {
		list[i], _ = known(n)
	}
	return list, nil
}

// ParseProvider reads GUID[:keywords[:level]]. Keywords are a number, as a rule hexadecimal
// with 0x (default 0: all); the level is 1 to 5, a name of it, or any number up to 255
// (default 5: verbose). Instead of the GUID the name of a provider of Known will do, whose
// keywords and level are then the default.
func ParseProvider(text string) (Provider, error) {
	parts := strings.Split(text, ":")
	bad := func(format string, args ...any) (Provider, error) {
		return Provider{}, fail(ErrUsage, "provider %q: %s; want GUID[:keywords[:level]], like %v:0x40030:5", text, fmt.Sprintf(format, args...), NDISWPP)
	}
	if len(parts) > 3 {
		return bad("too many colons")
	}
	p, ok := known(parts[0])
	if !ok {
		g, err := etl.ParseGUID(parts[0])
		if err != nil {
			return bad("%q is neither a GUID nor the name of a provider known here", parts[0])
		}
		if g == (etl.GUID{}) {
			return bad("the GUID is zero")
		}
		p = Provider{GUID: g, Name: decode.KnownProvider(g), Level: LevelVerbose}
		for _, k := range Known {
			if k.GUID == g {
				p.Name, p.Rundown = k.Name, k.Rundown
			}
		}
	}
	if len(parts) > 1 && parts[1] != "" {
		v, err := strconv.ParseUint(parts[1], 0, 64)
		if err != nil {
			return bad("keywords %q are no 64-bit number", parts[1])
		}
		p.Keywords = v
	}
	if len(parts) > 2 && parts[2] != "" {
		names := map[string]uint8{"critical": 1, "error": LevelError, "warning": LevelWarning, "information": LevelInformation, "info": LevelInformation, "verbose": LevelVerbose}
		v, err := strconv.ParseUint(parts[2], 0, 8)
		if n, ok := names[strings.ToLower(parts[2])]; ok {
			v, err = uint64(n), nil
		}
		if err != nil || v == 0 {
			return bad("level %q is not 1 to 255", parts[2])
		}
		p.Level = uint8(v)
	}
	return p, nil
}

// Select joins a profile ("" is none) and providers as the user wrote them. One that is
// named twice has what was said last; there is at least one.
func Select(profile string, texts []string) ([]Provider, error) {
	var list []Provider
	if profile != "" {
		var err error
		if list, err = Profile(profile); err != nil {
			return nil, err
		}
	}
	for _, t := range texts {
		p, err := ParseProvider(t)
		if err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(list, func(q Provider) bool { return q.GUID == p.GUID }); i >= 0 {
			list[i] = p
		} else {
			list = append(list, p)
		}
	}
	if len(list) == 0 {
		return nil, fail(ErrUsage, "no provider: want --profile or --provider")
	}
	return list, nil
}
