package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/aftrace/aftrace/analysis/explain"
	"github.com/aftrace/aftrace/analysis/life"
	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/analysis/timing"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// ladderOf is an explanation with a step of every kind; the strings of the trace in it are s.
func ladderOf(id, s string) *explain.Explanation {
	s = rows.Cut(s, 256)
	return &explain.Explanation{
		ID: id, Kind: explain.KindFinding, Statement: "What is opened is closed.", Sign: "it is not", Next: []string{"Look at " + s},
		Start: 1_767_225_600_000_000_000, Participants: []explain.Lane{{Name: "client " + s}, {Name: "NDIS", NDIS: true}, {Name: "call manager"}},
		Objects: []explain.Object{{
			Name: "AF open #3", Kind: "AF open", Label: s, Handle: "0xf0", Subject: true,
			Life: []explain.State{{Seq: 10, State: "asked for"}, {Seq: 12, Offset: 500, State: "opening, pended"}, {Seq: 16, Offset: 9000, State: "refused"}},
		}},
		Steps: []explain.Step{
			{Kind: explain.StepRow, Seq: 10, From: 0, To: 1, Function: "NdisClOpenAddressFamilyEx", Phase: "enter", AF: "Q2931 1.0", Objects: []int{0}},
			{Kind: explain.StepRow, Seq: 11, Offset: 300, From: 1, To: 2, Function: "ProtocolCmOpenAf", Phase: "enter"},
			{Kind: explain.StepRow, Seq: 12, Offset: 500, From: 2, To: 1, Function: "ProtocolCmOpenAf", Phase: "return", Status: "NDIS_STATUS_PENDING", Proves: true, Detail: `{"x":"` + s + `"}`},
			{Kind: explain.StepRow, Seq: 13, Offset: 510, From: 0, To: 0, Function: "ProtocolCoOidRequest", Phase: "event", IRQL: "DISPATCH"},
			{Kind: explain.StepElided, Seq: 14, Offset: 600, From: -1, To: -1, Count: 7},
			{Kind: explain.StepLost, Seq: 15, Offset: 700, From: -1, To: -1},
			{Kind: explain.StepEnd, Seq: 16, Offset: 9000, From: -1, To: -1},
		},
	}
}

// livesOf are lives whose strings are s.
func livesOf(s string) *Lives {
	l := NewLives(nil)
	b := &format.Batch{}
	for i := range 40 {
		b.Append(&format.Event{Seq: uint64(i + 1), TS: 1_767_225_600_000_000_000 + int64(i)*1000, Phase: format.PhaseEnter})
	}
	l.Batch(b)
	l.ended(&life.Life{
		Note:    replay.Note{Kind: replay.AFOpenObject, ID: 1, State: replay.Gone, Handle: 0x10, LastSeq: 4, LastTS: b.TS[3]},
		Adapter: 0xa0, Driver: s, First: life.At{Seq: 3, TS: b.TS[2]}, Ready: life.At{Seq: 4, TS: b.TS[3]},
	})
	return l
}

func material(s string) Material {
	return Material{
		Ladders: func(_ int, subjects []explain.Subject) []*explain.Explanation {
			var out []*explain.Explanation
			for _, x := range subjects {
				out = append(out, ladderOf(x.ID(), s))
			}
			return out
		},
		Lives:      []*Lives{livesOf(s)},
		Histograms: []timing.Histogram{{Row: timing.Row{Function: ndis.NdisClOpenAddressFamilyEx, Driver: s, Count: 3, Min: 900, P50: 1000, P99: 40_000, Max: 40_000}, First: 23, Bins: []uint64{2, 0, 1}}},
	}
}

func htmlOf(t *testing.T, r *Report, m Material) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b, "html", "1.2.3", TextOptions{Flags: " --strict AMB-05"}, m); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var (
	inScript = regexp.MustCompile(`(?s)<script>(.*?)</script>`)
	inStyle  = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	inData   = regexp.MustCompile(`(?s)<script type="application/json" id="data">(.*?)</script>`)
	tag      = regexp.MustCompile(`<[a-zA-Z/!][^>]*>`)
	handler  = regexp.MustCompile(`\s(on[a-z]+|style|srcdoc)\s*=`)
)

