// Package etw captures live from ETW on Windows: one session, several providers, rows of a
// trace.
//
//	c, err := etw.Open(etw.Options{Name: host.SessionName, Providers: providers})
//	sum, err := collect.Run(ctx, c, writer, c.RunOptions())
//
// Sessions and the delivery of events are those of github.com/bi-zone/etw. It subscribes to
// one provider; further ones are enabled, and what the session was granted and has lost is
// asked for, through collect/host. Of an event it is the EVENT_RECORD that is read, in place:
// the raw bytes go to collect/decode, as those of a file do. That library sits behind an
// interface of five methods (session), and all above it is the same code on every system.
package etw

import (
	"time"

	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/host"
)

// Options says what to capture.
type Options struct {
	// Name of the session; "" is host.SessionName.
	Name      string
	Providers []host.Provider
	// MaxBuffers and FlushSec are asked for once the session runs; 0 leaves them to the system
	// (flushed once a second). Size and least number of buffers of a live session are the
	// system's choice: see Summary.Granted.
	MaxBuffers uint32
	FlushSec   uint32
	// Library describes events: with it WPP messages become rows. It may be nil.
	Library *decode.Library
	// Poll is how often losses are asked for (default 1 s).
	Poll time.Duration
}

// Summary is what a capture did so far.
type Summary struct {
	Session   string         `json:"session"`
	Requested Request        `json:"requested"`
	Granted   *host.Session  `json:"granted"` // as the session began; null if it does not say
	Final     *host.Session  `json:"final"`   // its statistics at the end; null before
	Records   uint64         `json:"records"` // events delivered
	Rows      uint64         `json:"rows"`    // of them, crossings and what says something of them
	Providers []ProviderInfo `json:"providers"`

	EventsLost   uint64            `json:"events_lost"`    // as the session counts them
	BuffersLost  uint64            `json:"buffers_lost"`   // likewise
	Notices      uint64            `json:"notices"`        // of the system that events were lost
	Undecodable  uint64            `json:"undecodable"`    // events of CoNDIS-AfTrace that could not be read
	Superseded   uint64            `json:"superseded"`     // manifest events of functions whose crossings are recorded, left out
	Defects      map[string]uint64 `json:"defects"`        // of events that were kept, without what is wrong
	BuffersInUse uint32            `json:"buffers_in_use"` // when last asked
	Buffers      uint32            `json:"buffers"`        // allocated, when last asked
	Warnings     []string          `json:"warnings"`
}

// Lossy says that something is missing from the trace.
func (s *Summary) Lossy() bool {
	return s.EventsLost > 0 || s.BuffersLost > 0 || s.Notices > 0 || s.Undecodable > 0 || len(s.Defects) > 0 || s.Final == nil
}

// Request is what was asked of the session.
type Request struct {
	host.Settings
	Providers []string `json:"providers"`
}

// ProviderInfo counts the events of a provider.
type ProviderInfo struct {
	GUID      string            `json:"guid"`
	Name      string            `json:"name"`
	Records   uint64            `json:"records"`
	Undecoded uint64            `json:"undecoded"`
	Reasons   map[string]uint64 `json:"reasons,omitempty"`
}

// RunOptions are those of collect.Run: events are delivered up to a flush of the session after
// they were written, and written up to a second after what they tell of.
func (c *Capture) RunOptions() collect.RunOptions {
	return collect.RunOptions{Window: 3*time.Second + time.Duration(max(c.o.FlushSec, 1))*time.Second}
}
