package format_test

import (
	"bytes"
	"fmt"
	"io"
	"log"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// A trace is written row by row and read batch by batch.
func Example() {
	var trace bytes.Buffer
	w, err := format.NewWriter(&trace, format.WriterOptions{Metadata: format.Metadata{format.MetaHost: "ws7"}})
	if err != nil {
		log.Fatal(err)
	}
	rows := []format.Event{
		{
			Seq: 1, TS: 1_000_000_000, Phase: format.PhaseEnter, Function: ndis.NdisCmRegisterAddressFamilyEx, Source: format.SourceScenario,
			Driver: "ndproxy", AFType: uint32(ndis.AFTypeTAPIProxy), Has: format.HasDriver | format.HasAFType,
		},
		{
			Seq: 2, TS: 1_000_002_500, Phase: format.PhaseReturn, Function: ndis.NdisCmRegisterAddressFamilyEx, Source: format.SourceScenario,
			Driver: "ndproxy", Status: uint32(ndis.StatusSuccess), Has: format.HasDriver | format.HasStatus,
		},
	}
	for i := range rows {
		if err := w.Write(&rows[i]); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	// format.Open reads a file; NewReader takes any stream, a network connection too.
	r, err := format.NewReader(&trace, "example", format.ReaderOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	fmt.Println("host", r.Metadata()[format.MetaHost])
	for {
		b, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		for i := range b.N {
			fmt.Println(b.Seq[i], b.Phase[i], b.Function[i], string(b.Driver.At(i)))
			if b.Has[i]&format.HasStatus != 0 {
				fmt.Println("  ", ndis.Status(b.Status[i]))
			}
		}
	}
	fmt.Println("complete:", !r.Truncated())
	// Output:
	// host ws7
	// 1 enter NdisCmRegisterAddressFamilyEx ndproxy
	// 2 return NdisCmRegisterAddressFamilyEx ndproxy
	//    NDIS_STATUS_SUCCESS
	// complete: true
}
