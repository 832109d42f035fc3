package ndis

import "fmt"

// IRQL is an interrupt request level.
type IRQL uint8

const (
	PassiveLevel  IRQL = 0
	APCLevel      IRQL = 1
	DispatchLevel IRQL = 2
)

// String is the documented name, or IRQL and the number for a level without one here.
func (i IRQL) String() string {
	switch i {
	case PassiveLevel:
		return "PASSIVE_LEVEL"
	case APCLevel:
		return "APC_LEVEL"
	case DispatchLevel:
		return "DISPATCH_LEVEL"
	}
	return fmt.Sprintf("IRQL %d", uint8(i))
}

// IRQLRule says at which levels a function may be called or is called.
type IRQLRule uint8

const (
	AnyIRQL      IRQLRule = iota // not documented
	AtPassive                    // exactly PASSIVE_LEVEL
	UpToDispatch                 // at most DISPATCH_LEVEL
	AtDispatch                   // exactly DISPATCH_LEVEL; see AMB-15 for lower levels
)

func (r IRQLRule) String() string {
	return [...]string{"any", "= PASSIVE_LEVEL", "<= DISPATCH_LEVEL", "= DISPATCH_LEVEL"}[r]
}

// Allows says whether a call at level i keeps the rule.
func (r IRQLRule) Allows(i IRQL) bool {
	switch r {
	case AtPassive:
		return i == PassiveLevel
	case UpToDispatch:
		return i <= DispatchLevel
	case AtDispatch:
		return i == DispatchLevel
	}
	return true
}
