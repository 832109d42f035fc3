package ndis

import (
	"fmt"
	"strings"
)

// CallFlags is the Flags field of CO_CALL_PARAMETERS.
type CallFlags uint32

const (
	PermanentVC           CallFlags = 0x01
	CallParametersChanged CallFlags = 0x02 // set by who changed the parameters it was given
	QueryCallParameters   CallFlags = 0x04
	BroadcastVC           CallFlags = 0x08
	MultipointVC          CallFlags = 0x10
)

var callFlags = [...]struct {
	flag CallFlags
	name string
}{
	{PermanentVC, "PERMANENT_VC"},
	{CallParametersChanged, "CALL_PARAMETERS_CHANGED"},
	{QueryCallParameters, "QUERY_CALL_PARAMETERS"},
	{BroadcastVC, "BROADCAST_VC"},
	{MultipointVC, "MULTIPOINT_VC"},
}

// String lists the documented names of the flags, separated by "|", and what is left as
// a hex number; no flag is "0".
func (f CallFlags) String() string {
	var parts []string
	for _, c := range callFlags {
		if f&c.flag != 0 {
			parts = append(parts, c.name)
			f &^= c.flag
		}
	}
	if f != 0 || parts == nil {
		parts = append(parts, hexOrZero(uint32(f)))
	}
	return strings.Join(parts, "|")
}

func hexOrZero(v uint32) string {
	if v == 0 {
		return "0"
	}
	return fmt.Sprintf("0x%X", v)
}
