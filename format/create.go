package format

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// Create returns a Writer for path, whose extension decides the format; what o.File says
// does not count.
//
//   - .arrow is a file. It is written under another name in the same folder and gets its
//     name with Close, so that a trace of that name is always whole.
//   - .arrows is a stream. It is written in place: after a crash its whole batches can be
//     read.
//   - "-" is a stream to standard output.
func Create(path string, o WriterOptions) (*Writer, error) {
	switch ext := strings.ToLower(filepath.Ext(path)); {
	case path == "-":
		o.File = false
		return NewWriter(os.Stdout, o)
	case ext == ".arrows":
		o.File = false
		f, err := os.Create(path)
		if err != nil {
			return nil, fmt.Errorf("format: %w", err)
		}
		w, err := NewWriter(f, o)
		if err != nil {
			f.Close()
			os.Remove(path)
			return nil, err
		}
		w.finish = func(err error) error { return errors.Join(err, f.Close()) }
		return w, nil
	case ext == ".arrow":
		o.File = true
		return createWhole(path, o)
	default:
		return nil, fmt.Errorf("format: cannot tell the format of %q: name it .arrow (file) or .arrows (stream), or use - for standard output", path)
	}
}

// createWhole writes a file that gets its name when it is whole.
func createWhole(path string, o WriterOptions) (*Writer, error) {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return nil, fmt.Errorf("format: %s is a directory", path)
	}
	// Nobody but us knows the name that it has until then.
	ours := func(err error) error {
		var pe *os.PathError
		var le *os.LinkError
		switch {
		case errors.As(err, &pe):
			return &os.PathError{Op: pe.Op, Path: path, Err: pe.Err}
		case errors.As(err, &le):
			return &os.PathError{Op: le.Op, Path: path, Err: le.Err}
		}
		return err
	}
	temp := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%08x.partial", filepath.Base(path), rand.Uint32()))
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, fmt.Errorf("format: %w", ours(err))
	}
	w, err := NewWriter(renaming{f, ours}, o)
	if err != nil {
		f.Close()
		os.Remove(temp)
		return nil, err
	}
	w.finish = func(err error) error {
		if err == nil {
			err = f.Sync()
		}
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err == nil {
			err = os.Rename(temp, path)
		}
		if err != nil {
			os.Remove(temp)
			return fmt.Errorf("format: %s was not written: %w", path, ours(err))
		}
		return nil
	}
	return w, nil
}

// renaming is a Writer whose errors are changed.
type renaming struct {
	io.Writer
	change func(error) error
}

func (r renaming) Write(p []byte) (int, error) {
	n, err := r.Writer.Write(p)
	if err != nil {
		err = r.change(err)
	}
	return n, err
}
