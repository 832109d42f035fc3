package ndis

import (
	"slices"
	"strings"
)

// Function is what the documentation says of one function or callback, and where its
// parameters go in a trace.
type Function struct {
	Name    string
	Section string // group of functions that it is of, as numbered among the constants of Func: "3.3" is opening an AF
	Page    string // documentation page; the 6.x page for most 5.x names

	Dir   Dir
	Roles Roles    // the driver's side: who calls it (Down), who implements it (Up); the other side is NDIS
	IRQL  IRQLRule // where it may be called

	Entry  Decider // who decides that it is entered
	Return Decider // who decides what it returns or hands back

	Returns    Returns
	Completion []Func // what ends the operation after PENDING; for a void function, what ends the operation

	Twin  Func // the same call for the other kind of call manager (NdisCmXxx, NdisMCmXxx)
	Macro bool // one of the sixteen documented macros: seen as Twin at export level
	Alias Func // of an NDIS 5.x name: the 6.x name with the same meaning

	// NamesAdapter says that rows of the function should carry the adapter column and the
	// keys that join adapters, even where no parameter is the adapter's handle.
	NamesAdapter bool

	AMB    []string // ambiguities of the documentation that concern it
	Params []Param  // in the order of the prototype
}

// Dir is the direction of a call.
type Dir uint8

const (
	NoDir Dir = iota
	Down      // a driver calls NDIS
	Up        // NDIS calls a driver
)

func (d Dir) String() string { return [...]string{"", "down", "up"}[d] }

// Roles is a set of roles that drivers play. A driver may play several at once.
type Roles uint8

const (
	RoleProtocol    Roles = 1 << iota // any protocol driver, clients and stand-alone call managers included
	RoleClient                        // CoNDIS client
	RoleCallManager                   // stand-alone call manager, a protocol driver
	RoleMCM                           // miniport call manager
	RoleMiniport                      // miniport driver that is no call manager
)

var roleNames = [...]string{"protocol", "client", "call-manager", "mcm", "miniport"}

// String lists the roles, separated by "|".
func (r Roles) String() string {
	var b strings.Builder
	for i, name := range roleNames {
		if r&(1<<i) == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('|')
		}
		b.WriteString(name)
	}
	return b.String()
}

// Decider is who decides an entry or a return, which is what the replay takes as input
// and what it computes.
type Decider uint8

const (
	Nobody         Decider = iota
	Environment            // PnP and the operator: binds, unbinds, adapters that come and go
	DriverStimulus         // a driver's own initiative: it calls NDIS
	DriverDecision         // a driver's answer: what a callback returns and hands back
	NDISDecides            // NDIS: what its functions return, callbacks with a cause inside the model
)

func (d Decider) String() string {
	return [...]string{"", "environment", "driver stimulus", "driver decision", "ndis"}[d]
}

// Returns is what the documentation says of the status a function returns.
type Returns struct {
	Status   []Status // documented results, PENDING apart
	MayPend  bool     // PENDING is a documented result
	AnyOther bool     // any other failure may be passed on
	Void     bool     // there is no status; 5.x functions with an out Status are not void
}

// Allows says whether s is a documented result. RESOURCES counts as documented only
// where the page has it; a checker tolerates it more widely.
func (r *Returns) Allows(s Status) bool {
	switch {
	case r.Void:
		return false
	case s == StatusPending:
		return r.MayPend
	case slices.Contains(r.Status, s):
		return true
	}
	return r.AnyOther && s != StatusSuccess
}

// Param is a parameter of a function and its place in a trace.
type Param struct {
	Name   string // documented name
	Type   Type
	Dir    ParamDir
	Column Column   // column of the value; NoColumn if it has none
	Keys   []string // keys of the detail column: the value itself if it is a handle, context or number, otherwise what is read out of the structure
}

// OnEnter says whether the parameter has a value when the function is entered. An out
// variable may hold something then; only InOut says that it means something.
func (p *Param) OnEnter() bool { return p.Dir != Out }

// OnReturn says whether the function hands a value back through the parameter.
func (p *Param) OnReturn() bool { return p.Dir != In }

// ParamDir is the direction of a parameter.
type ParamDir uint8

const (
	In ParamDir = iota
	Out
	InOut
)

func (d ParamDir) String() string { return [...]string{"in", "out", "inout"}[d] }

// Column is where a parameter goes in a trace.
type Column uint8

const (
	NoColumn Column = iota
	ColAdapter
	ColBinding
	ColAF
	ColSAP
	ColVC
	ColParty
	ColContext  // first driver context on enter, the one handed back on return
	ColContext2 // second driver context
	ColAFType   // the whole CO_ADDRESS_FAMILY: af_type, af_major, af_minor
	ColStatus   // a Status argument; what a function returns goes there too
)

var columnNames = [...]string{"", "adapter", "binding", "af", "sap", "vc", "party", "context", "context2", "af_type", "status"}

// String is the name of the column, for ColAFType of the first of its three.
func (c Column) String() string { return columnNames[c] }

// Type is the C type of a parameter, NDIS handles and driver contexts told apart.
type Type uint8

