//go:build linux && (amd64 || arm64)

package uprobe

import (
	"debug/dwarf"
	"strings"
)

// member is a field of a structure: where it is and how many bytes it has.
type member struct{ off, size int }

// layout says where the fields are that probes read, by "STRUCTURE.Field".
type layout map[string]member

// kind of a C field, for what its size and alignment are.
type kind uint8

const (
	u8 kind = iota
	u16
	u32
	u64
	pointer
	ulong   // 4 bytes on Windows, 8 where a harness took it for unsigned long
	str     // UNICODE_STRING
	aligned // a structure of ULONGs that the WDK aligns like a pointer
	bytes32
)

type field struct {
	name string
	kind kind
}

// structures are the fields up to the last one that is read, as documented.
var structures = []struct {
	name   string
	fields []field
}{
	{"CO_ADDRESS_FAMILY", []field{{"AddressFamily", ulong}, {"MajorVersion", ulong}, {"MinorVersion", ulong}}},
	{"CO_SAP", []field{{"SapType", ulong}, {"SapLength", ulong}, {"Sap", u8}}},
	{"CO_SPECIFIC_PARAMETERS", []field{{"ParamType", ulong}, {"Length", ulong}, {"Parameters", u8}}},
	{"CO_CALL_PARAMETERS", []field{{"Flags", ulong}, {"CallMgrParameters", pointer}, {"MediaParameters", pointer}}},
	{"CO_MEDIA_PARAMETERS", []field{{"Flags", ulong}, {"ReceivePriority", ulong}, {"ReceiveSizeHint", ulong}, {"MediaSpecific", aligned}}},
	{"UNICODE_STRING", []field{{"Length", u16}, {"MaximumLength", u16}, {"Buffer", pointer}}},
	{"NDIS_OBJECT_HEADER", header},
	{"NDIS_OPEN_PARAMETERS", append(header, field{"AdapterName", pointer})},
	{"NDIS_BIND_PARAMETERS", append(header, []field{
		{"ProtocolSection", pointer}, {"AdapterName", pointer}, {"PhysicalDeviceObject", pointer}, {"MediaType", u32}, {"MtuSize", ulong},
		{"MaxXmitLinkSpeed", u64}, {"MaxRcvLinkSpeed", u64}, {"XmitLinkSpeed", u64}, {"RcvLinkSpeed", u64},
		{"MediaConnectState", u32}, {"MediaDuplexState", u32}, {"LookaheadSize", ulong}, {"PowerManagementCapabilities", pointer},
		{"SupportedPacketFilters", ulong}, {"MaxMulticastListSize", ulong}, {"MacAddressLength", u16}, {"CurrentMacAddress", bytes32},
		{"PhysicalMediumType", u32}, {"RcvScaleCapabilities", pointer}, {"BoundIfNetluid", u64}, {"BoundIfIndex", ulong},
	}...)},
	{"NDIS_MINIPORT_INIT_PARAMETERS", append(header, []field{
		{"Flags", ulong}, {"AllocatedResources", pointer}, {"IMDeviceInstanceContext", pointer}, {"MiniportAddDeviceContext", pointer},
		{"IfIndex", ulong}, {"NetLuid", u64},
	}...)},
	{"NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES", append(header, field{"MiniportAdapterContext", pointer})},
	{"NDIS_OID_REQUEST", append(header, []field{
		{"RequestType", u32}, {"PortNumber", ulong}, {"Timeout", u32}, {"RequestId", pointer}, {"RequestHandle", pointer}, {"DATA", aligned},
	}...)},
	{"NDIS_REQUEST", []field{{"MacReserved", bytes32}, {"RequestType", u32}, {"DATA", aligned}}},
	{"NET_PNP_EVENT_NOTIFICATION", append(header, []field{{"PortNumber", ulong}, {"NetPnPEvent", aligned}}...)},
	{"NET_DEVICE_PNP_EVENT", append(header, []field{{"PortNumber", ulong}, {"DevicePnPEvent", u32}}...)},
	{"NDIS_PROTOCOL_DRIVER_CHARACTERISTICS", append(header, []field{
		{"MajorNdisVersion", u8}, {"MinorNdisVersion", u8}, {"MajorDriverVersion", u8}, {"MinorDriverVersion", u8}, {"Flags", ulong}, {"Name", str},
		{"SetOptionsHandler", pointer}, {"BindAdapterHandlerEx", pointer}, {"UnbindAdapterHandlerEx", pointer},
		{"OpenAdapterCompleteHandlerEx", pointer}, {"CloseAdapterCompleteHandlerEx", pointer}, {"NetPnPEventHandler", pointer}, {"UninstallHandler", pointer},
	}...)},
	{"NDIS_MINIPORT_DRIVER_CHARACTERISTICS", append(header, []field{
		{"MajorNdisVersion", u8}, {"MinorNdisVersion", u8}, {"MajorDriverVersion", u8}, {"MinorDriverVersion", u8}, {"Flags", ulong},
		{"SetOptionsHandler", pointer}, {"InitializeHandlerEx", pointer}, {"HaltHandlerEx", pointer}, {"UnloadHandler", pointer},
		{"PauseHandler", pointer}, {"RestartHandler", pointer}, {"OidRequestHandler", pointer}, {"SendNetBufferListsHandler", pointer},
		{"ReturnNetBufferListsHandler", pointer}, {"CancelSendHandler", pointer}, {"CheckForHangHandlerEx", pointer}, {"ResetHandlerEx", pointer},
		{"DevicePnPEventNotifyHandler", pointer},
	}...)},
}

