/*
 * aftrace.h: a driver reports its calls of NDIS and the callbacks it implements, as events of
 * the TraceLogging provider CoNDIS-AfTrace, which aftrace turns into traces.
 *
 * Generated from the tables of format/ndis. One source file of the driver defines
 * AFTRACE_IMPLEMENTATION before it includes this header; the others only include it. Kernel
 * drivers include ndis.h first and are built with _KERNEL_MODE (as the WDK does) or
 * AFTRACE_KERNEL. Everything else is user mode (evntprov.h, advapi32).
 *
 *     AfTraceRegister("mycm");                  in DriverEntry, at PASSIVE_LEVEL
 *     AfTraceUnregister();                      in the unload routine
 *
 *     AFTRACE_CALL call;
 *     AfTrace_NdisCmRegisterAddressFamilyEx_Enter(&call, binding, &family, NULL);
 *     status = NdisCmRegisterAddressFamilyEx(binding, &family);
 *     AfTrace_NdisCmRegisterAddressFamilyEx_Return(&call, status, NULL);
 *
 * _Enter takes what goes in: handles, contexts, the address family (a pointer to
 * CO_ADDRESS_FAMILY, NULL if there is none) and Status arguments. _Return takes what comes
 * out: the status, and pointers to the variables of handles and contexts that were handed
 * back; NULL if nothing was. They are not read if the status is a failure. What came in is
 * told again from the call. Call is on the stack of the invocation. Detail is NULL or a JSON
 * object with the keys of docs/trace-format.md; of more than 60000 bytes it is left out.
 *
 * The functions may be called at any IRQL up to HIGH_LEVEL; what they are given must not be
 * paged out. While no session has the provider enabled they cost a test and a store.
 */
#ifndef AFTRACE_H
#define AFTRACE_H

#if defined(AFTRACE_PLATFORM)
#include AFTRACE_PLATFORM
#elif defined(_KERNEL_MODE) || defined(AFTRACE_KERNEL)
#define AFTRACE_REGISTER(g, h)    EtwRegister((g), NULL, NULL, (h))
#define AFTRACE_UNREGISTER(h)     EtwUnregister(h)
#define AFTRACE_ENABLED(h)        EtwProviderEnabled((h), 4, 1)
#define AFTRACE_WRITE(h, d, n, v) EtwWriteTransfer((h), (d), NULL, NULL, (n), (v))
#define AFTRACE_CPU()             KeGetCurrentProcessorNumberEx(NULL)
#define AFTRACE_PID()             ((ULONG)(ULONG_PTR)PsGetCurrentProcessId())
#define AFTRACE_TID()             ((ULONG64)(ULONG_PTR)PsGetCurrentThreadId())
#define AFTRACE_IRQL()            KeGetCurrentIrql()
#define AFTRACE_TICKS()           KeQueryPerformanceCounter(NULL).QuadPart
#else
#include <windows.h>
#include <evntprov.h>
#define AFTRACE_REGISTER(g, h)    EventRegister((g), NULL, NULL, (h))
#define AFTRACE_UNREGISTER(h)     EventUnregister(h)
#define AFTRACE_ENABLED(h)        EventProviderEnabled((h), 4, 1)
#define AFTRACE_WRITE(h, d, n, v) EventWriteTransfer((h), (d), NULL, NULL, (n), (v))
#define AFTRACE_CPU()             AfTraceProcessor()
#define AFTRACE_PID()             GetCurrentProcessId()
#define AFTRACE_TID()             GetCurrentThreadId()
#define AFTRACE_IRQL()            0xFF /* not known */
/* GetCurrentProcessorNumber counts within a group of up to 64. */
static __inline ULONG AfTraceProcessor(void) { PROCESSOR_NUMBER p; GetCurrentProcessorNumberEx(&p); return 64u * p.Group + p.Number; }
static __inline LONGLONG AfTraceTicks(void) { LARGE_INTEGER t; QueryPerformanceCounter(&t); return t.QuadPart; }
#define AFTRACE_TICKS()           AfTraceTicks()
#endif
#ifndef AFTRACE_COUNT
#define AFTRACE_COUNT(p)          InterlockedIncrement64(p)
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef LONG AFTRACE_STATUS; /* NDIS_STATUS */

/* SUCCESS and PENDING are no failures; everything else is, whatever its sign. */
#define AFTRACE_FAILED(s) ((s) != 0 && (s) != 0x103)

#pragma pack(push, 1)
/* What follows the names of function and driver in the payload. */
typedef struct AFTRACE_HEAD {
    UCHAR Phase;
    ULONG64 CallId;
    ULONG64 Timestamp;
    UCHAR TimestampUnit;
    USHORT Cpu;
    ULONG ProcessId;
    ULONG64 ThreadId;
    UCHAR Irql;
    USHORT DriverLength;
} AFTRACE_HEAD;

typedef struct AFTRACE_VALUES {
    ULONG64 Handle[7]; /* Adapter, Binding, Af, Sap, Vc, Party, Context */
    ULONG AfType;
    ULONG AfMajor;
    ULONG AfMinor;
    ULONG Status;
    ULONG Present; /* bit n: the n-th of the fields above */
    USHORT DetailLength;
} AFTRACE_VALUES;
#pragma pack(pop)

typedef struct AFTRACE_EVENT {
    AFTRACE_VALUES Values;
    ULONG64 Context2; /* after the detail; its bit of Present is 0x800 */
} AFTRACE_EVENT;

/* An invocation, from its entry to its return. */
typedef struct AFTRACE_CALL {
    ULONG64 Id; /* 0 if the entry was not reported */
    AFTRACE_VALUES Values;
} AFTRACE_CALL;

typedef struct AFTRACE_STATE {
    REGHANDLE Handle;
    ULONG64 Seed; /* tells the calls of drivers apart */
    LONG64 volatile Calls;
    const char *Driver;
    USHORT DriverLength;
} AFTRACE_STATE;

extern AFTRACE_STATE AfTraceState;

/* Driver is the label of the driver in traces, and must stay where it is. */
ULONG AfTraceRegister(const char *Driver);
void AfTraceUnregister(void);
void AfTraceEmit(AFTRACE_CALL *Call, AFTRACE_EVENT *Event, UCHAR Phase, const char *Function, USHORT FunctionLength, const char *Detail);

static __inline void AfTraceClear(AFTRACE_VALUES *Values)
{
    int i;
    for (i = 0; i < 7; i++) Values->Handle[i] = 0;
    Values->AfType = Values->AfMajor = Values->AfMinor = Values->Status = Values->Present = 0;
    Values->DetailLength = 0;
}

static __inline int AfTraceBegin(AFTRACE_CALL *Call, AFTRACE_EVENT *Event)
{
    Call->Id = 0;
    AfTraceClear(&Call->Values);
    if (!AFTRACE_ENABLED(AfTraceState.Handle)) return 0;
    AfTraceClear(&Event->Values);
    Event->Context2 = 0;
    Call->Id = AfTraceState.Seed + (ULONG64)AFTRACE_COUNT(&AfTraceState.Calls);
    if (Call->Id == 0) Call->Id = 1;
    return 1;
}

static __inline int AfTraceEnd(AFTRACE_CALL *Call, AFTRACE_EVENT *Event)
{
    if (!AFTRACE_ENABLED(AfTraceState.Handle)) return 0;
    Event->Values = Call->Values;
    Event->Context2 = 0;
    return 1;
}

static __inline void AfTraceHandle(AFTRACE_EVENT *Event, int Field, const void *Value)
{
    Event->Values.Handle[Field] = (ULONG64)(ULONG_PTR)Value;
    Event->Values.Present |= 1u << Field;
}

static __inline void AfTraceContext2(AFTRACE_EVENT *Event, const void *Value)
{
    Event->Context2 = (ULONG64)(ULONG_PTR)Value;
    Event->Values.Present |= 0x800;
}

/* What a variable held on entry is not what it holds on return. */
static __inline void AfTraceForget(AFTRACE_EVENT *Event, int Field)
{
    Event->Values.Handle[Field] = 0;
    Event->Values.Present &= ~(1u << Field);
}

static __inline void AfTraceVariable(AFTRACE_EVENT *Event, int Field, const void *const *Variable)
{
    if (Variable != NULL) AfTraceHandle(Event, Field, *Variable);
}

/* Family is a CO_ADDRESS_FAMILY: three ULONGs. */
static __inline void AfTraceFamily(AFTRACE_EVENT *Event, const void *Family)
{
    const ULONG *f = (const ULONG *)Family;
    if (f == NULL) return;
    Event->Values.AfType = f[0];
    Event->Values.AfMajor = f[1];
    Event->Values.AfMinor = f[2];
    Event->Values.Present |= 0x380;
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndisregisterprotocoldriver */
static __inline void AfTrace_NdisRegisterProtocolDriver_Enter(AFTRACE_CALL *Call, const void *ProtocolDriverContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolDriverContext);
    AfTraceEmit(Call, &e, 1, "NdisRegisterProtocolDriver", 26, Detail);
}
static __inline void AfTrace_NdisRegisterProtocolDriver_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisRegisterProtocolDriver", 26, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-set_options */
static __inline void AfTrace_ProtocolSetOptions_Enter(AFTRACE_CALL *Call, const void *DriverContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, DriverContext);
    AfTraceEmit(Call, &e, 1, "ProtocolSetOptions", 18, Detail);
}
static __inline void AfTrace_ProtocolSetOptions_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "ProtocolSetOptions", 18, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-set_options */
static __inline void AfTrace_MiniportSetOptions_Enter(AFTRACE_CALL *Call, const void *DriverContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, DriverContext);
    AfTraceEmit(Call, &e, 1, "MiniportSetOptions", 18, Detail);
}
static __inline void AfTrace_MiniportSetOptions_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "MiniportSetOptions", 18, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndissetoptionalhandlers */
static __inline void AfTrace_NdisSetOptionalHandlers_Enter(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceEmit(Call, &e, 1, "NdisSetOptionalHandlers", 23, Detail);
}
static __inline void AfTrace_NdisSetOptionalHandlers_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisSetOptionalHandlers", 23, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndisderegisterprotocoldriver */
static __inline void AfTrace_NdisDeregisterProtocolDriver_Enter(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceEmit(Call, &e, 1, "NdisDeregisterProtocolDriver", 28, Detail);
}
static __inline void AfTrace_NdisDeregisterProtocolDriver_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisDeregisterProtocolDriver", 28, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_bind_adapter_ex */
static __inline void AfTrace_ProtocolBindAdapterEx_Enter(AFTRACE_CALL *Call, const void *ProtocolDriverContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolDriverContext);
    AfTraceEmit(Call, &e, 1, "ProtocolBindAdapterEx", 21, Detail);
}
static __inline void AfTrace_ProtocolBindAdapterEx_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "ProtocolBindAdapterEx", 21, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndisopenadapterex */
static __inline void AfTrace_NdisOpenAdapterEx_Enter(AFTRACE_CALL *Call, const void *ProtocolBindingContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolBindingContext);
    AfTraceEmit(Call, &e, 1, "NdisOpenAdapterEx", 17, Detail);
}
static __inline void AfTrace_NdisOpenAdapterEx_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *const *NdisBindingHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceForget(&e, 1);
    if (!AFTRACE_FAILED(Status)) AfTraceVariable(&e, 1, NdisBindingHandle);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisOpenAdapterEx", 17, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_open_adapter_complete_ex */
