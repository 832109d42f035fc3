// Prototypes and structures of NDIS 6 as user-mode code on Linux sees them: the names,
// parameters and x64 layouts of Microsoft's public documentation. layout.h checks the layouts.
#ifndef HARNESS_NDIS_H
#define HARNESS_NDIS_H

#include <stddef.h>
#include <stdint.h>

typedef void VOID, *PVOID;
typedef uint8_t UCHAR, BOOLEAN;
typedef uint16_t USHORT, WCHAR;
#ifdef HARNESS_ULONG8 // code that took ULONG for unsigned long: see aftrace capture --ulong 8
typedef unsigned long ULONG;
#else
typedef uint32_t ULONG;
#endif
typedef unsigned int UINT;
typedef uint64_t ULONG64;
typedef PVOID NDIS_HANDLE, *PNDIS_HANDLE;
typedef int NDIS_STATUS, NTSTATUS;
typedef ULONG NDIS_AF, NDIS_OID;
typedef ULONG NET_IFINDEX;
typedef union { ULONG64 Value; } NET_LUID;

#define IN
#define OUT
#define OPTIONAL

#define NDIS_STATUS_SUCCESS ((NDIS_STATUS)0)
#define NDIS_STATUS_PENDING ((NDIS_STATUS)0x103)
#define NDIS_STATUS_NOT_ACCEPTED ((NDIS_STATUS)0x10003)
#define NDIS_STATUS_FAILURE ((NDIS_STATUS)0xC0000001)
#define NDIS_STATUS_RESOURCES ((NDIS_STATUS)0xC000009A)
#define NDIS_STATUS_NOT_SUPPORTED ((NDIS_STATUS)0xC00000BB)
#define NDIS_STATUS_INVALID_DATA ((NDIS_STATUS)0xC0010015)

#define CO_ADDRESS_FAMILY_Q2931 ((NDIS_AF)0x1)
#define CO_ADDRESS_FAMILY_PSCHED ((NDIS_AF)0x2)
#define CO_ADDRESS_FAMILY_TAPI ((NDIS_AF)0x800)
#define CO_ADDRESS_FAMILY_TAPI_PROXY ((NDIS_AF)0x801)
#define SAP_TYPE_NSAP 1
#define AF_TAPI_SAP_TYPE 0x8000
#define MULTIPOINT_VC 0x10
#define OID_CO_TAPI_CM_CAPS 0xFE001001

typedef struct _UNICODE_STRING {
    USHORT Length, MaximumLength;
    WCHAR *Buffer;
} UNICODE_STRING, *PUNICODE_STRING, NDIS_STRING, *PNDIS_STRING;

typedef struct _CO_ADDRESS_FAMILY {
    NDIS_AF AddressFamily;
    ULONG MajorVersion, MinorVersion;
} CO_ADDRESS_FAMILY, *PCO_ADDRESS_FAMILY;

typedef struct _CO_SAP {
    ULONG SapType, SapLength;
    UCHAR Sap[1];
} CO_SAP, *PCO_SAP;

typedef struct _CO_SPECIFIC_PARAMETERS {
    ULONG ParamType, Length;
    UCHAR Parameters[1];
} CO_SPECIFIC_PARAMETERS;

typedef struct _FLOWSPEC {
    ULONG TokenRate, TokenBucketSize, PeakBandwidth, Latency, DelayVariation, ServiceType, MaxSduSize, MinimumPolicedSize;
} FLOWSPEC;

typedef struct _CO_CALL_MANAGER_PARAMETERS {
    FLOWSPEC Transmit, Receive;
    CO_SPECIFIC_PARAMETERS CallMgrSpecific;
} CO_CALL_MANAGER_PARAMETERS, *PCO_CALL_MANAGER_PARAMETERS;

typedef struct _CO_MEDIA_PARAMETERS {
    ULONG Flags, ReceivePriority, ReceiveSizeHint;
    CO_SPECIFIC_PARAMETERS MediaSpecific __attribute__((aligned(8)));
} CO_MEDIA_PARAMETERS, *PCO_MEDIA_PARAMETERS;

typedef struct _CO_CALL_PARAMETERS {
    ULONG Flags;
    PCO_CALL_MANAGER_PARAMETERS CallMgrParameters;
    PCO_MEDIA_PARAMETERS MediaParameters;
} CO_CALL_PARAMETERS, *PCO_CALL_PARAMETERS;

typedef struct _NDIS_OBJECT_HEADER {
    UCHAR Type, Revision;
    USHORT Size;
} NDIS_OBJECT_HEADER;

