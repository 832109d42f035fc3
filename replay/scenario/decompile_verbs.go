package scenario

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// kindsOf are the objects that the arguments of a verb name: a adapter, f address family, o AF
// open, n OID, s SAP, v VC, p party, P party if there is one, r OID request. An upper-case kind
// in creates is one that the verb brings to life; inside is one that the call around it did.
var kindsOf = func() map[string]string {
	of := map[string]string{}
	for i := range Verbs {
		of[Verbs[i].Word] = strings.NewReplacer("x", "v", "p", "P").Replace(Verbs[i].Args)
	}
	for _, w := range []string{"register-sap", "cm-register-sap"} {
		of[w] = "os"
	}
	for _, w := range []string{"cm-sap-registered", "sap-registered", "deregister-sap", "cm-deregister-sap", "cm-sap-deregistered", "sap-deregistered"} {
		of[w] = "s"
	}
	for _, w := range []string{"oid", "oid-asked"} {
		of[w] = "onr"
	}
	for _, w := range []string{"oid-answered", "oid-done"} {
		of[w] = "or"
	}
	for _, w := range []string{"miniport-oid", "miniport-oid-asked"} {
		of[w] = "anr"
	}
	of["miniport-oid-answered"], of["miniport-oid-done"] = "ar", "r"
	of["dispatch"], of["incoming"] = "sv", "sv"
	for _, w := range []string{"make-multipoint-call", "close-party", "add-party", "cm-add-party"} {
		of[w] = "vp"
	}
	for _, w := range []string{"party-added", "told-added", "drop-party", "cm-drop-party", "party-dropped", "told-dropped", "dispatch-drop", "incoming-drop"} {
		of[w] = "p"
	}
	return of
}()

// makes is the kind of object that a verb brings to life.
var makes = map[string]byte{
	"open": 'o', "register-sap": 's', "create-vc": 'v', "create-signaling-vc": 'v', "add-party": 'p',
	"make-multipoint-call": 'p', "oid": 'r', "miniport-oid": 'r',
}

// inherits is the kind of object that a verb has from the call around it, which has just
// brought it to life.
var inherits = map[string]byte{
	"cm-open": 'o', "cm-register-sap": 's', "co-create-vc": 'v', "mp-create-vc": 'v', "cm-add-party": 'p', "cm-make-call": 'P',
	"oid-asked": 'r', "miniport-oid-asked": 'r',
}

// byFunction are the verbs of a function, for protocols and for miniports.
var byFunction = func() (of [2][ndis.NumFuncs][]*Verb) {
	for i := range Verbs {
		v := &Verbs[i]
		of[0][v.Function] = append(of[0][v.Function], v)
		if v.MCM != 0 {
			of[1][v.MCM] = append(of[1][v.MCM], v)
		} else {
			of[1][v.Function] = append(of[1][v.Function], v)
		}
	}
	return of
}()

// verb finds the verb of row i and its arguments. Without one it says so.
func (d *decompiler) verb(i int, x *openStep) bool {
	if d.m.plain {
		return false
	}
	e := &d.t.Events[i]
	u := d.c.drivers[x.s.driver]
	side := 0
	if u.miniport {
		side = 1
	}
	var v *Verb
	if e.Function >= ndis.NumFuncs {
		return false
	}
	switch list := byFunction[side][e.Function]; len(list) {
	case 0:
		return false
	case 1:
		v = list[0]
	default:
		v = d.choose(e, x, list)
	}
	if v == nil {
		return false
	}
	var args []string
	made := makes[v.Word]
	for _, kind := range kindsOf[v.Word] {
		arg, ok := d.argument(i, x, v, byte(kind), byte(kind) == made)
		if !ok {
			return false
		}
		if arg == "" {
			continue // a party that is not there
		}
		args = append(args, arg)
	}
	if v.Word == "cm-open" && (d.c.opens[args[0]] == nil || d.c.adapters[d.c.opens[args[0]].adapter] == nil) {
		return false
	}
	x.s.word, x.s.args = v.Word, args
	x.word, x.args = v.Word, args
	return true
}