// Strings of a trace are text in the page and nothing else, and what may run is the page's own.
func TestHTMLIsInert(t *testing.T) {
	for name, s := range map[string]string{
		"nasty": nasty, "quotes": `"'><img src=x onerror=alert(1)>` + "`${alert(1)}`", "template": "{{.JS}}{{template \"ladder\"}}", "long": strings.Repeat("ä<", 1<<19),
		"script": "]]></title></style></svg></script><script>alert(1)</script>\u2028",
	} {
		r := New([]Trace{{Path: s, Err: fmt.Errorf("broken: %s", s), Result: hostile().Result}, hostile()}, Options{})
		for i := range r.Findings {
			r.Findings[i].Why = s
		}
		page := htmlOf(t, r, material(s))
		if strings.Count(page, "<script") != 2 || strings.Count(page, "</script") != 2 || strings.Count(page, "<style") != 1 {
			t.Errorf("%s: %d scripts, %d ends, %d styles", name, strings.Count(page, "<script"), strings.Count(page, "</script"), strings.Count(page, "<style"))
		}
		markup := inScript.ReplaceAllString(inStyle.ReplaceAllString(inData.ReplaceAllString(page, ""), ""), "")
		for _, x := range tag.FindAllString(markup, -1) {
			if handler.MatchString(regexp.MustCompile(`"[^"]*"`).ReplaceAllString(x, `""`)) || strings.HasPrefix(x, "<img") || strings.Contains(x, "=\"javascript:") {
				t.Errorf("%s: a string became markup: %s", name, rows.Cut(x, 200))
			}
		}
		data := inData.FindStringSubmatch(page)
		if data == nil {
			t.Fatalf("%s: no data", name)
		}
		var traces []tlTrace
		if err := json.Unmarshal([]byte(data[1]), &traces); err != nil || len(traces) != 1 {
			t.Errorf("%s: data of %d traces: %v", name, len(traces), err)
		}
		if strings.ContainsAny(data[1], "<>&") {
			t.Errorf("%s: the data could end its element", name)
		}
		for _, c := range page {
			if c < ' ' && c != '\n' || c == 0x7f || c == '\u202e' || c == '\u2028' {
				t.Errorf("%s: contains %U", name, c)
				break
			}
		}
		if len(page) > 1<<18 {
			t.Errorf("%s: %d bytes: long strings are not cut", name, len(page))
		}
	}
}

