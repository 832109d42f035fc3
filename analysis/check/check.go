// Package check replays traces: it reads them, feeds them to the checker and says what
// became of each.
package check

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/aftrace/aftrace/analysis/report"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
)

// Options of Trace. The zero value gives the defaults of docs/ambiguities.md.
type Options struct {
	Reader format.ReaderOptions
	Replay replay.Options // Metadata is filled in

	// Ahead lets Trace read the file on another core than the one that replays it: for who has
	// more to do with each row than to replay it.
	Ahead bool

	// Progress is told after each batch how many rows were replayed and at which byte of
	// the input it began; it may be nil.
	Progress func(rows uint64, bytes int64)

	// Opened is told the metadata of the trace; it may be nil.
	Opened func(format.Metadata)

	// Batch is told of each batch before it is replayed; it may be nil.
	Batch func(*format.Batch)

	// Found is told after each batch of the findings in it, for those who watch a growing
	// trace; see replay.Checker.News. It may be nil.
	Found func(*replay.Finding)
}

// Trace replays the trace at path. What is wrong with the input is in Trace.Err; the
// result then is that of the rows before it. The error of Trace is that of ctx only.
func Trace(ctx context.Context, path string, o Options) (report.Trace, error) {
	r, err := format.Open(path, o.Reader)
	if err != nil {
		return report.Trace{Path: path, Err: err}, nil
	}
	defer r.Close()
	host := newOneHost(r)
	if !o.Ahead || len(host.columns) > 0 || runtime.GOMAXPROCS(0) == 1 {
		return run(ctx, r, r, path, host, o)
	}
	a := r.Ahead()
	defer a.Stop()
	return run(ctx, r, a, path, host, o)
}

// Read replays the trace that r delivers; name stands for it in reports.
func Read(ctx context.Context, in io.Reader, name string, o Options) (report.Trace, error) {
	r, err := format.NewReader(in, name, o.Reader)
	if err != nil {
		return report.Trace{Path: name, Err: err}, ctx.Err()
	}
	defer r.Close()
	return run(ctx, r, r, name, newOneHost(r), o)
}

// batches are those of a Reader.
type batches interface {
	Next() (*format.Batch, error)
	Rows() uint64
	Offset() int64
}

func run(ctx context.Context, r *format.Reader, from batches, path string, host *oneHost, o Options) (report.Trace, error) {
	if o.Opened != nil {
		o.Opened(r.Metadata())
	}
	w := NewWorld(path, r.Metadata(), o)
	var broken error
	for {
		if err := ctx.Err(); err != nil {
			return report.Trace{Path: path}, err
		}
		b, err := from.Next()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = host.check(r, path, b.N)
		}
		if err != nil {
			broken = err
			break
		}
		if err := w.Batch(b); err != nil {
			return report.Trace{Path: path}, err
		}
		if o.Progress != nil {
			o.Progress(from.Rows(), from.Offset())
		}
	}
	if err := ctx.Err(); err != nil {
		return report.Trace{Path: path}, err
	}
	return w.Finish(r.Truncated(), r.Defects(), broken), nil
}

// World replays one namespace, a host and boot, batch by batch. It is for those who bring
// the rows themselves; Trace and Read do it for files.
type World struct {
	name string
	o    Options
	c    *replay.Checker
	told losses
	news int
}

// NewWorld begins the replay of rows with the metadata md; name stands for them in reports.
func NewWorld(name string, md format.Metadata, o Options) *World {
	o.Replay.Metadata = md
	return &World{name: name, o: o, c: replay.New(o.Replay)}
}

// Batch replays rows. The only error is replay.ErrStopped.
func (w *World) Batch(b *format.Batch) error {
	for i, p := range b.Phase[:b.N] {
		if p == format.PhaseGap {
			w.told.add(b, i)
		}
	}
	if w.o.Batch != nil {
		w.o.Batch(b)
	}
	if err := w.c.Batch(b); err != nil {
		return err
	}
	if w.o.Found != nil {
		w.news = w.c.News(w.news, w.o.Found)
	}
	return nil
}

