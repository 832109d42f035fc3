package collect

import (
	"context"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/format"
)

// DecodeOptions says what Decode reads with.
type DecodeOptions struct {
	Library  *decode.Library // nil if there is none
	ETL      etl.Options
	Progress func(done, total int64)
}

// Decoded counts what Decode made of the records of a file. Its JSON form is stable.
type Decoded struct {
	Path      string            `json:"path"`
	Records   uint64            `json:"records"`
	Decoded   uint64            `json:"decoded"` // payload read to the last byte
	Undecoded uint64            `json:"undecoded"`
	Reasons   map[string]uint64 `json:"reasons"` // of those not decoded
	Rows      uint64            `json:"rows"`    // records that become rows of a trace
	Unknown   uint64            `json:"unknown_records"`
	Providers []ProviderInfo    `json:"providers"`
	// Plain counts the records without a provider or message GUID.
	Plain ProviderInfo `json:"plain"`
}

// Decode reads a recording and calls each for every record, in the order of the file: ev is
// what is known of it. Both are valid until each returns; an error of each ends Decode. The
// other errors wrap ErrInput or are that of ctx.
func Decode(ctx context.Context, path string, o DecodeOptions, each func(d *decode.Decoder, r *etl.Record, ev *decode.Event) error) (*Decoded, error) {
	limits := o.ETL
	limits.MaxProviders = 1 // the decoder counts them
	d := decode.New(decode.Options{Source: format.SourceETL, Library: o.Library})
	f, err := etl.Open(path, limits)
	if err != nil {
		return nil, fail(err, ErrInput)
	}
	defer f.Close()
	progress := func(done int64) {
		if o.Progress != nil {
			o.Progress(done, 2*f.Size())
		}
	}
	if err := learn(ctx, path, limits, d, progress); err != nil {
		return nil, err
	}
	var r etl.Record
	var row format.Event
	var ev decode.Event
	sum := &Decoded{Path: path, Reasons: map[string]uint64{}}
	for n := 0; ; n++ {
		if n&0xFFF == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			progress(f.Size() + f.Position())
		}
		ok, err := f.ReadInto(&r)
		if err != nil {
			return nil, fail(err, ErrInput)
		}
		if !ok {
			break
		}
		if d.Decode(&r, &row) == decode.Row {
			sum.Rows++
		}
		sum.Records++
		if why := d.Failure().Reason; why == decode.ReasonNone {
			sum.Decoded++
		} else {
			sum.Undecoded++
			sum.Reasons[why.String()]++
		}
		if each != nil {
			d.Event(&r, &ev)
			if err := each(d, &r, &ev); err != nil {
				return nil, err
			}
		}
	}
	st := f.Stats()
	sum.Unknown = st.Unknown
	sum.Providers = mergeProviders([]ProviderInfo{}, d.Providers())
	sum.Plain = plainInfo(d)
	return sum, nil
}

func plainInfo(d *decode.Decoder) ProviderInfo {
	records, decoded, reasons := d.Plain()
	p := ProviderInfo{Records: records, Decoded: decoded, Undecoded: records - decoded}
	for why, n := range reasons {
		if p.Reasons == nil {
			p.Reasons = map[string]uint64{}
		}
		p.Reasons[why.String()] = n
	}
	return p
}
