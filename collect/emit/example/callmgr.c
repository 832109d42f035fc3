/*
 * A stand-alone call manager that reports what it does with address families, as an example
 * of aftrace.h. It registers Q.2931 on each adapter that it binds to, grants every open, and
 * closes in order. The handlers of SAPs, VCs and calls, which a call manager must have too,
 * are left out; they are reported in the same way.
 *
 * With the WDK: put aftrace.h (aftrace header) beside it and build it as an NDIS 6.0 protocol
 * driver. _KERNEL_MODE is defined by the WDK.
 */
#define NDIS60 1
#include <ndis.h>
#define AFTRACE_IMPLEMENTATION
#include "aftrace.h"

#define TAG 0x6d436641 /* AfCm */

typedef struct BINDING {
    NDIS_HANDLE Handle;
    NDIS_STATUS Opened;
    NDIS_EVENT Done;
} BINDING;

typedef struct OPEN {
    NDIS_HANDLE AfHandle;
    BINDING *Binding;
} OPEN;

static NDIS_HANDLE Protocol;
static ULONG DriverContext; /* its address tells this driver from others */

static void *Allocate(ULONG Size)
{
    return NdisAllocateMemoryWithTagPriority(Protocol, Size, TAG, NormalPoolPriority);
}

/* A client opens the address family: a context for it, and that is all. */
static NDIS_STATUS CmOpenAf(NDIS_HANDLE CallMgrBindingContext, PCO_ADDRESS_FAMILY AddressFamily, NDIS_HANDLE NdisAfHandle, PNDIS_HANDLE CallMgrAfContext)
{
    NDIS_STATUS status = NDIS_STATUS_SUCCESS;
    AFTRACE_CALL call;
    OPEN *open;

    AfTrace_ProtocolCmOpenAf_Enter(&call, CallMgrBindingContext, AddressFamily, NdisAfHandle, NULL);
    open = (OPEN *)Allocate(sizeof *open);
    if (open == NULL) {
        status = NDIS_STATUS_RESOURCES;
    } else {
        open->AfHandle = NdisAfHandle;
        open->Binding = (BINDING *)CallMgrBindingContext;
        *CallMgrAfContext = open;
    }
    AfTrace_ProtocolCmOpenAf_Return(&call, status, (const void *const *)CallMgrAfContext, NULL);
    return status;
}

static NDIS_STATUS CmCloseAf(NDIS_HANDLE CallMgrAfContext)
{
    AFTRACE_CALL call;
    AfTrace_ProtocolCmCloseAf_Enter(&call, CallMgrAfContext, NULL);
    NdisFreeMemory(CallMgrAfContext, 0, 0);
    AfTrace_ProtocolCmCloseAf_Return(&call, NDIS_STATUS_SUCCESS, NULL);
    return NDIS_STATUS_SUCCESS;
}

/* Call managers are notified of address families too, and do nothing about it. */
static VOID CoAfRegisterNotify(NDIS_HANDLE ProtocolBindingContext, PCO_ADDRESS_FAMILY AddressFamily)
{
    AFTRACE_CALL call;
    AfTrace_ProtocolCoAfRegisterNotify_Enter(&call, ProtocolBindingContext, AddressFamily, NULL);
    AfTrace_ProtocolCoAfRegisterNotify_Return(&call, NULL);
}

static VOID OpenAdapterComplete(NDIS_HANDLE ProtocolBindingContext, NDIS_STATUS Status)
{
    BINDING *binding = (BINDING *)ProtocolBindingContext;
    AFTRACE_CALL call;
    AfTrace_ProtocolOpenAdapterCompleteEx_Enter(&call, ProtocolBindingContext, Status, "{\"caller\":\"ndis\"}");
    binding->Opened = Status;
    NdisSetEvent(&binding->Done);
    AfTrace_ProtocolOpenAdapterCompleteEx_Return(&call, NULL);
}

static VOID CloseAdapterComplete(NDIS_HANDLE ProtocolBindingContext)
{
    AFTRACE_CALL call;
    AfTrace_ProtocolCloseAdapterCompleteEx_Enter(&call, ProtocolBindingContext, "{\"caller\":\"ndis\"}");
    NdisSetEvent(&((BINDING *)ProtocolBindingContext)->Done);
    AfTrace_ProtocolCloseAdapterCompleteEx_Return(&call, NULL);
}

