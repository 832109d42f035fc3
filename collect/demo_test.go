package collect_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/decode/aftracetest"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/collect/etl/etltest"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/demo/host.etl anew")

const demoFile = "../testdata/demo/host.etl"

// The story of testdata/demo/host.etl: a WAN adapter comes up on a host with the chain of
// drivers that every Windows host with a dial-up or PPPoE connection has, and with two
// drivers too many.
//
//   - wanmcm, the miniport call manager of the adapter, registers TAPI_PROXY while it
//     initializes.
//   - ndproxy, its client, opens TAPI_PROXY when it is notified. Only then does it become a
//     call manager itself and register TAPI, outside of a bind handler as documented for
//     it: a replay may warn of that (REG-07).
//   - ndiswan is notified of both, ignores the first and opens the second. ndproxy pends the
//     open and completes it from another processor at DISPATCH_LEVEL; ndiswan then
//     registers a SAP.
//   - dialmon is a further client, which opens nothing of these.
//   - rogueproxy is a stand-alone call manager that binds to the same adapter and registers
//     TAPI_PROXY too. NDIS must refuse: wanmcm holds it. Here it says SUCCESS, and notifies
//     everyone of an AF that now has two call managers: the first defect (REG-14).
//   - rogueproxy also registers L2TP, which is free. dialmon opens it; rogueproxy says
//     PENDING and never completes the open: the second defect (OPEN-07).
//   - atmcm2 is another call manager that binds and wants TAPI. NDIS refuses with FAILURE
//     because ndproxy holds it; atmcm2 closes the adapter and fails its bind. That is
//     legal, and a conflict of which its owner wants to know.
//
// All else is legal and complete. The recording has four processors, buffers out of order,
// one of them compressed, and records of other providers between ours.
const (
	adapterA    = 0xFFFFA80F1C2D41A0
	mcmContext  = 0xFFFFA80F1C6E0010 // MiniportAdapterContext of wanmcm
	mcmDriver   = 0xFFFFA80F1B002000
	ifLuid      = 0x17000000000000 // IF_TYPE_PPP
	ifIndex     = 12
	adapterName = `\\DEVICE\\{5A3F6B1E-7C41-4D0B-9D53-2E1B7A6C0F44}`
)

// driver is a protocol driver of the story.
type driver struct {
	label            string
	protocol, object uint64 // NdisProtocolHandle, ProtocolDriverContext
	binding, context uint64 // to the adapter: NdisBindingHandle, ProtocolBindingContext
	bind             uint64 // BindContext
	handlers         []string
}

func protocolDriver(label string, n uint64, handlers ...string) *driver {
	base := 0xFFFFA80F20000000 + n<<20
	return &driver{
		label: label, protocol: base + 0x1050, object: base + 0x2000, binding: base + 0x3A20, context: base + 0x4010,
		bind: base + 0x5B30, handlers: handlers,
	}
}

// thread is where calls are made.
type thread struct {
	tid  uint64
	cpu  uint16
	irql uint8
}

// demo writes rows, each a little later than the one before.
type demo struct {
	t    testing.TB
	w    *etltest.Writer
	now  time.Duration // since the start
	call uint64
	seed uint32
	rows []format.Event
}

// step is a pause of a few microseconds, in whole ticks.
func (d *demo) step() time.Duration {
	d.seed = d.seed*1664525 + 1013904223
	return time.Duration(20+d.seed>>24) * 100 * time.Nanosecond
}

func (d *demo) emit(th thread, e format.Event) {
	d.now += d.step()
	e.CPU, e.IRQL, e.TID, e.PID = th.cpu, th.irql, th.tid, 4
	e.Has |= format.HasCPU | format.HasIRQL | format.HasTID | format.HasPID | format.HasCallID | format.HasDriver
	clock := d.w.Clock(d.w.Options().Start.Add(d.now))
	if err := aftracetest.Write(d.w, int(th.cpu), clock, &e, aftracetest.Options{}); err != nil {
		d.t.Fatal(err)
	}
	e.TS = d.w.Options().Start.Add(d.now).UnixNano()
	d.rows = append(d.rows, e)
}