// choose picks among the verbs of one function.
func (d *decompiler) choose(e *format.Event, x *openStep, list []*Verb) *Verb {
	pick := func(word string) *Verb {
		for _, v := range list {
			if v.Word == word {
				return v
			}
		}
		return nil
	}
	switch e.Function {
	case ndis.NdisCoCreateVc:
		if e.Has&format.HasAF != 0 && e.AF == 0 {
			return pick("create-signaling-vc")
		}
		return pick("create-vc")
	case ndis.NdisClMakeCall:
		if e.Context != 0 {
			return pick("make-multipoint-call")
		}
		return pick("make-call")
	case ndis.NdisClCloseCall:
		if e.Party != 0 {
			return pick("close-party")
		}
		return pick("close-call")
	case ndis.NdisCoOidRequest:
		if e.Has&format.HasAF != 0 && e.AF == 0 {
			return pick("miniport-oid")
		}
		return pick("oid")
	case ndis.ProtocolCoOidRequestComplete:
		if base, _ := d.owner("context of "+label(e), e.Context, e.Has&format.HasContext, 'o'); base != "" {
			return pick("oid-done")
		}
		if e.Has&format.HasContext == 0 {
			return pick("miniport-oid-done")
		}
		return pick("oid-done")
	}
	return nil
}

// owner is the object of a kind whose handle or context the value is.
func (d *decompiler) owner(class string, v uint64, has format.Fields, kind byte) (string, bool) {
	if has == 0 || v == 0 {
		return "", false
	}
	key := value{class, v}
	if d.m.strict {
		key.class = ""
	}
	text, ok := d.values[key]
	if !ok {
		return "", false
	}
	name := d.c.names[text]
	if kind == 'a' {
		if d.kinds[name] == 'a' {
			return name, true
		}
		_, at, ok := strings.Cut(name, "@")
		if ok {
			at, _, _ = strings.Cut(at, ".")
			return at, d.kinds[at] == 'a'
		}
	}
	if d.kinds[name] == kind {
		return name, true
	}
	if base, suffix, ok := cutLast(name, "."); ok && (suffix == "ctx" || suffix == "cm" || suffix == "mp") && d.kinds[base] == kind {
		return base, true
	}
	return "", false
}

