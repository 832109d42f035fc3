package etw

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/collect/host"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// session is what a capture needs of the system and of the library that wraps it.
type session interface {
	// Process delivers events, one after the other, and returns when the session has ended and
	// all of them were delivered. An event is valid until deliver returns.
	Process(deliver func(*eventRecord)) error
	// Enable enables a further provider.
	Enable(host.Provider) error
	// Query says what the session was granted and counts.
	Query() (host.Session, error)
	// Update asks for other buffers and flushes.
	Update(host.Settings) error
	// Stop ends the session and returns its final counts. Process returns afterwards.
	Stop() (host.Session, error)
}

// settle is how long it may take until a session that cannot be read says so.
const settle = 100 * time.Millisecond

// lateWriter is how long after a crossing its event may be written, by emitters that drain
// buffers: an event that cannot be read says that a crossing is missing in that time.
const lateWriter = time.Second

// lostEvents is the provider of the notices that a live session lost something.
var lostEvents = func() etl.GUID {
	g, err := etl.ParseGUID("6a399ae0-4bc6-4de9-870b-3657f8947e7e")
	if err != nil {
		panic(err)
	}
	return g
}()

// Capture is a capture in progress: a collect.Source. Next and Close are for one goroutine;
// Stop, Summary, Metadata and Counts may be called from any.
type Capture struct {
	o       Options
	s       session
	q       queue
	started time.Time

	batch []format.Event
	at    int

	// Of the callback.
	d       *decode.Decoder
	record  etl.Record
	items   []byte
	row     format.Event
	crossed [ndis.NumFuncs]bool

	dtrace atomic.Bool // a row came from the DTrace script

	records, rows, undecodable, superseded, notices atomic.Uint64

	mu     sync.Mutex // of what follows
	sum    Summary
	before host.Session // as last asked
	polled time.Time
	notice uint64 // notices told of
	ended  time.Time

	stop    sync.Once
	quit    chan struct{} // tells the capture to end
	watched chan struct{} // closed when nobody asks for losses any more
	stopped chan struct{} // closed when the session was told to end
	done    chan struct{} // closed when nothing is delivered any more
}

// Open starts a session and enables the providers. Its errors wrap those of package host:
// ErrSystem, ErrPrivilege, ErrExists, ErrSlots, ErrUsage.
func Open(o Options) (*Capture, error) {
	if len(o.Providers) == 0 {
		return nil, fmt.Errorf("etw: %w: no provider", host.ErrUsage)
	}
	if o.Name == "" {
		o.Name = host.SessionName
	}
	s, err := start(o.Name, o.Providers[0])
	if err != nil {
		return nil, err
	}
	return open(o, s)
}

func open(o Options, s session) (*Capture, error) {
	if o.Poll <= 0 {
		o.Poll = time.Second
	}
	c := &Capture{
		o: o, s: s, started: time.Now(),
		d:    decode.New(decode.Options{Source: format.SourceETW, Clock: counterClock(), Library: o.Library}),
		quit: make(chan struct{}), watched: make(chan struct{}), stopped: make(chan struct{}), done: make(chan struct{}),
	}
	c.q.init()
	c.polled = c.started
	c.sum = Summary{Session: o.Name, Requested: Request{Settings: host.Settings{
		Name: o.Name, Mode: host.ModeRealTime, MaxBuffers: o.MaxBuffers, FlushSec: o.FlushSec,
	}}}
	for _, p := range o.Providers {
		c.sum.Requested.Providers = append(c.sum.Requested.Providers, p.String())
	}
	if o.MaxBuffers > 0 || o.FlushSec > 0 {
		if err := s.Update(c.sum.Requested.Settings); err != nil {
			c.warn("the session keeps its buffers: %v", err)
		}
	}
	if got, err := s.Query(); err != nil {
		c.warn("the session does not say what it was granted: %v", err)
	} else {
		c.sum.Granted, c.before = &got, got
	}
	// Before events are read: what providers say when they are enabled waits in the buffers.
	for _, p := range o.Providers[1:] {
		if err := s.Enable(p); err != nil {
			_, stopErr := s.Stop()
			return nil, errors.Join(err, stopErr)
		}
	}
	go c.watch()
	failed := make(chan error, 1)
	go func() {
		err := s.Process(c.deliver)
		failed <- err
		close(c.done)
		c.finish(err)
	}()
	select {
	case err := <-failed:
		if err != nil {
			c.Close()
			return nil, fmt.Errorf("etw: %w", err)
		}
	case <-time.After(settle): // it reads
	}
	return c, nil
}

