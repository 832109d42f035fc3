// A call manager: the part that a stand-alone one and an integrated one have in common. The
// file that includes it says what differs: NAME(x) names a function, ACTIVATE, DEACTIVATE,
// CREATE and DELETE are its calls for VCs, MANAGER_OF(context) is where an open comes in.
struct maf { NDIS_HANDLE handle; NDIS_HANDLE home; int told; struct maf *next; };
struct msap { NDIS_HANDLE handle; struct maf *af; struct msap *next; };
struct mvc { NDIS_HANDLE handle; PCO_CALL_PARAMETERS params; NDIS_HANDLE party; struct mparty *first; int deactivate, incoming; };
struct mparty { NDIS_HANDLE handle; };

static struct maf *afs;
static struct msap *saps;
static pthread_mutex_t lists = PTHREAD_MUTEX_INITIALIZER;

static void open_later(void *p) {
    struct maf *a = p;
    NdisCmOpenAddressFamilyComplete(NDIS_STATUS_SUCCESS, a->handle, a);
    if (harness_options.fault == FAULT_DOUBLE_COMPLETION) {
        harness_options.fault = FAULT_NONE;
        NdisCmOpenAddressFamilyComplete(NDIS_STATUS_SUCCESS, a->handle, a);
    }
}

CALLBACK NDIS_STATUS NAME(OpenAf)(NDIS_HANDLE CallMgrBindingContext, PCO_ADDRESS_FAMILY AddressFamily, NDIS_HANDLE NdisAfHandle, PNDIS_HANDLE CallMgrAfContext) {
    CROSSED;
    (void)AddressFamily;
    struct maf *a = calloc(1, sizeof *a);
    if (!a) return NDIS_STATUS_RESOURCES;
    a->handle = NdisAfHandle;
    a->home = CallMgrBindingContext;
    if (harness_options.fault == FAULT_NULL_CONTEXT) { // it forgets the open at once
        free(a);
        return NDIS_STATUS_SUCCESS;
    }
    pthread_mutex_lock(&lists);
    a->next = afs;
    afs = a;
    pthread_mutex_unlock(&lists);
    if (harness_options.fault == FAULT_LOST_COMPLETION) return NDIS_STATUS_PENDING;
    if (harness_options.pend || harness_options.fault == FAULT_DOUBLE_COMPLETION) {
        harness_later(open_later, a);
        return NDIS_STATUS_PENDING;
    }
    *CallMgrAfContext = a;
    return NDIS_STATUS_SUCCESS;
}

static void close_later(void *p) {
    struct maf *a = p;
    NDIS_HANDLE handle = a->handle;
    if (!a->told) free(a);
    NdisCmCloseAddressFamilyComplete(NDIS_STATUS_SUCCESS, handle);
}

CALLBACK NDIS_STATUS NAME(CloseAf)(NDIS_HANDLE CallMgrAfContext) {
    CROSSED;
    struct maf *a = CallMgrAfContext;
    if (!a) return NDIS_STATUS_SUCCESS; // of an open that was accepted without a context
    pthread_mutex_lock(&lists);
    for (struct maf **p = &afs; *p; p = &(*p)->next)
        if (*p == a) {
            *p = a->next;
            break;
        }
    pthread_mutex_unlock(&lists);
    if (harness_options.pend) {
        harness_later(close_later, a);
        return NDIS_STATUS_PENDING;
    }
    if (!a->told) free(a);
    return NDIS_STATUS_SUCCESS;
}

CALLBACK VOID NAME(NotifyCloseAfComplete)(NDIS_HANDLE CallMgrAfContext, NDIS_STATUS Status) {
    CROSSED;
    (void)Status;
    free(CallMgrAfContext);
}

// leave asks every client to close what it opened with the manager at home.
static void leave(NDIS_HANDLE home) {
    for (;;) {
        struct maf *a;
        pthread_mutex_lock(&lists);
        for (a = afs; a && (a->told || a->home != home); a = a->next) {}
        if (a) a->told = 1;
        pthread_mutex_unlock(&lists);
        if (!a) return;
        if (NdisCmNotifyCloseAddressFamily(a->handle) != NDIS_STATUS_PENDING) free(a);
    }
}

