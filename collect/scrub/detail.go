package scrub

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aftrace/aftrace/format/ndis"
)

// identifier is a name that a program gives something, which says nothing of a host.
var identifier = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,79}$`)

// documented are the beginnings of the documented names that an open key may have as value.
var documented = map[string][]string{
	"halt_action": {"NdisHalt"},
	"pnp_event":   {"NetEvent", "NdisDevicePnPEvent"},
	"function":    {"Ndis", "Protocol", "Miniport"},
}

// opaque are the keys whose text is made up by a host or a driver: SAPs and call parameters
// hold telephone numbers and addresses.
var opaque = map[string]string{
	"adapter_name": "adapter",
	"call_params":  "params",
	"handler_set":  "handlers",
	"sap":          "sap",
}

// detail is the detail column of one row without what tells of a host: a JSON object with
// sorted keys, "" if nothing is left. Values that the replay could not read are left out.
func (s *Scrubber) detail(text []byte, function string) string {
	members := map[string]json.RawMessage{}
	if len(text) > 0 && json.Unmarshal(text, &members) != nil {
		s.sum.BadDetails++
		clear(members)
	}
	if function != "" {
		members["function"] = quoted(function)
	}
	out := bytes.NewBuffer(s.text[:0])
	for _, key := range slices.Sorted(maps.Keys(members)) {
		value := s.value(key, bytes.TrimSpace(members[key]))
		if value == nil {
			continue
		}
		sep := byte(',')
		if out.Len() == 0 {
			sep = '{'
		}
		out.WriteByte(sep)
		out.Write(quoted(key))
		out.WriteByte(':')
		out.Write(value)
	}
	s.text = out.Bytes()
	if out.Len() == 0 {
		return ""
	}
	out.WriteByte('}')
	return out.String()
}

// value is the value of a key, nil to leave it out.
func (s *Scrubber) value(key string, raw json.RawMessage) json.RawMessage {
	if s.keep[key] {
		var b bytes.Buffer
		if json.Compact(&b, raw) != nil {
			return nil
		}
		return b.Bytes()
	}
	k := ndis.Detail(key)
	if k == nil {
		s.sum.drop(s.sum.DetailKeys, key)
		return nil
	}
	if kind, ok := opaque[key]; ok {
		// The replay compares the text between the quotes as it stands.
		if len(raw) < 2 || raw[0] != '"' {
			return nil
		}
		return quoted(s.names.token(kind, raw[1:len(raw)-1]))
	}
	switch k.JSON {
	case ndis.JSONHandle:
		if v, ok := number(raw); ok {
			return hexString(s.names.number(spaceHandle, v, 64))
		}
	case ndis.JSONInteger:
		v, ok := number(raw)
		switch {
		case !ok:
		case key == "if_luid":
			return hexString(s.names.number(spaceHandle, v, 64))
		case key == "if_index" && v>>32 == 0:
			return strconv.AppendUint(nil, s.names.number(spaceIndex, v, 32), 10)
		case key == "if_index":
			return hexString(s.names.wide(spaceIndex, v))
		case key == "since_ts":
			return strconv.AppendUint(nil, uint64(s.shifted(int64(v))), 10)
		default:
			return strconv.AppendUint(nil, v, 10)
		}
	case ndis.JSONBool:
		if t := string(raw); t == "true" || t == "false" {
			return raw
		}
	default:
		return s.words(key, k, raw)
	}
	return nil
}

// words is a string or an array of strings, of which what is not in the documented
// vocabulary is replaced.
func (s *Scrubber) words(key string, k *ndis.DetailKey, raw json.RawMessage) json.RawMessage {
	word := func(text string) string {
		switch {
		case slices.Contains(k.Values, text):
			return text
		case k.Values == nil && identifier.MatchString(text) && begins(text, documented[key]):
			return text
		case key == "null_slots" && identifier.MatchString(text) && isSlot(text):
			return text
		}
		return s.names.token("text", []byte(text))
	}
	var one string
	if json.Unmarshal(raw, &one) == nil && raw[0] == '"' {
		return quoted(word(one))
	}
	var many []string
	if raw[0] != '[' || json.Unmarshal(raw, &many) != nil {
		return nil
	}
	out := []byte{'['}
	for i, text := range many {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, quoted(word(text))...)
	}
	return append(out, ']')
}

func begins(text string, with []string) bool {
	return slices.ContainsFunc(with, func(p string) bool { return strings.HasPrefix(text, p) })
}

// isSlot says whether a name is that of a handler in one of the documented structures.
func isSlot(name string) bool {
	for _, set := range ndis.HandlerSets {
		for _, slot := range set.Slots {
			if slot.Name == name {
				return true
			}
		}
	}
	return false
}

// number reads a handle or number as the replay does: a hex string, a decimal number, or
// that as a string.
func number(raw []byte) (uint64, bool) {
	text := string(raw)
	if len(raw) > 1 && raw[0] == '"' && raw[len(raw)-1] == '"' {
		text = text[1 : len(text)-1]
		if len(text) > 2 && len(text) <= 18 && text[0] == '0' && text[1]|0x20 == 'x' {
			v, err := strconv.ParseUint(text[2:], 16, 64)
			return v, err == nil
		}
	}
	v, err := strconv.ParseUint(text, 10, 64)
	return v, err == nil
}

func hexString(v uint64) json.RawMessage {
	return append(strconv.AppendUint([]byte(`"0x`), v, 16), '"')
}

func quoted(text string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(text) != nil {
		return []byte(`""`)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
