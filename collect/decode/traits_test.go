package decode_test

import (
	"testing"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/decode/aftracetest"
)

// The pairs were read from PROV_TRAITS and EVENT_HEADER of real events; the first is the contract.
func TestProviderGUID(t *testing.T) {
	for name, want := range map[string]string{
		"CoNDIS-AfTrace":                         "c993b968-86b0-5ab3-9387-798caf2d1425",
		"MySource":                               "a61ea624-4944-55fc-c2a8-37838829438d",
		"mysource":                               "a61ea624-4944-55fc-c2a8-37838829438d", // case does not count
		"Microsoft-Diagnostics-DiagnosticSource": "adb401e1-5296-51f8-c125-5fda75826144",
		"PerfView":                               "a8a71ac1-040f-54a2-07ca-00a89b5ab761",
		"Microsoft.Windows.WaaSMedic.Local":      "30d25124-a468-505c-de82-8411646eb8b5",
	} {
		if got := decode.ProviderGUID(name).String(); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if decode.KnownProvider(decode.AfTrace) != "CoNDIS-AfTrace" {
		t.Error("our own provider is not known")
	}
}

func TestParseTraits(t *testing.T) {
	group := decode.ProviderGUID("group")
	b := aftracetest.Traits("Näme", decode.Trait{Type: 1, Data: group[:]}, decode.Trait{Type: 9, Data: []byte{1, 2}},
		decode.Trait{Type: 2, Data: decode.AfTrace[:]}, decode.Trait{Type: 1, Data: []byte{3}})
	tr, f := decode.ParseTraits(append(b, 0, 0, 0)) // padding is not part of them
	if f.Reason != decode.ReasonNone || tr.Name != "Näme" || !tr.HasGroup || tr.Group != group || !tr.HasDecode || tr.Decode != decode.AfTrace {
		t.Errorf("%+v, %v", tr, f)
	}
	if len(tr.Other) != 2 || tr.Other[0].Type != 9 || string(tr.Other[0].Data) != "\x01\x02" || tr.Other[1].Type != 1 {
		t.Errorf("other traits %v", tr.Other)
	}
	for n := range len(b) {
		if _, f := decode.ParseTraits(b[:n]); f.Reason != decode.ReasonTraitsCut {
			t.Errorf("cut at %d: %v", n, f)
		}
	}
	for name, bad := range map[string]string{
		"no NUL": "\x05\x00abc", "trait without head": "\x06\x00a\x00\x03\x00", "trait of no size": "\x07\x00a\x00\x00\x00\x01",
		"trait past the end": "\x07\x00a\x00\x09\x00\x01", "size 1": "\x01\x00a\x00",
	} {
		if _, f := decode.ParseTraits([]byte(bad)); f.Reason != decode.ReasonTraitsCut {
			t.Errorf("%s: %v", name, f)
		}
	}
}
