package report

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	_ "embed" // the page
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aftrace/aftrace/analysis/explain"
	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/analysis/timing"
	"github.com/aftrace/aftrace/replay"
)

// Limits of the HTML report, so that a browser shows it at once whatever was found. The page
// says what it leaves out.
const (
	htmlFindings  = 2000 // the gravest, some of each kind
	htmlConflicts = 500
	htmlLadders   = 200 // of findings, some of each kind
	htmlBattles   = 50  // ladders of conflicts
	htmlTodo      = 8   // kinds of findings under what to do
	htmlTimings   = 200
	htmlTraces    = 1000
	htmlReasons   = 20
	eventsListed  = 24
	titleSize     = 600 // bytes of a message
)

// Material is what some reports show beside the model. Each part is optional: without it
// they show less.
type Material struct {
	// Ladders explains findings and conflicts of the trace at an index, in their order; nil
	// stands for one that cannot be explained any more.
	Ladders func(trace int, subjects []explain.Subject) []*explain.Explanation

	Lives      []*Lives // of the objects of each trace; nil for those that have none
	Histograms []timing.Histogram
}

// HTMLOptions say what WriteHTML cannot know.
type HTMLOptions struct {
	Version string // of the tool
	Flags   string // what afreplay explain needs to find the same, with a space before it
	Material
}

var (
	//go:embed page/page.html
	pageHTML string
	//go:embed page/page.css
	pageCSS string
	//go:embed page/page.js
	pageJS string

	pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
		"safe":   func(s string) string { return rows.Safe(rows.Cut(s, nameSize)) },
		"long":   func(s string) string { return rows.Safe(rows.Cut(s, messageSize)) },
		"num":    thousands,
		"count":  rows.Count[int],
		"ns":     rows.Duration,
		"offset": explain.Offset,
		"base":   baseName,
		"add":    func(a, b int) int { return a + b },
	}).Parse(pageHTML))
)

// WriteHTML writes the report as one HTML file that needs nothing else: no network and, but
// for the timeline, the filter and the keys, no script. Strings of a trace are shown as they
// are; nothing in them is markup or script, and a policy in the page forbids every script
// but its own.
func (r *Report) WriteHTML(w io.Writer, o HTMLOptions) error {
	b := bufio.NewWriterSize(w, 1<<16)
	if err := pageTemplate.Execute(b, newPage(r, o)); err != nil {
		return err
	}
	return b.Flush()
}

// page is what the template shows.
type page struct {
	*Report
	Policy      string
	CSS         template.CSS
	JS          template.JS
	Timeline    template.JS // JSON
	HasTimeline bool        // there is something in Timeline
	Version     string

	Headline  string
	Meaning   string // of the verdict
	Asked     bool
	Todo      []todo
	TodoMore  int
	Found     []*htmlFinding
	Hidden    []hidden // findings that are not in Found
	HiddenN   int
	Fights    []*htmlConflict
	FightsOff int
	Ladders   int // findings with one
	Inputs    []htmlTrace
	InputsOff int
	Lives     []htmlLives
	Times     htmlTimes
	Filters   filters
	Rows      htmlRules
	Several   bool // traces
}

type hidden struct {
	Rule  string
	Count int
}

// todo is what is to be done about findings of a kind.
type todo struct {
	Class   string
	Rule    string
	Count   int
	Blame   string
	Message string
	Next    []string
	Link    string // anchor of the first one
}

type htmlFinding struct {
	*Finding
	Anchor  string
	Kind    string // severity, "inconclusive" before it if so
	Class   string
	Name    string // of the driver, ready to be shown
	Blame   string
	Title   string
	Listed  []uint64
	More    int // events that are not listed
	Why     *htmlLadder
	Ex      *explain.Explanation
	Command string
}

type htmlConflict struct {
	*Conflict
	Anchor  string
	Class   string
	Title   string
	AFName  string
	Command string
	Listed  []uint64
	More    int
	Why     *htmlLadder
	Ex      *explain.Explanation
}

type htmlTrace struct {
	*TraceSummary
	Defects []htmlDefect
}

type htmlDefect struct {
	Name, Text string
	Count      uint64
	Row        string
}

type filters struct{ Rules, Drivers, Adapters, States []string }

type htmlRules struct {
	Checked, Partly, Not, Idle int
	Reasons                    []hiddenReason
	ReasonsOff                 int
	Rules                      []Rule
}

type hiddenReason struct {
	Why   string
	Count uint64
}

