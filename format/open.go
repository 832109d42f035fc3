package format

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Open opens a trace, file or stream, whatever its name says; "-" is standard input. Every
// error is an *Error as for NewReader.
func Open(path string, o ReaderOptions) (*Reader, error) {
	if path == "-" {
		return NewReader(os.Stdin, "-", o)
	}
	refuse := func(err error) (*Reader, error) {
		reason := err
		var pe *os.PathError
		if errors.As(err, &pe) {
			reason = pe.Err
		}
		return nil, &Error{Path: path, Offset: -1, Reason: "cannot be read: " + reason.Error(), Err: err}
	}
	st, err := os.Stat(path)
	if err != nil {
		return refuse(err)
	}
	if st.IsDir() {
		return nil, &Error{Path: path, Offset: -1, Reason: "is a directory", Hint: "name the traces in it", Err: ErrNotTrace}
	}
	f, err := os.Open(path)
	if err != nil {
		return refuse(err)
	}
	r, err := NewReader(f, path, o)
	if err != nil {
		f.Close()
		return nil, err
	}
	r.closer = f
	return r, nil
}

type inputKind int

const (
	kindStream inputKind = iota
	kindFile
)

// sniff tells what an input is from its first bytes.
func sniff(head []byte, name string) (inputKind, error) {
	starts := func(s string) bool { return bytes.HasPrefix(head, []byte(s)) }
	other := func(what, hint string) (inputKind, error) {
		return 0, withHint(fmt.Errorf("%w: %s", ErrNotTrace, what), hint)
	}
	switch {
	case len(head) == 0:
		return other("the input is empty", "")
	case starts(magic + "\x00\x00"):
		return kindFile, nil
	case starts("\xFF\xFF\xFF\xFF"):
		return kindStream, nil
	case starts("PK\x03\x04") || starts("PK\x05\x06"):
		return other("a zip archive", "unpack it first")
	case starts("\x1F\x8B"):
		return other("gzip data", "unpack it first")
	case starts("\x28\xB5\x2F\xFD"):
		return other("zstd data", "unpack it first")
	case starts("7z\xBC\xAF\x27\x1C"):
		return other("a 7z archive", "unpack it first")
	case starts("MSCF"):
		return other("a cabinet file", "unpack it first")
	case starts("PAR1"):
		return other("a Parquet file", "convert it to Arrow IPC")
	case starts("FEA1"):
		return other("a Feather file of version 1", "write it as Feather version 2")
	case starts("SQLite format 3"):
		return other("a database", "")
	case looksLikeETL(head, name):
		return other("an ETW log (.etl)", "convert it first: aftrace convert "+argument(name)+" -o trace.arrow")
	case starts("{") || starts("["):
		return other("JSON text", "")
	}
	return other("no Arrow IPC file or stream", "traces are .arrow or .arrows files that aftrace writes")
}

// argument is a path as one argument of a command line.
func argument(path string) string {
	if strings.ContainsAny(path, " \t") {
		return `"` + path + `"`
	}
	return path
}

// looksLikeETL recognises the header of the first buffer of an ETW log: its size, how much
// of it is used, twice, and the buffer flag of a header.
func looksLikeETL(head []byte, name string) bool {
	if strings.EqualFold(filepath.Ext(name), ".etl") {
		return true
	}
	if len(head) < 64 {
		return false
	}
	size, saved, current := binary.LittleEndian.Uint32(head), binary.LittleEndian.Uint32(head[4:]), binary.LittleEndian.Uint32(head[8:])
	return size >= 1024 && size <= 16<<20 && size%1024 == 0 && saved <= size && current <= size && saved >= 72
}
