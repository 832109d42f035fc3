package host

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/etl"
)

// TestLayout: structures have the sizes and offsets of evntrace.h on 64-bit Windows, as
// offsetof gives them.
func TestLayout(t *testing.T) {
	offsets := map[string][2]int{
		"Wnode.HistoricalContext": {propHandle, 8}, "Wnode.ClientContext": {propClock, 40}, "Wnode.Flags": {propWnodeFlags, 44},
		"BufferSize": {propBufferKB, 48}, "MinimumBuffers": {propMinBuffers, 52}, "MaximumBuffers": {propMaxBuffers, 56},
		"MaximumFileSize": {propMaxFileMB, 60}, "LogFileMode": {propMode, 64}, "FlushTimer": {propFlushTimer, 68},
		"EnableFlags": {propEnableFlags, 72}, "AgeLimit": {propAgeLimit, 76}, "NumberOfBuffers": {propBuffers, 80},
		"FreeBuffers": {propFreeBuffers, 84}, "EventsLost": {propEventsLost, 88}, "BuffersWritten": {propWritten, 92},
		"LogBuffersLost": {propLogLost, 96}, "RealTimeBuffersLost": {propRTLost, 100}, "LoggerThreadId": {propLoggerThread, 104},
		"LogFileNameOffset": {propFileOffset, 112}, "LoggerNameOffset": {propNameOffset, 116}, "EVENT_TRACE_PROPERTIES": {propSize, 120},
	}
	for name, o := range offsets {
		if o[0] != o[1] {
			t.Errorf("%s: %d, want %d", name, o[0], o[1])
		}
	}
	var p enableParameters
	if unsafe.Sizeof(p) != 48 || unsafe.Offsetof(p.SourceID) != 12 || unsafe.Offsetof(p.FilterDesc) != 32 {
		t.Errorf("ENABLE_TRACE_PARAMETERS: %d bytes, %d, %d", unsafe.Sizeof(p), unsafe.Offsetof(p.SourceID), unsafe.Offsetof(p.FilterDesc))
	}
}

// TestProperties: what is asked for is read back, and no bytes make the reader fail.
func TestProperties(t *testing.T) {
	s := Settings{Name: "aftrace", Mode: ModeCircular, File: `C:\träces\😀.etl`, BufferKB: 128, MinBuffers: 8, MaxBuffers: 64, MaxFileMB: 100, FlushSec: 1}
	b := s.properties()
	if len(b) != int(binary.LittleEndian.Uint32(b)) {
		t.Errorf("BufferSize is %d of %d", binary.LittleEndian.Uint32(b), len(b))
	}
	copy(b[propSize:], "a\x00f\x00\x00\x00")
	binary.LittleEndian.PutUint32(b[propEventsLost:], 7)
	binary.LittleEndian.PutUint32(b[propRTLost:], 2)
	binary.LittleEndian.PutUint32(b[propLogLost:], 1)
	binary.LittleEndian.PutUint64(b[propHandle:], 1<<40)
	got := parseSession(b)
	want := Session{
		Name: "af", File: s.File, Mode: ModeCircular, BufferKB: 128, MinBuffers: 8, MaxBuffers: 64, MaxFileMB: 100, FlushSec: 1, Clock: 1,
		EventsLost: 7, LogBuffersLost: 1, RealTimeBuffersLost: 2, Handle: 1 << 40,
	}
	if got != want || got.BuffersLost() != 3 {
		t.Errorf("%+v", got)
	}
	for n := range b {
		parseSession(b[:n])
	}
	binary.LittleEndian.PutUint32(b[propNameOffset:], ^uint32(0))
	parseSession(b)
}

