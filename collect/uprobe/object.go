//go:build linux && (amd64 || arm64)

package uprobe

import (
	"bytes"
	"cmp"
	"debug/dwarf"
	"debug/elf"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/aftrace/aftrace/format/ndis"
)

// fileID is what a program or library is known by, whatever it is called.
type fileID struct{ dev, ino uint64 }

func idOf(path string) (fileID, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return fileID{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return fileID{st.Dev, st.Ino}, nil
}

// object is a program or shared library that can be probed.
type object struct {
	path  string // as the user knows it
	file  *elf.File
	close io.Closer
	debug *elf.File // of .gnu_debuglink, else nil
	index int       // place in the list of objects

	symbols  []symbol // of functions, by address
	byName   map[string][]int
	layout   layout
	hasDWARF bool
	units    []unit           // of addresses, sorted
	named    map[int64]string // units: their source file

	functions map[ndis.Func][]uint64 // addresses by name of the vocabulary
	clones    []string               // symbols that the compiler made with other parameters
	debugHook uint64                 // _dl_debug_state of a dynamic loader, 0 if there is none
	dlopens   bool                   // it may load what it does not name

	isNDIS    bool           // it defines NdisXxx functions
	ndisUnits map[int64]bool // the units that do
}

type symbol struct {
	name       string
	addr, size uint64
	unit       int64 // of a local symbol: its source file, as a negative number; 0 if not known
}

// unit is a range of addresses that were compiled together.
type unit struct {
	low, high uint64
	id        int64
}

// maxSymbols bounds what is taken from one file.
const maxSymbols = 8 << 20

// openObject reads the symbols of the ELF file at path, which name stands for in messages.
// ulongSize is what the user said, 0 if nothing.
func openObject(path, name string, ulongSize int) (o *object, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil { // debug/elf and debug/dwarf are hardened, not proved
			err = fmt.Errorf("%s: damaged ELF file: %v", name, p)
		}
		if err != nil {
			f.Close()
		}
	}()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", name)
	}
	var magic [4]byte
	if _, err := f.ReadAt(magic[:], 0); err != nil || string(magic[:]) != elf.ELFMAG {
		what := ""
		if magic[0] == '#' && magic[1] == '!' {
			what = " (a script: name the program that it runs, or its interpreter with --children)"
		}
		return nil, fmt.Errorf("%s: not an ELF file%s", name, what)
	}
	e, err := elf.NewFile(f)
	if err != nil {
		return nil, fmt.Errorf("%s: damaged ELF file: %w", name, err)
	}
	o = &object{path: name, file: e, close: f, byName: map[string][]int{}, functions: map[ndis.Func][]uint64{}, ndisUnits: map[int64]bool{}, named: map[int64]string{}}
	if e.Class != elf.ELFCLASS64 || e.Machine != machine {
		return nil, fmt.Errorf("%s: a program for %s, %s; this aftrace probes %s, 64 bits", name, e.Machine, e.Class, machine)
	}
	if e.Type != elf.ET_EXEC && e.Type != elf.ET_DYN {
		return nil, fmt.Errorf("%s: ELF type %s, want a program or a shared library", name, e.Type)
	}
	o.debug = findDebug(e, path)
	o.readSymbols(e)
	if o.debug != nil {
		o.readSymbols(o.debug)
	}
	slices.SortStableFunc(o.symbols, func(a, b symbol) int { return cmp.Compare(a.addr, b.addr) })
	for i := range o.symbols {
		o.byName[o.symbols[i].name] = append(o.byName[o.symbols[i].name], i)
	}
	o.readDWARF(ulongSize)
	o.findFunctions()
	return o, nil
}

func (o *object) readSymbols(e *elf.File) {
	local, _ := e.Symbols()
	dynamic, _ := e.DynamicSymbols()
	var file int64
	have := map[symbol]bool{}
	for i := range o.symbols {
		s := o.symbols[i]
		s.unit = 0
		have[s] = true
	}
	for i, s := range append(local, dynamic...) {
		if len(o.symbols) > maxSymbols {
			return
		}
		switch elf.ST_TYPE(s.Info) {
		case elf.STT_FILE:
			file = -int64(i) - 1
			continue
		case elf.STT_FUNC, elf.STT_NOTYPE:
		default:
			continue
		}
		if s.Section == elf.SHN_UNDEF {
			if s.Name == "dlopen" || s.Name == "dlmopen" {
				o.dlopens = true
			}
			continue
		}
		if s.Value == 0 || elf.ST_TYPE(s.Info) == elf.STT_NOTYPE && ndis.Lookup(baseName(s.Name)) <= ndis.FuncUnknown {
			continue
		}
		sym := symbol{name: baseName(s.Name), addr: s.Value, size: s.Size}
		if have[sym] {
			continue
		}
		have[sym] = true
		if elf.ST_BIND(s.Info) == elf.STB_LOCAL && i < len(local) {
			sym.unit = file
		}
		o.symbols = append(o.symbols, sym)
	}
}

