package emit_test

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"text/scanner"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/decode/aftracetest"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/collect/etl/etltest"
)

// dmodel runs the part of the language D that the generated scripts use: clauses with
// predicates, assignments, reads of memory that may fault, and etw_trace, whose fields it
// lays out as the script declares them. A fault ends the clause that it happens in.
type dmodel struct {
	t       testing.TB
	clauses map[string][]dclause // by probe
	types   map[string]string    // of variables: that of their first assignment
	globals map[string]uint64    // arg0, cpu, …
	vars    map[string]uint64    // self-> of the thread, this-> of the firing
	memory  map[uint64][]byte
	probe   string
	tokens  []string
	events  []*etl.Record
}

type dclause struct {
	predicate, body []string
}

type fault struct{ address uint64 }

// parseD splits a script into clauses.
func parseD(t testing.TB, script string) *dmodel {
	m := &dmodel{t: t, clauses: map[string][]dclause{}, types: map[string]string{}, vars: map[string]uint64{}, memory: map[uint64][]byte{}}
	var text []string
	for line := range strings.Lines(script) {
		if !strings.HasPrefix(line, "#") {
			text = append(text, line)
		}
	}
	var s scanner.Scanner
	s.Init(strings.NewReader(strings.Join(text, "")))
	s.Mode = scanner.ScanIdents | scanner.ScanInts | scanner.ScanStrings | scanner.ScanComments | scanner.SkipComments
	s.Error = func(_ *scanner.Scanner, msg string) { t.Fatal(msg) }
	var tokens []string
	for tok := s.Scan(); tok != scanner.EOF; tok = s.Scan() {
		word := s.TokenText()
		two := word + string(s.Peek())
		switch two {
		case "->", "<<", "==", "!=", "&&", "||":
			s.Next()
			word = two
		}
		tokens = append(tokens, word)
	}
	for i := 0; i < len(tokens); {
		if tokens[i] == "struct" { // the one type that the scripts declare
			for tokens[i] != "}" {
				i++
			}
			i += 2
			continue
		}
		probe := ""
		for ; tokens[i] != "{" && tokens[i] != "/"; i++ {
			probe += tokens[i]
		}
		var c dclause
		if tokens[i] == "/" {
			end := i + 1
			for tokens[end] != "/" {
				end++
			}
			c.predicate = tokens[i+1 : end]
			i = end + 1
		}
		if tokens[i] != "{" {
			t.Fatalf("%s: %q where a clause begins", probe, tokens[i])
		}
		end := i + 1
		for tokens[end] != "}" {
			end++
		}
		c.body = tokens[i+1 : end]
		i = end + 1
		m.clauses[probe] = append(m.clauses[probe], c)
		m.typeCheck(probe, c)
	}
	return m
}

// typeCheck holds that variables have a type, from their first assignment in the text, where
// they are read, and keep it.
func (m *dmodel) typeCheck(probe string, c dclause) {
	assigned := ""
	for part, tokens := range [][]string{c.predicate, c.body} {
		for i, word := range tokens {
			if word == ";" {
				if assigned != "" && m.types[assigned] == "" {
					m.types[assigned] = "int"
				}
				assigned = ""
			}
			if word != "self" && word != "this" {
				continue
			}
			name := word + "->" + tokens[i+2]
			if part == 1 && (i == 0 || tokens[i-1] == ";") {
				if assigned = name; m.types[name] == "" {
					end := i
					for tokens[end] != "=" {
						end++
					}
					if tokens[end+1] != "(" && !strings.HasPrefix(tokens[end+1], "this") {
						m.t.Fatalf("%s: %s gets no type", probe, name)
					}
					for k := end + 1; tokens[k] != ";"; k++ {
						if (tokens[k] == "self" || tokens[k] == "this") && tokens[k+2] == tokens[i+2] {
							m.t.Fatalf("%s: %s is read to give it its type", probe, name)
						}
					}
					m.types[name] = tokens[end+2]
				}
				continue
			}
			if m.types[name] == "" {
				m.t.Fatalf("%s: %s is read before it has a type", probe, name)
			}
		}
	}
}

// fire runs the clauses of a probe.
func (m *dmodel) fire(probe string, globals map[string]uint64) {
	m.probe, m.globals = probe, globals
	for name := range m.vars {
		if strings.HasPrefix(name, "this->") {
			m.vars[name] = 0xDEAD_BEEF_DEAD_BEEF // what they hold at first is not defined
		}
	}
	for _, c := range m.clauses[probe] {
		m.clause(c)
	}
}

func (m *dmodel) clause(c dclause) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(fault); !ok {
				panic(r)
			}
		}
	}()
	if c.predicate != nil {
		m.tokens = c.predicate
		if m.expr() == 0 {
			return
		}
	}
	m.tokens = c.body
	for len(m.tokens) > 0 {
		m.statement()
	}
}

func (m *dmodel) peek() string {
	if len(m.tokens) == 0 {
		return ""
	}
	return m.tokens[0]
}

func (m *dmodel) next() string {
	word := m.peek()
	if word == "" {
		m.t.Fatalf("%s: the script ends in an expression", m.probe)
	}
	m.tokens = m.tokens[1:]
	return word
}

func (m *dmodel) want(word string) {
	if got := m.next(); got != word {
		m.t.Fatalf("%s: %q, want %q, before %q", m.probe, got, word, m.tokens)
	}
}

func (m *dmodel) statement() {
	if m.peek() == "etw_trace" {
		m.next()
		m.etwTrace()
		m.want(";")
		return
	}
	name := m.variable()
	m.want("=")
	m.vars[name] = m.expr()
	m.want(";")
}