static __inline void AfTrace_ProtocolOpenAdapterCompleteEx_Enter(AFTRACE_CALL *Call, const void *ProtocolBindingContext, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolBindingContext);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 1, "ProtocolOpenAdapterCompleteEx", 29, Detail);
}
static __inline void AfTrace_ProtocolOpenAdapterCompleteEx_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolOpenAdapterCompleteEx", 29, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscompletebindadapterex */
static __inline void AfTrace_NdisCompleteBindAdapterEx_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 1, "NdisCompleteBindAdapterEx", 25, Detail);
}
static __inline void AfTrace_NdisCompleteBindAdapterEx_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisCompleteBindAdapterEx", 25, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_unbind_adapter_ex */
static __inline void AfTrace_ProtocolUnbindAdapterEx_Enter(AFTRACE_CALL *Call, const void *ProtocolBindingContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolBindingContext);
    AfTraceEmit(Call, &e, 1, "ProtocolUnbindAdapterEx", 23, Detail);
}
static __inline void AfTrace_ProtocolUnbindAdapterEx_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "ProtocolUnbindAdapterEx", 23, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscompleteunbindadapterex */
static __inline void AfTrace_NdisCompleteUnbindAdapterEx_Enter(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceEmit(Call, &e, 1, "NdisCompleteUnbindAdapterEx", 27, Detail);
}
static __inline void AfTrace_NdisCompleteUnbindAdapterEx_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisCompleteUnbindAdapterEx", 27, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscloseadapterex */
static __inline void AfTrace_NdisCloseAdapterEx_Enter(AFTRACE_CALL *Call, const void *NdisBindingHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 1, NdisBindingHandle);
    AfTraceEmit(Call, &e, 1, "NdisCloseAdapterEx", 18, Detail);
}
static __inline void AfTrace_NdisCloseAdapterEx_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisCloseAdapterEx", 18, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_close_adapter_complete_ex */
static __inline void AfTrace_ProtocolCloseAdapterCompleteEx_Enter(AFTRACE_CALL *Call, const void *ProtocolBindingContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolBindingContext);
    AfTraceEmit(Call, &e, 1, "ProtocolCloseAdapterCompleteEx", 30, Detail);
}
static __inline void AfTrace_ProtocolCloseAdapterCompleteEx_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolCloseAdapterCompleteEx", 30, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndisunbindadapter */
static __inline void AfTrace_NdisUnbindAdapter_Enter(AFTRACE_CALL *Call, const void *NdisBindingHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 1, NdisBindingHandle);
    AfTraceEmit(Call, &e, 1, "NdisUnbindAdapter", 17, Detail);
}
static __inline void AfTrace_NdisUnbindAdapter_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisUnbindAdapter", 17, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-miniport_initialize */
static __inline void AfTrace_MiniportInitializeEx_Enter(AFTRACE_CALL *Call, const void *MiniportAdapterHandle, const void *MiniportDriverContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 0, MiniportAdapterHandle);
    AfTraceHandle(&e, 6, MiniportDriverContext);
    AfTraceEmit(Call, &e, 1, "MiniportInitializeEx", 20, Detail);
}
static __inline void AfTrace_MiniportInitializeEx_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "MiniportInitializeEx", 20, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-miniport_halt */
static __inline void AfTrace_MiniportHaltEx_Enter(AFTRACE_CALL *Call, const void *MiniportAdapterContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, MiniportAdapterContext);
    AfTraceEmit(Call, &e, 1, "MiniportHaltEx", 14, Detail);
}
static __inline void AfTrace_MiniportHaltEx_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "MiniportHaltEx", 14, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismsetminiportattributes */
static __inline void AfTrace_NdisMSetMiniportAttributes_Enter(AFTRACE_CALL *Call, const void *NdisMiniportHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 0, NdisMiniportHandle);
    AfTraceEmit(Call, &e, 1, "NdisMSetMiniportAttributes", 26, Detail);
}
static __inline void AfTrace_NdisMSetMiniportAttributes_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisMSetMiniportAttributes", 26, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismregisterminiportdriver */
static __inline void AfTrace_NdisMRegisterMiniportDriver_Enter(AFTRACE_CALL *Call, const void *MiniportDriverContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, MiniportDriverContext);
    AfTraceEmit(Call, &e, 1, "NdisMRegisterMiniportDriver", 27, Detail);
}
static __inline void AfTrace_NdisMRegisterMiniportDriver_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisMRegisterMiniportDriver", 27, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismderegisterminiportdriver */
static __inline void AfTrace_NdisMDeregisterMiniportDriver_Enter(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceEmit(Call, &e, 1, "NdisMDeregisterMiniportDriver", 29, Detail);
}
static __inline void AfTrace_NdisMDeregisterMiniportDriver_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMDeregisterMiniportDriver", 29, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_net_pnp_event */
static __inline void AfTrace_ProtocolNetPnPEvent_Enter(AFTRACE_CALL *Call, const void *ProtocolBindingContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolBindingContext);
    AfTraceEmit(Call, &e, 1, "ProtocolNetPnPEvent", 19, Detail);
}
static __inline void AfTrace_ProtocolNetPnPEvent_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "ProtocolNetPnPEvent", 19, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-miniport_device_pnp_event_notify */
static __inline void AfTrace_MiniportDevicePnPEventNotify_Enter(AFTRACE_CALL *Call, const void *MiniportAdapterContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, MiniportAdapterContext);
    AfTraceEmit(Call, &e, 1, "MiniportDevicePnPEventNotify", 28, Detail);
}
static __inline void AfTrace_MiniportDevicePnPEventNotify_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "MiniportDevicePnPEventNotify", 28, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_uninstall */
static __inline void AfTrace_ProtocolUninstall_Enter(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceEmit(Call, &e, 1, "ProtocolUninstall", 17, Detail);
}
static __inline void AfTrace_ProtocolUninstall_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolUninstall", 17, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscmregisteraddressfamilyex */
static __inline void AfTrace_NdisCmRegisterAddressFamilyEx_Enter(AFTRACE_CALL *Call, const void *NdisBindingHandle, const void *AddressFamily, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 1, NdisBindingHandle);
    AfTraceFamily(&e, AddressFamily);
    AfTraceEmit(Call, &e, 1, "NdisCmRegisterAddressFamilyEx", 29, Detail);
}
static __inline void AfTrace_NdisCmRegisterAddressFamilyEx_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisCmRegisterAddressFamilyEx", 29, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmregisteraddressfamilyex */
static __inline void AfTrace_NdisMCmRegisterAddressFamilyEx_Enter(AFTRACE_CALL *Call, const void *MiniportAdapterHandle, const void *AddressFamily, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 0, MiniportAdapterHandle);
    AfTraceFamily(&e, AddressFamily);
    AfTraceEmit(Call, &e, 1, "NdisMCmRegisterAddressFamilyEx", 30, Detail);
}
static __inline void AfTrace_NdisMCmRegisterAddressFamilyEx_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisMCmRegisterAddressFamilyEx", 30, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_co_af_register_notify */
static __inline void AfTrace_ProtocolCoAfRegisterNotify_Enter(AFTRACE_CALL *Call, const void *ProtocolBindingContext, const void *AddressFamily, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolBindingContext);
    AfTraceFamily(&e, AddressFamily);
    AfTraceEmit(Call, &e, 1, "ProtocolCoAfRegisterNotify", 26, Detail);
}
static __inline void AfTrace_ProtocolCoAfRegisterNotify_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolCoAfRegisterNotify", 26, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndisclopenaddressfamilyex */
static __inline void AfTrace_NdisClOpenAddressFamilyEx_Enter(AFTRACE_CALL *Call, const void *NdisBindingHandle, const void *AddressFamily, const void *ClientAfContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 1, NdisBindingHandle);
    AfTraceFamily(&e, AddressFamily);
    AfTraceHandle(&e, 6, ClientAfContext);
    AfTraceEmit(Call, &e, 1, "NdisClOpenAddressFamilyEx", 25, Detail);
}
static __inline void AfTrace_NdisClOpenAddressFamilyEx_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *const *NdisAfHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceForget(&e, 2);
    if (!AFTRACE_FAILED(Status)) AfTraceVariable(&e, 2, NdisAfHandle);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisClOpenAddressFamilyEx", 25, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cm_open_af */
