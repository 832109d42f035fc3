//go:build linux && (amd64 || arm64)

package uprobe

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// decoder makes rows of records. It follows the calls of each thread, so that it knows whose
// code calls NDIS, and who runs a completion callback.
type decoder struct {
	c       *Capture
	threads map[uint64]*thread
	places  map[placeKey]whose
	handles map[placeKey]string // of drivers
	askers  map[placeKey]string // OID requests: the driver that was asked, and will complete it
	state   int                 // of the capture, when places was made
	records uint64
	lossy   bool // entries are missing: what is open on a thread is not known any more
	keys    details
}

type thread struct{ open []frame }

// frame is a call that has not returned.
type frame struct {
	stack  uint64
	id     uint64
	down   bool
	driver string
}

type placeKey struct {
	tgid uint32
	addr uint64
}

// whose says to whom code belongs.
type whose struct {
	obj    *object
	unit   int64
	ndis   bool // it certainly is NDIS
	driver string
}

// maxThreads bounds the threads whose calls are followed.
const maxThreads = 1 << 16

func (d *decoder) init(c *Capture) {
	*d = decoder{c: c, threads: map[uint64]*thread{}, places: map[placeKey]whose{}, handles: map[placeKey]string{}, askers: map[placeKey]string{}}
}

// runsItself are the callbacks whose detail.caller the replay asks for.
var runsItself = func() (of [ndis.NumFuncs]bool) {
	if k := ndis.Detail("caller"); k != nil {
		for _, f := range k.Functions {
			of[f] = true
		}
	}
	return of
}()

// decode makes the row of a record, false if it is none.
func (d *decoder) decode(b []byte, e *format.Event) bool {
	if len(b) < returnSize {
		return false
	}
	cookie := le.Uint64(b[recCookie:])
	d.c.mu.RLock()
	defer d.c.mu.RUnlock()
	if cookie >= uint64(len(d.c.sites)) {
		return false
	}
	d.records++
	s := d.c.sites[cookie]
	f := s.funcs[0]
	fn := f.Info()
	group := le.Uint64(b[recThread:])
	flags := le.Uint32(b[recFlags:])
	ok := le.Uint32(b[recOK:])
	*e = format.Event{
		TS: int64(le.Uint64(b[recTime:])) + d.c.offset, Ticks: int64(le.Uint64(b[recTime:])), CPU: uint16(le.Uint32(b[recCPU:])),
		PID: uint32(group >> 32), TID: group & 0xFFFFFFFF, Function: f, Source: format.SourceUprobe, CallID: le.Uint64(b[recID:]),
		Has: format.HasTicks | format.HasCPU | format.HasPID | format.HasTID | format.HasCallID,
	}
	if flags&flagUnknown != 0 {
		e.Has &^= format.HasCallID
	}
	d.keys.reset()
	if len(s.funcs) > 1 { // one body for several slots, a stub: which one is called is not known
		names := make([]string, len(s.funcs))
		for i, f := range s.funcs {
			names[i] = f.String()
		}
		slices.Sort(names)
		e.Function = ndis.FuncUnknown
		d.keys.text("function", strings.Join(names, "|"))
	}
	if flags&flagReturn != 0 {
		e.Phase = format.PhaseReturn
		d.leave(s, b, e)
		d.returned(fn, s.ret, b, ok, e)
	} else {
		if len(b) < enterSize {
			return false
		}
		d.enter(s, fn, b, e)
		d.entered(f, fn, s.enter, b, ok, e)
	}
	if detail := d.keys.object(); detail != "" {
		e.Detail, e.Has = detail, e.Has|format.HasDetail
	}
	if e.Driver != "" {
		e.Has |= format.HasDriver
	}
	return true
}