// baseName is the name of a symbol without its version and without what link-time
// optimisation appends to local ones.
func baseName(name string) string {
	name, _, _ = strings.Cut(name, "@")
	name, _, _ = strings.Cut(name, ".lto_priv.")
	return name
}

// findDebug opens the file with the symbols that were stripped, nil if there is none.
func findDebug(e *elf.File, path string) *elf.File {
	var tries []string
	var crc uint32
	checked := false
	if s := e.Section(".gnu_debuglink"); s != nil && s.Size < 4096 {
		if b, err := s.Data(); err == nil {
			if i := bytes.IndexByte(b, 0); i > 0 && len(b) >= 4 {
				name, dir := string(b[:i]), filepath.Dir(path)
				crc, checked = e.ByteOrder.Uint32(b[len(b)-4:]), true
				if real, err := filepath.EvalSymlinks(path); err == nil {
					dir = filepath.Dir(real)
				}
				tries = append(tries, filepath.Join(dir, name), filepath.Join(dir, ".debug", name), filepath.Join("/usr/lib/debug", dir, name))
			}
		}
	}
	if s := e.Section(".note.gnu.build-id"); s != nil && s.Size > 18 && s.Size < 128 {
		if b, err := s.Data(); err == nil {
			id := fmt.Sprintf("%x", b[16:])
			tries = append(tries, filepath.Join("/usr/lib/debug/.build-id", id[:2], id[2:]+".debug"))
		}
	}
	for i, t := range tries {
		f, err := os.Open(t)
		if err != nil {
			continue
		}
		if checked && i < 3 {
			h := crc32.NewIEEE()
			if _, err := io.Copy(h, f); err != nil || h.Sum32() != crc {
				f.Close()
				continue
			}
		}
		d, err := elf.NewFile(f)
		if err == nil && d.Machine == e.Machine && d.Class == e.Class {
			return d
		}
		f.Close()
	}
	return nil
}

func (o *object) readDWARF(ulongSize int) {
	def := func(found int) layout {
		switch {
		case ulongSize != 0:
			return windowsLayout(ulongSize)
		case found == 8:
			return windowsLayout(8)
		}
		return windowsLayout(4)
	}
	o.layout = def(0)
	for _, e := range []*elf.File{o.debug, o.file} {
		if e == nil || e.Section(".debug_info") == nil && e.Section(".zdebug_info") == nil {
			continue
		}
		d, err := e.DWARF()
		if err != nil {
			continue
		}
		o.layout, o.hasDWARF = dwarfLayout(d, def)
		r := d.Reader()
		for {
			c, err := r.Next()
			if c == nil || err != nil {
				break
			}
			if c.Tag == dwarf.TagCompileUnit {
				if name, ok := c.Val(dwarf.AttrName).(string); ok {
					o.named[int64(c.Offset)+1] = name
				}
				if ranges, err := d.Ranges(c); err == nil {
					for _, rg := range ranges {
						if rg[0] < rg[1] {
							o.units = append(o.units, unit{rg[0], rg[1], int64(c.Offset) + 1})
						}
					}
				}
			}
			r.SkipChildren()
		}
		slices.SortFunc(o.units, func(a, b unit) int { return cmp.Compare(a.low, b.low) })
		return
	}
}

// unitOf says with what an address was compiled; 0 if that is not known.
func (o *object) unitOf(addr uint64) int64 {
	i, _ := slices.BinarySearchFunc(o.units, addr, func(u unit, a uint64) int { return cmp.Compare(u.low, a+1) })
	if i > 0 && addr < o.units[i-1].high {
		return o.units[i-1].id
	}
	if s := o.symbolAt(addr); s != nil {
		return s.unit
	}
	return 0
}

// symbolAt is the function that an address belongs to, nil if that is not known.
func (o *object) symbolAt(addr uint64) *symbol {
	i, _ := slices.BinarySearchFunc(o.symbols, addr, func(s symbol, a uint64) int { return cmp.Compare(s.addr, a+1) })
	for i--; i >= 0; i-- {
		s := &o.symbols[i]
		if addr < s.addr+max(s.size, 1) {
			return s
		}
		if s.size > 0 {
			break
		}
	}
	return nil
}

