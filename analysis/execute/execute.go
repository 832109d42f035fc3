// Package execute re-executes traces: it reads a recording, has the executor of package replay
// execute it, and writes the trace that comes out.
package execute

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/aftrace/aftrace/analysis/timing"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
)

// Metadata keys of a trace that was executed. They say what it was made from.
const (
	MetaSeed        = "aftrace.exec.seed"
	MetaCallManager = "aftrace.exec.call_manager"
	MetaAssumed     = "aftrace.exec.assumed"     // answers taken from the recording, which does not determine them
	MetaSupplied    = "aftrace.exec.supplied"    // answers of drivers that the recording does not have
	MetaDropped     = "aftrace.exec.dropped"     // calls on objects that do not exist in the execution
	MetaUntriggered = "aftrace.exec.untriggered" // calls inside callbacks that NDIS does not make in it
	MetaUnknown     = "aftrace.exec.unknown"     // calls on handles that never existed
)

// Options of Trace.
type Options struct {
	Reader format.ReaderOptions
	Writer format.WriterOptions // Metadata is filled in
	Replay replay.ExecuteOptions
	// Timings has NDIS's side of every call measured.
	Timings bool
	// Progress is told after each batch at which byte of the input it began; it may be nil.
	Progress func(bytes int64)
}

// Summary is what came of an execution.
type Summary struct {
	Stats     replay.ExecStats
	Result    *replay.Result // of the trace that came out
	Events    uint64         // rows read
	Lost      uint64         // events lost in the recording, as far as it says
	Truncated bool           // the recording ends without its end mark
	Timings   []timing.Row   // if asked for
}

// Holes says that the recording may lack events.
func (s *Summary) Holes() bool { return s.Lost > 0 || s.Truncated }

// Complete says that everything recorded was executed.
func (s *Summary) Complete() bool {
	return !s.Holes() && s.Stats.Unknown+s.Stats.Dropped+s.Stats.Untriggered+s.Stats.Assumed == 0
}

// InputError is an error of the recording.
type InputError struct{ Err error }

func (e *InputError) Error() string { return e.Err.Error() }
func (e *InputError) Unwrap() error { return e.Err }

// Trace executes the recording that r delivers and writes the outcome to out, an .arrow or
// .arrows file or "-". An output that could not be finished is not left behind under its name
// (.arrow), or has no end mark (.arrows). An error of the recording is an InputError; what came
// before it is executed and written. What comes of a recording that is cut short, or that an error
// ends, says of itself that it is cut short.
func Trace(ctx context.Context, r *format.Reader, out string, o Options) (*Summary, error) {
	md := replay.ExecMetadata(r.Metadata(), o.Replay.Seed, o.Replay.CallManager.String())
	o.Writer.Metadata = md
	w, err := format.Create(out, o.Writer)
	if err != nil {
		return nil, err
	}
	done := false
	defer func() {
		if !done {
			w.Discard()
		}
	}()
	var recorder *timing.Recorder
	if o.Timings {
		recorder = timing.New()
		clock := timing.NewClock()
		o.Replay.Hook, o.Replay.Clock, o.Replay.ClockCost = recorder, clock.Now, clock.Cost()
	}
	o.Replay.Metadata = md
	o.Replay.Stop = func() bool { return ctx.Err() != nil }
	o.Replay.Emit = w.WriteBatch
	x := replay.Execute(o.Replay)
	s := &Summary{}
	var broken error
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			broken = &InputError{err}
			break
		}
		s.Events += uint64(b.N)
		for i, p := range b.Phase[:b.N] {
			if p == format.PhaseGap {
				s.Lost += max(1, b.Lost[i])
			}
		}
		if err := x.Batch(b); err != nil {
			return nil, stopped(ctx, err)
		}
		if o.Progress != nil {
			o.Progress(r.Offset())
		}
	}
	if n, err := strconv.ParseUint(r.Metadata()[format.MetaLostEvents], 10, 64); err == nil {
		s.Lost = max(s.Lost, n)
	}
	s.Truncated = r.Truncated() || broken != nil
	s.Result, s.Stats, err = x.Finish(replay.End{Truncated: s.Truncated})
	if err != nil {
		return nil, stopped(ctx, err)
	}
	for _, c := range []struct {
		key string
		n   uint64
	}{{MetaAssumed, s.Stats.Assumed}, {MetaSupplied, s.Stats.Supplied}, {MetaDropped, s.Stats.Dropped},
		{MetaUntriggered, s.Stats.Untriggered}, {MetaUnknown, s.Stats.Unknown}} {
		w.SetMetadata(c.key, strconv.FormatUint(c.n, 10))
	}
	if s.Lost > 0 {
		w.SetMetadata(format.MetaLostEvents, strconv.FormatUint(s.Lost, 10))
	}
	if broken != nil {
		w.SetMetadata("aftrace.exec.cut", fmt.Sprint(broken))
	}
	done = true
	end := w.Close
	if s.Truncated { // and so is what came of it
		end = w.CloseCut
	}
	if err := end(); err != nil {
		return nil, err
	}
	if recorder != nil {
		s.Timings = recorder.Rows()
	}
	return s, broken
}

// stopped is the reason of ctx if that is why the execution stopped.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
