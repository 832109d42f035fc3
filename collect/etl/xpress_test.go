package etl_test

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/collect/etl/etltest"
)

// The examples of [MS-XCA] section 3 for plain LZ77.
func TestXpressExamples(t *testing.T) {
	for _, test := range []struct{ plain, packed string }{
		{"abcdefghijklmnopqrstuvwxyz", "3f000000" + hex.EncodeToString([]byte("abcdefghijklmnopqrstuvwxyz"))},
		{strings.Repeat("abc", 100), "ffffff1f" + "616263" + "1700" + "0f" + "ff" + "2601"},
	} {
		packed, err := hex.DecodeString(test.packed)
		if err != nil {
			t.Fatal(err)
		}
		got, used, err := etl.Decompress(nil, packed, len(test.plain))
		if err != nil || string(got) != test.plain || used != len(packed) {
			t.Errorf("decoded %q, used %d, %v", got, used, err)
		}
		if c := etltest.Compress([]byte(test.plain)); !bytes.Equal(c, packed) {
			t.Errorf("encoded %x, not %x", c, packed)
		}
	}
}

// plain makes content of many kinds.
func plain(rng *rand.Rand) []byte {
	b := make([]byte, rng.IntN(1<<(1+rng.IntN(17))))
	mask := byte(1<<rng.IntN(9) - 1)
	for i := range b {
		b[i] = byte(rng.Uint32()) & mask
	}
	for range rng.IntN(20) { // runs and repetitions, also long ones
		if len(b) == 0 {
			break
		}
		from, n := rng.IntN(len(b)), rng.IntN(len(b))
		if rng.IntN(2) == 0 {
			clear(b[from:min(len(b), from+n)])
		} else {
			copy(b[rng.IntN(len(b)):], b[from:min(len(b), from+n)])
		}
	}
	return b
}

func TestXpressRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	n := 2000
	if testing.Short() {
		n = 200
	}
	var out []byte
	for range n {
		src := plain(rng)
		packed := etltest.Compress(src)
		var used int
		var err error
		out, used, err = etl.Decompress(out[:0], packed, len(src))
		if err != nil || used != len(packed) || !bytes.Equal(out, src) {
			t.Fatalf("%d bytes: used %d of %d, %v", len(src), used, len(packed), err)
		}
		// What is missing at the end does not harm what came before, and is noticed.
		cut := rng.IntN(len(packed) + 1)
		part, _, err := etl.Decompress(nil, packed[:cut], len(src))
		if !bytes.HasPrefix(src, part) || (err == nil) != (len(part) == len(src)) {
			t.Fatalf("cut at %d of %d: %d bytes of %d, %v", cut, len(packed), len(part), len(src), err)
		}
	}
	// A match longer than an u16 states.
	long := make([]byte, 200000)
	if got, _, err := etl.Decompress(nil, etltest.Compress(long), len(long)); err != nil || !bytes.Equal(got, long) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	// Output goes after what dst holds, and cannot refer to it.
	if got, _, err := etl.Decompress([]byte("x"), []byte{0, 0, 0, 0x40, 'a', 0, 0}, 4); err != nil || string(got) != "xaaaa" {
		t.Errorf("%q, %v", got, err)
	}
	if got, _, err := etl.Decompress([]byte("x"), []byte{0, 0, 0, 0x80, 0, 0}, 3); err == nil {
		t.Errorf("%q: a match reaches before the start", got)
	}
}

// A few bytes may ask for gigabytes: no more is made than the caller wants.
func TestXpressBomb(t *testing.T) {
	src := []byte{0xff, 0xff, 0xff, 0x7f, 'a', 7, 0, 0xff, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff}
	for _, n := range []int{0, 1, 2, 1000, 1 << 20} {
		got, _, err := etl.Decompress(nil, src, n)
		if err != nil || len(got) != n {
			t.Errorf("%d bytes of %d, %v", len(got), n, err)
		}
	}
	if _, _, err := etl.Decompress(nil, []byte{0xff, 0xff, 0xff, 0x7f, 'a', 7, 0, 0xff, 0xff, 5, 0}, 100); err == nil {
		t.Error("a match length that underflows is accepted")
	}
}

func FuzzXpress(f *testing.F) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 5 {
		src := plain(rng)
		f.Add(src[:min(len(src), 4000)])
		f.Add(etltest.Compress(src[:min(len(src), 4000)]))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 20
		out, used, err := etl.Decompress(nil, data, limit)
		if used > len(data) || len(out) > limit || (err == nil) != (len(out) == limit) {
			t.Fatalf("used %d of %d, %d bytes, %v", used, len(data), len(out), err)
		}
		packed := etltest.Compress(data)
		if back, used, err := etl.Decompress(nil, packed, len(data)); err != nil || used != len(packed) || !bytes.Equal(back, data) {
			t.Fatalf("round trip: %v", err)
		}
	})
}
