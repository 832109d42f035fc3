package replay

import (
	"fmt"
	"strings"
	"testing"
)

// TestDetailNames holds the list of keys beside the switch of parse: a key that is not on it
// would be passed over.
func TestDetailNames(t *testing.T) {
	var all detailKeys
	for _, name := range parsed {
		for _, value := range []string{`"0x1"`, "true", `["x"]`} {
			for _, before := range []string{"", `"level":4,`, `"origin":"x","level":4,`, `"level":-4, `} {
				var d detail
				text := "{" + before + `"` + name + `":` + value + "}"
				if !d.parse([]byte(text)) {
					t.Errorf("%s is no object", text)
				}
				all |= d.has
			}
		}
	}
	if want := detailKeys(keyOutParams) - 1; all != want {
		t.Errorf("keys read: %b, want %b", all, want)
	}
}

// TestDetailPass compares texts that are passed over quickly with the same ones written so
// that they are not.
func TestDetailPass(t *testing.T) {
	pairs := []string{
		`"level":4`, `"origin":"hook"`, `"caller":"ndis"`, `"oid":"0xff010100"`, `"x":1.5`, `"y":-1`, `"z":null`, `"":1`,
		`"a\"b":"c\\"`, `"nested":{"oid":1}`, `"list":[1,"]"]`, `"a_key_that_is_longer_than_thirty_two_bytes":"v"`, `"flags":3`,
		`"level":4x`, `"level":"`, `"level"`, `"level":`, `"origin":"a`, `"level":4]`, `level:4`, ``,
	}
	for i, a := range pairs {
		for j, b := range pairs {
			for k, c := range pairs {
				short := fmt.Sprintf("{%s,%s,%s}", a, b, c)
				var fast, slow detail
				ok, want := fast.parse([]byte(short)), slow.parse([]byte("{ "+a+", "+b+", "+c+" }"))
				for _, x := range []string{a, b, c} {
					if strings.HasPrefix(x, `"origin":"a`) || x == `"level":"` {
						want, slow = ok, fast // the white space becomes part of a string
					}
				}
				if ok != want || fast != slow {
					t.Fatalf("%d %d %d: %s: %v %+v, spaced %v %+v", i, j, k, short, ok, fast, want, slow)
				}
			}
		}
	}
}