static __inline void AfTrace_ProtocolCmOpenAf_Enter(AFTRACE_CALL *Call, const void *CallMgrBindingContext, const void *AddressFamily, const void *NdisAfHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, CallMgrBindingContext);
    AfTraceFamily(&e, AddressFamily);
    AfTraceHandle(&e, 2, NdisAfHandle);
    AfTraceEmit(Call, &e, 1, "ProtocolCmOpenAf", 16, Detail);
}
static __inline void AfTrace_ProtocolCmOpenAf_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *const *CallMgrAfContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceForget(&e, 6);
    if (!AFTRACE_FAILED(Status)) AfTraceVariable(&e, 6, CallMgrAfContext);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "ProtocolCmOpenAf", 16, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscmopenaddressfamilycomplete */
static __inline void AfTrace_NdisCmOpenAddressFamilyComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisAfHandle, const void *CallMgrAfContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 2, NdisAfHandle);
    AfTraceHandle(&e, 6, CallMgrAfContext);
    AfTraceEmit(Call, &e, 1, "NdisCmOpenAddressFamilyComplete", 31, Detail);
}
static __inline void AfTrace_NdisCmOpenAddressFamilyComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisCmOpenAddressFamilyComplete", 31, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmopenaddressfamilycomplete */
static __inline void AfTrace_NdisMCmOpenAddressFamilyComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisAfHandle, const void *CallMgrAfContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 2, NdisAfHandle);
    AfTraceHandle(&e, 6, CallMgrAfContext);
    AfTraceEmit(Call, &e, 1, "NdisMCmOpenAddressFamilyComplete", 32, Detail);
}
static __inline void AfTrace_NdisMCmOpenAddressFamilyComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCmOpenAddressFamilyComplete", 32, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cl_open_af_complete_ex */
static __inline void AfTrace_ProtocolClOpenAfCompleteEx_Enter(AFTRACE_CALL *Call, const void *ProtocolAfContext, const void *NdisAfHandle, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolAfContext);
    AfTraceHandle(&e, 2, NdisAfHandle);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 1, "ProtocolClOpenAfCompleteEx", 26, Detail);
}
static __inline void AfTrace_ProtocolClOpenAfCompleteEx_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolClOpenAfCompleteEx", 26, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndisclcloseaddressfamily */
static __inline void AfTrace_NdisClCloseAddressFamily_Enter(AFTRACE_CALL *Call, const void *NdisAfHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 2, NdisAfHandle);
    AfTraceEmit(Call, &e, 1, "NdisClCloseAddressFamily", 24, Detail);
}
static __inline void AfTrace_NdisClCloseAddressFamily_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisClCloseAddressFamily", 24, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cm_close_af */
static __inline void AfTrace_ProtocolCmCloseAf_Enter(AFTRACE_CALL *Call, const void *CallMgrAfContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, CallMgrAfContext);
    AfTraceEmit(Call, &e, 1, "ProtocolCmCloseAf", 17, Detail);
}
static __inline void AfTrace_ProtocolCmCloseAf_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "ProtocolCmCloseAf", 17, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscmcloseaddressfamilycomplete */
static __inline void AfTrace_NdisCmCloseAddressFamilyComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisAfHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 2, NdisAfHandle);
    AfTraceEmit(Call, &e, 1, "NdisCmCloseAddressFamilyComplete", 32, Detail);
}
static __inline void AfTrace_NdisCmCloseAddressFamilyComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisCmCloseAddressFamilyComplete", 32, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmcloseaddressfamilycomplete */
static __inline void AfTrace_NdisMCmCloseAddressFamilyComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisAfHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 2, NdisAfHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCmCloseAddressFamilyComplete", 33, Detail);
}
static __inline void AfTrace_NdisMCmCloseAddressFamilyComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCmCloseAddressFamilyComplete", 33, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cl_close_af_complete */
static __inline void AfTrace_ProtocolClCloseAfComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *ProtocolAfContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 6, ProtocolAfContext);
    AfTraceEmit(Call, &e, 1, "ProtocolClCloseAfComplete", 25, Detail);
}
static __inline void AfTrace_ProtocolClCloseAfComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolClCloseAfComplete", 25, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscmnotifycloseaddressfamily */
static __inline void AfTrace_NdisCmNotifyCloseAddressFamily_Enter(AFTRACE_CALL *Call, const void *NdisAfHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 2, NdisAfHandle);
    AfTraceEmit(Call, &e, 1, "NdisCmNotifyCloseAddressFamily", 30, Detail);
}
static __inline void AfTrace_NdisCmNotifyCloseAddressFamily_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisCmNotifyCloseAddressFamily", 30, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmnotifycloseaddressfamily */
static __inline void AfTrace_NdisMCmNotifyCloseAddressFamily_Enter(AFTRACE_CALL *Call, const void *NdisAfHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 2, NdisAfHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCmNotifyCloseAddressFamily", 31, Detail);
}
static __inline void AfTrace_NdisMCmNotifyCloseAddressFamily_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisMCmNotifyCloseAddressFamily", 31, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cl_notify_close_af */
static __inline void AfTrace_ProtocolClNotifyCloseAf_Enter(AFTRACE_CALL *Call, const void *ClientAfContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ClientAfContext);
    AfTraceEmit(Call, &e, 1, "ProtocolClNotifyCloseAf", 23, Detail);
}
static __inline void AfTrace_ProtocolClNotifyCloseAf_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "ProtocolClNotifyCloseAf", 23, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndisclnotifycloseaddressfamilycomplete */
static __inline void AfTrace_NdisClNotifyCloseAddressFamilyComplete_Enter(AFTRACE_CALL *Call, const void *NdisAfHandle, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 2, NdisAfHandle);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 1, "NdisClNotifyCloseAddressFamilyComplete", 38, Detail);
}
static __inline void AfTrace_NdisClNotifyCloseAddressFamilyComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisClNotifyCloseAddressFamilyComplete", 38, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cm_notify_close_af_complete */
static __inline void AfTrace_ProtocolCmNotifyCloseAfComplete_Enter(AFTRACE_CALL *Call, const void *CallMgrAfContext, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, CallMgrAfContext);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 1, "ProtocolCmNotifyCloseAfComplete", 31, Detail);
}
static __inline void AfTrace_ProtocolCmNotifyCloseAfComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolCmNotifyCloseAfComplete", 31, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndisclregistersap */
static __inline void AfTrace_NdisClRegisterSap_Enter(AFTRACE_CALL *Call, const void *NdisAfHandle, const void *ProtocolSapContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 2, NdisAfHandle);
    AfTraceHandle(&e, 6, ProtocolSapContext);
    AfTraceEmit(Call, &e, 1, "NdisClRegisterSap", 17, Detail);
}
static __inline void AfTrace_NdisClRegisterSap_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *const *NdisSapHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceForget(&e, 3);
    if (!AFTRACE_FAILED(Status)) AfTraceVariable(&e, 3, NdisSapHandle);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisClRegisterSap", 17, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cm_reg_sap */
static __inline void AfTrace_ProtocolCmRegisterSap_Enter(AFTRACE_CALL *Call, const void *CallMgrAfContext, const void *NdisSapHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, CallMgrAfContext);
    AfTraceHandle(&e, 3, NdisSapHandle);
    AfTraceEmit(Call, &e, 1, "ProtocolCmRegisterSap", 21, Detail);
}
static __inline void AfTrace_ProtocolCmRegisterSap_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *const *CallMgrSapContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceForget(&e, 6);
    if (!AFTRACE_FAILED(Status)) AfTraceVariable(&e, 6, CallMgrSapContext);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "ProtocolCmRegisterSap", 21, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscmregistersapcomplete */
static __inline void AfTrace_NdisCmRegisterSapComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisSapHandle, const void *CallMgrSapContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 3, NdisSapHandle);
    AfTraceHandle(&e, 6, CallMgrSapContext);
    AfTraceEmit(Call, &e, 1, "NdisCmRegisterSapComplete", 25, Detail);
}
static __inline void AfTrace_NdisCmRegisterSapComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisCmRegisterSapComplete", 25, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmregistersapcomplete */
static __inline void AfTrace_NdisMCmRegisterSapComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisSapHandle, const void *CallMgrSapContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 3, NdisSapHandle);
    AfTraceHandle(&e, 6, CallMgrSapContext);
    AfTraceEmit(Call, &e, 1, "NdisMCmRegisterSapComplete", 26, Detail);
}
static __inline void AfTrace_NdisMCmRegisterSapComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCmRegisterSapComplete", 26, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cl_register_sap_complete */
static __inline void AfTrace_ProtocolClRegisterSapComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *ProtocolSapContext, const void *NdisSapHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 6, ProtocolSapContext);
    AfTraceHandle(&e, 3, NdisSapHandle);
    AfTraceEmit(Call, &e, 1, "ProtocolClRegisterSapComplete", 29, Detail);
}
static __inline void AfTrace_ProtocolClRegisterSapComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolClRegisterSapComplete", 29, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndisclderegistersap */
static __inline void AfTrace_NdisClDeregisterSap_Enter(AFTRACE_CALL *Call, const void *NdisSapHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 3, NdisSapHandle);
    AfTraceEmit(Call, &e, 1, "NdisClDeregisterSap", 19, Detail);
}
static __inline void AfTrace_NdisClDeregisterSap_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisClDeregisterSap", 19, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cm_deregister_sap */
static __inline void AfTrace_ProtocolCmDeregisterSap_Enter(AFTRACE_CALL *Call, const void *CallMgrSapContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, CallMgrSapContext);
    AfTraceEmit(Call, &e, 1, "ProtocolCmDeregisterSap", 23, Detail);
}
static __inline void AfTrace_ProtocolCmDeregisterSap_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "ProtocolCmDeregisterSap", 23, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscmderegistersapcomplete */
static __inline void AfTrace_NdisCmDeregisterSapComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisSapHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 3, NdisSapHandle);
    AfTraceEmit(Call, &e, 1, "NdisCmDeregisterSapComplete", 27, Detail);
}
static __inline void AfTrace_NdisCmDeregisterSapComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisCmDeregisterSapComplete", 27, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmderegistersapcomplete */
static __inline void AfTrace_NdisMCmDeregisterSapComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisSapHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 3, NdisSapHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCmDeregisterSapComplete", 28, Detail);
}
static __inline void AfTrace_NdisMCmDeregisterSapComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCmDeregisterSapComplete", 28, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cl_deregister_sap_complete */
static __inline void AfTrace_ProtocolClDeregisterSapComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *ProtocolSapContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 6, ProtocolSapContext);
    AfTraceEmit(Call, &e, 1, "ProtocolClDeregisterSapComplete", 31, Detail);
}
static __inline void AfTrace_ProtocolClDeregisterSapComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolClDeregisterSapComplete", 31, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscocreatevc */
static __inline void AfTrace_NdisCoCreateVc_Enter(AFTRACE_CALL *Call, const void *NdisBindingHandle, const void *NdisAfHandle, const void *ProtocolVcContext, const void *const *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 1, NdisBindingHandle);
    AfTraceHandle(&e, 2, NdisAfHandle);
    AfTraceHandle(&e, 6, ProtocolVcContext);
    AfTraceVariable(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisCoCreateVc", 14, Detail);
}
static __inline void AfTrace_NdisCoCreateVc_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *const *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceForget(&e, 4);
    if (!AFTRACE_FAILED(Status)) AfTraceVariable(&e, 4, NdisVcHandle);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisCoCreateVc", 14, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmcreatevc */
