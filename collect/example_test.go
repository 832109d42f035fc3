package collect_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"

	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// clock is a Source: here two rows that come in the wrong order, in practice what a driver's
// log or a probe reports.
type clock struct{ rows []format.Event }

func (c *clock) Next(ctx context.Context, e *format.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(c.rows) == 0 {
		return io.EOF
	}
	*e, c.rows = c.rows[0], c.rows[1:]
	return nil
}

func (c *clock) Close() error { return nil }

// A source of one's own only delivers rows; Run puts them in order and numbers them.
func ExampleRun() {
	source := &clock{rows: []format.Event{
		{TS: 2000, Phase: format.PhaseReturn, Function: ndis.ProtocolCmOpenAf, Source: format.SourceETW, TID: 4, Status: uint32(ndis.StatusPending), Has: format.HasTID | format.HasStatus},
		{TS: 1000, Phase: format.PhaseEnter, Function: ndis.ProtocolCmOpenAf, Source: format.SourceETW, TID: 4, Has: format.HasTID},
	}}
	defer source.Close()
	var trace bytes.Buffer
	w, err := format.NewWriter(&trace, format.WriterOptions{})
	if err != nil {
		log.Fatal(err)
	}
	summary, err := collect.Run(context.Background(), source, w, collect.RunOptions{})
	if err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(summary.Events, "rows")

	r, err := format.NewReader(&trace, "example", format.ReaderOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	b, err := r.Next()
	if err != nil {
		log.Fatal(err)
	}
	for i := range b.N {
		fmt.Println(b.Seq[i], b.TS[i], b.Phase[i], b.Function[i])
	}
	// Output:
	// 2 rows
	// 1 1000 enter ProtocolCmOpenAf
	// 2 2000 return ProtocolCmOpenAf
}
