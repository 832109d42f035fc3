package format

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// footer is what the Footer table of a file says.
type footer struct {
	version int16
	schema  table
	blocks  [2][]block // dictionaries, record batches
	fields  []arrowField
	md      Metadata
}

func parseFooter(b []byte) (footer, error) {
	f := &flatbuffer{b: b}
	t := f.root()
	ft := footer{version: f.int16(t, 0), schema: f.sub(t, 1)}
	if f.err == nil && ft.version != metadataV4 && ft.version != metadataV5 {
		return ft, fmt.Errorf("footer of metadata version %d", ft.version+1)
	}
	for kind, slot := range []int{2, 3} {
		v, n := f.vector(t, slot, 24)
		for i := range n {
			p := v + 24*i
			ft.blocks[kind] = append(ft.blocks[kind], block{
				offset: int64(binary.LittleEndian.Uint64(b[p:])),
				meta:   int64(int32(binary.LittleEndian.Uint32(b[p+8:]))),
				body:   int64(binary.LittleEndian.Uint64(b[p+16:])),
			})
		}
	}
	if f.err != nil {
		return ft, f.err
	}
	if !ft.schema.ok {
		return ft, errors.New("footer without a schema")
	}
	var err error
	ft.fields, ft.md, err = readSchema(f, ft.schema, ft.version)
	return ft, err
}

// footer reads the rest of a file, of which begun is already read, and checks that it is
// the footer for what was read: io.EOF if so.
func (r *Reader) footer(begun []byte) error {
	rest := bytes.NewBuffer(append([]byte(nil), begun...))
	n, err := io.Copy(rest, io.LimitReader(r.in.r, maxMetadata+64))
	r.in.off += n
	if err != nil {
		return err
	}
	b := rest.Bytes()
	whole := len(b) >= 10 && string(b[len(b)-6:]) == magic
	if !whole {
		if begun == nil && len(b) <= maxMetadata {
			return errCut // in the footer
		}
		return corrupt("no message begins here")
	}
	size := int64(binary.LittleEndian.Uint32(b[len(b)-10:]))
	if size != int64(len(b)-10) {
		return corrupt("footer of %d bytes where %d are left", size, len(b)-10)
	}
	ft, err := parseFooter(b[:size])
	if err != nil {
		return corrupt("%v", err)
	}
	for kind, what := range []string{"dictionaries", "batches"} {
		if !sameBlocks(ft.blocks[kind], r.blocks[kind]) {
			return corrupt("footer does not list the %s that the file has", what)
		}
	}
	if !sameFields(ft.fields, r.fields) {
		return corrupt("footer has another schema than the file")
	}
	if ft.md != nil {
		r.md = ft.md
	}
	return io.EOF
}

func sameBlocks(a, b []block) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func sameFields(a, b []arrowField) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := &a[i], &b[i]
		if x.name != y.name || x.typ != y.typ || x.width != y.width || x.signed != y.signed || (x.dict == nil) != (y.dict == nil) || !sameFields(x.kids, y.kids) {
			return false
		}
	}
	return true
}

// footerBytes are the bytes of the Footer table of an input that can be read out of order,
// nil if there is none.
func (in *input) footerBytes() []byte {
	if in.at == nil || in.size < 18 {
		return nil
	}
	tail, err := in.readAt(nil, in.size-10, 10)
	if err != nil || string(tail[4:10]) != magic {
		return nil
	}
	size := int64(binary.LittleEndian.Uint32(tail))
	if size > maxMetadata || size > in.size-18 {
		return nil
	}
	b, err := in.readAt(nil, in.size-10-size, size)
	if err != nil {
		return nil
	}
	return b
}

// peekFooter takes the metadata from the footer, if there is one. Whether the footer is
// right is found out at the end of the file.
func (r *Reader) peekFooter() {
	if b := r.in.footerBytes(); b != nil {
		if ft, err := parseFooter(b); err == nil && ft.md != nil {
			r.md = ft.md
		}
	}
}

// plan is the order in which the messages of a file are read if they do not follow its
// schema one by one: some writers leave the schema to the footer.
type plan struct {
	blocks []block
	next   int
}

// planByFooter reads the schema and the places of all messages from the footer.
func (r *Reader) planByFooter() error {
	b := r.in.footerBytes()
	if b == nil {
		if r.in.at == nil {
			return withHint(fmt.Errorf("%w: the schema of the file is only at its end", ErrNotTrace),
				"read the file by its name, not from a pipe, or write it as a stream")
		}
		return withHint(corrupt("the file has neither a schema at its start nor a footer"), "nothing can be salvaged")
	}
	ft, err := parseFooter(b)
	if err != nil {
		return corrupt("%v", err)
	}
	limit := r.in.size - 10 - int64(len(b))
	r.plan = &plan{blocks: append(slices.Clone(ft.blocks[0]), ft.blocks[1]...)}
	ordered := slices.SortedFunc(slices.Values(r.plan.blocks), func(x, y block) int { return cmp.Compare(x.offset, y.offset) })
	end := int64(8)
	for _, k := range ordered {
		if k.offset < end || k.meta < 8 || k.meta > maxMetadata || k.body < 0 || k.offset > limit || k.body > limit-k.offset-k.meta {
			return corrupt("footer lists a message at %d with %d + %d bytes", k.offset, k.meta, k.body)
		}
		end = k.offset + k.meta + k.body // none within another, so that work is bounded by the size
	}
	m := message{version: ft.version, kind: messageSchema, header: ft.schema}
	r.meta = wrapMessage(b, m, nil)
	if m, err = parseMessage(r.meta); err != nil {
		return corrupt("%v", err)
	}
	return r.readSchema(m)
}

// planned reads the next message of the plan: io.EOF after the last.
func (r *Reader) planned() (m message, body []byte, err error) {
	if r.plan.next == len(r.plan.blocks) {
		return m, nil, io.EOF
	}
	k := r.plan.blocks[r.plan.next]
	r.plan.next++
	r.in.off = k.offset
	if r.meta, err = r.in.readAt(r.meta, k.offset, k.meta); err != nil {
		return m, nil, err
	}
	prefix := 4 // writers before Arrow 0.15
	if binary.LittleEndian.Uint32(r.meta) == continuation {
		prefix = 8
	}
	if m, err = parseMessage(r.meta[prefix:]); err != nil {
		return m, nil, corrupt("%v", err)
	}
	switch {
	case m.bodyLength > k.body:
		return m, nil, corrupt("message has a body of %d bytes, the footer says %d", m.bodyLength, k.body)
	case m.bodyLength > r.max:
		return m, nil, fmt.Errorf("%w: it has %d bytes", ErrTooLarge, m.bodyLength)
	case m.kind == messageDictionary:
		body, err = r.in.readAt(nil, k.offset+k.meta, m.bodyLength)
	default:
		r.body, err = r.in.readAt(r.body, k.offset+k.meta, m.bodyLength)
		body = r.body
	}
	return m, body, err
}