static __inline void AfTrace_NdisMCmCreateVc_Enter(AFTRACE_CALL *Call, const void *MiniportAdapterHandle, const void *NdisAfHandle, const void *MiniportVcContext, const void *const *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 0, MiniportAdapterHandle);
    AfTraceHandle(&e, 2, NdisAfHandle);
    AfTraceHandle(&e, 6, MiniportVcContext);
    AfTraceVariable(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCmCreateVc", 15, Detail);
}
static __inline void AfTrace_NdisMCmCreateVc_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *const *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceForget(&e, 4);
    if (!AFTRACE_FAILED(Status)) AfTraceVariable(&e, 4, NdisVcHandle);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisMCmCreateVc", 15, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_co_create_vc */
static __inline void AfTrace_ProtocolCoCreateVc_Enter(AFTRACE_CALL *Call, const void *ProtocolAfContext, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolAfContext);
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "ProtocolCoCreateVc", 18, Detail);
}
static __inline void AfTrace_ProtocolCoCreateVc_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *const *ProtocolVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceForget(&e, 6);
    if (!AFTRACE_FAILED(Status)) AfTraceVariable(&e, 6, ProtocolVcContext);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "ProtocolCoCreateVc", 18, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-miniport_co_create_vc */
static __inline void AfTrace_MiniportCoCreateVc_Enter(AFTRACE_CALL *Call, const void *MiniportAdapterContext, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, MiniportAdapterContext);
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "MiniportCoCreateVc", 18, Detail);
}
static __inline void AfTrace_MiniportCoCreateVc_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *const *MiniportVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceForget(&e, 6);
    if (!AFTRACE_FAILED(Status)) AfTraceVariable(&e, 6, MiniportVcContext);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "MiniportCoCreateVc", 18, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscmactivatevc */
static __inline void AfTrace_NdisCmActivateVc_Enter(AFTRACE_CALL *Call, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisCmActivateVc", 16, Detail);
}
static __inline void AfTrace_NdisCmActivateVc_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisCmActivateVc", 16, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmactivatevc */
static __inline void AfTrace_NdisMCmActivateVc_Enter(AFTRACE_CALL *Call, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCmActivateVc", 17, Detail);
}
static __inline void AfTrace_NdisMCmActivateVc_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisMCmActivateVc", 17, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-miniport_co_activate_vc */
static __inline void AfTrace_MiniportCoActivateVc_Enter(AFTRACE_CALL *Call, const void *MiniportVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, MiniportVcContext);
    AfTraceEmit(Call, &e, 1, "MiniportCoActivateVc", 20, Detail);
}
static __inline void AfTrace_MiniportCoActivateVc_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "MiniportCoActivateVc", 20, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcoactivatevccomplete */
static __inline void AfTrace_NdisMCoActivateVcComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCoActivateVcComplete", 25, Detail);
}
static __inline void AfTrace_NdisMCoActivateVcComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCoActivateVcComplete", 25, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cm_activate_vc_complete */
static __inline void AfTrace_ProtocolCmActivateVcComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *CallMgrVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 6, CallMgrVcContext);
    AfTraceEmit(Call, &e, 1, "ProtocolCmActivateVcComplete", 28, Detail);
}
static __inline void AfTrace_ProtocolCmActivateVcComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolCmActivateVcComplete", 28, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscmdeactivatevc */
static __inline void AfTrace_NdisCmDeactivateVc_Enter(AFTRACE_CALL *Call, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisCmDeactivateVc", 18, Detail);
}
static __inline void AfTrace_NdisCmDeactivateVc_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisCmDeactivateVc", 18, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmdeactivatevc */
static __inline void AfTrace_NdisMCmDeactivateVc_Enter(AFTRACE_CALL *Call, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCmDeactivateVc", 19, Detail);
}
static __inline void AfTrace_NdisMCmDeactivateVc_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisMCmDeactivateVc", 19, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-miniport_co_deactivate_vc */
static __inline void AfTrace_MiniportCoDeactivateVc_Enter(AFTRACE_CALL *Call, const void *MiniportVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, MiniportVcContext);
    AfTraceEmit(Call, &e, 1, "MiniportCoDeactivateVc", 22, Detail);
}
static __inline void AfTrace_MiniportCoDeactivateVc_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "MiniportCoDeactivateVc", 22, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcodeactivatevccomplete */
static __inline void AfTrace_NdisMCoDeactivateVcComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCoDeactivateVcComplete", 27, Detail);
}
static __inline void AfTrace_NdisMCoDeactivateVcComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCoDeactivateVcComplete", 27, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cm_deactivate_vc_complete */
static __inline void AfTrace_ProtocolCmDeactivateVcComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *CallMgrVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 6, CallMgrVcContext);
    AfTraceEmit(Call, &e, 1, "ProtocolCmDeactivateVcComplete", 30, Detail);
}
static __inline void AfTrace_ProtocolCmDeactivateVcComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolCmDeactivateVcComplete", 30, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscodeletevc */
static __inline void AfTrace_NdisCoDeleteVc_Enter(AFTRACE_CALL *Call, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisCoDeleteVc", 14, Detail);
}
static __inline void AfTrace_NdisCoDeleteVc_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisCoDeleteVc", 14, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmdeletevc */
static __inline void AfTrace_NdisMCmDeleteVc_Enter(AFTRACE_CALL *Call, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCmDeleteVc", 15, Detail);
}
static __inline void AfTrace_NdisMCmDeleteVc_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisMCmDeleteVc", 15, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_co_delete_vc */
static __inline void AfTrace_ProtocolCoDeleteVc_Enter(AFTRACE_CALL *Call, const void *ProtocolVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolVcContext);
    AfTraceEmit(Call, &e, 1, "ProtocolCoDeleteVc", 18, Detail);
}
static __inline void AfTrace_ProtocolCoDeleteVc_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "ProtocolCoDeleteVc", 18, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-miniport_co_delete_vc */
static __inline void AfTrace_MiniportCoDeleteVc_Enter(AFTRACE_CALL *Call, const void *MiniportVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, MiniportVcContext);
    AfTraceEmit(Call, &e, 1, "MiniportCoDeleteVc", 18, Detail);
}
static __inline void AfTrace_MiniportCoDeleteVc_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "MiniportCoDeleteVc", 18, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscoassigninstancename */
static __inline void AfTrace_NdisCoAssignInstanceName_Enter(AFTRACE_CALL *Call, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisCoAssignInstanceName", 24, Detail);
}
static __inline void AfTrace_NdisCoAssignInstanceName_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisCoAssignInstanceName", 24, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscogettapicallid */
static __inline void AfTrace_NdisCoGetTapiCallId_Enter(AFTRACE_CALL *Call, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisCoGetTapiCallId", 19, Detail);
}
static __inline void AfTrace_NdisCoGetTapiCallId_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisCoGetTapiCallId", 19, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndisclgetprotocolvccontextfromtapicallid */
static __inline void AfTrace_NdisClGetProtocolVcContextFromTapiCallId_Enter(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceEmit(Call, &e, 1, "NdisClGetProtocolVcContextFromTapiCallId", 40, Detail);
}
static __inline void AfTrace_NdisClGetProtocolVcContextFromTapiCallId_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *const *ProtocolVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceForget(&e, 6);
    if (!AFTRACE_FAILED(Status)) AfTraceVariable(&e, 6, ProtocolVcContext);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisClGetProtocolVcContextFromTapiCallId", 40, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndisclmakecall */
static __inline void AfTrace_NdisClMakeCall_Enter(AFTRACE_CALL *Call, const void *NdisVcHandle, const void *ProtocolPartyContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceHandle(&e, 6, ProtocolPartyContext);
    AfTraceEmit(Call, &e, 1, "NdisClMakeCall", 14, Detail);
}
static __inline void AfTrace_NdisClMakeCall_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *const *NdisPartyHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceForget(&e, 5);
    if (!AFTRACE_FAILED(Status)) AfTraceVariable(&e, 5, NdisPartyHandle);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisClMakeCall", 14, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cm_make_call */
static __inline void AfTrace_ProtocolCmMakeCall_Enter(AFTRACE_CALL *Call, const void *CallMgrVcContext, const void *NdisPartyHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, CallMgrVcContext);
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceEmit(Call, &e, 1, "ProtocolCmMakeCall", 18, Detail);
}
static __inline void AfTrace_ProtocolCmMakeCall_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *const *CallMgrPartyContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceForget(&e, 6);
    if (!AFTRACE_FAILED(Status)) AfTraceVariable(&e, 6, CallMgrPartyContext);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "ProtocolCmMakeCall", 18, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscmmakecallcomplete */
