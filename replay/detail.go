package replay

import (
	"encoding/binary"
	"math/bits"
)

// roleSet is what a driver declared itself to be.
type roleSet uint8

const (
	roleProtocolCO roleSet = 1 << iota
	roleMiniportCO
	roleClient
	roleCallManager
	roleMiniport // is a miniport driver at all
)

// caller of a completion callback.
const (
	callerUnknown = iota
	callerNDIS
	callerSelf
)

// detail holds the keys of the detail column that the replay understands (ndis.DetailKeys).
type detail struct {
	has                                              detailKeys
	protocol, miniportDriver, miniportContext        uint64
	bindContext, unbindContext, ifLuid, ifIndex, oid uint64
	sinceTS                                          int64
	adapterName                                      uint64 // hash of the name
	handlerSet                                       uint64 // hash of the value
	handlers                                         roleSet
	role                                             roleSet
	co                                               bool
	nullSlots                                        int
	caller                                           uint8
	inferred                                         bool
	sap, sapType, oidRequest                         uint64 // hash, value, address
	surprise                                         bool   // the event or halt tells of a surprise removal
	callParams, flags, nbl                           uint64 // hash, value, address
	outParams, outFlags                              uint64 // the same of the return
	multipoint                                       bool
}

type detailKeys uint32

const (
	keyProtocol detailKeys = 1 << iota
	keyMiniportDriver
	keyMiniportContext
	keyBindContext
	keyUnbindContext
	keyIfLuid
	keyIfIndex
	keyAdapterName
	keyHandlers
	keyHandlerSet
	keyRole
	keyCO
	keyNullSlots
	keyCaller
	keyInferred
	keySinceTS
	keyOID
	keySAP
	keySAPType
	keyOIDRequest
	keyPnPEvent
	keyHaltAction
	keyCallParams
	keyFlags
	keyNbl
	keyMultipoint
	keyOutParams
	keyOutFlags
)

// parsed is the keys that parse knows, wanted the same as a bit for each length by the first
// letter.
var (
	parsed = []string{
		"protocol", "miniport_driver", "miniport_context", "bind_context", "unbind_context",
		"if_luid", "if_index", "oid", "oid_request", "sap", "sap_type", "pnp_event", "halt_action",
		"call_params", "flags", "nbl", "multipoint", "since_ts", "adapter_name", "handler_set",
		"handlers", "role", "null_slots", "co", "inferred", "caller",
	}
	wanted = func() (of [32]uint32) {
		for _, k := range parsed {
			of[k[0]&31] |= 1 << len(k)
		}
		return of
	}()
)

// parse reads a flat JSON object without allocating. Keys it does not know are passed over;
// a text that is not an object, or breaks off, leaves what was read and returns false.
func (d *detail) parse(b []byte) bool {
	*d = detail{}
	s := scanner{b: b}
	return s.plain() || d.read(&s)
}

