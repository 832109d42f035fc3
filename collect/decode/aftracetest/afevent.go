// Package aftracetest builds what emitters of the provider CoNDIS-AfTrace write, and
// other TraceLogging events, for tests and demonstration data.
//
//	w := etltest.New(etltest.Options{CPUs: 2})
//	aftracetest.Write(w, cpu, w.Clock(t), &event, aftracetest.Options{})
package aftracetest

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/collect/etl/etltest"
	"github.com/aftrace/aftrace/format"
)

// Options says how an emitter writes its events. The zero value is the form of the contract
// with counted strings and the time of the record.
type Options struct {
	Unit     uint8            // decode.UnitHeader, UnitUnix (Event.TS is written) or UnitQPC (Event.Ticks)
	NUL      bool             // strings are NUL-terminated
	Wide     bool             // numbers are 64 bits wide, strings UTF-16
	Extra    bool             // fields between those of the contract that it does not know
	Order    []decode.AfField // of the fields; nil is that of the contract
	Omit     []decode.AfField // fields that the emitter leaves out
	Traits   []decode.Trait
	Function string // instead of the name of Event.Function

	// HeaderPID and HeaderTID are of the thread that writes the event, if it is not the one
	// that the event is about.
	HeaderPID, HeaderTID uint32
}

// Header is the header of the record of e.
func Header(e *format.Event, o Options) etltest.EventHeader {
	h := etltest.EventHeader{
		Provider: decode.AfTrace, Channel: 11, Level: 4, Keyword: 1, PID: o.HeaderPID, TID: o.HeaderTID,
	}
	if o.HeaderPID == 0 {
		h.PID = e.PID
	}
	if o.HeaderTID == 0 {
		h.TID = uint32(e.TID)
	}
	return h
}

// Write adds e to a file. Its phase must be enter or return.
func Write(w *etltest.Writer, cpu int, clock int64, e *format.Event, o Options) error {
	items, data, err := Encode(e, o)
	if err != nil {
		return err
	}
	w.Event(cpu, clock, Header(e, o), items, data)
	return nil
}

// Encode builds the extended items and the payload of an AfEvent. ProcessId, ThreadId, Detail
// and Context2 are left out of the schema if e does not have them: the first two have no value that
// means "not known", the others need not be there. Seq, Source and Lost have no place in an AfEvent.
func Encode(e *format.Event, o Options) ([]etl.ExtItem, []byte, error) {
	if e.Phase > format.PhaseReturn {
		return nil, nil, fmt.Errorf("aftracetest: an AfEvent cannot be of phase %v", e.Phase)
	}
	order := o.Order
	if order == nil {
		for f := range decode.NumAfFields {
			order = append(order, f)
		}
	}
	var fields []Field
	var data []byte
	for _, f := range order {
		if slices.Contains(o.Omit, f) || f == decode.AfProcessID && e.Has&format.HasPID == 0 ||
			f == decode.AfThreadID && e.Has&format.HasTID == 0 || f == decode.AfDetail && e.Has&format.HasDetail == 0 ||
			f == decode.AfContext2 && e.Has&format.HasContext2 == 0 {
			continue
		}
		if o.Extra && f%5 == 0 {
			fields = append(fields, Field{Name: fmt.Sprintf("Extra%d", f), In: decode.InStruct, Array: decode.VariableArray,
				Members: []Field{{Name: "A", In: decode.InUint8}, {Name: "B", In: decode.InUTF16}}})
			data = append(data, 2, 0, 7, 'x', 0, 0, 0, 8, 0, 0)
		}
		in := decode.AfFields[f].Type
		var text string
		switch f {
		case decode.AfFunction:
			text = e.Function.String()
			if o.Function != "" {
				text = o.Function
			}
		case decode.AfDriver:
			text = e.Driver
		case decode.AfDetail:
			text = e.Detail
		default:
			n := number(e, f, o.Unit)
			if o.Wide {
				in = decode.InUint64
			}
			switch in {
			case decode.InUint8:
				data = append(data, byte(n))
			case decode.InUint16:
				data = binary.LittleEndian.AppendUint16(data, uint16(n))
			case decode.InUint32:
				data = binary.LittleEndian.AppendUint32(data, uint32(n))
			default:
				data = binary.LittleEndian.AppendUint64(data, n)
			}
			fields = append(fields, Field{Name: decode.AfFields[f].Name, In: in})
			continue
		}
		switch {
		case o.Wide && o.NUL:
			in = decode.InUTF16
			data = append(appendUTF16(data, text), 0, 0)
		case o.Wide:
			in = decode.InCountedUTF16
			data = Counted(data, string(appendUTF16(nil, text)))
		case o.NUL:
			in = decode.InANSI
			data = append(append(data, text...), 0)
		default:
			data = Counted(data, text)
		}
		fields = append(fields, Field{Name: decode.AfFields[f].Name, In: in})
	}
	return Items(Traits(decode.AfTraceName, o.Traits...), Schema(decode.AfEventName, 0, fields)), data, nil
}

