package replay_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
	"github.com/aftrace/aftrace/replay/scenario"
)

// TestLegalScenariosStayLegal executes histories in which nobody breaks a rule, with much at the same
// time: in any order, and whoever answers for the call managers, nobody breaks one in the outcome. With
// the recorded call managers nothing of the recording is left out.
func TestLegalScenariosStayLegal(t *testing.T) {
	var files []string
	for _, pattern := range []string{
		"sequences/*", "concurrent/*", "vc/07-vc-with-a-call", "amb/13-macro-with-a-status", "amb/18-*", "amb/25-*",
		"close/02-*", "close/07-handle-concurrent-*", "close/10-mcm-*", "open/05-several-at-once", "sap/01-concurrent-*", "sap/08-concurrent-*",
		"sap/05-deregistered-again-after-failure", "oid/04-closed", "close/08-handle-before-completion",
	} {
		found, err := filepath.Glob("../testdata/scenarios/" + pattern + ".af")
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		files = append(files, found...)
	}
	tested := 0
	for _, file := range files {
		s := compiled(t, file)
		before := check(t, s.Events, replay.Options{Metadata: s.Metadata}, replay.End{})
		if len(severe(before)) > 0 {
			continue
		}
		tested++
		for _, mode := range []replay.CallManagerMode{replay.CallManagerRecorded, replay.CallManagerReference} {
			for seed := range uint64(6) {
				t.Run(fmt.Sprintf("%s/%s/%v-%d", filepath.Base(filepath.Dir(file)), filepath.Base(file), mode, seed), func(t *testing.T) {
					o := replay.ExecuteOptions{CallManager: mode}
					o.Metadata, o.Seed = s.Metadata, seed
					out, _, stats := executed(t, s.Events, 16, o)
					r := check(t, out, replay.Options{Metadata: s.Metadata}, replay.End{})
					for _, line := range severe(r) {
						t.Error(line)
					}
					if left := stats.Unknown + stats.Dropped + stats.Untriggered; mode == replay.CallManagerRecorded && left > 0 {
						t.Errorf("left out: %+v", stats)
					}
					if t.Failed() && testing.Verbose() {
						t.Logf("input\n%s\noutput\n%s", dump(s.Events), dump(out))
					}
				})
			}
		}
	}
	if tested < 30 {
		t.Errorf("only %d scenarios without an error", tested)
	}
}

// severe are the findings of severity error.
func severe(r *replay.Result) (lines []string) {
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Severity == rule.Error {
			lines = append(lines, fmt.Sprintf("%v@%d: %s", f.Rule, f.Events[0], f.Message))
		}
	}
	return lines
}

// TestUnknownHandles: what never existed is counted, what is gone is refused like by any NDIS.
func TestUnknownHandles(t *testing.T) {
	s, err := scenario.Compile(t.Name(), `
adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: delete-vc vc1
cl: delete-vc vc1 -> FAILURE
cl: make-call vc1 -> FAILURE
cl: register-sap af1 s1
cl: deregister-sap s1 -> PENDING
  cm: cm-deregister-sap s1 -> PENDING
cm: cm-sap-deregistered s1
  cl: sap-deregistered s1
cm: cm-sap-deregistered s1
cl: close af1
cl: close af1 -> FAILURE
cl: register-sap af1 s2 -> FAILURE
cl: NdisClCloseAddressFamily af=0x4711 -> FAILURE
cl: NdisClDeregisterSap sap=0x4712 -> FAILURE
`)
	if err != nil {
		t.Fatal(err)
	}
	o := replay.ExecuteOptions{}
	o.Metadata = s.Metadata
	_, _, stats := executed(t, s.Events, 16, o)
	if stats.Unknown != 2 || stats.Dropped+stats.Untriggered > 0 {
		t.Errorf("%+v", stats)
	}
}

// TestWithoutThreads executes histories of which the threads were not recorded: whatever ran inside a
// call is found by what it is about, where that tells.
func TestWithoutThreads(t *testing.T) {
	for _, name := range []string{"sequences/6.10-outgoing-call",
		"concurrent/pended-opens-out-of-order", "concurrent/mcm-and-stand-alone", "concurrent/multipoint-concurrent",
		"concurrent/incoming-refused", "concurrent/surprise-open-pending"} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			raw, err := os.ReadFile("../testdata/scenarios/" + name + ".af")
			if err != nil {
				t.Fatal(err)
			}
			text, _, _ := strings.Cut(string(raw), "\n----")
			s, err := scenario.Compile(name, "default tid=-\n"+text+"\n")
			if err != nil {
				t.Fatal(err)
			}
			o := replay.ExecuteOptions{}
			o.Metadata = s.Metadata
			out, _, stats := executed(t, s.Events, 16, o)
			for _, line := range severe(check(t, out, replay.Options{Metadata: s.Metadata}, replay.End{})) {
				t.Error(line)
			}
			if stats.Supplied+stats.Unknown+stats.Dropped+stats.Untriggered+stats.Assumed > 0 {
				t.Errorf("%+v", stats)
			}
			if t.Failed() && testing.Verbose() {
				t.Logf("input\n%s\noutput\n%s", dump(s.Events), dump(out))
			}
		})
	}
}
