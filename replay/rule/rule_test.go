package rule_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

func TestCatalogue(t *testing.T) {
	all := rule.All()
	if len(all) != 166 || rule.NumIDs != 167 {
		t.Fatalf("%d rules, want 166", len(all))
	}
	for i := range all {
		r := &all[i]
		if r.ID != rule.ID(i+1) || r.ID.Rule() != r || r.ID.String() != r.Name {
			t.Errorf("rule %d is %s with ID %d", i+1, r.Name, r.ID)
		}
		if id, ok := rule.Parse(r.Name); !ok || id != r.ID {
			t.Errorf("Parse(%q) = %d, %v", r.Name, id, ok)
		}
		if group, _, _ := strings.Cut(r.Name, "-"); r.Group != group {
			t.Errorf("%s is in group %s", r.Name, r.Group)
		}
		if !strings.HasSuffix(r.Statement, ".") || r.Sign == "" || strings.HasSuffix(r.Sign, ".") || len(r.Needs) == 0 {
			t.Errorf("%s is incomplete", r.Name)
		}
		if guard := r.Kind == rule.Guard; guard != (len(r.AtFault) == 0) || guard && r.Severity != rule.Info {
			t.Errorf("%s: kind %v, severity %v, at fault %v", r.Name, r.Kind, r.Severity, r.AtFault)
		}
		for j, a := range r.AtFault {
			if a == rule.Nobody || slices.Contains(r.AtFault[:j], a) {
				t.Errorf("%s: at fault %v", r.Name, r.AtFault)
			}
		}
		if r.Inferred && r.Severity == rule.Error {
			t.Errorf("%s: an inference is never an error", r.Name)
		}
		if r.Page == "" || r.Page != pageOf(r.Sources[0], r.Group) {
			t.Errorf("%s: page %q, first source %q", r.Name, r.Page, r.Sources[0])
		}
	}
	for _, name := range []string{"", "REG-1", "reg-01", "REG01", "REG-18", "REG-10 "} {
		if id, ok := rule.Parse(name); ok || id != rule.None {
			t.Errorf("Parse(%q) = %d, %v", name, id, ok)
		}
	}
	for _, id := range []rule.ID{rule.None, rule.NumIDs, 0xFFFF} {
		if id.Rule() != nil || id.String() != "" {
			t.Errorf("ID %d is %q", uint16(id), id)
		}
	}
}

// pageOf turns a key of the reference into a URL, as its section 0.1 says.
func pageOf(key, group string) string {
	const ddi, docs = "https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/", "https://learn.microsoft.com/windows-hardware/drivers/"
	kind, name, _ := strings.Cut(key, ":")
	switch kind {
	case "nf":
		return ddi + "nf-ndis-" + strings.ToLower(name)
	case "nc", "ns":
		return ddi + kind + "-ndis-" + name
	case "net":
		return docs + "network/" + name
	case "dev":
		return docs + "devtest/" + name
	case "seed":
		if group == "OPEN" {
			return ddi + "nc-ndis-protocol_cm_open_af"
		}
		return ddi + "nf-ndis-ndiscmregisteraddressfamilyex"
	}
	return ""
}

// A rule that replaces others must not be replaced by them in turn.
func TestSubsumesIsAcyclic(t *testing.T) {
	const open, done = 1, 2
	state := map[rule.ID]int{}
	var visit func(id rule.ID, path string)
	visit = func(id rule.ID, path string) {
		path += " > " + id.String()
		switch state[id] {
		case open:
			t.Errorf("cycle%s", path)
			return
		case done:
			return
		}
		state[id] = open
		r := id.Rule()
		for i, sub := range r.Subsumes {
			if sub == rule.None || sub >= rule.NumIDs || slices.Contains(r.Subsumes[:i], sub) {
				t.Errorf("%s subsumes %v", r.Name, r.Subsumes)
				continue
			}
			if k := sub.Rule().Kind; k != rule.Observable || r.Kind != rule.Observable {
				t.Errorf("%s subsumes %s, which is %v", r.Name, sub, k)
			}
			visit(sub, path)
		}
		state[id] = done
	}
	for _, r := range rule.All() {
		visit(r.ID, "")
	}
}