// read is parse of what plain left over, for a d that is empty.
func (d *detail) read(s *scanner) bool {
	if s.i == 0 && !s.open('{') {
		return false
	}
	b := s.b
	if b[s.i-1] == '{' && s.close('}') {
		return true
	}
	for {
		k, ok := s.str()
		if !ok || !s.open(':') {
			return false
		}
		if s.i < len(b) && b[s.i] <= ' ' {
			s.space()
		}
		var good bool
		switch string(k) {
		case "protocol":
			d.protocol, good = s.handle()
			d.set(keyProtocol, good)
		case "miniport_driver":
			d.miniportDriver, good = s.handle()
			d.set(keyMiniportDriver, good)
		case "miniport_context":
			d.miniportContext, good = s.handle()
			d.set(keyMiniportContext, good)
		case "bind_context":
			d.bindContext, good = s.handle()
			d.set(keyBindContext, good)
		case "unbind_context":
			d.unbindContext, good = s.handle()
			d.set(keyUnbindContext, good)
		case "if_luid":
			d.ifLuid, good = s.handle()
			d.set(keyIfLuid, good)
		case "if_index":
			d.ifIndex, good = s.handle()
			d.set(keyIfIndex, good)
		case "oid":
			d.oid, good = s.handle()
			d.set(keyOID, good)
		case "oid_request":
			d.oidRequest, good = s.handle()
			d.set(keyOIDRequest, good)
		case "sap":
			d.sap, good = s.hash()
			d.set(keySAP, good)
		case "sap_type":
			d.sapType, good = s.handle()
			d.set(keySAPType, good)
		case "pnp_event":
			good = s.strings(func(v []byte) { d.surprise = string(v) == "NdisDevicePnPEventSurpriseRemoved" })
			d.set(keyPnPEvent, good)
		case "halt_action":
			good = s.strings(func(v []byte) { d.surprise = string(v) == "NdisHaltDeviceSurpriseRemoved" })
			d.set(keyHaltAction, good)
		case "call_params":
			d.callParams, good = s.hash()
			d.set(keyCallParams, good)
		case "flags":
			d.flags, good = s.handle()
			d.set(keyFlags, good)
		case "nbl":
			d.nbl, good = s.handle()
			d.set(keyNbl, good)
		case "multipoint":
			d.multipoint, good = s.boolean()
			d.set(keyMultipoint, good)
		case "since_ts":
			var v uint64
			v, good = s.handle()
			d.sinceTS = int64(v)
			d.set(keySinceTS, good)
		case "adapter_name":
			d.adapterName, good = s.hash()
			d.set(keyAdapterName, good)
		case "handler_set":
			d.handlerSet, good = s.hash()
			d.set(keyHandlerSet, good)
		case "handlers":
			good = s.strings(func(v []byte) {
				switch string(v) {
				case "protocol-co":
					d.handlers |= roleProtocolCO
				case "miniport-co":
					d.handlers |= roleMiniportCO
				case "client":
					d.handlers |= roleClient
				case "call-manager":
					d.handlers |= roleCallManager
				}
			})
			d.set(keyHandlers, good)
		case "role":
			good = s.strings(func(v []byte) {
				switch string(v) {
				case "client":
					d.role |= roleClient
				case "call-manager":
					d.role |= roleCallManager
				case "miniport":
					d.role |= roleMiniport
				case "mcm":
					d.role |= roleMiniport | roleCallManager
				}
			})
			d.set(keyRole, good)
		case "null_slots":
			good = s.strings(func([]byte) { d.nullSlots++ })
			d.set(keyNullSlots, good)
		case "co":
			d.co, good = s.boolean()
			d.set(keyCO, good)
		case "inferred":
			d.inferred, good = s.boolean()
			d.set(keyInferred, good)
		case "caller":
			good = s.strings(func(v []byte) {
				switch string(v) {
				case "ndis":
					d.caller = callerNDIS
				case "self":
					d.caller = callerSelf
				}
			})
			d.set(keyCaller, good)
		default:
			good = s.skip(0)
		}
		if !good && !s.skip(0) {
			return false
		}
		if s.close('}') {
			return true
		}
		if !s.open(',') {
			return false
		}
		if s.pass() {
			return true
		}
	}
}

func (d *detail) set(k detailKeys, ok bool) {
	if ok {
		d.has |= k
	}
}

// scanner walks JSON text. A method that does not find what it looks for leaves the
// position where the value began.
type scanner struct {
	b []byte
	i int
}

func (s *scanner) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\t' || s.b[s.i] == '\n' || s.b[s.i] == '\r') {
		s.i++
	}
}

// open consumes c after white space, close does so only if c is there.
func (s *scanner) open(c byte) bool { return s.close(c) }

