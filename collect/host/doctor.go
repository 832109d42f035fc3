package host

import (
	"errors"
	"fmt"
	"strings"
)

// State is the answer of a check.
type State string

const (
	Good    State = "ok"
	Missing State = "missing" // something cannot be done here
	Warning State = "warning" // it can be done, but may fail
	Unknown State = "unknown" // this could not be found out
)

// Check is something that a route of capture needs.
type Check struct {
	Name   string   `json:"name"`
	State  State    `json:"state"`
	Have   string   `json:"have"`             // what was found
	Do     string   `json:"do,omitempty"`     // the next step, if it is not good
	Routes []string `json:"routes,omitempty"` // which need it
}

// Route is a way to capture, and whether this host can go it.
type Route struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	About string `json:"about"`
}

// Diagnosis is what a host can do, and why not.
type Diagnosis struct {
	System string  `json:"system"`
	Routes []Route `json:"routes"`
	Checks []Check `json:"checks"`
}

// Possible says whether the host can capture in any way.
func (d *Diagnosis) Possible() bool {
	for _, r := range d.Routes {
		if r.State != Missing {
			return true
		}
	}
	return false
}

// conclude fills the states of routes from the checks that they need: the worst counts.
func (d *Diagnosis) conclude() {
	rank := map[State]int{Good: 0, Unknown: 1, Warning: 2, Missing: 3}
	for i := range d.Routes {
		r := &d.Routes[i]
		r.State = Good
		for _, c := range d.Checks {
			for _, name := range c.Routes {
				if name == r.Name && rank[c.State] > rank[r.State] {
					r.State = c.State
				}
			}
		}
	}
}

// facts is what the doctor asks a Windows host. A fact that could not be found out has an
// error.
type facts struct {
	major, minor, build uint32
	server              bool
	amd64               bool
	cgo                 bool // this build has live sessions

	elevated    bool
	elevatedErr error
	logUsers    bool // member of Performance Log Users

	sessions    []Session
	sessionsErr error
	maxSessions uint32 // that the system allows

	dtraceExe string // "" if there is none
	dtraceOn  State
	dtraceErr error // why dtraceOn is unknown
	vbs       State
	vbsErr    error

	free    uint64 // bytes of the disk of dir
	dir     string
	freeErr error

	left []string // names of our sessions that run

	wine string // its version, if this is Wine
}

// Routes on Windows.
const (
	routeLive       = "live"
	routeBoot       = "boot"
	routeManifest   = "manifest"
	routeWPP        = "wpp"
	routeDTrace     = "dtrace"
	routeDriver     = "driver"
	minFree         = 2 << 30
	slotsInReserve  = 2
	dtraceMinBuild  = 18342
	defaultSessions = 64
)

