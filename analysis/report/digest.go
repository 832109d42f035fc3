package report

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// digest is the SHA-256 of the report's text of record: what two runs must agree on. It
// names no path, handle, message or time, so it is the same for a trace that was moved,
// renamed, rewritten in another batch size or merged into the same rows.
func (r *Report) digest() string {
	lines := make([]string, 0, len(r.Findings)+2)
	lines = append(lines, "d1", r.Verdict)
	for i := range r.Findings {
		lines = append(lines, digestLine(&r.Findings[i]))
	}
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:])
}

func digestLine(f *Finding) string {
	seqs := make([]string, len(f.Events))
	for i, s := range f.Events {
		seqs[i] = strconv.FormatUint(s, 10)
	}
	return strings.Join([]string{f.Rule, f.Severity, f.Verdict, f.AtFault, strings.Join(seqs, ",")}, " ")
}
