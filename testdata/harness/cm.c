// A stand-alone call manager: a protocol driver that serves an address family on every
// adapter that it is bound to.
#include <pthread.h>
#include <stdlib.h>
#include "harness.h"

#define MCM 0
#define NAME(x) Sig##x
#define ACTIVATE NdisCmActivateVc
#define DEACTIVATE NdisCmDeactivateVc
#define CREATE(home, af, context, vc) NdisCoCreateVc(((struct binding *)(home))->handle, af, context, vc)
#define DELETE NdisCoDeleteVc
struct binding { NDIS_HANDLE handle; };
#include "manager.h"

static NDIS_HANDLE driver;
static NDIS_AF serves = CO_ADDRESS_FAMILY_Q2931;
static struct binding *last;

CALLBACK NDIS_STATUS SigBind(NDIS_HANDLE ProtocolDriverContext, NDIS_HANDLE BindContext, PNDIS_BIND_PARAMETERS BindParameters) {
    CROSSED;
    (void)ProtocolDriverContext;
    struct binding *b = calloc(1, sizeof *b);
    if (!b) return NDIS_STATUS_RESOURCES;
    int media[] = {8};
    UINT selected;
    NDIS_OPEN_PARAMETERS o = {.Header = {0x87, 1, sizeof o}, .AdapterName = BindParameters->AdapterName, .MediumArray = media, .MediumArraySize = 1, .SelectedMediumIndex = &selected};
    NDIS_STATUS st = NdisOpenAdapterEx(driver, b, &o, BindContext, &b->handle);
    if (st != NDIS_STATUS_SUCCESS) {
        free(b);
        return st;
    }
    CO_ADDRESS_FAMILY af = {serves, serves == CO_ADDRESS_FAMILY_TAPI_PROXY ? 6 : 1, 0};
    NdisCmRegisterAddressFamilyEx(b->handle, &af); // refused: it stays bound, and serves nobody
    last = b;
    return NDIS_STATUS_SUCCESS;
}

static void unbind_later(void *p) {
    NDIS_HANDLE *context = p;
    NdisCompleteUnbindAdapterEx(*context);
    free(context);
}

CALLBACK NDIS_STATUS SigUnbind(NDIS_HANDLE UnbindContext, NDIS_HANDLE ProtocolBindingContext) {
    CROSSED;
    struct binding *b = ProtocolBindingContext;
    leave(b);
    harness_settle();
    NdisCloseAdapterEx(b->handle);
    if (last == b) last = NULL;
    free(b);
    NDIS_HANDLE *context = malloc(sizeof *context);
    if (!harness_options.pend || !context) {
        free(context);
        return NDIS_STATUS_SUCCESS;
    }
    *context = UnbindContext;
    harness_later(unbind_later, context);
    return NDIS_STATUS_PENDING;
}

CALLBACK VOID SigOpenComplete(NDIS_HANDLE ProtocolBindingContext, NDIS_STATUS Status) { CROSSED; (void)ProtocolBindingContext, (void)Status; }
CALLBACK VOID SigCloseComplete(NDIS_HANDLE ProtocolBindingContext) { CROSSED; (void)ProtocolBindingContext; }
CALLBACK NDIS_STATUS SigPnP(NDIS_HANDLE ProtocolBindingContext, PNET_PNP_EVENT_NOTIFICATION NetPnPEventNotification) {
    CROSSED;
    (void)ProtocolBindingContext, (void)NetPnPEventNotification;
    return NDIS_STATUS_SUCCESS;
}
CALLBACK VOID SigNotify(NDIS_HANDLE ProtocolBindingContext, PCO_ADDRESS_FAMILY AddressFamily) { CROSSED; (void)ProtocolBindingContext, (void)AddressFamily; }
static void SigUnused(void) {}

CALLBACK NDIS_STATUS SigSetOptions(NDIS_HANDLE NdisDriverHandle, NDIS_HANDLE DriverContext) {
    CROSSED;
    (void)DriverContext;
    NDIS_PROTOCOL_CO_CHARACTERISTICS co = {
        .Header = {0x90, 1, sizeof co}, .CoStatusHandlerEx = SigUnused, .CoAfRegisterNotifyHandler = SigNotify,
        .CoReceiveNetBufferListsHandler = SigUnused, .CoSendNetBufferListsCompleteHandler = SigUnused,
    };
    HANDLERS(h);
    NDIS_STATUS st = NdisSetOptionalHandlers(NdisDriverHandle, &co);
    return st == NDIS_STATUS_SUCCESS ? NdisSetOptionalHandlers(NdisDriverHandle, &h) : st;
}

NDIS_HANDLE cm_load(void) {
    static WCHAR name[] = u"signal";
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS c = {
        .Header = {0x95, 1, sizeof c}, .MajorNdisVersion = 6, .Name = {12, 14, name}, .SetOptionsHandler = SigSetOptions,
        .BindAdapterHandlerEx = SigBind, .UnbindAdapterHandlerEx = SigUnbind, .OpenAdapterCompleteHandlerEx = SigOpenComplete,
        .CloseAdapterCompleteHandlerEx = SigCloseComplete, .NetPnPEventHandler = SigPnP,
    };
    if (NdisRegisterProtocolDriver(&driver, &c, &driver) != NDIS_STATUS_SUCCESS) abort();
    return driver;
}

void cm_unload(void) { NdisDeregisterProtocolDriver(driver); }
void cm_serve(NDIS_AF af) { serves = af; }
int cm_offer(void) { return last && offer(last); }
