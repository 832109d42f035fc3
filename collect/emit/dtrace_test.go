package emit_test

import (
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/emit"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

var update = flag.Bool("update", false, "write the golden files anew")

func all(t testing.TB, patterns ...string) []ndis.Func {
	t.Helper()
	list, err := emit.Functions(patterns)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestGoldenScript pins the script; what changed is read before it is committed.
func TestGoldenScript(t *testing.T) {
	golden(t, filepath.Join("testdata", "aftrace.d"), emit.Script(all(t)))
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what the tables give: go test ./collect/emit -update, and read the difference", path)
	}
}

// TestScriptNamesEveryFunction: each function of the vocabulary has probes, or the script says
// why not.
func TestScriptNamesEveryFunction(t *testing.T) {
	for _, list := range [][]ndis.Func{all(t), all(t, "NdisClOpenAddressFamilyEx"), all(t, "Ndis*")} {
		script := emit.Script(list)
		head, probes, _ := strings.Cut(script, "*/")
		for f, fn := range ndis.Functions() {
			entry, ret := strings.Contains(probes, "fbt:ndis:"+fn.Name+":entry\n"), strings.Contains(probes, "fbt:ndis:"+fn.Name+":return\n")
			said := strings.Contains(head, " *   "+fn.Name+"\n") || strings.Contains(head, " *   "+fn.Name+" -> ")
			hookable := fn.Dir == ndis.Down && !fn.Macro
			if hookable != (emit.WhyNot(f) == "") {
				t.Errorf("%v: %q", f, emit.WhyNot(f))
			}
			if entry != ret || entry == said || entry && !hookable {
				t.Errorf("%v: entry %v, return %v, named as missing %v", f, entry, ret, said)
			}
		}
	}
	n := 0
	for _, f := range all(t) {
		if s := f.Info().Section; strings.HasPrefix(s, "3.") {
			n++
		}
	}
	if n < 45 {
		t.Errorf("%d functions of section 3", n)
	}
}

// TestFunctionsRefused: what cannot be probed says why.
func TestFunctionsRefused(t *testing.T) {
	for pattern, why := range map[string]string{
		"NdisMCmOpenAddressFamilyComplete": "is a macro: it shows as NdisCmOpenAddressFamilyComplete",
		"ProtocolCmOpenAf":                 "is a callback",
		"Protocol*":                        "is a callback",
		"Frobnicate":                       "names no CoNDIS function",
		"Ndis[":                            "is no pattern",
	} {
		if _, err := emit.Functions([]string{pattern}); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}

const (
	badAddress = 0xffff9999_00000000 // cannot be read
	garbage    = 0xcccccccc_cccccccc // in variables that nobody set
)

// call is one invocation as the model sees it, and the rows that it must give.
type call struct {
	fn         *ndis.Function
	args       []uint64
	outs       map[int][]byte // parameter: memory of the variable
	enter, ret format.Event
}

// invocation gives every parameter a value. The expected rows follow from the documented
// meaning of the columns, not from the plan of the generator.
func invocation(m *dmodel, f ndis.Func, salt uint64, status ndis.Status, readable, changed bool) *call {
	c := &call{fn: f.Info(), outs: map[int][]byte{}}
	base := 0xffffa800_00000000 | salt<<24 | uint64(f)<<12
	c.enter = format.Event{Phase: format.PhaseEnter, Function: f, CPU: 3, PID: 4, TID: 4242, Source: format.SourceDTrace, TS: 1_772_356_500_000_000_000 + int64(salt)}
	c.enter.Has = format.HasCallID | format.HasCPU | format.HasPID | format.HasTID
	c.ret = c.enter
	c.ret.Phase = format.PhaseReturn
	returned := func() { // what the status is
		c.ret.Status, c.ret.Has = uint32(status), c.ret.Has|format.HasStatus
	}
	handedBack := status == ndis.StatusSuccess || status == ndis.StatusPending && changed
	if c.fn.Returns.Void {
		handedBack = true
	}
	for i := range c.fn.Params {
		p := &c.fn.Params[i]
		v := base + uint64(i)*0x10
		switch p.Type {
		case ndis.TypeHandle, ndis.TypeContext:
			set(&c.enter, p.Column, v)
			if p.Column != ndis.ColContext && p.Column != ndis.ColContext2 {
				set(&c.ret, p.Column, v)
			}
		case ndis.TypeStatus:
			v = uint64(ndis.StatusResources)
			set(&c.enter, p.Column, v)
			v |= 0xffffffff_00000000 // the upper half of the register means nothing
		case ndis.TypeAddressFamilyPtr:
			if !readable {
				v = badAddress
				break
			}
			b := make([]byte, 12)
			for k := range 3 {
				binary.LittleEndian.PutUint32(b[4*k:], uint32(salt)+uint32(k)+0x800)
			}
			m.memory[v] = b
			for _, e := range []*format.Event{&c.enter, &c.ret} {
				e.AFType, e.AFMajor, e.AFMinor = uint32(salt)+0x800, uint32(salt)+0x801, uint32(salt)+0x802
				e.Has |= format.HasAFType | format.HasAFMajor | format.HasAFMinor
			}
		case ndis.TypeHandlePtr, ndis.TypeContextPtr, ndis.TypeStatusPtr:
			if !readable {
				v = badAddress
				break
			}
			b := binary.LittleEndian.AppendUint64(nil, garbage)
			if p.Dir == ndis.InOut {
				b = make([]byte, 8) // initialised to NULL
				set(&c.enter, p.Column, 0)
			}
			m.memory[v], c.outs[i] = b, b
			if p.Type == ndis.TypeStatusPtr {
				if p.Column == ndis.ColStatus {
					returned()
				}
			} else if handedBack {
				set(&c.ret, p.Column, v+8)
			}
		}
		c.args = append(c.args, v)
	}
	if !c.fn.Returns.Void && c.fn.Param("Status") == nil || !c.fn.Returns.Void && c.fn.Param("Status").Type != ndis.TypeStatusPtr {
		returned()
	}
	return c
}

func set(e *format.Event, c ndis.Column, v uint64) {
	switch c {
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
	}
}

func (c *call) globals(stamp uint64) map[string]uint64 {
	g := map[string]uint64{"timestamp": stamp, "walltimestamp": uint64(c.enter.TS), "cpu": 3, "pid": 4, "tid": 4242}
	for i := range 10 {
		g[fmt.Sprintf("arg%d", i)] = garbage
		if i < len(c.args) {
			g[fmt.Sprintf("arg%d", i)] = c.args[i]
		}
	}
	return g
}

func (c *call) begin(m *dmodel, stamp uint64) {
	m.fire("fbt:ndis:"+c.fn.Name+":entry", c.globals(stamp))
}

// end is the return: NDIS has written the variables, and the arguments are gone.
func (c *call) end(m *dmodel, stamp uint64, status ndis.Status, changed bool) {
	g := c.globals(stamp)
	for i := range 10 {
		g[fmt.Sprintf("arg%d", i)] = garbage
	}
	g["arg1"] = 0xffffffff_00000000 | uint64(uint32(status))
	for i, b := range c.outs {
		switch {
		case c.fn.Params[i].Type == ndis.TypeStatusPtr:
			binary.LittleEndian.PutUint32(b, uint32(status))
		case changed:
			binary.LittleEndian.PutUint64(b, c.args[i]+8)
		}
	}
	m.fire("fbt:ndis:"+c.fn.Name+":return", g)
}

// decoded are the rows of what the model wrote.
func decoded(t *testing.T, m *dmodel) []format.Event {
	t.Helper()
	d := decode.New(decode.Options{Source: format.SourceETL})
	var rows []format.Event
	for _, r := range m.events {
		var e format.Event
		if d.Decode(r, &e) != decode.Row {
			t.Fatalf("%v", d.Failure())
		}
		rows = append(rows, e)
	}
	if len(d.Defects()) > 0 {
		t.Error(d.Defects())
	}
	return rows
}

func started(t testing.TB, list []ndis.Func) *dmodel {
	m := parseD(t, emit.Script(list))
	m.fire("BEGIN", nil)
	return m
}

func compare(t *testing.T, what string, got, want format.Event) {
	t.Helper()
	got.CallID = 0
	if got != want {
		t.Errorf("%s:\n%+v, want\n%+v", what, got, want)
	}
}

// TestScriptRows runs the probes of every function and decodes what they write.
func TestScriptRows(t *testing.T) {
	list := all(t, "Ndis*")
	for _, f := range list {
		salt := uint64(0)
		for _, status := range []ndis.Status{ndis.StatusSuccess, ndis.StatusPending, ndis.StatusFailure} {
			for _, readable := range []bool{true, false} {
				for _, changed := range []bool{true, false} {
					fn := f.Info()
					if status == ndis.StatusSuccess && !changed || fn.Returns.Void && status != ndis.StatusSuccess {
						continue
					}
					salt++
					m := started(t, []ndis.Func{f})
					c := invocation(m, f, salt, status, readable, changed)
					c.begin(m, 1000)
					c.end(m, 2000, status, changed)
					rows := decoded(t, m)
					if len(rows) != 2 {
						t.Fatalf("%v: %d events", f, len(rows))
					}
					if rows[0].CallID != rows[1].CallID || rows[0].CallID != 1000<<8|3 {
						t.Errorf("%v: call ids %d and %d", f, rows[0].CallID, rows[1].CallID)
					}
					what := fmt.Sprintf("%v, %v, readable %v, changed %v", f, status, readable, changed)
					compare(t, what+", enter", rows[0], c.enter)
					compare(t, what+", return", rows[1], c.ret)
					for name, v := range m.vars {
						if strings.HasPrefix(name, "self->") && v != 0 {
							t.Errorf("%v: %s is not freed", f, name)
						}
					}
				}
			}
		}
	}
}

// TestScriptNests: a thread that is in a function twice keeps the two apart, and a return
// without an entry writes nothing.
func TestScriptNests(t *testing.T) {
	f := ndis.NdisClOpenAddressFamilyEx
	m := started(t, []ndis.Func{f})
	outer := invocation(m, f, 1, ndis.StatusPending, true, true)
	inner := invocation(m, f, 2, ndis.StatusSuccess, true, true)
	inner.end(m, 1, ndis.StatusSuccess, false)
	if len(m.events) != 0 {
		t.Fatal("an event for a return without an entry")
	}
	outer.begin(m, 10)
	inner.begin(m, 20)
	inner.end(m, 30, ndis.StatusSuccess, true)
	outer.end(m, 40, ndis.StatusPending, true)
	rows := decoded(t, m)
	for i, want := range []format.Event{outer.enter, inner.enter, inner.ret, outer.ret} {
		compare(t, fmt.Sprint("row ", i), rows[i], want)
	}
	if rows[0].CallID != rows[3].CallID || rows[1].CallID != rows[2].CallID || rows[0].CallID == rows[1].CallID {
		t.Error("call ids are mixed up")
	}
}
