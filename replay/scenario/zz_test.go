package scenario_test
import ("math/rand/v2";"github.com/aftrace/aftrace/internal/naive";"testing";"os";"fmt";"github.com/aftrace/aftrace/replay/scenario")
func TestZZ(t *testing.T){ f:=os.Getenv("ZZ"); if f=="" {t.Skip()}
 raw,_:=os.ReadFile(f); s,err:=scenario.Compile("x.af",string(raw)); if err!=nil{t.Fatal(err)}
 text,err:=scenario.Decompile("x.af",&scenario.Trace{Events:s.Events,Metadata:s.Metadata,Truncated:s.Cut,Options:s.Options,Prose:s.Prose})
 fmt.Println(text,err)}
func TestZS(t *testing.T){ var seed uint64; fmt.Sscan(os.Getenv("ZS"),&seed); if seed==0 {t.Skip()}
		o := naive.GenOptions{Loose: seed%3 == 0, Faults: int(seed % 3)}
		rows := naive.Random(rand.New(rand.NewPCG(seed, 11)), o)
		fmt.Println(scenario.Debug("x",&scenario.Trace{Events: rows})) }
