package scrub_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/aftrace/aftrace/analysis/check"
	"github.com/aftrace/aftrace/analysis/report"
	"github.com/aftrace/aftrace/collect"
	"github.com/aftrace/aftrace/collect/scrub"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/internal/naive"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/scenario"
)

const corpus = "../../testdata/scenarios"

// history is a trace with the options of its replay.
type history struct {
	name  string
	trace []byte
	o     replay.Options
}

func written(t testing.TB, md format.Metadata, rows []format.Event, cut bool) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := format.NewWriter(&b, format.WriterOptions{Metadata: md})
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if err := w.Write(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if cut {
		return b.Bytes()[:b.Len()-8]
	}
	return b.Bytes()
}

// histories are the scenarios, the demonstration, and random histories, legal and broken,
// whole and with rows that a gap stands for.
func histories(t *testing.T) (list []history) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(corpus, "*", "*.af"))
	if err != nil || len(files) < 50 {
		t.Fatalf("%d scenarios: %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := scenario.Compile(filepath.Base(file), string(raw))
		if err != nil {
			t.Fatal(err)
		}
		o, err := s.ReplayOptions()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, history{filepath.Base(file), written(t, s.Metadata, s.Events, s.Cut), o})
	}
	list = append(list, history{"demo", demo(t), replay.Options{}})
	random := uint64(1000)
	if testing.Short() {
		random = 100
	}
	for seed := range random {
		rng := rand.New(rand.NewPCG(seed, 57))
		rows := naive.Random(rng, naive.GenOptions{Loose: seed%3 == 0, Faults: int(seed % 3)})
		name := fmt.Sprintf("seed %d", seed)
		switch {
		case seed%4 == 1 && len(rows) > 8: // some rows are lost
			at := 2 + rng.IntN(len(rows)-6)
			n := 1 + rng.IntN(4)
			gap := format.Event{
				Seq: rows[at].Seq, TS: rows[at+n-1].TS, Phase: format.PhaseGap, Source: format.SourceETW, Lost: uint64(n),
				Detail: fmt.Sprintf(`{"since_ts":%d}`, rows[at-1].TS), Has: format.HasLost | format.HasDetail,
			}
			rows = append(append(append([]format.Event{}, rows[:at]...), gap), rows[at+n:]...)
			name += " with a gap"
		case seed%4 == 2: // cut short
			list = append(list, history{name + " cut", written(t, nil, rows[:1+rng.IntN(len(rows))], true), replay.Options{}})
			continue
		}
		list = append(list, history{name, written(t, nil, rows, false), replay.Options{}})
	}
	return list
}

