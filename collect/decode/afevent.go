package decode

import (
	"bytes"
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// AfField is a field of the AfEvent. The order is that of the contract.
type AfField uint8

const (
	AfFunction AfField = iota
	AfPhase
	AfCallID
	AfTimestamp
	AfTimestampUnit
	AfCPU
	AfProcessID
	AfThreadID
	AfIRQL
	AfDriver
	AfAdapter // first of the fields with a bit in Present
	AfBinding
	AfAf
	AfSap
	AfVc
	AfParty
	AfContext
	AfType
	AfMajor
	AfMinor
	AfStatus // last of them
	AfPresent
	AfDetail
	AfContext2 // an addition: readers of the contract pass over fields that they do not know
	NumAfFields
)

// AfFields is the contract: the fields of an AfEvent in order, with the types that its
// emitters use. Strings may also be NUL-terminated.
var AfFields = [NumAfFields]struct {
	Name string
	Type InType
}{
	AfFunction:      {"Function", InCountedANSI},
	AfPhase:         {"Phase", InUint8}, // 1 enter, 2 return
	AfCallID:        {"CallId", InUint64},
	AfTimestamp:     {"Timestamp", InUint64},
	AfTimestampUnit: {"TimestampUnit", InUint8}, // see the Unit constants
	AfCPU:           {"Cpu", InUint16},          // 0xFFFF unknown
	AfProcessID:     {"ProcessId", InUint32},
	AfThreadID:      {"ThreadId", InUint64},
	AfIRQL:          {"Irql", InUint8}, // 0xFF unknown
	AfDriver:        {"Driver", InCountedANSI},
	AfAdapter:       {"Adapter", InUint64},
	AfBinding:       {"Binding", InUint64},
	AfAf:            {"Af", InUint64},
	AfSap:           {"Sap", InUint64},
	AfVc:            {"Vc", InUint64},
	AfParty:         {"Party", InUint64},
	AfContext:       {"Context", InUint64},
	AfType:          {"AfType", InUint32},
	AfMajor:         {"AfMajor", InUint32},
	AfMinor:         {"AfMinor", InUint32},
	AfStatus:        {"Status", InUint32},
	AfPresent:       {"Present", InUint32},
	AfDetail:        {"Detail", InCountedANSI},
	AfContext2:      {"Context2", InUint64}, // of callbacks with two contexts
}

// Values of TimestampUnit.
const (
	UnitHeader = 0 // the time of the record
	UnitUnix   = 1 // nanoseconds since the Unix epoch
	UnitQPC    = 2 // performance counter ticks
)

// PresentBit is the bit of the field Present that says that f carries a value, 0 if f has none.
func (f AfField) PresentBit() uint32 {
	switch {
	case f == AfContext2: // after those of the contract
		return 1 << (AfStatus - AfAdapter + 1)
	case f < AfAdapter || f > AfStatus:
		return 0
	}
	return 1 << (f - AfAdapter)
}

// Defect is something about an AfEvent that contradicts the contract without making it
// unreadable: the row is kept, without what is wrong.
type Defect uint8

const (
	DefectFunction  Defect = iota // no function name
	DefectPhase                   // neither enter nor return: the row has phase event
	DefectTimestamp               // unknown unit, or a time that cannot be used: that of the record is
	DefectRange                   // a number that does not fit its column: null
	DefectText                    // not UTF-8: read byte by byte as ISO 8859-1
	DefectDetail                  // Detail is not a JSON object: null
	DefectLeft                    // bytes after the last field
	numDefects
)

var defectNames = [numDefects]string{
	"no function name", "unknown phase", "unusable timestamp", "number out of range", "text is not UTF-8",
	"detail is not a JSON object", "payload is longer than its schema",
}

func (d Defect) String() string { return defectNames[d] }

// Defects counts defects of AfEvents by name; empty if there are none.
func (d *Decoder) Defects() map[string]uint64 {
	m := map[string]uint64{}
	for i, n := range d.defects {
		if n > 0 {
			m[Defect(i).String()] = n
		}
	}
	return m
}

// afPlan is how to read the payload of an AfEvent with a certain schema.
type afPlan struct{ steps []afStep }

type afStep struct {
	op    afOp
	dst   AfField
	field int // in Schema.Fields, for afSkip and error messages
}

type afOp uint8

const (
	afSkip      afOp = iota // a field that the contract does not know
	afNum8                  // numbers of that many bits
	afNum16                 //
	afNum32                 //
	afNum64                 //
	afPointer               //
	afCounted               // text with a length
	afNUL                   // text with NUL
	afCounted16             // UTF-16 likewise
	afNUL16
)

var afOps = [numInTypes]afOp{
	InInt8: afNum8, InUint8: afNum8, InInt16: afNum16, InUint16: afNum16, InInt32: afNum32, InUint32: afNum32,
	InBool32: afNum32, InHexInt32: afNum32, InInt64: afNum64, InUint64: afNum64, InHexInt64: afNum64,
	InFileTime: afNum64, InPointer: afPointer, InANSI: afNUL, InCountedANSI: afCounted, InUTF16: afNUL16,
	InCountedUTF16: afCounted16,
}

// planAfEvent prepares reading AfEvents: fields are found by name, in any order; a name's
// first field counts. It returns nil if s is no AfEvent that can be read.
func planAfEvent(s *Schema) *afPlan {
	if s.Name != AfEventName || s.Failure.Reason != ReasonNone {
		return nil
	}
	plan := &afPlan{}
	var seen [NumAfFields]bool
	for i := 0; i < len(s.Fields); i += s.Fields[i].span {
		f := &s.Fields[i]
		step := afStep{op: afSkip, field: i}
		for dst := range NumAfFields {
			if f.Name != AfFields[dst].Name || seen[dst] || f.Array != NoArray {
				continue
			}
			op := afOps[f.In]
			if op == afSkip || (op >= afCounted) != dst.isText() {
				continue
			}
			seen[dst] = true
			step.op, step.dst = op, dst
		}
		plan.steps = append(plan.steps, step)
	}
	return plan
}

func (f AfField) isText() bool { return f == AfFunction || f == AfDriver || f == AfDetail }

// afValues is the payload of an AfEvent. A value counts if its field's bit is set in have.
type afValues struct {
	have uint32
	num  [NumAfFields]uint64
	text [NumAfFields][]byte
	utf  uint32 // texts that are UTF-16
	bits [NumAfFields]uint8
}

func (v *afValues) has(f AfField) bool { return v.have&(1<<f) != 0 }

// read fills v from payload b.
func (plan *afPlan) read(s *Schema, b []byte, pointer uint8, v *afValues) (left int, fail Failure) {
	pos := 0
	for i := range plan.steps {
		step := &plan.steps[i]
		rest := len(b) - pos
		op := step.op
		if op == afPointer {
			op = afNum64
			if pointer == 4 {
				op = afNum32
			}
		}
		switch op {
		case afNum8:
			if rest < 1 {
				return 0, afCut(s, step, pos)
			}
			v.num[step.dst] = uint64(b[pos])
			v.bits[step.dst] = 8
			pos++
		case afNum16:
			if rest < 2 {
				return 0, afCut(s, step, pos)
			}
			v.num[step.dst] = uint64(binary.LittleEndian.Uint16(b[pos:]))
			v.bits[step.dst] = 16
			pos += 2
		case afNum32:
			if rest < 4 {
				return 0, afCut(s, step, pos)
			}
			v.num[step.dst] = uint64(binary.LittleEndian.Uint32(b[pos:]))
			v.bits[step.dst] = 32
			pos += 4
		case afNum64:
			if rest < 8 {
				return 0, afCut(s, step, pos)
			}
			v.num[step.dst] = binary.LittleEndian.Uint64(b[pos:])
			v.bits[step.dst] = 64
			pos += 8
		case afCounted, afCounted16:
			if rest < 2 {
				return 0, afCut(s, step, pos)
			}
			n := int(binary.LittleEndian.Uint16(b[pos:]))
			if n > rest-2 {
				return 0, afCut(s, step, pos)
			}
			v.text[step.dst] = b[pos+2 : pos+2+n]
			if op == afCounted16 {
				v.utf |= 1 << step.dst
			}
			pos += 2 + n
		case afNUL:
			n := bytes.IndexByte(b[pos:], 0)
			if n < 0 {
				return 0, afCut(s, step, pos)
			}
			v.text[step.dst] = b[pos : pos+n]
			pos += n + 1
		case afNUL16:
			n := nul16(b[pos:])
			if n < 0 {
				return 0, afCut(s, step, pos)
			}
			v.text[step.dst] = b[pos : pos+n]
			v.utf |= 1 << step.dst
			pos += n + 2
		default:
			p := payloadReader{s: s, b: b, pos: pos, pointer: int(pointer), budget: MaxValues}
			if !p.field(step.field, nil) {
				return 0, p.fail
			}
			pos = p.pos
			continue
		}
		v.have |= 1 << step.dst
	}
	return len(b) - pos, Failure{}
}

func afCut(s *Schema, step *afStep, pos int) Failure {
	return Failure{Reason: ReasonPayloadCut, Offset: pos, Field: s.Fields[step.field].Name}
}

// afEvent decodes an AfEvent. What the contract leaves open is read as follows.
//
//   - A number of another width than the contract's is taken as its bits, without sign; a
//     32-bit value that was sign-extended is recognised.
//   - CallId 0 and an empty Driver mean that the emitter does not know them.
//   - The source is dtrace if the event carries its own wall-clock time and reports a
//     process other than the one that wrote it: only a tracer does so. It is that of the
//     session otherwise.
//   - The column ticks is the performance counter at the crossing: that of the payload,
//     or, if the time of the record is the time of the crossing, that of the record.
func (d *Decoder) afEvent(r *etl.Record, s *Schema, row *format.Event) Outcome {
	var v afValues
	left, fail := s.af.read(s, r.Data, r.Pointer, &v)
	if fail.Reason != ReasonNone {
		defects := d.defects
		d.fillRow(r, &v, row)
		d.defects, d.failure = defects, fail
		return Lost
	}
	d.fillRow(r, &v, row)
	if left > 0 {
		d.defects[DefectLeft]++
		d.failure = Failure{Reason: ReasonPayloadLeft, Offset: len(r.Data) - left}
	}
	return Row
}

func (d *Decoder) fillRow(r *etl.Record, v *afValues, row *format.Event) {
	*row = format.Event{TS: r.Time, Source: d.o.Source, Phase: format.PhaseEvent, Function: ndis.FuncUnknown}
	has := format.Fields(0)

	switch {
	case v.has(AfPhase) && v.num[AfPhase] == 1:
		row.Phase = format.PhaseEnter
	case v.has(AfPhase) && v.num[AfPhase] == 2:
		row.Phase = format.PhaseReturn
	default:
		d.defects[DefectPhase]++
	}
	if d.time(r, v, row) {
		has |= format.HasTicks
	}
	if v.num[AfCallID] != 0 {
		row.CallID = v.num[AfCallID]
		has |= format.HasCallID
	}
	if v.has(AfCPU) {
		switch n := v.num[AfCPU]; {
		case n < 0xFFFF:
			row.CPU = uint16(n)
			has |= format.HasCPU
		case n != 0xFFFF && n != 1<<v.bits[AfCPU]-1:
			d.defects[DefectRange]++
		}
	}
	if n, ok := d.u32(v, AfProcessID); ok {
		row.PID = n
		has |= format.HasPID
		if v.num[AfTimestampUnit] == UnitUnix && r.HasIDs && n != r.PID {
			row.Source = format.SourceDTrace
		}
	}
	if v.has(AfThreadID) {
		row.TID = v.num[AfThreadID]
		has |= format.HasTID
	}
	if v.has(AfIRQL) {
		switch n := v.num[AfIRQL]; {
		case n < 0xFF:
			row.IRQL = uint8(n)
			has |= format.HasIRQL
		case n != 0xFF && n != 1<<v.bits[AfIRQL]-1:
			d.defects[DefectRange]++
		}
	}
	if v.has(AfDriver) && len(v.text[AfDriver]) > 0 {
		row.Driver = d.intern(d.utf8(v, AfDriver))
		has |= format.HasDriver
	}

	// The optional fields, each behind its Present bit.
	present := uint32(v.num[AfPresent])
	bits := v.have >> AfAdapter & present & (1<<(AfStatus-AfAdapter+1) - 1)
	if bits&(1<<(AfContext-AfAdapter+1)-1) != 0 {
		row.Adapter = v.num[AfAdapter]
		row.Binding = v.num[AfBinding]
		row.AF = v.num[AfAf]
		row.SAP = v.num[AfSap]
		row.VC = v.num[AfVc]
		row.Party = v.num[AfParty]
		row.Context = v.num[AfContext]
		if bits&1 == 0 {
			row.Adapter = 0
		}
		if bits&(1<<1) == 0 {
			row.Binding = 0
		}
		if bits&(1<<2) == 0 {
			row.AF = 0
		}
		if bits&(1<<3) == 0 {
			row.SAP = 0
		}
		if bits&(1<<4) == 0 {
			row.VC = 0
		}
		if bits&(1<<5) == 0 {
			row.Party = 0
		}
		if bits&(1<<6) == 0 {
			row.Context = 0
		}
		// The bits of Present are in the order of the bits of format.Fields up to Context.
		has |= format.Fields(bits&(1<<7-1)) * format.HasAdapter
	}
	if bits>>7 != 0 {
		if bits&AfType.PresentBit() != 0 {
			if n, ok := d.u32(v, AfType); ok {
				row.AFType = n
				has |= format.HasAFType
			}
		}
		if bits&AfMajor.PresentBit() != 0 {
			if n, ok := d.u32(v, AfMajor); ok {
				row.AFMajor = n
				has |= format.HasAFMajor
			}
		}
		if bits&AfMinor.PresentBit() != 0 {
			if n, ok := d.u32(v, AfMinor); ok {
				row.AFMinor = n
				has |= format.HasAFMinor
			}
		}
		if bits&AfStatus.PresentBit() != 0 {
			if n, ok := d.u32(v, AfStatus); ok {
				row.Status = n
				has |= format.HasStatus
			}
		}
	}

	if present&AfContext2.PresentBit() != 0 && v.has(AfContext2) {
		row.Context2 = v.num[AfContext2]
		has |= format.HasContext2
	}

	// Function and Detail: a name outside the vocabulary goes to the detail.
	var unknown []byte
	if name := d.utf8(v, AfFunction); len(name) > 0 {
		row.Function = ndis.LookupBytes(name)
		if row.Function == ndis.FuncUnknown {
			unknown = name
		}
	} else {
		d.defects[DefectFunction]++
	}
	if detail := d.utf8(v, AfDetail); len(detail) > 0 || unknown != nil {
		text, ok := d.detail.canonical(detail, unknown)
		if !ok {
			d.defects[DefectDetail]++
		}
		if text != "" {
			row.Detail = text
			has |= format.HasDetail
		}
	}
	row.Has = has
}

// time sets the time of a row, and its ticks if it returns true.
func (d *Decoder) time(r *etl.Record, v *afValues, row *format.Event) (ticks bool) {
	stamp := v.num[AfTimestamp]
	switch unit := v.num[AfTimestampUnit]; {
	case unit == UnitHeader:
		if d.o.HeaderTicks && r.HasClock {
			row.Ticks = r.Clock
			return true
		}
		return false
	case unit > UnitQPC || !v.has(AfTimestamp) || stamp == 0 || stamp > math.MaxInt64:
		d.defects[DefectTimestamp]++
		return false
	case unit == UnitUnix:
		row.TS = int64(stamp)
		return false
	}
	row.Ticks = int64(stamp)
	if d.o.Clock == nil {
		d.defects[DefectTimestamp]++
	} else {
		row.TS = d.o.Clock(int64(stamp))
	}
	return true
}

// u32 is a number that has to fit 32 bits.
func (d *Decoder) u32(v *afValues, f AfField) (uint32, bool) {
	if !v.has(f) {
		return 0, false
	}
	n := v.num[f]
	if hi := n >> 32; hi != 0 && (hi != math.MaxUint32 || int32(n) >= 0) {
		d.defects[DefectRange]++
		return 0, false
	}
	return uint32(n), true
}

// utf8 is a text in UTF-8, nil if there is none.
func (d *Decoder) utf8(v *afValues, f AfField) []byte {
	b := v.text[f]
	if v.utf&(1<<f) != 0 {
		s, ok := utf16Text(b)
		if !ok {
			d.defects[DefectText]++
		}
		return []byte(s)
	}
	if utf8.Valid(b) {
		return b
	}
	d.defects[DefectText]++
	text := make([]byte, 0, 2*len(b))
	for _, c := range b {
		text = utf8.AppendRune(text, rune(c))
	}
	return text
}

// intern returns the string of b, the same one for equal labels.
func (d *Decoder) intern(b []byte) string {
	if string(b) == d.label {
		return d.label
	}
	s, ok := d.labels[string(b)]
	if !ok {
		s = string(b)
		if len(s) <= maxLabelLength {
			if len(d.labels) >= maxLabels {
				clear(d.labels)
			}
			d.labels[s] = s
		}
	}
	d.label = s
	return s
}
