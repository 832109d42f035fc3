package scrub

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/aftrace/aftrace/format/ndis"
)

// detailKey is a key that the replay understands.
type detailKey struct {
	*ndis.DetailKey
	opaque string // the kind of its tokens
}

var detailKeys = func() map[string]*detailKey {
	keys := map[string]*detailKey{}
	for i := range ndis.DetailKeys {
		k := &ndis.DetailKeys[i]
		keys[k.Name] = &detailKey{k, opaque[k.Name]}
	}
	return keys
}()

// isIdentifier says whether text is a name that a program gives something, which says
// nothing of a host.
func isIdentifier(text []byte) bool {
	for i, c := range text {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return len(text) > 0 && len(text) <= 80
}

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

// member is a key of a detail with its value as it stands.
type member struct{ key, raw []byte }

// appendDetail appends the detail column of one row without what tells of a host: a JSON
// object with sorted keys, nothing if nothing is left. Values that the replay could not read
// are left out.
func (s *Scrubber) appendDetail(to, text []byte, function string) []byte {
	if function != "" || !s.split(text) {
		s.parse(text, function)
	}
	return s.appendMembers(to)
}

func (s *Scrubber) appendMembers(to []byte) []byte {
	begun := len(to)
	for _, m := range s.members {
		start := len(to)
		to = append(to, ',')
		if start == begun {
			to[start] = '{'
		}
		to = append(appendQuoted(to, m.key), ':')
		var ok bool
		if to, ok = s.appendValue(to, m.key, m.raw); !ok {
			to = to[:start]
		}
	}
	if len(to) > begun {
		to = append(to, '}')
	}
	return to
}

// parse is members of any JSON text.
func (s *Scrubber) parse(text []byte, function string) {
	members := map[string]json.RawMessage{}
	if len(text) > 0 && json.Unmarshal(text, &members) != nil {
		s.sum.BadDetails++
		clear(members)
	}
	if function != "" {
		members["function"] = appendQuoted(nil, []byte(function))
	}
	s.members = s.members[:0]
	for _, key := range slices.Sorted(maps.Keys(members)) {
		s.members = append(s.members, member{[]byte(key), bytes.TrimSpace(members[key])})
	}
}

// split is members of a text as our collectors write it, at a tenth of the price: keys that
// increase, no space, and values that are plain strings, integers, true, false, or arrays of
// plain strings. It returns false for another text.
func (s *Scrubber) split(text []byte) bool {
	s.members = s.members[:0]
	if len(text) < 2 || text[0] != '{' {
		return false
	}
	for at := 1; ; at++ {
		key := plain(text[at:])
		if key < 2 || at+key >= len(text) || text[at+key] != ':' {
			return false
		}
		m := member{key: text[at+1 : at+key-1]}
		if n := len(s.members); n > 0 && bytes.Compare(s.members[n-1].key, m.key) >= 0 {
			return false
		}
		at += key + 1
		n := scalar(text[at:])
		if n == 0 {
			n = list(text[at:])
		}
		if n == 0 || at+n >= len(text) {
			return false
		}
		m.raw = text[at : at+n]
		s.members = append(s.members, m)
		if at += n; text[at] != ',' {
			return text[at] == '}' && at == len(text)-1
		}
	}
}

// plain is the length of the string that b begins with, with its quotes, 0 if it has another
// character than those that stand for themselves in ASCII.
func plain(b []byte) int {
	if len(b) == 0 || b[0] != '"' {
		return 0
	}
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\' || c < ' ' || c > '~':
			return 0
		}
	}
	return 0
}

// scalar is the length of the plain string, integer, true or false that b begins with.
func scalar(b []byte) int {
	if n := plain(b); n > 0 {
		return n
	}
	if bytes.HasPrefix(b, []byte("true")) {
		return 4
	}
	if bytes.HasPrefix(b, []byte("false")) {
		return 5
	}
	n := 0
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	if n > 1 && b[0] == '0' {
		return 0
	}
	return n
}

// list is the length of the array of plain strings that b begins with.
func list(b []byte) int {
	if len(b) < 2 || b[0] != '[' {
		return 0
	}
	if b[1] == ']' {
		return 2
	}
	for at := 1; ; at++ {
		n := plain(b[at:])
		if at += n; n == 0 || at >= len(b) {
			return 0
		}
		if b[at] != ',' {
			if b[at] == ']' {
				return at + 1
			}
			return 0
		}
	}
}