func newPage(r *Report, o HTMLOptions) *page {
	p := &page{
		Report: r, CSS: template.CSS(pageCSS), JS: template.JS(pageJS), Version: o.Version,
		Policy: "default-src 'none'; style-src '" + hashOf(pageCSS) + "'; script-src '" + hashOf(pageJS) + "'; base-uri 'none'; form-action 'none'",

		Headline: r.headline(), Asked: r.asked, Several: len(r.Traces) > 1,
	}
	p.Meaning = p.meaning()
	p.choose(o)
	p.explainAll(o)
	p.plan()
	p.inputs()
	p.rules()
	p.Times = newTimes(o.Histograms)
	p.timeline(o.Lives)
	return p
}

// hashOf is the source of a policy that allows just s.
func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func (p *page) meaning() string {
	switch p.verdict {
	case replay.Conforms:
		return "No rule that could be evaluated is broken."
	case replay.Violations:
		if p.asked {
			return "No finding of severity error stands; --fail-on asks for more than that."
		}
		return "At least one documented rule is broken, and lost events cannot explain it."
	case replay.Inconclusive:
		return "Nothing is proved: what is missing from the recording could change the verdict."
	}
	return "An input could not be read to its end; what was read before is below."
}

// choose picks the findings and conflicts that the page lists.
func (p *page) choose(o HTMLOptions) {
	order := diverse(p.byWeight())
	hiddenBy, left := map[string]int{}, map[*Finding]bool{}
	for _, f := range order[min(len(order), htmlFindings):] {
		hiddenBy[f.Rule]++
		p.HiddenN++
		left[f] = true
	}
	for _, id := range slices.Sorted(maps.Keys(hiddenBy)) {
		p.Hidden = append(p.Hidden, hidden{id, hiddenBy[id]})
	}
	order = slices.DeleteFunc(p.byWeight(), func(f *Finding) bool { return left[f] })
	var rules, drivers, adapters, states []string
	for i, f := range order {
		x := &htmlFinding{
			Finding: f, Anchor: "f" + strconv.Itoa(i+1), Kind: f.Severity, Class: f.Severity, Blame: f.blame(),
			Title: rows.Safe(rows.Cut(f.Message, titleSize)), Command: command(f.Trace, f.ID, o.Flags),
		}
		if f.Verdict == "inconclusive" {
			x.Kind, x.Class = "inconclusive "+f.Severity, "doubt"
		}
		if f.State == StateKnown || f.State == StateSuppressed {
			x.Class = "accepted"
		}
		if f.Driver != nil {
			x.Name = rows.Safe(rows.Cut(*f.Driver, nameSize))
			drivers = append(drivers, x.Name)
		}
		if f.Adapter != nil {
			adapters = append(adapters, *f.Adapter)
		}
		if f.State != "" {
			states = append(states, f.State)
		}
		rules = append(rules, f.Rule)
		x.Listed = shown(f.Events, eventsListed)
		x.More = len(f.Events) - len(x.Listed)
		p.Found = append(p.Found, x)
	}
	p.Filters = filters{distinct(rules), distinct(drivers), distinct(adapters), distinct(states)}
	for i := range p.Conflicts[:min(len(p.Conflicts), htmlConflicts)] {
		c := &p.Conflicts[i]
		x := &htmlConflict{
			Conflict: c, Anchor: "c" + strconv.Itoa(i+1), Class: "conflict", Title: rows.Safe(rows.Cut(c.Message, titleSize)),
			AFName: strings.TrimSpace(c.AF + " " + c.version), Command: command(c.Trace, c.ID, o.Flags),
		}
		if c.Verdict == "inconclusive" {
			x.Class = "doubt"
		}
		x.Listed = shown(c.Events, eventsListed)
		x.More = len(c.Events) - len(x.Listed)
		p.Fights = append(p.Fights, x)
	}
	p.FightsOff = len(p.Conflicts) - len(p.Fights)
}

// diverse puts some findings of each rule and driver before the rest, else in the order
// given: one that occurs a thousand times is not to hide the others.
func diverse(order []*Finding) []*Finding {
	type kind struct{ rule, driver string }
	seen := map[kind]int{}
	var first, rest []*Finding
	for _, f := range order {
		k := kind{rule: f.Rule}
		if f.Driver != nil {
			k.driver = *f.Driver
		}
		if seen[k]++; seen[k] <= sameRule {
			first = append(first, f)
		} else {
			rest = append(rest, f)
		}
	}
	return append(first, rest...)
}

