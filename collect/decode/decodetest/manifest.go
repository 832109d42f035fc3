// Package decodetest writes what describes events — records of merged recordings,
// manifests in their binary form, images, PDBs — and the arguments of WPP messages, for
// tests. Writers know only the public layouts, not the decoders.
package decodetest

import (
	"encoding/binary"

	"github.com/aftrace/aftrace/collect/etl"
)

// Property is a field of a manifest event.
type Property struct {
	Name      string
	In, Out   uint16 // TDH types
	Map       string
	Length    uint16
	LengthOf  bool // Length is the index of a property
	Count     uint16
	CountOf   bool       // Count is the index of a property
	Fixed     bool       // Count is a number, of an array
	Members   []Property // of a struct
	Structure bool
}

// EventInfo describes an event.
type EventInfo struct {
	Provider, Event etl.GUID
	ID              uint16
	Version, Opcode uint8
	Source          uint32 // DecodingSource: 0 manifest, 1 MOF
	ProviderName    string
	Name, Task      string
	OpcodeName      string
	Message         string
	Properties      []Property
}

var le = binary.LittleEndian

// UTF16 is s in UTF-16 without NUL. Characters past the basic plane become pairs.
func UTF16(s string) []byte {
	var b []byte
	for _, c := range s {
		if c > 0xFFFF {
			c -= 0x10000
			b = le.AppendUint16(b, uint16(0xD800+c>>10))
			c = 0xDC00 + c&0x3FF
		}
		b = le.AppendUint16(b, uint16(c))
	}
	return b
}

// flat is the properties with their structs, top ones first; start is that of the members
// of each.
func flat(list []Property) (all []Property, start []int) {
	all = append(all, list...)
	start = make([]int, len(list))
	for i := 0; i < len(all); i++ {
		for len(start) < len(all) {
			start = append(start, 0)
		}
		if all[i].Structure {
			start[i] = len(all)
			all = append(all, all[i].Members...)
		}
	}
	for len(start) < len(all) {
		start = append(start, 0)
	}
	return all, start
}

// Record is the payload of a record EventInfo of the class EventMetadata.
func (e *EventInfo) Record() []byte {
	all, start := flat(e.Properties)
	b := make([]byte, 112+24*len(all))
	text := func(at int, s string) {
		if s == "" {
			return
		}
		le.PutUint32(b[at:], uint32(len(b)))
		b = append(append(b, UTF16(s+" ")...), 0, 0)
	}
	copy(b, e.Provider[:])
	copy(b[16:], e.Event[:])
	le.PutUint16(b[32:], e.ID)
	b[34], b[37] = e.Version, e.Opcode
	le.PutUint32(b[48:], e.Source)
	le.PutUint32(b[100:], uint32(len(all)))
	le.PutUint32(b[104:], uint32(len(e.Properties)))
	text(52, e.ProviderName)
	text(68, e.Task)
	text(72, e.OpcodeName)
	text(76, e.Message)
	text(92, e.Name)
	for i := range all {
		p, at := &all[i], 112+24*i
		text(at+4, p.Name)
		flags := uint32(0)
		if p.LengthOf {
			flags |= 2
		}
		if p.CountOf {
			flags |= 4
		}
		if p.Fixed {
			flags |= 0x20
		}
		count := p.Count
		if count == 0 && !p.CountOf && !p.Fixed {
			count = 1
		}
		le.PutUint16(b[at+16:], count)
		le.PutUint16(b[at+18:], p.Length)
		if p.Structure {
			flags |= 1
			le.PutUint16(b[at+8:], uint16(start[i]))
			le.PutUint16(b[at+10:], uint16(len(p.Members)))
		} else {
			le.PutUint16(b[at+8:], p.In)
			le.PutUint16(b[at+10:], p.Out)
			text(at+12, p.Map)
		}
		le.PutUint32(b[at:], flags)
	}
	return b
}

// MapInfo is the payload of a record EventMapInfo. names are by value.
func MapInfo(provider etl.GUID, name string, bits bool, values []uint32, names []string) []byte {
	info := make([]byte, 16+8*len(values))
	text := func(at int, s string) {
		le.PutUint32(info[at:], uint32(len(info)))
		info = append(append(info, UTF16(s)...), 0, 0)
	}
	text(0, name)
	flags := uint32(1)
	if bits {
		flags = 2
	}
	le.PutUint32(info[4:], flags)
	le.PutUint32(info[8:], uint32(len(values)))
	for i, v := range values {
		le.PutUint32(info[16+8*i+4:], v)
		text(16+8*i, names[i])
	}
	return append(provider[:], info...)
}

// Chunks splits a manifest into the payloads of events 0xFFFE.
func Chunks(xml string, size int) [][]byte {
	var list [][]byte
	total := (len(xml) + size - 1) / size
	for i := range total {
		part := xml[i*size : min((i+1)*size, len(xml))]
		b := []byte{1, 1, 0, 0x5B}
		b = le.AppendUint16(b, uint16(total))
		b = le.AppendUint16(b, uint16(i))
		list = append(list, append(b, part...))
	}
	return list
}

