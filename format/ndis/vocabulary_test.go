package ndis_test

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/format/ndis"
)

func TestNamesRoundTrip(t *testing.T) {
	names := ndis.Names()
	if len(names) != int(ndis.NumFuncs) {
		t.Fatalf("%d names for %d functions", len(names), ndis.NumFuncs)
	}
	if names[ndis.FuncNone] != "" || names[ndis.FuncUnknown] != "?" {
		t.Errorf("special names are %q and %q", names[ndis.FuncNone], names[ndis.FuncUnknown])
	}
	seen := map[string]ndis.Func{}
	for i, name := range names {
		f := ndis.Func(i)
		if g, ok := seen[name]; ok {
			t.Errorf("%q names both %d and %d", name, g, f)
		}
		seen[name] = f
		if f.String() != name || ndis.Lookup(name) != f || ndis.LookupBytes([]byte(name)) != f {
			t.Errorf("%q does not round-trip: String %q, Lookup %d", name, f, ndis.Lookup(name))
		}
	}
	for _, name := range []string{"ndisclcloseaddressfamily", "NdisClCloseAddressFamily ", "NdisSend", "x"} {
		if f := ndis.Lookup(name); f != ndis.FuncUnknown {
			t.Errorf("Lookup(%q) = %v", name, f)
		}
	}
	for _, f := range []ndis.Func{ndis.NumFuncs, 0xFFFF} {
		if f.String() != "?" || f.Info() == nil || f.Modern() != f {
			t.Errorf("Func %d outside the vocabulary is %q", uint16(f), f)
		}
	}
}

// The dictionary of a trace is written in the order of the constants, so names may be
// added at the end and nowhere else.
func TestOrderIsFrozen(t *testing.T) {
	const count, want = 154, "a59502744af0912b"
	sum := sha256.Sum256([]byte(strings.Join(ndis.Names()[:count], "\n")))
	if got := hex.EncodeToString(sum[:8]); got != want {
		t.Errorf("the first %d names changed: %s, want %s", count, got, want)
	}
}

