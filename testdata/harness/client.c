// A CoNDIS client. It is compiled twice: CLIENT_NUMBER is 1 or 2.
#include <pthread.h>
#include <stdlib.h>
#include "harness.h"

#define PASTE(a, b, c) a##b##c
#define EXPAND(a, b, c) PASTE(a, b, c)
#define OURS(x) EXPAND(client, CLIENT_NUMBER, _##x)

struct binding { NDIS_HANDLE handle; struct caf *af; NDIS_HANDLE unbind; };
struct caf { NDIS_HANDLE handle, sap; struct binding *b; CO_ADDRESS_FAMILY family; int opening, open, closing, has_sap, notified; };
struct cvc { NDIS_HANDLE handle; struct caf *af; CO_CALL_PARAMETERS params; CO_CALL_MANAGER_PARAMETERS cmp; NDIS_HANDLE party, second; };

static NDIS_HANDLE driver;
static NDIS_AF wants = CO_ADDRESS_FAMILY_Q2931;
static struct caf *current;
static struct { ULONG type, length; UCHAR bytes[12]; } sap = {SAP_TYPE_NSAP, 8, {'4', '9', '8', '9', CLIENT_NUMBER}};

CALLBACK VOID ClRegisterSapDone(NDIS_STATUS Status, NDIS_HANDLE ProtocolSapContext, PCO_SAP Sap, NDIS_HANDLE NdisSapHandle) {
    CROSSED;
    (void)Sap;
    struct caf *a = ProtocolSapContext;
    if (Status != NDIS_STATUS_SUCCESS) return;
    a->sap = NdisSapHandle;
    a->has_sap = 1;
}

CALLBACK VOID ClOpenDone(NDIS_HANDLE ProtocolAfContext, NDIS_HANDLE NdisAfHandle, NDIS_STATUS Status) {
    CROSSED;
    struct caf *a = ProtocolAfContext;
    a->opening = 0;
    if (Status != NDIS_STATUS_SUCCESS) {
        a->b->af = NULL;
        free(a);
        return;
    }
    a->handle = NdisAfHandle;
    a->open = 1;
    current = a;
    if (a->family.AddressFamily == CO_ADDRESS_FAMILY_TAPI_PROXY) sap.type = AF_TAPI_SAP_TYPE;
    NDIS_HANDLE handle = NULL;
    NDIS_STATUS st = NdisClRegisterSap(a->handle, a, (PCO_SAP)&sap, &handle);
    if (st != NDIS_STATUS_PENDING) ClRegisterSapDone(st, a, (PCO_SAP)&sap, handle);
}

CALLBACK VOID ClNotify(NDIS_HANDLE ProtocolBindingContext, PCO_ADDRESS_FAMILY AddressFamily) {
    CROSSED;
    struct binding *b = ProtocolBindingContext;
    if (AddressFamily->AddressFamily != wants || b->af) return;
    struct caf *a = calloc(1, sizeof *a);
    if (!a) return;
    a->b = b;
    a->family = *AddressFamily;
    a->opening = 1;
    b->af = a;
    NDIS_HANDLE handle = NULL;
    NDIS_STATUS st = NdisClOpenAddressFamilyEx(b->handle, AddressFamily, a, &handle);
    if (st != NDIS_STATUS_PENDING) ClOpenDone(a, handle, st);
}

// closed ends what waits for the AF to be closed: a notification, an unbind.
static void closed(struct caf *a) {
    struct binding *b = a->b;
    NDIS_HANDLE handle = a->handle, unbind = b->unbind;
    int notified = a->notified;
    b->af = NULL;
    if (current == a) current = NULL;
    if (harness_options.fault == FAULT_USE_AFTER_CLOSE) {
        NDIS_HANDLE vc = NULL;
        NdisCoCreateVc(b->handle, handle, a, &vc);
    }
    free(a);
    if (notified) NdisClNotifyCloseAddressFamilyComplete(handle, NDIS_STATUS_SUCCESS);
    if (unbind) {
        NdisCloseAdapterEx(b->handle);
        free(b);
        NdisCompleteUnbindAdapterEx(unbind);
    }
}

CALLBACK VOID ClCloseDone(NDIS_STATUS Status, NDIS_HANDLE ProtocolAfContext) {
    CROSSED;
    if (Status == NDIS_STATUS_SUCCESS) closed(ProtocolAfContext);
}

static void close_af(struct caf *a) {
    NDIS_STATUS st = NdisClCloseAddressFamily(a->handle);
    if (st != NDIS_STATUS_PENDING) ClCloseDone(st, a);
}

