package report

import (
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/aftrace/aftrace/analysis/explain"
	"github.com/aftrace/aftrace/analysis/rows"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay"
	"github.com/aftrace/aftrace/replay/rule"
)

// SARIFOptions say what WriteSARIF cannot know.
type SARIFOptions struct {
	Version string // of the tool

	// Rows fetches the rows that prove findings, as in TextOptions. Without it, and for
	// rows that are not there any more, there are no thread flows.
	Rows func(trace int, seqs []uint64) map[uint64]format.Event

	// Ladders explains findings and conflicts, as in Material. It is asked for some of each
	// kind; the thread flows of the others are the rows that prove them.
	Ladders func(trace int, subjects []explain.Subject) []*explain.Explanation
}

// What a log of SARIF 2.1.0 consists of, as far as we use it.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Artifacts   []sarifArtifact   `json:"artifacts"`
		Results     []sarifResult     `json:"results"`
		ColumnKind  string            `json:"columnKind"`
		Properties  map[string]any    `json:"properties,omitempty"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifText struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifRule struct {
		ID               string         `json:"id"`
		ShortDescription sarifText      `json:"shortDescription"`
		FullDescription  sarifText      `json:"fullDescription"`
		Help             sarifText      `json:"help"`
		HelpURI          string         `json:"helpUri,omitempty"`
		Configuration    sarifConfig    `json:"defaultConfiguration"`
		Properties       map[string]any `json:"properties,omitempty"`
	}
	sarifConfig struct {
		Level string `json:"level"`
	}
	sarifInvocation struct {
		ExecutionSuccessful bool                `json:"executionSuccessful"`
		ExitCode            int                 `json:"exitCode"`
		Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
	}
	sarifArtifact struct {
		Location   sarifArtifactLocation `json:"location"`
		Properties map[string]any        `json:"properties,omitempty"`
	}
	sarifArtifactLocation struct {
		URI   string `json:"uri"`
		Index int    `json:"index"`
	}
	sarifLocation struct {
		Physical *sarifPhysical   `json:"physicalLocation,omitempty"`
		Logical  []sarifLogical   `json:"logicalLocations,omitempty"`
		Message  *sarifText       `json:"message,omitempty"`
		Props    map[string]int64 `json:"properties,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifactLocation `json:"artifactLocation"`
	}
	sarifLogical struct {
		Name string `json:"name"`
		Full string `json:"fullyQualifiedName,omitempty"`
		Kind string `json:"kind,omitempty"`
	}
	sarifResult struct {
		RuleID       string             `json:"ruleId"`
		RuleIndex    int                `json:"ruleIndex"`
		Kind         string             `json:"kind"`
		Level        string             `json:"level"`
		Message      sarifText          `json:"message"`
		Locations    []sarifLocation    `json:"locations"`
		Fingerprints map[string]string  `json:"partialFingerprints,omitempty"`
		CodeFlows    []sarifCodeFlow    `json:"codeFlows,omitempty"`
		Baseline     string             `json:"baselineState,omitempty"`
		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
		Properties   map[string]any     `json:"properties,omitempty"`
	}
	sarifCodeFlow struct {
		Message     sarifText         `json:"message"`
		ThreadFlows []sarifThreadFlow `json:"threadFlows"`
	}
	sarifThreadFlow struct {
		ID        string      `json:"id"`
		Message   sarifText   `json:"message"`
		Locations []sarifStep `json:"locations"`
	}
	sarifStep struct {
		Location       sarifLocation `json:"location"`
		ExecutionOrder int           `json:"executionOrder"`
		ExecutionTime  string        `json:"executionTimeUtc"`
		Importance     string        `json:"importance"`
		Kinds          []string      `json:"kinds,omitempty"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Justification string `json:"justification"`
	}
)

// sarifConflicts are the kinds of conflicts as rules of our own: they are no findings, but
// what a user of a SARIF viewer wants to see too.
var sarifConflicts = []struct {
	kind replay.ConflictKind
	text string
}{
	{replay.ConflictRefusedRegistration, "NDIS refused to register an address family because somebody else holds it."},
	{replay.ConflictAcceptedRegistration, "NDIS let two call managers register one address family."},
	{replay.ConflictRefusedSAP, "A call manager refused a SAP."},
	{replay.ConflictUnservedOpen, "A client opened an address family that nobody, or somebody else, serves."},
}

// Limits of the thread flows.
const (
	sarifSteps   = 100 // rows of a finding without a ladder
	sarifLadders = 100 // findings with one
	sarifBattles = 50  // conflicts with one
)

// WriteSARIF writes the report as a log of SARIF 2.1.0 with one run. All rules of the
// catalogue are declared. A finding is a result of kind fail, one that lost events could
// explain of kind open; conflicts are informational. The thread flows of a result are the
// ladder of the events that prove it: one flow a driver, one for what NDIS did to none.
// The partial fingerprint aftrace/v1 is that of docs/report.md.
func (r *Report) WriteSARIF(w io.Writer, o SARIFOptions) error {
	s := &sarif{Report: r, o: o, index: map[string]int{}}
	s.rows = s.fetchAll()
	s.explainAll()
	run := sarifRun{
		Tool: sarifTool{Driver: sarifDriver{
			Name: "afreplay", Version: o.Version, InformationURI: "https://github.com/aftrace/aftrace", Rules: s.rules(),
		}},
		Invocations: []sarifInvocation{s.invocation()}, Artifacts: []sarifArtifact{}, Results: []sarifResult{}, ColumnKind: "unicodeCodePoints",
		Properties: map[string]any{"verdict": r.Verdict, "digest": r.Digest, "events": r.Events},
	}
	for i := range r.Traces {
		run.Artifacts = append(run.Artifacts, sarifArtifact{
			Location: s.artifact(i), Properties: map[string]any{"verdict": r.Traces[i].Verdict, "events": r.Traces[i].Events, "lost": r.Traces[i].Lost},
		})
	}
	for i := range r.Findings {
		run.Results = append(run.Results, s.finding(&r.Findings[i]))
	}
	for i := range r.Conflicts {
		run.Results = append(run.Results, s.conflict(&r.Conflicts[i]))
	}
	return rows.WriteJSON(w, sarifLog{
		Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run},
	})
}

type sarif struct {
	*Report
	o     SARIFOptions
	index map[string]int // of rules
	rows  []map[uint64]format.Event
	of    map[*Finding]*explain.Explanation
	by    map[*Conflict]*explain.Explanation
}

// explainAll gets the ladders, each trace at once.
func (s *sarif) explainAll() {
	s.of, s.by = map[*Finding]*explain.Explanation{}, map[*Conflict]*explain.Explanation{}
	if s.o.Ladders == nil {
		return
	}
	order := diverse(s.byWeight())
	order = order[:min(len(order), sarifLadders)]
	conflicts := s.Conflicts[:min(len(s.Conflicts), sarifBattles)]
	for i := range s.Traces {
		var subjects []explain.Subject
		var take []func(*explain.Explanation)
		for _, f := range order {
			if f.trace == i {
				subjects = append(subjects, s.subject(f))
				take = append(take, func(e *explain.Explanation) { s.of[f] = e })
			}
		}
		for k := range conflicts {
			if c := &conflicts[k]; c.trace == i {
				subjects = append(subjects, explain.Subject{Conflict: &s.traces[i].Result.Conflicts[c.nth]})
				take = append(take, func(e *explain.Explanation) { s.by[c] = e })
			}
		}
		if len(subjects) == 0 {
			continue
		}
		for k, e := range s.o.Ladders(i, subjects) {
			if e != nil && len(e.Steps) > 0 {
				take[k](e)
			}
		}
	}
}

// fetchAll reads the rows of all findings and conflicts, each trace once.
func (s *sarif) fetchAll() []map[uint64]format.Event {
	found := make([]map[uint64]format.Event, len(s.Traces))
	if s.o.Rows == nil {
		return found
	}
	want := make([][]uint64, len(s.Traces))
	for i := range s.Findings {
		f := &s.Findings[i]
		want[f.trace] = append(want[f.trace], shown(f.Events, sarifSteps)...)
	}
	for i := range s.Conflicts {
		c := &s.Conflicts[i]
		want[c.trace] = append(want[c.trace], shown(c.Events, sarifSteps)...)
	}
	for i, seqs := range want {
		if len(seqs) > 0 {
			found[i] = s.o.Rows(i, seqs)
		}
	}
	return found
}

func level(severity string) string {
	if severity == rule.Info.String() {
		return "note"
	}
	return severity
}

func (s *sarif) rules() (out []sarifRule) {
	for _, ru := range rule.All() {
		c := catalogueRule(&ru)
		severity := level(c.Severity)
		if severity == "" {
			severity = "none" // a guard is no rule that can be broken
		}
		help := c.Statement
		if c.Sign != "" {
			help += "\n\nWhat a trace shows: " + c.Sign + "."
		}
		if len(c.Needs) > 0 {
			help += "\n\nEvidence it needs: " + strings.Join(c.Needs, ", ") + "."
		}
		s.index[c.ID] = len(out)
		out = append(out, sarifRule{
			ID: c.ID, ShortDescription: sarifText{Text: c.Statement}, FullDescription: sarifText{Text: c.Statement},
			Help: sarifText{Text: help + "\n\n" + c.Page, Markdown: help + "\n\n[Documentation](" + c.Page + ")"}, HelpURI: c.Page,
			Configuration: sarifConfig{severity},
			Properties:    map[string]any{"tags": []string{"condis", ru.Group}, "kind": c.Kind, "at_fault": c.AtFault},
		})
	}
	for _, c := range sarifConflicts {
		id := "conflict/" + string(c.kind)
		s.index[id] = len(out)
		governs := explain.ConflictRule(c.kind).Rule()
		help := c.text + "\n\n" + governs.Name + " governs it: " + governs.Statement
		out = append(out, sarifRule{
			ID: id, ShortDescription: sarifText{Text: c.text}, FullDescription: sarifText{Text: c.text},
			Help:    sarifText{Text: help + "\n\n" + governs.Page, Markdown: help + "\n\n[Documentation](" + governs.Page + ")"},
			HelpURI: governs.Page, Configuration: sarifConfig{"none"}, Properties: map[string]any{"tags": []string{"condis", "conflict"}},
		})
	}
	return out
}

func (s *sarif) invocation() sarifInvocation {
	// An exit code of 1 is a result, not a failure of the tool.
	in := sarifInvocation{ExecutionSuccessful: s.verdict != replay.Unreadable, ExitCode: s.ExitCode()}
	tell := func(trace int, level, text string) {
		in.Notifications = append(in.Notifications, sarifNotification{level, sarifText{Text: rows.Safe(text)}, []sarifLocation{{Physical: &sarifPhysical{s.artifact(trace)}}}})
	}
	for i := range s.Traces {
		t := &s.Traces[i]
		if t.Error != "" {
			tell(i, "error", t.Error)
		}
		for _, why := range t.Reasons {
			tell(i, "warning", "inconclusive: "+why)
		}
		for _, k := range sortedKeys(t.Defects) {
			tell(i, "warning", fmt.Sprintf("trace defect: %d× %s", t.Defects[k], k))
		}
	}
	return in
}

// artifact is the trace of an index as SARIF refers to it: relative paths stay relative.
func (s *sarif) artifact(trace int) sarifArtifactLocation {
	path := filepath.ToSlash(s.Traces[trace].Path)
	u := url.URL{Path: path}
	if filepath.IsAbs(s.Traces[trace].Path) {
		u.Scheme = "file"
		if !strings.HasPrefix(path, "/") {
			u.Path = "/" + path // a drive of Windows
		}
	}
	return sarifArtifactLocation{URI: u.String(), Index: trace}
}

func (s *sarif) finding(f *Finding) sarifResult {
	out := sarifResult{
		RuleID: f.Rule, RuleIndex: s.index[f.Rule], Kind: "fail", Level: level(f.Severity),
		Message:   sarifText{Text: rows.Safe(rows.Cut(f.Message, messageSize)) + "\nAt fault: " + f.blame()},
		Locations: []sarifLocation{s.where(f.trace, f.Events, f.Driver)}, Fingerprints: map[string]string{"aftrace/v1": f.Fingerprint},
		Properties: map[string]any{"id": f.ID, "at_fault": f.AtFault, "events": f.Events, "severity": f.Severity},
	}
	if f.Verdict == "inconclusive" {
		out.Kind, out.Level = "open", "none" // as SARIF wants it of all that do not fail
		out.Message.Text += "\nInconclusive: " + rows.Safe(f.Why)
	}
	if len(f.Also) > 0 {
		out.Properties["also"] = f.Also
	}
	if f.Adapter != nil {
		out.Properties["adapter"] = *f.Adapter
	}
	switch f.State {
	case StateNew:
		out.Baseline = "new"
	case StateKnown:
		out.Baseline = "unchanged"
	case StateSuppressed:
		out.Suppressions = []sarifSuppression{{"external", rows.Safe(f.Reason)}}
	}
	if e := s.of[f]; e != nil {
		out.CodeFlows = s.ladder(f.trace, e)
	} else {
		out.CodeFlows = s.flows(f.trace, f.Events, f.ID)
	}
	return out
}

func (s *sarif) conflict(c *Conflict) sarifResult {
	id := "conflict/" + c.Kind
	holder := "nobody"
	if c.Holder != nil {
		holder = rows.Cut(*c.Holder, nameSize)
	}
	contender := c.Contender
	out := sarifResult{
		RuleID: id, RuleIndex: s.index[id], Kind: "informational", Level: "none",
		Message:   sarifText{Text: rows.Safe(fmt.Sprintf("%s of %s: contender %s got %s, holder %s", c.Kind, c.AF, rows.Cut(c.Contender, nameSize), c.Status, holder))},
		Locations: []sarifLocation{s.where(c.trace, c.Events, &contender)}, CodeFlows: s.flows(c.trace, c.Events, c.Kind),
		Properties: map[string]any{"events": c.Events},
	}
	if e := s.by[c]; e != nil {
		out.CodeFlows = s.ladder(c.trace, e)
	}
	return out
}

// where is the place of a result: its trace, and the function of its first row.
func (s *sarif) where(trace int, events []uint64, driver *string) sarifLocation {
	l := sarifLocation{Physical: &sarifPhysical{s.artifact(trace)}}
	if len(events) > 0 {
		if e, ok := s.rows[trace][events[len(events)-1]]; ok && e.Phase != format.PhaseGap {
			l.Logical = []sarifLogical{logical(&e)}
		}
	}
	if len(l.Logical) == 0 && driver != nil {
		l.Logical = []sarifLogical{{Name: rows.Safe(rows.Cut(*driver, nameSize)), Kind: "module"}}
	}
	return l
}

func logical(e *format.Event) sarifLogical {
	l := sarifLogical{Name: e.Function.String(), Kind: "function"}
	if e.Has&format.HasDriver != 0 && e.Driver != "" {
		l.Full = rows.Safe(rows.Cut(e.Driver, nameSize)) + "!" + l.Name
	}
	return l
}

// flows are the rows of a result, one thread flow a driver.
func (s *sarif) flows(trace int, events []uint64, title string) []sarifCodeFlow {
	byDriver := map[string]int{}
	var flows []sarifThreadFlow
	order := 0
	for _, seq := range shown(events, sarifSteps) {
		e, ok := s.rows[trace][seq]
		if !ok {
			continue
		}
		who := "unknown driver"
		switch {
		case e.Has&format.HasDriver != 0 && e.Driver != "":
			who = rows.Safe(rows.Cut(e.Driver, nameSize))
		case e.Phase == format.PhaseGap:
			who = "lost"
		}
		k, ok := byDriver[who]
		if !ok {
			k = len(flows)
			byDriver[who] = k
			flows = append(flows, sarifThreadFlow{ID: fmt.Sprintf("%d", k), Message: sarifText{Text: who}})
		}
		order++
		flows[k].Locations = append(flows[k].Locations, s.step(trace, &e, order))
	}
	if len(flows) == 0 {
		return nil
	}
	return []sarifCodeFlow{{Message: sarifText{Text: "Events that prove " + title}, ThreadFlows: flows}}
}

// ladder is an explanation as thread flows, one a driver; what lies between the rows, such as
// lost events, has a flow of its own.
func (s *sarif) ladder(trace int, e *explain.Explanation) []sarifCodeFlow {
	index := map[string]int{}
	var flows []sarifThreadFlow
	for i := range e.Steps {
		x := &e.Steps[i]
		who := "the trace"
		if x.Kind == explain.StepRow {
			lane := &e.Participants[x.From]
			if lane.NDIS {
				lane = &e.Participants[x.To]
			}
			who = rows.Safe(rows.Cut(lane.Name, nameSize))
		}
		k, ok := index[who]
		if !ok {
			k = len(flows)
			index[who] = k
			flows = append(flows, sarifThreadFlow{ID: strconv.Itoa(k), Message: sarifText{Text: who}})
		}
		flows[k].Locations = append(flows[k].Locations, s.rung(trace, e, x, i+1))
	}
	return []sarifCodeFlow{{Message: sarifText{Text: "Ladder of " + e.ID}, ThreadFlows: flows}}
}

// rung is a step of a ladder.
func (s *sarif) rung(trace int, e *explain.Explanation, x *explain.Step, order int) sarifStep {
	text := x.Text()
	if len(x.Objects) > 0 {
		var about []string
		for _, i := range x.Objects {
			about = append(about, e.Objects[i].Name)
		}
		text += " [" + strings.Join(about, ", ") + "]"
	}
	if x.Detail != "" {
		text += " " + x.Detail
	}
	step := sarifStep{
		Location: sarifLocation{
			Physical: &sarifPhysical{s.artifact(trace)}, Props: map[string]int64{"seq": int64(min(x.Seq, 1<<63-1))},
		},
		ExecutionOrder: order, ExecutionTime: rows.Time(e.Start + x.Offset), Importance: "important",
	}
	if x.Proves {
		step.Importance = "essential"
	}
	if x.Kind == explain.StepRow {
		from, to := &e.Participants[x.From], &e.Participants[x.To]
		text = from.Name + " → " + to.Name + ": " + text
		step.Location.Logical = []sarifLogical{{Name: x.Function, Kind: "function"}}
		switch {
		case x.Phase == "return":
			step.Kinds = []string{"return", "function", "exit"}
		case x.Phase == "enter" && from.NDIS:
			step.Kinds = []string{"handler", "function", "enter"}
		case x.Phase == "enter":
			step.Kinds = []string{"call", "function", "enter"}
		}
	}
	step.Location.Message = &sarifText{Text: rows.Safe(rows.Cut(text, messageSize))}
	return step
}

func (s *sarif) step(trace int, e *format.Event, order int) sarifStep {
	step := sarifStep{
		Location: sarifLocation{
			Physical: &sarifPhysical{s.artifact(trace)},
			Message:  &sarifText{Text: strings.TrimSpace(briefly(e))},
			Props:    map[string]int64{"seq": int64(min(e.Seq, 1<<63-1))},
		},
		ExecutionOrder: order, ExecutionTime: rows.Time(e.TS), Importance: "essential",
	}
	if e.Phase == format.PhaseGap {
		return step
	}
	step.Location.Logical = []sarifLogical{logical(e)}
	switch e.Phase {
	case format.PhaseEnter:
		step.Kinds = []string{"call", "function", "enter"}
		if e.Function.Info().Dir == ndis.Up {
			step.Kinds = []string{"handler", "function", "enter"}
		}
	case format.PhaseReturn:
		step.Kinds = []string{"return", "function", "exit"}
	}
	return step
}

func sortedKeys(m map[string]uint64) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
