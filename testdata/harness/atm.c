// A connection-oriented miniport without a call manager of its own.
#include <stdlib.h>
#include "harness.h"

static NDIS_HANDLE driver;
struct nic { NDIS_HANDLE handle; };
struct mvc { NDIS_HANDLE handle; PCO_CALL_PARAMETERS params; };

static void activated(void *p) { struct mvc *v = p; NdisMCoActivateVcComplete(NDIS_STATUS_SUCCESS, v->handle, v->params); }
static void deactivated(void *p) { struct mvc *v = p; NdisMCoDeactivateVcComplete(NDIS_STATUS_SUCCESS, v->handle); }

CALLBACK NDIS_STATUS AtmCreateVc(NDIS_HANDLE MiniportAdapterContext, NDIS_HANDLE NdisVcHandle, PNDIS_HANDLE MiniportVcContext) {
    CROSSED;
    (void)MiniportAdapterContext;
    struct mvc *v = calloc(1, sizeof *v);
    if (!v) return NDIS_STATUS_RESOURCES;
    v->handle = NdisVcHandle;
    *MiniportVcContext = v;
    return NDIS_STATUS_SUCCESS;
}

CALLBACK NDIS_STATUS AtmDeleteVc(NDIS_HANDLE MiniportVcContext) {
    CROSSED;
    free(MiniportVcContext);
    return NDIS_STATUS_SUCCESS;
}

CALLBACK NDIS_STATUS AtmActivateVc(NDIS_HANDLE MiniportVcContext, PCO_CALL_PARAMETERS CallParameters) {
    CROSSED;
    struct mvc *v = MiniportVcContext;
    v->params = CallParameters;
    if (!harness_options.pend) return NDIS_STATUS_SUCCESS;
    harness_later(activated, v);
    return NDIS_STATUS_PENDING;
}

CALLBACK NDIS_STATUS AtmDeactivateVc(NDIS_HANDLE MiniportVcContext) {
    CROSSED;
    if (!harness_options.pend) return NDIS_STATUS_SUCCESS;
    harness_later(deactivated, MiniportVcContext);
    return NDIS_STATUS_PENDING;
}

CALLBACK NDIS_STATUS AtmOid(NDIS_HANDLE MiniportAdapterContext, NDIS_HANDLE MiniportVcContext, PNDIS_OID_REQUEST OidRequest) {
    CROSSED;
    (void)MiniportAdapterContext, (void)MiniportVcContext, (void)OidRequest;
    return NDIS_STATUS_NOT_SUPPORTED;
}

static void AtmSend(void) {}

CALLBACK NDIS_STATUS AtmInitialize(NDIS_HANDLE MiniportAdapterHandle, NDIS_HANDLE MiniportDriverContext, PNDIS_MINIPORT_INIT_PARAMETERS MiniportInitParameters) {
    CROSSED;
    (void)MiniportDriverContext, (void)MiniportInitParameters;
    struct nic *n = calloc(1, sizeof *n);
    if (!n) return NDIS_STATUS_RESOURCES;
    n->handle = MiniportAdapterHandle;
    NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES r = {.Header = {0x9E, 1, sizeof r}, .MiniportAdapterContext = n};
    return NdisMSetMiniportAttributes(MiniportAdapterHandle, &r);
}

CALLBACK VOID AtmHalt(NDIS_HANDLE MiniportAdapterContext, NDIS_HALT_ACTION HaltAction) {
    CROSSED;
    (void)HaltAction;
    free(MiniportAdapterContext);
}

CALLBACK VOID AtmPnP(NDIS_HANDLE MiniportAdapterContext, PNET_DEVICE_PNP_EVENT NetDevicePnPEvent) {
    CROSSED;
    (void)MiniportAdapterContext, (void)NetDevicePnPEvent;
}

CALLBACK NDIS_STATUS AtmSetOptions(NDIS_HANDLE NdisDriverHandle, NDIS_HANDLE DriverContext) {
    CROSSED;
    (void)DriverContext;
    NDIS_MINIPORT_CO_CHARACTERISTICS c = {
        .Header = {0x91, 1, sizeof c}, .CoCreateVcHandler = AtmCreateVc, .CoDeleteVcHandler = AtmDeleteVc,
        .CoActivateVcHandler = AtmActivateVc, .CoDeactivateVcHandler = AtmDeactivateVc,
        .CoSendNetBufferListsHandler = AtmSend, .CoOidRequestHandler = AtmOid,
    };
    return NdisSetOptionalHandlers(NdisDriverHandle, &c);
}

NDIS_HANDLE atm_load(void) {
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS c = {
        .Header = {0x8A, 1, sizeof c}, .MajorNdisVersion = 6, .SetOptionsHandler = AtmSetOptions,
        .InitializeHandlerEx = AtmInitialize, .HaltHandlerEx = AtmHalt, .DevicePnPEventNotifyHandler = AtmPnP,
    };
    if (NdisMRegisterMiniportDriver(&driver, NULL, &driver, &c, &driver) != NDIS_STATUS_SUCCESS) abort();
    return driver;
}

void atm_unload(void) { NdisMDeregisterMiniportDriver(driver); }
