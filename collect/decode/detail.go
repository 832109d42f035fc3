package decode

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// maxDetailDepth is how deep objects and arrays of a detail may nest, as in format.
const maxDetailDepth = 64

// detailBuffer makes details canonical. Their strings share chunks of memory, so that most
// take no allocation; a chunk lives as long as one of its strings.
type detailBuffer struct {
	chunk strings.Builder
}

// canonical returns a JSON object without spaces and with sorted keys, at every level.
// function, if not nil, becomes its key of that name. ok is false if detail is neither
// empty nor an object; then only function is in the result, "" without it.
func (d *detailBuffer) canonical(detail, function []byte) (text string, ok bool) {
	if function == nil {
		if c := (canonicalScan{b: detail}); c.object(0) && c.i == len(detail) {
			return d.keep(detail), true
		}
	}
	ok = true
	m := map[string]any{}
	if len(detail) > 0 {
		if m, ok = parseObject(detail); !ok {
			m = map[string]any{}
		}
	}
	if function != nil {
		m["function"] = string(function)
	} else if !ok {
		return "", false
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m); err != nil {
		return "", false
	}
	return d.keep(bytes.TrimSuffix(out.Bytes(), []byte("\n"))), ok
}

// parseObject reads a JSON object that format accepts. Numbers keep their digits; of equal
// keys the last one counts.
func parseObject(b []byte) (map[string]any, bool) {
	if !utf8.Valid(b) || !shallow(b) {
		return nil, false
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var m map[string]any
	if err := dec.Decode(&m); err != nil || m == nil {
		return nil, false
	}
	if _, err := dec.Token(); err == nil {
		return nil, false // something follows
	}
	return m, len(bytes.TrimLeft(b[dec.InputOffset():], " \t\r\n")) == 0
}

// shallow says whether b does not nest deeper than maxDetailDepth.
func shallow(b []byte) bool {
	depth, text := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			if depth++; depth > maxDetailDepth {
				return false
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return true
}

// keep returns b as a string.
func (d *detailBuffer) keep(b []byte) string {
	if d.chunk.Cap()-d.chunk.Len() < len(b) {
		d.chunk = strings.Builder{}
		d.chunk.Grow(max(detailChunkSize, len(b)))
	}
	start := d.chunk.Len()
	d.chunk.Write(b)
	return d.chunk.String()[start:]
}

// canonicalScan recognises JSON that is canonical already, in one pass and without
// allocation. It may miss some: of escapes it knows those of backslashes, which names of devices
// are full of, and of quotation marks, and none in keys.
type canonicalScan struct {
	b []byte
	i int
}

func (c *canonicalScan) next(want byte) bool {
	if c.i < len(c.b) && c.b[c.i] == want {
		c.i++
		return true
	}
	return false
}

func (c *canonicalScan) object(depth int) bool {
	if depth >= maxDetailDepth || !c.next('{') {
		return false
	}
	if c.next('}') {
		return true
	}
	var last []byte
	for first := true; ; first = false {
		key, ok := c.text()
		if !ok || bytes.IndexByte(key, '\\') >= 0 || !first && bytes.Compare(last, key) >= 0 || !c.next(':') || !c.value(depth+1) {
			return false
		}
		last = key
		if c.next('}') {
			return true
		}
		if !c.next(',') {
			return false
		}
	}
}

func (c *canonicalScan) value(depth int) bool {
	if c.i >= len(c.b) {
		return false
	}
	switch b := c.b[c.i]; {
	case b == '"':
		_, ok := c.text()
		return ok
	case b == '{':
		return c.object(depth)
	case b == '[':
		if depth >= maxDetailDepth {
			return false
		}
		c.i++
		if c.next(']') {
			return true
		}
		for {
			if !c.value(depth + 1) {
				return false
			}
			if c.next(']') {
				return true
			}
			if !c.next(',') {
				return false
			}
		}
	case b == '-' || b >= '0' && b <= '9':
		return c.number()
	}
	return c.literal("true") || c.literal("false") || c.literal("null")
}

func (c *canonicalScan) literal(word string) bool {
	if len(c.b)-c.i < len(word) || string(c.b[c.i:c.i+len(word)]) != word {
		return false
	}
	c.i += len(word)
	return true
}

func (c *canonicalScan) text() ([]byte, bool) {
	if !c.next('"') {
		return nil, false
	}
	start := c.i
	ascii := true
	for ; c.i < len(c.b); c.i++ {
		switch b := c.b[c.i]; {
		case b == '"':
			s := c.b[start:c.i]
			c.i++
			return s, ascii || utf8.Valid(s)
		case b == '\\' && c.i+1 < len(c.b) && (c.b[c.i+1] == '\\' || c.b[c.i+1] == '"'):
			c.i++
		case b == '\\' || b < ' ':
			return nil, false
		case b >= utf8.RuneSelf:
			ascii = false
		}
	}
	return nil, false
}

func (c *canonicalScan) digits() bool {
	start := c.i
	for c.i < len(c.b) && c.b[c.i] >= '0' && c.b[c.i] <= '9' {
		c.i++
	}
	return c.i > start
}

func (c *canonicalScan) number() bool {
	c.next('-')
	if !c.next('0') && !c.digits() {
		return false
	}
	if c.next('.') && !c.digits() {
		return false
	}
	if c.next('e') || c.next('E') {
		if !c.next('+') {
			c.next('-')
		}
		return c.digits()
	}
	return true
}
