package ndis_test

import (
	"testing"

	"github.com/aftrace/aftrace/format/ndis"
)

func TestStatus(t *testing.T) {
	last := int64(-1)
	for _, v := range ndis.Statuses() {
		if int64(v.Value) <= last {
			t.Errorf("%s is out of order", v.Name)
		}
		last = int64(v.Value)
		if v.Value.String() != v.Name {
			t.Errorf("%s prints as %s", v.Name, v.Value)
		}
	}
	for s, want := range map[ndis.Status]ndis.Class{
		ndis.StatusSuccess:       ndis.Success,
		ndis.StatusPending:       ndis.Pending,
		ndis.StatusNotAccepted:   ndis.Failure,
		ndis.StatusNotRecognized: ndis.Failure,
		ndis.StatusCallActive:    ndis.Failure,
		ndis.StatusFailure:       ndis.Failure,
		1:                        ndis.Failure,
		0x40000000:               ndis.Failure,
	} {
		if s.Class() != want {
			t.Errorf("%v is %v, want %v", s, s.Class(), want)
		}
	}
	for s, want := range map[ndis.Status]ndis.Status{
		0xC0230002:           ndis.StatusClosing,
		0xC023000C:           ndis.StatusRequestAborted,
		0xC0230015:           ndis.StatusInvalidData,
		0xC023FFFF:           0xC023FFFF,
		0xC0230000:           0xC0230000,
		ndis.StatusClosing:   ndis.StatusClosing,
		ndis.StatusSuccess:   ndis.StatusSuccess,
		ndis.StatusResources: ndis.StatusResources,
	} {
		if s.Canonical() != want {
			t.Errorf("%v: Canonical is %v, want %v", s, s.Canonical(), want)
		}
	}
}

