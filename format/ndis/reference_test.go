package ndis_test

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/format/ndis"
)

// reference returns the section of the domain reference whose heading begins with title,
// without its subsections of the same or a higher level. The reference lies beside the
// checkout; without it the test is skipped.
func reference(t *testing.T, title string) string {
	t.Helper()
	text, err := os.ReadFile("../../../shared/reference/condis.md")
	if err != nil {
		t.Skip("the domain reference is not beside the checkout: ", err)
	}
	_, section, ok := strings.Cut("\n"+string(text), "\n"+title)
	if !ok {
		t.Fatalf("no section %q", title)
	}
	level := strings.IndexByte(title, ' ')
	for _, end := range []string{"\n# ", "\n## ", "\n### "}[:level] {
		section, _, _ = strings.Cut(section, end)
	}
	return section
}

// tables returns the cells of every table row, headings left out.
func tables(section string) (rows [][]string) {
	lines := strings.Split(section, "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|--") ||
			i+1 < len(lines) && strings.HasPrefix(lines[i+1], "|--") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for j := range cells {
			cells[j] = strings.TrimSpace(cells[j])
		}
		rows = append(rows, cells)
	}
	return rows
}

var (
	parens   = regexp.MustCompile(`\([^()]*\)`)
	function = regexp.MustCompile(`^(Ndis|Protocol|Miniport)[A-Z]\w+$`)
)

// functionsOf expands the first cell of a row: "NdisCmX / NdisMCm...", "Ndis(M)CmX".
func functionsOf(cell string) (names []string) {
	cell = strings.ReplaceAll(cell, "Ndis(M)Cm", "Ndis+Cm")
	cell = parens.ReplaceAllString(cell, "")
	for _, name := range strings.FieldsFunc(cell, func(r rune) bool { return r == '/' || r == ',' }) {
		name = strings.TrimSpace(name)
		if name == "NdisMCm..." {
			name = strings.Replace(names[len(names)-1], "NdisCm", "NdisMCm", 1)
		}
		if base, ok := strings.CutPrefix(name, "Ndis+Cm"); ok {
			names = append(names, "NdisCm"+base)
			name = "NdisMCm" + base
		}
		if function.MatchString(name) {
			names = append(names, name)
		}
	}
	return names
}

var irqlRules = map[string]ndis.IRQLRule{"P": ndis.AtPassive, "<=D": ndis.UpToDispatch, "=D": ndis.AtDispatch}

// Section 3 of the reference: every function of its tables is in the vocabulary, with the
// same direction, IRQL, results and parameters.
func TestReferenceFunctions(t *testing.T) {
	for _, section := range []string{"3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "3.7", "3.8", "3.9", "3.10"} {
		rows := tables(reference(t, "### "+section+" "))
		if len(rows) < 3 {
			t.Fatalf("section %s has %d rows", section, len(rows))
		}
		for _, row := range rows {
			names := functionsOf(row[0])
			if len(names) == 0 {
				t.Errorf("section %s: no function in %q", section, row[0])
			}
			var group []*ndis.Function
			for _, name := range names {
				f := ndis.Lookup(name)
				if f == ndis.FuncUnknown {
					t.Errorf("section %s: %s is not in the vocabulary", section, name)
					continue
				}
				fn := f.Info()
				group = append(group, fn)
				if fn.Section != section {
					t.Errorf("%s is of section %s, not %s", name, section, fn.Section)
				}
				if down := row[1] == "D"; down != (fn.Dir == ndis.Down) {
					t.Errorf("%s: direction is %s in the reference", name, row[1])
				}
				irql, _, _ := strings.Cut(row[3], " ")
				if rule, ok := irqlRules[irql]; !ok || rule != fn.IRQL {
					t.Errorf("%s: IRQL is %s in the reference", name, row[3])
				}
				if _, _, ok := strings.Cut(row[0], "(macro)"); ok && !fn.Macro {
					t.Errorf("%s is a macro", name)
				}
			}
			if section != "3.10" && len(group) == len(names) {
				compareParams(t, row[4], group)
				compareReturns(t, row[5], group)
			}
		}
	}
}

