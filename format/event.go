package format

import "github.com/aftrace/aftrace/format/ndis"

// Phase says which crossing a row is. Values are indices of the phase dictionary.
type Phase uint8

const (
	PhaseEnter  Phase = iota // the call or callback was entered
	PhaseReturn              // it returned
	PhaseEvent               // it is known to have run; neither entry nor return was seen
	PhaseGap                 // events were lost
	NumPhases
)

// Source says how the event reached the trace. Values are indices of the source dictionary.
type Source uint8

const (
	SourceETW Source = iota
	SourceETL
	SourceDTrace
	SourceWPP
	SourceManifest
	SourceUprobe
	SourceScenario
	SourceGenerator
	NumSources
)

// Fields is the set of nullable columns that carry a value in a row.
type Fields uint32

const (
	HasTicks Fields = 1 << iota
	HasCPU
	HasPID
	HasTID
	HasIRQL
	HasCallID
	HasDriver
	HasAdapter
	HasBinding
	HasAF
	HasSAP
	HasVC
	HasParty
	HasContext
	HasContext2
	HasAFType
	HasAFMajor
	HasAFMinor
	HasStatus
	HasLost
	HasDetail
)

// Event is one row of a trace, for code that prefers convenience over speed. A nullable
// column is meaningful only if its bit is set in Has; handles that were recorded as NULL
// have the bit set and the value 0.
type Event struct {
	Seq      uint64 // position, strictly increasing in a file
	TS       int64  // nanoseconds since the Unix epoch, UTC
	Ticks    int64  // raw counter of the source
	CPU      uint16
	PID      uint32
	TID      uint64
	IRQL     uint8
	Phase    Phase
	Function ndis.Func
	Source   Source
	CallID   uint64
	Driver   string

	Adapter, Binding, AF, SAP, VC, Party uint64 // NDIS handles
	Context, Context2                    uint64 // driver contexts
	AFType, AFMajor, AFMinor             uint32 // CO_ADDRESS_FAMILY
	Status                               uint32 // NDIS_STATUS
	Lost                                 uint64 // gap rows: how many events
	Detail                               string // JSON object, keys sorted

	Has Fields
}

// Strings is a column of strings: row i is Data[Offsets[i]:Offsets[i+1]].
type Strings struct {
	Offsets []int32
	Data    []byte
}

// At returns row i without copying. The slice is valid as long as the batch is.
func (s *Strings) At(i int) []byte { return s.Data[s.Offsets[i]:s.Offsets[i+1]] }

// Batch is a run of rows as columns. All slices have N elements (Strings: N+1 offsets),
// also those of columns that the file does not have; a value is meaningful only if the
// row's bit is set in Has. A batch from a Reader is valid until the next call of Next,
// and must not be written to.
type Batch struct {
	N   int
	Has []Fields

	Seq      []uint64
	TS       []int64
	Ticks    []int64
	CPU      []uint16
	PID      []uint32
	TID      []uint64
	IRQL     []uint8
	Phase    []Phase
	Function []ndis.Func
	Source   []Source
	CallID   []uint64
	Driver   Strings

	Adapter, Binding, AF, SAP, VC, Party []uint64
	Context, Context2                    []uint64
	AFType, AFMajor, AFMinor             []uint32
	Status                               []uint32
	Lost                                 []uint64
	Detail                               Strings
}

// Event copies row i into e.
func (b *Batch) Event(i int, e *Event) {
	b.fixed(i, e)
	e.Driver, e.Detail = string(b.Driver.At(i)), string(b.Detail.At(i))
}

