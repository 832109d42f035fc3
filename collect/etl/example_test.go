package etl_test

import (
	"bytes"
	"fmt"
	"time"

	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/collect/etl/etltest"
)

func Example() {
	provider, _ := etl.ParseGUID("c993b968-86b0-5ab3-9387-798caf2d1425")
	w := etltest.New(etltest.Options{CPUs: 2, EventsLost: 1, Start: time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)})
	w.Event(1, w.Clock(time.Date(2024, 1, 2, 3, 4, 6, 0, time.UTC)),
		etltest.EventHeader{Provider: provider, ID: 7, PID: 4, TID: 8}, nil, []byte("payload"))
	data, err := w.Bytes()
	if err != nil {
		fmt.Println(err)
		return
	}

	f, err := etl.NewFile(bytes.NewReader(data), int64(len(data)), "example.etl", etl.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	for r, err := range f.Records() {
		if err != nil {
			fmt.Println(err)
			return
		}
		if r.Kind == etl.KindEvent64 {
			fmt.Printf("%v cpu %d %v event %d %q\n", time.Unix(0, r.Time).UTC(), r.CPU, r.Provider, r.ID, r.Data)
		}
	}
	s := f.Stats()
	fmt.Println(s.Records, "records,", s.EventsLost, "lost, truncated:", s.Truncated)
	// Output:
	// 2024-01-02 03:04:06 +0000 UTC cpu 1 c993b968-86b0-5ab3-9387-798caf2d1425 event 7 "payload"
	// 2 records, 1 lost, truncated: false
}