// appendValue appends the value of a key; without ok it is left out.
func (s *Scrubber) appendValue(to, key, raw []byte) (_ []byte, ok bool) {
	if s.keep[string(key)] {
		b := bytes.NewBuffer(to)
		if json.Compact(b, raw) != nil {
			return to, false
		}
		return b.Bytes(), true
	}
	k := detailKeys[string(key)]
	if k == nil {
		s.sum.drop(s.sum.DetailKeys, string(key))
		return to, false
	}
	if k.opaque != "" {
		// The replay compares the text between the quotes as it stands.
		if len(raw) < 2 || raw[0] != '"' {
			return to, false
		}
		return append(append(append(to, '"'), s.token(k.opaque, raw[1:len(raw)-1])...), '"'), true
	}
	switch k.JSON {
	case ndis.JSONHandle:
		if v, ok := number(raw); ok {
			return appendHex(to, s.names.number(spaceHandle, v, 64)), true
		}
	case ndis.JSONInteger:
		v, ok := number(raw)
		switch {
		case !ok:
		case k.Name == "if_luid":
			return appendHex(to, s.names.number(spaceHandle, v, 64)), true
		case k.Name == "if_index" && v>>32 == 0:
			return strconv.AppendUint(to, s.names.number(spaceIndex, v, 32), 10), true
		case k.Name == "if_index":
			return appendHex(to, s.names.wide(spaceIndex, v)), true
		case k.Name == "since_ts":
			return strconv.AppendUint(to, uint64(s.shifted(int64(v))), 10), true
		default:
			return strconv.AppendUint(to, v, 10), true
		}
	case ndis.JSONBool:
		if t := string(raw); t == "true" || t == "false" {
			return append(to, raw...), true
		}
	default:
		return s.appendWords(to, k, raw)
	}
	return to, false
}

// appendWords appends a string or an array of strings, of which what is not in the documented
// vocabulary is replaced.
func (s *Scrubber) appendWords(to []byte, k *detailKey, raw []byte) (_ []byte, ok bool) {
	if n := plain(raw); n > 0 && n == len(raw) {
		return s.appendWord(to, k, raw[1:n-1]), true
	}
	if n := list(raw); n > 0 && n == len(raw) {
		to = append(to, '[')
		for at := 1; at < n-1; at++ {
			if at > 1 {
				to = append(to, ',')
			}
			size := plain(raw[at:])
			to = s.appendWord(to, k, raw[at+1:at+size-1])
			at += size
		}
		return append(to, ']'), true
	}
	var one string
	if json.Unmarshal(raw, &one) == nil && raw[0] == '"' {
		return s.appendWord(to, k, []byte(one)), true
	}
	var many []string
	if raw[0] != '[' || json.Unmarshal(raw, &many) != nil {
		return to, false
	}
	to = append(to, '[')
	for i, text := range many {
		if i > 0 {
			to = append(to, ',')
		}
		to = s.appendWord(to, k, []byte(text))
	}
	return append(to, ']'), true
}

// appendWord appends a string that is replaced if it is not in the vocabulary of k.
func (s *Scrubber) appendWord(to []byte, k *detailKey, text []byte) []byte {
	switch {
	case slices.ContainsFunc(k.Values, func(v string) bool { return v == string(text) }):
	case k.Values == nil && isIdentifier(text) && begins(text, documented[k.Name]):
	case k.Name == "null_slots" && slots[string(text)]:
	default:
		return append(append(append(to, '"'), s.token("text", text)...), '"')
	}
	return appendQuoted(to, text)
}

func begins(text []byte, with []string) bool {
	return slices.ContainsFunc(with, func(p string) bool { return bytes.HasPrefix(text, []byte(p)) })
}

// slots are the names of the handlers in the documented structures.
var slots = func() map[string]bool {
	names := map[string]bool{}
	for _, set := range ndis.HandlerSets {
		for _, slot := range set.Slots {
			if isIdentifier([]byte(slot.Name)) {
				names[slot.Name] = true
			}
		}
	}
	return names
}()

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

func appendHex(to []byte, v uint64) []byte {
	return append(strconv.AppendUint(append(to, `"0x`...), v, 16), '"')
}

// appendQuoted appends text as a JSON string.
func appendQuoted(to, text []byte) []byte {
	at := len(to)
	to = append(append(append(to, '"'), text...), '"')
	if plain(to[at:]) == len(to)-at {
		return to
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(string(text)) != nil {
		return append(to[:at], `""`...)
	}
	return append(to[:at], bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}
