//go:build linux && (amd64 || arm64)

package uprobe

import (
	"debug/elf"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/ebpf/rlimit"

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
