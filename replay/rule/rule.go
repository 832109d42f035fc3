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
	Protocol // any protocol driver, where the rule does not depend on its role
)

func (a Actor) String() string {
	return [...]string{"", "client", "call-manager", "miniport", "ndis", "protocol"}[a]
}
