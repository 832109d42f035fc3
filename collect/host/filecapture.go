package host

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// FileCapture is a session that writes an .etl itself.
type FileCapture struct {
	Settings
	Providers []Provider
	Duration  time.Duration // 0 is until stop
	Poll      time.Duration // how often it is looked at (default 1 s)
	Started   func(*Recording)
}

// Recording is a session in progress.
type Recording struct {
	mu  sync.Mutex
	now Session
}

// Counts are the buffers written, the events lost, and buffers in use of those allocated. ETW
// does not count events.
func (r *Recording) Counts() (written, lost uint64, inUse, buffers uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.now
	return uint64(s.BuffersWritten), uint64(s.EventsLost), s.Buffers - min(s.FreeBuffers, s.Buffers), s.Buffers
}

// FileSummary is what a session that wrote a file did.
type FileSummary struct {
	Requested Settings `json:"requested"`
	Granted   Session  `json:"granted"`
	Final     Session  `json:"final"` // its last statistics
	Known     bool     `json:"known"` // Final is of its end, not of some time before
	Full      bool     `json:"full"`  // it ended because the file has its full size
	Providers []string `json:"providers"`
	Warnings  []string `json:"warnings"`
}

// CaptureFile starts a session that writes a file, and stops it after a time or when stop is
// closed. The errors of Control.Start come back, and no session is left behind by any other.
func CaptureFile(c Control, o FileCapture, stop <-chan struct{}) (FileSummary, error) {
	sum := FileSummary{Requested: o.Settings, Providers: []string{}, Warnings: []string{}}
	if o.Poll <= 0 {
		o.Poll = time.Second
	}
	s, err := c.Start(o.Settings)
	if err != nil {
		return sum, err
	}
	for _, p := range o.Providers {
		if err := c.Enable(s, p); err != nil {
			_, stopErr := c.Stop(o.Name)
			return sum, errors.Join(err, stopErr)
		}
		sum.Providers = append(sum.Providers, p.String())
	}
	if got, err := c.Query(o.Name); err == nil {
		s = got
	} else if errors.Is(err, ErrSystem) { // it is accepted, and nothing comes of it
		_, _ = c.Stop(o.Name)
		return sum, err
	} else {
		sum.Warnings = append(sum.Warnings, fmt.Sprintf("the session does not say what it was granted: %v", err))
	}
	sum.Granted, sum.Final = s, s
	r := &Recording{now: s}
	if o.Started != nil {
		o.Started(r)
	}
	var end <-chan time.Time
	if o.Duration > 0 {
		timer := time.NewTimer(o.Duration)
		defer timer.Stop()
		end = timer.C
	}
	tick := time.NewTicker(o.Poll)
	defer tick.Stop()
	for {
		select {
		case <-stop:
		case <-end:
		case <-tick.C:
			switch got, err := c.Query(o.Name); {
			case err == nil:
				sum.Final = got
				r.mu.Lock()
				r.now = got
				r.mu.Unlock()
				continue
			case errors.Is(err, ErrNotFound):
				// A sequential file that is full ends its session; so may another program.
				sum.Full = o.MaxFileMB > 0 && o.Mode&ModeSequential != 0
				if !sum.Full {
					sum.Warnings = append(sum.Warnings, "the session was ended by another program")
				}
				return sum, nil
			default:
				if len(sum.Warnings) < 10 {
					sum.Warnings = append(sum.Warnings, fmt.Sprintf("the session does not answer: %v", err))
				}
				continue
			}
		}
		got, err := c.Stop(o.Name)
		switch {
		case err == nil:
			sum.Final, sum.Known = got, true
			if got.LogBuffersLost > 0 {
				sum.Warnings = append(sum.Warnings, fmt.Sprintf("%d buffers could not be written: see whether the disk is full", got.LogBuffersLost))
			}
		case errors.Is(err, ErrNotFound):
			sum.Full = o.MaxFileMB > 0 && o.Mode&ModeSequential != 0
		default:
			return sum, err
		}
		return sum, nil
	}
}
