package format

import (
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
)

// PlainColumn is how a Writer takes the i-th extra column of the input: as the field that it
// passes in WriterOptions.Extra. Dictionaries, runs and views become what they stand for. The
// error (an *Error that wraps ErrSchema) names a type that cannot be passed on.
func (r *Reader) PlainColumn(i int) (arrow.Field, error) {
	f, err := plainField(r.ExtraColumns()[i])
	if err != nil {
		return f, r.errorAt(-1, err)
	}
	return f, nil
}

// PlainExtra is the i-th extra column of the current batch as an array of the type that
// PlainColumn gives, in memory of its own.
func (r *Reader) PlainExtra(i int) (arrow.Array, error) {
	a, err := plainArray(r.Extra(i))
	if err != nil {
		return nil, r.errorAt(r.Offset(), fmt.Errorf("%w: column %q: %v", ErrSchema, r.ExtraColumns()[i].Name, err))
	}
	return a, nil
}

// CloseCut is Close for a copy of a trace that was cut short: what is left is written, but
// neither end-of-stream marker nor footer, so that the copy says of itself what its original
// says. A file gets its name like a whole one.
func (w *Writer) CloseCut() error {
	if w.closed {
		return nil
	}
	err := w.Flush()
	if err == nil && w.mdLate && !w.opts.File {
		w.out.late = w.md
		if err = w.fail(w.writeRecord(nil)); err == nil {
			err = w.fail(w.out.w.Flush())
		}
	}
	w.closed = true
	if w.finish != nil {
		err = w.finish(err)
	}
	if err != nil {
		w.err = err
	}
	return err
}
