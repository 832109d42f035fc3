// A second harness, which shares nothing with the first: other types and names, handlers in
// constant tables, one driver table filled in by hand, stubs used for many slots, and neither
// debugging information nor adapter names. It is built as one program (-DALL), or as a program
// that loads NDIS and each driver as a library of its own (-DPART_NDIS, _CM, _CL, _MAIN).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void *H;
typedef unsigned int U32;
struct family { U32 type, major, minor; };
struct head { unsigned char type, rev; unsigned short size; U32 rest; };
struct ustr { unsigned short len, max; const unsigned short *buf; };
typedef long (*any)();
struct proto { struct head h; U32 flags, pad; struct ustr name; any handler[12]; };
struct four { struct head h; any f[4]; };
struct manager { struct head h; any f[17]; };
struct client { struct head h; any f[19]; };
struct bindparams { struct head h; H section; struct ustr *adapter; char more[136]; unsigned long luid; U32 index; };

int NdisRegisterProtocolDriver(H context, struct proto *p, H *handle);
int NdisSetOptionalHandlers(H driver, void *table);
int NdisOpenAdapterEx(H driver, H context, void *params, H bind, H *binding);
int NdisCloseAdapterEx(H binding);
int NdisCmRegisterAddressFamilyEx(H binding, struct family *f);
int NdisClOpenAddressFamilyEx(H binding, struct family *f, H context, H *af);
int NdisClCloseAddressFamily(H af);
void NdisDeregisterProtocolDriver(H driver);

#if defined ALL || defined PART_NDIS
struct drv { H context; struct proto p; struct four co; struct manager cm; struct client cl; H binding_context; int bound; } drivers[4];
static int n;
static struct { struct family f; struct drv *d; } registered;
static struct open { struct drv *client, *manager; H c, m; } opens[64];
static int nopens;

__attribute__((noinline)) int NdisRegisterProtocolDriver(H context, struct proto *p, H *handle) {
    struct drv *d = &drivers[n++];
    d->context = context;
    d->p = *p;
    *handle = d;
    return (int)p->handler[0](d, context);
}
__attribute__((noinline)) int NdisSetOptionalHandlers(H driver, void *table) {
    struct drv *d = driver;
    struct head *h = table;
    if (h->type == 0x90) memcpy(&d->co, table, sizeof d->co);
    if (h->type == 0xA5) memcpy(&d->cm, table, sizeof d->cm);
    if (h->type == 0xA6) memcpy(&d->cl, table, sizeof d->cl);
    return 0;
}
__attribute__((noinline)) int NdisOpenAdapterEx(H driver, H context, void *params, H bind, H *binding) {
    struct drv *d = driver;
    (void)params, (void)bind;
    d->binding_context = context;
    *binding = d;
    return 0;
}
__attribute__((noinline)) int NdisCloseAdapterEx(H binding) { ((struct drv *)binding)->bound = 0; return 0; }
__attribute__((noinline)) int NdisCmRegisterAddressFamilyEx(H binding, struct family *f) {
    registered.f = *f;
    registered.d = binding;
    return 0;
}
__attribute__((noinline)) int NdisClOpenAddressFamilyEx(H binding, struct family *f, H context, H *af) {
    struct open *o = &opens[nopens++ & 63];
    o->client = binding, o->manager = registered.d, o->c = context;
    int st = (int)registered.d->cm.f[2](registered.d->binding_context, f, o, &o->m);
    if (st == 0) *af = o;
    return st;
}
__attribute__((noinline)) int NdisClCloseAddressFamily(H af) { struct open *o = af; return (int)o->manager->cm.f[3](o->m); }
__attribute__((noinline)) void NdisDeregisterProtocolDriver(H driver) { memset(driver, 0, sizeof(struct drv)); }

// The part of the operating system.
void plug(int which) {
    static struct bindparams b = {.luid = 77UL << 24, .index = 7};
    b.h.type = 0x86, b.h.size = sizeof b;
    struct drv *d = &drivers[which];
    if (d->p.handler[1](d->context, d, &b) == 0) d->bound = 1;
    if (!registered.d || !registered.d->bound) return;
    for (int i = 0; i < n; i++)
        if (drivers[i].bound && drivers[i].cl.f[0] && drivers[i].co.f[1]) drivers[i].co.f[1](drivers[i].binding_context, &registered.f);
}
void unplug(int which) { drivers[which].p.handler[2](&drivers[which], drivers[which].binding_context); }
#endif

