// Package collect brings what sources report into a trace: in time order, numbered, each
// crossing once, and with a gap row wherever events were lost. It does not decide whether
// an event is legal.
//
//	summary, err := collect.Convert(ctx, collect.ConvertOptions{Inputs: []string{"a.etl"}, Output: "a.arrow"})
//
// Convert reads .etl files. A live capture is a Source given to Run. Info and TraceInfo say
// what is in an .etl file and in a trace.
package collect

import (
	"context"
	"errors"

	"github.com/aftrace/aftrace/format"
)

// Source is where the rows of a trace come from: a file, a live session, probes. It is
// used by one goroutine at a time.
type Source interface {
	// Next reads the next row into e, whose strings stay valid. Rows come in about the
	// order of time; what is lost comes as gap rows. Seq is left 0. At the end Next
	// returns io.EOF, and the error of ctx when ctx ends first.
	Next(ctx context.Context, e *format.Event) error
	// Close ends the source and frees what it holds.
	Close() error
}

// Errors that decide about an exit code. Others say that something went wrong inside.
var (
	// ErrUsage: the options contradict each other or the inputs.
	ErrUsage = errors.New("not possible as asked")
	// ErrInput: an input cannot be opened, is not what it should be, or cannot be read on.
	ErrInput = errors.New("input unreadable")
	// ErrBoot: inputs are of different hosts or boots, so that their handles and clocks
	// have nothing to do with each other. It comes with ErrInput.
	ErrBoot = errors.New("inputs are not of one boot of one host")
	// ErrOutput: the trace could not be written; there is none that looks whole.
	ErrOutput = errors.New("output not written")
)

// failure joins an error with the sentinel that classifies it, without repeating it in the text.
type failure struct {
	error
	kind []error
}

func fail(err error, kind ...error) error { return &failure{err, kind} }

func (f *failure) Unwrap() []error { return append([]error{f.error}, f.kind...) }
