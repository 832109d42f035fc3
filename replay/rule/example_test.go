package rule_test

import (
	"fmt"

	"github.com/aftrace/aftrace/replay/rule"
)

func ExampleParse() {
	id, _ := rule.Parse("REG-02")
	r := id.Rule()
	fmt.Println(r.Name, r.Severity, r.Kind, r.AtFault)
	fmt.Println(r.Statement)
	fmt.Println("also:", r.Subsumes)
	fmt.Println(r.Page)
	// Output:
	// REG-02 error observable [ndis]
	// Registering an address family that another call manager holds on the adapter returns FAILURE.
	// also: [REG-01]
	// https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscmregisteraddressfamilyex
}