typedef struct _NDIS_OID_REQUEST {
    NDIS_OBJECT_HEADER Header;
    int RequestType;
    ULONG PortNumber;
    UINT Timeout;
    PVOID RequestId;
    NDIS_HANDLE RequestHandle;
    union {
        struct {
            NDIS_OID Oid;
            PVOID InformationBuffer;
            UINT InformationBufferLength, BytesWritten, BytesNeeded;
        } QUERY_INFORMATION;
    } DATA;
} NDIS_OID_REQUEST, *PNDIS_OID_REQUEST;

typedef struct _NDIS_BIND_PARAMETERS {
    NDIS_OBJECT_HEADER Header;
    PNDIS_STRING ProtocolSection, AdapterName;
    PVOID PhysicalDeviceObject;
    int MediaType;
    ULONG MtuSize;
    ULONG64 MaxXmitLinkSpeed, MaxRcvLinkSpeed, XmitLinkSpeed, RcvLinkSpeed;
    int MediaConnectState, MediaDuplexState;
    ULONG LookaheadSize;
    PVOID PowerManagementCapabilities;
    ULONG SupportedPacketFilters, MaxMulticastListSize;
    USHORT MacAddressLength;
    UCHAR CurrentMacAddress[32];
    int PhysicalMediumType;
    PVOID RcvScaleCapabilities;
    NET_LUID BoundIfNetluid;
    NET_IFINDEX BoundIfIndex;
    NET_LUID LowestIfNetluid;
    NET_IFINDEX LowestIfIndex;
} NDIS_BIND_PARAMETERS, *PNDIS_BIND_PARAMETERS;

typedef struct _NDIS_OPEN_PARAMETERS {
    NDIS_OBJECT_HEADER Header;
    PNDIS_STRING AdapterName;
    int *MediumArray;
    UINT MediumArraySize;
    UINT *SelectedMediumIndex;
    PVOID FrameTypeArray;
    UINT FrameTypeArraySize;
} NDIS_OPEN_PARAMETERS, *PNDIS_OPEN_PARAMETERS;

typedef struct _NDIS_MINIPORT_INIT_PARAMETERS {
    NDIS_OBJECT_HEADER Header;
    ULONG Flags;
    PVOID AllocatedResources;
    NDIS_HANDLE IMDeviceInstanceContext, MiniportAddDeviceContext;
    NET_IFINDEX IfIndex;
    NET_LUID NetLuid;
} NDIS_MINIPORT_INIT_PARAMETERS, *PNDIS_MINIPORT_INIT_PARAMETERS;

typedef struct _NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES {
    NDIS_OBJECT_HEADER Header; // Type 0x9E
    NDIS_HANDLE MiniportAdapterContext;
    ULONG AttributeFlags;
    UINT CheckForHangTimeInSeconds;
    int InterfaceType;
} NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES;
typedef PVOID PNDIS_MINIPORT_ADAPTER_ATTRIBUTES;

typedef struct _NET_PNP_EVENT_NOTIFICATION {
    NDIS_OBJECT_HEADER Header;
    ULONG PortNumber;
    struct {
        int NetEvent;
        PVOID Buffer;
        ULONG BufferLength;
    } NetPnPEvent;
} NET_PNP_EVENT_NOTIFICATION, *PNET_PNP_EVENT_NOTIFICATION;
enum { NetEventQueryRemoveDevice = 2 };

typedef struct _NET_DEVICE_PNP_EVENT {
    NDIS_OBJECT_HEADER Header;
    ULONG PortNumber;
    int DevicePnPEvent;
    PVOID InformationBuffer;
    ULONG InformationBufferLength;
} NET_DEVICE_PNP_EVENT, *PNET_DEVICE_PNP_EVENT;
enum { NdisDevicePnPEventSurpriseRemoved = 2 };
enum { NdisHaltDeviceDisabled = 0, NdisHaltDeviceSurpriseRemoved = 3 };
typedef int NDIS_HALT_ACTION;

