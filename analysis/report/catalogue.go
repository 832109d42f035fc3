package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// CatalogueRule is a rule of the catalogue as programs read it.
type CatalogueRule struct {
	ID        string   `json:"id"`
	Kind      string   `json:"kind"`     // observable, guard or unobservable
	Severity  string   `json:"severity"` // the highest a finding can have; empty for a guard
	AtFault   []string `json:"at_fault"` // who can have broken it
	Judged    bool     `json:"judged"`   // this version evaluates it
	Inferred  bool     `json:"inferred"` // our inference: no page states it as such
	Statement string   `json:"statement"`
	Sign      string   `json:"sign"`  // what a trace shows when it is broken
	Needs     []string `json:"needs"` // evidence without which it is not checked
	Subsumes  []string `json:"subsumes"`
	Page      string   `json:"page"`
}

// Catalogue returns the rules of the given names and groups, in the order of the catalogue:
// "REG-01" or "REG", in any case. Without one it returns all rules.
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
	for i, w := range which {
		if !used[i] {
			return nil, fmt.Errorf("%q is no rule and no group of rules", w)
		}
	}
	return list, nil
}

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
func WriteCatalogueJSON(w io.Writer, rules []CatalogueRule) error { return writeJSON(w, rules) }

// WriteCatalogueText writes rules as a table, each with its statement and page below.
func WriteCatalogueText(w io.Writer, rules []CatalogueRule) error {
	var b strings.Builder
	row := func(id, kind, severity, judged, fault string) {
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-9s  %-12s  %-8s  %-6s  %s", id, kind, severity, judged, fault), " ") + "\n")
	}
	row("ID", "KIND", "SEVERITY", "JUDGED", "AT FAULT")
	for i := range rules {
		r := &rules[i]
		judged := "no"
		if r.Judged {
			judged = "yes"
		}
		row(r.ID, r.Kind, r.Severity, judged, strings.Join(r.AtFault, ", "))
		fmt.Fprintf(&b, "    %s\n    %s\n", r.Statement, r.Page)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
