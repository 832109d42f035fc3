package report

import "testing"

// Every rule that SARIF declares has help and a page.
func TestSarifRulesHaveHelp(t *testing.T) {
	s := sarif{index: map[string]int{}}
	for _, r := range s.rules() {
		if r.Help.Text == "" || r.Help.Markdown == "" || r.HelpURI == "" || r.ShortDescription.Text == "" {
			t.Errorf("%s: %+v", r.ID, r)
		}
	}
}
