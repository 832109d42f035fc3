package format

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
	"unsafe"
)

// maxDetailDepth bounds how deep arrays and objects of a detail may nest.
const maxDetailDepth = 64

// validObject reports whether s is one JSON object (RFC 8259) in valid UTF-8, without
// allocating: encoding/json decides the same at ten times the price.
func validObject(s string) bool {
	p := jsonScanner{s: s}
	p.space()
	if p.i >= len(s) || s[p.i] != '{' || !p.value(0) {
		return false
	}
	p.space()
	return p.i == len(s)
}

type jsonScanner struct {
	s string
	i int
}

func (p *jsonScanner) space() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

// next skips space and consumes c.
func (p *jsonScanner) next(c byte) bool {
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	p.space()
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *jsonScanner) value(depth int) bool {
	p.space()
	if p.i >= len(p.s) || depth > maxDetailDepth {
		return false
	}
	switch c := p.s[p.i]; {
	case c == '"':
		return p.str()
	case c == '{':
		p.i++
		if p.next('}') {
			return true
		}
		for {
			p.space()
			if !p.str() || !p.next(':') || !p.value(depth+1) {
				return false
			}
			if p.next('}') {
				return true
			}
			if !p.next(',') {
				return false
			}
		}
	case c == '[':
		p.i++
		if p.next(']') {
			return true
		}
		for {
			if !p.value(depth + 1) {
				return false
			}
			if p.next(']') {
				return true
			}
			if !p.next(',') {
				return false
			}
		}
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	return p.literal("true") || p.literal("false") || p.literal("null")
}

func (p *jsonScanner) literal(word string) bool {
	if len(p.s)-p.i < len(word) || p.s[p.i:p.i+len(word)] != word {
		return false
	}
	p.i += len(word)
	return true
}

func (p *jsonScanner) str() bool {
	if p.i >= len(p.s) || p.s[p.i] != '"' {
		return false
	}
	for i := p.i + 1; i < len(p.s); {
		if i += plainPrefix(p.s[i:]); i >= len(p.s) {
			return false
		}
		switch c := p.s[i]; {
		case c == '"':
			p.i = i + 1
			return true
		case c < ' ':
			return false
		case c == '\\':
			if i+1 >= len(p.s) {
				return false
			}
			switch p.s[i+1] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				i += 2
			case 'u':
				if i+6 > len(p.s) {
					return false
				}
				for k := i + 2; k < i+6; k++ {
					if !isHex(p.s[k]) {
						return false
					}
				}
				i += 6
			default:
				return false
			}
		case c < utf8.RuneSelf:
			i++
		default:
			r, n := utf8.DecodeRuneInString(p.s[i:])
			if r == utf8.RuneError && n <= 1 {
				return false
			}
			i += n
		}
	}
	return false
}

// plainPrefix is the length of a prefix of s without quotes, backslashes, control
// characters and bytes outside ASCII. It looks at eight bytes at a time and not at the
// last seven.
func plainPrefix(s string) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	n := 0
	for len(s)-n >= 8 {
		x := binary.LittleEndian.Uint64(unsafe.Slice(unsafe.StringData(s[n:]), 8))
		quote, backslash := x^ones*'"', x^ones*'\\'
		// v-ones borrows into the top bit of the lowest byte of v that is 0, and likewise
		// x-ones*' ' of the lowest below the space.
		if found := (x | (x - ones*' ') | (quote - ones) | (backslash - ones)) & tops; found != 0 {
			return n + bits.TrailingZeros64(found)/8
		}
		n += 8
	}
	return n
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func (p *jsonScanner) digits() bool {
	start := p.i
	for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		p.i++
	}
	return p.i > start
}

func (p *jsonScanner) number() bool {
	if p.s[p.i] == '-' {
		p.i++
	}
	if p.i < len(p.s) && p.s[p.i] == '0' {
		p.i++
	} else if !p.digits() {
		return false
	}
	if p.i < len(p.s) && p.s[p.i] == '.' {
		p.i++
		if !p.digits() {
			return false
		}
	}
	if p.i < len(p.s) && (p.s[p.i] == 'e' || p.s[p.i] == 'E') {
		p.i++
		if p.i < len(p.s) && (p.s[p.i] == '+' || p.s[p.i] == '-') {
			p.i++
		}
		return p.digits()
	}
	return true
}