#define H typedef
H NDIS_STATUS SET_OPTIONS(NDIS_HANDLE NdisDriverHandle, NDIS_HANDLE DriverContext);
H NDIS_STATUS PROTOCOL_BIND_ADAPTER_EX(NDIS_HANDLE ProtocolDriverContext, NDIS_HANDLE BindContext, PNDIS_BIND_PARAMETERS BindParameters);
H NDIS_STATUS PROTOCOL_UNBIND_ADAPTER_EX(NDIS_HANDLE UnbindContext, NDIS_HANDLE ProtocolBindingContext);
H VOID PROTOCOL_OPEN_ADAPTER_COMPLETE_EX(NDIS_HANDLE ProtocolBindingContext, NDIS_STATUS Status);
H VOID PROTOCOL_CLOSE_ADAPTER_COMPLETE_EX(NDIS_HANDLE ProtocolBindingContext);
H NDIS_STATUS PROTOCOL_NET_PNP_EVENT(NDIS_HANDLE ProtocolBindingContext, PNET_PNP_EVENT_NOTIFICATION NetPnPEventNotification);
H VOID PROTOCOL_UNINSTALL(VOID);
H NDIS_STATUS MINIPORT_INITIALIZE(NDIS_HANDLE MiniportAdapterHandle, NDIS_HANDLE MiniportDriverContext, PNDIS_MINIPORT_INIT_PARAMETERS MiniportInitParameters);
H VOID MINIPORT_HALT(NDIS_HANDLE MiniportAdapterContext, NDIS_HALT_ACTION HaltAction);
H VOID MINIPORT_DEVICE_PNP_EVENT_NOTIFY(NDIS_HANDLE MiniportAdapterContext, PNET_DEVICE_PNP_EVENT NetDevicePnPEvent);
H VOID PROTOCOL_CO_AF_REGISTER_NOTIFY(NDIS_HANDLE ProtocolBindingContext, PCO_ADDRESS_FAMILY AddressFamily);
H NDIS_STATUS PROTOCOL_CO_CREATE_VC(NDIS_HANDLE ProtocolAfContext, NDIS_HANDLE NdisVcHandle, PNDIS_HANDLE ProtocolVcContext);
H NDIS_STATUS PROTOCOL_CO_DELETE_VC(NDIS_HANDLE ProtocolVcContext);
H NDIS_STATUS PROTOCOL_CO_OID_REQUEST(NDIS_HANDLE ProtocolAfContext, NDIS_HANDLE ProtocolVcContext, NDIS_HANDLE ProtocolPartyContext, PNDIS_OID_REQUEST OidRequest);
H VOID PROTOCOL_CO_OID_REQUEST_COMPLETE(NDIS_HANDLE ProtocolAfContext, NDIS_HANDLE ProtocolVcContext, NDIS_HANDLE ProtocolPartyContext, PNDIS_OID_REQUEST OidRequest, NDIS_STATUS Status);
H NDIS_STATUS PROTOCOL_CM_OPEN_AF(NDIS_HANDLE CallMgrBindingContext, PCO_ADDRESS_FAMILY AddressFamily, NDIS_HANDLE NdisAfHandle, PNDIS_HANDLE CallMgrAfContext);
H NDIS_STATUS PROTOCOL_CM_CLOSE_AF(NDIS_HANDLE CallMgrAfContext);
H NDIS_STATUS PROTOCOL_CM_REG_SAP(NDIS_HANDLE CallMgrAfContext, PCO_SAP Sap, NDIS_HANDLE NdisSapHandle, PNDIS_HANDLE CallMgrSapContext);
H NDIS_STATUS PROTOCOL_CM_DEREGISTER_SAP(NDIS_HANDLE CallMgrSapContext);
H NDIS_STATUS PROTOCOL_CM_MAKE_CALL(NDIS_HANDLE CallMgrVcContext, PCO_CALL_PARAMETERS CallParameters, NDIS_HANDLE NdisPartyHandle, PNDIS_HANDLE CallMgrPartyContext);
H NDIS_STATUS PROTOCOL_CM_CLOSE_CALL(NDIS_HANDLE CallMgrVcContext, NDIS_HANDLE CallMgrPartyContext, PVOID CloseData, UINT Size);
H VOID PROTOCOL_CM_INCOMING_CALL_COMPLETE(NDIS_STATUS Status, NDIS_HANDLE CallMgrVcContext, PCO_CALL_PARAMETERS CallParameters);
H NDIS_STATUS PROTOCOL_CM_ADD_PARTY(NDIS_HANDLE CallMgrVcContext, PCO_CALL_PARAMETERS CallParameters, NDIS_HANDLE NdisPartyHandle, PNDIS_HANDLE CallMgrPartyContext);
H NDIS_STATUS PROTOCOL_CM_DROP_PARTY(NDIS_HANDLE CallMgrPartyContext, PVOID CloseData, UINT Size);
H VOID PROTOCOL_CM_ACTIVATE_VC_COMPLETE(NDIS_STATUS Status, NDIS_HANDLE CallMgrVcContext, PCO_CALL_PARAMETERS CallParameters);
H VOID PROTOCOL_CM_DEACTIVATE_VC_COMPLETE(NDIS_STATUS Status, NDIS_HANDLE CallMgrVcContext);
H NDIS_STATUS PROTOCOL_CM_MODIFY_QOS_CALL(NDIS_HANDLE CallMgrVcContext, PCO_CALL_PARAMETERS CallParameters);
H VOID PROTOCOL_CM_NOTIFY_CLOSE_AF_COMPLETE(NDIS_HANDLE CallMgrAfContext, NDIS_STATUS Status);
H VOID PROTOCOL_CL_OPEN_AF_COMPLETE_EX(NDIS_HANDLE ProtocolAfContext, NDIS_HANDLE NdisAfHandle, NDIS_STATUS Status);
H VOID PROTOCOL_CL_CLOSE_AF_COMPLETE(NDIS_STATUS Status, NDIS_HANDLE ProtocolAfContext);
H VOID PROTOCOL_CL_REGISTER_SAP_COMPLETE(NDIS_STATUS Status, NDIS_HANDLE ProtocolSapContext, PCO_SAP Sap, NDIS_HANDLE NdisSapHandle);
H VOID PROTOCOL_CL_DEREGISTER_SAP_COMPLETE(NDIS_STATUS Status, NDIS_HANDLE ProtocolSapContext);
H VOID PROTOCOL_CL_MAKE_CALL_COMPLETE(NDIS_STATUS Status, NDIS_HANDLE ProtocolVcContext, NDIS_HANDLE NdisPartyHandle, PCO_CALL_PARAMETERS CallParameters);
H VOID PROTOCOL_CL_MODIFY_CALL_QOS_COMPLETE(NDIS_STATUS Status, NDIS_HANDLE ProtocolVcContext, PCO_CALL_PARAMETERS CallParameters);
H VOID PROTOCOL_CL_CLOSE_CALL_COMPLETE(NDIS_STATUS Status, NDIS_HANDLE ProtocolVcContext, NDIS_HANDLE ProtocolPartyContext);
H VOID PROTOCOL_CL_ADD_PARTY_COMPLETE(NDIS_STATUS Status, NDIS_HANDLE ProtocolPartyContext, NDIS_HANDLE NdisPartyHandle, PCO_CALL_PARAMETERS CallParameters);
H VOID PROTOCOL_CL_DROP_PARTY_COMPLETE(NDIS_STATUS Status, NDIS_HANDLE ProtocolPartyContext);
H NDIS_STATUS PROTOCOL_CL_INCOMING_CALL(NDIS_HANDLE ProtocolSapContext, NDIS_HANDLE ProtocolVcContext, PCO_CALL_PARAMETERS CallParameters);
H VOID PROTOCOL_CL_INCOMING_CALL_QOS_CHANGE(NDIS_HANDLE ProtocolVcContext, PCO_CALL_PARAMETERS CallParameters);
H VOID PROTOCOL_CL_INCOMING_CLOSE_CALL(NDIS_STATUS CloseStatus, NDIS_HANDLE ProtocolVcContext, PVOID CloseData, UINT Size);
H VOID PROTOCOL_CL_INCOMING_DROP_PARTY(NDIS_STATUS DropStatus, NDIS_HANDLE ProtocolPartyContext, PVOID CloseData, UINT Size);
H VOID PROTOCOL_CL_CALL_CONNECTED(NDIS_HANDLE ProtocolVcContext);
H NDIS_STATUS PROTOCOL_CL_NOTIFY_CLOSE_AF(NDIS_HANDLE ClientAfContext);
H NDIS_STATUS MINIPORT_CO_CREATE_VC(NDIS_HANDLE MiniportAdapterContext, NDIS_HANDLE NdisVcHandle, PNDIS_HANDLE MiniportVcContext);
H NDIS_STATUS MINIPORT_CO_DELETE_VC(NDIS_HANDLE MiniportVcContext);
H NDIS_STATUS MINIPORT_CO_ACTIVATE_VC(NDIS_HANDLE MiniportVcContext, PCO_CALL_PARAMETERS CallParameters);
H NDIS_STATUS MINIPORT_CO_DEACTIVATE_VC(NDIS_HANDLE MiniportVcContext);
H NDIS_STATUS MINIPORT_CO_OID_REQUEST(NDIS_HANDLE MiniportAdapterContext, NDIS_HANDLE MiniportVcContext, PNDIS_OID_REQUEST OidRequest);
H VOID UNUSED_HANDLER(VOID); // handlers that this shim never calls
#undef H