func appendUTF16(b []byte, s string) []byte {
	for _, c := range s {
		if c > 0xFFFF {
			c -= 0x10000
			b = binary.LittleEndian.AppendUint16(b, uint16(0xD800+c>>10))
			c = 0xDC00 + c&0x3FF
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(c))
	}
	return b
}

// number is the value of a field that is no string.
func number(e *format.Event, f decode.AfField, unit uint8) uint64 {
	optional := func(k format.Fields, v uint64) uint64 {
		if e.Has&k == 0 {
			return 0
		}
		return v
	}
	switch f {
	case decode.AfPhase:
		return uint64(e.Phase) + 1
	case decode.AfCallID:
		return optional(format.HasCallID, e.CallID)
	case decode.AfTimestamp:
		switch unit {
		case decode.UnitUnix:
			return uint64(e.TS)
		case decode.UnitQPC:
			return uint64(e.Ticks)
		}
		return 0
	case decode.AfTimestampUnit:
		return uint64(unit)
	case decode.AfCPU:
		if e.Has&format.HasCPU == 0 {
			return 0xFFFF
		}
		return uint64(e.CPU)
	case decode.AfProcessID:
		return uint64(e.PID)
	case decode.AfThreadID:
		return e.TID
	case decode.AfIRQL:
		if e.Has&format.HasIRQL == 0 {
			return 0xFF
		}
		return uint64(e.IRQL)
	case decode.AfAdapter:
		return optional(format.HasAdapter, e.Adapter)
	case decode.AfBinding:
		return optional(format.HasBinding, e.Binding)
	case decode.AfAf:
		return optional(format.HasAF, e.AF)
	case decode.AfSap:
		return optional(format.HasSAP, e.SAP)
	case decode.AfVc:
		return optional(format.HasVC, e.VC)
	case decode.AfParty:
		return optional(format.HasParty, e.Party)
	case decode.AfContext2:
		return optional(format.HasContext2, e.Context2)
	case decode.AfContext:
		return optional(format.HasContext, e.Context)
	case decode.AfType:
		return optional(format.HasAFType, uint64(e.AFType))
	case decode.AfMajor:
		return optional(format.HasAFMajor, uint64(e.AFMajor))
	case decode.AfMinor:
		return optional(format.HasAFMinor, uint64(e.AFMinor))
	case decode.AfStatus:
		return optional(format.HasStatus, uint64(e.Status))
	}
	return uint64(Present(e))
}

// Present is the mask of the optional fields that e has.
func Present(e *format.Event) uint32 {
	var mask uint32
	for f, k := range map[decode.AfField]format.Fields{
		decode.AfAdapter: format.HasAdapter, decode.AfBinding: format.HasBinding, decode.AfAf: format.HasAF,
		decode.AfSap: format.HasSAP, decode.AfVc: format.HasVC, decode.AfParty: format.HasParty,
		decode.AfContext: format.HasContext, decode.AfType: format.HasAFType, decode.AfMajor: format.HasAFMajor,
		decode.AfMinor: format.HasAFMinor, decode.AfStatus: format.HasStatus, decode.AfContext2: format.HasContext2,
	} {
		if e.Has&k != 0 {
			mask |= f.PresentBit()
		}
	}
	return mask
}