// fixed copies row i into e, all but its strings.
func (b *Batch) fixed(i int, e *Event) {
	*e = Event{
		Seq: b.Seq[i], TS: b.TS[i], Ticks: b.Ticks[i], CPU: b.CPU[i], PID: b.PID[i], TID: b.TID[i],
		IRQL: b.IRQL[i], Phase: b.Phase[i], Function: b.Function[i], Source: b.Source[i],
		CallID:  b.CallID[i],
		Adapter: b.Adapter[i], Binding: b.Binding[i], AF: b.AF[i], SAP: b.SAP[i], VC: b.VC[i],
		Party: b.Party[i], Context: b.Context[i], Context2: b.Context2[i],
		AFType: b.AFType[i], AFMajor: b.AFMajor[i], AFMinor: b.AFMinor[i], Status: b.Status[i],
		Lost: b.Lost[i], Has: b.Has[i],
	}
}

// Append adds e as a row. It is the reverse of Event and lets code build a batch in
// memory; the Writer has its own, faster path.
func (b *Batch) Append(e *Event) {
	if b.N == 0 {
		b.Driver.Offsets = append(b.Driver.Offsets[:0], 0)
		b.Detail.Offsets = append(b.Detail.Offsets[:0], 0)
	}
	b.N++
	b.Has = append(b.Has, e.Has)
	b.Seq = append(b.Seq, e.Seq)
	b.TS = append(b.TS, e.TS)
	b.Ticks = append(b.Ticks, e.Ticks)
	b.CPU = append(b.CPU, e.CPU)
	b.PID = append(b.PID, e.PID)
	b.TID = append(b.TID, e.TID)
	b.IRQL = append(b.IRQL, e.IRQL)
	b.Phase = append(b.Phase, e.Phase)
	b.Function = append(b.Function, e.Function)
	b.Source = append(b.Source, e.Source)
	b.CallID = append(b.CallID, e.CallID)
	b.Driver.Data = append(b.Driver.Data, e.Driver...)
	b.Driver.Offsets = append(b.Driver.Offsets, int32(len(b.Driver.Data)))
	b.Adapter = append(b.Adapter, e.Adapter)
	b.Binding = append(b.Binding, e.Binding)
	b.AF = append(b.AF, e.AF)
	b.SAP = append(b.SAP, e.SAP)
	b.VC = append(b.VC, e.VC)
	b.Party = append(b.Party, e.Party)
	b.Context = append(b.Context, e.Context)
	b.Context2 = append(b.Context2, e.Context2)
	b.AFType = append(b.AFType, e.AFType)
	b.AFMajor = append(b.AFMajor, e.AFMajor)
	b.AFMinor = append(b.AFMinor, e.AFMinor)
	b.Status = append(b.Status, e.Status)
	b.Lost = append(b.Lost, e.Lost)
	b.Detail.Data = append(b.Detail.Data, e.Detail...)
	b.Detail.Offsets = append(b.Detail.Offsets, int32(len(b.Detail.Data)))
}

// Reset empties b and keeps its memory.
func (b *Batch) Reset() {
	*b = Batch{
		Has: b.Has[:0], Seq: b.Seq[:0], TS: b.TS[:0], Ticks: b.Ticks[:0], CPU: b.CPU[:0],
		PID: b.PID[:0], TID: b.TID[:0], IRQL: b.IRQL[:0], Phase: b.Phase[:0],
		Function: b.Function[:0], Source: b.Source[:0], CallID: b.CallID[:0],
		Driver:  Strings{Offsets: b.Driver.Offsets[:0], Data: b.Driver.Data[:0]},
		Adapter: b.Adapter[:0], Binding: b.Binding[:0], AF: b.AF[:0], SAP: b.SAP[:0],
		VC: b.VC[:0], Party: b.Party[:0], Context: b.Context[:0], Context2: b.Context2[:0],
		AFType: b.AFType[:0], AFMajor: b.AFMajor[:0], AFMinor: b.AFMinor[:0],
		Status: b.Status[:0], Lost: b.Lost[:0],
		Detail: Strings{Offsets: b.Detail.Offsets[:0], Data: b.Detail.Data[:0]},
	}
}

// HandleFields is the set of columns that hold NDIS handles or driver contexts.
const HandleFields = HasAdapter | HasBinding | HasAF | HasSAP | HasVC | HasParty | HasContext | HasContext2
