package host

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/etl"
)

// autologgers is where Windows looks for the sessions to start when it boots.
const autologgers = `SYSTEM\CurrentControlSet\Control\WMI\Autologger`

// Our own values of an autologger's key. Windows does not look at them.
const (
	valueOurs = "AftraceVersion" // marks the keys that we may change and remove
	ourMark   = uint32(1)
)

// Autologger is a session that Windows starts when it boots, before drivers bind.
type Autologger struct {
	Settings
	Providers []Provider
	// KeepLast makes the file circular: it then keeps the last events, not the first. What
	// happens while the host boots is first.
	KeepLast bool
}

// AutologgerStatus is what there is of a boot session.
type AutologgerStatus struct {
	Name      string     `json:"name"`
	Installed bool       `json:"installed"` // in the registry
	Ours      bool       `json:"ours"`      // made by this program
	Enabled   bool       `json:"enabled"`   // Windows will start it at the next boot
	Status    uint32     `json:"status"`    // error number of its last start; 0 is none
	Settings  Settings   `json:"settings"`
	Providers []string   `json:"providers"` // as ParseProvider reads them
	Running   *Session   `json:"running,omitempty"`
	providers []Provider // the same
}

// values are those of its key.
func (a *Autologger) values() map[string]any {
	mode := uint32(ModeSequential)
	if a.KeepLast {
		mode = ModeCircular
	}
	return map[string]any{
		"Start": uint32(1), "Guid": "{" + strings.ToUpper(sessionGUID(a.Name).String()) + "}",
		"FileName": a.File, "MaxFileSize": a.MaxFileMB, "LogFileMode": mode, "ClockType": uint32(clockQPC),
		"BufferSize": a.BufferKB, "MinimumBuffers": a.MinBuffers, "MaximumBuffers": a.MaxBuffers, "FlushTimer": a.FlushSec,
		"FileMax": uint32(0), valueOurs: ourMark,
	}
}

const valueFlags = "EnableFlags"

func providerValues(p Provider) map[string]any {
	v := map[string]any{
		"Enabled": uint32(1), "EnableLevel": uint32(p.Level), "MatchAnyKeyword": p.Keywords, "MatchAllKeyword": uint64(0),
	}
	// Of WPP providers the flags, which are 32 bits, have a value of their own. Whether one
	// that is not known here is of WPP cannot be told.
	if p.Keywords != 0 && p.Keywords>>32 == 0 && p.GUID != decode.AfTrace && p.GUID != decode.NDIS {
		v[valueFlags] = uint32(p.Keywords)
	}
	return v
}

// sessionGUID is a GUID that stands for a session name: an autologger has one, and the same
// name should have the same on every host.
func sessionGUID(name string) etl.GUID { return guidOf("aftrace autologger " + strings.ToLower(name)) }

// Check says what is wrong with a boot session; the error wraps ErrUsage. InstallAutologger
// asks it too.
func (a *Autologger) Check() error {
	a.Mode = ModeSequential
	if a.KeepLast {
		a.Mode = ModeCircular
	}
	if err := a.Settings.check(); err != nil {
		return err
	}
	switch {
	case !Ours(a.Name):
		return fail(ErrUsage, "boot session %q: its name must be %s, or begin with %s-", a.Name, SessionName, SessionName)
	case len(a.Providers) == 0:
		return fail(ErrUsage, "a boot session needs a provider")
	case a.MaxFileMB == 0 || a.MaxFileMB > 1<<20:
		return fail(ErrUsage, "a boot session needs a size of its file, from 1 MB to 1 TB")
	case len(a.File) < 3 || a.File[1] != ':' || a.File[2] != '\\':
		return fail(ErrUsage, `file %q of a boot session: want a full path, like C:\traces\boot.etl: no drive is mapped and no folder is current when Windows boots`, a.File)
	}
	return nil
}

