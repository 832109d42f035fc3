package format

import (
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/aftrace/aftrace/format/ndis"
)

// The columns of a trace in the order in which the Writer writes them.
const (
	colSeq = iota
	colTS
	colTicks
	colCPU
	colPID
	colTID
	colIRQL
	colPhase
	colFunction
	colCallID
	colDriver
	colAdapter
	colBinding
	colAF
	colSAP
	colVC
	colParty
	colContext
	colContext2
	colAFType
	colAFMajor
	colAFMinor
	colStatus
	colLost
	colSource
	colDetail
	numColumns
)

// column is one line of the schema. Nullable columns have the bit that Event.Has uses.
type column struct {
	name string
	typ  arrow.DataType
	has  Fields
}

func (c *column) required() bool { return c.has == 0 }

var (
	nameDictionary8  = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	nameDictionary16 = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int16, ValueType: arrow.BinaryTypes.String}
)

var columns = [numColumns]column{
	colSeq:      {"seq", arrow.PrimitiveTypes.Uint64, 0},
	colTS:       {"ts", &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"}, 0},
	colTicks:    {"ticks", arrow.PrimitiveTypes.Int64, HasTicks},
	colCPU:      {"cpu", arrow.PrimitiveTypes.Uint16, HasCPU},
	colPID:      {"pid", arrow.PrimitiveTypes.Uint32, HasPID},
	colTID:      {"tid", arrow.PrimitiveTypes.Uint64, HasTID},
	colIRQL:     {"irql", arrow.PrimitiveTypes.Uint8, HasIRQL},
	colPhase:    {"phase", nameDictionary8, 0},
	colFunction: {"function", nameDictionary16, 0},
	colCallID:   {"call_id", arrow.PrimitiveTypes.Uint64, HasCallID},
	colDriver:   {"driver", arrow.BinaryTypes.String, HasDriver},
	colAdapter:  {"adapter", arrow.PrimitiveTypes.Uint64, HasAdapter},
	colBinding:  {"binding", arrow.PrimitiveTypes.Uint64, HasBinding},
	colAF:       {"af", arrow.PrimitiveTypes.Uint64, HasAF},
	colSAP:      {"sap", arrow.PrimitiveTypes.Uint64, HasSAP},
	colVC:       {"vc", arrow.PrimitiveTypes.Uint64, HasVC},
	colParty:    {"party", arrow.PrimitiveTypes.Uint64, HasParty},
	colContext:  {"context", arrow.PrimitiveTypes.Uint64, HasContext},
	colContext2: {"context2", arrow.PrimitiveTypes.Uint64, HasContext2},
	colAFType:   {"af_type", arrow.PrimitiveTypes.Uint32, HasAFType},
	colAFMajor:  {"af_major", arrow.PrimitiveTypes.Uint32, HasAFMajor},
	colAFMinor:  {"af_minor", arrow.PrimitiveTypes.Uint32, HasAFMinor},
	colStatus:   {"status", arrow.PrimitiveTypes.Uint32, HasStatus},
	colLost:     {"lost", arrow.PrimitiveTypes.Uint64, HasLost},
	colSource:   {"source", nameDictionary8, 0},
	colDetail:   {"detail", arrow.BinaryTypes.String, HasDetail},
}

// numNullable is the number of bits that Fields uses, numbered as the nullable columns
// are ordered.
const numNullable = 21

var columnByName = func() map[string]int {
	m := make(map[string]int, numColumns)
	for i := range columns {
		m[columns[i].name] = i
	}
	return m
}()

var (
	phaseNames    = []string{PhaseEnter: "enter", PhaseReturn: "return", PhaseEvent: "event", PhaseGap: "gap"}
	functionNames = ndis.Names()
	sourceNames   = []string{
		SourceETW: "etw", SourceETL: "etl", SourceDTrace: "dtrace", SourceWPP: "wpp", SourceManifest: "manifest",
		SourceUprobe: "uprobe", SourceScenario: "scenario", SourceGenerator: "generator",
	}
)

// String is the value of the phase column: "enter", "return", "event" or "gap".
func (p Phase) String() string {
	if p < NumPhases {
		return phaseNames[p]
	}
	return "?"
}

// String is the value of the source column, as "etw" or "dtrace".
func (s Source) String() string {
	if s < NumSources {
		return sourceNames[s]
	}
	return "?"
}

// ParsePhase is the reverse of Phase.String.
func ParsePhase(name string) (Phase, bool) {
	for p, n := range phaseNames {
		if n == name {
			return Phase(p), true
		}
	}
	return 0, false
}

// ParseSource is the reverse of Source.String.
func ParseSource(name string) (Source, bool) {
	for s, n := range sourceNames {
		if n == name {
			return Source(s), true
		}
	}
	return 0, false
}

// Schema is the Arrow schema of a trace with the given metadata, as the Writer writes it.
func Schema(m Metadata) *arrow.Schema { return schemaWith(m, nil) }

func schemaWith(m Metadata, extra []arrow.Field) *arrow.Schema {
	fields := make([]arrow.Field, 0, numColumns+len(extra))
	for i := range columns {
		fields = append(fields, arrow.Field{Name: columns[i].name, Type: columns[i].typ, Nullable: !columns[i].required()})
	}
	fields = append(fields, extra...)
	md := m.arrow()
	return arrow.NewSchema(fields, &md)
}

// stringData makes Arrow array data of names, for the dictionaries of a closed vocabulary.
func stringData(names []string) *array.Data {
	offsets := make([]int32, len(names)+1)
	for i, n := range names {
		offsets[i+1] = offsets[i] + int32(len(n))
	}
	return array.NewData(arrow.BinaryTypes.String, len(names), []*memory.Buffer{
		nil, memory.NewBufferBytes(bytesOf(offsets)), memory.NewBufferBytes([]byte(strings.Join(names, ""))),
	}, nil, 0, 0)
}