func (s *scanner) close(c byte) bool {
	if s.i < len(s.b) && s.b[s.i] <= ' ' {
		s.space()
	}
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

const ones = 0x0101010101010101

// str returns the raw text of a string, escapes left as they are: no name that the replay
// knows needs one.
func (s *scanner) str() ([]byte, bool) {
	b, i := s.b, s.i
	if i < len(b) && b[i] <= ' ' {
		s.space()
		i = s.i
	}
	if i >= len(b) || b[i] != '"' {
		return nil, false
	}
	j := i + 1
	for j = quoteOrEscape(b, j); j < len(b); j = quoteOrEscape(b, j+2) {
		if b[j] == '"' {
			s.i = j + 1
			return b[i+1 : j], true
		}
	}
	return nil, false
}

// plain says that the text is an object without any key that parse knows. It passes over those
// before the first one.
func (s *scanner) plain() bool {
	if len(s.b) == 0 || s.b[0] != '{' {
		return false
	}
	s.i = 1
	return s.pass()
}

// pass passes over keys that parse does not know, with their values, as long as they are
// written as mostly: a string without escapes or a number without sign, and no white space
// around. It says whether the object ends there.
func (s *scanner) pass() bool {
	b, i := s.b, s.i
	for i+1 < len(b) && b[i] == '"' {
		j := quote(b, i+1)
		if j+2 >= len(b) || b[j-1] == '\\' || b[j+1] != ':' {
			break
		}
		if n := uint(j - i - 1); n == 0 || n < 32 && wanted[b[i+1]&31]>>(n&31)&1 != 0 {
			break
		}
		k := j + 2
		if b[k] == '"' {
			if k = quote(b, k+1); b[k-1] == '\\' {
				break // it may be part of the string
			}
			k++
		} else {
			for k < len(b) && b[k]-'0' <= 9 {
				k++
			}
			if k == j+2 {
				break
			}
		}
		if k >= len(b) {
			break
		}
		switch b[k] {
		case ',':
			i = k + 1
			continue
		case '}':
			s.i = k + 1
			return true
		}
		break
	}
	s.i = i
	return false
}

// quote finds the first quote from j on; without one it gives len(b).
func quote(b []byte, j int) int {
	for ; j+8 <= len(b); j += 8 {
		// Eight bytes at once: the lowest bit set is that of the first quote.
		v := binary.LittleEndian.Uint64(b[j:j+8]) ^ '"'*ones
		if v = (v - ones) &^ v & (ones << 7); v != 0 {
			return j + bits.TrailingZeros64(v)/8
		}
	}
	for j < len(b) && b[j] != '"' {
		j++
	}
	return j
}

// quoteOrEscape finds the first quote or backslash from j on; without one it gives len(b).
func quoteOrEscape(b []byte, j int) int {
	for ; j+8 <= len(b); j += 8 {
		v := binary.LittleEndian.Uint64(b[j : j+8])
		q, e := v^'"'*ones, v^'\\'*ones
		if found := ((q-ones)&^q | (e-ones)&^e) & (ones << 7); found != 0 {
			return j + bits.TrailingZeros64(found)/8
		}
	}
	for j < len(b) && b[j] != '"' && b[j] != '\\' {
		j++
	}
	return j
}

// handle reads a hex string ("0x1f") or a number without sign or fraction.
func (s *scanner) handle() (uint64, bool) {
	start := s.i
	if v, ok := s.str(); ok {
		if len(v) > 2 && v[0] == '0' && v[1]|0x20 == 'x' && len(v) <= 18 {
			var n uint64
			for _, c := range v[2:] {
				switch {
				case c >= '0' && c <= '9':
					n = n<<4 | uint64(c-'0')
				case c|0x20 >= 'a' && c|0x20 <= 'f':
					n = n<<4 | uint64(c|0x20-'a'+10)
				default:
					s.i = start
					return 0, false
				}
			}
			return n, true
		}
		sub := scanner{b: v}
		if n, ok := sub.number(); ok && sub.i == len(v) {
			return n, true
		}
		s.i = start
		return 0, false
	}
	return s.number()
}

func (s *scanner) number() (uint64, bool) {
	start := s.i
	var n uint64
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		hi, lo := bits.Mul64(n, 10)
		d := uint64(s.b[s.i] - '0')
		if hi != 0 || lo+d < lo {
			s.i = start
			return 0, false
		}
		n = lo + d
		s.i++
	}
	if s.i == start || s.i < len(s.b) && (s.b[s.i] == '.' || s.b[s.i]|0x20 == 'e') {
		s.i = start
		return 0, false
	}
	return n, true
}

// hash reads a string and gives its FNV-1a hash: the replay compares names, it never
// prints them.
func (s *scanner) hash() (uint64, bool) {
	v, ok := s.str()
	if !ok {
		return 0, false
	}
	return fnv(v), true
}

func fnv(b []byte) uint64 {
	h := uint64(0xcbf29ce484222325)
	for _, c := range b {
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	return h
}

func (s *scanner) boolean() (v, ok bool) {
	if rest := s.b[s.i:]; len(rest) >= 4 && string(rest[:4]) == "true" {
		s.i += 4
		return true, true
	} else if len(rest) >= 5 && string(rest[:5]) == "false" {
		s.i += 5
		return false, true
	}
	return false, false
}

// strings calls f for a string, or for each string of an array of strings.
func (s *scanner) strings(f func([]byte)) bool {
	start := s.i
	if v, ok := s.str(); ok {
		f(v)
		return true
	}
	if !s.open('[') {
		return false
	}
	if s.close(']') {
		return true
	}
	for {
		v, ok := s.str()
		if !ok {
			s.i = start
			return false
		}
		f(v)
		if s.close(']') {
			return true
		}
		if !s.open(',') {
			s.i = start
			return false
		}
	}
}

// maxDetailDepth bounds the nesting of values that are passed over.
const maxDetailDepth = 32

// skip passes over any value.
func (s *scanner) skip(depth int) bool {
	if s.i < len(s.b) && s.b[s.i] <= ' ' {
		s.space()
	}
	if s.i >= len(s.b) || depth > maxDetailDepth {
		return false
	}
	switch c := s.b[s.i]; c {
	case '"':
		_, ok := s.str()
		return ok
	case '{', '[':
		end := c + 2 // '{'+2 is '}', '['+2 is ']'
		s.i++
		if s.close(end) {
			return true
		}
		for {
			if c == '{' {
				if _, ok := s.str(); !ok || !s.open(':') {
					return false
				}
			}
			if !s.skip(depth + 1) {
				return false
			}
			if s.close(end) {
				return true
			}
			if !s.open(',') {
				return false
			}
		}
	}
	b, i := s.b, s.i
	for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' && b[i] > ' ' {
		i++
	}
	some := i > s.i
	s.i = i
	return some
}