static void sap_later(void *p) {
    struct msap *s = p;
    NdisCmRegisterSapComplete(NDIS_STATUS_SUCCESS, s->handle, s);
}

CALLBACK NDIS_STATUS NAME(RegisterSap)(NDIS_HANDLE CallMgrAfContext, PCO_SAP Sap, NDIS_HANDLE NdisSapHandle, PNDIS_HANDLE CallMgrSapContext) {
    CROSSED;
    if (Sap->SapLength == 0) return NDIS_STATUS_INVALID_DATA;
    struct msap *s = calloc(1, sizeof *s);
    if (!s) return NDIS_STATUS_RESOURCES;
    s->handle = NdisSapHandle;
    s->af = CallMgrAfContext;
    pthread_mutex_lock(&lists);
    s->next = saps;
    saps = s;
    pthread_mutex_unlock(&lists);
    if (harness_options.pend) {
        harness_later(sap_later, s);
        return NDIS_STATUS_PENDING;
    }
    *CallMgrSapContext = s;
    return NDIS_STATUS_SUCCESS;
}

static void sap_gone_later(void *p) {
    struct msap *s = p;
    NDIS_HANDLE handle = s->handle;
    free(s);
    NdisCmDeregisterSapComplete(NDIS_STATUS_SUCCESS, handle);
}

CALLBACK NDIS_STATUS NAME(DeregisterSap)(NDIS_HANDLE CallMgrSapContext) {
    CROSSED;
    struct msap *s = CallMgrSapContext;
    pthread_mutex_lock(&lists);
    for (struct msap **p = &saps; *p; p = &(*p)->next)
        if (*p == s) {
            *p = s->next;
            break;
        }
    pthread_mutex_unlock(&lists);
    if (harness_options.pend) {
        harness_later(sap_gone_later, s);
        return NDIS_STATUS_PENDING;
    }
    free(s);
    return NDIS_STATUS_SUCCESS;
}

CALLBACK NDIS_STATUS NAME(CreateVc)(NDIS_HANDLE ProtocolAfContext, NDIS_HANDLE NdisVcHandle, PNDIS_HANDLE ProtocolVcContext) {
    CROSSED;
    (void)ProtocolAfContext;
    struct mvc *v = calloc(1, sizeof *v);
    if (!v) return NDIS_STATUS_RESOURCES;
    v->handle = NdisVcHandle;
    *ProtocolVcContext = v;
    return NDIS_STATUS_SUCCESS;
}

CALLBACK NDIS_STATUS NAME(DeleteVc)(NDIS_HANDLE ProtocolVcContext) {
    CROSSED;
    free(ProtocolVcContext);
    return NDIS_STATUS_SUCCESS;
}

CALLBACK VOID NAME(ActivateVcComplete)(NDIS_STATUS Status, NDIS_HANDLE CallMgrVcContext, PCO_CALL_PARAMETERS CallParameters) {
    CROSSED;
    struct mvc *v = CallMgrVcContext;
    if (v->incoming) return;
    NdisCmMakeCallComplete(Status, v->handle, v->party, v->first, CallParameters);
}

static void make_later(void *p) {
    struct mvc *v = p;
    NDIS_STATUS st = ACTIVATE(v->handle, v->params);
    if (st != NDIS_STATUS_PENDING) NAME(ActivateVcComplete)(st, v, v->params);
}

CALLBACK NDIS_STATUS NAME(MakeCall)(NDIS_HANDLE CallMgrVcContext, PCO_CALL_PARAMETERS CallParameters, NDIS_HANDLE NdisPartyHandle, PNDIS_HANDLE CallMgrPartyContext) {
    CROSSED;
    struct mvc *v = CallMgrVcContext;
    v->params = CallParameters;
    v->party = NdisPartyHandle;
    v->first = NULL;
    if (NdisPartyHandle) {
        v->first = calloc(1, sizeof *v->first);
        if (!v->first) return NDIS_STATUS_RESOURCES;
        v->first->handle = NdisPartyHandle;
    }
    if (harness_options.pend) {
        harness_later(make_later, v);
        return NDIS_STATUS_PENDING;
    }
    NDIS_STATUS st = ACTIVATE(v->handle, CallParameters);
    if (st == NDIS_STATUS_SUCCESS && NdisPartyHandle) *CallMgrPartyContext = v->first;
    return st;
}