// The precedences that the reference states.
func TestPrecedence(t *testing.T) {
	for _, c := range []struct {
		id   rule.ID
		subs []rule.ID
	}{
		{rule.REG14, []rule.ID{rule.REG11, rule.REG02, rule.REG01}},
		{rule.REG11, []rule.ID{rule.REG02, rule.REG01}},
		{rule.REG02, []rule.ID{rule.REG01}},
		{rule.OPEN08, []rule.ID{rule.OPEN07}},
		{rule.CLOSE07, []rule.ID{rule.USE01}},
		{rule.CLOSE03, []rule.ID{rule.CLOSE07}},
		{rule.OPEN17, []rule.ID{rule.ROLE01, rule.ROLE02}},
		{rule.OPEN15, []rule.ID{rule.OPEN18}},
		{rule.NOTE10, []rule.ID{rule.NOTE01}},
		{rule.CLOSE01, []rule.ID{rule.LEAK01}},
		{rule.CLOSE09, []rule.ID{rule.LEAK01}},
		{rule.OPEN07, []rule.ID{rule.LEAK01, rule.LEAK02}},
	} {
		for _, sub := range c.subs {
			if !slices.Contains(c.id.Rule().Subsumes, sub) {
				t.Errorf("%s does not subsume %s", c.id, sub)
			}
		}
	}
}

// Evidence is named as the trace names it, and the table of detail keys knows who uses them.
func TestNeeds(t *testing.T) {
	columns := strings.Fields("ts irql tid driver adapter binding af sap vc party context context2 af_type af_major af_minor status")
	for _, r := range rule.All() {
		for i, need := range r.Needs {
			if slices.Contains(r.Needs[:i], need) {
				t.Errorf("%s needs %s twice", r.Name, need)
			}
			if key, ok := strings.CutPrefix(need, "detail."); ok {
				if d := ndis.Detail(key); d == nil || !slices.Contains(d.Rules, r.Name) {
					t.Errorf("%s needs detail.%s, which does not list it", r.Name, key)
				}
			} else if !slices.Contains(columns, need) && ndis.Lookup(need) == ndis.FuncUnknown {
				t.Errorf("%s needs %q, which is no column and no function", r.Name, need)
			}
		}
	}
	for _, d := range ndis.DetailKeys {
		for _, name := range d.Rules {
			if strings.HasPrefix(name, "AMB-") {
				if !slices.ContainsFunc(rule.Ambiguities(), func(a rule.Ambiguity) bool { return a.Name == name }) {
					t.Errorf("detail.%s: no ambiguity %s", d.Name, name)
				}
			} else if _, ok := rule.Parse(name); !ok {
				t.Errorf("detail.%s: no rule %s", d.Name, name)
			}
		}
	}
}

func TestAmbiguities(t *testing.T) {
	used := map[string]bool{}
	for _, r := range rule.All() {
		for _, name := range r.AMB {
			used[name] = true
		}
	}
	for _, a := range rule.Ambiguities() {
		if a.Issue == "" || a.Treatment == "" || !strings.HasPrefix(a.Page, "https://learn.microsoft.com/windows-hardware/drivers/") {
			t.Errorf("%s is incomplete", a.Name)
		}
		if (a.Strict == "") == (a.NotStrict == "") {
			t.Errorf("%s has either a strict reading or a reason why not", a.Name)
		}
		set, err := rule.ParseStrict([]string{strings.ToLower(a.Name)})
		if strict := a.Strict != ""; strict != (err == nil) || strict && !slices.Equal(set.Names(), []string{a.Name}) {
			t.Errorf("ParseStrict(%s) = %v, %v", a.Name, set.Names(), err)
		}
		if !used[a.Name] {
			t.Errorf("%s bears on no rule", a.Name)
		}
		delete(used, a.Name)
	}
	for name := range used {
		t.Errorf("%s is used and not described", name)
	}
	for _, fn := range ndis.Functions() {
		for _, name := range fn.AMB {
			if !slices.ContainsFunc(rule.Ambiguities(), func(a rule.Ambiguity) bool { return a.Name == name }) {
				t.Errorf("%s: no ambiguity %s", fn.Name, name)
			}
		}
	}
}

// Every rule that a strict reading names refers back to the ambiguity.
func TestStrictReadings(t *testing.T) {
	for _, a := range rule.Ambiguities() {
		ids := regexp.MustCompile(`\b[A-Z]+-\d\d\b`).FindAllString(a.Strict, -1)
		if a.Strict != "" && len(ids) == 0 {
			t.Errorf("%s: the strict reading names no rule", a.Name)
		}
		for _, name := range ids {
			if id, ok := rule.Parse(name); !ok || !slices.Contains(id.Rule().AMB, a.Name) {
				t.Errorf("%s names %s, which does not refer to it", a.Name, name)
			}
		}
	}
	if _, err := rule.ParseStrict([]string{"AMB-05", "AMB-00"}); err == nil || !strings.Contains(err.Error(), "AMB-01, AMB-02") {
		t.Errorf("AMB-00: %v", err)
	}
	set, err := rule.ParseStrict([]string{"AMB-24", "AMB-01", "AMB-24"})
	if err != nil || !set.Has(rule.AMB01) || !set.Has(rule.AMB24) || set.Has(rule.AMB02) || len(set.Names()) != 2 {
		t.Errorf("%v, %v", set.Names(), err)
	}
	if rule.AMB(0).Ambiguity() != nil || rule.AMB(26).Ambiguity() != nil {
		t.Error("an ambiguity outside the table")
	}
}

