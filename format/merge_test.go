package format

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

func openBytes(t testing.TB, name string, b []byte) *Reader {
	t.Helper()
	r, err := NewReader(bytes.NewReader(b), name, ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mergeAll(t testing.TB, o WriterOptions, mo MergeOptions, ins ...*Reader) ([]Event, *Reader) {
	t.Helper()
	var buf bytes.Buffer
	w, err := NewWriter(&buf, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := Merge(w, ins, mo); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return readTrace(t, buf.Bytes())
}

func TestMerge(t *testing.T) {
	const n = 500
	var parts [3][]Event
	for k := range parts {
		parts[k] = sampleEvents(n, uint64(k))
		for i := range parts[k] {
			parts[k][i].TS = int64(1000 + i/3*10*(k+1)) // many equal ones
		}
	}
	var ins []*Reader
	for k, p := range parts {
		md := Metadata{MetaBootID: "b", MetaLostEvents: "4", MetaStarted: []string{"2024-01-01T00:00:02Z", "2024-01-01T00:00:01.5Z", "2024-01-01T00:00:03Z"}[k]}
		if k > 0 {
			md[MetaTickFrequency] = []string{"", "10000000", "3000000"}[k]
		}
		ins = append(ins, openBytes(t, "in", writeTrace(t, p, WriterOptions{BatchRows: 50 + 30*k, Metadata: md})))
	}
	got, r := mergeAll(t, WriterOptions{BatchRows: 64, Metadata: Metadata{MetaHost: "mine"}}, MergeOptions{}, ins...)
	if len(got) != 3*n || len(r.Defects()) != 0 {
		t.Fatalf("%d rows, defects %v", len(got), r.Defects())
	}
	var expect [3][]Event
	for k := range parts {
		expect[k] = masked(parts[k]...)
	}
	var next [3]int
	ids := map[uint64][2]uint64{}
	for i, e := range got {
		if e.Seq != uint64(i)+1 {
			t.Fatalf("row %d has seq %d", i, e.Seq)
		}
		// Which input is it from? The one whose next row has the same payload.
		found := false
		for k := range parts {
			if next[k] == n {
				continue
			}
			want := expect[k][next[k]]
			want.Seq, want.Has, want.Ticks = e.Seq, want.Has&^HasTicks, 0
			want.CallID, want.TS = e.CallID, parts[k][next[k]].TS
			if want == e {
				for j := range parts { // stable: no input before k may have a row that is due
					if j != k && next[j] < n && (parts[j][next[j]].TS < e.TS || parts[j][next[j]].TS == e.TS && j < k) {
						t.Fatalf("row %d comes from input %d, input %d is due", i, k, j)
					}
				}
				if e.Has&HasCallID != 0 {
					id := [2]uint64{uint64(k), parts[k][next[k]].CallID}
					if old, ok := ids[e.CallID]; ok && old != id {
						t.Fatalf("call_id %d stands for %v and %v", e.CallID, old, id)
					}
					ids[e.CallID] = id
				}
				next[k]++
				found = true
				break
			}
		}
		if !found {
			t.Fatalf("row %d: %+v is no next row of any input", i, e)
		}
	}
	md := r.Metadata()
	if md[MetaLostEvents] != "12" || md[MetaStarted] != "2024-01-01T00:00:01.5Z" || md[MetaHost] != "mine" || md[MetaBootID] != "b" {
		t.Errorf("metadata %v", md)
	}
	if _, ok := md[MetaTickFrequency]; ok {
		t.Error("two tick frequencies gave one")
	}
}

func TestMergeRefusesOtherBoot(t *testing.T) {
	for _, key := range []string{MetaBootID, MetaHost} {
		a := openBytes(t, "a.arrow", writeTrace(t, sampleEvents(2, 1), WriterOptions{Metadata: Metadata{key: "one"}}))
		b := openBytes(t, "b.arrow", writeTrace(t, sampleEvents(2, 1), WriterOptions{}))
		c := openBytes(t, "c.arrow", writeTrace(t, sampleEvents(2, 1), WriterOptions{Metadata: Metadata{key: "two"}}))
		w, _ := NewWriter(&bytes.Buffer{}, WriterOptions{})
		err := Merge(w, []*Reader{a, b, c}, MergeOptions{})
		var e *Error
		if !errors.Is(err, ErrDifferentBoot) || !errors.As(err, &e) || e.Path != "c.arrow" {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestMergeKeepsTruncation(t *testing.T) {
	whole := writeTrace(t, sampleEvents(100, 1), WriterOptions{BatchRows: 10})
	cut := whole[:len(whole)*2/3]
	events, err := allEvents(openBytes(t, "cut", cut))
	if err != nil || len(events) == 0 || len(events) == 100 {
		t.Fatal(len(events), err)
	}
	got, r := mergeAll(t, WriterOptions{}, MergeOptions{}, openBytes(t, "cut", cut), openBytes(t, "whole", whole))
	if len(got) != len(events)+101 || r.Truncated() {
		t.Fatalf("%d rows", len(got))
	}
	last := got[len(got)-1]
	if last.Phase != PhaseGap || last.Has != HasDetail || last.Detail != `{"since_ts":`+itoa(events[len(events)-1].TS)+`}` || last.TS != got[len(got)-2].TS {
		t.Errorf("last row %+v", last)
	}
}

func TestMergeLargeCallIDs(t *testing.T) {
	var ins []*Reader
	for k := range 3 {
		var events []Event
		for i := range 10 {
			id := ^uint64(0) - uint64(i/2)
			events = append(events, Event{Seq: uint64(i), TS: int64(10*i + k), Phase: Phase(i % 2), CallID: id, Has: HasCallID})
		}
		ins = append(ins, openBytes(t, "in", writeTrace(t, events, WriterOptions{})))
	}
	got, _ := mergeAll(t, WriterOptions{}, MergeOptions{}, ins...)
	open, seen := map[uint64]bool{}, map[uint64]bool{}
	for _, e := range got {
		if e.Phase == PhaseReturn {
			if !open[e.CallID] {
				t.Fatalf("return of %x without enter", e.CallID)
			}
			delete(open, e.CallID)
			continue
		}
		if seen[e.CallID] {
			t.Fatalf("id %x twice", e.CallID)
		}
		open[e.CallID], seen[e.CallID] = true, true
	}
	if len(seen) != 15 || len(open) != 0 {
		t.Errorf("%d ids, %d open", len(seen), len(open))
	}
}

func stringArray(values ...string) arrow.Array {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	for _, v := range values {
		if v == "" {
			b.AppendNull()
		} else {
			b.Append(v)
		}
	}
	return b.NewArray()
}

func traceWithExtra(t testing.TB, events []Event, name string, a arrow.Array, o WriterOptions) []byte {
	t.Helper()
	var buf bytes.Buffer
	o.Extra = []arrow.Field{{Name: name, Type: a.DataType(), Nullable: true}}
	w, err := NewWriter(&buf, o)
	if err != nil {
		t.Fatal(err)
	}
	var b Batch
	for i := range events {
		b.Append(&events[i])
	}
	if err := w.WriteBatchExtra(&b, []arrow.Array{a}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestMergePassesExtraColumnsOn(t *testing.T) {
	events := func(ts ...int64) (e []Event) {
		for i, x := range ts {
			e = append(e, Event{Seq: uint64(i), TS: x})
		}
		return e
	}
	a := traceWithExtra(t, events(1, 4, 5), "host", stringArray("x", "", "z"), WriterOptions{})
	b := traceWithExtra(t, events(2, 3, 6), "host", stringArray("p", "q", "r"), WriterOptions{File: true})
	c := writeTrace(t, events(7), WriterOptions{})
	var buf bytes.Buffer
	w, _ := NewWriter(&buf, WriterOptions{BatchRows: 4})
	if err := Merge(w, []*Reader{openBytes(t, "a", a), openBytes(t, "b", b), openBytes(t, "c", c)}, MergeOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r := openBytes(t, "out", buf.Bytes())
	got := ""
	for {
		batch, err := r.Next()
		if err != nil {
			break
		}
		col := r.Extra(0).(*array.String)
		for i := range batch.N {
			if col.IsNull(i) {
				got += "-"
			} else {
				got += col.Value(i)
			}
		}
	}
	if got != "xpq-zr-" || r.ExtraColumns()[0].Name != "host" {
		t.Errorf("%q, columns %v", got, r.ExtraColumns())
	}
	d := traceWithExtra(t, events(1, 2, 3), "host", array.NewNull(3), WriterOptions{})
	w, _ = NewWriter(&bytes.Buffer{}, WriterOptions{})
	if err := Merge(w, []*Reader{openBytes(t, "a", a), openBytes(t, "d", d)}, MergeOptions{}); !errors.Is(err, ErrSchema) {
		t.Errorf("columns of two types: %v", err)
	}
}

func TestCompact(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "live.arrows"), filepath.Join(dir, "t.arrow")
	events := sampleEvents(100, 1)
	w, err := Create(in, WriterOptions{Metadata: Metadata{MetaHost: "h"}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range events {
		if err := w.Write(&events[i]); err != nil {
			t.Fatal(err)
		}
		if i%9 == 0 {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.SetMetadata(MetaLostEvents, "3")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Compact(in, out, CompactOptions{Metadata: Metadata{MetaEnded: "2024-01-01T00:00:00Z"}}); err != nil {
		t.Fatal(err)
	}
	r, err := Open(out, ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := allEvents(r)
	if err != nil {
		t.Fatal(err)
	}
	sameEvents(t, got, events)
	if !r.IsFile() || len(r.blocks[1]) != 1 {
		t.Errorf("%d batches", len(r.blocks[1]))
	}
	if md := r.Metadata(); md[MetaHost] != "h" || md[MetaLostEvents] != "3" || md[MetaEnded] != "2024-01-01T00:00:00Z" {
		t.Errorf("metadata %v", md)
	}
	r.Close()

	// Cut short: the file is whole and says that rows are missing.
	b, err := os.ReadFile(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in, b[:len(b)/2], 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Compact(in, out, CompactOptions{}); err != nil {
		t.Fatal(err)
	}
	r, err = Open(out, ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, err = allEvents(r)
	if err != nil || r.Truncated() || len(got) == 0 {
		t.Fatal(err, r.Truncated(), len(got))
	}
	if last := got[len(got)-1]; last.Phase != PhaseGap || last.Has&HasLost != 0 || last.Seq != got[len(got)-2].Seq+1 {
		t.Errorf("last row %+v", last)
	}
	sameEvents(t, got[:len(got)-1], events[:len(got)-1])
	r.Close() // Windows removes no file that is open

	// Corrupt: nothing is left behind, unless asked for.
	corrupted := bytes.Clone(b)
	at := bytes.LastIndex(corrupted[:len(b)*2/3], []byte{0xFF, 0xFF, 0xFF, 0xFF})
	corrupted[at] = 1
	os.WriteFile(in, corrupted, 0o666)
	os.Remove(out)
	if err := Compact(in, out, CompactOptions{}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("corrupt: %v", err)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) != 1 {
		t.Errorf("left behind: %v", names)
	}
	if err := Compact(in, out, CompactOptions{Salvage: true}); err != nil {
		t.Errorf("salvage: %v", err)
	}
}