CALLBACK VOID NAME(DeactivateVcComplete)(NDIS_STATUS Status, NDIS_HANDLE CallMgrVcContext) {
    CROSSED;
    struct mvc *v = CallMgrVcContext;
    NDIS_HANDLE party = v->party;
    free(v->first);
    v->first = NULL;
    v->party = NULL;
    NdisCmCloseCallComplete(Status, v->handle, party);
}

static void end_later(void *p) {
    struct mvc *v = p;
    NDIS_STATUS st = DEACTIVATE(v->handle);
    if (st != NDIS_STATUS_PENDING) NAME(DeactivateVcComplete)(st, v);
}

CALLBACK NDIS_STATUS NAME(CloseCall)(NDIS_HANDLE CallMgrVcContext, NDIS_HANDLE CallMgrPartyContext, PVOID CloseData, UINT Size) {
    CROSSED;
    (void)CallMgrPartyContext, (void)CloseData, (void)Size;
    struct mvc *v = CallMgrVcContext;
    if (harness_options.pend) {
        harness_later(end_later, v);
        return NDIS_STATUS_PENDING;
    }
    free(v->first);
    v->first = NULL;
    return DEACTIVATE(v->handle);
}

CALLBACK VOID NAME(IncomingCallComplete)(NDIS_STATUS Status, NDIS_HANDLE CallMgrVcContext, PCO_CALL_PARAMETERS CallParameters) {
    CROSSED;
    (void)CallParameters;
    struct mvc *v = CallMgrVcContext;
    if (Status == NDIS_STATUS_SUCCESS) NdisCmDispatchCallConnected(v->handle);
}

struct mpending { struct mparty *party; PCO_CALL_PARAMETERS params; };

static void party_later(void *p) {
    struct mpending *m = p;
    NdisCmAddPartyComplete(NDIS_STATUS_SUCCESS, m->party->handle, m->party, m->params);
    free(m);
}

CALLBACK NDIS_STATUS NAME(AddParty)(NDIS_HANDLE CallMgrVcContext, PCO_CALL_PARAMETERS CallParameters, NDIS_HANDLE NdisPartyHandle, PNDIS_HANDLE CallMgrPartyContext) {
    CROSSED;
    (void)CallMgrVcContext;
    struct mparty *p = calloc(1, sizeof *p);
    if (!p) return NDIS_STATUS_RESOURCES;
    p->handle = NdisPartyHandle;
    if (harness_options.pend) {
        struct mpending *m = calloc(1, sizeof *m);
        if (!m) abort();
        m->party = p;
        m->params = CallParameters;
        harness_later(party_later, m);
        return NDIS_STATUS_PENDING;
    }
    *CallMgrPartyContext = p;
    return NDIS_STATUS_SUCCESS;
}

static void drop_later(void *p) {
    NDIS_HANDLE handle = ((struct mparty *)p)->handle;
    free(p);
    NdisCmDropPartyComplete(NDIS_STATUS_SUCCESS, handle);
}

CALLBACK NDIS_STATUS NAME(DropParty)(NDIS_HANDLE CallMgrPartyContext, PVOID CloseData, UINT Size) {
    CROSSED;
    (void)CloseData, (void)Size;
    if (harness_options.pend) {
        harness_later(drop_later, CallMgrPartyContext);
        return NDIS_STATUS_PENDING;
    }
    free(CallMgrPartyContext);
    return NDIS_STATUS_SUCCESS;
}

static void qos_later(void *p) {
    struct mvc *v = p;
    NDIS_STATUS st = ACTIVATE(v->handle, v->params);
    NdisCmModifyCallQoSComplete(st, v->handle, v->params);
}

CALLBACK NDIS_STATUS NAME(ModifyCallQoS)(NDIS_HANDLE CallMgrVcContext, PCO_CALL_PARAMETERS CallParameters) {
    CROSSED;
    struct mvc *v = CallMgrVcContext;
    (void)qos_later;
    return ACTIVATE(v->handle, CallParameters);
}