CALLBACK VOID ClDeregisterSapDone(NDIS_STATUS Status, NDIS_HANDLE ProtocolSapContext) {
    CROSSED;
    (void)Status;
    struct caf *a = ProtocolSapContext;
    a->has_sap = 0;
    close_af(a);
}

static void give_up(struct caf *a) {
    if (a->closing) return;
    a->closing = 1;
    if (a->has_sap)
        NdisClDeregisterSap(a->sap); // always pends
    else
        close_af(a);
}

static void give_up_later(void *a) { give_up(a); }

CALLBACK NDIS_STATUS ClNotifyClose(NDIS_HANDLE ClientAfContext) {
    CROSSED;
    struct caf *a = ClientAfContext;
    a->notified = 1;
    harness_later(give_up_later, a);
    return NDIS_STATUS_PENDING;
}

CALLBACK NDIS_STATUS ClBind(NDIS_HANDLE ProtocolDriverContext, NDIS_HANDLE BindContext, PNDIS_BIND_PARAMETERS BindParameters) {
    CROSSED;
    (void)ProtocolDriverContext;
    struct binding *b = calloc(1, sizeof *b);
    if (!b) return NDIS_STATUS_RESOURCES;
    NDIS_OPEN_PARAMETERS o = {.Header = {0x87, 1, sizeof o}, .AdapterName = BindParameters->AdapterName};
    NDIS_STATUS st = NdisOpenAdapterEx(driver, b, &o, BindContext, &b->handle);
    if (st != NDIS_STATUS_SUCCESS) free(b);
    return st;
}

CALLBACK NDIS_STATUS ClUnbind(NDIS_HANDLE UnbindContext, NDIS_HANDLE ProtocolBindingContext) {
    CROSSED;
    struct binding *b = ProtocolBindingContext;
    if (b->af && !b->af->opening) {
        b->unbind = UnbindContext;
        harness_later(give_up_later, b->af);
        return NDIS_STATUS_PENDING;
    }
    NdisCloseAdapterEx(b->handle);
    free(b);
    return NDIS_STATUS_SUCCESS;
}

CALLBACK NDIS_STATUS ClCreateVc(NDIS_HANDLE ProtocolAfContext, NDIS_HANDLE NdisVcHandle, PNDIS_HANDLE ProtocolVcContext) {
    CROSSED;
    struct cvc *v = calloc(1, sizeof *v);
    if (!v) return NDIS_STATUS_RESOURCES;
    v->handle = NdisVcHandle;
    v->af = ProtocolAfContext;
    *ProtocolVcContext = v;
    return NDIS_STATUS_SUCCESS;
}

CALLBACK NDIS_STATUS ClDeleteVc(NDIS_HANDLE ProtocolVcContext) {
    CROSSED;
    free(ProtocolVcContext);
    return NDIS_STATUS_SUCCESS;
}

CALLBACK VOID ClMakeCallDone(NDIS_STATUS Status, NDIS_HANDLE ProtocolVcContext, NDIS_HANDLE NdisPartyHandle, PCO_CALL_PARAMETERS CallParameters) {
    CROSSED;
    (void)Status, (void)CallParameters;
    ((struct cvc *)ProtocolVcContext)->party = NdisPartyHandle;
}

CALLBACK VOID ClCloseCallDone(NDIS_STATUS Status, NDIS_HANDLE ProtocolVcContext, NDIS_HANDLE ProtocolPartyContext) { CROSSED; (void)Status, (void)ProtocolVcContext, (void)ProtocolPartyContext; }

CALLBACK VOID ClModifyQoSDone(NDIS_STATUS Status, NDIS_HANDLE ProtocolVcContext, PCO_CALL_PARAMETERS CallParameters) { CROSSED; (void)Status, (void)ProtocolVcContext, (void)CallParameters; }

CALLBACK VOID ClAddPartyDone(NDIS_STATUS Status, NDIS_HANDLE ProtocolPartyContext, NDIS_HANDLE NdisPartyHandle, PCO_CALL_PARAMETERS CallParameters) {
    CROSSED;
    (void)Status, (void)CallParameters;
    *(NDIS_HANDLE *)ProtocolPartyContext = NdisPartyHandle;
}

CALLBACK VOID ClDropPartyDone(NDIS_STATUS Status, NDIS_HANDLE ProtocolPartyContext) { CROSSED; (void)Status, (void)ProtocolPartyContext; }

struct answer { struct cvc *v; PCO_CALL_PARAMETERS params; };

static void answer(void *p) {
    struct answer *a = p;
    NdisClIncomingCallComplete(NDIS_STATUS_SUCCESS, a->v->handle, a->params);
    free(a);
}

