/* thread.c - see thread.h. Waiting on a word is a futex on Linux and a short sleep elsewhere. */
#include "common/thread.h"
#include "common/arena.h"
#include "common/sched.h"
#include <sched.h>
#include <stdio.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

void (*_Atomic sched_listener)(const char *point);

enum { WAIT_SLICE_NS = 2 * 1000 * 1000 };

struct Thread {
    pthread_t id;
    void (*fn)(void *arg);
    void *arg;
    char name[16];
};

static _Atomic uint32_t generation;
static pthread_once_t generation_once = PTHREAD_ONCE_INIT;

static void
next_generation(void)
{
    atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
}

static void
count_forks(void)
{
    pthread_atfork(NULL, NULL, next_generation);
}

uint32_t
process_generation(void)
{
    pthread_once(&generation_once, count_forks);
    return atomic_load_explicit(&generation, memory_order_relaxed);
}

void
cond_init(Cond *c)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->c, &attr);
    pthread_condattr_destroy(&attr);
}

bool
cond_wait_until(Cond *c, Mutex *m, int64_t deadline_us)
{
    struct timespec ts = {.tv_sec = deadline_us / 1000000, .tv_nsec = deadline_us % 1000000 * 1000};
    return pthread_cond_timedwait(&c->c, &m->m, &ts) == 0;
}

void
thread_wait_word(_Atomic uint32_t *word, uint32_t expected)
{
    struct timespec slice = {.tv_sec = 0, .tv_nsec = WAIT_SLICE_NS};
#ifdef __linux__
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &slice, NULL, 0);
#else
    slice.tv_nsec = 50 * 1000;
    if (atomic_load(word) == expected) nanosleep(&slice, NULL);
#endif
}

void
thread_wake_word(_Atomic uint32_t *word)
{
#ifdef __linux__
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
#else
    (void)word;
#endif
}

static void *
run(void *arg)
{
    Thread *t = arg;
#ifdef __linux__
    pthread_setname_np(pthread_self(), t->name);
#endif
    t->fn(t->arg);
    return NULL;
}

Status
thread_create(Ctx *ctx, const char *name, void (*fn)(void *arg), void *arg, Thread **out)
{
    Thread *t;
    sigset_t all, old;

    *out = NULL;
    TRY_ALLOC(ctx, t, mem_zalloc(NULL, sizeof(*t)));
    t->fn = fn;
    t->arg = arg;
    snprintf(t->name, sizeof(t->name), "%s", name);
    /* Signals belong to the application's threads: ours never run its handlers. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&t->id, NULL, run, t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0) {
        mem_free(NULL, t, sizeof(*t));
        return RAISE(ctx, ERR_OUT_OF_MEMORY, "could not start a thread");
    }
    *out = t;
    return QN_OK;
}

void
thread_join(Thread *t)
{
    if (t == NULL) return;
    pthread_join(t->id, NULL);
    mem_free(NULL, t, sizeof(*t));
}

int
thread_cpu_count(void)
{
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
#endif
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}
