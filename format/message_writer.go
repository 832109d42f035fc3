package format

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/ipc"
)

const (
	magic         = "ARROW1"
	continuation  = 0xFFFFFFFF
	bodyAlignment = 64 // what Arrow recommends for mapped files
)

// block is where a message lies in a file, as the footer lists it.
type block struct {
	offset, meta, body int64
}

// messageWriter frames the messages that the Arrow library encodes. It exists beside the
// writers of the library because a trace learns some of its metadata only at its end.
type messageWriter struct {
	w           *bufio.Writer
	file        bool
	off         int64
	begun       bool
	late        Metadata // goes into the next batch
	dicts, recs []block
}

func (m *messageWriter) Start() error { return nil }
func (m *messageWriter) Close() error { return nil }

func (m *messageWriter) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.off += int64(n)
	return n, err
}

// begin writes what precedes the first dictionary.
func (m *messageWriter) begin(schema *arrow.Schema) error {
	if m.file {
		if _, err := m.Write([]byte(magic + "\x00\x00")); err != nil {
			return err
		}
	}
	meta, err := schemaMessage(schema)
	if err != nil {
		return err
	}
	m.begun = true
	_, err = m.writeMeta(meta)
	return err
}

// WritePayload writes one message.
func (m *messageWriter) WritePayload(p ipc.Payload) error {
	buf := p.Meta()
	defer buf.Release()
	meta := buf.Bytes()
	h, err := parseMessage(meta)
	if err != nil {
		return err
	}
	if h.kind == messageSchema {
		return nil // begin wrote it
	}
	if m.late != nil && h.kind == messageRecords {
		meta = wrapMessage(meta, h, m.late)
		m.late = nil
	}
	blk := block{offset: m.off, body: h.bodyLength}
	if blk.meta, err = m.writeMeta(meta); err != nil {
		return err
	}
	body := m.off
	if err := p.SerializeBody(m); err != nil {
		return err
	}
	if m.off-body != blk.body {
		return fmt.Errorf("message body of %d bytes, announced were %d", m.off-body, blk.body)
	}
	if h.kind == messageDictionary {
		m.dicts = append(m.dicts, blk)
	} else {
		m.recs = append(m.recs, blk)
	}
	return nil
}

// writeMeta writes the metadata of a message, padded so that its body is aligned, and
// returns the bytes that took.
func (m *messageWriter) writeMeta(meta []byte) (int64, error) {
	start := m.off
	size := (m.off+8+int64(len(meta))+bodyAlignment-1)/bodyAlignment*bodyAlignment - m.off - 8
	head := binary.LittleEndian.AppendUint32(nil, continuation)
	head = binary.LittleEndian.AppendUint32(head, uint32(size))
	if _, err := m.Write(head); err != nil {
		return 0, err
	}
	if _, err := m.Write(meta); err != nil {
		return 0, err
	}
	_, err := m.Write(make([]byte, size-int64(len(meta))))
	return m.off - start, err
}

func (m *messageWriter) endOfStream() error {
	_, err := m.Write([]byte{0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0})
	return err
}

// footer ends a file. Its schema may have other metadata than the one at the start.
func (m *messageWriter) footer(schema *arrow.Schema) error {
	if err := m.endOfStream(); err != nil {
		return err
	}
	meta, err := schemaMessage(schema)
	if err != nil {
		return err
	}
	h, err := parseMessage(meta)
	if err != nil {
		return err
	}
	b := buildFooter(meta, h, m.dicts, m.recs)
	if _, err := m.Write(b); err != nil {
		return err
	}
	_, err = m.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), magic...))
	return err
}

// schemaMessage encodes the message that announces a schema.
func schemaMessage(schema *arrow.Schema) ([]byte, error) {
	var c captureWriter
	if err := ipc.NewWriterWithPayloadWriter(&c, ipc.WithSchema(schema)).Close(); err != nil {
		return nil, err
	}
	return c.meta, nil
}

