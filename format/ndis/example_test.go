package ndis_test

import (
	"fmt"

	"github.com/aftrace/aftrace/format/ndis"
)

func ExampleLookup() {
	f := ndis.Lookup("ProtocolCmOpenAf")
	fn := f.Info()
	fmt.Println(fn.Name, fn.Dir, fn.Roles, fn.IRQL)
	fmt.Println("entry:", fn.Entry, "- return:", fn.Return)
	for _, p := range fn.Params {
		fmt.Println(p.Dir, p.Type.C(), p.Name, "->", p.Column)
	}
	fmt.Println("PENDING is completed by", fn.Completion)
	fmt.Println(fn.Page)
	// Output:
	// ProtocolCmOpenAf up call-manager|mcm <= DISPATCH_LEVEL
	// entry: ndis - return: driver decision
	// in NDIS_HANDLE CallMgrBindingContext -> context
	// in PCO_ADDRESS_FAMILY AddressFamily -> af_type
	// in NDIS_HANDLE NdisAfHandle -> af
	// out PNDIS_HANDLE CallMgrAfContext -> context
	// PENDING is completed by [NdisCmOpenAddressFamilyComplete NdisMCmOpenAddressFamilyComplete]
	// https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cm_open_af
}

func ExampleStatus_Class() {
	s, _ := ndis.ParseStatus("NOT_ACCEPTED")
	fmt.Println(s, s.Class())
	fmt.Println(ndis.StatusPending, ndis.StatusPending.Class())
	// Output:
	// NDIS_STATUS_NOT_ACCEPTED failure
	// NDIS_STATUS_PENDING pending
}
