package host

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/windows/registry"
)

// underWine skips what changes the system: its registry and services are ours under Wine only.
func underWine(t *testing.T) {
	t.Helper()
	if wineVersion() == "" {
		t.Skip("changes the registry or the services of the host: only under Wine")
	}
}

// TestRegistry: values of all kinds, keys, and their end, in the real registry.
func TestRegistry(t *testing.T) {
	r := hive{registry.CURRENT_USER}
	const key = `Software\aftrace-test`
	defer r.Delete(key)
	if _, err := r.Values(key); !missingKey(err) {
		t.Fatalf("%v", err)
	}
	for name, v := range map[string]any{"s": "täxt", "d": uint32(1 << 31), "q": uint64(1 << 63)} {
		if err := r.Set(key+`\sub`, name, v); err != nil {
			t.Fatal(err)
		}
	}
	v, err := r.Values(key + `\sub`)
	if err != nil || v["s"] != "täxt" || v["d"] != uint32(1<<31) || v["q"] != uint64(1<<63) {
		t.Fatal(v, err)
	}
	if names, err := r.Keys(key); err != nil || len(names) != 1 || names[0] != "sub" {
		t.Fatal(names, err)
	}
	for range 2 {
		if err := r.Unset(key+`\sub`, "s"); err != nil {
			t.Error(err)
		}
	}
	if v, _ := r.Values(key + `\sub`); len(v) != 2 {
		t.Errorf("%v", v)
	}
	if err := r.Set(key, "x", 1.5); err == nil {
		t.Error("a value without a form was set")
	}
	for range 2 {
		if err := r.Delete(key); err != nil {
			t.Error(err)
		}
	}
	if _, err := r.Values(key + `\sub`); !missingKey(err) {
		t.Errorf("%v", err)
	}
}

// TestAutologgerForReal writes a boot session to the registry, twice, and takes it away.
func TestAutologgerForReal(t *testing.T) {
	underWine(t)
	r := LocalMachine()
	a := boot()
	a.Name = "aftrace-test"
	defer r.Delete(autologgers + `\` + a.Name)
	for _, want := range []bool{true, false} {
		if changed, err := InstallAutologger(r, a); changed != want || err != nil {
			t.Fatal(changed, err)
		}
	}
	a.Providers, _ = Profile("driver")
	if changed, err := InstallAutologger(r, a); !changed || err != nil {
		t.Fatal(changed, err)
	}
	list, err := Autologgers(r, &fakeControl{sessions: map[string]Session{}}, "")
	if err != nil || len(list) != 1 || !list[0].Enabled || !list[0].Ours || len(list[0].Providers) != 1 || list[0].Settings.File != a.File {
		t.Fatalf("%+v %v", list, err)
	}
	for _, want := range []bool{true, false} {
		if removed, err := RemoveAutologger(r, a.Name); removed != want || err != nil {
			t.Error(removed, err)
		}
	}
}

// TestServiceForReal installs, changes and removes the service.
func TestServiceForReal(t *testing.T) {
	underWine(t)
	defer RemoveService()
	o := ServiceOptions{Exe: `C:\Program Files\aftrace.exe`, Args: []string{"service", "run", "--dir", `C:\my traces\`}}
	for i, want := range []bool{true, false, true} {
		o.Automatic = i == 2
		if changed, err := InstallService(o); changed != want || err != nil {
			t.Fatal(i, changed, err)
		}
	}
	s, err := Service()
	if err != nil || !s.Installed || !s.Automatic || s.State != "stopped" || s.Command != `"C:\Program Files\aftrace.exe" service run --dir "C:\my traces\\"` {
		t.Errorf("%+v %v", s, err)
	}
	if err := DumpService(); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	if err := StopService(); err != nil {
		t.Error(err)
	}
	for _, want := range []bool{true, false} {
		if removed, err := RemoveService(); removed != want || err != nil {
			t.Error(removed, err)
		}
	}
	if s, err := Service(); err != nil || s.Installed {
		t.Errorf("%+v %v", s, err)
	}
	for _, err := range []error{StartService(), StopService(), DumpService()} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%v", err)
		}
	}
	if err := RunService(nil); !errors.Is(err, ErrSystem) {
		t.Errorf("%v", err)
	}
}

// TestSessionsUnderWine: a system that accepts sessions and has none is told from one that
// has them.
func TestSessionsUnderWine(t *testing.T) {
	underWine(t)
	c := Sessions()
	if _, err := c.Start(Settings{Name: `a\b`}); !errors.Is(err, ErrUsage) {
		t.Errorf("%v", err)
	}
	if _, err := c.Query("aftrace-test"); !errors.Is(err, ErrSystem) {
		t.Errorf("%v", err)
	}
	if _, err := c.Stop("aftrace-test"); !errors.Is(err, ErrSystem) {
		t.Errorf("%v", err)
	}
	if _, err := c.List(); err != nil {
		t.Errorf("%v", err)
	}
	if d := Diagnose(t.Context()); d.Possible() {
		t.Errorf("%+v", d.Routes)
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := FreeBytes(dir); err != nil || n == 0 {
		t.Error(n, err)
	}
}