func (f *facts) diagnose() *Diagnosis {
	d := &Diagnosis{System: fmt.Sprintf("Windows %d.%d build %d", f.major, f.minor, f.build)}
	if f.server {
		d.System += " (server)"
	}
	d.Routes = []Route{
		{Name: routeLive, About: "aftrace capture: a live session into a trace"},
		{Name: routeBoot, About: "aftrace autologger, capture --etl: Windows writes an .etl, aftrace convert makes a trace of it"},
		{Name: routeManifest, About: "Microsoft-Windows-NDIS: binds and adapters, no address families"},
		{Name: routeWPP, About: "WPP messages of ndis.sys: what its build logs, read with its PDB"},
		{Name: routeDTrace, About: "aftrace dtrace: exported CoNDIS functions of an unmodified host"},
		{Name: routeDriver, About: "a driver that emits CoNDIS-AfTrace events"},
	}
	every := []string{routeLive, routeBoot, routeManifest, routeWPP, routeDTrace, routeDriver}
	add := func(name string, state State, have, do string, routes ...string) {
		c := Check{Name: name, State: state, Have: have, Routes: routes}
		if state != Good {
			c.Do = do
		}
		d.Checks = append(d.Checks, c)
	}
	system, do := Good, ""
	switch {
	case f.wine != "":
		d.System += ", Wine " + f.wine
		system, do = Missing, "this is Wine, which accepts sessions and delivers no events: capture on Windows"
	case f.major < 10:
		system, do = Warning, "only Windows 10, Server 2016 and later were looked at"
	}
	add("Windows", system, d.System, do, every...)

	switch {
	case f.elevatedErr != nil:
		add("privilege", Unknown, f.elevatedErr.Error(), "run from an elevated prompt", every...)
	case f.elevated:
		add("privilege", Good, "elevated", "", every...)
	case f.logUsers:
		add("privilege", Warning, "not elevated, member of Performance Log Users", "run from an elevated prompt: providers may refuse others, and boot sessions and the service need it", every...)
	default:
		add("privilege", Missing, "not elevated", "run from an elevated prompt (right click, Run as administrator)", every...)
	}

	if f.cgo {
		add("live sessions in this build", Good, "yes", "", routeLive)
	} else {
		add("live sessions in this build", Missing, "built without cgo", "use the released aftrace.exe, or build with CGO_ENABLED=1; capture --etl works without", routeLive)
	}

	limit := f.maxSessions
	if limit == 0 {
		limit = defaultSessions
	}
	switch n := uint32(len(f.sessions)); {
	case f.sessionsErr != nil:
		add("session slots", Unknown, f.sessionsErr.Error(), "run from an elevated prompt, then 'aftrace session list --all'", every...)
	case n >= limit:
		add("session slots", Missing, fmt.Sprintf("%d of %d in use", n, limit), `stop a session ('aftrace session list --all' shows them), or raise HKLM\SYSTEM\CurrentControlSet\Control\WMI\EtwMaxLoggers and restart`, every...)
	case n+slotsInReserve > limit:
		add("session slots", Warning, fmt.Sprintf("%d of %d in use", n, limit), "few are left: stop one that is not needed", every...)
	default:
		add("session slots", Good, fmt.Sprintf("%d of %d in use", n, limit), "", every...)
	}
	if len(f.left) > 0 {
		add("sessions of aftrace", Warning, strings.Join(f.left, ", ")+" running", fmt.Sprintf("if no capture is running, a crash left it: 'aftrace session adopt %s'", f.left[0]), routeLive)
	}

	switch {
	case f.freeErr != nil:
		add("disk", Unknown, f.freeErr.Error(), "see that there is room for the capture", routeLive, routeBoot)
	case f.free < minFree:
		add("disk", Warning, fmt.Sprintf("%d MB free in %s", f.free>>20, f.dir), "free some space, or bound the capture with --max-size", routeLive, routeBoot)
	default:
		add("disk", Good, fmt.Sprintf("%d MB free in %s", f.free>>20, f.dir), "", routeLive, routeBoot)
	}

	switch {
	case !f.amd64:
		add("DTrace processor", Missing, "not x64", "DTrace probes the kernel of x64 hosts only", routeDTrace)
	case f.build < dtraceMinBuild:
		add("DTrace system", Missing, fmt.Sprintf("build %d", f.build), fmt.Sprintf("DTrace needs build %d or later", dtraceMinBuild), routeDTrace)
	default:
		add("DTrace system", Good, fmt.Sprintf("build %d, x64", f.build), "", routeDTrace)
	}
	if f.dtraceExe == "" {
		add("DTrace program", Missing, "dtrace.exe not found", "install DTrace on Windows, or put dtrace.exe into PATH", routeDTrace)
	} else {
		add("DTrace program", Good, f.dtraceExe, "", routeDTrace)
	}
	switched := func(name string, state State, err error, on, do string) {
		switch {
		case state == Good:
			add(name, Good, on, "", routeDTrace)
		case state == Missing:
			add(name, Missing, "not "+on, do, routeDTrace)
		default:
			if err == nil {
				err = errors.New("the host does not say")
			}
			add(name, Unknown, err.Error(), do, routeDTrace)
		}
	}
	switched("DTrace switch", f.dtraceOn, f.dtraceErr, "enabled in the boot configuration", "suspend BitLocker, run 'bcdedit /set dtrace ON' from an elevated prompt and restart; again after feature updates")
	switched("virtualization-based security", f.vbs, f.vbsErr, "configured", `set HKLM\SYSTEM\CurrentControlSet\Control\DeviceGuard\EnableVirtualizationBasedSecurity to 1 and restart (a virtual machine needs nested virtualization)`)

	add("NDIS symbols", Unknown, "not looked for", "give convert and capture --pdb ndis.pdb of the traced build: without it WPP messages are counted, not read", routeWPP)
	add("driver", Unknown, "not looked for", "'aftrace providers' shows whether a driver or script has registered CoNDIS-AfTrace", routeDriver)
	d.conclude()
	return d
}

// vbsConfigured says whether the registry asks for virtualization-based security. Where it says
// nothing, newer systems may run it all the same.
func vbsConfigured(r Registry) (State, error) {
	v, err := r.Values(`SYSTEM\CurrentControlSet\Control\DeviceGuard`)
	if err != nil && !missingKey(err) {
		return Unknown, err
	}
	n, ok := number(v["EnableVirtualizationBasedSecurity"])
	switch {
	case !ok:
		return Unknown, errors.New("the registry does not ask for it; newer systems may run it without: msinfo32 shows")
	case n == 0:
		return Missing, nil
	}
	return Good, nil
}

// bcdSwitch reads what bcdedit /enum says of a switch: its name at the start of a line, then
// its value. The name is not translated, its value may be.
func bcdSwitch(output, name string) State {
	for line := range strings.Lines(output) {
		fields := strings.Fields(line)
		if len(fields) < 2 || !strings.EqualFold(fields[0], name) {
			continue
		}
		switch strings.ToLower(fields[1]) {
		case "yes", "on", "true", "1":
			return Good
		case "no", "off", "false", "0":
			return Missing
		}
		return Unknown
	}
	return Missing // what is not listed is not set
}
