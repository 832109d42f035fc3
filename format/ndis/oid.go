package ndis

import "fmt"

// OID is an object identifier of a CO request.
type OID uint32

const (
	OIDCoAddPVC                      OID = 0xFE000001
	OIDCoDeletePVC                   OID = 0xFE000002
	OIDCoGetCallInformation          OID = 0xFE000003
	OIDCoAddAddress                  OID = 0xFE000004
	OIDCoDeleteAddress               OID = 0xFE000005
	OIDCoGetAddresses                OID = 0xFE000006
	OIDCoAddressChange               OID = 0xFE000007
	OIDCoSignalingEnabled            OID = 0xFE000008 // clients of the AF can make and receive calls
	OIDCoSignalingDisabled           OID = 0xFE000009 // and here they cannot
	OIDCoAFClose                     OID = 0xFE00000A // asks a client to close its AF, as NdisCmNotifyCloseAddressFamily does (AMB-19)
	OIDCoTAPICMCaps                  OID = 0xFE001001
	OIDCoTAPILineCaps                OID = 0xFE001002
	OIDCoTAPIAddressCaps             OID = 0xFE001003
	OIDCoTAPITranslateTAPICallParams OID = 0xFE001004
	OIDCoTAPITranslateNDISCallParams OID = 0xFE001005
	OIDCoTAPITranslateTAPISAP        OID = 0xFE001006
	OIDCoTAPIGetCallDiagnostics      OID = 0xFE001007
	OIDCoTAPIReportDigits            OID = 0xFE001008
	OIDCoTAPIDontReportDigits        OID = 0xFE001009
)

// OIDValue is a documented OID.
type OIDValue struct {
	Value OID
	Name  string // documented name
}

var oids = [...]OIDValue{
	{OIDCoAddPVC, "OID_CO_ADD_PVC"},
	{OIDCoDeletePVC, "OID_CO_DELETE_PVC"},
	{OIDCoGetCallInformation, "OID_CO_GET_CALL_INFORMATION"},
	{OIDCoAddAddress, "OID_CO_ADD_ADDRESS"},
	{OIDCoDeleteAddress, "OID_CO_DELETE_ADDRESS"},
	{OIDCoGetAddresses, "OID_CO_GET_ADDRESSES"},
	{OIDCoAddressChange, "OID_CO_ADDRESS_CHANGE"},
	{OIDCoSignalingEnabled, "OID_CO_SIGNALING_ENABLED"},
	{OIDCoSignalingDisabled, "OID_CO_SIGNALING_DISABLED"},
	{OIDCoAFClose, "OID_CO_AF_CLOSE"},
	{OIDCoTAPICMCaps, "OID_CO_TAPI_CM_CAPS"},
	{OIDCoTAPILineCaps, "OID_CO_TAPI_LINE_CAPS"},
	{OIDCoTAPIAddressCaps, "OID_CO_TAPI_ADDRESS_CAPS"},
	{OIDCoTAPITranslateTAPICallParams, "OID_CO_TAPI_TRANSLATE_TAPI_CALLPARAMS"},
	{OIDCoTAPITranslateNDISCallParams, "OID_CO_TAPI_TRANSLATE_NDIS_CALLPARAMS"},
	{OIDCoTAPITranslateTAPISAP, "OID_CO_TAPI_TRANSLATE_TAPI_SAP"},
	{OIDCoTAPIGetCallDiagnostics, "OID_CO_TAPI_GET_CALL_DIAGNOSTICS"},
	{OIDCoTAPIReportDigits, "OID_CO_TAPI_REPORT_DIGITS"},
	{OIDCoTAPIDontReportDigits, "OID_CO_TAPI_DONT_REPORT_DIGITS"},
}

// OIDs returns the documented OIDs in order of value. The caller may keep and change the
// slice.
func OIDs() []OIDValue { return append([]OIDValue(nil), oids[:]...) }

// String is the documented name, or eight hex digits, 0x%08X.
func (o OID) String() string {
	for i := range oids {
		if oids[i].Value == o {
			return oids[i].Name
		}
	}
	return fmt.Sprintf("0x%08X", uint32(o))
}
