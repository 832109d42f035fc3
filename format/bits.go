package format

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// Arrow data is little-endian and is used as it lies in memory.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// fixed is a value of a fixed-width column.
type fixed interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// bytesOf is the memory of s.
func bytesOf[T fixed](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0])))
}

// valuesOf is the first n values in b, which the caller knows to hold them. It copies
// only if b is not aligned for T.
func valuesOf[T fixed](b []byte, n int) []T {
	if n == 0 {
		return nil
	}
	size := int(unsafe.Sizeof(*new(T)))
	b = b[: n*size : n*size]
	if uintptr(unsafe.Pointer(&b[0]))%uintptr(size) != 0 {
		c := make([]T, n)
		copy(bytesOf(c), b)
		return c
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), n)
}

// transpose turns rows and columns of a matrix of 32 × 32 bits: bit j of m[i] becomes bit
// i of m[j]. It is how validity bitmaps (one a column) become Fields (one a row) and back.
// Quarters change places, then the quarters of those; arrays of fixed size need no checks.
func transpose(m *[32]uint32) {
	for k := range 16 {
		swap(&m[k], &m[k+16], 16, 0x0000FFFF)
	}
	for from := 0; from < 32; from += 16 {
		part := (*[16]uint32)(m[from:])
		for k := range 8 {
			swap(&part[k], &part[k+8], 8, 0x00FF00FF)
		}
	}
	for from := 0; from < 32; from += 8 {
		part := (*[8]uint32)(m[from:])
		for k := range 4 {
			swap(&part[k], &part[k+4], 4, 0x0F0F0F0F)
		}
	}
	for from := 0; from < 32; from += 4 {
		part := (*[4]uint32)(m[from:])
		swap(&part[0], &part[2], 2, 0x33333333)
		swap(&part[1], &part[3], 2, 0x33333333)
		swap(&part[0], &part[1], 1, 0x55555555)
		swap(&part[2], &part[3], 1, 0x55555555)
	}
}

// swap lets the bits of a above those of mask, and those of b in it, change places.
func swap(a, b *uint32, shift uint, mask uint32) {
	t := (*a>>shift ^ *b) & mask
	*a ^= t << shift
	*b ^= t
}

// word32 is the i-th group of 32 bits of a bitmap; bits past its end are 0.
func word32(bitmap []byte, i int) uint32 {
	if b := bitmap[min(i*4, len(bitmap)):]; len(b) >= 4 {
		return binary.LittleEndian.Uint32(b)
	} else {
		var w uint32
		for k, x := range b {
			w |= uint32(x) << (8 * k)
		}
		return w
	}
}

// countBits is the number of set bits among the first n of a bitmap.
func countBits(bitmap []byte, n int) int {
	c := 0
	for ; n >= 64; n -= 64 {
		c += bits.OnesCount64(binary.LittleEndian.Uint64(bitmap))
		bitmap = bitmap[8:]
	}
	for ; n > 0; n -= 8 {
		x := bitmap[0]
		if n < 8 {
			x &= 1<<n - 1
		}
		c += bits.OnesCount8(x)
		bitmap = bitmap[1:]
	}
	return c
}

func bitSet(bitmap []byte, i int) bool { return bitmap[i>>3]>>(i&7)&1 != 0 }

// alignedBytes are n bytes that can hold any fixed-width values.
func alignedBytes(n int64) []byte { return bytesOf(make([]uint64, (n+7)/8))[:n] }
