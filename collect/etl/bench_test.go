package etl_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/collect/etl/etltest"
)

// events is a file of about size bytes with EVENT64 records of record bytes each, of a few
// providers.
func events(t testing.TB, size, record int, o etltest.Options) []byte {
	if o.CPUs == 0 {
		o.CPUs = 4
	}
	w := etltest.New(o)
	rng := rand.New(rand.NewPCG(1, 1))
	payload := make([]byte, record-80)
	clock := w.Options().StartClock
	for i := 0; i < size; i += record {
		clock += 50
		for j := 0; j < len(payload); j += 7 {
			payload[j] = byte(rng.Uint32())
		}
		w.Event(rng.IntN(o.CPUs), clock, etltest.EventHeader{Provider: etl.GUID{byte(rng.IntN(5))}, ID: uint16(rng.IntN(50)), Level: 4, TID: 1, PID: 2}, nil, payload)
	}
	return build(t, w)
}

// BenchmarkWalk reads every record header of a file in memory: MB/s and records/s of one core.
func BenchmarkWalk(b *testing.B) {
	for _, record := range []int{112, 152, 176, 200, 1000} {
		b.Run(strconv.Itoa(record), func(b *testing.B) {
			data := events(b, 64<<20, record, etltest.Options{})
			f, err := etl.NewFile(bytes.NewReader(data), int64(len(data)), "bench", etl.Options{})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			n := 0
			var r etl.Record
			for b.Loop() {
				f.Reset()
				for {
					ok, err := f.ReadInto(&r)
					if err != nil {
						b.Fatal(err)
					}
					if !ok {
						break
					}
					n++
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// BenchmarkWalkFile is BenchmarkWalk on a file, compressed or not. MB/s are those of the file.
func BenchmarkWalkFile(b *testing.B) {
	for _, compress := range []bool{false, true} {
		b.Run(fmt.Sprintf("compress=%v", compress), func(b *testing.B) {
			data := events(b, 64<<20, 176, etltest.Options{Compress: compress})
			path := filepath.Join(b.TempDir(), "bench.etl")
			if err := os.WriteFile(path, data, 0o644); err != nil {
				b.Fatal(err)
			}
			f, err := etl.Open(path, etl.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			b.SetBytes(int64(len(data)))
			n := 0
			var r etl.Record
			for b.Loop() {
				f.Reset()
				for ok, _ := f.ReadInto(&r); ok; ok, _ = f.ReadInto(&r) {
					n++
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// BenchmarkDecompress reports MB/s of output.
func BenchmarkDecompress(b *testing.B) {
	data := events(b, 60000, 176, etltest.Options{CPUs: 1})[65536+72:]
	inputs := map[string][]byte{"events": data[:60000], "noise": make([]byte, 60000), "zeroes": make([]byte, 60000)}
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range inputs["noise"] {
		inputs["noise"][i] = byte(rng.Uint32())
	}
	for _, name := range []string{"events", "noise", "zeroes"} {
		b.Run(name, func(b *testing.B) {
			src := inputs[name]
			packed := etltest.Compress(src)
			out := make([]byte, 0, len(src))
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				var err error
				if out, _, err = etl.Decompress(out[:0], packed, len(src)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(src))/float64(len(packed)), "ratio")
		})
	}
}

// BenchmarkAgainstEtlParser reports how many times as fast as the Python package etl-parser the
// walk is on the same file.
func BenchmarkAgainstEtlParser(b *testing.B) {
	python := etlParser(b)
	data := events(b, 4<<20, 176, etltest.Options{})
	path := filepath.Join(b.TempDir(), "bench.etl")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		b.Fatal(err)
	}
	out, err := exec.Command(python, "etltest/compare_etl_parser.py", "--time", path).Output()
	if err != nil {
		b.Fatalf("%v: %s", err, stderr(err))
	}
	fields := strings.Fields(string(out))
	if len(fields) != 2 {
		b.Fatalf("output %q", out)
	}
	records, err1 := strconv.Atoi(fields[0])
	seconds, err2 := strconv.ParseFloat(fields[1], 64)
	if err1 != nil || err2 != nil {
		b.Fatal(err1, err2)
	}
	n := 0
	for b.Loop() {
		f, err := etl.Open(path, etl.Options{})
		if err != nil {
			b.Fatal(err)
		}
		n = 0
		var r etl.Record
		for ok, _ := f.ReadInto(&r); ok; ok, _ = f.ReadInto(&r) {
			n++
		}
		f.Close()
	}
	if n != records+1 {
		b.Errorf("%d records after the header, etl-parser has %d", n-1, records)
	}
	b.ReportMetric(seconds/(b.Elapsed().Seconds()/float64(b.N)), "times-etl-parser")
	b.ReportMetric(float64(records)/seconds, "etl-parser-records/s")
}