func (o *object) findFunctions() {
	for name, at := range o.byName {
		switch {
		case name == "_dl_debug_state":
			o.debugHook = o.symbols[at[0]].addr
			continue
		}
		f := ndis.Lookup(name)
		if f <= ndis.FuncUnknown {
			if base, _, ok := strings.Cut(name, "."); ok && ndis.Lookup(base) > ndis.FuncUnknown && (strings.Contains(name, ".isra") || strings.Contains(name, ".constprop")) {
				o.clones = append(o.clones, name)
			}
			continue
		}
		for _, i := range at {
			o.add(f, o.symbols[i].addr)
		}
	}
	slices.Sort(o.clones)
}

// add makes the function at addr one of the vocabulary.
func (o *object) add(f ndis.Func, addr uint64) {
	if slices.Contains(o.functions[f], addr) {
		return
	}
	o.functions[f] = append(o.functions[f], addr)
	if f.Info().Dir == ndis.Down {
		o.isNDIS = true
		if u := o.unitOf(addr); u != 0 {
			o.ndisUnits[u] = true
		}
	}
}

// offset is the place in the file of an address in executable memory.
func (o *object) offset(addr uint64) (uint64, bool) {
	for _, p := range o.file.Progs {
		if p.Type == elf.PT_LOAD && p.Flags&elf.PF_X != 0 && addr >= p.Vaddr && addr-p.Vaddr < p.Filesz {
			return addr - p.Vaddr + p.Off, true
		}
	}
	return 0, false
}

// address is the reverse of offset.
func (o *object) address(off uint64) (uint64, bool) {
	for _, p := range o.file.Progs {
		if p.Type == elf.PT_LOAD && off >= p.Off && off-p.Off < p.Filesz {
			return off - p.Off + p.Vaddr, true
		}
	}
	return 0, false
}

// maxCode is how much of a function is disassembled.
const maxCode = 64 << 10

// code reads the function that begins at addr, or what of it matters.
func (o *object) code(addr uint64) []byte {
	size := uint64(64)
	for i := range o.symbols {
		if o.symbols[i].addr == addr && o.symbols[i].size > 0 {
			size = o.symbols[i].size
		}
	}
	size = min(size, maxCode)
	for _, p := range o.file.Progs {
		if p.Type == elf.PT_LOAD && addr >= p.Vaddr && addr-p.Vaddr < p.Filesz {
			b := make([]byte, min(size, p.Filesz-(addr-p.Vaddr)))
			if _, err := p.ReadAt(b, int64(addr-p.Vaddr)); err != nil {
				return nil
			}
			return b
		}
	}
	return nil
}

// interpreter is the dynamic loader that the program names, "" for a static one.
func (o *object) interpreter() string {
	for _, p := range o.file.Progs {
		if p.Type == elf.PT_INTERP && p.Filesz < 4096 {
			b := make([]byte, p.Filesz)
			if _, err := p.ReadAt(b, 0); err == nil {
				return strings.TrimRight(string(b), "\x00")
			}
		}
	}
	return ""
}

// needed finds the shared libraries that the object names, and theirs, as far as they can
// be found without running it.
func (o *object) needed(path string, env []string) (paths []string) {
	dirs := []string{"/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib", "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu"}
	for _, v := range env {
		if list, ok := strings.CutPrefix(v, "LD_LIBRARY_PATH="); ok {
			dirs = append(filepath.SplitList(list), dirs...)
		}
	}
	seen := map[string]bool{}
	var walk func(e *elf.File, path string)
	walk = func(e *elf.File, path string) {
		libs, _ := e.DynString(elf.DT_NEEDED)
		var own []string
		for _, tag := range []elf.DynTag{elf.DT_RPATH, elf.DT_RUNPATH} {
			lists, _ := e.DynString(tag)
			for _, l := range lists {
				origin := filepath.Dir(path)
				own = append(own, filepath.SplitList(strings.NewReplacer("$ORIGIN", origin, "${ORIGIN}", origin).Replace(l))...)
			}
		}
		for _, lib := range libs {
			if seen[lib] || len(seen) > 4096 {
				continue
			}
			seen[lib] = true
			for _, dir := range slices.Concat(own, dirs) {
				full := lib
				if !strings.Contains(lib, "/") {
					full = filepath.Join(dir, lib)
				}
				l, err := elf.Open(full)
				if err != nil {
					continue
				}
				if l.Machine == e.Machine && l.Class == e.Class {
					paths = append(paths, full)
					walk(l, full)
					l.Close()
					break
				}
				l.Close()
			}
		}
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	walk(o.file, path)
	return paths
}

// module is an object in the memory of a process.
type module struct {
	low, high uint64 // addresses
	bias      uint64 // address in memory less that in the file
	obj       *object
}

// errGone is the error of asking about a process that has ended.
var errGone = errors.New("the process has ended")