// enter puts a call on its thread and finds out which driver is on the other side.
func (d *decoder) enter(s *site, fn *ndis.Function, b []byte, e *format.Event) {
	key := le.Uint64(b[recThread:])
	t := d.threads[key]
	if t == nil {
		if len(d.threads) >= maxThreads {
			clear(d.threads)
		}
		t = &thread{}
		d.threads[key] = t
	}
	stack := le.Uint64(b[recStack:])
	// A frame below the new one on the stack was left without a return (longjmp). One at the
	// same place has jumped to the new one: it returns together with it.
	for len(t.open) > 0 && t.open[len(t.open)-1].stack < stack {
		t.open = t.open[:len(t.open)-1]
	}
	var inner *frame
	if len(t.open) > 0 && !d.lossy {
		inner = &t.open[len(t.open)-1]
	}
	tgid := e.PID
	back := d.whose(tgid, le.Uint64(b[recValue:]))
	if fn.Dir == ndis.Up {
		e.Driver = d.c.label(labelKey{tgid: int(tgid), site: s.index})
		if runsItself[s.funcs[0]] {
			d.caller(s, tgid, back, inner, stack)
		}
	} else {
		switch {
		case inner != nil && !inner.down:
			e.Driver = inner.driver
		default:
			e.Driver = back.driver
		}
	}
	t.open = append(t.open, frame{stack, e.CallID, fn.Dir == ndis.Down, e.Driver})
	if len(t.open) > 4096 {
		t.open = append(t.open[:0], t.open[2048:]...)
	}
}

// caller says who runs a completion callback: NDIS, or its own driver. The code that it
// returns to tells, if it is known whose that is; a call from a call that jumped here
// returns into the probe, and then it is the side of that call.
func (d *decoder) caller(s *site, tgid uint32, back whose, inner *frame, stack uint64) {
	own := d.whose(tgid, d.c.runtime(int(tgid), s))
	switch {
	case inner != nil && inner.stack == stack:
		d.keys.text("caller", side(inner.down))
	case back.obj == nil:
		if inner != nil {
			d.keys.text("caller", side(inner.down))
		}
	case back.ndis:
		d.keys.text("caller", "ndis")
	case back.obj.isNDIS && (back.unit == 0 || own.unit == 0):
		// All in one file, and nothing says where NDIS ends.
		if inner != nil {
			d.keys.text("caller", side(inner.down))
		}
	case back.obj == own.obj && (back.unit == own.unit):
		d.keys.text("caller", "self")
	case inner != nil:
		d.keys.text("caller", side(inner.down))
	}
}

func side(down bool) string {
	if down {
		return "ndis"
	}
	return "self"
}

// leave takes a call off its thread.
func (d *decoder) leave(s *site, b []byte, e *format.Event) {
	t := d.threads[le.Uint64(b[recThread:])]
	if t == nil {
		return
	}
	stack := le.Uint64(b[recStack:])
	for i := len(t.open) - 1; i >= 0; i-- {
		if e.Has&format.HasCallID != 0 && t.open[i].id == e.CallID {
			e.Driver = t.open[i].driver
			t.open = t.open[:i]
			return
		}
		if t.open[i].stack > stack {
			break
		}
	}
}

// whose finds the code at an address.
func (d *decoder) whose(tgid uint32, addr uint64) whose {
	if d.state != d.c.state {
		clear(d.places)
		d.state = d.c.state
	}
	k := placeKey{tgid, addr}
	if w, ok := d.places[k]; ok {
		return w
	}
	w := d.c.whose(int(tgid), addr)
	if len(d.places) > 1<<16 {
		clear(d.places)
	}
	d.places[k] = w
	return w
}

