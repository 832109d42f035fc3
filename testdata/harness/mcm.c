// A miniport call manager: the miniport of its adapters, and their call manager.
#include <pthread.h>
#include <stdlib.h>
#include "harness.h"

#define MCM 1
#define NAME(x) Wan##x
#define ACTIVATE NdisMCmActivateVc
#define DEACTIVATE NdisMCmDeactivateVc
#define CREATE(home, af, context, vc) NdisMCmCreateVc(((struct nic *)(home))->handle, af, context, vc)
#define DELETE NdisMCmDeleteVc
struct nic { NDIS_HANDLE handle; };
#include "manager.h"

static NDIS_HANDLE driver;
static struct nic *last;

CALLBACK NDIS_STATUS WanMpActivateVc(NDIS_HANDLE MiniportVcContext, PCO_CALL_PARAMETERS CallParameters) {
    CROSSED;
    (void)MiniportVcContext, (void)CallParameters;
    return NDIS_STATUS_NOT_SUPPORTED;
}
CALLBACK NDIS_STATUS WanMpDeactivateVc(NDIS_HANDLE MiniportVcContext) { CROSSED; (void)MiniportVcContext; return NDIS_STATUS_NOT_SUPPORTED; }
CALLBACK NDIS_STATUS WanMpOid(NDIS_HANDLE MiniportAdapterContext, NDIS_HANDLE MiniportVcContext, PNDIS_OID_REQUEST OidRequest) {
    CROSSED;
    (void)MiniportAdapterContext, (void)MiniportVcContext, (void)OidRequest;
    return NDIS_STATUS_NOT_SUPPORTED;
}
static void WanUnused(void) {}

CALLBACK NDIS_STATUS WanInitialize(NDIS_HANDLE MiniportAdapterHandle, NDIS_HANDLE MiniportDriverContext, PNDIS_MINIPORT_INIT_PARAMETERS MiniportInitParameters) {
    CROSSED;
    (void)MiniportDriverContext, (void)MiniportInitParameters;
    struct nic *n = calloc(1, sizeof *n);
    if (!n) return NDIS_STATUS_RESOURCES;
    n->handle = MiniportAdapterHandle;
    NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES r = {.Header = {0x9E, 1, sizeof r}, .MiniportAdapterContext = n};
    NDIS_STATUS st = NdisMSetMiniportAttributes(MiniportAdapterHandle, &r);
    CO_ADDRESS_FAMILY af = {CO_ADDRESS_FAMILY_TAPI_PROXY, 6, 0};
    if (st == NDIS_STATUS_SUCCESS) st = NdisMCmRegisterAddressFamilyEx(MiniportAdapterHandle, &af);
    last = n;
    return st;
}

CALLBACK VOID WanHalt(NDIS_HANDLE MiniportAdapterContext, NDIS_HALT_ACTION HaltAction) {
    CROSSED;
    (void)HaltAction;
    leave(MiniportAdapterContext);
    harness_settle();
    if (last == MiniportAdapterContext) last = NULL;
    free(MiniportAdapterContext);
}

CALLBACK VOID WanPnP(NDIS_HANDLE MiniportAdapterContext, PNET_DEVICE_PNP_EVENT NetDevicePnPEvent) { CROSSED; (void)MiniportAdapterContext, (void)NetDevicePnPEvent; }

CALLBACK NDIS_STATUS WanSetOptions(NDIS_HANDLE NdisDriverHandle, NDIS_HANDLE DriverContext) {
    CROSSED;
    (void)DriverContext;
    NDIS_MINIPORT_CO_CHARACTERISTICS c = {
        .Header = {0x91, 1, sizeof c}, .CoActivateVcHandler = WanMpActivateVc, .CoDeactivateVcHandler = WanMpDeactivateVc,
        .CoSendNetBufferListsHandler = WanUnused, .CoOidRequestHandler = WanMpOid,
    };
    HANDLERS(h);
    NDIS_STATUS st = NdisSetOptionalHandlers(NdisDriverHandle, &c);
    return st == NDIS_STATUS_SUCCESS ? NdisSetOptionalHandlers(NdisDriverHandle, &h) : st;
}

NDIS_HANDLE mcm_load(void) {
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS c = {
        .Header = {0x8A, 1, sizeof c}, .MajorNdisVersion = 6, .SetOptionsHandler = WanSetOptions,
        .InitializeHandlerEx = WanInitialize, .HaltHandlerEx = WanHalt, .DevicePnPEventNotifyHandler = WanPnP,
    };
    if (NdisMRegisterMiniportDriver(&driver, NULL, &driver, &c, &driver) != NDIS_STATUS_SUCCESS) abort();
    return driver;
}

void mcm_unload(void) { NdisMDeregisterMiniportDriver(driver); }
int mcm_offer(void) { return last && offer(last); }