static NDIS_STATUS Open(BINDING *Binding, NDIS_HANDLE BindContext, PNDIS_BIND_PARAMETERS Parameters)
{
    NDIS_OPEN_PARAMETERS open;
    NDIS_MEDIUM media[] = {NdisMediumAtm, NdisMediumCoWan};
    UINT selected = 0;
    NDIS_STATUS status;
    AFTRACE_CALL call;

    NdisZeroMemory(&open, sizeof open);
    open.Header.Type = NDIS_OBJECT_TYPE_OPEN_PARAMETERS;
    open.Header.Revision = NDIS_OPEN_PARAMETERS_REVISION_1;
    open.Header.Size = sizeof open;
    open.AdapterName = Parameters->AdapterName;
    open.MediumArray = media;
    open.MediumArraySize = 2;
    open.SelectedMediumIndex = &selected;
    NdisInitializeEvent(&Binding->Done);

    AfTrace_NdisOpenAdapterEx_Enter(&call, Binding, NULL);
    status = NdisOpenAdapterEx(Protocol, Binding, &open, BindContext, &Binding->Handle);
    AfTrace_NdisOpenAdapterEx_Return(&call, status, (const void *const *)&Binding->Handle, NULL);
    if (status == NDIS_STATUS_PENDING) {
        NdisWaitEvent(&Binding->Done, 0);
        status = Binding->Opened;
    }
    return status;
}

static void Close(BINDING *Binding)
{
    NDIS_STATUS status;
    AFTRACE_CALL call;

    NdisResetEvent(&Binding->Done);
    AfTrace_NdisCloseAdapterEx_Enter(&call, Binding->Handle, NULL);
    status = NdisCloseAdapterEx(Binding->Handle);
    AfTrace_NdisCloseAdapterEx_Return(&call, status, NULL);
    if (status == NDIS_STATUS_PENDING) {
        NdisWaitEvent(&Binding->Done, 0);
    }
}

static NDIS_STATUS BindAdapter(NDIS_HANDLE ProtocolDriverContext, NDIS_HANDLE BindContext, PNDIS_BIND_PARAMETERS BindParameters)
{
    CO_ADDRESS_FAMILY family = {CO_ADDRESS_FAMILY_Q2931, 3, 1};
    NDIS_STATUS status = NDIS_STATUS_RESOURCES;
    AFTRACE_CALL call, reg;
    BINDING *binding;

    AfTrace_ProtocolBindAdapterEx_Enter(&call, ProtocolDriverContext, NULL);
    binding = (BINDING *)Allocate(sizeof *binding);
    if (binding != NULL) {
        NdisZeroMemory(binding, sizeof *binding);
        status = Open(binding, BindContext, BindParameters);
        if (status == NDIS_STATUS_SUCCESS) {
            AfTrace_NdisCmRegisterAddressFamilyEx_Enter(&reg, binding->Handle, &family, NULL);
            status = NdisCmRegisterAddressFamilyEx(binding->Handle, &family);
            AfTrace_NdisCmRegisterAddressFamilyEx_Return(&reg, status, NULL);
            if (status != NDIS_STATUS_SUCCESS) {
                Close(binding); /* another call manager has it */
            }
        }
        if (status != NDIS_STATUS_SUCCESS) {
            NdisFreeMemory(binding, 0, 0);
        }
    }
    AfTrace_ProtocolBindAdapterEx_Return(&call, status, NULL);
    return status;
}

static NDIS_STATUS UnbindAdapter(NDIS_HANDLE UnbindContext, NDIS_HANDLE ProtocolBindingContext)
{
    AFTRACE_CALL call;

    (void)UnbindContext; /* for a completion, which this driver never needs */
    AfTrace_ProtocolUnbindAdapterEx_Enter(&call, ProtocolBindingContext, NULL);
    Close((BINDING *)ProtocolBindingContext);
    NdisFreeMemory(ProtocolBindingContext, 0, 0);
    AfTrace_ProtocolUnbindAdapterEx_Return(&call, NDIS_STATUS_SUCCESS, NULL);
    return NDIS_STATUS_SUCCESS;
}

