package scrub

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
)

// space is what a value names. Equal values of one space become equal, of two spaces they
// have nothing to do with each other.
type space byte

const (
	spaceHandle  space = iota // every handle, context and address, and interface LUIDs
	spaceCall                 // call_id
	spaceProcess              // pid
	spaceThread               // tid
	spaceCPU                  // cpu
	spaceIndex                // interface index
)

// renamer gives numbers and texts other values, the same ones for the same key.
//
// Numbers are encrypted, by a Feistel network whose round function is AES: that is
// one-to-one by construction and needs no table, so memory does not grow with the trace.
// Texts become the beginning of an HMAC-SHA-256. A renamer is for one goroutine.
type renamer struct {
	block cipher.Block
	mac   hash.Hash
	cache [1 << cacheBits]renamed
	in    [aes.BlockSize]byte
	out   [aes.BlockSize]byte
}

const (
	cacheBits = 12
	rounds    = 8
	tokenHex  = 16 // hex digits of a token: two of a million texts are one with odds of 1 in 37 million
)

// renamed is an entry of the cache: handles come in runs.
type renamed struct {
	from, to uint64
	space    space
	bits     uint8
}

func newRenamer(key []byte) *renamer {
	derive := func(what string) []byte {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(what))
		return m.Sum(nil)
	}
	block, err := aes.NewCipher(derive("aftrace scrub numbers"))
	if err != nil {
		panic(err) // 32 bytes are a key of AES
	}
	return &renamer{block: block, mac: hmac.New(sha256.New, derive("aftrace scrub texts"))}
}

// number renames v. NULL stays NULL, and nothing else becomes NULL.
func (r *renamer) number(s space, v uint64, bits uint) uint64 {
	if v == 0 {
		return 0
	}
	e := &r.cache[(v*0x9E3779B97F4A7C15+uint64(s))>>(64-cacheBits)]
	if e.from == v && e.space == s && e.bits == uint8(bits) {
		return e.to
	}
	to := r.feistel(s, v, bits)
	for to == 0 {
		to = r.feistel(s, to, bits)
	}
	*e = renamed{v, to, s, uint8(bits)}
	return to
}

// wide renames v if it needs more than 32 bits, to a number that does too: it may be an
// address, or be made of one. Smaller numbers are no kernel addresses and stay.
func (r *renamer) wide(s space, v uint64) uint64 {
	if v>>32 == 0 {
		return v
	}
	for {
		// Walking along a cycle until it comes back to the wide numbers keeps it one-to-one.
		if v = r.number(s, v, 64); v>>32 != 0 {
			return v
		}
	}
}

// feistel encrypts v, a number of that many bits, which are even and at most 64.
func (r *renamer) feistel(s space, v uint64, bits uint) uint64 {
	half := bits / 2
	mask := uint32(1<<half - 1)
	left, right := uint32(v>>half)&mask, uint32(v)&mask
	for i := range byte(rounds) {
		r.in = [aes.BlockSize]byte{byte(s), byte(bits), i}
		binary.LittleEndian.PutUint32(r.in[4:], right)
		r.block.Encrypt(r.out[:], r.in[:])
		left, right = right, left^binary.LittleEndian.Uint32(r.out[:])&mask
	}
	return uint64(left)<<half | uint64(right)
}

// token is what stands for a text: kind, which also separates the texts of different kinds,
// and digits.
func (r *renamer) token(kind string, text []byte) string {
	r.mac.Reset()
	r.mac.Write([]byte(kind))
	r.mac.Write([]byte{0})
	r.mac.Write(text)
	return kind + "-" + hex.EncodeToString(r.mac.Sum(nil)[:tokenHex/2])
}
