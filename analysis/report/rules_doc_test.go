package report

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// docs/rules.md is the catalogue; -update writes it anew.
func TestRulesDocIsCurrent(t *testing.T) {
	rules, err := Catalogue(nil)
	if err != nil {
		t.Fatal(err)
	}
	rules = slices.DeleteFunc(rules, func(r CatalogueRule) bool { return strings.HasPrefix(r.ID, "AMB-") })
	var b strings.Builder
	b.WriteString(`# The rules

What a trace is held to. *Observable* rules can be seen broken in a trace; *guards* say what is
no defect, and keep the others silent; *unobservable* ones no trace can show. A rule without its
evidence in a trace is not checked, and reports count that with the reason. A finding says
who is at fault; where two could be, the trace decides. *Inferred* rules are ours: no page states them as such,
and they alone never make an error. What the pages leave open is in [ambiguities.md](ambiguities.md).

`)
	fmt.Fprintf(&b, "There are %d of them. `afreplay rules` prints them too, `afreplay rules REG --json` a group of them for programs, with what each needs.\n", len(rules))
	group := ""
	for i := range rules {
		r := &rules[i]
		if g, _, _ := strings.Cut(r.ID, "-"); g != group {
			group = g
			fmt.Fprintf(&b, "\n## %s\n", g)
		}
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n", r.ID, r.Statement)
		kind := r.Kind
		if r.Severity != "" {
			kind += ", " + r.Severity
		}
		if r.Inferred {
			kind += ", inferred"
		}
		if !r.Judged {
			kind += ", not judged"
		}
		fmt.Fprintf(&b, "- %s\n", kind)
		if len(r.AtFault) > 0 {
			fmt.Fprintf(&b, "- at fault: %s\n", strings.Join(r.AtFault, ", "))
		}
		if r.Sign != "" {
			fmt.Fprintf(&b, "- a trace shows: %s\n", r.Sign)
		}
		if len(r.Needs) > 0 {
			fmt.Fprintf(&b, "- needs: %s\n", strings.Join(r.Needs, ", "))
		}
		if len(r.Subsumes) > 0 {
			fmt.Fprintf(&b, "- includes: %s\n", strings.Join(r.Subsumes, ", "))
		}
		fmt.Fprintf(&b, "- [page](%s)\n", r.Page)
	}
	const path = "../../docs/rules.md"
	got := []byte(b.String())
	if *update {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not current: go test ./analysis/report -run RulesDoc -update writes it", path)
	}
}
