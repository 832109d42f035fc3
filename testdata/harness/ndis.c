// A user-mode NDIS for connection-oriented drivers: as much of it as their tests need.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#ifndef HARNESS_ULONG8
#include "layout.h"
#endif

unsigned long harness_crossings;
struct options harness_options;

#define MAX 16

struct driver {
    NDIS_HANDLE context;
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS protocol;
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS miniport;
    NDIS_PROTOCOL_CO_CHARACTERISTICS co;
    NDIS_MINIPORT_CO_CHARACTERISTICS mco;
    NDIS_CO_CALL_MANAGER_OPTIONAL_HANDLERS cm;
    NDIS_CO_CLIENT_OPTIONAL_HANDLERS cl;
    int is_miniport, is_cm, is_client;
};

struct binding {
    struct driver *driver;
    adapter *adapter;
    NDIS_HANDLE context;
    int open, bound;
};

struct family {
    CO_ADDRESS_FAMILY af;
    struct binding *binding; // of the call manager; NULL for the MCM
    struct binding *told[MAX];
};

struct adapter {
    UNICODE_STRING name;
    WCHAR text[32];
    struct driver *miniport;
    NDIS_HANDLE context;
    ULONG64 luid;
    unsigned index;
    struct binding *bindings[MAX];
    struct family *families[MAX];
};

struct af {
    struct family *family;
    struct binding *client;
    NDIS_HANDLE cl, cm;
    int closed, notifying;
};

struct sap {
    struct af *af;
    NDIS_HANDLE cl, cm;
    PCO_SAP value;
};

struct vc {
    struct af *af;
    NDIS_HANDLE cl, cm, mp;
    int of_manager; // who created it, and may delete it
};

struct party {
    struct vc *vc;
    NDIS_HANDLE cl, cm;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *new(size_t size) {
    void *p = calloc(1, size);
    if (!p) abort();
    return p;
}

static int add(void **list, void *p) {
    int i, found = 0;
    pthread_mutex_lock(&lock);
    for (i = 0; i < MAX && !found; i++)
        if (!list[i]) list[i] = p, found = 1;
    pthread_mutex_unlock(&lock);
    return found;
}

static void del(void **list, void *p) {
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MAX; i++)
        if (list[i] == p) list[i] = NULL;
    pthread_mutex_unlock(&lock);
}

static adapter *home(struct af *af) { return af->client->adapter; }
static struct driver *manager(struct af *af) { return af->family->binding ? af->family->binding->driver : home(af)->miniport; }
static NDIS_CO_CALL_MANAGER_OPTIONAL_HANDLERS *cm(struct af *af) { return &manager(af)->cm; }
static NDIS_CO_CLIENT_OPTIONAL_HANDLERS *cl(struct af *af) { return &af->client->driver->cl; }
static NDIS_MINIPORT_CO_CHARACTERISTICS *mp(struct af *af) { return &home(af)->miniport->mco; }
static int is_mcm(struct af *af) { return !af->family->binding; }

// ---- 3.1 drivers and bindings

NDIS_STATUS NdisRegisterProtocolDriver(NDIS_HANDLE ProtocolDriverContext, PNDIS_PROTOCOL_DRIVER_CHARACTERISTICS ProtocolCharacteristics, PNDIS_HANDLE NdisProtocolHandle) {
    CROSSED;
    struct driver *d = new (sizeof *d);
    d->context = ProtocolDriverContext;
    d->protocol = *ProtocolCharacteristics;
    *NdisProtocolHandle = d;
    NDIS_STATUS st = NDIS_STATUS_SUCCESS;
    if (d->protocol.SetOptionsHandler) st = d->protocol.SetOptionsHandler(d, d->context);
    if (st != NDIS_STATUS_SUCCESS) {
        *NdisProtocolHandle = NULL;
        free(d);
    }
    return st;
}

VOID NdisDeregisterProtocolDriver(NDIS_HANDLE NdisProtocolHandle) {
    CROSSED;
    struct driver *d = NdisProtocolHandle;
    if (d->protocol.UninstallHandler) d->protocol.UninstallHandler();
    free(d);
}

