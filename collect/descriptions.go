package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/etl"
)

// Descriptions names files that say what is in events.
type Descriptions struct {
	TMF       []string // TMF texts, and folders of them
	PDBs      []string // with the WPP messages of a driver
	Manifests []string // .man, or a binary with a WEVT_TEMPLATE resource
	WPPMaps   []string // mapping files, from WPP messages to CoNDIS functions
}

// Loaded is what a description said.
type Loaded struct {
	Path     string `json:"path"`
	Messages int    `json:"messages,omitempty"` // of WPP
	Events   int    `json:"events,omitempty"`   // of manifests
}

// Load reads the files. An error names the file and wraps ErrInput. The library is never
// nil without an error.
func (x Descriptions) Load() (*decode.Library, []Loaded, error) {
	lib := &decode.Library{}
	var done []Loaded
	for _, path := range x.TMF {
		files, err := tmfFiles(path)
		if err != nil {
			return nil, nil, fail(err, ErrInput)
		}
		for _, file := range files {
			text, err := readDescription(file)
			if err != nil {
				return nil, nil, fail(err, ErrInput)
			}
			n, err := lib.AddTMF(file, text)
			if err != nil {
				return nil, nil, fail(err, ErrInput)
			}
			done = append(done, Loaded{Path: file, Messages: n})
		}
	}
	for _, path := range x.PDBs {
		n, err := withFile(path, func(f *os.File, size int64) (int, error) { return lib.AddPDB(path, f, size) })
		if err != nil {
			return nil, nil, fail(err, ErrInput)
		}
		done = append(done, Loaded{Path: path, Messages: n})
	}
	for _, path := range x.Manifests {
		n, err := withFile(path, func(f *os.File, _ int64) (int, error) { return addManifest(lib, path, f) })
		if err != nil {
			return nil, nil, fail(err, ErrInput)
		}
		done = append(done, Loaded{Path: path, Events: n})
	}
	for _, path := range x.WPPMaps {
		text, err := readDescription(path)
		if err == nil {
			err = lib.AddMap(path, text)
		}
		if err != nil {
			return nil, nil, fail(err, ErrInput)
		}
	}
	return lib, done, nil
}

// addManifest tells the forms of a manifest apart by their first bytes.
func addManifest(lib *decode.Library, path string, f *os.File) (int, error) {
	head := make([]byte, 4)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return 0, err
	}
	head = head[:n]
	if strings.HasPrefix(string(head), "MZ") {
		return lib.AddImage(path, f)
	}
	text, err := readDescription(path)
	if err != nil {
		return 0, err
	}
	if string(head) == "CRIM" {
		return lib.AddResource(path, text)
	}
	if n == 0 || strings.IndexByte("<\xEF\xFF\xFE \t\r\n", head[0]) < 0 {
		return 0, fmt.Errorf("%s: expected an instrumentation manifest (.man) or a PE binary (.dll, .exe, .sys)", path)
	}
	return lib.AddManifest(path, text)
}

// tmfFiles is the .tmf files of a folder by name, or the file itself.
func tmfFiles(path string) ([]string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.IsDir() {
		return []string{path}, nil
	}
	var list []string
	err = filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() && strings.EqualFold(filepath.Ext(file), ".tmf") {
			list = append(list, file)
		}
		return nil
	})
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("%s: no .tmf file in this folder (tracepdb -f x.pdb -p FOLDER writes them)", path)
	}
	slices.Sort(list)
	return list, err
}

// readDescription reads a file that has to fit into memory.
func readDescription(path string) (text []byte, err error) {
	_, err = withFile(path, func(f *os.File, _ int64) (int, error) {
		text, err = io.ReadAll(io.LimitReader(f, decode.MaxDescription+1))
		if err == nil && len(text) > decode.MaxDescription {
			err = fmt.Errorf("%s: larger than %d bytes", path, decode.MaxDescription)
		}
		return 0, err
	})
	return text, err
}

func withFile(path string, use func(f *os.File, size int64) (int, error)) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if st.IsDir() {
		return 0, fmt.Errorf("%s: is a folder", path)
	}
	return use(f, st.Size())
}

// learn reads a recording for what it says of its own events, before they are decoded. What
// cannot be read is reported when it is read again.
func learn(ctx context.Context, path string, limits etl.Options, d *decode.Decoder, progress func(done int64)) error {
	f, err := etl.Open(path, limits)
	if err != nil {
		return fail(err, ErrInput)
	}
	defer f.Close()
	var r etl.Record
	for n := 0; ; n++ {
		if n&0x3FFF == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if progress != nil {
				progress(f.Position())
			}
		}
		ok, err := f.ReadInto(&r)
		if err != nil || !ok {
			return errors.Join(ctx.Err(), failInput(err))
		}
		d.Learn(&r)
	}
}

func failInput(err error) error {
	if err == nil {
		return nil
	}
	return fail(err, ErrInput)
}
