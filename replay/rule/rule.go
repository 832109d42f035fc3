// Package rule is the rule catalogue as data: what each rule says, whom it binds, what
// evidence it needs and where it is documented. It only describes; replay decides.
package rule

// ID is the position of a rule in the catalogue; its text form is like "REG-01".
type ID uint16

// Severity of a finding.
type Severity uint8

const (
	Info Severity = iota
	Warning
	Error
)

func (s Severity) String() string { return [...]string{"info", "warning", "error"}[s] }

// Kind says what a trace can show of a rule.
type Kind uint8

const (
	Observable   Kind = iota // a trace can show that it was broken
	Guard                    // says what must not be reported; cannot be broken
	Unobservable             // binds a driver's inside; judged by its visible effects only
)

func (k Kind) String() string { return [...]string{"observable", "guard", "unobservable"}[k] }

// Actor is who is bound by a rule, or at fault.
type Actor uint8

const (
	Nobody Actor = iota
	Client
	CallManager // miniport call managers included
	Miniport
	NDIS
)

func (a Actor) String() string {
	return [...]string{"", "client", "call-manager", "miniport", "ndis"}[a]
}

// Rule is one entry of the catalogue.
type Rule struct {
	ID        ID
	Name      string // "REG-01"
	Group     string // "REG"
	Kind      Kind
	Severity  Severity // the highest a finding can have, unless an ambiguity is held strictly; Sign says when it is lower
	Inferred  bool     // our inference, at least in part: consistent with the pages, stated by none
	AtFault   []Actor  // who can have broken it, most likely first; nil for a guard
	Statement string   // what the rule asks for
	Sign      string   // what a trace shows when it is broken

	// Needs is the evidence: columns of the trace, keys of the detail column as
	// "detail.key", and functions. Without it the rule is not checked.
	Needs []string

	// Subsumes is the rules that say less of an event which breaks this one too: each that
	// is broken by the same event is listed beside the finding and is none of its own.
	Subsumes []ID

	Page    string   // URL of the main page
	Sources []string // keys of the domain reference, the main page first
	AMB     []string // ambiguities whose treatment bears on the rule
}

// All returns the catalogue in its order. The rules are shared and must not be written to.
func All() []Rule { return catalogue[1:] }

// Rule returns the entry of id; nil for None and for a value outside the catalogue.
func (id ID) Rule() *Rule {
	if id == None || id >= NumIDs {
		return nil
	}
	return &catalogue[id]
}
