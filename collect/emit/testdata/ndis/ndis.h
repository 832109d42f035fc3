/* What the example call manager needs of ndis.h, as its documentation describes it: names and
   prototypes, not layouts. For tests. */
#include AFTRACE_PLATFORM
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
typedef void *NDIS_HANDLE, **PNDIS_HANDLE;
typedef LONG NDIS_STATUS, NTSTATUS;
typedef unsigned int UINT;
#define VOID void
#define NDIS_STATUS_SUCCESS   ((NDIS_STATUS)0)
#define NDIS_STATUS_PENDING   ((NDIS_STATUS)0x103)
#define NDIS_STATUS_RESOURCES ((NDIS_STATUS)0xC000009A)
#define NDIS_STATUS_FAILURE   ((NDIS_STATUS)0xC0000001)
typedef struct { ULONG AddressFamily, MajorVersion, MinorVersion; } CO_ADDRESS_FAMILY, *PCO_ADDRESS_FAMILY;
#define CO_ADDRESS_FAMILY_Q2931 1
typedef struct { UCHAR Type, Revision; USHORT Size; } NDIS_OBJECT_HEADER;
typedef struct { const wchar_t *Buffer; } NDIS_STRING, UNICODE_STRING, *PNDIS_STRING, *PUNICODE_STRING;
typedef struct { int Signalled; } NDIS_EVENT;
typedef enum { NdisMediumAtm = 8, NdisMediumCoWan = 12 } NDIS_MEDIUM, *PNDIS_MEDIUM;
enum { NormalPoolPriority };
enum {
    NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS = 1, NDIS_OBJECT_TYPE_OPEN_PARAMETERS,
    NDIS_OBJECT_TYPE_PROTOCOL_CO_CHARACTERISTICS = 0x90, NDIS_OBJECT_TYPE_CO_CALL_MANAGER_OPTIONAL_HANDLERS = 0xA5,
    NDIS_OPEN_PARAMETERS_REVISION_1 = 1, NDIS_PROTOCOL_CO_CHARACTERISTICS_REVISION_1 = 1,
    NDIS_CO_CALL_MANAGER_OPTIONAL_HANDLERS_REVISION_1 = 1, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1 = 1
};
typedef struct { NDIS_OBJECT_HEADER Header; PNDIS_STRING AdapterName; } NDIS_BIND_PARAMETERS, *PNDIS_BIND_PARAMETERS;
typedef struct {
    NDIS_OBJECT_HEADER Header; PNDIS_STRING AdapterName; PNDIS_MEDIUM MediumArray; UINT MediumArraySize; UINT *SelectedMediumIndex;
} NDIS_OPEN_PARAMETERS, *PNDIS_OPEN_PARAMETERS;
typedef struct { NDIS_OBJECT_HEADER Header; } NDIS_DRIVER_OPTIONAL_HANDLERS, *PNDIS_DRIVER_OPTIONAL_HANDLERS;
typedef struct {
    NDIS_OBJECT_HEADER Header;
    VOID (*CoAfRegisterNotifyHandler)(NDIS_HANDLE, PCO_ADDRESS_FAMILY);
} NDIS_PROTOCOL_CO_CHARACTERISTICS;
typedef struct {
    NDIS_OBJECT_HEADER Header;
    NDIS_STATUS (*CmOpenAfHandler)(NDIS_HANDLE, PCO_ADDRESS_FAMILY, NDIS_HANDLE, PNDIS_HANDLE);
    NDIS_STATUS (*CmCloseAfHandler)(NDIS_HANDLE);
} NDIS_CO_CALL_MANAGER_OPTIONAL_HANDLERS;
typedef struct {
    NDIS_OBJECT_HEADER Header;
    UCHAR MajorNdisVersion, MinorNdisVersion;
    NDIS_STRING Name;
    NDIS_STATUS (*SetOptionsHandler)(NDIS_HANDLE, NDIS_HANDLE);
    NDIS_STATUS (*BindAdapterHandlerEx)(NDIS_HANDLE, NDIS_HANDLE, PNDIS_BIND_PARAMETERS);
    NDIS_STATUS (*UnbindAdapterHandlerEx)(NDIS_HANDLE, NDIS_HANDLE);
    VOID (*OpenAdapterCompleteHandlerEx)(NDIS_HANDLE, NDIS_STATUS);
    VOID (*CloseAdapterCompleteHandlerEx)(NDIS_HANDLE);
} NDIS_PROTOCOL_DRIVER_CHARACTERISTICS, *PNDIS_PROTOCOL_DRIVER_CHARACTERISTICS;
typedef struct DRIVER_OBJECT { VOID (*DriverUnload)(struct DRIVER_OBJECT *); } *PDRIVER_OBJECT;
#define NdisAllocateMemoryWithTagPriority(h, n, tag, p) ((void)(tag), malloc(n))
#define NdisFreeMemory(p, n, f) free(p)
#define NdisZeroMemory(p, n) memset((p), 0, (n))
#define NdisInitializeEvent(e) ((e)->Signalled = 0)
#define NdisResetEvent(e) ((e)->Signalled = 0)
#define NdisSetEvent(e) ((e)->Signalled = 1)
#define NdisWaitEvent(e, ms) do { if (!(e)->Signalled) abort(); } while (0)
#define NdisInitUnicodeString(s, t) ((s)->Buffer = (t))
NDIS_STATUS NdisRegisterProtocolDriver(NDIS_HANDLE, PNDIS_PROTOCOL_DRIVER_CHARACTERISTICS, PNDIS_HANDLE);
VOID NdisDeregisterProtocolDriver(NDIS_HANDLE);
NDIS_STATUS NdisSetOptionalHandlers(NDIS_HANDLE, PNDIS_DRIVER_OPTIONAL_HANDLERS);
NDIS_STATUS NdisOpenAdapterEx(NDIS_HANDLE, NDIS_HANDLE, PNDIS_OPEN_PARAMETERS, NDIS_HANDLE, PNDIS_HANDLE);
NDIS_STATUS NdisCloseAdapterEx(NDIS_HANDLE);
NDIS_STATUS NdisCmRegisterAddressFamilyEx(NDIS_HANDLE, PCO_ADDRESS_FAMILY);