// whose finds the code at an address; the lock is held.
func (c *Capture) whose(tgid int, addr uint64) (w whose) {
	p := c.procs[tgid]
	if p == nil || addr == 0 {
		return w
	}
	for i := range p.modules {
		m := &p.modules[i]
		if addr < m.low || addr >= m.high {
			continue
		}
		w.obj = m.obj
		w.unit = m.obj.unitOf(addr - m.bias)
		w.driver = c.label(labelKey{tgid: tgid, site: -1, obj: m.obj, unit: w.unit})
		if w.driver == "" && !m.obj.isNDIS {
			w.driver = c.label(labelKey{tgid: tgid, site: -1, obj: m.obj, unit: -1})
		}
		switch {
		case m.obj.ndisUnits[w.unit]:
			w.ndis = true
		case m.obj.isNDIS:
			// A library without callbacks is all NDIS.
			_, drivers := c.labels[labelKey{tgid: tgid, site: -1, obj: m.obj, unit: -1}]
			w.ndis = !drivers && m.obj.interpreter() == ""
		}
		return w
	}
	return w
}

// runtime is the address of a site in a process.
func (c *Capture) runtime(tgid int, s *site) uint64 {
	if p := c.procs[tgid]; p != nil {
		for i := range p.modules {
			if m := &p.modules[i]; m.obj == s.obj && s.addr+m.bias >= m.low && s.addr+m.bias < m.high {
				return s.addr + m.bias
			}
		}
	}
	return 0
}

// conflicting is the label of what belongs to several drivers.
const conflicting = "\x00"

func (d *decoder) entered(f ndis.Func, fn *ndis.Function, p *plan, b []byte, ok uint32, e *format.Event) {
	at := 0
	for i := range fn.Params {
		prm := &fn.Params[i]
		slot := at
		at++
		if prm.Type == ndis.TypeUnicodeString {
			at++
		}
		if slot >= numArgs || !prm.OnEnter() {
			continue
		}
		switch prm.Type {
		case ndis.TypeHandle, ndis.TypeContext, ndis.TypeStatus, ndis.TypeULONG, ndis.TypeUINT:
			d.value(f, prm, le.Uint64(b[recArgs+8*slot:]), e)
		case ndis.TypeHaltAction:
			d.keys.text("halt_action", named(haltActions, uint64(le.Uint32(b[recArgs+8*slot:]))))
		case ndis.TypeOidRequestPtr, ndis.TypeRequestPtr:
			d.request(f, le.Uint64(b[recArgs+8*slot:]), e)
		case ndis.TypeNblPtr, ndis.TypePacketPtr:
			d.keys.handle("nbl", le.Uint64(b[recArgs+8*slot:]))
		}
	}
	d.fetched(f, p, b, ok, e)
}

// request names an OID request. Who completes one from a thread of no known driver is who
// was asked.
func (d *decoder) request(f ndis.Func, addr uint64, e *format.Event) {
	d.keys.handle("oid_request", addr)
	k := placeKey{e.PID, addr}
	switch f {
	case ndis.ProtocolCoOidRequest, ndis.MiniportCoOidRequest, ndis.ProtocolCoRequest, ndis.MiniportCoRequest:
		if len(d.askers) >= 1<<16 {
			clear(d.askers)
		}
		d.askers[k] = e.Driver
	case ndis.NdisCoOidRequestComplete, ndis.NdisMCmOidRequestComplete, ndis.NdisMCoOidRequestComplete,
		ndis.NdisCoRequestComplete, ndis.NdisMCmRequestComplete, ndis.NdisMCoRequestComplete:
		if e.Driver == "" && !d.lossy {
			e.Driver = d.askers[k]
			if t := d.threads[uint64(e.PID)<<32|e.TID]; t != nil && len(t.open) > 0 {
				t.open[len(t.open)-1].driver = e.Driver
			}
		}
	}
}

