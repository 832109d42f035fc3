package collect

import (
	"cmp"
	"context"
	"slices"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/format"
)

// ETLInfo is what Info finds in an .etl file. Its JSON form is a contract.
type ETLInfo struct {
	Kind              string            `json:"kind"` // "etl"
	Records           uint64            `json:"records"`
	RecordKinds       map[string]uint64 `json:"record_kinds"`
	UnknownRecords    uint64            `json:"unknown_records"`
	Providers         []ETLProvider     `json:"providers"`
	Buffers           uint64            `json:"buffers"`
	CompressedBuffers uint64            `json:"compressed_buffers"`
	EventsLost        uint32            `json:"events_lost"`
	BuffersLost       uint32            `json:"buffers_lost"`
	PointerSize       uint8             `json:"pointer_size"`
	Clock             string            `json:"clock"` // "qpc", "system", "cpu"
	OSBuild           uint32            `json:"os_build"`
	Start             Time              `json:"start"` // of the session, as the header says
	End               Time              `json:"end"`   // likewise; that of the latest record if the session did not end properly
	Truncated         bool              `json:"truncated"`
}

// ETLProvider counts the records of a provider or event class in an .etl file.
type ETLProvider struct {
	GUID      string `json:"guid"`
	Name      string `json:"name"` // "" if neither its records nor a table of ours say it
	Records   uint64 `json:"records"`
	Decoded   uint64 `json:"decoded"`   // payload read to the last byte by a decoder of ours
	Undecoded uint64 `json:"undecoded"` // all others
}

// Info reads an .etl file to its end. lib may be nil. An error wraps ErrInput or is that of
// ctx.
func Info(ctx context.Context, path string, lib *decode.Library, progress func(done, total int64)) (*ETLInfo, error) {
	f, err := etl.Open(path, etl.Options{MaxProviders: 1}) // the decoder counts them
	if err != nil {
		return nil, fail(err, ErrInput)
	}
	defer f.Close()
	d := decode.New(decode.Options{Library: lib})
	err = learn(ctx, path, etl.Options{MaxProviders: 1}, d, func(done int64) {
		if progress != nil {
			progress(done, 2*f.Size())
		}
	})
	if err != nil {
		return nil, err
	}
	var r etl.Record
	var row format.Event
	h := f.Header()
	last := h.Start
	for n := 0; ; n++ {
		if n&0x3FFF == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if progress != nil {
				progress(f.Size()+f.Position(), 2*f.Size())
			}
		}
		ok, err := f.ReadInto(&r)
		if err != nil {
			return nil, fail(err, ErrInput)
		}
		if !ok {
			break
		}
		d.Decode(&r, &row)
		if h.End.IsZero() && r.HasClock {
			if t := unixTime(r.Time); t.After(last) {
				last = t
			}
		}
	}
	st := f.Stats()
	info := &ETLInfo{
		Kind: "etl", Records: st.Records, RecordKinds: recordKinds(&st), UnknownRecords: st.Unknown, Providers: []ETLProvider{},
		Buffers: st.Buffers, CompressedBuffers: st.CompressedBuffers, EventsLost: st.EventsLost, BuffersLost: st.BuffersLost,
		PointerSize: h.PointerSize, Clock: h.Clock.String(), OSBuild: h.OSBuild, Start: Time{h.Start}, End: Time{h.End},
		Truncated: truncated(h, &st),
	}
	if h.End.IsZero() {
		info.End = Time{last}
	}
	for _, p := range d.Providers() {
		info.Providers = append(info.Providers, ETLProvider{
			GUID: p.GUID.String(), Name: p.Name, Records: p.Records, Decoded: p.Decoded, Undecoded: p.Undecoded,
		})
	}
	return info, nil
}

// mergeProviders adds counts of another file.
func mergeProviders(list []ProviderInfo, more []decode.Provider) []ProviderInfo {
	for i := range more {
		p := providerInfo(&more[i])
		k := slices.IndexFunc(list, func(q ProviderInfo) bool { return q.GUID == p.GUID })
		if k < 0 {
			list = append(list, p)
			continue
		}
		q := &list[k]
		q.Name = cmp.Or(q.Name, p.Name)
		q.Records += p.Records
		q.Decoded += p.Decoded
		q.Undecoded += p.Undecoded
		for why, n := range p.Reasons {
			if q.Reasons == nil {
				q.Reasons = map[string]uint64{}
			}
			q.Reasons[why] += n
		}
	}
	slices.SortStableFunc(list, func(a, b ProviderInfo) int {
		return cmp.Or(cmp.Compare(b.Records, a.Records), cmp.Compare(a.GUID, b.GUID))
	})
	return list
}