var header = []field{{"Type", u8}, {"Revision", u8}, {"Size", u16}}[:3:3]

// windowsLayout is that of Windows on x64; with ulongSize 8, that of a compiler of 64-bit
// Unix for the same declarations with unsigned long.
func windowsLayout(ulongSize int) layout {
	l := layout{}
	for _, s := range structures {
		at := 0
		for _, f := range s.fields {
			size, align := 0, 0
			switch f.kind {
			case u8:
				size, align = 1, 1
			case u16:
				size, align = 2, 2
			case u32:
				size, align = 4, 4
			case u64, pointer:
				size, align = 8, 8
			case ulong:
				size, align = ulongSize, ulongSize
			case str:
				size, align = 16, 8
			case aligned:
				size, align = ulongSize, 8
			case bytes32:
				size, align = 32, 1
			}
			at = (at + align - 1) / align * align
			l[s.name+"."+f.name] = member{at, size}
			at += size
		}
	}
	// FLOWSPECs, eight ULONGs each, come before it.
	l["CO_CALL_MANAGER_PARAMETERS.CallMgrSpecific"] = member{16 * ulongSize, 0}
	return l
}

// dwarfLayout reads the layouts that a program was compiled with; those that it does not
// describe are those of def, which is called with the size of its ULONG, 0 if not known.
func dwarfLayout(d *dwarf.Data, def func(ulongSize int) layout) (l layout, found bool) {
	wanted := map[string]map[string]bool{}
	for key := range windowsLayout(4) {
		s, f, _ := strings.Cut(key, ".")
		if wanted[s] == nil {
			wanted[s] = map[string]bool{}
		}
		wanted[s][f] = true
	}
	own := layout{}
	seen := map[string]bool{}
	take := func(name string, t *dwarf.StructType) {
		name = strings.TrimPrefix(name, "_")
		fields := wanted[name]
		if fields == nil || seen[name] || t.Incomplete {
			return
		}
		seen[name] = true
		for _, f := range t.Field {
			if fields[f.Name] {
				own[name+"."+f.Name] = member{int(f.ByteOffset), int(f.Type.Size())}
			}
		}
	}
	r := d.Reader()
	for len(seen) < len(wanted) {
		e, err := r.Next()
		if e == nil || err != nil {
			break
		}
		switch e.Tag {
		case dwarf.TagStructType, dwarf.TagTypedef:
			name, _ := e.Val(dwarf.AttrName).(string)
			if wanted[strings.TrimPrefix(name, "_")] != nil {
				if t, err := d.Type(e.Offset); err == nil {
					for {
						td, ok := t.(*dwarf.TypedefType)
						if !ok {
							break
						}
						t = td.Type
					}
					if s, ok := t.(*dwarf.StructType); ok {
						take(name, s)
					}
				}
			}
			r.SkipChildren()
		case dwarf.TagCompileUnit, dwarf.TagPartialUnit, dwarf.TagNamespace:
		default:
			r.SkipChildren()
		}
	}
	l = def(own["CO_ADDRESS_FAMILY.MajorVersion"].size)
	for k, m := range own {
		l[k] = m
	}
	return l, len(own) > 0
}