func cutLast(s, sep string) (string, string, bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// around is the object of a kind that an enclosing call of the row's thread is about.
func (d *decompiler) around(x *openStep, kind byte, made bool) string {
	for n := len(d.up) - 1; n >= 0; n-- {
		u := &d.up[n]
		if u.tid != x.tid || u.word == "" || made && makes[u.word] != kind {
			continue
		}
		n := 0
		for _, k := range kindsOf[u.word] {
			if n < len(u.args) && (byte(k) == kind || k == 'P' && kind == 'p') {
				return u.args[n]
			}
			n++
		}
	}
	return ""
}

// argument names the object that the row is about.
func (d *decompiler) argument(i int, x *openStep, v *Verb, kind byte, made bool) (string, bool) {
	e := &d.t.Events[i]
	ctx := "context of " + label(e)
	switch kind {
	case 'f':
		if e.Has&format.HasAFType == 0 {
			return "Q2931", true
		}
		major, minor := uint32(1), uint32(0)
		if e.Has&format.HasAFMajor != 0 && e.Has&format.HasAFMinor != 0 {
			major, minor = e.AFMajor, e.AFMinor
		}
		return afName(e.AFType, major, minor), true
	case 'n':
		object, _ := parseDetail(e.Detail)
		var oid uint64
		if e.Has&format.HasDetail == 0 || !readHandle(object["oid"], &oid) || oid > 1<<32-1 {
			return "0", true
		}
		return hex(oid), true
	case 'a':
		return d.adapterOf(i, x, v)
	case 'P':
		if e.Party == 0 {
			return "", true
		}
		kind = 'p'
		if inherits[v.Word] == 'P' {
			if name := d.around(x, 'p', true); name != "" {
				return name, true
			}
		}
	}
	if made {
		return d.fresh(kind), true
	}
	if inherits[v.Word] == kind {
		if name := d.around(x, kind, true); name != "" {
			return name, true
		}
		if kind == 'o' {
			if name := d.asked(e); name != "" {
				return name, true
			}
		}
	}
	var name string
	ok := false
	find := func(class string, v uint64, bit format.Fields) {
		if !ok {
			name, ok = d.owner(class, v, e.Has&bit, kind)
		}
	}
	switch kind {
	case 'o':
		find("af", e.AF, format.HasAF)
	case 's':
		find("sap", e.SAP, format.HasSAP)
	case 'v':
		find("vc", e.VC, format.HasVC)
	case 'p':
		find("party", e.Party, format.HasParty)
	case 'r':
		object, _ := parseDetail(e.Detail)
		var r uint64
		if e.Has&format.HasDetail != 0 && readHandle(object["oid_request"], &r) {
			find("oid_request", r, format.HasDetail)
			if !ok && r != 0 {
				return d.fresh('r'), true
			}
		}
	}
	find(ctx, e.Context, format.HasContext)
	find(ctx, e.Context2, format.HasContext2)
	if ok {
		return name, true
	}
	if named := d.named(e, v, kind); named != 0 {
		return d.fresh(kind), true // one from before the trace
	}
	if name := d.around(x, kind, false); name != "" {
		return name, true
	}
	return d.fresh(kind), true
}

// named is the handle column of the kind, if the row has it.
func (d *decompiler) named(e *format.Event, v *Verb, kind byte) uint64 {
	switch kind {
	case 'o':
		return e.AF
	case 's':
		return e.SAP
	case 'v':
		return e.VC
	case 'p':
		return e.Party
	}
	return 0
}

// asked is the open of a client that waits for a call manager and suits the row.
func (d *decompiler) asked(e *format.Event) string {
	for n := len(d.up) - 1; n >= 0; n-- {
		if u := &d.up[n]; u.word == "open" {
			o := d.c.opens[u.args[2]]
			if o != nil && o.af[0] == e.AFType && u.oc.e.Has&format.HasAFType != 0 {
				return u.args[2]
			}
		}
	}
	return ""
}

// adapterOf is the adapter that the row is about.
func (d *decompiler) adapterOf(i int, x *openStep, v *Verb) (string, bool) {
	e := &d.t.Events[i]
	if e.Has&format.HasAdapter != 0 {
		if name := d.homes[e.Adapter]; name != "" {
			return name, true
		}
	}
	if name, ok := d.owner("binding", e.Binding, e.Has&format.HasBinding, 'a'); ok {
		return name, true
	}
	if name, ok := d.owner("context of "+label(e), e.Context, e.Has&format.HasContext, 'a'); ok {
		return name, true
	}
	key := ""
	if e.Has&format.HasDetail != 0 {
		object, _ := parseDetail(e.Detail)
		for _, k := range []string{"bind_context", "unbind_context"} {
			var h uint64
			if raw, has := object[k]; has && readHandle(json.RawMessage(raw), &h) {
				if name, ok := d.owner(k, h, format.HasDetail, 'a'); ok {
					return name, true
				}
				key = k + strconv.FormatUint(h, 16)
			}
		}
	}
	if name := d.around(x, 'a', false); name != "" && e.Has&(format.HasBinding|format.HasContext) == 0 {
		return name, true
	}
	switch {
	case e.Has&format.HasBinding != 0:
		key = "binding" + strconv.FormatUint(e.Binding, 16)
	case e.Has&format.HasContext != 0:
		key = "context" + strconv.FormatUint(e.Context, 16)
	}
	key += " " + x.s.driver
	if name := d.known[key]; name != "" {
		return name, true
	}
	// It is declared before the first step when the text is written again.
	name := "Z" + strconv.Itoa(len(d.extra)+1)
	d.extra = append(d.extra, unseenAdapter{key: key, name: name})
	d.known[key] = name
	d.kinds[name] = 'a'
	_ = d.c.declareAdapter(&step{word: "adapter", args: []string{name, "unseen"}})
	return name, true
}
