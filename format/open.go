package format

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
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
	if r.file && r.in.size >= 0 {
		r.peekFooter(f)
	}
	return r, nil
}

// peekFooter takes the metadata from the footer, if there is one. Whether the footer is
// right is found out at the end of the file.
func (r *Reader) peekFooter(f *os.File) {
	var tail [10]byte
	if _, err := f.ReadAt(tail[:], r.in.size-10); err != nil || string(tail[4:]) != magic {
		return
	}
	size := int64(binary.LittleEndian.Uint32(tail[:]))
	if size > maxMetadata || size > r.in.size-10 {
		return
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, r.in.size-10-size); err != nil {
		return
	}
	if ft, err := parseFooter(b); err == nil && ft.md != nil {
		r.md = ft.md
	}
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
		return other("an ETW log (.etl)", "convert it first: aftrace convert "+filepath.Base(name)+" -o trace.arrow")
	case starts("{") || starts("["):
		return other("JSON text", "")
	}
	return other("no Arrow IPC file or stream", "traces are .arrow or .arrows files that aftrace writes")
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

// footer is what the Footer table of a file says.
type footer struct {
	blocks [2][]block // dictionaries, record batches
	fields []arrowField
	md     Metadata
}

func parseFooter(b []byte) (footer, error) {
	f := &flatbuffer{b: b}
	t := f.root()
	var ft footer
	version := f.int16(t, 0)
	if f.err == nil && version != metadataV4 && version != metadataV5 {
		return ft, fmt.Errorf("footer of metadata version %d", version+1)
	}
	for kind, slot := range []int{2, 3} {
		v, n := f.vector(t, slot, 24)
		for i := range n {
			p := v + 24*i
			ft.blocks[kind] = append(ft.blocks[kind], block{
				offset: int64(binary.LittleEndian.Uint64(b[p:])),
				meta:   int64(int32(binary.LittleEndian.Uint32(b[p+8:]))),
				body:   int64(binary.LittleEndian.Uint64(b[p+16:])),
			})
		}
	}
	schema := f.sub(t, 1)
	if f.err != nil {
		return ft, f.err
	}
	if !schema.ok {
		return ft, errors.New("footer without a schema")
	}
	var err error
	ft.fields, ft.md, err = readSchema(f, schema, version)
	return ft, err
}

// footer reads the rest of a file, of which begun is already read, and checks that it is
// the footer for what was read: io.EOF if so.
func (r *Reader) footer(begun []byte) error {
	rest := bytes.NewBuffer(append([]byte(nil), begun...))
	n, err := io.Copy(rest, io.LimitReader(r.in.r, maxMetadata+64))
	r.in.off += n
	if err != nil {
		return err
	}
	b := rest.Bytes()
	whole := len(b) >= 10 && string(b[len(b)-6:]) == magic
	if !whole {
		if begun == nil && len(b) <= maxMetadata {
			return errCut // in the footer
		}
		return corrupt("no message begins here")
	}
	size := int64(binary.LittleEndian.Uint32(b[len(b)-10:]))
	if size != int64(len(b)-10) {
		return corrupt("footer of %d bytes where %d are left", size, len(b)-10)
	}
	ft, err := parseFooter(b[:size])
	if err != nil {
		return corrupt("%v", err)
	}
	for kind, what := range []string{"dictionaries", "batches"} {
		if !sameBlocks(ft.blocks[kind], r.blocks[kind]) {
			return corrupt("footer does not list the %s that the file has", what)
		}
	}
	if !sameFields(ft.fields, r.fields) {
		return corrupt("footer has another schema than the file")
	}
	if ft.md != nil {
		r.md = ft.md
	}
	return io.EOF
}

func sameBlocks(a, b []block) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func sameFields(a, b []arrowField) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := &a[i], &b[i]
		if x.name != y.name || x.typ != y.typ || x.width != y.width || x.signed != y.signed || (x.dict == nil) != (y.dict == nil) || !sameFields(x.kids, y.kids) {
			return false
		}
	}
	return true
}
