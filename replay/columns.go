package replay

import (
	"strings"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// Columns that a source does not record at all. A row of which an evaluation lacks something is
// counted where it is judged. Where a column is missing from the whole trace, whole objects are
// not followed and rules about them are not reached: those are counted here, once for each rule
// and column, so that the result says what was not checked.

// evidence is what a rule rests on, from its Needs.
type evidence struct {
	id      rule.ID
	of      []ndis.Func // functions it is about, 5.x names included; nil if of any
	columns []columnNeed
}

// columnNeed is one column of an evidence, and the functions whose rows carry it.
type columnNeed struct {
	column *columnName
	of     []ndis.Func // of those that the rule is about
}

// columnName is a column that rules can need.
type columnName struct {
	name   string
	bit    format.Fields
	of     ndis.Column
	any    bool        // what it holds is no parameter of a function: rows of any may have it
	all    []ndis.Func // that carry it
	reason string
}

var columnNames = func() []columnName {
	list := []columnName{
		{name: "tid", bit: format.HasTID, any: true}, {name: "irql", bit: format.HasIRQL, any: true},
		{name: "driver", bit: format.HasDriver, any: true}, {name: "detail", bit: format.HasDetail, any: true},
		{name: "adapter", bit: format.HasAdapter, any: true},
		{name: "binding", bit: format.HasBinding, of: ndis.ColBinding}, {name: "af", bit: format.HasAF, of: ndis.ColAF},
		{name: "sap", bit: format.HasSAP, of: ndis.ColSAP}, {name: "vc", bit: format.HasVC, of: ndis.ColVC},
		{name: "party", bit: format.HasParty, of: ndis.ColParty},
		{name: "context", bit: format.HasContext, of: ndis.ColContext}, {name: "context2", bit: format.HasContext2, of: ndis.ColContext2},
		{name: "af_type", bit: format.HasAFType, of: ndis.ColAFType}, {name: "af_major", bit: format.HasAFMajor, of: ndis.ColAFType},
		{name: "af_minor", bit: format.HasAFMinor, of: ndis.ColAFType}, {name: "status", bit: format.HasStatus, of: ndis.ColStatus},
	}
	for i := range list {
		col := &list[i]
		col.reason = NoColumn(col.name)
		for fn := ndis.FuncUnknown + 1; fn < ndis.NumFuncs && !col.any; fn++ {
			if enter, ret := fn.Info().Carries(col.of); enter || ret {
				col.all = append(col.all, fn)
			}
		}
	}
	return list
}()

// sawRow is set in Checker.carried for a function that the trace has: no column has this bit.
const sawRow format.Fields = 1 << 31

// NoColumn is the reason for which a rule is not checked where the rows that it rests on never
// have the column.
func NoColumn(column string) string { return "column " + column + " in no row" }

// evidences is the table of what rules need, of all that a trace can show.
var evidences = func() (list []evidence) {
	older := map[ndis.Func][]ndis.Func{}
	for fn := ndis.FuncUnknown + 1; fn < ndis.NumFuncs; fn++ {
		if modern := fn.Modern(); modern != fn {
			older[modern] = append(older[modern], fn)
		}
	}
	for _, ru := range rule.All() {
		if !Judges(ru.ID) {
			continue
		}
		e := evidence{id: ru.ID}
		wants := map[string]bool{}
		for _, need := range ru.Needs {
			if strings.HasPrefix(need, "detail.") {
				need = "detail"
			}
			if fn := ndis.Lookup(need); fn != ndis.FuncUnknown {
				e.of = append(append(e.of, fn), older[fn]...)
				continue
			}
			wants[need] = true
		}
		for i := range columnNames {
			col := &columnNames[i]
			if !wants[col.name] {
				continue
			}
			n := columnNeed{column: col}
			if !col.any {
				for _, fn := range e.of {
					if enter, ret := fn.Info().Carries(col.of); enter || ret {
						n.of = append(n.of, fn)
					}
				}
			}
			e.columns = append(e.columns, n)
		}
		list = append(list, e)
	}
	return list
}()

// absentColumns calls miss for each rule and each column that it needs and that no row has
// which could. A rule none of whose functions the trace has was not due and is passed over.
func (c *Checker) absentColumns(miss func(rule.ID, *columnName)) {
	if c.events == 0 {
		return
	}
	var all format.Fields
	for fn := range c.carried {
		all |= c.carried[fn]
	}
	for i := range evidences {
		e := &evidences[i]
		due := e.of == nil
		for _, fn := range e.of {
			due = due || c.carried[fn] != 0
		}
		if !due {
			continue
		}
		for k := range e.columns {
			n := &e.columns[k]
			has := all
			if !n.column.any {
				if has = c.carriedBy(n.of); has == 0 {
					has = c.carriedBy(n.column.all) // the object comes from calls that the rule is not about
				}
			}
			if has != 0 && has&n.column.bit == 0 {
				miss(e.id, n.column)
			}
		}
	}
}

// carriedBy is the columns that rows of the functions had, 0 if there are none.
func (c *Checker) carriedBy(of []ndis.Func) (has format.Fields) {
	for _, fn := range of {
		has |= c.carried[fn]
	}
	return has
}