// set fills columns of a row.
type set func(*format.Event)

func columns(sets ...set) []set { return sets }

func column(k format.Fields, to func(*format.Event)) set {
	return func(e *format.Event) { to(e); e.Has |= k }
}

func adapter(h uint64) set {
	return column(format.HasAdapter, func(e *format.Event) { e.Adapter = h })
}
func binding(h uint64) set {
	return column(format.HasBinding, func(e *format.Event) { e.Binding = h })
}
func af(h uint64) set  { return column(format.HasAF, func(e *format.Event) { e.AF = h }) }
func sap(h uint64) set { return column(format.HasSAP, func(e *format.Event) { e.SAP = h }) }
func ctx(h uint64) set { return column(format.HasContext, func(e *format.Event) { e.Context = h }) }
func family(t ndis.AFType) set {
	return column(format.HasAFType|format.HasAFMajor|format.HasAFMinor, func(e *format.Event) {
		e.AFType, e.AFMajor = uint32(t), 1
	})
}
func status(s ndis.Status) set {
	return column(format.HasStatus, func(e *format.Event) { e.Status = uint32(s) })
}

// detail takes pairs of a key and a value in JSON; keys in order.
func detail(pairs ...string) set {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, `,%q:%s`, pairs[i], pairs[i+1])
	}
	return column(format.HasDetail, func(e *format.Event) { e.Detail = "{" + b.String()[1:] + "}" })
}

func hex(h uint64) string { return fmt.Sprintf(`"0x%x"`, h) }

// invoke is a call: entered, what happens inside, returned.
func (d *demo) invoke(th thread, label string, f ndis.Func, enter, ret []set, inside ...func()) {
	d.call++
	e := format.Event{Phase: format.PhaseEnter, Function: f, CallID: d.call, Driver: label}
	r := format.Event{Phase: format.PhaseReturn, Function: f, CallID: d.call, Driver: label}
	for _, s := range enter {
		s(&e)
	}
	for _, s := range ret {
		s(&r)
	}
	d.emit(th, e)
	for _, do := range inside {
		do()
	}
	d.emit(th, r)
}

var success = columns(status(ndis.StatusSuccess))

// load is the DriverEntry of a protocol driver.
func (d *demo) load(th thread, p *driver) {
	handle := detail("protocol", hex(p.protocol))
	d.invoke(th, p.label, ndis.NdisRegisterProtocolDriver, columns(ctx(p.object)), columns(status(ndis.StatusSuccess), handle), func() {
		d.invoke(th, p.label, ndis.ProtocolSetOptions, columns(ctx(p.object), handle), success, func() {
			for _, h := range p.handlers {
				d.invoke(th, p.label, ndis.NdisSetOptionalHandlers,
					columns(detail("handlers", `["`+h+`"]`, "null_slots", "[]", "protocol", hex(p.protocol))), success)
			}
		})
	})
	d.now += 3 * time.Millisecond
}

// bind is a bind handler that succeeds, unless do says otherwise.
func (d *demo) bind(th thread, p *driver, result ndis.Status, do ...func()) {
	facts := []string{"adapter_name", `"` + adapterName + `"`, "bind_context", hex(p.bind), "if_index", fmt.Sprint(ifIndex), "if_luid", hex(ifLuid)}
	inside := []func(){func() {
		d.invoke(th, p.label, ndis.NdisOpenAdapterEx,
			columns(adapter(adapterA), ctx(p.context), detail("bind_context", hex(p.bind), "protocol", hex(p.protocol))),
			columns(adapter(adapterA), binding(p.binding), status(ndis.StatusSuccess)))
	}}
	d.invoke(th, p.label, ndis.ProtocolBindAdapterEx, columns(adapter(adapterA), ctx(p.object), detail(facts...)),
		columns(adapter(adapterA), status(result)), append(inside, do...)...)
}

// register is a stand-alone call manager's claim.
func (d *demo) register(th thread, p *driver, t ndis.AFType, result ndis.Status) {
	d.invoke(th, p.label, ndis.NdisCmRegisterAddressFamilyEx, columns(binding(p.binding), family(t)),
		columns(binding(p.binding), status(result)))
}

