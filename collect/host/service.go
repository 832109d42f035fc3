package host

import (
	"fmt"
	"strings"
	"time"
)

// ServiceName is the name of our service.
const ServiceName = "aftrace"

// ServiceDump is the control code that makes the service put its ring aside ("sc control
// aftrace 128").
const ServiceDump = 128

// ServiceOptions says how the service is installed.
type ServiceOptions struct {
	Exe  string   // full path of the program
	Args []string // that make it run as the service
	// Automatic starts it when the host boots; else it is started by hand.
	Automatic bool
}

// ServiceStatus is what there is of the service.
type ServiceStatus struct {
	Installed bool   `json:"installed"`
	State     string `json:"state,omitempty"` // running, stopped, …
	Automatic bool   `json:"automatic"`
	Command   string `json:"command,omitempty"`
	PID       uint32 `json:"pid,omitempty"`
	ExitCode  uint32 `json:"exit_code"` // of its last run
}

// String is one line.
func (s ServiceStatus) String() string {
	if !s.Installed {
		return "service " + ServiceName + ": not installed"
	}
	text := fmt.Sprintf("service %s: %s", ServiceName, s.State)
	if s.PID != 0 {
		text += fmt.Sprintf(", process %d", s.PID)
	}
	if s.Automatic {
		text += ", starts with the host"
	} else {
		text += ", started by hand"
	}
	if s.ExitCode != 0 {
		text += fmt.Sprintf("; its last run ended with %d", s.ExitCode)
	}
	return text + "\n  " + s.Command
}

// ServiceWork is what the service does until stop is closed. dump is sent to when its ring
// is to be put aside. ready is called when it works.
type ServiceWork func(stop <-chan struct{}, dump <-chan time.Time, ready func()) (exitCode uint32)

// CommandLine quotes a program and its arguments as Windows takes them apart again
// (CommandLineToArgvW): backslashes count before a quotation mark only.
func CommandLine(args []string) string {
	var b strings.Builder
	for i, a := range args {
		if i > 0 {
			b.WriteByte(' ')
		}
		if a != "" && !strings.ContainsAny(a, " \t\n\v\"") {
			b.WriteString(a)
			continue
		}
		b.WriteByte('"')
		slashes := 0
		for _, c := range []byte(a) {
			switch c {
			case '\\':
				slashes++
				continue
			case '"':
				b.WriteString(strings.Repeat(`\`, 2*slashes+1))
			default:
				b.WriteString(strings.Repeat(`\`, slashes))
			}
			slashes = 0
			b.WriteByte(c)
		}
		b.WriteString(strings.Repeat(`\`, 2*slashes))
		b.WriteByte('"')
	}
	return b.String()
}