func distinct(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

// explainAll draws the ladders of some findings and conflicts, each trace at once.
func (p *page) explainAll(o HTMLOptions) {
	if o.Ladders == nil {
		return
	}
	byRow := map[*Finding]*htmlFinding{}
	var order []*Finding
	for _, x := range p.Found {
		byRow[x.Finding] = x
		order = append(order, x.Finding)
	}
	findings, conflicts := map[int][]*htmlFinding{}, map[int][]*htmlConflict{}
	for _, f := range diverse(order)[:min(len(order), htmlLadders)] {
		findings[f.trace] = append(findings[f.trace], byRow[f])
	}
	for _, x := range p.Fights[:min(len(p.Fights), htmlBattles)] {
		conflicts[x.trace] = append(conflicts[x.trace], x)
	}
	for i := range p.traces {
		if len(findings[i])+len(conflicts[i]) == 0 {
			continue
		}
		var subjects []explain.Subject
		for _, x := range findings[i] {
			subjects = append(subjects, p.subject(x.Finding))
		}
		for _, x := range conflicts[i] {
			subjects = append(subjects, explain.Subject{Conflict: &p.traces[i].Result.Conflicts[x.nth]})
		}
		list := o.Ladders(i, subjects)
		for k, e := range list {
			switch {
			case e == nil:
			case k < len(findings[i]):
				x := findings[i][k]
				x.Ex, x.Why = e, draw(e)
				p.Ladders++
			default:
				x := conflicts[i][k-len(findings[i])]
				x.Ex, x.Why = e, draw(e)
			}
		}
	}
}

// subject is a finding as the replay gave it.
func (r *Report) subject(f *Finding) explain.Subject {
	return explain.Subject{Finding: &r.traces[f.trace].Result.Findings[f.nth]}
}

// plan says what to do, the gravest kinds of findings first.
func (p *page) plan() {
	type kind struct{ rule, driver, fault string }
	index := map[kind]int{}
	for _, x := range p.Found {
		if x.State == StateKnown || x.State == StateSuppressed {
			continue
		}
		k := kind{x.Rule, x.Name, x.AtFault}
		i, ok := index[k]
		if !ok {
			i = len(p.Todo)
			index[k] = i
			p.Todo = append(p.Todo, todo{Class: x.Class, Rule: x.Rule, Blame: x.Finding.who(), Message: x.Title, Link: x.Anchor})
		}
		t := &p.Todo[i]
		t.Count++
		if t.Next == nil && x.Ex != nil {
			t.Next = x.Ex.Next
		}
	}
	for _, x := range p.Fights {
		if x.Ex == nil || x.Kind == string(replay.ConflictAcceptedRegistration) {
			continue // there is a finding of that
		}
		k := kind{x.Kind, x.Contender, x.Cause}
		i, ok := index[k]
		if !ok {
			i = len(p.Todo)
			index[k] = i
			p.Todo = append(p.Todo, todo{Class: x.Class, Rule: x.Kind, Blame: x.AFName, Message: x.Title, Next: x.Ex.Next, Link: x.Anchor})
		}
		p.Todo[i].Count++
	}
	p.TodoMore = max(0, len(p.Todo)-htmlTodo)
	p.Todo = p.Todo[:len(p.Todo)-p.TodoMore]
}

// who is at fault, with the driver.
func (f *Finding) who() string {
	s := cmp.Or(f.AtFault, "nobody")
	if f.Driver != nil && *f.Driver != s {
		s += " " + rows.Safe(rows.Cut(*f.Driver, nameSize))
	}
	return s
}

func (p *page) inputs() {
	n := min(len(p.Traces), htmlTraces)
	p.InputsOff = len(p.Traces) - n
	for i := range p.Traces[:n] {
		t := &p.Traces[i]
		x := htmlTrace{TraceSummary: t}
		for _, k := range sortedKeys(t.Defects) {
			d := htmlDefect{Name: k, Count: t.Defects[k], Text: replay.DefectText(k)}
			if seq, ok := t.DefectRows[k]; ok {
				d.Row = strconv.FormatUint(seq, 10)
			}
			x.Defects = append(x.Defects, d)
		}
		p.Inputs = append(p.Inputs, x)
	}
}

func (p *page) rules() {
	checked, partly, not, idle, reasons := p.covered()
	p.Rows = htmlRules{Checked: checked, Partly: partly, Not: not, Idle: idle, Rules: p.Report.Rules}
	for i, why := range mostFrequent(reasons) {
		if i == htmlReasons {
			p.Rows.ReasonsOff = len(reasons) - i
			break
		}
		p.Rows.Reasons = append(p.Rows.Reasons, hiddenReason{why, reasons[why]})
	}
}

// command is how afreplay explains a finding, quoted for a shell if it has to be.
func command(trace, id, flags string) string {
	of := rows.Safe(rows.Cut(trace, messageSize))
	if strings.ContainsAny(of, " \t'\"$&;|<>()*?\\`") {
		of = "'" + strings.ReplaceAll(of, "'", `'\''`) + "'"
	}
	return fmt.Sprintf("afreplay explain %s %s%s", of, id, flags)
}

// thousands is a number with its digits in groups.
func thousands(v any) string {
	s := fmt.Sprint(v)
	if len(s) <= 3 {
		return s
	}
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}

func baseName(path string) string {
	if i := strings.LastIndexAny(path, `/\`); i >= 0 && i+1 < len(path) {
		return path[i+1:]
	}
	return path
}
