package fleet

import (
	"github.com/aftrace/aftrace/analysis/table"
	"github.com/aftrace/aftrace/replay"
)

// spansOf writes the calls of one world.
type spansOf struct {
	to *table.SpanWriter
	w  *world
}

func (s *spansOf) Span(x *replay.Span) {
	s.to.From(&s.w.from)
	s.to.Span(x)
}
