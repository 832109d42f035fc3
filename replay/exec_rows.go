package replay

import (
	"github.com/aftrace/aftrace/format"
)

// The rows that an executor makes go into columns that all have the same length, which is not
// looked at for each of them.

const firstRows = 64

// append adds a row.
func (x *Executor) append(e *format.Event) {
	b, i := &x.out, x.out.N
	if i == len(b.Has) {
		extend(b, min(max(firstRows, 4*i), max(x.rows, i+1)))
	}
	b.N++
	b.Has[i] = e.Has
	b.Seq[i] = e.Seq
	b.TS[i] = e.TS
	b.Ticks[i] = e.Ticks
	b.CPU[i] = e.CPU
	b.PID[i] = e.PID
	b.TID[i] = e.TID
	b.IRQL[i] = e.IRQL
	b.Phase[i] = e.Phase
	b.Function[i] = e.Function
	b.Source[i] = e.Source
	b.CallID[i] = e.CallID
	b.Adapter[i] = e.Adapter
	b.Binding[i] = e.Binding
	b.AF[i] = e.AF
	b.SAP[i] = e.SAP
	b.VC[i] = e.VC
	b.Party[i] = e.Party
	b.Context[i] = e.Context
	b.Context2[i] = e.Context2
	b.AFType[i] = e.AFType
	b.AFMajor[i] = e.AFMajor
	b.AFMinor[i] = e.AFMinor
	b.Status[i] = e.Status
	b.Lost[i] = e.Lost
	if e.Driver != "" {
		b.Driver.Data = append(b.Driver.Data, e.Driver...)
	}
	b.Driver.Offsets[i+1] = int32(len(b.Driver.Data))
	if e.Detail != "" {
		b.Detail.Data = append(b.Detail.Data, e.Detail...)
	}
	b.Detail.Offsets[i+1] = int32(len(b.Detail.Data))
}

// extend makes the columns of b n long.
func extend(b *format.Batch, n int) {
	longer(&b.Has, n)
	longer(&b.Seq, n)
	longer(&b.TS, n)
	longer(&b.Ticks, n)
	longer(&b.CPU, n)
	longer(&b.PID, n)
	longer(&b.TID, n)
	longer(&b.IRQL, n)
	longer(&b.Phase, n)
	longer(&b.Function, n)
	longer(&b.Source, n)
	longer(&b.CallID, n)
	longer(&b.Adapter, n)
	longer(&b.Binding, n)
	longer(&b.AF, n)
	longer(&b.SAP, n)
	longer(&b.VC, n)
	longer(&b.Party, n)
	longer(&b.Context, n)
	longer(&b.Context2, n)
	longer(&b.AFType, n)
	longer(&b.AFMajor, n)
	longer(&b.AFMinor, n)
	longer(&b.Status, n)
	longer(&b.Lost, n)
	longer(&b.Driver.Offsets, n+1)
	longer(&b.Detail.Offsets, n+1)
}

func longer[T any](s *[]T, n int) {
	grown := make([]T, n)
	copy(grown, *s)
	*s = grown
}

// firstOf is the first n rows of b, which share its memory.
func firstOf(b *format.Batch, n int) format.Batch {
	return format.Batch{
		N: n, Has: b.Has[:n], Seq: b.Seq[:n], TS: b.TS[:n], Ticks: b.Ticks[:n], CPU: b.CPU[:n], PID: b.PID[:n], TID: b.TID[:n],
		IRQL: b.IRQL[:n], Phase: b.Phase[:n], Function: b.Function[:n], Source: b.Source[:n], CallID: b.CallID[:n],
		Adapter: b.Adapter[:n], Binding: b.Binding[:n], AF: b.AF[:n], SAP: b.SAP[:n], VC: b.VC[:n], Party: b.Party[:n],
		Context: b.Context[:n], Context2: b.Context2[:n], AFType: b.AFType[:n], AFMajor: b.AFMajor[:n], AFMinor: b.AFMinor[:n],
		Status: b.Status[:n], Lost: b.Lost[:n],
		Driver: format.Strings{Offsets: b.Driver.Offsets[:n+1], Data: b.Driver.Data},
		Detail: format.Strings{Offsets: b.Detail.Offsets[:n+1], Data: b.Detail.Data},
	}
}