func TestLookupBytesDoesNotAllocate(t *testing.T) {
	known, unknown := []byte("NdisCmDispatchIncomingCallQoSChange"), []byte("NdisSomethingElse")
	if n := testing.AllocsPerRun(100, func() {
		ndis.LookupBytes(known)
		ndis.LookupBytes(unknown)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Every entry is complete and does not contradict itself.
func TestFunctionTable(t *testing.T) {
	count := 0
	for f, fn := range ndis.Functions() {
		count++
		if fn != f.Info() || fn.Name != f.String() {
			t.Errorf("%v: entry %q", f, fn.Name)
		}
		if !strings.HasPrefix(fn.Page, "https://learn.microsoft.com/") || fn.Section == "" || fn.Roles == 0 || fn.IRQL == ndis.AnyIRQL {
			t.Errorf("%v: incomplete entry", f)
		}
		if down := strings.HasPrefix(fn.Name, "Ndis"); down != (fn.Dir == ndis.Down) || fn.Dir == ndis.NoDir {
			t.Errorf("%v: direction %v", f, fn.Dir)
		}
		switch {
		case fn.Dir == ndis.Down && fn.Entry == ndis.DriverStimulus && fn.Return == ndis.NDISDecides:
		case fn.Dir == ndis.Up && (fn.Entry == ndis.Environment || fn.Entry == ndis.NDISDecides) && fn.Return == ndis.DriverDecision:
		default:
			t.Errorf("%v: %v, entry decided by %q, return by %q", f, fn.Dir, fn.Entry, fn.Return)
		}
		if r := &fn.Returns; r.Void == (len(r.Status) > 0 || r.MayPend || r.AnyOther) {
			t.Errorf("%v: void and a status, or neither", f)
		} else if slices.Contains(r.Status, ndis.StatusPending) {
			t.Errorf("%v: PENDING is told by MayPend", f)
		}
		// NdisCompleteNetPnPEvent is not of the CoNDIS interface.
		if fn.Returns.MayPend && len(fn.Completion) == 0 && f != ndis.ProtocolNetPnPEvent {
			t.Errorf("%v: may pend but has no completion", f)
		}
		for _, c := range fn.Completion {
			if c.Info().Dir == fn.Dir || !c.Info().Returns.Void {
				t.Errorf("%v: %v cannot complete it", f, c)
			}
		}
		if fn.Dir == ndis.Up && fn.Alias == ndis.FuncNone && !strings.Contains(fn.Page, "/nc-ndis-") {
			t.Errorf("%v: page %s", f, fn.Page)
		}
		checkParams(t, f, fn)
	}
	if count != int(ndis.NumFuncs)-2 {
		t.Errorf("Functions yields %d of %d", count, ndis.NumFuncs-2)
	}
}

func checkParams(t *testing.T, f ndis.Func, fn *ndis.Function) {
	t.Helper()
	type place struct {
		where string
		ret   bool
	}
	taken := map[place]string{}
	put := func(p *ndis.Param, where string) {
		for _, ret := range []bool{false, true} {
			if ret && !p.OnReturn() || !ret && !p.OnEnter() {
				continue
			}
			at := place{where, ret}
			if other := taken[at]; other != "" {
				t.Errorf("%v: %s and %s both go to %s (on return: %v)", f, other, p.Name, where, ret)
			}
			taken[at] = p.Name
		}
	}
	for i := range fn.Params {
		p := &fn.Params[i]
		if p.Name == "" || p.Type == ndis.NoType || p.Type.String() == "" || p.Type.C() == "" {
			t.Errorf("%v: parameter %d is incomplete", f, i)
		}
		if fn.Param(p.Name) != p {
			t.Errorf("%v: two parameters %s", f, p.Name)
		}
		if p.Column != ndis.NoColumn {
			put(p, p.Column.String())
		}
		for _, k := range p.Keys {
			put(p, "detail."+k)
			d := ndis.Detail(k)
			if d == nil {
				t.Errorf("%v: %s goes to unknown key %q", f, p.Name, k)
			} else if d.Functions != nil && !slices.Contains(d.Functions, f) {
				t.Errorf("%v: key %q does not list it", f, k)
			}
		}
		handle, context := false, false
		switch p.Type {
		case ndis.TypeHandlePtr, ndis.TypeContextPtr:
			if p.Dir == ndis.In {
				t.Errorf("%v: %s is an out variable", f, p.Name)
			}
			if p.Column == ndis.NoColumn && p.Keys == nil {
				t.Errorf("%v: %s is handed back and goes nowhere", f, p.Name)
			}
			handle, context = p.Type == ndis.TypeHandlePtr, p.Type == ndis.TypeContextPtr
		case ndis.TypeHandle, ndis.TypeContext:
			if p.Dir != ndis.In {
				t.Errorf("%v: %s is passed by value", f, p.Name)
			}
			handle, context = p.Type == ndis.TypeHandle, p.Type == ndis.TypeContext
		}
		if strings.HasSuffix(p.Name, "Handle") != handle && !strings.HasSuffix(p.Name, "indContext") && p.Name != "BindAdapterContext" {
			t.Errorf("%v: %s has type %v", f, p.Name, p.Type)
		}
		switch p.Column {
		case ndis.ColAdapter, ndis.ColBinding, ndis.ColAF, ndis.ColSAP, ndis.ColVC, ndis.ColParty:
			if !handle {
				t.Errorf("%v: %s in column %v has type %v", f, p.Name, p.Column, p.Type)
			}
		case ndis.ColContext, ndis.ColContext2:
			if !context {
				t.Errorf("%v: %s in column %v has type %v", f, p.Name, p.Column, p.Type)
			}
		case ndis.ColAFType:
			if p.Type != ndis.TypeAddressFamilyPtr {
				t.Errorf("%v: %s in column %v has type %v", f, p.Name, p.Column, p.Type)
			}
		case ndis.ColStatus:
			if p.Type != ndis.TypeStatus && p.Type != ndis.TypeStatusPtr {
				t.Errorf("%v: %s in column %v has type %v", f, p.Name, p.Column, p.Type)
			}
		}
	}
	if taken[place{"context2", false}] != "" && taken[place{"context", false}] == "" {
		t.Errorf("%v: context2 without context", f)
	}
}

// The contract of the trace for the functions that people ask about first.
func TestWhatGoesWhere(t *testing.T) {
	type place struct{ enter, ret string }
	for f, want := range map[ndis.Func]place{
		ndis.NdisRegisterProtocolDriver:             {"context", "detail.protocol status"},
		ndis.ProtocolSetOptions:                     {"detail.protocol context", "status"},
		ndis.MiniportSetOptions:                     {"detail.miniport_driver context", "status"},
		ndis.NdisDeregisterProtocolDriver:           {"detail.protocol", ""},
		ndis.NdisOpenAdapterEx:                      {"detail.protocol context detail.adapter_name detail.if_index detail.if_luid detail.bind_context", "binding status"},
		ndis.NdisCompleteBindAdapterEx:              {"detail.bind_context status", ""},
		ndis.ProtocolUnbindAdapterEx:                {"detail.unbind_context context", "status"},
		ndis.NdisCompleteUnbindAdapterEx:            {"detail.unbind_context", ""},
		ndis.MiniportHaltEx:                         {"context detail.halt_action", ""},
		ndis.NdisCmRegisterAddressFamilyEx:          {"binding af_type", "status"},
		ndis.NdisMCmRegisterAddressFamilyEx:         {"adapter af_type", "status"},
		ndis.ProtocolCoAfRegisterNotify:             {"context af_type", ""},
		ndis.NdisClOpenAddressFamilyEx:              {"binding af_type context", "af status"},
		ndis.ProtocolCmOpenAf:                       {"context af_type af", "context status"},
		ndis.NdisCmOpenAddressFamilyComplete:        {"status af context", ""},
		ndis.NdisMCmOpenAddressFamilyComplete:       {"status af context", ""},
		ndis.ProtocolClOpenAfCompleteEx:             {"context af status", ""},
		ndis.NdisClCloseAddressFamily:               {"af", "status"},
		ndis.NdisCmCloseAddressFamilyComplete:       {"status af", ""},
		ndis.NdisCmNotifyCloseAddressFamily:         {"af", "status"},
		ndis.NdisMCmNotifyCloseAddressFamily:        {"af", "status"},
		ndis.NdisClNotifyCloseAddressFamilyComplete: {"af status", ""},
		ndis.NdisClRegisterSap:                      {"af context detail.sap detail.sap_type", "sap status"},
		ndis.NdisCoCreateVc:                         {"binding af context vc", "vc status"},
		ndis.NdisClMakeCall:                         {"vc detail.call_params detail.flags detail.multipoint context", "detail.call_params detail.flags detail.multipoint party status"},
		ndis.ProtocolClIncomingCall:                 {"context context2 detail.call_params detail.flags detail.multipoint", "detail.call_params detail.flags detail.multipoint status"},
		ndis.ProtocolCmMakeCall:                     {"context detail.call_params detail.flags detail.multipoint party", "detail.call_params detail.flags detail.multipoint context status"},
		ndis.NdisOpenAdapter:                        {"detail.protocol context detail.adapter_name", "status binding"},
	} {
		fn := f.Info()
		var enter, ret []string
		for i := range fn.Params {
			p := &fn.Params[i]
			var where []string
			if p.Column != ndis.NoColumn {
				where = append(where, p.Column.String())
			}
			for _, k := range p.Keys {
				where = append(where, "detail."+k)
			}
			if p.OnEnter() {
				enter = append(enter, where...)
			}
			if p.OnReturn() {
				ret = append(ret, where...)
			}
		}
		if _, status := fn.Carries(ndis.ColStatus); status && !slices.Contains(ret, "status") {
			ret = append(ret, "status")
		}
		if got := (place{strings.Join(enter, " "), strings.Join(ret, " ")}); got != want {
			t.Errorf("%v:\n got %+v\nwant %+v", f, got, want)
		}
	}
}

func TestAliasesAndTwins(t *testing.T) {
	macros := 0
	for f, fn := range ndis.Functions() {
		if a := fn.Alias; a != ndis.FuncNone {
			if ai := a.Info(); ai.Alias != ndis.FuncNone || ai.Dir != fn.Dir || ai.Roles != fn.Roles {
				t.Errorf("%v: alias %v", f, a)
			}
			if f.Modern() != a {
				t.Errorf("%v: Modern is %v", f, f.Modern())
			}
		} else if f.Modern() != f {
			t.Errorf("%v: Modern is %v", f, f.Modern())
		}
		mcm := strings.HasPrefix(fn.Name, "NdisMCm")
		if mcm != (fn.Roles == ndis.RoleMCM) {
			t.Errorf("%v: roles %v", f, fn.Roles)
		}
		if w := fn.Twin; w != ndis.FuncNone {
			if w.Info().Twin != f || mcm == strings.HasPrefix(w.String(), "NdisMCm") {
				t.Errorf("%v: twin %v", f, w)
			}
		} else if mcm || strings.HasPrefix(fn.Name, "NdisCm") {
			t.Errorf("%v has no twin", f)
		}
		if !fn.Macro {
			continue
		}
		macros++
		w := fn.Twin.Info()
		if !slices.EqualFunc(fn.Params, w.Params, func(a, b ndis.Param) bool {
			return a.Name == b.Name && a.Type == b.Type && a.Dir == b.Dir && a.Column == b.Column && slices.Equal(a.Keys, b.Keys)
		}) {
			t.Errorf("%v does not stand for %v", f, fn.Twin)
		}
	}
	if macros != 16 {
		t.Errorf("%d macros, documented are 16", macros)
	}
}

func TestDetailKeys(t *testing.T) {
	used := map[string]bool{}
	for _, fn := range ndis.Functions() {
		for _, p := range fn.Params {
			for _, k := range p.Keys {
				used[k] = true
			}
		}
	}
	last := ""
	for _, d := range ndis.DetailKeys {
		if d.Name <= last {
			t.Errorf("%q after %q: keys are unique and in order", d.Name, last)
		}
		last = d.Name
		if d.Meaning == "" || d.JSON.String() == "" {
			t.Errorf("%q is incomplete", d.Name)
		}
		if d.Values != nil && d.JSON != ndis.JSONString && d.JSON != ndis.JSONStrings {
			t.Errorf("%q: values of a %v", d.Name, d.JSON)
		}
		if ndis.Detail(d.Name).Name != d.Name {
			t.Errorf("%q is not found", d.Name)
		}
		seen := map[ndis.Func]bool{}
		for _, f := range d.Functions {
			if seen[f] || f >= ndis.NumFuncs {
				t.Errorf("%q: function %v", d.Name, f)
			}
			seen[f] = true
		}
		delete(used, d.Name)
	}
	for k := range used {
		t.Errorf("%q is used and not described", k)
	}
	if ndis.Detail("nothing") != nil {
		t.Error("Detail finds a key that is not there")
	}
	want := strings.Fields(`adapter_name bind_context call_params caller co flags function halt_action handler_set
		handlers if_index if_luid inferred level miniport_context miniport_driver multipoint nbl null_slots oid oid_request
		pnp_event protocol role sap sap_type since_ts unbind_context`)
	for _, k := range want {
		if ndis.Detail(k) == nil {
			t.Errorf("key %q of the trace contract is missing", k)
		}
	}
}

func TestHandlerSets(t *testing.T) {
	for i := range ndis.HandlerSets {
		h := &ndis.HandlerSets[i]
		if ndis.HandlerSetByType(h.ObjectType) != h {
			t.Errorf("%s is not found by its type", h.Structure)
		}
		if n := len(h.Slots); int(h.SizesX86[len(h.SizesX86)-1]) != 8+4*n || int(h.SizesX64[len(h.SizesX64)-1]) != 8+8*n {
			t.Errorf("%s: sizes %v and %v do not fit %d slots", h.Structure, h.SizesX86, h.SizesX64, n)
		}
		if d := ndis.Detail("handlers"); !slices.Contains(d.Values, h.Short) {
			t.Errorf("%s: %q is no value of handlers", h.Structure, h.Short)
		}
		seen := map[string]bool{}
		for _, s := range h.Slots {
			if seen[s.Name] || s.Func.Info().Dir != ndis.Up || s.Func.Info().Roles&h.Roles == 0 {
				t.Errorf("%s: slot %s", h.Structure, s.Name)
			}
			seen[s.Name] = true
		}
	}
	if ndis.HandlerSetByType(0x80) != nil {
		t.Error("a structure for an unknown type")
	}
}

func TestReturnsAllows(t *testing.T) {
	for _, c := range []struct {
		f    ndis.Func
		s    ndis.Status
		want bool
	}{
		{ndis.NdisCmRegisterAddressFamilyEx, ndis.StatusSuccess, true},
		{ndis.NdisCmRegisterAddressFamilyEx, ndis.StatusPending, false},
		{ndis.NdisCmRegisterAddressFamilyEx, ndis.StatusNotSupported, false},
		{ndis.ProtocolCmOpenAf, ndis.StatusPending, true},
		{ndis.ProtocolCmOpenAf, 0xC0ABCDEF, true},
		{ndis.ProtocolUnbindAdapterEx, ndis.StatusFailure, false},
		{ndis.NdisClDeregisterSap, ndis.StatusSuccess, false},
		{ndis.ProtocolCoAfRegisterNotify, ndis.StatusSuccess, false},
	} {
		if got := c.f.Info().Returns.Allows(c.s); got != c.want {
			t.Errorf("%v allows %v: %v", c.f, c.s, got)
		}
	}
}
