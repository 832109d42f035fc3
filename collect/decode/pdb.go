package decode

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"

	"github.com/aftrace/aftrace/collect/etl"
)

// Records of a symbol stream that matter here (CodeView symbol kinds).
const (
	symAnnotation = 0x1019 // S_ANNOTATION
	symLProc32    = 0x110F
	symGProc32    = 0x1110
	symLProc32ID  = 0x1146
	symGProc32ID  = 0x1147
)

// AddPDB adds the WPP messages and control GUIDs that a PDB carries: annotations in the
// symbols of its modules. size is that of the file. It returns how many messages there
// are; a PDB without any is an error.
func (l *Library) AddPDB(name string, r io.ReaderAt, size int64) (int, error) {
	f, err := openMSF(name, r, size)
	if err != nil {
		return 0, err
	}
	modules, err := f.modules()
	if err != nil {
		return 0, err
	}
	n, found := 0, len(l.controls)
	for _, m := range modules {
		k, err := l.addModule(f, m)
		n += k
		if err != nil {
			return n, err
		}
	}
	if n == 0 && len(l.controls) == found {
		return 0, wrong(name, "no WPP trace messages in the symbols of its %d modules: the driver is built without WPP, or this PDB is stripped of its annotations", len(modules))
	}
	return n, nil
}

// msf is a multi-stream file, the container of a PDB.
type msf struct {
	name    string
	r       io.ReaderAt
	size    int64
	block   int64
	streams []msfStream
}

type msfStream struct {
	size   uint32
	blocks []byte // u32 each
}

const msfMagic = "Microsoft C/C++ MSF 7.00\r\n\x1aDS\x00\x00\x00"

func openMSF(name string, r io.ReaderAt, size int64) (*msf, error) {
	if size > MaxPDB {
		return nil, wrong(name, "a PDB of %d bytes: at most %d are read", size, int64(MaxPDB))
	}
	head := make([]byte, 56)
	if _, err := r.ReadAt(head, 0); err != nil || !strings.HasPrefix(string(head), msfMagic) {
		return nil, wrong(name, "expected a PDB: it does not begin as a multi-stream file, version 7.00, does")
	}
	le := binary.LittleEndian
	f := &msf{name: name, r: r, size: size, block: int64(le.Uint32(head[32:]))}
	if f.block < 512 || f.block > 1<<16 || f.block&(f.block-1) != 0 {
		return nil, wrongAt(name, 32, "expected a block size, got %d", f.block)
	}
	dirBytes, mapBlock := le.Uint32(head[44:]), le.Uint32(head[52:])
	// The blocks of the directory are listed in a block of their own, or several in a row.
	list := make([]byte, 4*f.blocks(dirBytes))
	if int64(dirBytes) > size || int64(len(list)) > size {
		return nil, wrongAt(name, 44, "a stream directory of %d bytes in a file of %d", dirBytes, size)
	}
	if _, err := r.ReadAt(list, int64(mapBlock)*f.block); err != nil {
		return nil, wrongAt(name, 52, "the file ends before its stream directory")
	}
	dir, err := f.read(msfStream{dirBytes, list}, dirBytes)
	if err != nil {
		return nil, err
	}
	if len(dir) < 4 {
		return nil, wrongAt(name, 44, "an empty stream directory")
	}
	n := int(le.Uint32(dir))
	if n < 0 || n > (len(dir)-4)/4 {
		return nil, wrong(name, "a stream directory of %d streams in %d bytes", le.Uint32(dir), len(dir))
	}
	rest := dir[4+4*n:]
	for i := range n {
		s := msfStream{size: le.Uint32(dir[4+4*i:])}
		if s.size == 0xFFFFFFFF { // deleted
			s.size = 0
		}
		k := 4 * f.blocks(s.size)
		if k > int64(len(rest)) {
			return nil, wrong(name, "its stream directory ends before stream %d", i)
		}
		s.blocks, rest = rest[:k], rest[k:]
		f.streams = append(f.streams, s)
	}
	return f, nil
}

// blocks is how many blocks hold so many bytes.
func (f *msf) blocks(n uint32) int64 { return (int64(n) + f.block - 1) / f.block }

// read returns the first n bytes of a stream.
func (f *msf) read(s msfStream, n uint32) ([]byte, error) {
	if n > s.size || int64(n) > f.size {
		return nil, wrong(f.name, "a stream of %d bytes, of which %d are needed, in a file of %d", s.size, n, f.size)
	}
	b := make([]byte, n)
	for i := int64(0); i < f.blocks(n); i++ {
		at := int64(binary.LittleEndian.Uint32(s.blocks[4*i:])) * f.block
		part := b[i*f.block : min((i+1)*f.block, int64(n))]
		if k, err := f.r.ReadAt(part, at); k < len(part) {
			return nil, wrongAt(f.name, int(at), "expected a block of a stream: %v", err)
		}
	}
	return b, nil
}

