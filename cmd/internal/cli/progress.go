package cli

import (
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Progress shows how far work is, on standard error if that is a terminal and nowhere else.
type Progress struct {
	what   string
	silent bool
	bar    *progressbar.ProgressBar
}

// NewProgress returns a bar that appears with the first call of At. quiet shows nothing.
func NewProgress(what string, quiet bool) *Progress {
	return &Progress{what: what, silent: quiet || !Terminal(os.Stderr)}
}

// At says that done bytes of total are. If total is not known (0), the bar only shows that
// something goes on.
func (p *Progress) At(done, total int64) {
	if p.silent {
		return
	}
	if total <= 0 {
		total = -1
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetDescription(p.what),
			progressbar.OptionSetWriter(os.Stderr),
			progressbar.OptionShowBytes(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetWidth(30),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetRenderBlankState(true),
		)
	}
	_ = p.bar.Set64(done)
}

// Done removes the bar.
func (p *Progress) Done() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

// TotalSize is the size of the files at paths together, 0 if one is no file.
func TotalSize(paths []string) int64 {
	total := int64(0)
	for _, p := range paths {
		st, err := os.Stat(p)
		if err != nil || !st.Mode().IsRegular() {
			return 0
		}
		total += st.Size()
	}
	return total
}