const (
	NoType               Type = iota
	TypeHandle                // a handle made by NDIS
	TypeHandlePtr             // variable for a handle made by NDIS
	TypeContext               // a context made by a driver
	TypeContextPtr            // variable for a context made by a driver
	TypeAddressFamilyPtr      // twelve bytes: type, major, minor
	TypeStatus
	TypeStatusPtr
	TypeULONG
	TypeUINT
	TypeUINTPtr
	TypePointer
	TypeUnicodeString // by value
	TypeUnicodeStringPtr
	TypeVarStringPtr
	TypeSapPtr
	TypeCallParamsPtr
	TypeOidRequestPtr
	TypeRequestPtr // NDIS 5.x
	TypeNblPtr
	TypePacketPtr      // NDIS 5.x
	TypePacketArrayPtr // NDIS 5.x
	TypeBindParamsPtr
	TypeOpenParamsPtr
	TypeInitParamsPtr
	TypeAttributesPtr
	TypeHandlersPtr        // optional handlers; in 5.x the characteristics passed with an AF
	TypeCharacteristicsPtr // of a protocol or miniport driver
	TypeStatusIndicationPtr
	TypePnPEventPtr
	TypeDevicePnPEventPtr
	TypeHaltAction
	TypeInterfaceType
	numTypes
)

// typeInfo is the Go-side and the C name of each Type.
var typeInfo = [numTypes]struct{ name, c string }{
	NoType:                  {"", ""},
	TypeHandle:              {"Handle", "NDIS_HANDLE"},
	TypeHandlePtr:           {"HandlePtr", "PNDIS_HANDLE"},
	TypeContext:             {"Context", "NDIS_HANDLE"},
	TypeContextPtr:          {"ContextPtr", "PNDIS_HANDLE"},
	TypeAddressFamilyPtr:    {"AddressFamilyPtr", "PCO_ADDRESS_FAMILY"},
	TypeStatus:              {"Status", "NDIS_STATUS"},
	TypeStatusPtr:           {"StatusPtr", "PNDIS_STATUS"},
	TypeULONG:               {"ULONG", "ULONG"},
	TypeUINT:                {"UINT", "UINT"},
	TypeUINTPtr:             {"UINTPtr", "PUINT"},
	TypePointer:             {"Pointer", "PVOID"},
	TypeUnicodeString:       {"UnicodeString", "UNICODE_STRING"},
	TypeUnicodeStringPtr:    {"UnicodeStringPtr", "PUNICODE_STRING"},
	TypeVarStringPtr:        {"VarStringPtr", "PVAR_STRING"},
	TypeSapPtr:              {"SapPtr", "PCO_SAP"},
	TypeCallParamsPtr:       {"CallParamsPtr", "PCO_CALL_PARAMETERS"},
	TypeOidRequestPtr:       {"OidRequestPtr", "PNDIS_OID_REQUEST"},
	TypeRequestPtr:          {"RequestPtr", "PNDIS_REQUEST"},
	TypeNblPtr:              {"NblPtr", "PNET_BUFFER_LIST"},
	TypePacketPtr:           {"PacketPtr", "PNDIS_PACKET"},
	TypePacketArrayPtr:      {"PacketArrayPtr", "PPNDIS_PACKET"},
	TypeBindParamsPtr:       {"BindParamsPtr", "PNDIS_BIND_PARAMETERS"},
	TypeOpenParamsPtr:       {"OpenParamsPtr", "PNDIS_OPEN_PARAMETERS"},
	TypeInitParamsPtr:       {"InitParamsPtr", "PNDIS_MINIPORT_INIT_PARAMETERS"},
	TypeAttributesPtr:       {"AttributesPtr", "PNDIS_MINIPORT_ADAPTER_ATTRIBUTES"},
	TypeHandlersPtr:         {"HandlersPtr", "PNDIS_DRIVER_OPTIONAL_HANDLERS"},
	TypeCharacteristicsPtr:  {"CharacteristicsPtr", "PVOID"},
	TypeStatusIndicationPtr: {"StatusIndicationPtr", "PNDIS_STATUS_INDICATION"},
	TypePnPEventPtr:         {"PnPEventPtr", "PNET_PNP_EVENT_NOTIFICATION"},
	TypeDevicePnPEventPtr:   {"DevicePnPEventPtr", "PNET_DEVICE_PNP_EVENT"},
	TypeHaltAction:          {"HaltAction", "NDIS_HALT_ACTION"},
	TypeInterfaceType:       {"InterfaceType", "NDIS_INTERFACE_TYPE"},
}

// String is the name of the type without the prefix Type.
func (t Type) String() string { return typeInfo[t].name }

// C is the type in the C headers. Pointers to one of several structures
// (characteristics) are PVOID.
func (t Type) C() string { return typeInfo[t].c }

// Param returns the parameter with a documented name, nil if there is none.
func (fn *Function) Param(name string) *Param {
	for i := range fn.Params {
		if fn.Params[i].Name == name {
			return &fn.Params[i]
		}
	}
	return nil
}

// Carries says whether rows of fn carry column c on enter and on return, because of a
// parameter or of the status returned.
func (fn *Function) Carries(c Column) (enter, ret bool) {
	for i := range fn.Params {
		if p := &fn.Params[i]; p.Column == c {
			enter = enter || p.OnEnter()
			ret = ret || p.OnReturn()
		}
	}
	if c == ColStatus && fn.Dir != NoDir && !fn.Returns.Void {
		ret = true
	}
	if c == ColAdapter && fn.NamesAdapter {
		enter = true
	}
	return enter, ret
}

// Modern is the 6.x meaning of f: its alias if f is an NDIS 5.x name, otherwise f.
func (f Func) Modern() Func {
	if a := f.Info().Alias; a != FuncNone {
		return a
	}
	return f
}
