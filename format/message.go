package format

import "fmt"

// Values of the Arrow IPC format (format/Message.fbs and format/Schema.fbs of Apache Arrow).
const (
	metadataV4 = 3
	metadataV5 = 4

	messageSchema     = 1
	messageDictionary = 2
	messageRecords    = 3
)

// Limits of what the Reader looks at, all far above what a trace needs.
const (
	maxMetadata   = 16 << 20 // bytes of metadata of one message, and of a footer
	maxFields     = 4096     // columns, nested ones included
	maxDepth      = 32       // of nested types
	maxPairs      = 1 << 16  // keys of custom metadata
	maxDictionary = 4096     // dictionaries
)

// message is what the metadata of a message says, as far as it is common to all kinds.
type message struct {
	fb         *flatbuffer
	version    int16
	kind       int8
	header     table
	bodyLength int64
	custom     Metadata
}

// parseMessage checks the Message table in meta. It does not look into the header.
func parseMessage(meta []byte) (message, error) {
	f := &flatbuffer{b: meta}
	t := f.root()
	m := message{
		fb: f, version: f.int16(t, 0), kind: f.int8(t, 1), header: f.sub(t, 2), bodyLength: f.int64(t, 3),
		custom: pairs(f, t, 4),
	}
	switch {
	case f.err != nil:
		return m, f.err
	case m.version != metadataV4 && m.version != metadataV5:
		return m, fmt.Errorf("metadata version %d, want V4 or V5", m.version+1)
	case m.kind != messageSchema && m.kind != messageDictionary && m.kind != messageRecords:
		return m, fmt.Errorf("unknown kind of message %d", m.kind)
	case !m.header.ok:
		return m, fmt.Errorf("message without a header")
	case m.bodyLength < 0:
		return m, fmt.Errorf("body length %d", m.bodyLength)
	case m.kind == messageSchema && m.bodyLength != 0:
		return m, fmt.Errorf("schema with a body of %d bytes", m.bodyLength)
	}
	return m, nil
}

// pairs reads a vector of KeyValue tables, nil if there is none. The same bytes may be
// referred to many times, so what is read is bounded as a whole.
func pairs(f *flatbuffer, t table, slot int) Metadata {
	v, n := f.vector(t, slot, 4)
	if n == 0 {
		return nil
	}
	if n > maxPairs {
		f.fail("%d keys of custom metadata", n)
		return nil
	}
	md, size := make(Metadata, n), 0
	for i := range n {
		kv := f.element(v, i)
		key, value := f.bytes(kv, 0), f.bytes(kv, 1)
		if size += len(key) + len(value); size > maxMetadata {
			f.fail("custom metadata of more than %d bytes", maxMetadata)
		}
		if f.err != nil {
			return nil
		}
		md[string(key)] = string(value)
	}
	return md
}