// value puts the value of a parameter into its column or key.
func (d *decoder) value(f ndis.Func, prm *ndis.Param, v uint64, e *format.Event) {
	switch prm.Column {
	case ndis.ColAdapter:
		e.Adapter, e.Has = v, e.Has|format.HasAdapter
	case ndis.ColBinding:
		e.Binding, e.Has = v, e.Has|format.HasBinding
	case ndis.ColAF:
		e.AF, e.Has = v, e.Has|format.HasAF
	case ndis.ColSAP:
		e.SAP, e.Has = v, e.Has|format.HasSAP
	case ndis.ColVC:
		e.VC, e.Has = v, e.Has|format.HasVC
	case ndis.ColParty:
		e.Party, e.Has = v, e.Has|format.HasParty
	case ndis.ColContext:
		e.Context, e.Has = v, e.Has|format.HasContext
	case ndis.ColContext2:
		e.Context2, e.Has = v, e.Has|format.HasContext2
	case ndis.ColStatus:
		e.Status, e.Has = uint32(v), e.Has|format.HasStatus
	case ndis.NoColumn:
		for _, k := range prm.Keys {
			if f == ndis.NdisSetOptionalHandlers && k != d.keys.kind {
				continue // one handle, and whose it is depends on the structures passed
			}
			if f == ndis.MiniportSetOptions || f == ndis.ProtocolSetOptions {
				d.know(e.PID, v, k)
			}
			if key := ndis.Detail(k); key != nil && key.JSON == ndis.JSONHandle {
				d.keys.handle(k, v)
			}
		}
	}
}

// know keeps whose a driver handle is: "protocol" or "miniport_driver".
func (d *decoder) know(pid uint32, handle uint64, whose string) {
	if len(d.handles) < 1<<16 {
		d.handles[placeKey{pid, handle}] = whose
	}
}

func (d *decoder) returned(fn *ndis.Function, p *plan, b []byte, ok uint32, e *format.Event) {
	if !fn.Returns.Void {
		st := fn.Param("Status")
		if st == nil || st.Type != ndis.TypeStatusPtr { // of 5.x: in a variable
			e.Status, e.Has = uint32(le.Uint64(b[recValue:])), e.Has|format.HasStatus
		}
	}
	for i := range p.fetches {
		f := &p.fetches[i]
		if f.what == whatTarget && f.param.Type == ndis.TypeStatusPtr && ok&(1<<i) != 0 && f.at+4 <= len(b) {
			e.Status, e.Has = le.Uint32(b[f.at:]), e.Has|format.HasStatus
		}
	}
	d.fetched(e.Function, p, b, ok, e)
}