// compareParams checks that the parameters the reference names are parameters of the
// function, in its order.
func compareParams(t *testing.T, cell string, group []*ndis.Function) {
	t.Helper()
	var named []string
	for _, word := range regexp.MustCompile(`\w+`).FindAllString(parens.ReplaceAllString(cell, ""), -1) {
		if word[0] >= 'A' && word[0] <= 'Z' && strings.ToUpper(word) != word {
			named = append(named, word)
		}
	}
	if len(group) > 1 && group[0].Twin.Info() != group[1] {
		for _, word := range named {
			if !slices.ContainsFunc(group, func(fn *ndis.Function) bool { return fn.Param(word) != nil }) {
				t.Errorf("%s: none of the functions has a parameter %s", group[0].Name, word)
			}
		}
		return
	}
	for _, fn := range group {
		i := 0
		for _, word := range named {
			for i < len(fn.Params) && fn.Params[i].Name != word {
				i++
			}
			if i == len(fn.Params) {
				t.Errorf("%s: parameters in the reference: %s", fn.Name, cell)
				break
			}
		}
	}
}

// compareReturns checks the statuses the reference lists.
func compareReturns(t *testing.T, cell string, group []*ndis.Function) {
	t.Helper()
	plain := parens.ReplaceAllString(cell, "")
	if strings.HasPrefix(plain, "as above") || strings.HasPrefix(plain, "value exists") || plain == "status / void" {
		return
	}
	for _, fn := range group {
		r := &fn.Returns
		if (plain == "void") != r.Void {
			t.Errorf("%s: returns %q in the reference", fn.Name, cell)
		}
		if r.MayPend != regexp.MustCompile(`\bP\b`).MatchString(plain) {
			t.Errorf("%s: returns %q in the reference, may pend: %v", fn.Name, cell, r.MayPend)
		}
		if regexp.MustCompile(`\bX\b`).MatchString(plain) && !r.AnyOther {
			t.Errorf("%s: returns %q in the reference, any other: %v", fn.Name, cell, r.AnyOther)
		}
	}
	for _, word := range regexp.MustCompile(`\b[A-Z_]{3,}\b`).FindAllString(plain, -1) {
		if word == "PENDING" {
			continue
		}
		s, err := ndis.ParseStatus(word)
		if err != nil {
			t.Errorf("%s: %v", group[0].Name, err)
		}
		if !slices.ContainsFunc(group, func(fn *ndis.Function) bool { return slices.Contains(fn.Returns.Status, s) }) {
			t.Errorf("%s: %v is a documented result", group[0].Name, s)
		}
	}
}

// Section 3.0: the sixteen macros, and the six calls that are functions.
func TestReferenceMacros(t *testing.T) {
	text := reference(t, "### 3.0 ")
	lists := regexp.MustCompile(`NdisMCm\{([^}]*)\}`).FindAllStringSubmatch(text, -1)
	if len(lists) != 2 {
		t.Fatalf("%d lists of functions", len(lists))
	}
	for i, macro := range []bool{true, false} {
		for _, name := range strings.Split(lists[i][1], ", ") {
			if f := ndis.Lookup("NdisMCm" + name); f == ndis.FuncUnknown || f.Info().Macro != macro {
				t.Errorf("NdisMCm%s: macro is %v in the reference", name, macro)
			}
		}
	}
}

// Section 3.11: the NDIS 5.x names resolve to the 6.x names beside them.
func TestReferenceAliases(t *testing.T) {
	count := 0
	for _, row := range tables(reference(t, "### 3.11 ")) {
		old, now := functionsOf(row[0]), functionsOf(row[1])
		if len(old) == 0 || len(now) == 0 {
			continue // structures and OIDs
		}
		if len(old) != len(now) {
			t.Errorf("%q and %q do not pair", row[0], row[1])
			continue
		}
		for i := range old {
			count++
			if f := ndis.Lookup(old[i]); f == ndis.FuncUnknown || f.Modern().String() != now[i] {
				t.Errorf("%s resolves to %v, want %s", old[i], f.Modern(), now[i])
			}
		}
	}
	if count < 15 {
		t.Errorf("only %d pairs found", count)
	}
}

