package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// CatalogueRule is a rule of the catalogue, or an ambiguity of the documentation, as
// programs read it.
type CatalogueRule struct {
	ID        string   `json:"id"`
	Kind      string   `json:"kind"`     // observable, guard, unobservable or ambiguity
	Severity  string   `json:"severity"` // the highest a finding can have; empty for a guard
	AtFault   []string `json:"at_fault"` // who can have broken it
	Judged    bool     `json:"judged"`   // this version evaluates it
	Inferred  bool     `json:"inferred"` // our inference: no page states it as such
	Statement string   `json:"statement"`
	Sign      string   `json:"sign"`  // what a trace shows when it is broken
	Needs     []string `json:"needs"` // evidence without which it is not checked
	Subsumes  []string `json:"subsumes"`
	Page      string   `json:"page"`

	// Of an ambiguity only; Statement is the question.
	Default   string `json:"default,omitempty"`    // what the replay does
	Strict    string `json:"strict,omitempty"`     // what it does if told to hold it strictly
	NotStrict string `json:"not_strict,omitempty"` // why that makes no sense
}

// Catalogue returns the rules of the given names and groups, in the order of the catalogue,
// and behind them the ambiguities: "REG-01", "REG", "AMB-05" or "AMB", in any case. Without
// a name it returns everything.
func Catalogue(which []string) ([]CatalogueRule, error) {
	used := make([]bool, len(which))
	list := []CatalogueRule{}
	for _, ru := range rule.All() {
		take := len(which) == 0
		for i, w := range which {
			if strings.EqualFold(w, ru.Name) || strings.EqualFold(w, ru.Group) {
				take, used[i] = true, true
			}
		}
		if take {
			list = append(list, catalogueRule(&ru))
		}
	}
	for _, a := range rule.Ambiguities() {
		take := len(which) == 0
		for i, w := range which {
			if strings.EqualFold(w, a.Name) || strings.EqualFold(w, "AMB") {
				take, used[i] = true, true
			}
		}
		if take {
			list = append(list, CatalogueRule{
				ID: a.Name, Kind: ambiguity, AtFault: []string{}, Needs: []string{}, Subsumes: []string{},
				Statement: a.Issue, Default: a.Treatment, Strict: a.Strict, NotStrict: a.NotStrict, Page: a.Page,
			})
		}
	}
	for i, w := range which {
		if !used[i] {
			return nil, fmt.Errorf("%q is no rule, no group of rules and no ambiguity", w)
		}
	}
	return list, nil
}

// ambiguity is the kind of those entries that are no rules.
const ambiguity = "ambiguity"

func catalogueRule(ru *rule.Rule) CatalogueRule {
	c := CatalogueRule{
		ID: ru.Name, Kind: ru.Kind.String(), Severity: ru.Severity.String(), AtFault: []string{},
		Judged: replay.Judges(ru.ID), Inferred: ru.Inferred, Statement: ru.Statement, Sign: ru.Sign,
		Needs: append([]string{}, ru.Needs...), Subsumes: []string{}, Page: ru.Page,
	}
	if ru.Kind == rule.Guard {
		c.Severity = ""
	}
	for _, a := range ru.AtFault {
		c.AtFault = append(c.AtFault, a.String())
	}
	for _, id := range ru.Subsumes {
		c.Subsumes = append(c.Subsumes, name(id))
	}
	return c
}

// WriteCatalogueJSON writes rules as a JSON array.
func WriteCatalogueJSON(w io.Writer, rules []CatalogueRule) error { return rows.WriteJSON(w, rules) }

// WriteCatalogueText writes rules as a table, each with its statement and page below.
func WriteCatalogueText(w io.Writer, rules []CatalogueRule) error {
	var b strings.Builder
	row := func(id, kind, severity, judged, fault string) {
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-9s  %-12s  %-8s  %-6s  %s", id, kind, severity, judged, fault), " ") + "\n")
	}
	head := ""
	for i := range rules {
		r := &rules[i]
		if r.Kind == ambiguity {
			if head != ambiguity {
				if head != "" {
					b.WriteByte('\n')
				}
				head = ambiguity
				b.WriteString("AMBIGUITIES OF THE DOCUMENTATION: what holds by default, and with --strict\n")
			}
			strict := r.Strict
			if strict == "" {
				strict = "has no meaning. " + r.NotStrict
			}
			fmt.Fprintf(&b, "%s  %s\n    default: %s\n    --strict: %s\n    %s\n", r.ID, r.Statement, r.Default, strict, r.Page)
			continue
		}
		if head == "" {
			head = "rules"
			row("ID", "KIND", "SEVERITY", "JUDGED", "AT FAULT")
		}
		judged := "no"
		if r.Judged {
			judged = "yes"
		}
		row(r.ID, r.Kind, r.Severity, judged, strings.Join(r.AtFault, ", "))
		fmt.Fprintf(&b, "    %s\n", r.Statement)
		if r.Sign != "" {
			fmt.Fprintf(&b, "    a trace shows: %s\n", r.Sign)
		}
		if len(r.Subsumes) > 0 {
			fmt.Fprintf(&b, "    includes: %s\n", strings.Join(r.Subsumes, ", "))
		}
		if r.Inferred {
			b.WriteString("    inferred: no page states it as such\n")
		}
		fmt.Fprintf(&b, "    %s\n", r.Page)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
