package naive

import (
	"fmt"
	"strings"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// Format prints a history, one row a line, for a person who has to see why a checker
// said what it said. Calls inside calls of their thread are indented; findings stand
// below the row they name.
func Format(events []format.Event, findings ...Finding) string {
	var b strings.Builder
	if len(events) == 0 {
		return ""
	}
	depth := map[uint64]int{}
	for i := range events {
		e := &events[i]
		arrow := "->"
		if strings.HasPrefix(e.Function.String(), "Protocol") || strings.HasPrefix(e.Function.String(), "Miniport") {
			arrow = "=>"
		}
		d := depth[e.TID]
		switch e.Phase {
		case format.PhaseEnter:
			depth[e.TID]++
		case format.PhaseReturn:
			arrow = "<" + arrow[:1]
			d = max(d-1, 0)
			depth[e.TID] = d
		default:
			arrow = "??"
		}
		fmt.Fprintf(&b, "%4d %6d t%-2d %s%s %s#%d %s%s\n", e.Seq, e.TS-events[0].TS, e.TID,
			strings.Repeat("  ", d), arrow, e.Function, e.CallID, e.Driver, columns(e))
		for _, f := range findings {
			if f.Seq == e.Seq {
				fmt.Fprintf(&b, "     ^^^^ %v %v\n", f.Rule, f.Severity)
			}
		}
	}
	return b.String()
}

func columns(e *format.Event) string {
	var b strings.Builder
	for _, c := range []struct {
		has   format.Fields
		name  string
		value uint64
	}{
		{format.HasAdapter, "adapter", e.Adapter}, {format.HasBinding, "binding", e.Binding},
		{format.HasAF, "af", e.AF}, {format.HasSAP, "sap", e.SAP}, {format.HasVC, "vc", e.VC},
		{format.HasParty, "party", e.Party}, {format.HasContext, "context", e.Context},
		{format.HasContext2, "context2", e.Context2}, {format.HasAFType, "type", uint64(e.AFType)},
		{format.HasAFMajor, "major", uint64(e.AFMajor)}, {format.HasAFMinor, "minor", uint64(e.AFMinor)},
	} {
		if e.Has&c.has != 0 {
			fmt.Fprintf(&b, " %s=%#x", c.name, c.value)
		}
	}
	if e.Has&format.HasStatus != 0 {
		fmt.Fprintf(&b, " %v", ndis.Status(e.Status))
	}
	if e.Has&format.HasDetail != 0 {
		b.WriteString(" " + e.Detail)
	}
	return b.String()
}
