package ndis

// Pages of the documentation.
const (
	nf   = "https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-"
	nc   = "https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-"
	prev = "https://learn.microsoft.com/previous-versions/windows/hardware/network/"
)

// What is read out of the structures that parameters point to.
var (
	keysAdapter    = []string{"adapter_name", "if_index", "if_luid"}
	keysInterface  = []string{"if_index", "if_luid"}
	keysHandlers   = []string{"handler_set", "handlers", "null_slots"}
	keysSap        = []string{"sap", "sap_type"}
	keysCallParams = []string{"call_params", "flags", "multipoint"}
	keysOidRequest = []string{"oid", "oid_request"}
	keysNbl        = []string{"nbl"}
)

// functions is the vocabulary, indexed by Func. Parameters are in the order of the
// documented prototype; the parameters of a macro have the names of the function it
// stands for, since its page gives placeholders only.
var functions = [NumFuncs]Function{
	FuncUnknown: {Name: "?"},

	// 3.1 driver and binding frame
	NdisRegisterProtocolDriver: {
		Name: "NdisRegisterProtocolDriver", Section: "3.1", Page: nf + "ndisregisterprotocoldriver",
		Dir: Down, Roles: RoleProtocol, IRQL: AtPassive, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Status: []Status{StatusSuccess, StatusBadVersion, StatusBadCharacteristics, StatusResources, StatusFailure}},
		Params: []Param{
			{"ProtocolDriverContext", TypeContext, In, ColContext, nil},
			{"ProtocolCharacteristics", TypeCharacteristicsPtr, In, NoColumn, nil},
			{"NdisProtocolHandle", TypeHandlePtr, Out, NoColumn, []string{"protocol"}},
		},
	},
	ProtocolSetOptions: {
		Name: "ProtocolSetOptions", Section: "3.1", Page: nc + "set_options",
		Dir: Up, Roles: RoleProtocol, IRQL: AtPassive, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Status: []Status{StatusSuccess}, AnyOther: true},
		Params: []Param{
			{"NdisDriverHandle", TypeHandle, In, NoColumn, []string{"protocol"}},
			{"DriverContext", TypeContext, In, ColContext, nil},
		},
	},
	MiniportSetOptions: {
		Name: "MiniportSetOptions", Section: "3.1", Page: nc + "set_options",
		Dir: Up, Roles: RoleMiniport | RoleMCM, IRQL: AtPassive, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Status: []Status{StatusSuccess}, AnyOther: true},
		Params: []Param{
			{"NdisDriverHandle", TypeHandle, In, NoColumn, []string{"miniport_driver"}},
			{"DriverContext", TypeContext, In, ColContext, nil},
		},
	},
	NdisSetOptionalHandlers: {
		Name: "NdisSetOptionalHandlers", Section: "3.1", Page: nf + "ndissetoptionalhandlers",
		Dir: Down, Roles: RoleProtocol | RoleMiniport | RoleMCM, IRQL: AtPassive, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Status: []Status{StatusSuccess, StatusResources, StatusNotSupported, StatusFailure}},
		Params: []Param{
			{"NdisHandle", TypeHandle, In, NoColumn, []string{"protocol", "miniport_driver"}},
			{"OptionalHandlers", TypeHandlersPtr, In, NoColumn, keysHandlers},
		},
	},
	NdisDeregisterProtocolDriver: {
		Name: "NdisDeregisterProtocolDriver", Section: "3.1", Page: nf + "ndisderegisterprotocoldriver",
		Dir: Down, Roles: RoleProtocol, IRQL: AtPassive, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Params: []Param{
			{"NdisProtocolHandle", TypeHandle, In, NoColumn, []string{"protocol"}},
		},
	},
	ProtocolBindAdapterEx: {
		Name: "ProtocolBindAdapterEx", Section: "3.1", Page: nc + "protocol_bind_adapter_ex",
		Dir: Up, Roles: RoleProtocol, IRQL: AtPassive, Entry: Environment, Return: DriverDecision,
		Returns:      Returns{Status: []Status{StatusSuccess, StatusResources}, MayPend: true, AnyOther: true},
		Completion:   []Func{NdisCompleteBindAdapterEx},
		NamesAdapter: true,
		Params: []Param{
			{"ProtocolDriverContext", TypeContext, In, ColContext, nil},
			{"BindContext", TypeHandle, In, NoColumn, []string{"bind_context"}},
			{"BindParameters", TypeBindParamsPtr, In, NoColumn, keysAdapter},
		},
	},
	NdisOpenAdapterEx: {
		Name: "NdisOpenAdapterEx", Section: "3.1", Page: nf + "ndisopenadapterex",
		Dir: Down, Roles: RoleProtocol, IRQL: AtPassive, Entry: DriverStimulus, Return: NDISDecides,
		Returns:      Returns{Status: []Status{StatusSuccess, StatusResources, StatusAdapterNotFound, StatusUnsupportedMedia, StatusFailure}, MayPend: true},
		Completion:   []Func{ProtocolOpenAdapterCompleteEx},
		NamesAdapter: true,
		Params: []Param{
			{"NdisProtocolHandle", TypeHandle, In, NoColumn, []string{"protocol"}},
			{"ProtocolBindingContext", TypeContext, In, ColContext, nil},
			{"OpenParameters", TypeOpenParamsPtr, In, NoColumn, keysAdapter},
			{"BindContext", TypeHandle, In, NoColumn, []string{"bind_context"}},
			{"NdisBindingHandle", TypeHandlePtr, Out, ColBinding, nil},
		},
	},
	ProtocolOpenAdapterCompleteEx: {
		Name: "ProtocolOpenAdapterCompleteEx", Section: "3.1", Page: nc + "protocol_open_adapter_complete_ex",
		Dir: Up, Roles: RoleProtocol, IRQL: AtPassive, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		Params: []Param{
			{"ProtocolBindingContext", TypeContext, In, ColContext, nil},
			{"Status", TypeStatus, In, ColStatus, nil},
		},
	},
	NdisCompleteBindAdapterEx: {
		Name: "NdisCompleteBindAdapterEx", Section: "3.1", Page: nf + "ndiscompletebindadapterex",
		Dir: Down, Roles: RoleProtocol, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Params: []Param{
			{"BindAdapterContext", TypeHandle, In, NoColumn, []string{"bind_context"}},
			{"Status", TypeStatus, In, ColStatus, nil},
		},
	},
	ProtocolUnbindAdapterEx: {
		Name: "ProtocolUnbindAdapterEx", Section: "3.1", Page: nc + "protocol_unbind_adapter_ex",
		Dir: Up, Roles: RoleProtocol, IRQL: AtPassive, Entry: Environment, Return: DriverDecision,
		Returns:      Returns{Status: []Status{StatusSuccess}, MayPend: true},
		Completion:   []Func{NdisCompleteUnbindAdapterEx},
		NamesAdapter: true,
		Params: []Param{
			{"UnbindContext", TypeHandle, In, NoColumn, []string{"unbind_context"}},
			{"ProtocolBindingContext", TypeContext, In, ColContext, nil},
		},
	},
	NdisCompleteUnbindAdapterEx: {
		Name: "NdisCompleteUnbindAdapterEx", Section: "3.1", Page: nf + "ndiscompleteunbindadapterex",
		Dir: Down, Roles: RoleProtocol, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Params: []Param{
			{"UnbindContext", TypeHandle, In, NoColumn, []string{"unbind_context"}},
		},
	},
	NdisCloseAdapterEx: {
		Name: "NdisCloseAdapterEx", Section: "3.1", Page: nf + "ndiscloseadapterex",
		Dir: Down, Roles: RoleProtocol, IRQL: AtPassive, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true},
		Completion: []Func{ProtocolCloseAdapterCompleteEx},
		Params: []Param{
			{"NdisBindingHandle", TypeHandle, In, ColBinding, nil},
		},
	},
	ProtocolCloseAdapterCompleteEx: {
		Name: "ProtocolCloseAdapterCompleteEx", Section: "3.1", Page: nc + "protocol_close_adapter_complete_ex",
		Dir: Up, Roles: RoleProtocol, IRQL: AtPassive, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		Params: []Param{
			{"ProtocolBindingContext", TypeContext, In, ColContext, nil},
		},
	},
	NdisUnbindAdapter: {
		Name: "NdisUnbindAdapter", Section: "3.1", Page: nf + "ndisunbindadapter",
		Dir: Down, Roles: RoleProtocol, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Status: []Status{StatusSuccess, StatusResources}},
		Params: []Param{
			{"NdisBindingHandle", TypeHandle, In, ColBinding, nil},
		},
	},
	MiniportInitializeEx: {
		Name: "MiniportInitializeEx", Section: "3.1", Page: nc + "miniport_initialize",
		Dir: Up, Roles: RoleMiniport | RoleMCM, IRQL: AtPassive, Entry: Environment, Return: DriverDecision,
		Returns:      Returns{Status: []Status{StatusSuccess}, AnyOther: true},
		NamesAdapter: true,
		Params: []Param{
			{"MiniportAdapterHandle", TypeHandle, In, ColAdapter, nil},
			{"MiniportDriverContext", TypeContext, In, ColContext, nil},
			{"MiniportInitParameters", TypeInitParamsPtr, In, NoColumn, keysInterface},
		},
	},
	MiniportHaltEx: {
		Name: "MiniportHaltEx", Section: "3.1", Page: nc + "miniport_halt",
		Dir: Up, Roles: RoleMiniport | RoleMCM, IRQL: AtPassive, Entry: Environment, Return: DriverDecision,
		Returns:      Returns{Void: true},
		NamesAdapter: true,
		Params: []Param{
			{"MiniportAdapterContext", TypeContext, In, ColContext, nil},
			{"HaltAction", TypeHaltAction, In, NoColumn, []string{"halt_action"}},
		},
	},
	NdisMSetMiniportAttributes: {
		Name: "NdisMSetMiniportAttributes", Section: "3.11", Page: nf + "ndismsetminiportattributes",
		Dir: Down, Roles: RoleMiniport | RoleMCM, IRQL: AtPassive, Entry: DriverStimulus, Return: NDISDecides,
		Returns:      Returns{Status: []Status{StatusSuccess}, AnyOther: true},
		NamesAdapter: true,
		Params: []Param{
			{"NdisMiniportHandle", TypeHandle, In, ColAdapter, nil},
			{"MiniportAttributes", TypeAttributesPtr, In, NoColumn, []string{"miniport_context"}},
		},
	},
	NdisMRegisterMiniportDriver: {
		Name: "NdisMRegisterMiniportDriver", Section: "3.1", Page: nf + "ndismregisterminiportdriver",
		Dir: Down, Roles: RoleMiniport | RoleMCM, IRQL: AtPassive, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Status: []Status{StatusSuccess}, AnyOther: true},
		Params: []Param{
			{"DriverObject", TypePointer, In, NoColumn, nil},
			{"RegistryPath", TypeUnicodeStringPtr, In, NoColumn, nil},
			{"MiniportDriverContext", TypeContext, In, ColContext, nil},
			{"MiniportDriverCharacteristics", TypeCharacteristicsPtr, In, NoColumn, nil},
			{"NdisMiniportDriverHandle", TypeHandlePtr, Out, NoColumn, []string{"miniport_driver"}},
		},
	},
	NdisMDeregisterMiniportDriver: {
		Name: "NdisMDeregisterMiniportDriver", Section: "3.1", Page: nf + "ndismderegisterminiportdriver",
		Dir: Down, Roles: RoleMiniport | RoleMCM, IRQL: AtPassive, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Params: []Param{
			{"NdisMiniportDriverHandle", TypeHandle, In, NoColumn, []string{"miniport_driver"}},
		},
	},
	ProtocolNetPnPEvent: {
		Name: "ProtocolNetPnPEvent", Section: "6.9", Page: nc + "protocol_net_pnp_event",
		Dir: Up, Roles: RoleProtocol, IRQL: AtPassive, Entry: Environment, Return: DriverDecision,
		Returns: Returns{Status: []Status{StatusSuccess}, MayPend: true, AnyOther: true},
		Params: []Param{
			{"ProtocolBindingContext", TypeContext, In, ColContext, nil},
			{"NetPnPEventNotification", TypePnPEventPtr, In, NoColumn, []string{"pnp_event"}},
		},
	},
	MiniportDevicePnPEventNotify: {
		Name: "MiniportDevicePnPEventNotify", Section: "6.9", Page: nc + "miniport_device_pnp_event_notify",
		Dir: Up, Roles: RoleMiniport | RoleMCM, IRQL: AtPassive, Entry: Environment, Return: DriverDecision,
		Returns:      Returns{Void: true},
		NamesAdapter: true,
		Params: []Param{
			{"MiniportAdapterContext", TypeContext, In, ColContext, nil},
			{"NetDevicePnPEvent", TypeDevicePnPEventPtr, In, NoColumn, []string{"pnp_event"}},
		},
	},
	ProtocolUninstall: {
		Name: "ProtocolUninstall", Section: "3.1", Page: nc + "protocol_uninstall",
		Dir: Up, Roles: RoleProtocol, IRQL: AtPassive, Entry: Environment, Return: DriverDecision,
		Returns: Returns{Void: true},
	},

	// 3.2 AF registration and notification
	NdisCmRegisterAddressFamilyEx: {
		Name: "NdisCmRegisterAddressFamilyEx", Section: "3.2", Page: nf + "ndiscmregisteraddressfamilyex",
		Dir: Down, Roles: RoleCallManager, IRQL: AtPassive, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Status: []Status{StatusSuccess, StatusResources, StatusFailure}},
		Twin:    NdisMCmRegisterAddressFamilyEx,
		Params: []Param{
			{"NdisBindingHandle", TypeHandle, In, ColBinding, nil},
			{"AddressFamily", TypeAddressFamilyPtr, In, ColAFType, nil},
		},
	},
	NdisMCmRegisterAddressFamilyEx: {
		Name: "NdisMCmRegisterAddressFamilyEx", Section: "3.2", Page: nf + "ndismcmregisteraddressfamilyex",
		Dir: Down, Roles: RoleMCM, IRQL: AtPassive, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Status: []Status{StatusSuccess, StatusResources, StatusFailure}},
		Twin:    NdisCmRegisterAddressFamilyEx, NamesAdapter: true,
		Params: []Param{
			{"MiniportAdapterHandle", TypeHandle, In, ColAdapter, nil},
			{"AddressFamily", TypeAddressFamilyPtr, In, ColAFType, nil},
		},
	},
	ProtocolCoAfRegisterNotify: {
		Name: "ProtocolCoAfRegisterNotify", Section: "3.2", Page: nc + "protocol_co_af_register_notify",
		Dir: Up, Roles: RoleClient | RoleCallManager, IRQL: AtPassive, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		AMB:     []string{"AMB-04", "AMB-05", "AMB-20"},
		Params: []Param{
			{"ProtocolBindingContext", TypeContext, In, ColContext, nil},
			{"AddressFamily", TypeAddressFamilyPtr, In, ColAFType, nil},
		},
	},

	// 3.3 AF open
	NdisClOpenAddressFamilyEx: {
		Name: "NdisClOpenAddressFamilyEx", Section: "3.3", Page: nf + "ndisclopenaddressfamilyex",
		Dir: Down, Roles: RoleClient, IRQL: AtPassive, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess, StatusResources, StatusFailure}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolClOpenAfCompleteEx},
		AMB:        []string{"AMB-06", "AMB-08", "AMB-23"},
		Params: []Param{
			{"NdisBindingHandle", TypeHandle, In, ColBinding, nil},
			{"AddressFamily", TypeAddressFamilyPtr, In, ColAFType, nil},
			{"ClientAfContext", TypeContext, In, ColContext, nil},
			{"NdisAfHandle", TypeHandlePtr, Out, ColAF, nil},
		},
	},
	ProtocolCmOpenAf: {
		Name: "ProtocolCmOpenAf", Section: "3.3", Page: nc + "protocol_cm_open_af",
		Dir: Up, Roles: RoleCallManager | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns:    Returns{Status: []Status{StatusSuccess, StatusResources}, MayPend: true, AnyOther: true},
		Completion: []Func{NdisCmOpenAddressFamilyComplete, NdisMCmOpenAddressFamilyComplete},
		AMB:        []string{"AMB-17"},
		Params: []Param{
			{"CallMgrBindingContext", TypeContext, In, ColContext, nil},
			{"AddressFamily", TypeAddressFamilyPtr, In, ColAFType, nil},
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
			{"CallMgrAfContext", TypeContextPtr, Out, ColContext, nil},
		},
	},
	NdisCmOpenAddressFamilyComplete: {
		Name: "NdisCmOpenAddressFamilyComplete", Section: "3.3", Page: nf + "ndiscmopenaddressfamilycomplete",
		Dir: Down, Roles: RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisMCmOpenAddressFamilyComplete,
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
			{"CallMgrAfContext", TypeContext, In, ColContext, nil},
		},
	},
	NdisMCmOpenAddressFamilyComplete: {
		Name: "NdisMCmOpenAddressFamilyComplete", Section: "3.3", Page: nf + "ndismcmopenaddressfamilycomplete",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisCmOpenAddressFamilyComplete, Macro: true,
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
			{"CallMgrAfContext", TypeContext, In, ColContext, nil},
		},
	},
	ProtocolClOpenAfCompleteEx: {
		Name: "ProtocolClOpenAfCompleteEx", Section: "3.3", Page: nc + "protocol_cl_open_af_complete_ex",
		Dir: Up, Roles: RoleClient, IRQL: AtPassive, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		AMB:     []string{"AMB-17"},
		Params: []Param{
			{"ProtocolAfContext", TypeContext, In, ColContext, nil},
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
			{"Status", TypeStatus, In, ColStatus, nil},
		},
	},

	// 3.4 AF close
	NdisClCloseAddressFamily: {
		Name: "NdisClCloseAddressFamily", Section: "3.4", Page: nf + "ndisclcloseaddressfamily",
		Dir: Down, Roles: RoleClient, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess, StatusFailure}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolClCloseAfComplete},
		AMB:        []string{"AMB-07"},
		Params: []Param{
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
		},
	},
	ProtocolCmCloseAf: {
		Name: "ProtocolCmCloseAf", Section: "3.4", Page: nc + "protocol_cm_close_af",
		Dir: Up, Roles: RoleCallManager | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns:    Returns{Status: []Status{StatusSuccess, StatusNotAccepted}, MayPend: true},
		Completion: []Func{NdisCmCloseAddressFamilyComplete, NdisMCmCloseAddressFamilyComplete},
		AMB:        []string{"AMB-07", "AMB-11"},
		Params: []Param{
			{"CallMgrAfContext", TypeContext, In, ColContext, nil},
		},
	},
	NdisCmCloseAddressFamilyComplete: {
		Name: "NdisCmCloseAddressFamilyComplete", Section: "3.4", Page: nf + "ndiscmcloseaddressfamilycomplete",
		Dir: Down, Roles: RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisMCmCloseAddressFamilyComplete,
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
		},
	},
	NdisMCmCloseAddressFamilyComplete: {
		Name: "NdisMCmCloseAddressFamilyComplete", Section: "3.4", Page: nf + "ndismcmcloseaddressfamilycomplete",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisCmCloseAddressFamilyComplete, Macro: true,
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
		},
	},
	ProtocolClCloseAfComplete: {
		Name: "ProtocolClCloseAfComplete", Section: "3.4", Page: nc + "protocol_cl_close_af_complete",
		Dir: Up, Roles: RoleClient, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"ProtocolAfContext", TypeContext, In, ColContext, nil},
		},
	},
	NdisCmNotifyCloseAddressFamily: {
		Name: "NdisCmNotifyCloseAddressFamily", Section: "3.4", Page: nf + "ndiscmnotifycloseaddressfamily",
		Dir: Down, Roles: RoleCallManager, IRQL: AtPassive, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolCmNotifyCloseAfComplete},
		Twin:       NdisMCmNotifyCloseAddressFamily, AMB: []string{"AMB-19", "AMB-25"},
		Params: []Param{
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
		},
	},
	NdisMCmNotifyCloseAddressFamily: {
		Name: "NdisMCmNotifyCloseAddressFamily", Section: "3.4", Page: nf + "ndismcmnotifycloseaddressfamily",
		Dir: Down, Roles: RoleMCM, IRQL: AtPassive, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolCmNotifyCloseAfComplete},
		Twin:       NdisCmNotifyCloseAddressFamily, Macro: true, AMB: []string{"AMB-13", "AMB-19", "AMB-25"},
		Params: []Param{
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
		},
	},
	ProtocolClNotifyCloseAf: {
		Name: "ProtocolClNotifyCloseAf", Section: "3.4", Page: nc + "protocol_cl_notify_close_af",
		Dir: Up, Roles: RoleClient, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true, AnyOther: true},
		Completion: []Func{NdisClNotifyCloseAddressFamilyComplete},
		AMB:        []string{"AMB-25"},
		Params: []Param{
			{"ClientAfContext", TypeContext, In, ColContext, nil},
		},
	},
	NdisClNotifyCloseAddressFamilyComplete: {
		Name: "NdisClNotifyCloseAddressFamilyComplete", Section: "3.4", Page: nf + "ndisclnotifycloseaddressfamilycomplete",
		Dir: Down, Roles: RoleClient, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Params: []Param{
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
			{"Status", TypeStatus, In, ColStatus, nil},
		},
	},
	ProtocolCmNotifyCloseAfComplete: {
		Name: "ProtocolCmNotifyCloseAfComplete", Section: "3.4", Page: nc + "protocol_cm_notify_close_af_complete",
		Dir: Up, Roles: RoleCallManager | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		AMB:     []string{"AMB-11"},
		Params: []Param{
			{"CallMgrAfContext", TypeContext, In, ColContext, nil},
			{"Status", TypeStatus, In, ColStatus, nil},
		},
	},

	// 3.5 SAP
	NdisClRegisterSap: {
		Name: "NdisClRegisterSap", Section: "3.5", Page: nf + "ndisclregistersap",
		Dir: Down, Roles: RoleClient, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolClRegisterSapComplete},
		AMB:        []string{"AMB-06"},
		Params: []Param{
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
			{"ProtocolSapContext", TypeContext, In, ColContext, nil},
			{"Sap", TypeSapPtr, In, NoColumn, keysSap},
			{"NdisSapHandle", TypeHandlePtr, Out, ColSAP, nil},
		},
	},
	ProtocolCmRegisterSap: {
		Name: "ProtocolCmRegisterSap", Section: "3.5", Page: nc + "protocol_cm_reg_sap",
		Dir: Up, Roles: RoleCallManager | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns:    Returns{Status: []Status{StatusSuccess, StatusResources, StatusInvalidData}, MayPend: true, AnyOther: true},
		Completion: []Func{NdisCmRegisterSapComplete, NdisMCmRegisterSapComplete},
		Params: []Param{
			{"CallMgrAfContext", TypeContext, In, ColContext, nil},
			{"Sap", TypeSapPtr, In, NoColumn, keysSap},
			{"NdisSapHandle", TypeHandle, In, ColSAP, nil},
			{"CallMgrSapContext", TypeContextPtr, Out, ColContext, nil},
		},
	},
	NdisCmRegisterSapComplete: {
		Name: "NdisCmRegisterSapComplete", Section: "3.5", Page: nf + "ndiscmregistersapcomplete",
		Dir: Down, Roles: RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisMCmRegisterSapComplete,
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisSapHandle", TypeHandle, In, ColSAP, nil},
			{"CallMgrSapContext", TypeContext, In, ColContext, nil},
		},
	},
	NdisMCmRegisterSapComplete: {
		Name: "NdisMCmRegisterSapComplete", Section: "3.5", Page: nf + "ndismcmregistersapcomplete",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisCmRegisterSapComplete, Macro: true,
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisSapHandle", TypeHandle, In, ColSAP, nil},
			{"CallMgrSapContext", TypeContext, In, ColContext, nil},
		},
	},
	ProtocolClRegisterSapComplete: {
		Name: "ProtocolClRegisterSapComplete", Section: "3.5", Page: nc + "protocol_cl_register_sap_complete",
		Dir: Up, Roles: RoleClient, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"ProtocolSapContext", TypeContext, In, ColContext, nil},
			{"Sap", TypeSapPtr, In, NoColumn, keysSap},
			{"NdisSapHandle", TypeHandle, In, ColSAP, nil},
		},
	},
	NdisClDeregisterSap: {
		Name: "NdisClDeregisterSap", Section: "3.5", Page: nf + "ndisclderegistersap",
		Dir: Down, Roles: RoleClient, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusFailure}, MayPend: true},
		Completion: []Func{ProtocolClDeregisterSapComplete},
		AMB:        []string{"AMB-18"},
		Params: []Param{
			{"NdisSapHandle", TypeHandle, In, ColSAP, nil},
		},
	},
	ProtocolCmDeregisterSap: {
		Name: "ProtocolCmDeregisterSap", Section: "3.5", Page: nc + "protocol_cm_deregister_sap",
		Dir: Up, Roles: RoleCallManager | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true},
		Completion: []Func{NdisCmDeregisterSapComplete, NdisMCmDeregisterSapComplete},
		AMB:        []string{"AMB-18"},
		Params: []Param{
			{"CallMgrSapContext", TypeContext, In, ColContext, nil},
		},
	},
	NdisCmDeregisterSapComplete: {
		Name: "NdisCmDeregisterSapComplete", Section: "3.5", Page: nf + "ndiscmderegistersapcomplete",
		Dir: Down, Roles: RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisMCmDeregisterSapComplete,
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisSapHandle", TypeHandle, In, ColSAP, nil},
		},
	},
	NdisMCmDeregisterSapComplete: {
		Name: "NdisMCmDeregisterSapComplete", Section: "3.5", Page: nf + "ndismcmderegistersapcomplete",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisCmDeregisterSapComplete, Macro: true,
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisSapHandle", TypeHandle, In, ColSAP, nil},
		},
	},
	ProtocolClDeregisterSapComplete: {
		Name: "ProtocolClDeregisterSapComplete", Section: "3.5", Page: nc + "protocol_cl_deregister_sap_complete",
		Dir: Up, Roles: RoleClient, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		AMB:     []string{"AMB-18"},
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"ProtocolSapContext", TypeContext, In, ColContext, nil},
		},
	},

	// 3.6 VC
	NdisCoCreateVc: {
		Name: "NdisCoCreateVc", Section: "3.6", Page: nf + "ndiscocreatevc",
		Dir: Down, Roles: RoleClient | RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Status: []Status{StatusSuccess, StatusResources, StatusFailure}, AnyOther: true},
		Twin:    NdisMCmCreateVc,
		Params: []Param{
			{"NdisBindingHandle", TypeHandle, In, ColBinding, nil},
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
			{"ProtocolVcContext", TypeContext, In, ColContext, nil},
			{"NdisVcHandle", TypeHandlePtr, InOut, ColVC, nil},
		},
	},
	NdisMCmCreateVc: {
		Name: "NdisMCmCreateVc", Section: "3.6", Page: nf + "ndismcmcreatevc",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Status: []Status{StatusSuccess, StatusResources, StatusFailure}, AnyOther: true},
		Twin:    NdisCoCreateVc, NamesAdapter: true,
		Params: []Param{
			{"MiniportAdapterHandle", TypeHandle, In, ColAdapter, nil},
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
			{"MiniportVcContext", TypeContext, In, ColContext, nil},
			{"NdisVcHandle", TypeHandlePtr, InOut, ColVC, nil},
		},
	},
	ProtocolCoCreateVc: {
		Name: "ProtocolCoCreateVc", Section: "3.6", Page: nc + "protocol_co_create_vc",
		Dir: Up, Roles: RoleClient | RoleCallManager | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Status: []Status{StatusSuccess, StatusResources}, AnyOther: true},
		Params: []Param{
			{"ProtocolAfContext", TypeContext, In, ColContext, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"ProtocolVcContext", TypeContextPtr, Out, ColContext, nil},
		},
	},
	MiniportCoCreateVc: {
		Name: "MiniportCoCreateVc", Section: "3.6", Page: nc + "miniport_co_create_vc",
		Dir: Up, Roles: RoleMiniport, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns:      Returns{Status: []Status{StatusSuccess, StatusResources}},
		NamesAdapter: true,
		Params: []Param{
			{"MiniportAdapterContext", TypeContext, In, ColContext, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"MiniportVcContext", TypeContextPtr, Out, ColContext, nil},
		},
	},
	NdisCmActivateVc: {
		Name: "NdisCmActivateVc", Section: "3.6", Page: nf + "ndiscmactivatevc",
		Dir: Down, Roles: RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolCmActivateVcComplete},
		Twin:       NdisMCmActivateVc,
		Params: []Param{
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"CallParameters", TypeCallParamsPtr, InOut, NoColumn, keysCallParams},
		},
	},
	NdisMCmActivateVc: {
		Name: "NdisMCmActivateVc", Section: "3.6", Page: nf + "ndismcmactivatevc",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolCmActivateVcComplete},
		Twin:       NdisCmActivateVc, AMB: []string{"AMB-09"},
		Params: []Param{
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"CallParameters", TypeCallParamsPtr, InOut, NoColumn, keysCallParams},
		},
	},
	MiniportCoActivateVc: {
		Name: "MiniportCoActivateVc", Section: "3.6", Page: nc + "miniport_co_activate_vc",
		Dir: Up, Roles: RoleMiniport, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns:    Returns{Status: []Status{StatusSuccess, StatusInvalidData, StatusResources}, MayPend: true},
		Completion: []Func{NdisMCoActivateVcComplete},
		Params: []Param{
			{"MiniportVcContext", TypeContext, In, ColContext, nil},
			{"CallParameters", TypeCallParamsPtr, InOut, NoColumn, keysCallParams},
		},
	},
	NdisMCoActivateVcComplete: {
		Name: "NdisMCoActivateVcComplete", Section: "3.6", Page: nf + "ndismcoactivatevccomplete",
		Dir: Down, Roles: RoleMiniport, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"CallParameters", TypeCallParamsPtr, In, NoColumn, keysCallParams},
		},
	},
	ProtocolCmActivateVcComplete: {
		Name: "ProtocolCmActivateVcComplete", Section: "3.6", Page: nc + "protocol_cm_activate_vc_complete",
		Dir: Up, Roles: RoleCallManager | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		AMB:     []string{"AMB-09"},
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"CallMgrVcContext", TypeContext, In, ColContext, nil},
			{"CallParameters", TypeCallParamsPtr, In, NoColumn, keysCallParams},
		},
	},
	NdisCmDeactivateVc: {
		Name: "NdisCmDeactivateVc", Section: "3.6", Page: nf + "ndiscmdeactivatevc",
		Dir: Down, Roles: RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolCmDeactivateVcComplete},
		Twin:       NdisMCmDeactivateVc,
		Params: []Param{
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
		},
	},
	NdisMCmDeactivateVc: {
		Name: "NdisMCmDeactivateVc", Section: "3.6", Page: nf + "ndismcmdeactivatevc",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Status: []Status{StatusSuccess, StatusNotAccepted}},
		Twin:    NdisCmDeactivateVc, AMB: []string{"AMB-09"},
		Params: []Param{
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
		},
	},
	MiniportCoDeactivateVc: {
		Name: "MiniportCoDeactivateVc", Section: "3.6", Page: nc + "miniport_co_deactivate_vc",
		Dir: Up, Roles: RoleMiniport, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true},
		Completion: []Func{NdisMCoDeactivateVcComplete},
		Params: []Param{
			{"MiniportVcContext", TypeContext, In, ColContext, nil},
		},
	},
	NdisMCoDeactivateVcComplete: {
		Name: "NdisMCoDeactivateVcComplete", Section: "3.6", Page: nf + "ndismcodeactivatevccomplete",
		Dir: Down, Roles: RoleMiniport, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
		},
	},
	ProtocolCmDeactivateVcComplete: {
		Name: "ProtocolCmDeactivateVcComplete", Section: "3.6", Page: nc + "protocol_cm_deactivate_vc_complete",
		Dir: Up, Roles: RoleCallManager | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		AMB:     []string{"AMB-09", "AMB-12"},
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"CallMgrVcContext", TypeContext, In, ColContext, nil},
		},
	},
	NdisCoDeleteVc: {
		Name: "NdisCoDeleteVc", Section: "3.6", Page: nf + "ndiscodeletevc",
		Dir: Down, Roles: RoleClient | RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Status: []Status{StatusSuccess, StatusNotAccepted, StatusClosing}},
		Twin:    NdisMCmDeleteVc,
		Params: []Param{
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
		},
	},
	NdisMCmDeleteVc: {
		Name: "NdisMCmDeleteVc", Section: "3.6", Page: nf + "ndismcmdeletevc",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Status: []Status{StatusSuccess, StatusNotAccepted}},
		Twin:    NdisCoDeleteVc,
		Params: []Param{
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
		},
	},
	ProtocolCoDeleteVc: {
		Name: "ProtocolCoDeleteVc", Section: "3.6", Page: nc + "protocol_co_delete_vc",
		Dir: Up, Roles: RoleClient | RoleCallManager | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Status: []Status{StatusSuccess, StatusNotAccepted}, AnyOther: true},
		Params: []Param{
			{"ProtocolVcContext", TypeContext, In, ColContext, nil},
		},
	},
	MiniportCoDeleteVc: {
		Name: "MiniportCoDeleteVc", Section: "3.6", Page: nc + "miniport_co_delete_vc",
		Dir: Up, Roles: RoleMiniport, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Status: []Status{StatusSuccess}},
		Params: []Param{
			{"MiniportVcContext", TypeContext, In, ColContext, nil},
		},
	},
	NdisCoAssignInstanceName: {
		Name: "NdisCoAssignInstanceName", Section: "3.6", Page: nf + "ndiscoassigninstancename",
		Dir: Down, Roles: RoleClient | RoleCallManager, IRQL: AtDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Status: []Status{StatusSuccess, StatusFailure, StatusResources}},
		AMB:     []string{"AMB-15"},
		Params: []Param{
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"BaseInstanceName", TypeUnicodeStringPtr, In, NoColumn, nil},
			{"VcInstanceName", TypeUnicodeStringPtr, Out, NoColumn, nil},
		},
	},
	NdisCoGetTapiCallId: {
		Name: "NdisCoGetTapiCallId", Section: "3.6", Page: nf + "ndiscogettapicallid",
		Dir: Down, Roles: RoleClient, IRQL: AtDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Status: []Status{StatusSuccess, StatusBufferTooShort, StatusInvalidData}},
		AMB:     []string{"AMB-15"},
		Params: []Param{
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"TapiCallId", TypeVarStringPtr, InOut, NoColumn, nil},
		},
	},
	NdisClGetProtocolVcContextFromTapiCallId: {
		Name: "NdisClGetProtocolVcContextFromTapiCallId", Section: "3.6", Page: nf + "ndisclgetprotocolvccontextfromtapicallid",
		Dir: Down, Roles: RoleClient, IRQL: AtDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Status: []Status{StatusSuccess, StatusFailure}},
		AMB:     []string{"AMB-15"},
		Params: []Param{
			{"TapiCallId", TypeUnicodeString, In, NoColumn, nil},
			{"ProtocolVcContext", TypeContextPtr, Out, ColContext, nil},
		},
	},

	// 3.7 calls
	NdisClMakeCall: {
		Name: "NdisClMakeCall", Section: "3.7", Page: nf + "ndisclmakecall",
		Dir: Down, Roles: RoleClient, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolClMakeCallComplete},
		AMB:        []string{"AMB-06"},
		Params: []Param{
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"CallParameters", TypeCallParamsPtr, InOut, NoColumn, keysCallParams},
			{"ProtocolPartyContext", TypeContext, In, ColContext, nil},
			{"NdisPartyHandle", TypeHandlePtr, Out, ColParty, nil},
		},
	},
	ProtocolCmMakeCall: {
		Name: "ProtocolCmMakeCall", Section: "3.7", Page: nc + "protocol_cm_make_call",
		Dir: Up, Roles: RoleCallManager | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns:    Returns{Status: []Status{StatusSuccess, StatusResources, StatusNotSupported}, MayPend: true},
		Completion: []Func{NdisCmMakeCallComplete, NdisMCmMakeCallComplete},
		Params: []Param{
			{"CallMgrVcContext", TypeContext, In, ColContext, nil},
			{"CallParameters", TypeCallParamsPtr, InOut, NoColumn, keysCallParams},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
			{"CallMgrPartyContext", TypeContextPtr, Out, ColContext, nil},
		},
	},
	NdisCmMakeCallComplete: {
		Name: "NdisCmMakeCallComplete", Section: "3.7", Page: nf + "ndiscmmakecallcomplete",
		Dir: Down, Roles: RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisMCmMakeCallComplete,
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
			{"CallMgrPartyContext", TypeContext, In, ColContext, nil},
			{"CallParameters", TypeCallParamsPtr, In, NoColumn, keysCallParams},
		},
	},
	NdisMCmMakeCallComplete: {
		Name: "NdisMCmMakeCallComplete", Section: "3.7", Page: nf + "ndismcmmakecallcomplete",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisCmMakeCallComplete, Macro: true,
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
			{"CallMgrPartyContext", TypeContext, In, ColContext, nil},
			{"CallParameters", TypeCallParamsPtr, In, NoColumn, keysCallParams},
		},
	},
	ProtocolClMakeCallComplete: {
		Name: "ProtocolClMakeCallComplete", Section: "3.7", Page: nc + "protocol_cl_make_call_complete",
		Dir: Up, Roles: RoleClient, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"ProtocolVcContext", TypeContext, In, ColContext, nil},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
			{"CallParameters", TypeCallParamsPtr, In, NoColumn, keysCallParams},
		},
	},
	NdisCmDispatchIncomingCall: {
		Name: "NdisCmDispatchIncomingCall", Section: "3.7", Page: nf + "ndiscmdispatchincomingcall",
		Dir: Down, Roles: RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolCmIncomingCallComplete},
		Twin:       NdisMCmDispatchIncomingCall, AMB: []string{"AMB-10"},
		Params: []Param{
			{"NdisSapHandle", TypeHandle, In, ColSAP, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"CallParameters", TypeCallParamsPtr, In, NoColumn, keysCallParams},
		},
	},
	NdisMCmDispatchIncomingCall: {
		Name: "NdisMCmDispatchIncomingCall", Section: "3.7", Page: nf + "ndismcmdispatchincomingcall",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolCmIncomingCallComplete},
		Twin:       NdisCmDispatchIncomingCall, Macro: true, AMB: []string{"AMB-10"},
		Params: []Param{
			{"NdisSapHandle", TypeHandle, In, ColSAP, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"CallParameters", TypeCallParamsPtr, In, NoColumn, keysCallParams},
		},
	},
	ProtocolClIncomingCall: {
		Name: "ProtocolClIncomingCall", Section: "3.7", Page: nc + "protocol_cl_incoming_call",
		Dir: Up, Roles: RoleClient, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true, AnyOther: true},
		Completion: []Func{NdisClIncomingCallComplete},
		Params: []Param{
			{"ProtocolSapContext", TypeContext, In, ColContext, nil},
			{"ProtocolVcContext", TypeContext, In, ColContext2, nil},
			{"CallParameters", TypeCallParamsPtr, InOut, NoColumn, keysCallParams},
		},
	},
	NdisClIncomingCallComplete: {
		Name: "NdisClIncomingCallComplete", Section: "3.7", Page: nf + "ndisclincomingcallcomplete",
		Dir: Down, Roles: RoleClient, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"CallParameters", TypeCallParamsPtr, In, NoColumn, keysCallParams},
		},
	},
	ProtocolCmIncomingCallComplete: {
		Name: "ProtocolCmIncomingCallComplete", Section: "3.7", Page: nc + "protocol_cm_incoming_call_complete",
		Dir: Up, Roles: RoleCallManager | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"CallMgrVcContext", TypeContext, In, ColContext, nil},
			{"CallParameters", TypeCallParamsPtr, In, NoColumn, keysCallParams},
		},
	},
	NdisCmDispatchCallConnected: {
		Name: "NdisCmDispatchCallConnected", Section: "3.7", Page: nf + "ndiscmdispatchcallconnected",
		Dir: Down, Roles: RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisMCmDispatchCallConnected, AMB: []string{"AMB-10"},
		Params: []Param{
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
		},
	},
	NdisMCmDispatchCallConnected: {
		Name: "NdisMCmDispatchCallConnected", Section: "3.7", Page: nf + "ndismcmdispatchcallconnected",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisCmDispatchCallConnected, Macro: true, AMB: []string{"AMB-10"},
		Params: []Param{
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
		},
	},
	ProtocolClCallConnected: {
		Name: "ProtocolClCallConnected", Section: "3.7", Page: nc + "protocol_cl_call_connected",
		Dir: Up, Roles: RoleClient, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		Params: []Param{
			{"ProtocolVcContext", TypeContext, In, ColContext, nil},
		},
	},
	NdisClCloseCall: {
		Name: "NdisClCloseCall", Section: "3.7", Page: nf + "ndisclclosecall",
		Dir: Down, Roles: RoleClient, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolClCloseCallComplete},
		AMB:        []string{"AMB-06", "AMB-12"},
		Params: []Param{
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
			{"Buffer", TypePointer, In, NoColumn, nil},
			{"Size", TypeUINT, In, NoColumn, nil},
		},
	},
	ProtocolCmCloseCall: {
		Name: "ProtocolCmCloseCall", Section: "3.7", Page: nc + "protocol_cm_close_call",
		Dir: Up, Roles: RoleCallManager | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns:    Returns{Status: []Status{StatusSuccess, StatusInvalidData}, MayPend: true, AnyOther: true},
		Completion: []Func{NdisCmCloseCallComplete, NdisMCmCloseCallComplete},
		AMB:        []string{"AMB-12"},
		Params: []Param{
			{"CallMgrVcContext", TypeContext, In, ColContext, nil},
			{"CallMgrPartyContext", TypeContext, In, ColContext2, nil},
			{"CloseData", TypePointer, In, NoColumn, nil},
			{"Size", TypeUINT, In, NoColumn, nil},
		},
	},
	NdisCmCloseCallComplete: {
		Name: "NdisCmCloseCallComplete", Section: "3.7", Page: nf + "ndiscmclosecallcomplete",
		Dir: Down, Roles: RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisMCmCloseCallComplete, AMB: []string{"AMB-12"},
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
		},
	},
	NdisMCmCloseCallComplete: {
		Name: "NdisMCmCloseCallComplete", Section: "3.7", Page: nf + "ndismcmclosecallcomplete",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisCmCloseCallComplete, Macro: true, AMB: []string{"AMB-12"},
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
		},
	},
	ProtocolClCloseCallComplete: {
		Name: "ProtocolClCloseCallComplete", Section: "3.7", Page: nc + "protocol_cl_close_call_complete",
		Dir: Up, Roles: RoleClient, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"ProtocolVcContext", TypeContext, In, ColContext, nil},
			{"ProtocolPartyContext", TypeContext, In, ColContext2, nil},
		},
	},
	NdisCmDispatchIncomingCloseCall: {
		Name: "NdisCmDispatchIncomingCloseCall", Section: "3.7", Page: nf + "ndiscmdispatchincomingclosecall",
		Dir: Down, Roles: RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisMCmDispatchIncomingCloseCall,
		Params: []Param{
			{"CloseStatus", TypeStatus, In, ColStatus, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"Buffer", TypePointer, In, NoColumn, nil},
			{"Size", TypeUINT, In, NoColumn, nil},
		},
	},
	NdisMCmDispatchIncomingCloseCall: {
		Name: "NdisMCmDispatchIncomingCloseCall", Section: "3.7", Page: nf + "ndismcmdispatchincomingclosecall",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisCmDispatchIncomingCloseCall, Macro: true,
		Params: []Param{
			{"CloseStatus", TypeStatus, In, ColStatus, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"Buffer", TypePointer, In, NoColumn, nil},
			{"Size", TypeUINT, In, NoColumn, nil},
		},
	},
	ProtocolClIncomingCloseCall: {
		Name: "ProtocolClIncomingCloseCall", Section: "3.7", Page: nc + "protocol_cl_incoming_close_call",
		Dir: Up, Roles: RoleClient, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		Params: []Param{
			{"CloseStatus", TypeStatus, In, ColStatus, nil},
			{"ProtocolVcContext", TypeContext, In, ColContext, nil},
			{"CloseData", TypePointer, In, NoColumn, nil},
			{"Size", TypeUINT, In, NoColumn, nil},
		},
	},

	// 3.8 QoS
	NdisClModifyCallQoS: {
		Name: "NdisClModifyCallQoS", Section: "3.8", Page: nf + "ndisclmodifycallqos",
		Dir: Down, Roles: RoleClient, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolClModifyCallQoSComplete},
		AMB:        []string{"AMB-06"},
		Params: []Param{
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"CallParameters", TypeCallParamsPtr, In, NoColumn, keysCallParams},
		},
	},
	ProtocolCmModifyCallQoS: {
		Name: "ProtocolCmModifyCallQoS", Section: "3.8", Page: nc + "protocol_cm_modify_qos_call",
		Dir: Up, Roles: RoleCallManager | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns:    Returns{Status: []Status{StatusSuccess, StatusResources, StatusInvalidData, StatusFailure, StatusNotSupported}, MayPend: true},
		Completion: []Func{NdisCmModifyCallQoSComplete, NdisMCmModifyCallQoSComplete},
		Params: []Param{
			{"CallMgrVcContext", TypeContext, In, ColContext, nil},
			{"CallParameters", TypeCallParamsPtr, In, NoColumn, keysCallParams},
		},
	},
	NdisCmModifyCallQoSComplete: {
		Name: "NdisCmModifyCallQoSComplete", Section: "3.8", Page: nf + "ndiscmmodifycallqoscomplete",
		Dir: Down, Roles: RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisMCmModifyCallQoSComplete,
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"CallParameters", TypeCallParamsPtr, In, NoColumn, keysCallParams},
		},
	},
	NdisMCmModifyCallQoSComplete: {
		Name: "NdisMCmModifyCallQoSComplete", Section: "3.8", Page: nf + "ndismcmmodifycallqoscomplete",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisCmModifyCallQoSComplete, Macro: true,
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"CallParameters", TypeCallParamsPtr, In, NoColumn, keysCallParams},
		},
	},
	ProtocolClModifyCallQoSComplete: {
		Name: "ProtocolClModifyCallQoSComplete", Section: "3.8", Page: nc + "protocol_cl_modify_call_qos_complete",
		Dir: Up, Roles: RoleClient, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"ProtocolVcContext", TypeContext, In, ColContext, nil},
			{"CallParameters", TypeCallParamsPtr, In, NoColumn, keysCallParams},
		},
	},
	NdisCmDispatchIncomingCallQoSChange: {
		Name: "NdisCmDispatchIncomingCallQoSChange", Section: "3.8", Page: nf + "ndiscmdispatchincomingcallqoschange",
		Dir: Down, Roles: RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisMCmDispatchIncomingCallQoSChange,
		Params: []Param{
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"CallParameters", TypeCallParamsPtr, In, NoColumn, keysCallParams},
		},
	},
	NdisMCmDispatchIncomingCallQoSChange: {
		Name: "NdisMCmDispatchIncomingCallQoSChange", Section: "3.8", Page: nf + "ndismcmdispatchincomingcallqoschange",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisCmDispatchIncomingCallQoSChange, Macro: true,
		Params: []Param{
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"CallParameters", TypeCallParamsPtr, In, NoColumn, keysCallParams},
		},
	},
	ProtocolClIncomingCallQoSChange: {
		Name: "ProtocolClIncomingCallQoSChange", Section: "3.8", Page: nc + "protocol_cl_incoming_call_qos_change",
		Dir: Up, Roles: RoleClient, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		Params: []Param{
			{"ProtocolVcContext", TypeContext, In, ColContext, nil},
			{"CallParameters", TypeCallParamsPtr, In, NoColumn, keysCallParams},
		},
	},

	// 3.9 parties
	NdisClAddParty: {
		Name: "NdisClAddParty", Section: "3.9", Page: nf + "ndiscladdparty",
		Dir: Down, Roles: RoleClient, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolClAddPartyComplete},
		AMB:        []string{"AMB-06"},
		Params: []Param{
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"ProtocolPartyContext", TypeContext, In, ColContext, nil},
			{"CallParameters", TypeCallParamsPtr, InOut, NoColumn, keysCallParams},
			{"NdisPartyHandle", TypeHandlePtr, Out, ColParty, nil},
		},
	},
	ProtocolCmAddParty: {
		Name: "ProtocolCmAddParty", Section: "3.9", Page: nc + "protocol_cm_add_party",
		Dir: Up, Roles: RoleCallManager | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns:    Returns{Status: []Status{StatusSuccess, StatusResources, StatusNotSupported}, MayPend: true},
		Completion: []Func{NdisCmAddPartyComplete, NdisMCmAddPartyComplete},
		Params: []Param{
			{"CallMgrVcContext", TypeContext, In, ColContext, nil},
			{"CallParameters", TypeCallParamsPtr, InOut, NoColumn, keysCallParams},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
			{"CallMgrPartyContext", TypeContextPtr, Out, ColContext, nil},
		},
	},
	NdisCmAddPartyComplete: {
		Name: "NdisCmAddPartyComplete", Section: "3.9", Page: nf + "ndiscmaddpartycomplete",
		Dir: Down, Roles: RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisMCmAddPartyComplete,
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
			{"CallMgrPartyContext", TypeContext, In, ColContext, nil},
			{"CallParameters", TypeCallParamsPtr, In, NoColumn, keysCallParams},
		},
	},
	NdisMCmAddPartyComplete: {
		Name: "NdisMCmAddPartyComplete", Section: "3.9", Page: nf + "ndismcmaddpartycomplete",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisCmAddPartyComplete, Macro: true,
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
			{"CallMgrPartyContext", TypeContext, In, ColContext, nil},
			{"CallParameters", TypeCallParamsPtr, In, NoColumn, keysCallParams},
		},
	},
	ProtocolClAddPartyComplete: {
		Name: "ProtocolClAddPartyComplete", Section: "3.9", Page: nc + "protocol_cl_add_party_complete",
		Dir: Up, Roles: RoleClient, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"ProtocolPartyContext", TypeContext, In, ColContext, nil},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
			{"CallParameters", TypeCallParamsPtr, In, NoColumn, keysCallParams},
		},
	},
	NdisClDropParty: {
		Name: "NdisClDropParty", Section: "3.9", Page: nf + "ndiscldropparty",
		Dir: Down, Roles: RoleClient, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess, StatusFailure}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolClDropPartyComplete},
		AMB:        []string{"AMB-06"},
		Params: []Param{
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
			{"Buffer", TypePointer, In, NoColumn, nil},
			{"Size", TypeUINT, In, NoColumn, nil},
		},
	},
	ProtocolCmDropParty: {
		Name: "ProtocolCmDropParty", Section: "3.9", Page: nc + "protocol_cm_drop_party",
		Dir: Up, Roles: RoleCallManager | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns:    Returns{Status: []Status{StatusSuccess, StatusInvalidData}, MayPend: true},
		Completion: []Func{NdisCmDropPartyComplete, NdisMCmDropPartyComplete},
		Params: []Param{
			{"CallMgrPartyContext", TypeContext, In, ColContext, nil},
			{"CloseData", TypePointer, In, NoColumn, nil},
			{"Size", TypeUINT, In, NoColumn, nil},
		},
	},
	NdisCmDropPartyComplete: {
		Name: "NdisCmDropPartyComplete", Section: "3.9", Page: nf + "ndiscmdroppartycomplete",
		Dir: Down, Roles: RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisMCmDropPartyComplete,
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
		},
	},
	NdisMCmDropPartyComplete: {
		Name: "NdisMCmDropPartyComplete", Section: "3.9", Page: nf + "ndismcmdroppartycomplete",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisCmDropPartyComplete, Macro: true,
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
		},
	},
	ProtocolClDropPartyComplete: {
		Name: "ProtocolClDropPartyComplete", Section: "3.9", Page: nc + "protocol_cl_drop_party_complete",
		Dir: Up, Roles: RoleClient, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"ProtocolPartyContext", TypeContext, In, ColContext, nil},
		},
	},
	NdisCmDispatchIncomingDropParty: {
		Name: "NdisCmDispatchIncomingDropParty", Section: "3.9", Page: nf + "ndiscmdispatchincomingdropparty",
		Dir: Down, Roles: RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisMCmDispatchIncomingDropParty,
		Params: []Param{
			{"DropStatus", TypeStatus, In, ColStatus, nil},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
			{"Buffer", TypePointer, In, NoColumn, nil},
			{"Size", TypeUINT, In, NoColumn, nil},
		},
	},
	NdisMCmDispatchIncomingDropParty: {
		Name: "NdisMCmDispatchIncomingDropParty", Section: "3.9", Page: nf + "ndismcmdispatchincomingdropparty",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisCmDispatchIncomingDropParty, Macro: true,
		Params: []Param{
			{"DropStatus", TypeStatus, In, ColStatus, nil},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
			{"Buffer", TypePointer, In, NoColumn, nil},
			{"Size", TypeUINT, In, NoColumn, nil},
		},
	},
	ProtocolClIncomingDropParty: {
		Name: "ProtocolClIncomingDropParty", Section: "3.9", Page: nc + "protocol_cl_incoming_drop_party",
		Dir: Up, Roles: RoleClient, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		Params: []Param{
			{"DropStatus", TypeStatus, In, ColStatus, nil},
			{"ProtocolPartyContext", TypeContext, In, ColContext, nil},
			{"CloseData", TypePointer, In, NoColumn, nil},
			{"Size", TypeUINT, In, NoColumn, nil},
		},
	},

	// 3.10 CO OID requests
	NdisCoOidRequest: {
		Name: "NdisCoOidRequest", Section: "3.10", Page: nf + "ndiscooidrequest",
		Dir: Down, Roles: RoleClient | RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess, StatusNotRecognized, StatusNotAccepted, StatusNotSupported, StatusInvalidOID, StatusInvalidData, StatusInvalidLength, StatusBufferTooShort, StatusResources, StatusClosing, StatusClosingIndicating, StatusResetInProgress, StatusRequestAborted, StatusFailure}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolCoOidRequestComplete},
		Twin:       NdisMCmOidRequest,
		Params: []Param{
			{"NdisBindingHandle", TypeHandle, In, ColBinding, nil},
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
			{"OidRequest", TypeOidRequestPtr, InOut, NoColumn, keysOidRequest},
		},
	},
	NdisMCmOidRequest: {
		Name: "NdisMCmOidRequest", Section: "3.10", Page: nf + "ndismcmoidrequest",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess, StatusNotRecognized, StatusNotAccepted, StatusNotSupported, StatusInvalidOID, StatusInvalidData, StatusInvalidLength, StatusBufferTooShort, StatusResources, StatusClosing, StatusClosingIndicating, StatusResetInProgress, StatusRequestAborted, StatusFailure}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolCoOidRequestComplete},
		Twin:       NdisCoOidRequest,
		Params: []Param{
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
			{"OidRequest", TypeOidRequestPtr, InOut, NoColumn, keysOidRequest},
		},
	},
	ProtocolCoOidRequest: {
		Name: "ProtocolCoOidRequest", Section: "3.10", Page: nc + "protocol_co_oid_request",
		Dir: Up, Roles: RoleClient | RoleCallManager | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true, AnyOther: true},
		Completion: []Func{NdisCoOidRequestComplete, NdisMCmOidRequestComplete},
		Params: []Param{
			{"ProtocolAfContext", TypeContext, In, ColContext, nil},
			{"ProtocolVcContext", TypeContext, In, ColContext2, nil},
			{"ProtocolPartyContext", TypeContext, In, NoColumn, nil},
			{"OidRequest", TypeOidRequestPtr, InOut, NoColumn, keysOidRequest},
		},
	},
	MiniportCoOidRequest: {
		Name: "MiniportCoOidRequest", Section: "3.10", Page: nc + "miniport_co_oid_request",
		Dir: Up, Roles: RoleMiniport | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns:      Returns{Status: []Status{StatusSuccess}, MayPend: true, AnyOther: true},
		Completion:   []Func{NdisMCoOidRequestComplete},
		NamesAdapter: true,
		Params: []Param{
			{"MiniportAdapterContext", TypeContext, In, ColContext, nil},
			{"MiniportVcContext", TypeContext, In, ColContext2, nil},
			{"OidRequest", TypeOidRequestPtr, InOut, NoColumn, keysOidRequest},
		},
	},
	NdisCoOidRequestComplete: {
		Name: "NdisCoOidRequestComplete", Section: "3.10", Page: nf + "ndiscooidrequestcomplete",
		Dir: Down, Roles: RoleClient | RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisMCmOidRequestComplete,
		Params: []Param{
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
			{"OidRequest", TypeOidRequestPtr, In, NoColumn, keysOidRequest},
			{"Status", TypeStatus, In, ColStatus, nil},
		},
	},
	NdisMCmOidRequestComplete: {
		Name: "NdisMCmOidRequestComplete", Section: "3.10", Page: nf + "ndismcmoidrequestcomplete",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisCoOidRequestComplete, Macro: true,
		Params: []Param{
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
			{"OidRequest", TypeOidRequestPtr, In, NoColumn, keysOidRequest},
			{"Status", TypeStatus, In, ColStatus, nil},
		},
	},
	NdisMCoOidRequestComplete: {
		Name: "NdisMCoOidRequestComplete", Section: "3.10", Page: nf + "ndismcooidrequestcomplete",
		Dir: Down, Roles: RoleMiniport | RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns:      Returns{Void: true},
		NamesAdapter: true,
		Params: []Param{
			{"NdisMiniportHandle", TypeHandle, In, ColAdapter, nil},
			{"Request", TypeOidRequestPtr, In, NoColumn, keysOidRequest},
			{"Status", TypeStatus, In, ColStatus, nil},
		},
	},
	ProtocolCoOidRequestComplete: {
		Name: "ProtocolCoOidRequestComplete", Section: "3.10", Page: nc + "protocol_co_oid_request_complete",
		Dir: Up, Roles: RoleClient | RoleCallManager | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		Params: []Param{
			{"ProtocolAfContext", TypeContext, In, ColContext, nil},
			{"ProtocolVcContext", TypeContext, In, ColContext2, nil},
			{"ProtocolPartyContext", TypeContext, In, NoColumn, nil},
			{"OidRequest", TypeOidRequestPtr, In, NoColumn, keysOidRequest},
			{"Status", TypeStatus, In, ColStatus, nil},
		},
	},

	// data path and status named by the handler tables and rules
	NdisCoSendNetBufferLists: {
		Name: "NdisCoSendNetBufferLists", Section: "3.11", Page: nf + "ndiscosendnetbufferlists",
		Dir: Down, Roles: RoleClient | RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Void: true},
		Completion: []Func{ProtocolCoSendNetBufferListsComplete},
		Params: []Param{
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"NetBufferLists", TypeNblPtr, In, NoColumn, keysNbl},
			{"SendFlags", TypeULONG, In, NoColumn, nil},
		},
	},
	ProtocolCoSendNetBufferListsComplete: {
		Name: "ProtocolCoSendNetBufferListsComplete", Section: "2.5", Page: nc + "protocol_co_send_net_buffer_lists_complete",
		Dir: Up, Roles: RoleClient | RoleCallManager, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		Params: []Param{
			{"ProtocolVcContext", TypeContext, In, ColContext, nil},
			{"NetBufferLists", TypeNblPtr, In, NoColumn, keysNbl},
			{"SendCompleteFlags", TypeULONG, In, NoColumn, nil},
		},
	},
	ProtocolCoReceiveNetBufferLists: {
		Name: "ProtocolCoReceiveNetBufferLists", Section: "2.5", Page: nc + "protocol_co_receive_net_buffer_lists",
		Dir: Up, Roles: RoleClient | RoleCallManager, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		Params: []Param{
			{"ProtocolBindingContext", TypeContext, In, ColContext, nil},
			{"ProtocolVcContext", TypeContext, In, ColContext2, nil},
			{"NetBufferLists", TypeNblPtr, In, NoColumn, keysNbl},
			{"NumberOfNetBufferLists", TypeULONG, In, NoColumn, nil},
			{"ReceiveFlags", TypeULONG, In, NoColumn, nil},
		},
	},
	ProtocolCoStatusEx: {
		Name: "ProtocolCoStatusEx", Section: "2.5", Page: nc + "protocol_co_status_ex",
		Dir: Up, Roles: RoleClient | RoleCallManager, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		Params: []Param{
			{"ProtocolBindingContext", TypeContext, In, ColContext, nil},
			{"ProtocolVcContext", TypeContext, In, ColContext2, nil},
			{"StatusIndication", TypeStatusIndicationPtr, In, NoColumn, nil},
		},
	},
	MiniportCoSendNetBufferLists: {
		Name: "MiniportCoSendNetBufferLists", Section: "2.5", Page: nc + "miniport_co_send_net_buffer_lists",
		Dir: Up, Roles: RoleMiniport | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns:    Returns{Void: true},
		Completion: []Func{NdisMCoSendNetBufferListsComplete},
		Params: []Param{
			{"MiniportVcContext", TypeContext, In, ColContext, nil},
			{"NetBufferLists", TypeNblPtr, In, NoColumn, keysNbl},
			{"SendFlags", TypeULONG, In, NoColumn, nil},
		},
	},
	NdisMCoSendNetBufferListsComplete: {
		Name: "NdisMCoSendNetBufferListsComplete", Section: "3.11", Page: nf + "ndismcosendnetbufferlistscomplete",
		Dir: Down, Roles: RoleMiniport | RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Params: []Param{
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"NetBufferLists", TypeNblPtr, In, NoColumn, keysNbl},
			{"SendCompleteFlags", TypeULONG, In, NoColumn, nil},
		},
	},
	NdisMCoIndicateReceiveNetBufferLists: {
		Name: "NdisMCoIndicateReceiveNetBufferLists", Section: "3.11", Page: nf + "ndismcoindicatereceivenetbufferlists",
		Dir: Down, Roles: RoleMiniport | RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Params: []Param{
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"NetBufferLists", TypeNblPtr, In, NoColumn, keysNbl},
			{"NumberOfNetBufferLists", TypeULONG, In, NoColumn, nil},
			{"CoReceiveFlags", TypeULONG, In, NoColumn, nil},
		},
	},
	NdisMCoIndicateStatusEx: {
		Name: "NdisMCoIndicateStatusEx", Section: "3.11", Page: nf + "ndismcoindicatestatusex",
		Dir: Down, Roles: RoleMiniport | RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns:      Returns{Void: true},
		NamesAdapter: true,
		Params: []Param{
			{"NdisMiniportHandle", TypeHandle, In, ColAdapter, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"StatusIndication", TypeStatusIndicationPtr, In, NoColumn, nil},
		},
	},

	// 3.11 NDIS 5.x names
	NdisCmRegisterAddressFamily: {
		Name: "NdisCmRegisterAddressFamily", Section: "3.11", Page: prev + "ff551006(v=vs.85)",
		Dir: Down, Roles: RoleCallManager, IRQL: AtPassive, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Status: []Status{StatusSuccess, StatusResources, StatusFailure}},
		Twin:    NdisMCmRegisterAddressFamily, Alias: NdisCmRegisterAddressFamilyEx,
		Params: []Param{
			{"NdisBindingHandle", TypeHandle, In, ColBinding, nil},
			{"AddressFamily", TypeAddressFamilyPtr, In, ColAFType, nil},
			{"CmCharacteristics", TypeHandlersPtr, In, NoColumn, keysHandlers},
			{"SizeOfCmCharacteristics", TypeUINT, In, NoColumn, nil},
		},
	},
	NdisMCmRegisterAddressFamily: {
		Name: "NdisMCmRegisterAddressFamily", Section: "3.11", Page: prev + "ff553429(v=vs.85)",
		Dir: Down, Roles: RoleMCM, IRQL: AtPassive, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Status: []Status{StatusSuccess, StatusResources, StatusFailure}},
		Twin:    NdisCmRegisterAddressFamily, Alias: NdisMCmRegisterAddressFamilyEx, NamesAdapter: true,
		Params: []Param{
			{"MiniportAdapterHandle", TypeHandle, In, ColAdapter, nil},
			{"AddressFamily", TypeAddressFamilyPtr, In, ColAFType, nil},
			{"CmCharacteristics", TypeHandlersPtr, In, NoColumn, keysHandlers},
			{"SizeOfCmCharacteristics", TypeUINT, In, NoColumn, nil},
		},
	},
	NdisClOpenAddressFamily: {
		Name: "NdisClOpenAddressFamily", Section: "3.11", Page: prev + "porting-condis-client-registration",
		Dir: Down, Roles: RoleClient, IRQL: AtPassive, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess, StatusResources, StatusFailure}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolClOpenAfComplete},
		Alias:      NdisClOpenAddressFamilyEx, AMB: []string{"AMB-06", "AMB-08", "AMB-23"},
		Params: []Param{
			{"NdisBindingHandle", TypeHandle, In, ColBinding, nil},
			{"AddressFamily", TypeAddressFamilyPtr, In, ColAFType, nil},
			{"ProtocolAfContext", TypeContext, In, ColContext, nil},
			{"ClCharacteristics", TypeHandlersPtr, In, NoColumn, keysHandlers},
			{"SizeOfClCharacteristics", TypeUINT, In, NoColumn, nil},
			{"NdisAfHandle", TypeHandlePtr, Out, ColAF, nil},
		},
	},
	ProtocolClOpenAfComplete: {
		Name: "ProtocolClOpenAfComplete", Section: "3.11", Page: nc + "protocol_cl_open_af_complete_ex",
		Dir: Up, Roles: RoleClient, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		Alias:   ProtocolClOpenAfCompleteEx, AMB: []string{"AMB-17"},
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"ProtocolAfContext", TypeContext, In, ColContext, nil},
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
		},
	},
	ProtocolCoRequest: {
		Name: "ProtocolCoRequest", Section: "3.11", Page: nc + "protocol_co_oid_request",
		Dir: Up, Roles: RoleClient | RoleCallManager | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true, AnyOther: true},
		Completion: []Func{NdisCoRequestComplete, NdisMCmRequestComplete},
		Alias:      ProtocolCoOidRequest,
		Params: []Param{
			{"ProtocolAfContext", TypeContext, In, ColContext, nil},
			{"ProtocolVcContext", TypeContext, In, ColContext2, nil},
			{"ProtocolPartyContext", TypeContext, In, NoColumn, nil},
			{"NdisRequest", TypeRequestPtr, InOut, NoColumn, keysOidRequest},
		},
	},
	ProtocolCoRequestComplete: {
		Name: "ProtocolCoRequestComplete", Section: "3.11", Page: nc + "protocol_co_oid_request_complete",
		Dir: Up, Roles: RoleClient | RoleCallManager | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns: Returns{Void: true},
		Alias:   ProtocolCoOidRequestComplete,
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"ProtocolAfContext", TypeContext, In, ColContext, nil},
			{"ProtocolVcContext", TypeContext, In, ColContext2, nil},
			{"ProtocolPartyContext", TypeContext, In, NoColumn, nil},
			{"NdisRequest", TypeRequestPtr, In, NoColumn, keysOidRequest},
		},
	},
	MiniportCoRequest: {
		Name: "MiniportCoRequest", Section: "3.11", Page: nc + "miniport_co_oid_request",
		Dir: Up, Roles: RoleMiniport | RoleMCM, IRQL: UpToDispatch, Entry: NDISDecides, Return: DriverDecision,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true, AnyOther: true},
		Completion: []Func{NdisMCoRequestComplete},
		Alias:      MiniportCoOidRequest, NamesAdapter: true,
		Params: []Param{
			{"MiniportAdapterContext", TypeContext, In, ColContext, nil},
			{"MiniportVcContext", TypeContext, In, ColContext2, nil},
			{"NdisRequest", TypeRequestPtr, InOut, NoColumn, keysOidRequest},
		},
	},
	NdisCoRequest: {
		Name: "NdisCoRequest", Section: "3.11", Page: nf + "ndiscooidrequest",
		Dir: Down, Roles: RoleClient | RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess, StatusNotRecognized, StatusNotAccepted, StatusNotSupported, StatusInvalidOID, StatusInvalidData, StatusInvalidLength, StatusBufferTooShort, StatusResources, StatusClosing, StatusClosingIndicating, StatusResetInProgress, StatusRequestAborted, StatusFailure}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolCoRequestComplete},
		Twin:       NdisMCmRequest, Alias: NdisCoOidRequest,
		Params: []Param{
			{"NdisBindingHandle", TypeHandle, In, ColBinding, nil},
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
			{"NdisRequest", TypeRequestPtr, InOut, NoColumn, keysOidRequest},
		},
	},
	NdisCoRequestComplete: {
		Name: "NdisCoRequestComplete", Section: "3.11", Page: nf + "ndiscooidrequestcomplete",
		Dir: Down, Roles: RoleClient | RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisMCmRequestComplete, Alias: NdisCoOidRequestComplete,
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
			{"NdisRequest", TypeRequestPtr, In, NoColumn, keysOidRequest},
		},
	},
	NdisMCmRequest: {
		Name: "NdisMCmRequest", Section: "3.11", Page: nf + "ndismcmoidrequest",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess, StatusNotRecognized, StatusNotAccepted, StatusNotSupported, StatusInvalidOID, StatusInvalidData, StatusInvalidLength, StatusBufferTooShort, StatusResources, StatusClosing, StatusClosingIndicating, StatusResetInProgress, StatusRequestAborted, StatusFailure}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolCoRequestComplete},
		Twin:       NdisCoRequest, Alias: NdisMCmOidRequest,
		Params: []Param{
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
			{"NdisRequest", TypeRequestPtr, InOut, NoColumn, keysOidRequest},
		},
	},
	NdisMCmRequestComplete: {
		Name: "NdisMCmRequestComplete", Section: "3.11", Page: nf + "ndismcmoidrequestcomplete",
		Dir: Down, Roles: RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Twin:    NdisCoRequestComplete, Alias: NdisMCmOidRequestComplete,
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisAfHandle", TypeHandle, In, ColAF, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"NdisPartyHandle", TypeHandle, In, ColParty, nil},
			{"NdisRequest", TypeRequestPtr, In, NoColumn, keysOidRequest},
		},
	},
	NdisMCoRequestComplete: {
		Name: "NdisMCoRequestComplete", Section: "3.11", Page: nf + "ndismcooidrequestcomplete",
		Dir: Down, Roles: RoleMiniport | RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Alias:   NdisMCoOidRequestComplete, NamesAdapter: true,
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"MiniportAdapterHandle", TypeHandle, In, ColAdapter, nil},
			{"Request", TypeRequestPtr, In, NoColumn, keysOidRequest},
		},
	},
	NdisCoSendPackets: {
		Name: "NdisCoSendPackets", Section: "3.11", Page: nf + "ndiscosendnetbufferlists",
		Dir: Down, Roles: RoleClient | RoleCallManager, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Alias:   NdisCoSendNetBufferLists,
		Params: []Param{
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"PacketArray", TypePacketArrayPtr, In, NoColumn, keysNbl},
			{"NumberOfPackets", TypeUINT, In, NoColumn, nil},
		},
	},
	NdisMCoSendComplete: {
		Name: "NdisMCoSendComplete", Section: "3.11", Page: nf + "ndismcosendnetbufferlistscomplete",
		Dir: Down, Roles: RoleMiniport | RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Alias:   NdisMCoSendNetBufferListsComplete,
		Params: []Param{
			{"Status", TypeStatus, In, ColStatus, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"Packet", TypePacketPtr, In, NoColumn, keysNbl},
		},
	},
	NdisMCoIndicateReceivePacket: {
		Name: "NdisMCoIndicateReceivePacket", Section: "3.11", Page: nf + "ndismcoindicatereceivenetbufferlists",
		Dir: Down, Roles: RoleMiniport | RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Alias:   NdisMCoIndicateReceiveNetBufferLists,
		Params: []Param{
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"PacketArray", TypePacketArrayPtr, In, NoColumn, keysNbl},
			{"NumberOfPackets", TypeUINT, In, NoColumn, nil},
		},
	},
	NdisMCoIndicateStatus: {
		Name: "NdisMCoIndicateStatus", Section: "3.11", Page: nf + "ndismcoindicatestatusex",
		Dir: Down, Roles: RoleMiniport | RoleMCM, IRQL: UpToDispatch, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Alias:   NdisMCoIndicateStatusEx, NamesAdapter: true,
		Params: []Param{
			{"MiniportAdapterHandle", TypeHandle, In, ColAdapter, nil},
			{"NdisVcHandle", TypeHandle, In, ColVC, nil},
			{"GeneralStatus", TypeStatus, In, ColStatus, nil},
			{"StatusBuffer", TypePointer, In, NoColumn, nil},
			{"StatusBufferSize", TypeULONG, In, NoColumn, nil},
		},
	},
	NdisRegisterProtocol: {
		Name: "NdisRegisterProtocol", Section: "3.11", Page: nf + "ndisregisterprotocoldriver",
		Dir: Down, Roles: RoleProtocol, IRQL: AtPassive, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Status: []Status{StatusSuccess, StatusBadVersion, StatusBadCharacteristics, StatusResources}, AnyOther: true},
		Alias:   NdisRegisterProtocolDriver,
		Params: []Param{
			{"Status", TypeStatusPtr, Out, ColStatus, nil},
			{"NdisProtocolHandle", TypeHandlePtr, Out, NoColumn, []string{"protocol"}},
			{"ProtocolCharacteristics", TypeCharacteristicsPtr, In, NoColumn, nil},
			{"CharacteristicsLength", TypeUINT, In, NoColumn, nil},
		},
	},
	NdisDeregisterProtocol: {
		Name: "NdisDeregisterProtocol", Section: "3.11", Page: nf + "ndisderegisterprotocoldriver",
		Dir: Down, Roles: RoleProtocol, IRQL: AtPassive, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Status: []Status{StatusSuccess}, AnyOther: true},
		Alias:   NdisDeregisterProtocolDriver,
		Params: []Param{
			{"Status", TypeStatusPtr, Out, ColStatus, nil},
			{"NdisProtocolHandle", TypeHandle, In, NoColumn, []string{"protocol"}},
		},
	},
	NdisOpenAdapter: {
		Name: "NdisOpenAdapter", Section: "3.11", Page: nf + "ndisopenadapterex",
		Dir: Down, Roles: RoleProtocol, IRQL: AtPassive, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess, StatusResources, StatusAdapterNotFound, StatusUnsupportedMedia, StatusFailure}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolOpenAdapterCompleteEx},
		Alias:      NdisOpenAdapterEx, NamesAdapter: true,
		Params: []Param{
			{"Status", TypeStatusPtr, Out, ColStatus, nil},
			{"OpenErrorStatus", TypeStatusPtr, Out, NoColumn, nil},
			{"NdisBindingHandle", TypeHandlePtr, Out, ColBinding, nil},
			{"SelectedMediumIndex", TypeUINTPtr, Out, NoColumn, nil},
			{"MediumArray", TypePointer, In, NoColumn, nil},
			{"MediumArraySize", TypeUINT, In, NoColumn, nil},
			{"NdisProtocolHandle", TypeHandle, In, NoColumn, []string{"protocol"}},
			{"ProtocolBindingContext", TypeContext, In, ColContext, nil},
			{"AdapterName", TypeUnicodeStringPtr, In, NoColumn, []string{"adapter_name"}},
			{"OpenOptions", TypeUINT, In, NoColumn, nil},
			{"AddressingInformation", TypePointer, In, NoColumn, nil},
		},
	},
	NdisCloseAdapter: {
		Name: "NdisCloseAdapter", Section: "3.11", Page: nf + "ndiscloseadapterex",
		Dir: Down, Roles: RoleProtocol, IRQL: AtPassive, Entry: DriverStimulus, Return: NDISDecides,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true, AnyOther: true},
		Completion: []Func{ProtocolCloseAdapterCompleteEx},
		Alias:      NdisCloseAdapterEx,
		Params: []Param{
			{"Status", TypeStatusPtr, Out, ColStatus, nil},
			{"NdisBindingHandle", TypeHandle, In, ColBinding, nil},
		},
	},
	ProtocolBindAdapter: {
		Name: "ProtocolBindAdapter", Section: "3.11", Page: nc + "protocol_bind_adapter_ex",
		Dir: Up, Roles: RoleProtocol, IRQL: AtPassive, Entry: Environment, Return: DriverDecision,
		Returns:    Returns{Status: []Status{StatusSuccess, StatusResources}, MayPend: true, AnyOther: true},
		Completion: []Func{NdisCompleteBindAdapterEx},
		Alias:      ProtocolBindAdapterEx, NamesAdapter: true,
		Params: []Param{
			{"Status", TypeStatusPtr, Out, ColStatus, nil},
			{"BindContext", TypeHandle, In, NoColumn, []string{"bind_context"}},
			{"DeviceName", TypeUnicodeStringPtr, In, NoColumn, []string{"adapter_name"}},
			{"SystemSpecific1", TypePointer, In, NoColumn, nil},
			{"SystemSpecific2", TypePointer, In, NoColumn, nil},
		},
	},
	ProtocolUnbindAdapter: {
		Name: "ProtocolUnbindAdapter", Section: "3.11", Page: nc + "protocol_unbind_adapter_ex",
		Dir: Up, Roles: RoleProtocol, IRQL: AtPassive, Entry: Environment, Return: DriverDecision,
		Returns:    Returns{Status: []Status{StatusSuccess}, MayPend: true, AnyOther: true},
		Completion: []Func{NdisCompleteUnbindAdapterEx},
		Alias:      ProtocolUnbindAdapterEx, NamesAdapter: true,
		Params: []Param{
			{"Status", TypeStatusPtr, Out, ColStatus, nil},
			{"ProtocolBindingContext", TypeContext, In, ColContext, nil},
			{"UnbindContext", TypeHandle, In, NoColumn, []string{"unbind_context"}},
		},
	},
	NdisMSetAttributesEx: {
		Name: "NdisMSetAttributesEx", Section: "3.11", Page: nf + "ndismsetminiportattributes",
		Dir: Down, Roles: RoleMiniport | RoleMCM, IRQL: AtPassive, Entry: DriverStimulus, Return: NDISDecides,
		Returns: Returns{Void: true},
		Alias:   NdisMSetMiniportAttributes, NamesAdapter: true,
		Params: []Param{
			{"MiniportAdapterHandle", TypeHandle, In, ColAdapter, nil},
			{"MiniportAdapterContext", TypeContext, In, NoColumn, []string{"miniport_context"}},
			{"CheckForHangTimeInSeconds", TypeUINT, In, NoColumn, nil},
			{"AttributeFlags", TypeULONG, In, NoColumn, nil},
			{"AdapterType", TypeInterfaceType, In, NoColumn, nil},
		},
	},
}
