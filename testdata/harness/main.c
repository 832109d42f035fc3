// The harness: drivers under an NDIS of user mode, and the sequences that exercise them.
//
//   harness [--pend] [--fault NAME] [--threads N] [SEQUENCE...]
//   harness --load CALLS [--rate PER-SECOND] [--threads N]
//
// The last line of its output is "crossings N", what a capture must have or have lost.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

static NDIS_HANDLE atm, cm, mcm, one, two;

static void must(int ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "harness: %s failed\n", what);
    exit(3);
}

// 6.1, 6.4, 6.6, 6.7, 6.10, 6.11: a stand-alone call manager comes, serves and leaves.
static void standalone(void) {
    adapter *a = pnp_add("ATM0", atm, 11);
    pnp_bind(one, a);
    pnp_bind(two, a);
    pnp_bind(cm, a);
    must(client1_call() && client2_call(), "outgoing call");
    must(client1_conference(), "conference");
    must(cm_offer(), "incoming call");
    pnp_unbind(cm, a);
    pnp_remove(a, 0);
}

// 6.3: clients come after the call manager.
static void late(void) {
    adapter *a = pnp_add("ATM1", atm, 12);
    pnp_bind(cm, a);
    pnp_bind(one, a);
    must(client1_call(), "outgoing call");
    pnp_bind(two, a);
    must(client2_call(), "outgoing call");
    client1_leave(); // 6.8
    must(client2_vc(), "VC of the client that stays");
    pnp_remove(a, 0);
}

// 6.2: a miniport call manager.
static void integrated(void) {
    client1_wants(CO_ADDRESS_FAMILY_TAPI_PROXY);
    client2_wants(CO_ADDRESS_FAMILY_TAPI_PROXY);
    adapter *a = pnp_add("WAN0", mcm, 13);
    pnp_bind(one, a);
    pnp_bind(two, a);
    must(client1_call() && client2_call(), "outgoing call");
    must(mcm_offer(), "incoming call");
    client2_leave();
    pnp_remove(a, 0);
    client1_wants(CO_ADDRESS_FAMILY_Q2931);
    client2_wants(CO_ADDRESS_FAMILY_Q2931);
}

// 6.5: a stand-alone call manager claims what the miniport's holds.
static void conflict(void) {
    adapter *a = pnp_add("WAN1", mcm, 14);
    pnp_bind(one, a);
    cm_serve(CO_ADDRESS_FAMILY_TAPI_PROXY);
    pnp_bind(cm, a);
    cm_serve(CO_ADDRESS_FAMILY_Q2931);
    pnp_remove(a, 0);
}

// 6.9: surprise removal.
static void removal(void) {
    adapter *a = pnp_add("ATM2", atm, 15);
    pnp_bind(cm, a);
    pnp_bind(one, a);
    pnp_bind(two, a);
    must(client1_call(), "outgoing call");
    pnp_remove(a, 1);
}

static const struct {
    const char *name;
    void (*run)(void);
} sequences[] = {{"standalone", standalone}, {"late", late}, {"integrated", integrated}, {"conflict", conflict}, {"removal", removal}};

static const char *faults[] = {"none", "double-registration", "lost-completion", "double-completion", "use-after-close", "null-context"};

// ---- faults: one short history each

static void broken(void) {
    adapter *a = pnp_add(harness_options.fault == FAULT_DOUBLE_REGISTRATION ? "WAN9" : "ATM9", harness_options.fault == FAULT_DOUBLE_REGISTRATION ? mcm : atm, 19);
    if (harness_options.fault == FAULT_DOUBLE_REGISTRATION) cm_serve(CO_ADDRESS_FAMILY_TAPI_PROXY);
    pnp_bind(cm, a);
    pnp_bind(one, a);
    if (harness_options.fault == FAULT_USE_AFTER_CLOSE) client1_leave();
    harness_settle();
    pnp_unbind(one, a);
    if (harness_options.fault != FAULT_LOST_COMPLETION) pnp_remove(a, 0);
}

// ---- many threads

