package etl

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
)

// Failures of decompress. The first is no damage where the file itself is cut there.
var (
	errXpressShort    = errors.New("compressed data ends early")
	errXpressDistance = errors.New("compressed data refers to bytes before its start")
	errXpressLength   = errors.New("compressed data holds an impossible match length")
)

// overcopy is how far decompress may write past the end of its output, within its capacity: to
// copy a few bytes too many in one step is faster than to copy the right number.
const overcopy = 32

// decompress appends at most n bytes to dst, decoded from the plain LZ77 variant of the
// XPRESS algorithm ([MS-XCA] sections 2.3 and 2.4: no Huffman codes). It returns the output, how
// many bytes of src it used, and why it stopped before n bytes. The output grows as it is
// produced, so a false n costs nothing. A match that would pass n is cut there. The
// capacity of dst past its length is overwritten.
func decompress(dst, src []byte, n int) (out []byte, used int, err error) {
	start := len(dst)
	out = slices.Grow(dst, min(n, 8*len(src))+overcopy)
	var (
		pos    int
		flags  uint32 // remaining bits, next one at the top
		left   int    // how many
		nibble = -1   // position of a byte whose high nibble is unused
	)
	for {
		room := n - (len(out) - start)
		if room <= 0 {
			return out, pos, nil
		}
		if left == 0 {
			if len(src)-pos < 4 {
				return out, pos, errXpressShort
			}
			flags, left = binary.LittleEndian.Uint32(src[pos:]), 32
			pos += 4
		}
		if k := min(bits.LeadingZeros32(flags), left, room); k > 0 { // literals
			rest := src[pos:]
			if end := len(out); len(rest) >= overcopy && cap(out)-end >= overcopy {
				out = out[:end+overcopy]
				*(*[overcopy]byte)(out[end:]) = *(*[overcopy]byte)(rest)
				out = out[:end+k]
			} else {
				if k > len(rest) {
					return append(out, rest...), len(src), errXpressShort
				}
				out = append(out, rest[:k]...)
			}
			pos += k
			left -= k
			flags <<= k
			continue
		}
		flags <<= 1
		left--
		if len(src)-pos < 2 {
			return out, pos, errXpressShort
		}
		m := binary.LittleEndian.Uint16(src[pos:])
		pos += 2
		length, distance := uint64(m&7), int(m>>3)+1
		if length == 7 {
			if nibble < 0 {
				if pos >= len(src) {
					return out, pos, errXpressShort
				}
				nibble = pos
				length = uint64(src[pos] & 15)
				pos++
			} else {
				length = uint64(src[nibble] >> 4)
				nibble = -1
			}
			if length == 15 {
				if length, pos, err = longLength(src, pos); err != nil {
					return out, pos, err
				}
			}
			length += 7
		}
		length += 3
		end := len(out)
		if distance > end-start {
			return out, pos, errXpressDistance
		}
		switch length := int(min(length, uint64(room))); {
		case length <= 16 && distance >= 8 && cap(out)-end >= overcopy:
			out = out[:end+16]
			binary.LittleEndian.PutUint64(out[end:], binary.LittleEndian.Uint64(out[end-distance:]))
			binary.LittleEndian.PutUint64(out[end+8:], binary.LittleEndian.Uint64(out[end-distance+8:]))
			out = out[:end+length]
		default:
			out = appendMatch(out, distance, length)
		}
	}
}

// longLength reads what follows a nibble of 15: how much longer a match is than 10 bytes.
func longLength(src []byte, pos int) (length uint64, next int, err error) {
	if pos >= len(src) {
		return 0, pos, errXpressShort
	}
	length = uint64(src[pos])
	pos++
	if length < 255 {
		return length + 15, pos, nil
	}
	if len(src)-pos < 2 {
		return 0, pos, errXpressShort
	}
	length = uint64(binary.LittleEndian.Uint16(src[pos:]))
	pos += 2
	if length == 0 {
		if len(src)-pos < 4 {
			return 0, pos, errXpressShort
		}
		length = uint64(binary.LittleEndian.Uint32(src[pos:]))
		pos += 4
	}
	if length < 15+7 {
		return 0, pos, errXpressLength
	}
	return length - 7, pos, nil
}

// appendMatch appends length bytes found distance before the end of out, which may overlap
// what is appended: then the last distance bytes repeat.
func appendMatch(out []byte, distance, length int) []byte {
	from := len(out) - distance
	for length > distance {
		out = append(out, out[from:from+distance]...)
		length -= distance
		distance += distance
	}
	return append(out, out[from:from+length]...)
}
