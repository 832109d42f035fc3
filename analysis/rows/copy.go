package rows

import (
	"context"
	"io"

	"github.com/aftrace/aftrace/format"
)

// Copy writes the rows of r that f passes to w, at most limit of them if limit is above 0.
// It returns how many it wrote and the error of ctx, of r (an *format.Error) or of w.
func Copy(ctx context.Context, w Writer, r *format.Reader, f *Filter, limit uint64) (n uint64, err error) {
	var e format.Event
	for {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		b, err := r.Next()
		if err == io.EOF {
			return n, w.Flush()
		}
		if err != nil {
			if ferr := w.Flush(); ferr != nil {
				return n, ferr
			}
			return n, err
		}
		for i := range b.N {
			if !f.Match(b, i) {
				continue
			}
			b.Event(i, &e)
			if err := w.Write(&e); err != nil {
				return n, err
			}
			if n++; n == limit {
				return n, w.Flush()
			}
		}
	}
}