CALLBACK NDIS_STATUS ClIncomingCall(NDIS_HANDLE ProtocolSapContext, NDIS_HANDLE ProtocolVcContext, PCO_CALL_PARAMETERS CallParameters) {
    CROSSED;
    (void)ProtocolSapContext;
    struct answer *a = harness_options.pend ? calloc(1, sizeof *a) : NULL;
    if (!a) return NDIS_STATUS_SUCCESS;
    a->v = ProtocolVcContext;
    a->params = CallParameters;
    harness_later(answer, a);
    return NDIS_STATUS_PENDING;
}

CALLBACK VOID ClIncomingQoS(NDIS_HANDLE ProtocolVcContext, PCO_CALL_PARAMETERS CallParameters) { CROSSED; (void)ProtocolVcContext, (void)CallParameters; }

static void end(struct cvc *v) {
    NDIS_STATUS st = NdisClCloseCall(v->handle, v->party, NULL, 0);
    if (st != NDIS_STATUS_PENDING) ClCloseCallDone(st, v, NULL);
}

CALLBACK VOID ClIncomingClose(NDIS_STATUS CloseStatus, NDIS_HANDLE ProtocolVcContext, PVOID CloseData, UINT Size) {
    CROSSED;
    (void)CloseStatus, (void)CloseData, (void)Size;
    end(ProtocolVcContext);
}

CALLBACK VOID ClIncomingDrop(NDIS_STATUS DropStatus, NDIS_HANDLE ProtocolPartyContext, PVOID CloseData, UINT Size) { CROSSED; (void)DropStatus, (void)ProtocolPartyContext, (void)CloseData, (void)Size; }
CALLBACK VOID ClConnected(NDIS_HANDLE ProtocolVcContext) { CROSSED; (void)ProtocolVcContext; }

CALLBACK NDIS_STATUS ClOid(NDIS_HANDLE ProtocolAfContext, NDIS_HANDLE ProtocolVcContext, NDIS_HANDLE ProtocolPartyContext, PNDIS_OID_REQUEST OidRequest) {
    CROSSED;
    (void)ProtocolAfContext, (void)ProtocolVcContext, (void)ProtocolPartyContext, (void)OidRequest;
    return NDIS_STATUS_NOT_SUPPORTED;
}

CALLBACK VOID ClOidDone(NDIS_HANDLE ProtocolAfContext, NDIS_HANDLE ProtocolVcContext, NDIS_HANDLE ProtocolPartyContext, PNDIS_OID_REQUEST OidRequest, NDIS_STATUS Status) {
    CROSSED;
    (void)ProtocolAfContext, (void)ProtocolVcContext, (void)ProtocolPartyContext, (void)OidRequest, (void)Status;
}

CALLBACK NDIS_STATUS ClPnP(NDIS_HANDLE ProtocolBindingContext, PNET_PNP_EVENT_NOTIFICATION NetPnPEventNotification) {
    CROSSED;
    (void)ProtocolBindingContext, (void)NetPnPEventNotification;
    return NDIS_STATUS_SUCCESS;
}
CALLBACK VOID ClOpenAdapterDone(NDIS_HANDLE ProtocolBindingContext, NDIS_STATUS Status) { CROSSED; (void)ProtocolBindingContext, (void)Status; }
CALLBACK VOID ClCloseAdapterDone(NDIS_HANDLE ProtocolBindingContext) { CROSSED; (void)ProtocolBindingContext; }
static void ClUnused(void) {}

CALLBACK NDIS_STATUS ClSetOptions(NDIS_HANDLE NdisDriverHandle, NDIS_HANDLE DriverContext) {
    CROSSED;
    (void)DriverContext;
    NDIS_PROTOCOL_CO_CHARACTERISTICS co = {
        .Header = {0x90, 1, sizeof co}, .CoStatusHandlerEx = ClUnused, .CoAfRegisterNotifyHandler = ClNotify,
        .CoReceiveNetBufferListsHandler = ClUnused, .CoSendNetBufferListsCompleteHandler = ClUnused,
    };
    NDIS_CO_CLIENT_OPTIONAL_HANDLERS h = {
        .Header = {0xA6, 1, sizeof h}, .ClCreateVcHandler = ClCreateVc, .ClDeleteVcHandler = ClDeleteVc,
        .ClOidRequestHandler = ClOid, .ClOidRequestCompleteHandler = ClOidDone, .ClOpenAfCompleteHandlerEx = ClOpenDone,
        .ClCloseAfCompleteHandler = ClCloseDone, .ClRegisterSapCompleteHandler = ClRegisterSapDone,
        .ClDeregisterSapCompleteHandler = ClDeregisterSapDone, .ClMakeCallCompleteHandler = ClMakeCallDone,
        .ClModifyCallQoSCompleteHandler = ClModifyQoSDone, .ClCloseCallCompleteHandler = ClCloseCallDone,
        .ClAddPartyCompleteHandler = ClAddPartyDone, .ClDropPartyCompleteHandler = ClDropPartyDone,
        .ClIncomingCallHandler = ClIncomingCall, .ClIncomingCallQoSChangeHandler = ClIncomingQoS,
        .ClIncomingCloseCallHandler = ClIncomingClose, .ClIncomingDropPartyHandler = ClIncomingDrop,
        .ClCallConnectedHandler = ClConnected, .ClNotifyCloseAfHandler = ClNotifyClose,
    };
    NDIS_STATUS st = NdisSetOptionalHandlers(NdisDriverHandle, &co);
    return st == NDIS_STATUS_SUCCESS ? NdisSetOptionalHandlers(NdisDriverHandle, &h) : st;
}