// The policy allows the script and the style of the page by their hashes, as a browser
// computes them.
func TestHTMLPolicy(t *testing.T) {
	page := htmlOf(t, variants()["all"], material("x"))
	policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)
	if policy == nil {
		t.Fatal("no policy")
	}
	for _, part := range []*regexp.Regexp{inScript, inStyle} {
		found := part.FindStringSubmatch(page)
		sum := sha256.Sum256([]byte(found[1]))
		if want := "sha256-" + base64.StdEncoding.EncodeToString(sum[:]); !strings.Contains(strings.ReplaceAll(policy[1], "&#43;", "+"), want) {
			t.Errorf("%s does not allow %s", policy[1], want)
		}
	}
	if !strings.HasPrefix(policy[1], "default-src &#39;none&#39;;") || strings.Contains(policy[1], "unsafe") {
		t.Errorf("policy %s", policy[1])
	}
	for _, url := range regexp.MustCompile(`(?:src|href)="([^"#][^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(url[1], "https://learn.microsoft.com/") {
			t.Errorf("refers to %s", url[1])
		}
	}
}

// What the page says, without scripts.
func TestHTMLSays(t *testing.T) {
	page := htmlOf(t, variants()["accepted"], material("cm1"))
	for _, want := range []string{
		"REG-14@40", "OPEN-07@90", "suppressed", "refused-registration@61", "afreplay explain host.arrow OPEN-07@90 --strict AMB-05",
		"7 rows about the same left out", "events were lost here", "the trace ends", "ProtocolCmOpenAf returns PENDING", "What is opened is closed.",
		"asked for (10) → opening, pended (12) → refused (16)", "known in this lab", "return_without_enter",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	verdict, todo, findings := strings.Index(page, `id="verdict"`), strings.Index(page, `id="todo-head"`), strings.Index(page, `id="findings"`)
	if verdict < 0 || verdict > todo || todo > findings {
		t.Errorf("verdict at %d, what to do at %d, findings at %d", verdict, todo, findings)
	}
	for name, r := range variants() {
		if page := htmlOf(t, r, Material{}); strings.Contains(page, `id="timeline"`) || strings.Contains(page, "svg") && strings.Contains(page, `class="ladder"`) && strings.Contains(page, "<svg class") {
			t.Errorf("%s: without material there is nothing to draw", name)
		}
	}
}

// What is left out is counted, and rare kinds of findings are not crowded out.
func TestHTMLLimits(t *testing.T) {
	many := host()
	many.Result.Findings = nil
	for i := range 3000 {
		many.Result.Findings = append(many.Result.Findings, replay.Finding{Seq: uint64(i), Rule: rule.OPEN07, Severity: rule.Error, Message: "never completed", Events: []uint64{uint64(i)}})
	}
	many.Result.Findings = append(many.Result.Findings, replay.Finding{Seq: 9999, Rule: rule.REG07, Severity: rule.Warning, Message: "rare", Events: []uint64{9999}})
	page := htmlOf(t, New([]Trace{many}, Options{}), material("cm1"))
	if n := strings.Count(page, `<li data-severity=`); n != htmlFindings {
		t.Errorf("%d findings listed", n)
	}
	// Conflicts have ladders too.
	if n := strings.Count(page, `<svg class="ladder"`); n != htmlLadders+len(many.Result.Conflicts) {
		t.Errorf("%d ladders", n)
	}
	for _, want := range []string{"REG-07@9999", "left out: 1,001× OPEN-07", "Ladders are drawn for 200 of 2,000"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func TestLadderStaysInItsPicture(t *testing.T) {
	l := draw(ladderOf("X@1", strings.Repeat("wide ", 100)))
	if len(l.Steps) != 7 || len(l.Lanes) != 3 {
		t.Fatalf("%d steps, %d lanes", len(l.Steps), len(l.Lanes))
	}
	bottom := 0
	for i, s := range l.Steps {
		if s.Top < bottom || s.Y > s.Top+s.Height || s.Top+s.Height > l.Height {
			t.Errorf("step %d lies at %d to %d of %d", i, s.Top, s.Top+s.Height, l.Height)
		}
		bottom = s.Top + s.Height
		if w := l.TextX + int(float64(len([]rune(s.Text+s.About)))*7); w > l.Width {
			t.Errorf("the text of step %d ends at %d of %d", i, w, l.Width)
		}
	}
	if s := l.Steps[0]; s.X1 != l.Lanes[0].X || s.X2 >= l.Lanes[1].X || s.Dashed {
		t.Errorf("the call goes from %d to %d, dashed: %v", s.X1, s.X2, s.Dashed)
	}
	if s := l.Steps[2]; s.X1 != l.Lanes[2].X || s.X2 <= l.Lanes[1].X || !s.Dashed || !s.Proves {
		t.Errorf("the return goes from %d to %d, dashed: %v, proves: %v", s.X1, s.X2, s.Dashed, s.Proves)
	}
	if s := l.Steps[3]; s.Self == "" {
		t.Error("a call to itself has no arrow")
	}
}

// A sample is spread evenly over the lives, however many there are.
func TestLivesAreSampledEvenly(t *testing.T) {
	for _, n := range []int{1, livesPerKind, livesPerKind + 1, 100_000} {
		var k kindLives
		for i := range n {
			k.add(&life.Life{Note: replay.Note{ID: uint64(i)}, Driver: strings.Repeat("x", 1000)})
		}
		if k.total != uint64(n) || len(k.kept) > livesPerKind || len(k.kept) < min(n, livesPerKind/2) {
			t.Fatalf("of %d lives %d are kept, %d counted", n, len(k.kept), k.total)
		}
		for i := range k.kept {
			if want := uint64(i) * k.stride; k.kept[i].ID != want {
				t.Fatalf("of %d lives number %d is kept, want %d", n, k.kept[i].ID, want)
			}
			if len(k.kept[i].Driver) > nameSize+len("…") {
				t.Fatal("a long name is kept")
			}
		}
	}
}

func TestAdaptersAreCapped(t *testing.T) {
	l := NewLives(nil)
	for i := range maxAdapters + 10 {
		l.ended(&life.Life{Adapter: uint64(i)})
	}
	l.Finish()
	if len(l.adapters) != maxAdapters || l.others != 10 || l.adapters[maxAdapters-1].handle != 0 {
		t.Errorf("%d adapters, %d others, the last is %#x", len(l.adapters), l.others, l.adapters[len(l.adapters)-1].handle)
	}
}

// No row is lost from the overview, whatever its time.
func TestActivityCountsAll(t *testing.T) {
	for _, times := range [][]int64{{0}, {5, 5, 5}, {0, 1_000_000, -1_000_000}, {math.MaxInt64, math.MinInt64, 0}, {-5e17, 1, 2e18, -1}} {
		a := activity{zero: times[0]}
		for _, ts := range times {
			a.add(ts)
		}
		var sum uint64
		for _, n := range a.bins {
			sum += n
		}
		if sum != uint64(len(times)) {
			t.Errorf("%v: %d counted", times, sum)
		}
		for _, ts := range times {
			if at := float64(rows.Sub(ts, a.zero)); at < a.start || at > a.start+a.width*activityBins {
				t.Errorf("%v: %d is outside of %g + %d × %g", times, ts, a.start, activityBins, a.width)
			}
		}
	}
}

// Batches that are read into one another do not confuse what is lost with what is not.
func TestLivesSeeGapsAtTheEndOfABatch(t *testing.T) {
	l := NewLives(nil)
	var got []bool
	inner := l.follow.Ended
	l.follow.Ended = func(x *life.Life) { got = append(got, x.Cut); inner(x) }
	row := func(seq uint64, id uint64) {
		l.Row(&replay.Row{Index: 0, Seq: seq, CallSeq: seq, Objects: []replay.Object{{Kind: replay.AFOpenObject, ID: id, State: stateNamed(t, "open")}}})
	}
	b := &format.Batch{}
	b.Append(&format.Event{Seq: 1, TS: 10, Phase: format.PhaseEnter})
	b.Append(&format.Event{Seq: 2, TS: 20, Phase: format.PhaseGap})
	l.Batch(b)
	row(1, 1)
	*b = format.Batch{} // the reader uses it again
	b.Append(&format.Event{Seq: 3, TS: 30, Phase: format.PhaseEnter})
	l.Batch(b)
	row(3, 2)
	l.Finish()
	if !slices.Equal(got, []bool{true, false}) || len(l.losses) != 1 {
		t.Errorf("cut: %v, %d losses", got, len(l.losses))
	}
}

func stateNamed(t *testing.T, name string) replay.ObjectState {
	for s := range replay.ObjectState(replay.NumObjectStates) {
		if s.String() == name {
			return s
		}
	}
	t.Fatalf("no state %s", name)
	return 0
}

// The thread flows of SARIF are the ladder where there is one, and satisfy the schema
// whatever is in it.
func TestSARIFLadders(t *testing.T) {
	schema := sarifSchema(t)
	for _, s := range []string{"cm1", nasty} {
		many := host()
		for i := range 200 {
			many.Result.Findings = append(many.Result.Findings, replay.Finding{Seq: uint64(1000 + i), Rule: rule.OPEN07, Severity: rule.Error, Message: "x", Events: []uint64{40}})
		}
		m := material(s)
		asked := 0
		ladders := m.Ladders
		m.Ladders = func(trace int, subjects []explain.Subject) []*explain.Explanation {
			asked += len(subjects)
			return ladders(trace, subjects)
		}
		var b bytes.Buffer
		if err := New([]Trace{many}, Options{}).Write(&b, "sarif", "1", TextOptions{Rows: rowsOf}, m); err != nil {
			t.Fatal(err)
		}
		if asked != sarifLadders+len(many.Result.Conflicts) {
			t.Errorf("%d ladders asked for", asked)
		}
		log, err := jsonschema.UnmarshalJSON(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(log); err != nil {
			t.Error(err)
		}
		var doc sarifLog
		if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		drawn := 0
		for _, res := range doc.Runs[0].Results {
			if len(res.CodeFlows) == 0 || !strings.HasPrefix(res.CodeFlows[0].Message.Text, "Ladder of ") {
				continue
			}
			drawn++
			steps, essential := 0, 0
			for _, f := range res.CodeFlows[0].ThreadFlows {
				for _, l := range f.Locations {
					steps++
					if l.Importance == "essential" {
						essential++
					}
				}
			}
			if steps != 7 || essential != 1 || len(res.CodeFlows[0].ThreadFlows) != 3 {
				t.Fatalf("%s: %d steps, %d essential, %d flows; want 7, 1, 3", res.RuleID, steps, essential, len(res.CodeFlows[0].ThreadFlows))
			}
		}
		if drawn != asked {
			t.Errorf("%d results have a ladder, want %d", drawn, asked)
		}
	}
}

func BenchmarkHTML(b *testing.B) {
	many := host()
	for i := range 1000 {
		many.Result.Findings = append(many.Result.Findings, replay.Finding{Seq: uint64(1000 + i), Rule: rule.OPEN07, Severity: rule.Error, Message: "never completed", Events: []uint64{40}})
	}
	r, m := New([]Trace{many}, Options{}), material("cm1")
	for b.Loop() {
		if err := r.WriteHTML(io.Discard, HTMLOptions{Material: m}); err != nil {
			b.Fatal(err)
		}
	}
}