typedef struct _NDIS_PROTOCOL_DRIVER_CHARACTERISTICS {
    NDIS_OBJECT_HEADER Header; // 0x95
    UCHAR MajorNdisVersion, MinorNdisVersion, MajorDriverVersion, MinorDriverVersion;
    ULONG Flags;
    NDIS_STRING Name;
    SET_OPTIONS *SetOptionsHandler;
    PROTOCOL_BIND_ADAPTER_EX *BindAdapterHandlerEx;
    PROTOCOL_UNBIND_ADAPTER_EX *UnbindAdapterHandlerEx;
    PROTOCOL_OPEN_ADAPTER_COMPLETE_EX *OpenAdapterCompleteHandlerEx;
    PROTOCOL_CLOSE_ADAPTER_COMPLETE_EX *CloseAdapterCompleteHandlerEx;
    PROTOCOL_NET_PNP_EVENT *NetPnPEventHandler;
    PROTOCOL_UNINSTALL *UninstallHandler;
    UNUSED_HANDLER *OidRequestCompleteHandler, *StatusHandlerEx, *ReceiveNetBufferListsHandler, *SendNetBufferListsCompleteHandler;
    UNUSED_HANDLER *DirectOidRequestCompleteHandler;
} NDIS_PROTOCOL_DRIVER_CHARACTERISTICS, *PNDIS_PROTOCOL_DRIVER_CHARACTERISTICS;