#if defined ALL || defined PART_CM
static H cm_driver, cm_binding;
static long cm_no(void) { return (long)0xC00000BB; }
static long cm_nothing(void) { return 0; }
static long cm_open(H binding, struct family *f, H af, H *context) {
    (void)binding, (void)f;
    static H opens[64];
    static int n;
    opens[n++ & 63] = af;
    *context = &opens[(n - 1) & 63];
    return 0;
}
static long cm_close(H context) { *(H *)context = NULL; return 0; }
static const struct four cm_co = {{0x90, 1, sizeof(struct four), 0}, {cm_nothing, cm_nothing, cm_nothing, cm_nothing}};
static const struct manager cm_table = {{0xA5, 1, sizeof(struct manager), 0}, {cm_no, cm_no, cm_open, cm_close, cm_no, cm_no, cm_no, cm_no, cm_no, cm_no, cm_no, cm_no, cm_no, cm_no, cm_no, cm_no, cm_no}};
static long cm_options(H driver, H context) { (void)context; return NdisSetOptionalHandlers(driver, (void *)&cm_co) | NdisSetOptionalHandlers(driver, (void *)&cm_table); }
static long cm_bind(H context, H bind, void *params) {
    (void)context, (void)params;
    static struct { struct head h; void *none[8]; } o = {{0x87, 1, 0, 0}, {0}};
    int st = NdisOpenAdapterEx(cm_driver, &cm_binding, &o, bind, &cm_binding);
    static struct family f = {1, 3, 1};
    return st ? st : NdisCmRegisterAddressFamilyEx(cm_binding, &f);
}
static long cm_unbind(H unbind, H context) { (void)unbind, (void)context; return NdisCloseAdapterEx(cm_binding); }
int cm_start(void) {
    static struct proto p = {.h = {0x95, 1, sizeof p, 6}, .handler = {cm_options, cm_bind, cm_unbind}};
    return NdisRegisterProtocolDriver(&p, &p, &cm_driver);
}
void cm_finish(void) { NdisDeregisterProtocolDriver(cm_driver); }
#endif

#if defined ALL || defined PART_CL
static H cl_driver, cl_binding, cl_af;
static int twice;
static char cl_af_context[8];
static long cl_no(void) { return (long)0xC00000BB; }
static long cl_told(H binding, struct family *f) {
    (void)binding;
    return NdisClOpenAddressFamilyEx(cl_binding, f, cl_af_context, &cl_af);
}
static const struct four cl_co = {{0x90, 1, sizeof(struct four), 0}, {cl_no, cl_told, cl_no, cl_no}};
static const struct client cl_table = {{0xA6, 1, sizeof(struct client), 0}, {cl_no, cl_no, cl_no, cl_no, cl_no, cl_no, cl_no, cl_no, cl_no, cl_no, cl_no, cl_no, cl_no, cl_no, cl_no, cl_no, cl_no, cl_no, cl_no}};
static long cl_options(H driver, H context) { (void)context; return NdisSetOptionalHandlers(driver, (void *)&cl_co) | NdisSetOptionalHandlers(driver, (void *)&cl_table); }
static long cl_bind(H context, H bind, void *params) {
    (void)context, (void)params;
    static struct { struct head h; void *none[8]; } o = {{0x87, 1, 0, 0}, {0}};
    return NdisOpenAdapterEx(cl_driver, &cl_binding, &o, bind, &cl_binding);
}
static long cl_unbind(H unbind, H context) {
    (void)unbind, (void)context;
    if (cl_af) NdisClCloseAddressFamily(cl_af);
    if (cl_af && twice) NdisClCloseAddressFamily(cl_af);
    return NdisCloseAdapterEx(cl_binding);
}
int cl_start(int broken) {
    static struct proto p = {.h = {0x95, 1, sizeof p, 6}, .handler = {cl_options, cl_bind, cl_unbind}};
    twice = broken;
    return NdisRegisterProtocolDriver(&p, &p, &cl_driver);
}
void cl_finish(void) { NdisDeregisterProtocolDriver(cl_driver); }
#endif

#if defined ALL || defined PART_MAIN
int main(int argc, char **argv) {
    int broken = argc > 1 && !strcmp(argv[1], "twice");
    void *ndis = dlopen("./libndis-foreign.so", RTLD_NOW | RTLD_GLOBAL);
    void *cm = ndis ? dlopen("./cm-foreign.so", RTLD_NOW) : dlopen(NULL, RTLD_NOW);
    void *cl = ndis ? dlopen("./cl-foreign.so", RTLD_NOW) : cm;
    if (!ndis) ndis = cm;
    int (*cm_go)(void) = (int (*)(void))dlsym(cm, "cm_start"), (*cl_go)(int) = (int (*)(int))dlsym(cl, "cl_start");
    void (*in)(int) = (void (*)(int))dlsym(ndis, "plug"), (*out)(int) = (void (*)(int))dlsym(ndis, "unplug");
    if (!cm_go || !cl_go || !in || !out) return 9;
    if (cm_go() || cl_go(broken)) return 8;
    in(1), in(0); // the client is there first
    out(1), out(0);
    ((void (*)(void))dlsym(cl, "cl_finish"))();
    ((void (*)(void))dlsym(cm, "cm_finish"))();
    return 0;
}
#endif