func TestParseStatus(t *testing.T) {
	for text, want := range map[string]ndis.Status{
		"NDIS_STATUS_SUCCESS":     ndis.StatusSuccess,
		"success":                 ndis.StatusSuccess,
		" Not_Accepted ":          ndis.StatusNotAccepted,
		"STATUS_NDIS_CLOSING":     0xC0230002,
		"0":                       ndis.StatusSuccess,
		"259":                     ndis.StatusPending,
		"0x00000103":              ndis.StatusPending,
		"0XC0000001":              ndis.StatusFailure,
		"3221225473":              ndis.StatusFailure,
		"-1073741823":             ndis.StatusFailure,
		"0x40000123":              0x40000123,
		"NDIS_STATUS_INVALID_OID": ndis.StatusInvalidOID,
	} {
		if got, err := ndis.ParseStatus(text); err != nil || got != want {
			t.Errorf("ParseStatus(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "NDIS_STATUS_", "STATUS_NDIS_", "STATUS_NDIS_SUCCESS", "OK", "0x", "0x1_0", "0x123456789", "-0x1", "4294967296", "1.0", "+1"} {
		if got, err := ndis.ParseStatus(text); err == nil {
			t.Errorf("ParseStatus(%q) = %v", text, got)
		}
	}
}

func TestAFType(t *testing.T) {
	for v, want := range map[ndis.AFType]string{
		ndis.AFTypeQ2931:                        "Q2931",
		ndis.AFType1394:                         "1394",
		ndis.AFTypeTAPIProxy:                    "TAPI_PROXY",
		ndis.AFTypeProxy:                        "PROXY",
		ndis.AFTypeTAPI | ndis.AFTypeProxy:      "TAPI|PROXY",
		ndis.AFTypePPP | ndis.AFTypeProxy:       "PPP|PROXY",
		1394:                                    "0x00000572",
		0:                                       "0x00000000",
		0x80000009:                              "0x80000009",
		ndis.AFTypeInfiniBand:                   "INFINIBAND",
		ndis.AFTypeTAPIProxy | ndis.AFTypeProxy: "TAPI_PROXY|PROXY",
	} {
		if v.String() != want {
			t.Errorf("%#x prints as %s, want %s", uint32(v), v, want)
		}
	}
	if ndis.AFTypeTAPIProxy.Proxy() || !(ndis.AFTypePPP | ndis.AFTypeProxy).Proxy() || (ndis.AFTypePPP|ndis.AFTypeProxy).Base() != ndis.AFTypePPP {
		t.Error("the PROXY flag is misread")
	}
	for text, want := range map[string]ndis.AFType{
		"CO_ADDRESS_FAMILY_Q2931": ndis.AFTypeQ2931,
		"tapi_proxy":              ndis.AFTypeTAPIProxy,
		"PROXY|PPP":               ndis.AFTypePPP | ndis.AFTypeProxy,
		"CO_ADDRESS_FAMILY_PPP | CO_ADDRESS_FAMILY_PROXY": ndis.AFTypePPP | ndis.AFTypeProxy,
		"1394":    ndis.AFType1394,
		"0x572":   1394,
		"9":       9,
		"9|PROXY": 0x80000009,
	} {
		if got, err := ndis.ParseAFType(text); err != nil || got != want {
			t.Errorf("ParseAFType(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "|", "Q2931|", "Q.2931", "CO_ADDRESS_FAMILY_", "0x", "4294967296"} {
		if got, err := ndis.ParseAFType(text); err == nil {
			t.Errorf("ParseAFType(%q) = %v", text, got)
		}
	}
}

// What String prints, the parsers read.
func FuzzValuesRoundTrip(f *testing.F) {
	for _, v := range []uint32{0, 1, 5, 0x103, 1394, 0x801, 0x80000001, 0xC0010015, 0xC0230015, 0xC0230000, 0xFFFFFFFF} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v uint32) {
		if got, err := ndis.ParseStatus(ndis.Status(v).String()); err != nil || got != ndis.Status(v) {
			t.Errorf("status %#x: %v, %v", v, got, err)
		}
		if got, err := ndis.ParseAFType(ndis.AFType(v).String()); err != nil || got != ndis.AFType(v) {
			t.Errorf("AF type %#x: %v, %v", v, got, err)
		}
	})
}

func TestOtherNames(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{ndis.OIDCoAFClose.String(), "OID_CO_AF_CLOSE"},
		{ndis.OID(0x00010101).String(), "0x00010101"},
		{ndis.SAPTypeTAPI.String(), "AF_TAPI_SAP_TYPE"},
		{ndis.SAPType(7).String(), "0x00000007"},
		{ndis.PassiveLevel.String(), "PASSIVE_LEVEL"},
		{ndis.IRQL(5).String(), "IRQL 5"},
		{ndis.CallFlags(0).String(), "0"},
		{(ndis.MultipointVC | ndis.CallParametersChanged | 0x100).String(), "CALL_PARAMETERS_CHANGED|MULTIPOINT_VC|0x100"},
		{(ndis.RoleClient | ndis.RoleMCM).String(), "client|mcm"},
		{ndis.ColAFType.String(), "af_type"},
		{ndis.TypeHandlePtr.String() + " " + ndis.TypeHandlePtr.C(), "HandlePtr PNDIS_HANDLE"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
	for _, c := range []struct {
		r    ndis.IRQLRule
		i    ndis.IRQL
		want bool
	}{
		{ndis.AtPassive, ndis.PassiveLevel, true}, {ndis.AtPassive, ndis.APCLevel, false},
		{ndis.UpToDispatch, ndis.DispatchLevel, true}, {ndis.UpToDispatch, 3, false},
		{ndis.AtDispatch, ndis.DispatchLevel, true}, {ndis.AtDispatch, ndis.PassiveLevel, false},
		{ndis.AnyIRQL, 31, true},
	} {
		if c.r.Allows(c.i) != c.want {
			t.Errorf("%v allows %v: %v", c.r, c.i, !c.want)
		}
	}
}
