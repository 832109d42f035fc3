package report

import (
	"io"

	"github.com/aftrace/aftrace/analysis/rows"
)

// WriteJSON writes the report as indented JSON. It contains no character that a terminal
// would obey.
func (r *Report) WriteJSON(w io.Writer) error { return rows.WriteJSON(w, r) }
