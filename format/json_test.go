package format

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// stdObject decides the same with the standard library.
func stdObject(s string) bool {
	return json.Valid([]byte(s)) && utf8.ValidString(s) && strings.HasPrefix(strings.TrimLeft(s, " \t\r\n"), "{")
}

var objects = []string{
	`{}`, ` { } `, `{"a":1}`, `{"a":-0.5e+10,"b":[1,2,{"c":null}],"d":true,"e":false}`, `{"\u00e4\n":"ä€😀"}`,
	`{"long key without anything odd":"a long value without anything odd, and a \" in it"}`, `{"a":"` + strings.Repeat("x", 100) + `"}`,
	``, `[]`, `"a"`, `null`, `{`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":1}}`, `{"a":01}`, `{"a":1.}`, `{"a":1e}`, `{"a":-}`, `{a:1}`,
	`{"a":tru}`, `{"a":"\x"}`, `{"a":"\u12g4"}`, `{"a":"\u12`, "{\"a\":\"\x01aaaaaaaaaaa\"}", "{\"a\":\"aaaaaaaaaaaaa\xFF\"}", "{\"a\":\"\xC3\"}",
	"{\"a\":\"\xED\xA0\x80\"}", `{"a":"unterminated, long enough`, `{"a":[}`, `{"a":[1 2]}`, `{"a" :	1 , "b":2}`, "{\"a\":\"\x7f\xA0\"}",
}

func TestValidObject(t *testing.T) {
	for _, s := range objects {
		if got, want := validObject(s), stdObject(s); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
	deep := strings.Repeat(`{"a":`, maxDetailDepth+2) + "1" + strings.Repeat("}", maxDetailDepth+2)
	if validObject(deep) {
		t.Error("nesting is not bounded")
	}
}

func FuzzValidObject(f *testing.F) {
	for _, s := range objects {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Count(s, "{")+strings.Count(s, "[") > maxDetailDepth {
			t.Skip()
		}
		if got, want := validObject(s), stdObject(s); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	})
}
