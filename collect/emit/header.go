package emit

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/format/ndis"
)

// Header is aftrace.h, the C header with which a driver reports its own calls and callbacks.
//
//go:generate go test . -run TestHeaderIsGenerated -update
//go:embed aftrace.h
var Header string

//go:embed aftrace.h.in
var headerFrame string

// GenerateHeader makes aftrace.h from the tables.
func GenerateHeader() string {
	g := decode.AfTrace
	var guid strings.Builder
	fmt.Fprintf(&guid, "0x%08x, 0x%04x, 0x%04x, {", binary.LittleEndian.Uint32(g[0:]), binary.LittleEndian.Uint16(g[4:]), binary.LittleEndian.Uint16(g[6:]))
	for i, c := range g[8:] {
		if i > 0 {
			guid.WriteString(", ")
		}
		fmt.Fprintf(&guid, "0x%02x", c)
	}
	guid.WriteString("}")

	traits := append(append([]byte{0, 0}, decode.AfTraceName...), 0)
	binary.LittleEndian.PutUint16(traits, uint16(len(traits)))
	schema := append(append([]byte{0, 0, 0}, decode.AfEventName...), 0) // size, no tags, name
	for _, f := range decode.AfFields {
		schema = append(append(schema, f.Name...), 0, byte(f.Type))
	}
	binary.LittleEndian.PutUint16(schema, uint16(len(schema)))

	var functions strings.Builder
	for f := range ndis.Functions() {
		headerFunction(&functions, f)
	}
	return strings.NewReplacer(
		"@GUID@", guid.String(), "@TRAITS@", cBytes(traits), "@SCHEMA@", cBytes(schema), "@FUNCTIONS@", functions.String(),
		"@LEVEL@", fmt.Sprint(eventLevel), "@KEYWORD@", fmt.Sprint(eventKeyword),
	).Replace(headerFrame)
}

func cBytes(b []byte) string {
	var s strings.Builder
	for i, c := range b {
		switch {
		case i == 0:
		case i%12 == 0:
			s.WriteString(",\n    ")
		default:
			s.WriteString(", ")
		}
		fmt.Fprintf(&s, "0x%02x", c)
	}
	return s.String()
}

// headerFunction writes the two inline functions of f.
func headerFunction(b *strings.Builder, f ndis.Func) {
	fn := f.Info()
	enter, ret := crossings(fn)
	fmt.Fprintf(b, "\n/* %s */\n", fn.Page)
	open := func(crossing string, args []string) {
		fmt.Fprintf(b, "static __inline void AfTrace_%s_%s(AFTRACE_CALL *Call%s, const char *Detail)\n{\n", fn.Name, crossing, strings.Join(args, ""))
	}
	name := func(v value) string {
		if v.param < 0 {
			return "Status"
		}
		return fn.Params[v.param].Name
	}

	var args []string
	for _, v := range inOrder(enter) {
		switch {
		case v.deref:
			args = append(args, ", const void *const *"+name(v))
		case v.field == decode.AfStatus:
			args = append(args, ", AFTRACE_STATUS "+name(v))
		default:
			args = append(args, ", const void *"+name(v))
		}
	}
	open("Enter", args)
	b.WriteString("    AFTRACE_EVENT e;\n    if (!AfTraceBegin(Call, &e)) return;\n")
	for _, v := range enter {
		if v.deref {
			b.WriteString("    ")
		}
		headerValue(b, v, name(v))
	}
	fmt.Fprintf(b, "    AfTraceEmit(Call, &e, 1, %q, %d, Detail);\n}\n", fn.Name, len(fn.Name))

	args = nil
	status := "0"
	for _, v := range inOrder(ret) {
		switch {
		case v.field == decode.AfStatus:
			status = name(v)
			args = append(args, ", AFTRACE_STATUS "+name(v))
		case v.deref:
			args = append(args, ", const void *const *"+name(v))
		}
	}
	open("Return", args)
	b.WriteString("    AFTRACE_EVENT e;\n    if (!AfTraceEnd(Call, &e)) return;\n")
	for _, v := range ret {
		switch {
		case v.field == decode.AfStatus:
			headerValue(b, value{field: v.field}, name(v))
		case v.deref:
			fmt.Fprintf(b, "    AfTraceForget(&e, %d);\n    if (!AFTRACE_FAILED(%s)) ", v.field-decode.AfAdapter, status)
			headerValue(b, v, name(v))
		}
	}
	fmt.Fprintf(b, "    AfTraceEmit(Call, &e, 2, %q, %d, Detail);\n}\n", fn.Name, len(fn.Name))
}

// inOrder is the values in the order of the prototype, what is returned first.
func inOrder(values []value) []value {
	var list []value
	for i := -1; i < 16; i++ {
		for _, v := range values {
			if v.param == i {
				list = append(list, v)
			}
		}
	}
	return list
}

func headerValue(b *strings.Builder, v value, name string) {
	switch {
	case v.af:
		fmt.Fprintf(b, "    AfTraceFamily(&e, %s);\n", name)
	case v.field == decode.AfStatus:
		fmt.Fprintf(b, "    e.Values.Status = (ULONG)%s; e.Values.Present |= 0x%x;\n", name, v.bits())
	case v.field == decode.AfContext2:
		fmt.Fprintf(b, "    AfTraceContext2(&e, %s);\n", name)
	case v.deref:
		fmt.Fprintf(b, "AfTraceVariable(&e, %d, %s);\n", v.field-decode.AfAdapter, name)
	default:
		fmt.Fprintf(b, "    AfTraceHandle(&e, %d, %s);\n", v.field-decode.AfAdapter, name)
	}
}