// notify tells a driver of an AF.
func (d *demo) notify(th thread, p *driver, t ndis.AFType, inside ...func()) {
	d.invoke(th, p.label, ndis.ProtocolCoAfRegisterNotify, columns(ctx(p.context), family(t)), nil, inside...)
}

// buildDemo writes the story. The same bytes come out everywhere.
func buildDemo(t testing.TB) ([]byte, []format.Event) {
	d := &demo{t: t, seed: 7, w: etltest.New(etltest.Options{
		CPUs: 4, OSBuild: 26100, BufferSize: 8192, Shuffle: true, Seed: 3, LoggerName: "aftrace", LogFileName: `C:\aftrace\host.etl`,
		Start: time.Date(2025, 3, 11, 8, 30, 0, 123456700, time.UTC),
		Boot:  time.Date(2025, 3, 11, 8, 29, 41, 500000000, time.UTC), StartClock: 186_234_567,
	})}
	var (
		pnp      = thread{tid: 212, cpu: 0}
		worker   = thread{tid: 1388, cpu: 1}
		service  = thread{tid: 2044, cpu: 2}
		dispatch = thread{tid: 96, cpu: 3, irql: 2}

		ndproxy    = protocolDriver("ndproxy", 1, "protocol-co", "client", "call-manager")
		ndiswan    = protocolDriver("ndiswan", 2, "protocol-co", "client")
		dialmon    = protocolDriver("dialmon", 3, "protocol-co", "client")
		rogueproxy = protocolDriver("rogueproxy", 4, "protocol-co", "call-manager")
		atmcm2     = protocolDriver("atmcm2", 5, "protocol-co", "call-manager")

		// NdisAfHandle, and the contexts of both sides.
		proxyAF, proxyClient, proxyManager = uint64(0xFFFFA80F30010450), uint64(0xFFFFA80F30011000), uint64(0xFFFFA80F30012000)
		tapiAF, tapiClient, tapiManager    = uint64(0xFFFFA80F30020450), uint64(0xFFFFA80F30021000), uint64(0xFFFFA80F30022000)
		l2tpAF, l2tpClient                 = uint64(0xFFFFA80F30030450), uint64(0xFFFFA80F30031000)
		tapiSap, sapClient, sapManager     = uint64(0xFFFFA80F30040220), uint64(0xFFFFA80F30041000), uint64(0xFFFFA80F30042000)
	)
	d.noise(24)

	// Drivers load.
	miniport := detail("miniport_driver", hex(mcmDriver))
	d.invoke(pnp, "wanmcm", ndis.NdisMRegisterMiniportDriver, columns(ctx(0xFFFFA80F1B003000)), columns(status(ndis.StatusSuccess), miniport), func() {
		d.invoke(pnp, "wanmcm", ndis.MiniportSetOptions, columns(ctx(0xFFFFA80F1B003000), miniport), success, func() {
			d.invoke(pnp, "wanmcm", ndis.NdisSetOptionalHandlers, columns(detail("handlers", `["miniport-co"]`,
				"miniport_driver", hex(mcmDriver), "null_slots", `["CoCreateVcHandler","CoDeleteVcHandler"]`)), success)
			d.invoke(pnp, "wanmcm", ndis.NdisSetOptionalHandlers, columns(detail("handlers", `["call-manager"]`,
				"miniport_driver", hex(mcmDriver), "null_slots", "[]")), success)
		})
	})
	d.now += 5 * time.Millisecond
	for _, p := range []*driver{ndproxy, ndiswan, dialmon, rogueproxy, atmcm2} {
		d.load(worker, p)
		d.noise(4)
	}

	// The adapter comes up.
	d.now += 120 * time.Millisecond
	d.invoke(pnp, "wanmcm", ndis.MiniportInitializeEx,
		columns(adapter(adapterA), ctx(0xFFFFA80F1B003000), detail("co", "true", "if_index", fmt.Sprint(ifIndex), "if_luid", hex(ifLuid), "role", `"mcm"`)),
		columns(adapter(adapterA), status(ndis.StatusSuccess)), func() {
			d.invoke(pnp, "wanmcm", ndis.NdisMSetMiniportAttributes, columns(adapter(adapterA), detail("miniport_context", hex(mcmContext))),
				columns(adapter(adapterA), status(ndis.StatusSuccess)))
			d.now += 14 * time.Millisecond
			d.invoke(pnp, "wanmcm", ndis.NdisMCmRegisterAddressFamilyEx, columns(adapter(adapterA), family(ndis.AFTypeTAPIProxy)),
				columns(adapter(adapterA), status(ndis.StatusSuccess)))
		})
	d.noise(8)

	// Protocols bind to it.
	d.now += 30 * time.Millisecond
	for _, p := range []*driver{ndproxy, ndiswan, dialmon} {
		d.bind(pnp, p, ndis.StatusSuccess)
		d.noise(3)
	}

	// They are notified of TAPI_PROXY. ndproxy opens it and registers TAPI.
	d.notify(worker, ndproxy, ndis.AFTypeTAPIProxy, func() {
		d.invoke(worker, "ndproxy", ndis.NdisClOpenAddressFamilyEx,
			columns(binding(ndproxy.binding), family(ndis.AFTypeTAPIProxy), ctx(proxyClient)),
			columns(binding(ndproxy.binding), af(proxyAF), status(ndis.StatusSuccess)), func() {
				d.invoke(worker, "wanmcm", ndis.ProtocolCmOpenAf,
					columns(ctx(mcmContext), family(ndis.AFTypeTAPIProxy), af(proxyAF)),
					columns(ctx(proxyManager), af(proxyAF), status(ndis.StatusSuccess)))
			})
		d.invoke(worker, "ndproxy", ndis.ProtocolClOpenAfCompleteEx,
			columns(ctx(proxyClient), af(proxyAF), status(ndis.StatusSuccess), detail("caller", `"self"`)), nil)
		d.register(worker, ndproxy, ndis.AFTypeTAPI, ndis.StatusSuccess)
	})
	d.notify(worker, ndiswan, ndis.AFTypeTAPIProxy)
	d.notify(worker, dialmon, ndis.AFTypeTAPIProxy)
	d.noise(8)

	// ndiswan opens TAPI; ndproxy pends and completes later, from another processor.
	d.notify(service, ndiswan, ndis.AFTypeTAPI, func() {
		d.invoke(service, "ndiswan", ndis.NdisClOpenAddressFamilyEx,
			columns(binding(ndiswan.binding), family(ndis.AFTypeTAPI), ctx(tapiClient)),
			columns(binding(ndiswan.binding), af(tapiAF), status(ndis.StatusPending)), func() {
				d.invoke(service, "ndproxy", ndis.ProtocolCmOpenAf,
					columns(ctx(ndproxy.context), family(ndis.AFTypeTAPI), af(tapiAF)),
					columns(ctx(tapiManager), af(tapiAF), status(ndis.StatusPending)))
			})
	})
	d.notify(service, dialmon, ndis.AFTypeTAPI)
	d.now += 2300 * time.Microsecond
	d.noise(5)
	d.invoke(dispatch, "ndproxy", ndis.NdisCmOpenAddressFamilyComplete,
		columns(status(ndis.StatusSuccess), af(tapiAF), ctx(tapiManager)), nil)
	d.invoke(service, "ndiswan", ndis.ProtocolClOpenAfCompleteEx,
		columns(ctx(tapiClient), af(tapiAF), status(ndis.StatusSuccess), detail("caller", `"ndis"`)), nil)
	tapiSapDetail := detail("sap", `"50504f4500"`, "sap_type", "32768")
	d.invoke(service, "ndiswan", ndis.NdisClRegisterSap, columns(af(tapiAF), ctx(sapClient), tapiSapDetail),
		columns(af(tapiAF), sap(tapiSap), status(ndis.StatusSuccess)), func() {
			d.invoke(service, "ndproxy", ndis.ProtocolCmRegisterSap, columns(ctx(tapiManager), sap(tapiSap), tapiSapDetail),
				columns(ctx(sapManager), sap(tapiSap), status(ndis.StatusSuccess)))
		})
	d.invoke(service, "ndiswan", ndis.ProtocolClRegisterSapComplete,
		columns(status(ndis.StatusSuccess), ctx(sapClient), sap(tapiSap), detail("caller", `"self"`, "sap", `"50504f4500"`, "sap_type", "32768")), nil)
	d.noise(10)

	// rogueproxy claims what wanmcm holds, and gets it.
	d.now += 410 * time.Millisecond
	d.bind(pnp, rogueproxy, ndis.StatusSuccess, func() {
		d.register(pnp, rogueproxy, ndis.AFTypeTAPIProxy, ndis.StatusSuccess)
		d.register(pnp, rogueproxy, ndis.AFTypeL2TP, ndis.StatusSuccess)
	})
	for _, p := range []*driver{ndproxy, ndiswan, dialmon} {
		d.notify(worker, p, ndis.AFTypeTAPIProxy)
	}
	d.notify(worker, ndproxy, ndis.AFTypeL2TP)
	d.notify(worker, ndiswan, ndis.AFTypeL2TP)
	d.noise(4)

	// dialmon opens L2TP and waits for ever.
	d.notify(service, dialmon, ndis.AFTypeL2TP, func() {
		d.invoke(service, "dialmon", ndis.NdisClOpenAddressFamilyEx,
			columns(binding(dialmon.binding), family(ndis.AFTypeL2TP), ctx(l2tpClient)),
			columns(binding(dialmon.binding), af(l2tpAF), status(ndis.StatusPending)), func() {
				d.invoke(service, "rogueproxy", ndis.ProtocolCmOpenAf,
					columns(ctx(rogueproxy.context), family(ndis.AFTypeL2TP), af(l2tpAF)),
					columns(ctx(0), af(l2tpAF), status(ndis.StatusPending)))
			})
	})

	// atmcm2 claims what ndproxy holds, and does not get it.
	d.now += 250 * time.Millisecond
	d.noise(4)
	d.bind(pnp, atmcm2, ndis.StatusFailure, func() {
		d.register(pnp, atmcm2, ndis.AFTypeTAPI, ndis.StatusFailure)
		d.invoke(pnp, "atmcm2", ndis.NdisCloseAdapterEx, columns(binding(atmcm2.binding)),
			columns(status(ndis.StatusSuccess)))
	})
	d.now += 2 * time.Second
	d.noise(8)
	data, err := d.w.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return compressBuffer(t, data, 5), d.rows
}

