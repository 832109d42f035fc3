package etltest

import "encoding/binary"

const (
	window   = 1 << 13 // a match has 13 bits of distance
	minMatch = 3
	hashBits = 13
	chain    = 16 // candidates looked at for a match
)

// Compress encodes src in the plain LZ77 variant of XPRESS ([MS-XCA] section 2.3), as
// compressed buffers of an .etl file are. It takes the longest of the nearest candidates.
func Compress(src []byte) []byte {
	le := binary.LittleEndian
	var (
		out     []byte
		flags   uint32
		count   int
		flagsAt = -1
		nibble  = -1
		head    [1 << hashBits]int32 // position + 1
		prev    = make([]int32, len(src))
	)
	flag := func(bit uint32) {
		if flagsAt < 0 {
			flagsAt = len(out)
			out = append(out, 0, 0, 0, 0)
		}
		flags = flags<<1 | bit
		count++
	}
	// done is called after the bytes of an item, so that the next flag word follows them.
	done := func() {
		if count == 32 {
			le.PutUint32(out[flagsAt:], flags)
			flagsAt, flags, count = -1, 0, 0
		}
	}
	hash := func(i int) uint32 {
		v := uint32(src[i]) | uint32(src[i+1])<<8 | uint32(src[i+2])<<16
		return v * 2654435761 >> (32 - hashBits)
	}
	insert := func(i int) {
		if i+minMatch <= len(src) {
			h := hash(i)
			prev[i] = head[h]
			head[h] = int32(i + 1)
		}
	}
	for i := 0; i < len(src); {
		best, distance := 0, 0
		if i+minMatch <= len(src) {
			c := int(head[hash(i)]) - 1
			for tries := 0; c >= 0 && i-c <= window && tries < chain; tries++ {
				n := 0
				for i+n < len(src) && src[c+n] == src[i+n] {
					n++
				}
				if n > best {
					best, distance = n, i-c
				}
				c = int(prev[c]) - 1
			}
		}
		if best < minMatch {
			flag(0)
			out = append(out, src[i])
			done()
			insert(i)
			i++
			continue
		}
		flag(1)
		length := best - minMatch
		m := uint16(distance-1)<<3 | uint16(min(length, 7))
		out = le.AppendUint16(out, m)
		if length >= 7 {
			half := byte(min(length-7, 15))
			if nibble < 0 {
				nibble = len(out)
				out = append(out, half)
			} else {
				out[nibble] |= half << 4
				nibble = -1
			}
			if rest := length - 7 - 15; rest >= 0 {
				switch {
				case rest < 255:
					out = append(out, byte(rest))
				case length < 1<<16:
					out = append(out, 255)
					out = le.AppendUint16(out, uint16(length))
				default:
					out = append(out, 255, 0, 0)
					out = le.AppendUint32(out, uint32(length))
				}
			}
		}
		done()
		for end := i + best; i < end; i++ {
			insert(i)
		}
	}
	if flagsAt >= 0 {
		rest := 32 - count
		le.PutUint32(out[flagsAt:], flags<<rest|(1<<rest-1))
	}
	return out
}