func (c *Capture) warn(text string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.sum.Warnings) < 100 {
		c.sum.Warnings = append(c.sum.Warnings, fmt.Sprintf(text, args...))
	}
}

// deliver is the callback: it decodes an event where it lies.
func (c *Capture) deliver(ev *eventRecord) {
	c.records.Add(1)
	r := &c.record
	c.items = fill(r, ev, c.items)
	if r.Provider == lostEvents {
		c.notices.Add(1)
	}
	switch c.d.Decode(r, &c.row) {
	case decode.Row:
		if c.row.Phase != format.PhaseEvent {
			c.crossed[c.row.Function] = true
		} else if c.row.Source == format.SourceManifest && c.crossed[c.row.Function] {
			// What a manifest event says of a function in passing adds nothing where its
			// crossings themselves are recorded.
			c.superseded.Add(1)
			return
		}
		if c.row.Source == format.SourceDTrace && !c.dtrace.Load() {
			c.dtrace.Store(true)
		}
		c.rows.Add(1)
		c.q.put(&c.row)
	case decode.Lost:
		c.undecodable.Add(1)
		ts := r.Time
		if c.row.TS != 0 {
			ts = min(ts, c.row.TS)
		}
		g := gap(ts-int64(lateWriter), max(r.Time, c.row.TS), "event of "+decode.AfTraceName+" not readable: "+c.d.Failure().Reason.String())
		g.Lost, g.Has = 1, g.Has|format.HasLost
		c.q.put(&g)
	}
}

// gap is a gap row without a count.
func gap(since, ts int64, reason string) format.Event {
	text, _ := json.Marshal(reason) // of a string it cannot fail
	return format.Event{
		TS: ts, Phase: format.PhaseGap, Source: format.SourceETW, Has: format.HasDetail,
		Detail: fmt.Sprintf(`{"reason":%s,"since_ts":%d}`, text, min(since, ts)),
	}
}

// watch asks for losses until the capture ends.
func (c *Capture) watch() {
	defer close(c.watched)
	tick := time.NewTicker(c.o.Poll)
	defer tick.Stop()
	for failed := 0; ; {
		select {
		case <-c.quit:
			return
		case <-c.done:
			return
		case <-tick.C:
		}
		got, err := c.s.Query()
		if err != nil {
			if failed++; failed == 1 {
				c.warn("the session does not answer: %v", err)
			}
			continue
		}
		c.losses(got)
	}
}

// losses adds gap rows for what was lost since the session was asked last.
func (c *Capture) losses(now host.Session) {
	c.mu.Lock()
	before, since := c.before, c.polled
	c.before, c.polled = now, time.Now()
	ts := c.polled
	told := c.notice
	c.notice = c.notices.Load()
	noticed := c.notice > told
	events := now.EventsLost - before.EventsLost // numbers of 32 bits that wrap
	buffers := (now.LogBuffersLost - before.LogBuffersLost) + (now.RealTimeBuffersLost - before.RealTimeBuffersLost)
	c.sum.EventsLost += uint64(events)
	c.sum.BuffersLost += uint64(buffers)
	c.sum.Buffers, c.sum.BuffersInUse = now.Buffers, now.Buffers-min(now.FreeBuffers, now.Buffers)
	c.mu.Unlock()
	if events > 0 {
		g := gap(since.UnixNano(), ts.UnixNano(), "events lost")
		g.Lost, g.Has = uint64(events), g.Has|format.HasLost
		c.q.put(&g)
	}
	if buffers > 0 {
		g := gap(since.UnixNano(), ts.UnixNano(), fmt.Sprintf("%d buffers lost", buffers))
		c.q.put(&g)
	}
	if noticed && events == 0 && buffers == 0 {
		g := gap(since.UnixNano(), ts.UnixNano(), "the system told of losses")
		c.q.put(&g)
	}
}

// finish ends the capture when nothing is delivered any more, whoever ended the session.
func (c *Capture) finish(err error) {
	c.Stop() // if another one ended the session, this finds it gone
	<-c.stopped
	c.mu.Lock()
	final := c.sum.Final
	c.ended = time.Now()
	c.mu.Unlock()
	if final == nil {
		g := gap(c.polled.UnixNano(), time.Now().UnixNano(), "the session was ended by another program: its last losses are not known")
		c.q.put(&g)
	}
	if err == nil {
		err = io.EOF
	} else {
		err = fmt.Errorf("etw: %w", err)
	}
	c.q.end(err)
}