// InstallAutologger writes a boot session to the registry. changed says whether that made a
// difference. Its error wraps ErrUsage, ErrPrivilege, or ErrExists if the name is that of a
// session that this program did not make.
func InstallAutologger(r Registry, a Autologger) (changed bool, err error) {
	if err := a.Check(); err != nil {
		return false, err
	}
	key := autologgers + `\` + a.Name
	have, err := r.Values(key)
	switch {
	case missingKey(err):
		have = map[string]any{}
	case err != nil:
		return false, err
	case have[valueOurs] != ourMark && len(have) > 0:
		return false, fail(ErrExists, `boot session %s is there and was not made by aftrace (HKLM\%s): take another --name`, a.Name, key)
	}
	// Start comes last: a key that was written in part must not be started.
	values := a.values()
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(values)), func(n string) bool { return n == "Start" || n == valueOurs })
	names = append(append([]string{valueOurs}, names...), "Start")
	same := len(have) > 0
	for _, n := range names {
		same = same && have[n] == values[n]
	}
	wanted := map[string]Provider{}
	for _, p := range a.Providers {
		wanted[strings.ToLower("{"+p.GUID.String()+"}")] = p
	}
	subkeys, err := r.Keys(key)
	if err != nil && !missingKey(err) {
		return false, err
	}
	present := map[string]bool{}
	for _, sub := range subkeys {
		present[strings.ToLower(sub)] = true
		p, ok := wanted[strings.ToLower(sub)]
		same = same && ok
		if !ok {
			continue
		}
		v, err := r.Values(key + `\` + sub)
		if err != nil {
			return false, err
		}
		for n, x := range providerValues(p) {
			same = same && v[n] == x
		}
		same = same && (v[valueFlags] == nil || providerValues(p)[valueFlags] != nil)
	}
	if same && len(present) == len(wanted) {
		return false, nil
	}
	if len(have) > 0 {
		if err := r.Set(key, "Start", uint32(0)); err != nil {
			return false, err
		}
	}
	for _, n := range names[:len(names)-1] {
		if err := r.Set(key, n, values[n]); err != nil {
			return true, err
		}
	}
	for sub := range present {
		if _, ok := wanted[sub]; !ok {
			if err := r.Delete(key + `\` + sub); err != nil {
				return true, err
			}
		}
	}
	for _, sub := range slices.Sorted(maps.Keys(wanted)) {
		v := providerValues(wanted[sub])
		if present[sub] && v[valueFlags] == nil { // from what was installed before
			if err := r.Unset(key+`\`+sub, valueFlags); err != nil {
				return true, err
			}
		}
		for _, n := range slices.Sorted(maps.Keys(v)) {
			if err := r.Set(key+`\`+sub, n, v[n]); err != nil {
				return true, err
			}
		}
	}
	return true, r.Set(key, "Start", values["Start"])
}

// RemoveAutologger removes a boot session from the registry; removed is false if there is
// none. A session of it that runs goes on until it is stopped or the host is restarted. Its
// error wraps ErrExists if the session was not made by this program.
func RemoveAutologger(r Registry, name string) (removed bool, err error) {
	if err := (&Settings{Name: name}).check(); err != nil {
		return false, err
	}
	key := autologgers + `\` + name
	have, err := r.Values(key)
	if missingKey(err) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if have[valueOurs] != ourMark {
		return false, fail(ErrExists, `boot session %s was not made by aftrace, and is left alone (HKLM\%s)`, name, key)
	}
	return true, r.Delete(key)
}

// Autologgers says what there is of one boot session, or with name "" of all that this
// program made. One that is named and not there is returned as not installed.
func Autologgers(r Registry, c Control, name string) ([]AutologgerStatus, error) {
	names := []string{name}
	if name == "" {
		all, err := r.Keys(autologgers)
		if err != nil && !missingKey(err) {
			return nil, err
		}
		names = all
	} else if err := (&Settings{Name: name}).check(); err != nil {
		return nil, err
	}
	var list []AutologgerStatus
	for _, n := range names {
		s, err := autologger(r, n)
		if err != nil {
			return nil, err
		}
		if name == "" && !s.Ours {
			continue
		}
		switch run, err := c.Query(n); {
		case err == nil:
			s.Running = &run
		case !errors.Is(err, ErrNotFound):
			return nil, err
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b AutologgerStatus) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func autologger(r Registry, name string) (AutologgerStatus, error) {
	s := AutologgerStatus{Name: name, Providers: []string{}}
	key := autologgers + `\` + name
	v, err := r.Values(key)
	if missingKey(err) {
		return s, nil
	} else if err != nil {
		return s, err
	}
	get := func(name string) uint32 { n, _ := number(v[name]); return uint32(n) }
	s.Installed, s.Ours, s.Enabled, s.Status = true, v[valueOurs] == ourMark, get("Start") == 1, get("Status")
	file, _ := v["FileName"].(string)
	s.Settings = Settings{
		Name: name, Mode: get("LogFileMode"), File: file, BufferKB: get("BufferSize"), MinBuffers: get("MinimumBuffers"),
		MaxBuffers: get("MaximumBuffers"), MaxFileMB: get("MaxFileSize"), FlushSec: get("FlushTimer"),
	}
	subs, err := r.Keys(key)
	if err != nil {
		return s, err
	}
	slices.Sort(subs)
	for _, sub := range subs {
		g, err := etl.ParseGUID(sub)
		if err != nil {
			continue
		}
		v, err := r.Values(key + `\` + sub)
		if err != nil {
			return s, err
		}
		level, _ := number(v["EnableLevel"])
		keywords, _ := number(v["MatchAnyKeyword"])
		if on, _ := number(v["Enabled"]); on == 0 {
			continue
		}
		p := Provider{GUID: g, Keywords: keywords, Level: uint8(level)}
		s.providers = append(s.providers, p)
		s.Providers = append(s.Providers, p.String())
	}
	return s, nil
}

// String is one line.
func (s *AutologgerStatus) String() string {
	switch {
	case !s.Installed:
		return s.Name + ": not installed"
	case !s.Ours:
		return s.Name + ": installed, but not by aftrace"
	}
	text := fmt.Sprintf("%s: installed, writes up to %d MB to %s", s.Name, s.Settings.MaxFileMB, s.Settings.File)
	if !s.Enabled {
		text += ", disabled"
	}
	if s.Running != nil {
		text += fmt.Sprintf("; it runs: %d buffers written, %d events lost", s.Running.BuffersWritten, s.Running.EventsLost)
	} else {
		text += "; it does not run"
	}
	if s.Status != 0 {
		text += fmt.Sprintf("; its last start failed with error %d", s.Status)
	}
	return text
}