// variable reads self->x, this->x and their indices.
func (m *dmodel) variable() (name string) {
	scope := m.next()
	m.want("->")
	name = scope + "->" + m.next()
	if m.peek() == "[" {
		for m.peek() != "]" {
			m.next()
			name += fmt.Sprintf("[%d", m.expr())
		}
		m.next()
	}
	return name
}

var precedence = map[string]int{"?": 1, "||": 2, "&&": 3, "|": 4, "&": 6, "==": 7, "!=": 7, ">": 8, "<<": 9, "+": 10, "-": 10}

func (m *dmodel) expr() uint64 { return m.binary(1) }

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func (m *dmodel) binary(least int) uint64 {
	x := m.unary()
	for {
		op := m.peek()
		p := precedence[op]
		if p == 0 || p < least {
			return x
		}
		m.next()
		if op == "?" {
			a := m.binary(1)
			m.want(":")
			if b := m.binary(1); x == 0 {
				a = b
			}
			x = a
			continue
		}
		y := m.binary(p + 1)
		switch op {
		case "||":
			x = bit(x != 0 || y != 0)
		case "&&":
			x = bit(x != 0 && y != 0)
		case "|":
			x |= y
		case "&":
			x &= y
		case "==":
			x = bit(x == y)
		case "!=":
			x = bit(x != y)
		case ">":
			x = bit(x > y)
		case "<<":
			x <<= y
		case "+":
			x += y
		case "-":
			x -= y
		}
	}
}

var sizes = map[string]int{"uint8_t": 1, "uint16_t": 2, "uint32_t": 4, "uint64_t": 8}

func (m *dmodel) load(address uint64, size int) uint64 {
	for base, b := range m.memory {
		if address >= base && address+uint64(size) <= base+uint64(len(b)) {
			var v [8]byte
			copy(v[:], b[address-base:][:size])
			return binary.LittleEndian.Uint64(v[:])
		}
	}
	panic(fault{address})
}

var members = map[string]uint64{"type": 0, "major": 4, "minor": 8}

func (m *dmodel) unary() uint64 {
	switch word := m.peek(); {
	case word == "*":
		m.next()
		m.want("(")
		size := sizes[m.next()]
		m.want("*")
		m.want(")")
		return m.load(m.unary(), size)
	case word == "(":
		m.next()
		if size, ok := sizes[m.peek()]; ok {
			m.next()
			m.want(")")
			return m.unary() & (1<<(8*size-1)<<1 - 1)
		}
		if m.peek() == "struct" {
			m.next()
			m.next()
			m.want("*")
			m.want(")")
			return m.unary()
		}
		x := m.expr()
		m.want(")")
		return x
	case word == "self", word == "this":
		x := m.vars[m.variable()]
		if m.peek() == "->" {
			m.next()
			return m.load(x+members[m.next()], 4)
		}
		return x
	case word[0] >= '0' && word[0] <= '9':
		v, err := strconv.ParseUint(m.next(), 0, 64)
		if err != nil {
			m.t.Fatal(err)
		}
		return v
	default:
		v, ok := m.globals[m.next()]
		if !ok {
			m.t.Fatalf("%s: %q is nothing that the model knows", m.probe, word)
		}
		return v
	}
}

// etwTypes are the types of etw_trace, in TraceLogging.
var etwTypes = map[string]decode.InType{
	"etw_string": decode.InANSI, "etw_uint8": decode.InUint8, "etw_uint16": decode.InUint16, "etw_uint32": decode.InUint32, "etw_uint64": decode.InUint64,
}

// text reads a string, or the name of the function that is probed.
func (m *dmodel) text() string {
	word := m.next()
	if word == "probefunc" {
		return strings.Split(m.probe, ":")[2]
	}
	s, err := strconv.Unquote(word)
	if err != nil {
		m.t.Fatalf("%s: %q is no string", m.probe, word)
	}
	return s
}

// etwTrace lays out an event.
func (m *dmodel) etwTrace() {
	m.want("(")
	provider := m.text()
	m.want(",")
	guid := m.text()
	m.want(",")
	name := m.text()
	m.want(",")
	level := m.expr()
	m.want(",")
	keyword := m.expr()
	var fields []aftracetest.Field
	var data []byte
	for m.peek() == "," {
		m.next()
		in, ok := etwTypes[m.text()]
		if !ok {
			m.t.Fatalf("%s: no such type of a field", m.probe)
		}
		m.want(",")
		fields = append(fields, aftracetest.Field{Name: m.text(), In: in})
		m.want(",")
		if in == decode.InANSI {
			data = append(append(data, m.text()...), 0)
			continue
		}
		size := map[decode.InType]int{decode.InUint8: 1, decode.InUint16: 2, decode.InUint32: 4, decode.InUint64: 8}[in]
		if want := fmt.Sprintf("uint%d_t", 8*size); m.peek() != "(" || m.tokens[1] != want {
			m.t.Fatalf("%s: %s is not cast to %s", m.probe, fields[len(fields)-1].Name, want)
		}
		data = append(data, binary.LittleEndian.AppendUint64(nil, m.expr())[:size]...)
	}
	m.want(")")
	id, err := etl.ParseGUID(guid)
	if err != nil {
		m.t.Fatal(err)
	}
	items := aftracetest.Items(aftracetest.Traits(provider), aftracetest.Schema(name, 0, fields))
	m.events = append(m.events, &etl.Record{
		Kind: etl.KindEvent64, PID: 9999, TID: 9998, HasIDs: true, Time: 5_000_000, Pointer: 8, Provider: id, HasGUID: true,
		Channel: 11, Level: uint8(level), Keyword: keyword, Extended: etltest.AppendExt(nil, items), Data: data,
	})
}
