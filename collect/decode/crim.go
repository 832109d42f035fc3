package decode

import (
	"bytes"
	"debug/pe"
	"encoding/binary"
	"io"
	"strings"

	"github.com/aftrace/aftrace/collect/etl"
)

// AddImage adds the events of the WEVT_TEMPLATE resource of a PE binary, such as ndis.sys.
// It returns how many it describes.
func (l *Library) AddImage(name string, r io.ReaderAt) (int, error) {
	resource, err := wevtTemplate(name, r)
	if err != nil {
		return 0, err
	}
	return l.AddResource(name, resource)
}

// AddResource adds the events of a WEVT_TEMPLATE resource by itself.
func (l *Library) AddResource(name string, b []byte) (int, error) {
	c := crim{name: name, b: b, t: &l.events}
	before := l.events.n
	n, err := c.read()
	l.Duplicates += n - (l.events.n - before)
	if err == nil && n == 0 {
		err = wrong(name, "a WEVT_TEMPLATE resource without events")
	}
	return n, err
}

// wevtTemplate finds the resource in an image.
func wevtTemplate(name string, r io.ReaderAt) ([]byte, error) {
	f, err := pe.NewFile(r)
	if err != nil {
		return nil, wrong(name, "expected a PE binary (.dll, .exe or .sys): %v", err)
	}
	var dirs []pe.DataDirectory
	switch h := f.OptionalHeader.(type) {
	case *pe.OptionalHeader32:
		dirs = h.DataDirectory[:min(h.NumberOfRvaAndSizes, 16)]
	case *pe.OptionalHeader64:
		dirs = h.DataDirectory[:min(h.NumberOfRvaAndSizes, 16)]
	}
	none := func() ([]byte, error) {
		return nil, wrong(name, "no WEVT_TEMPLATE resource: the manifest of its events is in another binary (wevtutil gp PROVIDER names it as resourceFileName)")
	}
	if len(dirs) <= pe.IMAGE_DIRECTORY_ENTRY_RESOURCE || dirs[pe.IMAGE_DIRECTORY_ENTRY_RESOURCE].Size == 0 {
		return none()
	}
	at := dirs[pe.IMAGE_DIRECTORY_ENTRY_RESOURCE].VirtualAddress
	read := func(rva, size uint32) []byte {
		for _, s := range f.Sections {
			if rva < s.VirtualAddress || rva-s.VirtualAddress >= s.Size {
				continue
			}
			off := rva - s.VirtualAddress
			if size > s.Size-off || size > MaxDescription {
				return nil
			}
			b := make([]byte, 0, min(size, 1<<20))
			buf := make([]byte, 1<<16)
			for pos := off; size > 0; {
				n, err := s.ReadAt(buf[:min(size, 1<<16)], int64(pos))
				b = append(b, buf[:n]...)
				pos += uint32(n)
				size -= uint32(n)
				if n == 0 || err != nil && size > 0 {
					return nil
				}
			}
			return b
		}
		return nil
	}
	le := binary.LittleEndian
	// entry finds an entry of a resource folder: one of a name, or else the first one.
	entry := func(folder uint32, want string) (uint32, bool) {
		head := read(at+folder, 16)
		if head == nil {
			return 0, false
		}
		named, ids := int(le.Uint16(head[12:])), int(le.Uint16(head[14:]))
		for i := range named + ids {
			e := read(at+folder+16+8*uint32(i), 8)
			if e == nil {
				return 0, false
			}
			if want == "" {
				return le.Uint32(e[4:]), true
			}
			id := le.Uint32(e)
			if id&0x80000000 == 0 {
				continue
			}
			length := read(at+id&^0x80000000, 2)
			if length == nil || int(le.Uint16(length)) != len(want) {
				continue
			}
			if text := read(at+id&^0x80000000+2, uint32(2*len(want))); text != nil {
				if s, _ := utf16Text(text); s == want {
					return le.Uint32(e[4:]), true
				}
			}
		}
		return 0, false
	}
	next, ok := entry(0, "WEVT_TEMPLATE")
	if !ok {
		return none()
	}
	for range 2 { // by name, then by language
		if next&0x80000000 == 0 {
			break
		}
		if next, ok = entry(next&^0x80000000, ""); !ok {
			break
		}
	}
	if ok && next&0x80000000 == 0 {
		if e := read(at+next, 16); e != nil {
			if b := read(le.Uint32(e), le.Uint32(e[4:])); b != nil {
				return b, nil
			}
		}
	}
	return nil, wrong(name, "its WEVT_TEMPLATE resource is damaged, or larger than %d bytes", MaxDescription)
}

// crim reads a WEVT_TEMPLATE resource. All offsets are from its start.
type crim struct {
	name string
	b    []byte
	t    *eventTable
	work int // elements, events and fields read
}

// spend limits what a resource whose offsets point at the same things again and again takes.
func (c *crim) spend(off uint32, n int) error {
	if c.work += n; c.work > 1<<22 {
		return wrongAt(c.name, int(off), "WEVT_TEMPLATE: more than %d elements: the resource is damaged", 1<<22)
	}
	return nil
}

// at returns n bytes at an offset, nil if they are not there.
func (c *crim) at(off uint32, n int) []byte {
	if n < 0 || uint64(off)+uint64(n) > uint64(len(c.b)) {
		return nil
	}
	return c.b[off : int(off)+n]
}

// text is the string at an offset: u32 size with itself, UTF-16 with NUL.
func (c *crim) text(off uint32) string {
	head := c.at(off, 4)
	if off == 0 || head == nil {
		return ""
	}
	size := binary.LittleEndian.Uint32(head)
	if size < 4 || size > 1<<16 {
		return ""
	}
	b := c.at(off+4, int(size)-4)
	if n := nul16(b); n >= 0 {
		b = b[:n]
	}
	s, _ := utf16Text(b)
	return s
}