static __inline void AfTrace_NdisCmMakeCallComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisVcHandle, const void *NdisPartyHandle, const void *CallMgrPartyContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceHandle(&e, 6, CallMgrPartyContext);
    AfTraceEmit(Call, &e, 1, "NdisCmMakeCallComplete", 22, Detail);
}
static __inline void AfTrace_NdisCmMakeCallComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisCmMakeCallComplete", 22, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmmakecallcomplete */
static __inline void AfTrace_NdisMCmMakeCallComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisVcHandle, const void *NdisPartyHandle, const void *CallMgrPartyContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceHandle(&e, 6, CallMgrPartyContext);
    AfTraceEmit(Call, &e, 1, "NdisMCmMakeCallComplete", 23, Detail);
}
static __inline void AfTrace_NdisMCmMakeCallComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCmMakeCallComplete", 23, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cl_make_call_complete */
static __inline void AfTrace_ProtocolClMakeCallComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *ProtocolVcContext, const void *NdisPartyHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 6, ProtocolVcContext);
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceEmit(Call, &e, 1, "ProtocolClMakeCallComplete", 26, Detail);
}
static __inline void AfTrace_ProtocolClMakeCallComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolClMakeCallComplete", 26, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscmdispatchincomingcall */
static __inline void AfTrace_NdisCmDispatchIncomingCall_Enter(AFTRACE_CALL *Call, const void *NdisSapHandle, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 3, NdisSapHandle);
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisCmDispatchIncomingCall", 26, Detail);
}
static __inline void AfTrace_NdisCmDispatchIncomingCall_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisCmDispatchIncomingCall", 26, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmdispatchincomingcall */
static __inline void AfTrace_NdisMCmDispatchIncomingCall_Enter(AFTRACE_CALL *Call, const void *NdisSapHandle, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 3, NdisSapHandle);
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCmDispatchIncomingCall", 27, Detail);
}
static __inline void AfTrace_NdisMCmDispatchIncomingCall_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisMCmDispatchIncomingCall", 27, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cl_incoming_call */
static __inline void AfTrace_ProtocolClIncomingCall_Enter(AFTRACE_CALL *Call, const void *ProtocolSapContext, const void *ProtocolVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolSapContext);
    AfTraceContext2(&e, ProtocolVcContext);
    AfTraceEmit(Call, &e, 1, "ProtocolClIncomingCall", 22, Detail);
}
static __inline void AfTrace_ProtocolClIncomingCall_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "ProtocolClIncomingCall", 22, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndisclincomingcallcomplete */
static __inline void AfTrace_NdisClIncomingCallComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisClIncomingCallComplete", 26, Detail);
}
static __inline void AfTrace_NdisClIncomingCallComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisClIncomingCallComplete", 26, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cm_incoming_call_complete */
static __inline void AfTrace_ProtocolCmIncomingCallComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *CallMgrVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 6, CallMgrVcContext);
    AfTraceEmit(Call, &e, 1, "ProtocolCmIncomingCallComplete", 30, Detail);
}
static __inline void AfTrace_ProtocolCmIncomingCallComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolCmIncomingCallComplete", 30, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscmdispatchcallconnected */
static __inline void AfTrace_NdisCmDispatchCallConnected_Enter(AFTRACE_CALL *Call, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisCmDispatchCallConnected", 27, Detail);
}
static __inline void AfTrace_NdisCmDispatchCallConnected_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisCmDispatchCallConnected", 27, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmdispatchcallconnected */
static __inline void AfTrace_NdisMCmDispatchCallConnected_Enter(AFTRACE_CALL *Call, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCmDispatchCallConnected", 28, Detail);
}
static __inline void AfTrace_NdisMCmDispatchCallConnected_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCmDispatchCallConnected", 28, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cl_call_connected */
static __inline void AfTrace_ProtocolClCallConnected_Enter(AFTRACE_CALL *Call, const void *ProtocolVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolVcContext);
    AfTraceEmit(Call, &e, 1, "ProtocolClCallConnected", 23, Detail);
}
static __inline void AfTrace_ProtocolClCallConnected_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolClCallConnected", 23, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndisclclosecall */
static __inline void AfTrace_NdisClCloseCall_Enter(AFTRACE_CALL *Call, const void *NdisVcHandle, const void *NdisPartyHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceEmit(Call, &e, 1, "NdisClCloseCall", 15, Detail);
}
static __inline void AfTrace_NdisClCloseCall_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisClCloseCall", 15, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cm_close_call */
static __inline void AfTrace_ProtocolCmCloseCall_Enter(AFTRACE_CALL *Call, const void *CallMgrVcContext, const void *CallMgrPartyContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, CallMgrVcContext);
    AfTraceContext2(&e, CallMgrPartyContext);
    AfTraceEmit(Call, &e, 1, "ProtocolCmCloseCall", 19, Detail);
}
static __inline void AfTrace_ProtocolCmCloseCall_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "ProtocolCmCloseCall", 19, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscmclosecallcomplete */
static __inline void AfTrace_NdisCmCloseCallComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisVcHandle, const void *NdisPartyHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceEmit(Call, &e, 1, "NdisCmCloseCallComplete", 23, Detail);
}
static __inline void AfTrace_NdisCmCloseCallComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisCmCloseCallComplete", 23, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmclosecallcomplete */
static __inline void AfTrace_NdisMCmCloseCallComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisVcHandle, const void *NdisPartyHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCmCloseCallComplete", 24, Detail);
}
static __inline void AfTrace_NdisMCmCloseCallComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCmCloseCallComplete", 24, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cl_close_call_complete */
static __inline void AfTrace_ProtocolClCloseCallComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *ProtocolVcContext, const void *ProtocolPartyContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 6, ProtocolVcContext);
    AfTraceContext2(&e, ProtocolPartyContext);
    AfTraceEmit(Call, &e, 1, "ProtocolClCloseCallComplete", 27, Detail);
}
static __inline void AfTrace_ProtocolClCloseCallComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolClCloseCallComplete", 27, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscmdispatchincomingclosecall */
static __inline void AfTrace_NdisCmDispatchIncomingCloseCall_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS CloseStatus, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)CloseStatus; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisCmDispatchIncomingCloseCall", 31, Detail);
}
static __inline void AfTrace_NdisCmDispatchIncomingCloseCall_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisCmDispatchIncomingCloseCall", 31, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmdispatchincomingclosecall */
static __inline void AfTrace_NdisMCmDispatchIncomingCloseCall_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS CloseStatus, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)CloseStatus; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCmDispatchIncomingCloseCall", 32, Detail);
}
static __inline void AfTrace_NdisMCmDispatchIncomingCloseCall_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCmDispatchIncomingCloseCall", 32, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cl_incoming_close_call */
static __inline void AfTrace_ProtocolClIncomingCloseCall_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS CloseStatus, const void *ProtocolVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)CloseStatus; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 6, ProtocolVcContext);
    AfTraceEmit(Call, &e, 1, "ProtocolClIncomingCloseCall", 27, Detail);
}
static __inline void AfTrace_ProtocolClIncomingCloseCall_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolClIncomingCloseCall", 27, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndisclmodifycallqos */
static __inline void AfTrace_NdisClModifyCallQoS_Enter(AFTRACE_CALL *Call, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisClModifyCallQoS", 19, Detail);
}
static __inline void AfTrace_NdisClModifyCallQoS_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisClModifyCallQoS", 19, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cm_modify_qos_call */
static __inline void AfTrace_ProtocolCmModifyCallQoS_Enter(AFTRACE_CALL *Call, const void *CallMgrVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, CallMgrVcContext);
    AfTraceEmit(Call, &e, 1, "ProtocolCmModifyCallQoS", 23, Detail);
}
static __inline void AfTrace_ProtocolCmModifyCallQoS_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "ProtocolCmModifyCallQoS", 23, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscmmodifycallqoscomplete */
static __inline void AfTrace_NdisCmModifyCallQoSComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisCmModifyCallQoSComplete", 27, Detail);
}
static __inline void AfTrace_NdisCmModifyCallQoSComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisCmModifyCallQoSComplete", 27, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmmodifycallqoscomplete */
static __inline void AfTrace_NdisMCmModifyCallQoSComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCmModifyCallQoSComplete", 28, Detail);
}
static __inline void AfTrace_NdisMCmModifyCallQoSComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCmModifyCallQoSComplete", 28, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cl_modify_call_qos_complete */
static __inline void AfTrace_ProtocolClModifyCallQoSComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *ProtocolVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 6, ProtocolVcContext);
    AfTraceEmit(Call, &e, 1, "ProtocolClModifyCallQoSComplete", 31, Detail);
}
static __inline void AfTrace_ProtocolClModifyCallQoSComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolClModifyCallQoSComplete", 31, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscmdispatchincomingcallqoschange */
static __inline void AfTrace_NdisCmDispatchIncomingCallQoSChange_Enter(AFTRACE_CALL *Call, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisCmDispatchIncomingCallQoSChange", 35, Detail);
}
static __inline void AfTrace_NdisCmDispatchIncomingCallQoSChange_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisCmDispatchIncomingCallQoSChange", 35, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmdispatchincomingcallqoschange */
static __inline void AfTrace_NdisMCmDispatchIncomingCallQoSChange_Enter(AFTRACE_CALL *Call, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCmDispatchIncomingCallQoSChange", 36, Detail);
}
static __inline void AfTrace_NdisMCmDispatchIncomingCallQoSChange_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCmDispatchIncomingCallQoSChange", 36, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cl_incoming_call_qos_change */
static __inline void AfTrace_ProtocolClIncomingCallQoSChange_Enter(AFTRACE_CALL *Call, const void *ProtocolVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolVcContext);
    AfTraceEmit(Call, &e, 1, "ProtocolClIncomingCallQoSChange", 31, Detail);
}
static __inline void AfTrace_ProtocolClIncomingCallQoSChange_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolClIncomingCallQoSChange", 31, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscladdparty */
static __inline void AfTrace_NdisClAddParty_Enter(AFTRACE_CALL *Call, const void *NdisVcHandle, const void *ProtocolPartyContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceHandle(&e, 6, ProtocolPartyContext);
    AfTraceEmit(Call, &e, 1, "NdisClAddParty", 14, Detail);
}
static __inline void AfTrace_NdisClAddParty_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *const *NdisPartyHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceForget(&e, 5);
    if (!AFTRACE_FAILED(Status)) AfTraceVariable(&e, 5, NdisPartyHandle);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisClAddParty", 14, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cm_add_party */
