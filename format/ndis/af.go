package ndis

import (
	"fmt"
	"strings"
)

// AFType is the AddressFamily field of CO_ADDRESS_FAMILY: a signaling protocol. The type
// is open: values without a name are legal.
type AFType uint32

const (
	AFTypeQ2931      AFType = 0x00000001 // Q.2931 (ATM) signaling
	AFTypePSched     AFType = 0x00000002 // packet scheduler
	AFTypeL2TP       AFType = 0x00000003
	AFTypeIrDA       AFType = 0x00000004
	AFType1394       AFType = 0x00000005
	AFTypePPP        AFType = 0x00000006
	AFTypeInfiniBand AFType = 0x00000007
	AFTypeTAPI       AFType = 0x00000800 // NDPROXY towards NDISWAN
	AFTypeTAPIProxy  AFType = 0x00000801 // a WAN call manager towards NDPROXY; does not contain AFTypeProxy
	AFTypeProxy      AFType = 0x80000000 // flag, OR-ed onto another type: proxy support
)

const (
	afPrefix  = "CO_ADDRESS_FAMILY_"
	proxyName = "PROXY"
)

// AFTypeValue is a documented address family.
type AFTypeValue struct {
	Value AFType
	Name  string // documented name, with prefix
}

var afTypes = [...]AFTypeValue{
	{AFTypeQ2931, "CO_ADDRESS_FAMILY_Q2931"},
	{AFTypePSched, "CO_ADDRESS_FAMILY_PSCHED"},
	{AFTypeL2TP, "CO_ADDRESS_FAMILY_L2TP"},
	{AFTypeIrDA, "CO_ADDRESS_FAMILY_IRDA"},
	{AFType1394, "CO_ADDRESS_FAMILY_1394"},
	{AFTypePPP, "CO_ADDRESS_FAMILY_PPP"},
	{AFTypeInfiniBand, "CO_ADDRESS_FAMILY_INFINIBAND"},
	{AFTypeTAPI, "CO_ADDRESS_FAMILY_TAPI"},
	{AFTypeTAPIProxy, "CO_ADDRESS_FAMILY_TAPI_PROXY"},
	{AFTypeProxy, "CO_ADDRESS_FAMILY_PROXY"},
}

// AFTypes returns the documented address families and the PROXY flag, in order of value.
// The caller may keep and change the slice.
func AFTypes() []AFTypeValue { return append([]AFTypeValue(nil), afTypes[:]...) }

// Base is t without the PROXY flag.
func (t AFType) Base() AFType { return t &^ AFTypeProxy }

// Proxy says whether the PROXY flag is set.
func (t AFType) Proxy() bool { return t&AFTypeProxy != 0 }

// String is the documented name without its prefix, "Q2931"; with the PROXY flag
// "Q2931|PROXY". A type without a name is eight hex digits, 0x%08X, and so is the flag
// on a base without a name.
func (t AFType) String() string {
	for i := range afTypes {
		switch v := &afTypes[i]; {
		case v.Value == t:
			return v.Name[len(afPrefix):]
		case v.Value == t.Base():
			return v.Name[len(afPrefix):] + "|" + proxyName
		}
	}
	return fmt.Sprintf("0x%08X", uint32(t))
}

// ParseAFType reads an address family: documented names with or without
// CO_ADDRESS_FAMILY_, in any case, or numbers, decimal or hexadecimal with 0x; parts
// joined by "|" are OR-ed. Every output of String is accepted. A name wins over a number:
// "1394" is the family of that name.
func ParseAFType(text string) (AFType, error) {
	var t AFType
	for part := range strings.SplitSeq(text, "|") {
		v, ok := parseAFPart(part)
		if !ok {
			return 0, fmt.Errorf("ndis: %q is not an address family", text)
		}
		t |= v
	}
	return t, nil
}

func parseAFPart(text string) (AFType, bool) {
	name := strings.ToUpper(strings.TrimSpace(text))
	for i := range afTypes {
		if v := &afTypes[i]; v.Name == name || v.Name[len(afPrefix):] == name {
			return v.Value, true
		}
	}
	v, ok := parseUint32(name)
	return AFType(v), ok
}
