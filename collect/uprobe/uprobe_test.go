//go:build linux && (amd64 || arm64)

package uprobe

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/format/ndis"
)

// needed skips what cannot run here, and fails it in CI.
func needed(t testing.TB) {
	t.Helper()
	if err := missing(Requirements()); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestWindowsLayout holds offsets that the headers of Windows have on x64.
func TestWindowsLayout(t *testing.T) {
	for key, want := range map[string]member{
		"CO_ADDRESS_FAMILY.MinorVersion":                                   {8, 4},
		"CO_CALL_PARAMETERS.MediaParameters":                               {16, 8},
		"CO_CALL_MANAGER_PARAMETERS.CallMgrSpecific":                       {64, 0},
		"CO_MEDIA_PARAMETERS.MediaSpecific":                                {16, 4},
		"NDIS_BIND_PARAMETERS.AdapterName":                                 {16, 8},
		"NDIS_BIND_PARAMETERS.BoundIfNetluid":                              {152, 8},
		"NDIS_BIND_PARAMETERS.BoundIfIndex":                                {160, 4},
		"NDIS_MINIPORT_INIT_PARAMETERS.NetLuid":                            {40, 8},
		"NDIS_OID_REQUEST.DATA":                                            {32, 4},
		"NDIS_REQUEST.DATA":                                                {40, 4},
		"NET_PNP_EVENT_NOTIFICATION.NetPnPEvent":                           {8, 4},
		"NDIS_PROTOCOL_DRIVER_CHARACTERISTICS.Name":                        {16, 16},
		"NDIS_PROTOCOL_DRIVER_CHARACTERISTICS.UninstallHandler":            {80, 8},
		"NDIS_MINIPORT_DRIVER_CHARACTERISTICS.DevicePnPEventNotifyHandler": {112, 8},
	} {
		if got := windowsLayout(4)[key]; got != want {
			t.Errorf("%s: %v, want %v", key, got, want)
		}
	}
	if got := windowsLayout(8)["CO_ADDRESS_FAMILY.MinorVersion"]; got != (member{16, 8}) {
		t.Errorf("with ULONGs of 8 bytes: %v", got)
	}
}

// TestPlans: every parameter that a trace has a place for is read, from a register or from memory.
func TestPlans(t *testing.T) {
	l := windowsLayout(4)
	for f, fn := range ndis.Functions() {
		enter, ret := enterPlan(f, l), returnPlan(f, l)
		for _, p := range []*plan{enter, ret} {
			if len(p.fetches) > 32 {
				t.Errorf("%v: %d fetches do not fit into the flags of a record", f, len(p.fetches))
			}
		}
		for i := range fn.Params {
			prm := &fn.Params[i]
			if prm.Column == ndis.NoColumn {
				continue
			}
			fetched := func(p *plan) bool {
				for _, x := range p.fetches {
					if x.param == prm {
						return true
					}
				}
				return false
			}
			if prm.OnReturn() && prm.Type != ndis.TypeCallParamsPtr && !fetched(ret) && slots(fn)[i] < numArgs {
				t.Errorf("%v: %s is not read on return", f, prm.Name)
			}
			if prm.Type == ndis.TypeAddressFamilyPtr && !fetched(enter) {
				t.Errorf("%v: %s is not read on entry", f, prm.Name)
			}
		}
	}
}

func TestEntryPlace(t *testing.T) {
	for _, test := range []struct {
		name, code string
		want       place
	}{
		{"push", "55 4889e5 c3", place{0, false, "PUSH"}},
		{"endbr64, push", "f30f1efa 55 c3", place{4, false, "PUSH"}},
		{"push r15", "4157 c3", place{0, false, "PUSH"}},
		{"nop", "90 c3", place{0, false, "NOP"}},
		{"mov eax, push", "b801000000 53 c3", place{5, false, "PUSH"}},
		{"the stack pointer moves", "4883ec18 55 c3", place{0, true, "SUB"}},
		{"an argument changes", "31ff 55 c3", place{0, true, "XOR"}},
		{"a loop", "31c0 53 5b ebfc c3", place{0, true, "XOR"}},
		{"call", "e800000000 c3", place{0, true, "CALL"}},
		{"locked", "f0480105d0ffffff 488b07 c3", place{8, true, "MOV"}},
	} {
		code, err := hex.DecodeString(strings.ReplaceAll(test.code, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if got := entryPlace(elf.EM_X86_64, code); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

func TestBoundary(t *testing.T) {
	code := []byte{0x55, 0x48, 0x89, 0xE5, 0xC3} // push rbp; mov rbp, rsp; ret
	for off, ok := range []bool{true, true, false, false, true, false} {
		if err := checkBoundary(elf.EM_X86_64, code, uint64(off)); (err == nil) != ok {
			t.Errorf("offset %d: %v", off, err)
		}
	}
	if err := checkBoundary(elf.EM_AARCH64, make([]byte, 8), 2); err == nil {
		t.Error("arm64: offset 2 is inside an instruction")
	}
}

func TestMapFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "map")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("# ours\nNdisCoCreateVc = create_vc # made here\nProtocolCmOpenAf = lib/cm.so:open+0x4\nProtocolCmCloseAf = cm.so:0x1a40\n")
	got, err := readMap(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []mapping{
		{line: 2, fn: ndis.NdisCoCreateVc, symbol: "create_vc"},
		{line: 3, fn: ndis.ProtocolCmOpenAf, module: "cm.so", symbol: "open", offset: 4},
		{line: 4, fn: ndis.ProtocolCmCloseAf, module: "cm.so", offset: 0x1a40},
	}
	for i := range want {
		if i >= len(got) || *got[i] != want[i] {
			t.Fatalf("%d: %+v, want %+v", i, got[i], want[i])
		}
	}
	for _, bad := range []string{"NdisCoCreateVc", "NdisCoCreateVc =", "Nothing = x", "NdisCoCreateVc = x+y", "NdisCoCreateVc = 0xQ"} {
		write(bad)
		if _, err := readMap(path); !errors.Is(err, collect.ErrInput) || !strings.Contains(err.Error(), path+":1:") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestWide(t *testing.T) {
	for text, b := range map[string]string{
		"ATM0":   "A\x00T\x00M\x000\x00",
		"AT":     "A\x00\x00\x00T\x00\x00\x00", // wchar_t of Linux
		"ä":      "\xe4\x00",
		"":       "",
		"\ufffd": "\x00\xd8",
	} {
		if got := wide([]byte(b)); got != text {
			t.Errorf("%q: %q, want %q", b, got, text)
		}
	}
}

// TestOpenObject: what is not a program that can be probed is an error, and never a panic.
func TestOpenObject(t *testing.T) {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x")
	for _, n := range []int{0, 3, 4, 16, 63, 64, 100, 500} {
		if err := os.WriteFile(path, self[:n], 0o777); err != nil {
			t.Fatal(err)
		}
		if o, err := openObject(path, "x", 0); err == nil {
			o.close.Close()
			if n < 64 {
				t.Errorf("%d bytes are a program", n)
			}
		}
	}
	head := append([]byte(nil), self[:4096]...)
	for i := range 4096 {
		head[i] ^= byte(i * 7)
		if err := os.WriteFile(path, head[:1024], 0o777); err != nil {
			t.Fatal(err)
		}
		if o, err := openObject(path, "x", 0); err == nil {
			o.close.Close()
		}
		head[i] ^= byte(i * 7)
		if i > 300 {
			break
		}
	}
}

// anELF is a small program: two sections of names and symbols, one function, one segment.
func anELF(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	names := "\x00NdisCoCreateVc\x00dlopen\x00"
	sections := "\x00.text\x00.symtab\x00.strtab\x00.shstrtab\x00"
	code := []byte{0x55, 0x48, 0x89, 0xE5, 0x5D, 0xC3}
	const base, text = 0x400000, 64 + 56
	strs := text + len(code)
	syms := strs + len(names)
	head := syms + 3*elf.Sym64Size
	put := func(v any) {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	ident := [16]byte{0x7F, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)}
	put(elf.Header64{
		Ident: ident, Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: 1, Entry: base + text, Phoff: 64, Shoff: uint64(head + len(sections)),
		Ehsize: 64, Phentsize: 56, Phnum: 1, Shentsize: 64, Shnum: 5, Shstrndx: 4,
	})
	put(elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: base, Paddr: base, Filesz: uint64(strs), Memsz: uint64(strs), Align: 4096})
	b.Write(code)
	b.WriteString(names)
	put(elf.Sym64{})
	put(elf.Sym64{Name: 1, Info: elf.ST_INFO(elf.STB_LOCAL, elf.STT_FUNC), Shndx: 1, Value: base + text, Size: uint64(len(code))})
	put(elf.Sym64{Name: 16, Info: elf.ST_INFO(elf.STB_GLOBAL, elf.STT_FUNC)})
	b.WriteString(sections)
	put(elf.Section64{})
	put(elf.Section64{Name: 1, Type: uint32(elf.SHT_PROGBITS), Flags: uint64(elf.SHF_ALLOC | elf.SHF_EXECINSTR), Addr: base + text, Off: text, Size: uint64(len(code))})
	put(elf.Section64{Name: 7, Type: uint32(elf.SHT_SYMTAB), Off: uint64(syms), Size: 3 * elf.Sym64Size, Link: 3, Info: 2, Entsize: elf.Sym64Size})
	put(elf.Section64{Name: 15, Type: uint32(elf.SHT_STRTAB), Off: uint64(strs), Size: uint64(len(names))})
	put(elf.Section64{Name: 23, Type: uint32(elf.SHT_STRTAB), Off: uint64(head), Size: uint64(len(sections))})
	return b.Bytes()
}

// opened opens the program of some bytes.
func opened(t testing.TB, b []byte) (*object, error) {
	t.Helper()
	fd, err := unix.MemfdCreate("aftrace-test", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "aftrace-test")
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	return openObject(fmt.Sprintf("/proc/self/fd/%d", fd), "x", 0)
}

// TestSmallObject: the finder reads the symbols of the program that FuzzObject begins with.
func TestSmallObject(t *testing.T) {
	o, err := opened(t, anELF(t))
	if err != nil {
		t.Fatal(err)
	}
	defer o.close.Close()
	if at := o.functions[ndis.NdisCoCreateVc]; len(at) != 1 || len(o.code(at[0])) != 6 || !o.dlopens || !o.isNDIS {
		t.Errorf("%#x, dlopens %v, NDIS %v", at, o.dlopens, o.isNDIS)
	}
	// A program for another processor.
	b := anELF(t)
	b[18], b[19] = byte(elf.EM_S390), 0
	if _, err := opened(t, b); err == nil || !strings.Contains(err.Error(), "EM_S390") {
		t.Errorf("another processor: %v", err)
	}
}

// FuzzObject: whatever a file has, the finder ends with what it found or with an error, and
// what it found can be asked for.
func FuzzObject(f *testing.F) {
	b := anELF(f)
	f.Add(b, "NdisCoCreateVc = NdisCoCreateVc+1")
	f.Add(b, "NdisCoCreateVc = 0x400078")
	f.Add(b[:200], "ProtocolCmOpenAf = x:dlopen")
	f.Add([]byte("\x7fELF"), "")
	f.Fuzz(func(t *testing.T, b []byte, line string) {
		if len(b) > 1<<20 {
			return
		}
		o, err := opened(t, b)
		if err != nil {
			return
		}
		defer o.close.Close()
		for _, list := range o.functions {
			for _, addr := range list {
				entryPlace(o.file.Machine, o.code(addr))
				o.offset(addr)
				o.unitOf(addr)
			}
		}
		o.needed("x", nil)
		o.interpreter()
		if m, err := parseMapping(line); err == nil {
			_ = m.apply("map", o)
		}
	})
}

// FuzzMapping: a line of a map file is a mapping or an error.
func FuzzMapping(f *testing.F) {
	for _, line := range []string{"NdisCoCreateVc = create_vc", "ProtocolCmOpenAf = lib/cm.so:open+0x4", "ProtocolCmCloseAf = cm.so:0x1a40", "=", "NdisCoCreateVc = :+"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		m, err := parseMapping(line)
		if err == nil && (m.fn <= ndis.FuncUnknown || m.fn >= ndis.NumFuncs) {
			t.Errorf("%q is function %d", line, m.fn)
		}
	})
}