static __inline void AfTrace_ProtocolCmAddParty_Enter(AFTRACE_CALL *Call, const void *CallMgrVcContext, const void *NdisPartyHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, CallMgrVcContext);
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceEmit(Call, &e, 1, "ProtocolCmAddParty", 18, Detail);
}
static __inline void AfTrace_ProtocolCmAddParty_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *const *CallMgrPartyContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceForget(&e, 6);
    if (!AFTRACE_FAILED(Status)) AfTraceVariable(&e, 6, CallMgrPartyContext);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "ProtocolCmAddParty", 18, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscmaddpartycomplete */
static __inline void AfTrace_NdisCmAddPartyComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisPartyHandle, const void *CallMgrPartyContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceHandle(&e, 6, CallMgrPartyContext);
    AfTraceEmit(Call, &e, 1, "NdisCmAddPartyComplete", 22, Detail);
}
static __inline void AfTrace_NdisCmAddPartyComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisCmAddPartyComplete", 22, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmaddpartycomplete */
static __inline void AfTrace_NdisMCmAddPartyComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisPartyHandle, const void *CallMgrPartyContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceHandle(&e, 6, CallMgrPartyContext);
    AfTraceEmit(Call, &e, 1, "NdisMCmAddPartyComplete", 23, Detail);
}
static __inline void AfTrace_NdisMCmAddPartyComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCmAddPartyComplete", 23, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cl_add_party_complete */
static __inline void AfTrace_ProtocolClAddPartyComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *ProtocolPartyContext, const void *NdisPartyHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 6, ProtocolPartyContext);
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceEmit(Call, &e, 1, "ProtocolClAddPartyComplete", 26, Detail);
}
static __inline void AfTrace_ProtocolClAddPartyComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolClAddPartyComplete", 26, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscldropparty */
static __inline void AfTrace_NdisClDropParty_Enter(AFTRACE_CALL *Call, const void *NdisPartyHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceEmit(Call, &e, 1, "NdisClDropParty", 15, Detail);
}
static __inline void AfTrace_NdisClDropParty_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisClDropParty", 15, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cm_drop_party */
static __inline void AfTrace_ProtocolCmDropParty_Enter(AFTRACE_CALL *Call, const void *CallMgrPartyContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, CallMgrPartyContext);
    AfTraceEmit(Call, &e, 1, "ProtocolCmDropParty", 19, Detail);
}
static __inline void AfTrace_ProtocolCmDropParty_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "ProtocolCmDropParty", 19, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscmdroppartycomplete */
static __inline void AfTrace_NdisCmDropPartyComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisPartyHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceEmit(Call, &e, 1, "NdisCmDropPartyComplete", 23, Detail);
}
static __inline void AfTrace_NdisCmDropPartyComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisCmDropPartyComplete", 23, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmdroppartycomplete */
static __inline void AfTrace_NdisMCmDropPartyComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisPartyHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCmDropPartyComplete", 24, Detail);
}
static __inline void AfTrace_NdisMCmDropPartyComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCmDropPartyComplete", 24, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cl_drop_party_complete */
static __inline void AfTrace_ProtocolClDropPartyComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *ProtocolPartyContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 6, ProtocolPartyContext);
    AfTraceEmit(Call, &e, 1, "ProtocolClDropPartyComplete", 27, Detail);
}
static __inline void AfTrace_ProtocolClDropPartyComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolClDropPartyComplete", 27, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscmdispatchincomingdropparty */
static __inline void AfTrace_NdisCmDispatchIncomingDropParty_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS DropStatus, const void *NdisPartyHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)DropStatus; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceEmit(Call, &e, 1, "NdisCmDispatchIncomingDropParty", 31, Detail);
}
static __inline void AfTrace_NdisCmDispatchIncomingDropParty_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisCmDispatchIncomingDropParty", 31, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmdispatchincomingdropparty */
static __inline void AfTrace_NdisMCmDispatchIncomingDropParty_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS DropStatus, const void *NdisPartyHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)DropStatus; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCmDispatchIncomingDropParty", 32, Detail);
}
static __inline void AfTrace_NdisMCmDispatchIncomingDropParty_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCmDispatchIncomingDropParty", 32, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cl_incoming_drop_party */
static __inline void AfTrace_ProtocolClIncomingDropParty_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS DropStatus, const void *ProtocolPartyContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)DropStatus; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 6, ProtocolPartyContext);
    AfTraceEmit(Call, &e, 1, "ProtocolClIncomingDropParty", 27, Detail);
}
static __inline void AfTrace_ProtocolClIncomingDropParty_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolClIncomingDropParty", 27, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscooidrequest */
static __inline void AfTrace_NdisCoOidRequest_Enter(AFTRACE_CALL *Call, const void *NdisBindingHandle, const void *NdisAfHandle, const void *NdisVcHandle, const void *NdisPartyHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 1, NdisBindingHandle);
    AfTraceHandle(&e, 2, NdisAfHandle);
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceEmit(Call, &e, 1, "NdisCoOidRequest", 16, Detail);
}
static __inline void AfTrace_NdisCoOidRequest_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisCoOidRequest", 16, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmoidrequest */
static __inline void AfTrace_NdisMCmOidRequest_Enter(AFTRACE_CALL *Call, const void *NdisAfHandle, const void *NdisVcHandle, const void *NdisPartyHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 2, NdisAfHandle);
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCmOidRequest", 17, Detail);
}
static __inline void AfTrace_NdisMCmOidRequest_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisMCmOidRequest", 17, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_co_oid_request */
static __inline void AfTrace_ProtocolCoOidRequest_Enter(AFTRACE_CALL *Call, const void *ProtocolAfContext, const void *ProtocolVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolAfContext);
    AfTraceContext2(&e, ProtocolVcContext);
    AfTraceEmit(Call, &e, 1, "ProtocolCoOidRequest", 20, Detail);
}
static __inline void AfTrace_ProtocolCoOidRequest_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "ProtocolCoOidRequest", 20, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-miniport_co_oid_request */
static __inline void AfTrace_MiniportCoOidRequest_Enter(AFTRACE_CALL *Call, const void *MiniportAdapterContext, const void *MiniportVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, MiniportAdapterContext);
    AfTraceContext2(&e, MiniportVcContext);
    AfTraceEmit(Call, &e, 1, "MiniportCoOidRequest", 20, Detail);
}
static __inline void AfTrace_MiniportCoOidRequest_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "MiniportCoOidRequest", 20, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscooidrequestcomplete */
static __inline void AfTrace_NdisCoOidRequestComplete_Enter(AFTRACE_CALL *Call, const void *NdisAfHandle, const void *NdisVcHandle, const void *NdisPartyHandle, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 2, NdisAfHandle);
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceHandle(&e, 5, NdisPartyHandle);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 1, "NdisCoOidRequestComplete", 24, Detail);
}
static __inline void AfTrace_NdisCoOidRequestComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisCoOidRequestComplete", 24, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmoidrequestcomplete */
static __inline void AfTrace_NdisMCmOidRequestComplete_Enter(AFTRACE_CALL *Call, const void *NdisAfHandle, const void *NdisVcHandle, const void *NdisPartyHandle, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 2, NdisAfHandle);
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceHandle(&e, 5, NdisPartyHandle);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 1, "NdisMCmOidRequestComplete", 25, Detail);
}
static __inline void AfTrace_NdisMCmOidRequestComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCmOidRequestComplete", 25, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcooidrequestcomplete */
static __inline void AfTrace_NdisMCoOidRequestComplete_Enter(AFTRACE_CALL *Call, const void *NdisMiniportHandle, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 0, NdisMiniportHandle);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 1, "NdisMCoOidRequestComplete", 25, Detail);
}
static __inline void AfTrace_NdisMCoOidRequestComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCoOidRequestComplete", 25, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_co_oid_request_complete */
static __inline void AfTrace_ProtocolCoOidRequestComplete_Enter(AFTRACE_CALL *Call, const void *ProtocolAfContext, const void *ProtocolVcContext, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolAfContext);
    AfTraceContext2(&e, ProtocolVcContext);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 1, "ProtocolCoOidRequestComplete", 28, Detail);
}
static __inline void AfTrace_ProtocolCoOidRequestComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolCoOidRequestComplete", 28, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscosendnetbufferlists */
static __inline void AfTrace_NdisCoSendNetBufferLists_Enter(AFTRACE_CALL *Call, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisCoSendNetBufferLists", 24, Detail);
}
static __inline void AfTrace_NdisCoSendNetBufferLists_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisCoSendNetBufferLists", 24, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_co_send_net_buffer_lists_complete */
static __inline void AfTrace_ProtocolCoSendNetBufferListsComplete_Enter(AFTRACE_CALL *Call, const void *ProtocolVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolVcContext);
    AfTraceEmit(Call, &e, 1, "ProtocolCoSendNetBufferListsComplete", 36, Detail);
}
static __inline void AfTrace_ProtocolCoSendNetBufferListsComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolCoSendNetBufferListsComplete", 36, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_co_receive_net_buffer_lists */
static __inline void AfTrace_ProtocolCoReceiveNetBufferLists_Enter(AFTRACE_CALL *Call, const void *ProtocolBindingContext, const void *ProtocolVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolBindingContext);
    AfTraceContext2(&e, ProtocolVcContext);
    AfTraceEmit(Call, &e, 1, "ProtocolCoReceiveNetBufferLists", 31, Detail);
}
static __inline void AfTrace_ProtocolCoReceiveNetBufferLists_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolCoReceiveNetBufferLists", 31, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_co_status_ex */
static __inline void AfTrace_ProtocolCoStatusEx_Enter(AFTRACE_CALL *Call, const void *ProtocolBindingContext, const void *ProtocolVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolBindingContext);
    AfTraceContext2(&e, ProtocolVcContext);
    AfTraceEmit(Call, &e, 1, "ProtocolCoStatusEx", 18, Detail);
}
static __inline void AfTrace_ProtocolCoStatusEx_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolCoStatusEx", 18, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-miniport_co_send_net_buffer_lists */
static __inline void AfTrace_MiniportCoSendNetBufferLists_Enter(AFTRACE_CALL *Call, const void *MiniportVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, MiniportVcContext);
    AfTraceEmit(Call, &e, 1, "MiniportCoSendNetBufferLists", 28, Detail);
}
static __inline void AfTrace_MiniportCoSendNetBufferLists_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "MiniportCoSendNetBufferLists", 28, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcosendnetbufferlistscomplete */
static __inline void AfTrace_NdisMCoSendNetBufferListsComplete_Enter(AFTRACE_CALL *Call, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCoSendNetBufferListsComplete", 33, Detail);
}
static __inline void AfTrace_NdisMCoSendNetBufferListsComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCoSendNetBufferListsComplete", 33, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcoindicatereceivenetbufferlists */
static __inline void AfTrace_NdisMCoIndicateReceiveNetBufferLists_Enter(AFTRACE_CALL *Call, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCoIndicateReceiveNetBufferLists", 36, Detail);
}
static __inline void AfTrace_NdisMCoIndicateReceiveNetBufferLists_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCoIndicateReceiveNetBufferLists", 36, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcoindicatestatusex */
static __inline void AfTrace_NdisMCoIndicateStatusEx_Enter(AFTRACE_CALL *Call, const void *NdisMiniportHandle, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 0, NdisMiniportHandle);
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCoIndicateStatusEx", 23, Detail);
}
static __inline void AfTrace_NdisMCoIndicateStatusEx_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCoIndicateStatusEx", 23, Detail);
}

