package decode

import (
	"bytes"
	"encoding/json"
	"testing"
)

// TestCanonicalScan: what is taken as it is, is what the slow way makes of it; and the details
// that emitters write are taken as they are.
func TestCanonicalScan(t *testing.T) {
	for text, fast := range map[string]bool{
		`{}`: true,
		`{"adapter_name":"\\DEVICE\\{5A3F6B1E}","if_index":12}`: true,
		`{"a":"\"","b":["\\","x\\\\",{"c":"\\\""}]}`:            true,
		`{"a":-0.5e+3,"b":[true,false,null]}`:                   true,
		`{"a":"ü"}`:                                             true,
		`{"a":"\n"}`:                                            false,
		`{"a":"\u00e4"}`:                                        false,
		`{"a":"\/"}`:                                            false,
		`{"a\\":1}`:                                             false,
		`{"a\"":1}`:                                             false,
		`{"b":1,"a":2}`:                                         false,
		`{"a":1,"a":2}`:                                         false,
		`{ "a":1}`:                                              false,
		`{"a":"\`:                                               false,
		`{"a":"\"}`:                                             false,
		`{"a":"\\}`:                                             false,
		`{"a":01}`:                                              false,
	} {
		scan := canonicalScan{b: []byte(text)}
		if got := scan.object(0) && scan.i == len(text); got != fast {
			t.Errorf("%s is taken as it is: %v", text, got)
		}
		var d detailBuffer
		got, ok := d.canonical([]byte(text), nil)
		m, valid := parseObject([]byte(text))
		if ok != valid {
			t.Errorf("%s: accepted: %v, want %v", text, ok, valid)
		}
		if !valid {
			continue
		}
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(m); err != nil {
			t.Fatal(err)
		}
		if got+"\n" != want.String() {
			t.Errorf("%s: %s, want %s", text, got, want.String())
		}
	}
}
