package etl

import (
	"encoding/binary"
	"errors"
)

// Failures of decompress. The first is no damage where the file itself is cut there.
var (
	errXpressShort    = errors.New("compressed data ends early")
	errXpressDistance = errors.New("compressed data refers to bytes before its start")
	errXpressLength   = errors.New("compressed data holds an impossible match length")
)

// decompress appends at most n bytes to dst, decoded from the plain LZ77 variant of the
// XPRESS algorithm ([MS-XCA] sections 2.3 and 2.4: no Huffman codes). It returns the output, how
// many bytes of src it used, and why it stopped before n bytes. The output grows as it is
// produced, so a false n costs nothing. A match that would pass n is cut there.
func decompress(dst, src []byte, n int) (out []byte, used int, err error) {
	start := len(dst)
	out = dst
	var (
		pos    int
		flags  uint32 // remaining bits, next one at the top
		left   int    // how many
		nibble = -1   // position of a byte whose high nibble is unused
	)
	for len(out)-start < n {
		if left == 0 {
			if len(src)-pos < 4 {
				return out, pos, errXpressShort
			}
			flags, left = binary.LittleEndian.Uint32(src[pos:]), 32
			pos += 4
		}
		if flags == 0 && left == 32 && len(src)-pos >= 32 && n-(len(out)-start) >= 32 {
			out = append(out, src[pos:pos+32]...)
			pos += 32
			left = 0
			continue
		}
		left--
		match := flags&(1<<31) != 0
		flags <<= 1
		if !match {
			if pos >= len(src) {
				return out, pos, errXpressShort
			}
			out = append(out, src[pos])
			pos++
			continue
		}
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
				if pos >= len(src) {
					return out, pos, errXpressShort
				}
				length = uint64(src[pos])
				pos++
				if length == 255 {
					if len(src)-pos < 2 {
						return out, pos, errXpressShort
					}
					length = uint64(binary.LittleEndian.Uint16(src[pos:]))
					pos += 2
					if length == 0 {
						if len(src)-pos < 4 {
							return out, pos, errXpressShort
						}
						length = uint64(binary.LittleEndian.Uint32(src[pos:]))
						pos += 4
					}
					if length < 15+7 {
						return out, pos, errXpressLength
					}
					length -= 15 + 7
				}
				length += 15
			}
			length += 7
		}
		length += 3
		if distance > len(out)-start {
			return out, pos, errXpressDistance
		}
		room := n - (len(out) - start)
		if length > uint64(room) {
			length = uint64(room)
		}
		out = appendMatch(out, distance, int(length))
	}
	return out, pos, nil
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
