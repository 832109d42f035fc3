package decode_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/format"
)

// samples is where real recordings are. They are not part of the project.
func samples(tb testing.TB) string {
	dir, err := filepath.Abs("../../../shared/samples/etl")
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		tb.Skip("no recordings of real hosts in ", dir)
	}
	return dir
}

// TestSamples decodes every TraceLogging event of real recordings: the payload is consumed to
// the byte.
func TestSamples(t *testing.T) {
	dir := samples(t)
	for file, want := range map[string]struct {
		events   int
		provider string
		first    string // as JSON
	}{
		"primitive-types.etl": {5, "solar_system", `{"provider":"solar_system","event":"PrimitiveTypesTest","fields":{"string_type":"Mercury","boolean_type":false,` +
			`"char_type":"M","int16_type":-51,"int32_type":-102,"uint16_type":51,"uint32_type":102,"int64_type":18446744073709551412,` +
			`"uint64_type":204,"guid_type":"0ad614c4-0ef4-4225-8013-f44f37cb0397","file_time_type":"2021-09-09T14:59:35.799Z","system_time_type":"2021-09-09T14:59:35.799"}}`},
		"SelfDescribingSingleEvent.etl": {1, "MySource", `{"provider":"MySource","event":"TestEvent","fields":{"a":{"b":"Hello","c":"World!"}}}`},
		"AMSITrace.etl":                 {19, "AmsiTrace", ""},
		"SIH.20230422.034724.362.1.etl": {10, "SIHTraceLogging", `{"provider":"SIHTraceLogging","event":"SIH","fields":{"Info":"wmain"}}`},
		"diaghub.user_paged.1.etl":      {256, "Microsoft-Diagnostics-DiagnosticSource", ""},
		"powershell.etl":                {0, "", ""},
		"smallEtlFile.etl":              {0, "", ""},
	} {
		t.Run(file, func(t *testing.T) {
			f, err := etl.Open(filepath.Join(dir, file), etl.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			d := decode.New(decode.Options{Source: format.SourceETL})
			var ev decode.Event
			var row format.Event
			n := 0
			for r, err := range f.Records() {
				if err != nil {
					t.Fatal(err)
				}
				if d.Decode(r, &row) != decode.Other {
					t.Error("an event of ours")
				}
				counted := d.Failure()
				if !d.TraceLogging(r, &ev) {
					continue
				}
				n++
				if ev.Failure.Reason != decode.ReasonNone || ev.Left != 0 || counted != ev.Failure {
					t.Errorf("%s: %v, %d bytes left; counted as %v", ev.Schema.Name, ev.Failure, ev.Left, counted)
				}
				if ev.Provider.Name != want.provider {
					t.Errorf("provider %q", ev.Provider.Name)
				}
				text := ev.AppendJSON(nil)
				if !json.Valid(text) {
					t.Errorf("not JSON: %s", text)
				}
				if n == 1 && want.first != "" && string(text) != want.first {
					t.Errorf("%s\nwant\n%s", text, want.first)
				}
			}
			if n != want.events {
				t.Errorf("%d events, want %d", n, want.events)
			}
			for _, p := range d.Providers() {
				if p.Records != p.Decoded+p.Undecoded || p.Name == want.provider && p.Name != "" && p.Decoded != uint64(n) {
					t.Errorf("%+v", p)
				}
			}
		})
	}
}

var rewrite = flag.Bool("rewrite", false, "rewrite testdata/samples.golden")

// TestSampleCounts holds how many records of each real recording are decoded, by provider,
// and why others are not: every record is one or the other.
func TestSampleCounts(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(samples(t), "*.etl"))
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, path := range files {
		d := decode.New(decode.Options{Source: format.SourceETL})
		var row format.Event
		var ev decode.Event
		var records, decoded uint64
		for pass := range 2 {
			f, err := etl.Open(path, etl.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for r, err := range f.Records() {
				if err != nil {
					t.Fatal(err)
				}
				if pass == 0 {
					d.Learn(r)
					continue
				}
				d.Decode(r, &row)
				d.Event(r, &ev)
				if d.Failure() != ev.Failure {
					t.Errorf("%s: Decode says %v, Event %v", path, d.Failure(), ev.Failure)
				}
				records++
				if d.Failure().Reason == decode.ReasonNone {
					decoded++
				}
			}
			f.Close()
		}
		fmt.Fprintf(&b, "%s: %d records, %d decoded, %d not\n", filepath.Base(path), records, decoded, records-decoded)
		sum := uint64(0)
		line := func(name string, n, good uint64, reasons map[decode.Reason]uint64) {
			fmt.Fprintf(&b, "  %s: %d, %d decoded\n", name, n, good)
			sum += n
			rest := n - good
			for _, why := range slices.Sorted(maps.Keys(reasons)) {
				fmt.Fprintf(&b, "    %d %v\n", reasons[why], why)
				rest -= reasons[why]
			}
			if rest != 0 {
				t.Errorf("%s: %s: %d records without a reason", path, name, rest)
			}
		}
		for _, p := range d.Providers() {
			line(strings.TrimSpace(p.GUID.String()+" "+p.Name), p.Records, p.Decoded, p.Reasons)
		}
		n, good, reasons := d.Plain()
		line("without a provider", n, good, reasons)
		if sum != records {
			t.Errorf("%s: %d records counted of %d", path, sum, records)
		}
	}
	golden := filepath.Join("testdata", "samples.golden")
	if *rewrite {
		if err := os.WriteFile(golden, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("counts are\n%s\nwant\n%s", b.String(), want)
	}
}
