// Package emit makes others write the events of the provider CoNDIS-AfTrace: a DTrace script
// for hosts whose drivers stay as they are, and a C header for drivers that are built with
// it. Both are generated from the tables of format/ndis.
package emit

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/format/ndis"
)

// value is a field of an event and the parameter it comes from.
type value struct {
	field decode.AfField // for an address family, the first of the three
	param int            // in Function.Params, -1 for what the function returns
	deref bool           // the parameter is a variable for it
	af    bool           // CO_ADDRESS_FAMILY
}

// bits are those of Present that say that v is there.
func (v value) bits() uint32 {
	if v.af {
		return decode.AfType.PresentBit() | decode.AfMajor.PresentBit() | decode.AfMinor.PresentBit()
	}
	return v.field.PresentBit()
}

// fieldOf is where a column goes in an event.
var fieldOf = map[ndis.Column]decode.AfField{
	ndis.ColAdapter: decode.AfAdapter, ndis.ColBinding: decode.AfBinding, ndis.ColAF: decode.AfAf, ndis.ColSAP: decode.AfSap,
	ndis.ColVC: decode.AfVc, ndis.ColParty: decode.AfParty, ndis.ColContext: decode.AfContext, ndis.ColAFType: decode.AfType,
	ndis.ColStatus: decode.AfStatus, ndis.ColContext2: decode.AfContext2,
}

// crossings are the values of the events of fn. On return, the handles and the address
// family that came in are told again, so that a return whose entry was lost still says what
// it is about. A context on return is one that was handed back.
func crossings(fn *ndis.Function) (enter, ret []value) {
	out := map[decode.AfField]bool{}
	for i := range fn.Params {
		p := &fn.Params[i]
		f, ok := fieldOf[p.Column]
		if !ok {
			continue
		}
		v := value{field: f, param: i, deref: p.Dir != ndis.In, af: p.Column == ndis.ColAFType}
		if p.OnEnter() {
			enter = append(enter, v)
		}
		if p.OnReturn() {
			ret = append(ret, v)
			out[f] = true
		}
	}
	for _, v := range enter {
		if !out[v.field] && v.field != decode.AfContext && v.field != decode.AfContext2 && v.field != decode.AfStatus {
			ret = append(ret, v)
		}
	}
	if !fn.Returns.Void && !out[decode.AfStatus] {
		ret = append(ret, value{field: decode.AfStatus, param: -1})
	}
	slices.SortStableFunc(ret, func(a, b value) int { return int(a.field) - int(b.field) })
	return enter, ret
}

// WhyNot says why a probe cannot be put on a function of ndis.sys, "" if it can.
func WhyNot(f ndis.Func) string {
	fn := f.Info()
	switch {
	case fn == nil || fn.Dir == ndis.NoDir:
		return "is not a function"
	case fn.Macro:
		return "is a macro: it shows as " + fn.Twin.String() + ", called by a miniport"
	case fn.Dir == ndis.Up:
		return "is a callback: it is in the driver that implements it, under a name of its own"
	}
	return ""
}

// frequent says whether a function belongs to the data path or to NDIS 5.x: it is probed only
// if it is named.
func frequent(fn *ndis.Function) bool {
	return fn.Section == "3.11" && fn.Alias != ndis.FuncNone || strings.Contains(fn.Name, "NetBufferLists") || strings.Contains(fn.Name, "IndicateStatus")
}

// Functions are the functions that the patterns name, with * and ?, in the order of the
// vocabulary; without patterns those that a script probes by default. A pattern that matches
// nothing that can be probed is an error that says why.
func Functions(patterns []string) ([]ndis.Func, error) {
	chosen := map[ndis.Func]bool{}
	for _, p := range patterns {
		any, why := false, ""
		for f, fn := range ndis.Functions() {
			ok, err := path.Match(p, fn.Name)
			if err != nil {
				return nil, fmt.Errorf("%q is no pattern", p)
			}
			if !ok {
				continue
			}
			if reason := WhyNot(f); reason != "" {
				why = fn.Name + " " + reason
				continue
			}
			any, chosen[f] = true, true
		}
		switch {
		case any:
		case why != "":
			return nil, fmt.Errorf("no probe for %s: %s", p, why)
		default:
			return nil, fmt.Errorf("%q names no CoNDIS function", p)
		}
	}
	var list []ndis.Func
	for f, fn := range ndis.Functions() {
		if chosen[f] || len(patterns) == 0 && WhyNot(f) == "" && !frequent(fn) {
			list = append(list, f)
		}
	}
	return list, nil
}

func sortedKeys(m map[string]bool) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
