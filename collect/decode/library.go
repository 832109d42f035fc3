package decode

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"github.com/aftrace/aftrace/collect/etl"
)

// Limits of what is read to describe events. What is past them is refused with an error.
const (
	MaxDescription = 64 << 20 // bytes of a TMF text, a manifest or a mapping file
	MaxPDB         = 2 << 30  // bytes of a PDB; its streams are read one by one
	maxTemplates   = 1 << 17  // events described, of all providers
	maxMessages    = 1 << 20  // WPP messages
	maxMaps        = 1 << 14
	maxMapEntries  = 1 << 20 // of all maps
	maxFields      = 1 << 19 // of all templates
	maxProperties  = 1 << 10 // of an event, members of structs included
	maxParameters  = 256     // of a WPP message
)

// Library is what a user knows about events: manifests, TMF data, and how WPP messages
// become rows. Fill it first, then give it to any number of Decoders; they only read it.
// The zero value is empty and ready to use.
type Library struct {
	events   eventTable
	messages map[etl.GUID]map[uint16]*Message
	controls []Control
	rules    wppRules
	nMessage int

	// Duplicates counts WPP messages and events that were described before: the first
	// description is kept.
	Duplicates int
	// UnknownItems counts the WPP messages that name an item type outside defaultwpp.ini,
	// by that type. Their records are not decoded.
	UnknownItems map[string]int
}

// Control is a WPP control GUID, under which a session enables a driver's messages.
type Control struct {
	GUID  etl.GUID
	Name  string
	Flags []string // names of the flag bits, bit 0 first
}

// Controls are the control GUIDs that PDBs named.
func (l *Library) Controls() []Control { return slices.Clone(l.controls) }

// All yields the WPP messages described, in no order.
func (l *Library) All() iter.Seq[*Message] {
	return func(yield func(*Message) bool) {
		for _, byNumber := range l.messages {
			for _, m := range byNumber {
				if !yield(m) {
					return
				}
			}
		}
	}
}

// Messages is the number of WPP messages described.
func (l *Library) Messages() int { return l.nMessage }

// Events is the number of manifest events described.
func (l *Library) Events() int { return l.events.n }

// An InputError says what is wrong with a description that a user gave.
type InputError struct {
	Name   string // of the file
	Offset int64  // bytes; -1 if Line says it, or if no place is to blame
	Line   int    // 0 if Offset says it
	Text   string // what was expected, and what to do
}

func (e *InputError) Error() string {
	switch {
	case e.Line > 0:
		return fmt.Sprintf("%s:%d: %s", e.Name, e.Line, e.Text)
	case e.Offset >= 0:
		return fmt.Sprintf("%s: byte %d: %s", e.Name, e.Offset, e.Text)
	}
	return e.Name + ": " + e.Text
}

func wrong(name string, format string, args ...any) error {
	return &InputError{Name: name, Offset: -1, Text: fmt.Sprintf(format, args...)}
}

func wrongAt(name string, offset int, format string, args ...any) error {
	return &InputError{Name: name, Offset: int64(offset), Text: fmt.Sprintf(format, args...)}
}

func wrongLine(name string, line int, format string, args ...any) error {
	return &InputError{Name: name, Offset: -1, Line: line, Text: fmt.Sprintf(format, args...)}
}

// eventTable is descriptions of events by provider, id and version.
type eventTable struct {
	providers map[etl.GUID]*eventProvider
	n         int // templates
	props     int // of them
	nMaps     int
	entries   int // of maps
}

type eventProvider struct {
	name   string
	events map[uint32]*template // by eventKey
	maps   map[string]*Map
}

// eventKey is the id and version of a manifest event, or the type and version of a
// classic one.
func eventKey(id uint16, version uint8) uint32 { return uint32(id)<<8 | uint32(version) }

func (t *eventTable) provider(g etl.GUID) *eventProvider {
	p := t.providers[g]
	if p == nil {
		if t.providers == nil {
			t.providers = map[etl.GUID]*eventProvider{}
		}
		p = &eventProvider{events: map[uint32]*template{}, maps: map[string]*Map{}}
		t.providers[g] = p
	}
	return p
}

// add keeps a template unless there is one already, or too many. added says which.
func (t *eventTable) add(g etl.GUID, key uint32, x *template) (added bool) {
	if t.n >= maxTemplates || t.props+len(x.props) > maxFields || len(t.providers) >= MaxProviders && t.providers[g] == nil {
		return false
	}
	p := t.provider(g)
	if p.events[key] != nil {
		return false
	}
	p.events[key] = x
	t.n++
	t.props += len(x.props)
	return true
}

// mapOf returns the map of a name, empty until somebody describes it, nil if there are too
// many.
func (t *eventTable) mapOf(g etl.GUID, name string) *Map {
	p := t.provider(g)
	m := p.maps[name]
	if m == nil {
		if t.nMaps >= maxMaps {
			return nil
		}
		m = &Map{Name: name}
		p.maps[name] = m
		t.nMaps++
	}
	return m
}

// define fills a map, once.
func (t *eventTable) define(m *Map, bits bool, entries []MapEntry) {
	if m == nil || m.Entries != nil || t.entries+len(entries) > maxMapEntries {
		return
	}
	m.Bits, m.Entries = bits, entries
	t.entries += len(entries)
	slices.SortStableFunc(m.Entries, func(a, b MapEntry) int { return cmp.Compare(a.Value, b.Value) })
}

// find is the template of an event, nil if there is none.
func (t *eventTable) find(g *etl.GUID, key uint32) *template {
	if p := t.providers[*g]; p != nil {
		return p.events[key]
	}
	return nil
}

// Map gives names to the values, or to the bits, of a field.
type Map struct {
	Name    string
	Bits    bool
	Entries []MapEntry // by value
}

// MapEntry is a value or a mask and its name.
type MapEntry struct {
	Value uint32
	Name  string
}

// appendName appends the name of a value, or the names of its bits; ok is false if there
// is none.
func (m *Map) appendName(b []byte, v uint64) (_ []byte, ok bool) {
	if !m.Bits {
		i, found := slices.BinarySearchFunc(m.Entries, v, func(e MapEntry, v uint64) int { return cmp.Compare(uint64(e.Value), v) })
		if !found {
			return b, false
		}
		return append(b, m.Entries[i].Name...), true
	}
	rest := v
	for _, e := range m.Entries {
		if mask := uint64(e.Value); mask != 0 && v&mask == mask {
			if ok {
				b = append(b, '|')
			}
			b, ok = append(b, e.Name...), true
			rest &^= mask
		}
	}
	if ok && rest != 0 {
		b = fmt.Appendf(b, "|0x%x", rest)
	}
	return b, ok
}
