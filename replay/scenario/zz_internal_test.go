package scenario
import ("fmt";"github.com/aftrace/aftrace/format")
func Debug(name string, t *Trace) string {
	out := ""
	want, _ := (&Scenario{Name: name, Events: t.Events, Metadata: t.Metadata, Options: t.Options, Cut: t.Truncated}).Replay(1 << 16)
	m := manner{true,true,true}
	d := newDecompiler(name, t, m, want, nil)
	out += fmt.Sprintln("run", d.run())
	text := d.text("")
	s, err := Compile(name, text)
	if err != nil { return out+err.Error()+text }
	lock := d.c.s.Events
	fw, bw := map[uint64]uint64{}, map[uint64]uint64{}
	eq := func(a,b uint64) bool { if a==0||b==0 {return a==b}; if x,ok:=fw[a]; ok && x!=b {return false}; if x,ok:=bw[b]; ok && x!=a {return false}; fw[a]=b; bw[b]=a; return true }
	out += fmt.Sprintln(len(s.Events), len(lock), len(t.Events))
	for i := range s.Events { a, b := &s.Events[i], &t.Events[i]
		if i < len(lock) { l := lock[i]; if l != *a { out += fmt.Sprintf("LOCK %d %+v\n   %+v\n", i, l, *a) } }
		if a.Has != b.Has&^(format.HasTicks|format.HasCPU) || a.Phase!=b.Phase || a.Function!=b.Function || a.Status!=b.Status&& a.Has&format.HasStatus!=0 || !eq(a.AF,b.AF)|| !eq(a.Context,b.Context)||!eq(a.VC,b.VC)||!eq(a.SAP,b.SAP)||!eq(a.Binding,b.Binding)||!eq(a.Adapter,b.Adapter)||!eq(a.Context2,b.Context2)||!eq(a.Party,b.Party) || a.Driver!=b.Driver||a.IRQL!=b.IRQL || !eq(a.TID+1000,b.TID+1<<60) || !eq(a.CallID+1<<50,b.CallID+1<<59) || (i>0 && a.TS-s.Events[0].TS != b.TS-t.Events[0].TS) {
			out += fmt.Sprintf("ROW %d %+v\n   %+v\n", i, *a, *b); if len(out) > 3000 {break} }
	}
	if len(out) < 30 { for i := range s.Events { out += fmt.Sprintf("%d %s\n   %s\n", i, s.Events[i].Detail, t.Events[i].Detail) }; out += text }
	return out
}
