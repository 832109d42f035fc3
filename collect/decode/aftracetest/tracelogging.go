package aftracetest

import (
	"encoding/binary"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/etl"
)

// Field describes a field of a TraceLogging event.
type Field struct {
	Name    string
	In      decode.InType
	Out     decode.OutType
	Tags    uint32 // 28 bits
	Array   decode.Array
	Count   uint16  // of a FixedArray
	Custom  []byte  // of a CustomArray
	Members []Field // of a struct
}

// Schema builds the data of an extended item etl.ExtSchemaTL.
func Schema(name string, tags uint32, fields []Field) []byte {
	b := []byte{0, 0}
	b = appendTags(b, tags)
	b = append(append(b, name...), 0)
	b = appendFields(b, fields)
	binary.LittleEndian.PutUint16(b, uint16(len(b)))
	return b
}

func appendFields(b []byte, fields []Field) []byte {
	for _, f := range fields {
		b = append(append(b, f.Name...), 0)
		out := byte(f.Out)
		if f.In == decode.InStruct {
			out = byte(len(f.Members))
		}
		in := byte(f.In) | byte(f.Array)
		switch {
		case f.Tags != 0:
			b = append(b, in|0x80, out|0x80)
			b = appendTags(b, f.Tags)
		case out != 0:
			b = append(b, in|0x80, out)
		default:
			b = append(b, in)
		}
		switch f.Array {
		case decode.FixedArray:
			b = binary.LittleEndian.AppendUint16(b, f.Count)
		case decode.CustomArray:
			b = binary.LittleEndian.AppendUint16(b, uint16(len(f.Custom)))
			b = append(b, f.Custom...)
		}
		b = appendFields(b, f.Members)
	}
	return b
}

// appendTags appends 28 bits, 7 a byte, the highest first, without zeroes at the end.
func appendTags(b []byte, tags uint32) []byte {
	for {
		c := byte(tags >> 21 & 0x7F)
		tags = tags << 7 & (1<<28 - 1)
		if tags == 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

// Traits builds the data of an extended item etl.ExtProviderTraits.
func Traits(name string, others ...decode.Trait) []byte {
	b := append(append([]byte{0, 0}, name...), 0)
	for _, t := range others {
		b = binary.LittleEndian.AppendUint16(b, uint16(3+len(t.Data)))
		b = append(append(b, t.Type), t.Data...)
	}
	binary.LittleEndian.PutUint16(b, uint16(len(b)))
	return b
}

// Items are the extended items of a TraceLogging event.
func Items(traits, schema []byte) []etl.ExtItem {
	return []etl.ExtItem{{Type: etl.ExtSchemaTL, Data: schema}, {Type: etl.ExtProviderTraits, Data: traits}}
}

// Counted appends a u16 length and s.
func Counted(b []byte, s string) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}