// noise is what other providers log meanwhile, on processors in turn.
func (d *demo) noise(n int) {
	manifest := decode.NDIS
	hostMonitor := decode.ProviderGUID("Contoso-Host-Monitor")
	process := etl.GUID{0xd0, 0xa8, 0x6f, 0x3d, 0x05, 0xfe, 0xd0, 0x11, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c} // class Process
	items := aftracetest.Items(aftracetest.Traits("Contoso-Host-Monitor"), aftracetest.Schema("Sample", 0, []aftracetest.Field{
		{Name: "PartA", In: decode.InStruct, Members: []aftracetest.Field{{Name: "Host", In: decode.InCountedUTF16}, {Name: "Build", In: decode.InUint32}}},
		{Name: "LoadPercent", In: decode.InUint8, Array: decode.VariableArray},
	}))
	for i := range n {
		d.now += d.step()
		clock := d.w.Clock(d.w.Options().Start.Add(d.now))
		cpu := (i*7 + int(d.seed>>28)) % 4
		switch i % 4 {
		case 0: // Microsoft-Windows-NDIS 10006: IfGuid, IfIndex, NetLuid, ProtocolName, Status
			b := make([]byte, 16, 64)
			b = binary.LittleEndian.AppendUint32(b, ifIndex)
			b = binary.LittleEndian.AppendUint64(b, ifLuid)
			b = append(wide(b, []string{"NDPROXY", "NDISWAN", "TCPIP6"}[i/4%3]), 0, 0)
			b = binary.LittleEndian.AppendUint32(b, 0)
			d.w.Event(cpu, clock, etltest.EventHeader{TID: 212, PID: 4, Provider: manifest, ID: 10006, Channel: 0x10, Level: 4, Task: 4, Keyword: 0x8000000000000008}, nil, b)
		case 1:
			b := aftracetest.Counted(nil, string(wide(nil, "WS-0417")))
			b = binary.LittleEndian.AppendUint32(b, 26100)
			b = append(b, 4, 0, byte(10+i), 3, 41, 7)
			d.w.Event(cpu, clock, etltest.EventHeader{TID: 5120, PID: 2872, Provider: hostMonitor, Channel: 11, Level: 5}, items, b)
		case 2:
			d.w.Full(cpu, clock, etltest.FullHeader{Type: 3, Version: 4, TID: 96, PID: 4, Class: process}, make([]byte, 48))
		case 3:
			d.w.PerfInfo(cpu, clock, etltest.PerfInfoHeader{Version: 2, Group: 15, Type: 0x2E}, make([]byte, 16))
		}
	}
}

