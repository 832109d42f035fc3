package format

// appendRange adds rows from:to of src, all but their details, whose offsets the caller
// adds.
func (b *Batch) appendRange(src *Batch, from, to int) {
	if b.N == 0 {
		b.Driver.Offsets = append(b.Driver.Offsets[:0], 0)
		b.Detail.Offsets = append(b.Detail.Offsets[:0], 0)
	}
	b.N += to - from
	b.Has = append(b.Has, src.Has[from:to]...)
	b.Seq = append(b.Seq, src.Seq[from:to]...)
	b.TS = append(b.TS, src.TS[from:to]...)
	b.Ticks = append(b.Ticks, src.Ticks[from:to]...)
	b.CPU = append(b.CPU, src.CPU[from:to]...)
	b.PID = append(b.PID, src.PID[from:to]...)
	b.TID = append(b.TID, src.TID[from:to]...)
	b.IRQL = append(b.IRQL, src.IRQL[from:to]...)
	b.Phase = append(b.Phase, src.Phase[from:to]...)
	b.Function = append(b.Function, src.Function[from:to]...)
	b.Source = append(b.Source, src.Source[from:to]...)
	b.CallID = append(b.CallID, src.CallID[from:to]...)
	b.Adapter = append(b.Adapter, src.Adapter[from:to]...)
	b.Binding = append(b.Binding, src.Binding[from:to]...)
	b.AF = append(b.AF, src.AF[from:to]...)
	b.SAP = append(b.SAP, src.SAP[from:to]...)
	b.VC = append(b.VC, src.VC[from:to]...)
	b.Party = append(b.Party, src.Party[from:to]...)
	b.Context = append(b.Context, src.Context[from:to]...)
	b.Context2 = append(b.Context2, src.Context2[from:to]...)
	b.AFType = append(b.AFType, src.AFType[from:to]...)
	b.AFMajor = append(b.AFMajor, src.AFMajor[from:to]...)
	b.AFMinor = append(b.AFMinor, src.AFMinor[from:to]...)
	b.Status = append(b.Status, src.Status[from:to]...)
	b.Lost = append(b.Lost, src.Lost[from:to]...)
	shift := int32(len(b.Driver.Data)) - src.Driver.Offsets[from]
	for _, o := range src.Driver.Offsets[from+1 : to+1] {
		b.Driver.Offsets = append(b.Driver.Offsets, o+shift)
	}
	b.Driver.Data = append(b.Driver.Data, src.Driver.Data[src.Driver.Offsets[from]:src.Driver.Offsets[to]]...)
}

// AppendRows adds rows from:to of src, which may not be b.
func (b *Batch) AppendRows(src *Batch, from, to int) {
	if to <= from {
		return
	}
	b.appendRange(src, from, to)
	shift := int32(len(b.Detail.Data)) - src.Detail.Offsets[from]
	for _, o := range src.Detail.Offsets[from+1 : to+1] {
		b.Detail.Offsets = append(b.Detail.Offsets, o+shift)
	}
	b.Detail.Data = append(b.Detail.Data, src.Detail.Data[src.Detail.Offsets[from]:src.Detail.Offsets[to]]...)
}
