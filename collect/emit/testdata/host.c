/* As much of NDIS and of a host as the example call manager meets: two adapters, the second of
   which another call manager serves; two opens by clients; PnP takes the adapters away. */
#include <ndis.h>

NTSTATUS DriverEntry(PDRIVER_OBJECT, PUNICODE_STRING);

static NDIS_PROTOCOL_DRIVER_CHARACTERISTICS protocol;
static NDIS_PROTOCOL_CO_CHARACTERISTICS co;
static NDIS_CO_CALL_MANAGER_OPTIONAL_HANDLERS cm;
static NDIS_HANDLE bindings[2]; /* contexts */
static NDIS_HANDLE registered; /* ProtocolDriverContext */
static int opened;

static NDIS_HANDLE handle(ULONG64 n) { return (NDIS_HANDLE)(ULONG_PTR)(0xffffa80000000000ULL + n); }

NDIS_STATUS NdisRegisterProtocolDriver(NDIS_HANDLE context, PNDIS_PROTOCOL_DRIVER_CHARACTERISTICS p, PNDIS_HANDLE out)
{
    protocol = *p;
    registered = context;
    *out = handle(0x1000);
    return protocol.SetOptionsHandler(*out, context);
}

NDIS_STATUS NdisSetOptionalHandlers(NDIS_HANDLE h, PNDIS_DRIVER_OPTIONAL_HANDLERS p)
{
    if (h != handle(0x1000)) return NDIS_STATUS_FAILURE;
    if (p->Header.Type == 0x90) memcpy(&co, p, sizeof co);
    else if (p->Header.Type == 0xA5) memcpy(&cm, p, sizeof cm);
    else return NDIS_STATUS_FAILURE;
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS NdisOpenAdapterEx(NDIS_HANDLE h, NDIS_HANDLE context, PNDIS_OPEN_PARAMETERS p, NDIS_HANDLE bind, PNDIS_HANDLE out)
{
    (void)h, (void)p, (void)bind;
    bindings[opened] = context;
    *out = handle(0x2000 + 0x100 * (ULONG64)opened++);
    if (opened == 1) return NDIS_STATUS_SUCCESS;
    protocol.OpenAdapterCompleteHandlerEx(context, NDIS_STATUS_SUCCESS); /* on another thread as a rule */
    return NDIS_STATUS_PENDING;
}

NDIS_STATUS NdisCloseAdapterEx(NDIS_HANDLE h)
{
    (void)h;
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS NdisCmRegisterAddressFamilyEx(NDIS_HANDLE h, PCO_ADDRESS_FAMILY f)
{
    return h == handle(0x2000) && f->AddressFamily == 1 ? NDIS_STATUS_SUCCESS : NDIS_STATUS_FAILURE;
}

VOID NdisDeregisterProtocolDriver(NDIS_HANDLE h) { (void)h; }

int main(void)
{
    struct DRIVER_OBJECT driver;
    NDIS_BIND_PARAMETERS bind;
    CO_ADDRESS_FAMILY family = {1, 3, 1};
    NDIS_HANDLE contexts[2] = {NULL, NULL};

    memset(&bind, 0, sizeof bind);
    if (DriverEntry(&driver, NULL) != 0) return 1;
    if (protocol.BindAdapterHandlerEx(registered, handle(0x3000), &bind) != NDIS_STATUS_SUCCESS) return 2;
    co.CoAfRegisterNotifyHandler(bindings[0], &family);
    if (protocol.BindAdapterHandlerEx(registered, handle(0x3100), &bind) != NDIS_STATUS_FAILURE) return 3;
    if (cm.CmOpenAfHandler(bindings[0], &family, handle(0x4000), &contexts[0]) != 0) return 4;
    if (cm.CmOpenAfHandler(bindings[0], &family, handle(0x4100), &contexts[1]) != 0) return 5;
    if (cm.CmCloseAfHandler(contexts[1]) != 0 || cm.CmCloseAfHandler(contexts[0]) != 0) return 6;
    if (protocol.UnbindAdapterHandlerEx(handle(0x3200), bindings[0]) != 0) return 7;
    driver.DriverUnload(&driver);
    return 0;
}
