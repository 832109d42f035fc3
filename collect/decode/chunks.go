package decode

import (
	"encoding/binary"

	"github.com/aftrace/aftrace/collect/etl"
)

// An EventSource writes its own manifest into the stream, in events of this id.
const (
	chunkEvent    = 0xFFFE
	chunkHeader   = 8
	chunkMagic    = 0x5B
	maxChunks     = 1 << 10
	maxAssemblies = 256      // manifests in progress
	maxChunkBytes = 32 << 20 // of all of them
)

// isChunk says whether an event carries a piece of its provider's manifest: u8 format, u8
// major, u8 minor, u8 magic, u16 chunks in all, u16 number of this one, XML.
func isChunk(r *etl.Record) bool {
	return r.ID == chunkEvent && len(r.Data) >= chunkHeader && r.Data[3] == chunkMagic && r.Data[0] == 1
}

type assemblyKey struct {
	provider etl.GUID
	pid      uint32
}

// assembly is a manifest of which some chunks have come.
type assembly struct {
	chunks [][]byte
	left   int // that have not come
	bytes  int
}

// learned is what the records of a session say of its events.
type learned struct {
	merged  eventTable           // of records EventMetadata
	written eventTable           // of manifests in the stream
	known   map[etl.GUID]Failure // of manifests that are complete, whether they could be read
	open    map[assemblyKey]*assembly
	bytes   int // of open
	version int // counts changes
}

// Learn reads what a record says of other events: what a merge kept of the recording host,
// and manifests that providers write themselves. Decode does so too, but cannot go back: a
// reader of files gives Learn all records before it gives them to Decode.
func (d *Decoder) Learn(r *etl.Record) {
	switch {
	case isClassic(r) && r.HasGUID && r.Provider == eventMetadata:
		d.learnMetadata(r)
	case isEvent(r) && isChunk(r):
		d.learnChunk(r)
	}
}

func isClassic(r *etl.Record) bool {
	switch r.Kind {
	case etl.KindFull32, etl.KindFull64, etl.KindInstance32, etl.KindInstance64:
		return true
	}
	return isEvent(r) && r.Flags&etl.FlagClassicHeader != 0
}

// classType is the type of a classic record: of its class, what kind of event it is.
func classType(r *etl.Record) uint16 {
	if isEvent(r) {
		return uint16(r.Opcode)
	}
	return r.ID
}

func (d *Decoder) learnMetadata(r *etl.Record) Failure {
	n, entries := d.learned.merged.n, d.learned.merged.entries
	f := d.learned.merged.learnMetadata(classType(r), r.Data)
	if d.learned.merged.n != n || d.learned.merged.entries != entries {
		d.learned.version++
	}
	return f
}

// checkChunk says what is wrong with a piece of a manifest by itself.
func checkChunk(r *etl.Record) (total, number int, f Failure) {
	total, number = int(binary.LittleEndian.Uint16(r.Data[4:])), int(binary.LittleEndian.Uint16(r.Data[6:]))
	if total == 0 || total > maxChunks || number >= total {
		f = Failure{Reason: ReasonMetadata, Offset: 4}
	}
	return total, number, f
}

func (d *Decoder) learnChunk(r *etl.Record) Failure {
	l := &d.learned
	total, number, f := checkChunk(r)
	if f.Reason != ReasonNone {
		return f
	}
	if f, ok := l.known[r.Provider]; ok {
		return f
	}
	k := assemblyKey{r.Provider, r.PID}
	a := l.open[k]
	if a == nil || len(a.chunks) != total {
		if a != nil {
			l.bytes -= a.bytes
		}
		if len(l.open) >= maxAssemblies {
			clear(l.open)
			l.bytes = 0
		}
		if l.open == nil {
			l.open = map[assemblyKey]*assembly{}
		}
		a = &assembly{chunks: make([][]byte, total), left: total}
		l.open[k] = a
	}
	text := r.Data[chunkHeader:]
	if a.chunks[number] != nil || l.bytes+len(text) > maxChunkBytes {
		return Failure{}
	}
	a.chunks[number] = append([]byte{}, text...)
	a.left--
	a.bytes += len(text)
	l.bytes += len(text)
	if a.left > 0 {
		return Failure{}
	}
	var xml []byte
	for _, c := range a.chunks {
		xml = append(xml, c...)
	}
	delete(l.open, k)
	l.bytes -= a.bytes
	if _, err := l.written.addXML("manifest", xml); err != nil {
		f = Failure{Reason: ReasonMetadata, Offset: chunkHeader}
	}
	if l.known == nil {
		l.known = map[etl.GUID]Failure{}
	}
	if len(l.known) < MaxProviders {
		l.known[r.Provider] = f // one that cannot be read is not tried again
	}
	l.version++
	return f
}
