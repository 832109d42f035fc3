/* The stand-in for the calls that register a provider and write an event. */
#include <stdio.h>
#ifdef AFTRACE_PLATFORM
#include AFTRACE_PLATFORM
int StandInEnabled = 1;
#define REGISTER ULONG StandInRegister(const GUID *provider, REGHANDLE *handle)
#define WRITE ULONG StandInWrite(REGHANDLE handle, const EVENT_DESCRIPTOR *event, ULONG count, const EVENT_DATA_DESCRIPTOR *data)
#else
#include <windows.h>
#include <evntprov.h>
#define REGISTER ULONG EVNTAPI EventRegister(LPCGUID provider, PENABLECALLBACK callback, PVOID context, PREGHANDLE handle)
#define WRITE ULONG EVNTAPI EventWriteTransfer(REGHANDLE handle, PCEVENT_DESCRIPTOR event, LPCGUID a, LPCGUID r, ULONG count, PEVENT_DATA_DESCRIPTOR data)
BOOLEAN EVNTAPI EventProviderEnabled(REGHANDLE handle, UCHAR level, ULONGLONG keyword) { return handle == 7 && level == 4 && keyword == 1; }
ULONG EVNTAPI EventUnregister(REGHANDLE handle) { return handle == 7 ? 0 : 6; }
#endif

static void hex(const void *p, unsigned n)
{
    const unsigned char *b = (const unsigned char *)p;
    while (n--) printf("%02x", *b++);
}

REGISTER
{
#ifndef AFTRACE_PLATFORM
    (void)callback, (void)context;
#endif
    printf("register ");
    hex(provider, sizeof *provider);
    printf("\n");
    *handle = 7;
    return 0;
}

WRITE
{
    unsigned i;
#ifndef AFTRACE_PLATFORM
    if (a != NULL || r != NULL) return 87;
#endif
    if (handle != 7) return 6;
    printf("event %u %u %u %u %u", event->Id, event->Channel, event->Level, event->Opcode, (unsigned)event->Keyword);
    for (i = 0; i < count; i++) {
        printf(" %u:", (unsigned)data[i].Reserved);
        hex((const void *)(ULONG_PTR)data[i].Ptr, data[i].Size);
    }
    printf("\n");
    return 0;
}

#ifndef AFTRACE_PLATFORM
/* The headers declare these as imported: calls go through a pointer. */
#define POINTER(name, function) void *name = (void *)(ULONG_PTR)function;
#define IMPORTED(function) IMPORTED_AS(function)
#define IMPORTED_AS(function) POINTER(__imp_##function, function)
IMPORTED(EventRegister)
IMPORTED(EventUnregister)
IMPORTED(EventProviderEnabled)
IMPORTED(EventWriteTransfer)
#endif
