package emit_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/emit"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/collect/etl/etltest"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
)

// TestHeaderIsGenerated: the header in the repository is what the tables give.
func TestHeaderIsGenerated(t *testing.T) {
	golden(t, "aftrace.h", emit.GenerateHeader())
	if !*update && emit.Header != emit.GenerateHeader() {
		t.Error("the embedded header is another")
	}
}

const mingw = "x86_64-w64-mingw32-gcc"

// tool skips a test without a program that it needs; in CI that is an error.
func tool(t *testing.T, name string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skipf("C is compiled on Linux, for Windows too")
	}
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing: .ci/run setup installs it", name)
		}
		t.Skipf("%s is not installed", name)
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, errs.String())
	}
	return out.String()
}

// strict are the warnings that must not be.
var strict = []string{"-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-O1"}

func abs(t *testing.T, path string) string {
	t.Helper()
	p, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// native compiles files with the stand-in for Windows and runs them.
func native(t *testing.T, more []string, files ...string) string {
	t.Helper()
	tool(t, "gcc")
	exe := filepath.Join(t.TempDir(), "emit")
	args := append([]string{"-std=gnu11", "-I.", "-DAFTRACE_PLATFORM=\"" + abs(t, "testdata/standin.h") + "\"", "-o", exe}, strict...)
	run(t, "gcc", append(append(args, more...), files...)...)
	return run(t, exe)
}

// windows compiles files for Windows, against its own headers, and returns the program.
func windows(t *testing.T, files ...string) string {
	t.Helper()
	tool(t, mingw)
	exe := filepath.Join(t.TempDir(), "emit.exe")
	args := append([]string{"-std=gnu11", "-I.", "-D_WIN32_WINNT=0x0A00", "-o", exe}, strict...)
	for _, f := range []string{"Register", "Unregister", "ProviderEnabled", "WriteTransfer"} { // not those of advapi32
		args = append(args, "-DEvent"+f+"=StandIn"+f)
	}
	run(t, mingw, append(args, files...)...)
	return exe
}

// events are the records that the stand-in printed.
func events(t *testing.T, printed string) (list []*etl.Record) {
	t.Helper()
	var provider etl.GUID
	for _, line := range strings.Split(strings.TrimSpace(strings.ReplaceAll(printed, "\r", "")), "\n") {
		words := strings.Fields(line)
		switch words[0] {
		case "register":
			b, err := hex.DecodeString(words[1])
			if err != nil || len(b) != 16 {
				t.Fatal(line, err)
			}
			copy(provider[:], b)
			continue
		case "event":
		default:
			t.Fatalf("%q", line)
		}
		if got := strings.Join(words[1:6], " "); got != "0 11 4 0 1" {
			t.Fatalf("descriptor %s", got)
		}
		r := &etl.Record{
			Kind: etl.KindEvent64, PID: 4, TID: 4242, HasIDs: true, Clock: 1000, HasClock: true, Time: 5_000_000, Pointer: 8,
			Provider: provider, HasGUID: true, Channel: 11, Level: 4, Keyword: 1,
		}
		var items []etl.ExtItem
		for _, word := range words[6:] {
			kind, text, _ := strings.Cut(word, ":")
			b, err := hex.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			switch kind {
			case "0":
				r.Data = append(r.Data, b...)
			case "1":
				items = append(items, etl.ExtItem{Type: etl.ExtSchemaTL, Data: b})
			case "2":
				items = append(items, etl.ExtItem{Type: etl.ExtProviderTraits, Data: b})
			default:
				t.Fatalf("descriptor of type %s", kind)
			}
		}
		r.Extended = etltest.AppendExt(nil, items)
		list = append(list, r)
	}
	return list
}

func rowsOf(t *testing.T, records []*etl.Record) (rows []format.Event) {
	t.Helper()
	d := decode.New(decode.Options{Source: format.SourceETL})
	for _, r := range records {
		var e format.Event
		if d.Decode(r, &e) != decode.Row {
			t.Fatalf("event %d: %v", len(rows), d.Failure())
		}
		rows = append(rows, e)
	}
	if len(d.Defects()) > 0 {
		t.Error(d.Defects())
	}
	return rows
}

// callEverything is a C program that reports an invocation of every function with each kind
// of outcome, and the rows that it must give.
func callEverything() (program string, want []format.Event) {
	var c strings.Builder
	c.WriteString("#define AFTRACE_IMPLEMENTATION\n#include \"aftrace.h\"\n\nint main(void)\n{\n    if (AfTraceRegister(\"mycm.sys\") != 0) return 1;\n")
	for f, fn := range ndis.Functions() {
		for k, status := range []ndis.Status{ndis.StatusSuccess, ndis.StatusPending, ndis.StatusNotAccepted, ndis.StatusResources} {
			detail, text := "NULL", ""
			if k == 1 {
				text = `{"inferred":true,"role":["client"]}`
				detail = `"{\"role\": [\"client\"], \"inferred\": true}"`
			}
			null := k == 3 // pointers that are NULL
			base := uint64(0xffffa800_00000000) | uint64(f)<<16 | uint64(k)<<12
			e := format.Event{
				Phase: format.PhaseEnter, Function: f, CPU: 5, PID: 4, TID: 4242, IRQL: 2, Driver: "mycm.sys", Source: format.SourceETL, TS: 5_000_000,
				Has: format.HasCallID | format.HasCPU | format.HasPID | format.HasTID | format.HasIRQL | format.HasDriver, Detail: text,
			}
			if text != "" {
				e.Has |= format.HasDetail
			}
			r := e
			r.Phase = format.PhaseReturn
			failed := status != ndis.StatusSuccess && status != ndis.StatusPending
			// NDIS 5.x functions give their status through a variable.
			void := fn.Returns.Void
			var enter, ret []string
			var variables strings.Builder
			if !void && (fn.Param("Status") == nil || fn.Param("Status").Type != ndis.TypeStatusPtr) {
				ret = append(ret, fmt.Sprintf("(AFTRACE_STATUS)0x%x", uint32(status)))
			}
			for i := range fn.Params {
				p := &fn.Params[i]
				v := base + uint64(i)*0x10
				pointer := fmt.Sprintf("(void *)(ULONG_PTR)0x%xULL", v)
				variable := fmt.Sprintf("v%d", i)
				switch {
				case p.Column == ndis.NoColumn:
				case p.Type == ndis.TypeHandle || p.Type == ndis.TypeContext:
					enter = append(enter, pointer)
					set(&e, p.Column, v)
					if p.Column != ndis.ColContext && p.Column != ndis.ColContext2 {
						set(&r, p.Column, v)
					}
				case p.Type == ndis.TypeStatus:
					enter = append(enter, fmt.Sprintf("(AFTRACE_STATUS)0x%x", uint32(status)))
					set(&e, p.Column, uint64(uint32(status)))
				case p.Type == ndis.TypeAddressFamilyPtr && null:
					enter = append(enter, "NULL")
				case p.Type == ndis.TypeAddressFamilyPtr:
					fmt.Fprintf(&variables, "        ULONG %s[3] = {%d, %d, %d};\n", variable, f, i+1, k+7)
					enter = append(enter, variable)
					for _, x := range []*format.Event{&e, &r} {
						x.AFType, x.AFMajor, x.AFMinor = uint32(f), uint32(i+1), uint32(k+7)
						x.Has |= format.HasAFType | format.HasAFMajor | format.HasAFMinor
					}
				case p.Type == ndis.TypeStatusPtr:
					ret = append(ret, fmt.Sprintf("(AFTRACE_STATUS)0x%x", uint32(status)))
				case p.Type == ndis.TypeHandlePtr || p.Type == ndis.TypeContextPtr:
					fmt.Fprintf(&variables, "        const void *%s = %s;\n", variable, pointer)
					arg := "&" + variable
					if null {
						fmt.Fprintf(&variables, "        (void)%s;\n", variable)
						arg = "NULL"
					}
					if p.Dir == ndis.InOut {
						enter = append(enter, arg)
						if !null {
							set(&e, p.Column, v)
						}
					}
					ret = append(ret, arg)
					if !null && (void || !failed) {
						set(&r, p.Column, v)
					}
				default:
					panic(fn.Name + ": " + p.Name)
				}
			}
			if !void {
				set(&r, ndis.ColStatus, uint64(uint32(status)))
			}
			fmt.Fprintf(&c, "    {\n%s        AFTRACE_CALL call;\n", variables.String())
			fmt.Fprintf(&c, "        AfTrace_%s_Enter(&call, %s);\n", fn.Name, strings.Join(append(enter, detail), ", "))
			fmt.Fprintf(&c, "        AfTrace_%s_Return(&call, %s);\n    }\n", fn.Name, strings.Join(append(ret, detail), ", "))
			want = append(want, e, r)
		}
	}
	c.WriteString("    AfTraceUnregister();\n    return 0;\n}\n")
	return c.String(), want
}

func checkEverything(t *testing.T, printed string, want []format.Event, host bool) {
	t.Helper()
	rows := rowsOf(t, events(t, printed))
	if len(rows) != len(want) {
		t.Fatalf("%d events, want %d", len(rows), len(want))
	}
	ids := map[uint64]int{}
	for i := range rows {
		got, w := rows[i], want[i]
		if host { // these are of the machine
			got.CPU, got.PID, got.TID, got.IRQL = 5, 4, 4242, 2
			got.Has |= format.HasIRQL
		}
		if ids[got.CallID]++; got.CallID != rows[i&^1].CallID || ids[got.CallID] > 2 {
			t.Errorf("event %d: call id %d", i, got.CallID)
		}
		compare(t, fmt.Sprintf("event %d, %v", i, w.Function), got, w)
	}
}

// TestHeaderRows: for every function and kind of parameter, the payload that the header
// writes decodes to what was passed.
func TestHeaderRows(t *testing.T) {
	program, want := callEverything()
	main := filepath.Join(t.TempDir(), "main.c")
	if err := os.WriteFile(main, []byte(program), 0o666); err != nil {
		t.Fatal(err)
	}
	checkEverything(t, native(t, nil, main, "testdata/print.c"), want, false)
}

// TestHeaderForWindows compiles the same against the headers of Windows and runs it with Wine:
// always in CI, elsewhere if .ci/wine was set up.
func TestHeaderForWindows(t *testing.T) {
	program, want := callEverything()
	main := filepath.Join(t.TempDir(), "main.c")
	if err := os.WriteFile(main, []byte(program), 0o666); err != nil {
		t.Fatal(err)
	}
	exe := windows(t, main, "testdata/print.c")
	prefix := os.Getenv("AFTRACE_WINEPREFIX")
	if prefix == "" {
		prefix = "../../.cache/ci/wine"
	}
	if _, err := os.Stat(filepath.Join(prefix, "ready")); err != nil && os.Getenv("CI") != "true" {
		t.Skip("compiled, not run: .ci/wine --setup was not done")
	}
	checkEverything(t, run(t, "../../.ci/wine", exe), want, true)
}

// TestHeaderForTheKernel compiles the header as drivers include it: it must call the kernel's
// functions, and nothing of user mode or of a C library.
func TestHeaderForTheKernel(t *testing.T) {
	tool(t, mingw)
	dir := t.TempDir()
	source, object := filepath.Join(dir, "driver.c"), filepath.Join(dir, "driver.o")
	program := "#define NTDDI_VERSION 0x0A000000\n#define _WIN32_WINNT 0x0A00\n#include <ntddk.h>\n#define AFTRACE_KERNEL\n#define AFTRACE_IMPLEMENTATION\n#include \"aftrace.h\"\n"
	if err := os.WriteFile(source, []byte(program), 0o666); err != nil {
		t.Fatal(err)
	}
	ddk := filepath.Join(strings.TrimSpace(run(t, mingw, "-print-sysroot")), "mingw", "include", "ddk")
	if _, err := os.Stat(ddk); err != nil {
		ddk = "/usr/share/mingw-w64/include/ddk"
	}
	run(t, mingw, append(append([]string{}, strict...), "-std=gnu11", "-isystem", ddk, "-I.", "-ffreestanding", "-fno-builtin", "-c", "-o", object, source)...)
	symbols := run(t, "x86_64-w64-mingw32-nm", "-u", object)
	allowed := map[string]bool{
		"EtwRegister": true, "EtwUnregister": true, "EtwProviderEnabled": true, "EtwWriteTransfer": true, "KeGetCurrentProcessorNumberEx": true,
		"PsGetCurrentProcessId": true, "PsGetCurrentThreadId": true, "KeQueryPerformanceCounter": true, "KeGetCurrentIrql": true,
	}
	found := 0
	for _, word := range strings.Fields(symbols) {
		word = strings.TrimPrefix(word, "__imp_")
		if word == "U" {
			continue
		}
		if !allowed[word] {
			t.Errorf("the header calls %s", word)
		}
		found++
	}
	if found < 6 {
		t.Errorf("only these are called: %s", symbols)
	}
}

// TestHeaderOff: while the provider is not enabled nothing is written; a return whose entry
// was not written has no call id and no handles.
func TestHeaderOff(t *testing.T) {
	main := filepath.Join(t.TempDir(), "main.c")
	program := `#define AFTRACE_IMPLEMENTATION
#include "aftrace.h"
int main(void)
{
    AFTRACE_CALL call;
    AfTraceRegister("mycm.sys");
    StandInEnabled = 0;
    AfTrace_NdisClCloseAddressFamily_Enter(&call, (void *)16, NULL);
    StandInEnabled = 1;
    AfTrace_NdisClCloseAddressFamily_Return(&call, 0, NULL);
    StandInEnabled = 0;
    AfTrace_NdisClCloseAddressFamily_Return(&call, 0, NULL);
    return 0;
}
`
	if err := os.WriteFile(main, []byte(program), 0o666); err != nil {
		t.Fatal(err)
	}
	rows := rowsOf(t, events(t, native(t, nil, main, "testdata/print.c")))
	if len(rows) != 1 || rows[0].Has&(format.HasCallID|format.HasAF) != 0 || rows[0].Phase != format.PhaseReturn {
		t.Errorf("%+v", rows)
	}
}

// TestExample runs the example call manager against a stand-in for NDIS: its events are the
// history of a call manager that breaks no rule, and the refused registration shows.
func TestExample(t *testing.T) {
	printed := native(t, []string{"-Itestdata/ndis", "-DSTANDIN_IRQL=0"}, "example/callmgr.c", "testdata/host.c", "testdata/print.c")
	rows := rowsOf(t, events(t, printed))
	c := replay.New(replay.Options{})
	var b format.Batch
	seen := map[ndis.Func]int{}
	for i := range rows {
		e := &rows[i]
		e.Seq, e.TS = uint64(i), 1_772_356_500_000_000_000+int64(i)*1000
		seen[e.Function]++
		b.Append(e)
	}
	if err := c.Batch(&b); err != nil {
		t.Fatal(err)
	}
	result := c.Finish(replay.End{})
	for _, f := range result.Findings {
		t.Errorf("%v %v: %s", f.Rule, f.Events, f.Message)
	}
	if len(result.Defects) > 0 {
		t.Error(result.Defects)
	}
	for f, n := range map[ndis.Func]int{
		ndis.NdisCmRegisterAddressFamilyEx: 4, ndis.ProtocolCmOpenAf: 4, ndis.ProtocolCmCloseAf: 4, ndis.NdisOpenAdapterEx: 4, ndis.NdisCloseAdapterEx: 4,
		ndis.ProtocolBindAdapterEx: 4, ndis.ProtocolUnbindAdapterEx: 2, ndis.NdisSetOptionalHandlers: 4, ndis.ProtocolCoAfRegisterNotify: 2,
		ndis.NdisRegisterProtocolDriver: 2, ndis.NdisDeregisterProtocolDriver: 2, ndis.ProtocolOpenAdapterCompleteEx: 2,
	} {
		if seen[f] != n {
			t.Errorf("%v: %d events, want %d", f, seen[f], n)
		}
	}
	contexts := map[uint64]bool{}
	for i := range rows {
		if e := &rows[i]; e.Function == ndis.ProtocolCmOpenAf && e.Phase == format.PhaseReturn && e.Has&format.HasContext != 0 && e.AF != 0 && e.AFType == 1 {
			contexts[e.Context] = true
		}
	}
	if len(contexts) != 2 {
		t.Errorf("contexts of opens: %v", contexts)
	}
}