func TestSettingsAreChecked(t *testing.T) {
	for _, s := range []Settings{
		{}, {Name: `a\b`}, {Name: strings.Repeat("x", 2000)}, {Name: "a", BufferKB: 1 << 20}, {Name: "a", MinBuffers: 5, MaxBuffers: 4},
		{Name: "a", Mode: ModeSequential}, {Name: "a", Mode: ModeCircular, File: "x"}, {Name: "a", MaxBuffers: 1 << 30}, {Name: "a", File: "x\x00"},
	} {
		if err := s.check(); !errors.Is(err, ErrUsage) {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

func TestParseProvider(t *testing.T) {
	for text, want := range map[string]Provider{
		"dd7a21e6-a651-46d4-b7c2-66543067b869:0x40030:5":          {GUID: NDISWPP, Name: "NDIS-WPP", Keywords: 0x40030, Level: 5},
		"{DD7A21E6-A651-46D4-B7C2-66543067B869}":                  {GUID: NDISWPP, Name: "NDIS-WPP", Level: 5},
		"CoNDIS-AfTrace":                                          {GUID: decode.AfTrace, Name: "CoNDIS-AfTrace", Level: 4},
		"condis-aftrace::warning":                                 {GUID: decode.AfTrace, Name: "CoNDIS-AfTrace", Level: 3},
		"Microsoft-Windows-NDIS:0x8:2":                            {GUID: decode.NDIS, Name: "Microsoft-Windows-NDIS", Keywords: 8, Level: 2, Rundown: true},
		"01020304-0506-0708-090a-0b0c0d0e0f10:255:0xff":           {GUID: mustGUID("01020304-0506-0708-090a-0b0c0d0e0f10"), Keywords: 255, Level: 255},
		"01020304-0506-0708-090a-0b0c0d0e0f10:0xFFFFFFFFFFFFFFFF": {GUID: mustGUID("01020304-0506-0708-090a-0b0c0d0e0f10"), Keywords: ^uint64(0), Level: 5},
	} {
		got, err := ParseProvider(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v %v", text, got, err)
		}
		again, err := ParseProvider(got.String())
		if err != nil || again.GUID != got.GUID || again.Keywords != got.Keywords || again.Level != got.Level {
			t.Errorf("%s: written as %s: %+v %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "x", "dd7a21e6-a651-46d4-b7c2", "dd7a21e6-a651-46d4-b7c2-66543067b86g", "{dd7a21e6-a651-46d4-b7c2-66543067b869",
		"dd7a21e6-a651-46d4-b7c2-66543067b869:zz", "dd7a21e6-a651-46d4-b7c2-66543067b869:0x1:0", "dd7a21e6-a651-46d4-b7c2-66543067b869:0x1:256",
		"dd7a21e6-a651-46d4-b7c2-66543067b869:1:1:1", "00000000-0000-0000-0000-000000000000", "dd7a21e6-a651-46d4-b7c2-66543067b869:0x10000000000000000"} {
		if _, err := ParseProvider(text); !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), "want GUID[:keywords[:level]]") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParseProvider(f *testing.F) {
	f.Add("dd7a21e6-a651-46d4-b7c2-66543067b869:0x40030:5")
	f.Add("CoNDIS-AfTrace::info")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseProvider(text)
		if err != nil {
			return
		}
		if again, err := ParseProvider(p.String()); err != nil || again.GUID != p.GUID || again.Keywords != p.Keywords || again.Level != p.Level {
			t.Errorf("%q: %v, then %+v %v", text, p, again, err)
		}
	})
}

func TestSelect(t *testing.T) {
	for _, name := range Profiles {
		list, err := Select(name, nil)
		if err != nil || len(list) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	list, err := Select("driver", []string{"CoNDIS-AfTrace:0x7:1", "NDIS-WPP"})
	if err != nil || len(list) != 2 || list[0].Keywords != 7 || list[0].Level != 1 {
		t.Errorf("%+v %v", list, err)
	}
	for _, x := range [][]string{{"none"}, {"", "x"}, {""}} {
		if _, err := Select(x[0], x[1:]); !errors.Is(err, ErrUsage) {
			t.Errorf("%v: %v", x, err)
		}
	}
}

func boot() Autologger {
	p, _ := Profile("retail")
	return Autologger{Settings: Settings{Name: "aftrace-boot", File: `C:\t\boot.etl`, BufferKB: 64, MaxFileMB: 100, FlushSec: 1}, Providers: p}
}

// TestAutologger: what Windows reads is written, once; it is changed where it differs; it is
// taken away without a trace.
func TestAutologger(t *testing.T) {
	r, c := newRegistry(), &fakeControl{sessions: map[string]Session{}}
	r.Set(autologgers+`\EventLog-System`, "Start", uint32(1))
	before := len(r.keys)
	changed, err := InstallAutologger(r, boot())
	if !changed || err != nil {
		t.Fatal(changed, err)
	}
	v, err := r.Values(autologgers + `\aftrace-boot`)
	if err != nil || v["Start"] != uint32(1) || v["LogFileMode"] != uint32(1) || v["MaxFileSize"] != uint32(100) || v["FileName"] != `C:\t\boot.etl` || v["ClockType"] != uint32(1) {
		t.Fatal(v, err)
	}
	if g, err := etl.ParseGUID(v["Guid"].(string)); err != nil || g == (etl.GUID{}) {
		t.Error(err)
	}
	v, err = r.Values(autologgers + `\aftrace-boot\{dd7a21e6-a651-46d4-b7c2-66543067b869}`)
	if err != nil || v["Enabled"] != uint32(1) || v["EnableLevel"] != uint32(5) || v["MatchAnyKeyword"] != uint64(0x40030) || v["EnableFlags"] != uint32(0x40030) {
		t.Fatal(v, err)
	}
	if last := r.log[len(r.log)-1]; last != "aftrace-boot Start" {
		t.Errorf("Start is not the last thing that is written: %s", last)
	}

	// Again: nothing is written.
	writes := len(r.log)
	if changed, err := InstallAutologger(r, boot()); changed || err != nil || len(r.log) != writes {
		t.Fatal(changed, err, r.log[writes:])
	}
	// Otherwise: it is switched off while it is changed; providers that are not wanted go.
	a := boot()
	a.KeepLast = true
	a.Providers, _ = Profile("driver")
	if changed, err := InstallAutologger(r, a); !changed || err != nil {
		t.Fatal(changed, err)
	}
	if r.log[writes] != "aftrace-boot Start" {
		t.Errorf("changed while it is on: %v", r.log[writes:])
	}
	list, err := Autologgers(r, c, "")
	if err != nil || len(list) != 1 || !list[0].Enabled || list[0].Settings.Mode != ModeCircular || len(list[0].Providers) != 1 || list[0].Running != nil {
		t.Fatalf("%+v %v", list, err)
	}
	if want, _ := Profile("driver"); list[0].Providers[0] != want[0].String() {
		t.Errorf("%v", list[0].Providers)
	}
	c.sessions["aftrace-boot"] = Session{Name: "aftrace-boot", EventsLost: 3}
	if list, err = Autologgers(r, c, "aftrace-boot"); err != nil || list[0].Running == nil || !strings.Contains(list[0].String(), "3 events lost") {
		t.Errorf("%+v %v", list, err)
	}
	if list, err = Autologgers(r, c, "aftrace-other"); err != nil || list[0].Installed || list[0].String() != "aftrace-other: not installed" {
		t.Errorf("%+v %v", list, err)
	}

	for i, want := range []bool{true, false} {
		if removed, err := RemoveAutologger(r, "aftrace-boot"); removed != want || err != nil {
			t.Error(i, removed, err)
		}
	}
	if len(r.keys) != before {
		t.Errorf("left: %v", r.keys)
	}
}

// TestAutologgerFlags: flags of WPP are those of the provider as it is installed now.
func TestAutologgerFlags(t *testing.T) {
	r := newRegistry()
	for _, c := range []struct {
		provider string
		want     any
	}{
		{"NDIS-WPP", uint32(0x40030)}, {"NDIS-WPP:0x40000", uint32(0x40000)}, {"NDIS-WPP:0x100000000", nil}, {"NDIS-WPP:0", nil},
		{"01e9b841-7d67-315a-7b92-23b2033356de:3", uint32(3)}, {"Microsoft-Windows-NDIS:8", nil}, {decode.AfTraceName + ":1", nil},
	} {
		a := boot()
		var err error
		if a.Providers, err = Select("", []string{c.provider}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []bool{true, false} {
			if changed, err := InstallAutologger(r, a); changed != want || err != nil {
				t.Errorf("%s: %v %v", c.provider, changed, err)
			}
		}
		v, err := r.Values(autologgers + `\aftrace-boot\{` + a.Providers[0].GUID.String() + "}")
		if err != nil || v["EnableFlags"] != c.want || v["MatchAnyKeyword"] != a.Providers[0].Keywords {
			t.Errorf("%s: %v %v", c.provider, v, err)
		}
	}
}

func TestAutologgerErrors(t *testing.T) {
	r := newRegistry()
	r.Set(autologgers+`\aftrace-theirs`, "Start", uint32(1))
	theirs := boot()
	theirs.Name = "aftrace-theirs"
	if _, err := InstallAutologger(r, theirs); !errors.Is(err, ErrExists) {
		t.Errorf("%v", err)
	}
	if _, err := RemoveAutologger(r, "aftrace-theirs"); !errors.Is(err, ErrExists) {
		t.Errorf("%v", err)
	}
	for _, change := range []func(*Autologger){
		func(a *Autologger) { a.Name = "EventLog-System" }, func(a *Autologger) { a.Name = "" }, func(a *Autologger) { a.Name = `aftrace-a\b` },
		func(a *Autologger) { a.File = "boot.etl" }, func(a *Autologger) { a.File = "" }, func(a *Autologger) { a.MaxFileMB = 0 },
		func(a *Autologger) { a.MaxFileMB = 1 << 30 }, func(a *Autologger) { a.Providers = nil }, func(a *Autologger) { a.File = `\\server\share\x.etl` },
	} {
		a := boot()
		change(&a)
		if _, err := InstallAutologger(r, a); !errors.Is(err, ErrUsage) {
			t.Errorf("%+v: %v", a, err)
		}
	}
	r.deny = "aftrace-boot"
	if _, err := InstallAutologger(r, boot()); !errors.Is(err, ErrPrivilege) {
		t.Errorf("%v", err)
	}
	// A key of which only a part was written is ours, is off, and can be finished or removed.
	r.deny = "aftrace-boot\\{dd7a"
	if _, err := InstallAutologger(r, boot()); !errors.Is(err, ErrPrivilege) {
		t.Errorf("%v", err)
	}
	s, err := autologger(r, "aftrace-boot")
	if err != nil || !s.Ours || s.Enabled {
		t.Errorf("%+v %v", s, err)
	}
	r.deny = ""
	if changed, err := InstallAutologger(r, boot()); !changed || err != nil {
		t.Error(changed, err)
	}
}

// TestOtherSystems: without Windows everything says so.
func TestOtherSystems(t *testing.T) {
	r, c := LocalMachine(), Sessions()
	if runtime.GOOS == "windows" {
		t.Skip("this is Windows")
	}
	_, errs := c.List()
	_, errv := r.Values("x")
	_, erri := InstallAutologger(r, boot())
	_, errs2 := Service()
	for _, err := range []error{errs, errv, erri, errs2, RunService(nil), StartService(), StopService(), DumpService()} {
		if !errors.Is(err, ErrSystem) || !strings.Contains(err.Error(), "Windows") {
			t.Errorf("%v", err)
		}
	}
	list, err := Providers(r, ProviderInstances, []Provider{{GUID: etl.GUID{1}}})
	if err != nil || len(list) != len(Known)+1 || list[0].Asked {
		t.Errorf("%+v %v", list, err)
	}
	d := Diagnose(t.Context())
	if len(d.Routes) == 0 || len(d.Checks) == 0 {
		t.Errorf("%+v", d)
	}
}

func TestProviders(t *testing.T) {
	r := newRegistry()
	r.Set(publishers+`\{cdead503-17f5-4a3e-b7ae-df8cc2902eb9}`, "", "Microsoft-Windows-NDIS")
	ask := func(g etl.GUID) (int, []Enabled, error) {
		if g == decode.NDIS {
			return 1, []Enabled{{Session: "s", Logger: 5, Level: 4, Keywords: "0x1"}}, nil
		}
		return 0, nil, nil
	}
	list, err := Providers(r, ask, []Provider{{GUID: NDISWPP}, {GUID: etl.GUID{9}, Level: 5}})
	if err != nil || len(list) != 4 {
		t.Fatalf("%+v %v", list, err)
	}
	ndis := list[slices.IndexFunc(list, func(s ProviderStatus) bool { return s.Name == "Microsoft-Windows-NDIS" })]
	if !ndis.Asked || !ndis.Manifest || ndis.Instances != 1 || len(ndis.Enabled) != 1 || !slices.Equal(ndis.Profiles, []string{"retail", "lab", "all"}) || ndis.Keywords != "0x800000480e" {
		t.Errorf("%+v", ndis)
	}
	if _, err := Providers(r, func(etl.GUID) (int, []Enabled, error) { return 0, nil, &CallError{Code: 5} }, nil); !errors.Is(err, ErrPrivilege) {
		t.Errorf("%v", err)
	}
}

func TestParseInstances(t *testing.T) {
	le := binary.LittleEndian
	enable := func(b []byte, on uint32, logger uint16) []byte {
		b = le.AppendUint32(b, on)
		b = append(b, 4, 0)
		b = le.AppendUint16(b, logger)
		b = le.AppendUint64(b, 0)
		b = le.AppendUint64(b, 0x1f)
		return le.AppendUint64(b, 0)
	}
	b := le.AppendUint64(nil, 2)
	b = le.AppendUint32(b, 16+64)
	b = le.AppendUint32(b, 2)
	b = le.AppendUint64(b, 77)
	b = enable(enable(b, 1, 3), 0, 9)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint32(b, 1)
	b = le.AppendUint64(b, 78)
	b = enable(b, 1, 3)
	count, list := parseInstances(b)
	if count != 2 || len(list) != 1 || list[0] != (Enabled{Logger: 3, Level: 4, Keywords: "0x1f"}) {
		t.Errorf("%d %+v", count, list)
	}
	for n := range b {
		parseInstances(b[:n])
	}
}

func FuzzParseInstances(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, list := parseInstances(b); len(list) > len(b)/32+1 || n > len(b)/16+1 {
			t.Errorf("%d bytes: %d instances, %d enables", len(b), n, len(list))
		}
		parseSession(b)
	})
}

// TestDoctor: each thing that may be missing shuts the routes that need it, and says what to do.
func TestDoctor(t *testing.T) {
	good := facts{
		major: 10, build: 26100, amd64: true, cgo: true, elevated: true, sessions: make([]Session, 20), dtraceExe: "dtrace.exe",
		dtraceOn: Good, vbs: Good, free: 100 << 30, dir: "C:",
	}
	states := func(d *Diagnosis) map[string]State {
		m := map[string]State{}
		for _, r := range d.Routes {
			m[r.Name] = r.State
		}
		return m
	}
	if s := states(good.diagnose()); s[routeLive] != Good || s[routeBoot] != Good || s[routeDTrace] != Good || s[routeWPP] != Unknown {
		t.Errorf("%v", s)
	}
	for i, c := range []struct {
		change func(*facts)
		check  string
		state  State
		shut   []string
	}{
		{func(f *facts) { f.elevated = false }, "privilege", Missing, []string{routeLive, routeBoot, routeDTrace}},
		{func(f *facts) { f.elevated, f.logUsers = false, true }, "privilege", Warning, nil},
		{func(f *facts) { f.elevated, f.elevatedErr = false, fs.ErrInvalid }, "privilege", Unknown, nil},
		{func(f *facts) { f.cgo = false }, "live sessions in this build", Missing, []string{routeLive}},
		{func(f *facts) { f.sessions = make([]Session, 64) }, "session slots", Missing, []string{routeLive, routeBoot, routeDTrace}},
		{func(f *facts) { f.sessions = make([]Session, 63) }, "session slots", Warning, nil},
		{func(f *facts) { f.sessions, f.maxSessions = make([]Session, 64), 256 }, "session slots", Good, nil},
		{func(f *facts) { f.sessionsErr = fs.ErrInvalid }, "session slots", Unknown, nil},
		{func(f *facts) { f.free = 1 }, "disk", Warning, nil},
		{func(f *facts) { f.freeErr = fs.ErrInvalid }, "disk", Unknown, nil},
		{func(f *facts) { f.left = []string{"aftrace"} }, "sessions of aftrace", Warning, nil},
		{func(f *facts) { f.amd64 = false }, "DTrace processor", Missing, []string{routeDTrace}},
		{func(f *facts) { f.build = 17763 }, "DTrace system", Missing, []string{routeDTrace}},
		{func(f *facts) { f.dtraceExe = "" }, "DTrace program", Missing, []string{routeDTrace}},
		{func(f *facts) { f.dtraceOn = Missing }, "DTrace switch", Missing, []string{routeDTrace}},
		{func(f *facts) { f.dtraceOn, f.dtraceErr = Unknown, fs.ErrInvalid }, "DTrace switch", Unknown, nil},
		{func(f *facts) { f.vbs = Missing }, "virtualization-based security", Missing, []string{routeDTrace}},
		{func(f *facts) { f.wine = "8.0" }, "Windows", Missing, []string{routeLive, routeBoot, routeDTrace, routeDriver}},
		{func(f *facts) { f.major = 6 }, "Windows", Warning, nil},
	} {
		f := good
		c.change(&f)
		d := f.diagnose()
		at := slices.IndexFunc(d.Checks, func(x Check) bool { return x.Name == c.check })
		if at < 0 || d.Checks[at].State != c.state || (d.Checks[at].Do == "") != (c.state == Good) {
			t.Errorf("%d %s: %+v", i, c.check, d.Checks)
			continue
		}
		s := states(d)
		for _, r := range []string{routeLive, routeBoot, routeDTrace} {
			if (s[r] == Missing) != slices.Contains(c.shut, r) {
				t.Errorf("%d %s: route %s is %s", i, c.check, r, s[r])
			}
		}
		if d.Possible() != (c.check != "Windows" && c.check != "privilege" && c.check != "session slots" || c.state != Missing) {
			t.Errorf("%d: possible: %v", i, d.Possible())
		}
	}
}

func TestVBS(t *testing.T) {
	const key = `SYSTEM\CurrentControlSet\Control\DeviceGuard`
	for _, c := range []struct {
		value any // nil: the key is not there
		want  State
	}{{nil, Unknown}, {"text", Unknown}, {uint32(0), Missing}, {uint32(1), Good}} {
		r := newRegistry()
		if c.value != nil {
			r.Set(key, "EnableVirtualizationBasedSecurity", c.value)
		}
		if got, err := vbsConfigured(r); got != c.want || (err != nil) != (c.want == Unknown) {
			t.Errorf("%v: %v %v", c.value, got, err)
		}
	}
}

func TestBCDSwitch(t *testing.T) {
	text := "Windows Boot Loader\r\n-------------------\r\nidentifier              {current}\r\ndtrace                  Yes\r\nnx  OptIn\r\n"
	for in, want := range map[string]State{text: Good, strings.ReplaceAll(text, "Yes", "No"): Missing, strings.ReplaceAll(text, "Yes", "Ja"): Unknown, "": Missing} {
		if got := bcdSwitch(in, "dtrace"); got != want {
			t.Errorf("%q: %s", in, got)
		}
	}
}

// TestCommandLine: quoting as CommandLineToArgvW undoes it.
func TestCommandLine(t *testing.T) {
	for want, args := range map[string][]string{
		`a b`:                         {"a", "b"},
		`"C:\Program Files\x.exe" ""`: {`C:\Program Files\x.exe`, ""},
		`"a b\\" c\d\`:                {`a b\`, `c\d\`},
		`"say \"hi\"" "x\\\"y"`:       {`say "hi"`, `x\"y`},
	} {
		if got := CommandLine(args); got != want {
			t.Errorf("%q: %s, want %s", args, got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	for code, kind := range map[uint32]error{
		5: ErrPrivilege, 1314: ErrPrivilege, 183: ErrExists, 4201: ErrNotFound, 1450: ErrSlots, 112: ErrDisk, 3: ErrPath, 123: ErrPath, 161: ErrPath, 32: ErrPath, 50: ErrSystem,
	} {
		err := error(&CallError{Call: "X", Object: "y", Code: code})
		if !errors.Is(err, kind) || !strings.HasPrefix(err.Error(), "X y: error ") || strings.Count(err.Error(), ": ") < 2 {
			t.Errorf("%d: %v", code, err)
		}
	}
}

func TestCaptureFile(t *testing.T) {
	o := FileCapture{
		Settings: Settings{Name: "aftrace", Mode: ModeSequential, File: `C:\x.etl`, MaxFileMB: 10}, Poll: time.Millisecond,
		Providers: []Provider{{GUID: NDISWPP, Level: 5}},
	}
	c := &fakeControl{sessions: map[string]Session{}}
	stop := make(chan struct{})
	o.Started = func(*Recording) { close(stop) }
	sum, err := CaptureFile(c, o, stop)
	if err != nil || !sum.Known || sum.Full || sum.Final.BuffersWritten != 1 || sum.Granted.MaxBuffers != 22 || len(c.sessions) != 0 || len(c.enabled) != 1 {
		t.Errorf("%+v %v", sum, err)
	}
	// The disk is full: the system counts what it cannot write, or refuses to begin.
	c.lost = 3
	o.Started, o.Duration = nil, time.Millisecond
	if sum, err = CaptureFile(c, o, nil); err != nil || sum.Final.BuffersLost() != 3 || len(sum.Warnings) != 1 || !strings.Contains(sum.Warnings[0], "3 buffers could not be written: see whether the disk is full") {
		t.Errorf("%+v %v", sum, err)
	}
	c.lost, c.start = 0, &CallError{Call: "StartTraceW", Object: "aftrace", Code: codeDiskFull}
	if _, err = CaptureFile(c, o, nil); !errors.Is(err, ErrDisk) {
		t.Errorf("%v", err)
	}
	c.start = nil
	// For a time.
	o.Started, o.Duration = nil, 5*time.Millisecond
	if sum, err = CaptureFile(c, o, nil); err != nil || !sum.Known {
		t.Errorf("%+v %v", sum, err)
	}
	// The file is full: the session is gone.
	o.Duration = 0
	o.Started = func(*Recording) { c.Stop("aftrace") }
	if sum, err = CaptureFile(c, o, nil); err != nil || sum.Known || !sum.Full {
		t.Errorf("%+v %v", sum, err)
	}
	// Errors leave no session.
	o.Started = nil
	c.enable = &CallError{Call: "EnableTraceEx2", Code: 5}
	if _, err = CaptureFile(c, o, nil); !errors.Is(err, ErrPrivilege) || len(c.sessions) != 0 {
		t.Errorf("%v %v", err, c.sessions)
	}
	c.enable, c.query = nil, &CallError{Call: "ControlTraceW", Code: codeNotSupported}
	if _, err = CaptureFile(c, o, nil); !errors.Is(err, ErrSystem) || len(c.sessions) != 0 {
		t.Errorf("%v %v", err, c.sessions)
	}
	c.query = nil
	c.sessions["aftrace"] = Session{}
	if _, err = CaptureFile(c, o, nil); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "aftrace session adopt aftrace") || len(c.sessions) != 1 {
		t.Errorf("%v", err)
	}
	o.File = ""
	if _, err = CaptureFile(c, o, nil); !errors.Is(err, ErrUsage) {
		t.Errorf("%v", err)
	}
}