typedef struct _NDIS_MINIPORT_DRIVER_CHARACTERISTICS {
    NDIS_OBJECT_HEADER Header; // 0x8A
    UCHAR MajorNdisVersion, MinorNdisVersion, MajorDriverVersion, MinorDriverVersion;
    ULONG Flags;
    SET_OPTIONS *SetOptionsHandler;
    MINIPORT_INITIALIZE *InitializeHandlerEx;
    MINIPORT_HALT *HaltHandlerEx;
    UNUSED_HANDLER *UnloadHandler, *PauseHandler, *RestartHandler, *OidRequestHandler, *SendNetBufferListsHandler, *ReturnNetBufferListsHandler, *CancelSendHandler, *CheckForHangHandlerEx, *ResetHandlerEx;
    MINIPORT_DEVICE_PNP_EVENT_NOTIFY *DevicePnPEventNotifyHandler;
    UNUSED_HANDLER *ShutdownHandlerEx, *CancelOidRequestHandler;
} NDIS_MINIPORT_DRIVER_CHARACTERISTICS, *PNDIS_MINIPORT_DRIVER_CHARACTERISTICS;

typedef struct _NDIS_PROTOCOL_CO_CHARACTERISTICS {
    NDIS_OBJECT_HEADER Header; // 0x90
    ULONG Flags;
    UNUSED_HANDLER *CoStatusHandlerEx;
    PROTOCOL_CO_AF_REGISTER_NOTIFY *CoAfRegisterNotifyHandler;
    UNUSED_HANDLER *CoReceiveNetBufferListsHandler, *CoSendNetBufferListsCompleteHandler;
} NDIS_PROTOCOL_CO_CHARACTERISTICS;

typedef struct _NDIS_MINIPORT_CO_CHARACTERISTICS {
    NDIS_OBJECT_HEADER Header; // 0x91
    ULONG Flags;
    MINIPORT_CO_CREATE_VC *CoCreateVcHandler;
    MINIPORT_CO_DELETE_VC *CoDeleteVcHandler;
    MINIPORT_CO_ACTIVATE_VC *CoActivateVcHandler;
    MINIPORT_CO_DEACTIVATE_VC *CoDeactivateVcHandler;
    UNUSED_HANDLER *CoSendNetBufferListsHandler;
    MINIPORT_CO_OID_REQUEST *CoOidRequestHandler;
} NDIS_MINIPORT_CO_CHARACTERISTICS;

