package report

import (
	"io"
	"strings"
)

// Formats are the names of the reports, in the order in which they are documented.
var Formats = []string{"text", "json", "sarif", "junit", "github", "markdown", "html"}

// FormatList is Formats for messages: "a, b or c".
func FormatList() string {
	last := len(Formats) - 1
	return strings.Join(Formats[:last], ", ") + " or " + Formats[last]
}

// NeedsRows says whether a report shows rows of the traces, which then must be readable a
// second time.
func NeedsRows(format string) bool { return format == "text" || format == "sarif" || format == "html" }

// Write writes the report of a format, which is one of Formats. version is that of the tool.
func (r *Report) Write(w io.Writer, format, version string, o TextOptions, m Material) error {
	switch format {
	case "text":
		return r.WriteText(w, o)
	case "json":
		return r.WriteJSON(w)
	case "sarif":
		return r.WriteSARIF(w, SARIFOptions{Version: version, Rows: o.Rows, Ladders: m.Ladders})
	case "junit":
		return r.WriteJUnit(w)
	case "github":
		return r.WriteGitHub(w)
	case "markdown":
		return r.WriteMarkdown(w)
	case "html":
		return r.WriteHTML(w, HTMLOptions{Version: version, Flags: o.Flags, Material: m})
	}
	panic("report: no format " + format)
}