func demo(t testing.TB) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "demo.arrows")
	in := filepath.FromSlash("../../testdata/demo/host.etl")
	if _, err := collect.Convert(context.Background(), collect.ConvertOptions{Inputs: []string{in}, Output: out, Host: "ws7-reception"}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func scrubbed(t testing.TB, trace []byte, o scrub.Options) ([]byte, *scrub.Summary) {
	t.Helper()
	r, err := format.NewReader(bytes.NewReader(trace), "in", format.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := scrub.New(r, o)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := format.NewWriter(&b, s.WriterOptions())
	if err != nil {
		t.Fatal(err)
	}
	sum, err := s.Run(context.Background(), w)
	if err != nil {
		t.Fatal(err)
	}
	end := w.Close
	if sum.Cut {
		end = w.CloseCut
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), sum
}

// judged is the verdict and the digest of a trace, and its findings and conflicts.
func judged(t testing.TB, trace []byte, o replay.Options) string {
	t.Helper()
	tr, err := check.Read(context.Background(), bytes.NewReader(trace), "trace", check.Options{Replay: o})
	if err != nil || tr.Err != nil {
		t.Fatal(err, tr.Err)
	}
	r := report.New([]report.Trace{tr}, report.Options{})
	var b strings.Builder
	fmt.Fprintln(&b, r.Verdict, r.Digest)
	for i := range tr.Result.Findings {
		f := tr.Result.Findings[i]
		fmt.Fprintln(&b, f.Rule, f.Inconclusive, f.Severity, f.AtFault, f.Events, f.Also)
	}
	for i := range tr.Result.Conflicts {
		c := tr.Result.Conflicts[i]
		fmt.Fprintln(&b, c.Kind, c.Status, c.Events)
	}
	return b.String()
}

// TestVerdict: what is replaced means nothing to the replay.
func TestVerdict(t *testing.T) {
	options := []scrub.Options{
		{},
		{Seed: "s", Drivers: true, Threads: true, Shift: -24 * time.Hour},
	}
	found := 0
	for _, h := range histories(t) {
		want := judged(t, h.trace, h.o)
		if strings.Count(want, "\n") > 1 {
			found++
		}
		for _, o := range options {
			if h.o.Metadata == nil && strings.HasPrefix(h.name, "seed") {
				o.Shift = time.Hour // their clock begins with 1970
			}
			out, _ := scrubbed(t, h.trace, o)
			if got := judged(t, out, h.o); got != want {
				t.Errorf("%s, %+v:\n%s\nwant\n%s", h.name, o, got, want)
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d histories with findings", found)
	}
}

func rowsOf(t testing.TB, trace []byte) (rows []format.Event, md format.Metadata) {
	t.Helper()
	r, err := format.NewReader(bytes.NewReader(trace), "trace", format.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range r.Events() {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, *e)
	}
	return rows, r.Metadata()
}

func handles(e *format.Event) []*uint64 {
	return []*uint64{&e.Adapter, &e.Binding, &e.AF, &e.SAP, &e.VC, &e.Party, &e.Context, &e.Context2}
}

// TestConsistent: equal handles stay equal in columns and details, different ones different,
// NULL stays NULL, and no handle keeps its value.
func TestConsistent(t *testing.T) {
	pairs := 0
	for _, h := range histories(t) {
		out, _ := scrubbed(t, h.trace, scrub.Options{Seed: "x"})
		before, _ := rowsOf(t, h.trace)
		after, _ := rowsOf(t, out)
		to, from := map[uint64]uint64{}, map[uint64]uint64{}
		pair := func(a, b uint64) {
			if (a == 0) != (b == 0) || a != 0 && a == b {
				t.Fatalf("%s: %#x becomes %#x", h.name, a, b)
			}
			if old, ok := to[a]; ok && old != b {
				t.Fatalf("%s: %#x becomes %#x and %#x", h.name, a, old, b)
			}
			if old, ok := from[b]; ok && old != a {
				t.Fatalf("%s: %#x and %#x become %#x", h.name, old, a, b)
			}
			to[a], from[b] = b, a
			pairs++
		}
		for i := range before {
			x, y := &before[i], &after[i]
			if x.Has&^format.HasDetail != y.Has&^format.HasDetail || x.Seq != y.Seq || x.TS != y.TS || x.Phase != y.Phase ||
				x.Function != y.Function || x.Status != y.Status || x.AFType != y.AFType || x.AFMajor != y.AFMajor ||
				x.AFMinor != y.AFMinor || x.Lost != y.Lost || x.Source != y.Source || x.IRQL != y.IRQL || x.Ticks != y.Ticks ||
				x.PID != y.PID || x.CPU != y.CPU {
				t.Fatalf("%s, row %d:\n%+v\nbecomes\n%+v", h.name, i, x, y)
			}
			a, b := handles(x), handles(y)
			for k := range a {
				pair(*a[k], *b[k])
			}
			for _, key := range []string{"protocol", "bind_context", "unbind_context", "oid_request", "nbl", "miniport_driver", "miniport_context", "if_luid"} {
				if v, w, ok := inDetail(x.Detail, y.Detail, key); ok {
					pair(v, w)
				}
			}
		}
	}
	if pairs < 10000 {
		t.Errorf("only %d handles compared", pairs)
	}
}

// inDetail are the handles of a key in two details, without a parser of JSON.
func inDetail(before, after, key string) (a, b uint64, ok bool) {
	find := regexp.MustCompile(`"` + key + `":"(0x[0-9a-f]+)"`)
	x, y := find.FindStringSubmatch(before), find.FindStringSubmatch(after)
	if x == nil || y == nil {
		return 0, 0, false
	}
	a, _ = strconv.ParseUint(x[1], 0, 64)
	b, _ = strconv.ParseUint(y[1], 0, 64)
	return a, b, true
}

// TestNothingLeft: no address and no name of the original is in the bytes of the output.
func TestNothingLeft(t *testing.T) {
	address := func(n uint64) uint64 { return 0xffffab81_00000000 | 0x5a17_3000 + n*0x40 }
	secrets := []string{
		"ACME-DC-07", "boot-5d21", "acme-session", `C:\acme\bin`, "acme-kernel", "Contoso WAN", "Contoso", `\Device\{6d1e}`, "5551234567",
		"acmehandlers", "acmeparams", "AcmeSecretRoutine", `\Drivers\acme`, "acme text", "acme column", "acme-key", "if-guid-acme", "acmehalt", "c0ffee",
	}
	md := format.Metadata{
		format.MetaHost: "ACME-DC-07", format.MetaBootID: "boot-5d21", format.MetaOS: "Linux 6.1.0-acme-kernel x86_64",
		format.MetaSessionRequested: `{"name":"acme-session"}`, format.MetaSessionGranted: `{"name":"acme-session"}`,
		format.MetaCollector: `C:\acme\bin\collect.exe`, "acme-key": "acme-key", format.MetaToolVersion: "v1.2.3-acme-kernel",
		format.MetaStatusNames: `{"0x0":"acme text"}`, format.MetaLevel: "acme text", format.MetaStarted: "acme text",
		format.MetaLostEvents: "acme text",
	}
	handle := func(n uint64) string { return fmt.Sprintf("%#x", address(n)) }
	details := []string{
		`{"adapter_name":"Contoso WAN","if_guid":"if-guid-acme","if_luid":"` + handle(40) + `","protocol":"` + handle(41) + `"}`,
		`{"call_params":"acmeparams","sap":"5551234567","sap_type":2}`,
		`{"handler_set":"acmehandlers","handlers":["client","acme text"],"null_slots":["CmMakeCallHandler","acme text"],"role":"acme text"}`,
		`{"halt_action":"acmehalt","pnp_event":["acme text"],"text":"acme text","function":"AcmeSecretRoutine"}`,
		`{"nbl":` + strconv.FormatUint(address(42), 10) + `,"oid":4261412864,"oid_request":"` + handle(43) + `","caller":"acme text","level":"acme text"}`,
	}
	var rows []format.Event
	for i, detail := range details {
		n := uint64(i) * 100
		rows = append(rows, format.Event{
			Seq: uint64(i), TS: 1_772_356_500_000_000_000, Function: ndis.NdisClMakeCall, Driver: []string{"Contoso WAN on acme-dc-07", `\SystemRoot\Drivers\acme\wan.sys`, "wan.sys", `D:\Contoso`, "ndproxy"}[i],
			Adapter: address(n), Binding: address(n + 1), AF: address(n + 2), SAP: address(n + 3), VC: address(n + 4), Party: address(n + 5),
			Context: address(n + 6), Context2: address(n + 7), CallID: address(n + 8), TID: address(n + 9), Detail: detail, Source: format.SourceETW,
			Has: format.HandleFields | format.HasDriver | format.HasDetail | format.HasCallID | format.HasTID,
		})
	}
	for _, zip := range []bool{false, true} {
		var b bytes.Buffer
		w, err := format.NewWriter(&b, format.WriterOptions{Metadata: md, Extra: []arrow.Field{{Name: "acme column", Type: arrow.BinaryTypes.String}, {Name: "pool", Type: arrow.BinaryTypes.String}}})
		if err != nil {
			t.Fatal(err)
		}
		var batch format.Batch
		extra := array.NewStringBuilder(memory.DefaultAllocator)
		for i := range rows {
			batch.Append(&rows[i])
			extra.Append("acme text")
		}
		pool := array.NewStringBuilder(memory.DefaultAllocator)
		for range rows {
			pool.Append("north")
		}
		if err := w.WriteBatchExtra(&batch, []arrow.Array{extra.NewArray(), pool.NewArray()}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		for _, s := range secrets {
			if s != "c0ffee" && !strings.Contains(s, `\`) && !bytes.Contains(b.Bytes(), []byte(s)) {
				t.Fatalf("%q is not in the input: the test proves nothing", s)
			}
		}
		o := scrub.Options{Keep: []string{"pool"}, Threads: zip, ToolVersion: "(devel)"}
		out, sum := scrubbed(t, b.Bytes(), o)
		lower := bytes.ToLower(out)
		for _, s := range append(secrets, "acme") {
			if bytes.Contains(lower, []byte(strings.ToLower(s))) {
				t.Errorf("%q is left", s)
			}
		}
		for i := range rows {
			e := &rows[i]
			for _, v := range append(handles(e), &e.CallID, &e.TID) {
				leftover(t, out, *v)
			}
		}
		for _, n := range []uint64{40, 41, 42, 43} {
			leftover(t, out, address(n))
		}
		after, kept := rowsOf(t, out)
		if kept[format.MetaOS] != "Linux 6.1.0" || kept[format.MetaToolVersion] != "(devel)" || !strings.HasPrefix(kept[format.MetaHost], "host-") {
			t.Errorf("metadata %v", kept)
		}
		if _, ok := sum.Columns["acme column"]; !ok || sum.Metadata["acme-key"] != 1 || sum.DetailKeys["text"] != 1 || sum.DetailKeys["if_guid"] != 1 {
			t.Errorf("summary %+v", sum)
		}
		if !bytes.Contains(out, []byte("northnorth")) {
			t.Error("the column to keep is gone")
		}
		if d := after[1].Driver; !strings.HasPrefix(d, "wan.sys~") || after[2].Driver != "wan.sys" || after[4].Driver != "ndproxy" || !strings.HasPrefix(after[0].Driver, "driver-") {
			t.Errorf("labels %q %q %q %q", after[0].Driver, d, after[2].Driver, after[4].Driver)
		}
		if !strings.Contains(after[2].Detail, `"handlers":["client","text-`) || !strings.Contains(after[2].Detail, `"null_slots":["CmMakeCallHandler","text-`) {
			t.Errorf("detail %s", after[2].Detail)
		}
		if !strings.Contains(after[4].Detail, `"oid":4261412864`) {
			t.Errorf("detail %s", after[4].Detail)
		}
	}
}

// leftover looks for an address in the forms that a file can hold it.
func leftover(t *testing.T, out []byte, v uint64) {
	t.Helper()
	for _, form := range [][]byte{
		binary.LittleEndian.AppendUint64(nil, v), binary.BigEndian.AppendUint64(nil, v),
		[]byte(strconv.FormatUint(v, 16)), []byte(strings.ToUpper(strconv.FormatUint(v, 16))), []byte(strconv.FormatUint(v, 10)),
	} {
		if bytes.Contains(out, form) {
			t.Errorf("%#x is left as %q", v, form)
		}
	}
}

// TestSeeds: one seed gives one result, another or none gives others.
func TestSeeds(t *testing.T) {
	trace := demo(t)
	a, _ := scrubbed(t, trace, scrub.Options{Seed: "1"})
	b, _ := scrubbed(t, trace, scrub.Options{Seed: "1"})
	c, _ := scrubbed(t, trace, scrub.Options{Seed: "2"})
	d, _ := scrubbed(t, trace, scrub.Options{})
	e, _ := scrubbed(t, trace, scrub.Options{})
	if !bytes.Equal(a, b) {
		t.Error("one seed, two results")
	}
	for i, x := range [][]byte{c, d, e} {
		if bytes.Equal(a, x) {
			t.Errorf("other key %d, same result", i)
		}
	}
	if bytes.Equal(d, e) {
		t.Error("the random key is not random")
	}
}

// TestThreads: processes, threads and processors are renamed one to one.
func TestThreads(t *testing.T) {
	trace := demo(t)
	out, _ := scrubbed(t, trace, scrub.Options{Threads: true})
	before, _ := rowsOf(t, trace)
	after, _ := rowsOf(t, out)
	to, from := map[[2]uint64]uint64{}, map[[2]uint64]uint64{}
	changed := 0
	for i := range before {
		x, y := &before[i], &after[i]
		for k, v := range [][2]uint64{{uint64(x.CPU), uint64(y.CPU)}, {uint64(x.PID), uint64(y.PID)}, {x.TID, y.TID}} {
			if v[0] != v[1] {
				changed++
			}
			if old, ok := to[[2]uint64{uint64(k), v[0]}]; ok && old != v[1] {
				t.Fatalf("%d: %d becomes %d and %d", k, v[0], old, v[1])
			}
			if old, ok := from[[2]uint64{uint64(k), v[1]}]; ok && old != v[0] {
				t.Fatalf("%d: %d and %d become %d", k, old, v[0], v[1])
			}
			to[[2]uint64{uint64(k), v[0]}], from[[2]uint64{uint64(k), v[1]}] = v[1], v[0]
		}
	}
	if changed == 0 {
		t.Error("nothing changed")
	}
}

// TestShift: all times move together; a shift out of range is an error.
func TestShift(t *testing.T) {
	const hour = int64(time.Hour)
	md := format.Metadata{format.MetaStarted: "2026-03-01T09:15:00Z", format.MetaEnded: "2026-03-01T10:15:00Z"}
	rows := []format.Event{
		{Seq: 1, TS: 5 * hour, Function: ndis.NdisClOpenAddressFamilyEx, Source: format.SourceETW},
		{Seq: 2, TS: 6 * hour, Phase: format.PhaseGap, Source: format.SourceETW, Detail: fmt.Sprintf(`{"since_ts":%d}`, 5*hour), Has: format.HasDetail},
	}
	trace := written(t, md, rows, false)
	out, _ := scrubbed(t, trace, scrub.Options{Shift: -2 * time.Hour})
	after, kept := rowsOf(t, out)
	if after[0].TS != 3*hour || after[1].TS != 4*hour || after[1].Detail != fmt.Sprintf(`{"since_ts":%d}`, 3*hour) {
		t.Errorf("%+v", after)
	}
	if kept[format.MetaStarted] != "2026-03-01T07:15:00Z" || kept[format.MetaEnded] != "2026-03-01T08:15:00Z" {
		t.Errorf("%v", kept)
	}
	r, err := format.NewReader(bytes.NewReader(trace), "in", format.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := scrub.New(r, scrub.Options{Shift: -6 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	w, err := format.NewWriter(io.Discard, s.WriterOptions())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(context.Background(), w); !errors.Is(err, scrub.ErrShift) {
		t.Errorf("error %v", err)
	}
}

// TestDamage: a damaged trace is an error; with Salvage, what is before the damage is a copy
// that is cut short.
func TestDamage(t *testing.T) {
	var b bytes.Buffer
	w, err := format.NewWriter(&b, format.WriterOptions{BatchRows: 4})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		e := format.Event{Seq: uint64(i), TS: int64(i), Function: ndis.NdisClOpenAddressFamilyEx, Source: format.SourceETW}
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	salvaged := 0
	for at := b.Len() / 2; at < b.Len(); at += 7 {
		bad := bytes.Clone(b.Bytes())
		bad[at] ^= 0xFF
		try := func(o scrub.Options) (*scrub.Summary, error) {
			r, err := format.NewReader(bytes.NewReader(bad), "in", format.ReaderOptions{})
			if err != nil {
				t.Fatal(err)
			}
			s, err := scrub.New(r, o)
			if err != nil {
				t.Fatal(err)
			}
			w, err := format.NewWriter(io.Discard, s.WriterOptions())
			if err != nil {
				t.Fatal(err)
			}
			return s.Run(context.Background(), w)
		}
		if _, err := try(scrub.Options{}); !errors.Is(err, format.ErrCorrupt) {
			continue // a value is another one, or the mark of the end is gone
		}
		sum, err := try(scrub.Options{Salvage: true})
		if err != nil || !sum.Cut || sum.Rows%4 != 0 || sum.Rows > 12 {
			t.Errorf("damage at %d: %+v, %v", at, sum, err)
		}
		if sum.Rows < 12 { // not the mark of the end
			salvaged++
		}
	}
	if salvaged == 0 {
		t.Error("no damage was noticed")
	}
}

// BenchmarkScrub is for the cost of a row.
func BenchmarkScrub(b *testing.B) {
	var rows []format.Event
	for seed := uint64(0); len(rows) < 500_000; seed++ {
		for _, e := range naive.Random(rand.New(rand.NewPCG(seed, 57)), naive.GenOptions{}) {
			e.Seq = uint64(len(rows))
			e.Context += seed << 32
			rows = append(rows, e)
		}
	}
	trace := written(b, nil, rows, false)
	b.ReportAllocs()
	b.SetBytes(int64(len(trace)))
	for b.Loop() {
		r, err := format.NewReader(bytes.NewReader(trace), "in", format.ReaderOptions{})
		if err != nil {
			b.Fatal(err)
		}
		s, err := scrub.New(r, scrub.Options{Seed: "s"})
		if err != nil {
			b.Fatal(err)
		}
		w, err := format.NewWriter(io.Discard, s.WriterOptions())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Run(context.Background(), w); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(rows)*b.N)/b.Elapsed().Seconds(), "rows/s")
}