/* https://learn.microsoft.com/previous-versions/windows/hardware/network/ff551006(v=vs.85) */
static __inline void AfTrace_NdisCmRegisterAddressFamily_Enter(AFTRACE_CALL *Call, const void *NdisBindingHandle, const void *AddressFamily, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 1, NdisBindingHandle);
    AfTraceFamily(&e, AddressFamily);
    AfTraceEmit(Call, &e, 1, "NdisCmRegisterAddressFamily", 27, Detail);
}
static __inline void AfTrace_NdisCmRegisterAddressFamily_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisCmRegisterAddressFamily", 27, Detail);
}

/* https://learn.microsoft.com/previous-versions/windows/hardware/network/ff553429(v=vs.85) */
static __inline void AfTrace_NdisMCmRegisterAddressFamily_Enter(AFTRACE_CALL *Call, const void *MiniportAdapterHandle, const void *AddressFamily, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 0, MiniportAdapterHandle);
    AfTraceFamily(&e, AddressFamily);
    AfTraceEmit(Call, &e, 1, "NdisMCmRegisterAddressFamily", 28, Detail);
}
static __inline void AfTrace_NdisMCmRegisterAddressFamily_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisMCmRegisterAddressFamily", 28, Detail);
}

/* https://learn.microsoft.com/previous-versions/windows/hardware/network/porting-condis-client-registration */
static __inline void AfTrace_NdisClOpenAddressFamily_Enter(AFTRACE_CALL *Call, const void *NdisBindingHandle, const void *AddressFamily, const void *ProtocolAfContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 1, NdisBindingHandle);
    AfTraceFamily(&e, AddressFamily);
    AfTraceHandle(&e, 6, ProtocolAfContext);
    AfTraceEmit(Call, &e, 1, "NdisClOpenAddressFamily", 23, Detail);
}
static __inline void AfTrace_NdisClOpenAddressFamily_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *const *NdisAfHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceForget(&e, 2);
    if (!AFTRACE_FAILED(Status)) AfTraceVariable(&e, 2, NdisAfHandle);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisClOpenAddressFamily", 23, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_cl_open_af_complete_ex */
static __inline void AfTrace_ProtocolClOpenAfComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *ProtocolAfContext, const void *NdisAfHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 6, ProtocolAfContext);
    AfTraceHandle(&e, 2, NdisAfHandle);
    AfTraceEmit(Call, &e, 1, "ProtocolClOpenAfComplete", 24, Detail);
}
static __inline void AfTrace_ProtocolClOpenAfComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolClOpenAfComplete", 24, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_co_oid_request */
static __inline void AfTrace_ProtocolCoRequest_Enter(AFTRACE_CALL *Call, const void *ProtocolAfContext, const void *ProtocolVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolAfContext);
    AfTraceContext2(&e, ProtocolVcContext);
    AfTraceEmit(Call, &e, 1, "ProtocolCoRequest", 17, Detail);
}
static __inline void AfTrace_ProtocolCoRequest_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "ProtocolCoRequest", 17, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_co_oid_request_complete */
static __inline void AfTrace_ProtocolCoRequestComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *ProtocolAfContext, const void *ProtocolVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 6, ProtocolAfContext);
    AfTraceContext2(&e, ProtocolVcContext);
    AfTraceEmit(Call, &e, 1, "ProtocolCoRequestComplete", 25, Detail);
}
static __inline void AfTrace_ProtocolCoRequestComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "ProtocolCoRequestComplete", 25, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-miniport_co_oid_request */
static __inline void AfTrace_MiniportCoRequest_Enter(AFTRACE_CALL *Call, const void *MiniportAdapterContext, const void *MiniportVcContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, MiniportAdapterContext);
    AfTraceContext2(&e, MiniportVcContext);
    AfTraceEmit(Call, &e, 1, "MiniportCoRequest", 17, Detail);
}
static __inline void AfTrace_MiniportCoRequest_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "MiniportCoRequest", 17, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscooidrequest */
static __inline void AfTrace_NdisCoRequest_Enter(AFTRACE_CALL *Call, const void *NdisBindingHandle, const void *NdisAfHandle, const void *NdisVcHandle, const void *NdisPartyHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 1, NdisBindingHandle);
    AfTraceHandle(&e, 2, NdisAfHandle);
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceEmit(Call, &e, 1, "NdisCoRequest", 13, Detail);
}
static __inline void AfTrace_NdisCoRequest_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisCoRequest", 13, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscooidrequestcomplete */
static __inline void AfTrace_NdisCoRequestComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisAfHandle, const void *NdisVcHandle, const void *NdisPartyHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 2, NdisAfHandle);
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceEmit(Call, &e, 1, "NdisCoRequestComplete", 21, Detail);
}
static __inline void AfTrace_NdisCoRequestComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisCoRequestComplete", 21, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmoidrequest */
static __inline void AfTrace_NdisMCmRequest_Enter(AFTRACE_CALL *Call, const void *NdisAfHandle, const void *NdisVcHandle, const void *NdisPartyHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 2, NdisAfHandle);
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCmRequest", 14, Detail);
}
static __inline void AfTrace_NdisMCmRequest_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisMCmRequest", 14, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcmoidrequestcomplete */
static __inline void AfTrace_NdisMCmRequestComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisAfHandle, const void *NdisVcHandle, const void *NdisPartyHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 2, NdisAfHandle);
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceHandle(&e, 5, NdisPartyHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCmRequestComplete", 22, Detail);
}
static __inline void AfTrace_NdisMCmRequestComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCmRequestComplete", 22, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcooidrequestcomplete */
static __inline void AfTrace_NdisMCoRequestComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *MiniportAdapterHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 0, MiniportAdapterHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCoRequestComplete", 22, Detail);
}
static __inline void AfTrace_NdisMCoRequestComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCoRequestComplete", 22, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscosendnetbufferlists */
static __inline void AfTrace_NdisCoSendPackets_Enter(AFTRACE_CALL *Call, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisCoSendPackets", 17, Detail);
}
static __inline void AfTrace_NdisCoSendPackets_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisCoSendPackets", 17, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcosendnetbufferlistscomplete */
static __inline void AfTrace_NdisMCoSendComplete_Enter(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCoSendComplete", 19, Detail);
}
static __inline void AfTrace_NdisMCoSendComplete_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCoSendComplete", 19, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcoindicatereceivenetbufferlists */
static __inline void AfTrace_NdisMCoIndicateReceivePacket_Enter(AFTRACE_CALL *Call, const void *NdisVcHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 4, NdisVcHandle);
    AfTraceEmit(Call, &e, 1, "NdisMCoIndicateReceivePacket", 28, Detail);
}
static __inline void AfTrace_NdisMCoIndicateReceivePacket_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCoIndicateReceivePacket", 28, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismcoindicatestatusex */
static __inline void AfTrace_NdisMCoIndicateStatus_Enter(AFTRACE_CALL *Call, const void *MiniportAdapterHandle, const void *NdisVcHandle, AFTRACE_STATUS GeneralStatus, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 0, MiniportAdapterHandle);
    AfTraceHandle(&e, 4, NdisVcHandle);
    e.Values.Status = (ULONG)GeneralStatus; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 1, "NdisMCoIndicateStatus", 21, Detail);
}
static __inline void AfTrace_NdisMCoIndicateStatus_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMCoIndicateStatus", 21, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndisregisterprotocoldriver */
static __inline void AfTrace_NdisRegisterProtocol_Enter(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceEmit(Call, &e, 1, "NdisRegisterProtocol", 20, Detail);
}
static __inline void AfTrace_NdisRegisterProtocol_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisRegisterProtocol", 20, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndisderegisterprotocoldriver */
static __inline void AfTrace_NdisDeregisterProtocol_Enter(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceEmit(Call, &e, 1, "NdisDeregisterProtocol", 22, Detail);
}
static __inline void AfTrace_NdisDeregisterProtocol_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisDeregisterProtocol", 22, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndisopenadapterex */
static __inline void AfTrace_NdisOpenAdapter_Enter(AFTRACE_CALL *Call, const void *ProtocolBindingContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolBindingContext);
    AfTraceEmit(Call, &e, 1, "NdisOpenAdapter", 15, Detail);
}
static __inline void AfTrace_NdisOpenAdapter_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const void *const *NdisBindingHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceForget(&e, 1);
    if (!AFTRACE_FAILED(Status)) AfTraceVariable(&e, 1, NdisBindingHandle);
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisOpenAdapter", 15, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndiscloseadapterex */
static __inline void AfTrace_NdisCloseAdapter_Enter(AFTRACE_CALL *Call, const void *NdisBindingHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 1, NdisBindingHandle);
    AfTraceEmit(Call, &e, 1, "NdisCloseAdapter", 16, Detail);
}
static __inline void AfTrace_NdisCloseAdapter_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "NdisCloseAdapter", 16, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_bind_adapter_ex */
static __inline void AfTrace_ProtocolBindAdapter_Enter(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceEmit(Call, &e, 1, "ProtocolBindAdapter", 19, Detail);
}
static __inline void AfTrace_ProtocolBindAdapter_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "ProtocolBindAdapter", 19, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nc-ndis-protocol_unbind_adapter_ex */
static __inline void AfTrace_ProtocolUnbindAdapter_Enter(AFTRACE_CALL *Call, const void *ProtocolBindingContext, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 6, ProtocolBindingContext);
    AfTraceEmit(Call, &e, 1, "ProtocolUnbindAdapter", 21, Detail);
}
static __inline void AfTrace_ProtocolUnbindAdapter_Return(AFTRACE_CALL *Call, AFTRACE_STATUS Status, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    e.Values.Status = (ULONG)Status; e.Values.Present |= 0x400;
    AfTraceEmit(Call, &e, 2, "ProtocolUnbindAdapter", 21, Detail);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/ndis/nf-ndis-ndismsetminiportattributes */
static __inline void AfTrace_NdisMSetAttributesEx_Enter(AFTRACE_CALL *Call, const void *MiniportAdapterHandle, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceBegin(Call, &e)) return;
    AfTraceHandle(&e, 0, MiniportAdapterHandle);
    AfTraceEmit(Call, &e, 1, "NdisMSetAttributesEx", 20, Detail);
}
static __inline void AfTrace_NdisMSetAttributesEx_Return(AFTRACE_CALL *Call, const char *Detail)
{
    AFTRACE_EVENT e;
    if (!AfTraceEnd(Call, &e)) return;
    AfTraceEmit(Call, &e, 2, "NdisMSetAttributesEx", 20, Detail);
}