typedef struct _NDIS_CO_CALL_MANAGER_OPTIONAL_HANDLERS {
    NDIS_OBJECT_HEADER Header; // 0xA5
    ULONG Reserved;
    PROTOCOL_CO_CREATE_VC *CmCreateVcHandler;
    PROTOCOL_CO_DELETE_VC *CmDeleteVcHandler;
    PROTOCOL_CM_OPEN_AF *CmOpenAfHandler;
    PROTOCOL_CM_CLOSE_AF *CmCloseAfHandler;
    PROTOCOL_CM_REG_SAP *CmRegisterSapHandler;
    PROTOCOL_CM_DEREGISTER_SAP *CmDeregisterSapHandler;
    PROTOCOL_CM_MAKE_CALL *CmMakeCallHandler;
    PROTOCOL_CM_CLOSE_CALL *CmCloseCallHandler;
    PROTOCOL_CM_INCOMING_CALL_COMPLETE *CmIncomingCallCompleteHandler;
    PROTOCOL_CM_ADD_PARTY *CmAddPartyHandler;
    PROTOCOL_CM_DROP_PARTY *CmDropPartyHandler;
    PROTOCOL_CM_ACTIVATE_VC_COMPLETE *CmActivateVcCompleteHandler;
    PROTOCOL_CM_DEACTIVATE_VC_COMPLETE *CmDeactivateVcCompleteHandler;
    PROTOCOL_CM_MODIFY_QOS_CALL *CmModifyCallQoSHandler;
    PROTOCOL_CO_OID_REQUEST *CmOidRequestHandler;
    PROTOCOL_CO_OID_REQUEST_COMPLETE *CmOidRequestCompleteHandler;
    PROTOCOL_CM_NOTIFY_CLOSE_AF_COMPLETE *CmNotifyCloseAfCompleteHandler;
} NDIS_CO_CALL_MANAGER_OPTIONAL_HANDLERS;
#define NDIS_SIZEOF_CO_CALL_MANAGER_OPTIONAL_HANDLERS_REVISION_1 offsetof(NDIS_CO_CALL_MANAGER_OPTIONAL_HANDLERS, CmNotifyCloseAfCompleteHandler)

typedef struct _NDIS_CO_CLIENT_OPTIONAL_HANDLERS {
    NDIS_OBJECT_HEADER Header; // 0xA6
    ULONG Reserved;
    PROTOCOL_CO_CREATE_VC *ClCreateVcHandler;
    PROTOCOL_CO_DELETE_VC *ClDeleteVcHandler;
    PROTOCOL_CO_OID_REQUEST *ClOidRequestHandler;
    PROTOCOL_CO_OID_REQUEST_COMPLETE *ClOidRequestCompleteHandler;
    PROTOCOL_CL_OPEN_AF_COMPLETE_EX *ClOpenAfCompleteHandlerEx;
    PROTOCOL_CL_CLOSE_AF_COMPLETE *ClCloseAfCompleteHandler;
    PROTOCOL_CL_REGISTER_SAP_COMPLETE *ClRegisterSapCompleteHandler;
    PROTOCOL_CL_DEREGISTER_SAP_COMPLETE *ClDeregisterSapCompleteHandler;
    PROTOCOL_CL_MAKE_CALL_COMPLETE *ClMakeCallCompleteHandler;
    PROTOCOL_CL_MODIFY_CALL_QOS_COMPLETE *ClModifyCallQoSCompleteHandler;
    PROTOCOL_CL_CLOSE_CALL_COMPLETE *ClCloseCallCompleteHandler;
    PROTOCOL_CL_ADD_PARTY_COMPLETE *ClAddPartyCompleteHandler;
    PROTOCOL_CL_DROP_PARTY_COMPLETE *ClDropPartyCompleteHandler;
    PROTOCOL_CL_INCOMING_CALL *ClIncomingCallHandler;
    PROTOCOL_CL_INCOMING_CALL_QOS_CHANGE *ClIncomingCallQoSChangeHandler;
    PROTOCOL_CL_INCOMING_CLOSE_CALL *ClIncomingCloseCallHandler;
    PROTOCOL_CL_INCOMING_DROP_PARTY *ClIncomingDropPartyHandler;
    PROTOCOL_CL_CALL_CONNECTED *ClCallConnectedHandler;
    PROTOCOL_CL_NOTIFY_CLOSE_AF *ClNotifyCloseAfHandler;
} NDIS_CO_CLIENT_OPTIONAL_HANDLERS;

