package scenario

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

func errf(text string, args ...any) error { return fmt.Errorf(text, args...) }

// set gives a column, or a key of detail, a value. "-" as the value takes it away.
func (c *compiler) set(e *format.Event, kv keyValue) error {
	handle := func(p *uint64, bit format.Fields) error {
		if kv.value == "-" {
			*p, e.Has = 0, e.Has&^bit
			return nil
		}
		*p, e.Has = c.word(kv.value), e.Has|bit
		return nil
	}
	number := func(bits int, bit format.Fields, put func(uint64)) error {
		if kv.value == "-" {
			put(0)
			e.Has &^= bit
			return nil
		}
		n, err := strconv.ParseUint(kv.value, 0, bits)
		if err != nil {
			return errf("%s=%s: not a number of %d bits", kv.key, kv.value, bits)
		}
		put(n)
		e.Has |= bit
		return nil
	}
	switch kv.key {
	case "adapter":
		return handle(&e.Adapter, format.HasAdapter)
	case "binding":
		return handle(&e.Binding, format.HasBinding)
	case "af":
		return handle(&e.AF, format.HasAF)
	case "sap":
		return handle(&e.SAP, format.HasSAP)
	case "vc":
		return handle(&e.VC, format.HasVC)
	case "party":
		return handle(&e.Party, format.HasParty)
	case "context":
		return handle(&e.Context, format.HasContext)
	case "context2":
		return handle(&e.Context2, format.HasContext2)
	case "tid":
		return number(64, format.HasTID, func(n uint64) { e.TID = n })
	case "call_id":
		return number(64, format.HasCallID, func(n uint64) { e.CallID = n })
	case "pid":
		return number(32, format.HasPID, func(n uint64) { e.PID = uint32(n) })
	case "cpu":
		return number(16, format.HasCPU, func(n uint64) { e.CPU = uint16(n) })
	case "irql":
		return number(8, format.HasIRQL, func(n uint64) { e.IRQL = uint8(n) })
	case "driver":
		e.Driver, e.Has = kv.value, e.Has|format.HasDriver
		if kv.value == "-" {
			e.Driver, e.Has = "", e.Has&^format.HasDriver
		}
		return nil
	case "status":
		if kv.value == "-" {
			e.Status, e.Has = 0, e.Has&^format.HasStatus
			return nil
		}
		st, err := ndis.ParseStatus(kv.value)
		if err != nil {
			return err
		}
		e.Status, e.Has = uint32(st), e.Has|format.HasStatus
		return nil
	case "af_type":
		if kv.value == "-" {
			e.Has &^= format.HasAFType | format.HasAFMajor | format.HasAFMinor
			return nil
		}
		af, err := parseAF(kv.value)
		if err != nil {
			return err
		}
		e.AFType, e.AFMajor, e.AFMinor = af[0], af[1], af[2]
		e.Has |= format.HasAFType | format.HasAFMajor | format.HasAFMinor
		return nil
	}
	if kv.key == "af_major" {
		return number(32, format.HasAFMajor, func(n uint64) { e.AFMajor = uint32(n) })
	}
	if kv.key == "af_minor" {
		return number(32, format.HasAFMinor, func(n uint64) { e.AFMinor = uint32(n) })
	}
	if key, ok := strings.CutSuffix(kv.key, ":"); ok {
		return c.setJSON(e, key, kv.value)
	}
	kv.key = strings.TrimPrefix(kv.key, "detail.")
	return c.setDetail(e, kv)
}

// setDetail sets a key of the detail column; its type is the one of the vocabulary.
func (c *compiler) setDetail(e *format.Event, kv keyValue) error {
	key := ndis.Detail(kv.key)
	if key == nil {
		return errf("%q is neither a column nor a key of detail", kv.key)
	}
	object := map[string]any{}
	if e.Has&format.HasDetail != 0 {
		if err := json.Unmarshal([]byte(e.Detail), &object); err != nil {
			return err
		}
	}
	if kv.value == "-" {
		delete(object, kv.key)
	} else if v, err := c.detailValue(key, kv.value); err != nil {
		return err
	} else {
		object[kv.key] = v
	}
	text, err := json.Marshal(object) // keys come out sorted
	if err != nil {
		return err
	}
	e.Detail, e.Has = string(text), e.Has|format.HasDetail
	if len(object) == 0 {
		e.Detail, e.Has = "", e.Has&^format.HasDetail
	}
	return nil
}

// detailValue reads text as the type that the key has.
func (c *compiler) detailValue(key *ndis.DetailKey, text string) (any, error) {
	switch key.JSON {
	case ndis.JSONHandle:
		return hex(c.word(text)), nil
	case ndis.JSONBool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return nil, errf("%s is true or false", key.Name)
		}
		return b, nil
	case ndis.JSONInteger:
		n, err := strconv.ParseUint(text, 0, 64)
		if err != nil {
			return nil, errf("%s=%s: not a number", key.Name, text)
		}
		if n > 1<<53 {
			return hex(n), nil
		}
		return n, nil
	case ndis.JSONStrings:
		if text == "" {
			return []string{}, nil
		}
		return strings.Split(text, ","), nil
	}
	return text, nil
}

// setJSON sets a key of the detail column, or all of it, to a value of any type.
func (c *compiler) setJSON(e *format.Event, key, text string) error {
	if key == "detail" {
		e.Detail, e.Has = text, e.Has|format.HasDetail
		return nil
	}
	key, ok := strings.CutPrefix(key, "detail.")
	if !ok {
		return errf("%s:= is not known: any JSON goes to detail.KEY:= or detail:=", key)
	}
	object := map[string]json.RawMessage{}
	if e.Has&format.HasDetail != 0 {
		if err := json.Unmarshal([]byte(e.Detail), &object); err != nil {
			return err
		}
	}
	if !json.Valid([]byte(text)) {
		return errf("detail.%s:=%s: not JSON", key, text)
	}
	object[key] = json.RawMessage(text)
	all, err := json.Marshal(object)
	if err != nil {
		return err
	}
	e.Detail, e.Has = string(all), e.Has|format.HasDetail
	return nil
}

// setDefault reads a "default" line.
func (c *compiler) setDefault(s *step) error {
	if len(s.args) > 0 || len(s.keys) == 0 {
		return c.fail(s.line, "default takes key=value only")
	}
	for _, kv := range s.keys {
		switch kv.key {
		case "source":
			source, ok := format.ParseSource(kv.value)
			if !ok {
				return c.fail(s.line, "source %q is none of %s", kv.value, sources())
			}
			c.source = source
			continue
		case "pid", "tid", "irql", "call_id":
		default:
			return c.fail(s.line, "%q has no default: only pid, tid, irql, call_id and source", kv.key)
		}
		var e format.Event
		if err := c.set(&e, kv); err != nil {
			return c.fail(s.line, "%v", err)
		}
		c.defaults = slices.DeleteFunc(c.defaults, func(d keyValue) bool { return d.key == kv.key })
		c.defaults = append(c.defaults, kv)
	}
	return nil
}

func sources() string {
	var names []string
	for x := range format.NumSources {
		names = append(names, x.String())
	}
	return strings.Join(names, ", ")
}