#ifdef AFTRACE_IMPLEMENTATION

AFTRACE_STATE AfTraceState;

static const GUID AfTraceProvider = {0xc993b968, 0x86b0, 0x5ab3, {0x93, 0x87, 0x79, 0x8c, 0xaf, 0x2d, 0x14, 0x25}};

/* The traits of the provider: size, name. */
static const UCHAR AfTraceTraits[] = {
    0x11, 0x00, 0x43, 0x6f, 0x4e, 0x44, 0x49, 0x53, 0x2d, 0x41, 0x66, 0x54,
    0x72, 0x61, 0x63, 0x65, 0x00};

/* The event: size, tags, name; of each field name and type. */
static const UCHAR AfTraceSchema[] = {
    0xd2, 0x00, 0x00, 0x41, 0x66, 0x45, 0x76, 0x65, 0x6e, 0x74, 0x00, 0x46,
    0x75, 0x6e, 0x63, 0x74, 0x69, 0x6f, 0x6e, 0x00, 0x17, 0x50, 0x68, 0x61,
    0x73, 0x65, 0x00, 0x04, 0x43, 0x61, 0x6c, 0x6c, 0x49, 0x64, 0x00, 0x0a,
    0x54, 0x69, 0x6d, 0x65, 0x73, 0x74, 0x61, 0x6d, 0x70, 0x00, 0x0a, 0x54,
    0x69, 0x6d, 0x65, 0x73, 0x74, 0x61, 0x6d, 0x70, 0x55, 0x6e, 0x69, 0x74,
    0x00, 0x04, 0x43, 0x70, 0x75, 0x00, 0x06, 0x50, 0x72, 0x6f, 0x63, 0x65,
    0x73, 0x73, 0x49, 0x64, 0x00, 0x08, 0x54, 0x68, 0x72, 0x65, 0x61, 0x64,
    0x49, 0x64, 0x00, 0x0a, 0x49, 0x72, 0x71, 0x6c, 0x00, 0x04, 0x44, 0x72,
    0x69, 0x76, 0x65, 0x72, 0x00, 0x17, 0x41, 0x64, 0x61, 0x70, 0x74, 0x65,
    0x72, 0x00, 0x0a, 0x42, 0x69, 0x6e, 0x64, 0x69, 0x6e, 0x67, 0x00, 0x0a,
    0x41, 0x66, 0x00, 0x0a, 0x53, 0x61, 0x70, 0x00, 0x0a, 0x56, 0x63, 0x00,
    0x0a, 0x50, 0x61, 0x72, 0x74, 0x79, 0x00, 0x0a, 0x43, 0x6f, 0x6e, 0x74,
    0x65, 0x78, 0x74, 0x00, 0x0a, 0x41, 0x66, 0x54, 0x79, 0x70, 0x65, 0x00,
    0x08, 0x41, 0x66, 0x4d, 0x61, 0x6a, 0x6f, 0x72, 0x00, 0x08, 0x41, 0x66,
    0x4d, 0x69, 0x6e, 0x6f, 0x72, 0x00, 0x08, 0x53, 0x74, 0x61, 0x74, 0x75,
    0x73, 0x00, 0x08, 0x50, 0x72, 0x65, 0x73, 0x65, 0x6e, 0x74, 0x00, 0x08,
    0x44, 0x65, 0x74, 0x61, 0x69, 0x6c, 0x00, 0x17, 0x43, 0x6f, 0x6e, 0x74,
    0x65, 0x78, 0x74, 0x32, 0x00, 0x0a};

static USHORT AfTraceLength(const char *Text, ULONG Most)
{
    ULONG n = 0;
    while (Text != NULL && Text[n] != 0) {
        if (++n > Most) return 0;
    }
    return (USHORT)n;
}

ULONG AfTraceRegister(const char *Driver)
{
    ULONG64 x;
    AfTraceState.Driver = Driver;
    AfTraceState.DriverLength = AfTraceLength(Driver, 255);
    AfTraceState.Calls = 0;
    /* Numbers of calls begin somewhere of their own in each driver, so that the calls of two
       drivers do not have one number: the address and the time of registration, mixed. */
    x = (ULONG64)AFTRACE_TICKS() ^ (ULONG64)(ULONG_PTR)&AfTraceState * 0x9e3779b97f4a7c15ULL ^ (ULONG64)AFTRACE_PID() << 40;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
    AfTraceState.Seed = x ^ x >> 31;
    return (ULONG)AFTRACE_REGISTER(&AfTraceProvider, &AfTraceState.Handle);
}

void AfTraceUnregister(void)
{
    AFTRACE_UNREGISTER(AfTraceState.Handle);
    AfTraceState.Handle = 0;
}

static void AfTraceData(EVENT_DATA_DESCRIPTOR *Data, const void *Bytes, ULONG Size, ULONG Type)
{
    Data->Ptr = (ULONGLONG)(ULONG_PTR)Bytes;
    Data->Size = Size;
    Data->Reserved = Type;
}

void AfTraceEmit(AFTRACE_CALL *Call, AFTRACE_EVENT *Event, UCHAR Phase, const char *Function, USHORT FunctionLength, const char *Detail)
{
    EVENT_DESCRIPTOR event = {0};
    EVENT_DATA_DESCRIPTOR data[9];
    AFTRACE_HEAD head;

    head.Phase = Phase;
    head.CallId = Call->Id;
    head.Timestamp = 0; /* that of the record counts */
    head.TimestampUnit = 0;
    head.Cpu = (USHORT)AFTRACE_CPU();
    head.ProcessId = AFTRACE_PID();
    head.ThreadId = AFTRACE_TID();
    head.Irql = (UCHAR)AFTRACE_IRQL();
    head.DriverLength = AfTraceState.DriverLength;
    Event->Values.DetailLength = AfTraceLength(Detail, 60000);
    if (Phase == 1) {
        /* The return tells it again: all but the contexts and the status. */
        Call->Values = Event->Values;
        Call->Values.Present &= 0x3bf;
        Call->Values.Handle[6] = 0;
        Call->Values.Status = 0;
    }

    event.Channel = 11; /* TraceLogging */
    event.Level = 4;
    event.Keyword = 1;
    AfTraceData(&data[0], AfTraceTraits, sizeof AfTraceTraits, 2); /* metadata of the provider */
    AfTraceData(&data[1], AfTraceSchema, sizeof AfTraceSchema, 1); /* metadata of the event */
    AfTraceData(&data[2], &FunctionLength, sizeof FunctionLength, 0);
    AfTraceData(&data[3], Function, FunctionLength, 0);
    AfTraceData(&data[4], &head, sizeof head, 0);
    AfTraceData(&data[5], AfTraceState.Driver, head.DriverLength, 0);
    AfTraceData(&data[6], &Event->Values, sizeof Event->Values, 0);
    AfTraceData(&data[7], Detail, Event->Values.DetailLength, 0);
    AfTraceData(&data[8], &Event->Context2, sizeof Event->Context2, 0);
    (void)AFTRACE_WRITE(AfTraceState.Handle, &event, 9, data);
}

#endif /* AFTRACE_IMPLEMENTATION */

#ifdef __cplusplus
}
#endif
#endif /* AFTRACE_H */