// 3.1
NDIS_STATUS NdisRegisterProtocolDriver(NDIS_HANDLE ProtocolDriverContext, PNDIS_PROTOCOL_DRIVER_CHARACTERISTICS ProtocolCharacteristics, PNDIS_HANDLE NdisProtocolHandle);
VOID NdisDeregisterProtocolDriver(NDIS_HANDLE NdisProtocolHandle);
NDIS_STATUS NdisSetOptionalHandlers(NDIS_HANDLE NdisHandle, PVOID OptionalHandlers);
NDIS_STATUS NdisOpenAdapterEx(NDIS_HANDLE NdisProtocolHandle, NDIS_HANDLE ProtocolBindingContext, PNDIS_OPEN_PARAMETERS OpenParameters, NDIS_HANDLE BindContext, PNDIS_HANDLE NdisBindingHandle);
NDIS_STATUS NdisCloseAdapterEx(NDIS_HANDLE NdisBindingHandle);
VOID NdisCompleteBindAdapterEx(NDIS_HANDLE BindAdapterContext, NDIS_STATUS Status);
VOID NdisCompleteUnbindAdapterEx(NDIS_HANDLE UnbindContext);
NDIS_STATUS NdisMRegisterMiniportDriver(PVOID DriverObject, PUNICODE_STRING RegistryPath, NDIS_HANDLE MiniportDriverContext, PNDIS_MINIPORT_DRIVER_CHARACTERISTICS MiniportDriverCharacteristics, PNDIS_HANDLE NdisMiniportDriverHandle);
VOID NdisMDeregisterMiniportDriver(NDIS_HANDLE NdisMiniportDriverHandle);
NDIS_STATUS NdisMSetMiniportAttributes(NDIS_HANDLE NdisMiniportHandle, PNDIS_MINIPORT_ADAPTER_ATTRIBUTES MiniportAttributes);
// 3.2 - 3.4
NDIS_STATUS NdisCmRegisterAddressFamilyEx(NDIS_HANDLE NdisBindingHandle, PCO_ADDRESS_FAMILY AddressFamily);
NDIS_STATUS NdisMCmRegisterAddressFamilyEx(NDIS_HANDLE MiniportAdapterHandle, PCO_ADDRESS_FAMILY AddressFamily);
NDIS_STATUS NdisClOpenAddressFamilyEx(NDIS_HANDLE NdisBindingHandle, PCO_ADDRESS_FAMILY AddressFamily, NDIS_HANDLE ClientAfContext, PNDIS_HANDLE NdisAfHandle);
VOID NdisCmOpenAddressFamilyComplete(NDIS_STATUS Status, NDIS_HANDLE NdisAfHandle, NDIS_HANDLE CallMgrAfContext);
NDIS_STATUS NdisClCloseAddressFamily(NDIS_HANDLE NdisAfHandle);
VOID NdisCmCloseAddressFamilyComplete(NDIS_STATUS Status, NDIS_HANDLE NdisAfHandle);
NDIS_STATUS NdisCmNotifyCloseAddressFamily(NDIS_HANDLE NdisAfHandle);
VOID NdisClNotifyCloseAddressFamilyComplete(NDIS_HANDLE NdisAfHandle, NDIS_STATUS Status);
// 3.5
NDIS_STATUS NdisClRegisterSap(NDIS_HANDLE NdisAfHandle, NDIS_HANDLE ProtocolSapContext, PCO_SAP Sap, PNDIS_HANDLE NdisSapHandle);
VOID NdisCmRegisterSapComplete(NDIS_STATUS Status, NDIS_HANDLE NdisSapHandle, NDIS_HANDLE CallMgrSapContext);
NDIS_STATUS NdisClDeregisterSap(NDIS_HANDLE NdisSapHandle);
VOID NdisCmDeregisterSapComplete(NDIS_STATUS Status, NDIS_HANDLE NdisSapHandle);
// 3.6
NDIS_STATUS NdisCoCreateVc(NDIS_HANDLE NdisBindingHandle, NDIS_HANDLE NdisAfHandle, NDIS_HANDLE ProtocolVcContext, PNDIS_HANDLE NdisVcHandle);
NDIS_STATUS NdisCoDeleteVc(NDIS_HANDLE NdisVcHandle);
NDIS_STATUS NdisMCmCreateVc(NDIS_HANDLE MiniportAdapterHandle, NDIS_HANDLE NdisAfHandle, NDIS_HANDLE MiniportVcContext, PNDIS_HANDLE NdisVcHandle);
NDIS_STATUS NdisMCmDeleteVc(NDIS_HANDLE NdisVcHandle);
NDIS_STATUS NdisCmActivateVc(NDIS_HANDLE NdisVcHandle, PCO_CALL_PARAMETERS CallParameters);
NDIS_STATUS NdisMCmActivateVc(NDIS_HANDLE NdisVcHandle, PCO_CALL_PARAMETERS CallParameters);
VOID NdisMCoActivateVcComplete(NDIS_STATUS Status, NDIS_HANDLE NdisVcHandle, PCO_CALL_PARAMETERS CallParameters);
NDIS_STATUS NdisCmDeactivateVc(NDIS_HANDLE NdisVcHandle);
NDIS_STATUS NdisMCmDeactivateVc(NDIS_HANDLE NdisVcHandle);
VOID NdisMCoDeactivateVcComplete(NDIS_STATUS Status, NDIS_HANDLE NdisVcHandle);
// 3.7
NDIS_STATUS NdisClMakeCall(NDIS_HANDLE NdisVcHandle, PCO_CALL_PARAMETERS CallParameters, NDIS_HANDLE ProtocolPartyContext, PNDIS_HANDLE NdisPartyHandle);
VOID NdisCmMakeCallComplete(NDIS_STATUS Status, NDIS_HANDLE NdisVcHandle, NDIS_HANDLE NdisPartyHandle, NDIS_HANDLE CallMgrPartyContext, PCO_CALL_PARAMETERS CallParameters);
NDIS_STATUS NdisCmDispatchIncomingCall(NDIS_HANDLE NdisSapHandle, NDIS_HANDLE NdisVcHandle, PCO_CALL_PARAMETERS CallParameters);
VOID NdisClIncomingCallComplete(NDIS_STATUS Status, NDIS_HANDLE NdisVcHandle, PCO_CALL_PARAMETERS CallParameters);
VOID NdisCmDispatchCallConnected(NDIS_HANDLE NdisVcHandle);
NDIS_STATUS NdisClCloseCall(NDIS_HANDLE NdisVcHandle, NDIS_HANDLE NdisPartyHandle, PVOID Buffer, UINT Size);
VOID NdisCmCloseCallComplete(NDIS_STATUS Status, NDIS_HANDLE NdisVcHandle, NDIS_HANDLE NdisPartyHandle);
VOID NdisCmDispatchIncomingCloseCall(NDIS_STATUS CloseStatus, NDIS_HANDLE NdisVcHandle, PVOID Buffer, UINT Size);
// 3.8 - 3.10
NDIS_STATUS NdisClModifyCallQoS(NDIS_HANDLE NdisVcHandle, PCO_CALL_PARAMETERS CallParameters);
VOID NdisCmModifyCallQoSComplete(NDIS_STATUS Status, NDIS_HANDLE NdisVcHandle, PCO_CALL_PARAMETERS CallParameters);
NDIS_STATUS NdisClAddParty(NDIS_HANDLE NdisVcHandle, NDIS_HANDLE ProtocolPartyContext, PCO_CALL_PARAMETERS CallParameters, PNDIS_HANDLE NdisPartyHandle);
VOID NdisCmAddPartyComplete(NDIS_STATUS Status, NDIS_HANDLE NdisPartyHandle, NDIS_HANDLE CallMgrPartyContext, PCO_CALL_PARAMETERS CallParameters);
NDIS_STATUS NdisClDropParty(NDIS_HANDLE NdisPartyHandle, PVOID Buffer, UINT Size);
VOID NdisCmDropPartyComplete(NDIS_STATUS Status, NDIS_HANDLE NdisPartyHandle);
NDIS_STATUS NdisCoOidRequest(NDIS_HANDLE NdisBindingHandle, NDIS_HANDLE NdisAfHandle, NDIS_HANDLE NdisVcHandle, NDIS_HANDLE NdisPartyHandle, PNDIS_OID_REQUEST OidRequest);
VOID NdisCoOidRequestComplete(NDIS_HANDLE NdisAfHandle, NDIS_HANDLE NdisVcHandle, NDIS_HANDLE NdisPartyHandle, PNDIS_OID_REQUEST OidRequest, NDIS_STATUS Status);