// Finish ends the replay: truncated says that the rows may go on where they end, defects are
// those that their reader counted, and broken is why it could not read on, or nil.
func (w *World) Finish(truncated bool, defects map[string]uint64, broken error) report.Trace {
	t := report.Trace{Path: w.name, Err: broken, Cut: truncated}
	t.Result = w.c.Finish(replay.End{
		Truncated:  truncated || broken != nil,
		LostEvents: w.told.unplaced(w.o.Replay.Metadata),
	})
	// What both of them count has one name. To the checker a missing function is an unknown
	// one, and so is one that was unknown to who wrote the trace.
	unknown := t.Result.Defects[replay.DefectUnknownFunction] - defects[format.DefectNullFunction]
	maps.Copy(t.Result.Defects, defects)
	if t.Result.Defects[replay.DefectUnknownFunction] = unknown; unknown == 0 {
		delete(t.Result.Defects, replay.DefectUnknownFunction)
	}
	return t
}

// losses are those that gap rows tell of.
type losses struct {
	rows    uint64
	events  uint64
	unknown bool // a row does not say how many
}

func (l *losses) add(b *format.Batch, i int) {
	l.rows++
	if b.Has[i]&format.HasLost == 0 {
		l.unknown = true
	} else {
		l.events += b.Lost[i]
	}
}

// unplaced is the number of lost events of the metadata that no gap row tells of. A row
// without a number may stand for any number. Lost buffers count as one event if no row
// says where they were: how many events they had is not known.
func (l *losses) unplaced(md format.Metadata) uint64 {
	events, _ := strconv.ParseUint(md[format.MetaLostEvents], 10, 64)
	buffers, _ := strconv.ParseUint(md[format.MetaLostBuffers], 10, 64)
	switch {
	case events > l.events && !l.unknown:
		return events - l.events
	case events == 0 && buffers > 0 && l.rows == 0:
		return 1
	}
	return 0
}

// Expand replaces folders by the traces in them, the .arrow and .arrows files, in the order
// of their names: DIR the ones directly in it, DIR/... those in its subfolders too, and the
// subfolders that cannot be read. Other arguments stay as they are. A folder without a trace is an error.
func Expand(args []string) ([]string, error) {
	var paths []string
	for _, arg := range args {
		dir, deep := strings.CutSuffix(arg, "...")
		if deep = deep && (dir == "" || os.IsPathSeparator(dir[len(dir)-1])); !deep {
			dir = arg
		} else if dir == "" {
			dir = "."
		}
		if st, err := os.Stat(dir); arg == "-" || err != nil || !st.IsDir() {
			paths = append(paths, arg)
			continue
		}
		found, err := tracesIn(dir, deep)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			hint := ""
			if !deep {
				hint = fmt.Sprintf("; %s/... looks into its subfolders too", strings.TrimRight(filepath.ToSlash(dir), "/"))
			}
			return nil, fmt.Errorf("%s: no .arrow or .arrows file in it%s", arg, hint)
		}
		paths = append(paths, found...)
	}
	return paths, nil
}

func tracesIn(dir string, deep bool) (found []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && path != dir:
			found = append(found, path) // to be told of as one that cannot be read, beside the others
			return fs.SkipDir
		case err != nil:
			return err
		case d.IsDir():
			if !deep && path != dir {
				return fs.SkipDir
			}
		case isTrace(d.Name()) && isFile(path, d):
			found = append(found, path)
		}
		return nil
	})
	return found, err
}

// isFile says whether an entry of a folder is a file, or a link that may lead to one. To open a
// pipe would wait for somebody who writes to it.
func isFile(path string, d fs.DirEntry) bool {
	if d.Type()&fs.ModeSymlink == 0 {
		return d.Type().IsRegular()
	}
	st, err := os.Stat(path)
	return err != nil || st.Mode().IsRegular() // a broken link cannot be read, and says so
}

// isTrace says whether a name is that of a trace. A partly written one begins with a dot.
func isTrace(name string) bool {
	if strings.HasPrefix(name, ".") {
		return false
	}
	ext := strings.ToLower(filepath.Ext(name))
	return ext == ".arrow" || ext == ".arrows"
}