func (c *crim) wrong(off uint32, what string) error {
	return wrongAt(c.name, int(off), "WEVT_TEMPLATE: expected %s", what)
}

func (c *crim) read() (n int, err error) {
	le := binary.LittleEndian
	head := c.at(0, 16)
	if head == nil || !bytes.HasPrefix(head, []byte("CRIM")) {
		return 0, c.wrong(0, `a resource that begins with "CRIM"`)
	}
	if major := le.Uint16(head[8:]); major != 3 && major != 5 {
		return 0, wrongAt(c.name, 8, "WEVT_TEMPLATE: version %d.%d: known are 3 and 5", major, le.Uint16(head[10:]))
	}
	providers := le.Uint32(head[12:])
	for i := uint32(0); i < providers; i++ {
		e := c.at(16+20*i, 20)
		if e == nil {
			return n, c.wrong(16+20*i, "a provider")
		}
		if c.t.providers[etl.GUID(e[:16])] == nil && len(c.t.providers) >= MaxProviders {
			return n, c.wrong(16+20*i, "fewer providers")
		}
		k, err := c.provider(etl.GUID(e[:16]), le.Uint32(e[16:]))
		n += k
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (c *crim) provider(g etl.GUID, off uint32) (n int, err error) {
	le := binary.LittleEndian
	head := c.at(off, 20)
	if head == nil || !bytes.HasPrefix(head, []byte("WEVT")) {
		return 0, c.wrong(off, `"WEVT"`)
	}
	elements := le.Uint32(head[12:])
	for i := uint32(0); i < elements; i++ {
		e := c.at(off+20+8*i, 8)
		if e == nil {
			return n, c.wrong(off+20+8*i, "an element of a provider")
		}
		at := le.Uint32(e)
		if err := c.spend(at, 1); err != nil {
			return n, err
		}
		kind := c.at(at, 16)
		if kind == nil {
			return n, c.wrong(at, "an element of a provider")
		}
		if bytes.HasPrefix(kind, []byte("EVNT")) {
			if n, err = c.events(g, at); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func (c *crim) events(g etl.GUID, off uint32) (int, error) {
	le := binary.LittleEndian
	count := le.Uint32(c.at(off, 16)[8:])
	templates := map[uint32]*template{}
	for i := uint32(0); i < count; i++ {
		at := off + 16 + 48*i
		e := c.at(at, 48)
		if e == nil {
			return int(i), c.wrong(at, "an event")
		}
		if err := c.spend(at, 1); err != nil {
			return int(i), err
		}
		task, opcode := "", ""
		if x := le.Uint32(e[32:]); x != 0 { // TASK entry: id, message, guid, name
			if t := c.at(x, 28); t != nil {
				task = c.text(le.Uint32(t[24:]))
			}
		}
		if x := le.Uint32(e[24:]); x != 0 { // OPCO entry: id, message, name
			if o := c.at(x, 12); o != nil {
				opcode = c.text(le.Uint32(o[8:]))
			}
		}
		x := &template{}
		if t := le.Uint32(e[20:]); t != 0 {
			known := templates[t]
			if known == nil {
				known = &template{}
				if err := c.template(t, known); err != nil {
					return int(i), err
				}
				templates[t] = known
			}
			*x = *known
		}
		if len(opcode) > 4 && opcode[:4] == "win:" {
			opcode = opcode[4:]
		}
		x.name = eventName("", task, opcode)
		if !c.t.add(g, eventKey(le.Uint16(e), e[2]), x) && c.t.n >= maxTemplates {
			return int(i), wrongAt(c.name, int(at), "more than %d events", maxTemplates)
		}
	}
	return int(count), nil
}

// Bits of the flags of a field in a template.
const (
	crimStruct   = 0x01
	crimLengthOf = 0x04 // the length is the index of the field that holds it
	crimFixed    = 0x08 // an array of a number of elements
	crimCountOf  = 0x10 // the count is the index of the field that holds it
)

// template reads "TEMP", size, top fields, all fields, offset of the fields, type, GUID,
// binary XML. The members of structs are after the top fields; a struct has the index of
// the first and their number in the place of its types.
func (c *crim) template(off uint32, x *template) error {
	le := binary.LittleEndian
	head := c.at(off, 40)
	if head == nil || !bytes.HasPrefix(head, []byte("TEMP")) {
		return c.wrong(off, `"TEMP"`)
	}
	top, n, items := le.Uint32(head[8:]), le.Uint32(head[12:]), le.Uint32(head[16:])
	if n > maxProperties || top > n {
		return wrongAt(c.name, int(off), "WEVT_TEMPLATE: a template of %d fields: at most %d are read", max(n, top), maxProperties)
	}
	if err := c.spend(off, int(n)); err != nil {
		return err
	}
	for i := range n {
		at := items + 20*i
		e := c.at(at, 20)
		if e == nil {
			return c.wrong(at, "a field of a template")
		}
		flags := le.Uint32(e)
		p := property{field: Field{Name: strings.TrimRight(c.text(le.Uint32(e[16:])), " ")}, count: le.Uint16(e[12:]), length: le.Uint16(e[14:])}
		p.lengthRef, p.countRef = flags&crimLengthOf != 0, flags&crimCountOf != 0
		p.array = p.countRef || flags&crimFixed != 0
		if flags&crimStruct != 0 {
			p.structure, p.start, p.members = true, int(le.Uint16(e[4:])), int(le.Uint16(e[6:]))
		} else if !p.setType(uint16(e[4]), uint16(e[5])) {
			x.broken = ReasonTemplate
		}
		x.props = append(x.props, p)
	}
	x.top = int(top)
	x.finish()
	return nil
}