NDIS_STATUS NdisSetOptionalHandlers(NDIS_HANDLE NdisHandle, PVOID OptionalHandlers) {
    CROSSED;
    struct driver *d = NdisHandle;
    switch (((NDIS_OBJECT_HEADER *)OptionalHandlers)->Type) {
    case 0x90: memcpy(&d->co, OptionalHandlers, sizeof d->co); break;
    case 0x91: memcpy(&d->mco, OptionalHandlers, sizeof d->mco); break;
    case 0xA5: memcpy(&d->cm, OptionalHandlers, sizeof d->cm); d->is_cm = 1; break;
    case 0xA6: memcpy(&d->cl, OptionalHandlers, sizeof d->cl); d->is_client = 1; break;
    default: return NDIS_STATUS_FAILURE;
    }
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS NdisMRegisterMiniportDriver(PVOID DriverObject, PUNICODE_STRING RegistryPath, NDIS_HANDLE MiniportDriverContext, PNDIS_MINIPORT_DRIVER_CHARACTERISTICS MiniportDriverCharacteristics, PNDIS_HANDLE NdisMiniportDriverHandle) {
    CROSSED;
    (void)DriverObject, (void)RegistryPath;
    struct driver *d = new (sizeof *d);
    d->context = MiniportDriverContext;
    d->miniport = *MiniportDriverCharacteristics;
    d->is_miniport = 1;
    *NdisMiniportDriverHandle = d;
    return d->miniport.SetOptionsHandler ? d->miniport.SetOptionsHandler(d, d->context) : NDIS_STATUS_SUCCESS;
}

VOID NdisMDeregisterMiniportDriver(NDIS_HANDLE NdisMiniportDriverHandle) {
    CROSSED;
    free(NdisMiniportDriverHandle);
}

NDIS_STATUS NdisMSetMiniportAttributes(NDIS_HANDLE NdisMiniportHandle, PNDIS_MINIPORT_ADAPTER_ATTRIBUTES MiniportAttributes) {
    CROSSED;
    adapter *a = NdisMiniportHandle;
    NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES *r = MiniportAttributes;
    if (r->Header.Type != 0x9E) return NDIS_STATUS_FAILURE;
    a->context = r->MiniportAdapterContext;
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS NdisOpenAdapterEx(NDIS_HANDLE NdisProtocolHandle, NDIS_HANDLE ProtocolBindingContext, PNDIS_OPEN_PARAMETERS OpenParameters, NDIS_HANDLE BindContext, PNDIS_HANDLE NdisBindingHandle) {
    CROSSED;
    (void)NdisProtocolHandle, (void)OpenParameters;
    struct binding *b = BindContext;
    b->context = ProtocolBindingContext;
    b->open = 1;
    *NdisBindingHandle = b;
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS NdisCloseAdapterEx(NDIS_HANDLE NdisBindingHandle) {
    CROSSED;
    struct binding *b = NdisBindingHandle;
    b->open = 0;
    pthread_mutex_lock(&lock); // the families of its call manager go with the binding
    for (int i = 0; i < MAX; i++)
        if (b->adapter->families[i] && b->adapter->families[i]->binding == b) b->adapter->families[i] = NULL;
    pthread_mutex_unlock(&lock);
    return NDIS_STATUS_SUCCESS;
}

// Every client is told once of every family on its adapter, after both are there.
static void notify(adapter *a) {
    for (;;) {
        struct family *f = NULL;
        struct binding *b = NULL;
        pthread_mutex_lock(&lock);
        for (int i = 0; i < MAX && !f; i++)
            for (int k = 0; a->families[i] && k < MAX && !f; k++) {
                struct binding *x = a->bindings[k];
                if (!x || !x->bound || !x->driver->is_client || !x->driver->co.CoAfRegisterNotifyHandler) continue;
                if (a->families[i]->binding && !a->families[i]->binding->bound) continue;
                for (int t = 0; t < MAX; t++) {
                    if (a->families[i]->told[t] == x) break;
                    if (!a->families[i]->told[t]) {
                        a->families[i]->told[t] = x;
                        f = a->families[i], b = x;
                        break;
                    }
                }
            }
        pthread_mutex_unlock(&lock);
        if (!f) return;
        CO_ADDRESS_FAMILY af = f->af;
        b->driver->co.CoAfRegisterNotifyHandler(b->context, &af);
    }
}

VOID NdisCompleteBindAdapterEx(NDIS_HANDLE BindAdapterContext, NDIS_STATUS Status) {
    CROSSED;
    struct binding *b = BindAdapterContext;
    b->bound = Status == NDIS_STATUS_SUCCESS;
}

VOID NdisCompleteUnbindAdapterEx(NDIS_HANDLE UnbindContext) {
    CROSSED;
    ((struct binding *)UnbindContext)->bound = 0;
}

static void unbind(struct binding *b) {
    if (b->driver->protocol.UnbindAdapterHandlerEx(b, b->context) != NDIS_STATUS_PENDING) b->bound = 0;
    harness_settle();
    if (b->bound || b->open) abort();
    del((void **)b->adapter->bindings, b);
    free(b);
}

void pnp_bind(NDIS_HANDLE protocol, adapter *a) {
    struct binding *b = new (sizeof *b);
    b->driver = protocol;
    b->adapter = a;
    add((void **)a->bindings, b);
    NDIS_BIND_PARAMETERS p = {{0x86, 4, sizeof p}};
    p.AdapterName = &a->name;
    p.MediaType = 8; // NdisMediumAtm
    p.BoundIfNetluid.Value = p.LowestIfNetluid.Value = a->luid;
    p.BoundIfIndex = p.LowestIfIndex = a->index;
    NDIS_STATUS st = b->driver->protocol.BindAdapterHandlerEx(b->driver->context, b, &p);
    if (st == NDIS_STATUS_SUCCESS) b->bound = 1;
    harness_settle();
    if (!b->bound) {
        del((void **)a->bindings, b);
        free(b);
        return;
    }
    notify(a);
    harness_settle();
}

void pnp_unbind(NDIS_HANDLE protocol, adapter *a) {
    for (int i = 0; i < MAX; i++)
        if (a->bindings[i] && a->bindings[i]->driver == protocol) unbind(a->bindings[i]);
}

adapter *pnp_add(const char *name, NDIS_HANDLE miniport, unsigned index) {
    adapter *a = new (sizeof *a);
    for (size_t i = 0; name[i] && i < 31; i++) a->text[i] = (unsigned char)name[i], a->name.Length += 2;
    a->name.Buffer = a->text;
    a->name.MaximumLength = sizeof a->text;
    a->miniport = miniport;
    a->index = index;
    a->luid = (ULONG64)237 << 48 | (ULONG64)index << 24;
    NDIS_MINIPORT_INIT_PARAMETERS p = {{0x81, 1, sizeof p}};
    p.IfIndex = index;
    p.NetLuid.Value = a->luid;
    if (a->miniport->miniport.InitializeHandlerEx(a, a->miniport->context, &p) != NDIS_STATUS_SUCCESS) abort();
    return a;
}

void pnp_remove(adapter *a, int surprise) {
    if (surprise) {
        NET_PNP_EVENT_NOTIFICATION n = {{0x98, 1, sizeof n}, 0, {NetEventQueryRemoveDevice, NULL, 0}};
        for (int i = 0; i < MAX; i++)
            if (a->bindings[i] && a->bindings[i]->driver->protocol.NetPnPEventHandler) a->bindings[i]->driver->protocol.NetPnPEventHandler(a->bindings[i]->context, &n);
        NET_DEVICE_PNP_EVENT e = {{0x99, 1, sizeof e}, 0, NdisDevicePnPEventSurpriseRemoved, NULL, 0};
        if (a->miniport->miniport.DevicePnPEventNotifyHandler) a->miniport->miniport.DevicePnPEventNotifyHandler(a->context, &e);
    }
    for (int i = MAX - 1; i >= 0; i--)
        if (a->bindings[i]) unbind(a->bindings[i]);
    a->miniport->miniport.HaltHandlerEx(a->context, surprise ? NdisHaltDeviceSurpriseRemoved : NdisHaltDeviceDisabled);
}

// ---- 3.2 address families

static NDIS_STATUS claim(adapter *a, struct binding *b, PCO_ADDRESS_FAMILY af) {
    int taken = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MAX; i++)
        if (a->families[i] && a->families[i]->af.AddressFamily == af->AddressFamily) taken = 1;
    pthread_mutex_unlock(&lock);
    if (taken && harness_options.fault != FAULT_DOUBLE_REGISTRATION) return NDIS_STATUS_FAILURE;
    struct family *f = new (sizeof *f);
    f->af = *af;
    f->binding = b;
    return add((void **)a->families, f) ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESOURCES;
}

NDIS_STATUS NdisCmRegisterAddressFamilyEx(NDIS_HANDLE NdisBindingHandle, PCO_ADDRESS_FAMILY AddressFamily) {
    CROSSED;
    struct binding *b = NdisBindingHandle;
    return b->driver->is_cm ? claim(b->adapter, b, AddressFamily) : NDIS_STATUS_FAILURE;
}

NDIS_STATUS NdisMCmRegisterAddressFamilyEx(NDIS_HANDLE MiniportAdapterHandle, PCO_ADDRESS_FAMILY AddressFamily) {
    CROSSED;
    return claim(MiniportAdapterHandle, NULL, AddressFamily);
}

// ---- 3.3 open

NDIS_STATUS NdisClOpenAddressFamilyEx(NDIS_HANDLE NdisBindingHandle, PCO_ADDRESS_FAMILY AddressFamily, NDIS_HANDLE ClientAfContext, PNDIS_HANDLE NdisAfHandle) {
    CROSSED;
    struct binding *b = NdisBindingHandle;
    struct family *f = NULL;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MAX && !f; i++)
        if (b->adapter->families[i] && b->adapter->families[i]->af.AddressFamily == AddressFamily->AddressFamily) f = b->adapter->families[i];
    pthread_mutex_unlock(&lock);
    if (!f) return NDIS_STATUS_FAILURE;
    struct af *af = new (sizeof *af);
    af->family = f;
    af->client = b;
    af->cl = ClientAfContext;
    NDIS_HANDLE context = NULL;
    NDIS_STATUS st = cm(af)->CmOpenAfHandler(f->binding ? f->binding->context : b->adapter->context, AddressFamily, af, &context);
    if (st == NDIS_STATUS_SUCCESS) {
        af->cm = context;
        *NdisAfHandle = af;
    } else if (st != NDIS_STATUS_PENDING) {
        free(af);
    }
    return st;
}

VOID NdisCmOpenAddressFamilyComplete(NDIS_STATUS Status, NDIS_HANDLE NdisAfHandle, NDIS_HANDLE CallMgrAfContext) {
    CROSSED;
    struct af *af = NdisAfHandle;
    af->cm = CallMgrAfContext;
    cl(af)->ClOpenAfCompleteHandlerEx(af->cl, Status == NDIS_STATUS_SUCCESS ? af : NULL, Status);
    if (Status != NDIS_STATUS_SUCCESS) free(af);
}

// ---- 3.4 close

static void gone(struct af *af) {
    if (!af->notifying && harness_options.fault != FAULT_USE_AFTER_CLOSE) free(af);
}

NDIS_STATUS NdisClCloseAddressFamily(NDIS_HANDLE NdisAfHandle) {
    CROSSED;
    struct af *af = NdisAfHandle;
    NDIS_STATUS st = cm(af)->CmCloseAfHandler(af->cm);
    if (st == NDIS_STATUS_SUCCESS) {
        af->closed = 1;
        gone(af);
    }
    return st;
}

VOID NdisCmCloseAddressFamilyComplete(NDIS_STATUS Status, NDIS_HANDLE NdisAfHandle) {
    CROSSED;
    struct af *af = NdisAfHandle;
    NDIS_HANDLE context = af->cl;
    PROTOCOL_CL_CLOSE_AF_COMPLETE *complete = cl(af)->ClCloseAfCompleteHandler;
    af->closed = 1;
    gone(af);
    complete(Status, context);
}

NDIS_STATUS NdisCmNotifyCloseAddressFamily(NDIS_HANDLE NdisAfHandle) {
    CROSSED;
    struct af *af = NdisAfHandle;
    af->notifying = 1;
    NDIS_STATUS st = cl(af)->ClNotifyCloseAfHandler(af->cl);
    if (st != NDIS_STATUS_PENDING) {
        af->notifying = 0;
        if (af->closed) free(af);
    }
    return st;
}

VOID NdisClNotifyCloseAddressFamilyComplete(NDIS_HANDLE NdisAfHandle, NDIS_STATUS Status) {
    CROSSED;
    struct af *af = NdisAfHandle;
    NDIS_HANDLE context = af->cm;
    PROTOCOL_CM_NOTIFY_CLOSE_AF_COMPLETE *complete = cm(af)->CmNotifyCloseAfCompleteHandler;
    af->notifying = 0;
    if (af->closed) free(af);
    complete(context, Status);
}

// ---- 3.5 SAPs

NDIS_STATUS NdisClRegisterSap(NDIS_HANDLE NdisAfHandle, NDIS_HANDLE ProtocolSapContext, PCO_SAP Sap, PNDIS_HANDLE NdisSapHandle) {
    CROSSED;
    struct af *af = NdisAfHandle;
    if (af->closed) return NDIS_STATUS_FAILURE;
    struct sap *s = new (sizeof *s);
    s->af = af;
    s->cl = ProtocolSapContext;
    s->value = Sap;
    NDIS_HANDLE context = NULL;
    NDIS_STATUS st = cm(af)->CmRegisterSapHandler(af->cm, Sap, s, &context);
    if (st == NDIS_STATUS_SUCCESS) {
        s->cm = context;
        *NdisSapHandle = s;
    } else if (st != NDIS_STATUS_PENDING) {
        free(s);
    }
    return st;
}

VOID NdisCmRegisterSapComplete(NDIS_STATUS Status, NDIS_HANDLE NdisSapHandle, NDIS_HANDLE CallMgrSapContext) {
    CROSSED;
    struct sap *s = NdisSapHandle;
    s->cm = CallMgrSapContext;
    cl(s->af)->ClRegisterSapCompleteHandler(Status, s->cl, s->value, Status == NDIS_STATUS_SUCCESS ? s : NULL);
    if (Status != NDIS_STATUS_SUCCESS) free(s);
}

static void sap_gone(struct sap *s, NDIS_STATUS st) {
    NDIS_HANDLE context = s->cl;
    PROTOCOL_CL_DEREGISTER_SAP_COMPLETE *complete = cl(s->af)->ClDeregisterSapCompleteHandler;
    free(s);
    complete(st, context);
}

NDIS_STATUS NdisClDeregisterSap(NDIS_HANDLE NdisSapHandle) {
    CROSSED;
    struct sap *s = NdisSapHandle;
    NDIS_STATUS st = cm(s->af)->CmDeregisterSapHandler(s->cm);
    if (st != NDIS_STATUS_PENDING) sap_gone(s, st);
    return NDIS_STATUS_PENDING; // the only answer that the documentation knows
}

VOID NdisCmDeregisterSapComplete(NDIS_STATUS Status, NDIS_HANDLE NdisSapHandle) {
    CROSSED;
    sap_gone(NdisSapHandle, Status);
}

// ---- 3.6 VCs

NDIS_STATUS NdisCoCreateVc(NDIS_HANDLE NdisBindingHandle, NDIS_HANDLE NdisAfHandle, NDIS_HANDLE ProtocolVcContext, PNDIS_HANDLE NdisVcHandle) {
    CROSSED;
    struct binding *b = NdisBindingHandle;
    struct af *af = NdisAfHandle;
    if (af->closed) return NDIS_STATUS_FAILURE;
    struct vc *v = new (sizeof *v);
    v->af = af;
    NDIS_STATUS st = is_mcm(af) ? NDIS_STATUS_SUCCESS : mp(af)->CoCreateVcHandler(home(af)->context, v, &v->mp);
    if (st == NDIS_STATUS_SUCCESS) {
        if (b == af->client) {
            v->cl = ProtocolVcContext;
            st = cm(af)->CmCreateVcHandler(af->cm, v, &v->cm);
        } else {
            v->cm = ProtocolVcContext;
            v->of_manager = 1;
            st = cl(af)->ClCreateVcHandler(af->cl, v, &v->cl);
        }
        if (st != NDIS_STATUS_SUCCESS && !is_mcm(af)) mp(af)->CoDeleteVcHandler(v->mp);
    }
    if (st != NDIS_STATUS_SUCCESS) {
        free(v);
        return st;
    }
    *NdisVcHandle = v;
    return st;
}

NDIS_STATUS NdisCoDeleteVc(NDIS_HANDLE NdisVcHandle) {
    CROSSED;
    struct vc *v = NdisVcHandle;
    struct af *af = v->af;
    if (v->of_manager)
        cl(af)->ClDeleteVcHandler(v->cl);
    else
        cm(af)->CmDeleteVcHandler(v->cm);
    if (!is_mcm(af)) mp(af)->CoDeleteVcHandler(v->mp);
    free(v);
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS NdisMCmCreateVc(NDIS_HANDLE MiniportAdapterHandle, NDIS_HANDLE NdisAfHandle, NDIS_HANDLE MiniportVcContext, PNDIS_HANDLE NdisVcHandle) {
    CROSSED;
    (void)MiniportAdapterHandle;
    struct vc *v = new (sizeof *v);
    v->af = NdisAfHandle;
    v->cm = v->mp = MiniportVcContext;
    NDIS_STATUS st = cl(v->af)->ClCreateVcHandler(v->af->cl, v, &v->cl);
    if (st != NDIS_STATUS_SUCCESS) {
        free(v);
        return st;
    }
    *NdisVcHandle = v;
    return st;
}

NDIS_STATUS NdisMCmDeleteVc(NDIS_HANDLE NdisVcHandle) {
    CROSSED;
    struct vc *v = NdisVcHandle;
    cl(v->af)->ClDeleteVcHandler(v->cl);
    free(v);
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS NdisCmActivateVc(NDIS_HANDLE NdisVcHandle, PCO_CALL_PARAMETERS CallParameters) {
    CROSSED;
    struct vc *v = NdisVcHandle;
    return mp(v->af)->CoActivateVcHandler(v->mp, CallParameters);
}

NDIS_STATUS NdisMCmActivateVc(NDIS_HANDLE NdisVcHandle, PCO_CALL_PARAMETERS CallParameters) {
    CROSSED;
    (void)NdisVcHandle, (void)CallParameters;
    return NDIS_STATUS_SUCCESS;
}

VOID NdisMCoActivateVcComplete(NDIS_STATUS Status, NDIS_HANDLE NdisVcHandle, PCO_CALL_PARAMETERS CallParameters) {
    CROSSED;
    struct vc *v = NdisVcHandle;
    cm(v->af)->CmActivateVcCompleteHandler(Status, v->cm, CallParameters);
}

NDIS_STATUS NdisCmDeactivateVc(NDIS_HANDLE NdisVcHandle) {
    CROSSED;
    struct vc *v = NdisVcHandle;
    return mp(v->af)->CoDeactivateVcHandler(v->mp);
}

NDIS_STATUS NdisMCmDeactivateVc(NDIS_HANDLE NdisVcHandle) {
    CROSSED;
    (void)NdisVcHandle;
    return NDIS_STATUS_SUCCESS;
}

VOID NdisMCoDeactivateVcComplete(NDIS_STATUS Status, NDIS_HANDLE NdisVcHandle) {
    CROSSED;
    struct vc *v = NdisVcHandle;
    cm(v->af)->CmDeactivateVcCompleteHandler(Status, v->cm);
}

// ---- 3.7 calls

NDIS_STATUS NdisClMakeCall(NDIS_HANDLE NdisVcHandle, PCO_CALL_PARAMETERS CallParameters, NDIS_HANDLE ProtocolPartyContext, PNDIS_HANDLE NdisPartyHandle) {
    CROSSED;
    struct vc *v = NdisVcHandle;
    struct party *p = NULL;
    if (ProtocolPartyContext) {
        p = new (sizeof *p);
        p->vc = v;
        p->cl = ProtocolPartyContext;
    }
    NDIS_HANDLE context = NULL;
    NDIS_STATUS st = cm(v->af)->CmMakeCallHandler(v->cm, CallParameters, p, &context);
    if (st != NDIS_STATUS_PENDING && p) {
        p->cm = context;
        if (st == NDIS_STATUS_SUCCESS && NdisPartyHandle) *NdisPartyHandle = p;
    }
    return st;
}

VOID NdisCmMakeCallComplete(NDIS_STATUS Status, NDIS_HANDLE NdisVcHandle, NDIS_HANDLE NdisPartyHandle, NDIS_HANDLE CallMgrPartyContext, PCO_CALL_PARAMETERS CallParameters) {
    CROSSED;
    struct vc *v = NdisVcHandle;
    struct party *p = NdisPartyHandle;
    if (p) p->cm = CallMgrPartyContext;
    cl(v->af)->ClMakeCallCompleteHandler(Status, v->cl, p, CallParameters);
}

NDIS_STATUS NdisCmDispatchIncomingCall(NDIS_HANDLE NdisSapHandle, NDIS_HANDLE NdisVcHandle, PCO_CALL_PARAMETERS CallParameters) {
    CROSSED;
    struct sap *s = NdisSapHandle;
    struct vc *v = NdisVcHandle;
    return cl(v->af)->ClIncomingCallHandler(s->cl, v->cl, CallParameters);
}

VOID NdisClIncomingCallComplete(NDIS_STATUS Status, NDIS_HANDLE NdisVcHandle, PCO_CALL_PARAMETERS CallParameters) {
    CROSSED;
    struct vc *v = NdisVcHandle;
    cm(v->af)->CmIncomingCallCompleteHandler(Status, v->cm, CallParameters);
}

VOID NdisCmDispatchCallConnected(NDIS_HANDLE NdisVcHandle) {
    CROSSED;
    struct vc *v = NdisVcHandle;
    cl(v->af)->ClCallConnectedHandler(v->cl);
}

NDIS_STATUS NdisClCloseCall(NDIS_HANDLE NdisVcHandle, NDIS_HANDLE NdisPartyHandle, PVOID Buffer, UINT Size) {
    CROSSED;
    struct vc *v = NdisVcHandle;
    struct party *p = NdisPartyHandle;
    return cm(v->af)->CmCloseCallHandler(v->cm, p ? p->cm : NULL, Buffer, Size);
}

VOID NdisCmCloseCallComplete(NDIS_STATUS Status, NDIS_HANDLE NdisVcHandle, NDIS_HANDLE NdisPartyHandle) {
    CROSSED;
    struct vc *v = NdisVcHandle;
    struct party *p = NdisPartyHandle;
    cl(v->af)->ClCloseCallCompleteHandler(Status, v->cl, p ? p->cl : NULL);
}

VOID NdisCmDispatchIncomingCloseCall(NDIS_STATUS CloseStatus, NDIS_HANDLE NdisVcHandle, PVOID Buffer, UINT Size) {
    CROSSED;
    struct vc *v = NdisVcHandle;
    cl(v->af)->ClIncomingCloseCallHandler(CloseStatus, v->cl, Buffer, Size);
}

// ---- 3.8 - 3.10

NDIS_STATUS NdisClModifyCallQoS(NDIS_HANDLE NdisVcHandle, PCO_CALL_PARAMETERS CallParameters) {
    CROSSED;
    struct vc *v = NdisVcHandle;
    return cm(v->af)->CmModifyCallQoSHandler(v->cm, CallParameters);
}

VOID NdisCmModifyCallQoSComplete(NDIS_STATUS Status, NDIS_HANDLE NdisVcHandle, PCO_CALL_PARAMETERS CallParameters) {
    CROSSED;
    struct vc *v = NdisVcHandle;
    cl(v->af)->ClModifyCallQoSCompleteHandler(Status, v->cl, CallParameters);
}

NDIS_STATUS NdisClAddParty(NDIS_HANDLE NdisVcHandle, NDIS_HANDLE ProtocolPartyContext, PCO_CALL_PARAMETERS CallParameters, PNDIS_HANDLE NdisPartyHandle) {
    CROSSED;
    struct vc *v = NdisVcHandle;
    struct party *p = new (sizeof *p);
    p->vc = v;
    p->cl = ProtocolPartyContext;
    NDIS_HANDLE context = NULL;
    NDIS_STATUS st = cm(v->af)->CmAddPartyHandler(v->cm, CallParameters, p, &context);
    if (st == NDIS_STATUS_SUCCESS) {
        p->cm = context;
        *NdisPartyHandle = p;
    } else if (st != NDIS_STATUS_PENDING) {
        free(p);
    }
    return st;
}

VOID NdisCmAddPartyComplete(NDIS_STATUS Status, NDIS_HANDLE NdisPartyHandle, NDIS_HANDLE CallMgrPartyContext, PCO_CALL_PARAMETERS CallParameters) {
    CROSSED;
    struct party *p = NdisPartyHandle;
    p->cm = CallMgrPartyContext;
    cl(p->vc->af)->ClAddPartyCompleteHandler(Status, p->cl, p, CallParameters);
}

static void party_gone(struct party *p) { free(p); }

NDIS_STATUS NdisClDropParty(NDIS_HANDLE NdisPartyHandle, PVOID Buffer, UINT Size) {
    CROSSED;
    struct party *p = NdisPartyHandle;
    NDIS_STATUS st = cm(p->vc->af)->CmDropPartyHandler(p->cm, Buffer, Size);
    if (st == NDIS_STATUS_SUCCESS) party_gone(p);
    return st;
}

VOID NdisCmDropPartyComplete(NDIS_STATUS Status, NDIS_HANDLE NdisPartyHandle) {
    CROSSED;
    struct party *p = NdisPartyHandle;
    NDIS_HANDLE context = p->cl;
    PROTOCOL_CL_DROP_PARTY_COMPLETE *complete = cl(p->vc->af)->ClDropPartyCompleteHandler;
    party_gone(p);
    complete(Status, context);
}

NDIS_STATUS NdisCoOidRequest(NDIS_HANDLE NdisBindingHandle, NDIS_HANDLE NdisAfHandle, NDIS_HANDLE NdisVcHandle, NDIS_HANDLE NdisPartyHandle, PNDIS_OID_REQUEST OidRequest) {
    CROSSED;
    struct binding *b = NdisBindingHandle;
    struct af *af = NdisAfHandle;
    (void)NdisVcHandle, (void)NdisPartyHandle;
    if (!af) return NDIS_STATUS_NOT_SUPPORTED;
    OidRequest->RequestHandle = b;
    if (b == af->client) return cm(af)->CmOidRequestHandler(af->cm, NULL, NULL, OidRequest);
    return cl(af)->ClOidRequestHandler(af->cl, NULL, NULL, OidRequest);
}

VOID NdisCoOidRequestComplete(NDIS_HANDLE NdisAfHandle, NDIS_HANDLE NdisVcHandle, NDIS_HANDLE NdisPartyHandle, PNDIS_OID_REQUEST OidRequest, NDIS_STATUS Status) {
    CROSSED;
    struct af *af = NdisAfHandle;
    (void)NdisVcHandle, (void)NdisPartyHandle;
    if (OidRequest->RequestHandle == af->client)
        cl(af)->ClOidRequestCompleteHandler(af->cl, NULL, NULL, OidRequest, Status);
    else
        cm(af)->CmOidRequestCompleteHandler(af->cm, NULL, NULL, OidRequest, Status);
}

// ---- the worker

static struct work {
    struct work *next;
    void (*work)(void *);
    void *arg;
} *head, **tail = &head;
static int busy, started, stopping;
static pthread_t worker;
static pthread_mutex_t queue = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;

static void *work(void *unused) {
    (void)unused;
    pthread_mutex_lock(&queue);
    for (;;) {
        struct work *w = head;
        if (!w) {
            if (stopping) break;
            pthread_cond_wait(&change, &queue);
            continue;
        }
        if (!(head = w->next)) tail = &head;
        busy = 1;
        pthread_mutex_unlock(&queue);
        w->work(w->arg);
        free(w);
        pthread_mutex_lock(&queue);
        busy = 0;
        pthread_cond_broadcast(&change);
    }
    pthread_mutex_unlock(&queue);
    return NULL;
}

void harness_later(void (*f)(void *), void *arg) {
    struct work *w = new (sizeof *w);
    w->work = f;
    w->arg = arg;
    pthread_mutex_lock(&queue);
    *tail = w;
    tail = &w->next;
    if (!started) {
        started = 1;
        if (pthread_create(&worker, NULL, work, NULL)) abort();
    }
    pthread_cond_broadcast(&change);
    pthread_mutex_unlock(&queue);
}

void harness_settle(void) {
    pthread_mutex_lock(&queue);
    if (!started || !pthread_equal(pthread_self(), worker))
        while (head || busy) pthread_cond_wait(&change, &queue);
    pthread_mutex_unlock(&queue);
}

void harness_stop(void) {
    pthread_mutex_lock(&queue);
    stopping = 1;
    pthread_cond_broadcast(&change);
    pthread_mutex_unlock(&queue);
    if (started) pthread_join(worker, NULL);
}
