package replay

import (
	"unsafe"

	"github.com/aftrace/aftrace/format"
)

// The rows that an executor makes go into columns that all have the same length, which is not
// looked at for each of them.

const firstRows = 64

// What few rows have is written only if they have some of it. The rest of such a column is zero.
const (
	rareColumns   = format.HasTicks | format.HasCPU | format.HasLost
	objectColumns = format.HasSAP | format.HasVC | format.HasParty | format.HasContext2
	familyColumns = format.HasAFType | format.HasAFMajor | format.HasAFMinor
)

// append adds a row.
func (x *Executor) append(e *format.Event) {
	b, i, has := &x.out, x.out.N, e.Has
	if i == len(b.Has) {
		extend(b, min(max(firstRows, 4*i), max(x.rows, i+1)))
	}
	b.N++
	b.Has[i] = has
	b.Seq[i] = e.Seq
	b.TS[i] = e.TS
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
	b.Context[i] = e.Context
	b.Status[i] = e.Status
	x.wrote |= has
	if has&objectColumns != 0 {
		b.SAP[i] = e.SAP
		b.VC[i] = e.VC
		b.Party[i] = e.Party
		b.Context2[i] = e.Context2
	}
	if has&familyColumns != 0 {
		b.AFType[i] = e.AFType
		b.AFMajor[i] = e.AFMajor
		b.AFMinor[i] = e.AFMinor
	}
	if has&rareColumns != 0 {
		b.Ticks[i] = e.Ticks
		b.CPU[i] = e.CPU
		b.Lost[i] = e.Lost
	}
	if e.Driver != "" {
		b.Driver.Data = append(b.Driver.Data, e.Driver...)
	}
	b.Driver.Offsets[i+1] = int32(len(b.Driver.Data))
	if e.Detail != "" {
		b.Detail.Data = append(b.Detail.Data, e.Detail...)
	}
	b.Detail.Offsets[i+1] = int32(len(b.Detail.Data))
}

// emptied makes the rows free for others.
func (x *Executor) emptied() {
	b, n := &x.out, x.out.N
	if x.wrote&objectColumns != 0 {
		clear(b.SAP[:n])
		clear(b.VC[:n])
		clear(b.Party[:n])
		clear(b.Context2[:n])
	}
	if x.wrote&familyColumns != 0 {
		clear(b.AFType[:n])
		clear(b.AFMajor[:n])
		clear(b.AFMinor[:n])
	}
	if x.wrote&rareColumns != 0 {
		clear(b.Ticks[:n])
		clear(b.CPU[:n])
		clear(b.Lost[:n])
	}
	b.N, x.wrote = 0, 0
	b.Driver.Data, b.Detail.Data = b.Driver.Data[:0], b.Detail.Data[:0]
}

// extend makes the columns of b n long.
func extend(b *format.Batch, n int) {
	k := 0
	longer(&b.Has, n, &k)
	longer(&b.Seq, n, &k)
	longer(&b.TS, n, &k)
	longer(&b.Ticks, n, &k)
	longer(&b.CPU, n, &k)
	longer(&b.PID, n, &k)
	longer(&b.TID, n, &k)
	longer(&b.IRQL, n, &k)
	longer(&b.Phase, n, &k)
	longer(&b.Function, n, &k)
	longer(&b.Source, n, &k)
	longer(&b.CallID, n, &k)
	longer(&b.Adapter, n, &k)
	longer(&b.Binding, n, &k)
	longer(&b.AF, n, &k)
	longer(&b.SAP, n, &k)
	longer(&b.VC, n, &k)
	longer(&b.Party, n, &k)
	longer(&b.Context, n, &k)
	longer(&b.Context2, n, &k)
	longer(&b.AFType, n, &k)
	longer(&b.AFMajor, n, &k)
	longer(&b.AFMinor, n, &k)
	longer(&b.Status, n, &k)
	longer(&b.Lost, n, &k)
	longer(&b.Driver.Offsets, n+1, &k)
	longer(&b.Detail.Offsets, n+1, &k)
}

// longer makes s n long. k is the number of the column: each begins a few cache lines further
// into its memory than the one before, because columns that all begin at a page boundary push
// each other out of the processor's cache when they are written row by row.
func longer[T any](s *[]T, n int, k *int) {
	const lines = 3 * 64
	var zero T
	*k++
	skew := *k * lines / int(unsafe.Sizeof(zero))
	grown := make([]T, n+skew)[skew:]
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
