package decode

import (
	"encoding/binary"
	"strings"

	"github.com/aftrace/aftrace/collect/etl"
)

// eventMetadata is the class of the records with which a merge keeps what the recording
// host knew of its events.
var eventMetadata = mustGUID("bbccf6c1-6cd1-48c4-80ff-839482e37671")

// Types of records of that class.
const (
	metadataEvent = 32 // TRACE_EVENT_INFO
	metadataMap   = 33 // EVENT_MAP_INFO
)

// Values of TRACE_EVENT_INFO.DecodingSource.
const (
	sourceManifest = 0
	sourceMOF      = 1
)

// Bits of EVENT_PROPERTY_INFO.Flags.
const (
	propStruct      = 0x1
	propParamLength = 0x2
	propParamCount  = 0x4
	propFixedCount  = 0x20
	propCustom      = 0x80
)

// learnMetadata reads a record of the class EventMetadata.
func (t *eventTable) learnMetadata(typ uint16, b []byte) Failure {
	switch typ {
	case metadataEvent:
		return t.learnEvent(b)
	case metadataMap:
		return t.learnMap(b)
	}
	return Failure{Reason: ReasonNoDecoder}
}

// textAt is a UTF-16 text at an offset of b, "" for offset 0. Names often end with a blank.
func textAt(b []byte, at uint32) (string, bool) {
	if at == 0 {
		return "", true
	}
	if uint64(at) > uint64(len(b)) {
		return "", false
	}
	n := nul16(b[at:])
	if n < 0 {
		return "", false
	}
	s, _ := utf16Text(b[at : int(at)+n])
	return strings.TrimRight(s, " "), true
}

func (t *eventTable) learnEvent(b []byte) Failure {
	const header, entry = 112, 24
	le := binary.LittleEndian
	cut := func(at int) Failure { return Failure{Reason: ReasonMetadata, Offset: at} }
	if len(b) < header {
		return cut(len(b))
	}
	n, top := int(le.Uint32(b[100:])), int(le.Uint32(b[104:]))
	if n < 0 || n > maxProperties || n*entry > len(b)-header || top < 0 || top > n {
		return cut(100)
	}
	provider, event := etl.GUID(b[0:16]), etl.GUID(b[16:32])
	id, version, opcode := le.Uint16(b[32:]), b[34], b[37]
	guid, key := provider, eventKey(id, version)
	switch le.Uint32(b[48:]) {
	case sourceManifest:
	case sourceMOF:
		guid, key = event, eventKey(uint16(opcode), version)
	default:
		return Failure{} // TraceLogging events carry theirs, WPP has TMF data
	}
	names := map[int]string{}
	for _, at := range []int{52, 68, 72, 76, 92} {
		s, ok := textAt(b, le.Uint32(b[at:]))
		if !ok {
			return cut(at)
		}
		names[at] = s
	}
	x := &template{top: top, text: names[76], props: make([]property, n)}
	x.name = eventName(names[92], names[68], names[72])
	for i := range x.props {
		at := header + i*entry
		q := b[at : at+entry]
		p := &x.props[i]
		flags := le.Uint32(q)
		name, ok := textAt(b, le.Uint32(q[4:]))
		if !ok {
			return cut(at + 4)
		}
		p.field.Name = name
		p.count, p.length = le.Uint16(q[16:]), le.Uint16(q[18:])
		p.countRef, p.lengthRef = flags&propParamCount != 0, flags&propParamLength != 0
		p.array = p.countRef || flags&propFixedCount != 0 || p.count > 1
		if flags&propStruct != 0 {
			p.structure = true
			p.start, p.members = int(le.Uint16(q[8:])), int(le.Uint16(q[10:]))
			continue
		}
		in := le.Uint16(q[8:])
		if !p.setType(in, le.Uint16(q[10:])) || flags&propCustom != 0 {
			x.broken = ReasonTemplate
		}
		if mapName, ok := textAt(b, le.Uint32(q[12:])); !ok {
			return cut(at + 12)
		} else if mapName != "" {
			p.field.Map = t.mapOf(provider, mapName)
		}
	}
	x.finish()
	t.add(guid, key, x)
	if p := t.providers[guid]; p != nil && p.name == "" {
		p.name = names[52]
	}
	return Failure{}
}

func (t *eventTable) learnMap(b []byte) Failure {
	const head = 16
	le := binary.LittleEndian
	cut := func(at int) Failure { return Failure{Reason: ReasonMetadata, Offset: at} }
	if len(b) < head+16 {
		return cut(len(b))
	}
	info := b[head:]
	name, ok := textAt(info, le.Uint32(info))
	if !ok {
		return cut(head)
	}
	flags, n := le.Uint32(info[4:]), int(le.Uint32(info[8:]))
	if n < 0 || n > (len(info)-16)/8 {
		return cut(head + 8)
	}
	entries := make([]MapEntry, 0, n)
	for i := range n {
		at := 16 + 8*i
		s, ok := textAt(info, le.Uint32(info[at:]))
		if !ok {
			return cut(head + at)
		}
		entries = append(entries, MapEntry{le.Uint32(info[at+4:]), s})
	}
	g := etl.GUID(b[:16])
	if t.providers[g] == nil && len(t.providers) >= MaxProviders {
		return Failure{}
	}
	t.define(t.mapOf(g, name), flags&0x2 != 0, entries) // EVENTMAP_INFO_FLAG_MANIFEST_BITMAP
	return Failure{}
}

// eventName is what to call an event that manifests only number.
func eventName(name, task, opcode string) string {
	switch {
	case name != "":
		return name
	case opcode == "" || opcode == "Info" || opcode == "win:Info":
		return task
	case task == "":
		return opcode
	}
	return task + "/" + opcode
}