struct job {
    pthread_t thread;
    long vcs;       // how many VCs to create and delete
    double interval; // seconds between two, 0 for none
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void *job(void *arg) {
    struct job *j = arg;
    double next = now();
    for (long i = 0; i < j->vcs; i++) {
        must(client1_vc(), "VC");
        if (j->interval == 0) continue;
        next += j->interval;
        double wait = next - now();
        if (wait > 0) {
            struct timespec t = {(time_t)wait, (long)((wait - (time_t)wait) * 1e9)};
            nanosleep(&t, NULL);
        }
    }
    return NULL;
}

// A VC that is created and deleted is six calls of the boundary.
enum { CALLS_OF_VC = 6 };

static void load(long calls, double rate, int threads) {
    adapter *a = pnp_add("ATM5", atm, 21);
    pnp_bind(cm, a);
    pnp_bind(one, a);
    struct job jobs[64] = {{0}};
    long vcs = (calls + CALLS_OF_VC - 1) / CALLS_OF_VC;
    double begun = now();
    for (int i = 0; i < threads; i++) {
        jobs[i].vcs = vcs / threads + (i < vcs % threads);
        jobs[i].interval = rate > 0 ? threads * CALLS_OF_VC / rate : 0;
        must(pthread_create(&jobs[i].thread, NULL, job, &jobs[i]) == 0, "pthread_create");
    }
    for (int i = 0; i < threads; i++) pthread_join(jobs[i].thread, NULL);
    double took = now() - begun;
    fprintf(stderr, "%ld calls in %.2f s, %.0f a second\n", vcs * CALLS_OF_VC, took, vcs * CALLS_OF_VC / took);
    pnp_remove(a, 0);
}

int main(int argc, char **argv) {
    long calls = 0;
    double rate = 0;
    int threads = 1, forks = 0, named = 0, status = 0;
    double hold = 0;
    setvbuf(stdout, NULL, _IONBF, 0);
    if (argc > 1 && !strcmp(argv[1], "--reexec")) { // become another process image of this program
        argv[1] = argv[0];
        execv("/proc/self/exe", argv + 1);
        must(0, "execv");
    }
    atm = atm_load(), cm = cm_load(), mcm = mcm_load(), one = client1_load(), two = client2_load();
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--pend")) {
            harness_options.pend = 1;
        } else if (!strcmp(argv[i], "--fault")) {
            int f = 0;
            while (f < 6 && strcmp(faults[f], value)) f++;
            must(f < 6, "--fault");
            harness_options.fault = f, i++;
        } else if (!strcmp(argv[i], "--threads")) {
            threads = atoi(value), i++;
            must(threads > 0 && threads <= 64, "--threads");
        } else if (!strcmp(argv[i], "--load")) {
            calls = atol(value), i++;
        } else if (!strcmp(argv[i], "--rate")) {
            rate = atof(value), i++;
        } else if (!strcmp(argv[i], "--exit")) {
            status = atoi(value), i++;
        } else if (!strcmp(argv[i], "--hold")) { // seconds to wait before it begins
            hold = atof(value), i++;
        } else if (!strcmp(argv[i], "--fork")) { // a child does the same at the same time
            forks = 1;
        } else {
            size_t s = 0;
            while (s < sizeof sequences / sizeof *sequences && strcmp(sequences[s].name, argv[i])) s++;
            must(s < sizeof sequences / sizeof *sequences, argv[i]);
            named++;
        }
    }
    if (hold > 0) {
        fprintf(stderr, "holding\n");
        usleep((useconds_t)(hold * 1e6));
    }
    pid_t child = forks ? fork() : 0;
    if (forks && child == 0) harness_crossings = 0;
    if (harness_options.fault) {
        broken();
    } else if (calls > 0) {
        load(calls, rate, threads);
    } else {
        for (size_t s = 0; s < sizeof sequences / sizeof *sequences; s++) {
            int wanted = !named;
            for (int i = 1; i < argc; i++) wanted |= !strcmp(sequences[s].name, argv[i]);
            if (wanted) sequences[s].run();
        }
        if (threads > 1) load(threads * 600, 0, threads);
    }
    harness_stop();
    if (harness_options.fault == 0) client2_unload(), client1_unload(), cm_unload(), mcm_unload(), atm_unload();
    printf("crossings %lu\n", harness_crossings);
    if (child > 0) waitpid(child, NULL, 0);
    return status;
}