// The page of the documentation says what the table says.
func TestAmbiguitiesDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/ambiguities.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range rule.Ambiguities() {
		strict := a.Strict
		if strict == "" {
			strict = "– " + a.NotStrict
		}
		line := "| [" + a.Name + "](" + a.Page + ") | " + a.Issue + " | " + a.Treatment + " | " + strict + " |\n"
		if !strings.Contains(string(text), line) {
			t.Errorf("docs/ambiguities.md lacks the line\n%s", line)
		}
	}
}

// reference returns the rows of the domain reference whose first cell matches, cells
// trimmed. The reference lies beside the checkout; without it the test is skipped.
func reference(t *testing.T, first *regexp.Regexp) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile("../../../shared/reference/condis.md")
	if err != nil {
		t.Skip("the domain reference is not beside the checkout: ", err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if first.MatchString(cells[0]) {
			rows = append(rows, cells)
		}
	}
	return rows
}

// Section 5: every rule is here, in order, with its severity and sources.
func TestReferenceRules(t *testing.T) {
	rows := reference(t, regexp.MustCompile(`^(BIND|ROLE|REG|NOTE|OPEN|CLOSE|SAP|VC|CALL|QOS|PARTY|OID|IRQL|USE|LEAK|UNLOAD)-\d\d$`))
	all := rule.All()
	if len(rows) != len(all) {
		t.Fatalf("%d rules in the reference", len(rows))
	}
	for i, row := range rows {
		r := &all[i]
		if r.Name != row[0] {
			t.Fatalf("rule %d is %s, in the reference %s", i+1, r.Name, row[0])
		}
		letters := regexp.MustCompile(`^[EWI/-]+`).FindString(row[3])
		want := rule.Info
		if strings.Contains(letters, "E") {
			want = rule.Error
		} else if strings.Contains(letters, "W") {
			want = rule.Warning
		}
		if r.Severity != want {
			t.Errorf("%s is %v, in the reference %s", r.Name, r.Severity, row[3])
		}
		if guard := letters == "-" || strings.Contains(row[2], "(guard"); guard != (r.Kind == rule.Guard) {
			t.Errorf("%s is %v", r.Name, r.Kind)
		}
		if len(letters) > 1 && !regexp.MustCompile(`\b(info|warning)\b`).MatchString(r.Sign) {
			t.Errorf("%s has severity %s: the sign says when it is the lower one", r.Name, letters)
		}
		for _, key := range regexp.MustCompile("`((?:nf|nc|ns|net|dev):[^`]+|seed|wdkhdr)`").FindAllStringSubmatch(row[4], -1) {
			if !slices.Contains(r.Sources, key[1]) {
				t.Errorf("%s: source %s is missing", r.Name, key[1])
			}
		}
		for _, amb := range regexp.MustCompile(`AMB-\d\d`).FindAllString(strings.Join(row, " "), -1) {
			if !slices.Contains(r.AMB, amb) {
				t.Errorf("%s: %s is missing", r.Name, amb)
			}
		}
		if strings.Contains(row[3]+row[4], "[INF]") && !r.Inferred {
			t.Errorf("%s is an inference", r.Name)
		}
	}
}

// Section 7: the ambiguities, in order.
func TestReferenceAmbiguities(t *testing.T) {
	rows := reference(t, regexp.MustCompile(`^AMB-\d\d$`))
	ambs := rule.Ambiguities()
	if len(rows) != len(ambs) || len(ambs) != 25 {
		t.Fatalf("%d ambiguities, %d in the reference", len(ambs), len(rows))
	}
	for i, row := range rows {
		if ambs[i].Name != row[0] {
			t.Errorf("ambiguity %d is %s, in the reference %s", i+1, ambs[i].Name, row[0])
		}
		// Where the reference names a rule in the treatment, that rule refers back.
		for _, name := range regexp.MustCompile(`\b[A-Z]+-\d\d\b`).FindAllString(row[3], -1) {
			id, ok := rule.Parse(name)
			if ok && !slices.Contains(id.Rule().AMB, row[0]) {
				t.Errorf("%s does not refer to %s", name, row[0])
			}
		}
	}
}
