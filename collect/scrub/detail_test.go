package scrub

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// scrubDetail scrubs a detail; usual lets texts of the usual form take the short way.
func scrubDetail(text string, usual bool) (string, *Scrubber) {
	s := &Scrubber{names: newRenamer(make([]byte, 32)), keep: map[string]bool{"kept": true}, tokens: map[string]map[string]string{}}
	s.sum.DetailKeys = map[string]uint64{}
	if usual {
		return string(s.appendDetail(nil, []byte(text), "")), s
	}
	s.parse([]byte(text), "")
	return string(s.appendMembers(nil)), s
}

// Both ways to read a detail give the same.
func FuzzDetail(f *testing.F) {
	for _, text := range []string{
		``, `{}`, `{"caller":"ndis"}`, `{"adapter_name":"a b","if_index":7,"if_luid":"0xffffa00000000001"}`, `{"role":["client","xyz"],"inferred":true}`,
		`{"null_slots":["ClOpenAfCompleteHandler","é"]}`, `{"kept":{"a": 1},"sap":"x"}`, `{"kept":[ ],"sap":"x\u0041"}`, `{"b":1,"a":2}`, `{"a":1,"a":2}`,
		`{"since_ts":01}`, `{"since_ts":5}x`, `{"since_ts":5`, `{"handlers":[]}`, `{"handlers":["client",]}`, `{"handlers":["client"}`, `{"co":tru}`,
		`{"co":false,"level":-1}`, ` {"co": true } `, `{"pnp_event":"NetEventSetPower","function":"Foo","halt_action":"Ndis_"}`, `{"bind_context":"0x10","x":"0x1"}`,
		`{"protocol":"7","sap":""}`, `{"sap":7}`, `[1]`, `{"sap":"a\n"}`, "{\"sap\":\"\xff\"}", "{\"sap\":\"a\nb\"}", `{,}`, `{"sap"}`, `{"sap":}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, a := scrubDetail(text, true)
		want, b := scrubDetail(text, false)
		if text == "" {
			return // a row without detail
		}
		if got != want || a.sum.BadDetails != b.sum.BadDetails || !maps.Equal(a.sum.DetailKeys, b.sum.DetailKeys) {
			t.Errorf("%q\n%s %+v\n%s %+v", text, got, a.sum, want, b.sum)
		}
		if got != "" && !json.Valid([]byte(got)) {
			t.Errorf("%q: not JSON: %q", text, got)
		}
	})
}

// What collectors write takes the short way.
func TestUsualDetails(t *testing.T) {
	for _, text := range []string{
		`{"caller":"ndis"}`, `{"call_params":"a0003001"}`, `{"sap":"10004000","sap_type":1}`, `{"handlers":["client","protocol-co"],"protocol":"0xffff800002400080"}`,
		`{"inferred":true}`,
	} {
		s := &Scrubber{}
		if !s.split([]byte(text)) {
			t.Errorf("%s is read the long way", text)
		}
		var keys []string
		for _, m := range s.members {
			keys = append(keys, string(m.key))
		}
		if !slices.IsSorted(keys) || len(keys) != strings.Count(text, ":") {
			t.Errorf("%s: %q", text, keys)
		}
	}
}