// captureWriter keeps the metadata of the last message.
type captureWriter struct{ meta []byte }

func (c *captureWriter) Start() error { return nil }
func (c *captureWriter) Close() error { return nil }
func (c *captureWriter) WritePayload(p ipc.Payload) error {
	buf := p.Meta()
	defer buf.Release()
	c.meta = slices.Clone(buf.Bytes())
	return nil
}

// A flatbuffer refers forward by relative offsets, so a finished one can be part of
// another: the two functions below put a new root before it and point into it.

// buildFooter makes the Footer table. meta is the message of its schema.
func buildFooter(meta []byte, h message, dicts, recs []block) []byte {
	le := binary.LittleEndian
	b := make([]byte, 32)
	le.PutUint32(b[0:], 16) // root
	le.PutUint16(b[4:], 12) // vtable: size, size of the table, four fields
	le.PutUint16(b[6:], 20)
	le.PutUint16(b[8:], 16)  // version
	le.PutUint16(b[10:], 4)  // schema
	le.PutUint16(b[12:], 8)  // dictionaries
	le.PutUint16(b[14:], 12) // record batches
	const root = 16
	le.PutUint32(b[root:], root-4)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	le.PutUint16(b[root+16:], metadataV5)
	for slot, blocks := range [][]block{dicts, recs} {
		b = append(b, 0, 0, 0, 0) // elements are aligned to 8, their number stands before
		field := root + 8 + 4*slot
		le.PutUint32(b[field:], uint32(len(b)-field))
		b = le.AppendUint32(b, uint32(len(blocks)))
		for _, k := range blocks {
			b = le.AppendUint64(b, uint64(k.offset))
			b = le.AppendUint64(b, uint64(k.meta))
			b = le.AppendUint64(b, uint64(k.body))
		}
	}
	le.PutUint32(b[root+4:], uint32(len(b)+h.header.pos-root-4))
	return append(b, meta...)
}

// wrapMessage makes a Message table with custom metadata around the header h.header, which
// lies in the flatbuffer b0.
func wrapMessage(b0 []byte, h message, md Metadata) []byte {
	le := binary.LittleEndian
	b := make([]byte, 48)
	le.PutUint32(b[0:], 24) // root
	le.PutUint16(b[4:], 14) // vtable: size, size of the table, five fields
	le.PutUint16(b[6:], 24)
	le.PutUint16(b[8:], 20)  // version
	le.PutUint16(b[10:], 22) // header type
	le.PutUint16(b[12:], 4)  // header
	le.PutUint16(b[14:], 8)  // body length
	le.PutUint16(b[16:], 16) // custom metadata
	const root = 24
	le.PutUint32(b[root:], root-4)
	le.PutUint64(b[root+8:], uint64(h.bodyLength))
	le.PutUint16(b[root+20:], metadataV5)
	b[root+22] = byte(h.kind)

	keys := slices.Sorted(maps.Keys(md))
	le.PutUint32(b[root+16:], uint32(len(b)-root-16))
	b = le.AppendUint32(b, uint32(len(keys)))
	vector := len(b)
	b = append(b, make([]byte, 4*len(keys))...)
	text := func(field int, s string) {
		le.PutUint32(b[field:], uint32(len(b)-field))
		b = le.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
		b = append(b, make([]byte, 4-len(b)%4)...) // ends with a zero, as strings must
	}
	for i, k := range keys {
		pair := len(b) + 8
		b = append(b, 8, 0, 12, 0, 4, 0, 8, 0) // vtable of a pair
		b = le.AppendUint32(b, 8)
		b = append(b, make([]byte, 8)...)
		le.PutUint32(b[vector+4*i:], uint32(pair-vector-4*i))
		text(pair+4, k)
		text(pair+8, md[k])
	}
	b = append(b, make([]byte, (8-len(b)%8)%8)...)
	le.PutUint32(b[root+4:], uint32(len(b)+h.header.pos-root-4))
	return append(b, b0...)
}