// pdbModule is the symbol stream of a module.
type pdbModule struct {
	name   string
	stream int
	bytes  uint32 // of symbols
}

// modules reads the list of modules in the stream of debug information.
func (f *msf) modules() (list []pdbModule, err error) {
	const dbi, header, entry = 3, 64, 64
	if len(f.streams) <= dbi || f.streams[dbi].size < header {
		return nil, wrong(f.name, "no debug information (stream %d): the PDB is damaged", dbi)
	}
	le := binary.LittleEndian
	head, err := f.read(f.streams[dbi], header)
	if err != nil {
		return nil, err
	}
	if le.Uint32(head) != 0xFFFFFFFF {
		return nil, wrong(f.name, "debug information of an old form: tracepdb can still read it")
	}
	size := le.Uint32(head[24:])
	if size > f.streams[dbi].size-header {
		return nil, wrong(f.name, "its list of modules is longer than the debug information")
	}
	b, err := f.read(f.streams[dbi], header+size)
	if err != nil {
		return nil, err
	}
	for b = b[header:]; len(b) >= entry; {
		m := pdbModule{stream: int(le.Uint16(b[34:])), bytes: le.Uint32(b[36:])}
		pos := entry
		for i := range 2 { // module, object file
			n := bytes.IndexByte(b[pos:], 0)
			if n < 0 {
				return nil, wrong(f.name, "its list of modules breaks off")
			}
			if i == 0 {
				m.name = string(b[pos : pos+n])
			}
			pos += n + 1
		}
		b = b[min((pos+3)&^3, len(b)):]
		if m.stream != 0xFFFF && m.bytes > 4 {
			list = append(list, m)
		}
	}
	return list, nil
}

// addModule reads the symbols of a module.
func (l *Library) addModule(f *msf, m pdbModule) (n int, err error) {
	if m.stream >= len(f.streams) {
		return 0, wrong(f.name, "module %q: no stream %d", clip(m.name), m.stream)
	}
	b, err := f.read(f.streams[m.stream], m.bytes)
	if err != nil {
		return 0, err
	}
	le := binary.LittleEndian
	procedure := ""
	for pos := 4; pos+4 <= len(b); { // after the signature
		size := int(le.Uint16(b[pos:]))
		if size < 2 || pos+2+size > len(b) {
			return n, wrong(f.name, "module %q: the symbol at byte %d passes the end", clip(m.name), pos)
		}
		kind, data := le.Uint16(b[pos+2:]), b[pos+4:pos+2+size]
		pos += 2 + size
		switch kind {
		case symLProc32, symGProc32, symLProc32ID, symGProc32ID:
			if len(data) > 35 {
				name, _, _ := bytes.Cut(data[35:], []byte{0})
				procedure = string(name)
			}
		case symAnnotation:
			k, err := l.addAnnotation(f.name, data, procedure)
			n += k
			if err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// addAnnotation reads u32 code offset, u16 segment, u16 number of strings, strings.
func (l *Library) addAnnotation(file string, data []byte, procedure string) (int, error) {
	if len(data) < 8 {
		return 0, nil
	}
	lines := strings.Split(string(data[8:]), "\x00")
	if n := int(binary.LittleEndian.Uint16(data[6:])); n < len(lines) {
		lines = lines[:n]
	}
	switch {
	case len(lines) > 1 && lines[0] == "TMF:":
		p := tmfParser{lib: l, name: file, text: strings.Join(lines[1:], "\n")}
		n, err := p.parse(procedure)
		if e, ok := err.(*InputError); ok {
			err = wrong(file, "TMF annotation in %s: line %d: %s", procedure, e.Line, e.Text)
		}
		return n, err
	case len(lines) > 2 && lines[0] == "TMC:" && len(l.controls) < MaxProviders:
		g, err := etl.ParseGUID(strings.TrimSpace(lines[1]))
		if err != nil {
			return 0, nil // not one of ours
		}
		c := Control{GUID: g, Name: lines[2]}
		for _, flag := range lines[3:] {
			if flag != "" {
				c.Flags = append(c.Flags, flag)
			}
		}
		l.controls = append(l.controls, c)
	}
	return 0, nil
}