// fetched takes what was read through pointers.
func (d *decoder) fetched(fu ndis.Func, p *plan, b []byte, ok uint32, e *format.Event) {
	var params [4][]byte
	hasParams := false
	for i := range p.fetches {
		f := &p.fetches[i]
		if ok&(1<<i) == 0 {
			continue
		}
		n := f.size
		if f.lenAt > 0 {
			switch f.lenOf {
			case 2:
				n = int(le.Uint16(b[f.lenAt:]))
			case 8:
				n = int(min(le.Uint64(b[f.lenAt:]), 1<<16))
			default:
				n = int(min(le.Uint32(b[f.lenAt:]), 1<<16))
			}
		}
		if f.at+n > len(b) || n > f.size {
			continue
		}
		v := b[f.at : f.at+n]
		switch f.what {
		case whatValue:
			d.value(fu, f.param, le.Uint64(v), e)
		case whatTarget:
			if f.param.Type == ndis.TypeStatusPtr {
				break
			}
			// An out variable means something only if the call succeeded.
			if e.Phase == format.PhaseEnter || e.Has&format.HasStatus == 0 || e.Status == 0 {
				d.value(fu, f.param, le.Uint64(v), e)
			}
		case whatFamily:
			w := n / 3
			e.AFType, e.AFMajor, e.AFMinor = le.Uint32(v), le.Uint32(v[w:]), le.Uint32(v[2*w:])
			e.Has |= format.HasAFType | format.HasAFMajor | format.HasAFMinor
		case whatSapHead:
			d.keys.number("sap_type", uint64(le.Uint32(v)))
		case whatSapBytes:
			d.keys.text("sap", hex.EncodeToString(v))
		case whatFlags:
			d.keys.number("flags", uint64(le.Uint32(v)))
			hasParams = true
		case whatManagerParams:
			params[0] = v
		case whatManagerSpecific:
			params[1] = v
		case whatMediaParams:
			params[2] = v
		case whatMediaSpecific:
			params[3] = v
		case whatOID:
			d.keys.number("oid", uint64(le.Uint32(v)))
		case whatName:
			if fu == ndis.NdisRegisterProtocolDriver {
				e.Driver = wide(v)
			} else {
				d.keys.text("adapter_name", wide(v))
			}
		case whatLuid:
			d.keys.number("if_luid", le.Uint64(v))
		case whatIndex:
			d.keys.number("if_index", uint64(le.Uint32(v)))
		case whatAttributeType:
			d.keys.attributes = v[0]
		case whatAttributeContext:
			if d.keys.attributes == 0x9E { // NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES
				d.keys.handle("miniport_context", le.Uint64(v))
			}
		case whatHandlers:
			last, found := uint64(0), false
			if k := i + 1; k < len(p.fetches) && ok&(1<<k) != 0 {
				last, found = le.Uint64(b[p.fetches[k].at:]), true
			}
			d.handlers(b, v, p.from, last, found, e)
			// Which handle it is, is known only now.
			if prm := fu.Info().Param("NdisHandle"); prm != nil {
				d.value(fu, prm, le.Uint64(b[recArgs:]), e)
			}
		case whatPnPEvent:
			names := pnpEvents
			if f.param.Type == ndis.TypeDevicePnPEventPtr {
				names = deviceEvents
			}
			d.keys.text("pnp_event", named(names, uint64(le.Uint32(v))))
		}
	}
	if !hasParams {
		return
	}
	// Equal digests are equal parameters. What could not be read whole has none.
	for i := range p.fetches {
		switch f := &p.fetches[i]; f.what {
		case whatManagerSpecific, whatMediaSpecific, whatManagerParams, whatMediaParams:
			if le.Uint32(b[recFailed:])&(1<<i) != 0 {
				return
			}
		}
	}
	h := sha256.New()
	for _, part := range params {
		fmt.Fprintf(h, "%d:", len(part))
		h.Write(part)
	}
	d.keys.text("call_params", hex.EncodeToString(h.Sum(nil)[:8]))
}

// handlers describes a structure that was passed to NdisSetOptionalHandlers.
func (d *decoder) handlers(b, v []byte, from int, last uint64, hasLast bool, e *format.Event) {
	if len(v) < 16 {
		return
	}
	for i := range ndis.HandlerSets {
		set := &ndis.HandlerSets[i]
		if set.ObjectType != v[0] {
			continue
		}
		handle := placeKey{e.PID, le.Uint64(b[recArgs:])}
		switch {
		case set.Roles&(ndis.RoleClient|ndis.RoleCallManager) == 0:
			d.keys.kind = "miniport_driver"
		case set.Roles&ndis.RoleMCM == 0:
			d.keys.kind = "protocol"
		default: // both kinds of call managers pass it
			d.keys.kind = d.handles[handle]
		}
		if d.keys.kind != "" {
			d.know(e.PID, handle.addr, d.keys.kind)
		}
		var null []string
		complete := true
		h := sha256.New()
		for k := range set.Slots {
			at := from + 8*k
			var p uint64
			switch {
			case at+8 <= len(v):
				p = le.Uint64(v[at:])
			case k == lastHandler && hasLast:
				p = last
			default:
				complete = false
				continue
			}
			var bytes [8]byte
			le.PutUint64(bytes[:], p)
			h.Write(bytes[:])
			if p == 0 {
				null = append(null, set.Slots[k].Name)
			}
		}
		d.keys.texts("handlers", []string{set.Short})
		d.keys.text("handler_set", hex.EncodeToString(h.Sum(nil)[:8]))
		if complete {
			d.keys.texts("null_slots", null)
		}
		return
	}
}

