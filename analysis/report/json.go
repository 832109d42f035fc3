package report

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/aftrace/aftrace/analysis/rows"
)

// WriteJSON writes the report as indented JSON. It contains no character that a terminal
// would obey.
func (r *Report) WriteJSON(w io.Writer) error { return writeJSON(w, r) }

func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	out := make([]byte, 0, b.Len())
	for line := range bytes.Lines(b.Bytes()) {
		out = append(rows.AppendPlainJSON(out, line), '\n')
	}
	_, err := w.Write(out)
	return err
}
