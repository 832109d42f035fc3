package cli

import (
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Progress shows how far work on inputs is, on standard error if that is a terminal and
// nowhere else. The zero value shows nothing.
type Progress struct {
	bar *progressbar.ProgressBar
}

// NewProgress starts a bar for the bytes of the files at paths; without their sizes it only
// shows that something goes on. quiet shows nothing.
func NewProgress(what string, paths []string, quiet bool) *Progress {
	if quiet || !Terminal(os.Stderr) {
		return &Progress{}
	}
	total := int64(0)
	for _, p := range paths {
		st, err := os.Stat(p)
		if err != nil || !st.Mode().IsRegular() {
			total = -1
			break
		}
		total += st.Size()
	}
	if total == 0 {
		total = -1
	}
	return &Progress{progressbar.NewOptions64(total,
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionShowBytes(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetWidth(30),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionFullWidth(),
	)}
}

// At says that n bytes of all inputs are done.
func (p *Progress) At(n int64) {
	if p.bar != nil {
		_ = p.bar.Set64(n)
	}
}

// Done removes the bar.
func (p *Progress) Done() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
