package replay

import (
	"strings"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// irqlRules is the rule that the level at the entry of a function is judged by.
var irqlRules = func() (of [ndis.NumFuncs]rule.ID) {
	co := func(name string, prefixes ...string) bool {
		for _, p := range prefixes {
			if strings.HasPrefix(name, p) && !strings.HasPrefix(name, "NdisComplete") {
				return true
			}
		}
		return false
	}
	for fn := ndis.FuncUnknown + 1; fn < ndis.NumFuncs; fn++ {
		name := fn.String()
		switch {
		case co(name, "NdisCl", "NdisCm", "NdisMCm", "NdisCo", "NdisMCo"):
			of[fn] = rule.IRQL02
		case co(name, "ProtocolCl", "ProtocolCm", "ProtocolCo", "MiniportCo"):
			of[fn] = rule.IRQL04
		}
	}
	for _, id := range []rule.ID{rule.IRQL01, rule.IRQL03, rule.IRQL05} {
		for _, name := range id.Rule().Needs {
			if fn := ndis.Lookup(name); fn != ndis.FuncUnknown {
				of[fn] = id
			}
		}
	}
	return of
}()

// soundIRQL is how many of the lowest levels are sound at the entry of a function in any case:
// the others are judged by irql.
func soundIRQL(fn ndis.Func) uint8 {
	switch irqlRules[fn] {
	case rule.None, rule.IRQL05:
		return 0
	case rule.IRQL01, rule.IRQL03:
		return uint8(ndis.PassiveLevel) + 1
	}
	if fn == ndis.ProtocolCmOpenAf || fn == ndis.ProtocolClOpenAfComplete {
		return uint8(ndis.PassiveLevel) + 1 // AMB-17
	}
	return uint8(ndis.DispatchLevel) + 1
}

// irql judges the level at which a call was made by rule id.
func (c *Checker) irql(cl *call, id rule.ID) {
	if cl.d.caller == callerSelf {
		return
	}
	if cl.has&format.HasIRQL == 0 || c.now.irql > maxIRQL {
		c.skip(id, reasonNoIRQL)
		return
	}
	c.check(id)
	level := ndis.IRQL(c.now.irql)
	bad, severity := false, rule.Error
	switch id {
	case rule.IRQL01, rule.IRQL03:
		bad = level != ndis.PassiveLevel
	case rule.IRQL05:
		bad = level != ndis.DispatchLevel
		if level < ndis.DispatchLevel {
			severity = rule.Warning // AMB-15
		}
	default:
		bad = level > ndis.DispatchLevel
		if level > ndis.PassiveLevel && (cl.fn == ndis.ProtocolCmOpenAf || cl.fn == ndis.ProtocolClOpenAfComplete) {
			bad = bad || c.opt.Strict.Has(rule.AMB17)
		}
	}
	if !bad {
		return
	}
	if id == rule.IRQL03 && cl.d.caller == callerUnknown && strings.Contains(cl.name(), "Complete") {
		c.skip(id, reasonCaller) // a driver runs its own handler at any level
		return
	}
	fault, verb := rule.NDIS, " was made at "
	if !isUp[cl.fn] {
		verb = " was called at "
		switch {
		case isManagerCall[cl.fn]:
			fault = rule.CallManager
		case strings.HasPrefix(cl.name(), "NdisMCo"):
			fault = rule.Miniport
		default:
			fault = rule.Client
		}
	}
	f := c.report(id, cl.ev, fault, nil, c.names[cl.label], cl.name()+verb+level.String()).severity(severity)
	switch {
	case severity == rule.Warning:
		c.unclear(f, rule.AMB15, severity)
	case level <= ndis.DispatchLevel && id == rule.IRQL04:
		c.unclear(f, rule.AMB17, severity)
	}
}
