package decode

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"strings"
	"unicode/utf16"

	"github.com/aftrace/aftrace/collect/etl"
)

// Traits is what a TraceLogging event says of its provider (EVENT_HEADER_EXT_TYPE_PROV_TRAITS).
type Traits struct {
	Name      string
	Group     etl.GUID // provider group, if HasGroup
	HasGroup  bool
	Decode    etl.GUID // decode GUID, if HasDecode
	HasDecode bool
	Other     []Trait // traits of other types
}

// Trait is a trait that this package does not interpret.
type Trait struct {
	Type uint8
	Data []byte
}

// Types of traits (ETW_PROVIDER_TRAIT_TYPE).
const (
	traitGroup  = 1
	traitDecode = 2
)

// ParseTraits reads the data of an extended item etl.ExtProviderTraits: u16 size, name with
// NUL, then traits of u16 size, u8 type and data. What was read before a failure is
// returned with it.
func ParseTraits(b []byte) (Traits, Failure) {
	var t Traits
	cut := func(off int) (Traits, Failure) { return t, Failure{Reason: ReasonTraitsCut, Offset: off} }
	if len(b) < 2 {
		return cut(0)
	}
	size := int(binary.LittleEndian.Uint16(b))
	if size < 2 || size > len(b) {
		return cut(0)
	}
	b = b[:size]
	n := bytes.IndexByte(b[2:], 0)
	if n < 0 {
		return cut(2)
	}
	t.Name = strings.ToValidUTF8(string(b[2:2+n]), "\uFFFD")
	for pos := 3 + n; pos < size; {
		if size-pos < 3 {
			return cut(pos)
		}
		n := int(binary.LittleEndian.Uint16(b[pos:]))
		if n < 3 || n > size-pos {
			return cut(pos)
		}
		typ, data := b[pos+2], b[pos+3:pos+n]
		switch {
		case typ == traitGroup && len(data) == 16:
			t.Group, t.HasGroup = etl.GUID(data), true
		case typ == traitDecode && len(data) == 16:
			t.Decode, t.HasDecode = etl.GUID(data), true
		default:
			t.Other = append(t.Other, Trait{typ, bytes.Clone(data)})
		}
		pos += n
	}
	return t, Failure{}
}

// ProviderGUID is the GUID that TraceLogging and EventSource derive from a provider's name
// by default. Providers may choose another: never conclude a foreign provider's GUID from
// its name.
func ProviderGUID(name string) etl.GUID {
	h := sha1.New()
	h.Write([]byte{0x48, 0x2C, 0x2D, 0xB2, 0xC3, 0x90, 0x47, 0xC8, 0x87, 0xF8, 0x1A, 0x15, 0xBF, 0xC1, 0x30, 0xFB})
	for _, c := range utf16.Encode([]rune(strings.ToUpper(name))) {
		h.Write([]byte{byte(c >> 8), byte(c)})
	}
	g := etl.GUID(h.Sum(nil)[:16])
	g[7] = g[7]&0x0F | 0x50
	return g
}

// AfTrace is the provider whose events are rows of a trace, "CoNDIS-AfTrace".
var AfTrace = ProviderGUID(AfTraceName)

const (
	AfTraceName = "CoNDIS-AfTrace"
	AfEventName = "AfEvent" // its one event
)

// NDIS is the manifest provider Microsoft-Windows-NDIS.
var NDIS = mustGUID("cdead503-17f5-4a3e-b7ae-df8cc2902eb9")

var knownProviders = map[etl.GUID]string{
	AfTrace: AfTraceName,
	NDIS:    "Microsoft-Windows-NDIS",
	mustGUID("2ed6006e-4729-4609-b423-3ee7bcd678ef"): "Microsoft-Windows-NDIS-PacketCapture",
	mustGUID("d84521f7-2235-4237-a7c0-14e3a9676286"): "Microsoft-Windows-Ras-NdisWanPacketCapture",
	mustGUID("68fdd900-4a3e-11d1-84f4-0000f80464e3"): "EventTrace",
	mustGUID("6a399ae0-4bc6-4de9-870b-3657f8947e7e"): "RT_LostEvent",
	mustGUID("bbccf6c1-6cd1-48c4-80ff-839482e37671"): "EventMetadata",
	mustGUID("b3e675d7-2554-4f18-830b-2762732560de"): "ImageID",
	mustGUID("9b79ee91-b5fd-41c0-a243-4248e266e9d0"): "SystemConfigEx",
}

// KnownProvider is the name of a few providers and event classes whose records do not
// carry it, "" for all others.
func KnownProvider(g etl.GUID) string { return knownProviders[g] }

func mustGUID(s string) etl.GUID {
	g, err := etl.ParseGUID(s)
	if err != nil {
		panic(err)
	}
	return g
}
