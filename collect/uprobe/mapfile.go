//go:build linux && (amd64 || arm64)

package uprobe

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/format/ndis"
)

// mapping is a line of a map file: a function of the vocabulary under another name.
type mapping struct {
	line   int
	fn     ndis.Func
	module string // base name of its file; "" is any
	symbol string
	offset uint64 // from the symbol, or an address of the file if there is none
	used   bool
}

// readMap reads a map file. A line is
//
//	NdisCmRegisterAddressFamilyEx = my_register
//	ProtocolCmOpenAf = libcm.so:open_af+0x4
//	ProtocolCmCloseAf = libcm.so:0x1a40
//
// with # before comments.
func readMap(path string) (maps []*mapping, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, inputError(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if n > 100_000 {
			return nil, inputError(fmt.Errorf("%s: more than 100000 lines", path))
		}
		m, err := parseMapping(text)
		if err != nil {
			return nil, inputError(fmt.Errorf("%s:%d: %w", path, n, err))
		}
		m.line = n
		maps = append(maps, m)
	}
	if err := lines.Err(); err != nil {
		return nil, inputError(fmt.Errorf("%s: %w", path, err))
	}
	return maps, nil
}

func parseMapping(text string) (*mapping, error) {
	name, target, ok := strings.Cut(text, "=")
	name, target = strings.TrimSpace(name), strings.TrimSpace(target)
	if !ok || target == "" {
		return nil, fmt.Errorf("want FUNCTION = [FILE:]SYMBOL[+OFFSET], have %q", text)
	}
	m := &mapping{fn: ndis.Lookup(name)}
	if m.fn <= ndis.FuncUnknown {
		return nil, fmt.Errorf("%q is no function or callback of CoNDIS", name)
	}
	if i := strings.LastIndexByte(target, ':'); i >= 0 {
		m.module, target = filepath.Base(target[:i]), target[i+1:]
	}
	sym, off, plus := strings.Cut(target, "+")
	if !plus && sym != "" && sym[0] >= '0' && sym[0] <= '9' {
		sym, off, plus = "", sym, true
	}
	m.symbol = sym
	if plus {
		v, err := strconv.ParseUint(off, 0, 63)
		if err != nil {
			return nil, fmt.Errorf("%q is no offset", off)
		}
		m.offset = v
	}
	return m, nil
}

// apply adds the functions that the map file names in an object.
func (m *mapping) apply(path string, o *object) error {
	if m.module != "" && m.module != filepath.Base(o.path) {
		return nil
	}
	fail := func(err error) error { return inputError(fmt.Errorf("%s:%d: %s: %w", path, m.line, o.path, err)) }
	if m.symbol == "" {
		if m.module == "" && o.file.Type != 2 && o.interpreter() == "" {
			return nil // an address without a file is one of the program
		}
		start := m.offset
		if s := o.symbolAt(m.offset); s != nil {
			start = s.addr
		}
		if _, ok := o.offset(m.offset); !ok {
			return fail(fmt.Errorf("%#x is no address of its code", m.offset))
		}
		if err := checkBoundary(o.file.Machine, o.code(start), m.offset-start); err != nil {
			return fail(err)
		}
		m.used = true
		o.add(m.fn, m.offset)
		return nil
	}
	for _, i := range o.byName[m.symbol] {
		s := o.symbols[i]
		if err := checkBoundary(o.file.Machine, o.code(s.addr), m.offset); err != nil {
			return fail(fmt.Errorf("%s: %w", m.symbol, err))
		}
		m.used = true
		o.add(m.fn, s.addr+m.offset)
	}
	return nil
}

// failure joins an error with the sentinel that decides the exit code.
type failure struct {
	error
	kind error
}

func (f *failure) Unwrap() []error { return []error{f.error, f.kind} }

func inputError(err error) error { return &failure{err, collect.ErrInput} }