static void oid_later(void *p) {
    PNDIS_OID_REQUEST r = p;
    NdisCoOidRequestComplete(r->RequestId, NULL, NULL, r, NDIS_STATUS_SUCCESS);
}

CALLBACK NDIS_STATUS NAME(OidRequest)(NDIS_HANDLE ProtocolAfContext, NDIS_HANDLE ProtocolVcContext, NDIS_HANDLE ProtocolPartyContext, PNDIS_OID_REQUEST OidRequest) {
    CROSSED;
    (void)ProtocolVcContext, (void)ProtocolPartyContext;
    if (!harness_options.pend || MCM) return NDIS_STATUS_SUCCESS;
    OidRequest->RequestId = ((struct maf *)ProtocolAfContext)->handle;
    harness_later(oid_later, OidRequest);
    return NDIS_STATUS_PENDING;
}

CALLBACK VOID NAME(OidRequestComplete)(NDIS_HANDLE ProtocolAfContext, NDIS_HANDLE ProtocolVcContext, NDIS_HANDLE ProtocolPartyContext, PNDIS_OID_REQUEST OidRequest, NDIS_STATUS Status) {
    CROSSED;
    (void)ProtocolAfContext, (void)ProtocolVcContext, (void)ProtocolPartyContext, (void)OidRequest, (void)Status;
}

// offer makes an incoming call of which the far end hangs up after it was connected.
static int offer(NDIS_HANDLE home) {
    static CO_CALL_MANAGER_PARAMETERS cmp = {.Transmit = {.TokenRate = 64000}};
    static CO_CALL_PARAMETERS params = {.CallMgrParameters = &cmp};
    pthread_mutex_lock(&lists);
    struct msap *s = saps;
    pthread_mutex_unlock(&lists);
    struct mvc *v = calloc(1, sizeof *v);
    if (!s || !v) return 0;
    v->incoming = 1;
    if (CREATE(home, s->af->handle, v, &v->handle) != NDIS_STATUS_SUCCESS) return 0;
    NDIS_STATUS st = ACTIVATE(v->handle, &params);
    if (st != NDIS_STATUS_PENDING) NAME(ActivateVcComplete)(st, v, &params);
    harness_settle();
    st = NdisCmDispatchIncomingCall(s->handle, v->handle, &params);
    if (st != NDIS_STATUS_PENDING) NAME(IncomingCallComplete)(st, v, &params);
    harness_settle();
    NdisCmDispatchIncomingCloseCall(NDIS_STATUS_SUCCESS, v->handle, NULL, 0);
    harness_settle();
    if (DELETE(v->handle) != NDIS_STATUS_SUCCESS) return 0;
    free(v);
    return 1;
}

#define HANDLERS(h) \
    NDIS_CO_CALL_MANAGER_OPTIONAL_HANDLERS h = { \
        .Header = {0xA5, 1, NDIS_SIZEOF_CO_CALL_MANAGER_OPTIONAL_HANDLERS_REVISION_1}, \
        .CmCreateVcHandler = NAME(CreateVc), .CmDeleteVcHandler = NAME(DeleteVc), .CmOpenAfHandler = NAME(OpenAf), \
        .CmCloseAfHandler = NAME(CloseAf), .CmRegisterSapHandler = NAME(RegisterSap), .CmDeregisterSapHandler = NAME(DeregisterSap), \
        .CmMakeCallHandler = NAME(MakeCall), .CmCloseCallHandler = NAME(CloseCall), .CmIncomingCallCompleteHandler = NAME(IncomingCallComplete), \
        .CmAddPartyHandler = NAME(AddParty), .CmDropPartyHandler = NAME(DropParty), .CmActivateVcCompleteHandler = NAME(ActivateVcComplete), \
        .CmDeactivateVcCompleteHandler = NAME(DeactivateVcComplete), .CmModifyCallQoSHandler = NAME(ModifyCallQoS), \
        .CmOidRequestHandler = NAME(OidRequest), .CmOidRequestCompleteHandler = NAME(OidRequestComplete), \
        .CmNotifyCloseAfCompleteHandler = NAME(NotifyCloseAfComplete), \
    }
