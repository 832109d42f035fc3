// Compiled by the tests where mingw-w64 is installed: its public ndis.h has the layouts and
// prototypes that ours has, as far as it knows them.
#define HARNESS_MINGW
#define NDIS_MINIPORT_DRIVER 1
#define NDIS51_MINIPORT 1
#define NDIS50 1
#include <ntddk.h>
// ntddndis.h and ndis.h of mingw-w64 both define NDIS_REQUEST_TYPE: the first one is renamed.
#define _NDIS_REQUEST_TYPE _request_type
#define NDIS_REQUEST_TYPE request_type
#define PNDIS_REQUEST_TYPE request_type_pointer
#define NdisRequestQueryInformation requestQueryInformation
#define NdisRequestSetInformation requestSetInformation
#define NdisRequestQueryStatistics requestQueryStatistics
#define NdisRequestOpen requestOpen
#define NdisRequestClose requestClose
#define NdisRequestSend requestSend
#define NdisRequestTransferData requestTransferData
#define NdisRequestReset requestReset
#define NdisRequestGeneric1 requestGeneric1
#define NdisRequestGeneric2 requestGeneric2
#define NdisRequestGeneric3 requestGeneric3
#define NdisRequestGeneric4 requestGeneric4
#include <ntddndis.h>
#undef _NDIS_REQUEST_TYPE
#undef NDIS_REQUEST_TYPE
#undef PNDIS_REQUEST_TYPE
#undef NdisRequestQueryInformation
#undef NdisRequestSetInformation
#undef NdisRequestQueryStatistics
#undef NdisRequestOpen
#undef NdisRequestClose
#undef NdisRequestSend
#undef NdisRequestTransferData
#undef NdisRequestReset
#undef NdisRequestGeneric1
#undef NdisRequestGeneric2
#undef NdisRequestGeneric3
#undef NdisRequestGeneric4
#undef NDIS_PROTOCOL_ID_MAX
#undef NDIS_PROTOCOL_ID_MASK
#define NdisMWanIndicateReceiveComplete(...) NdisMWanIndicateReceiveComplete(VOID) // its comma is missing there
#include <ndis.h>
#include <stddef.h>
#include "layout.h"

#define PROTOTYPE(result, name, ...) _Static_assert(__builtin_types_compatible_p(__typeof__(name), result NTAPI(__VA_ARGS__)), #name)
PROTOTYPE(NDIS_STATUS, NdisClCloseAddressFamily, NDIS_HANDLE);
PROTOTYPE(NDIS_STATUS, NdisClRegisterSap, NDIS_HANDLE, NDIS_HANDLE, PCO_SAP, PNDIS_HANDLE);
PROTOTYPE(NDIS_STATUS, NdisClDeregisterSap, NDIS_HANDLE);
PROTOTYPE(NDIS_STATUS, NdisClMakeCall, NDIS_HANDLE, PCO_CALL_PARAMETERS, NDIS_HANDLE, PNDIS_HANDLE);
PROTOTYPE(NDIS_STATUS, NdisClCloseCall, NDIS_HANDLE, NDIS_HANDLE, PVOID, UINT);
PROTOTYPE(VOID, NdisClIncomingCallComplete, NDIS_STATUS, NDIS_HANDLE, PCO_CALL_PARAMETERS);
PROTOTYPE(NDIS_STATUS, NdisClModifyCallQoS, NDIS_HANDLE, PCO_CALL_PARAMETERS);
PROTOTYPE(NDIS_STATUS, NdisClAddParty, NDIS_HANDLE, NDIS_HANDLE, PCO_CALL_PARAMETERS, PNDIS_HANDLE);
PROTOTYPE(NDIS_STATUS, NdisClDropParty, NDIS_HANDLE, PVOID, UINT);
PROTOTYPE(VOID, NdisCmOpenAddressFamilyComplete, NDIS_STATUS, NDIS_HANDLE, NDIS_HANDLE);
PROTOTYPE(VOID, NdisCmCloseAddressFamilyComplete, NDIS_STATUS, NDIS_HANDLE);
PROTOTYPE(VOID, NdisCmRegisterSapComplete, NDIS_STATUS, NDIS_HANDLE, NDIS_HANDLE);
PROTOTYPE(VOID, NdisCmDeregisterSapComplete, NDIS_STATUS, NDIS_HANDLE);
PROTOTYPE(NDIS_STATUS, NdisCmActivateVc, NDIS_HANDLE, PCO_CALL_PARAMETERS);
PROTOTYPE(NDIS_STATUS, NdisCmDeactivateVc, NDIS_HANDLE);
PROTOTYPE(VOID, NdisCmMakeCallComplete, NDIS_STATUS, NDIS_HANDLE, NDIS_HANDLE, NDIS_HANDLE, PCO_CALL_PARAMETERS);
PROTOTYPE(VOID, NdisCmCloseCallComplete, NDIS_STATUS, NDIS_HANDLE, NDIS_HANDLE);
PROTOTYPE(NDIS_STATUS, NdisCmDispatchIncomingCall, NDIS_HANDLE, NDIS_HANDLE, PCO_CALL_PARAMETERS);
PROTOTYPE(VOID, NdisCmDispatchCallConnected, NDIS_HANDLE);
PROTOTYPE(VOID, NdisCmDispatchIncomingCloseCall, NDIS_STATUS, NDIS_HANDLE, PVOID, UINT);
PROTOTYPE(VOID, NdisCmModifyCallQoSComplete, NDIS_STATUS, NDIS_HANDLE, PCO_CALL_PARAMETERS);
PROTOTYPE(VOID, NdisCmAddPartyComplete, NDIS_STATUS, NDIS_HANDLE, NDIS_HANDLE, PCO_CALL_PARAMETERS);
PROTOTYPE(VOID, NdisCmDropPartyComplete, NDIS_STATUS, NDIS_HANDLE);
PROTOTYPE(NDIS_STATUS, NdisMCmCreateVc, NDIS_HANDLE, NDIS_HANDLE, NDIS_HANDLE, PNDIS_HANDLE);
PROTOTYPE(NDIS_STATUS, NdisMCmDeleteVc, NDIS_HANDLE);
PROTOTYPE(NDIS_STATUS, NdisMCmActivateVc, NDIS_HANDLE, PCO_CALL_PARAMETERS);
PROTOTYPE(NDIS_STATUS, NdisMCmDeactivateVc, NDIS_HANDLE);
PROTOTYPE(NDIS_STATUS, NdisCoCreateVc, NDIS_HANDLE, NDIS_HANDLE, NDIS_HANDLE, PNDIS_HANDLE);
PROTOTYPE(NDIS_STATUS, NdisCoDeleteVc, NDIS_HANDLE);
PROTOTYPE(VOID, NdisMCoActivateVcComplete, NDIS_STATUS, NDIS_HANDLE, PCO_CALL_PARAMETERS);
PROTOTYPE(VOID, NdisMCoDeactivateVcComplete, NDIS_STATUS, NDIS_HANDLE);
