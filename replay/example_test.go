package replay_test

import (
	"fmt"
	"log"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/scenario"
)

// The engine takes batches of rows and says at the end what broke.
func ExampleChecker() {
	// Rows come from a file (format.Open) as a rule; here from the text of a scenario.
	s, err := scenario.Compile("claim.af", `
adapter A
driver cm1 call-manager
driver cm2 call-manager
cm1: bind A
  register A Q2931
cm2: bind A
  register A Q2931
`)
	if err != nil {
		log.Fatal(err)
	}
	var b format.Batch
	for i := range s.Events {
		b.Append(&s.Events[i])
	}

	c := replay.New(replay.Options{Metadata: s.Metadata})
	if err := c.Batch(&b); err != nil { // as often as there are batches
		log.Fatal(err)
	}
	r := c.Finish(replay.End{})
	fmt.Println(r.Verdict)
	for i := range r.Findings {
		f := &r.Findings[i]
		fmt.Println(f.ID(), f.Severity, f.AtFault, f.Message)
	}
	// Output:
	// violations
	// REG-02@29 error ndis NDIS accepted Q2931 from cm2 although cm1 holds it on this adapter
}