func wide(b []byte, s string) []byte {
	for _, c := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, c)
	}
	return b
}

// compressBuffer compresses one buffer of a file.
func compressBuffer(t testing.TB, data []byte, index int) []byte {
	le := binary.LittleEndian
	pos := 0
	for range index {
		pos += int(le.Uint32(data[pos:]))
	}
	size, end := int(le.Uint32(data[pos:])), int(le.Uint32(data[pos+48:]))
	head := bytes.Clone(data[pos : pos+72])
	body := etltest.Compress(data[pos+72 : pos+end])
	if 72+len(body) > size {
		t.Fatal("the buffer does not get smaller")
	}
	le.PutUint32(head, uint32(72+len(body)))
	le.PutUint16(head[52:], le.Uint16(head[52:])|etl.BufferCompressed)
	out := append(bytes.Clone(data[:pos]), head...)
	return append(append(out, body...), data[pos+size:]...)
}

// TestDemoData holds that the recording is what the story makes of it, and small.
func TestDemoData(t *testing.T) {
	data, _ := buildDemo(t)
	if len(data) > 100<<10 {
		t.Errorf("the recording has %d bytes", len(data))
	}
	if *rewrite {
		if err := os.WriteFile(demoFile, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(demoFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, data) {
		t.Errorf("%s is not what the story makes of it; go test ./collect -run TestDemoData -rewrite", demoFile)
	}
}

// TestDemoConverts holds that the recording gives the rows of the story, in order and with
// nothing lost.
func TestDemoConverts(t *testing.T) {
	_, want := buildDemo(t)
	out := filepath.Join(t.TempDir(), "demo.arrow")
	s, err := collect.Convert(context.Background(), collect.ConvertOptions{Inputs: []string{demoFile}, Output: out})
	if err != nil {
		t.Fatal(err)
	}
	if s.Lossy() || s.Duplicates > 0 {
		t.Errorf("lossy: %+v", s)
	}
	got := readRows(t, out)
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range want {
		e := got[i]
		if e.Seq != uint64(i+1) || e.Source != format.SourceETL {
			t.Fatalf("row %d: seq %d, source %v", i, e.Seq, e.Source)
		}
		e.Seq, e.Source, e.Ticks, e.Has = 0, 0, 0, e.Has&^format.HasTicks
		if e != want[i] {
			t.Fatalf("row %d is\n%+v, want\n%+v", i, e, want[i])
		}
	}
	info, err := collect.Info(context.Background(), demoFile, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if info.CompressedBuffers != 1 || info.Truncated || len(info.Providers) != 4 || info.RecordKinds["PERFINFO64"] == 0 || info.RecordKinds["FULL64"] == 0 {
		t.Errorf("%+v", info)
	}
}

func readRows(t testing.TB, path string) []format.Event {
	t.Helper()
	r, err := format.Open(path, format.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var rows []format.Event
	for e, err := range r.Events() {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, *e)
		rows[len(rows)-1].Driver = strings.Clone(e.Driver)
		rows[len(rows)-1].Detail = strings.Clone(e.Detail)
	}
	if r.Truncated() || len(r.Defects()) > 0 {
		t.Errorf("truncated %v, defects %v", r.Truncated(), r.Defects())
	}
	return rows
}