/* What makes the driver connection-oriented, and a call manager. */
static NDIS_STATUS SetOptions(NDIS_HANDLE NdisDriverHandle, NDIS_HANDLE DriverCtx)
{
    NDIS_PROTOCOL_CO_CHARACTERISTICS co;
    NDIS_CO_CALL_MANAGER_OPTIONAL_HANDLERS cm;
    NDIS_STATUS status;
    AFTRACE_CALL call, set;

    AfTrace_ProtocolSetOptions_Enter(&call, DriverCtx, NULL);
    NdisZeroMemory(&co, sizeof co);
    co.Header.Type = NDIS_OBJECT_TYPE_PROTOCOL_CO_CHARACTERISTICS;
    co.Header.Revision = NDIS_PROTOCOL_CO_CHARACTERISTICS_REVISION_1;
    co.Header.Size = sizeof co;
    co.CoAfRegisterNotifyHandler = CoAfRegisterNotify;
    AfTrace_NdisSetOptionalHandlers_Enter(&set, "{\"handlers\":[\"protocol-co\"]}");
    status = NdisSetOptionalHandlers(NdisDriverHandle, (PNDIS_DRIVER_OPTIONAL_HANDLERS)&co);
    AfTrace_NdisSetOptionalHandlers_Return(&set, status, NULL);
    if (status == NDIS_STATUS_SUCCESS) {
        NdisZeroMemory(&cm, sizeof cm);
        cm.Header.Type = NDIS_OBJECT_TYPE_CO_CALL_MANAGER_OPTIONAL_HANDLERS;
        cm.Header.Revision = NDIS_CO_CALL_MANAGER_OPTIONAL_HANDLERS_REVISION_1;
        cm.Header.Size = sizeof cm;
        cm.CmOpenAfHandler = CmOpenAf;
        cm.CmCloseAfHandler = CmCloseAf;
        AfTrace_NdisSetOptionalHandlers_Enter(&set, "{\"handlers\":[\"call-manager\"]}");
        status = NdisSetOptionalHandlers(NdisDriverHandle, (PNDIS_DRIVER_OPTIONAL_HANDLERS)&cm);
        AfTrace_NdisSetOptionalHandlers_Return(&set, status, NULL);
    }
    AfTrace_ProtocolSetOptions_Return(&call, status, NULL);
    return status;
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    AFTRACE_CALL call;
    (void)DriverObject;
    AfTrace_NdisDeregisterProtocolDriver_Enter(&call, NULL);
    NdisDeregisterProtocolDriver(Protocol);
    AfTrace_NdisDeregisterProtocolDriver_Return(&call, NULL);
    AfTraceUnregister();
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS p;
    NDIS_STATUS status;
    AFTRACE_CALL call;

    (void)RegistryPath;
    DriverObject->DriverUnload = Unload;
    AfTraceRegister("callmgr.sys");
    NdisZeroMemory(&p, sizeof p);
    p.Header.Type = NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS;
    p.Header.Revision = NDIS_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1;
    p.Header.Size = sizeof p;
    p.MajorNdisVersion = 6;
    p.SetOptionsHandler = SetOptions;
    p.BindAdapterHandlerEx = BindAdapter;
    p.UnbindAdapterHandlerEx = UnbindAdapter;
    p.OpenAdapterCompleteHandlerEx = OpenAdapterComplete;
    p.CloseAdapterCompleteHandlerEx = CloseAdapterComplete;
    NdisInitUnicodeString(&p.Name, L"AftraceExampleCallManager");
    AfTrace_NdisRegisterProtocolDriver_Enter(&call, &DriverContext, NULL);
    status = NdisRegisterProtocolDriver(&DriverContext, &p, &Protocol);
    AfTrace_NdisRegisterProtocolDriver_Return(&call, status, NULL);
    if (status != NDIS_STATUS_SUCCESS) {
        AfTraceUnregister();
    }
    return (NTSTATUS)status;
}
