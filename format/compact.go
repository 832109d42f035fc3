package format

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// CompactOptions configures Compact. The zero value stops at corrupt input.
type CompactOptions struct {
	// Metadata is added to that of the trace, or replaces it key by key.
	Metadata    Metadata
	Compression Compression
	BatchRows   int // as in WriterOptions
	// Salvage takes the whole batches before a corrupt place and goes on as if the trace
	// were cut short there.
	Salvage       bool
	MaxBatchBytes int64 // as in ReaderOptions
}

// Compact rewrites the trace in, usually the stream of a live capture, as the file out,
// whose name ends in .arrow, and joins its small batches to large ones. seq and all other
// values stay as they are. If in was cut short, out ends with a gap row of unknown size.
// If Compact fails, there is no file out.
func Compact(in, out string, o CompactOptions) (err error) {
	if ext := strings.ToLower(filepath.Ext(out)); ext != ".arrow" {
		return fmt.Errorf("format: %q is not the name of a trace file, want .arrow", out)
	}
	r, err := Open(in, ReaderOptions{MaxBatchBytes: o.MaxBatchBytes})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	w, err := Create(out, WriterOptions{Metadata: o.Metadata, Compression: o.Compression, BatchRows: o.BatchRows})
	if err != nil {
		return err
	}
	m := &merger{out: w, opts: MergeOptions{Salvage: o.Salvage}, own: w.md.clone()}
	if err := m.run([]*Reader{r}); err != nil {
		w.Discard()
		return err
	}
	return w.Close()
}