// wide reads a string of 16-bit units; where every second one is nothing it takes them for
// the 32-bit characters of wchar_t on Linux.
func wide(b []byte) string {
	units := make([]uint16, len(b)/2)
	odd := len(units) > 1 && len(units)%2 == 0
	for i := range units {
		units[i] = le.Uint16(b[2*i:])
		if i%2 == 1 && units[i] != 0 {
			odd = false
		}
	}
	if odd {
		for i := range len(units) / 2 {
			units[i] = units[2*i]
		}
		units = units[:len(units)/2]
	}
	return strings.TrimRight(string(utf16.Decode(units)), "\x00")
}

// The names of enumerations in detail.
var (
	haltActions = []string{"NdisHaltDeviceDisabled", "NdisHaltDeviceInstanceDeInitialized", "NdisHaltDevicePoweredDown", "NdisHaltDeviceSurpriseRemoved",
		"NdisHaltDeviceFailed", "NdisHaltDeviceInitializationFailed", "NdisHaltDeviceStopped"}
	pnpEvents = []string{"NetEventSetPower", "NetEventQueryPower", "NetEventQueryRemoveDevice", "NetEventCancelRemoveDevice", "NetEventReconfigure",
		"NetEventBindList", "NetEventBindsComplete", "NetEventPnPCapabilities", "NetEventPause", "NetEventRestart", "NetEventPortActivation", "NetEventPortDeactivation"}
	deviceEvents = []string{"NdisDevicePnPEventQueryRemoved", "NdisDevicePnPEventRemoved", "NdisDevicePnPEventSurpriseRemoved", "NdisDevicePnPEventQueryStopped",
		"NdisDevicePnPEventStopped", "NdisDevicePnPEventPowerProfileChanged"}
)

func named(names []string, v uint64) string {
	if v < uint64(len(names)) {
		return names[v]
	}
	return strconv.FormatUint(v, 10)
}

// details builds the JSON object of the detail column.
type details struct {
	list       []detail
	buf        []byte
	kind       string // key of the handle of NdisSetOptionalHandlers
	attributes byte
}

type detail struct {
	key   string
	value string // JSON
}

func (k *details) reset() { k.list, k.kind, k.attributes = k.list[:0], "", 0 }

func (k *details) set(key, value string) {
	for i := range k.list {
		if k.list[i].key == key {
			k.list[i].value = value
			return
		}
	}
	k.list = append(k.list, detail{key, value})
}

func (k *details) handle(key string, v uint64) { k.set(key, `"0x`+strconv.FormatUint(v, 16)+`"`) }
func (k *details) number(key string, v uint64) { k.set(key, strconv.FormatUint(v, 10)) }
func (k *details) text(key, v string)          { k.set(key, quote(v)) }

// quote is v as a JSON string.
func quote(v string) string {
	for i := range len(v) {
		if c := v[i]; c < ' ' || c >= 0x7F || c == '"' || c == '\\' {
			b, _ := json.Marshal(v) // strings always have a form in JSON
			return string(b)
		}
	}
	return `"` + v + `"`
}

func (k *details) texts(key string, vs []string) {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, v := range vs {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quote(v))
	}
	b.WriteByte(']')
	k.set(key, b.String())
}

// object is the keys in order, "" if there are none.
func (k *details) object() string {
	if len(k.list) == 0 {
		return ""
	}
	slices.SortFunc(k.list, func(a, b detail) int { return strings.Compare(a.key, b.key) })
	k.buf = append(k.buf[:0], '{')
	for i, d := range k.list {
		if i > 0 {
			k.buf = append(k.buf, ',')
		}
		k.buf = append(k.buf, '"')
		k.buf = append(k.buf, d.key...)
		k.buf = append(k.buf, `":`...)
		k.buf = append(k.buf, d.value...)
	}
	k.buf = append(k.buf, '}')
	return string(k.buf)
}
