package etl

import "fmt"

// Stats says what a walk has met so far. It is complete once ReadInto has returned false.
type Stats struct {
	Complete  bool // the walk has reached the end of the file
	Truncated bool // the file ends inside a buffer, or holds fewer than its session wrote

	Records uint64           // records delivered
	Kinds   [NumKinds]uint64 // delivered records by kind; KindUnknown counts unknown ones, which are not delivered
	Unknown uint64           // markers, sizes or parts that are no record this package knows
	Defects uint64           // delivered records with Record.Defect set

	Providers        map[GUID]uint64 // records by Record.Provider, for those with HasGUID
	ProvidersOmitted uint64          // records of further providers, past Options.MaxProviders

	Buffers           uint64
	CompressedBuffers uint64
	BadBuffers        uint64 // buffers and regions given up as a whole

	EventsLost        uint32 // from the log file header
	BuffersLost       uint32 // from the log file header
	EventsLostBuffers uint64 // buffers with ETW_BUFFER_FLAG_EVENTS_LOST
	BufferLostBuffers uint64 // buffers with ETW_BUFFER_FLAG_BUFFER_LOST
	RTLost            uint64 // RT_LostEvent notifications: events, buffers or files lost

	Bytes   Bytes
	Decoded Decoded

	UnknownRecords []Range // the first Options.MaxRanges of Unknown
	Undecodable    []Range // the first Options.MaxRanges ranges of Bytes.Undecodable and Decoded.Undecodable
	Ranges         uint64  // how many Undecodable would hold without its limit
}

// Range is a stretch of bytes and what is wrong with it. In a compressed buffer Offset is
// that of the buffer plus the position in its decompressed form, as in Record.Offset.
type Range struct {
	Offset  int64
	Length  int64
	Decoded bool // the bytes are those of a decompressed buffer
	Reason  string
}

// Bytes accounts for every byte of the file.
type Bytes struct {
	File          int64 // size
	Headers       int64 // WMI_BUFFER_HEADERs
	Records       int64 // records, uncompressed buffers
	RecordPadding int64 // between records: they start at multiples of 8
	BufferSlack   int64 // unused ends of buffers
	Compressed    int64 // compressed data; what it holds is accounted in Decoded
	Undecodable   int64 // not understood, see Stats.Undecodable
	Zeroed        int64 // zeroes where buffers should be
	Trailing      int64 // incomplete data where the file was cut
}

// Sum is File if every byte is accounted for.
func (b *Bytes) Sum() int64 {
	return b.Headers + b.Records + b.RecordPadding + b.BufferSlack + b.Compressed + b.Undecodable +
		b.Zeroed + b.Trailing
}

// Decoded accounts for every byte that came out of compressed buffers.
type Decoded struct {
	Total         int64
	Records       int64
	RecordPadding int64
	BufferSlack   int64
	Undecodable   int64
	Trailing      int64
}

// Sum is Total if every byte is accounted for.
func (d *Decoded) Sum() int64 {
	return d.Records + d.RecordPadding + d.BufferSlack + d.Undecodable + d.Trailing
}

// Check returns an error if the walk is complete and the counts do not add up, which
// would be a mistake of this package.
func (s *Stats) Check() error {
	if !s.Complete {
		return nil
	}
	if n := s.Bytes.Sum(); n != s.Bytes.File {
		return fmt.Errorf("etl: %d bytes accounted for, the file has %d: %+v", n, s.Bytes.File, s.Bytes)
	}
	if n := s.Decoded.Sum(); n != s.Decoded.Total {
		return fmt.Errorf("etl: %d decompressed bytes accounted for, there were %d: %+v", n, s.Decoded.Total, s.Decoded)
	}
	var records, ranges uint64
	for k, n := range s.Kinds {
		if Kind(k) != KindUnknown {
			records += n
		}
	}
	if records != s.Records || s.Kinds[KindUnknown] != s.Unknown {
		return fmt.Errorf("etl: record kinds add up to %d of %d, unknown to %d of %d", records, s.Records, s.Kinds[KindUnknown], s.Unknown)
	}
	if s.Ranges == uint64(len(s.Undecodable)) {
		for _, r := range s.Undecodable {
			ranges += uint64(r.Length)
		}
		if n := uint64(s.Bytes.Undecodable + s.Decoded.Undecodable); ranges != n {
			return fmt.Errorf("etl: undecodable ranges add up to %d of %d bytes", ranges, n)
		}
	}
	return nil
}

// Lossless says that nothing is known to be missing: no losses are reported, the file is
// whole and all of it was understood.
func (s *Stats) Lossless() bool {
	return !s.Truncated && s.Unknown == 0 && s.Defects == 0 && s.BadBuffers == 0 && s.EventsLost == 0 &&
		s.BuffersLost == 0 && s.EventsLostBuffers == 0 && s.BufferLostBuffers == 0 && s.RTLost == 0
}

// providers counts records by GUID. The cache in front spares the map for all but the
// first few records of a buffer.
type providers struct {
	index  map[GUID]uint32
	guids  []GUID
	counts []uint64
	cache  [64]struct {
		guid GUID
		slot uint32
	}
	max     int
	omitted uint64
}

func (p *providers) reset(max int) {
	*p = providers{index: map[GUID]uint32{}, max: max}
	for i := range p.cache {
		p.cache[i].slot = ^uint32(0)
	}
}

func (p *providers) add(g *GUID) {
	c := &p.cache[(g[0]^g[5]^g[10])&63]
	if c.guid == *g && c.slot != ^uint32(0) {
		p.counts[c.slot]++
		return
	}
	slot, ok := p.index[*g]
	if !ok {
		if len(p.guids) >= p.max {
			p.omitted++
			return
		}
		slot = uint32(len(p.guids))
		p.index[*g] = slot
		p.guids = append(p.guids, *g)
		p.counts = append(p.counts, 0)
	}
	c.guid, c.slot = *g, slot
	p.counts[slot]++
}

func (p *providers) result() map[GUID]uint64 {
	m := make(map[GUID]uint64, len(p.guids))
	for i, g := range p.guids {
		m[g] = p.counts[i]
	}
	return m
}
