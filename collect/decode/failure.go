package decode

import "fmt"

// Reason is why something could not be decoded. The set is closed, so that failures can
// be counted.
type Reason uint8

const (
	ReasonNone         Reason = iota // nothing failed
	ReasonNoDecoder                  // a manifest or classic record without its description
	ReasonRecord                     // the extended items do not fit into the record
	ReasonNoSchema                   // a TraceLogging event without its schema
	ReasonTraitsCut                  // provider traits end early
	ReasonSchemaCut                  // a schema ends early
	ReasonSchemaType                 // a schema names a type that does not exist
	ReasonSchemaDepth                // structs nest deeper than MaxDepth
	ReasonSchemaFields               // a schema has more than MaxFields fields
	ReasonPayloadCut                 // the payload ends inside a field
	ReasonPayloadLeft                // the payload has bytes after the last field
	ReasonValues                     // the event has more than MaxValues values
	ReasonMessage                    // a WPP message for which there is no TMF data
	ReasonMessageID                  // a WPP message without its GUID: a component id instead, or none
	ReasonItem                       // a WPP message with an item type that is not known
	ReasonTemplate                   // the description of the event has a form that cannot be used
	ReasonNoLength                   // the description does not say how long a field is
	ReasonMetadata                   // a record that describes events is damaged
	ReasonKernel                     // a record of the kernel, without a provider
	NumReasons
)

var reasonNames = [NumReasons]string{
	ReasonNone:         "",
	ReasonNoDecoder:    "no description of its payload",
	ReasonRecord:       "damaged extended items",
	ReasonNoSchema:     "TraceLogging event without a schema",
	ReasonTraitsCut:    "provider traits end early",
	ReasonSchemaCut:    "schema ends early",
	ReasonSchemaType:   "schema names an unknown type",
	ReasonSchemaDepth:  "structs nest too deep",
	ReasonSchemaFields: "too many fields",
	ReasonPayloadCut:   "payload ends early",
	ReasonPayloadLeft:  "payload is longer than its schema",
	ReasonValues:       "too many values",
	ReasonMessage:      "WPP message without TMF data",
	ReasonMessageID:    "WPP message without a message GUID",
	ReasonItem:         "WPP message with an unknown item type",
	ReasonTemplate:     "description of a form that cannot be used",
	ReasonNoLength:     "field of unknown length",
	ReasonMetadata:     "damaged description of events",
	ReasonKernel:       "kernel record without a provider",
}

func (r Reason) String() string {
	if r < NumReasons {
		return reasonNames[r]
	}
	return "?"
}

// MarshalText makes a Reason a key of JSON objects.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Failure says why and where decoding stopped. The zero value is success.
type Failure struct {
	Reason Reason
	Offset int    // bytes: in the metadata for traits and schemas, else in the payload
	Field  string // name of the field at which it stopped, if any
}

// Error is one line; "" for success.
func (f Failure) Error() string {
	switch {
	case f.Reason == ReasonNone:
		return ""
	case f.Reason == ReasonItem:
		return fmt.Sprintf("%v (%s)", f.Reason, f.Field)
	case f.Reason == ReasonNoDecoder || f.Reason == ReasonMessage || f.Reason == ReasonMessageID || f.Reason == ReasonKernel ||
		f.Reason == ReasonTemplate || f.Reason == ReasonNoSchema || f.Reason == ReasonRecord: // no place is to blame
		return f.Reason.String()
	case f.Field != "":
		return fmt.Sprintf("%v at byte %d (field %s)", f.Reason, f.Offset, f.Field)
	}
	return fmt.Sprintf("%v at byte %d", f.Reason, f.Offset)
}
