package ndis

import "fmt"

// SAPType is the SapType field of CO_SAP.
type SAPType uint32

const (
	SAPTypeNSAP SAPType = 0x00000001 // ATM
	SAPTypeE164 SAPType = 0x00000002 // ATM
	SAPTypeTAPI SAPType = 0x00008000 // AF_TAPI_SAP_TYPE
)

// String is the documented name, or eight hex digits, 0x%08X.
func (t SAPType) String() string {
	switch t {
	case SAPTypeNSAP:
		return "SAP_TYPE_NSAP"
	case SAPTypeE164:
		return "SAP_TYPE_E164"
	case SAPTypeTAPI:
		return "AF_TAPI_SAP_TYPE"
	}
	return fmt.Sprintf("0x%08X", uint32(t))
}