func hexCell(t *testing.T, cell string) uint32 {
	t.Helper()
	v, err := strconv.ParseUint(strings.Trim(cell, "`"), 0, 32)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(v)
}

// Section 2.2: the address families, one for one.
func TestReferenceAFTypes(t *testing.T) {
	var want []ndis.AFTypeValue
	for _, row := range tables(reference(t, "### 2.2 ")) {
		want = append(want, ndis.AFTypeValue{Value: ndis.AFType(hexCell(t, row[1])), Name: strings.Trim(row[0], "`")})
	}
	if got := ndis.AFTypes(); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// Section 2.6: the statuses, one for one.
func TestReferenceStatuses(t *testing.T) {
	var want []ndis.StatusValue
	for _, row := range tables(reference(t, "### 2.6 ")) {
		name, _, _ := strings.Cut(row[0], " ")
		want = append(want, ndis.StatusValue{Value: ndis.Status(hexCell(t, row[1])), Name: name})
	}
	if got := ndis.Statuses(); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// Section 2.7: the OIDs. Those of TAPI are written there without their prefix.
func TestReferenceOIDs(t *testing.T) {
	found := regexp.MustCompile(`([A-Z_]+) (0xFE[0-9A-F]{6})`).FindAllStringSubmatch(reference(t, "### 2.7 "), -1)
	oids := ndis.OIDs()
	if len(found) != len(oids) {
		t.Fatalf("%d OIDs in the reference, %d here", len(found), len(oids))
	}
	for i, m := range found {
		if uint32(oids[i].Value) != hexCell(t, m[2]) || !strings.HasSuffix(oids[i].Name, m[1]) || oids[i].Value.String() != oids[i].Name {
			t.Errorf("%s is %s in the reference, %v here", m[1], m[2], oids[i])
		}
	}
}

// Section 2.5: the handler structures, with their object types, sizes and field order.
func TestReferenceHandlerSets(t *testing.T) {
	text := reference(t, "### 2.5 ")
	rows := tables(text)
	if len(rows) != len(ndis.HandlerSets) {
		t.Fatalf("%d structures in the reference", len(rows))
	}
	for i, row := range rows {
		h := &ndis.HandlerSets[i]
		if "`"+h.Structure+"`" != row[0] || uint32(h.ObjectType) != hexCell(t, row[1]) || strconv.Itoa(len(h.Slots)) != row[2] {
			t.Errorf("%s: %v in the reference", h.Structure, row)
		}
		if sizes := strconv.Itoa(int(h.SizesX86[len(h.SizesX86)-1])) + " / " + strconv.Itoa(int(h.SizesX64[len(h.SizesX64)-1])); sizes != row[3] {
			t.Errorf("%s: sizes %s, in the reference %s", h.Structure, sizes, row[3])
		}
	}
	for _, c := range []struct{ mark, short, suffix string }{
		{"* PROTOCOL_CO: ", "protocol-co", ""},
		{"* MINIPORT_CO: ", "miniport-co", ""},
		{"* CALL_MANAGER: ", "call-manager", "Handler"},
		{"* CLIENT: ", "client", "Handler"},
	} {
		_, list, _ := strings.Cut(text, c.mark)
		list, _, _ = strings.Cut(list, "\n")
		list, _, _ = strings.Cut(list, ". ")
		list, _, _ = strings.Cut(list, " (")
		i := slices.IndexFunc(ndis.HandlerSets, func(h ndis.HandlerSet) bool { return h.Short == c.short })
		names := strings.Split(strings.ReplaceAll(list, "*", ""), ", ")
		if len(names) != len(ndis.HandlerSets[i].Slots) {
			t.Errorf("%s: %d slots in the reference", c.short, len(names))
			continue
		}
		for j, name := range names {
			if !strings.Contains(name, "Handler") {
				name += c.suffix
			}
			if got := ndis.HandlerSets[i].Slots[j].Name; got != name {
				t.Errorf("%s: slot %d is %s, in the reference %s", c.short, j, got, name)
			}
		}
	}
}
