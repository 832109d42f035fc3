// Package uprobe captures what drivers and NDIS do in programs of Linux: harnesses that call
// functions with the names and prototypes of ndis.h. It puts eBPF probes on the entry and the
// return of each, reads arguments and what they point to, and needs neither a change to the
// program nor a compiler.
//
//	c, err := uprobe.Open(uprobe.Options{Program: []string{"./harness"}})
//	sum, err := collect.Run(ctx, c, writer, uprobe.RunOptions())
//
// Functions are found by their ELF symbols. Callbacks, which are often static and have any
// name, are found in the tables that drivers pass to NdisRegisterProtocolDriver,
// NdisMRegisterMiniportDriver and NdisSetOptionalHandlers: the probe at the entry of these
// stops the thread with a signal that its tracer (ptrace) gets, which reads the table, puts
// probes on the callbacks and lets the thread go on. Other threads run on. The same is done
// where the dynamic loader has loaded libraries, before their code can run.
package uprobe

import (
	"errors"
	"os"
	"time"

	"github.com/aftrace/aftrace/collect"
)

// ErrNotPossible says that this system cannot be probed; the text says what is missing and
// what to do.
var ErrNotPossible = errors.New("live capture with eBPF is not possible here")

// Options says what to capture. Either Program or PID must be set.
type Options struct {
	Program []string // a command to start, with its arguments
	Env     []string // of the command; nil is ours
	PID     int      // a process that runs
	// Children says that Program only starts what is to be captured, as a shell or a test
	// runner does: it need not have a function to probe.
	Children bool

	// Stdout is the standard output of the command, nil for ours.
	Stdout *os.File

	// Map is a file with other names of functions, see readMap; "" is none.
	Map string
	// ULong is how many bytes a ULONG of the program has, 4 or 8; 0 asks its debugging
	// information, and takes 4 as Windows does where there is none.
	ULong int
	// Buffer is the size of the ring between kernel and us in bytes, a power of two and at
	// least a page (default 64 MiB).
	Buffer int
	// Calls is how many calls can be in flight at once (default 65,536): of more, entry and
	// return are recorded without an id that joins them.
	Calls int
}

// Summary is what a capture did.
type Summary struct {
	Records    uint64   `json:"records"`      // entries and returns captured
	Lost       uint64   `json:"lost"`         // entries and returns for which there was no room
	Unread     uint64   `json:"unread"`       // pointers that could not be followed
	Untracked  uint64   `json:"untracked"`    // calls beyond what can be in flight at once
	Processes  int      `json:"processes"`    // that were traced
	Functions  int      `json:"functions"`    // addresses probed
	NsPerEntry float64  `json:"ns_per_entry"` // what a probe costs, as measured at the start
	NsPerCall  float64  `json:"ns_per_call"`  // entry and return together
	Stepped    []string `json:"stepped"`      // functions whose probe makes the kernel single-step
	Warnings   []string `json:"warnings"`
	Exit       *int     `json:"exit"` // exit status of the program that was started, 128 + signal; null while it runs
}

// RunOptions are those of collect.Run for a capture: what was written is never older than a
// second.
func RunOptions() collect.RunOptions {
	return collect.RunOptions{Window: 250 * time.Millisecond, Flush: 300 * time.Millisecond}
}

// Requirement is something that capturing needs, and whether this system has it.
type Requirement struct {
	Name string // what it is
	OK   bool
	Have string // what was found
	Do   string // what to do if it is missing
}
