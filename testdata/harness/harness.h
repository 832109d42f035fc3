// What the harness adds to NDIS: PnP by hand, a worker, options, and the count that captures
// are compared with. Nothing here is known to aftrace.
#ifndef HARNESS_H
#define HARNESS_H
#include "ndis.h"

// CROSSED counts a call: it is entered and returns. It stands first in every function and
// callback of the boundary. A callback must not be inlined into a call by its own driver:
// then it would run, and count, without being called.
extern unsigned long harness_crossings;
#define CROSSED (void)__atomic_fetch_add(&harness_crossings, 2, __ATOMIC_RELAXED)
#define CALLBACK static __attribute__((noinline, noclone))

enum fault {
    FAULT_NONE,
    FAULT_DOUBLE_REGISTRATION, // NDIS lets a second call manager have an address family
    FAULT_LOST_COMPLETION,     // the call manager pends an open and forgets it
    FAULT_DOUBLE_COMPLETION,   // it completes one twice
    FAULT_USE_AFTER_CLOSE,     // a client uses an AF handle that it closed
    FAULT_NULL_CONTEXT,        // the call manager accepts an open without a context
};
extern struct options {
    enum fault fault;
    int pend; // everything that may pend does, and is completed by the worker
} harness_options;

// The worker is one thread; what it is given to do happens in order.
void harness_later(void (*work)(void *), void *arg);
void harness_settle(void); // waits until the worker has nothing to do
void harness_stop(void);

// PnP: what the operating system and an operator do.
typedef struct adapter adapter;
adapter *pnp_add(const char *name, NDIS_HANDLE miniport, unsigned index);
void pnp_remove(adapter *, int surprise); // unbinds every protocol, halts the miniport
void pnp_bind(NDIS_HANDLE protocol, adapter *);
void pnp_unbind(NDIS_HANDLE protocol, adapter *);

// The drivers: each is one file with static callbacks, and these functions for its operator.
NDIS_HANDLE atm_load(void); // a CO miniport without call manager
void atm_unload(void);

NDIS_HANDLE cm_load(void); // stand-alone call manager
void cm_unload(void);
void cm_serve(NDIS_AF af);         // the family that it registers when it binds
int cm_offer(void);                // offers the first client with a SAP a call, which the far end ends

NDIS_HANDLE mcm_load(void); // miniport call manager of TAPI_PROXY
void mcm_unload(void);
int mcm_offer(void);

#define CLIENT(n) \
    NDIS_HANDLE client##n##_load(void); \
    void client##n##_unload(void); \
    void client##n##_wants(NDIS_AF af); /* the family that it opens */ \
    int client##n##_call(void);         /* makes a call and ends it */ \
    int client##n##_vc(void);           /* creates a VC and deletes it */ \
    int client##n##_conference(void);   /* a call with two parties */ \
    void client##n##_leave(void);       /* closes what it opened, unasked */
CLIENT(1)
CLIENT(2)
#endif