// Resource is a WEVT_TEMPLATE resource with one provider.
func Resource(provider etl.GUID, events []EventInfo) []byte {
	b := []byte("CRIM")
	b = append(b, make([]byte, 12+20)...)
	le.PutUint16(b[8:], 3)
	le.PutUint16(b[10:], 1)
	le.PutUint32(b[12:], 1)
	copy(b[16:], provider[:])
	here := func() uint32 { return uint32(len(b)) }
	text := func(s string) uint32 {
		at := here()
		b = le.AppendUint32(b, uint32(4+2*len(s)+2))
		b = append(append(b, UTF16(s)...), 0, 0)
		return at
	}
	le.PutUint32(b[32:], here())
	wevt := len(b)
	b = append(b, "WEVT"...)
	b = append(b, make([]byte, 16+8)...)
	le.PutUint32(b[wevt+8:], 0xFFFFFFFF)
	le.PutUint32(b[wevt+12:], 1)
	le.PutUint32(b[wevt+20:], here())
	evnt := len(b)
	b = append(b, "EVNT"...)
	b = append(b, make([]byte, 12+48*len(events))...)
	le.PutUint32(b[evnt+8:], uint32(len(events)))
	for i := range events {
		e, at := &events[i], evnt+16+48*i
		le.PutUint16(b[at:], e.ID)
		b[at+2] = e.Version
		if e.OpcodeName != "" {
			name := text(e.OpcodeName)
			le.PutUint32(b[at+24:], here())
			b = append(b, make([]byte, 12)...)
			le.PutUint32(b[len(b)-4:], name)
		}
		if e.Task != "" {
			name := text(e.Task)
			le.PutUint32(b[at+32:], here())
			b = append(b, make([]byte, 28)...)
			le.PutUint32(b[len(b)-4:], name)
		}
		if len(e.Properties) == 0 {
			continue
		}
		le.PutUint32(b[at+20:], here())
		temp := len(b)
		all, start := flat(e.Properties)
		n := len(all)
		b = append(b, "TEMP"...)
		b = append(b, make([]byte, 36)...)
		le.PutUint32(b[temp+8:], uint32(len(e.Properties)))
		le.PutUint32(b[temp+12:], uint32(n))
		le.PutUint32(b[temp+20:], 1)
		items := len(b)
		le.PutUint32(b[temp+16:], uint32(items))
		b = append(b, make([]byte, 20*n)...)
		for k := range all {
			p, at := &all[k], items+20*k
			flags := uint32(0)
			if p.LengthOf {
				flags |= 0x04
			}
			if p.Fixed {
				flags |= 0x08
			}
			if p.CountOf {
				flags |= 0x10
			}
			if p.Structure {
				flags |= 0x01
				le.PutUint16(b[at+4:], uint16(start[k]))
				le.PutUint16(b[at+6:], uint16(len(p.Members)))
			} else {
				b[at+4], b[at+5] = byte(p.In), byte(p.Out)
			}
			le.PutUint32(b[at:], flags)
			le.PutUint16(b[at+12:], p.Count)
			le.PutUint16(b[at+14:], p.Length)
			name := text(p.Name)
			le.PutUint32(b[at+16:], name)
		}
		le.PutUint32(b[temp+4:], here()-uint32(temp))
	}
	le.PutUint32(b[evnt+4:], here()-uint32(evnt))
	le.PutUint32(b[wevt+4:], here()-uint32(wevt))
	le.PutUint32(b[4:], here())
	return b
}

// Image is a PE binary with one resource. name is that of its type, as WEVT_TEMPLATE.
func Image(name string, resource []byte, is64 bool) []byte {
	const pe, rva, raw = 0x80, 0x1000, 0x400
	// The tree: type, then name 1, then language 1033, then the data.
	tree := make([]byte, 3*(16+8)+16)
	for i := range 3 {
		at := 24 * i
		if i == 0 {
			le.PutUint16(tree[at+12:], 1) // entries with a name
			le.PutUint32(tree[at+16:], uint32(len(tree))|0x80000000)
		} else {
			le.PutUint16(tree[at+14:], 1)
			le.PutUint32(tree[at+16:], []uint32{0, 1, 1033}[i])
		}
		next := uint32(24 * (i + 1))
		if i < 2 {
			next |= 0x80000000
		}
		le.PutUint32(tree[at+20:], next)
	}
	tree = le.AppendUint16(tree, uint16(len(name)))
	tree = append(tree, UTF16(name)...)
	for len(tree)%8 != 0 {
		tree = append(tree, 0)
	}
	le.PutUint32(tree[72:], uint32(rva+len(tree)))
	le.PutUint32(tree[76:], uint32(len(resource)))
	tree = append(tree, resource...)

	optional := 96 + 16*8
	magic, machine := uint16(0x10B), uint16(0x14C)
	if is64 {
		optional, magic, machine = 112+16*8, 0x20B, 0x8664
	}
	b := make([]byte, raw)
	copy(b, "MZ")
	le.PutUint32(b[0x3C:], pe)
	copy(b[pe:], "PE\x00\x00")
	le.PutUint16(b[pe+4:], machine)
	le.PutUint16(b[pe+6:], 1)
	le.PutUint16(b[pe+20:], uint16(optional))
	le.PutUint16(b[pe+22:], 0x2022)
	opt := pe + 24
	le.PutUint16(b[opt:], magic)
	dirs := opt + optional - 16*8
	le.PutUint32(b[dirs-4:], 16)
	le.PutUint32(b[dirs+2*8:], rva)
	le.PutUint32(b[dirs+2*8+4:], uint32(len(tree)))
	sec := opt + optional
	copy(b[sec:], ".rsrc")
	le.PutUint32(b[sec+8:], uint32(len(tree)))
	le.PutUint32(b[sec+12:], rva)
	le.PutUint32(b[sec+16:], uint32(len(tree)))
	le.PutUint32(b[sec+20:], raw)
	return append(b, tree...)
}