// Documented as macros: a miniport call manager calls the functions of the stand-alone one.
#define NdisMCmOpenAddressFamilyComplete(_S_, _H_, _C_) NdisCmOpenAddressFamilyComplete(_S_, _H_, _C_)
#define NdisMCmCloseAddressFamilyComplete(_S_, _H_) NdisCmCloseAddressFamilyComplete(_S_, _H_)
#define NdisMCmNotifyCloseAddressFamily(_AH_) NdisCmNotifyCloseAddressFamily(_AH_)
#define NdisMCmRegisterSapComplete(_S_, _H_, _C_) NdisCmRegisterSapComplete(_S_, _H_, _C_)
#define NdisMCmDeregisterSapComplete(_S_, _H_) NdisCmDeregisterSapComplete(_S_, _H_)
#define NdisMCmMakeCallComplete(_S_, _VH_, _PH_, _CC_, _CP_) NdisCmMakeCallComplete(_S_, _VH_, _PH_, _CC_, _CP_)
#define NdisMCmCloseCallComplete(_S_, _VH_, _PH_) NdisCmCloseCallComplete(_S_, _VH_, _PH_)
#define NdisMCmDispatchIncomingCall(_SH_, _VH_, _CP_) NdisCmDispatchIncomingCall(_SH_, _VH_, _CP_)
#define NdisMCmDispatchCallConnected(_VH_) NdisCmDispatchCallConnected(_VH_)
#define NdisMCmDispatchIncomingCloseCall(_S_, _VH_, _B_, _Z_) NdisCmDispatchIncomingCloseCall(_S_, _VH_, _B_, _Z_)
#endif