NDIS_HANDLE OURS(load)(void) {
    static WCHAR name[] = u"client";
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS c = {
        .Header = {0x95, 1, sizeof c}, .MajorNdisVersion = 6, .Name = {14, 16, NULL}, .SetOptionsHandler = ClSetOptions,
        .BindAdapterHandlerEx = ClBind, .UnbindAdapterHandlerEx = ClUnbind, .OpenAdapterCompleteHandlerEx = ClOpenAdapterDone,
        .CloseAdapterCompleteHandlerEx = ClCloseAdapterDone, .NetPnPEventHandler = ClPnP,
    };
    static WCHAR numbered[8];
    for (int i = 0; i < 6; i++) numbered[i] = name[i];
    numbered[6] = '0' + CLIENT_NUMBER;
    c.Name.Buffer = numbered;
    if (NdisRegisterProtocolDriver(&driver, &c, &driver) != NDIS_STATUS_SUCCESS) abort();
    return driver;
}

void OURS(unload)(void) { NdisDeregisterProtocolDriver(driver); }
void OURS(wants)(NDIS_AF af) { wants = af; }

static struct cvc *create(void) {
    struct caf *a = current;
    struct cvc *v = a ? calloc(1, sizeof *v) : NULL;
    if (!v) return NULL;
    v->af = a;
    v->cmp.Transmit.TokenRate = 64000;
    v->params.CallMgrParameters = &v->cmp;
    if (NdisCoCreateVc(a->b->handle, a->handle, v, &v->handle) == NDIS_STATUS_SUCCESS) return v;
    free(v);
    return NULL;
}

static int destroy(struct cvc *v) {
    NDIS_STATUS st = NdisCoDeleteVc(v->handle);
    free(v);
    return st == NDIS_STATUS_SUCCESS;
}

int OURS(vc)(void) {
    struct cvc *v = create();
    return v && destroy(v);
}

int OURS(call)(void) {
    static NDIS_OID_REQUEST r;
    r = (NDIS_OID_REQUEST){.Header = {0x96, 1, sizeof r}, .RequestType = 1};
    r.DATA.QUERY_INFORMATION.Oid = OID_CO_TAPI_CM_CAPS;
    struct cvc *v = create();
    if (!v) return 0;
    NDIS_STATUS st = NdisCoOidRequest(v->af->b->handle, v->af->handle, NULL, NULL, &r);
    (void)st;
    harness_settle();
    for (int i = 0; i < 2; i++) { // the VC is used twice
        st = NdisClMakeCall(v->handle, &v->params, NULL, NULL);
        if (st != NDIS_STATUS_PENDING) ClMakeCallDone(st, v, NULL, &v->params);
        harness_settle();
        end(v);
        harness_settle();
    }
    return destroy(v);
}

int OURS(conference)(void) {
    struct cvc *v = create();
    if (!v) return 0;
    v->params.Flags = MULTIPOINT_VC;
    NDIS_HANDLE first = NULL;
    NDIS_STATUS st = NdisClMakeCall(v->handle, &v->params, &v->party, &first);
    if (st != NDIS_STATUS_PENDING) ClMakeCallDone(st, v, first, &v->params);
    harness_settle();
    NDIS_HANDLE second = NULL;
    st = NdisClAddParty(v->handle, &v->second, &v->params, &second);
    if (st != NDIS_STATUS_PENDING) ClAddPartyDone(st, &v->second, second, &v->params);
    harness_settle();
    st = NdisClDropParty(v->second, NULL, 0);
    if (st != NDIS_STATUS_PENDING) ClDropPartyDone(st, &v->second);
    harness_settle();
    end(v);
    harness_settle();
    return destroy(v);
}

void OURS(leave)(void) {
    if (current) give_up(current);
    harness_settle();
}