// Stop ends the session: what it has recorded is still delivered.
func (c *Capture) Stop() {
	c.stop.Do(func() {
		close(c.quit)
		go func() {
			defer close(c.stopped)
			<-c.watched // an older answer must not come after the last
			final, err := c.s.Stop()
			if err != nil {
				if !errors.Is(err, host.ErrNotFound) {
					c.warn("the session was not stopped: %v", err)
				}
				return
			}
			c.losses(final)
			c.mu.Lock()
			c.sum.Final = &final
			c.mu.Unlock()
		}()
	})
}

// Next implements collect.Source. It ends with io.EOF when the session has ended and all that
// it delivered is read.
func (c *Capture) Next(ctx context.Context, e *format.Event) error {
	for c.at == len(c.batch) {
		rows, err := c.q.take(ctx, c.batch)
		c.batch, c.at = rows, 0
		if err != nil {
			return err
		}
	}
	*e = c.batch[c.at]
	c.batch[c.at] = format.Event{} // frees its strings
	c.at++
	return nil
}

// Close ends the capture at once.
func (c *Capture) Close() error {
	c.Stop()
	c.q.end(io.EOF)
	<-c.done
	<-c.stopped
	return nil
}

// Counts are what progress shows.
func (c *Capture) Counts() (records, lost uint64, buffersInUse, buffers uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.records.Load(), c.sum.EventsLost, c.sum.BuffersInUse, c.sum.Buffers
}

// Summary says what was done so far. Providers and Defects are those of a capture that has
// ended.
func (c *Capture) Summary() Summary {
	c.mu.Lock()
	s := c.sum
	ended := !c.ended.IsZero()
	s.Warnings = append([]string{}, s.Warnings...)
	c.mu.Unlock()
	s.Records, s.Rows, s.Notices = c.records.Load(), c.rows.Load(), c.notices.Load()
	s.Undecodable, s.Superseded = c.undecodable.Load(), c.superseded.Load()
	s.Providers, s.Defects = []ProviderInfo{}, map[string]uint64{}
	if !ended {
		return s
	}
	for _, p := range c.d.Providers() {
		i := ProviderInfo{GUID: p.GUID.String(), Name: p.Name, Records: p.Records, Undecoded: p.Undecoded}
		for why, n := range p.Reasons {
			if i.Reasons == nil {
				i.Reasons = map[string]uint64{}
			}
			i.Reasons[why.String()] = n
		}
		s.Providers = append(s.Providers, i)
	}
	for d, n := range c.d.Defects() {
		s.Defects[d] = n
	}
	return s
}

// MetaSessionFinal are the statistics of the session at its end, JSON.
const MetaSessionFinal = "aftrace.session.final"

// Metadata is that of the trace, as far as it is known when the capture begins; after its
// end, all of it.
func (c *Capture) Metadata() format.Metadata {
	s := c.Summary()
	c.mu.Lock()
	ended := c.ended
	c.mu.Unlock()
	md := format.Metadata{
		format.MetaCollector: "etw",
		format.MetaLevel:     "api",
		format.MetaStarted:   format.FormatTime(c.started),
	}
	// The script probes exports, behind which the macros of a miniport call manager are gone.
	if c.dtrace.Load() {
		md[format.MetaLevel] = "export"
	}
	put := func(key string, v any) {
		if b, err := json.Marshal(v); err == nil { // numbers and strings
			md[key] = string(b)
		}
	}
	put(format.MetaSessionRequested, s.Requested)
	if s.Granted != nil {
		put(format.MetaSessionGranted, s.Granted)
	}
	if name, err := os.Hostname(); err == nil {
		md[format.MetaHost] = name
	}
	system(md)
	if ended.IsZero() {
		return md
	}
	md[format.MetaEnded] = format.FormatTime(ended)
	md[format.MetaLostEvents] = strconv.FormatUint(s.EventsLost, 10)
	md[format.MetaLostBuffers] = strconv.FormatUint(s.BuffersLost, 10)
	if s.Final != nil {
		put(MetaSessionFinal, s.Final)
	}
	return md
}
