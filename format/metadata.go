package format

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/aftrace/aftrace/format/ndis"
)

// Metadata is what a trace says of itself, in the custom metadata of its Arrow schema.
// Unknown keys are kept. Counts are decimal numbers; a missing count is unknown, not zero.
type Metadata map[string]string

// Keys of the metadata of a trace.
const (
	MetaSchemaVersion    = "aftrace.schema_version"
	MetaHost             = "aftrace.host"
	MetaBootID           = "aftrace.boot_id"
	MetaOS               = "aftrace.os"
	MetaCollector        = "aftrace.collector"
	MetaLevel            = "aftrace.level"                // "api", or "export" where MCM macros show as NdisCm calls
	MetaStarted          = "aftrace.started"              // RFC 3339, UTC, up to nanoseconds
	MetaEnded            = "aftrace.ended"                // likewise
	MetaTickFrequency    = "aftrace.tick_frequency"       // ticks in a second
	MetaOrderUncertainty = "aftrace.order.uncertainty_ns" // how far apart two timestamps must be to order two rows
	MetaLostEvents       = "aftrace.lost.events"          // losses that the source counted, placed by a gap row or not
	MetaLostBuffers      = "aftrace.lost.buffers"
	MetaSessionRequested = "aftrace.session.requested" // session settings asked for, JSON
	MetaSessionGranted   = "aftrace.session.granted"   // session settings in force, JSON
	MetaToolVersion      = "aftrace.tool_version"
	MetaStatusNames      = "aftrace.names.status"  // JSON object: number as 0x%08x to NDIS_STATUS_ name
	MetaAFTypeNames      = "aftrace.names.af_type" // JSON object: number as 0x%08x to CO_ADDRESS_FAMILY_ name
)

// SchemaVersion is the version of the schema that the Writer writes and the Reader reads.
const SchemaVersion = "1"

// FormatTime is how MetaStarted and MetaEnded write a point in time.
func FormatTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// clone returns a copy of m that is never nil.
func (m Metadata) clone() Metadata {
	c := make(Metadata, len(m)+1)
	maps.Copy(c, m)
	return c
}

// named is m with the names of statuses and AF types that it does not have yet.
func (m Metadata) named() Metadata {
	c := m.clone()
	for key, names := range map[string]string{MetaStatusNames: statusNames, MetaAFTypeNames: afTypeNames} {
		if _, ok := c[key]; !ok {
			c[key] = names
		}
	}
	return c
}

// The names that format/ndis has, as the values of MetaStatusNames and MetaAFTypeNames.
var (
	statusNames = func() string {
		names := map[string]string{}
		for _, s := range ndis.Statuses() {
			names[fmt.Sprintf("0x%08x", uint32(s.Value))] = s.Name
		}
		return jsonObject(names)
	}()
	afTypeNames = func() string {
		names := map[string]string{}
		for _, t := range ndis.AFTypes() {
			names[fmt.Sprintf("0x%08x", uint32(t.Value))] = t.Name
		}
		return jsonObject(names)
	}()
)

func jsonObject(names map[string]string) string {
	b, err := json.Marshal(names)
	if err != nil {
		panic(err) // strings always have a form in JSON
	}
	return string(b)
}

// arrow returns m as Arrow metadata with the keys sorted, so that equal metadata is equal
// bytes, and with the schema version.
func (m Metadata) arrow() arrow.Metadata {
	c := m.clone()
	c[MetaSchemaVersion] = SchemaVersion
	keys := slices.Sorted(maps.Keys(c))
	values := make([]string, len(keys))
	for i, k := range keys {
		values[i] = c[k]
	}
	return arrow.NewMetadata(keys, values)
}
